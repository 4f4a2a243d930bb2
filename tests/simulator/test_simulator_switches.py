"""Each open question about the service, both ways."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from calling import Caller, documented

from airflow_provider_campaigns.simulator import Switches

if TYPE_CHECKING:
    from airflow_provider_campaigns.simulator import KoreSimulator, ManualClock

RATE_LIMIT_TEXT = "You've exceeded the per-minute rate limit. Please wait for sometime before retrying."


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"delete_active": "refuse"}, "no such switch: delete_active"),
        ({"delete_running": "maybe"}, "switch delete_running is 'refuse' or 'accept', not 'maybe'"),
        ({"strict": 1}, "switch strict is true or false, not 1"),
        ({"rate_limit": -1}, "switch rate_limit is a number, zero or more, not -1"),
        ({"rate_limit": 1.5}, "switch rate_limit is a number, zero or more, not 1.5"),
        ({"drain_polls": None}, "switch drain_polls is a number, zero or more, not None"),
        ({"latency": "slow"}, "switch latency is a number, zero or more, not 'slow'"),
        ({"latency": True}, "switch latency is a number, zero or more, not True"),
        ({"not_found_status": 418}, "switch not_found_status is 400 or 404 or 410, not 418"),
    ],
)
def test_switches__refused(kore_simulator: KoreSimulator, changes: dict[str, Any], complaint: str) -> None:
    """A switch that does not exist, or a value it does not have, is an error that changes nothing."""
    with pytest.raises(ValueError, match=re.escape(complaint)):
        kore_simulator.switches(**changes)

    assert kore_simulator.switches() == Switches()


def test_switches__all_in_the_documentation() -> None:
    """Each switch has its row in the page about the simulator, with its default."""
    page = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| `([^`]*)`", page, flags=re.MULTILINE))

    defaults = {field.name: str(field.default) for field in dataclasses.fields(Switches)}
    assert defaults == {name: rows.get(name) for name in defaults}


def test_delete_answer__data(caller: Caller) -> None:
    """By default the deleted object is echoed."""
    campaign_id = caller.simulator.add_campaign(name="One")

    assert caller.delete(campaign_id).body["data"]["_id"] == campaign_id


def test_delete_answer__bare(caller: Caller) -> None:
    """The echo can be left out."""
    caller.simulator.switches(delete_answer="bare")

    reply = caller.delete(caller.simulator.add_campaign(name="One"))

    assert reply.body == {"status": "success", "message": "Campaign One deleted successfully"}


def test_delete_answer__deleted_at(still: Caller) -> None:
    """The older dialect names the instant."""
    still.simulator.switches(delete_answer="deletedAt")

    reply = still.delete(still.simulator.add_campaign(name="One"))

    assert reply.body == {
        "status": "Deleted",
        "message": "Campaign One deleted successfully",
        "deletedAt": "2025-12-05T12:00:00.000Z",
    }


@pytest.mark.parametrize("status", [400, 404])
def test_not_found_status(caller: Caller, status: int) -> None:
    """An unknown campaign is answered 400 as other objects are, or 404; the shape is the platform's."""
    caller.simulator.switches(not_found_status=status)

    reply = caller.status("cd-unknown")

    assert (status, {"errors": [{"msg": "Campaign not found", "code": status}]}) == (reply.status, reply.body)
    if status == 400:
        assert documented("error-400-not-found.platform.response").keys() == reply.body.keys()


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        ("other words", 410, {"errors": [{"msg": "No such campaign", "code": 410}]}),
        ("204", 204, None),
        ("no data", 200, {"status": "success", "message": "Campaign  retrieved successfully", "data": None}),
        ("empty data", 200, {"status": "success", "message": "Campaign  retrieved successfully", "data": {}}),
    ],
)
def test_not_found_answer(caller: Caller, answer: str, status: int, body: Any) -> None:
    """An unknown campaign can be told in other words, or by a success that holds nothing; a write is refused."""
    caller.simulator.switches(not_found_status=410, not_found_answer=answer)

    replies = [caller.get("cd-unknown"), caller.status("cd-unknown"), caller.contacts("cd-unknown")]

    assert [(reply.status, reply.body) for reply in replies] == [(status, body)] * 3
    assert caller.delete("cd-unknown").status == 410


