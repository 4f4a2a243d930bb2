"""``CallingHours``: when it is open, when that changes, and which day it belongs to. Expected instants are literals."""

from __future__ import annotations

import copy
import doctest
import pickle
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pendulum
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_campaigns.calling_hours import CallingHours, Stretch
from airflow_provider_campaigns.kore.errors import KoreConfigurationError

ROOT = Path(__file__).parent.parent
TICK = timedelta(microseconds=1)
WEEKDAYS_IN_INDIA = CallingHours.parse("Asia/Kolkata", {"MO-FR": "9:00 AM-6:00 PM"})
AROUND_THE_CLOCK = {"MO-SU": "12:00 AM-12:00 AM"}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def stretch(opens: str, closes: str) -> Stretch:
    return Stretch(utc(opens), utc(closes))


class TestFactSheet:
    """The usual hours of the service's samples: Monday to Friday, 9 to 6, in India."""

    @pytest.mark.parametrize(
        ("at", "is_open", "next_open", "next_close"),
        [
            ("2025-12-05T03:29:59", False, "2025-12-05T03:30", "2025-12-05T12:30"),
            ("2025-12-05T03:30:00", True, "2025-12-08T03:30", "2025-12-05T12:30"),
            ("2025-12-05T12:29:59", True, "2025-12-08T03:30", "2025-12-05T12:30"),
            ("2025-12-05T12:30:00", False, "2025-12-08T03:30", "2025-12-08T12:30"),
            ("2025-12-06T06:00:00", False, "2025-12-08T03:30", "2025-12-08T12:30"),
        ],
    )
    def test_weekdays_in_india(self, at: str, is_open: bool, next_open: str, next_close: str) -> None:
        """The start is open, the end is closed, the weekend is closed."""
        assert WEEKDAYS_IN_INDIA.is_open(utc(at)) is is_open
        assert WEEKDAYS_IN_INDIA.next_open(utc(at)) == utc(next_open)
        assert WEEKDAYS_IN_INDIA.next_close(utc(at)) == utc(next_close)


