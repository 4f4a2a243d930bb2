"""Results of a mapped task, as far as they are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

ANSWER_KEY = "answer"
"""XCom with a person's answer. After Reject Airflow keeps no return value, because the task ends by skipping others."""

ASKED_KEY = "asked"
"""XCom with what a person was asked about: ``{campaign_id, manifest_sha256}`` of each report."""


def pulled(context: Context, task_id: str, *, key: str = "return_value") -> list[Any]:
    """What the instances of a mapped task have returned, in order; those that failed or were skipped are left out.

    Airflow gives one value by itself, and several as a list: the values here are objects, never lists.
    """
    value = context["ti"].xcom_pull(task_ids=task_id, key=key)
    values = value if isinstance(value, list) else [value]
    return [one for one in values if one is not None]
