"""What earlier tries of the same task have sent: evidence, never a result.

A try may die between sending a stop or a start and telling anybody. The next one reads the campaign, which says what
is; only what was noted before sending says whether a run that goes on now is the one that was meant, or another.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.kore.campaigns import CampaignStatus
from airflow_provider_campaigns.kore.errors import CampaignStateError
from airflow_provider_campaigns.kore.patience import ENDLESS, Patience
from airflow_provider_campaigns.kore.runs import (
    InstanceId,
    SameRun,
    UnknownInstance,
    as_note,
    is_unchanged,
    noted_run,
    run_of,
    same_run,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_campaigns.kore.campaigns import Campaign
    from airflow_provider_campaigns.kore.sending import Judge

Entry = dict[str, Any]
"""``{"campaign_instance_id": ..., "sent_at": ...}``, and ``confirmed_at`` once that is known; instants as ISO text.

The run is as of ``as_note``: None of a campaign that never ran, ``"unknown"`` where it was not named.

Of a stop's campaign also ``calling_hours``, as the service has them, or ``hours_of``, the campaign that has the same.
Of a start also ``outcome_unknown``, True, if its answer was lost and no reading told whether it took effect. Of a stop
also ``contacts_before_stop`` where it was counted, which may be long before it is sent: until then there is
no ``sent_at``. Of a delete without a report the run that its first try saw, and ``updated_at``, until it stops it.
"""


_MOST_HOURS_BYTES = 32_000
"""Airflow's store takes 64 KB for a task, of which what is sent needs its part."""


class Evidence(Protocol):
    """Where a task keeps what it has sent, across its tries."""

    def recall(self, patience: Patience = ENDLESS) -> Mapping[str, Entry]:
        """What earlier tries have kept, by campaign id; what is not known by the end of patience is not waited for."""

    def keep(self, entries: Mapping[str, Entry], patience: Patience | None = None) -> bool:
        """Add to it; an entry takes the place of one for the same campaign. Nobody waits for long, or beyond patience.

        True if later tries will know of it, and this one knows of all that earlier ones have kept.
        """


class NoEvidence:
    """For callers that have nowhere to keep it: what is read of a campaign is then all that is known."""

    def recall(self, patience: Patience = ENDLESS) -> Mapping[str, Entry]:  # noqa: ARG002 - as of Evidence
        """Nothing."""
        return {}

    def keep(self, entries: Mapping[str, Entry], patience: Patience | None = None) -> bool:  # noqa: ARG002
        """Nothing is kept."""
        return False


def was_sent(entry: Entry) -> bool:
    """True if something was sent, or was about to be, when the entry was kept."""
    return "sent_at" in entry


def was_seen(entry: Entry) -> bool:
    """True if an earlier try has proven what became of the campaign, by readings that did not show another type."""
    return "confirmed_at" in entry


def check_not_started_again(campaign: Campaign, earlier: Mapping[str, Entry]) -> None:
    """Make sure that a campaign that goes on is not a new run, after an earlier try has stopped the one before.

    Raises:
        CampaignStateError: it is; nothing is sent, because whoever started it meant it to run.
    """
    entry = earlier.get(campaign.campaign_id, {})
    if was_sent(entry) and _is_of_its_run(entry, campaign) is SameRun.NO:
        raise CampaignStateError(
            f"campaign {campaign.campaign_id}: an earlier try of this task was to stop its run "
            f"{entry['campaign_instance_id']}, and it was "
            f"started again since, as {campaign.campaign_instance_id}; nothing was sent",
            campaign_id=campaign.campaign_id,
        )


def as_seen_first(evidence: Evidence) -> Judge:
    """Keeps of each campaign that is to be deleted which run it had when the task was first shown it.

    Where a run is not known, the campaign must not have been changed since; unless this task was to stop it meanwhile,
    which changes it.

    Raises:
        CampaignStateError: by what is returned: it has another run by now, or may have, which nobody has looked at.
    """
    earlier = evidence.recall()

    def check(campaign: Campaign) -> None:
        entry = earlier.get(campaign.campaign_id)
        run = run_of(campaign)
        if not entry:
            seen = {"campaign_instance_id": as_note(run), "updated_at": campaign.updated_at}
            evidence.keep({campaign.campaign_id: seen})
            return
        same = _is_of_its_run(entry, campaign)
        if same is SameRun.NO or (same is SameRun.UNKNOWN and not was_sent(entry)):
            raise CampaignStateError(
                f"campaign {campaign.campaign_id}: an earlier try of this task was to delete it as "
                f"{_in_words(noted_run(entry['campaign_instance_id']))}, and it is {campaign.status} as "
                f"{_in_words(run)} by now. Nothing was deleted. Clear the task if this run is not wanted either",
                campaign_id=campaign.campaign_id,
            )

    return check


def stop_by_an_earlier_try(campaign: Campaign, earlier: Mapping[str, Entry]) -> dict[str, Any] | None:
    """When an earlier try sent the stop of the very run that is stopped now, as keys of a result; None if none did.

    A try may have died between its note and the request. Then the run goes on, or somebody else stopped it since.
    """
    entry = earlier.get(campaign.campaign_id, {})
    is_of_it = was_sent(entry) and _is_of_its_run(entry, campaign) is SameRun.YES
    if not is_of_it or campaign.status != CampaignStatus.STOPPED:
        return None
    return {key: value for key, value in entry.items() if key != "campaign_instance_id"}


def _is_of_its_run(entry: Entry, campaign: Campaign) -> SameRun:
    """Whether what was kept is about the run that the campaign has now."""
    unchanged = is_unchanged(entry.get("updated_at"), campaign.updated_at)
    return same_run(noted_run(entry["campaign_instance_id"]), run_of(campaign), unchanged=unchanged)


def _in_words(run: InstanceId) -> str:
    if run is None:
        return "one that never ran"
    return "a run without a name" if isinstance(run, UnknownInstance) else f"run {run}"


def entries_of_hours(hours: Mapping[str, CallingHours]) -> dict[str, Entry]:
    """Hours by campaign as entries, equal ones once; nothing where that is more than a store takes."""
    first: dict[str, str] = {}
    entries: dict[str, Entry] = {}
    for campaign_id, one in hours.items():
        as_api = one.to_api()
        owner = first.setdefault(json.dumps(as_api), campaign_id)
        entries[campaign_id] = {"calling_hours": as_api} if owner == campaign_id else {"hours_of": owner}
    return entries if len(json.dumps(entries)) <= _MOST_HOURS_BYTES else {}


def hours_in(entry: Entry) -> Entry:
    """What an entry tells of hours, to be kept with what is noted next."""
    return {key: entry[key] for key in ("calling_hours", "hours_of") if key in entry}


def kept_hours(entries: Mapping[str, Entry]) -> dict[str, CallingHours]:
    """What ``entries_of_hours`` made, as far as it is still there: what is proven gets another entry."""
    kept = {
        one: CallingHours.from_api(entry["calling_hours"]) for one, entry in entries.items() if "calling_hours" in entry
    }
    same = {one: kept[entry["hours_of"]] for one, entry in entries.items() if entry.get("hours_of") in kept}
    return kept | same
