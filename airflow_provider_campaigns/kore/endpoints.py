"""Every endpoint of the campaign service that this package calls: one row each, and nothing about paths elsewhere.

``source`` is the page below https://docs.kore.ai/ai-for-service/apis/contact-center/ that documents the row; ``note``
says where that page contradicts itself and how it is read. Rows differ in more than the version: v1 manages below
``/agentassist`` and triggers below ``/campaign``; v2 repeats the account id in the query.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlencode

from airflow_provider_campaigns.kore.errors import SHORTEST_SECRET, KoreConfigurationError, shown_value

API_VERSIONS = ("v1", "v2")
PLACEHOLDERS = ("stream_id", "account_id", "campaign_id")

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")

_WORD_ENDS = re.compile(r"[-_.]|(?<=[a-z])(?=[A-Z])")
_WORD = re.compile(r"[A-Za-z]?[a-z]{0,15}|v?\d{1,2}")

_ACCOUNT_ID = re.compile("[0-9a-f]{24}")

_WITH_BODY = ("POST", "PUT", "PATCH")
_WITHOUT_BODY = {"get": ("GET",), "status": ("GET",), "delete": ("DELETE",)}
"""By verb. A list or a page of contacts asks for what it wants in its body. What is between may repeat a GET, or answer
it from memory, so it changes nothing; and a DELETE that is to read or to stop might delete."""


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
        effect: whether the call changes anything.
        source: name of the vendor's documentation page.
    """

    name: str
    method: str
    path: str
    query: Mapping[str, str]
    effect: Effect
    source: str

    @property
    def api_version(self) -> str:
        """``v1`` or ``v2``."""
        return self.name.rpartition("_")[2]

    @property
    def has_body(self) -> bool:
        """True if a JSON body is sent (``{}`` where the call needs none), False if none may be sent."""
        return self.method in _WITH_BODY

    @property
    def methods(self) -> tuple[str, ...]:
        """The HTTP methods that it may have."""
        return (*_WITHOUT_BODY.get(self.name.partition("_")[0], ()), *_WITH_BODY)

    @property
    def holds_contacts(self) -> bool:
        """True if the answers are about contacts, of whom nothing may be shown."""
        return self.name.startswith("contacts_")

    @property
    def tells_status_only(self) -> bool:
        """True if the answers tell a campaign's status, and neither type, schedule nor run."""
        return self.name.startswith("status_")

    @property
    def note(self) -> str:
        """How a contradiction of the page is read; empty where there is none."""
        return _NOTES.get(self.name, "")

    def url_path(self, **values: str) -> str:
        """The path with the placeholders filled in that a value is given for, each quoted as one path segment."""
        return _PLACEHOLDER.sub(
            lambda match: quote(values[match[1]], safe="") if match[1] in values else match[0], self.path
        )

    def request(self, campaign_id: str | None = None) -> str:
        """How every message about a request begins: its name, whom it is about, and the method and path that are sent.

        The query is left out.
        """
        whom = f" of campaign {campaign_id}" if campaign_id else ""
        return f"{self.name}{whom} ({self.method} {self.shown_path(campaign_id)})"

    def shown_path(self, campaign_id: str | None) -> str:
        """The path for a reader, where ``{account_id}`` stands for itself, and what is no word is told by its length.

        Either may be a secret in the wrong field.
        """
        shown = "/".join(one if _is_plain(one) else f"<{len(one)}>" for one in self.path.split("/"))
        return replace(self, path=shown).url_path(**({"campaign_id": campaign_id} if campaign_id else {}))

    def url_query(self, account_id: str) -> dict[str, str]:
        """The query parameters with the account id filled in."""
        return {name: account_id if value == "{account_id}" else value for name, value in self.query.items()}

    def shown_query(self, account_id: str) -> str:
        """The same as text for a reader; of what was added to the documented query, what is long by its length.

        So is an account id that does not look like one.
        """
        documented = ENDPOINTS[self.name].query
        shown = {
            name if name in documented else _by_length(name): value
            if value in documented.values()
            else _by_length(value)
            for name, value in self.query.items()
        }
        account = account_id if _ACCOUNT_ID.fullmatch(account_id) else _by_length(account_id)
        return urlencode(replace(self, query=shown).url_query(account), safe="<>")


def _by_length(text: str) -> str:
    return text if len(text) < SHORTEST_SECRET else f"<{len(text)}>"


def _is_plain(segment: str) -> bool:
    """True of placeholders, of a stream id, and of words of up to 16 letters (``getAllCampaignDetails``, ``v2``)."""
    words = _WORD_ENDS.split(_PLACEHOLDER.sub("", segment))
    return segment.startswith("st-") or all(map(_WORD.fullmatch, words))


