"""Every documented answer comes out of the simulator exactly as its page prints it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from calling import Caller, documented

from airflow_provider_campaigns.simulator import bodies
from airflow_provider_campaigns.simulator.campaigns import Campaign

if TYPE_CHECKING:
    from airflow_provider_campaigns.simulator import ManualClock

FIELD = {
    "name": "name",
    "description": "description",
    "priority": "priority",
    "status": "status",
    "contactLists": "contact_lists",
    "dncLists": "dnc_list",
    "experienceFlow": "experience_flow",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "campaignInstanceId": "instance_id",
    "campaignInstanceUpdatedAt": "instance_updated_at",
    "schedule": "schedule",
    "connection": "connection",
    "dialingMode": "dialing_mode",
    "maxSkips": "max_skips",
    "format": "sms_format",
    "message": "message",
    "totalMessagesSent": "messages_sent",
}


def fields_of(shown: dict[str, Any]) -> dict[str, Any]:
    """What `add_campaign` takes, from a documented campaign."""
    fields = {FIELD[name]: value for name, value in shown.items() if name in FIELD}
    fields["campaign_id"] = shown.get("_id", shown.get("id"))
    fields["campaign_type"] = "sms" if "format" in shown else "voice"
    if strategy := shown.get("dialingStrategy"):
        fields["caller_id"] = strategy["callerId"]["phoneNumber"]
        fields["calling_hours"] = strategy["callingHours"]
    return fields


def text(value: Any) -> str:
    """JSON with the order of keys kept, so that comparing it compares the order too."""
    return json.dumps(value, indent=1)


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("campaign_type", ["voice", "sms"])
def test_delete__as_documented(still: Caller, version: str, campaign_type: str) -> None:
    """A delete answers with the page's body for its type and version, field by field and in its order."""
    sample = documented(f"delete-{campaign_type}-{version}.response")
    campaign_id = still.simulator.add_campaign(**fields_of(sample["data"]))
    prefix, query = {
        "v1": ("/agentassist/api/v1/public/{iid}/campaign/", "?campaignType="),
        "v2": ("/campaign/api/v2/public/{iid}/campaign/", "?accountId={acc}&campaignType="),
    }[version]

    reply = still.send("DELETE", prefix + campaign_id + query + campaign_type)

    assert reply.status == 200
    assert text(sample) == text(reply.body)


@pytest.mark.parametrize(
    ("sample_name", "path"),
    [
        # The v1 voice page prints an SMS campaign; the path is the same for both types.
        ("get-voice-campaign-v1.response", "/agentassist/api/v1/public/{iid}/campaign/{cid}"),
        ("get-sms-campaign-v1.response", "/agentassist/api/v1/public/{iid}/campaign/{cid}"),
        ("get-voice-campaign-v2.response", "/campaign/api/v2/public/{iid}/campaign/{cid}?accountId={acc}"),
        ("get-sms-campaign-v2.response", "/campaign/api/v2/public/{iid}/campaign/{cid}?accountId={acc}"),
    ],
)
def test_get__as_documented(still: Caller, sample_name: str, path: str) -> None:
    """A get answers with the page's body for its type and version."""
    sample = documented(sample_name)
    campaign_id = still.simulator.add_campaign(**fields_of(sample["data"]))

    reply = still.send("GET", path.replace("{cid}", campaign_id))

    assert reply.status == 200
    assert text(sample) == text(reply.body)


@pytest.mark.parametrize(
    ("sample_name", "path"),
    [
        ("get-campaign-status-v1.response", "/agentassist/api/v1/public/{iid}/campaign/{cid}/status?view=status"),
        ("get-campaign-status-v2.response", "/campaign/api/v2/public/{iid}/campaign/{cid}/status?accountId={acc}"),
    ],
)
def test_status__as_documented(still: Caller, sample_name: str, path: str) -> None:
    """The status view names id, status and name; `view` may be left out."""
    sample = documented(sample_name)
    still.simulator.add_campaign(
        campaign_id=sample["data"]["id"], name=sample["data"]["name"], status=sample["data"]["status"]
    )

    reply = still.send("POST", path.replace("{cid}", sample["data"]["id"]))

    assert text(sample) == text(reply.body)


@pytest.mark.parametrize("campaign_type", ["voice", "sms"])
def test_stop__as_documented(still: Caller, clock: ManualClock, campaign_type: str) -> None:
    """A stop answers with the page's body: an instance id for voice, an execution type for SMS."""
    for version, path in (
        ("v1", "/campaign/api/v1/public/{iid}/campaign/{cid}?campaignType={type}&trigger=stop"),
        ("v2", "/campaign/api/v2/public/{iid}/campaign/trigger/{cid}?accountId={acc}&campaignType={type}&trigger=stop"),
    ):
        sample = documented(f"stop-{campaign_type}-{version}.response")
        clock.set(datetime.fromisoformat(sample["updatedAt"]))
        campaign_id = still.simulator.add_campaign(
            campaign_type=campaign_type, status="Active", instance_id=sample.get("campaignInstanceId")
        )

        reply = still.send("POST", path.replace("{cid}", campaign_id).replace("{type}", campaign_type), {})

        assert reply.status == 200
        assert text(sample) == text(reply.body)


