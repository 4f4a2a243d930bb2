"""What lies between the end of a campaign and its report: is its last day here, is it over, and since when?

The service goes on writing results for a while after a stop: calls that were going on end, agents finish their notes.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.actions.closing import Schedule
from airflow_provider_campaigns.actions.outcomes import Result
from airflow_provider_campaigns.actions.reading import CampaignReader, hours_of
from airflow_provider_campaigns.actions.targets import check_type
from airflow_provider_campaigns.kore.clock import SYSTEM_CLOCK, Clock, instant_of
from airflow_provider_campaigns.kore.errors import CampaignStateError
from airflow_provider_campaigns.kore.presence import ProvenMissing
from airflow_provider_campaigns.kore.runs import SameRun, has_run, named_run, same_run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from airflow_provider_campaigns.actions.targets import Target
    from airflow_provider_campaigns.calling_hours import CallingHours
    from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignType
    from airflow_provider_campaigns.kore.client import KoreClient

log = logging.getLogger(__name__)

FROM_STOP = ("contacts_before_stop", "sent_at", "confirmed_at", "lateness_s")
"""What a stop's result knows and nothing else can tell afterwards."""

AFTER_CALL_WORK = timedelta(minutes=90)
"""For so long an agent may write down how a call went."""

WITHOUT_AGENTS = timedelta(minutes=15)
"""The grace where no agent is there to write."""


@dataclass(frozen=True, slots=True)
class LastDay:
    """The day up to which a campaign's hours begin; nothing is done to it before the last of them.

    Attributes:
        day: that date, in the campaign's zone.
        run_at: the instant that says which business day the run is for; the same for every try.
        now: the instant as of which it is asked.
        calling_hours: hours in the place of the campaign's own; None for its own.
    """

    day: date
    run_at: datetime
    now: datetime
    calling_hours: CallingHours | None = None

    def is_yet_to_come(self, campaign: Campaign) -> bool:
        """True if the campaign's hours begin once more by that day, or go on for more than a day until they close.

        Raises:
            KoreConfigurationError: the campaign's hours never close, or cannot be read, so no day can be told.
        """
        schedule = Schedule(self.calling_hours or hours_of(campaign), last_day=self.day)
        return schedule.is_early(self.run_at) or schedule.closing_for(self.run_at).at > self.now + timedelta(days=1)


def read_ended(
    client: KoreClient,
    target: Target,
    campaign_type: CampaignType,
    stopped: Mapping[str, Any] | None,
    *,
    last_day: LastDay | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Result:
    """Read a campaign and make sure that it is over; one that is gone is, too.

    One that its stop has just proven missing is not read: the report reads it once more unless one is kept, and the
    delete in any case.

    ``stopped`` is what its stop said of it, None if there was no stop. What only the stop could know is taken over, if
    it is about the same run. ``last_day`` is judged here once more, whatever became of the stop: a stop that failed
    has said nothing of a campaign that is Ready, or that somebody stopped, and is not to be deleted today.

    Returns:
        A result with ``waits_for`` if the last day is yet to come, whatever the campaign's status. Else, of one that
        has run, with ``ended_at``, in ISO 8601: when the stop was confirmed, else when the campaign was last changed,
        None where that is not known; with ``is_agentless`` where it dials without agents; and with the run that the
        stop named, where the reading names none.

    Raises:
        CampaignStateError: it runs, will run, or has a status that nobody documented.
        CampaignMismatchError: it has another name or type.
        KoreConfigurationError: there is a last day, and the campaign's hours do not tell which day it is.
    """
    missing = partial(
        Result.missing,
        target.campaign_id,
        if_missing="succeed",
        or_else="",
        campaign_type=campaign_type,
        name=target.name,
    )
    said = (stopped or {}).get("proven_missing_at")
    if replace(target, proven_missing_at=said).was_just_missing(clock.now()):
        return missing(proven_missing_at=said)
    campaign = CampaignReader(client).read(target.campaign_id)
    if isinstance(campaign, ProvenMissing):
        return missing(missing=campaign, **campaign.told(clock.now()))
    target.check_name(campaign)
    check_type(campaign, campaign_type)
    if last_day is not None and last_day.is_yet_to_come(campaign):
        return Result.of(campaign, changed=False, waits_for=last_day.day.isoformat())
    if not campaign.is_at_rest:
        schedule = " with a schedule" if campaign.is_scheduled else ""
        raise CampaignStateError(
            f"campaign {campaign.campaign_id}: is {campaign.status}{schedule}, so it is neither "
            "reported nor deleted; look at the task that was to stop it",
            campaign_id=campaign.campaign_id,
        )
    result = Result.of(campaign, changed=False)
    if stopped is not None:
        same = same_run(named_run(stopped.get("campaign_instance_id")), named_run(campaign.campaign_instance_id))
        if same is not SameRun.NO:  # what the stop knows survives a reading that names no run
            result.details |= {name: stopped[name] for name in FROM_STOP if stopped.get(name) is not None}
            result.campaign_instance_id = campaign.campaign_instance_id or stopped.get("campaign_instance_id")
    if has_run(campaign):
        result.details["ended_at"] = (
            result.details.get("confirmed_at") or result.details.get("sent_at") or campaign.updated_at
        )
        if str(campaign.raw.get("dialingMode")).casefold() == "agentless":
            result.details["is_agentless"] = True
    return result


def settled_at(result: Result, grace_period: timedelta | None, now: datetime) -> datetime | None:
    """The instant from which on a campaign may be reported; None if it need not be waited for.

    Nobody waits for a campaign that is gone or never ran. One of which it is not known when it ended, or that is said
    to end in the future, has ended by ``now``. Without a ``grace_period`` it is 90 minutes, for agents may write so
    long after a call, and 15 where no agents are.
    """
    if "ended_at" not in result.details:
        return None
    if grace_period is None:
        grace_period = WITHOUT_AGENTS if result.details.get("is_agentless") else AFTER_CALL_WORK
    return min(instant_of(result.details["ended_at"]) or now, now) + grace_period
