"""How long a write is kept up: the bounds are parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from kore_support import client_of

from airflow_provider_campaigns.kore.errors import KoreError, KoreRequestError, KoreServiceError
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
    [("stop", [0.0, 1.0]), ("start", [0.0, 1.0]), ("delete", [0.0, 0.5, 0.0, 1.0, 0.0])],
)
def test_write__seconds(
    settings: KoreSettings, waits: list[float], verb: str, campaign_id: str, expected: list[float]
) -> None:
    """After so many seconds a write is not sent again, and whether it takes effect later is not known."""
    error = failure(settings, waits, verb, campaign_id, seconds=2.0)

    assert error.outcome_unknown is (verb != "delete")
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
    """However little time there is, the campaign is looked at once; what does not show then is unknown."""
    error = failure(settings, waits, verb, campaign_id, seconds=0.0)

    assert error.outcome_unknown is True
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
        # 150.5 s from its answer on, in which a stop or start was looked for 10 s.
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

    @pytest.mark.parametrize("verb", ["start", "delete"])
    def test_write__too_long(
        self, settings: KoreSettings, kore_simulator: KoreSimulator, waits: list[float], verb: str
    ) -> None:
        """A pause of more than five minutes is the caller's to wait for, and the error names it."""
        campaign_id = kore_simulator.add_campaign(status=STATUS_BEFORE[verb])
        run = kore_simulator.campaign(campaign_id).instance_id
        kore_simulator.fail_next(503, headers={"Retry-After": "3600"}, operation=verb)

        with client_of(settings, waits) as client, pytest.raises(KoreServiceError) as caught:
            getattr(client, f"{verb}_campaign")(campaign_id, "voice", instance_id=run)

        assert (caught.value.retry_after_s, caught.value.retryable) == (3600.0, True)
        assert len(kore_simulator.requests.of(verb)) == 1


