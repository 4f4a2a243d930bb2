"""Reading pages of contacts ahead of whoever writes them, in order, a few at a time."""

from __future__ import annotations

import itertools
import logging
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

log = logging.getLogger(__name__)

MOST_READERS = 8
"""As many connections as the senders of a stop open: more at a time overflow a listen backlog of 5."""

PAGES_PER_READER = 2
"""Read and not written yet, so that a reader need not wait for the writing."""

_REPORT_EVERY_S = 10.0

_T = TypeVar("_T")


def readers_for(requests_per_minute: int) -> int:
    """How many readers keep the budget busy, at up to a second for an answer; more would only wait in its queue."""
    return max(1, min(MOST_READERS, 1 + requests_per_minute // 60))


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


class Progress:
    """Tells the task's log how far an export is, at most every ten seconds; numbers only, nothing of a contact."""

    def __init__(self, campaign_id: str, pages: int, *, monotonic: Callable[[], float]) -> None:
        self._campaign_id = campaign_id
        self._pages = pages
        self._monotonic = monotonic
        self._began = self._told = monotonic()
        self._done = self._done_before = self._rows = self._rows_before = 0

    def resume(self, pages: int, rows: int) -> None:
        """Count what an earlier try has read; it says nothing about the speed of this one."""
        self._done_before = self._done = pages
        self._rows_before = self._rows = rows
        log.info("campaign %s: %d of %d pages were read by an earlier try", self._campaign_id, pages, self._pages)

    def add(self, rows: int) -> None:
        """Count a page."""
        self._done += 1
        self._rows += rows
        now = self._monotonic()
        if now - self._told < _REPORT_EVERY_S:
            return
        self._told = now
        pages_per_s = (self._done - self._done_before) / (now - self._began)
        log.info(
            "campaign %s: page %d of %d, %d rows, %.0f rows/s, about %.0f s left",
            self._campaign_id,
            self._done,
            self._pages,
            self._rows,
            self._rate(now),
            (self._pages - self._done) / pages_per_s,
        )

    def end(self) -> None:
        """Say that all pages are read."""
        now = self._monotonic()
        log.info(
            "campaign %s: %d pages with %d rows read in %.1f s, %.0f rows/s",
            self._campaign_id,
            self._done,
            self._rows,
            now - self._began,
            self._rate(now),
        )

    def _rate(self, now: float) -> float:
        return (self._rows - self._rows_before) / max(now - self._began, 0.001)
