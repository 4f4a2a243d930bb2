"""Who is calling: the token that the service wants with each request, signed here from the app's own secret.

Source: https://docs.kore.ai/ai-for-service/apis/automation/api-introduction ("Generating the JWT token").
"""

from __future__ import annotations

import time
import uuid
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_TTL_S = 3600
"""The platform rejects a token with a ``jti`` that is valid for more than an hour."""

DATED_BACK_S = 30
"""A token is dated so far back: where the service's clock is a little behind, one of now would be of the future."""


@dataclass(frozen=True, slots=True)
class TokenSigner:
    """Signs one short-lived token per request (HS256; ``appId``, ``sub``, ``iat``, ``exp`` and a fresh ``jti``).

    A fresh ``jti`` each time, because an app with the option "Enforce JTI" rejects a second use as a replay. The
    documentation names only ``appId`` and ``sub``; the expiry is ours, so that a leaked token is soon worthless.
    """

    # Nor are these shown, which may be the secret in the wrong field.
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    _: KW_ONLY
    subject: str = field(default="airflow", repr=False)
    ttl_s: int = 300
    clock: Callable[[], float] = field(default=time.time, repr=False)

    def sign(self) -> str:
        """A new token, valid for ``ttl_s`` seconds from now, or for an hour since the instant that it is dated."""
        import jwt  # noqa: PLC0415 - 0.1 s, and no DAG parsing needs it

        now = int(self.clock())
        dated = now - DATED_BACK_S
        return jwt.encode(
            {
                "appId": self.client_id,
                "sub": self.subject,
                "iat": dated,
                "exp": min(now + self.ttl_s, dated + MAX_TTL_S),
                "jti": uuid.uuid4().hex,
            },
            self.client_secret,
            algorithm="HS256",
        )
