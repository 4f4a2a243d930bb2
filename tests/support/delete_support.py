"""What the tests of deleting share."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from saved_report import open_folder

from airflow_provider_campaigns.actions.deleting.archive import Archive
from airflow_provider_campaigns.actions.deleting.delete import DeleteOptions, delete_campaigns
from airflow_provider_campaigns.actions.deleting.given_reports import GivenReports, reported_targets
from airflow_provider_campaigns.actions.stopping.stop import stop_one
from airflow_provider_campaigns.actions.targets import Target, Targets
from airflow_provider_campaigns.reports.folder import Folder

if TYPE_CHECKING:
    from pathlib import Path

    from fake_clock import FakeClock

    from airflow_provider_campaigns.actions.deleting.delete import StopOne
    from airflow_provider_campaigns.actions.outcomes import Outcomes
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.errors import (
        KoreError,
    )
    from airflow_provider_campaigns.simulator import KoreSimulator

BY = {"dag_id": "evening", "run_id": "manual", "task_id": "delete", "map_index": -1, "try_number": 1}
STRANGER = "cd-0000000-0000-4000-8000-00000000dead"
SCHEDULED = {"isSchedulingEnabled": True, "isRecurrenceEnabled": True}
BOTH_WAYS = pytest.mark.parametrize("delete_running", ["refuse", "accept"])
"""Whether the service itself deletes a campaign that runs is not documented, so it must not matter."""


def stop_if(options: dict[str, Any], client: KoreClient, fake_clock: FakeClock) -> StopOne | None:
    """What stops a campaign that runs, where the option ``if_running``, which it takes out, says so."""
    return stop_one(client, clock=fake_clock.clock) if options.pop("if_running", "fail") == "stop" else None


@dataclass
class Delete:
    """Deletes campaigns, by id or as targets; without a report, which is meant unless the options say otherwise."""

    client: KoreClient
    fake_clock: FakeClock

    def __call__(self, *targets: str | Target, **options: Any) -> Outcomes:
        named = [one if isinstance(one, Target) else Target(one) for one in targets]
        stop = stop_if(options, self.client, self.fake_clock)
        how = DeleteOptions(**{"if_unreported": "delete", **options})
        return delete_campaigns(self.client, named, how, stop=stop, clock=self.fake_clock.clock)


class KilledError(BaseException):
    """Stands for a kill: nothing but a test catches it."""


@dataclass
class DeleteReported:
    """Deletes what reports are about, with an archive in the folder ``archive``.

    Attributes:
        by: the task that deletes, as the archive says it.
    """

    client: KoreClient
    fake_clock: FakeClock
    archive: Path
    by: dict[str, Any]

    def __call__(self, report: Any, named: Targets | None = None, *, archive: bool = True, **options: Any) -> Outcomes:
        reported = reported_targets(GivenReports.parse(report), named, open_folder)
        stop = stop_if(options, self.client, self.fake_clock)
        outcomes = delete_campaigns(
            self.client,
            reported.targets.targets,
            DeleteOptions(**options),
            stop=stop,
            reports=reported.reports,
            archive=Archive(Folder(self.archive), self.by) if archive else None,
            clock=self.fake_clock.clock,
        )
        outcomes.add_failures(reported.unread)
        return outcomes


def kept(tmp_path: Path, campaign_id: str) -> dict[str, Any]:
    """What the archive holds of the only run of a campaign, by file name."""
    (folder,) = (tmp_path / "archive" / campaign_id).iterdir()
    return {one.name: json.loads(one.read_text()) for one in folder.iterdir()}


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


def remove(simulator: KoreSimulator, campaign_id: str) -> None:
    """What somebody else's delete does."""
    simulator.service.store.remove(campaign_id)
