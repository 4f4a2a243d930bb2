"""Reporting campaigns: find what is kept, or export what the service has; one report for each run of a campaign."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.actions.outcomes import Outcomes, Result
from airflow_provider_campaigns.actions.reading import CampaignReader
from airflow_provider_campaigns.kore.clock import SYSTEM_CLOCK, Clock, instant_of, instant_text
from airflow_provider_campaigns.kore.errors import CampaignStateError, KoreError, excerpt
from airflow_provider_campaigns.kore.presence import ProvenMissing
from airflow_provider_campaigns.kore.runs import SameRun, named_run, same_run
from airflow_provider_campaigns.reports.digests import is_comparable_with
from airflow_provider_campaigns.reports.errors import ReportError, ReportStorageError
from airflow_provider_campaigns.reports.export import export_report
from airflow_provider_campaigns.reports.export_options import ExportOptions
from airflow_provider_campaigns.reports.export_state import PAGE_SIZE
from airflow_provider_campaigns.reports.folder import Folder, plain_name
from airflow_provider_campaigns.reports.kept_page import write_page_again
from airflow_provider_campaigns.reports.manifest import MANIFEST_NAME, PAGE_NAME, Manifest, Reason, load_manifest
from airflow_provider_campaigns.reports.more_formats import add_formats, can_have
from airflow_provider_campaigns.reports.parts import PARTS_FOLDER
from airflow_provider_campaigns.reports.proof import proof_in_words
from airflow_provider_campaigns.reports.rows import PhoneNumbers, key_from
from airflow_provider_campaigns.reports.run_folder import run_folder
from airflow_provider_campaigns.reports.superseded import why_superseded
from airflow_provider_campaigns.reports.verdict import is_about, may_be_about
from airflow_provider_campaigns.reports.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_campaigns.actions.targets import Target
    from airflow_provider_campaigns.kore.campaigns import Campaign
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.reports.folder import StoragePath

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """How campaigns are reported.

    Attributes:
        formats: as ``checked_formats`` gave them.
        phone_numbers: as they are, as hashes, or left out.
        allow_empty: a run without contacts counts as complete.
        if_no_contact_results: ``fail``, or ``totals`` for a report of totals only, where an SMS campaign has no results
            by contact.
        if_missing: ``fail``, ``skip`` or ``succeed`` when a campaign is provably not there, and no complete report of
            it is kept.
        pending_timeout: how long after the end of a run its results may become final.
        refresh: read everything anew while the campaign is there, also if a complete report is kept.
        plan_only: read what a report would cost, and write nothing.
    """

    formats: tuple[str, ...] = ("jsonl", "csv", "html")
    phone_numbers: PhoneNumbers = PhoneNumbers.KEEP
    allow_empty: bool = False
    if_no_contact_results: str = "fail"
    if_missing: str = "fail"
    pending_timeout: timedelta = timedelta(hours=2)
    refresh: bool = False
    plan_only: bool = False


def report_campaigns(
    client: KoreClient,
    targets: Sequence[Target],
    output_path: StoragePath,
    options: ReportOptions,
    *,
    earlier: Outcomes | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Outcomes:
    """Write a report of every target, one after the other; one that fails keeps no other from being reported.

    Nothing is changed on the service. A complete report that is kept is not made again: its result has ``changed``
    False, also when the campaign is gone. Nor is one that waits for results before it is time to look
    (``waits_until``): such a call reads no contact.

    Args:
        client: where the campaigns are.
        targets: the campaigns.
        output_path: the folder of all reports; each is in ``{campaign id}/{instance id}`` below it.
        options: how.
        earlier: what an earlier call gave. What it leaves to be done is done: campaigns for whose results it is time
            to look, and those that failed in passing.
        clock: the time it lives in.

    Returns:
        A result or an error for each target.
    """
    report = _Report(client, output_path, options, clock)
    outcomes = Outcomes(target.campaign_id for target in targets)
    for target in targets:
        clock.check_cancelled()
        if earlier is not None and _carry_over(target.campaign_id, earlier, outcomes, clock.now()):
            continue
        try:
            outcomes.results[target.campaign_id] = report.make(target)
        except KoreError as error:
            error.campaign_id = error.campaign_id or target.campaign_id
            log.warning("campaign %s: could not be reported: %s", target.campaign_id, error)
            outcomes.failures[target.campaign_id] = error
    return outcomes


def _carry_over(campaign_id: str, earlier: Outcomes, outcomes: Outcomes, now: datetime) -> bool:
    """Put what became of a campaign earlier among the outcomes, if it still holds; True if it is there."""
    result, failure = earlier.results.get(campaign_id), earlier.failures.get(campaign_id)
    if result is not None and (_LOOK not in result.details or now < datetime.fromisoformat(result.details[_LOOK])):
        outcomes.results[campaign_id] = result
    elif failure is not None and not failure.retryable:
        outcomes.failures[campaign_id] = failure
    return campaign_id in outcomes.results or campaign_id in outcomes.failures


def waits_until(outcomes: Outcomes) -> datetime | None:
    """When ``report_campaigns`` is to be called again, because results are not final yet; None if all are.

    One wait for all: until the last of them is due for a look, but not beyond the end of any one's waiting.
    """
    waiting = [one.details for one in outcomes.results.values() if _LOOK in one.details]
    if not waiting:
        return None
    looks, ends = ([datetime.fromisoformat(one[name]) for one in waiting] for name in (_LOOK, _END))
    return min(max(looks), *ends)


_LOOK, _END = "next_look_at", "waits_until"
"""In the result of a campaign whose report waits for results: when to look at them, and when to wait no longer."""


class _Report:
    """One call of ``report_campaigns``."""

    def __init__(self, client: KoreClient, output_path: StoragePath, options: ReportOptions, clock: Clock) -> None:
        self._client = client
        self._reader = CampaignReader(client)
        self._root = Folder(output_path)
        self._options = options
        self._clock = clock

    def make(self, target: Target) -> Result:
        """Make the report of one campaign, unless the one that is kept will do."""
        if target.was_just_missing(self._clock.now()) and (result := self._keep_of_gone(target)) is not None:
            result.details["proven_missing_at"] = target.proven_missing_at
            return result
        campaign = self._reader.read(target.campaign_id)
        if isinstance(campaign, ProvenMissing):
            return self._missing(target, campaign)
        target.check_name(campaign)
        meant = named_run(target.campaign_instance_id)
        if same_run(meant, named_run(campaign.campaign_instance_id)) is SameRun.NO:
            return self._started_again(target, campaign)
        folder = self._folder_of(campaign.campaign_id, campaign.campaign_instance_id)
        kept = self._load_and_mend(folder)
        is_good = kept is not None and kept.complete and is_about(kept, campaign) and self._is_enough(kept, target)
        if kept is not None and is_good and not self._is_to_be_read_anew(folder, kept, campaign):
            return self._keep(folder, kept)
        if self._options.plan_only:
            return Result.planned(campaign, f"read the contacts, {PAGE_SIZE} a request, and write {folder.url()}")
        return self._export(campaign, target, folder, kept)

    def _export(self, campaign: Campaign, target: Target, folder: Folder, kept: Manifest | None) -> Result:
        waiting = self._waiting(campaign, target, folder, kept)
        if waiting is not None and kept is not None and kept.reason == Reason.PENDING and is_about(kept, campaign):
            is_enough = self._is_enough(kept, target)
            if is_enough and waiting.go_on(self._client, campaign.campaign_id, self._options.phone_numbers):
                return _result(folder, kept, changed=False, waiting=waiting)
        manifest = export_report(
            self._client,
            campaign,
            folder,
            ExportOptions(
                self._options.formats,
                phone_numbers=self._options.phone_numbers,
                allow_empty=self._options.allow_empty,
                if_no_contact_results=self._options.if_no_contact_results,
                contacts_before_stop=target.contacts_before_stop,
                stopped_at=target.stopped_at,
            ),
            kept=kept,
            clock=self._clock,
            waiting=waiting,
        )
        if manifest.reason is None:
            log.info(
                "campaign %s: the report is complete (%s): %s", campaign.campaign_id, _proof(manifest), folder.url()
            )
        else:
            log.warning(
                "campaign %s: the report is not complete (%s): %s (%s); do not delete the campaign on its account: %s",
                campaign.campaign_id,
                manifest.reason,
                manifest.reason_text,
                _proof(manifest),
                folder.url(),
            )
            if Reason(manifest.reason).is_transient:
                raise ReportError(
                    f"campaign {campaign.campaign_id}: {manifest.reason_text}; the incomplete report is in "
                    f"{folder.url()}, run this again for a complete one",
                    campaign_id=campaign.campaign_id,
                    retryable=True,
                )
        return _result(folder, manifest, changed=True, waiting=waiting)

    def _waiting(self, campaign: Campaign, target: Target, folder: Folder, kept: Manifest | None) -> Waiting | None:
        """The waiting for results of this run; None if there is a complete report of it: that has waited."""
        is_known = kept is not None and may_be_about(kept, campaign)
        if kept is not None and kept.complete and is_known:
            return None
        said = (target.stopped_at, kept.stopped_at if kept is not None and is_known else None, campaign.updated_at)
        return Waiting(
            folder,
            ended_at=next(filter(None, map(instant_of, said)), None),
            timeout=self._options.pending_timeout,
            begins_anew=kept is not None and not is_known,
            clock=self._clock,
        )

    def _missing(self, target: Target, missing: ProvenMissing) -> Result:
        """The report that is kept of a campaign that is gone, or what becomes of one without."""
        if (result := self._keep_of_gone(target)) is not None:
            return result
        others = "".join(
            f"; {folder.url()} has formats={list(kept.formats)} and phone_numbers={kept.phone_numbers!r}"
            for folder, kept in self._kept_of(target)[0]
            if _of_run(kept, target) is not SameRun.NO
        )
        return Result.missing(
            target.campaign_id,
            if_missing=self._options.if_missing,
            or_else=f", and no complete report of it is kept that would do{others}. if_missing='succeed' accepts that",
            missing=missing,
        )

    def _keep_of_gone(self, target: Target) -> Result | None:
        """Keep the report that is there of a campaign that is gone, if it would do.

        Raises:
            ReportError: what may be a better one cannot be read.
        """
        kept_ones, unreadable = self._kept_of(target)
        enough = [
            one for one in kept_ones if _of_run(one[1], target) is not SameRun.NO and self._is_enough(one[1], target)
        ]
        if unreadable is not None and not any(_of_run(kept, target) is SameRun.YES for _, kept in enough):
            raise unreadable
        if not enough:
            return None
        folder, kept = max(enough, key=lambda one: (_of_run(one[1], target) is SameRun.YES, one[1].finished_at))
        result = self._keep(folder, kept)
        if _of_run(kept, target) is SameRun.YES:
            log.info("campaign %s: is not there, its complete report is kept", target.campaign_id)
            return result
        log.warning(
            "campaign %s: is not there; of the reports that are kept, the newest is about run %s. Whether the "
            "campaign ran again before it went, nobody can tell any more",
            target.campaign_id,
            kept.campaign_instance_id,
        )
        result.details["last_run_known"] = False
        return result

    def _started_again(self, target: Target, campaign: Campaign) -> Result:
        """The report that is kept of a run that is over; the service has only the run after it."""
        folder = self._folder_of(target.campaign_id, target.campaign_instance_id)
        kept = self._load_and_mend(folder)
        if kept is not None and kept.complete and self._is_enough(kept, target):
            return self._keep(folder, kept)
        raise CampaignStateError(
            f"campaign {target.campaign_id}: was started again since: it is about run {target.campaign_instance_id}, "
            f"and the service has results of run {campaign.campaign_instance_id} only. Name the campaign by its id to "
            "report that one",
            campaign_id=target.campaign_id,
        )

    # What is kept

    def _folder_of(self, campaign_id: str, instance_id: str | None) -> Folder:
        name = run_folder(campaign_id, instance_id)
        return self._root.child(campaign_id).child(name, scratch=PARTS_FOLDER)

    def _load_and_mend(self, folder: Folder) -> Manifest | None:
        """The manifest in a folder, if all its files are there as it says; a page that is not is written again.

        Raises:
            ReportStorageError: it cannot be read.
            ReportError: it is no manifest any more. What it told nobody knows, so no other may take its place.
        """
        manifest = load_manifest(folder)
        if manifest is None:
            return None
        damaged = [name for name, entry in manifest.files.items() if folder.measure(name) != entry]
        if damaged == [manifest.name_of(PAGE_NAME)] and not self._options.plan_only:
            log.warning("%s: is not as its manifest says; it is written again", folder.url(damaged[0]))
            return write_page_again(folder, manifest)
        for name in damaged:
            log.warning("%s: is not as its manifest says; the report is made again", folder.url(name))
        if not damaged:
            return manifest
        if not self._options.plan_only:
            # What it knows of the run still counts, and what is whole of it stays.
            folder.write_own(MANIFEST_NAME, [manifest.as_bytes()])
        return None

    def _kept_of(self, target: Target) -> tuple[list[tuple[Folder, Manifest]], ReportError | None]:
        """Every complete report of a campaign; and what is wrong with a manifest that may be of another one."""
        found, unreadable = [], None
        for name in self._root.child(target.campaign_id).names():
            folder = self._root.child(target.campaign_id).child(name, scratch=PARTS_FOLDER)
            try:
                kept = self._load_and_mend(folder)
            except ReportStorageError:
                raise
            except ReportError as error:
                unreadable = error
                continue
            if kept is not None and kept.complete and kept.campaign_id == target.campaign_id:
                found.append((folder, kept))
        return found, unreadable

    def _is_enough(self, kept: Manifest, target: Target) -> bool:
        """True if a complete report is what is asked for, also by what is known today."""
        options = self._options
        return (
            can_have(kept, options.formats)
            and kept.phone_numbers == options.phone_numbers
            and (options.allow_empty or not kept.allow_empty or kept.rows != 0)
            and (kept.total or 0) >= (target.contacts_before_stop or 0)
        )

    def _is_to_be_read_anew(self, folder: Folder, kept: Manifest, campaign: Campaign) -> bool:
        """True if a complete report is not to be kept while the campaign is there.

        So it is with one of a campaign that was renamed since: no delete takes it for a report of what has another
        name, and would be refused for ever.
        """
        why = why_superseded(folder, kept)
        if why is None and kept.name != campaign.name:
            why = f"is about {excerpt(kept.name)!r}, which is named {excerpt(campaign.name)!r} by now"
        if why is not None:
            log.warning("campaign %s: the report %s %s; it is read anew", kept.campaign_id, folder.url(), why)
        is_comparable = is_comparable_with(kept, key_from(self._client.settings.client_secret))
        return self._options.refresh or why is not None or not is_comparable

    def _keep(self, folder: Folder, kept: Manifest) -> Result:
        log.info(
            "campaign %s: a complete report is there, made on %s (%s)",
            kept.campaign_id,
            kept.finished_at,
            _proof(kept),
        )
        if self._options.plan_only:
            return _result(folder, kept, changed=False)
        folder.remove_folder(PARTS_FOLDER)  # a try that was killed behind the manifest leaves them
        manifest = add_formats(folder, kept, self._options.formats)
        return _result(folder, manifest, changed=manifest is not kept)


def _proof(manifest: Manifest) -> str:
    return proof_in_words(manifest.proven_by, manifest.passes, manifest.pending, complete=manifest.complete)


def _of_run(kept: Manifest, target: Target) -> SameRun:
    """Whether a report is about the run that is meant."""
    return same_run(named_run(target.campaign_instance_id), named_run(kept.campaign_instance_id))


def _result(folder: Folder, manifest: Manifest, *, changed: bool, waiting: Waiting | None = None) -> Result:
    details: dict[str, Any] = {
        "complete": manifest.complete,
        "reason": manifest.reason,
        "proven_by": manifest.proven_by,
        "readings": manifest.passes,
        "rows": manifest.rows,
        "pending": manifest.pending,
        "contacts_before_stop": manifest.contacts_before_stop,
        "report_url": folder.url(),
        "manifest_url": folder.url(MANIFEST_NAME),
        "manifest_sha256": manifest.sha256,
        "files": {plain_name(name): folder.url(name) for name in sorted(manifest.files)},
        "finished_at": manifest.finished_at,
    }
    if waiting is not None and manifest.reason == Reason.PENDING:
        details |= {_LOOK: waiting.next_look_at.isoformat(), _END: waiting.ends_at.isoformat()}
        log.info(
            "campaign %s: %s; the next look is at %s, the last at %s",
            manifest.campaign_id,
            manifest.reason_text,
            instant_text(waiting.next_look_at),
            instant_text(waiting.ends_at),
        )
    return Result(
        campaign_id=manifest.campaign_id,
        campaign_type=manifest.campaign_type,
        status=manifest.status,
        changed=changed,
        name=manifest.name or None,
        campaign_instance_id=manifest.campaign_instance_id,
        details=details,
    )
