"""The number of contact results before a stop: read where it costs no stop anything, and kept from then on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from contact_counts_support import counts, narrow_client
from fake_clock import FakeClock
from start_support import Notes
from stop_support import add

from airflow_provider_campaigns.actions.deleting.delete import DeleteOptions, delete_campaigns
from airflow_provider_campaigns.actions.outcomes import Outcomes
from airflow_provider_campaigns.actions.stopping import contact_counts
from airflow_provider_campaigns.actions.stopping.contact_counts import ContactCount
from airflow_provider_campaigns.actions.stopping.stop import StopOptions, stop_campaigns, stop_one
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignType
from airflow_provider_campaigns.kore.runs import named_run

if TYPE_CHECKING:
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("no_rate_limit")


Stop = Callable[..., Outcomes]


@pytest.fixture
def notes() -> Notes:
    """What the tries of one task keep."""
    return Notes()


@pytest.fixture
def stop(client: KoreClient, fake_clock: FakeClock, notes: Notes) -> Stop:
    """Stops campaigns at once, as one task."""

    def stop(*ids: str, campaign_type: str = "voice", **options: Any) -> Outcomes:
        stop_options = StopOptions(CampaignType(campaign_type), **options)
        return stop_campaigns(
            client, [Target(one) for one in ids], stop_options, evidence=notes, clock=fake_clock.clock
        )

    return stop


class TestAtOnce:
    """A campaign that is stopped now is counted first, where the request budget has room for it."""

    @pytest.mark.parametrize("campaign_type", ["voice", "sms"])
    @pytest.mark.parametrize("number", [1, 5], ids=["one", "many"])
    def test_stop__counts_before_it_sends(
        self, kore_simulator: KoreSimulator, stop: Stop, campaign_type: str, number: int
    ) -> None:
        """The number is that before the stop, also if the stop empties the results."""
        kore_simulator.switches(stop_empties_results=True)
        ids = add(kore_simulator, number, status="Active", contacts=1200, campaign_type=campaign_type)

        assert counts(stop(*ids, campaign_type=campaign_type)) == [1200] * number
        assert {request.body["limit"] for request in kore_simulator.requests.of("contacts")} == {1}

    def test_stop__never_counts_what_does_not_run(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """What is sent no stop, and a plan, cost no request more."""
        (ready,) = add(kore_simulator, 1, status="Ready", contacts=3)
        (ended,) = add(kore_simulator, 1, status="Completed", contacts=3)
        (running,) = add(kore_simulator, 1, status="Active", contacts=3)

        assert counts(stop(ready, ended)) == [None, None]
        assert counts(stop(running, plan_only=True)) == [None]
        assert len(kore_simulator.requests.of("contacts")) == 0

    def test_stop__counts_only_beside_the_stops(
        self, kore_simulator: KoreSimulator, settings: KoreSettings, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Of 15 places 1 is taken by the list, 6 by five stops and their list, 2 are the room: 6 are left for five."""
        time = FakeClock()
        ids = add(kore_simulator, 5, status="Active", contacts=9)

        with narrow_client(settings, time, limit=15) as client:
            outcomes = stop_campaigns(
                client, [Target(one) for one in ids], StopOptions(CampaignType.VOICE), clock=time.clock
            )

        assert counts(outcomes) == [9] * 5
        assert time.waits == []

    @pytest.mark.parametrize(("limit", "counted"), [(11, 2), (9, 0)])
    def test_stop__leaves_out_what_has_no_room(
        self,
        kore_simulator: KoreSimulator,
        settings: KoreSettings,
        caplog: pytest.LogCaptureFixture,
        limit: int,
        counted: int,
    ) -> None:
        """A list, five stops and a list take seven places, and reads leave two: what has no room is left out."""
        caplog.set_level(logging.INFO, logger=contact_counts.__name__)
        time = FakeClock()
        ids = add(kore_simulator, 5, status="Active", contacts=9)

        with narrow_client(settings, time, limit=limit) as client:
            outcomes = stop_campaigns(
                client, [Target(one) for one in ids], StopOptions(CampaignType.VOICE), clock=time.clock
            )

        found = counts(outcomes)
        assert (found.count(9), found.count(None)) == (counted, 5 - counted)
        assert time.waits == []
        (line,) = [record.getMessage() for record in caplog.records if record.name == contact_counts.__name__]
        assert line == (
            f"contact results before the stop: counted for {counted} campaigns, left out for {5 - counted} "
            "(KoreBudgetError)"
        )

    @pytest.mark.parametrize("others", [0, 7], ids=["one", "many"])
    def test_stop__sms_that_tells_nothing(
        self, kore_simulator: KoreSimulator, stop: Stop, caplog: pytest.LogCaptureFixture, others: int
    ) -> None:
        """A service that knows no contact results of SMS is no reason to fail; the kind of its answer is logged."""
        caplog.set_level(logging.INFO)
        kore_simulator.switches(sms_results="error")
        ids = add(kore_simulator, 1 + others, status="Active", campaign_type="sms")

        assert counts(stop(*ids, campaign_type="sms")) == [None] * len(ids)

        (line,) = [one for one in caplog.messages if "contact results" in one]
        assert line == (
            f"contact results before the stop: counted for 0 campaigns, left out for {len(ids)} (KoreRequestError)"
        )
        for one in ids:
            kore_simulator.assert_one_effect("stop", one)

    @pytest.mark.parametrize("fault", ["fail_next", "drop_next", "truncate_next", "garble_next"])
    def test_stop__an_answer_that_goes_wrong(self, kore_simulator: KoreSimulator, stop: Stop, fault: str) -> None:
        """Whatever becomes of the count, it is not repeated and the campaign is stopped."""
        (campaign,) = add(kore_simulator, 1, status="Active", contacts=9)
        arguments = {"status": 500} if fault == "fail_next" else {}
        getattr(kore_simulator, fault)(operation="contacts", **arguments)

        outcomes = stop(campaign)

        assert counts(outcomes) == [None]
        assert outcomes.as_dicts()[0]["status"] == "Stopped"
        assert len(kore_simulator.requests.of("contacts")) == 1

    def test_stop__an_answer_that_does_not_come(
        self, kore_simulator: KoreSimulator, stop: Stop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A count that hangs is given up long before the account's own time-out of two seconds."""
        monkeypatch.setattr(contact_counts, "PATIENCE_S", 0.2)
        (campaign,) = add(kore_simulator, 1, status="Active", contacts=9)
        kore_simulator.hang_next(1.5, operation="contacts")

        assert counts(stop(campaign)) == [None]
        kore_simulator.assert_one_effect("stop", campaign)

    def test_stop__a_slow_service(
        self,
        kore_simulator: KoreSimulator,
        client: KoreClient,
        stop: Stop,
        fake_clock: FakeClock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """After five seconds no further count begins: of 30 only those that were on their way, at most eight."""
        ids = add(kore_simulator, 30, status="Active", contacts=9)
        count = client.count_contact_results

        def slow_count(*args: Any, **kwargs: Any) -> int:
            total = count(*args, **kwargs)
            fake_clock.elapsed_s += 5.0
            return total

        monkeypatch.setattr(client, "count_contact_results", slow_count)

        assert 1 <= counts(stop(*ids)).count(9) <= 8

    def test_stop__a_credential_problem_asks_no_further(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """A refusal that would meet the next count as well is not asked for again: at most eight were on their way."""
        ids = add(kore_simulator, 30, status="Active", contacts=9)
        kore_simulator.fail_next(403, operation="contacts", times=30)

        assert counts(stop(*ids)) == [None] * 30
        assert len(kore_simulator.requests.of("contacts")) <= 8


class TestAcrossTries:
    """What was counted by an earlier try holds: after the stop the service may say less."""

    def test_stop__ended_since(self, kore_simulator: KoreSimulator, stop: Stop) -> None:
        """A campaign that the next try finds stopped keeps the number, though the stop has emptied the results."""
        kore_simulator.switches(stop_empties_results=True)
        (campaign,) = add(kore_simulator, 1, status="Active", contacts=70)
        stop(campaign)

        outcomes = stop(campaign)

        assert counts(outcomes) == [70]
        assert outcomes.as_dicts()[0]["changed"] is False
        assert len(kore_simulator.requests.of("contacts")) == 1

    def test_stop__still_running(self, kore_simulator: KoreSimulator, stop: Stop, notes: Notes) -> None:
        """A try that died before its stop has counted already; the number of then is the one that counts."""
        (campaign,) = add(kore_simulator, 1, status="Active", contacts=70)
        run = kore_simulator.campaign(campaign).instance_id
        notes.entries[campaign] = {
            "campaign_instance_id": run,
            "sent_at": "2026-03-02T12:29:00.000Z",
            "contacts_before_stop": 69,
        }

        assert counts(stop(campaign)) == [69]
        assert len(kore_simulator.requests.of("contacts")) == 0
        assert notes.entries[campaign]["contacts_before_stop"] == 69

    def test_stop__counted_twice(
        self, kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock, notes: Notes
    ) -> None:
        """Of two counts of one run the earliest holds, that of an earlier try."""
        (campaign,) = add(kore_simulator, 1, status="Active", contacts=70)
        run = kore_simulator.campaign(campaign).instance_id
        notes.entries[campaign] = {"campaign_instance_id": run, "contacts_before_stop": 69}

        outcomes = stop_campaigns(
            client,
            [Target(campaign)],
            StopOptions(CampaignType.VOICE),
            contacts={campaign: contact_counts.ContactCount(80, run)},
            evidence=notes,
            clock=fake_clock.clock,
        )

        assert counts(outcomes) == [69]

    def test_stop__sent_but_never_counted(self, kore_simulator: KoreSimulator, stop: Stop, notes: Notes) -> None:
        """What was sent a stop may have lost results already, so a number of now would be none from before it."""
        (campaign,) = add(kore_simulator, 1, status="Active", contacts=70)
        run = kore_simulator.campaign(campaign).instance_id
        notes.entries[campaign] = {"campaign_instance_id": run, "sent_at": "2026-03-02T12:29:00.000Z"}

        assert counts(stop(campaign)) == [None]
        assert len(kore_simulator.requests.of("contacts")) == 0

    def test_stop__counted_in_an_earlier_run(self, kore_simulator: KoreSimulator, stop: Stop, notes: Notes) -> None:
        """A number of an earlier run of the campaign says nothing about this one, and does not keep it from a stop."""
        (campaign,) = add(kore_simulator, 1, status="Active", contacts=70)
        notes.entries[campaign] = {"campaign_instance_id": "cid-earlier", "contacts_before_stop": 5000}

        outcomes = stop(campaign)

        assert counts(outcomes) == [70]
        assert outcomes.as_dicts()[0]["changed"] is True

    def test_delete__stops_and_does_not_count(
        self, kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock, notes: Notes
    ) -> None:
        """A delete that stops first counts nothing: no report is compared, and nothing comes between look and stop."""
        (campaign,) = add(kore_simulator, 1, status="Active", contacts=70)

        outcomes = delete_campaigns(
            client,
            [Target(campaign)],
            DeleteOptions(if_unreported="delete"),
            stop=stop_one(client, notes, clock=fake_clock.clock),
            clock=fake_clock.clock,
        )

        assert outcomes.failures == {}
        assert list(notes.entries) == [campaign]
        assert list(kore_simulator.requests.of("contacts")) == []


@pytest.mark.parametrize(
    ("counted", "read", "is_of"),
    [
        ("cid-1", "cid-1", True),
        ("cid-1", "cid-2", False),
        # A count survives what names no run.
        ("cid-1", None, True),
        (None, "cid-1", True),
        (None, None, True),
    ],
)
def test_is_of__unless_it_is_another_run(counted: str | None, read: str | None, is_of: bool) -> None:
    """A count is of the campaign's run unless that is known to be another."""
    campaign = Campaign.from_api({"_id": "cd-1", "status": "Stopped", "campaignInstanceId": read})

    assert ContactCount(70, named_run(counted)).is_of(campaign) is is_of
