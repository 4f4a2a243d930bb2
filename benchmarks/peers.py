"""The triggers of the Databricks and Airbyte providers, measured in their own environment beside ours."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

from benchmarks.deferred import Measured
from benchmarks.peer_environment import ROOT
from benchmarks.peer_service import peer_service

if TYPE_CHECKING:
    from pathlib import Path

PEERS = {"databricks": "DatabricksExecutionTrigger", "airbyte": "AirbyteSyncTrigger"}
TIMEOUT_S = 80.0


def measure_peers(python: Path) -> dict[str, Measured]:
    """Each in a process of its own, on a service of its own.

    Args:
        python: of the peers' environment.

    Raises:
        RuntimeError: one of them failed.
        subprocess.TimeoutExpired: one of them took too long, and was ended.
    """
    return {name: _measure([str(python), "-m", "benchmarks.peer_waits", peer]) for peer, name in PEERS.items()}


def _measure(command: list[str]) -> Measured:
    # Nothing of our environment but Airflow's settings.
    ours = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    env = {name: value for name, value in os.environ.items() if name not in ours}
    with peer_service() as service:
        done = subprocess.run(
            [*command, str(service.port)],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[2:])} failed: {done.stderr[-2000:]}")
    return Measured(**json.loads(done.stdout.splitlines()[-1]))
