"""``LogNotifier``: a callback of tasks, DAGs and deadlines that every component of Airflow can import."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseNotifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)


class LogNotifier(BaseNotifier):
    """Writes a message to the log as an error.

    Where there is something that reaches people - mail, chat, a pager - its notifier takes this one's place; the
    arguments of the DAG stay the same. A deadline's callback is called by the triggerer, which cannot import DAG files:
    it has to come from a package, as this one does, or from the plugins folder.

    Args:
        message: what to write, as a template. In a task's callback it sees what the task's own templates see; in a
            deadline's only ``dag_run``, with ``dag_id`` and ``dag_run_id``, and ``deadline``, with ``deadline_time``.
    """

    template_fields: Sequence[str] = ("message",)

    def __init__(self, *, message: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.message = message

    def notify(self, context: Context) -> None:  # noqa: ARG002 - the message is rendered by now
        """Write the message; called for a task or a DAG run."""
        log.error("%s", self.message)

    async def async_notify(self, context: Context) -> None:
        """Write the message; called for a deadline, in the triggerer."""
        self.notify(context)
