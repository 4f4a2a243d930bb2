"""A value that was pasted where it does not belong, or that the service repeats: nothing shows what is nobody's."""

from __future__ import annotations

import json
import logging
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from airflow.exceptions import AirflowNotFoundException
from airflow.providers.common.compat.sdk import AirflowSensorTimeout
from kore_support import ACCOUNT, CAMPAIGN, REQUESTS, SECRET, RawServer, account, client_of, http_answer, listening

from airflow_provider_campaigns.actions.select import select_campaigns
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.arguments import folders, values
from airflow_provider_campaigns.connection import budget_conn_id_of
from airflow_provider_campaigns.hooks import settings_of
from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignStatus, CampaignType, checked_campaign_id
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.errors import (
    CampaignMismatchError,
    KoreConfigurationError,
    KoreError,
    KoreNotFoundError,
    shown_argument,
)
from airflow_provider_campaigns.links import console_link
from airflow_provider_campaigns.operators.list import ListCampaignsOperator
from airflow_provider_campaigns.operators.stop import StopVoiceCampaignOperator
from airflow_provider_campaigns.sensors.status import CampaignStatusSensor
from airflow_provider_campaigns.timetables import CallingHoursTimetable
from airflow_provider_campaigns.watching.watch import StatusGoal

if TYPE_CHECKING:
    from airflow_provider_campaigns.simulator import KoreSimulator

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJlMQ"
PASTED = {
    "like a Client ID": ("cs-9f31c2d7-5b7e-4a10-8f6e-2d4c9b7a1e55", "<39 characters>"),
    "UUID with a prefix": ("ab-9f31c2d7-5b7e-4a10-8f6e-2d4c9b7a1e55", "<39 characters>"),
    "UUID": ("9f31c2d7-5b7e-4a10-8f6e-2d4c9b7a1e55", "<36 characters>"),
    "32 hex": ("9f31c2d75b7e4a108f6e2d4c9b7a1e55", "<32 characters>"),
    "base64": ("kR8vQ2mZ7xTj4Yw0nLcB5pHs9dFgUe1aKiOqWt3uXzA=", "<44 characters>"),
    "8 characters": ("Tr0ub4d0", "<8 characters>"),
    "marks": ("h8!Kq2?zW7", "<10 characters>"),
    "blanks": ("q9W! zx7 ünïK8p L2m", "<4 characters> zx7 <6 characters> L2m"),
    "token": (TOKEN, "<token>"),
    "Bearer": ("Bearer kR8vQ2mZ7xTj", "Bearer <12 characters>"),
    "key": ("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg", "-----BEGIN PRIVATE <24 characters>"),
    "JSON": ('{"client_secret": "kR8vQ2mZ7"}', '{"client_secret": "<9 characters>"}'),
    "user and password": ("https://svc:pW9xK2mQ7@h.example.com", "https://svc:<address>"),
    "signature": ("abfss://c@acc/r?sig=kR8vQ2mZ7x", "abfss://c@acc/<16 characters>"),
    "phone": ("+14155550123", "<number>"),
    "phone, dashes": ("+1-415-555-0123", "<number>"),
    "phone, brackets": ("(415) 555-0123", "(<number>"),
    "phone, dots": ("0415.555.0123", "<number>"),
    "e-mail": ("jane.roe@example.com", "<address>"),
}


OPENS = (
    *("9f31c2d7", "kR8vQ2mZ7", "Tr0ub4d0", "h8!Kq2?zW7", "ünïK8p", TOKEN[:12], "MIIEvQIB", "pW9xK2mQ7"),
    *("4155550123", "415-555", "555-0123", "0415.555", "jane.roe"),
)
"""The pieces of them that nothing may show."""


@pytest.mark.parametrize(("value", "shown"), PASTED.values(), ids=PASTED)
def test_argument__when_parsed(value: str, shown: str) -> None:
    """An argument that takes certain words says what they are, and of another text what can be nobody's."""
    with pytest.raises(KoreConfigurationError) as caught:
        StopVoiceCampaignOperator(task_id="stop", campaign_id="cd-1", when=value)

    assert str(caught.value) == f"when: expected 'now' or 'calling_hours_end', got {shown!r}"


