"""Deleting campaigns, against the simulator."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from delete_support import BOTH_WAYS, SCHEDULED, STRANGER, Delete, add, failure, only, there

from airflow_provider_campaigns.actions.deleting.deletable import check_deletable
from airflow_provider_campaigns.actions.deleting.delete import DeleteOptions, delete_campaigns
from airflow_provider_campaigns.actions.stopping.stop import stop_one
from airflow_provider_campaigns.actions.targets import Target, Targets
from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignType
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.errors import (
    CampaignMismatchError,
    CampaignStateError,
    CampaignTimeoutError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreRequestError,
)

if TYPE_CHECKING:
    from fake_clock import FakeClock
    from kore_support import Meanwhile

    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.simulator import KoreSimulator


@pytest.fixture
def delete(client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator) -> Delete:
    """Delete campaigns by id in time that does not pass."""
    kore_simulator.switches(rate_limit=None)
    return Delete(client, fake_clock)


class TestGuards:
    """What runs, may run or will run is not deleted."""

    @pytest.mark.parametrize(
        ("status", "schedule", "problem"),
        [
            ("Active", False, "is Active; stop it first, or use if_running='stop'. Nothing was deleted"),
            ("Paused", False, "is Paused; stop it first, or use if_running='stop'. Nothing was deleted"),
            ("Preparing", False, "is Preparing; wait until it is Ready. Nothing was deleted"),
            ("Scheduled", False, "is Scheduled with a schedule, so the platform will start it; disable the schedule"),
            ("Rescheduled", False, "is Rescheduled with a schedule"),
            ("Stopped", True, "is Stopped with a schedule"),
            ("Ready", True, "is Ready with a schedule"),
            ("Archived", False, "is 'Archived', a status that is not documented and may mean that it runs"),
            ("Stopped", False, None),
            ("Completed", False, None),
            ("Ready", False, None),
            ("stopped ", False, None),
        ],
    )
    def test_check_deletable(self, status: str, schedule: bool, problem: str | None) -> None:
        """Only Stopped, Completed and Ready campaigns without a schedule may be deleted."""
        campaign = Campaign.from_api({"_id": "cd-1", "status": status, "schedule": {"isSchedulingEnabled": schedule}})

        if problem is None:
            check_deletable(campaign)
        else:
            with pytest.raises(CampaignStateError) as caught:
                check_deletable(campaign)
            assert str(caught.value).startswith(f"campaign cd-1: {problem}")
            assert not caught.value.retryable

    @BOTH_WAYS
    @pytest.mark.parametrize("if_running", ["fail", "stop"])
    @pytest.mark.parametrize("status", ["Preparing", "Scheduled", "Rescheduled", "Archived"])
    def test_delete__refused(
        self, kore_simulator: KoreSimulator, delete: Delete, status: str, if_running: str, delete_running: str
    ) -> None:
        """They are refused whatever the service would do, also if running ones should be stopped."""
        kore_simulator.switches(delete_running=delete_running)
        (campaign_id,) = add(kore_simulator, status=status)

        assert isinstance(failure(delete(campaign_id, if_running=if_running), campaign_id), CampaignStateError)
        kore_simulator.assert_no_writes()

    @BOTH_WAYS
    @pytest.mark.parametrize("status", ["Active", "Paused"])
    def test_delete__running(
        self, kore_simulator: KoreSimulator, delete: Delete, status: str, delete_running: str
    ) -> None:
        """A campaign that runs is refused, and not even asked of the service."""
        kore_simulator.switches(delete_running=delete_running)
        (campaign_id,) = add(kore_simulator, status=status)

        assert isinstance(failure(delete(campaign_id), campaign_id), CampaignStateError)
        kore_simulator.assert_no_writes()

    @pytest.mark.parametrize("if_running", ["fail", "stop"])
    def test_delete__running_with_a_schedule(
        self, kore_simulator: KoreSimulator, delete: Delete, if_running: str
    ) -> None:
        """One that the platform would start again is neither stopped nor deleted."""
        (campaign_id,) = add(kore_simulator, status="Active", schedule=SCHEDULED)

        error = failure(delete(campaign_id, if_running=if_running), campaign_id)

        assert "disable the schedule first" in str(error)
        kore_simulator.assert_no_writes()

    @pytest.mark.parametrize("campaign_type", ["voice", "sms"])
    @pytest.mark.parametrize("type_mismatch", ["error", "ignore"])
    def test_delete__wrong_type(
        self, kore_simulator: KoreSimulator, delete: Delete, campaign_type: str, type_mismatch: str
    ) -> None:
        """A campaign of another type than given is refused before anything is sent."""
        kore_simulator.switches(type_mismatch=type_mismatch)
        (campaign_id,) = add(kore_simulator, campaign_type=campaign_type)
        other = CampaignType.SMS if campaign_type == "voice" else CampaignType.VOICE

        error = failure(delete(campaign_id, campaign_type=other), campaign_id)

        assert isinstance(error, CampaignMismatchError)
        assert f"Use campaign_type='{campaign_type}'" in str(error)
        kore_simulator.assert_no_writes()

    def test_delete__wrong_name(self, kore_simulator: KoreSimulator, delete: Delete) -> None:
        """A campaign of another name than expected is refused before anything is sent."""
        (campaign_id,) = add(kore_simulator, name="Summer")

        assert isinstance(failure(delete(Target(campaign_id, "Spring")), campaign_id), CampaignMismatchError)
        kore_simulator.assert_no_writes()

    def test_delete__type_not_told(self, kore_simulator: KoreSimulator, delete: Delete) -> None:
        """A campaign that does not tell its type needs one to be given."""
        (campaign_id,) = add(kore_simulator, dialing_mode="")

        error = failure(delete(campaign_id), campaign_id)

        assert isinstance(error, CampaignMismatchError)
        assert "say campaign_type='voice' or 'sms'. Nothing was sent" in str(error)
        kore_simulator.assert_no_writes()
        assert only(delete(campaign_id, campaign_type=CampaignType.VOICE))["status"] == "Deleted"

    @pytest.mark.parametrize("delete_answer", ["data", "bare"])
    def test_delete__type_not_told_and_wrong(
        self, kore_simulator: KoreSimulator, delete: Delete, delete_answer: str
    ) -> None:
        """A service that answers a delete of the wrong type like a success is not believed."""
        kore_simulator.switches(type_mismatch="ignore", delete_answer=delete_answer)
        (campaign_id,) = add(kore_simulator, dialing_mode="")

        error = failure(delete(campaign_id, campaign_type=CampaignType.SMS), campaign_id)

        assert campaign_id in there(kore_simulator)
        assert isinstance(error, CampaignTimeoutError | KoreProtocolError)

    @BOTH_WAYS
    def test_delete__started_before_the_delete(
        self, kore_simulator: KoreSimulator, delete: Delete, meanwhile: Meanwhile, delete_running: str
    ) -> None:
        """The campaign is read again right before the delete; what it became, no retry deletes unread."""
        kore_simulator.switches(delete_running=delete_running)
        (campaign_id,) = add(kore_simulator)
        meanwhile("delete_campaign", lambda: kore_simulator.restart(campaign_id))

        error = failure(delete(campaign_id), campaign_id)

        assert "was Stopped and became Active as another run meanwhile. Nothing was deleted" in str(error)
        assert (error.retryable, error.ends_retries) == (False, True)
        kore_simulator.assert_no_writes()

    def test_delete__ran_again_before_the_delete(
        self, kore_simulator: KoreSimulator, delete: Delete, meanwhile: Meanwhile
    ) -> None:
        """One that looks the same as before, but has run once more in between, is not deleted."""
        (campaign_id,) = add(kore_simulator)

        def run_again() -> None:
            kore_simulator.restart(campaign_id)
            kore_simulator.set_status(campaign_id, "Stopped")

        meanwhile("delete_campaign", run_again)

        error = failure(delete(campaign_id), campaign_id)

        assert "was Stopped and became Stopped as another run meanwhile. Nothing was deleted" in str(error)
        kore_simulator.assert_no_writes()

    def test_delete__scheduled_before_the_delete(
        self, kore_simulator: KoreSimulator, delete: Delete, meanwhile: Meanwhile
    ) -> None:
        """One that got a schedule in between, which its status does not show, is not deleted."""
        (campaign_id,) = add(kore_simulator)

        def schedule() -> None:
            kore_simulator.service.store.get(campaign_id).schedule = dict(SCHEDULED)

        meanwhile("delete_campaign", schedule)

        assert "is Stopped with a schedule" in str(failure(delete(campaign_id), campaign_id))
        kore_simulator.assert_no_writes()

    def test_delete__order_of_requests(self, kore_simulator: KoreSimulator, delete: Delete) -> None:
        """Read, try the proof with the list and an id that is not there, read again, delete, and prove it."""
        (campaign_id,) = add(kore_simulator)
        delete(campaign_id)

        asked = [(one.operation, one.campaign_id == campaign_id) for one in kore_simulator.requests]
        assert asked == [
            ("get", True),
            ("list", False),
            ("get", False),
            ("get", True),
            ("delete", True),
            ("list", False),
            ("get", True),
        ]


class TestDelete:
    """What may be deleted is, once, and proven to be gone."""

    @pytest.mark.parametrize(
        "switches",
        [
            {"delete_answer": answer, "not_found_status": status}
            for answer in ("data", "bare", "deletedAt")
            for status in (400, 404, 410)
        ],
        ids=str,
    )
    @pytest.mark.parametrize("campaign_type", ["voice", "sms"])
    @pytest.mark.parametrize("status", ["Stopped", "Completed", "Ready"])
    def test_delete__deleted(
        self, kore_simulator: KoreSimulator, delete: Delete, status: str, campaign_type: str, switches: dict[str, Any]
    ) -> None:
        """Its type is taken from the campaign, and the delete is understood in each of its dialects."""
        kore_simulator.switches(**switches)
        (campaign_id,) = add(kore_simulator, status=status, campaign_type=campaign_type, name="Spring")
        run = kore_simulator.campaign(campaign_id).instance_id

        assert only(delete(campaign_id)) == {
            "campaign_id": campaign_id,
            "campaign_type": campaign_type,
            "name": "Spring",
            "status": "Deleted",
            "changed": True,
            "campaign_instance_id": run,
            "deleted_at": "2026-03-02T12:30:00.000Z",
            "proven_by": "list and get",
        }
        kore_simulator.assert_one_effect("delete", campaign_id)
        assert there(kore_simulator) == set()

    def test_delete__many_of_both_types(self, kore_simulator: KoreSimulator, delete: Delete) -> None:
        """Many campaigns of both types are deleted in one go, and nothing else."""
        voice = add(kore_simulator, 6)
        sms = add(kore_simulator, 6, campaign_type="sms")
        bystander = add(kore_simulator, 1)

        outcomes = delete(*voice, *sms)

        outcomes.raise_failures("deleted")
        assert [result["campaign_id"] for result in outcomes.as_dicts()] == [*voice, *sms]
        assert [result["campaign_type"] for result in outcomes.as_dicts()] == ["voice"] * 6 + ["sms"] * 6
        assert there(kore_simulator) == set(bystander)

    @pytest.mark.parametrize(("given", "version"), [(None, "v2"), ("v1", "v1"), ("v2", "v2")])
    def test_delete__api_version(
        self, kore_simulator: KoreSimulator, delete: Delete, given: str | None, version: str
    ) -> None:
        """The delete goes out in the version given, else v2."""
        delete(*add(kore_simulator), api_version=given)

        assert kore_simulator.requests.of("delete")[0].version == version

    def test_delete__second_run(self, kore_simulator: KoreSimulator, delete: Delete) -> None:
        """A second call finds it missing, sends nothing and changes nothing."""
        (campaign_id,) = add(kore_simulator)
        delete(campaign_id)

        result = only(delete(campaign_id))

        assert (result["status"], result["changed"]) == ("Missing", False)
        kore_simulator.assert_one_effect("delete", campaign_id)

    @pytest.mark.parametrize("fault", ["drop", "truncate", "garble", "503"])
    def test_delete__answer_lost(self, kore_simulator: KoreSimulator, delete: Delete, fault: str) -> None:
        """A delete whose answer is lost is settled by reading, and not sent twice."""
        (campaign_id,) = add(kore_simulator)
        {
            "drop": lambda: kore_simulator.drop_next(after=True, operation="delete"),
            "truncate": lambda: kore_simulator.truncate_next(operation="delete"),
            "garble": lambda: kore_simulator.garble_next(after=True, operation="delete"),
            "503": lambda: kore_simulator.fail_next(503, after=True, operation="delete"),
        }[fault]()

        result = only(delete(campaign_id))

        assert (result["status"], result["changed"]) == ("Deleted", True)
        assert len(kore_simulator.requests.of("delete")) == 1

    def test_delete__answers_lost(
        self, kore_simulator: KoreSimulator, settings: KoreSettings, fake_clock: FakeClock
    ) -> None:
        """Eight deletes whose answers are lost together share lists for their proofs, and do not read two each."""
        kore_simulator.switches(rate_limit=None, latency=0.1)
        ids = add(kore_simulator, 8)
        kore_simulator.drop_next(after=True, operation="delete", times=8)

        with KoreClient(settings, budget=RequestBudget(10_000, account_key=None)) as client:
            outcomes = Delete(client, fake_clock)(*ids)

        assert [result["status"] for result in outcomes.as_dicts()] == ["Deleted"] * 8
        last_delete = max(request.number for request in kore_simulator.requests.of("delete"))
        lists = [request for request in kore_simulator.requests.of("list") if request.number > last_delete]
        # One of each type where they look at the same instant, and one that proves all eight.
        assert 3 <= len(lists) <= 9

    def test_delete__answer_for_another(self, kore_simulator: KoreSimulator, delete: Delete) -> None:
        """An answer about another campaign is never taken for this one's."""
        (campaign_id,) = add(kore_simulator)
        kore_simulator.fail_next(
            200, operation="delete", body={"status": "success", "data": {"_id": STRANGER, "name": "Other"}}, times=100
        )

        error = failure(delete(campaign_id), campaign_id)

        assert isinstance(error, KoreProtocolError)
        assert STRANGER in str(error)

    def test_delete__not_to_confirm(self, kore_simulator: KoreSimulator, delete: Delete) -> None:
        """Without confirmation the answer is believed."""
        (campaign_id,) = add(kore_simulator)

        assert only(delete(campaign_id, confirm=False))["status"] == "Deleted"
        assert [one.operation for one in kore_simulator.requests] == ["get", "get", "delete"]


