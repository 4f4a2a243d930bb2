"""A worker dies - before, during or after the stops - and a retry does the rest."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from stage import Scene, next_close

from airflow_provider_campaigns.kore.clock import instant_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from stage import Stage

    Ended = dict[Callable[[Scene], None], Scene]

pytestmark = pytest.mark.timeout(420)


# What happens around the one close that all scenes share.


def killed_while_waiting(scene: Scene) -> None:
    """The worker is ready and waits for the close."""
    scene.wait_before_close(12)
    scene.kill_task()


def killed_after_the_last_reading(scene: Scene) -> None:
    """The campaigns are read, and what will be sent is noted; nothing is sent yet."""
    scene.wait_for_requests("list", 1)
    time.sleep(1)
    scene.kill_task()


def killed_between_the_stops(scene: Scene) -> None:
    """Of ten stops one is answered, two are done but not answered, one will be done later, the others never.

    Half a second after the ninth the tenth is sent as well, if the machine is so slow that the kill comes later.
    """
    ids, simulator = scene.campaign_ids, scene.simulator
    for campaign_id in ids[1:3]:
        simulator.hang_next(60, operation="stop", campaign_id=campaign_id, after=True)
    simulator.hang_next(15, operation="stop", campaign_id=ids[3], late=True)
    for campaign_id in ids[4:]:
        simulator.hang_next(60, operation="stop", campaign_id=campaign_id)
    scene.wait_for_requests("stop", 9)  # eight at a time, of which one made room for one more
    scene.kill_task()


def killed_before_the_confirmation(scene: Scene) -> None:
    """Every stop is answered; the list that would confirm them is not."""
    scene.simulator.hang_next(60, operation="list", skip=1)
    scene.wait_for_requests("list", 2)
    scene.kill_task()


def killed_and_one_started_again(scene: Scene) -> None:
    """The same, and then somebody starts the first campaign again before the retry."""
    killed_before_the_confirmation(scene)
    scene.simulator.restart(scene.campaign_ids[0])


def killed_with_the_executors_worker(scene: Scene) -> None:
    """Nobody is left to say that the task has died."""
    scene.wait_before_close(12)
    scene.kill_worker()
    scene.kill_task()


def left_by_the_executors_worker(scene: Scene) -> None:
    """The task goes on, but nobody hears it."""
    scene.wait_before_close(12)
    scene.kill_worker()


def twice_at_once(scene: Scene) -> None:
    """Two runs are for the same campaigns and the same close; nobody kills anything."""
    assert len(scene.run_ids) == 2


SCENES: dict[Callable[[Scene], None], int] = {
    killed_while_waiting: 4,
    killed_after_the_last_reading: 4,
    killed_between_the_stops: 10,
    killed_before_the_confirmation: 5,
    killed_and_one_started_again: 5,
    killed_with_the_executors_worker: 4,
    left_by_the_executors_worker: 4,
    twice_at_once: 6,
}
"""What happens, and to how many campaigns."""


@pytest.fixture(scope="module")
def ended(stage: Stage) -> Ended:
    """Every scene when all its runs have ended; all have the same close."""
    close = next_close(50)
    scenes = {play: stage.scene(play.__name__, close=close, campaigns=number) for play, number in SCENES.items()}
    scenes[twice_at_once].trigger()
    for scene in scenes.values():
        scene.trigger()
    with ThreadPoolExecutor(len(scenes)) as pool:
        for played in [pool.submit(play, scene) for play, scene in scenes.items()]:
            played.result()
    for scene in scenes.values():
        scene.wait_for_end()
    return scenes


@pytest.mark.parametrize("play", [killed_while_waiting, killed_with_the_executors_worker])
def test_stop__killed_before_anything_was_sent(ended: Ended, play: Callable[[Scene], None]):
    """The retry stops every campaign: within a second, or after the heartbeat time-out if nobody watched."""
    scene = ended[play]

    scene.assert_stopped_once()
    assert scene.tries() == [("success", 2)]
    assert [one["changed"] for one in scene.results()] == [True] * 4
    assert len(scene.simulator.requests.of("stop")) == 4


def test_stop__killed_after_the_last_reading(ended: Ended):
    """What was noted but not sent is sent by the retry."""
    scene = ended[killed_after_the_last_reading]

    scene.assert_stopped_once()
    assert scene.tries() == [("success", 2)]
    assert [one["changed"] for one in scene.results()] == [True] * 4
    assert len(scene.simulator.requests.of("stop")) == 4


def test_stop__killed_between_the_stops(ended: Ended):
    """The retry stops those that go on and no other, also when an earlier stop arrives after its own."""
    scene = ended[killed_between_the_stops]

    scene.assert_stopped_once()
    assert scene.tries() == [("success", 2)]
    results = scene.results()
    assert [(one["changed"], one["sent_at"]) for one in results[:3]] == [(False, instant_text(scene.close))] * 3
    assert [one["changed"] for one in results[4:]] == [True] * 6
    stops = [len(scene.simulator.requests.of("stop", campaign_id=one)) for one in scene.campaign_ids]
    done_later, last = stops.pop(3), stops.pop()
    assert stops == [1, 1, 1, 2, 2, 2, 2, 2]
    assert done_later in {1, 2}  # the retry may find it stopped
    assert last in {1, 2}  # the first try may have come to it


def test_stop__killed_before_the_confirmation(ended: Ended):
    """The retry finds all stopped, sends nothing, and says when the earlier try sent the stops."""
    scene = ended[killed_before_the_confirmation]

    scene.assert_stopped_once()
    assert scene.tries() == [("success", 2)]
    assert [(one["changed"], one["sent_at"]) for one in scene.results()] == [(False, instant_text(scene.close))] * 5
    assert len(scene.simulator.requests.of("stop")) == 5


def test_stop__started_again_before_the_retry(ended: Ended):
    """A campaign that somebody started again after its stop goes on, and the task fails at once, with the reason."""
    scene = ended[killed_and_one_started_again]
    again, *others = scene.campaign_ids
    campaign = scene.simulator.campaign(again)

    scene.assert_stopped_once(*others)
    scene.simulator.assert_one_effect("stop", again)
    assert campaign.status == "Active"
    assert len(scene.simulator.requests.of("stop")) == 5
    assert scene.tries() == [("failed", 2)]
    assert [(one["campaign_id"], one["changed"]) for one in scene.results(key="results")] == [
        (one, False) for one in others
    ]
    assert f"and it was started again since, as {campaign.instance_id}; nothing was sent" in scene.log(2)


def test_stop__the_supervisor_killed(ended: Ended):
    """A task that nobody hears any more stops its campaigns at the close; the retry finds them stopped."""
    scene = ended[left_by_the_executors_worker]
    requests = scene.simulator.requests

    scene.assert_stopped_once()
    assert scene.tries() == [("success", 2)]
    assert [one["changed"] for one in scene.results()] == [False] * 4
    assert len(requests.of("stop")) == 4
    last_stop = max(one.number for one in requests.of("stop"))
    # The hours were read by the try that was lost, and are kept: the retry reads one list, as the proof before it.
    assert len(requests.of("get")) == 4
    after = [one.operation for one in requests if one.number > last_stop]
    assert (set(after), len(after) >= 2) == ({"list"}, True)


def test_stop__twice_at_once(ended: Ended):
    """Of two runs for the same campaigns each succeeds, and each campaign is stopped by one of them."""
    scene = ended[twice_at_once]

    scene.assert_stopped_once()
    assert scene.tries() == [("success", 1), ("success", 1)]
    assert max(len(scene.simulator.requests.of("stop", campaign_id=one)) for one in scene.campaign_ids) <= 2
    by_campaign = zip(scene.results(0), scene.results(1), strict=True)
    assert [first["changed"] + second["changed"] for first, second in by_campaign] == [1] * 6
