"""Is a campaign there? It is, or it provably is not, or nobody can tell: the only place that says "not there". Pure.

A reading that finds nothing may come from a wrong path, app or account; a list that lacks a campaign may have lost it
while pages moved. So a campaign is missing only where both say so, asked with the same credentials; where the list is
refused, only where reading and the status view do, and reading was seen to tell what is there from what is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_campaigns.kore.clock import instant_text
from airflow_provider_campaigns.kore.errors import KoreError, KoreNotFoundError, KoreProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignType
    from airflow_provider_campaigns.kore.proof import Proof

LIST_AND_GET = "list and get"
GET_AND_STATUS = "get and status"


@dataclass(frozen=True, slots=True)
class ProvenMissing:
    """Stands for a campaign that is provably not there; ``by`` says which readings prove it."""

    by: str

    @property
    def how(self) -> str:
        """The same as the end of a sentence."""
        return "by reading and by the list" if self.by == LIST_AND_GET else "by reading and by its status view"

    def told(self, at: datetime) -> dict[str, str]:
        """What a result carries of a proof made ``at`` that instant, for the tasks after it; only of the full proof."""
        return {"proven_missing_at": instant_text(at)} if self.by == LIST_AND_GET else {}

    def __repr__(self) -> str:
        return "MISSING"


PROVEN_MISSING = ProvenMissing(LIST_AND_GET)


def look_for(
    campaign_id: str,
    *,
    read: Callable[[str], Campaign],
    is_listed: Callable[[str], bool],
    proof: Proof,
    kind: CampaignType | None = None,
    may_try: bool = True,
    was_missing: bool = False,
) -> Campaign | ProvenMissing:
    """The campaign, or ``ProvenMissing``; where neither can be said, an error.

    Args:
        campaign_id: the campaign.
        read: reads it by its id.
        is_listed: whether a list that was asked for after the reading, or a while before it, may hold it.
        proof: what is known of how this service says that there is none.
        kind: of which type it may be.
        may_try: what is not known of that may be tried, with a few requests.
        was_missing: reading and list have both said so a while before; then reading alone says that it is still so.

    Raises:
        KoreProtocolError: reading does not find it, but the list holds it; retryable.
        KoreError: reading, or the list, did not answer.
    """
    try:
        return read(campaign_id)
    except KoreError as error:
        if not proof.is_absence(error, kind, may_try=may_try):
            raise
        if was_missing:
            return PROVEN_MISSING
        if proof.is_list_refused and proof.stands_without_list(campaign_id, error, None, kind, may_try=may_try):
            return ProvenMissing(GET_AND_STATUS)
        try:
            may_be_listed = is_listed(campaign_id)
        except KoreError as refusal:
            if not proof.stands_without_list(campaign_id, error, refusal, kind, may_try=may_try):
                raise
            return ProvenMissing(GET_AND_STATUS)
        if may_be_listed:
            raise KoreProtocolError(
                f"campaign {campaign_id}: the list holds it, or an item that may be it, but reading it says that "
                f"there is none ({error})",
                campaign_id=campaign_id,
                retryable=True,
            ) from error
        return PROVEN_MISSING


def says_not_there(error: BaseException) -> bool:
    """True of the error of ``not_there``: what one answer says is no proof."""
    return isinstance(error, KoreNotFoundError) and error.status is None


def not_there(campaign_id: str, what_then: str, missing: ProvenMissing = PROVEN_MISSING) -> KoreNotFoundError:
    """The error for a campaign that is provably not there; ``what_then`` says what that means, and what to do."""
    return KoreNotFoundError(
        f"campaign {campaign_id}: there is none, {missing.how}{what_then}", campaign_id=campaign_id
    )
