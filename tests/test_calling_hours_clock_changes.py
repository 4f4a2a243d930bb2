"""``CallingHours`` where clocks are changed: every function at unambiguous, repeated and skipped wall times."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_campaigns.calling_hours import CallingHours, Stretch

TICK = timedelta(microseconds=1)


def stretch(opens: str, closes: str) -> Stretch:
    return Stretch(*(datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (opens, closes)))


class Day(NamedTuple):
    """A local date and the stretches that begin on it."""

    zone: str
    hours: dict[str, str]
    day: date
    stretches: list[Stretch]


# Unambiguous, repeated and skipped wall times: north, south, half an hour, a move of the zone, and midnight.
CLOCK_CHANGES = {
    "New York, unambiguous": Day(
        "America/New_York",
        {"SU": "1:30 AM-2:30 AM"},
        date(2025, 11, 9),
        [stretch("2025-11-09T06:30", "2025-11-09T07:30")],
    ),
    "New York, start in the repeated hour": Day(
        "America/New_York",
        {"SU": "1:30 AM-2:30 AM"},
        date(2025, 11, 2),
        [stretch("2025-11-02T05:30", "2025-11-02T06:00"), stretch("2025-11-02T06:30", "2025-11-02T07:30")],
    ),
    "New York, window inside the repeated hour": Day(
        "America/New_York",
        {"SU": "1:10 AM-1:50 AM"},
        date(2025, 11, 2),
        [stretch("2025-11-02T05:10", "2025-11-02T05:50"), stretch("2025-11-02T06:10", "2025-11-02T06:50")],
    ),
    "New York, window that is the repeated hour": Day(
        "America/New_York",
        {"SU": "1:00 AM-2:00 AM"},
        date(2025, 11, 2),
        [stretch("2025-11-02T05:00", "2025-11-02T07:00")],
    ),
    "New York, end in the skipped hour": Day(
        "America/New_York",
        {"SU": "1:30 AM-2:30 AM"},
        date(2025, 3, 9),
        [stretch("2025-03-09T06:30", "2025-03-09T07:00")],
    ),
    "New York, start in the skipped hour": Day(
        "America/New_York",
        {"SU": "2:30 AM-4:00 AM"},
        date(2025, 3, 9),
        [stretch("2025-03-09T07:00", "2025-03-09T08:00")],
    ),
    "New York, window inside the skipped hour": Day(
        "America/New_York", {"SU": "2:10 AM-2:50 AM"}, date(2025, 3, 9), []
    ),
    "New York, window over the skipped hour": Day(
        "America/New_York",
        {"SU": "1:00 AM-4:00 AM"},
        date(2025, 3, 9),
        [stretch("2025-03-09T06:00", "2025-03-09T08:00")],
    ),
    "Sydney, unambiguous": Day(
        "Australia/Sydney",
        {"SU": "1:30 AM-2:30 AM"},
        date(2025, 4, 13),
        [stretch("2025-04-12T15:30", "2025-04-12T16:30")],
    ),
    "Sydney, end in the repeated hour": Day(
        "Australia/Sydney",
        {"SU": "1:30 AM-2:30 AM"},
        date(2025, 4, 6),
        [stretch("2025-04-05T14:30", "2025-04-05T15:30"), stretch("2025-04-05T16:00", "2025-04-05T16:30")],
    ),
    "Sydney, end in the skipped hour": Day(
        "Australia/Sydney",
        {"SU": "1:30 AM-2:30 AM"},
        date(2025, 10, 5),
        [stretch("2025-10-04T15:30", "2025-10-04T16:00")],
    ),
    "Lord Howe, unambiguous": Day(
        "Australia/Lord_Howe",
        {"SU": "1:30 AM-2:15 AM"},
        date(2025, 4, 13),
        [stretch("2025-04-12T15:00", "2025-04-12T15:45")],
    ),
    "Lord Howe, over the repeated half hour": Day(
        "Australia/Lord_Howe",
        {"SU": "1:30 AM-2:15 AM"},
        date(2025, 4, 6),
        [stretch("2025-04-05T14:30", "2025-04-05T15:45")],
    ),
    "Lord Howe, end in the skipped half hour": Day(
        "Australia/Lord_Howe",
        {"SU": "1:30 AM-2:15 AM"},
        date(2025, 10, 5),
        [stretch("2025-10-04T15:00", "2025-10-04T15:30")],
    ),
    "Kolkata, half-hour offset": Day(
        "Asia/Kolkata",
        {"SU": "1:30 AM-2:30 AM"},
        date(2025, 11, 2),
        [stretch("2025-11-01T20:00", "2025-11-01T21:00")],
    ),
    "Almaty, before the zone moved": Day(
        "Asia/Almaty",
        {"TH": "11:00 PM-11:30 PM"},
        date(2024, 2, 22),
        [stretch("2024-02-22T17:00", "2024-02-22T17:30")],
    ),
    "Almaty, in the hour that the move repeated": Day(
        "Asia/Almaty",
        {"TH": "11:00 PM-11:30 PM"},
        date(2024, 2, 29),
        [stretch("2024-02-29T17:00", "2024-02-29T17:30"), stretch("2024-02-29T18:00", "2024-02-29T18:30")],
    ),
    "Almaty, after the zone moved": Day(
        "Asia/Almaty",
        {"TH": "11:00 PM-11:30 PM"},
        date(2024, 3, 7),
        [stretch("2024-03-07T18:00", "2024-03-07T18:30")],
    ),
    "Casablanca, repeated as Ramadan begins": Day(
        "Africa/Casablanca",
        {"SU": "2:15 AM-2:45 AM"},
        date(2025, 2, 23),
        [stretch("2025-02-23T01:15", "2025-02-23T01:45"), stretch("2025-02-23T02:15", "2025-02-23T02:45")],
    ),
    "Casablanca, skipped after Ramadan": Day("Africa/Casablanca", {"SU": "2:15 AM-2:45 AM"}, date(2025, 4, 6), []),
    "Cairo, overnight over a repeated hour before midnight": Day(
        "Africa/Cairo",
        {"TH": "11:30 PM-12:30 AM"},
        date(2025, 10, 30),
        [stretch("2025-10-30T20:30", "2025-10-30T21:00"), stretch("2025-10-30T21:30", "2025-10-30T22:30")],
    ),
    "Cairo, overnight into a skipped hour after midnight": Day(
        "Africa/Cairo",
        {"TH": "11:30 PM-12:30 AM"},
        date(2025, 4, 24),
        [stretch("2025-04-24T21:30", "2025-04-24T22:00")],
    ),
    "Nuuk, midnight close after a repeated hour": Day(
        "America/Nuuk",
        {"SA": "10:00 PM-12:00 AM"},
        date(2025, 10, 25),
        [stretch("2025-10-25T23:00", "2025-10-26T02:00")],
    ),
}


@pytest.fixture(params=CLOCK_CHANGES.values(), ids=CLOCK_CHANGES.keys())
def changed(request: pytest.FixtureRequest) -> Day:
    return request.param


@pytest.fixture
def hours(changed: Day) -> CallingHours:
    return CallingHours.parse(changed.zone, changed.hours)


class TestClockChanges:
    """Every function, at unambiguous, repeated and skipped wall times."""

    def test_is_open__at_every_edge(self, hours: CallingHours, changed: Day) -> None:
        """An opening is open, the tick before is closed; a close is closed, the tick before is open."""
        edges = [(o - TICK, o, c - TICK, c) for o, c in changed.stretches]

        assert [[hours.is_open(at) for at in four] for four in edges] == [[False, True, True, False]] * len(edges)

    def test_next_open__is_strictly_after(self, hours: CallingHours, changed: Day) -> None:
        """Each opening is the next one a tick before it and no longer at it."""
        openings = [opens for opens, _ in changed.stretches]

        assert [hours.next_open(at - TICK) for at in openings] == openings
        assert [hours.next_open(at) for at in openings[:-1]] == openings[1:]

    def test_next_close__is_strictly_after(self, hours: CallingHours, changed: Day) -> None:
        """Each close is the next one from its opening on and no longer at it."""
        closes = [closes for _, closes in changed.stretches]

        assert [hours.next_close(opens) for opens, _ in changed.stretches] == closes
        assert [hours.next_close(at - TICK) for at in closes] == closes
        assert [hours.next_close(at) for at in closes[:-1]] == closes[1:]

    def test_previous_open__counts_the_instant_itself(self, hours: CallingHours, changed: Day) -> None:
        """Each opening is the previous one at it and until its close."""
        openings = [opens for opens, _ in changed.stretches]

        assert [hours.previous_open(at) for at in openings] == openings
        assert [hours.previous_open(closes) for _, closes in changed.stretches] == openings
        assert [hours.previous_open(at - TICK) for at in openings[1:]] == openings[:-1]

    def test_previous_close__counts_the_instant_itself(self, hours: CallingHours, changed: Day) -> None:
        """Each close is the previous one at it, and not yet a tick before."""
        closes = [closes for _, closes in changed.stretches]

        assert [hours.previous_close(at) for at in closes] == closes
        assert [hours.previous_close(at - TICK) for at in closes[1:]] == closes[:-1]

    def test_stretch_at__is_whole(self, hours: CallingHours, changed: Day) -> None:
        """The first and the last tick of a stretch give it whole; its close gives none."""
        assert [hours.stretch_at(opens) for opens, _ in changed.stretches] == changed.stretches
        assert [hours.stretch_at(closes - TICK) for _, closes in changed.stretches] == changed.stretches
        assert [hours.stretch_at(closes) for _, closes in changed.stretches] == [None] * len(changed.stretches)

    def test_windows__over_the_local_date(self, hours: CallingHours, changed: Day) -> None:
        """The range that spans the local date and its night has exactly the stretches of the date."""
        start = datetime.combine(changed.day, datetime.min.time(), ZoneInfo(changed.zone))

        assert hours.windows(start, start + timedelta(hours=30)) == changed.stretches

    def test_stretches_of_day__in_order(self, hours: CallingHours, changed: Day) -> None:
        """A date has the stretches that begin on it."""
        assert hours.stretches_of_day(changed.day) == changed.stretches

    def test_first_open_of_day__is_the_first_start(self, hours: CallingHours, changed: Day) -> None:
        """The first opening of a date, None on a date whose window is skipped."""
        assert hours.first_open_of_day(changed.day) == (changed.stretches[0].opens_at if changed.stretches else None)

    def test_last_close_of_day__is_the_last_end(self, hours: CallingHours, changed: Day) -> None:
        """The last close of a date, None on a date whose window is skipped."""
        assert hours.last_close_of_day(changed.day) == (changed.stretches[-1].closes_at if changed.stretches else None)

    def test_business_day__is_that_of_the_opening(self, hours: CallingHours, changed: Day) -> None:
        """Opening, last tick and close of every stretch have the date on which it began."""
        instants = [at for opens, closes in changed.stretches for at in (opens, closes - TICK, closes)]

        assert {hours.business_day(at) for at in instants} <= {changed.day}

    def test_in_zone__keeps_the_wall_clock(self, changed: Day) -> None:
        """Hours of one zone, moved to another, are open when they would be if written there."""
        moved = CallingHours.parse("Pacific/Auckland", changed.hours).in_zone(changed.zone)

        assert moved == CallingHours.parse(changed.zone, changed.hours)
        assert moved.stretches_of_day(changed.day) == changed.stretches

    def test_round_trip__keeps_the_stretches(self, hours: CallingHours, changed: Day) -> None:
        """Hours that went through the service's object open and close at the same instants."""
        assert CallingHours.from_api(hours.to_api()).stretches_of_day(changed.day) == changed.stretches
