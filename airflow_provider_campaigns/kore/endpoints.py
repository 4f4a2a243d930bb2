"""Every endpoint of the campaign service that this package calls: one row each, and nothing about paths elsewhere.

``source`` is the page below https://docs.kore.ai/ai-for-service/apis/contact-center/ that documents the row; ``note``
says where that page contradicts itself and how it is read. Rows differ in more than the version: v1 manages below
``/agentassist`` and triggers below ``/campaign``; v2 repeats the account id in the query.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from urllib.parse import quote

from airflow_provider_campaigns.kore.errors import KoreConfigurationError

API_VERSIONS = ("v1", "v2")
PLACEHOLDERS = ("stream_id", "account_id", "campaign_id")

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class Effect(Enum):
    """What a call does to the service: a read may be repeated, a write never blindly."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row: how a call is put into HTTP.

    Attributes:
        name: the key of the row, ``<verb>[_<campaign type>]_<version>``.
        method: HTTP method.
        path: template below the host; placeholders are those of ``PLACEHOLDERS``.
        query: query parameters; ``{account_id}`` stands for the account id.
        has_body: True if a JSON body is sent (``{}`` where the call needs none), False if none may be sent.
        effect: whether the call changes anything.
        source: name of the vendor's documentation page.
        note: how a contradiction of that page is read; empty where there is none.
    """

    name: str
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    has_body: bool = True
    effect: Effect = Effect.READ
    source: str = ""
    note: str = ""

    def url_path(self, **values: str) -> str:
        """The path with every placeholder filled in, each value quoted as one path segment."""
        return _PLACEHOLDER.sub(lambda match: quote(values[match[1]], safe=""), self.path)

    def url_query(self, account_id: str) -> dict[str, str]:
        """The query parameters with the account id filled in."""
        return {name: account_id if value == "{account_id}" else value for name, value in self.query.items()}


_V1_MANAGE = "/agentassist/api/v1/public/{stream_id}/campaign"
_V1_TRIGGER = "/campaign/api/v1/public/{stream_id}/campaign"
_V2 = "/campaign/api/v2/public/{stream_id}/campaign"

_ACCOUNT = {"accountId": "{account_id}"}
_VOICE = {"campaignType": "voice"}
_SMS = {"campaignType": "sms"}
_PLAY = {"trigger": "play"}
_STOP = {"trigger": "stop"}

_DELETE_V1_NOTE = (
    "The page prints {{campaignType}} as the last path segment and lists campaignId as the path parameter; "
    "the id is meant, for otherwise no campaign would be named."
)
_TRIGGER_V2_NOTE = "The page prints the path without the /campaign service prefix that every other v2 page has."

_ROWS = (
    Endpoint(
        "start_voice_v1",
        "POST",
        f"{_V1_TRIGGER}/{{campaign_id}}",
        _VOICE | _PLAY,
        effect=Effect.WRITE,
        source="start-voice-campaign",
    ),
    Endpoint(
        "start_voice_v2",
        "POST",
        f"{_V2}/trigger/{{campaign_id}}",
        _ACCOUNT | _VOICE | _PLAY,
        effect=Effect.WRITE,
        source="start-voice-campaign-v2",
        note=_TRIGGER_V2_NOTE,
    ),
    Endpoint(
        "start_sms_v1",
        "POST",
        f"{_V1_TRIGGER}/{{campaign_id}}",
        _SMS | _PLAY,
        effect=Effect.WRITE,
        source="start-sms-campaign",
    ),
    Endpoint(
        "start_sms_v2",
        "POST",
        f"{_V2}/{{campaign_id}}",
        _SMS | _PLAY,
        effect=Effect.WRITE,
        source="start-sms-campaign-v2",
        note="The page keeps the path shape of v1: no /trigger/, and no accountId in the query.",
    ),
    Endpoint(
        "stop_voice_v1",
        "POST",
        f"{_V1_TRIGGER}/{{campaign_id}}",
        _VOICE | _STOP,
        effect=Effect.WRITE,
        source="stop-voice-campaign",
    ),
    Endpoint(
        "stop_voice_v2",
        "POST",
        f"{_V2}/trigger/{{campaign_id}}",
        _ACCOUNT | _VOICE | _STOP,
        effect=Effect.WRITE,
        source="stop-voice-campaign-v2",
        note=_TRIGGER_V2_NOTE,
    ),
    Endpoint(
        "stop_sms_v1",
        "POST",
        f"{_V1_TRIGGER}/{{campaign_id}}",
        _SMS | _STOP,
        effect=Effect.WRITE,
        source="stop-sms-campaign",
        note="The page's curl sample has {{campaignType}} where its table has {{campaignId}}; the id is meant.",
    ),
    Endpoint(
        "stop_sms_v2",
        "POST",
        f"{_V2}/trigger/{{campaign_id}}",
        _ACCOUNT | _SMS | _STOP,
        effect=Effect.WRITE,
        source="stop-sms-campaign-v2",
        note="The page prints a double slash before trigger; read with one, as the voice page has it.",
    ),
    Endpoint(
        "delete_voice_v1",
        "DELETE",
        f"{_V1_MANAGE}/{{campaign_id}}",
        _VOICE,
        has_body=False,
        effect=Effect.WRITE,
        source="delete-voice-campaign",
        note=_DELETE_V1_NOTE,
    ),
    Endpoint(
        "delete_voice_v2",
        "DELETE",
        f"{_V2}/{{campaign_id}}",
        _ACCOUNT | _VOICE,
        has_body=False,
        effect=Effect.WRITE,
        source="delete-voice-campaign-v2",
        note='The query table says "sms"; the URL of the same page says voice.',
    ),
    Endpoint(
        "delete_sms_v1",
        "DELETE",
        f"{_V1_MANAGE}/{{campaign_id}}",
        _SMS,
        has_body=False,
        effect=Effect.WRITE,
        source="delete-sms-campaign",
        note=_DELETE_V1_NOTE,
    ),
    Endpoint(
        "delete_sms_v2",
        "DELETE",
        f"{_V2}/{{campaign_id}}",
        _ACCOUNT | _SMS,
        has_body=False,
        effect=Effect.WRITE,
        source="delete-sms-campaign-v2",
    ),
    Endpoint(
        "get_v1",
        "GET",
        f"{_V1_MANAGE}/{{campaign_id}}",
        has_body=False,
        source="get-voice-campaign-by-id",
        note="Serves SMS campaigns as well (get-sms-campaign-by-id). Older versions of the page print PUT.",
    ),
    Endpoint(
        "get_v2",
        "GET",
        f"{_V2}/{{campaign_id}}",
        _ACCOUNT,
        has_body=False,
        source="get-voice-campaign-by-id-v2",
        note="Serves SMS campaigns as well (get-sms-campaign-by-id-v2). Older versions of the page print PUT.",
    ),
    Endpoint(
        "status_v1",
        "POST",
        f"{_V1_MANAGE}/{{campaign_id}}/status",
        {"view": "status"},
        source="get-campaign-status",
        note="The sample sends no body; {} fits both versions.",
    ),
    Endpoint(
        "status_v2",
        "POST",
        f"{_V2}/{{campaign_id}}/status",
        _ACCOUNT | {"view": "status"},
        source="get-campaign-status-v2",
    ),
    Endpoint(
        "list_v1",
        "POST",
        f"{_V1_MANAGE}/getAllCampaignDetails",
        source="get-all-campaigns",
    ),
    Endpoint(
        "list_v2",
        "POST",
        f"{_V2}/getAllCampaignDetails",
        _ACCOUNT,
        source="get-all-campaigns-v2",
    ),
    Endpoint(
        "contacts_v1",
        "POST",
        f"{_V1_MANAGE}/{{campaign_id}}/status",
        {"view": "contacts"},
        source="get-all-contact-details-voice-campaigns",
    ),
    Endpoint(
        "contacts_v2",
        "POST",
        f"{_V2}/{{campaign_id}}/status",
        {"view": "contacts"},
        source="get-all-contact-details-voice-campaigns-v2",
        note="The sample has no accountId in the query, unlike the status view of the same path.",
    ),
    Endpoint(
        "enable_schedule_v2",
        "POST",
        f"{_V2}/schedule",
        {"enableSchedule": "true"},
        effect=Effect.WRITE,
        source="enable-voice-or-sms-campaign-schedule-daily",
        note="Addressed by the campaign's name, which is added to the query as campaignName.",
    ),
    Endpoint(
        "disable_schedule_v2",
        "POST",
        f"{_V2}/schedule",
        {"enableSchedule": "false"},
        effect=Effect.WRITE,
        source="disable-voice-or-sms-campaign-schedule",
        note="Addressed by the campaign's name, which is added to the query as campaignName.",
    ),
)

ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType({row.name: row for row in _ROWS})
"""Every endpoint by its name."""


def with_overrides(overrides: Mapping[str, object]) -> Mapping[str, Endpoint]:
    """``ENDPOINTS`` with some paths replaced, for a tenant whose paths differ from the documentation.

    ``overrides`` maps the name of an endpoint to a path template. A template starts with exactly one ``/`` (with two,
    a URL library would read a host), holds placeholders of ``PLACEHOLDERS`` only, names the campaign if the original
    does and only then, and has no query, fragment, backslash, escape or blank.

    Raises:
        KoreConfigurationError: names the entry and shows an accepted one.
    """
    if not isinstance(overrides, Mapping):
        raise KoreConfigurationError(
            f"endpoint_overrides: expected an object of endpoint names and paths, got {type(overrides).__name__}; "
            f"for example {{'get_v2': {ENDPOINTS['get_v2'].path!r}}}",
            field="endpoint_overrides",
        )
    endpoints = dict(ENDPOINTS)
    for name, template in overrides.items():
        if name not in endpoints:
            raise KoreConfigurationError(
                f"endpoint_overrides: there is no endpoint {name!r}; known are {', '.join(sorted(ENDPOINTS))}",
                field="endpoint_overrides",
            )
        endpoints[name] = replace(endpoints[name], path=_checked_path(endpoints[name], template))
    return MappingProxyType(endpoints)


def _checked_path(endpoint: Endpoint, template: object) -> str:
    problem = None
    if not isinstance(template, str) or not template.startswith("/") or template.startswith("//"):
        problem = "must be a path that starts with one '/'"
    elif re.search(r"[\s?#%\\]|[^\x21-\x7e]|/\.{1,2}(/|$)", template):
        problem = "must be a plain path: no blank, '?', '#', '%', '\\', '/../' or non-ASCII character"
    else:
        used = set(_PLACEHOLDER.findall(template))
        if re.search(r"[{}]", _PLACEHOLDER.sub("", template)) or not used <= set(PLACEHOLDERS):
            problem = f"may hold only the placeholders {', '.join('{' + name + '}' for name in PLACEHOLDERS)}"
        elif "{campaign_id}" in endpoint.path and "campaign_id" not in used:
            problem = "must hold {campaign_id}: otherwise no campaign would be named"
        elif "{campaign_id}" not in endpoint.path and "campaign_id" in used:
            problem = "must not hold {campaign_id}: this request is about no single campaign"
    if problem is not None:
        raise KoreConfigurationError(
            f"endpoint_overrides: the path of {endpoint.name!r} {problem}; for example {endpoint.path!r}",
            field="endpoint_overrides",
        )
    return str(template)
