"""The start operators, through Airflow's own task runner, against the simulator."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG
from airflow_names import DagSerialization, since
from operator_support import STRANGER, Run, filled_in, runner
from structlog.testing import capture_logs
from task_runner import run_task

import airflow_provider_campaigns
from airflow_provider_campaigns.actions.evidence import NoEvidence
from airflow_provider_campaigns.arguments.static import WrongArgumentError
from airflow_provider_campaigns.kore import retry
from airflow_provider_campaigns.kore.errors import CampaignsFailedError, KoreConfigurationError
from airflow_provider_campaigns.operators import start as start_module
from airflow_provider_campaigns.operators.base import KoreCampaignOperator
from airflow_provider_campaigns.operators.start import StartSmsCampaignOperator, StartVoiceCampaignOperator
from airflow_provider_campaigns.operators.stop import StopVoiceCampaignOperator

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("unlimited_connection")

TYPES = {StartVoiceCampaignOperator: "voice", StartSmsCampaignOperator: "sms"}
BOTH = pytest.mark.parametrize("operator", TYPES)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Make an operator, by default a start, and run it."""
    return runner(monkeypatch, StartVoiceCampaignOperator)


class TestExecute:
    """One campaign gives a dict, many a list; each is started once."""

    @BOTH
    def test_execute__one(self, kore_simulator: KoreSimulator, run: Run, operator: type[KoreCampaignOperator]) -> None:
        """The result for one campaign is a dict, and the only XCom."""
        campaign_id = kore_simulator.add_campaign(campaign_type=TYPES[operator], name="Spring")

        done = run(operator, campaign_id=campaign_id)

        assert done.state == "success"
        assert list(done.xcoms) == ["return_value"]
        sent_at, confirmed_at = done.result.pop("sent_at"), done.result.pop("confirmed_at")
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", sent_at)
        assert confirmed_at >= sent_at
        assert done.result == {
            "campaign_id": campaign_id,
            "campaign_type": TYPES[operator],
            "name": "Spring",
            "status": "Active",
            "changed": True,
            "campaign_instance_id": kore_simulator.campaign(campaign_id).instance_id,
        }
        kore_simulator.assert_one_effect("start", campaign_id)

    @BOTH
    @pytest.mark.parametrize("as_given", [list, json.dumps, lambda ids: [{"campaign_id": one} for one in ids]])
    def test_execute__many(
        self,
        kore_simulator: KoreSimulator,
        run: Run,
        operator: type[KoreCampaignOperator],
        as_given: Callable[[list[str]], Any],
    ) -> None:
        """The result for many campaigns is a list in their order, whatever form they were given in."""
        ids = [kore_simulator.add_campaign(campaign_type=TYPES[operator]) for _ in range(5)]

        done = run(operator, campaign_ids=as_given(ids))

        assert [(one["campaign_id"], one["changed"]) for one in done.result] == [(one, True) for one in ids]

    def test_execute__none_at_all(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """No campaign is a success with an empty list, without a request."""
        done = run(campaign_ids=[])

        assert (done.state, done.result) == ("success", [])
        assert len(kore_simulator.requests) == 0

    def test_execute__restart(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """A start takes what a stop returned, minds its name, and begins a new run if that is allowed."""
        campaign_id = kore_simulator.add_campaign(name="Spring", status="Active")
        with DAG("campaigns", schedule=None):
            stop = StopVoiceCampaignOperator(task_id="stop", campaign_id=campaign_id)
            start = StartVoiceCampaignOperator(task_id="start", campaign_ids=[stop.output], allow_rerun=True)
        stopped = run_task(stop, monkeypatch).result

        (started,) = run_task(start, monkeypatch, upstream={"stop": stopped}).result
        kore_simulator.service.store.get(campaign_id).name = "Summer"
        renamed = run_task(start, monkeypatch, upstream={"stop": stopped})

        assert (started["status"], started["changed"]) == ("Active", True)
        assert started["campaign_instance_id"] != stopped["campaign_instance_id"]
        assert "is named 'Summer', expected 'Spring'; nothing was sent" in str(renamed.error)

    def test_execute__backfill(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """A backfill is skipped without a request."""
        campaign_id = kore_simulator.add_campaign()

        assert run(campaign_id=campaign_id, run_run_type="backfill").state == "skipped"
        assert len(kore_simulator.requests) == 0

    @BOTH
    def test_execute__from_templates(
        self, kore_simulator: KoreSimulator, run: Run, operator: type[KoreCampaignOperator]
    ) -> None:
        """A start works with every field from a template."""
        campaign_id = kore_simulator.add_campaign(campaign_type=TYPES[operator])

        done = run(
            operator,
            kore_conn_id="kore_{{ dag_run.conf.conn }}",
            campaign_id="{{ dag_run.conf.id }}",
            plan_only="{{ 1 > 2 }}",
            run_conf={"conn": "default", "id": campaign_id},
        )

        assert done.rendered == {
            "kore_conn_id": "kore_default",
            "campaign_id": campaign_id,
            "campaign_ids": None,
            "plan_only": "False",
        }
        kore_simulator.assert_one_effect("start", campaign_id)

    def test_execute__plan_only(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """The text "True", as a template gives it, is a plan."""
        campaign_id = kore_simulator.add_campaign()

        done = run(campaign_id=campaign_id, plan_only="{{ 2 > 1 }}", api_version="v2")

        assert done.result["planned"].startswith("POST /campaign/api/v2/public/")
        kore_simulator.assert_no_writes()


class TestOptions:
    """What an operator is told reaches the action."""

    def test_execute__allow_rerun(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """A campaign that has run is started again only if that is allowed."""
        campaign_id = kore_simulator.add_campaign(status="Completed")

        refused = run(campaign_id=campaign_id)

        assert (refused.state, refused.xcoms) == ("failed", {"results": []})
        assert isinstance(refused.error, AirflowFailException)
        assert "which allow_rerun=True permits. Nothing was sent" in str(refused.error)
        kore_simulator.assert_no_writes()
        assert run(campaign_id=campaign_id, allow_rerun=True).result["changed"] is True

    @pytest.mark.parametrize(
        ("arguments", "waits"),
        [
            ({}, [15.0, 15.0]),
            ({"poll_interval": timedelta(seconds=7), "confirm_timeout": timedelta(hours=1)}, [7.0, 7.0]),
            ({"poll_interval": 20, "confirm_timeout": 5}, [5.0, 5.0]),
        ],
    )
    def test_execute__poll(
        self,
        kore_simulator: KoreSimulator,
        run: Run,
        monkeypatch: pytest.MonkeyPatch,
        arguments: dict[str, Any],
        waits: list[float],
    ) -> None:
        """Intervals are honoured, as seconds or as a timedelta."""
        noted: list[float] = []
        campaign_id = kore_simulator.add_campaign(status="Preparing")

        def sleep(_: object, seconds: float) -> None:
            noted.append(round(seconds))
            if len(noted) == 2:
                kore_simulator.set_status(campaign_id, "Ready")

        monkeypatch.setattr(KoreCampaignOperator, "_sleep", sleep)

        assert run(campaign_id=campaign_id, **arguments).result["status"] == "Active"
        assert noted == pytest.approx(waits, abs=1)  # what a busy machine takes is no part of the pause

    def test_execute__confirm_off(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """Without confirmation there is no reading after the start."""
        run(campaign_id=kore_simulator.add_campaign(), confirm=False)

        assert [one.operation for one in kore_simulator.requests] == ["get", "get", "start"]

    @pytest.mark.parametrize("version", ["v1", "v2"])
    def test_execute__api_version(self, kore_simulator: KoreSimulator, run: Run, version: str) -> None:
        """The version given is that of the start."""
        run(campaign_id=kore_simulator.add_campaign(), api_version=version)

        assert kore_simulator.requests.of("start")[0].version == version

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            ({"campaign_id": ""}, "campaign_id: expected a campaign's id"),
            ({"campaign_ids": "cd-1"}, "campaign_ids: a text must be a JSON array"),
            ({"allow_rerun": "yes"}, "allow_rerun: expected true or false, got 'yes'"),
            ({"confirm": 1}, "confirm: expected true or false, got 1"),
            ({"plan_only": ""}, "plan_only: expected true or false, got ''"),
            ({"poll_interval": 0}, "poll_interval: expected seconds from 1, or a timedelta, got 0"),
            ({"confirm_timeout": -1}, "confirm_timeout: expected seconds from 0"),
        ],
    )
    def test_execute__bad_input(
        self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], problem: str
    ) -> None:
        """A wrong argument is an import error; from a template it fails the task, before anything is sent."""
        start = StartVoiceCampaignOperator(task_id="task", campaign_id="cd-1")
        given = {} if {"campaign_id", "campaign_ids"} & arguments.keys() else {"campaign_id": "cd-1"}

        with pytest.raises(WrongArgumentError, match=re.escape(problem)):
            StartVoiceCampaignOperator(task_id="task", **given, **arguments)
        done = run_task(filled_in(start, **arguments), monkeypatch)

        assert done.state == "failed"
        assert isinstance(done.error, AirflowFailException)
        assert problem in str(done.error)
        assert len(kore_simulator.requests) == 0

    @BOTH
    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            ({}, "campaign_id, campaign_ids: give one of them;"),
            ({"campaign_id": "cd-1", "api_version": "v3"}, "api_version: expected 'v1' or 'v2', got 'v3'"),
            ({"campaign_id": "cd-1", "if_missing": "skip"}, "if_missing: a start has none;"),
        ],
    )
    def test_init__bad_input(
        self, operator: type[KoreCampaignOperator], arguments: dict[str, Any], problem: str
    ) -> None:
        """What no template can mend is told when the DAG is parsed."""
        with pytest.raises(KoreConfigurationError, match=re.escape(problem)):
            operator(task_id="task", **arguments)

    def test_init__unknown_argument(self) -> None:
        """An argument that does not exist is told when the DAG is parsed."""
        with pytest.raises(TypeError, match="rerun"):
            StartVoiceCampaignOperator(task_id="task", campaign_id="cd-1", rerun=True)

    def test_init__defaults_meant_for_others(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """A DAG's default for other operators' ``if_missing`` is no error, and does not make a start skip."""
        with DAG("campaigns", schedule=None, default_args={"if_missing": "skip"}):
            start = StartVoiceCampaignOperator(task_id="task", campaign_id=STRANGER)

        assert run_task(start, monkeypatch).state == "failed"


class TestErrors:
    """What a retry cannot mend fails at once, what it may mend is retried, and nothing done is forgotten."""

    @pytest.mark.parametrize("status", ["Stopped", "Paused", "Scheduled", "Ramping"])
    def test_execute__permanent(self, kore_simulator: KoreSimulator, run: Run, status: str) -> None:
        """A campaign that must not be started fails the task without a retry, the error as its cause."""
        done = run(campaign_id=kore_simulator.add_campaign(status=status))

        assert done.state == "failed"
        assert isinstance(done.error, AirflowFailException)
        assert str(done.error) == str(done.error.__cause__)
        kore_simulator.assert_no_writes()

    def test_execute__missing(self, run: Run) -> None:
        """A campaign that is not there is an error."""
        assert run(campaign_id=STRANGER).state == "failed"

    def test_execute__wrong_operator(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """An SMS campaign is not started by the voice operator."""
        done = run(campaign_id=kore_simulator.add_campaign(campaign_type="sms"))

        assert "or the operator with Sms in its name" in str(done.error)
        kore_simulator.assert_no_writes()

    def test_execute__some_fail(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """The results of the others are pushed before the task fails with a table."""
        good = [kore_simulator.add_campaign() for _ in range(2)]
        paused = kore_simulator.add_campaign(status="Paused")

        done = run(campaign_ids=[good[0], paused, good[1]])

        assert done.state == "failed"
        assert [one["campaign_id"] for one in done.xcoms["results"]] == good
        assert isinstance(done.error, AirflowFailException)
        assert isinstance(done.error.__cause__, CampaignsFailedError)
        assert str(done.error).startswith("1 of 3 campaigns could not be started:\n")

    @since(3, "the task state store")
    def test_execute__may_pass(self, kore_simulator: KoreSimulator, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """With a failure that may pass the task is retried, and the retry does what is left, and nothing twice."""
        monkeypatch.setattr(KoreCampaignOperator, "_sleep", lambda *_: None)
        monkeypatch.setattr(retry, "OUTAGE_S", 0.0)
        ids = [kore_simulator.add_campaign(status="Stopped") for _ in range(4)]
        kore_simulator.fail_next(503, operation="start", campaign_id=ids[2], times=5)
        store: dict[str, Any] = {}
        first = run(campaign_ids=ids, allow_rerun=True, run_state_store=store)
        kore_simulator.set_status(ids[0], "Completed")

        second = run(campaign_ids=ids, allow_rerun=True, run_state_store=store)

        assert first.state == "up_for_retry"
        assert [one["changed"] for one in first.xcoms["results"]] == [True, True, True]
        assert second.state == "success"
        assert [(one["status"], one["changed"]) for one in second.result] == [
            ("Completed", False),
            ("Active", False),
            ("Active", True),
            ("Active", False),
        ]
        for campaign_id in ids:
            kore_simulator.assert_one_effect("start", campaign_id)


class TestEvidence:
    """Where Airflow keeps no notes for a task, that is told."""

    @pytest.mark.parametrize(
        ("allow_rerun", "retries", "has_store", "warned"),
        [
            (True, 2, False, True),
            pytest.param(True, 2, True, False, marks=since(3, "the task state store")),
            (True, 0, False, False),
            (False, 2, False, False),
        ],
    )
    def test_execute__warning(
        self,
        *,
        kore_simulator: KoreSimulator,
        run: Run,
        monkeypatch: pytest.MonkeyPatch,
        allow_rerun: bool,
        retries: int,
        has_store: bool,
        warned: bool,
    ) -> None:
        """A task that may start a campaign twice says so, and how not to."""
        if not has_store:
            monkeypatch.setattr(start_module, "evidence_of", lambda _: NoEvidence())

        with capture_logs() as logs:
            done = run(campaign_id=kore_simulator.add_campaign(), allow_rerun=allow_rerun, retries=retries)

        assert done.state == "success"
        warnings = [entry["event"] for entry in logs if entry["log_level"] == "warning"]
        assert any(text.endswith("set retries=0") for text in warnings) is warned


class TestAirflow:
    """What Airflow does with the operators besides running them."""

    @BOTH
    def test_public(self, operator: type[KoreCampaignOperator]) -> None:
        """They can be imported from the package's top."""
        assert getattr(airflow_provider_campaigns, operator.__name__) is operator

    @BOTH
    def test_serialization(self, operator: type[KoreCampaignOperator]) -> None:
        """A DAG with them can be stored, templates and all."""
        with DAG("campaigns", schedule=None) as dag:
            operator(task_id="task", campaign_ids="{{ params.ids }}", poll_interval=timedelta(seconds=5))

        stored = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))

        fields = ("kore_conn_id", "campaign_id", "campaign_ids", "plan_only")
        assert tuple(stored.get_task("task").template_fields) == fields

    @BOTH
    def test_expand(
        self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, operator: type[KoreCampaignOperator]
    ) -> None:
        """Mapped over ids, each instance serves its own campaign."""
        ids = [kore_simulator.add_campaign(campaign_type=TYPES[operator]) for _ in range(2)]
        with DAG("campaigns", schedule=None):
            mapped = operator.partial(task_id="task").expand(campaign_id=ids)

        for campaign_id in ids:
            task = mapped.unmap({"campaign_id": campaign_id})
            assert run_task(task, monkeypatch).result["campaign_id"] == campaign_id
