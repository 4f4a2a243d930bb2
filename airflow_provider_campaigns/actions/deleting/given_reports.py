"""Which reports are given to a delete: by address, or as the results of the task that made them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.actions.targets import Target, Targets
from airflow_provider_campaigns.kore.campaigns import checked_campaign_id
from airflow_provider_campaigns.kore.errors import KoreConfigurationError, KoreError
from airflow_provider_campaigns.reports.errors import ReportRefusedError
from airflow_provider_campaigns.reports.fit import check_report, read_manifest
from airflow_provider_campaigns.reports.manifest import MANIFEST_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.kore.campaigns import Campaign
    from airflow_provider_campaigns.reports.fit import CheckedReport
    from airflow_provider_campaigns.reports.folder import Folder
    from airflow_provider_campaigns.reports.manifest import Manifest

_EXAMPLE = "'s3://results/reports/cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000/cid-5fd1'"


@dataclass(frozen=True, slots=True)
class GivenReport:
    """A report that is to justify a delete; nothing of it has been checked yet.

    Attributes:
        url: its folder; None if the result of the report's task names none.
        target: the campaign that it is about, as its task's result says; None where only an address was given.
        manifest_sha256: of its manifest, as its task's result says.
        rows: how many contacts it holds, as its task's result says.
        pending: how many of them have a result that is not final, as its task's result says.
    """

    url: str | None
    target: Target | None = None
    manifest_sha256: str | None = None
    rows: int | None = None
    pending: int | None = None


@dataclass(frozen=True, slots=True)
class GivenReports:
    """All reports that are given.

    Attributes:
        reports: in the order given.
        is_many: False if one was given by itself, so that the delete's result is no list.
    """

    reports: tuple[GivenReport, ...]
    is_many: bool

    @classmethod
    def parse(cls, value: object) -> GivenReports:
        """From an operator's argument: an address, a result dict, a sequence of these, or JSON text of any of them.

        An address is a report's folder, or the manifest in it.

        Raises:
            KoreConfigurationError: it is none of these.
        """
        if isinstance(value, str) and value.lstrip().startswith(("[", "{")):
            try:
                value = json.loads(value)
            except ValueError:
                raise KoreConfigurationError(
                    "report: a text that begins with { or [ must be JSON; in a template, tojson makes it: "
                    "{{ ti.xcom_pull('report') | tojson }}",
                    field="report",
                ) from None
        if isinstance(value, str | Mapping):
            return cls((_given(value),), is_many=False)
        if not isinstance(value, Iterable):
            raise _unreadable(value)
        return cls(tuple(map(_given, value)), is_many=True)


class Reports:
    """The reports that a delete has to be justified by, by campaign."""

    def __init__(self, by_campaign: Mapping[str, GivenReport], open_folder: Callable[[str], Folder]) -> None:
        self._by_campaign = by_campaign
        self._open_folder = open_folder

    def check(self, campaign: Campaign) -> CheckedReport:
        """The campaign's report, every file of it read and found right.

        Raises:
            ReportRefusedError: it does not justify deleting the campaign, or there is none.
            ReportStorageError: it cannot be read.
        """
        given = self._by_campaign.get(campaign.campaign_id)
        if given is None or given.url is None:
            raise ReportRefusedError(
                f"campaign {campaign.campaign_id}: the result of its report's task names no report (report_url). "
                "Nothing was deleted. Run the report again, and delete with what it returns",
                campaign_id=campaign.campaign_id,
            )
        return check_report(self._open_folder(given.url), campaign, manifest_sha256=given.manifest_sha256)

    def told(self, campaign_id: str) -> dict[str, Any]:
        """What is said of a campaign's report without looking at it, as a delete's result carries it."""
        given = self._by_campaign.get(campaign_id)
        if given is None or given.url is None:
            return {}
        facts = {
            "report_url": given.url,
            "manifest_sha256": given.manifest_sha256,
            "rows": given.rows,
            "pending": given.pending,
        }
        return {name: value for name, value in facts.items() if value is not None}


def facts_of(report: CheckedReport) -> dict[str, Any]:
    """What a delete's result carries of the report that justified it."""
    sha256, given = report.manifest.sha256, report.given_sha256
    return {
        "report_url": report.folder.url(),
        "manifest_sha256": sha256,
        **({} if given in {None, sha256} else {"given_manifest_sha256": given}),
        "verified": report.verified,
        "rows": report.manifest.rows,
        "pending": report.manifest.pending,
    }


