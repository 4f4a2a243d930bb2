"""Reporting campaigns over the simulator: what is written, when it is complete, and what is kept."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from report_support import DATA_FILES, STRANGER, Reporter, contents_of, folder_of, manifest_of, rows_of, without_times

from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore.errors import (
    CampaignMismatchError,
    CampaignStateError,
    KoreNotFoundError,
    KoreProtocolError,
)
from airflow_provider_campaigns.reports.errors import ReportError, ReportStorageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fake_clock import FakeClock

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

    Meanwhile = Callable[[str, Callable[[], object]], None]


@pytest.fixture
def report(client: KoreClient, fake_clock: FakeClock, tmp_path: Path, kore_simulator: KoreSimulator) -> Reporter:
    """Makes reports of the simulator's campaigns."""
    kore_simulator.switches(rate_limit=None)
    return Reporter(client, fake_clock, tmp_path)


def pages_read(simulator: KoreSimulator) -> list[int]:
    """The pages of contacts that were asked for, in order of their numbers."""
    return sorted(record.body["page"] for record in simulator.requests.of("contacts"))


class TestWhole:
    def test_files(self, report: Reporter, kore_simulator: KoreSimulator, tmp_path: Path) -> None:
        """A report has every file, where it belongs, and a manifest that measures the others."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=250, name="Spring Offer")
        instance_id = kore_simulator.campaign(campaign_id).instance_id
        result = report.one(campaign_id)

        folder = tmp_path / campaign_id / str(instance_id)
        assert result == {
            "campaign_id": campaign_id,
            "campaign_type": "voice",
            "name": "Spring Offer",
            "status": "Stopped",
            "changed": True,
            "campaign_instance_id": instance_id,
            "complete": True,
            "reason": None,
            "rows": 250,
            "contacts_before_stop": None,
            "report_url": f"file://{folder}",
            "manifest_url": f"file://{folder}/manifest.json",
            "manifest_sha256": hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest(),
            "finished_at": "2026-03-02T12:30:00.000Z",
        }
        files = contents_of(tmp_path)
        assert sorted(files) == sorted(f"{campaign_id}/{instance_id}/{name}" for name in (*DATA_FILES, "manifest.json"))
        measured = {
            name: {
                "bytes": len(files[f"{campaign_id}/{instance_id}/{name}"]),
                "sha256": hashlib.sha256(files[f"{campaign_id}/{instance_id}/{name}"]).hexdigest(),
            }
            for name in DATA_FILES
        }
        assert manifest_of(result)["files"] == measured

    def test_manifest(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """The manifest says what the report is and rests on."""
        campaign_id = kore_simulator.add_campaign(
            status="Stopped",
            contacts=150,
            name="Spring Offer",
            created_at="2026-03-01T09:00:00.000Z",
            updated_at="2026-03-02T12:30:00.000Z",
            instance_id="cid-1",
        )
        target = Target(
            campaign_id, campaign_instance_id="cid-1", contacts_before_stop=150, stopped_at="2026-03-02T12:29:59.000Z"
        )

        assert {name: value for name, value in manifest_of(report.one(target)).items() if name != "files"} == {
            "format": 1,
            "provider_version": "0.1.0",
            "complete": True,
            "reason": None,
            "reason_text": None,
            "campaign_id": campaign_id,
            "campaign_type": "voice",
            "name": "Spring Offer",
            "status": "Stopped",
            "campaign_instance_id": "cid-1",
            "created_at": "2026-03-01T09:00:00.000Z",
            "updated_at": "2026-03-02T12:30:00.000Z",
            "contact_results": True,
            "total": 150,
            "rows": 150,
            "duplicate_rows": 0,
            "contacts_before_stop": 150,
            "stopped_at": "2026-03-02T12:29:59.000Z",
            "phone_numbers": "keep",
            "formats": ["jsonl", "csv", "html"],
            "allow_empty": False,
            "started_at": "2026-03-02T12:30:00.000Z",
            "finished_at": "2026-03-02T12:30:00.000Z",
            "tries": 1,
            "passes": 1,
        }

    @pytest.mark.parametrize("contacts", [0, 1, 99, 100, 101, 1000, 1001, 2350])
    def test_rows(self, contacts: int, report: Reporter, kore_simulator: KoreSimulator, client: KoreClient) -> None:
        """Every contact is in the files, raw and in order, however the pages fall."""
        campaign_id = kore_simulator.add_campaign(status="Completed", contacts=contacts)
        result = report.one(campaign_id, allow_empty=True)

        expected = [dict(one.raw) for page in client.iter_contact_results(campaign_id) for one in page.contacts]
        assert rows_of(result) == expected
        assert len(expected) == contacts == result["rows"]
        table = (folder_of(result) / "contacts.csv").read_bytes()
        assert table.count(b"\r\n") == contacts + 1
        summary = json.loads((folder_of(result) / "summary.json").read_bytes())
        assert summary["contacts"]["rows"] == sum(summary["outcomes"].values()) == contacts

    def test_requests(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A report costs each page once, and four requests more: the campaign and both edge pages at the end."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=1234)
        report.one(campaign_id)

        assert pages_read(kore_simulator) == [1, 1, *range(2, 14), 13]
        assert len(kore_simulator.requests) == 13 + 4
        kore_simulator.assert_no_writes()

    def test_campaign_file(self, report: Reporter, kore_simulator: KoreSimulator, client: KoreClient) -> None:
        """The campaign is kept as the service gives it."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=1, name="Süd")
        result = report.one(campaign_id)

        assert json.loads((folder_of(result) / "campaign.json").read_bytes()) == dict(
            client.get_campaign(campaign_id).raw
        )
        assert "Süd" in (folder_of(result) / "campaign.json").read_text()

    def test_formats(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """Only the formats that are wanted are written; campaign and summary always are."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
        result = report.one(campaign_id, formats=("csv",))

        assert sorted(contents_of(folder_of(result))) == [
            "campaign.json",
            "contacts.csv",
            "manifest.json",
            "summary.json",
        ]

    @pytest.mark.parametrize("how", ["hash", "drop"])
    def test_phone_numbers(self, how: str, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """Where phone numbers are not to be kept, no file holds one."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=1100)
        result = report.one(campaign_id, phone_numbers=how)

        numbers = {f"1{200 + n // 100}55501{n % 100:02d}".encode() for n in range(1100)}
        files = contents_of(folder_of(result))
        assert not [name for name, data in files.items() for number in numbers if number in data]
        assert len({row.get("phoneNumber") for row in rows_of(result)}) == (1100 if how == "hash" else 1)

    def test_deterministic(self, report: Reporter, kore_simulator: KoreSimulator, tmp_path: Path) -> None:
        """Two reports of the same results are equal, byte by byte, but for the manifest's times and tries."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=1234)
        first = contents_of(folder_of(report.one(campaign_id)))
        report.path = tmp_path / "second"
        report.fake_clock.elapsed_s = 3600
        second = contents_of(folder_of(report.one(campaign_id)))

        assert without_times(first.pop("manifest.json")) == without_times(second.pop("manifest.json"))
        assert first == second


class TestComplete:
    @pytest.mark.parametrize(
        ("status", "reason"),
        [
            ("Active", "running"),
            ("Paused", "running"),
            ("Winding down", "not_ended"),
            ("Scheduled", "not_ended"),
            ("Rescheduled", "not_ended"),
            ("Preparing", "not_ended"),
            ("Stopped", None),
            ("Completed", None),
        ],
    )
    def test_status(
        self,
        status: str,
        reason: str | None,
        report: Reporter,
        kore_simulator: KoreSimulator,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """A campaign that is over is reported completely; of any other there is a snapshot, with a warning."""
        campaign_id = kore_simulator.add_campaign(status=status, contacts=120, instance_id="cid-1")
        result = report.one(campaign_id)

        assert (result["complete"], result["reason"], result["rows"]) == (reason is None, reason, 120)
        assert len(rows_of(result)) == 120
        assert ("is not complete" in caplog.text) is (reason is not None)

    def test_never_ran(self, report: Reporter, kore_simulator: KoreSimulator, tmp_path: Path) -> None:
        """A campaign that never ran is complete with nothing in it."""
        campaign_id = kore_simulator.add_campaign(status="Ready", contacts=120)
        result = report.one(campaign_id)

        assert (result["complete"], result["rows"], result["campaign_instance_id"]) == (True, 0, None)
        assert result["report_url"] == f"file://{tmp_path}/{campaign_id}/never-ran"
        assert rows_of(result) == []
        assert (folder_of(result) / "contacts.csv").read_bytes().startswith(b"phoneNumber,uniqueId,")

    @pytest.mark.parametrize(
        ("before_stop", "reason", "rows"), [(120, "total_shrank", 0), (None, "empty", 0), (0, "empty", 0)]
    )
    def test_stop_empties(
        self,
        before_stop: int | None,
        reason: str,
        rows: int,
        report: Reporter,
        kore_simulator: KoreSimulator,
        client: KoreClient,
    ) -> None:
        """Where the stop emptied the results, the report says so, with or without knowing how many there were."""
        kore_simulator.switches(stop_empties_results=True)
        campaign_id = kore_simulator.add_campaign(status="Active", contacts=120)
        client.stop_campaign(campaign_id, "voice")
        result = report.one(Target(campaign_id, contacts_before_stop=before_stop))

        assert (result["complete"], result["reason"], result["rows"]) == (False, reason, rows)
        assert manifest_of(result)["contacts_before_stop"] == before_stop

    def test_allow_empty(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """That a run has no contact can be accepted, and is noted."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=0)

        assert report.one(campaign_id)["reason"] == "empty"
        result = report.one(campaign_id, allow_empty=True)
        assert result["complete"]
        assert manifest_of(result)["allow_empty"] is True
        assert report.one(campaign_id)["reason"] == "empty"

    def test_snapshot__then_complete(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A snapshot gives way to the report of the same run, once that is over."""
        campaign_id = kore_simulator.add_campaign(status="Active", contacts=120)
        snapshot = report.one(campaign_id)
        kore_simulator.set_status(campaign_id, "Stopped")
        complete = report.one(campaign_id)

        assert snapshot["report_url"] == complete["report_url"]
        assert (snapshot["complete"], complete["complete"]) == (False, True)
        assert "retry-cancelled" in {row["dialerOutcome"] for row in rows_of(complete)}


class TestMoving:
    """The service is not documented to keep its pages still."""

    def test_late_rows(self, report: Reporter, kore_simulator: KoreSimulator, meanwhile: Meanwhile) -> None:
        """Results that arrive while the pages are read make them be read once more."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=250)
        _before_last_read(report.client, kore_simulator, lambda: kore_simulator.set_contacts(campaign_id, 260), 3)
        result = report.one(campaign_id)

        assert (result["complete"], result["rows"]) == (True, 260)
        assert manifest_of(result)["passes"] == 2
        assert len(rows_of(result)) == 260

    @pytest.mark.parametrize("row", [0, 249], ids=["first page", "last page"])
    def test_late_outcome(self, row: int, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """An outcome on the first or last page that changes meanwhile makes the pages be read once more."""
        rows = [{"phoneNumber": f"1200555{n:04d}", "uniqueId": f"c-{n}", "dialerOutcome": ""} for n in range(250)]
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=rows)
        rows[row]["dialerOutcome"] = "completed"
        _before_last_read(report.client, kore_simulator, lambda: kore_simulator.set_contacts(campaign_id, rows), 3)
        result = report.one(campaign_id)

        assert (result["complete"], manifest_of(result)["passes"]) == (True, 2)
        assert rows_of(result) == rows

    def test_never_still(
        self, report: Reporter, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Results that change during both readings are written as incomplete, and the task may try again."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=250)
        original, count = report.client.get_contact_page, [250]

        def grow(*args: Any, **kwargs: Any) -> Any:
            if kwargs.get("page") == 3:
                count[0] += 1
                kore_simulator.set_contacts(campaign_id, count[0])
            return original(*args, **kwargs)

        monkeypatch.setattr(report.client, "get_contact_page", grow)
        error = report.failure(campaign_id)

        assert isinstance(error, ReportError)
        assert error.retryable
        assert "the results changed while they were read, twice; the incomplete report is in file://" in str(error)
        monkeypatch.undo()
        result = report.one(campaign_id)
        assert (result["complete"], result["changed"], result["rows"]) == (True, True, count[0])

    def test_duplicates__twice(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """Rows that come twice in both readings are how the service has them: complete, and counted."""
        rows = [{"phoneNumber": f"1200555{n:04d}", "uniqueId": f"c-{n}", "botSessionId": ""} for n in range(150)]
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=[*rows, rows[3], rows[140]])
        result = report.one(campaign_id)
        manifest = manifest_of(result)

        assert (result["complete"], result["rows"]) == (True, 152)
        assert (manifest["duplicate_rows"], manifest["passes"]) == (2, 2)
        assert sorted(pages_read(kore_simulator)) == [1, 1, 1, 2, 2, 2, 2]

    def test_duplicates__indistinguishable(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """Equal rows without a unique id or a session may be two contacts, so they are not counted."""
        rows = [{"phoneNumber": "12005550100", "uniqueId": "", "botSessionId": ""}] * 2
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=rows)

        assert manifest_of(report.one(campaign_id))["duplicate_rows"] == 0

    @pytest.mark.parametrize("how", ["keep", "hash", "drop"])
    def test_duplicates__one_customer_two_numbers(
        self, how: str, report: Reporter, kore_simulator: KoreSimulator
    ) -> None:
        """Two numbers of one customer are two contacts, also where numbers are not written."""
        rows = [{"phoneNumber": f"1200555010{n}", "uniqueId": "c-1", "botSessionId": ""} for n in range(2)]
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=rows)

        assert manifest_of(report.one(campaign_id, phone_numbers=how))["duplicate_rows"] == 0

    def test_changed_campaign(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A campaign that was edited meanwhile is read once more, and is then as it is."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=250)
        _before_last_read(
            report.client, kore_simulator, lambda: kore_simulator.set_status(campaign_id, "Stopped", force=True), 3
        )
        result = report.one(campaign_id)

        assert result["complete"]
        assert manifest_of(result)["passes"] == 2

    def test_started_again_meanwhile(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A campaign that was started while it was read gives a snapshot of what no longer is, never a complete one."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=250)
        _before_last_read(report.client, kore_simulator, lambda: kore_simulator.restart(campaign_id), 3)

        assert report.one(campaign_id)["reason"] == "running"

    def test_ran_again_meanwhile(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """Another run that began and ended meanwhile is noticed by its id; the next try reports that run."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=250)

        def run_again() -> None:
            kore_simulator.restart(campaign_id)
            kore_simulator.set_status(campaign_id, "Completed")

        _before_last_read(report.client, kore_simulator, run_again, 3)
        error = report.failure(campaign_id)
        assert error.retryable
        assert "was changed, or ran again, while it was read" in str(error)
        result = report.one(campaign_id)
        assert result["complete"]
        assert result["campaign_instance_id"] == kore_simulator.campaign(campaign_id).instance_id

    def test_empty_pages(
        self, report: Reporter, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A service that promises more pages than it has is not asked for them for ever, and the rows are missing."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=150)
        original = report.client.get_contact_page

        def promise(*args: Any, **kwargs: Any) -> Any:
            page = original(*args, **kwargs)
            return type(page)(page.page, 1_000_000, 99_999_999, page.contacts)

        monkeypatch.setattr(report.client, "get_contact_page", promise)
        error = report.failure(campaign_id)

        assert error.retryable
        assert "the pages hold 150 contacts, but the service says 99999999" in str(error)
        assert len(kore_simulator.requests.of("contacts")) < 60


def _before_last_read(client: KoreClient, simulator: KoreSimulator, event: Callable[[], object], page: int) -> None:
    """Let something happen right after a page was read for the first time."""
    original = client.get_contact_page
    pending = [event]

    def call(*args: Any, **kwargs: Any) -> Any:
        answer = original(*args, **kwargs)
        if kwargs.get("page") == page and pending:
            pending.pop()()
        return answer

    client.get_contact_page = call  # type: ignore[method-assign]


class TestSms:
    def test_rows(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """Where the service has results of an SMS campaign by contact, they are reported as a voice campaign's are."""
        campaign_id = kore_simulator.add_campaign(campaign_type="sms", status="Completed", contacts=120)
        result = report.one(campaign_id)

        assert (result["campaign_type"], result["complete"], result["rows"]) == ("sms", True, 120)
        assert manifest_of(result)["contact_results"] is True

    @pytest.mark.parametrize("has_results", [True, False])
    @pytest.mark.parametrize(("status", "complete"), [("Completed", True), ("Active", False)])
    def test_no_rows(
        self, has_results: bool, status: str, complete: bool, report: Reporter, kore_simulator: KoreSimulator
    ) -> None:
        """Where it has none, or refuses, the list's total is reported, and there is no contact file."""
        if not has_results:
            kore_simulator.switches(sms_results="error")
        campaign_id = kore_simulator.add_campaign(
            campaign_type="sms", status=status, contacts=0 if has_results else 50, messages_sent=350
        )
        result = report.one(campaign_id)
        manifest = manifest_of(result)

        assert (result["complete"], result["rows"], manifest["total"]) == (complete, None, None)
        assert manifest["contact_results"] is False
        assert manifest["reason"] == (None if complete else "running")
        assert json.loads((folder_of(result) / "summary.json").read_bytes())["messages_sent"] == 350
        assert sorted(contents_of(folder_of(result))) == [
            "campaign.json",
            "manifest.json",
            "report.html",
            "summary.json",
        ]
        if complete:
            assert report.one(campaign_id)["changed"] is False

    def test_emptied(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """Where the stop saw contacts, their absence is no habit of SMS campaigns."""
        campaign_id = kore_simulator.add_campaign(campaign_type="sms", status="Stopped", contacts=0)

        assert report.one(Target(campaign_id, contacts_before_stop=7))["reason"] == "total_shrank"

    def test_voice__refused(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A voice campaign whose results are refused is an error, unless it never ran."""
        ran = kore_simulator.add_campaign(status="Stopped", contacts=5)
        ready = kore_simulator.add_campaign(status="Ready", contacts=5)
        for campaign_id in (ran, ready, ready):
            kore_simulator.faults.fail_next(400, operation="contacts", campaign_id=campaign_id)

        assert isinstance(report.failure(ran), KoreNotFoundError)
        result = report.one(ready)
        assert (result["complete"], result["rows"]) == (True, 0)


class TestKept:
    def test_second_call(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A complete report is kept: the second call reads the campaign alone, and changes no byte."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=250)
        first = report.one(campaign_id)
        before = contents_of(folder_of(first))
        kore_simulator.requests.clear()
        report.fake_clock.elapsed_s = 3600

        assert report.one(campaign_id) == first | {"changed": False}
        assert contents_of(folder_of(first)) == before
        assert len(kore_simulator.requests) == 1

    def test_gone(self, report: Reporter, kore_simulator: KoreSimulator, client: KoreClient) -> None:
        """It is returned also when the campaign is gone, by the stop's result as by the id alone."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=250)
        first = report.one(campaign_id)
        client.delete_campaign(campaign_id, "voice")
        target = Target(campaign_id, campaign_instance_id=first["campaign_instance_id"], contacts_before_stop=250)

        assert report.one(campaign_id) == first | {"changed": False}
        assert report.one(target) == first | {"changed": False}
        other = Target(campaign_id, campaign_instance_id="cid-other")
        assert isinstance(report.failure(other), KoreNotFoundError)

    def test_gone__newest(self, report: Reporter, kore_simulator: KoreSimulator, client: KoreClient) -> None:
        """Of several runs' reports of a campaign that is gone, the newest is returned, whatever else lies there."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
        first = report.one(campaign_id)
        kore_simulator.restart(campaign_id)
        kore_simulator.set_status(campaign_id, "Completed")
        report.fake_clock.elapsed_s = 3600
        second = report.one(campaign_id)
        client.delete_campaign(campaign_id, "voice")
        folder_of(first).with_name("notes").mkdir()

        assert first["report_url"] != second["report_url"]
        assert report.one(campaign_id) == second | {"changed": False}
        named = Target(campaign_id, campaign_instance_id=first["campaign_instance_id"])
        assert report.one(named) == first | {"changed": False}

    @pytest.mark.parametrize(("if_missing", "status"), [("succeed", "Missing"), ("skip", "Missing")])
    def test_gone__nothing_kept(self, if_missing: str, status: str, report: Reporter) -> None:
        """A campaign that is gone, with no report of it, is what if_missing says."""
        result = report.one(STRANGER, if_missing=if_missing)

        assert result == {
            "campaign_id": STRANGER,
            "campaign_type": None,
            "status": status,
            "changed": False,
            "campaign_instance_id": None,
        }
        error = report.failure(STRANGER)
        assert isinstance(error, KoreNotFoundError)
        assert "no complete report of it is kept" in str(error)

    def test_gone__another_report(self, report: Reporter, kore_simulator: KoreSimulator, client: KoreClient) -> None:
        """A report that has not what is asked for does not do, and the message tells what it has."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
        report.one(campaign_id, formats=("csv",))
        client.delete_campaign(campaign_id, "voice")

        assert "has formats=['csv'] and phone_numbers='keep'" in str(report.failure(campaign_id))

    @pytest.mark.parametrize(
        "options", [{"formats": ("jsonl", "csv", "html")}, {"formats": ("csv",), "phone_numbers": "drop"}]
    )
    def test_other_options(self, options: dict[str, Any], report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A report that has not what is asked for is made anew while the campaign is there; nothing of it remains."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
        first = report.one(campaign_id, formats=("csv",))
        second = report.one(campaign_id, **options)

        assert second["changed"]
        assert second["report_url"] == first["report_url"]
        assert manifest_of(second)["formats"] == list(options["formats"])
        assert (
            report.one(campaign_id, formats=("csv",), phone_numbers=options.get("phone_numbers", "keep"))["changed"]
            is False
        )

    def test_other_formats__old_files(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """Files that the new report does not have are removed: they may hold what it must not."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
        report.one(campaign_id)
        result = report.one(campaign_id, formats=("jsonl",), phone_numbers="drop")

        assert sorted(contents_of(folder_of(result))) == [
            "campaign.json",
            "contacts.jsonl",
            "manifest.json",
            "summary.json",
        ]

    @pytest.mark.parametrize("damage", ["torn", "removed", "manifest torn"])
    def test_damaged(self, damage: str, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A report whose files are not as its manifest says is made again."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
        result = report.one(campaign_id)
        before = contents_of(folder_of(result))
        name = "manifest.json" if damage == "manifest torn" else "contacts.csv"
        if damage == "removed":
            (folder_of(result) / name).unlink()
        else:
            (folder_of(result) / name).write_bytes(before[name][:-9])

        assert report.one(campaign_id)["changed"]
        assert contents_of(folder_of(result)) == before

    def test_never_worse(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A complete report is never replaced by an incomplete one: the task fails, and the report stays."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=250)
        result = report.one(campaign_id, formats=("csv",))
        before = contents_of(folder_of(result))
        kore_simulator.set_contacts(campaign_id, 0)
        error = report.failure(campaign_id)

        assert isinstance(error, ReportError)
        assert not error.retryable
        assert "is left as it is; it was made with formats=['csv'] and phone_numbers='keep'" in str(error)
        after = contents_of(folder_of(result))
        assert {name: data for name, data in after.items() if "_parts" not in name} == before

    def test_never_worse__known_loss(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A report that holds fewer contacts than the stop saw is not believed to be complete."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=250)
        report.one(campaign_id)

        error = report.failure(Target(campaign_id, contacts_before_stop=251))
        assert "the service has 250 contacts, but it had 251 right before the stop" in str(error)

    def test_snapshot__kept(self, report: Reporter, kore_simulator: KoreSimulator, client: KoreClient) -> None:
        """A snapshot that holds more than the service has after the stop is kept, and says why it is all there is."""
        kore_simulator.switches(stop_empties_results=True)
        campaign_id = kore_simulator.add_campaign(status="Active", contacts=250)
        snapshot = report.one(campaign_id)
        client.stop_campaign(campaign_id, "voice")
        result = report.one(Target(campaign_id, contacts_before_stop=250))

        assert (result["complete"], result["reason"], result["rows"]) == (False, "total_shrank", 250)
        assert len(rows_of(result)) == 250
        assert manifest_of(result)["reason_text"] == (
            "the service has 0 contacts, but it had 250 right before the stop; these are the 250 contacts read on "
            "2026-03-02T12:30:00.000Z, which are more"
        )
        assert result["manifest_sha256"] != snapshot["manifest_sha256"]
        assert report.one(Target(campaign_id, contacts_before_stop=250)) == result

    def test_never_ran__then_changed(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """Without an instance id a report is kept only for as long as nothing happened to the campaign."""
        campaign_id = kore_simulator.add_campaign(status="Ready", contacts=5)
        report.one(campaign_id)

        assert report.one(campaign_id)["changed"] is False
        kore_simulator.set_status(campaign_id, "Ready", force=True)
        assert report.one(campaign_id)["changed"] is True

    def test_another_campaign_of_the_same_id(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A report of a campaign that was created at another time is not this one's."""
        first = kore_simulator.add_campaign(status="Stopped", contacts=5, instance_id="cid-1", campaign_id="cd-1")
        report.one(first)
        kore_simulator.control_remove("cd-1") if hasattr(
            kore_simulator, "control_remove"
        ) else kore_simulator._store.remove("cd-1")
        kore_simulator.add_campaign(
            status="Stopped", contacts=7, instance_id="cid-1", campaign_id="cd-1", created_at="2026-01-01T00:00:00.000Z"
        )

        result = report.one("cd-1")
        assert (result["changed"], result["rows"]) == (True, 7)


class TestTargets:
    def test_many__one_fails(
        self, report: Reporter, kore_simulator: KoreSimulator, caplog: pytest.LogCaptureFixture
    ) -> None:
        """One campaign that cannot be reported keeps no other from being."""
        ids = [kore_simulator.add_campaign(status="Stopped", contacts=5) for _ in range(2)]
        outcomes = report(ids[0], STRANGER, ids[1])

        assert list(outcomes.results) == ids
        assert list(outcomes.failures) == [STRANGER]
        assert f"campaign {STRANGER}: could not be reported" in caplog.text

    def test_another_name(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A campaign that no longer has the name it was chosen by is not reported."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5, name="Spring")

        assert isinstance(report.failure(Target(campaign_id, "Summer")), CampaignMismatchError)

    def test_started_again(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A run that was stopped, and another was started since, can be reported no more, unless it was before."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
        stopped = Target(campaign_id, campaign_instance_id=kore_simulator.campaign(campaign_id).instance_id)
        reported = kore_simulator.add_campaign(status="Stopped", contacts=5)
        first = report.one(reported)
        kore_simulator.restart(campaign_id)
        kore_simulator.restart(reported)

        error = report.failure(stopped)
        assert isinstance(error, CampaignStateError)
        assert "was started again since" in str(error)
        kept = Target(reported, campaign_instance_id=first["campaign_instance_id"])
        assert report.one(kept) == first | {"changed": False}

    @pytest.mark.parametrize("instance_id", ["../cid-1", "cid/1", "cid-1..", ".", "cid 1"])
    def test_hostile_instance(self, instance_id: str, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """An instance id that cannot be a folder's name leads nowhere else."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5, instance_id=instance_id)

        error = report.failure(campaign_id)
        assert isinstance(error, KoreProtocolError)
        assert "cannot be the name of a folder" in str(error)

    def test_plan(self, report: Reporter, kore_simulator: KoreSimulator, tmp_path: Path) -> None:
        """A plan reads the campaign, says what would be written where, and writes nothing."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5, instance_id="cid-1")
        result = report.one(campaign_id, plan_only=True)

        assert result["planned"] == f"read the contacts, 100 a request, and write file://{tmp_path}/{campaign_id}/cid-1"
        assert result["changed"] is False
        assert contents_of(tmp_path) == {}
        report.one(campaign_id)
        assert report.one(campaign_id, plan_only=True)["complete"]


class TestStorage:
    def test_unwritable(self, report: Reporter, kore_simulator: KoreSimulator, tmp_path: Path) -> None:
        """Where nothing can be written, it is said before the second page is read."""
        (tmp_path / "file").write_bytes(b"")
        report.path = tmp_path / "file"
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=1000)

        error = report.failure(campaign_id)
        assert isinstance(error, ReportStorageError)
        assert str(error).startswith(f"file://{tmp_path}/file/{campaign_id}/")
        assert pages_read(kore_simulator) == [1]

    def test_unreadable(self, report: Reporter, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """A manifest that cannot be read now is not taken for none: nothing is replaced."""
        from airflow_provider_campaigns.reports.folder import Folder

        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
        result = report.one(campaign_id)

        def fail(folder: Folder, name: str) -> bytes:
            raise ReportStorageError("unreadable")

        monkeypatch.setattr(Folder, "read", fail)
        assert str(report.failure(campaign_id)) == "unreadable"
        assert manifest_of(result)["tries"] == 1

    @pytest.mark.parametrize("file", ["contacts.jsonl", "summary.json", "manifest.json", "00000011"])
    def test_full_disk(
        self, file: str, report: Reporter, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A disk that fills up is retryable, and the next try goes on where this one was."""
        from airflow_provider_campaigns.reports.folder import Writer

        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=2345)
        original = Writer.commit

        def fill(writer: Writer) -> Any:
            if file in writer._name:
                with writer._folder.guarded(f"write {writer._name}"):
                    raise OSError(28, "No space left on device")
            return original(writer)

        with monkeypatch.context() as patch:
            patch.setattr(Writer, "commit", fill)
            error = report.failure(campaign_id)
        assert isinstance(error, ReportStorageError)
        assert error.retryable
        assert "there is no space left" in str(error)
        kore_simulator.requests.clear()
        result = report.one(campaign_id)
        assert result["complete"]
        assert manifest_of(result)["tries"] == 2
        first_unread = 11 if file == "00000011" else 25
        assert pages_read(kore_simulator) == sorted([1, 1, *range(first_unread, 25), 24])


class TestAgain:
    """What another try makes of what an earlier one has left."""

    @staticmethod
    def interrupt(report: Reporter, simulator: KoreSimulator, campaign_id: str, page: int, **options: Any) -> None:
        original = report.client.get_contact_page

        def call(*args: Any, **kwargs: Any) -> Any:
            if kwargs.get("page", 0) >= page:
                raise KoreProtocolError("interrupted")
            return original(*args, **kwargs)

        report.client.get_contact_page = call  # type: ignore[method-assign]
        assert str(report.failure(campaign_id, **options)) == "interrupted"
        report.client.get_contact_page = original  # type: ignore[method-assign]
        simulator.requests.clear()

    def test_goes_on(self, report: Reporter, kore_simulator: KoreSimulator, tmp_path: Path) -> None:
        """The next try reads the pages that are not in a part, and its files are those of an undisturbed report."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=3456)
        self.interrupt(report, kore_simulator, campaign_id, 26)
        report.fake_clock.elapsed_s = 60
        result = report.one(campaign_id)

        assert pages_read(kore_simulator) == [1, 1, *range(21, 36), 35]
        manifest = manifest_of(result)
        assert (manifest["tries"], manifest["started_at"]) == (2, "2026-03-02T12:30:00.000Z")
        assert manifest["finished_at"] == "2026-03-02T12:31:00.000Z"
        report.path = tmp_path / "undisturbed"
        undisturbed = contents_of(folder_of(report.one(campaign_id)))
        again = contents_of(folder_of(result))
        assert without_times(again.pop("manifest.json")) == without_times(undisturbed.pop("manifest.json"))
        assert again == undisturbed

    @pytest.mark.parametrize(
        "change",
        ["total", "rows", "status", "phone numbers", "secret", "run"],
    )
    def test_begins_anew(
        self, change: str, report: Reporter, kore_simulator: KoreSimulator, client: KoreClient
    ) -> None:
        """Parts of another run, state, total or treatment are not taken: everything is read again."""
        campaign_id = kore_simulator.add_campaign(
            status="Active" if change == "status" else "Stopped", contacts=3456, instance_id="cid-1"
        )
        options = {}
        self.interrupt(report, kore_simulator, campaign_id, 26)
        if change == "total":
            kore_simulator.set_contacts(campaign_id, 3457)
        elif change == "rows":
            kore_simulator._store.get(campaign_id).contacts_seed += 1
        elif change == "status":
            kore_simulator.set_status(campaign_id, "Stopped")
        elif change == "phone numbers":
            options["phone_numbers"] = "drop"
        elif change == "secret":
            import dataclasses

            report.client = _SameClient(client, dataclasses.replace(client.settings, client_secret="x" * 40))
        else:
            kore_simulator.restart(campaign_id)
            kore_simulator.set_status(campaign_id, "Completed")
        result = report.one(campaign_id, **options)

        assert pages_read(kore_simulator) == [1, 1, *range(2, 36), 35]
        assert manifest_of(result)["tries"] == 1
        assert result["complete"]

    @pytest.mark.parametrize("damage", ["cut", "changed", "removed", "state"])
    def test_torn(self, damage: str, report: Reporter, kore_simulator: KoreSimulator, tmp_path: Path) -> None:
        """A part or a state that is torn is not taken; what follows it is read again."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=3456)
        self.interrupt(report, kore_simulator, campaign_id, 26)
        name = "state.json" if damage == "state" else "*.00000011.*"
        (part,) = tmp_path.glob(f"{campaign_id}/*/_parts/{name}")
        data = part.read_bytes()
        if damage == "removed":
            part.unlink()
        else:
            part.write_bytes(data.replace(b"555", b"556") if damage == "changed" else data[:50])
        result = report.one(campaign_id)

        first = 2 if damage == "state" else 11
        assert pages_read(kore_simulator) == [1, 1, *range(first, 36), 35]
        assert result["rows"] == 3456

    @pytest.mark.parametrize("retryable", [True, False])
    def test_unreadable_part(
        self, retryable: bool, report: Reporter, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A part that cannot be read now ends the try; one that is no more is read from the service again."""
        from airflow_provider_campaigns.reports.folder import Folder

        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=3456)
        self.interrupt(report, kore_simulator, campaign_id, 26)
        original = Folder.read

        def fail(folder: Folder, name: str) -> bytes:
            if ".00000011." in name:
                raise ReportStorageError("unreadable", retryable=retryable)
            return original(folder, name)

        monkeypatch.setattr(Folder, "read", fail)
        if retryable:
            assert str(report.failure(campaign_id)) == "unreadable"
        else:
            assert report.one(campaign_id)["rows"] == 3456
            assert pages_read(kore_simulator) == [1, 1, *range(11, 36), 35]

    def test_behind_the_manifest(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A try that was killed between the manifest and the removal of the parts is done; they are removed."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=1000)
        result = report.one(campaign_id)
        before = contents_of(folder_of(result))
        (folder_of(result) / "_parts").mkdir()
        (folder_of(result) / "_parts" / "state.json").write_bytes(b"{}")

        assert report.one(campaign_id) == result | {"changed": False}
        assert contents_of(folder_of(result)) == before
        assert not (folder_of(result) / "_parts").exists()

    def test_second_reading(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A try that was killed in the second reading goes on in the second reading."""
        rows = [{"phoneNumber": f"1200555{n % 3000:04d}", "uniqueId": f"c-{n % 3000}"} for n in range(3456)]
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=rows)
        original, seen = report.client.get_contact_page, []

        def call(*args: Any, **kwargs: Any) -> Any:
            seen.append(kwargs.get("page", 0))
            if seen.count(26) > 1:
                raise KoreProtocolError("interrupted")
            return original(*args, **kwargs)

        report.client.get_contact_page = call  # type: ignore[method-assign]
        assert str(report.failure(campaign_id)) == "interrupted"
        report.client.get_contact_page = original  # type: ignore[method-assign]
        kore_simulator.requests.clear()
        result = report.one(campaign_id)

        assert pages_read(kore_simulator)[:3] == [1, 1, 21]
        assert manifest_of(result)["passes"] == 2
        assert manifest_of(result)["duplicate_rows"] == 456

    def test_two_at_a_time(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """Two exports of the same campaign at once: what remains is one whole report."""
        import threading

        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=2345)
        outcomes: list[Any] = []
        threads = [threading.Thread(target=lambda: outcomes.append(report(campaign_id))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert all(error.retryable for one in outcomes for error in one.failures.values())
        result = report.one(campaign_id)
        assert result["complete"]
        assert len(rows_of(result)) == 2345
        assert sorted(contents_of(folder_of(result))) == sorted((*DATA_FILES, "manifest.json"))


class _SameClient:
    """A client with other settings."""

    def __init__(self, client: KoreClient, settings: Any) -> None:
        self._client = client
        self.settings = settings

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class TestLog:
    def test_progress(self, report: Reporter, kore_simulator: KoreSimulator, caplog: pytest.LogCaptureFixture) -> None:
        """How far it is is told every ten seconds and at the end: pages, rows, rate and what is left."""
        caplog.set_level(logging.INFO)
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=1000)
        original = report.client.get_contact_page

        def slow(*args: Any, **kwargs: Any) -> Any:
            answer = original(*args, **kwargs)
            report.fake_clock.elapsed_s += 4
            return answer

        report.client.get_contact_page = slow  # type: ignore[method-assign]
        report.one(campaign_id)

        lines = [record.getMessage() for record in caplog.records if record.name.endswith("reports.export_progress")]
        told = [line for line in lines if " of 10, " in line]
        assert 1 <= len(told) <= 4
        assert all(line.startswith(f"campaign {campaign_id}: page ") and line.endswith(" s left") for line in told)
        assert lines[-1].startswith(f"campaign {campaign_id}: 10 pages with 1000 rows read in ")

    def test_canary(self, report: Reporter, kore_simulator: KoreSimulator, caplog: pytest.LogCaptureFixture) -> None:
        """Phone numbers and names of contacts are in the contact files, and nowhere else."""
        caplog.set_level(logging.DEBUG)
        rows = [
            {"phoneNumber": "19995550142", "uniqueId": "Canary Birdwell", "firstName": "Canary Birdwell"},
            {"phoneNumber": "19995550143", "uniqueId": "19995550143", "dialerOutcome": "busy"},
        ]
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=rows)
        result = report.one(campaign_id)
        kore_simulator.set_contacts(campaign_id, [])
        error = report.failure(campaign_id, phone_numbers="drop")

        files = contents_of(folder_of(result))
        said = json.dumps(result) + str(error) + repr(error) + caplog.text
        for canary in ("1999555014", "Canary"):
            assert canary in files["contacts.jsonl"].decode()
            assert canary in files["contacts.csv"].decode()
            assert canary not in said
            for name in ("report.html", "summary.json", "manifest.json", "campaign.json"):
                assert canary not in files[name].decode()
