"""What the request budget decides, in virtual time."""

from __future__ import annotations

import logging
import math
import pickle
from typing import TYPE_CHECKING

import pytest
from budget_support import KEY, BusyMachine, Machine, use, wait_of

from airflow_provider_campaigns.kore.budget import MAX_LIMIT, BudgetTimeout, Priority

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "budget")


class TestInit:
    def test_init__opens_nothing(self, machine):
        """A budget that was made but never asked leaves no trace."""
        machine.budget()

        assert not machine.directory.exists()

    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            ({"limit": 0}, "limit must be from 1 to 16384, not 0"),
            ({"limit": MAX_LIMIT + 1}, "limit must be from 1 to 16384, not 16385"),
            ({"window_s": 0.0}, "window_s must be a positive number of seconds, not 0.0"),
            ({"window_s": math.nan}, "window_s must be a positive number of seconds, not nan"),
            ({"max_request_s": -1.0}, "max_request_s must be a positive number of seconds, not -1.0"),
            ({"account_key": ""}, "account_key must not be empty: unrelated accounts would share a budget"),
        ],
    )
    def test_init__out_of_range(self, machine, arguments, complaint):
        """A number out of its range is refused with its name and its value."""
        with pytest.raises(ValueError, match="^" + complaint):
            machine.budget(**arguments)

    def test_repr__hides_the_account(self, machine):
        """A budget shows its numbers and not whose it is."""
        assert repr(machine.budget(60)) == "<RequestBudget: 60 a minute, shared by this machine>"
        assert repr(machine.budget(5, 0.5, account_key=None)) == "<RequestBudget: 5 in 0.5 s, of this process alone>"


class TestSlot:
    def test_slot__places_left(self, machine):
        """As many requests as the limit allows start at once."""
        use(machine.budget(3), 3)

        assert machine.slept == []

    def test_slot__window_is_full(self, machine):
        """The next request waits until the first answer has left the window, in one sleep."""
        budget = machine.budget(3)
        for _ in range(3):
            use(budget)
            machine.now += 10

        use(budget)

        assert machine.slept == [30.0]
        assert machine.now == 1060.0

    def test_slot__counts_from_the_answer(self, machine):
        """A place is taken from the start until a window after the answer, not after the request."""
        budget = machine.budget(1)
        with budget.slot():
            machine.now = 1007.0
        use(budget)

        assert machine.now == 1067.0

    def test_slot__failed_request(self, machine):
        """A request that ended with an exception has used its place: the service may have counted it."""
        budget = machine.budget(1)

        def fail() -> None:
            with budget.slot():
                machine.now = 1002.0
                raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            fail()
        use(budget)

        assert machine.now == 1062.0

    def test_slot__shared_by_budgets_of_an_account(self, machine):
        """Two budgets with one account key count together; one with another key counts apart."""
        use(machine.budget(2), 2)
        use(machine.budget(2, account_key=KEY + "-other"), 2)
        assert machine.now == 1000.0

        use(machine.budget(2))
        assert machine.now == 1060.0

    def test_slot__without_account(self, machine):
        """Without a key a budget counts alone and uses no file."""
        use(machine.budget(1, account_key=None))
        use(machine.budget(1, account_key=None))

        assert machine.slept == []
        assert not machine.directory.exists()

    def test_slot__limits_differ(self, machine):
        """Each caller keeps its own limit over what all of them sent."""
        use(machine.budget(5), 3)
        use(machine.budget(4))
        assert machine.now == 1000.0

        machine.now = 1020.0
        use(machine.budget(5))
        use(machine.budget(2))
        assert machine.now == 1060.0
        use(machine.budget(1))
        assert machine.now == 1120.0

    def test_slot__more_answers_than_a_ledger_remembers(self, machine):
        """Counting goes on right when old answers have been forgotten."""
        budget = machine.budget(128)
        for _ in range(4):
            use(budget, 64)
            machine.now += 0.125

        # The first two steps fill the window; they leave it at 1060 and an eighth later.
        assert machine.now == 1060.25
        assert wait_of(machine.budget(64)) == 59.875

    def test_slot__request_in_flight(self, tmp_path):
        """A place in flight gets free a window after its answer, whenever that comes."""
        machine = BusyMachine(tmp_path)
        budget = machine.budget(1, max_request_s=500)
        starts = []

        def request(latency: float) -> None:
            with budget.slot():
                starts.append(machine.now)
                machine.sleep(latency)

        machine.run((0, lambda: request(100)), (1, lambda: request(0)))

        assert starts == [1000.0, 1160.0]

    def test_slot__behind_others(self, tmp_path):
        """Who waits for one that waits for one in flight foresees a window for each."""
        machine = BusyMachine(tmp_path)
        budget = machine.budget(1, max_request_s=500)
        foreseen = []

        def hold() -> None:
            with budget.slot():
                machine.sleep(100)

        machine.run((0, hold), (1, lambda: use(budget)), (2, lambda: foreseen.append(wait_of(budget))))

        assert foreseen == [120.0]

    def test_slot__lost_request(self, machine):
        """A request whose end is never told counts as answered when no request can be under way any longer."""
        budget = machine.budget(1, max_request_s=30)
        lost = budget.slot()
        lost.__enter__()
        use(budget)

        assert machine.now == 1090.0

    def test_slot__answer_later_than_possible(self, machine):
        """A request that was given up too early counts again from its answer."""
        budget = machine.budget(1, max_request_s=30)
        with budget.slot():
            machine.now = 1080.0
            assert wait_of(budget) == 10.0
        use(budget)

        assert machine.now == 1140.0

    @pytest.mark.parametrize("given_up", [KeyboardInterrupt, BudgetTimeout])
    def test_slot__given_up(self, machine, given_up):
        """A request that gives up its wait leaves nothing behind."""
        budget = machine.budget(1)
        use(budget)

        def interrupt(seconds: float) -> None:
            machine.now += 30
            raise given_up(0, 0)

        with pytest.raises(given_up), machine.budget(1, sleep=interrupt).slot(Priority.STOP):
            pytest.fail("there was no place")
        use(budget)

        assert machine.now == 1060.0
        assert machine.slept == [30.0]


