"""What importing hooks and operators costs on top of Airflow's SDK, in processes of their own."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

from benchmarks.timing import table

RUNS = 7
HEAVY = ("requests", "jwt", "cryptography", "aiohttp", "fastapi", "pyarrow", "wtforms")
CANDIDATES = {
    "this provider (hook and all operators)": (
        "airflow_provider_campaigns.hooks",
        "airflow_provider_campaigns.operators.stop",
        "airflow_provider_campaigns.operators.delete",
        "airflow_provider_campaigns.operators.start",
        "airflow_provider_campaigns.operators.list",
    ),
    "http provider (hook and operator)": (
        "airflow.providers.http.hooks.http",
        "airflow.providers.http.operators.http",
    ),
}
_CODE = """
import json, sys, time
from importlib import import_module
from airflow.sdk import BaseHook, BaseOperator
modules, cpu = set(sys.modules), time.process_time()
for name in {names!r}:
    import_module(name)
print(json.dumps([(time.process_time() - cpu) * 1000, sorted(set(sys.modules) - modules)]))
"""


def run() -> str:
    """Measure and tell."""
    costs: dict[str, list[float]] = {name: [] for name in CANDIDATES}
    loaded: dict[str, list[str]] = {}
    for _ in range(RUNS + 1):
        for name, modules in CANDIDATES.items():
            printed = subprocess.run(
                [sys.executable, "-c", _CODE.format(names=modules)], capture_output=True, text=True, check=True
            ).stdout
            milliseconds, new = json.loads(printed.splitlines()[-1])
            costs[name].append(milliseconds)
            loaded[name] = [one for one in new if one.split(".")[0] in HEAVY]
    medians = {name: statistics.median(one[1:]) for name, one in costs.items()}  # the first may compile bytecode
    heavy = sorted({one.split(".")[0] for one in loaded["this provider (hook and all operators)"]})
    return (
        table("Import on top of airflow.sdk, CPU (target: <= 50 ms)", medians, unit="ms")
        + f"\n  heavy libraries loaded by this provider: {', '.join(heavy) or 'none'}"
    )
