"""The day and the close of a run against a scan of wall clocks: random hours, zones, last days, closed days, instants.

The scan knows ``zoneinfo`` and shares no code with the package: it lays out a month of minutes for each clock, open or
closed, and answers by looking at them. ``DAYS_DECISIONS`` says how many decisions are compared (default 50,000).
"""

from __future__ import annotations

import os
import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from test_calling_hours_oracle import FIRST_MINUTE, LAST_MINUTE, ZONES, Case, calling_hours, open_minutes_of
from test_calling_hours_oracle import random_window as any_window

from airflow_provider_campaigns.actions.closing import Closing, Schedule
from airflow_provider_campaigns.kore.errors import CampaignStateError, KoreConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

DECISIONS = int(os.environ.get("DAYS_DECISIONS", "50000"))
SHARDS = 4
WORLDS = 100  # in each shard
MINUTE, HOUR, DAY = 60, 3600, 86400
SPAN_DAYS = 60
FIRST_RUN_DAY, LAST_RUN_DAY = 30, 37  # of the span: everything that counts is well inside it
FAR_APART = ["Pacific/Guam", "Pacific/Honolulu"]
EARLY, NO_CLOSE, TOO_LATE = "early", "no close", "too late"

Week = list[list[tuple[int, int]]]


class Stretch(NamedTuple):
    """An open interval in seconds, and the local date on which it begins; None where the span does not show it."""

    opens: int | None
    closes: int | None
    day: date | None


