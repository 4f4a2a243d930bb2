"""The secret in the wrong field of the connection: no way out shows it, nor a piece of it."""

from __future__ import annotations

import ast
import json
import logging
import socket
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from kore_support import ACCOUNT, SECRET, STREAM, RawServer, http_answer, listening
from misplaced import SHAPES, holds_piece

from airflow_provider_campaigns.hooks import KoreCampaignHook
from airflow_provider_campaigns.kore.auth import TokenSigner
from airflow_provider_campaigns.kore.errors import KoreConfigurationError, KoreError, shown_value
from airflow_provider_campaigns.kore.settings import KoreSettings
from airflow_provider_campaigns.links import console_link

if TYPE_CHECKING:
    from collections.abc import Iterator

# One shape is a secret of 8 characters, with which nobody should sign.
pytestmark = pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")

PACKAGE = Path(__file__).parent.parent / "airflow_provider_campaigns"
STANDARD = ("host", "schema", "login", "password")
EXTRAS = (
    "stream_id",
    "account_id",
    "iid",
    "api_version",
    "jwt_subject",
    "jwt_ttl_s",
    "requests_per_minute",
    "urgent_per_minute",
    "timeout_s",
    "verify_tls",
    "ca_bundle",
    "allow_http",
    "endpoint_overrides",
    "unknown",
)


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A service that refuses everybody; no other host is there."""
    resolve = socket.getaddrinfo

    def only_here(host: Any, *arguments: Any, **options: Any) -> Any:
        if host != "127.0.0.1":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", only_here)
    with listening(RawServer(http_answer(b'{"errors": [{"msg": "no"}]}', "401 No"))) as server:
        yield server.url


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="airflow_provider_campaigns")
    # At DEBUG it logs the line of each request, with host and account as they are; below Airflow 3.2 tests are so.
    caplog.set_level(logging.INFO, logger="urllib3")


def everything_said(connection: dict[str, Any] | str, monkeypatch: pytest.MonkeyPatch, name: str = "kore_x") -> str:
    """What a user can get to see of a connection: the test's text, errors with their causes, and reprs."""
    given = connection if isinstance(connection, str) else json.dumps({"conn_type": "kore_campaign", **connection})
    monkeypatch.setenv("AIRFLOW_CONN_KORE_X", given)
    hook = KoreCampaignHook(name, sleep=lambda _: None)
    said = [repr(hook), hook.test_connection()[1]]
    try:
        client = hook.get_conn()
        settings = client.settings
        said += [repr(client), repr(settings), str(settings), str(console_link(settings, ["cd-1"]))]
        said.append(repr(TokenSigner(settings.client_id, settings.client_secret, subject=settings.jwt_subject)))
        client.get_campaign_status("cd-1")
    except KoreError as error:
        said += [*traceback.format_exception(error), repr(error), repr(vars(error))]
    return "\n".join(said)


def with_field(url: str, field: str, value: object, password: str = SECRET) -> dict[str, Any]:
    """A good connection but for one field."""
    connection: dict[str, Any] = {"host": url, "login": "cs-1", "password": password}
    extra: dict[str, Any] = {"stream_id": STREAM, "account_id": ACCOUNT, "requests_per_minute": 9000}
    (connection if field in STANDARD else extra)[field] = value
    return {**connection, "extra": extra}