class TestTimeout:
    def test_slot__no_place_in_time(self, machine):
        """A wait that cannot end in time is not begun, and says how long it would have been."""
        budget = machine.budget(1)
        use(budget)
        machine.now += 10
        with pytest.raises(BudgetTimeout) as caught, budget.slot(timeout_s=49.0):
            pytest.fail("there was no place")

        assert caught.value.wait_s == 50.0
        assert caught.value.timeout_s == 49.0
        assert str(caught.value) == "the request budget has no place within 49.0 s, but after 50.0 s"
        assert machine.slept == []

    def test_slot__place_just_in_time(self, machine):
        """A place that gets free at the very end of the time is taken."""
        budget = machine.budget(1)
        use(budget)
        with budget.slot(timeout_s=60.0):
            assert machine.now == 1060.0

    def test_slot__asked_once(self, machine):
        """A time of 0 takes a free place and never sleeps."""
        budget = machine.budget(1)
        with budget.slot(timeout_s=0):
            pass
        with pytest.raises(BudgetTimeout), budget.slot(timeout_s=0):
            pytest.fail("there was no place")

        assert machine.slept == []

    def test_slot__time_is_over_while_others_are_in_the_way(self, machine):
        """Where a place may get free by what others do, the time is waited out to its end."""
        budget = machine.budget(2)
        with budget.reserve(2, duration_s=100):
            with pytest.raises(BudgetTimeout) as caught, budget.slot(timeout_s=5.125):
                pytest.fail("there was no place")

            assert machine.now == 1005.125
            assert caught.value.wait_s == 100.0

    def test_budget_timeout__crosses_processes(self):
        """The exception survives pickling, which brings it from a worker."""
        copy = pickle.loads(pickle.dumps(BudgetTimeout(12.5, 3.0)))

        assert (copy.wait_s, copy.timeout_s) == (12.5, 3.0)


class TestBlock:
    def test_block__everyone_waits(self, machine):
        """A block holds back every process and every priority."""
        machine.budget().block(20)

        assert [wait_of(machine.budget(), priority) for priority in Priority] == [20.0, 20.0, 20.0]
        use(machine.budget(), 1, Priority.STOP)
        assert machine.now == 1020.0

    def test_block__is_never_shortened(self, machine):
        """A shorter block changes nothing, a longer one holds on."""
        budget = machine.budget()
        budget.block(20)
        budget.block(5)
        assert wait_of(budget) == 20.0

        machine.now += 15
        budget.block(10)
        assert wait_of(budget) == 10.0

    def test_block__from_a_priority_on(self, machine):
        """More urgent requests than those that are blocked go on."""
        budget = machine.budget()
        budget.block(60, priority=Priority.WRITE)
        budget.block(10, priority=Priority.STOP)

        assert [wait_of(budget, priority) for priority in Priority] == [10.0, 60.0, 60.0]

    def test_block__during_a_wait(self, tmp_path):
        """Who waits already waits for the end of a block that comes in between."""
        machine = BusyMachine(tmp_path)
        budget = machine.budget(1)
        machine.run((0, lambda: use(budget, 2)), (30, lambda: budget.block(50)))

        assert machine.now == 1080.0

    @pytest.mark.parametrize("seconds", [-1, math.inf, math.nan])
    def test_block__out_of_range(self, machine, seconds):
        """A block is finite."""
        with pytest.raises(ValueError, match="a block lasts a number of seconds from 0, not "):
            machine.budget().block(seconds)


