"""Stopping campaigns at the end of their calling hours: each at its own close, on the second.

Between now and a close there may be hours, and the process that waits may not be the one that sends. So what is still
to be done is a value, ``CloseRun``, which can be kept as JSON; ``serve_what_is_due`` does what its closes ask for at
the moment, and says when to come back.
"""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo

from airflow_provider_campaigns.actions.closing import Closing, Schedule
from airflow_provider_campaigns.actions.evidence import (
    Entry,
    NoEvidence,
    check_not_started_again,
    entries_of_hours,
    kept_hours,
    stop_by_an_earlier_try,
    was_seen,
    was_sent,
)
from airflow_provider_campaigns.actions.outcomes import MISSING, Outcomes, Result
from airflow_provider_campaigns.actions.reading import LIST_FROM, CampaignReader, hours_of
from airflow_provider_campaigns.actions.stopping import contact_counts
from airflow_provider_campaigns.actions.stopping.contact_counts import ContactCount
from airflow_provider_campaigns.actions.stopping.moment import LAST_LOOK, ROOM, StopMoment, armed_at
from airflow_provider_campaigns.actions.stopping.stop import (
    StopOptions,
    looked_at_by,
    missing_result,
    requests_for,
    stop_campaigns,
    will_stop,
)
from airflow_provider_campaigns.actions.targets import Target, check_type
from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.kore.campaigns import Campaign
from airflow_provider_campaigns.kore.clock import SYSTEM_CLOCK, Clock, instant_text
from airflow_provider_campaigns.kore.errors import CampaignStateError, KoreError
from airflow_provider_campaigns.kore.listing import Listing
from airflow_provider_campaigns.kore.patience import ENDLESS, Patience
from airflow_provider_campaigns.kore.presence import ProvenMissing
from airflow_provider_campaigns.kore.stand_ins import Need

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractContextManager

    from airflow_provider_campaigns.actions.audit import Audit
    from airflow_provider_campaigns.actions.evidence import Evidence
    from airflow_provider_campaigns.kore.client import KoreClient

log = logging.getLogger(__name__)

_LOOK_AHEAD = timedelta(seconds=30)
"""How long before a worker is armed absent campaigns are looked for: what that takes is free again at the close."""

_AGAIN_AFTER, _AGAIN_AT_MOST = timedelta(seconds=10), timedelta(seconds=300)
"""How long after a stop that failed it is attempted again, while others wait for a later close."""

_HOURS_AGAIN, _HOURS_AGAIN_ENDS = timedelta(seconds=150), timedelta(seconds=65)
"""How long before a close hours are read once more, and how long before it that ends: those requests are free again."""

_TOLD_CLOSES = 3
"""Closes that a line names; the others are counted."""

