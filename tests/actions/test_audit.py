"""Each change leaves one line that says what was done, to what, when and on whose behalf."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLEntryOperator
from airflow.sdk import DAG, TaskGroup
from report_support import account_of
from stop_support import SCHEDULED, add
from task_runner import TaskRun, run_task

from airflow_provider_campaigns.actions.audit import AuditLog, Change
from airflow_provider_campaigns.actions.deleting.delete import DeleteOptions, delete_campaigns
from airflow_provider_campaigns.actions.starting.start import StartOptions, start_campaigns
from airflow_provider_campaigns.actions.stopping.moment import StopMoment
from airflow_provider_campaigns.actions.stopping.stop import StopOptions, stop_campaigns, stop_one
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.settings import KoreSettings
from airflow_provider_campaigns.operators.delete import DeleteCampaignOperator
from airflow_provider_campaigns.operators.start import StartVoiceCampaignOperator
from airflow_provider_campaigns.operators.stop import StopVoiceCampaignOperator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fake_clock import FakeClock

    from airflow_provider_campaigns.simulator import KoreSimulator

VOICE = CampaignType.VOICE
NOW = "2026-03-02T12:30:00.000Z"


@dataclass
class Notebook:
    """An audit that keeps what it is told, and does something when it is told."""

    changes: list[Change] = field(default_factory=list)
    on_record: Callable[[], object] = list

    def record(self, change: Change) -> None:
        self.on_record()
        self.changes.append(change)


class Killed(Exception):  # noqa: N818 - as a task is, from outside
    """What ends a task that is killed, wherever it is."""


def client_that_is_killed(simulator: KoreSimulator) -> KoreClient:
    """A client whose task is killed as soon as it waits for anything."""

    def die(_seconds: float) -> None:
        raise Killed

    settings = KoreSettings(**account_of(simulator))
    return KoreClient(settings, budget=RequestBudget(1000, account_key=None, sleep=die), sleep=die)


@pytest.fixture(autouse=True)
def _no_limit(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    kore_simulator.switches(rate_limit=None)
    monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", kore_simulator.connection_json(requests_per_minute=6000))


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    """The audit lines in the log, read as somebody who greps them would."""
    caplog.set_level(logging.INFO)

    def read() -> list[dict[str, Any]]:
        records = [one for one in caplog.records if one.name == "airflow_provider_campaigns.audit"]
        assert {one.levelname for one in records} <= {"INFO"}
        return [json.loads(one.getMessage()) for one in records]

    return read


def request(verb: str, version: str, simulator: KoreSimulator, campaign_id: str) -> str:
    """The request of a voice campaign."""
    ids = {"stream": simulator.stream_id, "account": simulator.account_id, "campaign": campaign_id}
    return REQUESTS[verb, version].format(**ids)


REQUESTS = {
    ("stop", "v1"): "POST /campaign/api/v1/public/{stream}/campaign/{campaign}?campaignType=voice&trigger=stop",
    ("stop", "v2"): "POST /campaign/api/v2/public/{stream}/campaign/trigger/{campaign}"
    "?accountId={account}&campaignType=voice&trigger=stop",
    ("delete", "v1"): "DELETE /agentassist/api/v1/public/{stream}/campaign/{campaign}?campaignType=voice",
}


class TestActions:
    """What an action tells of its changes."""

    @pytest.mark.parametrize("number", [1, 5], ids=["one", "many"])
    def test_stop(
        self, kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock, notebook: Notebook, number: int
    ) -> None:
        """A stop that was accepted is told before anybody reads whether the campaign has stopped."""
        kore_simulator.switches(drain_polls=2)
        ids = add(kore_simulator, number, status="Paused", name="Spring")
        seen: list[int] = []
        notebook.on_record = lambda: seen.append(
            len([one for one in kore_simulator.requests if one.operation in {"get", "list"}])
        )

        stop_campaigns(client, [Target(one) for one in ids], StopOptions(VOICE), audit=notebook, clock=fake_clock.clock)

        assert sorted(change.campaign_id for change in notebook.changes) == sorted(ids)
        assert set(seen) == {1}
        for change in notebook.changes:
            assert change == Change(
                event="stop",
                at=NOW,
                campaign_id=change.campaign_id,
                campaign_type="voice",
                name="Spring",
                campaign_instance_id=kore_simulator.campaign(change.campaign_id).instance_id,
                api_version="v1",
                request=request("stop", "v1", kore_simulator, change.campaign_id),
                before="Paused",
                after="Stopped",
            )

    def test_stop__at_a_close(
        self, kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock, notebook: Notebook
    ) -> None:
        """A stop at a close tells how late its answer was, also if it was not late at all."""
        (campaign,) = add(kore_simulator, 1, status="Active")
        moment = StopMoment(datetime(2026, 3, 2, 12, 40, tzinfo=UTC))

        stop_campaigns(
            client, [Target(campaign)], StopOptions(VOICE), moment=moment, audit=notebook, clock=fake_clock.clock
        )

        (change,) = notebook.changes
        assert (change.at, change.lateness_s) == ("2026-03-02T12:40:00.000Z", 0.0)

    def test_stop__answer_lost(
        self, kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock, notebook: Notebook
    ) -> None:
        """If the answer was lost, the line says that reading proved the stop."""
        (campaign,) = add(kore_simulator, 1, status="Active")
        kore_simulator.drop_next(after=True, operation="stop")

        stop_campaigns(
            client, [Target(campaign)], StopOptions(VOICE, api_version="v2"), audit=notebook, clock=fake_clock.clock
        )

        (change,) = notebook.changes
        assert (change.after, change.by_reading, change.api_version) == ("Stopped", True, "v2")

    def test_stop__outcome_unknown(
        self, kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock, notebook: Notebook
    ) -> None:
        """A stop of which nobody can tell whether it was done leaves a line that says so."""
        (campaign,) = add(kore_simulator, 1, status="Active")
        kore_simulator.drop_next(after=True, operation="stop")
        kore_simulator.fail_next(403, operation=("get", "status", "list"), skip=1, times=99)

        outcomes = stop_campaigns(
            client, [Target(campaign)], StopOptions(VOICE), audit=notebook, clock=fake_clock.clock
        )
        kore_simulator.clear_faults()
        stop_campaigns(client, [Target(campaign)], StopOptions(VOICE), audit=notebook, clock=fake_clock.clock)

        assert outcomes.failures[campaign].outcome_unknown is True
        (change,) = notebook.changes
        assert (change.event, change.after, change.outcome_unknown) == ("stop", None, True)

    def test_stop__accepted_and_never_seen(
        self, kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock, notebook: Notebook
    ) -> None:
        """A stop that may have been accepted, and does not show in its time, leaves a line that says so."""
        (campaign,) = add(kore_simulator, 1, status="Active")
        kore_simulator.fail_next(202, body=b"", operation="stop", times=9)
        options = StopOptions(VOICE, confirm_timeout_s=30.0)

        stop_campaigns(client, [Target(campaign)], options, audit=notebook, clock=fake_clock.clock)

        (change,) = notebook.changes
        assert (change.event, change.after, change.outcome_unknown) == ("stop", None, True)

    def test_stop__killed_while_in_doubt(self, kore_simulator: KoreSimulator, notebook: Notebook) -> None:
        """A task that is killed before it could read what became of a stop leaves a line that says so."""
        (campaign,) = add(kore_simulator, 1, status="Active")
        kore_simulator.switches(drain_polls=1)
        kore_simulator.drop_next(after=True, operation="stop")

        with client_that_is_killed(kore_simulator) as client, pytest.raises(Killed):
            stop_campaigns(client, [Target(campaign)], StopOptions(VOICE), audit=notebook)

        kore_simulator.assert_one_effect("stop", campaign)
        (change,) = notebook.changes
        assert (change.event, change.campaign_id, change.after) == ("stop", campaign, None)
        assert change.outcome_unknown is True

    def test_stop__killed_while_others_wait(self, kore_simulator: KoreSimulator, notebook: Notebook) -> None:
        """Of many each is told of when it is answered, not when the last is: a kill in between loses no line."""
        ids = add(kore_simulator, 5, status="Active")
        kore_simulator.fail_next(429, operation="stop", skip=3, times=2)

        with client_that_is_killed(kore_simulator) as client, pytest.raises(Killed):
            stop_campaigns(
                client, [Target(one) for one in ids], StopOptions(VOICE, count_contacts=False), audit=notebook
            )

        done = {one.campaign_id for one in kore_simulator.effects("stop")}
        assert {one.campaign_id for one in notebook.changes if not one.outcome_unknown} == done
        assert len(done) == 3

    def test_stop__killed_while_it_is_sent(
        self, kore_simulator: KoreSimulator, client: KoreClient, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """So does one that is killed while the stop is on its way."""
        (campaign,) = add(kore_simulator, 1, status="Active")
        send = requests.Session.send

        def die_after_a_stop(session: requests.Session, request: requests.PreparedRequest, **options: Any) -> Any:
            answer = send(session, request, **options)
            if kore_simulator.effects("stop"):
                answer.close()
                raise Killed
            return answer

        monkeypatch.setattr(requests.Session, "send", die_after_a_stop)

        with pytest.raises(Killed):
            stop_campaigns(client, [Target(campaign)], StopOptions(VOICE), audit=notebook)

        (change,) = notebook.changes
        assert (change.event, change.outcome_unknown) == ("stop", True)

    def test_stop__killed_before_it_is_sent(self, kore_simulator: KoreSimulator, notebook: Notebook) -> None:
        """One that is killed while it waits to send has changed nothing, and leaves no line."""
        (campaign,) = add(kore_simulator, 1, status="Active")
        kore_simulator.fail_next(429, operation="stop")

        with client_that_is_killed(kore_simulator) as client, pytest.raises(Killed):
            stop_campaigns(client, [Target(campaign)], StopOptions(VOICE), audit=notebook)

        assert notebook.changes == []
        assert not kore_simulator.effects()

    @pytest.mark.parametrize("status", ["Stopped", "Completed", "Ready", "Scheduled"])
    def test_stop__nothing_to_tell(
        self, kore_simulator: KoreSimulator, client: KoreClient, notebook: Notebook, status: str
    ) -> None:
        """What is not changed, is refused or only planned leaves no line."""
        (campaign,) = add(kore_simulator, 1, status=status)
        (running,) = add(kore_simulator, 1, status="Active")

        stop_campaigns(client, [Target(campaign)], StopOptions(VOICE), audit=notebook)
        stop_campaigns(client, [Target(running)], StopOptions(VOICE, plan_only=True), audit=notebook)

        assert notebook.changes == []

    def test_stop__refused(
        self, kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock, notebook: Notebook
    ) -> None:
        """A stop that the service refused changed nothing, and tells nothing."""
        (campaign,) = add(kore_simulator, 1, status="Active")
        kore_simulator.fail_next(400, operation="stop")

        outcomes = stop_campaigns(
            client, [Target(campaign)], StopOptions(VOICE), audit=notebook, clock=fake_clock.clock
        )

        assert list(outcomes.failures) == [campaign]
        assert notebook.changes == []

    def test_stop__disables_a_schedule(
        self, kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock, notebook: Notebook
    ) -> None:
        """A schedule that was disabled is a change of its own, before the stop."""
        (campaign,) = add(kore_simulator, 1, status="Active", name="Daily", schedule=SCHEDULED)

        stop_campaigns(
            client,
            [Target(campaign)],
            StopOptions(VOICE, disable_schedule=True),
            audit=notebook,
            clock=fake_clock.clock,
        )

        assert [(one.event, one.before, one.after, one.api_version) for one in notebook.changes] == [
            ("disable_schedule", "Active", None, "v2"),
            ("stop", "Active", "Stopped", "v1"),
        ]
        v2 = f"/campaign/api/v2/public/{kore_simulator.stream_id}/campaign"
        assert [one.request for one in notebook.changes] == [
            f"POST {v2}/schedule?enableSchedule=false",
            request("stop", "v1", kore_simulator, campaign),
        ]

    @pytest.mark.parametrize("number", [1, 5], ids=["one", "many"])
    def test_stop__by_the_other_version(
        self, kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock, notebook: Notebook, number: int
    ) -> None:
        """Where the stop went out in the other version, because its path was not known, the line names that."""
        ids = add(kore_simulator, number, status="Active")
        kore_simulator.fail_next(405, operation="stop", api_version="v1", times=99)

        stop_campaigns(client, [Target(one) for one in ids], StopOptions(VOICE), audit=notebook, clock=fake_clock.clock)

        told = {one.campaign_id: (one.api_version, one.request) for one in notebook.changes}
        assert told == {one: ("v2", request("stop", "v2", kore_simulator, one)) for one in ids}

    def test_stop__some_by_the_other_version(
        self, kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock, notebook: Notebook
    ) -> None:
        """Each line names the version of its own request, whatever became of the path meanwhile."""
        ids = add(kore_simulator, 2, status="Active")
        kore_simulator.fail_next(405, operation="stop", api_version="v1", skip=1)

        for one in ids:
            stop_campaigns(client, [Target(one)], StopOptions(VOICE), audit=notebook, clock=fake_clock.clock)

        assert [(one.campaign_id, one.api_version) for one in notebook.changes] == [(ids[0], "v1"), (ids[1], "v2")]

    def test_stop__outcome_unknown_by_the_other_version(
        self, kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock, notebook: Notebook
    ) -> None:
        """So does the line of a stop that went out there and of which nobody knows what became."""
        (campaign,) = add(kore_simulator, 1, status="Active")
        kore_simulator.fail_next(405, operation="stop", api_version="v1")
        kore_simulator.drop_next(operation="stop", api_version="v2", after=True)
        kore_simulator.drop_next(operation=("get", "status", "list"), skip=2, times=999)

        outcomes = stop_campaigns(
            client, [Target(campaign)], StopOptions(VOICE), audit=notebook, clock=fake_clock.clock
        )

        assert outcomes.failures[campaign].endpoint == "stop_voice_v2"
        assert [(one.api_version, one.outcome_unknown) for one in notebook.changes] == [("v2", True)]

    def test_delete__by_the_other_version(
        self, kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock, notebook: Notebook
    ) -> None:
        """A delete by the other version names that, and what is planned afterwards is planned so as well."""
        first, second = add(kore_simulator, 2, status="Stopped")
        kore_simulator.fail_next(404, body="<html>", operation="delete", api_version="v2")
        options = DeleteOptions(if_unreported="delete")

        delete_campaigns(client, [Target(first)], options, audit=notebook, clock=fake_clock.clock)
        planned = delete_campaigns(
            client, [Target(second)], replace(options, plan_only=True), audit=notebook, clock=fake_clock.clock
        )

        (change,) = notebook.changes
        assert (change.api_version, change.request) == ("v1", request("delete", "v1", kore_simulator, first))
        assert request("delete", "v1", kore_simulator, second) in str(planned.as_dicts())

    def test_start(
        self, kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock, notebook: Notebook
    ) -> None:
        """A start names the new run."""
        (campaign,) = add(kore_simulator, 1, status="Ready", name="Spring")

        start_campaigns(client, [Target(campaign)], StartOptions(VOICE), audit=notebook, clock=fake_clock.clock)

        (change,) = notebook.changes
        assert (change.event, change.before, change.after) == ("start", "Ready", "Active")
        assert change.campaign_instance_id == kore_simulator.campaign(campaign).instance_id is not None

    def test_delete(
        self, kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock, notebook: Notebook
    ) -> None:
        """A delete that stops first leaves a line for each; one of a campaign that is gone already leaves none."""
        (campaign,) = add(kore_simulator, 1, status="Active", name="Spring", campaign_type="sms")
        run = kore_simulator.campaign(campaign).instance_id
        stop = stop_one(client, audit=notebook, clock=fake_clock.clock)

        for _ in range(2):
            delete_campaigns(
                client,
                [Target(campaign)],
                DeleteOptions(if_unreported="delete"),
                stop=stop,
                audit=notebook,
                clock=fake_clock.clock,
            )

        assert [
            (one.event, one.campaign_type, one.name, one.campaign_instance_id, one.api_version, one.before, one.after)
            for one in notebook.changes
        ] == [
            ("stop", "sms", "Spring", run, "v1", "Active", "Stopped"),
            ("delete", "sms", "Spring", run, "v2", "Stopped", "Deleted"),
        ]

    def test_delete__answer_lost(
        self, kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock, notebook: Notebook
    ) -> None:
        """A delete that reading proved says so."""
        (campaign,) = add(kore_simulator, 1, status="Stopped")
        kore_simulator.drop_next(after=True, operation="delete")

        delete_campaigns(
            client, [Target(campaign)], DeleteOptions(if_unreported="delete"), audit=notebook, clock=fake_clock.clock
        )

        assert [(one.event, one.by_reading) for one in notebook.changes] == [("delete", True)]


class TestLine:
    """The line itself."""

    def test_record__one_line(self, caplog: pytest.LogCaptureFixture) -> None:
        """Whatever a campaign is named, its line is one, of ASCII; what is not known is left out, but for ``after``."""
        caplog.set_level(logging.INFO)
        change = Change(
            event="delete",
            at=NOW,
            campaign_id="cd-1",
            campaign_type="voice",
            name='Früh\n"INFO" - {"event": "stop"}',
            campaign_instance_id=None,
            api_version="v2",
            request="DELETE /campaign/cd-1?a=b",
            before="Stopped",
            after=None,
            lateness_s=0.0,
        )

        AuditLog({"dag_id": "evening"}).record(change)

        (line,) = caplog.messages
        assert "\n" not in line
        assert line == (
            '{"event": "delete", "at": "2026-03-02T12:30:00.000Z", "campaign_id": "cd-1", "campaign_type": "voice", '
            '"name": "Fr\\u00fch\\n\\"INFO\\" - {\\"event\\": \\"stop\\"}", "api_version": "v2", '
            '"request": "DELETE /campaign/cd-1?a=b", "before": "Stopped", "after": null, "lateness_s": 0.0, '
            '"dag_id": "evening"}'
        )

    def test_stop__by_default(
        self,
        kore_simulator: KoreSimulator,
        client: KoreClient,
        fake_clock: FakeClock,
        lines: Callable[[], list[dict[str, Any]]],
    ) -> None:
        """Without Airflow the line is there too, though it does not say who."""
        (campaign,) = add(kore_simulator, 1, status="Active")

        stop_campaigns(client, [Target(campaign)], StopOptions(VOICE), clock=fake_clock.clock)

        assert [(one["event"], one["campaign_id"]) for one in lines()] == [("stop", campaign)]


class TestOperators:
    """What Airflow knows of who did it."""

    @pytest.fixture
    def run(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TaskRun]:
        """Runs an operator as a run that Ada has triggered."""
        return lambda operator, **more: run_task(operator, monkeypatch, **{"triggering_user": "ada"} | more)

    WHO = {  # noqa: RUF012
        "dag_id": "campaigns",
        "run_id": "manual",
        "map_index": -1,
        "try_number": 1,
        "triggering_user": "ada",
    }

    def test_execute__who(
        self,
        kore_simulator: KoreSimulator,
        run: Callable[..., TaskRun],
        lines: Callable[[], list[dict[str, Any]]],
    ) -> None:
        """Every operator's line names the task, its try and who triggered its run."""
        (campaign,) = add(kore_simulator, 1, status="Ready")

        for operator in (StartVoiceCampaignOperator, StopVoiceCampaignOperator, DeleteCampaignOperator):
            meant = {"if_unreported": "delete"} if operator is DeleteCampaignOperator else {}
            assert run(operator(task_id=operator.__name__, campaign_id=campaign, **meant)).state == "success"

        told = lines()
        assert [one["event"] for one in told] == ["start", "stop", "delete"]
        for one in told:
            assert self.WHO.items() <= one.items()
            assert "approved_by" not in one
        assert told[2]["task_id"] == "DeleteCampaignOperator"

    def test_execute__nobody_triggered_it(
        self,
        kore_simulator: KoreSimulator,
        run: Callable[..., TaskRun],
        lines: Callable[[], list[dict[str, Any]]],
    ) -> None:
        """A scheduled run has no user, and the line names none."""
        (campaign,) = add(kore_simulator, 1, status="Active")

        run(StopVoiceCampaignOperator(task_id="stop", campaign_id=campaign), triggering_user=None)

        (line,) = lines()
        assert "triggering_user" not in line

    def test_execute__at_a_close(
        self,
        kore_simulator: KoreSimulator,
        run: Callable[..., TaskRun],
        lines: Callable[[], list[dict[str, Any]]],
    ) -> None:
        """A stop at a close names the task as well."""
        (campaign,) = add(kore_simulator, 1, status="Active")
        hours = {"timezone": "Etc/UTC", "hours": {"MO-SU": "9:00 AM-12:30 PM"}}

        run(
            StopVoiceCampaignOperator(
                task_id="stop", campaign_id=campaign, when="calling_hours_end", calling_hours=hours, retries=1
            )
        )

        (line,) = lines()
        assert line["task_id"] == "stop"
        assert line["lateness_s"] > 0

    def delete_after(self, campaign: str, archive: Path, *upstream: Any) -> DeleteCampaignOperator:
        """A delete that comes after other tasks, with one in between."""
        with DAG("campaigns", schedule=None):
            delete = DeleteCampaignOperator(
                task_id="delete", campaign_id=campaign, if_unreported="delete", archive_path=str(archive)
            )
            between = EmptyOperator(task_id="between")
            between >> delete
            with TaskGroup("people"):
                for make in upstream:
                    make() >> between
        return delete

    def deleted_by(self, archive: Path) -> Any:
        """Who has deleted, as the only receipt says it."""
        (receipt,) = archive.rglob("receipt.json")
        return json.loads(receipt.read_text())["deleted_by"]

    def test_execute__approved(
        self,
        kore_simulator: KoreSimulator,
        run: Callable[..., TaskRun],
        lines: Callable[[], list[dict[str, Any]]],
        tmp_path: Path,
    ) -> None:
        """Line and receipt of a delete behind approvals name who gave them, once; one without an answer counts not."""
        (campaign,) = add(kore_simulator, 1, status="Stopped")
        delete = self.delete_after(
            campaign,
            tmp_path,
            lambda: ApprovalOperator(task_id="approve", subject="Delete?"),
            lambda: ApprovalOperator.partial(task_id="each").expand(subject=["A?", "B?"]),
            lambda: HITLEntryOperator(task_id="note", subject="Why?"),
            lambda: EmptyOperator(task_id="nobody"),
        )
        answers = {
            "people.approve": {"chosen_options": ["Approve"], "responded_by_user": {"id": "1", "name": "Grace"}},
            "people.each": [
                {"chosen_options": ["Approve"], "responded_by_user": {"id": "2", "name": "Alan"}},
                {"chosen_options": ["Approve"], "responded_by_user": {"id": "1", "name": "Grace"}},
            ],
            "people.note": None,
        }

        assert run(delete, upstream=answers).state == "success"

        (line,) = lines()
        assert line["approved_by"] == ["Grace", "Alan"]
        assert self.deleted_by(tmp_path)["approved_by"] == ["Grace", "Alan"]

    @pytest.mark.parametrize("answer", [None, {"responded_by_user": None}, "yes", {"responded_by_user": {}}])
    def test_execute__approved_by_nobody(
        self,
        kore_simulator: KoreSimulator,
        run: Callable[..., TaskRun],
        lines: Callable[[], list[dict[str, Any]]],
        tmp_path: Path,
        answer: Any,
    ) -> None:
        """An approval that timed out to its default, or was skipped, names nobody."""
        (campaign,) = add(kore_simulator, 1, status="Stopped")
        delete = self.delete_after(campaign, tmp_path, lambda: ApprovalOperator(task_id="approve", subject="Delete?"))

        assert run(delete, upstream={"people.approve": answer}).state == "success"

        (line,) = lines()
        assert "approved_by" not in line
        assert self.deleted_by(tmp_path) == self.WHO | {"task_id": "delete"}
