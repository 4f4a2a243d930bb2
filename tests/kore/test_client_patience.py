"""Readings that somebody cannot wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_campaigns.kore.budget import Priority
from airflow_provider_campaigns.kore.errors import KoreBudgetError, KoreConnectionError, KoreServiceError
from airflow_provider_campaigns.kore.patience import Patience, countdown

if TYPE_CHECKING:
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

READINGS = pytest.mark.parametrize(
    "read",
    [
        lambda client, patience: client.list_campaigns("voice", patience=patience),
        lambda client, patience: client.get_campaign("cd-1", patience=patience),
    ],
    ids=["list", "get"],
)
Read = "Callable[[KoreClient, Patience], object]"


def within(seconds: float, client: KoreClient) -> Patience:
    return Patience(countdown(seconds, client._clock))


@READINGS
def test_within__no_answer(client: KoreClient, kore_simulator: KoreSimulator, read: Read):
    """An answer that does not come is waited for until then, and not asked for again."""
    kore_simulator.faults.hang_next(30, before=True, times=2)

    with pytest.raises(KoreConnectionError, match="no complete answer within 1"):
        read(client, within(1.2, client))

    assert len(kore_simulator.requests) == 1


@READINGS
def test_within__is_not_repeated(client: KoreClient, kore_simulator: KoreSimulator, waits: list[float], read: Read):
    """A service that fails is not asked again: that would take the places of the stops that come next."""
    kore_simulator.fail_next(503, before=True, times=9)

    with pytest.raises(KoreServiceError):
        read(client, within(4.0, client))

    assert waits == []
    # Each version once, and the first a last time.
    assert [request.version for request in kore_simulator.requests] == ["v2", "v1", "v2"]


@READINGS
def test_within__no_place(client: KoreClient, kore_simulator: KoreSimulator, waits: list[float], read: Read):
    """A place in the request budget is waited for no longer either; what cannot come in time is not waited for."""
    client._budget.block(30.0)

    with pytest.raises(KoreBudgetError):
        read(client, within(4.0, client))

    assert waits == []
    assert len(kore_simulator.requests) == 0


def test_read__too_many_requests_before_a_stop(client: KoreClient, kore_simulator: KoreSimulator, waits: list[float]):
    """A reading for a stop that the rate limit refuses pauses as a stop does, and others for the whole minute."""
    kore_simulator.fail_next(429, operation="list", before=True)

    client.list_campaigns("voice", priority=Priority.STOP)
    client.count_campaigns("voice")

    assert waits == [10.5, 49.5]
