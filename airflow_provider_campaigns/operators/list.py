"""``ListCampaignsOperator``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_campaigns.actions.select import select_campaigns
from airflow_provider_campaigns.arguments.campaigns import read_chosen_statuses, read_max_campaigns, read_name_pattern
from airflow_provider_campaigns.arguments.static import check_static
from airflow_provider_campaigns.kore.campaigns import checked_campaign_type
from airflow_provider_campaigns.kore.errors import excerpt
from airflow_provider_campaigns.operators.base import KoreCampaignOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context


class ListCampaignsOperator(KoreCampaignOperator):
    """Choose campaigns by type, name and status, for other tasks to stop, report and delete.

    Nothing is changed. The choice is made once and kept as the task's result; what follows uses that list and compares
    the names, so a campaign created or renamed meanwhile is not touched. Campaigns that are Ready, Preparing or
    Scheduled are never chosen: they have yet to run, and are stopped or deleted by their id only.

    Source: get-all-campaigns, get-all-campaigns-v2.

    Args:
        campaign_type: ``voice`` or ``sms``.
        name_pattern: a shell's pattern that the name must match, with regard to case: ``*``, ``?``, ``[...]``.
        statuses: which of Active, Paused, Stopped and Completed, or of statuses that are not documented, as texts or
            as a JSON array in text; by default these four.
        max_campaigns: more than so many is an error: a pattern that is too wide should not end as a mass deletion.
        kore_conn_id: the Airflow connection.
        api_version: ``v1`` or ``v2`` of the list; None for the connection's, or v2.

    Returns:
        ``[{campaign_id, name, status, campaign_type}]``, by name; empty if nothing matches.

    Raises:
        AirflowFailException: a wrong argument, or more than ``max_campaigns``.
        KoreError: a retry may help.
    """

    template_fields: Sequence[str] = (*KoreCampaignOperator.template_fields, "name_pattern", "statuses")
    template_fields_renderers: ClassVar[dict[str, str]] = {"statuses": "json"}

    def __init__(
        self,
        *,
        campaign_type: str,
        name_pattern: str,
        statuses: Sequence[str] | str = (),
        max_campaigns: int = 50,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.campaign_type = checked_campaign_type(campaign_type)
        self.name_pattern = name_pattern
        self.statuses = statuses
        self.max_campaigns = max_campaigns
        check_static(
            self,
            name_pattern=read_name_pattern,
            statuses=read_chosen_statuses,
            max_campaigns=read_max_campaigns,
        )

    def execute(self, context: Context) -> list[dict[str, str]]:  # noqa: ARG002 - Airflow's signature
        """Choose the campaigns."""
        with self.working():
            chosen = select_campaigns(
                self.hook.get_conn(),
                self.campaign_type,
                name_pattern=read_name_pattern("name_pattern", self.name_pattern),
                statuses=read_chosen_statuses("statuses", self.statuses),
                max_campaigns=read_max_campaigns("max_campaigns", self.max_campaigns),
                api_version=self.api_version,
            )
        for campaign in chosen:
            name = excerpt(campaign["name"])
            self.log.info("campaign %s: %s, named %r", campaign["campaign_id"], campaign["status"], name)
        return chosen
