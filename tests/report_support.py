"""What the tests of reports share: making one, looking at its files, and killing the process that makes it."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_campaigns.actions.report import ReportOptions, report_campaigns
from airflow_provider_campaigns.actions.targets import Target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fake_clock import FakeClock

    from airflow_provider_campaigns.actions.outcomes import Outcomes
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

STRANGER = "cd-0000000-0000-4000-8000-00000000dead"
DATA_FILES = ("campaign.json", "contacts.csv", "contacts.jsonl", "report.html", "summary.json")


@dataclass
class Reporter:
    """Reports campaigns, by id or as targets, below ``path``."""

    client: KoreClient
    fake_clock: FakeClock
    path: Any

    def __call__(self, *targets: str | Target, **options: Any) -> Outcomes:
        named = [one if isinstance(one, Target) else Target(one) for one in targets]
        return report_campaigns(self.client, named, self.path, ReportOptions(**options), clock=self.fake_clock.clock)

    def one(self, target: str | Target, **options: Any) -> dict[str, Any]:
        """The result of the only campaign."""
        outcomes = self(target, **options)
        outcomes.raise_failures("reported")
        (result,) = outcomes.as_dicts()
        return result

    def failure(self, target: str | Target, **options: Any) -> Any:
        """The error of the only campaign."""
        outcomes = self(target, **options)
        assert not outcomes.results
        (error,) = outcomes.failures.values()
        return error


def folder_of(result: dict[str, Any]) -> Path:
    """Where a local report is."""
    return Path(result["report_url"].removeprefix("file://"))


def manifest_of(result: dict[str, Any]) -> dict[str, Any]:
    """The manifest of a local report."""
    manifest: dict[str, Any] = json.loads((folder_of(result) / "manifest.json").read_bytes())
    return manifest


def rows_of(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a local report."""
    return [json.loads(line) for line in (folder_of(result) / "contacts.jsonl").read_bytes().splitlines()]


def contents_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones as well."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def without_times(manifest: bytes) -> dict[str, Any]:
    """What a manifest says, without that which another try may change."""
    body = json.loads(manifest)
    return {name: value for name, value in body.items() if name not in {"started_at", "finished_at", "tries"}}


# Killing it

_WRITING = 15
"""So many points of the way, counted as requests are, lie behind the last request: there the files are written."""


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

        The way is counted in requests, and behind the last one in time, so that a loaded machine meets the same stages.
        Each report is then made again until it is done, and must be as the undisturbed one.
        """
        with _Nursery(self.simulator, self.campaign_id) as nursery:
            for _ in range(2):  # the first one may load what is loaded late
                shutil.rmtree(self.home / "undisturbed", ignore_errors=True)
                self.simulator.requests.clear()
                nursery.begin(self.home / "undisturbed")
                assert nursery.end() == 0
                writing_s = time.monotonic() - self.simulator.requests[-1].monotonic
            requests = len(self.simulator.requests)
            undisturbed = contents_of(self.home / "undisturbed")
            left = []
            for number, point in enumerate(points):
                way = point * (requests + _WRITING)
                behind_s = max(way - requests, 0.1 * (way % 1)) / _WRITING * writing_s
                folder = self.home / f"killed-{number}"
                left.append(self._kill(nursery, folder, min(int(way), requests), behind_s, undisturbed))
            return left

    def _kill(
        self, nursery: _Nursery, folder: Path, requests: int, behind_s: float, undisturbed: dict[str, bytes]
    ) -> str:
        """Kill a report so many seconds after so many requests, and make it again."""
        self.simulator.requests.clear()
        pid = nursery.begin(folder)
        give_up = time.monotonic() + 60
        while len(self.simulator.requests) < requests and time.monotonic() < give_up:
            time.sleep(0.0002)
        time.sleep(behind_s)
        with contextlib.suppress(ProcessLookupError):  # it was faster
            os.kill(pid, signal.SIGKILL)
        nursery.end()
        left = contents_of(folder)
        self._check_left(left, undisturbed)
        nursery.begin(folder)
        assert nursery.end() == 0
        self._compare(contents_of(folder), undisturbed)
        shutil.rmtree(folder, ignore_errors=True)
        return _stage(left)

    @staticmethod
    def _check_left(left: dict[str, bytes], undisturbed: dict[str, bytes]) -> None:
        """Where there is a manifest everything is there; without one, what is there is whole."""
        visible = {name: data for name, data in left.items() if "_parts" not in name}
        for name, data in visible.items():
            if not name.endswith("manifest.json"):
                assert data == undisturbed[name], f"{name} was torn"
        if any(name.endswith("manifest.json") for name in visible):
            assert visible.keys() == undisturbed.keys()

    @staticmethod
    def _compare(made: dict[str, bytes], undisturbed: dict[str, bytes]) -> None:
        assert made.keys() == undisturbed.keys()
        for name, data in undisturbed.items():
            if name.endswith("manifest.json"):
                assert without_times(made[name]) == without_times(data)
            else:
                assert made[name] == data, f"{name} differs"


class _Nursery:
    """A process that has everything loaded and bears one that reports, whenever it is told to."""

    def __init__(self, simulator: KoreSimulator, campaign_id: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, json.dumps(account_of(simulator)), campaign_id],
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

    def begin(self, folder: Path) -> int:
        """Let a process report into a folder; its id."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{folder}\n")
        return self._answer()

    def end(self) -> int:
        """Wait for it; its exit code, negative if it was killed."""
        return self._answer()

    def _answer(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


def points(seed: int, number: int) -> list[float]:
    """Instants at which to kill, spread over the whole run."""
    chance = random.Random(seed)
    return [(one + chance.random()) / number for one in range(number)]


def account_of(simulator: KoreSimulator) -> dict[str, Any]:
    """The settings of the simulator's account, with a budget that never binds."""
    return {
        "host": simulator.url,
        "client_id": simulator.client_id,
        "client_secret": simulator.client_secret,
        "stream_id": simulator.stream_id,
        "account_id": simulator.account_id,
        "requests_per_minute": 10_000,
    }


def _stage(left: dict[str, bytes]) -> str:
    """How far a killed report had come."""
    if any(name.endswith("manifest.json") for name in left):
        return "done" if not any("_parts" in name for name in left) else "manifest"
    if any("_parts" not in name for name in left):
        return "files"
    if any(name.endswith(".jsonl") and "/." not in name for name in left):
        return "parts"
    return "state" if left else "nothing"


def main(settings: str, campaign_id: str) -> None:
    """Bear a process for each folder that is named on a line of the standard input."""
    for name in ("requests", "jwt", "airflow_provider_campaigns.kore.client"):
        importlib.import_module(name)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            try:
                report(settings, campaign_id, Path(line.strip()))
                os._exit(0)
            finally:
                os._exit(1)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n")
        sys.stdout.flush()


def report(settings: str, campaign_id: str, path: Path) -> None:
    """Report one campaign."""
    from airflow_provider_campaigns.kore.budget import RequestBudget
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.settings import KoreSettings

    client = KoreClient(KoreSettings(**json.loads(settings)), budget=RequestBudget(10_000, account_key=None))
    report_campaigns(client, [Target(campaign_id)], path, ReportOptions()).raise_failures("reported")


if __name__ == "__main__":
    main(*sys.argv[1:])
