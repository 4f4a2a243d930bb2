"""The close that a run is for, and what to do about it at any later instant."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import ClassVar

import pytest

from airflow_provider_campaigns.actions.closing import Closing, Schedule
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
        # Friday's night went on until 2 PM on Saturday, on which none begins.
        (
            "hours after a long night",
            schedule("Asia/Kolkata", {"FR": "6:00 PM-12:00 AM", "SA": "12:00 AM-2:00 PM"}),
            "2026-03-07 14:30",
            "2026-03-07",
            "2026-03-07 14:30",
        ),
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


class TestJustClosed:
    """A run that comes after midnight, just after the close that it is for."""

    EVENINGS: ClassVar = {"MO-SU": "6:00 PM-12:00 AM"}

    @pytest.mark.parametrize(
        ("hours", "run_at", "at"),
        [
            # Kolkata's midnight is 18:30. 2026-03-02 is a Monday.
            (EVENINGS, "2026-03-02 18:30", "2026-03-02 18:30"),
            (EVENINGS, "2026-03-02 18:35", "2026-03-02 18:30"),
            (EVENINGS, "2026-03-02 19:30", "2026-03-02 18:30"),
            (EVENINGS, "2026-03-02 19:30:00.000001", "2026-03-03 18:30"),
            ({"MO-SU": "6:00 PM-2:00 AM"}, "2026-03-02 20:35", "2026-03-02 20:30"),
            # Closed from midnight to 12:40 AM: nearer to the close, in the middle, nearer to the opening.
            ({"MO-SU": "12:40 AM-12:00 AM"}, "2026-03-02 18:49", "2026-03-02 18:30"),
            ({"MO-SU": "12:40 AM-12:00 AM"}, "2026-03-02 18:50", "2026-03-03 18:30"),
            ({"MO-SU": "12:40 AM-12:00 AM"}, "2026-03-02 19:05", "2026-03-03 18:30"),
            # Open again for twenty minutes.
            ({"MO-SU": "12:10 AM-12:00 AM"}, "2026-03-02 19:00", "2026-03-03 18:30"),
            # As ever: five minutes after a close before midnight, at midnight, and long before any.
            (OFFICE, "2026-03-02 12:35", "2026-03-02 12:30"),
            (OFFICE, "2026-03-02 18:30", "2026-03-03 12:30"),
            (OFFICE, "2026-03-07 14:30", "2026-03-07 14:30"),
            (OFFICE, "2026-03-08 12:20", "2026-03-08 12:20"),
        ],
    )
    def test_closing_for__the_close_that_was_just_now(self, hours: dict[str, str], run_at: str, at: str):
        """For an hour at most, and only while the next opening is further away, a run is for the close before it."""
        assert schedule("Asia/Kolkata", hours).closing_for(utc(run_at)).at == utc(at)

    def test_closing_for__the_close_that_was_just_now_and_contacts_further_west(self):
        """Their close of that same evening counts: midnight in Los Angeles, not in New York."""
        clocks = schedule("America/New_York", {"MO-SU": "6:00 PM-12:00 AM"}, "America/Los_Angeles")

        assert clocks.closing_for(utc("2026-03-03 05:05")) == Closing(date(2026, 3, 2), utc("2026-03-03 08:00"))


def until(last_day: str, timezone: str, hours: dict[str, str], *contact_timezones: str) -> Schedule:
    """The clocks of a campaign that has a last day."""
    return Schedule(CallingHours.parse(timezone, hours), contact_timezones, date.fromisoformat(last_day))


class TestLastDay:
    """The evening on which a campaign with a last day is stopped."""

    AROUND_THE_CLOCK: ClassVar = {"MO-FR": "12:00 AM-12:00 AM"}

    @pytest.mark.parametrize(
        ("last_day", "hours", "early", "last"),
        [
            # Saturday is closed: Friday's evening is the last one.
            ("2026-03-07", OFFICE, "2026-03-05 12:30", "2026-03-06 12:30"),
            ("2026-03-08", {"MO-SA": "9:00 AM-6:00 PM"}, "2026-03-06 12:30", "2026-03-07 12:30"),
            ("2026-03-06", OFFICE, "2026-03-05 12:30", "2026-03-06 12:30"),
            # Friday evening goes on until 2 AM on Saturday, on which nothing begins.
            (
                "2026-03-07",
                {"FR": "6:00 PM-12:00 AM", "SA": "12:00 AM-2:00 AM"},
                "2026-02-27 20:30",
                "2026-03-06 20:30",
            ),
            # It begins on Saturday and ends on Sunday evening.
            (
                "2026-03-08",
                {"SA": "9:00 AM-12:00 AM", "SU": "12:00 AM-6:00 PM"},
                "2026-03-01 12:30",
                "2026-03-08 12:30",
            ),
            # Saturday's evening at midnight ends Saturday.
            ("2026-03-07", {"MO-SA": "6:00 PM-12:00 AM"}, "2026-03-06 18:35", "2026-03-07 18:30"),
        ],
    )
    def test_is_early__until_the_last_evening(self, last_day: str, hours: dict[str, str], early: str, last: str):
        """Nothing is done while hours begin once more by the last day; at the end of the last of them it is stopped."""
        clocks = until(last_day, "Asia/Kolkata", hours)

        assert clocks.is_early(utc(early))
        assert not clocks.is_early(utc(last))
        assert clocks.closing_for(utc(last)).at == utc(last)

    @pytest.mark.parametrize("run_at", ["2026-03-02 12:20", "2026-03-03 18:40", "2026-03-04 18:20"])
    def test_closing_for__hours_that_go_on_after_the_last_day(self, run_at: str):
        """Open from Monday to Friday around the clock, and Wednesday is the last day: at the midnight that ends it."""
        clocks = until("2026-03-04", "Asia/Kolkata", self.AROUND_THE_CLOCK)

        assert not clocks.is_early(utc(run_at))
        assert clocks.closing_for(utc(run_at)) == Closing(date(2026, 3, 2), utc("2026-03-04 18:30"))
        assert clocks.is_early(utc("2026-02-28 12:20"))

    @pytest.mark.parametrize(
        ("ends", "at"),
        [
            ("12:00 PM", "2026-03-05 06:30"),
            ("12:01 PM", "2026-03-04 18:30"),
        ],
    )
    def test_closing_for__hours_that_go_on_until_noon(self, ends: str, at: str):
        """Hours that end by noon of the next date are a night, and are left to end."""
        clocks = until("2026-03-04", "Asia/Kolkata", {"WE": "6:00 PM-12:00 AM", "TH": f"12:00 AM-{ends}"})

        assert clocks.closing_for(utc("2026-03-04 18:20")).at == utc(at)

    def test_closing_for__the_midnight_of_contacts_further_west(self):
        """Each clock has a midnight of its own that ends the day: Los Angeles' is 8:00 UTC, New York's 5:00."""
        clocks = until("2026-03-04", "America/New_York", self.AROUND_THE_CLOCK, "America/Los_Angeles")

        assert clocks.closing_for(utc("2026-03-04 22:50")).at == utc("2026-03-05 08:00")

    @pytest.mark.parametrize(
        "now", ["2026-03-04 18:30", "2026-03-04 18:31", "2026-03-06 18:20", "2026-03-06 18:30", "2026-03-07 18:30"]
    )
    def test_closing_to_act_on__after_the_midnight(self, now: str):
        """A try that comes later stops at once, also in the hours that go on; a day after their end, none does."""
        clocks = until("2026-03-04", "Asia/Kolkata", self.AROUND_THE_CLOCK)

        # As the timetable makes it for Friday's close, and as a task knows it that has waited for the midnight.
        for chosen in (None, Closing(date(2026, 3, 2), utc("2026-03-04 18:30"))):
            closing = clocks.closing_to_act_on(utc("2026-03-06 18:30"), utc(now), chosen=chosen)
            assert closing.at == utc("2026-03-04 18:30")
        with pytest.raises(CampaignStateError, match="more than 24 hours ago"):
            clocks.closing_to_act_on(utc("2026-03-06 18:30"), utc("2026-03-07 18:31"))

    @pytest.mark.parametrize(
        ("name", "clocks", "run_at", "day", "at"),
        [
            # Monday 2026-03-02 is the last day. In Auckland it is 1:30 AM on Tuesday when India closes.
            (
                "the evening of another campaign",
                until("2026-03-02", "Pacific/Auckland", OFFICE),
                "2026-03-02 12:30",
                "2026-03-02",
                "2026-03-02 12:30",
            ),
            (
                "by hand on the next morning",
                until("2026-03-02", "Asia/Kolkata", OFFICE),
                "2026-03-03 01:30",
                "2026-03-02",
                "2026-03-03 01:30",
            ),
            (
                "by hand a week later, in the morning",
                until("2026-03-02", "Asia/Kolkata", OFFICE),
                "2026-03-12 01:30",
                "2026-03-11",
                "2026-03-12 01:30",
            ),
            # Honolulu, where it is Monday still, closes at 4:00 UTC.
            (
                "contacts further west have their last evening",
                until("2026-03-02", "Pacific/Auckland", OFFICE, "Pacific/Honolulu"),
                "2026-03-02 12:30",
                "2026-03-02",
                "2026-03-03 05:00",
            ),
            (
                "contacts further east have begun another day",
                until("2026-03-02", "Asia/Kolkata", OFFICE, "Pacific/Auckland"),
                "2026-03-03 00:00",
                "2026-03-02",
                "2026-03-03 00:00",
            ),
            # New York's Saturday has begun, and Los Angeles is open until 1 AM there.
            (
                "a closed last day that has begun, and an evening that goes on elsewhere",
                until("2026-03-07", "America/New_York", {"MO-FR": "9:00 AM-10:00 PM"}, "America/Los_Angeles"),
                "2026-03-07 05:30",
                "2026-03-06",
                "2026-03-07 06:00",
            ),
            (
                "in the middle of a later day's hours",
                until("2026-03-02", "Asia/Kolkata", OFFICE),
                "2026-03-03 06:30",
                "2026-03-03",
                "2026-03-03 12:30",
            ),
            (
                "after a later day's hours",
                until("2026-03-02", "Asia/Kolkata", OFFICE),
                "2026-03-03 14:30",
                "2026-03-03",
                "2026-03-03 12:30",
            ),
            (
                "before the hours of the last day",
                until("2026-03-02", "Asia/Kolkata", OFFICE),
                "2026-03-02 01:30",
                "2026-03-02",
                "2026-03-02 12:30",
            ),
            (
                "after hours around the clock that were to end on Wednesday",
                until("2026-03-04", "Asia/Kolkata", AROUND_THE_CLOCK),
                "2026-03-07 06:30",
                "2026-03-02",
                "2026-03-07 06:30",
            ),
        ],
        ids=lambda value: value if isinstance(value, str) and not value[0].isdigit() else "",
    )
    def test_closing_for__once_the_last_day_is_over(self, name: str, clocks: Schedule, run_at: str, day: str, at: str):
        """Closed everywhere, it is stopped at once, and never in the middle of its own hours."""
        assert not clocks.is_early(utc(run_at))
        assert clocks.closing_for(utc(run_at)) == Closing(date.fromisoformat(day), utc(at))

    def test_is_early__before_any_hours_have_begun(self):
        """Hours that will never begin again, and never have, leave the run's own instant."""
        closed = [date(2016, 1, 1) + timedelta(days=number) for number in range(8000)]
        clocks = Schedule(CallingHours.parse("UTC", OFFICE, closed_on=closed), (), date(2026, 3, 2))

        assert not clocks.is_early(utc("2026-03-02 12:00"))
        assert clocks.closing_for(utc("2026-03-02 12:00")).at == utc("2026-03-02 12:00")


