"""Rounds of waiting: what was sent is looked at, what was not ready is tried again, and neither for ever.

How far the work is, is told now and then in one short line of the log.
"""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from typing import TYPE_CHECKING

from airflow_provider_campaigns.kore.errors import CampaignTimeoutError
from airflow_provider_campaigns.kore.patience import ENDLESS, Patience
from airflow_provider_campaigns.kore.senders import TELL_EVERY_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from airflow_provider_campaigns.actions.outcomes import Outcomes
    from airflow_provider_campaigns.kore.clock import Clock

log = logging.getLogger(__name__)

_NAMED = 3
"""Campaigns whose ids a line names for each thing that is waited for; fifty of them would hide everything else."""


class Rounds:
    """The campaigns of one action that have neither a result nor an error yet, and until when each is waited for.

    Each has its own deadline, so that one that is slow holds up no other.

    Args:
        outcomes: what has become of the campaigns.
        not_yet: what a campaign that is waited for is not yet, such as ``stopped``.
        poll_interval_s: seconds from one round to the next.
        timeout_s: seconds for which a campaign is waited for.
        clock: the time it lives in.
        patience: until when any campaign is waited for.
    """

    def __init__(
        self,
        outcomes: Outcomes,
        *,
        not_yet: str,
        poll_interval_s: float,
        timeout_s: float,
        clock: Clock,
        patience: Patience = ENDLESS,
    ) -> None:
        self._patience = patience
        self._outcomes = outcomes
        self._poll_interval_s = poll_interval_s
        self._timeout_s = timeout_s
        self._clock = clock
        self._progress = Progress(outcomes.total, not_yet=not_yet, clock=clock)
        self._unready: list[str] = []
        self._deadlines: dict[str, float] = {}
        self._given_s: dict[str, float] = {}
        self._last_seen: dict[str, str] = {}

    def extend(self, campaign_ids: Iterable[str]) -> None:
        """Give campaigns the whole time from now on, or what is left of it."""
        timeout_s = min(self._timeout_s, self._patience.left_s())
        for campaign_id in campaign_ids:
            self._deadlines[campaign_id], self._given_s[campaign_id] = self._clock.monotonic() + timeout_s, timeout_s

    def wait_for(self, campaign_id: str, seen: str) -> None:
        """A campaign is waited for until its time is given anew: something is under way that ends by itself."""
        self._deadlines[campaign_id], self._last_seen[campaign_id] = math.inf, seen

    def see(self, seen: Mapping[str, str]) -> None:
        """Campaigns were read: each, and as what it was seen."""
        self._last_seen.update(seen)

    def try_again(self, campaign_id: str, seen: str) -> None:
        """Nothing can be sent to a campaign yet: it is tried again in the next round."""
        self._last_seen[campaign_id] = seen
        self._unready.append(campaign_id)

    def go_on(
        self,
        *,
        look: Callable[[], None],
        act: Callable[[list[str]], None],
        give_up: Callable[[str, str, str], CampaignTimeoutError | None],
        wait: Callable[[float], None] | None = None,
    ) -> None:
        """Go on until every campaign has a result or an error.

        Args:
            look: reads what was sent something.
            act: tries what was not ready again.
            give_up: no longer waits for a campaign: with its id, as what it was seen last, and the time that was given.
                Returns the error if something was sent to it.
            wait: waits for so many seconds, or until there is something to look at; by default until the next round.
        """
        wait = wait or self._clock.sleep
        while True:
            look()
            self._give_up_on_the_late(give_up)
            if not self._outcomes.open_ids:
                return
            self._wait(wait)
            unready, self._unready = self._unready, []
            act([one for one in unready if one in self._outcomes.open_ids])

    def _give_up_on_the_late(self, give_up: Callable[[str, str, str], CampaignTimeoutError | None]) -> None:
        now = self._clock.monotonic()
        for campaign_id in self._outcomes.open_ids:
            if now >= self._deadlines[campaign_id]:
                seen, timeout = self._last_seen[campaign_id], f"{self._given_s[campaign_id]:.4g} s"
                self._outcomes.failures[campaign_id] = give_up(campaign_id, seen, timeout) or CampaignTimeoutError(
                    f"campaign {campaign_id}: is still {seen} after {timeout}; nothing was sent",
                    campaign_id=campaign_id,
                )

    def _wait(self, wait: Callable[[float], None]) -> None:
        """Wait for the next round, which comes no later than the first deadline."""
        open_ids = self._outcomes.open_ids
        self._progress.tell({one: self._last_seen[one] for one in open_ids})
        left = min(self._deadlines[one] for one in open_ids) - self._clock.monotonic()
        wait(max(0.0, min(self._poll_interval_s, left)))


class Progress:
    """Tells how many of how many campaigns are done, and what is waited for.

    Args:
        total: how many there are.
        not_yet: what the others are not yet, such as ``stopped``.
        clock: the time it lives in.
    """

    def __init__(self, total: int, *, not_yet: str, clock: Clock) -> None:
        self._total = total
        self._not_yet = not_yet
        self._clock = clock
        self._told_at: float | None = None

    def tell(self, waiting: Mapping[str, str]) -> None:
        """Write a line, unless there was one just before. ``waiting``: each campaign that is not done, and as what."""
        now = self._clock.monotonic()
        if self._told_at is not None and now - self._told_at < TELL_EVERY_S:
            return
        self._told_at = now
        done = self._total - len(waiting)
        log.info("%d of %d campaigns done; not %s yet: %s", done, self._total, self._not_yet, summary(waiting))


def summary(waiting: Mapping[str, str]) -> str:
    """Campaigns by what they are: how many, and the ids of some of them."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for campaign_id, kind in waiting.items():
        by_kind[kind].append(campaign_id)
    return ", ".join(f"{len(ids)} {kind} ({_some(ids)})" for kind, ids in by_kind.items())


def _some(ids: list[str]) -> str:
    # One more in full is shorter than to say that there is one more.
    if len(ids) <= _NAMED + 1:
        return ", ".join(ids)
    return f"{', '.join(ids[:_NAMED])} and {len(ids) - _NAMED} more"
