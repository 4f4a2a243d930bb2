"""What a task keeps across its tries, and what the next try makes of it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse
from airflow_names import below, since
from stop_support import SCHEDULED, add, only
from task_runner import run_task

from airflow_provider_campaigns.actions.deleting.delete import DeleteOptions, delete_campaigns
from airflow_provider_campaigns.actions.evidence import as_seen_first
from airflow_provider_campaigns.actions.stopping.moment import StopMoment
from airflow_provider_campaigns.actions.stopping.stop import StopOptions, stop_campaigns, stop_one
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.errors import CampaignStateError, KoreAuthenticationError
from airflow_provider_campaigns.kore.patience import Patience
from airflow_provider_campaigns.operators.delete import DeleteCampaignOperator
from airflow_provider_campaigns.operators.evidence import KEY, TaskStateEvidence
from airflow_provider_campaigns.operators.stop import StopVoiceCampaignOperator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fake_clock import FakeClock

    from airflow_provider_campaigns.actions.outcomes import Outcomes
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator


@dataclass
class Kept:
    """Evidence in memory, which notes how many stops the service had seen whenever something was kept."""

    simulator: KoreSimulator
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    stops_seen: list[int] = field(default_factory=list)

    def recall(self, *_: object) -> Mapping[str, dict[str, Any]]:
        return dict(self.entries)

    def keep(self, entries: Mapping[str, dict[str, Any]], *_: object) -> None:
        self.stops_seen.append(len(self.simulator.requests.of("stop")))
        self.entries.update(entries)


@pytest.fixture
def kept(kore_simulator: KoreSimulator) -> Kept:
    kore_simulator.switches(rate_limit=None)
    return Kept(kore_simulator)


def stop(client: KoreClient, fake_clock: FakeClock, kept: Kept, *ids: str, **options: Any) -> Outcomes:
    targets = [Target(one) for one in ids]
    return stop_campaigns(
        client, targets, StopOptions(CampaignType.VOICE, **options), evidence=kept, clock=fake_clock.clock
    )


@pytest.mark.parametrize("number", [1, 5], ids=["one", "many"])
def test_stop__keeps_before_it_sends(
    client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator, kept: Kept, number: int
):
    """What is about to be sent is kept before the first stop, and that it is confirmed after the last."""
    ids = add(kore_simulator, number, name="C", status="Active", contacts=7)
    runs = {one: kore_simulator.campaign(one).instance_id for one in ids}

    stop(client, fake_clock, kept, *ids)

    assert kept.stops_seen == [0, number]
    assert kept.entries == {
        one: {
            "campaign_instance_id": runs[one],
            "sent_at": "2026-03-02T12:30:00.000Z",
            "confirmed_at": "2026-03-02T12:30:00.000Z",
            "contacts_before_stop": 7,
        }
        for one in ids
    }


def test_stop__at_a_close_with_slow_evidence(
    client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator, kept: Kept
):
    """What earlier tries have kept is read when the wait for the close begins, so that it delays no stop."""
    (campaign,) = add(kore_simulator, 1, name="C", status="Active")
    recall = kept.recall
    kept.recall = lambda *_: (fake_clock.sleep(20), recall())[1]  # type: ignore[method-assign]
    moment = StopMoment(datetime(2026, 3, 2, 12, 31, tzinfo=UTC))

    outcomes = stop_campaigns(
        client,
        [Target(campaign)],
        StopOptions(CampaignType.VOICE),
        moment=moment,
        evidence=kept,
        clock=fake_clock.clock,
    )

    assert only(outcomes)["lateness_s"] == 0.0
    assert only(outcomes)["sent_at"] == "2026-03-02T12:31:00.000Z"


@pytest.mark.parametrize("status", ["Stopped", "Completed", "Ready"])
def test_stop__keeps_nothing_when_nothing_is_sent(
    client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator, kept: Kept, status: str
):
    """There is nothing to keep of a campaign that does not run, and none of a plan."""
    (idle,) = add(kore_simulator, 1, name="Idle", status=status)
    (running,) = add(kore_simulator, 1, name="Running", status="Active")

    stop(client, fake_clock, kept, idle)
    stop(client, fake_clock, kept, running, plan_only=True)

    assert kept.entries == {}


def test_stop__refused_after_the_stop_of_an_earlier_try(
    client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator, kept: Kept
):
    """Of a campaign that was sent a stop and shows an unknown status, a refusal of the next one is no verdict."""
    (campaign,) = add(kore_simulator, 1, name="C", status="Active")
    run = kore_simulator.campaign(campaign).instance_id
    kept.entries = {campaign: {"campaign_instance_id": run, "sent_at": "2026-03-02T12:20:00.000Z"}}
    kore_simulator.set_status(campaign, "System_Stopped", force=True)

    error = stop(client, fake_clock, kept, campaign).failures[campaign]

    assert "an earlier try has sent it a stop, and it is 'System_Stopped', which is not documented" in str(error)
    assert error.retryable


def test_stop__started_again_since_an_earlier_try(
    client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator, kept: Kept
):
    """A campaign that was stopped by an earlier try and started again by somebody goes on; the others are stopped."""
    again, other = add(kore_simulator, 2, name="C", status="Active")
    stop(client, fake_clock, kept, again)
    kore_simulator.restart(again)

    outcomes = stop(client, fake_clock, kept, again, other)

    assert isinstance(outcomes.failures[again], CampaignStateError)
    assert outcomes.failures[again].retryable is False
    assert "was started again since" in str(outcomes.failures[again])
    assert kore_simulator.campaign(again).status == "Active"
    kore_simulator.assert_one_effect("stop", again)
    kore_simulator.assert_one_effect("stop", other)


def test_stop__keeps_what_it_stops_after_disabling_its_schedule(
    client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator, kept: Kept
):
    """A campaign that runs and has a schedule is kept, with its contacts, before its schedule is disabled."""
    (campaign,) = add(kore_simulator, 1, name="C", status="Active", contacts=7, schedule=SCHEDULED)
    disabled: list[int] = []
    keep = kept.keep
    kept.keep = lambda entries, *_: (  # type: ignore[method-assign]
        disabled.append(len(kore_simulator.requests.of("schedule"))),
        keep(entries),
    )[1]

    (result,) = stop(client, fake_clock, kept, campaign, disable_schedule=True).as_dicts()

    assert (kept.stops_seen, disabled) == ([0, 1], [0, 1])
    assert kept.entries[campaign]["campaign_instance_id"] == result["campaign_instance_id"]
    assert kept.entries[campaign]["contacts_before_stop"] == result["contacts_before_stop"] == 7


def test_stop__keeps_nothing_of_a_schedule_that_stays(
    client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator, kept: Kept
):
    """Where the schedule may not be disabled, no stop is sent, and none is kept as sent."""
    (campaign,) = add(kore_simulator, 1, name="C", status="Active", contacts=7, schedule=SCHEDULED)

    stop(client, fake_clock, kept, campaign)

    assert kept.entries == {}


def test_stop__started_again_with_its_schedule(
    client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator, kept: Kept
):
    """A campaign that somebody started again, and that has a schedule again, keeps both."""
    (campaign,) = add(kore_simulator, 1, name="C", status="Active", schedule=SCHEDULED)
    kept.entries[campaign] = {
        "campaign_instance_id": kore_simulator.campaign(campaign).instance_id,
        "sent_at": "2026-03-02T12:29:00.000Z",
    }
    kore_simulator.restart(campaign)

    outcomes = stop(client, fake_clock, kept, campaign, disable_schedule=True)

    assert "was started again since" in str(outcomes.failures[campaign])
    kore_simulator.assert_no_writes()


def test_stop__intended_by_an_earlier_try_but_not_sent(
    client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator, kept: Kept
):
    """A try that died before it sent anything is no reason not to send: the same run still goes on."""
    (campaign,) = add(kore_simulator, 1, name="C", status="Active")
    run = kore_simulator.campaign(campaign).instance_id
    kept.entries[campaign] = {"campaign_instance_id": run, "sent_at": "2026-03-02T12:29:00.000Z"}

    outcomes = stop(client, fake_clock, kept, campaign)

    assert outcomes.as_dicts()[0]["changed"] is True
    kore_simulator.assert_one_effect("stop", campaign)


def test_stop__sent_by_an_earlier_try(
    client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator, kept: Kept
):
    """A try that died after its stop is told of in the next one's result, which has changed nothing itself."""
    (campaign,) = add(kore_simulator, 1, name="C", status="Active")
    run = kore_simulator.campaign(campaign).instance_id
    kept.entries[campaign] = {"campaign_instance_id": run, "sent_at": "2026-03-02T12:29:00.000Z"}
    kore_simulator.set_status(campaign, "Stopped")

    (result,) = stop(client, fake_clock, kept, campaign).as_dicts()

    assert (result["status"], result["changed"], result["sent_at"]) == ("Stopped", False, "2026-03-02T12:29:00.000Z")
    assert "confirmed_at" not in result
    kore_simulator.assert_no_writes()


