"""A component of Airflow is gone at the close, or the DAG is paused: the stop comes when it can, and once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from stage import Scene, next_close, wait_until

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
    close = next_close(90)
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


@dataclass
class Scheduler:
    """The scheduler was killed before the close and came again after it.

    Attributes:
        armed: a worker was ready before.
        asleep: its task was to be woken while there was no scheduler.
        stops_while_down: how many campaigns of each were stopped meanwhile.
    """

    armed: Scene
    asleep: Scene
    stops_while_down: list[int]


@pytest.fixture(scope="module")
def scheduler(stage: Stage) -> Scheduler:
    """What is left of that evening."""
    close = next_close(60)
    armed = stage.scene("scheduler_armed", close=close, campaigns=4, dag_id="stop_early")
    asleep = stage.scene("scheduler_asleep", close=close, campaigns=4, dag_id="stop_late")
    scenes = [armed, asleep]
    for scene in scenes:
        scene.trigger()
    for scene in scenes:
        scene.wait_for_task("deferred")
    armed.wait_for_task("running", timeout_s=120)
    stage.airflow.kill("scheduler")
    asleep.wait_before_close(10)
    armed.wait_for_task("success")
    asleep.wait_for_task("scheduled")
    stops_while_down = [scene.stops for scene in scenes]
    stage.airflow.restart("scheduler")
    for scene in scenes:
        scene.wait_for_end()
    return Scheduler(armed, asleep, stops_while_down)


def test_stop__scheduler_killed_when_a_worker_is_ready(scheduler: Scheduler):
    """A worker that is ready needs no scheduler: the stop comes at the close, and is not repeated."""
    scene = scheduler.armed

    scene.assert_stopped_once()
    assert scheduler.stops_while_down[0] == 4
    assert scene.tries() == [("success", 1)]
    assert [one["changed"] for one in scene.results()] == [True] * 4
    assert len(scene.simulator.requests.of("stop")) == 4


def test_stop__scheduler_down_at_the_close(scheduler: Scheduler):
    """The stop comes when the scheduler is there again, and the result says how late that was."""
    scene = scheduler.asleep

    scene.assert_stopped_once()
    assert scheduler.stops_while_down[1] == 0
    assert scene.tries() == [("success", 1)]
    assert [one["changed"] for one in scene.results()] == [True] * 4
    assert all(one["lateness_s"] > 1 for one in scene.results())


@dataclass
class ApiServer:
    """The api-server was killed before the close and came again after it.

    Attributes:
        armed: a worker was ready before.
        stops_while_down: how many campaigns were stopped meanwhile.
    """

    armed: Scene
    stops_while_down: int


@pytest.fixture(scope="module")
def api_server(stage: Stage) -> ApiServer:
    """What is left of that evening."""
    armed = stage.scene("api_server_armed", close=next_close(60), campaigns=4, dag_id="stop_early")
    armed.trigger()
    armed.wait_for_task("deferred")
    armed.wait_for_task("running", timeout_s=120)
    armed.wait_before_close(8)
    stage.airflow.kill("api-server")
    try:
        wait_until(lambda: armed.stops == 4, 30, "api_server_armed: all are stopped")
    finally:
        stops_while_down = armed.stops
        stage.airflow.restart("api-server")
    armed.wait_for_end()
    return ApiServer(armed, stops_while_down)


def test_stop__api_server_down_at_the_close(api_server: ApiServer):
    """A worker that is ready does not wait until what it sends can be noted: the stop comes, and is not repeated."""
    scene = api_server.armed

    scene.assert_stopped_once()
    assert api_server.stops_while_down == 4
    assert scene.task()["state"] == "success"
    assert len(scene.simulator.requests.of("stop")) == 4
