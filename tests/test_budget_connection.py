"""What ``budget_conn_id`` of a connection leads to: the store that shares the request budget with other machines."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from airflow.models.connection import Connection

from airflow_provider_campaigns import budget_connection
from airflow_provider_campaigns.budget_connection import store_of
from airflow_provider_campaigns.connection import budget_conn_id_of
from airflow_provider_campaigns.hooks import KoreCampaignHook
from airflow_provider_campaigns.kore.errors import KoreConfigurationError, KoreConnectionError
from airflow_provider_campaigns.triggers import _settings_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.simulator import KoreSimulator

REDIS = {"conn_type": "redis", "host": "redis.example.com", "login": "me", "password": "canary"}
POSTGRES = {"conn_type": "postgres", "host": "db.example.com", "login": "me", "password": "canary", "schema": "airflow"}


def options_of(**fields: Any) -> dict[str, Any]:
    return store_of(Connection(conn_id="budget", **fields))._options


def refusal(**fields: Any) -> str:
    with pytest.raises(KoreConfigurationError) as caught:
        store_of(Connection(conn_id="budget", **fields))
    assert str(caught.value).startswith("budget_conn_id: ")
    assert "canary" not in str(caught.value)
    return str(caught.value).removeprefix("budget_conn_id: ")


class TestRedis:
    def test_store_of__least(self):
        """A host is enough; the port is Redis' own."""
        assert options_of(conn_type="redis", host="redis") == {"host": "redis", "port": 6379, "db": 0}

    def test_store_of__all(self):
        """Everything that Airflow's own hook reads: database, TLS, a user."""
        extra = {
            "db": 2,
            "ssl": True,
            "ssl_cert_reqs": "required",
            "ssl_ca_certs": "/ca.pem",
            "ssl_check_hostname": False,
        }

        assert options_of(**REDIS, port=6380, extra=json.dumps(extra)) == {
            "host": "redis.example.com",
            "port": 6380,
            "db": 2,
            "username": "me",
            "password": "canary",
            "ssl": True,
            "ssl_cert_reqs": "required",
            "ssl_ca_certs": "/ca.pem",
            "ssl_check_hostname": False,
        }

    def test_store_of__uri(self):
        """In a URI every extra is text, and the path is the database."""
        assert options_of(uri="redis://:canary@redis:6380/3?ssl=true") == {
            "host": "redis",
            "port": 6380,
            "db": 3,
            "password": "canary",
            "ssl": True,
        }

    @pytest.mark.parametrize(
        ("extra", "said"),
        [
            ('{"db": "first"}', "db of its connection: expected a number such as 0, got 'first'"),
            ('{"cluster": true}', "a Redis Cluster is not supported; expected a single server, or Postgres"),
            ('{"ssl": "yes"}', "ssl: expected true or false, got 'yes'"),
        ],
    )
    def test_store_of__malformed(self, extra, said):
        """What is malformed or not supported is named."""
        assert refusal(**REDIS, extra=extra) == said


class TestPostgres:
    def test_store_of__all(self):
        """What libpq knows of the extras is handed on."""
        extra = {"sslmode": "verify-full", "sslrootcert": "/ca.pem", "cursor": "dictcursor", "options": ""}

        assert options_of(**POSTGRES, extra=json.dumps(extra)) == {
            "host": "db.example.com",
            "port": 5432,
            "dbname": "airflow",
            "user": "me",
            "password": "canary",
            "sslmode": "verify-full",
            "sslrootcert": "/ca.pem",
        }

    def test_store_of__iam(self):
        """A password that must be fetched is not supported."""
        assert refusal(**POSTGRES, extra='{"iam": true}') == (
            "iam of its connection is not supported; expected a login and a password"
        )


def test_store_of__same_store():
    """The same connection leads to the same store, which keeps what it opened; another one to another."""
    one = store_of(Connection(conn_id="budget", **REDIS))

    assert store_of(Connection(conn_id="budget", **REDIS)) is one
    assert store_of(Connection(conn_id="budget", **REDIS | {"host": "other"})) is not one


def test_store_of__no_store():
    """Another type, and a connection without a host, are named."""
    assert refusal(conn_type="mysql", host="db") == (
        "expected the id of an Airflow connection of type redis or postgres, for example redis_default, got one of "
        "type 'mysql'"
    )
    assert refusal(conn_type="redis") == "its connection has no host; expected for example redis.example.com"


@pytest.mark.parametrize(("fields", "package"), [(REDIS, "redis"), (POSTGRES, "psycopg")])
def test_store_of__package_is_missing(monkeypatch, fields, package):
    """What has to be installed is said before anything is sent."""
    monkeypatch.setattr(budget_connection, "find_spec", lambda name: None if name == package else name)
    kind = fields["conn_type"]

    assert refusal(**fields) == (
        f"a connection of type {kind} needs {package}; install airflow-provider-campaigns[{kind}] where tasks and "
        "triggers run"
    )


def test_budget_conn_id_of__no_text():
    """The extra is a text."""
    with pytest.raises(
        KoreConfigurationError, match=r"^budget_conn_id: expected the id of an Airflow connection of type"
    ):
        budget_conn_id_of(Connection(conn_id="kore", extra='{"budget_conn_id": 7}'))


def by_hook() -> KoreSettings:
    return KoreCampaignHook().get_conn().settings


def by_trigger() -> KoreSettings:
    return asyncio.run(_settings_of("kore_default"))


@pytest.mark.parametrize("look_up", [by_hook, by_trigger])
class TestLookUp:
    """From the account's connection to the store, in a task and in a trigger."""

    @pytest.fixture(autouse=True)
    def _account(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        given = json.loads(kore_simulator.connection_json())
        given["extra"]["budget_conn_id"] = "shared"
        monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", json.dumps(given))

    def test_settings__have_the_store(self, monkeypatch: pytest.MonkeyPatch, look_up: Callable[[], KoreSettings]):
        """The connection that is named is looked up and makes the store; nothing is opened."""
        monkeypatch.setenv("AIRFLOW_CONN_SHARED", json.dumps(REDIS))

        assert look_up().budget_store is store_of(Connection(conn_id="shared", **REDIS))

    def test_settings__no_such_connection(self, look_up: Callable[[], KoreSettings]):
        """A connection that is not there is an error of this field."""
        with pytest.raises(
            KoreConfigurationError, match=r"^budget_conn_id: there is no such connection \(got 'shared'\)"
        ):
            look_up()

    def test_settings__backend_failed(self, monkeypatch: pytest.MonkeyPatch, look_up: Callable[[], KoreSettings]):
        """A secrets backend that failed may answer the next time, and its words are not repeated."""
        account = Connection(conn_id="kore_default", **json.loads(os.environ["AIRFLOW_CONN_KORE_DEFAULT"]))

        def get(conn_id: str) -> Connection:
            if conn_id == "shared":
                raise OSError("canary")
            return account

        async def aget(conn_id: str) -> Connection:
            return get(conn_id)

        monkeypatch.setattr(KoreCampaignHook, "get_connection", staticmethod(get))
        monkeypatch.setattr(KoreCampaignHook, "aget_connection", staticmethod(aget))
        with pytest.raises(KoreConnectionError, match=r"^the connection \(got 'shared'\) could not be looked up \(OSE"):
            look_up()
