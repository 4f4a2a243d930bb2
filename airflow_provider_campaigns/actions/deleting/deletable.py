"""Whether a campaign may be deleted, by what was read of it: its status, its type, its report, who meant it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_campaigns.actions.targets import check_type
from airflow_provider_campaigns.kore.campaigns import CampaignStatus
from airflow_provider_campaigns.kore.errors import CampaignMismatchError, CampaignStateError, excerpt
from airflow_provider_campaigns.kore.runs import SameRun, UnknownInstance, has_run, is_unchanged, run_of, same_run

if TYPE_CHECKING:
    from airflow_provider_campaigns.actions.targets import Target
    from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignType
    from airflow_provider_campaigns.reports.fit import CheckedReport


def check_deletable(campaign: Campaign) -> None:
    """Make sure that nothing is lost by deleting the campaign.

    Raises:
        CampaignStateError: it runs, may run, or will run; nothing was sent.
    """
    if campaign.is_at_rest:
        return
    if campaign.is_scheduled:
        reason = f"is {campaign.status} with a schedule, so the platform will start it; disable the schedule first"
    elif campaign.status.is_running:
        reason = f"is {campaign.status}; stop it first, or use if_running='stop'"
    elif campaign.status == CampaignStatus.PREPARING:
        reason = f"is {campaign.status}; wait until it is {CampaignStatus.READY}"
    elif says_deleted(campaign):
        reason = "is Deleted already, by its own status, although it is still shown"
    else:
        reason = f"is {str(campaign.status)!r}, a status that is not documented and may mean that it runs"
    raise CampaignStateError(
        f"campaign {campaign.campaign_id}: {reason}. Nothing was deleted", campaign_id=campaign.campaign_id
    )


def says_deleted(campaign: Campaign) -> bool:
    """True of a campaign that a service goes on showing after its delete; no page names that status."""
    return campaign.status.casefold() == "deleted"


def check_meant(campaign: Campaign, target: Target) -> None:
    """Make sure that a campaign that comes from another task's result is one to delete.

    Raises:
        CampaignStateError: it was left running until its last day, or it has yet to run; nothing was sent.
    """
    reason = None
    if target.waits_for is not None:
        reason = f"was left running until its last day, {target.waits_for}"
    elif campaign.status == CampaignStatus.READY and not target.is_explicit:
        reason = f"is {campaign.status}, so it has yet to run; such a campaign is deleted only if its id is named"
    if reason is not None:
        raise CampaignStateError(
            f"campaign {campaign.campaign_id}: {reason}. Nothing was deleted", campaign_id=campaign.campaign_id
        )


def check_reported(campaign: Campaign, report: CheckedReport | None, *, if_unreported: str) -> None:
    """Make sure that the results of a campaign are in its report, or are meant to be lost.

    A campaign that never ran has no results, and needs no report. ``if_unreported`` is ``fail`` or ``delete``.

    Raises:
        CampaignStateError: it has run, and there is no report of it; nothing was sent.
    """
    if report is None and if_unreported != "delete" and has_run(campaign):
        raise CampaignStateError(
            f"campaign {campaign.campaign_id}: has run, and the delete is given no report of it, so its results would "
            "be lost. Nothing was deleted. Give report=, such as report=save_results.output; or, if they are not "
            'wanted, if_unreported="delete"',
            campaign_id=campaign.campaign_id,
        )


def check_same(before: Campaign, now: Campaign, *, was_stopped: bool = False) -> None:
    """Make sure that a campaign is still the one that was seen first: of the same name, with the same latest run.

    Where a run is not known, the campaign must not have been changed since; unless it ``was_stopped`` here meanwhile,
    which changes it: then one whose first look named no run is believed to be the one whose stop was proven.

    Raises:
        CampaignStateError: it is not; retryable, because whatever it became, the next try judges it anew. Or that
            cannot be told at all, which no retry mends.
    """
    if now.name != before.name:
        raise _changed(before, f"was named {excerpt(before.name)!r} and became {excerpt(now.name)!r}")
    run = run_of(before)
    unchanged = is_unchanged(before.updated_at, now.updated_at) or (was_stopped and isinstance(run, UnknownInstance))
    same = same_run(run, run_of(now), unchanged=unchanged)
    if now.status == before.status and same is SameRun.UNKNOWN and now.updated_at is None:
        raise CampaignStateError(
            f"campaign {before.campaign_id}: names neither its run nor when it was changed, so nothing would show that "
            "it ran again meanwhile. Nothing was deleted",
            campaign_id=before.campaign_id,
        )
    if same is not SameRun.YES:
        which = " as another run" if same is SameRun.NO else ", perhaps as another run"
        raise _changed(before, f"was {before.status} and became {now.status}{which}")


def check_unchanged(before: Campaign, now: Campaign, *, was_compared: bool) -> None:
    """Make sure that a campaign is still what was judged: the same, and in the same status.

    One whose results ``was_compared`` with its report meanwhile must not have been changed at all: nothing else tells
    that all pages were read of one state of it.

    Raises:
        CampaignStateError: as ``check_same``.
    """
    check_same(before, now)
    if now.status != before.status:
        raise _changed(before, f"was {before.status} and became {now.status}")
    if was_compared and (before.updated_at or now.updated_at) and not is_unchanged(before.updated_at, now.updated_at):
        raise _changed(before, _between(before.updated_at, now.updated_at))


def _between(before: str | None, now: str | None) -> str:
    """What two looks, at least one of which says when the campaign was last changed, tell of the time between them."""
    if before is None:
        return f"did not say when it was last changed, and now says {now}, so it may have been changed"
    if now is None:
        return f"was last changed at {before}, and no longer says when, so it may have been changed"
    return f"was changed at {before}, and was again at {now}"


def _changed(before: Campaign, how: str) -> CampaignStateError:
    return CampaignStateError(
        f"campaign {before.campaign_id}: {how} meanwhile. Nothing was deleted",
        campaign_id=before.campaign_id,
        retryable=True,
    )


def type_to_delete(campaign: Campaign, meant: CampaignType | None) -> CampaignType:
    """The type that the request names: the one that is meant, else the campaign's own.

    Raises:
        CampaignMismatchError: the campaign is of the other type, or nobody says of which; nothing was sent.
    """
    if meant is not None:
        check_type(campaign, meant)
        return meant
    if campaign.campaign_type is None:
        raise CampaignMismatchError(
            f"campaign {campaign.campaign_id}: does not tell whether it is voice or SMS; say campaign_type='voice' "
            "or 'sms'. Nothing was sent",
            campaign_id=campaign.campaign_id,
        )
    return campaign.campaign_type
