"""Stop one campaign when its calling hours end: the smallest useful DAG.

The campaign's hours are Monday to Friday, 9:00 AM to 6:00 PM in Kolkata; put your own id, time and zone there.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Param

from airflow_provider_campaigns import CallingHoursTimetable, StopVoiceCampaignOperator

with DAG(
    dag_id="kore_stop_at_night",
    # At the close, not 10 minutes before it as by default: this stop is sent at once, and would end the campaign early.
    schedule=CallingHoursTimetable(
        "Asia/Kolkata", {"MO-FR": "9:00 AM-6:00 PM"}, event="last_close", offset=timedelta(0)
    ),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 5, "retry_delay": timedelta(seconds=10)},
    params={"campaign_id": Param("cd-a1e45a7-e8ba-4e97-a339-476ebc700001", type="string")},
    tags=["kore", "example"],
    doc_md=__doc__,
):
    StopVoiceCampaignOperator(task_id="stop", campaign_id="{{ params.campaign_id }}")
