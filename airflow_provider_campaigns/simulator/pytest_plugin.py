"""The simulator as pytest fixtures.

Not loaded by itself: put `pytest_plugins = ["airflow_provider_campaigns.simulator.pytest_plugin"]` into the top
`conftest.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_campaigns.simulator.server import KoreSimulator

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def kore_server() -> Iterator[KoreSimulator]:
    """One running simulator for the whole session; tests want `kore_simulator`."""
    with KoreSimulator() as simulator:
        yield simulator


@pytest.fixture
def kore_simulator(kore_server: KoreSimulator) -> KoreSimulator:
    """A simulator without campaigns, faults or history, and with an account that no other test used."""
    kore_server.reset()
    kore_server.renew_credentials()
    return kore_server


@pytest.fixture
def kore_connection(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of an Airflow connection to `kore_simulator`, set in the environment for this test."""
    monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", kore_simulator.connection_json())
    return "kore_default"
