"""Load the results of campaigns into a warehouse, as soon as their reports are there.

The asset that kore_end_of_campaigns updates tells when to look; what there is to load, the folder of the reports says.
So nothing depends on which run Airflow gives an event to. A report that is not complete is not loaded; one that is, is
loaded once, and again only if it was made anew. The warehouse here is a file of SQLite.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Asset, ObjectStoragePath, Param, task

log = logging.getLogger(__name__)

REPORTS = Asset("kore_campaign_reports")
HERE = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "kore"

TABLES = """
CREATE TABLE IF NOT EXISTS contacts (
    campaign_id TEXT, run TEXT, unique_id TEXT, outcome TEXT, attempts INTEGER, row TEXT
);
CREATE TABLE IF NOT EXISTS loaded (
    campaign_id TEXT, run TEXT, manifest_sha256 TEXT, PRIMARY KEY (campaign_id, run)
);
"""


@task(multiple_outputs=False)
def load(output_path: str, warehouse: str) -> dict[str, int]:
    """Load every complete report that the warehouse does not have yet; rows by campaign and run."""
    Path(warehouse).parent.mkdir(parents=True, exist_ok=True)
    loaded = {}
    with closing(sqlite3.connect(warehouse)) as connection:
        connection.executescript(TABLES)
        for manifest in ObjectStoragePath(output_path).glob("*/*/manifest.json"):  # campaign id, run
            rows = load_report(manifest.parent, connection)
            if rows is not None:
                loaded["/".join(run_of(manifest.parent))] = rows
    return loaded


def load_report(folder: ObjectStoragePath, connection: sqlite3.Connection) -> int | None:
    """Replace what the warehouse has of a campaign's run; the rows, None if there is nothing to load."""
    content = (folder / "manifest.json").read_bytes()
    run, digest, manifest = run_of(folder), hashlib.sha256(content).hexdigest(), json.loads(content)
    known = connection.execute("SELECT manifest_sha256 FROM loaded WHERE (campaign_id, run) = (?, ?)", run)
    if known.fetchone() == (digest,):
        return None
    if not manifest["complete"]:
        log.warning("%s is not complete (%s); it is not loaded", folder, manifest["reason"])
        return None
    name = next((one for one in manifest["files"] if one.endswith(".jsonl")), None)
    if name is None:
        log.info("%s has no rows to load", folder)
        return None
    with connection, (folder / name).open("rb") as lines:
        connection.execute("DELETE FROM contacts WHERE (campaign_id, run) = (?, ?)", run)
        connection.executemany(
            "INSERT INTO contacts VALUES (?, ?, ?, ?, ?, ?)", (values_of(line, run) for line in lines)
        )
        connection.execute("REPLACE INTO loaded VALUES (?, ?, ?)", (*run, digest))
    log.info("%s: %d contacts are in the warehouse", folder, manifest["rows"])
    return int(manifest["rows"])


def run_of(folder: ObjectStoragePath) -> tuple[str, str]:
    """Which campaign, and which run of it, a report is of."""
    return folder.parent.name, folder.name


def values_of(line: bytes, run: tuple[str, str]) -> tuple[object, ...]:
    """A contact as the table has it."""
    row = json.loads(line)
    return (*run, row.get("uniqueId"), row.get("dialerOutcome"), row.get("numberOfAttemptsSoFar"), line.decode())


with DAG(
    dag_id="kore_load_warehouse",
    schedule=[REPORTS],
    max_active_runs=1,
    default_args={"retries": 5, "retry_delay": timedelta(seconds=10)},
    params={
        "output_path": Param(str(HERE / "reports"), type="string", description="As that of kore_end_of_campaigns"),
        "warehouse": Param(str(HERE / "warehouse.sqlite"), type="string"),
    },
    tags=["kore", "example"],
    doc_md=__doc__,
):
    load("{{ params.output_path }}", "{{ params.warehouse }}")