@pytest.mark.parametrize("campaign_type", ["voice", "sms"])
def test_start__as_documented(still: Caller, clock: ManualClock, campaign_type: str) -> None:
    """A start answers with the page's body; voice names the new instance and no calls so far, SMS neither."""
    v2 = {"voice": "trigger/{cid}?accountId={acc}&", "sms": "{cid}?"}[campaign_type]
    for version, path in (
        ("v1", "/campaign/api/v1/public/{iid}/campaign/{cid}?campaignType={type}&trigger=play"),
        ("v2", "/campaign/api/v2/public/{iid}/campaign/" + v2 + "campaignType={type}&trigger=play"),
    ):
        sample = documented(f"start-{campaign_type}-{version}.response")
        clock.set(datetime.fromisoformat(sample["updatedAt"]))
        campaign_id = still.simulator.add_campaign(campaign_type=campaign_type)

        reply = still.send("POST", path.replace("{cid}", campaign_id).replace("{type}", campaign_type), {})

        if campaign_type == "voice":
            sample["campaignInstanceId"] = still.simulator.campaign(campaign_id).instance_id
        assert reply.status == 200
        assert text(sample) == text(reply.body)


def test_list__sms_v2_as_documented(still: Caller) -> None:
    """The documented SMS list request is answered with the documented page, whole."""
    sample = documented("get-all-campaigns-v2.sms.response")
    still.simulator.seed([fields_of(shown) for shown in sample["data"]["results"]])

    reply = still.list(**documented("get-all-campaigns-v2.sms.request"))

    assert text(sample) == text(reply.body)


def test_list__voice_v2_as_documented(still: Caller) -> None:
    """The documented voice list request gives the documented page, its dates left out: they exclude the results."""
    sample = documented("get-all-campaigns-v2.voice.response")
    still.simulator.seed([fields_of(shown) for shown in sample["data"]["results"]])
    request = documented("get-all-campaigns-v2.voice.request")
    del request["startDate"], request["endDate"]

    reply = still.list(**request)

    assert reply.body == sample


@pytest.mark.parametrize("sample_name", ["get-all-campaigns-v1", "get-all-voice-campaigns-v1.excerpt"])
def test_list__v1_items_as_documented(still: Caller, sample_name: str) -> None:
    """Items of a v1 list look as printed; the printed pages themselves are shortened."""
    shown = documented(f"{sample_name}.response")["data"]["results"]
    still.simulator.seed([fields_of(item) for item in reversed(shown)])
    campaign_type = fields_of(shown[0])["campaign_type"]

    path = "/agentassist/api/v1/public/{iid}/campaign/getAllCampaignDetails"
    reply = still.send("POST", path, {"type": campaign_type, "sortBy": {"createdAt": "desc"}})

    by_id = {fields_of(item)["campaign_id"]: item for item in reply.body["data"]["results"]}
    assert shown == [by_id[fields_of(item)["campaign_id"]] for item in shown]
    assert not any("dialingStrategy" in item for item in by_id.values())


@pytest.mark.parametrize(
    ("sample_name", "path"),
    [
        ("get-campaign-contacts-v1.response", "/agentassist/api/v1/public/{iid}/campaign/{cid}/status?view=contacts"),
        ("get-campaign-contacts-v2.response", "/campaign/api/v2/public/{iid}/campaign/{cid}/status?view=contacts"),
    ],
)
def test_contacts__as_documented(still: Caller, sample_name: str, path: str) -> None:
    """The contacts view answers as printed, but for a printed total that counts one row more than it shows."""
    sample = documented(sample_name)
    campaign_id = still.simulator.add_campaign(status="Completed", contacts=sample["data"]["results"])

    reply = still.send("POST", path.replace("{cid}", campaign_id), documented("get-campaign-contacts.request"))

    sample["data"]["totalResults"] = 3
    assert text(sample) == text(reply.body)


@pytest.mark.parametrize("request_name", ["schedule-enable-daily.request", "schedule-enable-weekly.request"])
def test_schedule__as_documented(still: Caller, request_name: str) -> None:
    """A schedule is enabled and disabled by the campaign's name, with the printed answers."""
    enabled, disabled = documented("schedule-enable.response"), documented("schedule-disable.response")
    name = "Agentless Voice | Product Feedback | Jan 9"
    still.simulator.add_campaign(campaign_id=enabled["id"], name=name)
    path = "/campaign/api/v2/public/{iid}/campaign/schedule?campaignName=Agentless%20Voice%20%7C%20Product%20Feedback"
    path += "%20%7C%20Jan%209&enableSchedule="

    on = still.send("POST", path + "true", documented(request_name))
    status_between = still.status_text(enabled["id"])
    off = still.send("POST", path + "false", {})

    assert text(enabled) == text(on.body)
    assert status_between == "Scheduled"
    assert text(disabled) == text(off.body)
    assert still.status_text(enabled["id"]) == "Ready"


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("dialing_mode", ["Progressive", "Preview", "Agentless"])
def test_campaign_object__fields_by_version(version: str, dialing_mode: str) -> None:
    """Version 2 adds a do-not-call list, filters and system mappings, and loses the machine detection flag."""
    campaign = Campaign(
        campaign_id="cd-1",
        campaign_type="voice",
        name="A",
        dialing_mode=dialing_mode,
        dnc_list={"id": "cl-1", "name": "DNC"},
        created_at="2025-12-05T12:00:00.000Z",
        updated_at="2025-12-05T12:00:00.000Z",
        instance_updated_at="2025-12-05T12:00:00.000Z",
    )

    shown = bodies.campaign_object("get", campaign, version)

    only_v2 = {"dncLists", "isFiltersEnabled"}
    assert (only_v2 <= shown.keys()) == (version == "v2")
    assert ("useSystemMappings" in shown["dialingStrategy"]) == (version == "v2")
    assert ("enableMachineDetect" in shown) == (version == "v1")
    assert "campaignInstanceId" not in shown
