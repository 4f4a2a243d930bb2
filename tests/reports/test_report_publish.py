"""What becomes of the report that was there when another is published."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from report_support import (
    DATA_FILES,
    Reporter,
    contents_of,
    folder_of,
    manifest_of,
    names_in,
)

from airflow_provider_campaigns.reports.errors import ReportError
from airflow_provider_campaigns.reports.fit import check_report
from airflow_provider_campaigns.reports.folder import Folder

if TYPE_CHECKING:
    from pathlib import Path

    from fake_clock import FakeClock

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator


class KilledError(BaseException):
    """Stands for a kill: nothing but a test catches it."""


@pytest.fixture
def report(client: KoreClient, fake_clock: FakeClock, tmp_path: Path, kore_simulator: KoreSimulator) -> Reporter:
    """Makes reports."""
    kore_simulator.switches(rate_limit=None)
    return Reporter(client, fake_clock, tmp_path / "reports")


def manifests_beside(folder: Path) -> list[dict[str, Any]]:
    """The manifests of reports that another has taken the place of."""
    return [json.loads(path.read_bytes()) for path in folder.glob("manifest-*.json")]


def test_snapshot__stays_beside(report: Reporter, kore_simulator: KoreSimulator) -> None:
    """A snapshot of a campaign that ran stays, with its manifest, beside the report that is made after the stop."""
    campaign_id = kore_simulator.add_campaign(status="Active", contacts=5)
    snapshot = report.one(campaign_id)
    kept = {name: data for name, data in contents_of(folder_of(snapshot)).items() if name != "manifest.json"}
    report.client.stop_campaign(campaign_id, "voice")
    result = report.one(campaign_id)

    (beside,) = manifests_beside(folder_of(result))
    assert (result["complete"], beside["reason"], beside["rows"]) == (True, "running", 5)
    after = contents_of(folder_of(result))
    assert {name: after[name] for name in kept} == kept
    assert beside["files"].keys() == kept.keys()


def test_other_phone_numbers__go(report: Reporter, kore_simulator: KoreSimulator) -> None:
    """Of a report with phone numbers nothing is left by one without, nor of what stayed beside it."""
    campaign_id = kore_simulator.add_campaign(status="Active", contacts=[{"phoneNumber": "19995550142"}])
    report.one(campaign_id)
    report.client.stop_campaign(campaign_id, "voice")
    report.one(campaign_id)
    result = report.one(campaign_id, phone_numbers="drop")

    assert names_in(folder_of(result)) == sorted((*DATA_FILES, "manifest.json"))
    assert b"1999555" not in b"".join(contents_of(folder_of(result)).values())


def test_killed__before_the_manifest(
    report: Reporter, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is killed before the manifest leaves the report that was, to the byte."""
    campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=300)
    first = report.one(campaign_id)
    before = contents_of(folder_of(first))
    write = Folder.write

    def killed(folder: Folder, name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "manifest.json":
            raise KilledError
        return write(folder, name, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "write", killed)
        with pytest.raises(KilledError):
            report.one(campaign_id, phone_numbers="drop")

    after = contents_of(folder_of(first))
    assert {name: after[name] for name in before} == before
    check_report(Folder(folder_of(first)), report.client.get_campaign(campaign_id))
    report.client.delete_campaign(campaign_id, "voice")
    assert report.one(campaign_id)["manifest_sha256"] == first["manifest_sha256"]


def test_two_writers(report: Reporter, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds another manifest than it began with leaves it, and is to start anew."""
    campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
    first = report.one(campaign_id, formats=("csv",))
    own, made = Folder.write_own, []

    def overtaken(folder: Folder, name: str, chunks: Any) -> Any:
        if not made:
            made.append(None)
            made[0] = report.one(campaign_id, formats=("csv", "jsonl"))
        return own(folder, name, chunks)

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "write_own", overtaken)
        error = report.failure(campaign_id, formats=("jsonl",))

    assert isinstance(error, ReportError)
    assert error.retryable
    assert "another task has written a report" in str(error)
    assert manifest_of(first)["formats"] == ["csv", "jsonl"]
    assert report.one(campaign_id, formats=("jsonl",))["manifest_sha256"] == made[0]["manifest_sha256"]
