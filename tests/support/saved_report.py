"""A report as its task leaves it, for what comes after the task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.kore.campaigns import ContactResult
from airflow_provider_campaigns.reports.digests import Digester
from airflow_provider_campaigns.reports.folder import Folder
from airflow_provider_campaigns.reports.parts import Page
from airflow_provider_campaigns.reports.rows import PhoneNumbers, Treatment, fingerprint, key_from

if TYPE_CHECKING:
    from airflow_provider_campaigns.simulator import KoreSimulator

ROWS = 3
FINISHED_AT = "2026-03-02T12:20:00.000Z"


def url_of(path: Path) -> str:
    """A local path as a report's address."""
    return f"file://{path}"


def open_folder(url: str) -> Folder:
    """The folder of such an address."""
    return Folder(Path(url.removeprefix("file://")))


def manifest_of(simulator: KoreSimulator, campaign_id: str, /, **changes: Any) -> dict[str, Any]:
    """What the manifest of a complete report of the campaign as it is now says, but for its files."""
    campaign = simulator.campaign(campaign_id)
    return {
        "format": 1,
        "provider_version": "0.1.0",
        "complete": True,
        "reason": None,
        "reason_text": None,
        "campaign_id": campaign_id,
        "campaign_type": campaign.campaign_type,
        "name": campaign.name,
        "status": campaign.status,
        "campaign_instance_id": campaign.instance_id,
        "created_at": campaign.created_at,
        "updated_at": campaign.updated_at,
        "contact_results": True,
        "total": ROWS,
        "rows": ROWS,
        "duplicate_rows": 0,
        "contacts_before_stop": ROWS,
        "stopped_at": "2026-03-02T12:00:00.000Z",
        "phone_numbers": "keep",
        "formats": ["jsonl"],
        "allow_empty": False,
        "started_at": "2026-03-02T12:15:00.000Z",
        "finished_at": FINISHED_AT,
        "tries": 1,
        "passes": 1,
        "key": fingerprint(key_from(simulator.client_secret)),
        "proven_by": "one_reading",
        "left_out": [],
        "extends": [],
        # The files come before this one.
        **({"files": changes.pop("files")} if "files" in changes else {}),
        "pending": 1,
        "messages_sent": None,
        **changes,
    }


def save_report(simulator: KoreSimulator, campaign_id: str, output: Path, /, **changes: Any) -> Path:
    """Write a complete report of the campaign as it is now, its manifest with ``changes``; the report's folder.

    The service gets the contacts that the report holds.
    """
    manifest = manifest_of(simulator, campaign_id, **changes)
    path = output / campaign_id / (simulator.campaign(campaign_id).instance_id or "never-ran")
    folder = Folder(path)
    rows = [{"uniqueId": f"customer-{number}"} for number in range(manifest["rows"] or 0)]
    simulator.set_contacts(campaign_id, rows)
    lines = [b'{"uniqueId":"customer-%d"}\n' % number for number in range(len(rows))]
    key = key_from(simulator.client_secret)
    treatment = Treatment(PhoneNumbers.KEEP, key)
    identities = [treatment.identity_of(ContactResult.from_api(row)) for row in rows]
    contents = {
        "contacts.jsonl": b"".join(lines),
        "digests.txt": Digester(key).lines_of(Page(lines, rows, identities)),
        "campaign.json": b"{}\n",
        "summary.json": b"{}\n",
    }
    entries = dict(folder.write_own(name, [content]) for name, content in contents.items())
    manifest.setdefault(
        "files", {name: {"bytes": entry.bytes, "sha256": entry.sha256} for name, entry in entries.items()}
    )
    folder.write("manifest.json", [json.dumps(manifest, indent=2).encode() + b"\n"])
    return path


def result_of(path: Path) -> dict[str, Any]:
    """What the report's task returned."""
    folder, manifest = Folder(path), json.loads((path / "manifest.json").read_text())
    entry = folder.measure("manifest.json")
    assert entry is not None
    return {
        **{name: manifest[name] for name in ("campaign_id", "campaign_type", "name", "status")},
        "changed": True,
        "campaign_instance_id": manifest["campaign_instance_id"],
        **{
            name: manifest[name]
            for name in ("complete", "reason", "rows", "pending", "contacts_before_stop", "finished_at")
        },
        "report_url": folder.url(),
        "manifest_url": folder.url("manifest.json"),
        "manifest_sha256": entry.sha256,
    }
