"""What all tests share: an Airflow that needs no database, the simulator, and a client that does not wait."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading

# Before anything imports Airflow. No test but the full-stack ones needs a database, and this address proves it.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-provider-campaigns-tests-")
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "True"
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = "sqlite:////nonexistent/none.db"
os.environ.setdefault("NO_PROXY", "127.0.0.1,localhost")

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
from airflow_names import AIRFLOW, forget_secrets
from fake_clock import FakeClock
from kore_support import LetItWait, Waits
from report_support import Reporter
from suites import KILLS, LONG, TESTS, runs_in, traits_of

from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.settings import KoreSettings
from airflow_provider_campaigns.simulator import KoreSimulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kore_support import Meanwhile

pytest_plugins = ["airflow_provider_campaigns.simulator.pytest_plugin"]


def pytest_configure(config: pytest.Config) -> None:
    """Let pass what an older Airflow says about itself; no filter here is for a warning that this package causes."""
    if AIRFLOW < (3, 2):
        # Its reader of AIRFLOW_CONN_* calls what it tells others not to call.
        config.addinivalue_line("filterwarnings", "ignore:Using Connection.from_json from `airflow.models`")
        # Its standard provider takes this from where Airflow says it should not.
        config.addinivalue_line("filterwarnings", "ignore:The `airflow.operators.branch")
        # Its ObjectStoragePath reads every path that is made of another in a way that its library gives up.
        config.addinivalue_line("filterwarnings", "ignore:in a future version of UPath:PendingDeprecationWarning")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the Makefile name a cell of the matrix."""
    parser.addoption("--cell", default="", help="run what is run in this cell of the matrix, such as python-3.13")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what is not run in the cell, before it is imported, which takes longer than deselecting it."""
    if collection_path.name.startswith("test_") and not runs_in(config.getoption("cell"), collection_path):
        return True
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """End with what takes long, the longest first: no worker is left alone with it."""
    order = {name: place for place, name in enumerate((*LONG, *KILLS))}
    items.sort(key=lambda item: order.get(item.path.relative_to(TESTS).as_posix(), -1))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Measure no more in this process, nor in those that it starts, once the tests begin that take long."""
    if "coverage" in sys.modules and "long" in traits_of(item.path):
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
        if measuring := sys.modules["coverage"].Coverage.current():
            measuring.stop()


def pytest_unconfigure() -> None:
    """Leave no home of a test run behind."""
    shutil.rmtree(os.environ["AIRFLOW_HOME"], ignore_errors=True)


def pytest_report_header() -> str:
    """The versions that matter."""
    names = ("apache-airflow", "apache-airflow-providers-common-compat", "requests", "PyJWT", "fastapi", "uvicorn")
    return ", ".join(f"{name} {version(name)}" for name in names)


@pytest.fixture(autouse=True)
def _no_old_secrets() -> Iterator[None]:
    """Let no test mask the secrets of those before it: seven thousand of them would take minutes for that."""
    yield
    forget_secrets()


@pytest.fixture(scope="session")
def kore_server() -> Iterator[KoreSimulator]:
    """One running simulator for the whole session; to measure its thread, too, is left to its own tests."""
    measure = threading.gettrace()
    threading.settrace(None)
    with KoreSimulator() as simulator:
        threading.settrace(measure)
        yield simulator


@pytest.fixture
def settings(kore_simulator: KoreSimulator) -> KoreSettings:
    """The simulator as an account."""
    return KoreSettings(
        host=kore_simulator.url,
        client_id=kore_simulator.client_id,
        client_secret=kore_simulator.client_secret,
        stream_id=kore_simulator.stream_id,
        account_id=kore_simulator.account_id,
        timeout_s=2.0,
    )


@pytest.fixture
def no_rate_limit(kore_simulator: KoreSimulator) -> None:
    """Let the simulator answer however many requests come."""
    kore_simulator.switches(rate_limit=None)


@pytest.fixture
def unlimited_connection(kore_simulator: KoreSimulator, no_rate_limit: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulator as ``kore_default``, with no limit in the way."""
    monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", kore_simulator.connection_json(requests_per_minute=6000))


@pytest.fixture
def client(settings: KoreSettings, waits: list[float]) -> Iterator[KoreClient]:
    """A client of the simulator that notes its waits instead of waiting; its clock passes while it waits."""

    def clock() -> float:
        return sum(waits)

    budget = RequestBudget(10_000, account_key=None, clock=clock, sleep=waits.append)
    with KoreClient(settings, budget=budget, clock=clock, sleep=waits.append, jitter=lambda: 0.5) as client:
        yield client


@pytest.fixture
def waits() -> list[float]:
    """The seconds that were waited for."""
    return []


@pytest.fixture
def fake_clock() -> FakeClock:
    """Time that passes only while somebody waits; it begins on 2026-03-02 at 12:30 UTC."""
    return FakeClock()


@pytest.fixture
def report(client: KoreClient, fake_clock: FakeClock, tmp_path: Path, no_rate_limit: None) -> Reporter:
    """Makes reports of the simulator's campaigns."""
    return Reporter(client, fake_clock, tmp_path)


@pytest.fixture
def meanwhile(client: KoreClient, monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Let something happen right before the next call of one of ``client``'s methods."""

    def arrange(method: str, event: Callable[[], object]) -> None:
        original = getattr(client, method)
        pending = [event]

        def call(*args: Any, **kwargs: Any) -> Any:
            if pending:
                pending.pop()()
            return original(*args, **kwargs)

        monkeypatch.setattr(client, method, call)

    return arrange


@pytest.fixture
def meantime() -> Waits:
    """What happens while a client waits that ``waiting_client`` has made."""
    return Waits()


@pytest.fixture
def let_it_wait(client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits, wait: str) -> LetItWait:
    """Let something happen while a write of a campaign waits, after the campaign was read and judged."""
    return LetItWait(client, kore_simulator, meantime, wait)
