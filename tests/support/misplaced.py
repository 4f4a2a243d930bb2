"""Secrets in many shapes, and the spellings in which a service may repeat one."""

from __future__ import annotations

import html
import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

SHAPES = {
    "32 hex": "9f86d081884c7d659a2feaa0c55ad015",
    "64 hex": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "base64": "/Q+x9vT/kLm3+ZpR0sWuY7bN1hGfD5aE8cV2iOqJ4w=",
    "blanks": "Kd8 wPz2 Qm5x Vt9b",
    "newline": "Hy6nUj7mKi8\nLo9pQa1z",
    "quotes": 'Rt5"gBn\'hYu7jMk"8',
    "Client ID": "cs-7d1f0c3e-2b4a-4e6d-9c8b-5a6f7e8d9c0b",
    "URL": "wss://u5er:pa55w0rd@h0st.test/x9z?k=v3",
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJlMQ",
    "digits": "48151623421082",
    "short": "hT9$kQ2!",
    "short hex": "0badc0de",
}


def holds_piece(text: str, secret: str) -> bool:
    """True if the text holds the secret, or 9 characters of it, in whatever case."""
    size = min(9, len(secret))
    text, secret = text.lower(), secret.lower()
    return any(secret[at : at + size] in text for at in range(len(secret) - size + 1))


def spellings(secret: str) -> dict[str, str]:
    """How a service may spell a secret that it repeats."""
    raw = secret.encode()
    return {
        "plain": secret,
        "other case": secret.swapcase(),
        "URL": quote(secret, safe=""),
        "URL, lower": "".join(part.lower() if len(part) == 3 else part for part in map(_quoted, secret)),
        "URL, slash kept": quote(secret),
        "form": quote_plus(secret),
        "URL, twice": quote(quote(secret, safe=""), safe=""),
        "JSON": json.dumps(secret)[1:-1],
        "JSON, slash escaped": json.dumps(secret)[1:-1].replace("/", "\\/"),
        "JSON, all escaped": "".join(char if char.isalnum() else f"\\u{ord(char):04x}" for char in secret),
        "HTML": html.escape(secret),
        "HTML, numbers": "".join(char if char.isalnum() else f"&#{ord(char)};" for char in secret),
        "base64": b64encode(raw).decode(),
        "base64, bare": b64encode(raw).decode().rstrip("="),
        "base64, URL-safe": urlsafe_b64encode(raw).decode(),
        "base64, URL-safe, bare": urlsafe_b64encode(raw).decode().rstrip("="),
        "base64, quoted": quote(b64encode(raw).decode(), safe=""),
        "Basic": b64encode(b"cs-1:" + raw).decode(),
        "after one byte": b64encode(b"x" + raw + b"more").decode(),
    }


def _quoted(char: str) -> str:
    return quote(char, safe="")
