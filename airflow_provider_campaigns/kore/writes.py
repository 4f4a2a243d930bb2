"""What a write wants, and how to tell from a campaign whether it got it.

After a lost or unreadable answer a write is never resent blindly: the campaign is read, and the write's goal says
whether it shows in that. Pure: no connection, no clock.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_campaigns.kore.bodies import objects_in
from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignStatus, campaign_id_of
from airflow_provider_campaigns.kore.errors import (
    CampaignStateError,
    KoreError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreRateLimitError,
    KoreRequestError,
    excerpt,
    shown_words,
)
from airflow_provider_campaigns.kore.runs import (
    InstanceId,
    SameRun,
    UnknownInstance,
    has_begun,
    is_unchanged,
    named_run,
    run_of,
    same_run,
)
from airflow_provider_campaigns.kore.stand_ins import Need

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SAID_IT_FAILED = frozenset({500, 503})


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is known after a write that took effect.

    Attributes:
        campaign_id: the campaign.
        status: its status after the write; None where it is gone.
        campaign_instance_id: the run concerned, where the service named it.
        sendings: how often the request was sent.
        by_reading: True if the answer was lost or unreadable, and reading the campaign proved the effect.
        changed: False if it was so before anything that was sent took effect: somebody else did it.
        raw: the answer's JSON object; empty if ``by_reading``.
    """

    campaign_id: str
    status: CampaignStatus | None
    campaign_instance_id: str | None
    sendings: int = 1
    by_reading: bool = False
    changed: bool = True
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


class WriteGoal(Protocol):
    """What a write wants for one campaign."""

    campaign_id: str
    drains: bool
    """True if the effect may show only some seconds after it was accepted."""
    is_repeatable: bool
    """True if a second effect does no harm: a sending that may still take effect can be followed by another."""
    need: Need
    """What must be known of the campaign before it is sent, or sent again."""
    believes_refusals: bool
    """True if a refusal in the service's own words proves that nothing was done."""

    def recognise(self, body: dict[str, Any]) -> Receipt | None:
        """The receipt if ``body`` says that it is done; None if it does not say so.

        Raises:
            KoreProtocolError: it says that something else was done.
        """

    def shows_in(self, campaign: Campaign, *, in_doubt: bool = True) -> bool:
        """True if the campaign as read shows what is wanted; False if the write may be sent.

        ``in_doubt`` is true if one was sent that may have taken effect. Otherwise what shows is somebody else's doing.

        Raises:
            CampaignStateError: the campaign went another way, and the write must not be sent.
        """

    def when_gone(self) -> Receipt:
        """The receipt for a campaign that is provably gone.

        Raises:
            KoreNotFoundError: that is not what was wanted.
        """

    def learn(self, campaign: Campaign, *, in_doubt: bool = True) -> None:
        """Take the instance of the first reading as the one meant, where the caller did not know it."""


@dataclass(slots=True)
class StopGoal:
    """The run ``instance_id`` of a campaign is over."""

    campaign_id: str
    instance_id: InstanceId = UnknownInstance.UNKNOWN
    drains: bool = True
    is_repeatable: bool = True
    need: Need = Need.STATUS
    believes_refusals: bool = True

    def recognise(self, body: dict[str, Any]) -> Receipt | None:
        """A stop answers with the campaign's status, ``Stopped`` (pages: stop-voice-campaign, stop-sms-campaign).

        An answer that names another run than the one meant says nothing about that one.
        """
        status, run = _status_in(body), _instance_in(body)
        if status != CampaignStatus.STOPPED or self._is_another(run):
            return None
        return Receipt(self.campaign_id, status, run, raw=body)

    def shows_in(self, campaign: Campaign, *, in_doubt: bool = True) -> bool:
        """Done when nothing runs any more; another run than the one meant is not touched.

        A run that the reading does not name may be the one that is meant, so its stop is sent again.
        """
        if self._is_another(campaign.campaign_instance_id):
            raise started_again(campaign, "was being stopped", outcome_unknown=in_doubt)
        running_or_unknown = campaign.status.is_running or not campaign.status.is_known
        return not running_or_unknown

    def when_gone(self) -> Receipt:
        """Never: a campaign that somebody deleted meanwhile cannot be said to be stopped."""
        raise _vanished(self.campaign_id, "stopped")

    def learn(self, campaign: Campaign, *, in_doubt: bool = True) -> None:  # noqa: ARG002 - a stop ends no run before its own
        """The run that the first reading shows is the one that is meant."""
        if self.instance_id is UnknownInstance.UNKNOWN:
            self.instance_id = named_run(campaign.campaign_instance_id)

    def _is_another(self, run: str | None) -> bool:
        return same_run(self.instance_id, named_run(run)) is SameRun.NO


