"""A stop at a close that fails is no verdict while the task waits for another; and a try that begins late."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from start_support import Notes

from airflow_provider_campaigns.actions.evidence import entries_of_hours, kept_hours
from airflow_provider_campaigns.actions.stopping.at_close import CloseRun, plan_close_run, serve_what_is_due
from airflow_provider_campaigns.actions.stopping.stop import StopOptions
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.kore import senders
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.patience import ENDLESS, Patience

if TYPE_CHECKING:
    from collections.abc import Callable

    from fake_clock import FakeClock

    from airflow_provider_campaigns.actions.outcomes import Outcomes
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("no_rate_limit")

# The fake clock begins on Monday, 2026-03-02 at 12:30 UTC: 18:00 in Kolkata, the close of office hours there.
CLOSE = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)


def until(end: str, timezone: str = "Asia/Kolkata") -> dict[str, object]:
    return CallingHours.parse(timezone, {"MO-FR": f"9:00 AM-{end}"}).to_api()


@dataclass
class Night:
    """A task at its closes, each step in a process of its own; what it sends, and what it reads before."""

    client: KoreClient
    simulator: KoreSimulator
    clock: FakeClock
    notes: Notes = field(default_factory=Notes)
    sent: list[tuple[str, float]] = field(default_factory=list)
    wakes: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        send = self.client.send_stop_once

        def send_stop_once(campaign_id: str, *args: Any, **how: Any) -> Any:
            self.sent.append((campaign_id, self.seconds()))
            return send(campaign_id, *args, **how)

        self.client.send_stop_once = send_stop_once  # type: ignore[method-assign]

    def seconds(self) -> float:
        return (self.clock.clock.now() - CLOSE).total_seconds()

    def add(self, end: str = "6:00 PM", **more: Any) -> str:
        return self.simulator.add_campaign(**({"status": "Active", "calling_hours": until(end)} | more))

    def plan(self, *ids: str, at_s: float = -600.0, **more: Any) -> CloseRun:
        self.clock.elapsed_s = at_s
        self.run = plan_close_run(
            self.client,
            [Target(one) for one in ids],
            StopOptions(CampaignType.VOICE),
            run_at=CLOSE - timedelta(minutes=10),
            evidence=self.notes,
            clock=self.clock.clock,
            **more,
        )
        return self.run

    def serve(self, on_wake: Callable[[], object] = list) -> Outcomes:
        lead_time, options = timedelta(minutes=1), StopOptions(CampaignType.VOICE)
        while wake_at := serve_what_is_due(
            self.client, self.run, options, lead_time=lead_time, evidence=self.notes, clock=self.clock.clock
        ):
            self.wakes.append((wake_at - CLOSE).total_seconds())
            self.run = CloseRun.from_json(json.loads(json.dumps(self.run.as_json())))
            self.clock.sleep((wake_at - self.clock.clock.now()).total_seconds())
            on_wake()
        return self.run.outcomes


@pytest.fixture
def night(client: KoreClient, kore_simulator: KoreSimulator, fake_clock: FakeClock) -> Night:
    return Night(client, kore_simulator, fake_clock)


def test_serve__attempted_again(night: Night):
    """What fails at its close is attempted again at once and again, with longer pauses, until it is stopped."""
    early, late = night.add(), night.add("8:00 PM")
    night.plan(early, late)
    # Each attempt sends it five times.
    night.simulator.fail_next(503, operation="stop", campaign_id=early, times=17)

    outcomes = night.serve()

    assert night.sent == [(early, 0.0), (early, 10.0), (early, 30.0), (early, 70.0), (late, 7200.0)]
    assert night.wakes == [-60.0, 10.0, 30.0, 70.0, 7140.0]
    assert outcomes.failures == {}
    assert [(one["campaign_id"], one["status"], one["changed"]) for one in outcomes.as_dicts()] == [
        (early, "Stopped", True),
        (late, "Stopped", True),
    ]
    night.simulator.assert_one_effect("stop", early)


def test_serve__at_most_five_minutes_apart(night: Night):
    """A service that takes no stop for two hours is asked every five minutes; its failure is the outcome at the end."""
    early, late = night.add(), night.add("8:00 PM")
    night.plan(early, late)
    night.simulator.fail_next(503, operation="stop", campaign_id=early, times=10_000)

    outcomes = night.serve()

    seconds = [at for one, at in night.sent if one == early]
    assert seconds[:8] == [0.0, 10.0, 30.0, 70.0, 150.0, 310.0, 610.0, 910.0]
    assert seconds[-1] == 6910.0
    assert (late, 7200.0) in night.sent
    assert list(outcomes.failures) == [early]
    assert "HTTP 503" in str(outcomes.failures[early])


def test_serve__not_into_the_next_close(night: Night):
    """While a worker is armed for the next close nothing is attempted again; right after it, it is."""
    early, late = night.add(), night.add("6:02 PM")
    later = night.add("8:00 PM")
    night.plan(early, late, later)
    night.simulator.fail_next(503, operation="stop", campaign_id=early, times=5 * 3)

    night.serve()

    assert night.sent[:3] == [(early, 0.0), (early, 10.0), (early, 30.0)]
    assert (late, 120.0) in night.sent
    assert [at for one, at in night.sent[3:] if one == early] == [120.0]


def test_plan_again__only_what_is_due(night: Night):
    """Each that failed has a time of its own at which it is attempted again."""
    ids = [night.add(name=f"C{n}") for n in range(2)]
    run = night.plan(*ids)
    for one, seconds in zip(ids, (10, 20), strict=True):
        run.again[one] = replace(run.planned.pop(one), failed=1, again_at=CLOSE + timedelta(seconds=seconds))

    run.plan_again(CLOSE + timedelta(seconds=10))

    assert (list(run.planned), list(run.again)) == ([ids[0]], [ids[1]])
    assert run.again_at == CLOSE + timedelta(seconds=20)


@pytest.mark.parametrize("refusal", [400, 404])
def test_serve__a_verdict_is_one(night: Night, refusal: int):
    """What is refused for good is not attempted again."""
    early, late = night.add(), night.add("8:00 PM")
    night.plan(early, late)
    night.simulator.fail_next(
        refusal, body={"message": "campaign cannot be stopped"}, operation="stop", campaign_id=early
    )

    outcomes = night.serve()

    assert night.sent == [(early, 0.0), (late, 7200.0)]
    assert f"HTTP {refusal}" in str(outcomes.failures[early])


def test_serve__the_last_is_the_next_trys(night: Night):
    """With nothing else to wait for, a failure ends the try: Airflow's retry comes sooner than a pause would."""
    campaign_id = night.add()
    night.plan(campaign_id)
    night.simulator.fail_next(503, operation="stop", times=10_000)

    outcomes = night.serve()

    assert night.sent == [(campaign_id, 0.0)]
    assert outcomes.failures[campaign_id].retryable is True


