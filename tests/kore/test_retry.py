"""Again, and after how many seconds?"""

from __future__ import annotations

import pytest

from airflow_provider_campaigns.kore.errors import (
    KoreAuthenticationError,
    KoreConnectionError,
    KoreError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreRateLimitError,
    KoreRequestError,
    KoreServiceError,
)
from airflow_provider_campaigns.kore.retry import Bounds, read_delay_s, write_delay_s

PASSING = KoreServiceError("HTTP 503")
LIMITED = KoreRateLimitError("too many")


class TestReadDelay:
    @pytest.mark.parametrize(
        ("attempt", "jitter", "seconds"),
        [
            (1, 0.5, 0.5),
            (2, 0.5, 1.0),
            (3, 0.5, 2.0),
            (4, 0.5, 4.0),
            (5, 0.5, 4.0),
            (100, 0.5, 4.0),
            (1, 0.0, 0.375),
            (1, 1.0, 0.625),
            (4, 0.0, 3.0),
            (4, 1.0, 5.0),
        ],
    )
    def test_read_delay__grows(self, attempt: int, jitter: float, seconds: float) -> None:
        """The pause doubles from 0.5 s to 4 s, give or take a quarter."""
        assert read_delay_s(PASSING, attempt, jitter=jitter) == seconds

    @pytest.mark.parametrize(
        "error",
        [
            KoreRequestError("HTTP 412"),
            KoreNotFoundError("HTTP 404"),
            KoreAuthenticationError("HTTP 401"),
            KoreProtocolError("a redirect"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_read_delay__refused(self, error: KoreError) -> None:
        """What would fail again is not sent again."""
        assert read_delay_s(error, 1, jitter=0.5) is None

    @pytest.mark.parametrize(
        "error",
        [KoreConnectionError("reset"), KoreServiceError("HTTP 500"), KoreProtocolError("cut off", retryable=True)],
        ids=lambda error: type(error).__name__,
    )
    def test_read_delay__passing(self, error: KoreError) -> None:
        """What may pass is sent again."""
        assert read_delay_s(error, 1, jitter=0.5) == 0.5

    @pytest.mark.parametrize("attempt", [1, 2, 5])
    def test_read_delay__rate_limit(self, attempt: int) -> None:
        """A rate limit without a pause of its own is waited out for its whole minute, plus up to a second."""
        assert read_delay_s(LIMITED, attempt, jitter=0.0) == 60.0
        assert read_delay_s(LIMITED, attempt, jitter=1.0) == 61.0

    @pytest.mark.parametrize(
        ("retry_after_s", "seconds"),
        [(0.0, 0.25), (1.0, 1.25), (7.5, 7.75), (300.0, 300.25), (300.001, None), (86_400.0, None)],
    )
    def test_read_delay__retry_after(self, retry_after_s: float, seconds: float | None) -> None:
        """The service's own pause is kept exactly, plus jitter; above 300 s it is the caller's to wait for."""
        error = KoreRateLimitError("too many", retry_after_s=retry_after_s)

        assert read_delay_s(error, 1, jitter=0.25) == seconds
        assert write_delay_s(error, 1, jitter=0.25, is_stop=True) == seconds


class TestWriteDelay:
    @pytest.mark.parametrize(("attempt", "seconds"), [(1, 10.0), (2, 20.0), (3, 30.0), (4, 60.0), (5, 60.0)])
    def test_write_delay__stop_under_rate_limit(self, attempt: int, seconds: float) -> None:
        """A stop that the rate limit refused tries again after 10, 20, 30 and 60 s."""
        assert write_delay_s(LIMITED, attempt, jitter=0.0, is_stop=True) == seconds

    def test_write_delay__delete_under_rate_limit(self) -> None:
        """A delete or start waits out the minute, as a read does."""
        assert write_delay_s(LIMITED, 1, jitter=0.0) == 60.0

    def test_write_delay__trouble(self) -> None:
        """After other trouble that had no effect, a write's pauses are those of a read."""
        assert [write_delay_s(PASSING, attempt, jitter=0.5) for attempt in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 4.0]
        assert write_delay_s(KoreRequestError("no"), 1, jitter=0.5, is_stop=True) is None


def test_bounds__defaults() -> None:
    """One call is sent at most five times within 300 s, and a stop is given 10 s to show."""
    assert Bounds() == Bounds(attempts=5, seconds=300.0, drain_s=10.0)
