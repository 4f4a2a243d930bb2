"""Calling hours as they are written: the service's objects and people's text, read into minutes and spelled again.

What cannot be read is never guessed and never taken as closed: it raises KoreConfigurationError, which names the field,
says what was expected and shows an example that is accepted.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from airflow_provider_campaigns.kore.errors import KoreConfigurationError, excerpt, shown_argument, shown_words

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

log = logging.getLogger(__name__)

DAY_MINUTES = 24 * 60

Window = tuple[int, int]
"""Start and end in minutes after midnight of the day it starts on; beyond 1440 it runs into the next day."""

Week = tuple[tuple[Window, ...], ...]
"""For Monday to Sunday, the windows that start on that day: in order, neither overlapping nor touching."""

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FREQUENCIES = ("WEEKLY", "DAILY", "CUSTOM")
_HOURS_KEYS = frozenset({"frequency", "timezone", "days"})
_ENTRY_KEYS = frozenset({"day", "start", "end"})
_TIME = re.compile(r"(0?[1-9]|1[0-2]):([0-5][0-9])\s*([AP])M", re.IGNORECASE)
_DASH = re.compile("[-\N{EN DASH}]")
_END_OF_DAY = re.compile(r"11:59:59(\.9+)?\s*PM", re.IGNORECASE)
_FIXED_OFFSET = re.compile(r"EST|MST|HST|(Etc/)?(GMT([+-]?\d+)?|Greenwich)")
_NO_PLACE = re.compile(r"localtime|posixrules|Factory|(posix|right)/.*")

_TEXT_EXAMPLE = '{"MO-FR": "9:00 AM-6:00 PM", "SA": ["9:00 AM-12:00 PM", "1:00 PM-4:00 PM"]}'
_ENTRY_EXAMPLE = '{"day": "MO", "start": "9:00 AM", "end": "6:00 PM"}'
_HOURS_EXAMPLE = f'{{"frequency": "WEEKLY", "timezone": "Asia/Kolkata", "days": [{_ENTRY_EXAMPLE}]}}'


def week_from_api(document: object) -> tuple[str, Week]:
    """The name of the zone and the windows in a calling-hours object, or in a campaign object that holds one."""
    hours, path = _find_hours(document)
    _refuse_unknown_keys(hours, _HOURS_KEYS, path, _HOURS_EXAMPLE)
    frequency = hours.get("frequency")
    if not isinstance(frequency, str) or frequency.upper() not in _FREQUENCIES:
        raise unreadable(f"{path}frequency", frequency, "one of WEEKLY, DAILY, CUSTOM", '"WEEKLY"')
    zone = read_zone(hours.get("timezone"), f"{path}timezone")
    entries = hours.get("days")
    if isinstance(entries, str) or not isinstance(entries, Sequence) or not entries:
        raise unreadable(f"{path}days", entries, "a list of at least one entry", f"[{_ENTRY_EXAMPLE}]")

    windows: list[list[Window]] = [[] for _ in _DAYS]
    for number, entry in enumerate(entries):
        days, window = _read_entry(entry, f"{path}days[{number}]", day_optional=frequency.upper() == "DAILY")
        for day in days:
            windows[day].append(window)
    return zone.key, _union(windows)


def week_from_text(hours: object) -> Week:
    """The windows in a mapping like ``{"MO-FR": "9:00 AM-6:00 PM"}``."""
    if not isinstance(hours, Mapping) or not hours:
        raise unreadable("hours", hours, "a mapping of days to windows", _TEXT_EXAMPLE)
    windows: list[list[Window]] = [[] for _ in _DAYS]
    for key, value in hours.items():
        days = _read_day_key(key)
        path = f'hours["{key}"]'
        if isinstance(value, str):
            read = [_read_window(value, path)]
        elif isinstance(value, Sequence) and value:
            read = [_read_window(text, f"{path}[{number}]") for number, text in enumerate(value)]
        else:
            raise unreadable(path, value, "a window or a list of windows", '"9:00 AM-6:00 PM"')
        for day in days:
            windows[day] += read
    return _union(windows)


def week_to_api(week: Week) -> list[dict[str, str]]:
    """The entries of ``days``, Monday first; ``week_from_api`` reads them back as the same week."""
    return [
        {"day": day, "start": start, "end": end}
        for day, windows in zip(_DAYS, week, strict=True)
        for start, end in _spell_windows(windows)
    ]


def week_to_text(week: Week) -> str:
    """Like ``Mon-Fri 9:00 AM-6:00 PM; Sat 9:00 AM-12:00 PM and 1:00 PM-4:00 PM``."""
    days_by_windows: dict[tuple[Window, ...], list[int]] = {}
    for day, windows in enumerate(week):
        if windows:
            days_by_windows.setdefault(windows, []).append(day)
    return "; ".join(
        f"{_spell_days(days)} {_spell_windows_for_people(windows)}" for windows, days in days_by_windows.items()
    )


def spell_time(minutes: int) -> str:
    """Minutes after midnight on the service's 12-hour clock, like ``9:00 AM``; a day more or less is the same."""
    hour, minute = divmod(minutes % DAY_MINUTES, 60)
    return f"{hour % 12 or 12}:{minute:02} {'AM' if hour < 12 else 'PM'}"


