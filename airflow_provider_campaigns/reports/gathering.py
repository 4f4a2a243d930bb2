"""Do the pages stand still? What one reading of them says of itself, and what several readings have seen together.

A service that sorts by something that many contacts share may give a contact on two pages and another on none, and the
count is right all the same. So rows are told apart by what contact they are about. Needs a few bytes for each row.
"""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_campaigns.reports.parts import NO_PAGE, Page
from airflow_provider_campaigns.reports.pending import is_pending

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from airflow_provider_campaigns.reports.parts import Parts

MOST_READINGS = 10
MOST_WRONG_PAGES = 3
"""In one reading. A service that gives the same page whichever is asked for is not asked for all of them."""

_LARGEST = 2**64 - 1


@dataclass(slots=True)
class PendingRows:
    """The rows that are not final, as one reading has seen them.

    Attributes:
        rows: how many.
        digest: the same for the same rows, in whatever order and on whatever pages.
        pages: the numbers of the pages that have such rows.
    """

    rows: int = 0
    digest: int = 0
    pages: list[int] = field(default_factory=list)

    def add(self, number: int, page: Page) -> None:
        """Take in the page of this number."""
        for identity, line, row in zip(page.identities, page.lines, page.rows, strict=True):
            if is_pending(row):
                digest = hashlib.blake2b(identity.to_bytes(8) + line, digest_size=16).digest()
                self.rows, self.digest = self.rows + 1, (self.digest + int.from_bytes(digest)) % 2**128
                if self.pages[-1:] != [number]:
                    self.pages.append(number)

    def is_like(self, other: PendingRows) -> bool:
        """True if both have seen the same rows with the same content."""
        return (self.rows, self.digest) == (other.rows, other.digest)


class Reading:
    """One reading of all pages.

    Attributes:
        wrong_pages: pages that were not those asked for.
        again: its first and last page, as far as they were read once more at its end.
        pending: the rows that are not final.
    """

    def __init__(self) -> None:
        self.wrong_pages = self._number = 0
        self.again: list[Page] = []
        self.pending = PendingRows()
        self._rows = self._conversations = 0
        self._identities, self._sessions = _Distinct(), _Distinct()
        self._pages: set[str] = set()

    def checked(self, page: Page, *, is_asked_for: bool) -> Page:
        """The page, ``NO_PAGE`` in the place of one that is not the one asked for, or that has come before."""
        return page if is_asked_for and page.digest not in self._pages else NO_PAGE

    def add(self, page: Page) -> None:
        """Take the next page in, as ``checked`` gave it."""
        self._number += 1
        if not page.lines:
            self.wrong_pages += 1
            return
        self._pages.add(page.digest)
        self._rows += len(page.lines)
        self.pending.add(self._number, page)
        for identity, row in zip(page.identities, page.rows, strict=True):
            self._identities.add(identity)
            if session := row.get("botSessionId"):
                self._conversations += 1
                self._sessions.add(_number_of(identity, str(session)))

    @property
    def is_hopeless(self) -> bool:
        """True if the service gives pages that were not asked for, however often it is asked."""
        return self.wrong_pages >= MOST_WRONG_PAGES

    @property
    def duplicates(self) -> int:
        """Rows that may be about a contact that another row is about."""
        return self._rows - self._identities.count()

    @property
    def repeats_a_conversation(self) -> bool:
        """True if a row certainly came twice: two contacts may be alike, but not have one conversation."""
        return self._sessions.count() < self._conversations


class Gathered:
    """What the readings of one run have seen together.

    Attributes:
        contacts: how many different ones.
        idle: so many readings in a row, up to the latest, have brought nothing new.
        is_as_before: the latest reading has the same rows as the one before it, each as often.
    """

    def __init__(self) -> None:
        self.contacts = self.idle = 0
        self.is_as_before = False
        self._readings: list[Parts] = []
        self._identities, self._states = _Distinct(), _Distinct()
        self._number_of_states = 0
        self._sums: list[tuple[int, int]] = []

    def add(self, parts: Parts, again: Iterable[Page] = (), *, left_out: Collection[str] = ()) -> None:
        """Take a reading in, and what was read ``again`` at its end: that may show a contact in another state.

        ``left_out`` are fields that tell no state of a row.
        """
        rows = total = 0
        for page in parts.replay():
            for identity in page.identities:
                self._identities.add(identity)
            rows, total = rows + len(page.lines), total + self._see(page.without(left_out))
        for page in again:
            self._see(page.without(left_out))
        self.is_as_before = self._sums[-1:] == [(rows, total)]
        self._readings.append(parts)
        self._sums.append((rows, total))
        contacts, states = self._identities.count(), self._states.count()
        is_idle = (contacts, states) == (self.contacts, self._number_of_states)
        self.idle = self.idle + 1 if is_idle else 0
        self.contacts, self._number_of_states = contacts, states

    def _see(self, page: Page) -> int:
        """Take in which states the contacts of a page are in; the sum of the states' numbers."""
        states = list(map(_number_of, page.identities, page.lines))
        for state in states:
            self._states.add(state)
        return sum(states)

    def is_whole(self, total: int | None) -> bool:
        """True if every contact was seen, and none in two states, in more than one reading."""
        return len(self._readings) > 1 and self.contacts == self._number_of_states == total

    def is_done(self, total: int | None) -> bool:
        """True if one more reading is not worth its requests: there is no more, or two have brought nothing new."""
        return self.is_whole(total) or self.idle > 1

    def pages(self) -> Iterator[Page]:
        """What was gathered: each contact once for each of its conversations, as it was seen last."""
        written: set[int] = set()
        for parts in reversed(self._readings):
            for page in parts.replay():
                new = []
                for index, (identity, row) in enumerate(zip(page.identities, page.rows, strict=True)):
                    one = _number_of(identity, str(row.get("botSessionId") or ""))
                    if one not in written:
                        written.add(one)
                        new.append(index)
                lines, rows, identities = page.lines, page.rows, page.identities
                yield Page([lines[n] for n in new], [rows[n] for n in new], [identities[n] for n in new])


class _Distinct:
    """How many different numbers of 64 bits there were, in 8 bytes for each."""

    def __init__(self) -> None:
        # Buckets, so that a set of one of them is small when they are counted.
        self._buckets = [array("Q") for _ in range(256)]

    def add(self, number: int) -> None:
        self._buckets[number & 0xFF].append(number)

    def count(self) -> int:
        for place, bucket in enumerate(self._buckets):
            self._buckets[place] = array("Q", set(bucket))
        return sum(map(len, self._buckets))


def _number_of(identity: int, content: bytes | str) -> int:
    """The same in this process for the same contact with the same content."""
    return hash((identity, content)) & _LARGEST
