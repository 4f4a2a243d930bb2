"""A request budget's ledger in Postgres, beside a libpq that answers as the real one does."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from typing import TYPE_CHECKING, Any

import pytest
from psycopg import OperationalError, pq

from airflow_provider_campaigns.kore.budget_postgres import PostgresStore
from airflow_provider_campaigns.kore.budget_shared import StoreAwayError

if TYPE_CHECKING:
    from collections.abc import Iterator

STATEMENTS = ("SELECT", "INSERT", "UPDATE", "CREATE")


class Result:
    """What libpq says of a statement."""

    def __init__(self, row: tuple[bytes | None, ...] = (), changed: int = 0, state: bytes | None = None) -> None:
        self._row = row
        self.command_tuples = changed
        self._state = state

    def error_field(self, field: pq.DiagnosticField) -> bytes | None:
        assert field == pq.DiagnosticField.SQLSTATE
        return self._state

    def get_value(self, row: int, column: int) -> bytes | None:
        return self._row[column]


class Server:
    """A database as libpq shows it."""

    def __init__(self) -> None:
        self.rows: dict[bytes, tuple[int, bytes]] | None = None
        self.may_create = True
        self.hangs = False
        self.refuses = False
        self.ends_connections = 0
        self.asked: list[str] = []
        self.connections: list[Connection] = []

    def execute(self, statement: bytes, values: list[bytes]) -> Result:
        word = next(word for word in statement.decode().split() if word in STATEMENTS)
        self.asked.append(word)
        if word == "CREATE":
            if self.may_create:
                self.rows = {} if self.rows is None else self.rows
            return Result(state=None if self.may_create else b"42501")
        if self.rows is None:
            return Result(state=b"42P01")
        version, ledger = self.rows.get(values[0], (None, None))
        if word == "SELECT":
            number = None if version is None else version.to_bytes(8)
            return Result((number, ledger, struct.pack("!d", 1750000000.25)))
        if (version is None) if word == "INSERT" else (version == int(values[3])):
            self.rows[values[0]] = int(values[1]), values[2]
            return Result(changed=1)
        return Result(changed=0)


class Connection:
    """What the store uses of ``psycopg.pq.PGconn``."""

    server: Server

    def __init__(self, conninfo: str) -> None:
        self.conninfo = conninfo
        self.nonblocking = 0
        self.is_finished = False
        self._here, self._there = socket.socketpair()
        self._polled = iter((pq.PollingStatus.WRITING, pq.PollingStatus.READING, pq.PollingStatus.OK))
        self._flushes = iter(())
        self._results: Iterator[Result | None] = iter(())
        self._is_busy = False
        self.server.connections.append(self)

    @classmethod
    def connect_start(cls, conninfo: bytes) -> Connection:
        return cls(conninfo.decode())

    @property
    def socket(self) -> int:
        return self._here.fileno()

    def _answer(self) -> None:
        if not self.server.hangs:
            self._there.send(b"!")

    def connect_poll(self) -> pq.PollingStatus:
        if self.server.refuses:
            return pq.PollingStatus.FAILED
        status = next(self._polled)
        if status == pq.PollingStatus.READING:
            self._answer()
        if status == pq.PollingStatus.OK:
            self._here.recv(1)
        return status

    def send_query_params(
        self, statement: bytes, values: list[bytes], *, param_formats: Any, result_format: int
    ) -> None:
        assert (self.nonblocking, result_format) == (1, 1)
        assert param_formats == [0, 0, 1, 0][: len(values)]
        if self.server.ends_connections:
            self.server.ends_connections -= 1
            raise OperationalError("server closed the connection; host=db.example.com")
        self._results = iter((self.server.execute(statement, values), None))
        self._flushes = iter((1, 0))
        self._is_busy = True
        self._answer()

    def flush(self) -> int:
        return next(self._flushes)

    def is_busy(self) -> bool:
        return self._is_busy

    def consume_input(self) -> None:
        self._here.recv(1)
        self._is_busy = False

    def get_result(self) -> Result | None:
        return next(self._results)

    def finish(self) -> None:
        self.is_finished = True
        self._here.close()
        self._there.close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server()
    monkeypatch.setattr(Connection, "server", server, raising=False)
    monkeypatch.setattr(pq, "PGconn", Connection)
    yield server
    for one in server.connections:
        one.finish()


@pytest.fixture
def store(server: Server) -> PostgresStore:
    return PostgresStore(host="db.example.com", password="the password", sslmode="require")


def test_load__nothing_kept(store, server):
    """The table is made on first use; of an account that nobody used there are no bytes; the time is the server's."""
    assert store.load("a") == (b"", 0, 1750000000.25)
    assert server.asked == ["SELECT", "CREATE", "SELECT"]


