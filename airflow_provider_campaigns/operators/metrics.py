"""What is counted and measured, through whatever Airflow's ``[metrics]`` are sent with. docs/monitoring.md lists it."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_campaigns.actions.audit import Change
    from airflow_provider_campaigns.actions.outcomes import Outcomes

log = logging.getLogger(__name__)

PREFIX = "kore_campaign"

_VERBS = {"stopped": "stop", "started": "start", "deleted": "delete"}
_TOLD: set[str] = set()
"""Kinds of trouble with metrics that this process has logged: once each, not for every campaign."""

_DONE = {"stop": "confirmed", "start": "started", "delete": "deleted"}


def tell_change(change: Change) -> None:
    """Count a change when it is made and, of a stop at a close, measure how late it was."""
    if change.outcome_unknown:
        return
    tags = _tags(change.campaign_type)
    _count(f"{change.event}.sent", 1, tags)
    if change.lateness_s is not None:
        with _never_failing():
            from airflow.providers.common.compat.sdk import Stats  # noqa: PLC0415 - not to parse

            Stats.timing(f"{PREFIX}.{change.event}.lateness", timedelta(seconds=change.lateness_s), tags=tags)


def tell_outcomes(outcomes: Outcomes, what: str) -> None:
    """Count what became of the campaigns of one try; ``what`` was to be done, such as ``stopped``."""
    verb = _VERBS.get(what)
    if verb is None:
        return
    done = [
        one.campaign_type
        for one in outcomes.results.values()
        if one.changed and (verb != "stop" or "confirmed_at" in one.details)
    ]
    for campaign_type in sorted({one or "" for one in done}):
        _count(f"{verb}.{_DONE[verb]}", done.count(campaign_type or None), _tags(campaign_type))
    if outcomes.failures:
        _count(f"{verb}.failed", len(outcomes.failures), {})


def _tags(campaign_type: str | None) -> dict[str, str]:
    return {"campaign_type": campaign_type} if campaign_type else {}


def _count(name: str, number: int, tags: dict[str, str]) -> None:
    with _never_failing():
        from airflow.providers.common.compat.sdk import Stats  # noqa: PLC0415 - not to parse

        Stats.incr(f"{PREFIX}.{name}", number, tags=tags)


@contextmanager
def _never_failing() -> Iterator[None]:
    """A metric is never a reason for a task to fail, and what sends it may be of anybody's making."""
    try:
        yield
    except Exception as error:
        if type(error).__name__ not in _TOLD:
            _TOLD.add(type(error).__name__)
            log.warning("metrics cannot be sent; the work goes on without them", exc_info=True)
