"""Which tests run where: all by ``make test``, and in the cells of ``make test-matrix`` those to which it matters.

A folder that is not named here runs everywhere.
"""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

TESTS = Path(__file__).parents[1]

WITHOUT_AIRFLOW = ("actions/*", "kore/*", "reports/*", "simulator/*", "watching/*", "test_calling_hours*.py")
"""What meets no Airflow, and so is not run with each version of it."""

WITH_AIRFLOW_ALL_THE_SAME = {
    "actions/test_audit.py",
    "actions/test_evidence.py",
    "actions/test_select.py",
    "actions/stopping/test_stop_processes.py",
    "reports/test_report_folder.py",
}
"""What is among those by its subject, and nevertheless meets Airflow."""

WITH_LIBRARIES = {
    "kore/test_auth.py",
    "kore/test_connections.py",
    "kore/test_exchange.py",
    "kore/test_transport.py",
    "kore/test_transport_security.py",
    "reports/test_report_parquet.py",
}
"""What meets a library of which `pyproject.toml` names the oldest version: run with that, too."""


OF_THE_PROJECT = (
    "test_architecture*.py",
    "test_docs.py",
    "test_docs_snippets.py",
    "test_one_answer.py",
    "test_release_audit.py",
    "test_tests.py",
)
"""What looks at the text of code and docs, or runs it as written for the newest Airflow: once, and in no cell."""

LONG = (
    "test_docs.py",
    "test_full_stack.py",
    "kore/test_client_stateful.py",
    "test_docs_snippets.py",
    "test_timetables_scheduler.py",
    "test_calling_hours_oracle.py",
    "actions/reporting/test_report_killed.py",
    "test_airflow_stack.py",
    "operators/test_operators_ergonomics.py",
    "actions/test_evenings_lost_rows.py",
    "actions/test_closing_oracle.py",
    "actions/stopping/test_stop_processes.py",
    "actions/deleting/test_delete_kills.py",
    "actions/test_writes_meanwhile.py",
    "test_timetables_oracle.py",
)
"""What starts an Airflow, kills processes or tries thousands of cases, the longest first: it runs last.

`make coverage` runs it, too, but does not measure it, for that takes twice the time: each line is met by a test that
states a fact about it, and not by the luck of a draw.
"""


KILLS = (
    "crash/test_triggerer_killed.py",
    "crash/test_scheduler_killed.py",
    "crash/test_api_server_killed.py",
    "crash/test_worker_killed.py",
    "crash/test_cleared.py",
    "crash/test_delete_killed.py",
    "crash/test_report_killed.py",
)
"""The files of `make test-crash`, the longest first; what waits for no close, and keeps both cores busy, is last."""


def traits_of(path: Path) -> set[str]:
    """What of the above is true of a file of tests, in small letters."""
    name = path.relative_to(TESTS).as_posix()

    def is_among(patterns: Iterable[str]) -> bool:
        return any(fnmatch(name, pattern) for pattern in patterns)

    traits = {
        "without_airflow": is_among(WITHOUT_AIRFLOW) and name not in WITH_AIRFLOW_ALL_THE_SAME,
        "with_libraries": name in WITH_LIBRARIES,
        "of_the_project": is_among(OF_THE_PROJECT),
        "long": name in LONG,
    }
    return {trait for trait, is_so in traits.items() if is_so}


def runs_in(cell: str, path: Path) -> bool:
    """True if a file is run in a cell of the matrix; "" is none, and runs all.

    Not again what meets no Airflow; with the oldest dependencies, what meets those.
    """
    if not cell:
        return True
    traits = traits_of(path)
    return traits.isdisjoint({"without_airflow", "of_the_project"}) or (
        cell.startswith("airflow-") and "with_libraries" in traits
    )
