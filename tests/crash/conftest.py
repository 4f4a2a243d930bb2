"""One real Airflow for all crashes; it notices sooner than by default that a component or a worker is gone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from stage import Stage

from demo.airflow_stack import AirflowStack

if TYPE_CHECKING:
    from collections.abc import Iterator

DAGS_FOLDER = Path(__file__).parent / "dags"
# By default 300, 10, 300, 30 and 30 seconds.
IMPATIENT = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__CORE__PARALLELISM": "16",
}


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The Airflow, with services to come."""
    if not sys.platform.startswith("linux"):
        pytest.skip("a task's process is found by its title in /proc")
    home = tmp_path_factory.mktemp("crash") / "airflow home"
    with AirflowStack(home, DAGS_FOLDER, env=IMPATIENT) as airflow, Stage(airflow) as stage:
        yield stage
