"""Readings stand in for each other: which is asked next, what is remembered, and what no reading may stand in for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from kore_support import client_of

from airflow_provider_campaigns.actions.reading import CampaignReader
from airflow_provider_campaigns.kore.endpoints import ENDPOINTS, Effect
from airflow_provider_campaigns.kore.errors import (
    CampaignStateError,
    KoreAuthenticationError,
    KoreBudgetError,
    KoreConnectionError,
    KoreError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreRateLimitError,
    KoreRequestError,
    KoreScopeError,
    KoreServiceError,
)
from airflow_provider_campaigns.kore.presence import ProvenMissing
from airflow_provider_campaigns.kore.retry import Bounds
from airflow_provider_campaigns.kore.stand_ins import (
    Need,
    StandIns,
    is_unknown_path,
    leads_on,
    tells_most,
    to_ask_again,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("no_rate_limit")

BOTH = ("v2", "v1")
NESTED = "<html><body><pre>Cannot GET /campaign/api/v2/public/st-1/campaign/cd-1</pre></body></html>"


def json_error(code: int, text: str) -> dict[str, Any]:
    return {"errors": [{"msg": text, "code": code}]}


# Status and body of what a service, or something before it, may say to a reading that it does not serve.
REFUSED: dict[str, tuple[int, Any]] = {
    "400": (400, json_error(400, "Bad request")),
    "401": (401, json_error(4002, "Invalid SDK credentials")),
    "401 scope": (401, json_error(4002, "Permission denied. Scope is incorrect!")),
    "403": (403, json_error(403, "Forbidden")),
    "403 html": (403, "<html>Access denied</html>"),
    "404 html": (404, NESTED),
    "404 of a router": (
        404,
        {"message": "Cannot GET /campaign/api/v2/public/st-1/campaign/cd-1", "error": "Not Found"},
    ),
    "405": (405, json_error(405, "Method Not Allowed")),
    "410": (410, json_error(410, "This version was withdrawn")),
    "410 of the campaign": (410, json_error(410, "The campaign was removed")),
    "412": (412, json_error(412, "Validation errors/ Invalid arguments")),
    "415": (415, json_error(415, "Unsupported Media Type")),
    "500": (500, json_error(500, "Internal")),
    "501": (501, "Not Implemented"),
    "502": (502, "<html>Bad Gateway</html>"),
    "307": (307, ""),
    "200 html": (200, "<html>login</html>"),
    "200 empty": (200, b""),
    "204": (204, b""),
    "200 other": (200, {"status": "success", "data": [1, 2]}),
    "200 another": (200, {"status": "success", "data": {"_id": "cd-2", "status": "Active"}}),
}


class TestOrder:
    """Which readings are asked for what, in which order."""

    @pytest.mark.parametrize(
        ("need", "versions", "names"),
        [
            (Need.OBJECT, BOTH, ["get_v2", "get_v1"]),
            (Need.STATUS, BOTH, ["get_v2", "get_v1", "status_v2", "status_v1", "list_v2", "list_v1"]),
            (Need.STATUS_ALONE, BOTH, ["status_v2", "status_v1", "get_v2", "get_v1", "list_v2", "list_v1"]),
            (Need.VIEW, BOTH, ["status_v2", "status_v1"]),
            (Need.LIST, BOTH, ["list_v2", "list_v1"]),
            (Need.CONTACTS, BOTH, ["contacts_v2", "contacts_v1"]),
            (Need.OBJECT, ("v1",), ["get_v1"]),
            (Need.STATUS, ("v1",), ["get_v1", "status_v1", "list_v1"]),
        ],
    )
    def test_order__by_need(self, need: Need, versions: tuple[str, ...], names: list[str]) -> None:
        """What is needed says which readings are asked; of a version that is named no other is."""
        assert StandIns(lambda: 0.0).order(need, versions) == names

    def test_order__of_reads(self) -> None:
        """Every reading is a row of the endpoints, and changes nothing."""
        names = [name for need in Need for name in StandIns(lambda: 0.0).order(need, BOTH)]

        assert {ENDPOINTS[name].effect for name in names} == {Effect.READ}

    @pytest.mark.parametrize(("retryable", "remembered_s"), [(False, 600.0), (True, 60.0)])
    def test_order__remembers(self, *, retryable: bool, remembered_s: float) -> None:
        """A reading that was refused is asked last for ten minutes, for one where the refusal may pass."""
        now = [0.0]
        stand_ins = StandIns(lambda: now[0])

        told = stand_ins.answered(Need.OBJECT, "get_v1", {"get_v2": KoreError("no", retryable=retryable)})

        assert told == ["get_v2"]
        now[0] = remembered_s - 1
        assert stand_ins.order(Need.OBJECT, BOTH) == ["get_v1", "get_v2"]
        now[0] = remembered_s
        assert stand_ins.order(Need.OBJECT, BOTH) == ["get_v2", "get_v1"]
        assert stand_ins.answered(Need.OBJECT, "get_v1", {"get_v2": KoreError("no")}) == []

    def test_order__answered_again(self) -> None:
        """One that is answered again has its place back."""
        stand_ins = StandIns(lambda: 0.0)
        stand_ins.answered(Need.OBJECT, "get_v1", {"get_v2": KoreError("no")})

        stand_ins.answered(Need.OBJECT, "get_v2", {"get_v1": KoreError("no")})

        assert stand_ins.order(Need.OBJECT, BOTH) == ["get_v2", "get_v1"]

    @pytest.mark.parametrize(
        ("errors", "names"),
        [
            ([KoreAuthenticationError("", status=401), KoreScopeError("", status=401)], ["get_v2"]),
            ([KoreRequestError("", status=405), KoreServiceError("", status=404)], ["get_v2"]),
            ([KoreRequestError("", status=405), KoreAuthenticationError("", status=403)], ["get_v2"]),
            ([KoreRequestError("", status=405), KoreRequestError("", status=400)], ["get_v2", "get_v1"]),
            ([KoreServiceError("", status=500), KoreServiceError("", status=500)], ["get_v2", "get_v1"]),
        ],
    )
    def test_order__none_answered(self, errors: list[KoreError], names: list[str]) -> None:
        """Where all are refused for the account or the path, one is asked for ten minutes; else all are."""
        now = [0.0]
        stand_ins = StandIns(lambda: now[0])

        stand_ins.none_answered(Need.OBJECT, dict(zip(["get_v2", "get_v1"], errors, strict=True)))

        assert stand_ins.order(Need.OBJECT, BOTH) == names
        assert len(stand_ins.order(Need.STATUS, BOTH)) == 6
        now[0] = 600.0
        assert stand_ins.order(Need.OBJECT, BOTH) == ["get_v2", "get_v1"]


class TestLeadsOn:
    """After which answers another reading is asked."""

    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (KoreNotFoundError("", status=404), True),
            (KoreNotFoundError("", status=400), False),
            (KoreRateLimitError("", status=429), False),
            (KoreServiceError("", status=503, retry_after_s=150.0), False),
            (KoreServiceError("", status=503), True),
            (KoreConnectionError("reset"), False),
            (KoreBudgetError("full"), False),
            (KoreProtocolError("the pages do not add up", retryable=True), False),
            (KoreProtocolError("about another campaign"), True),
            (KoreNotFoundError("", status=400, endpoint="list_v2"), True),
        ],
    )
    def test_leads_on(self, error: KoreError, *, expected: bool) -> None:
        """A refusal does; an outage, a pause that was asked for, "there is none" and a list that moved do not."""
        assert leads_on(error, Need.STATUS) is expected

    def test_leads_on__names_a_campaign(self) -> None:
        """A 404 that speaks of a campaign is absence."""
        error = KoreNotFoundError("", status=404)
        error.names_campaign = True

        assert leads_on(error, Need.OBJECT) is False

    @pytest.mark.parametrize(
        ("status", "expected"), [(405, True), (404, True), (403, False), (412, False), (500, False)]
    )
    def test_is_unknown_path(self, status: int, *, expected: bool) -> None:
        """A path is unknown by 405 and 404 alone; contact results come in the other version then, and never else."""
        error = KoreServiceError("", status=status)

        assert is_unknown_path(error) is expected
        assert leads_on(error, Need.CONTACTS) is expected


class TestNoneAnswered:
    """What is asked once more, and what is said, where no reading was answered."""

    NOT_FOUND = KoreNotFoundError("", status=404)
    FORBIDDEN = KoreAuthenticationError("", status=403)
    FAILED = KoreServiceError("", status=500)
    NO_SUCH_METHOD = KoreRequestError("", status=405)
    REFUSED = KoreRequestError("", status=400)

    @pytest.mark.parametrize(
        ("errors", "again"),
        [
            ([FAILED, FORBIDDEN], 0),
            ([FORBIDDEN, FAILED], 1),
            ([NO_SUCH_METHOD, FORBIDDEN], 1),
            ([NO_SUCH_METHOD, REFUSED], None),
            ([NOT_FOUND, FAILED], None),
        ],
    )
    def test_to_ask_again(self, errors: list[KoreError], again: int | None) -> None:
        """What may pass is asked again, else what was refused by 401 or 403; after "there is none" nothing is."""
        refused = dict(zip(["get_v2", "get_v1"], errors, strict=True))

        assert to_ask_again(refused) == (None if again is None else ["get_v2", "get_v1"][again])

    def test_to_ask_again__no_last_resort(self) -> None:
        """Where something else is left to be asked, a 403 is not looked into."""
        assert to_ask_again({"list_v2": self.FORBIDDEN, "list_v1": self.FORBIDDEN}, is_last_resort=False) is None

    @pytest.mark.parametrize(
        ("errors", "number"),
        [
            ([REFUSED, FORBIDDEN], 0),
            ([NO_SUCH_METHOD, REFUSED], 1),
            ([NO_SUCH_METHOD, NO_SUCH_METHOD], 0),
            ([NOT_FOUND, REFUSED], 0),
        ],
    )
    def test_tells_most(self, errors: list[KoreError], number: int) -> None:
        """The first says what is wrong, unless that is only its path."""
        assert tells_most(dict(zip(["get_v2", "get_v1"], errors, strict=True))) is errors[number]


class TestClient:
    """The client asks in that order."""

    @pytest.mark.parametrize("refusal", REFUSED)
    @pytest.mark.parametrize(
        ("refused", "need", "asked", "is_whole"),
        [
            ([("get", "v2")], Need.OBJECT, ["get_v2", "get_v1"], True),
            ([("get", "v2")], Need.STATUS, ["get_v2", "get_v1"], True),
            ([("get", None)], Need.STATUS, ["get_v2", "get_v1", "status_v2"], False),
            ([("get", None), ("status", "v2")], Need.STATUS, ["get_v2", "get_v1", "status_v2", "status_v1"], False),
            ([(("get", "status"), None)], Need.STATUS, ["get_v2", "get_v1", "status_v2", "status_v1", "list_v2"], True),
            ([("status", None)], Need.STATUS_ALONE, ["status_v2", "status_v1", "get_v2"], True),
        ],
    )
    def test_get__stands_in(
        self,
        *,
        client: KoreClient,
        kore_simulator: KoreSimulator,
        waits: list[float],
        refusal: str,
        refused: list[tuple[Any, str | None]],
        need: Need,
        asked: list[str],
        is_whole: bool,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Whatever refuses a reading, the next is asked at once; from then on first, and the log says so once."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        status, body = REFUSED[refusal]
        for operation, version in refused:
            kore_simulator.fail_next(status, body=body, operation=operation, api_version=version, times=1000)

        campaign = client.get_campaign(campaign_id, need=need)

        assert (campaign.campaign_id, campaign.status, campaign.is_whole) == (campaign_id, "Active", is_whole)
        assert waits == []
        assert list(dict.fromkeys(f"{one.operation}_{one.version}" for one in kore_simulator.requests)) == asked
        before = len(kore_simulator.requests)
        client.get_campaign(campaign_id, need=need)
        assert len(kore_simulator.requests) == before + 1
        told = [record.getMessage() for record in caplog.records if "stands in for" in record.getMessage()]
        assert [one.rpartition("; ")[2] for one in told] == [f"{asked[-1]} stands in for {one}" for one in asked[:-1]]

    @pytest.mark.parametrize("refusal", sorted(REFUSED.keys() - {"200 other", "200 another"}))
    @pytest.mark.parametrize("number", [1, 101])
    def test_list__stands_in(
        self, client: KoreClient, kore_simulator: KoreSimulator, refusal: str, number: int
    ) -> None:
        """The list of one version stands in for the other's."""
        ids = {kore_simulator.add_campaign() for _ in range(number)}
        status, body = REFUSED[refusal]
        kore_simulator.fail_next(status, body=body, operation="list", api_version="v2", times=1000)

        assert {one.campaign_id for one in client.list_campaigns("voice")} == ids
        assert client.count_campaigns("voice") == number

    @pytest.mark.parametrize(
        ("refusal", "asked"),
        [("404 html", ["v2", "v1", "v1"]), ("404 of a router", ["v2", "v1", "v1"]), ("405", ["v2", "v1", "v1"])],
    )
    def test_contacts__unknown_path(
        self, client: KoreClient, kore_simulator: KoreSimulator, refusal: str, asked: list[str]
    ) -> None:
        """Contact results come in the other version where the path of one is unknown."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=3)
        status, body = REFUSED[refusal]
        kore_simulator.fail_next(status, body=body, operation="contacts", api_version="v2", times=1000)

        assert client.get_contact_page(campaign_id).total_results == 3
        assert client.count_contact_results(campaign_id) == 3
        assert [one.version for one in kore_simulator.requests.of("contacts")] == asked

    @pytest.mark.parametrize("refusal", ["403", "412", "200 html"])
    def test_contacts__refused(self, client: KoreClient, kore_simulator: KoreSimulator, refusal: str) -> None:
        """Else they come in one version only: rows of two are not compared."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=3)
        status, body = REFUSED[refusal]
        kore_simulator.fail_next(status, body=body, operation="contacts", api_version="v2", times=1000)

        with pytest.raises(KoreError):
            client.get_contact_page(campaign_id)

        assert {one.version for one in kore_simulator.requests.of("contacts")} == {"v2"}

    def test_stop__no_path_known(
        self, client: KoreClient, kore_simulator: KoreSimulator, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Where neither version's path is known each is tried once for a stop, and told of once."""
        ids = [kore_simulator.add_campaign(status="Active") for _ in range(3)]
        kore_simulator.fail_next(405, operation="stop", times=100)

        for one in ids:
            with pytest.raises(KoreRequestError):
                client.stop_campaign(one, "voice")

        assert len(kore_simulator.requests.of("stop")) == 2 * 3
        told = [record.getMessage() for record in caplog.records if "instead" in record.getMessage()]
        assert [one.rpartition(" by ")[2] for one in told] == ["stop_voice_v2 instead", "stop_voice_v1 instead"]

    @pytest.mark.parametrize("need", [Need.OBJECT, Need.STATUS, Need.STATUS_ALONE])
    @pytest.mark.parametrize("status", [400, 404])
    def test_get__not_there(self, client: KoreClient, kore_simulator: KoreSimulator, need: Need, status: int) -> None:
        """Nothing stands in for an answer that says that there is no such campaign."""
        kore_simulator.switches(not_found_status=status)

        with pytest.raises(KoreNotFoundError):
            client.get_campaign("cd-1", need=need)

        assert len(kore_simulator.requests) == 1

    def test_get__not_there_either(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """A stand-in that finds no campaign says so like any other reading."""
        kore_simulator.fail_next(405, operation="get", api_version="v2", times=9)

        with pytest.raises(
            KoreNotFoundError,
            match=r"^get_v1 of campaign cd-1 \(GET /agentassist/api/v1/public/st-[0-9a-f-]+/campaign/cd-1\): ",
        ):
            client.get_campaign("cd-1")

    def test_look__one_witness(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """A status view that stands in for get is no second witness to itself: without the list nothing is proven."""
        client.get_campaign(kore_simulator.add_campaign())
        kore_simulator.switches(list_refused=True)
        client.proof.means()
        reader = CampaignReader(client, need=Need.STATUS)
        kore_simulator.fail_next(503, operation="get", campaign_id="cd-1", times=9)

        with pytest.raises(KoreAuthenticationError, match=r"^list_v2 \(POST /.*/getAllCampaignDetails\): HTTP 403"):
            reader.read("cd-1")

        kore_simulator.clear_faults()
        assert isinstance(reader.read("cd-2"), ProvenMissing)

    def test_get__list_does_not_show_it(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """That the list does not show a campaign is no absence, where it stands in for a reading."""
        kore_simulator.fail_next(405, operation=("get", "status"), times=9)

        with pytest.raises(
            KoreProtocolError, match=r"^list_v2 \(POST /.*/getAllCampaignDetails\): does not show campaign cd-1$"
        ):
            client.get_campaign("cd-1", need=Need.STATUS)

    @pytest.mark.parametrize("named_by", ["connection", "argument"])
    def test_get__version_named(
        self, settings: KoreSettings, kore_simulator: KoreSimulator, named_by: str, waits: list[float]
    ) -> None:
        """A version that connection or caller named is the only one that is asked."""
        fields, arguments = ({"api_version": "v2"}, {}) if named_by == "connection" else ({}, {"api_version": "v2"})
        kore_simulator.fail_next(405, operation="get", times=9)

        with client_of(replace(settings, **fields), waits) as client, pytest.raises(KoreRequestError):
            client.get_campaign("cd-1", **arguments)

        assert [one.version for one in kore_simulator.requests] == ["v2"]

    def test_get__wrong_credentials(
        self, settings: KoreSettings, kore_simulator: KoreSimulator, waits: list[float]
    ) -> None:
        """Credentials that are wrong everywhere are told after one wait, and few requests, for fifty campaigns."""
        kore_simulator.renew_credentials()

        with client_of(settings, waits, bounds=Bounds(look_again_s=30.0)) as client:
            for number in range(50):
                with pytest.raises(KoreAuthenticationError):
                    client.get_campaign(f"cd-{number}")

        assert waits == [30.0]
        assert len(kore_simulator.requests) == 8 + 49 * 2  # each with a fresh token as well

    def test_get__fifty(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """Fifty campaigns pay one refusal."""
        ids = [kore_simulator.add_campaign(status="Active") for _ in range(50)]
        kore_simulator.fail_next(405, operation="get", api_version="v2", times=1000)

        for one in ids:
            client.get_campaign(one)

        assert len(kore_simulator.requests) == 51

    @pytest.mark.parametrize("verb", ["stop", "delete", "start"])
    def test_write__after_trouble(self, client: KoreClient, kore_simulator: KoreSimulator, verb: str) -> None:
        """What became of a write whose answer was lost is found out by the reading that is answered."""
        campaign_id = kore_simulator.add_campaign(status="Active" if verb == "stop" else "Stopped")
        run = kore_simulator.campaign(campaign_id).instance_id
        kore_simulator.drop_next(after=True, operation=verb)
        kore_simulator.fail_next(405, operation="get", api_version="v2", times=1000)

        receipt = _writes(client)[verb](campaign_id, "voice", instance_id=run)

        assert (receipt.by_reading, receipt.sendings) == (True, 1)
        kore_simulator.assert_one_effect(verb, campaign_id)

    @pytest.mark.parametrize("refusal", ["404 html", "404 of a router", "405", "404 of a gateway"])
    @pytest.mark.parametrize(
        ("verb", "versions"), [("stop", ["v1", "v2"]), ("start", ["v1", "v2"]), ("delete", ["v2", "v1"])]
    )
    def test_write__unknown_path(
        self,
        *,
        client: KoreClient,
        kore_simulator: KoreSimulator,
        waits: list[float],
        caplog: pytest.LogCaptureFixture,
        refusal: str,
        verb: str,
        versions: list[str],
    ) -> None:
        """A write whose path the service does not know is sent by the other version, after a look; said once."""
        ids = [kore_simulator.add_campaign(status="Active" if verb == "stop" else "Stopped") for _ in range(2)]
        status, body = (REFUSED | {"404 of a gateway": (404, {"message": "no Route matched"})})[refusal]
        kore_simulator.fail_next(status, body=body, operation=verb, api_version=versions[0], times=99)

        for one in ids:
            _writes(client)[verb](one, "voice", instance_id=kore_simulator.campaign(one).instance_id)

        for one in ids:
            kore_simulator.assert_one_effect(verb, one)
        done = [(one.operation, one.version) for one in kore_simulator.requests]
        assert done == [(verb, versions[0]), ("get", "v2"), (verb, versions[1]), (verb, versions[1])]
        assert waits == []
        said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert [one.rpartition("; ")[2] for one in said] == [f"it is sent by {verb}_voice_{versions[1]} instead"]

    @pytest.mark.parametrize("refusal", ["412", "400", "410 of the campaign"])
    @pytest.mark.parametrize("verb", ["stop", "start", "delete"])
    def test_write__refused(self, client: KoreClient, kore_simulator: KoreSimulator, verb: str, refusal: str) -> None:
        """A write that is refused on a path that is known is sent by no other version."""
        campaign_id = kore_simulator.add_campaign(status="Active" if verb == "stop" else "Stopped")
        status, body = REFUSED[refusal]
        kore_simulator.fail_next(status, body=body, operation=verb, times=99)

        with pytest.raises(KoreRequestError):
            _writes(client)[verb](campaign_id, "voice")

        assert len({one.version for one in kore_simulator.requests.of(verb)}) == 1

    def test_describe__by_which_it_was_sent(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """A request is described as it was sent; one that was not is, as it would be, where the path is not known."""
        ids = [kore_simulator.add_campaign(status="Active") for _ in range(3)]
        kore_simulator.fail_next(405, operation="stop", api_version="v1", skip=1)

        for one in ids[:2]:
            client.stop_campaign(one, "voice")

        described = [client.describe("stop", one, "voice") for one in ids]
        assert ["/api/v2/" in one for one in described] == [False, True, True]
        assert "/api/v1/" in client.describe("stop", ids[1], "voice", api_version="v1")

    def test_write__neither_path_known(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """Where the other version is not known either, that is the error."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        kore_simulator.fail_next(405, operation="stop", times=99)

        with pytest.raises(KoreRequestError, match=r"^stop_voice_v2 of campaign "):
            client.stop_campaign(campaign_id, "voice")

        assert [one.version for one in kore_simulator.requests.of("stop")] == ["v1", "v2"]

    def test_write__version_named(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """A version that is named is the only one in which it is sent."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        kore_simulator.fail_next(405, operation="stop", times=99)

        with pytest.raises(KoreRequestError):
            client.stop_campaign(campaign_id, "voice", api_version="v2")

        assert [one.version for one in kore_simulator.requests.of("stop")] == ["v2"]

    @pytest.mark.parametrize("pause", ["900", "1"], ids=["no place", "looks fail"])
    def test_delete__unknown_path_and_unread(
        self, client: KoreClient, kore_simulator: KoreSimulator, pause: str
    ) -> None:
        """A page that says "not found" may hide a delete that was done: while no look tells, nobody says it was not."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        kore_simulator.garble_next(404, after=True, operation="delete")
        kore_simulator.fail_next(429, headers={"Retry-After": pause}, times=100)

        with pytest.raises(KoreError) as caught:
            client.delete_campaign(campaign_id, "voice")

        assert caught.value.outcome_unknown is True
        kore_simulator.assert_one_effect("delete", campaign_id)

    def test_delete__unknown_path_and_started(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """A delete is not sent by the other version to a campaign that was started meanwhile."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        run = kore_simulator.campaign(campaign_id).instance_id
        kore_simulator.restart(campaign_id)
        kore_simulator.fail_next(405, operation="delete", api_version="v2")

        with pytest.raises(CampaignStateError) as caught:
            client.delete_campaign(campaign_id, "voice", instance_id=run)

        assert caught.value.endpoint == "delete_voice_v1"
        assert [one.version for one in kore_simulator.requests.of("delete")] == ["v2"]

    def test_stop__by_status_alone(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """A stop needs no more than the status, also to be sent again."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        kore_simulator.fail_next(500, operation="stop")
        kore_simulator.fail_next(403, body={"errors": [{"msg": "Forbidden"}]}, operation=("get", "list"), times=1000)

        assert client.stop_campaign(campaign_id, "voice").sendings == 2
        kore_simulator.assert_one_effect("stop", campaign_id)

    def test_start__by_status_alone(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """A start is not sent again where nothing but the status can be read: it names no run."""
        campaign_id = kore_simulator.add_campaign(status="Ready")
        kore_simulator.fail_next(500, operation="start")
        kore_simulator.fail_next(405, operation="get", times=1000)

        with pytest.raises(KoreError) as caught:
            client.start_campaign(campaign_id, "voice", instance_id=None)

        assert caught.value.outcome_unknown is True
        assert len(kore_simulator.requests.of("start")) == 1

    def test_delete__looks_by_what_is_answered(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """The look right before a delete asks the reading that was answered before."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        kore_simulator.fail_next(405, operation="get", api_version="v2", times=1000)
        seen: list[str] = []

        client.delete_campaign(campaign_id, "voice", judge=lambda campaign: seen.append(campaign.status))

        assert seen == ["Stopped"]
        kore_simulator.assert_one_effect("delete", campaign_id)


def _writes(client: KoreClient) -> dict[str, Callable[..., Any]]:
    return {"stop": client.stop_campaign, "start": client.start_campaign, "delete": client.delete_campaign}
