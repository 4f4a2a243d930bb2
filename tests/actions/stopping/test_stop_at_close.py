"""Stopping at the close: nothing before it, every campaign at it, each at its own."""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from fake_clock import FakeClock

from airflow_provider_campaigns.actions.stopping.at_close import (
    CloseRun,
    plan_close_run,
    plan_closes,
    serve_what_is_due,
)
from airflow_provider_campaigns.actions.stopping.stop import StopOptions
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.kore.auth import TokenSigner
from airflow_provider_campaigns.kore.budget import BudgetTimeout, Priority, RequestBudget
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.errors import (
    CampaignStateError,
    KoreConfigurationError,
    KoreConnectionError,
    KoreNotFoundError,
)
from airflow_provider_campaigns.simulator import Credentials, KoreSimulator

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.actions.closing import Closing
    from airflow_provider_campaigns.actions.outcomes import Outcomes
    from airflow_provider_campaigns.kore.patience import Patience
    from airflow_provider_campaigns.kore.settings import KoreSettings

# The fake clock begins on Monday, 2026-03-02 at 12:30 UTC: 18:00 in Kolkata, the close of office hours there.
CLOSE = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
RUN_AT = datetime(2026, 3, 2, 12, 20, tzinfo=UTC)
STRANGER = "cd-0000000-0000-4000-8000-00000000dead"
LEAD = timedelta(seconds=60)


def next_closing(run: CloseRun, now: datetime) -> Closing | None:
    run.choose_closings(now)
    return run.next_closing


def hours(timezone: str = "Asia/Kolkata", window: str = "9:00 AM-6:00 PM", days: str = "MO-FR") -> dict[str, object]:
    """Calling hours as the service has them."""
    return CallingHours.parse(timezone, {days: window}).to_api()


class Evening:
    """One run, from an instant on, on a clock that passes only while somebody waits."""

    def __init__(self, client: KoreClient, simulator: KoreSimulator, *, begins_s: float) -> None:
        simulator.switches(rate_limit=None)
        self.client = client
        self.simulator = simulator
        self.time = FakeClock(elapsed_s=begins_s)
        self.run: CloseRun | None = None
        self.wakes: list[float] = []
        self.sent: list[tuple[str, float]] = []
        original = client.send_stop_once

        def send_stop_once(campaign_id: str, *args: Any, **kwargs: Any) -> Any:
            self.sent.append((campaign_id, self.seconds_after_close()))
            return original(campaign_id, *args, **kwargs)

        client.send_stop_once = send_stop_once  # type: ignore[method-assign]

    def seconds_after_close(self) -> float:
        return (self.time.clock.now() - CLOSE).total_seconds()

    def plan(self, *campaigns: str | Target, run_at: datetime = RUN_AT, **options: Any) -> CloseRun:
        """Read the campaigns, early."""
        self.options = StopOptions(CampaignType.VOICE, **options.pop("options", {}))
        targets = [one if isinstance(one, Target) else Target(one) for one in campaigns]
        self.run = plan_close_run(self.client, targets, self.options, run_at=run_at, **options)
        return self.run

    def serve(self, *, lead_time: timedelta = LEAD) -> Outcomes:
        """Serve all closes, each time in a new process: the run goes through JSON."""
        assert self.run is not None
        while wake_at := serve_what_is_due(
            self.client, self.run, self.options, lead_time=lead_time, clock=self.time.clock
        ):
            self.wakes.append((wake_at - CLOSE).total_seconds())
            self.run = CloseRun.from_json(json.loads(json.dumps(self.run.as_json())))
            self.time.sleep((wake_at - self.time.clock.now()).total_seconds())
        return self.run.outcomes


@pytest.fixture
def evening(client: KoreClient, kore_simulator: KoreSimulator) -> Callable[..., Evening]:
    """A run that begins so many seconds after the close of Kolkata's office hours (negative: before)."""
    return lambda begins_s: Evening(client, kore_simulator, begins_s=begins_s)


@pytest.mark.parametrize("number", [1, 6], ids=["one", "many"])
def test_serve__at_the_close(evening: Callable[..., Evening], kore_simulator: KoreSimulator, number: int):
    """A worker is asked for 60 s before the close; every stop goes out at the close, none before, each once."""
    at = evening(-600)
    ids = [kore_simulator.add_campaign(name=f"C{n}", status="Active", calling_hours=hours()) for n in range(number)]
    at.plan(*ids)

    outcomes = at.serve()

    assert at.wakes == [-60.0]
    assert sorted(at.sent) == sorted((one, 0.0) for one in ids)
    assert outcomes.failures == {}
    for result in outcomes.as_dicts():
        assert (result["status"], result["changed"], result["lateness_s"]) == ("Stopped", True, 0.0)
        assert result["sent_at"] == "2026-03-02T12:30:00.000Z"
        kore_simulator.assert_one_effect("stop", result["campaign_id"])


