"""Every operator and sensor in everyday Airflow: ``dag.test()``, mapping, groups, setup and teardown, templates."""

from __future__ import annotations

import inspect
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG, Asset, BaseOperator
from dag_runs import run_dags
from operator_support import STRANGER
from task_runner import run_task

import airflow_provider_campaigns
from airflow_provider_campaigns import (
    CallingHoursSensor,
    CampaignStatusSensor,
    DeleteCampaignOperator,
    ListCampaignsOperator,
    StartSmsCampaignOperator,
    StartVoiceCampaignOperator,
    StopSmsCampaignOperator,
    StopVoiceCampaignOperator,
)
from airflow_provider_campaigns.arguments.static import WrongArgumentError, is_static
from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.operators.report import CampaignReportOperator

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_campaigns.simulator import KoreSimulator

VOICE = "cd-a1e45a7-e8ba-4e97-a339-476ebc700001"
SMS = "cd-a1e45a7-e8ba-4e97-a339-476ebc700002"
HOURS = {"timezone": "Asia/Kolkata", "hours": {"MO-FR": "9:00 AM-6:00 PM"}}

ONE = {
    "kore_conn_id": "kore_default",
    "campaign_id": VOICE,
    "if_missing": "fail",
    "plan_only": True,
}
VALUES: dict[type[BaseOperator], dict[str, Any]] = {
    StopVoiceCampaignOperator: {**ONE, "when": "now", "last_day": "", "calling_hours": None, "contact_timezones": []},
    StopSmsCampaignOperator: {
        **ONE,
        "campaign_id": SMS,
        "when": "calling_hours_end",
        "last_day": "2026-03-02",
        "calling_hours": HOURS,
        "contact_timezones": ["Asia/Dubai"],
    },
    StartVoiceCampaignOperator: {name: value for name, value in ONE.items() if name != "if_missing"},
    StartSmsCampaignOperator: {
        "kore_conn_id": "kore_default",
        "campaign_id": SMS,
        "plan_only": True,
    },
    DeleteCampaignOperator: {
        **ONE,
        "expected_name": "Spring Offer",
        "if_running": "stop",
        "if_unreported": "delete",
        "verify_results": "all",
        "report": None,
        "archive_path": "file:///tmp/x",
    },
    CampaignReportOperator: {
        **ONE,
        "output_path": "file:///tmp/reports",
        "if_no_contact_results": "totals",
        "refresh": True,
        "pending_timeout": 1,
    },
    ListCampaignsOperator: {
        "kore_conn_id": "kore_default",
        "name_pattern": "Spring *",
        "statuses": ["Active", "Stopped", "Completed"],
    },
    CampaignStatusSensor: {"kore_conn_id": "kore_default", "campaign_id": VOICE, "statuses": ["Active", "Ready"]},
    CallingHoursSensor: {"kore_conn_id": "kore_default", "calling_hours": HOURS, "wait_for": "closed"},
}
"""A right value of each template field, as text or as the object that native rendering gives."""

FIXED: dict[type[BaseOperator], dict[str, Any]] = {ListCampaignsOperator: {"campaign_type": "voice"}}
"""Arguments that are needed and are no template fields."""

OPERATORS = sorted(VALUES, key=lambda one: one.__name__)
STRUCTURED = {"campaign_ids", "expected_name", "report", "calling_hours", "contact_timezones", "statuses"}

EVERY = pytest.mark.parametrize("operator", OPERATORS, ids=lambda one: one.__name__)


def needed(operator: type[BaseOperator]) -> dict[str, Any]:
    """The least that an operator has to be given."""
    least = {
        name: value
        for name, value in VALUES[operator].items()
        if name in {"campaign_id", "name_pattern", "output_path"}
    }
    if operator is CallingHoursSensor:
        least = {"calling_hours": HOURS}
    return {**FIXED.get(operator, {}), **least}


def test_values__of_every_operator():
    """This file forgets no public operator or sensor, and no template field."""
    public = [getattr(airflow_provider_campaigns, name) for name in airflow_provider_campaigns.__all__]
    operators = {one for one in public if inspect.isclass(one) and issubclass(one, BaseOperator)}

    assert operators - set(VALUES) == set()
    for operator, values in VALUES.items():
        assert set(operator.template_fields) - {"campaign_id", "campaign_ids"} == set(values) - {"campaign_id"}


@EVERY
def test_template_fields__are_attributes(operator: type[BaseOperator]):
    """Each field is an attribute as soon as the operator is made; Airflow finds that out only when it renders."""
    made = operator(task_id="task", **needed(operator))

    assert [name for name in operator.template_fields if not hasattr(made, name)] == []


@EVERY
def test_template_fields__structured_ones_are_shown_as_json(operator: type[BaseOperator]):
    """Airflow's UI shows lists and objects among the rendered fields as JSON, and has a field for each renderer."""
    shown = operator.template_fields_renderers

    assert shown == dict.fromkeys(sorted(STRUCTURED & set(operator.template_fields)), "json")


