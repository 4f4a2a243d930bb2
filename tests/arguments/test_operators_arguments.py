"""What operators are told: wrong arguments are refused, right ones reach the action."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from operator_support import ARGUMENTS, ON_CAMPAIGNS, STOPS, Run, add, filled_in, runner
from task_runner import run_task

from airflow_provider_campaigns.arguments.static import WrongArgumentError
from airflow_provider_campaigns.arguments.values import flag, one_of, seconds
from airflow_provider_campaigns.kore.errors import KoreConfigurationError
from airflow_provider_campaigns.operators.base import KoreCampaignOperator
from airflow_provider_campaigns.operators.delete import DeleteCampaignOperator
from airflow_provider_campaigns.operators.list import ListCampaignsOperator
from airflow_provider_campaigns.operators.report import CampaignReportOperator
from airflow_provider_campaigns.operators.stop import StopSmsCampaignOperator, StopVoiceCampaignOperator

if TYPE_CHECKING:
    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("unlimited_connection")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Make an operator and run it."""
    return runner(monkeypatch)


BAD_CAMPAIGNS = [
    ({"campaign_id": ""}, "campaign_id: expected a campaign's id"),
    ({"campaign_id": "  "}, "campaign_id: expected a campaign's id"),
    ({"campaign_id": "cd-1/../cd-2"}, "campaign_id: expected a campaign's id"),
    ({"campaign_id": ".."}, "campaign_id: expected a campaign's id"),
    ({"campaign_id": "cd-1?x=1"}, "campaign_id: expected a campaign's id"),
    ({"campaign_id": "cd-1\nauth: x"}, "campaign_id: expected a campaign's id"),
    ({"campaign_ids": "cd-1"}, "campaign_ids: a text must be a JSON array"),
    ({"campaign_ids": "['cd-1']"}, "campaign_ids: a text must be a JSON array"),
    ({"campaign_ids": ["cd-1", "cd-2", "cd-1"]}, "campaign_ids: each campaign once, but cd-1 is given more often"),
    ({"campaign_ids": ["cd-1", ""]}, "campaign_ids: expected a campaign's id"),
    ({"campaign_id": "cd-1", "kore_conn_id": ""}, "kore_conn_id: expected the id of a connection"),
    ({"campaign_id": "cd-1", "kore_conn_id": None}, "kore_conn_id: expected the id of a connection"),
    ({"campaign_id": "cd-1", "if_missing": "ignore"}, "if_missing: expected 'fail' or 'skip' or 'succeed'"),
    ({"campaign_id": "cd-1", "plan_only": "yes"}, "plan_only: expected true or false, got 'yes'"),
    ({"campaign_id": "cd-1", "plan_only": ""}, "plan_only: expected true or false, got ''"),
    ({"campaign_id": "cd-1", "plan_only": 1}, "plan_only: expected true or false, got 1"),
    ({"campaign_id": "cd-1", "plan_only": None}, "plan_only: expected true or false, got None"),
    ({"campaign_id": "cd-1", "confirm": "no"}, "confirm: expected true or false, got 'no'"),
]
BAD_STOPS = [
    ({"campaign_id": "cd-1", "when": "later"}, "when: expected 'now'"),
    ({"campaign_id": "cd-1", "disable_schedule": 1}, "disable_schedule: expected true or false, got 1"),
    ({"campaign_id": "cd-1", "poll_interval": 0}, "poll_interval: expected seconds from 1, or a timedelta, got 0"),
    ({"campaign_id": "cd-1", "poll_interval": timedelta(milliseconds=1)}, "poll_interval: expected seconds from 1"),
    ({"campaign_id": "cd-1", "confirm_timeout": -1}, "confirm_timeout: expected seconds from 0"),
    ({"campaign_id": "cd-1", "confirm_timeout": "600"}, "confirm_timeout: expected seconds from 0"),
]
BAD_DELETES = [
    ({"campaign_id": "cd-1", "if_running": "kill"}, "if_running: expected 'fail' or 'stop', got 'kill'"),
    ({"campaign_id": "cd-1", "if_unreported": True}, "if_unreported: expected 'fail' or 'delete', got True"),
    ({"campaign_id": "cd-1", "expected_name": ""}, "expected_name: no name for cd-1"),
    ({"campaign_id": "cd-1", "archive_path": ""}, "archive_path: expected the whole path of a folder"),
    ({"campaign_id": "cd-1", "archive_path": "deleted"}, "archive_path: expected the whole path of a folder"),
    ({"report": ""}, "report: expected the address of a report such as"),
    ({"report": True}, "report: expected the address of a report such as"),
    ({"report": "reports/cd-1"}, "report: expected the whole path of a folder such as '/data/reports'"),
    ({"campaign_ids": ["cd-1", "cd-2"], "expected_name": "A"}, "expected_name: 2 campaigns cannot all be named 'A'"),
]
BAD_LISTS: list[tuple[dict[str, Any], str]] = [
    ({"name_pattern": ""}, "name_pattern: expected a pattern"),
    ({"statuses": None}, "statuses: expected a sequence such as ('Stopped', 'Completed'), got None"),
    ({"statuses": ["Ready"]}, "statuses: Ready cannot be chosen by a pattern"),
    ({"max_campaigns": 0}, "max_campaigns: expected a whole number from 1, got 0"),
]


