"""How the parts may depend on each other, and what the table of endpoints and the simulator know of each other."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from airflow_provider_campaigns.kore.endpoints import ENDPOINTS
from airflow_provider_campaigns.simulator.routes import ROUTES, Route

PACKAGE = Path(__file__).parent.parent / "airflow_provider_campaigns"
NAME = "airflow_provider_campaigns"
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

# The rings, from the inside out: a module may import from its own ring and from those before it.
KORE_RINGS = (
    ("errors",),
    (
        "clock",
        "endpoints",
        "senders",
        "service_clock",
        "campaigns",
        "auth",
        "budget",
        "budget_keeping",
        "budget_ledger",
        "budget_postgres",
        "budget_redis",
        "budget_shared",
        "budget_store",
        "budget_time",
        "budget_view",
        "identity",
        "patience",
        "presence",
        "proof",
        "redaction",
        "runs",
        "stand_ins",
    ),
    ("answers", "bodies", "listing", "retry", "settings", "writes", "writing"),
    ("connections", "exchange"),
    ("transport",),
    ("sending",),
    ("client",),
)
REPORT_RINGS = (
    ("errors", "pending"),
    ("export_progress", "finite", "folder", "own_number", "read_ahead", "run_folder", "summary", "page.text", "proof"),
    ("manifest", "rows", "page.bars", "page.hours", "page.settings", "page.statement"),
    ("export_state", "parquet", "parts", "superseded", "verdict", "page.render"),
    ("digests", "export_options", "fit", "gathering", "kept_page"),
    ("contents",),
    ("more_formats", "whole_reading"),
    ("publish", "waiting"),
    ("export", "second_reading"),
)
# What the verbs share, and then the verbs, none of which knows another.
ACTION_RINGS = (
    ("targets", "audit", "evidence", "closing", "select"),
    ("outcomes",),
    ("reading", "rounds", "evening"),
    ("stopping.step", "stopping.contact_counts", "stopping.schedules", "starting.step", "deleting.deletable"),
    ("stopping.moment", "deleting.archive", "deleting.given_reports", "deleting.gone"),
    ("stopping.stop", "starting.start", "reporting.report", "reporting.settle", "deleting.delete"),
    ("stopping.at_close",),
)
MOST_ARROWS = 55
"""Imports between modules of ``actions``; with more, somebody new can no longer follow them."""

# The layers of the whole package, likewise. The errors are the innermost of all.
LAYERS = {
    "lazy": 0,
    "provider_info": 0,
    "calling_hours": 1,
    "calling_hours_edges": 1,
    "calling_hours_text": 1,
    "kore": 2,
    "reports": 3,
    "actions": 4,
    "arguments": 5,
    "budget_connection": 5,
    "connection": 5,
    "connection_check": 5,
    "hooks": 5,
    "retry_policy": 5,
    "watching": 5,
    "timetable_runs": 5,
    "triggers": 6,
    "timetables": 6,
    "errors": 7,
    "operators": 7,
    "deadlines": 7,
    "sensors": 7,
    "links": 7,
    "notifications": 7,
    "__main__": 8,
    "lifecycle": 8,
    "plugin": 8,
}
ERRORS = f"{NAME}.kore.errors"
NO_AIRFLOW = (
    *("kore", "actions", "reports", "watching", "simulator"),
    *("calling_hours", "calling_hours_edges", "calling_hours_text"),
)


@cache
def imports(module: str) -> frozenset[str]:
    """Every module that a module's text names in an import, at its top, in a function or for type checking."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            source = str(node.module)
            # "from package import module" imports the module.
            below = {f"{source}.{alias.name}" for alias in node.names} & MODULES.keys()
            found |= below or {source}
    return frozenset(found)


def area(module: str) -> str:
    """The part of the package that a module of ours belongs to: ``kore``, ``hooks``, ... or nothing."""
    return module.removeprefix(NAME).lstrip(".").partition(".")[0]


def is_of_a_verb(module: str) -> bool:
    """True of a module, or the package, of a verb."""
    parts = module.removeprefix(f"{NAME}.actions.").split(".")
    return module.startswith(f"{NAME}.actions.") and parts[0] in {"stopping", "starting", "reporting", "deleting"}