@pytest.mark.parametrize(("lead_s", "wakes"), [(5, -60.0), (59, -60.0), (60, -60.0), (330, -330.0)])
def test_serve__lead_time(evening: Callable[..., Evening], kore_simulator: KoreSimulator, lead_s: int, wakes: float):
    """However short ``lead_time`` is, a worker is there in time to keep the room that the stops need."""
    at = evening(-600)
    at.plan(kore_simulator.add_campaign(name="C", status="Active", calling_hours=hours()))

    at.serve(lead_time=timedelta(seconds=lead_s))

    assert at.wakes == [wakes]


class Busy:
    """An evening beside others who, from 40 s before the close on, read as fast as the account allows."""

    def __init__(self, simulator: KoreSimulator, settings: KoreSettings) -> None:
        self.time = FakeClock(elapsed_s=-600)
        self.budget = RequestBudget(60, account_key=None, clock=lambda: self.time.elapsed_s, sleep=self.sleep)
        client = KoreClient(settings, budget=self.budget, clock=lambda: self.time.elapsed_s, sleep=self.sleep)
        self.at = Evening(client, simulator, begins_s=-600)
        self.at.time = self.time

    def sleep(self, seconds: float) -> None:
        ends_s = self.time.elapsed_s + seconds
        while self.time.elapsed_s < ends_s:
            self.time.elapsed_s = min(ends_s, self.time.elapsed_s + 1)
            with contextlib.suppress(BudgetTimeout):
                while -40 <= self.time.elapsed_s < 0:
                    with self.budget.slot(Priority.READ, timeout_s=0):
                        pass

    def serve(self, *, lead_s: float) -> Outcomes:
        clock, run = replace(self.time.clock, sleep=self.sleep), self.at.run
        assert run is not None
        lead_time = timedelta(seconds=lead_s)
        while wake_at := serve_what_is_due(self.at.client, run, self.at.options, lead_time=lead_time, clock=clock):
            self.sleep((wake_at - clock.now()).total_seconds())
        return run.outcomes


@pytest.mark.parametrize("lead_s", [5, 30, 60])
def test_serve__beside_others_who_use_the_whole_budget(
    kore_simulator: KoreSimulator, settings: KoreSettings, lead_s: int
):
    """Ten stops go out within a second of the close, although others read as fast as the account allows until then."""
    busy = Busy(kore_simulator, settings)
    ids = [kore_simulator.add_campaign(name=f"C{n}", status="Active", calling_hours=hours()) for n in range(10)]
    busy.at.plan(*ids)

    outcomes = busy.serve(lead_s=lead_s)

    assert [0.0 <= one["lateness_s"] < 1.0 for one in outcomes.as_dicts()] == [True] * 10


@pytest.mark.parametrize("window", ["9:00 AM-5:50 PM", "9:00 AM-5:55 PM", "9:00 AM-5:58 PM", "9:00 AM-5:59 PM"])
def test_serve__beside_others_after_a_close_that_is_slow(
    kore_simulator: KoreSimulator, settings: KoreSettings, window: str
):
    """What an earlier close has still to prove takes no room from the stops of the next, however near that is."""
    kore_simulator.switches(drain_polls=1000)
    busy = Busy(kore_simulator, settings)
    slow = kore_simulator.add_campaign(name="Slow", status="Active", calling_hours=hours(window=window))
    ids = [kore_simulator.add_campaign(name=f"C{n}", status="Active", calling_hours=hours()) for n in range(10)]
    busy.at.plan(slow, *ids, options={"confirm_timeout_s": 1200.0})

    busy.serve(lead_s=60)

    # Each is sent once more after a minute.
    late = dict(reversed(busy.at.sent))
    assert late.pop(slow) < 0
    assert sorted(late) == sorted(ids)
    assert max(late.values()) < 1.0


