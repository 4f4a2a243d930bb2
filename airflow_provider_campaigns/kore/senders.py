"""Threads that talk to the service: few while it answers, more while it leaves them hanging."""

from __future__ import annotations

import logging
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

log = logging.getLogger(__name__)

SENDERS = 8
"""Threads that talk to the service at once while it answers; they reach any limit that an account has."""

MOST_SENDERS = 50
"""Threads at once where one that hangs must not hold up another; as many as an evening has campaigns."""

HELD_AFTER_S = 0.5
"""A thread that is at one campaign for so long is held by it, and another may take its place."""

_HELD_TIMES = 3.0
"""What takes so many times as long as all others is held, and not just as slow as the service is today."""

_LOOK_AGAIN_S = 0.05

TELL_EVERY_S = 10.0
"""Seconds between two lines of the log, at least, about how far the work is."""

_T = TypeVar("_T")


def run_all(
    work: Callable[[str], _T],
    campaign_ids: Iterable[str],
    *,
    most: int = SENDERS,
    hangs: Callable[[str], bool] | None = None,
) -> dict[str, Future[_T]]:
    """Do ``work`` for each campaign, in order, several at a time; all are done when this returns.

    What ``hangs`` is not waited for once all are begun, others are done, and it has taken more than half a second and
    three times as long as any of the others.

    Up to eight go on at once. Where ``most`` is more, one that takes longer than half a second no longer counts as one
    of the eight, so that it holds up no other, until there are ``most``.

    Work that takes long, because the request budget makes it wait, is told of in the log every ten seconds. If this
    thread is interrupted, by a time-out or a kill, nothing more is begun, and what is under way is not waited for: who
    interrupts ends its waits.
    """
    waiting = deque(campaign_ids)
    number, told_at = len(waiting), time.monotonic()
    futures: dict[str, Future[_T]] = {}
    under_way: dict[Future[_T], tuple[str, float]] = {}
    longest_s: float | None = None
    pool = ThreadPoolExecutor(max_workers=most, thread_name_prefix="campaign")
    try:
        while waiting or under_way:
            now = time.monotonic()
            if hangs is not None and not waiting and longest_s is not None:
                held_s = max(HELD_AFTER_S, _HELD_TIMES * longest_s)
                if all(now - begun >= held_s and hangs(one) for one, begun in under_way.values()):
                    break
            free = SENDERS - sum(most == SENDERS or now - begun < HELD_AFTER_S for _, begun in under_way.values())
            for _ in range(min(free, most - len(under_way), len(waiting))):
                campaign_id = waiting.popleft()
                futures[campaign_id] = pool.submit(work, campaign_id)
                under_way[futures[campaign_id]] = campaign_id, now
            if now - told_at >= TELL_EVERY_S:
                told_at = now
                log.info("%d of %d campaigns served so far", number - len(waiting) - len(under_way), number)
            looks_often = hangs is not None or (waiting and most > SENDERS)
            patience_s = _LOOK_AGAIN_S if looks_often else TELL_EVERY_S
            for done in wait(under_way, timeout=patience_s, return_when=FIRST_COMPLETED).done:
                longest_s = max(longest_s or 0.0, time.monotonic() - under_way.pop(done)[1])
    finally:
        pool.shutdown(wait=not under_way, cancel_futures=True)
    return futures
