"""What became of campaigns: one result or one error each, so that one that fails keeps no other from being served."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, TypeVar

from airflow_provider_campaigns.kore.errors import CampaignsFailedError, KoreAuthenticationError, KoreError
from airflow_provider_campaigns.kore.presence import PROVEN_MISSING, not_there
from airflow_provider_campaigns.kore.runs import as_note, named_run
from airflow_provider_campaigns.kore.senders import MOST_SENDERS, SENDERS, run_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Future

    from airflow_provider_campaigns.kore.campaigns import Campaign
    from airflow_provider_campaigns.kore.presence import ProvenMissing

log = logging.getLogger(__name__)

DELETED = "Deleted"
MISSING = "Missing"

_T = TypeVar("_T")


@dataclass(slots=True)
class Result:
    """What became of one campaign. Small and plain, so that it can be an XCom; never a contact or a phone number.

    Attributes:
        campaign_id: the campaign.
        campaign_type: ``voice`` or ``sms``.
        status: as last read; ``Deleted`` once it is proven gone, ``Missing`` if it was not there to begin with.
        changed: True if this very call caused it.
        name: None where it is not known.
        campaign_instance_id: the run concerned; None if it never ran.
        details: further keys, JSON values only.
    """

    campaign_id: str
    campaign_type: str | None
    status: str
    changed: bool
    name: str | None = None
    campaign_instance_id: str | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, campaign: Campaign, *, changed: bool, **details: Any) -> Result:
        """The result for a campaign as it was last read."""
        return cls(
            campaign_id=campaign.campaign_id,
            campaign_type=None if campaign.campaign_type is None else campaign.campaign_type.value,
            status=str(campaign.status),
            changed=changed,
            name=campaign.name or None,
            campaign_instance_id=campaign.campaign_instance_id,
            details=details,
        )

    @classmethod
    def planned(cls, campaign: Campaign, *planned: str) -> Result:
        """The result for a campaign to which all of this would be done, in this order; it is logged as well."""
        what = " and ".join(planned)
        log.info("campaign %s: is %s; plan only, would %s", campaign.campaign_id, campaign.status, what)
        return cls.of(campaign, changed=False, planned=", ".join(planned))

    @classmethod
    def missing(
        cls,
        campaign_id: str,
        *,
        if_missing: str,
        or_else: str,
        campaign_type: str | None = None,
        name: str | None = None,
        missing: ProvenMissing = PROVEN_MISSING,
        **details: Any,
    ) -> Result:
        """The result for a campaign that is provably not there, with what the caller knows of it.

        ``if_missing`` is ``fail``, ``skip`` or ``succeed``, ``or_else`` what the error says besides, and ``missing``
        how it was proven.

        Raises:
            KoreNotFoundError: ``if_missing`` is ``fail``.
        """
        if if_missing == "fail":
            raise not_there(campaign_id, or_else, missing)
        log.info("campaign %s: is not there, %s; nothing is done", campaign_id, missing.how)
        kind = None if campaign_type is None else str(campaign_type)
        return cls(campaign_id, kind, MISSING, changed=False, name=name, details=details)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Self:
        """What ``as_dict`` gave."""
        details = dict(value)
        names = ("campaign_id", "campaign_type", "status", "changed", "name", "campaign_instance_id")
        return cls(**{name: details.pop(name, None) for name in names}, details=details)

    def as_dict(self) -> dict[str, Any]:
        """The result as plain JSON values, ``name`` left out where it is not known."""
        known = {
            "campaign_id": self.campaign_id,
            "campaign_type": self.campaign_type,
            "name": self.name,
            "status": self.status,
            "changed": self.changed,
            "campaign_instance_id": self.campaign_instance_id,
        }
        if self.name is None:
            del known["name"]
        return known | self.details


class Outcomes:
    """Results and errors of many campaigns, in the order in which the campaigns were given."""

    def __init__(self, campaign_ids: Iterable[str]) -> None:
        self._ids = tuple(campaign_ids)
        self.results: dict[str, Result] = {}
        self.failures: dict[str, KoreError] = {}

    @property
    def total(self) -> int:
        """How many campaigns there are."""
        return len(self._ids)

    @property
    def open_ids(self) -> list[str]:
        """Campaigns that have neither a result nor an error yet."""
        return [one for one in self._ids if one not in self.results and one not in self.failures]

    def confirmed(self) -> dict[str, dict[str, Any]]:
        """What was proven, by campaign id, as it is kept for later tries; without ``confirmed_at`` nothing is."""
        names = ("sent_at", "confirmed_at", "contacts_before_stop")
        return {
            campaign_id: {
                "campaign_instance_id": as_note(named_run(result.campaign_instance_id)),
                **{name: result.details[name] for name in names if name in result.details},
            }
            for campaign_id, result in self.results.items()
            if "confirmed_at" in result.details
        }

    def add_failures(self, failures: Mapping[str, KoreError]) -> None:
        """Errors of what was meant and is no campaign that is known, such as a report that does not tell its own."""
        self._ids += tuple(one for one in failures if one not in self._ids)
        self.failures.update(failures)

    def as_dicts(self) -> list[dict[str, Any]]:
        """The results so far, in order."""
        return [self.results[one].as_dict() for one in self._ids if one in self.results]

    def as_json(self) -> dict[str, Any]:
        """Results and errors as plain JSON values, for ``from_json``."""
        return {
            "campaign_ids": list(self._ids),
            "results": self.as_dicts(),
            "failures": {
                one: {
                    "message": str(error),
                    "retryable": error.retryable,
                    "outcome_unknown": error.outcome_unknown,
                    "credentials": isinstance(error, KoreAuthenticationError),
                }
                for one, error in self.failures.items()
            },
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What ``as_json`` gave, in another process. An error keeps its message and what follows from it."""
        outcomes = cls(value["campaign_ids"])
        outcomes.results = {one["campaign_id"]: Result.from_dict(one) for one in value["results"]}
        outcomes.failures = {
            campaign_id: (KoreAuthenticationError if one["credentials"] else KoreError)(
                one["message"],
                campaign_id=campaign_id,
                retryable=one["retryable"],
                outcome_unknown=one["outcome_unknown"],
            )
            for campaign_id, one in value["failures"].items()
        }
        return outcomes

    def attempt_all(
        self, campaign_ids: Iterable[str], work: Callable[[str], _T], *, is_urgent: bool = False
    ) -> dict[str, _T]:
        """Do ``work`` for each campaign, several at a time; what was returned, without those that failed.

        Where it ``is_urgent``, one that hangs holds up no other. An error that is no ``KoreError`` is a defect and is
        raised, after all have been attempted.
        """
        return self.gather(run_all(work, campaign_ids, most=MOST_SENDERS if is_urgent else SENDERS))

    def attempt_most(
        self, campaign_ids: Iterable[str], work: Callable[[str], _T], *, hangs: Callable[[str], bool]
    ) -> tuple[dict[str, _T], dict[str, Future[_T]]]:
        """The same, urgently, and without waiting for what hangs while others are done; ``gather`` takes it later."""
        futures = run_all(work, campaign_ids, most=MOST_SENDERS, hangs=hangs)
        held = {one: future for one, future in futures.items() if not future.done()}
        return self.gather({one: future for one, future in futures.items() if one not in held}), held

    def gather(self, futures: Mapping[str, Future[_T]]) -> dict[str, _T]:
        """What was returned, without those that failed; what has its outcome by now keeps it."""
        done = {}
        for campaign_id, future in futures.items():
            try:
                done[campaign_id] = future.result()
            except KoreError as error:
                if campaign_id not in self.results:
                    self.failures[campaign_id] = error
        return done

    def raise_failures(self, what: str) -> None:
        """Raise what failed, if anything did: one campaign's own error, or a table of all of them.

        Raises:
            KoreError: of the only campaign.
            CampaignsFailedError: with ``failures``, of one of many.
        """
        lost = self.open_ids
        if lost:
            raise AssertionError(f"campaigns without a result: {', '.join(lost)}")
        if not self.failures:
            return
        if len(self._ids) == 1:
            raise next(iter(self.failures.values()))
        ordered = {one: self.failures[one] for one in self._ids if one in self.failures}
        width = max(map(len, ordered))
        table = "\n".join(
            f"  {one:<{width}}  {'try again' if error.retryable else 'permanent'}  {error}"
            for one, error in ordered.items()
        )
        raise CampaignsFailedError(
            f"{len(ordered)} of {len(self._ids)} campaigns could not be {what}:\n{table}",
            failures=ordered,
            some_served=bool(self.results),
        )
