"""Campaigns that are missing when their close is planned: a service may say so for some seconds, and they go on."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from fake_clock import FakeClock

from airflow_provider_campaigns.actions.stopping.at_close import CloseRun, plan_close_run, serve_what_is_due
from airflow_provider_campaigns.actions.stopping.stop import StopOptions
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.errors import CampaignMismatchError

if TYPE_CHECKING:
    from airflow_provider_campaigns.actions.outcomes import Outcomes
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

# The fake clock begins on Monday, 2026-03-02 at 12:30 UTC: 18:00 in Kolkata, the close of office hours there.
CLOSE = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
GIVEN = CallingHours.parse("Asia/Kolkata", {"MO-FR": "9:00 AM-6:00 PM"})
HOURS = GIVEN.to_api()
DUBAI = CallingHours.parse("Asia/Dubai", {"MO-FR": "9:00 AM-6:00 PM"}).to_api()  # 14:00 UTC
SUCCEED = StopOptions(CampaignType.VOICE, if_missing="succeed")


class Story:
    """A service of which campaigns vanish and come back, and a run that waits for its closes through JSON."""

    def __init__(self, client: KoreClient, simulator: KoreSimulator) -> None:
        simulator.switches(rate_limit=None)
        self.client = client
        self.simulator = simulator
        self.time = FakeClock()
        self.hidden: dict[str, Any] = {}
        self.looks: list[float] = []
        self.sent: dict[str, float] = {}
        original = client.send_stop_once

        def send_stop_once(campaign_id: str, *args: Any, **kwargs: Any) -> Any:
            self.sent[campaign_id] = self.seconds()
            return original(campaign_id, *args, **kwargs)

        client.send_stop_once = send_stop_once  # type: ignore[method-assign]

    def seconds(self) -> float:
        return (self.time.clock.now() - CLOSE).total_seconds()

    def hide(self, *ids: str) -> None:
        store = self.simulator.service.store
        for one in ids:
            self.hidden[one] = store.get(one)
            store.remove(one)

    def show(self, *ids: str) -> None:
        for one in ids:
            self.simulator.service.store._campaigns[one] = self.hidden.pop(one)

    def run(
        self,
        *targets: str | Target,
        begins_s: float = -600.0,
        back_at_s: float | None = None,
        options: StopOptions = SUCCEED,
        run_at: datetime = CLOSE,
        **how: Any,
    ) -> Outcomes:
        """Plan, so long after the close, and serve; what is hidden is back at ``back_at_s``, or never."""
        self.time.elapsed_s = begins_s
        clock, named = self.time.clock, [one if isinstance(one, Target) else Target(one) for one in targets]
        evidence = how.pop("evidence", None)
        run = plan_close_run(self.client, named, options, run_at=run_at, clock=clock, evidence=evidence, **how)
        while wake_at := serve_what_is_due(
            self.client, run, options, lead_time=timedelta(seconds=60), evidence=evidence, clock=clock
        ):
            run = CloseRun.from_json(json.loads(json.dumps(run.as_json())), calling_hours=how.get("calling_hours"))
            self.time.sleep((wake_at - clock.now()).total_seconds())
            self.looks.append(self.seconds())
            if back_at_s is not None and self.seconds() >= back_at_s:
                self.show(*self.hidden)
        return run.outcomes


@pytest.fixture
def story(client: KoreClient, kore_simulator: KoreSimulator) -> Story:
    """A service and a run."""
    return Story(client, kore_simulator)


def add(simulator: KoreSimulator, number: int = 1, hours: Any = HOURS, **fields: Any) -> list[str]:
    return [simulator.add_campaign(status="Active", calling_hours=hours, **fields) for _ in range(number)]


@pytest.mark.parametrize("number", [1, 6], ids=["few", "many"])
def test_absent__back_before_the_close_of_another(story: Story, kore_simulator: KoreSimulator, number: int) -> None:
    """What turns up before another's close is stopped at its own, on the second."""
    (other,) = add(kore_simulator)
    ids = add(kore_simulator, number)
    story.hide(*ids)

    outcomes = story.run(other, *ids, back_at_s=-100)

    assert story.looks[0] == -90
    assert story.sent == dict.fromkeys([other, *ids], 0.0)
    assert outcomes.failures == {}
    assert {one["status"] for one in outcomes.as_dicts()} == {"Stopped"}


