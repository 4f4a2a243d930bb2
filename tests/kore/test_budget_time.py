"""What time it is in a ledger, whatever clocks do."""

from __future__ import annotations

from airflow_provider_campaigns.kore.budget_time import SteadyTime


def test_after__clock_is_ahead():
    """Usually it is what the clock shows."""
    assert SteadyTime().after(saved_at=100.0, reading=101.0, own=1.0) == 101.0


def test_after__clock_was_put_back():
    """It goes on from where the ledger is, by the process's own clock, until the clock has caught up."""
    time = SteadyTime()

    assert time.after(saved_at=100.0, reading=40.0, own=1.0) == 100.0
    assert time.after(saved_at=100.0, reading=42.0, own=3.0) == 102.0
    assert time.after(saved_at=103.0, reading=42.0, own=3.5) == 103.0
    assert time.after(saved_at=103.0, reading=104.0, own=4.0) == 104.0
    assert time.after(saved_at=104.0, reading=44.0, own=5.0) == 104.0


def test_after__both_clocks_go_back():
    """It never goes back below the ledger, and goes on from there."""
    time = SteadyTime()
    time.after(saved_at=100.0, reading=40.0, own=40.0)

    assert time.after(saved_at=100.0, reading=10.0, own=10.0) == 100.0
    assert time.after(saved_at=100.0, reading=11.0, own=11.0) == 101.0
