"""What docs/architecture.md says of the modules is true, and what a new status or field has to be told is found."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

from airflow_provider_campaigns.actions import select
from airflow_provider_campaigns.actions.starting import step as start_step
from airflow_provider_campaigns.actions.stopping import at_close
from airflow_provider_campaigns.actions.stopping import step as stop_step
from airflow_provider_campaigns.kore.campaigns import KNOWN_STATUSES, Campaign, CampaignStatus
from airflow_provider_campaigns.kore.errors import CampaignStateError
from airflow_provider_campaigns.simulator.campaigns import STATUSES

REPOSITORY = Path(__file__).parent.parent
PACKAGE = REPOSITORY / "airflow_provider_campaigns"
PAGE = (REPOSITORY / "docs/architecture.md").read_text()
TREES = {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


def rows_of(heading: str) -> list[list[str]]:
    """The rows of the tables below a heading of the page, without their own headings."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ") and not line.startswith("| module")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def doc_of(module: str) -> str:
    return ast.get_docstring(TREES[module]) or ""


def is_called_pure(module: str) -> bool:
    return re.search(r"\bpure\b", doc_of(module), re.IGNORECASE) is not None


@cache
def defined_in(tree: ast.AST) -> set[str]:
    """Every function, class and table that a module defines."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name) and target.id.isupper()}
    return found


def test_modules__all_named_in_their_own_words() -> None:
    """The page has a row for each module: what its docstring begins with, and whether it is pure."""
    said = {row[0].strip("`"): (row[1], row[2] if len(row) > 2 else "") for row in rows_of("Every module")}
    are = {
        module: (" ".join(doc_of(module).split("\n\n")[0].split()), "pure" if is_called_pure(module) else "")
        for module in TREES
        if module != "__init__.py"
    }

    assert said == are


IMPURE = re.compile(
    r"airflow_provider_campaigns\.kore\.(client|connections|exchange|transport|sending|budget|budget_store)$|requests|time$"
)
CLOCKS = {"Clock", "SYSTEM_CLOCK", "wait_until"}


@pytest.mark.parametrize("module", [module for module in TREES if is_called_pure(module)])
def test_pure__neither_clock_nor_client(module: str) -> None:
    """A module that is called pure imports nothing that tells the time, waits or sends, and asks no clock."""
    tree = TREES[module]
    typing_only = {
        id(one)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for one in ast.walk(node)
    }
    imported = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in typing_only
        for name in [getattr(node, "module", None), *(alias.name for alias in node.names)]
        if name
    }
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}

    assert {name for name in imported if IMPURE.match(name)} | (imported & CLOCKS) == set()
    assert called & {"datetime.now", "date.today", "time.time", "time.monotonic", "open"} == set()


@pytest.mark.parametrize(("question", "module", "by"), rows_of("Where a decision is")[1:])
def test_decision__is_made_once(question: str, module: str, by: str) -> None:
    """The module exists, defines what decides, and is the only one of its side that does."""
    module, name = module.strip("`"), by.strip("`")
    is_simulator = module.startswith("simulator/")

    homes = [
        other
        for other, tree in TREES.items()
        if other.startswith("simulator/") is is_simulator and name in defined_in(tree)
    ]

    assert homes == [module]


def test_words__few() -> None:
    """No more words than somebody new can keep in mind, each once."""
    words = [row[0] for row in rows_of("Words")[1:]]

    assert 10 < len(words) <= 25
    assert len(set(words)) == len(words)


def places_without(status: str) -> list[str]:
    """Where a status of the service would have to be told and is not."""
    one = CampaignStatus(status)
    campaign = Campaign.from_api({"_id": "cd-1", "status": status})
    try:
        start_step.step_for(campaign, allow_rerun=True)
        start_refuses_it_as_unknown = False
    except CampaignStateError as error:
        start_refuses_it_as_unknown = "not documented" in str(error)
    places = {
        "kore/campaigns.py: _SPELLING": one.is_known,
        "kore/campaigns.py: is_ended, is_running, is_scheduled; or neither, as a campaign that has yet to run": (
            one.is_ended or one.is_running or one.is_scheduled or one in {"Preparing", "Ready"}
        ),
        "actions/stopping/step.py: _STEPS": one in stop_step._STEPS,
        "actions/starting/step.py: step_for": not start_refuses_it_as_unknown,
        "actions/select.py: SELECTABLE or NEVER_SELECTED": one in {*select.SELECTABLE, *select.NEVER_SELECTED},
        "simulator/campaigns.py: STATUSES": one in STATUSES,
    }
    return [place for place, is_told in places.items() if not is_told]


@pytest.mark.parametrize("status", KNOWN_STATUSES)
def test_status__told_everywhere(status: str) -> None:
    """Every place that has to know a status knows it."""
    assert places_without(status) == []


def test_status__missing_places_are_named() -> None:
    """A status that nobody was told of is missing from all six."""
    assert [place.partition(":")[0] for place in places_without("Draining")] == [
        "kore/campaigns.py",
        "kore/campaigns.py",
        "actions/stopping/step.py",
        "actions/starting/step.py",
        "actions/select.py",
        "simulator/campaigns.py",
    ]


NOT_NEEDED_TO_STOP = {"campaign_type", "created_at", "updated_at", "raw"}
"""Fields of a campaign that a stop does without, or is told by its options."""


def test_field__kept_while_a_stop_waits() -> None:
    """A new field of a campaign is kept by ``at_close._essence``, or is said not to be needed for a stop."""
    campaign = Campaign.from_api({
        "_id": "cd-1",
        "name": "Spring",
        "status": "Paused",
        "campaignInstanceId": "cid-1",
        "createdAt": "2026-03-01",
        "updatedAt": "2026-03-02",
        "dialingMode": "progressive",
        "schedule": {"isSchedulingEnabled": True},
    })
    kept = at_close._essence(campaign)

    lost = {one.name for one in fields(Campaign) if getattr(kept, one.name) != getattr(campaign, one.name)}
    assert lost == NOT_NEEDED_TO_STOP
