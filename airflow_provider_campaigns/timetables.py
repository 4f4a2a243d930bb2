"""``CallingHoursTimetable``: a DAG that runs when calling hours close or open.

The import path of the class is stored with every DAG that uses it, so it never moves. Parsing a DAG reads no clock and
does no I/O.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, Timetable

from airflow_provider_campaigns.arguments.hours import read_closed_days, read_hours_that_close
from airflow_provider_campaigns.calling_hours_text import unreadable
from airflow_provider_campaigns.timetable_runs import EVENTS, Event, Run, Runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from airflow.models.dagrun import DagRun
    from airflow.timetables.base import TimeRestriction

DESCRIPTION_LENGTH = 1000  # of Airflow's column; PostgreSQL refuses longer texts
_OFFSET_LIMIT = timedelta(days=1)


class CallingHoursTimetable(Timetable):
    """Runs a DAG when calling hours close or open, once per event, whatever the clocks do.

    The data interval is the time a DAG run is about: the day from its first opening to its last close for
    ``last_close`` and ``first_open``, the one stretch for ``every_close`` and ``every_open``. A day is the date on
    which a stretch begins, so an overnight close belongs to the evening before. A DAG run is due at the event plus the
    offset; where that is before the opening, its interval starts there: Airflow runs no task before its logical date.

    ``start_date``, ``end_date`` and the range of a backfill count by the logical date, the start of the interval. But
    an event after ``start_date`` that is still ahead has its DAG run, also where its interval would begin before: then
    it begins at ``start_date``, because Airflow makes no task for an earlier logical date.

    With ``catchup=False`` a missed event is made up only while nothing has changed since: a close until the next
    opening, an opening until the next close. So unpausing a DAG at noon does not run last night's close. A DAG that
    never ran makes up nothing older than five minutes (``timetable_runs.GRACE``), whatever its ``start_date``.

    A DAG run by hand gets the interval of the last DAG run whose interval has begun.

    Args:
        timezone: name in the tz database; None if ``hours`` names it. Two that differ are an error.
        hours: as in ``CallingHours.parse``, such as ``{"MO-FR": "9:00 AM-6:00 PM"}``, or a calling-hours object of the
            service, or a campaign object that holds one.
        event: ``last_close`` or ``first_open`` of each day, ``every_close`` or ``every_open``.
        offset: from the event to the DAG run, seconds or a timedelta, less than a day; by default 10 minutes before a
            close and exactly at an opening.
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
        self.closed_on = read_closed_days(closed_on)
        self.hours = read_hours_that_close(timezone, hours, self.closed_on)
        self.offset = kind.default_offset if offset is None else _read_offset(offset)
        self.description = self._describe()
        self._runs = Runs(self.hours, kind, self.offset)

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
        """The next DAG run as of now; None if the restriction leaves none."""
        return self.next_run(last_automated_data_interval, restriction, now=datetime.now(UTC))

    def next_run(self, last: DataInterval | None, restriction: TimeRestriction, *, now: datetime) -> DagRunInfo | None:
        """The DAG run after the one with the interval ``last``, as of ``now``; None if the restriction leaves none."""
        run = self._runs.next_run(last, restriction, now)
        return run and DagRunInfo(run_after=pendulum.instance(run.run_after), data_interval=_data_interval(run))

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        """The interval of the last DAG run whose interval began at or before.

        So a DAG run by hand during a day, and in the night after it, is about that day, as the scheduled one is. And
        one by hand with the very logical date of a scheduled one gets its interval: it takes the place of that, for
        Airflow allows no two with one logical date.
        """
        return _data_interval(next(self._runs.begun(run_after)))

    def run_info_from_dag_run(self, *, dag_run: DagRun) -> DagRunInfo:
        """What Airflow 3.2 and later count on from, once it has found that DAG run under the next one's logical date.

        That may be one by hand for a future logical date, made by the command line, whose interval is that of the day
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


def _data_interval(run: Run) -> DataInterval:
    """As Airflow wants it."""
    return DataInterval(pendulum.instance(run.start), pendulum.instance(run.end))


# --- Arguments -------------------------------------------------------------------------------------------------------


def _read_event(event: object) -> Event:
    if not isinstance(event, str) or event not in EVENTS:
        raise unreadable("event", event, f"one of {', '.join(EVENTS)}", '"last_close"')
    return EVENTS[event]


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