_V1 = "/agentassist/api/v1/public/{stream_id}/campaign"
_V1_ONE = f"{_V1}/{{campaign_id}}"
_V1_TRIGGER = "/campaign/api/v1/public/{stream_id}/campaign/{campaign_id}"
_V2 = "/campaign/api/v2/public/{stream_id}/campaign"
_V2_ONE = f"{_V2}/{{campaign_id}}"
_V2_TRIGGER = f"{_V2}/trigger/{{campaign_id}}"

_ACCOUNT = {"accountId": "{account_id}"}
_VOICE = {"campaignType": "voice"}
_SMS = {"campaignType": "sms"}
_PLAY = {"trigger": "play"}
_STOP = {"trigger": "stop"}
_STATUS = {"view": "status"}
_CONTACTS = {"view": "contacts"}
_ENABLE = {"enableSchedule": "true"}
_DISABLE = {"enableSchedule": "false"}

_READ, _WRITE = Effect.READ, Effect.WRITE

_ROWS = (
    Endpoint("start_voice_v1", "POST", _V1_TRIGGER, _VOICE | _PLAY, _WRITE, "start-voice-campaign"),
    Endpoint("start_voice_v2", "POST", _V2_TRIGGER, _ACCOUNT | _VOICE | _PLAY, _WRITE, "start-voice-campaign-v2"),
    Endpoint("start_sms_v1", "POST", _V1_TRIGGER, _SMS | _PLAY, _WRITE, "start-sms-campaign"),
    Endpoint("start_sms_v2", "POST", _V2_ONE, _SMS | _PLAY, _WRITE, "start-sms-campaign-v2"),
    Endpoint("stop_voice_v1", "POST", _V1_TRIGGER, _VOICE | _STOP, _WRITE, "stop-voice-campaign"),
    Endpoint("stop_voice_v2", "POST", _V2_TRIGGER, _ACCOUNT | _VOICE | _STOP, _WRITE, "stop-voice-campaign-v2"),
    Endpoint("stop_sms_v1", "POST", _V1_TRIGGER, _SMS | _STOP, _WRITE, "stop-sms-campaign"),
    Endpoint("stop_sms_v2", "POST", _V2_TRIGGER, _ACCOUNT | _SMS | _STOP, _WRITE, "stop-sms-campaign-v2"),
    Endpoint("delete_voice_v1", "DELETE", _V1_ONE, _VOICE, _WRITE, "delete-voice-campaign"),
    Endpoint("delete_voice_v2", "DELETE", _V2_ONE, _ACCOUNT | _VOICE, _WRITE, "delete-voice-campaign-v2"),
    Endpoint("delete_sms_v1", "DELETE", _V1_ONE, _SMS, _WRITE, "delete-sms-campaign"),
    Endpoint("delete_sms_v2", "DELETE", _V2_ONE, _ACCOUNT | _SMS, _WRITE, "delete-sms-campaign-v2"),
    Endpoint("get_v1", "GET", _V1_ONE, {}, _READ, "get-voice-campaign-by-id"),
    Endpoint("get_v2", "GET", _V2_ONE, _ACCOUNT, _READ, "get-voice-campaign-by-id-v2"),
    Endpoint("status_v1", "POST", f"{_V1_ONE}/status", _STATUS, _READ, "get-campaign-status"),
    Endpoint("status_v2", "POST", f"{_V2_ONE}/status", _ACCOUNT | _STATUS, _READ, "get-campaign-status-v2"),
    Endpoint("list_v1", "POST", f"{_V1}/getAllCampaignDetails", {}, _READ, "get-all-campaigns"),
    Endpoint("list_v2", "POST", f"{_V2}/getAllCampaignDetails", _ACCOUNT, _READ, "get-all-campaigns-v2"),
    Endpoint("contacts_v1", "POST", f"{_V1_ONE}/status", _CONTACTS, _READ, "get-all-contact-details-voice-campaigns"),
    Endpoint(
        "contacts_v2", "POST", f"{_V2_ONE}/status", _CONTACTS, _READ, "get-all-contact-details-voice-campaigns-v2"
    ),
    Endpoint(
        "enable_schedule_v2", "POST", f"{_V2}/schedule", _ENABLE, _WRITE, "enable-voice-or-sms-campaign-schedule-daily"
    ),
    Endpoint(
        "disable_schedule_v2", "POST", f"{_V2}/schedule", _DISABLE, _WRITE, "disable-voice-or-sms-campaign-schedule"
    ),
)

_DELETE_V1_NOTE = (
    "The page prints {{campaignType}} as the last path segment and lists campaignId as the path parameter; "
    "the id is meant, for otherwise no campaign would be named."
)
_TRIGGER_V2_NOTE = "The page prints the path without the /campaign service prefix that every other v2 page has."
_SCHEDULE_NOTE = "Addressed by the campaign's name, which is added to the query as campaignName."

