"""Calling hours: the wall-clock windows of a week in which contacts may be called, and what follows from them.

One definition, from which everything else derives: **an instant is open if and only if its wall-clock reading in the
zone lies in a window** ``[start, end)``. So where clocks are turned back, an edge inside the repeated hour occurs
twice; where they are turned forward, a window that starts in the skipped hour opens when the clock resumes, one that
ends there closes at the jump, and one that lies wholly inside never opens. ``docs/calling-hours.md`` tells every rule.

Instants go in as aware datetimes of any zone (naive ones raise) and come out in UTC, because Python compares and
subtracts two datetimes of one zone by their wall clocks, which is wrong across a change of clocks. Close to the years 1
and 9999, where Python's calendar ends, the answer may be an OverflowError.

How it is computed stands in ``calling_hours_edges``, which knows seconds only.
"""

from __future__ import annotations

from collections.abc import Collection, Container
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_campaigns.calling_hours_edges import DAY_S, EPOCH, SECOND, Edges, instant
from airflow_provider_campaigns.calling_hours_text import (
    Week,
    read_zone,
    unreadable,
    warn_of_fixed_offset,
    week_from_api,
    week_from_text,
    week_to_api,
    week_to_text,
)
from airflow_provider_campaigns.kore.errors import KoreConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

HORIZON = timedelta(days=10 * 366)
"""How far at least ``next_*`` and ``previous_*`` look; only closed days can put the next change farther away."""

_PLAIN_COLLECTIONS = (set, frozenset, list, tuple, dict)


class Stretch(NamedTuple):
    """A maximal open interval ``[opens_at, closes_at)`` in UTC: open throughout, closed before and after.

    An edge is None where there is none within ``HORIZON``, which only hours around the clock have.
    """

    opens_at: datetime | None
    closes_at: datetime | None