@pytest.mark.parametrize("operation", ["start", "stop", "delete"])
@pytest.mark.parametrize("type_mismatch", ["error", "ignore"])
def test_type_mismatch(caller: Caller, operation: str, type_mismatch: str) -> None:
    """A wrong campaignType is not found, or answered like a success; nothing happens either way."""
    caller.simulator.switches(type_mismatch=type_mismatch)
    status = "Active" if operation == "stop" else "Stopped"
    campaign_id = caller.simulator.add_campaign(status=status)

    reply = getattr(caller, operation)(campaign_id, "sms")

    assert reply.status == (400 if type_mismatch == "error" else 200)
    assert caller.simulator.campaign(campaign_id).status == status
    assert not caller.simulator.effects()


@pytest.mark.parametrize(("switch", "code"), [("error", 400), ("noop", 200)])
def test_stop_idle(caller: Caller, switch: str, code: int) -> None:
    """A stop of a campaign that is not running is refused, or answered Stopped without changing it."""
    caller.simulator.switches(stop_idle=switch)
    campaign_id = caller.simulator.add_campaign(status="Completed")

    reply = caller.stop(campaign_id)

    assert (code, "Completed") == (reply.status, caller.status_text(campaign_id))
    assert reply.body.get("status") == ("Stopped" if switch == "noop" else None)
    assert not caller.simulator.effects("stop")


@pytest.mark.parametrize(("switch", "code"), [("error", 400), ("noop", 200)])
def test_start_running(caller: Caller, switch: str, code: int) -> None:
    """A start of an Active campaign is refused, or answered Active; the run stays the same."""
    caller.simulator.switches(start_running=switch)
    campaign_id = caller.simulator.add_campaign(status="Active", instance_id="cid-1")

    assert caller.start(campaign_id).status == code
    assert caller.simulator.campaign(campaign_id).instance_id == "cid-1"


@pytest.mark.parametrize(("switch", "rows"), [(False, 30), (True, 0)])
def test_stop_empties_results(caller: Caller, switch: bool, rows: int) -> None:
    """After a stop the results are still there, or gone; the next run has results again."""
    caller.simulator.switches(stop_empties_results=switch)
    campaign_id = caller.simulator.add_campaign(status="Active", contacts=30)
    before = caller.contacts(campaign_id).body["data"]["totalResults"]
    caller.stop(campaign_id)
    after = caller.contacts(campaign_id).body["data"]["totalResults"]
    caller.start(campaign_id)

    assert (30, rows, 30) == (before, after, caller.contacts(campaign_id).body["data"]["totalResults"])


def test_drain_polls(caller: Caller) -> None:
    """A draining campaign reads Active so many times, whichever way it is read, though the stop said Stopped."""
    caller.simulator.switches(drain_polls=3)
    campaign_id = caller.simulator.add_campaign(status="Active")

    assert caller.stop(campaign_id).body["status"] == "Stopped"
    assert caller.status_text(campaign_id) == "Active"
    assert caller.get(campaign_id).body["data"]["status"] == "Active"
    assert caller.simulator.campaign(campaign_id).status == "Active"
    assert caller.list().body["data"]["results"][0]["status"] == "Active"
    assert caller.status_text(campaign_id) == "Stopped"


