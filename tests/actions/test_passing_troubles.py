"""A trouble that passes costs no campaign its stop, no result its place, and no task more tries than it has.

The simulator's own engine answers, without sockets, on a clock that moves only where somebody waits. A trouble begins
with the evening and ends by itself; a task has six tries, ten seconds apart, as the examples have.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests
from no_sockets import AtOnce, NoSockets, account_of
from saved_report import open_folder

from airflow_provider_campaigns.actions.deleting.delete import DeleteOptions, delete_campaigns
from airflow_provider_campaigns.actions.deleting.given_reports import GivenReports, reported_targets
from airflow_provider_campaigns.actions.reporting.report import ReportOptions, report_campaigns
from airflow_provider_campaigns.actions.stopping.stop import StopOptions, stop_campaigns
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore import senders
from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.clock import Clock
from airflow_provider_campaigns.kore.errors import KoreError
from airflow_provider_campaigns.kore.retry import LOOK_AGAIN_S, OUTAGE_S, Bounds
from airflow_provider_campaigns.reports import read_ahead
from airflow_provider_campaigns.simulator import ManualClock
from airflow_provider_campaigns.simulator.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from airflow_provider_campaigns.actions.outcomes import Outcomes

TRIES = 6
RETRY_DELAY_S = 10.0
PAGE = "<html><body>Request blocked</body></html>"
CONTACTS = 12

TROUBLES: dict[str, Callable[[Engine, dict[str, Any]], None]] = {
    **{
        f"{status} page": lambda engine, which, status=status: engine.fail_next(status, body=PAGE, **which)
        for status in (200, 400, 401, 403, 404, 405, 407, 408, 409, 410, 421, 423, 425, 429, 451, 499)
    },
    **{
        str(status): lambda engine, which, status=status: engine.fail_next(status, **which)
        for status in (408, 409, 421, 423, 425, 429, 500, 502, 503, 504)
    },
    "520": lambda engine, which: engine.fail_next(520, body="error code: 520", **which),
    "nothing": lambda engine, which: engine.fail_next(200, body="", **which),
    "a list": lambda engine, which: engine.fail_next(200, body=[], **which),
    "redirect": lambda engine, which: engine.redirect_next("https://status.example/maintenance", **which),
    "drop": lambda engine, which: engine.drop_next(**which),
    "drop after": lambda engine, which: engine.drop_next(after=True, **which),
    "cut off": lambda engine, which: engine.truncate_next(**which),
    "garbled": lambda engine, which: engine.garble_next(**which),
    "maintenance": lambda engine, which: engine.fail_next(503, headers={"Retry-After": "150"}, **which),
}


class Evening:
    """Campaigns that are stopped, reported and deleted while a trouble passes."""

    def __init__(self, engine: Engine, clock: ManualClock, place: Path) -> None:
        self.engine, self.clock, self.place = engine, clock, place
        self.ends_at = 0.0
        self.ids: list[str] = []

    def add(self, campaigns: int) -> None:
        self.ids = [self.engine.add_campaign(status="Active", contacts=CONTACTS) for _ in range(campaigns)]

    def meets(self, trouble: str, seconds: float, **which: Any) -> None:
        """Let a trouble begin that lasts for so many seconds; 0 is for one request."""
        self.ends_at = self.clock.monotonic() + (seconds or math.inf)
        TROUBLES[trouble](self.engine, {"times": 100_000 if seconds else 1, **which})

    def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        if self.clock.monotonic() >= self.ends_at:
            self.engine.clear_faults()

    def around(self, moment: str) -> None:
        if moment == "before":
            self.sleep(0.1)

    @property
    def time(self) -> Clock:
        return Clock(
            now=lambda: datetime.fromtimestamp(self.clock.time(), UTC), monotonic=self.clock.monotonic, sleep=self.sleep
        )

    def client(self) -> KoreClient:
        return KoreClient(
            account_of(self.engine),
            budget=RequestBudget(10_000, account_key=None, clock=self.clock.monotonic, sleep=self.sleep),
            bounds=Bounds(look_again_s=LOOK_AGAIN_S, outage_s=OUTAGE_S),
            clock=self.clock.monotonic,
            sleep=self.sleep,
            jitter=lambda: 0.5,
        )

    def task(self, name: str, work: Callable[[KoreClient], Outcomes]) -> list[dict[str, Any]]:
        """What a task gives after as many tries as it takes, of six."""
        errors = []
        for _ in range(TRIES):
            with self.client() as client:
                outcomes = work(client)
            try:
                outcomes.raise_failures(name)
            except KoreError as error:
                errors.append(error)
                self.sleep(RETRY_DELAY_S)
            else:
                return outcomes.as_dicts()
            assert errors[-1].retryable, f"{name} fails for good: {errors[-1]}"
        raise AssertionError(f"{name} has used all of its tries: {errors[-1]}")

    def stop(self, client: KoreClient) -> Outcomes:
        return stop_campaigns(client, [*map(Target, self.ids)], StopOptions(CampaignType.VOICE), clock=self.time)

    def report(self, client: KoreClient) -> Outcomes:
        return report_campaigns(
            client, [*map(Target, self.ids)], self.place, ReportOptions(("jsonl",)), clock=self.time
        )

    def delete(self, client: KoreClient, results: list[dict[str, Any]]) -> Outcomes:
        given = reported_targets(GivenReports.parse(results), None, open_folder)
        return delete_campaigns(client, given.targets.targets, DeleteOptions(), reports=given.reports, clock=self.time)

    def assert_all_is_well(self) -> None:
        assert self.engine.campaigns() == []
        for one in self.ids:
            self.engine.assert_one_effect("stop", one)
            self.engine.assert_one_effect("delete", one)
            for manifest in self.place.glob(f"{one}/*/manifest.json"):
                assert json.loads(manifest.read_text())["rows"] == CONTACTS

    def run(self) -> None:
        self.task("stop", self.stop)
        results = self.task("report", self.report)
        self.task("delete", lambda client: self.delete(client, results))


@pytest.fixture
def evening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Evening]:
    """An evening that every session of ``requests`` reaches."""
    clock = ManualClock()
    engine = Engine(clock=clock)
    engine.switches(rate_limit=None)
    evening = Evening(engine, clock, tmp_path)
    adapter = NoSockets(engine)
    adapter.around = evening.around
    monkeypatch.setattr(requests.Session, "get_adapter", lambda *_, **__: adapter)
    for module in (read_ahead, senders):
        monkeypatch.setattr(module, "ThreadPoolExecutor", AtOnce)
    yield evening
    adapter.close()


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize(("campaigns", "seconds"), [(4, 0.0), (4, 180.0), (1, 180.0)])
def test_evening__nothing_is_answered(evening: Evening, trouble: str, campaigns: int, seconds: float) -> None:
    """Each campaign is stopped once, reported whole and deleted once, whatever every answer is for a while."""
    evening.add(campaigns)
    evening.meets(trouble, seconds)

    evening.run()

    evening.assert_all_is_well()


@pytest.mark.parametrize("operation", ["stop", "get", "list", "contacts", "delete"])
@pytest.mark.parametrize("trouble", ["403 page", "409", "500", "504", "redirect", "drop", "garbled", "maintenance"])
def test_evening__one_verb(evening: Evening, trouble: str, operation: str) -> None:
    """It is so, too, where only one of the service's verbs is in trouble."""
    evening.add(1)
    evening.meets(trouble, 180.0, operation=operation)

    evening.run()

    evening.assert_all_is_well()
