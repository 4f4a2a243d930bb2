"""One try of a report, in processes that a test can kill at any line; each order is a folder."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from killable import bear

from airflow_provider_campaigns.actions.reporting.report import ReportOptions, report_campaigns
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.settings import KoreSettings


def main(settings: str, campaign_id: str) -> None:
    for name in ("requests", "jwt"):
        importlib.import_module(name)
    bear(lambda folder: report(settings, campaign_id, Path(folder)))


def report(settings: str, campaign_id: str, path: Path) -> None:
    client = KoreClient(KoreSettings(**json.loads(settings)), budget=RequestBudget(10_000, account_key=None))
    report_campaigns(client, [Target(campaign_id)], path, ReportOptions()).raise_failures("reported")


if __name__ == "__main__":
    main(*sys.argv[1:])
