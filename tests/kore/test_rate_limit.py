"""A rate limit is the account's: whichever request meets it, nothing else goes out before it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kore_support import client_of

from airflow_provider_campaigns.kore.errors import KoreBudgetError, KoreRateLimitError
from airflow_provider_campaigns.kore.retry import Bounds

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


@pytest.mark.parametrize(
    ("doubt", "limit"),
    [
        (lambda sim, one: sim.drop_next(operation="stop", campaign_id=one), {"status": 429}),
        (lambda sim, one: sim.fail_next(500, operation="stop", campaign_id=one), {"status": 429}),
        (lambda sim, one: sim.truncate_next(operation="stop", campaign_id=one), {"status": 429}),
        (
            lambda sim, one: sim.drop_next(operation="stop", campaign_id=one),
            {"status": 400, "body": {"message": LIMIT_TEXT}},
        ),
        (
            lambda sim, one: sim.drop_next(operation="stop", campaign_id=one),
            {"status": 200, "body": {"message": LIMIT_TEXT}},
        ),
        (lambda sim, one: sim.fail_next(403, operation="stop", campaign_id=one), {"status": 429}),
    ],
    ids=["lost", "500", "cut off", "lost, and a 400", "lost, and a 200", "refused once"],
)
def test_rate_limit__stop_in_doubt(
    *,
    settings: KoreSettings,
    kore_simulator: KoreSimulator,
    campaign_id: str,
    doubt: Callable[[KoreSimulator, str], None],
    limit: dict[str, object],
) -> None:
    """What finds out about a stop is as urgent as one: it waits 10 s where another stop met the limit."""
    waits: list[float] = []
    other = kore_simulator.add_campaign(status="Active")
    doubt(kore_simulator, campaign_id)
    kore_simulator.fail_next(**limit, operation="stop", campaign_id=other)
    with client_of(settings, waits, bounds=Bounds(look_again_s=30.0)) as client:
        first = client.send_stop_once(campaign_id, "voice")
        client.send_stop_once(other, "voice").finish()
        assert sum(waits) == 10.5
        assert first.finish().status == "Stopped"

    assert sum(waits) <= 11.0
    kore_simulator.assert_one_effect("stop", campaign_id)


def test_rate_limit__delete_in_doubt(
    client: KoreClient, kore_simulator: KoreSimulator, waits: list[float], campaign_id: str
) -> None:
    """What finds out about a delete is no more urgent than that, and waits for a minute."""
    kore_simulator.set_status(campaign_id, "Stopped")
    kore_simulator.drop_next(after=True, operation="delete")
    kore_simulator.fail_next(429, operation="get")

    assert client.delete_campaign(campaign_id, "voice").changed
    assert sum(waits) == 60.5


def test_rate_limit__longer_than_anybody_waits(
    client: KoreClient, kore_simulator: KoreSimulator, waits: list[float], campaign_id: str
) -> None:
    """During a pause of more than 300 s nothing but stops is sent: each call fails at once with what is left of it."""
    kore_simulator.fail_next(429, headers={"Retry-After": "600"}, operation="get", times=100)
    with pytest.raises(KoreRateLimitError):
        client.get_campaign(campaign_id)
    waits.append(200.0)  # the clock of this client is what it has waited

    with pytest.raises(KoreBudgetError, match=r"a pause, of which 400\.0 s are left; nothing was sent") as caught:
        client.start_campaign(campaign_id, "voice")

    assert (caught.value.retry_after_s, caught.value.retryable) == (400.0, True)
    assert len(kore_simulator.requests) == 1
    kore_simulator.clear_faults()
    waits.append(150.0)
    client.get_campaign(campaign_id)
    assert waits == [200.0, 150.0, 250.0]


def test_rate_limit__stop_in_a_long_pause(
    client: KoreClient, kore_simulator: KoreSimulator, waits: list[float], campaign_id: str
) -> None:
    """A stop is let through a pause; when it is answered, what is less urgent waits for a minute and no longer."""
    kore_simulator.fail_next(429, headers={"Retry-After": "600"}, operation="get")
    with pytest.raises(KoreRateLimitError):
        client.get_campaign(campaign_id)

    assert client.stop_campaign(campaign_id, "voice").sendings == 1
    assert waits == []
    client.get_campaign(campaign_id)

    assert waits == [60.0]


@pytest.mark.parametrize("status", [423, 500, 503])
def test_rate_limit__probe_with_trouble(
    client: KoreClient, kore_simulator: KoreSimulator, waits: list[float], campaign_id: str, status: int
) -> None:
    """Any answer that is no rate limit ends the pause for stops, and for what is read for them."""
    kore_simulator.fail_next(429, headers={"Retry-After": "600"}, operation="get")
    with pytest.raises(KoreRateLimitError):
        client.get_campaign(campaign_id)
    kore_simulator.fail_next(status, operation="stop")

    client.stop_campaign(campaign_id, "voice")

    assert sum(waits) <= 11.0
    kore_simulator.assert_one_effect("stop", campaign_id)


def test_rate_limit__lost_probe(
    client: KoreClient, kore_simulator: KoreSimulator, waits: list[float], campaign_id: str
) -> None:
    """A stop whose answer got lost ends no pause: what looks into it is let through a minute later."""
    kore_simulator.fail_next(429, headers={"Retry-After": "600"}, operation="get")
    with pytest.raises(KoreRateLimitError):
        client.get_campaign(campaign_id)
    kore_simulator.drop_next(after=True, operation="stop")

    assert client.stop_campaign(campaign_id, "voice").by_reading

    assert sum(waits) == 60.0


def test_rate_limit__stop_out_of_patience(
    client: KoreClient, kore_simulator: KoreSimulator, waits: list[float], campaign_id: str
) -> None:
    """A stop that is refused once a minute ends with its bounds, and its error carries what is left of the pause."""
    kore_simulator.fail_next(429, headers={"Retry-After": "3600"}, times=100)

    with pytest.raises(KoreRateLimitError) as caught:
        client.stop_campaign(campaign_id, "voice")

    assert (caught.value.retry_after_s, caught.value.outcome_unknown) == (3600.0, False)
    assert waits == [60.5, 60.0, 60.5, 60.5]
    assert [one.operation for one in kore_simulator.requests] == ["stop", "get", "get", "get", "get"]


def test_rate_limit__pause_of_days(settings: KoreSettings, kore_simulator: KoreSimulator, campaign_id: str) -> None:
    """A pause of days is kept for an hour, not for as long as it is."""
    waits: list[float] = []
    kore_simulator.fail_next(429, headers={"Retry-After": "600000"}, operation="get")
    with client_of(settings, waits) as client:
        with pytest.raises(KoreRateLimitError):
            client.get_campaign(campaign_id)
        waits.append(3600.0)

        assert client.get_campaign(campaign_id).campaign_id == campaign_id
