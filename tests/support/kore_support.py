"""What the tests of the client share: accounts, clients that do not wait, and servers that misbehave."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.kore.auth import TokenSigner
from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.settings import KoreSettings
from airflow_provider_campaigns.kore.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_campaigns.simulator import KoreSimulator

Meanwhile = Callable[[str, Callable[[], object]], None]
"""The fixture ``meanwhile``: lets something happen right before the next call of a client's method."""

STREAM = "st-0603182c-7ffb-53c3-b307-47ca14b90000"
ACCOUNT = "67777ce93e25326494e90000"
CAMPAIGN = "cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000"
SECRET = "canary-secret-of-at-least-32-bytes-7d1"

REQUESTS = {
    "stop_voice_v1": (
        f"stop_voice_v1 of campaign {CAMPAIGN} (POST /campaign/api/v1/public/{STREAM}/campaign/{CAMPAIGN})"
    ),
    "status_v2": f"status_v2 of campaign {CAMPAIGN} (POST /campaign/api/v2/public/{STREAM}/campaign/{CAMPAIGN}/status)",
    "get_v2": f"get_v2 of campaign cd-1 (GET /campaign/api/v2/public/{STREAM}/campaign/cd-1)",
    "contacts_v2": f"contacts_v2 of campaign cd-1 (POST /campaign/api/v2/public/{STREAM}/campaign/cd-1/status)",
    "list_v2": f"list_v2 (POST /campaign/api/v2/public/{STREAM}/campaign/getAllCampaignDetails)",
}
"""How messages about these requests begin."""

OTHERWISE = ". If this platform wants it otherwise, endpoint_overrides or api_version of the connection can say so"
"""How they end where path, method or query may be why."""


def account(host: str = "https://platform.kore.ai", client_secret: str = SECRET, **fields: Any) -> KoreSettings:
    """An account at ``host``."""
    return KoreSettings(
        host=host,
        client_id="cs-1e845b00-81ad-5757-a1e7-d0f6fea10000",
        client_secret=client_secret,
        stream_id=STREAM,
        account_id=ACCOUNT,
        **fields,
    )


ENDPOINTS = account().endpoints
"""Those of every such account."""


def client_of(settings: KoreSettings, waits: list[float] | None = None, **arguments: Any) -> KoreClient:
    """A client whose waits are noted, and whose clock passes only while it waits."""
    noted: list[float] = [] if waits is None else waits

    def clock() -> float:
        return sum(noted)

    budget = RequestBudget(10_000, account_key=None, clock=clock, sleep=noted.append)
    return KoreClient(
        settings, **{"budget": budget, "clock": clock, "sleep": noted.append, "jitter": lambda: 0.5} | arguments
    )


def transport_to(settings: KoreSettings) -> Transport:
    """A transport with a budget of its own."""
    signer = TokenSigner(settings.client_id, settings.client_secret)
    return Transport(settings, budget=RequestBudget(10_000, account_key=None), signer=signer, clock=time.monotonic)


