"""The scheduler is gone at the close: the stop comes when it can, and once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from stage import Scene, next_close

if TYPE_CHECKING:
    from stage import Stage

pytestmark = pytest.mark.timeout(420)


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
    close = next_close(110)
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
