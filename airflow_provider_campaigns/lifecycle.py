"""``end_of_campaign``: stop campaigns, save their results, let a person look at them, delete the campaigns."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    TaskGroup,
    TriggerRule,
    get_current_context,
    task,
    task_group,
)

from airflow_provider_campaigns.actions import evening
from airflow_provider_campaigns.actions.targets import Targets
from airflow_provider_campaigns.arguments.folders import check_apart
from airflow_provider_campaigns.arguments.static import is_static
from airflow_provider_campaigns.kore.campaigns import CampaignType, checked_campaign_type
from airflow_provider_campaigns.kore.errors import KoreConfigurationError
from airflow_provider_campaigns.operators.base import RESULTS_KEY
from airflow_provider_campaigns.operators.delete import DeleteCampaignOperator
from airflow_provider_campaigns.operators.list import ListCampaignsOperator
from airflow_provider_campaigns.operators.pulled import ANSWER_KEY, ASKED_KEY, pulled
from airflow_provider_campaigns.operators.report import CampaignReportOperator
from airflow_provider_campaigns.operators.settle import ID_KEY, LEFT_KEY, SettledCampaignOperator
from airflow_provider_campaigns.operators.stop import StopSmsCampaignOperator, StopVoiceCampaignOperator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from airflow.providers.common.compat.sdk import Asset

    from airflow_provider_campaigns.calling_hours import CallingHours
    from airflow_provider_campaigns.operators.stop import _StopCampaignOperator

log = logging.getLogger(__name__)

_STOPS: dict[CampaignType, type[_StopCampaignOperator]] = {
    CampaignType.VOICE: StopVoiceCampaignOperator,
    CampaignType.SMS: StopSmsCampaignOperator,
}
_NAME = "{{ task.%s.get('name') or task.%s['campaign_id'] }}"
"""A mapped task's name in the user interface: the campaign's."""


def end_of_campaign(
    *,
    output_path: str,
    voice_campaign_ids: Sequence[str] | str | None = None,
    sms_campaign_ids: Sequence[str] | str | None = None,
    name_pattern: str | None = None,
    campaign_types: Sequence[str] = ("voice", "sms"),
    max_campaigns: int = 50,
    group_id: str = "end_of_campaign",
    when: str = "calling_hours_end",
    last_day: date | str | None = None,
    calling_hours: CallingHours | Mapping[str, Any] | None = None,
    contact_timezones: Sequence[str] = (),
    lead_time: float | timedelta = 60,
    disable_schedule: bool = False,
    if_unreadable: str = "fail",
    poll_interval: float | timedelta = 15,
    confirm_timeout: float | timedelta = 600,
    grace_period: float | timedelta | str | None = None,
    pending_timeout: float | timedelta | str = timedelta(hours=2),
    formats: Sequence[str] = ("jsonl", "csv", "html"),
    phone_numbers: str = "keep",
    allow_empty: bool = False,
    if_no_contact_results: str = "fail",
    refresh: bool | str = False,
    approve: bool = True,
    response_timeout: timedelta = timedelta(hours=12),
    assigned_users: Any = None,
    notifiers: Any = None,
    archive_path: str | None = None,
    verify_results: str = "all",
    report_outlets: Sequence[Asset] = (),
    delete_outlets: Sequence[Asset] = (),
    deferrable: bool = True,
    priority_weight: int = 1000,
    kore_conn_id: str = "kore_default",
    api_version: str | None = None,
    default_args: Mapping[str, Any] | None = None,
) -> TaskGroup:
    """End campaigns for good: stop, report, approve, delete. To be called inside ``with DAG(...)``.

    What stops existing: the campaigns, and whatever the service keeps of their results. What remains: the reports, the
    archive, the contact lists. It cannot be undone. A run that is cleared after it succeeded changes nothing, keeps the
    first reports, asks nobody and ends green.

    One task stops all campaigns of a type. What follows is done for each campaign by itself, so one that fails keeps no
    other from being reported and deleted, also where its stop failed: each is judged by what it is, not by what became
    of the stop. With an approval, one person answers once for all campaigns that have a report by then; the others are
    left alone. The last task, ``outcome``, tells what became of each, and fails if one was not served.

    Args:
        output_path: the folder of all reports, such as ``s3://my_aws@results/reports``.
        voice_campaign_ids: voice campaigns: ids, or a JSON array in text (from a template).
        sms_campaign_ids: SMS campaigns, likewise.
        name_pattern: instead of ids, a shell's pattern (``*``, ``?``, ``[...]``) that names must match. The choice is
            made once; what follows uses that list and compares the names. Never chooses what has yet to run.
        campaign_types: with ``name_pattern``, which types to choose from.
        max_campaigns: with ``name_pattern``, more than so many of a type is an error.
        group_id: the group's name.
        when: ``calling_hours_end``, or ``now``.
        last_day: a date, or ISO text; while hours begin once more by then nothing is done, whatever a campaign's
            status, and whatever becomes of its stop.
        calling_hours: hours in the place of the campaigns' own, as in ``StopVoiceCampaignOperator``.
        contact_timezones: zones of contacts who have one of their own.
        lead_time: seconds (or a timedelta) before a close at which a worker is ready; a minute at least.
        disable_schedule: also disable the schedule of a scheduled campaign, which otherwise is left alone.
        if_unreadable: ``fail``, or ``stop``: a campaign that cannot be read is stopped unread, within the bounds of
            ``StopVoiceCampaignOperator``: it needs ids that stand in the DAG, and ``calling_hours``.
        poll_interval: seconds (or a timedelta) between readings while a campaign has not stopped yet.
        confirm_timeout: seconds (or a timedelta) for which it is read.
        grace_period: seconds (or a timedelta) from the end of a run to its report, for calls and notes that are still
            under way; 0 for none. None for 90 minutes, or 15 where a campaign dials without agents.
        pending_timeout: seconds (or a timedelta) from the end of a run during which a report waits for results that say
            that they are not final; nobody is asked before. 0 takes them as they are.
        formats: of the report: ``jsonl``, ``csv``, ``html``, ``parquet``.
        phone_numbers: ``keep``, ``hash`` or ``drop``, in the report.
        allow_empty: a campaign that ran and has no contact counts as completely reported.
        if_no_contact_results: ``fail``, or ``totals``: an SMS campaign without results by contact is reported by its
            totals, and counts as completely reported.
        refresh: read everything anew while a campaign is there, also if a complete report of it is kept.
        approve: ask a person before anything is deleted; False deletes each campaign as soon as it is reported.
        response_timeout: how long an answer is waited for; without one, nothing is deleted.
        assigned_users: who may answer, as ``ApprovalOperator`` takes it; anybody by default.
        notifiers: who is told that there is a question.
        archive_path: where each campaign's object, the answer to its delete and a receipt are kept; None for nowhere.
        verify_results: ``all``: right before its delete a campaign's results are read once more, as in
            ``DeleteCampaignOperator``; ``ends`` proves less.
        report_outlets: assets that a report updates; an event's extra tells campaign, rows and manifest.
        delete_outlets: assets that a delete updates, likewise.
        deferrable: wait for the close, the grace period and the results in the triggerer, without a worker.
        priority_weight: of the stop, before everything else that waits for a worker.
        kore_conn_id: the Airflow connection.
        api_version: ``v1`` or ``v2`` of stops and deletes; None for the connection's, or what is documented best.
        default_args: of all tasks in the group, over ``{"retries": 5, "retry_delay": 10 seconds}``.

    Returns:
        The task group, to be put before or after other tasks.

    Raises:
        KoreConfigurationError: no campaign is named, ids and a pattern are, or an id is of both types; raised when the
            DAG is parsed.
    """
    ids = {CampaignType.VOICE: voice_campaign_ids, CampaignType.SMS: sms_campaign_ids}
    named = {kind: value for kind, value in ids.items() if value is not None}
    if (name_pattern is None) != bool(named):
        raise KoreConfigurationError(
            "voice_campaign_ids, sms_campaign_ids, name_pattern: give ids or a pattern, "
            + ("not both" if named else "for example name_pattern='Spring *'"),
            field="name_pattern",
        )
    named_as = {kind: _ids_in_the_dag(given) for kind, given in named.items()}
    if twice := sorted(set.intersection(*named_as.values()) if len(named_as) > 1 else ()):
        raise KoreConfigurationError(
            f"voice_campaign_ids, sms_campaign_ids: {', '.join(twice)} cannot be both a voice and an SMS campaign",
            field="sms_campaign_ids",
        )
    if archive_path is not None:
        check_apart("archive_path", archive_path, output_path)
    arguments: Any = {"retries": 5, "retry_delay": timedelta(seconds=10)} | dict(default_args or {})
    with TaskGroup(group_id=group_id, default_args=arguments, tooltip="stop, report, approve, delete") as group:
        meant: dict[CampaignType, Any] = dict(named)
        if name_pattern is not None:
            meant = {
                kind: ListCampaignsOperator(
                    task_id=f"choose_{kind}",
                    campaign_type=kind,
                    name_pattern=name_pattern,
                    max_campaigns=max_campaigns,
                    kore_conn_id=kore_conn_id,
                ).output
                for kind in map(checked_campaign_type, campaign_types)
            }
        stops = {
            kind: _STOPS[kind](
                task_id=f"stop_{kind}",
                campaign_ids=campaigns,
                when=when,
                last_day=last_day,
                calling_hours=calling_hours,
                contact_timezones=contact_timezones,
                lead_time=lead_time,
                poll_interval=poll_interval,
                confirm_timeout=confirm_timeout,
                disable_schedule=disable_schedule,
                if_unreadable=if_unreadable,
                # One that was deleted by an earlier run of the same tasks is over; one that never was has no report.
                if_missing="succeed",
                deferrable=deferrable,
                priority_weight=priority_weight,
                weight_rule="absolute",
                kore_conn_id=kore_conn_id,
                api_version=api_version,
            )
            for kind, campaigns in meant.items()
        }
        listed = campaigns_of(**{str(kind): campaigns for kind, campaigns in meant.items()})

        def deletion(**meant_by: Any) -> Any:
            """The delete, with all that does not depend on the campaign."""
            return {
                "task_id": "delete",
                **({} if archive_path is None else {"archive_path": archive_path}),
                "verify_results": verify_results,
                "outlets": list(delete_outlets),
                "kore_conn_id": kore_conn_id,
                "api_version": api_version,
                "map_index_template": _NAME % ("report", "report"),
                **meant_by,
            }

        @task_group(group_id="campaign")
        def each(campaign: Any) -> None:
            settled = SettledCampaignOperator(
                task_id="settle",
                campaign=campaign,
                stop_task_ids={str(kind): stop.task_id for kind, stop in stops.items()},
                last_day=last_day,
                calling_hours=calling_hours,
                grace_period=grace_period,
                deferrable=deferrable,
                trigger_rule=TriggerRule.ALL_DONE,
                kore_conn_id=kore_conn_id,
                map_index_template=_NAME % ("campaign", "campaign"),
            )
            report = CampaignReportOperator(
                task_id="report",
                campaign_id=settled.output,
                output_path=output_path,
                formats=formats,
                phone_numbers=phone_numbers,
                allow_empty=allow_empty,
                if_no_contact_results=if_no_contact_results,
                refresh=refresh,
                pending_timeout=pending_timeout,
                deferrable=deferrable,
                outlets=list(report_outlets),
                kore_conn_id=kore_conn_id,
                map_index_template=_NAME % ("campaign_id", "campaign_id"),
            )
            if not approve:
                # A campaign that has yet to run is deleted only by its id, which here the writer of the DAG has named.
                by_id = {} if name_pattern is not None else {"campaign_id": settled.output[ID_KEY]}  # type: ignore[index]
                DeleteCampaignOperator(**deletion(report=report.output, **by_id))

        done = each.expand(campaign=listed)
        list(stops.values()) >> done
        within = f"{group.group_id}.campaign"
        last = done
        if approve:
            from airflow_provider_campaigns.operators.approval import (  # noqa: PLC0415 - loads the human in the loop
                DeleteApprovalOperator,
            )

            approval = DeleteApprovalOperator(
                task_id="approve",
                settled_task_id=f"{within}.settle",
                report_task_id=f"{within}.report",
                response_timeout=response_timeout,
                assigned_users=assigned_users,
                notifiers=notifiers,
                trigger_rule=TriggerRule.ALL_DONE,
            )
            approved = approved_deletes(f"{within}.report", approval.task_id, by_id=name_pattern is None)
            deleted = DeleteCampaignOperator.partial(**deletion()).expand_kwargs(approved)
            done >> approval >> approved
            last = deleted
        told = outcome(
            listed,
            stop_task_ids=[stop.task_id for stop in stops.values()],
            settle_task_id=f"{within}.settle",
            report_task_id=f"{within}.report",
            delete_task_id=f"{group.group_id}.delete" if approve else f"{within}.delete",
            approve_task_id=f"{group.group_id}.approve" if approve else None,
        )
        last >> told
    return group


def _ids_in_the_dag(given: Any) -> set[str]:
    """The ids that are known before any task runs."""
    return {target.campaign_id for target in Targets.parse(None, given).targets} if is_static(given) else set()


@task(task_id="campaigns")
def campaigns_of(voice: Any = None, sms: Any = None) -> list[dict[str, Any]]:
    """The campaigns that are meant, one by one: ``{campaign_id, campaign_type, name}``."""
    given = {CampaignType.VOICE: voice, CampaignType.SMS: sms}
    try:
        return [
            {"campaign_id": target.campaign_id, "campaign_type": str(kind), "name": target.name}
            for kind, campaigns in given.items()
            if campaigns is not None
            for target in Targets.parse(None, campaigns).targets
        ]
    except KoreConfigurationError as error:
        raise AirflowFailException(str(error)) from error


@task(task_id="approved")
def approved_deletes(report_task_id: str, approve_task_id: str, *, by_id: bool) -> list[dict[str, Any]]:
    """What is to be deleted: every campaign whose report a person was asked about, complete or not.

    The delete judges the report for itself. One that was made while the question stood, in the place of another or of
    none, was not shown: its campaign is left alone.
    """
    context = get_current_context()
    asked = pulled(context, approve_task_id, key=ASKED_KEY)
    shown = []
    for report in pulled(context, report_task_id):
        if evening.is_asked_about(report, asked):
            shown.append({"report": report} | ({"campaign_id": report["campaign_id"]} if by_id else {}))
        else:
            log.warning(
                "campaign %s: is left alone, because its report was made after the question was asked; clear the task "
                "%s to be asked about it",
                report["campaign_id"],
                approve_task_id,
            )
    return shown


@task(task_id="outcome", trigger_rule=TriggerRule.ALL_DONE)
def outcome(
    campaigns: Any,
    *,
    stop_task_ids: Sequence[str],
    settle_task_id: str,
    report_task_id: str,
    delete_task_id: str,
    approve_task_id: str | None,
) -> list[dict[str, Any]]:
    """What became of each campaign; red if one was not served, or if a task failed.

    A campaign that a person wants to keep, or that goes on until its last day, is served by being left alone.
    """
    context = get_current_context()
    if campaigns is None:
        raise AirflowFailException("it is not known which campaigns were meant: see the tasks before this one")
    answers = [] if approve_task_id is None else pulled(context, approve_task_id, key=ANSWER_KEY)
    fates = evening.Evening(
        campaigns=list(campaigns),
        settled=pulled(context, settle_task_id),
        reports=pulled(context, report_task_id),
        deletes=pulled(context, delete_task_id),
        left=pulled(context, settle_task_id, key=LEFT_KEY),
        answer=answers[0] if answers else None,
        is_asked=approve_task_id is not None,
        asked=[] if approve_task_id is None else pulled(context, approve_task_id, key=ASKED_KEY),
    ).fates()
    log.info("%d campaigns:\n%s", len(fates), evening.table(fates))
    # What a task returned before the run was cleared is still there while the task itself has not run again.
    before = [*stop_task_ids, settle_task_id, report_task_id, delete_task_id, *filter(None, [approve_task_id])]
    ti, run_id = context["ti"], context["run_id"]
    states = ti.get_task_states(dag_id=ti.dag_id, task_ids=before, run_ids=[run_id]).get(run_id, {})
    broken = sorted(task_id for task_id, state in states.items() if state in {"failed", "upstream_failed"})
    failed = [one for one in fates if one["fate"] == evening.Fate.FAILED]
    if failed or broken:
        ti.xcom_push(key=RESULTS_KEY, value=fates)
        problem = f"{len(failed)} of {len(fates)} campaigns were not served:\n{evening.table(failed)}"
        raise AirflowFailException(
            "\n".join(([problem] if failed else []) + ([f"failed tasks: {', '.join(broken)}"] if broken else []))
        )
    return fates
