"""Sending until it is done: reads again and again, writes at most once for each run of a campaign.

``retry`` says whether and when, ``writes`` says what a write did; here is the loop between them and the network.
"""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from airflow_provider_campaigns.kore.budget import Priority
from airflow_provider_campaigns.kore.errors import (
    CampaignStateError,
    KoreConnectionError,
    KoreError,
    KoreProtocolError,
    KoreRateLimitError,
    KoreServiceError,
)
from airflow_provider_campaigns.kore.patience import ENDLESS, Patience, countdown
from airflow_provider_campaigns.kore.presence import ProvenMissing
from airflow_provider_campaigns.kore.retry import delay_s
from airflow_provider_campaigns.kore.writes import Receipt, in_doubt, is_over

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from airflow_provider_campaigns.kore.campaigns import Campaign
    from airflow_provider_campaigns.kore.endpoints import Endpoint
    from airflow_provider_campaigns.kore.retry import Bounds
    from airflow_provider_campaigns.kore.transport import Transport
    from airflow_provider_campaigns.kore.writes import WriteGoal

log = logging.getLogger(__name__)

_DRAIN_READS = (0.0, 0.1, 0.2, 0.3, 0.4)
"""Pauses before the readings that follow a stop with an unknown outcome, as parts of ``Bounds.drain_s``."""

_Steps: TypeAlias = "Generator[None, None, Receipt]"


class Writing:
    """A write that was sent once.

    Attributes:
        receipt: of a write that took effect; None while that is not known.
    """

    def __init__(self, steps: _Steps) -> None:
        """Sends it; raises what ``finish`` raises where that is clear at once."""
        self._steps = steps
        self.receipt: Receipt | None = None
        self._go_on()

    def finish(self) -> Receipt:
        """Find out what became of it, send it again where that is right, and wait for that.

        Raises:
            KoreError: it did not take effect, or nobody can tell (``outcome_unknown``).
        """
        while self.receipt is None:
            self._go_on()
        return self.receipt

    def _go_on(self) -> None:
        try:
            next(self._steps)
        except StopIteration as end:
            self.receipt = end.value


