"""The list of campaigns, page by page: whole, or not at all.

It may change while it is read, and a campaign that moves to another page meanwhile is lost without a word. So the
pages must add up to the total that the service names. How long a page is, and what the next one skips, follows from
what came: a service may send fewer than it was asked for, and count its pages by that.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.kore.bodies import campaign_of, is_page, items_in, number_in, object_in
from airflow_provider_campaigns.kore.campaigns import Campaign, campaign_id_of
from airflow_provider_campaigns.kore.errors import KoreProtocolError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from airflow_provider_campaigns.kore.campaigns import CampaignType
    from airflow_provider_campaigns.kore.endpoints import Endpoint

LIST_PAGE_SIZE = 100

Read = Callable[..., dict[str, Any]]
"""Sends a request that may be repeated, as ``Sender.read`` does; the answer's object."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An item of a list that is no campaign that could be read.

    Attributes:
        campaign_id: its id; None if it names none.
        name: its name; None if it has none.
        text: the whole item as JSON.
        error: what is wrong with it, for whoever needs this very item.
    """

    campaign_id: str | None
    name: str | None
    text: str
    error: KoreProtocolError

    def may_be(self, campaign_id: str) -> bool:
        """True unless it is another campaign for certain: it names another id, or this one stands nowhere in it."""
        return campaign_id in self.text if self.campaign_id is None else campaign_id == self.campaign_id


class Listing(dict[str, Campaign]):
    """Every campaign of a type by its id, newest first; and what of the list could not be read."""

    def __init__(self) -> None:
        super().__init__()
        self._unreadable: dict[tuple[str, int], Unreadable] = {}

    @property
    def unreadable(self) -> list[Unreadable]:
        """The items that are no campaigns that could be read."""
        return list(self._unreadable.values())

    @property
    def total(self) -> int:
        """How many different items came."""
        return len(self) + len(self._unreadable)

    def may_hold(self, campaign_id: str) -> bool:
        """True unless the campaign is not in the list for certain."""
        return campaign_id in self or any(one.may_be(campaign_id) for one in self._unreadable.values())

    def add(self, items: Sequence[object], endpoint: Endpoint) -> None:
        """Take in a page, which may repeat what is there already."""
        alike: Counter[str] = Counter()
        for item in items:
            try:
                campaign = _campaign_in(item, endpoint)
            except KoreProtocolError as error:
                fields = item if isinstance(item, dict) else {}
                named, text = campaign_id_of(fields), json.dumps(item, sort_keys=True)
                name = fields.get("name")
                # Without an id, two of one page are two; a page that overlaps with another repeats them.
                key = named or text
                alike[key] += 1
                one = Unreadable(named, name if isinstance(name, str) else None, text, error)
                self._unreadable[key, 1 if named else alike[key]] = one
            else:
                self[campaign.campaign_id] = campaign


def list_campaigns(read: Read, endpoint: Endpoint, kind: CampaignType, statuses: Sequence[str] = ()) -> Listing:
    """Every campaign of a type; with ``statuses``, those that the service gives for them.

    Raises:
        KoreProtocolError: the pages do not add up to the total, twice; or an answer is no page.
    """
    for _ in range(2):
        pages = list(_pages(read, endpoint, kind, statuses))
        listing, totals = pages[-1][0], {total for _, total, _ in pages}
        if totals == {listing.total}:
            return listing
    raise _do_not_add_up(endpoint, listing, totals)


def try_list(read: Read, endpoint: Endpoint, kind: CampaignType) -> Listing:
    """Find out whether the list can be read: its first page, and the others only where there seem to be none.

    Raises:
        KoreProtocolError: an answer is no page, or the pages do not add up to the total.
    """
    totals: set[int] = set()
    for listing, total, has_more in _pages(read, endpoint, kind, ()):
        totals.add(total)
        if has_more:
            return listing
    if totals != {listing.total}:
        raise _do_not_add_up(endpoint, listing, totals)
    return listing


def find_campaign(read: Read, endpoint: Endpoint, kinds: Collection[CampaignType], campaign_id: str) -> Campaign:
    """A campaign as the lists of these types show it. That they do not does not say that it is not there.

    Raises:
        KoreProtocolError: they do not.
    """
    for kind in kinds:
        listing = list_campaigns(read, endpoint, kind)
        if campaign_id in listing:
            return listing[campaign_id]
    error = KoreProtocolError(
        f"{endpoint.request()}: does not show campaign {campaign_id}", endpoint=endpoint.name, campaign_id=campaign_id
    )
    error.names_campaign = True
    raise error


def count_campaigns(read: Read, endpoint: Endpoint, kind: CampaignType) -> int:
    """How many campaigns of a type there are; one small request."""
    return _page(read, endpoint, kind, (), page=1, skip=0, limit=1)[1]


def _pages(
    read: Read, endpoint: Endpoint, kind: CampaignType, statuses: Sequence[str]
) -> Iterator[tuple[Listing, int, bool]]:
    """What came so far, the total, and whether the service says that there is more; after each page.

    With two totals the list has moved and may have lost a campaign.
    """
    listing = Listing()
    page, came, limit = 0, 0, LIST_PAGE_SIZE
    has_more = True
    while has_more:
        page += 1
        items, total, says_more = _page(read, endpoint, kind, statuses, page=page, skip=came, limit=limit)
        known = listing.total
        listing.add(items, endpoint)
        yield listing, total, says_more
        came += len(items)
        if page == 1:
            limit = min(limit, len(items))
        # A page that brings nothing new would be followed by more of them for ever.
        has_more = (says_more or listing.total < total) and listing.total > known


def _page(
    read: Read,
    endpoint: Endpoint,
    kind: CampaignType,
    statuses: Sequence[str],
    *,
    page: int,
    skip: int,
    limit: int,
) -> tuple[list[object], int, bool]:
    """One page: its items, the total, and whether the service says that there are more."""
    query: dict[str, Any] = {
        "limit": limit,
        "skip": skip,
        "page": page,
        "type": kind.value,
        "sortBy": {"createdAt": "desc"},
    }
    if statuses:
        query["filters"] = {"status": list(map(str, statuses))}
    data = object_in(read(endpoint, body=query), endpoint, is_it=is_page)
    items, total = items_in(data), number_in(data, "totalResults")
    if items is None or total is None:
        raise KoreProtocolError(f"{endpoint.request()}: no results or no total in the answer", endpoint=endpoint.name)
    return items, total, data.get("hasMore") is True


def _campaign_in(item: object, endpoint: Endpoint) -> Campaign:
    if not isinstance(item, dict):
        what = f"a {type(item).__name__} in the place of a campaign object"
        raise KoreProtocolError(f"{endpoint.request()}: {what}", endpoint=endpoint.name)
    return campaign_of(item, endpoint)


def _do_not_add_up(endpoint: Endpoint, listing: Listing, totals: set[int]) -> KoreProtocolError:
    said = " and ".join(map(str, sorted(totals)))
    return KoreProtocolError(
        f"{endpoint.request()}: the pages hold {listing.total} campaigns, but the service says that there are {said}",
        endpoint=endpoint.name,
        retryable=True,
    )
