"""Reports whose process is killed at any instant: what is left, and what the next try makes of it."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from report_support import account_of, contents_of, without_times

if TYPE_CHECKING:
    from collections.abc import Iterable

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
        with _Nursery(self.simulator, self.campaign_id) as nursery:
            lines = nursery.report(self.prepared("undisturbed"))
            undisturbed = contents_of(self.home / "undisturbed")
            return [
                self._kill(nursery, self.prepared(f"killed-{number}"), max(int(point * lines), 1), undisturbed)
                for number, point in enumerate(points)
            ]

    def _kill(self, nursery: _Nursery, folder: Path, line: int, undisturbed: dict[str, bytes]) -> str:
        """Kill a report when it has come to a line, and make it again."""
        nursery.kill(folder, line)
        left = contents_of(folder)
        self.check_left(left, undisturbed)
        nursery.report(folder)
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


class _Nursery:
    """The process that bears the reporting ones."""

    def __init__(self, simulator: KoreSimulator, campaign_id: str) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).with_name("report_process.py")),
                json.dumps(account_of(simulator)),
                campaign_id,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.communicate(timeout=60)

    def report(self, folder: Path) -> int:
        """Let a process report into a folder; the lines that it took."""
        code, lines = self._order(folder, 0)
        assert code == 0
        return lines

    def kill(self, folder: Path, line: int) -> None:
        """Let a process report into a folder, and have it killed at a line."""
        code, _ = self._order(folder, line)
        assert code == -signal.SIGKILL

    def _order(self, folder: Path, line: int) -> tuple[int, int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{folder}\t{line}\n")
        code, lines = self._process.stdout.readline().split("\t")
        return int(code), int(lines)


def points(seed: int, number: int) -> list[float]:
    """Instants at which to kill: spread over the whole way, and each fourth over its last hundredth.

    There, behind the last row, the files are written.
    """
    chance = random.Random(seed)
    late = number // 4
    return [
        *((one + chance.random()) / (number - late) for one in range(number - late)),
        *(0.99 + 0.01 * (one + chance.random()) / late for one in range(late)),
    ]
