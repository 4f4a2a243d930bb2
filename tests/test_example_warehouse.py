"""The example that loads reports into a warehouse: every complete one, once, whichever event it was told by."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from report_storage import bucket
from report_support import Reporter

if TYPE_CHECKING:
    from collections.abc import Callable

    from fake_clock import FakeClock

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

    Load = Callable[[], dict[str, int]]

EXAMPLE = Path(__file__).resolve().parents[1] / "example_dags" / "kore_load_warehouse.py"


@pytest.fixture(scope="module")
def load_task() -> Callable[[str, str], dict[str, int]]:
    """The function of the example's only task."""
    spec = spec_from_file_location("kore_load_warehouse", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    function: Callable[[str, str], dict[str, int]] = module.load.function
    return function


@pytest.fixture
def report(client: KoreClient, fake_clock: FakeClock, tmp_path: Path, kore_simulator: KoreSimulator) -> Reporter:
    """Makes reports of the simulator's campaigns."""
    kore_simulator.switches(rate_limit=None)
    return Reporter(client, fake_clock, tmp_path / "reports")


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    return tmp_path / "a new folder" / "warehouse.sqlite"


@pytest.fixture
def load(load_task: Callable[[str, str], dict[str, int]], report: Reporter, warehouse: Path) -> Load:
    """Run the task on the reports."""
    return lambda: load_task(str(report.path), str(warehouse))


def key(result: dict[str, Any]) -> str:
    """What the task calls a report."""
    return f"{result['campaign_id']}/{result['campaign_instance_id']}"


def contacts_of(warehouse: Path) -> dict[str, int]:
    """Contacts by campaign."""
    with closing(sqlite3.connect(warehouse)) as connection:
        return dict(connection.execute("SELECT campaign_id, count(*) FROM contacts GROUP BY 1"))


def test_load__all_that_is_there(load: Load, report: Reporter, warehouse: Path, kore_simulator: KoreSimulator) -> None:
    """Every complete report in the folder is loaded, none that is not complete, and none a second time."""
    first = kore_simulator.add_campaign(status="Stopped", contacts=250)
    second = kore_simulator.add_campaign(status="Completed", contacts=7)
    running = kore_simulator.add_campaign(status="Active", contacts=9)
    results = [report.one(one) for one in (first, second, running)]

    assert load() == {key(one): one["rows"] for one in results[:2]}
    assert contacts_of(warehouse) == {first: 250, second: 7}
    assert load() == {}
    assert contacts_of(warehouse) == {first: 250, second: 7}


def test_load__what_came_since(load: Load, report: Reporter, warehouse: Path, kore_simulator: KoreSimulator) -> None:
    """A report that no event of this run tells of is loaded all the same."""
    first = kore_simulator.add_campaign(status="Stopped", contacts=3)
    report.one(first)
    load()
    second = kore_simulator.add_campaign(status="Stopped", contacts=5)
    result = report.one(second)

    assert load() == {key(result): 5}
    assert contacts_of(warehouse) == {first: 3, second: 5}


def test_load__made_anew(load: Load, report: Reporter, warehouse: Path, kore_simulator: KoreSimulator) -> None:
    """A report that was made anew takes the place of what was loaded of it, and of nothing else."""
    campaign = kore_simulator.add_campaign(status="Stopped", contacts=3)
    other = kore_simulator.add_campaign(status="Stopped", contacts=5)
    report.one(campaign)
    report.one(other)
    load()
    kore_simulator.set_contacts(campaign, 4)
    result = report.one(campaign, phone_numbers="drop")

    assert load() == {key(result): 4}
    assert contacts_of(warehouse) == {campaign: 4, other: 5}


def test_load__snapshot_then_complete(
    load: Load, report: Reporter, warehouse: Path, kore_simulator: KoreSimulator
) -> None:
    """What was incomplete at one run is loaded at the next, when it is complete."""
    campaign = kore_simulator.add_campaign(status="Active", contacts=3)
    report.one(campaign)
    assert load() == {}
    report.client.stop_campaign(campaign, "voice")
    report.one(campaign)

    assert list(load().values()) == [3]
    assert contacts_of(warehouse) == {campaign: 3}


def test_load__torn(load: Load, report: Reporter, warehouse: Path, kore_simulator: KoreSimulator) -> None:
    """A load that fails in the middle leaves what was there, and the next one loads all."""
    campaign = kore_simulator.add_campaign(status="Stopped", contacts=3)
    result = report.one(campaign)
    rows = Path(result["files"]["contacts.jsonl"].removeprefix("file://"))
    whole = rows.read_bytes()
    rows.write_bytes(whole[:-9])
    with pytest.raises(ValueError, match="Unterminated string"):
        load()

    assert contacts_of(warehouse) == {}
    rows.write_bytes(whole)
    assert load() == {key(result): 3}


def test_load__nothing(load: Load) -> None:
    """Where no report was made yet, there is nothing to load."""
    assert load() == {}


def test_load__without_rows(load: Load, report: Reporter, kore_simulator: KoreSimulator) -> None:
    """A report without results by contact is no error."""
    report.one(kore_simulator.add_campaign(status="Stopped", contacts=3), formats=("csv",))

    assert load() == {}


def test_load__bucket(
    report: Reporter,
    kore_simulator: KoreSimulator,
    load_task: Callable[[str, str], dict[str, int]],
    warehouse: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Reports in a bucket are found by the same connection that wrote them."""
    from airflow.sdk import ObjectStoragePath

    campaign = kore_simulator.add_campaign(status="Stopped", contacts=3)
    with bucket(monkeypatch) as address:
        report.path = ObjectStoragePath(address)
        result: dict[str, Any] = report.one(campaign)

        assert load_task(address, str(warehouse)) == {key(result): 3}
        assert load_task(address, str(warehouse)) == {}
    assert contacts_of(warehouse) == {campaign: 3}
