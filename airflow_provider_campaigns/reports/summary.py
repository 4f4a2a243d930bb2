"""Counts over the rows of a report: outcomes, dispositions and attempts, in memory that does not grow with the rows."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.reports.pending import is_pending

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider_campaigns.kore.campaigns import Campaign

FORMAT = 1
OTHER = "(other)"
MOST_KINDS = 200
"""Of one field; further ones are counted together, or a service gone wrong would fill the memory."""

COMPLETED = "completed"


class Tally:
    """Counts over contact rows; what the service calls things stays as it is, never merged or renamed.

    Attributes:
        rows: how many.
        pending: how many say that they are not final yet.
    """

    def __init__(self) -> None:
        self.rows = self.pending = 0
        self._never_reached = 0
        self._in_progress = 0
        self._attempts = 0
        self._outcomes: Counter[str] = Counter()
        self._dispositions: Counter[str] = Counter()
        self._hang_ups: Counter[str] = Counter()
        self._histogram: Counter[int] = Counter()
        self._most = 0

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Count rows."""
        for row in rows:
            self.rows += 1
            self.pending += is_pending(row)
            outcome = _text(row.get("dialerOutcome"))
            self._in_progress += not outcome
            self._never_reached += outcome != COMPLETED and not row.get("botSessionId")
            _count(self._outcomes, outcome)
            if hang_up := _text(row.get("botOutboundStatus")):
                _count(self._hang_ups, hang_up)
            dispositions = row.get("agentDispositionCodes")
            if isinstance(dispositions, list):
                for disposition in dispositions:
                    _count(self._dispositions, _text(disposition))
            attempts = row.get("numberOfAttemptsSoFar")
            if not isinstance(attempts, int) or isinstance(attempts, bool) or not 0 <= attempts < _MORE:
                attempts = 0
            self._attempts += attempts
            self._most = max(self._most, attempts)
            _count(self._histogram, attempts, other=_MORE)

    def as_json(self, campaign: Campaign, *, total: int | None, messages_sent: int | None) -> dict[str, Any]:
        """What ``summary.json`` holds.

        ``contacts.never_reached`` are those without a conversation: no session, and an outcome that is not
        ``completed``. ``contacts.in_progress`` are those without an outcome, which the service documents as in
        progress; ``contacts.pending`` those that are not final yet (``is_pending``). Counts come by falling count, then
        by text. ``attempts.mean`` has three digits.

        Args:
            campaign: as it was last read.
            total: contacts that the service says there are; None if it has no results by contact.
            messages_sent: of an SMS campaign; None if the service does not tell.
        """
        known = total is not None
        return {
            "format": FORMAT,
            "campaign": {
                "campaign_id": campaign.campaign_id,
                "name": campaign.name,
                "campaign_type": None if campaign.campaign_type is None else campaign.campaign_type.value,
                "status": str(campaign.status),
                "campaign_instance_id": campaign.campaign_instance_id,
                "created_at": campaign.created_at,
                "updated_at": campaign.updated_at,
            },
            "contacts": {
                "total": total,
                "rows": self.rows if known else None,
                "never_reached": self._never_reached if known else None,
                "in_progress": self._in_progress if known else None,
                "pending": self.pending if known else None,
            },
            "outcomes": _ordered(self._outcomes),
            "dispositions": _ordered(self._dispositions),
            "hang_ups": _ordered(self._hang_ups),
            "attempts": {
                "total": self._attempts if known else None,
                "mean": round(self._attempts / self.rows, 3) if self.rows else None,
                "most": self._most if self.rows else None,
                "histogram": self._by_attempts(),
            },
            "messages_sent": messages_sent,
        }

    def _by_attempts(self) -> dict[str, int]:
        return {
            OTHER if attempts == _MORE else str(attempts): rows for attempts, rows in sorted(self._histogram.items())
        }


_MORE = sys.maxsize
"""Stands for all numbers of attempts beyond the first so many kinds, and sorts after them."""


def _count(counter: Counter[Any], key: Any, *, other: Any = OTHER) -> None:
    counter[key if key in counter or len(counter) < MOST_KINDS else other] += 1


def _ordered(counter: Counter[str]) -> dict[str, int]:
    return dict(sorted(counter.items(), key=lambda one: (-one[1], one[0])))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value)
