"""Calling hours as they are written: what is read, what is refused with which words, and what is spelled."""

from __future__ import annotations

import copy
import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.kore.errors import KoreConfigurationError

HOURS: dict[str, Any] = {
    "frequency": "WEEKLY",
    "timezone": "Asia/Kolkata",
    "days": [{"day": day, "start": "9:00 AM", "end": "6:00 PM"} for day in ("MO", "TU", "WE", "TH", "FR")],
}
WEEKDAYS_IN_INDIA = CallingHours.parse("Asia/Kolkata", {"MO-FR": "9:00 AM-6:00 PM"})
ALL_WEEK = (((540, 1080),),) * 7


def changed(**changes: object) -> dict[str, Any]:
    """The usual hours with some keys changed, or dropped where the value is Ellipsis."""
    return {key: value for key, value in (HOURS | changes).items() if value is not ...}


def entry(**changes: object) -> dict[str, Any]:
    """The usual hours with a single entry, changed likewise."""
    usual = {"day": "MO", "start": "9:00 AM", "end": "6:00 PM"}
    return changed(days=[{key: value for key, value in (usual | changes).items() if value is not ...}])


class TestFromApi:
    """The service's objects."""

    def test_from_api__calling_hours(self) -> None:
        """A calling-hours object is read as it stands, and left as it is."""
        document = copy.deepcopy(HOURS)

        assert CallingHours.from_api(document) == WEEKDAYS_IN_INDIA
        assert document == HOURS

    @pytest.mark.parametrize(
        "campaign",
        [
            {"_id": "cd-1", "name": "Renewals", "dialingStrategy": {"dialingOrder": "FIFO", "callingHours": HOURS}},
            {"_id": "cd-1", "timezone": "UTC", "dialingStrategy": {"callingHours": HOURS}},
        ],
    )
    def test_from_api__campaign(self, campaign: dict[str, Any]) -> None:
        """A campaign object is looked through to its hours; its other keys do not matter."""
        assert CallingHours.from_api(campaign) == WEEKDAYS_IN_INDIA

    @pytest.mark.parametrize("frequency", ["WEEKLY", "DAILY", "CUSTOM", "weekly"])
    def test_from_api__frequency(self, frequency: str) -> None:
        """Entries that name their days mean the same under every frequency."""
        assert CallingHours.from_api(changed(frequency=frequency)) == WEEKDAYS_IN_INDIA

    def test_from_api__daily_without_day(self) -> None:
        """An entry of DAILY hours that names no day holds every day."""
        document = entry(day=...) | {"frequency": "DAILY"}

        assert CallingHours.from_api(document).week == ALL_WEEK

    def test_from_api__same_day_twice(self) -> None:
        """Several entries of a day are several windows, in whatever order they come."""
        days = [
            {"start": "1:00 PM", "end": "4:00 PM", "day": "SA"},
            {"start": "9:00 AM", "end": "12:00 PM", "day": "SA"},
        ]

        assert CallingHours.from_api(changed(days=days)).week == ((),) * 5 + (((540, 720), (780, 960)), ())

    @pytest.mark.parametrize(
        ("document", "field", "expected"),
        [
            ({}, "dialingStrategy.callingHours", "read by its id"),
            ({"_id": "cd-1", "name": "Renewals", "status": "Active"}, "dialingStrategy.callingHours", "read by its id"),
            ({"dialingStrategy": {}}, "dialingStrategy.callingHours", "read by its id"),
            ({"dialingStrategy": None}, "dialingStrategy.callingHours", "read by its id"),
            ({"dialingStrategy": {"callingHours": "9-6"}}, "dialingStrategy.callingHours", "read by its id"),
            ([HOURS], "dialingStrategy.callingHours", "read by its id"),
            (None, "dialingStrategy.callingHours", "read by its id"),
            (changed(holidays=[]), "holidays", "unknown key"),
            (changed(frequency=...), "frequency", "is missing; expected one of WEEKLY, DAILY, CUSTOM"),
            (changed(frequency="MONTHLY"), "frequency", "'MONTHLY' cannot be read"),
            (changed(frequency=7), "frequency", "7 cannot be read"),
            (changed(timezone=...), "timezone", "is missing"),
            (changed(timezone="Asia/Calcuta"), "timezone", "'Asia/Calcuta' cannot be read; expected a time zone"),
            (changed(timezone="IST"), "timezone", "'IST' cannot be read"),
            (changed(timezone=""), "timezone", "'' cannot be read"),
            (changed(timezone="../UTC"), "timezone", "'../UTC' cannot be read"),
            (changed(timezone="Asia"), "timezone", "'Asia' cannot be read"),
            (changed(timezone=5.5), "timezone", "5.5 cannot be read"),
            (changed(days=...), "days", "is missing; expected a list of at least one entry"),
            (changed(days=[]), "days", "[] cannot be read; expected a list of at least one entry"),
            (changed(days="MO-FR"), "days", "'MO-FR' cannot be read"),
            (changed(days={"MO": "9:00 AM-6:00 PM"}), "days", "cannot be read; expected a list"),
            (changed(days=["MO"]), "days[0]", "'MO' cannot be read; expected an entry with day, start and end"),
            (changed(days=[*HOURS["days"], None]), "days[5]", "is missing"),
            (entry(date="2025-12-25"), "days[0].date", "unknown key"),
            (entry(day=...), "days[0].day", "is missing; expected one of MO, TU, WE, TH, FR, SA, SU"),
            (entry(day="Mon"), "days[0].day", "'Mon' cannot be read"),
            (entry(day="MO-FR"), "days[0].day", "'MO-FR' cannot be read"),
            (entry(day=1), "days[0].day", "1 cannot be read"),
            (entry(day=["MO"]), "days[0].day", "['MO'] cannot be read"),
            (entry(day=None) | {"frequency": "DAILY"}, "days[0].day", "is missing"),
            (entry(start=...), "days[0].start", "is missing; expected a time of the 12-hour clock"),
            (entry(end=...), "days[0].end", "is missing"),
            (entry(start="25:00"), "days[0].start", "'25:00' cannot be read"),
            (entry(start="9 Uhr"), "days[0].start", "'9 Uhr' cannot be read"),
            (entry(start="09:00"), "days[0].start", "'09:00' cannot be read"),
            (entry(start="0:30 AM"), "days[0].start", "'0:30 AM' cannot be read"),
            (entry(start="13:00 PM"), "days[0].start", "'13:00 PM' cannot be read"),
            (entry(start="9:60 AM"), "days[0].start", "'9:60 AM' cannot be read"),
            (entry(start="9 AM"), "days[0].start", "'9 AM' cannot be read"),
            (entry(start="9:00:00 AM"), "days[0].start", "'9:00:00 AM' cannot be read"),
            (entry(start="11:59:59.999 PM"), "days[0].start", "cannot be read"),
            (entry(end="11:59:59.5 PM"), "days[0].end", "'11:59:59.5 PM' cannot be read"),
            (entry(end="5:59:59.999 PM"), "days[0].end", "cannot be read"),
            (entry(start="\u0669:00 AM"), "days[0].start", "cannot be read"),
            (entry(start="9:00 AM or so"), "days[0].start", "'9:00 AM or so' cannot be read"),
            (entry(end=""), "days[0].end", "'' cannot be read"),
            (entry(end=1080), "days[0].end", "1080 cannot be read"),
            (entry(end="9:00 AM"), "days[0].end", "the window ends when it starts"),
            (entry(start="12:00 PM", end="12:00 PM"), "days[0].end", '"12:00 AM" to "12:00 AM" for the whole day'),
        ],
    )
    def test_from_api__refuses(self, document: object, field: str, expected: str) -> None:
        """What cannot be read is an error that names the field and shows an example, never "closed"."""
        with pytest.raises(KoreConfigurationError) as caught:
            CallingHours.from_api(document)

        assert caught.value.field == field
        assert str(caught.value).startswith(f"{field}: ")
        assert expected in str(caught.value)
        assert "for example" in str(caught.value)

    def test_from_api__refuses_in_a_campaign(self) -> None:
        """In a campaign object the field is named by its whole path."""
        with pytest.raises(KoreConfigurationError) as caught:
            CallingHours.from_api({"dialingStrategy": {"callingHours": entry(start="9 Uhr")}})
        assert caught.value.field == "dialingStrategy.callingHours.days[0].start"

    def test_from_api__refuses_without_telling_a_phone_number(self) -> None:
        """A number that strayed into the hours is not repeated in the error."""
        with pytest.raises(KoreConfigurationError) as caught:
            CallingHours.from_api(entry(start="+919876543210"))
        assert "9876543210" not in str(caught.value)

    @pytest.mark.parametrize(
        ("written", "known"),
        [("asia/kolkata", "Asia/Kolkata"), ("America/New York", "America/New_York"), (" utc", "UTC")],
    )
    def test_from_api__suggests_the_zone_that_was_meant(self, written: str, known: str) -> None:
        """A zone that differs in case or blanks within is not taken, but offered."""
        with pytest.raises(KoreConfigurationError, match=f'for example "{known}"$'):
            CallingHours.from_api(changed(timezone=written))

    @pytest.mark.parametrize("zone", ["localtime", "posixrules", "Factory", "Factory ", "right/UTC", "LOCALTIME"])
    def test_from_api__refuses_a_zone_that_is_no_place(self, zone: str) -> None:
        """What a machine happens to be set to, and clocks that count leap seconds, are no campaign's wall clock."""
        with pytest.raises(KoreConfigurationError, match=r'^timezone: .* cannot be read; .*"Asia/Kolkata"$') as caught:
            CallingHours.from_api(changed(timezone=zone))
        assert caught.value.field == "timezone"

    def test_from_api__trims_the_zone(self) -> None:
        """Blanks around a zone's name do not matter, wherever it is named."""
        hours = CallingHours.from_api(changed(timezone="UTC "))

        assert hours == CallingHours.parse(" UTC", {"MO-FR": "9:00 AM-6:00 PM"})
        assert (hours.timezone, hours.in_zone("Asia/Tokyo\n").timezone) == ("UTC", "Asia/Tokyo")
        assert hours.to_api()["timezone"] == "UTC"

    @pytest.mark.parametrize("zone", ["EST", "MST", "HST", "GMT", "Etc/GMT+5", "Etc/GMT-14"])
    def test_from_api__warns_of_a_fixed_offset(self, zone: str, caplog: pytest.LogCaptureFixture) -> None:
        """A clock without summer time is taken at its word, and the log says so once for each reading."""
        CallingHours.from_api(changed(timezone=zone))
        CallingHours.parse(zone, {"MO": "9:00 AM-6:00 PM"})

        warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert len(warned) == 2
        assert warned[0].startswith(f"timezone: the clock of {zone} never changes, ")

    @pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York", "EST5EDT", "Singapore"])
    def test_from_api__does_not_warn_of_others(self, zone: str, caplog: pytest.LogCaptureFixture) -> None:
        """UTC is nobody's mistake, and a place that never changes its clocks is that place."""
        CallingHours.from_api(changed(timezone=zone))

        assert caplog.records == []

    @pytest.mark.parametrize("end", ["11:59:59.999 PM", "11:59:59 PM", "11:59:59.999pm "])
    def test_from_api__the_platforms_end_of_the_day(self, end: str) -> None:
        """The platform's other calendars end a day a millisecond before midnight: it is that midnight."""
        hours = CallingHours.from_api(entry(end=end))

        assert hours.to_api()["days"] == [{"day": "MO", "start": "9:00 AM", "end": "12:00 AM"}]


