"""The list of campaigns, page by page: whole, or not at all.

It may change while it is read, and a campaign that moves to another page meanwhile is lost without a word. So the
pages must add up to the total that the service names. How long a page is, and what the next one skips, follows from
came: a service may send fewer than it was asked for, and count its pages by that. It may neither order nor filter.
"""

from __future__ import annotations

import json
import logging
import math
import os
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from enum import Enum
from functools import partial
from itertools import chain, combinations
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.kore.bodies import campaign_of, is_page, items_in, no_page, number_in, object_in
from airflow_provider_campaigns.kore.campaigns import Campaign, campaign_id_of
from airflow_provider_campaigns.kore.errors import (
    KoreError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreRequestError,
    KoreResponseError,
    KoreServiceError,
    shown_argument,
)
from airflow_provider_campaigns.kore.stand_ins import REFUSED_S

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from airflow_provider_campaigns.kore.campaigns import CampaignType
    from airflow_provider_campaigns.kore.endpoints import Endpoint

log = logging.getLogger(__name__)

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


class Expected(Enum):
    """What is expected of campaigns that are looked for in a long list, and how they are asked for first."""

    RUNNING = "what runs, or will"
    JUST_CHANGED = "what was changed last"


_NEWEST_FIRST: dict[str, Any] = {"sortBy": {"createdAt": "desc"}}

_ASKED_FOR: dict[Expected, dict[str, Any]] = {
    Expected.RUNNING: _NEWEST_FIRST
    | {"filters": {"status": ["Active", "Paused", "Preparing", "Scheduled", "Rescheduled"]}},
    Expected.JUST_CHANGED: {"sortBy": {"updatedAt": "desc"}},
}


class Extras:
    """Order and filter, without which a list tells the same: what of them is refused is left out for ten minutes.

    ``clock`` is monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._refused_until: dict[tuple[str, str], float] = {}

    def dropped_where_refused(self, read: Read, gives_up_on: Callable[[KoreError], bool]) -> Read:
        """``read`` for the pages of a list; what it ``gives_up_on`` is raised at once, as by ``Sender.read``."""

        def read_page(endpoint: Endpoint, *, body: dict[str, Any]) -> dict[str, Any]:
            now = self._clock()
            asked = _without(body, [one for one in _EXTRAS if now < self._refused_until.get((endpoint.name, one), 0)])
            extras = [one for one in _EXTRAS if one in asked]
            if not extras:
                return read(endpoint, body=asked, gives_up_on=gives_up_on)
            try:
                return read(endpoint, body=asked, gives_up_on=lambda e: _may_be_about_extras(e) or gives_up_on(e))
            except KoreError as error:
                if not _may_be_about_extras(error):
                    raise
                refusal = error
            for fewer in chain(combinations(extras, 1), combinations(extras, 2)):
                try:
                    answer = read(endpoint, body=_without(asked, fewer), gives_up_on=_may_be_about_extras)
                except KoreError as error:
                    if not _may_be_about_extras(error):
                        raise
                else:
                    log.warning("%s; it is answered without %s, which is left out now", refusal, " and ".join(fewer))
                    self._refused_until |= {(endpoint.name, one): self._clock() + REFUSED_S for one in fewer}
                    return answer
            if refusal.retryable and not gives_up_on(refusal):
                return read(endpoint, body=asked, gives_up_on=gives_up_on)
            raise refusal

        return read_page


_EXTRAS = ("sortBy", "filters")


def _without(body: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


def _may_be_about_extras(error: KoreError) -> bool:
    """True of a request that was refused for what it asks for, and of a service that fails over it."""
    is_of_arguments = isinstance(error, KoreRequestError) and error.status in {200, 400, 412, 422}
    return is_of_arguments or (isinstance(error, KoreServiceError) and error.status == 500)


class LatestLists:
    """The latest list of each type, for threads that look for campaigns at the same time: one list serves them all.

    ``clock`` is monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        # By process: a lock that another thread held at the time of the fork is held for ever in the child.
        self._locks: dict[tuple[int, CampaignType], threading.Lock] = {}
        self._latest: dict[CampaignType, tuple[float, Listing | KoreError]] = {}

    def begun_after(self, at: float, kind: CampaignType, read: Callable[[], Listing]) -> Listing:
        """What ``read`` gives, or raises; the latest of others if it was asked for after that instant."""
        with self._locks.setdefault((os.getpid(), kind), threading.Lock()):
            asked_at, found = self._latest.get(kind, (-math.inf, Listing()))
            if asked_at <= at:
                asked_at = self._clock()
                try:
                    found = read()
                except KoreError as error:  # who waited for it would wait as long again to hear the same
                    found = error
                self._latest[kind] = asked_at, found
        if isinstance(found, KoreError):
            raise copy(found)
        return found


