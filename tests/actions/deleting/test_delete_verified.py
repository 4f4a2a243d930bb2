"""Right before a delete all results are read once more: what is new is kept, and what is gone keeps the campaign."""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from delete_support import BY, Delete, DeleteReported, KilledError, add, failure, kept, only, remove, there
from report_support import Reporter, contents_of, file_of, folder_of, manifest_of, path_in, rows_of

from airflow_provider_campaigns.actions.deleting.archive import Record
from airflow_provider_campaigns.actions.targets import Targets
from airflow_provider_campaigns.kore.campaigns import CampaignType, ContactResult
from airflow_provider_campaigns.kore.errors import KoreBudgetError
from airflow_provider_campaigns.reports.errors import ReportRefusedError, ReportStorageError
from airflow_provider_campaigns.reports.folder import Folder
from airflow_provider_campaigns.reports.publish import Publisher

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fake_clock import FakeClock
    from kore_support import Meanwhile

    from airflow_provider_campaigns.kore.campaigns import ContactPage
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

ROWS: list[dict[str, Any]] = [
    {"phoneNumber": f"1999555{number:04}", "uniqueId": f"u-{number}", "dialerOutcome": "completed"}
    for number in range(250)
]
SOLD = [row | {"agentDispositionCodes": ["sold"]} for row in ROWS]


FIRST_OF_ALL = ContactResult.from_api(ROWS[0])


@pytest.fixture
def delete(client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator, tmp_path: Path) -> DeleteReported:
    """Delete what reports are about, with an archive in ``archive``."""
    kore_simulator.switches(rate_limit=None)
    return DeleteReported(client, fake_clock, tmp_path / "archive", BY)


@pytest.fixture
def report(client: KoreClient, fake_clock: FakeClock, tmp_path: Path) -> Reporter:
    """Makes reports."""
    return Reporter(client, fake_clock, tmp_path / "reports")


@pytest.fixture
def campaign_id(kore_simulator: KoreSimulator, delete: DeleteReported) -> str:
    """A campaign that has stopped, with 250 contacts."""
    return kore_simulator.add_campaign(status="Stopped", contacts=ROWS)


class TestNothingNew:
    def test_same(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, report: Reporter, campaign_id: str, tmp_path: Path
    ) -> None:
        """Where nothing has changed, the report stays as it is, and the receipt says that all was compared."""
        result = report.one(campaign_id)
        before = contents_of(folder_of(result))
        kore_simulator.requests.clear()
        deleted = only(delete(result))

        assert (deleted["verified"], deleted["manifest_sha256"]) == ("all", result["manifest_sha256"])
        assert "given_manifest_sha256" not in deleted
        assert contents_of(folder_of(result)) == before
        receipt = kept(tmp_path, campaign_id)["receipt.json"]
        assert receipt["results_verified"] == "all"
        assert receipt["given_manifest_sha256"] == receipt["manifest_sha256"] == result["manifest_sha256"]
        pages = ["contacts"] * (3 + 2)
        assert [one.operation for one in kore_simulator.requests] == [
            *("get", "list", "get", *pages),
            *("get", "delete", "list", "get"),
        ]

    def test_other_order(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, report: Reporter, campaign_id: str
    ) -> None:
        """Another order of the same rows is nothing new."""
        result = report.one(campaign_id)
        kore_simulator.set_contacts(campaign_id, ROWS[::-1])

        assert only(delete(result))["manifest_sha256"] == result["manifest_sha256"]

    @pytest.mark.parametrize("how", ["keep", "hash", "drop"])
    def test_phone_numbers(self, how: str, delete: DeleteReported, report: Reporter, campaign_id: str) -> None:
        """Rows are known again whatever becomes of their numbers."""
        assert only(delete(report.one(campaign_id, phone_numbers=how)))["verified"] == "all"


