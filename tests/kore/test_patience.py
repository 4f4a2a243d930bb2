"""How long may I wait: one value, from whoever asks down to the socket."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from airflow_provider_campaigns.kore.patience import ENDLESS, Patience, countdown

if TYPE_CHECKING:
    from fake_clock import FakeClock


@pytest.mark.parametrize(
    ("patience", "place_s", "answer_s"),
    [
        # As long as it takes: a queue of 15 minutes at most, and the account's own time-outs for the answer.
        (ENDLESS, 900.0, math.inf),
        (Patience(lambda: 5.0), 5.0, 5.0),
        (Patience(lambda: 1000.0), 900.0, 1000.0),
        # Nothing is left: no place is waited for, and an answer for a second.
        (Patience(lambda: 0.0), 0.0, 1.0),
        (Patience(lambda: -3.0), 0.0, 1.0),
        (Patience(lambda: 0.4), 0.4, 1.0),
        # Less for one of the two.
        (Patience(place_s=0), 0.0, math.inf),
        (Patience(answer_s=15.0), 900.0, 15.0),
        (Patience(lambda: 60.0, place_s=10.0, answer_s=15.0), 10.0, 15.0),
        (Patience(lambda: 4.0, place_s=10.0, answer_s=15.0), 4.0, 4.0),
    ],
)
def test_patience__timeouts(patience: Patience, place_s: float, answer_s: float) -> None:
    """What is left is what a place and an answer are waited for, within what each may take at most."""
    assert patience.place_timeout_s == place_s
    assert patience.answer_timeout_s == answer_s


def test_patience__endless() -> None:
    """Patience is endless until somebody says otherwise."""
    assert ENDLESS.is_endless
    assert not Patience(lambda: 5.0).is_endless


def test_until__follows_the_clock(fake_clock: FakeClock) -> None:
    """What is left of an instant is looked up each time, and never below zero."""
    patience = Patience.until(fake_clock.clock.now() + timedelta(seconds=30), fake_clock.clock)
    seen = [patience.left_s()]

    for seconds in (20.0, 20.0):
        fake_clock.sleep(seconds)
        seen.append(patience.left_s())

    assert seen == [30.0, 10.0, 0.0]


def test_countdown() -> None:
    """A countdown begins when it is made."""
    now = [100.0]
    left_s = countdown(10.0, lambda: now[0])

    now[0] = 112.0

    assert left_s() == -2.0
