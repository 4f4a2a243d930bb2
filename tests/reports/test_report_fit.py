"""Which reports justify a delete; judged on values, and on files of a local disk."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from report_support import path_in
from saved_report import manifest_of, result_of, save_report, url_of

from airflow_provider_campaigns.kore.campaigns import Campaign
from airflow_provider_campaigns.reports.errors import ReportRefusedError, ReportStorageError
from airflow_provider_campaigns.reports.fit import check_report, read_manifest
from airflow_provider_campaigns.reports.folder import Folder

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_campaigns.simulator import KoreSimulator

CAMPAIGN = "cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000"
RUN = "cid-5fd1e45-e8ba-4e97-a339-476ebc7d0000"
BEFORE, SINCE = "2026-03-02T12:00:00.000Z", "2026-03-02T12:45:00.000Z"


def campaign(**changes: Any) -> Campaign:
    """The campaign that the reports here are about."""
    body = {
        "_id": CAMPAIGN,
        "name": "Spring",
        "status": "Stopped",
        "dialingMode": "Progressive",
        "campaignInstanceId": RUN,
        "createdAt": "2026-02-01T08:00:00.000Z",
        "updatedAt": BEFORE,
    }
    return Campaign.from_api({name: value for name, value in (body | changes).items() if value is not None})


@pytest.fixture
def seeded(kore_simulator: KoreSimulator) -> KoreSimulator:
    """The same campaign, at the service."""
    kore_simulator.add_campaign(
        campaign_id=CAMPAIGN,
        name="Spring",
        status="Stopped",
        instance_id=RUN,
        created_at="2026-02-01T08:00:00.000Z",
        updated_at=BEFORE,
    )
    return kore_simulator


def refused(path: Path, of: Campaign, manifest_sha256: str | None = None) -> str:
    """Why the report does not justify deleting the campaign."""
    with pytest.raises(ReportRefusedError) as caught:
        check_report(Folder(path), of, manifest_sha256=manifest_sha256)
    assert not caught.value.retryable
    assert caught.value.campaign_id == CAMPAIGN
    text = str(caught.value)
    assert text.startswith(f"campaign {CAMPAIGN}: the report {url_of(path)} ")
    assert "Nothing was deleted. " in text
    return text.removeprefix(f"campaign {CAMPAIGN}: the report {url_of(path)} ")


class TestFit:
    """What a manifest must say."""

    @pytest.mark.parametrize(
        ("manifest", "now"),
        [
            ({}, {}),
            ({}, {"updatedAt": SINCE}),
            ({"status": "Completed"}, {"status": "Completed"}),
            ({"stopped_at": None, "contacts_before_stop": None}, {}),
            ({"contacts_before_stop": 2}, {}),
            ({"campaign_instance_id": None}, {}),
            ({}, {"campaignInstanceId": None}),
            ({"campaign_instance_id": None, "status": "Ready", "rows": 0, "total": 0, "contacts_before_stop": None},
             {"campaignInstanceId": None, "status": "Ready"}),
            ({"rows": 0, "total": 0, "contacts_before_stop": 0, "allow_empty": True}, {}),
            ({"contact_results": False, "rows": None, "total": None, "contacts_before_stop": None}, {}),
            ({"contact_results": False, "rows": None, "total": None, "contacts_before_stop": 0}, {}),
        ],
    )  # fmt: skip
    def test_check_report__fits(
        self, seeded: KoreSimulator, tmp_path: Path, manifest: dict[str, Any], now: dict[str, Any]
    ) -> None:
        """Complete, about this run, taken after it ended; without a run on either side, nothing has changed since."""
        path = save_report(seeded, CAMPAIGN, tmp_path, **manifest)

        checked = check_report(Folder(path), campaign(**now), manifest_sha256=result_of(path)["manifest_sha256"])

        assert checked.manifest.campaign_id == CAMPAIGN
        checked.check_again(campaign(**now))

    @pytest.mark.parametrize(
        ("manifest", "now", "reason"),
        [
            ({"complete": False, "reason": "running", "reason_text": "the campaign ran"}, {},
             "is not complete: the campaign ran."),
            ({"complete": False, "reason": "total_shrank"}, {}, "is not complete: total_shrank."),
            ({"complete": False}, {}, "is not complete: it does not say why."),
            ({"campaign_id": "cd-other"}, {}, "is about campaign cd-other."),
            ({"created_at": "2025-01-01T00:00:00.000Z"}, {}, "is about a campaign created at 2025-01-01T00:00:00.000Z"),
            ({}, {"createdAt": None},
             ("is about a campaign created at 2026-02-01T08:00:00.000Z, and this one was created at a time that is not "
             "named.")),
            ({"campaign_instance_id": "cid-1"}, {},
             f"is about run cid-1, and the campaign was started again since: it is Stopped as run {RUN}."),
            ({}, {"campaignInstanceId": "cid-9", "status": "Active"},
             f"is about run {RUN}, and the campaign was started again since: it is Active as run cid-9."),
            ({"campaign_instance_id": None, "status": "Ready"}, {},
             f"is about a campaign that never ran, and it was started since: it is Stopped as run {RUN}."),
            ({}, {"status": "Active"}, "cannot hold all of the run: the campaign is Active."),
            ({}, {"status": "Paused"}, "cannot hold all of the run: the campaign is Paused."),
            ({"campaign_instance_id": None}, {"updatedAt": SINCE},
             (f"names no run and the campaign names {RUN}, so the campaign must be as it was, and it was changed: "
             f"updatedAt was {BEFORE} and is {SINCE}.")),
            ({"campaign_instance_id": None, "updated_at": None}, {"updatedAt": SINCE},
             (f"names no run and the campaign names {RUN}, so the campaign must be as it was, and nothing says that it "
             f"is: the report has no updatedAt, and now it is {SINCE}.")),
            ({}, {"campaignInstanceId": None, "updatedAt": SINCE}, f"names {RUN} and the campaign names none"),
            ({"campaign_instance_id": None, "updated_at": None}, {"updatedAt": None},
             f"names no run and the campaign names {RUN}, and nothing says when it was changed, "),
            ({"stopped_at": SINCE}, {},
             f"was finished at 2026-03-02T12:20:00.000Z, before the campaign was stopped at {SINCE}."),
            ({"finished_at": "soon"}, {}, "does not say when it was finished."),
            ({"finished_at": "2026-03-02T12:20:00"}, {}, "does not say when it was finished."),
            ({"files": {}}, {}, "has no campaign.json, no summary.json, no contacts.jsonl or contacts.csv"),
            ({"files": {"campaign.json": {"bytes": 3, "sha256": ""}, "summary.json": {"bytes": 3, "sha256": ""}}}, {},
             "has no contacts.jsonl or contacts.csv or contacts.parquet."),
        ],
    )  # fmt: skip
    def test_check_report__refused(
        self, seeded: KoreSimulator, tmp_path: Path, manifest: dict[str, Any], now: dict[str, Any], reason: str
    ) -> None:
        """Whatever is not complete, not about this run, or taken too early, is refused with the reason."""
        path = save_report(seeded, CAMPAIGN, tmp_path, **manifest)

        assert refused(path, campaign(**now)).startswith(reason)


class TestFiles:
    """What must be there, byte by byte."""

    @pytest.mark.parametrize("name", ["contacts.jsonl", "campaign.json", "summary.json"])
    @pytest.mark.parametrize("damage", ["gone", "cut", "changed", "longer"])
    def test_check_report__file(self, seeded: KoreSimulator, tmp_path: Path, name: str, damage: str) -> None:
        """A file that is missing, shorter, longer or merely different is found."""
        path = save_report(seeded, CAMPAIGN, tmp_path)
        file = path_in(path, name)
        name, content = file.name, file.read_bytes()
        size = len(content)
        if damage == "gone":
            file.unlink()
        else:
            damaged = {"cut": content[:-1], "changed": b"!" + content[1:], "longer": content + b"\n"}[damage]
            file.write_bytes(damaged)

        assert refused(path, campaign()).startswith(
            {
                "gone": f"lacks {name}, which its manifest names.",
                "cut": f"is damaged: {name} has {size - 1} bytes, expected {size}.",
                "changed": f"was changed: the SHA-256 of {name} is not what its manifest says.",
                "longer": f"is damaged: {name} has {size + 1} bytes, expected {size}.",
            }[damage]
        )

    def test_check_report__no_manifest(self, seeded: KoreSimulator, tmp_path: Path) -> None:
        """A folder without a manifest, or no folder at all, is no finished report."""
        path = save_report(seeded, CAMPAIGN, tmp_path)
        (path / "manifest.json").unlink()

        reason = "is not there, or was not finished: there is no manifest.json."
        assert refused(path, campaign()).startswith(reason)
        assert refused(tmp_path / "elsewhere", campaign()).startswith(reason)

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 2}', b"\xff\xfe"])
    def test_check_report__unreadable_manifest(self, seeded: KoreSimulator, tmp_path: Path, content: bytes) -> None:
        """A manifest that is cut off, garbled, or of a later format is refused."""
        path = save_report(seeded, CAMPAIGN, tmp_path)
        (path / "manifest.json").write_bytes(content)

        assert refused(path, campaign()).startswith("cannot be understood: ")

    def test_read_manifest__storage_that_fails(self, tmp_path: Path) -> None:
        """A folder that cannot be looked into says nothing about the report: that is no refusal."""
        with pytest.raises(ReportStorageError, match="File name too long"):
            read_manifest(Folder(tmp_path / ("x" * 300)), CAMPAIGN)

    def test_check_report__other_manifest(self, seeded: KoreSimulator, tmp_path: Path) -> None:
        """A manifest that was written later, with files to match, is told by the digest that the task returned."""
        path = save_report(seeded, CAMPAIGN, tmp_path)
        digest = result_of(path)["manifest_sha256"]
        (path / "manifest.json").write_bytes((path / "manifest.json").read_bytes() + b" ")

        assert f"expected {digest}. Nothing was deleted" in refused(path, campaign(), digest)
        check_report(Folder(path), campaign())

    @pytest.mark.parametrize("name", ["../summary.json", "/etc/hostname", "a/b"])
    def test_check_report__path_as_a_name(self, seeded: KoreSimulator, tmp_path: Path, name: str) -> None:
        """A manifest that leads out of the folder is refused."""
        path = save_report(seeded, CAMPAIGN, tmp_path)
        body = json.loads((path / "manifest.json").read_text())
        body["files"][name] = body["files"][path_in(path, "summary.json").name]
        (path / "manifest.json").write_text(json.dumps(body))

        assert refused(path, campaign()).startswith(f"lacks {name}, which its manifest names.")

    def test_check_again__replaced(self, seeded: KoreSimulator, tmp_path: Path) -> None:
        """A report that is replaced between the two looks is refused, also by an equally good one."""
        path = save_report(seeded, CAMPAIGN, tmp_path)
        checked = check_report(Folder(path), campaign())
        save_report(seeded, CAMPAIGN, tmp_path, tries=2)

        with pytest.raises(ReportRefusedError, match="was replaced while the campaign was being deleted"):
            checked.check_again(campaign())

    def test_check_again__started_again(self, seeded: KoreSimulator, tmp_path: Path) -> None:
        """The second look judges the campaign as it is by then."""
        checked = check_report(Folder(save_report(seeded, CAMPAIGN, tmp_path)), campaign())

        with pytest.raises(ReportRefusedError, match="was started again since: it is Active as run cid-9"):
            checked.check_again(campaign(campaignInstanceId="cid-9", status="Active"))


def test_manifest_of__is_the_contract(seeded: KoreSimulator) -> None:
    """The reports of these tests say what reports say, in the same order."""
    from airflow_provider_campaigns.reports.manifest import Manifest

    body = manifest_of(seeded, CAMPAIGN, files={}, pending=None)

    assert list(Manifest.from_bytes(json.dumps(body).encode()).as_json()) == list(body)
