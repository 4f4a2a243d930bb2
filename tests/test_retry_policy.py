"""The ready retry policy decides by the error's class."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow_names import below, since

from airflow_provider_campaigns.kore import errors
from airflow_provider_campaigns.retry_policy import kore_retry_policy


def decision(error: Exception) -> tuple[str, timedelta | None]:
    """What the policy makes of an error on the first of three tries."""
    made = kore_retry_policy().evaluate(error, 1, 3, None)
    return made.action.value, made.retry_delay


@since(3, "retry policies")
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.KoreRateLimitError("too many"), ("retry", timedelta(seconds=60))),
        (errors.KoreConnectionError("reset"), ("retry", timedelta(seconds=10))),
        (errors.KoreServiceError("HTTP 503"), ("retry", timedelta(seconds=10))),
        (errors.KoreConfigurationError("host: missing", field="host"), ("fail", None)),
        (errors.KoreAuthenticationError("wrong secret"), ("fail", None)),
        (errors.KoreScopeError("no scope"), ("fail", None)),
        (errors.KoreNotFoundError("gone"), ("fail", None)),
        (errors.KoreRequestError("HTTP 412"), ("fail", None)),
        (errors.CampaignMismatchError("another name"), ("fail", None)),
        (errors.CampaignStateError("started again"), ("fail", None)),
        (errors.CampaignTimeoutError("still Active"), ("default", None)),
        (RuntimeError("not ours"), ("default", None)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_evaluate(error: Exception, expected: tuple[str, timedelta | None]):
    """A rate limit waits a minute, what may pass ten seconds, what may not fails, and the rest is the task's."""
    assert decision(error) == expected


@since(3, "retry policies")
def test_serialize__can_be_stored():
    """Airflow can store the policy with its DAG and read it back."""
    policy = kore_retry_policy()

    again = type(policy).deserialize(policy.serialize())

    assert again.evaluate(errors.KoreRateLimitError("too many"), 1, 3, None).retry_delay == timedelta(seconds=60)


@below(3, "retry policies")
def test_kore_retry_policy__older_airflow():
    """Where Airflow knows no retry policies, the error says since when it does, and what to write instead."""
    with pytest.raises(ImportError, match=r"came with Airflow 3\.3; .* set retries and retry_delay, for example"):
        kore_retry_policy()
