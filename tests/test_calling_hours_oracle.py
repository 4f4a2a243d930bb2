"""``CallingHours`` against a minute-by-minute scan of the clock, in every zone of the tz database, 2024 to 2030.

The scan reads wall clocks with ``zoneinfo`` and shares no code with the package. The environment variable
``CALENDAR_INSTANTS`` says how many instants are compared (default 50,000); every zone gets its share.
"""

from __future__ import annotations

import os
import random
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import pytest

from airflow_provider_campaigns.calling_hours import CallingHours, Stretch

INSTANTS = int(os.environ.get("CALENDAR_INSTANTS", "50000"))
ZONES = sorted(available_timezones() - {"Factory", "localtime"})  # which are refused
SHARDS = 12
SPAN_MINUTES = 10 * 24 * 60
INSTANTS_PER_SPAN = 84

FIRST_MINUTE = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) // 60
LAST_MINUTE = int(datetime(2031, 1, 1, tzinfo=UTC).timestamp()) // 60 - SPAN_MINUTES

CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
OPENS = b"\x00\x01"
CLOSES = b"\x01\x00"


class Case(NamedTuple):
    """Hours as this file understands them: for Monday to Sunday, (start, end) in minutes; an end may pass 1440."""

    zone: str
    week: list[list[tuple[int, int]]]
    closed_on: set[date]


class Answers:
    """What the clock says for each minute of a span, and what follows from it by looking."""

    def __init__(self, case: Case, first_minute: int, minutes: int) -> None:
        self.zone = ZoneInfo(case.zone)
        self.first_minute = first_minute
        self.flags = bytearray(minutes)
        open_minutes_by_day: dict[int, bytes] = {}
        for index in range(minutes):
            local = datetime.fromtimestamp((first_minute + index) * 60, self.zone)
            day = local.toordinal()
            if day not in open_minutes_by_day:
                open_minutes_by_day[day] = open_minutes_of(case, date.fromordinal(day))
            self.flags[index] = open_minutes_by_day[day][local.hour * 60 + local.minute]

    def instant(self, index: int) -> datetime:
        return datetime.fromtimestamp((self.first_minute + index) * 60, UTC)

    def next_edge(self, kind: bytes, index: int) -> datetime | None:
        found = self.flags.find(kind, index)
        return None if found < 0 else self.instant(found + 1)

    def previous_edge(self, kind: bytes, index: int) -> datetime | None:
        found = self.flags.rfind(kind, 0, index + 1)
        return None if found < 0 else self.instant(found + 1)

    def sees(self, stretch: Stretch) -> bool:
        """Do both edges lie within the span?"""
        first, last = self.instant(1), self.instant(len(self.flags) - 1)
        return None not in stretch and first <= stretch.opens_at and stretch.closes_at <= last

    def stretches(self) -> list[Stretch]:
        """Those that begin and end within the span."""
        found = []
        opening = self.flags.find(OPENS)
        while opening >= 0 and (closing := self.flags.find(CLOSES, opening)) >= 0:
            found.append(Stretch(self.instant(opening + 1), self.instant(closing + 1)))
            opening = self.flags.find(OPENS, closing)
        return found


def open_minutes_of(case: Case, day: date) -> bytes:
    """For each minute that a clock can show on that date: is it in a window of that date, or of the night before?"""
    open_minutes = bytearray(1440)
    for windows_of, shift in ((day, 0), (day - timedelta(days=1), 1440)):
        if windows_of not in case.closed_on:
            for start, end in case.week[windows_of.weekday()]:
                for minute in range(max(0, start - shift), min(1440, end - shift)):
                    open_minutes[minute] = 1
    return bytes(open_minutes)


