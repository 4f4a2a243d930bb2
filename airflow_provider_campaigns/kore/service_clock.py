"""How far this machine's clock is from the service's, by the ``Date`` of its answers. Pure.

A ``Date`` has whole seconds, and is written at some time between the request and the answer; so one answer tells a
difference within a second and the time that it took.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_RECENT_S = 10.0
"""Older answers tell nothing: either clock may have been set since."""

_KEPT = 16


@dataclass(frozen=True, slots=True)
class ClockGap:
    """By how many seconds this machine's clock is ahead of the service's; below zero it is behind.

    Attributes:
        least_s: at least.
        most_s: at most. Where answers contradict each other, several machines answer, and it is the most of any.
    """

    least_s: float
    most_s: float


class ServiceClock:
    """What answers told of the service's clock. Threads may share it."""

    def __init__(self) -> None:
        self._sights: deque[tuple[str | None, float, float]] = deque(maxlen=_KEPT)

    def see(self, date: str | None, *, asked_at: float, answered_at: float) -> None:
        """An answer came with this ``Date``, at these monotonic seconds; one that cannot be read tells nothing."""
        self._sights.append((date, asked_at, answered_at))

    def gap(self, now: datetime, at: float) -> ClockGap | None:
        """The gap as answers of the last ten seconds show it; None if there are none.

        ``now`` is this machine's time at the monotonic instant ``at``.
        """
        began = now.timestamp() - at
        least_s, most_s = [], []
        for text, asked_at, answered_at in tuple(self._sights):
            date = unix_time_of(text) if at - answered_at <= _RECENT_S else None
            if date is not None:
                least_s.append(began + asked_at - (date + 1.0))
                most_s.append(began + answered_at - date)
        return ClockGap(max(least_s), max(*least_s, min(most_s))) if least_s else None


def unix_time_of(date: str | None) -> float | None:
    """The Unix time that a ``Date`` header names; None if it names none."""
    try:
        return parsedate_to_datetime(date or "").timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
