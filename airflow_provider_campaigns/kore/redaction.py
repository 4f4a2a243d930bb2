"""What does a secret or a token look like in a text? As it is, escaped for URLs, JSON and HTML, and in base64. Pure."""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from typing import TYPE_CHECKING

from airflow_provider_campaigns.kore.errors import SHORTEST_SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

PLACEHOLDER = "<secret>"
_URL_SAFE = {"+": "-", "/": "_"}


class Redactor:
    """Finds one secret, whatever the case of its letters; one of fewer than 8 characters would be found in any word.

    A text is to come here before anything else is done to it: what is cut first may keep half of the secret.
    """

    def __init__(self, secret: str) -> None:
        spellings = [secret, *_in_base64(secret)] if len(secret) >= SHORTEST_SECRET else []
        # No escape changes letters and digits, so where none of these runs is, there is nothing to look for: 100 times
        # as fast, which counts for the pages of a report.
        runs = [max(re.findall("[a-z0-9]+", one.lower()), key=len, default="") for one in spellings]
        self._runs = [run.encode() for run in (*runs, *_RUNS_OF_TOKENS)]
        patterns = ["".join(map(_escaped, one)) for one in spellings]
        self._pattern = re.compile("|".join(patterns) or "(?!)", re.IGNORECASE)

    def is_in(self, text: str) -> bool:
        """True if the text holds the secret."""
        return self._pattern.search(text) is not None

    def without(self, text: str) -> str:
        """The text with ``<secret>`` in the secret's place, and ``<token>`` in that of any JWT."""
        return _TOKEN.sub("<token>", self._pattern.sub(PLACEHOLDER, text))

    def content_without(self, content: bytes) -> bytes:
        """The same for an answer as it came; JSON stays JSON. One in UTF-16 or 32 comes back in UTF-8."""
        if b"\0" in content:
            content = content.decode(json.detect_encoding(content), "replace").encode()
        lowered = content.lower()
        if not any(run in lowered for run in self._runs):
            return content
        return self.without(content.decode("latin-1")).encode("latin-1")


def _in_base64(secret: str) -> Iterator[str]:
    """What base64 makes of the secret alone, and after one or two other bytes, as in ``Basic`` credentials.

    Without the character at either end that tells of its neighbour as well.
    """
    for before in range(3):
        encoded = b64encode(bytes(before) + secret.encode()).decode()
        yield encoded[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6]


def _escaped(char: str) -> str:
    """A pattern for one character of ASCII, with whatever escape; base64 has two characters for 62, and two for 63."""
    if char.isalnum():
        return char
    code = ord(char)
    return (
        rf"(?:\\*{re.escape(char)}|%(?:25)*{code:02x}|\\+u{code:04x}|&#(?:0*{code}|x0*{code:x});"
        rf"|{re.escape(html.escape(char))}|{_URL_SAFE.get(char, re.escape(char))})"
    )


# A JWT in the compact form: header, payload and signature, none of which is short. What has fewer parts opens nothing,
# and may be somebody's id. In base64 only that is looked for which begins as all tokens of HS256 do that we sign.
_PART = r"[\w-]{12,}"
_DOT = rf"\s{{0,3}}{_escaped('.')}\s{{0,3}}"
_HEADERS = [*_in_base64("eyJhbGciOiJ")]
_RUNS_OF_TOKENS = ["eyj", *(header.lower() for header in _HEADERS)]
_TOKEN = re.compile(
    rf"eyJ{_PART}{_DOT}{_PART}{_DOT}{_PART}|(?:{'|'.join(_HEADERS)})[A-Za-z0-9+/_-]{{40,}}", re.IGNORECASE | re.ASCII
)
