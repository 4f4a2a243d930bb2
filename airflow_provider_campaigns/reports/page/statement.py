"""Is the report complete? The statement at the head of the page, in words for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.kore.campaigns import CampaignStatus
from airflow_provider_campaigns.reports.page.text import number, plural, shown
from airflow_provider_campaigns.reports.proof import proof_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WARNING = "Do not delete the campaign on the strength of this report: after a delete, what is missing here is lost."

# For each reason of an incomplete report: the headline, and the words for where the manifest has none of its own.
_REASONS = {
    "running": (
        "Incomplete: a snapshot of a campaign that had not ended",
        "The campaign was still running when it was read. Its figures may have changed since.",
    ),
    "not_ended": (
        "Incomplete: the campaign had not ended",
        "When it was read, the campaign was not in a status in which its results are final.",
    ),
    "total_shrank": (
        "Incomplete: contacts have disappeared",
        "The service now counts fewer contacts than it did right before the campaign was stopped.",
    ),
    "empty": (
        "Incomplete: there are no results",
        "The campaign has run, but the service returned no contact.",
    ),
    "rows_missing": (
        "Incomplete: contacts are missing",
        "The number of contacts that could be read is not the number that the service counts.",
    ),
    "run_unknown": (
        "Incomplete: nothing tells which run this is",
        "The service named neither the campaign's run nor when the campaign was changed.",
    ),
    "changed_while_reading": (
        "Incomplete: the campaign changed while it was read",
        "What was read first and what was read last may belong to different states of the campaign.",
    ),
    "says_less": (
        "Incomplete: results have been emptied",
        "Of contacts that had results before the campaign was stopped, the service says less now, or nothing.",
    ),
    "pages_unstable": (
        "Incomplete: contacts may be missing",
        "The service gave some contacts on several of its pages, and others perhaps on none.",
    ),
    "pending": (
        "Incomplete: results are still coming",
        "Calls were going on, or agents had yet to say how they went, when the campaign was read.",
    ),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """The statement.

    Attributes:
        complete: nothing that the service holds is missing.
        title: the headline.
        sentences: what it means, and what it rests on.
    """

    complete: bool
    title: str
    sentences: tuple[str, ...]


def statement_of(manifest: Mapping[str, Any]) -> Statement:
    """What the manifest says about completeness."""
    if manifest["complete"]:
        return Statement(True, "Complete", tuple(_grounds(manifest)))
    reason = manifest["reason"]
    title, words = _REASONS.get(reason, ("Incomplete", f"The reason given is: {shown(str(reason))}."))
    sentences = [_sentence(manifest["reason_text"] or words), _figures(manifest), _proof(manifest), _WARNING]
    return Statement(False, title, tuple(filter(None, sentences)))


def _grounds(manifest: Mapping[str, Any]) -> Iterator[str]:
    """What a complete report rests on."""
    rows, before = manifest["rows"], manifest["contacts_before_stop"]
    if not manifest["contact_results"]:
        yield "Everything that the service holds is here. For an SMS campaign that is no result for each contact."
    elif rows:
        yield (
            f"Every result that the service holds is in this report: {plural(rows, 'contact')}, "
            "read after the campaign had ended and counted against the service's own total."
        )
    elif manifest["campaign_instance_id"] is None and not CampaignStatus(manifest["status"]).is_ended:
        yield "The campaign has never run, so it has no results that could be missing."
    else:
        yield "The campaign has run, but the service returned no contact; whoever ordered the report had allowed that."
    yield _proof(manifest)
    if before is not None:
        yield f"Right before the stop the service counted {number(before)}; none is missing."
    if manifest["pending"]:
        yield "What is not final was waited for no longer; what the service has added to it since is not here."
    if manifest["duplicate_rows"]:
        yield f"{plural(manifest['duplicate_rows'], 'row')} occurred more than once, as the service returned them."


def _sentence(text: str) -> str:
    """A reason as a sentence: the manifest's are written to stand after a colon."""
    given = shown(text)
    return f"{given[:1].upper()}{given[1:]}{'' if given.endswith('.') else '.'}"


def _figures(manifest: Mapping[str, Any]) -> str:
    """The counts that can be compared, for an incomplete report of contacts."""
    if not manifest["contact_results"]:
        return ""
    counted = f"Read: {number(manifest['rows'])}. Counted by the service at that time: {number(manifest['total'])}."
    if manifest["contacts_before_stop"] is not None:
        counted += f" Counted right before the stop: {number(manifest['contacts_before_stop'])}."
    return counted


def _proof(manifest: Mapping[str, Any]) -> str:
    complete, pending = manifest["complete"], manifest["pending"]
    return _sentence(proof_in_words(manifest["proven_by"], manifest["passes"], pending, complete=complete))
