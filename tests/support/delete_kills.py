"""Deletes that are killed on their way, and what must be true when the next try has run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nursery import Nursery, points
from report_support import account_of
from saved_report import ROWS, open_folder, result_of, save_report

from airflow_provider_campaigns.actions.deleting.archive import Archive
from airflow_provider_campaigns.actions.deleting.delete import DeleteOptions, delete_campaigns
from airflow_provider_campaigns.actions.deleting.given_reports import GivenReports, reported_targets
from airflow_provider_campaigns.reports.parts import PARTS_FOLDER

if TYPE_CHECKING:
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator


APPROVED = {"approved_by": ["Grace"]}
LATER = [{"uniqueId": f"customer-{number}", "agentDispositionCodes": ["sold"]} for number in range(ROWS + 1)]
"""What the service has by the time of a delete, of a report that says nothing of dispositions and lacks the last."""

STAGES = ("reading", "adding", "added", "deleted", "told")
"""How far a delete had come whose second reading adds to its report.

It reads; it writes what it has read beside the report; that is the report now; the campaign is gone; so says a receipt.
"""


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

    Each try is about two campaigns, of which one has a report that is not complete. In every second one the other has
    grown since its report.
    """
    simulator.switches(rate_limit=None)
    met = Kills()
    with Nursery("delete_process.py") as nursery:
        ways = [_way(nursery, client, simulator, tmp_path / "undisturbed", grows=grows) for grows in (False, True)]
        for number, point in enumerate(points(seed, times)):
            grows = number % 2
            one = _Try(simulator, tmp_path / str(number), grows=bool(grows))
            nursery.kill(one.order(), max(int(point * ways[grows]), 1))
            one.count(met)
            one.again(client)
    return met


def kill_at_each_stage(simulator: KoreSimulator, client: KoreClient, tmp_path: Path) -> set[str]:
    """Kill deletes that add to their reports until each of ``STAGES`` was met, or cannot be; those that were.

    After each, try again and assert that what is left is right. The lines of a stage are found by halving what lies
    between a kill before it and one behind.
    """
    simulator.switches(rate_limit=None)
    with Nursery("delete_process.py") as nursery:
        end = 2 * _way(nursery, client, simulator, tmp_path / "undisturbed", grows=True)
        met = {0: -1, end: len(STAGES)}
        for stage in range(len(STAGES)):
            while stage not in met.values():
                first = max(line for line, found in met.items() if found < stage)
                last = min(line for line, found in met.items() if found > stage)
                if last - first <= 1:
                    break
                line = (first + last) // 2
                one = _Try(simulator, tmp_path / str(line), grows=True)
                nursery.kill(one.order(), line)
                met[line] = STAGES.index(one.stage())
                one.again(client)
    return {STAGES[found] for line, found in met.items() if 0 < line < end}


def _way(nursery: Nursery, client: KoreClient, simulator: KoreSimulator, path: Path, *, grows: bool) -> int:
    """The lines of a delete that nothing disturbs."""
    undisturbed = _Try(simulator, path / str(grows), grows=grows)
    lines = nursery.count(undisturbed.order())
    assert undisturbed.receipt.exists()
    undisturbed.again(client)
    return lines


