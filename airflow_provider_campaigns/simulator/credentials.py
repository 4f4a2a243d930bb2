"""The one app and account that a simulator serves."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field


def _fresh_uuid() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who may call the service, and under which names.

    Every value is made up anew unless given. A new account id keeps requests of one simulator from being counted
    against another's rate limit by a client that shares its budget between processes.
    """

    client_id: str = field(default_factory=lambda: f"cs-{_fresh_uuid()}")
    client_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    stream_id: str = field(default_factory=lambda: f"st-{_fresh_uuid()}")
    account_id: str = field(default_factory=lambda: secrets.token_hex(12))
