"""How long may I wait? One value, handed on as it is from whoever asks for something down to the socket.

It says until when anything is waited for: a place in the request budget, an answer, another try. The budget's own
``timeout_s`` and the socket's time-outs are what is left of it at that instant.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from airflow_provider_campaigns.kore.clock import Clock

MAX_PLACE_WAIT_S = 900.0
"""How long a request waits for its place in the budget; a queue that long needs another plan, not more patience."""

LEAST_ANSWER_S = 1.0
"""Seconds that an answer is given however little is left: one cut off earlier might as well not be asked for."""


def _always() -> None:
    """Nothing keeps a write from being sent."""


def countdown(seconds: float, clock: Callable[[], float] = time.monotonic) -> Callable[[], float]:
    """A function that tells how many of so many seconds are left from now on; below 0 once they are over."""
    ends_at = clock() + seconds
    return lambda: ends_at - clock()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one thing is waited for.

    Attributes:
        left_s: seconds from now on for which anything is waited for; infinite for as long as it takes.
        repeat_s: seconds from now on within which a request that failed may be sent again. None leaves that to the
            client's own bounds where the patience is endless, and means not at all where it is not: a repetition could
            take the place of something that does not wait for it.
        place_s: the most for a place in the request budget; 0 does not wait for one.
        answer_s: the most for a connection and for an answer, where the account's time-outs allow more.
        before_write: called when a write has its place, right before it is sent; raises a ``CampaignStateError`` if it
            must not be any more, for it may have waited long.
    """

    left_s: Callable[[], float] = lambda: math.inf
    repeat_s: Callable[[], float] | None = None
    place_s: float = MAX_PLACE_WAIT_S
    answer_s: float = math.inf
    before_write: Callable[[], None] = _always

    @classmethod
    def until(cls, instant: datetime, clock: Clock) -> Patience:
        """Until an instant, by a clock that somebody may set meanwhile."""
        return cls(lambda: max(0.0, (instant - clock.now()).total_seconds()))

    @property
    def is_endless(self) -> bool:
        """True if things are waited for as long as they take."""
        return math.isinf(self.left_s())

    @property
    def place_timeout_s(self) -> float:
        """Seconds from now on for a place in the request budget."""
        return max(0.0, min(self.place_s, self.left_s()))

    @property
    def answer_timeout_s(self) -> float:
        """Seconds from now on for an answer; a second at least."""
        return max(LEAST_ANSWER_S, min(self.answer_s, self.left_s()))


ENDLESS = Patience()
"""For as long as it takes, within the client's own bounds."""
