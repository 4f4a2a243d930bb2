"""The close of a run against a minute-by-minute scan of the clock, with contacts in any zone of the tz database."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from test_calling_hours_oracle import FIRST_MINUTE, LAST_MINUTE, ZONES, Answers, Case, calling_hours, random_window

from airflow_provider_campaigns.actions.closing import Schedule

SPAN_MINUTES = 8 * 24 * 60
CASES_PER_SHARD = 25
FAR_APART = ("Pacific/Guam", "Pacific/Honolulu")
RUN_DAY = 3  # of the span, from 0: everything that counts is well inside it


def last_close(answers: Answers, day: datetime) -> datetime | None:
    """The end of the last stretch that begins on a date of the clock that was scanned."""
    closes = [each.closes_at for each in answers.stretches() if is_on(each.opens_at, answers, day)]
    return closes[-1] if closes else None


def is_on(at: datetime, answers: Answers, day: datetime) -> bool:
    return at.astimezone(answers.zone).date() == day.date()


def expected_close(own: Answers, zones: list[Answers], day: datetime) -> datetime | None:
    """By looking: the latest close of the date, or the last one of the campaign's own day that goes on then."""
    closes = [close for close in (last_close(one, day) for one in [own, *zones]) if close is not None]
    at = max(closes, default=None)
    for later in (day + timedelta(days=number) for number in range(1, 4)):
        of_day = [each for each in own.stretches() if is_on(each.opens_at, own, later)]
        if at is not None and of_day and of_day[0].opens_at <= at < of_day[-1].closes_at:
            return of_day[-1].closes_at
    return at


@pytest.mark.parametrize("shard", range(3))
def test_closing_for__agrees_with_the_clock(shard: int) -> None:
    """With random hours and contact zones, the close is the scan's, never inside the campaign's hours, for any try."""
    rng = random.Random(shard)
    moved = 0
    for _ in range(CASES_PER_SHARD):
        zone, *contact_zones = rng.choice((FAR_APART, rng.sample(ZONES, rng.choice((1, 2, 3)))))
        first_minute = rng.randrange(FIRST_MINUTE, LAST_MINUTE)
        week = [sorted(random_window(rng) for _ in range(rng.choice((0, 1, 1, 2)))) for _ in range(7)]
        # Shorter than a day, so that the scan sees every stretch whole.
        week = [[(start, min(end, start + 900)) for start, end in windows] for windows in week]
        if not any(week):
            continue
        own, *others = (Answers(Case(name, week, set()), first_minute, SPAN_MINUTES) for name in (zone, *contact_zones))
        runs = [each for each in own.stretches() if own.instant(RUN_DAY * 1440) <= each.opens_at]
        if not runs or runs[0].opens_at >= own.instant((RUN_DAY + 1) * 1440):
            continue
        run_at = runs[0].opens_at
        clocks = Schedule(calling_hours(Case(zone, week, set())), contact_zones)
        expected = expected_close(own, others, run_at.astimezone(own.zone))
        context = f"{zone} {contact_zones} {week} {run_at}"
        assert expected is not None, context

        closing = clocks.closing_for(run_at)

        assert closing.at == expected, context
        minute = int((closing.at - datetime.fromtimestamp(first_minute * 60, UTC)) // timedelta(minutes=1))
        assert not own.flags[minute], context
        for tries_at in (run_at, closing.at - timedelta(seconds=1), closing.at - timedelta(hours=rng.randrange(24))):
            if tries_at >= run_at:
                assert clocks.closing_to_act_on(run_at, tries_at).at == closing.at, context
        moved += closing.at > max(last_close(one, run_at.astimezone(own.zone)) or run_at for one in (own, *others))
    assert moved, "no case in which the contacts' close was inside the campaign's hours"
