"""The connections of one process to the platform: the only module that talks to the network.

Imported on first use, because ``requests`` is: parsing a DAG does not pay for it (0.15 s).
"""

from __future__ import annotations

import math
import os
import threading
import time
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, NamedTuple

import requests
from requests import exceptions
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3.exceptions import LocationValueError, NewConnectionError

from airflow_provider_campaigns import __version__
from airflow_provider_campaigns.kore.errors import Cause, KoreConfigurationError
from airflow_provider_campaigns.kore.exchange import UNDER_WAY, DirectConnection, Exchange, TimedConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from urllib3 import HTTPConnectionPool

    from airflow_provider_campaigns.kore.settings import KoreSettings

POOL_SIZE = 64
"""Connections kept; more than the sender threads of any action here."""

PACE_S = 0.01
"""Connections opened back to back overflow a listen backlog of 5; 10 ms apart they do not (8 connections, measured)."""

IDLE_S = 1.0
"""A server closes no connection earlier for silence: one that breaks after it carried nothing to anybody."""

MOST_BYTES = 64 * 2**20
"""Of an answer, unpacked; a page of campaigns or contacts has a few hundred thousand."""

_PIECE_BYTES = 2**16


class Answer(NamedTuple):
    """What came back, whatever it says."""

    status: int
    headers: MutableMapping[str, str]
    content: bytes


class NoAnswer(Exception):  # noqa: N818 - it says what is the case; the transport makes it an error
    """No complete answer came.

    Attributes:
        cause: what happened.
        what: the same in words.
        never_sent: True if there was no connection that could have carried the request.
        broke_idle: True if a connection that had been idle broke before the first byte: its other end was closed, most
            likely before the request came.
    """

    def __init__(self, cause: Cause, what: str, *, never_sent: bool, broke_idle: bool) -> None:
        super().__init__(what)
        self.cause = cause
        self.what = what
        self.never_sent = never_sent
        self.broke_idle = broke_idle


