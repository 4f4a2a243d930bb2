"""Stop campaigns at the second their calling hours end, prove that they stopped, and raise the alarm if they did not.

The run begins 10 minutes before the close. Its one task reads the campaigns, waits without holding a worker, sends all
stops at the close and reads the campaigns again until they have stopped. Should a worker die on the way, the next try
goes on where it ended: the close follows from the run, not from the clock.

Whoever is on duty hears of it when the task has failed for good, and, from Airflow 3.2 on, when the stop is not
confirmed 60 seconds after the close, for whatever reason: no worker, a DAG that somebody paused, a campaign that goes
on. Put the notifier that reaches them in the place of LogNotifier.

Pausing the DAG disarms a stop that waits. A run by hand waits for the same close. On Airflow 3.3 its deadline counts
from there as well, on 3.2 from the moment it was triggered.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param

from airflow_provider_campaigns import CallingHoursDeadline, CallingHoursTimetable, StopVoiceCampaignOperator
from airflow_provider_campaigns.notifications import LogNotifier

TIMEZONE, HOURS = "Asia/Kolkata", {"MO-FR": "9:00 AM-6:00 PM"}
BEFORE_CLOSE = timedelta(minutes=10)
CONFIRMED_WITHIN = timedelta(seconds=60)

deadline: dict[str, Any] = {}
try:
    from airflow.sdk import (  # type: ignore[attr-defined]  # they are missing in its stub
        AsyncCallback,
        DeadlineAlert,
        DeadlineReference,
    )
except ImportError:
    pass  # Airflow 3.1 has no deadlines
else:
    try:
        counts_from, interval = CallingHoursDeadline(TIMEZONE, HOURS), CONFIRMED_WITHIN
    except ImportError:  # Airflow 3.2 knows when the run was queued, and not when it closes
        counts_from, interval = DeadlineReference.DAGRUN_QUEUED_AT, BEFORE_CLOSE + CONFIRMED_WITHIN
    deadline["deadline"] = DeadlineAlert(
        reference=counts_from,
        interval=interval,
        callback=AsyncCallback(
            LogNotifier,
            kwargs={
                "message": "{{ dag_run.dag_id }}, run {{ dag_run.dag_run_id }}: not confirmed 60 s after the close; "
                "look at the campaigns on the platform"
            },
        ),
    )

with DAG(
    dag_id="kore_stop_at_close",
    schedule=CallingHoursTimetable(TIMEZONE, HOURS, offset=-BEFORE_CLOSE),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 5, "retry_delay": timedelta(seconds=10)},
    params={
        "campaign_ids": Param(
            ["cd-a1e45a7-e8ba-4e97-a339-476ebc700001", "cd-a1e45a7-e8ba-4e97-a339-476ebc700002"],
            type="array",
            items={"type": "string"},
        )
    },
    tags=["kore", "example"],
    doc_md=__doc__,
    **deadline,
):
    StopVoiceCampaignOperator(
        task_id="stop",
        campaign_ids="{{ params.campaign_ids | tojson }}",
        when="calling_hours_end",
        deferrable=True,
        # Before everything else that waits for a worker, whatever its own weight is made of.
        priority_weight=1000,
        weight_rule="absolute",
        on_failure_callback=LogNotifier(
            message="{{ dag.dag_id }}, run {{ run_id }}: the stop at the close failed: {{ exception }}"
        ),
    )
