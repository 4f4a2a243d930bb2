"""Which results are not final yet? By the row alone; whoever waits for them is elsewhere. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_FINAL = frozenset({"in-progress", "waitingForDisposition"})
"""Outcomes that say of themselves that there will be another."""


def is_pending(row: Mapping[str, Any]) -> bool:
    """True if a row says of itself that it is not final: its call goes on, or its agent has yet to say how it went.

    A row without an outcome is pending once there was an attempt: a contact that was never called stays as it is. Of
    any other type, an outcome is one, and a number of attempts is none; a number as text is a number.
    """
    outcome = row.get("dialerOutcome")
    if outcome is None or (isinstance(outcome, str) and not outcome.strip()):
        return _was_tried(row.get("numberOfAttemptsSoFar"))
    return isinstance(outcome, str) and outcome in NOT_FINAL


def _was_tried(attempts: object) -> bool:
    if isinstance(attempts, str):
        try:
            attempts = float(attempts)
        except ValueError:
            return False
    return isinstance(attempts, int | float) and not isinstance(attempts, bool) and attempts >= 1