def test_serve__few_requests_from_the_last_reading_on(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """Twenty campaigns take one list and seven statuses before the close, and twenty stops and one list from it on."""
    at = evening(-600)
    ids = [kore_simulator.add_campaign(name=f"C{n}", status="Active", calling_hours=hours()) for n in range(20)]
    at.plan(*ids)
    before = len(kore_simulator.requests)

    at.serve()

    operations = [record.operation for record in list(kore_simulator.requests)[before:]]
    first_stop = operations.index("stop")
    assert sorted(operations[:first_stop]) == ["list", *["status"] * 7]
    assert operations[first_stop:] == [*["stop"] * 20, "list"]


@pytest.mark.parametrize("trouble", ["answers that say nothing", "service failures", "hanging"])
def test_serve__in_doubt(evening: Callable[..., Evening], kore_simulator: KoreSimulator, trouble: str):
    """Stops whose answer does not tell what became of them are looked up with the others when all have been sent."""
    at = evening(-600)
    ids = [kore_simulator.add_campaign(name=f"C{n}", status="Active", calling_hours=hours()) for n in range(12)]
    at.plan(*ids)
    for one in ids[:8]:
        if trouble == "answers that say nothing":
            kore_simulator.switches(drain_answer="Active", drain_polls=2)
        elif trouble == "service failures":
            kore_simulator.fail_next(503, operation="stop", campaign_id=one)
        else:
            kore_simulator.faults.hang_next(30, operation="stop", campaign_id=one)

    outcomes = at.serve()

    operations = [record.operation for record in kore_simulator.requests]
    assert operations[operations.index("stop") :][:13] == [*["stop"] * 12, "list"]
    assert outcomes.failures == {}
    for one in ids:
        kore_simulator.assert_one_effect("stop", one)


def test_serve__keeps_room_for_the_stops(
    evening: Callable[..., Evening], kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch
):
    """From a minute before the close room is kept for six stops, four pages of lists and four more; all as urgent."""
    at = evening(-600)
    ids = [kore_simulator.add_campaign(name=f"C{n}", status="Active", calling_hours=hours()) for n in range(6)]
    at.plan(*ids)
    reserved: list[tuple[float, int, float]] = []
    priorities: list[Priority] = []
    reserve, find_listed = at.client.reserve, at.client.find_listed

    def noted_reserve(requests: int, *, duration_s: float) -> Any:
        reserved.append((at.seconds_after_close(), requests, duration_s))
        return reserve(requests, duration_s=duration_s)

    def noted_list(*args: Any, priority: Priority = Priority.READ, **kwargs: Any) -> Any:
        priorities.append(priority)
        return find_listed(*args, priority=priority, **kwargs)

    monkeypatch.setattr(at.client, "reserve", noted_reserve)
    monkeypatch.setattr(at.client, "find_listed", noted_list)

    at.serve()

    assert reserved == [(-60.0, 14, 90.0)]
    assert priorities == [Priority.STOP, Priority.STOP]


def test_serve__statuses_that_cannot_be_read(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """The statuses that open the connections decide nothing: where they fail, every campaign is stopped."""
    at = evening(-600)
    ids = [kore_simulator.add_campaign(name=f"C{n}", status="Active", calling_hours=hours()) for n in range(5)]
    at.plan(*ids)
    kore_simulator.fail_next(400, operation="status", times=5)

    outcomes = at.serve()

    assert sorted(at.sent) == sorted((one, 0.0) for one in ids)
    assert outcomes.failures == {}


@pytest.mark.parametrize("number", [3, 6], ids=["each by itself", "by the list"])
@pytest.mark.parametrize("trouble", [401, 403, 404, 429, 503, "hang", "hang status"])
def test_serve__cannot_be_read_before_the_close(
    evening: Callable[..., Evening], kore_simulator: KoreSimulator, trouble: int | str, number: int
):
    """What ran when it was planned is stopped at its close, whatever becomes of the last reading before it."""
    at = evening(-600)
    ids = [kore_simulator.add_campaign(name=f"C{n}", status="Active", calling_hours=hours()) for n in range(number)]
    at.plan(*ids)
    operation = "list" if number > 3 else "get"
    if trouble == "hang status":
        kore_simulator.faults.hang_next(30, operation="status", before=True)
    elif trouble == "hang":
        kore_simulator.faults.hang_next(30, operation=operation, before=True, times=number)
    else:
        kore_simulator.fail_next(int(trouble), operation=operation, times=20, before=True)

    at.serve()

    assert sorted(one for one, _ in at.sent) == sorted(ids)
    # A rate limit that the reading met holds up the stops no longer than one that they meet themselves.
    assert {late_s for _, late_s in at.sent} <= ({0.0, 5.5} if trouble == 429 else {0.0})
    for one in ids:
        kore_simulator.assert_one_effect("stop", one)


@pytest.mark.parametrize("number", [1, 5], ids=["one", "many"])
def test_serve__renamed_before_the_close(evening: Callable[..., Evening], kore_simulator: KoreSimulator, number: int):
    """A campaign that has another name by its close than it was chosen by is not stopped, and keeps no other."""
    at = evening(-600)
    ids = [kore_simulator.add_campaign(name=f"C{n}", status="Active", calling_hours=hours()) for n in range(number)]
    at.plan(*(Target(one, f"C{n}") for n, one in enumerate(ids)))
    kore_simulator.service.store.get(ids[0]).name = "Winter"

    outcomes = at.serve()

    assert sorted(at.sent) == [(one, 0.0) for one in sorted(ids[1:])]
    assert list(outcomes.failures) == [ids[0]]
    assert "is named 'Winter', expected 'C0'; nothing was sent" in str(outcomes.failures[ids[0]])


def test_serve__cannot_be_read_and_did_not_run(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """What did not run when it was planned, or is not known from then, is read after the close, and judged by that."""
    at = evening(-600)
    running = kore_simulator.add_campaign(name="Running", status="Active", calling_hours=hours())
    idle = kore_simulator.add_campaign(name="Idle", status="Ready", calling_hours=hours())
    started = kore_simulator.add_campaign(name="Started", status="Stopped", calling_hours=hours())
    scheduled = kore_simulator.add_campaign(name="Scheduled", status="Scheduled", calling_hours=hours())
    unknown = kore_simulator.add_campaign(name="Unknown", status="Active", calling_hours=hours())
    run = at.plan(running, idle, started, scheduled, unknown)
    # As a task that an older version has deferred.
    run.planned[unknown] = replace(run.planned[unknown], campaign=None)
    kore_simulator.restart(started)
    kore_simulator.drop_next(operation="list", before=True)

    outcomes = at.serve()

    assert at.sent[0] == (running, 0.0)
    assert sorted(at.sent[1:]) == sorted([(started, 0.0), (unknown, 0.0)])
    assert [(one["campaign_id"], one["status"], one["changed"]) for one in outcomes.as_dicts()] == [
        (running, "Stopped", True),
        (idle, "Ready", False),
        (started, "Stopped", True),
        (unknown, "Stopped", True),
    ]
    assert "schedule" in str(outcomes.failures[scheduled])


def test_serve__the_last_reading_is_bounded(
    evening: Callable[..., Evening], kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch
):
    """The last reading begins three seconds before the close, and nothing of it is waited for in the last of them."""
    at = evening(-600)
    ids = [kore_simulator.add_campaign(name=f"C{n}", status="Active", calling_hours=hours()) for n in range(6)]
    at.plan(*ids)
    given: list[float] = []
    find_listed, warm_connection = at.client.find_listed, at.client.warm_connection

    def noted_list(*args: Any, patience: Patience, **kwargs: Any) -> Any:
        given.append(patience.left_s())
        return find_listed(*args, patience=patience, **kwargs)

    def noted_status(*args: Any, patience: Patience, **kwargs: Any) -> Any:
        given.append(patience.left_s())
        return warm_connection(*args, patience=patience, **kwargs)

    monkeypatch.setattr(at.client, "find_listed", noted_list)
    monkeypatch.setattr(at.client, "warm_connection", noted_status)

    at.serve()

    assert given == [*[2.0] * 7, math.inf]


class ServiceTime:
    """The service's clock, which a worker's is so many seconds ahead of."""

    def __init__(self, worker: FakeClock, ahead_s: float) -> None:
        self._worker = worker
        self._ahead_s = ahead_s

    def time(self) -> float:
        return self._worker.clock.now().timestamp() - self._ahead_s

    def monotonic(self) -> float:
        return self._worker.elapsed_s


@pytest.mark.parametrize(
    ("ahead_s", "sent_s", "said"),
    [
        (0.0, 0.0, None),
        (0.9, 0.0, None),
        (3.0, 3.0, "is 3 s ahead of the service's, so the stops for 2026-03-02T12:30:00.000Z wait until it says 2026"),
        (2.9, 3.0, "until it says 2026-03-02T12:30:03.000Z: set the clock"),
        (400.0, 30.0, "is 400 s ahead of the service's, so the stops"),
        (401.0, 30.0, "until it says 2026-03-02T12:30:30.000Z: set the clock"),
        (-0.9, 0.0, None),
        (-7.4, 0.0, "is 8 s behind the service's, so the stops for 2026-03-02T12:30:00.000Z may come so much too late"),
    ],
)
@pytest.mark.parametrize("number", [1, 4], ids=["one", "many"])
def test_serve__another_clock(
    settings: KoreSettings, caplog: pytest.LogCaptureFixture, ahead_s: float, sent_s: float, said: str, number: int
):
    """A worker whose clock is ahead of the service's sends no stop before the close by either, and says so."""
    time = FakeClock(elapsed_s=-600)
    names = ("client_id", "client_secret", "stream_id", "account_id")
    credentials = Credentials(**{name: getattr(settings, name) for name in names})
    with KoreSimulator(clock=ServiceTime(time, ahead_s), credentials=credentials) as simulator:
        account = replace(settings, host=simulator.url)
        budget = RequestBudget(10_000, account_key=None, clock=lambda: time.elapsed_s, sleep=time.sleep)
        signer = TokenSigner(settings.client_id, settings.client_secret, clock=lambda: time.clock.now().timestamp())
        with KoreClient(
            account, budget=budget, signer=signer, clock=lambda: time.elapsed_s, sleep=time.sleep
        ) as client:
            at = Evening(client, simulator, begins_s=-600)
            at.time = time
            ids = [simulator.add_campaign(name=f"C{n}", status="Active", calling_hours=hours()) for n in range(number)]
            at.plan(*ids)

            outcomes = at.serve()

    assert sorted(at.sent) == sorted((one, sent_s) for one in ids)
    assert outcomes.failures == {}
    warnings = [one.message for one in caplog.records if one.levelname == "WARNING" and "clock" in one.message]
    assert [said in one for one in warnings] == [True] * (said is not None)


def test_from_json__holds_no_more_than_a_stop_needs(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """What is kept of a campaign while it waits tells its run and its status, and no caller id."""
    at = evening(-600)
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=hours())
    run = at.plan(campaign)

    kept = run.as_json()["planned"][0]["campaign"]

    assert kept == {
        "id": campaign,
        "name": "C",
        "status": "Active",
        "campaignInstanceId": kore_simulator.campaign(campaign).instance_id,
        "schedule": {"isSchedulingEnabled": False},
    }
    again = CloseRun.from_json(json.loads(json.dumps(run.as_json())))
    assert again.planned[campaign].campaign == run.planned[campaign].campaign


def test_serve__closes_in_order(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """Campaigns with different closes are stopped each at its own, the earlier first."""
    at = evening(-600)
    late = kore_simulator.add_campaign(name="Late", status="Active", calling_hours=hours(window="9:00 AM-8:00 PM"))
    early = kore_simulator.add_campaign(name="Early", status="Active", calling_hours=hours())
    at.plan(late, early)

    outcomes = at.serve()

    assert at.sent == [(early, 0.0), (late, 7200.0)]
    assert at.wakes == [-60.0, 7140.0]
    assert [one["campaign_id"] for one in outcomes.as_dicts()] == [late, early]


def test_serve__contacts_further_west(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """With contacts in Dubai (1:30 behind Kolkata) the stop waits until 18:00 there."""
    at = evening(-600)
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=hours())
    at.plan(campaign, contact_timezones=["Asia/Dubai", "Asia/Tokyo"])

    at.serve()

    assert at.sent == [(campaign, 5400.0)]


def test_serve__late(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """A run that comes two hours after the close stops at once and says how late that was."""
    at = evening(7200)
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=hours())
    at.plan(campaign)

    (result,) = at.serve().as_dicts()

    assert at.wakes == []
    assert (result["changed"], result["lateness_s"]) == (True, 7200.0)


def test_serve__inside_the_next_days_hours(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """A run that comes at 10:00 the next morning waits for that day's close."""
    at = evening(16 * 3600)
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=hours())
    at.plan(campaign)

    at.serve()

    assert at.sent == [(campaign, 86400.0)]


def test_serve__waits_more_than_a_day_for_a_later_close(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """A late run that waits for the next day's close stops there, though its own is 30 hours ago by then."""
    at = evening(16 * 3600)
    week = CallingHours.parse("Asia/Kolkata", {"MO": "9:00 AM-12:00 PM", "TU-FR": "9:00 AM-6:00 PM"}).to_api()
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=week)
    at.plan(campaign)

    outcomes = at.serve()

    assert outcomes.failures == {}
    assert at.sent == [(campaign, 86400.0)]


@pytest.mark.parametrize("reason", ["preparing", "draining"])
def test_serve__slow_at_an_earlier_close(evening: Callable[..., Evening], kore_simulator: KoreSimulator, reason: str):
    """A campaign that does not stop in time keeps no later close waiting; it fails, and a retry looks again."""
    at = evening(-600)
    slow = kore_simulator.add_campaign(name="Slow", status="Active", calling_hours=hours())
    later = kore_simulator.add_campaign(name="Later", status="Active", calling_hours=hours(window="9:00 AM-6:02 PM"))
    at.plan(slow, later)
    if reason == "preparing":
        kore_simulator.set_status(slow, "Preparing", force=True)
    else:
        kore_simulator.switches(drain_polls=30)

    outcomes = at.serve()

    assert (later, 120.0) in at.sent
    assert outcomes.failures[slow].retryable is True


def test_serve__hangs_at_an_earlier_close(
    evening: Callable[..., Evening], kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch
):
    """Whatever an earlier close sends and reads is waited for until three seconds before the next, no longer."""
    at = evening(-600)
    slow = kore_simulator.add_campaign(name="Slow", status="Active", calling_hours=hours())
    later = kore_simulator.add_campaign(name="Later", status="Active", calling_hours=hours(window="9:00 AM-6:01 PM"))
    at.plan(slow, later)
    send = at.client._transport.send
    waited: list[tuple[str, float, float]] = []

    def hangs(endpoint: Any, *, patience: Patience, **kwargs: Any) -> Any:
        """Lets the clocks pass while the service hangs, so that the real wait is short."""
        begun_s = at.seconds_after_close()
        if kwargs["campaign_id"] != slow or not 0 <= begun_s < 60 or patience.is_endless:
            return send(endpoint, patience=patience, **kwargs)
        timeout_s = min(30.0, patience.answer_timeout_s)
        waited.append((endpoint.name, begun_s, timeout_s))
        at.time.elapsed_s += timeout_s
        raise KoreConnectionError("no answer", retryable=True, outcome_unknown=endpoint.name.startswith("stop"))

    monkeypatch.setattr(at.client._transport, "send", hangs)
    monkeypatch.setattr(at.client._sender, "_clock", lambda: at.time.elapsed_s)
    monkeypatch.setattr(at.client, "_clock", lambda: at.time.elapsed_s)
    monkeypatch.setattr(at.client._sender, "_sleep", at.time.sleep)

    outcomes = at.serve()

    assert waited[:2] == [("stop_voice_v1", 0.0, 30.0), ("get_v2", 30.0, 27.0)]
    assert at.sent == [(slow, 0.0), (later, 60.0)]
    error = outcomes.failures[slow]
    assert (error.retryable, error.outcome_unknown) == (True, True)


def test_serve__two_closes_that_have_come(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """A late run serves all closes that have come together: one that is slow to stop has its time, and delays none."""
    at = evening(3600)
    slow = kore_simulator.add_campaign(name="Slow", status="Active", calling_hours=hours())
    other = kore_simulator.add_campaign(name="Other", status="Active", calling_hours=hours(window="9:00 AM-6:30 PM"))
    at.plan(slow, other)
    kore_simulator.switches(drain_polls=2)

    outcomes = at.serve()

    assert outcomes.failures == {}
    assert sorted(at.sent) == sorted([(slow, 3600.0), (other, 3600.0)])
    assert [(one["campaign_id"], one["lateness_s"]) for one in outcomes.as_dicts()] == [(slow, 3600.0), (other, 1800.0)]


@pytest.mark.parametrize(("number", "limit"), [(15, 20), (3, 9)])
def test_serve__a_budget_that_is_just_enough(
    kore_simulator: KoreSimulator, settings: KoreSettings, number: int, limit: int
):
    """The room that is kept for the stops is not in the way of the readings before them: every stop is on time."""
    time = FakeClock(elapsed_s=-600)
    budget = RequestBudget(limit, account_key=None, clock=lambda: time.elapsed_s, sleep=time.sleep)
    client = KoreClient(settings, budget=budget, clock=lambda: time.elapsed_s, sleep=time.sleep)
    at = Evening(client, kore_simulator, begins_s=-600)
    at.time = time
    ids = [kore_simulator.add_campaign(name=f"C{n}", status="Active", calling_hours=hours()) for n in range(number)]
    at.plan(*ids)

    outcomes = at.serve()
    client.close()

    assert outcomes.failures == {}
    assert sorted(at.sent) == sorted((one, 0.0) for one in ids)
    assert {one["lateness_s"] for one in outcomes.as_dicts()} == {0.0}


def test_serve__no_room_to_read_before_the_close(kore_simulator: KoreSimulator, settings: KoreSettings):
    """One campaign's reading before the close is left out where it would take the place of a stop."""
    time = FakeClock(elapsed_s=-600)
    budget = RequestBudget(3, account_key=None, clock=lambda: time.elapsed_s, sleep=time.sleep)
    client = KoreClient(settings, budget=budget, clock=lambda: time.elapsed_s, sleep=time.sleep)
    at = Evening(client, kore_simulator, begins_s=-600)
    at.time = time
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=hours())
    at.plan(campaign)
    before = len(kore_simulator.requests)

    outcomes = at.serve()
    client.close()

    assert outcomes.failures == {}
    assert at.sent == [(campaign, 0.0)]
    assert [record.operation for record in list(kore_simulator.requests)[before:]][:2] == ["stop", "get"]


def test_serve__thirty_hours_late(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """More than 24 hours after the close nothing is sent, and no retry will send it."""
    at = evening(30 * 3600)
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=hours())
    at.plan(campaign)

    outcomes = at.serve()

    error = outcomes.failures[campaign]
    assert isinstance(error, CampaignStateError)
    assert error.retryable is False
    assert str(error).startswith(f"campaign {campaign}: the close of 2026-03-02 was at 2026-03-02T12:30:00.000Z")
    kore_simulator.assert_no_writes()


def test_serve__ended_before_the_close(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """A campaign that completes while it waits for its close is a success that changed nothing."""
    at = evening(-600)
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=hours())
    at.plan(campaign)
    kore_simulator.set_status(campaign, "Completed")

    (result,) = at.serve().as_dicts()

    assert (result["status"], result["changed"]) == ("Completed", False)
    kore_simulator.assert_no_writes()


def test_serve__not_running_when_planned(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """What does not run is waited for as well: at the close it is stopped if somebody has started it meanwhile."""
    at = evening(-600)
    idle = kore_simulator.add_campaign(name="Idle", status="Ready", calling_hours=hours())
    started = kore_simulator.add_campaign(name="Started", status="Stopped", calling_hours=hours())
    run = at.plan(idle, started)
    kore_simulator.restart(started)

    results = at.serve().as_dicts()

    assert list(run.planned) == [idle, started]
    assert [(one["campaign_id"], one["status"], one["changed"]) for one in results] == [
        (idle, "Ready", False),
        (started, "Stopped", True),
    ]
    assert at.sent == [(started, 0.0)]


def test_serve__one_that_fails_keeps_no_other(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """Not found, another type, unreadable hours, hours without a close: the others are stopped at their close."""
    at = evening(-600)
    good = kore_simulator.add_campaign(name="Good", status="Active", calling_hours=hours())
    sms = kore_simulator.add_campaign(name="Text", campaign_type="sms", status="Active", calling_hours=hours())
    odd = kore_simulator.add_campaign(name="Odd", status="Active", calling_hours={"timezone": "Mars/Olympus"})
    endless = kore_simulator.add_campaign(
        name="Endless", status="Active", calling_hours=hours(window="12:00 AM-12:00 AM", days="MO-SU")
    )
    at.plan(STRANGER, sms, odd, endless, good)

    outcomes = at.serve()

    assert at.sent == [(good, 0.0)]
    assert [one["campaign_id"] for one in outcomes.as_dicts()] == [good]
    messages = {one: str(error) for one, error in outcomes.failures.items()}
    assert set(messages) == {STRANGER, sms, odd, endless}
    assert "there is none" in messages[STRANGER]
    assert "is of type sms, not voice" in messages[sms]
    assert "its calling hours cannot be read" in messages[odd]
    assert 'when="now"' in messages[endless]


def test_serve__its_hours_begin_again_before_the_stop(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """A process that was held up past the next opening sends nothing; a retry decides anew."""
    at = evening(-30)
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=hours())
    at.plan(campaign)
    at.time.events = [lambda: None, lambda: setattr(at.time, "elapsed_s", 15.5 * 3600)]

    outcomes = at.serve()

    assert "its calling hours began again at 2026-03-03T03:30:00.000Z" in str(outcomes.failures[campaign])
    assert outcomes.failures[campaign].retryable is True
    kore_simulator.assert_no_writes()


def test_plan__given_hours(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """Hours that are given count in the place of the campaign's own."""
    at = evening(-600)
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=hours(window="9:00 AM-9:00 PM"))
    run = at.plan(campaign, calling_hours=CallingHours.from_api(hours()))

    closing = next_closing(run, at.time.clock.now())

    assert closing is not None
    assert closing.at == CLOSE


@pytest.mark.parametrize("gains", [True, False], ids=["the DAG gains calling_hours", "the DAG loses them"])
def test_from_json__the_dag_was_edited_meanwhile(
    evening: Callable[..., Evening], kore_simulator: KoreSimulator, gains: bool
):
    """A wait goes on to the close that it was for, whether the DAG still gives the hours or not."""
    at = evening(-600)
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=hours())
    given = CallingHours.parse("Asia/Kolkata", {"MO-FR": "9:00 AM-6:00 PM"}, closed_on={date(2026, 3, 3)})
    run = at.plan(campaign, calling_hours=None if gains else given)
    assert next_closing(run, at.time.clock.now()) is not None

    at.run = CloseRun.from_json(json.loads(json.dumps(run.as_json())), calling_hours=given if gains else None)

    assert at.serve().failures == {}
    assert at.sent == [(campaign, 0.0)]


def test_plan__before_the_last_day(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """On a business day before its last the campaign goes on; on the last day it is stopped."""
    at = evening(-600)
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=hours())

    waiting = at.plan(campaign, last_day=date(2026, 3, 3))
    due = at.plan(campaign, last_day=date(2026, 3, 2))

    assert waiting.all_wait_for_their_last_day
    assert waiting.outcomes.as_dicts()[0]["waits_for"] == "2026-03-03"
    assert not due.all_wait_for_their_last_day
    assert list(due.planned) == [campaign]


def test_serve__on_the_last_evening_before_a_closed_last_day(
    evening: Callable[..., Evening], kore_simulator: KoreSimulator
):
    """Open on Mondays only, and Wednesday is the last day: Monday's close is the last one."""
    at = evening(-600)
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=hours(days="MO"))
    at.plan(campaign, last_day=date(2026, 3, 4))

    assert at.serve().failures == {}
    assert at.sent == [(campaign, 0.0)]


def test_serve__at_the_midnight_that_ends_the_last_day(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """Hours that go on for days end at that midnight, half an hour before: a task that comes back does not wait on."""
    at = evening(-2400)
    campaign = kore_simulator.add_campaign(
        name="C", status="Active", calling_hours=hours("Pacific/Tarawa", "12:00 AM-12:00 AM")
    )
    at.plan(campaign, run_at=datetime(2026, 3, 2, 11, 50, tzinfo=UTC), last_day=date(2026, 3, 2))

    assert at.serve().failures == {}
    assert at.sent == [(campaign, -1800.0)]


def test_from_json__keeps_the_last_day(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """What says when a campaign is stopped is kept with it; a version that knew no last day kept none."""
    at = evening(-600)
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=hours())
    kept = at.plan(campaign, last_day=date(2026, 3, 2)).as_json()

    assert CloseRun.from_json(kept).planned[campaign].schedule.last_day == date(2026, 3, 2)
    del kept["planned"][0]["last_day"]
    assert CloseRun.from_json(kept).planned[campaign].schedule.last_day is None


@pytest.mark.parametrize("if_missing", ["skip", "succeed"])
def test_plan__missing(evening: Callable[..., Evening], kore_simulator: KoreSimulator, if_missing: str):
    """A campaign that is provably not there is a result where that is accepted."""
    at = evening(-600)
    run = at.plan(STRANGER, options={"if_missing": if_missing})

    assert [one["status"] for one in run.outcomes.as_dicts()] == ["Missing"]
    assert next_closing(run, at.time.clock.now()) is None


def test_plan_closes__says_what_and_when(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """A plan tells the request and its instant, waits for nothing and sends nothing."""
    at = evening(-600)
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=hours())
    run = at.plan(campaign, options={"plan_only": True})

    plan_closes(at.client, run, at.options, clock=at.time.clock)

    (result,) = run.outcomes.as_dicts()
    assert result["planned_at"] == "2026-03-02T12:30:00.000Z"
    assert result["planned"].startswith("POST /campaign/api/v1/public/")
    assert at.time.waits == []
    kore_simulator.assert_no_writes()


def test_from_json__keeps_outcomes(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """What a process before has found out is not lost when another goes on."""
    at = evening(-600)
    done = kore_simulator.add_campaign(name="C", status="Active", calling_hours=hours())
    run = at.plan(done, STRANGER)

    again = CloseRun.from_json(json.loads(json.dumps(run.as_json())))

    assert again.run_at == RUN_AT
    assert list(again.planned) == [done]
    assert isinstance(run.outcomes.failures[STRANGER], KoreNotFoundError)
    assert str(again.outcomes.failures[STRANGER]) == str(run.outcomes.failures[STRANGER])
    assert again.outcomes.failures[STRANGER].retryable is False


def test_plan__hours_of_a_calendar_are_not_stored(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """Given hours with closed days are given again after a wait, so a closed day stays closed."""
    at = evening(-600)
    closed = CallingHours.parse("Asia/Kolkata", {"MO-FR": "9:00 AM-6:00 PM"}, closed_on={date(2026, 3, 2)})
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=hours())
    run = at.plan(campaign, calling_hours=closed)

    again = CloseRun.from_json(run.as_json(), calling_hours=closed)

    assert next_closing(again, RUN_AT) == next_closing(run, RUN_AT)
    assert next_closing(run, RUN_AT).at == RUN_AT  # type: ignore[union-attr]


def test_plan__unreadable_hours_name_the_argument(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """Hours that cannot be read say which argument helps."""
    at = evening(-600)
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours={"timezone": "Mars/Olympus"})
    run = at.plan(campaign)

    error = run.outcomes.failures[campaign]
    assert isinstance(error, KoreConfigurationError)
    assert "The argument calling_hours says them" in str(error)


class SentBefore:
    """What an earlier try has kept: it sent a stop to each of these runs at the close."""

    def __init__(self, simulator: KoreSimulator, *ids: str) -> None:
        self._runs = {one: simulator.campaign(one).instance_id for one in ids}

    def recall(self, *_: object) -> dict[str, dict[str, Any]]:
        return {
            one: {"campaign_instance_id": run, "sent_at": "2026-03-02T12:30:00.000Z"} for one, run in self._runs.items()
        }

    def keep(self, entries: object, *_: object) -> None:
        pass


# Noon of the next day, inside its hours; a moment after the close; and two days later.
LATER = pytest.mark.parametrize("begins_s", [18 * 3600, 5, 48 * 3600], ids=["next noon", "at once", "two days later"])


@LATER
def test_plan__again_after_the_stop(evening: Callable[..., Evening], kore_simulator: KoreSimulator, begins_s: float):
    """A task that is cleared after it stopped a campaign is done at once, whenever that is: nothing is waited for."""
    at = evening(begins_s)
    stopped = kore_simulator.add_campaign(name="C", status="Active", calling_hours=hours())
    before = SentBefore(kore_simulator, stopped)
    kore_simulator.set_status(stopped, "Stopped")

    run = at.plan(stopped, evidence=before)

    assert run.planned == {}
    (result,) = at.serve().as_dicts()
    assert (result["status"], result["changed"], result["sent_at"]) == ("Stopped", False, "2026-03-02T12:30:00.000Z")
    assert at.wakes == []
    kore_simulator.assert_no_writes()


@LATER
def test_plan__again_after_a_new_start(evening: Callable[..., Evening], kore_simulator: KoreSimulator, begins_s: float):
    """A campaign that was started again since is refused at once, with the reason; another is planned as ever."""
    at = evening(begins_s)
    again = kore_simulator.add_campaign(name="C", status="Active", calling_hours=hours())
    other = kore_simulator.add_campaign(name="Other", status="Active", calling_hours=hours())
    before = SentBefore(kore_simulator, again)
    new_run = kore_simulator.restart(again)

    run = at.plan(again, other, evidence=before)

    assert list(run.planned) == [other]
    assert isinstance(run.outcomes.failures[again], CampaignStateError)
    assert f"was started again since, as {new_run}" in str(run.outcomes.failures[again])
    assert run.outcomes.failures[again].retryable is False
    kore_simulator.assert_no_writes()


def test_plan__again_after_a_try_that_sent_nothing(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """A run that goes on was not sent its stop, or lost it: it is planned, and stopped at the close."""
    at = evening(-3)
    running = kore_simulator.add_campaign(name="C", status="Active", calling_hours=hours())

    run = at.plan(running, evidence=SentBefore(kore_simulator, running))

    assert list(run.planned) == [running]
    assert at.serve().as_dicts()[0]["changed"] is True
    assert at.sent == [(running, 0.0)]


def test_next_closing__asks_only(evening: Callable[..., Evening], kore_simulator: KoreSimulator):
    """Asking for the next close changes nothing: what has none becomes a failure when closes are chosen, not before."""
    at = evening(-600)
    never = CallingHours.parse("Etc/UTC", {"MO-SU": "12:00 AM-12:00 AM"}).to_api()
    ids = [kore_simulator.add_campaign(name=f"C{n}", status="Active", calling_hours=hours()) for n in range(2)]
    run = at.plan(*ids, kore_simulator.add_campaign(name="Never", status="Active", calling_hours=never))
    before = run.as_json()

    asked = run.next_closing

    assert asked is None
    assert run.as_json() == before
    run.choose_closings(at.time.clock.now())
    chosen = run.as_json()
    assert run.next_closing is not None
    assert run.as_json() == chosen
    assert len(run.outcomes.failures) == 1
