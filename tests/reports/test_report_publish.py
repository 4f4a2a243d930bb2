"""What becomes of the report that was there when another is published."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from report_support import (
    DATA_FILES,
    Reporter,
    contents_of,
    file_of,
    folder_of,
    manifest_of,
    names_in,
    rows_of,
)

from airflow_provider_campaigns.reports.errors import ReportError
from airflow_provider_campaigns.reports.fit import check_report
from airflow_provider_campaigns.reports.folder import Folder

if TYPE_CHECKING:
    from fake_clock import FakeClock

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator


class KilledError(BaseException):
    """Stands for a kill: nothing but a test catches it."""


@pytest.fixture
def report(client: KoreClient, fake_clock: FakeClock, tmp_path: Path, kore_simulator: KoreSimulator) -> Reporter:
    """Makes reports."""
    kore_simulator.switches(rate_limit=None)
    return Reporter(client, fake_clock, tmp_path / "reports")


def manifests_beside(folder: Path) -> list[dict[str, Any]]:
    """The manifests of reports that another has taken the place of."""
    return [json.loads(path.read_bytes()) for path in folder.glob("manifest-*.json")]


def test_snapshot__stays_beside(report: Reporter, kore_simulator: KoreSimulator) -> None:
    """A snapshot of a campaign that ran stays, with its manifest, beside the report that is made after the stop."""
    campaign_id = kore_simulator.add_campaign(status="Active", contacts=5)
    snapshot = report.one(campaign_id)
    kept = {name: data for name, data in contents_of(folder_of(snapshot)).items() if name != "manifest.json"}
    report.client.stop_campaign(campaign_id, "voice")
    result = report.one(campaign_id)

    (beside,) = manifests_beside(folder_of(result))
    assert (result["complete"], beside["reason"], beside["rows"]) == (True, "running", 5)
    after = contents_of(folder_of(result))
    assert {name: after[name] for name in kept} == kept
    assert beside["files"].keys() == kept.keys()


def test_other_phone_numbers__go(report: Reporter, kore_simulator: KoreSimulator) -> None:
    """Of a report with phone numbers nothing is left by one without, nor of what stayed beside it."""
    campaign_id = kore_simulator.add_campaign(status="Active", contacts=[{"phoneNumber": "19995550142"}])
    report.one(campaign_id)
    report.client.stop_campaign(campaign_id, "voice")
    report.one(campaign_id)
    result = report.one(campaign_id, phone_numbers="drop")

    assert names_in(folder_of(result)) == sorted((*DATA_FILES, "manifest.json"))
    assert b"1999555" not in b"".join(contents_of(folder_of(result)).values())


def test_killed__before_the_manifest(
    report: Reporter, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is killed before the manifest leaves the report that was, to the byte."""
    campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=300)
    first = report.one(campaign_id)
    before = contents_of(folder_of(first))
    write = Folder.write

    def killed(folder: Folder, name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "manifest.json":
            raise KilledError
        return write(folder, name, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "write", killed)
        with pytest.raises(KilledError):
            report.one(campaign_id, phone_numbers="drop")

    after = contents_of(folder_of(first))
    assert {name: after[name] for name in before} == before
    check_report(Folder(folder_of(first)), report.client.get_campaign(campaign_id))
    report.client.delete_campaign(campaign_id, "voice")
    assert report.one(campaign_id)["manifest_sha256"] == first["manifest_sha256"]


def test_two_writers(report: Reporter, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds another manifest than it began with leaves it, and is to start anew."""
    campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
    first = report.one(campaign_id, formats=("csv",))
    own, made = Folder.write_own, []

    def overtaken(folder: Folder, name: str, chunks: Any) -> Any:
        if not made:
            made.append(None)
            made[0] = report.one(campaign_id, formats=("csv", "jsonl"))
        return own(folder, name, chunks)

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "write_own", overtaken)
        error = report.failure(campaign_id, formats=("jsonl",))

    assert isinstance(error, ReportError)
    assert error.retryable
    assert "another task has written a report" in str(error)
    assert manifest_of(first)["formats"] == ["csv", "jsonl"]
    assert report.one(campaign_id, formats=("jsonl",))["manifest_sha256"] == made[0]["manifest_sha256"]


RESET = [{"uniqueId": "1", "dialerOutcome": "", "numberOfAttemptsSoFar": 0}]
"""What a stop leaves that keeps the rows and empties them."""


@pytest.mark.parametrize("phone_numbers", ["keep", "drop"])
def test_reset(phone_numbers: str, report: Reporter, kore_simulator: KoreSimulator) -> None:
    """What a stop has emptied is not complete, however often it is reported; the snapshot before it stays."""
    called = [{"uniqueId": "1", "dialerOutcome": "completed", "numberOfAttemptsSoFar": 2}]
    campaign_id = kore_simulator.add_campaign(status="Active", contacts=called)
    snapshot = report.one(campaign_id)
    report.client.stop_campaign(campaign_id, "voice")
    kore_simulator.set_contacts(campaign_id, RESET)

    for _ in range(3):
        result = report.one(campaign_id, phone_numbers=phone_numbers)
        assert (result["complete"], result["reason"]) == (False, "says_less")
        assert rows_of(result) == rows_of(snapshot) == called
        page = file_of(result, "report.html").read_text()
        assert "of 1 of the contacts in a snapshot from before the stop the service has less" in page.lower()


def test_reset__behind_a_report_that_failed(report: Reporter, kore_simulator: KoreSimulator) -> None:
    """A snapshot is not forgotten by a report in between, which was not complete for another reason."""
    called = [{"uniqueId": "1", "dialerOutcome": "completed", "numberOfAttemptsSoFar": 2}]
    campaign_id = kore_simulator.add_campaign(status="Active", contacts=called)
    report.one(campaign_id)
    report.client.stop_campaign(campaign_id, "voice")
    kore_simulator.set_contacts(campaign_id, [*called, {"uniqueId": "2"}])
    kore_simulator.set_status(campaign_id, "Preparing", force=True)
    assert report.one(campaign_id)["reason"] == "not_ended"
    kore_simulator.set_status(campaign_id, "Stopped", force=True)
    kore_simulator.set_contacts(campaign_id, [*RESET, {"uniqueId": "2"}])

    assert report.one(campaign_id)["reason"] == "says_less"
    assert report.one(campaign_id)["reason"] == "says_less"


def test_reset__behind_one_with_other_phone_numbers(report: Reporter, kore_simulator: KoreSimulator) -> None:
    """Nor is it forgotten where that report has other phone numbers: it goes only beside a complete one."""
    called = [{"uniqueId": "1", "dialerOutcome": "completed", "numberOfAttemptsSoFar": 2}]
    campaign_id = kore_simulator.add_campaign(status="Active", contacts=called)
    report.one(campaign_id)
    report.client.stop_campaign(campaign_id, "voice")
    kore_simulator.set_contacts(campaign_id, [*called, {"uniqueId": "2", "dialerOutcome": "in-progress"}])
    assert report.one(campaign_id, phone_numbers="drop")["reason"] == "pending"
    kore_simulator.set_contacts(campaign_id, [*RESET, {"uniqueId": "2"}])
    report.fake_clock.elapsed_s += 3 * 3600

    assert report.one(campaign_id, phone_numbers="drop")["reason"] == "says_less"
    assert report.one(campaign_id, phone_numbers="drop")["reason"] == "says_less"


@pytest.mark.parametrize(("left", "said"), [(0, "counts 0"), (299, "counts 299"), (None, "does not tell how many")])
@pytest.mark.parametrize("phone_numbers", ["keep", "drop"])
def test_reset__messages(
    left: int | None, said: str, phone_numbers: str, report: Reporter, kore_simulator: KoreSimulator
) -> None:
    """Nor is the number of messages, where that is all that there is."""
    kore_simulator.switches(sms_results="error")
    campaign_id = kore_simulator.add_campaign(campaign_type="sms", status="Active", messages_sent=300)
    report.one(campaign_id, if_no_contact_results="totals")
    report.client.stop_campaign(campaign_id, "sms")
    setattr(kore_simulator.service.store.get(campaign_id), "messages_sent", left)  # noqa: B010 - None is no int

    for _ in range(3):
        result = report.one(campaign_id, if_no_contact_results="totals", phone_numbers=phone_numbers)
        manifest = manifest_of(result)
        assert (result["complete"], result["reason"], manifest["messages_sent"]) == (False, "says_less", 300)
        assert (
            f"a snapshot from before the stop has 300 messages, and now the service {said}; these are the 300 "
            in (manifest["reason_text"])
        )
        assert json.loads(file_of(result, "summary.json").read_bytes())["messages_sent"] == 300


def test_reset__not_of_messages(report: Reporter, kore_simulator: KoreSimulator) -> None:
    """As many messages as in the snapshot, or more, are complete; the snapshot stays beside the report."""
    kore_simulator.switches(sms_results="error")
    campaign_id = kore_simulator.add_campaign(campaign_type="sms", status="Active", messages_sent=300)
    snapshot = report.one(campaign_id, if_no_contact_results="totals")
    before = contents_of(folder_of(snapshot))
    report.client.stop_campaign(campaign_id, "sms")
    kore_simulator.service.store.get(campaign_id).messages_sent = 310
    result = report.one(campaign_id, if_no_contact_results="totals")

    assert (result["complete"], manifest_of(result)["messages_sent"]) == (True, 310)
    assert before["manifest.json"] in contents_of(folder_of(result)).values()


@pytest.mark.parametrize("after", ["drop", "hash", "keep"])
@pytest.mark.parametrize("before", ["keep", "drop"])
@pytest.mark.parametrize("left", [0, 40])
def test_shrunk__however_often(
    left: int, before: str, after: str, report: Reporter, kore_simulator: KoreSimulator
) -> None:
    """What a snapshot has counted is not forgotten by a retry, whatever becomes of phone numbers."""
    campaign_id = kore_simulator.add_campaign(status="Active", contacts=120)
    snapshot = report.one(campaign_id, phone_numbers=before)
    kore_simulator.set_status(campaign_id, "Stopped")
    kore_simulator.set_contacts(campaign_id, left)

    for _ in range(3):
        result = report.one(campaign_id, phone_numbers=after, allow_empty=True)
        assert (result["complete"], result["reason"]) == (False, "total_shrank")
    assert file_of_snapshot(snapshot).read_bytes().count(b"\n") == 120


def test_shrunk__behind_results_that_were_not_final(report: Reporter, kore_simulator: KoreSimulator) -> None:
    """Nor what any other report has counted that was not complete."""
    rows = [{"uniqueId": str(number), "dialerOutcome": "in-progress"} for number in range(120)]
    campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=rows)
    assert report.one(campaign_id)["reason"] == "pending"
    kore_simulator.set_contacts(campaign_id, [row | {"dialerOutcome": "busy"} for row in rows[1:]])

    for _ in range(3):
        assert report.one(campaign_id, phone_numbers="drop")["reason"] == "total_shrank"


@pytest.mark.parametrize("name", ["summary.json", "contacts.csv", "contacts.jsonl", "digests.txt", "campaign.json"])
def test_damaged__still_counts(name: str, report: Reporter, kore_simulator: KoreSimulator) -> None:
    """A report of which one file was damaged is no reason to take fewer contacts for all; what is whole of it stays."""
    campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=150)
    first = report.one(campaign_id)
    others = {path: path.read_bytes() for path in map(local, first["files"].values()) if path != file_of(first, name)}
    file_of(first, name).write_bytes(b"{}")
    kore_simulator.set_contacts(campaign_id, 140)

    for _ in range(2):
        assert report.one(campaign_id)["reason"] == "total_shrank"
    assert {path: path.read_bytes() for path in others} == others


def local(url: str) -> Path:
    return Path(url.removeprefix("file://"))


def file_of_snapshot(snapshot: dict[str, Any]) -> Path:
    return local(snapshot["files"]["contacts.jsonl"])


def test_refresh(report: Reporter, kore_simulator: KoreSimulator) -> None:
    """``refresh`` reads everything anew at any time; what was complete before stays beside it."""
    campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=[{"uniqueId": "1", "dialerOutcome": "busy"}])
    first = report.one(campaign_id)
    kore_simulator.set_contacts(campaign_id, [{"uniqueId": "1", "dialerOutcome": "completed"}])
    assert report.one(campaign_id)["changed"] is False
    second = report.one(campaign_id, refresh=True)

    assert rows_of(second) == [{"uniqueId": "1", "dialerOutcome": "completed"}]
    (beside,) = manifests_beside(folder_of(second))
    assert beside["files"] == manifest_files(first)
    kore_simulator.service.store.remove(campaign_id)
    assert report.one(campaign_id, refresh=True)["manifest_sha256"] == second["manifest_sha256"]


def manifest_files(result: dict[str, Any]) -> dict[str, Any]:
    """The files of a report by what its result says of them."""
    names = [url.rpartition("/")[2] for url in result["files"].values()]
    contents = {name: (folder_of(result) / name).read_bytes() for name in names}
    return {n: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for n, data in contents.items()}


def test_snapshot__of_an_earlier_version(report: Reporter, kore_simulator: KoreSimulator) -> None:
    """A snapshot without digests tells nothing but its number of contacts."""
    campaign_id = kore_simulator.add_campaign(status="Active", contacts=[{"uniqueId": "1", "dialerOutcome": "busy"}])
    snapshot = report.one(campaign_id)
    manifest, digests = manifest_of(snapshot), file_of(snapshot, "digests.txt")
    del manifest["files"][digests.name]
    digests.unlink()
    (folder_of(snapshot) / "manifest.json").write_text(json.dumps(manifest))
    report.client.stop_campaign(campaign_id, "voice")
    kore_simulator.set_contacts(campaign_id, RESET)

    assert report.one(campaign_id)["complete"]


@pytest.mark.parametrize("note", ["{", "[]", '{"reason": 1}', '{"manifest_sha256": "5f", "reason": "x"}'])
def test_superseded__torn(note: str, report: Reporter, kore_simulator: KoreSimulator) -> None:
    """A note that is torn, or is about another report, supersedes nothing."""
    campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=3)
    first = report.one(campaign_id)
    (folder_of(first) / "superseded.json").write_text(note)

    assert report.one(campaign_id)["changed"] is False
