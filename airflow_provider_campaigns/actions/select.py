"""Choosing campaigns by name and status, so narrowly that a slip does not end as a mass deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.kore.campaigns import CampaignStatus
from airflow_provider_campaigns.kore.errors import KoreConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_campaigns.kore.campaigns import CampaignType
    from airflow_provider_campaigns.kore.client import KoreClient

SELECTABLE = (CampaignStatus.ACTIVE, CampaignStatus.PAUSED, CampaignStatus.STOPPED, CampaignStatus.COMPLETED)
"""What is chosen by default: a run is going on, or is over."""

_NEVER = frozenset({
    CampaignStatus.READY,
    CampaignStatus.PREPARING,
    CampaignStatus.SCHEDULED,
    CampaignStatus.RESCHEDULED,
})


def select_campaigns(
    client: KoreClient,
    campaign_type: CampaignType,
    *,
    name_pattern: Any,
    statuses: Sequence[str] = (),
    max_campaigns: Any = 50,
    api_version: str | None = None,
) -> list[dict[str, str]]:
    """The campaigns of a type with a name like ``name_pattern`` in one of ``statuses``, by name.

    Never one that has yet to run: Ready, Preparing, or with a schedule.

    Raises:
        KoreConfigurationError: no pattern, a status that is never chosen, or more than ``max_campaigns``.
    """
    if not isinstance(name_pattern, str) or not name_pattern.strip():
        raise KoreConfigurationError(
            "name_pattern: expected a pattern such as 'Spring Offer *'; '*' alone chooses every name",
            field="name_pattern",
        )
    wanted = _wanted(statuses)
    if isinstance(max_campaigns, bool) or not isinstance(max_campaigns, int) or max_campaigns < 1:
        raise KoreConfigurationError(
            f"max_campaigns: expected a whole number from 1, got {max_campaigns!r}", field="max_campaigns"
        )
    # Statuses are compared here, not by the service: whether its filter knows all of them is not documented.
    found = [
        campaign
        for campaign in client.list_campaigns(campaign_type, name_pattern=name_pattern, api_version=api_version)
        if campaign.status in wanted and not campaign.is_scheduled
    ]
    if len(found) > max_campaigns:
        raise KoreConfigurationError(
            f"name_pattern: {name_pattern!r} matches {len(found)} campaigns, more than max_campaigns={max_campaigns}; "
            "narrow the pattern, or raise the number if all of them are meant",
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


def _wanted(statuses: Sequence[Any]) -> frozenset[CampaignStatus]:
    if isinstance(statuses, str) or not all(isinstance(one, str) and one.strip() for one in statuses):
        raise KoreConfigurationError(
            f"statuses: expected a sequence such as ('Stopped', 'Completed'), got {statuses!r}", field="statuses"
        )
    wanted = frozenset(map(CampaignStatus, statuses)) or frozenset(SELECTABLE)
    refused = sorted(wanted & _NEVER)
    if refused:
        raise KoreConfigurationError(
            f"statuses: {', '.join(refused)} cannot be chosen by a pattern, because such campaigns have yet to run; "
            f"choose from {', '.join(SELECTABLE)}, or name the campaigns by their ids",
            field="statuses",
        )
    return wanted
