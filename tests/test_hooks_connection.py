"""The connection in each of its forms, right and wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest
from airflow.sdk import Connection

from airflow_provider_campaigns.connection import settings_from
from airflow_provider_campaigns.hooks import KoreCampaignHook
from airflow_provider_campaigns.kore.errors import KoreConfigurationError
from airflow_provider_campaigns.kore.settings import KoreSettings

if TYPE_CHECKING:
    from airflow_provider_campaigns.simulator import KoreSimulator

LOGIN = "cs-1e845b00-81ad-5757-a1e7-d0f6fea227e9"
SECRET = "canary-secret-3f9c1d-3f9c1d-3f9c1d-3f9c1d"
STREAM = "st-0603182c-7ffb-53c3-b307-47ca14b90000"
ACCOUNT = "67777ce93e25326494e90000"
NEEDED = {"stream_id": STREAM, "account_id": ACCOUNT}


def connection(**fields: Any) -> Connection:
    """A connection as the JSON form gives it, complete unless told otherwise."""
    extra = fields.pop("extra", NEEDED)
    return Connection(
        conn_id="kore_default",
        conn_type="kore_campaign",
        **{
            "host": "https://platform.kore.ai",
            "login": LOGIN,
            "password": SECRET,
            "extra": extra if isinstance(extra, str) or extra is None else json.dumps(extra),
            **fields,
        },
    )


def with_extra(**extra: Any) -> Connection:
    return connection(extra={**NEEDED, **extra})


class TestForms:
    """The same account from the UI, from JSON and from a URI."""

    def test_settings_from__least(self) -> None:
        """Host, login, password and two extras are enough; the rest has its default."""
        assert settings_from(connection()) == KoreSettings(
            host="https://platform.kore.ai",
            client_id="cs-1e845b00-81ad-5757-a1e7-d0f6fea227e9",
            client_secret="canary-secret-3f9c1d-3f9c1d-3f9c1d-3f9c1d",
            stream_id="st-0603182c-7ffb-53c3-b307-47ca14b90000",
            account_id="67777ce93e25326494e90000",
            api_version=None,
            jwt_subject="airflow",
            jwt_ttl_s=300,
            requests_per_minute=60,
            urgent_per_minute=None,
            timeout_s=30.0,
            verify_tls=True,
            ca_bundle=None,
            allow_http=False,
            endpoint_overrides={},
        )

    ALL = (
        ("api_version", "v2", "v2"),
        ("jwt_subject", "nightly", "nightly"),
        ("jwt_ttl_s", 600, 600),
        ("requests_per_minute", 30, 30),
        ("urgent_per_minute", 5, 5),
        ("timeout_s", 2.5, 2.5),
        ("verify_tls", False, False),
        ("ca_bundle", "/", "/"),
        ("allow_http", True, True),
        (
            "endpoint_overrides",
            {"stop_voice_v1": "/a/{stream_id}/{campaign_id}", "get_v2": {"method": "PUT", "query": {"b": "c"}}},
            {"stop_voice_v1": "/a/{stream_id}/{campaign_id}", "get_v2": {"method": "PUT", "query": {"b": "c"}}},
        ),
    )

    def expected(self) -> dict[str, Any]:
        return {name: value for name, _, value in self.ALL}

    def test_settings_from__json(self) -> None:
        """Typed extras, as JSON has them."""
        settings = settings_from(with_extra(**{name: value for name, value, _ in self.ALL}))

        assert {name: getattr(settings, name) for name, *_ in self.ALL} == self.expected()

    def test_settings_from__uri(self) -> None:
        """In a URI every extra is text, and is read from it."""
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value, _ in self.ALL}
        uri = f"kore-campaign://{LOGIN}:{SECRET}@platform.kore.ai:8443/?{urlencode({**NEEDED, **texts})}"
        settings = settings_from(Connection.from_uri(uri, conn_id="kore_default"))

        assert {name: getattr(settings, name) for name, *_ in self.ALL} == self.expected()
        assert settings.base_url == "https://platform.kore.ai:8443"
        assert (settings.client_id, settings.client_secret) == (LOGIN, SECRET)

    def test_settings_from__ui(self) -> None:
        """The form leaves fields that were not filled in empty or null; they count as not given."""
        empty = {
            "api_version": None,
            "jwt_subject": "",
            "jwt_ttl_s": None,
            "requests_per_minute": None,
            "urgent_per_minute": None,
            "timeout_s": None,
            "verify_tls": None,
            "ca_bundle": "",
            "allow_http": None,
            "endpoint_overrides": "",
        }

        assert settings_from(with_extra(**empty)) == settings_from(connection())

    def test_settings_from__ui_object(self) -> None:
        """The form holds an object as text."""
        settings = settings_from(with_extra(endpoint_overrides='{"stop_voice_v1": "/a/{stream_id}/{campaign_id}"}'))

        assert settings.endpoint_overrides == {"stop_voice_v1": "/a/{stream_id}/{campaign_id}"}

    def test_settings_from__digits(self) -> None:
        """An id of digits may have become a number on the way: Airflow's command line reads a URI's extras as JSON."""
        settings = settings_from(with_extra(account_id=677770000000000000000001, jwt_subject=7))

        assert (settings.account_id, settings.jwt_subject) == ("677770000000000000000001", "7")

    def test_hook__environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """From the environment, as JSON or as a URI, the hook reads the same settings."""
        monkeypatch.setenv(
            "AIRFLOW_CONN_AS_JSON",
            '{"conn_type": "kore_campaign", "host": "https://platform.kore.ai", "port": 443, "login": "cs-1", '
            '"password": "canary-secret/3f9c1d+3f9c1d", '
            '"extra": {"stream_id": "st-1", "account_id": "67777", "requests_per_minute": 30, "verify_tls": false}}',
        )
        monkeypatch.setenv(
            "AIRFLOW_CONN_AS_URI",
            "kore-campaign://cs-1:canary-secret%2F3f9c1d%2B3f9c1d@platform.kore.ai:443"
            "?stream_id=st-1&account_id=67777&requests_per_minute=30&verify_tls=false",
        )

        for connection_id in ("as_json", "as_uri"):
            settings = KoreCampaignHook(connection_id).get_conn().settings
            assert settings.base_url == "https://platform.kore.ai"
            assert settings == KoreSettings(
                host=settings.host,
                client_id="cs-1",
                client_secret="canary-secret/3f9c1d+3f9c1d",
                stream_id="st-1",
                account_id="67777",
                requests_per_minute=30,
                verify_tls=False,
            )

    @pytest.mark.parametrize(
        ("fields", "base_url"),
        [
            ({"host": "platform.kore.ai"}, "https://platform.kore.ai"),
            ({"host": "https://platform.kore.ai"}, "https://platform.kore.ai"),
            ({"host": "https://platform.kore.ai/"}, "https://platform.kore.ai"),
            ({"host": "platform.kore.ai", "port": 8443}, "https://platform.kore.ai:8443"),
            ({"host": "platform.kore.ai", "port": 443}, "https://platform.kore.ai"),
            ({"host": "platform.kore.ai", "port": 0}, "https://platform.kore.ai"),
            ({"host": "https://platform.kore.ai/", "port": 8443}, "https://platform.kore.ai:8443"),
            ({"host": "platform.kore.ai", "schema": "https"}, "https://platform.kore.ai"),
            ({"host": "https://platform.kore.ai", "schema": "https"}, "https://platform.kore.ai"),
            ({"host": "127.0.0.1", "port": 8080, "schema": "http"}, "http://127.0.0.1:8080"),
            ({"host": "http://127.0.0.1:8080"}, "http://127.0.0.1:8080"),
            ({"host": "[::1]", "port": 8080, "schema": "http"}, "http://[::1]:8080"),
        ],
    )
    def test_settings_from__host(self, fields: dict[str, Any], base_url: str) -> None:
        """The host may hold scheme and port, or have them beside it; https is assumed."""
        assert settings_from(connection(**fields)).base_url == base_url

    @pytest.mark.parametrize(
        ("address", "base_url"),
        [
            ("platform.kore.ai", "https://platform.kore.ai"),
            ("platform.kore.ai:8443", "https://platform.kore.ai:8443"),
            ("platform.kore.ai/https", "https://platform.kore.ai"),
            ("127.0.0.1:8080/http", "http://127.0.0.1:8080"),
            (quote("http://127.0.0.1:8080", safe=""), "http://127.0.0.1:8080"),
            (quote("http://127.0.0.1", safe="") + ":8080", "http://127.0.0.1:8080"),
        ],
    )
    def test_settings_from__host_in_a_uri(self, address: str, base_url: str) -> None:
        """The same in a URI, whose path is the scheme."""
        uri = f"kore-campaign://{LOGIN}:{SECRET}@{address}?{urlencode(NEEDED)}"

        assert settings_from(Connection.from_uri(uri, conn_id="kore_default")).base_url == base_url

    @pytest.mark.parametrize("alias", ["iid", "bot_id"])
    def test_settings_from__alias(self, alias: str) -> None:
        """The stream id goes by the documentation's other names as well."""
        assert settings_from(connection(extra={alias: STREAM, "account_id": ACCOUNT})).stream_id == STREAM
        assert settings_from(with_extra(**{alias: STREAM})).stream_id == STREAM


