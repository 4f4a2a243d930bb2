"""Contact results as files: an export that goes on where it was killed, and a manifest that a delete can rely on.

Knows no Airflow. The modules load on first use: operators name them, and are imported whenever a DAG is parsed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_campaigns.reports import contents as contents
    from airflow_provider_campaigns.reports import folder as folder
    from airflow_provider_campaigns.reports import manifest as manifest
    from airflow_provider_campaigns.reports import rows as rows

_MODULES = frozenset({"contents", "folder", "manifest", "rows"})


def __getattr__(name: str) -> Any:
    """A module, loaded now."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")
