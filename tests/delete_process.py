"""One try of a delete as a process of its own, which a test can kill.

It says ``ready`` when everything is imported, and begins when it is told where to find what.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from airflow_provider_campaigns.actions.archive import Archive
from airflow_provider_campaigns.actions.delete import DeleteOptions, delete_campaigns
from airflow_provider_campaigns.actions.given_reports import GivenReports, reported_targets
from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.settings import KoreSettings
from airflow_provider_campaigns.reports.folder import Folder


def open_folder(url: str) -> Folder:
    return Folder(Path(url.removeprefix("file://")))


def tell(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main() -> None:
    tell("ready")
    order = json.loads(sys.stdin.readline())
    reported = reported_targets(GivenReports.parse(order["reports"]), None, open_folder)
    client = KoreClient(KoreSettings(**order["account"]), budget=RequestBudget(10_000, account_key=None))
    with client:
        delete_campaigns(
            client,
            reported.targets.targets,
            DeleteOptions(),
            reports=reported.reports,
            archive=Archive(open_folder(order["archive"])),
        )
    tell("done")


if __name__ == "__main__":
    main()
