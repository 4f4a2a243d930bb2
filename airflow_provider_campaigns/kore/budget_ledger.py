"""What an account's requests have used of its budget, and when the next one may start. No clock, no file, no waiting.

A request occupies a place from the moment it is allowed to start until one window after its answer arrived: the
service counts it somewhere in between, and nobody outside can say where. It is *in flight* until it is answered.

The bytes of a ledger, little-endian, one after the other::

    _SEAL, _HEADER, and as many as the header says:
    flights (u8, f8, u8, i4, i4)        ticket, when it counts as answered at the latest, machine, process, priority
    waiters (u8, f8, u8, i4, i4)        ticket, when it looks again, machine, process, priority
    reservations (u8, f8, u8, i4, i4, f8)   ticket, when it ends, machine, process, places, until when it is renewed
    machines (u8, f8, u8)               machine, when it last said that it is there, the version that it wrote last
    answers (f8)                        when the last ones arrived, in order: as many as the highest limit needs
    urgent answers (f8)                 those among them that were no reads'

Because the answers are in order, one of them tells whether there is a place, whatever the limit is, and callers with
different limits may share a ledger.
"""

from __future__ import annotations

import enum
import itertools
import math
import operator
import random
import struct
import zlib
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_campaigns.kore.identity import Owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LAYOUT = "v5"
"""Part of a ledger's name, so that versions of this package that read it differently do not meet."""

WINDOW_S = 60.0
"""The minute over which the service counts requests (page: rate limits)."""

CAPACITY = 16_384
"""Answers a ledger remembers at most, and so the highest limit it can keep."""

LONG_BLOCK_S = WINDOW_S + 1.0
"""A longer block is for more than the minute over which requests are counted, jitter included: stops probe it."""

LATE_S = 1.0
"""Seconds after which a waiter that has not looked again as it said is passed over, even if its process lives."""

LEASE_S = 5.0
"""Seconds for which a reservation in a store of several machines is believed; its process renews it meanwhile."""

_LEFT_AT_LEAST = 2
"""Places that reads leave at least, of those that are kept for what is urgent: for a look and a stop."""

_GONE_S = 120.0
"""Seconds after which a machine that said nothing is no longer counted."""

_SAYS_AGAIN_S = 10.0
"""Seconds after which a machine says again that it is there: not more often, since a store is to be written seldom."""

_UNKNOWN_MACHINES = 6
"""So many machines share an account that a new one meets while the store is away."""

_APART_BITS = 48

_MAGIC = b"budget\r\n"
# magic, CRC-32 of all that follows but the answers: of ten thousand it would take longer than all else together
_SEAL = struct.Struct("<8sI")
# number of flights, of waiters, of reservations, of machines, of answers, of urgent ones; the highest limit;
# blocked_until by priority; no_probe_until; probe; next ticket; saved_at; born; version; written_by; away_since;
# ahead_s; back_at
_HEADER = struct.Struct("<HHHHIIIddddQQdQQQddd")
# what the header ends with, from saved_at on
_OF_STORE = struct.Struct("<dQQQddd")
_ANSWER = struct.Struct("<d")
_FLIGHT = struct.Struct("<QdQii")
_WAITER = struct.Struct("<QdQii")
_RESERVATION = struct.Struct("<QdQiid")
_MACHINE = struct.Struct("<QdQ")
_ENTRIES_AT = _SEAL.size + _HEADER.size


class Priority(enum.IntEnum):
    """Who goes first when places are scarce; the lower the number, the more urgent."""

    STOP = 0
    WRITE = 1
    READ = 2


class Flight(NamedTuple):
    """A request that was sent and not yet answered; at ``lapses_at`` it counts as answered."""

    ticket: int
    lapses_at: float
    machine: int
    pid: int
    priority: int


class Waiter(NamedTuple):
    """A request that waits for its turn; ``wakes_at`` is when it said it would look again."""

    ticket: int
    wakes_at: float
    machine: int
    pid: int
    priority: int


class Reservation(NamedTuple):
    """Places kept free from everything but stops, for those that a process is about to send.

    It falls away at ``ends_at``, or at ``renewed_until`` if that is earlier.
    """

    ticket: int
    ends_at: float
    machine: int
    pid: int
    places: int
    renewed_until: float


