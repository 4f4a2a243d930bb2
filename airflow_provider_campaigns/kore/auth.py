"""Who is calling: the token that the service wants with each request, signed here from the app's own secret.

Source: https://docs.kore.ai/ai-for-service/apis/automation/api-introduction ("Generating the JWT token").
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_TTL_S = 3600
"""The platform rejects a token with a ``jti`` that is valid for more than an hour."""


class TokenSigner:
    """Signs one short-lived token per request (HS256; ``appId``, ``sub``, ``iat``, ``exp`` and a fresh ``jti``).

    A fresh ``jti`` each time, because an app with the option "Enforce JTI" rejects a second use as a replay. The
    documentation names only ``appId`` and ``sub``; the expiry is ours, so that a leaked token is soon worthless.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        *,
        subject: str = "airflow",
        ttl_s: int = 300,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client_id = client_id
        self._client_secret = client_secret
        self._subject = subject
        self._ttl_s = ttl_s
        self._clock = clock

    def sign(self) -> str:
        """A new token, valid from now for ``ttl_s`` seconds."""
        import jwt  # noqa: PLC0415 - 0.1 s, and no DAG parsing needs it

        now = int(self._clock())
        return jwt.encode(
            {
                "appId": self._client_id,
                "sub": self._subject,
                "iat": now,
                "exp": now + self._ttl_s,
                "jti": uuid.uuid4().hex,
            },
            self._client_secret,
            algorithm="HS256",
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(client_id={self._client_id!r}, subject={self._subject!r}, ttl_s={self._ttl_s})"
