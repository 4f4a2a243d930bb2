"""A refusal by 401 or 403 that was met once says nothing yet: it is looked into before it is believed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from kore_support import client_of

from airflow_provider_campaigns.kore.errors import (
    KoreAuthenticationError,
    KoreError,
    KoreNotFoundError,
    KoreScopeError,
)
from airflow_provider_campaigns.kore.patience import Patience
from airflow_provider_campaigns.kore.retry import Bounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("no_rate_limit")

FORBIDDEN = {"errors": [{"msg": "Forbidden", "code": 403}]}
SCOPE = {"errors": [{"msg": "Permission denied. Scope is incorrect!", "code": 4002}]}

# How one look is refused: status, body, and how often, because a 401 is answered by a fresh token first.
REFUSALS = [(403, FORBIDDEN, 1), (401, None, 2), (401, SCOPE, 1)]


@pytest.fixture
def patient(settings: KoreSettings, waits: list[float]) -> Iterator[KoreClient]:
    """A client as operators have it, whose waits are noted, and which nothing stands in for what is refused."""
    with client_of(replace(settings, api_version="v2"), waits, bounds=Bounds(look_again_s=30.0)) as client:
        yield client


class TestReading:
    @pytest.mark.parametrize(("status", "body", "times"), REFUSALS)
    def test_read__refused_once(
        self,
        *,
        patient: KoreClient,
        kore_simulator: KoreSimulator,
        waits: list[float],
        status: int,
        body: object,
        times: int,
    ) -> None:
        """A reading that is refused once is made again after 30 s."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        kore_simulator.fail_next(status, body=body, times=times, operation="get")

        assert patient.get_campaign(campaign_id).status == "Active"
        assert waits == [30.0]

    @pytest.mark.parametrize(
        ("status", "body", "cls", "requests"),
        [
            (403, FORBIDDEN, KoreAuthenticationError, 2),
            (401, None, KoreAuthenticationError, 4),
            (401, SCOPE, KoreScopeError, 2),
        ],
    )
    def test_read__refused_for_good(
        self,
        *,
        patient: KoreClient,
        kore_simulator: KoreSimulator,
        waits: list[float],
        status: int,
        body: object,
        cls: type[KoreError],
        requests: int,
    ) -> None:
        """A refusal that is still there after 30 s is believed, for good."""
        kore_simulator.fail_next(status, body=body, times=100)

        with pytest.raises(KoreError) as caught:
            patient.list_campaigns("voice")

        assert (type(caught.value), caught.value.retryable) == (cls, False)
        assert waits == [30.0]
        assert len(kore_simulator.requests) == requests

    def test_read__many_refused(self, patient: KoreClient, kore_simulator: KoreSimulator, waits: list[float]) -> None:
        """Where nothing is answered in between, one wait of 30 s is enough for all readings."""
        kore_simulator.renew_credentials()

        for _ in range(50):
            with pytest.raises(KoreAuthenticationError):
                patient.count_campaigns("voice")

        assert waits == [30.0]

    def test_read__long_ago(self, patient: KoreClient, kore_simulator: KoreSimulator, waits: list[float]) -> None:
        """A refusal of more than five minutes ago says nothing about one of now."""
        kore_simulator.fail_next(403, body=FORBIDDEN, times=2)
        with pytest.raises(KoreAuthenticationError):
            patient.count_campaigns("voice")
        waits.append(271.0)
        kore_simulator.fail_next(403, body=FORBIDDEN)

        patient.count_campaigns("voice")

        assert waits == [30.0, 271.0, 30.0]

    def test_read__answered_since(self, patient: KoreClient, kore_simulator: KoreSimulator, waits: list[float]) -> None:
        """An answer takes back what a refusal said about the account."""
        kore_simulator.fail_next(403, body=FORBIDDEN)
        kore_simulator.fail_next(403, body=FORBIDDEN, skip=1)

        patient.count_campaigns("voice")
        patient.count_campaigns("voice")

        assert waits == [30.0, 30.0]

    def test_read__no_time(self, patient: KoreClient, kore_simulator: KoreSimulator, waits: list[float]) -> None:
        """Nobody looks again who has no time for that."""
        kore_simulator.fail_next(403, body=FORBIDDEN)

        with pytest.raises(KoreAuthenticationError):
            patient.list_campaigns("voice", patience=Patience(lambda: 29.0, repeat_s=lambda: 29.0))

        assert waits == []

    def test_read__not_believed_at_a_screen(
        self, client: KoreClient, kore_simulator: KoreSimulator, waits: list[float]
    ) -> None:
        """A plain client raises a refusal at once, and says that it was met once."""
        kore_simulator.fail_next(403, body=FORBIDDEN)

        with pytest.raises(KoreAuthenticationError) as caught:
            client.count_campaigns("voice", api_version="v2")

        path = f"/campaign/api/v2/public/{kore_simulator.stream_id}/campaign/getAllCampaignDetails"
        assert str(caught.value) == f"list_v2 (POST {path}): HTTP 403: Forbidden (met once)"
        assert waits == []

    def test_read__another_refusal(
        self, patient: KoreClient, kore_simulator: KoreSimulator, waits: list[float]
    ) -> None:
        """What says nothing about rights is believed at once."""
        kore_simulator.fail_next(404)

        with pytest.raises(KoreNotFoundError):
            patient.get_campaign("cd-1")

        assert waits == []


