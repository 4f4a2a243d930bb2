"""A whole run that is cleared after its success: what one task has proven, the tasks after it believe for an hour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from delete_support import BY, remove
from saved_report import open_folder, save_report
from start_support import Notes

from airflow_provider_campaigns.actions.deleting.archive import Archive
from airflow_provider_campaigns.actions.deleting.delete import DeleteOptions, delete_campaigns
from airflow_provider_campaigns.actions.deleting.given_reports import GivenReports, reported_targets
from airflow_provider_campaigns.actions.reporting.report import ReportOptions, report_campaigns
from airflow_provider_campaigns.actions.reporting.settle import read_ended
from airflow_provider_campaigns.actions.stopping.stop import StopOptions, stop_campaigns
from airflow_provider_campaigns.actions.targets import Target, Targets
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.errors import KoreError, KoreServiceError
from airflow_provider_campaigns.reports.errors import ReportRefusedError
from airflow_provider_campaigns.reports.folder import Folder

if TYPE_CHECKING:
    from pathlib import Path

    from fake_clock import FakeClock

    from airflow_provider_campaigns.actions.outcomes import Outcomes
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("no_rate_limit")

Json = dict[str, Any]

STOPPED_AT = "2026-03-02T12:30:00.000Z"


@dataclass
class Evening:
    """The tasks of ``end_of_campaign``, each as it is mapped; what one returns is given to the next."""

    client: KoreClient
    simulator: KoreSimulator
    fake_clock: FakeClock
    home: Path
    kind: CampaignType = CampaignType.VOICE

    def deleted(self, number: int) -> list[str]:
        """Campaigns that an earlier try has reported and deleted."""
        ids = [self.simulator.add_campaign(campaign_type=self.kind, status="Stopped") for _ in range(number)]
        for one in ids:
            save_report(self.simulator, one, self.home, campaign_type=str(self.kind), formats=["jsonl"])
            remove(self.simulator, one)
        self.simulator.requests.clear()
        return ids

    def stop(self, ids: list[str], *, has_notes: bool = False) -> dict[str, Json]:
        """With notes, as of Airflow 3.3, it knows that it has stopped these campaigns before."""
        confirmed = {"campaign_instance_id": "cid-1", "sent_at": STOPPED_AT, "confirmed_at": STOPPED_AT}
        notes = Notes({one: confirmed for one in ids if has_notes})
        options, targets = StopOptions(self.kind, if_missing="succeed"), [Target(one) for one in ids]
        outcomes = stop_campaigns(self.client, targets, options, evidence=notes, clock=self.fake_clock.clock)
        outcomes.raise_failures("stopped")
        return {one["campaign_id"]: one for one in outcomes.as_dicts()}

    def settle(self, campaign_id: str, stopped: Json | None) -> Json:
        target, clock = Target(campaign_id), self.fake_clock.clock
        return read_ended(self.client, target, self.kind, stopped, clock=clock).as_dict()

    def report(self, settled: Json) -> Outcomes:
        targets = Targets.parse(None, [settled]).targets
        return report_campaigns(self.client, targets, self.home, ReportOptions(("jsonl",)), clock=self.fake_clock.clock)

    def delete(self, report: Json, *, archive: Path | None = None, by_id: bool = False) -> Outcomes:
        named = Targets.parse(report["campaign_id"], None) if by_id else None
        given = reported_targets(GivenReports.parse(report), named, open_folder)
        return delete_campaigns(
            self.client,
            given.targets.targets,
            DeleteOptions(),
            reports=given.reports,
            archive=None if archive is None else Archive(Folder(archive), BY),
            clock=self.fake_clock.clock,
        )


@pytest.fixture
def evening(client: KoreClient, kore_simulator: KoreSimulator, fake_clock: FakeClock, tmp_path: Path) -> Evening:
    return Evening(client, kore_simulator, fake_clock, tmp_path / "reports")


def only(outcomes: Outcomes) -> Json:
    outcomes.raise_failures("served")
    (result,) = outcomes.as_dicts()
    return result


def reported(evening: Evening) -> Json:
    """What the report of a campaign says that its stop has just proven missing."""
    (campaign_id,) = evening.deleted(1)
    settled = evening.settle(campaign_id, evening.stop([campaign_id])[campaign_id])
    result = only(evening.report(settled))
    evening.simulator.requests.clear()
    return result


@pytest.mark.parametrize("by_id", [False, True])
@pytest.mark.parametrize("kind", list(CampaignType))
@pytest.mark.parametrize(("number", "has_notes", "lists"), [(1, True, 1), (4, True, 1), (4, False, 2), (50, False, 2)])
def test_cleared__requests(
    evening: Evening,
    kore_simulator: KoreSimulator,
    tmp_path: Path,
    number: int,
    kind: CampaignType,
    lists: int,
    *,
    has_notes: bool,
    by_id: bool,
) -> None:
    """One request of the stop and one of the delete for each campaign, and a list or two: at most 3 a campaign."""
    evening.kind = kind
    ids = evening.deleted(number)

    stopped = evening.stop(ids, has_notes=has_notes)
    by_stop = len(kore_simulator.requests)
    settled = [evening.settle(one, stopped[one]) for one in ids]
    reports = [only(evening.report(one)) for one in settled]
    by_report = len(kore_simulator.requests) - by_stop
    deletes = [only(evening.delete(one, archive=tmp_path / "archive", by_id=by_id)) for one in reports]

    assert (by_stop, by_report) == (number + lists, 0)
    assert len(kore_simulator.requests) == 2 * number + lists <= 3 * number
    assert [one["changed"] for one in reports] == [False] * number
    assert [(one["status"], one["changed"]) for one in deletes] == [("Missing", False)] * number
    kore_simulator.assert_no_writes()


def test_cleared__an_hour_later(evening: Evening, kore_simulator: KoreSimulator) -> None:
    """What was proven an hour ago is proven anew by each task: a reading, and the lists in which it may be."""
    (campaign_id,) = evening.deleted(1)
    stopped = evening.stop([campaign_id])[campaign_id]
    evening.fake_clock.elapsed_s += 3600
    kore_simulator.requests.clear()

    settled = evening.settle(campaign_id, stopped)
    assert [one.operation for one in kore_simulator.requests] == ["get", "list", "list"]
    assert settled["proven_missing_at"] == "2026-03-02T13:30:00.000Z"
    report = only(evening.report(settled | {"proven_missing_at": stopped["proven_missing_at"]}))
    assert [one.operation for one in kore_simulator.requests][3:] == ["get", "list", "list"]
    assert only(evening.delete(report))["status"] == "Missing"
    assert [one.operation for one in kore_simulator.requests][6:] == ["get", "list", "list"]


@pytest.mark.parametrize("has_lied_to", ["stop", "settle"])
def test_cleared__of_the_other_type(evening: Evening, kore_simulator: KoreSimulator, has_lied_to: str) -> None:
    """A campaign of the other type that runs is not called missing because reading does not find it for once."""
    text = kore_simulator.add_campaign(campaign_type="sms", status="Active")
    kore_simulator.fail_next(404, operation="get")

    with pytest.raises(KoreError, match="the list holds it"):
        evening.stop([text]) if has_lied_to == "stop" else evening.settle(text, None)
    kore_simulator.assert_no_writes()


def test_cleared__is_there_again(evening: Evening, kore_simulator: KoreSimulator) -> None:
    """A campaign that runs by the time of its delete is seen, whatever was proven before, and left alone."""
    report = reported(evening)
    kore_simulator.add_campaign(campaign_id=report["campaign_id"], status="Active")

    outcomes = evening.delete(report)

    assert isinstance(outcomes.failures[report["campaign_id"]], ReportRefusedError)
    kore_simulator.assert_no_writes()


def test_cleared__not_reported_before(evening: Evening, kore_simulator: KoreSimulator) -> None:
    """Without a kept report a campaign is looked for once more: one that is there again is reported anew."""
    (campaign_id,) = evening.deleted(1)
    stopped = evening.stop([campaign_id])[campaign_id]
    for path in evening.home.rglob("manifest.json"):
        path.unlink()
    kore_simulator.add_campaign(campaign_id=campaign_id, status="Stopped", contacts=5)

    result = only(evening.report(evening.settle(campaign_id, stopped)))

    assert (result["status"], result["changed"], result["rows"]) == ("Stopped", True, 5)


def test_cleared__not_answered(evening: Evening, kore_simulator: KoreSimulator) -> None:
    """A delete whose own reading is not answered does not say that the campaign is gone."""
    report = reported(evening)
    kore_simulator.fail_next(503, operation="get", times=1000)

    outcomes = evening.delete(report)

    assert not outcomes.results
    assert isinstance(outcomes.failures[report["campaign_id"]], KoreServiceError)


def test_cleared__receipt_owed(evening: Evening, kore_simulator: KoreSimulator, tmp_path: Path) -> None:
    """Where a receipt is owed, which tells when and how it was proven, the delete proves it itself."""
    report = reported(evening)
    campaign_id = report["campaign_id"]
    kore_simulator.add_campaign(campaign_id=campaign_id, status="Stopped")
    archive = tmp_path / "archive"
    Archive(Folder(archive), BY).begin(evening.client.get_campaign(campaign_id), {}, evening.fake_clock.clock.now())
    remove(kore_simulator, campaign_id)
    kore_simulator.requests.clear()

    assert only(evening.delete(report, archive=archive))["proven_by"] == "list and get"
    assert [one.operation for one in kore_simulator.requests] == ["get", "list", "list"]
