"""Deletes that are killed at any point, and what must be true when the next try has run."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from delete_process import open_folder
from saved_report import result_of, save_report

from airflow_provider_campaigns.actions.archive import Archive
from airflow_provider_campaigns.actions.delete import DeleteOptions, delete_campaigns
from airflow_provider_campaigns.actions.given_reports import GivenReports, reported_targets

if TYPE_CHECKING:
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

LATENCY_S = 0.01
"""Of the service, so that a kill falls into a request as often as between two."""


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
    """Kill ``times`` deletes at random points; after each, try again and check what is left.

    Each try is about two campaigns, of which one has a report that is not complete.
    """
    simulator.switches(rate_limit=None, latency=LATENCY_S)
    rng, met = random.Random(seed), Kills()
    longest = _one_try(simulator, tmp_path / "undisturbed", client, kill_after_s=None, met=Kills())
    for number in range(times):
        _one_try(simulator, tmp_path / str(number), client, kill_after_s=rng.uniform(0, longest), met=met)
    return met


def _one_try(
    simulator: KoreSimulator, path: Path, client: KoreClient, *, kill_after_s: float | None, met: Kills
) -> float:
    reported, unfit = (simulator.add_campaign(status="Stopped", name=f"{path.name} {which}") for which in "ab")
    reports = [
        result_of(save_report(simulator, reported, path / "reports")),
        result_of(save_report(simulator, unfit, path / "reports", complete=False, reason="rows_missing")),
    ]
    archive = path / "archive"
    order = {"reports": reports, "archive": str(archive), "account": _account(simulator)}
    took = _run(order, kill_after_s)
    record = archive / reported / str(_instance(reports[0])) / "receipt.json"
    if record.exists():
        met.after += 1
    elif reported in {one.campaign_id for one in simulator.campaigns()}:
        met.before += 1
    else:
        met.between += 1

    given = reported_targets(GivenReports.parse(reports), None, open_folder)
    outcomes = delete_campaigns(
        client,
        given.targets.targets,
        DeleteOptions(),
        reports=given.reports,
        archive=Archive(open_folder(str(archive))),
    )

    simulator.assert_one_effect("delete", reported)
    assert len(simulator.requests.of("delete", campaign_id=unfit)) == 0
    assert [one.campaign_id for one in simulator.campaigns()] == [unfit]
    assert list(outcomes.results) == [reported]
    assert "is not complete: rows_missing" in str(outcomes.failures[unfit])
    kept = {one.name: json.loads(one.read_text()) for one in record.parent.glob("*.json")}
    assert sorted(kept) == ["campaign.json", "delete-answer.json", "receipt.json"]
    assert kept["campaign.json"]["_id"] == kept["receipt.json"]["campaign_id"] == reported
    assert kept["receipt.json"]["manifest_sha256"] == reports[0]["manifest_sha256"]
    assert kept["receipt.json"]["proven_gone_at"]
    assert not (archive / unfit).exists()
    simulator.service.store.remove(unfit)
    simulator.requests.clear()
    return took


def _run(order: dict[str, Any], kill_after_s: float | None) -> float:
    """Run one try to its end, or to its kill; how long it took."""
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("delete_process.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        began = time.monotonic()
        if kill_after_s is None:
            assert process.stdout.readline() == "done\n"
        else:
            time.sleep(kill_after_s)
            process.kill()
        took = time.monotonic() - began
        process.communicate(timeout=30)
        return took


def _account(simulator: KoreSimulator) -> dict[str, Any]:
    return {
        "host": simulator.url,
        "client_id": simulator.client_id,
        "client_secret": simulator.client_secret,
        "stream_id": simulator.stream_id,
        "account_id": simulator.account_id,
    }


def _instance(report: dict[str, Any]) -> str | None:
    return report["campaign_instance_id"]
