"""Sending until it is done: reads again and again, writes at most once for each run of a campaign.

``retry`` says whether and when, ``writes`` says what a write did; here is the loop between them and the network.
"""

from __future__ import annotations

import logging
import math
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, count, takewhile
from typing import TYPE_CHECKING, Any, TypeAlias

from airflow_provider_campaigns.kore.budget import Priority
from airflow_provider_campaigns.kore.endpoints import Effect
from airflow_provider_campaigns.kore.errors import (
    CampaignStateError,
    KoreAuthenticationError,
    KoreConnectionError,
    KoreError,
    KoreProtocolError,
    KoreRateLimitError,
    KoreRequestError,
    KoreServiceError,
)
from airflow_provider_campaigns.kore.patience import ENDLESS, Patience, countdown
from airflow_provider_campaigns.kore.presence import PROVEN_MISSING, ProvenMissing
from airflow_provider_campaigns.kore.retry import LOOK_AGAIN_S, delay_s
from airflow_provider_campaigns.kore.stand_ins import is_unknown_path
from airflow_provider_campaigns.kore.transport import wants_fresh_token
from airflow_provider_campaigns.kore.writes import Receipt, in_doubt, is_over, is_to_be_checked, may_have_worked
from airflow_provider_campaigns.kore.writing import AT_ONCE, Pause, Writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from airflow_provider_campaigns.kore.campaigns import Campaign
    from airflow_provider_campaigns.kore.endpoints import Endpoint
    from airflow_provider_campaigns.kore.retry import Bounds
    from airflow_provider_campaigns.kore.transport import Place, Transport
    from airflow_provider_campaigns.kore.writes import WriteGoal
    from airflow_provider_campaigns.kore.writing import Finding, Steps

log = logging.getLogger(__name__)

_DRAIN_READS = (0.0, 0.1, 0.3, 0.6, 1.0)
"""When a stop with an unknown outcome is read, as parts of ``Bounds.drain_s`` since it was sent."""

ACCEPTED_S = 60.0
"""What was accepted by a 2xx of any form, and does not show, is sent again after so long, once."""

_READ_ON_S = 10.0
"""Between readings of what was accepted."""

FRESH_S = 5.0
"""The look before a write began at most so long before it is sent."""

_AT_ONCE_S = 0.1
"""A place in the budget that took longer was waited for."""

_LOOKS = 3
"""Before one sending, if looking takes longer than that or fails."""

Elsewhere: TypeAlias = "Callable[[KoreError], Endpoint | None]"
"""Where a write is sent whose path the service does not know, as this answer says; None: nowhere else."""

Judge: TypeAlias = "Callable[[Campaign], None]"
"""Raises a ``KoreError`` if a campaign must not be sent a write, by the reading right before it."""


@dataclass(slots=True)
class _SoFar:
    """What the sendings of one write have told so far.

    Attributes:
        sendings: how many they were.
        unsent: how often in a row a stop found no connection; that is no sending, because nothing was sent.
        began: when the first was to be sent.
        is_open: whether one may have taken effect of which no look has told yet that it did not.
        in_doubt: whether one may have taken effect; then a later refusal may be its echo: gone, because it was deleted
            after all.
        refusals: how many were refused in a way that passes if it is not there for long.
        accepted: what was wrong with the first answer by which one may have been accepted; it may take long to show.
        maybe_later: whether one may still take effect.
        read_at: when the latest reading began that says that it may be sent again.
    """

    began: float
    sendings: int = 0
    unsent: int = 0
    is_open: bool = False
    in_doubt: bool = False
    refusals: int = 0
    accepted: KoreError | None = None
    maybe_later: bool = False
    read_at: float = -math.inf

    def add(self, trouble: KoreError, goal: WriteGoal, *, is_stop: bool) -> bool:
        """One more, and what was wrong with its answer; True if it is the first refusal, and no echo."""
        if is_stop and _found_no_connection(trouble):
            self.unsent += 1
            return False
        self.unsent = 0
        self.sendings += 1
        self.in_doubt = self.in_doubt or may_have_worked(goal, trouble)
        # A 2xx answer that says nothing.
        if self.accepted is None and goal.drains and isinstance(trouble, KoreProtocolError) and trouble.retryable:
            self.accepted = trouble
        self.maybe_later = self.maybe_later or _may_take_effect_later(trouble)
        if not _is_believed_later(trouble):
            return False
        self.refusals += 1
        return self.refusals == 1 and not self.in_doubt


