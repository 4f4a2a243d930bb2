"""Reading every contact of one run: all pages, once, or as often as it takes while contacts move from page to page.

What was read is in parts of ten pages, so that a process that is killed costs the next one no page twice.
"""

from __future__ import annotations

import logging
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.clock import instant_text
from airflow_provider_campaigns.kore.errors import KoreError, KoreResponseError
from airflow_provider_campaigns.kore.runs import has_run
from airflow_provider_campaigns.reports.contents import Contents
from airflow_provider_campaigns.reports.digests import Digester
from airflow_provider_campaigns.reports.errors import ReportError
from airflow_provider_campaigns.reports.export_progress import ExportProgress
from airflow_provider_campaigns.reports.export_state import PAGE_SIZE, ExportState
from airflow_provider_campaigns.reports.gathering import MOST_READINGS, Gathered, PendingRows, Reading
from airflow_provider_campaigns.reports.parts import NO_PAGE, PARTS_FOLDER, Page, Parts
from airflow_provider_campaigns.reports.read_ahead import read_ahead, readers_for
from airflow_provider_campaigns.reports.rows import (
    DEEPEST_ROW,
    LONGEST_ROW,
    Treatment,
    fingerprint,
    is_writable,
    json_line,
    key_from,
)
from airflow_provider_campaigns.reports.verdict import Facts, state_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from airflow_provider_campaigns.kore.campaigns import Campaign, ContactPage
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.clock import Clock
    from airflow_provider_campaigns.reports.export_options import ExportOptions
    from airflow_provider_campaigns.reports.folder import Folder
    from airflow_provider_campaigns.reports.rows import PhoneNumbers

log = logging.getLogger(__name__)

_FEWER = 3
"""Rows on a page than in the reading before: what was lost between two of its pages lies within one of these."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a whole reading has found.

    Attributes:
        facts: what is to be judged.
        contents: the rows, written and not committed.
        state: how it came about.
        contacts_seen: contacts that were read before the service would no longer give any; else 0.
        pending: the rows that are not final, as the latest reading has them.
    """

    facts: Facts
    contents: Contents
    state: ExportState
    contacts_seen: int
    pending: PendingRows


@contextmanager
def whole_reading(
    client: KoreClient,
    campaign: Campaign,
    folder: Folder,
    options: ExportOptions,
    clock: Clock,
    *,
    is_looked_at_after: bool = False,
) -> Iterator[Found]:
    """Read all contacts of the campaign's latest run; in the ``with`` block the rows can be committed.

    Args:
        client: where the campaign is.
        campaign: as it was just read.
        folder: of the run; what a killed try has read is in its ``_parts``.
        options: which files are written of the rows, and what is accepted without results by contact.
        clock: the time it lives in; asked between pages whether to end.
        is_looked_at_after: the caller reads the campaign after all pages. It is read here only where the pages are in
            doubt then; where they are not, ``after`` of the facts is what was given.

    Raises:
        ReportError: there are no results by contact, and ``if_no_contact_results`` is ``fail``.
        ReportStorageError: the storage refuses.
        KoreError: the campaign cannot be read.
    """
    reading = _WholeReading(client, campaign.campaign_id, folder, options, clock, is_looked_at_after=is_looked_at_after)
    found = reading.run(campaign)
    try:
        yield found
    finally:
        found.contents.discard()


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


