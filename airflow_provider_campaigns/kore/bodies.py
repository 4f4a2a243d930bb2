"""What the answers of the reads hold: a campaign, a page of contact results, or something else, which is an error.

Pure. ``answers`` tells success from failure before; this is about what a success says. What is asked for stands in
``data``. An object that lies elsewhere - around it, or in a wrapper of its own - is taken only if it cannot be another:
a campaign by its id and a known status, a page by its rows and totals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.kore.campaigns import (
    Campaign,
    ContactPage,
    ContactResult,
    campaign_id_of,
    status_of,
)
from airflow_provider_campaigns.kore.errors import KoreProtocolError, excerpt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow_provider_campaigns.kore.endpoints import Endpoint


_NO_DATA = "no data"
"""The ``nothing_found`` of a success that holds nothing."""

_DEEPEST = 3
"""Wrappers within which an object is looked for, the answer itself included."""


def objects_in(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """``data`` if it is an object, the answer itself, and what lies in wrappers; a list of one wraps as well."""
    data = body.get("data")
    if isinstance(data, dict):
        yield data
    layer = [dict(body)]
    for _ in range(_DEEPEST):
        yield from layer
        within = [value for one in layer for value in one.values()]
        within = [value[0] if isinstance(value, list) and len(value) == 1 else value for value in within]
        layer = [value for value in within if isinstance(value, dict)]


def object_in(
    body: Mapping[str, Any],
    endpoint: Endpoint,
    campaign_id: str | None = None,
    *,
    is_it: Callable[[Mapping[str, Any]], bool],
) -> dict[str, Any]:
    """The object that an answer is about: the first that ``is_it``; else ``data``, whose faults are then named.

    Raises:
        KoreProtocolError: there is none.
    """
    data = body.get("data")
    found = next(filter(is_it, objects_in(body)), data)
    if not isinstance(found, dict):
        error = KoreProtocolError(
            f"{endpoint.request(campaign_id)}: the answer has no 'data' object",
            endpoint=endpoint.name,
            campaign_id=campaign_id,
        )
        error.nothing_found = None if data else _NO_DATA
        raise error
    return found


def is_page(data: Mapping[str, Any]) -> bool:
    """True of an object that holds rows and says how many there are."""
    return isinstance(data.get("results"), list) and type(data.get("totalResults")) is int


def rows_in(data: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The objects in a page, None if it is not a page of objects."""
    rows = data.get("results")
    return rows if isinstance(rows, list) and all(isinstance(row, dict) for row in rows) else None


def contact_page_in(body: Mapping[str, Any], endpoint: Endpoint, campaign_id: str, page: int) -> ContactPage:
    """The page of contact results in an answer; ``page`` is its number where the answer names none.

    Raises:
        KoreProtocolError: it is no page.
    """
    data = object_in(body, endpoint, campaign_id, is_it=is_page)
    rows, pages, total = rows_in(data), data.get("totalPages"), data.get("totalResults")
    if rows is None or not isinstance(pages, int) or not isinstance(total, int):
        raise KoreProtocolError(
            f"{endpoint.request(campaign_id)}: no results or no totals in the answer",
            endpoint=endpoint.name,
            campaign_id=campaign_id,
        )
    number = data.get("page")
    return ContactPage(number if type(number) is int else page, pages, total, tuple(map(ContactResult.from_api, rows)))


def campaign_of(item: Mapping[str, Any], endpoint: Endpoint, campaign_id: str | None = None) -> Campaign:
    """The campaign that an object describes; ``campaign_id`` is the one that was asked for.

    Raises:
        KoreProtocolError: it describes none.
    """
    try:
        return Campaign.from_api(item, is_whole=not endpoint.tells_status_only)
    except KoreProtocolError as error:
        error.args = (f"{endpoint.request(campaign_id or error.campaign_id)}: {error}",)
        error.endpoint = endpoint.name
        raise


def campaign_in(body: Mapping[str, Any], endpoint: Endpoint, campaign_id: str) -> Campaign:
    """The campaign in an answer.

    Raises:
        KoreProtocolError: there is none, or it is not the one that was asked for.
    """

    def is_it(data: Mapping[str, Any]) -> bool:
        status = status_of(data)
        return campaign_id_of(data) == campaign_id and status is not None and (status.is_known or data is own)

    own = body.get("data")
    data = object_in(body, endpoint, campaign_id, is_it=is_it)
    try:
        campaign = campaign_of(data, endpoint, campaign_id)
    except KoreProtocolError as error:
        error.nothing_found = None if data else _NO_DATA
        raise
    if campaign.campaign_id != campaign_id:
        raise KoreProtocolError(
            f"{endpoint.request(campaign_id)}: the answer is about another campaign, {excerpt(campaign.campaign_id)}",
            endpoint=endpoint.name,
            campaign_id=campaign_id,
        )
    return campaign