class Clock:
    """One zone's month: which minutes are open, found by reading its wall clock."""

    def __init__(self, zone: str, week: Week, closed_on: set[date], first_minute: int) -> None:
        self.zone = ZoneInfo(zone)
        self.start = first_minute * MINUTE
        self.runs = self._runs(first_minute, first_minute + SPAN_DAYS * 1440)
        self.flags = self._flags(Case(zone, week, closed_on))
        self.stretches = list(self._stretches())

    def _runs(self, start: int, end: int) -> list[tuple[int, int, int]]:
        """The minutes between changes of the clock: the first, the first that is not, and what is shown at the first.

        Looked for minute by minute, in the hours between whose ends more or less than an hour has gone by.
        """
        cuts = [start]
        for hour, (before, after) in enumerate(pairwise(map(self._shown, range(start, end + 1, 60)))):
            if after - before != 60:
                minutes = range(start + hour * 60, start + hour * 60 + 60)
                cuts += [minute + 1 for minute in minutes if self._shown(minute + 1) - self._shown(minute) != 1]
        return [(cut, after, self._shown(cut)) for cut, after in pairwise([*cuts, end])]

    def _shown(self, minute: int) -> int:
        """The date and time that the clock shows, as minutes."""
        local = datetime.fromtimestamp(minute * MINUTE, self.zone)
        return local.toordinal() * 1440 + local.hour * 60 + local.minute

    def _flags(self, case: Case) -> bytes:
        """Each minute's answer, cut from the tables of the dates that the clock shows."""
        first_day = self.runs[0][2] // 1440 - 1
        table = b"".join(
            open_minutes_of(case, date.fromordinal(number)) for number in range(first_day, first_day + SPAN_DAYS + 4)
        )
        shown = [(shows - first_day * 1440, end - start) for start, end, shows in self.runs]
        return b"".join(table[shows : shows + length] for shows, length in shown)

    def _stretches(self) -> Iterator[Stretch]:
        index, flags = 0, self.flags
        while index >= 0 and (opening := flags.find(1, index)) >= 0:
            index = flags.find(0, opening)
            opens = self.start + opening * MINUTE if opening else None
            closes = self.start + index * MINUTE if index >= 0 else None
            yield Stretch(opens, closes, None if opens is None else self.date_at(opens))

    def date_at(self, at: int) -> date:
        return datetime.fromtimestamp(at, self.zone).date()

    def is_open(self, at: int) -> bool:
        return bool(self.flags[(at - self.start) // MINUTE])

    def around(self, at: int, *, or_ends: bool = False) -> Stretch | None:
        """The stretch that contains the instant, or ends at it."""
        for one in self.stretches:
            if (one.opens is None or one.opens <= at) and (one.closes is None or at < one.closes + or_ends):
                return one
        return None

    def of_day(self, day: date) -> list[Stretch]:
        return [one for one in self.stretches if one.day == day]

    def wall(self, day: date, hour: int) -> int:
        """The first instant at which the clock shows that time, or a later one if it never does."""
        wanted = day.toordinal() * 1440 + hour * 60
        firsts = ((start + max(0, wanted - shows), end) for start, end, shows in self.runs)
        return next(minute for minute, end in firsts if minute < end) * MINUTE


class World:
    """A campaign's hours by its own clock and by those of its contacts, and what should become of its runs."""

    def __init__(self, zones: list[str], week: Week, closed_on: set[date], first_minute: int) -> None:
        self.own, *self.others = self.clocks = [Clock(zone, week, closed_on, first_minute) for zone in zones]

    def never_ends(self, at: int) -> bool:
        now = self.own.around(at)
        return now is not None and (now.closes is None or now.closes - at > 8 * DAY)

    def day_of(self, run_at: int) -> date:
        """Of the stretch that goes on or has just ended, else the date that the clock shows."""
        now = self.own.around(run_at, or_ends=True)
        if now is not None:
            return now.day or self.own.date_at(run_at)
        ended = [one for one in self.own.stretches if one.closes is not None and one.closes <= run_at]
        begins = [one.opens for one in self.own.stretches if one.opens is not None and one.opens > run_at]
        if ended:
            ago = run_at - ended[-1].closes
            if ago <= HOUR and (not begins or ago < begins[0] - run_at):
                return ended[-1].day or self.own.date_at(ended[-1].closes)
        return self.own.date_at(run_at)

    def closing(self, run_at: int, last_day: date | None) -> tuple[date, int] | str:
        """The day of the run and its close."""
        if self.never_ends(run_at):
            return NO_CLOSE
        day, not_before = self.day_of(run_at), 0
        if last_day is not None:
            today = self.own.of_day(day)
            begun = [one for one in self.own.stretches if one.opens is not None and one.opens <= run_at]
            if begun and begun[-1].day != day and (not today or day > last_day):
                day, not_before = begun[-1].day, run_at
        closes = [close for clock in self.clocks if (close := self.close_of(clock, day, last_day)) is not None]
        at = max([*closes, not_before]) if closes else run_at
        later = self.going_on(at, day)
        return NO_CLOSE if later == NO_CLOSE else (day, later[1] if later else at)

    def close_of(self, clock: Clock, day: date, last_day: date | None) -> int | None:
        of_day = clock.of_day(day)
        if not of_day:
            noon = clock.around(clock.wall(day, 12))
            of_day = [noon] if noon is not None and noon.opens is None else []
        close = of_day[-1].closes if of_day else None
        if close is not None and last_day is not None and day <= last_day:
            after = last_day + timedelta(days=1)
            if close > clock.wall(after, 12):
                return clock.wall(after, 0)
        return close

    def going_on(self, at: int, day: date) -> tuple[date, int] | str | None:
        """The last close of another day that has begun and is not over."""
        if self.never_ends(at):
            return NO_CLOSE
        now = self.own.around(at, or_ends=True)
        today = (now.day if now else None) or self.own.date_at(at)
        of_day = self.own.of_day(today)
        if today != day and of_day and of_day[-1].closes is not None and of_day[0].opens <= at < of_day[-1].closes:
            return today, of_day[-1].closes
        return None

    def decision(self, run_at: int, now: int, last_day: date | None) -> tuple[date, int] | str:
        """What a run does at ``now``."""
        if last_day is not None:
            day = self.day_of(run_at)
            if any(one.day is not None and day < one.day <= last_day for one in self.own.stretches):
                return EARLY
        closing = self.closing(run_at, last_day)
        if closing == NO_CLOSE or now < closing[1]:
            return closing
        of_day = self.own.of_day(closing[0])
        ended = max([closing[1], *(one.closes or 0 for one in of_day[-1:])])
        if now - ended > DAY:
            return TOO_LATE
        return self.going_on(now, closing[0]) or closing

    def check_invariants(self, run_at: int, decided: tuple[date, int], last_day: date | None) -> None:
        """Whatever the rules are: never inside the campaign's hours, but at a midnight that ends its last day."""
        day, at = decided
        if self.own.is_open(at):
            assert last_day is not None
            assert day <= last_day
            assert at in {clock.wall(last_day + timedelta(days=1), 0) for clock in self.clocks}
        if last_day is not None and day <= last_day and not self.others and not self.own.is_open(run_at):
            assert at <= max(run_at, self.own.wall(last_day + timedelta(days=1), 12))


def at_utc(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def random_week(rng: random.Random) -> Week:
    """As people write them: office hours, evenings, nights, around the clock; or anything."""
    days = rng.choice((range(5), range(7), range(6), [rng.randrange(7)], rng.sample(range(7), rng.randrange(1, 7))))
    windows = rng.choice((
        [(540, 1080)],
        [(480, 720), (780, 1260)],
        [(1080, 1440)],
        [(1080, 1560)],
        [(0, 1440)],
        [(0, 1439)],
        [(40, 1440)],
        [any_window(rng)],
        [(start, min(end, start + 900)) for start, end in (any_window(rng), any_window(rng))],
    ))  # fmt: skip
    week: Week = [sorted(windows) if number in days else [] for number in range(7)]
    if rng.random() < 0.2:
        week[rng.randrange(7)] = [(0, rng.choice((120, 720, 721, 1080)))]
    return week


def random_world(rng: random.Random, *, never_closes: bool) -> tuple[World, Case, list[str]]:
    zones = rng.choice(([rng.choice(ZONES)], [rng.choice(ZONES)], rng.sample(ZONES, rng.choice((2, 3))), FAR_APART))
    first_minute = rng.randrange(FIRST_MINUTE, LAST_MINUTE - SPAN_DAYS * 1440)
    first_day = at_utc(first_minute * MINUTE).date()
    week = [[(0, 1440)] for _ in range(7)] if never_closes else random_week(rng)
    closed_on = {first_day + timedelta(days=rng.randrange(20, 50)) for _ in range(rng.choice((0, 0, 1, 4)))}
    return World(list(zones), week, closed_on, first_minute), Case(zones[0], week, closed_on), list(zones[1:])


def random_run(rng: random.Random, own: Clock) -> int:
    """Anywhere in a week, or at a close, or within the hour or so after one, or at a midnight."""
    anywhere = own.start + rng.randrange(FIRST_RUN_DAY * DAY, LAST_RUN_DAY * DAY)
    kind = rng.random()
    if kind < 0.2:
        return anywhere
    if kind < 0.3:
        return own.wall(own.date_at(anywhere), rng.choice((0, 7, 18)))
    closes = [one.closes for one in own.stretches if one.closes is not None]
    close = min(closes, key=lambda each: abs(each - anywhere), default=anywhere)
    if abs(close - anywhere) > 5 * DAY:
        return anywhere
    return close + rng.choice((
        0,
        0,
        -600,
        1,
        300,
        HOUR,
        HOUR + 1,
        HOUR - 1,
        rng.randrange(2 * HOUR),
        -rng.randrange(DAY),
    ))


def compared(world: World, schedule: Schedule, run_at: int, now: int) -> str:
    """Compare one decision; what kind it was."""
    expected = world.decision(run_at, now, schedule.last_day)
    try:
        early = schedule.is_early(at_utc(run_at))
        got = EARLY if early else schedule.closing_to_act_on(at_utc(run_at), at_utc(now))
    except KoreConfigurationError:
        got = NO_CLOSE
    except CampaignStateError:
        got = TOO_LATE
    if isinstance(expected, str):
        assert got == expected
        return expected
    assert got == Closing(expected[0], at_utc(expected[1]))
    world.check_invariants(run_at, expected, schedule.last_day)
    if schedule.last_day is not None and world.own.is_open(expected[1]):
        return "midnight"
    return "waits" if now < expected[1] else "at once"


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_closing_for__agrees_with_the_clock(shard: int) -> None:
    """Whatever hours, zones, last day, closed days and run: early, too late, or stopped at the scan's instant."""
    rng = random.Random(shard)
    kinds: dict[str, int] = {}
    for number in range(WORLDS):
        # Hours that only closed days end are a few of them.
        world, case, contacts = random_world(rng, never_closes=number % 25 == 0)
        hours = calling_hours(case)
        for _ in range(DECISIONS // SHARDS // WORLDS):
            run_at = random_run(rng, world.own)
            last_day = rng.choice((None, world.own.date_at(run_at) + timedelta(days=rng.randrange(-4, 7))))
            closing = world.closing(run_at, last_day)
            near = run_at if isinstance(closing, str) else closing[1]
            now = rng.choice((
                run_at,
                near - 1,
                near,
                near + 1,
                near + DAY,
                near + DAY + 1,
                near + rng.randrange(3 * DAY),
            ))
            try:
                kind = compared(world, Schedule(hours, contacts, last_day), run_at, now)
            except AssertionError as error:
                error.add_note(f"run {at_utc(run_at)}, now {at_utc(now)}, last day {last_day}, {contacts}, {case}")
                raise
            kinds[kind] = kinds.get(kind, 0) + 1

    assert min(kinds.get(kind, 0) for kind in (EARLY, NO_CLOSE, TOO_LATE, "midnight", "waits", "at once")) > 5, kinds
