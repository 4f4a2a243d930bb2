"""``DeleteApprovalOperator``: one question to a person, about all the reports of an evening."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException
from airflow.providers.standard.operators.hitl import ApprovalOperator

from airflow_provider_campaigns import reports
from airflow_provider_campaigns.actions import evening
from airflow_provider_campaigns.actions.outcomes import MISSING
from airflow_provider_campaigns.kore.errors import KoreError
from airflow_provider_campaigns.operators.pulled import ANSWER_KEY, ASKED_KEY, pulled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow.providers.common.compat.sdk import Context


class DeleteApprovalOperator(ApprovalOperator):
    """Ask whether the campaigns that were reported may be deleted, with figures and links of every report.

    Nobody is asked where nothing is left to decide: every campaign is gone already. Without a report it skips. Of a
    task that was cleared after it had asked, Airflow (3.3) goes on showing the first question; the log has today's.

    What it asks about is kept before the answer comes, as ``asked``: the answer covers those reports and no other.

    Args:
        settled_task_id: the mapped task whose results say what became of each campaign.
        report_task_id: the mapped task whose results are the reports.
        response_timeout: how long an answer is waited for; then the answer is Reject.
        assigned_users: who may answer; anybody by default.
        notifiers: who is told that there is a question.
    """

    def __init__(self, *, settled_task_id: str, report_task_id: str, **kwargs: Any) -> None:
        super().__init__(
            subject="Delete the campaigns that were reported?",
            body="The figures and links of all reports are written here when they are there.",
            defaults=self.REJECT,
            **kwargs,
        )
        self.settled_task_id = settled_task_id
        self.report_task_id = report_task_id

    def execute(self, context: Context) -> Any:
        """Write the question, and wait for its answer."""
        made = pulled(context, self.report_task_id)
        if not made:
            raise AirflowSkipException("there is no report, so there is nothing to delete")
        context["ti"].xcom_push(key=ASKED_KEY, value=evening.asked_about(made))
        gone = {one["campaign_id"] for one in pulled(context, self.settled_task_id) if one["status"] == MISSING}
        left = [report for report in made if report["campaign_id"] not in gone]
        if not left:
            self.log.info("every campaign is gone already; nobody is asked")
            context["ti"].xcom_push(key=ANSWER_KEY, value=self.APPROVE)
            return {"chosen_options": [self.APPROVE], "params_input": {}, "responded_by_user": None}
        self.subject = f"Delete {len(left)} campaign{'s' if len(left) > 1 else ''}?"
        self.body = question(left, gone)
        # Airflow 3.3 keeps the text of the first question for every further one of the same task.
        self.log.info("%s\n%s", self.subject, self.body)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Take the answer; after Reject, what comes next is skipped."""
        if "error" not in event:
            context["ti"].xcom_push(key=ANSWER_KEY, value=event["chosen_options"][0])
        return super().execute_complete(context, event)


def question(left: Iterable[Mapping[str, Any]], gone: Iterable[str]) -> str:
    """What a person needs to decide, as Markdown; no phone number, no contact."""
    lines = [
        "After a delete the service keeps nothing of a campaign but what is in these reports. It cannot be undone.",
        "",
        "| campaign | status | contacts | never reached | outcomes | complete | report |",
        "|---|---|---:|---:|---|---|---|",
    ]
    proofs: dict[str, int] = {}
    for report in left:
        proof = reports.proof_in_words(
            report["proven_by"], report["readings"], report.get("pending"), complete=report["complete"]
        )
        figures = _figures(report.get("files", {}).get(reports.SUMMARY_NAME))
        cells = (
            _cell(report.get("name") or report["campaign_id"]),
            _cell(report["status"]),
            _cell(report.get("rows")),
            _cell((figures.get("contacts") or {}).get("never_reached")),
            _cell(", ".join(f"{count} {one or 'in progress'}" for one, count in _most(figures.get("outcomes")))),
            f"{_completeness(report)} ({proofs.setdefault(proof, len(proofs) + 1)})",
            _address(report.get("files", {}).get(reports.PAGE_NAME) or report["report_url"]),
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "How that was found, by its number:", "", *(f"{number}. {proof}" for proof, number in proofs.items())]
    if gone := sorted(gone):
        lines += ["", f"Gone already: {', '.join(gone)}."]
    lines += [
        "",
        "If this task was cleared after it had asked before, Airflow shows what it asked then; its log has today's.",
    ]
    return "\n".join(lines)


def _completeness(report: Mapping[str, Any]) -> str:
    if not report["complete"]:
        return f"**no**, {_cell(report['reason'])}: will not be deleted"
    pending = report.get("pending")
    return f"yes, **{pending} not final**" if pending else "yes"


def _figures(url: str | None) -> Mapping[str, Any]:
    """A report's own summary; nothing if it cannot be read, because the question matters more than its figures."""
    from airflow.providers.common.compat.sdk import ObjectStoragePath  # noqa: PLC0415 - loads fsspec

    try:
        folder, _, name = (url or "").rpartition("/")
        found = json.loads(reports.Folder(ObjectStoragePath(folder)).read(name)) if url else None
    except (KoreError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _most(outcomes: Any) -> list[tuple[str, int]]:
    return list(outcomes.items())[:4] if isinstance(outcomes, dict) else []


def _cell(value: object) -> str:
    """Text that cannot end its cell, begin a link, or become HTML."""
    if value is None:
        return "-"
    text = " ".join(str(value).split())
    for special in "\\`*_[]<>|#":
        text = text.replace(special, f"\\{special}")
    return text


def _address(url: str) -> str:
    """An address to copy: of a link to ``file://`` or ``s3://`` Airflow's page takes the address away (3.3.2)."""
    in_a_table = url.replace("|", r"\|")
    return _cell(url) if "`" in url else f"`{in_a_table}`"
