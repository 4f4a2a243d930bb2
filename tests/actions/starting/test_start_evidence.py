"""What tells whether a run began: notes of earlier tries, ids of runs, or, where runs have no ids, the status."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from start_support import Notes, Start, failure, only, run_of
from stop_support import BELOW_AND_ABOVE_THE_LIST, add

from airflow_provider_campaigns.kore.errors import CampaignStateError, CampaignTimeoutError

if TYPE_CHECKING:
    from fake_clock import FakeClock

    from airflow_provider_campaigns.kore.campaigns import Campaign
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator


@pytest.fixture
def notes() -> Notes:
    """What a task keeps across its tries."""
    return Notes()


@pytest.fixture
def start(client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator, notes: Notes) -> Start:
    """Start campaigns by id in time that does not pass, as a task that keeps notes."""
    kore_simulator.switches(rate_limit=None)
    return Start(client, fake_clock, notes)


@pytest.fixture
def nameless(client: KoreClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service whose campaigns do not name their runs."""
    get, listing = client.get_campaign, client.look_through

    def hide(campaign: Campaign) -> Campaign:
        return dataclasses.replace(campaign, campaign_instance_id=None)

    monkeypatch.setattr(client, "get_campaign", lambda *args, **kwargs: hide(get(*args, **kwargs)))
    monkeypatch.setattr(
        client,
        "look_through",
        lambda *args, **kwargs: {one: hide(campaign) for one, campaign in listing(*args, **kwargs).items()},
    )