@dataclass(frozen=True, slots=True, repr=False)
class CallingHours:
    """The windows of a week in one time zone, less the days that a calendar closes.

    Made by ``from_api`` or ``parse``. Immutable; equal if zone, union of windows and calendar are equal; hashable with
    any calendar; safe to share between threads. ``str()`` is one line of text for people.

    Attributes:
        timezone: name in the tz database.
        week: for Monday to Sunday, the disjoint windows that start on that day, in order.
        closed_on: dates whose windows do not take place. A window belongs to the day it starts on, so a closed
            Tuesday leaves the end of Monday's overnight window open.
    """

    timezone: str
    week: Week
    closed_on: Container[date] = field(default=frozenset(), hash=False)
    _zone: ZoneInfo = field(init=False, compare=False)
    _edges: Edges = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Checks zone and calendar; raises KoreConfigurationError."""
        zone = read_zone(self.timezone, "timezone")
        object.__setattr__(self, "_zone", zone)
        object.__setattr__(self, "timezone", zone.key)
        object.__setattr__(self, "closed_on", _read_calendar(self.closed_on))
        object.__setattr__(self, "_edges", Edges(self._zone, self.week, self.closed_on, horizon=HORIZON))

    @classmethod
    def from_api(cls, document: Mapping[str, object], *, closed_on: Container[date] = frozenset()) -> CallingHours:
        """The hours in a calling-hours object of the service, or in a campaign object that holds one.

        List items of the service carry none; read the campaign by its id. What cannot be read, an unknown key
        included, is never taken as closed: it raises KoreConfigurationError naming the field.

        A zone of a fixed offset, such as ``EST``, is taken at its word, and logged as a warning.

        ``closed_on`` is any container of dates, such as a set or a calendar of the ``holidays`` package. What it
        answers for a date must not change.

        Source: pages delete-voice-campaign and delete-sms-campaign, whose answers hold the object.
        """
        timezone, week = week_from_api(document)
        warn_of_fixed_offset(timezone)
        return cls(timezone, week, closed_on)

    @classmethod
    def parse(
        cls, timezone: str, hours: Mapping[str, str | Sequence[str]], *, closed_on: Container[date] = frozenset()
    ) -> CallingHours:
        """The hours as people write them: ``parse("Asia/Kolkata", {"MO-FR": "9:00 AM-6:00 PM"})``.

        A key is a day (``MO`` ... ``SU``), a range (``MO-FR``, also ``SA-MO``) or several of these with commas; a value
        is one window or a list. A day that is named twice has all its windows; a day that is not named is closed.
        Times are those of the service: 12-hour clock, ``12:00 AM`` as an end is midnight. ``closed_on`` as in
        ``from_api``. What cannot be read raises KoreConfigurationError naming the field.
        """
        read = cls(timezone, week_from_text(hours), closed_on)
        warn_of_fixed_offset(read.timezone)
        return read

    def to_api(self) -> dict[str, object]:
        """The calling-hours object of the service, always ``WEEKLY``; ``from_api`` reads it back as equal hours.

        The service knows no closed days, so ``closed_on`` is not in it.
        """
        return {"frequency": "WEEKLY", "timezone": self.timezone, "days": week_to_api(self.week)}

    def in_zone(self, timezone: str) -> CallingHours:
        """The same wall-clock hours and closed dates in another zone: those of a contact who lives there."""
        return replace(self, timezone=timezone)

    @property
    def never_closes(self) -> bool:
        """True if every wall-clock reading is open: windows around the clock, and no closed days at all."""
        return self._edges.is_always_open

    def is_open(self, at: datetime) -> bool:
        """True if the zone's wall clock at that instant lies in a window; a start is open, an end is closed."""
        return self._edges.is_open(_seconds(at, "at"))

    def next_open(self, after: datetime) -> datetime | None:
        """The first instant strictly after at which closed becomes open; None if there is none within ``HORIZON``."""
        return _instant_or_none(self._edges.after(_seconds(after, "after"), closing=False))

    def next_close(self, after: datetime) -> datetime | None:
        """The first instant strictly after at which open becomes closed; None if there is none within ``HORIZON``."""
        return _instant_or_none(self._edges.after(_seconds(after, "after"), closing=True))

    def previous_open(self, at: datetime) -> datetime | None:
        """The last instant at or before at which closed became open; None if there is none within ``HORIZON``."""
        return _instant_or_none(self._edges.before(_seconds(at, "at"), closing=False))

    def previous_close(self, at: datetime) -> datetime | None:
        """The last instant at or before at which open became closed; None if there is none within ``HORIZON``."""
        return _instant_or_none(self._edges.before(_seconds(at, "at"), closing=True))

    def stretch_at(self, at: datetime) -> Stretch | None:
        """The whole stretch that contains the instant; None if it is closed then."""
        second = _seconds(at, "at")
        return self._stretch_at(second) if self._edges.is_open(second) else None

    def windows(self, start: datetime, end: datetime) -> list[Stretch]:
        """The stretches that overlap ``[start, end)``, in order, each of them whole.

        They are not clipped, so that every edge in the answer is a real one. An empty range has none; an end before
        the start raises KoreConfigurationError.
        """
        since, until = _since_epoch(start, "start"), _since_epoch(end, "end")
        if until < since:
            raise KoreConfigurationError(f"end: {end} is before start: {start}; expected start, then end", field="end")
        if until == since:
            return []
        first, stop = since // SECOND, -(-until // SECOND)
        before = [self._stretch_at(first)] if self._edges.is_open(first) else []
        return before + [self._stretch_at(opening) for opening in self._openings(first + 1, stop)]

    def stretches_of_day(self, day: date) -> list[Stretch]:
        """The stretches that begin on that local date, in order; the last may end on a later date."""
        midnight = (_read_date(day, "day").toordinal() - EPOCH.toordinal()) * DAY_S
        # Local clocks differ from UTC by less than a day, so the date is somewhere in these three days.
        return [
            self._stretch_at(opening)
            for opening in self._openings(midnight - DAY_S, midnight + 2 * DAY_S)
            if self._local_date(opening) == day
        ]

    def first_open_of_day(self, day: date) -> datetime | None:
        """The start of the first stretch that begins on that local date; None if none does."""
        stretches = self.stretches_of_day(day)
        return stretches[0].opens_at if stretches else None

    def last_close_of_day(self, day: date) -> datetime | None:
        """The end of the last stretch that begins on that local date; None if none begins, or it never ends.

        An overnight stretch closes on the next date, and closes the day on which it began.
        """
        stretches = self.stretches_of_day(day)
        return stretches[-1].closes_at if stretches else None

    def business_day(self, at: datetime) -> date:
        """The local date on which the stretch began that contains the instant or ends at it, else its local date.

        So the close of a stretch and every instant of it, also those after midnight, belong to one business day.
        """
        second = _seconds(at, "at")
        ends_there = at.microsecond == 0 and self._edges.is_open(second - 1)
        if ends_there or self._edges.is_open(second):
            opening = self._edges.before(second, closing=False)
            if opening is not None:
                return self._local_date(opening)
        return self._local_date(second)

    def __str__(self) -> str:
        """Like ``Mon-Fri 9:00 AM-6:00 PM; Sat 9:00 AM-12:00 PM and 1:00 PM-4:00 PM, Asia/Kolkata``."""
        text = week_to_text(self.week)
        if not isinstance(self.closed_on, frozenset):
            text += " except on a calendar's closed days"
        elif self.closed_on:
            text += f" except on {len(self.closed_on)} closed day{'s'[: len(self.closed_on) > 1]}"
        return f"{text}, {self.timezone}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"

    def _openings(self, start: int, end: int) -> Iterable[int]:
        """The openings in ``[start, end)``."""
        opening = self._edges.after(start - 1, closing=False)
        while opening is not None and opening < end:
            yield opening
            opening = self._edges.after(opening, closing=False)

    def _stretch_at(self, second: int) -> Stretch:
        """The stretch that contains the second, which is open."""
        return Stretch(
            _instant_or_none(self._edges.before(second, closing=False)),
            _instant_or_none(self._edges.after(second, closing=True)),
        )

    def _local_date(self, second: int) -> date:
        return instant(second).astimezone(self._zone).date()


