"""One distributed Airflow for all tests here, if what it takes is installed."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from demo.distributed_stack import DistributedStack
from demo.guard import descendants, read_process_table
from demo.services import missing_services

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = Path(__file__).resolve().parents[2] / ".airflow" / "distributed"
DAGS_FOLDER = Path(__file__).parent / "dags"


@pytest.fixture(scope="session", autouse=True)
def _what_it_takes() -> None:
    """Where every change is judged, what is missing is a failure and not a skip."""
    missing = missing_services()
    if importlib.util.find_spec("airflow.providers.celery") is None:
        missing = "this environment has no Celery; `make test-distributed` makes one that has"
    if missing:
        (pytest.fail if "CI" in os.environ else pytest.skip)(missing)


@pytest.fixture(scope="module")
def stack(_what_it_takes: None) -> Iterator[DistributedStack]:
    """The Airflow; in the end no process of it is left, whatever happened to it."""
    family: set[int] = set()
    with DistributedStack(HOME, DAGS_FOLDER) as stack:
        try:
            yield stack
        finally:
            assert stack.guard_pid is not None
            family = {stack.guard_pid, *descendants(read_process_table(), stack.guard_pid)}
    assert len(family) > 10
    assert family.isdisjoint(read_process_table())
