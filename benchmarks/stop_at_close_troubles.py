"""Fifty campaigns stopped at their close while something is in trouble, and a loop over requests in the same trouble.

No Airflow here: this process does what the operator's task does, from 12 s before the close on, by a clock that is set
so that the close comes when it is wanted. The loop begins on the second. Whoever fails tries again 10 s later, as
Airflow would have it, up to five times.

Every figure is from the log of the simulator, which is a process of its own, allows 60 requests a minute and takes
0.1 s for an answer. Each measurement has a new one.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from airflow_provider_campaigns.actions.stopping.at_close import plan_close_run, serve_what_is_due
from airflow_provider_campaigns.actions.stopping.stop import StopOptions
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.clock import Clock, wait_until
from airflow_provider_campaigns.kore.patience import ENDLESS, Patience
from airflow_provider_campaigns.kore.settings import KoreSettings
from benchmarks.stop_at_close import CAMPAIGNS, LATENCY_S, STREAM_ID, Service, hours_until, service_with

CLOSE = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
"""Long ago, so that the clock that is set is behind the service's: one that is ahead would wait for it."""

REQUESTS_PER_MINUTE = 60
PLANNED = timedelta(minutes=10)
ARMED_S = 12.0
LEAD_TIME = timedelta(seconds=60)
TRIES, RETRY_DELAY_S = 6, 10.0
IN_TIME_S = 1.5
FIRST_TROUBLED = 20  # in the middle: a loop that meets it first has done nothing yet
OPTIONS = StopOptions(CampaignType.VOICE)


@dataclass(frozen=True)
class Trouble:
    """What is in the way of fifty stops.

    Attributes:
        name: in the table.
        arrange: orders it of the service, for these campaigns; None where there is nothing to order.
        at_s: when, in seconds from the close; None for before everybody begins.
        troubled: how many campaigns, from ``FIRST_TROUBLED`` on, cannot be stopped in time as the others can.
        others: campaigns of the account that nobody wants to stop, all of them newer.
        second_try_s: a first try planned the stops and was killed, and another begins so many seconds before the
            close.
    """

    name: str
    arrange: Callable[[Service, list[str]], None] | None = None
    at_s: float | None = None
    troubled: int = 0
    others: int = 0
    second_try_s: float | None = None

    def begin(self, service: Service, campaign_ids: list[str], at: SetClock) -> None:
        """Let the service be as slow and as strict as it is, and get into trouble now or in time."""
        service.switch(rate_limit=REQUESTS_PER_MINUTE, latency=LATENCY_S)
        if self.arrange is not None:
            wait_s = 0.0 if self.at_s is None else self.at_s - at.after_close_s()
            threading.Timer(wait_s, self.arrange, (service, campaign_ids)).start()


def hang(service: Service, campaign_ids: list[str]) -> None:
    """One campaign's stop takes effect, and its answer comes a minute later."""
    service.order("hang", seconds=60, after=True, operation="stop", campaign_id=campaign_ids[FIRST_TROUBLED])


def hang_without_effect(service: Service, campaign_ids: list[str]) -> None:
    """One campaign's stop takes effect after a minute, if somebody still waits for it then."""
    service.order("hang", seconds=60, operation="stop", campaign_id=campaign_ids[FIRST_TROUBLED])


def refuse_five(service: Service, campaign_ids: list[str]) -> None:
    """The stops of five campaigns are answered 503, once."""
    for one in campaign_ids[FIRST_TROUBLED : FIRST_TROUBLED + 5]:
        service.order("fail", status=503, operation="stop", campaign_id=one)


def close_port(service: Service, _: list[str]) -> None:
    """Break all connections, and refuse new ones for 3.5 s."""
    service.order("refuse", seconds=3.5)


Contender = Callable[[Service, list[str], Trouble], "tuple[SetClock, float | None]"]

TROUBLES = (
    Trouble("none"),
    Trouble("2,000 newer campaigns in the account", others=2000),
    Trouble("one answer hangs 60 s", hang, troubled=1),
    Trouble("one stop hangs 60 s", hang_without_effect, troubled=1),
    Trouble("five answer 503 once", refuse_five, troubled=5),
    Trouble("port closed from -0.5 to 3 s", close_port, at_s=-0.5),
    Trouble("a second try begins at -20 s", second_try_s=20.0),
)


