"""A request budget's ledger in Redis, beside a client that answers as the real one does."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import redis

from airflow_provider_campaigns.kore.budget_redis import RedisStore
from airflow_provider_campaigns.kore.budget_shared import StoreAwayError


class Client:
    """What the store uses of ``redis.Redis``."""

    made: list[Client] = []  # noqa: RUF012 - of the class that stands in for redis.Redis

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.kept: dict[str, tuple[str, bytes]] = {}
        self.error: Exception | None = None
        self.made.append(self)

    def register_script(self, script: str) -> Any:
        run = self.replace if "HSET" in script else self.load

        def called(keys: list[str], args: tuple[Any, ...]) -> Any:
            if self.error:
                raise self.error
            return run(*keys, *args)

        return called

    def load(self, key: str) -> list[Any]:
        version, data = self.kept.get(key, (None, None))
        return [version, data, b"1750000000", b"250000"]

    def replace(
        self, key: str, version: int, new_version: int, data: bytes, kept_ms: int, as_of: str, most: float
    ) -> list[Any] | None:
        is_now = not as_of or -1e-6 <= 1750000000.25 - float(as_of) <= most
        if self.kept.get(key, ("0", b""))[0] != str(version) or not is_now:
            return self.load(key)
        self.kept[key] = str(new_version), data
        return None


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> RedisStore:
    monkeypatch.setattr(Client, "made", [])
    monkeypatch.setattr(redis, "Redis", Client)
    return RedisStore(host="redis.example.com", password="the-password")


def test_load__nothing_kept(store):
    """Of an account that nobody used there are no bytes; the time is the server's."""
    assert store.load("a") == (b"", 0, 1750000000.25)


def test_replace__only_what_was_read(store):
    """Bytes are kept if their version is still the one that was read; else what is there instead is told."""
    assert store.replace("a", b"one", version=0, new_version=7) is None
    assert store.replace("a", b"other", version=0, new_version=7) == (b"one", 7, 1750000000.25)
    assert store.replace("a", b"two", version=7, new_version=8) is None
    assert store.replace("b", b"three", version=7, new_version=8) == (b"", 0, 1750000000.25)

    assert store.load("a")[:2] == (b"two", 8)
    assert store.load("b")[:2] == (b"", 0)


@pytest.mark.parametrize(
    ("as_of", "is_kept"),
    [(1750000000.25, True), (1750000000.2461234, True), (1750000000.244, False), (1750000000.2501, False)],
)
def test_replace__only_as_of_now(store, as_of, is_kept):
    """Nothing is kept by who takes another time for the server's."""
    found = store.replace("a", b"one", version=0, new_version=7, as_of=as_of)

    assert (found is None) == is_kept
    assert (store.load("a").data == b"one") == is_kept


def test_client__never_tries_by_itself(store):
    """The client waits for a quarter of a second and does not try again."""
    store.load("a")
    (client,) = Client.made

    assert (client.options["socket_timeout"], client.options["socket_connect_timeout"]) == (0.25, 0.25)
    assert client.options["retry"].get_retries() == 0
    assert client.options["host"] == "redis.example.com"


@pytest.mark.parametrize("error", [redis.ConnectionError("at redis.example.com"), OSError("at redis.example.com")])
def test_load__away(store, error):
    """An error of the client is told by its kind alone: its words may name the address."""
    store.load("a")
    Client.made[0].error = error

    with pytest.raises(StoreAwayError, match=f"^Redis: {type(error).__name__}$"):
        store.load("a")


def test_load__another_connection_after_an_error(store):
    """After an error a new connection is made, which may lead to another server: a replica stays one."""
    store.load("a")
    Client.made[0].error = redis.ReadOnlyError("You can't write against a read only replica.")
    with pytest.raises(StoreAwayError, match=r"^Redis: ReadOnlyError$"):
        store.replace("a", b"one", version=0, new_version=7)

    assert store.load("a").version == 0
    assert len(Client.made) == 2


def test_store__shows_nothing(store):
    """It shows what it is, and not where."""
    assert str(store) == "Redis"
    assert "password" not in repr(store)


def test_import__without_the_client():
    """Neither client is imported before a store is used."""
    code = (
        "import sys, airflow_provider_campaigns.kore.budget_redis, airflow_provider_campaigns.kore.budget_postgres;"
        "print({'redis', 'psycopg'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout == "set()\n"
