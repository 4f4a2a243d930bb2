"""Deletes that are killed on their way, and what must be true when the next try has run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nursery import Nursery, points
from report_support import account_of
from saved_report import open_folder, result_of, save_report

from airflow_provider_campaigns.actions.deleting.archive import Archive
from airflow_provider_campaigns.actions.deleting.delete import DeleteOptions, delete_campaigns
from airflow_provider_campaigns.actions.deleting.given_reports import GivenReports, reported_targets

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator


@dataclass
class Kills:
    """What a number of kills met.

    Attributes:
        before: the campaign was still there when the process was killed.
        between: it was gone, and had no receipt yet.
        after: the process had written its receipt.
    """

    before: int = 0
    between: int = 0
    after: int = 0


def kill_deletes(simulator: KoreSimulator, client: KoreClient, tmp_path: Path, *, times: int, seed: int) -> Kills:
    """Kill ``times`` deletes, spread over their way; after each, try again and assert that what is left is right.

    Each try is about two campaigns, of which one has a report that is not complete.
    """
    simulator.switches(rate_limit=None)
    met = Kills()
    with Nursery("delete_process.py") as nursery:
        undisturbed = _Try(simulator, tmp_path / "undisturbed")
        lines = nursery.count(undisturbed.order())
        assert undisturbed.receipt.exists()
        undisturbed.again(client)
        for number, point in enumerate(points(seed, times)):
            one = _Try(simulator, tmp_path / str(number))
            nursery.kill(one.order(), max(int(point * lines), 1))
            one.count(met)
            one.again(client)
    return met


class _Try:
    """A delete of two campaigns of its own, one fit for it and one not, with their reports and archive in a folder."""

    def __init__(self, simulator: KoreSimulator, path: Path) -> None:
        self.simulator = simulator
        self.reported, self.unfit = (
            simulator.add_campaign(status="Stopped", name=f"{path.name} {which}") for which in "ab"
        )
        self.reports = [
            result_of(save_report(simulator, self.reported, path / "reports")),
            result_of(save_report(simulator, self.unfit, path / "reports", complete=False, reason="rows_missing")),
        ]
        self.archive = path / "archive"
        self.receipt = self.archive / self.reported / str(self.reports[0]["campaign_instance_id"]) / "receipt.json"

    def order(self) -> str:
        """What the process is told."""
        order: dict[str, Any] = {"reports": self.reports, "archive": str(self.archive)}
        return json.dumps({**order, "account": account_of(self.simulator)})

    def count(self, met: Kills) -> None:
        """Note how far the killed process had come."""
        if self.receipt.exists():
            met.after += 1
        elif self.reported in {one.campaign_id for one in self.simulator.campaigns()}:
            met.before += 1
        else:
            met.between += 1

    def again(self, client: KoreClient) -> None:
        """Try again: it is deleted once and has its receipt, and what has no complete report is still there."""
        given = reported_targets(GivenReports.parse(self.reports), None, open_folder)
        outcomes = delete_campaigns(
            client,
            given.targets.targets,
            DeleteOptions(),
            reports=given.reports,
            archive=Archive(open_folder(str(self.archive))),
        )

        self.simulator.assert_one_effect("delete", self.reported)
        assert len(self.simulator.requests.of("delete", campaign_id=self.unfit)) == 0
        assert [one.campaign_id for one in self.simulator.campaigns()] == [self.unfit]
        assert list(outcomes.results) == [self.reported]
        assert "is not complete: rows_missing" in str(outcomes.failures[self.unfit])
        kept = {one.name: json.loads(one.read_text()) for one in self.receipt.parent.glob("*.json")}
        assert sorted(kept) == ["campaign.json", "delete-answer.json", "receipt.json"]
        assert kept["campaign.json"]["_id"] == kept["receipt.json"]["campaign_id"] == self.reported
        assert kept["receipt.json"]["manifest_sha256"] == self.reports[0]["manifest_sha256"]
        assert kept["receipt.json"]["proven_gone_at"]
        assert not (self.archive / self.unfit).exists()
        self.simulator.service.store.remove(self.unfit)
        self.simulator.requests.clear()
