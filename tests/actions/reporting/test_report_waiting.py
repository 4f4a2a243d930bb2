"""Results that are not final yet: how long a report waits for them, what a look costs, and what is said at the end."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from report_support import (
    DATA_FILES,
    Reporter,
    account_of,
    contents_of,
    file_of,
    folder_of,
    manifest_of,
    names_in,
    pages_read,
)

from airflow_provider_campaigns.actions.outcomes import Outcomes
from airflow_provider_campaigns.actions.reporting.report import ReportOptions, report_campaigns, waits_until
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.settings import KoreSettings
from airflow_provider_campaigns.simulator import KoreSimulator, ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fake_clock import FakeClock

    from airflow_provider_campaigns.kore.campaigns import Campaign

ENDED_AT = "2026-03-02T12:30:00.000Z"
"""When the campaigns were stopped, and what time it is when a test begins."""

MINUTE = 60


def contacts(count: int, *pending: int) -> list[dict[str, Any]]:
    """So many contacts; the results at these places are not final."""
    return [
        {
            "phoneNumber": f"1200555{index:04d}",
            "uniqueId": f"customer-{index}",
            "dialerOutcome": "waitingForDisposition" if index in pending else "completed",
            "numberOfAttemptsSoFar": 1,
            "botSessionId": f"{index:08x}",
            "agentDispositionCodes": [],
        }
        for index in range(count)
    ]


@dataclass
class Evening:
    """Campaigns that have just been stopped, on clocks that move together."""

    simulator: KoreSimulator
    report: Reporter
    sim_clock: ManualClock

    def add(self, rows: Any, **fields: Any) -> str:
        campaign_id = self.simulator.add_campaign(**{
            "status": "Stopped",
            "contacts": rows,
            "updated_at": ENDED_AT,
            **fields,
        })
        self.simulator.requests.clear()
        return campaign_id

    def pass_(self, seconds: float) -> None:
        self.sim_clock.advance(seconds)
        self.report.fake_clock.elapsed_s += seconds

    def settle(self, campaign_id: str, *indices: int, **fields: Any) -> None:
        """Let rows change: become final, if nothing else is said."""
        rows: Any = self.simulator.service.store.get(campaign_id).contacts
        for index in indices:
            rows[index].update(fields or {"dialerOutcome": "completed", "agentDispositionCodes": ["Resolved"]})

    def hide_run(self, monkeypatch: pytest.MonkeyPatch, updated_at: Callable[[], str | None]) -> None:
        """Let the service name no run, and say this of when a campaign was changed."""
        get = self.report.client.get_campaign

        def without_run(campaign_id: str, **arguments: Any) -> Campaign:
            return replace(get(campaign_id, **arguments), campaign_instance_id=None, updated_at=updated_at())

        monkeypatch.setattr(self.report.client, "get_campaign", without_run)

    def requests(self) -> tuple[int, list[int]]:
        """How many requests there were since it was asked last, and the pages of contacts that were read."""
        found = len(self.simulator.requests), pages_read(self.simulator)
        self.simulator.requests.clear()
        return found


@pytest.fixture
def evening(fake_clock: FakeClock, tmp_path: Path) -> Iterator[Evening]:
    sim_clock = ManualClock(datetime(2026, 3, 2, 12, 30, tzinfo=UTC))
    with KoreSimulator(clock=sim_clock, ids_seed=1) as simulator:
        simulator.switches(rate_limit=None)
        with KoreClient(KoreSettings(**account_of(simulator)), sleep=lambda _: None) as client:
            yield Evening(simulator, Reporter(client, fake_clock, tmp_path), sim_clock)


def pending(result: dict[str, Any]) -> tuple[bool, str | None, int | None]:
    return result["complete"], result["reason"], result["pending"]


class TestLooks:
    def test_settles_within_the_first_look(self, evening: Evening) -> None:
        """What is final at the first look is read once more as a whole, and the report is complete."""
        campaign_id = evening.add(contacts(450, 120, 130, 420))

        first = evening.report.one(campaign_id)
        assert pending(first) == (False, "pending", 3)
        assert first["next_look_at"] == "2026-03-02T12:45:00+00:00"
        assert first["waits_until"] == "2026-03-02T14:30:00+00:00"
        assert evening.requests() == (9, [1, 1, 2, 3, 4, 5, 5])
        evening.settle(campaign_id, 120, 130, 420)
        evening.pass_(15 * MINUTE)

        result = evening.report.one(campaign_id)

        assert pending(result) == (True, None, 0)
        assert "next_look_at" not in result
        # The campaign, the two pages that had such rows, and the whole.
        assert evening.requests() == (11, [1, 1, 2, 2, 3, 4, 5, 5, 5])
        assert names_in(folder_of(result)) == sorted((*DATA_FILES, "manifest.json"))

    def test_made_up_rows(self, evening: Evening) -> None:
        """A service that settles some minutes after the stop is reported when it has settled."""
        evening.simulator.switches(pending_seconds=10 * MINUTE)
        campaign_id = evening.add(500)

        assert pending(evening.report.one(campaign_id)) == (False, "pending", 36)
        evening.pass_(15 * MINUTE)
        assert pending(evening.report.one(campaign_id)) == (True, None, 0)

    def test_two_looks_alike(self, evening: Evening) -> None:
        """Rows that stay as they are for a quarter of an hour are counted, and waited for no longer."""
        campaign_id = evening.add(contacts(250, 3, 240))
        evening.report.one(campaign_id)
        evening.requests()
        evening.pass_(15 * MINUTE)

        result = evening.report.one(campaign_id)

        assert pending(result) == (True, None, 2)
        assert evening.requests() == (9, [1, 1, 1, 2, 3, 3, 3])
        assert manifest_of(result)["pending"] == 2
        assert json.loads(file_of(result, "summary.json").read_bytes())["contacts"]["pending"] == 2
        assert "; 1 reading; 2 results not final." in file_of(result, "report.html").read_text()

    def test_changes_at_each_look(self, evening: Evening) -> None:
        """While each look finds a change, only pages with such rows are read; at the deadline, all, once."""
        campaign_id = evening.add(contacts(350, *range(120, 140), 310))
        results = [evening.report.one(campaign_id)]
        requests = [evening.requests()]
        for look in range(8):
            evening.pass_(15 * MINUTE)
            evening.settle(campaign_id, 120 + look)
            results.append(evening.report.one(campaign_id))
            requests.append(evening.requests())

        assert [pending(one) for one in results] == [(False, "pending", 21)] * 8 + [(True, None, 13)]
        assert [one["changed"] for one in results] == [True, *[False] * 7, True]
        assert requests == [(8, [1, 1, 2, 3, 4, 4]), *[(3, [2, 4])] * 7, (8, [1, 1, 2, 3, 4, 4])]

    def test_after_a_change(self, evening: Evening) -> None:
        """After a look that has found a change, the next is a quarter of an hour later."""
        campaign_id = evening.add(contacts(50, 3, 4))
        evening.report.one(campaign_id)
        evening.settle(campaign_id, 3)
        evening.pass_(16 * MINUTE)
        assert evening.report.one(campaign_id)["next_look_at"] == "2026-03-02T13:01:00+00:00"
        evening.requests()

        evening.pass_(14 * MINUTE)
        evening.report.one(campaign_id)
        assert evening.requests() == (1, [])
        evening.pass_(1 * MINUTE)
        assert pending(evening.report.one(campaign_id)) == (True, None, 1)

    def test_page_that_has_settled(self, evening: Evening) -> None:
        """A page whose rows have all become final is not looked at again."""
        campaign_id = evening.add(contacts(350, 120, 310))
        evening.report.one(campaign_id)
        evening.settle(campaign_id, 120)
        evening.pass_(15 * MINUTE)
        evening.report.one(campaign_id)
        evening.requests()
        evening.settle(campaign_id, 310, botOutboundStatus="agentHangUp")
        evening.pass_(15 * MINUTE)
        evening.report.one(campaign_id)

        assert evening.requests() == (2, [4])

    def test_whole_reading_finds_another_change(self, evening: Evening, monkeypatch: pytest.MonkeyPatch) -> None:
        """A look that finds no change is not believed: if the whole reading finds one, the waiting goes on."""
        campaign_id = evening.add(contacts(250, 120))
        evening.report.one(campaign_id)
        evening.settle(campaign_id, 7, dialerOutcome="in-progress")  # on a page that no look reads
        evening.pass_(15 * MINUTE)

        assert pending(evening.report.one(campaign_id)) == (False, "pending", 2)
        evening.requests()
        evening.pass_(15 * MINUTE)
        assert pending(evening.report.one(campaign_id)) == (True, None, 2)
        assert evening.requests()[1] == [1, 1, 1, 2, 2, 3, 3]

    def test_final_rows_may_change(self, evening: Evening) -> None:
        """What changes in a row that was final already keeps nobody waiting; the report has it as it is at the end."""
        campaign_id = evening.add(contacts(50, 3))
        evening.report.one(campaign_id)
        evening.settle(campaign_id, 4, agentDispositionCodes=["Late"])
        evening.pass_(15 * MINUTE)
        result = evening.report.one(campaign_id)

        assert pending(result) == (True, None, 1)
        assert '"Late"' in file_of(result, "contacts.jsonl").read_text()


class TestDeadline:
    @pytest.mark.parametrize("minutes", [120, 121, 60 * 24 * 30])
    def test_ended_long_ago(self, evening: Evening, minutes: int) -> None:
        """A campaign that ended so long ago is not waited for."""
        campaign_id = evening.add(contacts(50, 3))
        evening.pass_(minutes * MINUTE)

        assert pending(evening.report.one(campaign_id)) == (True, None, 1)

    def test_none(self, evening: Evening) -> None:
        """With a timeout of nothing, results are taken as they are."""
        campaign_id = evening.add(contacts(50, 3))

        assert pending(evening.report.one(campaign_id, pending_timeout=timedelta(0))) == (True, None, 1)

    def test_comes_during_a_look(self, evening: Evening, monkeypatch: pytest.MonkeyPatch) -> None:
        """A look at many pages, during which time is up, ends there; then all are read."""
        campaign_id = evening.add(contacts(450, 20, 120, 220, 320, 420))
        evening.report.one(campaign_id)
        evening.pass_(110 * MINUTE)
        read, evening_passes = evening.report.client.get_contact_page, [3 * MINUTE] * 4

        def slowly(*args: Any, **arguments: Any) -> Any:
            if evening_passes:
                evening.pass_(evening_passes.pop())
            return read(*args, **arguments)

        monkeypatch.setattr(evening.report.client, "get_contact_page", slowly)
        evening.settle(campaign_id, 20)
        evening.requests()

        assert pending(evening.report.one(campaign_id)) == (True, None, 4)
        assert evening.requests()[1] == [1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]

    def test_from_the_stop(self, evening: Evening) -> None:
        """It counts from when the stop was confirmed, whenever the campaign was changed after that."""
        campaign_id = evening.add(contacts(50, 3))
        target = Target(campaign_id, stopped_at="2026-03-02T10:40:00.000Z")

        result = evening.report.one(target)

        assert pending(result) == (False, "pending", 1)
        assert result["next_look_at"] == result["waits_until"] == "2026-03-02T12:40:00+00:00"
        evening.pass_(10 * MINUTE)
        assert pending(evening.report.one(target)) == (True, None, 1)

    @pytest.mark.parametrize(
        ("stopped_at", "waits_until_"),
        [
            ("2026-03-02T12:20:00", "2026-03-02T14:20:00+00:00"),  # no zone
            ("2026-03-02T13:20:00+01:00", "2026-03-02T15:20:00+01:00"),
            ("2026-03-02T12:31:00.000Z", "2026-03-02T14:30:00+00:00"),
            ("2999-01-01T00:00:00.000Z", "2026-03-02T14:30:00+00:00"),
            ("9999-12-31T23:59:59-12:00", "2026-03-02T14:30:00+00:00"),
            ("yesterday", "2026-03-02T14:30:00+00:00"),
        ],
    )
    @pytest.mark.parametrize("is_of_service", [False, True])
    def test_bounded(self, evening: Evening, stopped_at: str, waits_until_: str, is_of_service: bool) -> None:
        """Whatever is said of when it ended, the wait ends so long after such rows were first seen, in any try."""
        campaign_id = evening.add(contacts(50, *range(20)), **{"updated_at": stopped_at} if is_of_service else {})
        target = Target(campaign_id, stopped_at=None if is_of_service else stopped_at)
        results = [evening.report.one(target)]
        for look in range(8):
            evening.pass_(15 * MINUTE)
            evening.settle(campaign_id, look)
            results.append(evening.report.one(target))

        assert results[0]["waits_until"] == results[6]["waits_until"] == waits_until_
        assert pending(results[8]) == (True, None, 12)

    def test_nobody_knows(self, evening: Evening, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where a campaign names neither its run nor the instant of any change, nothing tells it from a later run."""
        campaign_id = evening.add(contacts(50, 3))
        evening.hide_run(monkeypatch, lambda: None)

        assert pending(evening.report.one(campaign_id)) == (False, "run_unknown", 1)

    def test_run_not_named(self, evening: Evening, monkeypatch: pytest.MonkeyPatch) -> None:
        """A run without a name is waited for no longer than others, also if the campaign is changed at each look."""
        campaign_id = evening.add(contacts(50, *range(20)))
        evening.hide_run(monkeypatch, lambda: evening.report.fake_clock.clock.now().isoformat())
        results = []
        for look in range(9):
            results.append(pending(evening.report.one(campaign_id)))
            evening.pass_(15 * MINUTE)
            evening.settle(campaign_id, look)

        assert results == [*[(False, "pending", count) for count in range(20, 12, -1)], (True, None, 12)]