def test_replace__only_what_was_read(store, server):
    """Bytes are kept if their version is still the one that was read."""
    server.rows = {}

    assert store.replace("a", b"one", version=0, new_version=1_750_000_000_250_001) is True
    assert store.replace("a", b"other", version=0, new_version=7) is False
    assert store.replace("a", b"two", version=1_750_000_000_250_001, new_version=1_750_000_000_250_002) is True
    assert store.replace("a", b"other", version=1_750_000_000_250_001, new_version=9) is False

    assert store.load("a")[:2] == (b"two", 1_750_000_000_250_002)
    assert len(server.connections) == 1


def test_connection__as_the_options_say(store, server):
    """The options are libpq's own."""
    store.load("a")

    assert server.connections[0].conninfo == "host=db.example.com password='the password' sslmode=require"


def test_load__may_not_make_the_table(store, server):
    """Where the table may not be made, it is said that there is none."""
    server.may_create = False

    with pytest.raises(StoreAwayError) as caught:
        store.load("a")
    assert str(caught.value) == "Postgres: no table kore_campaign_budget, nor may it be made (42501)"


def test_load__refused(store, server):
    """A server that refuses is told by the kind of error alone: its words may name the address."""
    server.refuses = True

    with pytest.raises(StoreAwayError, match=r"^Postgres: OperationalError$"):
        store.load("a")
    assert server.connections[0].is_finished


@pytest.mark.parametrize("is_open", [True, False])
def test_load__hangs(store, server, is_open):
    """A server that says nothing is waited for a quarter of a second, and half a one to connect."""
    if is_open:
        store.load("a")
    server.hangs = True
    began_at = time.monotonic()
    with pytest.raises(StoreAwayError, match=r"^Postgres: TimeoutError$"):
        store.load("a")

    least_s = 0.25 if is_open else 0.5
    assert least_s <= time.monotonic() - began_at < least_s + 0.3
    assert server.connections[-1].is_finished


def test_load__server_began_anew(store, server):
    """A connection that ended since it was used last is opened anew; one that ends at once is not."""
    store.load("a")
    server.ends_connections = 1
    assert store.load("a").version == 0
    assert len(server.connections) == 2

    server.ends_connections = 2
    with pytest.raises(StoreAwayError, match=r"^Postgres: OperationalError$"):
        store.load("a")


def test_load__option_that_libpq_does_not_know():
    """An option that libpq does not know is told by the kind of error alone: it may hold the password."""
    with pytest.raises(StoreAwayError, match=r"^Postgres: ProgrammingError$"):
        PostgresStore(pasword="the password").load("a")


def test_replace__error(store, server):
    """What the server refuses is told by its number."""
    with pytest.raises(StoreAwayError, match=r"^Postgres: error 42P01$"):
        store.replace("a", b"one", version=0, new_version=1)


def test_store__after_a_fork(store, server, monkeypatch):
    """A child opens its own connection."""
    store.load("a")
    monkeypatch.setattr("os.getpid", lambda: 2)
    store.load("a")

    assert len(server.connections) == 2


def test_store__shows_nothing(store):
    """It shows what it is, and not where."""
    assert str(store) == "Postgres"
    with contextlib.suppress(StoreAwayError):
        assert "password" not in repr(store)
