"""What is kept of a campaign that is deleted: an archive that fails, and one that an earlier try began."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from delete_support import BY, STRANGER, DeleteReported, add, failure, kept, only, remove
from report_support import path_in
from saved_report import result_of, save_report, url_of

from airflow_provider_campaigns.kore.errors import CampaignTimeoutError, KoreConfigurationError
from airflow_provider_campaigns.reports.errors import ReportStorageError
from airflow_provider_campaigns.reports.folder import Folder

if TYPE_CHECKING:
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


class TestArchiveFails:
    """What cannot be kept is not deleted; what is deleted gets its receipt in the end."""

    def test_delete__archive_among_reports(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, campaign_id: str, tmp_path: Path
    ) -> None:
        """An archive in the folder of the reports is refused, and the report is left alone."""
        path = save_report(kore_simulator, campaign_id, tmp_path / "archive")
        error = failure(delete(result_of(path)), campaign_id)

        assert isinstance(error, KoreConfigurationError)
        assert error.field == "archive_path"
        assert "must be another folder than that of the reports" in str(error)
        assert not (path / "campaign.json").exists()
        kore_simulator.assert_no_writes()

    def test_delete__archive_not_writable(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, campaign_id: str, tmp_path: Path
    ) -> None:
        """An archive that cannot be written keeps the campaign where it is."""
        (tmp_path / "archive").write_text("a file in the place of the folder")

        error = failure(delete(result_of(save_report(kore_simulator, campaign_id, tmp_path))), campaign_id)

        assert isinstance(error, ReportStorageError)
        assert "cannot" in str(error)
        kore_simulator.assert_no_writes()

    @pytest.mark.parametrize("run", ["../elsewhere", "a/b", ".."])
    def test_delete__run_that_is_no_name(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, tmp_path: Path, run: str
    ) -> None:
        """A run whose id would lead out of the archive is not written, and its campaign not deleted."""
        (campaign_id,) = add(kore_simulator)
        path = save_report(kore_simulator, campaign_id, tmp_path)
        given = result_of(path)
        kore_simulator.service.store.get(campaign_id).instance_id = run
        body = json.loads((path / "manifest.json").read_text()) | {"campaign_instance_id": run}
        (path / "manifest.json").write_text(json.dumps(body))
        del given["manifest_sha256"]

        error = failure(delete(given), campaign_id)

        assert "its campaignInstanceId cannot be the name of a folder" in str(error)
        kore_simulator.assert_no_writes()

    @pytest.mark.parametrize("lost", ["delete-accepted.json", "delete-answer.json", "receipt.json"])
    def test_delete__receipt_not_writable(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        campaign_id: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        lost: str,
    ) -> None:
        """If the archive fails after the delete, the task fails, and the next try writes what is owed."""
        path = save_report(kore_simulator, campaign_id, tmp_path)
        write = Folder.write
        is_full = True

        def refuse(folder: Folder, name: str, chunks: Any, **how: Any) -> Any:
            if name == lost and is_full:
                raise ReportStorageError("no space left")
            return write(folder, name, chunks, **how)

        monkeypatch.setattr(Folder, "write", refuse)

        error = failure(delete(result_of(path)), campaign_id)

        assert str(error) == (
            f"campaign {campaign_id}: is deleted, but its receipt could not be written: no space left. Run this again, "
            "which writes it"
        )
        assert error.retryable

        is_full = False
        result = only(delete(result_of(path)))

        assert result["status"] == "Deleted"
        assert result["changed"] is (lost != "delete-accepted.json")
        assert kept(tmp_path, campaign_id)["receipt.json"]["report_url"] == url_of(path)
        kore_simulator.assert_one_effect("delete", campaign_id)

    def test_delete__answer_not_writable_for_a_moment(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        campaign_id: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """An answer that could not be kept at once is kept with the receipt."""
        write, refusals = Folder.write, iter([True])

        def refuse(folder: Folder, name: str, chunks: Any, **how: Any) -> Any:
            if name == "delete-answer.json" and next(refusals, False):
                raise ReportStorageError("try again")
            return write(folder, name, chunks, **how)

        monkeypatch.setattr(Folder, "write", refuse)
        only(delete(result_of(save_report(kore_simulator, campaign_id, tmp_path))))

        assert kept(tmp_path, campaign_id)["delete-answer.json"]["status"] == "success"

    def test_delete__not_gone_then_gone(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        campaign_id: str,
        tmp_path: Path,
        meanwhile: Meanwhile,
    ) -> None:
        """A delete that is not proven has a receipt that says so, which the next try completes, once."""
        path = save_report(kore_simulator, campaign_id, tmp_path)
        before = dataclasses.asdict(kore_simulator.campaign(campaign_id))
        meanwhile("look_through", lambda: kore_simulator.add_campaign(**before))

        assert isinstance(failure(delete(result_of(path)), campaign_id), CampaignTimeoutError)
        receipt = kept(tmp_path, campaign_id)["receipt.json"]
        assert (receipt["outcome"], receipt["proven_gone_at"], receipt["proven_by"]) == (
            "accepted, not proven",
            None,
            None,
        )

        remove(kore_simulator, campaign_id)
        delete.by = BY | {"try_number": 2}
        assert only(delete(result_of(path)))["changed"] is True
        assert kept(tmp_path, campaign_id)["receipt.json"] == receipt | {
            "outcome": "gone",
            "proven_gone_at": "2026-03-02T12:31:00.000Z",
            "proven_by": "list and get",
        }
        assert only(delete(result_of(path)))["status"] == "Missing"

    def test_delete__not_gone_and_not_writable(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        campaign_id: str,
        tmp_path: Path,
        meanwhile: Meanwhile,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Where that receipt cannot be written either, the error is the same, and the next try writes it."""
        path = save_report(kore_simulator, campaign_id, tmp_path)
        before = dataclasses.asdict(kore_simulator.campaign(campaign_id))
        meanwhile("look_through", lambda: kore_simulator.add_campaign(**before))
        write = Folder.write

        def refuse(folder: Folder, name: str, chunks: Any, **how: Any) -> Any:
            if name == "receipt.json":
                raise ReportStorageError("no space left")
            return write(folder, name, chunks, **how)

        with monkeypatch.context() as patch:
            patch.setattr(Folder, "write", refuse)
            assert isinstance(failure(delete(result_of(path)), campaign_id), CampaignTimeoutError)
        remove(kore_simulator, campaign_id)

        assert only(delete(result_of(path)))["changed"] is True
        assert kept(tmp_path, campaign_id)["receipt.json"]["outcome"] == "gone"

    def test_delete__torn_receipt(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, campaign_id: str, tmp_path: Path
    ) -> None:
        """A receipt that was torn is written anew."""
        path = save_report(kore_simulator, campaign_id, tmp_path)
        delete(result_of(path))
        (receipt,) = (tmp_path / "archive").rglob("receipt.json")
        receipt.write_text("{")
        delete(result_of(path))

        assert kept(tmp_path, campaign_id)["receipt.json"]["proven_gone_at"] is not None

    def test_delete__there_again(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, campaign_id: str, tmp_path: Path
    ) -> None:
        """A receipt outlives a delete of a campaign that is there all the same, unless that one is accepted."""
        path = save_report(kore_simulator, campaign_id, tmp_path)
        before = dataclasses.asdict(kore_simulator.campaign(campaign_id))
        delete(result_of(path))
        receipt = kept(tmp_path, campaign_id)["receipt.json"]
        kore_simulator.add_campaign(**before)
        kore_simulator.fail_next(400, operation="delete", body={"status": "failed"})
        delete.by = BY | {"try_number": 2}

        assert campaign_id in delete(result_of(path)).failures
        assert kept(tmp_path, campaign_id)["receipt.json"] == receipt
        only(delete(result_of(path)))
        assert kept(tmp_path, campaign_id)["receipt.json"] == receipt | {"deleted_by": BY | {"try_number": 2}}

    def test_delete__refused_and_then_made_by_hand(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, campaign_id: str, tmp_path: Path
    ) -> None:
        """A receipt for a delete that nobody saw names who tried it and who found the campaign gone, not who did it."""
        path = save_report(kore_simulator, campaign_id, tmp_path)
        kore_simulator.fail_next(400, operation="delete", body={"status": "failed"})
        assert campaign_id in delete(result_of(path)).failures
        remove(kore_simulator, campaign_id)
        delete.by = BY | {"try_number": 2}

        assert only(delete(result_of(path)))["changed"] is False

        receipt = kept(tmp_path, campaign_id)["receipt.json"]
        assert (receipt["deleted_at"], receipt["deleted_by"]) == (None, None)
        assert (receipt["tried_by"]["try_number"], receipt["found_gone_by"]["try_number"]) == (1, 2)

    def test_delete__without_grounds(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, campaign_id: str, tmp_path: Path
    ) -> None:
        """A receipt for a record whose grounds somebody has removed says that nobody knows them."""
        path = save_report(kore_simulator, campaign_id, tmp_path)
        delete(result_of(path))
        (record,) = (tmp_path / "archive" / campaign_id).iterdir()
        for name in ("receipt.json", "delete-accepted.json", "delete-grounds.json"):
            (record / name).unlink()

        only(delete(result_of(path)))

        receipt = kept(tmp_path, campaign_id)["receipt.json"]
        assert (receipt["manifest_sha256"], receipt["results_verified"], receipt["deleted_by"]) == (None, None, {})

    def test_delete__record_garbled(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, campaign_id: str, tmp_path: Path
    ) -> None:
        """A record that cannot be understood is told, and not passed over."""
        path = save_report(kore_simulator, campaign_id, tmp_path)
        folder = tmp_path / "archive" / campaign_id / "cid-1"
        folder.mkdir(parents=True)
        (folder / "campaign.json").write_text("[]")
        remove(kore_simulator, campaign_id)

        error = failure(delete(result_of(path)), campaign_id)

        assert "campaign.json: is no campaign object" in str(error)
        assert not error.retryable

    def test_delete__again_after_a_refusal(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        campaign_id: str,
        tmp_path: Path,
        meanwhile: Meanwhile,
    ) -> None:
        """A record that a refused try began is written anew by the one that deletes."""
        path = save_report(kore_simulator, campaign_id, tmp_path)
        meanwhile("delete_campaign", lambda: kore_simulator.restart(campaign_id))
        assert campaign_id in delete(result_of(path)).failures

        kore_simulator.set_status(campaign_id, "Stopped")
        again = save_report(kore_simulator, campaign_id, tmp_path)
        assert only(delete(result_of(again)))["changed"] is True