@dataclass(slots=True)
class StartGoal:
    """A new run of a campaign goes on, other than ``instance_id``."""

    campaign_id: str
    instance_id: InstanceId = UnknownInstance.UNKNOWN
    drains: bool = True
    is_repeatable: bool = False
    need: Need = Need.OBJECT
    believes_refusals: bool = True

    def recognise(self, body: dict[str, Any]) -> Receipt | None:
        """A start answers with the campaign's status, ``Active`` (pages: start-voice-campaign, start-sms-campaign)."""
        status = _status_in(body)
        if status != CampaignStatus.ACTIVE:
            return None
        return Receipt(self.campaign_id, status, _instance_in(body), raw=body)

    def shows_in(self, campaign: Campaign, *, in_doubt: bool = True) -> bool:
        """Done when a run goes on that was not there before, or has been and is over.

        If the run before or the one now is not known, a start that does not show is never sent again: it might be the
        second. Of a campaign that no start was sent to, a run that began is somebody else's.
        """
        same = same_run(self.instance_id, run_of(campaign))
        if not in_doubt:
            if campaign.is_at_rest and (same is SameRun.YES or isinstance(self.instance_id, UnknownInstance)):
                return False
            raise CampaignStateError(
                f"campaign {campaign.campaign_id}: is {excerpt(campaign.status)} as run "
                f"{excerpt(campaign.campaign_instance_id or 'unknown')}; somebody else may have started it, so no "
                "start is sent",
                campaign_id=campaign.campaign_id,
            )
        if has_begun(campaign, before=self.instance_id):
            return True
        if same is SameRun.YES:
            return False
        raise CampaignStateError(
            f"campaign {campaign.campaign_id}: a start was sent, its answer was lost, and the campaign is "
            f"{excerpt(campaign.status)}; it is not sent again, because it might run the whole list twice",
            campaign_id=campaign.campaign_id,
            outcome_unknown=True,
        )

    def when_gone(self) -> Receipt:
        """Never: a campaign that somebody deleted meanwhile cannot be said to be started."""
        raise _vanished(self.campaign_id, "started")

    def learn(self, campaign: Campaign, *, in_doubt: bool = True) -> None:
        """The run before, unless a start may have taken effect: what is read after one tells no more."""
        if not in_doubt:
            self.instance_id = run_of(campaign)


