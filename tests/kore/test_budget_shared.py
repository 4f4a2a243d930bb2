"""A request budget that several machines share by a store, and what becomes of it while the store is away."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from budget_support import use, wait_of
from shared_store import Machines

from airflow_provider_campaigns.kore.budget import BudgetTimeout, Priority
from airflow_provider_campaigns.kore.budget_ledger import Ledger, Waiter
from airflow_provider_campaigns.kore.budget_shared import Kept
from airflow_provider_campaigns.kore.budget_store import FileStore

if TYPE_CHECKING:
    from pathlib import Path

WARNING = (
    "the store of the request budget is away (no answer): stops go out, reads use this machine's share, starts and "
    "deletes wait"
)
NAME = "f7d86b6ba42793cf05cbadf45e52a992fb56492563114615bd728c8fc6a9f46f.v5"


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machines:
    return Machines(tmp_path, monkeypatch)


@pytest.fixture(autouse=True)
def _no_budget_of_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_campaigns.kore.budget_keeping._unshared", {})


def ledger_of(machines: Machines) -> Ledger:
    """What the store keeps."""
    return Ledger.load(machines.store.kept[NAME][0], lambda saved_at: saved_at)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if "the store" in record.message]


class TestTogether:
    def test_slot__counts_all_machines(self, machines):
        """What one machine sent is used up for the other, however far their clocks are apart."""
        use(machines.budget(1), 6)

        assert wait_of(machines.budget(2, ahead_s=86_400.0)) == pytest.approx(60.0)

    def test_slot__somebody_else_was_faster(self, machines):
        """Who decides on a ledger that was changed meanwhile decides again, and the last place goes to one of them."""
        use(machines.budget(2), 5)
        first, other = machines.budget(1), machines.budget(2)
        machines.be(1)
        machines.store.meanwhile = lambda: use(other)

        assert wait_of(first) == pytest.approx(60.0, abs=0.1)
        assert machines.store.written == 12

    def test_slot__always_somebody_faster(self, machines, caplog, monkeypatch):
        """Who never gets to write goes on as if the store were away."""
        monkeypatch.setattr(machines.store, "replace", lambda *_, **__: Kept(b"", 0, 51_000.0))
        use(machines.budget(1), 1, Priority.STOP)

        assert machines.store.asked == 30
        assert told(caplog)[0].startswith("the store of the request budget is away (somebody else was faster 30 times)")

    def test_transact__nothing_changed(self, machines):
        """Nothing is written where nothing changed."""
        budget = machines.budget(1)
        use(budget)
        written = machines.store.written
        budget._transact(lambda ledger: ledger.reservations.pop(1, None))

        assert machines.store.written == written

    def test_transact__one_round_trip(self, machines):
        """Nobody else was there since: a request takes a writing to start, and one when it is answered."""
        budget = machines.budget(1)
        use(budget)
        before = machines.store.asked
        use(budget, 2)

        assert machines.store.asked == before + 4

    def test_transact__one_round_trip_of_any_length(self, machines):
        """A store that is far away is asked no more often: what is asked is expected for when it will be there."""
        replace = machines.store.replace

        def far(*arguments: Any, **versions: Any) -> Kept | None:
            machines.time.now += 0.1
            found = replace(*arguments, **versions)
            machines.time.now += 0.1
            return found

        machines.store.replace = far
        budget = machines.budget(1)
        use(budget)
        before = machines.store.asked
        use(budget, 2)

        assert machines.store.asked == before + 4

    def test_transact__step_is_interrupted(self, machines):
        """What a signal raises in a step is not taken for its answer."""
        budget = machines.budget(1)
        use(budget)
        before = machines.store.asked

        def step(_ledger: Ledger) -> None:
            raise TimeoutError

        with pytest.raises(TimeoutError):
            budget._transact(step)
        assert machines.store.asked == before

    def test_transact__two_round_trips(self, machines):
        """Whoever comes first reads before it writes, and who finds that another was there writes once more."""
        budget, other = machines.budget(1), machines.budget(2)
        use(budget)
        assert machines.store.asked == 3
        machines.be(2)
        use(other)
        before = machines.store.asked
        machines.be(1)
        use(budget)

        assert machines.store.asked == before + 3

    def test_transact__machine_that_said_nothing_for_long(self, machines):
        """What a machine knows from long ago is nothing that the store has lost."""
        budget, other = machines.budget(1), machines.budget(2)
        machines.be(1)
        use(budget)
        machines.time.now += 121
        machines.be(2)
        use(other)
        before = machines.store.asked
        machines.be(1)
        use(budget)

        assert machines.store.asked == before + 3

    def test_transact__another_process_of_the_machine(self, machines):
        """What another process of the machine has seen is known here, too."""
        budget, other = machines.budget(1), machines.budget(1)
        use(budget)
        use(other)
        before = machines.store.asked
        use(budget)

        assert machines.store.asked == before + 2

    def test_transact__refused_by_what_is_no_longer(self, machines):
        """That there is no place is not said before it is known to be so still."""
        budget, other = machines.budget(1), machines.budget(2)
        machines.be(2)
        with other.reserve(6, duration_s=100.0):
            machines.be(1)
            budget.block(0.0)
            assert budget._transact(lambda ledger: len(ledger.reservations)) == 1
            machines.be(2)
        machines.be(1)

        with budget.slot(timeout_s=0):
            pass

    def test_transact__only_asks(self, machines):
        """What somebody only asks for is asked of the store, whatever this machine has seen last."""
        budget, other = machines.budget(1), machines.budget(2)
        machines.be(1)
        use(budget)
        machines.be(2)
        with other.reserve(6, duration_s=100.0):
            machines.be(1)
            assert budget._transact(lambda ledger: len(ledger.reservations)) == 1
            machines.be(2)

    def test_transact__clock_of_the_store_was_moved(self, machines):
        """What time it is is asked anew where the store's clock no longer goes as it did."""
        budget = machines.budget(1)
        use(budget, 6)
        clock = machines.store.clock
        machines.store.clock = lambda: clock() + 30.0

        use(budget)
        assert sum(machines.time.slept) == pytest.approx(30.0)

    def test_ledger__small(self, machines):
        """The ledger of a usual account is less than 1 kB."""
        use(machines.budget(1, 60), 60)
        use(machines.budget(2, 60), 60)

        assert len(machines.store.kept[NAME][0]) < 1000

    def test_time__store_clock_goes_back(self, machines):
        """A server's clock that goes back gives nobody a place."""
        use(machines.budget(1), 6)
        machines.store.clock = lambda: 10.0

        assert wait_of(machines.budget(2)) == pytest.approx(60.0)

    def test_load__damaged(self, machines, caplog):
        """A damaged ledger is told of, and replaced by what the machine saw last."""
        use(machines.budget(1), 6)
        data, version = machines.store.kept[NAME]
        machines.store.kept[NAME] = data[:50] + b"?" + data[51:], version

        assert wait_of(machines.budget(1)) == pytest.approx(60.0)
        assert "the request budget in the store was damaged and begins anew" in told(caplog)

    def test_reserve__waits_for_no_dead_machine(self, machines):
        """A reservation whose process says no more that it is there falls away after five seconds."""
        reservation = machines.budget(1).reserve(6, duration_s=600.0)
        reservation.__enter__()
        other = machines.budget(2)
        use(other)

        assert sum(machines.time.slept) == 5.0

    def test_reserve__renewed(self, machines, monkeypatch):
        """A process that is there says so, and its reservation stays; also if it had fallen away."""
        monkeypatch.setattr("airflow_provider_campaigns.kore.budget.LEASE_S", 0.03)
        with machines.budget(1).reserve(6, duration_s=600.0):
            machines.time.now += 20
            until = time.monotonic() + 5
            while not ledger_of(machines).reservations or ledger_of(machines).now < 51_020:
                assert time.monotonic() < until
                time.sleep(0.01)
            (kept,) = ledger_of(machines).reservations.values()

        assert kept.renewed_until == pytest.approx(51_025.0)
        assert ledger_of(machines).reservations == {}

    def test_slot__dead_waiter_of_another_machine(self, machines):
        """A waiter of another machine that does not look again as it said is passed over a second later."""
        use(machines.budget(2, 1))
        waiter = Waiter(7, 51_060.0, machine=1, pid=os.getpid(), priority=Priority.STOP)
        machines.budget(1, 1)._transact(lambda ledger: ledger.waiters.update({7: waiter}))
        use(machines.budget(2, 1))

        assert machines.time.now == pytest.approx(1061.25)

    def test_machines__those_that_are_there(self, machines):
        """A machine that said nothing for two minutes is no longer counted."""
        use(machines.budget(1))
        machines.time.now += 121
        use(machines.budget(2))

        assert list(ledger_of(machines).machines) == [2]

    def test_reserve__of_one_machine_is_not_used_by_another(self, machines):
        """A stop uses up a place that its own process reserved, and none of another machine's."""
        with machines.budget(1).reserve(3, duration_s=60.0), machines.budget(2).reserve(2, duration_s=60.0):
            use(machines.budget(2), 1, Priority.STOP)

            assert [one.places for one in ledger_of(machines).reservations.values()] == [3, 1]

    def test_repr__names_what_shares_it(self, machines):
        """A budget says by what it is shared, and what else is kept about the account is kept on this machine."""
        budget = machines.budget(1)

        assert repr(budget) == "<RequestBudget: 6 a minute, shared by all machines with this store>"
        assert isinstance(budget.store_beside("proof"), FileStore)

    def test_init__without_account(self, machines):
        """A budget of its own callers uses no store."""
        use(machines.budget(1, account_key=None))

        assert machines.store.asked == 0


