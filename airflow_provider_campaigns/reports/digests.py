"""What two readings of a run are compared by: a digest of each row, and of what it says that must not get lost. Pure.

``digests.txt`` has a line for each row: what contact it is about, its content, its outcome, its attempts, and its
dispositions. All but the attempts are digests with the connection's key: nothing of a contact can be read from them.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_campaigns.reports.manifest import DIGESTS_NAME
from airflow_provider_campaigns.reports.rows import attempts_of, final_outcome_of, fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    Lines = Callable[[], Iterable[bytes]]
    """Begins to read the lines of a ``digests.txt``."""

    from airflow_provider_campaigns.reports.manifest import Manifest
    from airflow_provider_campaigns.reports.parts import Page

_NOTHING = "-"
_ROWS_AT_ONCE = 20_000
_MOST_PAIRS = 4_000_000
"""Rows of one contact compared, each with each. Beyond, a row that has changed is taken for one that is lost."""


def is_comparable_with(manifest: Manifest, key: bytes) -> bool:
    """True if a later reading can be compared with a report: it has digests, and they were made with this key."""
    return not manifest.contact_results or (
        manifest.name_of(DIGESTS_NAME) is not None and manifest.key == fingerprint(key)
    )


class Digester:
    """Makes the lines of ``digests.txt``."""

    def __init__(self, key: bytes, left_out: Collection[str] = ()) -> None:
        """``left_out`` are fields that are not compared."""
        self._left_out = left_out
        self._digest = partial(_digest, key)
        # Thousands of rows share a few outcomes and dispositions.
        self._digest_of_few = lru_cache(1024)(lambda text: self._digest(text.encode("utf-8", "surrogatepass")))

    def lines_of(self, page: Page) -> bytes:
        """The lines of a page's rows."""
        lines = zip(page.identities, page.without(self._left_out).lines, page.rows, strict=True)
        return "".join(self._line_of(identity, line, row) for identity, line, row in lines).encode()

    def _line_of(self, identity: int, line: bytes, row: Mapping[str, Any]) -> str:
        outcome, dispositions = final_outcome_of(row), row.get("agentDispositionCodes")
        if not isinstance(dispositions, list):
            dispositions = [dispositions] if dispositions else []
        said = ",".join(self._digest_of_few(str(one)) for one in dispositions)
        return (
            f"{identity:016x} {self._digest(line)} {self._digest_of_few(outcome) if outcome else _NOTHING} "
            f"{attempts_of(row)} {said or _NOTHING}\n"
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """What a later reading of a run has that an earlier one had not, and the other way round.

    Attributes:
        lost: rows that it does not have, or of which it says less.
        new: rows that it has besides, or of which it says something else.
    """

    lost: int
    new: int


def compare(before: Lines, after: Lines, *, rows: int) -> Difference:
    """How a later reading of a run differs from an earlier one; memory does not grow with the rows.

    A later row says no less than an earlier one of its contact if it has as many attempts, every disposition, and the
    outcome; another outcome, or none yet, is no less if there have been more attempts.

    Args:
        before: begins to read the lines of the earlier one; called more than once.
        after: likewise of the later one.
        rows: about how many there are.
    """
    lost = new = 0
    parts = 1 + rows // _ROWS_AT_ONCE
    for part in range(parts):
        earlier, later = _rows_by_contact(before(), part, parts), _rows_by_contact(after(), part, parts)
        for contact in earlier.keys() | later.keys():
            missing, further = _unequal(earlier.get(contact, []), later.get(contact, []))
            new += len(further)
            lost += _unmatched(missing, further)
    return Difference(lost, new)


def takes_back(before: Lines, after: Lines, *, rows: int) -> int:
    """How many rows of a snapshot a reading after the stop takes back: it does not have the contact, or empties it.

    A snapshot is made while contacts move, and may have one twice. What has only changed since is not taken back.
    """
    emptied = 0
    parts = 1 + rows // _ROWS_AT_ONCE
    for part in range(parts):
        earlier, later = _rows_by_contact(before(), part, parts), _rows_by_contact(after(), part, parts)
        for contact, known in earlier.items():
            now = later.get(contact, [])
            emptied += sum(all(map(one.is_emptied_in, now)) for one in known)
    return emptied


class _Row(NamedTuple):
    content: bytes
    outcome: bytes
    attempts: int
    dispositions: bytes

    def says_less_than(self, other: _Row) -> bool:
        if self.attempts < other.attempts or other.codes - self.codes:
            return True
        is_kept = other.outcome in {b"-", self.outcome}
        return not is_kept and self.attempts == other.attempts

    def is_emptied_in(self, later: _Row) -> bool:
        if later.attempts > self.attempts:
            return False
        has_lost_all = later.dispositions == b"-" != self.dispositions
        return later.attempts < self.attempts or has_lost_all or later.outcome == b"-" != self.outcome

    @property
    def codes(self) -> Counter[bytes]:
        return Counter() if self.dispositions == b"-" else Counter(self.dispositions.split(b","))


def _rows_by_contact(lines: Iterable[bytes], part: int, parts: int) -> dict[bytes, list[_Row]]:
    found: dict[bytes, list[_Row]] = defaultdict(list)
    for line in lines:
        if int(line[:16], 16) % parts == part:
            contact, content, outcome, attempts, dispositions = line.split()
            found[contact].append(_Row(content, outcome, int(attempts), dispositions))
    return found


def _unequal(earlier: list[_Row], later: list[_Row]) -> tuple[list[_Row], list[_Row]]:
    """The rows of a contact that only one of two readings has."""
    before, after = Counter(earlier), Counter(later)
    return list((before - after).elements()), list((after - before).elements())


def _unmatched(missing: list[_Row], further: list[_Row]) -> int:
    """How many of the rows that are not there any more have no row in their place that says no less."""
    if len(missing) * len(further) > _MOST_PAIRS:
        return len(missing)
    left = sorted(further, key=_weight)
    lost = 0
    for one in sorted(missing, key=_weight, reverse=True):  # what asks for most has the first choice
        place = next((place for place, now in enumerate(left) if not now.says_less_than(one)), None)
        if place is None:
            lost += 1
        else:
            del left[place]
    return lost


def _weight(row: _Row) -> tuple[int, int, bool]:
    return row.attempts, len(row.dispositions), row.outcome != b"-"


def _digest(key: bytes, data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8, key=key).hexdigest()
