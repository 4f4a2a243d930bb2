"""A refusal by 401 or 403 that was met once says nothing yet: it is looked into before it is believed."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from kore_support import client_of

from airflow_provider_campaigns.kore.errors import (
    KoreAuthenticationError,
    KoreError,
    KoreNotFoundError,
    KoreRequestError,
    KoreScopeError,
)
from airflow_provider_campaigns.kore.patience import Patience
from airflow_provider_campaigns.kore.retry import Bounds
from airflow_provider_campaigns.kore.stand_ins import Need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("no_rate_limit")

FORBIDDEN = {"errors": [{"msg": "Forbidden", "code": 403}]}
NO_ROUTE = {"message": "no Route matched with those values"}
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

    @pytest.mark.parametrize(("times", "sendings"), [(2, 3), (3, 4), (6, 7)])
    def test_write__refused_for_a_while(
        self,
        *,
        patient: KoreClient,
        kore_simulator: KoreSimulator,
        waits: list[float],
        verb: str,
        times: int,
        sendings: int,
    ) -> None:
        """It is sent again, after a look each time, until 30 s after it was first refused."""
        campaign_id = kore_simulator.add_campaign(status=STATUS_BEFORE[verb])
        run = kore_simulator.campaign(campaign_id).instance_id
        kore_simulator.fail_next(403, body=FORBIDDEN, times=times, operation=verb)

        receipt = getattr(patient, f"{verb}_campaign")(campaign_id, "voice", instance_id=run)

        assert (receipt.sendings, receipt.by_reading) == (sendings, False)
        assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 14.5][: sendings - 1]
        kore_simulator.assert_one_effect(verb, campaign_id)

    @pytest.mark.parametrize(("body", "status"), [(FORBIDDEN, 403), (NO_ROUTE, 404), (NO_ROUTE, 410)])
    def test_write__refused_for_good(
        self,
        *,
        patient: KoreClient,
        kore_simulator: KoreSimulator,
        waits: list[float],
        verb: str,
        status: int,
        body: object,
    ) -> None:
        """A refusal that is still there after 30 s is believed, although the campaign can be read."""
        campaign_id = kore_simulator.add_campaign(status=STATUS_BEFORE[verb])
        run = kore_simulator.campaign(campaign_id).instance_id
        kore_simulator.fail_next(status, body=body, times=100, operation=verb)

        with pytest.raises(KoreError) as caught:
            getattr(patient, f"{verb}_campaign")(campaign_id, "voice", instance_id=run)

        assert (caught.value.status, caught.value.retryable, caught.value.outcome_unknown) == (status, False, False)
        assert len(kore_simulator.requests.of(verb)) == 7
        assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 14.5]

    def test_write__many_refused(
        self, patient: KoreClient, kore_simulator: KoreSimulator, waits: list[float], verb: str
    ) -> None:
        """Where no write is answered in between, one such wait is enough; each is sent again once."""
        ids = [kore_simulator.add_campaign(status=STATUS_BEFORE[verb]) for _ in range(3)]
        kore_simulator.fail_next(403, body=FORBIDDEN, times=100, operation=verb)

        for one in ids:
            with pytest.raises(KoreAuthenticationError):
                getattr(patient, f"{verb}_campaign")(one, "voice", instance_id=kore_simulator.campaign(one).instance_id)

        assert [len([one for one in kore_simulator.requests.of(verb) if one.campaign_id == each]) for each in ids] == [
            7,
            2,
            2,
        ]
        assert sum(waits) == 31.0

    def test_write__met_once(
        self, client: KoreClient, kore_simulator: KoreSimulator, waits: list[float], verb: str
    ) -> None:
        """A plain client raises it at once."""
        campaign_id = kore_simulator.add_campaign(status=STATUS_BEFORE[verb])
        kore_simulator.fail_next(403, body=FORBIDDEN, operation=verb)

        with pytest.raises(KoreAuthenticationError, match=r"\(met once\)$") as caught:
            getattr(client, f"{verb}_campaign")(campaign_id, "voice")

        assert (caught.value.retryable, waits) == (False, [])

    def test_write__no_path_for_a_while(
        self, settings: KoreSettings, kore_simulator: KoreSimulator, waits: list[float], verb: str
    ) -> None:
        """Where something in between knows neither path, both are tried again."""
        campaign_id = kore_simulator.add_campaign(status=STATUS_BEFORE[verb])
        run = kore_simulator.campaign(campaign_id).instance_id
        kore_simulator.fail_next(404, body=NO_ROUTE, times=5, operation=verb)

        with client_of(settings, waits, bounds=Bounds(look_again_s=30.0)) as client:
            receipt = getattr(client, f"{verb}_campaign")(campaign_id, "voice", instance_id=run)

        first, other = ("v2", "v1") if verb == "delete" else ("v1", "v2")
        tried = [one.version for one in kore_simulator.requests.of(verb)]
        assert tried == [first, other, other, first, first, other]
        assert (receipt.sendings, waits) == (6, [1.0, 4.0])
        kore_simulator.assert_one_effect(verb, campaign_id)

    @pytest.mark.parametrize(
        ("status", "body"), [(405, None), (410, NO_ROUTE), (410, "<html>Gone</html>"), (501, NO_ROUTE), (501, "")]
    )
    def test_write__path_gone(
        self,
        *,
        client: KoreClient,
        kore_simulator: KoreSimulator,
        waits: list[float],
        verb: str,
        status: int,
        body: Any,
    ) -> None:
        """A path that is gone or not implemented in one version is tried in the other at once."""
        campaign_id = kore_simulator.add_campaign(status=STATUS_BEFORE[verb])
        run = kore_simulator.campaign(campaign_id).instance_id
        version = "v2" if verb == "delete" else "v1"
        kore_simulator.fail_next(status, body=body, times=100, operation=verb, api_version=version)

        receipt = getattr(client, f"{verb}_campaign")(campaign_id, "voice", instance_id=run)

        assert (receipt.sendings, receipt.by_reading, waits) == (2, False, [])
        kore_simulator.assert_one_effect(verb, campaign_id)

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


@pytest.mark.parametrize("verb", ["stop", "start", "delete"])
@pytest.mark.parametrize("status", [400, 402, 412, 418])
def test_write__refused_for_a_while(
    patient: KoreClient, kore_simulator: KoreSimulator, waits: list[float], verb: str, status: int
) -> None:
    """What the service refuses in its own words, and reading says is still to be done, is sent again for 30 s."""
    campaign_id = kore_simulator.add_campaign(status="Active" if verb == "stop" else "Stopped")
    kore_simulator.fail_next(status, body={"message": "no connection to the database"}, operation=verb, times=3)

    assert getattr(patient, f"{verb}_campaign")(campaign_id, "voice").sendings == 4

    assert waits == [0.5, 1.0, 2.0]
    kore_simulator.assert_one_effect(verb, campaign_id)


def test_stop__refused_for_good(patient: KoreClient, kore_simulator: KoreSimulator, waits: list[float]) -> None:
    """What is refused for longer is believed."""
    campaign_id = kore_simulator.add_campaign(status="Active")
    kore_simulator.fail_next(400, body={"message": "cannot be stopped"}, operation="stop", times=100)

    with pytest.raises(KoreRequestError, match="cannot be stoppe") as caught:
        patient.stop_campaign(campaign_id, "voice")

    assert caught.value.retryable is False
    assert sum(waits) == 30.0


def test_delete__runs_by_then(patient: KoreClient, kore_simulator: KoreSimulator) -> None:
    """A delete that was refused is not sent again to a campaign that runs."""
    campaign_id = kore_simulator.add_campaign(status="Active")
    kore_simulator.fail_next(403, body=FORBIDDEN, operation="delete")

    with pytest.raises(KoreAuthenticationError) as caught:
        patient.delete_campaign(campaign_id, "voice")

    assert (caught.value.retryable, len(kore_simulator.requests.of("delete"))) == (False, 1)


def test_stop__no_time(patient: KoreClient, kore_simulator: KoreSimulator, waits: list[float]) -> None:
    """A stop that was refused, and is not sent again for want of time, may succeed later."""
    campaign_id = kore_simulator.add_campaign(status="Active")
    kore_simulator.fail_next(403, body=FORBIDDEN, times=3, operation="stop")

    with pytest.raises(KoreAuthenticationError) as caught:
        patient.send_stop_once(
            campaign_id, "voice", patience=Patience(lambda: 1.6 - sum(waits), repeat_s=lambda: 1.6 - sum(waits))
        ).finish()

    assert (caught.value.retryable, waits) == (True, [0.5, 1.0])


def test_stop__refused_after_doubt(patient: KoreClient, kore_simulator: KoreSimulator, waits: list[float]) -> None:
    """A refusal that follows a stop without an answer is not believed at once either."""
    campaign_id = kore_simulator.add_campaign(status="Active")
    kore_simulator.fail_next(500, operation="stop")
    kore_simulator.fail_next(403, body=FORBIDDEN, operation="stop")

    receipt = patient.stop_campaign(campaign_id, "voice")

    assert (receipt.sendings, receipt.by_reading) == (3, False)
    kore_simulator.assert_one_effect("stop", campaign_id)


# What all readings may answer where something in between answers for the service: a JSON object, and no campaign.
NO_CAMPAIGN: dict[str, tuple[int, Any]] = {
    "404 of a gateway": (404, NO_ROUTE),
    "200 empty": (200, {}),
    "200 failure": (200, {"status": "failure", "message": "try later"}),
    "400": (400, {"message": "could not be processed now"}),
    "405": (405, {"message": "Method not allowed"}),
    "410": (410, {"message": "Gone"}),
    "412": (412, {"errors": [{"msg": "precondition", "code": 412}]}),
    "200 of another": (200, {"ok": True, "node": "edge-7"}),
    "402": (402, {"message": "Payment Required"}),
    "451": (451, {"error": "unavailable"}),
}


WITHOUT_ORDER = {"200 failure", "400", "412"}
"""Where a list is refused so, it is asked for without its order as well."""


class TestAllReadings:
    """What could tell the same is refused as well, in a form that could be the service's own."""

    @pytest.fixture
    def everywhere(self, settings: KoreSettings, waits: list[float]) -> Iterator[KoreClient]:
        """A client as operators have it, with every stand-in."""
        with client_of(settings, waits, bounds=Bounds(look_again_s=30.0)) as client:
            yield client

    @pytest.mark.parametrize("answer", NO_CAMPAIGN)
    def test_all_readings__for_a_while(
        self, everywhere: KoreClient, kore_simulator: KoreSimulator, waits: list[float], answer: str
    ) -> None:
        """All are asked again after 30 s."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        status, body = NO_CAMPAIGN[answer]
        times = 8 if answer in WITHOUT_ORDER else 6
        kore_simulator.fail_next(status, body=body, times=times)

        assert everywhere.get_campaign(campaign_id, need=Need.STATUS).status == "Active"
        assert (waits, len(kore_simulator.requests)) == ([30.0], times + 1)

    @pytest.mark.parametrize("answer", ["404 of a gateway", "200 empty"])
    def test_all_readings__for_good(
        self, everywhere: KoreClient, kore_simulator: KoreSimulator, waits: list[float], answer: str
    ) -> None:
        """What is still there then is believed; fifty campaigns wait for that once."""
        status, body = NO_CAMPAIGN[answer]
        kore_simulator.fail_next(status, body=body, times=1000)

        for number in range(50):
            with pytest.raises(KoreError) as caught:
                everywhere.get_campaign(f"cd-{number}", need=Need.STATUS)
            assert caught.value.retryable is False

        assert waits == [30.0]

    @pytest.mark.parametrize("answer", ["404 of a gateway", "200 failure", "412"])
    @pytest.mark.parametrize("reading", ["list_campaigns", "count_campaigns"])
    def test_all_readings__list(
        self, everywhere: KoreClient, kore_simulator: KoreSimulator, waits: list[float], answer: str, reading: str
    ) -> None:
        """So it is of the list."""
        kore_simulator.add_campaign()
        status, body = NO_CAMPAIGN[answer]
        kore_simulator.fail_next(status, body=body, times=4 if answer in WITHOUT_ORDER else 2)

        assert getattr(everywhere, reading)("voice")
        assert waits == [30.0]

    @pytest.mark.parametrize("answer", ["404 of a gateway", "200 empty", "400"])
    def test_all_readings__contacts(
        self, everywhere: KoreClient, kore_simulator: KoreSimulator, waits: list[float], answer: str
    ) -> None:
        """And of contact results."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=3)
        status, body = NO_CAMPAIGN[answer]
        kore_simulator.fail_next(status, body=body, times=2 if status in {404, 405, 410} else 1)

        assert everywhere.get_contact_page(campaign_id).total_results == 3
        assert waits == [30.0]

    @pytest.mark.parametrize("answer", ["200 empty", "200 failure", "400", "405"])
    def test_all_readings__object(
        self, everywhere: KoreClient, kore_simulator: KoreSimulator, waits: list[float], answer: str
    ) -> None:
        """And where the whole object is needed, unless it is said that there is none: then the list is asked."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        status, body = NO_CAMPAIGN[answer]
        kore_simulator.fail_next(status, body=body, times=2)

        assert everywhere.get_campaign(campaign_id).status == "Stopped"
        assert waits == [30.0]

    @pytest.mark.parametrize("body", [None, {"message": "Not Found"}, {"errors": [{"msg": "Campaign not found"}]}])
    def test_all_readings__missing(
        self, everywhere: KoreClient, kore_simulator: KoreSimulator, waits: list[float], body: object
    ) -> None:
        """A campaign that is not there is not waited for."""
        kore_simulator.fail_next(404, body=body, times=100, operation=("get", "status"))

        for need in (Need.OBJECT, Need.STATUS):
            with pytest.raises(KoreNotFoundError):
                everywhere.get_campaign("cd-1", need=need)

        assert waits == []

    def test_all_readings__known_words(
        self, everywhere: KoreClient, kore_simulator: KoreSimulator, waits: list[float]
    ) -> None:
        """Nor where the service is known to say so in words of its own."""
        kore_simulator.fail_next(400, body={"message": "unknown entity"}, times=100, operation=("get", "status"))
        everywhere.proof.means()

        with pytest.raises(KoreError):
            everywhere.get_campaign("cd-1")

        assert waits == []

    def test_all_readings__answered_since(
        self, everywhere: KoreClient, kore_simulator: KoreSimulator, waits: list[float]
    ) -> None:
        """An answer, or ten minutes, take back what all readings said."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        refused = {"status": 400, "body": {"message": "not now"}, "operation": ("get", "status", "list")}

        kore_simulator.fail_next(**refused, times=8)
        everywhere.get_campaign(campaign_id, need=Need.STATUS)
        kore_simulator.fail_next(**refused, times=8)
        everywhere.get_campaign(campaign_id, need=Need.STATUS)
        kore_simulator.fail_next(**refused, times=16)
        with pytest.raises(KoreError):
            everywhere.get_campaign(campaign_id, need=Need.STATUS)
        waits.append(571.0)
        kore_simulator.fail_next(**refused, times=8)
        everywhere.get_campaign(campaign_id, need=Need.STATUS)

        assert waits == [30.0, 30.0, 30.0, 571.0, 30.0]

    @pytest.mark.parametrize(("look_again_s", "retryable"), [(None, False), (30.0, True), (math.inf, True)])
    def test_all_readings__no_time(
        self,
        *,
        settings: KoreSettings,
        kore_simulator: KoreSimulator,
        waits: list[float],
        look_again_s: float | None,
        retryable: bool,
    ) -> None:
        """Who has no time for that, or asks again by himself, is told that it may pass; a plain client believes it."""
        kore_simulator.fail_next(404, body=NO_ROUTE, times=6)

        bounds, patience = Bounds(look_again_s=look_again_s), Patience(lambda: 29.0, repeat_s=lambda: 29.0)
        with client_of(settings, waits, bounds=bounds) as client, pytest.raises(KoreError) as caught:
            client.get_campaign("cd-1", need=Need.STATUS, patience=patience)

        assert (caught.value.retryable, waits) == (retryable, [])

    def test_all_readings__asked_by_the_caller(
        self, settings: KoreSettings, kore_simulator: KoreSimulator, waits: list[float]
    ) -> None:
        """Who asks again by himself is told so for 30 s, and then that it is believed."""
        kore_simulator.fail_next(404, body=NO_ROUTE, times=100)
        told = []

        with client_of(settings, waits, bounds=Bounds(look_again_s=math.inf)) as client:
            for seconds in (0.0, 29.0, 1.0):
                waits.append(seconds)
                with pytest.raises(KoreError) as caught:
                    client.get_campaign("cd-1", need=Need.STATUS)
                told.append(caught.value.retryable)

        assert told == [True, True, False]