def is_ours(module: str) -> bool:
    return module == NAME or module.startswith(f"{NAME}.")


class TestImports:
    @pytest.mark.parametrize("module", [name for name in MODULES if area(name) in NO_AIRFLOW])
    def test_imports__no_airflow(self, module: str) -> None:
        """Client, calling hours, actions, reports and simulator know nothing of Airflow."""
        assert not {name for name in imports(module) if name.partition(".")[0] == "airflow"}

    @pytest.mark.parametrize("module", [name for name in MODULES if area(name) == "simulator"])
    def test_imports__simulator_alone(self, module: str) -> None:
        """The simulator is transcribed on its own: it imports nothing of ours outside itself."""
        assert {area(name) for name in imports(module) if is_ours(name)} <= {"simulator"}

    @pytest.mark.parametrize("module", [name for name in MODULES if area(name) != "simulator"])
    def test_imports__no_simulator(self, module: str) -> None:
        """What is used on the platform does not need what stands in for it."""
        assert "simulator" not in {area(name) for name in imports(module) if is_ours(name)}

    @pytest.mark.parametrize("module", [name for name in MODULES if area(name) in LAYERS])
    def test_imports__one_way(self, module: str) -> None:
        """Imports point inwards: from operators to hooks, from actions to the client, and never back."""
        outward = {
            name
            for name in imports(module)
            if is_ours(name) and LAYERS.get(area(name), 0) > LAYERS[area(module)] and name != ERRORS
        }

        assert outward == set()

    def test_imports__sensors_and_operators_apart(self) -> None:
        """Operators and sensors share what lies below them, and nothing of each other."""
        apart = {"operators": "sensors", "sensors": "operators"}
        found = {
            (module, name)
            for module in MODULES
            for name in imports(module)
            if is_ours(name) and apart.get(area(module)) == area(name)
        }

        assert found == set()

    def test_imports__every_part_has_a_layer(self) -> None:
        """A new part of the package gets its place here."""
        assert {area(module) for module in MODULES} - {"", "simulator"} <= LAYERS.keys()

    @pytest.mark.parametrize(
        ("part", "rings"), [("kore", KORE_RINGS), ("reports", REPORT_RINGS), ("actions", ACTION_RINGS)]
    )
    def test_imports__rings(self, part: str, rings: tuple[tuple[str, ...], ...]) -> None:
        """Within the client and the reports, too, imports point one way, and every module has its ring."""
        ring_of = {f"{NAME}.{part}.{name}": number for number, ring in enumerate(rings) for name in ring}

        assert ring_of.keys() >= {
            name for name, path in MODULES.items() if area(name) == part and path.stem != "__init__"
        }
        outward = {
            (module, name)
            for module, ring in ring_of.items()
            if module in MODULES
            for name in imports(module)
            if ring_of.get(name, 0) > ring
        }
        assert outward == set()

    def test_imports__no_verb_knows_another(self) -> None:
        """Stopping, starting, reporting and deleting meet in what they share, and in the operators."""
        verbs = ("stopping", "starting", "reporting", "deleting")
        meetings = {
            (module, name)
            for module in MODULES
            for name in imports(module)
            for own in verbs
            for other in verbs
            if own != other and f"{NAME}.actions.{own}." in f"{module}." and f"{NAME}.actions.{other}." in f"{name}."
        }

        assert meetings == set()

    def test_imports__what_verbs_share_knows_no_verb(self) -> None:
        """What several verbs use imports none of them, not by the names that their packages offer either."""
        shared = {name for name in MODULES if area(name) == "actions" and not is_of_a_verb(name)}

        assert {(module, name) for module in shared for name in imports(module) if is_of_a_verb(name)} == set()

    def test_imports__few_arrows_between_actions(self) -> None:
        """What is done to campaigns can be followed from module to module."""
        parts = {name for name in MODULES if area(name) == "actions"} - {f"{NAME}.actions"}
        arrows = {
            (module, name) for module in parts if MODULES[module].stem != "__init__" for name in imports(module) & parts
        }

        assert len(arrows) <= MOST_ARROWS

    def test_imports__pyarrow_is_optional(self) -> None:
        """One module needs pyarrow, and it is loaded only where Parquet is wanted."""
        users = {module for module in MODULES if "pyarrow" in {name.partition(".")[0] for name in imports(module)}}
        loaders = {module for module in MODULES if f"{NAME}.reports.parquet" in imports(module)}

        assert users == {f"{NAME}.reports.parquet"}
        assert loaders == {f"{NAME}.reports.contents"}
        assert "pyarrow" not in loaded_by(f"import {NAME}.actions.reporting.report, {NAME}.operators.report")

    def test_imports__one_door_to_the_network(self) -> None:
        """One module talks to the platform, over connections that another makes, and only requests are sent by it."""
        connections, exchange = f"{NAME}.kore.connections", f"{NAME}.kore.exchange"
        libraries = {"requests", "urllib3", "httpx", "aiohttp"}
        found = {(module, name.partition(".")[0]) for module in MODULES for name in imports(module)}
        users = {(module, name) for module, name in found if name in libraries}
        modules = {"http.client", "urllib.request"}
        users |= {(module, name) for module in MODULES for name in imports(module) if name in modules}

        assert users == {
            (connections, "requests"),
            (connections, "urllib3"),
            (exchange, "urllib3"),
            (exchange, "http.client"),
        }
        assert {module for module in MODULES if exchange in imports(module)} == {connections}
        assert {module for module in MODULES if connections in imports(module)} == {f"{NAME}.kore.transport"}