class TestParse:
    """Hours as people write them."""

    @pytest.mark.parametrize(
        ("text", "window"),
        [
            ("9:00 AM-6:00 PM", (540, 1080)),
            ("09:00 am - 06:00 pm", (540, 1080)),
            ("9:00AM-6:00PM", (540, 1080)),
            ("  9:05 Am \u2013 6:30 pM ", (545, 1110)),
            ("9:00\u202fAM-6:00\u00a0PM", (540, 1080)),
            ("12:00 AM-12:00 PM", (0, 720)),
            ("12:00 PM-12:00 AM", (720, 1440)),
            ("12:00 AM-12:00 AM", (0, 1440)),
            ("12:30 AM-12:30 PM", (30, 750)),
            ("12:00 AM-11:59 PM", (0, 1439)),
            ("9:00 PM-2:00 AM", (1260, 1560)),
            ("12:01 PM-12:00 PM", (721, 2160)),
        ],
    )
    def test_parse__window(self, text: str, window: tuple[int, int]) -> None:
        """Case, blanks, a leading zero and the kind of dash do not matter; midnight as an end ends the day."""
        assert CallingHours.parse("UTC", {"MO": text}).week[0] == (window,)

    @pytest.mark.parametrize(
        ("key", "days"),
        [
            ("MO", "MO"),
            ("mo-fr", "MO TU WE TH FR"),
            ("MO-SU", "MO TU WE TH FR SA SU"),
            ("SA-MO", "MO SA SU"),
            ("MO-MO", "MO"),
            ("MO, WE ,FR", "MO WE FR"),
            ("MO - TU, SA-SU", "MO TU SA SU"),
            ("MO,MO", "MO"),
        ],
    )
    def test_parse__days(self, key: str, days: str) -> None:
        """A key is a day, a range that may go round the week, or several of these."""
        entries = CallingHours.parse("UTC", {key: "9:00 AM-6:00 PM"}).to_api()["days"]

        assert " ".join(each["day"] for each in entries) == days

    def test_parse__a_day_in_two_keys(self) -> None:
        """A day that is named twice has all its windows."""
        hours = CallingHours.parse("UTC", {"MO-TU": "9:00 AM-12:00 PM", "TU": ("1:00 PM-2:00 PM",)})

        assert hours.week[:3] == (((540, 720),), ((540, 720), (780, 840)), ())

    @pytest.mark.parametrize(
        ("timezone", "hours", "field", "expected"),
        [
            ("Europe/Berlim", {"MO": "9:00 AM-6:00 PM"}, "timezone", "'Europe/Berlim' cannot be read"),
            (None, {"MO": "9:00 AM-6:00 PM"}, "timezone", "is missing"),
            ("UTC", {}, "hours", "{} cannot be read; expected a mapping of days to windows"),
            ("UTC", None, "hours", "is missing"),
            ("UTC", "MO-FR 9:00 AM-6:00 PM", "hours", "expected a mapping"),
            ("UTC", ["MO"], "hours", "expected a mapping"),
            ("UTC", {"Monday": "9:00 AM-6:00 PM"}, "hours", "'Monday' cannot be read; expected a day or a range"),
            ("UTC", {"MO-": "9:00 AM-6:00 PM"}, "hours", "'MO-' cannot be read"),
            ("UTC", {"MO-XX": "9:00 AM-6:00 PM"}, "hours", "'MO-XX' cannot be read"),
            ("UTC", {"MO-WE-FR": "9:00 AM-6:00 PM"}, "hours", "'MO-WE-FR' cannot be read"),
            ("UTC", {"MO,": "9:00 AM-6:00 PM"}, "hours", "'MO,' cannot be read"),
            ("UTC", {"": "9:00 AM-6:00 PM"}, "hours", "'' cannot be read"),
            ("UTC", {0: "9:00 AM-6:00 PM"}, "hours", "0 cannot be read"),
            ("UTC", {"MO": ""}, 'hours["MO"]', "'' cannot be read; expected a window from start to end"),
            ("UTC", {"MO": "9:00 AM"}, 'hours["MO"]', "'9:00 AM' cannot be read"),
            ("UTC", {"MO": "9:00 AM-"}, 'hours["MO"]', "'' cannot be read; expected a time"),
            ("UTC", {"MO": "9:00 AM-12:00 PM-6:00 PM"}, 'hours["MO"]', "cannot be read; expected a window"),
            ("UTC", {"MO": "9:00 AM-25:00"}, 'hours["MO"]', "'25:00' cannot be read"),
            ("UTC", {"MO": "9 Uhr-18 Uhr"}, 'hours["MO"]', "'9 Uhr' cannot be read"),
            ("UTC", {"MO": "9:00 AM-9:00 AM"}, 'hours["MO"]', "the window ends when it starts"),
            ("UTC", {"MO": []}, 'hours["MO"]', "[] cannot be read; expected a window or a list of windows"),
            ("UTC", {"MO": None}, 'hours["MO"]', "is missing"),
            ("UTC", {"MO": 9}, 'hours["MO"]', "9 cannot be read"),
            ("UTC", {"MO": {"9:00 AM": "6:00 PM"}}, 'hours["MO"]', "expected a window or a list"),
            ("UTC", {"MO": ["9:00 AM-6:00 PM", 9]}, 'hours["MO"][1]', "9 cannot be read"),
        ],
    )
    def test_parse__refuses(self, timezone: object, hours: object, field: str, expected: str) -> None:
        """What cannot be read is an error that names the field and shows an example."""
        with pytest.raises(KoreConfigurationError) as caught:
            CallingHours.parse(timezone, hours)

        assert caught.value.field == field
        assert str(caught.value).startswith(f"{field}: ")
        assert expected in str(caught.value)
        assert "for example" in str(caught.value)


