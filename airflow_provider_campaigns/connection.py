"""What an Airflow connection of type ``kore_campaign`` says about the account."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.arguments.values import flag, from_json, is_connection_id, wrong
from airflow_provider_campaigns.kore.errors import KoreConfigurationError, shown_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.kore.budget_shared import SharedStore
    from airflow_provider_campaigns.kore.settings import KoreSettings


def connection_type() -> dict[str, Any]:
    """The connection's fields, as the provider's metadata describe them to Airflow."""
    from airflow_provider_campaigns.provider_info import get_provider_info  # noqa: PLC0415

    connection_type: dict[str, Any] = get_provider_info()["connection-types"][0]
    return connection_type


def settings_from(connection: Any, budget_store: SharedStore | None = None) -> KoreSettings:
    """What an Airflow connection says about the account, whether it came as a form, as JSON or as a URI.

    A URI holds every extra as text, so numbers, booleans and JSON are read from text as well; empty extras, as the
    form leaves them, count as not given.

    Args:
        connection: the account's.
        budget_store: what ``budget_conn_id`` leads to.

    Raises:
        KoreConfigurationError: names the field and says what belongs there.
    """
    from airflow_provider_campaigns.kore.settings import KoreSettings  # noqa: PLC0415

    extras = {"stream_id": "", "account_id": "", **_extras_of(connection)}
    extras.pop(_BUDGET_CONN_ID, None)
    return KoreSettings(
        host=_host_of(connection),
        client_id=connection.login or "",
        client_secret=connection.password or "",
        budget_store=budget_store,
        **{name: _READERS[name](name, value) if name in _READERS else value for name, value in extras.items()},
    )


def budget_conn_id_of(connection: Any) -> str | None:
    """The id of the connection to what shares the request budget with other machines; None if there is none.

    Raises:
        KoreConfigurationError: the extras are malformed, or it can be none.
    """
    conn_id = _extras_of(connection).get(_BUDGET_CONN_ID)
    if conn_id is not None and not is_connection_id(conn_id):
        what = "expected the id of an Airflow connection of type redis or postgres, for example redis_default"
        raise wrong(_BUDGET_CONN_ID, f"{what}, got {shown_value(conn_id)}")
    return conn_id


_BUDGET_CONN_ID = "budget_conn_id"
_ALIASES = {"iid": "stream_id", "bot_id": "stream_id"}


def _extras_of(connection: Any) -> dict[str, Any]:
    extras = from_json(connection.extra or {})
    if not isinstance(extras, dict):
        raise wrong("extra", 'expected a JSON object such as {"stream_id": "st-...", "account_id": "..."}')
    known = connection_type()["conn-fields"]
    given: dict[str, Any] = {}
    for key, value in extras.items():
        name = _ALIASES.get(key, str(key))
        if name not in known:
            close = difflib.get_close_matches(key, [*known, *_ALIASES], n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(sorted(known))}"
            got = shown_value(key)
            raise KoreConfigurationError(f"extra: there is no such field (got {got}); {hint}", field="extra")
        if value is None or value == "":
            continue
        if given.setdefault(name, value) != value:
            raise KoreConfigurationError(f"extra: {name} is given twice, with different values", field=name)
    return given


def _host_of(connection: Any) -> str:
    host: str = connection.host or ""
    scheme = connection.schema
    if scheme:
        if scheme not in {"http", "https"}:
            what = f"expected nothing, or 'https', got {shown_value(scheme)}; the platform's paths are known"
            raise wrong("schema", what)
        if "://" not in host:
            host = f"{scheme}://{host}"
    if connection.port and host:
        host = f"{host.rstrip('/')}:{connection.port}"
    return host


def _number(kind: Callable[[str], Any]) -> Callable[[str, object], Any]:
    def read(name: str, value: object) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return kind(value)
        except ValueError:
            raise wrong(name, f"expected a number, got {shown_value(value)}") from None

    return read


def _json_object(name: str, value: object) -> Any:
    parsed = from_json(value)
    if not isinstance(parsed, dict):
        raise wrong(name, 'expected a JSON object such as {"stop_voice_v1": "/path/{stream_id}/{campaign_id}"}')
    return parsed


def _text(_name: str, value: object) -> Any:
    # ``airflow connections add --conn-uri`` reads each extra as JSON, so a text of digits arrives as a number.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_READERS: dict[str, Callable[[str, object], Any]] = {
    "account_id": _text,
    "jwt_subject": _text,
    "allow_http": flag,
    "verify_tls": flag,
    "jwt_ttl_s": _number(int),
    "requests_per_minute": _number(int),
    "urgent_per_minute": _number(int),
    "timeout_s": _number(float),
    "endpoint_overrides": _json_object,
}
