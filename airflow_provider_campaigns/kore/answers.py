"""What an answer of the service means: a JSON object, or one typed error. Pure: no connection, no clock.

The documentation promises neither HTTP codes nor error bodies for campaign endpoints. The shapes known from other
APIs of the platform are read here: ``{"errors": [{"msg": ..., "code": ...}]}``, ``{"status": "failure", ...}``, and the
documented text of the rate limit, with whatever code it comes. A 2xx or a 400 that tells of another failure counts as
that. A refusal in another shape is of something between here and the service - a firewall, a load balancer - and says
nothing about campaign, credentials or rights: it passes.
"""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_campaigns.kore.endpoints import Effect
from airflow_provider_campaigns.kore.errors import (
    KoreAuthenticationError,
    KoreError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreRateLimitError,
    KoreRequestError,
    KoreResponseError,
    KoreScopeError,
    KoreServiceError,
    quoted,
)
from airflow_provider_campaigns.kore.service_clock import unix_time_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_campaigns.kore.endpoints import Endpoint

RATE_LIMIT_TEXT = "exceeded the per-minute rate limit"
_PASSING = frozenset({408, 409, 421, 423, 425})
"""Refusals of this moment, whoever gives them: too slow, in conflict, misdirected, locked, too early."""

# The rate limit in words that are not documented. They must begin a sentence, or follow a colon or a tag: a campaign's
# name stands within one, and "invalid rate limit" is about an argument.
_BEGIN = r"(?:^|[.;!?>(]|(?<!campaign)(?<!name)(?<!named):)\s*"
_PERIOD = r"(?:per|a|each)[ -](?:second|minute|hour|day|month)"
_LIMIT = (
    rf"(?:(?:api|account|app|user|client|project|ip|key|requests?|calls?|{_PERIOD}|minute|daily|hourly|monthly)\s+)*"
    rf"(?:(?:rate|request|call|quota|throttle)s?[ _-]?limits?|quotas?|rate|(?:requests|calls) {_PERIOD})"
)
_USED_UP = r"(?:exceeded|reached|hit|exhausted|consumed|depleted|used up|violation|violated)"
_YOU = r"(?:(?:you|your (?:account|app)|the (?:account|app)|account|app)(?:'ve|'re| have| has| are| is)?\s+)?"
_OTHER_LIMIT = re.compile(
    rf"{_BEGIN}(?:"
    rf"{_YOU}(?:(?:sent|made|sending|making)\s+)?too[ _-]?many[ _-]?(?:api )?(?:requests|calls)"
    rf"|(?:(?:the|this|your|maximum|max)\s+)*{_LIMIT}[ _-]?(?:(?:has|have|is|was)\s+)?(?:been\s+)?{_USED_UP}"
    rf"|(?:the )?limit of [0-9]+ (?:api )?(?:requests|calls)(?: {_PERIOD})?(?: has been| was| is)? {_USED_UP}"
    rf"|{_YOU}(?:exceeded|reached|hit)\s+(?:(?:the|your|its|an?)\s+)?{_LIMIT}"
    rf"|{_YOU}(?:over|out of)\s+(?:(?:the|your|its)\s+)?{_LIMIT}"
    r"|no (?:api )?quota (?:left|remaining)"
    rf"|{_YOU}(?:been\s+|being\s+)?(?:rate[ _-]?limited|throttled)"
    r"|(?:(?:the|this|your)\s+)?(?:api )?requests? (?:was|were|is|are|ha(?:s|ve) been) (?:rate[ -]?limited|throttled)"
    r"|throttling(?:exception|error)?"
    r"|rate[ _-]?limiting (?:is |was )?(?:in effect|active|applied|enforced)"
    r"|spike[ _-]?arrest(?:[ _-]?violation)?"
    r"|resources?[ _-]?(?:ha(?:s|ve) been )?exhausted"
    r")(?=\s*(?:$|[.,;:!<()-]|for [0-9a-f]*[.:0-9]"
    r"|(?:for (?:this|your|(?:the )?(?:account|app|user|client|project|ip|key))"
    r"|by|please|try|retry|wait|in a|in the last|due)\b))"
    # These words alone, and nothing beside them.
    r"|^\s*rate[ _-]?limit(?:s|ed|ing)?[.!]?\s*$"
)
_LONGEST_LIMIT = 4000
"""Characters of an answer in which it is looked for."""

_OWN_FAULT = re.compile(
    r"^\W*(?:internal (?:server )?error|(?:service|server) (?:is )?(?:temporarily |currently )?(?:unavailable|busy)"
    r"|(?:bad gateway|gateway time-?out|(?:request|connection|operation) timed? ?out|something went wrong)\b)"
    r"|\btry (?:it )?again (?:later|in a)\b"
)
"""A failure of the service, in its own words: they begin the text, or ask for another try."""

_NOT_ACCEPTED = "4002"
"""The platform's own code for a token that it does not accept."""

