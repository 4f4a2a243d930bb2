"""What the browser tests share: a headless Chromium, a place for screenshots, and an Airflow to look at.

SCREENSHOTS=folder keeps the pictures there; else they are among pytest's temporary files.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from airflow_window import AirflowWindow
from playwright.sync_api import sync_playwright

from demo.airflow_stack import AirflowStack
from demo.evening import DAGS_FOLDER, add_connection, seeded_simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, StorageState

    from airflow_provider_campaigns.simulator import KoreSimulator


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium; playwright's own is not installed."""
    path = shutil.which("chromium")
    if path is None:
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip
        refuse(
            "no chromium found; install it: apt-get install chromium fonts-dejavu-core, or make test-browser as root"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for pictures."""
    chosen = os.environ.get("SCREENSHOTS")
    folder = Path(chosen) if chosen else tmp_path_factory.getbasetemp() / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def running_airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AirflowStack, KoreSimulator]]:
    """One Airflow for all tests here; it allows connections to be tested."""
    home = tmp_path_factory.mktemp("browser") / "airflow"
    with seeded_simulator() as simulator, AirflowStack(home, DAGS_FOLDER) as airflow:
        simulator.switches(rate_limit=None)
        add_connection(airflow.api, simulator, requests_per_minute=6000)
        yield airflow, simulator


@pytest.fixture(scope="session")
def login(chromium: Browser, running_airflow: tuple[AirflowStack, KoreSimulator]) -> StorageState:
    """The cookies of somebody who has logged in by the form."""
    airflow, _ = running_airflow
    context = chromium.new_context()
    page = context.new_page()
    page.goto(airflow.url)
    page.get_by_label("Username").fill(airflow.username)
    page.get_by_label("Password").fill(airflow.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Dags").first.wait_for()
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def window(
    chromium: Browser, running_airflow: tuple[AirflowStack, KoreSimulator], login: StorageState
) -> Iterator[AirflowWindow]:
    """A new browser window, logged in; the simulator's campaigns as they were at first."""
    airflow, simulator = running_airflow
    simulator.reset()
    simulator.switches(rate_limit=None)
    # A moving element is not clicked before it rests.
    context = chromium.new_context(
        storage_state=login, viewport={"width": 1280, "height": 1000}, reduced_motion="reduce"
    )
    context.set_default_timeout(20_000)
    yield AirflowWindow(airflow, simulator, context.new_page())
    context.close()
