"""The time an action lives in, as one value, so that tests and a cancelled task can put their own in its place."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _nobody_cancels() -> None:
    """An action by itself goes on."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Tells the time, waits, and says when time is up.

    Attributes:
        now: the instant, aware.
        monotonic: seconds that never go back, for measuring.
        sleep: waits for so many seconds; may raise to end the waiting.
        check_cancelled: called right before each write; raises if the action was cancelled, so that no more is sent.
    """

    now: Callable[[], datetime] = _utc_now
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    check_cancelled: Callable[[], None] = _nobody_cancels


SYSTEM_CLOCK = Clock()

_LAST_S = 120.0
_LOOK_EVERY_S, _LOOK_EVERY_S_AT_LAST = 30.0, 1.0


def wait_until(instant: datetime, clock: Clock) -> None:
    """Wait until the clock says that it is so late, whoever sets it meanwhile.

    It is looked at every 30 seconds, in the last two minutes every second: a sleep knows nothing of a clock that is
    set, and one for the whole time would end as much too late as that was slow.
    """
    while (left_s := (instant - clock.now()).total_seconds()) > 0:
        clock.sleep(min(left_s, _LOOK_EVERY_S if left_s > _LAST_S else _LOOK_EVERY_S_AT_LAST))


def instant_of(text: object) -> datetime | None:
    """The aware instant that a text in ISO 8601 names, None if it is none; one without a zone counts as UTC."""
    try:
        instant = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return instant if instant is None or instant.tzinfo else instant.replace(tzinfo=UTC)


def instant_text(instant: datetime) -> str:
    """An aware instant as results carry it: ISO 8601 in UTC, such as ``2026-03-02T12:30:00.004Z``."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
