"""How a report was proven, in the words that the page, the question and the log share."""

from __future__ import annotations

import pytest

from airflow_provider_campaigns.reports.proof import proof_in_words


@pytest.mark.parametrize(
    ("proven_by", "readings", "pending", "words"),
    [
        ("one_reading", 1, 0, "proven: the pages stood still while they were read; 1 reading; all results final"),
        ("same_rows_twice", 2, 1, "proven: a further reading found the same rows; 2 readings; 1 result not final"),
        ("gathered", 10, 1200, "proven: all readings together hold each contact; 10 readings; 1,200 results not final"),
        ("totals", 1, None, "proven: by totals only, as there are no results by contact; 1 reading"),
        (None, 1, None, "proven: how is not known; 1 reading"),
    ],
)
def test_complete(proven_by: str | None, readings: int, pending: int | None, words: str) -> None:
    """Of a complete report: what proved it, how often it was read, and what is not final."""
    assert proof_in_words(proven_by, readings, pending, complete=True) == words


def test_incomplete() -> None:
    """What is not complete is not proven, however often it was read."""
    assert proof_in_words(None, 2, 0, complete=False) == "not proven; 2 readings; all results final"
