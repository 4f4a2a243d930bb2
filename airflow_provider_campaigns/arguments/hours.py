"""Calling hours, and what counts only where a campaign is stopped at their close."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING

from airflow_provider_campaigns.arguments.values import from_json, read_day, read_texts, wrong
from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.calling_hours_text import unreadable
from airflow_provider_campaigns.kore.errors import KoreConfigurationError, excerpt, shown_argument, shown_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_campaigns.arguments.static import Reader

_API_KEYS = frozenset({"dialingStrategy", "frequency", "timezone", "days"})


def read_hours(field: str, given: object) -> CallingHours:
    """The calling hours that a user gave, as rendered.

    Raises:
        KoreConfigurationError: they are neither a ``CallingHours`` nor an object of one of the accepted forms.
    """
    if isinstance(given, CallingHours):
        return given
    value = from_json(given)
    if not isinstance(value, Mapping):
        raise wrong(
            field,
            "expected a CallingHours, a calling-hours object, or an object such as "
            f'{{"timezone": "Asia/Kolkata", "hours": {{"MO-FR": "9:00 AM-6:00 PM"}}}}, got {shown_argument(given)}',
        )
    try:
        if "hours" not in value:
            return CallingHours.from_api(value)
        if value.keys() == {"timezone", "hours"}:
            return CallingHours.parse(value["timezone"], value["hours"])
    except KoreConfigurationError as error:
        raise wrong(field, str(error)) from error
    raise wrong(field, f"expected timezone and hours, got {shown_words(', '.join(map(str, value)))}")


def read_given_hours(field: str, value: object) -> CallingHours | None:
    """Calling hours in the place of the campaigns' own; None and empty text are None.

    Raises:
        KoreConfigurationError: they cannot be read.
    """
    return None if value is None or value == "" else read_hours(field, value)


def read_hours_that_close(timezone: str | None, hours: object, closed_on: Iterable[date]) -> CallingHours:
    """The hours of a timetable: text, or a calling-hours object of the service that names its own zone.

    Raises:
        KoreConfigurationError: they cannot be read, two zones differ, or they never close.
    """
    days = frozenset(closed_on)
    if isinstance(hours, Mapping) and hours.keys() & _API_KEYS:
        read = CallingHours.from_api(hours, closed_on=days)
        if timezone is not None and str(timezone).strip() != read.timezone:
            contradiction = (
                f"{excerpt(shown_argument(timezone))} contradicts the {read.timezone!r} of the calling hours"
            )
            raise wrong("timezone", f"{contradiction}; expected None or {read.timezone!r}")
    else:
        read = CallingHours.parse(timezone, hours, closed_on=days)  # type: ignore[arg-type]  # it tells what is wrong
    # Closed days do not help: after the last of them, the hours would never close again.
    if CallingHours(read.timezone, read.week).never_closes:
        raise wrong(
            "hours",
            "they never close and never open, so there is nothing to run at; expected at least one closed "
            'minute a week, for example {"MO-FR": "9:00 AM-6:00 PM"}',
        )
    return read


def read_closed_days(closed_on: object) -> tuple[date, ...]:
    """Dates, from dates or ISO text, in order and each once.

    Raises:
        KoreConfigurationError: one is no date, or they are no plain collection. A calendar that works its days out when
            asked is refused, because what is stored with a DAG would lack most of them.
    """
    if not isinstance(closed_on, list | tuple | set | frozenset):
        raise unreadable("closed_on", closed_on, "a plain list of dates", '["2026-12-25"]')
    return tuple(sorted({_read_closed_day(day) for day in closed_on}))


def _read_closed_day(day: object) -> date:
    if isinstance(day, str):
        try:
            return date.fromisoformat(day)
        except ValueError:
            pass
    elif isinstance(day, date) and not isinstance(day, datetime):
        return day
    raise unreadable("closed_on", day, "a date", '"2026-12-25"')


def read_timezones(field: str, value: object) -> tuple[str, ...]:
    """Names of time zones, as ``read_texts`` reads them.

    Raises:
        KoreConfigurationError: they are no texts, or one of them names no time zone.
    """
    names = read_texts(field, value, example='["America/Los_Angeles"]')
    for name in names:
        try:
            CallingHours.parse(name, {"MO": "9:00 AM-6:00 PM"})
        except KoreConfigurationError as error:
            raise wrong(field, str(error)) from None
    return names


NEED_A_CLOSE: dict[str, Reader] = {
    "last_day": read_day,
    "calling_hours": read_given_hours,
    "contact_timezones": read_timezones,
}


def needs_close(field: str, value: object) -> None:
    """An argument that counts only at a close is a mistake without one: a stop today where another day is meant.

    Raises:
        KoreConfigurationError: it is given.
    """
    if NEED_A_CLOSE[field](field, value):
        raise wrong(field, 'counts only with when="calling_hours_end"; nothing was sent')
