"""What ``benchmarks/stop_at_close.py`` lets stop campaigns: this provider's operator, a Python loop, an HTTP operator.

The alternatives get what they could not easily have by themselves: a token that is signed already, in the connection,
and stream and campaign ids.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta

from airflow.providers.http.operators.http import HttpOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, BaseHook

from airflow_provider_campaigns import StopVoiceCampaignOperator

CAMPAIGN_IDS = json.loads(os.environ["BENCHMARK_CAMPAIGN_IDS"])
STREAM_ID = os.environ["BENCHMARK_STREAM_ID"]
STOP_PATHS = [
    f"/campaign/api/v1/public/{STREAM_ID}/campaign/{campaign_id}?campaignType=voice&trigger=stop"
    for campaign_id in CAMPAIGN_IDS
]


def stop_one_after_the_other() -> None:
    """What a cron task does: a request for each campaign, over one session."""
    import requests  # noqa: PLC0415 - as in any task: not when the file is parsed

    connection = BaseHook.get_connection("benchmark_http")
    with requests.Session() as session:
        session.headers.update(connection.extra_dejson)
        for path in STOP_PATHS:
            session.post(f"{connection.host}{path}", data="{}", timeout=30).raise_for_status()


with DAG("benchmark_operator", schedule=None):
    StopVoiceCampaignOperator(
        task_id="stop",
        campaign_ids=CAMPAIGN_IDS,
        when="calling_hours_end",
        deferrable=True,
        retries=2,
        retry_delay=timedelta(seconds=10),
    )

with DAG("benchmark_loop", schedule=None):
    PythonOperator(task_id="stop", python_callable=stop_one_after_the_other)

with DAG("benchmark_mapped", schedule=None):
    HttpOperator.partial(task_id="stop", http_conn_id="benchmark_http", data="{}").expand(endpoint=STOP_PATHS)
