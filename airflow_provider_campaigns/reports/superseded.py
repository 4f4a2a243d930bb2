"""A note beside a report that the service no longer bears out: what was read later takes something of it away."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from airflow_provider_campaigns.kore.clock import instant_text
from airflow_provider_campaigns.reports.manifest import json_bytes, manifest_bytes

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_campaigns.reports.folder import Folder
    from airflow_provider_campaigns.reports.manifest import Manifest

SUPERSEDED_NAME = "superseded.json"


def mark_superseded(folder: Folder, manifest: Manifest, why: str, *, at: datetime) -> None:
    """Let the next report of the run be read anew; the files of this one stay.

    Raises:
        ReportStorageError: it cannot be written.
    """
    note = {"manifest_sha256": manifest.sha256, "reason": why, "found_at": instant_text(at)}
    folder.write(SUPERSEDED_NAME, [json_bytes(note)])


def why_superseded(folder: Folder, manifest: Manifest) -> str | None:
    """Why this very report is superseded; None if it is not.

    Raises:
        ReportStorageError: it cannot be read.
    """
    try:
        note = json.loads(manifest_bytes(folder, SUPERSEDED_NAME) or b"{}")
        return str(note["reason"]) if note.get("manifest_sha256") == manifest.sha256 else None
    except (ValueError, AttributeError, KeyError):
        return None  # a note that was torn or edited: the delete compares again in any case
