"""How a step reads and changes a budget's ledger that several machines share: read, decide, write if nobody else did.

Over a network nothing is locked: whoever holds a lock may be stopped or cut off, and would be in everybody's way. A
step is decided again where somebody else was faster, so it may be called several times. It is decided first on what
this machine saw last: where nobody has changed that since, writing is the only round trip, and else it is answered by
what is there now.

While the store is away each machine goes on with what it saw last, which its processes keep in a file. When it is back,
what was seen and done meanwhile is put into it, also if it came back empty or with an older ledger.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from airflow_provider_campaigns.kore.budget_keeping import BudgetTimeout, MachineKeeping
from airflow_provider_campaigns.kore.budget_ledger import Ledger
from airflow_provider_campaigns.kore.budget_store import read_all
from airflow_provider_campaigns.kore.budget_time import SteadyTime
from airflow_provider_campaigns.kore.identity import has_ended, this_process

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.kore.budget_store import Region, Store

log = logging.getLogger(__name__)

TIMEOUT_S = 0.25
"""Seconds for which a store is waited for."""

CLOCK_S = 0.005
"""By so much the store's clock may be later than what it was taken for: less than any request takes that is not on
loopback. It must not be earlier, beyond rounding: a request that was told to start would start too soon.
"""

_PAUSES_S = (1.0, 2.0, 4.0, 8.0)
"""Between two tries to reach a store that is away: within a minute they take less than 2 s of the stops' time."""

_DECISIONS = 30
"""How often a step is decided at most; with 8 processes that do nothing else, the 5th is rare."""

_STEP_ASIDE_S = 0.004

_Result = TypeVar("_Result")


class StoreAwayError(Exception):
    """The store cannot be reached, or not be used; its message holds no value of its address."""


class Kept(NamedTuple):
    """What a store keeps of an account.

    Attributes:
        data: the ledger's bytes; none if there is no ledger.
        version: of these bytes; 0 if there are none.
        now: the store's clock, in seconds.
    """

    data: bytes
    version: int
    now: float


class SharedStore(Protocol):
    """Keeps ledgers for several machines. May be used by several threads, and after a fork."""

    def load(self, name: str) -> Kept:
        """The ledger of this name.

        Raises:
            StoreAwayError: there was no answer within ``TIMEOUT_S``, or another than was expected.
        """

    def replace(
        self, name: str, data: bytes, *, version: int, new_version: int, as_of: float | None = None
    ) -> Kept | None:
        """Keep these bytes under the new version, if there still is what had ``version``.

        Args:
            name: the ledger's.
            data: its bytes.
            version: of what they were made from.
            new_version: theirs.
            as_of: what the store's clock shows then, as far as is known: if it is earlier than that, or later by more
                than ``CLOCK_S``, nothing is kept. None: its clock was read just before.

        Returns:
            None if they are kept; else what is there instead.

        Raises:
            StoreAwayError: as of ``load``; then the bytes may have been kept.
        """


