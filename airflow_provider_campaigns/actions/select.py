"""Choosing campaigns by name and status, so narrowly that a slip does not end as a mass deletion."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.kore.campaigns import CampaignStatus
from airflow_provider_campaigns.kore.errors import KoreConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_campaigns.kore.campaigns import CampaignType
    from airflow_provider_campaigns.kore.client import KoreClient

log = logging.getLogger(__name__)

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
    checked_pattern("name_pattern", name_pattern)
    wanted = checked_statuses("statuses", statuses)
    for one in sorted(wanted):
        # It may be one that the service has and nobody documented, so it is no error.
        if not one.is_known and (close := difflib.get_close_matches(one.title(), SELECTABLE, n=1, cutoff=0.8)):
            log.warning("statuses: %r is not a documented status; is %r meant?", str(one), str(close[0]))
    checked_number("max_campaigns", max_campaigns)
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


def checked_pattern(field: str, value: Any) -> str:
    """A pattern for names.

    Raises:
        KoreConfigurationError: it is no text, or an empty one.
    """
    if not isinstance(value, str) or not value.strip():
        raise KoreConfigurationError(
            f"{field}: expected a pattern such as 'Spring Offer *'; '*' alone chooses every name", field=field
        )
    return value


def checked_number(field: str, value: Any) -> int:
    """How many campaigns may be chosen.

    Raises:
        KoreConfigurationError: it is no whole number from 1.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise KoreConfigurationError(f"{field}: expected a whole number from 1, got {value!r}", field=field)
    return value


def checked_statuses(field: str, value: Any) -> frozenset[CampaignStatus]:
    """The statuses that are chosen: a sequence of texts; none of them means ``SELECTABLE``.

    Raises:
        KoreConfigurationError: they are no texts, or one of them says that a campaign has yet to run.
    """
    is_many = isinstance(value, Iterable) and not isinstance(value, str)
    if not is_many or not all(isinstance(one, str) and one.strip() for one in value):
        raise KoreConfigurationError(
            f"{field}: expected a sequence such as ('Stopped', 'Completed'), got {value!r}", field=field
        )
    wanted = frozenset(map(CampaignStatus, value)) or frozenset(SELECTABLE)
    refused = sorted(wanted & _NEVER)
    if refused:
        raise KoreConfigurationError(
            f"{field}: {', '.join(refused)} cannot be chosen by a pattern, because such campaigns have yet to run; "
            f"choose from {', '.join(SELECTABLE)}, or name the campaigns by their ids",
            field=field,
        )
    return wanted
