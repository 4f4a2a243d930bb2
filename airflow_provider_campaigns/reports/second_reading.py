"""Right before a delete: does its report still hold everything that the service has? All is read once more.

Results may be written after a report: dispositions, outcomes, further contacts. So what a delete reads becomes a report
of its own beside the one that was given, if there is anything new in it.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from airflow_provider_campaigns.kore.errors import KoreError
from airflow_provider_campaigns.reports.digests import Difference, Digester, compare, is_comparable_with
from airflow_provider_campaigns.reports.errors import ReportRefusedError
from airflow_provider_campaigns.reports.export_options import ExportOptions
from airflow_provider_campaigns.reports.fit import check_fit, check_report
from airflow_provider_campaigns.reports.gathering import Reading
from airflow_provider_campaigns.reports.manifest import DIGESTS_NAME, Reason
from airflow_provider_campaigns.reports.parts import PARTS_FOLDER
from airflow_provider_campaigns.reports.publish import Publisher
from airflow_provider_campaigns.reports.rows import PhoneNumbers, key_from
from airflow_provider_campaigns.reports.superseded import mark_superseded
from airflow_provider_campaigns.reports.verdict import contacts_in, judge
from airflow_provider_campaigns.reports.whole_reading import page_of, whole_reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_campaigns.kore.campaigns import Campaign
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.clock import Clock
    from airflow_provider_campaigns.reports.fit import CheckedReport
    from airflow_provider_campaigns.reports.verdict import Facts, Verdict
    from airflow_provider_campaigns.reports.whole_reading import Found

log = logging.getLogger(__name__)

_ANEW = "Run the report again, which reads everything anew, and delete with what it returns"
_AGAIN = "Run this again. If it stays so, refresh=True has the report read everything anew, and says what is wrong"


def verify_report(
    client: KoreClient, campaign: Campaign, report: CheckedReport, *, how: str, clock: Clock
) -> CheckedReport:
    """Read the campaign's results once more, and make sure that nothing of them would be lost.

    What only adds to the report is written beside it, as a report in the same formats that takes its place, and
    justifies the delete instead. Costs one request for each page of 100 contacts, one more, and where there are several
    pages another. Where there is something new, or something amiss, the campaign is read as well; where all is as it
    was, the caller has to see that the campaign is unchanged, right before the delete.

    Args:
        client: where the campaign is.
        campaign: as it was just read, over.
        report: a complete report that fits it.
        how: ``all``; or ``ends`` for the number of contacts, the first and the last page, which proves less. What is
            not as it was there leads to a reading of all.
        clock: the time it lives in; asked between pages whether to end.

    Returns:
        The report that holds everything.

    Raises:
        ReportRefusedError: the service takes something of the report away, and the next report is read anew; or the
            results cannot be read as a whole now; or the report cannot be compared.
        ReportStorageError: the storage refuses.
        KoreError: the campaign cannot be read.
    """
    return _Second(client, campaign, report, clock).verify(how)


class _Second:
    """One call of ``verify_report``."""

    def __init__(self, client: KoreClient, campaign: Campaign, report: CheckedReport, clock: Clock) -> None:
        self._client = client
        self._campaign = campaign
        self._report = report
        self._folder, self._kept = report.folder, report.manifest
        self._clock = clock
        self._key = key_from(client.settings.client_secret)

    def verify(self, how: str) -> CheckedReport:
        if not is_comparable_with(self._kept, self._key):
            self._refuse(
                "was made with another client secret than this connection has, or by an earlier version of this "
                "package, so nothing tells whether the service has more by now"
            )
        if how == "ends" and self._ends_agree():
            return replace(self._report, verified="ends")
        kept = self._kept
        options = ExportOptions(
            kept.formats,
            phone_numbers=PhoneNumbers(kept.phone_numbers),
            allow_empty=kept.allow_empty,
            if_no_contact_results="fail" if kept.contact_results else "totals",
            contacts_before_stop=kept.contacts_before_stop,
            stopped_at=kept.stopped_at,
        )
        publisher = Publisher(self._client, self._folder, options, kept, self._clock)
        self._folder.remove_folder(PARTS_FOLDER)  # a task that was killed may have read its pages hours ago
        reading = whole_reading(
            self._client, self._campaign, self._folder, options, self._clock, is_looked_at_after=True
        )
        with reading as read:
            found, difference = read, self._difference(read)
            if difference is not None or self._judge(read).reason is not None:
                after = self._client.get_campaign(self._campaign.campaign_id)
                found = replace(read, facts=replace(read.facts, after=after))
            verdict = self._judge(found)
            if verdict.reason is not None:
                self._folder.remove_folder(PARTS_FOLDER)
                check_fit(kept, found.facts.after, self._folder)  # says it better of one that was started again
                self._refuse(f"is not borne out: {verdict.text}", verdict.reason)
            if difference is None:
                self._folder.remove_folder(PARTS_FOLDER)
                return replace(self._report, verified="all")
            if difference.lost:
                self._folder.remove_folder(PARTS_FOLDER)  # what is read anew begins with the first page
                self._refuse(f"is not borne out: {self._loss(found.facts, difference)}", Reason.SAYS_LESS)
            new = publisher.publish(found, verdict, extends=(kept.sha256, *kept.extends))
        log.info(
            "campaign %s: its results have grown since the report of %s; what was read now is in %s",
            new.campaign_id,
            kept.finished_at,
            self._folder.url(),
        )
        checked = check_report(self._folder, found.facts.after, manifest_sha256=new.sha256)
        return replace(checked, given_sha256=self._report.given_sha256 or kept.sha256, verified="all")

    def _judge(self, found: Found) -> Verdict:
        """Whether what was read now is all there is."""
        kept = self._kept
        return judge(
            found.facts,
            contacts_before_stop=kept.contacts_before_stop,
            allow_empty=kept.allow_empty,
            contacts_seen=max(contacts_in(kept), found.contacts_seen),
        )

    def _difference(self, found: Found) -> Difference | None:
        """What the service has and the report has not, and the other way round; None if there is nothing."""
        if found.facts.total is None:
            return self._difference_in_messages(found.facts.messages_sent)
        difference = compare(self._kept_digests, found.contents.digests, rows=found.facts.rows)
        is_none = not difference.lost and not difference.new and self._kept.contact_results
        return None if is_none else difference

    def _difference_in_messages(self, now: int | None) -> Difference | None:
        """The same where the number of messages is all that there is; one that is no longer told is less."""
        before = self._kept.messages_sent
        if now == before:
            return None
        is_less = before is not None and (now is None or now < before)
        return Difference(lost=int(is_less), new=int(not is_less))

    def _loss(self, facts: Facts, difference: Difference) -> str:
        """What the service takes away of the report."""
        if facts.total is not None:
            return (
                f"of {difference.lost} of its {self._kept.rows} contacts the service has less than the report, such as "
                "no outcome or disposition any more, or another"
            )
        now = "does not tell how many any more" if facts.messages_sent is None else f"counts {facts.messages_sent} now"
        return f"it has {self._kept.messages_sent} messages, and the service {now}"

    def _ends_agree(self) -> bool:
        """True if number of contacts, first and last page are as the report has them.

        They must be the pages that were asked for: a service that gives the same page whichever is asked for shows one
        end only, and one that gives fewer rows on a page, or counts its pages wrongly, may have another end.
        """
        kept, client = self._kept, self._client
        if not kept.contact_results:
            return False
        first = client.get_contact_page(self._campaign.campaign_id)
        ends = {1: first}
        if first.total_pages > 1:
            ends[first.total_pages] = client.get_contact_page(self._campaign.campaign_id, page=first.total_pages)
        if {(one.total_results, one.total_pages) for one in ends.values()} != {(kept.total, first.total_pages)}:
            return False
        reading, pages = Reading(), []
        for number, one in ends.items():
            page = page_of(one, kept.campaign_id, PhoneNumbers(kept.phone_numbers), self._key)
            pages.append(reading.checked(page, is_asked_for=one.page == number))
            reading.add(pages[-1])
        before_the_last = len(pages[0].lines) * (first.total_pages - 1)
        is_where_it_ends = before_the_last + len(pages[-1].lines) == kept.total
        if reading.wrong_pages or reading.duplicates or not is_where_it_ends:
            return False
        digester, known = Digester(self._key, kept.left_out), set(self._kept_digests())
        return all(known.issuperset(digester.lines_of(page).splitlines(keepends=True)) for page in pages)

    def _kept_digests(self) -> Iterable[bytes]:
        name = self._kept.name_of(DIGESTS_NAME)
        return () if name is None else self._folder.lines(name)

    def _refuse(self, what: str, reason: Reason | None = None) -> NoReturn:
        """Refuse; a report of which something was taken away is not to be kept by the next one."""
        may_pass = reason is not None and reason.is_transient
        if reason in {Reason.SAYS_LESS, Reason.TOTAL_SHRANK, Reason.EMPTY}:
            try:
                mark_superseded(self._folder, self._kept, what, at=self._clock.now())
            except KoreError as error:
                log.warning("campaign %s: %s", self._campaign.campaign_id, error)
        raise ReportRefusedError(
            f"campaign {self._campaign.campaign_id}: the report {self._folder.url()} {what}. Nothing was deleted. "
            + (_AGAIN if may_pass else _ANEW),
            campaign_id=self._campaign.campaign_id,
            retryable=may_pass,
        )
