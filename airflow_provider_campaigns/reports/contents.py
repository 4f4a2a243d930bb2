"""The data files of a report, written side by side while its pages come in: JSONL, CSV, Parquet and the counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_campaigns.kore.errors import KoreConfigurationError, shown_argument
from airflow_provider_campaigns.reports.manifest import CONTACT_FILES, DIGESTS_NAME
from airflow_provider_campaigns.reports.rows import csv_header, csv_lines
from airflow_provider_campaigns.reports.summary import Tally

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from airflow_provider_campaigns.reports.digests import Digester
    from airflow_provider_campaigns.reports.folder import FileEntry, Folder, Writer
    from airflow_provider_campaigns.reports.parts import Page

FORMATS = ("jsonl", "csv", "parquet", "html")


def checked_formats(value: object) -> tuple[str, ...]:
    """``value`` as the formats of a report, each once, in the order of ``FORMATS``; one of them holds the contacts.

    Raises:
        KoreConfigurationError: shows what there is.
    """
    named = [value] if isinstance(value, str) else value
    formats = list(named) if isinstance(named, list | tuple | set | frozenset) else None
    if not formats or not all(one in FORMATS for one in formats):
        raise KoreConfigurationError(
            f"formats: expected some of {', '.join(map(repr, FORMATS))}, such as ('jsonl', 'csv', 'html'), "
            f"got {shown_argument(value)}",
            field="formats",
        )
    if not CONTACT_FILES.keys() & formats:
        raise KoreConfigurationError(
            f"formats: expected at least one of {', '.join(map(repr, CONTACT_FILES))}, got {shown_argument(value)}: "
            "without a file of the contacts a report justifies no delete",
            field="formats",
        )
    return tuple(one for one in FORMATS if one in formats)


def check_installed(formats: Collection[str]) -> None:
    """Make sure that all of these formats can be written here.

    Raises:
        KoreConfigurationError: names the extra that one of them needs.
    """
    if "parquet" in formats:
        from airflow_provider_campaigns.reports import parquet  # noqa: PLC0415 - only where wanted

        parquet.check_installed()


class Contents:
    """What is being written. Nothing appears before it is committed; memory does not grow with the rows.

    Attributes:
        tally: counts over all rows.
    """

    def __init__(self, folder: Folder, formats: Iterable[str], digester: Digester | None = None) -> None:
        """``digester`` makes the digests of the rows; None where there are to be none."""
        self.tally = Tally()
        self._folder = folder
        self._writers: list[Writer] = []
        wanted = set(formats)
        self._digester = digester
        self._digests = self._begin(DIGESTS_NAME) if wanted and digester is not None else None
        self._lines = self._begin(CONTACT_FILES["jsonl"]) if "jsonl" in wanted else None
        self._table = self._begin(CONTACT_FILES["csv"]) if "csv" in wanted else None
        self._columns = None
        if self._table is not None:
            self._table.write(csv_header())
        if "parquet" in wanted:
            from airflow_provider_campaigns.reports.parquet import ParquetTable  # noqa: PLC0415 - 0.3 s

            self._columns = ParquetTable(self._begin(CONTACT_FILES["parquet"]))

    def _begin(self, name: str) -> Writer:
        writer = self._folder.begin(name, is_own=True)
        self._writers.append(writer)
        return writer

    def add(self, page: Page) -> None:
        """Write a page to all files, and count its rows."""
        if self._lines is not None:
            self._lines.write(b"".join(page.lines))
        if self._table is not None:
            self._table.write(csv_lines(page.rows))
        if self._columns is not None:
            self._columns.add(page.rows)
        if self._digester is not None and self._digests is not None:
            self._digests.write(self._digester.lines_of(page))
        self.tally.add(page.rows)

    def digests(self) -> Iterator[bytes]:
        """The lines of the rows that were added so far."""
        return iter(()) if self._digests is None else self._digests.lines()

    def commit(self) -> dict[str, FileEntry]:
        """Let the files appear, each under a name of its own; by that name."""
        if self._columns is not None:
            self._columns.close()
        entries = [writer.commit() for writer in self._writers]
        return {writer.name: entry for writer, entry in zip(self._writers, entries, strict=True)}

    def discard(self) -> None:
        """Forget what was written and not committed."""
        for writer in self._writers:
            writer.discard()
