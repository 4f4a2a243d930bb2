"""Whether a campaign may be deleted, by what was read of it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from airflow_provider_campaigns.actions.deleting.deletable import check_deletable, check_same, check_unchanged
from airflow_provider_campaigns.kore.campaigns import KNOWN_STATUSES, Campaign
from airflow_provider_campaigns.kore.errors import CampaignStateError

AT_REST = {"Ready", "Stopped", "Completed"}


def campaign(status: str = "Stopped", run: str | None = None, **fields: Any) -> Campaign:
    return Campaign.from_api({"_id": "cd-1", "status": status, "campaignInstanceId": run, **fields})


@pytest.mark.parametrize("status", [*KNOWN_STATUSES, "Draining"])
@pytest.mark.parametrize("has_schedule", [False, True])
def test_is_at_rest(status: str, has_schedule: bool) -> None:
    """Only what is Ready, Stopped or Completed and has no schedule is at rest, and only that is deleted."""
    read = campaign(status, schedule={"isSchedulingEnabled": has_schedule})

    assert read.is_at_rest is (status in AT_REST and not has_schedule)
    if read.is_at_rest:
        check_deletable(read)
    else:
        with pytest.raises(CampaignStateError, match="Nothing was deleted"):
            check_deletable(read)


MARCH_2, MARCH_3 = "2026-03-02T12:30:00.000Z", "2026-03-03T12:30:00.000Z"


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (campaign(run="cid-1"), campaign(run="cid-1")),
        (campaign(run="cid-1", updatedAt=MARCH_2), campaign(run="cid-1", updatedAt=MARCH_3)),
        # It never ran, and has not run since.
        (campaign("Ready"), campaign("Ready")),
        # A run is not named: nothing has happened to the campaign.
        (campaign(run="cid-1", updatedAt=MARCH_2), campaign(updatedAt=MARCH_2)),
        (campaign(updatedAt=MARCH_2), campaign(updatedAt=MARCH_2)),
    ],
    ids=["same run", "same run, changed", "never ran", "named once", "never named"],
)
def test_check_unchanged(before: Campaign, now: Campaign) -> None:
    """It is what was judged: in the same status, with the same run, or provably unchanged."""
    check_unchanged(before, now, was_compared=False)


@pytest.mark.parametrize(
    ("before", "now", "message"),
    [
        (campaign(run="cid-1"), campaign(run="cid-2"), "was Stopped and became Stopped as another run meanwhile"),
        (campaign("Ready"), campaign(run="cid-1"), "was Ready and became Stopped as another run meanwhile"),
        (campaign(run="cid-1"), campaign("Active", run="cid-1"), "was Stopped and became Active meanwhile"),
        (
            campaign(run="cid-1", updatedAt=MARCH_2),
            campaign(updatedAt=MARCH_3),
            "was Stopped and became Stopped, perhaps as another run meanwhile",
        ),
        (
            campaign(run="cid-1", name="Spring"),
            campaign(run="cid-1", name="Summer"),
            "was named 'Spring' and became 'Summer' meanwhile. Nothing was deleted",
        ),
    ],
)
def test_check_unchanged__changed(before: Campaign, now: Campaign, message: str) -> None:
    """What changed its name, its status or its run, or may have run again, is not what was judged."""
    with pytest.raises(CampaignStateError, match=message) as caught:
        check_unchanged(before, now, was_compared=False)

    assert caught.value.retryable is True


@pytest.mark.parametrize(
    ("before", "now", "message"),
    [
        (
            MARCH_2,
            MARCH_3,
            "was changed at 2026-03-02T12:30:00.000Z, and was again at 2026-03-03T12:30:00.000Z meanwhile. Nothing",
        ),
        (
            None,
            MARCH_3,
            (
                "did not say when it was last changed, and now says 2026-03-03T12:30:00.000Z, so it may have been "
                "changed meanwhile. Nothing was deleted"
            ),
        ),
        (
            MARCH_2,
            None,
            (
                "was last changed at 2026-03-02T12:30:00.000Z, and no longer says when, so it may have been changed "
                "meanwhile. Nothing was deleted"
            ),
        ),
    ],
)
def test_check_unchanged__compared(before: str | None, now: str | None, message: str) -> None:
    """What was compared must not have been changed at all; where that is not known, no more than that is said."""
    read, again = (campaign(run="cid-1", updatedAt=changed_at) for changed_at in (before, now))
    check_unchanged(read, read, was_compared=True)
    check_unchanged(again, again, was_compared=True)

    with pytest.raises(CampaignStateError, match=re.escape(message)) as caught:
        check_unchanged(read, again, was_compared=True)

    assert caught.value.retryable is True


@pytest.mark.parametrize("before", [campaign(run="cid-1"), campaign()], ids=["named once", "never named"])
def test_check_unchanged__nothing_tells(before: Campaign) -> None:
    """Of a campaign that names neither its run nor when it was changed, nobody can tell; no retry mends that."""
    with pytest.raises(CampaignStateError, match="names neither its run nor when it was changed") as caught:
        check_unchanged(before, campaign(), was_compared=False)

    assert caught.value.retryable is False


@pytest.mark.parametrize(
    ("before", "is_known"),
    [
        (campaign("Active", run="cid-1", updatedAt=MARCH_2), True),
        # It named no run then: what was proven to stop is believed to be what was seen.
        (campaign("Active", updatedAt=MARCH_2), False),
    ],
)
def test_check_same__stopped_here(before: Campaign, is_known: bool) -> None:
    """After a stop of ours the status may be another, and the time of the last change; the run may not."""
    check_same(before, campaign(run="cid-1", updatedAt=MARCH_3), was_stopped=True)
    for now in (campaign(run="cid-2", updatedAt=MARCH_3), campaign(updatedAt=MARCH_3)):
        if is_known:
            with pytest.raises(CampaignStateError, match="as another run meanwhile"):
                check_same(before, now, was_stopped=True)
        else:
            check_same(before, now, was_stopped=True)
