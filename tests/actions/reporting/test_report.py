"""Reporting campaigns over the simulator: what is written, and when it is complete."""

from __future__ import annotations

import hashlib
import json
import logging
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from report_support import (
    DATA_FILES,
    STRANGER,
    Reporter,
    contents_of,
    file_of,
    folder_of,
    manifest_of,
    names_in,
    pages_read,
    path_in,
    rows_of,
    without_digest,
    without_times,
)

from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore.connections import Answer, Connections
from airflow_provider_campaigns.kore.errors import (
    CampaignMismatchError,
    CampaignStateError,
    KoreNotFoundError,
    KoreProtocolError,
)
from airflow_provider_campaigns.reports.rows import key_from

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator


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
            "proven_by": "one_reading",
            "readings": 1,
            "rows": 250,
            "pending": 0,
            "contacts_before_stop": None,
            "report_url": f"file://{folder}",
            "manifest_url": f"file://{folder}/manifest.json",
            "manifest_sha256": hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest(),
            "files": {name: f"file://{path_in(folder, name)}" for name in DATA_FILES},
            "finished_at": "2026-03-02T12:30:00.000Z",
        }
        files = contents_of(tmp_path)
        measured = {}
        for path, content in files.items():
            where, _, name = path.rpartition("/")
            assert where == f"{campaign_id}/{instance_id}"
            if name != "manifest.json":
                digest = hashlib.sha256(content).hexdigest()
                assert name == f"-{digest[:16]}.".join(without_digest(name).split("."))
                measured[name] = {"bytes": len(content), "sha256": digest}
        assert manifest_of(result)["files"] == measured
        assert names_in(folder) == sorted((*DATA_FILES, "manifest.json"))

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
            "key": hashlib.sha256(key_from(kore_simulator.client_secret)).hexdigest()[:16],
            "proven_by": "one_reading",
            "left_out": [],
            "extends": [],
            "pending": 0,
            "messages_sent": None,
        }

    @pytest.mark.parametrize("contacts", [0, 1, 99, 100, 101, 1000, 1001, 2350])
    def test_rows(self, contacts: int, report: Reporter, kore_simulator: KoreSimulator, client: KoreClient) -> None:
        """Every contact is in the files, raw and in order, however the pages fall."""
        campaign_id = kore_simulator.add_campaign(status="Completed", contacts=contacts)
        result = report.one(campaign_id, allow_empty=True)

        expected = [dict(one.raw) for page in client.iter_contact_results(campaign_id) for one in page.contacts]
        assert rows_of(result) == expected
        assert len(expected) == contacts == result["rows"]
        table = file_of(result, "contacts.csv").read_bytes()
        assert table.count(b"\r\n") == contacts + 1
        summary = json.loads(file_of(result, "summary.json").read_bytes())
        assert summary["contacts"]["rows"] == sum(summary["outcomes"].values()) == contacts

    def test_requests(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A report costs each page once, and four requests more: the campaign and both edge pages at the end."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=1234)
        report.one(campaign_id)

        assert pages_read(kore_simulator) == [1, 1, *range(2, 14), 13]
        assert len(kore_simulator.requests) == 13 + 4
        kore_simulator.assert_no_writes()

    def test_not_finite(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """What the service calls a number, and JSON does not, is a text in every file: each can be read anywhere."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=1)
        row = {"phoneNumber": "12005550100", "score": float("nan"), "numberOfAttemptsSoFar": float("inf")}
        row["dialerOutcome"] = "busy"
        page = {"results": [row], "page": 1, "totalPages": 1, "totalResults": 1}
        answer = json.dumps({"status": "success", "data": page})
        kore_simulator.faults.fail_next(200, body=answer, operation="contacts", times=2)
        result = report.one(campaign_id)

        def refuse(constant: str) -> None:
            raise AssertionError(constant)

        assert result["complete"]
        line = file_of(result, "contacts.jsonl").read_text()
        assert json.loads(line, parse_constant=refuse) == {
            "phoneNumber": "12005550100",
            "score": "NaN",
            "numberOfAttemptsSoFar": "Infinity",
            "dialerOutcome": "busy",
        }
        json.loads(file_of(result, "summary.json").read_bytes(), parse_constant=refuse)

    def test_campaign_file(self, report: Reporter, kore_simulator: KoreSimulator, client: KoreClient) -> None:
        """The campaign is kept as the service gives it."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=1, name="Süd")
        result = report.one(campaign_id)

        assert json.loads(file_of(result, "campaign.json").read_bytes()) == dict(client.get_campaign(campaign_id).raw)
        assert "Süd" in file_of(result, "campaign.json").read_text()

    def test_formats(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """Only the formats that are wanted are written; campaign and summary always are."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
        result = report.one(campaign_id, formats=("csv",))

        assert names_in(folder_of(result)) == [
            "campaign.json",
            "contacts.csv",
            "digests.txt",
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
        assert file_of(result, "contacts.csv").read_bytes().startswith(b"phoneNumber,uniqueId,")

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
        """Where it has none, or refuses, and that is accepted, the list's total is reported, without a contact file."""
        if not has_results:
            kore_simulator.switches(sms_results="error")
        campaign_id = kore_simulator.add_campaign(
            campaign_type="sms", status=status, contacts=0 if has_results else 50, messages_sent=350
        )
        result = report.one(campaign_id, if_no_contact_results="totals")
        manifest = manifest_of(result)

        assert (result["complete"], result["rows"], manifest["total"]) == (complete, None, None)
        assert manifest["contact_results"] is False
        assert manifest["reason"] == (None if complete else "running")
        assert json.loads(file_of(result, "summary.json").read_bytes())["messages_sent"] == 350
        assert names_in(folder_of(result)) == [
            "campaign.json",
            "manifest.json",
            "report.html",
            "summary.json",
        ]
        if complete:
            assert report.one(campaign_id)["changed"] is False

    @pytest.mark.parametrize("refusal", [400, 404, 408, 409, 412, "a page 404"])
    def test_refused__is_no_fact(self, refusal: int | str, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A refusal may pass, so it fails the report and says what accepts it; the next try has every contact."""
        campaign_id = kore_simulator.add_campaign(campaign_type="sms", status="Stopped", contacts=300)
        other = kore_simulator.add_campaign(campaign_type="sms", status="Stopped", contacts=300)
        status, body = (refusal, None) if isinstance(refusal, int) else (404, "<html>Not Found</html>")
        kore_simulator.faults.fail_next(status, body=body, operation="contacts", times=20)
        error = report.failure(campaign_id)
        totals = report.one(other, if_no_contact_results="totals")
        kore_simulator.faults.clear_faults()

        assert (totals["complete"], totals["rows"]) == (True, None)
        assert error.retryable
        assert 'if_no_contact_results="totals" accepts a report of totals only' in str(error)
        assert (report.one(campaign_id)["complete"], report.one(campaign_id)["rows"]) == (True, 300)

    def test_none_but_messages(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """No result by contact, while the list counts messages, is no fact either; where it counts none, it is."""
        sent = kore_simulator.add_campaign(campaign_type="sms", status="Stopped", contacts=0, messages_sent=300)
        silent = kore_simulator.add_campaign(campaign_type="sms", status="Stopped", contacts=0)
        error = report.failure(sent)

        assert error.retryable
        assert "the results by contact are none, while the list of campaigns counts 300 messages. Run" in str(error)
        assert (report.one(silent)["complete"], report.one(silent)["rows"]) == (True, None)

    def test_emptied(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """Where the stop saw contacts, their absence is no habit of SMS campaigns."""
        campaign_id = kore_simulator.add_campaign(campaign_type="sms", status="Stopped", contacts=0)

        assert report.one(Target(campaign_id, contacts_before_stop=7))["reason"] == "total_shrank"

    @pytest.mark.parametrize("refusal", ["twice", "for good"])
    def test_refused(self, refusal: str, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """Results that were there before the stop, and are refused after it, are missing from the report."""
        campaign_id = kore_simulator.add_campaign(campaign_type="sms", status="Stopped", contacts=900)
        if refusal == "twice":
            kore_simulator.faults.fail_next(400, operation="contacts", times=2)
        else:
            kore_simulator.switches(sms_results="error")
        result = report.one(Target(campaign_id, contacts_before_stop=900), if_no_contact_results="totals")

        assert (result["complete"], result["reason"], result["rows"]) == (False, "total_shrank", None)
        page = file_of(result, "report.html").read_text()
        assert "The service gives no results by contact, but it had 900 right before the stop." in page
        assert "none is missing" not in page
        if refusal == "twice":
            again = report.one(Target(campaign_id, contacts_before_stop=900))
            assert (again["complete"], again["rows"]) == (True, 900)

    def test_refused__known_later(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A report without results is not complete any more for a stop that had counted some."""
        kore_simulator.switches(sms_results="error")
        campaign_id = kore_simulator.add_campaign(campaign_type="sms", status="Stopped", contacts=900)
        assert report.one(campaign_id, if_no_contact_results="totals")["complete"]

        result = report.one(Target(campaign_id, contacts_before_stop=900), if_no_contact_results="totals")
        assert (result["complete"], result["reason"], result["changed"]) == (False, "total_shrank", True)

    def test_voice__refused(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A voice campaign whose results are refused is an error, unless it never ran."""
        ran = kore_simulator.add_campaign(status="Stopped", contacts=5)
        ready = kore_simulator.add_campaign(status="Ready", contacts=5)
        for campaign_id in (ran, ready, ready):
            kore_simulator.faults.fail_next(400, operation="contacts", campaign_id=campaign_id)

        assert isinstance(report.failure(ran), KoreNotFoundError)
        result = report.one(ready)
        assert (result["complete"], result["rows"]) == (True, 0)


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


class TestUnwritable:
    """A row that cannot be written fails the report of its own campaign, and nothing of it is shown."""

    @pytest.mark.parametrize("how", ["keep", "hash", "drop"])
    @pytest.mark.parametrize(
        "odd",
        [
            "Canary " * 40_000,
            "19995550142 " * 20_000,
            ["19995550142"] * 20_000,
        ],
        ids=["text", "numbers", "many"],
    )
    def test_row(self, odd: object, how: str, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """Of one with more than 200,000 characters; the other campaign gets its report."""
        rows = [{"phoneNumber": "19995550142", "uniqueId": "Canary", "x": odd}]
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=rows)
        other = kore_simulator.add_campaign(status="Stopped", contacts=5)
        outcomes = report(campaign_id, other, phone_numbers=how)

        assert str(outcomes.failures[campaign_id]) == (
            f"campaign {campaign_id}: a row on page 1 of its results cannot be written: expected at most 200,000 "
            "characters, nested less than 100 times. Nothing was deleted"
        )
        assert outcomes.results[other].details["complete"]

    @pytest.mark.parametrize("how", ["keep", "hash"])
    def test_huge(
        self, how: str, report: Reporter, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A page with five cells of 10 MB fails its own campaign, within 170 MB besides the interpreter's 27."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=1)
        cell = b'{"phoneNumber":"12005550100","x":"' + b"1" * 10_000_000 + b'"}'
        send = Connections.send

        def answer(self: Connections, method: str, url: str, *, query: dict[str, str], **rest: Any) -> Answer:
            if query.get("view") != "contacts":
                return send(self, method, url, query=query, **rest)
            rows = b",".join([cell] * 5)
            return Answer(200, {}, b'{"data":{"results":[' + rows + b'],"page":1,"totalPages":1,"totalResults":5}}')

        monkeypatch.setattr(Connections, "send", answer)
        tracemalloc.start()
        try:
            error = report.failure(campaign_id, phone_numbers=how)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert "a row on page 1 of its results cannot be written" in str(error)
        assert peak < 170_000_000

    def test_long(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A row of 190,000 characters is written."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=[{"uniqueId": "1", "x": "y" * 190_000}])

        assert report.one(campaign_id)["complete"]


@pytest.mark.parametrize("status", [400, 403, 404, 409, 500, 200])
@pytest.mark.parametrize("name", ["Jane Roe", "19995550142"])
def test_error_of_contacts(
    name: str, status: int, report: Reporter, kore_simulator: KoreSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    """What the service says where contacts are read is not repeated: it may name one."""
    caplog.set_level(logging.DEBUG, logger="airflow_provider_campaigns")
    campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
    kore_simulator.fail_next(status, operation="contacts", body={"errors": [{"msg": name}]}, times=20)
    error = report.failure(campaign_id)

    assert name not in str(error) + repr(error) + caplog.text
    assert f"HTTP {status}: {len(name)} characters, which may be about a contact" in str(error)
