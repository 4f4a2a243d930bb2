"""Plain values: true or false, one of several words, a day, texts, a length of time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from airflow_provider_campaigns.kore.errors import KoreConfigurationError, shown_argument, shown_value


def wrong(field: str, what: str) -> KoreConfigurationError:
    """The error for an argument, or a field of a connection; ``what`` says what is wrong, or what was expected."""
    return KoreConfigurationError(f"{field}: {what}", field=field)


def from_json(value: object) -> object:
    """What JSON in text says, as a template or a URI gives it, None if it is none; what is no text stays as it is."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return None


def flag(field: str, value: object) -> bool:
    """A boolean, or the text ``true`` or ``false`` that a URI or a template gives.

    Raises:
        KoreConfigurationError: anything else; nothing counts as true because it is not empty.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().casefold() in {"true", "false"}:
        return value.strip().casefold() == "true"
    raise wrong(field, f"expected true or false, got {shown_value(value)}")


def one_of(field: str, value: object, accepted: tuple[str, ...]) -> str:
    """``value``, if it is one of ``accepted``.

    Raises:
        KoreConfigurationError: names the argument and what it accepts.
    """
    if value not in accepted:
        raise wrong(field, f"expected {' or '.join(map(repr, accepted))}, got {shown_argument(value)}")
    return str(value)


def read_if_no_contact_results(field: str, value: object) -> str:
    """What a report does where an SMS campaign has no results by contact: ``fail`` or ``totals``.

    Raises:
        KoreConfigurationError: anything else.
    """
    return one_of(field, value, ("fail", "totals"))


# Airflow accepts no other (and "://" as well). What is looked up is logged on the way, also by Airflow's API server.
_CONNECTION_ID = re.compile(r"(?!eyJ|.*://)[\w#!()\-.:/\\]{1,250}")


def is_connection_id(value: object) -> bool:
    """True of a text that can be the id of an Airflow connection, and is neither a token nor a URI."""
    return isinstance(value, str) and _CONNECTION_ID.fullmatch(value) is not None


def read_connection_id(field: str, value: object) -> None:
    """The id of an Airflow connection.

    Raises:
        KoreConfigurationError: it can be none.
    """
    if not is_connection_id(value):
        raise wrong(field, f"expected the id of a connection such as 'kore_default', got {shown_value(value)}")


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
        raise wrong(field, f"expected a date such as '2026-12-24', got {shown_argument(value)}") from None


def read_texts(field: str, value: object, *, example: str) -> tuple[str, ...]:
    """Texts: a sequence of them, or a JSON array in text, as a template gives it.

    Raises:
        KoreConfigurationError: anything else.
    """
    given = from_json(value)
    texts = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str | Mapping) else (None,)
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise wrong(field, f"expected a sequence such as {example}, got {shown_argument(value)}")
    return texts


def seconds(field: str, value: object, *, least: float = 0.0) -> float:
    """A duration in seconds, from seconds or a timedelta.

    Raises:
        KoreConfigurationError: it is neither, or shorter than ``least``.
    """
    number = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(number, bool) or not isinstance(number, int | float) or not least <= number < float("inf"):
        raise wrong(field, f"expected seconds from {least:g}, or a timedelta, got {shown_argument(value)}")
    return float(number)


def read_poll_interval(field: str, value: object) -> float:
    """Seconds between two readings; 1 at least, for the sake of the account's requests.

    Raises:
        KoreConfigurationError: anything else.
    """
    return seconds(field, value, least=1)


def read_lead_time(field: str, value: object) -> float:
    """Seconds before a close; 5 at least, because that is when the last reading begins.

    Raises:
        KoreConfigurationError: anything else.
    """
    return seconds(field, value, least=5)


_LONGEST_S = 366 * 24 * 3600.0
"""Of a wait; much more could not be added to an instant."""


def read_duration(field: str, value: object) -> timedelta:
    """A length of time, a year at most: seconds, also as text from a template, or a timedelta.

    Raises:
        KoreConfigurationError: anything else.
    """
    number = value
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            raise wrong(field, f"expected seconds such as '900', got {shown_argument(value)}") from None
    given_s = seconds(field, number)
    if given_s > _LONGEST_S:
        raise wrong(field, f"expected a year at most, got {shown_argument(value)}")
    return timedelta(seconds=given_s)


def read_grace_period(field: str, value: object) -> timedelta | None:
    """A length of time, or None for what a campaign's dialing mode asks for.

    Raises:
        KoreConfigurationError: anything else.
    """
    return None if value is None else read_duration(field, value)
