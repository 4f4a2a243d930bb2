"""The deadline of a wait for campaigns: an instant, wherever and whenever the trigger runs."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from idle_time import run_in_idle_time
from trigger_support import connect, drain, first_event, trigger_for

from airflow_provider_campaigns import triggers
from airflow_provider_campaigns.triggers import CampaignStatusTrigger

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.simulator import KoreSimulator

BEGIN = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _connection(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulator as ``kore_default``, with a budget that lets looks follow each other quickly."""
    kore_simulator.switches(rate_limit=None)
    connect(kore_simulator, monkeypatch)


def clock_from(begin: datetime) -> Callable[[], datetime]:
    """A clock that goes with the event loop's time, and says ``begin`` when that is 0."""
    return lambda: begin + timedelta(seconds=asyncio.get_running_loop().time())


async def event_and_seconds(trigger: CampaignStatusTrigger) -> tuple[dict[str, Any], float]:
    """The payload of the event, and how long the loop has been running by then."""
    return await first_event(trigger), asyncio.get_running_loop().time()


def waiting_until(deadline: datetime, *campaign_ids: str, now: datetime = BEGIN) -> CampaignStatusTrigger:
    """A trigger that looks every 10 s, in a loop that begins ``now``."""
    return trigger_for(*campaign_ids, deadline=deadline.isoformat(), poll_interval=10.0, now=clock_from(now))


def test_run__deadline(kore_simulator: KoreSimulator) -> None:
    """At the deadline the event says what was seen last."""
    campaign_id = kore_simulator.add_campaign(name="Spring", status="Active")
    trigger = waiting_until(BEGIN + timedelta(minutes=1), campaign_id)

    event, seconds = run_in_idle_time(event_and_seconds(trigger))

    assert seconds == pytest.approx(60)
    assert (event["status"], event["message"]) == ("timeout", f"campaign {campaign_id}: Active")
    assert [one["status"] for one in event["campaigns"]] == ["Active"]


def test_run__many_at_the_deadline(kore_simulator: KoreSimulator) -> None:
    """The message names ten campaigns that are not there yet, and counts the rest."""
    ids = [kore_simulator.add_campaign(status="Active") for _ in range(12)]
    done = kore_simulator.add_campaign(status="Stopped")
    trigger = waiting_until(BEGIN + timedelta(minutes=1), done, *ids)

    event, _ = run_in_idle_time(event_and_seconds(trigger))

    assert event["message"] == "; ".join([*[f"campaign {one}: Active" for one in ids[:10]], "and 2 more"])


@pytest.mark.parametrize(("status", "event"), [("Stopped", "reached"), ("Active", "timeout")])
def test_run__deadline_passed_while_no_triggerer_ran(kore_simulator: KoreSimulator, status: str, event: str) -> None:
    """A wait that comes back after its deadline looks once before it gives up."""
    campaign_id = kore_simulator.add_campaign(status=status)

    assert drain(trigger_for(campaign_id, timeout_s=-60, poll_interval=60))["status"] == event
    assert len(kore_simulator.requests) >= 1


def test_run__deadline_passed_and_no_answer(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look after the deadline is waited for only so long."""
    monkeypatch.setattr(triggers, "LAST_LOOK_S", 0.2)
    kore_simulator.hang_next(1.0)

    event = drain(trigger_for(kore_simulator.add_campaign(status="Stopped"), timeout_s=-1))

    assert event["status"] == "timeout"


def test_run__restart(kore_simulator: KoreSimulator) -> None:
    """A trigger made anew from what was stored goes on to the same deadline."""
    campaign_id = kore_simulator.add_campaign(status="Active")
    trigger = waiting_until(BEGIN + timedelta(minutes=2), campaign_id)
    _, stored = trigger.serialize()

    async def cut_short() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(first_event(trigger), 45)

    run_in_idle_time(cut_short())
    again = CampaignStatusTrigger(**json.loads(json.dumps(stored)), now=clock_from(BEGIN + timedelta(seconds=45)))
    event, seconds = run_in_idle_time(event_and_seconds(again))

    assert event["status"] == "timeout"
    assert seconds == pytest.approx(75)
    assert triggers._pollers == {}
