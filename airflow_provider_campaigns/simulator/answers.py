"""What the service says, before it becomes bytes on a wire."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a JSON body (None: no body), extra headers, and what the request changed (None: nothing)."""

    status: int
    body: dict[str, Any] | None
    headers: dict[str, str] = field(default_factory=dict)
    effect: str | None = None

    def encoded(self) -> bytes:
        """The body as UTF-8 JSON without blanks between tokens."""
        if self.body is None:
            return b""
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()
