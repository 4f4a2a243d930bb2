"""Exporting one campaign: pages into parts, parts into files, and last the manifest.

A process may be killed at any instant. What it has read is in parts of ten pages, and the next try goes on behind the
last of them; a file is there whole or not at all; and without a manifest there is no report. All files but the manifest
are equal, byte by byte, however often an export was killed on the way.
"""

from __future__ import annotations

import hashlib
import logging
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns import __version__
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.clock import instant_text
from airflow_provider_campaigns.kore.errors import KoreResponseError
from airflow_provider_campaigns.kore.runs import has_run
from airflow_provider_campaigns.reports.contents import Contents
from airflow_provider_campaigns.reports.errors import ReportError
from airflow_provider_campaigns.reports.export_progress import ExportProgress
from airflow_provider_campaigns.reports.export_state import PAGE_SIZE, ExportState
from airflow_provider_campaigns.reports.finite import finite
from airflow_provider_campaigns.reports.gathering import MOST_READINGS, Gathered, Reading
from airflow_provider_campaigns.reports.kept_page import write_page_again
from airflow_provider_campaigns.reports.manifest import (
    CAMPAIGN_NAME,
    CONTACT_FILES,
    MANIFEST_NAME,
    PAGE_NAME,
    SUMMARY_NAME,
    Manifest,
    Reason,
    json_bytes,
)
from airflow_provider_campaigns.reports.page.render import render_page
from airflow_provider_campaigns.reports.parts import NO_PAGE, PARTS_FOLDER, Page, Parts
from airflow_provider_campaigns.reports.read_ahead import read_ahead, readers_for
from airflow_provider_campaigns.reports.rows import PhoneNumbers, Treatment, json_line, key_from
from airflow_provider_campaigns.reports.verdict import Facts, Verdict, contacts_in, judge, may_be_about, state_of

if TYPE_CHECKING:
    from airflow_provider_campaigns.kore.campaigns import Campaign, ContactPage
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.clock import Clock
    from airflow_provider_campaigns.reports.folder import FileEntry, Folder

log = logging.getLogger(__name__)

_FEWER = 3
"""Rows on a page than in the reading before: what was lost between two of its pages lies within one of these."""


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


def export_report(
    client: KoreClient,
    campaign: Campaign,
    folder: Folder,
    options: ExportOptions,
    *,
    kept: Manifest | None,
    clock: Clock,
) -> Manifest:
    """Read every contact of a campaign's latest run, and write a report of it.

    Costs one request for each page of 100 contacts, and four more; twice that if anything moved meanwhile, and up to
    ten times that while contacts move from page to page.

    Args:
        client: where the campaign is.
        campaign: as it was just read.
        folder: of this run; local files are written aside in its ``_parts``.
        options: what the report is to be.
        kept: the manifest that is in the folder; an incomplete report never takes the place of a complete one, or of
            one that holds more contacts. If it is about the same run, what it knows of the time before the stop
            holds for the new one too, and the new one is complete only if it holds no fewer contacts.
        clock: the time it lives in; asked between pages whether to end, where the next export then goes on.

    Returns:
        The manifest, as written.

    Raises:
        ReportError: what can be read now is not complete, and a complete report is kept in its place; or there are no
            results by contact, and ``if_no_contact_results`` is ``fail``.
        ReportStorageError: the storage refuses.
        KoreError: the campaign cannot be read.
    """
    return _Export(client, folder, options, kept, clock).run(campaign)


@dataclass(frozen=True, slots=True)
class _First:
    """The first page, which says how many there are.

    Attributes:
        page: its rows.
        pages: how many pages there are.
        total: how many contacts there are; None if the service has no results by contact.
    """

    page: Page
    pages: int
    total: int | None


_NO_RESULTS = _First(NO_PAGE, pages=0, total=None)