def test_absent__with_a_later_close_of_its_own(story: Story, kore_simulator: KoreSimulator) -> None:
    """It has the close of its own hours, and not that of the campaign before whose close it was found."""
    (other,) = add(kore_simulator)
    (late,) = add(kore_simulator, hours=DUBAI)
    story.hide(late)

    story.run(other, late, back_at_s=-100)

    assert story.sent == {other: 0.0, late: 5400.0}


def test_absent__back_before_the_second_close(story: Story, kore_simulator: KoreSimulator) -> None:
    """It is looked for before every close: found at the second, it is stopped at once if its own is over."""
    (first,) = add(kore_simulator)
    (second,) = add(kore_simulator, hours=DUBAI)
    (gone,) = add(kore_simulator)
    story.hide(gone)

    story.run(first, second, gone, back_at_s=5000, begins_s=-7200)

    assert story.sent == {first: 0.0, gone: 5310.0, second: 5400.0}


@pytest.mark.parametrize("back_at_s", [-540, -60, 0])
def test_absent__no_close_is_known(story: Story, kore_simulator: KoreSimulator, back_at_s: float) -> None:
    """Where all are missing they are looked for each minute, for ten; then a close is known."""
    ids = add(kore_simulator, 5)
    story.hide(*ids)

    outcomes = story.run(*ids, back_at_s=back_at_s)

    assert story.looks[0] == -540
    assert story.sent == dict.fromkeys(ids, 0.0)
    assert outcomes.failures == {}


@pytest.mark.parametrize("if_missing", ["succeed", "skip", "fail"])
def test_absent__stays(story: Story, kore_simulator: KoreSimulator, if_missing: str) -> None:
    """After ten minutes the outcome is what it is without a look: a result, or an error that no retry mends."""
    (gone,) = add(kore_simulator)
    story.hide(gone)

    outcomes = story.run(gone, options=replace(SUCCEED, if_missing=if_missing))

    assert story.looks == [-540, -480, -420, -360, -300, -240, -180, -120, -60, 0]
    if if_missing == "fail":
        assert outcomes.failures[gone].retryable is False
        assert str(outcomes.failures[gone]).startswith(f"campaign {gone}: there is none, by reading and by the list")
    else:
        assert [(one["status"], one["changed"]) for one in outcomes.as_dicts()] == [("Missing", False)]
    assert story.sent == {}


def test_absent__stays_while_others_are_stopped(story: Story, kore_simulator: KoreSimulator) -> None:
    """It holds up no other, and its looks cost a request or two."""
    (other,) = add(kore_simulator)
    (gone,) = add(kore_simulator)
    story.hide(gone)

    outcomes = story.run(other, gone)

    assert story.sent == {other: 0.0}
    assert [one["status"] for one in outcomes.as_dicts()] == ["Stopped", "Missing"]
    assert len(kore_simulator.requests.of("get", campaign_id=gone)) == 3


def test_absent__of_many_only_what_the_list_holds_is_read(story: Story, kore_simulator: KoreSimulator) -> None:
    """Looking for many costs a list a minute, and not a request for each."""
    (other,) = add(kore_simulator, hours=DUBAI)
    ids = add(kore_simulator, 8)
    story.hide(*ids)
    story.run(*ids, other, begins_s=4000)

    assert len(kore_simulator.requests.of("get", campaign_id=ids[0])) == 1


@pytest.mark.parametrize("back_at_s", [-100.0, None])
def test_absent__hours_are_given(story: Story, kore_simulator: KoreSimulator, back_at_s: float | None) -> None:
    """With given hours its close is known: it is looked at then, as every other."""
    ids = add(kore_simulator, 2)
    story.hide(*ids)

    outcomes = story.run(*ids, back_at_s=back_at_s, calling_hours=GIVEN)

    assert story.looks == [-60]
    assert story.sent == ({} if back_at_s is None else dict.fromkeys(ids, 0.0))
    assert {one["status"] for one in outcomes.as_dicts()} == {"Missing" if back_at_s is None else "Stopped"}


