"""The question that one person answers for an evening."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG, BaseOperator
from saved_report import url_of
from task_runner import TaskRun, run_task

from airflow_provider_campaigns.lifecycle import approved_deletes
from airflow_provider_campaigns.operators.approval import DeleteApprovalOperator, question

if TYPE_CHECKING:
    from pathlib import Path

SUMMARY = {
    "contacts": {"total": 1200, "rows": 1200, "never_reached": 412, "in_progress": 0},
    "outcomes": {"completed": 553, "no-answer": 225, "busy": 112, "failed": 60, "invalid": 40, "": 12},
}


def report(path: Path, **fields: Any) -> dict[str, Any]:
    """What a report's task returns, as far as a question needs it."""
    url = fields.get("report_url", url_of(path))
    return {
        "campaign_id": "cd-1",
        "name": "Spring",
        "status": "Stopped",
        "rows": 1200,
        "complete": True,
        "reason": None,
        "proven_by": "one_reading",
        "readings": 1,
        "pending": 0,
        "report_url": url,
        "manifest_sha256": "5f" * 32,
        "files": {"summary.json": f"{url}/summary-5f.json", "report.html": f"{url}/report-5f.html"},
        **fields,
    }


def ask(monkeypatch: pytest.MonkeyPatch, reports: list[Any], settled: list[Any]) -> TaskRun:
    operator = DeleteApprovalOperator(task_id="approve", settled_task_id="settle", report_task_id="report")
    return run_task(operator, monkeypatch, upstream={"report": reports, "settle": settled})


def test_question__figures(tmp_path: Path) -> None:
    """Contacts, those never reached, the outcomes that occur most, whether it is complete, and where its page is."""
    (tmp_path / "summary-5f.json").write_text(json.dumps(SUMMARY))

    lines = question([report(tmp_path)], []).splitlines()

    assert lines[2:8] == [
        "| campaign | status | contacts | never reached | outcomes | complete | report |",
        "|---|---|---:|---:|---|---|---|",
        (
            "| Spring | Stopped | 1200 | 412 | 553 completed, 225 no-answer, 112 busy, 60 failed | yes (1) "
            f"| `file://{tmp_path}/report-5f.html` |"
        ),
        "",
        "How that was found, by its number:",
        "",
    ]
    assert lines[8] == "1. proven: the pages stood still while they were read; 1 reading; all results final"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://my_aws@results/a_b", "| `s3://my_aws@results/a_b/report-5f.html` |"),
        ("file:///a|b", "| `file:///a\\|b/report-5f.html` |"),
        ("file:///a`b_c", "| file:///a\\`b\\_c/report-5f.html |"),
    ],
)
def test_question__address(url: str, shown: str, tmp_path: Path) -> None:
    """The address of a page is there to be copied, and cannot end its cell: Airflow would drop a link to it."""
    assert question([report(tmp_path, report_url=url)], []).splitlines()[4].endswith(shown)


def test_question__without_a_page(tmp_path: Path) -> None:
    """Of a report that has no page the folder is named."""
    assert question([report(tmp_path, files={})], []).splitlines()[4].endswith(f"| `file://{tmp_path}` |")


@pytest.mark.parametrize("summary", [None, "", "[]", "{}", '{"contacts": null, "outcomes": []}'])
def test_question__without_figures(tmp_path: Path, summary: str | None) -> None:
    """A summary that cannot be read, or says nothing, keeps nobody from being asked."""
    if summary is not None:
        (tmp_path / "summary-5f.json").write_text(summary)

    assert "| Spring | Stopped | - | - |  | yes (1) |" in question([report(tmp_path, rows=None)], [])


def test_question__incomplete_and_gone(tmp_path: Path) -> None:
    """A report that is not complete is shown as what it is, and what is gone is named."""
    incomplete = report(tmp_path, complete=False, reason="rows_missing", proven_by=None, readings=2)
    text = question([incomplete], ["cd-3", "cd-2"])

    assert "| **no**, rows\\_missing: will not be deleted (1) |" in text
    assert "\n1. not proven; 2 readings; all results final\n\nGone already: cd-2, cd-3.\n" in text


@pytest.mark.parametrize(
    ("proven_by", "readings", "pending", "cell", "proof"),
    [
        ("gathered", 4, 0, "yes (1)", "proven: all readings together hold each contact; 4 readings; all results final"),
        (
            *("same_rows_twice", 2, 3),
            "yes, **3 not final** (1)",
            "proven: a further reading found the same rows; 2 readings; 3 results not final",
        ),
        ("totals", 1, None, "yes (1)", "proven: by totals only, as there are no results by contact; 1 reading"),
    ],
)
def test_question__proof(
    tmp_path: Path, proven_by: str, readings: int, pending: int | None, cell: str, proof: str
) -> None:
    """Who is asked sees how a report was proven, in how many readings, and how many results never became final."""
    text = question([report(tmp_path, proven_by=proven_by, readings=readings, pending=pending)], [])

    assert f"| {cell} |" in text
    assert f"\n1. {proof}\n" in text


