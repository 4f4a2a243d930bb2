"""Each of these questions is answered in one module; a second answer is found here, by the names that it uses."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "airflow_provider_campaigns"
TREES = {
    path.relative_to(PACKAGE).with_suffix("").as_posix(): ast.parse(path.read_text())
    for path in sorted(PACKAGE.rglob("*.py"))
    if "simulator" not in path.parts
}
Finder = Callable[[ast.AST], Iterator[ast.AST]]


def names_in(node: ast.AST) -> set[str]:
    """Every name, attribute and text in a piece of code."""
    found = set()
    for one in ast.walk(node):
        if isinstance(one, ast.Name):
            found.add(one.id)
        elif isinstance(one, ast.Attribute):
            found.add(one.attr)
        elif isinstance(one, ast.Constant) and isinstance(one.value, str):
            found.add(one.value)
    return found


def comparisons_of_runs(tree: ast.AST) -> Iterator[ast.AST]:
    """Comparisons of a run's id, or of its last change, with anything but None, and sets to see whether ids differ."""
    ids = {"campaign_instance_id", "instance_id", "campaignInstanceId", "updated_at"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            is_none = all(isinstance(op, ast.Is | ast.IsNot) for op in node.ops)
            sides = [node.left, *node.comparators]
        elif isinstance(node, ast.Set):
            is_none, sides = False, node.elts
        else:
            continue
        # A key that is compared as a text is no run.
        if not is_none and any(ids & names_in(side) and not isinstance(side, ast.Constant) for side in sides):
            yield node


def judgements_of_rest(tree: ast.AST) -> Iterator[ast.AST]:
    """Conditions and sets that put together what ``Campaign.is_at_rest`` says."""
    for node in ast.walk(tree):
        is_condition = isinstance(node, ast.BoolOp) and {"is_ended", "READY"} <= names_in(node)
        if is_condition or (isinstance(node, ast.Set) and {"STOPPED", "COMPLETED", "READY"} <= names_in(node)):
            yield node


def beliefs_in_not_found(tree: ast.AST) -> Iterator[ast.AST]:
    """Readings of a campaign whose "not found" is caught beside them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and "get_campaign" in names_in(ast.Module(node.body, [])):
            yield from (one for one in node.handlers if one.type and "KoreNotFoundError" in names_in(one.type))


def other_words_for_patience(tree: ast.AST) -> Iterator[ast.AST]:
    """Parameters that say for how long, or until when, a request is waited for."""
    words = {"within_s", "deadline", "ends_at", "left_s", "place_timeout_s", "answer_timeout_s"}
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.arg in words:
            yield node


def waits_after_a_rate_limit(tree: ast.AST) -> Iterator[ast.AST]:
    """Decisions by ``retry_after_s``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and "retry_after_s" in names_in(node):
            yield node


def minutes(tree: ast.AST) -> Iterator[ast.AST]:
    """The minute over which requests are counted, written out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and any("WINDOW" in name for name in names_in(node)):
            value = node.value
            if isinstance(value, ast.Constant) and value.value == 60:
                yield node


def names_of_requests(tree: ast.AST) -> Iterator[ast.AST]:
    """Messages that name a request by its endpoint alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FormattedValue) and ast.unparse(node.value) == "endpoint.name":
            yield node


# The question; what gives an answer away; where it is answered; the parts of the package that are looked at.
QUESTIONS: dict[str, tuple[Finder, set[str], tuple[str, ...]]] = {
    "is it the same run?": (comparisons_of_runs, {"kore/runs"}, ("",)),
    "is the campaign at rest?": (judgements_of_rest, {"kore/campaigns"}, ("",)),
    "is it provably not there?": (beliefs_in_not_found, {"kore/presence"}, ("",)),
    "how long may I wait?": (other_words_for_patience, {"kore/budget", "kore/budget_ledger"}, ("kore/", "actions/")),
    "how long does a rate limit last?": (waits_after_a_rate_limit, {"kore/retry"}, ("kore/", "actions/", "watching/")),
    "over which time are requests counted?": (minutes, {"kore/budget_ledger"}, ("",)),
    "what was sent, in a message?": (names_of_requests, {"kore/endpoints"}, ("",)),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_question__has_one_answer(question: str) -> None:
    """A second answer to the question is named here, with its place."""
    finder, answered_in, parts = QUESTIONS[question]

    others = [
        f"{module}:{node.lineno}: {ast.unparse(node)[:100]}"  # type: ignore[attr-defined]
        for module, tree in TREES.items()
        if module not in answered_in and module.startswith(parts)
        for node in finder(tree)
    ]

    assert others == []


@pytest.mark.parametrize(
    ("finder", "code"),
    [
        (comparisons_of_runs, "before.campaign_instance_id != now.campaign_instance_id"),
        (comparisons_of_runs, "now.updated_at != campaign.updated_at"),
        (comparisons_of_runs, "stopped.get('campaign_instance_id') in {None, run}"),
        (comparisons_of_runs, "len({one.campaign_instance_id, two.campaign_instance_id} - {None}) > 1"),
        (comparisons_of_runs, "(now.status, now.campaign_instance_id) == (before.status, before.campaign_instance_id)"),
        (judgements_of_rest, "campaign.status.is_ended or campaign.status == CampaignStatus.READY"),
        (judgements_of_rest, "frozenset({CampaignStatus.STOPPED, CampaignStatus.COMPLETED, CampaignStatus.READY})"),
        (beliefs_in_not_found, "try:\n    client.get_campaign(one)\nexcept KoreNotFoundError:\n    pass"),
        (beliefs_in_not_found, "try:\n    client.get_campaign(one)\nexcept (ValueError, KoreNotFoundError):\n    pass"),
        (other_words_for_patience, "def read(campaign_id, *, within_s=None): ..."),
        (waits_after_a_rate_limit, "error.retry_after_s is not None"),
        (minutes, "WINDOW_S = 60.0"),
        (names_of_requests, "f'{endpoint.name}: no answer'"),
    ],
)
def test_finder__finds(finder: Finder, code: str) -> None:
    """What was once written in many places would be found again."""
    assert len(list(finder(ast.parse(code)))) >= 1


@pytest.mark.parametrize(
    ("finder", "code"),
    [
        (comparisons_of_runs, "campaign.campaign_instance_id is None"),
        (comparisons_of_runs, "{key: value for key, value in entry.items() if key != 'campaign_instance_id'}"),
        (comparisons_of_runs, "{'campaign_instance_id': campaign.campaign_instance_id}"),
        (judgements_of_rest, "campaign.status == CampaignStatus.READY and not target.is_explicit"),
        (beliefs_in_not_found, "try:\n    client.stop_campaign(one)\nexcept KoreNotFoundError:\n    pass"),
        (minutes, "POLL_S = 60.0"),
        (names_of_requests, "KoreError(endpoint.name)"),
    ],
)
def test_finder__leaves_alone(finder: Finder, code: str) -> None:
    """What asks something else is not taken for it."""
    assert list(finder(ast.parse(code))) == []
