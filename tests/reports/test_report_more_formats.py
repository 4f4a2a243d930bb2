"""Further formats of a report that is kept, without asking the service for its contacts again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from report_support import Reporter, contents_of, file_of, folder_of, manifest_of, rows_of

from airflow_provider_campaigns.reports.fit import check_report
from airflow_provider_campaigns.reports.folder import Folder

if TYPE_CHECKING:
    from pathlib import Path

    from fake_clock import FakeClock

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

ALL = ("jsonl", "csv", "parquet", "html")


@pytest.fixture
def report(client: KoreClient, fake_clock: FakeClock, tmp_path: Path, kore_simulator: KoreSimulator) -> Reporter:
    """Makes reports."""
    kore_simulator.switches(rate_limit=None)
    return Reporter(client, fake_clock, tmp_path / "reports")


@pytest.mark.parametrize("is_gone", [True, False])
def test_all_of_them(is_gone: bool, report: Reporter, kore_simulator: KoreSimulator, tmp_path: Path) -> None:
    """They are to the byte what the first task would have written; nothing that was there is touched."""
    rows = [{"phoneNumber": f"1999555{number:04}", "name": "Jos\u00e9", "x": [1.5, None]} for number in range(250)]
    campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=rows)
    at_once = Reporter(report.client, report.fake_clock, tmp_path / "at once").one(campaign_id, formats=ALL)
    first = report.one(campaign_id, formats=("jsonl",))
    before = contents_of(folder_of(first))
    campaign = report.client.get_campaign(campaign_id)
    if is_gone:
        kore_simulator.service.store.remove(campaign_id)
    kore_simulator.requests.clear()
    result = report.one(campaign_id, formats=ALL)

    assert len(kore_simulator.requests.of("contacts")) == 0
    assert result["changed"]
    assert manifest_of(result)["formats"] == ["jsonl", "csv", "parquet", "html"]
    assert manifest_of(result)["extends"] == [first["manifest_sha256"]]
    for name in ("contacts.jsonl", "contacts.csv", "contacts.parquet", "report.html", "digests.txt"):
        assert file_of(result, name).read_bytes() == file_of(at_once, name).read_bytes(), name
    after = contents_of(folder_of(result))
    assert all(after[name] == data for name, data in before.items() if name != "manifest.json")
    check_report(Folder(folder_of(result)), campaign, manifest_sha256=first["manifest_sha256"])
    assert report.one(campaign_id, formats=ALL)["changed"] is False
    assert report.one(campaign_id, formats=("csv",))["changed"] is False


def test_without_jsonl(report: Reporter, kore_simulator: KoreSimulator) -> None:
    """A report that has no rows as JSONL is made anew while the campaign is there; then it says what it has."""
    campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
    report.one(campaign_id, formats=("csv",))
    assert len(rows_of(report.one(campaign_id))) == 5

    other = kore_simulator.add_campaign(status="Stopped", contacts=5)
    report.one(other, formats=("csv",))
    kore_simulator.service.store.remove(other)
    assert "has formats=['csv']" in str(report.failure(other, formats=("jsonl",)))
    assert report.one(other, formats=("csv", "html"))["files"]["report.html"]


def test_totals_only(report: Reporter, kore_simulator: KoreSimulator) -> None:
    """A report of totals only gets its page, and no file of contacts."""
    kore_simulator.switches(sms_results="error")
    sms = kore_simulator.add_campaign(campaign_type="sms", status="Stopped", contacts=7)
    report.one(sms, formats=("jsonl",), if_no_contact_results="totals")
    kore_simulator.service.store.remove(sms)
    result = report.one(sms, if_no_contact_results="totals")

    assert sorted(result["files"]) == ["campaign.json", "report.html", "summary.json"]
    assert json.loads(file_of(result, "summary.json").read_bytes())["messages_sent"] == 0