@pytest.mark.parametrize("status", ["Stopped", "Completed"])
def test_stop__ended_otherwise_than_by_an_earlier_try(
    client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator, kept: Kept, status: str
):
    """A run that no earlier try has sent a stop, or that completed by itself, is not told as stopped by this task."""
    (campaign,) = add(kore_simulator, 1, name="C", status="Active")
    run = kore_simulator.campaign(campaign).instance_id
    kept.entries[campaign] = {"campaign_instance_id": run, "sent_at": "2026-03-02T12:29:00.000Z"}
    if status == "Stopped":
        kore_simulator.restart(campaign)
    kore_simulator.set_status(campaign, status)

    (result,) = stop(client, fake_clock, kept, campaign).as_dicts()

    assert (result["status"], result["changed"]) == (status, False)
    assert "sent_at" not in result


class TestTaskStateStore:
    """The same through Airflow's task state store."""

    @pytest.fixture(autouse=True)
    def _connection(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        kore_simulator.switches(rate_limit=None)
        monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", kore_simulator.connection_json(requests_per_minute=6000))

    @since(3, "the task state store")
    def test_execute__cleared_after_a_restart(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch):
        """A task that is cleared after its campaign was started again fails at once and touches nothing."""
        (campaign,) = add(kore_simulator, 1, name="C", status="Active")
        store: dict[str, Any] = {}
        first = run_task(
            StopVoiceCampaignOperator(task_id="stop", campaign_id=campaign), monkeypatch, state_store=store
        )
        new_run = kore_simulator.restart(campaign)

        second = run_task(
            StopVoiceCampaignOperator(task_id="stop", campaign_id=campaign), monkeypatch, state_store=store
        )

        assert (first.state, second.state) == ("success", "failed")
        assert list(store[KEY]) == [campaign]
        assert f"was started again since, as {new_run}" in str(second.error)
        kore_simulator.assert_one_effect("stop", campaign)

    @below(3, "the task state store")
    def test_execute__cleared_after_a_restart__nothing_kept(
        self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch
    ):
        """Without a store only the campaign tells: one that was started again since is stopped again."""
        (campaign,) = add(kore_simulator, 1, name="C", status="Active")
        first = run_task(StopVoiceCampaignOperator(task_id="stop", campaign_id=campaign), monkeypatch)
        kore_simulator.restart(campaign)

        second = run_task(StopVoiceCampaignOperator(task_id="stop", campaign_id=campaign), monkeypatch)

        assert [(done.state, done.result["changed"]) for done in (first, second)] == [("success", True)] * 2
        assert kore_simulator.campaign(campaign).status == "Stopped"

    def test_execute__cleared_and_still_stopped(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch):
        """A task that is cleared while its campaign is stopped sends nothing and succeeds."""
        (campaign,) = add(kore_simulator, 1, name="C", status="Active")
        store: dict[str, Any] = {}
        run_task(StopVoiceCampaignOperator(task_id="stop", campaign_id=campaign), monkeypatch, state_store=store)

        second = run_task(
            StopVoiceCampaignOperator(task_id="stop", campaign_id=campaign), monkeypatch, state_store=store
        )

        assert (second.state, second.result["changed"]) == ("success", False)
        kore_simulator.assert_one_effect("stop", campaign)

    def test_recall__something_else_in_its_place(self):
        """Whatever is kept under the key that is no object counts as nothing."""

        class Store:
            def get(self, key: str, default: object = None) -> object:
                return "odd"

        assert TaskStateEvidence(Store()).recall() == {}

    @pytest.mark.parametrize(
        "error",
        [
            AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR)),
            BrokenPipeError("the supervisor is gone"),
            EOFError("Request socket closed before length"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_store_that_fails(self, caplog: pytest.LogCaptureFixture, error: Exception):
        """A store that cannot be used is a warning: a stop is not held back for a note of it."""

        class Store:
            def get(self, key: str, default: object = None) -> object:
                raise error

            def set(self, key: str, value: object) -> None:
                raise error

        evidence = TaskStateEvidence(Store())
        evidence.keep({"cd-1": {"sent_at": "2026-03-02T12:30:00.000Z"}})

        assert evidence.recall() == {}
        assert "cannot be noted" in caplog.text
        assert "cannot be read" in caplog.text

    def test_recall__only_while_there_is_time(self, monkeypatch: pytest.MonkeyPatch):
        """Little time before a close is all that a store gets, however patient one may be otherwise."""
        monkeypatch.setattr("airflow_provider_campaigns.operators.evidence.RECALL_AT_LEAST_S", 0.01)
        answers = threading.Event()

        class Store:
            def get(self, key: str, default: object = None) -> object:
                assert answers.wait(30)
                return {"cd-1": {"sent_at": "2026-03-02T12:30:00.000Z"}}

            def set(self, key: str, value: object) -> None:
                """Kept."""

        evidence = TaskStateEvidence(Store())

        assert evidence.recall(Patience(lambda: -1.0)) == {}
        answers.set()
        assert list(evidence.recall(Patience(lambda: 30.0))) == ["cd-1"]
        assert evidence.keep({}) is False

    def test_keep__in_the_time_until_the_close(self, monkeypatch: pytest.MonkeyPatch):
        """A store that is slow has all the time that is left before a close, and a little where none is."""
        monkeypatch.setattr("airflow_provider_campaigns.operators.evidence.KEEP_PATIENCE_S", 0.01)
        monkeypatch.setattr("airflow_provider_campaigns.operators.evidence.KEEP_AT_LEAST_S", 0.02)
        values: dict[str, object] = {}

        class Store:
            def get(self, key: str, default: object = None) -> object:
                return values.get(key, default)

            def set(self, key: str, value: object) -> None:
                time.sleep(0.1)
                values[key] = value

        entry = {"cd-1": {"sent_at": "2026-03-02T12:30:00.000Z"}}

        assert TaskStateEvidence(Store()).keep(entry, Patience(lambda: 5.0)) is True
        assert values == {KEY: entry}
        assert TaskStateEvidence(Store()).keep(entry, Patience(lambda: -1.0)) is False
        assert TaskStateEvidence(Store()).keep(entry) is False

    def test_store_that_does_not_answer(self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch):
        """A store that does not answer is not waited for; what was to be kept is kept, in order, when it does."""
        monkeypatch.setattr("airflow_provider_campaigns.operators.evidence.RECALL_PATIENCE_S", 0.01)
        monkeypatch.setattr("airflow_provider_campaigns.operators.evidence.KEEP_PATIENCE_S", 0.02)
        values: dict[str, object] = {}
        answers = threading.Event()

        class Store:
            def get(self, key: str, default: object = None) -> object:
                assert answers.wait(30)
                return values.get(key, default)

            def set(self, key: str, value: object) -> None:
                values[key] = value

        evidence = TaskStateEvidence(Store())
        try:
            assert evidence.recall() == {}
            evidence.keep({"cd-1": {"sent_at": "2026-03-02T12:30:00.000Z"}})
            evidence.keep({"cd-1": {"confirmed_at": "2026-03-02T12:30:01.000Z"}})
            assert values == {}
        finally:
            answers.set()
        monkeypatch.setattr("airflow_provider_campaigns.operators.evidence.RECALL_PATIENCE_S", 30.0)

        assert evidence.recall() == {"cd-1": {"confirmed_at": "2026-03-02T12:30:01.000Z"}}
        assert [record.getMessage() for record in caplog.records] == [
            "what earlier tries have sent cannot be read: no answer within 0.01 s",
            "what is sent cannot be noted for later tries: no answer within 0.02 s",
            "what is sent cannot be noted for later tries: no answer within 0.02 s",
        ]


class MemoryStore:
    """A task state store of no Airflow."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def get(self, key: str, default: object = None) -> object:
        return self.values.get(key, default)

    def set(self, key: str, value: object) -> None:
        self.values[key] = value


class TestDelete:
    """A delete that stops first keeps the same evidence."""

    def test_delete__started_again_since_an_earlier_try(
        self, client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator, kept: Kept
    ):
        """A try that stopped a campaign and died before the delete leaves a new run alone in the next try."""
        (campaign,) = add(kore_simulator, 1, name="C", status="Active")
        options = DeleteOptions(CampaignType.VOICE, if_unreported="delete")
        stop = stop_one(client, kept, clock=fake_clock.clock)
        kore_simulator.fail_next(401, operation="delete", times=1000)
        first = delete_campaigns(client, [Target(campaign)], options, stop=stop, clock=fake_clock.clock)
        kore_simulator.clear_faults()
        kore_simulator.restart(campaign)

        second = delete_campaigns(client, [Target(campaign)], options, stop=stop, clock=fake_clock.clock)

        assert isinstance(first.failures[campaign], KoreAuthenticationError)
        assert isinstance(second.failures[campaign], CampaignStateError)
        assert kore_simulator.campaign(campaign).status == "Active"
        kore_simulator.assert_one_effect("stop", campaign)

    def test_delete__another_run_than_an_earlier_try_saw(
        self, client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator, kept: Kept
    ):
        """A try that failed in passing leaves what has run again since alone in the next one, with its results."""
        (campaign,) = add(kore_simulator, 1, name="C", status="Stopped")
        options = DeleteOptions(if_unreported="delete")
        kore_simulator.fail_next(503, operation="delete", times=1000)

        def delete() -> Outcomes:
            look = as_seen_first(kept)
            return delete_campaigns(client, [Target(campaign)], options, first_look=look, clock=fake_clock.clock)

        assert delete().failures[campaign].retryable
        assert delete().failures[campaign].retryable
        first = kore_simulator.campaign(campaign).instance_id
        kore_simulator.clear_faults()
        run = kore_simulator.restart(campaign)
        kore_simulator.set_status(campaign, "Stopped")

        error = delete().failures[campaign]

        assert str(error) == (
            f"campaign {campaign}: an earlier try of this task was to delete it as run {first}, and it is Stopped as "
            f"run {run} by now. Nothing was deleted. Clear the task if this run is not wanted either"
        )
        assert (error.retryable, error.ends_retries) == (False, True)
        assert not kore_simulator.effects("delete")

    def test_delete__ran_since_an_earlier_try_saw_that_it_never_had(
        self, client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator, kept: Kept
    ):
        """A campaign that had never run when the task was first shown it, and has since, is left alone as well."""
        (campaign,) = add(kore_simulator, 1, name="C", status="Ready")
        self.delete_in_vain(client, fake_clock, kore_simulator, kept, campaign)
        run = kore_simulator.restart(campaign)
        kore_simulator.set_status(campaign, "Stopped")

        error = self.delete(client, fake_clock, kept, campaign).failures[campaign]

        assert str(error) == (
            f"campaign {campaign}: an earlier try of this task was to delete it as one that never ran, and it is "
            f"Stopped as run {run} by now. Nothing was deleted. Clear the task if this run is not wanted either"
        )
        assert (error.retryable, error.ends_retries) == (False, True)
        assert not kore_simulator.effects("delete")

    def test_delete__still_never_ran(
        self, client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator, kept: Kept
    ):
        """One that still has not run is deleted by the next try, whoever has edited it."""
        (campaign,) = add(kore_simulator, 1, name="C", status="Ready")
        self.delete_in_vain(client, fake_clock, kore_simulator, kept, campaign)
        kore_simulator.service.store.get(campaign).updated_at = "2026-03-02T12:45:00.000Z"

        assert only(self.delete(client, fake_clock, kept, campaign))["status"] == "Deleted"

    @pytest.mark.parametrize("touched", [True, False])
    def test_delete__run_without_a_name(
        self, client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator, kept: Kept, touched: bool
    ):
        """Where runs have no names, the next try deletes only what was not changed since the first has seen it."""
        (campaign,) = add(kore_simulator, 1, name="C", status="Stopped")
        stored = kore_simulator.service.store.get(campaign)
        stored.instance_id = None
        self.delete_in_vain(client, fake_clock, kore_simulator, kept, campaign)
        assert kept.entries[campaign]["campaign_instance_id"] == "unknown"
        if touched:
            stored.updated_at = "2026-03-02T12:45:00.000Z"

        outcomes = self.delete(client, fake_clock, kept, campaign)

        if touched:
            assert "as a run without a name, and it is Stopped as a run without a name by now" in str(
                outcomes.failures[campaign]
            )
        else:
            assert only(outcomes)["status"] == "Deleted"

    @staticmethod
    def delete(client: KoreClient, fake_clock: FakeClock, kept: Kept, campaign: str) -> Outcomes:
        look = as_seen_first(kept)
        options = DeleteOptions(if_unreported="delete")
        return delete_campaigns(client, [Target(campaign)], options, first_look=look, clock=fake_clock.clock)

    def delete_in_vain(
        self, client: KoreClient, fake_clock: FakeClock, simulator: KoreSimulator, kept: Kept, campaign: str
    ) -> None:
        """A try that notes what it is shown, and fails in passing."""
        simulator.fail_next(503, operation="delete", times=1000)
        assert self.delete(client, fake_clock, kept, campaign).failures[campaign].retryable
        simulator.clear_faults()

    @pytest.mark.usefixtures("kore_connection")
    def test_execute__cleared_by_who_has_looked(self, kore_simulator: KoreSimulator):
        """The refusal ends with the task: cleared, it deletes what is there."""
        (campaign,) = add(kore_simulator, 1, name="C", status="Stopped")
        store = MemoryStore({KEY: {campaign: {"campaign_instance_id": "cid-earlier"}}})

        def execute() -> Any:
            delete = DeleteCampaignOperator(task_id="delete", campaign_id=campaign, if_unreported="delete")
            return delete.execute({"task_state_store": store})

        with pytest.raises(
            AirflowFailException, match="an earlier try of this task was to delete it as run cid-earlier"
        ):
            execute()
        assert store.values == {KEY: {campaign: {}}}

        assert execute()["status"] == "Deleted"
        run = store.values[KEY][campaign]["campaign_instance_id"]
        assert run.startswith("cid-")
        assert run != "cid-earlier"