_ERROR_STATUS = re.compile("[45][0-9]{2}")

_NOT_THERE = frozenset({301, 308, 404, 405, 410, 501})
"""What those answer who do not know a path, or not with this method."""

_IF_OTHERWISE = ". If this platform wants it otherwise, endpoint_overrides or api_version of the connection can say so"
"""Said where path, method or query may be why."""

_CHARSET = re.compile(
    r"""charset\s*=\s*["']?((?:iso-?8859|latin|l[1-9]\b|windows-|cp[0-9]|us-ascii|koi8|gb|big5|euc-|shift[_-]jis|mac)"""
    r"[\w.:-]*)",
    re.IGNORECASE,
)
"""Those that take one or two bytes for a character; Python knows others, for which an answer need not be searched."""

_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9}")
_LONGEST_PAUSE_S = 7 * 86_400.0
"""A service that asks for a longer pause means something else, such as an instant in seconds."""

_CLOCKS_AGREE_S = 60.0

_FAILURES = frozenset({"failure", "failed", "error"})
_SCOPE_TEXT = "scope is incorrect"
_NOT_FOUND_TEXT = "not found"
_WITH_DIGITS = re.compile(r"\S*\d\S*")
"""Words of an answer that differ from one request to the next: ids, instants, numbers."""


def body_of(
    endpoint: Endpoint, status: int, headers: Mapping[str, str], content: bytes, *, campaign_id: str | None = None
) -> dict[str, Any]:
    """The JSON object of a successful answer: a 2xx status, an object, no ``errors``, no failure in ``status``.

    An array of one object stands for the object.

    Raises:
        KoreProtocolError: a 2xx answer that is no JSON object; it may be a cut-off answer and is retryable.
        KoreResponseError: the subclass that fits what the service said. A redirect is never followed, because the token
            would travel along; it passes, for a service under maintenance leads to another page as well.
    """
    facts: dict[str, Any] = {"endpoint": endpoint.name, "campaign_id": campaign_id, "status": status}
    if 300 <= status < 400:
        raise KoreServiceError(
            f"{endpoint.request(campaign_id)}: HTTP {status}, a redirect to {_host_in(headers.get('Location', ''))}; "
            "redirects are not followed, because the token would travel along. Set the connection's host to the "
            f"platform's own address{_IF_OTHERWISE if status in _NOT_THERE else ''}",
            **facts,
        )
    body = _json(content)
    if isinstance(body, list) and len(body) == 1 and isinstance(body[0], dict):
        body = body[0]
    if isinstance(body, dict) and 200 <= status < 300 and not _says_no(body):
        return body
    text = _error_text(body) if body is not None else content.decode("utf-8", "replace")
    said = f"{endpoint.request(campaign_id)}: HTTP {status}{_as_quoted(endpoint, text)}"
    is_limit = _tells_of_a_rate_limit(status, text.casefold())
    facts["status"] = status = status if is_limit else _status_meant(status, body, text.casefold())
    if status == 429 or is_limit:
        # In the service's own words it took nothing; what stands before it may count what it has passed on.
        is_own = isinstance(body, dict)
        raise KoreRateLimitError(said, retry_after_s=_retry_after_s(headers), outcome_unknown=not is_own, **facts)
    if 200 <= status < 300 and not isinstance(body, dict):
        # A 204 is not an answer that was cut off; of a write it does not say that it was done.
        is_empty = status == 204 and not content
        may_pass = not is_empty or endpoint.effect is Effect.WRITE
        # Pages that are programs of their own answer a path that they do not know like this.
        otherwise = _IF_OTHERWISE if text.lstrip().startswith("<") else ""
        raise _comparable(
            KoreProtocolError(f"{said} (expected a JSON object){otherwise}", retryable=may_pass, **facts),
            "" if is_empty else None,
        )
    if status in _PASSING or status >= 500 or (status >= 400 and not isinstance(body, dict)):
        said += _IF_OTHERWISE if status in _NOT_THERE else ""
        raise KoreServiceError(said, retry_after_s=_retry_after_s(headers) if status == 503 else None, **facts)
    kind = _error_class(status, text.casefold())
    # The path, which holds that word as well, may be repeated by whoever does not know it.
    names_campaign = any("campaign" in word for word in text.casefold().split() if "/" not in word)
    if not names_campaign and (kind is KoreNotFoundError or (kind is KoreRequestError and status >= 400)):
        said += _IF_OTHERWISE
    refusal = kind(said, **facts)
    refusal.names_campaign = names_campaign
    raise refusal if isinstance(refusal, KoreAuthenticationError) else _comparable(refusal, text)


def _status_meant(status: int, body: object, text: str) -> int:
    """The HTTP status of a refusal, which a 2xx or a 400 of the service may hide in its body."""
    if not isinstance(body, dict) or not (200 <= status < 300 or status == 400):
        return status
    places = [one for one in (_first_error(body), body) if isinstance(one, dict)]
    codes = [str(one.get(name)) for one in places for name in ("code", "statusCode")]
    if _NOT_ACCEPTED in codes:
        return 401
    named = next((int(one) for one in codes if _ERROR_STATUS.fullmatch(one)), status)
    if _OWN_FAULT.search(text) and named < 500:
        return 500
    return named if status < 300 or named >= 429 else status


