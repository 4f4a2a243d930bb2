"""Deleting campaigns: only what is at rest, and proven to be gone afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_campaigns.lazy import names_of

if TYPE_CHECKING:
    from airflow_provider_campaigns.actions.deleting.archive import Archive as Archive
    from airflow_provider_campaigns.actions.deleting.delete import DeleteOptions as DeleteOptions
    from airflow_provider_campaigns.actions.deleting.delete import delete_campaigns as delete_campaigns
    from airflow_provider_campaigns.actions.deleting.given_reports import GivenReports as GivenReports
    from airflow_provider_campaigns.actions.deleting.given_reports import reported_targets as reported_targets

__getattr__, __dir__ = names_of(
    __name__,
    {
        "Archive": "actions.deleting.archive",
        "DeleteOptions": "actions.deleting.delete",
        "GivenReports": "actions.deleting.given_reports",
        "delete_campaigns": "actions.deleting.delete",
        "reported_targets": "actions.deleting.given_reports",
    },
)
