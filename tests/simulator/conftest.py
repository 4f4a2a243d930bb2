"""What the simulator's own tests share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from calling import Caller

from airflow_provider_campaigns.simulator import KoreSimulator, ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def kore_server() -> Iterator[KoreSimulator]:
    """A simulator of their own, whose thread is measured."""
    with KoreSimulator() as simulator:
        yield simulator


@pytest.fixture
def caller(kore_simulator: KoreSimulator) -> Caller:
    """A caller with every right, and no rate limit in its way."""
    kore_simulator.switches(rate_limit=None)
    return Caller(kore_simulator)


@pytest.fixture(scope="session")
def still_server() -> Iterator[tuple[KoreSimulator, ManualClock]]:
    """One simulator for the session whose clock stands still."""
    clock = ManualClock()
    with KoreSimulator(clock=clock) as simulator:
        yield simulator, clock


@pytest.fixture
def clock(still_server: tuple[KoreSimulator, ManualClock]) -> ManualClock:
    """The clock of `still`, at noon (UTC) on Friday 5 December 2025."""
    still_server[1].set(datetime(2025, 12, 5, 12, 0, tzinfo=UTC))
    return still_server[1]


@pytest.fixture
def still(still_server: tuple[KoreSimulator, ManualClock], clock: ManualClock) -> Caller:
    """A caller of a fresh simulator whose time is `clock`."""
    still_server[0].reset()
    return Caller(still_server[0])
