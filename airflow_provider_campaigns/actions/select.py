"""Choosing campaigns by name and status, so narrowly that a slip does not end as a mass deletion."""

from __future__ import annotations

import difflib
import logging
from typing import TYPE_CHECKING

from airflow_provider_campaigns.kore.campaigns import CampaignStatus
from airflow_provider_campaigns.kore.errors import KoreConfigurationError, shown_argument

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_provider_campaigns.kore.campaigns import CampaignType
    from airflow_provider_campaigns.kore.client import KoreClient

log = logging.getLogger(__name__)

SELECTABLE = (CampaignStatus.ACTIVE, CampaignStatus.PAUSED, CampaignStatus.STOPPED, CampaignStatus.COMPLETED)
"""What is chosen by default: a run is going on, or is over."""

NEVER_SELECTED = frozenset({
    CampaignStatus.READY,
    CampaignStatus.PREPARING,
    CampaignStatus.SCHEDULED,
    CampaignStatus.RESCHEDULED,
})
"""What has yet to run: it is named by its id, or left alone."""


def select_campaigns(
    client: KoreClient,
    campaign_type: CampaignType,
    *,
    name_pattern: str,
    statuses: Collection[CampaignStatus] = SELECTABLE,
    max_campaigns: int = 50,
    api_version: str | None = None,
) -> list[dict[str, str]]:
    """The campaigns of a type with a name like ``name_pattern`` in one of ``statuses``, by name.

    Never one that has yet to run: Ready, Preparing, or with a schedule.

    Raises:
        KoreConfigurationError: more than ``max_campaigns``.
    """
    for one in sorted(statuses):
        # It may be one that the service has and nobody documented, so it is no error.
        if not one.is_known and (close := difflib.get_close_matches(one.title(), SELECTABLE, n=1, cutoff=0.8)):
            log.warning("statuses: %r is not a documented status; is %r meant?", str(one), str(close[0]))
    wanted = frozenset(statuses) - NEVER_SELECTED
    # Statuses are compared here, not by the service: whether its filter knows all of them is not documented.
    found = [
        campaign
        for campaign in client.list_campaigns(campaign_type, name_pattern=name_pattern, api_version=api_version)
        if campaign.status in wanted and not campaign.is_scheduled
    ]
    if len(found) > max_campaigns:
        raise KoreConfigurationError(
            f"name_pattern: {shown_argument(name_pattern)} matches {len(found)} campaigns, more than "
            f"max_campaigns={max_campaigns}; narrow the pattern, or raise the number if all of them are meant",
            field="name_pattern",
        )
    return [
        {
            "campaign_id": campaign.campaign_id,
            "name": campaign.name,
            "status": str(campaign.status),
            "campaign_type": campaign_type.value,
        }
        for campaign in sorted(found, key=lambda one: (one.name, one.campaign_id))
    ]
