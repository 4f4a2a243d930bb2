"""What Airflow is told about the provider."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from airflow.providers_manager import ProvidersManager
from airflow_names import AIRFLOW, hooks_of_a_task

import airflow_provider_campaigns
from airflow_provider_campaigns import __version__
from airflow_provider_campaigns.connection import settings_from
from airflow_provider_campaigns.hooks import KoreCampaignHook
from airflow_provider_campaigns.plugin import KoreCampaignPlugin
from airflow_provider_campaigns.provider_info import get_provider_info

CONNECTION_FIELDS = {
    "stream_id": "string",
    "account_id": "string",
    "api_version": "string",
    "requests_per_minute": "integer",
    "urgent_per_minute": "integer",
    "budget_conn_id": "string",
    "timeout_s": "number",
    "verify_tls": "boolean",
    "ca_bundle": "string",
    "allow_http": "boolean",
    "jwt_subject": "string",
    "jwt_ttl_s": "integer",
    "endpoint_overrides": "string",
}


def schema(name: str) -> dict[str, Any]:
    """A schema that Airflow ships."""
    found: dict[str, Any] = json.loads((files("airflow") / name).read_text())
    return found


def faults(value: object, schema: dict[str, Any]) -> list[str]:
    """What is wrong with a value by a schema."""
    return [str(error) for error in jsonschema.validators.validator_for(schema)(schema).iter_errors(value)]


@pytest.fixture
def connection_type() -> dict[str, Any]:
    (only,) = get_provider_info()["connection-types"]
    found: dict[str, Any] = only
    return found


def python_modules() -> list[str]:
    """Every module that is listed as one of hooks, operators and the like."""
    kinds = ("hooks", "operators", "sensors", "triggers")
    info = get_provider_info()
    return [module for kind in kinds for group in info.get(kind, ()) for module in group["python-modules"]]


def dotted_paths() -> list[str]:
    """Every dotted path in the metadata."""
    info = get_provider_info()
    return [
        *python_modules(),
        *[plugin["plugin-class"] for plugin in info["plugins"]],
        *[one["hook-class-name"] for one in info["connection-types"]],
        *info.get("extra-links", ()),
    ]


def test_schema() -> None:
    """It is valid for Airflow, which otherwise refuses every command that lists providers."""
    assert faults(get_provider_info(), schema("provider_info.schema.json")) == []


@pytest.mark.parametrize("key", ["connection-types", "plugins", "hooks", "operators"])
def test_schema__strict(key: str) -> None:
    """What describes connections and modules is valid by the stricter schema of Airflow's own providers as well."""
    strict = schema("provider.yaml.schema.json")

    of_key = {**strict["properties"][key], "definitions": strict.get("definitions", {})}

    assert faults(get_provider_info()[key], of_key) == []


@pytest.mark.parametrize("path", dotted_paths())
def test_dotted_path(path: str) -> None:
    """Every path can be imported; Airflow would only log that it cannot."""
    try:
        import_module(path)
    except ModuleNotFoundError:
        module, _, name = path.rpartition(".")
        assert hasattr(import_module(module), name)


def test_python_modules__complete() -> None:
    """The module of every public hook, operator, sensor and trigger is listed, once."""
    kinds = ("Hook", "Operator", "Sensor", "Trigger")
    homes = {
        getattr(airflow_provider_campaigns, name).__module__
        for name in airflow_provider_campaigns.__all__
        if name.endswith(kinds)
    }

    assert homes <= set(python_modules())
    assert len(set(python_modules())) == len(python_modules())


def test_get_provider_info__fresh() -> None:
    """Each caller gets its own, so that one who changes it changes nobody else's."""
    get_provider_info()["connection-types"].clear()

    assert len(get_provider_info()["connection-types"]) == 1


def test_hook_and_metadata_agree(connection_type: dict[str, Any]) -> None:
    """The hook's names are those of the connection type; a difference makes Airflow drop the hook."""
    assert connection_type["connection-type"] == KoreCampaignHook.conn_type == "kore_campaign"
    assert connection_type["hook-name"] == KoreCampaignHook.hook_name == "Kore.ai Campaigns"
    assert KoreCampaignHook.conn_name_attr == "kore_conn_id"
    assert KoreCampaignHook.default_conn_name == "kore_default"


def test_conn_fields(connection_type: dict[str, Any]) -> None:
    """The form has these fields; each may be left empty, and says what belongs there."""
    fields = connection_type["conn-fields"]

    assert {name: spec["schema"]["type"] for name, spec in fields.items()} == {
        name: [kind, "null"] for name, kind in CONNECTION_FIELDS.items()
    }
    assert all(spec["label"] and spec["description"] for spec in fields.values())


