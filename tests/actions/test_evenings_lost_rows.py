"""Evenings whose results live on while they are reported and deleted: no row is lost, and each evening has an end.

Promised is what the last reading of the delete has met: what an earlier one has shown that had to be made again, and
that was taken away before the last, is not.

The simulator's own engine answers, without sockets, on a clock that moves only where somebody waits. Between any two
requests rows appear, change, move and vanish, a person starts, stops, edits or deletes, something breaks, and the
process is killed. What must be in the files is judged by what the service has given away, not by the package.
"""

from __future__ import annotations

import copy
import csv
import hashlib
import io
import json
import os
import random
import shutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from delete_support import BY
from no_sockets import AtOnce, NoSockets, account_of
from saved_report import open_folder

from airflow_provider_campaigns.actions.deleting.archive import Archive
from airflow_provider_campaigns.actions.deleting.delete import DeleteOptions, delete_campaigns
from airflow_provider_campaigns.actions.deleting.given_reports import GivenReports, reported_targets
from airflow_provider_campaigns.actions.reporting.report import ReportOptions, report_campaigns, waits_until
from airflow_provider_campaigns.actions.stopping.stop import StopOptions, stop_campaigns
from airflow_provider_campaigns.actions.targets import Target, Targets
from airflow_provider_campaigns.kore import senders
from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.clock import Clock
from airflow_provider_campaigns.kore.errors import KoreError
from airflow_provider_campaigns.reports import folder as storage
from airflow_provider_campaigns.reports import read_ahead
from airflow_provider_campaigns.reports.rows import PhoneNumbers
from airflow_provider_campaigns.simulator import ManualClock
from airflow_provider_campaigns.simulator.clock import iso_ms
from airflow_provider_campaigns.simulator.contacts import row as made_up_row
from airflow_provider_campaigns.simulator.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_campaigns.actions.outcomes import Outcomes
    from airflow_provider_campaigns.simulator.campaigns import Campaign

EVENINGS = int(os.environ.get("LOST_ROW_EVENINGS", "200"))
FIRST = int(os.environ.get("LOST_ROW_EVENINGS_FIRST", "0"))
"""The number of the first evening; it is the seed, so an evening can be run again alone."""

TRIES_AT_REST = 3
RUNNING = ("Active", "Paused")
NOT_FINAL = ("", "in-progress", "waitingForDisposition")
NAMED_REASONS = {
    "running": ("a snapshot, results are still coming", "cannot hold all of the run: the campaign is "),
    "took away": ("right before the stop", "have been read of this run before", "the service has less", "has less, or"),
    "moves": ("the pages do not stand still", "the pages hold "),
    "empty": ("there is not one contact",),
}
"""Why a campaign that is at rest may stay, and words of the errors that say so."""

Row = dict[str, Any]
Contact = tuple[str, str]


class KilledError(BaseException):
    """Stands for a kill: from then on nothing of the process reaches the service or the disk."""