def test_drain_seconds(still: Caller, clock: ManualClock) -> None:
    """A draining campaign reads Active for so many seconds and keeps the time of the stop."""
    still.simulator.switches(drain_seconds=30, drain_answer="Active", rate_limit=None)
    campaign_id = still.simulator.add_campaign(status="Active")

    assert still.stop(campaign_id).body["status"] == "Active"
    clock.advance(29.9)
    assert still.status_text(campaign_id) == "Active"
    clock.advance(0.1)
    assert still.status_text(campaign_id) == "Stopped"
    assert still.get(campaign_id).body["data"]["updatedAt"] == "2025-12-05T12:00:00.000Z"


def test_drain__second_stop_and_start_meanwhile(caller: Caller) -> None:
    """While a campaign drains another stop is answered like the first and has no effect; a start is refused."""
    caller.simulator.switches(drain_polls=5)
    campaign_id = caller.simulator.add_campaign(status="Active")
    caller.stop(campaign_id)

    assert caller.stop(campaign_id).body["status"] == "Stopped"
    assert caller.start(campaign_id).status == 400
    assert caller.delete(campaign_id).status == 400
    caller.simulator.assert_one_effect("stop", campaign_id)


@pytest.mark.parametrize(("switch", "code"), [("rows", 200), ("error", 400)])
def test_sms_results(caller: Caller, switch: str, code: int) -> None:
    """The contacts page speaks of voice campaigns only; SMS campaigns may have results or not."""
    caller.simulator.switches(sms_results=switch)
    campaign_id = caller.simulator.add_campaign(campaign_type="sms", status="Stopped", contacts=2)

    assert caller.contacts(campaign_id).status == code


@pytest.mark.parametrize(
    ("switch", "asked", "names"),
    [
        ("either", {"page": 2}, ["C", "D"]),
        ("either", {"skip": 2}, ["C", "D"]),
        ("either", {"skip": 2, "page": 2}, ["C", "D"]),
        ("either", {"skip": "", "page": ""}, ["A", "B"]),
        ("either", {"skip": 4, "page": 3}, ["E"]),
        ("skip", {"page": 2}, ["A", "B"]),
        ("skip", {"skip": 2}, ["C", "D"]),
        ("page", {"page": 2}, ["C", "D"]),
        ("page", {"skip": 2}, ["A", "B"]),
        ("page", {"page": 9}, []),
    ],
)
def test_list_paging(caller: Caller, switch: str, asked: dict[str, Any], names: list[str]) -> None:
    """Lists move on by skip, by page, or by whichever was raised; a client that raises both is always right."""
    caller.simulator.switches(list_paging=switch)
    for name in "ABCDE":
        caller.simulator.add_campaign(name=name)

    data = caller.list(limit=2, sortBy={"name": "asc"}, **asked).body["data"]

    assert names == [shown["name"] for shown in data["results"]]
    assert (data["totalResults"], data["totalPages"], data["limit"]) == (5, 3, 2)
    assert data["hasMore"] == (names[-1:] in (["B"], ["D"]))


@pytest.mark.parametrize(
    ("asked", "names"),
    [({}, ["A", "B"]), ({"limit": 1}, ["A"]), ({"page": 2}, ["C", "D"]), ({"skip": 4}, ["E"])],
)
def test_list_cap(caller: Caller, asked: dict[str, Any], names: list[str]) -> None:
    """No page holds more than the cap, and pages are counted by it."""
    caller.simulator.switches(list_cap=2)
    for name in "ABCDE":
        caller.simulator.add_campaign(name=name)

    data = caller.list(**{"limit": 100, "sortBy": {"name": "asc"}, **asked}).body["data"]

    assert [shown["name"] for shown in data["results"]] == names
    assert (data["totalResults"], data["limit"]) == (5, len(names) if "limit" in asked else 2)


