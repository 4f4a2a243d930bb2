"""The page of a report that is kept because it has more contacts than the service: it says what the manifest says."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from report_kills import KilledReports
from report_support import DATA_FILES, Reporter, contents_of, file_of, folder_of, manifest_of, names_in, without_digest

from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.reports.errors import ReportRefusedError
from airflow_provider_campaigns.reports.fit import check_report
from airflow_provider_campaigns.reports.folder import Folder

if TYPE_CHECKING:
    from fake_clock import FakeClock

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

OF_A_SNAPSHOT = "Incomplete: a snapshot of a campaign that had not ended"
OF_A_LOSS = "Incomplete: contacts have disappeared"


class KilledError(BaseException):
    """Stands for a kill: nothing but a test catches it."""


@pytest.fixture
def report(client: KoreClient, fake_clock: FakeClock, tmp_path: Path, kore_simulator: KoreSimulator) -> Reporter:
    """Makes reports of a service that loses a campaign's results when it is stopped."""
    kore_simulator.switches(rate_limit=None, stop_empties_results=True)
    return Reporter(client, fake_clock, tmp_path / "reports")


@pytest.fixture
def snapshot(report: Reporter, kore_simulator: KoreSimulator) -> dict[str, Any]:
    """The result of a report of 250 contacts, which a stop has taken from the service since."""
    campaign_id = kore_simulator.add_campaign(status="Active", contacts=250)
    result = report.one(campaign_id)
    report.client.stop_campaign(campaign_id, "voice")
    return result


def after_the_stop(snapshot: dict[str, Any]) -> Target:
    """The campaign, as its stop hands it to the report after it."""
    return Target(snapshot["campaign_id"], contacts_before_stop=250)


def page_of(result: dict[str, Any]) -> str:
    return file_of(result, "report.html").read_text()