class TestRunsWithoutNames:
    """A service that does not name runs is served as far as the status tells."""

    @BELOW_AND_ABOVE_THE_LIST
    @pytest.mark.parametrize("status", ["Ready", "Stopped"])
    @pytest.mark.usefixtures("nameless")
    def test_start__active(self, kore_simulator: KoreSimulator, start: Start, status: str, others: int) -> None:
        """Active is enough, because it was not; the answer to a voice start names the run."""
        ids = add(kore_simulator, 1 + others, status=status)

        result = start(*ids, allow_rerun=True).results[ids[0]]

        assert (result.status, result.changed) == ("Active", True)
        assert result.campaign_instance_id == run_of(kore_simulator, ids[0])

    def test_start__only_the_list_does_not_name_them(
        self, kore_simulator: KoreSimulator, client: KoreClient, start: Start, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What runs according to a list without runs is read by itself, so that the result names the run."""
        listing = client.look_through
        monkeypatch.setattr(
            client,
            "look_through",
            lambda *args, **kwargs: {
                one: dataclasses.replace(campaign, campaign_instance_id=None)
                for one, campaign in listing(*args, **kwargs).items()
            },
        )
        ids = add(kore_simulator, 5, campaign_type="sms")

        results = start(*ids, campaign_type="sms").as_dicts()

        assert [one["campaign_instance_id"] for one in results] == [run_of(kore_simulator, one) for one in ids]

    @pytest.mark.usefixtures("nameless")
    def test_start__ended_again(self, kore_simulator: KoreSimulator, start: Start, fake_clock: FakeClock) -> None:
        """A rerun that has ended before it was read looks like the run before, so it is not confirmed."""
        (campaign_id,) = add(kore_simulator, 1, status="Stopped", campaign_type="sms")
        kore_simulator.drop_next(operation="get", skip=2, times=5)
        fake_clock.events = [lambda: kore_simulator.set_status(campaign_id, "Completed")]

        error = failure(start(campaign_id, campaign_type="sms", allow_rerun=True), campaign_id)

        assert isinstance(error, CampaignTimeoutError)
        assert "it reads Completed, run unknown" in str(error)

    def test_start__ended_as_the_run_in_the_answer(
        self, kore_simulator: KoreSimulator, start: Start, fake_clock: FakeClock
    ) -> None:
        """If only the run before has no name, the one that the answer named is the new one."""
        (campaign_id,) = add(kore_simulator, 1, status="Stopped")
        kore_simulator.service.store.get(campaign_id).instance_id = None
        kore_simulator.drop_next(operation="get", skip=2, times=5)
        fake_clock.events = [lambda: kore_simulator.set_status(campaign_id, "Completed")]

        result = only(start(campaign_id, allow_rerun=True))

        assert (result["status"], result["changed"]) == ("Completed", True)


class TestEarlierTries:
    """What an earlier try of the same task has started is not started again."""

    def test_start__kept_before_it_is_sent(self, kore_simulator: KoreSimulator, start: Start, notes: Notes) -> None:
        """The run before is kept before the start goes out, and afterwards the new one."""
        (campaign_id,) = add(kore_simulator, 1, status="Stopped")
        before = run_of(kore_simulator, campaign_id)
        sent: list[int] = []
        notes.on_keep = lambda: sent.append(len(kore_simulator.requests.of("start")))

        start(campaign_id, allow_rerun=True)

        at = "2026-03-02T12:30:00.000Z"
        assert notes.kept == [
            {"campaign_instance_id": before, "sent_at": at},
            {"campaign_instance_id": run_of(kore_simulator, campaign_id), "sent_at": at, "confirmed_at": at},
        ]
        assert sent == [0, 1]

    @pytest.mark.parametrize(
        ("status", "plan_only"), [("Active", False), ("Stopped", False), ("Preparing", False), ("Ready", True)]
    )
    def test_start__nothing_to_keep(
        self, kore_simulator: KoreSimulator, start: Start, notes: Notes, status: str, plan_only: bool
    ) -> None:
        """What is not sent is not kept."""
        start(*add(kore_simulator, 1, status=status), plan_only=plan_only)

        assert notes.kept == []

    @BELOW_AND_ABOVE_THE_LIST
    @pytest.mark.parametrize("allow_rerun", [True, False])
    @pytest.mark.parametrize("first", ["Ready", "Stopped"])
    @pytest.mark.parametrize("now", ["Active", "Completed", "Stopped", "Paused"])
    def test_start__killed_after_sending(
        self,
        *,
        kore_simulator: KoreSimulator,
        start: Start,
        notes: Notes,
        first: str,
        now: str,
        allow_rerun: bool,
        others: int,
    ) -> None:
        """If the run that was sent began, the next try sends nothing, whatever has become of the run."""
        ids = add(kore_simulator, 1 + others, status=first)
        for campaign_id in ids:
            notes.entries[campaign_id] = {"campaign_instance_id": run_of(kore_simulator, campaign_id), "sent_at": "t"}
            kore_simulator.restart(campaign_id)
            if now != "Active":
                kore_simulator.set_status(campaign_id, now)

        outcomes = start(*ids, allow_rerun=allow_rerun)

        assert [(one["status"], one["changed"]) for one in outcomes.as_dicts()] == [(now, False)] * len(ids)
        kore_simulator.assert_no_writes()

    @BELOW_AND_ABOVE_THE_LIST
    @pytest.mark.parametrize("status", ["Ready", "Stopped"])
    def test_start__killed_before_sending(
        self, kore_simulator: KoreSimulator, start: Start, notes: Notes, status: str, others: int
    ) -> None:
        """If it did not, the next try sends it."""
        ids = add(kore_simulator, 1 + others, status=status)
        for campaign_id in ids:
            notes.entries[campaign_id] = {"campaign_instance_id": run_of(kore_simulator, campaign_id), "sent_at": "t"}

        outcomes = start(*ids, allow_rerun=True)

        assert [one["changed"] for one in outcomes.as_dicts()] == [True] * len(ids)
        for campaign_id in ids:
            kore_simulator.assert_one_effect("start", campaign_id)

    def test_start__cleared(self, kore_simulator: KoreSimulator, start: Start) -> None:
        """A task that is cleared after its run has ended starts no second one."""
        (campaign_id,) = add(kore_simulator, 1, status="Completed")
        start(campaign_id, allow_rerun=True)
        kore_simulator.set_status(campaign_id, "Completed")

        result = only(start(campaign_id, allow_rerun=True))

        assert (result["status"], result["changed"]) == ("Completed", False)
        kore_simulator.assert_one_effect("start", campaign_id)

    def test_start__another_task(self, kore_simulator: KoreSimulator, start: Start, notes: Notes) -> None:
        """A task of another run has notes of its own, and starts the campaign again if it may."""
        (campaign_id,) = add(kore_simulator, 1, status="Completed")
        start(campaign_id, allow_rerun=True)
        kore_simulator.set_status(campaign_id, "Completed")
        notes.entries.clear()

        assert only(start(campaign_id, allow_rerun=True))["changed"] is True

    @pytest.mark.usefixtures("nameless")
    def test_start__cannot_be_told(self, kore_simulator: KoreSimulator, start: Start, notes: Notes) -> None:
        """Where runs have no names, a start that may have taken effect is not sent again, and that is no success."""
        (campaign_id,) = add(kore_simulator, 1, status="Stopped")
        kore_simulator.fail_next(503, operation="start", times=1000)
        first = failure(start(campaign_id, allow_rerun=True), campaign_id)
        kore_simulator.clear_faults()
        kore_simulator.requests.clear()

        second = failure(start(campaign_id, allow_rerun=True), campaign_id)

        assert (first.retryable, first.outcome_unknown) == (False, True)
        entry = {"campaign_instance_id": "unknown", "sent_at": "2026-03-02T12:30:00.000Z"}
        assert notes.kept == [entry, entry | {"outcome_unknown": True}]
        assert isinstance(second, CampaignStateError)
        assert (second.retryable, second.outcome_unknown) == (False, True)
        assert "an earlier try of this task sent a start at 2026-03-02T12:30:00.000Z" in str(second)
        kore_simulator.assert_no_writes()

    @pytest.mark.parametrize("begins", [True, False])
    def test_start__in_doubt(self, kore_simulator: KoreSimulator, start: Start, begins: bool) -> None:
        """A start whose answer was lost is not sent again by a later try either, and is a success once it shows."""
        (campaign_id,) = add(kore_simulator, 1, status="Stopped")
        kore_simulator.drop_next(before=True, operation="start")
        first = failure(start(campaign_id, allow_rerun=True), campaign_id)
        if begins:
            kore_simulator.restart(campaign_id)
            kore_simulator.set_status(campaign_id, "Completed")

        outcomes = start(campaign_id, allow_rerun=True)

        assert (first.retryable, first.outcome_unknown) == (False, True)
        assert len(kore_simulator.requests.of("start")) == 1
        if begins:
            assert only(outcomes)["changed"] is False
        else:
            second = failure(outcomes, campaign_id)
            assert (second.retryable, second.outcome_unknown) == (False, True)
            assert "got no answer; the campaign is Stopped, and no run of it shows yet" in str(second)

    def test_start__service_down(self, kore_simulator: KoreSimulator, start: Start) -> None:
        """A start that the service said to have failed is sent by a later try, also if nothing could be read then."""
        (campaign_id,) = add(kore_simulator, 1, status="Stopped")
        kore_simulator.fail_next(503, operation="start")
        kore_simulator.drop_next(operation="get", skip=2, times=5)

        first = failure(start(campaign_id, allow_rerun=True), campaign_id)

        assert (first.retryable, first.outcome_unknown) == (True, True)
        assert only(start(campaign_id, allow_rerun=True))["changed"] is True
        kore_simulator.assert_one_effect("start", campaign_id)

    @pytest.mark.usefixtures("nameless")
    def test_start__confirmed_earlier(self, kore_simulator: KoreSimulator, start: Start) -> None:
        """Where runs have no names, what an earlier try has confirmed is known."""
        (campaign_id,) = add(kore_simulator, 1, status="Stopped")
        start(campaign_id, allow_rerun=True)
        kore_simulator.set_status(campaign_id, "Completed")

        assert only(start(campaign_id, allow_rerun=True))["changed"] is False
        kore_simulator.assert_one_effect("start", campaign_id)
