"""The instant at which stops are sent, and how to be ready for it."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_campaigns.actions.senders import SENDERS
from airflow_provider_campaigns.kore.clock import instant_text, wait_until
from airflow_provider_campaigns.kore.errors import CampaignStateError, KoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.clock import Clock

log = logging.getLogger(__name__)

REFRESH = timedelta(seconds=5)
"""How long before the instant the campaigns are read once more, which also opens the connections for the stops."""

LOOK_ENDS = timedelta(seconds=1)
"""How long before the instant that last reading is over, whether it was answered or not."""

RESERVE = timedelta(seconds=60)
"""How long before the instant room for the stops is kept; what was sent earlier no longer counts at the instant."""


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

    def reserve(self, clock: Clock) -> None:
        """Wait for the time from which on room for the stops is to be kept: a window of the budget before them."""
        wait_until(self.at - RESERVE, clock)

    def refresh(self, clock: Clock) -> None:
        """Wait for the time to read the campaigns once more."""
        wait_until(self.at - REFRESH, clock)

    def look_s(self, clock: Clock) -> float:
        """Seconds that are left for the last reading."""
        return max(0.0, (self.at - LOOK_ENDS - clock.now()).total_seconds())

    def arrive(self, clock: Clock) -> None:
        """Wait for the instant itself."""
        wait_until(self.at, clock)

    def left_s(self, clock: Clock) -> float | None:
        """Seconds until nothing is waited for any more; None for as long as it takes."""
        return None if self.ends is None else max(0.0, (self.ends - clock.now()).total_seconds())

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


@contextmanager
def warm_connections(client: KoreClient, campaign_ids: Sequence[str], *, answer_timeout_s: float) -> Iterator[None]:
    """Open a connection for each sender while the block does a reading of its own.

    One status is read for each further connection, all at once, so that they overlap: real requests warm the pool that
    requests really uses. What they answer does not matter here; the block's own reading decides. Where the budget has
    no place for one, it is left out: it must not take the place of a stop. None is waited for longer than
    ``answer_timeout_s``.
    """

    def read(campaign_id: str) -> None:
        try:
            client.warm_connection(campaign_id, answer_timeout_s=answer_timeout_s)
        except KoreError as error:
            log.debug("campaign %s: no connection opened early: %s", campaign_id, error)

    with ThreadPoolExecutor(max_workers=SENDERS, thread_name_prefix="warm") as pool:
        for campaign_id in campaign_ids[: SENDERS - 1]:
            pool.submit(read, campaign_id)
        yield
