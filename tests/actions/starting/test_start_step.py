"""What a status asks for when a campaign is to be started, and when a run has begun: the pure decisions."""

from __future__ import annotations

import pytest

from airflow_provider_campaigns.actions.starting.step import Step, step_for
from airflow_provider_campaigns.kore.campaigns import Campaign
from airflow_provider_campaigns.kore.errors import CampaignStateError


def campaign(status: str, run: str | None = None, *, schedule: bool = False) -> Campaign:
    return Campaign.from_api({
        "_id": "cd-1",
        "status": status,
        "campaignInstanceId": run,
        "schedule": {"isSchedulingEnabled": schedule},
    })


class TestStepFor:
    """A status, a run before and a schedule ask for one step, or refuse."""

    @pytest.mark.parametrize(
        ("status", "run", "allow_rerun", "step"),
        [
            ("Ready", None, False, Step.SEND),
            ("Ready", "cid-1", True, Step.SEND),
            ("Stopped", "cid-1", True, Step.SEND),
            ("Completed", "cid-1", True, Step.SEND),
            ("Completed", None, True, Step.SEND),
            ("Active", "cid-1", False, Step.NOTHING),
            ("Active", None, True, Step.NOTHING),
            ("Preparing", None, False, Step.WAIT),
            ("Preparing", "cid-1", False, Step.WAIT),
        ],
    )
    def test_step_for(self, status: str, run: str | None, allow_rerun: bool, step: Step) -> None:
        """What is not refused is started, left alone or waited for."""
        assert step_for(campaign(status, run), allow_rerun=allow_rerun) is step

    def test_step_for__active_with_a_schedule(self) -> None:
        """One that its schedule has started is Active like any other."""
        assert step_for(campaign("Active", "cid-1", schedule=True)) is Step.NOTHING

    @pytest.mark.parametrize(
        ("status", "run", "reason"),
        [
            ("Ready", "cid-1", "is Ready and has run before, as cid-1; a start goes through its whole list again"),
            ("Stopped", "cid-1", "is Stopped and has run before, as cid-1"),
            ("Completed", "cid-1", "which allow_rerun=True permits. Nothing was sent"),
            ("Stopped", None, "is Stopped and has run before, as a run without a name"),
            ("Completed", None, "is Completed and has run before"),
        ],
    )
    def test_step_for__has_run(self, status: str, run: str | None, reason: str) -> None:
        """What has run is refused unless that is allowed; what has ended has run, also without naming the run."""
        with pytest.raises(CampaignStateError) as caught:
            step_for(campaign(status, run))

        assert reason in str(caught.value)
        assert (caught.value.campaign_id, caught.value.retryable, caught.value.outcome_unknown) == (
            "cd-1",
            False,
            False,
        )

    @pytest.mark.parametrize(
        ("status", "schedule", "reason"),
        [
            ("Scheduled", False, "is Scheduled with a schedule, so the platform starts it by itself"),
            ("Rescheduled", False, "is Rescheduled with a schedule"),
            ("Ready", True, "is Ready with a schedule"),
            ("Preparing", True, "is Preparing with a schedule"),
            ("Completed", True, "disable the schedule first. Nothing was sent"),
            ("Paused", False, "is Paused, and the API has no resume"),
            ("Draining", False, "is 'Draining', a status that is not documented and may mean that it runs"),
        ],
    )
    @pytest.mark.parametrize("allow_rerun", [True, False])
    def test_step_for__refused(self, status: str, schedule: bool, reason: str, allow_rerun: bool) -> None:
        """What the platform starts, or what runs or may run, is refused in any case."""
        with pytest.raises(CampaignStateError) as caught:
            step_for(campaign(status, schedule=schedule), allow_rerun=allow_rerun)

        assert reason in str(caught.value)
