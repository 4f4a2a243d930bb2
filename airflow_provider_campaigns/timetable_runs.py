"""Which DAG runs calling hours ask for: one for each closing or opening, and when each is still worth making.

Pure: what ``CallingHoursTimetable`` tells Airflow is decided here, as of an instant that is given.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from airflow_provider_campaigns.calling_hours import HORIZON

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow.timetables.base import DataInterval, TimeRestriction

    from airflow_provider_campaigns.calling_hours import CallingHours

GRACE = timedelta(minutes=5)
"""How late an event still counts as now, where nothing shows that the DAG was meant to run before.

Without it an event would be lost whenever the DAG file is parsed between its instant and the scheduler's next look.
Airflow's own cron timetables allow at least as much.
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BLOCK = timedelta(days=28)
_BLOCK_S = _BLOCK.total_seconds()
_HORIZON_BLOCKS = HORIZON // _BLOCK + 2  # the first and the last may be partial
_DAY_AT_MOST = timedelta(days=3)  # from the first to the last instant of a date, also where clocks are turned back


class Event(NamedTuple):
    """What a DAG run is made for: the closing or the opening, of each day or of each stretch."""

    closing: bool
    daily: bool
    default_offset: timedelta
    words: str


EVENTS = {
    "last_close": Event(closing=True, daily=True, default_offset=timedelta(minutes=-10), words="the last close"),
    "first_open": Event(closing=False, daily=True, default_offset=timedelta(0), words="the first opening"),
    "every_close": Event(closing=True, daily=False, default_offset=timedelta(minutes=-10), words="every close"),
    "every_open": Event(closing=False, daily=False, default_offset=timedelta(0), words="every opening"),
}


class Run(NamedTuple):
    """One event and its DAG run; instants in UTC."""

    start: datetime
    end: datetime
    event: datetime
    run_after: datetime


@dataclass(frozen=True, slots=True)
class Runs:
    """All DAG runs of a timetable, in order: from one to the next, start, end, event and due time all advance.

    They are worked out in blocks of four weeks, which are kept: a scheduler or a backfill asks for one after the other.
    """

    hours: CallingHours
    kind: Event
    offset: timedelta
    _blocks: dict[int, list[Run]] = field(init=False, compare=False, default_factory=dict)

    def next_run(self, last: DataInterval | None, restriction: TimeRestriction, now: datetime) -> Run | None:
        """The first DAG run after ``last`` that the restriction allows and that is not overdue."""
        earliest = restriction.earliest
        floors: list[datetime] = [] if earliest is None else [earliest]
        if earliest is None or not restriction.catchup:
            floors.append(self._start_of_oldest_timely(now, is_new=last is None))
        run = None if earliest is None else self._begun_by_start_date(earliest, last, now)
        if last is not None:
            run = run or self._rest_of(last, now)
            floors.append(last.start)
        if run is None or run.start < max(floors):
            later = self.starting_from(max(floors))
            run = next((run for run in later if last is None or (run.start > last.start and run.end > last.end)), None)
        if run is None or (restriction.latest is not None and run.start > restriction.latest):
            return None
        return run

    def starting_from(self, start: datetime) -> Iterator[Run]:
        """The DAG runs whose interval starts at or after, the earliest first."""
        # The block tells when the day of a DAG run opens, and an interval never starts after that.
        first = int(start.timestamp() // _BLOCK_S)
        for number in range(first, first + _HORIZON_BLOCKS):
            runs = self._block(number)
            yield from runs[bisect_left(runs, start, key=attrgetter("start")) :]

    def begun(self, at: datetime) -> Iterator[Run]:
        """The DAG runs whose interval starts at or before, the latest first."""
        lead_s = max(-self.offset.total_seconds(), 0)
        last = int((at.timestamp() + lead_s) // _BLOCK_S)
        for number in range(last, last - _HORIZON_BLOCKS, -1):
            runs = self._block(number)
            yield from reversed(runs[: bisect_right(runs, at, key=attrgetter("start"))])

    def _begun_by_start_date(self, earliest: datetime, last: DataInterval | None, now: datetime) -> Run | None:
        """The first DAG run after ``last`` for an event after the start date, and whose interval began before.

        It begins at the start date, for Airflow makes no task for a logical date before that; one of several begins a
        second after the one before, because no two have the same. None if the event is over.
        """
        for run in reversed(list(takewhile(lambda run: run.event > earliest, self.begun(earliest)))):
            if (last is None or run.end > last.end) and not self._is_overdue(run, now, is_new=True):
                start = earliest if last is None else max(earliest, last.start + timedelta(seconds=1))
                return run._replace(start=start, run_after=max(run.run_after, start))
        return None

    def _rest_of(self, last: DataInterval, now: datetime) -> Run | None:
        """A DAG run for the rest of a day that was extended after its own was made, if that close is still to come.

        The day's own logical date is taken, by ``last``. Waiting for it to become free would stop the DAG for good, and
        leaving the day out would miss a close.
        """
        run = next(self.begun(last.start), None)
        if not self.kind.closing or run is None or run.end <= last.end or self._is_overdue(run, now, is_new=True):
            return None
        start = max(last.end, last.start + timedelta(seconds=1))
        return run._replace(start=start) if start < run.end else None

    def _start_of_oldest_timely(self, now: datetime, *, is_new: bool) -> datetime:
        """The start of the oldest DAG run that is not overdue; now, if all that have begun are."""
        oldest = now
        for run in self.begun(now):
            if self._is_overdue(run, now, is_new=is_new):
                break
            oldest = run.start
        return oldest

    def _is_overdue(self, run: Run, now: datetime, *, is_new: bool) -> bool:
        due = max(run.event, run.run_after)
        if is_new and now >= due + GRACE:
            return True
        changed = self.hours.next_open(due) if self.kind.closing else self.hours.next_close(due)
        return changed is not None and changed <= now

    def _block(self, number: int) -> list[Run]:
        """The DAG runs whose day or stretch opens in that block."""
        runs = self._blocks.get(number)
        if runs is None:
            # Two threads may both get here; they store the same.
            since = _EPOCH + number * _BLOCK
            runs = [self._run(*edges) for edges in self._edges(since, since + _BLOCK) if since <= edges[0]]
            self._blocks[number] = runs
        return runs

    def _edges(self, since: datetime, until: datetime) -> Iterable[tuple[datetime, datetime]]:
        """Opening and close of each stretch, or of each day, that opens before ``until`` and not long before ``since``.

        A day's stretches need not follow each other: where clocks are turned back across midnight, the next day has
        begun once already.
        """
        beyond = _DAY_AT_MOST if self.kind.daily else timedelta(0)
        zone = ZoneInfo(self.hours.timezone)
        days: dict[object, tuple[datetime, datetime]] = {}
        for opens_at, closes_at in self.hours.windows(since - beyond, until + beyond):
            if opens_at is None or closes_at is None:  # only of hours that never close, which are refused
                continue
            key = opens_at.astimezone(zone).date() if self.kind.daily else opens_at
            first, _ = days.setdefault(key, (opens_at, closes_at))
            days[key] = first, closes_at
        return [edges for edges in days.values() if edges[0] < until]

    def _run(self, opens_at: datetime, closes_at: datetime) -> Run:
        event = closes_at if self.kind.closing else opens_at
        run_after = event + self.offset
        return Run(min(opens_at, run_after), closes_at, event, run_after)
