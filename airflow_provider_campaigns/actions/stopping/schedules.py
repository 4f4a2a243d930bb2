"""Disabling a campaign's schedule, without which the platform would start it again after a stop."""

from __future__ import annotations

import logging
import math
import threading
from typing import TYPE_CHECKING

from airflow_provider_campaigns.kore.budget import Priority
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.errors import CampaignStateError, KoreError, excerpt
from airflow_provider_campaigns.kore.listing import Expected, Listing, named

if TYPE_CHECKING:
    from airflow_provider_campaigns.actions.audit import Changes
    from airflow_provider_campaigns.kore.campaigns import Campaign
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.clock import Clock
    from airflow_provider_campaigns.kore.patience import Patience

log = logging.getLogger(__name__)

_KNOWN_FOR_S = 60.0
"""How long names are gone by once they were read; somebody may rename a campaign."""


class ScheduleNames:
    """Whose schedules names find. The service knows schedules by name only, and names need not be unique.

    The lists that tell are read once for many campaigns.
    """

    def __init__(self, client: KoreClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._lists: list[Listing] = []
        self._read_at = -math.inf
        self._lock = threading.Lock()

    def read_early(self, patience: Patience) -> None:
        """Read them before they are needed, if that takes one request for each type; else they are read then."""
        try:
            self._keep([
                self._client.find_listed(
                    (), kind, expected=Expected.RUNNING, most=1, priority=Priority.STOP, patience=patience
                )
                for kind in CampaignType
            ])
        except KoreError as error:
            log.info("which campaigns have schedules by which names is read later: %s", error)

    def check(self, campaign: Campaign, *, may_disable: bool) -> None:
        """Make sure that the campaign's schedule may be disabled, and that it would be this campaign's.

        Raises:
            CampaignStateError: nobody has allowed it, or the campaign's name finds another one; nothing was sent.
            KoreProtocolError: it finds several.
        """
        if not may_disable:
            raise CampaignStateError(
                f"campaign {campaign.campaign_id}: is {campaign.status} with a schedule, so the platform would start "
                "it again after a stop; nothing was sent. disable_schedule=True ends the schedule as well",
                campaign_id=campaign.campaign_id,
            )
        with self._lock:
            if self._clock.monotonic() - self._read_at > _KNOWN_FOR_S:
                self._keep([self._client.look_through(kind, priority=Priority.STOP) for kind in CampaignType])
            found = named(self._lists, campaign.name)
        if found.campaign_id != campaign.campaign_id:
            raise CampaignStateError(
                f"campaign {campaign.campaign_id}: its name {excerpt(campaign.name)!r} finds {found.campaign_id}; the "
                "schedule is not disabled, because it would be that campaign's",
                campaign_id=campaign.campaign_id,
            )

    def _keep(self, lists: list[Listing]) -> None:
        if all(one.is_whole for one in lists):
            self._lists, self._read_at = lists, self._clock.monotonic()


def disable_schedule(
    client: KoreClient, campaign: Campaign, campaign_type: str, *, changes: Changes, clock: Clock
) -> None:
    """Disable the schedule; it may have started the campaign just before."""
    clock.check_cancelled()
    with changes.sending(campaign, campaign_type):
        client.disable_schedule(campaign.name)
    changes.made(campaign, campaign_type, at=clock.now(), after=None)
    log.info("campaign %s: its schedule is disabled", campaign.campaign_id)


def check_disabled(campaign: Campaign) -> None:
    """Make sure that a reading after it was disabled shows no schedule.

    Raises:
        CampaignStateError: it does; retryable.
    """
    if campaign.is_scheduled:
        raise CampaignStateError(
            f"campaign {campaign.campaign_id}: is {campaign.status} with a schedule, although that was disabled",
            campaign_id=campaign.campaign_id,
            retryable=True,
        )
