"""The whole evening as the distributed test runs it: the task group of `end_of_campaign`, without its waits."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider_campaigns import end_of_campaign

with DAG("distributed_evening", schedule=None, max_active_runs=1):
    end_of_campaign(
        name_pattern="Evening *",
        campaign_types=["voice"],
        output_path="{{ dag_run.conf['output_path'] }}",  # a folder that both workers have, as they would a bucket
        grace_period=0,
        approve=False,
    )
