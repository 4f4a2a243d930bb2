"""What an evening costs of the account's requests: fifty campaigns reported, compared once more, and deleted.

Each campaign has tasks of its own, as ``end_of_campaign`` maps them.
Counted are the requests that the simulator got. The least that a report can cost is one for each page of 100 contacts.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from airflow_provider_campaigns.actions.deleting.delete import DeleteOptions, delete_campaigns
from airflow_provider_campaigns.actions.deleting.given_reports import GivenReports, reported_targets
from airflow_provider_campaigns.actions.reporting.report import ReportOptions, report_campaigns
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.settings import KoreSettings
from airflow_provider_campaigns.reports.folder import Folder
from airflow_provider_campaigns.reports.parts import PARTS_FOLDER
from airflow_provider_campaigns.simulator import KoreSimulator

EVENINGS = ((50, 2_000, 2.6), (10, 10_000, 2.2))
"""Campaigns, contacts of each, and how many times the requests of the pages alone it may take."""

NO_LIMIT = 10_000

READS = 54
"""What reads may use of 60 requests a minute; nearly all of an evening's requests are reads."""


def run() -> str:
    """Measure and tell."""
    lines = ["Report and delete, in requests; minutes at 60 a minute"]
    for campaigns, contacts, target in EVENINGS:
        reported, deleted = requests_of(campaigns, contacts)
        pages = campaigns * contacts // 100
        requests = reported + deleted
        lines.append(
            f"  {campaigns} campaigns of {contacts:,} contacts: {pages:,} pages, {reported:,} + {deleted:,} requests, "
            f"{requests / READS:.0f} min, {requests / pages:.3f} x the pages (target: {target} x)"
        )
    return "\n".join(lines)


def requests_of(campaigns: int, contacts: int) -> tuple[int, int]:
    """The requests of the reports, and those of the deletes."""
    with KoreSimulator() as simulator, tempfile.TemporaryDirectory(prefix="benchmark-evening-") as home:
        simulator.switches(rate_limit=None)
        ids = [simulator.add_campaign(status="Stopped", contacts=contacts) for _ in range(campaigns)]
        settings = KoreSettings(
            host=simulator.url,
            client_id=simulator.client_id,
            client_secret=simulator.client_secret,
            stream_id=simulator.stream_id,
            account_id=simulator.account_id,
            requests_per_minute=NO_LIMIT,
        )

        def client() -> KoreClient:
            """A client of a task's own; what proves that a campaign is gone is kept for all tasks of the machine."""
            budget = RequestBudget(NO_LIMIT, account_key="evening", directory=Path(home) / "budget")
            return KoreClient(settings, budget=budget)

        reported = 0
        for campaign_id in ids:
            before = len(simulator.requests)
            with client() as reporting:
                outcomes = report_campaigns(reporting, [Target(campaign_id)], Path(home) / "reports", ReportOptions())
            outcomes.raise_failures("reported")
            reported += len(simulator.requests) - before
            given = reported_targets(
                GivenReports.parse(outcomes.as_dicts()),
                None,
                lambda url: Folder(Path(url.removeprefix("file://")), scratch=PARTS_FOLDER),
            )
            with client() as deleting:
                deletes = delete_campaigns(deleting, given.targets.targets, DeleteOptions(), reports=given.reports)
            deletes.raise_failures("deleted")
        return reported, len(simulator.requests) - reported
