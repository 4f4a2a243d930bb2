"""Starting campaigns: decide for each by its status, send once, and prove by reading that a new run goes on."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_campaigns.actions.audit import Audit, AuditLog, Changes
from airflow_provider_campaigns.actions.evidence import Entry, Evidence, NoEvidence
from airflow_provider_campaigns.actions.outcomes import Outcomes, Result
from airflow_provider_campaigns.actions.reading import LIST_FROM, CampaignReader
from airflow_provider_campaigns.actions.rounds import Rounds
from airflow_provider_campaigns.actions.starting.step import Step, is_startable, step_for
from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignStatus, CampaignType
from airflow_provider_campaigns.kore.clock import SYSTEM_CLOCK, Clock, instant_text
from airflow_provider_campaigns.kore.errors import (
    CampaignStateError,
    CampaignTimeoutError,
    KoreError,
    KoreNotFoundError,
    KoreRequestError,
)
from airflow_provider_campaigns.kore.listing import Expected
from airflow_provider_campaigns.kore.presence import ProvenMissing, not_there
from airflow_provider_campaigns.kore.runs import (
    SameRun,
    UnknownInstance,
    as_note,
    has_begun,
    is_unchanged,
    named_run,
    noted_run,
    run_of,
    same_run,
)
from airflow_provider_campaigns.kore.writes import Receipt, is_over, started_again

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_provider_campaigns.actions.targets import Target
    from airflow_provider_campaigns.kore.client import KoreClient

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StartOptions:
    """How campaigns are started.

    Attributes:
        campaign_type: what the campaigns must be.
        api_version: of the start request; None for the connection's, or v1.
        allow_rerun: also start a campaign that has run before; its whole list is called or texted again.
        confirm: prove by reading that a new run goes on; otherwise the answer to the start is believed.
        poll_interval_s: seconds between readings while a start does not show yet, or a campaign is being prepared.
        confirm_timeout_s: seconds for which it is read: from the start on or, while it is being prepared, from the
            first reading on.
        plan_only: read and decide, send nothing.
    """

    campaign_type: CampaignType
    api_version: str | None = None
    allow_rerun: bool = False
    confirm: bool = True
    poll_interval_s: float = 15.0
    confirm_timeout_s: float = 600.0
    plan_only: bool = False


def start_campaigns(
    client: KoreClient,
    targets: Sequence[Target],
    options: StartOptions,
    *,
    evidence: Evidence | None = None,
    audit: Audit | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Outcomes:
    """Start every target; what becomes of one keeps no other from being started.

    A start begins a new run, over the whole contact list. A campaign that is Active already is a result with
    ``changed`` False; ``step_for`` says what becomes of the others.

    Args:
        client: where the campaigns are.
        targets: the campaigns.
        options: how.
        evidence: what earlier tries of the same task have sent, and where this one keeps what it sends. What they have
            started is not started again, also if its run has ended since.
        audit: who is told of each start when it is accepted; by default the log.
        clock: the time it lives in.

    Returns:
        A result or an error for each target.
    """
    return _Start(client, targets, options, evidence or NoEvidence(), clock, audit=audit or AuditLog()).start_all()


@dataclass(frozen=True, slots=True)
class _Sent:
    """A start that was accepted: the campaign as read before it, and the answer to it."""

    before: Campaign
    receipt: Receipt
    sent_at: str

    def shows_in(self, campaign: Campaign) -> bool:
        """True if the campaign as read now proves that a new run began."""
        if not (campaign.status.is_running or campaign.status.is_ended):
            return False
        begun = has_begun(campaign, before=run_of(self.before))
        if begun is None:
            answered, now = self.receipt.campaign_instance_id, campaign.campaign_instance_id
            begun = same_run(named_run(answered), named_run(now)) is SameRun.YES
        return begun


class _Start:
    """One call of ``start_campaigns``.

    It goes in rounds: whatever can be started is started at once, so that a campaign that is still being prepared, or
    is slow to start, holds up no other. A round tries what was not ready before, and looks at what was sent.
    """

    def __init__(
        self,
        client: KoreClient,
        targets: Sequence[Target],
        options: StartOptions,
        evidence: Evidence,
        clock: Clock,
        *,
        audit: Audit,
    ) -> None:
        self._client = client
        self._reader = CampaignReader(client)
        self._targets = {target.campaign_id: target for target in targets}
        self._options = options
        self._evidence = evidence
        self._earlier: Mapping[str, Entry] = {}
        self._clock = clock
        self._starts = Changes(audit, "start", client, api_version=options.api_version, clock=clock)
        self._outcomes = Outcomes(self._targets)
        self._rounds = Rounds(
            self._outcomes,
            not_yet="started",
            poll_interval_s=options.poll_interval_s,
            timeout_s=options.confirm_timeout_s,
            clock=clock,
        )
        self._starting: dict[str, _Sent] = {}
        self._shows: dict[str, str] = {}

    def start_all(self) -> Outcomes:
        self._earlier = self._evidence.recall()
        self._rounds.extend(self._targets)
        self._read_and_start(list(self._targets))
        self._rounds.go_on(look=self._look, act=self._read_and_start, give_up=self._give_up)
        if confirmed := self._outcomes.confirmed():
            self._evidence.keep(confirmed)
        return self._outcomes

    def _read_and_start(self, campaign_ids: list[str]) -> None:
        """Read campaigns and do what the status of each asks for."""
        targets = [self._targets[one] for one in campaign_ids]
        found = self._reader.read_many(targets, self._options.campaign_type, self._outcomes)
        is_list = len(targets) >= LIST_FROM
        decided = self._outcomes.attempt_all(found, lambda one: self._decide(one, found[one], is_list=is_list))
        starts = {campaign_id: campaign for campaign_id, campaign in decided.items() if campaign is not None}
        if starts:
            # Before they are sent: this process may not live to tell.
            sent_at = instant_text(self._clock.now())
            self._evidence.keep({one: _entry(campaign, sent_at) for one, campaign in starts.items()})
            self._outcomes.attempt_all(starts, lambda one: self._send(starts[one]))
            self._keep_doubts(starts, sent_at)

    def _keep_doubts(self, starts: Mapping[str, Campaign], sent_at: str) -> None:
        """Keep which starts may still take effect, although nothing shows: a later try must not send them again."""
        doubtful = {
            campaign_id: _entry(starts[campaign_id], sent_at) | {"outcome_unknown": True}
            for campaign_id, error in self._outcomes.failures.items()
            if campaign_id in starts and error.outcome_unknown and not is_over(error.status)
        }
        if doubtful:
            self._evidence.keep(doubtful)

    def _decide(self, campaign_id: str, found: Campaign | ProvenMissing, *, is_list: bool) -> Campaign | None:
        """The campaign if it is to be sent a start now; otherwise None, and it has its result or waits for it."""
        if isinstance(found, ProvenMissing):
            raise _missing(campaign_id, found)
        if is_list and is_startable(found.status) and found.campaign_instance_id is None:
            # Items of a list need not name their run, and whether there was one decides.
            return self._decide(campaign_id, self._reader.read(campaign_id, self._options.campaign_type), is_list=False)
        if self._has_begun_since_earlier(found):
            log.info("campaign %s: a run began since an earlier try of this task sent a start", campaign_id)
            self._idle(found)
            return None
        step = step_for(found, allow_rerun=self._options.allow_rerun)
        if step is Step.NOTHING:
            self._idle(found)
        elif self._options.plan_only:
            self._plan(found, step)
        elif step is Step.WAIT:
            self._rounds.try_again(campaign_id, str(found.status))
        else:
            return found
        return None

    def _has_begun_since_earlier(self, campaign: Campaign) -> bool:
        """True if a run began since an earlier try of the same task sent a start; it may be over by now.

        Raises:
            CampaignStateError: one may have, and the campaign does not tell.
        """
        entry = self._earlier.get(campaign.campaign_id)
        if entry is None:
            return False
        if "confirmed_at" in entry:
            return True
        begun = has_begun(campaign, before=noted_run(entry["campaign_instance_id"]))
        if begun is None or (entry.get("outcome_unknown") and not begun):
            why = "without a run to tell whether it began" if begun is None else "and no run of it shows yet"
            raise CampaignStateError(
                f"campaign {campaign.campaign_id}: an earlier try of this task sent a start at {entry.get('sent_at')} "
                f"and got no answer; the campaign is {campaign.status}, {why}. Nothing more is sent, because it might "
                "go through the whole list twice; start it on the platform, or in another run of the DAG",
                campaign_id=campaign.campaign_id,
                outcome_unknown=True,
            )
        return begun

    def _idle(self, campaign: Campaign) -> None:
        log.info("campaign %s: is %s, no start is sent", campaign.campaign_id, campaign.status)
        self._outcomes.results[campaign.campaign_id] = Result.of(campaign, changed=False)

    def _plan(self, campaign: Campaign, step: Step) -> None:
        campaign_id = campaign.campaign_id
        kind, version = self._options.campaign_type, self._options.api_version
        planned = [f"wait until it is no longer {campaign.status}"] if step is Step.WAIT else []
        planned.append(self._client.describe("start", campaign_id, kind, api_version=version))
        self._outcomes.results[campaign_id] = Result.planned(campaign, *planned)

    def _send(self, campaign: Campaign) -> None:
        """Send the start; it may turn out that somebody else has started the campaign meanwhile."""
        campaign_id = campaign.campaign_id
        sent_at = instant_text(self._clock.now())
        kind = self._options.campaign_type
        try:
            with self._starts.sending(campaign, kind):
                receipt = self._client.start_campaign(
                    campaign_id,
                    kind,
                    api_version=self._options.api_version,
                    instance_id=run_of(campaign),
                    judge=partial(self._judge_again, campaign),
                )
        except (KoreRequestError, KoreNotFoundError, CampaignStateError) as error:
            self._refused(campaign_id, error)
            return
        log.info("campaign %s: the start was accepted, status %s", campaign_id, receipt.status)
        self._starts.made(
            campaign,
            kind,
            at=self._clock.now(),
            after=receipt.status or CampaignStatus.ACTIVE,
            by_reading=receipt.by_reading,
            campaign_instance_id=receipt.campaign_instance_id,
        )
        sent = _Sent(campaign, receipt, sent_at)
        if self._options.confirm and not receipt.by_reading:
            self._starting[campaign_id] = sent
            self._rounds.extend([campaign_id])
        else:
            self._started(sent, receipt.status or CampaignStatus.ACTIVE, receipt.campaign_instance_id)

    def _judge_again(self, campaign: Campaign, now: Campaign) -> None:
        """Judge the campaign once more, right before it is started: all that is waited for is over."""
        self._clock.check_cancelled()
        self._targets[campaign.campaign_id].check_name(now)
        unchanged = is_unchanged(campaign.updated_at, now.updated_at)
        same = same_run(run_of(campaign), run_of(now), unchanged=unchanged)
        if same is SameRun.NO:
            raise started_again(now, "was to be started")
        if same is SameRun.UNKNOWN:
            what = "does not tell when it was changed" if now.updated_at is None else "was changed meanwhile"
            raise CampaignStateError(
                f"campaign {now.campaign_id}: {what} and names no run, so nothing tells whether somebody else has run "
                "it. Nothing was sent",
                campaign_id=now.campaign_id,
            )
        step_for(now, allow_rerun=self._options.allow_rerun)

    def _refused(self, campaign_id: str, error: KoreError) -> None:
        """No failure if a start was not sent, or refused, because somebody else came first and it is Active."""
        if error.outcome_unknown:
            raise error
        after = self._reader.read(campaign_id, self._options.campaign_type)
        if isinstance(after, ProvenMissing):
            raise _missing(campaign_id, after) from error
        if after.status != CampaignStatus.ACTIVE:
            raise error
        self._idle(after)

    def _look(self) -> None:
        """Read what was sent a start; what shows a new run gets its result."""
        self._rounds.see(dict.fromkeys(self._starting, "not readable"))
        self._shows.update(dict.fromkeys(self._starting, "is not readable"))
        try:
            listed = self._reader.look_up(self._starting, self._options.campaign_type, expected=Expected.JUST_CHANGED)
        except KoreError as error:
            log.info("the list could not be read: %s", error)
            if not error.retryable:
                self._fail(list(self._starting), error)
            return
        for campaign_id, sent in list(self._starting.items()):
            try:
                now = self._read_again(campaign_id, listed.get(campaign_id))
            except KoreError as error:
                log.info("campaign %s: could not be read: %s", campaign_id, error)
                if not error.retryable:
                    self._fail([campaign_id], error)
                continue
            self._rounds.see({campaign_id: str(now.status)})
            self._shows[campaign_id] = f"reads {now.status}, run {now.campaign_instance_id or 'unknown'}"
            if sent.shows_in(now):
                del self._starting[campaign_id]
                self._started(sent, now.status, now.campaign_instance_id or sent.receipt.campaign_instance_id)

    def _read_again(self, campaign_id: str, listed: Campaign | None) -> Campaign:
        """The campaign from the list if that is enough: it has not begun, or its run is named."""
        if listed is not None and not isinstance(run_of(listed), UnknownInstance):
            return listed
        return self._client.get_campaign(campaign_id)

    def _started(self, sent: _Sent, status: CampaignStatus, run: str | None) -> None:
        result = Result.of(sent.before, changed=True, sent_at=sent.sent_at)
        result.status = str(status)
        result.campaign_instance_id = run
        if self._options.confirm:
            result.details["confirmed_at"] = instant_text(self._clock.now())
        self._outcomes.results[result.campaign_id] = result

    def _fail(self, campaign_ids: Iterable[str], error: KoreError) -> None:
        """Give up on campaigns whose start was accepted and does not show."""
        error.outcome_unknown = True
        for campaign_id in campaign_ids:
            del self._starting[campaign_id]
            self._outcomes.failures[campaign_id] = error

    def _give_up(self, campaign_id: str, _seen: str, timeout: str) -> CampaignTimeoutError | None:
        """The error for a campaign that was sent a start of which nothing shows; None for one that was sent none."""
        if self._starting.pop(campaign_id, None) is None:
            return None
        return CampaignTimeoutError(
            f"campaign {campaign_id}: the start was accepted, but after {timeout} it {self._shows[campaign_id]}; look "
            "at it on the platform, or run this again",
            campaign_id=campaign_id,
            outcome_unknown=True,
        )


def _missing(campaign_id: str, missing: ProvenMissing) -> KoreNotFoundError:
    return not_there(campaign_id, ". Was it deleted, or does it belong to another app? Nothing was started", missing)


def _entry(campaign: Campaign, sent_at: str) -> Entry:
    """What is kept of a start before it is sent: the run before it, from which a new one is told."""
    return {"campaign_instance_id": as_note(run_of(campaign)), "sent_at": sent_at}
