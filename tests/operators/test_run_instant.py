"""Which instant a DAG run is for."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.api.datamodels._generated import DagRunType

from airflow_provider_campaigns.operators.run_instant import run_instant, run_type

INTERVAL_START = datetime(2026, 3, 2, 3, 30, tzinfo=UTC)
INTERVAL_END = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
RUN_AFTER = datetime(2026, 3, 2, 12, 20, tzinfo=UTC)
STARTED = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)


def context(
    kind: Any, interval_end: datetime | None = INTERVAL_END, logical_date: datetime | None = INTERVAL_START
) -> Any:
    return {
        "dag_run": SimpleNamespace(
            run_type=kind,
            data_interval_end=interval_end,
            run_after=RUN_AFTER,
            start_date=STARTED,
            logical_date=logical_date,
        )
    }


@pytest.mark.parametrize(
    ("kind", "interval_end", "instant"),
    [
        ("scheduled", INTERVAL_END, INTERVAL_END),
        (DagRunType.SCHEDULED, INTERVAL_END, INTERVAL_END),
        ("scheduled", None, RUN_AFTER),
        ("manual", INTERVAL_END, RUN_AFTER),
        (DagRunType.MANUAL, None, RUN_AFTER),
        ("asset_triggered", None, RUN_AFTER),
    ],
)
def test_run_instant(kind: Any, interval_end: datetime | None, instant: datetime):
    """A scheduled run is for the end of its interval, every other for when it was to run; never for when it ran."""
    assert run_instant(context(kind, interval_end)) == instant


@pytest.mark.parametrize(
    ("logical_date", "instant"),
    [
        (None, RUN_AFTER),
        (INTERVAL_START, RUN_AFTER),
        (datetime(2026, 3, 5, 12, 0, tzinfo=UTC), datetime(2026, 3, 5, 12, 0, tzinfo=UTC)),
    ],
)
def test_run_instant__of_a_logical_date_in_the_future(logical_date: datetime | None, instant: datetime):
    """A run by hand is triggered now, and Airflow begins it at its logical date: the later of both counts."""
    assert run_instant(context("manual", logical_date=logical_date)) == instant


def test_run_type():
    """Airflow's enumeration and its text are told alike."""
    assert run_type(context(DagRunType("backfill"))) == run_type(context("backfill")) == "backfill"
