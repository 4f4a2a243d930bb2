"""Airflow's user interface as a test sees it: one browser window of somebody who has logged in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from airflow_provider_campaigns.simulator import KoreSimulator
    from demo.airflow_stack import AirflowStack


class AirflowWindow(NamedTuple):
    """An Airflow, the service that its connection leads to, and the browser's page."""

    airflow: AirflowStack
    simulator: KoreSimulator
    page: Page

    def open(self, path: str) -> Page:
        """Go to a page of Airflow."""
        self.page.goto(self.airflow.url + path)
        return self.page