BAD = pytest.mark.parametrize(
    ("operator", "arguments", "problem"),
    [
        *[(operator, *case) for operator in ON_CAMPAIGNS for case in BAD_CAMPAIGNS],
        *[(operator, *case) for operator in STOPS for case in BAD_STOPS],
        *[(DeleteCampaignOperator, *case) for case in BAD_DELETES],
        *[(ListCampaignsOperator, *case) for case in BAD_LISTS],
    ],
)


class TestBadInput:
    """A wrong argument is told when the DAG is parsed, or, from a template, fails the task before anything is sent."""

    @BAD
    def test_init__bad_in_the_dag(
        self, operator: type[KoreCampaignOperator], arguments: dict[str, Any], problem: str
    ) -> None:
        """What stands in the DAG as it is makes an import error, which is also one that no retry can mend."""
        given = {} if {"campaign_id", "campaign_ids"} & arguments.keys() else ARGUMENTS[operator]

        with pytest.raises(WrongArgumentError, match=re.escape(problem)) as caught:
            operator(task_id="task", **{**given, **arguments})

        assert isinstance(caught.value, KoreConfigurationError)
        assert isinstance(caught.value, AirflowFailException)
        assert caught.value.field in arguments

    @BAD
    def test_execute__bad_from_a_template(
        self,
        kore_simulator: KoreSimulator,
        monkeypatch: pytest.MonkeyPatch,
        operator: type[KoreCampaignOperator],
        arguments: dict[str, Any],
        problem: str,
    ) -> None:
        """The error names the argument and what belongs there; the task is not retried."""
        made = filled_in(operator(task_id="task", **ARGUMENTS[operator]), **arguments)

        done = run_task(made, monkeypatch)

        assert done.state == "failed"
        assert isinstance(done.error, AirflowFailException)
        assert isinstance(done.error.__cause__, KoreConfigurationError)
        assert problem in str(done.error)
        assert len(kore_simulator.requests) == 0

    @pytest.mark.parametrize("operator", ON_CAMPAIGNS)
    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            ({}, "give one of them;"),
            ({"campaign_id": "cd-1", "campaign_ids": ["cd-2"]}, "give one of them, not both"),
            ({"campaign_id": "cd-1", "api_version": "v3"}, "api_version: expected 'v1' or 'v2', got 'v3'"),
        ],
    )
    def test_init__bad_input(
        self, operator: type[KoreCampaignOperator], arguments: dict[str, Any], problem: str
    ) -> None:
        """What no template can mend is told when the DAG is parsed."""
        with pytest.raises(KoreConfigurationError, match=re.escape(problem)):
            operator(task_id="task", **arguments)

    @pytest.mark.parametrize("operator", STOPS)
    def test_init__deferrable(self, operator: type[KoreCampaignOperator]) -> None:
        """The text ``false`` is no, and what is neither yes nor no is told."""
        assert operator(task_id="task", campaign_id="cd-1", deferrable="false").deferrable is False
        with pytest.raises(KoreConfigurationError, match="deferrable: expected true or false, got 'no'"):
            operator(task_id="task", campaign_id="cd-1", deferrable="no")

    @pytest.mark.parametrize("output_path", [None, "", "reports", 7, " /reports"])
    def test_init__output_path(self, output_path: Any) -> None:
        """A folder for reports that is none is told when the DAG is parsed."""
        with pytest.raises(KoreConfigurationError, match="output_path: expected the whole path of a folder"):
            CampaignReportOperator(task_id="task", campaign_id="cd-1", output_path=output_path)

    @pytest.mark.parametrize("operator", [DeleteCampaignOperator, ListCampaignsOperator])
    @pytest.mark.parametrize("campaign_type", ["fax", "Voice", "", 7])
    def test_init__bad_type(self, operator: type[KoreCampaignOperator], campaign_type: Any) -> None:
        """A campaign type is ``voice`` or ``sms``."""
        with pytest.raises(KoreConfigurationError, match="campaign_type: expected 'voice' or 'sms'"):
            operator(task_id="task", **{**ARGUMENTS[operator], "campaign_type": campaign_type})

    @pytest.mark.parametrize("operator", ARGUMENTS)
    def test_init__unknown_argument(self, operator: type[KoreCampaignOperator]) -> None:
        """An argument that does not exist is told when the DAG is parsed."""
        with pytest.raises(TypeError, match="campaignid"):
            operator(task_id="task", campaignid="cd-1", **ARGUMENTS[operator])


