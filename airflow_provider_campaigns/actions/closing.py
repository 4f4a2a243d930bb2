"""When a campaign is to be stopped: the close of its last day's calling hours, for every clock that counts. Pure.

A run of a DAG is for one business day. The close of that day is the same however often the run is retried, cleared or
delayed, because it follows from the run's own instant and never from the clock; the clock only says whether to wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_campaigns.kore.clock import instant_text
from airflow_provider_campaigns.kore.errors import CampaignStateError, KoreConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from airflow_provider_campaigns.calling_hours import CallingHours

LATE_LIMIT = timedelta(hours=24)
"""A run that is later than this is no longer about that close; whether to stop at all is for a person to say."""


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
    """

    hours: CallingHours
    contact_timezones: Sequence[str] = ()

    def closing_for(self, run_at: datetime) -> Closing:
        """The close that a run at this instant is for.

        The day is the business day of the instant in the campaign's zone; the close is the latest close of that date in
        any of the zones, or the instant itself if all are closed on that date. Where that is in the middle of a later
        day of the campaign's own hours, because a zone is so much further west, it is the last close of that later day.

        Raises:
            KoreConfigurationError: the hours never close; says to use ``when="now"``.
        """
        if self.hours.never_closes:
            raise KoreConfigurationError(
                f"calling_hours: {self.hours} never close, so there is no close to stop at; "
                'when="now" stops at once, for example on a schedule of its own',
                field="calling_hours",
            )
        day = self.hours.business_day(run_at)
        clocks = [self.hours, *map(self.hours.in_zone, self.contact_timezones)]
        closes = [close for close in (clock.last_close_of_day(day) for clock in clocks) if close is not None]
        at = max(closes, default=run_at)
        later = self._own_day_going_on(at)
        return Closing(day, at if later is None else later.at)

    def is_before(self, last_day: date, run_at: datetime) -> bool:
        """True if the run at this instant is for a business day before ``last_day``, so that nothing is done yet.

        Raises:
            KoreConfigurationError: the hours never close.
        """
        return self.closing_for(run_at).day < last_day

    def closing_to_act_on(self, run_at: datetime, now: datetime, *, chosen: Closing | None = None) -> Closing:
        """The close to wait for, or - if it is not after ``now`` - the one that has come.

        ``chosen`` is the close that was waited for until now; without it, it is the run's own.

        Before the run's close: that. After it, while the campaign is closed: that, so it is stopped at once. After it,
        while the campaign is in the middle of a later day of its own hours, which is a late run: their last close on
        that day, because a stop before would lose what they are there for. Contacts further west are not waited for a
        second time.

        Raises:
            CampaignStateError: the run's close is more than 24 hours ago; no retry helps.
            KoreConfigurationError: the hours never close.
        """
        closing = chosen or self.closing_for(run_at)
        if now < closing.at:
            return closing
        if now - closing.at > LATE_LIMIT:
            raise CampaignStateError(
                f"the close of {closing.day} was at {instant_text(closing.at)}, more than "
                f"{LATE_LIMIT // timedelta(hours=1)} hours ago; nothing was sent. "
                'when="now" stops the campaign at once'
            )
        return self._own_day_going_on(now) or closing

    def _own_day_going_on(self, at: datetime) -> Closing | None:
        """The last close of the day that the campaign's own hours are in the middle of; None if they are not.

        A break between two stretches of a day is in the middle: what was called before it goes on after it.
        """
        day = self.hours.business_day(at)
        opens_at, closes_at = self.hours.first_open_of_day(day), self.hours.last_close_of_day(day)
        if opens_at is None or closes_at is None or not opens_at <= at < closes_at:
            return None
        return Closing(day, closes_at)
