"""Again, and after how many seconds?"""

from __future__ import annotations

import pytest

from airflow_provider_campaigns.kore.budget import Priority
from airflow_provider_campaigns.kore.errors import (
    KoreAuthenticationError,
    KoreBudgetError,
    KoreConnectionError,
    KoreError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreRateLimitError,
    KoreRequestError,
    KoreServiceError,
)
from airflow_provider_campaigns.kore.retry import Bounds, blocks_after, delay_s, pause_after

PASSING = KoreServiceError("HTTP 503")
LIMITED = KoreRateLimitError("too many")


class TestDelay:
    @pytest.mark.parametrize(
        ("attempt", "jitter", "seconds"),
        [
            (1, 0.5, 0.5),
            (2, 0.5, 1.0),
            (3, 0.5, 2.0),
            (4, 0.5, 4.0),
            (5, 0.5, 8.0),
            (6, 0.5, 15.0),
            (100, 0.5, 15.0),
            (1, 0.0, 0.375),
            (1, 1.0, 0.625),
            (4, 0.0, 3.0),
            (4, 1.0, 5.0),
        ],
    )
    def test_delay__grows(self, attempt: int, jitter: float, seconds: float) -> None:
        """The pause doubles from 0.5 s to 15 s, give or take a quarter; a stop's to 4 s."""
        assert delay_s(PASSING, attempt, jitter=jitter) == seconds
        assert delay_s(PASSING, attempt, jitter=jitter, is_stop=True) == min(seconds, 4.0 * (0.75 + jitter / 2))

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
    def test_delay__refused(self, error: KoreError) -> None:
        """What would fail again is not sent again."""
        assert delay_s(error, 1, jitter=0.5) is None

    @pytest.mark.parametrize(
        "error",
        [KoreConnectionError("reset"), KoreServiceError("HTTP 500"), KoreProtocolError("cut off", retryable=True)],
        ids=lambda error: type(error).__name__,
    )
    def test_delay__passing(self, error: KoreError) -> None:
        """What may pass is sent again."""
        assert delay_s(error, 1, jitter=0.5) == 0.5

    @pytest.mark.parametrize("attempt", [1, 2, 5])
    def test_delay__rate_limit(self, attempt: int) -> None:
        """A rate limit without a pause of its own is waited out for its whole minute, plus up to a second."""
        assert delay_s(LIMITED, attempt, jitter=0.0) == 60.0
        assert delay_s(LIMITED, attempt, jitter=1.0) == 61.0

    @pytest.mark.parametrize(
        ("retry_after_s", "seconds"),
        [(0.0, 0.25), (1.0, 1.25), (60.0, 60.25), (300.0, 300.25), (300.001, None), (86_400.0, None)],
    )
    def test_delay__retry_after(self, retry_after_s: float, seconds: float | None) -> None:
        """The service's own pause is kept exactly, plus jitter; above 300 s it is the caller's to wait for."""
        assert delay_s(KoreRateLimitError("too many", retry_after_s=retry_after_s), 1, jitter=0.25) == seconds

    @pytest.mark.parametrize(
        ("retry_after_s", "seconds"),
        [(0.0, 0.25), (1.0, 1.25), (60.0, 60.25), (60.5, 60.25), (300.001, 60.25), (86_400.0, 60.25)],
    )
    def test_delay__stop_probes(self, retry_after_s: float, seconds: float) -> None:
        """A stop asks again once a minute, however long the pause is that the service asks for."""
        error = KoreRateLimitError("too many", retry_after_s=retry_after_s)

        assert delay_s(error, 1, jitter=0.25, is_stop=True) == seconds

    @pytest.mark.parametrize(
        ("retry_after_s", "attempt", "seconds"),
        [
            (0.0, 1, 0.5),
            (0.0, 4, 4.0),
            (1.5, 1, 2.0),
            (150.0, 1, 150.5),
            (300.0, 4, 300.5),
        ],
    )
    def test_delay__maintenance(self, retry_after_s: float, attempt: int, seconds: float) -> None:
        """A failing service that names its pause gets it, where that is longer than the short one."""
        error = KoreServiceError("HTTP 503", retry_after_s=retry_after_s)

        assert delay_s(error, attempt, jitter=0.5) == seconds
        assert delay_s(error, attempt, jitter=0.5, is_stop=True) == seconds

    @pytest.mark.parametrize("retry_after_s", [300.001, 3600.0])
    def test_delay__long_maintenance(self, retry_after_s: float) -> None:
        """A pause of more than 300 s is the caller's to wait for; a stop asks again after a minute."""
        error = KoreServiceError("HTTP 503", retry_after_s=retry_after_s)

        assert delay_s(error, 1, jitter=0.5) is None
        assert delay_s(error, 1, jitter=0.5, is_stop=True, since_answer_s=10.0) == 60.5

    @pytest.mark.parametrize(("since_answer_s", "seconds"), [(10.0, 140.5), (149.5, 1.0), (150.5, 0.0), (400.0, 0.0)])
    def test_delay__maintenance_since(self, since_answer_s: float, seconds: float) -> None:
        """The pause of a failing service began with its answer."""
        error = KoreServiceError("HTTP 503", retry_after_s=150.0)

        assert delay_s(error, 1, jitter=0.5, since_answer_s=since_answer_s) == seconds

    @pytest.mark.parametrize(("since_answer_s", "seconds"), [(0.0, 2.0), (1.5, 0.5), (2.0, 0.0), (10.0, 0.0)])
    def test_delay__since(self, since_answer_s: float, seconds: float) -> None:
        """So did any other pause: after 10 s in which an effect was looked for, nothing of it is left."""
        error = KoreServiceError("HTTP 503")

        assert delay_s(error, 3, jitter=0.5, is_stop=True, since_answer_s=since_answer_s) == seconds

    @pytest.mark.parametrize(("attempt", "seconds"), [(1, 10.0), (2, 20.0), (3, 30.0), (4, 60.0), (5, 60.0)])
    def test_delay__stop_under_rate_limit(self, attempt: int, seconds: float) -> None:
        """A stop that the rate limit refused tries again after 10, 20, 30 and 60 s."""
        assert delay_s(LIMITED, attempt, jitter=0.0, is_stop=True) == seconds

    def test_delay__refused_stop(self) -> None:
        """A stop that is refused for good is not sent again, however urgent it is."""
        assert delay_s(KoreRequestError("no"), 1, jitter=0.5, is_stop=True) is None

    def test_delay__no_place_in_the_budget(self) -> None:
        """Who found no place has waited for one already."""
        assert delay_s(KoreBudgetError("no place"), 1, jitter=0.5) is None


