"""A rate limit is the account's: whichever request meets it, nothing else goes out before it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kore_support import client_of

from airflow_provider_campaigns.kore.errors import KoreBudgetError, KoreRateLimitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.simulator import KoreSimulator

LIMIT_TEXT = "You've exceeded the per-minute rate limit. Please wait for sometime before retrying."

NOT_REPEATED: dict[str, tuple[str, Callable[[KoreClient, str], object]]] = {
    "a count": ("contacts", lambda client, campaign_id: client.count_contact_results(campaign_id)),
    "a warm connection": ("status", lambda client, campaign_id: client.warm_connection(campaign_id)),
}


@pytest.fixture
def campaign_id(kore_simulator: KoreSimulator) -> str:
    """A campaign of a service without a limit of its own."""
    kore_simulator.switches(rate_limit=None)
    return kore_simulator.add_campaign(status="Active", contacts=3)


@pytest.mark.parametrize("request_of", NOT_REPEATED)
@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        ({"status": 429, "headers": {"Retry-After": "30"}}, 30.0),
        ({"status": 429}, 60.0),
        ({"status": 200, "body": {"message": LIMIT_TEXT}}, 60.0),
    ],
    ids=["with a pause", "without", "as a text"],
)
def test_rate_limit__of_a_request_that_is_not_repeated(
    *,
    client: KoreClient,
    kore_simulator: KoreSimulator,
    waits: list[float],
    campaign_id: str,
    request_of: str,
    answer: dict[str, object],
    wait: float,
) -> None:
    """The next request waits for it, although the one that met it is given up at once."""
    operation, send = NOT_REPEATED[request_of]
    kore_simulator.fail_next(**answer, operation=operation)

    with pytest.raises(KoreRateLimitError):
        send(client, campaign_id)
    assert waits == []
    client.get_campaign(campaign_id)

    assert waits == [wait]


def test_rate_limit__stops_go_ahead(
    client: KoreClient, kore_simulator: KoreSimulator, waits: list[float], campaign_id: str
) -> None:
    """Where the service does not say for how long, a stop does not wait for what a read has met; a start does."""
    other = kore_simulator.add_campaign(status="Ready")
    kore_simulator.fail_next(429, operation="contacts")
    with pytest.raises(KoreRateLimitError):
        client.count_contact_results(campaign_id)

    client.stop_campaign(campaign_id, "voice")
    assert waits == []
    client.start_campaign(other, "voice", instance_id=None)

    assert waits == [60.0]


def test_rate_limit__longer_than_anybody_waits(
    client: KoreClient, kore_simulator: KoreSimulator, waits: list[float], campaign_id: str
) -> None:
    """During a pause of more than 300 s nothing is sent, and each call fails at once with what is left of it."""
    kore_simulator.fail_next(429, headers={"Retry-After": "600"}, operation="get", times=100)
    with pytest.raises(KoreRateLimitError):
        client.get_campaign(campaign_id)
    waits.append(200.0)  # the clock of this client is what it has waited

    with pytest.raises(KoreBudgetError, match=r"a pause, of which 400\.0 s are left; nothing was sent") as caught:
        client.stop_campaign(campaign_id, "voice")

    assert (caught.value.retry_after_s, caught.value.retryable) == (400.0, True)
    assert len(kore_simulator.requests) == 1
    kore_simulator.clear_faults()
    waits.append(150.0)
    client.get_campaign(campaign_id)
    assert waits == [200.0, 150.0, 250.0]


def test_rate_limit__pause_of_days(settings: KoreSettings, kore_simulator: KoreSimulator, campaign_id: str) -> None:
    """A pause of days is kept for an hour, not for as long as it is."""
    waits: list[float] = []
    kore_simulator.fail_next(429, headers={"Retry-After": "600000"}, operation="get")
    with client_of(settings, waits) as client:
        with pytest.raises(KoreRateLimitError):
            client.get_campaign(campaign_id)
        waits.append(3600.0)

        assert client.get_campaign(campaign_id).campaign_id == campaign_id
