"""The documented curl commands, run by the real curl with their placeholders filled in."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from calling import DATA, Caller

if TYPE_CHECKING:
    from airflow_provider_campaigns.simulator import KoreSimulator

CURL = shutil.which("curl")
# Not where every change is judged: there a missing curl is a failure, not a skip.
pytestmark = pytest.mark.skipif(CURL is None and "CI" not in os.environ, reason="there is no curl here")

JSON = "--header 'Content-Type: application/json'"
OTHERS = {
    # page: (path and query as printed, further arguments, campaign type, trigger)
    "start-voice-campaign": (
        "/campaign/api/v1/public/{{IID}}/campaign/{{campaignId}}?campaignType={{campaignType}}&trigger={{trigger}}",
        f"{JSON} --data '{{}}'",
        "voice",
        "play",
    ),
    "start-sms-campaign": (
        "/campaign/api/v1/public/{{IID}}/campaign/{{campaignId}}?campaignType={{campaignType}}&trigger={{trigger}}",
        f"{JSON} --data '{{}}'",
        "sms",
        "play",
    ),
    "start-sms-campaign-v2": (
        "/campaign/api/v2/public/{{IID}}/campaign/{{campaignId}}?campaignType=sms&trigger={{trigger}}",
        f"{JSON} --data '{{}}'",
        "sms",
        "play",
    ),
    "stop-sms-campaign": (
        "/campaign/api/v1/public/{{IID}}/campaign/{{campaignType}}?campaignType={{campaignType}}&trigger={{trigger}}",
        f"{JSON} --data '{{}}'",
        "sms",
        "stop",
    ),
    "get-campaign-status": (
        "/agentassist/api/v1/public/{{IID}}/campaign/{{campaignId}}/status?view=status",
        "--request POST",
        "voice",
        "",
    ),
    "get-campaign-status-v2": (
        "/campaign/api/v2/public/{{streamId}}/campaign/{{campaignId}}/status?accountId={{accountId}}&view=status",
        "--data '{}'",
        "voice",
        "",
    ),
    "get-all-contact-details-voice-campaigns": (
        "/agentassist/api/v1/public/{{IID}}/campaign/{{campaignId}}/status?view=contacts",
        f'{JSON} --data \'{{"page": 1, "limit": 100}}\'',
        "voice",
        "",
    ),
    "get-all-contact-details-voice-campaigns-v2": (
        "/campaign/api/v2/public/{{streamId}}/campaign/{{campaignId}}/status?view=contacts",
        f'{JSON} --data \'{{"page": 1, "limit": 100}}\'',
        "voice",
        "",
    ),
    "get-voice-campaign-by-id": ("/agentassist/api/v1/public/{{botId}}/campaign/{{campaignId}}", "", "voice", ""),
    "get-voice-campaign-by-id-v2": (
        "/campaign/api/v2/public/{{streamId}}/campaign/{{campaignId}}?accountId={{accountId}}",
        "",
        "voice",
        "",
    ),
    "get-sms-campaign-by-id": ("/agentassist/api/v1/public/{{botId}}/campaign/{{campaignId}}", "", "sms", ""),
    "get-sms-campaign-by-id-v2": (
        "/campaign/api/v2/public/{{streamId}}/campaign/{{campaignId}}?accountId={{accountId}}",
        "",
        "sms",
        "",
    ),
    "get-all-campaigns": (
        "/agentassist/api/v1/public/{{IID}}/campaign/getAllCampaignDetails",
        f"{JSON} --data @{DATA}/get-all-campaigns-v1.request.json",
        "sms",
        "",
    ),
    "get-all-campaigns-v2, voice": (
        "/campaign/api/v2/public/{{streamId}}/campaign/getAllCampaignDetails?accountId={{accountId}}",
        f"{JSON} --data @{DATA}/get-all-campaigns-v2.voice.request.json",
        "voice",
        "",
    ),
    "get-all-campaigns-v2, SMS": (
        "/campaign/api/v2/public/{{streamId}}/campaign/getAllCampaignDetails?accountId={{accountId}}",
        f"{JSON} --data @{DATA}/get-all-campaigns-v2.sms.request.json",
        "sms",
        "",
    ),
}
PRINTED = {
    "start-voice-campaign-v2": (
        "/api/v2/public/{{streamID}}/campaign/trigger/{{campaignId}}?accountId={{accountId}}&campaignType=voice&trigger=play",
        f"{JSON} --data '{{}}'",
        "voice",
        "play",
    ),
    "stop-voice-campaign-v2": (
        "/api/v2/public/{{streamId}}/campaign/trigger/{{campaignId}}?accountId={{accountId}}&campaignType=voice&trigger=stop",
        f"{JSON} --data '{{}}'",
        "voice",
        "stop",
    ),
    "stop-sms-campaign-v2": (
        "/campaign/api/v2/public/{{streamId}}/campaign//trigger/{{campaignId}}?accountId={{accountId}}&campaignType=sms&trigger=stop",
        f"{JSON} --data '{{}}'",
        "sms",
        "stop",
    ),
}
HEADERS = "--header 'iid: st-xxxx' --header 'accountid: 6777xxxx' --header 'auth: <token>'"


def command(path: str, rest: str) -> str:
    """A curl command as the pages write them."""
    return f"curl --location 'https://{{{{host}}}}{path}' {HEADERS} {rest}"


def run(text: str, caller: Caller, campaign_id: str, campaign_type: str, trigger: str) -> tuple[int, Any]:
    """Fill the placeholders in, run curl, and give HTTP status and JSON body.

    Some v1 pages print the placeholder of the campaign type where the path wants the campaign's id.
    """
    simulator: KoreSimulator = caller.simulator
    filled = text.replace("https://{{host}}", simulator.url)
    filled = re.sub(r"campaign/\{\{campaign(Type|Id)\}\}", f"campaign/{campaign_id}", filled)
    filled = re.sub(r"trigger/\{\{campaignId\}\}", f"trigger/{campaign_id}", filled)
    filled = re.sub(r"(?i)\{\{(iid|streamId|botId)\}\}", simulator.stream_id, filled)
    filled = re.sub(r"(?i)'iid: [^']*'", f"'iid: {simulator.stream_id}'", filled)
    filled = re.sub(r"(?i)'(accountid): [^']*'", rf"'\1: {simulator.account_id}'", filled)
    for placeholder, value in (
        ("{{accountId}}", simulator.account_id),
        ("{{campaignType}}", campaign_type),
        ("{{trigger}}", trigger),
        ("<token>", caller.token()),
    ):
        filled = filled.replace(placeholder, value)
    assert "{{" not in filled
    arguments = [str(CURL), "--silent", "--show-error", "--max-time", "10", "--noproxy", "*"]
    arguments += ["--write-out", "\n%{http_code}", *shlex.split(filled.replace("\\\n", " "))[1:]]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body)


@pytest.mark.parametrize(
    ("page", "campaign_type", "trigger", "answer"),
    [
        ("delete-voice-campaign-v2", "voice", "", ("success", "deleted {id} while Stopped")),
        ("delete-voice-campaign-v1", "voice", "", ("success", "deleted {id} while Stopped")),
        ("delete-sms-campaign-v2", "sms", "", ("success", "deleted {id} while Stopped")),
        ("delete-sms-campaign-v1", "sms", "", ("success", "deleted {id} while Stopped")),
        ("stop-voice-campaign-v1", "voice", "stop", ("Stopped", "stopped {id} instance cid-1")),
    ],
)
def test_curl__verbatim_command_takes_effect(
    caller: Caller, page: str, campaign_type: str, trigger: str, answer: tuple[str, str]
) -> None:
    """The command of the page, copied character by character, is understood and takes effect once."""
    answered, effect = answer
    status = "Active" if trigger else "Stopped"
    campaign_id = caller.simulator.add_campaign(campaign_type=campaign_type, status=status, instance_id="cid-1")
    text = (DATA / f"{page}.curl").read_text(encoding="utf-8")

    code, body = run(text, caller, campaign_id, campaign_type, trigger)

    assert (code, body["status"]) == (200, answered)
    assert [effect.format(id=campaign_id)] == [record.effect for record in caller.simulator.requests]


@pytest.mark.parametrize("page", OTHERS)
def test_curl__other_documented_command_is_understood(caller: Caller, page: str) -> None:
    """Start, stop, status, contacts, get and list commands work as their pages print them."""
    path, rest, campaign_type, trigger = OTHERS[page]
    campaign_id = caller.simulator.add_campaign(
        campaign_type=campaign_type, status="Active" if trigger == "stop" else "Stopped", contacts=3
    )

    code, body = run(command(path, rest), caller, campaign_id, campaign_type, trigger)

    assert code == 200, body
    assert body["status"] == {"play": "Active", "stop": "Stopped"}.get(trigger, "success")


@pytest.mark.parametrize("page", PRINTED)
@pytest.mark.parametrize("printed_paths", [False, True])
def test_curl__odd_path_needs_the_switch(caller: Caller, page: str, printed_paths: bool) -> None:
    """A path that only one page prints is unknown, unless printed paths are switched on."""
    caller.simulator.switches(printed_paths=printed_paths)
    path, rest, campaign_type, trigger = PRINTED[page]
    campaign_id = caller.simulator.add_campaign(
        campaign_type=campaign_type, status="Active" if trigger == "stop" else "Ready"
    )

    code, body = run(command(path, rest), caller, campaign_id, campaign_type, trigger)

    if printed_paths:
        assert (code, body["message"]) == (200, f"Campaign {'Stopped' if trigger == 'stop' else 'Started'}")
    else:
        assert (code, body) == (404, {"errors": [{"msg": "Not Found", "code": 404}]})