class TestOneFailsTheOthersDoNot:
    """What becomes of one campaign keeps no other from being deleted."""

    @pytest.mark.parametrize("others", [0, 5])
    def test_delete__mixed(self, kore_simulator: KoreSimulator, delete: Delete, others: int) -> None:
        """Missing, renamed, running, scheduled, refused, and deleted: each gets its own."""
        good = add(kore_simulator, 1 + others)
        (renamed,) = add(kore_simulator, name="Summer")
        (running,) = add(kore_simulator, status="Active")
        (scheduled,) = add(kore_simulator, status="Scheduled")
        (refused,) = add(kore_simulator)
        kore_simulator.fail_next(400, operation="delete", campaign_id=refused, body={"status": "failed"})

        outcomes = delete(STRANGER, Target(renamed, "Spring"), running, scheduled, refused, *good, if_missing="fail")

        assert {one: type(error) for one, error in outcomes.failures.items()} == {
            STRANGER: KoreNotFoundError,
            renamed: CampaignMismatchError,
            running: CampaignStateError,
            scheduled: CampaignStateError,
            refused: KoreRequestError,
        }
        assert sorted(outcomes.results) == sorted(good)
        assert there(kore_simulator) == {renamed, running, scheduled, refused}


class TestPlanOnly:
    """A plan reads, guards and sends nothing."""

    @pytest.mark.parametrize("status", ["Stopped", "Completed", "Ready"])
    def test_delete__plan(self, kore_simulator: KoreSimulator, delete: Delete, status: str) -> None:
        """The result tells the request that would be sent."""
        (campaign_id,) = add(kore_simulator, status=status)

        result = only(delete(campaign_id, plan_only=True))

        assert (result["status"], result["changed"]) == (status, False)
        assert result["planned"].startswith(
            f"DELETE /campaign/api/v2/public/{kore_simulator.stream_id}/campaign/{campaign_id}?"
        )
        kore_simulator.assert_no_writes()

    def test_delete__plan_with_a_stop(self, kore_simulator: KoreSimulator, delete: Delete) -> None:
        """For a campaign that runs the stop is named before the delete; the version is the delete's."""
        (campaign_id,) = add(kore_simulator, status="Active")

        planned = only(delete(campaign_id, plan_only=True, if_running="stop", api_version="v2"))["planned"].split(", ")

        assert [request.split("?")[0] for request in planned] == [
            f"POST /campaign/api/v1/public/{kore_simulator.stream_id}/campaign/{campaign_id}",
            f"DELETE /campaign/api/v2/public/{kore_simulator.stream_id}/campaign/{campaign_id}",
        ]
        kore_simulator.assert_no_writes()

    @pytest.mark.parametrize("status", ["Active", "Paused", "Preparing", "Scheduled", "Rescheduled", "Archived"])
    def test_delete__plan_is_guarded(self, kore_simulator: KoreSimulator, delete: Delete, status: str) -> None:
        """What would fail fails in the plan as well."""
        (campaign_id,) = add(kore_simulator, status=status)

        assert isinstance(failure(delete(campaign_id, plan_only=True), campaign_id), CampaignStateError)
        kore_simulator.assert_no_writes()

    def test_delete__plan_of_nothing(self, kore_simulator: KoreSimulator, delete: Delete) -> None:
        """A missing campaign is missing in the plan as well."""
        assert only(delete(STRANGER, plan_only=True))["status"] == "Missing"


