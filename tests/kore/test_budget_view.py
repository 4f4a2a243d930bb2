"""What an operator is shown of a request budget."""

from __future__ import annotations

import fcntl
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from budget_support import Machine, use
from shared_store import Machines

from airflow_provider_campaigns.kore import budget_store
from airflow_provider_campaigns.kore.budget import Priority, RequestBudget
from airflow_provider_campaigns.kore.budget_ledger import Ledger, Waiter
from airflow_provider_campaigns.kore.budget_shared import StoreAwayError
from airflow_provider_campaigns.kore.budget_view import as_text, view
from airflow_provider_campaigns.kore.identity import Owner, this_process

PAGE = Path(__file__).resolve().parents[2] / "docs/monitoring.md"
HERE, THERE = 0x1D00_0000_0000_0001, 0x3FA9_C1D2_0000_0002
AT = datetime(2026, 3, 2, 12, 29, 12, 250_000, tzinfo=UTC)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "budget")


def of_an_evening() -> Ledger:
    """A ledger in which there is something of everything."""
    ledger = Ledger(1000.0)
    ledger.saved_at = 1000.0
    ledger.keep_for(60)
    for second in (930.0, 940.0, *range(945, 982)):
        ledger.now = float(second)
        ledger.land(0)
    ledger.now = 1000.0
    for owner in (Owner(HERE, 4711), Owner(HERE, 4711), Owner(THERE, 88)):
        ledger.take_off(ledger.new_ticket(), lapses_at=1040.0, owner=owner)
    for priority, owner in ((2, Owner(HERE, 4712)), (2, Owner(HERE, 4712)), (0, Owner(THERE, 88))):
        ticket = ledger.new_ticket()
        ledger.waiters[ticket] = Waiter(ticket, 1000.25, *owner, priority)
    ledger.reserve(9, ends_at=1047.75, renewed_until=1003.0, owner=Owner(THERE, 88))
    ledger.reserve(0, ends_at=1047.75, owner=Owner(HERE, 4711))  # used up
    ledger.block(Priority.WRITE, 1031.5)
    return ledger


def seen_in(ledger: Ledger) -> dict[str, Any]:
    budget = RequestBudget(60, account_key=None)
    seen = view(ledger, budget, at=AT, machine=HERE)
    assert json.loads(json.dumps(seen)) == seen
    return seen


class TestView:
    def test_view__json(self):
        """For machines: counts, owners, instants in UTC and seconds until then."""
        assert seen_in(of_an_evening()) == {
            "at": "2026-03-02T12:29:12.250Z",
            "machine": "1d00000000000001",
            "budget": "60 a minute, 6 of them not for reads, of this process alone",
            "limit": 60,
            "kept_from_reads": 6,
            "window_s": 60.0,
            "is_new": False,
            "seen_s_ago": None,
            "answered": 37,
            "in_flight": [
                {"requests": 2, "machine": "1d00000000000001", "here": True, "pid": 4711},
                {"requests": 1, "machine": "3fa9c1d200000002", "here": False, "pid": 88},
            ],
            "waiting": [
                {"priority": "stop", "requests": 1, "machine": "3fa9c1d200000002", "here": False, "pid": 88},
                {"priority": "read", "requests": 2, "machine": "1d00000000000001", "here": True, "pid": 4712},
            ],
            "reserved": [
                {
                    "places": 9,
                    "machine": "3fa9c1d200000002",
                    "here": False,
                    "pid": 88,
                    "until": "2026-03-02T12:30:00.000Z",
                    "for_s": 47.75,
                }
            ],
            "blocked": [
                {
                    "priority": name,
                    "why": "the service answered 429",
                    "until": "2026-03-02T12:29:43.750Z",
                    "for_s": 31.5,
                }
                for name in ("write", "read")
            ],
            "next_probe": None,
            "next_place_s": {"stop": 0.0, "write": 31.5, "read": 31.5},
        }

    def test_as_text__as_the_page_shows(self):
        """The page on monitoring shows what is printed."""
        (sample,) = re.findall(
            r"```text\n\$ python -m airflow_provider_campaigns budget\n(.*?)```", PAGE.read_text(), re.DOTALL
        )

        printed = as_text(seen_in(of_an_evening()))

        assert sample == printed.replace("of this process alone", "shared by all machines with this Redis") + "\n"

    def test_as_text__nothing(self):
        """Where nothing was sent yet, that is said, since somebody may look as another user."""
        assert as_text(seen_in(Ledger(1000.0))).splitlines() == [
            "2026-03-02T12:29:12.250Z on machine 1d000000: 60 a minute, 6 of them not for reads, of this process alone",
            "  used        0 of 60: 0 answered in the last 60 s, 0 in flight",
            "  in flight   -",
            "  waiting     -",
            "  reserved    -",
            "  blocked     -",
            "  next place  stop now, write now, read now",
            "  note        nobody who shares this budget has sent anything yet; a file belongs to one user",
        ]

    def test_as_text__stops_are_blocked(self):
        """Where stops are blocked for long, it is told when one may ask whether that still holds."""
        ledger = of_an_evening()
        ledger.block(Priority.STOP, 1300.0)

        assert as_text(seen_in(ledger)).splitlines()[-1] == (
            "  next probe  a stop may ask whether that still holds from 12:29:12 UTC (0 s) on"
        )
        ledger.send_probe(1)
        assert as_text(seen_in(ledger)).splitlines()[-1] == (
            "  next probe  a stop may ask whether that still holds from 12:30:12 UTC (60 s) on"
        )