@pytest.mark.parametrize(
    ("shape", "status", "listed"),
    [
        ("data", {"status": "success", "data": {"id": "cd-1", "status": "Ready", "name": "A"}}, ["data", "results"]),
        ("bare", {"status": "Ready", "id": "cd-1", "name": "A"}, ["results"]),
        (
            "wrapped",
            {"status": "success", "data": {"campaign": {"id": "cd-1", "status": "Ready", "name": "A"}}},
            ["data", "campaign", "results"],
        ),
        (
            "other names",
            {"status": "success", "data": {"campaignId": "cd-1", "campaignStatus": "Ready", "name": "A"}},
            ["data", "results"],
        ),
    ],
)
def test_answer_shape(caller: Caller, shape: str, status: dict[str, Any], listed: list[str]) -> None:
    """What an answer is about stands where the switch says, and under those names."""
    caller.simulator.switches(answer_shape=shape)
    caller.simulator.add_campaign(campaign_id="cd-1", name="A")

    found: Any = caller.list().body
    for name in listed:
        found = found[name]

    assert caller.status("cd-1").body == status
    assert found[0]["campaignId" if shape == "other names" else "_id"] == "cd-1"


def test_list_refused(caller: Caller) -> None:
    """The list can be refused while a campaign is read."""
    caller.simulator.switches(list_refused=True)

    assert (caller.list().status, caller.get(caller.simulator.add_campaign()).status) == (403, 200)


@pytest.mark.parametrize(
    ("switch", "item"),
    [
        ("no id", {"name": "A draft", "status": "Ready", "createdAt": "2025-12-05T12:00:00.000Z"}),
        ("no status", {"_id": "cd-d4af700-0000-4000-8000-000000000000", "name": "A draft"}),
        ("null", None),
    ],
)
@pytest.mark.parametrize(("number", "pages"), [(1, [2]), (2, [2, 1]), (0, [1])])
def test_list_broken(caller: Caller, switch: str, item: Any, number: int, pages: list[int]) -> None:
    """The last item of the list can be none as documented; it is counted."""
    caller.simulator.switches(list_broken=switch)
    for _ in range(number):
        caller.simulator.add_campaign()

    read = [caller.list(limit=2, page=page).body["data"] for page in range(1, len(pages) + 1)]

    assert [len(data["results"]) for data in read] == pages
    assert read[-1]["results"][-1] == item
    assert [(data["totalResults"], data["hasMore"]) for data in read] == [
        (number + 1, data is not read[-1]) for data in read
    ]


def test_rate_limit__sliding_window(still: Caller, clock: ManualClock) -> None:
    """The 61st request within 60 s is refused; each is free again 60 s after it was sent; refused ones do not count."""
    campaign_id = still.simulator.add_campaign(status="Active")
    for _ in range(30):
        assert still.status(campaign_id).status == 200
    clock.advance(30)
    for _ in range(30):
        assert still.status(campaign_id).status == 200

    refused = still.stop(campaign_id)
    clock.advance(29.9)
    still_refused = still.status(campaign_id)
    clock.advance(0.1)
    free = [still.status(campaign_id).status for _ in range(31)]

    assert (refused.status, refused.body) == (429, {"errors": [{"msg": RATE_LIMIT_TEXT, "code": 429}]})
    assert refused.headers["Retry-After"] is None
    assert still_refused.status == 429
    assert free == [200] * 30 + [429]
    assert not still.simulator.effects("stop")


@pytest.mark.parametrize("status", [429, 400, 200])
def test_rate_limit__answer(still: Caller, clock: ManualClock, status: int) -> None:
    """The documented text may come with 429, 400 or even 200, and with or without Retry-After in whole seconds."""
    still.simulator.switches(rate_limit=1, rate_limit_status=status, retry_after=True)
    still.list()
    clock.advance(10.5)

    reply = still.list()

    assert (status, RATE_LIMIT_TEXT) == (reply.status, reply.body["errors"][0]["msg"])
    assert reply.headers["Retry-After"] == "50"


def test_rate_limit__in_other_words(still: Caller) -> None:
    """The answer may come in other words than the documented ones."""
    still.simulator.switches(rate_limit=0, rate_limit_status=403, rate_limit_words="other words")

    reply = still.list()

    assert (reply.status, reply.body["errors"][0]["msg"]) == (403, "Quota exceeded")


