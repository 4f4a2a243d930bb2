"""The campaign's life: which status leads where, and what changes on the way."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from calling import Caller, signed
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from airflow_provider_campaigns.simulator import Credentials, ManualClock, Switches
from airflow_provider_campaigns.simulator.arguments import Call
from airflow_provider_campaigns.simulator.campaigns import STATUSES, IllegalTransitionError
from airflow_provider_campaigns.simulator.problems import Refusal
from airflow_provider_campaigns.simulator.routes import ROUTES
from airflow_provider_campaigns.simulator.service import Service
from airflow_provider_campaigns.simulator.store import CampaignStore

if TYPE_CHECKING:
    from airflow_provider_campaigns.simulator import KoreSimulator


@pytest.mark.parametrize(
    ("status", "code", "after"),
    [
        ("Ready", 200, "Active"),
        ("Stopped", 200, "Active"),
        ("Completed", 200, "Active"),
        ("Active", 400, "Active"),
        ("Paused", 400, "Paused"),
        ("Preparing", 400, "Preparing"),
        ("Scheduled", 400, "Scheduled"),
        ("Rescheduled", 400, "Rescheduled"),
        ("Something new", 400, "Something new"),
    ],
)
def test_start__by_status(caller: Caller, status: str, code: int, after: str) -> None:
    """Ready, Stopped and Completed campaigns start; a scheduled one does not (the UI gives an error as well)."""
    campaign_id = caller.simulator.add_campaign(status=status)

    reply = caller.start(campaign_id)

    assert (code, after) == (reply.status, caller.status_text(campaign_id))
    assert len(caller.simulator.effects("start")) == (code == 200)


@pytest.mark.parametrize(
    ("status", "code", "after"),
    [
        ("Active", 200, "Stopped"),
        ("Paused", 200, "Stopped"),
        ("Ready", 400, "Ready"),
        ("Stopped", 400, "Stopped"),
        ("Completed", 400, "Completed"),
        ("Preparing", 400, "Preparing"),
        ("Scheduled", 400, "Scheduled"),
        ("Rescheduled", 400, "Rescheduled"),
    ],
)
def test_stop__by_status(caller: Caller, status: str, code: int, after: str) -> None:
    """Active and Paused campaigns stop; the others are not running."""
    campaign_id = caller.simulator.add_campaign(status=status)

    reply = caller.stop(campaign_id)

    assert (code, after) == (reply.status, caller.status_text(campaign_id))


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("delete_running", ["refuse", "accept"])
def test_delete__by_status(caller: Caller, status: str, delete_running: str) -> None:
    """Ready, Stopped and Completed campaigns can be deleted; whether the others can is a switch."""
    caller.simulator.switches(delete_running=delete_running)
    campaign_id = caller.simulator.add_campaign(status=status)

    reply = caller.delete(campaign_id)

    deleted = status in {"Ready", "Stopped", "Completed"} or delete_running == "accept"
    assert reply.status == (200 if deleted else 400)
    assert bool(caller.simulator.campaigns()) != deleted


def test_delete__second_time(caller: Caller) -> None:
    """A deleted campaign is not found by anything, a second delete included."""
    campaign_id = caller.simulator.add_campaign()
    caller.delete(campaign_id)

    for reply in (
        caller.delete(campaign_id),
        caller.get(campaign_id),
        caller.status(campaign_id),
        caller.contacts(campaign_id),
        caller.start(campaign_id),
        caller.stop(campaign_id),
    ):
        assert (reply.status, reply.body) == (400, {"errors": [{"msg": "Campaign not found", "code": 400}]})
    assert caller.list().body["data"]["results"] == []


def test_start__new_instance_each_time(caller: Caller) -> None:
    """A campaign has no instance id before its first run, keeps it through a stop, and gets another one per run."""
    campaign_id = caller.simulator.add_campaign()
    never_ran = caller.get(campaign_id).body["data"]
    first = caller.start(campaign_id).body["campaignInstanceId"]
    stopped = caller.stop(campaign_id).body["campaignInstanceId"]
    second = caller.start(campaign_id).body["campaignInstanceId"]

    assert "campaignInstanceId" not in never_ran
    assert first == stopped
    assert first != second
    assert second == caller.get(campaign_id).body["data"]["campaignInstanceId"]


@pytest.mark.parametrize(("campaign_type", "groups"), [("voice", [7, 4, 4, 4, 12]), ("sms", [8, 4, 4, 4, 12])])
def test_ids__as_printed(kore_simulator: KoreSimulator, campaign_type: str, groups: list[int]) -> None:
    """Voice ids have seven digits in their first group and SMS ids eight, as in the samples."""
    campaign_id = kore_simulator.add_campaign(campaign_type=campaign_type)
    instance_id = kore_simulator.restart(campaign_id)

    assert campaign_id.startswith("cd-")
    assert instance_id.startswith("cid-")
    for text in (campaign_id, instance_id):
        assert groups == [len(group) for group in text.split("-")[1:]]


def test_instants__follow_the_clock(still: Caller, clock: ManualClock) -> None:
    """`createdAt` stays, `updatedAt` is the time of the last change, both in UTC with milliseconds."""
    campaign_id = still.simulator.add_campaign()
    clock.advance(61.25)
    still.start(campaign_id)

    shown = still.get(campaign_id).body["data"]

    assert shown["createdAt"] == "2025-12-05T12:00:00.000Z"
    assert shown["updatedAt"] == "2025-12-05T12:01:01.250Z"


@pytest.mark.parametrize(
    ("path", "instances"),
    [
        (["Ready", "Active", "Paused", "Active"], 1),
        (["Ready", "Active", "Completed", "Active"], 2),
        (["Ready", "Active", "Stopped", "Active"], 2),
        (["Preparing", "Ready", "Scheduled", "Active"], 1),
        (["Scheduled", "Ready"], 0),
        (["Paused", "Stopped"], 1),
    ],
)
def test_set_status__documented_ways(kore_simulator: KoreSimulator, path: list[str], instances: int) -> None:
    """Pause and resume keep the run; running again, whatever came before, is a new one."""
    campaign_id = kore_simulator.add_campaign(status=path[0])
    seen = {kore_simulator.campaign(campaign_id).instance_id}
    for status in path[1:]:
        kore_simulator.set_status(campaign_id, status)
        seen.add(kore_simulator.campaign(campaign_id).instance_id)

    assert kore_simulator.campaign(campaign_id).status == path[-1]
    assert len(seen - {None}) == instances


@pytest.mark.parametrize(
    ("status", "impossible"),
    [("Ready", "Paused"), ("Ready", "Stopped"), ("Stopped", "Ready"), ("Completed", "Paused"), ("Active", "Ready")],
)
def test_set_status__undocumented(kore_simulator: KoreSimulator, status: str, impossible: str) -> None:
    """A change that no page knows is an error, unless it is forced."""
    campaign_id = kore_simulator.add_campaign(status=status)

    with pytest.raises(IllegalTransitionError, match=f"is {status}: it does not become {impossible}"):
        kore_simulator.set_status(campaign_id, impossible)
    kore_simulator.set_status(campaign_id, impossible, force=True)

    assert kore_simulator.campaign(campaign_id).status == impossible


def test_set_status__unknown_text(caller: Caller) -> None:
    """A forced status may be any text, and the service tells it as it is."""
    campaign_id = caller.simulator.add_campaign(status="Active")
    caller.simulator.set_status(campaign_id, "System_Stopped", force=True)

    assert caller.status_text(campaign_id) == "System_Stopped"


def test_schedule__runs_and_ends_by_itself(still: Caller, clock: ManualClock) -> None:
    """A scheduled campaign becomes Active at its start and Completed at its end, as the pages describe."""
    campaign_id = still.simulator.add_campaign(name="One")
    path = "/campaign/api/v2/public/{iid}/campaign/schedule?enableSchedule=true&campaignName=One"
    plan = {"startDateTime": "2025-12-05 13:00:00", "endDateTime": "2025-12-05 14:00:00"}
    assert still.send("POST", path, plan).status == 200

    seen = [still.get(campaign_id).body["data"]]
    for seconds in (3599, 1, 3599, 1):
        clock.advance(seconds)
        seen.append(still.get(campaign_id).body["data"])

    assert [shown["status"] for shown in seen] == ["Scheduled", "Scheduled", "Active", "Active", "Completed"]
    assert seen[0]["schedule"] == {"isSchedulingEnabled": True, "isRecurrenceEnabled": False}
    assert ["campaignInstanceId" in shown for shown in seen] == [False, False, True, True, True]


DAILY = {"recurType": "Daily", "dailyDetails": {"onceEveryNdays": 2}}
WEEKLY = {"recurType": "Weekly", "weeklyDetails": {"onceEveryNweeks": 2, "whichDays": ["Mon", "Wed"]}}


def scheduled(still: Caller, recurrence: dict[str, Any], *, start: str, end: str) -> str:
    """A campaign with a recurring schedule, where those start by themselves."""
    still.simulator.switches(recurrences=True, rate_limit=None)
    campaign_id = still.simulator.add_campaign(name="One")
    path = "/campaign/api/v2/public/{iid}/campaign/schedule?enableSchedule=true&campaignName=One"
    plan = {"startDateTime": start, "endDateTime": end, "recurrenceObject": recurrence}
    assert still.send("POST", path, plan).status == 200
    return campaign_id


def starts(still: Caller, clock: ManualClock, campaign_id: str, *, hours: int) -> list[str]:
    """When runs began within so many hours; each is stopped within the hour."""
    began = []
    runs: set[str | None] = {None}
    for _ in range(hours):
        campaign = still.simulator.campaign(campaign_id)
        if campaign.instance_id not in runs:
            runs.add(campaign.instance_id)
            began.append(datetime.fromtimestamp(clock.time(), UTC).strftime("%a %d %H:%M"))
            still.stop(campaign_id)
        clock.advance(3600)
    return began


@pytest.mark.parametrize(
    ("recurrence", "expected"),
    [
        (DAILY, ["Fri 05 13:00", "Sun 07 13:00", "Tue 09 13:00"]),
        (WEEKLY, ["Fri 05 13:00", "Mon 15 13:00", "Wed 17 13:00", "Mon 29 13:00", "Wed 31 13:00"]),
    ],
    ids=["every other day", "every other week"],
)
def test_schedule__recurs(still: Caller, clock: ManualClock, recurrence: dict[str, Any], expected: list[str]) -> None:
    """Each time of a schedule starts a run of its own, also after a stop, until the schedule ends."""
    end = "2025-12-11 13:00:00" if recurrence is DAILY else "2026-01-05 00:00:00"
    campaign_id = scheduled(still, recurrence, start="2025-12-05 13:00:00", end=end)

    assert starts(still, clock, campaign_id, hours=24 * 32) == expected


def test_schedule__recurs_unseen(still: Caller, clock: ManualClock) -> None:
    """Of several times that nobody saw one run comes of it; what runs when its time comes goes on."""
    campaign_id = scheduled(still, DAILY, start="2025-12-05 13:00:00", end="2025-12-20 00:00:00")
    clock.advance(5 * 86_400)
    first = still.simulator.campaign(campaign_id)
    clock.advance(2 * 86_400)

    assert first.status == "Active"
    assert still.simulator.campaign(campaign_id).instance_id == first.instance_id


def test_schedule__recurs_no_more(still: Caller, clock: ManualClock) -> None:
    """After its end, or disabled, a schedule starts nothing."""
    campaign_id = scheduled(still, DAILY, start="2025-12-05 13:00:00", end="2025-12-20 00:00:00")
    other = still.simulator.add_campaign(
        name="Two", status="Stopped", starts_at=clock.time() + 60, ends_at=clock.time() + 120, recurrence=DAILY
    )
    path = "/campaign/api/v2/public/{iid}/campaign/schedule?enableSchedule=false&campaignName=One"
    still.send("POST", path, {})
    clock.advance(86_400)

    assert [still.simulator.campaign(one).status for one in (campaign_id, other)] == ["Ready", "Stopped"]


def test_schedule__of_a_running_campaign(caller: Caller) -> None:
    """Scheduling a running campaign leaves it running; disabling leaves it running too."""
    campaign_id = caller.simulator.add_campaign(name="One", status="Active")
    path = "/campaign/api/v2/public/{iid}/campaign/schedule?campaignName=One&enableSchedule="
    plan = {"startDateTime": "2035-01-01 10:00:00", "endDateTime": "2035-02-01 10:00:00"}

    assert caller.send("POST", path + "true", plan).status == 200
    assert caller.get(campaign_id).body["data"]["schedule"]["isSchedulingEnabled"] is True
    assert caller.send("POST", path + "false", {}).status == 200
    assert caller.get(campaign_id).body["data"]["schedule"]["isSchedulingEnabled"] is False
    assert caller.status_text(campaign_id) == "Active"


def test_schedule__name_unknown_or_ambiguous(caller: Caller) -> None:
    """The schedule endpoint knows names only, so two campaigns of one name cannot be told apart."""
    path = "/campaign/api/v2/public/{iid}/campaign/schedule?campaignName=One&enableSchedule=false"

    assert caller.send("POST", path, {}).body["errors"][0]["msg"] == "Campaign not found"
    for _ in range(2):
        caller.simulator.add_campaign(name="One")
    assert caller.send("POST", path, {}).body["errors"][0]["msg"] == "Several campaigns have this name"


class CampaignLife(RuleBasedStateMachine):
    """Whatever is asked in whatever order, the service agrees with a model of two facts: status and run count."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.store = CampaignStore(self.clock, random.Random(1))
        self.service = Service(self.store, self.clock, Credentials(), Switches(rate_limit=None))
        self.campaign_id = self.store.add("voice", {"name": "One"}).campaign_id
        self.status, self.runs = "Ready", 0
        self.instances: set[str] = set()

    def ask(self, kind: str, query: dict[str, str], body: bytes = b"") -> bool:
        """Ask the service, and tell whether it did it."""
        credentials = self.service.credentials
        route = next(route for route in ROUTES if route.kind == kind and route.version == "v1")
        token = signed({"appId": credentials.client_id, "sub": "x"}, credentials.client_secret)
        headers = {"auth": token, "iid": credentials.stream_id, "accountid": credentials.account_id}
        call = Call(
            route=route,
            iid=credentials.stream_id,
            campaign_id=self.campaign_id,
            query=query,
            headers=headers | {"content-type": "application/json"},
            body=body,
        )
        try:
            return self.service.answer(call).effect is not None
        except Refusal:
            return False

    @rule()
    def start(self) -> None:
        """A start begins a run unless one is on."""
        possible = self.status in {"Ready", "Stopped", "Completed"}
        assert possible == self.ask("trigger", {"campaignType": "voice", "trigger": "play"}, b"{}")
        if possible:
            self.status, self.runs = "Active", self.runs + 1

    @rule()
    def stop(self) -> None:
        """A stop ends a run that is on or paused."""
        possible = self.status in {"Active", "Paused"}
        assert possible == self.ask("trigger", {"campaignType": "voice", "trigger": "stop"}, b"{}")
        if possible:
            self.status = "Stopped"

    @rule(status=st.sampled_from(["Paused", "Active", "Completed"]))
    def move(self, status: str) -> None:
        """The UI pauses, resumes, completes and runs again, where that is documented."""
        legal = {
            "Ready": {"Active"},
            "Active": {"Paused", "Completed"},
            "Paused": {"Active"},
            "Stopped": {"Active"},
            "Completed": {"Active"},
            "deleted": set(),
        }[self.status]
        if status not in legal:
            return
        campaign = self.store.get(self.campaign_id)
        begins = self.status != "Paused" and status == "Active"
        campaign.move_to(status, self.clock.time(), force=False)
        if begins:
            self.store.begin_run(campaign)
        self.status, self.runs = status, self.runs + begins

    @rule(minutes=st.integers(0, 600))
    def wait(self, minutes: int) -> None:
        """Time alone changes nothing without a schedule."""
        self.clock.advance(timedelta(minutes=minutes).total_seconds())

    @precondition(lambda self: self.runs > 2)
    @rule()
    def delete(self) -> None:
        """A delete succeeds once, and only when nothing runs."""
        possible = self.status in {"Stopped", "Completed"}
        assert possible == self.ask("delete", {"campaignType": "voice"})
        if possible:
            self.status = "deleted"

    @invariant()
    def agrees(self) -> None:
        """Status as modelled; as many instance ids as runs."""
        campaign = self.store.find(self.campaign_id)
        if campaign is None:
            assert self.status == "deleted"
            return
        assert campaign.status == self.status
        if campaign.instance_id:
            self.instances.add(campaign.instance_id)
        assert len(self.instances) == self.runs


CampaignLife.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestCampaignLife = CampaignLife.TestCase
