"""``CallingHoursTimetable``: which runs there are, in literal instants."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import islice
from typing import Any

import pytest
from timetable_support import SATURDAY, WEEK, following, instant, runs_between, told

from airflow_provider_campaigns.kore.errors import KoreConfigurationError
from airflow_provider_campaigns.timetables import CallingHoursTimetable


class TestInstants:
    """When runs are due, and what they are about."""

    def test_last_close__of_a_week(self):
        """Monday to Friday has five runs, each 10 minutes before 12:30 UTC, each about its day."""
        timetable = CallingHoursTimetable("Asia/Kolkata", WEEK)

        assert runs_between(timetable, "2026-11-16 00:00", "2026-11-23 00:00") == [
            ("2026-11-16 03:30", "2026-11-16 12:30", "2026-11-16 12:20"),
            ("2026-11-17 03:30", "2026-11-17 12:30", "2026-11-17 12:20"),
            ("2026-11-18 03:30", "2026-11-18 12:30", "2026-11-18 12:20"),
            ("2026-11-19 03:30", "2026-11-19 12:30", "2026-11-19 12:20"),
            ("2026-11-20 03:30", "2026-11-20 12:30", "2026-11-20 12:20"),
        ]

    @pytest.mark.parametrize(
        ("event", "expected"),
        [
            ("last_close", [("03:30", "10:30", "10:20")]),
            ("first_open", [("03:30", "10:30", "03:30")]),
            ("every_close", [("03:30", "06:30", "06:20"), ("07:30", "10:30", "10:20")]),
            ("every_open", [("03:30", "06:30", "03:30"), ("07:30", "10:30", "07:30")]),
        ],
    )
    def test_events__of_a_day_with_two_windows(self, event: str, expected: list[tuple[str, str, str]]):
        """``last`` and ``first`` are about the day, ``every`` about each stretch of it."""
        timetable = CallingHoursTimetable("Asia/Kolkata", SATURDAY, event)

        assert runs_between(timetable, "2026-11-21 00:00", "2026-11-22 00:00") == [
            tuple(f"2026-11-21 {time}" for time in times) for times in expected
        ]

    def test_last_close__overnight(self):
        """Friday's window closes on Saturday at 2 AM in Kolkata, and that is one run."""
        timetable = CallingHoursTimetable("Asia/Kolkata", {"FR": "9:00 PM-2:00 AM"})

        assert runs_between(timetable, "2026-11-16 00:00", "2026-11-23 00:00") == [
            ("2026-11-20 15:30", "2026-11-20 20:30", "2026-11-20 20:20")
        ]

    def test_last_close__at_midnight(self):
        """A close at midnight belongs to the day before; each day has one."""
        timetable = CallingHoursTimetable("Asia/Kolkata", {"MO-TU": "9:00 AM-12:00 AM"}, offset=0)

        assert runs_between(timetable, "2026-11-16 00:00", "2026-11-23 00:00") == [
            ("2026-11-16 03:30", "2026-11-16 18:30", "2026-11-16 18:30"),
            ("2026-11-17 03:30", "2026-11-17 18:30", "2026-11-17 18:30"),
        ]

    def test_last_close__of_a_stretch_over_days(self):
        """Days that touch at midnight are one stretch, which has one close."""
        hours = {"MO": "9:00 AM-12:00 AM", "TU": "12:00 AM-12:00 AM", "WE": "12:00 AM-6:00 PM"}

        assert runs_between(CallingHoursTimetable("Asia/Kolkata", hours), "2026-11-16 00:00", "2026-11-23 00:00") == [
            ("2026-11-16 03:30", "2026-11-18 12:30", "2026-11-18 12:20")
        ]

    @pytest.mark.parametrize(
        ("friday", "expected"),
        [
            (
                "2026-03-06 00:00",
                [
                    ("2026-03-06 14:00", "2026-03-06 23:00", "2026-03-06 22:50"),
                    ("2026-03-09 13:00", "2026-03-09 22:00", "2026-03-09 21:50"),
                ],
            ),
            (
                "2026-10-30 00:00",
                [
                    ("2026-10-30 13:00", "2026-10-30 22:00", "2026-10-30 21:50"),
                    ("2026-11-02 14:00", "2026-11-02 23:00", "2026-11-02 22:50"),
                ],
            ),
        ],
    )
    def test_last_close__across_a_change_of_clocks(self, friday: str, expected: list[tuple[str, str, str]]):
        """In New York it stays 6 PM on the wall, in spring and in autumn."""
        timetable = CallingHoursTimetable("America/New_York", WEEK)

        assert [told(info) for info in islice(following(timetable, friday), 2)] == expected

    def test_first_open__across_a_change_of_clocks(self):
        """In New York it stays 9 AM on the wall."""
        timetable = CallingHoursTimetable("America/New_York", WEEK, "first_open")

        assert [told(info) for info in islice(following(timetable, "2026-03-06 00:00"), 2)] == [
            ("2026-03-06 14:00", "2026-03-06 23:00", "2026-03-06 14:00"),
            ("2026-03-09 13:00", "2026-03-09 22:00", "2026-03-09 13:00"),
        ]

    @pytest.mark.parametrize(
        ("event", "expected"),
        [
            ("last_close", [("14:00", "15:15", "15:15")]),
            ("first_open", [("14:00", "15:15", "14:00")]),
            ("every_close", [("14:00", "14:45", "14:45"), ("15:00", "15:15", "15:15")]),
            ("every_open", [("14:00", "14:45", "14:00"), ("15:00", "15:15", "15:00")]),
        ],
    )
    def test_events__in_a_repeated_half_hour(self, event: str, expected: list[tuple[str, str, str]]):
        """On Lord Howe 1:45 AM comes twice on 5 April 2026: both are closes, and the later is the day's."""
        timetable = CallingHoursTimetable("Australia/Lord_Howe", {"SU": "1:00 AM-1:45 AM"}, event, 0)

        assert runs_between(timetable, "2026-04-04 00:00", "2026-04-05 00:00") == [
            tuple(f"2026-04-04 {time}" for time in times) for times in expected
        ]

    @pytest.mark.parametrize(
        ("window", "expected"),
        [
            ("1:00 AM-2:15 AM", [("2026-10-03 14:30", "2026-10-03 15:30", "2026-10-03 15:30")]),
            ("2:15 AM-3:00 AM", [("2026-10-03 15:30", "2026-10-03 16:00", "2026-10-03 16:00")]),
            ("2:05 AM-2:25 AM", []),
        ],
    )
    def test_last_close__in_a_skipped_half_hour(self, window: str, expected: list[tuple[str, str, str]]):
        """On Lord Howe 2:00 to 2:30 AM does not come on 4 October 2026: a window within it has no run that day."""
        timetable = CallingHoursTimetable("Australia/Lord_Howe", {"SU": window}, offset=0)

        assert runs_between(timetable, "2026-10-03 00:00", "2026-10-04 00:00") == expected

    def test_last_close__where_a_date_comes_twice(self):
        """In St. John's clocks went back from 12:01 AM to 11:01 PM: two days alternate, and each has one last close."""
        timetable = CallingHoursTimetable(
            "America/St_Johns", {"SA": "11:30 PM-11:45 PM", "SU": "12:00 AM-12:30 AM"}, offset=0
        )

        assert runs_between(timetable, "2010-11-07 00:00", "2010-11-08 00:00") == [
            ("2010-11-07 02:00", "2010-11-07 03:15", "2010-11-07 03:15"),
            ("2010-11-07 02:30", "2010-11-07 04:00", "2010-11-07 04:00"),
        ]

    def test_last_close__of_many_days_around_midnight(self):
        """Ten weeks of days that lie on two dates of UTC have one run each, the whole day in it."""
        timetable = CallingHoursTimetable("America/New_York", {"MO-SU": ["9:00 AM-12:00 PM", "8:00 PM-9:00 PM"]})
        days = [date(2026, 11, 2) + timedelta(days=number) for number in range(70)]

        assert [told(info) for info in islice(following(timetable, "2026-11-02 12:00"), 70)] == [
            (f"{day} 14:00", f"{day + timedelta(days=1)} 02:00", f"{day + timedelta(days=1)} 01:50") for day in days
        ]

    @pytest.mark.parametrize("event", ["last_close", "every_open"])
    def test_runs__backwards_are_those_forwards(self, event: str):
        """Looking back, each run comes once, the latest first, and is the one that looking ahead found."""
        timetable = CallingHoursTimetable(
            "America/New_York", {"MO-SU": ["9:00 AM-12:00 PM", "8:00 PM-9:00 PM"]}, event, timedelta(hours=-20)
        )
        forwards = list(islice(timetable._runs.starting_from(instant("2026-11-02 00:00")), 100))
        backwards = list(islice(timetable._runs.begun(forwards[-1].start), 100))

        assert forwards == sorted(set(forwards))
        assert backwards == forwards[::-1]

    def test_last_close__on_closed_days(self):
        """A closed day has no run, whether named by a date or by text."""
        timetable = CallingHoursTimetable("Asia/Kolkata", WEEK, closed_on=["2026-11-17", date(2026, 11, 18)])

        assert [told(info) for info in islice(following(timetable, "2026-11-16 00:00"), 2)] == [
            ("2026-11-16 03:30", "2026-11-16 12:30", "2026-11-16 12:20"),
            ("2026-11-19 03:30", "2026-11-19 12:30", "2026-11-19 12:20"),
        ]


