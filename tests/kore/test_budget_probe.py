"""A long block: one stop a minute is let through to see whether it still holds."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest
from budget_support import KEY, BusyMachine, Machine, use, wait_of

from airflow_provider_campaigns.kore.budget import BudgetTimeout, Priority, RequestBudget
from airflow_provider_campaigns.kore.budget_ledger import Ledger
from airflow_provider_campaigns.kore.identity import this_process

if TYPE_CHECKING:
    from pathlib import Path

STOP, WRITE, READ = Priority.STOP, Priority.WRITE, Priority.READ


def stop(budget: RequestBudget, *, answered: bool = False, patience_s: float = 600.0) -> None:
    """Send a stop that may be a probe."""
    with budget.hold(1, STOP, probe_timeout_s=patience_s, block_timeout_s=301.0) as place, place() as in_use:
        in_use.is_answered = answered


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with one caller at a time; its clock begins at 1000."""
    return Machine(tmp_path)


def test_probe__one_a_minute(machine: Machine):
    """The first stop passes at once, each further one a minute after the one before it; a minute and no answer more."""
    machine.budget().block(3600)

    for _ in range(3):
        stop(machine.budget(10))

    assert machine.slept == [60.0, 60.0]


@pytest.mark.parametrize(("seconds", "wait"), [(30.0, 30.0), (61.0, 61.0), (61.5, 0.0)])
def test_probe__short_block(machine: Machine, seconds: float, wait: float):
    """A block of no more than the minute of the limit, and its jitter, is waited out; a longer one is probed."""
    machine.budget().block(seconds)

    stop(machine.budget())

    assert sum(machine.slept) == wait


def test_probe__not_beyond_the_block(machine: Machine):
    """When the block is over, stops wait for no turn."""
    machine.budget().block(90)
    stop(machine.budget(10))
    machine.now += 50
    stop(machine.budget(10))
    stop(machine.budget(10))

    assert machine.slept == [10.0, 30.0]


def test_probe__answered(machine: Machine):
    """Stops go on at once when a probe was answered; what is less urgent waits for a minute instead of an hour."""
    machine.budget().block(3600)

    stop(machine.budget(10), answered=True)
    stop(machine.budget(10))
    stop(machine.budget(10))

    assert machine.slept == []
    assert [wait_of(machine.budget(10), priority) for priority in (WRITE, READ)] == [60.0, 60.0]


def test_probe__others_answered(machine: Machine):
    """A request from before the block, whose answer comes in it, says nothing about it."""
    with machine.budget(10).hold(1, STOP, probe_timeout_s=600.0) as place, place() as in_use:
        machine.budget().block(3600)
        in_use.is_answered = True

    assert wait_of(machine.budget(10), STOP) == 3600.0


def test_probe__answered_look(machine: Machine):
    """Of a look and a stop in one step the look is the probe; the stop behind it follows without a wait."""
    machine.budget().block(3600)

    with machine.budget(10).hold(2, STOP, probe_timeout_s=600.0) as place:
        with place() as in_use:
            in_use.is_answered = True
        stop(machine.budget(10))
        with place():
            pass

    assert machine.slept == []


def test_probe__refused_look(machine: Machine):
    """Where that look is refused, the stop's place is given back, and the next look comes a minute later."""
    machine.budget().block(3600)

    for _ in range(2):
        with machine.budget(10).hold(2, STOP, probe_timeout_s=600.0) as place, place():
            pass

    assert machine.slept == [60.0]


def test_probe__refused_again(machine: Machine):
    """What the refusal of a probe makes stops wait for is waited for."""
    machine.budget().block(3600)
    with machine.budget(10).hold(1, STOP, probe_timeout_s=600.0) as place, place():
        machine.budget().block(60.5)

    stop(machine.budget(10))

    assert machine.slept == [60.5]


