"""Hours that somebody edits while a task waits for its close, and what a run tells of the closes that it waits for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from fake_clock import FakeClock

from airflow_provider_campaigns.actions.stopping.at_close import CloseRun, plan_close_run, serve_what_is_due
from airflow_provider_campaigns.actions.stopping.stop import StopOptions
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.kore.campaigns import CampaignType

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.actions.outcomes import Outcomes
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

# The fake clock begins on Monday, 2026-03-02 at 12:30 UTC: 18:00 in Kolkata, the close of office hours there.
CLOSE = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
OPTIONS = StopOptions(CampaignType.VOICE, count_contacts=False)
OFFICE = "9:00 AM-6:00 PM"


def hours(window: str = OFFICE, days: str = "MO-FR") -> dict[str, object]:
    """Calling hours as the service has them."""
    return CallingHours.parse("Asia/Kolkata", {days: window}).to_api()


class Evening:
    """A run that is planned so many seconds before the close, and what happens to it."""

    def __init__(self, client: KoreClient, simulator: KoreSimulator) -> None:
        simulator.switches(rate_limit=None)
        self.client = client
        self.simulator = simulator
        self.time = FakeClock()
        self.wakes: list[float] = []
        self.sent: dict[str, float] = {}
        original = client.send_stop_once

        def send_stop_once(campaign_id: str, *args: Any, **kwargs: Any) -> Any:
            self.sent[campaign_id] = self.time.elapsed_s
            return original(campaign_id, *args, **kwargs)

        client.send_stop_once = send_stop_once  # type: ignore[method-assign]

    def add(self, number: int) -> list[str]:
        return [
            self.simulator.add_campaign(name=f"C{n}", status="Active", calling_hours=hours()) for n in range(number)
        ]

    def edit(self, *campaign_ids: str, to: dict[str, object]) -> None:
        for one in campaign_ids:
            self.simulator.service.store.get(one).calling_hours = to

    def plan(self, ids: list[str], *, begins_s: float = -600, **arguments: Any) -> CloseRun:
        self.time.elapsed_s = begins_s
        run_at = CLOSE + timedelta(seconds=begins_s)
        targets = [Target(one) for one in ids]
        return plan_close_run(self.client, targets, OPTIONS, run_at=run_at, clock=self.time.clock, **arguments)

    def serve(self, run: CloseRun, *, between: Callable[[], object] = list) -> Outcomes:
        """Serve all closes, each time in a new process; something happens before it is woken for the first time."""
        happens = [between]
        while wake_at := serve_what_is_due(
            self.client, run, OPTIONS, lead_time=timedelta(seconds=60), clock=self.time.clock
        ):
            self.wakes.append((wake_at - CLOSE).total_seconds())
            run = CloseRun.from_json(json.loads(json.dumps(run.as_json())))
            if happens:
                happens.pop()()
            self.time.sleep((wake_at - self.time.clock.now()).total_seconds())
        return run.outcomes


@pytest.fixture
def evening(client: KoreClient, kore_simulator: KoreSimulator) -> Evening:
    """Whatever happens before Monday's close in Kolkata."""
    return Evening(client, kore_simulator)


@pytest.mark.parametrize("number", [1, 3, 6], ids=["one", "a few", "many"])
def test_serve__longer_hours(evening: Evening, number: int) -> None:
    """What is to call for an hour more is stopped an hour later, and the others at their close."""
    ids = evening.add(number)

    outcomes = evening.serve(evening.plan(ids), between=lambda: evening.edit(ids[0], to=hours("9:00 AM-7:00 PM")))

    assert outcomes.failures == {}
    assert evening.sent == {ids[0]: 3600.0} | dict.fromkeys(ids[1:], 0.0)
    assert [one["status"] for one in outcomes.as_dicts()] == ["Stopped"] * number


def test_serve__shorter_hours(evening: Evening) -> None:
    """What was to close earlier, and has by the time that it is seen, is stopped then."""
    ids = evening.add(6)

    evening.serve(evening.plan(ids), between=lambda: evening.edit(ids[0], to=hours("9:00 AM-5:55 PM")))

    assert evening.sent == {ids[0]: -150.0} | dict.fromkeys(ids[1:], 0.0)


def test_serve__looks_at_many_once(evening: Evening) -> None:
    """Many are read again 150 s before the close, once, and a worker is there for them a minute before it."""
    evening.serve(evening.plan(evening.add(6)))

    assert evening.wakes == [-150.0, -60.0]
    assert len(evening.simulator.requests.of("get")) == 12


@pytest.mark.parametrize(
    ("begins_s", "arguments"), [(-600, {"calling_hours": CallingHours.from_api(hours())}), (-200, {})]
)
def test_serve__looks_at_none_again(evening: Evening, begins_s: float, arguments: dict[str, Any]) -> None:
    """Hours that are given are not looked at, nor those that were read within the minute before."""
    evening.serve(evening.plan(evening.add(6), begins_s=begins_s, **arguments))

    assert evening.wakes == [-60.0]


def test_serve__gone_when_it_is_read_again(evening: Evening) -> None:
    """What is gone by then is looked at again at its close, and has its outcome there."""
    ids = evening.add(6)
    run = evening.plan(ids)

    def delete() -> None:
        evening.simulator.set_status(ids[0], "Stopped")
        evening.client.delete_campaign(ids[0], "voice")

    outcomes = evening.serve(run, between=delete)

    assert list(outcomes.failures) == [ids[0]]
    assert "there is none, by reading and by the list" in str(outcomes.failures[ids[0]])
    assert evening.sent == dict.fromkeys(ids[1:], 0.0)


