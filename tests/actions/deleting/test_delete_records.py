"""What becomes of a record when another try, another evening or another task at the same time comes across it."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from delete_support import BY, DeleteReported, KilledError, add, failure, kept, only, remove
from saved_report import result_of, save_report

from airflow_provider_campaigns.actions.deleting.archive import Archive, Record
from airflow_provider_campaigns.kore.errors import CampaignTimeoutError
from airflow_provider_campaigns.reports.errors import ReportStorageError
from airflow_provider_campaigns.reports.folder import Folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fake_clock import FakeClock
    from kore_support import Meanwhile

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

GRACE = BY | {"approved_by": ["Grace"]}
ADA = BY | {"try_number": 2, "approved_by": ["Ada"]}
EITHER_ORDER = pytest.mark.parametrize("runs", [("cid-a", "cid-b"), ("cid-b", "cid-a")])
"""Whichever of two runs the archive's folder lists first, it must not matter."""


@pytest.fixture
def delete(client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator, tmp_path: Path) -> DeleteReported:
    """Delete what reports are about, with an archive in ``archive``, approved by Grace."""
    kore_simulator.switches(rate_limit=None)
    return DeleteReported(client, fake_clock, tmp_path / "archive", GRACE)


@pytest.fixture
def campaign_id(kore_simulator: KoreSimulator) -> str:
    """A campaign that has stopped."""
    return add(kore_simulator, name="Spring")[0]


