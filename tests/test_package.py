"""The package as it is installed and imported."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib import import_module
from importlib.metadata import entry_points, metadata
from pathlib import Path
from typing import Any

import pytest

import airflow_provider_campaigns

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


def test_all__told_twice() -> None:
    """What a type checker is told to be public is what can be imported."""
    tree = ast.parse(Path(airflow_provider_campaigns.__file__).read_text(encoding="utf-8"))
    (for_type_checkers,) = [node for node in tree.body if isinstance(node, ast.If)]
    told = {
        (alias.name, node.module)
        for node in for_type_checkers.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert told == {
        (name, getattr(airflow_provider_campaigns, name).__module__) for name in PUBLIC if name != "__version__"
    }


@pytest.mark.parametrize("name", [name for name in PUBLIC if not name.startswith("__")])
def test_getattr__is_the_real_one(name: str) -> None:
    """A public name is the class itself, under its own name, from its own module."""
    public: Any = getattr(airflow_provider_campaigns, name)

    assert public.__name__ == name
    assert getattr(import_module(public.__module__), name) is public


def test_getattr__unknown() -> None:
    """A name that does not exist is an AttributeError that says where it was looked for."""
    with pytest.raises(AttributeError, match="module 'airflow_provider_campaigns' has no attribute 'StopOperator'"):
        _ = airflow_provider_campaigns.StopOperator


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
