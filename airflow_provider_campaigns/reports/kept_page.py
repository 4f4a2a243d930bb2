"""The page of a report that is kept, written again from the files beside it: it says what the manifest says."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_campaigns.reports.manifest import CAMPAIGN_NAME, MANIFEST_NAME, PAGE_NAME, SUMMARY_NAME, Manifest
from airflow_provider_campaigns.reports.page.render import render_page

if TYPE_CHECKING:
    from airflow_provider_campaigns.reports.folder import Folder


def write_page_again(folder: Folder, manifest: Manifest) -> Manifest:
    """Write the page of a kept report, if it has one, and then its manifest.

    A process that is killed between the two leaves a page that is not as the manifest says, beside data files that
    are; written again for the manifest that is there, the page is as it was.

    Args:
        folder: of the report; all its files but the page are as the manifest says.
        manifest: what the page is to say; written unless it is as it was read, and remains right.

    Returns:
        The manifest, with the size and digest of the page.

    Raises:
        ReportStorageError: the storage refuses.
    """
    before = manifest.name_of(PAGE_NAME)
    if before is not None:
        name, entry = folder.write_own(PAGE_NAME, [page_of_kept(folder, manifest)])
        if name != before:
            files = {one: kept for one, kept in manifest.files.items() if one != before}
            manifest = replace(manifest, files=files | {name: entry}, source=None)
    if manifest.source is None:
        folder.write(MANIFEST_NAME, [manifest.as_bytes()])
    return manifest


def page_of_kept(folder: Folder, manifest: Manifest) -> bytes:
    """The page that says what the manifest says, of the campaign and the counts that are kept in the folder."""
    campaign, summary = (manifest.name_of(name) for name in (CAMPAIGN_NAME, SUMMARY_NAME))
    page = render_page(
        campaign=json.loads(folder.read(str(campaign))),
        summary=json.loads(folder.read(str(summary))),
        manifest=manifest.as_json(),
    )
    return page.encode("utf-8", "replace")