@pytest.mark.parametrize("number", [1, 6], ids=["one", "many"])
def test_serve__goes_on_until_its_last_day(evening: Evening, number: int) -> None:
    """By hours that now begin once more by the last day it goes on."""
    ids = evening.add(number)
    evening.edit(*ids, to=hours(days="MO"))
    run = evening.plan(ids, last_day=(CLOSE + timedelta(days=1)).date())

    outcomes = evening.serve(run, between=lambda: evening.edit(ids[0], to=hours(days="MO,TU")))

    assert outcomes.results[ids[0]].details["waits_for"] == "2026-03-03"
    assert evening.sent == dict.fromkeys(ids[1:], 0.0)


@pytest.mark.parametrize("trouble", ["not there", "not readable", "no hours", "refused"])
def test_serve__not_read_again(evening: Evening, trouble: str) -> None:
    """What cannot be read again is stopped as it was planned."""
    ids = evening.add(6)

    def meanwhile() -> None:
        if trouble == "no hours":
            evening.edit(ids[0], to={"timezone": "Nowhere/Nowhere"})
        elif trouble == "refused":
            evening.simulator.fail_next(403, operation="get", times=1000)
        else:
            status = 404 if trouble == "not there" else 500
            evening.simulator.fail_next(status, operation="get", campaign_id=ids[0], times=4)

    outcomes = evening.serve(evening.plan(ids), between=meanwhile)

    assert outcomes.failures == {}
    assert evening.sent == dict.fromkeys(ids, 0.0)


@pytest.mark.parametrize("number", [1, 6], ids=["one", "many"])
def test_serve__hours_that_never_close(evening: Evening, number: int) -> None:
    """By hours that have no close any more it is stopped at the close that was planned."""
    ids = evening.add(number)
    always = CallingHours.parse("Asia/Kolkata", {"MO-SU": "12:00 AM-12:00 AM"}).to_api()

    outcomes = evening.serve(evening.plan(ids), between=lambda: evening.edit(ids[0], to=always))

    assert outcomes.failures == {}
    assert evening.sent == dict.fromkeys(ids, 0.0)


def test_serve__hours_that_closed_days_ago(evening: Evening) -> None:
    """Nor is it given up because it would have closed long ago by the hours that it has now."""
    around = {"timezone": "Asia/Kolkata", "hours": {"MO": "12:00 AM-12:00 AM", "TU": "12:00 AM-6:00 PM"}}
    ids = [
        evening.simulator.add_campaign(
            name="C", status="Active", calling_hours=CallingHours.parse(around["timezone"], around["hours"]).to_api()
        )
    ]
    run = evening.plan(ids, begins_s=-36 * 3600.0)

    outcomes = evening.serve(run, between=lambda: evening.edit(ids[0], to=hours(days="SU")))

    assert outcomes.failures == {}
    assert [one["status"] for one in outcomes.as_dicts()] == ["Stopped"]


def test_serve__waits_for_its_last_day_now(evening: Evening) -> None:
    """Hours that now begin once more by the last day let it go on."""
    ids = evening.add(6)
    run = evening.plan(ids, last_day=(CLOSE + timedelta(days=5)).date())
    assert run.planned == {}

    monday = evening.plan(ids, last_day=CLOSE.date())
    outcomes = evening.serve(monday, between=lambda: evening.edit(ids[0], to=hours("9:00 AM-5:00 PM", "MO,TU")))

    assert evening.sent == {ids[0]: -150.0} | dict.fromkeys(ids[1:], 0.0)
    assert outcomes.failures == {}


def test_told__closes(evening: Evening) -> None:
    """One line says how many campaigns are stopped at which close, by its zone's clocks."""
    ids = evening.add(3)
    for zone, name in [("America/New_York", "N"), ("Europe/Berlin", "B"), ("Asia/Tokyo", "T")]:
        own = CallingHours.parse(zone, {"MO-FR": OFFICE}).to_api()
        ids.append(evening.simulator.add_campaign(name=name, status="Active", calling_hours=own))
    run = evening.plan(ids)

    assert run.told == "no campaign to stop"  # before the closes are chosen
    run.choose_closings(evening.time.clock.now())

    assert run.told == (
        "6 campaigns to stop: 1 at 6:00 PM Asia/Tokyo (2026-03-02T09:00:00.000Z), "
        "3 at 6:00 PM Asia/Kolkata (2026-03-02T12:30:00.000Z), 1 at 6:00 PM Europe/Berlin (2026-03-02T17:00:00.000Z), "
        "and 1 more"
    )
    assert CloseRun(CLOSE, [], run.outcomes).told == "no campaign to stop"


@pytest.mark.parametrize(
    ("limit", "expected"), [(60, None), (8, None), (6, "2 of 6 up to 1 min"), (3, "5 of 6 up to 2 min")]
)
def test_told_late(evening: Evening, limit: int, expected: str | None) -> None:
    """It also says how many have no room in the minute of their close, with a look and a proof."""
    run = evening.plan(evening.add(6))
    run.choose_closings(evening.time.clock.now())

    late = run.told_late(limit)

    assert late == (
        expected
        and f"will be stopped late: {expected} after 2026-03-02T12:30:00.000Z: the account has {limit} requests a "
        "minute. A higher limit, or closes that are minutes apart, would help"
    )
