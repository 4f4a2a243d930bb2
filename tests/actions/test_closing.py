"""The close that a run is for, and what to do about it at any later instant."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from airflow_provider_campaigns.actions.closing import Schedule
from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.kore.errors import CampaignStateError, KoreConfigurationError

OFFICE = {"MO-FR": "9:00 AM-6:00 PM"}


def utc(text: str) -> datetime:
    """An instant from its text in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def schedule(timezone: str, hours: dict[str, str], *contact_timezones: str) -> Schedule:
    """The clocks of a campaign."""
    return Schedule(CallingHours.parse(timezone, hours), contact_timezones)


@pytest.mark.parametrize(
    ("name", "clocks", "run_at", "day", "at"),
    [
        # 2026-03-02 is a Monday. Kolkata is 5:30 ahead of UTC all year.
        ("before the close", schedule("Asia/Kolkata", OFFICE), "2026-03-02 12:20", "2026-03-02", "2026-03-02 12:30"),
        ("at the close", schedule("Asia/Kolkata", OFFICE), "2026-03-02 12:30", "2026-03-02", "2026-03-02 12:30"),
        ("at noon", schedule("Asia/Kolkata", OFFICE), "2026-03-02 06:30", "2026-03-02", "2026-03-02 12:30"),
        ("before the hours", schedule("Asia/Kolkata", OFFICE), "2026-03-02 01:00", "2026-03-02", "2026-03-02 12:30"),
        ("after the close", schedule("Asia/Kolkata", OFFICE), "2026-03-02 14:00", "2026-03-02", "2026-03-02 12:30"),
        # Sunday in Kolkata: no window begins, so the run's own instant counts.
        ("on a closed day", schedule("Asia/Kolkata", OFFICE), "2026-03-01 12:20", "2026-03-01", "2026-03-01 12:20"),
        # 23:00 on Monday to 2:00 on Tuesday, in New York (5 h behind UTC).
        (
            "overnight, before midnight",
            schedule("America/New_York", {"MO": "11:00 PM-2:00 AM"}),
            "2026-03-03 04:30",
            "2026-03-02",
            "2026-03-03 07:00",
        ),
        (
            "overnight, after midnight",
            schedule("America/New_York", {"MO": "11:00 PM-2:00 AM"}),
            "2026-03-03 06:50",
            "2026-03-02",
            "2026-03-03 07:00",
        ),
        (
            "a close at midnight",
            schedule("Asia/Kolkata", {"MO": "9:00 AM-12:00 AM"}),
            "2026-03-02 18:20",
            "2026-03-02",
            "2026-03-02 18:30",
        ),
        (
            "a contact zone to the west",
            schedule("America/New_York", OFFICE, "America/Los_Angeles"),
            "2026-03-02 22:50",
            "2026-03-02",
            "2026-03-03 02:00",
        ),
        (
            "a contact zone to the east",
            schedule("America/New_York", OFFICE, "Europe/London"),
            "2026-03-02 22:50",
            "2026-03-02",
            "2026-03-02 23:00",
        ),
        (
            "zones to the east and to the west",
            schedule("America/New_York", OFFICE, "Europe/London", "Pacific/Honolulu"),
            "2026-03-02 22:50",
            "2026-03-02",
            "2026-03-03 04:00",
        ),
        # On 2026-03-08 New York's clocks go from 2:00 to 3:00.
        (
            "the day on which clocks change",
            schedule("America/New_York", {"SU": "9:00 AM-6:00 PM"}),
            "2026-03-08 21:50",
            "2026-03-08",
            "2026-03-08 22:00",
        ),
        # Guam is 20 hours ahead of Honolulu: 9 PM there is 5 PM of the next day here, in the middle of its hours.
        (
            "a contact zone whose close is inside the next day's hours",
            schedule("Pacific/Guam", {"MO-FR": "8:00 AM-9:00 PM"}, "Pacific/Honolulu"),
            "2026-03-03 10:50",
            "2026-03-03",
            "2026-03-04 11:00",
        ),
        # Noon in Honolulu is 8 AM in Guam, when Guam's next hours begin.
        (
            "a contact zone whose close is the next day's opening",
            schedule("Pacific/Guam", {"MO-FR": "8:00 AM-12:00 PM"}, "Pacific/Honolulu"),
            "2026-03-03 01:50",
            "2026-03-03",
            "2026-03-04 02:00",
        ),
        # 4:30 PM in Honolulu is 12:30 PM in Guam, between its two stretches.
        (
            "a contact zone whose close is in the next day's break",
            Schedule(
                CallingHours.parse("Pacific/Guam", {"MO-FR": ["8:00 AM-12:00 PM", "1:00 PM-4:30 PM"]}),
                ("Pacific/Honolulu",),
            ),
            "2026-03-03 06:20",
            "2026-03-03",
            "2026-03-04 06:30",
        ),
        # Friday's 9 PM in Honolulu is Saturday in Guam, which is closed.
        (
            "a contact zone whose close is on a closed day",
            schedule("Pacific/Guam", {"MO-FR": "8:00 AM-9:00 PM"}, "Pacific/Honolulu"),
            "2026-03-06 10:50",
            "2026-03-06",
            "2026-03-07 07:00",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value and not value[0].isdigit() else "",
)
def test_closing_for(name: str, clocks: Schedule, run_at: str, day: str, at: str):
    """A run is for the close of its business day, in whichever zone that is latest."""
    closing = clocks.closing_for(utc(run_at))

    assert (closing.day, closing.at) == (date.fromisoformat(day), utc(at))


def test_closing_for__hours_that_never_close():
    """Hours around the clock have no close; the error says what to use."""
    around_the_clock = schedule("Asia/Kolkata", {"MO-SU": "12:00 AM-12:00 AM"})

    with pytest.raises(KoreConfigurationError, match=r'never close.*when="now"') as caught:
        around_the_clock.closing_for(utc("2026-03-02 12:20"))

    assert caught.value.field == "calling_hours"


@pytest.mark.parametrize(
    ("now", "at"),
    [
        ("2026-03-02 12:20", "2026-03-02 12:30"),
        ("2026-03-02 12:29:59.999999", "2026-03-02 12:30"),
        ("2026-03-02 12:30", "2026-03-02 12:30"),
        ("2026-03-02 20:00", "2026-03-02 12:30"),
        # Tuesday's hours begin at 3:30 and end at 12:30.
        ("2026-03-03 03:29:59", "2026-03-02 12:30"),
        ("2026-03-03 03:30", "2026-03-03 12:30"),
        ("2026-03-03 12:29", "2026-03-03 12:30"),
        ("2026-03-03 12:30", "2026-03-02 12:30"),
    ],
)
def test_closing_to_act_on__at_any_instant(now: str, at: str):
    """Wait before the close; stop after it; but inside a later day's hours, wait for that day's close."""
    clocks = schedule("Asia/Kolkata", OFFICE)

    assert clocks.closing_to_act_on(utc("2026-03-02 12:20"), utc(now)).at == utc(at)


def test_closing_to_act_on__is_the_same_for_every_try():
    """A retry after midnight is for the day of its run, not for the day of the clock."""
    clocks = schedule("Asia/Kolkata", OFFICE)

    tries = [
        clocks.closing_to_act_on(utc("2026-03-02 12:20"), utc(now)) for now in ("2026-03-02 13:00", "2026-03-02 19:00")
    ]

    assert {one.day for one in tries} == {date(2026, 3, 2)}


def test_closing_to_act_on__a_day_late():
    """More than 24 hours after the close nothing is decided any more, whether it is open then or not."""
    clocks = schedule("Asia/Kolkata", OFFICE)

    with pytest.raises(
        CampaignStateError, match=r'close of 2026-03-02 was at 2026-03-02T12:30:00.000Z.*when="now"'
    ) as caught:
        clocks.closing_to_act_on(utc("2026-03-02 12:20"), utc("2026-03-03 12:30:01"))
    with pytest.raises(CampaignStateError):
        clocks.closing_to_act_on(utc("2026-03-02 12:20"), utc("2026-03-03 18:30"))
    assert caught.value.retryable is False


def test_closing_to_act_on__contacts_further_west():
    """After the campaign's own close there are contacts in the west, so the stop waits for theirs."""
    clocks = schedule("America/New_York", OFFICE, "America/Los_Angeles")

    closing = clocks.closing_to_act_on(utc("2026-03-02 22:50"), utc("2026-03-03 00:30"))

    assert closing.at == utc("2026-03-03 02:00")


@pytest.mark.parametrize(
    "now", ["2026-03-03 11:30", "2026-03-04 06:59:59", "2026-03-04 07:00", "2026-03-04 07:00:01", "2026-03-04 10:59:59"]
)
def test_closing_to_act_on__contacts_whose_close_is_inside_the_next_days_hours(now: str):
    """Whenever a try comes, before and after the contacts' close, it waits for the same end of the campaign's hours."""
    clocks = schedule("Pacific/Guam", {"MO-FR": "8:00 AM-9:00 PM"}, "Pacific/Honolulu")

    assert clocks.closing_to_act_on(utc("2026-03-03 11:00"), utc(now)).at == utc("2026-03-04 11:00")


@pytest.mark.parametrize(
    ("now", "at"),
    [
        # Tuesday in Kolkata: 3:30 to 6:30, and 7:30 to 12:30.
        ("2026-03-03 03:29:59", "2026-03-02 12:30"),
        ("2026-03-03 06:29", "2026-03-03 12:30"),
        ("2026-03-03 06:30", "2026-03-03 12:30"),
        ("2026-03-03 07:00", "2026-03-03 12:30"),
        ("2026-03-03 07:30", "2026-03-03 12:30"),
    ],
)
def test_closing_to_act_on__in_a_break_of_a_later_day(now: str, at: str):
    """A late run that comes in a break between two stretches of a later day leaves that day its second one."""
    clocks = Schedule(CallingHours.parse("Asia/Kolkata", {"MO-FR": ["9:00 AM-12:00 PM", "1:00 PM-6:00 PM"]}))

    assert clocks.closing_to_act_on(utc("2026-03-02 12:20"), utc(now)).at == utc(at)


def test_closing_to_act_on__late_tries_agree():
    """A late run waits for the campaign's own close only, so that a later try of it does not stop before it."""
    clocks = schedule("America/New_York", OFFICE, "America/Los_Angeles")
    run_at = utc("2026-03-02 22:50")

    first = clocks.closing_to_act_on(run_at, utc("2026-03-03 15:00"))
    second = clocks.closing_to_act_on(run_at, utc("2026-03-03 23:30"))

    assert first.at == utc("2026-03-03 23:00")
    assert second.at < utc("2026-03-03 23:30")
