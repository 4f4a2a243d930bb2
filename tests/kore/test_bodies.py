"""What an answer is about is found where it cannot be mistaken, wherever it stands; nothing else is taken for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_campaigns.kore.bodies import campaign_in, contact_page_in
from airflow_provider_campaigns.kore.campaigns import Campaign
from airflow_provider_campaigns.kore.endpoints import ENDPOINTS
from airflow_provider_campaigns.kore.errors import KoreProtocolError
from airflow_provider_campaigns.kore.writes import DeleteGoal

if TYPE_CHECKING:
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

GET = ENDPOINTS["get_v2"]
OK = {"status": "success", "message": "Campaign  retrieved successfully"}
ACTIVE = {"_id": "cd-1", "status": "Active"}


@pytest.mark.parametrize(
    "body",
    [
        OK | {"data": ACTIVE},
        OK | ACTIVE,
        ACTIVE,
        OK | {"data": [ACTIVE]},
        OK | {"data": {"campaign": ACTIVE}},
        OK | {"result": ACTIVE},
        OK | {"response": {"data": ACTIVE}},
        OK | {"data": {"id": "cd-1", "campaignStatus": "Active"}},
        OK | {"data": {"campaignId": "cd-1", "state": "ACTIVE"}},
        OK | {"id": "cd-1", "state": "active"},
        OK | {"data": {"campId": "cd-1", "status": {"name": "Active"}}},
        OK | {"data": {"_id": "cd-1", "status": {"status": "Active", "since": 1}}},
        OK | {"data": {"_id": "cd-1", "status": "success", "campaignStatus": "Active"}},
        OK | {"data": {"_id": "cd-1", "status": "Active", "contactLists": [{"_id": "cl-1", "status": "Ready"}]}},
    ],
)
def test_campaign_in__any_shape(body: dict[str, Any]) -> None:
    """The campaign that was asked for is found by its id and a known status."""
    campaign = campaign_in(body, GET, "cd-1")

    assert (campaign.campaign_id, campaign.status) == ("cd-1", "Active")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (OK, "the answer has no 'data' object"),
        (OK | {"id": "cd-1"}, "the answer has no 'data' object"),
        (OK | {"id": "cd-1", "state": "Running"}, "the answer has no 'data' object"),
        (OK | {"data": [ACTIVE, ACTIVE]}, "the answer has no 'data' object"),
        (OK | {"a": {"b": {"c": ACTIVE}}}, "the answer has no 'data' object"),
        (OK | {"data": {"status": "Active"}}, "a campaign object without an id"),
        (OK | {"data": {"_id": "cd-1", "state": "Active!"}}, "a campaign object without a status"),
        (OK | {"data": {"_id": "cd-1", "status": ["Active"]}}, "a campaign object without a status"),
        (OK | {"data": {"_id": "cd-2", "status": "Active"}}, "the answer is about another campaign, cd-2"),
        (OK | {"data": {"_id": "cd-2", "status": "Active", "copyOf": "cd-1"}}, "about another campaign, cd-2"),
    ],
)
def test_campaign_in__nothing_else(body: dict[str, Any], said: str) -> None:
    """What could be another campaign, or no status, is not taken for it."""
    with pytest.raises(KoreProtocolError, match=said):
        campaign_in(body, GET, "cd-1")


def test_campaign_in__beside_another() -> None:
    """Of several campaigns in an answer it is the one that was asked for."""
    body = {"before": {"_id": "cd-2", "status": "Active"}, "campaign": {"_id": "cd-1", "status": "Stopped"}}

    assert (campaign_in(body, GET, "cd-1").campaign_id, campaign_in(body, GET, "cd-1").status) == ("cd-1", "Stopped")


@pytest.mark.parametrize(("is_whole", "is_at_rest"), [(True, True), (False, False)])
def test_campaign__status_alone(*, is_whole: bool, is_at_rest: bool) -> None:
    """A campaign of which only the status is known is not at rest: it may have a schedule."""
    campaign = Campaign.from_api({"_id": "cd-1", "status": "Stopped"}, is_whole=is_whole)

    assert campaign.is_at_rest is is_at_rest


def test_campaign_in__unknown_status() -> None:
    """A status that nobody documented is kept as it is, where statuses stand."""
    body = OK | {"data": {"_id": "cd-1", "status": "In Progress", "state": "Running"}}

    assert campaign_in(body, GET, "cd-1").status == "In Progress"


@pytest.mark.parametrize(
    "wrap", [lambda page: {"data": page}, lambda page: page, lambda page: {"data": {"page": page}}]
)
def test_contact_page_in__any_shape(wrap: Any) -> None:
    """A page is found by its rows and its total."""
    page = {"results": [{"dialerOutcome": "answered"}], "totalPages": 1, "totalResults": 1}

    found = contact_page_in(OK | wrap(page), ENDPOINTS["contacts_v2"], "cd-1", 1, 100)

    assert (found.total_results, found.contacts[0].outcome) == (1, "answered")


@pytest.mark.parametrize(
    ("body", "is_done"),
    [
        ({"data": {"_id": "cd-1"}}, True),
        ({"_id": "cd-1"}, True),
        ({"data": {"campaign": {"campaignId": "cd-1"}}}, True),
        ({"data": {"contactLists": [{"_id": "cl-1"}]}}, False),
        ({"message": "Campaign cd-1 deleted"}, False),
    ],
)
def test_delete__any_shape(body: dict[str, Any], *, is_done: bool) -> None:
    """A delete is done where the campaign's id is echoed, wherever that is."""
    assert (DeleteGoal("cd-1").recognise(OK | body) is not None) is is_done