STOP, WRITE, READ = Priority.STOP, Priority.WRITE, Priority.READ
"""A block holds back its own priority and what is less urgent."""


@pytest.mark.parametrize(
    ("retry_after_s", "priority", "delay", "blocks"),
    [
        # The service says for how long.
        (30.0, READ, None, {STOP: 30.0}),
        (30.0, STOP, None, {STOP: 30.0}),
        (30.0, STOP, 30.5, {STOP: 30.5}),
        (86_400.0, READ, None, {STOP: 3600.0}),
        # It does not.
        (None, READ, None, {WRITE: 60.0}),
        (None, WRITE, None, {WRITE: 60.0}),
        (None, READ, 60.5, {WRITE: 60.5}),
        (None, STOP, None, {WRITE: 60.0, STOP: 10.0}),
        (None, STOP, 20.5, {WRITE: 60.0, STOP: 20.5}),
        (None, STOP, 60.5, {WRITE: 60.5, STOP: 60.5}),
    ],
)
def test_blocks_after(
    retry_after_s: float | None, priority: Priority, delay: float | None, blocks: dict[Priority, float]
) -> None:
    """All wait as long as the service says; else all but stops for a minute, and stops if one of them met it."""
    error = KoreRateLimitError("too many", retry_after_s=retry_after_s)

    assert blocks_after(error, priority=priority, delay_s=delay) == blocks


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (KoreRateLimitError("too many", retry_after_s=0.0), 0.0),
        (KoreRateLimitError("too many", retry_after_s=3600.0), 3600.0),
        (KoreRateLimitError("too many", retry_after_s=604_800.0), 3600.0),
        (KoreRateLimitError("too many", retry_after_s=float("inf")), 3600.0),
        (KoreRateLimitError("too many"), 60.0),
        (KoreBudgetError("no place", retry_after_s=7.5), 7.5),
        (KoreBudgetError("no place"), 60.0),
        (KoreServiceError("HTTP 503", retry_after_s=604_800.0), 3600.0),
        (KoreServiceError("HTTP 503"), None),
        (KoreRequestError("HTTP 412"), None),
    ],
)
def test_pause_after(error: KoreError, seconds: float | None) -> None:
    """As long as the error says, up to an hour; a minute after a rate limit that does not say; else nobody knows."""
    assert pause_after(error) == seconds


def test_bounds__defaults() -> None:
    """One call is sent at most five times within 300 s, and a stop is given 10 s to show."""
    assert Bounds() == Bounds(attempts=5, seconds=300.0, drain_s=10.0, look_again_s=None, outage_s=0.0)