class TestWindows:
    """How windows make stretches."""

    def test_stretches_of_day__touching_windows_are_one(self) -> None:
        """A window that starts where another ends does not close in between."""
        hours = CallingHours.parse("UTC", {"MO": ["9:00 AM-12:00 PM", "12:00 PM-6:00 PM"]})

        assert hours.stretches_of_day(date(2025, 12, 1)) == [stretch("2025-12-01T09:00", "2025-12-01T18:00")]

    def test_stretches_of_day__overlapping_windows_are_one(self) -> None:
        """Windows are a union, whatever their order."""
        hours = CallingHours.parse("UTC", {"MO": ["11:00 AM-6:00 PM", "9:00 AM-12:00 PM", "10:00 AM-10:30 AM"]})

        assert hours.stretches_of_day(date(2025, 12, 1)) == [stretch("2025-12-01T09:00", "2025-12-01T18:00")]

    def test_stretches_of_day__touching_over_midnight_belong_to_the_first_day(self) -> None:
        """Two whole days are one stretch, which begins on the first; none begins on the second."""
        hours = CallingHours.parse("UTC", {"MO-TU": "12:00 AM-12:00 AM"})

        assert hours.stretches_of_day(date(2025, 12, 1)) == [stretch("2025-12-01T00:00", "2025-12-03T00:00")]
        assert hours.stretches_of_day(date(2025, 12, 2)) == []
        assert hours.last_close_of_day(date(2025, 12, 2)) is None

    def test_last_close_of_day__midnight(self) -> None:
        """12:00 AM as an end is the midnight that ends the day."""
        hours = CallingHours.parse("Asia/Kolkata", {"MO": "6:00 PM-12:00 AM"})

        assert hours.last_close_of_day(date(2025, 12, 1)) == utc("2025-12-01T18:30")

    def test_last_close_of_day__one_minute_before_midnight(self) -> None:
        """11:59 PM as an end is taken at its word."""
        hours = CallingHours.parse("UTC", {"MO-SU": "12:00 AM-11:59 PM"})

        assert hours.last_close_of_day(date(2025, 12, 1)) == utc("2025-12-01T23:59")

    def test_last_close_of_day__overnight_belongs_to_the_day_it_starts_on(self) -> None:
        """An end before the start is on the next day, and closes the day before."""
        hours = CallingHours.parse("UTC", {"MO": "9:00 PM-2:00 AM"})

        assert hours.last_close_of_day(date(2025, 12, 1)) == utc("2025-12-02T02:00")
        assert hours.last_close_of_day(date(2025, 12, 2)) is None
        assert hours.is_open(utc("2025-12-02T01:59"))
        assert not hours.is_open(utc("2025-12-01T01:59"))

    def test_last_close_of_day__sunday_night_runs_into_monday(self) -> None:
        """The week is a circle."""
        hours = CallingHours.parse("UTC", {"SU": "9:00 PM-2:00 AM", "MO": "1:00 AM-3:00 AM"})

        assert hours.last_close_of_day(date(2025, 11, 30)) == utc("2025-12-01T03:00")

    def test_last_close_of_day__a_night_that_holds_a_window_of_the_next_day(self) -> None:
        """A window that lies within the night before does not shorten it."""
        hours = CallingHours.parse("UTC", {"MO": "9:00 PM-8:00 AM", "TU": "1:00 AM-2:00 AM"})

        assert hours.last_close_of_day(date(2025, 12, 1)) == utc("2025-12-02T08:00")
        assert hours.last_close_of_day(date(2025, 12, 2)) is None

    @pytest.mark.parametrize(
        ("zone", "opens", "closes"),
        [
            ("Pacific/Kiritimati", "2025-11-30T10:30", "2025-12-01T09:30"),
            ("Pacific/Pago_Pago", "2025-12-01T11:30", "2025-12-02T10:30"),
        ],
    )
    def test_last_close_of_day__at_both_ends_of_the_date_line(self, zone: str, opens: str, closes: str) -> None:
        """A local date begins up to 14 hours before and ends up to 12 hours after that of UTC."""
        hours = CallingHours.parse(zone, {"MO": ["12:30 AM-1:00 AM", "11:00 PM-11:30 PM"]})

        assert hours.first_open_of_day(date(2025, 12, 1)) == utc(opens)
        assert hours.last_close_of_day(date(2025, 12, 1)) == utc(closes)

    @pytest.mark.parametrize(
        ("zone", "opens", "closes"),
        [
            ("UTC", "2025-12-17T21:00", "2025-12-18T08:00"),
            ("Asia/Kolkata", "2025-12-17T15:30", "2025-12-18T02:30"),
            ("America/Phoenix", "2025-12-18T04:00", "2025-12-18T15:00"),
        ],
    )
    def test_stretch_at__over_the_border_of_a_chunk(self, zone: str, opens: str, closes: str) -> None:
        """Answers are kept in chunks, one from 18 December 2025 UTC on; a night over its border is whole."""
        night = CallingHours.parse(zone, {"WE": "9:00 PM-8:00 AM"})

        assert night.stretch_at(utc(opens)) == stretch(opens, closes)
        assert night.stretch_at(utc(closes) - TICK) == stretch(opens, closes)
        assert night.next_open(utc(opens)) == utc(opens) + timedelta(days=7)

    def test_next_open__at_the_border_of_a_chunk(self) -> None:
        """An opening and a close right at such a border are edges."""
        morning = CallingHours.parse("UTC", {"TH": "12:00 AM-9:00 AM"})
        evening = CallingHours.parse("UTC", {"WE": "9:00 PM-12:00 AM"})

        assert morning.next_open(utc("2025-12-17T23:59:59")) == utc("2025-12-18T00:00")
        assert morning.previous_open(utc("2025-12-18T08:00")) == utc("2025-12-18T00:00")
        assert evening.next_close(utc("2025-12-17T22:00")) == utc("2025-12-18T00:00")
        assert evening.previous_close(utc("2025-12-18T08:00")) == utc("2025-12-18T00:00")

    def test_first_open_of_day__several_windows(self) -> None:
        """The first opening and the last close frame a day with a pause."""
        hours = CallingHours.parse("UTC", {"SA": ["1:00 PM-4:00 PM", "9:00 AM-12:00 PM"]})

        assert hours.first_open_of_day(date(2025, 12, 6)) == utc("2025-12-06T09:00")
        assert hours.last_close_of_day(date(2025, 12, 6)) == utc("2025-12-06T16:00")

    def test_first_open_of_day__a_day_that_is_not_named_is_closed(self) -> None:
        """Saturday has no opening in hours for Monday to Friday."""
        assert WEEKDAYS_IN_INDIA.first_open_of_day(date(2025, 12, 6)) is None
        assert WEEKDAYS_IN_INDIA.last_close_of_day(date(2025, 12, 6)) is None

    def test_stretches_of_day__a_date_that_the_zone_left_out(self) -> None:
        """Samoa had no 30 December 2011, so nothing begins on it, though the day before and after do."""
        hours = CallingHours.parse("Pacific/Apia", {"MO-SU": "9:00 AM-6:00 PM"})

        assert hours.stretches_of_day(date(2011, 12, 29)) == [stretch("2011-12-29T19:00", "2011-12-30T04:00")]
        assert hours.stretches_of_day(date(2011, 12, 30)) == []
        assert hours.stretches_of_day(date(2011, 12, 31)) == [stretch("2011-12-30T19:00", "2011-12-31T04:00")]

    @pytest.mark.parametrize(
        ("start", "end", "count"),
        [
            ("2025-12-01T00:00", "2025-12-08T00:00", 5),
            ("2025-12-01T12:29:59", "2025-12-02T03:30:01", 2),  # the last second of one, the first of another
            ("2025-12-01T12:30:00", "2025-12-02T03:30:00", 0),  # neither a close nor an opening is inside
            ("2025-12-01T12:29:59.5", "2025-12-02T03:30:00.5", 2),
            ("2025-12-01T03:30", "2025-12-01T04:00", 1),  # from an opening on
            ("2025-12-01T05:00", "2025-12-01T05:00", 0),
            ("2025-12-01T05:00:00.5", "2025-12-01T05:00:00.5", 0),
            ("2025-12-01T05:00:00.5", "2025-12-01T05:00:00.6", 1),
            ("2025-12-06T00:00", "2025-12-07T00:00", 0),
        ],
    )
    def test_windows__overlap_the_range(self, start: str, end: str, count: int) -> None:
        """A stretch that shares an instant with the range is in the answer."""
        assert len(WEEKDAYS_IN_INDIA.windows(utc(start), utc(end))) == count

    def test_windows__are_not_clipped(self) -> None:
        """A stretch that the range only touches is given whole, so its edges are real ones."""
        found = WEEKDAYS_IN_INDIA.windows(utc("2025-12-01T05:00"), utc("2025-12-01T06:00"))

        assert found == [stretch("2025-12-01T03:30", "2025-12-01T12:30")]

    def test_windows__end_before_start(self) -> None:
        """A range the wrong way round is a mistake, not an empty answer."""
        with pytest.raises(KoreConfigurationError, match=r"end: .* is before start") as caught:
            WEEKDAYS_IN_INDIA.windows(utc("2025-12-02T00:00"), utc("2025-12-01T23:59:59.9"))
        assert caught.value.field == "end"

    def test_windows__compares_instants_not_wall_clocks(self) -> None:
        """Within the repeated hour the later instant may show the earlier time, and is the end all the same."""
        zone = ZoneInfo("America/New_York")
        hours = CallingHours.parse("America/New_York", {"SU": "1:10 AM-1:50 AM"})
        start = datetime(2025, 11, 2, 1, 55, tzinfo=zone)
        end = datetime(2025, 11, 2, 1, 20, tzinfo=zone, fold=1)

        assert hours.windows(start, end) == [stretch("2025-11-02T06:10", "2025-11-02T06:50")]


