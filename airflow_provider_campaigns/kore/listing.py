"""The list of campaigns, page by page: whole, or not at all.

It may change while it is read, and a campaign that moves to another page meanwhile is lost without a word. So the
pages must add up to the total that the service names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.kore.bodies import campaign_of, object_in, rows_in
from airflow_provider_campaigns.kore.errors import KoreProtocolError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignType
    from airflow_provider_campaigns.kore.endpoints import Endpoint

LIST_PAGE_SIZE = 100


Read = Callable[..., dict[str, Any]]
"""Sends a request that may be repeated, as ``Sender.read`` does; the answer's object."""


def list_campaigns(
    read: Read, endpoint: Endpoint, kind: CampaignType, statuses: Sequence[str] = ()
) -> dict[str, Campaign]:
    """Every campaign of a type by its id, newest first; with ``statuses``, those that the service gives for them.

    Raises:
        KoreProtocolError: the pages do not add up to the total, twice.
    """
    for _ in range(2):
        campaigns, totals = _list_once(read, endpoint, kind, statuses)
        if totals == {len(campaigns)}:
            return campaigns
    said = " and ".join(map(str, sorted(totals)))
    raise KoreProtocolError(
        f"{endpoint.name}: the pages hold {len(campaigns)} campaigns, but the service says that there are {said}",
        endpoint=endpoint.name,
        retryable=True,
    )


def count_campaigns(read: Read, endpoint: Endpoint, kind: CampaignType) -> int:
    """How many campaigns of a type there are; one small request."""
    return _list_page(read, endpoint, kind, page=1, limit=1)[1]


def _list_once(
    read: Read, endpoint: Endpoint, kind: CampaignType, statuses: Sequence[str]
) -> tuple[dict[str, Campaign], set[int]]:
    """What the pages hold, and every total they name: with two, the list has moved and may have lost a campaign."""
    found: dict[str, Campaign] = {}
    totals: set[int] = set()
    page = 0
    has_more = True
    while has_more:
        page += 1
        items, total, has_more = _list_page(read, endpoint, kind, statuses, page=page)
        totals.add(total)
        known = len(found)
        found.update((item.campaign_id, item) for item in items)
        if len(found) == known:
            break  # a page that brings nothing new would be followed by more of them for ever
    return found, totals


def _list_page(
    read: Read,
    endpoint: Endpoint,
    kind: CampaignType,
    statuses: Sequence[str] = (),
    *,
    page: int,
    limit: int = LIST_PAGE_SIZE,
) -> tuple[list[Campaign], int, bool]:
    """One page: its campaigns, the total, and whether there are more."""
    query: dict[str, Any] = {
        "limit": limit,
        "skip": (page - 1) * limit,
        "page": page,
        "type": kind.value,
        "sortBy": {"createdAt": "desc"},
    }
    if statuses:
        query["filters"] = {"status": list(map(str, statuses))}
    data = object_in(read(endpoint, body=query), endpoint)
    results, total = rows_in(data), data.get("totalResults")
    if results is None or not isinstance(total, int):
        raise KoreProtocolError(f"{endpoint.name}: no results or no total in the answer", endpoint=endpoint.name)
    return [campaign_of(result, endpoint) for result in results], total, data.get("hasMore") is True