def clock_text(minute: int) -> str:
    return time(minute // 60 % 24, minute % 60).strftime("%I:%M %p")


def calling_hours(case: Case) -> CallingHours:
    hours = {
        code: [f"{clock_text(start)}-{clock_text(end)}" for start, end in windows]
        for code, windows in zip(CODES, case.week, strict=True)
        if windows
    }
    return CallingHours.parse(case.zone, hours, closed_on=case.closed_on)


def random_window(rng: random.Random) -> tuple[int, int]:
    """Often with an edge in the small hours, where clocks are changed; sometimes overnight, sometimes all day."""
    if rng.random() < 0.05:
        return 0, 1440
    start = rng.choice((rng.randrange(1440), rng.randrange(0, 240, 15), rng.randrange(1380, 1440)))
    length = rng.choice((rng.randrange(1, 90), rng.randrange(1, 720), rng.randrange(1, 1440), 1440 - start))
    return start, start + min(length, 1439) if start else min(length, 1440)


def random_case(rng: random.Random, zone: str, first_minute: int) -> Case:
    week: list[list[tuple[int, int]]] = [[] for _ in CODES]
    while not any(week):
        week = [[random_window(rng) for _ in range(rng.choice((0, 1, 1, 1, 2, 3)))] for _ in CODES]
    first_day = datetime.fromtimestamp(first_minute * 60, UTC).date()
    closed_on = {first_day + timedelta(days=rng.randrange(11)) for _ in range(rng.choice((0, 0, 1, 4)))}
    return Case(zone, week, closed_on)


def minutes_near_clock_changes(zone: str) -> list[int]:
    clock = ZoneInfo(zone)
    days = range(FIRST_MINUTE, LAST_MINUTE, 1440)
    offsets = [datetime.fromtimestamp(minute * 60, clock).utcoffset() for minute in days]
    return [days[i] for i in range(1, len(days)) if offsets[i] != offsets[i - 1]]


def random_instant(rng: random.Random, answers: Answers) -> datetime:
    """Anywhere in the span, or at an edge, or beside one."""
    index = rng.randrange(1, len(answers.flags) - 1)
    anywhere = answers.instant(index) + timedelta(seconds=rng.randrange(60), microseconds=rng.randrange(10**6))
    edge = answers.next_edge(rng.choice((OPENS, CLOSES)), index)
    if edge is None or edge >= answers.instant(len(answers.flags) - 1) or rng.random() < 0.5:
        return anywhere
    return edge + rng.choice((timedelta(), timedelta(microseconds=-1), timedelta(seconds=-1), timedelta(seconds=1)))


def check_edge(expected: datetime | None, got: datetime | None, answers: Answers) -> None:
    """The scan does not see beyond its span; what it cannot see must lie outside."""
    if expected is not None:
        assert got == expected
    else:
        assert got is None or not answers.instant(1) <= got < answers.instant(len(answers.flags))


def check_instant(hours: CallingHours, answers: Answers, at: datetime) -> None:
    index = int((at - answers.instant(0)) // timedelta(minutes=1))
    is_open = bool(answers.flags[index])
    ends_here = answers.previous_edge(CLOSES, index) == at
    previous_open = answers.previous_edge(OPENS, index)

    assert hours.is_open(at) is is_open
    check_edge(answers.next_edge(OPENS, index), hours.next_open(at), answers)
    check_edge(answers.next_edge(CLOSES, index), hours.next_close(at), answers)
    check_edge(previous_open, hours.previous_open(at), answers)
    check_edge(answers.previous_edge(CLOSES, index), hours.previous_close(at), answers)
    stretch = hours.stretch_at(at)
    assert (stretch is not None) is is_open
    if stretch is not None:
        check_edge(previous_open, stretch.opens_at, answers)
        check_edge(answers.next_edge(CLOSES, index), stretch.closes_at, answers)
    if not (is_open or ends_here):
        assert hours.business_day(at) == at.astimezone(answers.zone).date()
    elif previous_open is not None:
        assert hours.business_day(at) == previous_open.astimezone(answers.zone).date()


def check_days(hours: CallingHours, answers: Answers) -> None:
    """Days well inside the span, whose stretches the scan sees whole."""
    stretches = answers.stretches()
    first_day = answers.instant(0).date()
    for day in (first_day + timedelta(days=number) for number in range(3, 6)):
        of_day = [stretch for stretch in hours.stretches_of_day(day) if answers.sees(stretch)]
        expected = [each for each in stretches if each.opens_at.astimezone(answers.zone).date() == day]
        assert of_day == expected
        if expected and expected[-1] is not stretches[-1]:
            assert hours.first_open_of_day(day) == expected[0].opens_at
            assert hours.last_close_of_day(day) == expected[-1].closes_at


def check_windows(hours: CallingHours, answers: Answers, start: datetime, end: datetime) -> None:
    seen = answers.stretches()
    expected = [each for each in seen if start < end and each.opens_at < end and each.closes_at > start]
    assert [each for each in hours.windows(start, end) if answers.sees(each)] == expected


def check_zone(zone: str, instants: int) -> int:
    """Compares that many instants in as many random spans as they need; half of the spans hold a clock change."""
    rng = random.Random(f"{zone} {instants}")
    changes = minutes_near_clock_changes(zone)
    compared = 0
    while compared < instants:
        first_minute = rng.randrange(FIRST_MINUTE, LAST_MINUTE)
        if changes and rng.random() < 0.5:
            first_minute = rng.choice(changes) - rng.randrange(1440, SPAN_MINUTES - 1440)
        case = random_case(rng, zone, first_minute)
        hours = calling_hours(case)
        answers = Answers(case, first_minute, SPAN_MINUTES)
        chosen = [random_instant(rng, answers) for _ in range(min(INSTANTS_PER_SPAN, instants - compared))]
        for at in chosen:
            try:
                check_instant(hours, answers, at)
            except AssertionError as error:
                error.add_note(f"at {at.isoformat()}, {case}")
                raise
        try:
            check_days(hours, answers)
            check_windows(hours, answers, *sorted(rng.choices(chosen, k=2)))
        except AssertionError as error:
            error.add_note(f"from {answers.instant(0).isoformat()}, {case}")
            raise
        compared += len(chosen)
    return compared


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_calling_hours__agree_with_the_clock_in_every_zone(shard: int) -> None:
    """In every zone, with random windows and closed days, every function says what a scan of the clock says."""
    share = -(-INSTANTS // len(ZONES))

    assert sum(check_zone(zone, share) for zone in ZONES[shard::SHARDS]) == share * len(ZONES[shard::SHARDS])


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Almaty"])
def test_calling_hours__agree_with_the_clock_over_months(zone: str) -> None:
    """Over 150 days, which cross several of the chunks that answers are kept in, every edge is the scan's."""
    rng = random.Random(zone)
    first_minute = int(datetime(2024, 2, 1, tzinfo=UTC).timestamp()) // 60
    case = random_case(rng, zone, first_minute)
    answers = Answers(case, first_minute, 150 * 1440)
    start, end = answers.instant(0), answers.instant(150 * 1440)
    seen = answers.stretches()

    got = calling_hours(case).windows(start, end)

    assert len(seen) > 50
    assert [each for each in got if answers.sees(each)] == seen
