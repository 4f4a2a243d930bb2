"""Which results are not final yet, and what a reading remembers of them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from airflow_provider_campaigns.reports.gathering import PendingRows
from airflow_provider_campaigns.reports.parts import Page
from airflow_provider_campaigns.reports.pending import is_pending


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"dialerOutcome": "in-progress", "numberOfAttemptsSoFar": 0}, True),
        ({"dialerOutcome": "in-progress"}, True),
        ({"dialerOutcome": "waitingForDisposition", "numberOfAttemptsSoFar": 3}, True),
        ({"dialerOutcome": "", "numberOfAttemptsSoFar": 1}, True),
        ({"dialerOutcome": None, "numberOfAttemptsSoFar": 2}, True),
        ({"dialerOutcome": " ", "numberOfAttemptsSoFar": 2}, True),
        ({"numberOfAttemptsSoFar": 1}, True),
        ({"dialerOutcome": "", "numberOfAttemptsSoFar": 0}, False),
        ({"dialerOutcome": ""}, False),
        ({}, False),
        ({"dialerOutcome": "completed", "numberOfAttemptsSoFar": 1}, False),
        ({"dialerOutcome": "no-answer", "numberOfAttemptsSoFar": 3}, False),
        ({"dialerOutcome": "retry-cancelled", "numberOfAttemptsSoFar": 3}, False),
        ({"dialerOutcome": "nobody documented this", "numberOfAttemptsSoFar": 1}, False),
    ],
)
def test_is_pending(row: dict[str, Any], expected: bool) -> None:
    """A call that goes on, a disposition to be written, no outcome after an attempt; else it is final."""
    assert is_pending(row) is expected


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        *(("2", True), (" 1 ", True), ("1.0", True), (1.0, True), (10**400, True), ("Infinity", True)),
        *((0.5, False), ("0", False), (-1, False), ("", False), ("two", False), ("NaN", False), (math.nan, False)),
        *((None, False), (True, False), ([], False), ([3], False), ({"n": 3}, False)),
    ],
)
def test_is_pending__odd_attempts(attempts: Any, expected: bool) -> None:
    """A number is one also as text; what is no number says nothing of an attempt, and does no harm."""
    assert is_pending({"dialerOutcome": "", "numberOfAttemptsSoFar": attempts}) is expected


@pytest.mark.parametrize("outcome", [0, 7, False, ["in-progress"], [], {"in-progress": 1}, {}])
def test_is_pending__odd_outcome(outcome: Any) -> None:
    """An outcome of another type is one, and does no harm."""
    assert is_pending({"dialerOutcome": outcome, "numberOfAttemptsSoFar": 1}) is False


def page(*outcomes: str, first: int = 0) -> Page:
    rows = [{"dialerOutcome": one, "numberOfAttemptsSoFar": 1} for one in outcomes]
    return Page([b"%s\n" % one.encode() for one in outcomes], rows, range(first, first + len(outcomes)))


def seen(*pages: Page) -> PendingRows:
    found = PendingRows()
    for number, one in enumerate(pages, 1):
        found.add(number, one)
    return found


def test_pending_rows__pages() -> None:
    """Only pages with rows that are not final are remembered, each once."""
    found = seen(page("busy", "busy"), page("", "busy", ""), page(), page("in-progress"))

    assert (found.rows, found.pages) == (3, [2, 4])


def test_pending_rows__like() -> None:
    """The same rows are the same on other pages and in another order; final rows beside them do not matter."""
    both = seen(page("", "in-progress"))

    assert both.is_like(seen(page(""), page("in-progress", first=1)))
    assert both.is_like(seen(page("in-progress", first=1), page("")))
    assert both.is_like(seen(page("", "in-progress", "busy")))


@pytest.mark.parametrize(
    "other",
    [
        [page("")],
        [page("", "busy")],
        [page("", "waitingForDisposition")],
        [page("", "in-progress", "")],
        [page("", "in-progress", first=1)],
        [],
    ],
)
def test_pending_rows__not_like(other: list[Page]) -> None:
    """One row fewer, more, with other content, or of another contact is a change."""
    assert not seen(page("", "in-progress")).is_like(seen(*other))
