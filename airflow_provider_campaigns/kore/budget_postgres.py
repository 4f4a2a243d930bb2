"""A request budget's ledger in Postgres: a row for each account. Needs psycopg; the extra ``postgres`` installs it."""

from __future__ import annotations

import os
import select
import struct
import threading
import time
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.kore.budget_shared import CLOCK_S, TIMEOUT_S, Kept, StoreAwayError

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

CREATE_TABLE = """\
CREATE TABLE IF NOT EXISTS kore_campaign_budget (
  name text PRIMARY KEY,
  version bigint NOT NULL,
  ledger bytea NOT NULL
) WITH (fillfactor = 50)"""
"""For installations whose workers may not make a table; they need SELECT, INSERT and UPDATE on it."""

# Of the statement, not of its transaction: that may be older.
_NOW = b"extract(epoch FROM clock_timestamp())::float8"
_LOAD = (
    b"""
SELECT kept.version, kept.ledger, %b
FROM (SELECT 1) AS one LEFT JOIN kore_campaign_budget AS kept ON kept.name = $1"""
    % _NOW
)
_INSERT = b"""
INSERT INTO kore_campaign_budget (name, version, ledger) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING
RETURNING true"""
_UPDATE = b"""
UPDATE kore_campaign_budget SET version = $2, ledger = $3
WHERE name = $1 AND version = $4 AND coalesce(%b - $5::float8 BETWEEN -1e-6 AND %a, true)
RETURNING true""" % (_NOW, CLOCK_S)
# What is found is as of the statement's begin. Who is overtaken in between finds what it knew, and is refused again.
# The disk is not waited for (measured: 4 ms): what a crash of the server loses, each machine has seen last.
_OR_LOAD = (
    b"""
WITH written AS (%%b)
SELECT kept.version, kept.ledger, %b, EXISTS (SELECT FROM written), set_config('synchronous_commit', 'off', true)
FROM (SELECT 1) AS one LEFT JOIN kore_campaign_budget AS kept ON kept.name = $1 AND NOT EXISTS (SELECT FROM written)
"""
    % _NOW
)
_NO_SUCH_TABLE = "42P01"
_SOMEBODY_WAS_FASTER = "40001"
"""Where transactions of this login are isolated by more than Postgres' default."""
_CONNECTING_S = 2 * TIMEOUT_S
"""TLS and the password take several round trips."""


class PostgresStore:
    """Keeps ledgers in a table of one database, which is made on first use; times are those of the server's clock.

    May be used from many threads, and after a fork. Statements are neither prepared nor part of a transaction, so that
    a pooler may be in between.

    Args:
        options: what libpq takes to find the database: ``host``, ``port``, ``dbname``, ``user``, ``password``,
            ``sslmode``, ``sslrootcert`` ... Nothing is opened yet.
    """

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._links: dict[int, _Link] = {}

    def __str__(self) -> str:
        return "Postgres"

    def load(self, name: str) -> Kept:
        """The ledger of this name; one round trip."""
        link = self._link
        with link.lock:
            try:
                result = link.ask(_LOAD, [name.encode()])
            except _StaleError:
                result = link.ask(_LOAD, [name.encode()])
            if _state(result) == _NO_SUCH_TABLE:
                # May be refused, or somebody else be faster: what counts is whether there is one afterwards.
                made = link.ask(CREATE_TABLE.encode(), [])
                result = link.ask(_LOAD, [name.encode()])
                if _state(result) == _NO_SUCH_TABLE:
                    raise StoreAwayError(
                        f"Postgres: no table kore_campaign_budget, nor may it be made ({_state(made)})"
                    )
            return link.kept(result)

    def replace(
        self, name: str, data: bytes, *, version: int, new_version: int, as_of: float | None = None
    ) -> Kept | None:
        """Keep these bytes if the version is still this one, else the ledger of this name; one round trip."""
        values: list[bytes | None] = [name.encode(), str(new_version).encode(), data]
        statement = _INSERT
        if version:
            values += [str(version).encode(), None if as_of is None else repr(as_of).encode()]
            statement = _UPDATE
        link = self._link
        with link.lock:
            try:
                result = link.ask(_OR_LOAD % statement, values)
            except _StaleError:
                if as_of is None:
                    raise
                return self.load(name)
            if _state(result) == _SOMEBODY_WAS_FASTER:
                return self.load(name)
            found = link.kept(result)
        return None if result.get_value(0, 3) == b"\1" else found

    @property
    def _link(self) -> _Link:
        # By process: a child that used its parent's connection would read its answers.
        return self._links.get(os.getpid()) or self._links.setdefault(os.getpid(), _Link(self._options))


