"""How a step reads and changes a budget's ledger on one machine: one after the other, as of now."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_campaigns.kore.budget_ledger import Ledger
from airflow_provider_campaigns.kore.budget_store import FileStore, MemoryStore, read_all
from airflow_provider_campaigns.kore.budget_time import SteadyTime
from airflow_provider_campaigns.kore.identity import has_ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.kore.budget_store import Region, Store

log = logging.getLogger(__name__)

# By name: the ledgers of a process that cannot share them.
_unshared: dict[str, MemoryStore] = {}

_Result = TypeVar("_Result")


class BudgetTimeout(Exception):  # noqa: N818 - it says what is the case, like queue.Full; the client makes it an error
    """A request got no place within its time; nothing was sent.

    Attributes:
        wait_s: seconds that the request would have waited in all, as far as could be foreseen.
        timeout_s: seconds that it was given.
        blocked_s: seconds that are left of a block, where that was too long by itself; else None.
    """

    def __init__(self, wait_s: float, timeout_s: float, blocked_s: float | None = None) -> None:
        super().__init__(wait_s, timeout_s, blocked_s)
        self.wait_s = wait_s
        self.timeout_s = timeout_s
        self.blocked_s = blocked_s

    def __str__(self) -> str:
        if self.blocked_s is not None:
            return f"the service asked for a pause, of which {self.blocked_s:.1f} s are left"
        return f"the request budget has no place within {self.timeout_s:.1f} s, but after {self.wait_s:.1f} s"


class MachineKeeping:
    """Keeps a ledger for all processes of a user on this machine; for this process alone where that fails.

    Args:
        store: where it is kept first.
        name: the ledger's.
        clock: seconds, the same in all processes of the machine.
        while_: when it is needed, for the warning.
    """

    def __init__(self, store: Store, name: str, clock: Callable[[], float], *, while_: str = "") -> None:
        self.store = store
        self._while = while_
        self._name = name
        self._clock = clock
        self._time = SteadyTime()

    def __str__(self) -> str:
        return "shared by this machine" if self.is_shared else "of this process alone"

    @property
    def is_shared(self) -> bool:
        """True if other processes know of it."""
        return isinstance(self.store, FileStore)

    def transact(self, step: Callable[[Ledger], _Result]) -> _Result:
        """Let ``step`` read and change the ledger as of now, with everyone else kept out."""
        return self.use(lambda region: self._transact_in(region, step))

    def peek(self) -> Ledger:
        """The ledger as it is kept, as of now; whatever becomes of this one, nothing is written.

        Raises:
            OSError: it cannot be read.
        """
        reading = self._clock()
        return Ledger.load(self.store.peek(), lambda saved_at: max(saved_at, reading))

    def use(self, action: Callable[[Region], _Result]) -> _Result:
        """Let ``action`` read and write the ledger's bytes, with everyone else kept out."""
        store = self.store
        try:
            with store.locked() as region:
                return action(region)
        except OSError as error:
            # Without a number it is not the system's: a signal handler may raise its own TimeoutError anywhere.
            if error.errno is None or not isinstance(store, FileStore):
                raise
            self.store = self._own_store(error)
            return self.use(action)

    def _transact_in(self, region: Region, step: Callable[[Ledger], _Result]) -> _Result:
        # The clock is read under the lock, so that the ledger's times are in the order of its changes.
        reading = self._clock()
        ledger = Ledger.load(read_all(region), lambda saved_at: self._time.after(saved_at, reading, reading))
        if ledger.is_damaged:
            log.warning("the shared request budget was damaged and begins anew")
        ledger.drop_what_is_over(has_ended)
        result = step(ledger)
        # One write, so that a process killed in between leaves the old ledger or the new one.
        region.write(ledger.saved(), 0)
        return result

    def _own_store(self, error: OSError) -> MemoryStore:
        """This process's own ledger of the account, instead of the shared one."""
        new = MemoryStore()
        store = _unshared.setdefault(self._name, new)
        if store is new:
            log.warning(
                "the shared request budget cannot be used (%s): %seach process counts only its own requests",
                error.strerror,
                self._while,
            )
        return store
