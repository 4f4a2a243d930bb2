"""Settings: what is accepted, and how each mistake is answered."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_campaigns.kore.errors import KoreConfigurationError
from airflow_provider_campaigns.kore.settings import KoreSettings, checked_api_version

SECRET = "canary-secret-of-at-least-32-bytes-7d1"
GOOD: dict[str, Any] = {
    "host": "https://platform.kore.ai",
    "client_id": "cs-1e845b00-81ad-5757-a1e7-d0f6fea10000",
    "client_secret": SECRET,
    "stream_id": "st-0603182c-7ffb-53c3-b307-47ca14b90000",
    "account_id": "67777ce93e25326494e90000",
}

# What belongs into a field, as the messages put it.
HOST = "the platform's address, for example https://platform.kore.ai"
LOGIN = "the Client ID of the JWT app, for example cs-1e845b00-81ad-5757-a1e7"
PASSWORD = "the Client Secret of the JWT app"
STREAM = "the app's id, for example st-0603182c-7ffb-53c3-b307-47ca14b90000"
ACCOUNT = "the account's id, for example 67777ce93e25326494e90000"
RATE = "a whole number from 2 to 10000"
ROOM = "a whole number below requests_per_minute, from"
BUNDLE = (
    "ca_bundle: there is no such file or folder; expected certificates in PEM form, for example "
    "/etc/ssl/certs/ca-certificates.crt, got"
)


def refusal(**fields: Any) -> KoreConfigurationError:
    """The error for good settings with these fields changed."""
    with pytest.raises(KoreConfigurationError) as caught:
        KoreSettings(**GOOD | fields)
    return caught.value


class TestFields:
    def test_init__defaults(self) -> None:
        """Five fields are enough; the others have the documented defaults."""
        settings = KoreSettings(**GOOD)

        assert {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)} == GOOD | {
            "api_version": None,
            "budget_store": None,
            "jwt_subject": "airflow",
            "jwt_ttl_s": 300,
            "requests_per_minute": 60,
            "urgent_per_minute": None,
            "timeout_s": 30.0,
            "verify_tls": True,
            "ca_bundle": None,
            "allow_http": False,
            "endpoint_overrides": {},
        }

    @pytest.mark.parametrize(
        "fields",
        [
            {"api_version": "v1"},
            {"api_version": "v2"},
            {"jwt_ttl_s": 1},
            {"jwt_ttl_s": 3600},
            {"requests_per_minute": 2},
            {"requests_per_minute": 10_000},
            {"urgent_per_minute": 0},
            {"urgent_per_minute": 59},
            {"urgent_per_minute": 1, "requests_per_minute": 2},
            {"timeout_s": 0.001},
            {"timeout_s": 5},
            {"timeout_s": 3600.0},
            {"ca_bundle": __file__},
            {"ca_bundle": str(Path(__file__).parent)},
            {"verify_tls": False, "allow_http": True},
            {"jwt_subject": "1234567890"},
        ],
    )
    def test_init__accepted(self, fields: dict[str, Any]) -> None:
        """The ends of each range are accepted."""
        settings = KoreSettings(**GOOD | fields)

        assert {name: getattr(settings, name) for name in fields} == fields

    @pytest.mark.parametrize(
        ("fields", "field", "message"),
        [
            ({"host": ""}, "host", f"host: missing; expected {HOST}"),
            ({"host": None}, "host", f"host: missing; expected {HOST}"),
            ({"client_id": ""}, "login", f"login: missing; expected {LOGIN}"),
            ({"client_id": "cs 1"}, "login", f"login: expected {LOGIN}, without blanks"),
            ({"client_id": 7}, "login", f"login: expected {LOGIN}, without blanks"),
            ({"client_secret": ""}, "password", f"password: missing; expected {PASSWORD}"),
            ({"client_secret": None}, "password", f"password: missing; expected {PASSWORD}"),
            ({"client_secret": f"{SECRET}\n"}, "password", f"password: expected {PASSWORD}, without blanks"),
            ({"stream_id": ""}, "stream_id", f"stream_id: missing; expected {STREAM}"),
            (
                {"stream_id": "st-1\r\nX: 1"},
                "stream_id",
                f"stream_id: expected {STREAM}, without blanks, got a text of 10 characters",
            ),
            ({"account_id": ""}, "account_id", f"account_id: missing; expected {ACCOUNT}"),
            ({"account_id": "67 77"}, "account_id", f"account_id: expected {ACCOUNT}, without blanks, got '67 77'"),
            ({"api_version": "v3"}, "api_version", "api_version: expected 'v1' or 'v2', got 'v3'"),
            ({"api_version": 2}, "api_version", "api_version: expected 'v1' or 'v2', got 2"),
            ({"api_version": ""}, "api_version", "api_version: expected 'v1' or 'v2', got ''"),
            ({"jwt_subject": ""}, "jwt_subject", "jwt_subject: missing; expected any text, for example airflow"),
            ({"jwt_ttl_s": 0}, "jwt_ttl_s", "jwt_ttl_s: expected whole seconds from 1 to 3600, got 0"),
            ({"jwt_ttl_s": 3601}, "jwt_ttl_s", "jwt_ttl_s: expected whole seconds from 1 to 3600, got 3601"),
            ({"jwt_ttl_s": 1.5}, "jwt_ttl_s", "jwt_ttl_s: expected whole seconds from 1 to 3600, got 1.5"),
            ({"jwt_ttl_s": "60"}, "jwt_ttl_s", "jwt_ttl_s: expected whole seconds from 1 to 3600, got '60'"),
            ({"requests_per_minute": 0}, "requests_per_minute", f"requests_per_minute: expected {RATE}, got 0"),
            ({"requests_per_minute": 1}, "requests_per_minute", f"requests_per_minute: expected {RATE}, got 1"),
            ({"requests_per_minute": True}, "requests_per_minute", f"requests_per_minute: expected {RATE}, got True"),
            (
                {"requests_per_minute": 10_001},
                "requests_per_minute",
                f"requests_per_minute: expected {RATE}, got 10001",
            ),
            ({"urgent_per_minute": -1}, "urgent_per_minute", f"urgent_per_minute: expected {ROOM} 0 to 59, got -1"),
            ({"urgent_per_minute": 60}, "urgent_per_minute", f"urgent_per_minute: expected {ROOM} 0 to 59, got 60"),
            ({"urgent_per_minute": 2.0}, "urgent_per_minute", f"urgent_per_minute: expected {ROOM} 0 to 59, got 2.0"),
            ({"urgent_per_minute": "6"}, "urgent_per_minute", f"urgent_per_minute: expected {ROOM} 0 to 59, got '6'"),
            (
                {"urgent_per_minute": 6, "requests_per_minute": 6},
                "urgent_per_minute",
                f"urgent_per_minute: expected {ROOM} 0 to 5, got 6",
            ),
            ({"timeout_s": 0}, "timeout_s", "timeout_s: expected seconds from 0.001 to 3600, got 0"),
            ({"timeout_s": None}, "timeout_s", "timeout_s: expected seconds from 0.001 to 3600, got None"),
            ({"timeout_s": float("inf")}, "timeout_s", "timeout_s: expected seconds from 0.001 to 3600, got inf"),
            ({"timeout_s": float("nan")}, "timeout_s", "timeout_s: expected seconds from 0.001 to 3600, got nan"),
            ({"verify_tls": "false"}, "verify_tls", "verify_tls: expected true or false, got 'false'"),
            ({"verify_tls": None}, "verify_tls", "verify_tls: expected true or false, got None"),
            ({"allow_http": "false"}, "allow_http", "allow_http: expected true or false, got 'false'"),
            ({"allow_http": 1}, "allow_http", "allow_http: expected true or false, got 1"),
            ({"ca_bundle": "/no.pem"}, "ca_bundle", f"{BUNDLE} '/no.pem'"),
            ({"ca_bundle": ""}, "ca_bundle", f"{BUNDLE} ''"),
            ({"ca_bundle": 7}, "ca_bundle", f"{BUNDLE} 7"),
            ({"ca_bundle": "a\0b"}, "ca_bundle", f"{BUNDLE} 'a\\x00b'"),
        ],
    )
    def test_init__refused(self, fields: dict[str, Any], field: str, message: str) -> None:
        """A wrong field is named as the connection form names it, with what belongs there."""
        error = refusal(**fields)

        assert (error.field, str(error)) == (field, message)

    def test_init__override_refused(self) -> None:
        """A wrong override is found when the settings are made, not when it is used."""
        assert refusal(endpoint_overrides={"get_v2": "//elsewhere.test"}).field == "endpoint_overrides"

    def test_init__swapped(self) -> None:
        """Login and stream id in each other's place are recognised from either of them."""
        swapped = refusal(client_id=GOOD["stream_id"], stream_id=GOOD["client_id"])
        one_sided = refusal(stream_id=GOOD["client_id"])

        assert (swapped.field, one_sided.field) == ("login", "stream_id")
        assert "were login and stream_id swapped?" in str(swapped)
        assert "were login and stream_id swapped?" in str(one_sided)

    @pytest.mark.parametrize("version", ["v1", "v2"])
    def test_checked_api_version__accepted(self, version: str) -> None:
        """There are two versions."""
        assert checked_api_version(version) == version