class TestGoneAlready:
    """A campaign that is gone is success, whatever became of its report."""

    @pytest.mark.parametrize("archive", [True, False])
    def test_delete__gone(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, campaign_id: str, tmp_path: Path, archive: bool
    ) -> None:
        """It is told with its report, as unchanged, and nothing is sent."""
        path = save_report(kore_simulator, campaign_id, tmp_path)
        given = result_of(path)
        remove(kore_simulator, campaign_id)
        path_in(path, "contacts.jsonl").unlink()

        assert only(delete(given, archive=archive)) == {
            "campaign_id": campaign_id,
            "campaign_type": None,
            "name": "Spring",
            "status": "Missing",
            "changed": False,
            "campaign_instance_id": None,
            "report_url": url_of(path),
            "manifest_sha256": given["manifest_sha256"],
            "rows": 3,
            "pending": 1,
        }
        kore_simulator.assert_no_writes()

    def test_delete__twice(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, campaign_id: str, tmp_path: Path
    ) -> None:
        """A second delete changes nothing, and leaves the receipt as it is."""
        given = result_of(save_report(kore_simulator, campaign_id, tmp_path))
        delete(given)
        first = kept(tmp_path, campaign_id)

        result = only(delete(given))

        assert (result["status"], result["changed"]) == ("Missing", False)
        assert kept(tmp_path, campaign_id) == first
        kore_simulator.assert_one_effect("delete", campaign_id)

    def test_delete__no_report_and_gone(self, delete: DeleteReported) -> None:
        """A result without a report is enough for a campaign that is not there."""
        assert only(delete({"campaign_id": STRANGER}))["status"] == "Missing"

    @pytest.mark.parametrize("if_missing", ["succeed", "fail"])
    def test_delete__killed_try(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        campaign_id: str,
        tmp_path: Path,
        if_missing: str,
    ) -> None:
        """What a killed try owes is written by the next one, which says that the campaign is deleted."""
        path = save_report(kore_simulator, campaign_id, tmp_path)
        delete(result_of(path))
        (record,) = (tmp_path / "archive" / campaign_id).iterdir()
        for name in ("receipt.json", "delete-answer.json", "delete-accepted.json"):
            (record / name).unlink()

        result = only(delete(result_of(path), if_missing=if_missing))

        assert (result["status"], result["changed"], result["archive_url"]) == ("Deleted", False, url_of(record))
        assert kept(tmp_path, campaign_id)["delete-answer.json"] == {"lost": True}
        receipt = kept(tmp_path, campaign_id)["receipt.json"]
        assert (receipt["deleted_at"], receipt["proven_gone_at"]) == (None, "2026-03-02T12:30:00.000Z")
        assert receipt["name"] == "Spring"
