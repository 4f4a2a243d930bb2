"""Starts that take their time, or whose answer is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from start_support import Start, failure, only, run_of
from stop_support import BELOW_AND_ABOVE_THE_LIST, add, become

from airflow_provider_campaigns.kore.errors import (
    CampaignStateError,
    CampaignTimeoutError,
    KoreAuthenticationError,
    KoreNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from fake_clock import FakeClock

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

ACCEPTED = {"status": "Active", "message": "Campaign Started"}
"""What the service answers to a start."""


LOST: dict[str, Callable[[KoreSimulator], object]] = {
    "reset after": lambda sim: sim.drop_next(after=True, operation="start"),
    "503 before": lambda sim: sim.fail_next(503, before=True, operation="start"),
    "502 after": lambda sim: sim.fail_next(502, after=True, operation="start"),
    "cut off": lambda sim: sim.truncate_next(operation="start"),
    "no JSON after": lambda sim: sim.garble_next(after=True, operation="start"),
    "of another campaign": lambda sim: sim.mislabel_next(operation="start"),
}


@pytest.fixture
def start(client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator) -> Start:
    """Start campaigns by id in time that does not pass."""
    kore_simulator.switches(rate_limit=None)
    return Start(client, fake_clock)


class TestPreparing:
    """A campaign that is being prepared is started once it is Ready."""

    @BELOW_AND_ABOVE_THE_LIST
    def test_start__becomes_ready(
        self, kore_simulator: KoreSimulator, start: Start, fake_clock: FakeClock, others: int
    ) -> None:
        """It is waited for, and then started."""
        campaign_id, *_ = ids = add(kore_simulator, 1 + others, status="Preparing")
        fake_clock.events = [lambda: None, lambda: become(kore_simulator, ids, "Ready")]

        result = start(*ids).results[campaign_id].as_dict()

        assert (result["status"], result["changed"]) == ("Active", True)
        assert result["sent_at"] == "2026-03-02T12:30:30.000Z"
        assert fake_clock.waits == [15.0, 15.0]
        kore_simulator.assert_one_effect("start", campaign_id)

    def test_start__becomes_active(self, kore_simulator: KoreSimulator, start: Start, fake_clock: FakeClock) -> None:
        """If somebody else starts it first, nothing is sent."""
        (campaign_id,) = add(kore_simulator, 1, status="Preparing")
        fake_clock.events = [lambda: kore_simulator.restart(campaign_id)]

        assert only(start(campaign_id))["changed"] is False
        kore_simulator.assert_no_writes()

    def test_start__becomes_scheduled(self, kore_simulator: KoreSimulator, start: Start, fake_clock: FakeClock) -> None:
        """If it gets a schedule, it is refused."""
        (campaign_id,) = add(kore_simulator, 1, status="Preparing")
        fake_clock.events = [lambda: become(kore_simulator, [campaign_id], "Scheduled")]

        assert isinstance(failure(start(campaign_id), campaign_id), CampaignStateError)

    def test_start__stays(self, kore_simulator: KoreSimulator, start: Start, fake_clock: FakeClock) -> None:
        """It is waited for as long as asked, at the end of which it is looked at once more."""
        (campaign_id,) = add(kore_simulator, 1, status="Preparing")

        error = failure(start(campaign_id, poll_interval_s=40.0, confirm_timeout_s=100.0), campaign_id)

        assert isinstance(error, CampaignTimeoutError)
        assert (error.retryable, error.outcome_unknown) == (True, False)
        assert f"campaign {campaign_id}: is still Preparing after 100 s; nothing was sent" in str(error)
        assert fake_clock.waits == [40.0, 40.0, 20.0]
        assert len(kore_simulator.requests) == 4

    @BELOW_AND_ABOVE_THE_LIST
    def test_start__holds_up_no_other(
        self, kore_simulator: KoreSimulator, start: Start, fake_clock: FakeClock, others: int
    ) -> None:
        """The others are started and proven to run before it is waited for; it has its own whole time after that."""
        late, never = add(kore_simulator, 2, status="Preparing")
        ids = add(kore_simulator, 1 + others)

        def check() -> None:
            assert {kore_simulator.campaign(one).status for one in ids} == {"Active"}
            become(kore_simulator, [late], "Ready")

        fake_clock.events = [check]
        outcomes = start(late, never, *ids, confirm_timeout_s=40.0)

        assert isinstance(failure(outcomes, never), CampaignTimeoutError)
        assert [one["confirmed_at"][11:19] for one in outcomes.as_dicts()] == ["12:30:15"] + ["12:30:00"] * len(ids)

    def test_start__given_up(self, kore_simulator: KoreSimulator, start: Start, fake_clock: FakeClock) -> None:
        """What was given up is not started while others are still waited for."""
        slow, never = add(kore_simulator, 2, status="Preparing")
        kore_simulator.fail_next(200, body=ACCEPTED, operation="start")

        def too_late() -> None:
            become(kore_simulator, [never], "Ready")
            kore_simulator.restart(slow)

        fake_clock.events = [lambda: become(kore_simulator, [slow], "Ready"), list, list, list, too_late]

        outcomes = start(slow, never, poll_interval_s=10.0, confirm_timeout_s=35.0)

        assert fake_clock.waits == [10.0, 10.0, 10.0, 5.0, 10.0]
        assert list(outcomes.failures) == [never]
        assert len(kore_simulator.requests.of("start", campaign_id=never)) == 0


class TestConfirm:
    """A start is believed when a new run shows."""

    @BELOW_AND_ABOVE_THE_LIST
    @pytest.mark.parametrize("status", ["Ready", "Stopped"])
    def test_start__shows_late(
        self, kore_simulator: KoreSimulator, start: Start, fake_clock: FakeClock, status: str, others: int
    ) -> None:
        """A campaign that takes its time is read until it runs, and is not sent a second start."""
        campaign_id, *_ = ids = add(kore_simulator, 1 + others, status=status)
        kore_simulator.fail_next(200, body=ACCEPTED, operation="start", campaign_id=campaign_id)
        fake_clock.events = [lambda: None, lambda: kore_simulator.restart(campaign_id)]

        result = start(*ids, allow_rerun=True, poll_interval_s=20.0).results[campaign_id].as_dict()

        assert (result["status"], result["changed"]) == ("Active", True)
        assert result["campaign_instance_id"] == run_of(kore_simulator, campaign_id)
        assert (result["sent_at"], result["confirmed_at"]) == ("2026-03-02T12:30:00.000Z", "2026-03-02T12:30:40.000Z")
        assert fake_clock.waits == [20.0, 20.0]
        assert len(kore_simulator.requests.of("start", campaign_id=campaign_id)) == 1

    def test_start__shows_late_among_many(
        self, kore_simulator: KoreSimulator, start: Start, fake_clock: FakeClock
    ) -> None:
        """While nothing shows, a round costs one list."""
        ids = add(kore_simulator, 6)
        kore_simulator.fail_next(200, body=ACCEPTED, operation="start", times=6)
        fake_clock.events = [lambda: None, lambda: [kore_simulator.restart(one) for one in ids]]

        assert start(*ids).failures == {}
        operations = [request.operation for request in kore_simulator.requests]
        assert sorted(operations[1:-3]) == ["get"] * 12 + ["start"] * 6
        assert operations[:1] + operations[-3:] == ["list"] * 4

    @pytest.mark.parametrize("status", ["Ready", "Stopped"])
    def test_start__never(self, kore_simulator: KoreSimulator, start: Start, status: str) -> None:
        """One that never shows is a failure that names what it reads; whether it will run is not known."""
        (campaign_id,) = add(kore_simulator, 1, status=status)
        run = run_of(kore_simulator, campaign_id) or "unknown"
        kore_simulator.fail_next(200, body=ACCEPTED, operation="start")

        error = failure(start(campaign_id, allow_rerun=True, confirm_timeout_s=30.0), campaign_id)

        assert isinstance(error, CampaignTimeoutError)
        assert (error.retryable, error.outcome_unknown) == (True, True)
        assert f"the start was accepted, but after 30 s it reads {status}, run {run}; look at it" in str(error)

    @BELOW_AND_ABOVE_THE_LIST
    @pytest.mark.parametrize("status", ["Completed", "Stopped", "Paused"])
    def test_start__over_already(
        self, kore_simulator: KoreSimulator, start: Start, fake_clock: FakeClock, status: str, others: int
    ) -> None:
        """A new run that has ended or was paused by the time it is read has begun all the same."""
        campaign_id, *_ = ids = add(kore_simulator, 1 + others, status="Completed")
        kore_simulator.fail_next(200, body=ACCEPTED, operation="start", campaign_id=campaign_id)

        def run_to_the_end() -> None:
            kore_simulator.restart(campaign_id)
            kore_simulator.set_status(campaign_id, status)

        fake_clock.events = [run_to_the_end]

        result = start(*ids, allow_rerun=True).results[campaign_id]

        assert (result.status, result.changed) == (status, True)
        assert result.campaign_instance_id == run_of(kore_simulator, campaign_id)

    def test_start__status_that_nobody_documented(
        self, kore_simulator: KoreSimulator, start: Start, fake_clock: FakeClock
    ) -> None:
        """A status that nobody documented never passes for running, whatever the run."""
        (campaign_id,) = add(kore_simulator, 1, status="Stopped")
        kore_simulator.fail_next(200, body=ACCEPTED, operation="start")

        def ramp() -> None:
            kore_simulator.restart(campaign_id)
            become(kore_simulator, [campaign_id], "Ramping")

        fake_clock.events = [ramp]

        error = failure(start(campaign_id, allow_rerun=True), campaign_id)

        assert isinstance(error, CampaignTimeoutError)
        assert "after 600 s it reads Ramping" in str(error)

    def test_start__not_to_confirm(self, kore_simulator: KoreSimulator, start: Start) -> None:
        """Without confirmation the answer is believed, and the result claims no more than it says."""
        (voice,) = add(kore_simulator, 1)
        (sms,) = add(kore_simulator, 1, campaign_type="sms")

        of_voice, of_sms = only(start(voice, confirm=False)), only(start(sms, campaign_type="sms", confirm=False))

        assert of_voice["campaign_instance_id"] == run_of(kore_simulator, voice)
        assert of_sms["campaign_instance_id"] is None
        for result in (of_voice, of_sms):
            assert (result["status"], result["changed"]) == ("Active", True)
            assert "confirmed_at" not in result
        assert [request.operation for request in kore_simulator.requests] == ["get", "get", "start"] * 2

    def test_start__timeout_of_zero(self, kore_simulator: KoreSimulator, start: Start, fake_clock: FakeClock) -> None:
        """With no time at all it is read once."""
        assert only(start(*add(kore_simulator, 1), confirm_timeout_s=0.0))["status"] == "Active"
        assert fake_clock.waits == []

    def test_start__deleted_meanwhile(self, kore_simulator: KoreSimulator, start: Start, fake_clock: FakeClock) -> None:
        """A campaign that somebody deletes before it shows cannot be said to have run."""
        (campaign_id,) = add(kore_simulator, 1)
        kore_simulator.fail_next(200, body=ACCEPTED, operation="start")
        fake_clock.events = [lambda: kore_simulator.service.store.remove(campaign_id)]

        error = failure(start(campaign_id), campaign_id)

        assert isinstance(error, KoreNotFoundError)
        assert error.outcome_unknown

    def test_start__unreadable_for_a_while(
        self, kore_simulator: KoreSimulator, start: Start, fake_clock: FakeClock
    ) -> None:
        """A reading that fails now is tried again in the next round."""
        kore_simulator.drop_next(operation="get", skip=2, times=5)

        assert only(start(*add(kore_simulator, 1)))["status"] == "Active"
        assert fake_clock.waits == [15.0]

    def test_start__unreadable_to_the_end(self, kore_simulator: KoreSimulator, start: Start) -> None:
        """A campaign that cannot be read at all is never said to run."""
        (campaign_id,) = add(kore_simulator, 1)
        kore_simulator.drop_next(operation="get", skip=2, times=1000)

        error = failure(start(campaign_id, confirm_timeout_s=30.0), campaign_id)

        assert "the start was accepted, but after 30 s it is not readable" in str(error)

    def test_start__list_unreadable_for_a_while(
        self, kore_simulator: KoreSimulator, start: Start, fake_clock: FakeClock
    ) -> None:
        """Where the list gets no answer, each campaign is read by itself, in the same round."""
        ids = add(kore_simulator, 5)
        kore_simulator.drop_next(operation="list", skip=1, times=5)

        assert start(*ids).failures == {}
        assert fake_clock.waits == []

    def test_start__rate_limit_meanwhile(
        self, kore_simulator: KoreSimulator, start: Start, fake_clock: FakeClock
    ) -> None:
        """Where the service wants a longer pause than a read may take, nothing else is asked in that round."""
        ids = add(kore_simulator, 5)
        kore_simulator.fail_next(429, operation="list", skip=1, headers={"Retry-After": "301"})

        assert start(*ids).failures == {}
        assert fake_clock.waits == [15.0]
        operations = [request.operation for request in kore_simulator.requests]
        assert sorted(operations[1:-2]) == ["get"] * 10 + ["start"] * 5
        assert operations[:1] + operations[-2:] == ["list"] * 3

    @BELOW_AND_ABOVE_THE_LIST
    def test_start__credentials_refused_meanwhile(
        self, kore_simulator: KoreSimulator, start: Start, others: int
    ) -> None:
        """Credentials that are refused after the start end the waiting at once."""
        ids = add(kore_simulator, 1 + others, status="Stopped")
        kore_simulator.fail_next(401, operation=("get", "list"), skip=1 + len(ids), times=1000)

        outcomes = start(*ids, allow_rerun=True)

        assert sorted(outcomes.failures) == sorted(ids)
        for error in outcomes.failures.values():
            assert isinstance(error, KoreAuthenticationError)
            assert error.outcome_unknown


class TestLostAnswers:
    """A start takes effect once, whatever becomes of its answer."""

    @pytest.mark.parametrize("lost", LOST)
    @pytest.mark.parametrize("status", ["Ready", "Stopped"])
    @pytest.mark.parametrize("start_running", ["error", "noop"])
    @pytest.mark.parametrize("campaign_type", ["voice", "sms"])
    def test_start__one_effect(
        self,
        *,
        kore_simulator: KoreSimulator,
        start: Start,
        lost: str,
        status: str,
        start_running: str,
        campaign_type: str,
    ) -> None:
        """The campaign is read and the start sent again only if it had no effect; the result names the new run."""
        kore_simulator.switches(start_running=start_running)
        (campaign_id,) = add(kore_simulator, 1, status=status, campaign_type=campaign_type)
        LOST[lost](kore_simulator)

        result = only(start(campaign_id, campaign_type=campaign_type, allow_rerun=True))

        kore_simulator.assert_one_effect("start", campaign_id)
        assert (result["status"], result["changed"]) == ("Active", True)
        assert result["campaign_instance_id"] == run_of(kore_simulator, campaign_id)
        assert "confirmed_at" in result

    def test_start__proven_by_reading(self, kore_simulator: KoreSimulator, start: Start) -> None:
        """What was read to settle a lost answer is proof, and is not read once more."""
        kore_simulator.drop_next(after=True, operation="start")

        start(*add(kore_simulator, 1))

        assert [request.operation for request in kore_simulator.requests] == ["get", "get", "start", "get"]

    def test_start__many(
        self, kore_simulator: KoreSimulator, start: Start, client: KoreClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The same for many at once."""
        # Its threads share the fake clock, so that the waits of each would make the looks of the others old.
        monkeypatch.setattr(client._sender, "_clock", lambda: 0.0)
        ids = add(kore_simulator, 10)
        kore_simulator.drop_next(after=True, operation="start", times=3)
        kore_simulator.fail_next(503, before=True, operation="start", times=3)

        assert start(*ids).failures == {}
        for campaign_id in ids:
            kore_simulator.assert_one_effect("start", campaign_id)

    def test_start__gone_after_a_lost_answer(
        self, kore_simulator: KoreSimulator, start: Start, client: KoreClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A campaign that is gone after its start was lost does not pass for one that was never there."""
        (campaign_id,) = add(kore_simulator, 1)
        kore_simulator.drop_next(after=True, operation="start")
        reread = client._sender._look

        def delete_first(*args: Any) -> Any:
            kore_simulator.service.store.remove(campaign_id)
            return reread(*args)

        monkeypatch.setattr(client._sender, "_look", delete_first)

        error = failure(start(campaign_id), campaign_id)

        assert isinstance(error, KoreNotFoundError)
        assert error.outcome_unknown
        assert "is gone; somebody deleted it while it was being started" in str(error)
