"""What freezes clocks, as docs/testing.md says: what works then, and that the simulator ends whatever stands still."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from kore_support import client_of
from report_support import account_of

from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.clock import Clock, wait_until
from airflow_provider_campaigns.kore.errors import KoreConnectionError
from airflow_provider_campaigns.kore.retry import Bounds
from airflow_provider_campaigns.kore.settings import KoreSettings
from airflow_provider_campaigns.simulator import KoreSimulator, ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.simulator.clock import Clock as SimulatorClock

INSTANT_S = 1_772_454_600.0  # 2026-03-02 12:30 UTC


def stop_one(simulator: KoreSimulator) -> str:
    """Stop a campaign as a test of somebody else would; its status afterwards."""
    campaign_id = simulator.add_campaign(status="Active")
    with KoreClient(KoreSettings(**account_of(simulator))) as client:
        client.stop_campaign(campaign_id, "voice")
    return simulator.campaign(campaign_id).status


def freeze(frozen: pytest.MonkeyPatch, monotonic_s: float) -> None:
    """What freezegun does to ``time``: its monotonic seconds are those of the frozen instant."""
    frozen.setattr(time, "time", lambda: INSTANT_S)
    frozen.setattr(time, "monotonic", lambda: monotonic_s)
    frozen.setattr(time, "sleep", lambda _: None)


def ends(story: Callable[[], None]) -> bool:
    """True if a story is over within seconds that no test can freeze."""
    thread = threading.Thread(target=story, daemon=True)
    thread.start()
    thread.join(10)
    return not thread.is_alive()


@pytest.mark.parametrize("monotonic_s", [0.0, INSTANT_S], ids=["before the real one", "long after it"])
@pytest.mark.parametrize("frozen_from", ["open", "request"])
@pytest.mark.parametrize("frozen_to", ["request", "close"])
def test_close__frozen(monotonic_s: float, frozen_from: str, frozen_to: str) -> None:
    """It opens, answers and ends, whichever part of that happens while ``time`` is frozen."""
    statuses: list[str] = []

    def story() -> None:
        with pytest.MonkeyPatch.context() as frozen:
            if frozen_from == "open":
                freeze(frozen, monotonic_s)
            with KoreSimulator() as simulator:
                freeze(frozen, monotonic_s)
                statuses.append(stop_one(simulator))
                if frozen_to == "request":
                    frozen.undo()

    assert ends(story)
    assert statuses == ["Stopped"]


def test_close__while_a_request_hangs() -> None:
    """It ends as well while a request hangs and ``time`` is frozen."""

    def ask(client: KoreClient) -> None:
        with suppress(KoreConnectionError):
            client.list_campaigns("voice")

    def story() -> None:
        with KoreSimulator() as simulator, pytest.MonkeyPatch.context() as frozen:
            simulator.hang_next(60)
            client = client_of(KoreSettings(**account_of(simulator)), bounds=Bounds(attempts=1))
            freeze(frozen, 0.0)
            asking = threading.Thread(target=ask, args=(client,), daemon=True)
            asking.start()
            asking.join(0.2)
            simulator.close()
            asking.join()
            client.close()

    assert ends(story)


@pytest.mark.parametrize(("clock", "passes"), [(ManualClock(), True), (None, False)], ids=["manual", "frozen"])
def test_drain__while_time_is_frozen(*, clock: ManualClock | None, passes: bool) -> None:
    """Seconds of the service pass by a manual clock; by a frozen ``time`` they do not."""
    given: dict[str, SimulatorClock] = {} if clock is None else {"clock": clock}
    with KoreSimulator(**given) as simulator, pytest.MonkeyPatch.context() as frozen:
        freeze(frozen, 0.0)
        simulator.switches(drain_seconds=3600)
        campaign_id = simulator.add_campaign(status="Active")
        simulator.set_status(campaign_id, "Paused")
        with client_of(KoreSettings(**account_of(simulator)), bounds=None) as client:
            client.stop_campaign(campaign_id, "voice")
        if clock is not None:
            clock.advance(3600)

        assert (simulator.campaign(campaign_id).status == "Stopped") is passes


def test_wait_until__frozen_wall_clock() -> None:
    """A task that waits for an instant in its worker never gets there by a wall clock that stands still."""

    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if sum(waited) > 3600:
            raise TimeoutError("it has waited for an hour by now")

    clock = Clock(now=lambda: datetime(2026, 3, 2, 12, 29, tzinfo=UTC), sleep=sleep)
    with pytest.raises(TimeoutError):
        wait_until(datetime(2026, 3, 2, 12, 30, tzinfo=UTC), clock)
