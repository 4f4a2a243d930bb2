"""What the service repeats: the secret is taken out, however it is spelled."""

from __future__ import annotations

import json
import logging
import traceback
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest
from kore_support import CAMPAIGN, RawServer, Received, account, client_of, http_answer, listening
from misplaced import SHAPES, holds_piece, spellings

from airflow_provider_campaigns.kore.errors import KoreError
from airflow_provider_campaigns.kore.redaction import Redactor

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

AWKWARD = 'Zx8+/k="q\\w&<7Tp~m4N-c%s_9'
SECRETS = [AWKWARD, *(secret for secret in SHAPES.values() if secret.isprintable() and " " not in secret)]


@pytest.mark.parametrize("secret", SECRETS)
def test_without__every_spelling(secret: str) -> None:
    """Whatever spelling a text holds, no part of it is left, and what is around it is."""
    for name, spelled in spellings(secret).items():
        text = Redactor(secret).without(f"key: '{spelled}'; end")

        assert text.startswith("key: '"), name
        assert text.endswith("'; end"), name
        assert "<secret>" in text, name
        assert not holds_piece(text, secret), name
        assert not holds_piece(text, spelled), name


@pytest.mark.parametrize("secret", SECRETS)
def test_content_without__as_without(secret: str) -> None:
    """An answer as it came loses the same; its other bytes stay, whether they are UTF-8 or not."""
    for name, spelled in spellings(secret).items():
        content = Redactor(secret).content_without(b"\xff \xc3\xbc '" + spelled.encode() + b"'")

        assert content.startswith(b"\xff \xc3\xbc '"), name
        assert content.decode("latin-1")[6:] == Redactor(secret).without(f"'{spelled}'")[1:], name


def test_without__innocent_text() -> None:
    """A text without the secret is the same text."""
    text = "stop_voice_v1 of campaign cd-a1e45a7: HTTP 412, at 10:30 in Asia/Kolkata"

    assert Redactor(AWKWARD).without(text) == text
    assert Redactor(AWKWARD).content_without(text.encode()) == text.encode()


def test_without__short() -> None:
    """A secret of seven characters is not looked for: it would be found in innocent words. One of eight is."""
    assert Redactor("is-wron").without("this is-wrong") == "this is-wrong"
    assert Redactor("is-wrong").without("this is-wrong") == "this <secret>"


TOKEN = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcHBJZCI6ImNzLTEiLCJzdWIiOiJhaXJmbG93In0"
    ".Rk3_v-hD0b1Yw8sTzQ4uXo7LmJp2cN9eVa6GtIyKfWs"
)
TOKENS: dict[str, Callable[[str], str]] = {
    "plain": lambda token: token,
    "beside letters": lambda token: f"Bearer{token}",
    "URL": lambda token: token.replace(".", "%2E"),
    "URL, twice": lambda token: token.replace(".", "%252e"),
    "JSON": lambda token: token.replace(".", "\\u002e"),
    "HTML": lambda token: token.replace(".", "&#46;"),
    "with blanks": lambda token: token.replace(".", " . "),
    "lower": lambda token: token.lower(),
    "base64": lambda token: b64encode(token.encode()).decode(),
    "base64, after one byte": lambda token: b64encode(b"x" + token.encode()).decode(),
    "base64, after two": lambda token: b64encode(b"xy" + token.encode()).decode(),
}


