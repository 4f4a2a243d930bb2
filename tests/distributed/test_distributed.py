"""The evening on a distributed Airflow: Postgres, Redis, the CeleryExecutor, and two workers."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.simulator import KoreSimulator
from demo.distributed_stack import BUDGET_CONN_ID, WORKERS
from demo.evening import add_connection, say_line
from demo.guard import descendants, read_process_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from demo.distributed_stack import DistributedStack

pytestmark = pytest.mark.timeout(900)

DAG_ID = "distributed_evening"
REQUESTS_PER_MINUTE = 400
LATENCY_S = 0.4  # fifty stops take 2.5 s then: time enough to kill their sender in the middle
STOPS_BEFORE_THE_KILL = 10
UNTIL_CLOSE = timedelta(seconds=90)
"""The run must have read its campaigns and be deferred a minute before the close, when it comes back to a worker.

That takes 12 s; the close is at the next whole minute.
"""


@dataclass
class Evening:
    """One run of the DAG for so many campaigns that run, and whose hours began three hours before the close."""

    stack: DistributedStack
    simulator: KoreSimulator
    campaigns: int
    reports: Path
    close: datetime = field(init=False)
    campaign_ids: list[str] = field(init=False)
    run_id: str = field(init=False)

    def begin(self) -> None:
        """Trigger the run, and return when its stop waits in the triggerer."""
        api = self.stack.api
        self.simulator.switches(rate_limit=REQUESTS_PER_MINUTE, latency=LATENCY_S)
        shared = {"requests_per_minute": REQUESTS_PER_MINUTE, "budget_conn_id": BUDGET_CONN_ID}
        add_connection(api, self.simulator, **shared)
        api.wait_for_dag(DAG_ID)
        api.unpause(DAG_ID)
        # A whole minute, because calling hours have no seconds.
        self.close = (datetime.now(UTC) + UNTIL_CLOSE).replace(second=0, microsecond=0) + timedelta(minutes=1)
        opening = self.close - timedelta(hours=3)
        hours = CallingHours.parse("UTC", {"MO-SU": f"{opening:%I:%M %p}-{self.close:%I:%M %p}"}).to_api()
        self.campaign_ids = [
            self.simulator.add_campaign(name=f"Evening {number}", status="Active", calling_hours=hours, contacts=20)
            for number in range(self.campaigns)
        ]
        self.run_id = api.trigger(DAG_ID, conf={"output_path": str(self.reports)})
        wait_until(lambda: self.stop_task()["state"] == "deferred", "the stop is deferred", timeout_s=60)

    def until_close_s(self) -> float:
        """How long until the calling hours end; negative once they have."""
        return (self.close - datetime.now(UTC)).total_seconds()

    def stop_task(self) -> dict[str, Any]:
        """The task that stops, as it is now."""
        tasks = self.stack.api.task_instances(DAG_ID, self.run_id)
        return next(one for one in tasks if one["task_id"] == "end_of_campaign.stop_voice")

    def wait_for_worker(self) -> str:
        """The name of the worker that holds the stop, once one does."""

        def holder() -> str | None:
            task, table = self.stop_task(), read_process_table()
            if task["state"] != "running":  # the process that deferred it may not have ended yet
                return None
            return next((name for name in WORKERS if task["pid"] in descendants(table, self.stack.pids[name])), None)

        return wait_until(holder, "a worker holds the stop", timeout_s=120)

    @property
    def stopped(self) -> int:
        """How many campaigns have been stopped."""
        return len(self.simulator.effects("stop"))

    def assert_all_went_well(self) -> None:
        """Every campaign was stopped, reported and deleted once, none before the close, and nothing was refused."""
        run = self.stack.api.wait_for_run(DAG_ID, self.run_id, timeout_s=420)
        assert run["state"] == "success"
        for campaign_id in self.campaign_ids:
            self.simulator.assert_one_effect("stop", campaign_id)
            self.simulator.assert_one_effect("delete", campaign_id)
        manifests = [json.loads(path.read_text()) for path in self.reports.glob("*/*/manifest.json")]
        assert sorted(one["campaign_id"] for one in manifests) == sorted(self.campaign_ids)
        assert all(one["complete"] for one in manifests)
        assert self.simulator.campaigns() == []
        stops, deletes = self.simulator.requests.of("stop"), self.simulator.requests.of("delete")
        assert len(stops) == len(deletes) == self.campaigns
        assert min(datetime.fromisoformat(one.at) for one in stops) >= self.close
        assert [one for one in self.simulator.requests if one.status == 429] == []


@pytest.fixture
def evening(stack: DistributedStack, tmp_path: Path) -> Iterator[Callable[[int], Evening]]:
    """An evening for so many campaigns, not yet begun."""
    with KoreSimulator() as simulator:
        yield lambda campaigns: Evening(stack, simulator, campaigns, tmp_path / "reports")


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Tell at once what happens: minutes pass in between."""
    began = time.monotonic()

    def say(text: str) -> None:
        with capsys.disabled():
            say_line(f"  {time.monotonic() - began:5.1f} s  {text}")

    return say


