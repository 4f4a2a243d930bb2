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


def assignments_in(tree: ast.AST) -> Iterator[tuple[ast.Name, object]]:
    """Variables that are given an attribute, or an item, and the name of that; also several at once."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            several = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
            pairs = zip(target.elts, node.value.elts, strict=False) if several else [(target, node.value)]  # type: ignore[attr-defined]
            for name, value in pairs:
                if isinstance(name, ast.Name) and isinstance(value, ast.Attribute):
                    yield name, value.attr
                elif isinstance(name, ast.Name) and isinstance(value, ast.Subscript):
                    yield name, getattr(value.slice, "value", None)


def comparisons_of_runs(tree: ast.AST) -> Iterator[ast.AST]:
    """Comparisons of a run's id, or of its last change, with anything but None, and sets made to see if ids differ."""
    ids = {"campaign_instance_id", "instance_id", "campaignInstanceId", "run_of", "updated_at"}
    variables = {target.id for target, name in assignments_in(tree) if name in ids}
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            is_none = all(isinstance(op, ast.Is | ast.IsNot) for op in node.ops)
            sides = [node.left, *node.comparators]
        elif isinstance(node, ast.Set):
            is_none, sides = False, node.elts
        else:
            continue
        # A key that is compared as a text is no run.
        is_run = any(ids & names_in(side) and not isinstance(side, ast.Constant) for side in sides)
        if not is_none and (is_run or any(isinstance(side, ast.Name) and side.id in variables for side in sides)):
            yield node


def judgements_of_rest(tree: ast.AST) -> Iterator[ast.AST]:
    """Conditions and sets that put together what ``Campaign.is_at_rest`` says."""
    for node in ast.walk(tree):
        names = {name.upper() for name in names_in(node)}
        is_condition = isinstance(node, ast.BoolOp) and {"IS_ENDED", "READY"} <= names
        is_one_of = isinstance(node, ast.Set | ast.Tuple | ast.List) and {"STOPPED", "COMPLETED", "READY"} <= names
        if is_condition or is_one_of:
            yield node


def beliefs_in_not_found(tree: ast.AST) -> Iterator[ast.AST]:
    """Readings of a campaign whose "not found" is caught beside them."""
    readings = {"get_campaign", "read", "_read", "_get"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and readings & names_in(ast.Module(node.body, [])):
            yield from (one for one in node.handlers if one.type and "KoreNotFoundError" in names_in(one.type))


def other_words_for_patience(tree: ast.AST) -> Iterator[ast.AST]:
    """Parameters that say for how long, or until when, a request is waited for; and deadlines worked out beside it."""
    words = {"within_s", "deadline", "ends_at", "left_s", "place_timeout_s", "answer_timeout_s"}
    for node in ast.walk(tree):
        is_worked_out = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == "deadline"
        if is_worked_out or (isinstance(node, ast.arg) and node.arg in words):
            yield node


def waits_after_a_rate_limit(tree: ast.AST) -> Iterator[ast.AST]:
    """Decisions by ``retry_after_s``: comparisons, conditions, and what stands in for it or bounds it."""
    for node in ast.walk(tree):
        is_bound = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"min", "max"}
        if (is_bound or isinstance(node, ast.Compare | ast.BoolOp | ast.IfExp)) and "retry_after_s" in names_in(node):
            yield node


def tables_of_outcomes(tree: ast.AST) -> Iterator[ast.AST]:
    """Collections of outcomes that are not final."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Set | ast.Tuple | ast.List) and "waitingForDisposition" in names_in(node):
            yield node


def minutes(tree: ast.AST) -> Iterator[ast.AST]:
    """The minute over which requests are counted, written out: by a name, or where so many a minute are divided."""
    lengths = {"60", "60.0", "timedelta(minutes=1)", "timedelta(seconds=60)"}
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp):
            sides, words = [node.left, node.right], ("per_minute",)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            sides, words = [node.value], ("WINDOW", "window_s", "MINUTE")
        else:
            continue
        if lengths & set(map(ast.unparse, sides)) and any(word in name for name in names_in(node) for word in words):
            yield node


def names_of_requests(tree: ast.AST) -> Iterator[ast.AST]:
    """Messages that name a request by its endpoint alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FormattedValue) and ast.unparse(node.value) == "endpoint.name":
            yield node