def clock_note(headers: Mapping[str, str], now: float) -> str:
    """What to add to a refused token's error if this machine's clock may be why; "" if it is not, or nobody can tell.

    ``now`` is this machine's Unix time. It may be a minute away from the answer's own ``Date``.
    """
    date = unix_time_of(headers.get("Date"))
    ahead_s = 0.0 if date is None else now - date
    if abs(ahead_s) <= _CLOCKS_AGREE_S:
        return ""
    return (
        f". This machine's clock is {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} the service's, so "
        "its tokens are not valid: set it, best by NTP"
    )


def as_utf8(content: bytes, content_type: str) -> bytes:
    """An answer in UTF-8, from the charset that it shows or declares; as it is where it is UTF-8, or neither is known.

    Everything that looks into an answer looks for UTF-8, as whoever takes the secret out of it does.
    """
    shown, declared = json.detect_encoding(content), _CHARSET.search(content_type)
    for charset in ("utf-8", declared[1]) if declared and shown == "utf-8" else (shown,):
        with suppress(LookupError, UnicodeError):
            text = content.decode(charset)
            # A page may be large, so what is in UTF-8 already is not kept twice.
            return content if charset == "utf-8" else text.encode()
    return content


def _comparable(error: KoreError, text: str | None) -> KoreError:
    """``error`` with its ``nothing_found``: its kind, its status, and a digest of the words that do not vary."""
    if text is not None:
        named = text.replace(error.campaign_id, "#") if error.campaign_id else text
        words = " ".join(_WITH_DIGITS.sub("#", named.casefold()).split())
        digest = hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()[:12]
        error.nothing_found = f"{type(error).__name__} {error.status} {digest}"
    return error


def _error_class(status: int, text: str) -> type[KoreResponseError]:
    """The kind of a refusal in the service's own words."""
    if status in {401, 403}:
        return KoreScopeError if _SCOPE_TEXT in text else KoreAuthenticationError
    if status == 404 or (_NOT_FOUND_TEXT in text and (status == 400 or 200 <= status < 300)):
        return KoreNotFoundError
    return KoreRequestError


def _tells_of_a_rate_limit(status: int, text: str) -> bool:
    """True if an answer says so in the documented words; or, where it refuses, in others."""
    if RATE_LIMIT_TEXT in text:
        return True
    return (status in {400, 403} or status < 300) and _OTHER_LIMIT.search(text[:_LONGEST_LIMIT]) is not None


def _host_in(location: str) -> str:
    """The host that a redirect leads to; without path and user, which are nobody's business."""
    try:
        return quoted(urlsplit(location).hostname or "elsewhere")
    except ValueError:
        return "elsewhere"


def _as_quoted(endpoint: Endpoint, text: str) -> str:
    """What the service said, for a message; of contacts nothing, for it may repeat one's name or number."""
    if not text.strip():
        return ""
    return f": {len(text)} characters, which may be about a contact" if endpoint.holds_contacts else f": {quoted(text)}"


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _says_no(body: dict[str, Any]) -> bool:
    status = body.get("status")
    return (
        bool(body.get("errors"))
        or (isinstance(status, str) and status.casefold() in _FAILURES)
        or (
            # The documented text of the rate limit, which may come in any body. The message of a read repeats the
            # campaign's name, so only an answer that does not claim success is searched.
            status != "success" and RATE_LIMIT_TEXT in _error_text(body).casefold()
        )
    )


def _error_text(body: Any) -> str:
    """The error message in a body, from the first of the places where the platform is known to put it."""
    if not isinstance(body, dict):
        return body if isinstance(body, str) else ""
    first, error = _first_error(body), body.get("error")
    candidates = (
        *((first.get("msg"), first.get("message")) if isinstance(first, dict) else (first,)),
        error.get("message") if isinstance(error, dict) else error,
        body.get("message"),
    )
    return next((text for text in candidates if isinstance(text, str) and text), "")


def _first_error(body: dict[str, Any]) -> object:
    errors = body.get("errors")
    return errors[0] if isinstance(errors, list) and errors else errors


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds in the ``Retry-After`` header, also with decimals; None without a readable one of a week at most.

    Its other form, a date, is measured against the answer's own ``Date``: clocks differ between machines.
    """
    value = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(value):
        seconds = float(value)
    else:
        try:
            until, now = parsedate_to_datetime(value), parsedate_to_datetime(headers.get("Date", ""))
            seconds = max(0.0, (until - now).total_seconds())
        except (TypeError, ValueError, OverflowError):
            return None
    return seconds if seconds <= _LONGEST_PAUSE_S else None
