"""Starting campaigns, against the simulator: what each status asks for, and who gets which result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from start_support import Start, failure, only, run_of
from stop_support import BELOW_AND_ABOVE_THE_LIST, SCHEDULED, STRANGER, add, become

from airflow_provider_campaigns.actions.starting.start import StartOptions, start_campaigns
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignType
from airflow_provider_campaigns.kore.clock import Clock
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

BOTH_WAYS = pytest.mark.parametrize("start_running", ["error", "noop"])
"""What the service answers to the start of an Active campaign is not documented, so it must not matter."""


@pytest.fixture
def start(client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator) -> Start:
    """Start campaigns by id in time that does not pass."""
    kore_simulator.switches(rate_limit=None)
    return Start(client, fake_clock)


class TestWhatIsStarted:
    """Ready campaigns that never ran, and with ``allow_rerun`` those that have."""

    @BELOW_AND_ABOVE_THE_LIST
    @BOTH_WAYS
    @pytest.mark.parametrize("campaign_type", ["voice", "sms"])
    def test_start__ready(
        self, kore_simulator: KoreSimulator, start: Start, campaign_type: str, start_running: str, others: int
    ) -> None:
        """A campaign that never ran is sent one start, and the result names the run that began."""
        kore_simulator.switches(start_running=start_running)
        ids = add(kore_simulator, 1 + others, campaign_type=campaign_type, name="Spring")

        outcomes = start(*ids, campaign_type=campaign_type)

        assert outcomes.failures == {}
        assert outcomes.as_dicts()[0] == {
            "campaign_id": ids[0],
            "campaign_type": campaign_type,
            "name": "Spring",
            "status": "Active",
            "changed": True,
            "campaign_instance_id": run_of(kore_simulator, ids[0]),
            "sent_at": "2026-03-02T12:30:00.000Z",
            "confirmed_at": "2026-03-02T12:30:00.000Z",
        }
        for campaign_id in ids:
            kore_simulator.assert_one_effect("start", campaign_id)

    @BELOW_AND_ABOVE_THE_LIST
    @pytest.mark.parametrize("status", ["Stopped", "Completed"])
    def test_start__rerun(self, kore_simulator: KoreSimulator, start: Start, status: str, others: int) -> None:
        """With ``allow_rerun`` a campaign that has run gets a new run."""
        campaign_id, *rest = add(kore_simulator, 1 + others, status=status)
        before = run_of(kore_simulator, campaign_id)

        result = start(campaign_id, *rest, allow_rerun=True).results[campaign_id]

        assert (result.status, result.changed) == ("Active", True)
        assert result.campaign_instance_id == run_of(kore_simulator, campaign_id) != before
        kore_simulator.assert_one_effect("start", campaign_id)

    def test_start__requests_for_one(self, kore_simulator: KoreSimulator, start: Start) -> None:
        """One campaign takes four requests: what is it, is it still, start it, does it run."""
        start(*add(kore_simulator, 1))

        assert [request.operation for request in kore_simulator.requests] == ["get", "get", "start", "get"]

    def test_start__requests_for_many(self, kore_simulator: KoreSimulator, start: Start) -> None:
        """Many take a list before and after; what the first shows without a run is read, and each is looked at."""
        start(*add(kore_simulator, 6))

        operations = [request.operation for request in kore_simulator.requests]
        assert (operations[0], operations[-1]) == ("list", "list")
        assert sorted(operations[1:-1]) == ["get"] * 12 + ["start"] * 6

    def test_start__requests_for_many_reruns(self, kore_simulator: KoreSimulator, start: Start) -> None:
        """A list that names the run before is enough, but for the look right before each start."""
        start(*add(kore_simulator, 6, status="Stopped"), allow_rerun=True)

        operations = [request.operation for request in kore_simulator.requests]
        assert (operations[0], operations[-1]) == ("list", "list")
        assert sorted(operations[1:-1]) == ["get"] * 6 + ["start"] * 6

    @pytest.mark.parametrize(("given", "version"), [(None, "v1"), ("v1", "v1"), ("v2", "v2")])
    def test_start__api_version(
        self, kore_simulator: KoreSimulator, start: Start, given: str | None, version: str
    ) -> None:
        """The start goes out in the version given, else v1."""
        start(*add(kore_simulator, 1), api_version=given)

        assert kore_simulator.requests.of("start")[0].version == version


class TestWhatIsNotStarted:
    """Active campaigns are left alone; the others are refused before anything is sent."""

    @BELOW_AND_ABOVE_THE_LIST
    @BOTH_WAYS
    def test_start__active(self, kore_simulator: KoreSimulator, start: Start, start_running: str, others: int) -> None:
        """What is Active already has what was wanted, and was not changed."""
        kore_simulator.switches(start_running=start_running)
        campaign_id, *rest = add(kore_simulator, 1 + others, status="Active")
        run = run_of(kore_simulator, campaign_id)

        result = start(campaign_id, *rest, allow_rerun=True).results[campaign_id]

        assert (result.status, result.changed, result.campaign_instance_id, result.details) == (
            "Active",
            False,
            run,
            {},
        )
        kore_simulator.assert_no_writes()

    def test_start__second_call(self, kore_simulator: KoreSimulator, start: Start) -> None:
        """A second call changes nothing and says so."""
        (campaign_id,) = add(kore_simulator, 1)
        assert only(start(campaign_id))["changed"] is True

        assert only(start(campaign_id))["changed"] is False
        kore_simulator.assert_one_effect("start", campaign_id)

    @BELOW_AND_ABOVE_THE_LIST
    @pytest.mark.parametrize(
        ("status", "allow_rerun"),
        [
            ("Stopped", False),
            ("Completed", False),
            ("Paused", True),
            ("Scheduled", True),
            ("Rescheduled", True),
            ("Ramping", True),
        ],
    )
    def test_start__refused(
        self, kore_simulator: KoreSimulator, start: Start, status: str, allow_rerun: bool, others: int
    ) -> None:
        """A campaign that must not be started is a failure that no retry mends."""
        ids = add(kore_simulator, 1 + others, status=status)

        outcomes = start(*ids, allow_rerun=allow_rerun)

        for campaign_id in ids:
            error = failure(outcomes, campaign_id)
            assert isinstance(error, CampaignStateError)
            assert (error.retryable, error.outcome_unknown) == (False, False)
        kore_simulator.assert_no_writes()

    @BELOW_AND_ABOVE_THE_LIST
    def test_start__ran_and_is_ready_again(self, kore_simulator: KoreSimulator, start: Start, others: int) -> None:
        """A run before is told by its id, not by the status."""
        ids = add(kore_simulator, 1 + others, status="Ready", instance_id="cid-1")

        assert "has run before, as cid-1" in str(failure(start(*ids), ids[0]))
        kore_simulator.assert_no_writes()

    def test_start__list_does_not_name_the_run(
        self, kore_simulator: KoreSimulator, client: KoreClient, start: Start, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What the list shows as Ready without a run is read by itself, because items of a list need not name it."""
        ids = add(kore_simulator, 5, status="Ready", instance_id="cid-1")
        items = {one: campaign_without_run(client.get_campaign(one)) for one in ids}
        monkeypatch.setattr(client, "look_through", lambda *_, **__: items)

        assert set(map(type, start(*ids).failures.values())) == {CampaignStateError}
        kore_simulator.assert_no_writes()

    def test_start__wrong_type_ignored_by_the_service(self, kore_simulator: KoreSimulator, start: Start) -> None:
        """A service that ignores a wrong type is never asked: the type is compared first."""
        kore_simulator.switches(type_mismatch="ignore")
        (campaign_id,) = add(kore_simulator, 1, campaign_type="sms")

        assert isinstance(failure(start(campaign_id), campaign_id), CampaignMismatchError)
        kore_simulator.assert_no_writes()


