"""Lists of campaigns: pages, choices, and lists that do not add up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import requests_mock
from kore_support import REQUESTS, account, client_of

from airflow_provider_campaigns.kore.campaigns import CampaignStatus, CampaignType
from airflow_provider_campaigns.kore.errors import (
    KoreAuthenticationError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreRequestError,
)
from airflow_provider_campaigns.kore.listing import Expected, LatestLists, Listing, named, try_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("no_rate_limit")

SAMPLES = Path(__file__).parents[1] / "data" / "kore"
ANY = requests_mock.ANY


@pytest.fixture
def service() -> Iterator[requests_mock.Mocker]:
    """Answers in place of the platform."""
    with requests_mock.Mocker() as mocker:
        yield mocker


def page(*campaign_ids: str, total: int, more: bool = False) -> dict[str, Any]:
    """A page of a list."""
    results = [{"_id": campaign_id, "name": campaign_id, "status": "Ready"} for campaign_id in campaign_ids]
    return {"status": "success", "data": {"results": results, "totalResults": total, "hasMore": more}}


def test_try_list__does_not_add_up() -> None:
    """A list that says it has more than comes can prove nothing."""
    answers = iter([page("cd-1", total=3), page("cd-1", total=4)])

    with pytest.raises(KoreProtocolError):
        try_list(lambda *_, **__: next(answers), account().endpoints["list_v2"], CampaignType.VOICE)


class TestList:
    def test_list_campaigns__pages(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """A list longer than a page is read to its end."""
        ids = [kore_simulator.add_campaign(name=f"N{number}") for number in range(205)]
        kore_simulator.add_campaign(campaign_type="sms")

        found = client.list_campaigns("voice")

        assert {campaign.campaign_id for campaign in found} == set(ids)
        assert len(kore_simulator.requests.of("list")) == 3

    @pytest.mark.parametrize("version", ["v1", "v2"])
    @pytest.mark.parametrize("paging", ["skip", "page", "either"])
    def test_list_campaigns__either_way_of_paging(
        self, client: KoreClient, kore_simulator: KoreSimulator, paging: str, version: str
    ) -> None:
        """Whether the service goes by ``skip`` or by ``page`` is not documented; both are sent."""
        kore_simulator.switches(list_paging=paging)
        for _ in range(101):
            kore_simulator.add_campaign(campaign_type="sms")

        assert len(client.list_campaigns("sms", api_version=version)) == 101

    @pytest.mark.parametrize(
        ("cap", "number", "requests"), [(50, 120, 3), (10, 25, 3), (1, 3, 3), (50, 50, 1), (100, 101, 2), (500, 101, 2)]
    )
    @pytest.mark.parametrize("paging", ["skip", "page", "either"])
    def test_list_campaigns__capped(
        self, client: KoreClient, kore_simulator: KoreSimulator, paging: str, cap: int, number: int, requests: int
    ) -> None:
        """A service that sends fewer than it is asked for, and counts its pages by that, gives the whole list."""
        kore_simulator.switches(list_paging=paging, list_cap=cap)
        ids = {kore_simulator.add_campaign() for _ in range(number)}

        assert {one.campaign_id for one in client.list_campaigns("voice")} == ids
        assert len(kore_simulator.requests.of("list")) == requests

    @pytest.mark.parametrize("more", [False, None])
    def test_list_campaigns__capped_without_a_word(self, service: requests_mock.Mocker, more: bool | None) -> None:
        """A service that takes its page for the last, because it goes by what was asked for, is asked for the rest."""
        answers = [page("cd-1", "cd-2", total=3), page("cd-3", total=3)]
        for answer in answers:
            answer["data"]["hasMore"] = more
        service.post(ANY, [{"json": answer} for answer in answers])

        with client_of(account()) as client:
            assert [one.campaign_id for one in client.list_campaigns("voice")] == ["cd-1", "cd-2", "cd-3"]

        asked = service.request_history[1].json()
        assert (asked["skip"], asked["page"], asked["limit"]) == (2, 2, 2)

    @pytest.mark.parametrize("broken", ["no id", "no status", "null"])
    @pytest.mark.parametrize(("number", "requests"), [(3, 1), (100, 2)])
    def test_look_through__broken_item(
        self,
        client: KoreClient,
        kore_simulator: KoreSimulator,
        broken: str,
        number: int,
        requests: int,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Where ids matter, an item that cannot be read keeps none of the others from being read, and is told once."""
        kore_simulator.switches(list_broken=broken)
        ids = {kore_simulator.add_campaign() for _ in range(number)}

        listing = client.look_through("voice")

        assert (set(listing), len(listing.unreadable)) == (ids, 1)
        assert all(listing.may_hold(one) for one in ids)
        assert not listing.may_hold("cd-nobody")
        assert len(kore_simulator.requests.of("list")) == requests
        client.look_through("voice")
        (told,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert told.startswith(
            f"the list of voice campaigns: 1 of {number + 1} items cannot be read; the first: list_v2 "
        )

    @pytest.mark.parametrize(
        ("item", "campaign_id", "may_hold"),
        [
            ({"name": "A"}, "cd-1", False),
            ({"name": "A", "campaign": {"ref": "cd-1"}}, "cd-1", True),
            ({"_id": ["cd-1"], "status": "Ready"}, "cd-1", True),
            ({"_id": 7, "status": "Ready"}, "cd-1", False),
            ("cd-1", "cd-1", True),
            (["cd-2"], "cd-1", False),
            (None, "cd-1", False),
            # An item that names its id is that campaign and no other, whatever else it says.
            ({"_id": "cd-1", "name": "A"}, "cd-1", True),
            ({"_id": "cd-2", "name": "like cd-1"}, "cd-1", False),
            ({"_id": "cd-12", "status": None}, "cd-1", False),
        ],
    )
    def test_look_through__may_hold(
        self, service: requests_mock.Mocker, item: object, campaign_id: str, may_hold: bool
    ) -> None:
        """An item that cannot be read may be a campaign if it names its id, or if it names none and has it anywhere."""
        answer = page("cd-9", total=2)
        answer["data"]["results"].append(item)
        service.post(ANY, json=answer)

        with client_of(account()) as client:
            assert client.look_through("voice").may_hold(campaign_id) is may_hold
            assert client.is_listed(campaign_id, "voice") is may_hold

    def test_look_through__alike(self, service: requests_mock.Mocker) -> None:
        """Two items without ids that are alike are two on one page, and the same one where pages overlap."""
        first, second = page("cd-1", total=4, more=True), page(total=4)
        first["data"]["results"] += [None, None]
        second["data"]["results"] = [None, *page("cd-2", total=4)["data"]["results"]]
        service.post(ANY, [{"json": first}, {"json": second}])

        with client_of(account()) as client:
            listing = client.look_through("voice")

        assert (list(listing), len(listing.unreadable)) == (["cd-1", "cd-2"], 2)

    @pytest.mark.parametrize(
        ("name", "options", "error"),
        [
            ("Night 2", {}, "a campaign object without a status: it has the fields _id, name"),
            ("Night 2", {"name_pattern": "Night*"}, "a campaign object without a status: it has the fields _id, name"),
            (7, {"name_pattern": "Night*"}, "a campaign object without a status: it has the fields _id, name"),
            ("Day", {"name_pattern": "Night*"}, None),
        ],
    )
    def test_list_campaigns__broken_item(
        self, service: requests_mock.Mocker, name: object, options: dict[str, Any], error: str | None
    ) -> None:
        """An item that cannot be read is an error where it may be one of those asked for."""
        answer = page("Night 1", total=2)
        answer["data"]["results"].append({"_id": "cd-2", "name": name})
        service.post(ANY, json=answer)

        with client_of(account()) as client:
            if error is None:
                assert [one.name for one in client.list_campaigns("voice", **options)] == ["Night 1"]
            else:
                with pytest.raises(KoreProtocolError) as caught:
                    client.list_campaigns("voice", **options)
                begins = REQUESTS["list_v2"].replace("list_v2", "list_v2 of campaign cd-2")
                assert str(caught.value) == f"{begins}: {error}"

    @pytest.mark.parametrize(
        ("options", "names"),
        [
            ({}, ["Night 1", "Night 2", "day"]),
            ({"statuses": ["Ready"]}, ["Night 1"]),
            ({"statuses": [CampaignStatus.READY, "Active"]}, ["Night 1", "day"]),
            ({"name_pattern": "Night*"}, ["Night 1", "Night 2"]),
            ({"name_pattern": "night*"}, []),
            ({"name_pattern": "Night ?", "statuses": ["Stopped"]}, ["Night 2"]),
            ({"name_pattern": ""}, []),
        ],
    )
    def test_list_campaigns__chosen(
        self, client: KoreClient, kore_simulator: KoreSimulator, options: dict[str, Any], names: list[str]
    ) -> None:
        """A list can be narrowed by status, which the service does, and by name, with regard to case."""
        for name, status in [("Night 1", "Ready"), ("Night 2", "Stopped"), ("day", "Active")]:
            kore_simulator.add_campaign(name=name, status=status)

        assert sorted(campaign.name for campaign in client.list_campaigns("voice", **options)) == names

    @pytest.mark.parametrize(
        ("name", "kind"),
        [("get-all-campaigns-v1", "sms"), ("get-all-campaigns-v2.sms", "sms"), ("get-all-campaigns-v2.voice", "voice")],
    )
    def test_list_campaigns__documented_items(self, service: requests_mock.Mocker, name: str, kind: str) -> None:
        """The items of the documented answers are campaigns of the type that was asked for."""
        body = json.loads((SAMPLES / f"{name}.response.json").read_text())
        items = body["data"]["results"]
        body["data"] |= {"totalResults": len(items), "hasMore": False}
        service.post(ANY, json=body)

        with client_of(account()) as client:
            found = client.list_campaigns(kind)

        assert [campaign.name for campaign in found] == [item["name"] for item in items]
        assert {campaign.campaign_type for campaign in found} == {kind}

    def test_list_campaigns__changed_meanwhile(self, service: requests_mock.Mocker) -> None:
        """A list that changes while it is read is read once more.

        The first campaign is deleted after the first page: the second page begins one further, so the third campaign
        is on neither, and the number of those found is the new total all the same.
        """
        service.post(
            ANY,
            [
                {"json": page("cd-1", "cd-2", total=3, more=True)},
                {"json": page(total=2)},
                {"json": page("cd-2", "cd-3", total=2)},
            ],
        )

        with client_of(account()) as client:
            found = client.list_campaigns("voice")

        assert [campaign.campaign_id for campaign in found] == ["cd-2", "cd-3"]

    @pytest.mark.parametrize(
        ("answers", "held", "total", "requests"),
        [
            ([page("cd-1", total=5)], 1, 5, 4),
            ([page("cd-1", "cd-2", total=1)], 2, 1, 2),
            (
                [page("cd-1", total=2, more=True), page(total=1), page("cd-1", total=2, more=True), page(total=1)],
                1,
                "1 and 2",
                4,
            ),
            # A service that repeats its page for ever is not followed for ever.
            ([page("cd-1", total=5, more=True)], 1, 5, 4),
            ([page(total=5, more=True)], 0, 5, 2),
        ],
    )
    def test_list_campaigns__does_not_add_up(
        self, service: requests_mock.Mocker, answers: list[Any], held: int, total: int | str, requests: int
    ) -> None:
        """Pages that do not add up to the total twice are an error: nothing may be concluded from such a list."""
        service.post(ANY, [{"json": answer} for answer in answers])

        with client_of(account()) as client, pytest.raises(KoreProtocolError) as caught:
            client.list_campaigns("voice")

        assert str(caught.value) == (
            f"{REQUESTS['list_v2']}: the pages hold {held} campaigns, but the service says that there are {total}"
        )
        assert (caught.value.retryable, caught.value.endpoint) == (True, "list_v2")
        assert service.call_count == requests

    def test_count_campaigns__one_request(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """Counting takes one request for one item."""
        for _ in range(3):
            kore_simulator.add_campaign(campaign_type="sms")

        assert client.count_campaigns("sms") == 3
        assert [request.body["limit"] for request in kore_simulator.requests] == [1]

    @pytest.mark.parametrize(("kind", "listed"), [(None, True), ("sms", True), ("voice", False)])
    def test_is_listed__by_type(
        self, client: KoreClient, kore_simulator: KoreSimulator, kind: str | None, listed: bool
    ) -> None:
        """A campaign is in the list of its own type; without a type both are looked at."""
        campaign_id = kore_simulator.add_campaign(campaign_type="sms")

        assert client.is_listed(campaign_id, kind) is listed
        assert client.is_listed("cd-nobody", kind) is False


class TestFind:
    def test_find_campaign__one(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """A name that one campaign has finds it, of either type and only if it is the whole name."""
        campaign_id = kore_simulator.add_campaign(name="Renewal", campaign_type="sms")
        kore_simulator.add_campaign(name="Renewal 2")

        assert client.find_campaign("Renewal").campaign_id == campaign_id

    @pytest.mark.parametrize("name", ["Renewal [1]", "Renewal *", "Renewal ?"])
    def test_find_campaign__no_pattern(self, client: KoreClient, kore_simulator: KoreSimulator, name: str) -> None:
        """A name is no pattern, whatever characters it holds."""
        campaign_id = kore_simulator.add_campaign(name=name)
        kore_simulator.add_campaign(name="Renewal 1")

        assert client.find_campaign(name).campaign_id == campaign_id

    def test_find_campaign__none(self, client: KoreClient) -> None:
        """A name that nobody has is not found."""
        with pytest.raises(KoreNotFoundError, match="there is no campaign named 'Renewal'"):
            client.find_campaign("Renewal")

    def test_find_campaign__several(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """A name that two campaigns have is an error that names both."""
        voice = kore_simulator.add_campaign(name="Renewal")
        sms = kore_simulator.add_campaign(name="Renewal", campaign_type="sms")

        with pytest.raises(KoreProtocolError) as caught:
            client.find_campaign("Renewal")

        assert str(caught.value) == f"2 campaigns are named 'Renewal' ({voice}, {sms}); name one by its id"


class TestFindListed:
    """Campaigns that are looked for in a list of many pages: no more of them are read than that takes."""

    @staticmethod
    def add(simulator: KoreSimulator, number: int, others: int, others_are: str = "Stopped") -> list[str]:
        """Campaigns that run, and others that are newer, so that they come before them in the list."""
        ids = [simulator.add_campaign(name=f"C{one}", status="Active") for one in range(number)]
        for one in range(others):
            simulator.add_campaign(name=f"Old{one}", status=others_are)
        return ids

    def test_find_listed__one_page(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """A list of one page is read whole, as newest first."""
        ids = self.add(kore_simulator, 5, others=95)

        found = client.find_listed(ids, "voice", expected=Expected.RUNNING)

        assert (found.is_whole, len(found), found.may_hold("cd-other")) == (True, 100, False)
        (asked,) = [one.body for one in kore_simulator.requests]
        assert asked == {"limit": 100, "skip": 0, "page": 1, "type": "voice", "sortBy": {"createdAt": "desc"}}

    def test_find_listed__what_runs(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """In a long list what runs is asked for by a filter; from then on at once."""
        ids = self.add(kore_simulator, 5, others=250)

        found = [client.find_listed(ids, "voice", expected=Expected.RUNNING) for _ in range(2)]

        assert [(one.keys() >= set(ids), one.is_whole, one.may_hold("cd-other")) for one in found] == (
            [(True, False, True)] * 2
        )
        asked = [one.body for one in kore_simulator.requests]
        running = {"status": ["Active", "Paused", "Preparing", "Scheduled", "Rescheduled"]}
        assert [one.get("filters") for one in asked] == [None, running, running]
        assert [one["page"] for one in asked] == [1, 1, 1]

    def test_find_listed__what_has_just_changed(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """What was just stopped is on the page of what was changed last."""
        ids = self.add(kore_simulator, 5, others=250)
        for one in ids:
            kore_simulator.set_status(one, "Stopped")

        found = client.find_listed(ids, "voice", expected=Expected.JUST_CHANGED)

        assert {found[one].status for one in ids} == {"Stopped"}
        assert [one.body["sortBy"] for one in kore_simulator.requests] == [{"createdAt": "desc"}, {"updatedAt": "desc"}]

    def test_find_listed__by_neither(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """Where a service takes neither, it is read page by page, and to the end if it must be."""
        ids = self.add(kore_simulator, 5, others=250)
        kore_simulator.fail_next(400, operation="list", skip=1, times=2)

        found = client.find_listed(ids, "voice", expected=Expected.RUNNING)

        assert (found.is_whole, len(found)) == (True, 255)
        assert [(one.body["page"], one.status) for one in kore_simulator.requests] == ([
            (1, 200),
            (1, 400),
            (1, 400),
            (2, 200),
            (3, 200),
        ])

    @pytest.mark.parametrize(("number", "requests"), [(2, 3), (5, 8)])
    def test_find_listed__more_pages_than_campaigns(
        self, client: KoreClient, kore_simulator: KoreSimulator, number: int, requests: int
    ) -> None:
        """Page by page it goes on only for as long as that takes fewer requests than reading each would."""
        ids = self.add(kore_simulator, number, others=590, others_are="Active")

        found = client.find_listed(ids, "voice", expected=Expected.RUNNING)

        assert len(kore_simulator.requests) == requests
        assert (set(ids) <= found.keys()) is (number == 5)

    def test_find_listed__most(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """It ends with as many requests as there is room for."""
        ids = self.add(kore_simulator, 5, others=600, others_are="Active")

        client.find_listed(ids, "voice", expected=Expected.RUNNING, most=2)

        assert len(kore_simulator.requests) == 2

    def test_find_listed__a_page_fails(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """What came before it is told; the first page that fails is an error."""
        ids = self.add(kore_simulator, 5, others=250)
        kore_simulator.fail_next(401, operation="list", skip=1, times=100)

        found = client.find_listed(ids, "voice", expected=Expected.RUNNING)

        assert (len(found), found.is_whole) == (100, False)
        with pytest.raises(KoreAuthenticationError):
            client.find_listed(ids, "voice", expected=Expected.RUNNING)

    def test_find_listed__does_not_add_up(self, service: requests_mock.Mocker) -> None:
        """Pages that do not add up are a part of the list, and prove nothing."""
        service.post(ANY, [{"json": page("cd-1", "cd-2", total=3)}] * 5)

        with client_of(account()) as client:
            found = client.find_listed(["cd-3", "cd-4"], "voice", expected=Expected.RUNNING)

        assert (sorted(found), found.is_whole) == (["cd-1", "cd-2"], False)


class TestExtras:
    """A service that refuses order or filter is asked for plain pages."""

    REFUSALS: ClassVar[dict[str, tuple[int, Any]]] = {
        "400": (400, {"errors": [{"msg": "sortBy is not allowed", "code": 400}]}),
        "412": (412, {"errors": [{"msg": "Validation errors/ Invalid arguments", "code": 412}]}),
        "500": (500, {"errors": [{"msg": "Internal Server Error", "code": 500}]}),
        "200": (200, {"status": "failure", "message": "sortBy is invalid"}),
    }

    @staticmethod
    def refuse(service: requests_mock.Mocker, *extras: str, status: int = 400, body: Any = None) -> None:
        """Let a list of 205 campaigns, ten of which run, refuse a page that is asked for with one of these."""

        def answer(request: Any, context: Any) -> Any:
            asked = request.json()
            if set(extras) & set(asked):
                context.status_code = status
                return body or {"errors": [{"msg": "not allowed", "code": 400}]}
            ids = [f"cd-{number}" for number in range(205)]
            ids = ids[-10:] if "filters" in asked else ids
            shown = ids[asked["skip"] : asked["skip"] + asked["limit"]]
            return page(*shown, total=len(ids), more=asked["skip"] + len(shown) < len(ids))

        service.post(ANY, json=answer)

    @staticmethod
    def asked(service: requests_mock.Mocker) -> list[tuple[int, list[str]]]:
        """Of each request what it skips, and with which extras it asks."""
        bodies = [request.json() for request in service.request_history]
        return [(one["skip"], [name for name in ("sortBy", "filters") if name in one]) for one in bodies]

    @pytest.mark.parametrize("how", list(REFUSALS))
    def test_list_campaigns__no_order(self, service: requests_mock.Mocker, how: str) -> None:
        """The order is dropped at the first refusal, and not asked for again."""
        status, body = self.REFUSALS[how]
        self.refuse(service, "sortBy", status=status, body=body)

        with client_of(account()) as client:
            assert len(client.list_campaigns("voice")) == 205

        assert self.asked(service) == [(0, ["sortBy"]), (0, []), (100, []), (200, [])]

    def test_list_campaigns__no_filter(self, service: requests_mock.Mocker) -> None:
        """A refused filter is dropped alone, and the campaigns are chosen here."""
        self.refuse(service, "filters")

        with client_of(account()) as client:
            assert client.list_campaigns("voice", statuses=["Active"]) == []

        with_order = [(100, ["sortBy"]), (200, ["sortBy"])]
        assert self.asked(service) == [(0, ["sortBy", "filters"]), (0, ["filters"]), (0, ["sortBy"]), *with_order]

    def test_list_campaigns__neither(self, service: requests_mock.Mocker) -> None:
        """Where each alone is refused as well, both are dropped."""
        self.refuse(service, "sortBy", "filters")

        with client_of(account()) as client:
            assert client.list_campaigns("voice", statuses=["Ready"])[-1].campaign_id == "cd-204"

        plain: list[tuple[int, list[str]]] = [(0, []), (100, []), (200, [])]
        assert self.asked(service) == [(0, ["sortBy", "filters"]), (0, ["filters"]), (0, ["sortBy"]), *plain]

    def test_find_listed__no_order(self, service: requests_mock.Mocker) -> None:
        """What runs is found by its filter alone, in as few pages."""
        self.refuse(service, "sortBy")

        with client_of(account()) as client:
            found = client.find_listed(
                [f"cd-{number}" for number in range(195, 205)], "voice", expected=Expected.RUNNING
            )

        assert "cd-204" in found
        assert self.asked(service) == [(0, ["sortBy"]), (0, []), (0, ["filters"])]

    def test_list_campaigns__refused_anyhow(self, service: requests_mock.Mocker) -> None:
        """What is refused without them as well is refused by the first answer, and nothing is dropped."""
        service.post(ANY, json={"errors": [{"msg": "not for you", "code": 400}]}, status_code=400)

        with client_of(account()) as client, pytest.raises(KoreRequestError, match="not for you"):
            client.list_campaigns("voice", api_version="v2")

        assert self.asked(service) == [(0, ["sortBy"]), (0, [])]

    def test_list_campaigns__fails_for_a_while(self, service: requests_mock.Mocker) -> None:
        """A service that fails without them as well is asked again as it was first."""
        service.post(ANY, [{"status_code": 500}, {"status_code": 500}, {"json": page("cd-1", total=1)}])

        with client_of(account()) as client:
            assert [one.campaign_id for one in client.list_campaigns("voice", api_version="v2")] == ["cd-1"]

        assert self.asked(service) == [(0, ["sortBy"]), (0, []), (0, ["sortBy"])]

    def test_list_campaigns__other_trouble(self, service: requests_mock.Mocker) -> None:
        """Any other error, also of the plain page, is told as it is."""
        refused = {"status_code": 400, "json": {"errors": [{"msg": "not allowed", "code": 400}]}}
        service.post(ANY, [refused, {"status_code": 401, "json": {"errors": [{"msg": "no", "code": 401}]}}])

        with client_of(account()) as client, pytest.raises(KoreAuthenticationError):
            client.list_campaigns("voice", api_version="v2")

        assert self.asked(service)[:2] == [(0, ["sortBy"]), (0, [])]


class TestLatestLists:
    """One list for those who look for campaigns at the same time."""

    def test_begun_after(self) -> None:
        """A list of a type serves whoever began before it was asked for; who began later, or just then, has another."""
        now = [10.0]
        lists = LatestLists(lambda: now[0])
        first, other, second, third = Listing(), Listing(), Listing(), Listing()

        assert lists.begun_after(9.0, CampaignType.VOICE, lambda: first) is first
        now[0] = 12.0
        assert lists.begun_after(9.5, CampaignType.VOICE, lambda: second) is first
        assert lists.begun_after(9.5, CampaignType.SMS, lambda: other) is other
        assert lists.begun_after(10.0, CampaignType.VOICE, lambda: second) is second
        assert lists.begun_after(13.0, CampaignType.VOICE, lambda: third) is third

    def test_begun_after__fails(self) -> None:
        """One that could not be read is told to those who waited for it, each in an error of its own."""
        lists = LatestLists(lambda: 10.0)
        error = KoreProtocolError("no list", retryable=True)

        def fail() -> Listing:
            raise error

        told = []
        for _ in range(2):
            with pytest.raises(KoreProtocolError, match=r"^no list$") as caught:
                lists.begun_after(9.0, CampaignType.VOICE, fail)
            told.append(caught.value)

        assert told[0] is not told[1]
        assert [one.retryable for one in told] == [True, True]
        listing = Listing()
        assert lists.begun_after(10.0, CampaignType.VOICE, lambda: listing) is listing


@pytest.mark.parametrize("item", [{"name": "Nightly"}, {"status": "Ready"}], ids=["that name", "no name"])
def test_named__unreadable(item: dict[str, str]) -> None:
    """An item that cannot be read, and may have the name, leaves open which campaign it finds."""
    listing = Listing()
    listing.add([{"_id": "cd-1", "name": "Nightly", "status": "Ready"}, item], account().endpoints["list_v2"])

    with pytest.raises(KoreProtocolError):
        named([listing], "Nightly")


def test_named__another_is_unreadable() -> None:
    """One of another name leaves nothing open."""
    listing = Listing()
    listing.add([{"_id": "cd-1", "name": "Nightly", "status": "Ready"}, {"name": "B"}], account().endpoints["list_v2"])

    assert named([listing], "Nightly").campaign_id == "cd-1"
