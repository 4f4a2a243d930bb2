"""When a campaign is to be stopped: the close of its last day's calling hours, for every clock that counts. Pure.

A run of a DAG is for one business day. The close of that day is the same however often the run is retried, cleared or
delayed, because it follows from the run's own instant and never from the clock; the clock only says whether to wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_campaigns.actions.clock import instant_text
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
        day: the business day that ends, in the campaign's zone.
        at: the instant from which nobody may be called any more, in any of the zones.
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
        any of the zones, or the instant itself if all are closed on that date.

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
        return Closing(day, max(closes, default=run_at))

    def closing_to_act_on(self, run_at: datetime, now: datetime, *, chosen: Closing | None = None) -> Closing:
        """The close to wait for, or - if it is not after ``now`` - the one that has come.

        ``chosen`` is the close that was waited for until now; without it, it is the run's own.

        Before the run's close: that. After it, while the campaign is closed: that, so it is stopped at once. After it,
        while the campaign is inside a later day's hours, which is a late run: the close of that later day, because a
        stop in the middle of the hours would lose what they are there for.

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
        return self.closing_for(now) if self.hours.is_open(now) else closing