class _StaleError(StoreAwayError):
    """A connection that had answered before has ended meanwhile, as after a restart of the server."""


class _Link:
    """A connection, opened when it is asked; used by libpq's own means, which never wait longer than they are told."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.lock = threading.RLock()
        self._options = options
        self._connection: PGconn | None = None

    def ask(self, statement: bytes, values: list[bytes | None]) -> PGresult:
        """The result of a statement; of its values the third is sent as bytes.

        Raises:
            StoreAwayError: there is none; ``_StaleError`` if the connection was one from before.
        """
        from psycopg import Error  # noqa: PLC0415 - 0.15 s, which only its users are to pay

        is_from_before = self._connection is not None
        try:
            connection = self._connection or self._opened()
            return _answer(connection, statement, values)
        except (Error, TimeoutError) as error:
            self._close()
            # Its own words may name the address.
            kind = _StaleError if is_from_before and isinstance(error, Error) else StoreAwayError
            raise kind(f"Postgres: {type(error).__name__}") from None

    def kept(self, result: PGresult) -> Kept:
        """What a row of a result says.

        Raises:
            StoreAwayError: it is an error.
        """
        state = _state(result)
        if state:
            # A server that became a standby stays one; a new connection may lead to another.
            self._close()
            raise StoreAwayError(f"Postgres: error {state}")
        version, data, now = (result.get_value(0, column) for column in range(3))
        assert now is not None  # noqa: S101 - for the type checker
        return Kept(data or b"", int.from_bytes(version or b"\0"), struct.unpack("!d", now)[0])

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.finish()
            self._connection = None

    def _opened(self) -> PGconn:
        from psycopg import OperationalError, pq  # noqa: PLC0415
        from psycopg.conninfo import make_conninfo  # noqa: PLC0415

        until = time.monotonic() + _CONNECTING_S
        connection = self._connection = pq.PGconn.connect_start(make_conninfo(**self._options).encode())
        while (polled := connection.connect_poll()) != pq.PollingStatus.OK:
            if polled == pq.PollingStatus.FAILED:
                raise OperationalError
            _wait(connection, select.POLLIN if polled == pq.PollingStatus.READING else select.POLLOUT, until)
        connection.nonblocking = 1
        return connection


def _answer(connection: PGconn, statement: bytes, values: list[bytes | None]) -> PGresult:
    until = time.monotonic() + TIMEOUT_S
    formats = [int(number == 2) for number in range(len(values))]
    connection.send_query_params(statement, values, param_formats=formats, result_format=1)
    while connection.flush():
        _wait(connection, select.POLLIN | select.POLLOUT, until)
    result = None
    while True:
        while connection.is_busy():
            _wait(connection, select.POLLIN, until)
            connection.consume_input()
        following = connection.get_result()
        if following is None:
            break
        result = following
    assert result is not None  # noqa: S101 - libpq answers each statement
    return result


def _wait(connection: PGconn, events: int, until: float) -> None:
    poll = select.poll()
    poll.register(connection.socket, events)
    if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
        raise TimeoutError


def _state(result: PGresult) -> str | None:
    """The error's SQLSTATE, if it is one."""
    from psycopg import pq  # noqa: PLC0415

    field = result.error_field(pq.DiagnosticField.SQLSTATE)
    return field.decode() if field else None
