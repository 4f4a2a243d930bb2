"""Delete a campaign once its results are saved: the delete waits for the report, and a running campaign is refused.

Triggered by hand with the campaign's id and name. The name is compared before anything is deleted.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from airflow.sdk import DAG, Param, task

from airflow_provider_campaigns import DeleteCampaignOperator

log = logging.getLogger(__name__)


@task
def report_placeholder(campaign_id: str) -> None:
    """Save nothing: put your own report here. After the delete the service keeps no results."""
    log.warning("campaign %s: this placeholder saves no results", campaign_id)


with DAG(
    dag_id="kore_delete_after_report",
    schedule=None,
    max_active_runs=1,
    default_args={"retries": 5, "retry_delay": timedelta(seconds=10)},
    params={
        "campaign_id": Param("cd-a1e45a7-e8ba-4e97-a339-476ebc700004", type="string"),
        "name": Param("Winback calls", type="string"),
    },
    tags=["kore", "example"],
    doc_md=__doc__,
):
    report = report_placeholder("{{ params.campaign_id }}")
    delete = DeleteCampaignOperator(
        task_id="delete",
        campaign_id="{{ params.campaign_id }}",
        expected_name="{{ params.name }}",
        if_running="fail",
    )
    report >> delete
