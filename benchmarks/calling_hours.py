"""When calling hours close next, and a year of a DAG's runs, beside what one would use without this package.

A week of five windows, in a zone whose clocks change. Everybody's answers are compared before anything is measured: a
close that is at the same time of day every day can be told by cron and by recurrence rules too. Neither tells whether
it is open now, and hours that differ from day to day take a rule for each close.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pendulum
from airflow.timetables.base import TimeRestriction
from airflow.timetables.trigger import CronTriggerTimetable
from croniter import croniter  # type: ignore[import-untyped]  # Airflow brings it, and no stubs
from dateutil.rrule import FR, MO, TH, TU, WE, WEEKLY, rrule  # type: ignore[import-untyped]  # the same

from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.timetables import CallingHoursTimetable
from benchmarks.timing import median_ms, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.timetables.base import Timetable

ZONE = "America/New_York"
HOURS = {"MO-FR": "9:00 AM-6:00 PM"}
CLOSES = "0 18 * * 1-5"
TEN_MINUTES_BEFORE = "50 17 * * 1-5"
BEGIN, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
INSTANTS = 500
ROUNDS = 9
RUNS_IN_2026 = 261


def run() -> str:
    """Measure and tell."""
    return f"{_next_close()}\n\n{_year_of_runs()}"


def _next_close() -> str:
    seconds = random.Random(1).sample(range(int((END - BEGIN).total_seconds())), INSTANTS)
    instants = [BEGIN + timedelta(seconds=one) for one in seconds]
    answers = Answers()
    ways: dict[str, Callable[[datetime], datetime | None]] = {
        "CallingHours.next_close": answers.by_calling_hours,
        "CallingHours.next_close, hours parsed each time": answers.by_new_calling_hours,
        "croniter": answers.by_croniter,
        "dateutil.rrule, begun the day before": answers.by_rrule,
    }
    for name, way in ways.items():
        for at in instants:
            if way(at) != answers.by_calling_hours(at):
                raise RuntimeError(f"{name}: {way(at)} after {at}, not {answers.by_calling_hours(at)}")
    medians = median_ms(
        {name: _ask_in_turn(way, instants) for name, way in ways.items()}, rounds=ROUNDS, calls=INSTANTS
    )
    return table(
        f"The next close, {INSTANTS} instants of a year",
        {name: milliseconds * 1000 for name, milliseconds in medians.items()},
        unit="us",
        relative_to="CallingHours.next_close",
    )


class Answers:
    """Ways to find the first close after an instant."""

    def __init__(self) -> None:
        self._zone = ZoneInfo(ZONE)
        self._hours = CallingHours.parse(ZONE, HOURS)

    def by_calling_hours(self, at: datetime) -> datetime | None:
        """Ours, the hours kept."""
        return self._hours.next_close(at)

    @staticmethod
    def by_new_calling_hours(at: datetime) -> datetime | None:
        """Ours, the hours read from their text."""
        return CallingHours.parse(ZONE, HOURS).next_close(at)

    def by_croniter(self, at: datetime) -> datetime:
        """The cron library that Airflow uses."""
        found: datetime = croniter(CLOSES, at.astimezone(self._zone)).get_next(datetime)
        return found.astimezone(UTC)

    def by_rrule(self, at: datetime) -> datetime | None:
        """A recurrence rule on the wall clock; it counts from its beginning, so that is chosen close."""
        local = at.astimezone(self._zone).replace(tzinfo=None)
        begin = local.replace(hour=18, minute=0, second=0, microsecond=0) - timedelta(days=1)
        found: datetime | None = rrule(WEEKLY, dtstart=begin, byweekday=(MO, TU, WE, TH, FR)).after(local)
        return found and found.replace(tzinfo=self._zone).astimezone(UTC)


def _ask_in_turn(way: Callable[[datetime], object], instants: list[datetime]) -> Callable[[], object]:
    turns = cycle(instants)
    return lambda: way(next(turns))


def _year_of_runs() -> str:
    alternatives: dict[str, Callable[[], list[datetime]]] = {
        "CallingHoursTimetable": lambda: _runs_of(CallingHoursTimetable(ZONE, HOURS)),
        "CronTriggerTimetable": lambda: _runs_of(CronTriggerTimetable(TEN_MINUTES_BEFORE, timezone=ZONE)),
    }
    ours, theirs = (runs() for runs in alternatives.values())
    if ours != theirs or len(ours) != RUNS_IN_2026:
        raise RuntimeError(f"{len(ours)} runs and {len(theirs)} runs, of {RUNS_IN_2026}")
    return table(
        f"A year of next_dagrun_info, {RUNS_IN_2026} runs of a new timetable (target: < 50 ms)",
        median_ms(alternatives, rounds=ROUNDS, calls=5),
        unit="ms",
    )


def _runs_of(timetable: Timetable) -> list[datetime]:
    """When the runs of the year are due, asked for one after the other as the scheduler does."""
    restriction = TimeRestriction(pendulum.instance(BEGIN), pendulum.instance(END), catchup=True)
    due: list[datetime] = []
    last = None
    while info := timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction):
        due.append(info.run_after)
        last = info.data_interval
    return due
