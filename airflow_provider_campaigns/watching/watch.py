"""Watching campaigns until they are in a status: what is asked of the service, and when the waiting is over."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.actions.outcomes import Result
from airflow_provider_campaigns.actions.reading import LIST_FROM, CampaignReader, kinds_of
from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignStatus, CampaignType
from airflow_provider_campaigns.kore.errors import KoreError, KoreNotFoundError
from airflow_provider_campaigns.kore.listing import LIST_PAGE_SIZE
from airflow_provider_campaigns.kore.presence import ProvenMissing
from airflow_provider_campaigns.kore.stand_ins import Need

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from airflow_provider_campaigns.kore.client import KoreClient

log = logging.getLogger(__name__)

Found = Campaign | ProvenMissing | KoreError
"""What a look says about one campaign: as it is, provably not there, or why it could not be read this time."""

_OUTAGE = 3
"""So many campaigns in a row that cannot be read for a reason that may pass are the service's trouble, not theirs."""


@dataclass(frozen=True, slots=True)
class StatusGoal:
    """Some campaigns, each in one of some statuses, at the same time.

    Attributes:
        campaigns: id to type; None where the type is not known, which costs the list of the other type.
        statuses: as given; compared as text, without regard to case or surrounding blanks.
    """

    campaigns: Mapping[str, CampaignType | None]
    statuses: tuple[str, ...]

    def is_reached(self, seen: Mapping[str, Found]) -> bool:
        """True if one look saw every campaign in one of the statuses.

        Raises:
            KoreNotFoundError: one of the campaigns is provably not there, so this can never be.
        """
        found = {one: seen.get(one) for one in self.campaigns}
        missing = {one: how for one, how in found.items() if isinstance(how, ProvenMissing)}
        if missing:
            how = " or ".join(sorted({one.how for one in missing.values()}))
            raise KoreNotFoundError(
                f"campaign {', '.join(missing)}: there is none, {how}",
                campaign_id=next(iter(missing)) if len(missing) == 1 else None,
            )
        return all(isinstance(one, Campaign) and self.admits(one.status) for one in found.values())

    def admits(self, status: str) -> bool:
        """True if it is one of the statuses."""
        return CampaignStatus(status).casefold() in {CampaignStatus(one).casefold() for one in self.statuses}


class CampaignWatch:
    """Looks at the same campaigns again and again, with as few requests as that takes.

    A few campaigns are read each by itself, many are looked up in the list, 100 a request; which of the two costs less
    is known after the first list. A campaign that the list does not hold is read, so that "there is none" is proven.

    Attributes:
        cost: requests that the last complete look took, at least 1.
    """

    def __init__(self, client: KoreClient) -> None:
        self.cost = 1
        self._client = client
        self._pages: dict[CampaignType, int] = {}
        self._is_list_refused = False

    def look(self, campaigns: Mapping[str, CampaignType | None]) -> Iterator[Mapping[str, Found]]:
        """What the service says about each campaign now: in portions, as the answers come in.

        Raises:
            KoreError: nothing more can be learnt now: it concerns the account, or the service does not serve anybody.
        """
        listed: dict[str, Campaign] = {}
        requests = 0
        if self._is_list_worth_it(campaigns):
            for kind in CampaignType:
                lacking = {one for one, known in campaigns.items() if one not in listed and known in {None, kind}}
                if lacking:
                    listing = self._list(kind)
                    requests += self._pages.get(kind, 1)
                    listed |= {one: listing[one] for one in lacking & listing.keys()}
            yield listed
        reader = CampaignReader(self._client, need=Need.STATUS)
        failed_in_a_row = 0
        for campaign_id in campaigns:
            if campaign_id not in listed:
                found = self._read(reader, campaign_id)
                yield {campaign_id: found}
                requests += 1
                failed_in_a_row = failed_in_a_row + 1 if isinstance(found, KoreError) and found.retryable else 0
                if isinstance(found, KoreError) and failed_in_a_row == _OUTAGE:
                    raise found
        self.cost = max(1, requests)

    def look_at_all(self, campaigns: Mapping[str, CampaignType | None]) -> dict[str, Found]:
        """The same at once."""
        return {one: found for portion in self.look(campaigns) for one, found in portion.items()}

    def _is_list_worth_it(self, campaigns: Mapping[str, CampaignType | None]) -> bool:
        kinds = {kind for known in campaigns.values() for kind in kinds_of(known)}
        pages = sum(self._pages.get(kind, 1) for kind in kinds)
        return len(campaigns) >= max(LIST_FROM, pages)

    def _list(self, kind: CampaignType) -> dict[str, Campaign]:
        """The list by id; empty where the service refuses it: only the core endpoints must work.

        One that is refused by 401 or 403 may be refused alone, so campaigns are read, which tells.
        """
        try:
            listing = self._client.look_through(kind, is_last_resort=False)
        except KoreError as error:
            if error.retryable or not error.may_concern_one_request:
                raise  # a list that changes while it is read is whole the next time
            if not self._is_list_refused:
                self._is_list_refused = True
                log.warning("the list cannot be used (%s); each campaign is read by itself", error)
            return {}
        self._is_list_refused = False
        self._pages[kind] = max(1, -(-len(listing) // LIST_PAGE_SIZE))
        return listing

    @staticmethod
    def _read(reader: CampaignReader, campaign_id: str) -> Found:
        try:
            return reader.read(campaign_id)
        except KoreError as error:
            if error.concerns_account:
                raise
            return error


def results_of(campaigns: Iterable[Campaign]) -> list[dict[str, Any]]:
    """What a task that only waited says about campaigns: the operators' results, with nothing changed."""
    return [Result.of(campaign, changed=False).as_dict() for campaign in campaigns]