def campaign_without_run(found: Campaign) -> Campaign:
    return Campaign.from_api({name: value for name, value in found.raw.items() if name != "campaignInstanceId"})


class TestMissing:
    """What is not there cannot be started."""

    @BELOW_AND_ABOVE_THE_LIST
    @pytest.mark.parametrize("not_found_status", [400, 404])
    def test_start__missing(
        self, kore_simulator: KoreSimulator, start: Start, not_found_status: int, others: int
    ) -> None:
        """It is a failure that a retry does not mend, and the others are started."""
        kore_simulator.switches(not_found_status=not_found_status)
        ids = add(kore_simulator, others)

        outcomes = start(STRANGER, *ids)

        error = failure(outcomes, STRANGER)
        assert isinstance(error, KoreNotFoundError)
        assert not error.retryable
        assert "there is none, by reading and by the list" in str(error)
        assert sorted(outcomes.results) == sorted(ids)

    def test_start__listed(self, kore_simulator: KoreSimulator, start: Start) -> None:
        """A campaign that the list holds is not missing, whatever reading says."""
        (campaign_id,) = add(kore_simulator, 1)
        kore_simulator.fail_next(404, operation="get")

        error = failure(start(campaign_id), campaign_id)

        assert isinstance(error, KoreProtocolError)
        assert error.retryable
        kore_simulator.assert_no_writes()

    def test_start__deleted_before_the_start(
        self, kore_simulator: KoreSimulator, start: Start, meanwhile: Meanwhile
    ) -> None:
        """A campaign that somebody deletes between reading and start is missing, like one deleted earlier."""
        (campaign_id,) = add(kore_simulator, 1)
        meanwhile("start_campaign", lambda: kore_simulator.service.store.remove(campaign_id))

        error = failure(start(campaign_id), campaign_id)

        assert isinstance(error, KoreNotFoundError)
        assert "there is none, by reading and by the list" in str(error)


