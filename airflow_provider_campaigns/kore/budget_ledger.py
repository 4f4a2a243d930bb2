"""What an account's requests have used of its budget, and when the next one may start. No clock, no file, no waiting.

A request occupies a place from the moment it is allowed to start until one window after its answer arrived: the
service counts it somewhere in between, and nobody outside can say where. It is *in flight* until it is answered.

The bytes of a ledger, little-endian::

    0               CAPACITY x f8       when the last answers arrived: a ring, always in order
    8 * CAPACITY    _SEAL, _HEADER, and as many as the header says:
                    flights (u8, f8)                ticket, when it counts as answered at the latest
                    waiters (u8, f8, i4, i4)        ticket, when it looks again, process, priority
                    reservations (u8, f8, i4, i4)   ticket, when it ends, process, places

Because the ring is in order, one of its numbers answers "is there a place?", whatever the limit is, and callers with
different limits may share a ledger.
"""

from __future__ import annotations

import enum
import itertools
import math
import operator
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

LAYOUT = "v2"
"""Part of a ledger's name, so that versions of this package that read it differently do not meet."""

WINDOW_S = 60.0
"""The minute over which the service counts requests (page: rate limits)."""

CAPACITY = 16_384
"""Answers a ledger remembers, and so the highest limit it can keep."""

LONG_BLOCK_S = WINDOW_S + 1.0
"""A longer block is for more than the minute over which requests are counted, jitter included: stops probe it."""

LATE_S = 1.0
"""Seconds after which a waiter that has not looked again as it said is passed over, even if its process lives."""

_RING_ENTRY = struct.Struct("<d")
_LEDGER_AT = CAPACITY * _RING_ENTRY.size
_MAGIC = b"budget\r\n"
# magic, CRC-32 of all that follows
_SEAL = struct.Struct("<8sI")
# number of flights, of waiters, of reservations; saved_at; blocked_until by priority; no_probe_until; probe; next
# ticket; answers recorded
_HEADER = struct.Struct("<HHHdddddQQQ")
_FLIGHT = struct.Struct("<Qd")
_WAITER = struct.Struct("<Qdii")
_RESERVATION = struct.Struct("<Qdii")
_ENTRIES_AT = _SEAL.size + _HEADER.size
_FIRST_READ = 1024


class Priority(enum.IntEnum):
    """Who goes first when places are scarce; the lower the number, the more urgent."""

    STOP = 0
    WRITE = 1
    READ = 2


class Region(Protocol):
    """Bytes that keep a ledger between two looks at it."""

    def read(self, size: int, offset: int) -> bytes:
        """Up to ``size`` bytes; fewer where nothing was written yet."""

    def write(self, data: bytes, offset: int) -> None:
        """Put bytes at an offset; a gap before it reads as zeros."""


class Waiter(NamedTuple):
    """A request that waits for its turn; ``wakes_at`` is when it said it would look again."""

    ticket: int
    wakes_at: float
    pid: int
    priority: int


class Reservation(NamedTuple):
    """Places kept free from everything but stops, for those that a process is about to send."""

    ticket: int
    ends_at: float
    pid: int
    places: int