class _Try:
    """A delete of two campaigns of its own, one fit for it and one not, with their reports and archive in a folder.

    ``grows`` has the service say more of the first one than its report.
    """

    def __init__(self, simulator: KoreSimulator, path: Path, *, grows: bool) -> None:
        self.simulator = simulator
        self.reported, self.unfit = (
            simulator.add_campaign(status="Stopped", name=f"{path.name} {which}") for which in "ab"
        )
        self.folder = save_report(simulator, self.reported, path / "reports")
        self.reports = [
            result_of(self.folder),
            result_of(save_report(simulator, self.unfit, path / "reports", complete=False, reason="rows_missing")),
        ]
        self.given = {one.name: one.read_bytes() for one in self.folder.iterdir()}
        self.grows = grows
        if grows:
            simulator.set_contacts(self.reported, LATER)
        self.archive = path / "archive"
        self.receipt = self.archive / self.reported / str(self.reports[0]["campaign_instance_id"]) / "receipt.json"

    def order(self) -> str:
        """What the process is told."""
        order: dict[str, Any] = {"reports": self.reports, "archive": str(self.archive), "by": APPROVED}
        return json.dumps({**order, "account": account_of(self.simulator)})

    def count(self, met: Kills) -> None:
        """Note how far the killed process had come."""
        if self.receipt.exists():
            met.after += 1
        elif self.is_there():
            met.before += 1
        else:
            met.between += 1

    def stage(self) -> str:
        """How far the killed process had come, one of ``STAGES``."""
        if self.receipt.exists():
            return "told"
        if not self.is_there():
            return "deleted"
        if (self.folder / "manifest.json").read_bytes() != self.given["manifest.json"]:
            return "added"
        beside = {one.name for one in self.folder.iterdir()} - self.given.keys() - {PARTS_FOLDER}
        return "adding" if beside else "reading"

    def is_there(self) -> bool:
        """True if the campaign is."""
        return self.reported in {one.campaign_id for one in self.simulator.campaigns()}

    def again(self, client: KoreClient) -> None:
        """Try again: it is deleted once and has its receipt, and what has no complete report is still there."""
        given = reported_targets(GivenReports.parse(self.reports), None, open_folder)
        outcomes = delete_campaigns(
            client,
            given.targets.targets,
            DeleteOptions(),
            reports=given.reports,
            archive=Archive(open_folder(str(self.archive)), APPROVED),
        )

        self.simulator.assert_one_effect("delete", self.reported)
        assert len(self.simulator.requests.of("delete", campaign_id=self.unfit)) == 0
        assert [one.campaign_id for one in self.simulator.campaigns()] == [self.unfit]
        assert list(outcomes.results) == [self.reported]
        assert "is not complete: rows_missing" in str(outcomes.failures[self.unfit])
        kept = {one.name: json.loads(one.read_text()) for one in self.receipt.parent.glob("*.json")}
        accepted = ["delete-accepted.json"] if kept["receipt.json"]["deleted_by"] else []
        assert sorted(kept) == [
            "campaign.json",
            *accepted,
            "delete-answer.json",
            "delete-grounds.json",
            "receipt.json",
        ]
        assert kept["campaign.json"]["_id"] == kept["receipt.json"]["campaign_id"] == self.reported
        self._check_report(kept["receipt.json"])
        assert not (self.archive / self.unfit).exists()
        self.simulator.service.store.remove(self.unfit)
        self.simulator.requests.clear()

    def _check_report(self, receipt: dict[str, Any]) -> None:
        """No row is lost, nothing that was given is either, and the receipt says what the delete went by."""
        manifest = (Path(receipt["report_url"].removeprefix("file://")) / "manifest.json").read_bytes()
        assert receipt["manifest_sha256"] == hashlib.sha256(manifest).hexdigest()
        assert receipt["given_manifest_sha256"] == self.reports[0]["manifest_sha256"]
        assert (receipt["results_verified"], bool(receipt["proven_gone_at"])) == ("all", True)
        assert (receipt["deleted_by"] or receipt["tried_by"]) == APPROVED
        files = json.loads(manifest)["files"]
        there = {one.name: one.read_bytes() for one in self.folder.iterdir() if one.is_file()}
        assert {name: hashlib.sha256(there[name]).hexdigest() for name in files} == {
            name: entry["sha256"] for name, entry in files.items()
        }
        (contacts,) = (there[name] for name in files if name.startswith("contacts"))
        rows = [json.loads(line) for line in contacts.splitlines()]
        assert (rows == LATER) if self.grows else (contacts in self.given.values())
        assert set(self.given.values()) <= set(there.values())
