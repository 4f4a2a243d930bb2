"""What Airflow calls differently in the versions that are supported, under the newest version's names.

The package itself needs none of it: what it uses of Airflow comes through ``airflow.providers.common.compat.sdk``.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import pytest

AIRFLOW = tuple(int(part) for part in version("apache-airflow-core").split(".")[:2])

if AIRFLOW >= (3, 2):
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk.serde import deserialize
    from airflow.serialization.serialized_objects import DagSerialization
else:
    from airflow.models.dagbag import DagBag
    from airflow.serialization.serde import deserialize
    from airflow.serialization.serialized_objects import SerializedDAG as DagSerialization

__all__ = ["AIRFLOW", "DagBag", "DagSerialization", "below", "deserialize", "first_run", "hooks_of_a_task", "since"]


def since(minor: int, what: str) -> pytest.MarkDecorator:
    """For a test of what came with Airflow 3.``minor``."""
    return pytest.mark.skipif((3, minor) > AIRFLOW, reason=f"{what} came with Airflow 3.{minor}")


def below(minor: int, what: str) -> pytest.MarkDecorator:
    """For a test of what is done instead on an Airflow that lacks it."""
    return pytest.mark.skipif((3, minor) <= AIRFLOW, reason=f"only below Airflow 3.{minor}, which brings {what}")


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
