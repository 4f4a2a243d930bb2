"""The request log tells what was asked, what came of it, and never a token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_campaigns.simulator import journal
from airflow_provider_campaigns.simulator.journal import Journal, RequestRecord, Requests

if TYPE_CHECKING:
    from calling import Caller

    from airflow_provider_campaigns.simulator import ManualClock


def record(monotonic: float, number: int = 1) -> RequestRecord:
    """A request at a moment."""
    return RequestRecord(
        number=number,
        at="2025-12-05T12:00:00.000Z",
        monotonic=monotonic,
        operation="status",
        version="v1",
        method="POST",
        path="/",
        query={},
        headers={},
        body=None,
        campaign_id=None,
    )


def test_record__facts(still: Caller, clock: ManualClock) -> None:
    """A record holds both clocks, the request without its token, the answer's status and the effect."""
    campaign_id = still.simulator.add_campaign(status="Active", instance_id="cid-1")
    began = clock.monotonic()
    clock.advance(1.5)
    still.stop(campaign_id)

    seen = still.simulator.requests[-1]

    assert (seen.at, seen.monotonic - began) == ("2025-12-05T12:00:01.500Z", 1.5)
    assert (seen.operation, seen.version, seen.method) == ("stop", "v1", "POST")
    assert seen.path == f"/campaign/api/v1/public/{still.simulator.stream_id}/campaign/{campaign_id}"
    assert seen.query == {"campaignType": "voice", "trigger": "stop"}
    assert (seen.headers["auth"], seen.headers["iid"]) == ("***", still.simulator.stream_id)
    assert (seen.body, seen.campaign_id) == ({}, campaign_id)
    assert (seen.status, seen.fault, seen.reason) == (200, None, None)
    assert seen.effect == f"stopped {campaign_id} instance cid-1"


def test_record__no_token_anywhere(caller: Caller) -> None:
    """Neither the token nor the secret is in any record, however it is printed."""
    token = caller.token()
    headers = caller.headers(auth=token) | {"Authorization": f"Bearer {token}", "Cookie": token}
    caller.status("cd-1", headers=headers)
    caller.send("GET", "/nowhere", headers=headers)

    for printed in (repr(list(caller.simulator.requests)), str(caller.simulator.requests)):
        assert token not in printed
        assert caller.simulator.client_secret not in printed
    assert "***" in repr(list(caller.simulator.requests))
    assert caller.simulator.client_secret not in repr(caller.simulator.service.credentials)


def test_of__operation_and_campaign(caller: Caller) -> None:
    """Requests can be narrowed by operation, by campaign, by both, and by having changed something."""
    first, second = (caller.simulator.add_campaign(status="Active") for _ in range(2))
    caller.status(first)
    caller.stop(first)
    caller.stop(first)
    caller.stop(second)

    log = caller.simulator.requests
    assert [len(log.of()), len(log.of("stop")), len(log.of("stop", campaign_id=first)), len(log[3:])] == [4, 3, 2, 1]
    assert [len(log.of("status")), len(log.effects("stop"))] == [1, 2]
    assert [found.number for found in log.of("stop")[1:]] == [3, 4]
    assert log.of("stop")[0] in log


def test_assert_one_effect(caller: Caller) -> None:
    """The assertion passes for one effect among several requests, and shows the requests when it fails."""
    campaign_id = caller.simulator.add_campaign(status="Active")
    with pytest.raises(AssertionError, match=f"0 requests to stop {campaign_id} took effect, not 1:\nno requests"):
        caller.simulator.assert_one_effect("stop", campaign_id)

    caller.stop(campaign_id)
    caller.stop(campaign_id)

    assert caller.simulator.assert_one_effect("stop", campaign_id).number == 1
    caller.start(campaign_id)
    caller.stop(campaign_id)
    with pytest.raises(AssertionError, match=r"2 requests to stop .* took effect, not 1:\n#1 stop(.|\n)*#4 stop"):
        caller.simulator.assert_one_effect("stop", campaign_id)


def test_assert_no_writes(caller: Caller) -> None:
    """Reads are no writes; a refused stop is one, because it was sent."""
    caller.list()
    caller.simulator.assert_no_writes()
    caller.stop("cd-unknown")

    with pytest.raises(AssertionError, match="1 requests asked for a change"):
        caller.simulator.assert_no_writes()


@pytest.mark.parametrize(
    ("moments", "seconds", "most"),
    [
        ([], 60, 0),
        ([0, 1, 2], 60, 3),
        ([0, 59.9], 60, 2),
        ([0, 60], 60, 1),
        ([0, 30, 60, 89], 60, 3),
        ([0, 0, 0, 100], 1, 3),
    ],
)
def test_max_in_any_window(moments: list[float], seconds: float, most: int) -> None:
    """The busiest stretch counts, wherever it begins; its end is not part of it."""
    assert Requests(map(record, moments)).max_in_any_window(seconds=seconds) == most


def test_journal__overflow_is_noticed(monkeypatch: pytest.MonkeyPatch, still: Caller) -> None:
    """The log keeps so many requests; once one has fallen out, the assertions no longer vouch for anything."""
    monkeypatch.setattr(journal, "MOST_RECORDS", 2)
    log = Journal()
    monkeypatch.setattr(still.simulator, "requests", log)
    for _ in range(3):
        still.list()

    assert [found.number for found in log] == [2, 3]
    with pytest.raises(AssertionError, match="overflowed"):
        still.simulator.assert_no_writes()
    log.clear()
    still.simulator.assert_no_writes()
