"""``StopVoiceCampaignOperator`` and ``StopSmsCampaignOperator``."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowSkipException, conf

from airflow_provider_campaigns.actions import stopping
from airflow_provider_campaigns.arguments.hours import NEED_A_CLOSE, needs_close, read_given_hours, read_timezones
from airflow_provider_campaigns.arguments.static import check_static, is_static
from airflow_provider_campaigns.arguments.values import (
    flag,
    one_of,
    read_day,
    read_lead_time,
    read_poll_interval,
    seconds,
    wrong,
)
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.clock import instant_text, wait_until
from airflow_provider_campaigns.operators.audit import audit_of, who_runs
from airflow_provider_campaigns.operators.base import CampaignsOperator
from airflow_provider_campaigns.operators.evidence import evidence_of
from airflow_provider_campaigns.operators.run_instant import run_instant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_campaigns.actions.stopping.at_close import CloseRun
    from airflow_provider_campaigns.actions.stopping.stop import StopOptions
    from airflow_provider_campaigns.actions.targets import Targets
    from airflow_provider_campaigns.calling_hours import CallingHours
    from airflow_provider_campaigns.kore.clock import Clock


WHEN = ("now", "calling_hours_end")
IF_UNREADABLE = ("fail", "stop")


class _StopCampaignOperator(CampaignsOperator):
    campaign_type: ClassVar[CampaignType]
    template_fields: Sequence[str] = (
        *CampaignsOperator.template_fields,
        "when",
        "last_day",
        "calling_hours",
        "contact_timezones",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **CampaignsOperator.template_fields_renderers,
        "calling_hours": "json",
        "contact_timezones": "json",
    }

    def __init__(
        self,
        *,
        when: str = "now",
        last_day: date | str | None = None,
        calling_hours: CallingHours | Mapping[str, Any] | str | None = None,
        contact_timezones: Sequence[str] | str = (),
        lead_time: float | timedelta = 60,
        disable_schedule: bool = False,
        if_unreadable: str = "fail",
        confirm: bool = True,
        poll_interval: float | timedelta = 15,
        confirm_timeout: float | timedelta = 600,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.when = when
        self.last_day = last_day
        self.calling_hours = calling_hours
        self.contact_timezones = contact_timezones
        self.lead_time = lead_time
        self.disable_schedule = disable_schedule
        self.if_unreadable = if_unreadable
        self.confirm = confirm
        self.poll_interval = poll_interval
        self.confirm_timeout = confirm_timeout
        self.deferrable = flag("deferrable", deferrable)
        check_static(
            self,
            when=lambda name, when: one_of(name, when, WHEN),
            last_day=read_day,
            calling_hours=read_given_hours,
            contact_timezones=read_timezones,
            lead_time=read_lead_time,
            disable_schedule=flag,
            if_unreadable=lambda *_: self._check_if_unreadable(),
            confirm=flag,
            poll_interval=read_poll_interval,
            confirm_timeout=seconds,
        )
        if when == "now":
            check_static(self, **dict.fromkeys(NEED_A_CLOSE, needs_close))

    def _check_if_unreadable(self) -> None:
        """Nothing is stopped unread but what the writer of the DAG named, for a close that the writer named."""
        if one_of("if_unreadable", self.if_unreadable, IF_UNREADABLE) == "fail":
            return
        given = [self.campaign_id] if self.campaign_ids is None else self.campaign_ids
        if not is_static(given) or not all(one.is_explicit for one in self.targets().targets):
            raise wrong(
                "if_unreadable",
                "'stop' is for campaigns that the DAG itself names by their ids, for example "
                "campaign_id='cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000'; not for what a template or another task names",
            )
        if self.when != "now" and self.calling_hours is None:
            raise wrong(
                "if_unreadable",
                "'stop' needs to know when a campaign closes that cannot be read; give calling_hours, for example "
                "{'timezone': 'Asia/Kolkata', 'hours': {'MO-FR': '9:00 AM-6:00 PM'}}",
            )

    def execute(self, context: Context) -> Any:
        """Stop the campaigns, now or at their closes."""
        with self.working() as clock:
            self.skip_backfill(context)
            targets, options = self.targets(), self._options(context)
            self.show_link(context, targets)
            if one_of("when", self.when, WHEN) == "now":
                return self._stop_now(targets, options, context, clock)
            if not self.retries:
                self.log.warning(
                    "retries is 0: if this task's worker dies before the close, nothing stops the campaigns"
                )
            run = stopping.plan_close_run(
                self.hook.get_conn(),
                targets.targets,
                options,
                run_at=run_instant(context),
                last_day=read_day("last_day", self.last_day),
                calling_hours=self._given_hours(),
                contact_timezones=read_timezones("contact_timezones", self.contact_timezones),
                evidence=evidence_of(context),
                clock=clock,
            )
            self._tell_of_plan(run, clock)
            return self._serve(run, context, clock)

    def _stop_now(self, targets: Targets, options: StopOptions, context: Context, clock: Clock) -> Any:
        for name in NEED_A_CLOSE:
            needs_close(name, getattr(self, name))
        outcomes = stopping.stop_campaigns(
            self.hook.get_conn(),
            targets.targets,
            options,
            evidence=evidence_of(context),
            audit=audit_of(who_runs(context)),
            clock=clock,
        )
        return self.deliver(outcomes, targets, context, what="stopped")

    def go_on(self, context: Context, run: dict[str, Any]) -> Any:
        """Go on in a new process, shortly before a close; what is due is decided anew."""
        with self.working() as clock:
            return self._serve(stopping.CloseRun.from_json(run, calling_hours=self._given_hours()), context, clock)

    def _serve(self, run: CloseRun, context: Context, clock: Clock) -> Any:
        options, lead_time = self._options(context), timedelta(seconds=read_lead_time("lead_time", self.lead_time))
        if options.plan_only:
            stopping.plan_closes(self.hook.get_conn(), run, options, clock=clock)
        client, evidence, audit = self.hook.get_conn(), evidence_of(context), audit_of(who_runs(context))
        while wake_at := stopping.serve_what_is_due(
            client, run, options, lead_time=lead_time, evidence=evidence, audit=audit, clock=clock
        ):
            for campaign_id, error in run.outcomes.failures.items():
                self.log.warning("campaign %s: is not stopped: %s", campaign_id, error)
            absent = f"; {len(run.absent.targets)} that are not there are looked for" if run.absent else ""
            self.log.info("%s%s; the task wakes up at %s", run.told, absent, instant_text(wake_at))
            self._warn_if_late(run)
            if self.deferrable:
                self.defer_until(wake_at, run=run.as_json())
            wait_until(wake_at, clock)
        if run.all_wait_for_their_last_day:
            raise AirflowSkipException(f"last_day: {self.last_day} is not yet; the campaigns go on")
        return self.deliver(run.outcomes, self.targets(), context, what="stopped")

    def _given_hours(self) -> CallingHours | None:
        return read_given_hours("calling_hours", self.calling_hours)

    def _options(self, context: Context) -> StopOptions:
        ti = context.get("ti")  # there is none where a unit test calls ``execute({})``
        # What a mapped task stops may have been named by another task.
        is_mapped = ti is not None and ti.map_index not in {None, -1}
        return stopping.StopOptions(
            self.campaign_type,
            api_version=self.api_version,
            if_missing=self.checked_if_missing(),
            confirm=flag("confirm", self.confirm),
            poll_interval_s=read_poll_interval("poll_interval", self.poll_interval),
            confirm_timeout_s=seconds("confirm_timeout", self.confirm_timeout),
            disable_schedule=flag("disable_schedule", self.disable_schedule),
            plan_only=flag("plan_only", self.plan_only),
            stop_unread=self.if_unreadable == "stop" and not is_mapped,
            is_first_try=ti is None or ti.try_number in {None, 1},
        )

    def _warn_if_late(self, run: CloseRun) -> None:
        """Say which campaigns will be stopped late, and why."""
        late = run.told_late(self.hook.get_conn().settings.requests_per_minute)
        if late is not None:
            self.log.warning("%s", late)

    def _tell_of_plan(self, run: CloseRun, clock: Clock) -> None:
        """Say what is stopped when, and what of that will be late."""
        now = clock.now()
        run.choose_closings(now)
        self.log.info("%s", run.told)
        self._warn_if_late(run)
        closing = run.next_closing
        if closing is not None and now < closing.at < now + stopping.ROOM:
            self.log.warning(
                "this task began %.0f s before the close at %s; begin at least %.0f s before it, so that reading the "
                "campaigns does not take the requests that the stops need",
                (closing.at - now).total_seconds(),
                instant_text(closing.at),
                stopping.ROOM.total_seconds(),
            )


class StopVoiceCampaignOperator(_StopCampaignOperator):
    """Stop voice campaigns, and prove that they stopped.

    What stops existing: the progress of the run; started again, the campaign begins with its first contact, as a new
    run. What remains: the campaign, its lists and, as far as documented, the results of the run. It cannot be undone.
    A second call finds the campaign stopped, sends nothing and succeeds with ``changed: false``.

    Args:
        campaign_id: one campaign: its id, or the result dict of another task; the result is a dict.
        campaign_ids: many campaigns: ids or result dicts of another task, or a JSON array in text; the result is a
            list. One that fails keeps no other from being stopped; the task then fails with a table, and a retry does
            only the rest.
        when: ``now``, or ``calling_hours_end``: each campaign at the last close of its calling hours on the business
            day of the run, on the second. The business day follows from the run (the end of a scheduled run's data
            interval, else its ``run_after`` or a later logical date), never from the clock, so every try is for the
            same close. A run that comes after the close stops at once, but not inside a later day's hours: then it
            waits for that close; and it fails without retry more than 24 hours late. Pausing the DAG disarms a stop
            that waits.
        last_day: a date, or ISO text; the task skips while hours begin once more by then, and stops at the end of the
            last that did, or at the midnight that ends it. Only with ``calling_hours_end``.
        calling_hours: hours in the place of the campaigns' own: an object as the service has it,
            ``{"timezone": "Asia/Kolkata", "hours": {"MO-FR": "9:00 AM-6:00 PM"}}``, or a ``CallingHours``.
        contact_timezones: zones of contacts who have one of their own; the stop waits until the same hours have closed
            there, too.
        lead_time: seconds (or a timedelta) before a close at which a worker is ready. A minute at least, whatever it
            says: only a worker that is there keeps room in the request budget for the stops.
        deferrable: wait for the close in the triggerer, without a worker; Airflow's ``default_deferrable`` by default.
        disable_schedule: also disable the schedule of a scheduled campaign, which otherwise fails, because the platform
            would start it again.
        if_unreadable: ``fail``, or ``stop``: a campaign of which every reading was answered and refused is stopped all
            the same, unread: once in the life of the task, within 15 minutes of the close, or of the start of a task
            that stops at once. Only for ids that stand in the DAG and, with ``calling_hours_end``, with
            ``calling_hours``; not in a mapped task and, below Airflow 3.3, in its first try only. The task succeeds
            only if the campaign can be read within ``confirm_timeout``, or with ``confirm=False``.
        if_missing: ``fail``, ``skip`` or ``succeed`` if a campaign is provably not there. With ``calling_hours_end``
            it is looked for again before each close and, where none is known, for ten minutes.
        confirm: prove by reading that each campaign stopped; False believes the answer.
        poll_interval: seconds (or a timedelta) between readings while a campaign has not stopped yet, or is Preparing.
        confirm_timeout: seconds (or a timedelta) for which it is read: from its stop on, or from the first reading on
            while it is Preparing.
        plan_only: read, guard and log the request that would be sent; send nothing.
        kore_conn_id: the Airflow connection.
        api_version: ``v1`` or ``v2`` of the stop; None for the connection's, or v1.

    Returns:
        ``{campaign_id, campaign_type, name, status, changed, campaign_instance_id, sent_at, confirmed_at}``, the
        instants in ISO 8601 UTC and only where a stop was sent; ``lateness_s``, the seconds from a close to the answer;
        ``contacts_before_stop``, the number of contact results before the stop, where there was room and time to count
        them; ``schedule_disabled`` where that was done; ``proven_missing_at``, when reading and list proved that it is
        not there; ``planned`` is what a plan would send. ``changed`` is true if
        this very try of the task stopped it or disabled its schedule; where an earlier try sent the stop, it is false
        and the instants are that try's.

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
