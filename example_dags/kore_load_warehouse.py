"""Load the results of campaigns into a warehouse, as soon as their reports are there.

Runs on the asset that kore_end_of_campaigns updates. The event's extra names the manifest of each report; one that is
not complete is not loaded. The warehouse here is a file of SQLite; a run that is repeated replaces what it loaded.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Asset, ObjectStoragePath, Param, get_current_context, task

log = logging.getLogger(__name__)

REPORTS = Asset("kore_campaign_reports")
HERE = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "kore"

TABLE = """
CREATE TABLE IF NOT EXISTS contacts (
    campaign_id TEXT, campaign_instance_id TEXT, unique_id TEXT, outcome TEXT, attempts INTEGER, row TEXT
)
"""


@task(multiple_outputs=False)
def load() -> dict[str, int]:
    """Load every complete report that the events tell of; rows by campaign."""
    context = get_current_context()
    warehouse = Path(context["params"]["warehouse"])
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    loaded = {}
    with closing(sqlite3.connect(warehouse)) as connection:
        for event in context["triggering_asset_events"][REPORTS]:
            for campaign in event.extra.get("campaigns", []):
                rows = load_report(campaign["manifest_url"], connection)
                if rows is not None:
                    loaded[campaign["campaign_id"]] = rows
    return loaded


def load_report(manifest_url: str, connection: sqlite3.Connection) -> int | None:
    """Replace what the warehouse has of one run of a campaign; the rows, None if the report is not complete."""
    url = ObjectStoragePath(manifest_url)
    manifest: dict[str, Any] = json.loads(url.read_text())
    run = (manifest["campaign_id"], manifest["campaign_instance_id"])
    if not manifest["complete"]:
        log.warning("campaign %s: its report is not complete (%s); it is not loaded", run[0], manifest["reason"])
        return None
    if "contacts.jsonl" not in manifest["files"]:
        return 0
    with connection, (url.parent / "contacts.jsonl").open("rb") as lines:  # type: ignore[no-untyped-call]
        connection.execute(TABLE)
        connection.execute("DELETE FROM contacts WHERE campaign_id = ? AND campaign_instance_id IS ?", run)
        connection.executemany(
            "INSERT INTO contacts VALUES (?, ?, ?, ?, ?, ?)", (values_of(line, run) for line in lines)
        )
    log.info("campaign %s: %d contacts are in the warehouse", run[0], manifest["rows"])
    return int(manifest["rows"])


def values_of(line: bytes, run: tuple[str, str | None]) -> tuple[object, ...]:
    """A contact as the table has it."""
    row = json.loads(line)
    return (*run, row.get("uniqueId"), row.get("dialerOutcome"), row.get("numberOfAttemptsSoFar"), line.decode())


with DAG(
    dag_id="kore_load_warehouse",
    schedule=[REPORTS],
    max_active_runs=1,
    default_args={"retries": 5, "retry_delay": timedelta(seconds=10)},
    params={"warehouse": Param(str(HERE / "warehouse.sqlite"), type="string")},
    tags=["kore", "example"],
    doc_md=__doc__,
):
    load()