class TestSomebodyElse:
    """What somebody else does between reading and start."""

    def test_start__started_by_somebody_else(
        self, kore_simulator: KoreSimulator, start: Start, meanwhile: Meanwhile
    ) -> None:
        """What the look before the start shows to be Active is sent none: no failure, and not this call's doing."""
        (campaign_id,) = add(kore_simulator, 1)
        meanwhile("start_campaign", lambda: kore_simulator.restart(campaign_id))

        result = only(start(campaign_id))

        assert (result["status"], result["changed"]) == ("Active", False)
        assert result["campaign_instance_id"] == run_of(kore_simulator, campaign_id)
        kore_simulator.assert_no_writes()

    def test_start__started_after_the_look(
        self, kore_simulator: KoreSimulator, start: Start, fake_clock: FakeClock
    ) -> None:
        """If the service refuses because it is Active by now, that is no failure either."""
        (campaign_id,) = add(kore_simulator, 1)
        fake_clock.before_write = lambda: kore_simulator.restart(campaign_id)

        result = only(start(campaign_id))

        assert (result["status"], result["changed"]) == ("Active", False)
        assert len(kore_simulator.requests.of("start")) == 1
        assert len(kore_simulator.effects("start")) == 0

    def test_start__started_by_somebody_else_and_not_refused(
        self, kore_simulator: KoreSimulator, start: Start, fake_clock: FakeClock
    ) -> None:
        """If the service answers as if it had started it, one run goes on, and the result names it."""
        kore_simulator.switches(start_running="noop")
        (campaign_id,) = add(kore_simulator, 1, status="Stopped")
        fake_clock.before_write = lambda: kore_simulator.restart(campaign_id)

        result = only(start(campaign_id, allow_rerun=True))

        assert (result["status"], result["campaign_instance_id"]) == ("Active", run_of(kore_simulator, campaign_id))
        assert len(kore_simulator.effects("start")) == 0

    def test_start__refused_for_another_reason(
        self, kore_simulator: KoreSimulator, start: Start, fake_clock: FakeClock
    ) -> None:
        """A refusal of a campaign that is not Active is the failure."""
        (campaign_id,) = add(kore_simulator, 1)
        fake_clock.before_write = lambda: become(kore_simulator, [campaign_id], "Preparing")

        assert isinstance(failure(start(campaign_id), campaign_id), KoreRequestError)


