"""Stopping campaigns: decide for each by its status, send, and prove by reading that it stopped."""

from __future__ import annotations

import logging
import math
import threading
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.actions.audit import Audit, AuditLog, Changes
from airflow_provider_campaigns.actions.evidence import (
    Entry,
    Evidence,
    NoEvidence,
    check_not_started_again,
    hours_in,
    stop_by_an_earlier_try,
    was_seen,
    was_sent,
)
from airflow_provider_campaigns.actions.outcomes import Outcomes, Result
from airflow_provider_campaigns.actions.reading import LIST_FROM, CampaignReader
from airflow_provider_campaigns.actions.rounds import Rounds
from airflow_provider_campaigns.actions.stopping.contact_counts import ContactsBeforeStop
from airflow_provider_campaigns.actions.stopping.moment import LAST_LOOK, ROOM, look_before, warn_of_clocks
from airflow_provider_campaigns.actions.stopping.schedules import ScheduleNames, check_disabled, disable_schedule
from airflow_provider_campaigns.actions.stopping.step import (
    Step,
    ends_a_run,
    may_stop_unread,
    step_for,
    step_once_unscheduled,
    unread,
)
from airflow_provider_campaigns.kore.budget import Priority
from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignStatus
from airflow_provider_campaigns.kore.clock import SYSTEM_CLOCK, Clock, instant_text, wait_until
from airflow_provider_campaigns.kore.errors import (
    CampaignStateError,
    CampaignTimeoutError,
    KoreError,
    KoreNotFoundError,
    KoreRequestError,
    excerpt,
)
from airflow_provider_campaigns.kore.listing import Expected
from airflow_provider_campaigns.kore.patience import ENDLESS, Patience, countdown
from airflow_provider_campaigns.kore.presence import ProvenMissing
from airflow_provider_campaigns.kore.runs import SameRun, UnknownInstance, as_note, named_run, same_run
from airflow_provider_campaigns.kore.sending import ACCEPTED_S, FRESH_S
from airflow_provider_campaigns.kore.stand_ins import Need
from airflow_provider_campaigns.kore.writes import Receipt, started_again

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Future
    from datetime import datetime

    from airflow_provider_campaigns.actions.stopping.contact_counts import ContactCount
    from airflow_provider_campaigns.actions.stopping.moment import StopMoment
    from airflow_provider_campaigns.actions.targets import Target
    from airflow_provider_campaigns.kore.campaigns import CampaignType
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.sending import Judge
    from airflow_provider_campaigns.kore.writing import Writing

log = logging.getLogger(__name__)

_BACK_S, _BACK_AGAIN_S = 0.05, 0.45
"""How long, and how often, is looked whether something that hung is back."""

_TOGETHER_S = 2.0
"""Where many are in doubt those whose looks are due within this are looked at together."""

_SPARE = 4
"""Places of the minute of a close that many campaigns keep for what goes wrong with some of them."""

_RESERVED_AFTER_S = 30.0
"""How long after the instant room is kept for stops that had to be repeated."""


@dataclass(frozen=True, slots=True)
class StopOptions:
    """How campaigns are stopped.

    Attributes:
        campaign_type: what the campaigns must be.
        api_version: of the stop request; None for the connection's, or v1.
        if_missing: ``fail``, ``skip`` or ``succeed`` when a campaign is provably not there; both of the latter give a
            result with the status ``Missing``.
        confirm: prove by reading that each campaign stopped; otherwise the answer to the stop is believed.
        poll_interval_s: seconds between readings while a campaign has not stopped yet, or is being prepared.
        confirm_timeout_s: seconds for which it is read: from the stop on or, while it is being prepared, from the first
            reading on.
        disable_schedule: disable the schedule of a scheduled campaign instead of failing.
        plan_only: read and decide, send nothing.
        stop_unread: stop a campaign also where every reading of it is refused: once, within 15 minutes of its moment or
            of the beginning, if it was named by its id alone and no note tells of an earlier stop.
        is_first_try: of the task; a later one that has no notes of the earlier ones stops nothing unread.
        count_contacts: count the contact results of a campaign that is stopped at once, where the request budget has
            room for that; what is stopped at a moment to come is counted long before it.
    """

    campaign_type: CampaignType
    api_version: str | None = None
    if_missing: str = "fail"
    confirm: bool = True
    poll_interval_s: float = 15.0
    confirm_timeout_s: float = 600.0
    disable_schedule: bool = False
    plan_only: bool = False
    stop_unread: bool = False
    is_first_try: bool = True
    count_contacts: bool = True


