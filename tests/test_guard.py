"""Guards of processes, among them such as resist being ended: however their owner goes, nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from demo.guard import Guard, descendants, parse_ps, read_process_table
from demo.guarded import GuardedProcesses, GuardError

ROOT = Path(__file__).resolve().parents[1]

# Starts a child that leaves the session and the parent, as a daemon does, and a child that only ignores SIGTERM. All
# three ignore SIGTERM and write their process ids into the directory that is the first argument.
STUBBORN = textwrap.dedent("""
    import os, pathlib, signal, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    where = pathlib.Path(sys.argv[1])
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
    else:
        os.fork()
    (where / f"{os.getpid()}.partial").touch()
    (where / f"{os.getpid()}.partial").rename(where / f"{os.getpid()}.pid")
    time.sleep(120)
""")
# The owner of such processes, to be ended in every way there is.
OWNER = textwrap.dedent("""
    import signal, sys, time
    # A shell that runs the tests in the background has Ctrl-C ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from pathlib import Path
    from demo.guarded import GuardedProcesses
    where, script, way = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    with GuardedProcesses(grace_s=0.3, log=where / "guard.log") as processes:
        processes.start("stubborn", [sys.executable, "-c", script, str(where)], env={}, cwd=where, log=where / "log")
        while len(list(where.glob("*.pid"))) < 3:
            time.sleep(0.02)
        print(processes.guard_pid, flush=True)
        if way == "exception":
            raise SystemExit("on purpose")
        if way != "exit":
            time.sleep(60)
""")


def _eventually(condition: Any, timeout_s: float = 60.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _pids(where: Path) -> set[int]:
    return {int(path.stem) for path in where.glob("*.pid")}


def _start_stubborn(processes: GuardedProcesses, where: Path, name: str = "stubborn") -> set[int]:
    processes.start(name, [sys.executable, "-c", STUBBORN, str(where)], env={}, cwd=where, log=where / "log")
    assert _eventually(lambda: len(_pids(where)) == 3)
    return _pids(where)


class TestGuard:
    @pytest.mark.parametrize(
        ("way", "signum", "code"),
        [
            ("exit", None, 0),
            ("exception", None, 1),
            ("interrupt", signal.SIGINT, -signal.SIGINT),
            ("terminate", signal.SIGTERM, -signal.SIGTERM),
            ("kill", signal.SIGKILL, -signal.SIGKILL),
        ],
    )
    def test_guard__owner_goes(self, tmp_path: Path, way: str, signum: signal.Signals | None, code: int) -> None:
        """However the owner goes, nothing is left: neither daemons nor what ignores SIGTERM nor the guard."""
        owner = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(tmp_path), STUBBORN, way],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        with owner:
            assert owner.stdout is not None
            guard = int(owner.stdout.readline())
            family = _pids(tmp_path) | {guard}
            assert len(family) == 4
            if signum is not None:
                assert family <= set(read_process_table())
                owner.send_signal(signum)
            assert code == owner.wait(60)

        assert _eventually(lambda: not family & set(read_process_table()))

    def test_guard__owner_killed_while_a_fork_of_it_lives(self, tmp_path: Path) -> None:
        """The guard notices that the owner is gone even if a fork of the owner still holds the pipe."""
        owner = subprocess.Popen(
            [sys.executable, "-c", "import os, time\n" + OWNER.replace("print(", "os.fork() or print("),
             str(tmp_path), STUBBORN, "kill"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        with owner:
            assert owner.stdout is not None
            guard = int(owner.stdout.readline())
            owner.kill()
            owner.wait(60)
            family = _pids(tmp_path) | {guard}
            try:
                assert _eventually(lambda: not family & set(read_process_table()))
            finally:
                os.killpg(owner.pid, signal.SIGKILL)

    def test_guard__killed(self, tmp_path: Path) -> None:
        """A guard that is killed is noticed, and what it left behind is ended by the owner."""
        with GuardedProcesses(grace_s=0.3, log=tmp_path / "guard.log") as processes:
            pids = _start_stubborn(processes, tmp_path)
            attached = {pid for pid in pids if os.getsid(pid) == processes.pids["stubborn"]}
            assert len(attached) == 2
            assert processes.guard_pid is not None
            os.kill(processes.guard_pid, signal.SIGKILL)

            with pytest.raises(GuardError, match="guard of stubborn was ended from outside"):
                processes.wait("stubborn", 60)
            with pytest.raises(GuardError, match="guard ended before it could start another"):
                processes.start("another", ["true"], env={}, cwd=tmp_path, log=tmp_path / "log")

        assert not attached & set(read_process_table())
        for daemon in pids - attached:  # an orphan since before the guard's end is beyond anybody's reach
            os.kill(daemon, signal.SIGKILL)

    def test_guard__elsewhere_than_on_linux(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without a subreaper, groups seen below the guard are remembered when their parents are gone."""
        monkeypatch.setattr("demo.guard.IS_LINUX", False)
        me, group = os.getpid(), os.getpgid(0)
        guard = Guard(parent_pid=os.getppid(), grace_s=1)
        guard._remember_groups({me: (1, group), 900_001: (me, 900_001), 900_002: (900_001, 900_002), 900_003: (1, 77)})
        monkeypatch.setattr(
            "demo.guard.read_process_table",
            lambda: {me: (1, group), 900_004: (1, 900_002), 900_003: (1, 77)},
        )

        assert guard._family() == {900_004}

    def test_parse_ps__zombies_and_blank_lines(self) -> None:
        """Zombies are left out: they have ended."""
        listing = "  1  0  1 Ss\n 20  1 20 S+\n 21 20 20 Z\n\n"

        assert parse_ps(listing) == {1: (0, 1), 20: (1, 20)}

    @pytest.mark.parametrize(("root", "expected"), [(1, {2, 3, 4, 5}), (2, {3, 4}), (4, set()), (9, set())])
    def test_descendants__tree(self, root: int, expected: set[int]) -> None:
        """Descendants are found over every generation and do not include the root."""
        table = {1: (0, 1), 2: (1, 1), 3: (2, 1), 4: (3, 4), 5: (1, 5), 6: (0, 6)}

        assert descendants(table, root) == expected


