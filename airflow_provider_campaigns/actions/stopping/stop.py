"""Stopping campaigns: decide for each by its status, send, and prove by reading that it stopped."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.actions.audit import Audit, AuditLog, Changes
from airflow_provider_campaigns.actions.evidence import (
    Entry,
    Evidence,
    NoEvidence,
    check_not_started_again,
    keep_confirmed,
    stop_by_an_earlier_try,
    was_sent,
)
from airflow_provider_campaigns.actions.outcomes import Outcomes, Result
from airflow_provider_campaigns.actions.plan import planned_result
from airflow_provider_campaigns.actions.reading import LIST_FROM, CampaignReader, ProvenMissing
from airflow_provider_campaigns.actions.rounds import Rounds
from airflow_provider_campaigns.actions.senders import MOST_SENDERS
from airflow_provider_campaigns.actions.stopping.contact_counts import ContactsBeforeStop
from airflow_provider_campaigns.actions.stopping.last_look import read_early
from airflow_provider_campaigns.actions.stopping.options import StopOptions, missing_result
from airflow_provider_campaigns.actions.stopping.schedules import check_schedule, disable_schedule
from airflow_provider_campaigns.actions.stopping.step import Step, ends_a_run, step_for, step_once_unscheduled
from airflow_provider_campaigns.kore.budget import Priority
from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignStatus
from airflow_provider_campaigns.kore.clock import SYSTEM_CLOCK, Clock, instant_text
from airflow_provider_campaigns.kore.errors import (
    CampaignTimeoutError,
    KoreError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreRequestError,
)
from airflow_provider_campaigns.kore.writes import UnknownInstance, started_again

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_campaigns.actions.stopping.contact_counts import ContactCount
    from airflow_provider_campaigns.actions.stopping.moment import StopMoment
    from airflow_provider_campaigns.actions.targets import Target
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.sending import Writing
    from airflow_provider_campaigns.kore.writes import Receipt

log = logging.getLogger(__name__)


_RESERVED_AFTER_S = 30.0
"""How long after the instant room is kept for stops that had to be repeated."""


def stop_campaigns(
    client: KoreClient,
    targets: Sequence[Target],
    options: StopOptions,
    *,
    moment: StopMoment | None = None,
    planned: Mapping[str, Campaign] | None = None,
    contacts: Mapping[str, ContactCount] | None = None,
    evidence: Evidence | None = None,
    audit: Audit | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Outcomes:
    """Stop every target; what becomes of one keeps no other from being stopped.

    A campaign that runs no more is a result with ``changed`` False. Stopping loses a campaign's progress for good:
    started again, it begins with the first contact.

    Args:
        client: where the campaigns are.
        targets: the campaigns.
        options: how.
        moment: the instant before which no stop is sent; None for at once. Seconds before it the campaigns are read;
            at it all stops go out over connections that are open by then.
        planned: the campaigns as they were read when this was planned, by campaign id: what ran then is stopped at the
            moment even if it cannot be read before it.
        contacts: contact results that were counted already, by campaign id.
        evidence: what earlier tries of the same task have sent, and where this one keeps what it sends.
        audit: who is told of each change when it is made; by default the log.
        clock: the time it lives in.

    Returns:
        A result or an error for each target.
    """
    stop = _Stop(
        client,
        targets,
        options,
        evidence or NoEvidence(),
        clock,
        planned=planned or {},
        contacts=contacts or {},
        audit=audit or AuditLog(),
    )
    return stop.run() if moment is None else stop.run_at(moment)


class _Stop:
    """One call of ``stop_campaigns``.

    It goes in rounds: whatever can be stopped is stopped at once, so that a campaign that is still being prepared, or
    is slow to stop, holds up no other. A round tries what was not ready before, and looks at what was sent.
    """

    def __init__(
        self,
        client: KoreClient,
        targets: Sequence[Target],
        options: StopOptions,
        evidence: Evidence,
        clock: Clock,
        *,
        planned: Mapping[str, Campaign],
        contacts: Mapping[str, ContactCount],
        audit: Audit,
    ) -> None:
        self._planned = planned
        self._evidence = evidence
        self._earlier: Mapping[str, Entry] = {}
        self._client = client
        self._reader = CampaignReader(client, left_s=self._left_s)
        self._moment: StopMoment | None = None
        self._targets = {target.campaign_id: target for target in targets}
        self._options = options
        self._clock = clock
        self._stops = Changes(audit, "stop", client, api_version=options.api_version, clock=clock)
        self._schedules = Changes(audit, "disable_schedule", client, clock=clock)
        self._outcomes = Outcomes(self._targets)
        self._rounds = Rounds(
            self._outcomes,
            total=len(self._targets),
            not_yet="stopped",
            poll_interval_s=options.poll_interval_s,
            timeout_s=options.confirm_timeout_s,
            clock=clock,
            left_s=self._left_s,
        )
        self._stopping: dict[str, Campaign] = {}
        self._unfinished: dict[str, Callable[[], None]] = {}
        self._details: dict[str, dict[str, Any]] = {campaign_id: {} for campaign_id in self._targets}
        self._contacts = ContactsBeforeStop(contacts)
        self._may_count = options.count_contacts and not options.plan_only

    def run_at(self, moment: StopMoment) -> Outcomes:
        self._moment = moment
        if self._clock.now() >= moment.at:
            return self.run()
        # As urgent as the stops: what is read for them must not wait behind the room that is kept for them.
        self._reader = CampaignReader(self._client, priority=Priority.STOP, left_s=self._left_s)
        self._may_count = False
        # Now, and not with the last reading: the store may be slow to answer, and the stops would wait for it.
        self._earlier = self._evidence.recall()
        moment.reserve(self._clock)
        left_s = (moment.at - self._clock.now()).total_seconds()
        with self._client.reserve(self._requests_at_the_moment, duration_s=left_s + _RESERVED_AFTER_S):
            moment.refresh(self._clock)
            return self._run()

    def _left_s(self) -> float | None:
        """Seconds until something else is due; None if nothing is."""
        return None if self._moment is None else self._moment.left_s(self._clock)

    @property
    def _requests_at_the_moment(self) -> int:
        """One stop each, and what it takes to read all of them before and after."""
        number = len(self._targets)
        return number + 2 * (1 if number >= LIST_FROM else number)

    def run(self) -> Outcomes:
        self._earlier = self._evidence.recall()
        return self._run()

    def _run(self) -> Outcomes:
        self._contacts.recall(self._earlier)
        self._rounds.extend(self._targets)
        # As urgent as the stops that wait for it.
        self._serve(
            list(self._targets.values()), CampaignReader(self._client, priority=Priority.STOP, left_s=self._left_s)
        )
        self._rounds.go_on(look=self._look, serve=self._serve, give_up=self._give_up)
        keep_confirmed(self._evidence, self._outcomes.results)
        return self._outcomes

    def _serve(self, targets: list[Target], reader: CampaignReader | None = None) -> None:
        """Read the targets and do what the status of each asks for."""
        reader = reader or self._reader
        if self._moment is not None and self._clock.now() < self._moment.at:
            early = read_early(
                self._client,
                targets,
                self._options.campaign_type,
                self._moment,
                # What an earlier try was about to stop may have been stopped, and started again since.
                planned={one: campaign for one, campaign in self._planned.items() if not self._was_sent(one)},
                clock=self._clock,
            )
            self._outcomes.failures.update(early.failures)
            self._serve_found(early.found)
            targets = early.unread
        self._serve_found(reader.read_many(targets, self._options.campaign_type, self._outcomes))

    def _serve_found(self, found: Mapping[str, Campaign | ProvenMissing]) -> None:
        campaigns: dict[str, Campaign] = {}
        for campaign_id, campaign in found.items():
            if isinstance(campaign, ProvenMissing):
                self._missing(campaign_id)
            else:
                campaigns[campaign_id] = campaign
        # Each minute of a running campaign is a minute of calls; disabling a schedule takes four requests and can wait.
        in_order = sorted(campaigns, key=lambda one: campaigns[one].is_scheduled)
        if not self._options.plan_only:
            self._count_contacts(campaigns)
            self._keep_intended(campaigns)
            if self._moment is not None:
                self._moment.arrive(self._clock)
        self._outcomes.attempt_all(in_order, lambda one: self._serve_one(campaigns[one]), most=MOST_SENDERS)
        # Every stop was sent once by now; what it takes to find out what became of one holds up no other.
        unfinished, self._unfinished = self._unfinished, {}
        self._outcomes.attempt_all(unfinished, lambda one: unfinished[one](), most=MOST_SENDERS)

    def _count_contacts(self, campaigns: Mapping[str, Campaign]) -> None:
        """Count the contact results of what is about to be stopped, where that takes no room from the stops."""
        running = [one for one in campaigns.values() if self._will_stop(one)]
        if self._may_count:
            confirming = 1 if len(running) >= LIST_FROM else len(running)
            # What an earlier try has sent a stop may have lost results already.
            untouched = [one for one in running if not self._was_sent(one.campaign_id)]
            self._contacts.count(self._client, untouched, needed=len(running) + confirming, clock=self._clock)

    def _will_stop(self, campaign: Campaign) -> bool:
        return ends_a_run(campaign, may_disable=self._options.disable_schedule)

    def _was_sent(self, campaign_id: str) -> bool:
        """True if an earlier try has sent a stop, or was about to."""
        return was_sent(self._earlier.get(campaign_id, {}))

    def _keep_intended(self, campaigns: Mapping[str, Campaign]) -> None:
        """Keep what is about to be sent, before it is: this process may not live to tell."""
        at = instant_text(self._clock.now() if self._moment is None else max(self._clock.now(), self._moment.at))
        sending = {
            one: {"campaign_instance_id": campaign.campaign_instance_id, "sent_at": at} | self._contacts.of(campaign)
            for one, campaign in campaigns.items()
            if self._will_stop(campaign) and not self._was_sent(one)
        }
        if sending:
            self._evidence.keep(sending)

    def _serve_one(self, campaign: Campaign) -> None:
        step = step_for(campaign)
        if step is Step.DISABLE_SCHEDULE:
            check_schedule(self._client, campaign, may_disable=self._options.disable_schedule)
            # Before its schedule is touched: whoever started it again may count on that as well.
            if self._will_stop(campaign):
                check_not_started_again(campaign, self._earlier)
        if self._options.plan_only:
            self._plan(campaign, step)
            return
        if step is Step.DISABLE_SCHEDULE:
            campaign = disable_schedule(
                self._client, campaign, self._options.campaign_type, changes=self._schedules, clock=self._clock
            )
            self._details[campaign.campaign_id]["schedule_disabled"] = True
            step = step_for(campaign)
        if step is Step.SEND:
            check_not_started_again(campaign, self._earlier)
            self._send(campaign)
        elif step is Step.WAIT:
            self._rounds.try_again(self._targets[campaign.campaign_id], str(campaign.status))
        else:
            self._idle(campaign)

    def _missing(self, campaign_id: str) -> None:
        try:
            self._outcomes.results[campaign_id] = missing_result(campaign_id, self._options)
        except KoreNotFoundError as error:
            self._outcomes.failures[campaign_id] = error

    def _idle(self, campaign: Campaign) -> None:
        """The result of a campaign that runs no more; changed only if its schedule was disabled here."""
        sent = stop_by_an_earlier_try(campaign, self._earlier) or {}
        by_whom = f" since the stop that an earlier try sent at {sent['sent_at']}" if sent else ""
        log.info("campaign %s: is %s%s, no stop is sent", campaign.campaign_id, campaign.status, by_whom)
        details = self._details[campaign.campaign_id]
        known = sent | (self._contacts.of(campaign) if campaign.status.is_ended else {})
        self._outcomes.results[campaign.campaign_id] = Result.of(campaign, changed=bool(details), **details, **known)

    def _plan(self, campaign: Campaign, step: Step) -> None:
        """The result of a campaign for which something would be done."""
        campaign_id = campaign.campaign_id
        planned = []
        if step is Step.DISABLE_SCHEDULE:
            planned.append("disable its schedule")
            step = step_once_unscheduled(campaign)
        if step is Step.WAIT:
            planned.append(f"wait until it is no longer {campaign.status}")
        if step is Step.SEND:
            kind, version = self._options.campaign_type, self._options.api_version
            planned.append(self._client.describe("stop", campaign_id, kind, api_version=version))
        if not planned:
            self._idle(campaign)
            return
        self._outcomes.results[campaign_id] = planned_result(campaign, *planned)

    def _send(self, campaign: Campaign) -> None:
        """Send the stop once; where the answer does not tell what became of it, that is left for later."""
        campaign_id = campaign.campaign_id
        self._clock.check_cancelled()
        now = self._clock.now()
        if self._moment is not None:
            self._moment.check(campaign_id, now)
        sent_at = instant_text(now)
        try:
            with self._stops.sending(campaign, self._options.campaign_type):
                stop = self._client.begin_stop(
                    campaign_id,
                    self._options.campaign_type,
                    api_version=self._options.api_version,
                    # A run without an id is not "never ran": this answer just did not tell.
                    instance_id=campaign.campaign_instance_id or UnknownInstance.UNKNOWN,
                    within_s=self._left_s(),
                )
        except (KoreRequestError, KoreNotFoundError) as error:
            self._unfinished[campaign_id] = partial(self._refused, campaign_id, error)
            return
        if stop.receipt is None:
            self._unfinished[campaign_id] = partial(self._finish, campaign, stop, sent_at)
        else:
            self._accepted(campaign, stop.receipt, sent_at)

    def _finish(self, campaign: Campaign, stop: Writing, sent_at: str) -> None:
        """Find out what became of a stop whose answer did not tell, and send it again where that is right."""
        try:
            with self._stops.sending(campaign, self._options.campaign_type):
                self._clock.check_cancelled()
                receipt = stop.finish()
        except (KoreRequestError, KoreNotFoundError) as error:
            self._refused(campaign.campaign_id, error)
        else:
            self._accepted(campaign, receipt, sent_at)

    def _accepted(self, campaign: Campaign, receipt: Receipt, sent_at: str) -> None:
        """The stop took effect; or it turned out that the campaign ended by itself meanwhile."""
        campaign_id = campaign.campaign_id
        # Counted to the answer: until then the campaign may have been calling.
        answered = self._clock.now()
        lateness = {} if self._moment is None else {"lateness_s": self._moment.lateness_s(campaign_id, answered)}
        self._details[campaign_id] |= {"sent_at": sent_at} | lateness
        status = receipt.status or CampaignStatus.STOPPED
        if receipt.by_reading and status == CampaignStatus.COMPLETED:
            log.info("campaign %s: completed by itself while the answer to its stop was lost", campaign_id)
            ended = Result.of(campaign, changed=False, **self._contacts.of(campaign))
            self._outcomes.results[campaign_id] = replace(ended, status=str(status))
            return
        log.info("campaign %s: the stop was accepted, status %s", campaign_id, receipt.status)
        kind = self._options.campaign_type
        self._stops.made(campaign, kind, at=answered, after=status, by_reading=receipt.by_reading, **lateness)
        if self._options.confirm and not (receipt.by_reading and status == CampaignStatus.STOPPED):
            self._stopping[campaign_id] = campaign
            self._rounds.extend([campaign_id])
        else:
            self._stopped(campaign, status)

    def _refused(self, campaign_id: str, error: KoreError) -> None:
        """A stop that was refused is no failure if the campaign has ended by itself, or was deleted, before it came.

        One whose answer was lost, and whose campaign is gone since, may have come before.
        """
        if error.outcome_unknown:
            raise error
        after = self._reader.read(campaign_id, self._options.campaign_type)
        if isinstance(after, ProvenMissing):
            self._missing(campaign_id)
        elif after.status.is_ended:
            self._idle(after)
        else:
            raise error

    def _look(self) -> None:
        """Read what was sent a stop; what has stopped gets its result."""
        if not self._stopping:
            return
        self._rounds.see(dict.fromkeys(self._stopping, "not readable"))
        try:
            listed = self._reader.look_up(self._stopping, self._options.campaign_type)
        except KoreError as error:
            log.info("the list could not be read: %s", error)
            if not error.retryable:
                self._outcomes.failures.update(dict.fromkeys(self._stopping, error))
                self._stopping.clear()
            return
        for campaign_id, before in list(self._stopping.items()):
            try:
                now = listed.get(campaign_id) or self._reader.read(campaign_id, self._options.campaign_type)
                if isinstance(now, ProvenMissing):
                    del self._stopping[campaign_id]
                    self._missing(campaign_id)
                else:
                    self._compare(before, now)
            except KoreError as error:
                # An answer that is not understood may be understood the next time; what was sent stays sent.
                if error.retryable or isinstance(error, KoreProtocolError | KoreRequestError):
                    log.info("campaign %s: could not be read: %s", campaign_id, error)
                    continue
                self._outcomes.failures[campaign_id] = error
                del self._stopping[campaign_id]

    def _compare(self, before: Campaign, now: Campaign) -> None:
        """Whether the run that was sent a stop is over."""
        self._rounds.see({now.campaign_id: str(now.status)})
        if len({before.campaign_instance_id, now.campaign_instance_id} - {None}) > 1:
            raise started_again(now, "was being stopped")
        if now.status.is_ended:
            del self._stopping[now.campaign_id]
            self._stopped(before, now.status)

    def _stopped(self, campaign: Campaign, status: CampaignStatus) -> None:
        details = self._details[campaign.campaign_id] | self._contacts.of(campaign)
        result = Result.of(campaign, changed=True, **details)
        result.status = str(status)
        if self._options.confirm:
            result.details["confirmed_at"] = instant_text(self._clock.now())
        self._outcomes.results[campaign.campaign_id] = result

    def _give_up(self, campaign_id: str, seen: str, timeout: str) -> CampaignTimeoutError | None:
        """The error for a campaign that was sent a stop and does not stop; None for one that was sent none."""
        if self._stopping.pop(campaign_id, None) is None:
            return None
        return CampaignTimeoutError(
            f"campaign {campaign_id}: the stop was accepted, but it is still {seen} after {timeout}; look at it on the "
            "platform, or run this again",
            campaign_id=campaign_id,
        )
