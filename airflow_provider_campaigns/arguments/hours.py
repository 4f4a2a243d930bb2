"""Calling hours, and what counts only where a campaign is stopped at their close."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from airflow_provider_campaigns.arguments.values import from_json, read_day, read_texts, wrong
from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.kore.errors import KoreConfigurationError, shown_argument, shown_words

if TYPE_CHECKING:
    from airflow_provider_campaigns.arguments.static import Reader


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