class TestHost:
    @pytest.mark.parametrize(
        ("host", "base_url", "is_loopback"),
        [
            ("platform.kore.ai", "https://platform.kore.ai", False),
            ("https://platform.kore.ai", "https://platform.kore.ai", False),
            ("https://platform.kore.ai/", "https://platform.kore.ai", False),
            ("HTTPS://Platform.Kore.AI", "https://platform.kore.ai", False),
            ("platform.kore.ai:8443", "https://platform.kore.ai:8443", False),
            ("platform.kore.ai.", "https://platform.kore.ai.", False),
            ("https://10.0.0.7", "https://10.0.0.7", False),
            ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443", False),
            ("http://127.0.0.1:50123", "http://127.0.0.1:50123", True),
            ("http://127.8.9.1", "http://127.8.9.1", True),
            ("http://localhost:80", "http://localhost", True),
            ("http://localhost:443", "http://localhost:443", True),
            ("platform.kore.ai:443", "https://platform.kore.ai", False),
            ("https://[2001:db8::1]:443", "https://[2001:db8::1]", False),
            ("http://LOCALHOST", "http://localhost", True),
            ("http://[::1]:8080", "http://[::1]:8080", True),
            ("https://localhost", "https://localhost", True),
        ],
    )
    def test_base_url__forms(self, host: str, base_url: str, is_loopback: bool) -> None:
        """A host is taken with or without scheme, port and final slash; https is assumed; loopback may be http.

        A port that the scheme has anyway makes no other address, and so no other budget.
        """
        settings = KoreSettings(**GOOD | {"host": host})

        assert (settings.base_url, settings.is_loopback) == (base_url, is_loopback)

    @pytest.mark.parametrize(
        ("host", "problem"),
        [
            ("https://platform.kore.ai/api", "holds more than a host and a port"),
            ("platform.kore.ai/campaign/", "holds more than a host and a port"),
            ("https://platform.kore.ai?x=y", "holds more than a host and a port"),
            ("https://platform.kore.ai?", "holds more than a host and a port"),
            ("https://platform.kore.ai#x", "holds more than a host and a port"),
            ("https://platform.kore.ai#", "holds more than a host and a port"),
            ("ftp://platform.kore.ai", "the scheme 'ftp' is not https"),
            ("://platform.kore.ai", "the scheme '' is not https"),
            ("https://", "holds no host name"),
            ("https://:443", "holds no host name"),
            ("https://a..b", "holds no host name"),
            ("https://" + "a" * 64 + ".kore.ai", "holds no host name"),
            ("https://pl*tform.kore.ai", "holds no host name"),
            ("{{host}}", "holds no host name"),
            ("https://platform.kore.ai:port", "cannot be read"),
            ("https://platform.kore.ai:99999", "cannot be read"),
            ("https://[::1", "cannot be read"),
            ("https://somebody:hunter2@platform.kore.ai", "holds a user name or password"),
            ("https://somebody@platform.kore.ai", "holds a user name or password"),
        ],
    )
    def test_base_url__refused(self, host: str, problem: str) -> None:
        """What is no plain host is refused with an example; a user or password in it is not shown."""
        error = refusal(host=host)

        assert error.field == "host"
        assert str(error).startswith(f"host: {problem}")
        assert "expected an address such as https://platform.kore.ai" in str(error)
        assert "somebody" not in str(error)

    @pytest.mark.parametrize(
        "host", ["https://a:hunter2@platform.kore.ai\n", "https://a:hun/ter2@x", "https://a:hunter2"]
    )
    def test_base_url__password_not_shown(self, host: str) -> None:
        """A password in a malformed host is shown in no part."""
        assert "hun" not in str(refusal(host=host))

    @pytest.mark.parametrize(
        "host", ["http://platform.kore.ai", "http://10.0.0.7", "http://localhost.elsewhere.test", "http://128.0.0.1"]
    )
    def test_base_url__http(self, host: str) -> None:
        """Plain http to another machine needs permission."""
        error = refusal(host=host)

        assert error.field == "host"
        assert "plain http would send the token in the clear" in str(error)
        assert KoreSettings(**GOOD | {"host": host, "allow_http": True}).base_url == host

    @given(host=st.text(alphabet="abzAZ09.:-_/@?#[]% \n\\{}ü", max_size=25))
    def test_base_url__anything(self, host: str) -> None:
        """Whatever is typed as a host is an https address or an error about the host."""
        try:
            settings = KoreSettings(**GOOD | {"host": host})
        except KoreConfigurationError as error:
            assert error.field == "host"  # noqa: PT017 - both outcomes are right
        else:
            assert settings.base_url.startswith("https://")