def test_conn_fields__are_read_by_the_hook(connection_type: dict[str, Any]) -> None:
    """Each field of the form is one that the hook reads, and its default is what the hook assumes without it."""

    class Connection:
        host, login, password, port, schema = "platform.kore.ai", "cs-1", "canary-secret-3f9c1d", None, None

        def __init__(self, **extra: Any) -> None:
            self.extra = json.dumps({"stream_id": "st-1", "account_id": "acc", **extra})

    defaults = {
        name: spec["schema"]["default"]
        for name, spec in connection_type["conn-fields"].items()
        if "default" in spec["schema"]
    }

    assert sorted(defaults) == [
        *("allow_http", "jwt_subject", "jwt_ttl_s", "requests_per_minute", "timeout_s", "verify_tls")
    ]
    assert settings_from(Connection(**defaults)) == settings_from(Connection())
    for name in connection_type["conn-fields"].keys() - {"stream_id", "account_id"}:
        assert settings_from(Connection(**{name: None})) == settings_from(Connection())


def test_providers_manager() -> None:
    """Airflow finds the provider, its version, and its hook."""
    manager = ProvidersManager()  # type: ignore[no-untyped-call]

    provider = manager.providers["airflow-provider-campaigns"]
    hook = hooks_of_a_task()["kore_campaign"]

    assert provider.version == __version__
    assert hook is not None
    assert hook.hook_class_name == "airflow_provider_campaigns.hooks.KoreCampaignHook"
    assert hook.connection_id_attribute_name == "kore_conn_id"


def test_connection_form() -> None:
    """The form that the UI is given has every field, with its label, its help, its kind and its default."""
    # In an interpreter of its own: below Airflow 3.2 it depends on who asks first whether forms are made at all.
    program = (
        "import conftest, json\n"
        "from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService\n"
        "forms = {form.connection_type: form for form in HookMetaService.hook_meta_data()}\n"
        "print(json.dumps(forms['kore_campaign'].model_dump(mode='json')))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    form = json.loads(answer.stdout.splitlines()[-1])
    fields = form["extra_fields"]

    assert {name: spec["schema"]["type"] for name, spec in fields.items()} == {
        # The forms below Airflow 3.2 know no number but whole ones.
        name: ["string" if kind == "number" and AIRFLOW < (3, 2) else kind, "null"]
        for name, kind in CONNECTION_FIELDS.items()
    }
    assert {name: spec["value"] for name, spec in fields.items() if spec["value"] is not None} == {
        "requests_per_minute": 60,
        "timeout_s": "30" if AIRFLOW < (3, 2) else 30,
        "verify_tls": True,
        "allow_http": False,
        "jwt_subject": "airflow",
        "jwt_ttl_s": 300,
    }
    assert all(spec["description"] and spec["schema"]["title"] for spec in fields.values())
    standard = {name: field for name, field in form["standard_fields"].items() if field is not None}
    assert {name: field["title"] for name, field in standard.items() if field["title"]} == {
        "host": "Host",
        "login": "Client ID",
        "password": "Client Secret",
    }
    assert standard["url_schema"]["hidden"] is True


def test_get_ui_field_behaviour(connection_type: dict[str, Any]) -> None:
    """Airflow below 3.2 is told the same, in its own spelling."""
    behaviour = connection_type["ui-field-behaviour"]

    assert KoreCampaignHook.get_ui_field_behaviour() == {
        "hidden_fields": behaviour["hidden-fields"],
        "relabeling": behaviour["relabeling"],
        "placeholders": behaviour["placeholders"],
    }
    assert behaviour["hidden-fields"] == ["schema", "extra"]


class _Field:
    """Stands for a form field of a library that only Airflow below 3.2 brings, or mocks."""

    def __init__(self, label: str, **arguments: Any) -> None:
        self.label = label
        self.arguments = arguments


def test_get_connection_form_widgets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow below 3.2 gets the same fields as form widgets."""
    kinds = {name: type(name, (_Field,), {}) for name in ("BooleanField", "IntegerField", "StringField")}
    stand_ins: dict[str, dict[str, Any]] = {
        "wtforms": kinds,
        "flask_babel": {"lazy_gettext": str},
        "flask_appbuilder": {},
        "flask_appbuilder.fieldwidgets": {"BS3TextFieldWidget": object},
    }
    for module, names in stand_ins.items():
        stand_in = ModuleType(module)
        vars(stand_in).update(names)
        monkeypatch.setitem(sys.modules, module, stand_in)

    widgets = KoreCampaignHook.get_connection_form_widgets()

    assert {name: type(widget).__name__ for name, widget in widgets.items()} == {
        name: {"boolean": "BooleanField", "integer": "IntegerField"}.get(kind, "StringField")
        for name, kind in CONNECTION_FIELDS.items()
    }
    assert widgets["stream_id"].label == "Stream ID"
    assert widgets["requests_per_minute"].arguments["default"] == 60
    assert widgets["timeout_s"].arguments["default"] == "30"
    assert "widget" not in widgets["verify_tls"].arguments
    assert "widget" in widgets["timeout_s"].arguments


def test_plugin() -> None:
    """The plugin goes by the name that the metadata gives it."""
    (listed,) = get_provider_info()["plugins"]

    assert listed["name"] == KoreCampaignPlugin.name == "kore_campaign"
