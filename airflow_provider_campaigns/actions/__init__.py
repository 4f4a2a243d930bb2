"""What is done to campaigns, with a ``KoreClient`` and a clock; knows no Airflow.

The modules load on first use: operators name them, and are imported whenever a DAG is parsed, where nothing is done.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_campaigns.actions import archive as archive
    from airflow_provider_campaigns.actions import delete as delete
    from airflow_provider_campaigns.actions import evening as evening
    from airflow_provider_campaigns.actions import given_reports as given_reports
    from airflow_provider_campaigns.actions import report as report
    from airflow_provider_campaigns.actions import select as select
    from airflow_provider_campaigns.actions import settle as settle
    from airflow_provider_campaigns.actions import start as start
    from airflow_provider_campaigns.actions import stop as stop
    from airflow_provider_campaigns.actions import stop_at_close as stop_at_close
    from airflow_provider_campaigns.actions import stop_options as stop_options

_MODULES = frozenset({
    "archive",
    "delete",
    "evening",
    "given_reports",
    "report",
    "select",
    "settle",
    "start",
    "stop",
    "stop_at_close",
    "stop_options",
})


def __getattr__(name: str) -> Any:
    """A module, loaded now."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")