class Listing(dict[str, Campaign]):
    """The campaigns of a type by id; and what of the list could not be read.

    Attributes:
        is_whole: whether these are all, newest first. What is not in a part of the list may be there all the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_whole = True
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
        may_be_elsewhere = not self.is_whole or any(one.may_be(campaign_id) for one in self._unreadable.values())
        return campaign_id in self or may_be_elsewhere

    def take(self, other: Listing) -> None:
        """Take in what another has."""
        self.update(other)
        self._unreadable |= other._unreadable

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
    filtered = _NEWEST_FIRST | ({"filters": {"status": list(map(str, statuses))}} if statuses else {})
    for _ in range(2):
        pages = list(_pages(read, endpoint, kind, filtered))
        listing, totals = pages[-1][0], {total for _, total, _ in pages}
        if totals == {listing.total}:
            return listing
    raise _do_not_add_up(endpoint, listing, totals)


def find_listed(
    read: Read,
    endpoint: Endpoint,
    kind: CampaignType,
    wanted: Collection[str],
    *,
    expected: Expected,
    is_long: bool = False,
    most: float = math.inf,
) -> Listing:
    """Campaigns of a type that are looked for, with whatever else stands on the pages that this takes.

    The first page tells whether the list has more, unless it is known to be long. Then one page is asked for what is
    ``expected``, and one in the other way. After that it goes on page by page for as long as what is left of them takes
    no more requests than reading each campaign by itself. It ends with ``most`` requests, when no more than one
    campaign is left, or when a page fails after one that did not.
    """
    search = _Search(read, endpoint, kind, wanted, most)
    if not is_long:
        search.turn_page()
    try:
        for asked_for in (_ASKED_FOR[expected], *(one for by, one in _ASKED_FOR.items() if by is not expected)):
            if search.goes_on:
                search.ask(asked_for)
        while search.goes_on and search.pages_left <= search.left:
            search.turn_page()
    except KoreError:
        if not search.found:
            raise
    return search.found


class _Search:
    """What was found of campaigns that are looked for, and what looking on would take."""

    def __init__(
        self, read: Read, endpoint: Endpoint, kind: CampaignType, wanted: Collection[str], most: float
    ) -> None:
        self.found = Listing()
        self.found.is_whole = False
        self.pages_left = 1.0
        self._page = partial(_page, read, endpoint, kind, page=1, skip=0, limit=LIST_PAGE_SIZE)
        self._pages = _pages(read, endpoint, kind, _NEWEST_FIRST)
        self._endpoint = endpoint
        self._wanted = wanted
        self._most = most
        self._asked = 0

    @property
    def left(self) -> int:
        return sum(one not in self.found for one in self._wanted)

    @property
    def goes_on(self) -> bool:
        return not self.found.is_whole and self.left > 1 and self._asked < self._most

    def turn_page(self) -> None:
        """Read the next page of the whole list."""
        self._asked += 1
        so_far, total, has_more = next(self._pages, (Listing(), math.inf, False))
        if not has_more and so_far.total == total:
            self.found = so_far
        else:
            self.found.take(so_far)
        self.pages_left = (total - so_far.total) / LIST_PAGE_SIZE

    def ask(self, asked_for: Mapping[str, Any]) -> None:
        """Read one page that was asked for otherwise, which the service need not understand."""
        self._asked += 1
        with suppress(KoreResponseError, KoreProtocolError):
            self.found.add(self._page(asked_for)[0], self._endpoint)


def try_list(read: Read, endpoint: Endpoint, kind: CampaignType) -> Listing:
    """Find out whether the list can be read: its first page, and the others only where there seem to be none.

    Raises:
        KoreProtocolError: an answer is no page, or the pages do not add up to the total.
    """
    totals: set[int] = set()
    for listing, total, has_more in _pages(read, endpoint, kind, _NEWEST_FIRST):
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


def named(lists: Iterable[Listing], name: str) -> Campaign:
    """The one campaign of exactly this name in whole lists.

    Raises:
        KoreNotFoundError: there is none.
        KoreProtocolError: there are several, or an item that cannot be read may be one.
    """
    found = []
    for listing in lists:
        for item in listing.unreadable:
            if item.name is None or item.name == name:
                raise item.error
        found += [one for one in listing.values() if one.name == name]
    if not found:
        raise KoreNotFoundError(f"there is no campaign named {shown_argument(name)}")
    if len(found) > 1:
        ids = ", ".join(campaign.campaign_id for campaign in found)
        raise KoreProtocolError(f"{len(found)} campaigns are named {shown_argument(name)} ({ids}); name one by its id")
    return found[0]


def count_campaigns(read: Read, endpoint: Endpoint, kind: CampaignType) -> int:
    """How many campaigns of a type there are; one small request."""
    return _page(read, endpoint, kind, _NEWEST_FIRST, page=1, skip=0, limit=1)[1]


def _pages(
    read: Read, endpoint: Endpoint, kind: CampaignType, asked_for: Mapping[str, Any]
) -> Iterator[tuple[Listing, int, bool]]:
    """What came so far, the total, and whether the service says that there is more; after each page.

    With two totals the list has moved and may have lost a campaign.
    """
    listing = Listing()
    page, came, limit = 0, 0, LIST_PAGE_SIZE
    has_more = True
    while has_more:
        page += 1
        items, total, says_more = _page(read, endpoint, kind, asked_for, page=page, skip=came, limit=limit)
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
    asked_for: Mapping[str, Any],
    *,
    page: int,
    skip: int,
    limit: int,
) -> tuple[list[object], int, bool]:
    """One page: its items, the total, and whether the service says that there are more."""
    query = {"limit": limit, "skip": skip, "page": page, "type": kind.value, **asked_for}
    data = object_in(read(endpoint, body=query), endpoint, is_it=is_page)
    items, total = items_in(data), number_in(data, "totalResults")
    if items is None or total is None:
        raise no_page(f"{endpoint.request()}: no results or no total", endpoint, items, total)
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
