"""What became of each campaign of an evening."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_campaigns.actions.evening import Evening, table

ONE = {"campaign_id": "cd-1", "campaign_type": "voice", "name": None}
SETTLED = {"campaign_id": "cd-1", "name": "Spring"}
REPORT: dict[str, Any] = {
    "campaign_id": "cd-1",
    "name": "Spring",
    "report_url": "file:///r",
    "rows": 3,
    "manifest_sha256": "5f",
}
REPORT["files"] = {"report.html": "file:///r/report-5f.html"}
SHOWN = {"campaign_id": "cd-1", "manifest_sha256": "5f"}


@pytest.mark.parametrize(
    ("said", "fate", "reason"),
    [
        ({}, "failed", "it is not known to be over: see its tasks stop and settle"),
        ({"left": [{"campaign_id": "cd-1", "reason": "goes on"}]}, "left", "goes on"),
        ({"settled": [SETTLED]}, "failed", "it is stopped and was not reported: see its task report"),
        ({"settled": [SETTLED], "reports": [REPORT]}, "failed",
         "it is stopped and reported, and was not deleted: see its task delete"),
        ({"settled": [SETTLED], "reports": [REPORT], "is_asked": True}, "failed",
         "it is stopped and reported, and nobody could be asked: see the task approve"),
        ({"settled": [SETTLED], "reports": [REPORT], "is_asked": True, "answer": "Reject"}, "kept",
         "the answer to the approval, or to its time-out, was Reject"),
        ({"settled": [SETTLED], "reports": [REPORT], "is_asked": True, "answer": "Approve", "asked": [SHOWN]}, "failed",
         "it is stopped and reported, and was not deleted: see its task delete"),
        ({"settled": [SETTLED], "reports": [REPORT], "is_asked": True, "answer": "Approve",
          "asked": [{**SHOWN, "manifest_sha256": "60"}]}, "failed",
         "its report was made after the question was asked: clear the task approve to be asked"),
        ({"settled": [SETTLED], "reports": [REPORT], "deletes": [{"campaign_id": "cd-1", "status": "Deleted"}]},
         "deleted", None),
        ({"settled": [SETTLED], "reports": [REPORT], "deletes": [{"campaign_id": "cd-1", "status": "Missing"}]},
         "gone", None),
    ],
)  # fmt: skip
def test_fates(said: dict[str, Any], fate: str, reason: str | None) -> None:
    """Each campaign has one fate, told by how far it came."""
    reported = "reports" in said

    assert Evening([ONE], **said).fates() == [
        {
            "campaign_id": "cd-1",
            "campaign_type": "voice",
            "name": "Spring" if "settled" in said else None,
            "fate": fate,
            "reason": reason,
            "report_url": "file:///r" if reported else None,
            "page_url": "file:///r/report-5f.html" if reported else None,
            "rows": 3 if reported else None,
        }
    ]


def test_fates__each_its_own() -> None:
    """What is said of one campaign says nothing of another."""
    two = {"campaign_id": "cd-2", "campaign_type": "sms", "name": "Chosen"}
    evening = Evening([ONE, two], settled=[SETTLED], reports=[REPORT], deletes=[{**REPORT, "status": "Deleted"}])

    fates = evening.fates()

    assert [(one["campaign_id"], one["fate"], one["name"]) for one in fates] == [
        ("cd-1", "deleted", "Spring"),
        ("cd-2", "failed", "Chosen"),
    ]
    assert table(fates).splitlines() == [
        "  cd-1  deleted  Spring",
        "  cd-2  failed   Chosen: it is not known to be over: see its tasks stop and settle",
    ]
