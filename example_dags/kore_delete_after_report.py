"""Delete one campaign once its results are saved: without a complete report of its latest run, nothing is deleted.

Triggered by hand with the campaign's id and name. The name is compared before anything is deleted, and a campaign that
runs is refused.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Param

from airflow_provider_campaigns import CampaignReportOperator, DeleteCampaignOperator

HERE = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "kore"

with DAG(
    dag_id="kore_delete_after_report",
    schedule=None,
    max_active_runs=1,
    default_args={"retries": 5, "retry_delay": timedelta(seconds=10)},
    params={
        "campaign_id": Param("cd-a1e45a7-e8ba-4e97-a339-476ebc700004", type="string"),
        "name": Param("Winback calls", type="string"),
        "output_path": Param(str(HERE / "reports"), type="string", description="Or s3://connection@bucket/reports"),
        "archive_path": Param(str(HERE / "deleted"), type="string"),
    },
    tags=["kore", "example"],
    doc_md=__doc__,
):
    report = CampaignReportOperator(
        task_id="report", campaign_id="{{ params.campaign_id }}", output_path="{{ params.output_path }}"
    )
    DeleteCampaignOperator(
        task_id="delete",
        report=report.output,
        archive_path="{{ params.archive_path }}",
        expected_name="{{ params.name }}",
    )
