"""The service's side of a JWT: HS256, checked with nothing but the standard library."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.simulator import problems

if TYPE_CHECKING:
    from airflow_provider_campaigns.simulator.credentials import Credentials

_LONGEST_LIFE_S = 3600
_TIDY_EVERY = 1000
_PARTS = 3


class TokenGate:
    """Lets a token in or says why not, and remembers which `jti` it has seen."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}

    def forget(self) -> None:
        """Forget every `jti`."""
        self._seen.clear()

    def check(
        self, token: str | None, credentials: Credentials, *, now: float, enforce_jti: bool, check_iat: bool
    ) -> None:
        """Return if the token may pass.

        A token needs the algorithm HS256, the app's signature, `appId` spelled exactly so, and a `sub`. `exp` is
        checked where present, `iat` where it is asked for; `nbf` is not documented and not looked at.

        Raises:
            problems.Refusal: with the platform's body for what is wrong.
        """
        if not token:
            raise problems.wrong_credentials("header auth is missing")
        claims = _verified_claims(token, credentials.client_secret)
        if claims.get("appId") != credentials.client_id:
            raise problems.wrong_credentials("claim appId is not the app's Client ID")
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise problems.malformed_token("claim sub is missing")
        expiry = claims.get("exp")
        if expiry is not None and not _is_number(expiry):
            raise problems.malformed_token("claim exp is not a number")
        if expiry is not None and now >= expiry:
            raise problems.malformed_token(f"the token expired {now - expiry:.0f} s ago")
        issued = claims.get("iat")
        if check_iat and issued is not None and _is_number(issued) and issued > now:
            raise problems.malformed_token(f"the token is of {issued - now:.0f} s from now")
        if enforce_jti:
            self._admit_once(claims.get("jti"), expiry, now)

    def _admit_once(self, jti: object, expiry: float | None, now: float) -> None:
        if not isinstance(jti, str) or not jti:
            raise problems.malformed_token("claim jti is missing and the app enforces it")
        if expiry is None or expiry > now + _LONGEST_LIFE_S:
            raise problems.token_lives_too_long()
        if jti in self._seen:
            raise problems.token_replayed()
        self._seen[jti] = expiry
        if len(self._seen) % _TIDY_EVERY == 0:
            self._seen = {seen: until for seen, until in self._seen.items() if until > now}


def _verified_claims(token: str, secret: str) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise problems.malformed_token("header auth is not a bare JWT")
    header, claims = _json_part(parts[0]), _json_part(parts[1])
    if header.get("alg") != "HS256":
        raise problems.malformed_token("the token is not signed with HS256")
    expected = hmac.new(secret.encode(), f"{parts[0]}.{parts[1]}".encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(expected, _decoded(parts[2])):
        raise problems.wrong_credentials("the signature is not the app's")
    return claims


def _json_part(part: str) -> dict[str, Any]:
    try:
        value = json.loads(_decoded(part))
    except ValueError as error:
        raise problems.malformed_token("a part of the token is not JSON") from error
    if not isinstance(value, dict):
        raise problems.malformed_token("a part of the token is not a JSON object")
    return value


def _decoded(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise problems.malformed_token("a part of the token is not base64url") from error


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
