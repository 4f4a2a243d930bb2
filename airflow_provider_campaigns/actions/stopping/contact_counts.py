"""How many contact results a campaign has before it is stopped: fewer in a later report mean that the stop lost some.

Whether a stop empties the results is not documented, so the number is kept with the result of the stop. It is never
worth a stop that is late or fails: what cannot be counted in time is left out, with one line in the log.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.errors import KoreError
from airflow_provider_campaigns.kore.patience import Patience, countdown
from airflow_provider_campaigns.kore.runs import InstanceId, SameRun, as_note, named_run, same_run
from airflow_provider_campaigns.kore.senders import SENDERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from airflow_provider_campaigns.kore.campaigns import Campaign
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.clock import Clock

log = logging.getLogger(__name__)

CONTACTS_BEFORE_STOP = "contacts_before_stop"
"""The number in a result, and in what is kept for later tries."""

ENDS = timedelta(seconds=90)
"""How long before a close counting ends: an answer that comes in the last minute takes the place of a stop."""

PATIENCE_S = 5.0
"""How long stops that are due at once are held up by counting, at most twice that: to begin it, and for an answer."""

_ANSWER_S = 15.0


@dataclass(frozen=True, slots=True)
class ContactCount:
    """How many contact results a run of a campaign had.

    Attributes:
        total: the number.
        run: the run; unknown where the service did not name it.
    """

    total: int
    run: InstanceId

    @classmethod
    def in_entry(cls, entry: Mapping[str, Any]) -> Self | None:
        """The count in what ``as_entry`` gave, None if there is none."""
        total = entry.get(CONTACTS_BEFORE_STOP)
        return cls(total, named_run(entry.get("campaign_instance_id"))) if isinstance(total, int) else None

    def as_entry(self) -> dict[str, Any]:
        """The count as plain JSON values."""
        return {"campaign_instance_id": as_note(self.run), CONTACTS_BEFORE_STOP: self.total}

    def is_of(self, campaign: Campaign) -> bool:
        """True if it may be of the campaign's latest run: a count survives a reading that names no run."""
        return same_run(self.run, named_run(campaign.campaign_instance_id)) is not SameRun.NO


class ContactsBeforeStop:
    """The contact results of campaigns before their stop, as far as anybody has counted them; the earliest count holds.

    Args:
        counted: counts by campaign id.
    """

    def __init__(self, counted: Mapping[str, ContactCount]) -> None:
        self._counts = dict(counted)
        self._earlier: Mapping[str, ContactCount] = {}

    def recall(self, earlier: Mapping[str, Mapping[str, Any]]) -> None:
        """Learn what earlier tries of the same task have kept, by campaign id."""
        counts = {one: ContactCount.in_entry(entry) for one, entry in earlier.items()}
        self._earlier = {one: count for one, count in counts.items() if count is not None}

    def of(self, campaign: Campaign) -> dict[str, int]:
        """The number for the campaign's latest run, as a key of its result; empty if it is not known."""
        for counts in (self._earlier, self._counts):
            count = counts.get(campaign.campaign_id)
            if count is not None and count.is_of(campaign):
                return {CONTACTS_BEFORE_STOP: count.total}
        return {}

    def count(self, client: KoreClient, campaigns: Iterable[Campaign], *, needed: int, clock: Clock) -> None:
        """Count what is not known yet, where the request budget has room for it beside ``needed`` requests."""
        unknown = [one for one in campaigns if not self.of(one)]
        self._counts |= count_where_there_is_room(client, unknown, needed=needed, clock=clock)


def count_until(
    client: KoreClient, campaigns: Iterable[Campaign], until: datetime, *, clock: Clock
) -> dict[str, ContactCount]:
    """Count the results of each campaign, waiting for places in the request budget until an instant, but no longer.

    What a passing fault has hit is asked for once more. A campaign that could not be counted is left out.
    """
    patience = replace(Patience.until(until, clock), answer_s=_ANSWER_S)
    asked = list(campaigns)
    counts, failures = _count(client, asked, patience)
    passing = {one for one, error in failures.items() if error.retryable and not error.concerns_account}
    hit = [one for one in asked if one.campaign_id in passing]
    if hit:
        again, failed_again = _count(client, hit, patience)
        counts |= again
        failures = {one: error for one, error in (failures | failed_again).items() if one not in counts}
    _tell(asked, counts, failures)
    return counts


def count_where_there_is_room(
    client: KoreClient, campaigns: Iterable[Campaign], *, needed: int, clock: Clock
) -> dict[str, ContactCount]:
    """Count the results of each campaign for which the request budget has room beside ``needed`` requests right now.

    It waits for no place, and not long for an answer. A campaign that could not be counted is left out.
    """
    asked = list(campaigns)
    if not asked:
        return {}
    patience = Patience(countdown(PATIENCE_S, clock.monotonic), place_s=0, answer_s=PATIENCE_S)
    # What proves the stops is read like anything else, so it leaves the room for what is urgent free as well.
    with client.reserve(needed + client.urgent_per_minute, duration_s=2 * PATIENCE_S):
        counts, failures = _count(client, asked, patience)
    _tell(asked, counts, failures)
    return counts


def _count(
    client: KoreClient, campaigns: list[Campaign], patience: Patience
) -> tuple[dict[str, ContactCount], dict[str, KoreError]]:
    """Count several at a time, until patience is at an end or an answer says that the next would get no further."""
    failures: dict[str, KoreError] = {}
    is_hopeless = False

    def count(campaign: Campaign) -> ContactCount | None:
        nonlocal is_hopeless
        if is_hopeless or patience.left_s() <= 0:
            return None
        try:
            total = client.count_contact_results(campaign.campaign_id, patience=patience)
        except KoreError as error:
            failures[campaign.campaign_id] = error
            # The page about contact results speaks of voice only: what one SMS campaign does not tell, none does.
            is_hopeless = campaign.campaign_type is CampaignType.SMS or error.concerns_account
            return None
        return ContactCount(total, named_run(campaign.campaign_instance_id))

    with ThreadPoolExecutor(max_workers=SENDERS, thread_name_prefix="count") as pool:
        counted = dict(zip((one.campaign_id for one in campaigns), pool.map(count, campaigns), strict=True))
    return {one: found for one, found in counted.items() if found is not None}, failures


def _tell(campaigns: list[Campaign], counts: Mapping[str, ContactCount], failures: Mapping[str, KoreError]) -> None:
    left_out = len(campaigns) - len(counts)
    if left_out:
        # The kind of error only: the answer to a question about contacts may hold anything.
        kinds = sorted({type(error).__name__ for error in failures.values()}) or ["no time"]
        log.info(
            "contact results before the stop: counted for %d campaigns, left out for %d (%s)",
            len(counts),
            left_out,
            ", ".join(kinds),
        )
