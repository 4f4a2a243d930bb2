"""Is a report complete? A pure decision over what was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_campaigns.kore.campaigns import CampaignStatus
from airflow_provider_campaigns.kore.runs import SameRun, has_run, is_unchanged, run_beside, run_of, same_run
from airflow_provider_campaigns.reports.manifest import Reason

if TYPE_CHECKING:
    from airflow_provider_campaigns.kore.campaigns import Campaign
    from airflow_provider_campaigns.reports.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found on the pages.

    Attributes:
        before: the campaign before the first page.
        after: the campaign after the last page; as before the first, where the caller looks at it by itself.
        total: contacts that the service says there are; None if it has no results by contact.
        rows: contacts that the pages hold.
        duplicates: rows that may be about a contact that another row is about.
        is_same_total: every page named the same total, and the first the same number of pages at the end.
        is_stable: all pages were those asked for, and first and last page, read again, were as before.
        is_confirmed: a second reading, by pages of another size, has found the same rows: such contacts are alike.
        left_out: undocumented fields that changed in every row at each reading; they do not tell that anything moved.
        is_gathered: the rows are those of several readings together.
        pending: rows that are not final yet.
        messages_sent: messages that the list counts, where there are no results by contact; None if it does not tell.
    """

    before: Campaign
    after: Campaign
    total: int | None
    rows: int
    duplicates: int
    is_same_total: bool
    is_stable: bool
    is_confirmed: bool = False
    left_out: frozenset[str] = frozenset()
    is_gathered: bool = False
    pending: int = 0
    messages_sent: int | None = None

    @property
    def is_final(self) -> bool:
        """True if the campaign was over, or had never begun, at both readings: its results stand still."""
        return self.before.is_at_rest and self.after.is_at_rest

    @property
    def is_doubtful(self) -> bool:
        """True if the pages may have moved while they were read, so that one more reading is worth its requests."""
        if not self.is_final or self._same_run is SameRun.NO:
            return False
        return not (self.is_comparable and self.stood_still) or (self.total is not None and self.rows != self.total)

    @property
    def is_comparable(self) -> bool:
        """True if it is about one state of the campaign, so that its rows may stand beside those of another reading."""
        return self.is_same_campaign and self.is_same_total

    @property
    def stood_still(self) -> bool:
        """True if no page shows that contacts moved from one to another."""
        return self.is_stable and (self.duplicates == 0 or self.is_confirmed)

    @property
    def is_same_campaign(self) -> bool:
        """True if it is the same run in the same state at both readings; one that names no run does not contradict."""
        return self._same_run is not SameRun.NO and state_of(self.before) == state_of(self.after)

    @property
    def proven_by(self) -> str:
        """How it was found that the rows are all there are, if they are: a word of the manifest."""
        if self.total is None:
            return "totals"
        if self.is_gathered:
            return "gathered"
        return "same_rows_twice" if self.is_confirmed else "one_reading"

    @property
    def is_known_again(self) -> bool:
        """True if a later reading can tell this run from another: by its name, or by when the campaign was changed."""
        return self._same_run is SameRun.YES

    @property
    def _same_run(self) -> SameRun:
        unchanged = is_unchanged(self.before.updated_at, self.after.updated_at)
        return same_run(run_of(self.before), run_of(self.after), unchanged=unchanged)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a report is complete.

    Attributes:
        reason: why not; None if it is.
        text: the same for people.
    """

    reason: Reason | None
    text: str | None = None


def judge(
    facts: Facts,
    *,
    contacts_before_stop: int | None,
    allow_empty: bool,
    contacts_seen: int = 0,
    is_awaited: bool = False,
) -> Verdict:
    """Whether what was read is all there is, and will ever be.

    Args:
        facts: what was read.
        contacts_before_stop: contacts that the stop saw right before it; None where that is not known.
        allow_empty: a run without contacts counts as complete.
        contacts_seen: contacts of the same run that are in a report of it, or were read earlier.
        is_awaited: rows that are not final yet are still waited for; if not, they are as good as they get.
    """
    total = facts.total
    of_campaign = _judge_campaign(facts)
    if of_campaign.reason is not None:
        return of_campaign
    if not facts.is_same_total:
        return Verdict(Reason.CHANGED_WHILE_READING, "the results changed while they were read, twice")
    if contacts_before_stop is not None and (total or 0) < contacts_before_stop:
        return _shrunk(total, f"it had {contacts_before_stop} right before the stop")
    if (total or 0) < contacts_seen:
        return _shrunk(total, f"{contacts_seen} have been read of this run before")
    of_rows = Verdict(None) if total is None else _judge_rows(facts, total, allow_empty=allow_empty)
    if of_rows.reason is None and facts.pending and is_awaited:
        return Verdict(Reason.PENDING, f"{facts.pending} of {total} results are not final yet, and are waited for")
    return of_rows


def _judge_rows(facts: Facts, total: int, *, allow_empty: bool) -> Verdict:
    """Whether the pages hold every contact of a run that is over."""
    if not facts.stood_still:
        different = facts.rows - facts.duplicates
        return Verdict(
            Reason.PAGES_UNSTABLE,
            f"the pages do not stand still while they are read: they hold {different} different contacts, and the "
            f"service says {total}",
        )
    if facts.rows != total:
        return Verdict(Reason.ROWS_MISSING, f"the pages hold {facts.rows} contacts, but the service says {total}")
    if not total and not allow_empty and has_run(facts.after):
        return Verdict(Reason.EMPTY, "the campaign has run, but there is not one contact; allow_empty accepts that")
    return Verdict(None)


def _judge_campaign(facts: Facts) -> Verdict:
    """Whether the campaign was over, and one and the same, while its contacts were read."""
    running = next((one for one in (facts.after, facts.before) if one.status.is_running), None)
    if running is not None:
        return Verdict(Reason.RUNNING, f"the campaign was {running.status}: a snapshot, results are still coming")
    if not facts.is_final:
        unfinished = next(one for one in (facts.after, facts.before) if not one.is_at_rest)
        schedule = " with a schedule" if unfinished.is_scheduled else ""
        return Verdict(Reason.NOT_ENDED, f"the campaign was {str(unfinished.status)!r}{schedule}: it has not ended")
    if not facts.is_same_campaign:
        return Verdict(Reason.CHANGED_WHILE_READING, "the campaign was changed, or ran again, while it was read")
    if not facts.is_known_again:
        return Verdict(Reason.RUN_UNKNOWN, "the campaign names neither its run nor when it was changed")
    return Verdict(None)


def _shrunk(total: int | None, before: str) -> Verdict:
    now = "gives no results by contact" if total is None else f"has {total} contacts"
    return Verdict(Reason.TOTAL_SHRANK, f"the service {now}, but {before}")


def is_about(manifest: Manifest, campaign: Campaign) -> bool:
    """True if a report is about the run that the campaign has now."""
    is_its = manifest.campaign_id == campaign.campaign_id and manifest.created_at == campaign.created_at
    return is_its and run_reported(manifest, campaign) is SameRun.YES


def may_be_about(manifest: Manifest, campaign: Campaign) -> bool:
    """True unless a report is known to be about another campaign or run: what it has counted survives."""
    is_its = manifest.campaign_id == campaign.campaign_id and manifest.created_at == campaign.created_at
    return is_its and run_reported(manifest, campaign) is not SameRun.NO


def run_reported(manifest: Manifest, campaign: Campaign) -> SameRun:
    """Whether a report is about the run that the campaign has now; without a run, if nothing has happened since."""
    reported = run_beside(CampaignStatus(manifest.status), manifest.campaign_instance_id)
    unchanged = is_unchanged(manifest.updated_at, campaign.updated_at)
    same = same_run(reported, run_of(campaign), unchanged=unchanged)
    says_when = manifest.updated_at is not None or campaign.updated_at is not None
    if same is SameRun.YES and reported is None and says_when and not unchanged:
        return SameRun.UNKNOWN  # it has not run, but its contacts may be others
    return same


def contacts_in(manifest: Manifest) -> int:
    """Contacts that a report certainly holds: while a campaign runs, pages move, and one may be read twice."""
    rows = manifest.rows or 0
    return rows if manifest.complete else max(0, min(rows - manifest.duplicate_rows, manifest.total or 0))


def state_of(campaign: Campaign) -> tuple[str | None, ...]:
    """What is equal, besides its run, for as long as nothing happens to a campaign."""
    return (str(campaign.status), campaign.created_at, campaign.updated_at)
