"""The calling hours as a table of the week, and the stop in their light."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.calling_hours_text import DAY_MINUTES, read_zone, spell_time
from airflow_provider_campaigns.kore.errors import KoreConfigurationError
from airflow_provider_campaigns.reports.page.text import DAYS, scalar, shown

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_MOST_ENTRIES = 50


@dataclass(frozen=True, slots=True)
class Hours:
    """What the page shows of a campaign's calling hours.

    Attributes:
        timezone: its name, as the campaign gives it.
        week: each day with its windows; empty windows are a closed day. Empty if the hours cannot be read.
        problem: the field that cannot be read; empty if all can.
        entries: day, start and end as they are given, where the hours cannot be read.
        zone: the zone, None if it is not known.
    """

    timezone: str
    week: tuple[tuple[str, tuple[str, ...]], ...] = ()
    problem: str = ""
    entries: tuple[tuple[str, str, str], ...] = ()
    zone: ZoneInfo | None = None
    _read: CallingHours | None = field(default=None, repr=False)

    def at_stop(self, stopped_at: str | None) -> str:
        """What the campaign's own hours said at that instant; empty where that cannot be known."""
        if self._read is None or stopped_at is None:
            return ""
        try:
            is_open = self._read.is_open(datetime.fromisoformat(stopped_at))
        except (ValueError, OverflowError):
            return ""
        return f"By the campaign's own hours, calling was {'still open' if is_open else 'closed'} at that moment."


def hours_of(campaign: Mapping[str, Any]) -> Hours:
    """The hours in a campaign object, evaluated where they can be; as they are given where not, and never guessed."""
    given = _given(campaign)
    timezone = scalar(given.get("timezone"))
    try:
        read = CallingHours.from_api(campaign)
    except KoreConfigurationError as error:
        return Hours(timezone, problem=shown(error.field or ""), entries=_entries(given), zone=_zone(given))
    return Hours(timezone, week=_week(read), zone=_zone(given), _read=read)


def _given(campaign: Mapping[str, Any]) -> Mapping[str, Any]:
    strategy = campaign.get("dialingStrategy")
    hours = strategy.get("callingHours") if isinstance(strategy, Mapping) else None
    return hours if isinstance(hours, Mapping) else {}


def _zone(given: Mapping[str, Any]) -> ZoneInfo | None:
    try:
        return read_zone(given.get("timezone"), "timezone")
    except KoreConfigurationError:
        return None


def _week(hours: CallingHours) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple(
        (day, tuple(_window(start, end) for start, end in windows))
        for day, windows in zip(DAYS, hours.week, strict=True)
    )


def _window(start: int, end: int) -> str:
    if (start, end) == (0, DAY_MINUTES):
        return "all day"
    if end == DAY_MINUTES:
        return f"{spell_time(start)} \N{EN DASH} midnight"
    later = " the next day" if end > DAY_MINUTES else ""
    return f"{spell_time(start)} \N{EN DASH} {spell_time(end)}{later}"


def _entries(given: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    days = given.get("days")
    if isinstance(days, str) or not isinstance(days, Sequence):
        return ()
    entries = [entry if isinstance(entry, Mapping) else {} for entry in days[:_MOST_ENTRIES]]
    return tuple((scalar(one.get("day")), scalar(one.get("start")), scalar(one.get("end"))) for one in entries)
