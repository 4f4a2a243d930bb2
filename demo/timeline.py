"""What happens during a run, told as it happens."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.simulator import KoreSimulator
    from airflow_provider_campaigns.simulator.journal import RequestRecord

# What to call the parts of a lifecycle that are of no interest to a reader of the timeline.
QUIET_STATES = frozenset({None, "none", "removed"})


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
            if not _is_further_page(record):
                self._line(record.monotonic, "request", self._request(record))
        for task in task_instances:
            key, state = (task["task_id"], task["map_index"]), task["state"]
            if self._states.get(key) != state and state not in QUIET_STATES:
                which = f" [{task.get('rendered_map_index') or task['map_index']}]" if task["map_index"] >= 0 else ""
                self._line(time.monotonic(), "task", f"{task['task_id']}{which}: {state}")
            self._states[key] = state

    def note(self, kind: str, text: str) -> None:
        """Say something that happens now."""
        self._line(time.monotonic(), kind, text)

    def _line(self, at: float, kind: str, text: str) -> None:
        self._say(f"  {at - self._began:5.1f} s  {kind:<7}  {text}")

    def _request(self, record: RequestRecord) -> str:
        subject = self._names.get(record.campaign_id or "", record.campaign_id) or ""
        if record.operation == "list":
            subject = f"{record.body.get('type')} campaigns" if isinstance(record.body, dict) else ""
        effect = {"stop": "Active -> Stopped", "delete": "-> gone"}.get(record.operation) if record.effect else None
        told = effect or record.reason or ""
        return f"{record.operation:<8} {subject:<24} HTTP {record.status}  {told}".rstrip()


def _is_further_page(record: RequestRecord) -> bool:
    """True of a page of contact results behind the first: there are dozens, and one says it all."""
    return record.operation == "contacts" and isinstance(record.body, dict) and record.body.get("page") != 1