class TestGuardedProcesses:
    def test_start__environment_directory_and_output(self, tmp_path: Path) -> None:
        """A process gets exactly the given environment, its directory, a log, and no input; its exit code is told."""
        where = tmp_path / "a b"
        where.mkdir()
        script = (
            "import json, os, sys; print(json.dumps([dict(os.environ), os.getcwd(), sys.stdin.read()])); sys.exit(7)"
        )
        with GuardedProcesses(grace_s=1, log=tmp_path / "guard.log") as processes:
            argv = [sys.executable, "-I", "-c", script]
            pid = processes.start("one", argv, env={"LC_ALL": "C", "X": "1\n2"}, cwd=where, log=where / "log")

            assert processes.wait("one", 60) == 7
            assert processes.pids == {"one": pid}
            environment, directory, text = json.loads((where / "log").read_text())
            assert (environment["X"], directory, text) == ("1\n2", str(where), "")
            assert "PATH" not in environment

            assert processes.start("one", argv, env={}, cwd=where, log=where / "log") != pid
            assert processes.wait("one", 60) == 7

    def test_start__missing_program(self, tmp_path: Path) -> None:
        """A program that is not there is an error that names it, and the guard goes on."""
        with GuardedProcesses(grace_s=1, log=tmp_path / "guard.log") as processes:
            with pytest.raises(GuardError, match=r"cannot start x: .*No such file.*no-such-program"):
                processes.start("x", [str(tmp_path / "no-such-program")], env={}, cwd=tmp_path, log=tmp_path / "log")
            processes.start("y", [sys.executable, "-c", ""], env={}, cwd=tmp_path, log=tmp_path / "log")

            assert processes.wait("y", 60) == 0

    def test_wait__still_running(self, tmp_path: Path) -> None:
        """Waiting is bounded, and closing is much quicker than the grace period for what heeds SIGTERM."""
        with GuardedProcesses(grace_s=300, log=tmp_path / "guard.log") as processes:
            argv = [sys.executable, "-c", "import time; time.sleep(600)"]
            processes.start("sleeper", argv, env={}, cwd=tmp_path, log=tmp_path / "log")
            with pytest.raises(TimeoutError, match=r"sleeper still runs after 0\.1 s"):
                processes.wait("sleeper", 0.1)
            began = time.monotonic()

        assert time.monotonic() - began < 60
        assert processes.returncode("sleeper") == -signal.SIGTERM
        processes.close()

    def test_keep_open__until_the_last_process_is_gone(self, tmp_path: Path) -> None:
        """A descriptor handed to the guard, such as a lock, outlives the owner's copy and ends with the guard."""
        read_end, write_end = os.pipe()
        os.set_blocking(read_end, False)
        with GuardedProcesses(grace_s=1, log=tmp_path / "guard.log", keep_open=[write_end]):
            os.close(write_end)
            with pytest.raises(BlockingIOError):
                os.read(read_end, 1)

        assert os.read(read_end, 1) == b""
        os.close(read_end)
