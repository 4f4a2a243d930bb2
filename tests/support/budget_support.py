"""What the tests of the request budget share: machines whose time moves when somebody sleeps."""

from __future__ import annotations

import heapq
import itertools
import threading
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_campaigns.kore.budget import BudgetTimeout, Priority, RequestBudget

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = "https://kore.example|5f3c-account"


class Machine:
    """A machine with one caller at a time: its clock moves when the caller sleeps, which is noted."""

    def __init__(self, directory: Path) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.directory = directory

    @property
    def file(self) -> Path:
        (file,) = self.directory.iterdir()
        return file

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def budget(self, limit: int = 3, window_s: float = 60.0, **changes: Any) -> RequestBudget:
        """A budget of the same account every time, as another process would make it; reads may use all of it."""
        arguments = {
            "account_key": KEY,
            "urgent": 0,
            "directory": self.directory,
            "clock": self.clock,
            "sleep": self.sleep,
        }
        return RequestBudget(limit, window_s, **(arguments | changes))


class BusyMachine(Machine):
    """A machine with many callers, each a thread. One moves at a time, and time passes when all of them sleep."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._sleepers: list[tuple[float, int, threading.Event]] = []
        self._order = itertools.count()
        self._errors: list[BaseException] = []

    def sleep(self, seconds: float) -> None:
        awake = self._alarm(seconds)
        self._wake_next()
        assert awake.wait(10), "a job never woke up"

    def run(self, *jobs: tuple[float, Callable[[], object]]) -> None:
        """Each job starts so many seconds from now; returns when all have ended, and raises what one of them raised."""
        threads = [threading.Thread(target=self._work, args=(self._alarm(at), job), daemon=True) for at, job in jobs]
        for thread in threads:
            thread.start()
        self._wake_next()
        for thread in threads:
            thread.join(10)
        for error in self._errors:
            raise error

    def _work(self, start: threading.Event, job: Callable[[], object]) -> None:
        assert start.wait(10)
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - raised again by run()
            self._errors.append(error)
        self._wake_next()

    def _alarm(self, seconds: float) -> threading.Event:
        alarm = threading.Event()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._order), alarm))
        return alarm

    def _wake_next(self) -> None:
        if self._sleepers:
            self.now, _, alarm = heapq.heappop(self._sleepers)
            alarm.set()


def use(budget: RequestBudget, times: int = 1, priority: Priority = Priority.READ) -> None:
    """Requests that are answered at once."""
    for _ in range(times):
        with budget.slot(priority):
            pass


def wait_of(budget: RequestBudget, priority: Priority = Priority.READ) -> float:
    """Seconds that a request would wait, asked without taking a place."""
    try:
        with budget.slot(priority, timeout_s=0):
            pytest.fail("there was a place")
    except BudgetTimeout as timeout:
        return timeout.wait_s