class TestSpelling:
    """Hours written out again."""

    def test_to_api__usual_hours(self) -> None:
        """The usual hours become the object they were read from, in JSON."""
        assert json.loads(json.dumps(WEEKDAYS_IN_INDIA.to_api())) == HOURS

    def test_to_api__windows_of_all_kinds(self) -> None:
        """Noon, midnight, the whole day and the night are spelled the service's way, Monday first."""
        hours = CallingHours.parse(
            "UTC",
            {
                "SU": "12:00 AM-12:00 AM",
                "MO": ["10:05 PM-12:30 AM", "12:00 AM-1:00 AM"],
                "TU": "12:00 PM-12:00 AM",
            },
        )

        assert hours.to_api() == {
            "frequency": "WEEKLY",
            "timezone": "UTC",
            "days": [
                {"day": "MO", "start": "12:00 AM", "end": "1:00 AM"},
                {"day": "MO", "start": "10:05 PM", "end": "12:30 AM"},
                {"day": "TU", "start": "12:00 PM", "end": "12:00 AM"},
                {"day": "SU", "start": "12:00 AM", "end": "12:00 AM"},
            ],
        }

    def test_to_api__longer_than_a_day(self) -> None:
        """A union that two clock times cannot say is spelled as two windows of the same day."""
        hours = CallingHours.parse("UTC", {"MO": ["12:00 AM-12:00 AM", "9:00 PM-2:00 AM"]})

        assert hours.to_api()["days"] == [
            {"day": "MO", "start": "12:00 AM", "end": "12:00 AM"},
            {"day": "MO", "start": "11:59 PM", "end": "2:00 AM"},
        ]

    @pytest.mark.parametrize(
        ("hours", "text"),
        [
            ({"MO-FR": "9:00 AM-6:00 PM"}, "Mon-Fri 9:00 AM-6:00 PM, Asia/Kolkata"),
            ({"MO": "9:00 AM-6:00 PM"}, "Mon 9:00 AM-6:00 PM, Asia/Kolkata"),
            ({"MO,WE,FR": "9:00 AM-6:00 PM"}, "Mon, Wed, Fri 9:00 AM-6:00 PM, Asia/Kolkata"),
            ({"SA-WE": "9:00 AM-6:00 PM"}, "Mon-Wed, Sat-Sun 9:00 AM-6:00 PM, Asia/Kolkata"),
            (
                {"MO-FR": "9:00 AM-6:00 PM", "SA": ["9:00 AM-12:00 PM", "1:00 PM-4:00 PM"]},
                "Mon-Fri 9:00 AM-6:00 PM; Sat 9:00 AM-12:00 PM and 1:00 PM-4:00 PM, Asia/Kolkata",
            ),
            ({"SU": "9:00 PM-2:00 AM"}, "Sun 9:00 PM-2:00 AM, Asia/Kolkata"),
            ({"MO-SU": "12:00 AM-12:00 AM"}, "Mon-Sun all day, Asia/Kolkata"),
        ],
    )
    def test_str(self, hours: dict[str, str], text: str) -> None:
        """One line for people: days with the same windows together."""
        assert str(CallingHours.parse("Asia/Kolkata", hours)) == text
        assert repr(CallingHours.parse("Asia/Kolkata", hours)) == f"<CallingHours {text}>"

    @pytest.mark.parametrize(
        ("dates", "text"),
        [
            (["2025-12-25"], "Mon 9:00 AM-6:00 PM except on 1 closed day, UTC"),
            (["2025-12-25", "2025-12-26"], "Mon 9:00 AM-6:00 PM except on 2 closed days, UTC"),
        ],
    )
    def test_str__closed_days(self, dates: list[str], text: str) -> None:
        """Closed days are counted."""
        hours = {"MO": "9:00 AM-6:00 PM"}

        assert str(CallingHours.parse("UTC", hours, closed_on={date.fromisoformat(day) for day in dates})) == text

    def test_str__closed_days_of_a_calendar(self) -> None:
        """A calendar that is not a plain collection is only mentioned."""

        class Calendar:
            def __contains__(self, day: object) -> bool:
                return False

        hours = CallingHours.parse("UTC", {"MO": "9:00 AM-6:00 PM"}, closed_on=Calendar())

        assert str(hours) == "Mon 9:00 AM-6:00 PM except on a calendar's closed days, UTC"

    @given(
        entries=st.lists(
            st.fixed_dictionaries({
                "day": st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]),
                "start": st.times().map(lambda at: at.strftime("%I:%M %p")),
                "end": st.times().map(lambda at: at.strftime("%I:%M %p")) | st.just("12:00 AM"),
            }).filter(lambda each: each["start"] != each["end"] or each["end"] == "12:00 AM"),
            min_size=1,
            max_size=12,
        )
    )
    @settings(max_examples=200, deadline=None)
    def test_round_trip(self, entries: list[dict[str, str]]) -> None:
        """Whatever hours are read, their object is read as equal hours, and so spelled the same again."""
        hours = CallingHours.from_api(changed(days=entries))
        again = CallingHours.from_api(hours.to_api())

        assert again == hours
        assert again.to_api() == hours.to_api()
        assert str(again) == str(hours)
