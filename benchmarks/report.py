"""A report of 100,000 contacts beside a bare loop over the same pages: speed, use of the request budget, and memory.

The loop is what one would write: a ``requests.Session``, ``json()``, and each row appended to a file. It makes one
file; ours makes three, counts, proves that nothing moved, and goes on where it was killed. Each run is a process of its
own, and the simulator is another.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from airflow_provider_campaigns.actions.reporting.report import ReportOptions, report_campaigns
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore.auth import TokenSigner
from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.settings import KoreSettings
from benchmarks.simulator_process import simulator

if TYPE_CHECKING:
    from collections.abc import Callable

CONTACTS = 100_000
FEW_CONTACTS = 1_000
ROUNDS = 5
ROUNDS_OF_MANY = 1
NO_LIMIT = 10_000
BINDING = 600
"""Requests a minute that bind a report of 100,000 contacts: 1,004 requests, of which 464 have to wait for a minute."""

READS = 540
"""Of them, what reads may use; the rest is kept for stops, starts and deletes."""

Figures = dict[str, float]


def run(*, contacts: int = CONTACTS) -> str:
    """Measure and tell."""
    rounds = ROUNDS if contacts <= CONTACTS else ROUNDS_OF_MANY
    with tempfile.TemporaryDirectory(prefix="benchmark-report-") as home:
        seed = Path(home) / "seed.json"
        campaigns = {"cd-few": FEW_CONTACTS, "cd-many": contacts}
        seed.write_text(
            json.dumps([
                {"campaign_type": "voice", "campaign_id": one, "status": "Stopped", "contacts": number}
                for one, number in campaigns.items()
            ])
        )
        with simulator("--rate-limit", "0", "--seed-file", str(seed)) as connection:
            loops, reports = [], []
            for _ in range(rounds):
                loops.append(_measure("loop", connection, "cd-many", home))
                reports.append(_measure("report", connection, "cd-many", home))
            few = _measure("report", connection, "cd-few", home)
            bound = _measure("report", connection, "cd-many", home, BINDING) if contacts == CONTACTS else None
    loop_s = statistics.median(one["seconds"] for one in loops)
    report_s = statistics.median(one["seconds"] for one in reports)
    memory = max(one["peak_mb"] for one in reports)
    lines = [
        f"A report of {contacts:,} contacts (target: 0.85 x the speed of the loop)",
        f"  {'requests.Session, json(), rows appended to a file':<52} {loop_s:9.2f} s    1.00 x",
        f"  {'CampaignReportOperator, JSONL, CSV and HTML':<52} {report_s:9.2f} s  {loop_s / report_s:6.2f} x",
        "",
        "Peak memory of the process (target: within 40 MB)",
        f"  {f'{FEW_CONTACTS:,} contacts':<52} {few['peak_mb']:9.1f} MB",
        f"  {f'{contacts:,} contacts':<52} {memory:9.1f} MB  +{memory - few['peak_mb']:.1f} MB",
    ]
    if bound is not None:
        # What the budget alone takes: a full minute, and then what is left at the speed of the loop.
        least_s = 60 + (contacts // 100 + 4 - READS) * loop_s / (contacts // 100)
        lines += [
            "",
            f"The same with {BINDING} requests a minute, {READS} of them for reads (target: 97 % of what they may use)",
            f"  {'the budget, perfectly used':<52} {least_s:9.2f} s",
            f"  {'CampaignReportOperator':<52} {bound['seconds']:9.2f} s  {least_s / bound['seconds']:6.1%}",
        ]
    return "\n".join(lines)


def _measure(
    what: str, connection: dict[str, Any], campaign_id: str, home: str, requests_per_minute: int = NO_LIMIT
) -> Figures:
    """Do it once in a new process."""
    with tempfile.TemporaryDirectory(dir=home) as folder:
        arguments = [what, json.dumps(connection), campaign_id, folder, str(requests_per_minute)]
        command = [sys.executable, "-m", "benchmarks.report", *arguments]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    figures: Figures = json.loads(done.stdout)
    return figures


# In the new process


def main(what: str, connection: str, campaign_id: str, folder: str, requests_per_minute: str) -> None:
    """Loop or report, and print seconds and memory."""
    body = json.loads(connection)
    settings = KoreSettings(
        host=body["host"],
        client_id=body["login"],
        client_secret=body["password"],
        stream_id=body["extra"]["stream_id"],
        account_id=body["extra"]["account_id"],
        requests_per_minute=int(requests_per_minute),
    )
    do: Callable[[KoreSettings, str, Path], None] = {"loop": loop, "report": report}[what]
    began = time.perf_counter()
    do(settings, campaign_id, Path(folder))
    seconds = time.perf_counter() - began
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb}))


def loop(settings: KoreSettings, campaign_id: str, folder: Path) -> None:
    """What one would write."""
    session = requests.Session()
    session.headers.update({
        "auth": TokenSigner(settings.client_id, settings.client_secret, ttl_s=3600).sign(),
        "iid": settings.stream_id,
        "accountId": settings.account_id,
    })
    url = f"{settings.base_url}/campaign/api/v2/public/{settings.stream_id}/campaign/{campaign_id}/status"
    page = pages = 1
    with (folder / "contacts.jsonl").open("a") as file:
        while page <= pages:
            body = {"page": page, "limit": 100}
            data = session.post(url, params={"view": "contacts"}, json=body, timeout=30).json()["data"]
            for row in data["results"]:
                file.write(json.dumps(row) + "\n")
            pages = data["totalPages"]
            page += 1


def report(settings: KoreSettings, campaign_id: str, folder: Path) -> None:
    """What the operator does."""
    budget = RequestBudget(settings.requests_per_minute, account_key=f"benchmark {folder}")
    client = KoreClient(settings, budget=budget)
    report_campaigns(client, [Target(campaign_id)], folder, ReportOptions()).raise_failures("reported")


if __name__ == "__main__":
    main(*sys.argv[1:])