@pytest.mark.parametrize("value", [value for value, _ in PASTED.values()], ids=PASTED)
@pytest.mark.parametrize(
    "make",
    [
        lambda value: StopVoiceCampaignOperator(task_id="stop", campaign_id="cd-1", last_day=value),
        lambda value: StopVoiceCampaignOperator(task_id="stop", campaign_id="cd-1", calling_hours=value),
        lambda value: StopVoiceCampaignOperator(task_id="stop", campaign_id="cd-1", contact_timezones=[value]),
        lambda value: ListCampaignsOperator(task_id="list", campaign_type=value, name_pattern="*"),
        lambda value: CallingHoursTimetable(value, {"MO-FR": "9:00 AM-6:00 PM"}),
        lambda value: CallingHoursTimetable("UTC", {value: "9:00 AM-6:00 PM"}),
        lambda value: CallingHoursTimetable("UTC", {"MO": value}),
        lambda value: CallingHoursTimetable("UTC", {"MO": "9:00 AM-6:00 PM"}, closed_on=[value]),
    ],
    ids=["day", "hours", "zones", "type", "zone of a timetable", "its days", "its hours", "its closed days"],
)
def test_argument__nothing_of_it(make: Any, value: str) -> None:
    """Nor is it anywhere else in the error, or in what caused it."""
    with pytest.raises(KoreConfigurationError) as caught:
        make(value)

    said = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    assert [piece for piece in OPENS if piece in value] != []
    assert [piece for piece in OPENS if piece in value and piece in said] == []


@pytest.mark.parametrize(
    "value",
    [TOKEN, "cs-9f31c2d7-5b7e-4a10-8f6e-2d4c9b7a1e55", "14155550123", "1-415-555-0123"],
    ids=["token", "Client ID", "phone", "phone, dashes"],
)
def test_campaign_id__not_one(value: str) -> None:
    """A token, a Client ID and a phone number are no campaign's id: it would be in every message about it."""
    with pytest.raises(KoreConfigurationError) as caught:
        checked_campaign_id(value)

    assert value[:8] not in str(caught.value)
    assert checked_campaign_id(CAMPAIGN) == CAMPAIGN


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Tr0ub4d0", "a text of 8 characters"),
        ("+14155550123", "a text of 12 characters"),
        ("kore_default_1", "'kore_default_1'"),
    ],
)
def test_connection_id__shown(value: str, shown: str) -> None:
    """An id of a connection is shown if it is a plain name."""

    def none(conn_id: str) -> None:
        raise AirflowNotFoundException(f"The conn_id `{conn_id}` isn't defined")

    with pytest.raises(KoreConfigurationError) as caught:
        settings_of(value, none)

    assert f"got {shown}" in "".join(traceback.format_exception(caught.value))
    assert shown.startswith("'") or value not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "value",
    [
        TOKEN,
        "kore-campaign://cs-1:kR8vQ2mZ@platform",
        "kore-campaign://platform",
        "kR8vQ2mZ7xTj4Yw0nLcB5pHs9dFgUe1a+=",
        "Bearer kR8vQ2mZ",
        '{"a": 1}',
        "",
        "a\n",
    ],
)
def test_connection_id__not_looked_up(value: str) -> None:
    """What can be no id of a connection is not asked for, for who is asked logs it."""
    asked: list[str] = []

    with pytest.raises(KoreConfigurationError, match="kore_conn_id: expected the id of a connection such as") as caught:
        settings_of(value, asked.append)
    with pytest.raises(KoreConfigurationError, match="kore_conn_id: expected the id of a connection such as"):
        values.read_connection_id("kore_conn_id", value)

    assert asked == []
    assert not value or f"got {shown_argument(value)}" in str(caught.value) or "got a text of" in str(caught.value)


def test_budget_conn_id__not_looked_up() -> None:
    """The same holds of the connection to the shared budget."""

    class Connection:
        extra = json.dumps({"budget_conn_id": "redis://:kR8vQ2mZ7xTj@redis:6379/0"})

    with pytest.raises(KoreConfigurationError) as caught:
        budget_conn_id_of(Connection())

    assert str(caught.value) == (
        "budget_conn_id: expected the id of an Airflow connection of type redis or postgres, for example "
        "redis_default, got a text of 34 characters"
    )