def _since_epoch(at: datetime, name: str) -> timedelta:
    try:
        # Not the operator: pendulum's datetimes answer it with a type of their own, which cannot be divided.
        return datetime.__sub__(at, EPOCH)
    except TypeError:
        raise unreadable(name, at, "a datetime with a time zone", "datetime.now(tz=UTC)") from None


def _seconds(at: datetime, name: str) -> int:
    """Seconds since 1970-01-01 UTC, rounded down; edges are whole seconds, so no comparison with one changes."""
    return _since_epoch(at, name) // SECOND


def _instant_or_none(second: int | None) -> datetime | None:
    return None if second is None else instant(second)


def _read_calendar(closed_on: object) -> Container[date]:
    """Copies plain collections; keeps other calendars, which may work out their days only when asked."""
    if not isinstance(closed_on, Container) or isinstance(closed_on, str | bytes):
        raise unreadable("closed_on", closed_on, "a container of dates", "{datetime.date(2025, 12, 25)}")
    if isinstance(closed_on, Collection):
        days = frozenset(_read_date(day, "closed_on") for day in closed_on)
        if type(closed_on) in _PLAIN_COLLECTIONS:
            return days
    return closed_on


def _read_date(day: object, path: str) -> date:
    """A datetime is refused, though Python calls it a date: it equals none, and its date depends on a zone."""
    if not isinstance(day, date) or isinstance(day, datetime):
        raise unreadable(path, day, "a date", "datetime.date(2025, 12, 25)")
    return day
