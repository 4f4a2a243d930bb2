"""One request and its answer, on a connection that holds every step of them to one deadline.

Imported on first use only, with the libraries below it.
"""

from __future__ import annotations

import io
import socket
import time
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, LocationValueError, NewConnectionError

if TYPE_CHECKING:
    from collections.abc import Callable

UNDER_WAY: ContextVar[Exchange] = ContextVar("exchange")
"""What the connections that this thread uses are to carry."""


@dataclass(slots=True, kw_only=True)
class Exchange:
    """What is known of a request while it is under way.

    Attributes:
        connect_timeout_s: seconds for a connection: addresses, proxy and TLS.
        timeout_s: seconds from now to the last byte of the answer, that included.
        before_connecting: called before a connection is opened; it may wait.
        trusted_since: a kept connection that was last heard of before is not used again. Monotonic, as all times here.
        is_connecting: True while a connection is being opened: nothing was sent yet.
        idle_s: seconds for which a kept connection had not been used; 0 of a new one.
        is_answered: True once a byte of the answer has come.
    """

    connect_timeout_s: float
    timeout_s: float
    before_connecting: Callable[[], None]
    trusted_since: float
    is_connecting: bool = False
    idle_s: float = 0.0
    is_answered: bool = False
    _ends_at: float = field(init=False)
    _connected_by: float | None = None

    def __post_init__(self) -> None:
        self._ends_at = time.monotonic() + self.timeout_s

    def begin_connecting(self) -> None:
        """A connection is opened from now on."""
        self.is_connecting = True
        self._connected_by = min(self._ends_at, time.monotonic() + self.connect_timeout_s)

    def end_connecting(self) -> None:
        """The connection is there."""
        self.is_connecting = False
        self._connected_by = None

    def left_s(self) -> float:
        """Seconds that the present step may take.

        Raises:
            TimeoutError: the time is over.
        """
        left_s = (self._connected_by or self._ends_at) - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        return left_s


class TimedConnection(HTTPConnection):
    """Mixed into each kind of connection."""

    _heard_at: float | None = None

    @property
    def is_connected(self) -> bool:
        """False also of a kept connection that is no longer trusted; whoever asks then opens it anew."""
        return super().is_connected and (self._heard_at or 0.0) >= UNDER_WAY.get().trusted_since

    def connect(self) -> None:
        """Open it, at this thread's turn."""
        exchange = UNDER_WAY.get()
        exchange.before_connecting()
        exchange.begin_connecting()
        self.timeout = exchange.left_s()
        super().connect()
        exchange.end_connecting()
        self._heard_at = None  # a proxy's word is no use of the connection

    def request(self, *args: Any, **options: Any) -> None:
        """Send a request."""
        if self.sock is not None and self._heard_at is not None:
            UNDER_WAY.get().idle_s = time.monotonic() - self._heard_at
        super().request(*args, **options)

    def response_class(self, sock: socket.socket, **options: Any) -> HTTPResponse:  # type: ignore[override]
        """The answer that is about to come, also a proxy's."""
        return _TimedResponse(self, sock, **options)

    def heard(self) -> None:
        """A byte came."""
        self._heard_at = time.monotonic()
        UNDER_WAY.get().is_answered = True

    def _tunnel(self) -> None:
        super()._tunnel()
        self.sock.settimeout(UNDER_WAY.get().left_s())

    def _connect_tls_proxy(self, *args: Any) -> Any:
        """The connection to a proxy that speaks TLS itself; what goes through it is read in many small steps."""
        sock = super()._connect_tls_proxy(*args)  # type: ignore[misc]
        receive = sock.recv

        def receive_in_time(*args: Any) -> bytes:
            sock.settimeout(UNDER_WAY.get().left_s())
            received: bytes = receive(*args)
            return received

        sock.recv = receive_in_time
        return sock


class DirectConnection(TimedConnection):
    """A connection of ours to a host or a proxy, of which each address gets its share of the time."""

    def _new_conn(self) -> socket.socket:
        try:
            found = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        except UnicodeError:
            raise LocationValueError("no host name") from None
        except OSError:
            raise NewConnectionError(self, "no such host") from None
        *others, last = dict.fromkeys(str(address[0]) for *_, address in found)
        for number, address in enumerate(others):
            with suppress(NewConnectionError, ConnectTimeoutError):
                return self._connected_to(address, shares=len(others) + 1 - number)
        return self._connected_to(last, shares=1)

    def _connected_to(self, address: str, *, shares: int) -> socket.socket:
        """The connection to one address, in one of so many shares of the time that is left."""
        exchange, name = UNDER_WAY.get(), self._dns_host
        self._dns_host, self.timeout = address, exchange.left_s() / shares
        try:
            sock = super()._new_conn()
        finally:
            self._dns_host = name
        sock.settimeout(exchange.left_s())
        return sock


class _TimedResponse(HTTPResponse):
    """Reads an answer, whatever is sent before it, and lets nothing that comes behind it be taken for another."""

    def __init__(self, connection: TimedConnection, sock: socket.socket, **options: Any) -> None:
        super().__init__(sock, **options)
        self._connection = connection
        self._reader = _TimedReader(self.fp.detach(), sock, connection)
        self.fp = io.BufferedReader(self._reader)

    def begin(self) -> None:
        super().begin()
        # A line that is no header, and all behind it. The library would log it as it came, with whatever it repeats.
        self.msg.set_payload("")
        self.msg.defects.clear()

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]
        # Of what comes before an answer the library knows this one only, and takes another for the answer itself.
        return version, 100 if 100 < status < 200 else status, reason

    def _close_conn(self) -> None:
        self._reader.is_over = True
        # Behind a 204 there must be nothing, and if there is, it may come when the next request is under way.
        is_spoilt = self.fp.peek(1) or self.status == 204
        super()._close_conn()  # type: ignore[misc]
        if is_spoilt and not UNDER_WAY.get().is_connecting:
            self._connection.close()


class _TimedReader(io.RawIOBase):
    """The bytes of a socket, each reading of which gets what is left of the time."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, connection: TimedConnection) -> None:
        self._raw = raw
        self._sock = sock
        self._connection = connection
        self.is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.is_over:
            return 0
        self._sock.settimeout(UNDER_WAY.get().left_s())
        count = self._raw.readinto(buffer)
        if count:
            self._connection.heard()
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