class Machine(NamedTuple):
    """A machine that shares a store: when it last said that it is there, and which version it wrote last."""

    machine: int
    said_at: float
    version: int


class Ledger:
    """The state of an account's budget at one instant.

    Every time in it is a reading of the same clock, in seconds.

    Attributes:
        now: the instant.
        saved_at: when it was last saved; minus infinity for a new one.
        is_damaged: True if what was kept is no ledger, and this one is empty instead.
        flights: the requests in flight, by ticket.
        waiters: the requests that wait for their turn, by ticket.
        reservations: the places kept free for stops, by ticket.
        machines: those that share the ledger, by number.
        blocked_until: by priority, the time before which nothing may start, but for probes.
        no_probe_until: the time before which no stop may start as a probe, to see whether a block still holds.
        probe: the ticket of the latest probe; 0 if there was none.
        born: a number of this ledger's own: one that was lost, and begun anew, has another.
        version: one more each time it was saved in a store of several machines.
        written_by: the machine that gave it this version.
        away_since: since when this machine goes on without that store; minus infinity while it does not.
        ahead_s: by how much the store's clock is ahead of the machine's that saved.
        back_at: when a machine first told what it did while the store was away, or what the store had lost.
    """

    __slots__ = (
        "_answers",
        "_highest_limit",
        "_next_ticket",
        "_urgent_answers",
        "ahead_s",
        "away_since",
        "back_at",
        "blocked_until",
        "born",
        "flights",
        "is_damaged",
        "machines",
        "no_probe_until",
        "now",
        "probe",
        "reservations",
        "saved_at",
        "version",
        "waiters",
        "written_by",
    )

    def __init__(self, now: float, *, is_damaged: bool = False) -> None:
        self.now = now
        self.saved_at = -math.inf
        self.is_damaged = is_damaged
        self.flights: dict[int, Flight] = {}
        self.waiters: dict[int, Waiter] = {}
        self.reservations: dict[int, Reservation] = {}
        self.machines: dict[int, Machine] = {}
        self.blocked_until = [-math.inf, -math.inf, -math.inf]
        self.no_probe_until = -math.inf
        self.probe = 0
        self.written_by = 0
        self.away_since = -math.inf
        self.ahead_s = 0.0
        self.back_at = -math.inf
        # A ticket of a ledger that was lost must not mean another request in this one. Tickets are given out far
        # more slowly than one a microsecond, so the clock is ahead of all that were.
        self.born = self.version = self._next_ticket = max(1, int(now * 1e6))
        self._answers = self._urgent_answers = b""
        self._highest_limit = 1

    @classmethod
    def load(cls, data: bytes, time_after: Callable[[float], float]) -> Ledger:
        """The ledger that bytes keep; an empty one if there are none, or they make no sense.

        Args:
            data: what ``saved`` made; what follows it is ignored.
            time_after: from the time at which the ledger was saved last to what time it is.
        """
        if len(data) < _ENTRIES_AT or not data.startswith(_MAGIC):
            return cls(time_after(-math.inf), is_damaged=bool(data))
        flights, waiters, reservations, machines, answers, urgent, highest_limit, *rest = _HEADER.unpack_from(
            data, _SEAL.size
        )
        waiters_at = _ENTRIES_AT + flights * _FLIGHT.size
        reservations_at = waiters_at + waiters * _WAITER.size
        machines_at = reservations_at + reservations * _RESERVATION.size
        answers_at = machines_at + machines * _MACHINE.size
        urgent_at = answers_at + answers * _ANSWER.size
        end = urgent_at + urgent * _ANSWER.size
        if end > len(data) or data[: _SEAL.size] != _seal(data[_SEAL.size : answers_at]):
            return cls(time_after(-math.inf), is_damaged=True)
        ledger = cls(time_after(rest[6]))
        *ledger.blocked_until, ledger.no_probe_until, ledger.probe, ledger._next_ticket = rest[:6]
        ledger.saved_at, ledger.born, ledger.version, ledger.written_by = rest[6:10]
        ledger.away_since, ledger.ahead_s, ledger.back_at = rest[10:]
        ledger._highest_limit = highest_limit
        ledger._answers, ledger._urgent_answers = data[answers_at:urgent_at], data[urgent_at:end]
        if answers_at > _ENTRIES_AT:
            ledger.flights = {one[0]: Flight._make(one) for one in _FLIGHT.iter_unpack(data[_ENTRIES_AT:waiters_at])}
            turns = map(Waiter._make, _WAITER.iter_unpack(data[waiters_at:reservations_at]))
            ledger.waiters = {waiter.ticket: waiter for waiter in turns}
            kept = map(Reservation._make, _RESERVATION.iter_unpack(data[reservations_at:machines_at]))
            ledger.reservations = {reservation.ticket: reservation for reservation in kept}
            ledger.machines = {one[0]: Machine._make(one) for one in _MACHINE.iter_unpack(data[machines_at:answers_at])}
        return ledger

    def saved(self, at: float | None = None) -> bytes:
        """The ledger's bytes, as of ``now`` or of another time."""
        header = _HEADER.pack(
            len(self.flights),
            len(self.waiters),
            len(self.reservations),
            len(self.machines),
            len(self._answers) // _ANSWER.size,
            len(self._urgent_answers) // _ANSWER.size,
            self._highest_limit,
            *self.blocked_until,
            self.no_probe_until,
            self.probe,
            self._next_ticket,
            self.now if at is None else at,
            self.born,
            self.version,
            self.written_by,
            self.away_since,
            self.ahead_s,
            self.back_at,
        )
        data = b"".join((
            header,
            *itertools.starmap(_FLIGHT.pack, self.flights.values()),
            *itertools.starmap(_WAITER.pack, self.waiters.values()),
            *itertools.starmap(_RESERVATION.pack, self.reservations.values()),
            *itertools.starmap(_MACHINE.pack, self.machines.values()),
        ))
        return b"".join((_seal(data), data, self._answers, self._urgent_answers))

    @property
    def is_away(self) -> bool:
        """True if it is what this machine goes on with while the store of several machines is away."""
        return self.away_since > -math.inf

    def go_away(self) -> None:
        """From now on this machine counts alone."""
        if not self.is_away:
            self.away_since = self.now
            # What happens from here on is later than that.
            self.now = math.nextafter(self.now, math.inf)
            # Others give out tickets as well meanwhile, and theirs must not mean the same.
            self._next_ticket += random.getrandbits(_APART_BITS)

    def say_here(self, machine: int) -> None:
        """A machine uses this ledger."""
        known = self.machines.get(machine, Machine(machine, -math.inf, 0))
        if known.said_at + _SAYS_AGAIN_S < self.now or known.said_at < self.back_at:
            self.machines[machine] = known._replace(said_at=self.now)

    def sign(self, version: int, *, by: int) -> None:
        """Note which machine writes this ledger, under which new version."""
        self.version, self.written_by = version, by
        self.machines[by] = Machine(by, self.now, version)

    def share(self, limit: int, window_s: float) -> int:
        """The limit for a read while the store is away, so that the machines together keep to theirs.

        Each request of this machine counts as one of every machine, since they may do the same.
        """
        own = self.answered_since(max(self.away_since, self.now - window_s)) + len(self.flights)
        others = (len(self.machines) or _UNKNOWN_MACHINES) - 1
        return limit - others * (own + 1)

    def untold(self, window_s: float) -> int:
        """How many places machines may have used while the store was away, of which they have not told yet.

        Each is taken to have used as many as one that is back, until it is no longer counted.
        """
        silent = sum(machine.said_at < self.back_at for machine in self.machines.values())
        used = self.answered_since(self.now - window_s) + len(self.flights)
        return silent and silent * (used // max(1, len(self.machines) - silent) + 1)

    def may_learn_from(self, seen: bytes) -> bool:
        """True if a machine's ledger may hold what this one, of the store, does not: it was lost, is older, or away.

        Whether it is older is told by what it has of who wrote the other, for others may have gone on with it.
        """
        if len(seen) < _ENTRIES_AT:
            return False
        saved_at, born, version, by, away_since, _, _ = _OF_STORE.unpack_from(seen, _ENTRIES_AT - _OF_STORE.size)
        unknown = Machine(by, saved_at, self.version if saved_at + _GONE_S < self.now else 0)
        has_of_it = self.machines.get(by, unknown).version
        return bool(away_since > -math.inf or born != self.born or version > has_of_it)

    def absorb(self, seen: Ledger, *, of: int | None) -> None:
        """Add what a machine has seen and done.

        Args:
            seen: its ledger.
            of: the machine, where that ledger knows of all its processes; then what is in flight of it is what it says.
        """
        if self.born == seen.born and self.version >= seen.version:
            # Nothing was lost: a longer block of before may have been lifted meanwhile.
            seen.blocked_until = [min(until, self.now + WINDOW_S) for until in seen.blocked_until]
        if (seen.away_since if seen.is_away else seen.saved_at) > self.back_at:
            self.back_at = self.now
        self._highest_limit = max(self._highest_limit, seen._highest_limit)
        self._answers = self._both(self._answers, seen._answers)
        self._urgent_answers = self._both(self._urgent_answers, seen._urgent_answers)
        others = {ticket: one for ticket, one in self.flights.items() if one.machine != of}
        self.flights = seen.flights | others
        self.waiters = seen.waiters | self.waiters
        self.reservations = seen.reservations | self.reservations
        self.machines = seen.machines | self.machines
        self.blocked_until = [max(pair) for pair in zip(self.blocked_until, seen.blocked_until, strict=True)]
        self.no_probe_until = max(self.no_probe_until, seen.no_probe_until)
        self.probe = max(self.probe, seen.probe)
        self.version = max(self.version, seen.version)
        self._next_ticket = max(self._next_ticket, seen._next_ticket)

    def _both(self, answers: bytes, others: bytes) -> bytes:
        twice = Counter(_times(answers)) | Counter(_times(others))
        return b"".join(map(_ANSWER.pack, sorted(twice.elements())[-self._highest_limit :]))

    def answered_since(self, since: float) -> int:
        """How many answers arrived later than that, as far as they are remembered."""
        return sum(at > since for at in _times(self._answers))

    def keep_for(self, limit: int) -> None:
        """Remember as many answers as a caller with this limit needs."""
        self._highest_limit = max(self._highest_limit, limit)

    def drop_what_is_over(self, has_ended: Callable[[Owner], bool]) -> None:
        """Clear away what ended by itself.

        Flights past their time become answers of that time; waiters that are dead or late and reservations that
        ended, were not renewed or whose process died are removed, and machines that said nothing for long.

        Args:
            has_ended: whether a process is known to be gone.
        """
        now = self.now
        lapsed = sorted((one.lapses_at, one.ticket) for one in self.flights.values() if one.lapses_at <= now)
        for lapses_at, ticket in lapsed:
            self._record(lapses_at, self.flights.pop(ticket).priority)
        for waiter in list(self.waiters.values()):
            if waiter.wakes_at + LATE_S < now or has_ended(Owner(waiter.machine, waiter.pid)):
                del self.waiters[waiter.ticket]
        for kept in list(self.reservations.values()):
            if min(kept.ends_at, kept.renewed_until) <= now or has_ended(Owner(kept.machine, kept.pid)):
                del self.reservations[kept.ticket]
        for machine in list(self.machines.values()):
            if machine.said_at + _GONE_S < now:
                del self.machines[machine.machine]

    def new_ticket(self) -> int:
        """A number that no request and no reservation had before; the lower it is, the earlier one came."""
        self._next_ticket += 1
        return self._next_ticket - 1

    def take_off(self, ticket: int, *, lapses_at: float, owner: Owner, priority: int = Priority.READ) -> None:
        """A request starts; it counts as answered at ``lapses_at`` if nobody says so before."""
        self.waiters.pop(ticket, None)
        self.flights[ticket] = Flight(ticket, lapses_at, *owner, priority)

    def land(self, ticket: int, *, is_lifted: bool = False) -> None:
        """The request's answer is here, now; ``is_lifted`` says that it shows that a block holds no longer.

        Stops are then held back no more, and what is less urgent for a minute at most, so that they go first.

        A request that is not in flight here, because it lapsed or the ledger was lost, is counted again: one place
        too many for one window is better than one too few. It counts as a read.
        """
        flight = self.flights.pop(ticket, None)
        self._record(self.now, Priority.READ if flight is None else flight.priority)
        if is_lifted:
            self.blocked_until = [min(until, self.now + WINDOW_S) for until in self.blocked_until]
            self.blocked_until[Priority.STOP] = self.no_probe_until = self.now

    def reserve(self, places: int, *, ends_at: float, renewed_until: float = math.inf, owner: Owner) -> Reservation:
        """Keep places free for stops."""
        reservation = Reservation(self.new_ticket(), ends_at, *owner, places, renewed_until)
        self.reservations[reservation.ticket] = reservation
        return reservation

    def renew(self, reservation: Reservation) -> Reservation:
        """Its process is there, and says so; the answer is the reservation as it is now.

        One that fell away meanwhile, because its process stood still or could not reach the store, is there again.
        """
        kept = self.reservations.get(reservation.ticket, reservation)
        self.reservations[kept.ticket] = kept = kept._replace(renewed_until=self.now + LEASE_S)
        return kept

    def draw(self, owner: Owner, places: int = 1) -> None:
        """Use up a reserved place of a process, if it has one; -1 gives it back."""
        for kept in self.reservations.values():
            if (kept.machine, kept.pid) == owner and kept.places >= places:
                self.reservations[kept.ticket] = kept._replace(places=kept.places - places)
                return

    def block(self, priority: int, until: float) -> None:
        """Let nothing of this priority, and nothing less urgent, start before ``until``; never shortens a block.

        A block of stops that is not long holds back probes as well.
        """
        for level in range(priority, len(Priority)):
            self.blocked_until[level] = max(self.blocked_until[level], until)
        if priority == Priority.STOP and until - self.now <= LONG_BLOCK_S:
            self.no_probe_until = max(self.no_probe_until, until)

    @property
    def is_blocked_for_stops(self) -> bool:
        """True if a stop that starts now is a probe."""
        return self.blocked_until[Priority.STOP] > self.now

    @property
    def is_probed(self) -> bool:
        """True if a probe is in flight: its answer may end the block of stops at any moment."""
        return self.probe in self.flights

    def opens_at(self, priority: int, *, as_probe: bool) -> float:
        """Until when a block holds back what is so urgent; ``as_probe`` is of a stop that may be one."""
        until = self.blocked_until[priority]
        return min(until, self.no_probe_until) if as_probe else until

    def send_probe(self, ticket: int) -> None:
        """The request that takes off is a probe: the only one for a minute, unless its answer ends the block."""
        self.probe = ticket
        self.no_probe_until = self.now + WINDOW_S

    def recall_probe(self) -> None:
        """The probe was not sent after all: another may be, at once."""
        self.probe = 0
        self.no_probe_until = self.now

    def nth_latest_answer(self, n: int) -> float:
        """When the n-th latest answer arrived, from 1; minus infinity if there was none.

        An entry in the future is damage, and counts as none.
        """
        return self._nth_latest(self._answers, n)

    def rooms(self, kept: int, window_s: float) -> Iterator[tuple[int, float]]:
        """How many of the kept places have to be free, the fewest first, and until when so few will do.

        That may be over. What is urgent has used up the others until its answers are a window old, but half are always
        left, and two.
        """
        flights = sum(one.priority != Priority.READ for one in self.flights.values())
        used_up = flights + len(self._urgent_answers) // _ANSWER.size
        least = min(kept, max(_LEFT_AT_LEAST, math.ceil(kept / 2)))
        for left in range(max(least, kept - used_up), kept):
            answered = kept - left - flights
            yield left, self._nth_latest(self._urgent_answers, answered) + window_s if answered > 0 else math.inf
        yield kept, math.inf

    def _nth_latest(self, answers: bytes, n: int) -> float:
        offset = len(answers) - n * _ANSWER.size
        if offset < 0:
            return -math.inf
        at: float = _ANSWER.unpack_from(answers, offset)[0]
        return at if at <= self.now else -math.inf

    def _record(self, at: float, priority: int) -> None:
        # In order: a flight that lapsed did so after the last change, or that change would have dropped it.
        self._answers = (self._answers + _ANSWER.pack(at))[-self._highest_limit * _ANSWER.size :]
        if priority != Priority.READ:
            self._urgent_answers = (self._urgent_answers + _ANSWER.pack(at))[-self._highest_limit * _ANSWER.size :]


def earliest_start(
    ledger: Ledger, *, priority: int, ticket: int, limit: int, kept: int, window_s: float, as_probe: bool = False
) -> float:
    """When a request may start, as far as the ledger can tell; not after ``ledger.now`` if it may start now.

    Of several that start together, ``ticket`` is the last one's; the others wait before it.

    It may start when there is a place for it *and* for every waiter that comes before it, so that those who come
    later need not wait until a waiter wakes up to take its own. What is less urgent than a stop leaves the reserved
    places alone, and what is left of those that are ``kept`` from it anyway: those that are reserved are among them.
    ``as_probe`` is of a stop that may start in spite of a block, once a minute.

    The answer is exact if nothing else happens. It comes earlier if a waiter ahead gives up, a reservation is given
    back or a machine tells what it did while a store was away, and later if a more urgent request comes or the account
    is blocked.
    """
    untold = 0 if priority == Priority.STOP else ledger.untold(window_s)
    limit -= untold
    ahead = sum((waiter.priority, waiter.ticket) < (priority, ticket) for waiter in ledger.waiters.values())
    reservations = () if priority == Priority.STOP else ledger.reservations.values()
    reserved = sum(reservation.places for reservation in reservations)
    start = _place_beside_is_free_at(ledger, limit, ahead, window_s, reserved=reserved, kept=kept)
    for reservation in sorted(reservations, key=operator.attrgetter("ends_at")):
        reserved -= reservation.places
        free_at = _place_beside_is_free_at(ledger, limit, ahead, window_s, reserved=reserved, kept=kept)
        start = min(start, max(reservation.ends_at, free_at))
    if untold:
        start = min(start, ledger.now + window_s)
    return max(start, ledger.opens_at(priority, as_probe=as_probe))


def earliest_start_alone(
    ledger: Ledger, *, priority: int, places: int, limit: int, kept: int, window_s: float, as_probe: bool = False
) -> float:
    """When so many may start if nobody else waits and nothing is reserved.

    Nothing that happens makes it earlier, but the answer to a probe.
    """
    start = _place_beside_is_free_at(ledger, limit, places - 1, window_s, reserved=0, kept=kept)
    return max(start, ledger.opens_at(priority, as_probe=as_probe))


def earliest_start_away(
    ledger: Ledger, *, priority: int, ticket: int, limit: int, kept: int, window_s: float, as_probe: bool = False
) -> float:
    """``earliest_start`` while the store of several machines is away, which nobody can tell how long.

    A stop goes out at once: the service may refuse it, and then it is sent again. A read uses this machine's share.
    What else changes something is not urgent enough to be sent on a guess.
    """
    opens_at = ledger.opens_at(priority, as_probe=as_probe)
    if priority == Priority.STOP:
        return opens_at
    start = ledger.now + window_s
    if priority == Priority.READ:
        share = ledger.share(limit, window_s)
        free_at = earliest_start(ledger, priority=priority, ticket=ticket, limit=share, kept=kept, window_s=window_s)
        start = min(start, free_at)
    return max(start, opens_at)


def _place_beside_is_free_at(
    ledger: Ledger, limit: int, ahead: int, window_s: float, *, reserved: int, kept: int
) -> float:
    """When there is a place beside those that are reserved or kept, whichever is more."""
    for left, until in ledger.rooms(kept, window_s):
        start = _place_is_free_at(ledger, limit - max(reserved, left), ahead, window_s)
        if start < until:
            break
    return start


def _place_is_free_at(ledger: Ledger, limit: int, ahead: int, window_s: float) -> float:
    if limit < 1:
        return math.inf
    # Whoever comes a whole limit of waiters later comes a window later.
    windows, ahead = divmod(ahead, limit)
    answers_left = limit - 1 - ahead - len(ledger.flights)
    if answers_left < 0:
        # A place must come from a request in flight, answered in this instant at the earliest.
        return ledger.now + (windows + 1) * window_s
    return max(ledger.now, ledger.nth_latest_answer(answers_left + 1) + window_s) + windows * window_s


def _times(answers: bytes) -> Iterator[float]:
    return (at for (at,) in _ANSWER.iter_unpack(answers))


def _seal(data: bytes) -> bytes:
    return _SEAL.pack(_MAGIC, zlib.crc32(data))
