"""The instant at which stops are sent, and how to be ready for it: armed in time, and read once more just before."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_campaigns.actions.outcomes import Outcomes
from airflow_provider_campaigns.actions.reading import LIST_FROM, CampaignReader
from airflow_provider_campaigns.actions.stopping.step import Step, step_for
from airflow_provider_campaigns.kore.budget import WINDOW_S, Priority
from airflow_provider_campaigns.kore.clock import Clock, instant_text
from airflow_provider_campaigns.kore.errors import CampaignMismatchError, CampaignStateError, KoreError
from airflow_provider_campaigns.kore.patience import ENDLESS, Patience
from airflow_provider_campaigns.kore.senders import SENDERS
from airflow_provider_campaigns.kore.stand_ins import Need

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow_provider_campaigns.actions.targets import Target
    from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignType
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.presence import ProvenMissing
    from airflow_provider_campaigns.kore.service_clock import ClockGap

log = logging.getLogger(__name__)

LAST_LOOK = timedelta(seconds=3)
"""How long before the instant the campaigns are read once more, which also opens the connections for the stops.

Common servers close a connection after five seconds of silence; the stops must not meet one that is being closed.
"""

LAST_LOOK_ENDS = timedelta(seconds=1)
"""How long before the instant that last look is over, whether it was answered or not."""

ROOM = timedelta(seconds=WINDOW_S)
"""How long before the instant room for the stops is kept; what was sent earlier no longer counts at the instant."""


_CLOCKS_AGREE_S = 1.0
"""So far from the service's, this machine's clock is not taken to be wrong."""

_MOST_CLOCK_WAIT_S = 30.0
"""For a clock that is further ahead the stops wait no longer: it may be the service's that is wrong."""


def armed_at(close: datetime, lead_time: timedelta) -> datetime:
    """When a worker is to be there for a close: ``lead_time`` before it, and always early enough to keep the room.

    A shorter ``lead_time`` would give that room up: only a process that is there keeps it.
    """
    return close - max(lead_time, ROOM)


@dataclass(frozen=True, slots=True)
class StopMoment:
    """When stops are sent.

    Attributes:
        at: nothing that stops is sent before.
        expires: by campaign, when its hours begin again: from then on its stop is not sent any more. A campaign that
            is not in it, or whose instant is None, never expires.
        closes: by campaign, the instant that it is stopped for, where that is before ``at``.
        ends: from then on nothing of it is waited for, because something else is due; None if nothing is.
    """

    at: datetime
    expires: Mapping[str, datetime | None] = field(default_factory=dict)
    closes: Mapping[str, datetime] = field(default_factory=dict)
    ends: datetime | None = None

    def patience_to_look(self, clock: Clock) -> Patience:
        """How long the last look is waited for."""
        return Patience.until(self.at - LAST_LOOK_ENDS, clock)

    def patience(self, clock: Clock) -> Patience:
        """How long anything is waited for, before and after."""
        return ENDLESS if self.ends is None else Patience.until(self.ends, clock)

    def due_at(self, gap: ClockGap | None) -> datetime:
        """When stops are sent: at the instant as this machine's clock and the service's tell it, the later of both.

        Not later than 30 s for that; and not at all where the clocks may be less than a second apart.
        """
        is_ahead = gap is not None and gap.least_s > _CLOCKS_AGREE_S
        return self.at + timedelta(seconds=min(gap.most_s, _MOST_CLOCK_WAIT_S) if gap and is_ahead else 0.0)

    def lateness_s(self, campaign_id: str, now: datetime) -> float:
        """Seconds since the instant that the campaign is stopped for, to the millisecond."""
        return round((now - self.closes.get(campaign_id, self.at)).total_seconds(), 3)

    def check(self, campaign_id: str, now: datetime) -> None:
        """Make sure that the campaign may still be stopped for this instant.

        Raises:
            CampaignStateError: its hours have begun again, because something took very long; a retry decides anew.
        """
        expires = self.expires.get(campaign_id)
        if expires is not None and now >= expires:
            close = self.closes.get(campaign_id, self.at)
            raise CampaignStateError(
                f"campaign {campaign_id}: its calling hours began again at {instant_text(expires)}, before the stop "
                f"for the close at {instant_text(close)} could be sent; nothing was sent",
                campaign_id=campaign_id,
                retryable=True,
            )


