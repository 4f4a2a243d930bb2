"""What a killed export leaves behind: the pages it has read, ten to a part, for the next try to go on from.

A part's name says to which reading it belongs, which page it begins with, and the digest of its content. So parts of
another run, state or treatment are never taken, and a torn one is noticed; two exports of the same campaign at the same
time write the same parts under the same names, or different ones under different names.
"""

from __future__ import annotations

import hashlib
import json
import logging
from array import array
from base64 import b64decode, b64encode
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.reports.errors import ReportStorageError
from airflow_provider_campaigns.reports.folder import entry_of
from airflow_provider_campaigns.reports.manifest import json_bytes
from airflow_provider_campaigns.reports.rows import COLUMNS, json_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from airflow_provider_campaigns.reports.folder import Folder

log = logging.getLogger(__name__)

PARTS_FOLDER = "_parts"
PAGES_IN_A_PART = 10
_A_FEW = 5


@dataclass(frozen=True, slots=True)
class Page:
    """One page of contacts as it is written. Never shows a contact in ``repr``.

    Attributes:
        lines: each row as a line of JSON.
        rows: the same rows.
        identities: a number for each row, which tells what contact it is about.
    """

    lines: Sequence[bytes] = field(repr=False)
    rows: Sequence[Mapping[str, Any]] = field(repr=False)
    identities: Sequence[int] = field(repr=False)

    @property
    def digest(self) -> str:
        """The same for the same rows, in whatever order."""
        numbers = (identity.to_bytes(8) for identity in self.identities)
        return hashlib.sha256(b"".join(sorted(map(bytes.__add__, self.lines, numbers)))).hexdigest()

    def without(self, left_out: Collection[str]) -> Page:
        """The same page without some fields, as it is compared; the identities stay."""
        if not left_out:
            return self
        rows = [{name: value for name, value in row.items() if name not in left_out} for row in self.rows]
        return Page([json_line(row) for row in rows], rows, self.identities)

    def always_changing(self, again: Page) -> frozenset[str]:
        """The undocumented fields that every row has, each time with another value, where the page is read again.

        Where other rows came the second time, those that came twice tell, if they are a few. Contacts that are alike
        tell nothing: which of them is which is not known.
        """
        before, now = self._rows_of_one_contact(), again._rows_of_one_contact()
        pairs = [(before[one], now[one]) for one in before.keys() & now.keys()]
        if len(pairs) < min(len(self.rows), _A_FEW):
            return frozenset()
        return frozenset(
            name
            for name in (pairs[0][0] if pairs else ())
            if name not in COLUMNS
            and all(name in row and name in other and row[name] != other[name] for row, other in pairs)
        )

    def _rows_of_one_contact(self) -> dict[int, Mapping[str, Any]]:
        """The rows by their identity, but for those that share one."""
        counts = Counter(self.identities)
        return {one: row for one, row in zip(self.identities, self.rows, strict=True) if counts[one] == 1}


NO_PAGE = Page((), (), ())
"""In the place of a page that was not the one asked for."""


class Parts:
    """The parts of one reading, in the order of its pages."""

    def __init__(self, folder: Folder, identity: Mapping[str, Any]) -> None:
        """``identity`` is whatever must be equal for a part to belong to this reading; plain JSON values."""
        self._folder = folder
        self._prefix = hashlib.sha256(json_bytes(identity)).hexdigest()[:16]
        self._pending: list[Page] = []
        self._next = 1

    def replay(self) -> Iterator[Page]:
        """The pages that were kept, from the first on without a gap; a torn part ends them. The next page follows."""
        self._next = 1
        names = [name for name in self._folder.names() if name.startswith(f"{self._prefix}.")]
        while part := self._part_from(self._next, names):
            for page in part:
                self._next += 1
                yield page

    def add(self, page: Page) -> None:
        """Keep the next page; every tenth makes a part."""
        self._pending.append(page)
        if len(self._pending) == PAGES_IN_A_PART:
            self.flush()

    def flush(self) -> None:
        """Keep what is not in a part yet."""
        if not self._pending:
            return
        data = _packed(self._pending)
        self._folder.write(f"{self._prefix}.{self._next:08d}.{entry_of(data).sha256}.jsonl", [data], is_lasting=False)
        self._next += len(self._pending)
        self._pending.clear()

    def _part_from(self, first_page: int, names: list[str]) -> list[Page]:
        """The pages of the part that begins with this page; none if there is no whole one."""
        for name in names:
            _, number, digest, _ = name.split(".")
            if int(number) != first_page:
                continue
            try:
                data = self._folder.read(name)
            except ReportStorageError as error:
                if error.retryable:
                    raise
                continue  # another export has removed it
            if entry_of(data).sha256 == digest:
                return _unpacked(data)
            log.warning("a part of the report is torn, its pages are read again: %s", self._folder.url(name))
            self._folder.remove(name)
        return []


def _packed(pages: Sequence[Page]) -> bytes:
    identities = array("Q", [one for page in pages for one in page.identities]).tobytes()
    header = {"pages": [len(page.lines) for page in pages], "identities": b64encode(identities).decode()}
    return b"".join([json.dumps(header).encode(), b"\n", *(line for page in pages for line in page.lines)])


def _unpacked(data: bytes) -> list[Page]:
    head, *lines = data.splitlines(keepends=True)  # JSON holds no bare line break
    header = json.loads(head)
    identities = array("Q", b64decode(header["identities"]))
    pages, first = [], 0
    for size in header["pages"]:
        own = lines[first : first + size]
        pages.append(Page(own, [json.loads(line) for line in own], identities[first : first + size]))
        first += size
    return pages
