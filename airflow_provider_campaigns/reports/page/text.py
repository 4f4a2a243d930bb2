"""How a value stands on the page: as text that is safe, short, without a phone number, and the same on every machine.

Escaping is not done here but by the template, for everything. Nothing depends on the locale, because a repeated export
must give equal bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_campaigns.calling_hours_text import spell_time
from airflow_provider_campaigns.kore.errors import BETWEEN_DIGITS

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NOT_GIVEN = "not given"
UNEXPECTED = "in a form this page does not know; see campaign.json"
HIDDEN = "(number hidden)"

_LONGEST = 200
# Control characters, surrogates (which no UTF-8 file can hold), and the marks that reorder the text around them.
_UNSEEMLY = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
# Digits may be grouped for reading, so the separators belong to the number. Ids and dates look alike: they are matched
# first, and kept. Nine digits are fewer than any number that can be dialed from abroad has, and more than a date has.
_DATE_BEGINS, _DATE_ENDS = r"(?<![^\W_])(?<![.+/-])", r"(?![^\W_])(?![./-])"
_NUMBER = re.compile(
    r"(?P<kept>(?<![\w.-])(?:[a-z]{1,4}-)?[0-9a-f]{7,8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![\w-])"
    rf"|{_DATE_BEGINS}20\d\d(?P<mark>[./_-])(?:0[1-9]|1[0-2])(?P=mark)(?:[0-2]\d|3[01]){_DATE_ENDS}"
    rf"|{_DATE_BEGINS}(?:[0-2]\d|3[01])(?P<dot>[./_-])(?:0[1-9]|1[0-2])(?P=dot)20\d\d{_DATE_ENDS})"
    rf"|\+\d(?:{BETWEEN_DIGITS}\d){{4,}}|\d(?:{BETWEEN_DIGITS}\d){{8,}}"
)


def shown(text: str) -> str:
    """Text of the service or of people as the page may show it: at most 200 characters, and no phone number.

    What cannot be printed becomes the replacement character, so that it is seen that something was there.
    """
    # Numbers go first: one that is cut in two might be too short to be known for one.
    hidden = _NUMBER.sub(lambda match: match["kept"] or HIDDEN, text[: 4 * _LONGEST])
    short = hidden if len(hidden) <= _LONGEST else f"{hidden[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
    return _UNSEEMLY.sub("\N{REPLACEMENT CHARACTER}", short)


def scalar(value: object) -> str:
    """One value of a campaign object; ``NOT_GIVEN`` for none. Objects and lists are never shown."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return NOT_GIVEN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return shown(str(value))
    return UNEXPECTED


def number(count: int | None) -> str:
    """A count with separators between thousands; "not known" for None."""
    return "not known" if count is None else f"{count:,}"


def plural(count: int, thing: str) -> str:
    """Like ``1 contact`` and ``1,200 contacts``."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def share(part: int, whole: int) -> str:
    """A part of a whole as a percentage with one decimal; what is not nothing is never shown as 0.0%."""
    if whole <= 0:
        return "0.0%"
    if 0 < part / whole < 0.0005:
        return "<0.1%"
    if 0.9995 < part / whole < 1:
        return ">99.9%"
    return f"{100 * part / whole:.1f}%"


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant of the campaign on the page.

    Attributes:
        machine: for the ``datetime`` attribute; empty if the text could not be read as an instant.
        local: date and time in the campaign's zone; None where the zone is not known.
        utc: date and time in UTC, or the text as it was given.
    """

    machine: str
    local: str | None
    utc: str


def moment(text: object, zone: ZoneInfo | None) -> Moment:
    """An ISO 8601 text with an offset, to the second; anything else stays as it is."""
    try:
        at = datetime.fromisoformat(text).astimezone(UTC) if isinstance(text, str) and _has_offset(text) else None
        local = at.astimezone(zone) if at and zone else None
    except (ValueError, OverflowError):
        at = local = None
    if at is None:
        return Moment("", None, scalar(text))
    return Moment(
        machine=f"{at.replace(tzinfo=None, microsecond=0).isoformat()}Z",
        local=f"{_date(local)}, {_time(local)} {zone}" if local else None,
        utc=f"{_date(at)}, {at:%H:%M:%S} UTC",
    )


def _has_offset(text: str) -> bool:
    return datetime.fromisoformat(text).tzinfo is not None


def _date(at: datetime) -> str:
    return f"{DAYS[at.weekday()][:3]} {at.date()}"


def _time(at: datetime) -> str:
    """The 12-hour clock, as that of the calling hours beside it, with seconds."""
    clock, half = spell_time(at.hour * 60 + at.minute).split()
    return f"{clock}:{at.second:02} {half}"
