"""The seconds at which calling hours change between open and closed, worked out from windows on a wall clock. Pure.

Time is counted in seconds since 1970-01-01 UTC and cut into chunks of four weeks. For each chunk that is asked about,
its edges are worked out once and kept; every question is then a binary search.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_campaigns.calling_hours_text import DAY_MINUTES

if TYPE_CHECKING:
    from collections.abc import Container
    from zoneinfo import ZoneInfo

    from airflow_provider_campaigns.calling_hours_text import Week

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY_S = 24 * 60 * 60

_WEEK_MINUTES = 7 * DAY_MINUTES
_CHUNK_S = 28 * DAY_S
_EPOCH_ORDINAL = EPOCH.toordinal()
_EPOCH_WEEKDAY = EPOCH.weekday()


def instant(second: int) -> datetime:
    """The second as a datetime in UTC."""
    return EPOCH + timedelta(seconds=second)


class _Chunk(NamedTuple):
    """Four weeks: were they open the second before they began, and the seconds at which that changes."""

    open_before: bool
    edges: list[int]


class Edges:
    """When the windows of a week open and close in one time zone. An edge that closes is the first closed second.

    Args:
        zone: the time zone.
        week: for Monday to Sunday, the disjoint windows that start on that day, in order.
        closed_on: dates whose windows do not take place.
        horizon: how far at least the next and the previous edge are looked for.
    """

    __slots__ = ("_chunks", "_chunks_at_most", "_closed_on", "_week", "_zone")

    def __init__(self, zone: ZoneInfo, week: Week, closed_on: Container[date], *, horizon: timedelta) -> None:
        self._zone = zone
        self._week = week
        self._closed_on = closed_on
        self._chunks_at_most = horizon // timedelta(seconds=_CHUNK_S) + 2  # the first and the last may be partial
        self._chunks: dict[int, _Chunk] = {}

    @property
    def is_always_open(self) -> bool:
        """True if every wall-clock reading is open: windows around the clock, no closed days, and so no edges."""
        if not (isinstance(self._closed_on, frozenset) and not self._closed_on):
            return False
        spans = [
            (day * DAY_MINUTES + start, day * DAY_MINUTES + end)
            for day, windows in enumerate(self._week)
            for start, end in windows
        ]
        # Sunday night's window may run into Monday.
        reach = max(0, max((end for _, end in spans), default=0) - _WEEK_MINUTES)
        for start, end in spans:
            if start > reach:
                return False
            reach = max(reach, end)
        return reach >= _WEEK_MINUTES

    def is_open(self, second: int) -> bool:
        """True if the second is open."""
        open_before, edges = self._chunk(second // _CHUNK_S)
        return bool(open_before ^ (bisect_right(edges, second) & 1))

    def after(self, second: int, *, closing: bool) -> int | None:
        """The first edge strictly after that closes, or opens; None if there is none within the horizon."""
        first = second // _CHUNK_S
        for number in range(first, first + self._chunks_at_most):
            open_before, edges = self._chunk(number)
            index = bisect_right(edges, second)
            # Edges alternate: edge i ends an open time if and only if open_before, flipped i times, is open.
            index += (open_before ^ (index & 1)) != closing
            if index < len(edges):
                return edges[index]
            if self.is_always_open:
                break
        return None

    def before(self, second: int, *, closing: bool) -> int | None:
        """The last such edge at or before."""
        last = second // _CHUNK_S
        for number in range(last, last - self._chunks_at_most, -1):
            open_before, edges = self._chunk(number)
            index = bisect_right(edges, second) - 1
            index -= (open_before ^ (index & 1)) != closing
            if index >= 0:
                return edges[index]
            if self.is_always_open:
                break
        return None

    def _chunk(self, number: int) -> _Chunk:
        chunk = self._chunks.get(number)
        if chunk is None:
            # Two threads may both get here; they store the same.
            chunk = self._chunks[number] = self._work_out_chunk(number)
        return chunk

    def _work_out_chunk(self, number: int) -> _Chunk:
        """The edges in four weeks, found by laying the wall-clock windows over each run of one UTC offset.

        The work begins a second early, which tells a window that opens with the chunk from one that was open before.
        """
        edges: list[int] = []
        before, end = number * _CHUNK_S - 1, (number + 1) * _CHUNK_S
        for run_start, run_end, offset in _offset_runs(self._zone, before, end):
            # From yesterday's overnight window on. Windows come in order of their starts, so one pass merges them.
            for day in range((run_start + offset) // DAY_S - 1, (run_end - 1 + offset) // DAY_S + 1):
                windows = self._week[(day + _EPOCH_WEEKDAY) % 7]
                if not windows or date.fromordinal(day + _EPOCH_ORDINAL) in self._closed_on:
                    continue
                midnight = day * DAY_S - offset
                for window_start, window_end in windows:
                    opens = max(midnight + window_start * 60, run_start)
                    closes = min(midnight + window_end * 60, run_end)
                    if opens >= closes:
                        continue
                    if edges and opens <= edges[-1]:
                        edges[-1] = max(edges[-1], closes)
                    else:
                        edges += (opens, closes)
        open_before = bool(edges) and edges[0] == before
        open_at_end = bool(edges) and edges[-1] == end
        return _Chunk(open_before, edges[open_before : len(edges) - open_at_end])


def _offset(zone: ZoneInfo, second: int) -> int:
    """Seconds that local clocks are ahead of UTC."""
    return (instant(second).astimezone(zone).replace(tzinfo=UTC) - EPOCH) // SECOND - second


@lru_cache(maxsize=1024)
def _offset_runs(zone: ZoneInfo, start: int, end: int) -> list[tuple[int, int, int]]:
    """Cuts ``[start, end)`` into runs of one UTC offset: ``(start, end, offset)``, all in seconds.

    ``zoneinfo`` does not tell when clocks change, so the offset is read once a day, and where it differs the second of
    the change is searched for. This misses nothing: in the tz database of 2026 no two changes of an offset lie closer
    together than 95 hours (Africa/Freetown in 1939; since 1970, 167 hours).
    """
    starts = [start]
    for earlier, later in pairwise([*range(start, end, DAY_S), end]):
        if _offset(zone, earlier) != _offset(zone, later):
            starts.append(_change_of_offset(zone, earlier, later))
    return [(run, run_end, _offset(zone, run)) for run, run_end in pairwise([*starts, end]) if run < run_end]


def _change_of_offset(zone: ZoneInfo, earlier: int, later: int) -> int:
    """The first second after ``earlier`` whose offset is another, where that of ``later`` is another."""
    offset = _offset(zone, earlier)
    return earlier + bisect_left(range(earlier, later), True, key=lambda second: _offset(zone, second) != offset)
