"""The end of many campaigns: choose them by name, stop them, report each, delete each.

One task stops all campaigns of a type, because they share the account's 60 requests a minute; report and delete are
mapped over the campaigns, so that each has its own log and its own retries. The choice is made once: a campaign that
is created or renamed meanwhile is not touched.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from airflow.sdk import DAG, Param, get_current_context, task

from airflow_provider_campaigns import (
    DeleteCampaignOperator,
    ListCampaignsOperator,
    StopSmsCampaignOperator,
    StopVoiceCampaignOperator,
)

log = logging.getLogger(__name__)


@task(map_index_template="{{ campaign_name }}")
def report_placeholder(campaign: dict[str, str]) -> None:
    """Save nothing: put your own report here. After the delete the service keeps no results."""
    get_current_context()["campaign_name"] = campaign["name"]  # type: ignore[typeddict-unknown-key]
    log.warning("campaign %s: this placeholder saves no results", campaign["campaign_id"])


with DAG(
    dag_id="kore_end_of_campaigns",
    schedule=None,
    max_active_runs=1,
    default_args={"retries": 5, "retry_delay": timedelta(seconds=10)},
    params={"name_pattern": Param("Spring *", type="string", description="Which campaigns: *, ? and [...]")},
    tags=["kore", "example"],
    doc_md=__doc__,
):
    voice = ListCampaignsOperator(
        task_id="choose_voice", campaign_type="voice", name_pattern="{{ params.name_pattern }}"
    )
    sms = ListCampaignsOperator(task_id="choose_sms", campaign_type="sms", name_pattern="{{ params.name_pattern }}")
    stop_voice = StopVoiceCampaignOperator(task_id="stop_voice", campaign_ids=voice.output)
    stop_sms = StopSmsCampaignOperator(task_id="stop_sms", campaign_ids=sms.output)

    chosen = voice.output.concat(sms.output)
    report = report_placeholder.expand(campaign=chosen)
    delete = DeleteCampaignOperator.partial(
        task_id="delete", map_index_template="{{ task.campaign_id }}", if_running="fail"
    ).expand_kwargs(chosen.map(lambda chosen: {"campaign_id": chosen["campaign_id"], "expected_name": chosen["name"]}))

    [stop_voice, stop_sms] >> report >> delete
