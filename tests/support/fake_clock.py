"""Time for actions under test."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_campaigns.kore.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class FakeClock:
    """Time that passes only while somebody waits."""

    elapsed_s: float = 0.0
    waits: list[float] = field(default_factory=list)
    events: list[Callable[[], object]] = field(default_factory=list)
    """What happens during the first wait, the second, and so on."""
    before_write: Callable[[], object] = list
    """What happens right before each write, after the look at its campaign."""

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.elapsed_s += seconds
        if self.events:
            self.events.pop(0)()

    def _before_write(self) -> None:
        self.before_write()

    @property
    def clock(self) -> Clock:
        return Clock(
            now=lambda: datetime(2026, 3, 2, 12, 30, tzinfo=UTC) + timedelta(seconds=self.elapsed_s),
            monotonic=lambda: self.elapsed_s,
            sleep=self.sleep,
            check_cancelled=self._before_write,
        )