class TestBusinessDay:
    """The date that an instant belongs to."""

    OVERNIGHT = CallingHours.parse("Asia/Kolkata", {"FR": ["9:00 AM-12:00 PM", "9:00 PM-2:00 AM"]})

    @pytest.mark.parametrize(
        ("at", "day"),
        [
            ("2025-12-05T00:00", date(2025, 12, 5)),  # Friday 5:30 AM, closed: its own date
            ("2025-12-05T06:30", date(2025, 12, 5)),  # Friday noon: ends the morning
            ("2025-12-05T15:30", date(2025, 12, 5)),  # Friday 9 PM
            ("2025-12-05T19:00", date(2025, 12, 5)),  # Saturday 0:30 AM, still Friday's
            ("2025-12-05T20:30", date(2025, 12, 5)),  # Saturday 2 AM: the close of Friday
            ("2025-12-05T20:30:00.000001", date(2025, 12, 6)),  # a tick later it is Saturday
            ("2025-12-05T18:15", date(2025, 12, 5)),
            ("2025-12-06T18:15", date(2025, 12, 6)),  # Saturday 11:45 PM, closed
            ("2025-12-06T18:45", date(2025, 12, 7)),  # Sunday 0:15 AM, closed
        ],
    )
    def test_business_day__overnight(self, at: str, day: date) -> None:
        """Every instant of a stretch and its close have the date of its opening; others have their own."""
        assert self.OVERNIGHT.business_day(utc(at)) == day

    def test_business_day__of_hours_that_never_close(self) -> None:
        """Without an opening the local date is all there is."""
        hours = CallingHours.parse("Asia/Kolkata", AROUND_THE_CLOCK)

        assert hours.business_day(utc("2025-12-05T18:29:59")) == date(2025, 12, 5)
        assert hours.business_day(utc("2025-12-05T18:30:00")) == date(2025, 12, 6)


