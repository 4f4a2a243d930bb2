"""How far an export is, in the task's log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

_EVERY_S = 10.0


class ExportProgress:
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
        if now - self._told < _EVERY_S:
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
