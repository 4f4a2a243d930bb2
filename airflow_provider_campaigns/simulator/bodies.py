"""Success bodies, field for field and in the order of the documented samples.

The tables list what each sample shows. A listed field that a campaign does not have (an instance id before its first
run, a do-not-call list, a message) is left out, as the samples leave it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_campaigns.simulator import contacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider_campaigns.simulator.campaigns import Campaign, CampaignType

Version = Literal["v1", "v2"]
Body = dict[str, Any]

# Pages: get-voice-campaign-by-id, delete-voice-campaign and their -v2 pages. Get and delete show the same voice object.
# The v1 get page prints an SMS campaign by mistake; its voice fields are those of the v1 delete page.
_VOICE_V1 = (
    *("_id", "name", "lname", "description", "priority", "dialingMode", "dialingStrategy", "experienceFlow", "status"),
    *("maxSkips", "createdAt", "updatedAt", "schedule", "campaignInstanceId", "contactLists", "enableMachineDetect"),
)
_VOICE_V2 = (
    *("_id", "name", "lname", "description", "dncLists", "priority", "dialingMode", "dialingStrategy"),
    *("experienceFlow", "status", "isFiltersEnabled", "maxSkips", "createdAt", "updatedAt", "schedule"),
    *("campaignInstanceId", "contactLists"),
)

# Pages: get-sms-campaign-by-id, delete-sms-campaign and their -v2 pages. Only the v1 get shows enableMachineDetect.
_SMS_GET_V1 = (
    *("_id", "name", "lname", "description", "status", "priority", "dialingStrategy", "message", "experienceFlow"),
    *("createdAt", "updatedAt", "schedule", "campaignInstanceId", "contactLists", "enableMachineDetect", "format"),
)
_SMS_DELETE_V1 = (
    *("_id", "name", "lname", "description", "priority", "format", "dialingStrategy", "message", "experienceFlow"),
    *("status", "createdAt", "updatedAt", "schedule", "campaignInstanceId", "contactLists"),
)
_SMS_V2 = (
    *("_id", "name", "lname", "description", "status", "dncLists", "priority", "dialingStrategy", "message"),
    *("experienceFlow", "isImported", "isFiltersEnabled", "createdAt", "updatedAt", "schedule", "campaignInstanceId"),
    *("contactLists", "format"),
)

_OBJECT: dict[tuple[str, CampaignType, Version], tuple[str, ...]] = {
    ("get", "voice", "v1"): _VOICE_V1,
    ("get", "voice", "v2"): _VOICE_V2,
    ("get", "sms", "v1"): _SMS_GET_V1,
    ("get", "sms", "v2"): _SMS_V2,
    ("delete", "voice", "v1"): _VOICE_V1,
    ("delete", "voice", "v2"): _VOICE_V2,
    ("delete", "sms", "v1"): _SMS_DELETE_V1,
    ("delete", "sms", "v2"): _SMS_V2,
    # Pages: get-all-campaigns (earlier: get-all-voice-campaigns), get-all-campaigns-v2. No dialingStrategy in lists.
    ("list", "voice", "v1"): (
        *("_id", "name", "description", "priority", "dialingMode", "experienceFlow", "status", "createdAt"),
        *("updatedAt", "schedule", "campaignInstanceId", "campaignInstanceUpdatedAt", "connection", "contactLists"),
    ),
    ("list", "voice", "v2"): (
        *("_id", "name", "description", "dncLists", "priority", "dialingMode", "experienceFlow", "status"),
        *("isFiltersEnabled", "createdAt", "updatedAt", "campaignInstanceId", "campaignInstanceUpdatedAt", "schedule"),
        *("connection", "contactLists"),
    ),
    ("list", "sms", "v1"): (
        *("name", "description", "status", "priority", "message", "experienceFlow", "createdAt", "updatedAt"),
        *("schedule", "campaignInstanceId", "id", "totalMessagesSent", "campaignInstanceUpdatedAt"),
        *("campaignExecutionType", "contactLists", "format"),
    ),
    ("list", "sms", "v2"): (
        *("name", "description", "status", "dncLists", "priority", "message", "experienceFlow", "createdAt"),
        *("updatedAt", "schedule", "campaignInstanceId", "id", "totalMessagesSent", "campaignInstanceUpdatedAt"),
        *("campaignExecutionType", "contactLists", "format"),
    ),
}

# Key order inside callingHours and its days differs between the two types in every sample.
_HOURS_ORDER = {"voice": ("frequency", "days", "timezone"), "sms": ("frequency", "timezone", "days")}
_DAY_ORDER = {"voice": ("start", "end", "day"), "sms": ("day", "start", "end")}

_VERB = {"get": "retrieved", "delete": "deleted"}


def campaign_object(operation: str, campaign: Campaign, version: Version) -> Body:
    """One campaign as the operation `get`, `delete` or `list` of an API version shows it."""
    facts = _facts(campaign, version)
    shown = _OBJECT[operation, campaign.campaign_type, version]
    return {name: facts[name] for name in shown if facts[name] is not None}


def one_campaign(operation: str, campaign: Campaign, version: Version) -> Body:
    """The envelope of a get or a delete."""
    return {
        "status": "success",
        "message": f"Campaign {campaign.name} {_VERB[operation]} successfully",
        "data": campaign_object(operation, campaign, version),
    }


def deleted_without_data(campaign: Campaign) -> Body:
    """A delete answer that does not echo the object."""
    return {"status": "success", "message": f"Campaign {campaign.name} deleted successfully"}


def deleted_at(campaign: Campaign, instant: str) -> Body:
    """A delete answer in the dialect that names the instant."""
    return {"status": "Deleted", "message": f"Campaign {campaign.name} deleted successfully", "deletedAt": instant}


def campaign_list(
    shown: Iterable[Campaign], version: Version, *, total: int, skip: int, limit: int, broken: str = "none"
) -> Body:
    """One page of campaigns; `skip` is how many came before it. Of all pages the last ends with a `broken` item."""
    results: list[Any] = [campaign_object("list", campaign, version) for campaign in shown]
    if broken != "none":
        total += 1
        if skip + len(results) == total - 1 and len(results) < limit:
            results.append(_BROKEN[broken])
    return {
        "status": "success",
        "message": "Campaign  retrieved successfully",  # two blanks in every documented list
        "data": {
            "results": results,
            "skip": skip,
            "limit": limit,
            "hasMore": skip + len(results) < total,
            "totalPages": pages(total, limit),
            "totalResults": total,
        },
    }


_BROKEN = {
    "no id": {"name": "A draft", "status": "Ready", "createdAt": "2025-12-05T12:00:00.000Z"},
    "no status": {"_id": "cd-d4af700-0000-4000-8000-000000000000", "name": "A draft"},
    "null": None,
}
"""Items of a list that are no campaigns as documented."""


def shaped(body: Any, shape: str) -> Any:
    """An answer with what it is about in another place than `data`, or under other names."""
    if not isinstance(body, dict) or not isinstance(data := body.get("data"), dict) or shape == "data":
        return body
    if shape == "bare":
        return {name: value for name, value in body.items() if name != "data"} | data
    if shape == "wrapped":
        return body | {"data": {"campaign": data}}
    items = data.get("results")
    renamed = (
        data | {"results": [_renamed(one) for one in items if isinstance(one, dict)]}
        if isinstance(items, list)
        else _renamed(data)
    )
    return body | {"data": renamed}


def _renamed(campaign: Body) -> Body:
    names = {"_id": "campaignId", "id": "campaignId", "status": "campaignStatus"}
    return {names.get(name, name): value for name, value in campaign.items()}


def status(campaign: Campaign) -> Body:
    """The status view (pages: get-campaign-status, get-campaign-status-v2)."""
    return {
        "status": "success",
        "data": {"id": campaign.campaign_id, "status": campaign.status, "name": campaign.name},
    }


def contact_results(
    campaign: Campaign, *, page: int, limit: int, order: Sequence[int] | None = None, pending: bool = False
) -> Body:
    """The contacts view (pages: get-all-contact-details-voice-campaigns and -v2); `order`: of the rows."""
    total = campaign.result_rows
    places = (range(total) if order is None else order)[(page - 1) * limit : page * limit]
    return {
        "status": "success",
        "data": {
            "results": contacts.rows(campaign, places, pending=pending),
            "page": page,
            "limit": limit,
            "totalPages": pages(total, limit),
            "totalResults": total,
        },
    }


def started(campaign: Campaign) -> Body:
    """The answer to a start: voice names the instance, SMS does not."""
    body: Body = {"status": "Active", "message": "Campaign Started"}
    if not campaign.is_voice:
        return {**body, "updatedAt": campaign.updated_at}
    return {
        **body,
        "totalCallsCompleted": 0,
        "updatedAt": campaign.updated_at,
        "campaignInstanceId": campaign.instance_id,
    }


def stopped(campaign: Campaign, *, said: str = "Stopped") -> Body:
    """The answer to a stop: voice names the instance, SMS the execution type; `said` is the status it reports."""
    body: Body = {"status": said, "message": "Campaign Stopped", "updatedAt": campaign.updated_at}
    if not campaign.is_voice:
        return {**body, "campaignExecutionType": "NORMAL"}
    return {**body, "campaignInstanceId": campaign.instance_id}


def scheduled(campaign: Campaign, *, enabled: bool) -> Body:
    """The answer to enabling or disabling a schedule."""
    done = "scheduled successfully" if enabled else "schedule has been disabled successfully"
    return {"status": "success", "message": f"Campaign {campaign.name} {done}", "id": campaign.campaign_id}


def pages(total: int, limit: int) -> int:
    """How many pages of `limit` hold `total` results; none hold none."""
    return -(-total // limit)


def _facts(campaign: Campaign, version: Version) -> Body:
    return {
        "_id": campaign.campaign_id,
        "id": campaign.campaign_id,
        "name": campaign.name,
        "lname": campaign.name.lower(),
        "description": campaign.description,
        "status": campaign.status,
        "priority": campaign.priority,
        "dialingMode": campaign.dialing_mode,
        "dialingStrategy": _dialing_strategy(campaign, version),
        "dncLists": campaign.dnc_list,
        "experienceFlow": campaign.experience_flow,
        "message": campaign.message,
        "maxSkips": campaign.max_skips,
        "enableMachineDetect": False,
        "isFiltersEnabled": False,
        "isImported": False,
        "createdAt": campaign.created_at,
        "updatedAt": campaign.updated_at,
        "schedule": campaign.schedule,
        "campaignInstanceId": campaign.instance_id,
        "campaignInstanceUpdatedAt": campaign.instance_updated_at,
        "campaignExecutionType": "NORMAL",
        "totalMessagesSent": campaign.messages_sent,
        "connection": campaign.connection,
        "contactLists": campaign.contact_lists,
        "format": campaign.sms_format,
    }


def _dialing_strategy(campaign: Campaign, version: Version) -> Body:
    strategy: Body = {
        "callerId": {"phoneNumber": campaign.caller_id},
        "callingHours": _calling_hours(campaign),
    }
    if campaign.is_voice:
        strategy |= {
            "dialingOrder": campaign.dialing_order,
            "maxAttemptsPerRecord": campaign.max_attempts,
            "defaultRetryPeriod": campaign.retry_period_min,
            "maxRingTime": campaign.max_ring_s,
        }
        if version == "v2":
            strategy["useSystemMappings"] = False
    return strategy


def _calling_hours(campaign: Campaign) -> Any:
    """The hours in the order of the samples; whatever else a test put there stays as it is."""
    hours = campaign.calling_hours
    if not isinstance(hours, dict):
        return hours
    ordered = _in_order(hours, _HOURS_ORDER[campaign.campaign_type])
    if isinstance(days := ordered.get("days"), list):
        order = _DAY_ORDER[campaign.campaign_type]
        ordered["days"] = [_in_order(day, order) if isinstance(day, dict) else day for day in days]
    return ordered


def _in_order(mapping: Body, first: Sequence[str]) -> Body:
    return {name: mapping[name] for name in (*first, *mapping) if name in mapping}
