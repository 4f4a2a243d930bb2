"""``if_unreadable``: what may be stopped although nobody can read it, as the operators see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG
from airflow_names import below
from task_runner import TaskRun, run_task

from airflow_provider_campaigns.arguments.static import WrongArgumentError
from airflow_provider_campaigns.kore import retry, sending
from airflow_provider_campaigns.operators.list import ListCampaignsOperator
from airflow_provider_campaigns.operators.stop import StopSmsCampaignOperator, StopVoiceCampaignOperator

if TYPE_CHECKING:
    from airflow_provider_campaigns.simulator import KoreSimulator

CAMPAIGN = "cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000"
OTHER = "cd-a1e45a7-e8ba-4e97-a339-476ebc7d0001"
HOURS = {"timezone": "Asia/Kolkata", "hours": {"MO-FR": "9:00 AM-6:00 PM"}}


@pytest.mark.parametrize("operator", [StopVoiceCampaignOperator, StopSmsCampaignOperator])
@pytest.mark.parametrize(
    "arguments",
    [
        {"campaign_id": CAMPAIGN},
        {"campaign_ids": [CAMPAIGN, OTHER]},
        {"campaign_ids": f'["{CAMPAIGN}", "{OTHER}"]'},
        {"campaign_id": CAMPAIGN, "when": "calling_hours_end", "calling_hours": HOURS},
        {"campaign_id": CAMPAIGN, "when": "calling_hours_end", "calling_hours": "{{ params.hours }}"},
    ],
)
def test_init__accepted(operator: type, arguments: dict[str, Any]):
    """Ids that stand in the DAG, now or at the close of hours that are given."""
    assert operator(task_id="stop", if_unreadable="stop", **arguments).if_unreadable == "stop"


@pytest.mark.parametrize(
    "arguments",
    [
        {"campaign_id": "{{ params.campaign }}"},
        {"campaign_ids": "{{ ti.xcom_pull('list') }}"},
        {"campaign_ids": [CAMPAIGN, "{{ params.campaign }}"]},
        {"campaign_id": {"campaign_id": CAMPAIGN, "name": "Spring Offer"}},
        {"campaign_ids": [CAMPAIGN, {"campaign_id": OTHER}]},
    ],
)
def test_init__not_named_in_the_dag(arguments: dict[str, Any]):
    """What a template or another task names may be anything, so nothing of it is stopped unread."""
    with pytest.raises(WrongArgumentError, match=r"^if_unreadable: 'stop' is for campaigns that the DAG itself names"):
        StopVoiceCampaignOperator(task_id="stop", if_unreadable="stop", **arguments)


def test_init__of_another_task():
    """Nor is what another task has chosen."""
    with DAG("evening", schedule=None):
        chosen = ListCampaignsOperator(task_id="list", campaign_type="voice", name_pattern="Spring *")
        with pytest.raises(WrongArgumentError, match=r"^if_unreadable: 'stop' is for campaigns that the DAG itself"):
            StopVoiceCampaignOperator(task_id="stop", campaign_ids=chosen.output, if_unreadable="stop")


def test_init__no_close():
    """At a close, the hours must be given: those of a campaign that cannot be read are not known."""
    with pytest.raises(WrongArgumentError, match=r"^if_unreadable: .* give calling_hours, for example"):
        StopVoiceCampaignOperator(task_id="s", campaign_id=CAMPAIGN, when="calling_hours_end", if_unreadable="stop")


@pytest.mark.parametrize("value", ["skip", None, True, "{{ params.how }}"])
def test_init__neither(value: Any):
    """It is ``fail`` or ``stop``, and stands in the DAG."""
    with pytest.raises(WrongArgumentError, match=r"^if_unreadable: expected 'fail' or 'stop', got "):
        StopVoiceCampaignOperator(task_id="stop", campaign_id=CAMPAIGN, if_unreadable=value)


def stop(monkeypatch: pytest.MonkeyPatch, campaign_id: str, if_unreadable: str = "stop", **how: Any) -> TaskRun:
    operator = StopVoiceCampaignOperator(
        task_id="stop", campaign_id=campaign_id, if_unreadable=if_unreadable, confirm=False
    )
    for module in (retry, sending):
        monkeypatch.setattr(module, "LOOK_AGAIN_S", 0.1)
    return run_task(operator, monkeypatch, **how)


@pytest.fixture
def unreadable(kore_simulator: KoreSimulator, unlimited_connection: None) -> str:
    """A campaign that runs, and that nobody can read."""
    campaign_id = kore_simulator.add_campaign(status="Active")
    for operation in ("get", "status", "list"):
        kore_simulator.fail_next(400, body={"message": "Bad Request"}, operation=operation, times=1000)
    return campaign_id


def test_execute__stopped_unread(kore_simulator: KoreSimulator, unreadable: str, monkeypatch: pytest.MonkeyPatch):
    """The first try of a task stops it, and says so."""
    run = stop(monkeypatch, unreadable)

    assert run.state == "success", run.error
    assert (run.result["status"], run.result["changed"]) == ("Stopped", True)
    kore_simulator.assert_one_effect("stop", unreadable)


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"if_unreadable": "fail"}, id="not asked for"),
        pytest.param({"map_index": 0}, id="mapped"),
        pytest.param(
            {"try_number": 2, "state_store": {"kore_campaign_sent": {}}},
            id="a later try",
            marks=below(3, "the task state store"),
        ),
    ],
)
def test_execute__not_stopped(
    kore_simulator: KoreSimulator, unreadable: str, monkeypatch: pytest.MonkeyPatch, how: dict[str, Any]
):
    """Where nobody asks for it, or nobody can know who named the campaign or what was sent, nothing is sent."""
    run = stop(monkeypatch, unreadable, **how)

    assert run.state == "failed"
    kore_simulator.assert_no_writes()
