"""Deleting without a report: what has run stays, unless that is meant. Against the simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from delete_support import BY, Delete, add, failure, only, there

from airflow_provider_campaigns.actions.deleting.archive import Archive
from airflow_provider_campaigns.actions.deleting.deletable import check_reported
from airflow_provider_campaigns.actions.deleting.delete import DeleteOptions, delete_campaigns
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore.campaigns import Campaign
from airflow_provider_campaigns.kore.errors import CampaignsFailedError, CampaignStateError
from airflow_provider_campaigns.reports.folder import Folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fake_clock import FakeClock
    from kore_support import Meanwhile

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.writes import Receipt
    from airflow_provider_campaigns.reports.fit import CheckedReport
    from airflow_provider_campaigns.simulator import KoreSimulator

REFUSAL = (
    "has run, and the delete is given no report of it, so its results would be lost. Nothing was deleted. Give report=,"
    ' such as report=save_results.output; or, if they are not wanted, if_unreported="delete"'
)
A_REPORT = cast("CheckedReport", object())


@pytest.fixture
def delete(client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator) -> Delete:
    """Delete campaigns by id in time that does not pass."""
    kore_simulator.switches(rate_limit=None)
    return Delete(client, fake_clock)


@pytest.mark.parametrize(
    ("status", "run", "report", "if_unreported", "is_refused"),
    [
        ("Stopped", "cid-1", None, "fail", True),
        ("Stopped", None, None, "fail", True),
        ("Completed", "cid-1", None, "fail", True),
        ("Active", None, None, "fail", True),
        ("Ready", "cid-1", None, "fail", True),
        ("Archived", None, None, "fail", True),
        ("Ready", None, None, "fail", False),
        ("Stopped", "cid-1", None, "delete", False),
        ("Stopped", "cid-1", A_REPORT, "fail", False),
    ],
)
def test_check_reported(
    status: str, run: str | None, report: CheckedReport | None, if_unreported: str, is_refused: bool
) -> None:
    """What has run needs a report, or somebody who says that its results are not wanted."""
    campaign = Campaign.from_api({"_id": "cd-1", "status": status, "campaignInstanceId": run})

    if not is_refused:
        check_reported(campaign, report, if_unreported=if_unreported)
        return
    with pytest.raises(CampaignStateError) as caught:
        check_reported(campaign, report, if_unreported=if_unreported)
    assert str(caught.value) == f"campaign cd-1: {REFUSAL}"
    assert not caught.value.retryable


@pytest.mark.parametrize("plan_only", [False, True])
@pytest.mark.parametrize(
    "fields", [{"status": "Stopped"}, {"status": "Completed"}, {"status": "Ready", "instance_id": "cid-1"}]
)
def test_delete__has_run(
    kore_simulator: KoreSimulator, delete: Delete, fields: dict[str, Any], plan_only: bool
) -> None:
    """By default nothing is sent for a campaign that has run, not even as a plan."""
    (campaign_id,) = add(kore_simulator, **fields)

    error = failure(delete(campaign_id, if_unreported="fail", plan_only=plan_only), campaign_id)

    assert str(error) == f"campaign {campaign_id}: {REFUSAL}"
    kore_simulator.assert_no_writes()


def test_delete_options__by_default() -> None:
    """Who says nothing of it has not meant it."""
    assert DeleteOptions().if_unreported == "fail"


def test_delete__never_ran(kore_simulator: KoreSimulator, delete: Delete) -> None:
    """A campaign that never ran has no results, and needs no report."""
    (campaign_id,) = add(kore_simulator, status="Ready")

    assert only(delete(campaign_id, if_unreported="fail"))["status"] == "Deleted"


def test_delete__others_go_on(kore_simulator: KoreSimulator, delete: Delete) -> None:
    """One without a report keeps no other from being deleted."""
    (stopped,) = add(kore_simulator)
    (ready,) = add(kore_simulator, status="Ready")

    outcomes = delete(stopped, ready, if_unreported="fail")

    assert list(outcomes.failures) == [stopped]
    assert there(kore_simulator) == {stopped}


@pytest.mark.parametrize("status", ["Active", "Paused"])
def test_delete__not_stopped_first(kore_simulator: KoreSimulator, delete: Delete, status: str) -> None:
    """A run is not ended for the sake of a delete that would then be refused."""
    (campaign_id,) = add(kore_simulator, status=status)

    error = failure(delete(campaign_id, if_running="stop", if_unreported="fail"), campaign_id)

    assert REFUSAL in str(error)
    kore_simulator.assert_no_writes()
    assert kore_simulator.campaign(campaign_id).status == status


def test_delete__ran_meanwhile(kore_simulator: KoreSimulator, delete: Delete, meanwhile: Meanwhile) -> None:
    """A campaign that had its first run between the readings stays, and a retry would not help."""
    (campaign_id,) = add(kore_simulator, status="Ready")

    def run() -> None:
        kore_simulator.restart(campaign_id)
        kore_simulator.set_status(campaign_id, "Stopped")

    meanwhile("delete_campaign", run)

    error = failure(delete(campaign_id, if_unreported="fail"), campaign_id)

    assert REFUSAL in str(error)
    assert not error.retryable
    kore_simulator.assert_no_writes()


def test_delete__no_record(
    kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock, tmp_path: Path
) -> None:
    """The record in the archive is not begun for a campaign that stays."""
    (campaign_id,) = add(kore_simulator)

    outcomes = delete_campaigns(
        client,
        [Target(campaign_id)],
        DeleteOptions(),
        archive=Archive(Folder(tmp_path / "archive"), BY),
        clock=fake_clock.clock,
    )

    assert REFUSAL in str(failure(outcomes, campaign_id))
    assert not (tmp_path / "archive").exists()


class TestMeanwhile:
    """What somebody does after a task's first look makes it another campaign than the one that is meant."""

    @pytest.fixture
    def while_it_tries_the_proof(self, client: KoreClient, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
        """Let something happen between a delete's first look and everything else that it does."""
        means = client.proof.means

        def arrange(event: Callable[[], object]) -> None:
            def try_them(*arguments: Any) -> None:
                event()
                means(*arguments)

            monkeypatch.setattr(client.proof, "means", try_them)

        return arrange

    @staticmethod
    def run_again(simulator: KoreSimulator, campaign_id: str) -> None:
        simulator.restart(campaign_id)
        simulator.set_status(campaign_id, "Stopped")

    @staticmethod
    def rename(simulator: KoreSimulator, campaign_id: str) -> None:
        simulator.service.store.get(campaign_id).name = "Summer"

    @pytest.mark.parametrize(
        ("deed", "message"),
        [
            ("restart", "was Active and became Active as another run meanwhile. Nothing was deleted"),
            ("run_again", "was Active and became Stopped as another run meanwhile. Nothing was deleted"),
            ("rename", "was named 'Spring' and became 'Summer' meanwhile. Nothing was deleted"),
        ],
    )
    def test_delete__not_stopped(
        self,
        *,
        kore_simulator: KoreSimulator,
        delete: Delete,
        while_it_tries_the_proof: Callable[..., None],
        deed: str,
        message: str,
    ) -> None:
        """Of a campaign that runs, only the run that was seen first is stopped and deleted."""
        (campaign_id,) = add(kore_simulator, status="Active", name="Spring")
        what = kore_simulator.restart if deed == "restart" else lambda one: getattr(self, deed)(kore_simulator, one)
        while_it_tries_the_proof(lambda: what(campaign_id))

        error = failure(delete(campaign_id, if_running="stop"), campaign_id)

        assert str(error) == f"campaign {campaign_id}: {message}"
        assert (type(error), error.retryable, error.ends_retries) == (CampaignStateError, False, True)
        kore_simulator.assert_no_writes()

    def test_delete__run_again_after_its_stop(
        self, kore_simulator: KoreSimulator, delete: Delete, client: KoreClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A run of which nobody knows, after the stop of the one that was meant, is not deleted with it."""
        (campaign_id,) = add(kore_simulator, status="Active")
        read = client.get_campaign

        def get_campaign(one: str, **options: Any) -> Campaign:
            if not options and kore_simulator.effects("stop"):
                self.run_again(kore_simulator, one)
            return read(one, **options)

        monkeypatch.setattr(client, "get_campaign", get_campaign)

        error = failure(delete(campaign_id, if_running="stop"), campaign_id)

        assert "was Active and became Stopped as another run meanwhile. Nothing was deleted" in str(error)
        assert not kore_simulator.effects("delete")

    @pytest.mark.parametrize("status", ["Stopped", "Ready"])
    def test_delete__renamed(
        self,
        kore_simulator: KoreSimulator,
        delete: Delete,
        while_it_tries_the_proof: Callable[..., None],
        status: str,
    ) -> None:
        """A campaign that got another name is not the one that was seen, also where no name is expected."""
        (campaign_id,) = add(kore_simulator, status=status, name="Spring")
        while_it_tries_the_proof(lambda: self.rename(kore_simulator, campaign_id))

        error = failure(delete(campaign_id), campaign_id)

        assert str(error) == (
            f"campaign {campaign_id}: was named 'Spring' and became 'Summer' meanwhile. Nothing was deleted"
        )
        assert not error.retryable
        kore_simulator.assert_no_writes()

    def test_delete__no_retry_of_many(
        self, kore_simulator: KoreSimulator, delete: Delete, client: KoreClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It ends the retries of its task, also for what failed in passing: the next try would delete it."""
        (passing,) = add(kore_simulator)
        (changed,) = add(kore_simulator)
        send = client.delete_campaign

        def delete_campaign(one: str, *arguments: Any, **options: Any) -> Receipt:
            if one == changed:
                kore_simulator.restart(one)
            return send(one, *arguments, **options)

        monkeypatch.setattr(client, "delete_campaign", delete_campaign)
        kore_simulator.fail_next(503, operation="delete", campaign_id=passing, times=100)

        outcomes = delete(passing, changed)

        assert outcomes.failures[passing].retryable
        with pytest.raises(CampaignsFailedError) as caught:
            outcomes.raise_failures("deleted")
        assert not caught.value.retryable
        assert there(kore_simulator) == {passing, changed}