class TestOffset:
    """From the event to the run."""

    @pytest.mark.parametrize(
        ("event", "offset", "expected"),
        [
            ("last_close", None, "2026-11-20 12:20"),
            ("every_close", None, "2026-11-20 12:20"),
            ("first_open", None, "2026-11-20 03:30"),
            ("every_open", None, "2026-11-20 03:30"),
            ("last_close", 0, "2026-11-20 12:30"),
            ("last_close", timedelta(hours=1), "2026-11-20 13:30"),
            ("first_open", 90.0, "2026-11-20 03:31"),
        ],
    )
    def test_run_after__by_event(self, event: str, offset: timedelta | float | None, expected: str):
        """Ten minutes before a close and exactly at an opening, unless told otherwise in seconds or as a timedelta."""
        info = next(following(CallingHoursTimetable("Asia/Kolkata", WEEK, event, offset), "2026-11-20 00:00"))

        assert f"{info.run_after:%Y-%m-%d %H:%M}" == expected

    @pytest.mark.parametrize(
        ("hours", "event", "expected"),
        [
            ({"FR": "9:00 AM-9:05 AM"}, "last_close", ("2026-11-20 03:25", "2026-11-20 03:35", "2026-11-20 03:25")),
            (WEEK, "first_open", ("2026-11-20 03:20", "2026-11-20 12:30", "2026-11-20 03:20")),
        ],
    )
    def test_run_after__before_the_opening(self, hours: dict[str, str], event: str, expected: tuple[str, str, str]):
        """The logical date is never later than the run is due: Airflow would hold the tasks back until then."""
        timetable = CallingHoursTimetable("Asia/Kolkata", hours, event, timedelta(minutes=-10))

        assert told(next(following(timetable, "2026-11-20 00:00"))) == expected

    @pytest.mark.parametrize(
        "offset", [timedelta(days=1), timedelta(-10), 86_400, -86_400.0, float("nan"), True, "10 min"]
    )
    def test_init__refuses_an_offset(self, offset: Any):
        """A day or more is a mistake, most likely ``timedelta(-10)``, which is ten days."""
        with pytest.raises(KoreConfigurationError, match=r"^offset: .* for example timedelta\(minutes=-10\)$"):
            CallingHoursTimetable("Asia/Kolkata", WEEK, offset=offset)
