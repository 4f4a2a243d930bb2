"""Reports whose process is killed at any instant: what is left, and what the next try makes of it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nursery import Nursery
from report_support import account_of, contents_of, without_times

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from airflow_provider_campaigns.simulator import KoreSimulator


@dataclass
class KilledReports:
    """Kills processes that report a campaign at random instants, and compares with one that nobody disturbed.

    Attributes:
        simulator: where the campaign is.
        campaign_id: the campaign.
        home: a folder for all reports.
    """

    simulator: KoreSimulator
    campaign_id: str
    home: Path

    def run(self, points: Iterable[float]) -> list[str]:
        """Kill a report at each point, 0 to 1 of its way; what was left each time.

        The way is counted in executed lines of our code, so that a loaded machine meets the same stages as an idle one.
        Each report is then made again until it is done, and must be as the undisturbed one.
        """
        with Nursery("report_process.py", json.dumps(account_of(self.simulator)), self.campaign_id) as nursery:
            lines = nursery.count(str(self.prepared("undisturbed")))
            undisturbed = contents_of(self.home / "undisturbed")
            return [
                self._kill(nursery, self.prepared(f"killed-{number}"), max(int(point * lines), 1), undisturbed)
                for number, point in enumerate(points)
            ]

    def _kill(self, nursery: Nursery, folder: Path, line: int, undisturbed: dict[str, bytes]) -> str:
        """Kill a report when it has come to a line, and make it again."""
        nursery.kill(str(folder), line)
        left = contents_of(folder)
        self.check_left(left, undisturbed)
        nursery.work(str(folder))
        self._compare(contents_of(folder), undisturbed)
        shutil.rmtree(folder, ignore_errors=True)
        return self.stage(left, undisturbed)

    def prepared(self, name: str) -> Path:
        """The folder of a report before it is made: not there yet."""
        return self.home / name

    def check_left(self, left: dict[str, bytes], undisturbed: dict[str, bytes]) -> None:
        """Where there is a manifest everything is there; without one, what is there is whole."""
        visible = {name: data for name, data in left.items() if "_parts" not in name}
        for name, data in visible.items():
            if not name.endswith("manifest.json"):
                assert data == undisturbed[name], f"{name} was torn"
        if any(name.endswith("manifest.json") for name in visible):
            assert visible.keys() == undisturbed.keys()

    def stage(self, left: dict[str, bytes], undisturbed: dict[str, bytes]) -> str:
        """How far a killed report had come."""
        if any(name.endswith("manifest.json") for name in left):
            return "done" if not any("_parts" in name for name in left) else "manifest"
        if any("_parts" not in name for name in left):
            return "files"
        if any(name.endswith(".jsonl") and "/." not in name for name in left):
            return "parts"
        return "state" if left else "nothing"

    @staticmethod
    def _compare(made: dict[str, bytes], undisturbed: dict[str, bytes]) -> None:
        assert made.keys() == undisturbed.keys()
        for name, data in undisturbed.items():
            if name.endswith("manifest.json"):
                assert without_times(made[name]) == without_times(data)
            else:
                assert made[name] == data, f"{name} differs"
