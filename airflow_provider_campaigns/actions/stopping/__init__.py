"""Stopping campaigns: now, or each at the close of its calling hours."""

from typing import TYPE_CHECKING

from airflow_provider_campaigns.lazy import names_of

if TYPE_CHECKING:
    from airflow_provider_campaigns.actions.stopping.at_close import CloseRun as CloseRun
    from airflow_provider_campaigns.actions.stopping.at_close import plan_close_run as plan_close_run
    from airflow_provider_campaigns.actions.stopping.at_close import plan_closes as plan_closes
    from airflow_provider_campaigns.actions.stopping.at_close import serve_what_is_due as serve_what_is_due
    from airflow_provider_campaigns.actions.stopping.moment import ROOM as ROOM
    from airflow_provider_campaigns.actions.stopping.stop import StopOptions as StopOptions
    from airflow_provider_campaigns.actions.stopping.stop import stop_campaigns as stop_campaigns
    from airflow_provider_campaigns.actions.stopping.stop import stop_one as stop_one
else:
    __getattr__, __dir__ = names_of(
        __name__,
        {
            "actions.stopping.at_close": "CloseRun plan_close_run plan_closes serve_what_is_due",
            "actions.stopping.moment": "ROOM",
            "actions.stopping.stop": "StopOptions stop_campaigns stop_one",
        },
    )
