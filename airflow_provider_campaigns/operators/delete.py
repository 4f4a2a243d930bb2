"""``DeleteCampaignOperator``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_campaigns import reports
from airflow_provider_campaigns.actions import deleting, stopping
from airflow_provider_campaigns.actions.evidence import NoEvidence, as_seen_first
from airflow_provider_campaigns.arguments.folders import storage_path
from airflow_provider_campaigns.arguments.guards import LEFT_OUT, given_value, read_archive_path, read_report
from airflow_provider_campaigns.arguments.static import Reader, check_static, is_static
from airflow_provider_campaigns.arguments.values import flag, one_of
from airflow_provider_campaigns.kore.campaigns import checked_campaign_type
from airflow_provider_campaigns.kore.errors import KoreConfigurationError
from airflow_provider_campaigns.operators.audit import audit_of, who_runs
from airflow_provider_campaigns.operators.base import CampaignsOperator
from airflow_provider_campaigns.operators.evidence import evidence_of
from airflow_provider_campaigns.operators.outlets import tell_outlets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider_campaigns.actions.deleting.archive import Archive
    from airflow_provider_campaigns.actions.deleting.given_reports import ReportedTargets
    from airflow_provider_campaigns.actions.targets import Targets
    from airflow_provider_campaigns.arguments.guards import LeftOut
    from airflow_provider_campaigns.reports.folder import Folder

IF_RUNNING = ("fail", "stop")
IF_UNREPORTED = ("fail", "delete")
VERIFY_RESULTS = ("all", "ends")


class DeleteCampaignOperator(CampaignsOperator):
    """Delete voice or SMS campaigns, and prove that they are gone. A campaign that runs is never deleted.

    What stops existing: the campaign, and whatever the service keeps of its results. What remains: its contact lists,
    the report and the archive. It cannot be undone. A second call finds the campaign missing, sends nothing and
    succeeds with ``changed: false``.

    With ``report``, nothing is deleted unless every file of the report is what its manifest says, and the report is
    complete and about the campaign's latest run. Without it, a campaign that has run is not deleted, unless
    ``if_unreported`` says that its results are not wanted.

    ``report``, ``archive_path`` and ``expected_name`` guard a delete: to do without one, leave it out. One that is
    given and turns out to be nothing - None or empty text, as it stands in the DAG, from a template, another task or a
    mapping - is an error, and nothing is deleted: the guard was meant.

    Source: delete-voice-campaign, delete-sms-campaign (v1), delete-voice-campaign-v2, delete-sms-campaign-v2.

    Args:
        campaign_id: one campaign: its id, or the result dict of another task; the result is a dict.
        campaign_ids: many campaigns: ids or result dicts of another task, or a JSON array in text; the result is a
            list. One that fails keeps no other from being deleted; the task then fails with a table, and a retry does
            only the rest. A result dict's name must still be the campaign's.
        campaign_type: ``voice`` or ``sms``; a campaign of the other type is an error. None takes it from the campaign.
        if_running: ``fail``, or ``stop``: stop an Active or Paused campaign, prove that it stopped, then delete it. No
            report can hold all of a run that is going on, so this needs ``if_unreported="delete"``.
        if_missing: ``succeed``, ``skip`` or ``fail`` if a campaign is provably not there: reading says so, and so does
            the list.
        report: what justifies the delete: the address of a report (its folder, or the manifest in it), the result of a
            ``CampaignReportOperator``, a list of these, or JSON text of them. It says which campaigns are meant;
            ``campaign_id`` or ``campaign_ids``, if given, must name the same.
        if_unreported: without ``report``, what becomes of a campaign that has run: ``fail``, before anything is sent;
            or ``delete``: its results are lost, and that is meant. One that never ran needs no report.
        verify_results: with ``report``, how it is compared with what the service has right before the delete: ``all``
            reads every contact once more, or ``ends`` their number, the first and the last page, which proves less.
            What is new is added to the report, beside the files that are there; if anything was taken away, nothing is
            deleted, and the report's task, cleared, reads everything anew.
        archive_path: a folder of any storage, such as ``s3://my_aws@results/deleted``. For each campaign it gets, in
            ``{campaign_id}/{campaign_instance_id or "never-ran"}/``, ``campaign.json`` (the object, before the delete),
            ``delete-grounds.json`` (by which report, for whom, who approved), ``delete-accepted.json`` (the same of the
            delete that was accepted, and when), ``delete-answer.json`` (what the service answered; ``{"lost": true}``
            if that was lost) and, last, ``receipt.json``. If it cannot be begun, nothing is deleted.
        expected_name: the campaign's name, or ``{id: name}``; another name is an error.
        confirm: prove that each campaign is gone, by reading and by the list, or by the status view where the list is
            refused. What is to prove it is tried before; if it would not, nothing is sent. False believes the answer.
        plan_only: read, guard and log the request that would be sent; send nothing.
        kore_conn_id: the Airflow connection.
        api_version: ``v1`` or ``v2`` of the delete; None for the connection's, or v2.

    Returns:
        ``{campaign_id, campaign_type, name, status, changed, campaign_instance_id, deleted_at}``; status is ``Deleted``
        or ``Missing``, ``deleted_at`` in ISO 8601 UTC and only where a delete was sent; ``planned`` is what a plan
        would send; ``proven_by`` is ``list and get``, ``get and status`` or ``its status, Deleted``; ``report_url``,
        ``manifest_sha256``, ``rows``, ``pending`` (results that never became final), ``verified`` (``all`` or ``ends``)
        and ``archive_url`` where there is a report or an archive; ``given_manifest_sha256`` if the delete has added to
        the report that was given. The events of the task's outlets carry
        ``{"campaigns": [{campaign_id, rows, pending, manifest_url, manifest_sha256}]}``.

    Raises:
        AirflowFailException: nothing is to be gained by a retry: a wrong argument, a campaign that runs, is scheduled
            or has a status that nobody documented, another type or name, a report that does not justify the delete, or
            none.
        KoreError: a retry may help.
        AirflowSkipException: no campaign is there, and ``if_missing`` is ``skip``.
    """

    template_fields: Sequence[str] = (
        *CampaignsOperator.template_fields,
        "expected_name",
        "if_running",
        "if_unreported",
        "verify_results",
        "report",
        "archive_path",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **CampaignsOperator.template_fields_renderers,
        "expected_name": "json",
        "report": "json",
    }
    ui_color = "#ffe8e4"
    _names_campaigns_otherwise = True

    def __init__(
        self,
        *,
        campaign_type: str | None = None,
        if_running: str = "fail",
        if_unreported: str = "fail",
        verify_results: str = "all",
        if_missing: str = "succeed",
        expected_name: str | Mapping[str, str] | LeftOut = LEFT_OUT,
        report: str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]] | XComArg | LeftOut = LEFT_OUT,
        archive_path: str | LeftOut = LEFT_OUT,
        confirm: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(if_missing=if_missing, **kwargs)
        if report is LEFT_OUT and self.campaign_id is None and self.campaign_ids is None:
            raise KoreConfigurationError(
                "campaign_id, campaign_ids, report: give one of them; for example report=save_results.output",
                field="report",
            )
        self.campaign_type = None if campaign_type is None else checked_campaign_type(campaign_type)
        self.if_running = if_running
        self.if_unreported = if_unreported
        self.verify_results = verify_results
        self.confirm = confirm
        # Rendering makes them what they turn out to be, which must not become a delete without a guard that was meant.
        self._is_named = expected_name is not LEFT_OUT
        self._is_reported = report is not LEFT_OUT
        self._is_archived = archive_path is not LEFT_OUT
        self.expected_name = None if expected_name is LEFT_OUT else expected_name
        self.report = None if report is LEFT_OUT else report
        self.archive_path = None if archive_path is LEFT_OUT else archive_path
        guards: dict[str, tuple[bool, Reader]] = {
            "expected_name": (self._is_named, lambda *_: self._check_expected_name()),
            "report": (self._is_reported, read_report),
            "archive_path": (self._is_archived, read_archive_path),
        }
        check_static(
            self,
            if_running=lambda name, if_running: one_of(name, if_running, IF_RUNNING),
            if_unreported=lambda name, if_unreported: one_of(name, if_unreported, IF_UNREPORTED),
            verify_results=lambda name, how: one_of(name, how, VERIFY_RESULTS),
            confirm=flag,
            **{name: read for name, (is_given, read) in guards.items() if is_given},
        )

    def _check_expected_name(self) -> None:
        given_value("expected_name", self.expected_name, without="to accept any name")
        if self._named_in_the_dag():
            self.targets().with_names(self.expected_name)

    def _named_in_the_dag(self) -> bool:
        """True if it is known before the task runs which campaigns are meant."""
        named = [one for one in (self.campaign_id, self.campaign_ids) if one is not None]
        return bool(named) and is_static(named)

    def execute(self, context: Context) -> Any:
        """Delete the campaigns."""
        with self.working() as clock:
            self.skip_backfill(context)
            client, who = self.hook.get_conn(), who_runs(context, approved_for=self)
            audit = audit_of(who)
            reported = self._reported()
            targets = self._named(self.targets() if reported is None else reported.targets)
            options = deleting.DeleteOptions(
                self.campaign_type,
                api_version=self.api_version,
                if_missing=self.checked_if_missing(),
                if_unreported=one_of("if_unreported", self.if_unreported, IF_UNREPORTED),
                verify_results=one_of("verify_results", self.verify_results, VERIFY_RESULTS),
                confirm=flag("confirm", self.confirm),
                plan_only=flag("plan_only", self.plan_only),
            )
            self.show_link(context, targets)
            evidence = evidence_of(context) if reported is None and not options.plan_only else NoEvidence()
            may_stop = one_of("if_running", self.if_running, IF_RUNNING) == "stop"
            outcomes = deleting.delete_campaigns(
                client,
                targets.targets,
                options,
                reports=None if reported is None else reported.reports,
                archive=self._archive(who),
                stop=stopping.stop_one(client, evidence, audit, clock) if may_stop else None,
                first_look=as_seen_first(evidence),
                audit=audit,
                clock=clock,
            )
            # Who clears the task has looked, and means what is there by then.
            left: dict[str, dict[str, Any]] = {
                one: {} for one, error in outcomes.failures.items() if error.ends_retries
            }
            if left:
                evidence.keep(left)
            if reported is not None:
                outcomes.add_failures(reported.unread)
            delivered = self.deliver(outcomes, targets, context, what="deleted")
            self._tell_outlets(context, delivered if targets.is_many else [delivered])
            return delivered

    def _reported(self) -> ReportedTargets | None:
        """The campaigns that the reports are about, None if the delete needs no report."""
        if not self._is_reported and self.report is None:
            return None
        given = read_report("report", self.report)
        named = None if self.campaign_id is None and self.campaign_ids is None else self.targets()
        return deleting.reported_targets(given, named, _reported_folder)

    def _named(self, targets: Targets) -> Targets:
        """The campaigns, each with the name that it must have, if names are expected."""
        if not self._is_named and self.expected_name is None:
            return targets
        given_value("expected_name", self.expected_name, without="to accept any name")
        return targets.with_names(self.expected_name)

    def _archive(self, who: Mapping[str, Any]) -> Archive | None:
        if not self._is_archived and self.archive_path is None:
            return None
        read_archive_path("archive_path", self.archive_path)
        folder = reports.Folder(storage_path("archive_path", self.archive_path))
        return deleting.Archive(folder, who)

    def _tell_outlets(self, context: Context, results: Sequence[Mapping[str, Any]]) -> None:
        """Let the events of the task's assets say which campaigns are gone, and where their reports are."""
        campaigns: list[Any] = [
            {
                "campaign_id": result["campaign_id"],
                "rows": result.get("rows"),
                "pending": result.get("pending"),
                "manifest_url": f"{result['report_url']}/{reports.MANIFEST_NAME}" if "report_url" in result else None,
                "manifest_sha256": result.get("manifest_sha256"),
            }
            for result in results
        ]
        tell_outlets(self, context, campaigns)


def _reported_folder(url: str) -> Folder:
    return reports.Folder(storage_path("report", url), scratch=reports.PARTS_FOLDER)
