"""Which store shares the request budget with other machines: what ``budget_conn_id`` of a connection leads to."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.arguments.values import flag, wrong
from airflow_provider_campaigns.kore.errors import shown_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.kore.budget_shared import SharedStore

_FIELD = "budget_conn_id"

# By type: the package that it takes, and the extras that are handed on, as Airflow's own hooks name them.
_PACKAGES = {"redis": "redis", "postgres": "psycopg"}
_REDIS_EXTRAS = ("ssl_cert_reqs", "ssl_ca_certs", "ssl_keyfile", "ssl_certfile")
_POSTGRES_EXTRAS = (
    *("sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslnegotiation", "channel_binding"),
    *("options", "application_name", "target_session_attrs", "hostaddr", "gssencmode"),
)


def store_of(connection: Any) -> SharedStore:
    """The store behind an Airflow connection of type ``redis`` or ``postgres``; nothing is opened.

    The same connection leads to the same store each time, so that what it opens is reused.

    Raises:
        KoreConfigurationError: it is of another type, has no host, or asks for what is not supported; or the package
            that it takes is not installed.
    """
    kind = connection.conn_type
    if kind not in _PACKAGES:
        what = "expected the id of an Airflow connection of type redis or postgres, for example redis_default"
        raise wrong(_FIELD, f"{what}, got one of type {shown_value(kind)}")
    if find_spec(_PACKAGES[kind]) is None:
        what = f"a connection of type {kind} needs {_PACKAGES[kind]}"
        raise wrong(_FIELD, f"{what}; install airflow-provider-campaigns[{kind}] where tasks and triggers run")
    if not connection.host:
        raise wrong(_FIELD, f"its connection has no host; expected for example {kind}.example.com")
    extras = connection.extra_dejson
    options = _redis_options(connection, extras) if kind == "redis" else _postgres_options(connection, extras)
    return _store(kind, tuple(sorted((name, value) for name, value in options.items() if value not in {None, ""})))


def _redis_options(connection: Any, extras: dict[str, Any]) -> dict[str, Any]:
    if extras.get("cluster"):
        raise wrong(_FIELD, "a Redis Cluster is not supported; expected a single server, or Postgres")
    # The schema is what a URI's path gives: redis://host:6379/1.
    database = extras.get("db") or connection.schema or 0
    if not str(database).isdecimal():
        raise wrong(_FIELD, f"db of its connection: expected a number such as 0, got {shown_value(database)}")
    return {
        "host": connection.host,
        "port": connection.port or 6379,
        "db": int(database),
        "username": connection.login,
        "password": connection.password,
        **{name: flag(f"{_FIELD}: {name}", extras[name]) for name in ("ssl", "ssl_check_hostname") if name in extras},
        **{name: extras.get(name) for name in _REDIS_EXTRAS},
    }


def _postgres_options(connection: Any, extras: dict[str, Any]) -> dict[str, Any]:
    if extras.get("iam"):
        raise wrong(_FIELD, "iam of its connection is not supported; expected a login and a password")
    return {
        "host": connection.host,
        "port": connection.port or 5432,
        "dbname": connection.schema,
        "user": connection.login,
        "password": connection.password,
        **{name: extras.get(name) for name in _POSTGRES_EXTRAS},
    }


@lru_cache
def _store(kind: str, options: tuple[tuple[str, Any], ...]) -> SharedStore:
    from airflow_provider_campaigns.kore.budget_postgres import PostgresStore  # noqa: PLC0415
    from airflow_provider_campaigns.kore.budget_redis import RedisStore  # noqa: PLC0415

    make: Callable[..., SharedStore] = RedisStore if kind == "redis" else PostgresStore
    return make(**dict(options))
