"""How campaigns are stopped, and what that makes of one that is not there."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_campaigns.actions.outcomes import Result
from airflow_provider_campaigns.kore.errors import KoreNotFoundError

if TYPE_CHECKING:
    from airflow_provider_campaigns.kore.campaigns import CampaignType

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StopOptions:
    """How campaigns are stopped.

    Attributes:
        campaign_type: what the campaigns must be.
        api_version: of the stop request; None for the connection's, or v1.
        if_missing: ``fail``, ``skip`` or ``succeed`` when a campaign is provably not there; both of the latter give a
            result with the status ``Missing``.
        confirm: prove by reading that each campaign stopped; otherwise the answer to the stop is believed.
        poll_interval_s: seconds between readings while a campaign has not stopped yet, or is being prepared.
        confirm_timeout_s: seconds for which it is read: from the stop on or, while it is being prepared, from the first
            reading on.
        disable_schedule: disable the schedule of a scheduled campaign instead of failing.
        plan_only: read and decide, send nothing.
        count_contacts: count the contact results of a campaign that is stopped at once, where the request budget has
            room for that; what is stopped at a moment to come is counted long before it.
    """

    campaign_type: CampaignType
    api_version: str | None = None
    if_missing: str = "fail"
    confirm: bool = True
    poll_interval_s: float = 15.0
    confirm_timeout_s: float = 600.0
    disable_schedule: bool = False
    plan_only: bool = False
    count_contacts: bool = True


def missing_result(campaign_id: str, options: StopOptions) -> Result:
    """The result for a campaign that is provably not there.

    Raises:
        KoreNotFoundError: ``if_missing`` is ``fail``.
    """
    if options.if_missing == "fail":
        raise KoreNotFoundError(
            f"campaign {campaign_id}: there is none, by reading and by the list. Was it deleted, or does it belong "
            "to another app? if_missing='succeed' accepts that",
            campaign_id=campaign_id,
        )
    log.info("campaign %s: is not there, by reading and by the list; nothing is sent", campaign_id)
    return Result.missing(campaign_id, campaign_type=options.campaign_type)
