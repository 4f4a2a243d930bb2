"""The simulator in a process of its own, as a user's service would be."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def simulator(*arguments: str) -> Iterator[dict[str, Any]]:
    """Run the simulator for as long as the block lasts; its Airflow connection as a dict."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "airflow_provider_campaigns.simulator",
            "--port",
            "0",
            "--control-port",
            "0",
            *arguments,
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        printed = ""
        while "AIRFLOW_CONN_KORE_DEFAULT" not in printed:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the simulator ended: {printed}")
            printed += line
        found = re.search(r"AIRFLOW_CONN_KORE_DEFAULT='(.*)'", printed)
        assert found is not None
        yield json.loads(found[1])
    finally:
        process.terminate()
        process.wait(timeout=10)
