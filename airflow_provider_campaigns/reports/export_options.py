"""What a report is to be, and what is known of its campaign beforehand."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_campaigns.reports.rows import PhoneNumbers


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What a report is to be.

    Attributes:
        formats: as ``checked_formats`` gave them.
        phone_numbers: as they are, as hashes, or left out.
        allow_empty: a run without contacts counts as complete.
        if_no_contact_results: ``fail``, or ``totals`` for a report of totals only, where the service refuses the
            results of an SMS campaign by contact, or has none while it counts messages.
        contacts_before_stop: contacts that the stop saw right before it; None where that is not known.
        stopped_at: when the campaign was stopped, in ISO 8601; None where that is not known.
    """

    formats: tuple[str, ...] = ("jsonl", "csv", "html")
    phone_numbers: PhoneNumbers = PhoneNumbers.KEEP
    allow_empty: bool = False
    if_no_contact_results: str = "fail"
    contacts_before_stop: int | None = None
    stopped_at: str | None = None
