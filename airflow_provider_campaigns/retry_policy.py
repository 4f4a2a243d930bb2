"""A retry policy for tasks that use ``KoreCampaignHook`` themselves, for Airflow 3.3 and newer.

The operators of this package need none: they turn an error that no retry can mend into ``AirflowFailException``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_campaigns.kore.errors import KoreError
from airflow_provider_campaigns.kore.retry import pause_after

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, RetryDecision, RetryPolicy

_OTHERWISE_S = 10.0
_LEAST_S = 1.0


def kore_retry_policy() -> RetryPolicy:
    """A policy for ``retry_policy=``: fails at once what a ``KoreError`` says will not pass, and retries what may.

    The retry comes when the error asks for it, else after a minute for a rate limit and ten seconds for the rest; never
    more often than the task's ``retries``. Any other exception is left to the task's own settings, also one that was
    raised from a ``KoreError``: whoever made another error of it has decided.

    Airflow keeps with a DAG only that a task has a policy; the worker takes the policy from the DAG's file.

    Raises:
        ImportError: Airflow is older than 3.3; there, the task's ``retries`` and ``retry_delay`` apply to every error.
    """
    try:
        from airflow.providers.common.compat.sdk import RetryDecision, RetryPolicy  # noqa: PLC0415 - not below 3.3
    except ImportError as error:
        raise ImportError(
            "kore_retry_policy: retry policies came with Airflow 3.3; on an older one leave retry_policy out and set "
            "retries and retry_delay, for example retries=5, retry_delay=timedelta(seconds=10)"
        ) from error

    class KoreRetryPolicy(RetryPolicy):
        def evaluate(
            self,
            exception: BaseException,
            try_number: int,  # noqa: ARG002 - Airflow's signature
            max_tries: int,  # noqa: ARG002
            context: Context | None = None,  # noqa: ARG002
        ) -> RetryDecision:
            if not isinstance(exception, KoreError):
                return RetryDecision.default()
            if not exception.retryable:
                return RetryDecision.fail("the same call would fail again")
            return RetryDecision.retry(retry_delay(exception), "the same call may succeed later")

    return KoreRetryPolicy()


def retry_delay(error: KoreError) -> timedelta:
    """How long to wait before the call is made again; never longer than a pause that makes sense."""
    pause_s = pause_after(error)
    return timedelta(seconds=_OTHERWISE_S if pause_s is None else max(pause_s, _LEAST_S))
