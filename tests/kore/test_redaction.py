"""What the service repeats: the secret is taken out, however it is spelled."""

from __future__ import annotations

import json
import logging
import traceback

import pytest
from kore_support import CAMPAIGN, RawServer, account, client_of, http_answer, listening
from misplaced import SHAPES, holds_piece, spellings

from airflow_provider_campaigns.kore.errors import KoreError
from airflow_provider_campaigns.kore.redaction import Redactor

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
