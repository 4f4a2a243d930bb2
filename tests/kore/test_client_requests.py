"""Each request of the client as it goes over the wire, spelled out from the vendor's pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import requests_mock
from kore_support import SECRET, RawServer, account, client_of, http_answer, listening, transport_to

from airflow_provider_campaigns import __version__
from airflow_provider_campaigns.kore.budget import Priority
from airflow_provider_campaigns.kore.errors import KoreConfigurationError, KoreError
from airflow_provider_campaigns.kore.retry import Bounds

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.kore.client import KoreClient

SAMPLES = Path(__file__).parents[1] / "data" / "kore"
STREAM = "st-0603182c-7ffb-53c3-b307-47ca14b90000"
ACCOUNT = "67777ce93e25326494e90000"
VOICE = "cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000"
SMS = "cd-3aefda80-f98e-5f4f-ad41-92803abb0000"


@pytest.fixture(autouse=True)
def _no_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)


# What a delete answers; the id is that of the request.
DELETED = '{{"status": "success", "message": "Campaign A deleted successfully", "data": {{"_id": "{}"}}}}'

# The five core endpoints: the call, the request line, and the body with its headers; from the pages
# stop-voice-campaign, delete-voice-campaign, delete-voice-campaign-v2, delete-sms-campaign and delete-sms-campaign-v2.
CORE = [
    (
        lambda client: client.stop_campaign(VOICE, "voice"),
        (
            "POST /campaign/api/v1/public/st-0603182c-7ffb-53c3-b307-47ca14b90000/campaign/"
            "cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000?campaignType=voice&trigger=stop HTTP/1.1"
        ),
        {"Content-Type": "application/json", "Content-Length": "2"},
        b"{}",
        '{"status": "Stopped", "message": "Campaign Stopped"}',
    ),
    (
        lambda client: client.delete_campaign(VOICE, "voice", api_version="v1"),
        (
            "DELETE /agentassist/api/v1/public/st-0603182c-7ffb-53c3-b307-47ca14b90000/campaign/"
            "cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000?campaignType=voice HTTP/1.1"
        ),
        {"Content-Length": "0"},
        b"",
        DELETED.format(VOICE),
    ),
    (
        lambda client: client.delete_campaign(VOICE, "voice"),
        (
            "DELETE /campaign/api/v2/public/st-0603182c-7ffb-53c3-b307-47ca14b90000/campaign/"
            "cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000?accountId=67777ce93e25326494e90000&campaignType=voice HTTP/1.1"
        ),
        {"Content-Length": "0"},
        b"",
        DELETED.format(VOICE),
    ),
    (
        lambda client: client.delete_campaign(SMS, "sms", api_version="v1"),
        (
            "DELETE /agentassist/api/v1/public/st-0603182c-7ffb-53c3-b307-47ca14b90000/campaign/"
            "cd-3aefda80-f98e-5f4f-ad41-92803abb0000?campaignType=sms HTTP/1.1"
        ),
        {"Content-Length": "0"},
        b"",
        DELETED.format(SMS),
    ),
    (
        lambda client: client.delete_campaign(SMS, "sms"),
        (
            "DELETE /campaign/api/v2/public/st-0603182c-7ffb-53c3-b307-47ca14b90000/campaign/"
            "cd-3aefda80-f98e-5f4f-ad41-92803abb0000?accountId=67777ce93e25326494e90000&campaignType=sms HTTP/1.1"
        ),
        {"Content-Length": "0"},
        b"",
        DELETED.format(SMS),
    ),
]


@pytest.mark.parametrize(
    ("call", "line", "body_headers", "body", "answer"),
    CORE,
    ids=["stop-voice-v1", "delete-voice-v1", "delete-voice-v2", "delete-sms-v1", "delete-sms-v2"],
)
def test_core__bytes_on_the_wire(
    call: Callable[[KoreClient], object], line: str, body_headers: dict[str, str], body: bytes, answer: str
) -> None:
    """A core request has the documented line, headers and body, a token in ``auth``, and nothing else."""
    with listening(RawServer(http_answer(answer.encode()))) as server, client_of(account(server.url)) as client:
        call(client)

    [request] = server.requests
    assert request.line == line
    assert request.body == body
    token = request.headers.pop("auth")
    assert jwt.decode(token, SECRET, algorithms=["HS256"])["appId"] == "cs-1e845b00-81ad-5757-a1e7-d0f6fea10000"
    assert "gzip" in request.headers.pop("Accept-Encoding")
    assert (
        request.headers
        == {
            "Host": f"127.0.0.1:{server.port}",
            "User-Agent": f"airflow-provider-campaigns/{__version__}",
            "Accept": "application/json",
            "Connection": "keep-alive",
            "iid": "st-0603182c-7ffb-53c3-b307-47ca14b90000",
            "accountId": "67777ce93e25326494e90000",
        }
        | body_headers
    )


V1_READ = f"https://platform.kore.ai/agentassist/api/v1/public/{STREAM}/campaign"
V1_TRIGGER = f"https://platform.kore.ai/campaign/api/v1/public/{STREAM}/campaign"
V2 = f"https://platform.kore.ai/campaign/api/v2/public/{STREAM}/campaign"
LIST_BODY = {"limit": 100, "skip": 0, "page": 1, "type": "voice", "sortBy": {"createdAt": "desc"}}
SCHEDULE = {"startDateTime": "2026-01-27 18:29:00", "endDateTime": "2026-02-27 18:29:00"}

# Every method of the client: name, arguments, the HTTP method, the whole URL, the JSON body, and a documented answer.
CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any], str, str, object, object]] = [
    (
        "start_campaign",
        (VOICE, "voice"),
        {},
        "POST",
        f"{V1_TRIGGER}/{VOICE}?campaignType=voice&trigger=play",
        {},
        "start-voice-v1",
    ),
    (
        "start_campaign",
        (VOICE, "voice"),
        {"api_version": "v2"},
        "POST",
        f"{V2}/trigger/{VOICE}?accountId={ACCOUNT}&campaignType=voice&trigger=play",
        {},
        "start-voice-v2",
    ),
    (
        "start_campaign",
        (SMS, "sms"),
        {},
        "POST",
        f"{V1_TRIGGER}/{SMS}?campaignType=sms&trigger=play",
        {},
        "start-sms-v1",
    ),
    (
        "start_campaign",
        (SMS, "sms"),
        {"api_version": "v2"},
        "POST",
        f"{V2}/{SMS}?campaignType=sms&trigger=play",
        {},
        "start-sms-v2",
    ),
    (
        "stop_campaign",
        (VOICE, "voice"),
        {"api_version": "v2"},
        "POST",
        f"{V2}/trigger/{VOICE}?accountId={ACCOUNT}&campaignType=voice&trigger=stop",
        {},
        "stop-voice-v2",
    ),
    (
        "stop_campaign",
        (SMS, "sms"),
        {},
        "POST",
        f"{V1_TRIGGER}/{SMS}?campaignType=sms&trigger=stop",
        {},
        "stop-sms-v1",
    ),
    (
        "stop_campaign",
        (SMS, "sms"),
        {"api_version": "v2"},
        "POST",
        f"{V2}/trigger/{SMS}?accountId={ACCOUNT}&campaignType=sms&trigger=stop",
        {},
        "stop-sms-v2",
    ),
    ("get_campaign", (VOICE,), {}, "GET", f"{V2}/{VOICE}?accountId={ACCOUNT}", None, {"_id": VOICE, "status": "Ready"}),
    (
        "get_campaign",
        (VOICE,),
        {"api_version": "v1"},
        "GET",
        f"{V1_READ}/{VOICE}",
        None,
        {"_id": VOICE, "status": "Ready"},
    ),
    (
        "get_campaign_status",
        (VOICE,),
        {},
        "POST",
        f"{V2}/{VOICE}/status?accountId={ACCOUNT}&view=status",
        {},
        {"id": VOICE, "status": "Ready"},
    ),
    (
        "get_campaign_status",
        (VOICE,),
        {"api_version": "v1"},
        "POST",
        f"{V1_READ}/{VOICE}/status?view=status",
        {},
        {"id": VOICE, "status": "Ready"},
    ),
    (
        "list_campaigns",
        ("voice",),
        {},
        "POST",
        f"{V2}/getAllCampaignDetails?accountId={ACCOUNT}",
        LIST_BODY,
        {"results": [], "totalResults": 0},
    ),
    (
        "list_campaigns",
        ("sms",),
        {"api_version": "v1", "statuses": ["Ready", "Stopped"]},
        "POST",
        f"{V1_READ}/getAllCampaignDetails",
        LIST_BODY | {"type": "sms", "filters": {"status": ["Ready", "Stopped"]}},
        {"results": [], "totalResults": 0},
    ),
    (
        "count_campaigns",
        ("voice",),
        {},
        "POST",
        f"{V2}/getAllCampaignDetails?accountId={ACCOUNT}",
        LIST_BODY | {"limit": 1},
        {"results": [], "totalResults": 0},
    ),
    (
        "get_contact_page",
        (VOICE,),
        {"page": 3, "limit": 10},
        "POST",
        f"{V2}/{VOICE}/status?view=contacts",
        {"page": 3, "limit": 10},
        "get-campaign-contacts-v2",
    ),
    (
        "get_contact_page",
        (VOICE,),
        {"api_version": "v1"},
        "POST",
        f"{V1_READ}/{VOICE}/status?view=contacts",
        {"page": 1, "limit": 100},
        "get-campaign-contacts-v1",
    ),
    (
        "disable_schedule",
        ("Survey & Co | Jan 9",),
        {},
        "POST",
        f"{V2}/schedule?enableSchedule=false&campaignName=Survey+%26+Co+%7C+Jan+9",
        {},
        "schedule-disable",
    ),
    (
        "enable_schedule",
        ("Survey", SCHEDULE),
        {},
        "POST",
        f"{V2}/schedule?enableSchedule=true&campaignName=Survey",
        SCHEDULE,
        "schedule-enable",
    ),
]


@pytest.mark.parametrize(
    ("name", "arguments", "options", "method", "url", "body", "answer"),
    CALLS,
    ids=[f"{call[0]}-{number}" for number, call in enumerate(CALLS)],
)
def test_call__request(
    *,
    name: str,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    method: str,
    url: str,
    body: object,
    answer: object,
) -> None:
    """A call sends one request with the documented method, URL, headers and body, and understands the answer."""
    text = (
        (SAMPLES / f"{answer}.response.json").read_text()
        if isinstance(answer, str)
        else json.dumps({"status": "success", "data": answer})
    )
    with requests_mock.Mocker() as service, client_of(account()) as client:
        service.request(requests_mock.ANY, requests_mock.ANY, text=text)
        getattr(client, name)(*arguments, **options)

    [request] = service.request_history
    assert (request.method, request.url) == (method, url)
    assert (request.body is None) is (body is None)
    assert body is None or request.json() == body
    assert request.headers.get("Content-Type") == (None if body is None else "application/json")
    assert (request.headers["iid"], request.headers["accountId"]) == (STREAM, ACCOUNT)
    assert "Authorization" not in request.headers
    assert request.timeout == (10.0, 30.0)
    assert request.verify is True


class TestVersion:
    """Which version a call uses: the argument, else the connection's, else the best documented."""

    @pytest.mark.parametrize(
        ("of_connection", "of_call", "path"),
        [
            (None, None, "/campaign/api/v2/"),
            ("v1", None, "/agentassist/api/v1/"),
            ("v1", "v2", "/campaign/api/v2/"),
            ("v2", "v1", "/agentassist/api/v1/"),
            ("v1", "", "/agentassist/api/v1/"),
        ],
    )
    def test_version__precedence(self, of_connection: str | None, of_call: str | None, path: str) -> None:
        """The argument wins over the connection, and the connection over the default."""
        with client_of(account(api_version=of_connection)) as client:
            described = client.describe("delete", VOICE, "voice", api_version=of_call)

        assert described.startswith(f"DELETE {path}")

    def test_version__override(self) -> None:
        """An override's path is the one that is called."""
        overrides = {"stop_voice_v1": "/other/{stream_id}/{campaign_id}"}
        with requests_mock.Mocker() as service, client_of(account(endpoint_overrides=overrides)) as client:
            service.post(requests_mock.ANY, json={"status": "Stopped"})
            client.stop_campaign(VOICE, "voice")

        assert service.last_request is not None
        assert service.last_request.url == (
            f"https://platform.kore.ai/other/{STREAM}/{VOICE}?campaignType=voice&trigger=stop"
        )

    def test_call__override_of_method_and_query(self) -> None:
        """An override's method and query go with each request, beside what the client itself adds; GET has no body."""
        overrides = {
            "stop_voice_v1": {"method": "PUT", "query": {"force": "true"}},
            "get_v2": {"method": "PUT", "path": "/one/{campaign_id}", "query": {"key": "k 1"}},
            "status_v2": {"method": "GET"},
            "disable_schedule_v2": {"query": {"zone": "UTC"}},
            "delete_voice_v2": {"method": "POST", "query": {"_method": "DELETE"}},
        }
        calls: list[tuple[str, dict[str, Any]]] = [
            ("stop_voice_v1", {"campaign_id": "cd-1"}),
            ("get_v2", {"campaign_id": "cd-1"}),
            ("status_v2", {"campaign_id": "cd-1"}),
            ("disable_schedule_v2", {"query": {"campaignName": "Spring"}}),
            ("delete_voice_v2", {"campaign_id": "cd-1"}),
        ]
        with listening(RawServer(http_answer(b'{"status": "Stopped"}'))) as server:
            settings = account(server.url, endpoint_overrides=overrides)
            for name, arguments in calls:
                transport_to(settings).send(settings.endpoints[name], priority=Priority.READ, **arguments)

        v2 = f"/campaign/api/v2/public/{STREAM}/campaign"
        assert [(one.line.removesuffix(" HTTP/1.1"), one.body) for one in server.requests] == [
            (
                f"PUT /campaign/api/v1/public/{STREAM}/campaign/cd-1?campaignType=voice&trigger=stop&force=true",
                b"{}",
            ),
            (f"PUT /one/cd-1?accountId={ACCOUNT}&key=k+1", b"{}"),
            (f"GET {v2}/cd-1/status?accountId={ACCOUNT}&view=status", b""),
            (f"POST {v2}/schedule?enableSchedule=false&zone=UTC&campaignName=Spring", b"{}"),
            (f"POST {v2}/cd-1?accountId={ACCOUNT}&campaignType=voice&_method=DELETE", b"{}"),
        ]

    @pytest.mark.parametrize(("verb", "times"), [("get", 3), ("stop", 1)])
    def test_call__override_of_method_and_repetition(self, verb: str, times: int) -> None:
        """What may be repeated follows from what a call does: a PUT that reads is, and a PUT that stops is not."""
        overrides = {"get_v2": {"method": "PUT"}, "stop_voice_v2": {"method": "PUT"}}
        with listening(RawServer(http_answer(b"{}", "502 No"))) as server:
            settings = account(server.url, endpoint_overrides=overrides, api_version="v2")
            with client_of(settings, bounds=Bounds(attempts=3)) as client, pytest.raises(KoreError):
                client.get_campaign("cd-1") if verb == "get" else client.stop_campaign("cd-1", "voice")

        asked = f"PUT /campaign/api/v2/public/{STREAM}/campaign/{'cd-1' if verb == 'get' else 'trigger/cd-1'}?"
        assert sum(one.line.startswith(asked) for one in server.requests) == times


