"""What a write wants, and how a campaign that was read tells whether it got it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_campaigns.kore.campaigns import Campaign
from airflow_provider_campaigns.kore.errors import CampaignStateError, KoreNotFoundError, KoreProtocolError
from airflow_provider_campaigns.kore.runs import InstanceId, UnknownInstance
from airflow_provider_campaigns.kore.writes import (
    DeleteGoal,
    Receipt,
    StartGoal,
    StopGoal,
    WriteGoal,
    started_again,
)

SAMPLES = Path(__file__).parents[1] / "data" / "kore"
UNKNOWN = UnknownInstance.UNKNOWN
DONE, NOT_DONE = True, False


def sample(name: str) -> dict[str, Any]:
    """A documented answer."""
    body: dict[str, Any] = json.loads((SAMPLES / f"{name}.response.json").read_text())
    return body


def read(status: str, instance_id: str | None = "cid-1") -> Campaign:
    """Campaign cd-1 as read."""
    return Campaign.from_api({"_id": "cd-1", "status": status, "campaignInstanceId": instance_id})


class TestRecognise:
    @pytest.mark.parametrize("name", ["stop-voice-v1", "stop-voice-v2", "stop-sms-v1", "stop-sms-v2"])
    def test_recognise__stop_samples(self, name: str) -> None:
        """Every documented answer to a stop is a receipt."""
        receipt = StopGoal("cd-1").recognise(sample(name))

        assert receipt is not None
        assert (receipt.campaign_id, receipt.status, receipt.by_reading) == ("cd-1", "Stopped", False)
        assert receipt.campaign_instance_id == sample(name).get("campaignInstanceId")
        assert receipt.raw == sample(name)

    @pytest.mark.parametrize("name", ["start-voice-v1", "start-voice-v2", "start-sms-v1", "start-sms-v2"])
    def test_recognise__start_samples(self, name: str) -> None:
        """Every documented answer to a start is a receipt."""
        receipt = StartGoal("cd-1").recognise(sample(name))

        assert receipt is not None
        assert (receipt.campaign_id, receipt.status) == ("cd-1", "Active")

    @pytest.mark.parametrize("name", ["delete-voice-v1", "delete-voice-v2", "delete-sms-v1", "delete-sms-v2"])
    def test_recognise__delete_samples(self, name: str) -> None:
        """Every documented answer to a delete is a receipt for the campaign that it echoes, which has no status now."""
        body = sample(name)
        campaign_id = body["data"]["_id"]

        receipt = DeleteGoal(campaign_id).recognise(body)

        assert receipt is not None
        assert (receipt.campaign_id, receipt.status) == (campaign_id, None)
        assert receipt.campaign_instance_id == body["data"].get("campaignInstanceId")

    @pytest.mark.parametrize(
        ("goal", "body"),
        [
            (StopGoal("cd-1"), {}),
            (StopGoal("cd-1"), {"status": "success"}),
            (StopGoal("cd-1"), {"status": "Active"}),
            (StopGoal("cd-1"), {"status": ["Stopped"]}),
            (StopGoal("cd-1"), {"data": {"status": "Stopped"}}),
            (StopGoal("cd-1", "cid-1"), {"status": "Stopped", "campaignInstanceId": "cid-2"}),
            (StopGoal("cd-1", None), {"status": "Stopped", "campaignInstanceId": "cid-2"}),
            (StartGoal("cd-1"), {"status": "Stopped"}),
            (StartGoal("cd-1"), {"status": "Scheduled"}),
            (StartGoal("cd-1"), {}),
            (DeleteGoal("cd-1"), {}),
            (DeleteGoal("cd-1"), {"status": "success", "message": "deleted"}),
            (DeleteGoal("cd-1"), {"status": "Deleted", "deletedAt": "2026-01-01T00:00:00.000Z"}),
            (DeleteGoal("cd-1"), {"data": "cd-1"}),
            (DeleteGoal("cd-1"), {"data": {"name": "A"}}),
        ],
    )
    def test_recognise__says_nothing(self, goal: WriteGoal, body: dict[str, Any]) -> None:
        """An answer that does not say that it was done is no receipt."""
        assert goal.recognise(body) is None

    @pytest.mark.parametrize(
        ("goal", "status", "read_as"),
        [(StopGoal("cd-1"), " stopped ", "Stopped"), (StartGoal("cd-1"), "ACTIVE", "Active")],
    )
    def test_recognise__spelling(self, goal: WriteGoal, status: str, read_as: str) -> None:
        """The status is read without regard to case and blanks."""
        receipt = goal.recognise({"status": status})

        assert receipt is not None
        assert (receipt.campaign_id, receipt.status) == ("cd-1", read_as)

    def test_recognise__another_campaign(self) -> None:
        """A delete that is answered for another campaign is an alarm: its outcome is unknown, and no retry mends it."""
        with pytest.raises(KoreProtocolError) as caught:
            DeleteGoal("cd-1").recognise({"status": "success", "data": {"_id": "cd-2"}})

        assert str(caught.value) == ("the delete was answered for another campaign, cd-2; look at both on the platform")
        assert (caught.value.campaign_id, caught.value.outcome_unknown, caught.value.retryable) == ("cd-1", True, False)

    @pytest.mark.parametrize("instance", [None, "", 7])
    def test_recognise__no_instance(self, instance: object) -> None:
        """An instance id that is no text is none."""
        receipt = StopGoal("cd-1").recognise({"status": "Stopped", "campaignInstanceId": instance})

        assert receipt == Receipt("cd-1", receipt.status if receipt else None, None)

    def test_receipt__shows_no_answer(self) -> None:
        """A receipt keeps the answer, which may hold a caller id, and does not show it."""
        receipt = DeleteGoal("cd-1").recognise({"data": {"_id": "cd-1", "callerId": "15555550100"}})

        assert "15555550100" not in repr(receipt)


class TestShowsIn:
    @pytest.mark.parametrize(
        ("meant", "status", "found", "verdict"),
        [
            ("cid-1", "Stopped", "cid-1", DONE),
            ("cid-1", "Completed", "cid-1", DONE),
            ("cid-1", "Ready", "cid-1", DONE),
            ("cid-1", "Active", "cid-1", NOT_DONE),
            ("cid-1", "Paused", "cid-1", NOT_DONE),
            ("cid-1", "Winding down", "cid-1", NOT_DONE),
            # An answer may leave the instance out.
            ("cid-1", "Stopped", None, DONE),
            ("cid-1", "Active", None, NOT_DONE),
            (None, "Active", None, NOT_DONE),
            (UNKNOWN, "Active", "cid-9", NOT_DONE),
            (UNKNOWN, "Stopped", "cid-9", DONE),
        ],
    )
    def test_shows_in__stop(self, meant: InstanceId, status: str, found: str | None, verdict: bool) -> None:
        """A stop is done when nothing runs any more; an unknown status is not an end."""
        assert StopGoal("cd-1", meant).shows_in(read(status, found)) is verdict

    @pytest.mark.parametrize(("meant", "status"), [("cid-1", "Active"), ("cid-1", "Stopped"), (None, "Active")])
    def test_shows_in__stop_of_another_run(self, meant: str | None, status: str) -> None:
        """Another run than the one meant is left alone, and what became of the stop is unknown."""
        with pytest.raises(CampaignStateError, match="started again while it was being stopped") as caught:
            StopGoal("cd-1", meant).shows_in(read(status, "cid-2"))

        assert (caught.value.outcome_unknown, caught.value.retryable) == (True, False)

    @pytest.mark.parametrize(
        ("before", "status", "found", "verdict"),
        [
            # Another run than before: that is the one that was wanted, even if it is over already.
            ("cid-1", "Active", "cid-2", DONE),
            ("cid-1", "Completed", "cid-2", DONE),
            (None, "Active", "cid-1", DONE),
            (None, "Stopped", "cid-1", DONE),
            # The run before.
            ("cid-1", "Stopped", "cid-1", NOT_DONE),
            (None, "Ready", None, NOT_DONE),
            (None, "Preparing", None, NOT_DONE),
            # It runs, and the answer leaves the instance out.
            ("cid-1", "Active", None, DONE),
            (None, "Active", None, DONE),
            (UNKNOWN, "Active", "cid-1", DONE),
            (UNKNOWN, "Paused", None, DONE),
        ],
    )
    def test_shows_in__start(self, before: InstanceId, status: str, found: str | None, verdict: bool) -> None:
        """A start is done when a run is there that was not there before."""
        assert StartGoal("cd-1", before).shows_in(read(status, found)) is verdict

    @pytest.mark.parametrize(
        ("before", "status", "found"),
        [
            (UNKNOWN, "Stopped", "cid-1"),
            (UNKNOWN, "Ready", None),
            (UNKNOWN, "Winding up", "cid-1"),
            ("cid-1", "Stopped", None),
        ],
    )
    def test_shows_in__start_that_cannot_be_told(self, before: InstanceId, status: str, found: str | None) -> None:
        """A start whose effect cannot be told is not sent again: it might run the whole list twice."""
        with pytest.raises(CampaignStateError, match="it might run the whole list twice") as caught:
            StartGoal("cd-1", before).shows_in(read(status, found))

        assert (caught.value.outcome_unknown, caught.value.retryable) == (True, False)

    @pytest.mark.parametrize(
        ("meant", "status", "found"),
        [
            ("cid-1", "Stopped", "cid-1"),
            ("cid-1", "Completed", "cid-1"),
            (None, "Ready", None),
            (UNKNOWN, "Stopped", "cid-9"),
            (UNKNOWN, "Ready", None),
        ],
    )
    def test_shows_in__delete(self, meant: InstanceId, status: str, found: str | None) -> None:
        """A campaign that is found is not deleted; one that has ended may be deleted again."""
        assert DeleteGoal("cd-1", meant).shows_in(read(status, found)) is NOT_DONE

    @pytest.mark.parametrize(
        ("meant", "status", "found", "message"),
        [
            ("cid-1", "Stopped", "cid-2", "was started again while it was being deleted"),
            ("cid-1", "Stopped", None, "does not tell whether it ran again, so the delete is not sent"),
            (None, "Active", "cid-1", "was started again while it was being deleted"),
            ("cid-1", "Active", "cid-1", "is Active, so the delete is not sent"),
            (UNKNOWN, "Paused", "cid-1", "is Paused, so the delete is not sent"),
            (UNKNOWN, "Scheduled", None, "is Scheduled with a schedule, so the delete is not sent"),
            (UNKNOWN, "Preparing", None, "is Preparing, so the delete is not sent"),
            (UNKNOWN, "Strange 15555550100", None, "is Strange <number>, so the delete is not sent"),
        ],
    )
    def test_shows_in__delete_no_more(self, meant: InstanceId, status: str, found: str | None, message: str) -> None:
        """A campaign that runs, or ran again, is not deleted; it is there, so the delete had no effect."""
        with pytest.raises(CampaignStateError) as caught:
            DeleteGoal("cd-1", meant).shows_in(read(status, found))

        assert message in str(caught.value)
        assert (caught.value.outcome_unknown, caught.value.campaign_id) == (False, "cd-1")

    @pytest.mark.parametrize(
        ("before", "now", "may_be_sent"),
        [
            (("cid-1", "2026-03-02"), (None, "2026-03-02"), True),
            (("cid-1", "2026-03-02"), (None, "2026-03-03"), False),
            ((UNKNOWN, "2026-03-02"), (None, "2026-03-02"), True),
            ((UNKNOWN, "2026-03-02"), ("cid-1", "2026-03-03"), False),
            ((UNKNOWN, None), ("cid-1", "2026-03-03"), True),
        ],
        ids=["unchanged", "changed", "never named, unchanged", "never named, changed", "nothing was read before"],
    )
    def test_shows_in__delete_of_an_unknown_run(
        self, before: tuple[InstanceId, str | None], now: tuple[str | None, str], may_be_sent: bool
    ) -> None:
        """Where a run is not known, a delete goes on only if the campaign was not changed since it was read."""
        found = {"_id": "cd-1", "status": "Stopped", "campaignInstanceId": now[0], "updatedAt": now[1]}
        goal = DeleteGoal("cd-1", *before)

        if may_be_sent:
            assert goal.shows_in(Campaign.from_api(found)) is NOT_DONE
        else:
            with pytest.raises(CampaignStateError, match="does not tell whether it ran again"):
                goal.shows_in(Campaign.from_api(found))

    @pytest.mark.parametrize("status", ["Stopped", "Completed", "Ready"])
    def test_shows_in__delete_with_a_schedule(self, status: str) -> None:
        """What the platform will start again is not deleted by a second sending either, as it is not by the first."""
        found = {"_id": "cd-1", "status": status, "schedule": {"isSchedulingEnabled": True}}

        with pytest.raises(CampaignStateError, match=f"is {status} with a schedule, so the delete is not sent"):
            DeleteGoal("cd-1").shows_in(Campaign.from_api(found))


class TestLearn:
    @pytest.mark.parametrize("goal_type", [StopGoal, DeleteGoal])
    def test_learn__unknown(self, goal_type: type[StopGoal | DeleteGoal]) -> None:
        """The run found by the first reading is the one that is meant, and stays so."""
        goal = goal_type("cd-1")

        goal.learn(read("Active", "cid-1"))
        goal.learn(read("Active", "cid-2"))

        assert goal.instance_id == "cid-1"

    @pytest.mark.parametrize("goal_type", [StopGoal, DeleteGoal, StartGoal])
    def test_learn__known(self, goal_type: type[StopGoal | DeleteGoal | StartGoal]) -> None:
        """What the caller knew is not learned anew."""
        goal = goal_type("cd-1", None)

        goal.learn(read("Active", "cid-2"))

        assert goal.instance_id is None

    def test_learn__start(self) -> None:
        """After a start, reading does not tell what was before it."""
        goal = StartGoal("cd-1")

        goal.learn(read("Ready", None))

        assert goal.instance_id is UNKNOWN


class TestWhenGone:
    def test_when_gone__delete(self) -> None:
        """Gone is what a delete wanted."""
        assert DeleteGoal("cd-1", "cid-1").when_gone() == Receipt("cd-1", None, None, by_reading=True)

    @pytest.mark.parametrize(
        ("goal", "message"),
        [
            (StopGoal("cd-1"), "campaign cd-1: is gone; somebody deleted it while it was being stopped"),
            (StartGoal("cd-1"), "campaign cd-1: is gone; somebody deleted it while it was being started"),
        ],
    )
    def test_when_gone__others(self, goal: WriteGoal, message: str) -> None:
        """A campaign that vanished was neither stopped nor started for certain."""
        with pytest.raises(KoreNotFoundError) as caught:
            goal.when_gone()

        assert (str(caught.value), caught.value.outcome_unknown) == (message, True)


def test_started_again__message() -> None:
    """The error names status and run, and is certain unless told otherwise."""
    error = started_again(read("Active", None), "was being stopped")

    assert str(error) == (
        "campaign cd-1: was started again while it was being stopped (it is Active as run unknown); the new run is not "
        "touched any more"
    )
    assert error.outcome_unknown is False