class TestAroundTheClock:
    """Hours that close on a calendar's days only."""

    @staticmethod
    def clocks(*closed_on: str, contacts: tuple[str, ...] = (), last_day: str | None = None) -> Schedule:
        days = {date.fromisoformat(day) for day in closed_on}
        hours = CallingHours.parse("America/New_York", {"MO-SU": "12:00 AM-12:00 AM"}, closed_on=days)
        return Schedule(hours, contacts, last_day and date.fromisoformat(last_day))

    @pytest.mark.parametrize("closed_on", [["2026-12-25"], ["2025-12-25", "2026-12-25"]])
    def test_closing_for__the_edge_of_a_closed_day(self, closed_on: list[str]):
        """The evening before a closed day ends at its midnight, wherever contacts are; on that day all is closed."""
        own = self.clocks(*closed_on)
        west = self.clocks(*closed_on, contacts=("America/Los_Angeles", "Europe/London"))

        assert own.closing_for(utc("2026-12-24 22:50")).at == utc("2026-12-25 05:00")
        assert own.closing_for(utc("2026-12-20 22:50")).at == utc("2026-12-25 05:00")
        assert west.closing_for(utc("2026-12-24 22:50")).at == utc("2026-12-25 08:00")
        assert own.closing_to_act_on(utc("2026-12-24 22:50"), utc("2026-12-25 05:01")).at == utc("2026-12-25 05:00")
        assert own.closing_for(utc("2026-12-25 15:00")).at == utc("2026-12-25 15:00")

    @pytest.mark.parametrize("closed_on", [["2026-12-25"], ["2025-12-25", "2026-12-25"]])
    def test_closing_for__months_before_a_closed_day(self, closed_on: list[str]):
        """There is no close that a run could be for, and the error says when there will be one."""
        with pytest.raises(
            KoreConfigurationError, match=r'do not close before 2026-12-25T05:00:00.000Z.*when="now"'
        ) as caught:
            self.clocks(*closed_on).closing_for(utc("2026-03-02 12:20"))

        assert caught.value.field == "calling_hours"

    def test_closing_to_act_on__after_the_last_closed_day(self):
        """A late try that finds it open for good does not stop it inside its hours."""
        clocks = self.clocks("2026-12-25", contacts=("America/Los_Angeles",))

        with pytest.raises(KoreConfigurationError, match="never close"):
            clocks.closing_to_act_on(utc("2026-12-24 22:50"), utc("2026-12-26 05:01"))

    def test_is_early__between_closed_days(self):
        """The hours that begin after a closed day are another evening; before that day there is none."""
        clocks = self.clocks("2026-12-25", last_day="2026-12-31")

        assert clocks.is_early(utc("2026-12-24 22:50"))
        assert clocks.is_early(utc("2026-03-02 12:20"))
        assert not self.clocks("2026-12-25", last_day="2026-12-24").is_early(utc("2026-12-24 22:50"))
        with pytest.raises(KoreConfigurationError, match="do not close before"):
            self.clocks("2026-12-25", last_day="2026-03-04").is_early(utc("2026-03-02 12:20"))
