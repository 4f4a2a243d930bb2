"""Further formats of a report that is kept, made from its own files: also when the campaign is gone."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_campaigns.reports.contents import FORMATS, Contents
from airflow_provider_campaigns.reports.kept_page import page_of_kept
from airflow_provider_campaigns.reports.manifest import CONTACT_FILES, MANIFEST_NAME, PAGE_NAME, Manifest
from airflow_provider_campaigns.reports.parts import Page

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from airflow_provider_campaigns.reports.folder import Folder

_ROWS_AT_ONCE = 100


def can_have(kept: Manifest, formats: Collection[str]) -> bool:
    """True if a report has these formats, or can be given them: its rows are there as JSONL, or it has no rows."""
    missing = set(formats) - set(kept.formats) - {"html"}
    return not missing or not kept.contact_results or kept.name_of(CONTACT_FILES["jsonl"]) is not None


def add_formats(folder: Folder, kept: Manifest, formats: Collection[str]) -> Manifest:
    """Give a complete report the formats that it lacks; what it has stays as it is.

    Args:
        folder: of the report; all its files are as the manifest says.
        kept: what it says; ``can_have`` is true of it.
        formats: that it is to have.

    Returns:
        The manifest, as written; ``kept`` if there was nothing to add.

    Raises:
        ReportStorageError: the storage refuses.
    """
    missing = set(formats) - set(kept.formats)
    if not missing:
        return kept
    manifest = replace(
        kept,
        formats=tuple(one for one in FORMATS if one in {*kept.formats, *missing}),
        extends=(kept.sha256, *kept.extends),
        source=None,
    )
    contents = Contents(folder, missing if kept.contact_results else ())
    try:
        for page in _pages_of(folder, kept):
            contents.add(page)
        manifest = replace(manifest, files=manifest.files | contents.commit())
    finally:
        contents.discard()
    if "html" in missing:
        name, entry = folder.write_own(PAGE_NAME, [page_of_kept(folder, manifest)])
        manifest = replace(manifest, files=manifest.files | {name: entry})
    folder.write(MANIFEST_NAME, [manifest.as_bytes()])
    return manifest


def _pages_of(folder: Folder, kept: Manifest) -> Iterator[Page]:
    name = kept.name_of(CONTACT_FILES["jsonl"])
    lines = iter(()) if name is None else folder.lines(name)
    while some := list(itertools.islice(lines, _ROWS_AT_ONCE)):
        yield Page(some, [json.loads(line) for line in some], ())
