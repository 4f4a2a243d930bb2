"""Does a report justify deleting a campaign? After the delete it is all that is left, so every doubt is a no."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

from airflow_provider_campaigns.kore.errors import excerpt
from airflow_provider_campaigns.kore.runs import SameRun
from airflow_provider_campaigns.reports.errors import ReportError, ReportRefusedError
from airflow_provider_campaigns.reports.manifest import (
    CAMPAIGN_NAME,
    CONTACT_FILES,
    MANIFEST_NAME,
    SUMMARY_NAME,
    load_manifest,
)
from airflow_provider_campaigns.reports.verdict import run_reported

if TYPE_CHECKING:
    from airflow_provider_campaigns.kore.campaigns import Campaign
    from airflow_provider_campaigns.reports.folder import Folder
    from airflow_provider_campaigns.reports.manifest import Manifest

ALWAYS_THERE = (CAMPAIGN_NAME, SUMMARY_NAME)

_AGAIN = "Run the report again, and delete with what it returns"
_ANEW = "Run the report again, which makes anew what is damaged"
_THEN = "Then run the report again, and delete with what it returns"

_Doubt = tuple[str, str] | None
"""What is wrong with a report, and the remedy; None if nothing is."""


@dataclass(frozen=True, slots=True)
class CheckedReport:
    """A report whose every file was read and found to be what its manifest says.

    Attributes:
        folder: where it is.
        manifest: what it says of itself.
        given_sha256: of the manifest that was given, if it is another: one of which this one holds everything.
        verified: how it was compared with what the service has now: ``all`` or ``ends``; None if it was not.
    """

    folder: Folder
    manifest: Manifest
    given_sha256: str | None = None
    verified: str | None = None

    def check_again(self, campaign: Campaign) -> None:
        """Make sure, cheaply, that it still justifies deleting the campaign as it is now.

        Reads the manifest alone: what the files hold was checked before.

        Raises:
            ReportRefusedError: the manifest is another by now, or it no longer fits the campaign.
            ReportStorageError: the manifest cannot be read.
        """
        if read_manifest(self.folder, campaign.campaign_id).sha256 != self.manifest.sha256:
            _refuse(campaign, self.folder, "was replaced while the campaign was being deleted", _AGAIN)
        check_fit(self.manifest, campaign, self.folder)


def check_report(folder: Folder, campaign: Campaign, *, manifest_sha256: str | None = None) -> CheckedReport:
    """Make sure that the report in ``folder`` justifies deleting ``campaign``.

    Reads every file of the report once, a piece at a time. ``manifest_sha256`` is what the report's own task said of
    its manifest; without it nothing tells a manifest that was written later, with files to match, from the real one.
    What a delete that did not come to its end has added since is no other report.

    Raises:
        ReportRefusedError: it does not; the message says why and what to do.
        ReportStorageError: it cannot be read.
    """
    manifest = read_manifest(folder, campaign.campaign_id)
    if manifest_sha256 not in {None, manifest.sha256, *manifest.extends}:
        _refuse(
            campaign,
            folder,
            f"is not what its task wrote: {MANIFEST_NAME} has the SHA-256 {manifest.sha256}, expected "
            f"{excerpt(str(manifest_sha256))}",
            _AGAIN,
        )
    check_fit(manifest, campaign, folder)
    if doubt := _of_files(manifest, folder):
        _refuse(campaign, folder, *doubt)
    return CheckedReport(folder, manifest, given_sha256=manifest_sha256)


def read_manifest(folder: Folder, campaign_id: str | None = None) -> Manifest:
    """The manifest in ``folder``.

    Raises:
        ReportRefusedError: there is none, or what is there is no manifest.
        ReportStorageError: it cannot be read.
    """
    try:
        manifest = load_manifest(folder)
    except ReportError as error:
        if type(error) is not ReportError:
            raise
        raise _refusal(campaign_id, folder, f"cannot be understood: {error}", _THEN) from error
    if manifest is None:
        raise _refusal(
            campaign_id,
            folder,
            f"is not there, or was not finished: there is no {MANIFEST_NAME}",
            "Run the report, or give the folder that its task returned as report_url",
        )
    return manifest


def check_fit(manifest: Manifest, campaign: Campaign, folder: Folder) -> None:
    """Make sure that a report is complete, and about the latest run of this very campaign.

    Raises:
        ReportRefusedError: it is not; the message says why and what to do.
    """
    if doubt := _misfit(manifest, campaign):
        _refuse(campaign, folder, *doubt)


def _misfit(manifest: Manifest, campaign: Campaign) -> _Doubt:
    """Why a report does not fit.

    It fits if id, creation and run are equal, and it was finished after the stop. Where either side names no run, the
    campaign must not have been changed since. Whether it is complete was judged when it was made (``verdict.judge``).
    """
    if manifest.campaign_id != campaign.campaign_id:
        return f"is about campaign {excerpt(manifest.campaign_id)}", "Give this campaign's report"
    if manifest.created_at != campaign.created_at:
        reported, now = (one or "a time that is not named" for one in (manifest.created_at, campaign.created_at))
        return f"is about a campaign created at {reported}, and this one was created at {now}", _AGAIN
    return _of_run(manifest, campaign) or _of_completeness(manifest)


def _of_run(manifest: Manifest, campaign: Campaign) -> _Doubt:
    reported, now = manifest.campaign_instance_id, campaign.campaign_instance_id
    same = run_reported(manifest, campaign)
    if same is SameRun.NO:
        about = "a campaign that never ran, and it was started"
        if reported:
            about = f"run {reported}, and the campaign was started again"
        return (
            f"is about {about} since: it is {excerpt(campaign.status)} as run {now}",
            "If that run was meant to be, stop it and report it first",
        )
    if same is SameRun.UNKNOWN:
        named = f"names {reported or 'no run'} and the campaign names {now or 'none'}"
        if campaign.updated_at is None:
            unknown = "and nothing says when it was changed, so nothing shows that it is the same run"
            return f"{named}, {unknown}", "Nothing that is run again mends that: delete it on the platform"
        changed = f"it was changed: updatedAt was {manifest.updated_at} and is {campaign.updated_at}"
        if manifest.updated_at is None:
            changed = f"nothing says that it is: the report has no updatedAt, and now it is {campaign.updated_at}"
        return f"{named}, so the campaign must be as it was, and {changed}", _AGAIN
    if campaign.status.is_running:
        return (f"cannot hold all of the run: the campaign is {campaign.status}", "Stop it and report it first")
    return None


def _of_completeness(manifest: Manifest) -> _Doubt:
    if not manifest.complete:
        reason = manifest.reason_text or manifest.reason or "it does not say why"
        return f"is not complete: {excerpt(reason)}", _AGAIN
    finished_at, stopped_at = _instant(manifest.finished_at), _instant(manifest.stopped_at)
    if finished_at is None:
        return "does not say when it was finished", _ANEW
    if stopped_at is not None and finished_at < stopped_at:
        return (
            f"was finished at {manifest.finished_at}, before the campaign was stopped at {manifest.stopped_at}",
            _AGAIN,
        )
    return None


def _of_files(manifest: Manifest, folder: Folder) -> _Doubt:
    missing = [name for name in ALWAYS_THERE if manifest.name_of(name) is None]
    if manifest.contact_results and not any(map(manifest.name_of, CONTACT_FILES.values())):
        missing.append(" or ".join(CONTACT_FILES.values()))
    if missing:
        return f"has no {', no '.join(missing)}", _ANEW
    for name, entry in manifest.files.items():
        found = None if "/" in name else folder.measure(name)
        if found is None:
            return f"lacks {excerpt(name)}, which its manifest names", _ANEW
        if found.bytes != entry.bytes:
            return f"is damaged: {name} has {found.bytes} bytes, expected {entry.bytes}", _ANEW
        if found.sha256 != entry.sha256:
            return f"was changed: the SHA-256 of {name} is not what its manifest says", _ANEW
    return None


def _instant(text: str | None) -> datetime | None:
    """An aware instant, None if ``text`` is none."""
    try:
        instant = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return None if instant.tzinfo is None else instant


def _refuse(campaign: Campaign, folder: Folder, what: str, remedy: str) -> NoReturn:
    raise _refusal(campaign.campaign_id, folder, what, remedy)


def _refusal(campaign_id: str | None, folder: Folder, what: str, remedy: str) -> ReportRefusedError:
    of_campaign = "" if campaign_id is None else f"campaign {campaign_id}: "
    return ReportRefusedError(
        f"{of_campaign}the report {folder.url()} {what}. Nothing was deleted. {remedy}", campaign_id=campaign_id
    )