class TestOneFailsTheOthersDoNot:
    """What becomes of one campaign keeps no other from being started."""

    @BELOW_AND_ABOVE_THE_LIST
    def test_start__mixed(self, kore_simulator: KoreSimulator, start: Start, others: int) -> None:
        """Missing, of another type or name, run before, refused, unfinished, and started: each gets its own."""
        good = add(kore_simulator, 1 + others)
        sms = kore_simulator.add_campaign(campaign_type="sms")
        renamed = kore_simulator.add_campaign(name="Summer")
        ran = kore_simulator.add_campaign(status="Completed")
        scheduled = kore_simulator.add_campaign(status="Ready", schedule=SCHEDULED)
        preparing = kore_simulator.add_campaign(status="Preparing")

        outcomes = start(STRANGER, sms, Target(renamed, "Spring"), ran, scheduled, preparing, *good)

        assert {one: type(error) for one, error in outcomes.failures.items()} == {
            STRANGER: KoreNotFoundError,
            sms: CampaignMismatchError,
            renamed: CampaignMismatchError,
            ran: CampaignStateError,
            scheduled: CampaignStateError,
            preparing: CampaignTimeoutError,
        }
        assert sorted(outcomes.results) == sorted(good)
        assert {one.campaign_id for one in kore_simulator.effects("start")} == set(good)

    def test_start__service_down(self, kore_simulator: KoreSimulator, start: Start) -> None:
        """A start that the service keeps failing is that campaign's failure, and a retry may help."""
        failing, *good = add(kore_simulator, 6)
        kore_simulator.fail_next(503, operation="start", campaign_id=failing, times=1000)

        outcomes = start(failing, *good)

        assert isinstance(failure(outcomes, failing), KoreServiceError)
        assert outcomes.failures[failing].retryable
        assert sorted(outcomes.results) == sorted(good)

    def test_start__no_connection(self, kore_simulator: KoreSimulator, start: Start) -> None:
        """Without a connection every campaign fails, and a retry may help."""
        ids = add(kore_simulator, 5)
        kore_simulator.drop_next(times=1000)

        outcomes = start(*ids)

        assert {type(error) for error in outcomes.failures.values()} == {KoreConnectionError}
        assert sorted(outcomes.failures) == sorted(ids)


class TestPlanOnly:
    """A plan reads, decides and sends nothing."""

    @BELOW_AND_ABOVE_THE_LIST
    @pytest.mark.parametrize(
        ("status", "planned"),
        [
            ("Ready", "START"),
            ("Stopped", "START"),
            ("Completed", "START"),
            ("Preparing", "wait until it is no longer Preparing, START"),
            ("Active", None),
        ],
    )
    def test_start__plan(
        self, kore_simulator: KoreSimulator, start: Start, status: str, planned: str | None, others: int
    ) -> None:
        """The result tells what would be sent, and the campaign stays as it is."""
        ids = add(kore_simulator, 1 + others, status=status)

        result = start(*ids, plan_only=True, allow_rerun=True).results[ids[0]].as_dict()

        request = (
            f"POST /campaign/api/v1/public/{kore_simulator.stream_id}/campaign/{ids[0]}?campaignType=voice&trigger=play"
        )
        assert (result["status"], result["changed"]) == (status, False)
        assert result.get("planned") == (planned and planned.replace("START", request))
        kore_simulator.assert_no_writes()

    def test_start__plan_is_guarded(self, kore_simulator: KoreSimulator, start: Start) -> None:
        """What would fail fails in the plan as well."""
        (campaign_id,) = add(kore_simulator, 1, status="Completed")

        assert isinstance(failure(start(campaign_id, plan_only=True), campaign_id), CampaignStateError)

    def test_start__plan_of_a_version(self, kore_simulator: KoreSimulator, start: Start) -> None:
        """The plan is for the version that would be sent."""
        result = only(start(*add(kore_simulator, 1), plan_only=True, api_version="v2"))

        assert result["planned"].startswith("POST /campaign/api/v2/public/")


def test_start__cancelled_between_starts(
    kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock
) -> None:
    """A cancelled action sends no more; the check comes before each start."""
    kore_simulator.switches(rate_limit=None)
    ids = add(kore_simulator, 20)
    allowed = iter(range(3))

    def check() -> None:
        if next(allowed, None) is None:
            raise KeyboardInterrupt

    clock = fake_clock.clock
    cancelled = Clock(now=clock.now, monotonic=clock.monotonic, sleep=clock.sleep, check_cancelled=check)

    with pytest.raises(KeyboardInterrupt):
        start_campaigns(client, [Target(one) for one in ids], StartOptions(CampaignType.VOICE), clock=cancelled)

    assert len(kore_simulator.requests.of("start")) == 3


def test_start__nothing(kore_simulator: KoreSimulator, start: Start) -> None:
    """No campaign is nothing to do, and no request."""
    assert start().as_dicts() == []
    assert len(kore_simulator.requests) == 0
