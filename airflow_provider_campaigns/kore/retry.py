"""Again, and after how many seconds? Pure decisions; who asks does the waiting.

Reads are repeated after anything that may pass. Writes are not decided here but in ``writes``: a write whose fate is
unknown is never simply sent again.
"""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_campaigns.kore.errors import KoreBudgetError, KoreError, KoreRateLimitError

MAX_RETRY_AFTER_S = 300.0
"""A service that asks for a longer pause gets it from the caller, not from a waiting worker."""

MAX_JITTER_S = 1.0
"""Up to so much is added to a wait for the rate limit, so that machines do not return in step."""

RATE_LIMIT_WINDOW_S = 60.0
"""What the service counts requests over (page: rate limits)."""

MAX_PAUSE_S = 3600.0
"""The longest pause that is kept for all: one that makes no sense must not hold the account for ever."""

_DELAYS_S = (0.5, 1.0, 2.0, 4.0)
_READ_RATE_LIMIT_S = (RATE_LIMIT_WINDOW_S,)
_STOP_RATE_LIMIT_S = (10.0, 20.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long one call is kept up.

    Attributes:
        attempts: sendings of the same request, the first included.
        seconds: from the first sending to the last, waits for the rate limit included.
        drain_s: seconds for which a stop that did not show yet is read again before it is sent again.
    """

    attempts: int = 5
    seconds: float = 300.0
    drain_s: float = 10.0


def read_delay_s(error: KoreError, attempt: int, *, jitter: float, is_stop: bool = False) -> float | None:
    """Seconds until a read that failed the ``attempt``-th time (from 1) is sent again; None: not again.

    ``jitter`` is a random number from 0 to 1. ``is_stop`` is true of one that a stop waits for.
    """
    delays = _STOP_RATE_LIMIT_S if is_stop else _READ_RATE_LIMIT_S
    return _delay_s(error, attempt, jitter, rate_limit_delays_s=delays)


def write_delay_s(error: KoreError, attempt: int, *, jitter: float, is_stop: bool = False) -> float | None:
    """Seconds until a write that provably had no effect is sent again after its ``attempt``-th sending; None: not.

    A stop that the rate limit refused tries again earlier than anything else: each minute is a minute of calls.
    """
    delays = _STOP_RATE_LIMIT_S if is_stop else _READ_RATE_LIMIT_S
    return _delay_s(error, attempt, jitter, rate_limit_delays_s=delays)


def pause_s(error: KoreRateLimitError, *, for_stops: bool) -> float:
    """Seconds for which the account sends nothing after its first rate limit: as asked for, or its first delay.

    ``for_stops`` asks about stops, which wait shorter than the rest where the service does not say for how long.
    """
    if error.retry_after_s is not None:
        return min(error.retry_after_s, MAX_PAUSE_S)
    return (_STOP_RATE_LIMIT_S if for_stops else _READ_RATE_LIMIT_S)[0]


def _delay_s(error: KoreError, attempt: int, jitter: float, *, rate_limit_delays_s: tuple[float, ...]) -> float | None:
    if isinstance(error, KoreBudgetError):
        return None  # that was a long wait already, or one that nobody wanted
    if isinstance(error, KoreRateLimitError):
        if error.retry_after_s is None:
            return rate_limit_delays_s[min(attempt, len(rate_limit_delays_s)) - 1] + jitter * MAX_JITTER_S
        # Exactly what the service asks for. More than a worker should wait for is the caller's to wait for.
        return None if error.retry_after_s > MAX_RETRY_AFTER_S else error.retry_after_s + jitter * MAX_JITTER_S
    if not error.retryable:
        return None
    return _DELAYS_S[min(attempt, len(_DELAYS_S)) - 1] * (0.75 + jitter / 2)
