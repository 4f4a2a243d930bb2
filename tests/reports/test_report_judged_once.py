"""A report that is complete justifies the delete of its campaign, and no other does: the two never disagree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_campaigns.kore.campaigns import Campaign
from airflow_provider_campaigns.reports.errors import ReportRefusedError
from airflow_provider_campaigns.reports.fit import check_fit
from airflow_provider_campaigns.reports.folder import Folder
from airflow_provider_campaigns.reports.manifest import Manifest
from airflow_provider_campaigns.reports.verdict import Facts, Verdict, judge

STATUSES = ("Ready", "Stopped", "Completed", "Active", "Paused", "Preparing", "Scheduled", "Archived")


def campaign(**changes: Any) -> Campaign:
    body = {
        "_id": "cd-1",
        "status": "Stopped",
        "campaignInstanceId": "cid-1",
        "createdAt": "2026-03-01T09:00:00.000Z",
        "updatedAt": "2026-03-02T12:00:00.000Z",
    }
    return Campaign.from_api(body | changes)


CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(STATUSES),
        "campaignInstanceId": st.sampled_from([None, "cid-2"]),
        "createdAt": st.sampled_from([None, "2026-03-02T11:00:00.000Z"]),
        "updatedAt": st.sampled_from([None, "2026-03-02T12:10:00.000Z"]),
        "schedule": st.just({"isSchedulingEnabled": True}),
    },
)
COUNTS = st.integers(0, 3)
READY = {"status": "Ready", "campaignInstanceId": "cid-1"}
NAMELESS = {"campaignInstanceId": None, "updatedAt": None}


def manifest(facts: Facts, verdict: Verdict, **noted: Any) -> Manifest:
    """What the export writes of these facts."""
    has_results = facts.total is not None
    return Manifest(
        provider_version="0.1.0",
        complete=verdict.reason is None,
        reason=verdict.reason,
        reason_text=verdict.text,
        campaign_id="cd-1",
        campaign_type="voice",
        name="Spring",
        status=str(facts.after.status),
        campaign_instance_id=facts.before.campaign_instance_id,
        created_at=facts.after.created_at,
        updated_at=facts.after.updated_at,
        contact_results=has_results,
        total=facts.total,
        rows=facts.rows if has_results else None,
        duplicate_rows=facts.duplicates,
        stopped_at="2026-03-02T12:00:00.000Z",
        phone_numbers="keep",
        formats=("jsonl",),
        started_at="2026-03-02T12:15:00.000Z",
        finished_at="2026-03-02T12:20:00.000Z",
        tries=1,
        passes=1,
        files={},
        **noted,
    )


@given(
    before=CHANGES,
    after=st.none() | CHANGES,
    total=st.none() | COUNTS,
    missing=st.sampled_from([0, 0, 0, 1]),
    duplicates=st.sampled_from([0, 1]),
    stands=st.tuples(*[st.sampled_from([True, True, False])] * 3),
    contacts_before_stop=st.none() | COUNTS,
    allow_empty=st.booleans(),
    contacts_seen=st.sampled_from([0, 0, 2]),
)
@example(READY, None, 3, 0, 0, (True, True, False), 3, False, 0)
@example(READY, None, 0, 0, 0, (True, True, False), None, True, 0)
@example(NAMELESS, None, 3, 0, 0, (True, True, False), 3, False, 0)
@example({}, {"campaignInstanceId": None}, None, 0, 0, (True, True, False), 0, False, 0)
@example({"campaignInstanceId": None, "status": "Ready"}, None, 0, 0, 0, (True, True, False), None, False, 0)
def test_check_fit__agrees_with_judge(
    before: dict[str, Any],
    after: dict[str, Any] | None,
    total: int | None,
    missing: int,
    duplicates: int,
    stands: tuple[bool, bool, bool],
    contacts_before_stop: int | None,
    allow_empty: bool,
    contacts_seen: int,
) -> None:
    """Whatever is judged complete is accepted for the campaign as it was read last, and nothing else is."""
    first, last = campaign(**before), campaign(**(before if after is None else after))
    facts = Facts(first, last, total, max((total or 0) - missing, 0), duplicates, *stands)
    noted = {"contacts_before_stop": contacts_before_stop, "allow_empty": allow_empty}
    verdict = judge(facts, contacts_seen=contacts_seen, **noted)

    try:
        check_fit(manifest(facts, verdict, **noted), last, Folder(Path("/reports")))
        is_accepted = True
    except ReportRefusedError:
        is_accepted = False

    assert is_accepted is (verdict.reason is None)