@pytest.mark.parametrize(
    "path",
    [
        "abfss://c@acc.dfs.core.windows.net/r?sv=2024&sig=kR8vQ2mZ7xTj4Yw0nL%3D",
        "https://b.s3.amazonaws.com/r?X-Amz-Signature=9f31c2d75b7e4a10",
        "s3://key%3AkR8vQ2mZ7xTj@bucket/r",
        "s3://key:kR8vQ2mZ7xTj@bucket/r",
    ],
)
def test_folder__with_what_opens_it(path: str) -> None:
    """An address that holds what opens it is refused: results, manifests and logs would repeat it."""
    with pytest.raises(KoreConfigurationError) as caught:
        folders.read_folder("output_path", path)

    assert str(caught.value) == (
        "output_path: holds a user and a password, or a signature, which logs and results would show; keep them in an "
        "Airflow connection, and name that: 's3://aws_default@bucket/reports'"
    )


@pytest.mark.parametrize("path", ["/data/what?a=b", "s3://aws_default@bucket/r", "s3://bucket:9000/r", "file:///r?"])
def test_folder__without(path: str) -> None:
    """Other addresses are folders."""
    folders.read_folder("output_path", path)


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        (
            '{"client_secret": "kR8vQ2mZ7xTj4Yw0"}',
            'no such placeholder: "client_secret": "<16 characters>"; there are host, stream_id, account_id',
        ),
        (
            "https://svc:kR8vQ2mZ7xTj@console/{campaign_id}",
            "expected an http or https address such as https://platform.kore.ai/campaigns/{campaign_id}",
        ),
        (f"https://console/{SECRET}/{{campaign_id}}", "holds the Client Secret"),
    ],
)
def test_console_url__no_secret(
    template: str, problem: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is configured as the console's address becomes no link if it holds a secret, and no log shows it."""
    monkeypatch.setenv("AIRFLOW__KORE_CAMPAIGN__CONSOLE_URL", template)

    assert console_link(account(), ["cd-1"]) is None
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith(f"[kore_campaign] console_url: {problem}")
    assert "kR8vQ2mZ7" not in said


def test_request__shown() -> None:
    """A query of overrides, and an account id of another form, are told by their lengths."""
    override = {"delete_voice_v2": {"query": {"kR8vQ2mZ7xTj": "a", "key": "kR8vQ2mZ7xTj4Yw0"}}}
    settings = account(endpoint_overrides=override)
    odd = KoreClient(
        type(settings)(
            "platform.kore.ai",
            settings.client_id,
            SECRET,
            settings.stream_id,
            "9f31c2d75b7e4a108f6e2d4c9b7a1e55",
        )
    )

    query = KoreClient(settings).describe("delete", CAMPAIGN, "voice").partition("?")[2]
    assert query == f"accountId={ACCOUNT}&campaignType=voice&<12>=a&key=<16>"
    assert odd.describe("delete", CAMPAIGN, "voice").partition("?")[2] == "accountId=<32>&campaignType=voice"


def a_campaign(**fields: Any) -> Campaign:
    """A campaign as the service describes it."""
    return Campaign.from_api({"_id": CAMPAIGN, "name": "Spring", "status": "Ready"} | fields)


def test_name__mismatch() -> None:
    """The two names of a mismatch are shown, but for a number in the one, and what may be a secret in the other."""
    target = Target(CAMPAIGN, "kR8vQ2mZ7xTj", is_name_expected=True)
    with pytest.raises(CampaignMismatchError) as caught:
        target.check_name(a_campaign(name="Spring +1 (415) 555-0123"))

    assert str(caught.value) == (
        f"campaign {CAMPAIGN}: is named 'Spring <number>', expected '<12 characters>'; nothing was sent. If it "
        "was renamed and is still meant, give its new name as expected_name"
    )


def test_name__not_found(client: KoreClient, kore_simulator: KoreSimulator) -> None:
    """A name, or a pattern of names, that may be a secret is told by its length."""
    kore_simulator.add_campaign(name="kR8vQ2mZ7xTj 1", status="Stopped")

    with pytest.raises(KoreNotFoundError) as unknown:
        client.find_campaign("kR8vQ2mZ7xTj")
    with pytest.raises(KoreConfigurationError) as many:
        select_campaigns(client, CampaignType.VOICE, name_pattern="kR8vQ2mZ7xTj*", max_campaigns=0)

    assert str(unknown.value) == "there is no campaign named '<12 characters>'"
    assert "name_pattern: '<13 characters>' matches 1 campaigns" in str(many.value)


def test_name__log_of_results(
    kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log of a stop shows no number of a campaign's name, also in the line for audits; its result has the name."""
    caplog.set_level(logging.INFO, logger="airflow_provider_campaigns")
    monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", kore_simulator.connection_json())
    campaign_id = kore_simulator.add_campaign(name="Call 415-555-0123", status="Active")

    result = StopVoiceCampaignOperator(task_id="stop", campaign_id=campaign_id).execute({})

    assert result["name"] == "Call 415-555-0123"
    assert "555-0123" not in caplog.text
    assert '"name": "Call <number>"' in caplog.text


def test_status__waited_for() -> None:
    """A status with a number is waited for as well, and told in a time-out as it may be shown."""
    goal = StatusGoal({CAMPAIGN: None}, ("On hold since 12345678",))
    sensor = CampaignStatusSensor(task_id="wait", campaign_id=CAMPAIGN, timeout=2)
    event = {"status": "timeout", "message": "never read"}

    with pytest.raises(AirflowSensorTimeout) as caught:
        sensor.execute_complete({}, event, campaign_ids=[CAMPAIGN], statuses=["kR8vQ2mZ7xTj"], is_many=False)

    assert goal.admits(CampaignStatus("on hold since 12345678"))
    assert not goal.admits(CampaignStatus("On hold"))
    assert str(caught.value) == "after 2 s not every campaign is <12 characters>: never read"


def test_event__unknown() -> None:
    """Nor is an event that is none of this package's repeated as it is."""
    sensor = CampaignStatusSensor(task_id="wait", campaign_id=CAMPAIGN)

    with pytest.raises(RuntimeError) as caught:
        sensor.execute_complete(
            {}, {"status": "kR8vQ2mZ7xTj"}, campaign_ids=[CAMPAIGN], statuses=["Stopped"], is_many=False
        )

    assert str(caught.value) == (
        "the wait ended without a result, so this is no success; the trigger said {'status': '<12 characters>'}"
    )


def test_status__of_the_service() -> None:
    """A status that is not documented keeps its words, without numbers, tokens and addresses."""
    assert CampaignStatus("Waiting for +1 415 555 0123") == "Waiting for <number>"
    assert CampaignStatus(" Archived ") == "Archived"
    assert CampaignStatus("ACTIVE") == "Active"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Invalid kR8vQ2mZ7x", "Invalid <10 char... (18 characters)"),
        ("kR8vQ2mZ7xTj4Yw0", "<16 characters>"),
        ("cs-9f31c2d7-5b7e-4a10-8f6e-2d4c9b7a1e55", "<39 characters>"),
        ("jane.roe@ex.com", "<address>"),
        ("E4002: no", "E4002: no"),
        ("Not allowed", "Not allowed"),
    ],
)
def test_service__words(text: str, shown: str) -> None:
    """What the service says is quoted, but for words that may be a piece of what it was sent."""
    body = json.dumps({"errors": [{"msg": text}]}).encode()
    with listening(RawServer(http_answer(body, "412 No"))) as server, pytest.raises(KoreError) as caught:
        client_of(account(server.url)).stop_campaign(CAMPAIGN, "voice")

    assert f"{REQUESTS['stop_voice_v1']}: HTTP 412: {shown}" in str(caught.value)


def test_service__another_id() -> None:
    """An id in an answer that is not the one asked for, and not like one, is told by its length."""
    body = json.dumps({"data": {"_id": "kR8vQ2mZ7xTj4Yw0", "name": "n", "status": "Active"}}).encode()
    with listening(RawServer(http_answer(body))) as server, pytest.raises(KoreError) as caught:
        client_of(account(server.url)).get_campaign(CAMPAIGN)

    assert str(caught.value).endswith("the answer is about another campaign, <16 characters>")