def test_question__proofs_of_many(tmp_path: Path) -> None:
    """What is the same for many is said once: fifty campaigns are a table that can be read."""
    gathered = report(tmp_path, name="Moved", proven_by="gathered", readings=4)
    lines = question([report(tmp_path), gathered, report(tmp_path)], []).splitlines()

    assert [line.split(" | ")[5] for line in lines[4:7]] == ["yes (1)", "yes (2)", "yes (1)"]
    assert lines[10:13] == [
        "1. proven: the pages stood still while they were read; 1 reading; all results final",
        "2. proven: all readings together hold each contact; 4 readings; all results final",
        "",
    ]


def test_question__escaped(tmp_path: Path) -> None:
    """A name cannot end its cell, begin a link, or become HTML."""
    text = question([report(tmp_path, name="a|b [x](y)\n<b>*")], [])

    assert "| a\\|b \\[x\\](y) \\<b\\>\\* | Stopped |" in text


def test_execute__asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One question for all that are there; those that are gone are left out of it."""
    asked: dict[str, Any] = {}
    monkeypatch.setattr(
        "airflow.providers.standard.operators.hitl.upsert_hitl_detail", lambda **values: asked.update(values)
    )
    reports = [report(tmp_path), report(tmp_path, campaign_id="cd-2", name="Gone")]
    settled = [{"campaign_id": "cd-1", "status": "Stopped"}, {"campaign_id": "cd-2", "status": "Missing"}]

    done = ask(monkeypatch, reports, settled)

    assert done.state in {"awaiting_input", "deferred"}
    assert asked["subject"] == "Delete 1 campaign?"
    assert (asked["options"], asked["defaults"]) == (["Approve", "Reject"], ["Reject"])
    assert "| Spring |" in asked["body"]
    assert "| Gone |" not in asked["body"]
    assert done.xcoms["asked"] == [
        {"campaign_id": "cd-1", "manifest_sha256": "5f" * 32},
        {"campaign_id": "cd-2", "manifest_sha256": "5f" * 32},
    ]


def test_execute__all_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked where nothing is left to delete."""
    done = ask(monkeypatch, [report(tmp_path)], [{"campaign_id": "cd-1", "status": "Missing"}])

    assert done.state == "success"
    assert done.result["chosen_options"] == ["Approve"]
    assert [one["campaign_id"] for one in done.xcoms["asked"]] == ["cd-1"]


def test_execute__no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a report there is nothing to decide."""
    assert ask(monkeypatch, [], []).state == "skipped"


@pytest.mark.parametrize("option", ["Approve", "Reject"])
def test_execute_complete__keeps_the_answer(monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    """The answer is kept by itself, because Airflow keeps no return value of a task that skips what comes next."""
    operator = DeleteApprovalOperator(task_id="approve", settled_task_id="settle", report_task_id="report")
    with DAG("campaigns", schedule=None) as dag:
        dag.add_task(operator)
        operator >> BaseOperator(task_id="after")
    event = {
        "chosen_options": [option],
        "params_input": {},
        "responded_at": datetime(2026, 3, 2, 12, 30, tzinfo=UTC),
        "responded_by_user": None,
    }

    done = run_task(operator, monkeypatch, resume=("execute_complete", {"event": event}))

    assert done.state == "success"
    assert done.xcoms["answer"] == option
    assert ("return_value" in done.xcoms) is (option == "Approve")


def to_delete(monkeypatch: pytest.MonkeyPatch, reports: list[Any], asked: list[Any], *, by_id: bool = True) -> Any:
    """What the task after the approval hands on to the deletes."""
    with DAG("campaigns", schedule=None):
        approved = approved_deletes("report", "approve", by_id=by_id)
    return run_task(approved.operator, monkeypatch, upstream={"report": reports, "approve": asked}).result


@pytest.mark.parametrize("by_id", [True, False])
def test_approved_deletes__shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_id: bool) -> None:
    """What was asked about is deleted: with its report, and by its id where that was named."""
    shown = report(tmp_path)
    asked = [{"campaign_id": "cd-1", "manifest_sha256": "5f" * 32}]

    assert to_delete(monkeypatch, [shown], asked, by_id=by_id) == [
        {"report": shown, "campaign_id": "cd-1"} if by_id else {"report": shown}
    ]


@pytest.mark.parametrize(
    "asked",
    [
        [],
        [{"campaign_id": "cd-2", "manifest_sha256": "5f" * 32}],
        [{"campaign_id": "cd-1", "manifest_sha256": "60" * 32}],
    ],
)
def test_approved_deletes__not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[Any]) -> None:
    """A report that was made, or made again, while the question stood is not covered by its answer."""
    assert to_delete(monkeypatch, [report(tmp_path)], asked) == []