@pytest.mark.parametrize("elsewhere", [SECRET, None], ids=["swapped", "twice"])
@pytest.mark.parametrize("field", [*STANDARD, *EXTRAS])
def test_field__not_shown(
    url: str, field: str, elsewhere: str | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A secret in the wrong field is shown nowhere, whether the right one holds it as well or something else."""
    for shape, secret in SHAPES.items():
        said = everything_said(with_field(url, field, secret, elsewhere or secret), monkeypatch)

        assert not holds_piece(said + caplog.text, secret), shape


@pytest.mark.parametrize("value", [48151623421082, ["hT9$kQ2!xY7"], {"hT9$kQ2!xY7": "hT9$kQ2!xY7"}, 4815162342.1082])
@pytest.mark.parametrize("field", EXTRAS)
def test_field__of_another_type(
    url: str, field: str, value: object, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor is one that JSON has made a number of, or that stands in an array or an object."""
    said = everything_said(with_field(url, field, value), monkeypatch) + caplog.text

    for secret in ("48151623421082", "hT9$kQ2!xY7", "4815162342.1082"):
        assert not holds_piece(said, secret)


def test_field__name(url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Nor is one that is the name of an extra, or of an endpoint."""
    for shape, secret in SHAPES.items():
        extra = with_field(url, secret, "x")
        override = with_field(url, "endpoint_overrides", {secret: "/x"})
        path = with_field(url, "endpoint_overrides", {"get_v2": f"{secret}/{{campaign_id}}"})
        said = "".join(everything_said(one, monkeypatch) for one in (extra, override, path))

        assert not holds_piece(said + caplog.text, secret), shape


@pytest.mark.parametrize(
    "form",
    [
        "kore_campaign://cs-1:{}@platform.kore.ai/?stream_id=st-1&account_id=1",
        "'kore-campaign://cs-1:{}@platform.kore.ai/?stream_id=st-1&account_id=1'",
        '"kore-campaign://cs-1:{}@platform.kore.ai/?stream_id=st-1&account_id=1"',
        "kore-campaign:cs-1:{}@platform.kore.ai",
        "kore-campaign://{}",
        "kore-campaign://{}@127.0.0.1",
        "kore-campaign://127.0.0.1/{}?stream_id=st-1&account_id=1",
        "kore-campaign://cs-1:x@127.0.0.1/?{}=1",
        "kore-campaign://cs-1:x@https://{}:y@127.0.0.1/?stream_id=st-1",
        "{}",
        '{{"login": "{}"',
    ],
)
@pytest.mark.parametrize("quoted", [True, False])
def test_uri__not_shown(
    form: str, quoted: bool, url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A URI that is not one is not shown either, nor what Airflow makes of its parts."""
    del url
    for shape in ("base64", "newline", "quotes", "URL", "short"):
        secret = SHAPES[shape]
        said = everything_said(form.format(quote(secret, safe="") if quoted else secret), monkeypatch)

        assert not holds_piece(said + caplog.text, secret), shape


def test_connection_id__not_shown(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A secret in place of the connection's id is not shown; an id of up to 16 characters is, to be found by it."""
    for shape, secret in SHAPES.items():
        if len(secret) > 16:
            assert not holds_piece(everything_said("", monkeypatch, name=secret) + caplog.text, secret), shape
    assert "(got 'kore_default_123')" in everything_said("", monkeypatch, name="kore_default_123")
    assert "(got a text of 17 characters)" in everything_said("", monkeypatch, name="kore_default_1234")


@pytest.mark.parametrize(
    ("field", "named"),
    [
        ("host", "host"),
        ("client_id", "login"),
        ("account_id", "account_id"),
        ("jwt_subject", "jwt_subject"),
        ("endpoint_overrides", "endpoint_overrides"),
    ],
)
def test_settings__secret_twice(field: str, named: str) -> None:
    """A field that holds the secret is refused by its name: nothing is sent, for it would travel in the clear."""
    fields: dict[str, Any] = {"host": "platform.kore.ai", "client_id": "cs-1", "stream_id": "st-1", "account_id": "1"}
    values = {"endpoint_overrides": {"get_v2": f"/{SECRET}/{{campaign_id}}"}, "host": f"{SECRET}.kore.ai"}

    with pytest.raises(KoreConfigurationError) as caught:
        KoreSettings(**fields | {"client_secret": SECRET, field: values.get(field, f"my-{SECRET}")})

    assert (caught.value.field, str(caught.value)) == (
        named,
        f"{named}: holds the Client Secret, which belongs into password and nowhere else",
    )


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("platform.kore.ai", "https://platform.kore.ai"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("10.0.0.7", "https://10.0.0.7"),
        ("[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("localhost", "https://localhost"),
        ("proxy:8443", "its name is 'proxy'"),
        ("kore-proxy", "its name is a text of 10 characters"),
        ("9f86d081884c7d659a2feaa0c55ad015.kore.ai", "its name is a text of 40 characters"),
    ],
)
def test_address__plain_names(host: str, address: str) -> None:
    """A host is shown if it has the form of a machine's name in a domain, or of an IP address."""
    settings = KoreSettings(host, client_id="cs-1", client_secret=SECRET, stream_id="st-1", account_id="1")

    assert settings.address == address


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("v3", "'v3'"),
        ("seven 7", "'seven 7'"),
        ("eight 88", "a text of 8 characters"),
        (None, "None"),
        (True, "True"),
        (1234567, "1234567"),
        (12345678, "a number of 8 characters"),
        (1.5, "1.5"),
        ([], "a value of type list"),
        (b"bytes", "a value of type bytes"),
    ],
)
def test_shown__by_length(value: object, text: str) -> None:
    """Seven characters are shown, and of more the length."""
    assert shown_value(value) == text


ABOUT_CONNECTIONS = (
    "connection",
    "hooks",
    "triggers",
    "kore/settings",
    "kore/transport",
    "kore/auth",
    "kore/endpoints",
)
OURS = {"close[0]", "self.stream_id", "self.address", "endpoint.name", "endpoint.path", "ENDPOINTS['get_v2'].path"}
"""What may be repeated: names of this package, and what ``KoreSettings`` has found to be no secret."""


@pytest.mark.parametrize("module", ABOUT_CONNECTIONS)
def test_modules__show_values_by_shown(module: str) -> None:
    """No message of a module that reads connections repeats a value as it is: ``shown_value`` decides."""
    tree = ast.parse((PACKAGE / f"{module}.py").read_text())
    repeated = [
        f"{module}:{node.lineno}: {ast.unparse(node.value)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.FormattedValue)
        and (node.conversion == ord("r") or ast.unparse(node.value) in {"value", "settings.base_url", "self.host"})
        and ast.unparse(node.value) not in OURS
    ]

    assert repeated == []