@pytest.mark.parametrize("spell", TOKENS.values(), ids=TOKENS)
def test_without__token(spell: Callable[[str], str]) -> None:
    """No 9 characters of a token's signature are left, however it is spelled; what is around it is."""
    left = Redactor(AWKWARD).content_without(f'{{"name": "{spell(TOKEN)}", "status": "Active"}}'.encode()).decode()

    assert "<token>" in left
    assert left.startswith('{"name": "')
    assert left.endswith('", "status": "Active"}')
    assert not holds_piece(left, "Rk3_v-hD0b1Yw8sTzQ4uXo7LmJp2cN9eVa6GtIyKfWs")
    assert not holds_piece(left, spell("Rk3_v-hD0b1Yw8sTzQ4uXo7LmJp2cN9eVa6GtIyKfWs"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
def test_content_without__wide(encoding: str) -> None:
    """JSON may come in UTF-16 or 32 as well, and is looked through as well."""
    content = f'{{"name": "{TOKEN}", "status": "is-wrong"}}'.encode(encoding)

    assert Redactor("is-wrong").content_without(content) == b'{"name": "<token>", "status": "<secret>"}'


@pytest.mark.parametrize(
    "text",
    [
        "eyJhZnRlciI6IjY3NzdjZTkzZTI1MzI2NDk0ZTkwMDAwIn0",
        "eyJhZnRlciI6IjY3NzdjZTkzZTI1MzI2NDk0ZTkwMDAwIn0.page.2",
        "www.monkeyjar-of-many-words.example.com",
    ],
)
def test_content_without__no_token(text: str) -> None:
    """What only begins as a token does, such as a page's cursor, stays: it is somebody's data, and opens nothing."""
    assert Redactor(AWKWARD).content_without(text.encode()) == text.encode()


class Echo(RawServer):
    """A service that repeats the request's token in every field of a campaign but its id."""

    def respond(self, conn: socket.socket, received: Received) -> bool:
        token = received.headers["auth"]
        fields = f'"name": "{token}", "status": "{token}", "campaignInstanceId": "{token}"'
        conn.sendall(http_answer(f'{{"data": {{"_id": "{CAMPAIGN}", {fields}}}}}'.encode()))
        return True


def test_client__own_token(caplog: pytest.LogCaptureFixture) -> None:
    """A campaign whose fields are the token of the request that read it has ``<token>`` there."""
    caplog.set_level(logging.DEBUG, logger="airflow_provider_campaigns")
    with listening(Echo(None)) as server, client_of(account(server.url)) as client:
        campaign = client.get_campaign(CAMPAIGN)

    assert (campaign.name, campaign.status, campaign.campaign_instance_id) == ("<token>", "<token>", "<token>")
    assert "eyJ" not in f"{campaign.raw} {caplog.text}"


def answers_that_repeat(spelled: str) -> dict[str, bytes]:
    """Answers of every kind that hold a text, which fits into JSON."""
    campaign = f'"_id": "{CAMPAIGN}", "dialingMode": "progressive", "campaignInstanceId": "cid-1"'
    return {
        "error": http_answer(f'{{"errors": [{{"msg": "bad {spelled}"}}]}}'.encode(), "412 No"),
        "error, after much": http_answer(f'{{"message": "{"word " * 37}{spelled}"}}'.encode(), "400 No"),
        "error, beside digits": http_answer(f'{{"message": "1555555{spelled}0100"}}'.encode(), "500 No"),
        "unauthorized": http_answer(f'{{"errors": [{{"msg": "{spelled}"}}]}}'.encode(), "401 No"),
        "HTML": http_answer(f"<h1>{spelled}</h1>".encode(), "403 No"),
        "not JSON": http_answer(spelled.encode()),
        "redirect": http_answer(b"", "302 Found", f"Location: https://{spelled}.test/{spelled}"),
        "redirect, lower": http_answer(b"", "302 Found", f"location: //{spelled}/"),
        "name": http_answer(f'{{"data": {{{campaign}, "name": "{spelled}", "status": "Active"}}}}'.encode()),
        "status": http_answer(f'{{"data": {{{campaign}, "name": "x", "status": "{spelled}"}}}}'.encode()),
        "id": http_answer(f'{{"data": {{"_id": "{spelled}", "name": "x", "status": "Active"}}}}'.encode()),
        "key": http_answer(f'{{"data": {{{campaign}, "{spelled}": "x"}}}}'.encode()),
    }


@pytest.mark.parametrize("spelling", ["plain", "URL", "URL, lower", "JSON, slash escaped", "base64", "Basic"])
def test_client__repeats_nothing(spelling: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither an error, a log line nor a campaign holds what the service repeats."""
    caplog.set_level(logging.DEBUG, logger="airflow_provider_campaigns")
    secret = "Q7+x9vT/kLm3-ZpR0sWuY7bN1hGfD5aE"
    spelled = spellings(secret)[spelling]
    for place, answer in answers_that_repeat(spelled).items():
        said: list[str] = []
        with listening(RawServer(answer)) as server, client_of(account(server.url, client_secret=secret)) as client:
            try:
                campaign = client.get_campaign(CAMPAIGN)
                said += [repr(campaign), json.dumps(dict(campaign.raw))]
            except KoreError as error:
                said += [*traceback.format_exception(error), repr(error), repr(vars(error))]

        everything = "\n".join([*said, caplog.text])
        assert not holds_piece(everything, secret), place
        assert not holds_piece(everything, spelled), place
