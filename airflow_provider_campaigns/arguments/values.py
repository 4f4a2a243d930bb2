"""What the arguments of operators and sensors mean, whether a DAG gives them as values or a template as text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Final, Literal

from airflow_provider_campaigns.actions.targets import Targets
from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.kore.errors import KoreConfigurationError


class _LeftOut(Enum):
    LEFT_OUT = "left out"

    def __repr__(self) -> str:
        return "LEFT_OUT"


LeftOut = Literal[_LeftOut.LEFT_OUT]

LEFT_OUT: Final = _LeftOut.LEFT_OUT
"""Default of an argument that guards something: to leave it out is a choice, to give it a value that is None is a slip.

A mapped argument, or another task's result, may turn out to be None; the guard must not be gone with it.
"""


def given_value(field: str, value: object, *, without: str) -> None:
    """A value that was given must be there; ``without`` says what leaving it out would do.

    Raises:
        KoreConfigurationError: it is None.
    """
    if value is None:
        raise KoreConfigurationError(
            f"{field}: is given, but it is None, so it guards nothing. If it comes from another task, that has no such "
            f"result; leave the argument out {without}. Nothing was deleted",
            field=field,
        )


def one_of(field: str, value: object, accepted: tuple[str, ...]) -> str:
    """``value``, if it is one of ``accepted``.

    Raises:
        KoreConfigurationError: names the argument and what it accepts.
    """
    if value not in accepted:
        raise KoreConfigurationError(
            f"{field}: expected {' or '.join(map(repr, accepted))}, got {value!r}", field=field
        )
    return str(value)


def read_connection_id(field: str, value: object) -> None:
    """The id of an Airflow connection.

    Raises:
        KoreConfigurationError: it is no text, or an empty one.
    """
    if not isinstance(value, str) or not value.strip():
        raise KoreConfigurationError(
            f"{field}: expected the id of a connection such as 'kore_default', got {value!r}", field=field
        )


def read_campaign_id(_field: str, value: object) -> None:
    """One campaign: an id, or the result dict of another task; None names none.

    Raises:
        KoreConfigurationError: anything else.
    """
    if value is not None:
        Targets.parse(value, None)


def read_campaign_ids(_field: str, value: object) -> None:
    """Many campaigns, as ``Targets`` takes them; None names none.

    Raises:
        KoreConfigurationError: anything else.
    """
    if value is not None:
        Targets.parse(None, value)


def read_day(field: str, value: object) -> date | None:
    """A date, from one or from ISO text as a template gives it; None and empty text are None.

    Raises:
        KoreConfigurationError: anything else.
    """
    if value is None or value == "":
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value)  # type: ignore[arg-type]  # anything may come from a template
    except (TypeError, ValueError):
        raise KoreConfigurationError(
            f"{field}: expected a date such as '2026-12-24', got {value!r}", field=field
        ) from None


def read_hours(field: str, given: object) -> CallingHours:
    """The calling hours that a user gave, as rendered.

    Raises:
        KoreConfigurationError: they are neither a ``CallingHours`` nor an object of one of the accepted forms.
    """
    if isinstance(given, CallingHours):
        return given
    value = given
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, Mapping):
        raise KoreConfigurationError(
            f"{field}: expected a CallingHours, a calling-hours object, or an object such as "
            f'{{"timezone": "Asia/Kolkata", "hours": {{"MO-FR": "9:00 AM-6:00 PM"}}}}, got {given!r}',
            field=field,
        )
    try:
        if "hours" not in value:
            return CallingHours.from_api(value)
        if value.keys() == {"timezone", "hours"}:
            return CallingHours.parse(value["timezone"], value["hours"])
    except KoreConfigurationError as error:
        raise KoreConfigurationError(f"{field}: {error}", field=field) from error
    raise KoreConfigurationError(f"{field}: expected timezone and hours, got {', '.join(map(str, value))}", field=field)


def read_texts(field: str, value: object, *, example: str) -> tuple[str, ...]:
    """Texts: a sequence of them, or a JSON array in text, as a template gives it.

    Raises:
        KoreConfigurationError: anything else.
    """
    given = value
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            given = None
    texts = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str | Mapping) else (None,)
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise KoreConfigurationError(f"{field}: expected a sequence such as {example}, got {value!r}", field=field)
    return texts


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
            raise KoreConfigurationError(f"{field}: {error}", field=field) from None
    return names


def seconds(field: str, value: object, *, least: float = 0.0) -> float:
    """A duration in seconds, from seconds or a timedelta.

    Raises:
        KoreConfigurationError: it is neither, or shorter than ``least``.
    """
    number = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(number, bool) or not isinstance(number, int | float) or not least <= number < float("inf"):
        raise KoreConfigurationError(
            f"{field}: expected seconds from {least:g}, or a timedelta, got {value!r}", field=field
        )
    return float(number)


def read_poll_interval(field: str, value: object) -> float:
    """Seconds between two readings; 1 at least, for the sake of the account's requests.

    Raises:
        KoreConfigurationError: anything else.
    """
    return seconds(field, value, least=1)
