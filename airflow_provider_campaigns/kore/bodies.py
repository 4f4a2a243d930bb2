"""What the answers of the reads hold: a campaign, a page of contact results, or something else, which is an error.

Pure. ``answers`` tells success from failure before; this is about what a success says. What is asked for stands in
``data``. An object that lies elsewhere - around it, or in a wrapper of its own - is taken only if it cannot be another:
a campaign by its id and a known status, a page by its rows and totals.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.kore.campaigns import (
    Campaign,
    ContactPage,
    ContactResult,
    campaign_id_of,
    status_of,
)
from airflow_provider_campaigns.kore.errors import KoreProtocolError, shown_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow_provider_campaigns.kore.endpoints import Endpoint


_NO_DATA = "no data"
"""The ``nothing_found`` of a success that holds nothing."""

_NUMBER = re.compile(r"\s*[0-9]{1,15}\s*", re.ASCII)

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
    return items_in(data) is not None and number_in(data, "totalResults") is not None


def items_in(data: Mapping[str, Any]) -> list[Any] | None:
    """What a page holds, whatever that is: ``results``, else ``contacts`` or ``campaigns`` if it has one of them alone.

    None if it is no page. Null for ``results`` of which there are none is an empty page.
    """
    rows = data.get("results")
    if rows is None and "results" in data and number_in(data, "totalResults") == 0:
        return []
    if rows is None:
        named = [data[name] for name in ("contacts", "campaigns") if name in data]
        rows = named[0] if len(named) == 1 else None
    return rows if isinstance(rows, list) else None


def rows_in(data: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The objects in a page, None if it is not a page of objects."""
    rows = items_in(data)
    return rows if rows is not None and all(isinstance(row, dict) for row in rows) else None


def number_in(data: Mapping[str, Any], name: str) -> int | None:
    """The whole number, 0 or more, of this name, also as text or with a point; None if there is none."""
    value = data.get(name)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and value >= 0 else None


def contact_page_in(
    body: Mapping[str, Any], endpoint: Endpoint, campaign_id: str, page: int, limit: int
) -> ContactPage:
    """The page of contact results in an answer; ``page`` is its number, and ``limit`` its size, where it names none.

    Raises:
        KoreProtocolError: it is no page.
    """
    data = object_in(body, endpoint, campaign_id, is_it=is_page)
    rows, pages, total = rows_in(data), number_in(data, "totalPages"), number_in(data, "totalResults")
    if rows is None or total is None:
        raise no_page(f"{endpoint.request(campaign_id)}: no results or no totals", endpoint, rows, total, campaign_id)
    if pages is None:
        pages = -(-total // (number_in(data, "limit") or limit))
    number = number_in(data, "page")
    return ContactPage(page if number is None else number, pages, total, tuple(map(ContactResult.from_api, rows)))


def no_page(
    what: str, endpoint: Endpoint, rows: object, total: int | None, campaign_id: str | None = None
) -> KoreProtocolError:
    """The error for an answer that is no page of a list or of contacts; it names what is missing."""
    lacks = [name for name, value in (("results", rows), ("totalResults", total)) if value is None]
    return KoreProtocolError(
        f"{what} in the answer (it lacks {' and '.join(lacks)}, or has it in another form)",
        endpoint=endpoint.name,
        campaign_id=campaign_id,
    )


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
            f"{endpoint.request(campaign_id)}: the answer is about another campaign, "
            f"{shown_words(campaign.campaign_id)}",
            endpoint=endpoint.name,
            campaign_id=campaign_id,
        )
    return campaign