class Connections:
    """Connections that are kept, and shared by threads; another process opens its own.

    Redirects are never followed, cookies never kept, ``~/.netrc`` never read. Proxies and a certificate bundle are
    taken from the environment once.
    """

    def __init__(self, settings: KoreSettings, sign: Callable[[], str]) -> None:
        """Nothing is opened yet.

        Args:
            settings: the account and how to reach it.
            sign: makes a new token.

        Raises:
            KoreConfigurationError: the environment names a certificate bundle that is not there.
        """
        self.pace = Pace(PACE_S)
        self._scheme = settings.base_url.partition(":")[0]
        self._sign = sign
        self._trusted_since = -math.inf
        # ``verify`` is told at each sending, because the session's own loses to the environment's.
        verify: bool | str = settings.verify_tls and (settings.ca_bundle or _bundle_of_environment() or True)
        self._options: dict[str, Any] = {
            "allow_redirects": False,
            "stream": True,
            "verify": verify,
            # Plain http is allowed to this machine because it does not leave it, so no proxy may see it.
            "proxies": {} if settings.is_loopback else get_environ_proxies(settings.base_url),
        }
        self._session = requests.Session()
        # requests takes any callable here, and having one keeps it from reading ~/.netrc.
        self._session.auth = self._put_token
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # Even if told not to follow, requests works out where a redirect leads, and fails on an address it cannot read.
        self._session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]  # noqa: ARG005
        self._session.headers.update({
            "Accept": "application/json",
            "User-Agent": f"airflow-provider-campaigns/{__version__}",
            "iid": settings.stream_id,
            "accountId": settings.account_id,
        })
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, _Adapter(pool_connections=1, pool_maxsize=POOL_SIZE))

    def send(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, str],
        content: str | None,
        connect_timeout_s: float,
        timeout_s: float,
    ) -> Answer:
        """Sign a request, send it, and wait for its answer.

        Args:
            method: of HTTP.
            url: without a query.
            query: parameters.
            content: JSON to send; None sends no body.
            connect_timeout_s: seconds for a connection.
            timeout_s: seconds from now to the last byte, that included, in whatever pieces it comes.

        Raises:
            NoAnswer: there was no complete answer in that time.
            KoreConfigurationError: a variable names no proxy that can be used; nothing was sent.
        """
        exchange = Exchange(
            connect_timeout_s=connect_timeout_s,
            timeout_s=timeout_s,
            before_connecting=self.pace.keep,
            trusted_since=self._trusted_since,
        )
        headers = {"Content-Type": "application/json"} if content else None
        unsigned = requests.Request(method, url, params=query, data=content, headers=headers)
        signed = self._session.prepare_request(unsigned)
        before = UNDER_WAY.set(exchange)
        try:
            with self._session.send(signed, timeout=(connect_timeout_s, timeout_s), **self._options) as response:
                return Answer(response.status_code, response.headers, _content_of(response))
        except (exceptions.InvalidURL, exceptions.InvalidSchema, LocationValueError) as error:
            vars(error).pop("request", None)  # it holds the token
            raise self._no_proxy(error) from None
        except exceptions.RequestException as error:
            error.request = None  # it holds the token, and stays reachable as the context of the error raised here
            no_answer = _no_answer(error, exchange)
            if no_answer.broke_idle:
                # What broke this one has most likely broken the others that were idle with it.
                self._trusted_since = time.monotonic()
            raise no_answer from None
        finally:
            UNDER_WAY.reset(before)

    def close(self) -> None:
        """Close them; a later request opens new ones."""
        self._session.close()

    def _put_token(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put a new token into the header ``auth``: the only place where a token exists."""
        request.headers["auth"] = self._sign()
        return request

    def _no_proxy(self, error: Exception) -> KoreConfigurationError:
        """The error for a request that could not be sent anywhere: host and ids were checked, so it is the proxy.

        The value of its variable may hold a password, and is not shown.
        """
        names = (f"{self._scheme}_proxy", f"{self._scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")
        variable = next((name for name in names if os.environ.get(name)), "the system's proxy")
        what = "names no proxy that can be used; expected for example http://proxy:3128"
        if "SOCKS" in str(error):
            what = "names a proxy for SOCKS, which needs a package: install requests[socks]"
        return KoreConfigurationError(f"{variable}: {what}. Nothing was sent", field=variable)


class Pace:
    """Lets threads go on one after the other, ``seconds`` apart."""

    def __init__(
        self,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next_at = -math.inf

    def keep(self) -> None:
        """Wait for this thread's turn."""
        with self._lock:
            now = self._clock()
            at = max(now, self._next_at)
            self._next_at = at + self._seconds
        if at > now:
            self._sleep(at - now)


class _Adapter(HTTPAdapter):
    """Holds every kind of connection to the deadline of what it carries."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _hold_to_deadline(self.poolmanager, DirectConnection)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        is_known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not is_known:
            # How to reach a host through SOCKS is the affair of its proxy.
            is_socks = proxy.lower().startswith("socks")
            _hold_to_deadline(manager, TimedConnection if is_socks else DirectConnection)
        return manager


def _hold_to_deadline(manager: Any, mixin: type[TimedConnection]) -> None:
    """Let a manager make pools whose connections are held to the deadline."""
    manager.pool_classes_by_scheme = {
        scheme: _pool_of(pool, mixin) for scheme, pool in manager.pool_classes_by_scheme.items()
    }


def _pool_of(pool: type[HTTPConnectionPool], mixin: type[TimedConnection]) -> type:
    connection = type(pool.ConnectionCls.__name__, (mixin, pool.ConnectionCls), {})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})


def _content_of(response: requests.Response) -> bytes:
    """The whole body, unpacked.

    Raises:
        requests.RequestException: it did not come, in time or as announced, or has no end.
    """
    pieces, size = [], 0
    for piece in response.iter_content(_PIECE_BYTES):
        pieces.append(piece)
        size += len(piece)
        if size > MOST_BYTES:
            raise _TooLong(request=response.request)
    return b"".join(pieces)


class _TooLong(exceptions.RequestException):
    """An answer that nobody can keep."""


def _no_answer(error: exceptions.RequestException, exchange: Exchange) -> NoAnswer:
    """What became of a request without a complete answer.

    The library's own message is left out: it repeats the URL and nothing that a reader needs beyond this.
    """
    never_sent = exchange.is_connecting
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    # X509 is OpenSSL's name for trouble with the bundle itself: nothing was compared with it yet.
    refused_certificate = isinstance(error, exceptions.SSLError) and any(
        mark in str(error) for mark in ("CERTIFICATE_VERIFY_FAILED", "[X509")
    )
    is_late = isinstance(error, exceptions.Timeout) or "timed out" in str(error)
    if refused_certificate:
        cause, what = Cause.CERTIFICATE, "the certificate was not accepted (ca_bundle and verify_tls say which are)"
    elif is_late and never_sent:
        cause, what = Cause.HOST, f"no connection within {exchange.connect_timeout_s:g} s"
    elif is_late:
        cause, what = Cause.TIMEOUT, f"no complete answer within {exchange.timeout_s:g} s"
    elif isinstance(error, _TooLong):
        cause, what = Cause.TOO_LONG, f"the answer is longer than {MOST_BYTES // 2**20} MiB"
    elif never_sent and isinstance(error, exceptions.ProxyError):
        cause, what = Cause.PROXY, "the proxy did not connect"
    elif isinstance(reason, NewConnectionError):
        cause, what = Cause.HOST, "no connection: refused, or no such host"
    else:
        cause, what = Cause.BROKEN, "the connection broke before the answer was complete"
    return NoAnswer(
        cause,
        what,
        never_sent=never_sent,
        broke_idle=exchange.idle_s >= IDLE_S and not exchange.is_answered and not is_late,
    )


def _bundle_of_environment() -> str | None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        bundle = os.environ.get(name)
        if bundle and not os.path.exists(bundle):
            raise KoreConfigurationError(
                f"ca_bundle: the environment variable {name} names no file or folder that exists; mend it, or set "
                "ca_bundle",
                field="ca_bundle",
            )
        if bundle:
            return bundle
    return None