_LOOK_EVERY, _LOOK_FOR = timedelta(seconds=60), timedelta(minutes=10)
"""How often, and for how long, where no close is known to look before."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A campaign that waits for its close.

    Attributes:
        target: the campaign.
        schedule: the clocks that count for it.
        chosen: the close that it waits for; None until that was decided.
        contacts: its contact results when it was planned; None if they were not counted.
        campaign: as it was read when it was planned, without what nobody needs any more; None if that is not known.
        failed: how often its stop has failed at its close, in a way that may pass.
        again_at: when it is attempted next, if it has.
        hours_read_at: when its hours were read; None if they were given, or kept by an earlier try.
    """

    target: Target
    schedule: Schedule
    chosen: Closing | None = None
    contacts: ContactCount | None = None
    campaign: Campaign | None = None
    failed: int = 0
    again_at: datetime | None = None
    hours_read_at: datetime | None = None

    def read_again(self, hours: CallingHours, run_at: datetime, now: datetime) -> Self:
        """The same with hours that were read now; where they were edited, its close is chosen anew.

        Raises:
            KoreError: by them it has no close, or one that was more than a day ago.
        """
        again = replace(self, hours_read_at=now)
        if hours == self.schedule.hours:
            return again
        schedule = replace(self.schedule, hours=hours)
        chosen = schedule.closing_to_act_on(run_at, now)
        log.warning(
            "campaign %s: its hours were edited since this was planned: %s, before %s",
            self.target.campaign_id,
            hours,
            self.schedule.hours,
        )
        return replace(again, schedule=schedule, chosen=chosen)

    def once_more(self, now: datetime) -> Self:
        """The same after its stop has failed just now; the pauses get longer."""
        pause = min(_AGAIN_AFTER * 2**self.failed, _AGAIN_AT_MOST)
        return replace(self, failed=self.failed + 1, again_at=now + pause)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values, for ``from_json``: no secret, no phone number, and hours without their closed days."""
        return {
            "campaign_id": self.target.campaign_id,
            "name": self.target.name,
            "calling_hours": self.schedule.hours.to_api(),
            "contact_timezones": list(self.schedule.contact_timezones),
            "last_day": self.schedule.last_day and self.schedule.last_day.isoformat(),
            "chosen": self.chosen and {"day": self.chosen.day.isoformat(), "at": self.chosen.at.isoformat()},
            "contacts": self.contacts and self.contacts.as_entry(),
            "campaign": self.campaign and dict(self.campaign.raw),
            "failed": self.failed,
            "again_at": self.again_at and self.again_at.isoformat(),
            "hours_read_at": self.hours_read_at and self.hours_read_at.isoformat(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any], calling_hours: CallingHours | None) -> Self:
        """What ``as_json`` gave, with hours in the place of those that were kept."""
        chosen, hours = value["chosen"], calling_hours or CallingHours.from_api(value["calling_hours"])
        return cls(
            Target(value["campaign_id"], value["name"]),
            Schedule(
                hours,
                tuple(value["contact_timezones"]),
                # A task may have been deferred by a version that knew less.
                date.fromisoformat(value["last_day"]) if value.get("last_day") else None,
            ),
            chosen and Closing(date.fromisoformat(chosen["day"]), datetime.fromisoformat(chosen["at"])),
            ContactCount.in_entry(value.get("contacts") or {}),
            Campaign.from_api(value["campaign"]) if value.get("campaign") else None,
            value.get("failed", 0),
            datetime.fromisoformat(value["again_at"]) if value.get("again_at") else None,
            datetime.fromisoformat(value["hours_read_at"])
            if value.get("hours_read_at") and not calling_hours
            else None,
        )


@dataclass(frozen=True, slots=True)
class Absent:
    """Campaigns that were provably not there, or not readable, when the run was planned; their hours are not known.

    A service may say so for some seconds, of all that it has. They have their outcome, which holds unless they turn up.

    Attributes:
        targets: the campaigns, by id.
        contact_timezones: as of ``plan_close_run``.
        last_day: as of ``plan_close_run``.
        looked_at: when they were looked for last.
        until: so long they are looked for where no close is known.
    """

    targets: Mapping[str, Target]
    contact_timezones: tuple[str, ...]
    last_day: date | None
    looked_at: datetime
    until: datetime

    def look_at(self, closing: Closing | None, lead_time: timedelta) -> datetime | None:
        """When they are looked for next: before the next close, every minute where there is none; None: not again."""
        if closing is not None:
            due = armed_at(closing.at, lead_time) - _LOOK_AHEAD
        else:
            due = min(self.looked_at + _LOOK_EVERY, self.until)
        return due if due > self.looked_at else None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values, for ``from_json``."""
        return {
            "campaigns": {one: target.name for one, target in self.targets.items()},
            "contact_timezones": list(self.contact_timezones),
            "last_day": self.last_day and self.last_day.isoformat(),
            "looked_at": self.looked_at.isoformat(),
            "until": self.until.isoformat(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What ``as_json`` gave, in another process."""
        return cls(
            {one: Target(one, name) for one, name in value["campaigns"].items()},
            tuple(value["contact_timezones"]),
            value["last_day"] and date.fromisoformat(value["last_day"]),
            datetime.fromisoformat(value["looked_at"]),
            datetime.fromisoformat(value["until"]),
        )


class CloseRun:
    """What one run has to stop at which closes, and what has become of it so far.

    Attributes:
        run_at: the instant that says which business day the run is for; the same for every try.
        planned: campaigns whose close has yet to be served, by id.
        outcomes: results and errors of the others.
        absent: those of the others that are looked for again; None if there are none.
        again: those of the others that failed at their close, by id; they are attempted again for as long as something
            else is waited for.
    """

    def __init__(
        self,
        run_at: datetime,
        planned: Sequence[Planned],
        outcomes: Outcomes,
        absent: Absent | None = None,
        again: Sequence[Planned] = (),
    ) -> None:
        self.run_at = run_at
        self.planned = {one.target.campaign_id: one for one in planned}
        self.outcomes = outcomes
        self.absent = absent
        self.again = {one.target.campaign_id: one for one in again}

    @property
    def all_wait_for_their_last_day(self) -> bool:
        """True if there are campaigns, and every one of them is left running because its last day is not yet."""
        results = [one for one in self.outcomes.results.values() if one.status != MISSING]
        waiting = [one for one in results if "waits_for" in one.details]
        return bool(waiting) and len(waiting) == len(results) and not self.outcomes.failures and not self.planned

    @property
    def next_closing(self) -> Closing | None:
        """The earliest close that was chosen; None if there is none."""
        chosen = [one.chosen for one in self.planned.values() if one.chosen is not None]
        return min(chosen, key=lambda closing: closing.at, default=None)

    @property
    def told(self) -> str:
        """How many campaigns wait for which close, as the clocks of its zone show it; one line."""
        at: dict[tuple[datetime, str], int] = {}
        for one in self.planned.values():
            if one.chosen is not None:
                key = one.chosen.at, one.schedule.hours.timezone
                at[key] = at.get(key, 0) + 1
        closes = [
            f"{number} at {f'{close.astimezone(ZoneInfo(zone)):%I:%M %p}'.lstrip('0')} {zone} ({instant_text(close)})"
            for (close, zone), number in sorted(at.items())
        ]
        more = f", and {len(closes) - _TOLD_CLOSES} more" if len(closes) > _TOLD_CLOSES else ""
        number = sum(at.values())
        campaigns = f"{number} campaign{'s'[: number != 1]}"
        return f"{campaigns} to stop: {', '.join(closes[:_TOLD_CLOSES])}{more}" if closes else "no campaign to stop"

    def told_late(self, requests_per_minute: int) -> str | None:
        """What will be late, and why, in one line; None if nothing will be."""
        by_close = Counter(one.chosen.at for one in self.planned.values() if one.chosen is not None)
        late = []
        for close, number in sorted(by_close.items()):
            beyond = number - (requests_per_minute - 2 * looked_at_by(number))
            if beyond > 0:
                minutes = -(-beyond // requests_per_minute)
                late.append(f"{beyond} of {number} up to {minutes} min after {instant_text(close)}")
        if not late:
            return None
        return (
            f"will be stopped late: {', '.join(late)}: the account has {requests_per_minute} requests a minute. "
            "A higher limit, or closes that are minutes apart, would help"
        )

    def choose_closings(self, now: datetime) -> None:
        """Choose for every campaign the close to act on, as of ``now``.

        One that has none - hours that never close, a run that is a day late - becomes a failure.
        """
        for campaign_id, one in list(self.planned.items()):
            try:
                closing = one.schedule.closing_to_act_on(self.run_at, now, chosen=one.chosen)
                self.planned[campaign_id] = replace(one, chosen=closing)
            except KoreError as error:
                error.campaign_id = campaign_id
                error.args = (f"campaign {campaign_id}: {error}",)
                self.outcomes.failures[campaign_id] = error
                del self.planned[campaign_id]

    @property
    def again_at(self) -> datetime | None:
        """When what failed is attempted next; None if nothing is."""
        return min((one.again_at for one in self.again.values() if one.again_at is not None), default=None)

    def plan_again(self, now: datetime) -> None:
        """Plan what failed and is due by ``now``; its failure holds unless it does better."""
        for campaign_id, one in list(self.again.items()):
            if one.again_at is not None and one.again_at <= now:
                self.planned[campaign_id] = self.again.pop(campaign_id)

    def take(self, closing: Closing, now: datetime | None = None) -> list[Planned]:
        """The campaigns that wait for this close, or for one that has come by ``now``; they are then no longer planned.

        What has come is served together: a campaign of one close must not wait for another's.
        """
        by = closing.at if now is None else max(closing.at, now)
        taken = [one for one in self.planned.values() if one.chosen is not None and one.chosen.at <= by]
        for one in taken:
            del self.planned[one.target.campaign_id]
        return taken

    def as_json(self) -> dict[str, Any]:
        """The run as plain JSON values, for ``from_json``. It holds no secret and no phone number.

        Hours that were given are in it without their closed days, whose calendar may be anything.
        """
        return {
            "run_at": self.run_at.isoformat(),
            "planned": [one.as_json() for one in self.planned.values()],
            "outcomes": self.outcomes.as_json(),
            "absent": self.absent and self.absent.as_json(),
            "again": [one.as_json() for one in self.again.values()],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any], *, calling_hours: CallingHours | None = None) -> Self:
        """What ``as_json`` gave, in another process.

        ``calling_hours`` are those that the DAG gives now, with their closed days, in the place of what was kept: it
        may have been edited meanwhile. A close that was chosen is waited for all the same.
        """
        absent = value.get("absent")
        return cls(
            datetime.fromisoformat(value["run_at"]),
            [Planned.from_json(one, calling_hours) for one in value["planned"]],
            Outcomes.from_json(value["outcomes"]),
            absent and Absent.from_json(absent),
            [Planned.from_json(one, calling_hours) for one in value.get("again", [])],
        )


def plan_close_run(
    client: KoreClient,
    targets: Sequence[Target],
    options: StopOptions,
    *,
    run_at: datetime,
    last_day: date | None = None,
    calling_hours: CallingHours | None = None,
    contact_timezones: Sequence[str] = (),
    evidence: Evidence | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> CloseRun:
    """Read each campaign and its calling hours, one request each; and count the contact results of those that run.

    Counting takes one more request each. It ends well before the first close, and leaves out what it did not get to.
    Hours and counts are kept as evidence. A later try that begins within two minutes of a close, or after it, goes by
    the hours that were kept; then, and where the hours are given, one list tells the rest of many campaigns.

    ``calling_hours`` are those of all campaigns in the place of their own. A campaign that cannot be read, or is of
    another type or name, is an outcome already, and keeps no other from being planned. So is one whose hours begin
    once more by ``last_day``: it goes on, with ``waits_for`` in its result. One that is provably missing is looked at
    again at its close where the hours are given; else it has its outcome, and is looked for (``Absent``). One that has
    ended is planned like any other: its status is read again at the close. But one that an earlier try of the task has
    sent a stop is not planned again, whenever this try comes: if it is stopped, that is its result; if somebody has
    started it again, its failure.
    """
    outcomes = Outcomes(target.campaign_id for target in targets)
    reader = CampaignReader(client, need=Need.OBJECT if calling_hours is None else Need.STATUS)
    by_id = {target.campaign_id: target for target in targets}
    evidence = evidence or NoEvidence()
    earlier = evidence.recall()
    began, absent = clock.now(), {}
    rules = _Rules(options, run_at, last_day, calling_hours, tuple(contact_timezones), began)
    rules = rules.with_kept_hours(earlier)
    listed = _listed(reader, by_id if calling_hours else rules.kept_hours, options)

    def plan(campaign_id: str) -> Planned | None:
        target = by_id[campaign_id]
        try:
            seen = options.campaign_type if was_seen(earlier.get(campaign_id, {})) else None
            campaign = listed.get(campaign_id) or reader.read(campaign_id, seen)
        except KoreError as error:
            if calling_hours is None and error.retryable and not options.plan_only:
                absent[campaign_id] = target
                log.warning("campaign %s: cannot be read now, and is looked for again: %s", campaign_id, error)
            return rules.planned_unread(target, error)
        if not isinstance(campaign, ProvenMissing):
            return _plan_one(campaign, target, rules, earlier, outcomes)
        # What an earlier try has sent a stop may be deleted by now.
        if not options.plan_only and not was_sent(earlier.get(campaign_id, {})):
            if calling_hours is None:
                absent[campaign_id] = target
            elif (unseen := rules.planned_unseen(target, calling_hours)) is not None:
                return unseen
        outcomes.results[campaign_id] = missing_result(campaign_id, options, campaign, clock.now())
        return None

    found = outcomes.attempt_all(by_id, plan)
    planned = [one for one in found.values() if one is not None]
    if not options.plan_only:
        scratch = CloseRun(run_at, planned, Outcomes(by_id))
        scratch.choose_closings(clock.now())
        running = {
            one.campaign.campaign_id: one.campaign
            for one in planned
            if one.campaign is not None and will_stop(one.campaign, options)
        }
        counts = _count_contacts(client, running, scratch.next_closing, earlier, clock)
        _keep_plan(evidence, earlier, planned if calling_hours is None else [], counts)
        planned = [replace(one, contacts=counts.get(one.target.campaign_id)) for one in planned]
    kept = [replace(one, campaign=one.campaign and _essence(one.campaign)) for one in planned]
    # Of a run that is cleared the next day the ten minutes are over: it may well have deleted what it does not find.
    until = min(began, run_at) + _LOOK_FOR
    known = Absent(absent, tuple(contact_timezones), last_day, clock.now(), until) if absent else None
    return CloseRun(run_at, kept, outcomes, known)


@dataclass(frozen=True, slots=True)
class _Rules:
    """What says when a campaign is stopped, beside the campaign; as the arguments of ``plan_close_run``, as of now."""

    options: StopOptions
    run_at: datetime
    last_day: date | None
    calling_hours: CallingHours | None
    contact_timezones: tuple[str, ...]
    now: datetime
    kept_hours: Mapping[str, CallingHours] = field(default_factory=dict)

    def with_kept_hours(self, earlier: Mapping[str, Entry]) -> Self:
        """The same with the hours that an earlier try has read, if a close of theirs is near, or has come.

        Then each reading takes the place of a stop. Long before they are read anew: somebody may have edited them.
        """
        kept = kept_hours(earlier)
        near = self.now + 2 * ROOM
        for hours in kept.values():
            with suppress(KoreError):
                schedule = Schedule(hours, self.contact_timezones, self.last_day)
                if schedule.closing_to_act_on(self.run_at, self.now).at <= near:
                    return replace(self, kept_hours=kept)
        return self

    def schedule_of(self, campaign: Campaign) -> Schedule:
        """The clocks that count for a campaign."""
        hours = self.calling_hours or self.kept_hours.get(campaign.campaign_id) or hours_of(campaign)
        return Schedule(hours, self.contact_timezones, self.last_day)

    def planned_unseen(self, target: Target, hours: CallingHours) -> Planned | None:
        """A campaign that was not there, or not readable, to be read at its close; None if that is not waited for."""
        schedule = Schedule(hours, self.contact_timezones, self.last_day)
        try:
            if schedule.is_early(self.run_at):
                return None
            schedule.closing_to_act_on(self.run_at, self.now)
        except KoreError:
            return None
        return Planned(target, schedule)

    def planned_unread(self, target: Target, error: KoreError) -> Planned:
        """A campaign that could not be read, to be read at the close of the hours that are given.

        Raises:
            KoreError: that is not waited for: what it could not be read for.
        """
        may_pass = error.retryable or (self.options.stop_unread and error.is_unreadable)
        planned = None
        if self.calling_hours is not None and may_pass and not self.options.plan_only:
            planned = self.planned_unseen(target, self.calling_hours)
        if planned is None:
            raise error
        log.warning("campaign %s: cannot be read now, and is read again at its close: %s", target.campaign_id, error)
        return planned


def _plan_one(
    campaign: Campaign,
    target: Target,
    rules: _Rules,
    earlier: Mapping[str, Entry],
    outcomes: Outcomes,
) -> Planned | None:
    """The campaign with its schedule; None if it has a result by now.

    Raises:
        KoreError: it is another one, was started again, or its hours cannot be read.
    """
    campaign_id = target.campaign_id
    check_type(campaign, rules.options.campaign_type)
    target.check_name(campaign)
    if (sent := stop_by_an_earlier_try(campaign, earlier)) is not None:
        log.info("campaign %s: is stopped since an earlier try sent that at %s", campaign_id, sent["sent_at"])
        outcomes.results[campaign_id] = Result.of(campaign, changed=False, **sent)
        return None
    if will_stop(campaign, rules.options):
        check_not_started_again(campaign, earlier)
    schedule = rules.schedule_of(campaign)
    if schedule.is_early(rules.run_at):
        outcomes.results[campaign_id] = Result.of(campaign, changed=False, waits_for=str(rules.last_day))
        return None
    is_known = rules.calling_hours is not None or campaign_id in rules.kept_hours
    return Planned(target, schedule, campaign=campaign, hours_read_at=None if is_known else rules.now)


def _look_for(
    client: KoreClient, run: CloseRun, absent: Absent, options: StopOptions, *, evidence: Evidence | None, clock: Clock
) -> None:
    """Look for absent campaigns; one that turned up is planned. Whatever cannot be read is as absent as before.

    It ends before a worker is to be armed for the next close.
    """
    closing, targets = run.next_closing, dict(absent.targets)
    patience = ENDLESS if closing is None else Patience.until(closing.at - ROOM, clock)
    reader = CampaignReader(client, patience=patience)
    rules = _Rules(options, run.run_at, absent.last_day, None, absent.contact_timezones, clock.now())
    earlier = (evidence or NoEvidence()).recall()

    def look(campaign_id: str) -> Planned | None:
        try:
            campaign = reader.read(campaign_id)
        except KoreError as error:
            log.info("campaign %s: could not be looked for: %s", campaign_id, error)
            return None
        if isinstance(campaign, ProvenMissing):
            return None
        log.warning("campaign %s: is there, and was not when this was planned", campaign_id)
        run.outcomes.results.pop(campaign_id, None)
        run.outcomes.failures.pop(campaign_id, None)
        return _plan_one(campaign, targets.pop(campaign_id), rules, earlier, run.outcomes)

    found = run.outcomes.attempt_all(_worth_reading(reader, targets, options), look)
    run.planned |= {
        one: replace(planned, campaign=planned.campaign and _essence(planned.campaign))
        for one, planned in found.items()
        if planned is not None
    }
    run.absent = replace(absent, targets=targets, looked_at=clock.now()) if targets else None


def _hours_are_due(run: CloseRun, closing: Closing, lead_time: timedelta) -> datetime | None:
    """When the hours of what waits for this close are read once more; None if they are not, or were.

    A few are read in the last look instead.
    """
    due = min(closing.at - _HOURS_AGAIN, armed_at(closing.at, lead_time) - _LOOK_AHEAD)
    read_at = [one.hours_read_at for one in run.planned.values() if one.chosen == closing and one.hours_read_at]
    return due if len(read_at) >= LIST_FROM and min(read_at) < due - ROOM else None


def _read_hours_again(
    client: KoreClient,
    run: CloseRun,
    closing: Closing,
    options: StopOptions,
    *,
    evidence: Evidence | None,
    clock: Clock,
) -> None:
    """Read the hours of what waits for a close once more: somebody may have edited them while the task slept.

    What cannot be read stays as it was planned.
    """
    group = {
        one: planned for one, planned in run.planned.items() if planned.chosen == closing and planned.hours_read_at
    }
    patience = Patience.until(closing.at - _HOURS_AGAIN_ENDS, clock)
    reader = CampaignReader(client, patience=patience)
    earlier = (evidence or NoEvidence()).recall(patience)

    def look(campaign_id: str) -> Planned | None:
        before = group[campaign_id]
        try:
            campaign = reader.read(campaign_id, options.campaign_type)
            if isinstance(campaign, ProvenMissing):
                return before
            return _planned_again(before, campaign, run, options, earlier, now=clock.now())
        except KoreError as error:
            log.warning("campaign %s: keeps the close that it waits for: %s", campaign_id, error)
            return before

    for campaign_id, planned in run.outcomes.attempt_all(group, look).items():
        if planned is None:
            del run.planned[campaign_id]
        else:
            # Also what could not be read is not read again.
            run.planned[campaign_id] = replace(planned, hours_read_at=clock.now())


def _planned_again(
    before: Planned,
    campaign: Campaign,
    run: CloseRun,
    options: StopOptions,
    earlier: Mapping[str, Entry],
    *,
    now: datetime,
) -> Planned | None:
    """What waits for its close, by what is read of it now; None if it has its result instead.

    Raises:
        KoreError: as of ``_plan_one`` and ``Planned.read_again``; it is as it was planned then.
    """
    schedule = before.schedule
    rules = _Rules(options, run.run_at, schedule.last_day, None, tuple(schedule.contact_timezones), now)
    again = _plan_one(campaign, before.target, rules, earlier, run.outcomes)
    if again is None:
        return None
    return replace(before, campaign=_essence(campaign)).read_again(again.schedule.hours, run.run_at, now)


class _EditedHours:
    """Sees to it, while a few campaigns are looked at before their close, that nothing is stopped inside new hours.

    Attributes:
        planned: what is not stopped now, as it waits by the hours that were read; None for what has its result.
    """

    def __init__(
        self, group: Sequence[Planned], run: CloseRun, options: StopOptions, at: datetime, clock: Clock
    ) -> None:
        self.planned: dict[str, Planned | None] = {}
        self._group = {one.target.campaign_id: one for one in group if one.hours_read_at is not None}
        self._run = run
        self._options = options
        self._at = at
        self._clock = clock

    def check(self, campaign: Campaign) -> None:
        """Look at the hours of a campaign, where its reading has them and its close has not come.

        Raises:
            CampaignStateError: they were edited.
        """
        before, now = self._group.get(campaign.campaign_id), self._clock.now()
        if before is None or now >= self._at:
            return
        try:
            again = _planned_again(before, campaign, self._run, self._options, {}, now=now)
        except KoreError as error:  # as by a reading without hours; what else is wrong is found elsewhere
            log.info("campaign %s: keeps the close that it waits for: %s", campaign.campaign_id, error)
            return
        if again is None or again.chosen != before.chosen:
            self.planned[campaign.campaign_id] = again
            raise CampaignStateError(f"campaign {campaign.campaign_id}: its hours were edited")


def _worth_reading(reader: CampaignReader, targets: Mapping[str, Target], options: StopOptions) -> list[str]:
    """Of many, those that may be in the list, which costs one request a look and not one for each."""
    try:
        listed = reader.look_up(targets, options.campaign_type)
    except KoreError as error:
        log.info("nothing could be looked for: %s", error)
        return []
    return [one for one in targets if not isinstance(listed, Listing) or listed.may_hold(one)]


def _listed(reader: CampaignReader, campaign_ids: Collection[str], options: StopOptions) -> Mapping[str, Campaign]:
    """Many campaigns whose hours are known by one list, which has no hours; what is not in it is read by itself."""
    try:
        return reader.look_up(campaign_ids, options.campaign_type)
    except KoreError:
        return {}  # reading one tells as well, and is that one's outcome


def _count_contacts(
    client: KoreClient,
    running: Mapping[str, Campaign],
    first: Closing | None,
    earlier: Mapping[str, Entry],
    clock: Clock,
) -> Mapping[str, ContactCount]:
    """Count the contact results of campaigns until the first close is near; what an earlier try has counted holds."""
    if not running or first is None:
        return {}
    known = {
        one: count
        for one, campaign in running.items()
        if (count := ContactCount.in_entry(earlier.get(one, {}))) is not None and count.is_of(campaign)
    }
    # What was sent a stop may have lost results already.
    uncounted = [one for key, one in running.items() if key not in known and not was_sent(earlier.get(key, {}))]
    counted = contact_counts.count_until(client, uncounted, first.at - contact_counts.ENDS, clock=clock)
    return known | counted


def _keep_plan(
    evidence: Evidence,
    earlier: Mapping[str, Entry],
    with_own_hours: Sequence[Planned],
    counts: Mapping[str, ContactCount],
) -> None:
    """Keep for a later try what was read of hours and counted, which it may have no time for."""
    hours = entries_of_hours({one.target.campaign_id: one.schedule.hours for one in with_own_hours})
    entries = {one: hours.get(one, {}) | (counts[one].as_entry() if one in counts else {}) for one in {*hours, *counts}}
    news = {
        one: entry for one, entry in entries.items() if earlier.get(one) != entry and not was_sent(earlier.get(one, {}))
    }
    if news:
        evidence.keep(news)


def plan_closes(client: KoreClient, run: CloseRun, options: StopOptions, *, clock: Clock) -> None:
    """Say for every campaign what would be sent and when, without waiting and without sending; none is planned then."""
    run.choose_closings(clock.now())
    while (closing := run.next_closing) is not None:
        group = run.take(closing)
        log.info("plan only: %d campaigns at %s", len(group), instant_text(closing.at))
        planned = stop_campaigns(client, [one.target for one in group], options, clock=clock)
        for result in planned.results.values():
            result.details["planned_at"] = instant_text(closing.at)
        run.outcomes.results.update(planned.results)
        run.outcomes.failures.update(planned.failures)


def serve_what_is_due(
    client: KoreClient,
    run: CloseRun,
    options: StopOptions,
    *,
    lead_time: timedelta,
    evidence: Evidence | None = None,
    audit: Audit | None = None,
    clock: Clock,
) -> datetime | None:
    """Stop the campaigns of every close for which it is time to be armed (``armed_at``), each group at its close.

    Before a close those are looked for that were absent, and hours are read once more.

    Returns:
        When to come back for the next close, or to look; None if nothing is left.
    """
    while True:
        now = clock.now()
        run.choose_closings(now)
        closing, absent = run.next_closing, run.absent
        wake_at = None if closing is None else armed_at(closing.at, lead_time)
        look_at = None if absent is None else absent.look_at(closing, lead_time)
        hours_at = None if closing is None else _hours_are_due(run, closing, lead_time)
        # Stops first: nobody is looked for, and nothing is attempted again, once it is time to be armed.
        if closing is not None and wake_at is not None and wake_at <= now:
            _stop_group(client, run, closing, options, evidence=evidence, audit=audit, clock=clock)
        elif closing is not None and hours_at is not None and hours_at <= now:
            _read_hours_again(client, run, closing, options, evidence=evidence, clock=clock)
        elif absent is not None and look_at is not None and look_at <= now:
            _look_for(client, run, absent, options, evidence=evidence, clock=clock)
        elif wake_at is None and look_at is None:
            return None  # what failed is the next try's
        elif run.again_at is not None and run.again_at <= now:
            run.plan_again(now)
        else:
            return min(one for one in (wake_at, look_at, hours_at, run.again_at) if one is not None)


def _stop_group(
    client: KoreClient,
    run: CloseRun,
    closing: Closing,
    options: StopOptions,
    *,
    evidence: Evidence | None,
    audit: Audit | None,
    clock: Clock,
) -> None:
    group = run.take(closing, clock.now())
    left = (closing.at - clock.now()).total_seconds()
    log.info(
        "%d campaign%s at the close of %s, %s (%s)",
        len(group),
        "s"[: len(group) != 1],
        closing.day,
        instant_text(closing.at),
        f"in {left:.0f} s" if left > 0 else f"{-left:.0f} s ago",
    )
    closes = {one.target.campaign_id: one.chosen.at for one in group if one.chosen is not None}
    at = max(closes.values())
    run.choose_closings(clock.now())
    following = run.next_closing
    # One that hangs, or is slow to stop, must not be in the way of the next close, nor of the room that its stops need:
    # a retry looks at it again. Where the next close is too near for that, its room is kept from now on.
    is_near = following is not None and following.at - max(at, clock.now()) < 2 * ROOM
    ends = None if following is None else following.at - (LAST_LOOK if is_near else ROOM)
    moment = StopMoment(
        at,
        expires={one.target.campaign_id: one.schedule.hours.next_open(closes[one.target.campaign_id]) for one in group},
        closes=closes,
        ends=ends,
    )
    if following is not None:
        options = replace(options, count_contacts=following.at - contact_counts.ENDS > clock.now())
    room: AbstractContextManager[None] = nullcontext()
    if following is not None and is_near:
        waiting = sum(one.chosen == following for one in run.planned.values())
        room = _room_for(client, following, waiting=waiting, proving=len(group), options=options, clock=clock)
    edited = _EditedHours(group, run, options, at, clock)
    with room:
        served = stop_campaigns(
            client,
            [one.target for one in group],
            options,
            moment=moment,
            planned={
                one.target.campaign_id: replace(one.campaign, campaign_type=options.campaign_type)
                for one in group
                if one.campaign is not None
            },
            contacts={one.target.campaign_id: one.contacts for one in group if one.contacts is not None},
            evidence=evidence,
            audit=audit,
            judge=edited.check,
            clock=clock,
        )
    for one in edited.planned:
        del served.failures[one]
    run.planned |= {one: planned for one, planned in edited.planned.items() if planned is not None}
    for one in served.results:
        run.outcomes.failures.pop(one, None)
    run.outcomes.results.update(served.results)
    run.outcomes.failures.update(served.failures)
    run.again |= {
        one.target.campaign_id: one.once_more(clock.now())
        for one in group
        if (error := served.failures.get(one.target.campaign_id)) is not None and error.retryable
    }


def _room_for(
    client: KoreClient, following: Closing, *, waiting: int, proving: int, options: StopOptions, clock: Clock
) -> AbstractContextManager[None]:
    """Keep room for the stops of the following close until it comes, and for proving the others meanwhile."""
    left_s = (following.at - clock.now()).total_seconds()
    looks = (2 + int(left_s / options.poll_interval_s)) * looked_at_by(proving)
    return client.reserve(requests_for(waiting) + looks, duration_s=left_s)


def _essence(campaign: Campaign) -> Campaign:
    """The campaign with no more than it takes to stop it: what is kept for hours holds no caller id."""
    fields = {
        "id": campaign.campaign_id,
        "name": campaign.name,
        "status": str(campaign.status),
        "campaignInstanceId": campaign.campaign_instance_id,
        "schedule": {"isSchedulingEnabled": campaign.is_scheduled},
    }
    return Campaign.from_api(fields)