class Served(NoSockets):
    """Tells ``served`` which contacts a client has received, and how many there are said to be."""

    served: Callable[[list[Row], int], object] = lambda *_: None
    is_delete = False
    """The request under way is a delete, so the last look at its campaign is over."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.engine = engine

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
        self.is_delete = request.method == "DELETE"
        response = super().send(request, *args, **more)
        latest = self.engine.requests[-1]
        if latest.operation == "contacts" and latest.fault is None and response.status_code == 200:
            data = response.json()["data"]
            self.served(data["results"], data["totalResults"])
        return response


def contact_of(row: Row) -> Contact:
    return row["phoneNumber"], row["uniqueId"]


def says_less(now: Row, then: Row) -> bool:
    """True if a row has lost a disposition, an attempt or its outcome."""
    if Counter(then["agentDispositionCodes"]) - Counter(now["agentDispositionCodes"]):
        return True
    if now["numberOfAttemptsSoFar"] != then["numberOfAttemptsSoFar"]:
        return bool(now["numberOfAttemptsSoFar"] < then["numberOfAttemptsSoFar"])
    return then["dialerOutcome"] not in {*NOT_FINAL, now["dialerOutcome"]}


def as_saved(row: Row, *, numbers: bool) -> str:
    """A row in the way in which two are compared: all of it, or all but its number."""
    return json.dumps({name: value for name, value in row.items() if numbers or name != "phoneNumber"}, sort_keys=True)


def from_csv(text: str) -> list[Row]:
    rows: list[Row] = []
    for cells in csv.DictReader(io.StringIO(text, newline="")):
        row: Row = {**cells, **json.loads(cells["other"] or "{}")}
        del row["other"]
        row["numberOfAttemptsSoFar"] = int(row["numberOfAttemptsSoFar"])
        row["agentDispositionCodes"] = [one for one in row["agentDispositionCodes"].split("; ") if one]
        rows.append(row)
    return rows


class Disk:
    """Counts what a process does to its files, and stops all of it once the process is dead."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.step: Callable[[], object] = lambda: None
        self.is_dead = False
        self.rng = random.Random(0)
        self._opened: list[storage.Writer] = []
        self._hook(monkeypatch, storage.Folder, "begin")
        self._hook(monkeypatch, storage.Folder, "remove")
        self._hook(monkeypatch, storage._LocalFile, "_appear")  # between writing and renaming
        remove_folder, discard = storage.Folder.remove_folder, storage._LocalFile.discard

        def removed_in_part(folder: storage.Folder, name: str) -> None:
            try:
                self.step()
            except KilledError:
                for path in sorted(Path(folder.url(name).removeprefix("file://")).glob("*")):
                    if path.is_file() and self.rng.random() < 0.5:
                        path.unlink()
                raise
            remove_folder(folder, name)
            self.step()

        def left_behind(file: Any) -> None:
            (storage.Writer.discard if self.is_dead else discard)(file)

        monkeypatch.setattr(storage.Folder, "remove_folder", removed_in_part)
        monkeypatch.setattr(storage._LocalFile, "discard", left_behind)
        monkeypatch.setattr(os, "fsync", lambda _: None)  # no power cut here

    def _hook(self, monkeypatch: pytest.MonkeyPatch, kind: type, name: str) -> None:
        original = getattr(kind, name)

        def call(*args: Any, **more: Any) -> Any:
            self.step()
            result = original(*args, **more)
            if isinstance(result, storage.Writer):
                self._opened.append(result)
            self.step()
            return result

        monkeypatch.setattr(kind, name, call)

    def end_process(self) -> None:
        """Close the files that a process has left open, as its end does; what was in them stays aside."""
        for file in self._opened:
            storage.Writer.discard(file)
        self._opened.clear()
        self.is_dead = False