@EVERY
def test_template_fields__take_what_other_tasks_give(operator: type[BaseOperator]):
    """Any field may come from another task: nothing is asked of a value that is not there yet."""
    with DAG("campaigns", schedule=None):
        before = ListCampaignsOperator(task_id="before", campaign_type="voice", name_pattern="*")
        for name in operator.template_fields:
            arguments = needed(operator)
            if name in {"campaign_ids", "calling_hours"}:
                arguments.pop("campaign_id", None)
            if name == "calling_hours" and operator is not CallingHoursSensor:
                arguments = {**needed(operator), "when": "calling_hours_end"}
            if name == "campaign_id" and operator is CallingHoursSensor:
                arguments = {}
            made = operator(task_id=f"task_{name}", **{**arguments, name: before.output})

            assert before.task_id in made.upstream_task_ids


@EVERY
@pytest.mark.parametrize("native", [False, True], ids=["text", "native"])
def test_execute__every_field_from_a_template(
    kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, operator: type[BaseOperator], native: bool
):
    """Rendered as text or as native objects, every field works."""
    monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", kore_simulator.connection_json())
    status = "Ready" if operator in {StartVoiceCampaignOperator, StartSmsCampaignOperator} else "Active"
    kore_simulator.add_campaign(campaign_id=VOICE, name="Spring Offer", status=status)
    kore_simulator.add_campaign(campaign_id=SMS, name="Spring Text", status=status, campaign_type="sms")
    given = VALUES[operator]
    templates = {
        name: f"{{{{ dag_run.conf.{name}{' | tojson' if isinstance(value, dict | list) else ''} }}}}"
        for name, value in given.items()
        if value is not None
    }
    made = operator(task_id="task", **FIXED.get(operator, {}), **templates)
    DAG("campaigns", schedule=None, render_template_as_native_obj=native).add_task(made)

    run = run_task(made, monkeypatch, conf=given)

    assert run.state == "success", run.error
    for name in templates:
        value, shown = given[name], run.rendered[name]
        if native:
            assert shown == value
        elif isinstance(value, dict | list):
            assert isinstance(shown, str)
            assert json.loads(shown) == value
        else:
            assert shown == str(value)
    kore_simulator.assert_no_writes()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("cd-1", True),
        ("{{ params.id }}", False),
        ("{% if x %}y{% endif %}", False),
        (["cd-1", "{{ params.id }}"], False),
        ({"cd-1": "Spring"}, True),
        ({"{{ params.id }}": "Spring"}, False),
        (None, True),
        (CallingHours.parse("Asia/Kolkata", {"MO": "9:00 AM-6:00 PM"}), True),
        (object(), False),
    ],
)
def test_is_static(value: object, expected: bool):
    """A value is final unless it holds a template, or is something that Airflow resolves later."""
    assert is_static(value) is expected


@pytest.mark.parametrize(
    ("operator", "arguments"),
    [
        (StopVoiceCampaignOperator, {"when": "calling_hours_end", "last_day": "24.12.2026"}),
        (DeleteCampaignOperator, {"if_running": "kill"}),
        (CampaignStatusSensor, {"statuses": []}),
    ],
)
def test_mapped__wrong_argument(operator: Any, arguments: dict[str, Any]):
    """A mapped operator is made when its task runs; a wrong argument is then an error that is not retried."""
    with DAG("campaigns", schedule=None):
        mapped = operator.partial(task_id="task", **arguments).expand(campaign_id=[VOICE])

    with pytest.raises(WrongArgumentError) as caught:
        mapped.unmap({"campaign_id": VOICE})

    assert isinstance(caught.value, AirflowFailException)


EVERYTHING = """
from datetime import timedelta

from airflow.sdk import DAG, TaskGroup

from airflow_provider_campaigns import (
    CallingHoursSensor,
    CampaignStatusSensor,
    DeleteCampaignOperator,
    ListCampaignsOperator,
    StartSmsCampaignOperator,
    StartVoiceCampaignOperator,
    StopSmsCampaignOperator,
    StopVoiceCampaignOperator,
)

ALWAYS = {"timezone": "Etc/UTC", "hours": {"MO-SU": "12:00 AM-12:00 AM"}}

with DAG("everything", schedule=None, default_args={"retries": 2, "retry_delay": timedelta(0)}):
    chosen = ListCampaignsOperator(task_id="choose", campaign_type="voice", name_pattern="Spring *")

    with TaskGroup("ending") as ending:
        stop = StopVoiceCampaignOperator(task_id="stop", campaign_ids=chosen.output)
        stopped = CampaignStatusSensor(task_id="stopped", campaign_ids=chosen.output)
        stop >> stopped

    completed = CampaignStatusSensor(
        task_id="completed",
        campaign_id="COMPLETES",
        statuses=["Completed"],
        poke_interval=1,
        timeout=120,
        deferrable=True,
    )
    open_hours = CallingHoursSensor(task_id="open_hours", calling_hours=ALWAYS, wait_for="open", deferrable=True)

    start_voice = StartVoiceCampaignOperator(task_id="start_voice", campaign_id="READY_VOICE").as_setup()
    start_sms = StartSmsCampaignOperator(task_id="start_sms", campaign_id="READY_SMS").as_setup()
    wrong = DeleteCampaignOperator.partial(task_id="wrong", if_running="fail").expand(campaign_id=["no id"])
    end_voice = StopVoiceCampaignOperator(
        task_id="end_voice", campaign_id="{{ ti.xcom_pull('start_voice')['campaign_id'] }}"
    ).as_teardown(setups=start_voice)
    end_sms = StopSmsCampaignOperator(task_id="end_sms", campaign_id=start_sms.output).as_teardown(
        setups=start_sms
    )
    [start_voice, start_sms] >> wrong >> [end_voice, end_sms]

    delete = DeleteCampaignOperator.partial(
        task_id="delete",
        if_unreported="delete",
        map_index_template="{{ task.campaign_id }}",
        trigger_rule="all_done",
    ).expand_kwargs(chosen.output.map(lambda one: {"campaign_id": one["campaign_id"], "expected_name": one["name"]}))
    ending >> completed >> open_hours >> delete
    wrong >> delete
"""


