"""What two readings are compared by: literal rows, and a service whose rows change at random."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_campaigns.kore.campaigns import ContactResult
from airflow_provider_campaigns.reports import digests
from airflow_provider_campaigns.reports.digests import Difference, Digester, compare, takes_back
from airflow_provider_campaigns.reports.parts import Page
from airflow_provider_campaigns.reports.rows import PhoneNumbers, Treatment, json_line, key_from

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable

    Row = dict[str, Any]

KEY = key_from("secret")
BUSY: Row = {"phoneNumber": "1", "uniqueId": "u", "dialerOutcome": "busy", "numberOfAttemptsSoFar": 2}
SOLD: Row = {**BUSY, "dialerOutcome": "completed", "agentDispositionCodes": ["sold", "VIP"], "botSessionId": "s-1"}


def lines(rows: list[Row]) -> Callable[[], Iterable[bytes]]:
    """The digests of rows, as a file gives them."""
    treatment = Treatment(PhoneNumbers.KEEP, KEY)
    identities = [treatment.identity_of(ContactResult.from_api(row)) for row in rows]
    data = Digester(KEY).lines_of(Page([json_line(row) for row in rows], rows, identities))
    return lambda: data.splitlines(keepends=True)


def difference(before: list[Row], after: list[Row]) -> Difference:
    return compare(lines(before), lines(after), rows=len(after))


@pytest.mark.parametrize(
    ("before", "after", "lost", "new"),
    [
        ([], [], 0, 0),
        ([BUSY, SOLD], [SOLD, BUSY], 0, 0),
        ([], [BUSY], 0, 1),
        ([BUSY], [], 1, 0),
        ([BUSY, BUSY], [BUSY], 1, 0),
        ([BUSY], [BUSY | {"uniqueId": "other"}], 1, 1),
        ([BUSY], [BUSY | {"agentDispositionCodes": ["sold"]}], 0, 1),
        ([BUSY], [BUSY | {"botOutboundStatus": "userHangUp"}], 0, 1),
        ([BUSY], [BUSY | {"undocumented": 1}], 0, 1),
        ([BUSY], [BUSY | {"dialerOutcome": "completed", "numberOfAttemptsSoFar": 3}], 0, 1),
        ([BUSY], [BUSY | {"dialerOutcome": "", "numberOfAttemptsSoFar": 3}], 0, 1),
        ([BUSY], [BUSY | {"dialerOutcome": "completed"}], 1, 1),
        ([BUSY], [BUSY | {"dialerOutcome": ""}], 1, 1),
        ([BUSY], [BUSY | {"dialerOutcome": "in-progress"}], 1, 1),
        ([BUSY], [BUSY | {"numberOfAttemptsSoFar": 1}], 1, 1),
        ([BUSY], [BUSY | {"numberOfAttemptsSoFar": None}], 1, 1),
        ([BUSY | {"dialerOutcome": ""}], [BUSY], 0, 1),
        ([BUSY | {"dialerOutcome": "waitingForDisposition"}], [BUSY], 0, 1),
        ([SOLD], [SOLD | {"agentDispositionCodes": ["VIP", "sold", "again"]}], 0, 1),
        ([SOLD], [SOLD | {"agentDispositionCodes": ["sold"]}], 1, 1),
        ([SOLD], [SOLD | {"agentDispositionCodes": ["sold", "vip"]}], 1, 1),
        ([SOLD], [SOLD | {"agentDispositionCodes": []}], 1, 1),
        ([SOLD], [SOLD | {"agentDispositionCodes": None}], 1, 1),
        # Contacts that are alike: each row needs one of its own that says no less.
        ([BUSY, SOLD], [SOLD, SOLD], 1, 1),
        ([BUSY, BUSY], [SOLD | {"numberOfAttemptsSoFar": 3}] * 2, 0, 2),
        ([BUSY, BUSY | {"agentDispositionCodes": ["a"]}],
         [BUSY | {"agentDispositionCodes": ["a", "b"]}, BUSY | {"agentDispositionCodes": ["c"]}], 0, 2),
    ],
)  # fmt: skip
def test_compare(before: list[Row], after: list[Row], lost: int, new: int) -> None:
    """Nothing is lost where each row has one of its contact that says no less; what is not as it was is new."""
    assert difference(before, after) == Difference(lost, new)


@pytest.mark.parametrize(
    ("snapshot", "after", "lost"),
    [
        ([BUSY], [BUSY], 0),
        ([BUSY, BUSY], [BUSY], 0),  # read twice while contacts moved
        ([BUSY], [BUSY | {"numberOfAttemptsSoFar": 3, "dialerOutcome": ""}], 0),
        ([BUSY], [BUSY | {"dialerOutcome": "completed"}], 0),
        ([SOLD], [SOLD | {"agentDispositionCodes": ["another"]}], 0),
        ([BUSY], [], 1),
        ([BUSY], [BUSY | {"dialerOutcome": "", "numberOfAttemptsSoFar": 0}], 1),
        ([BUSY], [BUSY | {"dialerOutcome": ""}], 1),
        ([BUSY], [BUSY | {"numberOfAttemptsSoFar": 1}], 1),
        ([SOLD], [SOLD | {"agentDispositionCodes": []}], 1),
        ([BUSY, SOLD | {"uniqueId": "other"}], [BUSY], 1),
    ],
)
def test_takes_back(snapshot: list[Row], after: list[Row], lost: int) -> None:
    """A snapshot's contacts must be there, and not emptied; what has only changed is not taken back."""
    assert takes_back(lines(snapshot), lines(after), rows=len(after)) == lost