class Evening:
    """One evening: a campaign, its report and its delete, and whatever happens to them."""

    def __init__(self, seed: int, engine: Engine, clock: ManualClock, disk: Disk, place: Path) -> None:
        self.rng = rng = random.Random(seed)
        self.engine, self.clock, self.disk, self.place = engine, clock, disk, place
        self.acts: list[str] = []
        self.by_whom: str | None = None
        self.end: str | None = None
        self.kills = 0
        self.at_rest = False
        engine.reset()
        engine.switches(rate_limit=None, delete_running=rng.choice(["accept", "refuse"]))
        sizes = [(0, 2), *[(1, 9)] * 6, *[(1, 30)] * 4, (95, 105), (195, 205), (201, 240)]
        size = rng.randint(*rng.choice(sizes))
        self.seed = rng.randrange(1 << 30)
        self.number = 0
        self.rows: list[Row] = []
        self.hidden: list[Row] = []
        self.kind = rng.choice(["voice", "voice", "voice", "sms"])
        self.campaign_id = engine.add_campaign(
            campaign_type=self.kind, status=rng.choice(["Stopped", "Completed", "Active"]), name="Renewals"
        )
        self.campaign().contacts = self.rows  # the very list: what happens to it is served at once
        for _ in range(size):
            self.append(settled=rng.random() < 0.7)
        self.chance = rng.choice([0.03, 0.1, 0.2, 0.4])
        self.left = rng.choice([2, 6, 15, 40])
        self.may_take = rng.random() < 0.5
        self.may_move = rng.random() < 0.6
        self.has_people = rng.random() < 0.3
        self.has_faults = rng.random() < 0.5
        self.kill_chance = rng.choice([0.0, 0.0, 0.0, 0.02, 0.05])
        self.formats = rng.choice([("jsonl", "csv", "html"), ("jsonl",), ("csv",), ("csv", "html")])
        self.phone_numbers = PhoneNumbers(rng.choice(["keep", "keep", "keep", "hash", "drop"]))
        self.has_archive = rng.random() < 0.3
        self.result: dict[str, Any] | None = None
        self.is_too_late: Callable[[], bool] = lambda: False
        self.promised: dict[str, set[str]] = {}
        self.given: list[Row] = []
        self.counted: dict[str, int] = {}
        self.ever: dict[str, list[tuple[Contact, Row]]] = {}
        self.served: dict[Contact, list[tuple[int, Row]]] | None = None
        self.reading = 0
        self.begun: dict[Contact, Row] = {}

    # What the service does

    def append(self, *, settled: bool) -> None:
        self.rows.append(made_up_row(self.seed, self.number, settled=settled))
        self.number += 1

    def campaign(self) -> Campaign:
        return self.engine.service.store.get(self.campaign_id)

    def status(self) -> str | None:
        found = self.engine.service.store.find(self.campaign_id)
        return None if found is None else found.status

    def run_id(self) -> str:
        return str(self.campaign().instance_id)

    def something_happens(self, *, chance: float | None = None) -> None:
        chance = self.chance if chance is None else chance
        if self.at_rest or self.left <= 0 or self.rng.random() >= chance or self.status() is None:
            return
        self.left -= 1
        rng = self.rng
        kinds = [self.add, self.add, self.add]
        kinds += [self.take] if self.may_take else []
        kinds += [self.move] if self.may_move else []
        kinds += [self.person] * 2 if self.has_people and not self.is_too_late() else []
        kinds += [self.fault] if self.has_faults else []
        what = rng.choice(kinds)()
        self.acts.append(f"{self.clock.monotonic():.1f} #{len(self.engine.requests)}: {what}")

    def any_row(self) -> Row | None:
        return self.rng.choice(self.rows) if self.rows else None

    def add(self) -> str:
        row, rng = self.any_row(), self.rng
        if row is None or rng.random() < 0.25:
            self.append(settled=rng.random() < 0.5)
            return "a row comes"
        field = rng.choice(["attempt", "outcome", "disposition", "disposition", "session", "other"])
        if field == "attempt":
            row["numberOfAttemptsSoFar"] += 1
            row["dialerOutcome"] = rng.choice(["", "busy", "completed"])
        elif field == "outcome" and row["dialerOutcome"] in NOT_FINAL:
            row["dialerOutcome"] = "completed"
        elif field == "session" and not row["botSessionId"]:
            row["botSessionId"] = f"{rng.getrandbits(96):024x}"
        elif field == "other":
            row["note"] = f"note {rng.randrange(1000)}"
        else:
            row["agentDispositionCodes"].append(rng.choice(["sold", "call back"]))
        return f"{field} of {contact_of(row)} comes"

    def take(self) -> str:
        row, rng = self.any_row(), self.rng
        if row is None or (self.hidden and rng.random() < 0.4):
            self.rows.extend(self.hidden)
            self.hidden = []
            return "what has vanished is there again"
        field = rng.choice(["vanish", "attempt", "outcome", "disposition"])
        if field == "vanish":
            self.rows.remove(row)
            self.hidden.append(row)
        elif field == "attempt":
            row["numberOfAttemptsSoFar"] = max(0, row["numberOfAttemptsSoFar"] - 1)
        elif field == "outcome":
            row["dialerOutcome"] = rng.choice(["", "failed"])
        else:
            row["agentDispositionCodes"].clear()
        return f"{field} of {contact_of(row)} goes"

    def move(self) -> str:
        how = self.rng.choice(["all", "one", "shuffled", "ignored", "stable"])
        if how == "all":
            self.rng.shuffle(self.rows)
        elif how == "one" and self.rows:
            self.rows.insert(self.rng.randrange(len(self.rows)), self.rows.pop(self.rng.randrange(len(self.rows))))
        elif how != "one":
            self.engine.switches(contact_paging=how)
        return f"{how} move"

    def person(self) -> str:
        engine, campaign_id, rng = self.engine, self.campaign_id, self.rng
        if self.status() in RUNNING:
            engine.set_status(campaign_id, "Stopped")
            return "a person stops"
        act = rng.choice(["start", "edit", "run", "delete"])
        if act == "edit":
            self.campaign().updated_at = iso_ms(self.clock.time())
        elif act == "delete":
            engine.service.store.remove(campaign_id)
            self.by_whom = self.by_whom or "a person"
        else:
            engine.restart(campaign_id)
            if rng.random() < 0.5:
                for row in self.rows:
                    row |= {"dialerOutcome": "", "numberOfAttemptsSoFar": 0, "agentDispositionCodes": []}
            if act == "run":
                engine.set_status(campaign_id, "Completed")
        return f"a person: {act}"

    def fault(self) -> str:
        rng, engine = self.rng, self.engine
        which = {
            "operation": rng.choice(["contacts", "contacts", "get", "list", "delete", "delete"]),
            "skip": rng.randint(0, 1),
        }
        after = rng.random() < 0.5
        rng.choice([
            lambda: engine.fail_next(429, headers={"Retry-After": "20"}, **which),
            lambda: engine.fail_next(rng.choice([502, 503]), after=after, times=rng.choice([1, 1, 20]), **which),
            lambda: engine.drop_next(after=after, **which),
            lambda: engine.truncate_next(**which),
            lambda: engine.garble_next(after=after, **which),
            lambda: engine.fail_next(404, **which),
        ])()
        return f"a fault: {engine.faults.pending()[-1]}"

    # What becomes of the process

    def step(self) -> None:
        """Between any two things that a process does it may be killed."""
        if self.disk.is_dead:
            raise KilledError
        if not self.at_rest and self.kill_chance and self.rng.random() < self.kill_chance:
            self.disk.is_dead = True
            self.kills += 1
            self.acts.append(f"{self.clock.monotonic():.1f} #{len(self.engine.requests)}: killed")
            raise KilledError

    def sleep(self, seconds: float) -> None:
        part = self.rng.random() * seconds
        self.clock.advance(part)
        self.something_happens()
        self.clock.advance(seconds - part)

    def around(self, moment: str) -> None:
        if moment == "before":
            self.step()
            self.clock.advance(self.rng.choice([0.05, 0.3]))
            self.something_happens()
            self.met = self.status(), self.run_id() if self.status() else None
            return
        latest = self.engine.requests[-1]
        # The campaign is read at the end of each reading of its contacts.
        self.reading += latest.operation == "get"
        if latest.operation == "delete" and latest.effect is not None:
            self.by_whom = "the package"
            self.check_nothing_is_lost()
        self.step()

    def received(self, rows: list[Row], total: int) -> None:
        if self.status() is None:
            return
        self.counted[self.run_id()] = max(total, self.counted.get(self.run_id(), 0))
        self.ever.setdefault(self.run_id(), []).extend((contact_of(row), row) for row in rows)
        if self.served is not None:
            for row in rows:
                self.served.setdefault(contact_of(row), []).append((self.reading, row))

    # What is done

    def client(self) -> KoreClient:
        budget = RequestBudget(10_000, account_key=None, clock=self.clock.monotonic, sleep=self.sleep)
        return KoreClient(
            account_of(self.engine), budget=budget, clock=self.clock.monotonic, sleep=self.sleep, jitter=self.rng.random
        )

    @property
    def time(self) -> Clock:
        return Clock(
            now=lambda: datetime.fromtimestamp(self.clock.time(), UTC), monotonic=self.clock.monotonic, sleep=self.sleep
        )

    def report(self, client: KoreClient, target: Target, **options: Any) -> Outcomes:
        how = ReportOptions(self.formats, phone_numbers=self.phone_numbers, **options)
        outcomes = report_campaigns(client, [target], self.place / "reports", how, clock=self.time)
        while (until := waits_until(outcomes)) is not None:  # as the operator waits for what is not final
            self.sleep(max(0.0, until.timestamp() - self.clock.time()))
            outcomes = report_campaigns(
                client, [target], self.place / "reports", how, earlier=outcomes, clock=self.time
            )
        return outcomes

    def delete(self, client: KoreClient) -> Outcomes:
        given = self.result if self.rng.random() < 0.8 or self.result is None else self.result["report_url"]
        self.served, self.begun = {}, {contact_of(one): copy.deepcopy(one) for one in self.rows}
        reported = reported_targets(GivenReports.parse(given), None, open_folder)
        archive = Archive(storage.Folder(self.place / "archive"), BY) if self.has_archive else None
        outcomes = delete_campaigns(
            client,
            reported.targets.targets,
            DeleteOptions(),
            reports=reported.reports,
            archive=archive,
            clock=self.time,
        )
        outcomes.add_failures(reported.unread)
        return outcomes

    def some_time_passes(self) -> None:
        """Nothing or much happens between two tasks, whatever the rate of what happens meanwhile."""
        for _ in range(0 if self.at_rest else self.rng.choice([0, 0, 1, 4])):
            self.clock.advance(600.0)
            self.something_happens(chance=0.8)

    def attempt(self, work: Callable[[KoreClient], Outcomes]) -> dict[str, Any] | KoreError | None:
        """What a new process gives: a result or an error; None if it was killed."""
        client = self.client()
        try:
            outcomes = work(client)
        except KilledError:
            return None
        except KoreError as error:
            return error
        finally:
            self.disk.end_process()
            self.served = None
            client.close()
        for error in outcomes.failures.values():
            return error
        (result,) = outcomes.as_dicts()
        return result

    def one_try(self) -> str | None:
        """The report, if it is to be made, and the delete; None if the campaign is gone, else why it is not."""
        if self.result is None:
            is_refreshed = not self.at_rest and self.rng.random() < 0.2
            told = self.attempt(lambda client: self.report(client, self.target, refresh=is_refreshed))
            self.acts.append(f"{self.clock.monotonic():.1f} report: {_shown(told)}")
            if not isinstance(told, dict):
                return str(told)
            self.result = told
            if told["complete"]:
                run = str(told["campaign_instance_id"])
                self.given = self.rows_of(run, "manifest.json")
                self.promised[run] = self.promised.get(run, set()) | self.as_set(self.given)
            self.some_time_passes()
        told = self.attempt(self.delete)
        self.acts.append(f"{self.clock.monotonic():.1f} delete: {_shown(told)}")
        if isinstance(told, dict):
            assert self.status() is None, told
            return None
        if told is not None and "Run the report again" in str(told):
            self.result = None
        return str(told)

    def run(self, adapter: Served) -> None:
        self.try_until_the_end(adapter)
        for run in self.promised:
            self.saved(run)

    def try_until_the_end(self, adapter: Served) -> None:
        adapter.around, adapter.served = self.around, self.received
        self.is_too_late = lambda: adapter.is_delete
        self.disk.step, self.disk.rng = self.step, self.rng
        self.target = Target(self.campaign_id)
        if self.status() == "Active":
            if self.rng.random() < 0.4:
                self.attempt(lambda client: self.report(client, self.target))
            options = StopOptions(CampaignType(self.kind))
            told = self.attempt(lambda client: stop_campaigns(client, [self.target], options, clock=self.time))
            if isinstance(told, dict):
                (self.target,) = Targets.parse(None, [told]).targets
        for _ in range(self.rng.randint(0, 3)):
            if self.one_try() is None:
                self.end = "deleted"
                return
            self.some_time_passes()
        self.come_to_rest()
        for _ in range(TRIES_AT_REST):
            self.result = None
            why = self.one_try()
            if why is None:
                self.end = "deleted"
                return
        if self.by_whom == "a person":
            self.end = "deleted by a person"
            return
        assert self.by_whom is None, f"deleted, and the last try says {why}"
        self.check_has_reason(str(why))

    def come_to_rest(self) -> None:
        self.at_rest = True
        self.engine.clear_faults()
        if self.rng.random() < 0.9:
            self.engine.switches(contact_paging="stable")
        if self.rng.random() < 0.5:
            self.rows.extend(self.hidden)
            self.hidden = []
        if self.status() in RUNNING and self.rng.random() < 0.7:
            self.engine.set_status(self.campaign_id, "Stopped")
        self.target = Target(self.campaign_id)
        self.acts.append(f"{self.clock.monotonic():.1f}: at rest, {self.status()}")

    # What must be so

    def as_set(self, rows: list[Row]) -> set[str]:
        return {as_saved(row, numbers=self.phone_numbers == "keep") for row in rows}

    def rows_of(self, run: str, manifest: str) -> list[Row]:
        """Every row in the files of a report, which must be as its manifest says."""
        folder = self.place / "reports" / self.campaign_id / run
        found: list[Row] = []
        for name, entry in json.loads((folder / manifest).read_bytes())["files"].items():
            data = (folder / name).read_bytes()
            assert len(data) == entry["bytes"], name
            assert hashlib.sha256(data).hexdigest() == entry["sha256"], name
            if name.startswith("contacts-"):
                is_csv = name.endswith(".csv")
                found = from_csv(data.decode()) if is_csv else [json.loads(line) for line in data.splitlines()]
        return found

    def saved(self, run: str) -> set[str]:
        """Every row of the run's reports; of what a complete one has ever held nothing is missing."""
        folder = self.place / "reports" / self.campaign_id / run
        beside = [path.name for path in folder.glob("manifest-*.json")]
        found = set().union(*(self.as_set(self.rows_of(run, name)) for name in ["manifest.json", *beside]))
        missing = self.promised.get(run, set()) - found
        assert not missing, f"no longer in any report: {sorted(missing)[:1]}"
        return found

    def check_nothing_is_lost(self) -> None:
        """Every row that the last delete was given, and every other that was there all the while, is in the files."""
        status, run = self.met
        assert status in {"Stopped", "Completed"}, f"deleted while {status}"
        assert self.result is not None
        assert self.result["campaign_instance_id"] == run, "another run than the one reported"
        saved = self.saved(str(run))

        def is_saved(row: Row) -> bool:
            return as_saved(row, numbers=self.phone_numbers == "keep") in saved

        assert self.served is not None
        now = {contact_of(row): row for row in self.rows}
        last = max((reading for states in self.served.values() for reading, _ in states), default=0)
        for contact, states in self.served.items():
            reading, latest = states[-1]
            # What a reading has shown that had to be made again, and the one after it does not, is no longer there.
            if reading == last or contact in now:
                assert is_saved(latest), f"lost as it was read last: {latest}"
            for row in [row for reading, row in states if reading == last]:
                assert is_saved(row) or not says_less(latest, row), f"lost as it was read before: {row}, then {latest}"
        for row in self.given if self.phone_numbers == "keep" else ():
            assert contact_of(row) in self.served, (
                f"deleted, and of the report given this was not there any more: {row}"
            )
            _, latest = self.served[contact_of(row)][-1]
            assert not says_less(latest, row), f"deleted, and the report given says more: {row}, then {latest}"
        for contact in self.begun.keys() & now.keys() - self.served.keys():
            assert is_saved(self.begun[contact]), f"lost without having been read: {self.begun[contact]}"

    def check_has_reason(self, why: str) -> None:
        """The error names a reason, and the reason is so."""
        named = {reason for reason, texts in NAMED_REASONS.items() if any(text in why for text in texts)}
        assert len(named) == 1, f"red without a named reason: {why}"
        (reason,) = named
        now = {contact_of(row): row for row in self.rows}
        is_fewer = len(self.rows) < self.counted.get(self.run_id(), 0)
        took_away = is_fewer or any(
            contact not in now or says_less(now[contact], row) for contact, row in self.ever.get(self.run_id(), [])
        )
        is_so = {
            "running": self.status() in RUNNING,
            "took away": took_away,
            "moves": self.engine.switches().contact_paging != "stable" and len(self.rows) > 97,
            "empty": not self.rows,
        }
        assert is_so[reason], f"red, and it is not so: {why}"
        self.end = reason

    def __str__(self) -> str:
        return "\n".join([
            f"{self.kind} {self.formats} {self.phone_numbers} {len(self.rows)} rows, {self.kills} kills",
            *self.acts,
            *(f"{one} {one.query.get('skip', '')}" for one in self.engine.requests),
        ])


