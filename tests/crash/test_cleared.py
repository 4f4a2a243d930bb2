"""A task that has stopped its campaigns is cleared.

Airflow's processes cannot be told another time. So "a day later" is a run whose instant lies twenty hours back, at the
close of hours that the campaigns have on that day of the week only; the same with a moved clock, inside the next day's
hours and two days later, is in ``tests/actions/stopping/test_stop_at_close.py``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import pytest
from stage import Scene, hours_of_one_day

if TYPE_CHECKING:
    from stage import Stage

pytestmark = pytest.mark.timeout(300)


class Cleared(NamedTuple):
    """A scene after its task was cleared, the results before, and the new run of its first campaign, if it has one."""

    scene: Scene
    first_results: list[dict[str, object]]
    new_run: str | None


@pytest.fixture(scope="module")
def cleared(stage: Stage) -> dict[str, Cleared]:
    """Three scenes: at once, a day later, and a day later when somebody has started the first campaign again."""
    this_minute = datetime.now(UTC).replace(second=0, microsecond=0)
    closes = {
        "at_once": this_minute,
        "a_day_later": this_minute - timedelta(hours=20),
        "a_day_later_started_again": this_minute - timedelta(hours=20),
    }
    scenes = {
        name: stage.scene(name, close=close, campaigns=3, calling_hours=hours_of_one_day(close))
        for name, close in closes.items()
    }
    for scene in scenes.values():
        scene.trigger(run_after=scene.close)
    first_results = {}
    for name, scene in scenes.items():
        assert scene.wait_for_end() == ["success"]
        first_results[name] = scene.results()
    restarted = scenes["a_day_later_started_again"]
    new_runs = {"a_day_later_started_again": restarted.simulator.restart(restarted.campaign_ids[0])}
    for scene in scenes.values():
        scene.clear()
    for scene in scenes.values():
        scene.wait_for_end()
    return {name: Cleared(scene, first_results[name], new_runs.get(name)) for name, scene in scenes.items()}


@pytest.mark.parametrize("name", ["at_once", "a_day_later"])
def test_stop__cleared(cleared: dict[str, Cleared], name: str):
    """Nothing is sent, and the result says that nothing was changed, and when it was."""
    scene, first_results, _ = cleared[name]

    scene.assert_stopped_once()
    assert len(scene.simulator.requests.of("stop")) == 3
    assert scene.tries() == [("success", 2)]
    assert [one["changed"] for one in first_results] == [True] * 3
    results = scene.results()
    assert [one["changed"] for one in results] == [False] * 3
    assert [(one["campaign_id"], one["status"]) for one in results] == [(one, "Stopped") for one in scene.campaign_ids]
    assert [one["confirmed_at"] for one in results] == [one["confirmed_at"] for one in first_results]


def test_stop__cleared_after_a_new_start(cleared: dict[str, Cleared]):
    """The new run goes on: nothing is sent, and the task fails without another try, with the reason."""
    scene, _, new_run = cleared["a_day_later_started_again"]
    again, *others = scene.campaign_ids

    scene.assert_stopped_once(*others)
    scene.simulator.assert_one_effect("stop", again)
    assert len(scene.simulator.requests.of("stop")) == 3
    assert scene.simulator.campaign(again).status == "Active"
    assert scene.tries() == [("failed", 2)]
    assert f"and it was started again since, as {new_run}; nothing was sent" in scene.log(2)
    assert [(one["campaign_id"], one["changed"]) for one in scene.results(key="results")] == [
        (one, False) for one in others
    ]