class SharedKeeping:
    """Keeps a ledger in a store that several machines share, and on this machine while that is away.

    Args:
        store: the shared one.
        name: the ledger's name there.
        own_store: where this machine keeps what it saw last.
        own_name: the ledger's name there.
        clock: seconds, the same in all processes of the machine.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        store: SharedStore,
        name: str,
        own_store: Store,
        own_name: str,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._store = store
        self._name = name
        self._clock = clock
        self._sleep = sleep
        self._mirror = MachineKeeping(
            own_store, own_name, self._time_there, while_="while the store of all machines is away, "
        )
        self._ways: dict[int, _Way] = {}

    def __str__(self) -> str:
        return f"shared by all machines with this {self._store}"

    def transact(self, step: Callable[[Ledger], _Result]) -> _Result:
        """Let ``step`` read and change the ledger as of now; it is called again if somebody else was faster."""
        way = self._way
        with way.lock:
            if way.tries_at <= self._clock():
                try:
                    result = self._transact_there(way, step)
                except StoreAwayError as error:
                    way.lost(error, self._clock())
                except BudgetTimeout:
                    way.found()
                    raise
                else:
                    way.found()
                    return result
            if way.ahead_s is None:
                way.ahead_s = self._ahead_of_this_machine()
            return self._mirror.transact(lambda ledger: step(self._away(ledger)))

    def peek(self) -> Ledger:
        """The ledger as the store keeps it, as of now; whatever becomes of this one, nothing is written.

        Raises:
            StoreAwayError: the store is away.
        """
        kept = self._store.load(self._name)
        return Ledger.load(kept.data, lambda saved_at: max(saved_at, kept.now))

    def peek_here(self) -> Ledger:
        """What this machine saw of it last, and did since, as of now; as ``peek``, but of the machine's file.

        Raises:
            OSError: it cannot be read.
        """
        seen = self._mirror.store.peek()
        now = self._clock() + _as_it_was(seen).ahead_s
        return Ledger.load(seen, lambda saved_at: max(saved_at, now))

    @property
    def _way(self) -> _Way:
        # By process: a lock that another thread held at the time of a fork is held for ever in the child.
        return self._ways.get(os.getpid()) or self._ways.setdefault(os.getpid(), _Way())

    def _transact_there(self, way: _Way, step: Callable[[Ledger], _Result]) -> _Result:
        me = this_process().machine
        found: Kept | None = None
        for number in range(_DECISIONS):
            guess = None
            if found is None:
                # Before the store is asked, which then holds all that is here, unless it has lost it.
                mirrored = self._mirror.use(read_all)
                asked_at = self._clock()
                guess = self._seen_last(mirrored, way, asked_at) if number == 0 else None
            kept = guess or found or self._store.load(self._name)
            found = None
            ledger = self._ledger_of(kept, way, asked_at, is_guess=guess is not None)
            if ledger.may_learn_from(mirrored):
                mirror = _as_it_was(mirrored)
                # By itself, since the step may end with an error, and then nothing of it is written.
                ledger.absorb(mirror, of=me if self._mirror.is_shared and not mirror.is_damaged else None)
                ledger.now = way.time.after(mirror.saved_at, ledger.now, asked_at)
                self._write(ledger, kept, mirrored, way)
                continue
            ledger.drop_what_is_over(has_ended)
            ledger.say_here(me)
            try:
                result = step(ledger)
            except BudgetTimeout:
                if guess is None:
                    raise
                continue
            if not kept.data.startswith(ledger.saved(ledger.saved_at)):  # a file may go on behind it
                asked_at = self._clock()
                found = self._write(ledger, kept, mirrored, way, as_of=guess and guess.now)
                if found is None:
                    return result
            elif guess is None:
                return result
            if guess is None:
                # Whoever else is there is given time, and what was found is old then.
                found = None
                self._sleep(random.uniform(0, _STEP_ASIDE_S * (number + 1)))  # noqa: S311 - guards nothing
        raise StoreAwayError(f"somebody else was faster {_DECISIONS} times")

    def _ledger_of(self, kept: Kept, way: _Way, asked_at: float, *, is_guess: bool) -> Ledger:
        ledger = Ledger.load(kept.data, lambda saved_at: way.time.after(saved_at, kept.now, asked_at))
        if ledger.is_damaged:
            log.warning("the request budget in the %s was damaged and begins anew", self._store)
        if not is_guess:
            way.ahead_s, way.ahead_of_asking_s = ledger.now - self._clock(), ledger.now - asked_at
        return ledger

    def _seen_last(self, mirrored: bytes, way: _Way, now: float) -> Kept | None:
        """What this machine saw last, which the store may have still; None where it does not know the time there."""
        if way.ahead_s is None:
            return None
        ledger = _as_it_was(mirrored)
        if ledger.is_away or ledger.is_damaged or not mirrored:
            return None
        return Kept(mirrored, ledger.version, now + way.ahead_of_asking_s)

    def _write(
        self, ledger: Ledger, kept: Kept, mirrored: bytes, way: _Way, *, as_of: float | None = None
    ) -> Kept | None:
        """Write the ledger if the store still has what was read; then the mirror, unless that knows more meanwhile."""
        # Later than all versions that anybody knows of, also where the store has come back with an older one.
        version = max(kept.version + 1, ledger.version + 1, int(ledger.now * 1e6))
        ledger.sign(version, by=this_process().machine)
        ledger.ahead_s = way.ahead_s or 0.0
        data = ledger.saved()
        found = self._store.replace(self._name, data, version=kept.version, new_version=ledger.version, as_of=as_of)
        if found is not None:
            return found

        def keep(region: Region) -> None:
            there = read_all(region)
            if there == mirrored or not ledger.may_learn_from(there):
                region.write(data, 0)

        self._mirror.use(keep)
        return None

    def _ahead_of_this_machine(self) -> float:
        """By how much the store's clock is ahead, for a process that never saw it."""
        mirror = _as_it_was(self._mirror.use(read_all))
        return mirror.ahead_s if mirror.saved_at > 0 else time.time() - self._clock()

    def _time_there(self) -> float:
        """The store's clock, as far as this machine knows without it."""
        return self._clock() + (self._way.ahead_s or 0.0)

    def _away(self, ledger: Ledger) -> Ledger:
        ledger.go_away()
        ledger.ahead_s = self._way.ahead_s or 0.0
        return ledger


class _Way:
    """The way of one process to the store.

    Attributes:
        lock: lets one thread at a time use it, so that they neither get in each other's way nor all try a dead store.
        time: the store's, which may go back.
        ahead_s: by how much the store's clock is ahead of this machine's, at least; None if that is not known.
        ahead_of_asking_s: by how much it is ahead, when a question is there, of this machine's when it was asked.
        tries_at: from when on the store may be tried.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.time = SteadyTime()
        self.ahead_s: float | None = None
        self.ahead_of_asking_s = 0.0
        self.tries_at = float("-inf")
        self._failures = 0

    def lost(self, error: StoreAwayError, now: float) -> None:
        """The store did not answer: it is left alone for a while."""
        if not self._failures:
            log.warning(
                "the store of the request budget is away (%s): stops go out, reads use this machine's share, starts "
                "and deletes wait",
                error,
            )
        self.tries_at = now + _PAUSES_S[min(self._failures, len(_PAUSES_S) - 1)]
        self._failures += 1

    def found(self) -> None:
        """The store answers."""
        if self._failures:
            self._failures = 0
            log.info("the store of the request budget is back")


def _as_it_was(data: bytes) -> Ledger:
    """A ledger at the time at which it was saved."""
    return Ledger.load(data, lambda saved_at: max(saved_at, 0.0))