class _Export:
    """One call of ``export_report``."""

    def __init__(
        self, client: KoreClient, folder: Folder, options: ExportOptions, kept: Manifest | None, clock: Clock
    ) -> None:
        self._client = client
        self._folder = folder
        self._options = options
        self._kept = kept
        self._contacts_seen = 0
        self._clock = clock
        self._key = key_from(client.settings.client_secret)
        self._treatment = Treatment(options.phone_numbers, self._key)

    def run(self, campaign: Campaign) -> Manifest:
        if self._kept is not None and may_be_about(self._kept, campaign):
            self._learn_from(self._kept)
        state, first = self._begin(campaign)
        gathered = Gathered()
        for one in state.earlier:
            gathered.add(Parts(self._parts_folder, one))
        while True:
            contents = self._contents_of(first)
            try:
                facts, reading, again = self._read(campaign, first, state, contents)
                if facts.is_doubtful and facts.is_comparable:
                    gathered.add(Parts(self._parts_folder, state.parts))
                    alike = gathered.is_as_before and not reading.repeats_a_conversation
                    facts = replace(facts, is_confirmed=alike)
                if not facts.is_doubtful or (facts.is_stable and gathered.is_as_before):
                    return self._publish(facts, contents, state)
                if not facts.is_comparable and state.reading > 1:
                    return self._publish(facts, contents, state)
            finally:
                contents.discard()
            if facts.is_comparable and (gathered.is_done(facts.total) or state.reading == MOST_READINGS):
                return self._publish_gathered(facts, gathered, state)
            log.info("campaign %s: the pages moved while they were read; they are read again", campaign.campaign_id)
            campaign = facts.after
            state, first = self._read_again(facts, again, state)
            if not state.earlier:
                gathered = Gathered()

    def _read_again(self, facts: Facts, again: _First, state: ExportState) -> tuple[ExportState, _First]:
        """Begin one more reading; the ones before count if they are about what the campaign still is."""
        first, page_size = again, state.page_size
        if facts.is_comparable:
            page_size -= _FEWER
            first = self._read_first(facts.after, page_size)
        if first.total is None:  # refused after it was given: that is not how the service treats the campaign
            self._contacts_seen = max(self._contacts_seen, facts.rows)
        earlier = (*state.earlier, state.parts)
        if not facts.is_comparable or first.total != facts.total:
            self._folder.remove_folder(PARTS_FOLDER)
            earlier = ()
        state = ExportState(
            self._identity(facts.after, first), state.reading + 1, state.started_at, state.tries, page_size, earlier
        )
        state.keep(self._parts_folder)
        return state, first

    def _learn_from(self, kept: Manifest) -> None:
        """Take over what an earlier report of the same run knows."""
        self._contacts_seen = contacts_in(kept)
        options = self._options
        counts = [one for one in (options.contacts_before_stop, kept.contacts_before_stop) if one is not None]
        self._options = replace(
            options,
            contacts_before_stop=max(counts, default=None),
            stopped_at=options.stopped_at or kept.stopped_at,
        )

    # Reading

    def _read_first(self, campaign: Campaign, page_size: int) -> _First:
        """The first page; none if the service has no results by contact, which is no error where none are promised."""
        try:
            answer = self._client.get_contact_page(campaign.campaign_id, limit=page_size)
        except KoreResponseError as error:
            is_refused = not error.concerns_account and (error.status or 500) < 500
            is_odd = campaign.campaign_type is not CampaignType.SMS and (has_run(campaign) or error.retryable)
            if not is_refused or is_odd:
                raise
            self._accept_totals(campaign, f"are refused ({error})")
            return _NO_RESULTS if campaign.campaign_type is CampaignType.SMS else replace(_NO_RESULTS, total=0)
        is_empty = not answer.contacts and not answer.total_results
        if campaign.campaign_type is CampaignType.SMS and is_empty and not self._options.contacts_before_stop:
            if sent := self._messages_sent(campaign):
                self._accept_totals(campaign, f"are none, while the list of campaigns counts {sent} messages")
            return _NO_RESULTS
        page = self._page_of(answer) if answer.page == 1 else NO_PAGE
        return _First(page, answer.total_pages, answer.total_results)

    def _accept_totals(self, campaign: Campaign, what: str) -> None:
        """Go on without results by contact, if that is allowed; a campaign that never ran has none.

        Raises:
            ReportError: it is not. A refusal may pass, so the next try asks again.
        """
        said = f"campaign {campaign.campaign_id}: the results by contact {what}"
        if has_run(campaign) and self._options.if_no_contact_results != "totals":
            raise ReportError(
                f'{said}. Run this again; if the service has none, if_no_contact_results="totals" accepts a report of '
                "totals only",
                campaign_id=campaign.campaign_id,
                retryable=True,
            )
        log.info("%s", said)

    def _read(
        self, campaign: Campaign, first: _First, state: ExportState, contents: Contents
    ) -> tuple[Facts, Reading, _First]:
        """Read all pages from where an earlier try has come to; what was found, and the first page as it is then."""
        parts, reading = Parts(self._parts_folder, state.parts), Reading()
        progress = ExportProgress(campaign.campaign_id, first.pages, monotonic=self._clock.monotonic)
        done, last = 0, first.page
        for last in parts.replay():
            contents.add(last)
            reading.add(last)
            done += 1
        if done:
            progress.resume(done, contents.tally.rows)
        elif first.page.lines:
            parts.add(first.page)
            contents.add(first.page)
            reading.add(first.page)
            progress.add(len(first.page.lines))
            done = 1
        totals = {first.total}
        read = partial(self._client.get_contact_page, campaign.campaign_id, limit=state.page_size)
        numbers = range(done + 1, first.pages + 1) if done and not reading.is_hopeless else ()
        answers = read_ahead(
            lambda number: (number, read(page=number)),
            numbers,
            readers=readers_for(self._client.settings.requests_per_minute),
        )
        with closing(answers):
            for number, answer in answers:
                self._clock.check_cancelled()
                totals.add(answer.total_results)
                if not answer.contacts:
                    last = NO_PAGE
                    break  # or a total that is wrong would be followed by empty pages for ever
                last = reading.checked(self._page_of(answer), is_asked_for=answer.page == number)
                parts.add(last)
                contents.add(last)
                reading.add(last)
                progress.add(len(last.lines))
                if reading.is_hopeless:
                    break
        parts.flush()
        progress.end()
        self._clock.check_cancelled()
        again = self._read_first(campaign, state.page_size)
        is_stable = not reading.wrong_pages and again.page.digest == first.page.digest
        if is_stable and first.pages > 1:
            is_stable = self._page_of(read(page=first.pages)).digest == last.digest
        facts = Facts(
            before=campaign,
            after=self._client.get_campaign(campaign.campaign_id),
            total=first.total,
            rows=contents.tally.rows,
            duplicates=reading.duplicates,
            is_same_total=totals == {again.total} and again.pages == first.pages,
            is_stable=is_stable,
        )
        return facts, reading, again

    def _page_of(self, answer: ContactPage) -> Page:
        rows = [self._treatment.row_of(contact) for contact in answer.contacts]
        identities = [self._treatment.identity_of(contact) for contact in answer.contacts]
        return Page([json_line(row) for row in rows], rows, identities)

    # Going on where an earlier try was killed

    def _identity(self, campaign: Campaign, first: _First) -> dict[str, Any]:
        return {
            "campaign_id": campaign.campaign_id,
            "state": [campaign.campaign_instance_id, *state_of(campaign)],
            "is_scheduled": campaign.is_scheduled,
            "total": first.total,
            "pages": first.pages,
            "first_page": first.page.digest,
            "phone_numbers": str(self._options.phone_numbers),
            "key": hashlib.sha256(self._key).hexdigest()[:16],
        }

    def _begin(self, campaign: Campaign) -> tuple[ExportState, _First]:
        """The state that an earlier try left, one try on, or a new one if its reading was another; the first page."""
        found = ExportState.kept_in(self._parts_folder)
        page_size = PAGE_SIZE if found is None else found.page_size
        first = self._read_first(campaign, page_size)
        if found is not None and found.identity == self._identity(campaign, first):
            state = replace(found, tries=found.tries + 1)
        else:
            self._folder.remove_folder(PARTS_FOLDER)
            if page_size != PAGE_SIZE:
                first = self._read_first(campaign, PAGE_SIZE)
            started_at = instant_text(self._clock.now())
            state = ExportState(self._identity(campaign, first), reading=1, started_at=started_at, tries=1)
        state.keep(self._parts_folder)
        return state, first

    @property
    def _parts_folder(self) -> Folder:
        return self._folder.child(PARTS_FOLDER)

    # Writing

    def _contents_of(self, first: _First) -> Contents:
        return Contents(self._folder, () if first.total is None else self._options.formats)

    def _publish_gathered(self, facts: Facts, gathered: Gathered, state: ExportState) -> Manifest:
        """Publish what all readings have seen together, in the place of the latest."""
        contents = Contents(self._folder, self._options.formats)
        try:
            for page in gathered.pages():
                contents.add(page)
            rows = contents.tally.rows
            is_whole = gathered.is_whole(facts.total)
            facts = replace(facts, rows=rows, duplicates=rows - gathered.contacts, is_stable=is_whole)
            return self._publish(facts, contents, state)
        finally:
            contents.discard()

    def _publish(self, facts: Facts, contents: Contents, state: ExportState) -> Manifest:
        """Write the files and the manifest, unless what is there is better."""
        options, campaign = self._options, facts.after
        verdict = judge(
            facts,
            contacts_before_stop=options.contacts_before_stop,
            allow_empty=options.allow_empty,
            contacts_seen=self._contacts_seen,
        )
        if verdict.reason is not None and self._kept is not None and self._is_kept_better(self._kept, facts, verdict):
            return self._leave(self._kept, verdict)
        has_results = facts.total is not None
        manifest = Manifest(
            provider_version=__version__,
            complete=verdict.reason is None,
            reason=verdict.reason,
            reason_text=verdict.text,
            campaign_id=campaign.campaign_id,
            campaign_type=None if campaign.campaign_type is None else campaign.campaign_type.value,
            name=campaign.name,
            status=str(campaign.status),
            campaign_instance_id=facts.before.campaign_instance_id,
            created_at=campaign.created_at,
            updated_at=campaign.updated_at,
            contact_results=has_results,
            total=facts.total,
            rows=facts.rows if has_results else None,
            duplicate_rows=facts.duplicates,
            contacts_before_stop=options.contacts_before_stop,
            stopped_at=options.stopped_at,
            phone_numbers=options.phone_numbers,
            formats=options.formats,
            allow_empty=options.allow_empty,
            # No file but the manifest itself may depend on these.
            started_at="",
            finished_at="",
            tries=0,
            passes=state.reading,
            files={},
        )
        self._clock.check_cancelled()
        files = self._write_files(manifest, campaign, contents, facts)
        manifest = replace(
            manifest,
            started_at=state.started_at,
            finished_at=instant_text(self._clock.now()),
            tries=state.tries,
            files=files,
        )
        self._folder.write(MANIFEST_NAME, [manifest.as_bytes()])
        self._folder.remove_folder(PARTS_FOLDER)
        return manifest

    def _write_files(
        self, manifest: Manifest, campaign: Campaign, contents: Contents, facts: Facts
    ) -> dict[str, FileEntry]:
        sent = None if manifest.contact_results else self._messages_sent(campaign)
        summary = contents.tally.as_json(campaign, total=facts.total, messages_sent=sent)
        body = finite(campaign.raw)
        files = contents.commit()
        files[CAMPAIGN_NAME] = self._folder.write(CAMPAIGN_NAME, [json_bytes(body)])
        files[SUMMARY_NAME] = self._folder.write(SUMMARY_NAME, [json_bytes(summary)])
        if "html" in self._options.formats:
            page = render_page(campaign=body, summary=summary, manifest=manifest.as_json())
            files[PAGE_NAME] = self._folder.write(PAGE_NAME, [page.encode("utf-8", "replace")])
        for name in {*CONTACT_FILES.values(), PAGE_NAME} - files.keys():
            self._folder.remove(name)  # of an earlier report, with other formats or other phone numbers
        return files

    def _messages_sent(self, campaign: Campaign) -> int | None:
        """What the list says of an SMS campaign, where that is all that the service says."""
        listed = self._client.list_campaigns(CampaignType.SMS)
        counts = [one.raw.get("totalMessagesSent") for one in listed if one.campaign_id == campaign.campaign_id]
        return next((one for one in counts if isinstance(one, int) and not isinstance(one, bool)), None)

    # What is there already

    def _is_kept_better(self, kept: Manifest, facts: Facts, verdict: Verdict) -> bool:
        """True if an incomplete report of these facts must not take its place."""
        if kept.complete and not kept.rows and verdict.reason is Reason.TOTAL_SHRANK:
            return False  # it was called complete by who did not know that there had been contacts
        if kept.complete:
            # One that is complete only because nobody minded that it is empty holds nothing.
            return self._options.allow_empty or not kept.allow_empty or kept.rows != 0
        return kept.phone_numbers == self._options.phone_numbers and (kept.rows or 0) > facts.rows

    def _leave(self, kept: Manifest, verdict: Verdict) -> Manifest:
        """Leave the files that are there; an incomplete report is told why no better one could be made."""
        if kept.complete:
            # The next try is to read again, or a fault that has passed would be in its parts for ever.
            self._folder.remove_folder(PARTS_FOLDER)
            raise ReportError(
                f"campaign {kept.campaign_id}: {verdict.text}. The complete report in {self._folder.url()} is left as "
                f"it is; it was made with formats={list(kept.formats)} and phone_numbers={kept.phone_numbers!r}",
                campaign_id=kept.campaign_id,
                retryable=verdict.reason is not None and verdict.reason.is_transient,
            )
        text = f"{verdict.text}; these are the {kept.rows} contacts read on {kept.finished_at}, which are more"
        log.warning("campaign %s: %s", kept.campaign_id, text)
        manifest = replace(
            kept,
            reason=verdict.reason,
            reason_text=text,
            contacts_before_stop=self._options.contacts_before_stop,
            source=None,
        )
        manifest = write_page_again(self._folder, manifest)
        self._folder.remove_folder(PARTS_FOLDER)
        return manifest