def test_probe__never_sent(machine: Machine):
    """A probe that found no connection is none: the next stop passes at once."""
    machine.budget().block(3600)
    with machine.budget(10).hold(1, STOP, probe_timeout_s=600.0) as place, place() as in_use:
        in_use.is_given_back = True

    stop(machine.budget(10))

    assert machine.slept == []


@pytest.mark.parametrize("priority", [WRITE, READ])
def test_probe__only_stops(machine: Machine, priority: Priority):
    """Nothing less urgent than a stop is let through."""
    machine.budget().block(3600)

    with (
        pytest.raises(BudgetTimeout) as caught,
        machine.budget().hold(1, priority, probe_timeout_s=600.0, block_timeout_s=301.0),
    ):
        pytest.fail("it was let through")

    assert caught.value.blocked_s == 3600.0


def test_probe__out_of_patience(machine: Machine):
    """Who does not get its turn in time learns what is left of the block."""
    machine.budget().block(3600)
    stop(machine.budget(10))

    with pytest.raises(BudgetTimeout) as caught:
        stop(machine.budget(10), patience_s=45.0)

    assert (machine.slept, caught.value.blocked_s) == ([45.0], 3555.0)


def test_probe__full_budget(machine: Machine):
    """A probe needs a place as well."""
    use(machine.budget(1))
    machine.budget().block(3600)

    stop(machine.budget(1))

    assert machine.slept == [60.0]


def test_probe__others_wait_for_its_answer(tmp_path: Path):
    """Stops that wait while a probe is on its way go out within a quarter of a second of its answer."""
    machine = BusyMachine(tmp_path)
    machine.budget().block(3600)
    went: list[float] = []

    def probe() -> None:
        with machine.budget(10).hold(1, STOP, probe_timeout_s=600.0) as place, place() as in_use:
            machine.sleep(12.1)
            in_use.is_answered = True

    def wait() -> None:
        stop(machine.budget(10))
        went.append(machine.now)

    machine.run((0, probe), (1, wait), (2, wait))

    assert went == [1012.25, 1012.25]


def test_probe__lost_process(machine: Machine):
    """A probe whose process died lets the next one pass after its minute."""
    machine.budget().block(3600)
    held = machine.budget(10).hold(1, STOP, probe_timeout_s=600.0)
    held.__enter__()

    stop(machine.budget(10))

    assert sum(machine.slept) == 60.0


def test_probe__kept(machine: Machine):
    """The ledger's bytes hold the probe, and until when there is no other."""
    ledger = Ledger(1000.0)
    ledger.block(STOP, 4600.0)
    ticket = ledger.new_ticket()
    ledger.send_probe(ticket)
    ledger.take_off(ticket, lapses_at=1120.0, owner=this_process())
    kept = Ledger.load(ledger.saved(), lambda saved_at: saved_at + 1.0)

    assert (kept.probe, kept.is_probed, kept.no_probe_until) == (ticket, True, 1060.0)
    assert [kept.opens_at(STOP, as_probe=as_probe) for as_probe in (False, True)] == [4600.0, 1060.0]


def stop_at(directory: Path, now: float, *, answered: bool = False) -> float:
    """A stop of another process at an instant: seconds that it waits for its turn."""
    slept: list[float] = []
    budget = RequestBudget(10, account_key=KEY, directory=directory, clock=lambda: now + sum(slept), sleep=slept.append)
    stop(budget, answered=answered)
    return sum(slept)


def test_probe__two_processes(tmp_path: Path):
    """Of two processes with one ledger one stop a minute is let through; what one is answered, the other knows."""
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as one,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other,
    ):
        Machine(tmp_path).budget().block(3600)  # at 1000

        assert one.submit(stop_at, tmp_path, 1010.0).result(20) == 0.0
        assert other.submit(stop_at, tmp_path, 1020.0).result(20) == 50.0
        assert one.submit(stop_at, tmp_path, 1080.0).result(20) == 50.0
        assert other.submit(stop_at, tmp_path, 1190.0, answered=True).result(20) == 0.0
        assert one.submit(stop_at, tmp_path, 1190.5).result(20) == 0.0