@dataclass(frozen=True, slots=True)
class ReportedTargets:
    """The campaigns that reports are about.

    Attributes:
        targets: the campaigns meant.
        reports: the report of each.
        unread: what was wrong with a report that does not even tell its campaign, by its address.
    """

    targets: Targets
    reports: Reports
    unread: Mapping[str, KoreError]


def reported_targets(
    given: GivenReports, named: Targets | None, open_folder: Callable[[str], Folder]
) -> ReportedTargets:
    """Find out which campaigns the reports are about; reads the manifest where only an address was given.

    ``named`` are the campaigns that are named besides; they must be the same. Each must still have the name that its
    report has, unless ``named`` says another.

    Raises:
        KoreConfigurationError: they are not, or two reports are about one campaign.
    """
    by_campaign: dict[str, GivenReport] = {}
    targets: list[Target] = []
    unread: dict[str, KoreError] = {}
    for report in given.reports:
        try:
            target = report.target or _target_of(read_manifest(open_folder(str(report.url))))
        except KoreError as error:
            unread[str(report.url)] = error
            continue
        if target.campaign_id in by_campaign:
            raise KoreConfigurationError(
                f"report: one report for each campaign, but there are more for {target.campaign_id}", field="report"
            )
        by_campaign[target.campaign_id] = report
        targets.append(target)
    if named is None:
        named = Targets(tuple(targets), given.is_many)
    else:
        _check_same({target.campaign_id for target in named.targets}, set(by_campaign), unread)
        # A report that cannot be read may be that of a campaign that is named: such a one is left alone.
        by_report = {target.campaign_id: target for target in targets}
        named = replace(
            named,
            targets=tuple(
                replace(one, name=one.name or about.name, proven_missing_at=about.proven_missing_at)
                for one in named.targets
                if (about := by_report.get(one.campaign_id)) is not None
            ),
        )
    return ReportedTargets(named, Reports(by_campaign, open_folder), unread)


def _check_same(named: set[str], reported: set[str], unread: Mapping[str, KoreError]) -> None:
    strangers = sorted(reported - named)
    without = [] if unread else sorted(named - reported)
    if strangers or without:
        raise KoreConfigurationError(
            "campaign_ids, report: must be about the same campaigns, but "
            + (
                f"there is a report of {', '.join(strangers)}, which is not named"
                if strangers
                else f"there is no report of {', '.join(without)}"
            )
            + ". Leave campaign_ids out, and the reports say which are meant. Nothing was deleted",
            field="report",
        )


def _target_of(manifest: Manifest) -> Target:
    return Target(checked_campaign_id(manifest.campaign_id), manifest.name, is_explicit=False)


def _given(item: object) -> GivenReport:
    if isinstance(item, str) and item.strip():
        return GivenReport(_folder_of(item.strip()))
    if not isinstance(item, Mapping) or "campaign_id" not in item:
        raise _unreadable(item)
    (target,) = Targets.parse(None, [item]).targets
    url = item.get("report_url")
    return GivenReport(
        _folder_of(url) if isinstance(url, str) and url else None,
        target,
        _text(item.get("manifest_sha256")),
        *(count if isinstance(count := item.get(name), int) else None for name in ("rows", "pending")),
    )


def _folder_of(url: str) -> str:
    return url.removesuffix("/").removesuffix(f"/{MANIFEST_NAME}").removesuffix("/")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _unreadable(value: object) -> KoreConfigurationError:
    return KoreConfigurationError(
        f"report: expected the address of a report such as {_EXAMPLE}, the result of a report's task, or a list of "
        f"these, got {type(value).__name__}",
        field="report",
    )