class TestAgain:
    def test_early(self, evening: Evening) -> None:
        """A try that comes before its time reads the campaign, and waits on for the same look."""
        campaign_id = evening.add(contacts(450, 120))
        first = evening.report.one(campaign_id)
        evening.requests()
        evening.pass_(14 * MINUTE)

        again = evening.report.one(campaign_id)

        assert again == first | {"changed": False}
        assert evening.requests() == (1, [])

    def test_killed_before_its_manifest(self, evening: Evening, monkeypatch: pytest.MonkeyPatch) -> None:
        """A try that dies between the note and the manifest has read its pages for the next, and waits as long."""
        campaign_id = evening.add(contacts(450, 120))
        with monkeypatch.context() as patch:
            patch.setattr("airflow_provider_campaigns.reports.publish.Publisher.publish", killed)
            with pytest.raises(KeyboardInterrupt):
                evening.report(campaign_id)
        evening.requests()
        evening.pass_(10 * MINUTE)

        result = evening.report.one(campaign_id)

        assert (result["next_look_at"], result["waits_until"]) == (
            "2026-03-02T12:45:00+00:00",
            "2026-03-02T14:30:00+00:00",
        )
        assert evening.requests() == (5, [1, 1, 5])

    def test_killed_in_the_last_reading(self, evening: Evening) -> None:
        """A try that dies in the reading after the last look costs the next that look, and no page twice."""
        campaign_id = evening.add(contacts(2450, 120))
        evening.report.one(campaign_id)
        evening.requests()
        evening.pass_(15 * MINUTE)
        evening.simulator.faults.fail_next(400, operation="contacts", skip=16)
        assert evening.report(campaign_id).failures
        assert evening.requests()[1][:3] == [1, 2, 2]

        assert pending(evening.report.one(campaign_id)) == (True, None, 1)
        assert evening.requests() == (21, [1, 1, 2, *range(11, 26), 25])

    def test_torn_note(self, evening: Evening) -> None:
        """A note that cannot be read is as none: all is read, and the waiting begins anew, from the run's end."""
        campaign_id = evening.add(contacts(50, 3))
        result = evening.report.one(campaign_id)
        evening.pass_(20 * MINUTE)
        for content in ("", "[]", "{}", '{"first_seen": 7}', '{"first_seen": "2026-03-02", "since": "x"}'):
            (folder_of(result) / "pending.json").write_text(content)

            again = evening.report.one(campaign_id)

            assert (again["next_look_at"], again["waits_until"]) == (
                "2026-03-02T13:05:00+00:00",
                "2026-03-02T14:30:00+00:00",
            )

    def test_note_holds_no_contact(self, evening: Evening) -> None:
        """What is kept between looks names pages, and no contact."""
        campaign_id = evening.add(contacts(150, 3, 4, 120))
        result = evening.report.one(campaign_id)
        note = json.loads((folder_of(result) / "pending.json").read_bytes())

        assert isinstance(note["seen"].pop("digest"), int)
        assert note == {
            "first_seen": "2026-03-02T12:30:00+00:00",
            "since": "2026-03-02T12:30:00+00:00",
            "page_size": 100,
            "seen": {"rows": 3, "pages": [1, 2]},
        }

    def test_started_again(self, evening: Evening) -> None:
        """A run that begins meanwhile has a report, and a waiting, of its own."""
        campaign_id = evening.add(contacts(50, 3))
        evening.report.one(campaign_id)
        evening.pass_(60 * MINUTE)
        campaign = evening.simulator.service.store.get(campaign_id)
        campaign.instance_id, campaign.updated_at = "cid-2", "2026-03-02T13:30:00.000Z"

        result = evening.report.one(campaign_id)

        assert (result["next_look_at"], result["waits_until"]) == (
            "2026-03-02T13:45:00+00:00",
            "2026-03-02T15:30:00+00:00",
        )

    def test_another_campaign(self, evening: Evening) -> None:
        """What was noted of a campaign that was created at another time says nothing of this one."""
        campaign_id = evening.add(contacts(50, 3), created_at="2026-03-01T09:00:00.000Z")
        evening.report.one(campaign_id)
        evening.pass_(60 * MINUTE)
        campaign = evening.simulator.service.store.get(campaign_id)
        campaign.created_at, campaign.updated_at = "2026-03-02T13:00:00.000Z", "2026-03-02T13:20:00.000Z"

        result = evening.report.one(campaign_id)

        assert (result["next_look_at"], result["waits_until"]) == (
            "2026-03-02T13:45:00+00:00",
            "2026-03-02T15:20:00+00:00",
        )

    def test_other_formats_of_a_complete_report(self, evening: Evening) -> None:
        """A complete report has waited: what is asked of it later, such as another format, waits for nothing."""
        campaign_id = evening.add(contacts(50, 3))
        evening.report.one(campaign_id, formats=("jsonl",))
        evening.pass_(15 * MINUTE)
        evening.report.one(campaign_id, formats=("jsonl",))

        result = evening.report.one(campaign_id, formats=("jsonl", "csv"))

        assert (*pending(result), result["changed"]) == (True, None, 1, True)

    def test_other_treatment_meanwhile(self, evening: Evening) -> None:
        """Asked for another way with phone numbers while it waits, it is made anew, and waits no longer for that."""
        campaign_id = evening.add(contacts(50, 3))
        evening.report.one(campaign_id)
        evening.pass_(10 * MINUTE)

        result = evening.report.one(campaign_id, phone_numbers="drop")

        assert result["changed"]
        assert result["waits_until"] == "2026-03-02T14:30:00+00:00"
        assert all(b"12005550003" not in content for content in contents_of(folder_of(result)).values())

    def test_snapshot(self, evening: Evening) -> None:
        """A report before the stop is a snapshot, and waits for nothing."""
        campaign_id = evening.add(contacts(50, 3), status="Active")
        outcomes = evening.report(campaign_id)

        assert waits_until(outcomes) is None
        assert pending(outcomes.as_dicts()[0]) == (False, "running", 1)
        assert names_in(evening.report.path)[-1].endswith("summary.json")

    def test_plan_only(self, evening: Evening) -> None:
        """A plan waits for nothing."""
        campaign_id = evening.add(contacts(50, 3))
        evening.report.one(campaign_id)

        assert waits_until(evening.report(campaign_id, plan_only=True)) is None


