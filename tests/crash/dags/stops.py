"""The DAGs whose tasks the tests kill; a run's conf names the service and the campaigns."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider_campaigns import StopVoiceCampaignOperator

# Seconds before the close at which a worker is ready; a minute is the least.
LEADS = {"stop": 60, "stop_early": 95, "stop_late": 60, "stop_paused": 60}

for dag_id, lead_time in LEADS.items():
    with DAG(dag_id, schedule=None, max_active_runs=16):
        StopVoiceCampaignOperator(
            task_id="stop",
            kore_conn_id="{{ dag_run.conf['kore_conn_id'] }}",
            campaign_ids="{{ dag_run.conf['campaign_ids'] | tojson }}",
            when="calling_hours_end",
            deferrable=True,
            lead_time=lead_time,
            poll_interval=1,
            retries=3,
            retry_delay=timedelta(seconds=1),
        )
