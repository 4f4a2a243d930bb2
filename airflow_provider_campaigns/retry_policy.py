"""A retry policy for tasks that use ``KoreCampaignHook`` themselves, for Airflow 3.3 and newer.

The operators of this package need none: they turn an error that no retry can mend into ``AirflowFailException``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ExceptionRetryPolicy

_ERRORS = "airflow_provider_campaigns.kore.errors"


def kore_retry_policy() -> ExceptionRetryPolicy:
    """A policy for ``retry_policy=``: waits out a rate limit, retries what may pass, and fails at once what may not.

    Raises:
        ImportError: Airflow is older than 3.3; there, the task's ``retries`` and ``retry_delay`` apply to every error.
    """
    try:
        from airflow.providers.common.compat.sdk import (  # noqa: PLC0415 - not there below Airflow 3.3
            ExceptionRetryPolicy,
            RetryAction,
            RetryRule,
        )
    except ImportError as error:
        raise ImportError(
            "kore_retry_policy: retry policies came with Airflow 3.3; on an older one leave retry_policy out and set "
            "retries and retry_delay, for example retries=5, retry_delay=timedelta(seconds=10)"
        ) from error

    return ExceptionRetryPolicy(
        rules=[
            RetryRule(
                exception=f"{_ERRORS}.KoreRateLimitError",
                action=RetryAction.RETRY,
                retry_delay=timedelta(seconds=60),
                reason="the account sent too many requests; its limit counts over a minute",
            ),
            RetryRule(
                exception=[f"{_ERRORS}.KoreConnectionError", f"{_ERRORS}.KoreServiceError"],
                action=RetryAction.RETRY,
                retry_delay=timedelta(seconds=10),
                reason="the service did not answer, or failed",
            ),
            RetryRule(
                exception=[
                    f"{_ERRORS}.KoreConfigurationError",
                    f"{_ERRORS}.KoreAuthenticationError",
                    f"{_ERRORS}.KoreNotFoundError",
                    f"{_ERRORS}.KoreRequestError",
                    f"{_ERRORS}.CampaignMismatchError",
                    f"{_ERRORS}.CampaignStateError",
                ],
                action=RetryAction.FAIL,
                reason="the same call would fail again",
            ),
        ]
    )
