"""Is a campaign there? It is, or it provably is not, or nobody can tell: the only place that says "not there". Pure.

A reading that finds nothing may come from a wrong path, app or account; a list that lacks a campaign may have lost it
while pages moved. So a campaign is missing only where both say so, asked with the same credentials.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_campaigns.kore.errors import KoreNotFoundError, KoreProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.kore.campaigns import Campaign


class ProvenMissing:
    """Stands for a campaign that is provably not there."""

    def __repr__(self) -> str:
        return "MISSING"


PROVEN_MISSING = ProvenMissing()


def look_for(
    campaign_id: str, *, read: Callable[[str], Campaign], is_listed: Callable[[str], bool]
) -> Campaign | ProvenMissing:
    """The campaign, or ``PROVEN_MISSING``; where neither can be said, an error.

    Args:
        campaign_id: the campaign.
        read: reads it by its id.
        is_listed: whether a list that was asked for after the reading, or a while before it, holds it.

    Raises:
        KoreProtocolError: reading does not find it, but the list holds it; retryable.
        KoreError: reading, or the list, did not answer.
    """
    try:
        return read(campaign_id)
    except KoreNotFoundError as error:
        if is_listed(campaign_id):
            raise KoreProtocolError(
                f"campaign {campaign_id}: is in the list, but reading it says that there is none ({error})",
                campaign_id=campaign_id,
                retryable=True,
            ) from error
        return PROVEN_MISSING


def not_there(campaign_id: str, what_then: str) -> KoreNotFoundError:
    """The error for a campaign that is provably not there; ``what_then`` says what that means, and what to do."""
    return KoreNotFoundError(
        f"campaign {campaign_id}: there is none, by reading and by the list{what_then}", campaign_id=campaign_id
    )
