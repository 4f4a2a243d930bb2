"""Runs of a timetable as literals: instants as text, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_campaigns.timetables import CallingHoursTimetable

WEEK = {"MO-FR": "9:00 AM-6:00 PM"}
SATURDAY = {"SA": ["9:00 AM-12:00 PM", "1:00 PM-4:00 PM"]}


def instant(text: str) -> pendulum.DateTime:
    """``2026-11-20 12:30`` in UTC."""
    return pendulum.instance(datetime.fromisoformat(text).replace(tzinfo=UTC))


def interval(start: str, end: str) -> DataInterval:
    return DataInterval(instant(start), instant(end))


def told(info: DagRunInfo | None) -> tuple[str, str, str] | None:
    """Interval start (the logical date), interval end, due time, in UTC."""
    if info is None:
        return None
    moments = (info.data_interval.start, info.data_interval.end, info.run_after)
    return tuple(f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" for moment in moments)


def following(
    timetable: CallingHoursTimetable, earliest: str, latest: str | None = None, *, catchup: bool = True
) -> Iterator[DagRunInfo]:
    """Run after run, as a backfill asks for them."""
    restriction = TimeRestriction(instant(earliest), latest and instant(latest), catchup)
    last = None
    while info := timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction):
        yield info
        last = info.data_interval


def runs_between(timetable: CallingHoursTimetable, earliest: str, latest: str) -> list[tuple[str, str, str] | None]:
    return [told(info) for info in following(timetable, earliest, latest)]


def next_at(
    timetable: CallingHoursTimetable,
    now: str,
    *,
    last: tuple[str, str] | None = None,
    earliest: str | None = None,
    latest: str | None = None,
    catchup: bool = False,
) -> tuple[str, str, str] | None:
    """The next run as the scheduler is told at that instant."""
    restriction = TimeRestriction(earliest and instant(earliest), latest and instant(latest), catchup)
    return told(timetable.next_run(last and interval(*last), restriction, now=instant(now)))
