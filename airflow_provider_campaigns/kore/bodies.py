"""What the answers of the reads hold: a campaign, a page of contact results, or something else, which is an error.

Pure. ``answers`` tells success from failure before; this is about what a success says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.kore.campaigns import Campaign, ContactPage, ContactResult
from airflow_provider_campaigns.kore.errors import KoreProtocolError, excerpt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_campaigns.kore.endpoints import Endpoint


_NO_DATA = "no data"
"""The ``nothing_found`` of a success that holds nothing."""


def object_in(body: Mapping[str, Any], endpoint: Endpoint, campaign_id: str | None = None) -> dict[str, Any]:
    """The object that an answer is about.

    Raises:
        KoreProtocolError: there is none.
    """
    data = body.get("data")
    if not isinstance(data, dict):
        where = f" of campaign {campaign_id}" if campaign_id else ""
        error = KoreProtocolError(
            f"{endpoint.name}{where}: the answer has no 'data' object", endpoint=endpoint.name, campaign_id=campaign_id
        )
        error.nothing_found = None if data else _NO_DATA
        raise error
    return data


def rows_in(data: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The objects in a page, None if it is not a page of objects."""
    rows = data.get("results")
    return rows if isinstance(rows, list) and all(isinstance(row, dict) for row in rows) else None


def contact_page_in(body: Mapping[str, Any], endpoint: Endpoint, campaign_id: str, page: int) -> ContactPage:
    """The page of contact results in an answer; ``page`` is its number where the answer names none.

    Raises:
        KoreProtocolError: it is no page.
    """
    data = object_in(body, endpoint, campaign_id)
    rows, pages, total = rows_in(data), data.get("totalPages"), data.get("totalResults")
    if rows is None or not isinstance(pages, int) or not isinstance(total, int):
        raise KoreProtocolError(
            f"{endpoint.name} of campaign {campaign_id}: no results or no totals in the answer",
            endpoint=endpoint.name,
            campaign_id=campaign_id,
        )
    number = data.get("page")
    return ContactPage(number if type(number) is int else page, pages, total, tuple(map(ContactResult.from_api, rows)))


def campaign_of(item: Mapping[str, Any], endpoint: Endpoint) -> Campaign:
    """The campaign that an object describes.

    Raises:
        KoreProtocolError: it describes none.
    """
    try:
        return Campaign.from_api(item)
    except KoreProtocolError as error:
        error.endpoint = endpoint.name
        raise


def campaign_in(body: Mapping[str, Any], endpoint: Endpoint, campaign_id: str) -> Campaign:
    """The campaign in an answer.

    Raises:
        KoreProtocolError: there is none, or it is not the one that was asked for.
    """
    data = object_in(body, endpoint, campaign_id)
    try:
        campaign = campaign_of(data, endpoint)
    except KoreProtocolError as error:
        error.nothing_found = None if data else _NO_DATA
        raise
    if campaign.campaign_id != campaign_id:
        raise KoreProtocolError(
            f"campaign {campaign_id}: the answer is about another campaign, {excerpt(campaign.campaign_id)}",
            endpoint=endpoint.name,
            campaign_id=campaign_id,
        )
    return campaign
