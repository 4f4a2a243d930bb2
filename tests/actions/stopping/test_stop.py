"""Stopping campaigns, against the simulator."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from stop_support import (
    BELOW_AND_ABOVE_THE_LIST,
    SCHEDULED,
    STRANGER,
    Stop,
    add,
    become,
    failure,
    only,
)

from airflow_provider_campaigns.actions.stopping.step import Step, step_for
from airflow_provider_campaigns.actions.stopping.stop import StopOptions, stop_campaigns
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignType
from airflow_provider_campaigns.kore.clock import SYSTEM_CLOCK, Clock
from airflow_provider_campaigns.kore.errors import (
    CampaignMismatchError,
    CampaignStateError,
    CampaignTimeoutError,
    KoreConnectionError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreRequestError,
    KoreServiceError,
)

if TYPE_CHECKING:
    from fake_clock import FakeClock
    from kore_support import Meanwhile

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator


@pytest.fixture
def stop(client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator) -> Stop:
    """Stop campaigns by id in time that does not pass."""
    kore_simulator.switches(rate_limit=None)
    return Stop(client, fake_clock)


@pytest.mark.parametrize(
    ("status", "schedule", "step"),
    [
        ("Active", False, Step.SEND),
        ("Paused", False, Step.SEND),
        ("Draining", False, Step.SEND),
        ("Stopped", False, Step.NOTHING),
        ("Completed", False, Step.NOTHING),
        ("Ready", False, Step.NOTHING),
        ("Preparing", False, Step.WAIT),
        ("Scheduled", False, Step.DISABLE_SCHEDULE),
        ("Rescheduled", False, Step.DISABLE_SCHEDULE),
        ("Active", True, Step.DISABLE_SCHEDULE),
        ("Stopped", True, Step.DISABLE_SCHEDULE),
        ("Ready", True, Step.DISABLE_SCHEDULE),
    ],
)
def test_step_for(status: str, schedule: bool, step: Step) -> None:
    """A status asks for one step; a schedule comes first, because the platform would start the campaign again."""
    campaign = Campaign.from_api({"_id": "cd-1", "status": status, "schedule": {"isSchedulingEnabled": schedule}})

    assert step_for(campaign) is step


class TestWhatRuns:
    """Active and Paused campaigns, and those with a status that nobody documented, are sent a stop."""

    @BELOW_AND_ABOVE_THE_LIST
    @pytest.mark.parametrize("campaign_type", ["voice", "sms"])
    @pytest.mark.parametrize("status", ["Active", "Paused"])
    def test_stop__running(
        self, kore_simulator: KoreSimulator, stop: Stop, status: str, campaign_type: str, others: int
    ) -> None:
        """A campaign that runs is sent one stop, and read until it is Stopped."""
        ids = add(kore_simulator, 1 + others, status=status, campaign_type=campaign_type, name="Spring", contacts=7)
        run = kore_simulator.campaign(ids[0]).instance_id

        outcomes = stop(*ids, campaign_type=campaign_type)

        assert outcomes.failures == {}
        assert outcomes.as_dicts()[0] == {
            "campaign_id": ids[0],
            "campaign_type": campaign_type,
            "name": "Spring",
            "status": "Stopped",
            "changed": True,
            "campaign_instance_id": run,
            "sent_at": "2026-03-02T12:30:00.000Z",
            "confirmed_at": "2026-03-02T12:30:00.000Z",
            "contacts_before_stop": 7,
        }
        for campaign_id in ids:
            kore_simulator.assert_one_effect("stop", campaign_id)
            assert kore_simulator.campaign(campaign_id).status == "Stopped"

    def test_stop__requests_for_one(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """One campaign takes four requests: what is it, how many contacts has it, stop it, did it stop."""
        stop(*add(kore_simulator, 1, status="Active"))

        assert [request.operation for request in kore_simulator.requests] == ["get", "contacts", "stop", "get"]

    def test_stop__requests_for_fifty(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """Fifty campaigns take 52 requests - a list, the stops, and a list - and one each to count their contacts."""
        stop(*add(kore_simulator, 50, status="Active"))

        operations = [request.operation for request in kore_simulator.requests]
        assert operations == ["list"] + ["contacts"] * 50 + ["stop"] * 50 + ["list"]

    @pytest.mark.parametrize(("given", "version"), [(None, "v1"), ("v1", "v1"), ("v2", "v2")])
    def test_stop__api_version(
        self, kore_simulator: KoreSimulator, stop: Stop, given: str | None, version: str
    ) -> None:
        """The stop goes out in the version given, else v1."""
        stop(*add(kore_simulator, 1, status="Active"), api_version=given)

        assert kore_simulator.requests.of("stop")[0].version == version

    @BELOW_AND_ABOVE_THE_LIST
    def test_stop__unknown_status_that_ends(
        self, kore_simulator: KoreSimulator, stop: Stop, fake_clock: FakeClock, others: int
    ) -> None:
        """A status that nobody documented may be a run: it is sent a stop, and must then read Stopped or Completed."""
        kore_simulator.switches(stop_idle="noop")
        campaign_id, *_ = ids = add(kore_simulator, 1 + others, status="Ramping")
        fake_clock.events = [lambda: become(kore_simulator, ids, "Completed")]

        outcomes = stop(*ids)

        assert outcomes.results[campaign_id].as_dict()["status"] == "Completed"
        assert len(kore_simulator.requests.of("stop", campaign_id=campaign_id)) == 1
        assert fake_clock.waits == [15.0]

    def test_stop__unknown_status_that_stays(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """A status that nobody documented never passes for stopped, whatever the stop was answered."""
        kore_simulator.switches(stop_idle="noop")
        (campaign_id,) = add(kore_simulator, 1, status="Ramping")

        error = failure(stop(campaign_id), campaign_id)

        assert isinstance(error, CampaignTimeoutError)
        assert "the stop was accepted, but it is still Ramping after 600 s" in str(error)

    def test_stop__unknown_status_refused(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """If the service refuses to stop such a campaign, that is the failure."""
        (campaign_id,) = add(kore_simulator, 1, status="Ramping")

        assert isinstance(failure(stop(campaign_id), campaign_id), KoreRequestError)


class TestWhatDoesNotRun:
    """Stopped, Completed and Ready campaigns are left alone."""

    @BELOW_AND_ABOVE_THE_LIST
    @pytest.mark.parametrize("status", ["Stopped", "Completed", "Ready"])
    @pytest.mark.parametrize("stop_idle", ["error", "noop"])
    def test_stop__idle(
        self, kore_simulator: KoreSimulator, stop: Stop, status: str, stop_idle: str, others: int
    ) -> None:
        """Nothing is sent, and nothing was changed."""
        kore_simulator.switches(stop_idle=stop_idle)
        campaign_id, *rest = add(kore_simulator, 1 + others, status=status)

        result = stop(campaign_id, *rest).results[campaign_id]

        assert (result.status, result.changed, result.details) == (status, False, {})
        kore_simulator.assert_no_writes()

    def test_stop__second_run(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """A second call changes nothing and says so."""
        (campaign_id,) = add(kore_simulator, 1, status="Active")
        assert only(stop(campaign_id))["changed"] is True

        assert only(stop(campaign_id))["changed"] is False
        kore_simulator.assert_one_effect("stop", campaign_id)

    def test_stop__ended_by_itself(self, kore_simulator: KoreSimulator, stop: Stop, meanwhile: Meanwhile) -> None:
        """A campaign that completed between reading and stop is no failure, although the service refused the stop."""
        (campaign_id,) = add(kore_simulator, 1, status="Active")
        meanwhile("send_stop_once", lambda: kore_simulator.set_status(campaign_id, "Completed"))

        result = only(stop(campaign_id))

        assert (result["status"], result["changed"]) == ("Completed", False)
        assert "sent_at" not in result


class TestMissing:
    """A campaign is missing only if reading and the list agree."""

    @BELOW_AND_ABOVE_THE_LIST
    @pytest.mark.parametrize("not_found_status", [400, 404])
    @pytest.mark.parametrize("if_missing", ["skip", "succeed"])
    def test_stop__accepted(
        self, kore_simulator: KoreSimulator, stop: Stop, if_missing: str, not_found_status: int, others: int
    ) -> None:
        """With skip and succeed it is a result with the status Missing."""
        kore_simulator.switches(not_found_status=not_found_status)

        outcomes = stop(STRANGER, *add(kore_simulator, others, status="Active"), if_missing=if_missing)

        assert outcomes.results[STRANGER].as_dict() == {
            "campaign_id": STRANGER,
            "campaign_type": "voice",
            "status": "Missing",
            "changed": False,
            "campaign_instance_id": None,
            "proven_missing_at": "2026-03-02T12:30:00.000Z",
        }
        assert outcomes.failures == {}

    @BELOW_AND_ABOVE_THE_LIST
    def test_stop__fails(self, kore_simulator: KoreSimulator, stop: Stop, others: int) -> None:
        """By default it is a failure that a retry does not mend, and the others are stopped."""
        ids = add(kore_simulator, others, status="Active")

        outcomes = stop(STRANGER, *ids)

        error = failure(outcomes, STRANGER)
        assert isinstance(error, KoreNotFoundError)
        assert not error.retryable
        assert "there is none, by reading and by the list" in str(error)
        assert sorted(outcomes.results) == sorted(ids)

    @pytest.mark.parametrize("if_missing", ["fail", "skip", "succeed"])
    def test_stop__listed(self, kore_simulator: KoreSimulator, stop: Stop, if_missing: str) -> None:
        """A campaign that the list holds is not missing, whatever reading says."""
        (campaign_id,) = add(kore_simulator, 1, status="Active")
        kore_simulator.fail_next(404, operation="get")

        error = failure(stop(campaign_id, if_missing=if_missing), campaign_id)

        assert isinstance(error, KoreProtocolError)
        assert error.retryable
        kore_simulator.assert_no_writes()

    def test_stop__deleted_before_the_stop(
        self, kore_simulator: KoreSimulator, stop: Stop, meanwhile: Meanwhile
    ) -> None:
        """A campaign that somebody deletes between reading and stop is missing, like one deleted earlier."""
        (campaign_id,) = add(kore_simulator, 1, status="Active")
        meanwhile("send_stop_once", lambda: kore_simulator.service.store.remove(campaign_id))

        assert only(stop(campaign_id, if_missing="succeed"))["status"] == "Missing"

    def test_stop__deleted_after_the_stop(
        self, kore_simulator: KoreSimulator, stop: Stop, fake_clock: FakeClock
    ) -> None:
        """A campaign that somebody deletes while it stops cannot be said to have stopped."""
        kore_simulator.switches(drain_polls=5)
        (campaign_id,) = add(kore_simulator, 1, status="Active")
        fake_clock.events = [lambda: kore_simulator.service.store.remove(campaign_id)]

        assert isinstance(failure(stop(campaign_id), campaign_id), KoreNotFoundError)


class TestVanished:
    """A campaign that is gone after a stop whose answer was lost."""

    def test_stop__outcome_unknown(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """Nobody knows whether it stopped before it was deleted, so it does not pass for one that was never there."""
        (campaign_id,) = add(kore_simulator, 1, status="Active")
        kore_simulator.drop_next(after=True, operation="stop")
        kore_simulator.hang_next(1, before=True, operation="get", skip=1)

        def delete() -> None:
            while not kore_simulator.effects("stop"):
                time.sleep(0.005)
            kore_simulator.service.store.remove(campaign_id)

        somebody = threading.Thread(target=delete)
        somebody.start()
        error = failure(stop(campaign_id, if_missing="succeed"), campaign_id)
        somebody.join()

        assert isinstance(error, KoreNotFoundError)
        assert error.outcome_unknown


class TestOneFailsTheOthersDoNot:
    """What becomes of one campaign keeps no other from being stopped."""

    @BELOW_AND_ABOVE_THE_LIST
    def test_stop__mixed(self, kore_simulator: KoreSimulator, stop: Stop, others: int) -> None:
        """Missing, of another type or name, scheduled, refused, and stopped: each gets its own."""
        good = add(kore_simulator, 1 + others, status="Active")
        sms = kore_simulator.add_campaign(campaign_type="sms", status="Active")
        renamed = kore_simulator.add_campaign(name="Summer", status="Active")
        scheduled = kore_simulator.add_campaign(status="Scheduled")
        refused = kore_simulator.add_campaign(status="Ramping")

        outcomes = stop(STRANGER, sms, Target(renamed, "Spring"), scheduled, refused, *good)

        assert {one: type(error) for one, error in outcomes.failures.items()} == {
            STRANGER: KoreNotFoundError,
            sms: CampaignMismatchError,
            renamed: CampaignMismatchError,
            scheduled: CampaignStateError,
            refused: KoreRequestError,
        }
        assert sorted(outcomes.results) == sorted(good)
        assert {one.campaign_id for one in kore_simulator.effects("stop")} == set(good)

    def test_stop__lost_answers(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """Stops whose answer is lost are settled by reading; no campaign is stopped twice."""
        ids = add(kore_simulator, 10, status="Active")
        kore_simulator.drop_next(after=True, operation="stop", times=3)
        kore_simulator.drop_next(before=True, operation="stop", times=3)

        outcomes = stop(*ids)

        assert outcomes.failures == {}
        for campaign_id in ids:
            kore_simulator.assert_one_effect("stop", campaign_id)

    def test_stop__service_down(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """A stop that the service keeps failing is that campaign's failure, and a retry may help."""
        failing, *good = add(kore_simulator, 6, status="Active")
        kore_simulator.fail_next(503, operation="stop", campaign_id=failing, times=1000)

        outcomes = stop(failing, *good)

        assert isinstance(failure(outcomes, failing), KoreServiceError)
        assert outcomes.failures[failing].retryable
        assert sorted(outcomes.results) == sorted(good)

    def test_stop__no_connection(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """Without a connection every campaign fails, and a retry may help."""
        ids = add(kore_simulator, 5, status="Active")
        kore_simulator.drop_next(times=1000)

        outcomes = stop(*ids)

        assert {type(error) for error in outcomes.failures.values()} == {KoreConnectionError}
        assert sorted(outcomes.failures) == sorted(ids)


class TestPlanOnly:
    """A plan reads, decides and sends nothing."""

    @BELOW_AND_ABOVE_THE_LIST
    @pytest.mark.parametrize(
        ("status", "planned"),
        [
            ("Active", "STOP"),
            ("Paused", "STOP"),
            ("Ramping", "STOP"),
            ("Preparing", "wait until it is no longer Preparing"),
            ("Scheduled", "disable its schedule"),
            ("Stopped", None),
            ("Completed", None),
            ("Ready", None),
        ],
    )
    def test_stop__plan(
        self, kore_simulator: KoreSimulator, stop: Stop, status: str, planned: str | None, others: int
    ) -> None:
        """The result tells what would be sent, and the campaign stays as it is."""
        campaign_id = kore_simulator.add_campaign(name="Planned", status=status)
        ids = [campaign_id, *add(kore_simulator, others, status="Active")]

        result = stop(*ids, plan_only=True, disable_schedule=True).results[campaign_id].as_dict()

        request = (
            f"POST /campaign/api/v1/public/{kore_simulator.stream_id}/campaign/{campaign_id}"
            "?campaignType=voice&trigger=stop"
        )
        assert (result["status"], result["changed"]) == (status, False)
        assert result.get("planned") == (request if planned == "STOP" else planned)
        kore_simulator.assert_no_writes()

    def test_stop__plan_of_a_running_one_with_a_schedule(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """Both steps are named, in their order."""
        campaign_id = kore_simulator.add_campaign(name="Nightly", status="Active", schedule=SCHEDULED)

        result = only(stop(campaign_id, plan_only=True, disable_schedule=True, api_version="v2"))

        assert result["planned"].startswith("disable its schedule, POST /campaign/api/v2/public/")
        kore_simulator.assert_no_writes()

    def test_stop__plan_is_guarded(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """What would fail fails in the plan as well."""
        campaign_id = kore_simulator.add_campaign(status="Scheduled")

        assert isinstance(failure(stop(campaign_id, plan_only=True), campaign_id), CampaignStateError)


class TestCancelled:
    """A cancelled action sends no more."""

    def test_stop__cancelled_between_stops(
        self, kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock
    ) -> None:
        """The check comes before each stop."""
        kore_simulator.switches(rate_limit=None)
        ids = add(kore_simulator, 20, status="Active")

        with pytest.raises(KeyboardInterrupt):
            stop_campaigns(
                client, [Target(one) for one in ids], StopOptions(CampaignType.VOICE), clock=_cancelled(fake_clock, 3)
            )

        assert len(kore_simulator.requests.of("stop")) == 3

    def test_stop__cancelled_before_the_schedule(
        self, kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock
    ) -> None:
        """The same before a schedule is disabled."""
        campaign_id = kore_simulator.add_campaign(name="Nightly", status="Scheduled", schedule=SCHEDULED)
        options = StopOptions(CampaignType.VOICE, disable_schedule=True)

        with pytest.raises(KeyboardInterrupt):
            stop_campaigns(client, [Target(campaign_id)], options, clock=_cancelled(fake_clock, 0))

        kore_simulator.assert_no_writes()


def _cancelled(fake_clock: FakeClock, after: int) -> Clock:
    """A clock of an action that is cancelled after so many writes."""
    allowed = iter(range(after))

    def check() -> None:
        if next(allowed, None) is None:
            raise KeyboardInterrupt

    clock = fake_clock.clock
    return Clock(now=clock.now, monotonic=clock.monotonic, sleep=clock.sleep, check_cancelled=check)


def test_stop__nothing(kore_simulator: KoreSimulator, stop: Stop) -> None:
    """No campaign is nothing to do, and no request."""
    assert stop().as_dicts() == []
    assert len(kore_simulator.requests) == 0


def test_system_clock() -> None:
    """An action that is given no clock lives in real time, in UTC, and is not cancelled."""
    before, began_s = datetime.now(UTC), SYSTEM_CLOCK.monotonic()
    SYSTEM_CLOCK.sleep(0.01)
    SYSTEM_CLOCK.check_cancelled()

    assert before < SYSTEM_CLOCK.now() <= datetime.now(UTC)
    assert SYSTEM_CLOCK.now().utcoffset() == timedelta(0)
    assert SYSTEM_CLOCK.monotonic() - began_s >= 0.01
