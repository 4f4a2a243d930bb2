"""How long a write is kept up: the bounds are parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from kore_support import client_of

from airflow_provider_campaigns.kore.errors import KoreError, KoreServiceError
from airflow_provider_campaigns.kore.retry import Bounds

if TYPE_CHECKING:
    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.simulator import KoreSimulator

STATUS_BEFORE = {"stop": "Active", "start": "Stopped", "delete": "Stopped"}


@pytest.fixture
def campaign_id(kore_simulator: KoreSimulator, verb: str) -> str:
    """A voice campaign to which the verb can be done, and a service that fails whenever it is asked to."""
    kore_simulator.switches(rate_limit=None)
    kore_simulator.fail_next(503, operation=verb, times=10)
    return kore_simulator.add_campaign(status=STATUS_BEFORE[verb])


def failure(settings: KoreSettings, waits: list[float], verb: str, campaign_id: str, **bounds: Any) -> KoreError:
    """The error of doing the verb within bounds to a campaign of which nothing is known."""
    with client_of(settings, waits, bounds=Bounds(**bounds)) as client:
        # Without the run before, a start whose answer is lost would not be sent again.
        instance_id = client.get_campaign(campaign_id).campaign_instance_id
        with pytest.raises(KoreServiceError) as caught:
            getattr(client, f"{verb}_campaign")(campaign_id, "voice", instance_id=instance_id)
    return caught.value


@pytest.mark.parametrize("verb", ["stop", "start", "delete"])
@pytest.mark.parametrize("attempts", [1, 2])
def test_write__attempts(
    *,
    settings: KoreSettings,
    kore_simulator: KoreSimulator,
    waits: list[float],
    verb: str,
    campaign_id: str,
    attempts: int,
) -> None:
    """A write is sent so many times at most; also after the last, reading says that it had no effect."""
    error = failure(settings, waits, verb, campaign_id, attempts=attempts)

    assert error.outcome_unknown is False
    assert len(kore_simulator.requests.of(verb)) == attempts


@pytest.mark.parametrize(
    ("verb", "expected"),
    [("stop", [0.0, 1.0, 0.5, 0.0]), ("start", [0.0, 1.0, 0.5, 0.0]), ("delete", [0.0, 0.5, 0.0, 1.0, 0.0])],
)
def test_write__seconds(
    settings: KoreSettings, waits: list[float], verb: str, campaign_id: str, expected: list[float]
) -> None:
    """After so many seconds a write is not sent again, and its effect is not looked for any longer."""
    error = failure(settings, waits, verb, campaign_id, seconds=2.0)

    assert error.outcome_unknown is False
    assert waits == expected


@pytest.mark.parametrize(
    ("verb", "expected"),
    [("stop", [0.0, 0.2, 0.4, 0.6, 0.8]), ("start", [0.0, 0.2, 0.4, 0.6, 0.8]), ("delete", [0.0])],
)
def test_write__drain(
    settings: KoreSettings, waits: list[float], verb: str, campaign_id: str, expected: list[float]
) -> None:
    """For so many seconds the effect of a stop or start is looked for; that of a delete shows at once."""
    failure(settings, waits, verb, campaign_id, attempts=1, drain_s=2.0)

    assert waits == pytest.approx(expected)


@pytest.mark.parametrize("verb", ["stop"])
def test_write__no_time_to_read(
    settings: KoreSettings, kore_simulator: KoreSimulator, waits: list[float], verb: str, campaign_id: str
) -> None:
    """However little time there is, the campaign is looked at once: otherwise the outcome would be unknown."""
    failure(settings, waits, verb, campaign_id, seconds=0.0)

    assert len(kore_simulator.requests.of("get")) == 2  # one of them before the stop
    assert waits == [0.0]


@pytest.mark.parametrize(
    ("verb", "headers", "expected"),
    [
        # The stop goes ahead of everything else; a read waits until the minute is over.
        ("stop", {}, [10.5, 49.5]),
        ("delete", {}, [60.5]),
        # Who is told when to come back comes back then.
        ("stop", {"Retry-After": "17"}, [17.5]),
        ("delete", {"Retry-After": "17"}, [17.5]),
    ],
)
def test_write__rate_limit_of_the_account(
    *,
    settings: KoreSettings,
    kore_simulator: KoreSimulator,
    waits: list[float],
    verb: str,
    headers: dict[str, str],
    expected: list[float],
) -> None:
    """A rate limit is the account's: what is sent after the write that met it waits as well."""
    kore_simulator.switches(rate_limit=None)
    campaign_id = kore_simulator.add_campaign(status=STATUS_BEFORE[verb])
    kore_simulator.fail_next(429, headers=headers, operation=verb)

    with client_of(settings, waits) as client:
        getattr(client, f"{verb}_campaign")(campaign_id, "voice")
        client.count_campaigns("voice")

    assert waits == expected


class TestMaintenance:
    """A 503 with ``Retry-After``: whoever met it waits, and nobody else."""

    def test_read__waits_once(self, settings: KoreSettings, kore_simulator: KoreSimulator, waits: list[float]) -> None:
        """A reading waits for as long as it is told, and is one attempt of five."""
        kore_simulator.fail_next(503, headers={"Retry-After": "150"}, operation="list")

        with client_of(settings, waits) as client:
            client.count_campaigns("voice")

        assert waits == [150.5]
        assert len(kore_simulator.requests) == 2

    @pytest.mark.parametrize("verb", ["stop", "start", "delete"])
    def test_write__waits_once(
        self, settings: KoreSettings, kore_simulator: KoreSimulator, waits: list[float], verb: str
    ) -> None:
        """A write as well; what it took to find out that it had no effect is part of that pause."""
        campaign_id = kore_simulator.add_campaign(status=STATUS_BEFORE[verb])
        run = kore_simulator.campaign(campaign_id).instance_id
        kore_simulator.fail_next(503, headers={"Retry-After": "150"}, operation=verb)

        with client_of(settings, waits) as client:
            receipt = getattr(client, f"{verb}_campaign")(campaign_id, "voice", instance_id=run)

        assert receipt.sendings == 2
        assert sum(waits) == 150.5
        kore_simulator.assert_one_effect(verb, campaign_id)

    def test_read__blocks_nobody_else(
        self, settings: KoreSettings, kore_simulator: KoreSimulator, waits: list[float]
    ) -> None:
        """Other requests of the account go out meanwhile."""
        kore_simulator.fail_next(503, headers={"Retry-After": "150"}, operation="list")

        with client_of(settings, waits, bounds=Bounds(attempts=1)) as client:
            with pytest.raises(KoreServiceError) as caught:
                client.count_campaigns("voice")
            client.count_campaigns("voice")

        assert caught.value.retry_after_s == 150.0
        assert waits == []

    @pytest.mark.parametrize("verb", ["stop", "delete"])
    def test_write__too_long(
        self, settings: KoreSettings, kore_simulator: KoreSimulator, waits: list[float], verb: str
    ) -> None:
        """A pause of more than five minutes is the caller's to wait for, and the error names it."""
        campaign_id = kore_simulator.add_campaign(status=STATUS_BEFORE[verb])
        kore_simulator.fail_next(503, headers={"Retry-After": "3600"}, operation=verb)

        with client_of(settings, waits) as client, pytest.raises(KoreServiceError) as caught:
            getattr(client, f"{verb}_campaign")(campaign_id, "voice")

        assert (caught.value.retry_after_s, caught.value.retryable) == (3600.0, True)
        assert len(kore_simulator.requests.of(verb)) == 1
