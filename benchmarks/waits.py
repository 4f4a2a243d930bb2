"""A thousand tasks that wait for campaigns in one triggerer's event loop.

The loop, the triggers and the poller are the real ones; the simulator is a process of its own and takes 0.1 s for each
answer. Some campaigns stop during the measurement, at known instants: from there to the event is the staleness.

Beside it, what one would write by hand: each wait asks for its own status, here over one shared session and with a
token that was signed once. ``--with-peers`` adds the triggers of two providers that people use for such waits.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_campaigns.kore.auth import TokenSigner
from airflow_provider_campaigns.triggers import CampaignStatusTrigger
from benchmarks.deferred import HEADER, LATENCY_S, POLL_INTERVAL_S, WAITS, WINDOW_S, ControlPort, Measured, measure
from benchmarks.peer_environment import peer_python
from benchmarks.peers import measure_peers
from benchmarks.simulator_process import simulator
from demo.ports import ReservedPort

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

CAMPAIGNS_A_REQUEST = 100
NOTES = (
    "  requests: in 2 s; done: of the looks due every 2 s; staleness: median; lag: longest time that the loop was late"
)


def run(*, with_peers: bool = False) -> str:
    """Measure and tell; the peers' environment is made on first use."""
    python = peer_python() if with_peers else None
    rows = [
        with_simulator(_ours).told("CampaignStatusTrigger"),
        with_simulator(_by_hand).told("a request for each wait"),
    ]
    if python is not None:
        rows += [measured.told(name) for name, measured in measure_peers(python).items()]
    title = (
        f"{WAITS} waits in one event loop, a look every {POLL_INTERVAL_S:g} s, {LATENCY_S:g} s latency, "
        f"{WINDOW_S:g} s (target: <= 10 requests a cycle, lag <= 150 ms)"
    )
    return "\n".join([title, HEADER, *rows, NOTES])


def with_simulator(measure_on: Callable[[list[str], dict[str, Any], Simulator], Awaitable[Measured]]) -> Measured:
    """Measure triggers for a thousand campaigns on a simulator of their own."""
    ids = [f"cd-0000000-0000-4000-8000-{number:012}" for number in range(WAITS)]
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        seed = Path(folder, "seed.json")
        seed.write_text(json.dumps([{"campaign_id": one, "status": "Active"} for one in ids]), encoding="utf-8")
        port = ReservedPort()
        options = ("--rate-limit", "0", "--latency", str(LATENCY_S), "--seed-file", str(seed))
        with simulator(*options, "--control-port", str(port.number)) as connection:
            port.release()
            connection["extra"]["requests_per_minute"] = 10_000
            os.environ["AIRFLOW_CONN_KORE_DEFAULT"] = json.dumps(connection)

            async def measure_it() -> Measured:
                return await measure_on(ids, connection, Simulator(port.number))

            return asyncio.run(measure_it())


class Simulator:
    """The simulator as the service that is asked."""

    def __init__(self, control_port: int) -> None:
        self._control = ControlPort(f"http://127.0.0.1:{control_port}")

    def end(self, name: str) -> None:
        """Let a campaign stop."""
        self._control.call(f"/campaigns/{name}/status", {"status": "Stopped"})

    def count(self) -> int:
        """Requests of any kind."""
        return len(self._control.call("/requests"))


async def _ours(ids: list[str], connection: dict[str, Any], service: Simulator) -> Measured:  # noqa: ARG001 - by its id
    deadline = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    triggers = {
        one: CampaignStatusTrigger(
            kore_conn_id="kore_default",
            campaigns={one: "voice"},
            statuses=["Stopped", "Completed"],
            poll_interval=POLL_INTERVAL_S,
            deadline=deadline,
        )
        for one in ids
    }
    return await measure(triggers, service, requests_a_look=WAITS // CAMPAIGNS_A_REQUEST)


async def _by_hand(ids: list[str], connection: dict[str, Any], service: Simulator) -> Measured:
    extra = connection["extra"]
    token = TokenSigner(connection["login"], connection["password"], ttl_s=3600).sign()
    headers = {"auth": token, "iid": extra["stream_id"], "accountId": extra["account_id"]}
    query = f"accountId={extra['account_id']}&view=status"
    folder = f"{connection['host']}/campaign/api/v2/public/{extra['stream_id']}/campaign"
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=100)) as session:
        triggers = {one: OwnRequestTrigger(f"{folder}/{one}/status?{query}", session) for one in ids}
        return await measure(triggers, service)


class OwnRequestTrigger(BaseTrigger):
    """Asks for the status of one campaign, again and again."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.url = url
        self.session = session

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Never asked for: it stays in this process."""
        raise NotImplementedError

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire when the campaign has stopped."""
        while True:
            async with self.session.post(self.url, json={}) as answer:
                if (await answer.json())["data"]["status"] in {"Stopped", "Completed"}:
                    break
            await asyncio.sleep(POLL_INTERVAL_S)
        yield TriggerEvent({"status": "reached"})  # type: ignore[no-untyped-call]
