"""What is kept of a deleted campaign: its object and the grounds before, the answer after, and a receipt last.

The receipt says that the delete is over. A try that was killed leaves a record without one, and one whose delete was
accepted and not proven leaves one that says so. The next try completes both: it finds the campaign gone, and the record
says what it was, by which report it was deleted, and for whom.

Grounds are those of the try that was the last to mean to delete. Once a delete is accepted, its grounds are kept apart:
no try that only means to delete touches them, or the receipt. What is known to have been done stays known.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.kore.campaigns import Campaign
from airflow_provider_campaigns.kore.clock import instant_text
from airflow_provider_campaigns.kore.errors import KoreConfigurationError, KoreProtocolError
from airflow_provider_campaigns.reports.errors import ReportStorageError
from airflow_provider_campaigns.reports.manifest import json_bytes
from airflow_provider_campaigns.reports.run_folder import run_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from airflow_provider_campaigns.kore.writes import Receipt
    from airflow_provider_campaigns.reports.folder import Folder

CAMPAIGN = "campaign.json"
GROUNDS = "delete-grounds.json"
ACCEPTED = "delete-accepted.json"
ANSWER = "delete-answer.json"
RECEIPT = "receipt.json"
GONE = "gone"
NOT_PROVEN = "accepted, not proven"
NOT_ASKED = "accepted, no proof wanted"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Archive:
    """Where deleted campaigns are kept, a record for each run: ``{campaign_id}/{campaign_instance_id}/``.

    Attributes:
        root: the folder above all campaigns.
        deleted_by: who deletes, as plain JSON: the task, its run, its try, who approved. No secrets.
    """

    root: Folder
    deleted_by: Mapping[str, Any] = field(default_factory=dict)

    def check_apart_from(self, reports: Folder, campaign: Campaign) -> None:
        """Make sure that a campaign's record does not lie among the files of its report.

        Raises:
            KoreConfigurationError: it would.
        """
        record = self._folder_of(campaign)
        if record.url().removeprefix("file://") == reports.url().removeprefix("file://"):
            raise KoreConfigurationError(
                f"archive_path: must be another folder than that of the reports, which is {self.root.url()} too; for "
                "example s3://my_aws@results/deleted beside s3://my_aws@results/reports. Nothing was deleted",
                field="archive_path",
                campaign_id=campaign.campaign_id,
            )

    def begin(self, campaign: Campaign, report: Mapping[str, Any], at: datetime) -> Record:
        """Keep the campaign's object and the grounds, before anything is sent. If this fails, nothing may be deleted.

        ``report`` is what the receipt will say of the report that justifies the delete, whoever writes it; empty
        without one. ``at`` is now. What tells of an earlier delete of the same run that was accepted, or done, stays:
        that one may still take effect, or have done so by now.

        Raises:
            ReportStorageError: it cannot be written, or what is there not read.
            KoreProtocolError: the id of its run cannot be the name of a folder.
        """
        folder = self._folder_of(campaign)
        if earlier := _accepted_in(folder):
            _keep(folder, ACCEPTED, earlier)
        grounds = {"report": dict(report), "deleted_by": dict(self.deleted_by), "begun_at": instant_text(at)}
        # The object comes last: where it is, so are the grounds.
        _write(folder, GROUNDS, {"format": FORMAT, **grounds})
        _write(folder, CAMPAIGN, campaign.raw)
        return Record(folder, campaign, grounds, self.deleted_by)

    def _folder_of(self, campaign: Campaign) -> Folder:
        run = run_folder(campaign.campaign_id, campaign.campaign_instance_id)
        return self.root.child(campaign.campaign_id).child(run)

    def unfinished(self, campaign_id: str) -> Record | None:
        """The record of a campaign that is owed a receipt which says that it is gone.

        A campaign is deleted once: if any of its runs has that receipt, none is owed. Of several records without it,
        that of a delete which was accepted is owed one, else that which was begun last.

        Raises:
            ReportStorageError: one of them cannot be read.
        """
        above = self.root.child(campaign_id)
        folders = [folder for run in above.names() if (folder := above.child(run)).exists(CAMPAIGN)]
        if any(map(_is_finished, folders)):
            return None
        records = [
            Record(folder, _campaign_in(folder), _kept_in(folder, GROUNDS), self.deleted_by) for folder in folders
        ]
        return max(records, key=lambda one: (one.is_accepted, one.grounds.get("begun_at") or ""), default=None)


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of one campaign.

    Attributes:
        folder: where.
        campaign: as it was before.
        grounds: of the try that began it, or was the last to: ``report``, what is said of the report that justifies the
            delete, empty without one; ``deleted_by``, who means to delete; ``begun_at``. An earlier version kept no
            instant.
        finished_by: who writes the receipt.
    """

    folder: Folder
    campaign: Campaign
    grounds: Mapping[str, Any]
    finished_by: Mapping[str, Any]

    @property
    def url(self) -> str:
        """The folder's address."""
        return self.folder.url()

    @property
    def is_accepted(self) -> bool:
        """True if a delete of this run, by whichever try, is known to have been accepted."""
        return bool(_accepted_in(self.folder))

    @property
    def is_finished(self) -> bool:
        """True if there is a receipt, by whichever try, that says that the campaign is gone."""
        return _is_finished(self.folder)

    @property
    def report(self) -> Mapping[str, Any]:
        """What is said of the report by which the campaign was deleted."""
        return (_accepted_in(self.folder) or self.grounds).get("report") or {}

    def accept(self, receipt: Receipt, deleted_at: str) -> None:
        """Keep that the delete was accepted, on which grounds, and the service's answer; what is kept already stays.

        One whose answer was lost tells nothing where an earlier one is known to have been accepted: either may have
        taken effect.

        Raises:
            ReportStorageError: it cannot be written.
        """
        if receipt.by_reading and self.is_accepted:
            return
        _keep(self.folder, ACCEPTED, {"format": FORMAT, **self.grounds, "deleted_at": deleted_at})
        if not receipt.by_reading:
            _keep(self.folder, ANSWER, receipt.raw)

    def finish(self, *, request: str, proven_gone_at: datetime | None, proven_by: str | None, outcome: str) -> None:
        """Write the receipt: who deleted what, when, and by which report. Once it says "gone", nothing follows it.

        It goes by the delete that is known to have been accepted. Where none is, a try may have been killed, or its
        delete refused, and somebody else deleted since: nobody is said to have deleted then, only who tried to and who
        found the campaign gone.
        ``proven_gone_at`` and ``proven_by`` are None where there is no proof; ``outcome`` says why.

        Raises:
            ReportStorageError: it cannot be written; the next try completes it.
        """
        if not _kept_in(self.folder, ANSWER):
            _write(self.folder, ANSWER, {"lost": True})
        campaign, accepted = self.campaign, _accepted_in(self.folder)
        report, who = ((accepted or self.grounds).get(name) or {} for name in ("report", "deleted_by"))
        _write(
            self.folder,
            RECEIPT,
            {
                "format": FORMAT,
                "campaign_id": campaign.campaign_id,
                "campaign_type": None if campaign.campaign_type is None else campaign.campaign_type.value,
                "name": campaign.name,
                "status": str(campaign.status),
                "campaign_instance_id": campaign.campaign_instance_id,
                "created_at": campaign.created_at,
                "report_url": report.get("report_url"),
                "manifest_sha256": report.get("manifest_sha256"),
                "given_manifest_sha256": report.get("given_manifest_sha256", report.get("manifest_sha256")),
                "pending": report.get("pending"),
                "results_verified": report.get("verified"),
                "request": request,
                "outcome": outcome,
                "deleted_at": accepted.get("deleted_at"),
                "proven_gone_at": None if proven_gone_at is None else instant_text(proven_gone_at),
                "proven_by": proven_by,
                "deleted_by": dict(who) if accepted else None,
                **({} if accepted else {"tried_by": dict(who), "found_gone_by": dict(self.finished_by)}),
            },
        )


