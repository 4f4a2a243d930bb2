"""What the tests of deleting share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_campaigns.actions.delete import DeleteOptions, delete_campaigns
from airflow_provider_campaigns.actions.targets import Target

if TYPE_CHECKING:
    from fake_clock import FakeClock

    from airflow_provider_campaigns.actions.outcomes import Outcomes
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.errors import (
        KoreError,
    )
    from airflow_provider_campaigns.simulator import KoreSimulator

Meanwhile = Callable[[str, Callable[[], object]], None]

STRANGER = "cd-0000000-0000-4000-8000-00000000dead"
SCHEDULED = {"isSchedulingEnabled": True, "isRecurrenceEnabled": True}
BOTH_WAYS = pytest.mark.parametrize("delete_running", ["refuse", "accept"])
"""Whether the service itself deletes a campaign that runs is not documented, so it must not matter."""


@dataclass
class Delete:
    """Deletes campaigns, by id or as targets."""

    client: KoreClient
    fake_clock: FakeClock

    def __call__(self, *targets: str | Target, **options: Any) -> Outcomes:
        named = [one if isinstance(one, Target) else Target(one) for one in targets]
        return delete_campaigns(self.client, named, DeleteOptions(**options), clock=self.fake_clock.clock)


def add(simulator: KoreSimulator, number: int = 1, **fields: Any) -> list[str]:
    return [simulator.add_campaign(**{"status": "Stopped", **fields}) for _ in range(number)]


def only(outcomes: Outcomes) -> dict[str, Any]:
    """The result of the only campaign."""
    outcomes.raise_failures("deleted")
    (result,) = outcomes.as_dicts()
    return result


def failure(outcomes: Outcomes, campaign_id: str) -> KoreError:
    assert campaign_id not in outcomes.results
    return outcomes.failures[campaign_id]


def there(simulator: KoreSimulator) -> set[str]:
    return {campaign.campaign_id for campaign in simulator.campaigns()}


def before_call(meanwhile: Meanwhile, method: str, number: int, event: Callable[[], object]) -> None:
    """Let something happen right before the call of this number, from 1, of one of the client's methods."""
    if number == 1:
        meanwhile(method, event)
    else:
        meanwhile(method, lambda: before_call(meanwhile, method, number - 1, event))


def remove(simulator: KoreSimulator, campaign_id: str) -> None:
    """What somebody else's delete does."""
    simulator.service.store.remove(campaign_id)
