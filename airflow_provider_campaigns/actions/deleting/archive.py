"""What is kept of a deleted campaign: its object and the grounds before, the answer after, and a receipt last.

The receipt says that the delete is over. A try that was killed leaves a record without one, and one whose delete was
accepted and not proven leaves one that says so. The next try completes both: it finds the campaign gone, and the record
says what it was, by which report it was deleted, and for whom.
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
        without one. ``at`` is now. What an earlier delete of the same run has left is removed: the campaign is there
        all the same.

        Raises:
            ReportStorageError: it cannot be written.
            KoreProtocolError: the id of its run cannot be the name of a folder.
        """
        folder = self._folder_of(campaign)
        for name in (RECEIPT, ANSWER):
            folder.remove(name)
        grounds = {"report": dict(report), "deleted_by": dict(self.deleted_by), "begun_at": instant_text(at)}
        # The object comes last: where it is, so are the grounds.
        _write(folder, GROUNDS, {"format": FORMAT, **grounds})
        _write(folder, CAMPAIGN, campaign.raw)
        return Record(folder, campaign, report, self.deleted_by, instant_text(at), self.deleted_by)

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
        if any(_kept_in(folder, RECEIPT).get("proven_gone_at") for folder in folders):
            return None
        records = [self._begun_in(folder) for folder in folders]
        return max(records, key=lambda one: (one.is_answered, one.begun_at), default=None)

    def _begun_in(self, folder: Folder) -> Record:
        grounds = _kept_in(folder, GROUNDS)
        report, tried_by = (grounds.get(name) or {} for name in ("report", "deleted_by"))
        return Record(folder, _campaign_in(folder), report, tried_by, grounds.get("begun_at") or "", self.deleted_by)


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of one campaign.

    Attributes:
        folder: where.
        campaign: as it was before.
        report: what is said of the report that justified the delete; empty without one.
        tried_by: who sent the delete, or meant to.
        begun_at: when, before it was sent; empty in a record of an earlier version.
        finished_by: who writes the receipt.
    """

    folder: Folder
    campaign: Campaign
    report: Mapping[str, Any]
    tried_by: Mapping[str, Any]
    begun_at: str
    finished_by: Mapping[str, Any]

    @property
    def url(self) -> str:
        """The folder's address."""
        return self.folder.url()

    @property
    def is_answered(self) -> bool:
        """True if the service's own answer says that this record's delete was done."""
        answer = _kept_in(self.folder, ANSWER)
        return bool(answer) and not answer.get("lost")

    def keep_answer(self, receipt: Receipt | None) -> None:
        """Keep the service's answer; if it was lost, or nobody knows it any more, that. One that is kept stays."""
        if not _kept_in(self.folder, ANSWER):
            _write(self.folder, ANSWER, {"lost": True} if receipt is None or receipt.by_reading else receipt.raw)

    def finish(
        self,
        receipt: Receipt | None,
        *,
        request: str,
        deleted_at: str | None,
        proven_gone_at: datetime | None,
        proven_by: str | None,
        outcome: str,
    ) -> None:
        """Write the receipt: who deleted what, when, and by which report. Once it says "gone", nothing follows it.

        ``receipt`` and ``deleted_at`` are None where an earlier try did not come to tell: it may have been killed, or
        its delete refused, and somebody else deleted since. Unless that try kept the service's answer, nobody is said
        to have deleted then, only who tried to and who found the campaign gone. When an earlier receipt says that it
        was deleted, that stays.
        ``proven_gone_at`` and ``proven_by`` are None where there is no proof; ``outcome`` says why.

        Raises:
            ReportStorageError: it cannot be written; the next try completes it.
        """
        is_ours = receipt is not None or self.is_answered
        self.keep_answer(receipt)
        campaign, report = self.campaign, self.report
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
                "deleted_at": deleted_at or _kept_in(self.folder, RECEIPT).get("deleted_at"),
                "proven_gone_at": None if proven_gone_at is None else instant_text(proven_gone_at),
                "proven_by": proven_by,
                "deleted_by": dict(self.tried_by) if is_ours else None,
                **({} if is_ours else {"tried_by": dict(self.tried_by), "found_gone_by": dict(self.finished_by)}),
            },
        )


def _write(folder: Folder, name: str, value: Mapping[str, Any]) -> None:
    folder.write(name, [json_bytes(dict(value))])


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
