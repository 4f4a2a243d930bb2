"""A store of several machines in this process's memory, and machines that share it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from budget_support import KEY, Machine

from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.budget_shared import CLOCK_S, Kept, StoreAwayError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class MemorySharedStore:
    """Keeps what it is given, as a server does.

    Attributes:
        is_away: nothing is answered.
        asked: how many round trips there were, also those in vain.
        written: how often something was written.
        meanwhile: called once between the next reading and its writing.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.kept: dict[str, tuple[bytes, int]] = {}
        self.is_away = False
        self.is_read_only = False
        self.asked = 0
        self.written = 0
        self.meanwhile: Callable[[], object] | None = None

    def __str__(self) -> str:
        return "store"

    def load(self, name: str) -> Kept:
        self.asked += 1
        if self.is_away:
            raise StoreAwayError("no answer")
        return Kept(*self.kept.get(name, (b"", 0)), self.clock())

    def replace(
        self, name: str, data: bytes, *, version: int, new_version: int, as_of: float | None = None
    ) -> Kept | None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        self.asked += 1
        if self.is_away or self.is_read_only:
            raise StoreAwayError("no answer")
        kept = Kept(*self.kept.get(name, (b"", 0)), self.clock())
        if kept.version != version or (as_of is not None and not -1e-6 <= kept.now - as_of <= CLOCK_S):
            return kept
        self.kept[name] = data, new_version
        self.written += 1
        return None


class Machines:
    """Machines with one store: their clocks move together, and are as far apart as they are told."""

    def __init__(self, directory: Path, monkeypatch: Any) -> None:
        self._directory = directory
        self._monkeypatch = monkeypatch
        self.time = Machine(directory)
        self.store = MemorySharedStore(lambda: 50_000.0 + self.time.now)

    def be(self, number: int) -> None:
        """From now on this process is one of that machine."""
        self._monkeypatch.setattr("airflow_provider_campaigns.kore.identity._this_machine", lambda: number)

    def budget(self, number: int, limit: int = 6, *, ahead_s: float = 0.0, **changes: Any) -> RequestBudget:
        """A budget of that machine, as a process there would make it."""
        self.be(number)
        arguments = {
            "account_key": KEY,
            "urgent": 0,
            "directory": self._directory / str(number),
            "store": self.store,
            "clock": lambda: self.time.now + ahead_s,
            "sleep": self.time.sleep,
        }
        return RequestBudget(limit, **(arguments | changes))
