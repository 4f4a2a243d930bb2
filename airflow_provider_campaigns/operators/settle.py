"""``SettledCampaignOperator``: what ``end_of_campaign`` does for each campaign between its stop and its report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowSkipException, conf

from airflow_provider_campaigns.actions import reporting
from airflow_provider_campaigns.actions.targets import Targets
from airflow_provider_campaigns.arguments.hours import read_given_hours
from airflow_provider_campaigns.arguments.static import check_static
from airflow_provider_campaigns.arguments.values import flag, read_day, read_grace_period
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.clock import instant_text
from airflow_provider_campaigns.operators.base import RESULTS_KEY, KoreCampaignOperator
from airflow_provider_campaigns.operators.run_instant import run_instant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime, timedelta

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_campaigns.calling_hours import CallingHours

ID_KEY = "campaign_id"
"""XCom with the campaign's id alone."""

LEFT_KEY = "left"
"""XCom with the reason why a campaign is left as it is."""


class SettledCampaignOperator(KoreCampaignOperator):
    """Make sure that a campaign is over, and wait until its results have settled. Nothing is changed.

    Runs whatever became of the stop, and judges by the campaign itself: one that is stopped goes on although another of
    the same stop failed. It skips if the stop was skipped or left this campaign running until its last day, and also
    by itself before the last evening up to ``last_day``, so that a stop that failed cannot lead to a delete.

    Args:
        campaign: ``{"campaign_id", "campaign_type", "name"}``; the name, if given, must still be the campaign's.
        stop_task_ids: the task that stops, by campaign type.
        last_day: a date, or ISO text; while hours begin once more by then, whatever the campaign's status, it is left.
        calling_hours: hours in the place of the campaign's own, as the stop has them; they tell the business day.
        grace_period: seconds (or a timedelta) after the end of the run; 0 does not wait. None for 90 minutes, because
            agents may write so long after a call, or 15 where the campaign dials without agents.
        deferrable: wait in the triggerer, without a worker.

    Returns:
        The campaign's result, with ``ended_at``, and with what the stop knew of it.
    """

    template_fields: Sequence[str] = (
        *KoreCampaignOperator.template_fields,
        "campaign",
        "grace_period",
        "last_day",
        "calling_hours",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"campaign": "json", "calling_hours": "json"}
    ui_color = "#f4f0e4"

    def __init__(
        self,
        *,
        campaign: Mapping[str, Any],
        stop_task_ids: Mapping[str, str],
        last_day: date | str | None = None,
        calling_hours: CallingHours | Mapping[str, Any] | str | None = None,
        grace_period: float | timedelta | str | None = None,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.campaign = campaign
        self.stop_task_ids = stop_task_ids
        self.last_day = last_day
        self.calling_hours = calling_hours
        self.grace_period = grace_period
        self.deferrable = flag("deferrable", deferrable)
        check_static(self, last_day=read_day, calling_hours=read_given_hours, grace_period=read_grace_period)

    def execute(self, context: Context) -> dict[str, Any]:
        """Read the campaign, and wait."""
        with self.working() as clock:
            (target,) = Targets.parse(None, [self.campaign]).targets
            kind = CampaignType(self.campaign["campaign_type"])
            stopped = self._stop_result(target.campaign_id, kind, context)
            last_day = self._last_day(context, clock.now())
            result = reporting.read_ended(self.hook.get_conn(), target, kind, stopped, last_day=last_day, clock=clock)
            if waits_for := result.details.get("waits_for"):
                self._leave(f"goes on until its last day, {waits_for}", target.campaign_id, context)
            now = clock.now()
            moment = reporting.settled_at(result, read_grace_period("grace_period", self.grace_period), now)
            value = result.as_dict()
            if moment is not None and moment > now:
                self.log.info(
                    "campaign %s: is %s; its results settle until %s",
                    target.campaign_id,
                    result.status,
                    instant_text(moment),
                )
                if self.deferrable:
                    self.defer_until(moment, value=value)
                clock.sleep((moment - clock.now()).total_seconds())
            return self.go_on(context, value)

    def go_on(self, context: Context, value: dict[str, Any]) -> dict[str, Any]:
        """Return what was read before the wait; the report reads for itself."""
        context["ti"].xcom_push(key=ID_KEY, value=value["campaign_id"])
        return value

    def _stop_result(self, campaign_id: str, kind: CampaignType, context: Context) -> Mapping[str, Any] | None:
        """What the stop said of this campaign.

        Raises:
            AirflowSkipException: the stop was not due.
        """
        task_id = self.stop_task_ids[kind.value]
        task, run_id = context["ti"], context["run_id"]
        # A stop that failed for some has pushed the results of the others.
        told = [task.xcom_pull(task_ids=task_id, key=key) for key in ("return_value", RESULTS_KEY)]
        stopped = [one for results in told for one in results or [] if one["campaign_id"] == campaign_id]
        if stopped and stopped[0].get("waits_for"):
            self._leave(f"goes on until its last day, {stopped[0]['waits_for']}", campaign_id, context)
        if not any(told):
            states = task.get_task_states(dag_id=task.dag_id, task_ids=[task_id], run_ids=[run_id])
            if states.get(run_id, {}).get(task_id) == "skipped":
                self._leave("was not to be stopped, because its stop was skipped", campaign_id, context)
        return stopped[0] if stopped else None

    def _leave(self, why: str, campaign_id: str, context: Context) -> None:
        context["ti"].xcom_push(key=LEFT_KEY, value={"campaign_id": campaign_id, "reason": why})
        raise AirflowSkipException(f"campaign {campaign_id}: {why}")

    def _last_day(self, context: Context, now: datetime) -> reporting.LastDay | None:
        day = read_day("last_day", self.last_day)
        if day is None:
            return None
        hours = read_given_hours("calling_hours", self.calling_hours)
        return reporting.LastDay(day, run_instant(context), now, hours)
