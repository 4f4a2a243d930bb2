"""Every refusal the service can answer: one constructor per problem.

No error of a campaign endpoint is documented. The bodies below are those of the platform's other public APIs, which
share one shape: `{"errors": [{"msg": ..., "code": ...}]}`. The text is fixed, so it cannot say what was wrong with the
request; that is said in the header `X-Simulator-Reason` and in the request log, which the platform does not have.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.simulator.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

REASON_HEADER = "X-Simulator-Reason"
RATE_LIMIT_TEXT = "You've exceeded the per-minute rate limit. Please wait for sometime before retrying."


class Refusal(Exception):  # noqa: N818 - an answer the service gives, not a mistake of the simulator
    """A request that is answered with a problem and changes nothing."""

    def __init__(
        self, status: int, text: str, code: int, *, reason: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {text} ({reason})")
        self.reason = reason
        self.answer = Answer(
            status, error_body(text, code), headers={**(headers or {}), REASON_HEADER: ascii(reason)[1:-1]}
        )


def error_body(text: str, code: int) -> dict[str, Any]:
    """The platform's error shape."""
    return {"errors": [{"msg": text, "code": code}]}


def malformed_token(reason: str) -> Refusal:
    """The token cannot be read, has expired or lacks a claim."""
    return Refusal(401, "Invalid JWT token", 4002, reason=reason)


def wrong_credentials(reason: str) -> Refusal:
    """No token, a wrong signature, or an app or account that does not fit the credentials."""
    return Refusal(401, "Invalid SDK credentials", 4002, reason=reason)


def scope_missing() -> Refusal:
    """The app lacks the scope Campaign Management; the platform answers 401, not 403."""
    return Refusal(401, "Permission denied. Scope is incorrect!", 4002, reason="switch scope_granted is off")


def token_replayed() -> Refusal:
    """A `jti` was seen before (page: SDK security)."""
    return Refusal(401, "error verifying the jwt: possibly a replay", 401, reason="jti seen before")


def token_lives_too_long() -> Refusal:
    """A token with `jti` whose `exp` is missing or more than an hour ahead (page: SDK security)."""
    text = 'error verifying the jwt: if "jti" claim "exp" must be <= 1 hour(s)'
    return Refusal(401, text, 401, reason="exp is missing or more than 3600 s ahead")


def invalid_arguments(reason: str) -> Refusal:
    """A header, query parameter or body field is missing, unknown or not allowed."""
    return Refusal(412, "Validation errors/ Invalid arguments", 412, reason=reason)


def campaign_not_found(status: int, reason: str, *, in_other_words: bool = False) -> Refusal:
    """No such campaign; other objects of the platform answer 400 rather than 404, so both are possible."""
    return Refusal(status, "No such campaign" if in_other_words else "Campaign not found", status, reason=reason)


def nothing_to_read(answer: str, reason: str) -> Refusal:
    """No such campaign, in an answer that looks like a success: `204`, `no data` or `empty data`."""
    refusal = campaign_not_found(200, reason)
    body: dict[str, Any] = {"status": "success", "message": "Campaign  retrieved successfully"}
    status, said = {
        "204": (204, None),
        "no data": (200, body | {"data": None}),
        "empty data": (200, body | {"data": {}}),
    }[answer]
    refusal.answer = Answer(status, said, headers=refusal.answer.headers)
    return refusal


def list_not_permitted() -> Refusal:
    """The list is not for this app; neither status code nor text is documented."""
    return Refusal(403, "Permission denied", 403, reason="switch list_refused is on")


def not_allowed_now(text: str) -> Refusal:
    """The campaign's status does not allow the action; neither status code nor text is documented."""
    return Refusal(400, text, 400, reason=text)


def method_not_allowed(method: str) -> Refusal:
    """The path exists, the method is not documented for it."""
    return Refusal(405, "Method Not Allowed", 405, reason=f"{method} is not documented for this path")


def unknown_path() -> Refusal:
    """No documented path looks like this one."""
    return Refusal(404, "Not Found", 404, reason="no documented path looks like this one")


def too_many_requests(status: int, *, wait_s: float, retry_after: bool, in_other_words: bool = False) -> Refusal:
    """The account's requests per minute are used up; only the text is documented."""
    headers = {"Retry-After": str(math.ceil(wait_s))} if retry_after else None
    text = "Quota exceeded" if in_other_words else RATE_LIMIT_TEXT
    return Refusal(status, text, status, reason=f"a request is free in {wait_s:.1f} s", headers=headers)
