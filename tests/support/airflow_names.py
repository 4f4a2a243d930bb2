"""What Airflow calls differently in the versions that are supported, under the newest version's names.

The package itself needs none of it: what it uses of Airflow comes through ``airflow.providers.common.compat.sdk``.
"""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

AIRFLOW = tuple(int(part) for part in version("apache-airflow-core").split(".")[:2])

if AIRFLOW >= (3, 2):
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk.serde import deserialize
    from airflow.serialization.serialized_objects import DagSerialization
else:
    with warnings.catch_warnings():
        # As in conftest.py, which is not read yet.
        warnings.filterwarnings("ignore", "The `airflow.operators.branch")
        from airflow.models.dagbag import DagBag
    from airflow.serialization.serde import deserialize
    from airflow.serialization.serialized_objects import SerializedDAG as DagSerialization

__all__ = [
    "AIRFLOW",
    "DagBag",
    "DagSerialization",
    "below",
    "deserialize",
    "first_run",
    "forget_secrets",
    "hooks_of_a_task",
    "sending_metrics",
    "since",
    "weight_rule_of",
]


def since(minor: int, what: str) -> pytest.MarkDecorator:
    """For a test of what came with Airflow 3.``minor``."""
    return pytest.mark.skipif((3, minor) > AIRFLOW, reason=f"{what} came with Airflow 3.{minor}")


def below(minor: int, what: str) -> pytest.MarkDecorator:
    """For a test of what is done instead on an Airflow that lacks it."""
    return pytest.mark.skipif((3, minor) <= AIRFLOW, reason=f"only below Airflow 3.{minor}, which brings {what}")


def forget_secrets() -> None:
    """Have Airflow mask nothing any more: with each secret it makes one pattern of all of them, longer each time."""
    for package in ("airflow", "airflow.sdk"):
        masker = sys.modules.get(f"{package}._shared.secrets_masker.secrets_masker")
        if masker is not None:
            masker.reset_secrets_masker()


def first_run(dag: Any) -> Any:
    """What the scheduler makes of a stored DAG that never ran."""
    return dag.next_dagrun_info(**{"last_automated_run_info" if AIRFLOW >= (3, 2) else "last_automated_dagrun": None})


def hooks_of_a_task() -> Any:
    """The hooks by connection type, as a running task finds them."""
    if AIRFLOW >= (3, 2):
        from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

        return ProvidersManagerTaskRuntime().hooks
    from airflow.providers_manager import ProvidersManager

    return ProvidersManager().hooks


@contextmanager
def sending_metrics() -> Iterator[None]:
    """Metrics as Airflow sets them up, from its configuration, when it begins to run a task; closed in the end."""
    made: list[Any] = []
    if AIRFLOW >= (3, 2):
        from airflow.sdk._shared.observability.metrics.base_stats_logger import NoStatsLogger
        from airflow.sdk.observability import stats
        from airflow.sdk.observability.metrics import stats_utils

        make = stats_utils.get_stats_factory()

        def factory() -> Any:
            made.append(make())
            return made[-1]

        stats.initialize(factory=factory, export_legacy_names=False)
        yield
        stats.initialize(factory=NoStatsLogger, export_legacy_names=True)
    else:
        from airflow.metrics.base_stats_logger import NoStatsLogger
        from airflow.metrics.statsd_logger import get_statsd_logger
        from airflow.stats import Stats

        made.append(get_statsd_logger(Stats))
        Stats.instance, Stats._instance_pid = made[0], os.getpid()
        yield
        Stats.instance = NoStatsLogger()
    for one in made:
        one.statsd.close()


def weight_rule_of(task: Any) -> str:
    """A task's weight rule, by its name."""
    if isinstance(task.weight_rule, str):
        return str(task.weight_rule)
    from airflow.task.priority_strategy import validate_and_load_priority_weight_strategy as made

    return next(name for name in ("absolute", "downstream", "upstream") if made(name) == task.weight_rule)
