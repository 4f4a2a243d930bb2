"""The triggerer is gone at the close, or the DAG is paused: the stop comes when it can, and once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from stage import Scene, next_close

if TYPE_CHECKING:
    from stage import Stage

pytestmark = pytest.mark.timeout(420)


@dataclass
class Triggerer:
    """Two triggerers were killed, one after the other; a DAG was paused meanwhile.

    Attributes:
        taken_over: the first triggerer was killed while it waited, and the second woke its task long before the close.
        asleep: the second triggerer was killed before it could wake its task, and a third one came after the close.
        paused: it was paused before the close, and unpaused after ``asleep`` had been stopped.
        stops_while_down: how many campaigns of each were stopped before the third triggerer came.
        stops_while_paused: how many of ``paused`` were stopped before it was unpaused.
    """

    taken_over: Scene
    asleep: Scene
    paused: Scene
    stops_while_down: list[int]
    stops_while_paused: int


@pytest.fixture(scope="module")
def triggerer(stage: Stage) -> Triggerer:
    """What is left of that evening."""
    close = next_close(140)
    taken_over = stage.scene("taken_over", close=close, campaigns=4, dag_id="stop_early")
    asleep = stage.scene("asleep", close=close, campaigns=4, dag_id="stop_late")
    paused = stage.scene("paused", close=close, campaigns=4, dag_id="stop_paused")
    scenes = [taken_over, asleep, paused]
    for scene in scenes:
        scene.trigger()
    for scene in scenes:
        scene.wait_for_task("deferred")
    paused.api.pause(paused.dag_id)
    stage.airflow.kill("triggerer")
    stage.airflow.restart("triggerer")
    taken_over.wait_for_task("running", timeout_s=120)
    stage.airflow.kill("triggerer")
    asleep.wait_before_close(10)
    taken_over.wait_for_end()
    stops_while_down = [scene.stops for scene in scenes]
    stage.airflow.restart("triggerer")
    asleep.wait_for_end()
    paused.wait_for_task("scheduled")
    stops_while_paused = paused.stops
    paused.api.unpause(paused.dag_id)
    paused.wait_for_end()
    return Triggerer(taken_over, asleep, paused, stops_while_down, stops_while_paused)


def test_stop__triggerer_killed_while_it_waits(triggerer: Triggerer):
    """Another triggerer goes on with the waiting, and the stop comes at the close."""
    scene = triggerer.taken_over

    scene.assert_stopped_once()
    assert scene.tries() == [("success", 1)]
    assert [one["changed"] for one in scene.results()] == [True] * 4
    assert triggerer.stops_while_down[0] == 4


def test_stop__triggerer_down_at_the_close(triggerer: Triggerer):
    """The stop comes when a triggerer is there again, and the result says how late that was."""
    scene = triggerer.asleep

    scene.assert_stopped_once()
    assert triggerer.stops_while_down[1] == 0
    assert scene.tries() == [("success", 1)]
    assert [one["changed"] for one in scene.results()] == [True] * 4
    assert all(one["lateness_s"] > 1 for one in scene.results())


def test_stop__dag_paused_at_the_close(triggerer: Triggerer):
    """A paused DAG stops nothing; unpaused, it stops every campaign at once."""
    scene = triggerer.paused

    scene.assert_stopped_once()
    assert triggerer.stops_while_paused == 0
    assert scene.tries() == [("success", 1)]
    assert [one["changed"] for one in scene.results()] == [True] * 4
    assert all(one["lateness_s"] > 1 for one in scene.results())
