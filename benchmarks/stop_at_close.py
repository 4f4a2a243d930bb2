"""Fifty campaigns stopped when their calling hours end, on a real Airflow (scheduler, LocalExecutor, triggerer).

The operator is triggered two to three minutes before the close, as its timetable would, once on a quiet machine and
once with all cores busy. Beside it, what one would write by hand: a Python loop, and a mapped HttpOperator, whose runs
are due at the close. They exist by then, which spares them the time that the scheduler takes to make a run.

Every figure is from the log of the simulator, which is a process of its own, allows 60 requests a minute and takes
0.1 s for an answer. Each measurement has a new one, with campaigns and a rate limit that nothing was taken from.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.kore.auth import TokenSigner
from benchmarks.simulator_process import simulator
from demo.airflow_stack import AirflowStack
from demo.ports import ReservedPort

if TYPE_CHECKING:
    from collections.abc import Iterator

CAMPAIGNS = 50
LATENCY_S = 0.1
STREAM_ID = "st-00000000-0000-4000-8000-000000000000"
ZONE = "Asia/Kolkata"
DAGS_FOLDER = Path(__file__).parent / "dags"

READ_EARLY = timedelta(seconds=120)
"""The operator reads each campaign first, and what that took of the minute's requests must be free at the close."""

SETTLE = timedelta(seconds=20)
"""For a run that waits for its close from the beginning."""

QUIET_S = 5.0
"""From the close on Airflow is left alone so long, rather than asked whether it is through."""

RUN_TIMEOUT_S = 180.0


@dataclass(frozen=True)
class Contender:
    """Who stops the campaigns.

    Attributes:
        name: in the table.
        dag_id: which DAG.
        is_early: True if its run begins before the close and waits for it; otherwise it begins at the close.
        cores_busy: True if something else wants all cores meanwhile.
    """

    name: str
    dag_id: str
    is_early: bool = False
    cores_busy: bool = False


CONTENDERS = (
    Contender("StopVoiceCampaignOperator", "benchmark_operator", is_early=True),
    Contender("the same with all cores busy", "benchmark_operator", is_early=True, cores_busy=True),
    Contender("a loop over requests", "benchmark_loop"),
    Contender("HttpOperator, mapped", "benchmark_mapped"),
)


def run() -> str:
    """Measure and tell."""
    campaign_ids = [f"cd-0000000-0000-4000-8000-{number:012}" for number in range(CAMPAIGNS)]
    env = {"BENCHMARK_CAMPAIGN_IDS": json.dumps(campaign_ids), "BENCHMARK_STREAM_ID": STREAM_ID}
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
        AirflowStack(Path(folder, "airflow"), DAGS_FOLDER, env=env) as airflow,
    ):
        measured = {contender.name: measure(contender, campaign_ids, airflow) for contender in CONTENDERS}
    return "\n".join([
        f"{CAMPAIGNS} campaigns stopped at the close, 60 requests a minute, {LATENCY_S:g} s latency",
        "(target: first 0 to 0.05 s after the close, confirmed <= 1.5 s, <= 52 requests from the close on, no 429)",
        f"  {'':<30} {'first':>9} {'last':>9} {'confirmed':>11} {'requests':>9} {'429':>4} {'stopped once':>13}",
        *(figures.told(name) for name, figures in measured.items()),
    ])


@dataclass(frozen=True)
class Figures:
    """What the service saw; all seconds count from the close.

    Attributes:
        first_s: when the first stop arrived; negative if it came too early.
        last_s: when the last stop that took effect was answered.
        confirmed_s: when a list that was asked for after all of them was answered; None if nobody asked.
        requests: that arrived from the close on.
        too_many: requests that the rate limit refused, at any time.
        stopped_once: campaigns that were stopped exactly once.
    """

    first_s: float
    last_s: float
    confirmed_s: float | None
    requests: int
    too_many: int
    stopped_once: int

    @classmethod
    def of(cls, log: list[dict[str, Any]], close: datetime) -> Figures:
        """From the simulator's log.

        Raises:
            RuntimeError: nothing was stopped.
        """
        stops = [one for one in log if one["operation"] == "stop"]
        effects = [one for one in stops if one["effect"]]
        if not effects:
            raise RuntimeError(f"no campaign was stopped; {len(log)} requests")
        last = max(effects, key=lambda one: one["answered_monotonic"])
        lists = [one for one in log if one["operation"] == "list" and one["monotonic"] >= last["answered_monotonic"]]
        times = Counter(one["campaign_id"] for one in effects)
        return cls(
            first_s=min(_arrived_s(one, close) for one in stops),
            last_s=_answered_s(last, close),
            confirmed_s=_answered_s(lists[0], close) if lists else None,
            requests=sum(_arrived_s(one, close) >= 0 for one in log),
            too_many=sum(one["status"] == 429 for one in log),
            stopped_once=sum(count == 1 for count in times.values()),
        )

    def told(self, name: str) -> str:
        """The figures as a row."""
        confirmed = "never" if self.confirmed_s is None else f"{self.confirmed_s:.3f} s"
        return (
            f"  {name:<30} {self.first_s:7.3f} s {self.last_s:7.3f} s {confirmed:>11} {self.requests:9} "
            f"{self.too_many:4} {f'{self.stopped_once} of {CAMPAIGNS}':>13}"
        )