class TestPeek:
    def test_peek__changes_nothing(self, machine: Machine):
        """A look counts what is there, and leaves every byte as it was; what is over is not in it."""
        budget = machine.budget(60)
        use(budget, 3)
        with budget.slot():
            before = machine.file.read_bytes()
            machine.now += 121

            ledger = machine.budget(60).peek()

            assert (ledger.answered_since(0.0), ledger.flights, ledger.now) == (4, {}, 1121.0)
            assert machine.file.read_bytes() == before

    def test_peek__nothing_is_made(self, machine: Machine):
        """Where there is no file none is made, nor its directory."""
        assert machine.budget().peek().saved_at < 0
        assert not machine.directory.exists()

    def test_peek__waits_for_nobody(self, machine: Machine):
        """A look does not wait for a process that stands still while it has the ledger."""
        use(machine.budget(60), 3)

        with machine.file.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            assert machine.budget(60).peek().answered_since(0.0) == 3

    def test_peek__while_it_changes(self, machine: Machine, monkeypatch: pytest.MonkeyPatch):
        """A reading that met a change halfway is made again."""
        use(machine.budget(60), 3)
        read_all, halves = budget_store.read_all, [b"half"]
        monkeypatch.setattr(budget_store, "read_all", lambda region: halves.pop() if halves else read_all(region))

        ledger = machine.budget(60).peek()

        assert (ledger.is_damaged, ledger.answered_since(0.0)) == (False, 3)

    def test_peek__not_to_be_trusted(self, machine: Machine):
        """What others may write to is not believed, and nothing stands in for it."""
        use(machine.budget())
        machine.file.chmod(0o622)

        with pytest.raises(PermissionError, match="others may write to its file"):
            machine.budget().peek()

    def test_peek__of_this_object_alone(self, machine: Machine):
        """A budget of no account is looked at as well."""
        budget = machine.budget(account_key=None)
        use(budget, 2)

        assert budget.peek().answered_since(0.0) == 2

    def test_peek__of_all_machines(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        """The store is read and not written; times are the store's."""
        machines = Machines(tmp_path, monkeypatch)
        use(machines.budget(1), 2)
        kept = dict(machines.store.kept)

        ledger = machines.budget(2, ahead_s=86_400.0).peek()

        assert (ledger.answered_since(0.0), ledger.now) == (2, machines.store.load(next(iter(kept))).now)
        assert machines.store.kept == kept

    def test_peek__store_away(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        """A store that is away is an error, and not what this machine saw last."""
        machines = Machines(tmp_path, monkeypatch)
        use(machines.budget(1))
        machines.store.is_away = True

        with pytest.raises(StoreAwayError, match="no answer"):
            machines.budget(1).peek()


def test_peek__owner(machine: Machine):
    """Who sends is told by process."""
    budget = machine.budget(60)
    with budget.slot():
        (seen,) = view(budget.peek(), budget, at=AT, machine=this_process().machine)["in_flight"]

    assert (seen["requests"], seen["pid"], seen["here"]) == (1, os.getpid(), True)
