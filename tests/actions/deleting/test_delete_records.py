"""What becomes of a record when another try, another evening or another task at the same time comes across it."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from delete_support import BY, DeleteReported, add, failure, kept, only, remove
from saved_report import result_of, save_report

from airflow_provider_campaigns.actions.deleting.archive import Record
from airflow_provider_campaigns.kore.errors import CampaignTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fake_clock import FakeClock
    from kore_support import Meanwhile

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

GRACE = BY | {"approved_by": ["Grace"]}
EITHER_ORDER = pytest.mark.parametrize("runs", [("cid-a", "cid-b"), ("cid-b", "cid-a")])
"""Whichever of two runs the archive's folder lists first, it must not matter."""


class KilledError(BaseException):
    """The process ends here."""


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


def receipt_of(tmp_path: Path, campaign_id: str, run: str) -> dict[str, Any] | None:
    path = tmp_path / "archive" / campaign_id / run / "receipt.json"
    return json.loads(path.read_text()) if path.exists() else None


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
        assert receipt is not None
        assert (receipt["outcome"], receipt["deleted_by"]) == ("gone", GRACE)
        assert receipt_of(tmp_path, campaign_id, runs[0]) is None

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
        assert receipt is not None
        assert (receipt["deleted_by"], receipt["tried_by"]) == (None, GRACE)
        assert receipt_of(tmp_path, campaign_id, runs[0]) is None

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
        assert receipt is not None
        assert (receipt["outcome"], receipt["deleted_by"]) == ("gone", GRACE)
        assert receipt_of(tmp_path, campaign_id, runs[1]) is None


def test_torn_answer(
    kore_simulator: KoreSimulator,
    delete: DeleteReported,
    campaign_id: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An answer that was torn hides from no campaign that it is gone."""
    (other,) = add(kore_simulator)
    given = [result_of(save_report(kore_simulator, one, tmp_path)) for one in (campaign_id, other)]
    kill_before_its_receipt(delete, given, monkeypatch)
    (answer,) = (tmp_path / "archive" / campaign_id).rglob("delete-answer.json")
    answer.write_text('{"a')

    outcomes = delete(given)

    outcomes.raise_failures("deleted")
    assert [one["status"] for one in outcomes.as_dicts()] == ["Deleted", "Deleted"]
    assert kept(tmp_path, campaign_id)["delete-answer.json"] == {"lost": True}
