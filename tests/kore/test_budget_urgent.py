"""Places that reads leave free for stops, starts and deletes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from budget_support import BusyMachine, Machine, use, wait_of

from airflow_provider_campaigns.kore.budget import BudgetTimeout, Priority

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_campaigns.kore.budget import RequestBudget


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with one caller at a time."""
    return Machine(tmp_path)


def places_for_reads(budget: RequestBudget) -> int:
    """How many reads start at once."""
    started = 0
    try:
        while True:
            with budget.slot(timeout_s=0):
                started += 1
    except BudgetTimeout:
        return started


class TestRoom:
    @pytest.mark.parametrize(
        ("limit", "reads"),
        [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (10, 8), (20, 18), (21, 18), (60, 54), (61, 54), (600, 540)],
    )
    def test_slot__a_tenth(self, machine: Machine, limit: int, reads: int):
        """Reads leave a tenth of the limit, rounded up: two at least, and half of it at most."""
        assert places_for_reads(machine.budget(limit, urgent=None)) == reads

    @pytest.mark.parametrize("priority", [Priority.STOP, Priority.WRITE])
    def test_slot__behind_reports(self, machine: Machine, priority: Priority):
        """Behind reads that have taken all that they may, six stops or writes start at once, and the next waits."""
        use(machine.budget(60, urgent=None), 54)
        machine.now += 1

        use(machine.budget(60, urgent=None), 6, priority)

        assert machine.slept == []
        assert wait_of(machine.budget(60, urgent=None), priority) == 59.0

    def test_slot__half_the_room_is_filled_up_first(self, machine: Machine):
        """When six urgent requests have used the room, three places are free again before the next read starts."""
        budget = machine.budget(60, urgent=None)
        for _ in range(54):
            use(budget)
            machine.now += 1
        use(budget, 6, Priority.WRITE)
        machine.now = 1059.5

        use(budget)

        assert machine.now == 1063.0
        use(budget, 3, Priority.STOP)
        assert machine.now == 1063.0

    @pytest.mark.parametrize(("urgent", "reads"), [(0, 54), (1, 54), (3, 54), (4, 53), (6, 51), (30, 27), (60, 0)])
    def test_slot__used_up(self, machine: Machine, urgent: int, reads: int):
        """What is urgent uses up the room, down to a half of it."""
        budget = machine.budget(60, urgent=None)
        use(budget, urgent, Priority.WRITE)

        assert places_for_reads(budget) == reads

    def test_slot__used_up_in_flight(self, machine: Machine):
        """So does what is urgent and in flight, and what was never answered."""
        budget = machine.budget(60, urgent=None, max_request_s=10)
        with budget.hold(3, Priority.WRITE) as place, place():
            assert places_for_reads(budget) == 54
        machine.now += 60
        lost = [budget.slot(Priority.STOP) for _ in range(3)]
        for one in lost:
            one.__enter__()
        machine.now += 10
        assert places_for_reads(budget) == 54

    def test_slot__room_comes_back(self, machine: Machine):
        """When an urgent answer is a window old, its place belongs to the room again, and to no read."""
        budget = machine.budget(60, urgent=None)
        use(budget, 3, Priority.STOP)
        machine.now += 10
        use(budget, 54)
        assert wait_of(budget) == 60.0
        machine.now += 50
        assert wait_of(budget) == 10.0

    def test_slot__given(self, machine: Machine):
        """The room is as large as one says, and 0 leaves none."""
        assert places_for_reads(machine.budget(60, urgent=20)) == 40
        assert places_for_reads(machine.budget(60, urgent=0)) == 20

    def test_slot__limits_differ(self, machine: Machine):
        """Callers with different limits each leave room below their own."""
        assert places_for_reads(machine.budget(30, urgent=None)) == 27
        assert places_for_reads(machine.budget(60, urgent=None)) == 27
        assert places_for_reads(machine.budget(30, urgent=None)) == 0

    def test_slot__no_place_in_time(self, machine: Machine):
        """A read that would need a kept place is told at once when it will have another."""
        budget = machine.budget(10, urgent=None)
        use(budget, 8)
        machine.now += 20

        with pytest.raises(BudgetTimeout) as caught, budget.slot(timeout_s=39.0):
            pytest.fail("the place is kept")

        assert (caught.value.wait_s, machine.slept) == (40.0, [])
        use(budget)
        assert machine.slept == [40.0]

    def test_slot__behind_a_write(self, tmp_path: Path):
        """A read waits for the places of those before it as well, and still leaves the room."""
        machine = BusyMachine(tmp_path)
        started: list[tuple[float, str]] = []

        def pair() -> None:
            with machine.budget(10, urgent=2).hold(2, Priority.WRITE) as place:
                for _ in range(2):
                    with place():
                        started.append((machine.now - 1000, "WRITE"))

        def read() -> None:
            with machine.budget(10, urgent=2).slot():
                started.append((machine.now - 1000, "READ"))

        use(machine.budget(10, urgent=2), 3, Priority.WRITE)
        machine.now += 10
        use(machine.budget(10, urgent=2), 5, Priority.READ)
        use(machine.budget(10, urgent=2), 1, Priority.WRITE)
        machine.run((1, pair), (2, read))

        assert started == [(60.0, "WRITE"), (60.0, "WRITE"), (70.0, "READ")]

    @pytest.mark.parametrize(("limit", "urgent"), [(60, -1), (60, 60), (1, 1)])
    def test_init__out_of_range(self, machine: Machine, limit: int, urgent: int):
        """Room that leaves no place for reads, or is less than none, is refused."""
        with pytest.raises(ValueError, match=f"^urgent must be from 0 to {limit - 1}, below the limit, not {urgent}$"):
            machine.budget(limit, urgent=urgent)

    def test_hold__never(self, machine: Machine):
        """More places than reads may ever have are a mistake, and are not waited for."""
        with (
            pytest.raises(ValueError, match="places must be from 1 to the limit of 54, not 55"),
            machine.budget(60, urgent=None).hold(55, Priority.READ),
        ):
            pytest.fail("there were so many places")

    def test_repr__says_so(self, machine: Machine):
        """A budget shows what reads leave; so does the log where something waits."""
        shown = "<RequestBudget: 60 a minute, 6 of them not for reads, shared by this machine>"
        assert repr(machine.budget(60, urgent=None)) == shown