class TestInstants:
    """What goes in and what comes out."""

    @pytest.mark.parametrize(
        ("method", "field"),
        [
            ("is_open", "at"),
            ("next_open", "after"),
            ("next_close", "after"),
            ("previous_open", "at"),
            ("previous_close", "at"),
            ("stretch_at", "at"),
            ("business_day", "at"),
        ],
    )
    @pytest.mark.parametrize(
        "at",
        [utc("2025-12-05T09:00").replace(tzinfo=None), date(2025, 12, 5), "2025-12-05T09:00:00Z", 1764900000, None],
    )
    def test_instant__naive_or_no_datetime(self, method: str, field: str, at: object) -> None:
        """A naive datetime is not an instant, and no zone is guessed for it."""
        with pytest.raises(KoreConfigurationError, match=f"^{field}: .* a datetime with a time zone") as caught:
            getattr(WEEKDAYS_IN_INDIA, method)(at)
        assert caught.value.field == field

    def test_windows__naive(self) -> None:
        """Both ends of a range are named when they are naive."""
        aware = utc("2025-12-05T09:00")
        naive = aware.replace(tzinfo=None)

        for start, end, field in ((naive, aware, "start"), (aware, naive, "end")):
            with pytest.raises(KoreConfigurationError) as caught:
                WEEKDAYS_IN_INDIA.windows(start, end)
            assert caught.value.field == field

    @pytest.mark.parametrize("method", ["stretches_of_day", "first_open_of_day", "last_close_of_day"])
    @pytest.mark.parametrize("day", [datetime(2025, 12, 5, tzinfo=UTC), "2025-12-05", None])
    def test_day__no_date(self, method: str, day: object) -> None:
        """A datetime is not a date: which one it is depends on the zone."""
        with pytest.raises(KoreConfigurationError, match=r"^day: .* a date, for example") as caught:
            getattr(WEEKDAYS_IN_INDIA, method)(day)
        assert caught.value.field == "day"

    @pytest.mark.parametrize(
        "at",
        [
            utc("2025-12-05T04:00"),
            datetime(2025, 12, 4, 23, 0, tzinfo=ZoneInfo("America/New_York")),
            datetime(2025, 12, 5, 9, 45, tzinfo=timezone(timedelta(hours=5, minutes=45))),
            pendulum.datetime(2025, 12, 5, 9, 30, tz="Asia/Kolkata"),
        ],
    )
    def test_next_close__takes_any_zone_and_gives_utc(self, at: datetime) -> None:
        """The zone of the argument does not matter; the answer is a plain datetime in UTC."""
        close = WEEKDAYS_IN_INDIA.next_close(at)

        assert (close, type(close), close.tzinfo) == (utc("2025-12-05T12:30"), datetime, UTC)

    def test_next_close__both_readings_of_a_repeated_time(self) -> None:
        """The fold of the argument tells the first 1:30 from the second."""
        hours = CallingHours.parse("America/New_York", {"SU": "1:00 AM-1:45 AM"})
        first = datetime(2025, 11, 2, 1, 30, tzinfo=ZoneInfo("America/New_York"))

        assert hours.next_close(first) == utc("2025-11-02T05:45")
        assert hours.next_close(first.replace(fold=1)) == utc("2025-11-02T06:45")

    @given(
        since_1970=st.timedeltas(timedelta(days=-25_000), timedelta(days=80_000)),
        zone=st.sampled_from([
            "Europe/Amsterdam",
            "Africa/Monrovia",
            "America/New_York",
            "Pacific/Apia",
            "Asia/Kathmandu",
        ]),
    )
    @settings(max_examples=200, deadline=None)
    def test_is_open__by_definition_in_any_century(self, since_1970: timedelta, zone: str) -> None:
        """Open is what the wall clock says, also where history has offsets with odd seconds; edges bear it out."""
        hours = CallingHours.parse(zone, {"MO-SU": ["1:17 AM-3:30 AM", "9:00 AM-6:00 PM"]})
        at = utc("1970-01-01") + since_1970
        clock = at.astimezone(ZoneInfo(zone)).strftime("%H:%M")

        assert hours.is_open(at) is ("01:17" <= clock < "03:30" or "09:00" <= clock < "18:00")
        assert hours.next_open(at) != hours.next_close(at)
        assert hours.is_open(min(hours.next_open(at), hours.next_close(at)) - TICK) is hours.is_open(at)