def will_stop(campaign: Campaign, options: StopOptions) -> bool:
    """True if the campaign runs and is to be sent a stop, be it after its schedule is disabled, where it may be."""
    return ends_a_run(campaign, may_disable=options.disable_schedule)


def looked_at_by(number: int) -> int:
    """How many requests it takes to look at so many campaigns, once it is known how long the list is."""
    return 1 if number >= LIST_FROM else number


def requests_for(number: int) -> int:
    """What so many campaigns take at their close: one stop each, and reading all of them before and after.

    Of many the look before may take two pages more, where the list is long.
    """
    of_many = 2 + _SPARE if number >= LIST_FROM else 0
    return number + 2 * looked_at_by(number) + of_many


def missing_result(campaign_id: str, options: StopOptions, missing: ProvenMissing, now: datetime) -> Result:
    """The result for a campaign that is to be stopped and provably is not there ``now``.

    Raises:
        KoreNotFoundError: ``if_missing`` is ``fail``.
    """
    return Result.missing(
        campaign_id,
        if_missing=options.if_missing,
        or_else=". Was it deleted, or does it belong to another app? if_missing='succeed' accepts that",
        campaign_type=options.campaign_type,
        missing=missing,
        **missing.told(now),
    )


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
    judge: Judge = lambda _: None,
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
        judge: is shown each reading of a campaign before it is stopped, and raises if that must not be.
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
        moment=moment,
        planned=planned or {},
        contacts=contacts or {},
        audit=audit or AuditLog(),
        judge=judge,
    )
    return stop.stop_all()


def stop_one(
    client: KoreClient, evidence: Evidence | None = None, audit: Audit | None = None, clock: Clock = SYSTEM_CLOCK
) -> Callable[[Target, CampaignType, Judge], None]:
    """A function that stops one campaign of a type at once, and proves it; it raises the ``KoreError`` of a failure."""

    def stop(target: Target, campaign_type: CampaignType, judge: Judge) -> None:
        # Nobody compares a report with the count, and nothing is to come between the look and the stop.
        options = StopOptions(campaign_type, count_contacts=False)
        stop_campaigns(
            client, [target], options, evidence=evidence, audit=audit, judge=judge, clock=clock
        ).raise_failures("stopped")

    return stop


def _kept_up(patience: Patience, moment: StopMoment | None, options: StopOptions, clock: Clock) -> Patience:
    """The same for what is sent again until the time to prove it is over, which begins with the moment."""
    ahead_s = 0.0 if moment is None else max(0.0, (moment.at - clock.now()).total_seconds())
    return replace(patience, repeat_s=countdown(ahead_s + options.confirm_timeout_s, clock.monotonic))


