"""``RequestBudget``: never more than so many requests of an account in any 60 s, from all processes that share it.

Kore.ai allows 60 requests a minute for the whole account, and Airflow starts a process for every task: a count kept
in one process is not enough. ``budget_ledger`` is the state and the decision, ``budget_keeping`` leads to it, and this
module waits and tells.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import math
import operator
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_campaigns.kore.budget_keeping import BudgetTimeout, MachineKeeping
from airflow_provider_campaigns.kore.budget_ledger import (
    CAPACITY,
    LAYOUT,
    LEASE_S,
    WINDOW_S,
    Priority,
    Waiter,
    earliest_start,
    earliest_start_alone,
    earliest_start_away,
)
from airflow_provider_campaigns.kore.budget_shared import SharedKeeping
from airflow_provider_campaigns.kore.budget_store import FileStore, MemoryStore
from airflow_provider_campaigns.kore.identity import has_ended, kernel_and_namespace, this_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from airflow_provider_campaigns.kore.budget_ledger import Ledger, Reservation
    from airflow_provider_campaigns.kore.budget_shared import SharedStore
    from airflow_provider_campaigns.kore.budget_store import Store

__all__ = ["MAX_LIMIT", "WINDOW_S", "BudgetTimeout", "Priority", "RequestBudget"]

log = logging.getLogger(__name__)

MAX_LIMIT = CAPACITY
"""Requests in a window that a budget can count to."""

_LOOK_AGAIN_S = 0.25
"""While others are in the way: they may give up, die or give places back, and nobody would tell."""

_TELL_ABOVE_S = 1.0

_Result = TypeVar("_Result")


class RequestBudget:
    """At most ``limit`` requests of an account in any ``window_s`` seconds, wherever on their way they are counted.

    A request has a place from its start until ``window_s`` after its answer arrived. Places go to the more urgent
    ``Priority`` first, and among equals to who came first, across the threads and processes of one user on one
    machine, or of all machines with the same ``store``; and reads leave the last ``urgent`` of them free, so that what
    is wanted now does not wait until a report's requests have left the window. A process that dies is in nobody's way:
    its requests in flight count as answered ``max_request_s`` after their start, and its turns and reservations are
    passed over.

    Without a store several machines, and several users of one machine, know nothing of each other: they have to divide
    the limit.

    May be used from many threads, and after a fork. Where the shared file cannot be used, this process counts its own
    requests only, and says so in one warning. While the store is away stops go out at once, but for blocks; reads use
    this machine's share of what was free when it was seen last; everything else waits. One warning says so.
    """

    def __init__(
        self,
        limit: int = 60,
        window_s: float = WINDOW_S,
        *,
        account_key: str | None,
        urgent: int | None = None,
        directory: Path | None = None,
        store: SharedStore | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        max_request_s: float = 120.0,
    ) -> None:
        """Nothing is opened yet.

        Args:
            limit: requests in a window, 1 to ``MAX_LIMIT``. Callers with different limits may share an account.
            window_s: seconds.
            urgent: places that reads leave to stops and writes in a window, 0 to one below the limit; by default a
                tenth of the limit, rounded up, 6 of 60; two at least, for a look and a write, and half of the limit at
                most. What stops and writes have used of them is left no more, down to half of them, and to two.
            account_key: who shares the budget: everyone with the same text, of which only a hash is kept. None: this
                object's own callers, without a file.
            directory: where the shared file is; by default a directory of this user among the machine's temporary
                files, so that processes with different ``TMPDIR`` do not share.
            store: shares the budget with other machines: a ``RedisStore`` or a ``PostgresStore``. What of it this
                machine saw last is kept in the file. Without a key it is not used.
            clock: seconds, the same in all processes of the machine, never going back.
            sleep: waits for so many seconds.
            max_request_s: seconds after its start at which a request was counted by the service for certain.

        Raises:
            ValueError: if a number is out of its range, or the key is empty.
        """
        if not 1 <= limit <= MAX_LIMIT:
            raise ValueError(f"limit must be from 1 to {MAX_LIMIT}, not {limit!r}")
        if urgent is not None and not 0 <= urgent < limit:
            raise ValueError(f"urgent must be from 0 to {limit - 1}, below the limit, not {urgent!r}")
        if account_key is not None and not account_key:
            raise ValueError("account_key must not be empty: unrelated accounts would share a budget")
        _check_duration("window_s", window_s)
        _check_duration("max_request_s", max_request_s)
        self.limit = limit
        self.urgent = min(limit // 2, max(2, math.ceil(limit / 10))) if urgent is None else urgent
        self.window_s = window_s
        self.max_request_s = max_request_s
        self._sleep = sleep
        self._directory = directory
        name = f"{hashlib.sha256((account_key or '').encode()).hexdigest()}.{LAYOUT}"
        self._name = f"{name}.{kernel_and_namespace()}"
        self._keeping: MachineKeeping | SharedKeeping
        if account_key is None or store is None:
            own_store: Store = MemoryStore() if account_key is None else FileStore(directory, self._name)
            self._keeping = MachineKeeping(own_store, self._name, clock)
        else:
            seen = f"{self._name}.seen"
            self._keeping = SharedKeeping(store, name, FileStore(directory, seen), seen, clock=clock, sleep=sleep)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def __str__(self) -> str:
        rate = f"{self.limit} a minute" if self.window_s == WINDOW_S else f"{self.limit} in {self.window_s:g} s"
        rate += f", {self.urgent} of them not for reads" if self.urgent else ""
        return f"{rate}, {self._keeping}"

    @contextlib.contextmanager
    def slot(
        self,
        priority: Priority = Priority.READ,
        *,
        timeout_s: float | None = None,
        block_timeout_s: float = math.inf,
    ) -> Iterator[None]:
        """A place for one request, sent in the ``with`` block, which ends when the answer is there.

        Entering the block waits for the place; a wait of more than a second is logged, once. A block that ends with
        an exception has used its place as well: the service may have counted the request.

        Args:
            priority: how urgent the request is.
            timeout_s: seconds to wait at most; 0 asks once, None waits for as long as it takes.
            block_timeout_s: seconds for which a block is waited for at most.

        Raises:
            BudgetTimeout: on entering, if no place gets free in that time; at once, where that is certain or a block
                lasts longer than that.
        """
        with self.hold(1, priority, timeout_s=timeout_s, block_timeout_s=block_timeout_s) as use_place, use_place():
            yield

    @contextlib.contextmanager
    def hold(
        self,
        places: int,
        priority: Priority,
        *,
        timeout_s: float | None = None,
        block_timeout_s: float = math.inf,
        probe_timeout_s: float = 0.0,
    ) -> Iterator[Callable[[], AbstractContextManager[InUse]]]:
        """Places for requests that are sent one after the other in the ``with`` block, without waiting in between.

        They are taken in one step, or none is: whoever held one and waited for the next would be in the way of others
        who do the same. Each call of what the block is given uses one of them, in a ``with`` block of its own, as
        ``slot`` does; that block is given what is to be told if nothing was sent after all, and how it was answered.
        What was not used is given back.

        With a ``probe_timeout_s`` stops wait for so long for their turn to be a probe, of which one is let through a
        block a minute, by all processes; or for the answer to another's, that ends it for stops.

        Raises:
            ValueError: on entering, if there never are so many places.
            BudgetTimeout: as of ``slot``.
        """
        most = self.limit - self.kept_from(priority)
        if not 1 <= places <= most:
            raise ValueError(f"places must be from 1 to the limit of {most}, not {places!r}")
        turn = _Turn(
            self,
            places,
            int(priority),
            timeout_s=math.inf if timeout_s is None else timeout_s,
            block_timeout_s=block_timeout_s,
            probe_timeout_s=probe_timeout_s,
        )
        self._start(turn)
        try:
            yield lambda: self._use(turn)
        finally:
            if turn.tickets:
                self._transact(turn.leave)

    @contextlib.contextmanager
    def _use(self, turn: _Turn) -> Iterator[InUse]:
        """Use the place of the first ticket, unless it is put back."""
        ticket = turn.tickets.pop(0)
        in_use = InUse()
        try:
            yield in_use
        finally:
            if in_use.is_given_back:
                turn.tickets.insert(0, ticket)
            else:
                is_lifted = turn.is_probe and in_use.is_answered
                self._transact(lambda ledger: ledger.land(ticket, is_lifted=is_lifted))

    def block(self, seconds: float, *, priority: Priority = Priority.STOP) -> None:
        """Let nothing of the account start for so many seconds: the service said that there were too many requests.

        A block is never shortened by another one. Requests in flight go on.

        Args:
            seconds: from now.
            priority: the most urgent requests that are blocked; those above it go on.

        Raises:
            ValueError: if the seconds are negative or endless.
        """
        if not 0 <= seconds < math.inf:
            raise ValueError(f"a block lasts a number of seconds from 0, not {seconds!r}")
        self._transact(lambda ledger: ledger.block(int(priority), ledger.now + seconds))

    @contextlib.contextmanager
    def reserve(self, places: int, *, duration_s: float) -> Iterator[None]:
        """Keep places free from reads, starts and deletes in the ``with`` block, for stops that this process will send.

        It ends with the block, after ``duration_s`` or with this process, whichever is first. Each request of
        ``Priority.STOP`` that this process starts uses up one of the places, so that the others get on with
        what is left; a read that must not wait for others, such as the one that confirms the stops, is sent with
        that priority too. A reservation takes nothing from requests that have a place already: to find its places
        free, it begins a window before they are needed.

        Args:
            places: how many; from the limit on, nothing but stops is sent meanwhile.
            duration_s: seconds that it lasts at most.

        Raises:
            ValueError: on entering, if a number is out of its range.
        """
        if not 1 <= places <= MAX_LIMIT:
            raise ValueError(f"places must be from 1 to {MAX_LIMIT}, not {places!r}")
        _check_duration("duration_s", duration_s)
        lease_s = LEASE_S if isinstance(self._keeping, SharedKeeping) else math.inf
        reservation = self._transact(
            lambda ledger: ledger.reserve(
                places, ends_at=ledger.now + duration_s, renewed_until=ledger.now + lease_s, owner=this_process()
            )
        )
        try:
            with self._renewed(reservation, lease_s):
                yield
        finally:
            self._transact(lambda ledger: ledger.reservations.pop(reservation.ticket, None))

    @contextlib.contextmanager
    def _renewed(self, reservation: Reservation, lease_s: float) -> Iterator[None]:
        """Say now and then that this process is there, for machines that cannot see it."""
        is_over = threading.Event()

        def renew(kept: Reservation) -> None:
            while not is_over.wait(lease_s / 3):
                with contextlib.suppress(Exception):  # whatever it is, the budget's next user meets it and tells
                    kept = self._transact(operator.methodcaller("renew", kept))

        thread = threading.Thread(target=renew, args=(reservation,), name="kore-campaign-reservation", daemon=True)
        if lease_s < math.inf:
            thread.start()
        try:
            yield
        finally:
            is_over.set()
            if lease_s < math.inf:
                thread.join()

    def peek(self, *, here: bool = False) -> Ledger:
        """A copy of the ledger as of now, without what is over; nothing is changed, made or waited for.

        Args:
            here: of a store that several machines share, what this machine saw last of it, and did since.

        Raises:
            OSError: the file cannot be read.
            StoreAwayError: the store cannot.
        """
        keeping = self._keeping
        ledger = keeping.peek_here() if here and isinstance(keeping, SharedKeeping) else keeping.peek()
        ledger.drop_what_is_over(has_ended)
        return ledger

    def store_beside(self, what: str) -> Store:
        """Where something else about the account is kept for all who share this budget on this machine: a file."""
        is_shared = isinstance(self._keeping, SharedKeeping) or self._keeping.is_shared
        return FileStore(self._directory, f"{self._name}.{what}") if is_shared else MemoryStore()

    def kept_from(self, priority: int) -> int:
        """How many places what is so urgent leaves free, whoever has reserved none."""
        return self.urgent if priority == Priority.READ else 0

    def _start(self, turn: _Turn) -> None:
        """Wait for this turn and take its places."""
        is_told = False
        try:
            while True:
                # Only tickets that were saved are the turn's own; a failed look may have drawn another's numbers.
                turn.tickets, sleep_s = self._transact(turn.take_or_wait)
                if not sleep_s:
                    return
                if turn.wait_s > _TELL_ABOVE_S and not is_told:
                    is_told = True
                    log.info("waiting %.1f s for the request budget (%s)", turn.wait_s, self)
                self._sleep(sleep_s)
        except BaseException:
            if turn.tickets:
                self._transact(turn.leave)
            raise

    def _transact(self, step: Callable[[Ledger], _Result]) -> _Result:
        """Let ``step`` read and change the ledger as of now, with everyone else kept out."""

        def step_for_limit(ledger: Ledger) -> _Result:
            ledger.keep_for(self.limit)
            return step(ledger)

        return self._keeping.transact(step_for_limit)


class InUse:
    """A place whose request is being sent.

    Attributes:
        is_given_back: to be set where nothing was sent after all.
        is_answered: to be set where it was answered, and not by a rate limit.
    """

    def __init__(self) -> None:
        self.is_given_back = False
        self.is_answered = False


class _Turn:
    """The way of requests that start together to their places, from when they first asked.

    Attributes:
        tickets: their numbers in the ledger; none until they have them.
        is_probe: whether they started in spite of a block.
        wait_s: seconds from their last look until they start, as far as could be seen.
    """

    def __init__(
        self,
        budget: RequestBudget,
        places: int,
        priority: int,
        *,
        timeout_s: float,
        block_timeout_s: float,
        probe_timeout_s: float,
    ) -> None:
        self.tickets: list[int] = []
        self.is_probe = False
        self.wait_s = 0.0
        self._budget = budget
        self._places = places
        self._priority = priority
        self._timeout_s = timeout_s
        self._block_timeout_s = block_timeout_s
        self._probe_timeout_s = probe_timeout_s
        self._asked_at: float | None = None

    def take_or_wait(self, ledger: Ledger) -> tuple[list[int], float]:
        """Take the places if it is their turn, else queue: the tickets, and seconds until they look again or 0.

        Raises:
            BudgetTimeout: if the time is over, or will be before there are places.
        """
        budget, priority, now, me = self._budget, self._priority, ledger.now, this_process()
        kept = budget.kept_from(priority)
        tickets = self.tickets or [ledger.new_ticket() for _ in range(self._places)]
        for ticket in tickets[:-1]:
            ledger.waiters[ticket] = Waiter(ticket, now, *me, priority)
        asked_at = now if self._asked_at is None else self._asked_at
        probes_until = asked_at + self._probe_timeout_s
        as_probe = ledger.is_blocked_for_stops and priority == Priority.STOP and now < probes_until
        when = earliest_start_away if ledger.is_away else earliest_start
        start = when(
            ledger,
            priority=priority,
            ticket=tickets[-1],
            limit=budget.limit,
            kept=kept,
            window_s=budget.window_s,
            as_probe=as_probe,
        )
        if start <= now:
            self.is_probe = as_probe
            if as_probe:
                ledger.send_probe(tickets[0])
            for number, ticket in enumerate(tickets, start=1):
                # Sent one after the other, so the last may be on its way long after the first.
                ledger.take_off(ticket, lapses_at=now + number * budget.max_request_s, owner=me, priority=priority)
                if priority == Priority.STOP:
                    ledger.draw(me)
            return tickets, 0.0
        self._asked_at = asked_at
        blocked_s = ledger.blocked_until[priority] - now
        if blocked_s > self._block_timeout_s and not as_probe:
            raise BudgetTimeout(start - asked_at, self._timeout_s, blocked_s)
        deadline = asked_at + self._timeout_s
        # The store may be back at any moment.
        alone = (
            now
            if ledger.is_away
            else earliest_start_alone(
                ledger,
                priority=priority,
                places=self._places,
                limit=budget.limit,
                kept=kept,
                window_s=budget.window_s,
                as_probe=as_probe,
            )
        )
        if as_probe:
            # The answer to another's probe may come at any moment, and then there is a place.
            alone = min(now if ledger.is_probed else alone, probes_until)
        if now >= deadline or alone > deadline:
            raise BudgetTimeout(start - asked_at, self._timeout_s)
        self.wait_s = start - now
        # Whatever happens, there is no place before ``alone``. After it, whoever is in the way has to be watched.
        wakes_at = min(start, max(alone, now + _LOOK_AGAIN_S), deadline)
        for ticket in tickets if not ledger.is_away or priority != Priority.WRITE else ():
            ledger.waiters[ticket] = Waiter(ticket, wakes_at, *me, priority)
        return tickets, wakes_at - now

    def leave(self, ledger: Ledger) -> None:
        """What has its ticket still will not be sent: it gives its turn back, or its place."""
        if ledger.probe in self.tickets:
            ledger.recall_probe()
        for ticket in self.tickets:
            ledger.waiters.pop(ticket, None)
            if ledger.flights.pop(ticket, None) is not None and self._priority == Priority.STOP:
                ledger.draw(this_process(), -1)


def _check_duration(name: str, seconds: float) -> None:
    if not 0 < seconds < math.inf:
        raise ValueError(f"{name} must be a positive number of seconds, not {seconds!r}")
