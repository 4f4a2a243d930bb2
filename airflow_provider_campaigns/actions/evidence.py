"""What earlier tries of the same task have sent: evidence, never a result.

A try may die between sending a stop or a start and telling anybody. The next one reads the campaign, which says what
is; only what was noted before sending says whether a run that goes on now is the one that was meant, or another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_campaigns.actions.stopping.contact_counts import CONTACTS_BEFORE_STOP
from airflow_provider_campaigns.kore.campaigns import CampaignStatus
from airflow_provider_campaigns.kore.errors import CampaignStateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_campaigns.actions.outcomes import Result
    from airflow_provider_campaigns.kore.campaigns import Campaign

Entry = dict[str, Any]
"""``{"campaign_instance_id": ..., "sent_at": ...}``, and ``confirmed_at`` once that is known; instants as ISO text.

Of a start also ``outcome_unknown``, True, if its answer was lost and no reading told whether it took effect. Of a stop
also ``contacts_before_stop`` where it was counted, which may be long before it is sent: until then there is
no ``sent_at``.
"""

_IN_RESULTS = ("sent_at", "confirmed_at", CONTACTS_BEFORE_STOP)
"""What an entry and the result of a stop or a start have in common, under the same names."""


class Evidence(Protocol):
    """Where a task keeps what it has sent, across its tries."""

    def recall(self) -> Mapping[str, Entry]:
        """What earlier tries have kept, by campaign id."""

    def keep(self, entries: Mapping[str, Entry]) -> None:
        """Add to it; an entry takes the place of one for the same campaign."""


class NoEvidence:
    """For callers that have nowhere to keep it: what is read of a campaign is then all that is known."""

    def recall(self) -> Mapping[str, Entry]:
        """Nothing."""
        return {}

    def keep(self, entries: Mapping[str, Entry]) -> None:
        """Nothing is kept."""


def keep_confirmed(evidence: Evidence, results: Mapping[str, Result]) -> None:
    """Keep what was proven; results without ``confirmed_at`` prove nothing."""
    confirmed = {
        campaign_id: {
            "campaign_instance_id": result.campaign_instance_id,
            **{key: result.details[key] for key in _IN_RESULTS if key in result.details},
        }
        for campaign_id, result in results.items()
        if "confirmed_at" in result.details
    }
    if confirmed:
        evidence.keep(confirmed)


def was_sent(entry: Entry) -> bool:
    """True if something was sent, or was about to be, when the entry was kept."""
    return "sent_at" in entry


def check_not_started_again(campaign: Campaign, earlier: Mapping[str, Entry]) -> None:
    """Make sure that a campaign that goes on is not a new run, after an earlier try has stopped the one before.

    Raises:
        CampaignStateError: it is; nothing is sent, because whoever started it meant it to run.
    """
    entry = earlier.get(campaign.campaign_id, {})
    stopped = entry.get("campaign_instance_id")
    if was_sent(entry) and stopped is not None and campaign.campaign_instance_id not in {None, stopped}:
        raise CampaignStateError(
            f"campaign {campaign.campaign_id}: an earlier try of this task was to stop its run {stopped}, and it was "
            f"started again since, as {campaign.campaign_instance_id}; nothing was sent",
            campaign_id=campaign.campaign_id,
        )


def stop_by_an_earlier_try(campaign: Campaign, earlier: Mapping[str, Entry]) -> dict[str, Any] | None:
    """When an earlier try sent the stop of the very run that is stopped now, as keys of a result; None if none did.

    A try may have died between its note and the request. Then the run goes on, or somebody else stopped it since.
    """
    entry = earlier.get(campaign.campaign_id, {})
    run = entry.get("campaign_instance_id")
    if not was_sent(entry) or run is None or run != campaign.campaign_instance_id:
        return None
    if campaign.status != CampaignStatus.STOPPED:
        return None
    return {key: entry[key] for key in _IN_RESULTS if key in entry}
