"""Several places of the request budget at once: all of them, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from budget_support import BusyMachine, Machine, use, wait_of

from airflow_provider_campaigns.kore.budget import BudgetTimeout, Priority

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with one caller at a time."""
    return Machine(tmp_path)


def test_hold__both_used(machine: Machine):
    """Two requests are sent one after the other, and each has used its place."""
    with machine.budget(3).hold(2, Priority.WRITE) as place:
        with place():
            machine.now += 4
        with place():
            pass

    assert wait_of(machine.budget(2)) == 60.0
    use(machine.budget(3))
    assert machine.slept == []


def test_hold__not_used(machine: Machine):
    """Places that were not used are free again at once; one that was is not, also if its request failed."""
    with pytest.raises(RuntimeError), machine.budget(2).hold(2, Priority.WRITE) as place, place():
        raise RuntimeError

    assert wait_of(machine.budget(1)) == 60.0
    use(machine.budget(2))
    assert machine.slept == []


def test_hold__given_back(machine: Machine):
    """A place whose request was not sent after all is there for the next one, and free in the end."""
    with machine.budget(1).hold(1, Priority.WRITE) as place:
        for _ in range(3):
            with place() as in_use:
                in_use.is_given_back = True

    use(machine.budget(1))
    assert machine.slept == []


def test_hold__given_back_to_stops(machine: Machine):
    """A stop that was not sent leaves the room for stops as large as it was."""
    budget = machine.budget(3)

    with budget.reserve(2, duration_s=20):
        with budget.hold(1, Priority.STOP) as place, place() as in_use:
            in_use.is_given_back = True
        use(budget)
        assert wait_of(budget) == 20.0


def test_hold__given_back_to_nobody(machine: Machine):
    """One that is less urgent than a stop has taken nothing from that room, and adds nothing to it."""
    budget = machine.budget(3)

    with budget.reserve(1, duration_s=20):
        with budget.hold(1, Priority.WRITE) as place, place() as in_use:
            in_use.is_given_back = True
        use(budget, 2)

    assert machine.slept == []


def test_hold__one_is_not_enough(machine: Machine):
    """Where one place is free and two are wanted, none is taken before there are two."""
    budget = machine.budget(3)
    use(budget, 2)
    machine.now += 10

    with budget.hold(2, Priority.WRITE):
        assert machine.slept == [50.0]
        use(machine.budget(3))
        assert machine.slept == [50.0]


def test_hold__the_free_one_is_kept(tmp_path: Path):
    """A read that comes later does not take the place that is free while a pair waits for its second; a stop does."""
    machine = BusyMachine(tmp_path)
    started: list[tuple[float, str]] = []

    def one(priority: Priority) -> None:
        with machine.budget(3).slot(priority):
            started.append((machine.now - 1000, priority.name))

    def pair() -> None:
        with machine.budget(3).hold(2, Priority.WRITE) as place:
            started.append((machine.now - 1000, "pair"))
            for _ in range(2):
                with place():
                    pass

    use(machine.budget(3), 2)
    machine.run((1, pair), (2, lambda: one(Priority.READ)), (3, lambda: one(Priority.STOP)))

    assert started == [(3.0, "STOP"), (60.0, "pair"), (63.0, "READ")]


@pytest.mark.parametrize(
    ("limit", "at"),
    [(2, [0.0, 61.0, 122.0]), (3, [0.0, 60.5, 121.0]), (4, [0.0, 0.0, 60.5]), (5, [0.0, 0.0, 60.5])],
)
def test_hold__do_not_block_each_other(tmp_path: Path, limit: int, at: list[float]):
    """Three that want two places each get them one after the other, whatever is left over."""
    machine = BusyMachine(tmp_path)
    started = []

    def pair() -> None:
        with machine.budget(limit).hold(2, Priority.WRITE) as place:
            started.append(machine.now - 1000)
            for _ in range(2):
                with place():
                    machine.sleep(0.5)

    machine.run((0, pair), (0, pair), (0, pair))

    assert started == at


def test_hold__reserved_places(machine: Machine):
    """Places that are reserved for stops are left alone by a pair, until the reservation ends."""
    budget = machine.budget(3)

    with budget.reserve(2, duration_s=20), budget.hold(2, Priority.WRITE):
        assert sum(machine.slept) == 20.0


def test_hold__reserved_for_it(machine: Machine):
    """A pair of stops uses up two of the places that its process has reserved."""
    budget = machine.budget(4)

    with budget.reserve(3, duration_s=20):
        with budget.hold(2, Priority.STOP) as place:
            for _ in range(2):
                with place():
                    pass
        use(budget)
        assert machine.slept == []


def test_hold__blocked(machine: Machine):
    """A block is waited out before any place is taken."""
    budget = machine.budget(3)
    budget.block(30)

    with budget.hold(2, Priority.WRITE):
        assert machine.slept == [30.0]


def test_hold__no_time(machine: Machine):
    """In no time there are two places or none, and who got none is in nobody's way."""
    budget = machine.budget(3)
    use(budget, 2)

    with pytest.raises(BudgetTimeout), budget.hold(2, Priority.WRITE, timeout_s=0):
        pytest.fail("there were two places")

    use(budget)
    assert machine.slept == []


@pytest.mark.parametrize("places", [0, 4])
def test_hold__never(machine: Machine, places: int):
    """More places than there are, or none, is a mistake, and is not waited for."""
    with (
        pytest.raises(ValueError, match=f"places must be from 1 to the limit of 3, not {places}"),
        machine.budget(3).hold(places, Priority.WRITE),
    ):
        pytest.fail("there were so many places")


def test_hold__of_a_process_that_died(machine: Machine):
    """The second request may be on its way for as long after the first as the first may be, and counts as such."""
    abandoned = machine.budget(2, max_request_s=20.0).hold(2, Priority.WRITE)
    abandoned.__enter__()

    machine.now += 79.9
    assert wait_of(machine.budget(1)) == pytest.approx(20.1)
    assert wait_of(machine.budget(2)) == pytest.approx(0.1)
