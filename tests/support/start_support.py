"""What the tests of starting share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.actions.starting.start import StartOptions, start_campaigns
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.patience import ENDLESS, Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fake_clock import FakeClock

    from airflow_provider_campaigns.actions.evidence import Entry
    from airflow_provider_campaigns.actions.outcomes import Outcomes
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.errors import KoreError
    from airflow_provider_campaigns.simulator import KoreSimulator


@dataclass
class Notes:
    """Evidence that is kept in memory, as a task that is tried again finds it.

    Attributes:
        entries: what is kept, by campaign id.
        kept: every entry in the order in which it was kept.
        on_keep: called at each keeping.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    kept: list[Entry] = field(default_factory=list)
    on_keep: Callable[[], object] = list

    def recall(self, patience: Patience = ENDLESS) -> Mapping[str, Entry]:
        return dict(self.entries)

    def keep(self, entries: Mapping[str, Entry], *_: object) -> bool:
        self.on_keep()
        self.kept.extend(entries.values())
        self.entries.update(entries)
        return True


@dataclass
class Start:
    """Starts campaigns, by id or as targets."""

    client: KoreClient
    fake_clock: FakeClock
    notes: Notes | None = None

    def __call__(self, *targets: str | Target, campaign_type: str = "voice", **options: Any) -> Outcomes:
        named = [one if isinstance(one, Target) else Target(one) for one in targets]
        start_options = StartOptions(CampaignType(campaign_type), **options)
        return start_campaigns(self.client, named, start_options, evidence=self.notes, clock=self.fake_clock.clock)


def run_of(simulator: KoreSimulator, campaign_id: str) -> str | None:
    """The campaign's latest run, as the service knows it."""
    return simulator.campaign(campaign_id).instance_id


def only(outcomes: Outcomes) -> dict[str, Any]:
    """The result of the only campaign."""
    outcomes.raise_failures("started")
    (result,) = outcomes.as_dicts()
    return result


def failure(outcomes: Outcomes, campaign_id: str) -> KoreError:
    assert campaign_id not in outcomes.results
    return outcomes.failures[campaign_id]
