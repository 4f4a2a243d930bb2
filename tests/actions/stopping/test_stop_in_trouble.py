"""Stops of which some are in trouble: what one needs holds up no other, and one list tells of many."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from report_support import account_of
from shared_time import BEGINS, SharedTime
from stop_support import SCHEDULED, Stop, add, failure

from airflow_provider_campaigns.actions.stopping.moment import StopMoment
from airflow_provider_campaigns.actions.stopping.stop import StopOptions, stop_campaigns
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignType
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.errors import CampaignStateError
from airflow_provider_campaigns.kore.settings import KoreSettings
from airflow_provider_campaigns.simulator import KoreSimulator, Switches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fake_clock import FakeClock

    from airflow_provider_campaigns.actions.audit import Change
    from airflow_provider_campaigns.actions.outcomes import Outcomes

CLOSE_S = 10.0


class Evening:
    """Campaigns that are stopped at a close, with a budget of so many requests a minute."""

    def __init__(self, simulator: KoreSimulator, time: SharedTime) -> None:
        self.simulator = simulator
        self.time = time
        self.planned: dict[str, Campaign] = {}

    def stop(self, ids: list[str], *, limit: int = 60, opens_s: float | None = None, **options: Any) -> Outcomes:
        """Stop them at the close; they open again so many seconds after it. They are as when this was planned."""
        account = KoreSettings(**account_of(self.simulator))
        time = self.time
        budget = RequestBudget(limit, account_key=None, clock=time.monotonic, sleep=time.sleep)
        expires = {} if opens_s is None else dict.fromkeys(ids, BEGINS + timedelta(seconds=CLOSE_S + opens_s))
        with KoreClient(account, budget=budget, clock=time.monotonic, sleep=time.sleep, jitter=lambda: 0.5) as client:
            return stop_campaigns(
                client,
                [Target(one) for one in ids],
                StopOptions(CampaignType.VOICE, **options),
                planned=self.planned,
                moment=StopMoment(BEGINS + timedelta(seconds=CLOSE_S), expires=expires),
                clock=time.clock,
            )

    def times(self, operation: str) -> list[float]:
        """When requests came, in seconds from the close."""
        return [round(record.monotonic - CLOSE_S, 1) for record in self.simulator.requests.of(operation)]


@pytest.fixture
def evening() -> Iterator[Evening]:
    """An evening that begins now, on a clock that stands still while anybody works."""
    with (
        SharedTime() as time,
        KoreSimulator(clock=time.of_service, switches=Switches(rate_limit=60)) as simulator,
    ):
        yield Evening(simulator, time)


def test_stop__five_in_doubt_of_thirty(evening: Evening) -> None:
    """The others are proven at once; those in doubt are looked up in one list, and sent again after 10 s."""
    ids = add(evening.simulator, 30, status="Active")
    for one in ids[:5]:
        evening.simulator.fail_next(503, operation="stop", campaign_id=one)

    outcomes = evening.stop(ids)

    assert [one["status"] for one in outcomes.as_dicts()] == ["Stopped"] * 30
    assert evening.times("stop") == [0.0] * 30 + [10.0] * 5
    # The last look, the proof of the others, the look right before they are sent again, and their proof.
    assert evening.times("list") == [-3.0, 0.0, 10.0, 10.0]
    assert evening.times("get") == []
    assert [one["confirmed_at"] for one in outcomes.as_dicts()] == (
        ["2026-03-02T12:30:20.000Z"] * 5 + ["2026-03-02T12:30:10.000Z"] * 25
    )
    for one in ids:
        evening.simulator.assert_one_effect("stop", one)


def test_stop__three_in_doubt(evening: Evening) -> None:
    """Few are read by themselves, and the proof of what is not in doubt takes no part in that."""
    ids = add(evening.simulator, 3, status="Active")
    evening.simulator.fail_next(503, operation="stop", campaign_id=ids[0])

    outcomes = evening.stop(ids)

    assert outcomes.failures == {}
    assert evening.times("stop") == [0.0] * 3 + [10.0]
    assert evening.times("list") == []
    after = [(round(one.monotonic - CLOSE_S, 1), one.campaign_id) for one in evening.simulator.requests.of("get")]
    assert [one for one in after if one[0] > 0] == [(at, ids[0]) for at in (1.0, 3.0, 6.0, 10.0, 10.0)]


def test_stop__hours_begin_while_it_waits_for_a_place(evening: Evening) -> None:
    """What is still unsent when its hours begin again, because the budget was used up, is not sent any more."""
    ids = add(evening.simulator, 8, status="Active")

    outcomes = evening.stop(ids, limit=6, opens_s=30.0)

    # The last look has one of the six places.
    assert evening.times("stop") == [0.0] * 5
    late = [one for one in ids if one in outcomes.failures]
    assert len(late) == 3
    for one in late:
        error = failure(outcomes, one)
        assert isinstance(error, CampaignStateError)
        assert error.retryable
        assert "began again at 2026-03-02T12:30:40.000Z" in str(error)
        assert evening.simulator.campaign(one).status == "Active"


def test_stop__run_anew_while_it_waits_for_a_place(evening: Evening) -> None:
    """What has waited for its place is looked at again, and a run that somebody started meanwhile is left alone."""
    ids = add(evening.simulator, 8, status="Active")
    started: list[str] = []

    def restart() -> None:
        waiting = [one for one in ids if evening.simulator.campaign(one).status == "Active"]
        started.extend(waiting[:2])
        for one in started:
            evening.simulator.restart(one)

    evening.time.at(CLOSE_S + 20, restart)

    outcomes = evening.stop(ids, limit=6)

    assert len(started) == 2
    for one in started:
        assert "was started again while it was to be stopped" in str(failure(outcomes, one))
        assert evening.simulator.campaign(one).status == "Active"
    assert len(outcomes.results) == 6
    assert len(evening.times("stop")) == 6


def test_stop__hours_begin_before_it_is_sent_once_more(evening: Evening) -> None:
    """A stop whose answer said nothing, and that does not show, is sent again after a minute; but not inside hours."""
    ids = add(evening.simulator, 4, status="Active")
    evening.simulator.fail_next(200, body={"status": "success"}, operation="stop", campaign_id=ids[0])

    outcomes = evening.stop(ids, opens_s=30.0, confirm_timeout_s=120.0)

    assert evening.times("stop") == [0.0] * 4
    assert list(outcomes.failures) == [ids[0]]


def test_stop__once_more_has_no_place(evening: Evening) -> None:
    """Where the second stop would wait for its place, it is sent after a later look."""
    ids = add(evening.simulator, 4, status="Active")
    evening.simulator.fail_next(200, body={"status": "success"}, operation="stop", campaign_id=ids[0])
    evening.time.at(CLOSE_S + 58, lambda: evening.simulator.fail_next(429, operation="list"))

    outcomes = evening.stop(ids)

    assert outcomes.failures == {}
    assert len(evening.times("stop")) == 5


@pytest.mark.parametrize(
    ("others", "fails", "lists"),
    # One of each type, the last look, and the proof; else they are read at the close.
    [
        pytest.param(0, 0, [-10.0, -10.0, -3.0, 0.0], id="one page"),
        pytest.param(150, 0, [-10.0, -10.0, -3.0, 0.0, 0.0, 0.0, 0.0], id="more pages"),
        pytest.param(0, 1_000, [-3.0, 0.0, 0.0, 0.0], id="not answered"),
    ],
)
def test_stop__schedules_of_many(evening: Evening, others: int, fails: int, lists: list[float]) -> None:
    """Whose schedules they are is read before the close, if that is short; the first stop goes out at the close."""
    ids = [evening.simulator.add_campaign(name=f"N{n}", status="Active", schedule=SCHEDULED) for n in range(6)]
    for number in range(others):
        evening.simulator.add_campaign(name=f"Other {number}", status="Ready")
    evening.planned = {
        one: Campaign.from_api({"id": one, "name": f"N{n}", "status": "Active", "schedule": SCHEDULED})
        for n, one in enumerate(ids)
    }

    if fails:
        evening.simulator.fail_next(503, operation="list", times=fails)
        evening.time.at(CLOSE_S - 3.5, evening.simulator.clear_faults)

    outcomes = evening.stop(ids, disable_schedule=True)

    assert [(one["status"], one["schedule_disabled"]) for one in outcomes.as_dicts()] == [("Stopped", True)] * 6
    assert evening.times("stop") == [0.0] * 6
    assert evening.times("schedule") == [0.0] * 6
    assert [one for one in evening.times("list") if not fails or one >= -3] == lists


def test_stop__doubt_that_cannot_be_read(evening: Evening) -> None:
    """One in doubt of which no reading is answered any more is unknown, and a retry may tell."""
    ids = add(evening.simulator, 3, status="Active")
    evening.simulator.fail_next(503, operation="stop", campaign_id=ids[0])
    evening.simulator.fail_next(401, operation=("get", "status", "list"), skip=3, times=1_000)

    error = failure(evening.stop(ids), ids[0])

    assert error.outcome_unknown


def test_stop__doubts_that_no_list_tells_of(evening: Evening) -> None:
    """Nor is any of many in doubt where the account is locked out while their list is to be read."""
    ids = add(evening.simulator, 6, status="Active")
    for one in ids[:5]:
        evening.simulator.fail_next(503, operation="stop", campaign_id=one)
    refuse = partial(evening.simulator.fail_next, 401, operation=("get", "status", "list"), times=1_000)
    evening.time.at(CLOSE_S + 5, refuse)

    outcomes = evening.stop(ids)

    assert [failure(outcomes, one).outcome_unknown for one in ids[:5]] == [True] * 5
    assert list(outcomes.results) == [ids[5]]
    assert evening.times("stop") == [0.0] * 6


class Noted:
    """Who is told of changes."""

    def __init__(self) -> None:
        self.changes: list[Change] = []

    def record(self, change: Change) -> None:
        self.changes.append(change)


@pytest.fixture
def client(settings: KoreSettings, kore_simulator: KoreSimulator) -> Iterator[KoreClient]:
    """A client that waits for an answer for longer than one takes that hangs here."""
    kore_simulator.switches(rate_limit=None)
    with KoreClient(replace(settings, timeout_s=20.0), budget=RequestBudget(1_000, account_key=None)) as client:
        yield client


@pytest.fixture
def stop(client: KoreClient, fake_clock: FakeClock) -> Stop:
    """Stop campaigns by id."""
    return Stop(client, fake_clock)


def test_stop__one_hangs_and_was_done(client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator) -> None:
    """The list that proves the others shows that it is done; nobody waits for its answer, which changes nothing."""
    ids = add(kore_simulator, 6, status="Active")
    kore_simulator.faults.hang_next(10.0, after=True, operation="stop", campaign_id=ids[2])
    audit = Noted()
    options = StopOptions(CampaignType.VOICE, count_contacts=False)

    outcomes = stop_campaigns(client, [Target(one) for one in ids], options, audit=audit, clock=fake_clock.clock)

    (hanging,) = kore_simulator.requests.of("stop", campaign_id=ids[2])
    assert hanging.answered_monotonic is None
    assert [(one["status"], one["changed"]) for one in outcomes.as_dicts()] == [("Stopped", True)] * 6
    assert [one.operation for one in kore_simulator.requests][-1] == "list"
    (told,) = [one for one in audit.changes if one.campaign_id == ids[2]]
    assert (told.by_reading, told.outcome_unknown) == (True, False)
    assert len(audit.changes) == 6


def test_stop__one_hangs_and_was_not_done(kore_simulator: KoreSimulator, stop: Stop) -> None:
    """The others are proven meanwhile; it is waited for, and proven when its answer is there."""
    ids = add(kore_simulator, 6, status="Active")
    kore_simulator.faults.hang_next(2.0, operation="stop", campaign_id=ids[2])

    outcomes = stop(*ids, count_contacts=False)

    assert [(one["status"], one["changed"]) for one in outcomes.as_dicts()] == [("Stopped", True)] * 6
    lists = kore_simulator.requests.of("list")
    (hanging,) = kore_simulator.requests.of("stop", campaign_id=ids[2])
    assert lists[1].monotonic < hanging.answered_monotonic
    kore_simulator.assert_one_effect("stop", ids[2])


def test_stop__a_service_that_is_slow(kore_simulator: KoreSimulator, stop: Stop) -> None:
    """Where all take long none of them hangs: they are proven by one list when all are answered."""
    kore_simulator.switches(latency=0.7)
    ids = add(kore_simulator, 6, status="Active")

    outcomes = stop(*ids, count_contacts=False)

    assert outcomes.failures == {}
    assert [one.operation for one in kore_simulator.requests] == ["list", *["stop"] * 6, "list"]
