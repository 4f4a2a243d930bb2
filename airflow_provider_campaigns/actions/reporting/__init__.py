"""Reporting campaigns: what a run has left, once it has settled."""

from typing import TYPE_CHECKING

from airflow_provider_campaigns.lazy import names_of

if TYPE_CHECKING:
    from airflow_provider_campaigns.actions.reporting.report import ReportOptions as ReportOptions
    from airflow_provider_campaigns.actions.reporting.report import report_campaigns as report_campaigns
    from airflow_provider_campaigns.actions.reporting.report import waits_until as waits_until
    from airflow_provider_campaigns.actions.reporting.settle import LastDay as LastDay
    from airflow_provider_campaigns.actions.reporting.settle import read_ended as read_ended
    from airflow_provider_campaigns.actions.reporting.settle import settled_at as settled_at
else:
    __getattr__, __dir__ = names_of(
        __name__,
        {
            "actions.reporting.report": "ReportOptions report_campaigns waits_until",
            "actions.reporting.settle": "LastDay read_ended settled_at",
        },
    )
