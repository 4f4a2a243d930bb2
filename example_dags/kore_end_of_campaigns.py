"""The end of many campaigns: stop them at their close, save their results, ask somebody, delete them.

Chooses voice and SMS campaigns by name, once: a campaign that is created or renamed meanwhile is not touched. Each is
stopped at the second its calling hours end, by one task for all of a type, because they share the account's 60 requests
a minute. Fifteen minutes later its results are saved. Then one person looks at the figures of all reports (*Required
Actions* in the user interface) and says whether the campaigns may be deleted; no answer within 12 hours is a no.

Start it at least two minutes before the close; put a CallingHoursTimetable in the place of schedule=None to have that
done every day. Every report tells its asset, which kore_load_warehouse waits for.
"""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk import DAG, Asset, Param

from airflow_provider_campaigns import end_of_campaign

HERE = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "kore"

with DAG(
    dag_id="kore_end_of_campaigns",
    schedule=None,
    max_active_runs=1,
    params={
        "name_pattern": Param("Spring *", type="string", description="Which campaigns: *, ? and [...]"),
        "when": Param("calling_hours_end", enum=["calling_hours_end", "now"]),
        "grace_period": Param("900", type="string", description="Seconds from the stop to the report"),
        "output_path": Param(str(HERE / "reports"), type="string", description="Or s3://connection@bucket/reports"),
        "archive_path": Param(str(HERE / "deleted"), type="string"),
    },
    tags=["kore", "example"],
    doc_md=__doc__,
):
    end_of_campaign(
        name_pattern="{{ params.name_pattern }}",
        when="{{ params.when }}",
        grace_period="{{ params.grace_period }}",
        output_path="{{ params.output_path }}",
        archive_path="{{ params.archive_path }}",
        report_outlets=[Asset("kore_campaign_reports")],
    )