@pytest.mark.parametrize("others", [0, 5], ids=["few", "many"])
def test_plan__unreadable(night: Night, others: int):
    """What cannot be read when the run is planned, in a way that may pass, is read again before the next close."""
    ids = [night.add(name=f"C{n}") for n in range(others + 1)]
    for operation in ("get", "status"):
        night.simulator.fail_next(503, operation=operation, campaign_id=ids[0], times=10_000)
    night.simulator.fail_next(503, operation="list", times=10_000)

    run = night.plan(*ids, at_s=-130.0)
    assert "HTTP 503" in str(run.outcomes.failures[ids[0]])
    outcomes = night.serve(on_wake=night.simulator.clear_faults)

    assert outcomes.failures == {}
    assert sorted(night.sent) == sorted((one, 0.0) for one in ids)


def test_plan__unreadable_for_good(night: Night):
    """What is refused for good is an outcome, and not asked for again."""
    campaign_id, other = night.add(), night.add()
    for operation in ("get", "status", "list"):
        night.simulator.fail_next(400, body={"message": "no"}, operation=operation, campaign_id=campaign_id, times=99)

    run = night.plan(campaign_id, other)

    assert (run.absent, list(run.outcomes.failures)) == (None, [campaign_id])


def test_serve__calls_first(night: Night, monkeypatch: pytest.MonkeyPatch):
    """Campaigns that call are stopped before those that pause, and before what is only scheduled."""
    monkeypatch.setattr(senders, "SENDERS", 1)
    paused = [night.add(status="Paused") for _ in range(3)]
    active = [night.add() for _ in range(3)]
    odd = night.add(status="Winding Down")
    night.plan(*paused, *active, odd)

    night.serve()

    assert [one for one, _ in night.sent] == [*active, odd, *paused]


@pytest.mark.parametrize("at_s", [-119.0, -20.0, 5.0])
def test_plan__late_try(night: Night, at_s: float):
    """A try that begins near the close, or after it, asks for no hours: one list tells what they do not."""
    ids = [night.add(name=f"C{n}") for n in range(6)]
    night.plan(*ids)
    assert len(night.simulator.requests.of("get")) == 6
    before = len(night.simulator.requests)

    run = night.plan(*ids, at_s=at_s)

    assert [one.operation for one in list(night.simulator.requests)[before:]] == ["list"]
    assert run.outcomes.failures == {}
    outcomes = night.serve()
    assert sorted(night.sent) == sorted((one, max(0.0, at_s)) for one in ids)
    assert {one["status"] for one in outcomes.as_dicts()} == {"Stopped"}


