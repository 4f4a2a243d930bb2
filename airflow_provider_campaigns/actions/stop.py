"""Stopping campaigns: decide for each by its status, send, and prove by reading that it stopped."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_campaigns.actions.clock import SYSTEM_CLOCK, Clock, instant_text
from airflow_provider_campaigns.actions.outcomes import MISSING as MISSING_STATUS
from airflow_provider_campaigns.actions.outcomes import Outcomes, Result
from airflow_provider_campaigns.actions.reading import LIST_FROM, CampaignReader, ProvenMissing
from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignStatus, CampaignType
from airflow_provider_campaigns.kore.errors import (
    CampaignStateError,
    CampaignTimeoutError,
    KoreError,
    KoreNotFoundError,
    KoreRequestError,
)
from airflow_provider_campaigns.kore.writes import UnknownInstance, started_again

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_campaigns.actions.targets import Target
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.writes import Receipt

log = logging.getLogger(__name__)


class Step(Enum):
    """What a campaign's status asks for when it is to be stopped."""

    SEND = "send the stop"
    NOTHING = "nothing to do"
    WAIT = "wait until it leaves this status"
    DISABLE_SCHEDULE = "disable the schedule first"


_STEPS = {
    CampaignStatus.ACTIVE: Step.SEND,
    CampaignStatus.PAUSED: Step.SEND,
    CampaignStatus.STOPPED: Step.NOTHING,
    CampaignStatus.COMPLETED: Step.NOTHING,
    CampaignStatus.READY: Step.NOTHING,
    CampaignStatus.PREPARING: Step.WAIT,
}


@dataclass(frozen=True, slots=True)
class StopOptions:
    """How campaigns are stopped.

    Attributes:
        campaign_type: what the campaigns must be.
        api_version: of the stop request; None for the connection's, or v1.
        if_missing: ``fail``, ``skip`` or ``succeed`` when a campaign is provably not there; both of the latter give a
            result with the status ``Missing``.
        confirm: prove by reading that each campaign stopped; otherwise the answer to the stop is believed.
        poll_interval_s: seconds between readings while a campaign has not stopped yet.
        confirm_timeout_s: seconds for which it is read.
        disable_schedule: disable the schedule of a scheduled campaign instead of failing.
        plan_only: read and decide, send nothing.
    """

    campaign_type: CampaignType
    api_version: str | None = None
    if_missing: str = "fail"
    confirm: bool = True
    poll_interval_s: float = 15.0
    confirm_timeout_s: float = 600.0
    disable_schedule: bool = False
    plan_only: bool = False


def step_for(campaign: Campaign) -> Step:
    """What the campaign's status asks for; a status that nobody documented may be a running one, so it is stopped."""
    if campaign.is_scheduled:
        return Step.DISABLE_SCHEDULE
    return _STEPS.get(campaign.status, Step.SEND)


def stop_campaigns(
    client: KoreClient,
    targets: Sequence[Target],
    options: StopOptions,
    *,
    clock: Clock = SYSTEM_CLOCK,
) -> Outcomes:
    """Stop every target; what becomes of one keeps no other from being stopped.

    A campaign that runs no more is a result with ``changed`` False. Stopping loses a campaign's progress for good:
    started again, it begins with the first contact.

    Args:
        client: where the campaigns are.
        targets: the campaigns.
        options: how.
        clock: the time it lives in.

    Returns:
        A result or an error for each target.
    """
    return _Stop(client, targets, options, clock).run()


