"""The tests themselves: where they are, what time they live in, and which of them meet Airflow."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING

import pytest
from suites import KILLS, LONG, OF_THE_PROJECT, TESTS, WITH_AIRFLOW_ALL_THE_SAME, WITH_LIBRARIES, traits_of
from test_architecture import NO_AIRFLOW

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = TESTS.parent / "airflow_provider_campaigns"
NAME = PACKAGE.name
HELPERS = {path.stem: path for path in TESTS.rglob("*.py") if not path.name.startswith(("test_", "conftest"))}
OF_THEIR_OWN = {"browser", "crash", "distributed", "distribution", "evening"}
"""The folders of tests that are about the whole; each has a target of the Makefile."""

ON_THE_WALL_CLOCK = {
    "crash/stage.py": "a real Airflow, and hours that are made around now",
    "crash/test_cleared.py": "the same",
    "distributed/test_distributed.py": "the same",
    "test_docs_snippets.py": "the same",
    "test_timetables_scheduler.py": "the same",
    "actions/stopping/test_stop.py": "the system's clock is what it tests",
    "actions/stopping/test_stop_processes.py": "several processes, and a moment some seconds from now",
    "kore/test_transport.py": "the Date of the simulator's answers",
    "kore/test_transport_security.py": "certificates that are valid for some days",
    "simulator/test_simulator_engine.py": "tokens that are valid for some seconds",
    "simulator/test_simulator_refusals.py": "the same",
    "support/trigger_support.py": "a deadline some seconds from now",
}
"""What asks what time it is, and why. Whoever builds times of day from the answer meets midnight one day.

The others have ``FakeClock``, or the ``now`` of ``task_runner``. What is new here is to be run on a machine whose
clock says five past midnight.
"""


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(path: Path) -> frozenset[str]:
    """Every module that a file names in an import, wherever it does, and all that its helpers name."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found).union(*(imports(HELPERS[name]) for name in found & HELPERS.keys()))


def folders(root: Path, pattern: str) -> set[str]:
    """The folders, but for the root itself, in which there is such a file."""
    return {path.parent.relative_to(root).as_posix() for path in root.rglob(pattern)} - {"."}


class TestPlaces:
    def test_folders__mirror_the_package(self) -> None:
        """Each folder of the package has one of tests, and each folder of tests is about one of the package."""
        ours = {folder for folder in folders(TESTS, "test_*.py") if folder.partition("/")[0] not in OF_THEIR_OWN}

        assert ours == folders(PACKAGE, "__init__.py")

    @pytest.mark.parametrize("folder", sorted(folders(PACKAGE, "__init__.py")))
    def test_files__meet_their_folder(self, folder: str) -> None:
        """Each file of tests imports something from its folder of the package, by itself or through a helper."""
        package = f"{NAME}.{folder.replace('/', '.')}"
        strangers = [
            path.name
            for path in (TESTS / folder).glob("test_*.py")
            if not any(f"{name}.".startswith(f"{package}.") for name in imports(path))
        ]

        assert strangers == []


def asks_the_time(path: Path) -> bool:
    """True if a file names a function that tells the time of day."""
    tells = {
        "datetime": {"now", "today", "utcnow"},
        "date": {"today"},
        "pendulum": {"now", "today", "tomorrow", "yesterday"},
        "timezone": {"utcnow"},
        "time": {"ctime", "gmtime", "localtime", "time", "time_ns"},
    }
    return any(
        isinstance(node, ast.Attribute) and node.attr in tells.get(ast.unparse(node.value).rpartition(".")[2], ())
        for node in ast.walk(tree(path))
    )


def test_wall_clock__is_looked_at_by_few() -> None:
    """No test depends on the hour of the day: those that ask for it are few, and each has its reason."""
    asking = {path.relative_to(TESTS).as_posix() for path in TESTS.rglob("*.py") if asks_the_time(path)}

    assert asking == ON_THE_WALL_CLOCK.keys()


def meets_airflow(path: Path) -> bool:
    """True if a file imports Airflow, or a part of this package that does, by itself or through a helper."""
    modules = {tuple(name.split(".")) for name in imports(path)}
    parts = {module[1] for module in modules if module[0] == NAME and len(module) > 1}
    there = {part for part in parts if (PACKAGE / part).is_dir() or (PACKAGE / f"{part}.py").exists()}
    return ("airflow",) in {module[:1] for module in modules} or not there <= {*NO_AIRFLOW, "lazy"}


def options_in(path: Path) -> set[tuple[str, str]]:
    """The variables that a file asks ``os.environ.get`` for, each with what it takes where there is none."""
    return {
        (node.args[0].value, node.args[1].value if len(node.args) > 1 else "")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "os.environ.get"
    }


def test_options__are_told() -> None:
    """CONTRIBUTING.md names each variable that tests go by, and what they do without it; CI is set by CI itself."""
    page = (TESTS.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `([A-Z_]+)` \| (\w*) ?\|", page, re.MULTILINE)

    assert sorted(told) == sorted(set().union(*map(options_in, TESTS.rglob("*.py"))) - {("CI", "")})


class TestSuites:
    def test_without_airflow__is_true(self) -> None:
        """What `make test-matrix` leaves out meets no Airflow, and what it runs all the same does."""
        without = [path for path in TESTS.rglob("test_*.py") if "without_airflow" in traits_of(path)]

        assert len(without) > 50
        assert [path.name for path in without if meets_airflow(path)] == []
        assert [name for name in WITH_AIRFLOW_ALL_THE_SAME if not meets_airflow(TESTS / name)] == []

    def test_of_the_project__are_there(self) -> None:
        """What is about the project alone exists."""
        assert [pattern for pattern in OF_THE_PROJECT if not list(TESTS.glob(pattern))] == []

    def test_with_libraries__are_there(self) -> None:
        """What is run with the oldest libraries exists, and would be left out otherwise."""
        assert [traits_of(TESTS / name) for name in WITH_LIBRARIES if (TESTS / name).is_file()] == [
            {"without_airflow", "with_libraries"}
        ] * len(WITH_LIBRARIES)

    def test_long__are_there(self) -> None:
        """What takes long exists."""
        assert [name for name in LONG if not (TESTS / name).is_file()] == []

    def test_kills__are_all(self) -> None:
        """The order of what kills names each file."""
        assert sorted(KILLS) == sorted(path.relative_to(TESTS).as_posix() for path in TESTS.glob("crash/test_*.py"))
