"""Which tests run where: all by ``make test``, and in the cells of ``make test-matrix`` those to which it matters.

A folder that is not named here runs everywhere.
"""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

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


def markers_of(path: Path) -> set[str]:
    """The marks of all tests in a file, by which the Makefile chooses for a cell."""
    name = path.relative_to(TESTS).as_posix()

    def is_among(patterns: tuple[str, ...]) -> bool:
        return any(fnmatch(name, pattern) for pattern in patterns)

    marks = {
        "without_airflow": is_among(WITHOUT_AIRFLOW) and name not in WITH_AIRFLOW_ALL_THE_SAME,
        "with_libraries": name in WITH_LIBRARIES,
        "of_the_project": is_among(OF_THE_PROJECT),
    }
    return {mark for mark, is_so in marks.items() if is_so}
