"""Many waits for campaigns in one event loop: they share a poller for each connection."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from structlog.contextvars import bind_contextvars
from trigger_support import captured_log, connect, first_event, line, trigger_for, until

from airflow_provider_campaigns import triggers
from airflow_provider_campaigns.kore.client import KoreClient

if TYPE_CHECKING:
    from airflow_provider_campaigns.kore.listing import Listing
    from airflow_provider_campaigns.simulator import KoreSimulator


@pytest.fixture(autouse=True)
def _connection(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulator as ``kore_default``, with a budget that lets looks follow each other quickly."""
    kore_simulator.switches(rate_limit=None)
    connect(kore_simulator, monkeypatch)


def test_run__many_waits(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three hundred waits for three hundred campaigns take three requests a cycle, none of them in the loop."""
    ids = [kore_simulator.add_campaign(status="Active") for _ in range(300)]
    kore_simulator.switches(latency=0.02)
    looking: set[int] = set()
    look_through = KoreClient.look_through

    def noted(*args: Any, **kwargs: Any) -> Listing:
        looking.add(threading.get_ident())
        return look_through(*args, **kwargs)

    monkeypatch.setattr(KoreClient, "look_through", noted)

    async def story() -> tuple[list[dict[str, Any]], float, int]:
        began = time.monotonic()
        waits = [asyncio.create_task(first_event(trigger_for(one, poll_interval=0.4))) for one in ids]
        await until(lambda: len(kore_simulator.requests) >= 6)
        assert len(triggers._pollers) == 1
        assert threading.active_count() < 20
        for one in ids:
            kore_simulator.set_status(one, "Stopped")
        changed = time.monotonic()
        events = await asyncio.gather(*waits)
        taken = time.monotonic() - changed
        await until(lambda: not triggers._pollers)
        return events, taken, int((time.monotonic() - began) / 0.4) + 2

    events, staleness, cycles = asyncio.run(story())

    assert [event["campaigns"][0]["campaign_id"] for event in events] == ids
    requests = [request.operation for request in kore_simulator.requests]
    # The first look may be for the first few waits, which are read each by itself.
    assert requests.count("get") <= 3
    assert requests.count("list") == len(requests) - requests.count("get") <= 3 * cycles
    assert staleness < 10
    assert looking
    assert threading.get_ident() not in looking


def test_run__two_connections(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each connection has a poller of its own."""
    monkeypatch.setenv("AIRFLOW_CONN_KORE_OTHER", kore_simulator.connection_json(requests_per_minute=10_000))
    campaign_id = kore_simulator.add_campaign(status="Active")
    other = trigger_for(campaign_id)
    other.kore_conn_id = "kore_other"

    async def story() -> set[str]:
        waits = [asyncio.create_task(first_event(one)) for one in (trigger_for(campaign_id), other)]
        await until(lambda: len(triggers._pollers) == 2)
        names = {name for _, name in triggers._pollers}
        kore_simulator.set_status(campaign_id, "Stopped")
        await asyncio.gather(*waits)
        return names

    assert asyncio.run(story()) == {"kore_default", "kore_other"}


def test_run__cancelled(kore_simulator: KoreSimulator) -> None:
    """A wait that is cancelled leaves the others waiting; after the last one nothing is asked any more."""
    campaign_id = kore_simulator.add_campaign(status="Active")

    async def story() -> int:
        waits = [asyncio.create_task(first_event(trigger_for(campaign_id))) for _ in range(2)]
        await until(lambda: len(kore_simulator.requests) >= 2)
        waits[0].cancel()
        seen = len(kore_simulator.requests)
        await until(lambda: len(kore_simulator.requests) >= seen + 2)
        assert not waits[1].done()
        waits[1].cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        await until(lambda: not triggers._pollers)
        seen = len(kore_simulator.requests)
        await asyncio.sleep(0.3)
        return len(kore_simulator.requests) - seen

    assert asyncio.run(story()) == 0


def test_run__own_log(kore_simulator: KoreSimulator) -> None:
    """What a wait says is said in the context of its own trigger, by which Airflow finds the task's log."""
    ids = [kore_simulator.add_campaign(status="Active") for _ in range(2)]

    async def wait_as(trigger_id: int) -> None:
        bind_contextvars(trigger_id=trigger_id)
        await first_event(trigger_for(ids[trigger_id]))

    async def story() -> None:
        waits = [asyncio.create_task(wait_as(number)) for number in range(2)]
        await until(lambda: len(kore_simulator.requests) >= 4)
        for campaign_id in ids:
            kore_simulator.set_status(campaign_id, "Stopped")
        await asyncio.gather(*waits)

    with captured_log() as log:
        asyncio.run(story())

    assert sorted(log, key=lambda one: one["trigger_id"]) == [
        line("info", f"campaign {ids[0]}: Active, now Stopped", trigger_id=0),
        line("info", f"campaign {ids[1]}: Active, now Stopped", trigger_id=1),
    ]