class _WholeReading:
    """One call of ``whole_reading``."""

    def __init__(
        self,
        client: KoreClient,
        campaign_id: str,
        folder: Folder,
        options: ExportOptions,
        clock: Clock,
        *,
        is_looked_at_after: bool,
    ) -> None:
        self._is_looked_at_after = is_looked_at_after
        self._client = client
        self._campaign_id = campaign_id
        self._folder = folder
        self._options = options
        self._contacts_seen = 0
        self._clock = clock
        self._key = key_from(client.settings.client_secret)

    def run(self, campaign: Campaign) -> Found:
        state, first = self._begin(campaign)
        gathered = Gathered()
        for one in state.earlier:
            gathered.add(Parts(self._parts_folder, one))
        while True:
            contents = Contents(self._folder, () if first.total is None else self._options.formats, Digester(self._key))
            with _discarded_if_torn(contents):
                facts, reading, again = self._read(campaign, first, state, contents)
                if facts.left_out:
                    contents = self._compared_without(facts.left_out, contents, state)
                if facts.is_doubtful and facts.is_comparable:
                    gathered.add(Parts(self._parts_folder, state.parts), reading.again, left_out=facts.left_out)
                    alike = gathered.is_as_before and not reading.repeats_a_conversation
                    facts = replace(facts, is_confirmed=alike)
                is_enough = not facts.is_doubtful or (facts.is_stable and gathered.is_as_before)
                if is_enough or (not facts.is_comparable and state.reading > 1):
                    return Found(facts, contents, state, self._contacts_seen, reading.pending)
            contents.discard()
            if facts.is_comparable and (gathered.is_done(facts.total) or state.reading == MOST_READINGS):
                return self._gathered(facts, gathered, state, reading.pending)
            log.info("campaign %s: the pages moved while they were read; they are read again", campaign.campaign_id)
            campaign = facts.after
            state, first = self._read_again(facts, again, state)
            if not state.earlier:
                gathered = Gathered()

    def _compared_without(self, left_out: Collection[str], contents: Contents, state: ExportState) -> Contents:
        """The same rows, with digests that do not go by some of their fields."""
        log.warning(
            "campaign %s: %d fields change in every row each time it is read, and are not compared; the manifest names "
            "them (left_out)",
            self._campaign_id,
            len(left_out),
        )
        contents.discard()
        return self._contents_of(Parts(self._parts_folder, state.parts).replay(), left_out)

    def _contents_of(self, pages: Iterable[Page], left_out: Collection[str]) -> Contents:
        """Rows that were read before, written anew."""
        contents = Contents(self._folder, self._options.formats, Digester(self._key, left_out))
        with _discarded_if_torn(contents):
            for page in pages:
                contents.add(page)
        return contents

    def _gathered(self, facts: Facts, gathered: Gathered, state: ExportState, pending: PendingRows) -> Found:
        """What all readings have seen together, in the place of the latest."""
        contents = self._contents_of(gathered.pages(), facts.left_out)
        rows = contents.tally.rows
        is_whole = gathered.is_whole(facts.total)
        duplicates = rows - gathered.contacts
        facts = replace(
            facts,
            rows=rows,
            duplicates=duplicates,
            is_stable=is_whole,
            is_gathered=True,
            pending=contents.tally.pending,
        )
        return Found(facts, contents, state, self._contacts_seen, pending)

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
            if sent := messages_sent(self._client, campaign):
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
        reading.again.append(again.page)
        left_out = first.page.always_changing(again.page)

        def is_as_before(before: Page, now: Page) -> bool:
            return before.without(left_out).digest == now.without(left_out).digest

        is_stable = not reading.wrong_pages and is_as_before(first.page, again.page)
        if is_stable and first.pages > 1:
            reading.again.append(self._page_of(read(page=first.pages)))
            is_stable = is_as_before(last, reading.again[-1])
        facts = Facts(
            before=campaign,
            after=campaign,
            total=first.total,
            rows=contents.tally.rows,
            duplicates=reading.duplicates,
            is_same_total=totals == {again.total} and again.pages == first.pages,
            is_stable=is_stable,
            left_out=left_out,
            pending=contents.tally.pending,
            messages_sent=messages_sent(self._client, campaign) if first.total is None else None,
        )
        if facts.is_doubtful or not self._is_looked_at_after:
            facts = replace(facts, after=self._client.get_campaign(campaign.campaign_id))
        return facts, reading, again

    def _page_of(self, answer: ContactPage) -> Page:
        return page_of(answer, self._campaign_id, self._options.phone_numbers, self._key)

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
            "key": fingerprint(self._key),
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


@contextmanager
def _discarded_if_torn(contents: Contents) -> Iterator[None]:
    """Around what fills the files: they are given up if that fails."""
    try:
        yield
    except BaseException:
        contents.discard()
        raise


def page_of(answer: ContactPage, campaign_id: str, phone_numbers: PhoneNumbers, key: bytes) -> Page:
    """The rows of an answer as they are written.

    Raises:
        ReportError: one of them cannot be written.
    """
    if not all(map(is_writable, answer.contacts)):
        raise ReportError(
            f"campaign {campaign_id}: a row on page {answer.page} of its results cannot be written: expected at most "
            f"{LONGEST_ROW:,} characters, nested less than {DEEPEST_ROW} times. Nothing was deleted",
            campaign_id=campaign_id,
        )
    treatment = Treatment(phone_numbers, key)
    rows = [treatment.row_of(one) for one in answer.contacts]
    identities = [treatment.identity_of(contact) for contact in answer.contacts]
    return Page([json_line(row) for row in rows], rows, identities)


def messages_sent(client: KoreClient, campaign: Campaign) -> int | None:
    """What the list says of an SMS campaign, where that is all that the service says; None if it does not say it.

    Raises:
        ReportError: the list cannot be read.
    """
    try:
        listed = client.look_through(CampaignType.SMS).get(campaign.campaign_id)
    except KoreError as error:
        if not error.may_concern_one_request:
            raise
        raise ReportError(
            f"campaign {campaign.campaign_id}: its messages are counted in the list of campaigns alone, which cannot "
            f"be read now: {error}. Nothing was deleted. Run this again. If it stays so, a delete without report=, "
            'with if_unreported="delete", compares nothing, and leaves what was reported',
            campaign_id=campaign.campaign_id,
            retryable=error.retryable,
        ) from error
    sent = None if listed is None else listed.raw.get("totalMessagesSent")
    return sent if isinstance(sent, int) and not isinstance(sent, bool) else None
