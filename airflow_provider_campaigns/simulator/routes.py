"""The documented endpoints, as a table.

One row per method and path. A path can serve several operations: `trigger` makes it a start or a stop, `view` a status
or a page of contact results. Rows marked `printed` hold the paths exactly as a page prints them where that differs from
the reading that the other pages suggest; they are served only with the switch `printed_paths`.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_campaigns.simulator.bodies import Version

Kind = Literal["trigger", "delete", "get", "status", "list", "schedule"]

OPERATIONS = ("start", "stop", "delete", "get", "status", "contacts", "list", "schedule")
WRITES = frozenset({"start", "stop", "delete", "schedule"})

_TRIGGERS = {"play": "start", "stop": "stop"}

_V1 = "/agentassist/api/v1/public/{iid}/campaign"
_V1_ONE = f"{_V1}/{{campaignId}}"
_V1_TRIGGER = "/campaign/api/v1/public/{iid}/campaign/{campaignId}"
_V2 = "/campaign/api/v2/public/{iid}/campaign"
_V2_ONE = f"{_V2}/{{campaignId}}"
_V2_BARE_TRIGGER = "/api/v2/public/{iid}/campaign/trigger/{campaignId}"
_ACCOUNT = "?accountId"

Pairs = frozenset[tuple[str, str]]

# What a path is for, where its row does not say it more narrowly.
_SUMMARIES: Mapping[Kind, str] = {
    "delete": "Delete a campaign",
    "get": "Get a campaign",
    "status": "A campaign's status, or a page of its contact results",
    "list": "List campaigns of one type",
    "schedule": "Enable or disable a campaign's schedule, by its name",
    "trigger": "Start or stop a campaign",
}


@dataclass(frozen=True, slots=True)
class Route:
    """One documented method and path, and the pages that document it.

    `url` has `?accountId` where the page's URL carries it; elsewhere the parameter may be given, because every v1 page
    once had it. `pairs` holds the combinations of campaignType and trigger that a trigger path is documented for.
    `own_summary` is given where the kind's is too wide, `printed` where a row is as a page prints it: what of it.
    """

    name: str
    method: str
    url: str
    kind: Kind
    pages: tuple[str, ...]
    _: KW_ONLY
    pairs: Pairs = frozenset()
    own_summary: str = ""
    printed: str = ""

    @property
    def path(self) -> str:
        """The path, with placeholders for the app's id and the campaign's."""
        return self.url.partition("?")[0]

    @property
    def account_query(self) -> bool:
        """True if the page's URL carries `accountId`."""
        return self.url.endswith(_ACCOUNT)

    @property
    def version(self) -> Version:
        """The version of the API that the path is of."""
        return "v1" if "/api/v1/" in self.path else "v2"

    @property
    def summary(self) -> str:
        """What the path is for, in a few words."""
        summary = self.own_summary or _SUMMARIES[self.kind]
        return f"{summary}, {self.printed}" if self.printed else summary

    def operation(self, query: Mapping[str, str]) -> str:
        """The operation that a request to this path asks for; `trigger` where its `trigger` is none of them."""
        if self.kind == "trigger":
            return _TRIGGERS.get(query.get("trigger", ""), "trigger")
        if self.kind == "status" and query.get("view") == "contacts":
            return "contacts"
        return self.kind