def loaded_by(statement: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


class TestLazyLoading:
    def test_package__loads_nothing(self) -> None:
        """Importing the package loads nothing but itself: Airflow does so before its configuration is ready."""
        loaded = loaded_by(f"import {NAME}, {NAME}.provider_info")

        assert {name for name in loaded if is_ours(name)} == {NAME, f"{NAME}.lazy", f"{NAME}.provider_info"}
        assert "airflow" not in loaded

    @pytest.mark.parametrize("module", ["kore.client", "kore.settings", "calling_hours"])
    def test_client__loads_nothing_heavy(self, module: str) -> None:
        """The client loads its libraries when it sends, not when a DAG is parsed."""
        heavy = {"airflow", "requests", "urllib3", "jwt", "cryptography", "aiohttp", "fastapi", "pyarrow", "pendulum"}

        assert not heavy & loaded_by(f"import {NAME}.{module}")

    def test_client__works_without_airflow(self) -> None:
        """A client is made, and sends, without Airflow: what cannot be imported is not missed."""
        loaded = loaded_by(
            "import sys; sys.modules['airflow'] = None\n"
            f"from {NAME} import KoreClient, KoreSettings\n"
            "from airflow_provider_campaigns.errors import KoreConnectionError\n"
            "from airflow_provider_campaigns.kore.retry import Bounds\n"
            "settings = KoreSettings('http://127.0.0.1:9', 'cs-1', 'x' * 32, 'st-1', '1')\n"
            "try: KoreClient(settings, bounds=Bounds(attempts=1)).get_campaign_status('cd-1')\n"
            "except KoreConnectionError: pass"
        )

        assert {"requests", "jwt"} <= loaded


class TestArguments:
    def test_readers__in_one_place(self) -> None:
        """What reads an argument of operators and sensors, by its name and its value, is in ``arguments/``."""
        homes = {
            area(module)
            for module, path in MODULES.items()
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.FunctionDef) and [one.arg.lstrip("_") for one in node.args.args][:1] == ["field"]
        }

        assert homes == {"arguments"}


class TestPaths:
    def test_paths__in_one_table(self) -> None:
        """The service's paths are written in the table of endpoints and in the simulator, nowhere else.

        But for the connection form, whose help shows an override.
        """
        users = {
            module
            for module, path in MODULES.items()
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "/api/" in node.value
        }

        outside = {name for name in users if area(name) != "simulator"}
        assert outside == {f"{NAME}.kore.endpoints", f"{NAME}.provider_info"}


