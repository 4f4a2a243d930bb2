"""One request to one account: signed, within its budget, over connections that are kept."""

from __future__ import annotations

import json
import logging
import os
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from airflow_provider_campaigns.kore.answers import as_utf8, body_of, clock_note
from airflow_provider_campaigns.kore.budget import BudgetTimeout, Priority
from airflow_provider_campaigns.kore.endpoints import Effect, Endpoint
from airflow_provider_campaigns.kore.errors import (
    Cause,
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
from airflow_provider_campaigns.kore.service_clock import ServiceClock
from airflow_provider_campaigns.kore.writes import in_doubt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from airflow_provider_campaigns.kore.auth import TokenSigner
    from airflow_provider_campaigns.kore.budget import InUse, RequestBudget
    from airflow_provider_campaigns.kore.connections import Answer, Connections
    from airflow_provider_campaigns.kore.settings import KoreSettings

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10.0
Place: TypeAlias = "Callable[[], AbstractContextManager[InUse]]"
"""A place in the request budget that is held already, as ``RequestBudget.hold`` gives it."""


class Transport:
    """Sends requests to one account; threads, and processes that are forked from this one, may share it."""

    def __init__(
        self, settings: KoreSettings, *, budget: RequestBudget, signer: TokenSigner, clock: Callable[[], float]
    ) -> None:
        """``clock`` is monotonic seconds."""
        self.service_clock = ServiceClock()
        self._clock = clock
        self._settings = settings
        self._budget = budget
        self._signer = signer
        # By process: two that share a connection read each other's answers, and a lock that another thread held at the
        # time of the fork is held for ever in the child.
        self._connections: dict[int, Connections] = {}

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

        A read is sent once more as well if an idle connection broke instead of carrying it. With a ``place`` a request
        waits for none, and is sent once. A rate limit that the answer tells of makes everybody
        wait, in all processes of this machine (``retry.blocks_after``), before whoever sent this gets to hear of it:
        another thread might send meanwhile.

        Raises:
            KoreBudgetError: there was no place in time, or the service asked for a pause of which more than five
                minutes are left, and for a stop there is no time left to probe it; nothing was sent.
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
        except KoreConnectionError as error:
            if not error.broke_idle or endpoint.effect is Effect.WRITE:
                raise
            log.info("%s; it had been idle, so once more on another", error)
        return send()

    @contextmanager
    def hold(
        self, places: int, endpoint: Endpoint, campaign_id: str | None, *, priority: Priority, patience: Patience
    ) -> Iterator[Place]:
        """Places in the request budget for requests in the ``with`` block, as ``RequestBudget.hold`` gives them.

        What is as urgent as a stop may probe a block for as long as it would be sent again.

        Raises:
            KoreBudgetError: as of ``send``.
        """
        probe_s = patience.repeat_s() if priority is Priority.STOP and patience.repeat_s is not None else 0.0
        try:
            with self._budget.hold(
                places,
                priority,
                timeout_s=max(patience.place_timeout_s, probe_s),
                block_timeout_s=MAX_RETRY_AFTER_S + MAX_JITTER_S,
                probe_timeout_s=probe_s,
            ) as place:
                yield place
        except BudgetTimeout as error:
            raise KoreBudgetError(
                f"{endpoint.request(campaign_id)}: {error}; nothing was sent. Fewer requests at a time, or a higher "
                "limit from the platform's support, would help",
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
        if (opened := self._connections.get(os.getpid())) is not None:
            opened.close()

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
        settings, opened = self._settings, self._opened()
        path = endpoint.url_path(account_id=settings.account_id, campaign_id=campaign_id or "")
        # Whatever the caller took for an id or a name: it would travel in the address.
        settings.refuse_secret("campaign_id, or name", [path, *(query or {}).values()])
        with (
            nullcontext(place)
            if place
            else self.hold(1, endpoint, campaign_id, priority=priority, patience=patience) as its_place,
            its_place() as in_use,
        ):
            if endpoint.effect is Effect.WRITE:
                in_use.is_given_back = True
                patience.before_write()
                in_use.is_given_back = False
            with (
                self._errors_of(endpoint, campaign_id, in_use),
                in_doubt() if endpoint.effect is Effect.WRITE else nullcontext(),
            ):
                asked_at = self._clock()
                timeout_s = min(settings.timeout_s, patience.answer_timeout_s)
                # Signed only now: a token made before a wait for the budget might have expired after it.
                answer = opened.send(
                    endpoint.method,
                    settings.base_url + path,
                    query=endpoint.url_query(settings.account_id) | (query or {}),
                    content=json.dumps(body or {}) if endpoint.has_body else None,
                    connect_timeout_s=min(CONNECT_TIMEOUT_S, timeout_s),
                    timeout_s=timeout_s,
                )
            self.service_clock.see(answer.headers.get("Date"), asked_at=asked_at, answered_at=self._clock())
            return self._object_in(answer, endpoint, campaign_id, priority, in_use)

    @contextmanager
    def _errors_of(self, endpoint: Endpoint, campaign_id: str | None, in_use: InUse) -> Iterator[None]:
        """Turn what went wrong on the way into the typed error, and give the place back if nothing was sent."""
        from airflow_provider_campaigns.kore.connections import NoAnswer  # noqa: PLC0415

        try:
            yield
        except KoreConfigurationError as error:
            in_use.is_given_back = True
            error.endpoint, error.campaign_id = endpoint.name, campaign_id
            raise
        except NoAnswer as error:
            in_use.is_given_back = error.never_sent
            raise KoreConnectionError(
                f"{endpoint.request(campaign_id)}: {error.what} ({self._settings.address})",
                endpoint=endpoint.name,
                campaign_id=campaign_id,
                retryable=error.cause is not Cause.CERTIFICATE,
                outcome_unknown=endpoint.effect is Effect.WRITE and not error.never_sent,
                cause=error.cause,
                never_sent=error.never_sent,
                broke_idle=error.broke_idle,
            ) from None

    def _object_in(
        self, answer: Answer, endpoint: Endpoint, campaign_id: str | None, priority: Priority, in_use: InUse
    ) -> dict[str, Any]:
        """The object that an answer holds, or the typed error that it tells of."""
        redactor, headers = self._settings.redactor, answer.headers
        # First of all, so that nothing that is made of an answer can hold the secret, should the service repeat it.
        content = redactor.content_without(as_utf8(answer.content, headers.get("Content-Type", "")))
        if "Location" in headers:
            headers["Location"] = redactor.without(headers["Location"])
        in_use.is_answered = True
        try:
            return body_of(endpoint, answer.status, headers, content, campaign_id=campaign_id)
        except KoreError as error:
            if isinstance(error, KoreRateLimitError):
                in_use.is_answered = False
                self.hold_back(error, priority)
            # A 403 may be about anything, unless it speaks of the token.
            is_of_token = wants_fresh_token(error) or b"token" in content.lower() or b"jwt" in content.lower()
            if isinstance(error, KoreAuthenticationError) and not isinstance(error, KoreScopeError) and is_of_token:
                note = clock_note(headers, self._signer.clock())
                error.args, error.clock_is_off = (f"{error}{note}",), bool(note)
            # What a 5xx, a redirect or an answer of somebody else's did is anybody's guess; a refusal did nothing.
            is_guess = error.outcome_unknown or isinstance(error, KoreServiceError | KoreProtocolError)
            error.outcome_unknown = endpoint.effect is Effect.WRITE and is_guess
            raise

    def _opened(self) -> Connections:
        """The connections of this process.

        Raises:
            KoreConfigurationError: the environment names a certificate bundle that is not there.
        """
        pid = os.getpid()
        if pid in self._connections:
            return self._connections[pid]
        from airflow_provider_campaigns.kore.connections import Connections  # noqa: PLC0415

        return self._connections.setdefault(pid, Connections(self._settings, self._signer.sign))


def wants_fresh_token(error: KoreError) -> bool:
    """True if the service rejected the token, so that the same request with a fresh one may be answered."""
    return isinstance(error, KoreAuthenticationError) and error.status == 401 and not isinstance(error, KoreScopeError)
