"""What all operators share: the connection, the campaigns meant, and how errors and results reach Airflow."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException, BaseOperator

from airflow_provider_campaigns.actions.outcomes import MISSING
from airflow_provider_campaigns.actions.targets import Targets, require_one
from airflow_provider_campaigns.arguments.campaigns import read_campaign_id, read_campaign_ids
from airflow_provider_campaigns.arguments.static import check_static
from airflow_provider_campaigns.arguments.values import flag, one_of, read_connection_id
from airflow_provider_campaigns.hooks import KoreCampaignHook
from airflow_provider_campaigns.kore.clock import Clock
from airflow_provider_campaigns.kore.errors import KoreError, excerpt
from airflow_provider_campaigns.kore.settings import checked_api_version
from airflow_provider_campaigns.links import LINK_KEY, CampaignLink, console_link
from airflow_provider_campaigns.operators.cancellation import Cancellation
from airflow_provider_campaigns.operators.metrics import tell_outcomes
from airflow_provider_campaigns.operators.run_instant import run_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_campaigns.actions.outcomes import Outcomes

RESULTS_KEY = "results"
"""XCom with the result of each campaign that was served, also of a task that failed."""


class KoreCampaignOperator(BaseOperator):
    """Base of the operators: a connection, an API version, and errors as Airflow wants them.

    Args:
        kore_conn_id: the Airflow connection.
        api_version: ``v1`` or ``v2`` for the write; None for the connection's, or what is documented best.
    """

    template_fields: Sequence[str] = ("kore_conn_id",)
    ui_color = "#e4f2ff"

    go_on: Callable[..., Any]
    """Of an operator that defers: goes on with what it was deferred with."""

    def __init__(
        self,
        *,
        kore_conn_id: str = KoreCampaignHook.default_conn_name,
        api_version: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if api_version is not None:
            checked_api_version(api_version)
        self.kore_conn_id = kore_conn_id
        self.api_version = api_version
        # Made when the work begins: an operator that holds a lock could not be copied.
        self._cancellation: Cancellation | None = None
        check_static(self, kore_conn_id=read_connection_id)

    @cached_property
    def hook(self) -> KoreCampaignHook:
        """The hook for the connection."""
        arguments = {name: getattr(self, name) for name in self.template_fields}
        return KoreCampaignHook(self.kore_conn_id, sleep=self._sleep, looks_again=True, arguments=arguments)

    def on_kill(self) -> None:
        """End the waiting and the sending; what was sent stays sent."""
        if self._cancellation is not None:
            self._cancellation.cancel()

    @contextmanager
    def working(self) -> Iterator[Clock]:
        """A clock whose waits end when the task is killed; a ``KoreError`` leaves as what Airflow should make of it.

        Raises:
            AirflowFailException: nothing is to be gained by a retry; the ``KoreError`` is its cause.
            KoreError: a retry may help.
        """
        self._cancellation = Cancellation()
        try:
            yield Clock(now=self._now, sleep=self._sleep, check_cancelled=self._check_killed)
        except KoreError as error:
            if error.retryable:
                raise
            raise AirflowFailException(str(error)) from error

    def defer_until(self, moment: datetime, **kwargs: Any) -> None:
        """Wait for a moment in the triggerer, without a worker; then ``resume`` goes on with ``kwargs``."""
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger  # noqa: PLC0415 - not to parse

        self.defer(trigger=DateTimeTrigger(moment=moment), method_name="resume", kwargs=kwargs)

    def resume(self, context: Context, event: Any = None, **kwargs: Any) -> Any:  # noqa: ARG002 - a moment came
        """Go on in a new process after ``defer_until``.

        ``dag.test()`` and ``airflow dags test`` resume a task without what it was deferred with: it begins anew then.
        """
        return self.go_on(context, **kwargs) if kwargs else self.execute(context)

    def _now(self) -> datetime:
        return datetime.now(UTC)

    def _sleep(self, seconds: float) -> None:
        if self._cancellation is None:
            time.sleep(seconds)
        else:
            self._cancellation.wait(seconds)
            self._check_killed()

    def _check_killed(self) -> None:
        if self._cancellation is not None and self._cancellation.is_cancelled:
            raise TaskKilledError(f"{self.task_id}: killed; nothing more is sent")


class TaskKilledError(Exception):
    """The task was killed before its work was done."""


class CampaignsOperator(KoreCampaignOperator):
    """Base of the operators that do something to campaigns that are named.

    Args:
        campaign_id: one campaign: its id, or the result dict of another task; the result is a dict.
        campaign_ids: many campaigns: a sequence of ids or of result dicts (mapped output too), or a JSON array in
            text; the result is a list. None at all is no error and gives ``[]``.
        if_missing: what to do if a campaign is provably not there: ``fail``, ``skip`` or ``succeed``.
        plan_only: read, guard and log the request that would be sent; send nothing.
    """

    template_fields: Sequence[str] = (
        *KoreCampaignOperator.template_fields,
        "campaign_id",
        "campaign_ids",
        "if_missing",
        "plan_only",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"campaign_ids": "json"}
    operator_extra_links = (CampaignLink(),)

    _names_campaigns_otherwise = False
    """True of an operator that may also learn from another argument which campaigns are meant."""

    def __init__(
        self,
        *,
        campaign_id: str | Mapping[str, Any] | None = None,
        campaign_ids: Sequence[str | Mapping[str, Any]] | str | None = None,
        if_missing: str = "fail",
        plan_only: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not (self._names_campaigns_otherwise and campaign_id is None and campaign_ids is None):
            require_one(campaign_id, campaign_ids)
        self.campaign_id = campaign_id
        self.campaign_ids = campaign_ids
        self.if_missing = if_missing
        self.plan_only = plan_only
        check_static(
            self,
            campaign_id=read_campaign_id,
            campaign_ids=read_campaign_ids,
            if_missing=lambda *_: self.checked_if_missing(),
            plan_only=flag,
        )

    def checked_if_missing(self) -> str:
        """``if_missing`` as rendered."""
        return one_of("if_missing", self.if_missing, ("fail", "skip", "succeed"))

    def skip_backfill(self, context: Context) -> None:
        """A backfill is about days that are over; what it would stop or delete is what there is today.

        Raises:
            AirflowSkipException: the run is a backfill.
        """
        if run_type(context) == "backfill":
            raise AirflowSkipException("a backfill changes no campaign: it is about days that are over")

    def targets(self) -> Targets:
        """The campaigns meant, as rendered."""
        return Targets.parse(self.campaign_id, self.campaign_ids)

    def show_link(self, context: Context, targets: Targets) -> None:
        """Let Airflow's UI link to the campaigns from now on, also while this task waits."""
        from airflow.sdk.exceptions import AirflowRuntimeError  # noqa: PLC0415 - not to parse

        if "ti" not in context:  # a unit test calls ``execute({})``
            return
        link = console_link(self.hook.get_conn().settings, [target.campaign_id for target in targets.targets])
        try:
            context["ti"].xcom_push(key=LINK_KEY, value=link or "")
        except AirflowRuntimeError as error:
            self.log.warning("the link to the platform could not be kept: %s", error)

    def deliver(self, outcomes: Outcomes, targets: Targets, context: Context, *, what: str) -> Any:
        """The task's return value: one result or a list; results are also pushed under ``results``.

        Raises:
            KoreError: a campaign failed; the results of the others are pushed before.
            AirflowSkipException: every campaign is missing, and ``if_missing`` is ``skip``.
        """
        results = outcomes.as_dicts()
        tell_outcomes(outcomes, what)
        if outcomes.failures and "ti" in context:  # there is none where a unit test calls ``execute({})``
            context["ti"].xcom_push(key=RESULTS_KEY, value=results)
        outcomes.raise_failures(what)
        if results and self.if_missing == "skip" and all(result["status"] == MISSING for result in results):
            raise AirflowSkipException(f"no campaign is there: {', '.join(r['campaign_id'] for r in results)}")
        for result in results:
            # What follows compares the name, so the result keeps it as it is.
            shown = result | ({"name": excerpt(result["name"])} if result.get("name") else {})
            self.log.info("campaign %s: %s", result["campaign_id"], json.dumps(shown, sort_keys=True))
        return results if targets.is_many else results[0]
