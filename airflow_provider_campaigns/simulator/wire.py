"""Answers that misbehave on the wire: reset, cut off, byte by byte, or with something before them."""

from __future__ import annotations

import asyncio
import socket
import struct
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send
    from uvicorn.server import ServerState

_LINGER_ZERO = struct.pack("ii", 1, 0)


class Wire:
    """The server's open connections, found by the caller's address; a server attaches its state once it has one.

    `closing` is set when the server is about to end, so that nobody waits on it.
    """

    def __init__(self) -> None:
        self._state: ServerState | None = None
        self.closing = asyncio.Event()

    def attach(self, state: ServerState) -> None:
        """Look for connections in the state of a running server from now on."""
        self._state = state
        self.closing = asyncio.Event()

    def transport(self, scope: Scope) -> asyncio.Transport:
        """The transport that a request came in on.

        Raises:
            RuntimeError: it did not come through a socket of an attached server.
        """
        if (found := self._connection(scope)) is None:
            raise RuntimeError("connection faults need a real server: there is no connection to break")
        transport: asyncio.Transport = found.transport
        return transport

    def keep_alive(self, scope: Scope, seconds: float) -> None:
        """Let the connection that a request came in on be closed after so many seconds of silence."""
        if (found := self._connection(scope)) is not None:
            found.timeout_keep_alive = seconds

    def _connection(self, scope: Scope) -> Any:
        connections: Any = self._state.connections if self._state else ()
        return next((one for one in connections if one.client == scope.get("client")), None)

    def close(self) -> None:
        """Set `closing` and break every open connection; call this in the server's event loop."""
        self.closing.set()
        self.break_all()

    def break_all(self) -> None:
        """Break every open connection; call this in the server's event loop."""
        for connection in tuple(self._state.connections) if self._state else ():
            found: Any = connection
            if found.transport is not None:
                found.transport.abort()


class Reset(Response):
    """No answer: the connection is closed by a TCP reset, as when a process or a middlebox dies."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Reset the connection that the request came in on."""
        transport = self._wire.transport(scope)
        sock: socket.socket = transport.get_extra_info("socket")
        # With a linger time of zero closing sends RST; without it the peer would read an orderly end.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        transport.abort()
        await _until_disconnected(receive)


class Truncated(Response):
    """An answer whose connection ends in the middle of the body."""

    def __init__(self, wire: Wire, content: bytes, status_code: int) -> None:
        super().__init__(content, status_code, media_type="application/json")
        self._wire = wire

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Announce the whole body, send half of it and close."""
        transport = self._wire.transport(scope)
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": half, "more_body": True})
        transport.close()
        await _until_disconnected(receive)


class Trickled(Response):
    """An answer whose bytes come one by one, those of its head as well."""

    def __init__(self, wire: Wire, content: bytes, status_code: int, seconds: float) -> None:
        super().__init__(content, status_code, media_type="application/json")
        self._wire = wire
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Send it so, unless the caller gives up, and close the connection."""
        transport = self._wire.transport(scope)
        lines = [_status_line(self.status_code), *(b": ".join(one) for one in self.raw_headers), b"connection: close"]
        answer = b"\r\n".join([*lines, b"", bytes(self.body)])
        for at in range(len(answer)):
            if transport.is_closing():
                break
            transport.write(answer[at : at + 1])
            await asyncio.sleep(self._seconds / len(answer))
        transport.close()
        await _until_disconnected(receive)


class Hinted(Response):
    """An answer before which a 1xx comes."""

    def __init__(self, wire: Wire, answer: Response, hint: int) -> None:
        super().__init__(status_code=answer.status_code)
        self._wire = wire
        self._answer = answer
        self._hint = hint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send both."""
        self._wire.transport(scope).write(_status_line(self._hint) + b"\r\n\r\n")
        await self._answer(scope, receive, send)


def _status_line(status: int) -> bytes:
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()


async def _until_disconnected(receive: Receive) -> None:
    """Return once the server knows that the connection is gone, or it would answer 500 on its own."""
    while (await receive())["type"] != "http.disconnect":
        pass
