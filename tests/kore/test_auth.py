"""The token of a request."""

from __future__ import annotations

import jwt
import pytest

from airflow_provider_campaigns.kore.auth import MAX_TTL_S, TokenSigner

CLIENT_ID = "cs-1e845b00-81ad-5757-a1e7-d0f6fea10000"
SECRET = "canary-secret-of-at-least-32-bytes-7d1"
NOW = 1_782_000_000.75


def signer(**arguments: object) -> TokenSigner:
    """A signer whose clock stands still."""
    return TokenSigner(CLIENT_ID, SECRET, clock=lambda: NOW, **arguments)  # type: ignore[arg-type]


def claims(token: str) -> dict[str, object]:
    """What a token says, if the secret signed it."""
    return jwt.decode(token, SECRET, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False})


class TestSign:
    def test_sign__header(self) -> None:
        """The header is the documented one."""
        assert jwt.get_unverified_header(signer().sign()) == {"alg": "HS256", "typ": "JWT"}

    def test_sign__claims(self) -> None:
        """The token names the app and the subject, is dated 30 s back, and is valid for five minutes from now."""
        said = claims(signer().sign())

        assert len(str(said.pop("jti"))) == 32
        assert said == {"appId": CLIENT_ID, "sub": "airflow", "iat": 1_781_999_970, "exp": 1_782_000_300}

    def test_sign__subject_and_life(self) -> None:
        """Subject and life are those given."""
        said = claims(signer(subject="nightly", ttl_s=60).sign())

        assert (said["sub"], said["exp"]) == ("nightly", 1_782_000_060)

    @pytest.mark.parametrize(
        ("ttl_s", "expires_at"),
        [(1, 1_782_000_001), (3569, 1_782_003_569), (3570, 1_782_003_570), (3600, 1_782_003_570)],
    )
    def test_sign__an_hour_at_most(self, ttl_s: int, expires_at: int) -> None:
        """From its date to its expiry a token is valid for an hour at most."""
        assert claims(signer(ttl_s=ttl_s).sign())["exp"] == expires_at

    def test_sign__fresh_each_time(self) -> None:
        """No two tokens share a ``jti``, or an app that enforces it would take the second for a replay."""
        made = signer()

        assert len({claims(made.sign())["jti"] for _ in range(100)}) == 100

    def test_sign__another_secret(self) -> None:
        """The secret signs: with another one the token does not verify."""
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.decode(signer().sign(), "x" * 40, algorithms=["HS256"])

    def test_sign__the_longest_life(self) -> None:
        """The platform takes a token with a ``jti`` for an hour at most."""
        assert MAX_TTL_S == 3600


def test_repr__no_secret() -> None:
    """The repr keeps the secret, and what it may have been typed into."""
    assert repr(signer()) == "TokenSigner(ttl_s=300)"