def test_delete__cancelled(kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock) -> None:
    """A cancelled action sends no more deletes."""
    kore_simulator.switches(rate_limit=None)
    ids = add(kore_simulator, 20)
    allowed = iter(range(3))

    def check() -> None:
        if next(allowed, None) is None:
            raise KeyboardInterrupt

    clock = dataclasses.replace(fake_clock.clock, check_cancelled=check)
    with pytest.raises(KeyboardInterrupt):
        delete_campaigns(client, [Target(one) for one in ids], DeleteOptions(if_unreported="delete"), clock=clock)

    assert len(kore_simulator.requests.of("delete")) == 3


def test_delete__nothing(kore_simulator: KoreSimulator, delete: Delete) -> None:
    """No campaign is nothing to do, and no request."""
    assert delete().as_dicts() == []
    assert len(kore_simulator.requests) == 0


@pytest.mark.parametrize(
    ("status", "result", "reason"),
    [
        ("Active", {"waits_for": "2099-12-24"}, "was left running until its last day, 2099-12-24"),
        ("Ready", {}, "is Ready, so it has yet to run"),
    ],
)
def test_delete__result_of_another_task(
    kore_simulator: KoreSimulator, client: KoreClient, status: str, result: dict[str, str], reason: str
) -> None:
    """What another task left running, or what has yet to run, is deleted only if its id is named."""
    campaign = kore_simulator.add_campaign(name="C", status=status)
    options, stop = DeleteOptions(if_unreported="delete"), stop_one(client)
    targets = Targets.parse(None, [{"campaign_id": campaign, "name": "C", **result}]).targets

    refused = delete_campaigns(client, targets, options, stop=stop)

    assert reason in str(refused.failures[campaign])
    kore_simulator.assert_no_writes()

    named = delete_campaigns(client, [Target(campaign)], options, stop=stop)

    assert named.results[campaign].status == "Deleted"
