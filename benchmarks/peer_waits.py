"""``python -m benchmarks.peer_waits databricks|airbyte PORT``, in ``.venv-peers``: measure one provider's trigger.

Prints a ``Measured`` as JSON. Imports nothing of this package.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from benchmarks.deferred import POLL_INTERVAL_S, WAITS, measure
from benchmarks.peer_service import PeerService

if TYPE_CHECKING:
    from airflow.triggers.base import BaseTrigger

AIRBYTE_WAITS = 50
"""Each of its looks blocks the event loop; a thousand would take minutes for one cycle."""


def databricks(port: int) -> dict[str, BaseTrigger]:
    """As ``DatabricksSubmitRunOperator(deferrable=True)`` defers."""
    from airflow.providers.databricks.triggers.databricks import (  # type: ignore[import-not-found]  # noqa: PLC0415
        DatabricksExecutionTrigger,
    )

    connection = {"conn_type": "databricks", "schema": "http", "host": "127.0.0.1", "port": port, "password": "token"}
    os.environ["AIRFLOW_CONN_DATABRICKS_DEFAULT"] = json.dumps(connection)
    return {
        str(run_id): DatabricksExecutionTrigger(
            run_id=run_id, databricks_conn_id="databricks_default", polling_period_seconds=int(POLL_INTERVAL_S)
        )
        for run_id in range(1, WAITS + 1)
    }


def airbyte(port: int) -> dict[str, BaseTrigger]:
    """As ``AirbyteTriggerSyncOperator(deferrable=True)`` defers."""
    from airflow.providers.airbyte.triggers.airbyte import (  # type: ignore[import-not-found]  # noqa: PLC0415
        AirbyteSyncTrigger,
    )

    connection = {
        "conn_type": "airbyte",
        "host": f"http://127.0.0.1:{port}/v1",
        "login": "client",
        "password": "secret",
    }
    os.environ["AIRFLOW_CONN_AIRBYTE_DEFAULT"] = json.dumps(connection)
    return {
        str(job_id): AirbyteSyncTrigger(
            job_id=job_id, conn_id="airbyte_default", end_time=time.time() + 3600, poll_interval=POLL_INTERVAL_S
        )
        for job_id in range(1, AIRBYTE_WAITS + 1)
    }


async def _main(peer: str, port: int) -> None:
    triggers = {"databricks": databricks, "airbyte": airbyte}[peer](port)
    measured = await measure(triggers, PeerService(port))
    print(json.dumps(asdict(measured)))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2])))