class _Stop:
    """One call of ``stop_campaigns``: the outcomes so far, and what has been sent."""

    def __init__(
        self,
        client: KoreClient,
        targets: Sequence[Target],
        options: StopOptions,
        clock: Clock,
    ) -> None:
        self._client = client
        self._reader = CampaignReader(client)
        self._targets = targets
        self._options = options
        self._clock = clock
        self._outcomes = Outcomes(target.campaign_id for target in targets)
        self._sent_at: dict[str, str] = {}

    def run(self) -> Outcomes:
        campaigns = self._read()
        running = self._decide(campaigns)
        receipts = self._outcomes.attempt_all(running, lambda one: self._send(running[one]))
        stopping: dict[str, Campaign] = {}
        for campaign_id, receipt in receipts.items():
            if receipt is None:
                continue  # it ended by itself, and has its result
            if self._options.confirm and not receipt.by_reading:
                stopping[campaign_id] = running[campaign_id]
            else:
                self._stopped(running[campaign_id], receipt.status or CampaignStatus.STOPPED)
        self._confirm(stopping)
        return self._outcomes

    def _read(self) -> dict[str, Campaign]:
        """The targets as campaigns that are not being prepared; those that are missing get their result."""
        deadline = self._clock.monotonic() + self._options.confirm_timeout_s
        targets = list(self._targets)
        ready: dict[str, Campaign] = {}
        while targets:
            preparing = []
            found = self._reader.read_many(targets, self._options.campaign_type, self._outcomes)
            for target in targets:
                campaign = found.get(target.campaign_id)
                if isinstance(campaign, ProvenMissing):
                    self._missing(target.campaign_id)
                elif campaign is not None and step_for(campaign) is Step.WAIT:
                    preparing.append(target)
                elif campaign is not None:
                    ready[target.campaign_id] = campaign
            if not preparing or not self._pause(deadline):
                for target in preparing:
                    self._outcomes.failures[target.campaign_id] = CampaignTimeoutError(
                        f"campaign {target.campaign_id}: is still {CampaignStatus.PREPARING} after "
                        f"{self._options.confirm_timeout_s:g} s; nothing was sent",
                        campaign_id=target.campaign_id,
                    )
                return ready
            targets = preparing
        return ready

    def _missing(self, campaign_id: str) -> None:
        if self._options.if_missing == "fail":
            self._outcomes.failures[campaign_id] = KoreNotFoundError(
                f"campaign {campaign_id}: there is none, by reading and by the list. Was it deleted, or does it belong "
                "to another app? if_missing='succeed' accepts that",
                campaign_id=campaign_id,
            )
        else:
            self._outcomes.results[campaign_id] = Result(
                campaign_id, self._options.campaign_type.value, MISSING_STATUS, changed=False
            )

    def _decide(self, campaigns: dict[str, Campaign]) -> dict[str, Campaign]:
        """The campaigns to send a stop to; the others get their result or their error."""
        running = {}
        for campaign_id, campaign in campaigns.items():
            step = step_for(campaign)
            if step is Step.DISABLE_SCHEDULE:
                step = self._outcomes.attempt(campaign_id, partial(self._unschedule, campaign)) or step
            if campaign_id in self._outcomes.failures:
                continue
            if step is Step.NOTHING:
                log.info("campaign %s: is %s already, nothing is sent", campaign_id, campaign.status)
                self._outcomes.results[campaign_id] = Result.of(campaign, changed=False)
            elif self._options.plan_only:
                self._plan(campaign)
            else:
                running[campaign_id] = campaign
        return running

    def _unschedule(self, campaign: Campaign) -> Step:
        """Disable the schedule; what is left to do then."""
        if not self._options.disable_schedule:
            raise CampaignStateError(
                f"campaign {campaign.campaign_id}: is {campaign.status} with a schedule, so the platform would start "
                "it again after a stop; nothing was sent. disable_schedule=True ends the schedule as well",
                campaign_id=campaign.campaign_id,
            )
        # The service knows schedules by name only, and names need not be unique.
        named = self._client.find_campaign(campaign.name)
        if named.campaign_id != campaign.campaign_id:
            raise CampaignStateError(
                f"campaign {campaign.campaign_id}: its name {campaign.name!r} finds {named.campaign_id}; the schedule "
                "is not disabled, because it would be that campaign's",
                campaign_id=campaign.campaign_id,
            )
        if self._options.plan_only:
            log.info("campaign %s: plan only, its schedule would be disabled", campaign.campaign_id)
        else:
            self._client.disable_schedule(campaign.name)
            log.info("campaign %s: its schedule is disabled", campaign.campaign_id)
        return Step.NOTHING if campaign.status.is_scheduled else _STEPS.get(campaign.status, Step.SEND)

    def _plan(self, campaign: Campaign) -> None:
        request = self._client.describe(
            "stop", campaign.campaign_id, self._options.campaign_type, api_version=self._options.api_version
        )
        log.info("campaign %s: is %s; plan only, would send %s", campaign.campaign_id, campaign.status, request)
        self._outcomes.results[campaign.campaign_id] = Result.of(campaign, changed=False, planned=request)

    def _send(self, campaign: Campaign) -> Receipt | None:
        """Send the stop; None if the service refused it because the campaign ended by itself meanwhile."""
        campaign_id = campaign.campaign_id
        self._sent_at[campaign_id] = instant_text(self._clock.now())
        try:
            receipt = self._client.stop_campaign(
                campaign_id,
                self._options.campaign_type,
                api_version=self._options.api_version,
                # A run without an id is not "never ran": this answer just did not tell.
                instance_id=campaign.campaign_instance_id or UnknownInstance.UNKNOWN,
            )
        except KoreRequestError:
            after = self._client.get_campaign(campaign_id)
            if not after.status.is_ended:
                raise
            log.info("campaign %s: became %s by itself before the stop arrived", campaign_id, after.status)
            self._outcomes.results[campaign_id] = Result.of(after, changed=False)
            return None
        log.info("campaign %s: the stop was accepted, status %s", campaign_id, receipt.status)
        return receipt

    def _confirm(self, stopping: dict[str, Campaign]) -> None:
        """Read until every campaign has stopped, or for ``confirm_timeout_s``."""
        deadline = self._clock.monotonic() + self._options.confirm_timeout_s
        while stopping:
            last_seen = self._look(stopping)
            if not stopping:
                return
            log.info("not stopped yet: %s", ", ".join(f"{one} ({last_seen[one]})" for one in stopping))
            if not self._pause(deadline):
                break
        for campaign_id in stopping:
            self._outcomes.failures[campaign_id] = CampaignTimeoutError(
                f"campaign {campaign_id}: the stop was accepted, but it is still {last_seen[campaign_id]} after "
                f"{self._options.confirm_timeout_s:g} s; look at it on the platform, or run this again",
                campaign_id=campaign_id,
            )

    def _look(self, stopping: dict[str, Campaign]) -> dict[str, str]:
        """One round of reading: takes out what has stopped or failed, and tells the status of the rest."""
        seen = dict.fromkeys(stopping, "not readable")
        listed: dict[str, Campaign] = {}
        if len(stopping) >= LIST_FROM:
            try:
                listed = {one.campaign_id: one for one in self._client.list_campaigns(self._options.campaign_type)}
            except KoreError as error:
                log.info("the list could not be read: %s", error)
                if not error.retryable:
                    self._outcomes.failures.update(dict.fromkeys(stopping, error))
                    stopping.clear()
                return seen
        for campaign_id, before in list(stopping.items()):
            try:
                now = listed.get(campaign_id) or self._client.get_campaign(campaign_id)
            except KoreError as error:
                if not error.retryable:
                    self._outcomes.failures[campaign_id] = error
                    del stopping[campaign_id]
                continue
            seen[campaign_id] = str(now.status)
            runs = {before.campaign_instance_id, now.campaign_instance_id} - {None}
            if len(runs) > 1:
                self._outcomes.failures[campaign_id] = started_again(now, "was being stopped")
                del stopping[campaign_id]
            elif now.status.is_ended:
                self._stopped(before, now.status)
                del stopping[campaign_id]
        return seen

    def _stopped(self, campaign: Campaign, status: CampaignStatus) -> None:
        result = Result.of(campaign, changed=True, sent_at=self._sent_at[campaign.campaign_id])
        result.status = str(status)
        if self._options.confirm:
            result.details["confirmed_at"] = instant_text(self._clock.now())
        self._outcomes.results[campaign.campaign_id] = result

    def _pause(self, deadline: float) -> bool:
        """Wait for the next reading; False if it would come after the deadline."""
        left = deadline - self._clock.monotonic()
        if left <= 0:
            return False
        self._clock.sleep(min(self._options.poll_interval_s, left))
        return True