# The question; what gives an answer away; where it is answered; the parts of the package that are looked at.
# ``kore/stand_ins`` asks only whether the service says when to come back.
QUESTIONS: dict[str, tuple[Finder, set[str], tuple[str, ...]]] = {
    "is it the same run?": (comparisons_of_runs, {"kore/runs"}, ("",)),
    "is the campaign at rest?": (judgements_of_rest, {"kore/campaigns"}, ("",)),
    "is it provably not there?": (beliefs_in_not_found, {"kore/presence"}, ("",)),
    "how long may I wait?": (other_words_for_patience, {"kore/budget", "kore/budget_ledger"}, ("kore/", "actions/")),
    "how long does a rate limit last?": (waits_after_a_rate_limit, {"kore/retry", "kore/stand_ins"}, ("",)),
    "is this result final?": (tables_of_outcomes, {"reports/pending"}, ("",)),
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
        (other_words_for_patience, "deadline = clock.monotonic() + 60.0"),
        (waits_after_a_rate_limit, "error.retry_after_s is not None"),
        (comparisons_of_runs, "run_of(one) != run_of(two)"),
        (comparisons_of_runs, "a, b = one.campaign_instance_id, two.campaign_instance_id\nif a != b: pass"),
        (comparisons_of_runs, "run = manifest['campaign_instance_id']\nis_it = run == other"),
        (judgements_of_rest, "campaign.status.is_ended or campaign.status == 'Ready'"),
        (judgements_of_rest, "status in (CampaignStatus.STOPPED, CampaignStatus.COMPLETED, CampaignStatus.READY)"),
        (beliefs_in_not_found, "try:\n    one = self._reader.read(it)\nexcept KoreNotFoundError:\n    pass"),
        (waits_after_a_rate_limit, "error.retry_after_s or 60.0"),
        (waits_after_a_rate_limit, "max(error.retry_after_s, 5)"),
        (waits_after_a_rate_limit, "error.retry_after_s if is_limit else 5"),
        (tables_of_outcomes, "NOT_FINAL = frozenset(('in-progress', 'waitingForDisposition'))"),
        (minutes, "WINDOW_S = 60.0"),
        (minutes, "class Budget:\n    window_s: float = 60.0"),
        (minutes, "A_MINUTE = timedelta(minutes=1)"),
        (minutes, "a_second = settings.requests_per_minute / 60"),
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
        (comparisons_of_runs, "run = campaign.campaign_instance_id\nif run is None: pass"),
        (judgements_of_rest, "status in (CampaignStatus.STOPPED, CampaignStatus.COMPLETED)"),
        (beliefs_in_not_found, "try:\n    self._reader.read(it)\nexcept KoreRequestError:\n    pass"),
        (waits_after_a_rate_limit, "KoreBudgetError('no place', retry_after_s=error.retry_after_s)"),
        (waits_after_a_rate_limit, "pause_after(error) or 5"),
        (other_words_for_patience, "left_s = countdown(60.0, clock.monotonic)"),
        (tables_of_outcomes, "row['dialerOutcome'] == 'waitingForDisposition'"),
        (minutes, "POLL_S = 60.0"),
        (minutes, "requests_per_minute: int = 60"),
        (minutes, "DAY_MINUTES = 24 * 60"),
        (names_of_requests, "KoreError(endpoint.name)"),
    ],
)
def test_finder__leaves_alone(finder: Finder, code: str) -> None:
    """What asks something else is not taken for it."""
    assert list(finder(ast.parse(code))) == []


def test_predicate__has_one_meaning() -> None:
    """No two functions of modules ask by one name, ``is_...``, with or without an underscore, two things."""
    names = [
        node.name.lstrip("_")
        for tree in TREES.values()
        for node in ast.iter_child_nodes(tree)
        if isinstance(node, ast.FunctionDef) and node.name.lstrip("_").startswith("is_")
    ]

    assert sorted(name for name in names if names.count(name) > 1) == []
