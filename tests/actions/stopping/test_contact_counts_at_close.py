"""Contacts counted early for a stop at the close, and never late enough to delay it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from contact_counts_support import counts, narrow_client
from fake_clock import FakeClock
from start_support import Notes
from stop_support import add

from airflow_provider_campaigns.actions.stopping.at_close import (
    CloseRun,
    plan_close_run,
    plan_closes,
    serve_what_is_due,
)
from airflow_provider_campaigns.actions.stopping.stop import StopOptions
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.kore.campaigns import CampaignType

if TYPE_CHECKING:
    from airflow_provider_campaigns.actions.outcomes import Outcomes
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("no_rate_limit")


# The fake clock begins on Monday, 2026-03-02 at 12:30 UTC: 18:00 in Kolkata, the close of office hours there.
CLOSE = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
OFFICE_HOURS = CallingHours.parse("Asia/Kolkata", {"MO-FR": "9:00 AM-6:00 PM"}).to_api()
LATER_HOURS = CallingHours.parse("Asia/Kolkata", {"MO-FR": "9:00 AM-7:00 PM"}).to_api()


@pytest.fixture
def notes() -> Notes:
    """What the tries of one task keep."""
    return Notes()


class Evening:
    """A run for the close of Kolkata's office hours, on a clock that passes only while somebody waits."""

    def __init__(self, client: KoreClient, notes: Notes, *, begins_s: float, time: FakeClock | None = None) -> None:
        self.client = client
        self.notes = notes
        self.time = time or FakeClock(elapsed_s=begins_s)
        self.options = StopOptions(CampaignType.VOICE)

    def plan(self, *ids: str, **options: Any) -> CloseRun:
        self.options = StopOptions(CampaignType.VOICE, **options)
        run = plan_close_run(
            self.client,
            [Target(one) for one in ids],
            self.options,
            run_at=CLOSE - timedelta(minutes=10),
            evidence=self.notes,
            clock=self.time.clock,
        )
        return CloseRun.from_json(json.loads(json.dumps(run.as_json())))

    def serve(self, run: CloseRun) -> Outcomes:
        while wake_at := serve_what_is_due(
            self.client,
            run,
            self.options,
            lead_time=timedelta(seconds=60),
            evidence=self.notes,
            clock=self.time.clock,
        ):
            self.time.sleep((wake_at - self.time.clock.now()).total_seconds())
        return run.outcomes


