"""The request budget among real processes, in real time."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import random
import signal
import socket
import socketserver
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import pytest
from budget_support import KEY, use, wait_of

from airflow_provider_campaigns.kore.budget import Priority, RequestBudget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SPAWN = multiprocessing.get_context("spawn")


class CountingHandler(socketserver.StreamRequestHandler):
    """Counts each request at some moment between its coming and its answer, as a real service does."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        while self.rfile.readline():
            time.sleep(random.uniform(0, 0.004))
            self.server.counted.append(time.monotonic())
            time.sleep(random.uniform(0, 0.004))
            self.wfile.write(b"ok\n")


class CountingServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 32

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), CountingHandler)
        self.counted: list[float] = []


class Sent(NamedTuple):
    """When a request asked for a place, when it started, and when its answer was there."""

    asked_at: float
    started_at: float
    answered_at: float


class Metronome:
    """Notes how late a thread that sleeps 10 ms at a time wakes up: what the machine itself makes everybody wait."""

    def __init__(self) -> None:
        self.late_s: list[float] = []
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ends.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._ends.is_set():
            asleep_at = time.monotonic()
            time.sleep(0.01)
            self.late_s.append(time.monotonic() - asleep_at - 0.01)


LIMIT = 60
WINDOW_S = 0.8
PROCESSES = 5
THREADS = 3
REQUESTS = 16
"""Of each thread; together four windows full."""


def send_many(directory: Path, address: tuple[str, int]) -> tuple[list[Sent], list[float]]:
    """Sends as fast as the budget allows; what was sent, and how late the machine was meanwhile."""
    budget = RequestBudget(LIMIT, WINDOW_S, account_key=KEY, urgent=0, directory=directory, max_request_s=30)
    sent = []

    def work() -> None:
        with socket.create_connection(address) as connection, connection.makefile("rb") as answers:
            for _ in range(REQUESTS):
                asked_at = time.monotonic()
                with budget.slot(random.choice(list(Priority))):
                    started_at = time.monotonic()
                    connection.sendall(b"request\n")
                    answers.readline()
                    answered_at = time.monotonic()
                sent.append(Sent(asked_at, started_at, answered_at))

    with Metronome() as metronome:
        run_threads(THREADS, work)
    return sent, metronome.late_s


def share(values: list[float], part: float) -> float:
    """What this part of the values does not exceed."""
    return sorted(values)[int(len(values) * part)]


