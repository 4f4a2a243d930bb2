"""What a report counts."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_campaigns.kore.campaigns import Campaign
from airflow_provider_campaigns.reports.summary import Tally

CAMPAIGN = Campaign.from_api({
    "_id": "cd-1",
    "name": "Spring Offer",
    "status": "Stopped",
    "dialingMode": "Progressive",
    "campaignInstanceId": "cid-1",
    "createdAt": "2026-03-01T09:00:00.000Z",
    "updatedAt": "2026-03-02T12:30:00.000Z",
})


def summary(rows: list[dict[str, Any]], *, total: int | None = 0, messages_sent: int | None = None) -> dict[str, Any]:
    tally = Tally()
    tally.add(rows)
    return tally.as_json(CAMPAIGN, total=total, messages_sent=messages_sent)


def row(outcome: object, attempts: object = 1, session: str = "", dispositions: object = (), side: object = "") -> Any:
    return {
        "dialerOutcome": outcome,
        "numberOfAttemptsSoFar": attempts,
        "botSessionId": session,
        "agentDispositionCodes": dispositions,
        "botOutboundStatus": side,
    }


def test_whole() -> None:
    """Every figure of a small campaign, in the order of the file."""
    rows = [
        row("completed", 2, "6a1f", ["Resolved"], "userHangUp"),
        row("completed", 1, "", ["Resolved", "System Generated"], "agentHangUp"),
        row("busy", 3),
        row("busy", 3),
        row("", 0),
        row("no-answer", 1, "6a20"),
    ]

    result = summary(rows, total=6)
    assert result == {
        "format": 1,
        "campaign": {
            "campaign_id": "cd-1",
            "name": "Spring Offer",
            "campaign_type": "voice",
            "status": "Stopped",
            "campaign_instance_id": "cid-1",
            "created_at": "2026-03-01T09:00:00.000Z",
            "updated_at": "2026-03-02T12:30:00.000Z",
        },
        "contacts": {"total": 6, "rows": 6, "never_reached": 3, "in_progress": 1, "pending": 0},
        "outcomes": {"busy": 2, "completed": 2, "": 1, "no-answer": 1},
        "dispositions": {"Resolved": 2, "System Generated": 1},
        "hang_ups": {"agentHangUp": 1, "userHangUp": 1},
        "attempts": {"total": 10, "mean": 1.667, "most": 3, "histogram": {"0": 1, "1": 2, "2": 1, "3": 2}},
        "messages_sent": None,
    }
    assert list(result["outcomes"]) == ["busy", "completed", "", "no-answer"]
    assert list(result["attempts"]["histogram"]) == ["0", "1", "2", "3"]


def test_pending() -> None:
    """Rows that say of themselves that they are not final are counted, and no contact that was never called is."""
    rows = [row("waitingForDisposition", 1, "6a1f"), row("", 2), row("", 0), row("busy", 3)]

    assert summary(rows, total=4)["contacts"]["pending"] == 2


def test_nothing() -> None:
    """Without rows there is no mean, and nothing is counted."""
    result = summary([], total=0)

    assert result["contacts"] == {"total": 0, "rows": 0, "never_reached": 0, "in_progress": 0, "pending": 0}
    assert result["attempts"] == {"total": 0, "mean": None, "most": None, "histogram": {}}


def test_no_contact_results() -> None:
    """Where the service has no results by contact, only what its list says is told."""
    result = summary([], total=None, messages_sent=350)

    assert result["contacts"] == {
        "total": None,
        "rows": None,
        "never_reached": None,
        "in_progress": None,
        "pending": None,
    }
    assert result["attempts"] == {"total": None, "mean": None, "most": None, "histogram": {}}
    assert (result["outcomes"], result["messages_sent"]) == ({}, 350)


def test_outcomes__as_they_are() -> None:
    """Outcomes that differ in case or are no texts are never merged."""
    result = summary([row("Busy"), row("busy"), row(7), row(None), row({"a": 1})])

    assert result["outcomes"] == {"": 1, "7": 1, "Busy": 1, "busy": 1, '{"a": 1}': 1}


@pytest.mark.parametrize("attempts", [None, "2", True, -1, 2.5, 2**70, [1]])
def test_attempts__odd(attempts: object) -> None:
    """What is no number of attempts counts as none."""
    assert summary([row("busy", attempts)])["attempts"]["histogram"] == {"0": 1}


@pytest.mark.parametrize("dispositions", [None, "Resolved", {"a": 1}])
def test_dispositions__odd(dispositions: object) -> None:
    """What is no list of dispositions counts as none."""
    assert summary([row("busy", 1, "", dispositions)])["dispositions"] == {}


def test_hostile__many_kinds() -> None:
    """Beyond 200 kinds of anything, further ones are counted together."""
    rows = [row(f"outcome {n:03d}", n, "", [f"code {n:03d}"], f"side {n:03d}") for n in range(300)]
    result = summary(rows)

    for field, kind in (("outcomes", "outcome"), ("dispositions", "code"), ("hang_ups", "side")):
        assert len(result[field]) == 201
        assert result[field]["(other)"] == 100
        assert f"{kind} 199" in result[field]
        assert f"{kind} 200" not in result[field]
    assert list(result["attempts"]["histogram"].items())[-2:] == [("199", 1), ("(other)", 100)]
    assert result["attempts"]["most"] == 299
