"""Starts, stops and deletes by random schedules: what people do while one waits, and what goes wrong on the way.

The simulator's own engine answers, without sockets, on a clock that moves only where somebody waits. What a schedule
shows is judged by what took effect there, and on what.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import requests
from no_sockets import NoSockets, account_of

from airflow_provider_campaigns.actions.deleting.delete import DeleteOptions, delete_campaigns
from airflow_provider_campaigns.actions.starting.start import StartOptions, start_campaigns
from airflow_provider_campaigns.actions.stopping.stop import StopOptions, stop_campaigns
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore.budget import Priority, RequestBudget
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.clock import Clock
from airflow_provider_campaigns.kore.errors import KoreError
from airflow_provider_campaigns.simulator import ManualClock
from airflow_provider_campaigns.simulator.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_campaigns.simulator.campaigns import Campaign

SCHEDULES = int(os.environ.get("WRITE_SCHEDULES", "500"))
FIRST = int(os.environ.get("WRITE_SCHEDULES_FIRST", "0"))
"""The number of the first schedule; it is the seed, so a schedule can be run again alone."""

ONCE_WRONG = (1385, 2938, 5728, 16203)
"""Tried each time: a stop went to a run that was started meanwhile. In the first the second look names no run; in the
others there was a wait between the look and the stop that is sent again."""

PLACES = 8
RESTING, RUNNING = ("Ready", "Stopped", "Completed"), ("Active", "Paused")
STATUSES = {"stop": RUNNING, "start": ("Ready", "Stopped", "Completed"), "delete": ("Ready", "Stopped", "Completed")}
NO_EFFECT = (429, 401, 403)
"""Answers that say that the write was refused: it had no effect, and there is no doubt."""


@dataclass(frozen=True)
class Write:
    """A write that reached the service: on a campaign in which status and run, and whether it changed something."""

    status: str
    run: str | None
    took_effect: bool


class Schedule:
    """One schedule: a service, its faults, people, and one verb done to one campaign by an action or by the client."""

    def __init__(self, seed: int, engine: Engine, clock: ManualClock) -> None:
        self.rng = rng = random.Random(seed)
        self.engine, self.clock = engine, clock
        self.acts: list[str] = []
        self.writes: list[Write] = []
        self.read: list[str | None] = []
        self.runs: set[str | None] = set()
        self.before: Campaign | None = None
        self.verb = rng.choice(["stop", "start", "delete"])
        self.kind = rng.choice(["voice", "sms"])
        self.is_action = rng.random() < 0.6
        self.has_people = rng.random() < 0.8
        engine.reset()
        engine.switches(
            rate_limit=None,
            delete_running=rng.choice(["accept", "accept", "refuse"]),
            delete_answer=rng.choice(["data", "bare", "deletedAt"]),
            not_found_status=rng.choice([400, 404]),
            stop_idle=rng.choice(["error", "noop"]),
            start_running=rng.choice(["error", "noop"]),
            drain_seconds=rng.choice([0.0, 0.0, 4.0, 14.0]),
            drain_answer=rng.choice(["Stopped", "Active"]),
        )
        status = rng.choice(STATUSES[self.verb])
        self.campaign_id = engine.add_campaign(campaign_type=self.kind, name="Renewals", status=status)
        self.meant = self.now().instance_id
        self.budget = RequestBudget(PLACES, account_key=None, clock=clock.monotonic, sleep=self.sleep)
        self.is_full = self.verb != "stop" and rng.random() < 0.4
        for _ in range(PLACES if self.is_full else 0):
            with self.budget.slot(Priority.WRITE):
                pass
        for _ in range(rng.randint(0, 3)):
            self.break_something()

    def now(self) -> Campaign:
        return self.engine.campaign(self.campaign_id)

    def break_something(self) -> None:
        rng, engine = self.rng, self.engine
        operation = rng.choice([self.verb, self.verb, self.verb, "get", "list"])
        which = {"operation": operation, "skip": 0 if operation == self.verb else rng.randint(0, 3)}
        after = rng.random() < 0.4
        pause = rng.choice([None, {"Retry-After": "20"}, {"Retry-After": "200"}])
        rng.choice([
            lambda: engine.fail_next(429, headers=pause, **which),
            lambda: engine.fail_next(429, headers=pause, **which),
            lambda: engine.fail_next(503, headers=pause, **which),
            lambda: engine.fail_next(rng.choice([500, 502, 503, 504]), after=after, **which),
            lambda: engine.fail_next(rng.choice([401, 403]), **which),
            lambda: engine.drop_next(after=after, **which),
            lambda: engine.truncate_next(**which),
            lambda: engine.garble_next(after=after, **which),
        ])()

    def sleep(self, seconds: float) -> None:
        """Time passes, and in any of the longer pauses somebody may act."""
        part = self.rng.random() * seconds
        self.clock.advance(part)
        # A stop is sent once without a look: that it is due is known before.
        if seconds > 0.2 and (self.verb != "stop" or self.writes):
            self.somebody_acts()
        self.clock.advance(seconds - part)

    def somebody_acts(self) -> None:
        if not self.has_people or self.rng.random() > 0.4:
            return
        try:
            campaign = self.now()
        except LookupError:
            return
        if campaign.stopping:
            return
        store, campaign_id, engine = self.engine.service.store, self.campaign_id, self.engine
        possible: dict[str, Callable[[], object]] = {"edit": lambda: setattr(store.get(campaign_id), "priority", "1")}
        if campaign.status in RESTING:
            possible["start"] = lambda: engine.restart(campaign_id)
            possible["run"] = lambda: (engine.restart(campaign_id), engine.set_status(campaign_id, "Completed"))
            possible["delete"] = lambda: store.remove(campaign_id)
        else:
            possible["stop"] = lambda: engine.set_status(campaign_id, "Stopped")
            possible["run anew"] = lambda: engine.restart(campaign_id)
        if campaign.status == "Active":
            possible["pause"] = lambda: engine.set_status(campaign_id, "Paused")
        act = self.rng.choice(sorted(possible))
        possible[act]()
        self.acts.append(f"{self.clock.monotonic():.1f}: {act}")

    def around(self, moment: str) -> None:
        """Note what each request met; an answer takes its time, and somebody may act in a long one."""
        if moment == "before":
            self.clock.advance(self.rng.choice([0.05, 0.3, 1.0]))
            try:
                self.before = self.now()
            except LookupError:
                self.before = None
            return
        request = self.engine.requests[-1]
        self.runs |= {one.instance_id for one in self.engine.campaigns()}
        if request.operation == self.verb and self.before is not None:
            self.writes.append(Write(self.before.status, self.before.instance_id, request.effect is not None))
        if request.operation == "get" and request.status == 200 and request.fault is None and self.before is not None:
            self.read.append(self.before.instance_id)
        if self.rng.random() < 0.05:
            self.sleep(8.0)

    def run(self, adapter: NoSockets) -> None:
        adapter.around = self.around
        client = KoreClient(
            account_of(self.engine),
            budget=self.budget,
            clock=self.clock.monotonic,
            sleep=self.sleep,
            jitter=self.rng.random,
        )
        try:
            told = self.act(client) if self.is_action else self.call(client)
        except KoreError as error:
            told = error
        finally:
            client.close()
        self.judge(told)

    def call(self, client: KoreClient) -> dict[str, Any]:
        more = {} if self.verb == "stop" else {"judge": lambda _: None}
        method = getattr(client, f"{self.verb}_campaign")
        self.read.append(self.meant)
        receipt = method(self.campaign_id, self.kind, instance_id=self.meant, **more)
        return {"changed": receipt.changed, "campaign_instance_id": receipt.campaign_instance_id}

    def act(self, client: KoreClient) -> dict[str, Any]:
        start = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
        clock = Clock(
            now=lambda: start + timedelta(seconds=self.clock.monotonic()),
            monotonic=self.clock.monotonic,
            sleep=self.sleep,
        )
        kind = CampaignType(self.kind)
        actions: dict[str, Callable[..., Any]] = {
            "stop": partial(stop_campaigns, options=StopOptions(kind, confirm=False)),
            "start": partial(start_campaigns, options=StartOptions(kind, allow_rerun=True)),
            "delete": partial(delete_campaigns, options=DeleteOptions(if_unreported="delete")),
        }
        outcomes = actions[self.verb](client, [Target(self.campaign_id)], clock=clock)
        for error in outcomes.failures.values():
            raise error
        (result,) = outcomes.as_dicts()
        return result

    def judge(self, told: dict[str, Any] | KoreError) -> None:
        effects = [one for one in self.writes if one.took_effect]
        faults = [one for one in self.engine.requests.of(self.verb) if one.fault]
        is_doubtful = any(one.status not in NO_EFFECT for one in faults)
        meant = self.read[0] if self.read else self.meant
        for one in effects:
            # A stop alone is sent of an unknown run, and sent again: only the status could be read.
            assert one.run == meant or (self.verb == "stop" and not self.read), f"another run: {one}"
            assert one.status in STATUSES[self.verb], f"{self.verb} while {one.status}"
        assert len(effects) <= 1, effects
        if isinstance(told, KoreError):
            assert told.outcome_unknown or not effects, f"{told!r} claims that nothing happened"
            return
        if told["changed"]:
            assert effects or is_doubtful, f"{told} without an effect"
        else:
            assert not effects, f"{told} in spite of an effect"
        there = [one for one in self.engine.campaigns() if one.campaign_id == self.campaign_id]
        if self.verb == "delete":
            assert not there, told
        elif self.verb == "stop" and there:
            (campaign,) = there
            assert campaign.instance_id != meant or campaign.stopping or campaign.status not in RUNNING, told
        elif self.verb == "start" and told["changed"]:
            assert told["campaign_instance_id"] in {None, *self.runs - {meant}}, told

    def __str__(self) -> str:
        who = "action" if self.is_action else "client"
        return "\n".join([
            f"{self.verb} {self.kind} by the {who}, meant {self.meant}, read {self.read[:1]}, {self.is_full=}",
            *self.acts,
            *map(str, self.engine.requests),
            *map(str, self.writes),
        ])


@pytest.fixture
def clock() -> ManualClock:
    """Moves where somebody waits."""
    return ManualClock()


@pytest.fixture
def engine(clock: ManualClock) -> Engine:
    """The service."""
    return Engine(clock=clock)


@pytest.fixture
def adapter(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[NoSockets]:
    """Carries what every session of ``requests`` sends to the service."""
    adapter = NoSockets(engine)
    monkeypatch.setattr(requests.Session, "get_adapter", lambda *_, **__: adapter)
    yield adapter
    adapter.close()


@pytest.mark.timeout(600 + SCHEDULES // 5)
def test_writes__whatever_people_do(
    adapter: NoSockets, engine: Engine, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """No run but the one meant is stopped, started over or deleted, none while it runs, and no word is untrue."""
    # Ten lines for each schedule would take as long as the rest.
    caplog.set_level("WARNING", "airflow_provider_campaigns")
    seen: Counter[tuple[str, bool, bool]] = Counter()
    for seed in (*ONCE_WRONG, *range(FIRST, FIRST + SCHEDULES)):
        schedule = Schedule(seed, engine, clock)
        try:
            schedule.run(adapter)
        except AssertionError as error:
            pytest.fail(f"schedule {seed}: {error}\n{schedule}")
        took_effect = any(one.took_effect for one in schedule.writes)
        seen[schedule.verb, bool(schedule.acts), took_effect] += 1

    if SCHEDULES >= 500:
        assert len(seen) == 12, seen
        assert min(seen.values()) > SCHEDULES / 200, seen
