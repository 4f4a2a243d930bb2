"""Time that many threads share, and that passes only while all of them wait."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from airflow_provider_campaigns.kore.clock import Clock
from airflow_provider_campaigns.simulator import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable

BEGINS = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
_STILL_S = 0.1
"""Real seconds without a look at the clock, after which everybody waits."""


class SharedTime:
    """Seconds from 0 on, for clients, actions and a simulator; whoever sleeps is woken in order."""

    def __init__(self) -> None:
        self.of_service = ManualClock(BEGINS)
        self._now = 0.0
        self._looked_at = time.monotonic()
        self._order = itertools.count()
        self._sleepers = 0
        self._waiting: list[tuple[float, int, Callable[[], object]]] = []
        self._lock = threading.Lock()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._pass, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ends.set()
        self._thread.join()

    def monotonic(self) -> float:
        self._looked_at = time.monotonic()
        return self._now

    def sleep(self, seconds: float) -> None:
        awake = threading.Event()
        with self._lock:
            self._sleepers += 1

        def wake() -> None:
            self._sleepers -= 1
            awake.set()

        self.at(self.monotonic() + seconds, wake)
        assert awake.wait(20), "nobody woke this thread"

    def at(self, instant: float, event: Callable[[], object]) -> None:
        """Let something happen when it is reached."""
        with self._lock:
            heapq.heappush(self._waiting, (instant, next(self._order), event))

    @property
    def clock(self) -> Clock:
        return Clock(
            now=lambda: BEGINS + timedelta(seconds=self.monotonic()), monotonic=self.monotonic, sleep=self.sleep
        )

    def _pass(self) -> None:
        while not self._ends.wait(_STILL_S / 4):
            if time.monotonic() - self._looked_at < _STILL_S:
                continue
            with self._lock:
                if not self._sleepers:
                    continue
                instant, _, event = heapq.heappop(self._waiting)
                self.of_service.advance(max(0.0, instant - self._now))
                self._now = max(instant, self._now)
                self._looked_at = time.monotonic()
                event()
