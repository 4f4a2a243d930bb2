"""Waiting for an instant, also where the clock is set meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from airflow_provider_campaigns.kore.clock import wait_until

if TYPE_CHECKING:
    from fake_clock import FakeClock

# The fake clock's zero.
NOON = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(("before_s", "set_by_s"), [(55, 45), (600, 45), (3600, 450)])
def test_wait_until__set_forward(fake_clock: FakeClock, before_s: float, set_by_s: float):
    """A clock that was slow and is set right during the wait ends it at the instant, not that much after it."""
    fake_clock.elapsed_s = -before_s
    fake_clock.events = [lambda: setattr(fake_clock, "elapsed_s", fake_clock.elapsed_s + set_by_s)]

    wait_until(NOON, fake_clock.clock)

    assert fake_clock.elapsed_s == 0.0


def test_wait_until__set_back(fake_clock: FakeClock):
    """A clock that is set back makes the wait as much longer."""
    fake_clock.elapsed_s = -10
    fake_clock.events = [lambda: None, lambda: setattr(fake_clock, "elapsed_s", -30.0)]

    wait_until(NOON, fake_clock.clock)

    assert fake_clock.elapsed_s == 0.0
    assert sum(fake_clock.waits) == 32.0


def test_wait_until__looks_more_often_near_the_end(fake_clock: FakeClock):
    """Every thirty seconds while there is time, every second in the last two minutes."""
    fake_clock.elapsed_s = -180.5

    wait_until(NOON, fake_clock.clock)

    assert fake_clock.waits == [30.0, 30.0, 30.0, *[1.0] * 90, 0.5]


def test_wait_until__has_come(fake_clock: FakeClock):
    """What has come is not waited for."""
    wait_until(NOON - timedelta(seconds=1), fake_clock.clock)

    assert fake_clock.waits == []
