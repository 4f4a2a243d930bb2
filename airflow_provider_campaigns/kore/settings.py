"""Where the service is and who calls it: checked once, before anything is sent."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_campaigns.kore.auth import MAX_TTL_S
from airflow_provider_campaigns.kore.endpoints import API_VERSIONS, Endpoint, with_overrides
from airflow_provider_campaigns.kore.errors import KoreConfigurationError, shown_value
from airflow_provider_campaigns.kore.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_campaigns.kore.budget_shared import SharedStore

EXAMPLE_HOST = "https://platform.kore.ai"

_DEFAULT_PORTS = {"https": 443, "http": 80}
_STREAM_ID = re.compile(r"st-[A-Za-z0-9-]+")
# Headers carry these, so nothing that could end a header line; otherwise opaque.
_OPAQUE = re.compile(r"[\x21-\x7e]+")
# Labels of 1 to 63 characters, with a dot at the end or without, or an IPv6 address.
_HOST_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")


# The name of a host as one gives it to a machine that others reach: two labels or more, and none as long as a secret.
_PLAIN_NAME = re.compile(r"(?:[a-z0-9_-]{1,31}\.)+[a-z]{2,24}\.?")


@dataclass(frozen=True, repr=False)
class KoreSettings:
    """An account of the service and how to talk to it. What it shows of itself is what can be no secret.

    Attributes:
        host: ``https://platform.kore.ai`` or a bare host, then https; a port is honoured, a path is refused.
        client_id: Client ID of the JWT app (claim ``appId``); the connection's login.
        client_secret: its Client Secret; the connection's password.
        stream_id: the app's id, ``st-...`` (the documentation also calls it iid, botId, streamId).
        account_id: the account's id.
        api_version: ``v1`` or ``v2`` for every call; None takes what is documented best (stop v1, the rest v2).
        jwt_subject: claim ``sub``; any text.
        jwt_ttl_s: seconds that a token is valid, 1 to 3600.
        requests_per_minute: how many requests may be sent to the account in any 60 seconds by this machine, or by all
            that share the ``budget_store``; two at least, because a delete is sent together with a look.
        urgent_per_minute: how many of those reads leave to stops, starts and deletes, so that these do not wait behind
            a report; below ``requests_per_minute``. None: a tenth, 6 of 60, as ``RequestBudget`` says.
        timeout_s: seconds to wait for a connection, and then for each piece of an answer.
        verify_tls: False accepts any certificate.
        ca_bundle: file or folder of certificates to trust instead of the system's.
        allow_http: True permits plain http to another machine. Loopback is always permitted.
        endpoint_overrides: endpoint name to path template, or to method, path and query, for a tenant that differs.
        budget_store: shares the requests a minute with other machines; without one this machine counts for itself.

    Raises:
        KoreConfigurationError: a field is missing or malformed; it names the field as the connection form does.
            So does another field that holds the secret: it would travel in the clear, and end up in logs.
    """

    host: str
    client_id: str
    client_secret: str
    stream_id: str
    account_id: str
    api_version: str | None = None
    jwt_subject: str = "airflow"
    jwt_ttl_s: int = 300
    requests_per_minute: int = 60
    urgent_per_minute: int | None = None
    timeout_s: float = 30.0
    verify_tls: bool = True
    ca_bundle: str | None = None
    allow_http: bool = False
    endpoint_overrides: Mapping[str, object] = field(default_factory=dict)
    budget_store: SharedStore | None = None

    def __post_init__(self) -> None:
        """Check every field, so that nothing is sent with a wrong one."""
        # Not shown if malformed, because it may hold a password.
        _require(self.host, "host", f"the platform's address, for example {EXAMPLE_HOST}", secret=True)
        _require(
            self.client_id, "login", "the Client ID of the JWT app, for example cs-1e845b00-81ad-5757-a1e7", secret=True
        )
        _require(self.client_secret, "password", "the Client Secret of the JWT app", secret=True)
        _require(self.stream_id, "stream_id", "the app's id, for example st-0603182c-7ffb-53c3-b307-47ca14b90000")
        _require(self.account_id, "account_id", "the account's id, for example 67777ce93e25326494e90000")
        if self.client_id.startswith("st-"):
            raise KoreConfigurationError(
                "login: expected the Client ID of the JWT app, got something that starts with 'st-', which is an "
                "app's id; were login and stream_id swapped?",
                field="login",
            )
        if not _STREAM_ID.fullmatch(self.stream_id):
            raise KoreConfigurationError(
                "stream_id: expected the app's id, which starts with 'st-' (for example "
                "st-0603182c-7ffb-53c3-b307-47ca14b90000); were login and stream_id swapped?",
                field="stream_id",
            )
        if self.api_version is not None:
            checked_api_version(self.api_version)
        _require(self.jwt_subject, "jwt_subject", "any text, for example airflow")
        _in_range(self.jwt_ttl_s, "jwt_ttl_s", 1, MAX_TTL_S, "whole seconds", whole=True)
        _in_range(self.requests_per_minute, "requests_per_minute", 2, 10_000, "a whole number", whole=True)
        if self.urgent_per_minute is not None:
            most, unit = self.requests_per_minute - 1, "a whole number below requests_per_minute,"
            _in_range(self.urgent_per_minute, "urgent_per_minute", 0, most, unit, whole=True)
        _in_range(self.timeout_s, "timeout_s", 0.001, 3600, "seconds")
        _require_bool(self.verify_tls, "verify_tls")
        _require_bool(self.allow_http, "allow_http")
        if self.ca_bundle is not None and not _is_path(self.ca_bundle):
            raise KoreConfigurationError(
                "ca_bundle: there is no such file or folder; expected certificates in PEM form, for example "
                f"/etc/ssl/certs/ca-certificates.crt, got {shown_value(self.ca_bundle)}",
                field="ca_bundle",
            )
        # Derived values are made here, so that what is wrong with them is said here.
        _ = self.base_url, self.endpoints
        for one in fields(self):
            if one.name != "client_secret":
                self.refuse_secret("login" if one.name == "client_id" else one.name, getattr(self, one.name))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address!r}, stream_id={self.stream_id!r})"

    def refuse_secret(self, name: str, value: object) -> None:
        """Make sure that what is called ``name`` does not hold the secret: it would travel, and end up in logs.

        Raises:
            KoreConfigurationError: it does; nothing was sent.
        """
        if self.redactor.is_in(str(value)):
            raise KoreConfigurationError(
                f"{name}: holds the Client Secret, which belongs into password and nowhere else", field=name
            )

    @cached_property
    def base_url(self) -> str:
        """Scheme, host and, where it is not the scheme's own, port; without a slash at the end."""
        return _base_url(self.host, allow_http=self.allow_http)

    @property
    def address(self) -> str:
        """``base_url`` as messages show it: a name that may be a secret in the wrong field is told by its length."""
        name = urlsplit(self.base_url).hostname or ""
        is_plain = self.is_loopback or _is_ip_address(name) or _PLAIN_NAME.fullmatch(name)
        return self.base_url if is_plain else f"its name is {shown_value(name)}"

    @cached_property
    def redactor(self) -> Redactor:
        """Takes the secret out of texts."""
        return Redactor(self.client_secret)

    @property
    def is_loopback(self) -> bool:
        """True if the service runs on this machine."""
        return _is_loopback(urlsplit(self.base_url).hostname or "")

    @cached_property
    def endpoints(self) -> Mapping[str, Endpoint]:
        """``ENDPOINTS`` with this account's overrides, and its stream id in the paths."""
        rows = with_overrides(self.endpoint_overrides)
        return {name: replace(row, path=row.url_path(stream_id=self.stream_id)) for name, row in rows.items()}


