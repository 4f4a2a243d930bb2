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


@dataclass(frozen=True, slots=True)
class _Sight:
    date: float
    asked_at: float
    answered_at: float


class ServiceClock:
    """What answers told of the service's clock. Threads may share it."""

    def __init__(self) -> None:
        self._sights: deque[_Sight] = deque(maxlen=_KEPT)

    def see(self, date: str | None, *, asked_at: float, answered_at: float) -> None:
        """An answer came with this ``Date``, at these monotonic seconds; one that cannot be read tells nothing."""
        if (seconds := unix_time_of(date)) is not None:
            self._sights.append(_Sight(seconds, asked_at, answered_at))

    def gap(self, now: datetime, at: float) -> ClockGap | None:
        """The gap as answers of the last ten seconds show it; None if there are none.

        ``now`` is this machine's time at the monotonic instant ``at``.
        """
        recent = [one for one in tuple(self._sights) if at - one.answered_at <= _RECENT_S]
        if not recent:
            return None
        began = now.timestamp() - at
        least_s = max(began + one.asked_at - (one.date + 1.0) for one in recent)
        most_s = min(began + one.answered_at - one.date for one in recent)
        return ClockGap(least_s, max(least_s, most_s))


def unix_time_of(date: str | None) -> float | None:
    """The Unix time that a ``Date`` header names; None if it names none."""
    try:
        return parsedate_to_datetime(date or "").timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