def run_threads(number: int, work: Callable[[], object]) -> None:
    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class TestProcesses:
    """Real processes, real time."""

    @pytest.fixture
    def elsewhere(self, tmp_path: Path) -> Iterator[Callable[..., Any]]:
        """Lets another process do something with the budget; answers with the process and a line to it."""
        with contextlib.ExitStack() as cleanup:

            def _elsewhere(action: Callable[..., object]) -> tuple[Any, Any]:
                here, there = SPAWN.Pipe()
                process = SPAWN.Process(target=action, args=(there, tmp_path), daemon=True)
                process.start()
                cleanup.callback(process.join)
                cleanup.callback(process.kill)
                there.close()
                cleanup.callback(here.close)
                assert here.poll(60), "the other process said nothing"
                return process, here

            yield _elsewhere

    def test_slot__many_processes(self, tmp_path):
        """Five processes of three threads: no window at the service holds too many, and no place is wasted."""
        with CountingServer() as server:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            with SPAWN.Pool(PROCESSES) as pool:
                done = pool.starmap(send_many, [(tmp_path, server.server_address)] * PROCESSES, 1)
                # Leaving the block terminates them, which while they are being measured may never end.
                pool.close()
                pool.join()
            server.shutdown()
        counted = sorted(server.counted)
        sent = sorted((one for of_process, _ in done for one in of_process), key=lambda request: request.started_at)
        answers = sorted(request.answered_at for request in sent)

        assert len(counted) == len(sent) == 4 * LIMIT
        assert min(later - first for first, later in zip(counted, counted[LIMIT:], strict=False)) >= WINDOW_S
        # A request may start when it is asked for, and when the answer of the LIMIT-th before it has left the window.
        late_s = [
            request.started_at - max(request.asked_at, answers[index - LIMIT] + WINDOW_S if index >= LIMIT else 0)
            for index, request in enumerate(sent)
        ]
        # On an idle machine the metronome is 0.1 ms late.
        machine_s = [late for _, of_process in done for late in of_process]
        assert share(late_s, 0.5) < 0.02 + 3 * share(machine_s, 0.5)
        assert share(late_s, 0.9) < 0.1 + 3 * share(machine_s, 0.9), "more than the machine explains"

    def test_slot__holder_was_killed(self, tmp_path, elsewhere):
        """A killed process's request counts as answered when it can no longer be under way."""
        process, line = elsewhere(hold_a_place)
        asked_at, _ = line.recv()
        process.kill()
        process.join()
        use(RequestBudget(1, 0.3, account_key=KEY, directory=tmp_path))

        assert time.monotonic() >= asked_at + 0.5 + 0.3

    def test_slot__killed_holder_is_noticed_late(self, tmp_path, elsewhere):
        """It counts as answered at that instant, however much later somebody asks."""
        process, line = elsewhere(hold_a_place)
        asked_at, started_at = line.recv()
        process.kill()
        process.join()
        time.sleep(1)

        asks_at = time.monotonic()
        wait_s = wait_of(RequestBudget(1, 100, account_key=KEY, directory=tmp_path))
        assert asked_at + 0.5 + 100 <= time.monotonic() + wait_s
        assert asks_at + wait_s <= started_at + 0.5 + 100

    @pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGSTOP])
    def test_slot__waiter_is_gone(self, tmp_path, elsewhere, by):
        """A killed waiter is passed over in the instant of its turn, a stopped one a second later."""
        budget = RequestBudget(1, 1.5, account_key=KEY, directory=tmp_path)
        process, line = elsewhere(wait_for_a_place)
        use(budget)
        used_at = time.monotonic()
        line.send("now")
        while wait_of(budget) < 1.5:
            time.sleep(0.005)
        os.kill(process.pid, by)
        if by == signal.SIGKILL:
            process.join()
            asks_at = time.monotonic()
            assert asks_at + wait_of(budget) <= used_at + 1.5
        with Metronome() as metronome:
            use(budget)
            waited_s = time.monotonic() - used_at

        least_s = 1.5 if by == signal.SIGKILL else 2.5
        assert waited_s >= least_s - 0.05
        assert waited_s < least_s + 0.5 + 6 * max(metronome.late_s), "more than the machine explains"

    def test_reserve__ends_with_its_process(self, tmp_path, elsewhere):
        """A reservation does not outlive its process."""
        process, _ = elsewhere(reserve_a_place)
        budget = RequestBudget(1, account_key=KEY, directory=tmp_path)
        assert 50 < wait_of(budget) < 60
        process.kill()
        process.join()
        use(budget)

    def test_block__is_shared(self, tmp_path, elsewhere):
        """A block by one process is every process's, and outlives the one that called for it."""
        process, _ = elsewhere(block_the_account)
        process.join()

        assert 20 < wait_of(RequestBudget(1, account_key=KEY, directory=tmp_path)) < 30

    @pytest.mark.parametrize("account_key", [KEY, None])
    def test_slot__after_a_fork(self, tmp_path, account_key):
        """A child forked while a thread holds the lock neither waits for ever nor walks in."""
        budget = RequestBudget(5, account_key=account_key, urgent=0, directory=tmp_path)
        use(budget)
        with budget._keeping.store.locked():
            child = os.fork()
            if child == 0:
                with contextlib.suppress(BaseException):
                    signal.alarm(30)
                    (tmp_path / "asks").touch()
                    use(budget)
                    (tmp_path / "child").write_text(str(time.monotonic()))
                os._exit(0)
            if account_key:
                while not (tmp_path / "asks").exists():
                    time.sleep(0.005)
                time.sleep(0.2)  # in which it would come in, if it could
            else:
                os.waitpid(child, 0)
            unlocked_at = time.monotonic()
        if account_key:
            os.waitpid(child, 0)
        child_at = float((tmp_path / "child").read_text())

        if account_key:
            assert child_at >= unlocked_at, "the child used its parent's lock"
            use(budget, 3)
            assert wait_of(budget) > 50, "parent and child count together"
        else:
            assert child_at < unlocked_at

    @pytest.mark.parametrize("account_key", [KEY, None])
    def test_slot__many_threads(self, tmp_path, account_key):
        """Threads of one process count together, without a file as well."""
        budget = RequestBudget(20, 0.3, account_key=account_key, urgent=0, directory=tmp_path)
        began_at = time.monotonic()
        with Metronome() as metronome:
            run_threads(6, functools.partial(use, budget, 10))
            took_s = time.monotonic() - began_at

        assert took_s >= 0.6
        assert took_s < 1.2 + 6 * max(metronome.late_s), "more than the machine explains"


def hold_a_place(connection: Any, directory: Path) -> None:
    budget = RequestBudget(1, 0.3, account_key=KEY, directory=directory, max_request_s=0.5)
    asked_at = time.monotonic()
    with budget.slot():
        connection.send((asked_at, time.monotonic()))
        time.sleep(60)


def wait_for_a_place(connection: Any, directory: Path) -> None:
    budget = RequestBudget(1, 1.5, account_key=KEY, directory=directory)
    connection.send("ready")
    connection.recv()
    with budget.slot(Priority.STOP):
        time.sleep(60)


def reserve_a_place(connection: Any, directory: Path) -> None:
    with RequestBudget(1, account_key=KEY, directory=directory).reserve(1, duration_s=60):
        connection.send("reserved")
        time.sleep(60)


def block_the_account(connection: Any, directory: Path) -> None:
    RequestBudget(1, account_key=KEY, directory=directory).block(30)
    connection.send("blocked")
