"""``CallingHoursTimetable`` against a scan of the wall clock, minute by minute, in random hours and zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo

import pendulum
from airflow.timetables.base import TimeRestriction
from hypothesis import example, given, settings
from hypothesis import strategies as st

from airflow_provider_campaigns.kore.errors import KoreConfigurationError
from airflow_provider_campaigns.timetables import CallingHoursTimetable

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
ZONES = (
    "UTC",
    "Asia/Kolkata",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Beirut",
    "America/Santiago",
    "Africa/Casablanca",
    "Pacific/Chatham",
)
CLOCK_CHANGES = [date(2026, 3, 8), date(2026, 4, 5), date(2026, 10, 4), date(2026, 10, 25), date(2026, 11, 1)]
MINUTE = timedelta(minutes=1)
MARGIN = timedelta(days=2)
SCAN_DAYS = 9

Stretch = tuple[datetime, datetime]
Windows = dict[int, list[tuple[int, int]]]


def clock_text(minute: int) -> str:
    """The 12-hour clock."""
    return f"{minute // 60 % 12 or 12}:{minute % 60:02} {'AM' if minute // 60 % 24 < 12 else 'PM'}"


def scanned(zone: ZoneInfo, windows: Windows, start: datetime) -> list[Stretch]:
    """The stretches that begin within nine days, found by reading the wall clock once a minute; the last may be cut."""

    def is_open(at: datetime) -> bool:
        wall = at.astimezone(zone)
        minute = wall.hour * 60 + wall.minute
        today, yesterday = windows.get(wall.weekday(), []), windows.get((wall.weekday() - 1) % 7, [])
        return any(a <= minute < b for a, b in today) or any(a <= minute + 1440 < b for a, b in yesterday)

    minutes = [start + number * MINUTE for number in range(SCAN_DAYS * 1440)]
    stretches = [list(group) for opened, group in groupby(minutes, key=is_open) if opened]
    return [(group[0], group[-1] + MINUTE) for group in stretches if group[0] > start]


def spans(event: str, zone: ZoneInfo, stretches: list[Stretch]) -> list[Stretch]:
    """What the runs are about: each stretch, or each day from its first to its last."""
    if event.startswith("every"):
        return stretches
    days: dict[date, list[Stretch]] = {}
    for stretch in stretches:
        days.setdefault(stretch[0].astimezone(zone).date(), []).append(stretch)
    return [(day[0][0], day[-1][1]) for day in days.values()]


window = st.tuples(st.integers(0, 287), st.integers(1, 200)).map(lambda pair: (pair[0] * 5, (pair[0] + pair[1]) * 5))
weeks = st.dictionaries(st.integers(0, 6), st.lists(window, min_size=1, max_size=5), min_size=1, max_size=7)


@settings(max_examples=40, deadline=None)
@given(
    zone_name=st.sampled_from(ZONES),
    day=st.one_of(st.dates(date(2024, 1, 5), date(2030, 12, 20)), st.sampled_from(CLOCK_CHANGES)),
    windows=weeks,
    event=st.sampled_from(["last_close", "first_open", "every_close", "every_open"]),
    offset_min=st.integers(-1439, 1439),
)
# Clocks went back from 12:01 AM to 11:01 PM of the day before.
@example("America/St_Johns", date(2010, 11, 7), {5: [(1410, 1425)], 6: [(0, 30)]}, "last_close", 0)
@example("America/St_Johns", date(2010, 11, 7), {5: [(1410, 1425)], 6: [(0, 30)]}, "first_open", -60)
def test_runs__are_those_of_a_minute_scan(zone_name: str, day: date, windows: Windows, event: str, offset_min: int):
    """Each event of the wall clock has one run, nothing else has, and start, end and due time strictly advance."""
    zone, offset = ZoneInfo(zone_name), timedelta(minutes=offset_min)
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=4)
    stretches = scanned(zone, windows, start)
    hours = {DAYS[number]: [f"{clock_text(a)}-{clock_text(b)}" for a, b in day] for number, day in windows.items()}
    try:
        timetable = CallingHoursTimetable(zone_name, hours, event, offset)
    except KoreConfigurationError:
        assert stretches == []  # they never close
        return

    expected = []
    for opens, closes in spans(event, zone, stretches):
        # Seen whole: a day's stretches begin within two days, and none of them was cut.
        if start + MARGIN <= opens and closes <= start + timedelta(days=SCAN_DAYS) - MARGIN:
            due = (closes if event.endswith("close") else opens) + offset
            expected.append((min(opens, due), closes, due))

    restriction = TimeRestriction(pendulum.instance(start - MARGIN), None, catchup=True)
    found, last = [], None
    while last is None or last.end < start + timedelta(days=SCAN_DAYS):
        info = timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)
        last = info.data_interval
        found.append((last.start, last.end, info.run_after))

    if expected:
        assert [run for run in found if expected[0][1] <= run[1] <= expected[-1][1]] == expected
    for earlier, later in pairwise(found):
        assert all(before < after for before, after in zip(earlier, later, strict=True))
    assert all(begins < ends and begins <= due for begins, ends, due in found)
