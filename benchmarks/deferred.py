"""What a triggerer's event loop is like when it is full of triggers that wait.

Knows nobody's triggers, and needs nothing but Airflow, so that all of them are measured by the same code.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import statistics
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow.triggers.base import BaseTrigger

WAITS = 1000
POLL_INTERVAL_S = 2.0
WINDOW_S = 10.0
LATENCY_S = 0.1

STARTED_A_SECOND = 500
"""About as many as one triggerer takes up, says Airflow's description of ``max_trigger_to_select_per_loop``."""

SHARE_ENDED = 0.04
"""Of what is waited for, so much ends during the window, evenly spread."""

WARM_UP_S = 2 * POLL_INTERVAL_S

EVENTS_WITHIN_S = 30.0
"""After the window; a loop that was blocked needs some time."""


class Service(Protocol):
    """What the triggers ask; its methods are called in a thread of their own."""

    def end(self, name: str) -> None:
        """Let what one trigger waits for come about."""

    def count(self) -> int:
        """Requests about what still runs, so far."""


@dataclass(frozen=True)
class Measured:
    """What became of a loop full of triggers.

    Attributes:
        waits: triggers in the loop.
        requests: that the service received in the window.
        looks_done: of the requests that a look every ``POLL_INTERVAL_S`` takes, so large a part was sent.
        staleness_s: from each end to its event.
        lag_s: the longest time that the loop was late, in a pause that touches the window.
        cpu_s: of this process in the window, other threads included.
        window_s: seconds that were measured.
    """

    waits: int
    requests: int
    looks_done: float
    staleness_s: list[float]
    lag_s: float
    cpu_s: float
    window_s: float

    def told(self, name: str) -> str:
        """The figures as a row."""
        requests = self.requests * POLL_INTERVAL_S / self.window_s
        return (
            f"  {name:<28} {self.waits:5} {requests:9.1f} {self.looks_done:6.0%} "
            f"{statistics.median(self.staleness_s):8.2f} s {max(self.staleness_s):6.2f} s "
            f"{self.lag_s * 1000:7.0f} ms {self.cpu_s:6.2f} s"
        )


HEADER = f"  {'':<28} {'waits':>5} {'requests':>9} {'done':>6} {'staleness':>10} {'at most':>8} {'lag':>10} {'CPU':>8}"


async def measure(
    triggers: Mapping[str, BaseTrigger], service: Service, *, requests_a_look: int | None = None
) -> Measured:
    """Run triggers for a window that begins when the first looks are through, and end them.

    Args:
        triggers: each by the name of what it waits for.
        service: what they ask.
        requests_a_look: that serves all waits; None if each wait sends a request of its own.

    Raises:
        RuntimeError: a trigger failed, or the events are not those of what ended.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    fired: dict[str, tuple[float, Any]] = {}

    async def wait(name: str, trigger: BaseTrigger, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        async for event in trigger.run():
            fired[name] = time.monotonic(), event
            return

    tasks = {
        name: asyncio.create_task(wait(name, trigger, number / STARTED_A_SECOND))
        for number, (name, trigger) in enumerate(triggers.items())
    }
    pauses: list[tuple[float, float]] = []
    meter = asyncio.create_task(_measure_pauses(pauses))
    # In a thread, because the loop may be blocked for longer than the window.
    window = await asyncio.to_thread(_Window.observe, sorted(triggers), service)
    await asyncio.wait([tasks[name] for name in window.ended_at], timeout=EVENTS_WITHIN_S)
    # After the pause in which the window ended.
    await asyncio.sleep(2 * _PAUSE_S)
    meter.cancel()
    for task in tasks.values():
        task.cancel()
    outcomes = await asyncio.gather(*tasks.values(), return_exceptions=True)
    if failures := [one for one in outcomes if isinstance(one, Exception)]:
        raise RuntimeError(f"{len(failures)} triggers failed") from failures[0]
    # What they shared may still wait for an answer.
    if others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)
    _check_events(fired, window.ended_at)
    seconds = window.end - window.begin
    if requests_a_look is None:
        waited_s = len(triggers) * seconds - sum(window.end - at for at in window.ended_at.values())
        wanted = waited_s / POLL_INTERVAL_S
    else:
        wanted = requests_a_look * seconds / POLL_INTERVAL_S
    return Measured(
        waits=len(triggers),
        requests=window.requests,
        looks_done=window.requests / wanted,
        staleness_s=[fired[name][0] - at for name, at in window.ended_at.items()],
        lag_s=max(end - begin - _PAUSE_S for begin, end in pauses if begin < window.end and end > window.begin),
        cpu_s=window.cpu_s,
        window_s=seconds,
    )


@dataclass(frozen=True)
class _Window:
    begin: float
    end: float
    requests: int
    cpu_s: float
    ended_at: dict[str, float]

    @classmethod
    def observe(cls, names: list[str], service: Service) -> _Window:
        """Let some of them end, one after the other, and count meanwhile."""
        time.sleep(WARM_UP_S)
        ending = random.Random(1).sample(names, round(len(names) * SHARE_ENDED))
        requests, cpu_s, begin = service.count(), time.process_time(), time.monotonic()
        ended_at = {}
        for number, name in enumerate(ending, start=1):
            ended_at[name] = time.monotonic()
            service.end(name)
            time.sleep(max(0.0, begin + number * WINDOW_S / len(ending) - time.monotonic()))
        end, cpu_s = time.monotonic(), time.process_time() - cpu_s
        return cls(begin, end, service.count() - requests, cpu_s, ended_at)


_PAUSE_S = 0.005


async def _measure_pauses(pauses: list[tuple[float, float]]) -> None:
    """When each pause of the same length began, and when the loop had time to end it."""
    while True:
        begin = time.monotonic()
        await asyncio.sleep(_PAUSE_S)
        pauses.append((begin, time.monotonic()))


def _check_events(fired: Mapping[str, tuple[float, Any]], ended: Iterable[str]) -> None:
    missing, surplus = set(ended) - fired.keys(), fired.keys() - set(ended)
    if missing or surplus:
        example = f", such as {fired[min(surplus)][1]!r}" if surplus else ""
        raise RuntimeError(f"{len(missing)} events are missing, and {len(surplus)} came without a cause{example}")


class ControlPort:
    """Where a service in another process is steered, with JSON both ways."""

    def __init__(self, url: str) -> None:
        self._url = url

    def call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """POST with a body, GET without one."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data=data, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
