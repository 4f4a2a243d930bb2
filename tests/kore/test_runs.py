"""Is it the same run: yes, no, or unknown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_campaigns.kore.campaigns import KNOWN_STATUSES, Campaign
from airflow_provider_campaigns.kore.runs import (
    InstanceId,
    SameRun,
    UnknownInstance,
    as_note,
    has_begun,
    has_run,
    is_unchanged,
    named_run,
    noted_run,
    run_of,
    same_run,
)

UNKNOWN = UnknownInstance.UNKNOWN
YES, NO, CANNOT_TELL = SameRun.YES, SameRun.NO, SameRun.UNKNOWN


def campaign(status: str, run: str | None = None) -> Campaign:
    return Campaign.from_api({"_id": "cd-1", "status": status, "campaignInstanceId": run})


@pytest.mark.parametrize(
    ("before", "now", "same", "same_if_unchanged"),
    [
        ("cid-1", "cid-1", YES, YES),
        ("cid-1", "cid-2", NO, NO),
        # None: it never ran.
        (None, None, YES, YES),
        (None, "cid-1", NO, NO),
        # What has run cannot become what never ran: such an answer does not tell.
        ("cid-1", None, CANNOT_TELL, YES),
        ("cid-1", UNKNOWN, CANNOT_TELL, YES),
        (UNKNOWN, "cid-1", CANNOT_TELL, YES),
        (None, UNKNOWN, CANNOT_TELL, YES),
        (UNKNOWN, None, CANNOT_TELL, YES),
        (UNKNOWN, UNKNOWN, CANNOT_TELL, YES),
    ],
)
def test_same_run(before: InstanceId, now: InstanceId, same: SameRun, same_if_unchanged: SameRun) -> None:
    """Ids tell; where one is not known, only a campaign that was not changed since tells that it is the same."""
    assert same_run(before, now) is same
    assert same_run(before, now, unchanged=True) is same_if_unchanged


@pytest.mark.parametrize(
    ("before", "now", "unchanged"),
    [("2026-03-02", "2026-03-02", True), ("2026-03-02", "2026-03-03", False), (None, "2026-03-02", False)],
)
def test_is_unchanged(before: str | None, now: str | None, unchanged: bool) -> None:
    """Two readings that say when it was last changed, and say the same."""
    assert is_unchanged(before, now) is unchanged


def test_is_unchanged__not_told() -> None:
    """Two readings that do not say when it was changed do not say that it was not."""
    assert is_unchanged(None, None) is False


@pytest.mark.parametrize(
    ("value", "run"),
    [("cid-1", "cid-1"), ("", UNKNOWN), (None, UNKNOWN), ("unknown", UNKNOWN), (7, UNKNOWN), (["cid-1"], UNKNOWN)],
)
def test_named_run(value: Any, run: InstanceId) -> None:
    """What names no run leaves it unknown."""
    assert named_run(value) == run


@pytest.mark.parametrize(("run", "note"), [("cid-1", "cid-1"), (None, None), (UNKNOWN, "unknown")])
def test_note(run: InstanceId, note: str | None) -> None:
    """A note tells a campaign that never ran from one whose run nobody named."""
    assert as_note(run) == note
    assert noted_run(note) == run


@pytest.mark.parametrize(
    ("status", "run"),
    [
        ("Preparing", None),
        ("Ready", None),
        ("Scheduled", None),
        ("Rescheduled", None),
        ("Active", UNKNOWN),
        ("Paused", UNKNOWN),
        ("Stopped", UNKNOWN),
        ("Completed", UNKNOWN),
        ("Draining", UNKNOWN),
    ],
)
def test_run_of__without_an_id(status: str, run: InstanceId) -> None:
    """A campaign that names no run never had one only where its status says so."""
    assert run_of(campaign(status)) is run
    assert has_run(campaign(status)) is (run is UNKNOWN)


@pytest.mark.parametrize("status", [*KNOWN_STATUSES, "Draining"])
def test_run_of__by_its_status_alone(status: str) -> None:
    """A campaign of which nothing but the status is known may have run, whatever that is."""
    assert run_of(replace(campaign(status), is_whole=False)) is UNKNOWN


@pytest.mark.parametrize("status", [*KNOWN_STATUSES, "Draining"])
def test_run_of__with_an_id(status: str) -> None:
    """A run that is named is the run, whatever the status."""
    assert run_of(campaign(status, "cid-1")) == "cid-1"
    assert has_run(campaign(status, "cid-1")) is True


@pytest.mark.parametrize(
    ("before", "status", "run", "begun"),
    [
        (None, "Ready", None, False),
        (None, "Active", None, True),
        (None, "Completed", None, True),
        (None, "Active", "cid-1", True),
        (None, "Stopped", "cid-1", True),
        ("cid-1", "Stopped", "cid-1", False),
        ("cid-1", "Active", "cid-1", False),
        ("cid-1", "Active", "cid-2", True),
        ("cid-1", "Ready", "cid-2", True),
        ("cid-1", "Active", None, True),
        ("cid-1", "Stopped", None, None),
        ("cid-1", "Scheduled", None, False),
        (UNKNOWN, "Paused", "cid-1", True),
        (UNKNOWN, "Completed", "cid-1", None),
        (UNKNOWN, "Completed", None, None),
        (UNKNOWN, "Ready", None, False),
    ],
)
def test_has_begun(before: InstanceId, status: str, run: str | None, begun: bool | None) -> None:
    """The ids of the runs tell; where one is missing, a run that goes on does, and one that is over may be the old."""
    assert has_begun(campaign(status, run), before=before) is begun