class Sender:
    """Repeats what may be repeated, within bounds.

    Args:
        transport: sends one request.
        look: reads the campaign of a goal after trouble with its write, as urgently and as patiently as it is told.
        read_at: reads it once, at a place in the request budget that is held for it.
        bounds: how long one call is kept up.
        clock: monotonic seconds.
        sleep: waits for so many seconds.
        jitter: a random number from 0 to 1.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        look: Callable[[WriteGoal, Priority, Patience], Campaign | ProvenMissing],
        read_at: Callable[[Place, WriteGoal, Priority, Patience], Campaign],
        bounds: Bounds,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        jitter: Callable[[], float],
    ) -> None:
        self._transport = transport
        self._look = look
        self._read_at = read_at
        self._bounds = bounds
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._refused_at: dict[Effect, float] = {}
        """When a reading, and a write, was first refused since one was answered."""
        self._failing: dict[Effect, tuple[float, float]] = {}
        """When a reading, and a write, first and last failed in passing since one was answered."""

    def read(
        self,
        endpoint: Endpoint,
        *,
        campaign_id: str | None = None,
        body: dict[str, Any] | None = None,
        query: dict[str, str] | None = None,
        priority: Priority = Priority.READ,
        patience: Patience = ENDLESS,
        gives_up_on: Callable[[KoreError], bool] = lambda _: False,
    ) -> dict[str, Any]:
        """The answer to a request that may be repeated; it is sent once at least, also when patience is at an end.

        What it ``gives_up_on`` is raised at once, because something else is asked then.
        """
        repeat_s = self._repeat_s(patience)
        patience = replace(patience, repeat_s=repeat_s)
        attempt = 1
        was_refused = False
        while True:
            try:
                answer = self._transport.send(
                    endpoint,
                    priority=priority,
                    campaign_id=campaign_id,
                    body=body,
                    query=query,
                    patience=patience,
                )
            except KoreError as error:
                if gives_up_on(error):
                    raise
                # Read for a stop, it is as urgent as one, and holds up no stop for longer than one would.
                delay = delay_s(error, attempt, jitter=self._jitter(), is_stop=priority is Priority.STOP)
                if isinstance(error, KoreAuthenticationError) and not was_refused:
                    was_refused = True
                    delay = (self._doubt(error) and self._note_refusal(Effect.READ)) or None
                goes_on = self._note_failure(Effect.READ, error, delay) or _is_probed(error, priority)
                if delay is None or delay > repeat_s() or (attempt >= self._bounds.attempts and not goes_on):
                    raise
                log.info("%s; attempt %d, again in %.1f s", error, attempt, delay)
                self._wait(error, delay, priority)
            else:
                self._refused_at.pop(Effect.READ, None)
                self._failing.pop(Effect.READ, None)
                return answer
            attempt += 1

    def write(
        self,
        endpoint: Endpoint,
        goal: WriteGoal,
        priority: Priority,
        *,
        judge: Judge | None = None,
        elsewhere: Elsewhere = lambda _: None,
    ) -> Receipt:
        """Send a write until it took effect once, or until it is clear that it cannot.

        With a ``judge`` the campaign is looked at and judged before the first sending too; its error is raised.
        """
        patience = self._kept_up(ENDLESS)
        steps = self._named(endpoint, goal, priority, patience, judge=judge, elsewhere=elsewhere)
        return self._writing(steps, goal, priority, patience).finish()

    def send_write_once(
        self,
        endpoint: Endpoint,
        goal: WriteGoal,
        priority: Priority,
        *,
        patience: Patience = ENDLESS,
        elsewhere: Elsewhere = lambda _: None,
    ) -> Writing:
        """Send a write once; what it then takes to find out what that did, and to send it again, can wait."""
        patience = self._kept_up(patience)
        steps = self._named(endpoint, goal, priority, patience, elsewhere=elsewhere)
        return self._writing(steps, goal, priority, patience)

    def _kept_up(self, patience: Patience) -> Patience:
        """The same for a write that is kept up from now on."""
        kept_up_s = patience.repeat_s or countdown(self._bounds.seconds, self._clock)
        return replace(patience, repeat_s=lambda: min(kept_up_s(), patience.left_s()))

    def _writing(self, steps: Steps, goal: WriteGoal, priority: Priority, patience: Patience) -> Writing:
        # As urgent as the write: what holds back others must not hold up its repetition.
        return Writing(steps, partial(self._look, goal, priority, patience), clock=self._clock, sleep=self._sleep)

    def _named(
        self,
        endpoint: Endpoint,
        goal: WriteGoal,
        priority: Priority,
        patience: Patience,
        *,
        judge: Judge | None = None,
        elsewhere: Elsewhere,
    ) -> Steps:
        """The steps of a write, whose errors name the endpoint by which it was sent last."""
        sent_by = endpoint

        def noted(trouble: KoreError) -> Endpoint | None:
            nonlocal sent_by
            other = elsewhere(trouble)
            sent_by = other or sent_by
            return other

        try:
            return (yield from self._write(endpoint, goal, priority, patience, judge=judge, elsewhere=noted))
        except KoreError as error:
            error.endpoint = error.endpoint or sent_by.name
            raise

    def _write(
        self,
        endpoint: Endpoint,
        goal: WriteGoal,
        priority: Priority,
        patience: Patience,
        *,
        judge: Judge | None = None,
        elsewhere: Elsewhere,
    ) -> Steps:
        """The steps of a write; it stands still before each that takes time, so that others can be served first."""
        so_far = _SoFar(began=self._clock())
        is_stop = priority is Priority.STOP
        while True:
            sent = self._send(endpoint, goal, priority, patience, judge=judge, so_far=so_far)
            answered_at = self._clock()
            if isinstance(sent, Receipt):
                return self._counted(sent, so_far)
            trouble = sent
            if (other := elsewhere(trouble)) is not None:
                # Nobody took it, so it had no effect, unless that is a page of something in between, or a word that is
                # to be checked. It is sent there after a look.
                so_far.sendings, endpoint = so_far.sendings + 1, other
                so_far.is_open = may_have_worked(goal, trouble) or is_to_be_checked(goal, trouble)
                so_far.in_doubt = so_far.in_doubt or so_far.is_open
                yield Pause(so_far.accepted is not None)
                continue
            is_blocked = isinstance(trouble, KoreRateLimitError)
            is_news = so_far.add(trouble, goal, is_stop=is_stop)
            is_accepted = so_far.accepted is not None
            is_checked = is_to_be_checked(goal, trouble) or (is_news and self._doubt(trouble))
            if is_checked or (so_far.in_doubt and not is_blocked):
                found = yield from self._look_into(endpoint, goal, trouble, patience, so_far, sent_at=answered_at)
                if found is not None:
                    return replace(found, sendings=so_far.sendings)
            if so_far.maybe_later and not goal.is_repeatable:
                raise CampaignStateError(
                    f"{trouble}. Nothing of it shows, but it may still take effect, so it is not sent again: it might "
                    "run the whole list twice. Look at the campaign on the platform",
                    campaign_id=goal.campaign_id,
                    outcome_unknown=True,
                    status=trouble.status,
                ) from trouble
            delay = self._again_in_s(trouble, so_far, priority, patience, answered_at=answered_at)
            if delay is None:
                trouble.outcome_unknown = is_accepted
                raise trouble
            # A stop that finds no connection tries again twice a second, and does not say so each time.
            level = logging.DEBUG if so_far.unsent > 1 else logging.INFO
            log.log(level, "%s; it had no effect, sending again in %.1f s", trouble, delay)
            if is_blocked:
                # At once: nobody else may send meanwhile. This one waits for its places in the budget.
                self._wait(trouble, delay, priority)
                yield Pause(is_accepted)
            else:
                due_at = self._clock() + delay
                yield Pause(is_accepted)
                if (left_s := due_at - self._clock()) > 0:
                    self._wait(trouble, left_s, priority)
                    so_far.read_at = -math.inf  # what somebody did meanwhile has not been seen

    def _counted(self, receipt: Receipt, so_far: _SoFar) -> Receipt:
        """The receipt of a write that took effect, with its sendings; one that was answered ends what others met."""
        self._failing.pop(Effect.WRITE, None)
        if receipt.by_reading:
            return replace(receipt, sendings=so_far.sendings)
        self._refused_at.pop(Effect.WRITE, None)
        return replace(receipt, sendings=so_far.sendings + 1)

    def _again_in_s(
        self, trouble: KoreError, so_far: _SoFar, priority: Priority, patience: Patience, *, answered_at: float
    ) -> float | None:
        """Seconds until a write that had no effect is sent again; None: not again.

        A refusal is ``retryable`` until it is believed.
        """
        left_s = self._still_passes_s(trouble, so_far)
        trouble.retryable = trouble.retryable or left_s > 0
        delay = delay_s(
            trouble,
            so_far.sendings or 1,
            jitter=self._jitter(),
            is_stop=priority is Priority.STOP and not left_s,  # who is refused need not ask as often as who only waits
            since_answer_s=self._clock() - answered_at,
        )
        if delay is not None and left_s:
            delay = min(delay, left_s)
        goes_on = left_s > 0 or self._note_failure(Effect.WRITE, trouble, delay) or _is_probed(trouble, priority)
        is_last = so_far.sendings >= self._bounds.attempts and not goes_on
        return None if delay is None or is_last or delay > self._repeat_s(patience)() else delay

    def _send(
        self,
        endpoint: Endpoint,
        goal: WriteGoal,
        priority: Priority,
        patience: Patience,
        *,
        judge: Judge | None,
        so_far: _SoFar,
    ) -> Receipt | KoreError:
        """Send a write, after a look where it needs one: a receipt, or what was wrong."""
        if priority is Priority.STOP and self._is_fresh(so_far):
            return self._send_as_read(endpoint, goal, patience, so_far)
        if so_far.sendings or judge is not None or (so_far.unsent and self._clock() - so_far.began > FRESH_S):
            return self._look_and_send(endpoint, goal, priority, patience, judge=judge, so_far=so_far)
        return self._send_unread(endpoint, goal, priority, patience, so_far)

    def _send_unread(
        self, endpoint: Endpoint, goal: WriteGoal, priority: Priority, patience: Patience, so_far: _SoFar
    ) -> Receipt | KoreError:
        """Send a write without looking at the campaign; a stop once more at once if an idle connection broke."""
        sent = self._send_write(endpoint, goal, priority, patience)
        broke_idle = isinstance(sent, KoreConnectionError) and sent.broke_idle
        if isinstance(sent, Receipt) or not broke_idle or priority is not Priority.STOP or self._bounds.attempts == 1:
            return sent
        log.info("%s; it had been idle, so the stop is sent again at once", sent)
        so_far.add(sent, goal, is_stop=True)
        return self._send_write(endpoint, goal, priority, patience)

    def _is_fresh(self, so_far: _SoFar) -> bool:
        return self._clock() - so_far.read_at <= FRESH_S

    def _send_as_read(
        self, endpoint: Endpoint, goal: WriteGoal, patience: Patience, so_far: _SoFar
    ) -> Receipt | KoreError:
        """Send a stop again that a reading of just now says to send; it is looked at once more if it had to wait."""
        began = self._clock()
        one = self._transport.hold(1, endpoint, goal.campaign_id, priority=Priority.STOP, patience=patience)
        with _after(so_far), one as place:
            if self._is_fresh(so_far) and self._clock() - began <= _AT_ONCE_S:
                sent = self._send_write(endpoint, goal, Priority.STOP, patience, place)
                if isinstance(sent, Receipt) or not wants_fresh_token(sent):
                    return sent
                log.info("%s; once more with a fresh token", sent)
        return self._look_and_send(endpoint, goal, Priority.STOP, patience, judge=None, so_far=so_far)

    def _look_and_send(
        self,
        endpoint: Endpoint,
        goal: WriteGoal,
        priority: Priority,
        patience: Patience,
        *,
        judge: Judge | None,
        so_far: _SoFar,
    ) -> Receipt | KoreError:
        """Wait, look, judge, send: a receipt, also where the look shows that it is done, or what was wrong.

        Look and write have their places in the budget before either is sent, so that nothing is waited for between
        them. A look that failed, or took too long, gives the write's place back, and there is another. A stop is sent
        after the last one however long that took: until it is sent, calls go on.

        Raises:
            KoreError: it must not be sent, or nobody can tell in time; nothing was sent.
        """
        was_refused = False
        found: Receipt | KoreError | None
        for number in range(1, _LOOKS + 1):
            is_last_stop = priority is Priority.STOP and number == _LOOKS
            two = self._transport.hold(2, endpoint, goal.campaign_id, priority=priority, patience=patience)
            with _after(so_far), two as place:
                began = self._clock()
                read = self._read_now(place, goal, priority, patience)
                if isinstance(read, KoreError):
                    if so_far.unsent and _found_no_connection(read):
                        return read  # and tries on as often as it has
                    log.info("%s; it is read with more patience, and looked at again before anything is sent", read)
                campaign = None if isinstance(read, KoreError) else read
                so_far.is_open = so_far.is_open and campaign is None
                found = None if campaign is None else _judged(goal, campaign, judge, in_doubt=so_far.in_doubt)
                is_fresh = is_last_stop or self._clock() - began <= FRESH_S
                if campaign is not None and found is None and is_fresh:
                    found = self._send_write(endpoint, goal, priority, patience, place)
                    if isinstance(found, KoreError) and wants_fresh_token(found) and not was_refused:
                        log.info("%s; once more with a fresh token", found)
                        was_refused, found = True, None
            with _after(so_far):
                if campaign is None and isinstance(self._look(goal, priority, patience), ProvenMissing):
                    found = _receipt_by_reading(goal, PROVEN_MISSING, in_doubt=so_far.in_doubt)
            if found is not None:
                return found
        raise KoreConnectionError(
            f"{endpoint.request(goal.campaign_id)}: not sent, because each of {_LOOKS} looks at the campaign "
            f"failed or took more than {FRESH_S:g} s, in which somebody might have started it",
            endpoint=endpoint.name,
            campaign_id=goal.campaign_id,
            outcome_unknown=so_far.is_open or so_far.accepted is not None,
        )

    def _read_now(self, place: Place, goal: WriteGoal, priority: Priority, patience: Patience) -> Campaign | KoreError:
        """The campaign by one reading, or why not: that is looked into where nobody's place is held up."""
        try:
            return self._read_at(place, goal, priority, patience)
        except KoreError as error:
            return error

    def _send_write(
        self, endpoint: Endpoint, goal: WriteGoal, priority: Priority, patience: Patience, place: Place | None = None
    ) -> Receipt | KoreError:
        """Send a write once: its receipt, or what was wrong with the answer."""
        try:
            body = self._transport.send(
                endpoint, priority=priority, campaign_id=goal.campaign_id, patience=patience, place=place
            )
        except CampaignStateError:  # of whoever wants it no more
            raise
        except KoreError as error:
            return error
        try:
            receipt = goal.recognise(body)
        except KoreProtocolError as error:
            error.args = (f"{endpoint.request(goal.campaign_id)}: {error}",)
            raise
        return receipt or KoreProtocolError(
            f"{endpoint.request(goal.campaign_id)}: the answer does not say that it was done",
            endpoint=endpoint.name,
            campaign_id=goal.campaign_id,
            retryable=True,
            outcome_unknown=True,
        )

    def _look_into(
        self,
        endpoint: Endpoint,
        goal: WriteGoal,
        trouble: KoreError,
        patience: Patience,
        so_far: _SoFar,
        *,
        sent_at: float,
    ) -> Finding:
        """Find out from readings what became of a write in trouble: its receipt; None if it may be sent again.

        Raises:
            KoreError: nobody can tell, or it must not be. What was accepted is sent again once, and a refusal of that
                is no verdict.
        """
        if not so_far.in_doubt:
            return (yield from _look_after_refusal(endpoint, goal, trouble))
        accepted = so_far.accepted
        with in_doubt():
            found = yield from self._find_out(endpoint, goal, trouble, patience, so_far, sent_at=sent_at)
        if found is None and goal.is_repeatable and accepted is not None and accepted is not trouble:
            raise accepted
        return found

    def _find_out(
        self,
        endpoint: Endpoint,
        goal: WriteGoal,
        trouble: KoreError,
        patience: Patience,
        so_far: _SoFar,
        *,
        sent_at: float,
    ) -> Finding:
        """Find out by readings whether a write took effect: its receipt, or None if it provably did not.

        A reading that has to wait, as for the rate limit, stands for all that were due before it.

        Raises:
            KoreError: reading does not tell either (``outcome_unknown``), or the write must not be sent again.
        """
        log.info("%s; reading the campaign to find out whether it took effect", trouble)
        for since_s in self._due_s(goal, trouble, so_far.accepted):
            look_at = sent_at + since_s
            pause = max(0.0, look_at - self._clock())
            if since_s and not pause:
                continue
            if pause and pause > self._repeat_s(patience)():
                if so_far.accepted is not None:
                    break
                trouble.outcome_unknown = True
                trouble.args = (f"{trouble}; whether it took effect is unknown, because there was no time to read on",)
                raise trouble
            try:
                drained_at = sent_at + self._bounds.drain_s if since_s and goal.drains else look_at
                look_by = max(look_at, drained_at)
                campaign, so_far.read_at = yield Pause(so_far.accepted is not None, look_at, look_by)
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
            receipt = _receipt_by_reading(goal, campaign, in_doubt=True)
            if receipt is not None:
                return receipt
        return None

    def _due_s(self, goal: WriteGoal, trouble: KoreError, accepted: KoreError | None) -> Iterable[float]:
        """Seconds after a write was sent at which its campaign is read.

        What may have been accepted is given a minute before it is sent again, and after that all the time there is.
        """
        drain = [part * self._bounds.drain_s for part in (_DRAIN_READS if goal.drains else _DRAIN_READS[:1])]
        if accepted is None or not goal.is_repeatable:
            return drain
        rest = count(drain[-1] + _READ_ON_S, _READ_ON_S)
        return chain(drain, takewhile(lambda due: due <= ACCEPTED_S, rest) if trouble is accepted else rest)

    def _note_refusal(self, effect: Effect) -> float:
        """Note a refusal that was met just now: seconds until it is believed, 0 if it is already.

        That is so long after the first since one of its kind was answered: fifty campaigns with wrong credentials are
        told so after one such wait, not after seven.
        """
        now = self._clock()
        since = self._refused_at.setdefault(effect, now)
        if now - since > self._bounds.seconds:
            self._refused_at[effect] = since = now
        look_again_s = self._bounds.look_again_s or 0.0
        # Who reads again by himself, for ever, sends no write again by himself.
        return max(0.0, since - now + (look_again_s if effect is Effect.READ else min(look_again_s, LOOK_AGAIN_S)))

    def _still_passes_s(self, trouble: KoreError, so_far: _SoFar) -> float:
        """Seconds until a refusal of a write is believed; 0 if it is, or is none of those that pass.

        The first of a write is not, however long others were refused.
        """
        if not _is_believed_later(trouble) or self._bounds.look_again_s is None:
            return 0.0
        return self._note_refusal(Effect.WRITE) or (math.inf if so_far.refusals == 1 else 0.0)

    def wait_to_ask_again(self, refused_for_s: float, refusal: KoreError, patience: Patience) -> bool:
        """Wait until what all readings refuse is to be believed, if it is still there then; False if it is already.

        Where there is no time for that it is not believed either, so the refusal may pass.

        Args:
            refused_for_s: how long ago they all did so for the first time.
            refusal: what stands for all.
            patience: of whoever reads.
        """
        look_again_s = self._bounds.look_again_s
        if look_again_s is None or refused_for_s >= min(look_again_s, LOOK_AGAIN_S):
            return False
        if (left_s := look_again_s - refused_for_s) > self._repeat_s(patience)():
            refusal.retryable = True
            return False
        log.info("%s; whatever could tell the same is refused, so all is asked again in %.1f s", refusal, left_s)
        self._sleep(left_s)
        return True

    def _note_failure(self, effect: Effect, error: KoreError, delay: float | None) -> bool:
        """Note what failed in passing; True if it may be sent again as long as the service answers none of its kind."""
        if error.concerns_account or delay is None:
            return False
        now = self._clock()
        since, latest = self._failing.get(effect, (now, now))
        if now - latest > self._bounds.outage_s:
            since = now  # that was another one, hours ago for a task that waits for its close
        self._failing[effect] = since, now
        return now + delay < since + self._bounds.outage_s

    def _doubt(self, refusal: KoreError) -> bool:
        """Doubt a first refusal: True if it is looked into before it is believed; else it says that it was met once."""
        if self._bounds.look_again_s is not None:
            return True
        if isinstance(refusal, KoreAuthenticationError):
            refusal.args = (f"{refusal} (met once)",)
        return False

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


