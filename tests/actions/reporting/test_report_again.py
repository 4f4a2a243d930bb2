"""Reports that were cut short, and storage that fails: what the next try takes over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from report_support import (
    DATA_FILES,
    Reporter,
    contents_of,
    folder_of,
    manifest_of,
    names_in,
    pages_read,
    rows_of,
    without_times,
)

from airflow_provider_campaigns.kore.errors import (
    KoreProtocolError,
)
from airflow_provider_campaigns.reports.errors import ReportStorageError

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator


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
            if file in writer.name:
                with writer._folder.guarded(f"write {writer.name}"):
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

    def test_begins_anew__after_pages_of_another_size(
        self, report: Reporter, kore_simulator: KoreSimulator, tmp_path: Path
    ) -> None:
        """A try that was killed while it read smaller pages leaves nothing to a report of another state."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=3456)
        self.interrupt(report, kore_simulator, campaign_id, 26)
        (state,) = tmp_path.glob(f"{campaign_id}/*/_parts/state.json")
        state.write_text(json.dumps(json.loads(state.read_text()) | {"page_size": 97, "reading": 2}))
        result = report.one(campaign_id)

        assert pages_read(kore_simulator) == [1, 1, 1, *range(2, 36), 35]
        assert (result["complete"], result["rows"], manifest_of(result)["tries"]) == (True, 3456, 1)

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
        rows = [{"phoneNumber": f"1200555{n % 2950:04d}", "uniqueId": f"c-{n % 2950}"} for n in range(3456)]
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
        assert manifest_of(result)["duplicate_rows"] == 506

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
        assert names_in(folder_of(result)) == sorted((*DATA_FILES, "manifest.json"))


class _SameClient:
    """A client with other settings."""

    def __init__(self, client: KoreClient, settings: Any) -> None:
        self._client = client
        self.settings = settings

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)
