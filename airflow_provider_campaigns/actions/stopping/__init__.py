"""Stopping campaigns: now, or each at the close of its calling hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_campaigns.lazy import names_of

if TYPE_CHECKING:
    from airflow_provider_campaigns.actions.stopping.at_close import EARLY as EARLY
    from airflow_provider_campaigns.actions.stopping.at_close import CloseRun as CloseRun
    from airflow_provider_campaigns.actions.stopping.at_close import plan_close_run as plan_close_run
    from airflow_provider_campaigns.actions.stopping.at_close import plan_closes as plan_closes
    from airflow_provider_campaigns.actions.stopping.at_close import serve_what_is_due as serve_what_is_due
    from airflow_provider_campaigns.actions.stopping.stop import StopOptions as StopOptions
    from airflow_provider_campaigns.actions.stopping.stop import stop_campaigns as stop_campaigns
    from airflow_provider_campaigns.actions.stopping.stop import stop_one as stop_one

__getattr__, __dir__ = names_of(
    __name__,
    {
        "CloseRun": "actions.stopping.at_close",
        "EARLY": "actions.stopping.at_close",
        "StopOptions": "actions.stopping.stop",
        "plan_close_run": "actions.stopping.at_close",
        "plan_closes": "actions.stopping.at_close",
        "serve_what_is_due": "actions.stopping.at_close",
        "stop_campaigns": "actions.stopping.stop",
        "stop_one": "actions.stopping.stop",
    },
)
