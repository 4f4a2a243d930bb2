"""Whether a report is complete."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from airflow_provider_campaigns.kore.campaigns import Campaign
from airflow_provider_campaigns.reports.manifest import Manifest
from airflow_provider_campaigns.reports.verdict import Facts, contacts_in, is_about, judge, may_be_about


def campaign(**changes: Any) -> Campaign:
    body = {
        "_id": "cd-1",
        "status": "Stopped",
        "campaignInstanceId": "cid-1",
        "createdAt": "2026-03-01T09:00:00.000Z",
        "updatedAt": "2026-03-02T12:30:00.000Z",
    }
    return Campaign.from_api(body | changes)


def manifest(**changes: Any) -> Manifest:
    values = dict.fromkeys(one.name for one in fields(Manifest)) | {
        "complete": True,
        "campaign_id": "cd-1",
        "campaign_instance_id": "cid-1",
        "status": "Stopped",
        "created_at": "2026-03-01T09:00:00.000Z",
        "updated_at": "2026-03-02T12:30:00.000Z",
        "duplicate_rows": 0,
    }
    return Manifest(**(values | changes))


STOPPED = campaign()
GOOD = Facts(STOPPED, STOPPED, total=100, rows=100, duplicates=0, is_same_total=True, is_stable=True)


def reason(
    facts: Facts, *, before_stop: int | None = None, allow_empty: bool = False, contacts_seen: int = 0
) -> str | None:
    verdict = judge(facts, contacts_before_stop=before_stop, allow_empty=allow_empty, contacts_seen=contacts_seen)
    assert (verdict.reason is None) is (verdict.text is None)
    return verdict.reason


@pytest.mark.parametrize(
    ("changes", "is_awaited", "expected"),
    [
        ({"pending": 7}, True, "pending"),
        ({"pending": 7}, False, None),
        ({"pending": 0}, True, None),
        ({"pending": 7, "rows": 99}, True, "rows_missing"),
        ({"pending": 7, "is_stable": False}, True, "pages_unstable"),
        ({"pending": 7, "after": campaign(status="Active")}, True, "running"),
        ({"pending": 0, "total": None, "rows": 0}, True, None),
    ],
)
def test_pending(changes: dict[str, Any], is_awaited: bool, expected: str | None) -> None:
    """Results that are not final make a report incomplete while they are waited for, and if nothing else does."""
    verdict = judge(replace(GOOD, **changes), contacts_before_stop=None, allow_empty=False, is_awaited=is_awaited)

    assert verdict.reason == expected
    assert expected != "pending" or verdict.text == "7 of 100 results are not final yet, and are waited for"


@pytest.mark.parametrize("status", ["Stopped", "Completed", "Ready"])
def test_complete(status: str) -> None:
    """What is over, or never began, and is read whole, is complete."""
    one = campaign(status=status)

    assert reason(replace(GOOD, before=one, after=one)) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": "Active"}, "running"),
        ({"status": "Paused"}, "running"),
        ({"status": "Preparing"}, "not_ended"),
        ({"status": "Scheduled"}, "not_ended"),
        ({"status": "Rescheduled"}, "not_ended"),
        ({"status": "Winding down"}, "not_ended"),
        ({"schedule": {"isSchedulingEnabled": True}}, "not_ended"),
        ({"campaignInstanceId": "cid-2"}, "changed_while_reading"),
        ({"updatedAt": "2026-03-02T12:31:00.000Z"}, "changed_while_reading"),
        ({"createdAt": "2026-03-02T12:31:00.000Z"}, "changed_while_reading"),
        ({"status": "Completed"}, "changed_while_reading"),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_campaign(changes: dict[str, Any], expected: str, when: str) -> None:
    """A campaign that is not over, or not the same, at either reading makes a report incomplete."""
    assert reason(replace(GOOD, **{when: campaign(**changes)})) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"campaignInstanceId": None}, None),
        ({"updatedAt": None}, None),
        ({"campaignInstanceId": None, "updatedAt": None}, "run_unknown"),
    ],
)
def test_run_unknown(changes: dict[str, Any], expected: str | None) -> None:
    """Where neither the run nor the last change is named, a later run would look the same."""
    one = campaign(**changes)

    assert reason(replace(GOOD, before=one, after=one)) == expected


@pytest.mark.parametrize(
    ("facts", "before_stop", "expected"),
    [
        (GOOD, 100, None),
        (GOOD, 99, None),
        (GOOD, 101, "total_shrank"),
        (replace(GOOD, rows=99), 100, "rows_missing"),
        (replace(GOOD, rows=101), 100, "rows_missing"),
        (replace(GOOD, is_same_total=False), 101, "changed_while_reading"),
        (replace(GOOD, is_stable=False), 101, "total_shrank"),
        (replace(GOOD, is_stable=False), 100, "pages_unstable"),
        (replace(GOOD, is_stable=False, rows=99), 100, "pages_unstable"),
        (replace(GOOD, is_stable=False, is_confirmed=True), 100, "pages_unstable"),
        (replace(GOOD, duplicates=3), 100, "pages_unstable"),
        (replace(GOOD, duplicates=3, is_confirmed=True), 100, None),
        (replace(GOOD, total=0, rows=0), None, "empty"),
        (replace(GOOD, total=0, rows=0), 0, "empty"),
        (replace(GOOD, total=0, rows=0), 5, "total_shrank"),
        (replace(GOOD, total=None, rows=0), None, None),
        (replace(GOOD, total=None, rows=0), 0, None),
        (replace(GOOD, total=None, rows=0), 1, "total_shrank"),
        (replace(GOOD, total=None, rows=0, is_same_total=False), None, "changed_while_reading"),
    ],
)
def test_rows(facts: Facts, before_stop: int | None, expected: str | None) -> None:
    """Rows must be as many as the service says, no fewer than before the stop, and not none."""
    assert reason(facts, before_stop=before_stop) == expected


def test_no_results__text() -> None:
    """That results are refused which were there before the stop is told in words."""
    verdict = judge(replace(GOOD, total=None, rows=0), contacts_before_stop=900, allow_empty=True)

    assert verdict.text == "the service gives no results by contact, but it had 900 right before the stop"


@pytest.mark.parametrize(
    ("facts", "seen", "expected"),
    [
        (GOOD, 100, None),
        (GOOD, 101, "total_shrank"),
        (replace(GOOD, total=0, rows=0), 1, "total_shrank"),
        (replace(GOOD, total=None, rows=0), 1, "total_shrank"),
        (replace(GOOD, total=None, rows=0), 0, None),
    ],
)
def test_seen(facts: Facts, seen: int, expected: str | None) -> None:
    """Contacts that were read of the run before must still be there, or the later report is the poorer one."""
    assert reason(facts, contacts_seen=seen, allow_empty=True) == expected


@pytest.mark.parametrize(
    ("changes", "contacts"),
    [
        ({"rows": 103, "total": 103, "duplicate_rows": 3}, 103),
        ({"rows": 103, "total": 103, "duplicate_rows": 3, "complete": False}, 100),
        ({"rows": 103, "total": 90, "complete": False}, 90),
        ({"rows": None, "total": None}, 0),
        ({"rows": None, "total": None, "complete": False}, 0),
    ],
)
def test_contacts_in(changes: dict[str, Any], contacts: int) -> None:
    """A complete report holds what it says; of a snapshot's rows those count that can be no other's, seen twice."""
    assert contacts_in(manifest(**changes)) == contacts


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"updatedAt": "2026-03-02T12:31:00.000Z"}, True),
        ({"campaignInstanceId": "cid-2"}, False),
        ({"campaignInstanceId": None}, True),
        ({"campaignInstanceId": None, "updatedAt": "2026-03-02T12:31:00.000Z"}, False),
        ({"campaignInstanceId": None, "updatedAt": None}, False),
        ({"createdAt": "2026-03-02T12:31:00.000Z"}, False),
        ({"_id": "cd-2"}, False),
    ],
)
def test_is_about(changes: dict[str, Any], expected: bool) -> None:
    """A report is about a campaign's run if campaign, creation and run are the same; or, unnamed, it is unchanged."""
    assert is_about(manifest(), campaign(**changes)) is expected


