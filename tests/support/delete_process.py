"""One try of a delete, in processes that a test can kill at any line, also while a request is under way.

Each order is a JSON object that says where to find what.
"""

from __future__ import annotations

import http.client
import importlib
import json

from killable import bear
from saved_report import open_folder

from airflow_provider_campaigns.actions.deleting.archive import Archive
from airflow_provider_campaigns.actions.deleting.delete import DeleteOptions, delete_campaigns
from airflow_provider_campaigns.actions.deleting.given_reports import GivenReports, reported_targets
from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.settings import KoreSettings


def main() -> None:
    for name in ("requests", "jwt"):
        importlib.import_module(name)
    bear(delete, http.client.__file__)


def delete(order: str) -> None:
    given = json.loads(order)
    reported = reported_targets(GivenReports.parse(given["reports"]), None, open_folder)
    client = KoreClient(KoreSettings(**given["account"]), budget=RequestBudget(10_000, account_key=None))
    with client:
        delete_campaigns(
            client,
            reported.targets.targets,
            DeleteOptions(),
            reports=reported.reports,
            archive=Archive(open_folder(given["archive"]), given["by"]),
        )


if __name__ == "__main__":
    main()
