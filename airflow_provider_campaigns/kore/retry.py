"""Again, and after how many seconds? Pure decisions; who asks does the waiting.

Reads are repeated after anything that may pass. Writes are not decided here but in ``writes``: a write whose fate is
unknown is never simply sent again.
"""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_campaigns.kore.budget_ledger import WINDOW_S, Priority
from airflow_provider_campaigns.kore.errors import KoreBudgetError, KoreError, KoreRateLimitError, KoreServiceError

MAX_RETRY_AFTER_S = 300.0
"""A service that asks for a longer pause gets it from the caller, not from a waiting worker."""

MAX_JITTER_S = 1.0
"""Up to so much is added to a wait for the rate limit, so that machines do not return in step."""

MAX_PAUSE_S = 3600.0
"""The longest pause that is kept for all: one that makes no sense must not hold the account for ever."""

LOOK_AGAIN_S = 30.0
"""A refusal that is still there after so long is believed; a shorter one was of something in between."""

OUTAGE_S = 300.0
"""So long an operator waits for a service that fails every reading, or every write, before its next try has to."""

_DELAYS_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
_DELAYS_OF_STOPS_S = _DELAYS_S[:4]
_RATE_LIMIT_S = (WINDOW_S,)
_RATE_LIMIT_OF_STOPS_S = (10.0, 20.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long one call is kept up.

    Attributes:
        attempts: sendings of the same request, the first included.
        seconds: from the first sending to the last, waits for the rate limit included.
        drain_s: seconds for which a stop that did not show yet is read again before it is sent again.
        look_again_s: seconds after which a reading that was refused (401, 403, or by all that could tell the same) is
            made once more before that is believed; infinite where the caller looks again by itself. A write is sent
            again meanwhile. None is for a caller who waits at a screen: a refusal is raised at once, and by 401 or 403
            it says that it was met once.
        outage_s: seconds from the first reading that failed in passing, while none is answered, for which they are sent
            again however often that is; and so for writes. An outage is waited for once, not once for each campaign.
    """

    attempts: int = 5
    seconds: float = 300.0
    drain_s: float = 10.0
    look_again_s: float | None = None
    outage_s: float = 0.0


def delay_s(
    error: KoreError, attempt: int, *, jitter: float, is_stop: bool = False, since_answer_s: float = 0.0
) -> float | None:
    """Seconds until a request that failed the ``attempt``-th time (from 1) is sent again; None: not again.

    Of a write that is asked only where it provably had no effect. ``jitter`` is a random number from 0 to 1.
    ``is_stop`` is true of a stop and of what one waits for: refused by the rate limit they try again earlier than
    anything else, because each minute is a minute of calls. ``since_answer_s`` is how long ago the answer came: it is
    part of any pause but that of a rate limit. A stop does not wait for a pause that is too long: it asks once a minute
    whether that still holds.
    """
    if isinstance(error, KoreBudgetError):
        return None  # that was a long wait already, or one that nobody wanted
    if isinstance(error, KoreRateLimitError):
        if error.retry_after_s is None:
            return _of(_RATE_LIMIT_OF_STOPS_S if is_stop else _RATE_LIMIT_S, attempt) + jitter * MAX_JITTER_S
        if is_stop:
            return min(error.retry_after_s, WINDOW_S) + jitter * MAX_JITTER_S
        # Exactly what the service asks for. More than a worker should wait for is the caller's to wait for.
        return None if error.retry_after_s > MAX_RETRY_AFTER_S else error.retry_after_s + jitter * MAX_JITTER_S
    if not error.retryable:
        return None
    pause_s = _of(_DELAYS_OF_STOPS_S if is_stop else _DELAYS_S, attempt) * (0.75 + jitter / 2)
    if isinstance(error, KoreServiceError) and error.retry_after_s is not None:
        if error.retry_after_s > MAX_RETRY_AFTER_S:
            return WINDOW_S + jitter * MAX_JITTER_S if is_stop else None
        pause_s = max(pause_s, error.retry_after_s + jitter * MAX_JITTER_S)
    return max(0.0, pause_s - since_answer_s)


def _of(delays: tuple[float, ...], attempt: int) -> float:
    """The delay after an attempt; after those that have none of their own, the last."""
    return delays[min(attempt, len(delays)) - 1]


def pause_after(error: KoreError) -> float | None:
    """For how many seconds nothing is worth a new call, for whoever comes back later by himself; None: nobody knows.

    That is as long as the error says, but no longer than a pause that makes sense; a minute after a rate limit, or a
    full budget, that does not say.
    """
    if error.retry_after_s is not None:
        return min(error.retry_after_s, MAX_PAUSE_S)
    return WINDOW_S if isinstance(error, KoreRateLimitError | KoreBudgetError) else None


def blocks_after(
    error: KoreRateLimitError, *, priority: Priority, delay_s: float | None = None
) -> dict[Priority, float]:
    """For how many seconds nothing of the account is sent after a rate limit, by the most urgent that is held back.

    If the service says for how long, everybody waits for that. If it does not, a stop waits shorter than the rest,
    which must not run ahead of it, and is held back only by an answer to a stop.

    Args:
        error: the rate limit.
        priority: of the request that met it.
        delay_s: seconds until that request is sent again, which get longer with each attempt; by default the first.
    """
    if error.retry_after_s is not None:
        return {Priority.STOP: min(error.retry_after_s if delay_s is None else delay_s, MAX_PAUSE_S)}
    blocks = {Priority.WRITE: max(delay_s or 0.0, WINDOW_S)}
    if priority is Priority.STOP:
        blocks[Priority.STOP] = _RATE_LIMIT_OF_STOPS_S[0] if delay_s is None else delay_s
    return blocks