class TestReserve:
    """The room and what is reserved before a close."""

    @pytest.mark.parametrize(("reserved", "reads"), [(1, 54), (6, 54), (7, 53), (52, 8), (60, 0)])
    def test_reserve__the_room_is_part_of_it(self, machine: Machine, reserved: int, reads: int):
        """Reads leave the room or what is reserved, whichever is more, and not both."""
        budget = machine.budget(60, urgent=None)

        with budget.reserve(reserved, duration_s=100):
            assert places_for_reads(budget) == reads

    def test_reserve__writes(self, machine: Machine):
        """Starts and deletes leave what is reserved, and nothing beside it."""
        budget = machine.budget(60, urgent=None)

        with budget.reserve(4, duration_s=100):
            use(budget, 56, Priority.WRITE)
            assert machine.slept == []
            assert wait_of(budget, Priority.WRITE) == 60.0

    def test_reserve__is_over(self, machine: Machine):
        """When a reservation ends, the room is left as before."""
        budget = machine.budget(60, urgent=None)
        use(budget, 40)

        with budget.reserve(30, duration_s=20):
            assert wait_of(budget) == 20.0
            use(budget)
        assert machine.now == 1020.0
        assert places_for_reads(budget) == 13
        with budget.reserve(30, duration_s=10):
            assert wait_of(budget) == 40.0


def test_slot__a_stop_behind_seven_reports(tmp_path: Path):
    """While seven reports read as fast as they may, no stop waits for its place; reads use 54 of 60."""
    machine = BusyMachine(tmp_path)
    budget = machine.budget(60, urgent=None, max_request_s=40)
    reads: list[float] = []
    waited: list[float] = []

    def report() -> None:
        while machine.now < 1300:
            with budget.slot():
                reads.append(machine.now)
                machine.sleep(0.125)

    def stop() -> None:
        asked_at = machine.now
        with budget.slot(Priority.STOP):
            waited.append(machine.now - asked_at)
            machine.sleep(0.125)

    machine.run(*[(0, report)] * 7, *[(at, stop) for at in (1.0, 20.0, 65.0, 100.0, 161.5, 299.0)])

    assert waited == [0.0] * 6
    # Four minutes of 54: what stops have used comes from the room, or is made up for when it leaves the window.
    assert sum(1060 <= at < 1300 for at in reads) == 216


@pytest.mark.parametrize("every", [10, 5, 3, 2])
def test_slot__reads_and_writes(tmp_path: Path, every: int):
    """With one write of ten, or more, 95 % of 60 are used, and never more than 60 in a minute."""
    machine = BusyMachine(tmp_path)
    budget = machine.budget(60, urgent=None, max_request_s=40)
    sent: list[float] = []

    def task() -> None:
        number = 0
        while machine.now < 1300:
            number += 1
            with budget.slot(Priority.READ if number % every else Priority.WRITE):
                sent.append(machine.now)
                machine.sleep(0.125)

    machine.run(*[(0, task)] * 7)

    assert sum(1060 <= at < 1300 for at in sent) >= 0.95 * 4 * 60
    assert all(later - at >= 60 for at, later in zip(sent, sent[60:], strict=False))
