"""A thousand tasks that wait for campaigns in one triggerer's event loop.

The loop, the triggers and the poller are the real ones; the simulator is a process of its own and takes 0.1 s for each
answer. Some campaigns stop during the measurement, at known instants: from there to the event is the staleness.

Beside it, what one would write by hand, and what the Databricks and Fivetran providers do: each wait asks for its own
status, here over one shared session and with a token that was signed once.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import socket
import statistics
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import aiohttp
import structlog
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_campaigns.kore.auth import TokenSigner
from airflow_provider_campaigns.triggers import CampaignStatusTrigger
from benchmarks.simulator_process import simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

WAITS = 1000
POLL_INTERVAL_S = 2.0
WINDOW_S = 10.0
LATENCY_S = 0.1
STOPS = 40
"""Campaigns that stop during the window."""


@dataclass
class Measured:
    """What became of a loop full of triggers.

    Attributes:
        requests: that the service received in the window.
        staleness_s: from each change to its event.
        lags_s: how late the loop was, each time it was asked.
        cpu_s: of this process, the poller's thread included.
        window_s: seconds that were measured.
    """

    requests: int
    staleness_s: list[float]
    lags_s: list[float]
    cpu_s: float
    window_s: float

    def told(self, name: str) -> str:
        """The figures as a row."""
        cycles = self.window_s / POLL_INTERVAL_S
        worst, median = max(self.staleness_s, default=0.0), statistics.median(self.staleness_s or [0.0])
        return (
            f"  {name:<28} {self.requests / cycles:8.1f} {median:8.2f} s {worst:7.2f} s "
            f"{max(self.lags_s) * 1000:9.0f} ms {self.cpu_s:8.2f} s"
        )


def run() -> str:
    """Measure and tell."""
    title = (
        f"{WAITS} waits in one event loop, a look every {POLL_INTERVAL_S:g} s, {LATENCY_S:g} s latency, "
        f"{WINDOW_S:g} s (target: <= 10 requests a cycle, lag <= 150 ms)"
    )
    return "\n".join([
        title,
        f"  {'':<28} {'requests':>8} {'staleness':>10} {'at most':>9} {'loop lag':>12} {'CPU':>10}",
        with_simulator(_ours).told("CampaignStatusTrigger"),
        with_simulator(_by_hand).told("a request for each wait"),
    ])


def with_simulator(make_triggers: Callable[[list[str], dict[str, Any]], dict[str, BaseTrigger]]) -> Measured:
    """Measure triggers for a thousand campaigns on a simulator of their own."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    ids = [f"cd-0000000-0000-4000-8000-{number:012}" for number in range(WAITS)]
    with tempfile.TemporaryDirectory() as folder:
        seed = Path(folder, "seed.json")
        seed.write_text(json.dumps([{"campaign_id": one, "status": "Active"} for one in ids]), encoding="utf-8")
        port = _free_port()
        options = ("--rate-limit", "0", "--latency", str(LATENCY_S), "--seed-file", str(seed))
        with simulator(*options, "--control-port", str(port)) as connection:
            connection["extra"]["requests_per_minute"] = 10_000
            os.environ["AIRFLOW_CONN_KORE_DEFAULT"] = json.dumps(connection)
            return asyncio.run(measure(make_triggers(ids, connection), Control(port)))


def _ours(ids: list[str], connection: dict[str, Any]) -> dict[str, BaseTrigger]:  # noqa: ARG001 - by its id
    deadline = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    return {
        one: CampaignStatusTrigger(
            kore_conn_id="kore_default",
            campaigns={one: "voice"},
            statuses=["Stopped", "Completed"],
            poll_interval=POLL_INTERVAL_S,
            deadline=deadline,
        )
        for one in ids
    }


def _by_hand(ids: list[str], connection: dict[str, Any]) -> dict[str, BaseTrigger]:
    return {one: OwnRequestTrigger(one, connection) for one in ids}


class OwnRequestTrigger(BaseTrigger):
    """Asks for the status of one campaign, again and again."""

    session: ClassVar[aiohttp.ClientSession | None] = None

    def __init__(self, campaign_id: str, connection: dict[str, Any]) -> None:
        super().__init__()
        extra = connection["extra"]
        self.url = (
            f"{connection['host']}/campaign/api/v2/public/{extra['stream_id']}/campaign/{campaign_id}/status"
            f"?accountId={extra['account_id']}&view=status"
        )
        self.connection = connection

    def serialize(self) -> tuple[str, dict[str, Any]]:
        raise NotImplementedError

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire when the campaign has stopped."""
        cls = type(self)
        if cls.session is None:
            extra = self.connection["extra"]
            token = TokenSigner(self.connection["login"], self.connection["password"], ttl_s=3600).sign()
            headers = {"auth": token, "iid": extra["stream_id"], "accountId": extra["account_id"]}
            cls.session = aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=100))
        while True:
            async with cls.session.post(self.url, json={}) as answer:
                if (await answer.json())["data"]["status"] in {"Stopped", "Completed"}:
                    break
            await asyncio.sleep(POLL_INTERVAL_S)
        yield TriggerEvent({"status": "reached"})


class Control:
    """The simulator's control port, from within an event loop."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    async def stop(self, campaign_id: str) -> None:
        """Let a campaign stop."""
        await asyncio.to_thread(self._call, f"/campaigns/{campaign_id}/status", {"status": "Stopped"})

    async def count(self) -> int:
        """Requests that the service received so far."""
        return len(await asyncio.to_thread(self._call, "/requests"))

    def _call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data=data, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


async def measure(waits: dict[str, BaseTrigger], service: Control) -> Measured:
    """Run the triggers for a window, beginning when the first looks are through, and end them."""
    fired_at: dict[str, float] = {}

    async def wait(name: str, trigger: BaseTrigger) -> None:
        async for _ in trigger.run():
            fired_at[name] = time.monotonic()
            return

    tasks = [asyncio.create_task(wait(name, trigger)) for name, trigger in waits.items()]
    await asyncio.sleep(2 * POLL_INTERVAL_S)
    lags: list[float] = []
    meter = asyncio.create_task(_measure_lags(lags))
    count, cpu, began = await service.count(), time.process_time(), time.monotonic()
    stopped_at = {}
    for name in random.Random(1).sample(sorted(waits), STOPS):
        stopped_at[name] = time.monotonic()
        await service.stop(name)
        await asyncio.sleep(max(0.0, began + len(stopped_at) * WINDOW_S / STOPS - time.monotonic()))
    window, cpu = time.monotonic() - began, time.process_time() - cpu
    count = await service.count() - count
    meter.cancel()
    # The last events may be that late.
    await asyncio.sleep(2 * POLL_INTERVAL_S)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if OwnRequestTrigger.session is not None:
        await OwnRequestTrigger.session.close()
    # What they shared may still wait for an answer.
    if others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)
    lost = stopped_at.keys() - fired_at.keys()
    if lost or len(fired_at) != STOPS:
        raise RuntimeError(f"{len(lost)} of {STOPS} events are missing, {len(fired_at)} came")
    staleness = [fired_at[name] - at for name, at in stopped_at.items()]
    return Measured(count, staleness, lags, cpu, window)


async def _measure_lags(lags: list[float]) -> None:
    while True:
        before = time.monotonic()
        await asyncio.sleep(0.005)
        lags.append(time.monotonic() - before - 0.005)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