class Sender:
    """Repeats what may be repeated, within bounds.

    Args:
        transport: sends one request.
        look: reads a campaign after trouble with a write, as patiently as it is told.
        bounds: how long one call is kept up.
        clock: monotonic seconds.
        sleep: waits for so many seconds.
        jitter: a random number from 0 to 1.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        look: Callable[[str, Patience], Campaign | ProvenMissing],
        bounds: Bounds,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        jitter: Callable[[], float],
    ) -> None:
        self._transport = transport
        self._look = look
        self._bounds = bounds
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter

    def read(
        self,
        endpoint: Endpoint,
        *,
        campaign_id: str | None = None,
        body: dict[str, Any] | None = None,
        query: dict[str, str] | None = None,
        priority: Priority = Priority.READ,
        patience: Patience = ENDLESS,
    ) -> dict[str, Any]:
        """The answer to a request that may be repeated; it is sent once at least, also when patience is at an end."""
        repeat_s = self._repeat_s(patience)
        attempt = 1
        while True:
            try:
                return self._transport.send(
                    endpoint,
                    priority=priority,
                    campaign_id=campaign_id,
                    body=body,
                    query=query,
                    patience=patience,
                )
            except KoreError as error:
                # Read for a stop, it is as urgent as one, and holds up no stop for longer than one would.
                delay = delay_s(error, attempt, jitter=self._jitter(), is_stop=priority is Priority.STOP)
                if delay is None or attempt >= self._bounds.attempts or delay > repeat_s():
                    raise
                log.info("%s; attempt %d, again in %.1f s", error, attempt, delay)
                self._wait(error, delay, priority)
            attempt += 1

    def write(self, endpoint: Endpoint, goal: WriteGoal, priority: Priority) -> Receipt:
        """Send a write until it took effect once, or until it is clear that it cannot."""
        return self.send_write_once(endpoint, goal, priority).finish()

    def send_write_once(
        self, endpoint: Endpoint, goal: WriteGoal, priority: Priority, *, patience: Patience = ENDLESS
    ) -> Writing:
        """Send a write once; what it then takes to find out what that did, and to send it again, can wait."""
        return Writing(self._named(endpoint, self._write(endpoint, goal, priority, patience)))

    def _named(self, endpoint: Endpoint, steps: _Steps) -> _Steps:
        try:
            return (yield from steps)
        except KoreError as error:
            error.endpoint = error.endpoint or endpoint.name
            raise

    def _write(self, endpoint: Endpoint, goal: WriteGoal, priority: Priority, patience: Patience) -> _Steps:
        """The steps of a write; it stands still before each that takes time, so that others can be served first."""
        bounds_s = countdown(self._bounds.seconds, self._clock)
        patience = replace(patience, repeat_s=lambda: min(bounds_s(), patience.left_s()))
        sendings = 0
        was_in_doubt = maybe_accepted = maybe_later = False
        while True:
            sendings += 1
            sent = self._send_write(endpoint, goal, priority, patience)
            if isinstance(sent, Receipt):
                return replace(sent, sendings=sendings)
            trouble = sent
            # Once a sending was in doubt, a later refusal may be its echo: gone, because it was deleted after all.
            was_in_doubt = was_in_doubt or trouble.outcome_unknown
            # A 2xx answer that says nothing may accept a stop that takes longer to show than anybody looks for it.
            if goal.drains and isinstance(trouble, KoreProtocolError) and trouble.retryable:
                maybe_accepted = True
            is_blocked = isinstance(trouble, KoreRateLimitError)
            if was_in_doubt and not is_blocked:
                yield
                found = self._find_out(endpoint, goal, trouble, patience)
                if found is not None:
                    return replace(found, sendings=sendings)
            maybe_later = maybe_later or _may_take_effect_later(trouble)
            if maybe_later and not goal.is_repeatable:
                raise CampaignStateError(
                    f"{trouble}. Nothing of it shows, but it may still take effect, so it is not sent again: it might "
                    "run the whole list twice. Look at the campaign on the platform",
                    campaign_id=goal.campaign_id,
                    outcome_unknown=True,
                    status=trouble.status,
                ) from trouble
            delay = delay_s(trouble, sendings, jitter=self._jitter(), is_stop=priority is Priority.STOP)
            if delay is None or sendings >= self._bounds.attempts or delay > self._repeat_s(patience)():
                trouble.outcome_unknown = maybe_accepted
                raise trouble
            log.info("%s; it had no effect, sending again in %.1f s", trouble, delay)
            if is_blocked:
                # At once: nobody else may send meanwhile. This one waits for its place in the budget.
                self._wait(trouble, delay, priority)
                yield
            else:
                yield
                self._wait(trouble, delay, priority)

    def _send_write(
        self, endpoint: Endpoint, goal: WriteGoal, priority: Priority, patience: Patience
    ) -> Receipt | KoreError:
        """Send a write once: its receipt, or what was wrong with the answer."""
        try:
            body = self._transport.send(endpoint, priority=priority, campaign_id=goal.campaign_id, patience=patience)
        except KoreError as error:
            return error
        return goal.recognise(body) or KoreProtocolError(
            f"{endpoint.name} of campaign {goal.campaign_id}: the answer does not say that it was done",
            endpoint=endpoint.name,
            campaign_id=goal.campaign_id,
            retryable=True,
            outcome_unknown=True,
        )

    @in_doubt()
    def _find_out(self, endpoint: Endpoint, goal: WriteGoal, trouble: KoreError, patience: Patience) -> Receipt | None:
        """Find out by reading whether a write took effect: its receipt, or None if it provably did not.

        Raises:
            KoreError: reading does not tell either (``outcome_unknown``), or the write must not be sent again.
        """
        log.info("%s; reading the campaign to find out whether it took effect", trouble)
        for part in _DRAIN_READS if goal.drains else _DRAIN_READS[:1]:
            pause = part * self._bounds.drain_s
            if pause and pause > self._repeat_s(patience)():
                break
            self._sleep(pause)
            try:
                campaign = self._look(goal.campaign_id, patience)
            except KoreError as error:
                raise KoreConnectionError(
                    f"{trouble}; whether it took effect is unknown, because reading the campaign failed as well "
                    f"({error}). Look at the campaign, or run this again: it reads before it sends",
                    endpoint=endpoint.name,
                    campaign_id=goal.campaign_id,
                    retryable=error.retryable,
                    outcome_unknown=True,
                    status=trouble.status,
                    retry_after_s=error.retry_after_s,
                ) from trouble
            if isinstance(campaign, ProvenMissing):
                return goal.when_gone()
            if goal.shows_in(campaign):
                return Receipt(goal.campaign_id, campaign.status, campaign.campaign_instance_id, by_reading=True)
            goal.learn(campaign)
        return None

    def _repeat_s(self, patience: Patience) -> Callable[[], float]:
        """Seconds within which a request that failed may be sent again."""
        if patience.repeat_s is not None:
            return patience.repeat_s
        return countdown(self._bounds.seconds, self._clock) if patience.is_endless else lambda: -math.inf

    def _wait(self, trouble: KoreError, delay: float, priority: Priority) -> None:
        """Wait before sending again; a rate limit is the account's, so it makes everybody wait.

        Everybody waits since the answer was read; here that gets longer with each attempt, and out of step with other
        machines.
        """
        if isinstance(trouble, KoreRateLimitError):
            self._transport.hold_back(trouble, priority, delay_s=delay)
        else:
            self._sleep(delay)


def _may_take_effect_later(trouble: KoreError) -> bool:
    """True if the service may still be at work on the write: nobody has said that it is over.

    Without an answer, or with a gateway's in its place, nobody has; a 2xx answer that says nothing may have accepted
    it. A redirect did not.
    """
    if isinstance(trouble, KoreServiceError):
        return not is_over(trouble.status)
    return trouble.outcome_unknown and trouble.retryable
