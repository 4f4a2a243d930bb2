"""What a task keeps across its tries, in Airflow's task state store (3.3 and newer)."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_campaigns.actions.evidence import Entry, Evidence, NoEvidence
from airflow_provider_campaigns.kore.patience import ENDLESS, Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")

KEY = "kore_campaign_sent"

RECALL_PATIENCE_S = 10.0
"""At a close it is read when a worker is armed, which is long enough before."""

RECALL_AT_LEAST_S = 1.0
"""What earlier tries have sent is worth so much, also where a worker is armed seconds before a close only."""

KEEP_PATIENCE_S = 1.5
"""What is about to be sent is noted before, and the stops wait for that."""

KEEP_AT_LEAST_S = 0.9
"""Before a close there is time until then: a second at least, after the last reading of the campaigns."""


class TaskStateEvidence:
    """Entries in the task state store, which survives retries, a killed worker and a user's clear.

    The store is for evidence only: if it cannot be read or written, a warning says so, and the work goes on by what
    the campaigns themselves say. Nothing is held back because a note of it could not be kept. That holds as well for a
    task whose supervisor was killed, which finds the line to it cut (``OSError``, ``EOFError``): Airflow notices that
    only after its heartbeat time-out, minutes after the close. And it holds for a store that does not answer, because
    the api-server or its database is away: Airflow tries again for up to a minute, which is not waited for (measured:
    stops 53 s late). What was to be kept is then kept when the store answers, if that happens while the task lives.
    """

    def __init__(self, store: Any) -> None:
        self._store = store
        self._is_whole = True
        # One thread, so that a note that is late does not take the place of a later one.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="evidence")

    def recall(self, patience: Patience = ENDLESS) -> Mapping[str, Entry]:
        """What earlier tries have kept."""
        kept, problem = self._ask(self._read, min(RECALL_PATIENCE_S, max(RECALL_AT_LEAST_S, patience.left_s())))
        if problem:
            self._is_whole = False
            log.warning("what earlier tries have sent cannot be read: %s", problem)
        return kept or {}

    def keep(self, entries: Mapping[str, Entry], patience: Patience | None = None) -> bool:
        """Add to it."""
        patience_s = KEEP_PATIENCE_S if patience is None else max(KEEP_AT_LEAST_S, patience.left_s())
        _, problem = self._ask(lambda: self._store.set(KEY, {**self._read(), **entries}), patience_s)
        if problem:
            log.warning("what is sent cannot be noted for later tries: %s", problem)
        return problem is None and self._is_whole

    def _read(self) -> dict[str, Entry]:
        kept = self._store.get(KEY, default={})
        return kept if isinstance(kept, dict) else {}

    def _ask(self, question: Callable[[], _Answer], patience_s: float) -> tuple[_Answer | None, str | None]:
        """What the store answers, or why there is no answer."""
        from airflow.sdk.exceptions import AirflowRuntimeError  # noqa: PLC0415 - there from the version that has a store

        asked = self._thread.submit(question)
        if not wait([asked], patience_s).done:
            return None, f"no answer within {patience_s:g} s"
        try:
            return asked.result(), None
        except (AirflowRuntimeError, OSError, EOFError) as error:
            return None, str(error)


def evidence_of(context: Context) -> Evidence:
    """The task's evidence; none below Airflow 3.3, where reading the campaigns has to do."""
    store = context.get("task_state_store")
    return NoEvidence() if store is None else TaskStateEvidence(store)
