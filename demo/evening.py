"""One evening on a real Airflow: run the lifecycle DAG, tell what happens, and judge by the simulator's own state."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow_provider_campaigns.simulator import KoreSimulator
from demo.airflow_api import TERMINAL_RUN_STATES, AirflowApi
from demo.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from airflow_provider_campaigns.simulator.campaigns import Campaign

REPOSITORY = Path(__file__).resolve().parents[1]
DAGS_FOLDER = REPOSITORY / "example_dags"
CAMPAIGNS = REPOSITORY / "demo" / "campaigns.json"
LIFECYCLE_DAG = "kore_end_of_campaigns"
NAME_PREFIX = "Spring "
"""What the lifecycle DAG chooses by default; the other campaigns must stay as they are."""

CONNECTION_ID = "kore_default"
REQUESTS_PER_MINUTE = 600
"""Of the demo's account. A real one has 60, with which saving 3,000 contacts would take longer than a demo should."""

GROUP = "end_of_campaign"
APPROVE = f"{GROUP}.approve"
WAITING = frozenset({"awaiting_input", "deferred"})
ZONE = ZoneInfo("Asia/Kolkata")
EARLIEST_CLOSE = timedelta(seconds=70)
"""So that the campaigns are read more than a minute before the close, as they should be."""

GRACE_PERIOD_S = "5"
RUN_TIMEOUT_S = 240.0
POLL_S = 0.4


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


@dataclass(frozen=True)
class LifecycleRun:
    """What came of a run of the lifecycle DAG.

    Attributes:
        state: of the run.
        close: when the campaigns' calling hours ended; None if the run did not wait for it.
        lateness_s: from the close to the answer to each stop, by the campaign's name.
        fates: what its last task says of each campaign.
    """

    state: str
    close: datetime | None
    lateness_s: Mapping[str, float]
    fates: Sequence[Mapping[str, Any]]

    @property
    def pages(self) -> list[str]:
        """The file of each HTML report."""
        return [one["page_url"].removeprefix("file://") for one in self.fates if one["page_url"]]


def run_lifecycle(
    api: AirflowApi,
    simulator: KoreSimulator,
    *,
    when: str = "calling_hours_end",
    say: Callable[[str], None] = print,
) -> LifecycleRun:
    """Run the lifecycle DAG to its end, telling each request and each task as it happens.

    With ``when="calling_hours_end"`` the campaigns first get hours that end at the next whole minute but one. The
    question whether the campaigns may be deleted is answered here, with yes.

    Raises:
        TimeoutError: it has not ended after four minutes.
    """
    api.wait_for_dag(LIFECYCLE_DAG)
    api.unpause(LIFECYCLE_DAG)
    close = None
    if when == "calling_hours_end":
        close = close_soon(simulator, datetime.now(UTC))
        say(f"  The calling hours of all campaigns end at {close:%H:%M:%S} UTC.")
    began = time.monotonic()
    run_id = api.trigger(LIFECYCLE_DAG, conf={"when": when, "grace_period": GRACE_PERIOD_S})
    timeline = Timeline(simulator, began=began, say=say)
    answered: set[int] = set()
    while True:
        state = str(api.dag_run(LIFECYCLE_DAG, run_id)["state"])
        tasks = api.task_instances(LIFECYCLE_DAG, run_id)
        timeline.tell(tasks)
        if state in TERMINAL_RUN_STATES:
            return _ended(api, run_id, state, close, {one["task_id"] for one in tasks if one["state"] == "success"})
        for asking in (one for one in tasks if one["task_id"] == APPROVE and one["state"] in WAITING):
            if asking["try_number"] not in answered:
                answered.add(asking["try_number"])
                question = api.answer(LIFECYCLE_DAG, run_id, APPROVE, "Approve")
                timeline.note("answer", f"{question['subject']} - Approve (by this demo, in the place of a person)")
        if time.monotonic() - began > RUN_TIMEOUT_S:
            raise TimeoutError(f"the run of {LIFECYCLE_DAG} is {state} after {RUN_TIMEOUT_S:g} s")
        time.sleep(POLL_S)


def close_soon(simulator: KoreSimulator, now: datetime) -> datetime:
    """Give every campaign calling hours, of every day, that end at a whole minute soon; that instant."""
    close = (now + EARLIEST_CLOSE + timedelta(seconds=59, milliseconds=999)).replace(second=0, microsecond=0)
    begin, end = (f"{one.astimezone(ZONE):%I:%M %p}".removeprefix("0") for one in (close - timedelta(hours=2), close))
    days = [{"day": day, "start": begin, "end": end} for day in ("MO", "TU", "WE", "TH", "FR", "SA", "SU")]
    state = simulator.snapshot()
    for campaign in state["campaigns"]:
        campaign["calling_hours"] = {"frequency": "WEEKLY", "timezone": ZONE.key, "days": days}
    simulator.restore(state)
    return close


def _ended(
    api: AirflowApi, run_id: str, state: str, close: datetime | None, succeeded: Collection[str]
) -> LifecycleRun:
    def told(task: str) -> list[dict[str, Any]]:
        task_id = f"{GROUP}.{task}"
        return list(api.xcom(LIFECYCLE_DAG, run_id, task_id)) if task_id in succeeded else []

    stops = [*told("stop_voice"), *told("stop_sms")]
    lateness = {one["name"]: float(one["lateness_s"]) for one in stops if "lateness_s" in one}
    return LifecycleRun(state, close, lateness, told("outcome"))


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


def shortcomings(
    before: Mapping[str, Campaign], simulator: KoreSimulator, run: LifecycleRun | None = None
) -> list[str]:
    """What the simulator's own state and log say against the evening; empty if all went as it should.

    Chosen campaigns are gone, were stopped exactly once if they were running and never otherwise - not before the close
    that the run was for -, and were deleted exactly once, after their stop, with a report on disk. All others are as
    they were.
    """
    after = by_id(simulator)
    found = []
    for campaign_id, campaign in before.items():
        stop_records = simulator.effects("stop", campaign_id=campaign_id)
        stops = [record.number for record in stop_records]
        deletes = [record.number for record in simulator.effects("delete", campaign_id=campaign_id)]
        if not campaign.name.startswith(NAME_PREFIX):
            if replace(after[campaign_id], calling_hours=None) != replace(campaign, calling_hours=None):
                found.append(f"{campaign.name}: was not chosen, but was changed")
            continue
        wanted_stops = 1 if campaign.status == "Active" else 0
        if len(stops) != wanted_stops:
            found.append(f"{campaign.name}: was stopped {len(stops)} times, not {wanted_stops}")
        if campaign_id in after or len(deletes) != 1:
            found.append(f"{campaign.name}: was deleted {len(deletes)} times, and is {after.get(campaign_id, 'gone')}")
        elif stops and stops[0] > deletes[0]:
            found.append(f"{campaign.name}: was deleted before it was stopped")
        if run is not None:
            if run.close is not None and any(datetime.fromisoformat(one.at) < run.close for one in stop_records):
                found.append(f"{campaign.name}: was stopped before its close")
            if not any(campaign_id in page and Path(page).is_file() for page in run.pages):
                found.append(f"{campaign.name}: has no report")
    return found


def say_line(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True, file=sys.stdout)
