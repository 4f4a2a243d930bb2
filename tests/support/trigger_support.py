"""What the tests of the status trigger share: triggers for campaigns of the simulator, and how a triggerer runs one."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from structlog import DropEvent
from structlog.contextvars import merge_contextvars
from structlog.stdlib import PositionalArgumentsFormatter
from structlog.testing import capture_logs

from airflow_provider_campaigns import triggers
from airflow_provider_campaigns.triggers import CampaignStatusTrigger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, MutableMapping
    from contextlib import AbstractContextManager

    import pytest

    from airflow_provider_campaigns.simulator import KoreSimulator

ENDED = ("Stopped", "Completed")


def connect(simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, **extra: Any) -> None:
    extra = {"requests_per_minute": 10_000, "timeout_s": 5, **extra}
    monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", simulator.connection_json(**extra))


def trigger_for(
    *campaign_ids: str, timeout_s: float = 60.0, statuses: Iterable[str] = ENDED, **arguments: Any
) -> CampaignStatusTrigger:
    """A trigger for voice campaigns that looks every 50 ms."""
    return CampaignStatusTrigger(
        kore_conn_id="kore_default",
        campaigns=dict.fromkeys(campaign_ids, "voice"),
        statuses=list(statuses),
        **{
            "deadline": (datetime.now(UTC) + timedelta(seconds=timeout_s)).isoformat(),
            "poll_interval": 0.05,
            **arguments,
        },
    )


async def first_event(trigger: CampaignStatusTrigger) -> dict[str, Any]:
    """The payload of the first event, as it comes out of the triggerer's JSON."""
    payload: dict[str, Any] | None = None
    async for event in trigger.run():
        assert payload is None, "a second event"
        payload = json.loads(json.dumps(event.payload))
    assert payload is not None
    return payload


def drain(trigger: CampaignStatusTrigger) -> dict[str, Any]:
    """The payload of a trigger that runs alone; its poller has ended, so nothing of it is sent any more."""

    async def run() -> dict[str, Any]:
        payload = await first_event(trigger)
        await until(lambda: not triggers._pollers)
        return payload

    return asyncio.run(run())


async def until(condition: Callable[[], bool], within_s: float = 60.0) -> None:
    """Let the loop run until something is so."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.005)


def captured_log() -> AbstractContextManager[list[MutableMapping[str, Any]]]:
    """What the triggers log while they run, as Airflow's log handlers get it."""
    return capture_logs(processors=[_without_airflow, merge_contextvars, PositionalArgumentsFormatter()])


def _without_airflow(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Leave out what Airflow 3.1 says whenever it reads a connection whose type has an underscore."""
    if event["event"].startswith("Connection schemes"):
        raise DropEvent
    return event


def line(level: str, text: str, **context: Any) -> dict[str, Any]:
    """A line of the log."""
    return {"log_level": level, "event": text, **context}
