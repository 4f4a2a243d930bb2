"""Rounds of waiting: what was sent is looked at, what was not ready is tried again, and neither for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_campaigns.actions.progress import Progress
from airflow_provider_campaigns.kore.errors import CampaignTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from airflow_provider_campaigns.actions.outcomes import Outcomes
    from airflow_provider_campaigns.actions.targets import Target
    from airflow_provider_campaigns.kore.clock import Clock


class Rounds:
    """The campaigns of one action that have neither a result nor an error yet, and until when each is waited for.

    Each has its own deadline, so that one that is slow holds up no other.

    Args:
        outcomes: what has become of the campaigns.
        total: how many there are.
        not_yet: what a campaign that is waited for is not yet, such as ``stopped``.
        poll_interval_s: seconds from one round to the next.
        timeout_s: seconds for which a campaign is waited for.
        clock: the time it lives in.
        left_s: seconds until no campaign is waited for any more; None for no such end.
    """

    def __init__(
        self,
        outcomes: Outcomes,
        *,
        total: int,
        not_yet: str,
        poll_interval_s: float,
        timeout_s: float,
        clock: Clock,
        left_s: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._left_s = left_s
        self._outcomes = outcomes
        self._poll_interval_s = poll_interval_s
        self._timeout_s = timeout_s
        self._clock = clock
        self._progress = Progress(total, not_yet=not_yet, clock=clock)
        self._unready: dict[str, Target] = {}
        self._deadlines: dict[str, float] = {}
        self._last_seen: dict[str, str] = {}

    def extend(self, campaign_ids: Iterable[str]) -> None:
        """Give campaigns the whole time from now on, or what is left of it."""
        left_s = self._left_s()
        timeout_s = self._timeout_s if left_s is None else min(self._timeout_s, left_s)
        self._deadlines.update(dict.fromkeys(campaign_ids, self._clock.monotonic() + timeout_s))

    def see(self, seen: Mapping[str, str]) -> None:
        """Campaigns were read: each, and as what it was seen."""
        self._last_seen.update(seen)

    def try_again(self, target: Target, seen: str) -> None:
        """Nothing can be sent to a campaign yet: it is served again in the next round."""
        self._last_seen[target.campaign_id] = seen
        self._unready[target.campaign_id] = target

    def go_on(
        self,
        *,
        look: Callable[[], None],
        serve: Callable[[list[Target]], None],
        give_up: Callable[[str, str, str], CampaignTimeoutError | None],
    ) -> None:
        """Go on until every campaign has a result or an error.

        Args:
            look: reads what was sent something.
            serve: serves what was not ready.
            give_up: no longer waits for a campaign: with its id, as what it was seen last, and the time that was given.
                Returns the error if something was sent to it.
        """
        while True:
            look()
            self._give_up_on_the_late(give_up)
            if not self._outcomes.open_ids:
                return
            self._wait()
            unready, self._unready = self._unready, {}
            serve([target for one, target in unready.items() if one in self._outcomes.open_ids])

    def _give_up_on_the_late(self, give_up: Callable[[str, str, str], CampaignTimeoutError | None]) -> None:
        now, timeout = self._clock.monotonic(), f"{self._timeout_s:g} s"
        for campaign_id in self._outcomes.open_ids:
            if now >= self._deadlines[campaign_id]:
                seen = self._last_seen[campaign_id]
                self._outcomes.failures[campaign_id] = give_up(campaign_id, seen, timeout) or CampaignTimeoutError(
                    f"campaign {campaign_id}: is still {seen} after {timeout}; nothing was sent",
                    campaign_id=campaign_id,
                )

    def _wait(self) -> None:
        """Wait for the next round, which comes no later than the first deadline."""
        open_ids = self._outcomes.open_ids
        self._progress.tell({one: self._last_seen[one] for one in open_ids})
        left = min(self._deadlines[one] for one in open_ids) - self._clock.monotonic()
        self._clock.sleep(max(0.0, min(self._poll_interval_s, left)))
