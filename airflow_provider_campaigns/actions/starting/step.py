"""What a campaign's status asks for when it is to be started. Pure."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from airflow_provider_campaigns.kore.campaigns import CampaignStatus
from airflow_provider_campaigns.kore.errors import CampaignStateError
from airflow_provider_campaigns.kore.runs import has_run

if TYPE_CHECKING:
    from airflow_provider_campaigns.kore.campaigns import Campaign


class Step(Enum):
    """What a campaign's status asks for when it is to be started."""

    SEND = "send the start"
    NOTHING = "nothing to do"
    WAIT = "wait until it leaves this status"


_STEPS = {
    CampaignStatus.READY: Step.SEND,
    # These have run, so it takes allow_rerun as well.
    CampaignStatus.STOPPED: Step.SEND,
    CampaignStatus.COMPLETED: Step.SEND,
    CampaignStatus.ACTIVE: Step.NOTHING,
    CampaignStatus.PREPARING: Step.WAIT,
}

# The API has no resume (documented triggers: play, stop), and does not say what play does to a run that is paused.
_PAUSED = (
    "is Paused, and the API has no resume: a start may begin its list anew. Resume it on the platform; or stop it, "
    "which loses its progress, and start it with allow_rerun=True"
)


def step_for(campaign: Campaign, *, allow_rerun: bool = False) -> Step:
    """What the campaign's status asks for.

    =====================================  ============================================================
    Ready                                  start it
    Stopped, Completed, or any run before  start it with ``allow_rerun``, else refuse
    Active                                 nothing
    Preparing                              wait until it is Ready
    Scheduled, Rescheduled, a schedule     refuse: the platform starts it by itself
    Paused                                 refuse: a start would not resume it
    a status that nobody documented        refuse: it may run
    =====================================  ============================================================

    Raises:
        CampaignStateError: it is refused; nothing was sent.
    """
    status = campaign.status
    if status == CampaignStatus.ACTIVE:
        return Step.NOTHING
    step = _STEPS.get(status)
    if campaign.is_scheduled:
        # A manual run of a scheduled campaign is an error on the platform (the vendor's guide to campaigns).
        reason = f"is {status} with a schedule, so the platform starts it by itself; disable the schedule first"
    elif status == CampaignStatus.PAUSED:
        reason = _PAUSED
    elif step is None:
        reason = f"is {str(status)!r}, a status that is not documented and may mean that it runs"
    elif step is Step.SEND and has_run(campaign) and not allow_rerun:
        reason = (
            f"is {status} and has run before, as {campaign.campaign_instance_id or 'a run without a name'}; a start "
            "goes through its whole list again, which allow_rerun=True permits"
        )
    else:
        return step
    raise CampaignStateError(
        f"campaign {campaign.campaign_id}: {reason}. Nothing was sent", campaign_id=campaign.campaign_id
    )


def is_startable(status: CampaignStatus) -> bool:
    """True if a campaign in this status may be sent a start, as far as the status tells."""
    return _STEPS.get(status) is Step.SEND
