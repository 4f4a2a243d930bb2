"""What is told of each change, right when it was made: one line of JSON, by which it can be proven later.

A task may be killed between a change and its end, so the line does not wait for the result.
"""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from airflow_provider_campaigns.kore.clock import instant_text
from airflow_provider_campaigns.kore.errors import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from airflow_provider_campaigns.kore.campaigns import Campaign
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.clock import Clock

LOGGER = "airflow_provider_campaigns.audit"
log = logging.getLogger(LOGGER)

Event = Literal["stop", "start", "delete", "disable_schedule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change to one campaign.

    Attributes:
        event: what was done.
        at: when it was known to be done, ISO 8601 in UTC.
        campaign_id: the campaign.
        campaign_type: ``voice`` or ``sms``.
        name: its name, None where it is not known.
        campaign_instance_id: the run concerned; of a start the new one, None where the service did not name it.
        api_version: of the request, by which it really was sent.
        request: its method, path and query.
        before: the status as it was last read before.
        after: the status that the service answered or that reading showed, ``Deleted`` after a delete; None where
            neither told.
        by_reading: True if the answer was lost, and reading the campaign proved the change.
        outcome_unknown: True if a request was sent, and neither an answer nor reading told whether it was done.
        lateness_s: of a stop at a close, the seconds from the close to the answer.
    """

    event: Event
    at: str
    campaign_id: str
    campaign_type: str | None
    name: str | None
    campaign_instance_id: str | None
    api_version: str
    request: str
    before: str
    after: str | None
    by_reading: bool = False
    outcome_unknown: bool = False
    lateness_s: float | None = None


class Audit(Protocol):
    """Who is told of each change; from any thread, several at a time."""

    def record(self, change: Change) -> None:
        """A change was made just now."""


class AuditLog:
    """Writes each change to the logger ``airflow_provider_campaigns.audit``, at INFO, as one line of JSON.

    Args:
        who: on whose behalf: plain JSON values that are part of each line.
    """

    def __init__(self, who: Mapping[str, Any] | None = None) -> None:
        self._who = dict(who or {})

    def record(self, change: Change) -> None:
        """Write the line. What is None or False is left out, but for ``after``."""
        told = asdict(change).items()
        what = {key: value for key, value in told if key == "after" or (value is not None and value is not False)}
        log.info("%s", json.dumps(what | self._who))


class Changes:
    """Tells an audit of the changes of one kind that an action makes.

    Args:
        audit: who is told.
        event: the kind.
        client: says by which request that was sent.
        api_version: the version asked for; None for the connection's, or the default.
        clock: the time of the changes.
    """

    def __init__(
        self, audit: Audit, event: Event, client: KoreClient, *, api_version: str | None = None, clock: Clock
    ) -> None:
        self._audit = audit
        self._event = event
        self._client = client
        self._api_version = api_version
        self._clock = clock

    @contextmanager
    def sending(self, campaign: Campaign, campaign_type: str) -> Iterator[None]:
        """Around the request: if nobody can tell whether it was done, that is told, and the error goes on.

        That may also be because the task is killed before anybody could read what became of it.
        """
        try:
            yield
        except BaseException as error:
            if getattr(error, "outcome_unknown", False):
                self._tell(campaign, campaign_type, self._clock.now(), after=None, outcome_unknown=True)
            raise

    def made(self, campaign: Campaign, campaign_type: str, *, at: datetime, after: str | None, **more: Any) -> None:
        """The change was made: ``campaign`` is as read before it, ``more`` what else ``Change`` holds."""
        self._tell(campaign, campaign_type, at, after=None if after is None else str(after), **more)

    def _tell(self, campaign: Campaign, campaign_type: str, at: datetime, **more: Any) -> None:
        about = self._event, campaign.campaign_id, campaign_type
        what = {
            "event": self._event,
            "at": instant_text(at),
            "campaign_id": campaign.campaign_id,
            "campaign_type": str(campaign_type),
            "name": excerpt(campaign.name) or None,
            "campaign_instance_id": campaign.campaign_instance_id,
            "api_version": self._client.endpoint_of(*about, api_version=self._api_version).api_version,
            "request": self._client.describe(*about, api_version=self._api_version),
            "before": str(campaign.status),
        }
        self._audit.record(Change(**(what | more)))