class TestValue:
    """Hours are a value."""

    def test_equality__by_what_is_open(self) -> None:
        """Hours that are written differently and mean the same are equal and have one hash."""
        one = CallingHours.parse("UTC", {"MO-TU": ["9:00 AM-12:00 PM", "12:00 PM-6:00 PM"]})
        same = CallingHours.parse("UTC", {"TU,MO": "09:00am-6:00pm"})
        one.next_close(utc("2025-12-05T00:00"))

        assert one == same
        assert hash(one) == hash(same)

    @pytest.mark.parametrize(
        "other",
        [
            CallingHours.parse("Europe/London", {"MO": "9:00 AM-6:00 PM"}),
            CallingHours.parse("UTC", {"MO": "9:00 AM-6:01 PM"}),
            CallingHours.parse("UTC", {"TU": "9:00 AM-6:00 PM"}),
            CallingHours.parse("UTC", {"MO": "9:00 AM-6:00 PM"}, closed_on=[date(2025, 12, 1)]),
        ],
        ids=str,
    )
    def test_equality__differs(self, other: CallingHours) -> None:
        """Zone, windows and closed days all count."""
        assert CallingHours.parse("UTC", {"MO": "9:00 AM-6:00 PM"}) != other

    def test_equality__overnight_is_not_two_windows(self) -> None:
        """A window over midnight and two that meet there differ on a closed day, so they are not equal."""
        overnight = CallingHours.parse("UTC", {"MO": "9:00 PM-2:00 AM"})

        assert overnight != CallingHours.parse("UTC", {"MO": "9:00 PM-12:00 AM", "TU": "12:00 AM-2:00 AM"})

    @pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda hours: pickle.loads(pickle.dumps(hours))])
    def test_copy__is_equal_and_works(self, duplicate: object) -> None:
        """A copy, also one from another process, is equal and answers the same."""
        twin = duplicate(WEEKDAYS_IN_INDIA)

        assert twin == WEEKDAYS_IN_INDIA
        assert twin.next_close(utc("2025-12-05T12:30")) == utc("2025-12-08T12:30")

    def test_attributes__cannot_be_set(self) -> None:
        """Hours never change."""
        with pytest.raises(AttributeError):
            WEEKDAYS_IN_INDIA.timezone = "UTC"

    def test_in_zone__unknown(self) -> None:
        """An unknown zone of a contact is an error that names the field."""
        with pytest.raises(KoreConfigurationError, match=r"^timezone: 'Mars/Olympus' .*\"Asia/Kolkata\"") as caught:
            WEEKDAYS_IN_INDIA.in_zone("Mars/Olympus")
        assert caught.value.field == "timezone"


def test_import__is_light() -> None:
    """The module brings nothing from outside the standard library, so no Airflow either."""
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import airflow_provider_campaigns.calling_hours; "
        "print(*{name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names))"
    )

    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)

    assert {name for name in done.stdout.split() if not name.startswith("_")} == {"airflow_provider_campaigns"}


def test_documentation__examples_are_true() -> None:
    """Every example of the page on calling hours gives what it shows."""
    failed, attempted = doctest.testfile(str(ROOT / "docs" / "calling-hours.md"), module_relative=False)

    assert failed == 0
    assert attempted > 10