class TestAway:
    def test_away__told_once(self, machines, caplog):
        """One warning when the store goes, one line when it is back."""
        caplog.set_level(logging.INFO)
        budget = machines.budget(1)
        use(budget)
        machines.store.is_away = True
        use(budget, 3, Priority.STOP)
        machines.time.now += 2
        use(budget, 1, Priority.STOP)
        machines.store.is_away = False
        machines.time.now += 20
        use(budget, 2)

        assert told(caplog) == [WARNING, "the store of the request budget is back"]

    def test_away__is_left_alone(self, machines):
        """It is not tried for each request, but after 1, 2, 4 and then every 8 seconds."""
        budget = machines.budget(1)
        machines.store.is_away = True
        tried = []
        for _ in range(240):
            use(budget, 1, Priority.STOP)
            if machines.store.asked > len(tried):
                tried.append(machines.time.now - 1000)
            machines.time.now += 0.125

        assert tried == [0, 1, 3, 7, 15, 23]

    def test_away__stops_go_out(self, machines):
        """A stop goes out at once, also if all places are used up; a block it keeps to."""
        use(machines.budget(1), 6)
        budget = machines.budget(1)
        machines.store.is_away = True
        use(budget, 3, Priority.STOP)
        assert machines.time.slept == []

        budget.block(10)
        use(budget, 1, Priority.STOP)
        assert sum(machines.time.slept) == pytest.approx(10.0)

    def test_away__reads_use_the_share(self, machines):
        """Of 6 places 2 were used when it was seen last; 4 are free, and two of them are this machine's."""
        for number in (2, 1):
            use(machines.budget(number))
        machines.store.is_away = True
        budget = machines.budget(1)
        use(budget, 2)

        assert machines.time.slept == []
        assert wait_of(budget) == pytest.approx(60.0)

    def test_away__share_grows_with_what_gets_free(self, machines):
        """What others sent leaves the window, and a machine of two may use half of all places then."""
        for number in (2, 1):
            use(machines.budget(number), 3)
        machines.store.is_away = True
        budget = machines.budget(1)
        machines.time.now += 60
        use(budget, 3)
        assert machines.time.slept == []
        use(budget)

        assert machines.time.now == pytest.approx(1120.0, abs=0.3)

    def test_away__store_was_far(self, machines):
        """How long the store took to answer makes it no later for this machine when the store is away."""
        load = machines.store.load

        def slow(name: str) -> Kept:
            machines.time.now += 30
            return load(name)

        use(machines.budget(2), 6)
        machines.store.load = slow
        budget = machines.budget(1)
        budget.block(0.0)
        machines.store.is_away = True

        assert wait_of(budget) == pytest.approx(30.0)

    def test_away__never_seen(self, machines):
        """A process that never saw a ledger, nor its machine, counts on six machines; and by its own clock."""
        machines.store.is_away = True
        budget = machines.budget(1, 60)
        use(budget, 10)

        assert machines.time.slept == []
        assert wait_of(budget) == pytest.approx(60.0)

    def test_away__new_process(self, machines):
        """A process that begins meanwhile goes on with what its machine saw last, in the store's time."""
        use(machines.budget(1), 6)
        machines.store.is_away = True

        assert wait_of(machines.budget(1)) == pytest.approx(60.0)
        machines.time.now += 60.5
        use(machines.budget(1), 6)
        assert machines.time.slept == []

    @pytest.mark.parametrize("places", [1, 2])
    def test_away__starts_and_deletes_wait(self, machines, places):
        """A start or delete waits for as long as it has patience, and holds up no read meanwhile."""
        use(machines.budget(1))
        machines.store.is_away = True
        budget = machines.budget(1)
        with pytest.raises(BudgetTimeout) as caught, budget.hold(places, Priority.WRITE, timeout_s=5.0):
            pytest.fail("it was sent on a guess")

        assert machines.time.now == pytest.approx(1005.0)
        assert (caught.value.timeout_s, caught.value.wait_s) == (5.0, pytest.approx(65.0))

    def test_away__write_goes_when_it_is_back(self, machines):
        """A start that waits is sent when the store is back."""
        budget = machines.budget(1)
        use(budget)
        machines.store.is_away = True

        def sleep(seconds: float) -> None:
            machines.time.sleep(seconds)
            machines.store.is_away = machines.time.now < 1003.5

        waiting = machines.budget(1, sleep=sleep)
        use(waiting, 1, Priority.WRITE)

        assert machines.time.now == 1007.0

    def test_away__during_a_request(self, machines):
        """A request that began before is in flight no more when it is answered meanwhile."""
        budget = machines.budget(1, 1)
        with budget.slot():
            machines.store.is_away = True
            machines.time.now += 5
        machines.store.is_away = False
        machines.time.now += 20
        assert wait_of(budget) == pytest.approx(40.0)

        assert wait_of(machines.budget(2, 1)) == pytest.approx(40.0)

    def test_away__cannot_be_written(self, machines, caplog):
        """A store that can only be read is as good as none."""
        machines.store.is_read_only = True
        use(machines.budget(1), 1, Priority.STOP)

        assert told(caplog)[0].startswith("the store of the request budget is away")