class TestArguments:
    """The three readers of arguments."""

    @pytest.mark.parametrize(
        ("value", "expected"),
        [(True, True), (False, False), ("true", True), (" False\n", False), ("TRUE", True)],
    )
    def test_flag(self, value: object, expected: bool) -> None:
        """A boolean is one, or the text of one."""
        assert flag("confirm", value) is expected

    @pytest.mark.parametrize(("value", "expected"), [(15, 15.0), (0.5, 0.5), (timedelta(minutes=2), 120.0), (0, 0.0)])
    def test_seconds(self, value: object, expected: float) -> None:
        """A duration is seconds or a timedelta."""
        assert seconds("poll_interval", value) == expected

    @pytest.mark.parametrize("value", [-0.1, float("inf"), float("nan"), True, "15", None, timedelta(seconds=-1)])
    def test_seconds__bad(self, value: object) -> None:
        """Nothing else is one."""
        with pytest.raises(KoreConfigurationError, match="poll_interval: expected seconds from 0, or a timedelta"):
            seconds("poll_interval", value)

    def test_one_of(self) -> None:
        """A choice is returned as it is."""
        assert one_of("if_running", "stop", ("fail", "stop")) == "stop"


class TestOptions:
    """What an operator is told reaches the action."""

    def test_execute__poll(self, kore_simulator: KoreSimulator, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """Intervals are honoured, as seconds or as a timedelta."""
        waits: list[float] = []
        monkeypatch.setattr(KoreCampaignOperator, "_sleep", lambda _, seconds: waits.append(seconds))
        kore_simulator.switches(drain_polls=2)
        (campaign_id,) = add(kore_simulator, StopVoiceCampaignOperator)

        run(
            StopVoiceCampaignOperator,
            campaign_id=campaign_id,
            poll_interval=timedelta(seconds=7),
            confirm_timeout=timedelta(hours=1),
        )

        assert waits == [7.0, 7.0]

    def test_execute__poll_by_default(
        self, kore_simulator: KoreSimulator, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A campaign that takes its time is read every 15 s."""
        waits: list[float] = []
        monkeypatch.setattr(KoreCampaignOperator, "_sleep", lambda _, seconds: waits.append(seconds))
        kore_simulator.switches(drain_polls=1)

        run(StopVoiceCampaignOperator, campaign_ids=add(kore_simulator, StopVoiceCampaignOperator))

        assert waits == [15]

    @pytest.mark.parametrize(("operator", "operation"), [(STOPS[0], "stop"), (DeleteCampaignOperator, "delete")])
    def test_execute__api_version(
        self, kore_simulator: KoreSimulator, run: Run, operator: type[KoreCampaignOperator], operation: str
    ) -> None:
        """The version given is that of the write."""
        for version in ("v1", "v2"):
            (campaign_id,) = add(kore_simulator, operator)
            run(operator, campaign_id=campaign_id, api_version=version)
            assert kore_simulator.requests.of(operation, campaign_id=campaign_id)[0].version == version

    def test_execute__disable_schedule(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """A schedule is disabled if that is asked for."""
        (campaign_id,) = add(kore_simulator, StopSmsCampaignOperator, status="Scheduled")

        done = run(StopSmsCampaignOperator, campaign_id=campaign_id, disable_schedule=True)

        assert (done.result["status"], done.result["schedule_disabled"]) == ("Ready", True)

    def test_execute__confirm_off(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """Without confirmation there is no reading after the write."""
        (running,) = add(kore_simulator, StopVoiceCampaignOperator)
        (stopped,) = add(kore_simulator, DeleteCampaignOperator)

        run(StopVoiceCampaignOperator, campaign_id=running, confirm=False)
        run(DeleteCampaignOperator, campaign_id=stopped, confirm=False)

        operations = [one.operation for one in kore_simulator.requests]
        assert operations == ["get", "contacts", "stop", "get", "get", "delete"]

    @pytest.mark.parametrize(("given", "state"), [("voice", "success"), ("sms", "failed"), (None, "success")])
    def test_execute__campaign_type(
        self, kore_simulator: KoreSimulator, run: Run, given: str | None, state: str
    ) -> None:
        """The type given must be the campaign's."""
        (campaign_id,) = add(kore_simulator, DeleteCampaignOperator)

        assert run(DeleteCampaignOperator, campaign_id=campaign_id, campaign_type=given).state == state

    def test_execute__list(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """A list is plain JSON, and more campaigns than allowed fail the task."""
        for number in range(3):
            kore_simulator.add_campaign(name=f"Spring {number}", status="Active", campaign_id=f"cd-{number}")
        arguments = {"campaign_type": "voice", "name_pattern": "Spring *", "api_version": "v1"}

        assert [one["campaign_id"] for one in run(ListCampaignsOperator, **arguments).result] == [
            "cd-0",
            "cd-1",
            "cd-2",
        ]
        assert {one.version for one in kore_simulator.requests} == {"v1"}
        assert run(ListCampaignsOperator, **arguments, max_campaigns=2).state == "failed"
