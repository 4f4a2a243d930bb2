"""The last look at campaigns, seconds before they are stopped: it is over in time, whatever the service does."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_campaigns.actions.outcomes import Outcomes
from airflow_provider_campaigns.actions.reading import LIST_FROM, CampaignReader, ProvenMissing
from airflow_provider_campaigns.actions.stopping.moment import StopMoment, warm_connections
from airflow_provider_campaigns.actions.stopping.step import Step, step_for
from airflow_provider_campaigns.kore.budget import Priority
from airflow_provider_campaigns.kore.errors import CampaignMismatchError, KoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_campaigns.actions.targets import Target
    from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignType
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.clock import Clock

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EarlyReading:
    """What became of the look.

    Attributes:
        found: the campaigns as they are, or were when this was planned, by campaign id.
        failures: what is not what it was taken for, by campaign id.
        unread: what can only be read once all stops are out.
    """

    found: Mapping[str, Campaign | ProvenMissing]
    failures: Mapping[str, KoreError]
    unread: list[Target]


def read_early(
    client: KoreClient,
    targets: Sequence[Target],
    campaign_type: CampaignType,
    moment: StopMoment,
    *,
    planned: Mapping[str, Campaign],
    clock: Clock,
) -> EarlyReading:
    """Read campaigns shortly before the moment, and so open the connections that their stops go out over.

    No stop waits for that: it is over before the moment, and what cannot be read by then is what it was when it was
    planned, if it ran.
    """
    look_s = partial(moment.look_s, clock)
    # One list is worth its place. One request for each campaign is not, where many tasks have a stop each to send.
    priority = Priority.STOP if len(targets) >= LIST_FROM else Priority.READ
    reader = CampaignReader(client, priority=priority, left_s=look_s)
    by_id = {target.campaign_id: target for target in targets}
    looked = Outcomes(by_id)
    with (
        warm_connections(client, list(by_id), answer_timeout_s=max(look_s(), 1.0))
        if len(by_id) >= LIST_FROM
        else nullcontext()
    ):
        found = reader.read_many(targets, campaign_type, looked, most_alone=LIST_FROM - 1)
    failures, unread = {}, []
    for campaign_id, error in looked.failures.items():
        before = planned.get(campaign_id)
        if isinstance(error, CampaignMismatchError):
            failures[campaign_id] = error
        elif before is not None and step_for(before) is Step.SEND:
            log.warning(
                "campaign %s: cannot be read before its stop (%s); it was %s when this was planned, and is stopped",
                campaign_id,
                error,
                before.status,
            )
            found[campaign_id] = before
        else:
            unread.append(by_id[campaign_id])
    return EarlyReading(found, failures, unread)
