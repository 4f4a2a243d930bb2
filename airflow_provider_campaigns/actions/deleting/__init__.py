"""Deleting campaigns: only what is at rest, and proven to be gone afterwards."""

from typing import TYPE_CHECKING

from airflow_provider_campaigns.lazy import names_of

if TYPE_CHECKING:
    from airflow_provider_campaigns.actions.deleting.archive import Archive as Archive
    from airflow_provider_campaigns.actions.deleting.delete import DeleteOptions as DeleteOptions
    from airflow_provider_campaigns.actions.deleting.delete import delete_campaigns as delete_campaigns
    from airflow_provider_campaigns.actions.deleting.given_reports import GivenReports as GivenReports
    from airflow_provider_campaigns.actions.deleting.given_reports import reported_targets as reported_targets
else:
    __getattr__, __dir__ = names_of(
        __name__,
        {
            "actions.deleting.archive": "Archive",
            "actions.deleting.delete": "DeleteOptions delete_campaigns",
            "actions.deleting.given_reports": "GivenReports reported_targets",
        },
    )
