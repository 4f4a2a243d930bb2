"""Deleting what was reported, and only that; what is kept of it. Against the simulator."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from delete_support import BY, DeleteReported, add, failure, kept, only, there
from report_support import path_in
from saved_report import result_of, save_report, url_of

from airflow_provider_campaigns.actions.targets import Targets
from airflow_provider_campaigns.kore.errors import CampaignMismatchError, KoreError
from airflow_provider_campaigns.reports.errors import ReportRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fake_clock import FakeClock
    from kore_support import Meanwhile

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator


@pytest.fixture
def delete(client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator, tmp_path: Path) -> DeleteReported:
    """Delete what reports are about, with an archive in ``archive``."""
    kore_simulator.switches(rate_limit=None)
    return DeleteReported(client, fake_clock, tmp_path / "archive", BY)


@pytest.fixture
def campaign_id(kore_simulator: KoreSimulator) -> str:
    """A campaign that has stopped."""
    return add(kore_simulator, name="Spring")[0]


class TestDelete:
    """What was reported is deleted once, and its record is complete."""

    def test_delete__reported(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, campaign_id: str, tmp_path: Path
    ) -> None:
        """The result tells by which report, and where the record is."""
        path = save_report(kore_simulator, campaign_id, tmp_path)
        run = kore_simulator.campaign(campaign_id).instance_id

        result = only(delete(result_of(path)))

        assert result == {
            "campaign_id": campaign_id,
            "campaign_type": "voice",
            "name": "Spring",
            "status": "Deleted",
            "changed": True,
            "campaign_instance_id": run,
            "deleted_at": "2026-03-02T12:30:00.000Z",
            "proven_by": "list and get",
            "report_url": url_of(path),
            "manifest_sha256": result_of(path)["manifest_sha256"],
            "verified": "all",
            "rows": 3,
            "pending": 1,
            "archive_url": url_of(tmp_path / "archive" / campaign_id / str(run)),
        }
        kore_simulator.assert_one_effect("delete", campaign_id)
        assert there(kore_simulator) == set()

    def test_delete__ready_with_a_run(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, tmp_path: Path
    ) -> None:
        """A complete report of a campaign that is Ready again after a run justifies its delete like any other."""
        (campaign_id,) = add(kore_simulator, status="Ready", instance_id="cid-1")
        path = save_report(kore_simulator, campaign_id, tmp_path)

        result = only(delete(result_of(path), Targets.parse(campaign_id, None)))

        assert (result["status"], result["campaign_instance_id"]) == ("Deleted", "cid-1")

    def test_delete__order_of_requests(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, campaign_id: str, tmp_path: Path
    ) -> None:
        """The campaign is read, then its contacts once more, and once more the campaign right before the delete."""
        delete(result_of(save_report(kore_simulator, campaign_id, tmp_path)))

        assert [one.operation for one in kore_simulator.requests] == [
            *("get", "list", "get", "contacts", "contacts"),
            *("get", "delete", "list", "get"),
        ]

    def test_delete__archive(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, campaign_id: str, tmp_path: Path
    ) -> None:
        """The object as it was, the service's answer, and a receipt without secrets, for nobody else to read."""
        path = save_report(kore_simulator, campaign_id, tmp_path)
        campaign = kore_simulator.campaign(campaign_id)

        delete(result_of(path))

        record = kept(tmp_path, campaign_id)
        assert sorted(record) == [
            "campaign.json",
            "delete-accepted.json",
            "delete-answer.json",
            "delete-grounds.json",
            "receipt.json",
        ]
        assert record["campaign.json"]["_id"] == campaign_id
        assert record["delete-grounds.json"] == {
            "format": 1,
            "report": {
                "report_url": url_of(path),
                "manifest_sha256": result_of(path)["manifest_sha256"],
                "verified": "all",
                "rows": 3,
                "pending": 1,
            },
            "deleted_by": BY,
            "begun_at": "2026-03-02T12:30:00.000Z",
        }
        assert record["delete-accepted.json"] == record["delete-grounds.json"] | {
            "deleted_at": "2026-03-02T12:30:00.000Z"
        }
        assert record["campaign.json"]["dialingStrategy"]["callerId"] == {"phoneNumber": campaign.caller_id}
        assert record["delete-answer.json"]["message"] == "Campaign Spring deleted successfully"
        assert record["delete-answer.json"]["data"] == record["campaign.json"]
        request = record["receipt.json"].pop("request")
        assert request.startswith(f"DELETE /campaign/api/v2/public/{kore_simulator.stream_id}/campaign/{campaign_id}?")
        assert "campaignType=voice" in request
        assert record["receipt.json"] == {
            "format": 1,
            "campaign_id": campaign_id,
            "campaign_type": "voice",
            "name": "Spring",
            "status": "Stopped",
            "campaign_instance_id": campaign.instance_id,
            "created_at": campaign.created_at,
            "report_url": url_of(path),
            "manifest_sha256": result_of(path)["manifest_sha256"],
            "given_manifest_sha256": result_of(path)["manifest_sha256"],
            "pending": 1,
            "results_verified": "all",
            "deleted_at": "2026-03-02T12:30:00.000Z",
            "proven_by": "list and get",
            "proven_gone_at": "2026-03-02T12:30:00.000Z",
            "outcome": "gone",
            "deleted_by": BY,
        }
        for one in (tmp_path / "archive").rglob("*.json"):
            assert one.stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize("form", ["folder", "folder/", "manifest", "result", "list", "json", "json list"])
    def test_delete__forms(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, campaign_id: str, tmp_path: Path, form: str
    ) -> None:
        """A report is given by its address, as its task's result, or as a text of it."""
        path = save_report(kore_simulator, campaign_id, tmp_path)
        report = {
            "folder": str(path),
            "folder/": f"{path}/",
            "manifest": str(path / "manifest.json"),
            "result": result_of(path),
            "list": [str(path)],
            "json": json.dumps(result_of(path)),
            "json list": json.dumps([result_of(path)]),
        }[form]

        assert only(delete(report, archive=False))["status"] == "Deleted"

    def test_delete__sms(self, kore_simulator: KoreSimulator, delete: DeleteReported, tmp_path: Path) -> None:
        """An SMS campaign, whose report may hold no contacts, is deleted like a voice campaign."""
        (sms,) = add(kore_simulator, campaign_type="sms")
        nothing = {"contact_results": False, "rows": None, "total": None, "contacts_before_stop": None}

        result = only(delete(result_of(save_report(kore_simulator, sms, tmp_path, **nothing))))

        assert (result["status"], result["campaign_type"], result["rows"]) == ("Deleted", "sms", None)

    def test_delete__never_ran(self, kore_simulator: KoreSimulator, delete: DeleteReported, tmp_path: Path) -> None:
        """One that never ran is deleted only if its id is named besides; its record is under ``never-ran``."""
        (ready,) = add(kore_simulator, status="Ready")
        path = save_report(kore_simulator, ready, tmp_path, rows=0, total=0, contacts_before_stop=None)

        assert "has yet to run" in str(failure(delete(result_of(path)), ready))
        kore_simulator.assert_no_writes()

        assert only(delete(result_of(path), Targets.parse(ready, None)))["campaign_instance_id"] is None
        assert (tmp_path / "archive" / ready / "never-ran" / "receipt.json").is_file()

    @pytest.mark.parametrize("fault", ["drop", "truncate", "503"])
    def test_delete__answer_lost(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, campaign_id: str, tmp_path: Path, fault: str
    ) -> None:
        """Where the answer was lost and reading proved the campaign gone, the record says so."""
        {
            "drop": lambda: kore_simulator.drop_next(after=True, operation="delete"),
            "truncate": lambda: kore_simulator.truncate_next(operation="delete"),
            "503": lambda: kore_simulator.fail_next(503, after=True, operation="delete"),
        }[fault]()

        assert only(delete(result_of(save_report(kore_simulator, campaign_id, tmp_path))))["changed"] is True
        assert kept(tmp_path, campaign_id)["delete-answer.json"] == {"lost": True}
        assert kept(tmp_path, campaign_id)["receipt.json"]["deleted_at"] == "2026-03-02T12:30:00.000Z"

    def test_delete__unproven(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, campaign_id: str, tmp_path: Path
    ) -> None:
        """Without a proof there is a receipt that says so."""
        delete(result_of(save_report(kore_simulator, campaign_id, tmp_path)), confirm=False)

        assert kept(tmp_path, campaign_id)["receipt.json"]["proven_gone_at"] is None

    def test_delete__plan(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, campaign_id: str, tmp_path: Path
    ) -> None:
        """A plan checks the report and keeps nothing."""
        path = save_report(kore_simulator, campaign_id, tmp_path)

        assert "planned" in only(delete(result_of(path), plan_only=True))
        path_in(path, "summary.json").unlink()
        assert isinstance(failure(delete(result_of(path), plan_only=True), campaign_id), ReportRefusedError)
        assert not (tmp_path / "archive").exists()
        kore_simulator.assert_no_writes()