@dataclass(slots=True)
class DeleteGoal:
    """A campaign is gone. It is gone when reading no longer finds it, so one that is found is never done.

    ``updated_at`` is when the campaign was last changed as read before; it decides where a reading names no run. A
    refusal is read after before it is told: nobody may hear that a campaign was left alone that is gone for good.
    """

    campaign_id: str
    instance_id: InstanceId = UnknownInstance.UNKNOWN
    updated_at: str | None = None
    drains: bool = False
    is_repeatable: bool = True
    need: Need = Need.OBJECT
    believes_refusals: bool = False

    def recognise(self, body: dict[str, Any]) -> Receipt | None:
        """A delete echoes the deleted object (pages: delete-voice-campaign, delete-sms-campaign, and their v2)."""
        for one in objects_in(body):
            if campaign_id_of(one) == self.campaign_id:
                return Receipt(self.campaign_id, None, _instance_in(one), raw=body)
        data = body.get("data")
        echoed = campaign_id_of(data) if isinstance(data, dict) else None
        if echoed is not None:
            raise KoreProtocolError(
                f"the delete was answered for another campaign, {shown_words(echoed)}; look at both on the platform",
                campaign_id=self.campaign_id,
                outcome_unknown=True,
            )
        return None

    def shows_in(self, campaign: Campaign, *, in_doubt: bool = True) -> bool:  # noqa: ARG002 - it is there, whatever was sent
        """Not done; a campaign that runs or will run, ran again, or may have run again, is not deleted any more.

        Where a run is not known, the campaign must not have been changed since the reading that the delete goes by.
        """
        unchanged = is_unchanged(self.updated_at, campaign.updated_at)
        same = same_run(self.instance_id, run_of(campaign), unchanged=unchanged)
        if same is SameRun.NO:
            raise started_again(campaign, "was being deleted")
        reason = None
        if not campaign.is_at_rest:
            reason = f"is {excerpt(campaign.status)}" + (" with a schedule" if campaign.is_scheduled else "")
        elif same is SameRun.UNKNOWN and self._has_read:
            reason = "does not tell whether it ran again"
        if reason is not None:
            raise CampaignStateError(
                f"campaign {campaign.campaign_id}: {reason}, so the delete is not sent",
                campaign_id=campaign.campaign_id,
            )
        return False

    @property
    def _has_read(self) -> bool:
        """True if there is a reading that the delete goes by; a caller may delete without any."""
        return self.updated_at is not None or not isinstance(self.instance_id, UnknownInstance)

    def when_gone(self) -> Receipt:
        """That is what was wanted."""
        return Receipt(self.campaign_id, None, None, by_reading=True)

    def learn(self, campaign: Campaign, *, in_doubt: bool = True) -> None:  # noqa: ARG002 - a delete begins no run
        """The run that the first reading shows is the one that is meant."""
        if not self._has_read:
            self.instance_id, self.updated_at = run_of(campaign), campaign.updated_at


def may_have_worked(goal: WriteGoal, trouble: KoreError) -> bool:
    """True unless what came in the place of a receipt is a word that the write had no effect: what shows may be ours.

    A start is not taken to have worked by the rate limit of something before the service: it would not be sent again.
    """
    return trouble.outcome_unknown and (goal.is_repeatable or not isinstance(trouble, KoreRateLimitError))


def is_to_be_checked(goal: WriteGoal, trouble: KoreError) -> bool:
    """True of a refusal in the service's own words that is believed only if reading agrees."""
    return isinstance(trouble, KoreRequestError) and not goal.believes_refusals


def is_over(status: int | None) -> bool:
    """True if a write that was answered like this takes no effect any more, unless it already has.

    So it is where the service itself said that it failed (HTTP 500, 503), and after a redirect or a refusal. Other 5xx,
    as 502 and 504, are of a gateway that passed the request on; a 408 is of somebody who waited no longer.
    """
    return status in _SAID_IT_FAILED or (status is not None and 300 <= status < 500 and status != 408)


@contextmanager
def in_doubt() -> Iterator[None]:
    """Around what may be cut short before it is known what became of a write: whatever ends it says so.

    A ``KoreError`` tells by itself. Anything else - the task is killed, its time is up - is given ``outcome_unknown``.
    """
    try:
        yield
    except KoreError:
        raise
    except BaseException as error:
        error.outcome_unknown = True  # type: ignore[attr-defined]
        raise


def _vanished(campaign_id: str, what: str) -> KoreNotFoundError:
    return KoreNotFoundError(
        f"campaign {campaign_id}: is gone; somebody deleted it while it was being {what}",
        campaign_id=campaign_id,
        outcome_unknown=True,
    )


def started_again(campaign: Campaign, while_what: str, *, outcome_unknown: bool = False) -> CampaignStateError:
    """The error for a campaign that somebody started anew; nothing more is sent to it.

    ``outcome_unknown`` says that a write was sent, and nobody knows whether it took effect before the new run, on it,
    or not at all.
    """
    return CampaignStateError(
        f"campaign {campaign.campaign_id}: was started again while it {while_what} (it is {excerpt(campaign.status)} "
        f"as run {excerpt(campaign.campaign_instance_id or 'unknown')}); the new run is not touched any more",
        campaign_id=campaign.campaign_id,
        outcome_unknown=outcome_unknown,
    )


def _status_in(body: dict[str, Any]) -> CampaignStatus | None:
    status = body.get("status")
    return CampaignStatus(status) if isinstance(status, str) else None


def _instance_in(body: dict[str, Any]) -> str | None:
    value = body.get("campaignInstanceId")
    return value if isinstance(value, str) and value else None
