"""The simulator as something that listens: two ports, one thread."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import socket
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import uvicorn

from airflow_provider_campaigns.simulator.app import service_app
from airflow_provider_campaigns.simulator.control import control_app
from airflow_provider_campaigns.simulator.engine import Engine
from airflow_provider_campaigns.simulator.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from fastapi import FastAPI

    from airflow_provider_campaigns.simulator.clock import Clock
    from airflow_provider_campaigns.simulator.credentials import Credentials
    from airflow_provider_campaigns.simulator.switches import Switches

_BACKLOG = 2048
_ENDS_WITHIN_S = 15.0


class KoreSimulator(Engine):
    """A running simulator: a context manager that listens on loopback while it is open.

    Ports are free ones unless given. `url` is the service, `control_url` the control port. The server runs in a thread
    of its own, so the test may block. `clock` and what follows it are those of `Engine`.

    Raises:
        ValueError: `host` is not a loopback address and `allow_remote` is False.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        control_port: int = 0,
        allow_remote: bool = False,
        access_log: bool = False,
        clock: Clock = time,
        ids_seed: int | None = None,
        credentials: Credentials | None = None,
        switches: Switches | None = None,
        seed: Mapping[str, Any] | list[Any] | str | Path | None = None,
    ) -> None:
        if not allow_remote and not _is_loopback(host):
            raise ValueError(f"the simulator listens on loopback only, not on {host}, unless remote access is allowed")
        super().__init__(clock=clock, ids_seed=ids_seed, credentials=credentials, switches=switches, seed=seed)
        self._host = host
        self._wanted_ports = (port, control_port)
        self._access_log = access_log
        self._wire = Wire()
        self._open: _Running | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Listen; when this returns, both ports answer.

        Raises:
            OSError: a port is in use.
            RuntimeError: it is running already.
        """
        if self._open:
            raise RuntimeError("the simulator is running already")
        with contextlib.ExitStack() as stack:
            sockets = [stack.enter_context(_listener(self._host, port)) for port in self._wanted_ports]
            apps = [service_app(self, self._wire), control_app(self)]
            servers = [_Server(_config(app, access_log=self._access_log)) for app in apps]
            self._wire.attach(servers[0].server_state)
            self._open = _Running(servers, sockets, self._wire)
            stack.pop_all()

    def close(self) -> None:
        """Stop listening and break what is still open; does nothing if it is not running."""
        running, self._open = self._open, None
        if running:
            running.stop()

    def refuse_connections(self, seconds: float) -> None:
        """Break all connections to the service, and refuse new ones for so many seconds from now; 0 ends that.

        When this returns, the port is closed, or open again. The control port stays open. `reset` ends it too.

        Raises:
            RuntimeError: the simulator is not running.
            ValueError: `seconds` is negative.
        """
        if not self._open:
            raise RuntimeError("the simulator is not running: use it in a with statement, or call start()")
        if seconds < 0:
            raise ValueError(f"connections are refused for a number of seconds from 0, not {seconds}")
        self._open.refuse(seconds)

    def reset(self) -> None:
        """Go back to the beginning, as `Engine` does; connections are no longer refused."""
        super().reset()
        if self._open:
            self._open.end_refusing()

    @property
    def url(self) -> str:
        """Address of the service, such as `http://127.0.0.1:50123`, without a slash at the end.

        Raises:
            RuntimeError: the simulator is not running.
        """
        return self._address(0)

    @property
    def control_url(self) -> str:
        """Address of the control port.

        Raises:
            RuntimeError: the simulator is not running.
        """
        return self._address(1)

    def connection_json(self, **extra: Any) -> str:
        """The Airflow connection to this simulator in JSON form; `extra` adds to or replaces its extras."""
        return json.dumps({
            "conn_type": "kore_campaign",
            "host": self.url,
            "login": self.client_id,
            "password": self.client_secret,
            "extra": {"stream_id": self.stream_id, "account_id": self.account_id, **extra},
        })

    def _address(self, which: int) -> str:
        if not self._open:
            raise RuntimeError("the simulator is not running: use it in a with statement, or call start()")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._open.ports[which]}"


class _Running:
    """Servers in their thread, from the moment they answer until they are stopped."""

    def __init__(self, servers: list[_Server], sockets: list[socket.socket], wire: Wire) -> None:
        self.ports = [sock.getsockname()[1] for sock in sockets]
        self._servers = servers
        self._sockets = sockets
        self._wire = wire
        self._loop = _Loop()
        self._thread = threading.Thread(target=self._run, name="kore-simulator", daemon=True)
        self._thread.start()
        for server in servers:
            server.answering.wait()
        if not all(server.started for server in servers):
            self._thread.join()
            raise RuntimeError("the simulator's server ended before it answered")

    def stop(self) -> None:
        for server in self._servers:
            server.should_exit = True
        # A request that hangs on order must not hold up the end.
        self._loop.call_soon_threadsafe(self._wire.close)
        self._thread.join(_ENDS_WITHIN_S)

    def refuse(self, seconds: float) -> None:
        asyncio.run_coroutine_threadsafe(self._servers[0].refuse(seconds, self._wire), self._loop).result()

    def end_refusing(self) -> None:
        if self._servers[0].is_refusing:
            self.refuse(0)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve())
        finally:
            for server in self._servers:
                server.answering.set()

    async def _serve(self) -> None:
        await asyncio.gather(*(server.serve([sock]) for server, sock in zip(self._servers, self._sockets, strict=True)))


class _Loop(asyncio.SelectorEventLoop):
    """A loop whose time goes on while a test freezes ``time.monotonic``; else what waits in it would never end."""

    # Not a global of this module, which freezegun would replace.
    _monotonic = staticmethod(time.monotonic)

    def time(self) -> float:
        return self._monotonic()


class _Server(uvicorn.Server):
    """A uvicorn server that says when it is listening, and may stop doing so for a while."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answering = threading.Event()
        self._address = ("", 0)
        self._opening: asyncio.Task[None] | None = None

    @property
    def is_refusing(self) -> bool:
        """True while the port is closed."""
        return self._opening is not None and not self._opening.done()

    async def refuse(self, seconds: float, wire: Wire) -> None:
        """Break what is open, and open the port again after so many seconds."""
        address = self._address
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        while self.servers:
            self.servers.pop().close()
        wire.break_all()
        # Bound and not listening: connections are refused, and nobody else gets the port.
        self._opening = asyncio.create_task(self._open_after(seconds, _bound(*address)))
        if not seconds:
            await self._opening

    async def _open_after(self, seconds: float, sock: socket.socket) -> None:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            sock.close()
            raise
        make: Any = self.config.http_protocol_class
        connection = partial(make, config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
        self.servers.append(await asyncio.get_running_loop().create_server(connection, sock=sock, backlog=_BACKLOG))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._address = self.servers[0].sockets[0].getsockname()[:2]
        self.answering.set()


def _config(app: FastAPI, *, access_log: bool) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="info" if access_log else "critical",
        access_log=access_log,
        date_header=False,  # every answer tells the simulator's own time
        backlog=_BACKLOG,
        timeout_graceful_shutdown=5,
    )


def _listener(host: str, port: int) -> socket.socket:
    listener = _bound(host, port)
    listener.listen(_BACKLOG)
    return listener


def _bound(host: str, port: int) -> socket.socket:
    # The protocol is named because asyncio sets TCP_NODELAY only where it is; without it every answer, being written in
    # two pieces, waits 40 ms for the peer's delayed acknowledgement (measured).
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"{host} port {port}: {error.strerror}") from error
    return listener


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