class TestOutage:
    """A service that answers no reading: operators wait for it, once, for five minutes at most."""

    @pytest.mark.parametrize(
        "trouble",
        [
            {"status": 500},
            {"status": 502, "body": "<html>bad gateway</html>"},
            {"status": 503},
            {"status": 403, "body": "<html>firewall</html>"},
            {"status": 409},
            {"status": 200, "body": "<html>maintenance</html>"},
        ],
        ids=lambda trouble: str(trouble["status"]),
    )
    def test_read__waits(
        self, settings: KoreSettings, kore_simulator: KoreSimulator, waits: list[float], trouble: dict[str, Any]
    ) -> None:
        """Three minutes of it are waited out by one reading, at growing pauses of 15 s at most."""
        kore_simulator.fail_next(**trouble, times=1000)

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            if sum(waits) >= 180.0:
                kore_simulator.clear_faults()

        with client_of(settings, waits, bounds=Bounds(outage_s=300.0), sleep=sleep) as client:
            assert client.count_campaigns("voice") == 0

        assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, *[15.0] * 11]

    def test_read__gives_up(self, settings: KoreSettings, kore_simulator: KoreSimulator, waits: list[float]) -> None:
        """After five minutes it is raised; other readings are then made as often as without an outage."""
        kore_simulator.fail_next(503, times=1000)

        with client_of(settings, waits, bounds=Bounds(outage_s=300.0)) as client:
            with pytest.raises(KoreServiceError):
                client.count_campaigns("voice")
            waited = sum(waits)
            with pytest.raises(KoreServiceError):
                client.count_campaigns("sms")

        assert waited == 300.0 - 15.0 + 0.5
        assert waits[-4:] == [0.5, 1.0, 2.0, 4.0]
        assert sum(waits) == waited + 7.5

    @pytest.mark.parametrize("verb", ["stop", "start", "delete"])
    def test_write__waits(
        self, settings: KoreSettings, kore_simulator: KoreSimulator, waits: list[float], verb: str, campaign_id: str
    ) -> None:
        """So does a write, which is looked into each time."""
        run = kore_simulator.campaign(campaign_id).instance_id
        kore_simulator.fail_next(503, operation=verb, times=1000)

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            if sum(waits) >= 180.0:
                kore_simulator.clear_faults()

        with client_of(settings, waits, bounds=Bounds(outage_s=300.0), sleep=sleep) as client:
            receipt = getattr(client, f"{verb}_campaign")(campaign_id, "voice", instance_id=run)

        assert receipt.sendings > 5
        kore_simulator.assert_one_effect(verb, campaign_id)

    def test_write__gives_up(self, settings: KoreSettings, kore_simulator: KoreSimulator, waits: list[float]) -> None:
        """An outage of writes is waited for once: that of the next campaign is sent five times."""
        ids = [kore_simulator.add_campaign(status="Stopped") for _ in range(2)]
        kore_simulator.fail_next(503, operation="delete", times=1000)

        with client_of(settings, waits, bounds=Bounds(outage_s=100.0)) as client:
            for one in ids:
                with pytest.raises(KoreServiceError):
                    client.delete_campaign(one, "voice")

        assert [len(kore_simulator.requests.of("delete", campaign_id=one)) for one in ids] == [11, 5]

    def test_read__another_outage(
        self, settings: KoreSettings, kore_simulator: KoreSimulator, waits: list[float]
    ) -> None:
        """One that begins after something was answered is waited for anew."""
        with client_of(settings, waits, bounds=Bounds(outage_s=100.0)) as client:
            for _ in range(2):
                kore_simulator.fail_next(503, times=8)
                client.count_campaigns("voice", api_version="v2")

        assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0] * 2

    def test_read__outage_hours_later(
        self, settings: KoreSettings, kore_simulator: KoreSimulator, waits: list[float]
    ) -> None:
        """So is one that begins long after another that nothing has ended, because nothing was asked meanwhile."""
        kore_simulator.fail_next(503, times=1000)
        with client_of(settings, waits, bounds=Bounds(outage_s=100.0)) as client:
            with pytest.raises(KoreServiceError):
                client.count_campaigns("voice")
            waits.append(3600.0)
            kore_simulator.clear_faults()
            kore_simulator.fail_next(503, times=8)
            client.count_campaigns("voice")

        assert waits[waits.index(3600.0) + 1 :] == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0]

    @pytest.mark.parametrize("status", [401, 403, 404, 412])
    def test_read__refused(
        self, settings: KoreSettings, kore_simulator: KoreSimulator, waits: list[float], status: int
    ) -> None:
        """What the service refuses in its own words is no outage."""
        kore_simulator.fail_next(status, times=1000)

        with client_of(settings, waits, bounds=Bounds(outage_s=300.0)) as client, pytest.raises(KoreError):
            client.count_campaigns("voice")

        assert waits == []

    def test_read__for_a_stop(self, settings: KoreSettings, kore_simulator: KoreSimulator, waits: list[float]) -> None:
        """Whether a stop took effect is asked every 4 s at least, so that it is not sent again late."""
        campaign_id = kore_simulator.add_campaign(status="Active")

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            if sum(waits) >= 60.0:
                kore_simulator.clear_faults()

        with client_of(settings, waits, bounds=Bounds(outage_s=300.0), sleep=sleep) as client:
            client.get_campaign(campaign_id)
            kore_simulator.fail_next(503, times=1000)
            client.stop_campaign(campaign_id, "voice")

        assert max(waits) == 4.0
        assert kore_simulator.campaign(campaign_id).status == "Stopped"
        kore_simulator.assert_one_effect("stop", campaign_id)


@pytest.mark.parametrize("verb", ["stop"])
def test_write__no_time_after_a_refusal(
    settings: KoreSettings, kore_simulator: KoreSimulator, waits: list[float], verb: str, campaign_id: str
) -> None:
    """A refusal says nothing of an earlier sending that may have taken effect: with no time to look it is unknown."""
    kore_simulator.clear_faults()
    kore_simulator.fail_next(503, operation=verb)
    kore_simulator.fail_next(400, operation=verb, body={"errors": [{"msg": "No", "code": 400}]})

    with client_of(settings, waits, bounds=Bounds(seconds=12.0)) as client, pytest.raises(KoreRequestError) as caught:
        client.stop_campaign(campaign_id, "voice")

    assert caught.value.outcome_unknown is True
    assert len(kore_simulator.requests.of("stop")) == 2
