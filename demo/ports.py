"""Ports of the loopback interface."""

from __future__ import annotations

import errno
import socket
import sys

LOOPBACK = "127.0.0.1"
# Elsewhere two sockets exclude each other on one port even if both set SO_REUSEADDR.
CAN_HOLD = sys.platform.startswith("linux")


class PortBusyError(RuntimeError):
    """The port that was asked for is in use."""


class ReservedPort:
    """A port that the kernel gives to nobody else while the server that will listen on it still starts.

    An api-server needs several seconds until it binds its port, long enough to lose it to some outgoing connection. A
    socket that is bound and does not listen prevents that, yet does not stand in the way of a server that sets
    SO_REUSEADDR, as asyncio's servers do. Where that does not work (all but Linux) the port is only looked up.

    Args:
        port: 0 for any free one.

    Raises:
        PortBusyError: somebody listens on `port`, or this user may not.
    """

    def __init__(self, port: int = 0) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((LOOPBACK, port))
        except OSError as error:
            self._socket.close()
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                raise PortBusyError(f"port {port} of {LOOPBACK} cannot be used: {error.strerror}") from error
            raise
        self.number: int = self._socket.getsockname()[1]
        if not CAN_HOLD:
            self.release()

    def release(self) -> None:
        """Let go of the port; a server that listens on it by now keeps it. A second call does nothing."""
        self._socket.close()
