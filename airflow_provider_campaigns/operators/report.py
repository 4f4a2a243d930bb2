"""``CampaignReportOperator``."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf

from airflow_provider_campaigns import reports
from airflow_provider_campaigns.actions import reporting
from airflow_provider_campaigns.actions.outcomes import Outcomes
from airflow_provider_campaigns.arguments.folders import read_folder, storage_path
from airflow_provider_campaigns.arguments.static import check_static
from airflow_provider_campaigns.arguments.values import flag, read_duration, read_if_no_contact_results
from airflow_provider_campaigns.kore.clock import Clock, instant_text, wait_until
from airflow_provider_campaigns.operators.base import CampaignsOperator
from airflow_provider_campaigns.operators.outlets import tell_outlets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context
    from airflow.sdk import ObjectStoragePath
    from pydantic import JsonValue

    from airflow_provider_campaigns.actions.reporting.report import ReportOptions


class CampaignReportOperator(CampaignsOperator):
    """Write the results of campaigns to files, contact by contact, and say whether that is all there is.

    Changes nothing on the service. In ``{output_path}/{campaign id}/{campaign instance id, or never-ran}/`` it writes
    ``contacts.jsonl`` (the rows as the service gives them), ``contacts.csv``, ``contacts.parquet``, ``campaign.json``
    (the campaign as it was read), ``summary.json`` (totals), ``report.html`` (for people) and last ``manifest.json``:
    whether the report is complete, why not, and name, size and SHA-256 of each file. Every other file has a part of its
    digest in its name, and is never written over. See docs/reporting.md.

    A complete report is kept: a second call, a cleared task, or a call after the campaign was deleted, returns it with
    ``changed: false``. A task that was killed goes on where it was, and ends with the same files, byte by byte.
    A backfill run reports as any other does: what it writes is what there is today.

    Right after a stop some results are not final: calls end, agents say how they went. Such a report is there, but not
    complete. When all campaigns are reported, the task waits and looks again every 15 minutes, until two looks find the
    same or ``pending_timeout`` is over; then it is complete, and says how many are ``pending``.

    Source: get-all-contact-details-voice-campaigns-v2, get-voice-campaign-by-id-v2.

    Args:
        campaign_id: one campaign; the result is a dict.
        campaign_ids: many campaigns: ids or result dicts of another task (a stop's tells how many contacts there were),
            or a JSON array in text; the result is a list. One after the other; one that fails keeps no other from being
            reported; the task then fails with a table, and a retry does only the rest.
        output_path: the folder of all reports: a local path, or one that an Airflow connection opens, such as
            ``s3://aws_default@bucket/reports``.
        formats: of ``jsonl``, ``csv``, ``html`` and ``parquet``; the last needs the extra ``parquet``.
        phone_numbers: ``keep``; ``hash``: an HMAC with a key from the connection's secret, the same in all reports of
            the connection; or ``drop``: the field is left out.
        allow_empty: a campaign that ran and has no contact counts as complete.
        if_no_contact_results: ``fail``, or ``totals`` for a report of totals only, where the service refuses the
            results of an SMS campaign by contact, or has none while it counts messages.
        pending_timeout: seconds (or a timedelta) after the end of the run during which its results may become final; 0
            takes them as they are.
        deferrable: wait for them in the triggerer, without a worker; Airflow's ``default_deferrable`` by default.
        if_missing: ``fail``, ``skip`` or ``succeed`` if a campaign is provably not there and no complete report of it
            is kept.
        refresh: read everything anew while the campaign is there, also if a complete report is kept; that one stays
            beside the new one.
        plan_only: read and log what would be written; write nothing.
        kore_conn_id: the Airflow connection.
        api_version: of writes, of which there are none here; reads follow the connection's, or v2.

    Returns:
        ``{campaign_id, campaign_type, name, status, changed, campaign_instance_id, complete, reason, proven_by,
        readings, rows, pending, contacts_before_stop, report_url, manifest_url, manifest_sha256, files, finished_at}``;
        ``proven_by`` is ``one_reading``, ``same_rows_twice``, ``gathered`` or ``totals``, None if it is not complete;
        ``readings`` is how often the pages were read, ``pending`` how many results are not final. ``files`` is the
        address of each file by its plain name, such as ``contacts.jsonl``; no contact, no phone number.
        ``last_run_known: false`` besides where the campaign is gone and nothing names its last run: the report is the
        newest that is kept, and a later run may have gone unreported. ``proven_missing_at``, in ISO 8601, where an
        earlier task's result has told it, within an hour.
        Each asset in ``outlets`` gets an event with ``{"campaigns": [{campaign_id, rows, complete, manifest_url,
        manifest_sha256}]}``.

    Raises:
        AirflowFailException: nothing is to be gained by a retry: a wrong argument, no permission, no bucket, another
            name, a run that was started since.
        KoreError: a retry may help, as when the results changed while they were read.
        AirflowSkipException: no campaign is there, and ``if_missing`` is ``skip``.
    """

    template_fields: Sequence[str] = (
        *CampaignsOperator.template_fields,
        "output_path",
        "if_no_contact_results",
        "pending_timeout",
        "refresh",
    )
    ui_color = "#e6f6e6"

    def __init__(
        self,
        *,
        output_path: str | ObjectStoragePath,
        formats: Sequence[str] = ("jsonl", "csv", "html"),
        phone_numbers: str = "keep",
        allow_empty: bool = False,
        if_no_contact_results: str = "fail",
        pending_timeout: float | timedelta | str = timedelta(hours=2),
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        refresh: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.output_path = output_path
        self.formats = formats
        self.phone_numbers = phone_numbers
        self.allow_empty = allow_empty
        self.if_no_contact_results = if_no_contact_results
        self.pending_timeout = pending_timeout
        self.deferrable = flag("deferrable", deferrable)
        self.refresh = refresh
        check_static(
            self,
            output_path=read_folder,
            formats=lambda _, formats: reports.checked_formats(formats),
            phone_numbers=lambda _, phone_numbers: reports.PhoneNumbers.parse(phone_numbers),
            allow_empty=flag,
            if_no_contact_results=read_if_no_contact_results,
            pending_timeout=read_duration,
            refresh=flag,
        )

    def execute(self, context: Context) -> Any:
        """Report the campaigns."""
        with self.working() as clock:
            return self._report(None, context, clock)

    def go_on(self, context: Context, value: dict[str, Any]) -> Any:
        """Look again, in a new process, at what was not final; ``value`` is what became of all campaigns so far."""
        with self.working() as clock:
            return self._report(Outcomes.from_json(value), context, clock)

    def _report(self, outcomes: Outcomes | None, context: Context, clock: Clock) -> Any:
        """Report all campaigns, or what ``outcomes`` leaves to be done; and again, while results are not final."""
        targets, options = self.targets(), self._options()
        output_path = storage_path("output_path", self.output_path)
        self.show_link(context, targets)
        client = self.hook.get_conn()
        while True:
            outcomes = reporting.report_campaigns(
                client, targets.targets, output_path, options, earlier=outcomes, clock=clock
            )
            moment = reporting.waits_until(outcomes)
            if moment is None:
                break
            self.log.info("waiting until %s for results that are not final", instant_text(moment))
            if self.deferrable:
                self.defer_until(moment, value=outcomes.as_json())
            wait_until(moment, clock)
        result = self.deliver(outcomes, targets, context, what="reported")
        self._tell_outlets(context, outcomes.as_dicts())
        return result

    def _options(self) -> ReportOptions:
        formats = reports.checked_formats(self.formats)
        reports.check_installed(formats)
        return reporting.ReportOptions(
            formats,
            phone_numbers=reports.PhoneNumbers.parse(self.phone_numbers),
            allow_empty=flag("allow_empty", self.allow_empty),
            if_no_contact_results=read_if_no_contact_results("if_no_contact_results", self.if_no_contact_results),
            if_missing=self.checked_if_missing(),
            pending_timeout=read_duration("pending_timeout", self.pending_timeout),
            refresh=flag("refresh", self.refresh),
            plan_only=flag("plan_only", self.plan_only),
        )

    def _tell_outlets(self, context: Context, results: list[dict[str, Any]]) -> None:
        """Let the events of the task's assets say where the reports are."""
        names = ("campaign_id", "rows", "pending", "complete", "manifest_url", "manifest_sha256")
        reported = [result for result in results if "manifest_url" in result]
        campaigns: list[JsonValue] = [{name: result[name] for name in names} for result in reported]
        tell_outlets(self, context, campaigns)