def _write(folder: Folder, name: str, value: Mapping[str, Any]) -> None:
    folder.write(name, [json_bytes(dict(value))])


def _keep(folder: Folder, name: str, value: Mapping[str, Any]) -> None:
    """Write a file, unless that is what it says."""
    if _kept_in(folder, name) != value:
        _write(folder, name, value)


def _accepted_in(folder: Folder) -> Mapping[str, Any]:
    """The grounds of the delete that is known to have been accepted, and ``deleted_at``; empty if none is.

    An earlier version kept only the answer, and the instant in a receipt without a proof.
    """
    if accepted := _kept_in(folder, ACCEPTED):
        return accepted
    answer, receipt = _kept_in(folder, ANSWER), _kept_in(folder, RECEIPT)
    if receipt.get("deleted_by") or (answer and not answer.get("lost")):
        return {**_kept_in(folder, GROUNDS), "deleted_at": receipt.get("deleted_at")}
    return {}


def _is_finished(folder: Folder) -> bool:
    """True if a receipt says that the campaign is gone, and no other delete was accepted since."""
    receipt = _kept_in(folder, RECEIPT)
    is_of_the_last = receipt.get("deleted_at") == _accepted_in(folder).get("deleted_at")
    return is_of_the_last and receipt.get("proven_gone_at") is not None


def _kept_in(folder: Folder, name: str) -> Mapping[str, Any]:
    """What an earlier try wrote; empty where it did not, or where it cannot be read: a receipt is written anew."""
    try:
        kept = json.loads(folder.read(name)) if folder.exists(name) else {}
    except ValueError:
        return {}
    return kept if isinstance(kept, dict) else {}


def _campaign_in(folder: Folder) -> Campaign:
    try:
        return Campaign.from_api(json.loads(folder.read(CAMPAIGN)))
    except (ValueError, AttributeError, KoreProtocolError) as error:
        raise ReportStorageError(
            f"{folder.url(CAMPAIGN)}: is no campaign object ({type(error).__name__}), although an earlier delete wrote "
            "it; remove the folder if its campaign is gone",
            retryable=False,
        ) from error