@given(st.randoms(use_true_random=False), st.integers(0, 30), st.integers(1, 7))
def test_compare__against_pairs(rand: random.Random, count: int, at_once: int) -> None:
    """In whatever pieces it is worked out, it counts the rows that changed, of contacts that are all different."""
    before = [BUSY | {"uniqueId": str(number)} for number in range(count)]
    after, lost, new = [], 0, 0
    for row in before:
        kind = rand.choice(["same", "more", "less", "gone"])
        lost += kind in {"less", "gone"}
        new += kind in {"more", "less"}
        if kind != "gone":
            after.append(row | {"same": {}, "more": {"x": 1}, "less": {"numberOfAttemptsSoFar": 1}}[kind])
    rand.shuffle(after)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digests, "_ROWS_AT_ONCE", at_once)
        assert difference(before, after) == Difference(lost, new)


@pytest.mark.parametrize("odd", [None, 7, 1.5, True, "text", [], [None, {"a": 1}], {"a": [1]}, "\ud800"])
@pytest.mark.parametrize("field", ["dialerOutcome", "numberOfAttemptsSoFar", "agentDispositionCodes", "uniqueId"])
def test_digests__odd_values(field: str, odd: object) -> None:
    """Whatever a field holds, its row has a line, is itself, and is not taken for another."""
    rows = [{field: odd}]
    (line,) = lines(rows)()

    assert len(line.split()) == 5
    assert difference(rows, rows) == Difference(0, 0)
    assert difference(rows, [{field: "entirely different"}]).new == 1


def test_digests__nothing_of_a_contact() -> None:
    """No field of a row is in its line, and another key gives another line."""
    row = {
        "phoneNumber": "19995550142",
        "uniqueId": "Canary",
        "dialerOutcome": "busy",
        "agentDispositionCodes": ["sold"],
    }
    (line,) = lines([row])()

    for value in (b"1999555", b"Canary", b"busy", b"sold"):
        assert value not in line
    other = Digester(key_from("other")).lines_of(Page([json_line(row)], [row], [1]))
    assert not set(other.split()) & set(line.split()) - {b"0"}


def test_compare__too_many_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where very many contacts are alike, what has changed of them is taken for lost: nobody can tell them apart."""
    monkeypatch.setattr(digests, "_MOST_PAIRS", 3)

    assert difference([BUSY] * 2, [BUSY | {"x": 1}] * 2) == Difference(2, 2)
    assert difference([BUSY], [BUSY | {"x": 1}]) == Difference(0, 1)
