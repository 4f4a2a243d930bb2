"""The example DAGs, as files: they parse with nothing defined, and look as a reader expects."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from airflow_names import DagBag, below, since, weight_rule_of

EXAMPLES = Path(__file__).resolve().parents[1] / "example_dags"

TASKS = {
    "kore_delete_after_report": ["delete", "report"],
    "kore_end_of_campaigns": [
        *(
            f"end_of_campaign.{one}"
            for one in ("approve", "approved", "campaign.report", "campaign.settle", "campaigns")
        ),
        *(f"end_of_campaign.{one}" for one in ("choose_sms", "choose_voice", "delete", "outcome")),
        *(f"end_of_campaign.{one}" for one in ("stop_sms", "stop_voice")),
    ],
    "kore_load_warehouse": ["load"],
    "kore_stop_at_close": ["stop"],
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


def test_stop_at_close__begins_early_and_weighs_most(dagbag: DagBag):
    """The run comes 10 minutes before the close, and its task before any other that waits for a worker."""
    dag = dagbag.dags["kore_stop_at_close"]

    assert dag.timetable.offset == timedelta(minutes=-10)
    assert dag.task_dict["stop"].priority_weight == 1000
    assert weight_rule_of(dag.task_dict["stop"]) == "absolute"


@since(3, "deadlines of one's own")
def test_stop_at_close__deadline(dagbag: DagBag):
    """A minute after the close the triggerer calls what it can import: no DAG file."""
    dag = dagbag.dags["kore_stop_at_close"]
    (alert,) = dag.deadline

    assert alert.reference.schedule.hours == dag.timetable.hours
    assert alert.interval == timedelta(minutes=1)
    assert alert.callback.path == "airflow_provider_campaigns.notifications.LogNotifier"


@below(2, "deadlines")
def test_stop_at_close__without_deadlines(dagbag: DagBag):
    """Without deadlines the DAG is the same but for the alert: a stop that fails is still told of."""
    dag = dagbag.dags["kore_stop_at_close"]

    assert getattr(dag, "deadline", None) is None
    assert dag.task_dict["stop"].on_failure_callback
