"""A stage for crashes: a real Airflow whose runs have a campaign service each, and whose processes can be killed.

The service is the judge: its log holds every request with its instant, and its state says what each request did.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo

from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.simulator import KoreSimulator
from demo.airflow_api import AirflowApi
from demo.evening import add_connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from demo.airflow_stack import AirflowStack

ZONE = "Asia/Kolkata"
TASK_ID = "stop"
RUN_TIMEOUT_S = 150.0


class Stage:
    """Makes scenes, and ends their services when the block is left."""

    def __init__(self, airflow: AirflowStack) -> None:
        self.airflow = airflow
        self._services = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._services.close()

    def scene(self, name: str, *, close: datetime, campaigns: int, dag_id: str = "stop", **fields: Any) -> Scene:
        """So many running campaigns of a new service, whose hours of four hours end at ``close``, every day."""
        simulator = self._services.enter_context(KoreSimulator())
        hours = fields.pop("calling_hours", None) or hours_until(close)
        ids = [
            simulator.add_campaign(name=f"{name} {number}", status="Active", calling_hours=hours, **fields)
            for number in range(campaigns)
        ]
        airflow = self.airflow
        api = AirflowApi(airflow.url, username=airflow.username, password=airflow.password, check=airflow.check)
        self._services.callback(api.close)
        add_connection(api, simulator, connection_id=f"kore_{name}")
        api.wait_for_dag(dag_id)
        api.unpause(dag_id)
        return Scene(name, dag_id, api, simulator, close, ids)


@dataclass
class Scene:
    """Runs of one DAG, and the service that only they talk to.

    Attributes:
        name: tells the connection.
        dag_id: the DAG, with one task.
        api: the Airflow that runs it, logged in; not shared with another thread.
        simulator: the service.
        close: when the hours of all campaigns end.
        campaign_ids: the campaigns.
        run_ids: the runs so far.
    """

    name: str
    dag_id: str
    api: AirflowApi
    simulator: KoreSimulator
    close: datetime
    campaign_ids: list[str]
    run_ids: list[str] = field(default_factory=list)

    def trigger(self, *, run_after: datetime | None = None) -> str:
        """Begin a run for all campaigns."""
        conf = {"kore_conn_id": f"kore_{self.name}", "campaign_ids": self.campaign_ids}
        self.run_ids.append(self.api.trigger(self.dag_id, conf=conf, run_after=run_after))
        return self.run_ids[-1]

    def clear(self) -> None:
        """Have the first run's task run again."""
        self.api.clear(self.dag_id, self.run_ids[0], TASK_ID)

    # -- watching ------------------------------------------------------------------------------------------------------

    def task(self, run: int = 0) -> dict[str, Any]:
        """The task of a run as it is now."""
        (task,) = self.api.task_instances(self.dag_id, self.run_ids[run])
        return task

    def wait_for_task(self, *states: str, timeout_s: float = 60.0) -> None:
        """Return once the first run's task is in one of the states."""
        wait_until(lambda: self.task()["state"] in states, timeout_s, f"{self.name}: the task is {' or '.join(states)}")

    def wait_for_requests(self, operation: str, number: int) -> None:
        """Return once the service has got so many requests of the kind."""
        what = f"{self.name}: {number} requests to {operation}"
        wait_until(lambda: len(self.simulator.requests.of(operation)) >= number, self._patience_s, what)

    def wait_before_close(self, seconds: float) -> None:
        """Return so many seconds before the close."""
        left_s = (self.close - datetime.now(UTC)).total_seconds() - seconds
        assert left_s > 0, f"{self.name}: everything took so long that the close is too near"
        time.sleep(left_s)

    def wait_for_end(self) -> list[str]:
        """The state of each run, once all have ended."""
        return [
            str(self.api.wait_for_run(self.dag_id, run_id, timeout_s=RUN_TIMEOUT_S)["state"]) for run_id in self.run_ids
        ]

    @property
    def stops(self) -> int:
        """How many campaigns have been stopped so far."""
        return len(self.simulator.effects("stop"))

    @property
    def _patience_s(self) -> float:
        return max(0.0, (self.close - datetime.now(UTC)).total_seconds()) + 30.0

    # -- killing -------------------------------------------------------------------------------------------------------

    def kill_task(self) -> None:
        """Kill the process that executes the task; the executor's worker that waits for it sees that at once."""
        os.kill(process_titled(f"airflow worker -- {self.task()['id']}"), signal.SIGKILL)

    def kill_worker(self) -> None:
        """Kill the executor's worker that watches over the task, and leaves the task's own process alone."""
        os.kill(process_titled(f"airflow worker -- LocalExecutor: {self.task()['id']}"), signal.SIGKILL)

    # -- judging -------------------------------------------------------------------------------------------------------

    def results(self, run: int = 0, *, key: str = "return_value") -> list[dict[str, Any]]:
        """What the task said of each campaign, in their order."""
        results: list[dict[str, Any]] = self.api.xcom(self.dag_id, self.run_ids[run], TASK_ID, key=key)
        return results

    def tries(self) -> list[tuple[str, int]]:
        """How each run's task has ended, and at which try."""
        tasks = [self.task(number) for number in range(len(self.run_ids))]
        return [(task["state"], task["try_number"]) for task in tasks]

    def log(self, try_number: int, run: int = 0) -> str:
        """What one try of the task has logged."""
        return self.api.task_log(self.dag_id, self.run_ids[run], TASK_ID, try_number=try_number)

    def assert_stopped_once(self, *campaign_ids: str) -> None:
        """Fail unless each campaign (named none: all) was stopped once, and no stop came before the close."""
        for campaign_id in campaign_ids or self.campaign_ids:
            self.simulator.assert_one_effect("stop", campaign_id)
            assert self.simulator.campaign(campaign_id).status == "Stopped"
        early = [one for one in self.simulator.requests.of("stop") if datetime.fromisoformat(one.at) < self.close]
        assert not early, f"before the close at {self.close}: {early}"
        assert not [one for one in self.simulator.requests if one.status == 429]


def next_close(at_least_s: float) -> datetime:
    """The first whole minute that is so far away: calling hours have no seconds."""
    earliest = datetime.now(UTC) + timedelta(seconds=at_least_s)
    return earliest.replace(second=0, microsecond=0) + timedelta(minutes=1)


def hours_until(close: datetime) -> dict[str, Any]:
    """Calling hours as the service has them, of four hours that end at ``close``, every day."""
    return CallingHours.parse(ZONE, {"MO-SU": _window(close)}).to_api()


def hours_of_one_day(close: datetime) -> dict[str, Any]:
    """The same, on that day of the week only."""
    opening = (close - timedelta(hours=4)).astimezone(ZoneInfo(ZONE))
    return CallingHours.parse(ZONE, {f"{opening:%a}"[:2].upper(): _window(close)}).to_api()


def _window(close: datetime) -> str:
    instants = (one.astimezone(ZoneInfo(ZONE)) for one in (close - timedelta(hours=4), close))
    return "-".join(f"{one:%I:%M %p}".removeprefix("0") for one in instants)


def process_titled(title: str) -> int:
    """The only process with this title (Linux)."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            shown = path.read_bytes().split(b"\0")[0].decode(errors="replace")
        except OSError:  # it has ended since the directory was read
            continue
        if shown.rstrip() == title:
            found.append(int(path.parent.name))
    (pid,) = found
    return pid


def wait_until(condition: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Return once the condition holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not after {timeout_s:.0f} s: {what}"
        time.sleep(0.05)
