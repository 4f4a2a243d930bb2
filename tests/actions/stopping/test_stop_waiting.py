"""Campaigns that take their time: with a schedule, in preparation, or slow to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from stop_support import (
    BELOW_AND_ABOVE_THE_LIST,
    SCHEDULED,
    Stop,
    add,
    become,
    failure,
    only,
)

from airflow_provider_campaigns.actions.stopping.stop import StopOptions, stop_campaigns
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.errors import (
    CampaignMismatchError,
    CampaignStateError,
    CampaignTimeoutError,
    KoreAuthenticationError,
    KoreRateLimitError,
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


class TestSchedules:
    """A campaign with a schedule would be started again by the platform."""

    @BELOW_AND_ABOVE_THE_LIST
    @pytest.mark.parametrize(
        "fields",
        [{"status": "Scheduled"}, {"status": "Rescheduled"}, {"status": "Active", "schedule": SCHEDULED}],
        ids=["Scheduled", "Rescheduled", "Active with a schedule"],
    )
    def test_stop__not_asked_to_disable(
        self, kore_simulator: KoreSimulator, stop: Stop, fields: dict[str, Any], others: int
    ) -> None:
        """By default that is a failure, and nothing is sent."""
        campaign_id, *_ = ids = add(kore_simulator, 1 + others, **fields)

        error = failure(stop(*ids), campaign_id)

        assert isinstance(error, CampaignStateError)
        assert not error.retryable
        assert "disable_schedule=True ends the schedule as well" in str(error)
        kore_simulator.assert_no_writes()

    @pytest.mark.parametrize("status", ["Scheduled", "Rescheduled"])
    def test_stop__disabled(self, kore_simulator: KoreSimulator, stop: Stop, status: str) -> None:
        """Its schedule is disabled and proven to be; there is nothing to stop then, but it was changed."""
        campaign_id = kore_simulator.add_campaign(name="Nightly", status=status, schedule=SCHEDULED)
        kore_simulator.add_campaign(name="Other", status="Scheduled", schedule=SCHEDULED)

        result = only(stop(campaign_id, disable_schedule=True))

        assert (result["status"], result["changed"], result["schedule_disabled"]) == ("Ready", True, True)
        assert kore_simulator.campaign(campaign_id).schedule["isSchedulingEnabled"] is False
        assert [request.operation for request in kore_simulator.requests.writes()] == ["schedule"]

    def test_stop__disabled_and_stopped(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """One that runs is also stopped, after its schedule is disabled."""
        campaign_id = kore_simulator.add_campaign(name="Nightly", status="Active", schedule=SCHEDULED)

        result = only(stop(campaign_id, disable_schedule=True))

        assert (result["status"], result["changed"], result["schedule_disabled"]) == ("Stopped", True, True)
        assert [request.operation for request in kore_simulator.requests.writes()] == ["schedule", "stop"]

    def test_stop__disabled_after_the_rate_limit(
        self, client: KoreClient, kore_simulator: KoreSimulator, stop: Stop, waits: list[float]
    ) -> None:
        """What a stop waits for is as urgent as one: a rate limit that another met costs it no minute."""
        campaign_id = kore_simulator.add_campaign(name="Nightly", status="Active", schedule=SCHEDULED)
        kore_simulator.fail_next(429, operation="contacts")
        with pytest.raises(KoreRateLimitError):
            client.count_contact_results(campaign_id)

        result = only(stop(campaign_id, disable_schedule=True, count_contacts=False, confirm=False))

        assert (result["status"], result["schedule_disabled"]) == ("Stopped", True)
        assert waits == []

    def test_stop__started_by_its_schedule_meanwhile(
        self, kore_simulator: KoreSimulator, stop: Stop, meanwhile: Meanwhile
    ) -> None:
        """One that its schedule started right before is seen to run, and stopped."""
        campaign_id = kore_simulator.add_campaign(name="Nightly", status="Scheduled", schedule=SCHEDULED)
        meanwhile("disable_schedule", lambda: kore_simulator.set_status(campaign_id, "Active"))

        assert only(stop(campaign_id, disable_schedule=True))["status"] == "Stopped"

    def test_stop__still_scheduled(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """A schedule that shows after it was disabled is a failure that a retry may mend."""
        campaign_id = kore_simulator.add_campaign(name="Nightly", status="Scheduled", schedule=SCHEDULED)
        kore_simulator.fail_next(200, operation="schedule", body={"status": "success"})

        error = failure(stop(campaign_id, disable_schedule=True), campaign_id)

        assert isinstance(error, CampaignStateError)
        assert error.retryable
        assert "with a schedule, although that was disabled" in str(error)

    def test_stop__still_scheduled_when_stopped(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """So it is where it ran, and was stopped: the platform would start it again."""
        campaign_id = kore_simulator.add_campaign(name="Nightly", status="Active", schedule=SCHEDULED)
        kore_simulator.fail_next(200, operation="schedule", body={"status": "success"})

        error = failure(stop(campaign_id, disable_schedule=True), campaign_id)

        assert error.retryable
        assert "is Stopped with a schedule, although that was disabled" in str(error)

    def test_stop__names_are_read_once(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """One list of each type tells whose the schedules are, and one what became of those that did not run."""
        names = [f"Nightly {number}" for number in range(6)]
        ids = [kore_simulator.add_campaign(name=one, status="Scheduled", schedule=SCHEDULED) for one in names]

        outcomes = stop(*ids, disable_schedule=True)

        assert [(one["status"], one["changed"]) for one in outcomes.as_dicts()] == [("Ready", True)] * 6
        assert [one.operation for one in kore_simulator.requests] == [*["list"] * 3, *["schedule"] * 6, "list"]

    def test_stop__name_twice(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """The service knows schedules by name, so a name that two campaigns have disables neither."""
        campaign_id = kore_simulator.add_campaign(name="Nightly", status="Scheduled", schedule=SCHEDULED)
        kore_simulator.add_campaign(campaign_type="sms", name="Nightly", status="Scheduled", schedule=SCHEDULED)

        error = failure(stop(campaign_id, disable_schedule=True), campaign_id)

        assert "2 campaigns are named 'Nightly'" in str(error)
        kore_simulator.assert_no_writes()

    def test_stop__name_of_another(self, kore_simulator: KoreSimulator, stop: Stop, meanwhile: Meanwhile) -> None:
        """A name that has meanwhile become another campaign's disables nothing."""
        campaign_id = kore_simulator.add_campaign(name="Nightly", status="Scheduled", schedule=SCHEDULED)

        def swap() -> None:
            kore_simulator.service.store.get(campaign_id).name = "Daily"
            kore_simulator.add_campaign(name="Nightly", status="Scheduled", campaign_id="cd-other")

        meanwhile("look_through", swap)

        error = failure(stop(campaign_id, disable_schedule=True), campaign_id)

        assert "its name 'Nightly' finds cd-other; the schedule is not disabled" in str(error)
        kore_simulator.assert_no_writes()

    def test_stop__running_ones_first(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """Campaigns that run are stopped before any schedule is looked after."""
        scheduled = [
            kore_simulator.add_campaign(name=f"Nightly {number}", status="Scheduled", schedule=SCHEDULED)
            for number in range(8)
        ]
        running = add(kore_simulator, 8, status="Active")
        # All eight stops are under way before the first is answered.
        kore_simulator.switches(latency=0.2)

        stop(*scheduled, *running, disable_schedule=True)

        assert [request.operation for request in kore_simulator.requests.writes()] == ["stop"] * 8 + ["schedule"] * 8


class TestPreparing:
    """A campaign that is being prepared cannot be stopped yet, and may run next."""

    @BELOW_AND_ABOVE_THE_LIST
    def test_stop__becomes_ready(
        self, kore_simulator: KoreSimulator, stop: Stop, fake_clock: FakeClock, others: int
    ) -> None:
        """It is waited for; when it is Ready there is nothing to stop."""
        campaign_id, *_ = ids = add(kore_simulator, 1 + others, status="Preparing")
        fake_clock.events = [lambda: None, lambda: become(kore_simulator, ids, "Ready")]

        result = stop(*ids).results[campaign_id]

        assert (result.status, result.changed) == ("Ready", False)
        assert fake_clock.waits == [15.0, 15.0]
        kore_simulator.assert_no_writes()

    def test_stop__becomes_active(self, kore_simulator: KoreSimulator, stop: Stop, fake_clock: FakeClock) -> None:
        """If it runs next, it is stopped."""
        (campaign_id,) = add(kore_simulator, 1, status="Preparing")
        fake_clock.events = [lambda: kore_simulator.restart(campaign_id)]

        result = only(stop(campaign_id))

        assert (result["status"], result["changed"]) == ("Stopped", True)
        assert result["sent_at"] == "2026-03-02T12:30:15.000Z"

    def test_stop__becomes_active_after_a_rate_limit(
        self, kore_simulator: KoreSimulator, stop: Stop, client: KoreClient, fake_clock: FakeClock, waits: list[float]
    ) -> None:
        """What a stop waits for is read as urgently as that, whatever limit other readings have met."""
        (campaign_id,) = add(kore_simulator, 1, status="Preparing")

        def meet_the_limit() -> None:
            kore_simulator.restart(campaign_id)
            kore_simulator.fail_next(429, operation="contacts")
            with pytest.raises(KoreRateLimitError):
                client.count_contact_results(campaign_id)

        fake_clock.events = [meet_the_limit]

        assert stop(campaign_id, confirm=False, count_contacts=False).results[campaign_id].status == "Stopped"
        assert waits == []

    def test_stop__stays(self, kore_simulator: KoreSimulator, stop: Stop, fake_clock: FakeClock) -> None:
        """It is waited for as long as asked, at the end of which it is looked at once more."""
        (campaign_id,) = add(kore_simulator, 1, status="Preparing")

        error = failure(stop(campaign_id, poll_interval_s=40.0, confirm_timeout_s=100.0), campaign_id)

        assert isinstance(error, CampaignTimeoutError)
        assert error.retryable
        assert f"campaign {campaign_id}: is still Preparing after 100 s; nothing was sent" in str(error)
        assert fake_clock.waits == [40.0, 40.0, 20.0]
        assert len(kore_simulator.requests) == 4

    @BELOW_AND_ABOVE_THE_LIST
    def test_stop__holds_up_no_other(
        self, kore_simulator: KoreSimulator, stop: Stop, fake_clock: FakeClock, others: int
    ) -> None:
        """The others are stopped and proven to be before it is waited for."""
        (preparing,) = add(kore_simulator, 1, status="Preparing")
        running = add(kore_simulator, 1 + others, status="Active")

        def check() -> None:
            assert {kore_simulator.campaign(one).status for one in running} == {"Stopped"}

        fake_clock.events = [check]
        outcomes = stop(preparing, *running)

        assert isinstance(failure(outcomes, preparing), CampaignTimeoutError)
        assert {result["confirmed_at"] for result in outcomes.as_dicts()} == {"2026-03-02T12:30:00.000Z"}

    def test_stop__late_one_has_the_whole_time(
        self, kore_simulator: KoreSimulator, stop: Stop, fake_clock: FakeClock
    ) -> None:
        """The time in which it must stop begins with its stop, not with the wait before it."""
        kore_simulator.switches(drain_polls=5)
        (campaign_id,) = add(kore_simulator, 1, status="Preparing")
        fake_clock.events = [lambda: None] * 4 + [lambda: kore_simulator.restart(campaign_id)]

        result = only(stop(campaign_id, poll_interval_s=10.0, confirm_timeout_s=50.0))

        assert result["sent_at"] == "2026-03-02T12:30:50.000Z"
        assert result["confirmed_at"] == "2026-03-02T12:31:40.000Z"


class TestConfirm:
    """A stop is believed when the campaign reads Stopped or Completed."""

    @BELOW_AND_ABOVE_THE_LIST
    def test_stop__drains(self, kore_simulator: KoreSimulator, stop: Stop, fake_clock: FakeClock, others: int) -> None:
        """A campaign that takes its time to stop is read until it has stopped."""
        kore_simulator.switches(drain_polls=3)
        campaign_id, *_ = ids = add(kore_simulator, 1 + others, status="Active")

        result = stop(*ids, poll_interval_s=20.0).results[campaign_id]

        assert result.details["sent_at"] == "2026-03-02T12:30:00.000Z"
        assert result.details["confirmed_at"] == "2026-03-02T12:31:00.000Z"
        assert fake_clock.waits == [20.0, 20.0, 20.0]
        kore_simulator.assert_one_effect("stop", campaign_id)

    def test_stop__drains_for_seconds(
        self, kore_simulator: KoreSimulator, stop: Stop, client: KoreClient, fake_clock: FakeClock
    ) -> None:
        """The same in real time."""
        kore_simulator.switches(drain_seconds=0.1)
        (campaign_id,) = add(kore_simulator, 1, status="Active")

        outcomes = stop_campaigns(
            client, [Target(campaign_id)], StopOptions(CampaignType.VOICE, poll_interval_s=0.05, confirm_timeout_s=5)
        )

        assert only(outcomes)["status"] == "Stopped"

    def test_stop__answered_active_while_it_drains(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """An answer that does not say Stopped is settled by reading, not by a second stop."""
        kore_simulator.switches(drain_polls=3, drain_answer="Active")
        (campaign_id,) = add(kore_simulator, 1, status="Active")

        assert only(stop(campaign_id))["status"] == "Stopped"
        assert len(kore_simulator.requests.of("stop")) == 1

    def test_stop__never(self, kore_simulator: KoreSimulator, stop: Stop, fake_clock: FakeClock) -> None:
        """A campaign that does not stop in time is a failure that names its status; a retry may help."""
        kore_simulator.switches(drain_polls=1000)
        (campaign_id,) = add(kore_simulator, 1, status="Active")

        error = failure(stop(campaign_id, poll_interval_s=40.0, confirm_timeout_s=100.0), campaign_id)

        assert isinstance(error, CampaignTimeoutError)
        assert error.retryable
        assert "the stop was accepted, but it is still Active after 100 s" in str(error)
        assert fake_clock.waits == [40.0, 40.0, 20.0]

    def test_stop__one_slow(self, kore_simulator: KoreSimulator, stop: Stop, fake_clock: FakeClock) -> None:
        """One that does not stop in time keeps no other from its result."""
        ids = add(kore_simulator, 5, status="Active")
        outcomes_before = stop(*ids[1:])
        kore_simulator.switches(drain_polls=1000)

        outcomes = stop(*ids)

        assert outcomes_before.failures == {}
        assert list(outcomes.failures) == [ids[0]]
        assert [result["status"] for result in outcomes.as_dicts()] == ["Stopped"] * 4

    def test_stop__timeout_of_zero(self, kore_simulator: KoreSimulator, stop: Stop, fake_clock: FakeClock) -> None:
        """With no time at all it is read once."""
        (campaign_id,) = add(kore_simulator, 1, status="Active")

        assert only(stop(campaign_id, confirm_timeout_s=0.0))["status"] == "Stopped"
        assert fake_clock.waits == []

    def test_stop__not_to_confirm(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """Without confirmation the answer is believed, and the result does not claim more."""
        kore_simulator.switches(drain_polls=1000)
        (campaign_id,) = add(kore_simulator, 1, status="Active")

        result = only(stop(campaign_id, confirm=False))

        assert (result["status"], result["changed"]) == ("Stopped", True)
        assert "confirmed_at" not in result
        assert [request.operation for request in kore_simulator.requests] == ["get", "contacts", "stop"]

    def test_stop__wrong_type_ignored_by_the_service(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """A service that ignores a wrong type is never asked: the type is compared first."""
        kore_simulator.switches(type_mismatch="ignore")
        (campaign_id,) = add(kore_simulator, 1, status="Active", campaign_type="sms")

        error = failure(stop(campaign_id), campaign_id)

        assert isinstance(error, CampaignMismatchError)
        kore_simulator.assert_no_writes()

    @BELOW_AND_ABOVE_THE_LIST
    def test_stop__started_again(
        self, kore_simulator: KoreSimulator, stop: Stop, fake_clock: FakeClock, others: int
    ) -> None:
        """If somebody starts it again meanwhile, that is told, and the new run is not stopped."""
        kore_simulator.switches(drain_polls=1)
        campaign_id, *_ = ids = add(kore_simulator, 1 + others, status="Active")
        fake_clock.events = [lambda: kore_simulator.restart(campaign_id)]

        error = failure(stop(*ids), campaign_id)

        assert isinstance(error, CampaignStateError)
        assert not error.retryable
        assert "was started again while it was being stopped" in str(error)
        kore_simulator.assert_one_effect("stop", campaign_id)
        assert kore_simulator.campaign(campaign_id).status == "Active"

    def test_stop__started_and_ended_again(
        self, kore_simulator: KoreSimulator, stop: Stop, fake_clock: FakeClock
    ) -> None:
        """Another run that has ended is not taken for the one that was stopped."""
        kore_simulator.switches(drain_polls=1)
        (campaign_id,) = add(kore_simulator, 1, status="Active")

        def run_to_the_end() -> None:
            kore_simulator.restart(campaign_id)
            kore_simulator.set_status(campaign_id, "Completed")

        fake_clock.events = [run_to_the_end]

        assert "was started again" in str(failure(stop(campaign_id), campaign_id))

    def test_stop__unreadable_for_a_while(
        self, kore_simulator: KoreSimulator, stop: Stop, fake_clock: FakeClock
    ) -> None:
        """A reading that fails now is tried again in the next round."""
        (campaign_id,) = add(kore_simulator, 1, status="Active")
        kore_simulator.drop_next(operation="get", skip=1, times=5)

        assert only(stop(campaign_id))["status"] == "Stopped"
        assert fake_clock.waits == [15.0]

    def test_stop__unreadable_to_the_end(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """A campaign that cannot be read at all is never said to have stopped."""
        (campaign_id,) = add(kore_simulator, 1, status="Active")
        kore_simulator.drop_next(operation="get", skip=1, times=1000)

        error = failure(stop(campaign_id, confirm_timeout_s=30.0), campaign_id)

        assert "it is still not readable after 30 s" in str(error)

    def test_stop__list_unreadable_for_a_while(
        self, kore_simulator: KoreSimulator, stop: Stop, fake_clock: FakeClock
    ) -> None:
        """Where the list gets no answer, each campaign is read by itself, in the same round."""
        ids = add(kore_simulator, 5, status="Active")
        kore_simulator.drop_next(operation="list", skip=1, times=5)

        outcomes = stop(*ids)

        assert outcomes.failures == {}
        assert fake_clock.waits == []
        assert len(kore_simulator.requests.of("get")) == 5

    def test_stop__rate_limit_meanwhile(self, kore_simulator: KoreSimulator, stop: Stop, fake_clock: FakeClock) -> None:
        """Where the service wants a longer pause than a read may take, nothing else is asked in that round."""
        ids = add(kore_simulator, 5, status="Active")
        kore_simulator.fail_next(429, operation="list", skip=1, headers={"Retry-After": "301"})

        outcomes = stop(*ids)

        assert outcomes.failures == {}
        assert [one["status"] for one in outcomes.as_dicts()] == ["Stopped"] * 5
        assert fake_clock.waits == [15.0]
        operations = [request.operation for request in kore_simulator.requests]
        assert operations[-2:] == ["list", "list"]
        assert "get" not in operations

    @BELOW_AND_ABOVE_THE_LIST
    def test_stop__credentials_refused_meanwhile(self, kore_simulator: KoreSimulator, stop: Stop, others: int) -> None:
        """Credentials that are refused after the stop end the waiting at once."""
        ids = add(kore_simulator, 1 + others, status="Active")
        kore_simulator.fail_next(401, operation=("get", "status", "list"), skip=1, times=1000)

        outcomes = stop(*ids)

        assert sorted(outcomes.failures) == sorted(ids)
        assert {type(error) for error in outcomes.failures.values()} == {KoreAuthenticationError}


# Status and body of a 2xx that does not say what a stop did.
ACCEPTED: dict[str, tuple[int, Any]] = {
    "202 empty": (202, b""),
    "204": (204, b""),
    "success": (200, {"status": "success", "message": "Campaign stop initiated"}),
    "in other words": (200, {"status": "Stopping"}),
    "wrapped": (201, {"result": {"status": "Stopped"}}),
    "text": (200, "OK"),
}


@pytest.mark.parametrize("answer", ACCEPTED)
class TestAccepted:
    """A stop that a 2xx of any form may have accepted is read on for as long as it has."""

    def test_stop__drains(self, kore_simulator: KoreSimulator, stop: Stop, fake_clock: FakeClock, answer: str) -> None:
        """One that takes 45 s to show is stopped, and no second is sent."""
        (campaign_id,) = add(kore_simulator, 1, status="Active")
        status, body = ACCEPTED[answer]
        kore_simulator.fail_next(status, body=body, after=True, operation="stop")
        kore_simulator.switches(drain_polls=3)

        result = only(stop(campaign_id))

        assert (result["status"], result["changed"]) == ("Stopped", True)
        assert fake_clock.waits == [15.0] * 3
        kore_simulator.assert_one_effect("stop", campaign_id)
        assert len(kore_simulator.requests.of("stop")) == 1

    @pytest.mark.parametrize("refusal", [400, 403, 405, 500])
    def test_stop__second_refused(
        self, kore_simulator: KoreSimulator, stop: Stop, fake_clock: FakeClock, answer: str, refusal: int
    ) -> None:
        """After a minute one more is sent; that it is refused is no verdict."""
        (campaign_id,) = add(kore_simulator, 1, status="Active")
        status, body = ACCEPTED[answer]
        kore_simulator.fail_next(status, body=body, after=True, operation="stop")
        refused = {"errors": [{"msg": "Campaign is Active and cannot be stopped", "code": refusal}]}
        kore_simulator.fail_next(refusal, body=refused, operation="stop", times=9)
        kore_simulator.switches(drain_polls=7)

        assert only(stop(campaign_id))["status"] == "Stopped"
        assert fake_clock.waits == [15.0] * 7
        assert len(kore_simulator.requests.of("stop")) == 2

    def test_stop__forgotten(
        self, kore_simulator: KoreSimulator, stop: Stop, fake_clock: FakeClock, answer: str
    ) -> None:
        """One that had no effect is sent once more after a minute, with no reading in between left out."""
        ids = add(kore_simulator, 5, status="Active")
        status, body = ACCEPTED[answer]
        kore_simulator.fail_next(status, body=body, operation="stop", times=5)

        outcomes = stop(*ids)

        assert [one["status"] for one in outcomes.as_dicts()] == ["Stopped"] * 5
        assert fake_clock.waits == [15.0] * 5
        assert len(kore_simulator.requests.of("stop")) == 10

    def test_stop__never(self, kore_simulator: KoreSimulator, stop: Stop, answer: str) -> None:
        """One that never shows fails when its time is over, after two stops."""
        (campaign_id,) = add(kore_simulator, 1, status="Active")
        status, body = ACCEPTED[answer]
        kore_simulator.fail_next(status, body=body, operation="stop", times=9)

        error = failure(stop(campaign_id, confirm_timeout_s=90.0), campaign_id)

        assert "the stop was accepted, but it is still Active after 90 s" in str(error)
        assert (error.retryable, len(kore_simulator.requests.of("stop"))) == (True, 2)

    def test_stop__ended_by_itself(
        self, kore_simulator: KoreSimulator, stop: Stop, fake_clock: FakeClock, answer: str
    ) -> None:
        """A campaign that completes meanwhile was not stopped by this."""
        (campaign_id,) = add(kore_simulator, 1, status="Active")
        status, body = ACCEPTED[answer]
        kore_simulator.fail_next(status, body=body, operation="stop")
        fake_clock.events = [lambda: become(kore_simulator, [campaign_id], "Completed")]

        result = only(stop(campaign_id))

        assert (result["status"], result["changed"]) == ("Completed", False)

    def test_stop__not_proven(self, kore_simulator: KoreSimulator, stop: Stop, answer: str) -> None:
        """Without a proof to come it is read until the client knows, at once here."""
        (campaign_id,) = add(kore_simulator, 1, status="Active")
        status, body = ACCEPTED[answer]
        kore_simulator.fail_next(status, body=body, after=True, operation="stop")

        assert only(stop(campaign_id, confirm=False))["status"] == "Stopped"


class TestOddReadings:
    """A reading that is odd once decides nothing about a stop that was accepted."""

    @pytest.mark.parametrize("fault", ["not found", "list not found", "another campaign", "refused"])
    def test_stop__one_odd_answer_while_confirming(self, kore_simulator: KoreSimulator, stop: Stop, fault: str) -> None:
        """One not-found, one answer about another campaign or one refusal while it drains: the next round decides."""
        (campaign,) = add(kore_simulator, 1, status="Active")
        kore_simulator.switches(drain_polls=2)
        if fault == "not found":
            kore_simulator.fail_next(404, operation="get", skip=1)
        elif fault == "list not found":
            kore_simulator.fail_next(404, operation="get", skip=1)
            kore_simulator.fail_next(404, operation="list")
        elif fault == "refused":
            kore_simulator.fail_next(412, operation="get", skip=1)
        else:
            kore_simulator.mislabel_next(operation="get", skip=1)

        result = only(stop(campaign))

        assert (result["status"], result["changed"]) == ("Stopped", True)
        kore_simulator.assert_one_effect("stop", campaign)

    def test_stop__completed_while_its_answer_was_lost(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """A campaign that is Completed after a lost answer has ended by itself: this task changed nothing."""
        (campaign,) = add(kore_simulator, 1, status="Active")
        kore_simulator.fail_next(503, operation="stop")
        stop.fake_clock.events = []
        original = stop.client.send_stop_once

        def complete_then_stop(*args: Any, **kwargs: Any) -> Any:
            kore_simulator.set_status(campaign, "Completed")
            return original(*args, **kwargs)

        stop.client.send_stop_once = complete_then_stop  # type: ignore[method-assign]

        result = only(stop(campaign))

        assert (result["status"], result["changed"]) == ("Completed", False)
        assert len(kore_simulator.effects("stop")) == 0
