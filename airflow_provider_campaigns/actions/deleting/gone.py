"""Proving that deleted campaigns are gone: the readings that were tried before the delete show them no more."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_campaigns.actions.deleting.deletable import says_deleted
from airflow_provider_campaigns.actions.rounds import Progress
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.errors import CampaignTimeoutError, KoreError, KoreProtocolError
from airflow_provider_campaigns.kore.patience import countdown
from airflow_provider_campaigns.kore.presence import ProvenMissing, look_for
from airflow_provider_campaigns.kore.proof import is_lasting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_campaigns.actions.outcomes import Outcomes
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.clock import Clock
    from airflow_provider_campaigns.kore.listing import Listing

log = logging.getLogger(__name__)

_DELETED = "its status, Deleted"
"""By which a campaign is gone that is still shown."""

TIMEOUT_S = 60.0
POLL_S = 10.0


def prove_gone(
    client: KoreClient, campaigns: Mapping[str, str | None], outcomes: Outcomes, *, clock: Clock
) -> dict[str, str]:
    """Read until every campaign is provably gone, a minute at most; one that is not becomes a failure.

    Args:
        client: where the campaigns were.
        campaigns: id to type; None where it is not known, which costs the list of the other type.
        outcomes: gets the failures, retryable and with their outcome unknown: the delete was accepted.
        clock: the time it lives in.

    Returns:
        By which readings each of the others was proven gone.
    """
    left_s = countdown(TIMEOUT_S, clock.monotonic)
    progress = Progress(outcomes.total, not_yet="proven gone", clock=clock)
    proven: dict[str, str] = {}
    waiting = campaigns
    while waiting:
        looks = _look(client, waiting, outcomes)
        proven |= {one: found for one, found in looks.items() if isinstance(found, str)}
        unproven = {one: found for one, found in looks.items() if isinstance(found, _Unproven)}
        is_over = left_s() <= 0
        for campaign_id, look in unproven.items():
            if is_over or not look.may_pass:
                outcomes.failures[campaign_id] = _not_proven(campaign_id, look)
        waiting = {one: campaigns[one] for one in unproven if one not in outcomes.failures}
        if waiting:
            progress.tell({one: unproven[one].seen for one in waiting})
            clock.sleep(max(0.0, min(POLL_S, left_s())))
    return proven


@dataclass(frozen=True, slots=True)
class _Unproven:
    """What is known of a campaign that is not proven gone.

    Attributes:
        why: in words for its error.
        seen: in a word or two for the log.
        may_pass: it is looked at again.
    """

    why: str
    seen: str = "not proven"
    may_pass: bool = True


def _look(client: KoreClient, campaigns: Mapping[str, str | None], outcomes: Outcomes) -> dict[str, str | _Unproven]:
    """Of each, by which readings it is gone, or why that is not proven; one list per type serves them all."""
    lists = _lists(client, {kind for kind in CampaignType if {kind, None} & set(campaigns.values())})
    if isinstance(lists, KoreError) and not is_lasting(lists):
        return dict.fromkeys(campaigns, _Unproven(f"the list could not be read ({lists})"))

    def is_listed(campaign_id: str) -> bool:
        if isinstance(lists, KoreError):
            raise lists
        return any(one.may_hold(campaign_id) for one in lists)

    def look(campaign_id: str) -> str | _Unproven:
        if not isinstance(lists, KoreError) and is_listed(campaign_id):
            shown = next((one[campaign_id] for one in lists if campaign_id in one), None)
            if shown is not None:
                return _DELETED if says_deleted(shown) else _Unproven("the list still shows it", seen="shown")
            return _Unproven("the list holds an item that cannot be read and may be this campaign")
        try:
            found = look_for(campaign_id, read=client.get_campaign, is_listed=is_listed, proof=client.proof)
        except KoreError as error:
            log.info("campaign %s: cannot be proven gone yet: %s", campaign_id, error)
            return _Unproven(str(error), may_pass=error.retryable)
        if isinstance(found, ProvenMissing):
            return found.by
        return _DELETED if says_deleted(found) else _Unproven("reading still finds it", seen="shown")

    return outcomes.attempt_all(campaigns, look)


def _lists(client: KoreClient, kinds: set[CampaignType]) -> list[Listing] | KoreError:
    """The lists of these types, or why there are none."""
    if client.proof.is_list_refused:
        return KoreProtocolError("the list was refused before", retryable=True)
    try:
        return [client.look_through(kind) for kind in sorted(kinds)]
    except KoreError as error:
        log.info("the list could not be read: %s", error)
        return error


def _not_proven(campaign_id: str, look: _Unproven) -> CampaignTimeoutError:
    after = f"after {TIMEOUT_S:g} s " if look.may_pass else ""
    return CampaignTimeoutError(
        f"campaign {campaign_id}: the delete was accepted, but {after}it is not proven that the campaign is gone: "
        f"{look.why}. Run this again, which looks once more, or look at it on the platform",
        campaign_id=campaign_id,
        outcome_unknown=True,
    )
