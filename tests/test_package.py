"""The package as it is installed and imported."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from importlib import import_module
from importlib.metadata import entry_points, metadata
from pathlib import Path
from pkgutil import walk_packages
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import BaseOperator

import airflow_provider_campaigns
from airflow_provider_campaigns import errors, hooks, operators, sensors, timetables, triggers
from airflow_provider_campaigns.kore.budget import BudgetTimeout
from airflow_provider_campaigns.kore.budget_shared import StoreAwayError
from airflow_provider_campaigns.kore.connections import NoAnswer
from airflow_provider_campaigns.operators.approval import DeleteApprovalOperator
from airflow_provider_campaigns.operators.base import CampaignsOperator, KoreCampaignOperator
from airflow_provider_campaigns.operators.settle import SettledCampaignOperator
from airflow_provider_campaigns.sensors.base import KoreSensor

if TYPE_CHECKING:
    from types import ModuleType

CORE = [
    "DeleteCampaignOperator",
    "KoreCampaignHook",
    "KoreClient",
    "KoreSettings",
    "ListCampaignsOperator",
    "StopSmsCampaignOperator",
    "StopVoiceCampaignOperator",
    "__version__",
]
PUBLIC = airflow_provider_campaigns.__all__
FACES = (airflow_provider_campaigns, operators, sensors, errors)
"""Where users look for names."""


def modules_loaded_by(statement: str, after: str = "") -> set[str]:
    """Names of the modules that a statement loads in a new interpreter, on top of what another one has loaded."""
    program = f"import json, sys\n{after}\nbefore = set(sys.modules)\n{statement}\n"
    program += "print(json.dumps(sorted(set(sys.modules) - before)))"
    # Warnings as errors, as in this suite; Airflow's own come with its import and not with ours.
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    names: list[str] = json.loads(answer.stdout.splitlines()[-1])
    return set(names)


def top_level(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def test_all() -> None:
    """Every public name shows and can be imported, no other shows, and these are among them."""
    assert sorted(PUBLIC) == PUBLIC == dir(airflow_provider_campaigns)
    assert set(CORE) <= set(PUBLIC)
    for name in PUBLIC:
        assert getattr(airflow_provider_campaigns, name) is not None


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.__name__)
def test_faces__told_twice(face: ModuleType) -> None:
    """What a type checker is told to be public is what can be imported, and it is the very same."""
    told = {
        alias.name: getattr(import_module(str(node.module)), alias.name)
        for node in ast.walk(ast.parse(Path(str(face.__file__)).read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("airflow_provider_campaigns")
        for alias in node.names
        if alias.name != "names_of"
    }

    assert told == {name: getattr(face, name) for name in dir(face) if name != "__version__"}


@pytest.mark.parametrize(
    ("face", "name"),
    [(face, name) for face in FACES for name in dir(face) if name != "__version__"],
    ids=lambda one: one if isinstance(one, str) else one.__name__,
)
def test_faces__the_real_one(face: ModuleType, name: str) -> None:
    """A public name is the class itself, under its own name, from its own module."""
    public: Any = getattr(face, name)

    assert public.__name__ == name
    assert getattr(import_module(public.__module__), name) is public


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.__name__)
def test_faces__unknown(face: ModuleType) -> None:
    """A name that does not exist is an AttributeError that says where it was looked for."""
    with pytest.raises(AttributeError, match=f"^module '{face.__name__}' has no attribute 'StopOperator'$"):
        _ = face.StopOperator


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.__name__)
def test_faces__star(face: ModuleType) -> None:
    """A star import brings every public name, and nothing else."""
    names: dict[str, Any] = {}
    exec(f"from {face.__name__} import *", names)

    assert sorted(names.keys() - {"__builtins__"}) == dir(face)


def test_faces__names() -> None:
    """What users import is where they look for it."""
    assert dir(operators) == [
        "CampaignReportOperator",
        "DeleteCampaignOperator",
        "ListCampaignsOperator",
        "StartSmsCampaignOperator",
        "StartVoiceCampaignOperator",
        "StopSmsCampaignOperator",
        "StopVoiceCampaignOperator",
    ]
    assert dir(sensors) == ["CallingHoursSensor", "CampaignStatusSensor"]
    assert hooks.KoreCampaignHook is airflow_provider_campaigns.KoreCampaignHook
    assert triggers.CampaignStatusTrigger is airflow_provider_campaigns.CampaignStatusTrigger
    assert timetables.CallingHoursTimetable is airflow_provider_campaigns.CallingHoursTimetable


def classes_below(package: ModuleType, base: type) -> set[type]:
    """The public classes of a kind that a package's modules define."""
    modules = [import_module(one.name) for one in walk_packages(package.__path__, f"{package.__name__}.")]
    return {
        found
        for module in modules
        for name, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, base) and found.__module__ == module.__name__ and not name.startswith("_")
    }


