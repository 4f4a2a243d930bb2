"""A local Kore.ai campaign service for tests, demonstrations and development.

`KoreSimulator` is a context manager; `python -m airflow_provider_campaigns.simulator` runs the same thing until it is
interrupted; `airflow_provider_campaigns.simulator.pytest_plugin` offers it as fixtures. The simulator is written from
the vendor's documentation alone and shares no code with this package's client: the two cannot be wrong together.

Raises:
    ImportError: FastAPI or uvicorn is missing; the message names the extra that brings them.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_campaigns.simulator.campaigns import Campaign
    from airflow_provider_campaigns.simulator.clock import ManualClock
    from airflow_provider_campaigns.simulator.credentials import Credentials
    from airflow_provider_campaigns.simulator.server import KoreSimulator
    from airflow_provider_campaigns.simulator.switches import Switches

__all__ = ["Campaign", "Credentials", "KoreSimulator", "ManualClock", "Switches"]

if missing := [name for name in ("fastapi", "uvicorn") if find_spec(name) is None]:
    raise ImportError(
        f"the Kore.ai simulator needs {' and '.join(missing)}: pip install 'airflow-provider-campaigns[simulator]'"
    )

_HOME = {
    "Campaign": "campaigns",
    "Credentials": "credentials",
    "KoreSimulator": "server",
    "ManualClock": "clock",
    "Switches": "switches",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
