"""``DeleteCampaignOperator``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns import actions
from airflow_provider_campaigns.hooks import flag
from airflow_provider_campaigns.kore.campaigns import checked_campaign_type
from airflow_provider_campaigns.operators.audit import audit_of
from airflow_provider_campaigns.operators.base import CampaignsOperator, one_of
from airflow_provider_campaigns.operators.evidence import evidence_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context


class DeleteCampaignOperator(CampaignsOperator):
    """Delete voice or SMS campaigns, and prove that they are gone. A campaign that runs is never deleted.

    What stops existing: the campaign, and whatever the service keeps of its results. What remains: its contact lists.
    It cannot be undone. A second call finds the campaign missing, sends nothing and succeeds with ``changed: false``.

    Source: delete-voice-campaign, delete-sms-campaign (v1), delete-voice-campaign-v2, delete-sms-campaign-v2.

    Args:
        campaign_id: one campaign; the result is a dict.
        campaign_ids: many campaigns: ids or result dicts of another task, or a JSON array in text; the result is a
            list. One that fails keeps no other from being deleted; the task then fails with a table, and a retry does
            only the rest. A result dict's name must still be the campaign's.
        campaign_type: ``voice`` or ``sms``; a campaign of the other type is an error. None takes it from the campaign.
        if_running: ``fail``, or ``stop``: stop an Active or Paused campaign, prove that it stopped, then delete it.
        if_missing: ``succeed``, ``skip`` or ``fail`` if a campaign is provably not there: reading says so, and so does
            the list.
        expected_name: the campaign's name, or ``{id: name}``; another name is an error.
        confirm: prove by reading and by the list that each campaign is gone; False believes the answer.
        plan_only: read, guard and log the request that would be sent; send nothing.
        kore_conn_id: the Airflow connection.
        api_version: ``v1`` or ``v2`` of the delete; None for the connection's, or v2.

    Returns:
        ``{campaign_id, campaign_type, name, status, changed, campaign_instance_id, deleted_at}``; status is ``Deleted``
        or ``Missing``, ``deleted_at`` in ISO 8601 UTC and only where a delete was sent; ``planned`` is what a plan
        would send.

    Raises:
        AirflowFailException: nothing is to be gained by a retry: a wrong argument, a campaign that runs, is scheduled
            or has a status that nobody documented, another type or name.
        KoreError: a retry may help.
        AirflowSkipException: no campaign is there, and ``if_missing`` is ``skip``.
    """

    template_fields: Sequence[str] = (*CampaignsOperator.template_fields, "expected_name", "if_running")
    ui_color = "#ffe8e4"

    def __init__(
        self,
        *,
        campaign_type: str | None = None,
        if_running: str = "fail",
        if_missing: str = "succeed",
        expected_name: str | Mapping[str, str] | None = None,
        confirm: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(if_missing=if_missing, **kwargs)
        self.campaign_type = None if campaign_type is None else checked_campaign_type(campaign_type)
        self.if_running = if_running
        self.expected_name = expected_name
        self.confirm = confirm

    def execute(self, context: Context) -> Any:
        """Delete the campaigns."""
        with self.working() as clock:
            self.skip_backfill(context)
            targets = self.targets().with_names(self.expected_name)
            options = actions.delete.DeleteOptions(
                self.campaign_type,
                api_version=self.api_version,
                if_running=one_of("if_running", self.if_running, ("fail", "stop")),
                if_missing=self.checked_if_missing(),
                confirm=flag("confirm", self.confirm),
                plan_only=flag("plan_only", self.plan_only),
            )
            self.show_link(context, targets)
            outcomes = actions.delete.delete_campaigns(
                self.hook.get_conn(),
                targets.targets,
                options,
                evidence=evidence_of(context),
                audit=audit_of(context, approved_for=self),
                clock=clock,
            )
            return self.deliver(outcomes, targets, context, what="deleted")
