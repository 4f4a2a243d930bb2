"""A request budget's ledger in Postgres, beside a libpq that answers as the real one does."""

from __future__ import annotations

import contextlib
import re
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

    def __init__(self, row: tuple[bytes | None, ...] = (), state: bytes | None = None) -> None:
        self._row = row
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
        self.fails_to_serialize = False
        self.ends_connections = 0
        self.asked: list[str] = []
        self.connections: list[Connection] = []

    def execute(self, statement: bytes, values: list[Any]) -> Result:
        word = next(word for word in re.findall(r"\w+", statement.decode()) if word in STATEMENTS)
        self.asked.append(word)
        if word == "CREATE":
            if self.may_create:
                self.rows = {} if self.rows is None else self.rows
            return Result(state=None if self.may_create else b"42501")
        if self.rows is None:
            return Result(state=b"42P01")
        version, ledger = self.rows.get(values[0], (None, None))
        found = None if version is None else version.to_bytes(8), ledger, struct.pack("!d", 1750000000.25)
        if word == "SELECT":
            return Result(found)
        if self.fails_to_serialize:
            return Result(state=b"40001")
        if word == "INSERT":
            is_written = version is None
        else:
            is_now = values[4] is None or -1e-6 <= 1750000000.25 - float(values[4]) <= 0.005
            is_written = version == int(values[3]) and is_now
        if is_written:
            self.rows[values[0]] = int(values[1]), values[2]
            return Result((None, None, found[2], b"\1"))
        return Result((*found, b"\0"))


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

    def send_query_params(self, statement: bytes, values: list[Any], *, param_formats: Any, result_format: int) -> None:
        assert (self.nonblocking, result_format) == (1, 1)
        assert param_formats == [0, 0, 1, 0, 0][: len(values)]
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
    """Bytes are kept if their version is still the one that was read; else what is there instead is told."""
    server.rows = {}
    born, now = 1_750_000_000_250_001, 1750000000.25

    assert store.replace("a", b"one", version=0, new_version=born) is None
    assert store.replace("a", b"other", version=0, new_version=7) == (b"one", born, now)
    assert store.replace("a", b"two", version=born, new_version=born + 1) is None
    assert store.replace("a", b"other", version=born, new_version=9) == (b"two", born + 1, now)
    assert store.replace("b", b"other", version=born, new_version=9) == (b"", 0, now)

    assert store.load("a")[:2] == (b"two", born + 1)
    assert len(server.connections) == 1


@pytest.mark.parametrize(
    ("as_of", "is_kept"),
    [(1750000000.25, True), (1750000000.2461234, True), (1750000000.244, False), (1750000000.2501, False)],
)
def test_replace__only_as_of_now(store, server, as_of, is_kept):
    """Nothing is kept by who takes another time for the server's."""
    server.rows = {b"a": (7, b"zero")}
    found = store.replace("a", b"one", version=7, new_version=8, as_of=as_of)

    assert (found is None) == is_kept
    assert store.load("a").data == (b"one" if is_kept else b"zero")


@pytest.mark.parametrize("as_of", [1750000000.25, None])
def test_replace__connection_ended_meanwhile(store, server, as_of):
    """Who only took it that nothing has changed is told what is there now; who has just read it, that it is away."""
    server.rows = {b"a": (7, b"zero")}
    store.load("a")
    server.ends_connections = 1

    if as_of is None:
        with pytest.raises(StoreAwayError):
            store.replace("a", b"one", version=7, new_version=8)
    else:
        assert store.replace("a", b"one", version=7, new_version=8, as_of=as_of) == (b"zero", 7, 1750000000.25)
    assert server.rows == {b"a": (7, b"zero")}


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
    assert server.connections[0].is_finished, "a new one may lead to another server"


def test_replace__somebody_was_faster(store, server):
    """Where transactions are isolated by more than the default, an error tells that somebody was faster."""
    server.rows = {b"a": (8, b"theirs")}
    server.fails_to_serialize = True

    assert store.replace("a", b"ours", version=7, new_version=9) == (b"theirs", 8, 1750000000.25)
    assert server.rows == {b"a": (8, b"theirs")}


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