@contextmanager
def _after(so_far: _SoFar) -> Iterator[None]:
    """Around what comes before a write is sent again: its errors say whether an earlier sending is in doubt."""
    try:
        yield
    except KoreError as error:
        is_known = so_far.accepted is None and not so_far.is_open
        error.outcome_unknown = so_far.in_doubt and (error.outcome_unknown or not is_known)
        raise


def _look_after_refusal(endpoint: Endpoint, goal: WriteGoal, refusal: KoreError) -> Finding:
    """Find out from a reading after a first refusal: its receipt if what is wanted is there already.

    None: the reading is answered, so the refusal is about this one request; ``retryable`` says whether it passes.

    Raises:
        KoreError: the refusal, because reading is refused as well, fails, or says that no more must be sent.
    """
    log.info("%s; reading the campaign to find out whether more than %s is refused", refusal, endpoint.name)
    try:
        campaign, _ = yield Pause(was_accepted=False, look_at=AT_ONCE, look_by=AT_ONCE)
        return _receipt_by_reading(goal, campaign, in_doubt=not goal.believes_refusals)
    except KoreError as error:
        refusal.retryable = error.retryable
        raise refusal from error


def _judged(goal: WriteGoal, campaign: Campaign, judge: Judge | None, *, in_doubt: bool) -> Receipt | None:
    """The receipt if what is wanted shows in the last look; None if the write may be sent.

    Where one was sent that may have taken effect, that is asked first: the judge knows only what was before it.
    """
    if judge is not None and not in_doubt:
        judge(campaign)
    receipt = _receipt_by_reading(goal, campaign, in_doubt=in_doubt)
    if judge is not None and in_doubt and receipt is None:
        judge(campaign)
    return receipt


