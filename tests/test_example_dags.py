"""The example DAGs, as files: they parse with nothing defined, and look as a reader expects."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag

EXAMPLES = Path(__file__).resolve().parents[1] / "example_dags"

TASKS = {
    "kore_delete_after_report": ["delete", "report_placeholder"],
    "kore_end_of_campaigns": ["choose_sms", "choose_voice", "delete", "report_placeholder", "stop_sms", "stop_voice"],
    "kore_stop_at_night": ["stop"],
}


@pytest.fixture(scope="module")
def dagbag() -> DagBag:
    """All examples, parsed without a connection and without a database."""
    return DagBag(str(EXAMPLES))


def test_examples__parse_without_connections(dagbag: DagBag):
    """No example needs anything to be parsed."""
    assert dagbag.import_errors == {}
    assert sorted(dagbag.dags) == sorted(TASKS)


@pytest.mark.parametrize(("dag_id", "tasks"), TASKS.items())
def test_examples__tasks(dagbag: DagBag, dag_id: str, tasks: list[str]):
    """Each example has these tasks."""
    assert sorted(dagbag.dags[dag_id].task_ids) == tasks


@pytest.mark.parametrize("dag_id", TASKS)
def test_examples__are_told_and_guarded(dagbag: DagBag, dag_id: str):
    """Each example explains itself, runs once at a time, and retries."""
    dag = dagbag.dags[dag_id]

    assert dag.doc_md
    assert dag.max_active_runs == 1
    assert {task.retries for task in dag.tasks} == {5}


def test_examples__one_story_per_file():
    """A file is named as the one DAG in it."""
    assert sorted(path.stem for path in EXAMPLES.glob("*.py")) == sorted(TASKS)