def run() -> str:
    """Measure and tell."""
    logging.getLogger("airflow_provider_campaigns").setLevel(logging.CRITICAL)
    head = f"{CAMPAIGNS} campaigns, {REQUESTS_PER_MINUTE} requests a minute, {LATENCY_S:g} s latency, and a trouble"
    columns = (
        f"{'first':>8} {'in 1.5 s':>8} {'last':>8} {'rest proven':>11} {'all proven':>10} {'requests':>8} {'429':>4}"
    )
    lines = [head, f"  {'':<38} {columns}"]
    for trouble in TROUBLES:
        lines.append(trouble.name)
        for name, contender in (("what the operator does", by_the_operator), ("a loop over requests", by_a_loop)):
            lines.append(measure(trouble, contender).told(name))
    return "\n".join(lines)


class SetClock:
    """A clock by which the close comes in so many seconds."""

    def __init__(self, begin_s: float) -> None:
        self._behind = datetime.now(UTC) - (CLOSE - timedelta(seconds=begin_s))
        self.clock = Clock(now=lambda: datetime.now(UTC) - self._behind)

    def after_close_s(self, at: datetime | None = None) -> float:
        """Seconds from the close to an instant of the real clock, or to now."""
        return ((at or datetime.now(UTC)) - self._behind - CLOSE).total_seconds()