# Whoever names one of these is about to decide on trying again, or on the next request, by himself: ``retryable`` and
# ``concerns_account`` answer that. Raising one is no decision.
NAMES_THAT_DECIDE = {
    *("KoreConnectionError", "KoreServiceError", "KoreRateLimitError", "KoreAuthenticationError", "KoreBudgetError"),
}
# Who names them for another reason.
NOT_ON_RETRYING = {
    "actions.outcomes": {"KoreAuthenticationError"},  # what comes back from JSON is of the class that it was
    "connection_check": {  # what is wrong, and only once: nothing is tried again
        "KoreAuthenticationError",
        "KoreBudgetError",
        "KoreConnectionError",
        "KoreRateLimitError",
        "KoreServiceError",
    },
    "hooks": {"KoreConnectionError"},  # made there, for a connection that cannot be looked up
}


def decides_by(text: str) -> set[str]:
    """The names of errors that a module's text uses, but to import or to raise one: in ``except``, a tuple, a text."""
    tree = ast.parse(text)
    raises = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise)]
    raised = {made.func for made in raises if isinstance(made, ast.Call)}
    used = {
        node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Attribute | ast.Constant) and node not in raised
    }
    return {name.rpartition(".")[2] for name in used if isinstance(name, str)} & NAMES_THAT_DECIDE


class TestRetrying:
    def test_retrying__asks_the_error(self) -> None:
        """Outside of the client nobody decides by the class of an error whether something is tried again."""
        deciding = {
            module.removeprefix(f"{NAME}."): names
            for module, path in MODULES.items()
            if area(module) not in {"kore", "simulator", "errors"} and (names := decides_by(path.read_text()))
        }

        assert deciding == NOT_ON_RETRYING

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("try: send()\nexcept (KoreError, KoreServiceError): pass", {"KoreServiceError"}),
            ("isinstance(error, errors.KoreBudgetError | KoreError)", {"KoreBudgetError"}),
            ("PASSING = (KoreConnectionError,)", {"KoreConnectionError"}),
            ('rule(f"{ERRORS}.KoreRateLimitError")', {"KoreRateLimitError"}),
            ("from kore.errors import KoreServiceError\nraise KoreServiceError('no') from None", set()),
        ],
    )
    def test_decides_by(self, text: str, names: set[str]) -> None:
        """A list of classes is seen wherever it stands; an error that is raised is none."""
        assert decides_by(text) == names


def shape(path: str) -> str:
    """A path with its placeholders made alike."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def serves(route: Route, name: str) -> bool:
    """True if a route of the simulator answers the request of an endpoint, by method, path and query."""
    endpoint = ENDPOINTS[name]
    if (endpoint.method, shape(endpoint.path)) != (route.method, shape(route.path)):
        return False
    if route.operation(endpoint.query) != name.partition("_")[0].replace("enable", "schedule").replace(
        "disable", "schedule"
    ):
        return False
    pair = (endpoint.query.get("campaignType", ""), endpoint.query.get("trigger", ""))
    needs_account = route.account_query and not name.startswith("contacts")
    return (not route.pairs or pair in route.pairs) and ("accountId" in endpoint.query or not needs_account)


PLAIN_ROUTES = [route for route in ROUTES if not route.printed]


class TestSimulator:
    """The two tables were written independently; here they are compared."""

    @pytest.mark.parametrize("name", list(ENDPOINTS))
    def test_endpoint__served(self, name: str) -> None:
        """Every endpoint is served by one route, of the same version, that names its page."""
        [route] = [route for route in PLAIN_ROUTES if serves(route, name)]

        assert route.version == ENDPOINTS[name].name.rpartition("_")[2]
        assert ENDPOINTS[name].source in route.pages

    @pytest.mark.parametrize("route", PLAIN_ROUTES, ids=lambda route: route.name)
    def test_route__called(self, route: Route) -> None:
        """Every route is called by an endpoint, and every combination of type and trigger by one of its own."""
        callers = [ENDPOINTS[name] for name in ENDPOINTS if serves(route, name)]

        assert callers
        assert route.pairs <= {(row.query.get("campaignType"), row.query.get("trigger")) for row in callers}

    def test_overrides__reach_the_printed_paths(self) -> None:
        """The paths as the pages print them can be reached by overrides."""
        printed = {shape(route.path) for route in ROUTES if route.printed and route.kind == "trigger"}

        assert printed == {"/api/v2/public/{}/campaign/trigger/{}", "/campaign/api/v2/public/{}/campaign//trigger/{}"}
