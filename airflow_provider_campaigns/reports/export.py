"""Exporting one campaign: read all of its contacts, judge what was read, and publish it.

A process may be killed at any instant. What it has read is in parts of ten pages, and the next try goes on behind the
last of them; a file is there whole or not at all; and without a manifest there is no report. All files but the manifest
are equal, byte by byte, however often an export was killed on the way.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_campaigns.reports.digests import takes_back
from airflow_provider_campaigns.reports.manifest import DIGESTS_NAME, Reason, is_snapshot, manifests_beside
from airflow_provider_campaigns.reports.publish import Publisher
from airflow_provider_campaigns.reports.verdict import Verdict, contacts_in, judge, may_be_about
from airflow_provider_campaigns.reports.whole_reading import whole_reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_campaigns.kore.campaigns import Campaign
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.clock import Clock
    from airflow_provider_campaigns.reports.export_options import ExportOptions
    from airflow_provider_campaigns.reports.folder import Folder
    from airflow_provider_campaigns.reports.manifest import Manifest
    from airflow_provider_campaigns.reports.waiting import Waiting
    from airflow_provider_campaigns.reports.whole_reading import Found


def export_report(
    client: KoreClient,
    campaign: Campaign,
    folder: Folder,
    options: ExportOptions,
    *,
    kept: Manifest | None,
    clock: Clock,
    waiting: Waiting | None = None,
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
            one that holds more contacts. What it, and those that stay beside it, know of the same run before the stop
            holds for the new one too, and the new one is complete only if it holds no fewer contacts.
        clock: the time it lives in; asked between pages whether to end, where the next export then goes on.
        waiting: for results that are not final yet; None takes them as they are.

    Returns:
        The manifest, as written.

    Raises:
        ReportError: what can be read now is not complete, and a complete report is kept in its place; or there are no
            results by contact, and ``if_no_contact_results`` is ``fail``.
        ReportStorageError: the storage refuses.
        KoreError: the campaign cannot be read.
    """
    known = [*([] if kept is None else [kept]), *manifests_beside(folder).values()]
    earlier = [one for one in known if may_be_about(one, campaign)]
    options = _with_what_is_known(options, earlier)
    publisher = Publisher(client, folder, options, kept, clock)
    with whole_reading(client, campaign, folder, options, clock) as found:
        verdict = judge(
            found.facts,
            contacts_before_stop=options.contacts_before_stop,
            allow_empty=options.allow_empty,
            contacts_seen=max(found.contacts_seen, *map(contacts_in, earlier), 0),
            is_awaited=waiting is not None and not waiting.is_over(found.pending),
        )
        if waiting is not None and verdict.reason is Reason.PENDING:
            waiting.begin(found.pending, found.state.page_size)
        if verdict.reason is None:
            verdict = _in_the_light_of(filter(is_snapshot, earlier), folder, found)
        return publisher.publish(found, verdict)


def _in_the_light_of(snapshots: Iterable[Manifest], folder: Folder, found: Found) -> Verdict:
    """Whether what was read is complete as far as snapshots from before the stop tell, which may say more."""
    for snapshot in snapshots:
        messages, now = snapshot.messages_sent, found.facts.messages_sent
        if found.facts.total is None and (messages or 0) > (now or 0):
            said = "does not tell how many" if now is None else f"counts {now}"
            text = f"a snapshot from before the stop has {messages} messages, and now the service {said}"
            return Verdict(Reason.SAYS_LESS, text)
        name = snapshot.name_of(DIGESTS_NAME)
        if name is None or found.facts.total is None or folder.measure(name) != snapshot.files[name]:
            continue
        lost = takes_back(partial(folder.lines, name), found.contents.digests, rows=found.facts.rows)
        if lost:
            text = f"of {lost} of the contacts in a snapshot from before the stop the service has less, or nothing, now"
            return Verdict(Reason.SAYS_LESS, text)
    return Verdict(None)


def _with_what_is_known(options: ExportOptions, earlier: Iterable[Manifest]) -> ExportOptions:
    """The options, with what earlier reports of the same run know of the time before the stop."""
    for one in earlier:
        counts = [count for count in (options.contacts_before_stop, one.contacts_before_stop) if count is not None]
        options = replace(
            options,
            contacts_before_stop=max(counts, default=None),
            stopped_at=options.stopped_at or one.stopped_at,
        )
    return options
