"""DAG files run by ``dag.test()``, as a user does: an Airflow of its own with a database, in a process of its own.

As a program: ``python dag_runs.py FOLDER CONFS RESULT`` runs every DAG of a folder, one after the other.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_campaigns.simulator import KoreSimulator


@dataclass(frozen=True)
class Task:
    """What became of a task, or of one instance of a mapped one.

    Attributes:
        state: as Airflow has it.
        label: the map index as the user interface names it; None if the task is not mapped.
        tries: how often it was tried.
        result: what it returned.
    """

    state: str
    label: str | None
    tries: int
    result: Any


@dataclass(frozen=True)
class DagRun:
    """What became of a DAG run: its state and its tasks, mapped ones in order."""

    state: str
    tasks: dict[str, list[Task]]

    def only(self, task_id: str) -> Task:
        """The only instance of a task."""
        (task,) = self.tasks[task_id]
        return task


def run_dags(
    folder: Path, simulator: KoreSimulator, home: Path, *, confs: dict[str, dict[str, Any]] | None = None
) -> dict[str, DagRun]:
    """Run every DAG of a folder against the simulator; ``confs`` are the runs' by DAG id."""
    result = home / "result.json"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")},
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_KORE_DEFAULT": simulator.connection_json(requests_per_minute=6000),
    }
    for command in (
        ["-m", "airflow", "db", "migrate"],
        [__file__, str(folder), json.dumps(confs or {}), str(result)],
    ):
        done = subprocess.run(
            [sys.executable, *command], env=environment, capture_output=True, text=True, check=False, timeout=540
        )
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-8000:]
    return {
        dag_id: DagRun(
            run["state"], {task_id: [Task(**one) for one in instances] for task_id, instances in run["tasks"].items()}
        )
        for dag_id, run in json.loads(result.read_text()).items()
    }


def main(folder: str, confs: str, result: str) -> None:
    """Run the DAGs and write what became of them."""
    from airflow_names import DagBag

    bag = DagBag(folder)
    assert bag.import_errors == {}
    became: dict[str, Any] = {}
    for dag_id, dag in sorted(bag.dags.items()):
        run = dag.test(run_conf=json.loads(confs).get(dag_id))
        tasks: dict[str, list[dict[str, Any]]] = {}
        for one in sorted(run.get_task_instances(), key=lambda one: (one.task_id, one.map_index)):
            tasks.setdefault(one.task_id, []).append({
                "state": one.state,
                "label": one.rendered_map_index,
                "tries": one.try_number,
                "result": one.xcom_pull(task_ids=one.task_id, map_indexes=one.map_index),
            })
        became[dag_id] = {"state": run.state, "tasks": tasks}
    Path(result).write_text(json.dumps(became))


if __name__ == "__main__":
    main(*sys.argv[1:])
