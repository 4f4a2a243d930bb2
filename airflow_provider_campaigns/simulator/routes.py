"""The documented endpoints, as a table.

One row per method and path. A path can serve several operations: `trigger` makes it a start or a stop, `view` a status
or a page of contact results. Rows marked `printed` hold the paths exactly as a page prints them where that differs from
the reading that the other pages suggest; they are served only with the switch `printed_paths`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_campaigns.simulator.bodies import Version

Kind = Literal["trigger", "delete", "get", "status", "list", "schedule"]

OPERATIONS = ("start", "stop", "delete", "get", "status", "contacts", "list", "schedule")
WRITES = frozenset({"start", "stop", "delete", "schedule"})

_TRIGGERS = {"play": "start", "stop": "stop"}

_V1_MANAGE = "/agentassist/api/v1/public/{iid}/campaign"
_V1_TRIGGER = "/campaign/api/v1/public/{iid}/campaign"
_V2 = "/campaign/api/v2/public/{iid}/campaign"
_V2_BARE = "/api/v2/public/{iid}/campaign"

Pairs = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One documented method and path.

    `account_query` says that the page's URL carries `accountId`; elsewhere the parameter may be given, because every v1
    page once had it. `pairs` holds the combinations of campaignType and trigger that a trigger path is documented for.
    """

    name: str
    version: Version
    method: str
    path: str
    kind: Kind
    summary: str
    pages: tuple[str, ...]
    account_query: bool = False
    pairs: Pairs = frozenset()
    printed: bool = False

    def operation(self, query: Mapping[str, str]) -> str:
        """The operation that a request to this path asks for; `trigger` where its `trigger` is none of them."""
        if self.kind == "trigger":
            return _TRIGGERS.get(query.get("trigger", ""), "trigger")
        if self.kind == "status" and query.get("view") == "contacts":
            return "contacts"
        return self.kind


