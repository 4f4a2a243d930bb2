"""What the tests of the operators share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from task_runner import TaskRun, run_task

from airflow_provider_campaigns.operators.delete import DeleteCampaignOperator
from airflow_provider_campaigns.operators.list import ListCampaignsOperator
from airflow_provider_campaigns.operators.stop import StopSmsCampaignOperator, StopVoiceCampaignOperator

if TYPE_CHECKING:
    import pytest
    from airflow.sdk import BaseOperator

    from airflow_provider_campaigns.operators.base import KoreCampaignOperator
    from airflow_provider_campaigns.simulator import KoreSimulator

Run = Callable[..., TaskRun]

STRANGER = "cd-0000000-0000-4000-8000-00000000dead"
STOPS: list[type[KoreCampaignOperator]] = [StopVoiceCampaignOperator, StopSmsCampaignOperator]
ON_CAMPAIGNS: list[type[KoreCampaignOperator]] = [*STOPS, DeleteCampaignOperator]
ARGUMENTS: dict[type[KoreCampaignOperator], dict[str, Any]] = {
    **{operator: {"campaign_id": "cd-1"} for operator in ON_CAMPAIGNS},
    ListCampaignsOperator: {"campaign_type": "voice", "name_pattern": "*"},
}
CAMPAIGN_TYPE = {StopVoiceCampaignOperator: "voice", StopSmsCampaignOperator: "sms", DeleteCampaignOperator: "voice"}


def runner(monkeypatch: pytest.MonkeyPatch, default: type[KoreCampaignOperator] | None = None, **given: Any) -> Run:
    """Makes an operator, ``default`` or another, and runs it; arguments that begin with ``run_`` are ``run_task``'s.

    A delete without a report is meant, unless the arguments say otherwise.
    """

    def run(operator: type[KoreCampaignOperator] | None = default, **arguments: Any) -> TaskRun:
        assert operator is not None
        of_run = {name[4:]: arguments.pop(name) for name in list(arguments) if name.startswith("run_")}
        meant = {"if_unreported": "delete"} if operator is DeleteCampaignOperator else {}
        return run_task(operator(**{"task_id": "task", **meant, **given, **arguments}), monkeypatch, **of_run)

    return run


def filled_in(operator: BaseOperator, **arguments: Any) -> Any:
    """An operator some of whose arguments came of a template or of another task, so that no parsing has seen them."""
    if "campaign_ids" in arguments:
        vars(operator)["campaign_id"] = None
    for name, value in arguments.items():
        setattr(operator, name, value)
    return operator


def add(simulator: KoreSimulator, operator: type[KoreCampaignOperator], number: int = 1, **fields: Any) -> list[str]:
    """Campaigns on which the operator has something to do."""
    fields = {
        "campaign_type": CAMPAIGN_TYPE[operator],
        "status": "Stopped" if operator is DeleteCampaignOperator else "Active",
        **fields,
    }
    return [simulator.add_campaign(**fields) for _ in range(number)]