class TestMore:
    """What only adds becomes a report beside the one that was given, and the delete goes on."""

    def test_late_dispositions(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, report: Reporter, campaign_id: str, tmp_path: Path
    ) -> None:
        """Dispositions that were written after the report are kept, and so is the report that was given."""
        result = report.one(campaign_id, formats=("jsonl", "csv"), phone_numbers="hash")
        before = contents_of(folder_of(result))
        kore_simulator.set_contacts(campaign_id, SOLD)
        deleted = only(delete(result))

        assert there(kore_simulator) == set()
        manifest = manifest_of(result)
        assert manifest["complete"]
        assert (manifest["formats"], manifest["phone_numbers"]) == (["jsonl", "csv"], "hash")
        assert manifest["extends"] == [result["manifest_sha256"]]
        name = next(one for one in manifest["files"] if one.endswith(".jsonl"))
        rows = [json.loads(line) for line in (folder_of(result) / name).read_bytes().splitlines()]
        assert [row["agentDispositionCodes"] for row in rows] == [["sold"]] * 250
        after = contents_of(folder_of(result))
        assert all(after[one] == data for one, data in before.items() if one != "manifest.json")
        assert before["manifest.json"] in after.values()
        assert deleted["given_manifest_sha256"] == result["manifest_sha256"] != deleted["manifest_sha256"]
        receipt = kept(tmp_path, campaign_id)["receipt.json"]
        assert receipt["given_manifest_sha256"] == result["manifest_sha256"]
        assert receipt["manifest_sha256"] == deleted["manifest_sha256"]
        assert (
            report.one(campaign_id, formats=("jsonl", "csv"), phone_numbers="hash")["manifest_sha256"]
            == (deleted["manifest_sha256"])
        )

    @pytest.mark.parametrize(
        "more",
        [
            [*ROWS, {"phoneNumber": "15550000000"}],
            [ROWS[0] | {"numberOfAttemptsSoFar": 2}, *ROWS[1:]],
            [*ROWS[:120], ROWS[120] | {"botOutboundStatus": "userHangUp"}, *ROWS[121:]],
        ],
    )
    def test_more(
        self,
        more: list[dict[str, Any]],
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        report: Reporter,
        campaign_id: str,
    ) -> None:
        """One more contact, attempt or other field, on any page, is kept before the campaign goes."""
        result = report.one(campaign_id)
        kore_simulator.set_contacts(campaign_id, more)
        deleted = only(delete(result))

        assert deleted["rows"] == len(more)
        assert rows_of(report.one(campaign_id)) == more

    def test_killed_before_the_delete(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        report: Reporter,
        campaign_id: str,
        monkeypatch: pytest.MonkeyPatch,
        client: KoreClient,
    ) -> None:
        """A delete that was killed after it had added to the report goes on by the report that was given."""
        result = report.one(campaign_id)
        kore_simulator.set_contacts(campaign_id, SOLD)

        def killed(*_: Any, **__: Any) -> None:
            raise KilledError

        with monkeypatch.context() as patch:
            patch.setattr(client, "delete_campaign", killed)
            with pytest.raises(KilledError):
                delete(result)
        assert manifest_of(result)["extends"] == [result["manifest_sha256"]]
        deleted = only(delete(result))

        assert deleted["given_manifest_sha256"] == result["manifest_sha256"]
        assert there(kore_simulator) == set()

    @pytest.mark.parametrize("is_answered", [True, False])
    def test_killed_before_its_receipt(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        report: Reporter,
        campaign_id: str,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        is_answered: bool,
    ) -> None:
        """The receipt that a killed delete owes says what that delete went by, and who approved it."""
        result = report.one(campaign_id)
        kore_simulator.set_contacts(campaign_id, SOLD)
        delete.by = BY | {"approved_by": ["Grace"]}

        def killed(*_: Any, **__: Any) -> None:
            raise KilledError

        with monkeypatch.context() as patch:
            patch.setattr(Record, "finish" if is_answered else "accept", killed)
            with pytest.raises(KilledError):
                delete(result)
        assert there(kore_simulator) == set()
        delete.by = BY | {"try_number": 2}
        deleted = only(delete(result))

        (manifest,) = folder_of(result).glob("manifest.json")
        gone_by = {
            "manifest_sha256": hashlib.sha256(manifest.read_bytes()).hexdigest(),
            "given_manifest_sha256": result["manifest_sha256"],
        }
        assert gone_by["manifest_sha256"] != gone_by["given_manifest_sha256"]
        assert gone_by.items() <= deleted.items()
        assert (deleted["verified"], deleted["rows"], deleted["changed"]) == ("all", 250, is_answered)
        receipt = kept(tmp_path, campaign_id)["receipt.json"]
        assert gone_by.items() <= receipt.items()
        assert (receipt["results_verified"], receipt["proven_by"]) == ("all", "list and get")
        assert receipt["deleted_by" if is_answered else "tried_by"] == BY | {"approved_by": ["Grace"]}

    def test_deleted_by_somebody_else(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        report: Reporter,
        campaign_id: str,
        meanwhile: Meanwhile,
        tmp_path: Path,
    ) -> None:
        """So does the receipt where somebody else deletes the campaign in between: its own try writes it."""
        result = report.one(campaign_id)
        kore_simulator.set_contacts(campaign_id, SOLD)
        meanwhile("delete_campaign", lambda: remove(kore_simulator, campaign_id))
        deleted = only(delete(result))

        assert (deleted["changed"], deleted["given_manifest_sha256"]) == (False, result["manifest_sha256"])
        receipt = kept(tmp_path, campaign_id)["receipt.json"]
        assert (receipt["results_verified"], receipt["deleted_by"], receipt["tried_by"]) == ("all", None, BY)
        assert receipt["manifest_sha256"] == deleted["manifest_sha256"] != result["manifest_sha256"]

    def test_pages_of_a_killed_try(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        report: Reporter,
        campaign_id: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """What a task that was killed has read is not taken for what the service has: a delete reads every page itself.

        The first and the last page are as they were; the disposition is on the one between.
        """
        result = report.one(campaign_id)

        def killed(*_: Any, **__: Any) -> None:
            raise KilledError

        with monkeypatch.context() as patch:
            patch.setattr(Publisher, "publish", killed)
            with pytest.raises(KilledError):
                report.one(campaign_id, refresh=True)
        kore_simulator.set_contacts(campaign_id, [*ROWS[:150], SOLD[150], *ROWS[151:]])
        only(delete(result))

        assert rows_of(report.one(campaign_id))[150]["agentDispositionCodes"] == ["sold"]

    def test_seen_on_the_way(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        report: Reporter,
        campaign_id: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A disposition that shows only where the first page is read once more, after readings that moved, is kept."""
        result = report.one(campaign_id)
        moved = [*ROWS[1:], ROWS[0]]
        original, answered = delete.client.get_contact_page, itertools.count(1)

        def page(*args: Any, **more: Any) -> Any:
            answer = original(*args, **more)
            number = next(answered)
            if number == 1:  # the first page of the first reading
                kore_simulator.set_contacts(campaign_id, moved)
            if number == 6:  # one of the second, by which every contact was seen
                kore_simulator.set_contacts(campaign_id, [*moved[:50], SOLD[51], *moved[51:]])
            return answer

        monkeypatch.setattr(delete.client, "get_contact_page", page)
        only(delete(result))

        (row,) = [one for one in rows_of(report.one(campaign_id)) if one["uniqueId"] == "u-51"]
        assert row.get("agentDispositionCodes") == ["sold"]

    def test_another_report_since(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, report: Reporter, campaign_id: str
    ) -> None:
        """A report that a task has made since, and that nobody was asked about, is not what was given."""
        result = report.one(campaign_id)
        kore_simulator.set_contacts(campaign_id, SOLD)
        report.one(campaign_id, refresh=True)

        assert "is not what its task wrote" in str(failure(delete(result), campaign_id))
        kore_simulator.assert_no_writes()


class TestLess:
    """What takes anything away keeps the campaign; the report's task, cleared, reads everything anew."""

    @pytest.mark.parametrize(
        "less",
        [
            [ROWS[0] | {"dialerOutcome": "busy"}, *ROWS[1:]],
            [*ROWS[:-1], ROWS[-1] | {"dialerOutcome": ""}],
            [{"phoneNumber": row["phoneNumber"], "uniqueId": row["uniqueId"], "dialerOutcome": ""} for row in ROWS],
            [*ROWS[:-1], {"phoneNumber": "15550000000", "uniqueId": "stranger"}],
        ],
        ids=["another outcome", "no outcome", "a reset", "another contact"],
    )
    def test_less(
        self,
        less: list[dict[str, Any]],
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        report: Reporter,
        campaign_id: str,
    ) -> None:
        """It is refused, the report stays, and the way out is a report that is read anew, beside the one that was."""
        result = report.one(campaign_id)
        before = {name: data for name, data in contents_of(folder_of(result)).items() if name != "manifest.json"}
        kore_simulator.set_contacts(campaign_id, less)
        error = failure(delete(result), campaign_id)

        assert isinstance(error, ReportRefusedError)
        assert not error.retryable
        assert "is not borne out" in str(error)
        assert "Nothing was deleted. Run the report again, which reads everything anew" in str(error)
        kore_simulator.assert_no_writes()
        assert manifest_of(result)["complete"]
        kore_simulator.requests.clear()

        anew = report.one(campaign_id)
        assert (anew["changed"], anew["complete"]) == (True, True)
        assert rows_of(anew) == less
        assert len(kore_simulator.requests.of("contacts")) == 3 + 2  # all pages, and not what the delete has read
        after = contents_of(folder_of(result))
        assert {name: after.get(name) for name in before} == before
        assert only(delete(anew))["verified"] == "all"

    def test_fewer(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, report: Reporter, campaign_id: str
    ) -> None:
        """Where contacts have vanished for good, both tasks are red, say so, and the report that has them stays."""
        result = report.one(campaign_id)
        kore_simulator.set_contacts(campaign_id, ROWS[:-1])

        assert "has 249 contacts, but 250" in str(failure(delete(result), campaign_id))
        assert "has 249 contacts, but 250" in str(report.failure(campaign_id))
        kore_simulator.assert_no_writes()
        assert len(rows_of(result)) == 250

    def test_fewer__note_not_writable(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        report: Reporter,
        campaign_id: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Where the next report cannot be told to read anew, the refusal stands all the same."""
        result = report.one(campaign_id)
        kore_simulator.set_contacts(campaign_id, [ROWS[0] | {"dialerOutcome": ""}, *ROWS[1:]])
        write = Folder.write

        def refuse(folder: Folder, name: str, chunks: Any, **how: Any) -> Any:
            if name == "superseded.json":
                raise ReportStorageError("no space left")
            return write(folder, name, chunks, **how)

        monkeypatch.setattr(Folder, "write", refuse)

        assert isinstance(failure(delete(result), campaign_id), ReportRefusedError)
        kore_simulator.assert_no_writes()

    def test_pages_move(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, report: Reporter, campaign_id: str
    ) -> None:
        """Where the pages do not stand still, the delete may be tried again, and says what else there is."""
        result = report.one(campaign_id)
        kore_simulator.switches(contact_paging="shuffled")
        kore_simulator.set_contacts(campaign_id, [*ROWS, ROWS[5] | {"botSessionId": "second"}])
        error = failure(delete(result), campaign_id)

        assert error.retryable
        assert "the pages do not stand still" in str(error)
        assert "Nothing was deleted. Run this again. If it stays so, refresh=True has the report read" in str(error)
        assert "the pages do not stand still" in str(report.failure(campaign_id, refresh=True))
        kore_simulator.assert_no_writes()

    def test_comes_back(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, report: Reporter, campaign_id: str
    ) -> None:
        """What was gone for a moment only is there at the next try, which goes by the report that was given."""
        result = report.one(campaign_id)
        kore_simulator.set_contacts(campaign_id, ROWS[:-1])
        failure(delete(result), campaign_id)
        kore_simulator.set_contacts(campaign_id, ROWS)

        assert only(delete(result))["manifest_sha256"] == result["manifest_sha256"]

    def test_started_meanwhile(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        report: Reporter,
        campaign_id: str,
        meanwhile: Meanwhile,
    ) -> None:
        """A campaign that a person starts while all is read once more is not deleted."""
        result = report.one(campaign_id)
        meanwhile("get_contact_page", lambda: kore_simulator.restart(campaign_id))

        assert "was started again since" in str(failure(delete(result), campaign_id))
        kore_simulator.assert_no_writes()

    def test_changed_meanwhile(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        report: Reporter,
        campaign_id: str,
        meanwhile: Meanwhile,
    ) -> None:
        """A campaign that is changed in any way while all is read once more is not deleted; the next try reads anew."""
        kore_simulator.service.store.get(campaign_id).updated_at = "2026-03-02T12:30:00.000Z"
        result = report.one(campaign_id)

        def change() -> None:
            kore_simulator.service.store.get(campaign_id).updated_at = "2026-03-02T12:45:00.000Z"

        meanwhile("get_contact_page", change)
        error = failure(delete(result), campaign_id)

        assert error.retryable
        assert "was changed at 2026-03-02T12:30:00.000Z, and was again at 2026-03-02T12:45:00.000Z" in str(error)
        kore_simulator.assert_no_writes()
        assert only(delete(result))["status"] == "Deleted"


class TestOnlyTotals:
    """Where there are no results by contact, the number of messages is all that there is, and is compared."""

    @pytest.fixture
    def sms(self, kore_simulator: KoreSimulator, delete: DeleteReported) -> str:
        """An SMS campaign that has stopped, and has sent 300 messages."""
        kore_simulator.switches(sms_results="error")
        return kore_simulator.add_campaign(campaign_type="sms", status="Stopped", contacts=7, messages_sent=300)

    @pytest.mark.parametrize("how", ["all", "ends"])
    @pytest.mark.parametrize("messages", [300, 0, None])
    def test_same(
        self,
        messages: int | None,
        how: str,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        report: Reporter,
        sms: str,
    ) -> None:
        """The same number, or none at both times, leaves the report as it is."""
        count(kore_simulator, sms, messages)
        result = report.one(sms, if_no_contact_results="totals")
        before = contents_of(folder_of(result))
        deleted = only(delete(result, verify_results=how))

        assert (deleted["verified"], deleted["manifest_sha256"]) == ("all", result["manifest_sha256"])
        assert contents_of(folder_of(result)) == before
        assert manifest_of(result)["messages_sent"] == messages
        assert there(kore_simulator) == set()

    def test_costs(self, kore_simulator: KoreSimulator, delete: DeleteReported, report: Reporter, sms: str) -> None:
        """It costs one list."""
        result = report.one(sms, if_no_contact_results="totals")
        kore_simulator.requests.clear()
        delete(result)

        asked = [one.operation for one in kore_simulator.requests]
        assert asked == ["get", "list", "get", "contacts", "contacts", "list", "get", "delete", "list", "get"]

    @pytest.mark.parametrize("reported", [300, None])
    def test_more(
        self,
        reported: int | None,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        report: Reporter,
        sms: str,
        tmp_path: Path,
    ) -> None:
        """More messages become a report beside the one that was given, and the campaign goes."""
        count(kore_simulator, sms, reported)
        result = report.one(sms, if_no_contact_results="totals")
        before = contents_of(folder_of(result))
        count(kore_simulator, sms, 350)
        deleted = only(delete(result))

        assert there(kore_simulator) == set()
        manifest = manifest_of(result)
        assert (manifest["messages_sent"], manifest["complete"], manifest["rows"]) == (350, True, None)
        assert manifest["extends"] == [result["manifest_sha256"]]
        assert messages_in(folder_of(result)) == 350
        assert (deleted["verified"], deleted["given_manifest_sha256"]) == ("all", result["manifest_sha256"])
        assert kept(tmp_path, sms)["receipt.json"]["manifest_sha256"] == deleted["manifest_sha256"]
        is_beside = before["manifest.json"] in contents_of(folder_of(result)).values()
        assert is_beside is (reported == 300)  # one that holds no number holds nothing more

    def test_contacts(self, kore_simulator: KoreSimulator, delete: DeleteReported, report: Reporter, sms: str) -> None:
        """Where the results by contact are there by now, they are kept, and the number that was reported as well."""
        result = report.one(sms, if_no_contact_results="totals")
        before = contents_of(folder_of(result))
        kore_simulator.switches(sms_results="rows")
        deleted = only(delete(result))

        assert (deleted["rows"], manifest_of(result)["messages_sent"]) == (7, None)
        after = contents_of(folder_of(result))
        assert {name: after[name] for name in before if name.startswith("summary-")} == {
            name: data for name, data in before.items() if name.startswith("summary-")
        }
        assert before["manifest.json"] in after.values()

    @pytest.mark.parametrize(
        ("messages", "said"), [(299, "counts 299 now"), (0, "counts 0 now"), (None, "does not tell how many any more")]
    )
    def test_less(
        self,
        messages: int | None,
        said: str,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        report: Reporter,
        sms: str,
    ) -> None:
        """Fewer are refused; the report's task, cleared, reads anew, and what was reported stays beside it."""
        result = report.one(sms, if_no_contact_results="totals")
        before = contents_of(folder_of(result))
        count(kore_simulator, sms, messages)
        error = failure(delete(result), sms)

        assert isinstance(error, ReportRefusedError)
        assert not error.retryable
        assert str(error) == (
            f"campaign {sms}: the report {result['report_url']} is not borne out: it has 300 messages, and the service "
            f"{said}. Nothing was deleted. Run the report again, which reads everything anew, and delete with what it "
            "returns"
        )
        kore_simulator.assert_no_writes()

        anew = report.one(sms, if_no_contact_results="totals", phone_numbers="drop")
        assert (anew["changed"], anew["complete"], manifest_of(anew)["messages_sent"]) == (True, True, messages)
        after = contents_of(folder_of(result))
        assert {name: after.get(name) for name in before if name != "manifest.json"} == {
            name: data for name, data in before.items() if name != "manifest.json"
        }
        assert before["manifest.json"] in after.values()
        assert only(delete(anew))["verified"] == "all"

    @pytest.mark.parametrize(("status", "is_tried_again"), [(500, True), (403, False)])
    def test_list_cannot_be_read(
        self,
        status: int,
        is_tried_again: bool,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        report: Reporter,
        sms: str,
    ) -> None:
        """Where the list cannot be read now, nothing is deleted, and the message names the way out; then it goes on."""
        result = report.one(sms, if_no_contact_results="totals")
        delete.client.proof.means(CampaignType.SMS)  # known for ten minutes
        kore_simulator.faults.fail_next(status, operation="list", times=100)
        error = failure(delete(result), sms)

        assert error.retryable is is_tried_again
        assert f"campaign {sms}: its messages are counted in the list of campaigns alone, which cannot be" in str(error)
        assert "Nothing was deleted. Run this again. If it stays so, a delete without report=, with " in str(error)
        assert 'if_unreported="delete", compares nothing, and leaves what was reported' in str(error)
        kore_simulator.assert_no_writes()

        kore_simulator.faults.clear_faults()
        assert only(delete(result))["manifest_sha256"] == result["manifest_sha256"]

    def test_list_cannot_be_read__way_out(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, report: Reporter, sms: str
    ) -> None:
        """The way out is one: without its report the campaign goes while the list is refused, and the report stays."""
        result = report.one(sms, if_no_contact_results="totals")
        kore_simulator.faults.fail_next(403, operation="list", times=1000)
        deleted = Delete(delete.client, delete.fake_clock)(sms, if_unreported="delete")

        assert only(deleted)["proven_by"] == "get and status"
        assert messages_in(folder_of(result)) == 300

    def test_account(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        report: Reporter,
        sms: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """What keeps every request from being sent is told as it is."""
        result = report.one(sms, if_no_contact_results="totals")

        def full(*_: Any, **__: Any) -> Any:
            raise KoreBudgetError("the request budget has no place")

        meant = delete.client.look_through
        calls = itertools.count()
        monkeypatch.setattr(
            delete.client, "look_through", lambda *a, **how: full() if next(calls) == 0 else meant(*a, **how)
        )
        error = failure(delete(result), sms)

        assert (str(error), error.retryable) == ("the request budget has no place", True)
        kore_simulator.assert_no_writes()


def count(simulator: KoreSimulator, campaign_id: str, messages: int | None) -> None:
    """Let the list count so many messages of a campaign; None if it is to say nothing of them."""
    setattr(simulator.service.store.get(campaign_id), "messages_sent", messages)  # noqa: B010 - None is no int


def messages_in(folder: Path) -> int | None:
    """What the report in a folder says of messages."""
    body: dict[str, Any] = json.loads(path_in(folder, "summary.json").read_bytes())
    messages: int | None = body["messages_sent"]
    return messages


def answers(
    delete: DeleteReported,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[ContactPage, int], ContactPage],
    *,
    first: int | None = None,
) -> None:
    """Let the ``first`` answers with contacts be others, or all; ``change`` is given one and what was asked for."""
    original, answered = delete.client.get_contact_page, itertools.count()

    def page(*args: Any, **how: Any) -> ContactPage:
        answer = original(*args, **how)
        is_changed = first is None or next(answered) < first
        return change(answer, how.get("page", 1)) if is_changed else answer

    monkeypatch.setattr(delete.client, "get_contact_page", page)


class TestEnds:
    """``verify_results="ends"`` reads the number of contacts, the first and the last page."""

    def test_same(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, report: Reporter, campaign_id: str, tmp_path: Path
    ) -> None:
        """It costs two pages, and the receipt says that it proves less."""
        result = report.one(campaign_id)
        kore_simulator.requests.clear()

        assert only(delete(result, verify_results="ends"))["verified"] == "ends"
        assert [one.body["page"] for one in kore_simulator.requests.of("contacts")] == [1, 3]
        assert kept(tmp_path, campaign_id)["receipt.json"]["results_verified"] == "ends"

    @pytest.mark.parametrize("changed", [[0], [249], list(range(250))])
    def test_changed(
        self,
        changed: list[int],
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        report: Reporter,
        campaign_id: str,
    ) -> None:
        """What is not as it was on either page leads to a reading of all."""
        result = report.one(campaign_id)
        rows = [SOLD[number] if number in changed else row for number, row in enumerate(ROWS)]
        kore_simulator.set_contacts(campaign_id, rows)

        assert only(delete(result, verify_results="ends"))["verified"] == "all"
        assert rows_of(report.one(campaign_id)) == rows

    @pytest.mark.parametrize("names_pages", [True, False])
    def test_page_not_asked_for(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        report: Reporter,
        campaign_id: str,
        monkeypatch: pytest.MonkeyPatch,
        names_pages: bool,
    ) -> None:
        """A service that gives the first page in the place of the last has not shown the last: nothing is deleted."""
        result = report.one(campaign_id)
        kore_simulator.switches(contact_paging="ignored")
        kore_simulator.set_contacts(campaign_id, [*ROWS[:249], SOLD[249]])
        if not names_pages:
            answers(delete, monkeypatch, lambda page, asked: replace(page, page=asked))
        error = failure(delete(result, verify_results="ends"), campaign_id)

        assert "the pages do not stand still while they are read" in str(error)
        assert error.retryable
        kore_simulator.assert_no_writes()

        kore_simulator.switches(contact_paging="stable")
        monkeypatch.undo()
        assert only(delete(result, verify_results="ends"))["verified"] == "all"
        assert rows_of(report.one(campaign_id))[249]["agentDispositionCodes"] == ["sold"]

    @pytest.mark.parametrize(
        "change",
        [
            # Page 2 in the place of page 3, and named so.
            lambda page, asked, page_2: page_2 if asked == 3 else page,
            # The same, and it says that it is page 3.
            lambda page, asked, page_2: replace(page_2, page=3) if asked == 3 else page,
            # Rows that the first page has, and rows of its own.
            lambda page, asked, _: replace(page, contacts=(*page.contacts[:49], FIRST_OF_ALL)) if asked == 3 else page,
            # One page, although it does not hold all.
            lambda page, asked, _: replace(page, total_pages=1) if asked == 1 else page,
            # Two pages only, of which the second is full.
            lambda page, asked, _: replace(page, total_pages=2),
            # The last page says that there are more.
            lambda page, asked, _: replace(page, total_pages=4) if asked == 3 else page,
            # An empty one.
            lambda page, asked, _: replace(page, contacts=()) if asked == 3 else page,
        ],
        ids=["page 2", "page 2 as 3", "a row twice", "one page", "two pages", "four pages", "empty"],
    )
    def test_no_ends(
        self,
        change: Callable[[ContactPage, int, ContactPage], ContactPage],
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        report: Reporter,
        campaign_id: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Where the two answers are not first and last page of all contacts, everything is read."""
        result = report.one(campaign_id)
        page_2 = delete.client.get_contact_page(campaign_id, page=2)
        answers(delete, monkeypatch, lambda page, asked: change(page, asked, page_2), first=2)
        kore_simulator.requests.clear()

        assert only(delete(result, verify_results="ends"))["verified"] == "all"
        assert {one.body["page"] for one in kore_simulator.requests.of("contacts")} == {1, 2, 3}

    def test_smaller_pages(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        report: Reporter,
        campaign_id: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A service that gives fewer rows on a page than were asked for has ends as well."""
        result = report.one(campaign_id)
        original = delete.client.get_contact_page
        monkeypatch.setattr(delete.client, "get_contact_page", lambda *a, **how: original(*a, **how | {"limit": 60}))
        kore_simulator.requests.clear()

        assert only(delete(result, verify_results="ends"))["verified"] == "ends"
        assert [one.body["page"] for one in kore_simulator.requests.of("contacts")] == [1, 5]

    def test_one_page(self, kore_simulator: KoreSimulator, delete: DeleteReported, report: Reporter) -> None:
        """One page is both ends; another number of contacts leads to a reading of all."""
        same, more = (kore_simulator.add_campaign(status="Stopped", contacts=ROWS[:5]) for _ in range(2))
        results = [report.one(one) for one in (same, more)]
        kore_simulator.set_contacts(more, ROWS[:6])

        deleted = delete(results, verify_results="ends").as_dicts()
        assert [one["verified"] for one in deleted] == ["ends", "all"]


class TestCannotBeCompared:
    def test_another_secret(
        self,
        kore_simulator: KoreSimulator,
        delete: DeleteReported,
        report: Reporter,
        campaign_id: str,
    ) -> None:
        """A report that was made with another secret is refused with a message of its own, and read anew."""
        result = report.one(campaign_id)
        manifest = manifest_of(result) | {"key": "0123456789abcdef"}
        Folder(folder_of(result)).write("manifest.json", [json.dumps(manifest).encode()])

        error = failure(delete(result["report_url"]), campaign_id)
        assert "was made with another client secret than this connection has" in str(error)
        assert report.one(campaign_id)["changed"]
        assert only(delete(result["report_url"]))["verified"] == "all"

    def test_earlier_version(
        self, kore_simulator: KoreSimulator, delete: DeleteReported, report: Reporter, campaign_id: str
    ) -> None:
        """So is one of a version that wrote no digests; once the campaign is gone, it is kept."""
        result = report.one(campaign_id)
        manifest = manifest_of(result)
        digests = file_of(result, "digests.txt")
        del manifest["files"][digests.name], manifest["key"], manifest["extends"], manifest["proven_by"]
        digests.unlink()
        Folder(folder_of(result)).write("manifest.json", [json.dumps(manifest).encode()])

        assert "by an earlier version" in str(failure(delete(result["report_url"]), campaign_id))
        kore_simulator.service.store.remove(campaign_id)
        assert report.one(campaign_id)["changed"] is False


@pytest.mark.parametrize("how", ["result", "result and id", "address"])
def test_renamed__however_it_is_given(
    kore_simulator: KoreSimulator, delete: DeleteReported, report: Reporter, campaign_id: str, how: str
) -> None:
    """Also where the campaign is named by its id besides, as in ``end_of_campaign``, or the report by its address."""
    kore_simulator.service.store.get(campaign_id).name = "Spring"
    result = report.one(campaign_id)
    kore_simulator.service.store.get(campaign_id).name = "Summer"
    named = Targets.parse(campaign_id, None) if how == "result and id" else None

    error = failure(delete(result["report_url"] if how == "address" else result, named), campaign_id)

    assert "is named 'Summer', expected 'Spring'; nothing was sent" in str(error)
    kore_simulator.assert_no_writes()
    meant = Targets.parse(campaign_id, None).with_names("Summer")
    assert only(delete(result, meant))["name"] == "Summer"


def test_renamed(
    kore_simulator: KoreSimulator, delete: DeleteReported, report: Reporter, campaign_id: str, tmp_path: Path
) -> None:
    """A campaign that was renamed since its report stays; its report's task, cleared, reads it anew, and it may go."""
    kore_simulator.service.store.get(campaign_id).name = "Spring"
    result = report.one(campaign_id)
    before = contents_of(folder_of(result))
    kore_simulator.service.store.get(campaign_id).name = "Summer"
    error = failure(delete(result), campaign_id)

    assert str(error) == (
        f"campaign {campaign_id}: is named 'Summer', expected 'Spring'; nothing was sent. If it was renamed and is "
        "still meant, clear the task whose result names it, and then this one"
    )
    assert not error.retryable
    assert failure(delete(result), campaign_id)  # it takes no new name by itself
    kore_simulator.assert_no_writes()

    anew = report.one(campaign_id)
    assert (anew["changed"], anew["complete"], anew["name"]) == (True, True, "Summer")
    after = contents_of(folder_of(result))
    assert {name: after.get(name) for name in before if name != "manifest.json"} == {
        name: data for name, data in before.items() if name != "manifest.json"
    }
    assert before["manifest.json"] in after.values()
    assert report.one(campaign_id)["changed"] is False
    assert only(delete(anew))["name"] == "Summer"
    assert there(kore_simulator) == set()


def test_ids(kore_simulator: KoreSimulator, delete: DeleteReported, report: Reporter) -> None:
    """One campaign whose report is not borne out keeps no other from being deleted."""
    first, second = add(kore_simulator, 2, contacts=5)
    results = [report.one(one) for one in (first, second)]
    kore_simulator.set_contacts(first, 0)
    outcomes = delete(results)

    assert list(outcomes.failures) == [first]
    assert there(kore_simulator) == {first}
