"""``end_of_campaign`` as a DAG file sees it: its tasks, what they wait for, and what it refuses."""

from __future__ import annotations

import inspect
import json
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import DAG, TaskGroup
from airflow_names import DagSerialization, weight_rule_of

import airflow_provider_campaigns
from airflow_provider_campaigns.kore.errors import KoreConfigurationError
from airflow_provider_campaigns.lifecycle import end_of_campaign
from airflow_provider_campaigns.operators.approval import DeleteApprovalOperator
from airflow_provider_campaigns.operators.base import KoreCampaignOperator
from airflow_provider_campaigns.operators.delete import DeleteCampaignOperator
from airflow_provider_campaigns.operators.report import CampaignReportOperator
from airflow_provider_campaigns.operators.settle import SettledCampaignOperator
from airflow_provider_campaigns.operators.stop import _StopCampaignOperator

OUTPUT = {"output_path": "/reports"}


def made(**arguments: Any) -> DAG:
    with DAG("evening", schedule=None) as dag:
        end_of_campaign(**(OUTPUT | arguments))
    return dag


def after(dag: DAG) -> dict[str, list[str]]:
    """What each task waits for, without the group's name."""
    name = len("end_of_campaign.")
    return {
        task.task_id[name:]: sorted(one[name:] for one in task.upstream_task_ids) for task in dag.topological_sort()
    }


def test_tasks__ids() -> None:
    """With ids and an approval: two stops for all, settle and report for each, one question, deletes, one outcome."""
    assert after(made(voice_campaign_ids=["cd-1"], sms_campaign_ids=["cd-2"])) == {
        "stop_voice": [],
        "stop_sms": [],
        "campaigns": [],
        "campaign.settle": ["campaigns", "stop_sms", "stop_voice"],
        "campaign.report": ["campaign.settle"],
        "approve": ["campaign.report"],
        "approved": ["approve"],
        "delete": ["approved"],
        "outcome": ["campaigns", "delete"],
    }


def test_tasks__pattern_without_approval() -> None:
    """With a pattern and no approval: the list first, and each campaign is deleted as soon as it is reported."""
    assert after(made(name_pattern="Spring *", campaign_types=["sms"], approve=False)) == {
        "choose_sms": [],
        "stop_sms": ["choose_sms"],
        "campaigns": ["choose_sms"],
        "campaign.settle": ["campaigns", "stop_sms"],
        "campaign.report": ["campaign.settle"],
        "campaign.delete": ["campaign.report"],
        "outcome": ["campaign.delete", "campaigns"],
    }


def test_tasks__defaults() -> None:
    """Retries, weight, the way to wait, and the answer that nobody gives."""
    tasks = {task.task_id.removeprefix("end_of_campaign."): task for task in made(voice_campaign_ids=["cd-1"]).tasks}

    assert {task.retries for task in tasks.values()} == {5}
    assert {task.retry_delay for task in tasks.values()} == {timedelta(seconds=10)}
    stop = tasks["stop_voice"]
    assert (stop.priority_weight, weight_rule_of(stop), stop.deferrable) == (1000, "absolute", True)
    assert (stop.when, stop.if_missing) == ("calling_hours_end", "succeed")
    assert tasks["campaign.settle"].grace_period is None
    report = tasks["campaign.report"]
    assert (report.pending_timeout, report.deferrable) == (timedelta(hours=2), True)
    assert tasks["approve"].defaults == ["Reject"]
    assert tasks["approve"].response_timeout == timedelta(hours=12)
    done = {name for name, task in tasks.items() if task.trigger_rule == "all_done"}
    assert done == {"campaign.settle", "approve", "outcome"}


def test_tasks__last_day() -> None:
    """What follows the stop judges the last day for itself, by the same day and the same hours."""
    hours = {"timezone": "Asia/Kolkata", "hours": {"MO-FR": "9:00 AM-6:00 PM"}}
    dag = made(voice_campaign_ids=["cd-1"], last_day="2026-12-24", calling_hours=hours, approve=False)

    for name in ("stop_voice", "campaign.settle"):
        task = dag.get_task(f"end_of_campaign.{name}")
        assert (task.last_day, task.calling_hours) == ("2026-12-24", hours)


def test_tasks__default_args() -> None:
    """The caller's arguments for all tasks come before the group's."""
    tasks = made(voice_campaign_ids=["cd-1"], default_args={"retries": 1, "pool": "kore"}).tasks

    assert {(task.retries, task.pool) for task in tasks} == {(1, "kore")}


LEFT_TO_THE_OPERATORS = {
    # What is done to which campaigns is what the group is for.
    *("campaign_id", "campaign_ids", "campaign", "report"),
    *("stop_task_ids", "settled_task_id", "report_task_id"),
    # A campaign that is gone is over; whether it has a report, the report says. So no task but that may fail for it.
    "if_missing",
    # Every campaign is reported before its delete, and stopped before its report.
    *("if_unreported", "if_running"),
    # The names of what a pattern chose are compared by every task; who gives ids means them, whatever their names.
    "expected_name",
    # Each stop is given the campaigns of its type, and the report says the type to the delete.
    "campaign_type",
    # The report, and then the delete, rest on the proof that came before.
    "confirm",
    # The plan of a stop stops nothing, so there would be nothing to report: the evening would end at its second task.
    "plan_only",
}
"""Arguments of the operators that ``end_of_campaign`` does not take, and why."""