class TestBack:
    def test_back__knows_what_was_sent(self, machines):
        """What was sent meanwhile counts for all machines when the store is back."""
        budget = machines.budget(1)
        use(budget)
        machines.store.is_away = True
        use(budget, 5, Priority.STOP)
        machines.store.is_away = False
        machines.time.now += 8
        assert wait_of(budget) == pytest.approx(52.0)

        assert wait_of(machines.budget(2)) == pytest.approx(52.0)

    def test_back__empty(self, machines):
        """A store that comes back empty is told what each machine saw last, by the first that comes."""
        use(machines.budget(2), 1)
        use(machines.budget(1), 5)
        machines.store.kept.clear()
        machines.time.now += 1

        machines.budget(2).block(0.0)
        assert wait_of(machines.budget(1)) == pytest.approx(59.0)
        assert wait_of(machines.budget(2)) == pytest.approx(59.0)

    def test_back__knows_what_was_urgent(self, machines):
        """What was urgent is so still when the store is back, and uses up the room that reads leave."""
        use(machines.budget(1, 10, urgent=4), 1, Priority.WRITE)
        use(machines.budget(2, 10, urgent=4), 1, Priority.STOP)
        machines.store.kept.clear()
        machines.time.now += 1

        machines.budget(2).block(0.0)
        machines.budget(1).block(0.0)
        use(machines.budget(1, 10, urgent=4), 6)
        assert wait_of(machines.budget(1, 10, urgent=4)) == pytest.approx(60.0)

    def test_back__older(self, machines):
        """A store that comes back with an older ledger is told, too."""
        budget = machines.budget(1)
        use(budget, 2)
        before = dict(machines.store.kept)
        use(budget, 4)
        machines.store.kept = before

        assert wait_of(machines.budget(1)) == pytest.approx(60.0)

    def test_back__older_and_another_went_on(self, machines):
        """What two machines make of an older ledger are never taken for the same."""
        budget, other = machines.budget(1), machines.budget(2)
        use(budget)
        machines.be(2)
        other.block(0.0)
        before = dict(machines.store.kept)
        machines.time.now += 1
        other.block(0.0)
        machines.store.kept = before
        machines.time.now += 1
        machines.be(1)
        budget.block(30.0)
        machines.be(2)
        use(other)

        assert sum(machines.time.slept) == pytest.approx(30.0)

    def test_back__older_and_another_forgot_it(self, machines):
        """What a machine sent before a store came back older is told, also after another has gone on with it."""
        budget, other = machines.budget(1), machines.budget(2)
        machines.be(1)
        use(budget)
        before = dict(machines.store.kept)
        machines.be(2)
        use(other, 3)
        machines.store.kept = before
        machines.time.now += 1
        machines.be(1)
        use(budget)
        machines.be(2)
        other.block(0.0)

        use(other)
        assert wait_of(other) == pytest.approx(59.0)

    def test_back__keeps_blocks_and_reservations(self, machines):
        """A block, and a reservation that is renewed, outlive a store that comes back empty."""
        budget = machines.budget(1)
        budget.block(30.0)
        with budget.reserve(5, duration_s=100.0):
            machines.store.kept.clear()
            assert wait_of(machines.budget(1)) == pytest.approx(30.0)
            kept = ledger_of(machines)
            assert [one.places for one in kept.reservations.values()] == [5]

    def test_back__block_was_lifted_meanwhile(self, machines):
        """A machine that was away tells of the block that it knows for a minute at most: it may hold no longer."""
        machines.budget(1).block(3600.0)
        machines.store.is_away = True
        away = machines.budget(1)
        assert wait_of(away) > 60
        away.block(1.0)
        machines.store.is_away = False
        other = machines.budget(2)
        with other.hold(1, Priority.STOP, probe_timeout_s=10.0) as place, place() as in_use:
            in_use.is_answered = True
        machines.time.now += 5
        machines.be(1)

        assert wait_of(away) == pytest.approx(60.0)

    def test_back__without_a_file(self, machines, tmp_path, caplog):
        """Where the machine's file cannot be used, a process speaks for itself alone."""
        (tmp_path / "1").write_text("in the way")
        one, other = machines.budget(1, 3), machines.budget(1, 3)
        with one.slot():
            use(other)
            machines.store.is_away = True
            use(other, 1, Priority.STOP)
            machines.store.is_away = False
            machines.time.now += 2

            assert wait_of(other) == pytest.approx(58.0)
        (warning,) = [record.message for record in caplog.records if "File exists" in record.message]
        assert warning == (
            "the shared request budget cannot be used (File exists): while the store of all machines is away, each "
            "process counts only its own requests"
        )

    def test_back__others_have_not_told_yet(self, machines):
        """The first machine that is back leaves what the others may have used meanwhile, until they have told."""
        budgets = {number: machines.budget(number, 12) for number in (1, 2, 3)}
        for number in (1, 2, 3, 1, 2, 3):
            machines.be(number)
            use(budgets[number])
        machines.time.now += 61
        machines.store.is_away = True
        for number in (1, 2, 3):
            machines.be(number)
            use(budgets[number], 3)
            machines.time.now += 1
        machines.store.is_away = False
        machines.time.now += 6
        machines.be(1)
        use(budgets[1])
        assert wait_of(budgets[1], Priority.WRITE) == pytest.approx(51.0)
        use(budgets[1], 1, Priority.STOP)
        assert wait_of(budgets[1]) == pytest.approx(60.0)

        for number in (2, 3):
            machines.be(number)
            budgets[number].block(0.0)
            machines.time.now += 1
        use(budgets[3])
        assert machines.time.slept == []
        assert wait_of(budgets[3]) == pytest.approx(49.0)

    def test_back__who_noticed_nothing(self, machines):
        """A machine that sent nothing meanwhile has nothing to tell."""
        one, other = machines.budget(1), machines.budget(2)
        for number, budget in ((1, one), (2, other), (1, one)):
            machines.be(number)
            use(budget)
            machines.time.now += 1
        machines.store.is_away = True
        machines.be(1)
        one.block(0.0)
        machines.store.is_away = False
        machines.time.now += 2
        one.block(0.0)
        machines.be(2)
        use(other, 3)

        assert machines.time.slept == []
        assert wait_of(other) == pytest.approx(55.0)

    def test_back__others_say_nothing_for_long(self, machines):
        """Machines that were gone before the store was back are waited for no longer than they are counted at all."""
        for number in (2, 3, 1):
            use(machines.budget(number))
        machines.time.now += 61
        machines.store.is_away = True
        use(machines.budget(1), 1, Priority.STOP)
        machines.store.is_away = False
        machines.time.now += 9
        budget = machines.budget(1)
        use(budget)
        assert wait_of(budget) == pytest.approx(60.0)

        machines.time.now += 51.5
        use(budget, 5)
        assert machines.time.slept == []

    def test_back__file_is_damaged(self, machines):
        """A damaged file of the machine tells nothing, not even that nothing is in flight; and is written anew."""
        one, other = machines.budget(1, 1), machines.budget(1, 1)
        with one.slot():
            (file,) = machines.time.directory.joinpath("1").iterdir()
            data = file.read_bytes()
            file.write_bytes(data[:90] + b"?" + data[91:])
            assert wait_of(other) == pytest.approx(60.0)
            assert not Ledger.load(file.read_bytes(), lambda _: 51_000.0).is_damaged

    def test_back__another_process_is_still_away(self, machines):
        """What a process without the store has counted is not lost to one of its machine that has it."""
        with_store, without = machines.budget(1), machines.budget(1)
        use(with_store)
        machines.store.is_away = True
        use(without, 1, Priority.STOP)
        machines.store.is_away = False
        machines.store.meanwhile = lambda: use(without, 4, Priority.STOP)
        use(with_store)

        assert machines.time.now == pytest.approx(1060.0, abs=0.1)


def test_transact__one_thread_at_a_time(machines):
    """Threads that meet a dead store wait for one of them, and not each for itself."""
    budget = machines.budget(1, 60)
    machines.store.is_away = True
    threads = [threading.Thread(target=use, args=(budget, 1, Priority.STOP)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert machines.store.asked == 1
