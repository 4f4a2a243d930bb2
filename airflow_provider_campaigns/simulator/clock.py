"""Time as the simulator sees it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What tells the simulator the time; the standard library's `time` module is one."""

    def time(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment, never going back."""


class ManualClock:
    """A clock that stands still until it is moved.

    With it a stop can drain for an hour, or a rate limit's minute pass, within a millisecond. Latency and hangs are
    real waiting and do not follow it.
    """

    def __init__(self, start: datetime = datetime(2025, 12, 5, 12, 0, tzinfo=UTC)) -> None:
        self._lock = threading.Lock()
        self._wall = start.timestamp()
        self._elapsed = 0.0

    def time(self) -> float:
        """Seconds since the epoch."""
        return self._wall

    def monotonic(self) -> float:
        """Seconds by which the clock was advanced so far."""
        return self._elapsed

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError(f"time does not run back ({seconds} s); set() puts the wall clock back")
        with self._lock:
            self._wall += seconds
            self._elapsed += seconds

    def set(self, instant: datetime) -> None:
        """Put the wall clock to another instant, as an administrator may; no time passes."""
        with self._lock:
            self._wall = instant.timestamp()


def iso_ms(seconds: float) -> str:
    """An instant as the service prints it: ISO 8601 in UTC with milliseconds and `Z`.

    >>> iso_ms(1764921600.5)
    '2025-12-05T08:00:00.500Z'
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def seconds_of(text: str) -> float:
    """The instant that `iso_ms` printed.

    >>> seconds_of("2025-12-05T08:00:00.500Z")
    1764921600.5
    """
    return datetime.fromisoformat(text).timestamp()
