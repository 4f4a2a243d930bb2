"""``CallingHours`` with closed days, and around the clock: edges that are far away or missing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pendulum
import pytest

from airflow_provider_campaigns.calling_hours import HORIZON, CallingHours, Stretch
from airflow_provider_campaigns.kore.errors import KoreConfigurationError

TICK = timedelta(microseconds=1)
AROUND_THE_CLOCK = {"MO-SU": "12:00 AM-12:00 AM"}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def stretch(opens: str, closes: str) -> Stretch:
    return Stretch(utc(opens), utc(closes))


class TestAroundTheClock:
    """Hours that never close."""

    @pytest.mark.parametrize(
        ("hours", "never_closes"),
        [
            (AROUND_THE_CLOCK, True),
            ({"MO-SU": "9:00 AM-8:59 AM"}, False),
            ({"MO-SU": ["9:00 AM-8:59 AM", "8:00 AM-10:00 AM"]}, True),
            ({"MO-SA": "12:00 AM-12:00 AM"}, False),
            ({"TU-SU": "12:00 AM-12:00 AM"}, False),
            ({"MO-SU": "12:00 AM-11:59 PM"}, False),
            ({"MO": "2:00 AM-12:00 AM", "TU-SA": "12:00 AM-12:00 AM", "SU": ["12:00 AM-12:00 AM"]}, False),
            (
                {"MO": "2:00 AM-12:00 AM", "TU-SA": "12:00 AM-12:00 AM", "SU": ["12:00 AM-9:00 PM", "9:00 PM-2:00 AM"]},
                True,
            ),
        ],
    )
    def test_never_closes(self, hours: dict[str, str], never_closes: bool) -> None:
        """True only if every minute of the week is in a window, overnight ones of Sunday included."""
        assert CallingHours.parse("UTC", hours).never_closes is never_closes

    def test_never_closes__not_with_closed_days(self) -> None:
        """A closed day closes hours around the clock; a calendar may hold one."""
        assert not CallingHours.parse("UTC", AROUND_THE_CLOCK, closed_on=[date(2025, 12, 25)]).never_closes
        assert not CallingHours.parse("UTC", AROUND_THE_CLOCK, closed_on=LazyHolidays()).never_closes

    def test_next_close__of_hours_that_never_close(self) -> None:
        """There is no edge in either direction, only an open stretch without ends."""
        hours = CallingHours.parse("America/New_York", AROUND_THE_CLOCK)
        at = utc("2025-11-02T06:00")

        assert hours.is_open(at)
        assert [hours.next_open(at), hours.next_close(at), hours.previous_open(at), hours.previous_close(at)] == [
            None,
            None,
            None,
            None,
        ]
        assert hours.stretch_at(at) == Stretch(None, None)
        assert hours.windows(at, at + TICK) == [Stretch(None, None)]
        assert hours.stretches_of_day(date(2025, 11, 2)) == []
        assert hours.last_close_of_day(date(2025, 11, 2)) is None


class LazyHolidays(dict[date, str]):
    """Works out a year only when asked about it, and is empty until then, like a calendar of ``holidays``."""

    def __contains__(self, key: object) -> bool:
        assert type(key) is date
        self.setdefault(date(key.year, 12, 25), "Christmas Day")
        return super().__contains__(key)


class AlwaysClosed:
    def __contains__(self, day: object) -> bool:
        return True


class TestClosedOn:
    """Holidays."""

    CHRISTMAS = date(2025, 12, 25)  # a Thursday

    @pytest.mark.parametrize(
        "closed_on",
        [
            {CHRISTMAS},
            [CHRISTMAS],
            (CHRISTMAS,),
            frozenset({CHRISTMAS}),
            {CHRISTMAS: "Christmas Day"},
            {CHRISTMAS: ""}.keys(),
            [pendulum.date(2025, 12, 25)],
            LazyHolidays(),
        ],
        ids=["set", "list", "tuple", "frozenset", "dict", "keys", "pendulum", "lazy"],
    )
    def test_next_open__skips_closed_days(self, closed_on: object) -> None:
        """Any container of dates closes its days and no others."""
        hours = CallingHours.parse("Asia/Kolkata", {"MO-FR": "9:00 AM-6:00 PM"}, closed_on=closed_on)

        assert hours.next_open(utc("2025-12-24T12:30")) == utc("2025-12-26T03:30")
        assert hours.stretches_of_day(self.CHRISTMAS) == []
        assert not hours.is_open(utc("2025-12-25T06:00"))

    def test_is_open__closed_day_keeps_the_night_before(self) -> None:
        """The window of the eve runs into the closed day; the closed day's own window does not take place."""
        hours = CallingHours.parse("UTC", {"MO-SU": "9:00 PM-2:00 AM"}, closed_on={self.CHRISTMAS})

        assert hours.windows(utc("2025-12-24T12:00"), utc("2025-12-27T12:00")) == [
            stretch("2025-12-24T21:00", "2025-12-25T02:00"),
            stretch("2025-12-26T21:00", "2025-12-27T02:00"),
        ]

    def test_next_close__around_the_clock_but_for_a_closed_day(self) -> None:
        """Hours around the clock close at the midnight before a closed day, however far away."""
        hours = CallingHours.parse("Asia/Kolkata", AROUND_THE_CLOCK, closed_on={self.CHRISTMAS})

        assert hours.next_close(utc("2018-01-01T00:00")) == utc("2025-12-24T18:30")
        assert hours.next_open(utc("2018-01-01T00:00")) == utc("2025-12-25T18:30")
        assert hours.stretch_at(utc("2026-01-01T00:00")) == Stretch(utc("2025-12-25T18:30"), None)
        assert hours.last_close_of_day(date(2025, 12, 26)) is None

    def test_next_close__beyond_the_horizon(self) -> None:
        """A search ends after about ten years."""
        hours = CallingHours.parse("UTC", AROUND_THE_CLOCK, closed_on={self.CHRISTMAS})

        assert timedelta(days=3660) == HORIZON
        assert hours.next_close(utc("2015-12-25T00:00")) == utc("2025-12-25T00:00")
        assert hours.next_close(utc("2015-01-01T00:00")) is None
        assert hours.previous_close(utc("2036-12-25T00:00")) is None

    def test_next_open__of_a_calendar_that_closes_every_day(self) -> None:
        """Hours that never open say None rather than search for ever."""
        hours = CallingHours.parse("UTC", {"MO-FR": "9:00 AM-6:00 PM"}, closed_on=AlwaysClosed())
        at = utc("2025-12-05T12:00")

        assert hours.next_open(at) is None
        assert hours.previous_open(at) is None
        assert hours.business_day(at) == date(2025, 12, 5)

    def test_closed_on__is_copied_from_plain_collections(self) -> None:
        """A set that changes later does not change the hours."""
        closed = {self.CHRISTMAS}
        hours = CallingHours.parse("UTC", {"TH": "9:00 AM-6:00 PM"}, closed_on=closed)
        closed.clear()

        assert hours.closed_on == {self.CHRISTMAS}
        assert hours.stretches_of_day(self.CHRISTMAS) == []

    def test_in_zone__keeps_closed_days(self) -> None:
        """The same dates are closed in the other zone, by its own calendar."""
        hours = CallingHours.parse("UTC", {"MO-SU": "9:00 AM-6:00 PM"}, closed_on={self.CHRISTMAS})

        moved = hours.in_zone("Pacific/Auckland")

        assert moved.next_open(utc("2025-12-24T06:00")) == utc("2025-12-25T20:00")

    def test_hash__with_any_calendar(self) -> None:
        """Hours are hashable also with a calendar that is not."""
        calendar = LazyHolidays()
        hours = CallingHours.parse("UTC", {"MO": "9:00 AM-6:00 PM"}, closed_on=calendar)

        assert {hours: 1}[CallingHours.parse("UTC", {"MO": "9:00 AM-6:00 PM"}, closed_on=calendar)] == 1

    @pytest.mark.parametrize(
        "closed_on",
        ["2025-12-25", 3, None, ["2025-12-25"], [datetime(2025, 12, 25, tzinfo=UTC)], {"2025-12-25": ""}],
    )
    def test_closed_on__refuses_what_no_date_can_equal(self, closed_on: object) -> None:
        """A text or a datetime in the calendar would silently leave the day open."""
        with pytest.raises(KoreConfigurationError, match=r"^closed_on: .*datetime\.date\(2025, 12, 25\)") as caught:
            CallingHours.parse("UTC", {"MO": "9:00 AM-6:00 PM"}, closed_on=closed_on)
        assert caught.value.field == "closed_on"
