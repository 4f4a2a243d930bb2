"""Is it the same run? Yes, no, or unknown: the only place that compares runs of a campaign. Pure.

Each start of a campaign begins a run, which answers name by its ``campaignInstanceId``; but not every answer names it.
An answer that names none has not said that there is another, so "unknown" is an answer of its own, and whoever asks
says what it does then.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignStatus


class UnknownInstance(Enum):
    """A run that nobody named."""

    UNKNOWN = "unknown"


InstanceId = str | None | UnknownInstance
"""A run's id; None for a campaign that never ran; ``UnknownInstance.UNKNOWN`` where nobody named it."""


class SameRun(Enum):
    """Whether two readings are of the same run."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


def named_run(instance_id: object) -> InstanceId:
    """The run that an answer or a result names; unknown where it names none, or what is no name."""
    if not isinstance(instance_id, str) or instance_id in {"", UnknownInstance.UNKNOWN.value}:
        return UnknownInstance.UNKNOWN
    return instance_id


def as_note(run: InstanceId) -> str | None:
    """A run as it is kept, for ``noted_run``: its id, None for a campaign that never ran, or ``"unknown"``."""
    return run.value if isinstance(run, UnknownInstance) else run


def noted_run(note: object) -> InstanceId:
    """The run that ``as_note`` kept: what was noted to have never run is not taken for a run that nobody named."""
    return None if note is None else named_run(note)


def run_of(campaign: Campaign) -> InstanceId:
    """The latest run of a campaign; one of which nothing but the status is known may have run, whatever that is."""
    if campaign.is_whole:
        return run_beside(campaign.status, campaign.campaign_instance_id)
    return named_run(campaign.campaign_instance_id)


def run_beside(status: CampaignStatus, instance_id: str | None) -> InstanceId:
    """The run that a reading names beside a status: None only where that says that none can have been without a name.

    A campaign that runs, or is over, has run; so may one whose status nobody documented.
    """
    may_have_run = status.is_running or status.is_ended or not status.is_known
    return named_run(instance_id) if instance_id is not None or may_have_run else None


def same_run(before: InstanceId, now: InstanceId, *, unchanged: bool = False) -> SameRun:
    """Whether the run ``now`` is the run ``before``.

    ``unchanged`` is true if nothing has happened to the campaign in between (``is_unchanged``), which decides where a
    run is not known. A campaign that has run cannot become one that never ran: an answer that looks so does not tell.
    """
    if isinstance(before, UnknownInstance) or isinstance(now, UnknownInstance) or (before is not None and now is None):
        return SameRun.YES if unchanged else SameRun.UNKNOWN
    return SameRun.YES if before == now else SameRun.NO


def is_unchanged(updated_at_before: str | None, updated_at: str | None) -> bool:
    """True if the service says of both readings that the campaign was last changed at the same time."""
    return updated_at is not None and updated_at_before == updated_at


def has_run(campaign: Campaign) -> bool:
    """True unless the campaign never began a run. What is over has run, also where its answer names no run."""
    return run_of(campaign) is not None


def has_begun(campaign: Campaign, *, before: InstanceId) -> bool | None:
    """Whether a run began since the campaign, which did not run, had the run ``before``; None if that cannot be told.

    Where a run is not known, only the status tells, and a run that has ended looks like the one before it.
    """
    same = same_run(before, run_of(campaign))
    if same is not SameRun.UNKNOWN:
        return same is SameRun.NO
    if campaign.status.is_running:
        return True
    if not campaign.status.is_ended:
        return False
    return True if before is None else None