@pytest.fixture
def report_run(kore_simulator: KoreSimulator, campaign_id: str, tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """Report a run of the campaign that is over, as its last."""

    def report(run: str) -> dict[str, Any]:
        kore_simulator.restart(campaign_id)
        kore_simulator.set_status(campaign_id, "Stopped")
        kore_simulator.service.store.get(campaign_id).instance_id = run
        return result_of(save_report(kore_simulator, campaign_id, tmp_path))

    return report


@pytest.fixture
def refused(kore_simulator: KoreSimulator, delete: DeleteReported, campaign_id: str) -> Callable[[Any], None]:
    """Let the service refuse a delete; a minute passes."""

    def refuse(given: Any) -> None:
        kore_simulator.fail_next(400, operation="delete", body={"status": "failed"})
        failure(delete(given), campaign_id)
        delete.fake_clock.elapsed_s += 60

    return refuse


@pytest.fixture
def unproven(
    kore_simulator: KoreSimulator, delete: DeleteReported, campaign_id: str, meanwhile: Meanwhile
) -> Callable[[Any], None]:
    """Let a delete be accepted that shows no effect within its minute."""

    def accept(given: Any) -> None:
        before = dataclasses.asdict(kore_simulator.campaign(campaign_id))
        meanwhile("look_through", lambda: kore_simulator.add_campaign(**before))
        assert isinstance(failure(delete(given), campaign_id), CampaignTimeoutError)

    return accept


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def receipt_of(tmp_path: Path, campaign_id: str, run: str) -> dict[str, Any]:
    """What the receipt of a run says; empty if there is none."""
    path = tmp_path / "archive" / campaign_id / run / "receipt.json"
    return json.loads(path.read_text()) if path.exists() else {}


def kill_before_its_receipt(delete: DeleteReported, given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(Record, "finish", killed)
        with pytest.raises(KilledError):
            delete(given)


class TestRuns:
    """A campaign is deleted once, so of the records of its runs one at most is completed."""

    def test_cleared(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        campaign_id: str,
        report_run: Callable[[str], dict[str, Any]],
        refused: Callable[[Any], None],
        tmp_path: Path,
    ) -> None:
        """An evening that is cleared leaves the record of an earlier run, whose delete was refused, as it is."""
        refused(report_run("cid-1"))
        second = report_run("cid-2")
        assert only(delete(second))["changed"] is True
        before = files_in(tmp_path)
        kore_simulator.requests.clear()

        result = only(delete(second | {"proven_missing_at": "2026-03-02T12:31:00.000Z"}))

        assert (result["status"], result["changed"]) == ("Missing", False)
        assert result["manifest_sha256"] == second["manifest_sha256"]
        assert files_in(tmp_path) == before
        assert [one.operation for one in kore_simulator.requests] == ["get"]

    @EITHER_ORDER
    def test_killed(
        self,
        delete: DeleteReported,
        campaign_id: str,
        report_run: Callable[[str], dict[str, Any]],
        refused: Callable[[Any], None],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        runs: tuple[str, str],
    ) -> None:
        """The receipt that a killed try owes is that of its run, not of an earlier one whose delete was refused."""
        refused(report_run(runs[0]))
        second = report_run(runs[1])
        kill_before_its_receipt(delete, second, monkeypatch)

        result = only(delete(second))

        assert (result["campaign_instance_id"], result["changed"]) == (runs[1], True)
        assert result["manifest_sha256"] == second["manifest_sha256"]
        receipt = receipt_of(tmp_path, campaign_id, runs[1])
        assert (receipt["outcome"], receipt["deleted_by"]) == ("gone", GRACE)
        assert receipt_of(tmp_path, campaign_id, runs[0]) == {}

    @EITHER_ORDER
    def test_none_answered(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        campaign_id: str,
        report_run: Callable[[str], dict[str, Any]],
        refused: Callable[[Any], None],
        tmp_path: Path,
        runs: tuple[str, str],
    ) -> None:
        """Where no delete was accepted, the record of the last one that was begun is completed."""
        refused(report_run(runs[0]))
        second = report_run(runs[1])
        refused(second)
        remove(kore_simulator, campaign_id)

        result = only(delete(second))

        assert (result["campaign_instance_id"], result["changed"]) == (runs[1], False)
        receipt = receipt_of(tmp_path, campaign_id, runs[1])
        assert (receipt["deleted_by"], receipt["tried_by"]) == (None, GRACE)
        assert receipt_of(tmp_path, campaign_id, runs[0]) == {}

    @EITHER_ORDER
    def test_first_accepted(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        campaign_id: str,
        report_run: Callable[[str], dict[str, Any]],
        refused: Callable[[Any], None],
        unproven: Callable[[Any], None],
        tmp_path: Path,
        runs: tuple[str, str],
    ) -> None:
        """A delete that was accepted is the one that took effect, not a later one that was refused."""
        unproven(report_run(runs[0]))
        second = report_run(runs[1])
        refused(second)
        remove(kore_simulator, campaign_id)

        result = only(delete(second))

        assert (result["campaign_instance_id"], result["changed"]) == (runs[0], True)
        receipt = receipt_of(tmp_path, campaign_id, runs[0])
        assert (receipt["outcome"], receipt["deleted_by"]) == ("gone", GRACE)
        assert receipt_of(tmp_path, campaign_id, runs[1]) == {}


class TestTries:
    """What an earlier try has proven is never lost, and a receipt names who approved the delete that was accepted."""

    def test_late_effect(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        campaign_id: str,
        unproven: Callable[[Any], None],
        meanwhile: Meanwhile,
        tmp_path: Path,
    ) -> None:
        """A delete that takes effect while the next try is about to send another is that of the first."""
        given = result_of(save_report(kore_simulator, campaign_id, tmp_path))
        unproven(given)
        receipt = kept(tmp_path, campaign_id)["receipt.json"]
        assert (receipt["deleted_by"], receipt["deleted_at"]) == (GRACE, "2026-03-02T12:30:00.000Z")
        delete.by = ADA
        meanwhile("delete_campaign", lambda: remove(kore_simulator, campaign_id))

        assert only(delete(given))["changed"] is True

        assert kept(tmp_path, campaign_id)["receipt.json"] == receipt | {
            "outcome": "gone",
            "proven_gone_at": "2026-03-02T12:31:00.000Z",
            "proven_by": "list and get",
        }

    def test_accepted_again(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        campaign_id: str,
        unproven: Callable[[Any], None],
        tmp_path: Path,
    ) -> None:
        """Where the next try's own delete is accepted, the receipt is about that one."""
        given = result_of(save_report(kore_simulator, campaign_id, tmp_path))
        unproven(given)
        delete.by = ADA

        assert only(delete(given))["changed"] is True

        receipt = kept(tmp_path, campaign_id)["receipt.json"]
        assert (receipt["deleted_by"], receipt["deleted_at"]) == (ADA, "2026-03-02T12:31:00.000Z")

    def test_answer_lost_after_an_accepted_one(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        campaign_id: str,
        unproven: Callable[[Any], None],
        tmp_path: Path,
    ) -> None:
        """Where the answer to the next try's delete is lost, the one that is known to be accepted stays."""
        given = result_of(save_report(kore_simulator, campaign_id, tmp_path))
        unproven(given)
        answer = kept(tmp_path, campaign_id)["delete-answer.json"]
        delete.by = ADA
        kore_simulator.drop_next(after=True, operation="delete")

        assert only(delete(given))["changed"] is True

        record = kept(tmp_path, campaign_id)
        assert record["delete-answer.json"] == answer
        receipt = record["receipt.json"]
        assert (receipt["outcome"], receipt["deleted_by"]) == ("gone", GRACE)
        assert receipt["deleted_at"] == "2026-03-02T12:30:00.000Z"

    def test_two_at_once(
        self,
        kore_simulator: KoreSimulator,
        client: KoreClient,
        fake_clock: FakeClock,
        delete: DeleteReported,
        campaign_id: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """One that has read the campaign before another deleted it, and begins after, leaves the receipt alone."""
        given = result_of(save_report(kore_simulator, campaign_id, tmp_path))
        other = DeleteReported(client, fake_clock, tmp_path / "archive", ADA)
        begin = Archive.begin
        receipts = []

        def begin_after_the_other(archive: Archive, *what: Any, **how: Any) -> Record:
            if archive.deleted_by == ADA:
                only(delete(given))
                receipts.append(kept(tmp_path, campaign_id)["receipt.json"])
            return begin(archive, *what, **how)

        monkeypatch.setattr(Archive, "begin", begin_after_the_other)

        result = only(other(given))

        assert (result["status"], result["changed"]) == ("Missing", False)
        assert receipts == [kept(tmp_path, campaign_id)["receipt.json"]]
        assert (receipts[0]["outcome"], receipts[0]["deleted_by"]) == ("gone", GRACE)
        kore_simulator.assert_one_effect("delete", campaign_id)

    def test_not_proven_too_late(
        self,
        kore_simulator: KoreSimulator,
        client: KoreClient,
        fake_clock: FakeClock,
        delete: DeleteReported,
        campaign_id: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A receipt that another try has written, that the campaign is gone, outlives one who could not prove it."""
        given = result_of(save_report(kore_simulator, campaign_id, tmp_path))
        other = DeleteReported(client, fake_clock, tmp_path / "archive", ADA)

        def proven_by_the_other(*_: Any, **__: Any) -> dict[str, str]:
            patched.undo()
            only(other(given))
            return {}

        with monkeypatch.context() as patched:
            patched.setattr("airflow_provider_campaigns.actions.deleting.delete.prove_gone", proven_by_the_other)
            delete(given)

        receipt = kept(tmp_path, campaign_id)["receipt.json"]
        assert (receipt["outcome"], receipt["deleted_by"]) == ("gone", GRACE)
        assert receipt["proven_gone_at"] is not None

    def test_accepted_after_a_receipt(
        self,
        kore_simulator: KoreSimulator,
        client: KoreClient,
        fake_clock: FakeClock,
        delete: DeleteReported,
        campaign_id: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A campaign that is there again and is deleted again owes a receipt again, which names who deleted it then."""
        given = result_of(save_report(kore_simulator, campaign_id, tmp_path))
        before = dataclasses.asdict(kore_simulator.campaign(campaign_id))
        assert only(delete(given))["changed"] is True
        kore_simulator.add_campaign(**before)
        other = DeleteReported(client, fake_clock, tmp_path / "archive", ADA)
        fake_clock.elapsed_s += 60
        kill_before_its_receipt(other, given, monkeypatch)

        assert only(delete(given))["changed"] is True
        assert kept(tmp_path, campaign_id)["receipt.json"]["deleted_by"] == ADA

    @pytest.mark.parametrize("lost", [{"receipt.json"}, {"delete-answer.json", "receipt.json"}])
    def test_not_writable(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        campaign_id: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        lost: set[str],
    ) -> None:
        """A receipt that the next try writes says who deleted and when, if anything of that could be kept."""
        given = result_of(save_report(kore_simulator, campaign_id, tmp_path))
        write = Folder.write

        def refuse(folder: Folder, name: str, chunks: Any, **how: Any) -> Any:
            if name in lost:
                raise ReportStorageError("no space left")
            return write(folder, name, chunks, **how)

        with monkeypatch.context() as patch:
            patch.setattr(Folder, "write", refuse)
            assert "its receipt could not be written" in str(failure(delete(given), campaign_id))
        delete.by = ADA
        delete.fake_clock.elapsed_s += 10

        assert only(delete(given))["changed"] is True

        receipt = kept(tmp_path, campaign_id)["receipt.json"]
        assert (receipt["deleted_by"], receipt["deleted_at"]) == (GRACE, "2026-03-02T12:30:00.000Z")
        assert receipt["proven_gone_at"] == "2026-03-02T12:30:10.000Z"

    def test_torn_answer(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        campaign_id: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """An answer that was torn hides from no campaign that it is gone; who deleted it is known all the same."""
        (other,) = add(kore_simulator)
        given = [result_of(save_report(kore_simulator, one, tmp_path)) for one in (campaign_id, other)]
        kill_before_its_receipt(delete, given, monkeypatch)
        (answer,) = (tmp_path / "archive" / campaign_id).rglob("delete-answer.json")
        answer.write_text('{"a')

        outcomes = delete(given)

        outcomes.raise_failures("deleted")
        assert [one["status"] for one in outcomes.as_dicts()] == ["Deleted", "Deleted"]
        assert kept(tmp_path, campaign_id)["receipt.json"]["deleted_by"] == GRACE


class TestEarlierVersion:
    """Records that were begun before ``begun_at`` and ``delete-accepted.json`` were kept are completed, too."""

    @pytest.fixture
    def age(self, tmp_path: Path, campaign_id: str) -> Callable[[], Path]:
        """Make of a record what an earlier version would have left; its folder."""

        def make_old() -> Path:
            (folder,) = (tmp_path / "archive" / campaign_id).iterdir()
            (folder / "delete-accepted.json").unlink(missing_ok=True)
            grounds = json.loads((folder / "delete-grounds.json").read_text())
            grounds.pop("begun_at", None)
            (folder / "delete-grounds.json").write_text(json.dumps(grounds))
            return folder

        return make_old

    def test_answered(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        campaign_id: str,
        age: Callable[[], Path],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """One that was killed before its receipt, and after its answer."""
        given = result_of(save_report(kore_simulator, campaign_id, tmp_path))
        kill_before_its_receipt(delete, given, monkeypatch)
        age()
        delete.by = ADA

        assert only(delete(given))["changed"] is True

        receipt = kept(tmp_path, campaign_id)["receipt.json"]
        assert (receipt["deleted_by"], receipt["deleted_at"]) == (GRACE, None)
        assert receipt["manifest_sha256"] == given["manifest_sha256"]

    @pytest.mark.parametrize("content", ['{"lost": true}', '{"a'])
    def test_not_answered(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        campaign_id: str,
        age: Callable[[], Path],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        content: str,
    ) -> None:
        """One whose answer was lost, or torn: who tried is told, and nobody is said to have deleted."""
        given = result_of(save_report(kore_simulator, campaign_id, tmp_path))
        kill_before_its_receipt(delete, given, monkeypatch)
        (age() / "delete-answer.json").write_text(content)
        delete.by = ADA

        assert only(delete(given))["changed"] is False

        record = kept(tmp_path, campaign_id)
        assert record["delete-answer.json"] == {"lost": True}
        receipt = record["receipt.json"]
        assert (receipt["deleted_by"], receipt["tried_by"], receipt["found_gone_by"]) == (None, GRACE, ADA)

    @pytest.mark.parametrize("is_lost", [True, False])
    def test_not_proven(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        campaign_id: str,
        unproven: Callable[[Any], None],
        meanwhile: Meanwhile,
        age: Callable[[], Path],
        tmp_path: Path,
        is_lost: bool,
    ) -> None:
        """One that was not proven, and takes effect when the next try has begun."""
        given = result_of(save_report(kore_simulator, campaign_id, tmp_path))
        unproven(given)
        folder = age()
        if is_lost:
            (folder / "delete-answer.json").write_text('{"lost": true}')
        delete.by = ADA
        meanwhile("delete_campaign", lambda: remove(kore_simulator, campaign_id))

        assert only(delete(given))["changed"] is True

        receipt = kept(tmp_path, campaign_id)["receipt.json"]
        assert (receipt["outcome"], receipt["proven_gone_at"]) == ("gone", "2026-03-02T12:31:00.000Z")
        assert (receipt["deleted_by"], receipt["deleted_at"]) == (GRACE, "2026-03-02T12:30:00.000Z")
