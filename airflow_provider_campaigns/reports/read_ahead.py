"""Reading pages of contacts ahead of whoever writes them, in order, a few at a time."""

from __future__ import annotations

import itertools
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_campaigns.kore.budget import WINDOW_S

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

MOST_READERS = 8
"""As many connections as the senders of a stop open: more at a time overflow a listen backlog of 5."""

PAGES_PER_READER = 2
"""Read and not written yet, so that a reader need not wait for the writing."""

_T = TypeVar("_T")


def readers_for(requests_per_minute: int) -> int:
    """How many readers keep the budget busy, at up to a second for an answer; more would only wait in its queue."""
    return max(1, min(MOST_READERS, 1 + int(requests_per_minute / WINDOW_S)))


def read_ahead(read: Callable[[int], _T], numbers: Iterable[int], *, readers: int) -> Generator[_T]:
    """What ``read`` gives for each number, in order; up to ``PAGES_PER_READER`` times ``readers`` are read ahead.

    The first error ends it, in the place of its page; what was not begun by then is not read.
    """
    pending: deque[Future[_T]] = deque()
    coming = iter(numbers)
    with ThreadPoolExecutor(max_workers=readers, thread_name_prefix="report") as pool:
        try:
            for number in itertools.islice(coming, readers * PAGES_PER_READER):
                pending.append(pool.submit(read, number))
            while pending:
                page = pending.popleft().result()
                for number in itertools.islice(coming, 1):
                    pending.append(pool.submit(read, number))
                yield page
        finally:
            for one in pending:
                one.cancel()