def test_plan__killed_at_the_close(night: Night):
    """A try after one that died while it sent knows the hours as well, and sends only what goes on."""
    ids = [night.add(name=f"C{n}") for n in range(6)]
    night.plan(*ids)
    for one in ids:
        entry = night.notes.entries[one]
        run = night.simulator.campaign(one).instance_id
        night.notes.entries[one] = entry | {"campaign_instance_id": run, "sent_at": "2026-03-02T12:30:00.000Z"}
    night.simulator.set_status(ids[0], "Stopped", force=True)
    before = len(night.simulator.requests)

    night.plan(*ids, at_s=3.0)

    assert [one.operation for one in list(night.simulator.requests)[before:]] == ["list"]
    outcomes = night.serve()
    assert sorted(night.sent) == sorted((one, 3.0) for one in ids[1:])
    assert [one["changed"] for one in outcomes.as_dicts()] == [False, *[True] * 5]


def test_plan__early_try(night: Night):
    """Long before the close a later try reads hours anew: somebody may have edited them."""
    ids = [night.add(name=f"C{n}") for n in range(4)]
    night.plan(*ids)
    for one in ids:
        night.simulator.service.store.get(one).calling_hours = until("7:00 PM")

    run = night.plan(*ids, at_s=-125.0)

    run.choose_closings(CLOSE - timedelta(seconds=125))
    assert run.next_closing is not None
    assert run.next_closing.at == CLOSE + timedelta(hours=1)


def test_plan__given_hours(night: Night):
    """Where the hours are given, one list is all that it takes to plan many campaigns, in the first try as well."""
    ids = [night.add("9:00 PM", name=f"C{n}") for n in range(6)]

    night.plan(*ids, at_s=-20.0, calling_hours=CallingHours.from_api(until("6:00 PM")))

    assert [one.operation for one in night.simulator.requests] == ["list"]
    night.serve()
    assert sorted(night.sent) == sorted((one, 0.0) for one in ids)


@pytest.mark.parametrize("status", [401, 404])
def test_plan__given_hours__no_list(night: Night, status: int):
    """A list that is refused is no reason to fail: each campaign is read by itself."""
    ids = [night.add(name=f"C{n}") for n in range(4)]
    night.simulator.fail_next(status, operation="list", times=99)

    run = night.plan(*ids, calling_hours=CallingHours.from_api(until("6:00 PM")))

    assert (list(run.planned), run.outcomes.failures) == (ids, {})


@pytest.mark.parametrize(("at_s", "within_s"), [(-63.0, 57.0), (-6.0, 3.0), (-2.0, 0.0), (5.0, math.inf)])
def test_serve__recalls_in_the_time_that_is_left(night: Night, at_s: float, within_s: float):
    """Notes of earlier tries are waited for until the last look, and not into the close; after that as ever."""
    night.plan(night.add(), at_s=at_s)
    asked: list[float] = []
    recall = night.notes.recall

    def noted(patience: Patience = ENDLESS) -> Any:
        asked.append(patience.left_s())
        return recall()

    night.notes.recall = noted  # type: ignore[method-assign]

    night.serve()

    assert asked == [within_s]


@pytest.mark.parametrize(("at_s", "left_s"), [(-600.0, 3.0), (5.0, None)], ids=["before the close", "late"])
def test_serve__notes_in_the_time_that_is_left(night: Night, at_s: float, left_s: float | None):
    """What is about to be sent is noted between the last look and the close, and has all of that time."""
    campaign_id = night.add()
    night.plan(campaign_id, at_s=at_s)
    given: list[float | None] = []
    keep = night.notes.keep

    def noted(entries: Any, patience: Patience | None = None) -> bool:
        if "sent_at" in entries[campaign_id] and "confirmed_at" not in entries[campaign_id]:
            given.append(patience and patience.left_s())
        return keep(entries)

    night.notes.keep = noted  # type: ignore[method-assign]

    night.serve()

    assert given == [left_s]


class TestEntriesOfHours:
    """How hours are kept: each that differ once."""

    def test_entries__equal_once(self):
        """Campaigns with the same hours share them."""
        office, evening = (CallingHours.from_api(until(end)) for end in ("6:00 PM", "9:00 PM"))

        entries = entries_of_hours({"cd-1": office, "cd-2": evening, "cd-3": office})

        assert entries == {
            "cd-1": {"calling_hours": until("6:00 PM")},
            "cd-2": {"calling_hours": until("9:00 PM")},
            "cd-3": {"hours_of": "cd-1"},
        }
        assert kept_hours(json.loads(json.dumps(entries))) == {"cd-1": office, "cd-2": evening, "cd-3": office}

    def test_entries__too_many(self):
        """What a store does not take beside what is sent is not kept."""
        hours = {
            f"cd-{n}": CallingHours.parse("Asia/Kolkata", {"MO-SU": f"{1 + n % 11}:{n // 11:02} AM-6:00 PM"})
            for n in range(100)
        }

        assert len(entries_of_hours(dict(list(hours.items())[:50]))) == 50
        assert entries_of_hours(hours) == {}

    def test_kept__owner_is_gone(self):
        """Hours whose owner has another entry by now are not known any more."""
        assert kept_hours({"cd-1": {"sent_at": "2026-03-02T12:30:00.000Z"}, "cd-3": {"hours_of": "cd-1"}}) == {}