_NOTES = {
    "start_voice_v2": _TRIGGER_V2_NOTE,
    "start_sms_v2": "The page keeps the path shape of v1: no /trigger/, and no accountId in the query.",
    "stop_voice_v2": _TRIGGER_V2_NOTE,
    "stop_sms_v1": "The page's curl sample has {{campaignType}} where its table has {{campaignId}}; the id is meant.",
    "stop_sms_v2": "The page prints a double slash before trigger; read with one, as the voice page has it.",
    "delete_voice_v1": _DELETE_V1_NOTE,
    "delete_voice_v2": 'The query table says "sms"; the URL of the same page says voice.',
    "delete_sms_v1": _DELETE_V1_NOTE,
    "get_v1": "Serves SMS campaigns as well (get-sms-campaign-by-id). Older versions of the page print PUT.",
    "get_v2": "Serves SMS campaigns as well (get-sms-campaign-by-id-v2). Older versions of the page print PUT.",
    "status_v1": "The sample sends no body; {} fits both versions.",
    "contacts_v2": "The sample has no accountId in the query, unlike the status view of the same path.",
    "enable_schedule_v2": _SCHEDULE_NOTE,
    "disable_schedule_v2": _SCHEDULE_NOTE,
}

ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType({row.name: row for row in _ROWS})
"""Every endpoint by its name."""


_SAID_BY_CLIENT = {key for row in _ROWS for key in row.query if key != "accountId"} | {
    "campaignName",
    *("limit", "skip", "page", "type", "sortBy", "filters"),
}
"""What a request does or asks for, in its query or its body."""


def with_overrides(overrides: Mapping[str, object]) -> Mapping[str, Endpoint]:
    """``ENDPOINTS`` with some rows changed, for a tenant whose paths differ from the documentation.

    ``overrides`` maps the name of an endpoint to a path template, or to an object of ``method``, ``path`` and
    ``query``, any of them. What a call does, and so whether it may be repeated, stays as it is.

    A template starts with exactly one ``/`` (with two, a URL library would read a host), holds placeholders of
    ``PLACEHOLDERS`` only, names the campaign if the original does and only then, and has no query, fragment, backslash,
    escape or blank. The method is one of ``Endpoint.methods``. The query, of texts, is added to that of the row; it
    names nothing that the client says itself. ``{account_id}`` as a value stands for the account id.

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
    for name, given in overrides.items():
        if name not in endpoints:
            raise KoreConfigurationError(
                f"endpoint_overrides: there is no such endpoint (got {shown_value(name)}); known are "
                f"{', '.join(sorted(ENDPOINTS))}",
                field="endpoint_overrides",
            )
        endpoints[name] = _overridden(endpoints[name], given)
    return MappingProxyType(endpoints)


def _overridden(endpoint: Endpoint, given: object) -> Endpoint:
    changes = {"path": given} if isinstance(given, str) else given
    example = f'{{"method": "{endpoint.method}", "path": "{endpoint.path}"}}'
    if not isinstance(changes, Mapping) or not changes:
        raise _wrong(endpoint.name, "expected a path, or an object of method, path and query", example)
    if unknown := [key for key in changes if key not in _CHECKED]:
        problem = f"expected method, path and query only, got {shown_value(unknown[0])} as well"
        raise _wrong(endpoint.name, problem, example)
    return replace(endpoint, **{key: _CHECKED[key](endpoint, value) for key, value in changes.items()})


def _checked_method(endpoint: Endpoint, method: object) -> str:
    if method not in endpoint.methods:
        problem = f"expected one of {', '.join(endpoint.methods)}, got {shown_value(method)}"
        raise _wrong(f"{endpoint.name}.method", problem, f'"{endpoint.method}"')
    return str(method)


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
        raise _wrong(f"{endpoint.name}.path", problem, f'"{endpoint.path}"')
    return str(template)


def _checked_query(endpoint: Endpoint, query: object) -> Mapping[str, str]:
    problem = None
    if not isinstance(query, Mapping) or not all(isinstance(one, str) for pair in query.items() for one in pair):
        problem = "expected an object of texts"
    elif "" in query:
        problem = "must not hold an empty name"
    elif any(re.search(r"[{}]", value) and value != "{account_id}" for value in query.values()):
        problem = "may hold only the placeholder {account_id}, as a whole value"
    else:
        names = {name.casefold() for name in query}
        clashes = [one for one in sorted(_SAID_BY_CLIENT | {*endpoint.query}) if one.casefold() in names]
        if not clashes:
            return {**endpoint.query, **query}
        problem = f"must not hold {', '.join(clashes)}, which is said by this client itself"
    raise _wrong(f"{endpoint.name}.query", problem, '{"force": "true"}')


_CHECKED: Mapping[str, Callable[[Endpoint, object], Any]] = {
    "method": _checked_method,
    "path": _checked_path,
    "query": _checked_query,
}


def _wrong(entry: str, problem: str, example: str) -> KoreConfigurationError:
    return KoreConfigurationError(
        f"endpoint_overrides.{entry}: {problem}; for example {example}", field="endpoint_overrides"
    )
