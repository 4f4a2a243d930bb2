"""What became of the campaigns of an evening, put together from what its tasks said. Pure: no request, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.actions.outcomes import DELETED
from airflow_provider_campaigns.reports.manifest import PAGE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Json = dict[str, Any]


class Fate(StrEnum):
    """What became of a campaign."""

    DELETED = "deleted"
    GONE = "gone"
    """It was not there any more when its delete came."""
    KEPT = "kept"
    """It is stopped and reported, and a person did not want it deleted."""
    LEFT = "left"
    """It goes on, because its last day is yet to come."""
    FAILED = "failed"
    """It should have been deleted and was not."""


@dataclass(frozen=True, slots=True)
class Evening:
    """What the tasks of an evening said.

    Attributes:
        campaigns: those that were meant, ``{campaign_id, campaign_type, name}``.
        settled: the results of those that were over.
        reports: the results of those that were reported.
        deletes: the results of those that are gone.
        left: ``{campaign_id, reason}`` of those that were not due.
        answer: ``Approve`` or ``Reject``; None if nobody was asked, or nobody could be.
        is_asked: True if nothing is deleted without an answer.
        asked: which reports the answer is about, as ``asked_about`` says it.
    """

    campaigns: Sequence[Json]
    settled: Sequence[Json] = ()
    reports: Sequence[Json] = ()
    deletes: Sequence[Json] = ()
    left: Sequence[Json] = ()
    answer: str | None = None
    is_asked: bool = False
    asked: Sequence[Json] = ()
    _by_id: dict[str, dict[str, Json]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("settled", "reports", "deletes", "left"):
            self._by_id[name] = {one["campaign_id"]: one for one in getattr(self, name)}

    def fates(self) -> list[Json]:
        """``{campaign_id, campaign_type, name, fate, reason, report_url, page_url, rows}`` for each, in order."""
        return [self._fate(campaign) for campaign in self.campaigns]

    def _fate(self, campaign: Mapping[str, Any]) -> Json:
        campaign_id = campaign["campaign_id"]
        settled, report, delete, left = (self._by_id[name].get(campaign_id) for name in self._by_id)
        fate, reason = self._judged(settled, report, delete, left)
        return {
            "campaign_id": campaign_id,
            "campaign_type": campaign["campaign_type"],
            "name": campaign.get("name") or (settled or report or delete or {}).get("name"),
            "fate": str(fate),
            "reason": reason,
            "report_url": (report or {}).get("report_url"),
            "page_url": (report or {}).get("files", {}).get(PAGE_NAME),
            "rows": (report or {}).get("rows"),
        }

    def _judged(
        self, settled: Json | None, report: Json | None, delete: Json | None, left: Json | None
    ) -> tuple[Fate, str | None]:
        if delete is not None:
            return (Fate.DELETED if delete["status"] == DELETED else Fate.GONE), None
        if left is not None:
            return Fate.LEFT, left["reason"]
        if settled is None:
            return Fate.FAILED, "it is not known to be over: see its tasks stop and settle"
        if report is None:
            return Fate.FAILED, "it is stopped and was not reported: see its task report"
        if self.answer == "Reject":
            return Fate.KEPT, "the answer to the approval, or to its time-out, was Reject"
        if self.is_asked and self.answer is None:
            return Fate.FAILED, "it is stopped and reported, and nobody could be asked: see the task approve"
        if self.is_asked and not is_asked_about(report, self.asked):
            return Fate.FAILED, "its report was made after the question was asked: clear the task approve to be asked"
        return Fate.FAILED, "it is stopped and reported, and was not deleted: see its task delete"


def asked_about(reports: Iterable[Mapping[str, Any]]) -> list[Json]:
    """What tells each report from any other, also from one that is made of the same campaign later."""
    return [{name: report.get(name) for name in ("campaign_id", "manifest_sha256")} for report in reports]


def is_asked_about(report: Mapping[str, Any], asked: Sequence[Mapping[str, Any]]) -> bool:
    """True if this very report is among those that somebody was asked about."""
    return asked_about([report])[0] in asked


def table(fates: Sequence[Mapping[str, Any]]) -> str:
    """The fates as lines: id, name, fate, reason."""
    width = max((len(one["campaign_id"]) for one in fates), default=0)
    return "\n".join(
        f"  {one['campaign_id']:<{width}}  {one['fate']:<7}  {one['name'] or ''}"
        + (f": {one['reason']}" if one["reason"] else "")
        for one in fates
    )
