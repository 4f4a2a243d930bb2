"""``StartVoiceCampaignOperator`` and ``StartSmsCampaignOperator``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_campaigns.actions import starting
from airflow_provider_campaigns.actions.evidence import NoEvidence
from airflow_provider_campaigns.arguments.static import check_static
from airflow_provider_campaigns.arguments.values import flag, read_poll_interval, seconds
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.errors import KoreConfigurationError
from airflow_provider_campaigns.operators.audit import audit_of, who_runs
from airflow_provider_campaigns.operators.base import CampaignsOperator
from airflow_provider_campaigns.operators.evidence import evidence_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context


class _StartCampaignOperator(CampaignsOperator):
    campaign_type: ClassVar[CampaignType]
    template_fields: Sequence[str] = tuple(name for name in CampaignsOperator.template_fields if name != "if_missing")

    def __init__(
        self,
        *,
        allow_rerun: bool = False,
        confirm: bool = True,
        poll_interval: float | timedelta = 15,
        confirm_timeout: float | timedelta = 600,
        **kwargs: Any,
    ) -> None:
        if "if_missing" in kwargs:
            raise KoreConfigurationError(
                "if_missing: a start has none; a campaign that is not there cannot be started, which is always an "
                "error",
                field="if_missing",
            )
        super().__init__(**kwargs)
        self.allow_rerun = allow_rerun
        self.confirm = confirm
        self.poll_interval = poll_interval
        self.confirm_timeout = confirm_timeout
        check_static(self, allow_rerun=flag, confirm=flag, poll_interval=read_poll_interval, confirm_timeout=seconds)

    def execute(self, context: Context) -> Any:
        """Start the campaigns."""
        with self.working() as clock:
            self.skip_backfill(context)
            targets = self.targets()
            options = starting.StartOptions(
                self.campaign_type,
                api_version=self.api_version,
                allow_rerun=flag("allow_rerun", self.allow_rerun),
                confirm=flag("confirm", self.confirm),
                poll_interval_s=read_poll_interval("poll_interval", self.poll_interval),
                confirm_timeout_s=seconds("confirm_timeout", self.confirm_timeout),
                plan_only=flag("plan_only", self.plan_only),
            )
            self.show_link(context, targets)
            evidence = evidence_of(context)
            if options.allow_rerun and self.retries and isinstance(evidence, NoEvidence):
                self.log.warning(
                    "allow_rerun with retries: before Airflow 3.3 a try cannot know what an earlier one has started, "
                    "and starts again a campaign whose run has ended in between; set retries=0"
                )
            outcomes = starting.start_campaigns(
                self.hook.get_conn(),
                targets.targets,
                options,
                evidence=evidence,
                audit=audit_of(who_runs(context)),
                clock=clock,
            )
            return self.deliver(outcomes, targets, context, what="started")


class StartVoiceCampaignOperator(_StartCampaignOperator):
    """Start voice campaigns, each once, and prove that they run.

    What starts: a new run over the whole contact list, whatever a run before it has reached; inside the calling hours
    the platform dials at once. What is lost: what the service shows of the run before, which does not carry over, so
    report it first. It cannot be undone: a stop ends the run, but calls that were made are made. A second call finds
    the campaign Active, sends nothing and succeeds with ``changed: false``; once that run has ended it is refused, and
    with ``allow_rerun`` it begins another.

    A retry, or a task that is cleared, starts nothing that an earlier try of the same DAG run has started, also if that
    run has ended since: it succeeds with ``changed: false``. What was sent is known from Airflow's task state store
    (3.3 and newer). Before 3.3 only the campaign's status tells, so there ``allow_rerun`` needs ``retries=0``.

    Args:
        campaign_id: one campaign: its id, or the result dict of another task; the result is a dict.
        campaign_ids: many campaigns: ids or result dicts of another task, or a JSON array in text; the result is a
            list. One that fails keeps no other from being started; the task then fails with a table, and a retry does
            only the rest.
        allow_rerun: also start a campaign that has run before, which is refused otherwise.
        confirm: prove by reading that a new run goes on, or is over already; False believes the answer.
        poll_interval: seconds (or a timedelta) between readings while a start does not show yet, or a campaign is
            Preparing.
        confirm_timeout: seconds (or a timedelta) for which it is read: from its start on, or from the first reading on
            while it is Preparing.
        plan_only: read, guard and log the request that would be sent; send nothing.
        kore_conn_id: the Airflow connection.
        api_version: ``v1`` or ``v2`` of the start; None for the connection's, or v1.

    Returns:
        ``{campaign_id, campaign_type, name, status, changed, campaign_instance_id, sent_at, confirmed_at}``, the
        instants in ISO 8601 UTC and only where a start was sent; ``campaign_instance_id`` is the new run, where the
        service names it; ``planned`` is what a plan would send. ``changed`` is true if this very try started it.

    Raises:
        AirflowFailException: nothing is to be gained by a retry: a wrong argument, another type or name, no such
            campaign, one that has run before or is Paused, scheduled, or in a status that nobody documented.
        KoreError: a retry may help.
        AirflowSkipException: the run is a backfill.

    Source: start-voice-campaign, start-voice-campaign-v2.
    """

    campaign_type = CampaignType.VOICE


class StartSmsCampaignOperator(_StartCampaignOperator):
    """Start SMS campaigns, each once, and prove that they run; all else is as in ``StartVoiceCampaignOperator``.

    The answer to the start of an SMS campaign does not name the run, so with ``confirm=False`` the result does not
    either.

    Source: start-sms-campaign, start-sms-campaign-v2.
    """

    campaign_type = CampaignType.SMS
