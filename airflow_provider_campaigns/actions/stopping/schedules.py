"""Disabling a campaign's schedule, without which the platform would start it again after a stop."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow_provider_campaigns.kore.budget import Priority
from airflow_provider_campaigns.kore.errors import CampaignStateError

if TYPE_CHECKING:
    from airflow_provider_campaigns.actions.audit import Changes
    from airflow_provider_campaigns.kore.campaigns import Campaign
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.clock import Clock

log = logging.getLogger(__name__)


def check_schedule(client: KoreClient, campaign: Campaign, *, may_disable: bool) -> None:
    """Make sure that the campaign's schedule may be disabled, and that it would be this campaign's.

    Raises:
        CampaignStateError: nobody has allowed it, or the campaign's name finds another one; nothing was sent.
    """
    if not may_disable:
        raise CampaignStateError(
            f"campaign {campaign.campaign_id}: is {campaign.status} with a schedule, so the platform would start "
            "it again after a stop; nothing was sent. disable_schedule=True ends the schedule as well",
            campaign_id=campaign.campaign_id,
        )
    # The service knows schedules by name only, and names need not be unique.
    named = client.find_campaign(campaign.name, priority=Priority.STOP)
    if named.campaign_id != campaign.campaign_id:
        raise CampaignStateError(
            f"campaign {campaign.campaign_id}: its name {campaign.name!r} finds {named.campaign_id}; the schedule "
            "is not disabled, because it would be that campaign's",
            campaign_id=campaign.campaign_id,
        )


def disable_schedule(
    client: KoreClient, campaign: Campaign, campaign_type: str, *, changes: Changes, clock: Clock
) -> Campaign:
    """Disable the schedule; the campaign as it is then, for it may have been started just before.

    Raises:
        CampaignStateError: it still has one; retryable.
    """
    clock.check_cancelled()
    with changes.sending(campaign, campaign_type):
        client.disable_schedule(campaign.name)
    changes.made(campaign, campaign_type, at=clock.now(), after=None)
    after = client.get_campaign(campaign.campaign_id, priority=Priority.STOP)
    if after.is_scheduled:
        raise CampaignStateError(
            f"campaign {campaign.campaign_id}: is {after.status} with a schedule, although that was disabled",
            campaign_id=campaign.campaign_id,
            retryable=True,
        )
    log.info("campaign %s: its schedule is disabled, it is %s", campaign.campaign_id, after.status)
    return after
