"""What the tests of stopping share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_campaigns.actions.stopping.stop import StopOptions, stop_campaigns
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore.campaigns import CampaignType

if TYPE_CHECKING:
    from fake_clock import FakeClock

    from airflow_provider_campaigns.actions.outcomes import Outcomes
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.errors import (
        KoreError,
    )
    from airflow_provider_campaigns.simulator import KoreSimulator

STRANGER = "cd-0000000-0000-4000-8000-00000000dead"
SCHEDULED = {"isSchedulingEnabled": True, "isRecurrenceEnabled": True}
BELOW_AND_ABOVE_THE_LIST = pytest.mark.parametrize("others", [0, 5], ids=["few", "many"])
"""From four campaigns on the list serves them all; three or less are read by themselves."""


@dataclass
class Stop:
    """Stops campaigns, by id or as targets."""

    client: KoreClient
    fake_clock: FakeClock

    def __call__(self, *targets: str | Target, campaign_type: str = "voice", **options: Any) -> Outcomes:
        named = [one if isinstance(one, Target) else Target(one) for one in targets]
        stop_options = StopOptions(CampaignType(campaign_type), **options)
        return stop_campaigns(self.client, named, stop_options, clock=self.fake_clock.clock)


def add(simulator: KoreSimulator, number: int, **fields: Any) -> list[str]:
    return [simulator.add_campaign(**fields) for _ in range(number)]


def become(simulator: KoreSimulator, ids: list[str], status: str) -> None:
    """Give campaigns a status, as the platform or somebody else would."""
    for campaign_id in ids:
        simulator.set_status(campaign_id, status, force=True)


def only(outcomes: Outcomes) -> dict[str, Any]:
    """The result of the only campaign."""
    outcomes.raise_failures("stopped")
    (result,) = outcomes.as_dicts()
    return result


def failure(outcomes: Outcomes, campaign_id: str) -> KoreError:
    assert campaign_id not in outcomes.results
    return outcomes.failures[campaign_id]
