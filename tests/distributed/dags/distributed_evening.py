"""The evening as the distributed test runs it: stop and report all campaigns, then delete each by its report."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider_campaigns import (
    CampaignReportOperator,
    DeleteCampaignOperator,
    ListCampaignsOperator,
    StopVoiceCampaignOperator,
)

with DAG(
    "distributed_evening",
    schedule=None,
    max_active_runs=1,
    default_args={"retries": 5, "retry_delay": timedelta(seconds=10)},
):
    choose = ListCampaignsOperator(task_id="choose", campaign_type="voice", name_pattern="Evening *", max_campaigns=50)
    stop = StopVoiceCampaignOperator(
        task_id="stop",
        campaign_ids=choose.output,
        when="calling_hours_end",
        lead_time=timedelta(seconds=20),  # the test cannot wait for the minute that it is otherwise
        deferrable=True,
        priority_weight=100,
    )
    report = CampaignReportOperator(
        task_id="report",
        campaign_ids=stop.output,
        output_path="{{ dag_run.conf['output_path'] }}",  # a folder that both workers have, as they would a bucket
    )
    DeleteCampaignOperator.partial(task_id="delete", campaign_type="voice").expand(report=report.output)
