"""Proving that deleted campaigns are gone: neither reading nor the list shows them any more."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow_provider_campaigns.actions.rounds import Progress
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.errors import CampaignTimeoutError, KoreError
from airflow_provider_campaigns.kore.presence import ProvenMissing, look_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_campaigns.actions.outcomes import Outcomes
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.clock import Clock

log = logging.getLogger(__name__)

TIMEOUT_S = 60.0
POLL_S = 10.0


def prove_gone(client: KoreClient, campaigns: Mapping[str, str | None], outcomes: Outcomes, *, clock: Clock) -> None:
    """Read until every campaign is provably gone, a minute at most; one that is not becomes a failure.

    Args:
        client: where the campaigns were.
        campaigns: id to type; None where it is not known, which costs the list of the other type.
        outcomes: gets the failures, their outcome unknown: the delete was accepted.
        clock: the time it lives in.
    """
    deadline = clock.monotonic() + TIMEOUT_S
    progress = Progress(outcomes.total, not_yet="gone", clock=clock)
    still_there = _still_there(client, campaigns, outcomes)
    while still_there and clock.monotonic() < deadline:
        progress.tell(dict.fromkeys(still_there, "shown"))
        clock.sleep(max(0.0, min(POLL_S, deadline - clock.monotonic())))
        still_there = _still_there(client, still_there, outcomes)
    for campaign_id in still_there:
        outcomes.failures[campaign_id] = CampaignTimeoutError(
            f"campaign {campaign_id}: the delete was accepted, but the service still shows the campaign after "
            f"{TIMEOUT_S:g} s; run this again, or look at it on the platform",
            campaign_id=campaign_id,
        )
    for campaign_id in outcomes.failures.keys() & campaigns.keys():
        outcomes.failures[campaign_id].outcome_unknown = True


def _still_there(
    client: KoreClient, campaigns: Mapping[str, str | None], outcomes: Outcomes
) -> Mapping[str, str | None]:
    """Those that reading or the list still shows; one list per type serves them all."""
    try:
        kinds = [kind for kind in CampaignType if {kind, None} & set(campaigns.values())]
        listed = {one.campaign_id for kind in kinds for one in client.list_campaigns(kind)}
    except KoreError as error:
        log.info("the list could not be read: %s", error)
        if error.retryable:
            return campaigns
        outcomes.failures.update(dict.fromkeys(campaigns, error))
        return {}

    def is_shown(campaign_id: str) -> bool:
        try:
            found = look_for(campaign_id, read=client.get_campaign, is_listed=listed.__contains__)
        except KoreError as error:
            log.info("campaign %s: could not be read: %s", campaign_id, error)
            if not error.retryable:
                raise
            return True
        return not isinstance(found, ProvenMissing)

    shown = outcomes.attempt_all(campaigns, lambda one: one in listed or is_shown(one))
    return {campaign_id: campaigns[campaign_id] for campaign_id, still in shown.items() if still}
