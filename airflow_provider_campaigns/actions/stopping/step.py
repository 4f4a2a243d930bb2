"""What a campaign's status asks for when it is to be stopped. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignStatus, CampaignType

UNREAD_FOR = timedelta(minutes=15)
"""So long after its close, or after the start of a task that stops at once, a campaign may be stopped unread."""

_NOT_READABLE = CampaignStatus("not readable")


class Step(Enum):
    """What a campaign's status asks for when it is to be stopped."""

    SEND = "send the stop"
    NOTHING = "nothing to do"
    WAIT = "wait until it leaves this status"
    DISABLE_SCHEDULE = "disable the schedule first"


_STEPS = {
    CampaignStatus.ACTIVE: Step.SEND,
    CampaignStatus.PAUSED: Step.SEND,
    CampaignStatus.STOPPED: Step.NOTHING,
    CampaignStatus.COMPLETED: Step.NOTHING,
    CampaignStatus.READY: Step.NOTHING,
    CampaignStatus.PREPARING: Step.WAIT,
    # Once the schedule is disabled, which comes first.
    CampaignStatus.SCHEDULED: Step.NOTHING,
    CampaignStatus.RESCHEDULED: Step.NOTHING,
}


def step_for(campaign: Campaign) -> Step:
    """What the campaign's status asks for; a status that nobody documented may be a running one, so it is stopped."""
    if campaign.is_scheduled:
        return Step.DISABLE_SCHEDULE
    return _STEPS.get(campaign.status, Step.SEND)


def may_stop_unread(*, since: datetime, now: datetime) -> bool:
    """True if what cannot be read may be stopped for an instant that came at ``since``."""
    return since <= now <= since + UNREAD_FOR


def unread(campaign_id: str, campaign_type: CampaignType) -> Campaign:
    """A campaign that nobody can read; what its status asks for is what a status that nobody knows does."""
    return Campaign(campaign_id, "", _NOT_READABLE, campaign_type, None, None, None, False, {}, is_whole=False)


def ends_a_run(campaign: Campaign, *, may_disable: bool) -> bool:
    """True if the campaign runs and is to be sent a stop, be it after its schedule is disabled, where it may be."""
    step = step_for(campaign)
    if step is Step.DISABLE_SCHEDULE and may_disable:
        step = step_once_unscheduled(campaign)
    return step is Step.SEND


def step_once_unscheduled(campaign: Campaign) -> Step:
    """What it asks for once its schedule is disabled."""
    return _STEPS.get(campaign.status, Step.SEND)
