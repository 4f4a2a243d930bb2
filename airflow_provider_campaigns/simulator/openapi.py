"""What the service's own API page (`/docs`, `/openapi.json`) says about each route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.simulator import problems

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_campaigns.simulator.routes import Kind, Route

DESCRIPTION = """
A local stand-in for the campaign endpoints of Kore.ai "AI for Service", transcribed from the vendor's public pages.

Send the headers `auth` (a JWT, HS256, without `Bearer`; claims `appId` and `sub`), `iid` and `accountId`.
A refused request says why in the header `X-Simulator-Reason`.
"""

_PAGES = "https://docs.kore.ai/ai-for-service/apis/contact-center/"

_HEADERS = (
    ("auth", "JWT signed with the app's Client Secret"),
    ("iid", "the app id, same as in the path"),
    ("accountId", "the account id"),
)

_QUERY: dict[Kind, tuple[tuple[str, bool, tuple[str, ...]], ...]] = {
    "trigger": (("campaignType", True, ("voice", "sms")), ("trigger", True, ("play", "stop"))),
    "delete": (("campaignType", True, ("voice", "sms")),),
    "get": (),
    "status": (("view", False, ("status", "contacts")),),
    "list": (),
    "schedule": (("enableSchedule", True, ("true", "false")), ("campaignName", True, ())),
}

_BODIES: dict[Kind, tuple[bool, dict[str, Any]]] = {
    "trigger": (True, {}),
    "status": (False, {"page": 1, "limit": 100}),
    "list": (
        True,
        {
            "type": "voice",
            "limit": 50,
            "skip": 0,
            "page": 1,
            "sortBy": {"createdAt": "desc"},
            "filters": {"status": ["Ready", "Stopped"], "priority": [5], "dialingMode": ["Progressive", "Preview"]},
        },
    ),
    "schedule": (
        True,
        {
            "startDateTime": "2026-01-27 18:29:00",
            "endDateTime": "2026-02-27 18:29:00",
            "recurrenceObject": {"recurType": "Daily", "dailyDetails": {"onceEveryNdays": 1}},
        },
    ),
}

_PROBLEMS = (
    ("The campaign is unknown, or its status does not allow this", problems.campaign_not_found(400, "")),
    ("Token, app, account or scope do not fit", problems.wrong_credentials("")),
    ("A header, parameter or field is missing or unknown", problems.invalid_arguments("")),
    ("The account's requests per minute are used up", problems.too_many_requests(429, wait_s=0, retry_after=False)),
)


def operation_document(route: Route) -> Mapping[str, Any]:
    """The keyword arguments that describe a route to FastAPI."""
    extra: dict[str, Any] = {"parameters": _parameters(route)}
    if route.kind in _BODIES:
        required, example = _BODIES[route.kind]
        content = {"application/json": {"schema": {"type": "object"}, "example": example}}
        extra["requestBody"] = {"required": required, "content": content}
    return {
        "operation_id": route.name,
        "summary": route.summary,
        "description": "Transcribed from " + ", ".join(f"[{page}]({_PAGES}{page})" for page in route.pages),
        "tags": ["as printed" if route.printed else route.version],
        "responses": {
            refusal.answer.status: {
                "description": description,
                "content": {"application/json": {"example": refusal.answer.body}},
            }
            for description, refusal in _PROBLEMS
        },
        "openapi_extra": extra,
    }


def _parameters(route: Route) -> list[dict[str, Any]]:
    in_path = [name for name in ("iid", "campaignId") if f"{{{name}}}" in route.path]
    query = [*_QUERY[route.kind], ("accountId", route.account_query, ())]
    return [
        *(_parameter("path", name, required=True) for name in in_path),
        *(_parameter("query", name, required=required, choices=choices) for name, required, choices in query),
        *(_parameter("header", name, required=True, description=text) for name, text in _HEADERS),
    ]


def _parameter(
    place: str, name: str, *, required: bool, choices: tuple[str, ...] = (), description: str = ""
) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if choices:
        schema["enum"] = list(choices)
    return {"in": place, "name": name, "required": required, "description": description, "schema": schema}
