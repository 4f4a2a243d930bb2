"""The request budget among real processes, in real time."""

from __future__ import annotations

import contextlib
import functools
import itertools
import multiprocessing
import os
import random
import signal
import socket
import socketserver
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

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


LIMIT = 60
WINDOW_S = 0.8
TRAFFIC_S = 2.7
THREADS = 3


def send_many(directory: Path, address: tuple[str, int]) -> list[Sent]:
    """Sends as fast as the budget allows, for a while."""
    budget = RequestBudget(LIMIT, WINDOW_S, account_key=KEY, directory=directory, max_request_s=5)
    end = time.monotonic() + TRAFFIC_S
    sent = []

    def work() -> None:
        with socket.create_connection(address) as connection, connection.makefile("rb") as answers:
            while (asked_at := time.monotonic()) < end:
                with budget.slot(random.choice(list(Priority))):
                    started_at = time.monotonic()
                    connection.sendall(b"request\n")
                    answers.readline()
                    answered_at = time.monotonic()
                sent.append(Sent(asked_at, started_at, answered_at))

    run_threads(THREADS, work)
    return sent


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
                assert here.poll(10), "the other process said nothing"
                return process, here

            yield _elsewhere

    def test_slot__many_processes(self, tmp_path):
        """Five processes of three threads: no window at the service holds too many, and no place is wasted."""
        with CountingServer() as server:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            with SPAWN.Pool(5) as pool:
                sent = list(itertools.chain(*pool.starmap(send_many, [(tmp_path, server.server_address)] * 5, 1)))
            server.shutdown()
        counted = sorted(server.counted)
        sent.sort(key=lambda request: request.started_at)
        answers = sorted(request.answered_at for request in sent)

        assert len(counted) == len(sent) > 3 * LIMIT
        assert min(later - first for first, later in zip(counted, counted[LIMIT:], strict=False)) >= WINDOW_S
        windows = (len(sent) - 1) // LIMIT
        assert windows * WINDOW_S >= 0.9 * (sent[-1].started_at - sent[0].started_at)
        # A request may start when it is asked for, and when the answer of the LIMIT-th before it has left the window.
        late_s = sorted(
            request.started_at - max(request.asked_at, answers[index - LIMIT] + WINDOW_S if index >= LIMIT else 0)
            for index, request in enumerate(sent)
        )
        assert late_s[len(late_s) // 2] < 0.02
        assert late_s[len(late_s) * 9 // 10] < 0.1, "more than a busy machine explains"

    def test_slot__holder_was_killed(self, tmp_path, elsewhere):
        """A killed process's request counts as answered when it can no longer be under way."""
        process, line = elsewhere(hold_a_place)
        started_at = line.recv()
        process.kill()
        process.join()
        use(RequestBudget(1, 0.3, account_key=KEY, directory=tmp_path))

        # It started a moment before it said so.
        assert started_at + 0.75 <= time.monotonic() < started_at + 1.1

    @pytest.mark.parametrize(("by", "least_s", "most_s"), [(signal.SIGKILL, 0.55, 0.9), (signal.SIGSTOP, 1.55, 2.4)])
    def test_slot__waiter_is_gone(self, tmp_path, elsewhere, by, least_s, most_s):
        """A killed waiter is passed over in the instant of its turn, a stopped one a second later."""
        budget = RequestBudget(1, 0.6, account_key=KEY, directory=tmp_path)
        process, line = elsewhere(wait_for_a_place)
        use(budget)
        used_at = time.monotonic()
        line.send("now")
        while wait_of(budget) < 0.6:
            time.sleep(0.005)
        os.kill(process.pid, by)
        if by == signal.SIGKILL:
            process.join()
        use(budget)

        assert least_s <= time.monotonic() - used_at < most_s

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
        budget = RequestBudget(5, account_key=account_key, directory=tmp_path)
        use(budget)
        with budget._store.locked():
            child = os.fork()
            if child == 0:
                with contextlib.suppress(BaseException):
                    signal.alarm(5)
                    use(budget)
                    (tmp_path / "child").write_text(str(time.monotonic()))
                os._exit(0)
            time.sleep(0.2)
            unlocked_at = time.monotonic()
        os.waitpid(child, 0)
        child_at = float((tmp_path / "child").read_text())

        if account_key:
            assert child_at >= unlocked_at, "the child used its parent's lock"
            use(budget, 3)
            assert wait_of(budget) > 50, "parent and child count together"
        else:
            assert child_at < unlocked_at

    def test_slot__many_threads(self, tmp_path):
        """Threads of one process count together, without a file as well."""
        for account_key in (KEY, None):
            budget = RequestBudget(20, 0.3, account_key=account_key, directory=tmp_path)
            began_at = time.monotonic()
            run_threads(6, functools.partial(use, budget, 10))

            assert 0.6 <= time.monotonic() - began_at < 1.2


def hold_a_place(connection: Any, directory: Path) -> None:
    budget = RequestBudget(1, 0.3, account_key=KEY, directory=directory, max_request_s=0.5)
    with budget.slot():
        connection.send(time.monotonic())
        time.sleep(60)


def wait_for_a_place(connection: Any, directory: Path) -> None:
    budget = RequestBudget(1, 0.6, account_key=KEY, directory=directory)
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