def _shown(told: dict[str, Any] | KoreError | None) -> str:
    if isinstance(told, dict):
        names = ("changed", "complete", "reason", "proven_by", "verified", "rows")
        return str({name: told[name] for name in names if name in told})
    return repr(told)


@pytest.fixture
def clock() -> ManualClock:
    """Moves where somebody waits."""
    return ManualClock()


@pytest.fixture
def engine(clock: ManualClock) -> Engine:
    """The service."""
    return Engine(clock=clock)


@pytest.fixture
def adapter(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Carries what every session of ``requests`` sends to the service, all by one thread."""
    adapter = Served(engine)
    monkeypatch.setattr(requests.Session, "get_adapter", lambda *_, **__: adapter)
    for module in (read_ahead, senders):
        monkeypatch.setattr(module, "ThreadPoolExecutor", AtOnce)
    yield adapter
    adapter.close()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Where reports are."""
    return Disk(monkeypatch)


@pytest.mark.timeout(600 + 2 * EVENINGS)
def test_evenings__whatever_the_results_do(
    adapter: Served,
    engine: Engine,
    clock: ManualClock,
    disk: Disk,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No row is lost as it was when the delete read its page; at rest, each campaign goes or stays for a named reason.

    A campaign that stays says why within three tries, and what it says is so.
    """
    caplog.set_level("CRITICAL", "airflow_provider_campaigns")
    seen: Counter[str] = Counter()
    for seed in range(FIRST, FIRST + EVENINGS):
        place = tmp_path / str(seed)
        evening = Evening(seed, engine, clock, disk, place)
        try:
            evening.run(adapter)
        except AssertionError as error:
            pytest.fail(f"evening {seed}: {error}\n{evening}")
        seen[str(evening.end)] += 1
        seen["killed"] += evening.kills > 0
        shutil.rmtree(place, ignore_errors=True)
    if EVENINGS >= 200:
        assert seen["deleted"] > EVENINGS / 2, seen
        assert seen["killed"] > EVENINGS / 10, seen