def test_operators__complete() -> None:
    """Every public operator is offered, but for the bases, and for those that only ``end_of_campaign`` makes."""
    not_offered = {KoreCampaignOperator, CampaignsOperator, SettledCampaignOperator, DeleteApprovalOperator}

    assert classes_below(operators, BaseOperator) - not_offered == {getattr(operators, name) for name in dir(operators)}


def test_sensors__complete() -> None:
    """Every sensor is offered, but for the base."""
    assert classes_below(sensors, BaseOperator) - {KoreSensor} == {getattr(sensors, name) for name in dir(sensors)}


def test_errors__complete() -> None:
    """Every exception of the package is offered, but for three that the budget and the client answer or make others of.

    The simulator's are its own.
    """
    parts = [path.name for path in Path(str(airflow_provider_campaigns.__file__)).parent.glob("[a-z]*/")]
    found = {
        error
        for part in parts
        if part != "simulator"
        for error in classes_below(import_module(f"airflow_provider_campaigns.{part}"), Exception)
    }

    assert found - {BudgetTimeout, NoAnswer, StoreAwayError} == {getattr(errors, name) for name in dir(errors)}


@pytest.mark.parametrize("face", ["operators", "sensors"])
def test_faces__load_nothing(face: str) -> None:
    """Whoever imports a package of operators pays for those that are named, not for the others."""
    loaded = modules_loaded_by(f"import airflow_provider_campaigns.{face}")

    assert {name for name in loaded if name.startswith("airflow")} == {
        "airflow_provider_campaigns",
        "airflow_provider_campaigns.lazy",
        f"airflow_provider_campaigns.{face}",
    }


def test_errors__without_airflow() -> None:
    """The errors of the client can be caught where there is no Airflow."""
    loaded = modules_loaded_by("from airflow_provider_campaigns.errors import KoreRateLimitError")

    assert "airflow" not in top_level(loaded)


def test_metadata() -> None:
    """What is installed has the package's version, licence and marker for typing."""
    installed = metadata("airflow-provider-campaigns")

    assert installed["Version"] == airflow_provider_campaigns.__version__
    assert installed["License-Expression"] == "Apache-2.0"
    assert "Framework :: Apache Airflow :: Provider" in (installed.get_all("Classifier") or [])
    assert (Path(airflow_provider_campaigns.__file__).parent / "py.typed").exists()


@pytest.mark.parametrize(
    ("group", "value", "name"),
    [
        ("apache_airflow_provider", "airflow_provider_campaigns.provider_info:get_provider_info", "get_provider_info"),
        ("airflow.plugins", "airflow_provider_campaigns.plugin:KoreCampaignPlugin", "KoreCampaignPlugin"),
    ],
)
def test_entry_points(group: str, value: str, name: str) -> None:
    """Both entry points are registered, and load."""
    (found,) = [one for one in entry_points(group=group) if one.value == value]

    assert found.load().__name__ == name


def test_import__package() -> None:
    """Importing the package, or what Airflow discovers it by, loads no Airflow and nothing of ours beyond it."""
    loaded = modules_loaded_by("import airflow_provider_campaigns.provider_info")

    assert {name for name in loaded if name.startswith("airflow")} == {
        "airflow_provider_campaigns",
        "airflow_provider_campaigns.lazy",
        "airflow_provider_campaigns.provider_info",
    }
    assert top_level(loaded).isdisjoint({"pydantic", "requests", "jwt", "cryptography", "sqlalchemy"})


def test_import__hooks_and_operators() -> None:
    """Parsing a DAG with hook and operators loads nothing that only running it needs."""
    loaded = modules_loaded_by(
        "from airflow_provider_campaigns import KoreCampaignHook, DeleteCampaignOperator, ListCampaignsOperator\n"
        "from airflow_provider_campaigns import StopSmsCampaignOperator, StopVoiceCampaignOperator",
        after="from airflow.sdk import DAG, BaseHook, BaseOperator",
    )

    assert top_level(loaded).isdisjoint({
        *("requests", "urllib3", "jwt", "cryptography", "aiohttp", "httpx"),
        *("fastapi", "starlette", "uvicorn", "pyarrow", "wtforms", "flask_appbuilder", "flask_babel"),
    })
    assert not {name for name in loaded if name.startswith("airflow_provider_campaigns.simulator")}


def test_import__client_without_airflow() -> None:
    """The client is usable by a program that has no Airflow."""
    loaded = modules_loaded_by("from airflow_provider_campaigns import KoreClient, KoreSettings")

    assert "airflow" not in top_level(loaded)
