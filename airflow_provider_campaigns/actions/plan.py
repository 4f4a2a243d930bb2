"""What would be done to a campaign, where nothing is to be done yet."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow_provider_campaigns.actions.outcomes import Result

if TYPE_CHECKING:
    from airflow_provider_campaigns.kore.campaigns import Campaign

log = logging.getLogger(__name__)


def planned_result(campaign: Campaign, *planned: str) -> Result:
    """The result for a campaign to which all of this would be done, in this order; it is logged as well."""
    log.info("campaign %s: is %s; plan only, would %s", campaign.campaign_id, campaign.status, " and ".join(planned))
    return Result.of(campaign, changed=False, planned=", ".join(planned))