class TestMany:
    def call(self, evening: Evening, ids: list[str], earlier: Outcomes | None) -> Outcomes:
        """One more call, with what the earlier one gave as it comes back from a database."""
        return report_campaigns(
            evening.report.client,
            [Target(one) for one in ids],
            evening.report.path,
            ReportOptions(),
            earlier=None if earlier is None else Outcomes.from_json(json.loads(json.dumps(earlier.as_json()))),
            clock=evening.report.fake_clock.clock,
        )

    def test_one_is_pending(self, evening: Evening) -> None:
        """All are reported first; after the wait only the one that waits is done again."""
        ids = [evening.add(contacts(50)), evening.add(contacts(50, 3)), evening.add(contacts(50))]
        first = self.call(evening, ids, None)
        assert [one["complete"] for one in first.as_dicts()] == [True, False, True]
        assert waits_until(first) == datetime(2026, 3, 2, 12, 45, tzinfo=UTC)
        evening.requests()
        evening.pass_(15 * MINUTE)

        second = self.call(evening, ids, first)

        assert {record.path.split("/")[-2] for record in evening.simulator.requests.of("contacts")} == {ids[1]}
        assert [one["complete"] for one in second.as_dicts()] == [True, True, True]
        assert waits_until(second) is None
        results = second.as_dicts()
        assert (results[0], results[2]) == (first.as_dicts()[0], first.as_dicts()[2])

    def test_not_due(self, evening: Evening) -> None:
        """One whose look is yet to come is carried over without a request."""
        ids = [evening.add(contacts(50, 3))]
        first = self.call(evening, ids, None)
        evening.requests()
        evening.pass_(14 * MINUTE)

        assert self.call(evening, ids, first).as_dicts() == first.as_dicts()
        assert evening.requests() == (0, [])

    def test_failures(self, evening: Evening) -> None:
        """What failed in passing is done again; what failed for good is not, and is told all the same."""
        gone = "cd-0000000-0000-4000-8000-00000000dead"
        ids = [evening.add(contacts(50, 3)), evening.add(contacts(50), campaign_type="sms"), gone]
        evening.simulator.faults.fail_next(400, operation="contacts", campaign_id=ids[1])
        first = self.call(evening, ids, None)
        assert {one: error.retryable for one, error in first.failures.items()} == {ids[1]: True, gone: False}
        evening.requests()
        evening.pass_(14 * MINUTE)

        second = self.call(evening, ids, first)

        assert evening.requests() == (4, [1, 1])
        assert [pending(one) for one in second.as_dicts()] == [(False, "pending", 1), (True, None, 0)]
        assert {one: str(error) for one, error in second.failures.items()} == {gone: str(first.failures[gone])}

    def test_one_wait_for_all(self, evening: Evening) -> None:
        """The wait is for the last look of all, but not beyond the end of any one's waiting."""
        ids = [evening.add(contacts(50, 3)), evening.add(contacts(50, 3), updated_at="2026-03-02T10:42:00.000Z")]
        first = self.call(evening, ids[:1], None)
        evening.pass_(5 * MINUTE)
        both = self.call(evening, ids, first)

        assert waits_until(first) == datetime(2026, 3, 2, 12, 45, tzinfo=UTC)
        assert waits_until(both) == datetime(2026, 3, 2, 12, 42, tzinfo=UTC)

        third = evening.add(contacts(50, 3))
        assert waits_until(self.call(evening, [ids[0], third], first)) == datetime(2026, 3, 2, 12, 50, tzinfo=UTC)


def killed(*_: object) -> None:
    raise KeyboardInterrupt