@pytest.mark.timeout(600)
def test_dag_test__all_of_them(kore_simulator: KoreSimulator, tmp_path: Path):
    """One DAG with all of them: a task group, setups with teardowns, mapping with names, a trigger rule."""
    spring = sorted(
        kore_simulator.add_campaign(name=name, status="Active") for name in ("Spring Offer", "Spring Renewal")
    )
    others = {
        "COMPLETES": kore_simulator.add_campaign(name="Autumn Offer", status="Active"),
        "READY_VOICE": kore_simulator.add_campaign(name="Winter Offer", status="Ready"),
        "READY_SMS": kore_simulator.add_campaign(name="Winter Text", status="Ready", campaign_type="sms"),
    }
    text = EVERYTHING
    for placeholder, campaign_id in others.items():
        text = text.replace(placeholder, campaign_id)
    (tmp_path / "home").mkdir()
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "everything.py").write_text(text)
    done = threading.Event()

    def complete() -> None:
        """End a campaign once its wait has begun, so that the sensor has to be deferred."""
        while not done.is_set():
            if kore_simulator.requests.of("get", campaign_id=others["COMPLETES"]):
                time.sleep(1)
                kore_simulator.set_status(others["COMPLETES"], "Completed", force=True)
                return
            time.sleep(0.1)

    watcher = threading.Thread(target=complete)
    watcher.start()
    try:
        run = run_dags(tmp_path / "dags", kore_simulator, tmp_path / "home")["everything"]
    finally:
        done.set()
        watcher.join()

    states = {task_id: [one.state for one in tasks] for task_id, tasks in run.tasks.items()}
    assert states == {
        "choose": ["success"],
        "ending.stop": ["success"],
        "ending.stopped": ["success"],
        "completed": ["success"],
        "open_hours": ["success"],
        "start_voice": ["success"],
        "start_sms": ["success"],
        "wrong": ["failed"],
        "end_voice": ["success"],
        "end_sms": ["success"],
        "delete": ["success", "success"],
    }
    assert run.state == "success"
    assert run.tasks["wrong"][0].tries == 1
    assert sorted(one.label or "" for one in run.tasks["delete"]) == spring
    assert run.only("completed").result["status"] == "Completed"
    for campaign_id in spring:
        kore_simulator.assert_one_effect("stop", campaign_id)
        kore_simulator.assert_one_effect("delete", campaign_id)
    for campaign_id in (others["READY_VOICE"], others["READY_SMS"]):
        kore_simulator.assert_one_effect("start", campaign_id)
        kore_simulator.assert_one_effect("stop", campaign_id)


@pytest.mark.usefixtures("kore_connection")
def test_execute__without_a_context(kore_simulator: KoreSimulator):
    """A unit test may call ``execute`` with an empty context; a failure is the campaign's own, not a missing key."""
    running = kore_simulator.add_campaign(status="Active")

    assert StopVoiceCampaignOperator(task_id="stop", campaign_id=running).execute({})["status"] == "Stopped"
    with pytest.raises(AirflowFailException, match=f"campaign {STRANGER}: there is none"):
        StopVoiceCampaignOperator(task_id="stop", campaign_id=STRANGER).execute({})


@pytest.mark.usefixtures("kore_connection")
def test_execute__archive_without_a_context(kore_simulator: KoreSimulator, tmp_path: Path):
    """So does a delete with an archive and an asset: its receipt names no task, because there is none."""
    campaign_id = kore_simulator.add_campaign(status="Ready")
    delete = DeleteCampaignOperator(
        task_id="delete", campaign_id=campaign_id, archive_path=str(tmp_path), outlets=[Asset("kore://deleted")]
    )

    assert delete.execute({})["status"] == "Deleted"
    receipt = json.loads((tmp_path / campaign_id / "never-ran" / "receipt.json").read_text())
    assert (receipt["outcome"], receipt["deleted_by"]) == ("gone", {})