class Notes:
    """What a task keeps across its tries, as in Airflow's task state store."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, Any]] = {}

    def recall(self, patience: Patience = ENDLESS) -> Mapping[str, dict[str, Any]]:  # noqa: ARG002 - as of Evidence
        """All of it."""
        return dict(self._entries)

    def keep(self, entries: Mapping[str, dict[str, Any]], patience: Patience | None = None) -> bool:  # noqa: ARG002
        """Add to it."""
        self._entries |= entries
        return True


def by_the_operator(service: Service, campaign_ids: list[str], trouble: Trouble) -> tuple[SetClock, float | None]:
    """The clock, and when everything was proven in seconds from the close; None if not within its tries."""
    targets, notes = [Target(one) for one in campaign_ids], Notes()
    # What planning takes of the minute's requests is free again ten minutes later.
    with client_of(service, 10_000) as client:
        at = SetClock(PLANNED.total_seconds())
        close_run = plan_close_run(client, targets, OPTIONS, run_at=CLOSE, evidence=notes, clock=at.clock)
    at = SetClock(trouble.second_try_s or ARMED_S)
    trouble.begin(service, campaign_ids, at)
    is_planned = trouble.second_try_s is None
    with client_of(service, REQUESTS_PER_MINUTE) as client:
        for _ in range(TRIES):
            if not is_planned:
                close_run = plan_close_run(client, targets, OPTIONS, run_at=CLOSE, evidence=notes, clock=at.clock)
            is_planned = False
            while wake_at := serve_what_is_due(
                client, close_run, OPTIONS, lead_time=LEAD_TIME, evidence=notes, clock=at.clock
            ):
                wait_until(wake_at, at.clock)
            if not close_run.outcomes.failures:
                return at, at.after_close_s()
            time.sleep(RETRY_DELAY_S)
    return at, None


def by_a_loop(service: Service, campaign_ids: list[str], trouble: Trouble) -> tuple[SetClock, float | None]:
    """The same of a request for each campaign over one session, which goes on where one fails, and proves nothing."""
    at = SetClock(2.0)
    trouble.begin(service, campaign_ids, at)
    wait_until(CLOSE, at.clock)
    with requests.Session() as session:
        session.headers.update(service.headers())
        for _ in range(TRIES):
            campaign_ids = [one for one in campaign_ids if not is_accepted(session, service, one)]
            if not campaign_ids:
                break
            time.sleep(RETRY_DELAY_S)
    return at, None


def is_accepted(session: requests.Session, service: Service, campaign_id: str) -> bool:
    """Send one stop."""
    path = f"/campaign/api/v1/public/{STREAM_ID}/campaign/{campaign_id}?campaignType=voice&trigger=stop"
    try:
        return session.post(f"{service.connection['host']}{path}", data="{}", timeout=30).ok
    except requests.RequestException:
        return False


def client_of(service: Service, requests_per_minute: int) -> KoreClient:
    """A client with a request budget of its own."""
    kore = service.connection
    settings = KoreSettings(
        host=kore["host"],
        client_id=kore["login"],
        client_secret=kore["password"],
        stream_id=kore["extra"]["stream_id"],
        account_id=kore["extra"]["account_id"],
        requests_per_minute=requests_per_minute,
    )
    return KoreClient(settings, budget=RequestBudget(requests_per_minute, account_key=None))


@dataclass(frozen=True)
class Figures:
    """What became of the stops; all seconds count from the close.

    Attributes:
        first_s: when the first stop arrived; negative if it came too early.
        in_time: campaigns that had stopped after a second and a half.
        last_s: when the last one had stopped.
        rest_proven_s: when a list that was asked for after all but the troubled ones had stopped was answered, or all
            was proven; None if never.
        all_proven_s: when all was proven; None if never.
        requests: that arrived from the close on.
        too_many: requests that the rate limit refused.
        stopped: campaigns that were stopped.
    """

    first_s: float
    in_time: int
    last_s: float
    rest_proven_s: float | None
    all_proven_s: float | None
    requests: int
    too_many: int
    stopped: int

    @classmethod
    def of(
        cls, log: list[dict[str, Any]], at: SetClock, all_proven_s: float | None, *, proven_by_one_list: list[str]
    ) -> Figures:
        """From the simulator's log, whose instants are of the real clock."""
        seen = []
        for one in log:
            arrived_s = at.after_close_s(datetime.fromisoformat(one["at"]))
            answered = one["answered_monotonic"] or one["monotonic"]
            seen.append((one, arrived_s, arrived_s + answered - one["monotonic"]))
        stopped_s = {
            # A stop that hangs after it took effect stops as soon as any other.
            one["campaign_id"]: answered_s if one["fault"] == "hang before" else min(answered_s, arrived_s + LATENCY_S)
            for one, arrived_s, answered_s in seen
            if one["operation"] == "stop" and one["effect"]
        }
        rest_s = max((stopped_s.get(one, math.inf) for one in proven_by_one_list), default=math.inf)
        lists = [
            answered_s
            for one, arrived_s, answered_s in seen
            if one["operation"] == "list" and one["status"] == 200 and arrived_s >= rest_s
        ]
        return cls(
            first_s=min(arrived_s for one, arrived_s, _ in seen if one["operation"] == "stop"),
            in_time=sum(one <= IN_TIME_S for one in stopped_s.values()),
            last_s=max(stopped_s.values()),
            rest_proven_s=min(lists, default=all_proven_s),
            all_proven_s=all_proven_s,
            requests=sum(arrived_s >= 0 for _, arrived_s, _ in seen),
            too_many=sum(one["status"] == 429 for one in log),
            stopped=len(stopped_s),
        )

    def told(self, name: str) -> str:
        """The figures as a row."""
        rest, everything = (
            "never" if one is None else f"{one:.2f} s" for one in (self.rest_proven_s, self.all_proven_s)
        )
        stopped = "" if self.stopped == CAMPAIGNS else f"  only {self.stopped} stopped"
        return (
            f"  {name:<38} {self.first_s:6.3f} s {self.in_time:8} {self.last_s:6.2f} s {rest:>11} {everything:>10} "
            f"{self.requests:8} {self.too_many:4}{stopped}"
        )


def measure(trouble: Trouble, contender: Contender) -> Figures:
    """Let one contender stop the campaigns of a new service in this trouble."""
    campaign_ids = [f"cd-0000000-0000-4000-8000-{number:012}" for number in range(CAMPAIGNS)]
    hours = hours_until(CLOSE)
    campaigns: list[dict[str, Any]] = [
        *({"campaign_id": one, "status": "Active", "calling_hours": hours} for one in campaign_ids),
        *({"name": f"Last year's {number}", "status": "Stopped"} for number in range(trouble.others)),
    ]
    with service_with(campaigns, latency_s=0.0) as service:
        service.switch(rate_limit=None)
        at, all_proven_s = contender(service, campaign_ids, trouble)
        log = service.log()
    rest = campaign_ids[:FIRST_TROUBLED] + campaign_ids[FIRST_TROUBLED + trouble.troubled :]
    # One list has a hundred campaigns: of more, only who asked knows when all were seen.
    return Figures.of(log, at, all_proven_s, proven_by_one_list=[] if trouble.others else rest)
