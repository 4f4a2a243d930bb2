"""Reading with the client: values, pages of contacts, and reads that are repeated."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests_mock
from kore_support import ACCOUNT, CAMPAIGN, REQUESTS, SECRET, STREAM, account, client_of

from airflow_provider_campaigns.kore.budget import Priority, RequestBudget
from airflow_provider_campaigns.kore.campaigns import CampaignStatus
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.errors import (
    KoreConnectionError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreRateLimitError,
    KoreRequestError,
    KoreServiceError,
)
from airflow_provider_campaigns.kore.retry import Bounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("no_rate_limit")

SAMPLES = Path(__file__).parents[1] / "data" / "kore"
ANY = requests_mock.ANY


@pytest.fixture
def service() -> Iterator[requests_mock.Mocker]:
    """Answers in place of the platform."""
    with requests_mock.Mocker() as mocker:
        yield mocker


class TestGet:
    @pytest.mark.parametrize("version", ["v1", "v2"])
    def test_get_campaign__of_the_service(
        self, client: KoreClient, kore_simulator: KoreSimulator, version: str
    ) -> None:
        """A campaign is read with its status, type and run."""
        campaign_id = kore_simulator.add_campaign(name="A", campaign_type="sms", status="Paused")

        campaign = client.get_campaign(campaign_id, api_version=version)

        assert (campaign.campaign_id, campaign.name, campaign.status) == (campaign_id, "A", "Paused")
        assert campaign.campaign_type == "sms"
        assert campaign.campaign_instance_id == kore_simulator.campaign(campaign_id).instance_id

    @pytest.mark.parametrize("version", ["v1", "v2"])
    def test_get_campaign_status__of_the_service(
        self, client: KoreClient, kore_simulator: KoreSimulator, version: str
    ) -> None:
        """The status alone, also one that nobody knows."""
        campaign_id = kore_simulator.add_campaign(status="Hibernating")

        status = client.get_campaign_status(campaign_id, api_version=version)

        assert status == "Hibernating"
        assert isinstance(status, CampaignStatus)

    @pytest.mark.parametrize("not_found_status", [400, 404])
    def test_get_campaign__missing(
        self, client: KoreClient, kore_simulator: KoreSimulator, not_found_status: int, waits: list[float]
    ) -> None:
        """What the service does not find is an error of its own, at once."""
        kore_simulator.switches(not_found_status=not_found_status)

        with pytest.raises(KoreNotFoundError) as caught:
            client.get_campaign("cd-nobody")

        assert (caught.value.endpoint, caught.value.campaign_id) == ("get_v2", "cd-nobody")
        assert (caught.value.status, caught.value.retryable) == (not_found_status, False)
        assert waits == []

    @pytest.mark.parametrize(
        ("method", "endpoint", "body", "message"),
        [
            (
                "get_campaign",
                "get_v2",
                {"status": "success"},
                "the answer has no 'data' object",
            ),
            ("get_campaign", "get_v2", {"data": []}, "the answer has no 'data' object"),
            ("get_campaign", "get_v2", {"data": {}}, "a campaign object without an id: it has the fields (none)"),
            (
                "get_campaign_status",
                "status_v2",
                {"data": {"id": "cd-1"}},
                "a campaign object without a status: it has the fields id",
            ),
            (
                "get_campaign_status",
                "status_v2",
                {"data": {"id": "cd-2", "status": "Ready"}},
                "the answer is about another campaign, cd-2",
            ),
            (
                "get_contact_page",
                "contacts_v2",
                {"data": {"results": []}},
                "no results or no totals in the answer (it lacks totalResults, or has it in another form)",
            ),
            (
                "get_contact_page",
                "contacts_v2",
                {"data": {"results": [None], "totalPages": 1, "totalResults": 1}},
                "no results or no totals in the answer (it lacks results, or has it in another form)",
            ),
            (
                "list_campaigns",
                "list_v2",
                {"data": {"totalResults": 0}},
                "no results or no total in the answer (it lacks results, or has it in another form)",
            ),
            (
                "list_campaigns",
                "list_v2",
                {"data": {"results": []}},
                "no results or no total in the answer (it lacks totalResults, or has it in another form)",
            ),
            (
                "list_campaigns",
                "list_v2",
                {"data": {"results": ["cd-1"], "totalResults": 1}},
                "a str in the place of a campaign object",
            ),
            (
                "list_campaigns",
                "list_v2",
                {"data": {"results": [{"name": "A"}], "totalResults": 1}},
                "a campaign object without an id: it has the fields name",
            ),
            ("list_campaigns", "list_v2", {"status": "success"}, "the answer has no 'data' object"),
        ],
    )
    def test_read__not_as_documented(
        self, service: requests_mock.Mocker, method: str, endpoint: str, body: object, message: str
    ) -> None:
        """An answer that lacks what its page promises is an error that says what is missing, and of which call."""
        service.request(ANY, ANY, json=body)

        with client_of(account()) as client, pytest.raises(KoreProtocolError) as caught:
            getattr(client, method)("voice" if method == "list_campaigns" else "cd-1")

        begins = REQUESTS[endpoint].replace(CAMPAIGN, "cd-1")
        assert (str(caught.value), caught.value.endpoint) == (f"{begins}: {message}", endpoint)
        assert caught.value.retryable is False


class TestContacts:
    @pytest.mark.parametrize(
        ("contacts", "start_page", "sizes"),
        [(0, 1, [0]), (1, 1, [1]), (100, 1, [100]), (250, 1, [100, 100, 50]), (250, 3, [50]), (250, 4, [0])],
    )
    def test_iter_contact_results__pages(
        self, client: KoreClient, kore_simulator: KoreSimulator, contacts: int, start_page: int, sizes: list[int]
    ) -> None:
        """The results come page by page from the page asked for, and at least one page comes."""
        campaign_id = kore_simulator.add_campaign(status="Completed", contacts=contacts)

        pages = list(client.iter_contact_results(campaign_id, start_page=start_page))

        assert [len(one.contacts) for one in pages] == sizes
        assert [one.page for one in pages] == list(range(start_page, start_page + len(sizes)))
        assert {one.total_results for one in pages} == {contacts}

    def test_get_contact_page__documented(self, service: requests_mock.Mocker) -> None:
        """The documented answer is a page of contact results that shows no phone number."""
        service.post(ANY, text=(SAMPLES / "get-campaign-contacts-v2.response.json").read_text())

        with client_of(account()) as client:
            got = client.get_contact_page(CAMPAIGN)

        assert got.contacts[1].outcome == "completed"
        assert got.contacts[0].raw["phoneNumber"] == "919876543210"
        assert "919876543210" not in repr(got)


class TestSchedule:
    def test_schedule__on_and_off(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """A schedule is set and dropped by the campaign's name; dropping it again changes nothing."""
        campaign_id = kore_simulator.add_campaign(name="Survey & Co")
        plan = {"startDateTime": "2037-01-27 18:29:00", "endDateTime": "2037-02-27 18:29:00"}

        client.enable_schedule("Survey & Co", plan)
        assert kore_simulator.campaign(campaign_id).status == "Scheduled"

        client.disable_schedule("Survey & Co")
        client.disable_schedule("Survey & Co")
        assert kore_simulator.campaign(campaign_id).status == "Ready"

    def test_schedule__repeated_after_trouble(
        self, client: KoreClient, kore_simulator: KoreSimulator, waits: list[float]
    ) -> None:
        """A schedule that was lost is sent again, because the same again changes nothing."""
        kore_simulator.add_campaign(name="Survey")
        kore_simulator.drop_next(after=True, operation="schedule")

        client.disable_schedule("Survey")

        assert len(kore_simulator.requests.of("schedule")) == 2
        assert waits == [0.5]

    def test_schedule__unknown(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """A change of a schedule that stays without an answer has an unknown outcome."""
        kore_simulator.add_campaign(name="Survey")
        kore_simulator.drop_next(operation="schedule", times=5)

        with pytest.raises(KoreConnectionError) as caught:
            client.disable_schedule("Survey")

        assert caught.value.outcome_unknown is True


class TestRepeating:
    """Reads are repeated, within bounds."""

    def test_read__trouble_that_passes(
        self, client: KoreClient, kore_simulator: KoreSimulator, waits: list[float]
    ) -> None:
        """A read that nothing stands in for survives four kinds of trouble in a row, with pauses that double."""
        campaign_id = kore_simulator.add_campaign()
        kore_simulator.fail_next(503)
        kore_simulator.drop_next()
        kore_simulator.truncate_next()
        kore_simulator.garble_next()

        assert client.get_campaign(campaign_id, api_version="v2").status == "Ready"
        assert waits == [0.5, 1.0, 2.0, 4.0]

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_read__trouble_that_stays(
        self, client: KoreClient, kore_simulator: KoreSimulator, waits: list[float], status: int
    ) -> None:
        """After five sendings a read gives up with the last error; reading changes nothing, so that is certain."""
        campaign_id = kore_simulator.add_campaign()
        kore_simulator.fail_next(status, times=5)

        with pytest.raises(KoreServiceError) as caught:
            client.get_campaign(campaign_id, api_version="v2")

        assert (caught.value.status, caught.value.outcome_unknown) == (status, False)
        assert len(kore_simulator.requests) == 5
        assert waits == [0.5, 1.0, 2.0, 4.0]

    def test_read__bounded_in_seconds(self, settings: Any, kore_simulator: KoreSimulator, waits: list[float]) -> None:
        """A read is not sent again after its seconds are over."""
        campaign_id = kore_simulator.add_campaign()
        kore_simulator.fail_next(503, times=5)

        with client_of(settings, waits, bounds=Bounds(seconds=3.0)) as client, pytest.raises(KoreServiceError):
            client.get_campaign(campaign_id, api_version="v2")

        assert waits == [0.5, 1.0]

    @pytest.mark.parametrize(
        ("fault", "expected"),
        [
            ({"status": 429}, [60.5]),
            ({"status": 429, "headers": {"Retry-After": "7"}}, [7.5]),
            ({"status": 200, "body": {"message": "You've exceeded the per-minute rate limit."}}, [60.5]),
        ],
    )
    def test_read__rate_limit(
        self,
        client: KoreClient,
        kore_simulator: KoreSimulator,
        waits: list[float],
        fault: dict[str, Any],
        expected: list[float],
    ) -> None:
        """A rate limit is waited out: as long as the service says, else its whole minute."""
        campaign_id = kore_simulator.add_campaign()
        kore_simulator.fail_next(**fault)

        assert client.get_campaign(campaign_id).status == "Ready"
        assert waits == expected

    def test_read__rate_limit_too_long(
        self, client: KoreClient, kore_simulator: KoreSimulator, waits: list[float]
    ) -> None:
        """A pause of more than 300 s is the caller's to wait for, who is told how long it is."""
        kore_simulator.fail_next(429, headers={"Retry-After": "301"})

        with pytest.raises(KoreRateLimitError) as caught:
            client.get_campaign("cd-1")

        assert (caught.value.retry_after_s, caught.value.retryable) == (301.0, True)
        assert waits == []

    def test_read__refused(self, client: KoreClient, kore_simulator: KoreSimulator, waits: list[float]) -> None:
        """A request that the service refuses, and that nothing stands in for, is sent once."""
        kore_simulator.fail_next(412, times=2)

        with pytest.raises(KoreRequestError):
            client.get_campaign("cd-1", api_version="v2")

        assert len(kore_simulator.requests) == 1
        assert waits == []


class TestClient:
    def test_repr__no_secret(self) -> None:
        """A client shows where it talks to, and for which app."""
        assert repr(client_of(account())) == f"KoreClient('https://platform.kore.ai', stream_id='{STREAM}')"

    def test_init__opens_nothing(
        self, kore_simulator: KoreSimulator, settings: KoreSettings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A client connects when it sends, not when it is made."""
        peers: list[Any] = []
        connect = socket.socket.connect

        def noted(sock: socket.socket, address: Any) -> None:
            peers.append(address[1])
            connect(sock, address)

        monkeypatch.setattr(socket.socket, "connect", noted)

        with client_of(settings) as client:
            assert peers == []
            assert client.list_campaigns("voice") == []
        assert peers == [int(kore_simulator.url.rpartition(":")[2])]

    def test_init__budget_of_the_account(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """By default the budget is the account's, so that all processes of the machine share it."""
        made: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

        class Noted(RequestBudget):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                made.append((args, kwargs))
                super().__init__(*args, **kwargs)

        monkeypatch.setattr("airflow_provider_campaigns.kore.client.RequestBudget", Noted)
        waits: list[float] = []
        KoreClient(account(requests_per_minute=20, urgent_per_minute=3, timeout_s=7), sleep=waits.append)

        [(arguments, options)] = made
        assert arguments == (20,)
        assert options["account_key"] == f"https://platform.kore.ai|{ACCOUNT}"
        assert options["urgent"] == 3
        assert options["max_request_s"] == 17.0
        assert SECRET not in str(made)

    def test_reserve__stops_before_reads(self, settings: KoreSettings, kore_simulator: KoreSimulator) -> None:
        """While room is reserved for stops, reads wait for the rest of the budget, and stops do not."""
        ids = [kore_simulator.add_campaign(status="Active") for _ in range(2)]
        waits: list[float] = []
        budget = RequestBudget(3, account_key=None, clock=lambda: sum(waits), sleep=waits.append)

        with KoreClient(settings, budget=budget, sleep=waits.append) as client, client.reserve(2, duration_s=600):
            client.count_campaigns("voice")
            assert waits == []
            client.count_campaigns("voice")
            after_reads = sum(waits)
            for campaign_id in ids:
                client.stop_campaign(campaign_id, "voice")
            after_stops = sum(waits)
            client.list_campaigns("voice", priority=Priority.STOP)

        # Two of the three places were free for the second read, and kept. The urgent list found all three taken.
        assert (after_reads, after_stops) == pytest.approx((60.0, 60.0), abs=0.5)
        assert sum(waits) == pytest.approx(120.0, abs=0.5)

    def test_close__used_again(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """A closed client opens new connections when it is used again; closing twice is nothing."""
        campaign_id = kore_simulator.add_campaign()

        client.get_campaign(campaign_id)
        client.close()
        client.close()

        assert client.get_campaign(campaign_id).campaign_id == campaign_id
