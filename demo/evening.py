"""One evening on a real Airflow: run the lifecycle DAG, tell what happens, and judge by the simulator's own state."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.simulator import KoreSimulator
from demo.airflow_api import TERMINAL_RUN_STATES, AirflowApi

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_campaigns.simulator.campaigns import Campaign
    from airflow_provider_campaigns.simulator.journal import RequestRecord

REPOSITORY = Path(__file__).resolve().parents[1]
DAGS_FOLDER = REPOSITORY / "example_dags"
CAMPAIGNS = REPOSITORY / "demo" / "campaigns.json"
LIFECYCLE_DAG = "kore_end_of_campaigns"
NAME_PREFIX = "Spring "
"""What the lifecycle DAG chooses by default; the other campaigns must stay as they are."""

CONNECTION_ID = "kore_default"
RUN_TIMEOUT_S = 180.0
POLL_S = 0.4
# What to call the parts of a lifecycle that are of no interest to a reader of the timeline.
QUIET_STATES = frozenset({None, "none", "removed"})


def seeded_simulator(**options: Any) -> KoreSimulator:
    """The simulator with the demo's campaigns; not yet listening."""
    return KoreSimulator(seed=CAMPAIGNS, **options)


def add_connection(
    api: AirflowApi, simulator: KoreSimulator, *, connection_id: str = CONNECTION_ID, **extra: Any
) -> None:
    """Make the simulator an Airflow connection, that of the example DAGs by default, in the place of any older one."""
    connection = json.loads(simulator.connection_json(**extra))
    # The port has a field of its own, without which Airflow 3.3.2 refuses to test a connection from its UI.
    host, _, port = connection["host"].rpartition(":")
    body = {
        "connection_id": connection_id,
        "conn_type": connection["conn_type"],
        "description": "The Kore.ai simulator of this demo",
        "host": host,
        "port": int(port),
        "login": connection["login"],
        "password": connection["password"],
        "extra": json.dumps(connection["extra"]),
    }
    api.call(
        "PATCH",
        "/connections",
        body={"actions": [{"action": "create", "entities": [body], "action_on_existence": "overwrite"}]},
    )


def run_lifecycle(api: AirflowApi, simulator: KoreSimulator, *, say: Callable[[str], None] = print) -> str:
    """Run the lifecycle DAG to its end, telling each request and each task as it happens; the run's state.

    Raises:
        TimeoutError: it has not ended after three minutes.
    """
    api.wait_for_dag(LIFECYCLE_DAG)
    api.unpause(LIFECYCLE_DAG)
    began = time.monotonic()
    run_id = api.trigger(LIFECYCLE_DAG)
    timeline = Timeline(simulator, began=began, say=say)
    while True:
        state = str(api.dag_run(LIFECYCLE_DAG, run_id)["state"])
        timeline.tell(api.task_instances(LIFECYCLE_DAG, run_id))
        if state in TERMINAL_RUN_STATES:
            return state
        if time.monotonic() - began > RUN_TIMEOUT_S:
            raise TimeoutError(f"the run of {LIFECYCLE_DAG} is {state} after {RUN_TIMEOUT_S:g} s")
        time.sleep(POLL_S)


class Timeline:
    """Tells what happened since it was last asked, requests and tasks in the order of their instants."""

    def __init__(self, simulator: KoreSimulator, *, began: float, say: Callable[[str], None]) -> None:
        self._simulator = simulator
        self._began = began
        self._say = say
        self._told = len(simulator.requests)
        self._states: dict[tuple[str, int], str | None] = {}
        self._names = {campaign.campaign_id: campaign.name for campaign in simulator.campaigns()}

    def tell(self, task_instances: list[dict[str, Any]]) -> None:
        """Say every request that has been answered, then every task whose state has changed."""
        for record in list(self._simulator.requests)[self._told :]:
            if record.answered_monotonic is None:
                break
            self._told += 1
            self._line(record.monotonic, "request", self._request(record))
        for task in task_instances:
            key, state = (task["task_id"], task["map_index"]), task["state"]
            if self._states.get(key) != state and state not in QUIET_STATES:
                which = f" [{task.get('rendered_map_index') or task['map_index']}]" if task["map_index"] >= 0 else ""
                self._line(time.monotonic(), "task", f"{task['task_id']}{which}: {state}")
            self._states[key] = state

    def _line(self, at: float, kind: str, text: str) -> None:
        self._say(f"  {at - self._began:5.1f} s  {kind:<7}  {text}")

    def _request(self, record: RequestRecord) -> str:
        subject = self._names.get(record.campaign_id or "", record.campaign_id) or ""
        if record.operation == "list":
            subject = f"{record.body.get('type')} campaigns" if isinstance(record.body, dict) else ""
        effect = {"stop": "Active -> Stopped", "delete": "-> gone"}.get(record.operation) if record.effect else None
        told = effect or record.reason or ""
        return f"{record.operation:<8} {subject:<24} HTTP {record.status}  {told}".rstrip()


def table(campaigns: Mapping[str, Campaign], now: Mapping[str, Campaign] | None = None) -> str:
    """The campaigns as lines: type, name, status, and - if given - what they are now."""
    lines = []
    for campaign_id, campaign in campaigns.items():
        line = f"  {campaign.campaign_type:<6} {campaign.name:<24} {campaign.status:<8}"
        if now is not None:
            after = now[campaign_id].status if campaign_id in now else "gone"
            line += f" -> {after}"
        lines.append(line.rstrip())
    return "\n".join(lines)


def by_id(simulator: KoreSimulator) -> dict[str, Campaign]:
    """The simulator's campaigns as they are now."""
    return {campaign.campaign_id: campaign for campaign in simulator.campaigns()}


def shortcomings(before: Mapping[str, Campaign], simulator: KoreSimulator) -> list[str]:
    """What the simulator's own state and log say against the evening; empty if all went as it should.

    Chosen campaigns are gone, were stopped exactly once if they were running and never otherwise, and were deleted
    exactly once, after their stop. All others are as they were.
    """
    after = by_id(simulator)
    found = []
    for campaign_id, campaign in before.items():
        stops = [record.number for record in simulator.effects("stop", campaign_id=campaign_id)]
        deletes = [record.number for record in simulator.effects("delete", campaign_id=campaign_id)]
        if not campaign.name.startswith(NAME_PREFIX):
            if after.get(campaign_id) != campaign:
                found.append(f"{campaign.name}: was not chosen, but was changed")
            continue
        wanted_stops = 1 if campaign.status == "Active" else 0
        if len(stops) != wanted_stops:
            found.append(f"{campaign.name}: was stopped {len(stops)} times, not {wanted_stops}")
        if campaign_id in after or len(deletes) != 1:
            found.append(f"{campaign.name}: was deleted {len(deletes)} times, and is {after.get(campaign_id, 'gone')}")
        elif stops and stops[0] > deletes[0]:
            found.append(f"{campaign.name}: was deleted before it was stopped")
    return found


def say_line(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True, file=sys.stdout)