class Ledger:
    """The state of an account's budget at one instant.

    Loaded, changed and saved under one lock. Every time in it is a reading of the same clock, in seconds.

    Attributes:
        now: the instant.
        is_damaged: True if the region held something that is no ledger, and this one is empty instead.
        flights: ticket of each request in flight, to the time at which it counts as answered at the latest.
        waiters: the requests that wait for their turn, by ticket.
        reservations: the places kept free for stops, by ticket.
        blocked_until: by priority, the time before which nothing may start, but for probes.
        no_probe_until: the time before which no stop may start as a probe, to see whether a block still holds.
        probe: the ticket of the latest probe; 0 if there was none.
    """

    __slots__ = (
        "_answered",
        "_next_ticket",
        "_region",
        "blocked_until",
        "flights",
        "is_damaged",
        "no_probe_until",
        "now",
        "probe",
        "reservations",
        "waiters",
    )

    def __init__(self, region: Region, now: float, *, is_damaged: bool = False) -> None:
        self.now = now
        self.is_damaged = is_damaged
        self.flights: dict[int, float] = {}
        self.waiters: dict[int, Waiter] = {}
        self.reservations: dict[int, Reservation] = {}
        self.blocked_until = [-math.inf, -math.inf, -math.inf]
        self.no_probe_until = -math.inf
        self.probe = 0
        self._region = region
        # A ticket of a ledger that was lost must not mean another request in this one. Tickets are given out far
        # more slowly than one a microsecond, so the clock is ahead of all that were.
        self._next_ticket = max(1, int(now * 1e6))
        self._answered = 0

    @classmethod
    def load(cls, region: Region, now: float) -> Ledger:
        """The ledger that a region keeps; an empty one if there is none, or none that makes sense.

        A ledger saved in the future is from before a restart of the machine, whose clock began again at zero: its
        requests are long out of the window.
        """
        data = region.read(_FIRST_READ, _LEDGER_AT)
        if not data:
            return cls(region, now)
        if len(data) < _ENTRIES_AT or not data.startswith(_MAGIC):
            return cls(region, now, is_damaged=True)
        flights, waiters, reservations, saved_at, *blocked_until, no_probe_until, probe, next_ticket, answered = (
            _HEADER.unpack_from(data, _SEAL.size)
        )
        waiters_at = _ENTRIES_AT + flights * _FLIGHT.size
        reservations_at = waiters_at + waiters * _WAITER.size
        end = reservations_at + reservations * _RESERVATION.size
        if end > len(data):
            data += region.read(end - len(data), _LEDGER_AT + len(data))
        if data[: _SEAL.size] != _seal(data[_SEAL.size : end]):
            return cls(region, now, is_damaged=True)
        ledger = cls(region, now)
        if saved_at > now:
            return ledger
        ledger.blocked_until = blocked_until
        ledger.no_probe_until = no_probe_until
        ledger.probe = probe
        ledger._next_ticket = next_ticket
        ledger._answered = answered
        if end > _ENTRIES_AT:
            ledger.flights = dict(_FLIGHT.iter_unpack(data[_ENTRIES_AT:waiters_at]))
            turns = map(Waiter._make, _WAITER.iter_unpack(data[waiters_at:reservations_at]))
            ledger.waiters = {waiter.ticket: waiter for waiter in turns}
            kept = map(Reservation._make, _RESERVATION.iter_unpack(data[reservations_at:end]))
            ledger.reservations = {reservation.ticket: reservation for reservation in kept}
        return ledger

    def save(self) -> None:
        """Write the ledger back to its region, as of ``now``."""
        header = _HEADER.pack(
            len(self.flights),
            len(self.waiters),
            len(self.reservations),
            self.now,
            *self.blocked_until,
            self.no_probe_until,
            self.probe,
            self._next_ticket,
            self._answered,
        )
        data = b"".join((
            header,
            *itertools.starmap(_FLIGHT.pack, self.flights.items()),
            *itertools.starmap(_WAITER.pack, self.waiters.values()),
            *itertools.starmap(_RESERVATION.pack, self.reservations.values()),
        ))
        # One write, so that a process killed in between leaves the old ledger or the new one.
        self._region.write(_seal(data) + data, _LEDGER_AT)

    def drop_what_is_over(self, is_running: Callable[[int], bool]) -> None:
        """Clear away what ended by itself.

        Flights past their time become answers of that time; waiters that are dead or late and reservations that
        ended or whose process did are removed.

        Args:
            is_running: whether the process of that number exists.
        """
        now = self.now
        if self.flights and min(self.flights.values()) <= now:
            for lapses_at, ticket in sorted((at, ticket) for ticket, at in self.flights.items() if at <= now):
                del self.flights[ticket]
                self._record(lapses_at)
        for waiter in list(self.waiters.values()):
            if waiter.wakes_at + LATE_S < now or not is_running(waiter.pid):
                del self.waiters[waiter.ticket]
        for reservation in list(self.reservations.values()):
            if reservation.ends_at <= now or not is_running(reservation.pid):
                del self.reservations[reservation.ticket]

    def new_ticket(self) -> int:
        """A number that no request and no reservation had before; the lower it is, the earlier one came."""
        self._next_ticket += 1
        return self._next_ticket - 1

    def take_off(self, ticket: int, *, lapses_at: float) -> None:
        """A request starts; it counts as answered at ``lapses_at`` if nobody says so before."""
        self.waiters.pop(ticket, None)
        self.flights[ticket] = lapses_at

    def land(self, ticket: int, *, is_lifted: bool = False) -> None:
        """The request's answer is here, now; ``is_lifted`` says that it shows that a block holds no longer.

        Stops are then held back no more, and what is less urgent for a minute at most, so that they go first.

        A request that is not in flight here, because it lapsed or the ledger was lost, is counted again: one place
        too many for one window is better than one too few.
        """
        self.flights.pop(ticket, None)
        self._record(self.now)
        if is_lifted:
            self.blocked_until = [min(until, self.now + WINDOW_S) for until in self.blocked_until]
            self.blocked_until[Priority.STOP] = self.no_probe_until = self.now

    def reserve(self, places: int, *, ends_at: float, pid: int) -> int:
        """Keep places free for stops; the answer is the reservation's ticket."""
        ticket = self.new_ticket()
        self.reservations[ticket] = Reservation(ticket, ends_at, pid, places)
        return ticket

    def draw(self, pid: int, places: int = 1) -> None:
        """Use up a reserved place of a process, if it has one; -1 gives it back."""
        for reservation in self.reservations.values():
            if reservation.pid == pid and reservation.places >= places:
                self.reservations[reservation.ticket] = reservation._replace(places=reservation.places - places)
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
        if n > self._answered or n > CAPACITY:
            return -math.inf
        index = (self._answered - n) % CAPACITY
        at: float = _RING_ENTRY.unpack(self._region.read(_RING_ENTRY.size, index * _RING_ENTRY.size))[0]
        return at if at <= self.now else -math.inf

    def _record(self, at: float) -> None:
        # In order: a flight that lapsed did so after the last change, or that change would have dropped it.
        index = self._answered % CAPACITY
        self._region.write(_RING_ENTRY.pack(at), index * _RING_ENTRY.size)
        self._answered += 1


