"""Reports of results that change while they are read, and what the log says meanwhile."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from report_support import (
    Reporter,
    contents_of,
    file_of,
    folder_of,
    manifest_of,
    pages_read,
    rows_of,
    without_digest,
)

from airflow_provider_campaigns.reports.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kore_support import Meanwhile

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator


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
        assert sorted(pages_read(kore_simulator)) == [1, 1, 1, 1, 2, 2, 2, 2]

    def test_proof__same_words(
        self, report: Reporter, kore_simulator: KoreSimulator, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Log and page say alike how it was proven, in how many readings, and what is not final."""
        caplog.set_level(logging.INFO)
        rows = [{"phoneNumber": "12005550100", "uniqueId": "", "dialerOutcome": "completed"}] * 2
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=rows)
        result = report.one(campaign_id)
        words = "proven: a further reading found the same rows; 2 readings; all results final"

        assert (result["proven_by"], result["readings"], result["pending"]) == ("same_rows_twice", 2, 0)
        assert f"campaign {campaign_id}: the report is complete ({words}): file://" in caplog.text
        assert words[1:] in file_of(result, "report.html").read_text()
        caplog.clear()
        report.one(campaign_id)
        assert f"campaign {campaign_id}: a complete report is there, made on {result['finished_at']} ({words})" in (
            caplog.text
        )

    def test_proof__incomplete(
        self, report: Reporter, kore_simulator: KoreSimulator, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Of a report that is not complete the log says that nothing is proven."""
        rows = [{"phoneNumber": f"1200555010{n}", "uniqueId": f"c-{n}", "status": "completed"} for n in range(3)]
        result = report.one(kore_simulator.add_campaign(status="Paused", contacts=rows))

        assert (result["proven_by"], result["readings"]) == (None, 1)
        assert " results are still coming (not proven; 1 reading; all results final); do not delete" in caplog.text

    def test_duplicates__indistinguishable(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """Equal rows without a unique id or a session may be two contacts: that they come again says that they are."""
        rows = [{"phoneNumber": "12005550100", "uniqueId": "", "botSessionId": ""}] * 2
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=rows)
        result = report.one(campaign_id)

        assert (result["complete"], result["rows"]) == (True, 2)
        assert (manifest_of(result)["duplicate_rows"], manifest_of(result)["passes"]) == (1, 2)

    def test_duplicates__one_conversation(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """Two rows with one number, unique id and session are one row that came twice, however often it is read."""
        rows = [{"phoneNumber": f"1200555{n:04d}", "uniqueId": f"c-{n}", "botSessionId": f"s-{n}"} for n in range(150)]
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=[*rows[:149], rows[3]])
        error = report.failure(campaign_id)

        assert error.retryable
        assert "they hold 149 different contacts, and the service says 150; the incomplete report is in" in str(error)

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

        files = {without_digest(name): data for name, data in contents_of(folder_of(result)).items()}
        said = json.dumps(result) + str(error) + repr(error) + caplog.text
        for canary in ("1999555014", "Canary"):
            assert canary in files["contacts.jsonl"].decode()
            assert canary in files["contacts.csv"].decode()
            assert canary not in said
            for name in ("report.html", "summary.json", "manifest.json", "campaign.json"):
                assert canary not in files[name].decode()