def test_rate_limit__counts_only_who_may_call(still: Caller) -> None:
    """Requests with a wrong token do not use up the account's requests; those with wrong arguments do."""
    still.simulator.switches(rate_limit=2)
    for _ in range(3):
        assert still.status("cd-1", headers=still.headers(auth="x")).status == 401

    assert [still.list(limit=0).status, still.status("cd-1").status, still.list().status] == [412, 400, 429]


def test_rate_limit__changed_meanwhile(still: Caller, clock: ManualClock) -> None:
    """The limit may be lowered, switched off and set to zero while requests come in."""
    still.simulator.switches(rate_limit=None)
    assert [still.list().status for _ in range(70)] == [200] * 70
    still.simulator.switches(rate_limit=1, retry_after=True)
    assert still.list().status == 200
    still.simulator.switches(rate_limit=0)
    assert still.list().headers["Retry-After"] == "60"


def test_latency(caller: Caller) -> None:
    """Every request waits so long before the service looks at it."""
    caller.simulator.switches(latency=0.05)
    caller.list()

    record = caller.simulator.requests[-1]

    assert record.answered_monotonic is not None
    assert record.answered_monotonic - record.monotonic >= 0.05


@pytest.mark.parametrize(("printed_paths", "code"), [(False, 405), (True, 200)])
def test_printed_paths__get_by_put(caller: Caller, printed_paths: bool, code: int) -> None:
    """Older pages print PUT for getting a voice campaign; otherwise PUT is an update, which is not imitated."""
    caller.simulator.switches(printed_paths=printed_paths)
    campaign_id = caller.simulator.add_campaign()

    assert caller.send("PUT", f"/agentassist/api/v1/public/{{iid}}/campaign/{campaign_id}").status == code


def numbers(caller: Caller, campaign_id: str, page: int) -> list[str]:
    """The phone numbers on a page of two contacts."""
    return [row["phoneNumber"] for row in caller.contacts(campaign_id, page=page, limit=2).body["data"]["results"]]


def test_contact_paging(caller: Caller) -> None:
    """Pages of contacts have one order, another at each request, or are the first whichever is asked for."""
    campaign_id = caller.simulator.add_campaign(status="Stopped", contacts=4)
    assert numbers(caller, campaign_id, 2) == ["12005550102", "12005550103"]

    caller.simulator.switches(contact_paging="shuffled")
    pages = {tuple(numbers(caller, campaign_id, 2)) for _ in range(50)}
    assert len(pages) == 12
    assert numbers(caller, campaign_id, 3) == []

    caller.simulator.switches(contact_paging="ignored")
    data = caller.contacts(campaign_id, page=2, limit=2).body["data"]
    assert [row["phoneNumber"] for row in data["results"]] == ["12005550100", "12005550101"]
    assert (data["page"], data["totalPages"], data["totalResults"]) == (1, 2, 4)


def test_pending_seconds(still: Caller, clock: ManualClock) -> None:
    """For a while after the end some contacts are in progress or wait for a note; then none is."""

    def outcomes() -> set[str]:
        pages = [still.contacts(campaign_id, page=page, limit=100).body["data"]["results"] for page in range(1, 11)]
        return {row["dialerOutcome"] for rows in pages for row in rows} & {
            "",
            "waitingForDisposition",
            "retry-cancelled",
        }

    campaign_id = still.simulator.add_campaign(status="Active", contacts=1000)
    still.simulator.switches(pending_seconds=600, rate_limit=None)
    still.simulator.set_status(campaign_id, "Completed")
    assert outcomes() == {"", "waitingForDisposition"}
    clock.advance(599)
    assert "" in outcomes()
    clock.advance(1)
    assert outcomes() == {"retry-cancelled"}
