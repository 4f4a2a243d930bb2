"""The api-server is gone at the close: a worker that is ready does not wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from stage import Scene, next_close, wait_until

if TYPE_CHECKING:
    from stage import Stage

pytestmark = pytest.mark.timeout(420)


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
    armed = stage.scene("api_server_armed", close=next_close(80), campaigns=4)
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