ROUTES = (
    Route(
        name="list_campaigns_v1",
        version="v1",
        method="POST",
        path=f"{_V1_MANAGE}/getAllCampaignDetails",
        kind="list",
        summary="List campaigns of one type",
        pages=("get-all-campaigns",),
    ),
    Route(
        name="list_campaigns_v2",
        version="v2",
        method="POST",
        path=f"{_V2}/getAllCampaignDetails",
        kind="list",
        summary="List campaigns of one type",
        pages=("get-all-campaigns-v2",),
        account_query=True,
    ),
    Route(
        name="schedule_campaign_v2",
        version="v2",
        method="POST",
        path=f"{_V2}/schedule",
        kind="schedule",
        summary="Enable or disable a campaign's schedule, by its name",
        pages=(
            "enable-voice-or-sms-campaign-schedule-daily",
            "enable-voice-or-sms-campaign-schedule-weekly",
            "disable-voice-or-sms-campaign-schedule",
        ),
    ),
    Route(
        name="trigger_campaign_v1",
        version="v1",
        method="POST",
        path=f"{_V1_TRIGGER}/{{campaignId}}",
        kind="trigger",
        summary="Start or stop a campaign",
        pages=("start-voice-campaign", "start-sms-campaign", "stop-voice-campaign", "stop-sms-campaign"),
        pairs=frozenset({("voice", "play"), ("voice", "stop"), ("sms", "play"), ("sms", "stop")}),
    ),
    Route(
        name="trigger_campaign_v2",
        version="v2",
        method="POST",
        path=f"{_V2}/trigger/{{campaignId}}",
        kind="trigger",
        summary="Start a voice campaign, stop a voice or SMS campaign",
        pages=("start-voice-campaign-v2", "stop-voice-campaign-v2", "stop-sms-campaign-v2"),
        account_query=True,
        pairs=frozenset({("voice", "play"), ("voice", "stop"), ("sms", "stop")}),
    ),
    Route(
        name="start_sms_campaign_v2",
        version="v2",
        method="POST",
        path=f"{_V2}/{{campaignId}}",
        kind="trigger",
        summary="Start an SMS campaign",
        pages=("start-sms-campaign-v2",),
        pairs=frozenset({("sms", "play")}),
    ),
    Route(
        name="delete_campaign_v1",
        version="v1",
        method="DELETE",
        path=f"{_V1_MANAGE}/{{campaignId}}",
        kind="delete",
        summary="Delete a campaign",
        pages=("delete-voice-campaign", "delete-sms-campaign"),
    ),
    Route(
        name="delete_campaign_v2",
        version="v2",
        method="DELETE",
        path=f"{_V2}/{{campaignId}}",
        kind="delete",
        summary="Delete a campaign",
        pages=("delete-voice-campaign-v2", "delete-sms-campaign-v2"),
        account_query=True,
    ),
    Route(
        name="get_campaign_v1",
        version="v1",
        method="GET",
        path=f"{_V1_MANAGE}/{{campaignId}}",
        kind="get",
        summary="Get a campaign",
        pages=("get-voice-campaign-by-id", "get-sms-campaign-by-id"),
    ),
    Route(
        name="get_campaign_v2",
        version="v2",
        method="GET",
        path=f"{_V2}/{{campaignId}}",
        kind="get",
        summary="Get a campaign",
        pages=("get-voice-campaign-by-id-v2", "get-sms-campaign-by-id-v2"),
        account_query=True,
    ),
    Route(
        name="campaign_status_v1",
        version="v1",
        method="POST",
        path=f"{_V1_MANAGE}/{{campaignId}}/status",
        kind="status",
        summary="A campaign's status, or a page of its contact results",
        pages=("get-campaign-status", "get-all-contact-details-voice-campaigns"),
    ),
    Route(
        name="campaign_status_v2",
        version="v2",
        method="POST",
        path=f"{_V2}/{{campaignId}}/status",
        kind="status",
        summary="A campaign's status, or a page of its contact results",
        pages=("get-campaign-status-v2", "get-all-contact-details-voice-campaigns-v2"),
        account_query=True,
    ),
    Route(
        name="printed_trigger_voice_campaign_v2",
        version="v2",
        method="POST",
        path=f"{_V2_BARE}/trigger/{{campaignId}}",
        kind="trigger",
        summary="Start or stop a voice campaign, path as printed",
        pages=("start-voice-campaign-v2", "stop-voice-campaign-v2"),
        account_query=True,
        pairs=frozenset({("voice", "play"), ("voice", "stop")}),
        printed=True,
    ),
    Route(
        name="printed_stop_sms_campaign_v2",
        version="v2",
        method="POST",
        path=f"{_V2}//trigger/{{campaignId}}",
        kind="trigger",
        summary="Stop an SMS campaign, path as printed",
        pages=("stop-sms-campaign-v2",),
        account_query=True,
        pairs=frozenset({("sms", "stop")}),
        printed=True,
    ),
    Route(
        name="printed_list_sms_campaigns_v1",
        version="v1",
        method="POST",
        path=f"{_V1_MANAGE}//getAllCampaignDetails",
        kind="list",
        summary="List campaigns of one type, path as once printed",
        pages=("get-all-sms-campaigns",),
        printed=True,
    ),
    Route(
        name="printed_get_campaign_v1",
        version="v1",
        method="PUT",
        path=f"{_V1_MANAGE}/{{campaignId}}",
        kind="get",
        summary="Get a campaign, method as once printed",
        pages=("get-voice-campaign-by-id",),
        printed=True,
    ),
    Route(
        name="printed_get_campaign_v2",
        version="v2",
        method="PUT",
        path=f"{_V2}/{{campaignId}}",
        kind="get",
        summary="Get a campaign, method as once printed",
        pages=("get-voice-campaign-by-id-v2",),
        account_query=True,
        printed=True,
    ),
)

# Paths that exist whatever the switch `printed_paths` says: another method there is "not allowed", not "not found".
PLAIN_PATHS = frozenset(route.path for route in ROUTES if not route.printed)
