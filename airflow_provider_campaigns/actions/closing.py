"""When a campaign is to be stopped: the close of its last day's calling hours, for every clock that counts. Pure.

A run of a DAG is for one business day. The close of that day is the same however often the run is retried, cleared or
delayed, because it follows from the run's own instant and never from the clock; the clock only says whether to wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from airflow_provider_campaigns.kore.clock import instant_text
from airflow_provider_campaigns.kore.errors import CampaignStateError, KoreConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from airflow_provider_campaigns.calling_hours import CallingHours

LATE_LIMIT = timedelta(hours=24)
"""A run that is later than this is no longer about that close; whether to stop at all is for a person to say."""

JUST_CLOSED = timedelta(minutes=60)
"""So long after a close a run is still for it, and not for the day that has begun meanwhile."""

_A_WEEK = timedelta(days=8)
"""Within this every week's hours close that close at all, also where a long stretch has one more hour."""


@dataclass(frozen=True, slots=True)
class Closing:
    """The close at which a campaign is stopped.

    Attributes:
        day: the business day that the close is for, in the campaign's zone.
        at: the instant at which nobody of that day may be called any more, in any of the zones, and that is not in the
            middle of a later day of the campaign's own hours.
    """

    day: date
    at: datetime


@dataclass(frozen=True, slots=True)
class Schedule:
    """The clocks that count for one campaign.

    Attributes:
        hours: the campaign's calling hours.
        contact_timezones: zones in which contacts live. A contact's own zone overrides the campaign's, so dialing goes
            on in zones further west after the campaign's own close.
        last_day: the last date, in the campaign's zone, on which its hours may begin; None if nobody has said.
    """

    hours: CallingHours
    contact_timezones: Sequence[str] = ()
    last_day: date | None = None

    def closing_for(self, run_at: datetime) -> Closing:
        """The close that a run at this instant is for.

        The day is the business day of the instant in the campaign's zone, or that of a close which is at most an hour
        ago and nearer than the next opening; the close is the latest close of that date in any of the zones, or the
        instant itself if all are closed on that date. Where that is in the middle of a later day of the campaign's own
        hours, because a zone is so much further west, it is the last close of that later day.

        Hours that began by ``last_day`` and go on beyond noon of the next date end at the midnight between, in each
        zone. Once ``last_day`` is over, or closed, a run that comes before the hours of its day is for the evening
        before them, and so the instant itself if that has closed everywhere.

        Raises:
            KoreConfigurationError: the hours never close, or not within a week; says to use ``when="now"``.
        """
        self._check_that_hours_end(run_at)
        day, earliest = self._day_of(run_at), None
        if (evening := self._evening_before(day, run_at)) is not None:
            day, earliest = evening, run_at
        clocks = [self.hours, *map(self.hours.in_zone, self.contact_timezones)]
        closes = [close for close in (self._close_of(clock, day) for clock in clocks) if close is not None]
        at = max(closes, default=run_at)
        at = at if earliest is None else max(at, earliest)
        later = self._later_day_going_on(at, day)
        return Closing(day, at if later is None else later.at)

    def is_early(self, run_at: datetime) -> bool:
        """True if hours begin after the business day of this run and by ``last_day``, so that nothing is done yet.

        Raises:
            KoreConfigurationError: there is a last day, none begin by then, and the hours do not end either.
        """
        if self.last_day is None:
            return False
        stretches = self.hours.stretches_of_day(self._day_of(run_at))
        opening = self.hours.next_open(stretches[-1].opens_at or run_at if stretches else run_at)
        if opening is not None and self.hours.business_day(opening) <= self.last_day:
            return True
        self._check_that_hours_end(run_at)
        return False

    def closing_to_act_on(self, run_at: datetime, now: datetime, *, chosen: Closing | None = None) -> Closing:
        """The close to wait for, or - if it is not after ``now`` - the one that has come.

        ``chosen`` is the close that was waited for until now; without it, it is the run's own.

        Before the run's close: that. After it, while the campaign is closed: that, so it is stopped at once. After it,
        while the campaign is in the middle of a later day of its own hours, which is a late run: their last close on
        that day, because a stop before would lose what they are there for. Contacts further west are not waited for a
        second time.

        Raises:
            CampaignStateError: the run's close, and the hours that ``last_day`` cut short, ended more than 24 hours
                ago; no retry helps.
            KoreConfigurationError: the hours never close, or not within a week.
        """
        closing = chosen or self.closing_for(run_at)
        if now < closing.at:
            return closing
        ended = max(closing.at, self.hours.last_close_of_day(closing.day) or closing.at)
        if now - ended > LATE_LIMIT:
            raise CampaignStateError(
                f"the close of {closing.day} was at {instant_text(closing.at)}, more than "
                f"{LATE_LIMIT // timedelta(hours=1)} hours ago; nothing was sent. "
                'when="now" stops the campaign at once'
            )
        return self._later_day_going_on(now, closing.day) or closing

    def _day_of(self, run_at: datetime) -> date:
        """The business day that a run at this instant is for."""
        closed, opens = self.hours.previous_close(run_at), self.hours.next_open(run_at)
        if closed is None or self.hours.is_open(run_at):
            return self.hours.business_day(run_at)
        is_near = run_at - closed <= JUST_CLOSED and (opens is None or run_at - closed < opens - run_at)
        return self.hours.business_day(closed if is_near else run_at)

    def _evening_before(self, day: date, run_at: datetime) -> date | None:
        """The business day that went before, if this one has no hours by ``last_day`` and none have begun."""
        if self.last_day is None:
            return None
        opens = self.hours.first_open_of_day(day)
        if opens is not None and (day <= self.last_day or opens <= run_at):
            return None
        opened = self.hours.previous_open(run_at)
        return None if opened is None else self.hours.business_day(opened)

    def _close_of(self, clock: CallingHours, day: date) -> datetime | None:
        """The last close of that date by one clock, or the midnight that ends ``last_day``; None if it is closed."""
        close = clock.last_close_of_day(day)
        if close is None:
            # Hours around the clock may have begun longer ago than anybody has looked.
            stretch = clock.stretch_at(_wall(clock, day, 12))
            close = stretch.closes_at if stretch is not None and stretch.opens_at is None else None
        if close is not None and self.last_day is not None and day <= self.last_day:
            after = self.last_day + timedelta(days=1)
            if close > _wall(clock, after, 12):
                return _wall(clock, after, 0)
        return close

    def _later_day_going_on(self, at: datetime, day: date) -> Closing | None:
        """The last close of another day that the campaign's own hours are in the middle of; None if they are not.

        A break between two stretches of a day is in the middle: what was called before it goes on after it.
        """
        self._check_that_hours_end(at)
        later = self.hours.business_day(at)
        opens_at, closes_at = self.hours.first_open_of_day(later), self.hours.last_close_of_day(later)
        if later == day or opens_at is None or closes_at is None or not opens_at <= at < closes_at:
            return None
        return Closing(later, closes_at)

    def _check_that_hours_end(self, at: datetime) -> None:
        """Raise KoreConfigurationError if it is open then, and will be for longer than a week."""
        stretch = self.hours.stretch_at(at)
        if stretch is None or (stretch.closes_at is not None and stretch.closes_at - at <= _A_WEEK):
            return
        never = "never close" if stretch.closes_at is None else f"do not close before {instant_text(stretch.closes_at)}"
        raise KoreConfigurationError(
            f"calling_hours: {self.hours} {never}, so there is no close to stop at; "
            'when="now" stops at once, for example on a schedule of its own',
            field="calling_hours",
        )


def _wall(clock: CallingHours, day: date, hour: int) -> datetime:
    """When that clock shows that hour of that date."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(clock.timezone)).astimezone(UTC)