@pytest.mark.parametrize(
    "how",
    [
        {"calling_hours": GIVEN, "last_day": date(2026, 3, 3)},
        {"calling_hours": CallingHours.parse("Asia/Kolkata", {"MO-SU": "12:00 AM-12:00 AM"})},
        {"calling_hours": GIVEN, "begins_s": 100_000.0},
        {"begins_s": 3600.0},
        {"options": replace(SUCCEED, plan_only=True)},
    ],
    ids=["not its last day", "never closes", "a day late", "cleared an hour later", "plan only"],
)
def test_absent__not_waited_for(story: Story, kore_simulator: KoreSimulator, how: dict[str, Any]) -> None:
    """Where nothing would be stopped, or the ten minutes of the run are over, it has its outcome at once."""
    (gone,) = add(kore_simulator)
    story.hide(gone)

    outcomes = story.run(gone, **how)

    assert [one["status"] for one in outcomes.as_dicts()] == ["Missing"]
    assert story.looks == []


class Stopped:
    """What an earlier try has kept: it has sent the stop."""

    def __init__(self, campaign_id: str) -> None:
        self.entries = {campaign_id: {"campaign_instance_id": "cid-1", "sent_at": "2026-03-02T12:30:00.000Z"}}

    def recall(self, *_: object) -> dict[str, dict[str, Any]]:
        return self.entries

    def keep(self, entries: dict[str, dict[str, Any]], *_: object) -> None:
        self.entries |= entries


def test_absent__stopped_by_an_earlier_try(story: Story, kore_simulator: KoreSimulator) -> None:
    """What an earlier try has sent a stop, and is gone now, was deleted: nobody waits for it."""
    (gone,) = add(kore_simulator)
    story.hide(gone)

    assert [one["status"] for one in story.run(gone, evidence=Stopped(gone)).as_dicts()] == ["Missing"]
    assert story.looks == []


def test_absent__is_another_one(story: Story, kore_simulator: KoreSimulator) -> None:
    """What turns up is judged as it would have been at first: another name is another campaign."""
    (gone,) = add(kore_simulator, name="Spring")
    story.hide(gone)

    outcomes = story.run(Target(gone, "Autumn"), back_at_s=-540)

    assert isinstance(outcomes.failures[gone], CampaignMismatchError)
    assert outcomes.results == {}


def test_absent__back_before_its_last_day(story: Story, kore_simulator: KoreSimulator) -> None:
    """What turns up on a day before its last goes on."""
    (gone,) = add(kore_simulator)
    story.hide(gone)

    outcomes = story.run(gone, back_at_s=-540, last_day=date(2026, 3, 3))

    assert outcomes.as_dicts()[0]["waits_for"] == "2026-03-03"
    assert story.sent == {}


@pytest.mark.parametrize(("number", "status"), [(1, 503), (5, 503), (5, 401)])
def test_absent__cannot_be_looked_for(story: Story, kore_simulator: KoreSimulator, number: int, status: int) -> None:
    """A look that fails says nothing: the outcome is what was proven, and the next look comes in a minute."""
    ids = add(kore_simulator, number)
    story.hide(*ids)
    original = story.time.sleep

    def fail_at_first(seconds: float) -> None:
        original(seconds)
        if story.seconds() == -540:
            kore_simulator.fail_next(status, times=100)
        else:
            kore_simulator.clear_faults()

    story.time.sleep = fail_at_first  # type: ignore[method-assign]

    outcomes = story.run(*ids)

    assert {one["status"] for one in outcomes.as_dicts()} == {"Missing"}
    assert len(outcomes.results) == number
    assert story.looks[-1] == 0


def test_from_json__deferred_by_an_older_version(story: Story, kore_simulator: KoreSimulator) -> None:
    """A run that was kept without absent campaigns has none."""
    kept = CloseRun(CLOSE, [], story.run(begins_s=0)).as_json()
    del kept["absent"]

    assert CloseRun.from_json(kept).absent is None
