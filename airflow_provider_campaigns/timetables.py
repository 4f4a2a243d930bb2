"""``CallingHoursTimetable``: a DAG that runs when calling hours close or open.

The import path of the class is stored with every DAG that uses it, so it never moves. Parsing a DAG reads no clock and
does no I/O.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, Timetable

from airflow_provider_campaigns.calling_hours import HORIZON, CallingHours
from airflow_provider_campaigns.calling_hours_text import unreadable
from airflow_provider_campaigns.kore.errors import KoreConfigurationError, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow.models.dagrun import DagRun
    from airflow.timetables.base import TimeRestriction

GRACE = timedelta(minutes=5)
"""How late an event still counts as now, where nothing shows that the DAG was meant to run before.

Without it an event would be lost whenever the DAG file is parsed between its instant and the scheduler's next look.
Airflow's own cron timetables allow at least as much.
"""

DESCRIPTION_LENGTH = 1000  # of Airflow's column; PostgreSQL refuses longer texts
_OFFSET_LIMIT = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BLOCK = timedelta(days=28)
_BLOCK_S = _BLOCK.total_seconds()
_HORIZON_BLOCKS = HORIZON // _BLOCK + 2  # the first and the last may be partial
_DAY_AT_MOST = timedelta(days=3)  # from the first to the last instant of a date, also where clocks are turned back
_API_KEYS = frozenset({"dialingStrategy", "frequency", "timezone", "days"})


class _Event(NamedTuple):
    """What a run is made for: the closing or the opening, of each day or of each stretch."""

    closing: bool
    daily: bool
    default_offset: timedelta
    words: str


EVENTS = {
    "last_close": _Event(closing=True, daily=True, default_offset=timedelta(minutes=-10), words="the last close"),
    "first_open": _Event(closing=False, daily=True, default_offset=timedelta(0), words="the first opening"),
    "every_close": _Event(closing=True, daily=False, default_offset=timedelta(minutes=-10), words="every close"),
    "every_open": _Event(closing=False, daily=False, default_offset=timedelta(0), words="every opening"),
}


class CallingHoursTimetable(Timetable):
    """Runs a DAG when calling hours close or open, once per event, whatever the clocks do.

    The data interval is the time the run is about: the day from its first opening to its last close for ``last_close``
    and ``first_open``, the one stretch for ``every_close`` and ``every_open``. A day is the date on which a stretch
    begins, so an overnight close belongs to the evening before. The run is due at the event plus the offset. Where that
    is before the opening, the interval starts there, because Airflow runs no task before its logical date.

    ``start_date``, ``end_date`` and the range of a backfill count by the logical date, the start of the interval.

    With ``catchup=False`` a missed event is made up only while nothing has changed since: a close until the next
    opening, an opening until the next close. So unpausing a DAG at noon does not run last night's close. A DAG that has
    no ``start_date`` and never ran makes up nothing older than ``GRACE``.

    A run by hand gets the interval of the last run whose interval has begun.

    Args:
        timezone: name in the tz database; None if ``hours`` names it. Two that differ are an error.
        hours: as in ``CallingHours.parse``, such as ``{"MO-FR": "9:00 AM-6:00 PM"}``, or a calling-hours object of the
            service, or a campaign object that holds one.
        event: ``last_close`` or ``first_open`` of each day, ``every_close`` or ``every_open``.
        offset: from the event to the run, seconds or a timedelta, less than a day; by default 10 minutes before a close
            and exactly at an opening.
        closed_on: dates whose windows do not take place, as dates or as ISO text. A plain collection, because it is
            stored with the DAG.

    Raises:
        KoreConfigurationError: something cannot be read, or the hours never close; a DAG file with such a timetable is
            an import error.
    """

    def __init__(
        self,
        timezone: str | None,
        hours: Mapping[str, Any],
        event: str = "last_close",
        offset: timedelta | float | None = None,
        *,
        closed_on: Iterable[date | str] = (),
    ) -> None:
        kind = _read_event(event)
        self.event = event
        self.closed_on = _read_dates(closed_on)
        self.hours = _read_hours(timezone, hours, frozenset(self.closed_on))
        self.offset = kind.default_offset if offset is None else _read_offset(offset)
        self.description = self._describe()
        self._runs = _Runs(self.hours, kind, self.offset)

    @property
    def summary(self) -> str:
        """Like ``Mon-Fri 9:00 AM-6:00 PM, Asia/Kolkata: 10 min before the last close``."""
        return f"{self.hours}: {_spell_offset(self.offset)} {EVENTS[self.event].words}"

    def serialize(self) -> dict[str, Any]:
        """The arguments as JSON; ``deserialize`` reads them back as an equal timetable."""
        return {
            "hours": self.hours.to_api(),
            "event": self.event,
            "offset_s": self.offset.total_seconds(),
            "closed_on": [day.isoformat() for day in self.closed_on],
        }

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> CallingHoursTimetable:
        """The timetable that wrote ``data``."""
        return cls(None, data["hours"], data["event"], data["offset_s"], closed_on=data["closed_on"])

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """The next run as of now; None if the restriction leaves none."""
        return self.next_run(last_automated_data_interval, restriction, now=datetime.now(UTC))

    def next_run(self, last: DataInterval | None, restriction: TimeRestriction, *, now: datetime) -> DagRunInfo | None:
        """The run after the one with the interval ``last``, as of ``now``; None if the restriction leaves none."""
        run = self._runs.next_run(last, restriction, now)
        return run and DagRunInfo(run_after=pendulum.instance(run.run_after), data_interval=run.data_interval)

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        """The interval of the last run whose interval began at or before.

        So a run by hand during a day, and in the night after it, is about that day, as the scheduled one is. And a run
        by hand with the very logical date of a scheduled run gets its interval: it takes that run's place, for Airflow
        allows no two with one logical date.
        """
        return next(self._runs.begun(run_after)).data_interval

    def run_info_from_dag_run(self, *, dag_run: DagRun) -> DagRunInfo:
        """What Airflow 3.2 and later count on from, once it has found that run under the logical date of the next one.

        That may be a run by hand for a future logical date, made by the command line, whose interval is that of the day
        on which it was made. Counting on from there would lead to the same logical date, again and again.
        """
        info = super().run_info_from_dag_run(dag_run=dag_run)
        if dag_run.logical_date is None or info.data_interval is None or info.logical_date == dag_run.logical_date:
            return info
        return info._replace(data_interval=self.infer_manual_data_interval(run_after=dag_run.logical_date))

    def __eq__(self, other: object) -> bool:
        return self._runs == other._runs if isinstance(other, CallingHoursTimetable) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._runs)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.summary}>"

    def _describe(self) -> str:
        """Like ``10 min before the last close of each day; calling hours: Mon-Fri 9:00 AM-6:00 PM, Asia/Kolkata``."""
        kind = EVENTS[self.event]
        text = f"{_spell_offset(self.offset)} {kind.words}{' of each day' if kind.daily else ''}"
        text = f"{text[0].upper()}{text[1:]}; calling hours: {self.hours}"
        if closed := ", ".join(day.isoformat() for day in self.closed_on):
            text += f"; closed on {closed}"
        return text if len(text) <= DESCRIPTION_LENGTH else f"{text[: DESCRIPTION_LENGTH - 3]}..."


# --- Which runs there are --------------------------------------------------------------------------------------------


class _Run(NamedTuple):
    """One event and its run; instants in UTC."""

    start: datetime
    end: datetime
    event: datetime
    run_after: datetime

    @property
    def data_interval(self) -> DataInterval:
        """As Airflow wants it."""
        return DataInterval(pendulum.instance(self.start), pendulum.instance(self.end))


@dataclass(frozen=True, slots=True)
class _Runs:
    """All runs of a timetable, in order: from one to the next, start, end, event and due time all advance.

    They are worked out in blocks of four weeks, which are kept: a scheduler or a backfill asks for one after the other.
    """

    hours: CallingHours
    kind: _Event
    offset: timedelta
    _blocks: dict[int, list[_Run]] = field(init=False, compare=False, default_factory=dict)

    def next_run(self, last: DataInterval | None, restriction: TimeRestriction, now: datetime) -> _Run | None:
        """The first run after ``last`` that the restriction allows and that is not overdue."""
        floors: list[datetime] = [] if restriction.earliest is None else [restriction.earliest]
        is_new = last is None and not floors
        if is_new or not restriction.catchup:
            floors.append(self._start_of_oldest_timely(now, is_new=is_new))
        run = None
        if last is not None:
            run = self._rest_of(last, now)
            floors.append(last.start)
        if run is None or run.start < max(floors):
            later = self.starting_from(max(floors))
            run = next((run for run in later if last is None or (run.start > last.start and run.end > last.end)), None)
        if run is None or (restriction.latest is not None and run.start > restriction.latest):
            return None
        return run

    def starting_from(self, start: datetime) -> Iterator[_Run]:
        """The runs whose interval starts at or after, the earliest first."""
        first = int(
            start.timestamp() // _BLOCK_S
        )  # the block tells when a run's day opens, and an interval never starts after that
        for number in range(first, first + _HORIZON_BLOCKS):
            runs = self._block(number)
            yield from runs[bisect_left(runs, start, key=_start) :]

    def begun(self, at: datetime) -> Iterator[_Run]:
        """The runs whose interval starts at or before, the latest first."""
        lead_s = max(-self.offset.total_seconds(), 0)
        last = int((at.timestamp() + lead_s) // _BLOCK_S)
        for number in range(last, last - _HORIZON_BLOCKS, -1):
            runs = self._block(number)
            yield from reversed(runs[: bisect_right(runs, at, key=_start)])

    def _rest_of(self, last: DataInterval, now: datetime) -> _Run | None:
        """A run for the rest of a day that was extended after its run was made, if that close is still to come.

        The day's own logical date is taken, by ``last``. Waiting for it to become free would stop the DAG for good, and
        leaving the day out would miss a close.
        """
        run = next(self.begun(last.start), None)
        if not self.kind.closing or run is None or run.end <= last.end or self._is_overdue(run, now, is_new=True):
            return None
        start = max(last.end, last.start + timedelta(seconds=1))
        return run._replace(start=start) if start < run.end else None

    def _start_of_oldest_timely(self, now: datetime, *, is_new: bool) -> datetime:
        """The start of the oldest run that is not overdue; now, if all that have begun are."""
        oldest = now
        for run in self.begun(now):
            if self._is_overdue(run, now, is_new=is_new):
                break
            oldest = run.start
        return oldest

    def _is_overdue(self, run: _Run, now: datetime, *, is_new: bool) -> bool:
        due = max(run.event, run.run_after)
        if is_new and now >= due + GRACE:
            return True
        changed = self.hours.next_open(due) if self.kind.closing else self.hours.next_close(due)
        return changed is not None and changed <= now

    def _block(self, number: int) -> list[_Run]:
        """The runs whose day or stretch opens in that block."""
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

    def _run(self, opens_at: datetime, closes_at: datetime) -> _Run:
        event = closes_at if self.kind.closing else opens_at
        run_after = event + self.offset
        return _Run(min(opens_at, run_after), closes_at, event, run_after)


def _start(run: _Run) -> datetime:
    return run.start


# --- Arguments -------------------------------------------------------------------------------------------------------


def _read_event(event: object) -> _Event:
    if not isinstance(event, str) or event not in EVENTS:
        raise unreadable("event", event, f"one of {', '.join(EVENTS)}", '"last_close"')
    return EVENTS[event]


def _read_hours(timezone: str | None, hours: object, closed_on: frozenset[date]) -> CallingHours:
    if isinstance(hours, Mapping) and hours.keys() & _API_KEYS:
        read = CallingHours.from_api(hours, closed_on=closed_on)
        if timezone not in {None, read.timezone}:
            raise KoreConfigurationError(
                f"timezone: {excerpt(repr(timezone))} contradicts the {read.timezone!r} of the calling hours; "
                f"expected None or {read.timezone!r}",
                field="timezone",
            )
    else:
        read = CallingHours.parse(timezone, hours, closed_on=closed_on)  # type: ignore[arg-type]  # it tells what is wrong
    # Closed days do not help: after the last of them, the hours would never close again.
    if CallingHours(read.timezone, read.week).never_closes:
        raise KoreConfigurationError(
            "hours: they never close and never open, so there is nothing to run at; expected at least one closed "
            'minute a week, for example {"MO-FR": "9:00 AM-6:00 PM"}',
            field="hours",
        )
    return read


def _read_dates(closed_on: object) -> tuple[date, ...]:
    """A calendar that works its days out when asked is refused: what is stored with the DAG would lack most of them."""
    if not isinstance(closed_on, list | tuple | set | frozenset):
        raise unreadable("closed_on", closed_on, "a plain list of dates", '["2026-12-25"]')
    return tuple(sorted({_read_date(day) for day in closed_on}))


def _read_date(day: object) -> date:
    if isinstance(day, str):
        try:
            return date.fromisoformat(day)
        except ValueError:
            pass
    elif isinstance(day, date) and not isinstance(day, datetime):
        return day
    raise unreadable("closed_on", day, "a date", '"2026-12-25"')


def _read_offset(offset: object) -> timedelta:
    """Less than a day, because ``timedelta(-10)`` is ten days."""
    if isinstance(offset, int | float) and not isinstance(offset, bool) and abs(offset) < _OFFSET_LIMIT.total_seconds():
        return timedelta(seconds=offset)
    if isinstance(offset, timedelta) and abs(offset) < _OFFSET_LIMIT:
        return offset
    raise unreadable("offset", offset, "seconds or a timedelta of less than a day", "timedelta(minutes=-10)")


def _spell_offset(offset: timedelta) -> str:
    """Like ``1 h 30 min before``; ``at`` for none."""
    minutes, seconds = divmod(abs(offset).total_seconds(), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{count:g} {unit}" for count, unit in ((hours, "h"), (minutes, "min"), (seconds, "s")) if count]
    return f"{' '.join(parts)} {'before' if offset < timedelta(0) else 'after'}" if parts else "at"
