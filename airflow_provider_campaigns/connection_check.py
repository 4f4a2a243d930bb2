"""Testing a connection: one harmless read, and what is wrong in words for whoever looks at the form."""

from __future__ import annotations

import contextvars
import math
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

from airflow_provider_campaigns.kore.errors import (
    Cause,
    KoreAuthenticationError,
    KoreBudgetError,
    KoreConfigurationError,
    KoreConnectionError,
    KoreError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreRateLimitError,
    KoreRequestError,
    KoreScopeError,
    KoreServiceError,
)
from airflow_provider_campaigns.kore.patience import Patience, countdown
from airflow_provider_campaigns.kore.retry import Bounds, pause_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.kore.settings import KoreSettings

CHECKED_WITHIN_S = 9.0
"""Seconds after which a check is over, whatever hangs: somebody waits at a form for it."""

_ANSWER_WITHIN_S = 6.0
_PLACE_WITHIN_S = 2.0
"""For a place in the request budget; a longer wait is told instead of waited for."""


def check_connection(get_settings: Callable[[], KoreSettings]) -> tuple[bool, str]:
    """True and what was found; or False, where to look - host, clock, credentials ... - and what to do there.

    It is over within 10 s: sent at most twice (a rejected token is made anew), and never waiting for the account's
    rate limit. What hangs by then is left to a thread that ends with it, or with the process.
    """
    outcome: Future[tuple[bool, str]] = Future()

    def run() -> None:
        try:
            outcome.set_result(_ask(get_settings))
        except Exception as error:  # noqa: BLE001 - it is raised where the result is awaited
            outcome.set_exception(error)

    # In this context, which may hold connections.
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run,), name="kore-connection-check", daemon=True).start()
    try:
        return outcome.result(timeout=CHECKED_WITHIN_S)
    except TimeoutError:
        return False, (
            f"outage: nothing came of it within {CHECKED_WITHIN_S:g} s: the service answers too slowly, or the name of "
            "the host, a proxy or the secrets backend cannot be asked. Test again; if it stays, open the host's "
            "address from this machine"
        )


def _ask(get_settings: Callable[[], KoreSettings]) -> tuple[bool, str]:
    from airflow_provider_campaigns.kore.client import KoreClient  # noqa: PLC0415

    patience = Patience(countdown(CHECKED_WITHIN_S), place_s=_PLACE_WITHIN_S, answer_s=_ANSWER_WITHIN_S)
    try:
        settings = get_settings()
    except KoreError as error:
        return False, str(error)
    try:
        with KoreClient(settings, bounds=Bounds(attempts=1)) as client:
            count = client.count_campaigns("voice", api_version=client.api_version_of("list"), patience=patience)
    except KoreConfigurationError as error:
        return False, str(error)
    except KoreError as error:
        return False, f"{diagnosis(error)} ({error})"
    return True, f"Connected to {settings.address}: credentials and scope are accepted ({count} voice campaigns)"


def diagnosis(error: KoreError) -> str:
    """Where to look, and what to do there, by what became of the one read."""
    if isinstance(error, KoreConnectionError):
        return _WITHOUT_ANSWER.get(error.cause, _BROKEN)
    if isinstance(error, KoreServiceError):
        return next(what for least, most, what in _NOT_ITS_WORD if least <= (error.status or 0) <= most) + _again(error)
    if isinstance(error, KoreAuthenticationError) and error.clock_is_off:
        return "clock: the platform does not accept what this machine signs; set its clock, best by NTP"
    return next(what for kind, what in _ANSWERS if isinstance(error, kind)) + _again(error)


def _again(error: KoreError) -> str:
    """When to test again, where waiting helps."""
    if not error.retryable:
        return ""
    wait_s = pause_after(error)
    return f"; test again in {math.ceil(wait_s)} s" if wait_s else "; test again"


_NOT_THE_PLATFORM = (
    "host or account_id: an unexpected answer; is this the platform's address? Set the host to that, without a path"
)

_BROKEN = "host: the connection broke; is it https that is served there, and does nothing before it cut that off?"

_WITHOUT_ANSWER: dict[Cause | None, str] = {
    Cause.CERTIFICATE: (
        "TLS: this machine does not trust the host's certificate; name your authority's file in ca_bundle"
    ),
    Cause.PROXY: "proxy: it does not let this machine through; mend HTTPS_PROXY, or name the host in NO_PROXY",
    Cause.TIMEOUT: "outage: the host takes connections and does not answer in time; test again",
    Cause.HOST: "host: no connection; is it spelled right, and may this machine reach it (DNS, firewall, proxy)?",
    Cause.TOO_LONG: _NOT_THE_PLATFORM,
}

_NOT_ITS_WORD = (
    (500, 599, "outage: the service fails, or what is before it; ask its support if that stays"),
    (300, 399, _NOT_THE_PLATFORM),
    (404, 404, _NOT_THE_PLATFORM),
    (0, 499, "network: what is before the service refused, as a firewall does; have this machine let through"),
)
"""By the least and the highest status."""

_ANSWERS: tuple[tuple[type[KoreError], str], ...] = (
    (
        KoreBudgetError,
        "rate limit: nothing was sent; this minute's requests are used up, or the service has asked for a pause",
    ),
    (KoreRateLimitError, "rate limit: the account has sent more than it may, from here or from elsewhere"),
    (
        KoreScopeError,
        (
            "scope: the credentials are right, but the app may not manage campaigns; give it the API scope 'Campaign "
            "Management' and publish it"
        ),
    ),
    (
        KoreAuthenticationError,
        "login, password, stream_id or account_id: the platform does not accept these credentials for this app",
    ),
    (KoreNotFoundError, "account_id or path: the service knows none such; compare account_id, and endpoint_overrides"),
    (KoreRequestError, "account_id or path: the service refuses the request; compare account_id, and api_version"),
    (KoreProtocolError, _NOT_THE_PLATFORM),
)
