"""Deleting campaigns: read, guard, archive, look and delete, prove that they are gone, write the receipt."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.actions.audit import Audit, AuditLog, Changes
from airflow_provider_campaigns.actions.deleting.archive import GONE, NOT_ASKED, NOT_PROVEN
from airflow_provider_campaigns.actions.deleting.deletable import (
    check_deletable,
    check_meant,
    check_reported,
    check_same,
    check_unchanged,
    type_to_delete,
)
from airflow_provider_campaigns.actions.deleting.given_reports import facts_of
from airflow_provider_campaigns.actions.deleting.gone import prove_gone
from airflow_provider_campaigns.actions.outcomes import DELETED, Outcomes, Result
from airflow_provider_campaigns.actions.reading import CampaignReader
from airflow_provider_campaigns.kore.clock import SYSTEM_CLOCK, Clock, instant_text
from airflow_provider_campaigns.kore.errors import CampaignStateError, KoreNotFoundError, KoreProtocolError
from airflow_provider_campaigns.kore.presence import ProvenMissing
from airflow_provider_campaigns.kore.runs import run_of
from airflow_provider_campaigns.reports.errors import ReportStorageError
from airflow_provider_campaigns.reports.second_reading import verify_report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_campaigns.actions.deleting.archive import Archive, Record
    from airflow_provider_campaigns.actions.deleting.given_reports import Reports
    from airflow_provider_campaigns.actions.targets import Target
    from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignType
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.sending import Judge
    from airflow_provider_campaigns.kore.writes import Receipt
    from airflow_provider_campaigns.reports.fit import CheckedReport

log = logging.getLogger(__name__)


StopOne = Callable[["Target", "CampaignType", "Judge"], None]
"""Stops one campaign of a type, and proves it; raises a ``KoreError`` if it does not stop, or as the judge does."""


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """How campaigns are deleted.

    Attributes:
        campaign_type: what the campaigns must be; None takes it from each campaign.
        api_version: of the delete request; None for the connection's, or v2.
        if_missing: ``succeed``, ``skip`` or ``fail`` when a campaign is provably not there.
        verify_results: ``all`` or ``ends``: how a report is compared with what the service has right before the delete.
        if_unreported: ``fail`` or ``delete`` when a campaign has run and there are no reports.
        confirm: prove that each campaign is gone, with means that are tried before anything is sent.
        plan_only: read and guard, send nothing.
    """

    campaign_type: CampaignType | None = None
    api_version: str | None = None
    if_missing: str = "succeed"
    if_unreported: str = "fail"
    verify_results: str = "all"
    confirm: bool = True
    plan_only: bool = False


def delete_campaigns(
    client: KoreClient,
    targets: Sequence[Target],
    options: DeleteOptions,
    *,
    reports: Reports | None = None,
    archive: Archive | None = None,
    stop: StopOne | None = None,
    first_look: Judge = lambda _: None,
    audit: Audit | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Outcomes:
    """Delete every target; what becomes of one keeps no other from being deleted.

    What stops existing: the campaign, and whatever the service keeps of its results. What remains: its contact lists.
    There is no undo. A campaign that is gone already is a result with ``changed`` False.

    A campaign that runs, is scheduled or being prepared, or has a status that nobody documented is never deleted. With
    ``reports``, neither is one whose report is not complete, is not what was written, is not about its latest run, or
    holds anything that the service does not say any more; what the service says besides is added to the report first.
    Without, neither is one that has run, unless ``if_unreported`` is ``delete``. With ``archive``, neither is one whose
    object could not be kept there.

    What changed its name, its status, its run or its schedule since it was first read here stays as well. Without a
    report to compare it with, that is permanent, and ends the retries of the whole task: the next try would take what
    it finds for what was meant.

    Args:
        client: where the campaigns are.
        targets: the campaigns.
        options: how.
        reports: the report of each campaign; None for none.
        archive: where the campaign's object, the service's answer and a receipt are kept; None to keep none. A try
            that was killed before its receipt is completed by the next one.
        stop: stops a campaign that runs, and proves it, before it is deleted; None to leave such a campaign alone.
        first_look: is shown each campaign without a report that may be deleted, and raises if it is not what an earlier
            try saw.
        audit: who is told of each change when it is made; by default the log.
        clock: the time it lives in.

    Returns:
        A result or an error for each target.
    """
    return _Delete(
        client,
        targets,
        options,
        reports=reports,
        archive=archive,
        stop=stop,
        first_look=first_look,
        audit=audit or AuditLog(),
        clock=clock,
    ).delete_all()


@dataclass(slots=True)
class _Accepted:
    """A campaign whose delete took effect.

    Attributes:
        result: what will be said of it.
        receipt: what the service said.
        record: where it is archived.
    """

    result: Result
    receipt: Receipt
    record: Record | None


class _Delete:
    """One call of ``delete_campaigns``."""

    def __init__(
        self,
        client: KoreClient,
        targets: Sequence[Target],
        options: DeleteOptions,
        *,
        reports: Reports | None,
        archive: Archive | None,
        stop: StopOne | None,
        first_look: Judge,
        audit: Audit,
        clock: Clock,
    ) -> None:
        self._stop = stop
        self._first_look = first_look
        self._deletes = Changes(audit, "delete", client, api_version=options.api_version, clock=clock)
        self._client = client
        self._reader = CampaignReader(client)
        self._targets = {target.campaign_id: target for target in targets}
        self._options = options
        self._reports = reports
        self._archive = archive
        self._clock = clock
        self._outcomes = Outcomes(self._targets)

    def delete_all(self) -> Outcomes:
        deleted = self._outcomes.attempt_all(self._targets, self._delete)
        going = {campaign_id: accepted for campaign_id, accepted in deleted.items() if accepted is not None}
        if self._options.confirm:
            types = {campaign_id: accepted.result.campaign_type for campaign_id, accepted in going.items()}
            proven = prove_gone(self._client, types, self._outcomes, clock=self._clock)
            for campaign_id in going.keys() - proven.keys():
                self._keep_unproven(going[campaign_id])
            going = {one: accepted for one, accepted in going.items() if one in proven}
            for campaign_id, proven_by in proven.items():
                going[campaign_id].result.details["proven_by"] = proven_by
        finished = self._outcomes.attempt_all(going, lambda one: self._finish(going[one]))
        self._outcomes.results.update(finished)
        return self._outcomes

    def _delete(self, campaign_id: str) -> _Accepted | None:
        """Delete one campaign; what remains to be proven, None if it has its result."""
        campaign = self._reader.read(campaign_id, was_missing=self._was_missing(campaign_id))
        if isinstance(campaign, ProvenMissing):
            self._missing(campaign_id, campaign)
            return None
        target = self._targets[campaign_id]
        target.check_name(campaign)
        check_meant(campaign, target)
        kind = type_to_delete(campaign, self._options.campaign_type)
        report = None if self._reports is None else self._reports.check(campaign)
        stop = self._stop if campaign.status.is_running and not campaign.is_scheduled else None
        if stop is None:
            check_deletable(campaign)
        # Before the stop, which would end a run of a campaign that then stays all the same.
        check_reported(campaign, report, if_unreported=self._options.if_unreported)
        if self._archive is not None and report is not None:
            self._archive.check_apart_from(report.folder, campaign)
        if self._options.plan_only:
            self._plan(campaign, *(["delete"] if stop is None else ["stop", "delete"]))
            return None
        try:
            if report is None:
                self._first_look(campaign)
            if self._options.confirm:
                self._client.proof.means(kind)
            if stop is not None:
                campaign = self._stop_first(campaign, kind, stop)
            return self._send(campaign, kind, report)
        except CampaignStateError as error:
            if report is None:
                error.retryable, error.ends_retries = False, True
            raise

    def _stop_first(self, campaign: Campaign, kind: CampaignType, stop: StopOne) -> Campaign:
        """Stop the run of a campaign: the campaign afterwards, if it is that run which is over."""
        stop(self._targets[campaign.campaign_id], kind, partial(check_same, campaign))
        now = self._client.get_campaign(campaign.campaign_id)
        check_same(campaign, now, was_stopped=True)
        check_deletable(now)
        return now

    def _send(self, campaign: Campaign, kind: CampaignType, report: CheckedReport | None) -> _Accepted | None:
        """Delete a campaign that may be deleted; what remains to be proven, None if somebody else has deleted it."""
        try:
            if report is not None:
                how = self._options.verify_results
                report = verify_report(self._client, campaign, report, how=how, clock=self._clock)
            facts = {} if report is None else facts_of(report)
            record = None if self._archive is None else self._archive.begin(campaign, facts, self._clock.now())
            with self._deletes.sending(campaign, kind):
                receipt = self._client.delete_campaign(
                    campaign.campaign_id,
                    kind,
                    api_version=self._options.api_version,
                    instance_id=run_of(campaign),
                    updated_at=campaign.updated_at,
                    judge=partial(self._judge_again, campaign, report),
                )
        except KoreNotFoundError:
            self._gone_meanwhile(campaign.campaign_id, kind)
            return None
        if not receipt.changed:
            self._gone_meanwhile(campaign.campaign_id, kind)
            return None
        self._deletes.made(campaign, kind, at=self._clock.now(), after=DELETED, by_reading=receipt.by_reading)
        return self._accepted(campaign, receipt, record, facts)

    def _gone_meanwhile(self, campaign_id: str, kind: CampaignType) -> None:
        """The result of a campaign that somebody else has deleted, which is proven like any other absence."""
        missing = self._reader.read(campaign_id, kind)
        if not isinstance(missing, ProvenMissing):
            raise KoreProtocolError(
                f"campaign {campaign_id}: was not found for a moment, and is there. Nothing was deleted",
                campaign_id=campaign_id,
                retryable=True,
            )
        self._missing(campaign_id, missing)

    def _was_missing(self, campaign_id: str) -> bool:
        """True if it has just been proven missing, and no receipt is owed, which tells how and when that was proven."""
        return self._targets[campaign_id].was_just_missing(self._clock.now()) and self._unfinished(campaign_id) is None

    def _unfinished(self, campaign_id: str) -> Record | None:
        return None if self._archive is None or self._options.plan_only else self._archive.unfinished(campaign_id)

    def _missing(self, campaign_id: str, missing: ProvenMissing) -> None:
        """The result of a campaign that is provably not there; one that an earlier try deleted gets its receipt."""
        record = self._unfinished(campaign_id)
        if record is not None:
            self._outcomes.results[campaign_id] = self._complete(record, missing)
            return
        told = {} if self._reports is None else self._reports.told(campaign_id)
        self._outcomes.results[campaign_id] = Result.missing(
            campaign_id,
            if_missing=self._options.if_missing,
            or_else="; if_missing='succeed' accepts that it is gone already",
            campaign_type=self._options.campaign_type,
            name=self._targets[campaign_id].name,
            missing=missing,
            **told,
        )

    def _complete(self, record: Record, missing: ProvenMissing) -> Result:
        """Write the receipt that an earlier try owes. The delete was ours if one is known to have been accepted."""
        campaign, changed = record.campaign, record.is_accepted
        record.finish(
            request=self._request(campaign),
            proven_gone_at=self._clock.now(),
            proven_by=missing.by,
            outcome=GONE,
        )
        log.info("campaign %s: is gone; the receipt that an earlier try owed is written", campaign.campaign_id)
        result = Result.of(campaign, changed=changed, **record.report, archive_url=record.url, proven_by=missing.by)
        result.status = DELETED
        return result

    def _plan(self, campaign: Campaign, *verbs: str) -> None:
        kind = type_to_delete(campaign, self._options.campaign_type)
        version = self._options.api_version
        requests = [
            self._client.describe(verb, campaign.campaign_id, kind, api_version=version if verb == "delete" else None)
            for verb in verbs
        ]
        self._outcomes.results[campaign.campaign_id] = Result.planned(campaign, *requests)

    def _judge_again(self, campaign: Campaign, report: CheckedReport | None, now: Campaign) -> None:
        """Judge the campaign once more, right before it is deleted: all that takes long, or is waited for, is over."""
        self._clock.check_cancelled()
        self._targets[campaign.campaign_id].check_name(now)
        if report is not None:
            report.check_again(now)
        check_reported(now, report, if_unreported=self._options.if_unreported)
        check_unchanged(campaign, now, was_compared=report is not None)
        check_deletable(now)

    def _accepted(
        self, campaign: Campaign, receipt: Receipt, record: Record | None, facts: Mapping[str, Any]
    ) -> _Accepted:
        log.info(
            "campaign %s: %s",
            campaign.campaign_id,
            "is gone; the answer to its delete was lost" if receipt.by_reading else "the delete was accepted",
        )
        deleted_at = instant_text(self._clock.now())
        result = Result.of(campaign, changed=True, deleted_at=deleted_at, **facts)
        result.status = DELETED
        if record is not None:
            result.details["archive_url"] = record.url
            try:
                record.accept(receipt, deleted_at)
            except ReportStorageError as error:
                # It is tried again with the receipt; until then the campaign has to be proven gone.
                log.warning("campaign %s: the answer could not be archived yet: %s", campaign.campaign_id, error)
        return _Accepted(result, receipt, record)

    def _finish(self, accepted: _Accepted) -> Result:
        """The result of a campaign that is gone, after its receipt was written."""
        result, record = accepted.result, accepted.record
        if record is None:
            return result
        try:
            self._write_receipt(accepted, record, GONE if self._options.confirm else NOT_ASKED)
        except ReportStorageError as error:
            raise ReportStorageError(
                f"campaign {result.campaign_id}: is deleted, but its receipt could not be written: {error}. Run this "
                "again, which writes it",
                campaign_id=result.campaign_id,
                retryable=True,
            ) from error
        return result

    def _keep_unproven(self, accepted: _Accepted) -> None:
        """Write the receipt of a delete that was accepted and is not proven; the next try completes it."""
        if accepted.record is None or accepted.record.is_finished:
            return
        try:
            self._write_receipt(accepted, accepted.record, NOT_PROVEN)
        except ReportStorageError as error:
            log.warning("campaign %s: its receipt could not be written yet: %s", accepted.result.campaign_id, error)

    def _write_receipt(self, accepted: _Accepted, record: Record, outcome: str) -> None:
        details = accepted.result.details
        record.accept(accepted.receipt, details["deleted_at"])
        record.finish(
            request=self._request(record.campaign),
            proven_gone_at=self._clock.now() if outcome == GONE else None,
            proven_by=details.get("proven_by"),
            outcome=outcome,
        )

    def _request(self, campaign: Campaign) -> str:
        kind = type_to_delete(campaign, self._options.campaign_type)
        return self._client.describe("delete", campaign.campaign_id, kind, api_version=self._options.api_version)