class TestAtTheClose:
    """A campaign that waits for its close is counted when it is planned."""

    @pytest.mark.parametrize("number", [1, 6], ids=["one", "many"])
    def test_plan__counts_early(
        self, kore_simulator: KoreSimulator, client: KoreClient, notes: Notes, number: int
    ) -> None:
        """The number is that of minutes before; from then on nobody counts, and it travels with the deferred run."""
        kore_simulator.switches(stop_empties_results=True)
        evening = Evening(client, notes, begins_s=-600)
        ids = add(kore_simulator, number, status="Active", contacts=40, calling_hours=OFFICE_HOURS)

        run = evening.plan(*ids)

        assert len(kore_simulator.requests.of("contacts")) == number
        for one in ids:
            kore_simulator.campaign(one).contacts = 99
        assert counts(evening.serve(run)) == [40] * number
        assert len(kore_simulator.requests.of("contacts")) == number

    def test_plan__counts_what_is_stopped_after_its_schedule(
        self, kore_simulator: KoreSimulator, client: KoreClient, notes: Notes
    ) -> None:
        """A campaign that runs with a schedule is counted where the schedule may be disabled, and then only."""
        evening = Evening(client, notes, begins_s=-600)
        schedule = {"isSchedulingEnabled": True, "isRecurrenceEnabled": True}
        (one,) = add(kore_simulator, 1, status="Active", contacts=40, calling_hours=OFFICE_HOURS, schedule=schedule)

        evening.plan(one)
        assert len(kore_simulator.requests.of("contacts")) == 0
        run = evening.plan(one, disable_schedule=True)

        assert counts(evening.serve(run)) == [40]
        assert len(kore_simulator.requests.of("contacts")) == 1

    @pytest.mark.parametrize("begins_s", [-90, -60, -2])
    def test_plan__too_near_the_close(
        self, kore_simulator: KoreSimulator, client: KoreClient, notes: Notes, begins_s: float
    ) -> None:
        """In the last minute and a half nothing is counted, neither while planning nor at the close."""
        evening = Evening(client, notes, begins_s=begins_s)
        ids = add(kore_simulator, 5, status="Active", contacts=40, calling_hours=OFFICE_HOURS)

        outcomes = evening.serve(evening.plan(*ids))

        assert counts(outcomes) == [None] * 5
        assert [result["lateness_s"] for result in outcomes.as_dicts()] == [0.0] * 5
        assert len(kore_simulator.requests.of("contacts")) == 0

    @pytest.mark.parametrize(("begins_s", "counted", "waits"), [(-200, 40, [60.0]), (-149, None, [])])
    def test_plan__ends_before_the_last_minute(
        self,
        kore_simulator: KoreSimulator,
        settings: KoreSettings,
        notes: Notes,
        begins_s: int,
        counted: int | None,
        waits: list[float],
    ) -> None:
        """A count waits for its place in the budget, unless that comes in the last minute and a half: then for none."""
        time = FakeClock(elapsed_s=begins_s)
        (campaign,) = add(kore_simulator, 1, status="Active", contacts=40, calling_hours=OFFICE_HOURS)

        with narrow_client(settings, time, limit=1) as client:
            run = Evening(client, notes, begins_s=begins_s, time=time).plan(campaign)

        contacts = run.planned[campaign].contacts
        assert (contacts and contacts.total) == counted
        assert time.waits == waits

    def test_plan__a_later_close_waits_for_no_count(
        self, kore_simulator: KoreSimulator, client: KoreClient, notes: Notes
    ) -> None:
        """A campaign whose close has come is stopped before others are counted."""
        evening = Evening(client, notes, begins_s=30)
        (due,) = add(kore_simulator, 1, status="Active", contacts=40, calling_hours=OFFICE_HOURS)
        (later,) = add(kore_simulator, 1, status="Active", contacts=50, calling_hours=LATER_HOURS)

        run = evening.plan(due, later)
        assert len(kore_simulator.requests.of("contacts")) == 0

        assert counts(evening.serve(run)) == [40, None]

    def test_serve__late_with_a_close_at_hand(
        self, kore_simulator: KoreSimulator, client: KoreClient, notes: Notes
    ) -> None:
        """A late stop is not counted if its count would fall into the last minute before the next close."""
        evening = Evening(client, notes, begins_s=3600 - 80)
        (due,) = add(kore_simulator, 1, status="Active", contacts=40, calling_hours=OFFICE_HOURS)
        (later,) = add(kore_simulator, 1, status="Active", contacts=50, calling_hours=LATER_HOURS)

        assert counts(evening.serve(evening.plan(due, later))) == [None, None]

    @pytest.mark.parametrize("fault", ["fail", "garble"])
    def test_plan__a_passing_fault(
        self, kore_simulator: KoreSimulator, client: KoreClient, notes: Notes, fault: str
    ) -> None:
        """There is time to ask once more for what a passing fault has hit."""
        evening = Evening(client, notes, begins_s=-600)
        ids = add(kore_simulator, 3, status="Active", contacts=40, calling_hours=OFFICE_HOURS)
        if fault == "fail":
            kore_simulator.fail_next(503, operation="contacts", campaign_id=ids[1])
        else:
            kore_simulator.garble_next(operation="contacts", campaign_id=ids[1])

        assert counts(evening.serve(evening.plan(*ids))) == [40, 40, 40]

    def test_plan__a_lasting_fault(self, kore_simulator: KoreSimulator, client: KoreClient, notes: Notes) -> None:
        """A campaign whose contacts cannot be read keeps no other from being counted, and is stopped like them."""
        evening = Evening(client, notes, begins_s=-600)
        ids = add(kore_simulator, 3, status="Active", contacts=40, calling_hours=OFFICE_HOURS)
        kore_simulator.fail_next(400, operation="contacts", times=5, campaign_id=ids[1])

        outcomes = evening.serve(evening.plan(*ids))

        assert counts(outcomes) == [40, None, 40]
        assert len(kore_simulator.requests.of("contacts", campaign_id=ids[1])) == 1

    @pytest.mark.parametrize("is_stopped", [False, True], ids=["before the stop", "after the stop"])
    def test_plan__after_a_killed_try(
        self, kore_simulator: KoreSimulator, client: KoreClient, notes: Notes, *, is_stopped: bool
    ) -> None:
        """A try that died after planning, or after the stops, leaves its number to the next one."""
        kore_simulator.switches(stop_empties_results=True)
        evening = Evening(client, notes, begins_s=-600)
        (campaign,) = add(kore_simulator, 1, status="Active", contacts=40, calling_hours=OFFICE_HOURS)
        run = evening.plan(campaign)
        if is_stopped:
            evening.serve(run)
        kore_simulator.campaign(campaign).contacts = 99

        again = Evening(client, notes, begins_s=-300)
        outcomes = again.serve(again.plan(campaign))

        assert counts(outcomes) == [40]
        assert len(kore_simulator.requests.of("contacts")) == 1

    def test_serve__started_again_since_it_was_planned(
        self, kore_simulator: KoreSimulator, client: KoreClient, notes: Notes
    ) -> None:
        """The number of another run is not that of the run that is stopped."""
        evening = Evening(client, notes, begins_s=-600)
        (campaign,) = add(kore_simulator, 1, status="Active", contacts=40, calling_hours=OFFICE_HOURS)
        run = evening.plan(campaign)
        kore_simulator.restart(campaign)

        assert counts(evening.serve(run)) == [None]

    def test_plan_closes__counts_nothing(self, kore_simulator: KoreSimulator, client: KoreClient, notes: Notes) -> None:
        """A plan reads each campaign and nothing more."""
        evening = Evening(client, notes, begins_s=-600)
        (campaign,) = add(kore_simulator, 1, status="Active", contacts=40, calling_hours=OFFICE_HOURS)

        run = evening.plan(campaign, plan_only=True)
        plan_closes(client, run, evening.options, clock=evening.time.clock)

        assert counts(run.outcomes) == [None]
        assert len(kore_simulator.requests.of("contacts")) == 0
        assert notes.entries == {}

    def test_from_json__of_a_version_that_did_not_count(
        self, kore_simulator: KoreSimulator, client: KoreClient
    ) -> None:
        """A task that was deferred before an upgrade goes on after it."""
        (campaign,) = add(kore_simulator, 1, status="Active", contacts=40, calling_hours=OFFICE_HOURS)
        stored = Evening(client, Notes(), begins_s=-600).plan(campaign).as_json()
        del stored["planned"][0]["contacts"]

        run = CloseRun.from_json(stored)

        assert run.planned[campaign].contacts is None