STATUS_BEFORE = {"stop": "Active", "start": "Stopped", "delete": "Stopped"}


@pytest.mark.parametrize("verb", ["stop", "start", "delete"])
class TestWriting:
    @pytest.mark.parametrize(("status", "body", "times"), REFUSALS)
    def test_write__refused_once(
        self,
        *,
        patient: KoreClient,
        kore_simulator: KoreSimulator,
        waits: list[float],
        verb: str,
        status: int,
        body: object,
        times: int,
    ) -> None:
        """Where the campaign can be read, the refusal was about this one request: it is sent again, after a look."""
        campaign_id = kore_simulator.add_campaign(status=STATUS_BEFORE[verb])
        run = kore_simulator.campaign(campaign_id).instance_id
        kore_simulator.fail_next(status, body=body, times=times, operation=verb)

        receipt = getattr(patient, f"{verb}_campaign")(campaign_id, "voice", instance_id=run)

        assert (receipt.sendings, receipt.by_reading) == (2, False)
        assert len(kore_simulator.requests.of("get")) == 2
        assert waits == [0.5]
        kore_simulator.assert_one_effect(verb, campaign_id)

    def test_write__refused_for_good(
        self, patient: KoreClient, kore_simulator: KoreSimulator, waits: list[float], verb: str
    ) -> None:
        """A second refusal is believed, although the campaign can be read."""
        campaign_id = kore_simulator.add_campaign(status=STATUS_BEFORE[verb])
        run = kore_simulator.campaign(campaign_id).instance_id
        kore_simulator.fail_next(403, body=FORBIDDEN, times=100, operation=verb)

        with pytest.raises(KoreAuthenticationError) as caught:
            getattr(patient, f"{verb}_campaign")(campaign_id, "voice", instance_id=run)

        assert (caught.value.retryable, caught.value.outcome_unknown) == (False, False)
        assert len(kore_simulator.requests.of(verb)) == 2
        assert waits == [0.5]

    def test_write__reading_refused_as_well(
        self, patient: KoreClient, kore_simulator: KoreSimulator, waits: list[float], verb: str
    ) -> None:
        """Wrong credentials: the reading is refused for 30 s as well, and the write is not sent again."""
        campaign_id = kore_simulator.add_campaign(status=STATUS_BEFORE[verb])
        kore_simulator.renew_credentials()

        with pytest.raises(KoreAuthenticationError) as caught:
            getattr(patient, f"{verb}_campaign")(campaign_id, "voice")

        assert (caught.value.retryable, caught.value.outcome_unknown) == (False, False)
        assert str(caught.value).startswith(f"{verb}_voice_")
        assert len(kore_simulator.requests.of(verb)) == 2  # the second with a fresh token
        assert waits == [30.0]

    def test_write__reading_fails(self, patient: KoreClient, kore_simulator: KoreSimulator, verb: str) -> None:
        """Where reading fails in passing, nobody knows whether the refusal would: a retry may find out."""
        campaign_id = kore_simulator.add_campaign(status=STATUS_BEFORE[verb])
        kore_simulator.fail_next(403, body=FORBIDDEN, operation=verb)
        kore_simulator.drop_next(operation="get", times=5)

        with pytest.raises(KoreAuthenticationError) as caught:
            getattr(patient, f"{verb}_campaign")(campaign_id, "voice")

        assert (caught.value.retryable, caught.value.outcome_unknown) == (True, False)
        assert len(kore_simulator.requests.of(verb)) == 1

    def test_write__at_a_screen(
        self, client: KoreClient, kore_simulator: KoreSimulator, waits: list[float], verb: str
    ) -> None:
        """A plain client raises the refusal of a write at once, and says that it was met once."""
        campaign_id = kore_simulator.add_campaign(status=STATUS_BEFORE[verb])
        kore_simulator.fail_next(403, body=FORBIDDEN, operation=verb)

        with pytest.raises(KoreAuthenticationError, match=r": HTTP 403: Forbidden \(met once\)$"):
            getattr(client, f"{verb}_campaign")(campaign_id, "voice")

        assert len(kore_simulator.requests) == 1
        assert waits == []


def test_stop__somebody_else_stopped_it(patient: KoreClient, kore_simulator: KoreSimulator) -> None:
    """A stop that is refused for a campaign that is Stopped by then has what it wanted."""
    campaign_id = kore_simulator.add_campaign(status="Stopped")
    kore_simulator.fail_next(403, body=FORBIDDEN, operation="stop")

    receipt = patient.stop_campaign(campaign_id, "voice")

    assert (receipt.sendings, receipt.by_reading, receipt.status) == (1, True, "Stopped")


def test_delete__runs_by_then(patient: KoreClient, kore_simulator: KoreSimulator) -> None:
    """A delete that was refused is not sent again to a campaign that runs."""
    campaign_id = kore_simulator.add_campaign(status="Active")
    kore_simulator.fail_next(403, body=FORBIDDEN, operation="delete")

    with pytest.raises(KoreAuthenticationError) as caught:
        patient.delete_campaign(campaign_id, "voice")

    assert (caught.value.retryable, len(kore_simulator.requests.of("delete"))) == (False, 1)