def truncate(path: Path) -> None:
    path_in(path, "contacts.jsonl").write_bytes(path_in(path, "contacts.jsonl").read_bytes()[:-1])


def tamper(path: Path) -> None:
    content = path_in(path, "contacts.jsonl").read_bytes()
    path_in(path, "contacts.jsonl").write_bytes(content.replace(b"customer-1", b"customer-9"))


class TestRefused:
    """A report that does not justify the delete: no DELETE is sent, and the message says why and what to do."""

    @pytest.mark.parametrize(
        ("spoil", "why", "remedy"),
        [
            (shutil.rmtree, "is not there, or was not finished: there is no manifest.json", "Run the report"),
            (
                lambda path: path_in(path, "contacts.jsonl").unlink(),
                "lacks contacts-",
                "Run the report again, which makes anew",
            ),
            (truncate, "is damaged: contacts-", "Run the report again"),
            (tamper, "was changed: the SHA-256 of contacts-", "Run the report again"),
            (
                lambda path: (path / "manifest.json").write_text("{"),
                "cannot be understood",
                "Then run the report again",
            ),
        ],
    )
    def test_delete__spoiled(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        campaign_id: str,
        tmp_path: Path,
        spoil: Callable[[Path], object],
        why: str,
        remedy: str,
    ) -> None:
        """Missing, truncated, tampered with, unreadable."""
        path = save_report(kore_simulator, campaign_id, tmp_path)
        given = result_of(path)
        spoil(path)

        error = failure(delete(given), campaign_id)

        assert isinstance(error, ReportRefusedError)
        assert why in str(error)
        assert remedy in str(error)
        assert "Nothing was deleted" in str(error)
        kore_simulator.assert_no_writes()
        assert not (tmp_path / "archive").exists()

    @pytest.mark.parametrize(
        ("manifest", "why"),
        [
            ({"complete": False, "reason": "empty", "reason_text": "it ran, and there is no contact"}, "no contact"),
            ({"complete": False, "reason": "total_shrank", "reason_text": "1200 contacts before the stop, 0 after"},
             "is not complete: 1200 contacts before the stop, 0 after"),
            ({"campaign_instance_id": "cid-before"}, "is about run cid-before, and the campaign was started again"),
        ],
    )  # fmt: skip
    def test_delete__unfit(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        campaign_id: str,
        tmp_path: Path,
        manifest: dict[str, Any],
        why: str,
    ) -> None:
        """Empty, incomplete because the stop emptied the results, of an earlier run."""
        path = save_report(kore_simulator, campaign_id, tmp_path, **manifest)

        assert why in str(failure(delete(result_of(path)), campaign_id))
        kore_simulator.assert_no_writes()

    def test_delete__foreign(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, campaign_id: str, tmp_path: Path
    ) -> None:
        """The report of another campaign, passed off as this one's."""
        (other,) = add(kore_simulator, name="Spring")
        path = save_report(kore_simulator, other, tmp_path)

        error = failure(delete(result_of(path) | {"campaign_id": campaign_id}), campaign_id)

        assert f"is about campaign {other}. Nothing was deleted. Give this campaign's report" in str(error)
        kore_simulator.assert_no_writes()

    @pytest.mark.parametrize("if_running", ["fail", "stop"])
    def test_delete__started_again(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, campaign_id: str, tmp_path: Path, if_running: str
    ) -> None:
        """A campaign that was started again since its report is neither stopped nor deleted, and the reason is told."""
        path = save_report(kore_simulator, campaign_id, tmp_path)
        run = kore_simulator.restart(campaign_id)

        error = failure(delete(result_of(path), if_running=if_running), campaign_id)

        assert f"the campaign was started again since: it is Active as run {run}. Nothing was deleted" in str(error)
        kore_simulator.assert_no_writes()

    def test_delete__started_again_meanwhile(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        campaign_id: str,
        tmp_path: Path,
        meanwhile: Meanwhile,
    ) -> None:
        """So is one that is started again while its report is being read."""
        kore_simulator.switches(delete_running="accept")
        path = save_report(kore_simulator, campaign_id, tmp_path)
        meanwhile("delete_campaign", lambda: kore_simulator.restart(campaign_id))

        assert "was started again since" in str(failure(delete(result_of(path)), campaign_id))
        kore_simulator.assert_no_writes()

    def test_delete__renamed_meanwhile(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        campaign_id: str,
        tmp_path: Path,
        meanwhile: Meanwhile,
    ) -> None:
        """One that is renamed is refused for good: a person has to say that it is still meant."""
        path = save_report(kore_simulator, campaign_id, tmp_path)
        store = kore_simulator.service.store
        meanwhile("delete_campaign", lambda: setattr(store.get(campaign_id), "name", "Summer"))

        error = failure(delete(str(path)), campaign_id)

        assert "is named 'Summer', expected 'Spring'; nothing was sent. If it was renamed" in str(error)
        assert (error.retryable, error.ends_retries) == (False, False)

    def test_delete__report_vanishes_meanwhile(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        campaign_id: str,
        tmp_path: Path,
        meanwhile: Meanwhile,
    ) -> None:
        """So is one whose report is removed after it was read."""
        path = save_report(kore_simulator, campaign_id, tmp_path)
        meanwhile("delete_campaign", lambda: shutil.rmtree(path))

        assert "is not there, or was not finished" in str(failure(delete(result_of(path)), campaign_id))
        kore_simulator.assert_no_writes()

    def test_delete__no_report_in_the_result(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, campaign_id: str
    ) -> None:
        """A result without the address of a report justifies nothing."""
        error = failure(delete({"campaign_id": campaign_id, "status": "Stopped"}), campaign_id)

        assert "the result of its report's task names no report (report_url)" in str(error)
        kore_simulator.assert_no_writes()

    def test_delete__another_name(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, campaign_id: str, tmp_path: Path
    ) -> None:
        """The name in the report's result must still be the campaign's."""
        path = save_report(kore_simulator, campaign_id, tmp_path)

        error = failure(delete(result_of(path) | {"name": "Summer"}), campaign_id)

        assert isinstance(error, CampaignMismatchError)
        kore_simulator.assert_no_writes()

    def test_delete__one_refused(self, kore_simulator: KoreSimulator, delete: DeleteReported, tmp_path: Path) -> None:
        """One that is refused, or cannot even be told, keeps no other from being deleted."""
        ids = add(kore_simulator, 4)
        reports: list[Any] = [result_of(save_report(kore_simulator, one, tmp_path)) for one in ids]
        shutil.rmtree(tmp_path / ids[1])
        lost = str(tmp_path / "nowhere")

        outcomes = delete([*reports, lost])

        assert list(outcomes.failures) == [ids[1], lost]
        assert there(kore_simulator) == {ids[1]}
        with pytest.raises(KoreError, match="2 of 5 campaigns could not be deleted"):
            outcomes.raise_failures("deleted")