class _StaleLookError(CampaignStateError):
    """A stop waited for its place, and nobody has looked at its campaign since: it is looked at again first."""

    def __init__(self, campaign_id: str) -> None:
        super().__init__(f"campaign {campaign_id}: was looked at too long ago", campaign_id=campaign_id)


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
        moment: StopMoment | None,
        planned: Mapping[str, Campaign],
        contacts: Mapping[str, ContactCount],
        audit: Audit,
        judge: Judge,
    ) -> None:
        self._judge = judge
        self._planned = planned
        self._evidence = evidence
        self._earlier: Mapping[str, Entry] = {}
        self._client = client
        self._moment = moment
        self._patience = ENDLESS if moment is None else moment.patience(clock)
        self._reader = CampaignReader(client, need=Need.STATUS, patience=self._patience)
        self._kept_up = _kept_up(self._patience, moment, options, clock)
        """Of a stop, and of what is read for it: also through a pause that the service asks for."""
        self._urgent = CampaignReader(
            client,
            need=Need.STATUS,
            priority=Priority.STOP,
            patience=self._kept_up if self._patience.is_endless else self._patience,
        )
        """As urgent as the stops that wait for what it reads."""
        self._targets = {target.campaign_id: target for target in targets}
        self._options = options
        self._clock = clock
        self._stops = Changes(audit, "stop", client, api_version=options.api_version, clock=clock)
        self._schedules = Changes(audit, "disable_schedule", client, clock=clock)
        self._names = ScheduleNames(client, clock)
        self._look_again: list[str] = []
        """What is to be looked at once more before it is stopped: its schedule may have started it before that was
        disabled, or it waited for its place for long.
        """
        self._outcomes = Outcomes(self._targets)
        self._rounds = Rounds(
            self._outcomes,
            not_yet="stopped",
            poll_interval_s=options.poll_interval_s,
            timeout_s=options.confirm_timeout_s,
            clock=clock,
            patience=self._patience,
        )
        self._stopping: dict[str, Campaign] = {}
        self._send_again_at: dict[str, float] = {}
        self._is_due = True
        """Whether what was accepted is to be read."""
        self._sent_at: dict[str, datetime] = {}
        """What was sent a stop, and when for the first time."""
        self._on_air: set[str] = set()
        """What is sent one that is not answered yet."""
        self._sending: dict[str, Campaign] = {}
        """What that was sent to, as it was read before."""
        self._held: dict[str, Future[None]] = {}
        """What is not waited for: its sending hangs."""
        self._doubts: dict[str, tuple[Campaign, Writing]] = {}
        """What was sent a stop whose answer does not tell what became of it."""
        self._accepted_in_doubt: dict[str, Campaign] = {}
        """What was accepted by an answer that does not say so; while no reading tells."""
        self._began = clock.now()
        self._unread: set[str] = set()
        """What is stopped although no reading of it is answered."""
        self._refusals: dict[str, KoreError] = {}
        self._begun_at: dict[str, float] = {}
        """When the stops began to be sent that a look says to send."""
        self._is_over = False
        self._lock = threading.RLock()
        self._details: dict[str, dict[str, Any]] = {campaign_id: {} for campaign_id in self._targets}
        self._contacts = ContactsBeforeStop(contacts)
        self._may_count = options.count_contacts and not options.plan_only

    def stop_all(self) -> Outcomes:
        # Now, and not with the last look: the store may be slow to answer, and the stops would wait for it.
        moment, patience = self._moment, ENDLESS
        if moment is not None and self._clock.now() < moment.at:
            patience = Patience.until(moment.at - LAST_LOOK, self._clock)
        self._earlier = self._evidence.recall(patience)
        if moment is None or self._clock.now() >= moment.at:
            return self._stop_until_proven()
        # What is read of them must not wait behind the room that is kept for them.
        self._reader = self._urgent
        self._may_count = False
        wait_until(moment.at - ROOM, self._clock)
        left_s = (moment.at - self._clock.now()).total_seconds()
        with self._client.reserve(requests_for(len(self._targets)), duration_s=left_s + _RESERVED_AFTER_S):
            if self._options.disable_schedule and any(one.is_scheduled for one in self._planned.values()):
                self._names.read_early(Patience.until(moment.at - LAST_LOOK, self._clock))
            wait_until(moment.at - LAST_LOOK, self._clock)
            return self._stop_until_proven()

    def _stop_until_proven(self) -> Outcomes:
        self._contacts.recall(self._earlier)
        self._rounds.extend(self._targets)
        try:
            self._read_and_stop(list(self._targets))
            self._rounds.go_on(look=self._look, act=self._read_and_stop, give_up=self._give_up, wait=self._wait)
        finally:
            self._tell_of_doubts()
        if confirmed := self._outcomes.confirmed():
            self._evidence.keep(confirmed)
        return self._outcomes

    def _read_and_stop(self, campaign_ids: list[str]) -> None:
        """Read campaigns and do what the status of each asks for."""
        targets = [self._targets[one] for one in campaign_ids]
        if self._moment is not None and self._clock.now() < self._moment.at:
            early = look_before(
                self._moment,
                self._client,
                targets,
                self._options.campaign_type,
                # What an earlier try was about to stop may have been stopped, and started again since.
                planned={one: campaign for one, campaign in self._planned.items() if not self._was_sent(one)},
                clock=self._clock,
            )
            self._outcomes.failures.update(early.failures)
            self._stop_found(early.found)
            targets = early.unread
        seen = {one for one in campaign_ids if was_seen(self._earlier.get(one, {}))}
        found = self._urgent.read_many(targets, self._options.campaign_type, self._outcomes, seen=seen)
        self._stop_found(found | self._take_unread(targets))

    def _take_unread(self, targets: Sequence[Target]) -> dict[str, Campaign]:
        """Take from the failures what could not be read and is to be stopped all the same; it is noted first."""
        failures = self._outcomes.failures
        may = {
            target.campaign_id: failures[target.campaign_id]
            for target in targets
            if target.campaign_id in failures and self._may_stop_unread(target, failures[target.campaign_id])
        }
        if not may or not (self._options.plan_only or self._note_unread(may)):
            return {}
        self._unread.update(may)
        for campaign_id, error in may.items():
            del failures[campaign_id]
            log.warning("campaign %s: every reading is refused, so it is stopped unread: %s", campaign_id, error)
        return {one: unread(one, self._options.campaign_type) for one in may}

    def _may_stop_unread(self, target: Target, error: KoreError) -> bool:
        at = None if self._moment is None else self._moment.closes.get(target.campaign_id, self._moment.at)
        return (
            self._options.stop_unread
            and error.is_unreadable
            and target.is_explicit
            and target.name is None
            and not self._was_sent(target.campaign_id)
            and may_stop_unread(since=at or self._began, now=self._clock.now())
        )

    def _note_unread(self, campaign_ids: Iterable[str]) -> bool:
        """Note what is about to be sent; False if a later try would not know of it, and might send it again."""
        entry = {"campaign_instance_id": UnknownInstance.UNKNOWN.value, "sent_at": instant_text(self._clock.now())}
        if self._evidence.keep(dict.fromkeys(campaign_ids, entry)):
            return True
        if isinstance(self._evidence, NoEvidence) and self._options.is_first_try:
            return True
        log.warning("nothing is stopped unread: it cannot be noted that, or it is not known what earlier tries sent")
        return False

    def _stop_found(self, found: Mapping[str, Campaign | ProvenMissing]) -> None:
        campaigns: dict[str, Campaign] = {}
        for campaign_id, campaign in found.items():
            if isinstance(campaign, ProvenMissing):
                self._missing(campaign_id, campaign)
                continue
            try:
                self._judge(campaign)
                campaigns[campaign_id] = campaign
            except KoreError as error:
                self._outcomes.failures[campaign_id] = error
        # Each minute of a campaign that calls is a minute of calls; one that pauses can wait for that, and disabling a
        # schedule, which takes a request of its own.
        began, paused = self._clock.monotonic(), CampaignStatus.PAUSED
        in_order = sorted(campaigns, key=lambda one: (campaigns[one].is_scheduled, campaigns[one].status == paused))
        if not self._options.plan_only:
            self._count_contacts(campaigns)
            self._keep_intended(campaigns)
            if self._moment is not None:
                wait_until(self._due_at(self._moment), self._clock)
                began = self._clock.monotonic()
        self._begun_at |= dict.fromkeys(in_order, began)
        self._attempt(in_order, lambda one: self._stop_one(campaigns[one]))
        again, self._look_again = self._look_again, []
        if again:
            # Counting is what may have taken so long, and what was counted is known.
            self._may_count = False
            self._read_and_stop(again)

    def _attempt(self, campaign_ids: Iterable[str], work: Callable[[str], None]) -> None:
        """Attempt something for each campaign; one that hangs holds up no other."""
        _, held = self._outcomes.attempt_most(campaign_ids, work, hangs=self._on_air.__contains__)
        with self._lock:
            self._held |= held
            for campaign_id in held.keys() & self._on_air:
                self._rounds.wait_for(campaign_id, "not answered")
        self._look_into_refusals()

    def _look_into_refusals(self) -> None:
        """Every stop was sent once by now; what it takes to find out what became of one holds up no other."""
        refusals, self._refusals = self._refusals, {}
        self._outcomes.attempt_all(refusals, lambda one: self._refused(one, refusals[one]), is_urgent=True)

    def _is_open(self, campaign_id: str) -> bool:
        return campaign_id not in self._outcomes.results and campaign_id not in self._outcomes.failures

    def _due_at(self, moment: StopMoment) -> datetime:
        """The moment, or later if the service's clock says that it has not come yet."""
        now = self._clock.now()
        if now >= moment.at:
            return moment.at
        gap = self._client.clock_gap(now)
        warn_of_clocks(moment, gap)
        return moment.due_at(gap)

    def _count_contacts(self, campaigns: Mapping[str, Campaign]) -> None:
        """Count the contact results of what is about to be stopped, where that takes no room from the stops."""
        running = [
            one for one in campaigns.values() if will_stop(one, self._options) and one.campaign_id not in self._unread
        ]
        if self._may_count:
            confirming = 1 if len(running) >= LIST_FROM else len(running)
            # What an earlier try has sent a stop may have lost results already.
            untouched = [one for one in running if not self._was_sent(one.campaign_id)]
            self._contacts.count(self._client, untouched, needed=len(running) + confirming, clock=self._clock)

    def _was_sent(self, campaign_id: str) -> bool:
        """True if an earlier try has sent a stop, or was about to."""
        return was_sent(self._earlier.get(campaign_id, {}))

    def _keep_intended(self, campaigns: Mapping[str, Campaign]) -> None:
        """Keep what is about to be sent, before it is: this process may not live to tell."""
        at = instant_text(self._clock.now() if self._moment is None else max(self._clock.now(), self._moment.at))
        sending = {
            one: hours_in(self._earlier.get(one, {}))
            | {"campaign_instance_id": as_note(named_run(campaign.campaign_instance_id)), "sent_at": at}
            | self._contacts.of(campaign)
            for one, campaign in campaigns.items()
            if will_stop(campaign, self._options) and not self._was_sent(one) and one not in self._unread
        }
        if sending:
            patience = None
            if self._moment is not None and self._clock.now() < self._moment.at:
                patience = Patience.until(self._moment.at, self._clock)
            self._evidence.keep(sending, patience)

    def _stop_one(self, campaign: Campaign) -> None:
        step = step_for(campaign)
        if step is Step.DISABLE_SCHEDULE:
            if "schedule_disabled" in self._details[campaign.campaign_id]:
                check_disabled(campaign)
            self._names.check(campaign, may_disable=self._options.disable_schedule)
            # Before its schedule is touched: whoever started it again may count on that as well.
            if will_stop(campaign, self._options):
                check_not_started_again(campaign, self._earlier)
        if self._options.plan_only:
            self._plan(campaign, step)
            return
        if step is Step.DISABLE_SCHEDULE:
            kind = self._options.campaign_type
            disable_schedule(self._client, campaign, kind, changes=self._schedules, clock=self._clock)
            self._details[campaign.campaign_id]["schedule_disabled"] = True
            step = step_once_unscheduled(campaign)
            if step is not Step.SEND:
                self._look_again.append(campaign.campaign_id)
                return
        if step is Step.SEND:
            check_not_started_again(campaign, self._earlier)
            self._check_same_run(campaign)
            self._send(campaign)
        elif step is Step.WAIT:
            self._rounds.try_again(campaign.campaign_id, str(campaign.status))
        else:
            self._idle(campaign)

    def _missing(self, campaign_id: str, missing: ProvenMissing) -> None:
        try:
            self._outcomes.results[campaign_id] = missing_result(campaign_id, self._options, missing, self._clock.now())
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
        self._outcomes.results[campaign_id] = Result.planned(campaign, *planned)

    def _send(self, campaign: Campaign) -> None:
        """Send the stop once; where the answer does not tell what became of it, that is left for later."""
        campaign_id = campaign.campaign_id
        # A second look, for which it waited, may not tell the run that the first has named.
        run = campaign.campaign_instance_id or self._sending.get(campaign_id, campaign).campaign_instance_id
        campaign = self._sending[campaign_id] = replace(campaign, campaign_instance_id=run)

        def send() -> Writing:
            return self._client.send_stop_once(
                campaign_id,
                self._options.campaign_type,
                api_version=self._options.api_version,
                # A run without an id is not "never ran": this answer just did not tell.
                instance_id=named_run(campaign.campaign_instance_id),
                patience=replace(self._kept_up, before_write=partial(self._check_to_send, campaign_id)),
            )

        self._take_a_step(campaign, send)

    def _check_to_send(self, campaign_id: str) -> None:
        """Right before a stop is sent, for which it may have waited long.

        Raises:
            CampaignStateError: it must not be: its hours have begun again, it is seen to have stopped, or nobody has
                looked at it just now.
        """
        self._clock.check_cancelled()
        now = self._clock.now()
        if self._moment is not None:
            self._moment.check(campaign_id, now)
        # What was sent before is looked at by who sends it again, and what is stopped unread by nobody.
        is_looked_at = campaign_id in self._sent_at or campaign_id in self._unread
        self._check_fresh(campaign_id, math.inf if is_looked_at else self._begun_at[campaign_id])
        self._sent_at.setdefault(campaign_id, now)
        self._on_air.add(campaign_id)

    def _check_fresh(self, campaign_id: str, since: float) -> None:
        """Make sure that a campaign was looked at just now, and is not seen to have stopped since."""
        if self._clock.monotonic() - since > FRESH_S or not self._is_open(campaign_id):
            raise _StaleLookError(campaign_id)

    def _check_same_run(self, campaign: Campaign) -> None:
        """Make sure that what is looked at once more, because its stop had to wait, has not begun another run since."""
        before = self._sending.get(campaign.campaign_id)
        if before is not None and self._is_other_run(before, campaign):
            raise started_again(campaign, "was to be stopped")

    @staticmethod
    def _is_other_run(before: Campaign, now: Campaign) -> bool:
        # A reading that names no run may be of the one that is meant.
        same = same_run(named_run(before.campaign_instance_id), named_run(now.campaign_instance_id))
        return same is SameRun.NO

    def _take_a_step(self, campaign: Campaign, step: Callable[[], Writing]) -> None:
        """Take a step of a stop; what follows from an answer is told at once, for this process may be killed."""
        campaign_id = campaign.campaign_id
        try:
            with self._stops.sending(campaign, self._options.campaign_type):
                stop = step()
        except (KoreRequestError, KoreNotFoundError) as error:
            self._refusals[campaign_id] = error
        except _StaleLookError:
            self._look_again += [campaign_id] if self._is_open(campaign_id) else []
        else:
            answered = self._clock.now()
            with self._lock:
                # Of what a reading has shown to be over, or what was told to be unknown, the answer comes too late.
                if self._is_open(campaign_id) and not self._is_over:
                    self._sent(campaign, stop, answered)
        finally:
            self._on_air.discard(campaign_id)

    def _sent(self, campaign: Campaign, stop: Writing, answered: datetime) -> None:
        campaign_id = campaign.campaign_id
        if stop.receipt is not None:
            self._accepted(campaign, stop.receipt, answered)
        elif stop.was_accepted and self._options.confirm:
            log.info("campaign %s: the answer to the stop does not say that it was done; it is read on", campaign_id)
            self._accepted_in_doubt[campaign_id] = campaign
            self._read_on(campaign)
        else:
            self._doubts[campaign_id] = campaign, stop
            self._rounds.wait_for(campaign_id, "in doubt")

    def _send_again(self) -> None:
        """Send again what was found to have had no effect."""
        again = {one: doubt for one, doubt in self._doubts_now.items() if doubt[1].look_at is None}
        for campaign_id in again:
            del self._doubts[campaign_id]

        def go_on(campaign_id: str) -> None:
            campaign, stop = again[campaign_id]

            def step() -> Writing:
                stop.go_on()
                return stop

            self._take_a_step(campaign, step)

        self._attempt(again, go_on)

    def _accepted(self, campaign: Campaign, receipt: Receipt, answered: datetime) -> None:
        """The stop took effect; or it turned out that the campaign ended otherwise meanwhile."""
        campaign_id = campaign.campaign_id
        # Counted to the answer: until then the campaign may have been calling.
        lateness = {} if self._moment is None else {"lateness_s": self._moment.lateness_s(campaign_id, answered)}
        self._details[campaign_id] |= {"sent_at": instant_text(self._sent_at[campaign_id])} | lateness
        status = receipt.status or CampaignStatus.STOPPED
        if not receipt.changed or (receipt.by_reading and status == CampaignStatus.COMPLETED):
            log.info("campaign %s: is %s, and not by this stop", campaign_id, status)
            ended = Result.of(campaign, changed=False, **self._contacts.of(campaign))
            self._outcomes.results[campaign_id] = replace(ended, status=str(status))
            return
        log.info("campaign %s: the stop was accepted, status %s", campaign_id, receipt.status)
        kind = self._options.campaign_type
        self._stops.made(campaign, kind, at=answered, after=status, by_reading=receipt.by_reading, **lateness)
        if self._options.confirm and not (receipt.by_reading and status == CampaignStatus.STOPPED):
            self._read_on(campaign)
        else:
            self._stopped(campaign, status)

    def _read_on(self, campaign: Campaign) -> None:
        """Read a campaign that was sent a stop until it shows; sent again is that once, after a minute."""
        self._stopping[campaign.campaign_id] = campaign
        self._is_due = True
        self._send_again_at[campaign.campaign_id] = self._clock.monotonic() + ACCEPTED_S
        self._rounds.extend([campaign.campaign_id])

    def _send_once_more(self, campaign_id: str) -> None:
        """Send the stop once more, for a service that forgot it. What is answered is no verdict: reading tells.

        One that has no place soon after the reading that shows that it goes on is sent after a later one.
        """
        began, has_place = self._clock.monotonic(), False

        def check() -> None:
            nonlocal has_place
            self._check_to_send(campaign_id)
            self._check_fresh(campaign_id, began)
            has_place = True

        log.info("campaign %s: does not stop; the stop is sent once more", campaign_id)
        try:
            self._client.send_stop_once(
                campaign_id,
                self._options.campaign_type,
                api_version=self._options.api_version,
                instance_id=named_run(self._stopping[campaign_id].campaign_instance_id),
                patience=replace(self._kept_up, place_s=FRESH_S, before_write=check),
            )
        except KoreError as error:
            log.info("campaign %s: %s; it is read on", campaign_id, error)
            if not has_place:
                self._send_again_at[campaign_id] = began
        finally:
            self._on_air.discard(campaign_id)

    def _tell_of_doubts(self) -> None:
        """Tell of the stops of which nobody knows whether they were done: no reading told, or the task is killed."""
        kind = self._options.campaign_type
        with self._lock:
            self._is_over = True
            doubts = [campaign for campaign, stop in self._doubts.values() if stop.is_in_doubt]
            told = self._stopping.keys() - self._accepted_in_doubt.keys()
            hanging = [self._sending[one] for one in self._on_air - told if self._is_open(one)]
            for campaign in [*self._accepted_in_doubt.values(), *doubts, *hanging]:
                self._stops.made(campaign, kind, at=self._clock.now(), after=None, outcome_unknown=True)

    def _refused(self, campaign_id: str, error: KoreError) -> None:
        """A stop that was refused is no failure if the campaign has ended by itself, or was deleted, before it came.

        One whose answer was lost, and whose campaign is gone since, may have come before.
        """
        if error.outcome_unknown:
            raise error
        try:
            after = self._reader.read(campaign_id, self._options.campaign_type)
        except KoreError as unreadable:
            error.retryable = error.retryable or unreadable.retryable
            raise error from unreadable
        if isinstance(after, ProvenMissing):
            self._missing(campaign_id, after)
        elif after.status.is_ended:
            self._idle(after)
        elif after.status.is_known or not self._was_sent(campaign_id):
            raise error
        else:  # that it cannot be stopped may be because it was
            raise CampaignTimeoutError(
                f"{error}; an earlier try has sent it a stop, and it is {excerpt(after.status)!r}, which is not "
                "documented: it may have stopped. Look at it on the platform",
                campaign_id=campaign_id,
            ) from error

    def _wait(self, seconds: float) -> None:
        """Wait so long, or until a doubt is to be looked into, or something that hung is back."""
        doubts = sorted((stop for _, stop in self._doubts_now.values()), key=self._looks_in_s)
        if doubts and self._looks_in_s(doubts[0]) <= seconds:
            # They were sent one after the other, and one list is to tell of all.
            soon_s = self._looks_in_s(doubts[0]) + (_TOGETHER_S if self._are_many_in_doubt else 0.0)
            last = [stop for stop in doubts if self._looks_in_s(stop) <= soon_s][-1]
            last.wait_to_look(is_scarce=self._are_many_in_doubt)
            return
        self._is_due = True
        if not self._held:
            self._clock.sleep(seconds)
            return
        left_s = countdown(seconds, self._clock.monotonic)
        while left_s() > 0 and not wait(self._held.values(), timeout=_BACK_S, return_when=FIRST_COMPLETED).done:
            self._clock.sleep(min(_BACK_AGAIN_S, max(0.0, left_s())))
        # Others may be back with it, and one list tells of all.
        wait(self._held.values(), timeout=_BACK_AGAIN_S)

    def _look(self) -> None:
        """Read what was sent a stop until nothing is to be sent again; what has stopped gets its result."""
        back = {one: future for one, future in self._held.items() if future.done()}
        for campaign_id in back:
            del self._held[campaign_id]
        self._outcomes.gather(back)
        self._look_into_refusals()
        while True:
            self._send_again()
            self._read_what_was_sent()
            if all(stop.look_at is not None for _, stop in self._doubts_now.values()):
                return

    @property
    def _doubts_now(self) -> dict[str, tuple[Campaign, Writing]]:
        # A copy: what hung may be back at any moment, and is added by its own thread.
        return dict(self._doubts)

    @property
    def _are_many_in_doubt(self) -> bool:
        """True if each will need a place to be sent again, so that no more are spent on readings than it takes."""
        return len(self._doubts) + len(self._held) >= LIST_FROM

    def _looks_in_s(self, stop: Writing) -> float:
        return stop.looks_in_s(is_scarce=self._are_many_in_doubt)

    def _read_what_was_sent(self) -> None:
        """Read what was accepted, what is in doubt, and what hangs: many of them by one list."""
        asked = {one: stop for one, (_, stop) in self._doubts_now.items() if stop.look_at is not None}
        doubts = [one for one, stop in asked.items() if not self._looks_in_s(stop)]
        held = [one for one in self._held if self._is_open(one)]
        now = self._clock.monotonic()
        if not doubts and not (self._stopping and self._is_due):
            return
        self._rounds.see(dict.fromkeys(self._stopping, "not readable"))
        try:
            reader = self._urgent if doubts else self._reader
            wanted = {*doubts, *held, *self._stopping}
            listed = reader.look_up(wanted, self._options.campaign_type, expected=Expected.JUST_CHANGED)
        except KoreError as error:
            log.info("the list could not be read: %s", error)
            for campaign_id in doubts:
                self._tell(campaign_id, error, now)
            self._fail_unless_it_passes(error)
            return

        def read(campaign_id: str) -> Campaign | ProvenMissing | KoreError:
            try:
                return listed.get(campaign_id) or reader.read(campaign_id, self._options.campaign_type)
            except KoreError as error:
                return error

        for campaign_id, reading in self._outcomes.attempt_all([*doubts, *held], read, is_urgent=True).items():
            if campaign_id in self._doubts:
                self._tell(campaign_id, reading, now)
            else:
                self._see_held(campaign_id, reading)
        if listed or self._is_due:
            self._is_due = False
            self._prove(listed)

    def _tell(self, campaign_id: str, reading: Campaign | ProvenMissing | KoreError, began: float) -> None:
        """Let a stop in doubt go by a reading that began then."""
        campaign, stop = self._doubts.pop(campaign_id)

        def tell() -> Writing:
            stop.tell(reading, age_s=self._clock.monotonic() - began)
            return stop

        try:
            self._take_a_step(campaign, tell)
        except KoreError as error:
            self._outcomes.failures[campaign_id] = error
        self._look_into_refusals()

    def _see_held(self, campaign_id: str, now: Campaign | ProvenMissing | KoreError) -> None:
        """What hangs has done its work if the run that it was sent for is over."""
        before = self._sending[campaign_id]
        with self._lock:
            if (
                isinstance(now, Campaign)
                and now.status.is_ended
                and not self._is_other_run(before, now)
                # Its answer may be there since, and says more.
                and campaign_id in self._on_air
            ):
                shown = Receipt(campaign_id, now.status, now.campaign_instance_id, by_reading=True)
                self._accepted(before, shown, self._clock.now())

    def _fail_unless_it_passes(self, error: KoreError) -> None:
        """What was accepted cannot be read, and why."""
        if not error.retryable:
            lost = self._stopping.keys() - self._unread
            self._outcomes.failures.update(dict.fromkeys(lost, error))
            self._stopping = {one: self._stopping[one] for one in self._unread & self._stopping.keys()}

    def _prove(self, listed: Mapping[str, Campaign]) -> None:
        """See whether what was accepted has stopped; what goes on is sent another after a minute."""
        running = []
        for campaign_id, before in list(self._stopping.items()):
            try:
                if self._look_at(before, listed.get(campaign_id)):
                    running.append(campaign_id)
            except KoreError as error:
                self._outcomes.failures[campaign_id] = error
                del self._stopping[campaign_id]
        late = [one for one in running if self._clock.monotonic() >= self._send_again_at[one]]
        self._send_again_at |= dict.fromkeys(late, math.inf)
        self._outcomes.attempt_all(late, self._send_once_more, is_urgent=True)

    def _look_at(self, before: Campaign, listed: Campaign | None) -> bool:
        """See whether the run that was sent a stop is over; True if it goes on, so that it can be sent another."""
        try:
            now = listed or self._reader.read(before.campaign_id, self._options.campaign_type)
        except KoreError as error:
            # One that was stopped unread is read on for as long as it was given: nothing else can prove it.
            if error.concerns_account and not error.retryable and before.campaign_id not in self._unread:
                raise
            # An answer that is not understood may be understood the next time; what was sent stays sent.
            log.info("campaign %s: could not be read: %s", before.campaign_id, error)
            return False
        if isinstance(now, ProvenMissing):
            del self._stopping[before.campaign_id]
            self._missing(before.campaign_id, now)
            return False
        self._rounds.see({now.campaign_id: str(now.status)})
        if self._is_other_run(before, now):
            raise started_again(now, "was being stopped")
        if now.status.is_ended:
            if "schedule_disabled" in self._details[now.campaign_id]:
                check_disabled(now)
            del self._stopping[now.campaign_id]
            if now.campaign_id in self._unread:  # now more is known of it
                before = replace(now, status=before.status)
            if self._accepted_in_doubt.pop(now.campaign_id, None):
                shown = Receipt(now.campaign_id, now.status, now.campaign_instance_id, by_reading=True)
                self._accepted(before, shown, self._clock.now())
            else:
                self._stopped(before, now.status)
        return step_for(now) is Step.SEND and now.campaign_id not in self._unread

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
