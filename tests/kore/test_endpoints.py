"""The endpoint table, spelled out a second time from the vendor's pages."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from airflow_provider_campaigns.kore.endpoints import ENDPOINTS, Effect, with_overrides
from airflow_provider_campaigns.kore.errors import KoreConfigurationError

STREAM = "st-0603182c-7ffb-53c3-b307-47ca14b90000"
ACCOUNT = "67777ce93e25326494e90000"
CAMPAIGN = "cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000"

# Each row as it goes over the wire: name, method, path, query, is a JSON body sent, does it change anything.
ROWS = [
    (
        "start_voice_v1",
        "POST",
        f"/campaign/api/v1/public/{STREAM}/campaign/{CAMPAIGN}",
        "campaignType=voice&trigger=play",
        True,
        True,
    ),
    (
        "start_voice_v2",
        "POST",
        f"/campaign/api/v2/public/{STREAM}/campaign/trigger/{CAMPAIGN}",
        f"accountId={ACCOUNT}&campaignType=voice&trigger=play",
        True,
        True,
    ),
    (
        "start_sms_v1",
        "POST",
        f"/campaign/api/v1/public/{STREAM}/campaign/{CAMPAIGN}",
        "campaignType=sms&trigger=play",
        True,
        True,
    ),
    (
        "start_sms_v2",
        "POST",
        f"/campaign/api/v2/public/{STREAM}/campaign/{CAMPAIGN}",
        "campaignType=sms&trigger=play",
        True,
        True,
    ),
    (
        "stop_voice_v1",
        "POST",
        f"/campaign/api/v1/public/{STREAM}/campaign/{CAMPAIGN}",
        "campaignType=voice&trigger=stop",
        True,
        True,
    ),
    (
        "stop_voice_v2",
        "POST",
        f"/campaign/api/v2/public/{STREAM}/campaign/trigger/{CAMPAIGN}",
        f"accountId={ACCOUNT}&campaignType=voice&trigger=stop",
        True,
        True,
    ),
    (
        "stop_sms_v1",
        "POST",
        f"/campaign/api/v1/public/{STREAM}/campaign/{CAMPAIGN}",
        "campaignType=sms&trigger=stop",
        True,
        True,
    ),
    (
        "stop_sms_v2",
        "POST",
        f"/campaign/api/v2/public/{STREAM}/campaign/trigger/{CAMPAIGN}",
        f"accountId={ACCOUNT}&campaignType=sms&trigger=stop",
        True,
        True,
    ),
    (
        "delete_voice_v1",
        "DELETE",
        f"/agentassist/api/v1/public/{STREAM}/campaign/{CAMPAIGN}",
        "campaignType=voice",
        False,
        True,
    ),
    (
        "delete_voice_v2",
        "DELETE",
        f"/campaign/api/v2/public/{STREAM}/campaign/{CAMPAIGN}",
        f"accountId={ACCOUNT}&campaignType=voice",
        False,
        True,
    ),
    (
        "delete_sms_v1",
        "DELETE",
        f"/agentassist/api/v1/public/{STREAM}/campaign/{CAMPAIGN}",
        "campaignType=sms",
        False,
        True,
    ),
    (
        "delete_sms_v2",
        "DELETE",
        f"/campaign/api/v2/public/{STREAM}/campaign/{CAMPAIGN}",
        f"accountId={ACCOUNT}&campaignType=sms",
        False,
        True,
    ),
    ("get_v1", "GET", f"/agentassist/api/v1/public/{STREAM}/campaign/{CAMPAIGN}", "", False, False),
    ("get_v2", "GET", f"/campaign/api/v2/public/{STREAM}/campaign/{CAMPAIGN}", f"accountId={ACCOUNT}", False, False),
    (
        "status_v1",
        "POST",
        f"/agentassist/api/v1/public/{STREAM}/campaign/{CAMPAIGN}/status",
        "view=status",
        True,
        False,
    ),
    (
        "status_v2",
        "POST",
        f"/campaign/api/v2/public/{STREAM}/campaign/{CAMPAIGN}/status",
        f"accountId={ACCOUNT}&view=status",
        True,
        False,
    ),
    ("list_v1", "POST", f"/agentassist/api/v1/public/{STREAM}/campaign/getAllCampaignDetails", "", True, False),
    (
        "list_v2",
        "POST",
        f"/campaign/api/v2/public/{STREAM}/campaign/getAllCampaignDetails",
        f"accountId={ACCOUNT}",
        True,
        False,
    ),
    (
        "contacts_v1",
        "POST",
        f"/agentassist/api/v1/public/{STREAM}/campaign/{CAMPAIGN}/status",
        "view=contacts",
        True,
        False,
    ),
    (
        "contacts_v2",
        "POST",
        f"/campaign/api/v2/public/{STREAM}/campaign/{CAMPAIGN}/status",
        "view=contacts",
        True,
        False,
    ),
    (
        "enable_schedule_v2",
        "POST",
        f"/campaign/api/v2/public/{STREAM}/campaign/schedule",
        "enableSchedule=true",
        True,
        True,
    ),
    (
        "disable_schedule_v2",
        "POST",
        f"/campaign/api/v2/public/{STREAM}/campaign/schedule",
        "enableSchedule=false",
        True,
        True,
    ),
]


class TestTable:
    @pytest.mark.parametrize(
        ("name", "method", "path", "query", "has_body", "changes"), ROWS, ids=[row[0] for row in ROWS]
    )
    def test_row__as_documented(
        self, *, name: str, method: str, path: str, query: str, has_body: bool, changes: bool
    ) -> None:
        """A row has the method, path and query of its page, and a body where the page has one."""
        row = ENDPOINTS[name]

        assert row.name == name
        assert row.method == method
        assert row.url_path(stream_id=STREAM, account_id=ACCOUNT, campaign_id=CAMPAIGN) == path
        assert urlencode(row.url_query(ACCOUNT)) == query
        assert row.has_body is has_body
        assert (row.effect is Effect.WRITE) is changes

    def test_table__complete(self) -> None:
        """The table holds these rows and no other."""
        assert set(ENDPOINTS) == {row[0] for row in ROWS}
        assert len(ENDPOINTS) == 22

    @pytest.mark.parametrize("name", list(ENDPOINTS))
    def test_row__source(self, name: str) -> None:
        """Every row names the page that documents it; the pages of v2 end in -v2, but for those of the schedule."""
        source = ENDPOINTS[name].source

        assert source
        if "schedule" not in name:
            assert source.endswith("-v2") is name.endswith("_v2")

    @pytest.mark.parametrize(
        "name",
        ["delete_voice_v1", "delete_sms_v1", "delete_voice_v2", "stop_sms_v1", "stop_sms_v2", "stop_voice_v2"],
    )
    def test_row__contradiction_noted(self, name: str) -> None:
        """A row whose page contradicts itself says how it is read."""
        assert ENDPOINTS[name].note

    def test_table__read_only(self) -> None:
        """Nobody can change the table for everybody."""
        with pytest.raises(TypeError):
            ENDPOINTS["get_v2"] = ENDPOINTS["get_v1"]  # type: ignore[index]

    def test_url_path__quotes(self) -> None:
        """A value stays within its path segment, whatever it holds."""
        path = ENDPOINTS["get_v2"].url_path(stream_id="st-1", account_id="a", campaign_id="a/../b?c#d e%")

        assert path == "/campaign/api/v2/public/st-1/campaign/a%2F..%2Fb%3Fc%23d%20e%25"


V2 = "/campaign/api/v2/public/S/campaign"


class TestWithOverrides:
    def test_with_overrides__none(self) -> None:
        """Without overrides the table is the documented one."""
        assert with_overrides({}) == ENDPOINTS

    @pytest.mark.parametrize(
        ("name", "template", "path"),
        [
            (
                "stop_voice_v2",
                "/api/v2/public/{stream_id}/campaign/trigger/{campaign_id}",
                "/api/v2/public/S/campaign/trigger/C",
            ),
            (
                "stop_sms_v2",
                "/campaign/api/v2/public/{stream_id}/campaign//trigger/{campaign_id}",
                "/campaign/api/v2/public/S/campaign//trigger/C",
            ),
            ("get_v2", "/{account_id}/{campaign_id}", "/A/C"),
            ("list_v1", "/lists/all.json", "/lists/all.json"),
        ],
    )
    def test_with_overrides__accepted(self, name: str, template: str, path: str) -> None:
        """A template replaces the path of one row, and nothing else of it."""
        rows = with_overrides({name: template})

        assert rows[name].url_path(stream_id="S", account_id="A", campaign_id="C") == path
        assert (rows[name].method, rows[name].query) == (ENDPOINTS[name].method, ENDPOINTS[name].query)
        assert {key: row for key, row in rows.items() if key != name} == {
            key: row for key, row in ENDPOINTS.items() if key != name
        }

    @pytest.mark.parametrize(
        ("name", "given", "line"),
        [
            ("get_v2", {"method": "PUT"}, f"PUT {V2}/C?accountId=A"),
            ("get_v1", {"method": "POST", "path": "/x/{campaign_id}"}, "POST /x/C?"),
            ("status_v2", {"method": "GET", "query": {}}, f"GET {V2}/C/status?accountId=A&view=status"),
            (
                "contacts_v2",
                {"query": {"accountId": "{account_id}"}},
                f"POST {V2}/C/status?view=contacts&accountId=A",
            ),
            (
                "delete_sms_v2",
                {"method": "POST", "query": {"_method": "DELETE"}},
                f"POST {V2}/C?accountId=A&campaignType=sms&_method=DELETE",
            ),
            (
                "stop_sms_v2",
                {"query": {"force": "", "é ": "&="}},
                f"POST {V2}/trigger/C?accountId=A&campaignType=sms&trigger=stop&force=&%C3%A9+=%26%3D",
            ),
            ("list_v2", {"method": "PATCH", "path": "/all"}, "PATCH /all?accountId=A"),
        ],
    )
    def test_with_overrides__object(self, name: str, given: dict[str, object], line: str) -> None:
        """An object replaces method and path, and adds to the query; what the call does stays, and so what it may."""
        row = with_overrides({name: given})[name]

        path = row.url_path(stream_id="S", account_id="A", campaign_id="C")
        assert f"{row.method} {path}?{urlencode(row.url_query('A'))}" == line
        assert (row.effect, row.has_body) == (ENDPOINTS[name].effect, row.method != "GET")

    @pytest.mark.parametrize(
        ("template", "shown"),
        [
            ("/elsewhere/api/v12/my-gate_way/{stream_id}/{account_id}/{campaign_id}.json", None),
            ("/getAllCampaignDetails/{campaign_id}", None),
            ("/9f86d081884c7d65/{campaign_id}", "/<16>/{campaign_id}"),
            ("/abcdefghijklmnop/{campaign_id}", None),
            ("/abcdefghijklmnopq/{campaign_id}", "/<17>/{campaign_id}"),
            ("/QvTkLZpR/{campaign_id}", "/<8>/{campaign_id}"),
            ("/api/123/{campaign_id}", "/api/<3>/{campaign_id}"),
        ],
    )
    def test_shown_path__words(self, template: str, shown: str | None) -> None:
        """A segment of an override that is no word may be a key, so it is told by its length."""
        row = with_overrides({"get_v2": template})["get_v2"]

        assert (
            row.request("cd-1")
            == f"get_v2 of campaign cd-1 (GET {(shown or template).replace('{campaign_id}', 'cd-1')})"
        )

    def test_shown_query__long_values(self) -> None:
        """What an override adds may be a key, so a long value is told by its length; what is documented is shown."""
        row = with_overrides({"stop_voice_v2": {"query": {"key": "k7Hq92xs", "force": "true", "a": "{account_id}"}}})

        shown = row["stop_voice_v2"].shown_query("67777ce93e25326494e90000")
        assert shown == (
            "accountId=67777ce93e25326494e90000&campaignType=voice&trigger=stop&key=<8>&force=true"
            "&a=67777ce93e25326494e90000"
        )

    @pytest.mark.parametrize(
        ("overrides", "problem"),
        [
            (
                {"stop_fax_v1": "/x/{campaign_id}"},
                "there is no such endpoint (got a text of 11 characters); known are contacts_v1, ",
            ),
            ({"get_v2": "https://elsewhere.test/{campaign_id}"}, "must be a path that starts with one '/'"),
            ({"get_v2": "//elsewhere.test/{campaign_id}"}, "must be a path that starts with one '/'"),
            ({"get_v2": "x/{campaign_id}"}, "must be a path that starts with one '/'"),
            ({"get_v2": ""}, "must be a path that starts with one '/'"),
            ({"get_v2": 7}, "endpoint_overrides.get_v2: expected a path, or an object of method, path and query"),
            ({"get_v2": None}, "endpoint_overrides.get_v2: expected a path, or an object of method, path and query"),
            ({"get_v2": {}}, "endpoint_overrides.get_v2: expected a path, or an object of method, path and query"),
            ({"get_v2": {"metod": "GET"}}, ".get_v2: expected method, path and query only, got 'metod' as well; for"),
            ({"get_v2": {"path": None}}, "endpoint_overrides.get_v2.path: must be a path that starts with one '/'"),
            ({"get_v2": {"path": "/x"}}, "endpoint_overrides.get_v2.path: must hold {campaign_id}"),
            ({"get_v2": {"method": "get"}}, ".get_v2.method: expected one of GET, POST, PUT, PATCH"),
            ({"get_v2": {"method": "CONNECT-SECRETLY"}}, 'got a text of 16 characters; for example "GET"'),
            ({"get_v2": {"method": None}}, "endpoint_overrides.get_v2.method: expected one of "),
            ({"get_v2": {"method": ["GET"]}}, "endpoint_overrides.get_v2.method: expected one of "),
            ({"get_v2": {"method": "DELETE"}}, ".get_v2.method: expected one of GET, POST, PUT, PATCH"),
            ({"list_v2": {"method": "GET"}}, ".list_v2.method: expected one of POST, PUT, PATCH"),
            ({"contacts_v1": {"method": "GET"}}, "endpoint_overrides.contacts_v1.method: expected one of POST, PUT, "),
            ({"stop_sms_v1": {"method": "GET"}}, "endpoint_overrides.stop_sms_v1.method: expected one of POST, PUT, "),
            ({"stop_sms_v1": {"method": "DELETE"}}, ".stop_sms_v1.method: expected one of POST, PUT"),
            ({"delete_sms_v1": {"method": "GET"}}, ".delete_sms_v1.method: expected one of DELETE, POST"),
            ({"get_v2": {"query": "a=b"}}, "endpoint_overrides.get_v2.query: expected an object of texts"),
            ({"get_v2": {"query": {"a": 1}}}, "endpoint_overrides.get_v2.query: expected an object of texts"),
            ({"get_v2": {"query": {1: "a"}}}, "endpoint_overrides.get_v2.query: expected an object of texts"),
            ({"get_v2": {"query": {"": "a"}}}, "endpoint_overrides.get_v2.query: must not hold an empty name"),
            ({"get_v2": {"query": {"a": "{iid}"}}}, "may hold only the placeholder {account_id}, as a whole value"),
            ({"get_v2": {"query": {"a": "x{account_id}"}}}, "may hold only the placeholder {account_id}, as a whole"),
            (
                {"get_v2": {"query": {"accountId": "1"}}},
                "get_v2.query: must not hold accountId, which is said by",
            ),
            ({"get_v2": {"query": {"Trigger": "stop"}}}, "must not hold trigger, which is said by this client itself"),
            ({"stop_sms_v2": {"query": {"campaigntype": "voice"}}}, "must not hold campaignType, which is said by"),
            ({"list_v1": {"query": {"page": "1", "limit": "5"}}}, "must not hold limit, page, which is said by this "),
            ({"disable_schedule_v2": {"query": {"campaignName": "a"}}}, "must not hold campaignName, which is said by"),
            ({"get_v2": "/x/{campaign_id}?a=b"}, "must be a plain path"),
            ({"get_v2": "/x/{campaign_id}#a"}, "must be a plain path"),
            ({"get_v2": "/x\\y/{campaign_id}"}, "must be a plain path"),
            ({"get_v2": "/x y/{campaign_id}"}, "must be a plain path"),
            ({"get_v2": "/x/{campaign_id}\n"}, "must be a plain path"),
            ({"get_v2": "/x/../{campaign_id}"}, "must be a plain path"),
            ({"get_v2": "/x/./{campaign_id}"}, "must be a plain path"),
            ({"get_v2": "/{campaign_id}/.."}, "must be a plain path"),
            ({"get_v2": "/x/%2e%2e/{campaign_id}"}, "must be a plain path"),
            ({"get_v2": "/ü/{campaign_id}"}, "must be a plain path"),
            (
                {"get_v2": "/{iid}/{campaign_id}"},
                "may hold only the placeholders {stream_id}, {account_id}, {campaign_id}",
            ),
            ({"get_v2": "/{}/{campaign_id}"}, "may hold only the placeholders"),
            ({"get_v2": "/{{campaign_id}}"}, "may hold only the placeholders"),
            ({"get_v2": "/{campaign_id}}"}, "may hold only the placeholders"),
            ({"get_v2": "/x/{stream_id}"}, "must hold {campaign_id}: otherwise no campaign would be named"),
            ({"list_v2": "/x/{campaign_id}"}, "must not hold {campaign_id}"),
            (["/x/{campaign_id}"], "expected an object of endpoint names and paths, got list"),
            ("get_v2", "expected an object of endpoint names and paths, got str"),
        ],
    )
    def test_with_overrides__refused(self, overrides: object, problem: str) -> None:
        """What is no plain path on the same host is refused, naming the entry and showing an accepted one."""
        with pytest.raises(KoreConfigurationError) as caught:
            with_overrides(overrides)  # type: ignore[arg-type]

        assert caught.value.field == "endpoint_overrides"
        assert problem in str(caught.value)
        assert "there is no such endpoint" in problem or "for example" in str(caught.value)