@dataclass(frozen=True, slots=True)
class LastLook:
    """What became of the last look.

    Attributes:
        found: the campaigns as they are, or were when this was planned, by campaign id.
        failures: what is not what it was taken for, by campaign id.
        unread: what can only be read once all stops are out.
    """

    found: Mapping[str, Campaign | ProvenMissing]
    failures: Mapping[str, KoreError]
    unread: list[Target]


def look_before(
    moment: StopMoment,
    client: KoreClient,
    targets: Sequence[Target],
    campaign_type: CampaignType,
    *,
    planned: Mapping[str, Campaign],
    clock: Clock,
) -> LastLook:
    """Read campaigns shortly before the moment, and so open the connections that their stops go out over.

    No stop waits for that: it is over before the moment, and what cannot be read by then is what it was when it was
    planned, if it ran.
    """
    patience = moment.patience_to_look(clock)
    # One list is worth its place. One request for each campaign is not, where many tasks have a stop each to send.
    is_worth_it = len(targets) >= LIST_FROM
    priority = Priority.STOP if is_worth_it else Priority.READ
    reader = CampaignReader(client, need=Need.STATUS, priority=priority, patience=patience)
    # What the stops leave of a minute's requests is for this look, and for proving them.
    most_pages = max(1, (client.settings.requests_per_minute - len(targets)) // 2)
    by_id = {target.campaign_id: target for target in targets}
    looked = Outcomes(by_id)
    with _warm_connections(client, list(by_id) if is_worth_it else [], patience):
        found = reader.read_many(targets, campaign_type, looked, most_alone=LIST_FROM - 1, most_pages=most_pages)
    failures, unread = {}, []
    for campaign_id, error in looked.failures.items():
        before = planned.get(campaign_id)
        if isinstance(error, CampaignMismatchError):
            failures[campaign_id] = error
        elif before is not None and step_for(before) is Step.SEND:
            log.warning(
                "campaign %s: cannot be read before its stop (%s); it was %s when this was planned, and is stopped",
                campaign_id,
                error,
                before.status,
            )
            found[campaign_id] = before
        else:
            unread.append(by_id[campaign_id])
    return LastLook(found, failures, unread)


def warn_of_clocks(moment: StopMoment, gap: ClockGap | None) -> None:
    """Say that this machine's clock and the service's are more than a second apart, and what that means."""
    if gap is not None and gap.least_s > _CLOCKS_AGREE_S:
        log.warning(
            "this machine's clock is %.0f s ahead of the service's, so the stops for %s wait until it says %s: set the "
            "clock, best by NTP",
            gap.most_s,
            instant_text(moment.at),
            instant_text(moment.due_at(gap)),
        )
    elif gap is not None and gap.most_s < -_CLOCKS_AGREE_S:
        log.warning(
            "this machine's clock is %.0f s behind the service's, so the stops for %s may come so much too late: set "
            "the clock, best by NTP",
            -gap.least_s,
            instant_text(moment.at),
        )


@contextmanager
def _warm_connections(client: KoreClient, campaign_ids: Sequence[str], patience: Patience) -> Iterator[None]:
    """Open a connection for each sender while the block does a reading of its own.

    One status is read for each further connection, all at once, so that they overlap: real requests warm the pool that
    requests really uses. What they answer does not matter here; the block's own reading decides. Where the budget has
    no place for one, it is left out: it must not take the place of a stop.
    """

    def read(campaign_id: str) -> None:
        try:
            client.warm_connection(campaign_id, patience=patience)
        except KoreError as error:
            log.debug("campaign %s: no connection opened early: %s", campaign_id, error)

    with ThreadPoolExecutor(max_workers=SENDERS, thread_name_prefix="warm") as pool:
        for campaign_id in campaign_ids[: SENDERS - 1]:
            pool.submit(read, campaign_id)
        yield
