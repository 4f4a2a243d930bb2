"""From what was read to a report that is there: files under names of their own, and last the manifest that names them.

The manifest is the only pointer to the files, and is switched last; so whoever is killed leaves the report that was.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_campaigns import __version__
from airflow_provider_campaigns.kore.clock import instant_text
from airflow_provider_campaigns.reports.errors import ReportError
from airflow_provider_campaigns.reports.finite import finite
from airflow_provider_campaigns.reports.folder import plain_name
from airflow_provider_campaigns.reports.kept_page import write_page_again
from airflow_provider_campaigns.reports.manifest import (
    CAMPAIGN_NAME,
    CONTACT_FILES,
    DIGESTS_NAME,
    MANIFEST_NAME,
    PAGE_NAME,
    PENDING_NAME,
    SUMMARY_NAME,
    Manifest,
    Reason,
    is_snapshot,
    json_bytes,
    manifest_bytes,
    manifests_beside,
)
from airflow_provider_campaigns.reports.page.render import render_page
from airflow_provider_campaigns.reports.parts import PARTS_FOLDER
from airflow_provider_campaigns.reports.rows import fingerprint, key_from

if TYPE_CHECKING:
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.clock import Clock
    from airflow_provider_campaigns.reports.export_options import ExportOptions
    from airflow_provider_campaigns.reports.folder import FileEntry, Folder
    from airflow_provider_campaigns.reports.verdict import Facts, Verdict
    from airflow_provider_campaigns.reports.whole_reading import Found

log = logging.getLogger(__name__)

_FILES = frozenset({CAMPAIGN_NAME, SUMMARY_NAME, PAGE_NAME, DIGESTS_NAME, *CONTACT_FILES.values()})


class Publisher:
    """Publishes reports of one run in one folder.

    Args:
        client: whose secret makes the digests.
        folder: of the run.
        options: what the report is to be.
        kept: the report that was found there, whole.
        clock: the time it lives in.
    """

    def __init__(
        self, client: KoreClient, folder: Folder, options: ExportOptions, kept: Manifest | None, clock: Clock
    ) -> None:
        self.kept = kept
        self._client = client
        self._folder = folder
        self._options = options
        self._clock = clock
        self._found = manifest_bytes(folder) if kept is None else kept.as_bytes()

    def publish(self, found: Found, verdict: Verdict, *, extends: tuple[str, ...] = ()) -> Manifest:
        """Write the files and the manifest, unless what is there is better.

        A report that is complete, that is a snapshot of a campaign that ran, or that has more contacts stays beside the
        one that takes its place, under a manifest of its own name; but not beside a complete one with other phone
        numbers.

        ``extends`` are the manifests of which it holds everything and more.

        Raises:
            ReportError: what is there is complete, and better; or somebody else has published meanwhile.
            ReportStorageError: the storage refuses.
        """
        kept, facts, state = self.kept, found.facts, found.state
        if verdict.reason is not None and kept is not None and self._is_better(kept, facts, verdict):
            return self._leave(kept, verdict)
        options, campaign = self._options, facts.after
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
            key=fingerprint(key_from(self._client.settings.client_secret)) if has_results else None,
            proven_by=None if verdict.reason else facts.proven_by,
            left_out=tuple(sorted(facts.left_out)),
            extends=extends,
            files={},
            pending=facts.pending if has_results else None,
            messages_sent=facts.messages_sent,
        )
        self._clock.check_cancelled()
        files = self._write_files(manifest, found)
        manifest = replace(
            manifest,
            started_at=state.started_at,
            finished_at=instant_text(self._clock.now()),
            tries=state.tries,
            files=files,
        )
        self._switch_to(manifest)
        return manifest

    def _switch_to(self, manifest: Manifest) -> None:
        """Let the manifest be the one of the folder, and remove what none that is left names."""
        self._check_alone(manifest)
        if self.kept is not None and self._stays_beside(self.kept, manifest):
            self._folder.write_own(MANIFEST_NAME, [self.kept.as_bytes()])
        self._folder.write(MANIFEST_NAME, [manifest.as_bytes()])
        self._sweep(manifest)

    def _check_alone(self, manifest: Manifest) -> None:
        """Make sure that nobody else has published meanwhile.

        Raises:
            ReportError: another task has written a report of the run since this one began.
        """
        if manifest_bytes(self._folder) != self._found:
            raise ReportError(
                f"campaign {manifest.campaign_id}: another task has written a report into {self._folder.url()} "
                "meanwhile. Run this again, which goes by that one",
                campaign_id=manifest.campaign_id,
                retryable=True,
            )

    def _stays_beside(self, kept: Manifest, manifest: Manifest) -> bool:
        is_more = (kept.rows or 0, kept.messages_sent or 0) > (manifest.rows or 0, manifest.messages_sent or 0)
        says_anything = bool(kept.rows or kept.messages_sent)
        is_worth_it = says_anything and (kept.complete or is_snapshot(kept) or is_more)
        return is_worth_it and not self._is_over(kept, manifest)

    @staticmethod
    def _is_over(earlier: Manifest, manifest: Manifest) -> bool:
        """True of a report that is this one, or has other phone numbers than the complete one in its place.

        One without results by contact has none.
        """
        has_others = earlier.contact_results and earlier.phone_numbers != manifest.phone_numbers
        is_unwanted = manifest.complete and has_others
        return is_unwanted or earlier.files == manifest.files

    def _sweep(self, manifest: Manifest) -> None:
        """Remove the parts, and the files of reports that nothing names any more."""
        self._folder.remove_folder(PARTS_FOLDER)
        named = set(manifest.files)
        for name, beside in manifests_beside(self._folder).items():
            if self._is_over(beside, manifest):
                self._folder.remove(name)
            else:
                named |= beside.files.keys()
        # One of an earlier version has plain names, of which it alone can tell that they are a report's.
        earlier = set() if self.kept is None else self.kept.files.keys()
        for name in self._folder.names():
            is_of_a_report = plain_name(name) in _FILES and (plain_name(name) != name or name in earlier)
            is_over = name == PENDING_NAME and manifest.complete
            if is_over or (is_of_a_report and name not in named):
                self._folder.remove(name)

    def _write_files(self, manifest: Manifest, found: Found) -> dict[str, FileEntry]:
        campaign, contents = found.facts.after, found.contents
        files = contents.commit()
        facts = found.facts
        summary = contents.tally.as_json(campaign, total=facts.total, messages_sent=facts.messages_sent)
        body = finite(campaign.raw)
        others = {CAMPAIGN_NAME: json_bytes(body), SUMMARY_NAME: json_bytes(summary)}
        if "html" in self._options.formats:
            page = render_page(campaign=body, summary=summary, manifest=replace(manifest, files=files).as_json())
            others[PAGE_NAME] = page.encode("utf-8", "replace")
        return files | dict(self._folder.write_own(name, [data]) for name, data in others.items())

    # What is there already

    def _is_better(self, kept: Manifest, facts: Facts, verdict: Verdict) -> bool:
        """True if an incomplete report of these facts must not take its place."""
        if kept.complete and not kept.rows and verdict.reason is Reason.TOTAL_SHRANK:
            return False  # it was called complete by who did not know that there had been contacts
        if kept.complete:
            # One that is complete only because nobody minded that it is empty holds nothing.
            return self._options.allow_empty or not kept.allow_empty or kept.rows != 0
        is_more = kept.phone_numbers == self._options.phone_numbers and (kept.rows or 0) > facts.rows
        return is_more or verdict.reason is Reason.SAYS_LESS

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
        what = f"{kept.rows} contacts read" if kept.contact_results else f"{kept.messages_sent} messages counted"
        text = f"{verdict.text}; these are the {what} on {kept.finished_at}, which are more"
        log.warning("campaign %s: %s", kept.campaign_id, text)
        manifest = replace(
            kept,
            reason=verdict.reason,
            reason_text=text,
            contacts_before_stop=self._options.contacts_before_stop,
            source=None,
        )
        self._check_alone(manifest)
        manifest = write_page_again(self._folder, manifest)
        self._sweep(manifest)
        return manifest
