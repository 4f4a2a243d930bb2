"""What the tests of reports share: making one, looking at its files, and killing the process that makes it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.actions.reporting.report import ReportOptions, report_campaigns
from airflow_provider_campaigns.actions.targets import Target

if TYPE_CHECKING:
    from fake_clock import FakeClock

    from airflow_provider_campaigns.actions.outcomes import Outcomes
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

STRANGER = "cd-0000000-0000-4000-8000-00000000dead"
DATA_FILES = ("campaign.json", "contacts.csv", "contacts.jsonl", "digests.txt", "report.html", "summary.json")


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
    return [json.loads(line) for line in file_of(result, "contacts.jsonl").read_bytes().splitlines()]


def path_in(folder: Path, plain: str) -> Path:
    """The file of a report, by its name without its digest; the manifest in the folder says which it is."""
    names = json.loads((folder / "manifest.json").read_bytes())["files"]
    (name,) = [one for one in names if without_digest(one) == plain]
    return folder / name


def file_of(result: dict[str, Any], plain: str) -> Path:
    """The file of a local report."""
    path = path_in(folder_of(result), plain)
    assert result["files"][plain] == f"file://{path}"
    return path


def without_digest(name: str) -> str:
    """A file's name without the first 16 hexadecimal digits of its SHA-256."""
    return re.sub(r"-[0-9a-f]{16}\.", ".", name)


def contents_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones as well."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def names_in(folder: Path) -> list[str]:
    """The names of all files below a folder, without their digests."""
    return sorted(map(without_digest, contents_of(folder)))


def without_times(manifest: bytes) -> dict[str, Any]:
    """What a manifest says, without that which another try may change."""
    body = json.loads(manifest)
    return {name: value for name, value in body.items() if name not in {"started_at", "finished_at", "tries"}}


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


def pages_read(simulator: KoreSimulator) -> list[int]:
    """The pages of contacts that were asked for, in order of their numbers."""
    return sorted(record.body["page"] for record in simulator.requests.of("contacts"))