def test_is_about__no_run() -> None:
    """Without a run on both sides, nothing must have happened to the campaign since."""
    without = manifest(campaign_instance_id=None)

    assert is_about(without, campaign(campaignInstanceId=None))
    assert not is_about(without, campaign(campaignInstanceId=None, updatedAt="2026-03-02T12:31:00.000Z"))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ({"status": "Ready", "campaignInstanceId": None}, True),
        ({"status": "Ready", "campaignInstanceId": None, "updatedAt": "2026-03-02T12:31:00.000Z"}, False),
        ({"status": "Ready", "campaignInstanceId": None, "updatedAt": None}, False),
        # It ran, although it says that nothing has changed.
        ({}, False),
        ({"campaignInstanceId": None, "updatedAt": "2026-03-02T12:31:00.000Z"}, False),
    ],
)
def test_is_about__never_ran(now: dict[str, Any], expected: bool) -> None:
    """A report of a campaign that never ran is about it until something happens to it, and about no run of it."""
    never_ran = manifest(status="Ready", campaign_instance_id=None)

    assert is_about(never_ran, campaign(**now)) is expected
    assert may_be_about(never_ran, campaign()) is False


def test_is_about__never_ran_and_no_word_of_changes() -> None:
    """Where nothing ever tells of changes, a campaign that still has not run is the one that was reported."""
    never_ran = manifest(status="Ready", campaign_instance_id=None, updated_at=None)

    assert is_about(never_ran, campaign(status="Ready", campaignInstanceId=None, updatedAt=None))


