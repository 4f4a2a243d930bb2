"""The instant that says which business day a DAG run is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.providers.common.compat.sdk import Context


def run_instant(context: Context) -> datetime:
    """The end of a scheduled run's data interval, else the run's ``run_after``; never the clock, so retries agree.

    Runs by hand and by an asset may have no data interval; ``run_after`` is always there. A logical date that is later
    counts instead: Airflow lets no task of the run begin before it.
    """
    run = context["dag_run"]
    if run_type(context) == "scheduled" and run.data_interval_end is not None:
        return run.data_interval_end
    return run.run_after if run.logical_date is None else max(run.run_after, run.logical_date)


def run_type(context: Context) -> str:
    """``scheduled``, ``manual``, ``backfill`` or another of Airflow's, as text; without a run, ``manual``."""
    run = context.get("dag_run")  # there is none where a unit test calls ``execute({})``
    kind = "manual" if run is None else run.run_type
    return str(getattr(kind, "value", kind))