def wait_until(question: Callable[[], Any], what: str, *, timeout_s: float, every_s: float = 0.5) -> Any:
    """The first true answer."""
    deadline = time.monotonic() + timeout_s
    while not (answer := question()):
        assert time.monotonic() < deadline, f"not after {timeout_s:g} s: {what}"
        time.sleep(every_s)
    return answer


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Let a process, and all below it, do nothing for as long as the block lasts."""
    family = {pid, *descendants(read_process_table(), pid)}
    for one in family:
        os.kill(one, signal.SIGSTOP)
    try:
        yield
    finally:
        for one in family & set(read_process_table()):
            os.kill(one, signal.SIGCONT)


def test_evening__worker_killed_at_the_close(evening: Callable[[int], Evening], say: Callable[[str], None]):
    """Each campaign is stopped and deleted once, none inside its hours, although the worker that stops is killed."""
    at = evening(50)
    stack, simulator = at.stack, at.simulator

    at.begin()
    say(f"50 campaigns wait in the triggerer for {at.close:%H:%M:%S}")
    holder = at.wait_for_worker()
    say(f"{holder} holds the stop")
    # A worker holds it a minute before the close or later, whatever the machine; so the wait is counted from the close.
    wait_until(
        lambda: at.stopped >= STOPS_BEFORE_THE_KILL,
        "the stops begin",
        timeout_s=at.until_close_s() + 30,
        every_s=0.005,
    )
    stack.kill(holder, and_all_below=True)
    killed = time.monotonic()
    time.sleep(2 * LATENCY_S)  # what was on its way takes effect, although nobody hears of it
    stopped_before = at.stopped
    say(f"{holder} is killed; {stopped_before} campaigns are stopped")
    simulator.switches(latency=0.0)
    wait_until(lambda: at.stopped >= 50, "a retry stops the rest", timeout_s=150)
    say(f"all are stopped, {time.monotonic() - killed:.0f} s after the kill")
    stack.restart(holder)
    at.assert_all_went_well()
    most = simulator.requests.max_in_any_window()
    say(f"all are deleted; {len(simulator.requests)} requests, at most {most} in any minute")

    assert STOPS_BEFORE_THE_KILL <= stopped_before < 50
    assert (at.stop_task()["state"], at.stop_task()["try_number"]) == ("success", 2)
    # Both workers had tasks enough to need more than half of the budget, and shared it through Redis: each has a folder
    # of its own for what it saw last.
    assert all([*stack.temporary_folder(name).glob("kore-campaign-budget-*/*")] for name in WORKERS)
    assert REQUESTS_PER_MINUTE / 2 < most <= REQUESTS_PER_MINUTE
    done = {name: stack.log_path(name).read_text().count("succeeded in") for name in WORKERS}
    assert sum(done.values()) >= 150
    assert min(done.values()) >= 30


def test_evening__database_and_broker_away_at_the_close(evening: Callable[[int], Evening], say: Callable[[str], None]):
    """A worker that is armed stops every campaign while Postgres, and so the api-server, and Redis answer nothing."""
    at = evening(8)

    at.begin()
    at.wait_for_worker()
    # Before the worker reads the campaigns for the last time, and notes what it is about to send.
    time.sleep(max(0.0, at.until_close_s() - 8.0))
    with frozen(at.stack.service_pids["postgres"]), frozen(at.stack.service_pids["redis"]):
        say("Postgres and Redis are frozen")
        wait_until(lambda: at.stopped == 8, "all are stopped", timeout_s=at.until_close_s() + 30, every_s=0.05)
        say("all are stopped")

    at.assert_all_went_well()