def _receipt_by_reading(goal: WriteGoal, campaign: Campaign | ProvenMissing, *, in_doubt: bool) -> Receipt | None:
    """The receipt if a reading shows what the write wants; None if it does not."""
    if isinstance(campaign, ProvenMissing):
        return replace(goal.when_gone(), changed=in_doubt)
    if goal.shows_in(campaign, in_doubt=in_doubt):
        run = campaign.campaign_instance_id
        return Receipt(goal.campaign_id, campaign.status, run, by_reading=True, changed=in_doubt)
    goal.learn(campaign, in_doubt=in_doubt)
    return None


def _is_probed(error: KoreError, priority: Priority) -> bool:
    """True if it is kept up however often it met this: a stop probes a rate limit for as long as it has time."""
    return priority is Priority.STOP and isinstance(error, KoreRateLimitError)


def _found_no_connection(trouble: KoreError) -> bool:
    return isinstance(trouble, KoreConnectionError) and trouble.never_sent


def _is_believed_later(trouble: KoreError) -> bool:
    """True if a write was refused in a way that is believed only when it is still there after a while.

    That is by 401 or 403, in the service's own words, and where none of its paths is known of a campaign that is:
    something in between, or behind, says so too while it is in trouble.
    """
    is_word = isinstance(trouble, KoreAuthenticationError | KoreRequestError)
    return is_word or (is_unknown_path(trouble) and not trouble.retryable)


def _may_take_effect_later(trouble: KoreError) -> bool:
    """True if the service may still be at work on the write: nobody has said that it is over.

    Without an answer, or with a gateway's in its place, nobody has; a 2xx answer that says nothing may have accepted
    it. A redirect did not.
    """
    if isinstance(trouble, KoreServiceError):
        return not is_over(trouble.status)
    return trouble.outcome_unknown and trouble.retryable and not isinstance(trouble, KoreRateLimitError)
