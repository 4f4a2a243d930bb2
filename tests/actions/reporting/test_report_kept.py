"""A report that is there already: when it is kept, and when it is made again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from report_support import (
    STRANGER,
    Reporter,
    contents_of,
    file_of,
    folder_of,
    manifest_of,
    names_in,
    rows_of,
)

from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore.errors import (
    KoreNotFoundError,
)
from airflow_provider_campaigns.reports.errors import ReportError, ReportStorageError

if TYPE_CHECKING:
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator


def name_no_run(client: KoreClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no reading of a campaign name its run."""
    read = client.get_campaign
    monkeypatch.setattr(
        client, "get_campaign", lambda *args, **how: replace(read(*args, **how), campaign_instance_id=None)
    )


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

        assert report.one(campaign_id) == first | {"changed": False, "last_run_known": False}
        assert report.one(target) == first | {"changed": False}
        other = Target(campaign_id, campaign_instance_id="cid-other")
        assert isinstance(report.failure(other), KoreNotFoundError)

    def test_gone__newest(
        self,
        report: Reporter,
        kore_simulator: KoreSimulator,
        client: KoreClient,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Of several runs' reports of a campaign that is gone, the newest is returned, and said to be only that."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
        first = report.one(campaign_id)
        kore_simulator.restart(campaign_id)
        kore_simulator.set_status(campaign_id, "Completed")
        report.fake_clock.elapsed_s = 3600
        second = report.one(campaign_id)
        client.delete_campaign(campaign_id, "voice")
        folder_of(first).with_name("notes").mkdir()

        assert first["report_url"] != second["report_url"]
        assert report.one(campaign_id) == second | {"changed": False, "last_run_known": False}
        assert f"newest is about run {second['campaign_instance_id']}. Whether the campaign ran again" in caplog.text
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

    def test_gone__run_not_named(
        self, report: Reporter, kore_simulator: KoreSimulator, client: KoreClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A report whose reading named no run may be of the run that the stop named: it is kept, and that is said."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
        name_no_run(client, monkeypatch)
        first = report.one(campaign_id)
        client.delete_campaign(campaign_id, "voice")

        kept = report.one(Target(campaign_id, campaign_instance_id="cid-1"))

        assert kept == first | {"changed": False, "last_run_known": False}

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

        assert names_in(folder_of(result)) == [
            "campaign.json",
            "contacts.jsonl",
            "digests.txt",
            "manifest.json",
            "summary.json",
        ]

    @pytest.mark.parametrize("damage", ["torn", "removed"])
    def test_damaged(self, damage: str, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A report whose files are not as its manifest says is made again."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
        result = report.one(campaign_id)
        before = contents_of(folder_of(result))
        path = file_of(result, "contacts.csv")
        if damage == "removed":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:-9])

        assert report.one(campaign_id)["changed"]
        assert contents_of(folder_of(result)) == before

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 2}', b"\xff\xfe"])
    def test_unreadable(self, content: bytes, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A manifest that is none any more, and its files, are not written over; moved away, they are made anew."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
        folder = folder_of(report.one(campaign_id))
        (folder / "manifest.json").write_bytes(content)
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        kore_simulator.set_contacts(campaign_id, 1)
        error = report.failure(campaign_id, refresh=True)

        assert str(error).startswith(f"file://{folder}: manifest.json: ")
        assert all(name in str(error) for name in before)
        assert not error.retryable
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
        folder.rename(folder.with_name("kept"))
        assert report.one(campaign_id)["rows"] == 1

    def test_unreadable__beside(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """Nor is anything written over while the manifest of a snapshot beside the report is none any more."""
        campaign_id = kore_simulator.add_campaign(status="Active", contacts=5)
        report.one(campaign_id)
        report.client.stop_campaign(campaign_id, "voice")
        folder = folder_of(report.one(campaign_id))
        (beside,) = folder.glob("manifest-*.json")
        beside.write_bytes(b"{")
        before = {path.name: path.read_bytes() for path in folder.iterdir()}

        assert f"{beside.name}: is no JSON object" in str(report.failure(campaign_id, refresh=True))
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before

    def test_unreadable__gone(
        self, report: Reporter, kore_simulator: KoreSimulator, client: KoreClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of a campaign that is gone, only the report of the very run is kept in spite of one that cannot be read."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
        first = report.one(campaign_id)
        kore_simulator.restart(campaign_id)
        kore_simulator.set_status(campaign_id, "Completed")
        second = report.one(campaign_id)
        client.delete_campaign(campaign_id, "voice")
        (folder_of(first) / "manifest.json").write_bytes(b"{")

        kept = report.one(Target(campaign_id, campaign_instance_id=second["campaign_instance_id"]))
        assert kept == second | {"changed": False}
        of_first = Target(campaign_id, campaign_instance_id=first["campaign_instance_id"])
        for target in (campaign_id, of_first):
            error = report.failure(target, if_missing="succeed")
            assert f"file://{folder_of(first)}: manifest.json: is no JSON object" in str(error)

        def fail(*_: object) -> bytes:
            raise ReportStorageError("no")

        monkeypatch.setattr("airflow_provider_campaigns.reports.folder.Folder.read", fail)
        assert str(report.failure(campaign_id)) == "no"

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
        assert contents_of(folder_of(result)) == before

    @pytest.mark.parametrize(
        "options",
        [
            {"formats": ("jsonl", "csv", "html", "parquet"), "refresh": True},
            {"phone_numbers": "hash"},
            {"phone_numbers": "drop", "allow_empty": True},
        ],
    )
    @pytest.mark.parametrize("left", [0, 200])
    def test_never_worse__fewer(
        self, left: int, options: dict[str, Any], report: Reporter, kore_simulator: KoreSimulator
    ) -> None:
        """Nor is it replaced by one with fewer contacts, which would be complete by itself."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=450)
        before = contents_of(folder_of(report.one(campaign_id)))
        kore_simulator.set_contacts(campaign_id, left)
        error = report.failure(campaign_id, **options)

        assert f"the service has {left} contacts, but 450 have been read of this run before" in str(error)
        assert not error.retryable
        assert contents_of(folder_of(report.one(campaign_id))) == before

    @pytest.mark.parametrize("refusal", ["refused", "empty"])
    def test_never_worse__sms(self, refusal: str, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """Nor by one without results, if the service refuses them by then."""
        campaign_id = kore_simulator.add_campaign(campaign_type="sms", status="Stopped", contacts=450)
        result = report.one(campaign_id)
        if refusal == "refused":
            kore_simulator.switches(sms_results="error")
        else:
            kore_simulator.set_contacts(campaign_id, 0)
        error = report.failure(campaign_id, formats=("csv",), phone_numbers="drop", if_no_contact_results="totals")

        assert "the service gives no results by contact, but 450 have been read of this run before" in str(error)
        assert len(rows_of(result)) == 450

    def test_refused_while_reading(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """Results that are refused after they were given are missing; the campaign has results by contact."""
        campaign_id = kore_simulator.add_campaign(campaign_type="sms", status="Stopped", contacts=250)
        kore_simulator.faults.fail_next(400, operation="contacts", skip=3, times=2)
        whole = report.one(campaign_id, formats=("jsonl",), if_no_contact_results="totals")
        assert (whole["complete"], whole["reason"], whole["rows"]) == (False, "total_shrank", None)

        again = report.one(campaign_id)
        assert (again["complete"], again["rows"]) == (True, 250)

    def test_more_contacts(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """A report of the same run with as many contacts, or more, takes the place of the one before."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=250)
        report.one(campaign_id)

        assert report.one(campaign_id, phone_numbers="hash")["rows"] == 250
        kore_simulator.set_contacts(campaign_id, 260)
        assert report.one(campaign_id, phone_numbers="drop")["rows"] == 260

    def test_before_stop__carried_over(self, report: Reporter, kore_simulator: KoreSimulator) -> None:
        """What the stop saw is remembered by the report, complete or not, for a task that is not told."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=250)
        stopped_at = "2026-03-02T12:00:00.000Z"
        report.one(Target(campaign_id, contacts_before_stop=300, stopped_at=stopped_at))
        result = report.one(campaign_id)

        assert (result["reason"], result["contacts_before_stop"]) == ("total_shrank", 300)
        assert manifest_of(result)["stopped_at"] == stopped_at
        kore_simulator.set_contacts(campaign_id, 300)
        result = report.one(campaign_id)
        assert (result["complete"], result["contacts_before_stop"]) == (True, 300)

    def test_snapshot__without_a_count(
        self, report: Reporter, kore_simulator: KoreSimulator, client: KoreClient
    ) -> None:
        """A snapshot that holds more than the service has after the stop is kept, also if the stop counted nothing."""
        kore_simulator.switches(stop_empties_results=True)
        campaign_id = kore_simulator.add_campaign(status="Active", contacts=250)
        report.one(campaign_id)
        client.stop_campaign(campaign_id, "voice")
        kore_simulator.set_contacts(campaign_id, 40)
        result = report.one(campaign_id)

        assert (result["complete"], result["reason"], result["rows"]) == (False, "total_shrank", 250)
        assert len(rows_of(result)) == 250

    def test_snapshot__run_never_named(
        self, report: Reporter, kore_simulator: KoreSimulator, client: KoreClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What a snapshot has counted survives where no answer names the run: an emptied campaign is not complete."""
        campaign_id = kore_simulator.add_campaign(status="Active", contacts=50)
        name_no_run(client, monkeypatch)
        report.one(campaign_id)
        kore_simulator.set_status(campaign_id, "Stopped", force=True)
        kore_simulator.set_contacts(campaign_id, 0)

        result = report.one(campaign_id, allow_empty=True)

        assert (result["complete"], result["reason"], result["rows"]) == (False, "total_shrank", 50)

    def test_never_worse__then_well(
        self, report: Reporter, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A passing fault that spoils all readings does not spoil those of the next try."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=450)
        report.one(campaign_id, formats=("csv",))
        original = report.client.get_contact_page

        def cut(*args: Any, **kwargs: Any) -> Any:
            page = original(*args, **kwargs)
            return page if kwargs.get("page") != 3 else replace(page, contacts=page.contacts[:1])

        monkeypatch.setattr(report.client, "get_contact_page", cut)
        error = report.failure(campaign_id)
        assert error.retryable
        # The third page, of 100 rows or, in the end, of 73, always lacks the contacts from the 202nd to the 219th.
        assert "they hold 432 different contacts, and the service says 450" in str(error)
        monkeypatch.undo()

        result = report.one(campaign_id)
        assert (result["complete"], result["rows"], len(rows_of(result))) == (True, 450, 450)

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