def test_empty__allowed() -> None:
    """That there is no contact can be accepted; that there are fewer than before cannot."""
    empty = replace(GOOD, total=0, rows=0)

    assert reason(empty, allow_empty=True) is None
    assert reason(empty, before_stop=5, allow_empty=True) == "total_shrank"


@pytest.mark.parametrize(
    ("status", "instance", "expected"),
    [("Ready", None, None), ("Ready", "cid-1", "empty"), ("Stopped", None, "empty"), ("Completed", None, "empty")],
)
def test_empty__never_ran(status: str, instance: str | None, expected: str | None) -> None:
    """A campaign that never ran may have no contact; one that is over has run, even if its answer names no run."""
    one = campaign(status=status, campaignInstanceId=instance)

    assert reason(replace(GOOD, before=one, after=one, total=0, rows=0)) == expected


@pytest.mark.parametrize(
    ("facts", "doubtful"),
    [
        (GOOD, False),
        (replace(GOOD, is_stable=False), True),
        (replace(GOOD, is_same_total=False), True),
        (replace(GOOD, duplicates=1), True),
        (replace(GOOD, duplicates=1, is_confirmed=True), False),
        (replace(GOOD, rows=99), True),
        (replace(GOOD, total=None, rows=0), False),
        (replace(GOOD, after=campaign(updatedAt="2026-03-02T12:31:00.000Z")), True),
        (replace(GOOD, after=campaign(campaignInstanceId="cid-2")), False),
        (replace(GOOD, after=campaign(status="Active"), is_stable=False), False),
        (replace(GOOD, before=campaign(status="Active"), is_stable=False), False),
    ],
)
def test_is_doubtful(facts: Facts, doubtful: bool) -> None:
    """What moved while it was read is read once more, but not while it may go on moving, or for another run."""
    assert facts.is_doubtful is doubtful
