"""Faults on order: the next matching request meets one, before or after it took effect.

Faults are scripted, or drawn from a seeded generator; there are none unless somebody asks for them.
"""

from __future__ import annotations

import math
import random
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from airflow_provider_campaigns.simulator import problems
from airflow_provider_campaigns.simulator.routes import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from airflow_provider_campaigns.simulator.clock import Clock

Kind = Literal["answer", "drop", "hang", "truncate", "trickle", "hint", "garble", "redirect", "mislabel"]
Moment = Literal["before", "after", "late"]

ANOTHER_CAMPAIGN = "cd-0000000-0000-4000-8000-000000000000"
ANOTHER_INSTANCE = "cid-0000000-0000-4000-8000-000000000000"
GARBLED = "<html><head><title>Just a moment</title></head><body>The service is busy.</body></html>"

_REFUSALS = (
    problems.campaign_not_found(400, "ordered"),
    problems.malformed_token("ordered"),
    problems.campaign_not_found(404, "ordered"),
    problems.invalid_arguments("ordered"),
    problems.too_many_requests(429, wait_s=0, retry_after=False),
)
_DEFAULT_BODIES = {refusal.answer.status: refusal.answer.body for refusal in _REFUSALS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong.

    `moment` is `before` when the request has no effect, `after` when it has, and `late` (hang only) when it takes
    effect after the wait even if the caller has gone.
    """

    kind: Kind
    moment: Moment
    status: int = 500
    body: Any = None
    headers: Mapping[str, str] | None = None
    seconds: float = 0.0

    def __str__(self) -> str:
        what = str(self.status) if self.kind == "answer" else self.kind
        return f"{what} {self.moment}"

    def answer_body(self) -> Any:
        """The body of an answering fault: the given one, else the platform's shape for the status."""
        if self.body is not None:
            return self.body
        return _DEFAULT_BODIES.get(self.status) or problems.error_body(_phrase(self.status), self.status)


@dataclass(slots=True, kw_only=True)
class _Order:
    """A fault that waits for its request."""

    fault: Fault
    operations: frozenset[str]
    campaign_id: str | None
    api_version: str | None
    skip: int
    times: int

    def concerns(self, operation: str, campaign_id: str | None, api_version: str) -> bool:
        is_meant = self.campaign_id in {None, campaign_id} and self.api_version in {None, api_version}
        return is_meant and (not self.operations or operation in self.operations)

    def __str__(self) -> str:
        target = " ".join([*sorted(self.operations), *filter(None, (self.api_version, self.campaign_id))])
        return f"{self.fault} on {target or 'anything'}, {self.times} times after {self.skip}"


_RANDOM_FAULTS = (
    Fault(kind="answer", moment="before", status=500),
    Fault(kind="answer", moment="after", status=500),
    Fault(kind="answer", moment="before", status=503),
    Fault(kind="answer", moment="after", status=502),
    Fault(kind="drop", moment="before"),
    Fault(kind="drop", moment="after"),
    Fault(kind="truncate", moment="after"),
    Fault(kind="garble", moment="after", status=200),
)


class Which(TypedDict, total=False):
    """Which requests a fault hits; every ordering method takes these keywords.

    `operation` is one of start, stop, delete, get, status, contacts, list, schedule, or several of them; None, as when
    left out, means any. `campaign_id` narrows it to one campaign, `api_version` to `v1` or `v2`. `skip` (0) lets so
    many matching requests pass first; `times` (1) is how many are then hit.
    """

    operation: str | Collection[str] | None
    campaign_id: str | None
    api_version: str | None
    skip: int
    times: int


class FaultPlan:
    """Which faults are still to come.

    Every ordering method takes the keywords of `Which`. A request meets the first order that it matches.

    Raises:
        ValueError: an operation or a version that does not exist, or `times` or `skip` that make no sense.
    """

    def __init__(self, clock: Clock = time) -> None:
        self._clock = clock
        self._maintained_until = -math.inf
        self._lock = threading.Lock()
        self._orders: list[_Order] = []
        self._rate = 0.0
        self._rng = random.Random(0)  # noqa: S311 - reproducible on purpose

    def fail_next(
        self,
        status: int,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        before: bool = False,
        after: bool = False,
        **which: Unpack[Which],
    ) -> None:
        """Answer with `status` instead, without effect or (`after`) after it.

        `body` is JSON, text or bytes; left out, it is the platform's error shape.

        Raises:
            ValueError: `status` is not an HTTP status. Those that no standard has, such as 499 and 520, are.
        """
        if status not in range(200, 600):
            raise ValueError(f"status: {status} is no HTTP status, 200 to 599")
        fault = Fault(kind="answer", moment=_moment(before, after), status=status, body=body, headers=headers)
        self._order(fault, **which)

    def drop_next(self, *, before: bool = False, after: bool = False, **which: Unpack[Which]) -> None:
        """Reset the TCP connection, without effect or (`after`) after it."""
        self._order(Fault(kind="drop", moment=_moment(before, after)), **which)

    def hang_next(
        self,
        seconds: float,
        *,
        before: bool = False,
        after: bool = False,
        late: bool = False,
        **which: Unpack[Which],
    ) -> None:
        """Keep the caller waiting, then answer as usual.

        A caller that gives up first finds: nothing done; with `after`, the request done before the wait began; with
        `late`, the request done when the wait is over, although nobody waits for it any more.
        """
        self._order(Fault(kind="hang", moment=_moment(before, after, late), seconds=seconds), **which)

    def truncate_next(self, **which: Unpack[Which]) -> None:
        """Let the request take effect, send half of the body and close the connection."""
        self._order(Fault(kind="truncate", moment="after"), **which)

    def trickle_next(self, seconds: float, **which: Unpack[Which]) -> None:
        """Let the request take effect, send the answer byte by byte over so many seconds and close the connection."""
        self._order(Fault(kind="trickle", moment="after", seconds=seconds), **which)

    def hint_next(self, status: int = 103, **which: Unpack[Which]) -> None:
        """Let the request take effect, and send a 1xx, such as 103 Early Hints, before the answer.

        Raises:
            ValueError: `status` is not an HTTP status from 100 to 199.
        """
        if not 100 <= HTTPStatus(status) < 200:
            raise ValueError(f"a hint has a status from 100 to 199, not {status}")
        self._order(Fault(kind="hint", moment="after", status=status), **which)

    def garble_next(
        self, status: int = 200, *, before: bool = False, after: bool = False, **which: Unpack[Which]
    ) -> None:
        """Answer with an HTML page, without effect or (`after`) after it; with 403 it is a firewall's."""
        self._order(Fault(kind="garble", moment=_moment(before, after), status=status), **which)

    def maintain(self, seconds: float) -> None:
        """Answer everything, for so many seconds from now, 503 with an HTML page; `Retry-After` says how many are left.

        A new call takes the place of the one before; 0 ends it, and so does `clear_faults`.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError(f"maintenance lasts for a number of seconds from 0, not {seconds}")
        with self._lock:
            self._maintained_until = self._clock.monotonic() + seconds

    def redirect_next(self, location: str, **which: Unpack[Which]) -> None:
        """Answer 307 to another place, without effect; a client that follows would carry its token there."""
        fault = Fault(kind="redirect", moment="before", status=307, headers={"Location": location})
        self._order(fault, **which)

    def mislabel_next(self, **which: Unpack[Which]) -> None:
        """Let the request take effect, and answer as if for another campaign and instance."""
        self._order(Fault(kind="mislabel", moment="after"), **which)

    def random_faults(self, rate: float, *, seed: int = 0) -> None:
        """Hit every request with this probability by a 5xx, a reset, a truncated or an unreadable answer.

        The draws come from `seed`; requests sent one after another meet the same faults every time.

        Raises:
            ValueError: `rate` is not from 0 to 1.
        """
        if not 0 <= rate <= 1:
            raise ValueError(f"a rate of faults is from 0 to 1, not {rate}")
        with self._lock:
            self._rate = rate
            self._rng.seed(seed)

    def clear_faults(self) -> None:
        """Take back every fault that has not happened yet."""
        with self._lock:
            self._orders.clear()
            self._rate, self._maintained_until = 0.0, -math.inf

    def pending(self) -> list[str]:
        """What is still to come, in words."""
        with self._lock:
            ambient = [f"random faults at a rate of {self._rate}"] if self._rate else []
            if left_s := self._maintenance_left_s():
                ambient.append(f"maintenance for {left_s:g} s")
            return [str(order) for order in self._orders] + ambient

    def _maintenance_left_s(self) -> float:
        return max(0.0, self._maintained_until - self._clock.monotonic())

    def take(self, operation: str, campaign_id: str | None, api_version: str) -> Fault | None:
        """The fault for this request, if there is one; it is used up."""
        with self._lock:
            if left_s := self._maintenance_left_s():
                headers = {"Retry-After": str(math.ceil(left_s))}
                return Fault(kind="garble", moment="before", status=503, headers=headers)
            for order in self._orders:
                if not order.concerns(operation, campaign_id, api_version):
                    continue
                if order.skip > 0:
                    order.skip -= 1
                    continue
                order.times -= 1
                if order.times == 0:
                    self._orders.remove(order)
                return order.fault
            if self._rate and self._rng.random() < self._rate:
                return self._rng.choice(_RANDOM_FAULTS)
            return None

    def _order(
        self,
        fault: Fault,
        *,
        operation: str | Collection[str] | None = None,
        campaign_id: str | None = None,
        api_version: str | None = None,
        skip: int = 0,
        times: int = 1,
    ) -> None:
        operations = frozenset([operation] if isinstance(operation, str) else operation or ())
        if unknown := sorted(operations.difference(OPERATIONS)):
            raise ValueError(f"no operation {unknown[0]!r}; there are {', '.join(OPERATIONS)}")
        if api_version not in {None, "v1", "v2"}:
            raise ValueError(f"api_version is 'v1' or 'v2', not {api_version!r}")
        if times < 1 or skip < 0:
            raise ValueError("times is at least 1 and skip at least 0")
        with self._lock:
            self._orders.append(
                _Order(
                    fault=fault,
                    operations=operations,
                    campaign_id=campaign_id,
                    api_version=api_version,
                    skip=skip,
                    times=times,
                )
            )


def _moment(before: bool, after: bool, late: bool = False) -> Moment:
    if before + after + late > 1:
        raise ValueError("a fault comes before the effect, after it, or late: not several of them")
    return "late" if late else "after" if after else "before"


def _phrase(status: int) -> str:
    """What the standard says in short of a status; "Unknown" of one that it does not have."""
    return HTTPStatus(status).phrase if status in {*HTTPStatus} else "Unknown"