def read_zone(name: object, path: str) -> ZoneInfo:
    """The zone of that name; never a fallback, because hours in a zone that is not known cannot be evaluated.

    Blanks around the name do not matter. A zone that is no place's, but the machine's own, is an error.
    """
    if not isinstance(name, str):
        raise unreadable(path, name, "the name of a time zone", '"Asia/Kolkata"')
    key = name.strip()
    try:
        # What a machine is set to, or a clock that counts leap seconds, is nobody's wall clock.
        zone = None if _NO_PLACE.fullmatch(key) else ZoneInfo(key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = None
    if zone is None:
        meant = {known.casefold(): known for known in available_timezones() if not _NO_PLACE.fullmatch(known)}
        example = meant.get(key.replace(" ", "_").casefold(), "Asia/Kolkata")
        raise unreadable(path, name, "a time zone of the tz database", f'"{example}"')
    return zone


def warn_of_fixed_offset(zone: str) -> None:
    """Log that clocks of that name never change; those of most places that are meant by it do."""
    if _FIXED_OFFSET.fullmatch(zone):
        log.warning(
            "timezone: the clock of %s never changes, so where people have summer time the hours are an hour off; "
            'name a place, for example "America/New_York"',
            zone,
        )


def unreadable(path: str, found: object, expected: str, example: str) -> KoreConfigurationError:
    """The error for a value that cannot be read; None is a value that is missing."""
    what = "is missing" if found is None else f"{excerpt(shown_argument(found))} cannot be read"
    return KoreConfigurationError(f"{path}: {what}; expected {expected}, for example {example}", field=path)


def _find_hours(document: object) -> tuple[Mapping[str, object], str]:
    """The calling-hours object and the path of its fields."""
    if isinstance(document, Mapping):
        if "dialingStrategy" in document:
            strategy = document["dialingStrategy"]
            hours = strategy.get("callingHours") if isinstance(strategy, Mapping) else None
            if isinstance(hours, Mapping):
                return hours, "dialingStrategy.callingHours."
        elif document.keys() & _HOURS_KEYS:
            return document, ""
    raise KoreConfigurationError(
        "dialingStrategy.callingHours: missing; expected a campaign object that was read by its id (items of a list "
        f"carry no hours), or a calling-hours object, for example {_HOURS_EXAMPLE}",
        field="dialingStrategy.callingHours",
    )


def _refuse_unknown_keys(document: Mapping[str, object], known: AbstractSet[str], path: str, example: str) -> None:
    """A key that is not understood may change what the others mean."""
    for key in document:
        if key not in known:
            field_path = f"{path}{excerpt(shown_words(str(key)))}"
            raise KoreConfigurationError(
                f"{field_path}: unknown key, so the hours cannot be evaluated; for example {example}", field=field_path
            )


def _read_entry(entry: object, path: str, *, day_optional: bool) -> tuple[Iterable[int], Window]:
    """The days and the window of one entry of ``days``."""
    if not isinstance(entry, Mapping):
        raise unreadable(path, entry, "an entry with day, start and end", _ENTRY_EXAMPLE)
    _refuse_unknown_keys(entry, _ENTRY_KEYS, f"{path}.", _ENTRY_EXAMPLE)
    start = _read_time(entry.get("start"), f"{path}.start")
    end = _read_end(entry.get("end"), f"{path}.end")
    window = _make_window(start, end, f"{path}.end")
    if day_optional and "day" not in entry:
        return range(len(_DAYS)), window
    day = entry.get("day")
    code = day.strip().upper() if isinstance(day, str) else day
    if code not in _DAYS:
        raise unreadable(f"{path}.day", day, "one of " + ", ".join(_DAYS), '"MO"')
    return (_DAYS.index(code),), window


def _read_day_key(key: object) -> list[int]:
    days: list[int] = []
    for part in key.split(",") if isinstance(key, str) else ("",):
        first, dash, last = (piece.strip().upper() for piece in part.partition("-"))
        if first not in _DAYS or (dash and last not in _DAYS):
            raise unreadable("hours", key, "a day or a range of days (" + ", ".join(_DAYS) + ")", _TEXT_EXAMPLE)
        start = _DAYS.index(first)
        length = (_DAYS.index(last) - start) % len(_DAYS) + 1 if dash else 1
        days += [(start + step) % len(_DAYS) for step in range(length)]
    return days


def _read_window(text: object, path: str) -> Window:
    times = _DASH.split(text) if isinstance(text, str) else ()
    if len(times) != 2:
        raise unreadable(path, text, "a window from start to end", '"9:00 AM-6:00 PM"')
    return _make_window(_read_time(times[0], path), _read_end(times[1], path), path)


def _read_time(text: object, path: str) -> int:
    """Minutes after midnight of a 12-hour clock; case, a leading zero and the blank before AM or PM do not matter."""
    match = _TIME.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise unreadable(path, text, "a time of the 12-hour clock", '"9:00 AM"')
    hour, minute, half = match.groups()
    return int(hour) % 12 * 60 + int(minute) + (12 * 60 if half.upper() == "P" else 0)


def _read_end(text: object, path: str) -> int:
    """As ``_read_time``; ``11:59:59.999 PM`` is how the platform spells the midnight that ends a day elsewhere."""
    is_end_of_day = isinstance(text, str) and _END_OF_DAY.fullmatch(text.strip())
    return 0 if is_end_of_day else _read_time(text, path)


def _make_window(start: int, end: int, path: str) -> Window:
    """An end at midnight is that at the end of the day; an end before the start is on the next day."""
    end = end or DAY_MINUTES
    if end == start:
        raise KoreConfigurationError(
            f'{path}: the window ends when it starts; expected another end, for example "9:00 AM" to "6:00 PM", '
            'or "12:00 AM" to "12:00 AM" for the whole day',
            field=path,
        )
    return start, end if end > start else end + DAY_MINUTES


def _union(windows_by_day: Iterable[Iterable[Window]]) -> tuple[tuple[Window, ...], ...]:
    """Overlapping and touching windows of one day as one. Those of two days stay two: each may be closed alone."""
    week: list[tuple[Window, ...]] = []
    for windows in windows_by_day:
        merged: list[Window] = []
        for start, end in sorted(windows):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((start, end))
        week.append(tuple(merged))
    return tuple(week)


def _spell_windows(windows: Iterable[Window]) -> list[tuple[str, str]]:
    spelled: list[tuple[str, str]] = []
    for start, end in windows:
        pieces = [(start, end)]
        if end - start >= DAY_MINUTES and end != DAY_MINUTES:
            # Longer than two clock times can say. The second piece begins at 11:59 PM: it is still this day's.
            pieces = [(start, DAY_MINUTES), (DAY_MINUTES - 1, end)]
        spelled += [(spell_time(start), spell_time(end)) for start, end in pieces]
    return spelled


def _spell_windows_for_people(windows: tuple[Window, ...]) -> str:
    if windows == ((0, DAY_MINUTES),):
        return "all day"
    return " and ".join(f"{start}-{end}" for start, end in _spell_windows(windows))


def _spell_days(days: list[int]) -> str:
    """Like ``Mon-Wed, Fri``."""
    # Days that follow each other keep their distance to their place in the list.
    runs = [[day for _, day in run] for _, run in groupby(enumerate(days), key=lambda placed: placed[1] - placed[0])]
    names = [[_DAY_NAMES[day] for day in run] for run in runs]
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in names)