class TestDescribe:
    @pytest.mark.parametrize(
        ("verb", "campaign_type", "described"),
        [
            (
                "stop",
                "voice",
                f"POST /campaign/api/v1/public/{STREAM}/campaign/{VOICE}?campaignType=voice&trigger=stop",
            ),
            ("start", "sms", f"POST /campaign/api/v1/public/{STREAM}/campaign/{VOICE}?campaignType=sms&trigger=play"),
            (
                "delete",
                "voice",
                f"DELETE /campaign/api/v2/public/{STREAM}/campaign/{VOICE}?accountId={ACCOUNT}&campaignType=voice",
            ),
        ],
    )
    def test_describe__verbs(self, verb: str, campaign_type: str, described: str) -> None:
        """A write can be shown without being sent."""
        with requests_mock.Mocker() as service, client_of(account()) as client:
            assert client.describe(verb, VOICE, campaign_type) == described

        assert service.called is False


class TestBadArguments:
    @pytest.mark.parametrize(
        ("name", "arguments", "options", "field"),
        [
            ("stop_campaign", ("", "voice"), {}, "campaign_id"),
            ("stop_campaign", ("a/b", "voice"), {}, "campaign_id"),
            ("stop_campaign", (VOICE, "fax"), {}, "campaign_type"),
            ("stop_campaign", (VOICE, "voice"), {"api_version": "v3"}, "api_version"),
            ("start_campaign", ("..", "voice"), {}, "campaign_id"),
            ("delete_campaign", ("cd-1?x", "voice"), {}, "campaign_id"),
            ("get_campaign", ("cd-1\n",), {}, "campaign_id"),
            ("get_campaign_status", (" ",), {}, "campaign_id"),
            ("get_contact_page", ("",), {}, "campaign_id"),
            ("get_contact_page", (VOICE,), {"page": 0}, "page"),
            ("get_contact_page", (VOICE,), {"limit": 0}, "limit"),
            ("get_contact_page", (VOICE,), {"limit": 101}, "limit"),
            ("list_campaigns", ("fax",), {}, "campaign_type"),
            ("count_campaigns", ("fax",), {}, "campaign_type"),
            ("is_listed", (VOICE, "fax"), {}, "campaign_type"),
            ("describe", ("stop", "a/b", "voice"), {}, "campaign_id"),
        ],
    )
    def test_call__nothing_sent(
        self, name: str, arguments: tuple[Any, ...], options: dict[str, Any], field: str
    ) -> None:
        """A wrong argument is an error that names it, before anything is sent."""
        with (
            requests_mock.Mocker() as service,
            client_of(account()) as client,
            pytest.raises(KoreConfigurationError) as caught,
        ):
            getattr(client, name)(*arguments, **options)

        assert caught.value.field == field
        assert service.called is False
