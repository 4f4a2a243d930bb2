"""``StopVoiceCampaignOperator`` and ``StopSmsCampaignOperator``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_campaigns.actions.stop import StopOptions, stop_campaigns
from airflow_provider_campaigns.hooks import flag
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.operators.base import CampaignsOperator, one_of, seconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context


class _StopCampaignOperator(CampaignsOperator):
    campaign_type: ClassVar[CampaignType]
    template_fields: Sequence[str] = (*CampaignsOperator.template_fields, "when")

    def __init__(
        self,
        *,
        when: str = "now",
        disable_schedule: bool = False,
        confirm: bool = True,
        poll_interval: float | timedelta = 15,
        confirm_timeout: float | timedelta = 600,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.when = when
        self.disable_schedule = disable_schedule
        self.confirm = confirm
        self.poll_interval = poll_interval
        self.confirm_timeout = confirm_timeout

    def execute(self, context: Context) -> Any:
        """Stop the campaigns."""
        with self.working() as clock:
            one_of("when", self.when, ("now",))
            targets = self.targets()
            options = StopOptions(
                self.campaign_type,
                api_version=self.api_version,
                if_missing=self.checked_if_missing(),
                confirm=flag("confirm", self.confirm),
                poll_interval_s=seconds("poll_interval", self.poll_interval, least=1),
                confirm_timeout_s=seconds("confirm_timeout", self.confirm_timeout),
                disable_schedule=flag("disable_schedule", self.disable_schedule),
                plan_only=flag("plan_only", self.plan_only),
            )
            outcomes = stop_campaigns(self.hook.get_conn(), targets.targets, options, clock=clock)
            return self.deliver(outcomes, targets, context, what="stopped")


class StopVoiceCampaignOperator(_StopCampaignOperator):
    """Stop voice campaigns, and prove that they stopped.

    What stops existing: the progress of the run; started again, the campaign begins with its first contact, as a new
    run. What remains: the campaign, its lists and, as far as documented, the results of the run. It cannot be undone.
    A second call finds the campaign stopped, sends nothing and succeeds with ``changed: false``.

    Args:
        campaign_id: one campaign; the result is a dict.
        campaign_ids: many campaigns: ids or result dicts of another task, or a JSON array in text; the result is a
            list. One that fails keeps no other from being stopped; the task then fails with a table, and a retry does
            only the rest.
        when: ``now``.
        disable_schedule: also disable the schedule of a scheduled campaign, which otherwise fails, because the platform
            would start it again.
        if_missing: ``fail``, ``skip`` or ``succeed`` if a campaign is provably not there.
        confirm: prove by reading that each campaign stopped; False believes the answer.
        poll_interval: seconds (or a timedelta) between readings while a campaign has not stopped yet, or is Preparing.
        confirm_timeout: seconds (or a timedelta) for which it is read: from its stop on, or from the first reading on
            while it is Preparing.
        plan_only: read, guard and log the request that would be sent; send nothing.
        kore_conn_id: the Airflow connection.
        api_version: ``v1`` or ``v2`` of the stop; None for the connection's, or v1.

    Returns:
        ``{campaign_id, campaign_type, name, status, changed, campaign_instance_id, sent_at, confirmed_at}``, the
        instants in ISO 8601 UTC and only where a stop was sent; ``schedule_disabled`` where that was done;
        ``planned`` is what a plan would send. ``changed`` is true if this very task stopped it or disabled its
        schedule.

    Raises:
        AirflowFailException: nothing is to be gained by a retry: a wrong argument, another type or name, a schedule.
        KoreError: a retry may help.
        AirflowSkipException: no campaign is there, and ``if_missing`` is ``skip``.

    Source: stop-voice-campaign, stop-voice-campaign-v2.
    """

    campaign_type = CampaignType.VOICE


class StopSmsCampaignOperator(_StopCampaignOperator):
    """Stop SMS campaigns, and prove that they stopped; everything else is as in ``StopVoiceCampaignOperator``.

    Source: stop-sms-campaign, stop-sms-campaign-v2.
    """

    campaign_type = CampaignType.SMS