OPERATORS = [
    *(_StopCampaignOperator, SettledCampaignOperator, CampaignReportOperator),
    *(DeleteApprovalOperator, DeleteCampaignOperator),
]


def arguments_of(operator: type) -> set[str]:
    """The arguments that an operator has of its own, or of this package's base classes."""
    ours = [one for one in operator.__mro__ if one.__module__.startswith("airflow_provider_campaigns.")]
    makers = [vars(one)["__init__"] for one in ours if "__init__" in vars(one)]
    named = {name for one in makers for name in inspect.signature(one).parameters}
    return named - {"self", "kwargs"}


@pytest.mark.parametrize("operator", OPERATORS)
def test_arguments__every_operators(operator: type) -> None:
    """The group takes every argument of its operators, but for those named here."""
    assert arguments_of(operator) - inspect.signature(end_of_campaign).parameters.keys() <= LEFT_TO_THE_OPERATORS


def test_arguments__left_out() -> None:
    """What is left to the operators is an argument of one of them, and none of the group."""
    assert set().union(*map(arguments_of, OPERATORS)) >= LEFT_TO_THE_OPERATORS
    assert not LEFT_TO_THE_OPERATORS & inspect.signature(end_of_campaign).parameters.keys()


def defaults_of(operator: type) -> dict[str, Any]:
    """What each argument of ``arguments_of`` is where it is not given; the class at hand comes before its bases."""
    ours = [one for one in operator.__mro__ if one.__module__.startswith("airflow_provider_campaigns.")]
    makers = [vars(one)["__init__"] for one in reversed(ours) if "__init__" in vars(one)]
    return {name: one.default for maker in makers for name, one in inspect.signature(maker).parameters.items()}


def test_arguments__passed_on() -> None:
    """What the group is given reaches every operator that has an argument of that name; all that there are is given."""
    given: dict[str, Any] = {
        "when": "calling_hours_end",
        "last_day": "2026-12-24",
        "calling_hours": {"timezone": "Asia/Kolkata", "hours": {"MO-FR": "9:00 AM-6:00 PM"}},
        "contact_timezones": ["Asia/Dubai"],
        "lead_time": 77,
        "disable_schedule": True,
        "if_unreadable": "stop",
        "poll_interval": 7,
        "confirm_timeout": 70,
        "deferrable": True,
        "grace_period": 17,
        "output_path": "/elsewhere",
        "formats": ("csv",),
        "phone_numbers": "hash",
        "allow_empty": True,
        "if_no_contact_results": "totals",
        "pending_timeout": 1700,
        "refresh": True,
        "verify_results": "ends",
        "archive_path": "/deleted",
        "kore_conn_id": "other",
        "api_version": "v1",
    }
    tasks = made(voice_campaign_ids=["cd-1"], approve=False, **given).tasks
    ours = [one for one in tasks if isinstance(one, KoreCampaignOperator)]
    meant = {(task, name) for task in ours for name in arguments_of(type(task)) - LEFT_TO_THE_OPERATORS}

    assert {type(one).__name__ for one in ours} == {
        *("StopVoiceCampaignOperator", "SettledCampaignOperator", "CampaignReportOperator", "DeleteCampaignOperator")
    }
    assert given.keys() == {name for _, name in meant}
    # One that is equal would be there without being passed on.
    assert [name for task, name in meant if defaults_of(type(task))[name] == given[name]] == []
    lacking = {(type(task), name) for task, name in meant if getattr(task, name) != given[name]}
    # Nothing is written by those that read, so they need no version of the writes.
    assert lacking == {(SettledCampaignOperator, "api_version"), (CampaignReportOperator, "api_version")}


def test_returns__a_group() -> None:
    """The group can be put before and after other tasks, and is stored with its DAG."""
    with DAG("evening", schedule=None) as dag:
        group = end_of_campaign(voice_campaign_ids="{{ params.ids }}", group_id="last", **OUTPUT)
        assert isinstance(group, TaskGroup)
        airflow_provider_campaigns.StopVoiceCampaignOperator(task_id="after", campaign_id="cd-9").set_upstream(group)

    assert dag.get_task("after").upstream_task_ids == {"last.outcome"}
    stored = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
    assert "last.campaign.report" in stored.task_ids


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "give ids or a pattern, for example name_pattern='Spring \\*'"),
        ({"voice_campaign_ids": ["cd-1"], "name_pattern": "*"}, "give ids or a pattern, not both"),
        (
            {"voice_campaign_ids": ["cd-1", "cd-2"], "sms_campaign_ids": '["cd-2"]'},
            "cd-2 cannot be both a voice and an SMS",
        ),
        ({"voice_campaign_ids": ["cd-1"], "grace_period": "15m"}, "grace_period: expected seconds such as '900'"),
        (
            {"name_pattern": "*", "archive_path": "file:///reports/"},
            "archive_path: expected another folder than",
        ),
        ({"name_pattern": "*", "campaign_types": ["fax"]}, "campaign_type: expected 'voice' or 'sms', got 'fax'"),
    ],
)
def test_refuses(arguments: dict[str, Any], problem: str) -> None:
    """What cannot be meant is told when the DAG is parsed."""
    with pytest.raises(KoreConfigurationError, match=problem):
        made(**arguments)