class TestReserve:
    @pytest.mark.parametrize("priority", [Priority.READ, Priority.WRITE])
    def test_reserve__only_stops_take_the_places(self, machine, priority):
        """Reads, starts and deletes take what is not reserved, stops take anything."""
        with machine.budget(5).reserve(3, duration_s=100):
            use(machine.budget(5), 2, priority)
            with pytest.raises(BudgetTimeout), machine.budget(5).slot(priority, timeout_s=0):
                pytest.fail("the place is reserved")
            use(machine.budget(5), 3, Priority.STOP)

        assert machine.slept == []

    def test_reserve__stops_use_it_up(self, machine):
        """Each stop of the process uses up one reserved place, so that reads get the others."""
        budget = machine.budget(5)
        with budget.reserve(3, duration_s=100):
            use(budget, 3, Priority.STOP)
            use(budget, 2)

        assert machine.slept == []

    def test_reserve__writes_do_not_use_it_up(self, machine):
        """A write leaves the reservation as it is."""
        budget = machine.budget(5)
        with budget.reserve(3, duration_s=100):
            use(budget, 1, Priority.WRITE)
            use(budget, 1)

            assert wait_of(budget) == 60.0

    def test_reserve__ends_with_its_block(self, machine):
        """After the block the places are everyone's."""
        budget = machine.budget(2)
        with budget.reserve(2, duration_s=100):
            assert wait_of(budget) == 100.0
        use(budget, 2)

        assert machine.slept == []

    def test_reserve__ends_by_itself(self, machine):
        """A reservation that is not given back ends after its time, to the second."""
        budget = machine.budget(2)
        with budget.reserve(1, duration_s=7), budget.reserve(1, duration_s=9):
            use(budget)
            assert machine.now == 1007.0
            use(budget)
            assert machine.now == 1009.0

    def test_reserve__stops_use_up_what_has_not_ended(self, machine):
        """A stop does not count for a reservation whose time is over."""
        budget = machine.budget(5)
        with budget.reserve(1, duration_s=5), budget.reserve(3, duration_s=100):
            machine.now += 10
            use(budget, 2, Priority.STOP)
            use(budget, 2)

            assert wait_of(budget) == 60.0

    def test_reserve__given_back_while_a_read_waits(self, tmp_path):
        """A waiting read notices within a quarter of a second that places were given back."""
        machine = BusyMachine(tmp_path)
        budget = machine.budget(1)

        def reserve() -> None:
            with budget.reserve(1, duration_s=100):
                machine.sleep(10.125)

        machine.run((0, reserve), (1, lambda: use(budget)))

        assert 1010.125 <= machine.now <= 1010.375

    @pytest.mark.parametrize(("places", "duration_s"), [(0, 1), (MAX_LIMIT + 1, 1), (1, 0), (1, math.inf)])
    def test_reserve__out_of_range(self, machine, places, duration_s):
        """A reservation is of some places for some time."""
        with pytest.raises(ValueError, match="must be"), machine.budget().reserve(places, duration_s=duration_s):
            pass


class TestLog:
    def test_slot__long_wait(self, machine, caplog):
        """A wait of more than a second is told once, with its length."""
        budget = machine.budget(60)
        budget.block(12.34)
        with caplog.at_level(logging.DEBUG):
            use(budget)

        assert [(record.levelname, record.message) for record in caplog.records] == [
            ("INFO", "waiting 12.3 s for the request budget (60 a minute, shared by this machine)")
        ]

    def test_slot__long_wait_with_many_looks(self, machine, caplog):
        """A wait that looks around every quarter of a second is told once, too."""
        with caplog.at_level(logging.DEBUG), machine.budget(2, 30).reserve(2, duration_s=5):
            use(machine.budget(2, 30))

        assert len(machine.slept) == 20
        assert caplog.messages == ["waiting 5.0 s for the request budget (2 in 30 s, shared by this machine)"]

    def test_slot__short_wait(self, machine, caplog):
        """A wait of a second is not worth a line."""
        with caplog.at_level(logging.DEBUG):
            use(machine.budget(1, 1.0), 2)

        assert caplog.records == []