@pytest.mark.parametrize("shape", ["bare", "wrapped", "other names"])
def test_client__any_shape(client: KoreClient, kore_simulator: KoreSimulator, no_rate_limit: None, shape: str) -> None:
    """The client reads, lists, counts, stops and deletes where every answer has another shape."""
    kore_simulator.switches(answer_shape=shape)
    campaign_id = kore_simulator.add_campaign(status="Active", contacts=3)

    assert client.get_campaign(campaign_id).status == "Active"
    assert client.get_campaign_status(campaign_id) == "Active"
    assert [one.campaign_id for one in client.list_campaigns("voice")] == [campaign_id]
    assert client.stop_campaign(campaign_id, "voice").sendings == 1
    assert client.delete_campaign(campaign_id, "voice").sendings == 1
    assert {one.version for one in kore_simulator.requests.of("get", "status", "list")} == {"v2"}


ROWS = [{"dialerOutcome": "answered"}, {"dialerOutcome": "busy"}, {}]


@pytest.mark.parametrize(
    "page",
    [
        {"results": ROWS, "page": "2", "totalPages": "4", "totalResults": "303"},
        {"results": ROWS, "page": 2.0, "totalPages": 4.0, "totalResults": 303.0},
        {"results": ROWS, "page": " 2 ", "totalPages": 4, "totalResults": "0303"},
        {"contacts": ROWS, "page": 2, "totalPages": 4, "totalResults": 303},
    ],
)
def test_contact_page_in__other_forms(page: dict[str, Any]) -> None:
    """Numbers are read as text and with a point, and rows that are called contacts."""
    found = contact_page_in(OK | {"data": page}, GET, "cd-1", 1, 100)

    assert (found.page, found.total_pages, found.total_results, len(found.contacts)) == (2, 4, 303, 3)


NO_NUMBER = ["", "three", "3.5", "-3", "+3", "1e3", "٣", 3.5, -3, True, None, [3], "9" * 5000]


@pytest.mark.parametrize("total", NO_NUMBER)
def test_contact_page_in__no_number(total: object) -> None:
    """Anything else is no number of rows, and the message names the field."""
    page = {"results": ROWS, "totalPages": 1, "totalResults": total}
    words = r"no results or no totals in the answer \(it lacks totalResults, or has it in another form\)"

    with pytest.raises(KoreProtocolError, match=words):
        contact_page_in(OK | {"data": page}, GET, "cd-1", 1, 100)


@pytest.mark.parametrize("pages", NO_NUMBER)
@pytest.mark.parametrize(("named", "asked", "expected"), [({}, 100, 3), ({"limit": 50}, 100, 6), ({"limit": 0}, 99, 4)])
def test_contact_page_in__no_number_of_pages(pages: object, named: dict[str, int], asked: int, expected: int) -> None:
    """How many pages there are follows from the number of rows and from the size of a page."""
    page = {"results": ROWS, "totalResults": 300, "totalPages": pages} | named

    assert contact_page_in(OK | {"data": page}, GET, "cd-1", 1, asked).total_pages == expected


def test_contact_page_in__null_for_none() -> None:
    """Null in the place of no rows is an empty page; of some it is none."""
    page = {"results": None, "totalPages": 0, "totalResults": 0}
    assert contact_page_in(OK | {"data": page}, GET, "cd-1", 1, 100).contacts == ()

    with pytest.raises(KoreProtocolError, match="it lacks results"):
        contact_page_in(OK | {"data": page | {"totalResults": 1}}, GET, "cd-1", 1, 100)


@pytest.mark.parametrize("rows", [{"contacts": ROWS, "campaigns": ROWS}, {"contacts": {"1": {}}}, {"rows": ROWS}])
def test_contact_page_in__ambiguous_rows(rows: dict[str, Any]) -> None:
    """Rows are taken from nowhere that may be something else."""
    with pytest.raises(KoreProtocolError):
        contact_page_in(OK | {"data": rows | {"totalPages": 1, "totalResults": 3}}, GET, "cd-1", 1, 100)
