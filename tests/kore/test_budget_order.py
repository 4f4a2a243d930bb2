"""Who gets a place of the request budget, and when: many callers at once, in virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from budget_support import BusyMachine, use
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_campaigns.kore.budget import Priority

if TYPE_CHECKING:
    from pathlib import Path


class TestOrder:
    def run(self, tmp_path: Path, limit: int, *requests: tuple[float, Priority, str]) -> list[tuple[float, str]]:
        """Requests that come so many seconds after a request that fills each place: when each one started."""
        machine = BusyMachine(tmp_path)
        started = []

        def request(priority: Priority, name: str) -> None:
            with machine.budget(limit).slot(priority):
                started.append((machine.now - 1000, name))

        use(machine.budget(limit), limit)
        machine.run(*[(at, lambda p=priority, n=name: request(p, n)) for at, priority, name in requests])
        return started

    def test_slot__more_urgent_first(self, tmp_path):
        """Stops come before writes and writes before reads, however late they come."""
        started = self.run(
            tmp_path,
            1,
            (1, Priority.READ, "read"),
            (2, Priority.WRITE, "write"),
            (3, Priority.STOP, "stop"),
        )

        assert started == [(60.0, "stop"), (120.0, "write"), (180.0, "read")]

    def test_slot__first_come_first_served(self, tmp_path):
        """Among equals who came first goes first, and places that get free together are taken together."""
        started = self.run(tmp_path, 2, *[(at, Priority.READ, f"read {at}") for at in range(1, 6)])

        assert started == [
            (60.0, "read 1"),
            (60.0, "read 2"),
            (120.0, "read 3"),
            (120.0, "read 4"),
            (180.0, "read 5"),
        ]

    def test_slot__newcomer_does_not_overtake(self, tmp_path):
        """Who comes in the instant in which a place gets free finds it taken by the one who waited for it."""
        started = self.run(tmp_path, 1, (60, Priority.READ, "newcomer"), (59, Priority.READ, "waiter"))

        assert started == [(60.0, "waiter"), (120.0, "newcomer")]


@dataclass(eq=False)
class Request:
    """One request of a simulated evening; times in eighths of a second, so that sums of floats are exact."""

    at: int
    until_counted: int
    until_answered: int
    priority: Priority
    is_lost: bool
    asked_at: float = field(default=0.0, init=False)
    started_at: float = field(default=0.0, init=False)
    counted_at: float = field(default=0.0, init=False)
    answered_at: float = field(default=0.0, init=False)


REQUESTS = st.lists(
    st.builds(
        Request,
        at=st.integers(0, 80),
        until_counted=st.integers(0, 6),
        until_answered=st.integers(0, 6),
        priority=st.sampled_from(Priority),
        is_lost=st.sampled_from([False, False, False, True]),
    ),
    min_size=1,
    max_size=14,
)
MAX_REQUEST_S = 2.0


@settings(max_examples=150, deadline=None)
@given(limit=st.integers(1, 4), room=st.integers(0, 3), window=st.integers(1, 40), requests=REQUESTS)
def test_slot__any_traffic(tmp_path_factory, limit, room, window, requests):
    """Whatever comes: the service never counts more than the limit in a window, nobody waits in vain, all in order.

    And no read takes what is left of the room for what is more urgent, of which two are always left.
    """
    room = min(room, limit - 1)
    window_s = window / 8
    machine = BusyMachine(tmp_path_factory.mktemp("any"))
    abandoned = []
    in_order: list[Request] = []

    def send(request: Request) -> None:
        request.asked_at = machine.now
        slot = machine.budget(limit, window_s, urgent=room, max_request_s=MAX_REQUEST_S).slot(request.priority)
        slot.__enter__()
        in_order.append(request)
        request.started_at = machine.now
        request.counted_at = machine.now + request.until_counted / 8
        if request.is_lost:
            request.answered_at = machine.now + MAX_REQUEST_S
            abandoned.append(slot)
        else:
            request.answered_at = request.counted_at + request.until_answered / 8
            machine.sleep(request.answered_at - request.started_at)
            slot.__exit__(None, None, None)

    machine.run(*[(request.at / 8, lambda request=request: send(request)) for request in requests])

    counted = sorted(request.counted_at for request in requests)
    for first, one_too_many in zip(counted, counted[limit:], strict=False):
        assert one_too_many - first >= window_s
    frees = [request.answered_at + window_s for request in requests]

    def most_for(request: Request, taken: list[Request]) -> int:
        urgent = sum(other.priority is not Priority.READ for other in taken)
        return limit - max(min(room, 2), room - urgent) if request.priority is Priority.READ else limit

    for request in requests:
        before = in_order[: in_order.index(request)]
        taken = [other for other in before if other.answered_at + window_s > request.started_at]
        assert len(taken) < most_for(request, taken)
        for moment in (request.asked_at, *frees):
            if request.asked_at <= moment < request.started_at:
                taken = [other for other in requests if other.started_at <= moment < other.answered_at + window_s]
                assert most_for(request, taken) <= len(taken) <= limit, "a place was free while somebody waited"
        for other in requests:
            if (other.priority, other.asked_at) < (request.priority, request.asked_at):
                assert not other.asked_at < request.started_at < other.started_at, "somebody was overtaken"
