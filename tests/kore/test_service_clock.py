"""What the ``Date`` of answers tells of two clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_campaigns.kore.service_clock import ClockGap, ServiceClock, unix_time_of

NOW = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
AT = 1000.0


def date(second: int, minute: int = 29) -> str:
    return f"Mon, 02 Mar 2026 12:{minute}:{second:02} GMT"


@pytest.mark.parametrize(
    ("sights", "least_s", "most_s"),
    [
        # Asked and answered two seconds ago, at 12:29:58: the service's clock was anywhere in its second.
        ([(date(58), -2.0, -2.0)], -1.0, 0.0),
        # It took a second to be answered.
        ([(date(58), -2.5, -1.5)], -1.5, 0.5),
        # Three seconds ahead.
        ([(date(55), -2.0, -2.0)], 2.0, 3.0),
        ([(date(55), -2.0, -1.5)], 2.0, 3.5),
        # Several answers tell more than one.
        ([(date(55), -2.2, -2.0), (date(55), -2.8, -1.9), (date(56), -1.1, -1.0)], 1.9, 3.0),
        # Two machines answer, of which one is four seconds behind the other.
        ([(date(58), -2.0, -2.0), (date(54), -2.0, -2.0)], 3.0, 3.0),
        # Behind.
        ([(date(8, minute=30), -2.0, -2.0)], -11.0, -10.0),
        # What is older than ten seconds does not count.
        ([(date(40), -10.5, -10.1), (date(58), -2.0, -2.0)], -1.0, 0.0),
        ([(date(40), -10.5, -10.0)], 8.5, 10.0),
    ],
)
def test_gap(sights: list[tuple[str, float, float]], least_s: float, most_s: float):
    """It is told as closely as whole seconds, the time of the answers and all of them together allow."""
    clock = ServiceClock()
    for text, asked_s, answered_s in sights:
        clock.see(text, asked_at=AT + asked_s, answered_at=AT + answered_s)

    gap = clock.gap(NOW, AT)

    assert gap is not None
    assert (gap.least_s, gap.most_s) == (pytest.approx(least_s), pytest.approx(most_s))


@pytest.mark.parametrize("text", [None, "", "now", "Mon, 02 Mar 99999999999999 12:30:00 GMT", "1772454600"])
def test_see__unreadable(text: str | None):
    """A ``Date`` that is missing or cannot be read tells nothing."""
    clock = ServiceClock()

    clock.see(text, asked_at=AT, answered_at=AT)

    assert clock.gap(NOW, AT) is None
    assert unix_time_of(text) is None


def test_gap__another_zone():
    """A ``Date`` with an offset names the same instant."""
    clock = ServiceClock()

    clock.see("Mon, 02 Mar 2026 18:00:00 +0530", asked_at=AT, answered_at=AT)

    assert clock.gap(NOW + timedelta(seconds=5), AT) == ClockGap(4.0, 5.0)