def earliest_start(
    ledger: Ledger, *, priority: int, ticket: int, limit: int, kept: int, window_s: float, as_probe: bool = False
) -> float:
    """When a request may start, as far as the ledger can tell; not after ``ledger.now`` if it may start now.

    Of several that start together, ``ticket`` is the last one's; the others wait before it.

    It may start when there is a place for it *and* for every waiter that comes before it, so that those who come
    later need not wait until a waiter wakes up to take its own. What is less urgent than a stop leaves the reserved
    places alone, and so many as are ``kept`` from it anyway: those that are reserved are among them. ``as_probe`` is of
    a stop that may start in spite of a block, once a minute.

    The answer is exact if nothing else happens. It comes earlier if a waiter ahead gives up or a reservation is
    given back, and later if a more urgent request comes or the account is blocked.
    """
    if not ledger.waiters and not ledger.reservations:
        return earliest_start_alone(
            ledger, priority=priority, places=1, limit=limit - kept, window_s=window_s, as_probe=as_probe
        )
    ahead = sum((waiter.priority, waiter.ticket) < (priority, ticket) for waiter in ledger.waiters.values())
    reservations = () if priority == Priority.STOP else ledger.reservations.values()
    reserved = sum(reservation.places for reservation in reservations)
    start = _place_is_free_at(ledger, limit - max(reserved, kept), ahead, window_s)
    for reservation in sorted(reservations, key=operator.attrgetter("ends_at")):
        reserved -= reservation.places
        free_at = _place_is_free_at(ledger, limit - max(reserved, kept), ahead, window_s)
        start = min(start, max(reservation.ends_at, free_at))
    return max(start, ledger.opens_at(priority, as_probe=as_probe))


def earliest_start_alone(
    ledger: Ledger, *, priority: int, places: int, limit: int, window_s: float, as_probe: bool = False
) -> float:
    """When so many may start if nobody else waits and nothing is reserved.

    Nothing that happens makes it earlier, but the answer to a probe.
    """
    return max(_place_is_free_at(ledger, limit, places - 1, window_s), ledger.opens_at(priority, as_probe=as_probe))


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


def _seal(data: bytes) -> bytes:
    return _SEAL.pack(_MAGIC, zlib.crc32(data))