class Waits:
    """Waits during which something happens: the first event during the first wait, and so on."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.events: list[Callable[[], object]] = []

    def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if self.events:
            self.events.pop(0)()

    def clock(self) -> float:
        return sum(self.seconds)


def waiting_client(settings: KoreSettings, waits: Waits, *, limit: int) -> KoreClient:
    """A client of so many requests a minute, all of which reads may use, during whose waits things happen."""
    budget = RequestBudget(limit, account_key=None, urgent=0, clock=waits.clock, sleep=waits.sleep)
    return KoreClient(settings, budget=budget, clock=waits.clock, sleep=waits.sleep, jitter=lambda: 0.5)


@dataclass
class LetItWait:
    """Lets something happen while a write of a campaign waits, after the campaign was read and judged.

    Attributes:
        client: of six requests a minute.
        simulator: answers it.
        waits: its waits.
        wait: what it waits for: ``rate limit`` or ``full budget``.
    """

    client: KoreClient
    simulator: KoreSimulator
    waits: Waits
    wait: str

    def __call__(self, operation: str, campaign_id: str, event: Callable[[], object]) -> None:
        self.waits.events = [event]
        if self.wait == "rate limit":
            self.simulator.fail_next(429, operation=operation, campaign_id=campaign_id)
        else:
            for _ in range(4):
                self.client.get_campaign(campaign_id)


@dataclass
class Received:
    """One request as it came over the wire."""

    line: str
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass
class RawServer:
    """A server that answers every request with the same bytes and notes what it received.

    Attributes:
        answer: the bytes to send; None resets the connection instead.
        piece_s: seconds before each piece of it, if it is to come in pieces.
        piece_bytes: bytes in a piece.
        at_once: bytes that come before the first piece.
        port: where it listens; 0 for a free one.
        tunnel: answers CONNECT by becoming a tunnel to this port; None refuses it with ``answer``.
        tunnel_answer: what it says then.
    """

    answer: bytes | None
    tunnel: int | None = None
    tunnel_answer: bytes = b"HTTP/1.1 200 OK\r\n\r\n"
    piece_s: float = 0.0
    piece_bytes: int = 1
    at_once: int = 0
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, conn: socket.socket) -> None:
        """Serve one connection until it ends."""
        self.connections += 1
        number = self.connections
        with contextlib.suppress(OSError), conn, conn.makefile("rb") as stream:
            while received := read_request(stream, number):
                self.requests.append(received)
                if received.line.startswith("CONNECT ") and self.tunnel is not None:
                    conn.sendall(self.tunnel_answer)
                    relay(conn, self.tunnel, self.piece_s)
                    return
                if not self.respond(conn, received):
                    return

    def respond(self, conn: socket.socket, received: Received) -> bool:
        """Answer a request; False ends the connection. Servers with other manners have another one."""
        del received
        if self.answer is None:
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        begin = self.at_once if self.piece_s else len(self.answer)
        conn.sendall(self.answer[:begin])
        for at in range(begin, len(self.answer), self.piece_bytes):
            time.sleep(self.piece_s)
            conn.sendall(self.answer[at : at + self.piece_bytes])
        return True


def read_request(stream: Any, connection: int) -> Received | None:
    """The next request of a connection, None at its end."""
    line = stream.readline().decode("latin-1").rstrip("\r\n")
    if not line:
        return None
    headers = {}
    while header := stream.readline().decode("latin-1").rstrip("\r\n"):
        name, _, value = header.partition(": ")
        headers[name] = value
    return Received(line, headers, stream.read(int(headers.get("Content-Length", 0))), connection)


def relay(conn: socket.socket, port: int, piece_s: float) -> None:
    """Carry bytes both ways until either side ends, those to ``conn`` one by one if there is a pause before each."""
    with socket.create_connection(("127.0.0.1", port)) as other:
        back = threading.Thread(target=_pump, args=(other, conn, piece_s), daemon=True)
        back.start()
        _pump(conn, other)
        back.join()


def _pump(source: socket.socket, target: socket.socket, piece_s: float = 0.0) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 if piece_s else 65536):
            time.sleep(piece_s)
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def listening(
    server: RawServer, wrap: Callable[[socket.socket], socket.socket] = lambda sock: sock
) -> Iterator[RawServer]:
    """``server`` on its port of loopback; ``wrap`` may put TLS over each connection."""
    listener = socket.create_server(("127.0.0.1", server.port))
    server.port = listener.getsockname()[1]
    threads: list[threading.Thread] = []
    open_connections: list[socket.socket] = []

    def serve(raw: socket.socket) -> None:
        with contextlib.suppress(OSError):
            open_connections.append(conn := wrap(raw))
            server.serve(conn)
        raw.close()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                raw, _ = listener.accept()
                threads.append(threading.Thread(target=serve, args=(raw,), daemon=True))
                threads[-1].start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for conn in open_connections:
            with contextlib.suppress(OSError):
                conn.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(timeout=5)


def http_answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """An answer with a JSON body."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def closed_port() -> int:
    """A port of loopback at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
