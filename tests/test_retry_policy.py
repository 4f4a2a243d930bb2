"""The ready retry policy asks the error, and works in a task that Airflow runs."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG, BaseOperator
from airflow_names import DagSerialization, below, since
from task_runner import TaskRun, run_task

from airflow_provider_campaigns.kore import errors
from airflow_provider_campaigns.retry_policy import kore_retry_policy

if TYPE_CHECKING:
    from airflow.sdk import Context


def after(seconds: float) -> tuple[str, timedelta]:
    return "retry", timedelta(seconds=seconds)


FAIL, DEFAULT = ("fail", None), ("default", None)


@since(3, "retry policies")
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.KoreRateLimitError("too many"), after(60)),
        (errors.KoreRateLimitError("too many", retry_after_s=240), after(240)),
        (errors.KoreRateLimitError("too many", retry_after_s=0), after(1)),
        (errors.KoreRateLimitError("too many", retry_after_s=float("inf")), after(3600)),
        (errors.KoreBudgetError("full", retry_after_s=300), after(300)),
        (errors.KoreBudgetError("full"), after(60)),
        (errors.KoreConnectionError("reset"), after(10)),
        (errors.KoreConnectionError("the certificate", retryable=False), FAIL),
        (errors.KoreServiceError("HTTP 503"), after(10)),
        (errors.KoreConfigurationError("host: missing", field="host"), FAIL),
        (errors.KoreAuthenticationError("wrong secret"), FAIL),
        (errors.KoreScopeError("no scope"), FAIL),
        (errors.KoreNotFoundError("gone"), FAIL),
        (errors.KoreRequestError("HTTP 412"), FAIL),
        (errors.KoreProtocolError("a redirect"), FAIL),
        (errors.KoreProtocolError("cut off", retryable=True), after(10)),
        (errors.CampaignMismatchError("another name"), FAIL),
        (errors.CampaignStateError("started again"), FAIL),
        (errors.CampaignStateError("changed meanwhile", retryable=True), after(10)),
        (errors.CampaignTimeoutError("still Active"), after(10)),
        (RuntimeError("not ours"), DEFAULT),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_evaluate(error: Exception, expected: tuple[str, timedelta | None]) -> None:
    """What will not pass fails; what may is retried when the error asks for it; the rest is the task's."""
    made = kore_retry_policy().evaluate(error, 1, 3, None)

    assert (made.action.value, made.retry_delay) == expected


class Failing(BaseOperator):
    """A task of somebody's own that raises."""

    def __init__(self, *, error: Exception, cause: Exception | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.error = error
        self.cause = cause

    def execute(self, context: Context) -> None:
        raise self.error from self.cause


@since(3, "retry policies")
class TestInATask:
    """Airflow's own task runner asks the policy."""

    def run(self, monkeypatch: pytest.MonkeyPatch, error: Exception, cause: Exception | None = None) -> TaskRun:
        task = Failing(task_id="count", error=error, cause=cause, retries=3, retry_policy=kore_retry_policy())
        return run_task(task, monkeypatch)

    def test_run__asked_to_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The retry comes when the service asked for it."""
        done = self.run(monkeypatch, errors.KoreRateLimitError("too many", retry_after_s=240))

        assert done.state == "up_for_retry"
        (message,) = [one for one in done.messages if type(one).__name__ == "RetryTask"]
        assert (message.retry_delay_seconds, message.retry_reason) == (240, "the same call may succeed later")

    def test_run__permanent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What will not pass fails although there are retries left."""
        assert self.run(monkeypatch, errors.KoreRequestError("HTTP 412")).state == "failed"

    def test_run__made_final(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A task that failed for good stays failed, though the error that it failed of may pass."""
        done = self.run(monkeypatch, AirflowFailException("enough"), errors.KoreServiceError("HTTP 503"))

        assert done.state == "failed"

    def test_run__made_another_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An error that somebody raised from one of ours is theirs: the task's own retries and delay apply."""
        done = self.run(monkeypatch, RuntimeError("no counts"), errors.KoreRequestError("HTTP 412"))

        assert done.state == "up_for_retry"
        (message,) = [one for one in done.messages if type(one).__name__ == "RetryTask"]
        assert message.retry_delay_seconds is None

    def test_serialize__dag(self) -> None:
        """A DAG with the policy can be stored, for one task and as a default."""
        policy = kore_retry_policy()
        with DAG("counts", schedule=None, default_args={"retry_policy": policy}) as dag:
            Failing(task_id="count", error=RuntimeError("no"), retry_policy=policy)

        stored = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))

        assert stored.get_task("count").has_retry_policy is True
        assert dag.get_task("count").retry_policy is policy


@below(3, "retry policies")
def test_kore_retry_policy__older_airflow() -> None:
    """Where Airflow knows no retry policies, the error says since when it does, and what to write instead."""
    with pytest.raises(ImportError, match=r"came with Airflow 3\.3; .* set retries and retry_delay, for example"):
        kore_retry_policy()
