"""What the events of a task's assets say, for DAGs that run on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import Asset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import BaseOperator, Context
    from pydantic import JsonValue


def tell_outlets(operator: BaseOperator, context: Context, campaigns: Sequence[JsonValue]) -> None:
    """Let the event of each asset that a task updates carry ``{"campaigns": [...]}``."""
    events = context.get("outlet_events")  # there is none where a unit test calls ``execute({})``
    for outlet in operator.outlets:
        if events is not None and isinstance(outlet, Asset):
            events[outlet].extra = {"campaigns": list(campaigns)}