ROUTES = (
    Route("list_campaigns_v1", "POST", f"{_V1}/getAllCampaignDetails", "list", ("get-all-campaigns",)),
    Route("list_campaigns_v2", "POST", f"{_V2}/getAllCampaignDetails{_ACCOUNT}", "list", ("get-all-campaigns-v2",)),
    Route(
        "schedule_campaign_v2",
        "POST",
        f"{_V2}/schedule",
        "schedule",
        (
            "enable-voice-or-sms-campaign-schedule-daily",
            "enable-voice-or-sms-campaign-schedule-weekly",
            "disable-voice-or-sms-campaign-schedule",
        ),
    ),
    Route(
        "trigger_campaign_v1",
        "POST",
        _V1_TRIGGER,
        "trigger",
        ("start-voice-campaign", "start-sms-campaign", "stop-voice-campaign", "stop-sms-campaign"),
        pairs=frozenset({("voice", "play"), ("voice", "stop"), ("sms", "play"), ("sms", "stop")}),
    ),
    Route(
        "trigger_campaign_v2",
        "POST",
        f"{_V2}/trigger/{{campaignId}}{_ACCOUNT}",
        "trigger",
        ("start-voice-campaign-v2", "stop-voice-campaign-v2", "stop-sms-campaign-v2"),
        pairs=frozenset({("voice", "play"), ("voice", "stop"), ("sms", "stop")}),
        own_summary="Start a voice campaign, stop a voice or SMS campaign",
    ),
    Route(
        "start_sms_campaign_v2",
        "POST",
        _V2_ONE,
        "trigger",
        ("start-sms-campaign-v2",),
        pairs=frozenset({("sms", "play")}),
        own_summary="Start an SMS campaign",
    ),
    Route("delete_campaign_v1", "DELETE", _V1_ONE, "delete", ("delete-voice-campaign", "delete-sms-campaign")),
    Route(
        "delete_campaign_v2",
        "DELETE",
        f"{_V2_ONE}{_ACCOUNT}",
        "delete",
        ("delete-voice-campaign-v2", "delete-sms-campaign-v2"),
    ),
    Route("get_campaign_v1", "GET", _V1_ONE, "get", ("get-voice-campaign-by-id", "get-sms-campaign-by-id")),
    Route(
        "get_campaign_v2",
        "GET",
        f"{_V2_ONE}{_ACCOUNT}",
        "get",
        ("get-voice-campaign-by-id-v2", "get-sms-campaign-by-id-v2"),
    ),
    Route(
        "campaign_status_v1",
        "POST",
        f"{_V1_ONE}/status",
        "status",
        ("get-campaign-status", "get-all-contact-details-voice-campaigns"),
    ),
    Route(
        "campaign_status_v2",
        "POST",
        f"{_V2_ONE}/status{_ACCOUNT}",
        "status",
        ("get-campaign-status-v2", "get-all-contact-details-voice-campaigns-v2"),
    ),
    Route(
        "printed_trigger_voice_campaign_v2",
        "POST",
        f"{_V2_BARE_TRIGGER}{_ACCOUNT}",
        "trigger",
        ("start-voice-campaign-v2", "stop-voice-campaign-v2"),
        pairs=frozenset({("voice", "play"), ("voice", "stop")}),
        own_summary="Start or stop a voice campaign",
        printed="path as printed",
    ),
    Route(
        "printed_stop_sms_campaign_v2",
        "POST",
        f"{_V2}//trigger/{{campaignId}}{_ACCOUNT}",
        "trigger",
        ("stop-sms-campaign-v2",),
        pairs=frozenset({("sms", "stop")}),
        own_summary="Stop an SMS campaign",
        printed="path as printed",
    ),
    Route(
        "printed_list_sms_campaigns_v1",
        "POST",
        f"{_V1}//getAllCampaignDetails",
        "list",
        ("get-all-sms-campaigns",),
        printed="path as once printed",
    ),
    Route(
        "printed_get_campaign_v1",
        "PUT",
        _V1_ONE,
        "get",
        ("get-voice-campaign-by-id",),
        printed="method as once printed",
    ),
    Route(
        "printed_get_campaign_v2",
        "PUT",
        f"{_V2_ONE}{_ACCOUNT}",
        "get",
        ("get-voice-campaign-by-id-v2",),
        printed="method as once printed",
    ),
)

# Paths that exist whatever the switch `printed_paths` says: another method there is "not allowed", not "not found".
PLAIN_PATHS = frozenset(route.path for route in ROUTES if not route.printed)
