"""How far work on many campaigns is: now and then, in one short line of the log."""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_campaigns.kore.clock import Clock

log = logging.getLogger(__name__)

EVERY_S = 10.0
"""Seconds between two lines at least, however often campaigns are looked at."""

_NAMED = 3
"""Campaigns whose ids a line names for each thing that is waited for; fifty of them would hide everything else."""


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
        if self._told_at is not None and now - self._told_at < EVERY_S:
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