class TestSecret:
    def test_repr__no_secret(self) -> None:
        """The settings show where and which app, and nothing that may be a secret in the wrong field."""
        assert repr(KoreSettings(**GOOD)) == (
            "KoreSettings('https://platform.kore.ai', stream_id='st-0603182c-7ffb-53c3-b307-47ca14b90000')"
        )

    @pytest.mark.parametrize(
        "fields",
        [
            {"client_secret": f" {SECRET}"},
            {"client_secret": f"{SECRET}ü"},
            {"client_secret": [SECRET]},
            {"stream_id": "wrong"},
            {"host": "ftp://x"},
            {"jwt_ttl_s": 0},
        ],
    )
    def test_message__no_secret(self, fields: dict[str, Any]) -> None:
        """No message shows the secret, least of all the one that complains about it."""
        error = refusal(**fields)

        assert SECRET not in f"{error} {error!r}"

    def test_replace__checked_again(self) -> None:
        """Settings made from others are checked as well, and their derived values are their own."""
        settings = KoreSettings(**GOOD)

        assert dataclasses.replace(settings, host="other.kore.ai").base_url == "https://other.kore.ai"
        with pytest.raises(KoreConfigurationError):
            dataclasses.replace(settings, host="http://other.kore.ai")

    def test_endpoints__overridden(self) -> None:
        """An override replaces the path for this account."""
        settings = KoreSettings(**GOOD | {"endpoint_overrides": {"get_v2": "/x/{campaign_id}"}})

        assert settings.endpoints["get_v2"].path == "/x/{campaign_id}"
