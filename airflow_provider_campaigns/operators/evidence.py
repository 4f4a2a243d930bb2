"""What a task keeps across its tries, in Airflow's task state store (3.3 and newer)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.actions.evidence import Entry, Evidence, NoEvidence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)

KEY = "kore_campaign_sent"


class TaskStateEvidence:
    """Entries in the task state store, which survives retries, a killed worker and a user's clear.

    The store is for evidence only: if it cannot be read or written, a warning says so, and the work goes on by what
    the campaigns themselves say. Nothing is held back because a note of it could not be kept. That holds as well for a
    task whose supervisor was killed, which finds the line to it cut (``OSError``, ``EOFError``): Airflow notices that
    only after its heartbeat time-out, minutes after the close.
    """

    def __init__(self, store: Any) -> None:
        self._store = store

    def recall(self) -> Mapping[str, Entry]:
        """What earlier tries have kept."""
        from airflow.sdk.exceptions import AirflowRuntimeError  # noqa: PLC0415 - there from the version that has a store

        try:
            kept = self._store.get(KEY, default={})
        except (AirflowRuntimeError, OSError, EOFError) as error:
            log.warning("what earlier tries have sent cannot be read: %s", error)
            return {}
        return kept if isinstance(kept, dict) else {}

    def keep(self, entries: Mapping[str, Entry]) -> None:
        """Add to it."""
        from airflow.sdk.exceptions import AirflowRuntimeError  # noqa: PLC0415 - there from the version that has a store

        try:
            self._store.set(KEY, {**self.recall(), **entries})
        except (AirflowRuntimeError, OSError, EOFError) as error:
            log.warning("what is sent cannot be noted for later tries: %s", error)


def evidence_of(context: Context) -> Evidence:
    """The task's evidence; none below Airflow 3.3, where reading the campaigns has to do."""
    store = context.get("task_state_store")
    return NoEvidence() if store is None else TaskStateEvidence(store)