def measure(contender: Contender, campaign_ids: list[str], airflow: AirflowStack) -> Figures:
    """Let one contender stop the campaigns of a new service, at the close of their hours."""
    dag_id = contender.dag_id
    airflow.api.wait_for_dag(dag_id)
    airflow.api.unpause(dag_id)
    close = _next_minute(datetime.now(UTC) + (READ_EARLY if contender.is_early else SETTLE))
    with ExitStack() as resources:
        hours = hours_until(close)
        running = [{"campaign_id": one, "status": "Active", "calling_hours": hours} for one in campaign_ids]
        service = resources.enter_context(service_with(running, latency_s=LATENCY_S))
        service.connect(airflow)
        begin = datetime.now(UTC) if contender.is_early else close
        run_id = f"benchmark__{uuid4()}"
        body = {"dag_run_id": run_id, "logical_date": None, "run_after": begin.isoformat()}
        airflow.api.call("POST", f"/dags/{dag_id}/dagRuns", body=body)
        until_quiet_s = (close - datetime.now(UTC)).total_seconds() + QUIET_S
        if contender.cores_busy:
            resources.enter_context(_busy_cores(until_quiet_s))
        time.sleep(until_quiet_s)
        state = airflow.api.wait_for_run(dag_id, run_id, timeout_s=RUN_TIMEOUT_S)["state"]
        figures = Figures.of(service.log(), close)
    if state != "success":
        raise RuntimeError(f"the run of {dag_id} is {state}: {figures}")
    return figures


class Service:
    """A simulator in a process of its own.

    Args:
        connection: the Airflow connection that leads to it.
        control_port: where it is steered and tells what it was asked.
    """

    def __init__(self, connection: dict[str, Any], control_port: int) -> None:
        self.connection = connection
        self._control_url = f"http://127.0.0.1:{control_port}"

    def connect(self, airflow: AirflowStack) -> None:
        """Make it what the DAGs' connections lead to, with a token of an hour for those who sign none."""
        kore = self.connection
        connections = [
            kore | {"connection_id": "kore_default", "extra": json.dumps(kore["extra"])},
            {
                "connection_id": "benchmark_http",
                "conn_type": "http",
                "host": kore["host"],
                "extra": json.dumps(self.headers()),
            },
        ]
        action = {"action": "create", "entities": connections, "action_on_existence": "overwrite"}
        airflow.api.call("PATCH", "/connections", body={"actions": [action]})

    def headers(self) -> dict[str, str]:
        """What a request needs that is written by hand, with a token of an hour."""
        return {
            "auth": TokenSigner(self.connection["login"], self.connection["password"], ttl_s=3600).sign(),
            "iid": STREAM_ID,
            "accountId": self.connection["extra"]["account_id"],
            "Content-Type": "application/json",
        }

    def log(self) -> list[dict[str, Any]]:
        """Every request that it received, oldest first."""
        found: list[dict[str, Any]] = self._control("GET", "/requests")
        return found

    def switch(self, **switches: Any) -> None:
        """Set switches of the simulator."""
        self._control("PUT", "/switches", switches)

    def order(self, kind: str, **fault: Any) -> None:
        """Order a fault of the simulator."""
        self._control("POST", "/faults", {"kind": kind, **fault})

    def _control(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._control_url}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


def hours_until(close: datetime) -> dict[str, object]:
    """Calling hours of every day, which begin four hours before that time of day."""
    opening = close - timedelta(hours=4)
    return CallingHours.parse(ZONE, {"MO-SU": f"{_wall_time(opening)}-{_wall_time(close)}"}).to_api()


@contextmanager
def service_with(campaigns: list[dict[str, Any]], *, latency_s: float) -> Iterator[Service]:
    """A simulator with these campaigns, the oldest first."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        seed = Path(folder, "seed.json")
        seed.write_text(json.dumps(campaigns), encoding="utf-8")
        port = ReservedPort()
        options = ("--latency", str(latency_s), "--stream-id", STREAM_ID, "--seed-file", str(seed))
        with simulator(*options, "--control-port", str(port.number)) as connection:
            port.release()
            yield Service(connection, port.number)


@contextmanager
def _busy_cores(seconds: float) -> Iterator[None]:
    """One process for each core that does nothing but count, for so many seconds at most."""
    count = f"import time\nend = time.monotonic() + {seconds}\nwhile time.monotonic() < end: pass"
    processes = [subprocess.Popen([sys.executable, "-c", count]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
            process.wait()


def _next_minute(instant: datetime) -> datetime:
    """The first whole minute from then on, because calling hours have no seconds."""
    minute = instant.replace(second=0, microsecond=0)
    return minute if minute == instant else minute + timedelta(minutes=1)


def _wall_time(instant: datetime) -> str:
    """As the service writes it, like ``6:05 PM``."""
    return instant.astimezone(ZoneInfo(ZONE)).strftime("%I:%M %p").removeprefix("0")


def _arrived_s(request: dict[str, Any], close: datetime) -> float:
    return (datetime.fromisoformat(request["at"]) - close).total_seconds()


def _answered_s(request: dict[str, Any], close: datetime) -> float:
    duration_s: float = request["answered_monotonic"] - request["monotonic"]
    return _arrived_s(request, close) + duration_s
