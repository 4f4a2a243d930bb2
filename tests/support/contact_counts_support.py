"""What the tests of counting contacts before a stop share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.client import KoreClient

if TYPE_CHECKING:
    from fake_clock import FakeClock

    from airflow_provider_campaigns.actions.outcomes import Outcomes
    from airflow_provider_campaigns.kore.settings import KoreSettings


def counts(outcomes: Outcomes) -> list[int | None]:
    """The number in each result, None where it says none."""
    assert outcomes.failures == {}
    return [result.get("contacts_before_stop") for result in outcomes.as_dicts()]


def narrow_client(settings: KoreSettings, time: FakeClock, *, limit: int) -> KoreClient:
    """A client with a budget of so many requests a minute, whose minute passes with the fake clock."""
    budget = RequestBudget(limit, account_key=None, clock=lambda: time.elapsed_s, sleep=time.sleep)
    return KoreClient(settings, budget=budget, clock=lambda: time.elapsed_s, sleep=time.sleep)