class TestBadFields:
    """A field that is missing or malformed is named, with what belongs there."""

    @pytest.mark.parametrize(
        ("bad", "field", "problem"),
        [
            (connection(host=None), "host", "host: missing; expected the platform's address, for example https://"),
            (connection(host=""), "host", "host: missing"),
            (connection(host=None, port=443), "host", "host: missing"),
            (connection(host="https://platform.kore.ai/api"), "host", "host: holds more than a host and a port"),
            (connection(host="ftp://platform.kore.ai"), "host", "the scheme 'ftp' is not https"),
            (connection(host="http://platform.kore.ai"), "host", "host: plain http would send the token in the clear"),
            (connection(host="platform.kore.ai", schema="http"), "host", "host: plain http would send the token"),
            (connection(host="platform.kore.ai:443", port=443), "host", "host: "),
            (connection(schema="public"), "schema", "schema: expected nothing, or 'https', got 'public'"),
            (connection(login=None), "login", "login: missing; expected the Client ID of the JWT app, for example cs-"),
            (connection(login=STREAM), "login", "were login and stream_id swapped?"),
            (connection(login="cs 1"), "login", "login: expected the Client ID of the JWT app"),
            (connection(password=None), "password", "password: missing; expected the Client Secret of the JWT app"),
            (connection(password=f"{SECRET} "), "password", "password: expected the Client Secret"),
            (connection(extra=None), "stream_id", "stream_id: missing; expected the app's id, for example st-06031"),
            (connection(extra={"stream_id": STREAM}), "account_id", "account_id: missing; expected the account's id"),
            (with_extra(stream_id=LOGIN), "stream_id", "were login and stream_id swapped?"),
            (with_extra(account_id=True), "account_id", "account_id: expected the account's id, for example 67777ce"),
            (with_extra(api_version="v3"), "api_version", "api_version: expected 'v1' or 'v2', got 'v3'"),
            (with_extra(jwt_ttl_s="soon"), "jwt_ttl_s", "jwt_ttl_s: expected a number, got 'soon'"),
            (with_extra(jwt_ttl_s=3601), "jwt_ttl_s", "jwt_ttl_s: expected whole seconds from 1 to 3600, got 3601"),
            (with_extra(jwt_ttl_s=True), "jwt_ttl_s", "jwt_ttl_s: expected whole seconds"),
            (with_extra(requests_per_minute=0), "requests_per_minute", "requests_per_minute: expected a whole number"),
            (with_extra(requests_per_minute="1.5"), "requests_per_minute", "expected a number, got '1.5'"),
            (
                with_extra(urgent_per_minute="60"),
                "urgent_per_minute",
                "a whole number below requests_per_minute, from 0",
            ),
            (with_extra(timeout_s=0), "timeout_s", "timeout_s: expected seconds from 0.001 to 3600, got 0"),
            (with_extra(timeout_s="nan"), "timeout_s", "timeout_s: expected seconds"),
            (with_extra(verify_tls="no"), "verify_tls", "verify_tls: expected true or false, got 'no'"),
            (with_extra(verify_tls=0), "verify_tls", "verify_tls: expected true or false, got 0"),
            (with_extra(allow_http=1), "allow_http", "allow_http: expected true or false, got 1"),
            (with_extra(ca_bundle="/nowhere.pem"), "ca_bundle", "ca_bundle: there is no such file or folder; expected"),
            (with_extra(jwt_subject=[7]), "jwt_subject", "jwt_subject: expected any text, for example airflow"),
            (with_extra(endpoint_overrides="[]"), "endpoint_overrides", "endpoint_overrides: expected a JSON object"),
            (with_extra(endpoint_overrides="{"), "endpoint_overrides", "endpoint_overrides: expected a JSON object"),
            (with_extra(endpoint_overrides={"stop": "/x"}), "endpoint_overrides", "endpoint_overrides"),
            (
                with_extra(endpoint_overrides='{"list_v2": {"method": "GET"}}'),
                "endpoint_overrides",
                "endpoint_overrides.list_v2.method: expected one of POST, PUT, PATCH, got 'GET'; for example \"POST\"",
            ),
            (
                connection(extra="[1]"),
                "extra",
                'extra: expected a JSON object such as {"stream_id": "st-...", "account',
            ),
            (connection(extra="not json"), "extra", "extra: expected a JSON object"),
            (
                with_extra(streamid=STREAM),
                "extra",
                "extra: there is no such field (got a text of 8 characters); did you mean 'stream_id'?",
            ),
            (with_extra(timeout=5), "extra", "did you mean 'timeout_s'?"),
            (
                with_extra(region="eu"),
                "extra",
                "extra: there is no such field (got 'region'); known are account_id, allow",
            ),
            (with_extra(iid="st-other"), "stream_id", "extra: stream_id is given twice, with different values"),
        ],
    )
    def test_settings_from__bad_field(self, bad: Connection, field: str, problem: str) -> None:
        """The error names the field as the form does, and never shows the secret."""
        with pytest.raises(KoreConfigurationError) as caught:
            settings_from(bad)

        assert caught.value.field == field
        assert problem in str(caught.value)
        assert SECRET not in str(caught.value)
        assert isinstance(caught.value, ValueError)

    @pytest.mark.parametrize("field", ["login", "password", "stream_id", "account_id"])
    def test_get_conn__nothing_sent(
        self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, field: str
    ) -> None:
        """With a field missing nothing is sent, whichever way the hook is used."""
        given = json.loads(kore_simulator.connection_json())
        (given if field in given else given["extra"])[field] = ""
        monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", json.dumps(given))
        hook = KoreCampaignHook()

        with pytest.raises(KoreConfigurationError, match=f"^{field}: missing"):
            hook.stop_campaign("cd-1")
        assert hook.test_connection()[0] is False
        assert len(kore_simulator.requests) == 0

    def test_get_conn__no_connection(self) -> None:
        """A connection that is not there is named; as a secrets backend may have failed, it is tried again."""
        with pytest.raises(
            KoreConfigurationError, match=r"^kore_conn_id: there is no such connection \(got 'nowhere'\)"
        ) as caught:
            KoreCampaignHook("nowhere").get_conn()

        assert caught.value.retryable
        assert KoreCampaignHook("nowhere").test_connection()[0] is False

    @pytest.mark.parametrize(
        "value",
        [
            '{"conn_type": "kore_campaign", "password": "Q7x9vTkLm3ZpR0sWuY7b"',
            '{"conn_type": "kore_campaign", "password": "Q7x9vTkLm3ZpR0sWuY7b",}',
            "{'conn_type': 'kore_campaign', 'password': 'Q7x9vTkLm3ZpR0sWuY7b'}",
            '{"password": "Q7x9vTkLm3ZpR0sWuY7b"} // ours',
            '{"password": "Q7x9vTkLm3ZpR0sWuY7b", "port": "https"}',
            '{"kore": {"password": "Q7x9vTkLm3ZpR0sWuY7b"}}',
            "kore-campaign://cs-1:Q7x9vTkLm3ZpR0sWuY7b@platform.kore.ai:https/",
            "kore-campaign://cs-1:Q7x9vTk/Lm3ZpR0sWuY7b@platform.kore.ai",
        ],
    )
    def test_get_conn__malformed_variable(self, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
        """A variable that Airflow can make no connection of is named, its value never; and it is not tried again."""
        monkeypatch.setenv("AIRFLOW_CONN_KORE_OF_THE_WHOLE_TEAM", value)
        said = (
            "kore_conn_id: the environment variable AIRFLOW_CONN_KORE_OF_THE_WHOLE_TEAM is there and cannot be read; "
            'expected JSON such as {"conn_type": "kore_campaign", ...}, or a URI whose parts are quoted'
        )

        with pytest.raises(KoreConfigurationError) as caught:
            KoreCampaignHook("kore_of_the_whole_team").get_conn()

        assert (str(caught.value), caught.value.field, caught.value.retryable) == (said, "kore_conn_id", False)
        assert KoreCampaignHook("kore_of_the_whole_team").test_connection() == (False, said)
