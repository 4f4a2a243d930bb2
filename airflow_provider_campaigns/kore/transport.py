"""One request over a kept connection: the only module that talks to the network, and the only importer of ``requests``.

``requests`` is imported on first use, so that parsing a DAG does not pay for it (0.15 s).
"""

from __future__ import annotations

import json
import logging
import math
import os
import threading
import time
from contextlib import contextmanager, nullcontext
from functools import cached_property, partial
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, TypeAlias

from airflow_provider_campaigns.kore.answers import body_of, clock_note
from airflow_provider_campaigns.kore.budget import BudgetTimeout, Priority
from airflow_provider_campaigns.kore.endpoints import Effect, Endpoint
from airflow_provider_campaigns.kore.errors import (
    KoreAuthenticationError,
    KoreBudgetError,
    KoreConfigurationError,
    KoreConnectionError,
    KoreError,
    KoreProtocolError,
    KoreRateLimitError,
    KoreScopeError,
    KoreServiceError,
)
from airflow_provider_campaigns.kore.patience import ENDLESS, Patience
from airflow_provider_campaigns.kore.retry import MAX_JITTER_S, MAX_RETRY_AFTER_S, blocks_after
from airflow_provider_campaigns.kore.writes import in_doubt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import requests
    from requests.adapters import HTTPAdapter

    from airflow_provider_campaigns.kore.auth import TokenSigner
    from airflow_provider_campaigns.kore.budget import RequestBudget
    from airflow_provider_campaigns.kore.settings import KoreSettings

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10.0
Place: TypeAlias = "Callable[[], AbstractContextManager[None]]"
"""A place in the request budget that is held already: it is used up by the ``with`` block of what this gives."""

POOL_SIZE = 64
"""Connections kept; more than the sender threads of any action here."""

PACE_S = 0.01
"""Connections opened back to back overflow a listen backlog of 5; 10 ms apart they do not (8 connections, measured)."""


