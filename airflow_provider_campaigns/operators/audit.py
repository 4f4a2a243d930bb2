"""Who makes a change: what Airflow knows of a task and of the people behind it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.actions.audit import Audit, AuditLog
from airflow_provider_campaigns.operators.metrics import tell_change

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import BaseOperator, Context

    from airflow_provider_campaigns.actions.audit import Change

log = logging.getLogger(__name__)

_HUMAN_IN_THE_LOOP = ("airflow.providers.standard.operators.hitl", "HITLOperator")
"""The base of Airflow's approvals, by name: importing it to parse a DAG would cost more than the rest together."""


class TaskAudit(AuditLog):
    """An audit log that also counts, as metrics go: when a change is made, whatever becomes of the task."""

    def record(self, change: Change) -> None:
        """Write the line, and count it."""
        super().record(change)
        tell_change(change)


def audit_of(who: Mapping[str, Any]) -> Audit:
    """An audit log whose lines tell who makes the changes, as ``who_runs`` says it."""
    return TaskAudit(who) if who else AuditLog()


def who_runs(context: Context, *, approved_for: BaseOperator | None = None) -> dict[str, Any]:
    """The task and its try as plain JSON values, and the user who triggered its run where Airflow tells.

    ``approved_for`` is the task's operator if approvals before it count: ``approved_by`` then names who gave them, if
    anybody did. Empty where there is no task: a unit test calls ``execute({})``.
    """
    if "ti" not in context:
        return {}
    task, run = context["ti"], context["dag_run"]
    who: dict[str, Any] = {
        "dag_id": task.dag_id,
        "run_id": task.run_id,
        "task_id": task.task_id,
        "map_index": task.map_index,
        "try_number": task.try_number,
    }
    user = getattr(run, "triggering_user_name", None)
    if user:
        who["triggering_user"] = user
    approvers = [] if approved_for is None else _approvers(approved_for, context)
    if approvers:
        who["approved_by"] = approvers
    return who


def _approvers(operator: BaseOperator, context: Context) -> list[str]:
    """Who answered the approvals anywhere before a task, in the order of their task ids."""
    from airflow.sdk.exceptions import AirflowRuntimeError  # noqa: PLC0415 - not to parse

    approvals = sorted(one.task_id for one in operator.get_flat_relatives(upstream=True) if _is_approval(one))
    users = []
    for task_id in approvals:
        try:
            answers = context["ti"].xcom_pull(task_ids=task_id)
        except AirflowRuntimeError as error:
            log.warning("who answered %s cannot be read: %s", task_id, error)
            continue
        for answer in answers if isinstance(answers, list) else [answers]:
            user = answer.get("responded_by_user") if isinstance(answer, dict) else None
            name = user.get("name") or user.get("id") if isinstance(user, dict) else None
            if name:
                users.append(str(name))
    return list(dict.fromkeys(users))


def _is_approval(operator: Any) -> bool:
    """True for an operator that asks a person, mapped or not."""
    kind = getattr(operator, "operator_class", type(operator))
    return any((one.__module__, one.__name__) == _HUMAN_IN_THE_LOOP for one in getattr(kind, "__mro__", ()))
