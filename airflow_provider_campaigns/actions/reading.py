"""Reading campaigns before something is done to them: few requests, and "there is none" only when it is proven."""

from __future__ import annotations

import logging
import math
import threading
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_campaigns.actions.targets import check_type
from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.kore.budget import Priority
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.errors import (
    KoreConfigurationError,
    KoreError,
    KoreProtocolError,
)
from airflow_provider_campaigns.kore.listing import Expected
from airflow_provider_campaigns.kore.patience import ENDLESS, Patience
from airflow_provider_campaigns.kore.presence import ProvenMissing, look_for
from airflow_provider_campaigns.kore.stand_ins import Need

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from airflow_provider_campaigns.actions.outcomes import Outcomes
    from airflow_provider_campaigns.actions.targets import Target
    from airflow_provider_campaigns.kore.campaigns import Campaign
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.listing import Listing

log = logging.getLogger(__name__)

LIST_FROM = 4
"""From so many campaigns on they are looked up in the list, which holds 100 per request."""


class CampaignReader:
    """Reads campaigns for one action; its lists serve all of them, so that many missing ones cost few requests.

    Args:
        client: where they are.
        need: what is to be known of a campaign; says which reading stands in where another is refused.
        priority: the place of the readings in the request budget's queue.
        patience: how long each reading is waited for.
    """

    def __init__(
        self,
        client: KoreClient,
        *,
        need: Need = Need.OBJECT,
        priority: Priority = Priority.READ,
        patience: Patience = ENDLESS,
    ) -> None:
        self._client = client
        self._need = need
        self._priority = priority
        self._patience = patience
        self._lists: dict[CampaignType, Listing] = {}
        self._lock = threading.Lock()

    def read(
        self, campaign_id: str, campaign_type: CampaignType | None = None, *, was_missing: bool = False
    ) -> Campaign | ProvenMissing:
        """The campaign, or ``ProvenMissing``.

        ``campaign_type`` saves a list: what was seen to be of a type is not in the list of the other. A type that is
        only meant does not do: the list would lack a campaign of the other as well. ``was_missing``, which says that it
        was proven missing just before, saves all lists.

        Raises:
            KoreError: neither can be said.
        """
        return look_for(
            campaign_id,
            read=partial(self._get, kinds=kinds_of(campaign_type)),
            is_listed=partial(self._is_listed, campaign_type=campaign_type),
            proof=self._client.proof,
            kind=campaign_type,
            may_try=self._patience.is_endless,
            was_missing=was_missing,
        )

    def read_many(
        self,
        targets: Sequence[Target],
        campaign_type: CampaignType,
        outcomes: Outcomes,
        *,
        seen: Collection[str] = (),
        most_alone: int | None = None,
        most_pages: float = math.inf,
    ) -> dict[str, Campaign | ProvenMissing]:
        """Every target as a campaign or ``ProvenMissing``; one that cannot be read, or is another, becomes a failure.

        Those that were ``seen`` before, as of this type, are missing where its list lacks them; others where both do.

        Many are looked up in the list of ``campaign_type``, of which ``most_pages`` are read. What is not found there
        is read by itself: that is one request each, so where there are more than ``most_alone``, they are not read.
        Campaigns of the list come without calling hours.
        """
        by_id = {target.campaign_id: target for target in targets}
        try:
            listed = self.look_up(by_id, campaign_type, most_pages=most_pages)
        except KoreError as error:
            outcomes.failures.update(dict.fromkeys(by_id, error))
            return {}

        alone = [one for one in by_id if one not in listed]
        if most_alone is not None and len(alone) > most_alone:
            unread = "the list does not hold it, and there are too many of those to read each by itself"
            outcomes.failures.update({
                one: KoreProtocolError(f"campaign {one}: {unread}", campaign_id=one, retryable=True) for one in alone
            })
            by_id = {one: target for one, target in by_id.items() if one in listed}

        def read(campaign_id: str) -> Campaign | ProvenMissing:
            found = listed.get(campaign_id) or self.read(campaign_id, campaign_type if campaign_id in seen else None)
            if not isinstance(found, ProvenMissing):
                check_type(found, campaign_type)
                by_id[campaign_id].check_name(found)
            return found

        return outcomes.attempt_all(by_id, read)

    def look_up(
        self,
        campaign_ids: Collection[str],
        campaign_type: CampaignType,
        *,
        expected: Expected = Expected.RUNNING,
        most_pages: float = math.inf,
    ) -> Mapping[str, Campaign]:
        """What a new list says, if enough campaigns are asked for to be worth it; empty means to read each by itself.

        Of a long list only the pages are read that help (``KoreClient.find_listed``). Empty it is also where the
        service does not answer the list as it should: only the core endpoints must work. Where the list is refused by
        401 or 403, one campaign is read to find out whether everything is.

        Raises:
            KoreError: it concerns the account, so no request would get any further.
        """
        if len(campaign_ids) < LIST_FROM:
            return {}
        try:
            listed = self._client.find_listed(
                campaign_ids,
                campaign_type,
                expected=expected,
                most=most_pages,
                priority=self._priority,
                patience=self._patience,
            )
        except KoreError as error:
            if not error.may_concern_one_request:
                raise
            if error.concerns_account:
                self._make_sure_that_one_is_read(campaign_ids, campaign_type)
            log.warning("the list cannot be used (%s); each campaign is read by itself", error)
            return {}
        if listed.is_whole:
            with self._lock:
                self._lists[campaign_type] = listed
        return listed

    def _make_sure_that_one_is_read(self, campaign_ids: Collection[str], kind: CampaignType) -> None:
        """Raise what refuses one of the campaigns as well, if that concerns the account."""
        try:
            self._get(next(iter(campaign_ids)), kinds=(kind,))
        except KoreError as error:
            if error.concerns_account:
                raise

    def _get(self, campaign_id: str, *, kinds: Collection[CampaignType]) -> Campaign:
        return self._client.get_campaign(
            campaign_id, need=self._need, kinds=kinds, priority=self._priority, patience=self._patience
        )

    def _is_listed(self, campaign_id: str, campaign_type: CampaignType | None) -> bool:
        # A list from before may still hold what was deleted since; only a fresh one contradicts the reading.
        return any(
            self._list(kind).may_hold(campaign_id) and self._list(kind, fresh=True).may_hold(campaign_id)
            for kind in kinds_of(campaign_type)
        )

    def _list(self, kind: CampaignType, *, fresh: bool = False) -> Listing:
        with self._lock:
            if fresh or kind not in self._lists:
                self._lists[kind] = self._client.look_through(kind, priority=self._priority, patience=self._patience)
            return self._lists[kind]


def kinds_of(known: CampaignType | None) -> tuple[CampaignType, ...]:
    """The lists in which a campaign may be."""
    return tuple(CampaignType) if known is None else (known,)


def hours_of(campaign: Campaign) -> CallingHours:
    """The campaign's own calling hours; it must have been read by itself, because the list does not hold them.

    Raises:
        KoreConfigurationError: they cannot be read; says which argument tells them instead.
    """
    try:
        return CallingHours.from_api(campaign.raw)
    except KoreConfigurationError as error:
        raise KoreConfigurationError(
            f"campaign {campaign.campaign_id}: its calling hours cannot be read: {error}. "
            "The argument calling_hours says them",
            field=error.field,
            campaign_id=campaign.campaign_id,
        ) from error