class Transport:
    """Sends requests to one account: signed, within its budget, over connections that are kept and shared by threads.

    Redirects are never followed, cookies never kept, ``~/.netrc`` never read. Proxies and a certificate bundle are
    taken from the environment once.
    """

    def __init__(self, settings: KoreSettings, *, budget: RequestBudget, signer: TokenSigner) -> None:
        self._settings = settings
        self._budget = budget
        self._signer = signer
        self._session: requests.Session | None = None
        self._session_lock = threading.Lock()
        self._pace = Pace(PACE_S)

    def send(
        self,
        endpoint: Endpoint,
        *,
        priority: Priority,
        campaign_id: str | None = None,
        body: dict[str, Any] | None = None,
        query: dict[str, str] | None = None,
        patience: Patience = ENDLESS,
        place: Place | None = None,
    ) -> dict[str, Any]:
        """Send one request, and once more with a fresh token if the service rejects its token; the answer's object.

        With a ``place`` it waits for none, and is sent once. A rate limit that the answer tells of makes everybody
        wait, in all processes of this machine (``retry.blocks_after``), before whoever sent this gets to hear of it:
        another thread might send meanwhile.

        Raises:
            KoreBudgetError: there was no place in time, or the service asked for a pause of which more than five
                minutes are left; nothing was sent.
            KoreError: ``outcome_unknown`` is set if the request may have changed something.
        """
        send = partial(self._send_once, endpoint, campaign_id, body, query, priority=priority, patience=patience)
        if place is not None:
            return send(place)
        try:
            return send()
        except KoreAuthenticationError as error:
            if not wants_fresh_token(error):
                raise
            log.info("%s; once more with a fresh token", error)
            return send()

    @contextmanager
    def hold(
        self, places: int, endpoint: Endpoint, campaign_id: str | None, *, priority: Priority, patience: Patience
    ) -> Iterator[Place]:
        """Places in the request budget for requests in the ``with`` block, as ``RequestBudget.hold`` gives them.

        Raises:
            KoreBudgetError: as of ``send``.
        """
        block_timeout_s = MAX_RETRY_AFTER_S + MAX_JITTER_S
        try:
            with self._budget.hold(
                places, priority, timeout_s=patience.place_timeout_s, block_timeout_s=block_timeout_s
            ) as place:
                yield place
        except BudgetTimeout as error:
            raise KoreBudgetError(
                f"{endpoint.name}: {error}; nothing was sent. Fewer requests at a time, or a higher limit from the "
                "platform's support, would help",
                endpoint=endpoint.name,
                campaign_id=campaign_id,
                retry_after_s=error.blocked_s or error.wait_s,
            ) from None

    def hold_back(self, error: KoreRateLimitError, priority: Priority, *, delay_s: float | None = None) -> None:
        """Let everybody wait after a rate limit, as ``retry.blocks_after`` says."""
        for held_back, seconds in blocks_after(error, priority=priority, delay_s=delay_s).items():
            self._budget.block(seconds, priority=held_back)

    def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        with self._session_lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def _send_once(
        self,
        endpoint: Endpoint,
        campaign_id: str | None,
        body: dict[str, Any] | None,
        query: dict[str, str] | None,
        place: Place | None = None,
        *,
        priority: Priority,
        patience: Patience,
    ) -> dict[str, Any]:
        import requests  # noqa: PLC0415
        from urllib3.exceptions import LocationValueError  # noqa: PLC0415

        settings, exceptions = self._settings, requests.exceptions
        path = endpoint.url_path(
            stream_id=settings.stream_id, account_id=settings.account_id, campaign_id=campaign_id or ""
        )
        session = self._open_session()
        timeouts = tuple(min(one, patience.answer_timeout_s) for one in self._options["timeout"])
        options = self._options | {"timeout": timeouts}
        unsigned = requests.Request(
            endpoint.method,
            settings.base_url + path,
            params=endpoint.url_query(settings.account_id) | (query or {}),
            data=json.dumps(body or {}) if endpoint.has_body else None,
            headers={"Content-Type": "application/json"} if endpoint.has_body else None,
        )
        try:
            with (
                nullcontext(place)
                if place
                else self.hold(1, endpoint, campaign_id, priority=priority, patience=patience) as its_place,
                its_place(),
            ):
                # Signed only now: a token made before a wait for the budget might have expired after it.
                signed = session.prepare_request(unsigned)
                with in_doubt() if endpoint.effect is Effect.WRITE else nullcontext():
                    response = session.send(signed, **options)
        except (exceptions.InvalidURL, exceptions.InvalidSchema, LocationValueError) as error:
            vars(error).pop("request", None)  # it holds the token
            raise self._no_proxy(endpoint, campaign_id, error) from None
        except exceptions.RequestException as error:
            error.request = None  # it holds the token, and stays reachable as the context of the error raised here
            raise self._no_answer(endpoint, campaign_id, error, timeouts) from None
        # First of all, so that nothing that is made of an answer can hold the secret, should the service repeat it.
        content = settings.redactor.content_without(response.content)
        if "Location" in response.headers:
            response.headers["Location"] = settings.redactor.without(response.headers["Location"])
        try:
            return body_of(endpoint, response.status_code, response.headers, content, campaign_id=campaign_id)
        except KoreError as error:
            if isinstance(error, KoreRateLimitError):
                self.hold_back(error, priority)
            if error.status == 401 and not isinstance(error, KoreScopeError):
                error.args = (f"{error}{clock_note(response.headers, self._signer.clock())}",)
            # What a 5xx, a redirect or an unreadable answer did is anybody's guess; a refusal did nothing.
            error.outcome_unknown = endpoint.effect is Effect.WRITE and isinstance(
                error, KoreServiceError | KoreProtocolError
            )
            raise

    def _no_proxy(self, endpoint: Endpoint, campaign_id: str | None, error: Exception) -> KoreConfigurationError:
        """The typed error for a request that could not be sent anywhere: host and ids were checked, so it is the proxy.

        The value of its variable may hold a password, and is not shown.
        """
        scheme = self._settings.base_url.partition(":")[0]
        names = (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")
        variable = next((name for name in names if os.environ.get(name)), "the system's proxy")
        what = "names no proxy that can be used; expected for example http://proxy:3128"
        if "SOCKS" in str(error):
            what = "names a proxy for SOCKS, which needs a package: install requests[socks]"
        wrong = KoreConfigurationError(f"{variable}: {what}. Nothing was sent", field=variable, campaign_id=campaign_id)
        wrong.endpoint = endpoint.name
        return wrong

    def _no_answer(
        self, endpoint: Endpoint, campaign_id: str | None, error: Exception, timeouts: tuple[float, ...]
    ) -> KoreConnectionError:
        """The typed error for a request without a complete answer.

        The library's own message is left out: it repeats the URL and nothing that a reader needs beyond this.
        """
        import requests  # noqa: PLC0415
        from urllib3.exceptions import ConnectTimeoutError, NewConnectionError  # noqa: PLC0415

        exceptions = requests.exceptions
        reason = getattr(error.args[0] if error.args else None, "reason", None)
        # With a proxy, urllib3 wraps what happened to the connection, also long after it was made: a reset in place of
        # the answer comes as a proxy's error too (measured with 2.8).
        reason = getattr(reason, "original_error", reason)
        no_tunnel = str(reason).startswith("Tunnel connection failed")
        # X509 is OpenSSL's name for trouble with the bundle itself: nothing was compared with it yet.
        refused_certificate = isinstance(error, exceptions.SSLError) and any(
            mark in str(error) for mark in ("CERTIFICATE_VERIFY_FAILED", "[X509")
        )
        never_sent = refused_certificate or no_tunnel or isinstance(reason, ConnectTimeoutError | NewConnectionError)
        if refused_certificate:
            what = "the certificate was not accepted (ca_bundle and verify_tls say which are)"
        elif isinstance(error, exceptions.ConnectTimeout):
            what = f"no connection within {timeouts[0]:g} s"
        elif isinstance(error, exceptions.Timeout) or "timed out" in str(error):
            what = f"no complete answer within {timeouts[1]:g} s"
        elif never_sent and isinstance(error, exceptions.ProxyError):
            what = "the proxy did not connect"
        elif never_sent:
            what = "no connection: refused, or no such host"
        else:
            what = "the connection broke before the answer was complete"
        where = f" of campaign {campaign_id}" if campaign_id else ""
        return KoreConnectionError(
            f"{endpoint.name}{where}: {what} ({self._settings.address})",
            endpoint=endpoint.name,
            campaign_id=campaign_id,
            retryable=not refused_certificate,
            outcome_unknown=endpoint.effect is Effect.WRITE and not never_sent,
        )

    @cached_property
    def _options(self) -> dict[str, Any]:
        """What each sending is told. ``verify`` is among it, because the session's own loses to the environment's.

        Raises:
            KoreConfigurationError: the environment names a certificate bundle that is not there.
        """
        from requests.utils import get_environ_proxies  # noqa: PLC0415

        settings = self._settings
        verify: bool | str = settings.verify_tls
        if verify:
            verify = settings.ca_bundle or _bundle_of_environment() or True
        return {
            "timeout": (min(CONNECT_TIMEOUT_S, settings.timeout_s), settings.timeout_s),
            "allow_redirects": False,
            "verify": verify,
            # Plain http is allowed to this machine because it does not leave it, so no proxy may see it.
            "proxies": {} if settings.is_loopback else get_environ_proxies(settings.base_url),
        }

    def _open_session(self) -> requests.Session:
        with self._session_lock:
            if self._session is None:
                self._session = self._new_session()
            return self._session

    def _new_session(self) -> requests.Session:
        import requests  # noqa: PLC0415

        from airflow_provider_campaigns import __version__  # noqa: PLC0415

        session = requests.Session()
        # requests takes any callable here, and having one keeps it from reading ~/.netrc.
        session.auth = self._put_token
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # Even if told not to follow, requests works out where a redirect leads, and fails on an address it cannot read.
        session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]  # noqa: ARG005
        session.headers.update({
            "Accept": "application/json",
            "User-Agent": f"airflow-provider-campaigns/{__version__}",
            "iid": self._settings.stream_id,
            "accountId": self._settings.account_id,
        })
        for scheme in ("https://", "http://"):
            session.mount(scheme, self._new_adapter())
        return session

    def _new_adapter(self) -> HTTPAdapter:
        """Keeps connections, and opens new ones one after the other, whatever asks for many at a time."""
        from requests.adapters import HTTPAdapter  # noqa: PLC0415
        from urllib3 import HTTPConnectionPool, HTTPSConnectionPool  # noqa: PLC0415
        from urllib3.connection import HTTPConnection, HTTPSConnection  # noqa: PLC0415

        pace = self._pace

        class PacedConnection(HTTPConnection):
            def connect(self) -> None:
                pace.keep()
                super().connect()

        class PacedSecureConnection(HTTPSConnection):
            def connect(self) -> None:
                pace.keep()
                super().connect()

        class Pool(HTTPConnectionPool):
            ConnectionCls = PacedConnection

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = PacedSecureConnection

        class Adapter(HTTPAdapter):
            def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
                super().init_poolmanager(*args, **kwargs)
                self.poolmanager.pool_classes_by_scheme = {"http": Pool, "https": SecurePool}

            def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
                manager = super().proxy_manager_for(proxy, **kwargs)
                # A manager for SOCKS has pools of its own, which are left to it.
                if not proxy.lower().startswith("socks"):
                    manager.pool_classes_by_scheme = {"http": Pool, "https": SecurePool}
                return manager

        return Adapter(pool_connections=1, pool_maxsize=POOL_SIZE)

    def _put_token(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put a new token into the header ``auth``: the only place where a token exists."""
        request.headers["auth"] = self._signer.sign()
        return request


def wants_fresh_token(error: KoreError) -> bool:
    """True if the service rejected the token, so that the same request with a fresh one may be answered."""
    return isinstance(error, KoreAuthenticationError) and error.status == 401 and not isinstance(error, KoreScopeError)


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