def checked_api_version(value: Any) -> str:
    """``value`` as an API version.

    Raises:
        KoreConfigurationError: it is neither ``v1`` nor ``v2``.
    """
    if value not in API_VERSIONS:
        raise KoreConfigurationError(
            f"api_version: expected 'v1' or 'v2', got {shown_value(value)}", field="api_version"
        )
    return str(value)


def _require(value: object, name: str, expected: str, *, secret: bool = False) -> None:
    if value is None or value == "":
        raise KoreConfigurationError(f"{name}: missing; expected {expected}", field=name)
    if not isinstance(value, str) or not _OPAQUE.fullmatch(value):
        # A malformed secret may be a secret with a blank pasted to it, so it is never shown.
        got = "" if secret else f", got {shown_value(value)}"
        raise KoreConfigurationError(f"{name}: expected {expected}, without blanks{got}", field=name)


def _is_path(value: object) -> bool:
    return isinstance(value, str) and os.path.exists(value)


def _require_bool(value: object, name: str) -> None:
    # Strictly, because the text "false" would count as true.
    if not isinstance(value, bool):
        raise KoreConfigurationError(f"{name}: expected true or false, got {shown_value(value)}", field=name)


def _in_range(value: object, name: str, low: float, high: float, unit: str, *, whole: bool = False) -> None:
    right_type = isinstance(value, int) if whole else isinstance(value, int | float)
    if isinstance(value, bool) or not right_type or not low <= value <= high:  # type: ignore[operator]
        raise KoreConfigurationError(
            f"{name}: expected {unit} from {low} to {high}, got {shown_value(value)}", field=name
        )


def _base_url(host: str, *, allow_http: bool) -> str:
    def malformed(problem: str) -> KoreConfigurationError:
        return KoreConfigurationError(f"host: {problem}; expected an address such as {EXAMPLE_HOST}", field="host")

    try:
        parts = urlsplit(host if "://" in host else f"https://{host}")
        name, port = parts.hostname, parts.port
    except ValueError:
        raise malformed("cannot be read") from None
    if parts.scheme not in {"http", "https"}:
        raise malformed(f"the scheme {shown_value(parts.scheme)} is not https")
    if parts.username is not None or parts.password is not None:
        raise malformed("holds a user name or password, which belong into login and password")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or "?" in host or "#" in host:
        raise malformed("holds more than a host and a port")
    if not name or not _HOST_NAME.fullmatch(name):
        raise malformed("holds no host name")
    if parts.scheme == "http" and not allow_http and not _is_loopback(name):
        raise KoreConfigurationError(
            "host: plain http would send the token in the clear; use https, or set allow_http to true for a trusted "
            "network (loopback addresses need no permission)",
            field="host",
        )
    in_url = f"[{name}]" if ":" in name else name
    # One spelling for one address: the budget of an account is found by it.
    return f"{parts.scheme}://{in_url}" + (f":{port}" if port not in {None, _DEFAULT_PORTS[parts.scheme]} else "")


def _is_loopback(name: str) -> bool:
    return ipaddress.ip_address(name).is_loopback if _is_ip_address(name) else name.casefold() == "localhost"


def _is_ip_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