def kill_before_the_manifest(monkeypatch: pytest.MonkeyPatch, report: Reporter, target: Target) -> None:
    """Let a report end between the page and the manifest."""
    write = Folder.write

    def killed(folder: Folder, name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "manifest.json":
            raise KilledError
        return write(folder, name, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "write", killed)
        with pytest.raises(KilledError):
            report(target)


def test_kept__page(report: Reporter, snapshot: dict[str, Any]) -> None:
    """The page of a kept report says why no better one could be made, and is as its manifest says."""
    first = page_of(snapshot)

    result = report.one(after_the_stop(snapshot))

    page = page_of(result)
    assert OF_A_SNAPSHOT in first
    assert OF_A_SNAPSHOT not in page
    assert OF_A_LOSS in page
    assert (
        "The service has 0 contacts, but it had 250 right before the stop; these are the 250 contacts read on "
        "2026-03-02T12:30:00.000Z, which are more." in page
    )
    assert "Read: 250. Counted by the service at that time: 250." in page
    data = page.encode()
    assert manifest_of(result)["files"][file_of(result, "report.html").name] == {
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    assert result["manifest_sha256"] == hashlib.sha256((folder_of(result) / "manifest.json").read_bytes()).hexdigest()


def test_kept__data(report: Reporter, snapshot: dict[str, Any]) -> None:
    """Page and manifest alone are written: every other file stays to the byte."""
    before = contents_of(folder_of(snapshot))

    after = contents_of(folder_of(report.one(after_the_stop(snapshot))))

    gone, new = sorted(before.keys() - after.keys()), sorted(after.keys() - before.keys())
    assert [without_digest(one) for one in gone] == [without_digest(one) for one in new] == ["report.html"]
    assert [name for name in before.keys() & after.keys() if after[name] != before[name]] == ["manifest.json"]


def test_kept__without_a_page(report: Reporter, kore_simulator: KoreSimulator) -> None:
    """A report that was asked for without a page gets none."""
    campaign_id = kore_simulator.add_campaign(status="Active", contacts=250)
    report.one(campaign_id, formats=("jsonl",))
    report.client.stop_campaign(campaign_id, "voice")

    result = report.one(Target(campaign_id, contacts_before_stop=250), formats=("jsonl",))

    assert result["reason"] == "total_shrank"
    assert names_in(folder_of(result)) == [
        "campaign.json",
        "contacts.jsonl",
        "digests.txt",
        "manifest.json",
        "summary.json",
    ]


def test_killed__before_the_manifest(
    report: Reporter, snapshot: dict[str, Any], monkeypatch: pytest.MonkeyPatch, kore_simulator: KoreSimulator
) -> None:
    """A kill between page and manifest leaves what a delete refuses, and the next try keeps every contact."""
    target = after_the_stop(snapshot)
    folder = folder_of(snapshot)
    manifest = (folder / "manifest.json").read_bytes()
    kill_before_the_manifest(monkeypatch, report, target)

    assert OF_A_SNAPSHOT in page_of(snapshot)
    assert (folder / "manifest.json").read_bytes() == manifest
    with pytest.raises(ReportRefusedError, match="is not complete"):
        check_report(Folder(folder), report.client.get_campaign(target.campaign_id))

    result = report.one(target)

    assert (result["rows"], result["reason"]) == (250, "total_shrank")
    assert OF_A_LOSS in page_of(result)
    assert names_in(folder) == sorted((*DATA_FILES, "manifest.json"))


@dataclass
class KilledKept(KilledReports):
    """The same where a report that is worth more is there before.

    Attributes:
        before: the folder with it.
    """

    before: Path = Path()

    def prepared(self, name: str) -> Path:
        return Path(shutil.copytree(self.before, self.home / name))

    def check_left(self, left: dict[str, bytes], undisturbed: dict[str, bytes]) -> None:
        """Every file is whole: as it was before, or as it is in the end."""
        before = contents_of(self.before)
        visible = {name: data for name, data in left.items() if "_parts" not in name}
        known = before.keys() | undisturbed.keys()
        assert visible.keys() <= known
        assert before.keys() & undisturbed.keys() <= visible.keys()
        for name, data in visible.items():
            assert data in {before.get(name), undisturbed.get(name)}, f"{name} was torn"

    def stage(self, left: dict[str, bytes], undisturbed: dict[str, bytes]) -> str:
        """How much of what is written was written."""
        names = [name for name in undisturbed if name.endswith((".html", "manifest.json"))]
        written = [name for name in names if left.get(name) == undisturbed[name]]
        return ", ".join(without_digest(name.rsplit("/", 1)[-1]) for name in written)


def test_killed__at_any_line(
    report: Reporter, snapshot: dict[str, Any], kore_simulator: KoreSimulator, tmp_path: Path
) -> None:
    """After a kill -9 at any of 24 lines of the last tenth, the next try ends as if nobody had disturbed it."""
    kills = KilledKept(kore_simulator, snapshot["campaign_id"], tmp_path, before=report.path)

    left = kills.run([0.9 + 0.1 * (number + 0.5) / 24 for number in range(24)])

    # The lines must have met each state, or nothing was tested.
    assert set(left) == {"", "report.html", "manifest.json, report.html"}, left
    page = (tmp_path / "undisturbed").rglob("report-*.html")
    assert [OF_A_LOSS in one.read_text() for one in page] == [True]


@pytest.mark.parametrize("damage", ["edited", "removed"])
def test_complete__page_damaged(
    damage: str, report: Reporter, kore_simulator: KoreSimulator, client: KoreClient
) -> None:
    """A complete report whose page alone is not as it was gets it again, also when the service has nothing any more."""
    campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=250)
    result = report.one(campaign_id)
    before = contents_of(folder_of(result))
    if damage == "edited":
        file_of(result, "report.html").write_text("<p>saved by an editor</p>")
    else:
        file_of(result, "report.html").unlink()
    client.delete_campaign(campaign_id, "voice")

    assert report.one(campaign_id) == result | {"changed": False, "last_run_known": False}
    assert contents_of(folder_of(result)) == before


def test_complete__page_damaged_and_plan_only(report: Reporter, kore_simulator: KoreSimulator) -> None:
    """A plan writes no page either."""
    campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
    result = report.one(campaign_id)
    file_of(result, "report.html").unlink()

    assert "write" in report.one(campaign_id, plan_only=True)["planned"]
    assert not file_of(result, "report.html").exists()


def test_complete__page_of_another_version(report: Reporter, kore_simulator: KoreSimulator) -> None:
    """A page that this version writes otherwise than the one before gets its own size and digest in the manifest."""
    campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
    result = report.one(campaign_id)
    folder, name = folder_of(result), file_of(result, "report.html").name
    manifest = manifest_of(result)
    manifest["files"]["report-0000000000000000.html"] = manifest["files"].pop(name) | {"sha256": "0" * 64}
    (folder / "manifest.json").write_text(json.dumps(manifest))

    again = report.one(campaign_id)

    assert again["changed"] is False
    assert again["manifest_sha256"] == result["manifest_sha256"]
    check_report(Folder(folder), report.client.get_campaign(campaign_id), manifest_sha256=again["manifest_sha256"])
