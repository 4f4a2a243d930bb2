"""A contact's row as a line of JSON and as cells of a table; phone numbers as they are, as hashes, or left out."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.kore.errors import KoreConfigurationError, shown_argument
from airflow_provider_campaigns.reports.finite import finite
from airflow_provider_campaigns.reports.own_number import OwnNumber
from airflow_provider_campaigns.reports.pending import NOT_FINAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider_campaigns.kore.campaigns import ContactResult

PHONE_FIELD = "phoneNumber"
COLUMNS = (
    PHONE_FIELD,
    "uniqueId",
    "dialerOutcome",
    "numberOfAttemptsSoFar",
    "botSessionId",
    "agentDispositionCodes",
    "botOutboundStatus",
    "botOutboundStatusDetail",
)
OTHER_COLUMN = "other"
"""Holds, as a JSON object, every field of a row that has no column of its own."""

DISPOSITIONS_JOINED_BY = "; "

DEEPEST_ROW = 100
"""Levels of objects and arrays. How many Python bears depends on who calls; each way from here has fewer than ten."""

LONGEST_ROW = 200_000
"""Characters. To find a number in a text takes some 200 times its size of memory (measured)."""

# What a spreadsheet takes for a formula, also behind blanks, and in the width of East Asian scripts.
_FORMULA = re.compile("[\t\r]|\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20]")

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_encode_ascii = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


class PhoneNumbers(StrEnum):
    """What becomes of the phone numbers in a report."""

    KEEP = "keep"
    HASH = "hash"
    DROP = "drop"

    @classmethod
    def parse(cls, value: object) -> PhoneNumbers:
        """From an argument.

        Raises:
            KoreConfigurationError: it is none of the three.
        """
        try:
            return cls(value)  # type: ignore[arg-type]  # anything may come from a template
        except ValueError:
            raise KoreConfigurationError(
                f"phone_numbers: expected 'keep' or 'hash' or 'drop', got {shown_argument(value)}",
                field="phone_numbers",
            ) from None


def key_from(secret: str) -> bytes:
    """A key that belongs to a connection, and tells nothing of its secret.

    The same for all campaigns of the connection, so a contact has the same hash in all their reports; without the
    secret, trying all numbers does not lead back to one. Another secret gives other hashes.
    """
    return hmac.digest(secret.encode(), b"airflow-provider-campaigns: contacts in reports", "sha256")


def fingerprint(key: bytes) -> str:
    """Tells whether two reports were made with the same key, and nothing else of it."""
    return hashlib.sha256(key).hexdigest()[:16]


def is_writable(contact: ContactResult) -> bool:
    """False of a row that is nested ``DEEPEST_ROW`` times or more, or has more than ``LONGEST_ROW`` characters."""
    row = contact.raw
    if _is_nested(row, DEEPEST_ROW):
        return False
    return sum(len(one if isinstance(one, str) else json.dumps(one)) for one in row.values()) <= LONGEST_ROW


def _is_nested(value: Any, levels: int) -> bool:
    """True if there is something within a value so many levels down."""
    if isinstance(value, str | int | float | None):
        return False
    inner = value if isinstance(value, list) else value.values()
    return levels == 1 or any(_is_nested(one, levels - 1) for one in inner)


class Treatment:
    """What is done to the phone number of each row, wherever in the row it occurs."""

    def __init__(self, phone_numbers: PhoneNumbers, key: bytes) -> None:
        self._mode = PhoneNumbers(phone_numbers)
        self._key = key

    def row_of(self, contact: ContactResult) -> dict[str, Any]:
        """The contact's row as it may be written.

        ``hash`` puts the HMAC-SHA256 of the number, in hexadecimal, in the place of every value that is the number, in
        any spelling that ``OwnNumber`` knows; ``drop`` leaves such fields out. Where the number is a part of a longer
        text, that part is replaced, or cut out. A row without a ``phoneNumber`` stays as it is, and so does any number
        that is not its own. A number that JSON does not have becomes a text, as in ``"NaN"``.
        """
        row: dict[str, Any] = finite(contact.raw)
        number = _number_in(row)
        if self._mode is PhoneNumbers.KEEP or not number:
            return row
        if self._mode is PhoneNumbers.DROP:
            return OwnNumber(row.pop(PHONE_FIELD)).hidden_in(row, None)
        mac = hmac.new(self._key, number.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        return OwnNumber(row[PHONE_FIELD]).hidden_in(row, mac) | {PHONE_FIELD: mac}

    def identity_of(self, contact: ContactResult) -> int:
        """A number that two rows share if they may be about the same contact: phone number and unique id are equal.

        All rows without either share one. A session is no part of it: it comes while a contact is called, and a contact
        that has moved would pass for two. Keyed, because it is kept beside rows that hold no phone numbers.
        """
        raw = contact.raw
        text = f"{raw.get(PHONE_FIELD) or ''}\0{raw.get('uniqueId') or ''}"
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=self._key).digest()
        return int.from_bytes(digest)


def final_outcome_of(row: Mapping[str, Any]) -> str:
    """The outcome of a row, empty if the service is not done with the contact, or was never at it."""
    outcome = row.get("dialerOutcome")
    text = outcome if isinstance(outcome, str) else "" if outcome is None else _encode_ascii(outcome)
    return "" if text in NOT_FINAL else text


def attempts_of(row: Mapping[str, Any]) -> int:
    """How often the contact was called; 0 if the row does not say so as a whole number."""
    attempts = row.get("numberOfAttemptsSoFar")
    return attempts if isinstance(attempts, int) and not isinstance(attempts, bool) else 0


def json_line(row: Mapping[str, Any]) -> bytes:
    """The row, as its ``Treatment`` gave it, as a line of JSON, in UTF-8."""
    try:
        return f"{_encode(row)}\n".encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can hold and UTF-8 cannot
        return f"{_encode_ascii(row)}\n".encode()


def csv_header() -> bytes:
    """The first line of the table."""
    return csv_lines(None)


def csv_lines(rows: Iterable[Mapping[str, Any]] | None) -> bytes:
    """Rows as lines of CSV by RFC 4180, in UTF-8.

    A cell that a spreadsheet would take for a formula begins with an apostrophe, which makes it text there; a phone
    number with a ``+`` is such a cell. None gives the header.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerows([(*COLUMNS, OTHER_COLUMN)] if rows is None else map(_cells, rows))
    return buffer.getvalue().encode("utf-8", "replace")


def _cells(row: Mapping[str, Any]) -> list[str]:
    other = {name: value for name, value in row.items() if name not in _KNOWN}
    return [*(_cell(row.get(name)) for name in COLUMNS), _encode(other) if other else ""]


def _cell(value: object) -> str:
    if isinstance(value, str):
        text = value
    elif value is None:
        return ""
    elif type(value) is int:
        text = str(value)
    elif isinstance(value, list) and all(isinstance(one, str) for one in value):
        text = DISPOSITIONS_JOINED_BY.join(value)
    else:
        text = _encode(value)
    # Nearly every cell begins with a letter or a digit, or is empty.
    return f"'{text}" if text and not text[0].isalnum() and _FORMULA.match(text) else text


_KNOWN = frozenset(COLUMNS)


def _number_in(row: Mapping[str, Any]) -> str:
    """The row's phone number as text, empty if it has none."""
    number = row.get(PHONE_FIELD)
    if number is None or isinstance(number, str):
        return number if number and number.strip() else ""
    return _encode_ascii(number)  # nothing that the service documents; whatever it is, it is treated as one
