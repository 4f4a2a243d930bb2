"""Results and errors of many campaigns."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from airflow_provider_campaigns.actions.outcomes import Outcomes, Result
from airflow_provider_campaigns.kore.campaigns import Campaign
from airflow_provider_campaigns.kore.errors import (
    CampaignsFailedError,
    CampaignStateError,
    KoreAuthenticationError,
    KoreConnectionError,
    KoreError,
)


def result(campaign_id: str) -> Result:
    return Result(campaign_id, "voice", "Stopped", changed=True)


def test_as_dict__all_known() -> None:
    """A result is a dict of plain values, its further keys last."""
    campaign = Campaign.from_api({
        "_id": "cd-1",
        "status": "Active",
        "name": "Spring",
        "dialingMode": "Predictive",
        "campaignInstanceId": "cid-1",
        "callerId": "+15555550100",
    })

    assert Result.of(campaign, changed=True, sent_at="2026-03-02T12:30:00.000Z").as_dict() == {
        "campaign_id": "cd-1",
        "campaign_type": "voice",
        "name": "Spring",
        "status": "Active",
        "changed": True,
        "campaign_instance_id": "cid-1",
        "sent_at": "2026-03-02T12:30:00.000Z",
    }


def test_as_dict__little_known() -> None:
    """A name that is not known is left out; a type or a run that is not known is None."""
    campaign = Campaign.from_api({"_id": "cd-1", "status": "Ready"})

    assert Result.of(campaign, changed=False).as_dict() == {
        "campaign_id": "cd-1",
        "campaign_type": None,
        "status": "Ready",
        "changed": False,
        "campaign_instance_id": None,
    }


def test_as_dicts__order() -> None:
    """Results come in the order in which the campaigns were given, whichever was served first."""
    outcomes = Outcomes(["cd-1", "cd-2", "cd-3"])
    outcomes.results["cd-3"] = result("cd-3")
    outcomes.results["cd-1"] = result("cd-1")

    assert [one["campaign_id"] for one in outcomes.as_dicts()] == ["cd-1", "cd-3"]
    assert outcomes.open_ids == ["cd-2"]


def test_attempt_all__several_at_a_time() -> None:
    """Eight are served at a time, and never more."""
    running, most, lock = 0, 0, threading.Lock()
    eight = threading.Barrier(8)

    def work(_: str) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        eight.wait(60)
        with lock:
            running -= 1

    Outcomes([]).attempt_all([f"cd-{n}" for n in range(40)], work)

    assert most == 8


def test_attempt_all__one_fails() -> None:
    """A failure is the failure of its own campaign; the others are served."""
    outcomes = Outcomes(["cd-1", "cd-2", "cd-3"])

    def work(campaign_id: str) -> str:
        if campaign_id == "cd-1":
            raise KoreConnectionError("reset")
        return campaign_id.upper()

    assert outcomes.attempt_all(["cd-1", "cd-2", "cd-3"], work) == {"cd-2": "CD-2", "cd-3": "CD-3"}
    assert {one: str(error) for one, error in outcomes.failures.items()} == {"cd-1": "reset"}


def test_attempt_all__defect() -> None:
    """An error that is no KoreError is raised, but only after every campaign was attempted."""
    attempted = []

    def work(campaign_id: str) -> None:
        attempted.append(campaign_id)
        raise RuntimeError(campaign_id)

    with pytest.raises(RuntimeError, match="cd-0"):
        Outcomes([]).attempt_all([f"cd-{n}" for n in range(20)], work)

    assert len(attempted) == 20


def test_attempt_all__nothing() -> None:
    """No campaign is nothing to do."""
    assert Outcomes([]).attempt_all([], lambda one: one) == {}


def test_raise_failures__none() -> None:
    """Nothing is raised when every campaign has a result."""
    outcomes = Outcomes(["cd-1"])
    outcomes.results["cd-1"] = result("cd-1")

    outcomes.raise_failures("stopped")
    assert outcomes.open_ids == []


def test_raise_failures__lost() -> None:
    """A campaign without a result, lost by a defect, never passes for a success."""
    outcomes = Outcomes(["cd-1", "cd-2"])
    outcomes.results["cd-1"] = result("cd-1")

    with pytest.raises(AssertionError, match="campaigns without a result: cd-2"):
        outcomes.raise_failures("stopped")


def test_raise_failures__the_only_campaign() -> None:
    """The only campaign's error is raised as it is."""
    error = CampaignStateError("campaign cd-1: is Active", campaign_id="cd-1")
    outcomes = Outcomes(["cd-1"])
    outcomes.failures["cd-1"] = error

    with pytest.raises(CampaignStateError) as caught:
        outcomes.raise_failures("deleted")

    assert caught.value is error


@pytest.mark.parametrize(
    ("errors", "served", "retryable"),
    [
        ([CampaignStateError("is Active"), KoreConnectionError("reset")], True, True),
        ([CampaignStateError("is Active"), CampaignStateError("is Paused")], True, False),
        ([KoreAuthenticationError("401"), KoreConnectionError("reset")], False, False),
        ([KoreAuthenticationError("403"), KoreConnectionError("reset")], True, True),
        ([KoreAuthenticationError("403"), KoreAuthenticationError("403")], True, False),
    ],
    ids=["one may pass", "none will", "credentials", "credentials of one only", "credentials of all that are left"],
)
def test_raise_failures__many(errors: list[KoreError], served: bool, retryable: bool) -> None:
    """A retry may help unless every failure is permanent, or it is the credentials and nothing was done."""
    outcomes = Outcomes(["cd-1", "cd-22", "cd-3"] if served else ["cd-1", "cd-3"])
    outcomes.failures |= {"cd-3": errors[1], "cd-1": errors[0]}
    if served:
        outcomes.results["cd-22"] = result("cd-22")

    with pytest.raises(CampaignsFailedError) as caught:
        outcomes.raise_failures("deleted")

    assert caught.value.retryable is retryable
    assert caught.value.failures == {"cd-1": errors[0], "cd-3": errors[1]}


def test_raise_failures__table() -> None:
    """The message is a table: one line a campaign, and whether a retry may help."""
    outcomes = Outcomes(["cd-1", "cd-22", "cd-3"])
    outcomes.failures |= {"cd-22": KoreConnectionError("reset"), "cd-1": CampaignStateError("is Active")}
    outcomes.results["cd-3"] = result("cd-3")

    with pytest.raises(CampaignsFailedError) as caught:
        outcomes.raise_failures("deleted")

    assert str(caught.value).splitlines() == [
        "2 of 3 campaigns could not be deleted:",
        "  cd-1   permanent  is Active",
        "  cd-22  try again  reset",
    ]


def test_gather__what_has_its_result_keeps_it() -> None:
    """Of what is done later, a failure does not take the place of a result."""
    outcomes = Outcomes(["cd-1", "cd-2"])
    outcomes.results["cd-1"] = Result("cd-1", "voice", "Stopped", changed=True)
    failed: Future[str] = Future()
    failed.set_exception(KoreError("late"))

    assert outcomes.gather({"cd-1": failed, "cd-2": failed}) == {}
    assert list(outcomes.failures) == ["cd-2"]
