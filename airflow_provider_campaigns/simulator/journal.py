"""What was asked of the service, and what came of it."""

from __future__ import annotations

import dataclasses
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from airflow_provider_campaigns.simulator.routes import WRITES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REDACTED = "***"
MOST_RECORDS = 100_000


@dataclass(slots=True, kw_only=True)
class RequestRecord:
    """One request, written down when it arrives and completed when it is answered.

    `operation` is `unknown` for a path that no page documents and `trigger` for a trigger that is neither play nor
    stop. `status` is None while there is no answer, and stays None if the connection was dropped instead. `reason` says
    why a request was refused. `effect` says what the request changed, None if nothing. `body` is the JSON value where
    the body is JSON, else its text.
    """

    number: int
    at: str
    monotonic: float
    operation: str
    version: str | None
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    campaign_id: str | None
    status: int | None = None
    reason: str | None = None
    fault: str | None = None
    effect: str | None = None
    answered_monotonic: float | None = field(default=None, compare=False)

    def __str__(self) -> str:
        outcome = self.effect or self.reason or "no change"
        fault = f", fault {self.fault}" if self.fault else ""
        return f"#{self.number} {self.operation} {self.campaign_id or ''} -> {self.status} ({outcome}{fault})"

    def as_json(self) -> dict[str, Any]:
        """The record as plain values."""
        return dataclasses.asdict(self)


class Requests(Sequence[RequestRecord]):
    """Requests in the order of their arrival, with the questions that tests ask about them."""

    def __init__(self, records: Iterable[RequestRecord] = ()) -> None:
        self._records: Sequence[RequestRecord] = tuple(records)

    @overload
    def __getitem__(self, index: int) -> RequestRecord: ...
    @overload
    def __getitem__(self, index: slice) -> Requests: ...
    def __getitem__(self, index: int | slice) -> RequestRecord | Requests:
        if isinstance(index, slice):
            return Requests(tuple(self._records)[index])
        return self._records[index]

    def __len__(self) -> int:
        return len(self._records)

    def __str__(self) -> str:
        return "\n".join(str(record) for record in self) or "no requests"

    def of(self, *operations: str, campaign_id: str | None = None) -> Requests:
        """Those that asked for one of the operations (none named: any), and for the campaign if one is given."""
        return Requests(
            record
            for record in self
            if (not operations or record.operation in operations)
            and (campaign_id is None or record.campaign_id == campaign_id)
        )

    def effects(self, *operations: str, campaign_id: str | None = None) -> Requests:
        """Those of `of` that changed something."""
        return Requests(record for record in self.of(*operations, campaign_id=campaign_id) if record.effect)

    def writes(self) -> Requests:
        """Those that asked for a change, whether or not it took effect."""
        return self.of(*WRITES, "trigger")

    def max_in_any_window(self, seconds: float = 60.0) -> int:
        """The most requests that arrived within any stretch of so many seconds, its end not included."""
        window: deque[float] = deque()
        most = 0
        for record in self:
            window.append(record.monotonic)
            while record.monotonic - window[0] >= seconds:
                window.popleft()
            most = max(most, len(window))
        return most


class Journal(Requests):
    """The live log: grows while the service runs, keeps the last 100,000 requests."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._count = 0
        self._live: deque[RequestRecord] = deque(maxlen=MOST_RECORDS)
        self._records = self._live

    def __iter__(self) -> Any:
        with self._lock:
            return iter(list(self._live))

    @property
    def complete(self) -> bool:
        """True while no request has fallen out of the log."""
        return self._count <= MOST_RECORDS

    def add(self, **facts: Any) -> RequestRecord:
        """Write a request down as it arrives; the token is left out."""
        with self._lock:
            self._count += 1
            record = RequestRecord(number=self._count, **{**facts, "headers": redacted(facts["headers"])})
            self._live.append(record)
            return record

    def clear(self) -> None:
        """Forget every request."""
        with self._lock:
            self._live.clear()
            self._count = 0


def redacted(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers without what could be used to call the service."""
    return {name: REDACTED if name in {"auth", "authorization", "cookie"} else value for name, value in headers.items()}
