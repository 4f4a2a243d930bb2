"""Processes that cannot outlive the one who asked for them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from demo.guard import descendants, read_process_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

GUARD = Path(__file__).with_name("guard.py")
KILL_ALLOWANCE_S = 10.0  # what the guard may take beyond its grace period to see the last process die


class GuardError(RuntimeError):
    """The guard could not do what it was asked."""


class GuardedProcesses:
    """Named processes under one guard (see `guard.py`), which ends all of them and everything below them.

    They end with the `with` block, and also when this process is gone, however it went. Each runs in a session of its
    own, so a Ctrl-C at the terminal reaches only this process, which then decides.

    Args:
        grace_s: seconds between SIGTERM and SIGKILL.
        log: what the guard itself has to say is appended to this file.
        keep_open: file descriptors that the guard holds open until the last process has ended (for a lock).
    """

    def __init__(self, *, grace_s: float, log: Path, keep_open: Sequence[int] = ()) -> None:
        self._grace_s = grace_s
        self._log = log
        self._keep_open = tuple(keep_open)
        self._guard: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._changed = threading.Condition()
        self._pids: dict[str, int] = {}
        self._returncodes: dict[str, int] = {}
        self._errors: dict[str, str] = {}
        self._guard_is_gone = False
        self._left_behind: set[int] = set()

    def __enter__(self) -> Self:
        with self._log.open("ab") as stderr:
            self._guard = subprocess.Popen(
                # Isolated and without site-packages: up in 20 ms, and nothing in the environment can change it.
                [sys.executable, "-I", "-S", str(GUARD), str(os.getpid()), str(self._grace_s)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
                pass_fds=self._keep_open,
            )
        self._reader = threading.Thread(target=self._read_events, args=(self._guard.stdout,), daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pids(self) -> dict[str, int]:
        """The process id under each name, also after its end."""
        with self._changed:
            return dict(self._pids)

    @property
    def guard_pid(self) -> int | None:
        """The guard's own process id; None before it was started."""
        return self._guard.pid if self._guard else None

    def start(self, name: str, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path) -> int:
        """Start `argv` with exactly the environment `env`, output appended to `log`, and return its process id.

        Raises:
            GuardError: it could not be started, or the guard is gone.
        """
        if self._guard is None or self._guard.stdin is None:
            raise GuardError("the guard was not started")
        with self._changed:
            for known in (self._pids, self._returncodes, self._errors):
                known.pop(name, None)
        order = {"name": name, "argv": list(argv), "env": dict(env), "cwd": str(cwd), "log": str(log)}
        with contextlib.suppress(BrokenPipeError):  # reported below, as a guard that is gone
            self._guard.stdin.write(json.dumps(order).encode() + b"\n")
            self._guard.stdin.flush()
        with self._changed:
            self._changed.wait_for(lambda: name in self._pids or name in self._errors or self._guard_is_gone)
            if name in self._errors:
                raise GuardError(f"cannot start {name}: {self._errors[name]}")
            if name not in self._pids:
                raise GuardError(f"the guard ended before it could start {name}; see {self._log}")
            return self._pids[name]

    def returncode(self, name: str) -> int | None:
        """The exit code of the process `name` (negative: the signal that ended it), None while it runs.

        Raises:
            GuardError: the guard is gone, so nobody knows.
        """
        with self._changed:
            if name not in self._returncodes and self._guard_is_gone:
                raise GuardError(f"the guard of {name} was ended from outside")
            return self._returncodes.get(name)

    def wait(self, name: str, timeout_s: float) -> int:
        """The exit code of `name`, once it has one.

        Raises:
            TimeoutError: it still runs after `timeout_s` seconds.
            GuardError: the guard is gone.
        """
        with self._changed:
            self._changed.wait_for(lambda: name in self._returncodes or self._guard_is_gone, timeout_s)
        code = self.returncode(name)
        if code is None:
            raise TimeoutError(f"{name} still runs after {timeout_s:g} s")
        return code

    def close(self) -> None:
        """End every process and wait until nothing is left; a second call does nothing.

        Raises:
            GuardError: something survived SIGKILL.
        """
        if self._guard is None or self._guard.stdin is None or self._guard.stdin.closed:
            return
        with contextlib.suppress(BrokenPipeError):
            self._guard.stdin.close()
        try:
            # When an interrupt ends this waiting, the guard goes on by itself.
            code = self._guard.wait(self._grace_s + KILL_ALLOWANCE_S)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            code = self._guard.wait()
        if self._reader is not None:
            self._reader.join()
        if self._guard.stdout is not None:
            self._guard.stdout.close()
        self._end_left_behind()
        if code > 0:
            raise GuardError(f"some processes could not be ended; see {self._log}")

    def _end_left_behind(self) -> None:
        """End what a guard that was killed left behind; the kernel has sent its processes SIGTERM already."""
        patience = time.monotonic() + self._grace_s
        while running := self._left_behind & set(read_process_table()):
            overdue_s = time.monotonic() - patience
            if overdue_s > KILL_ALLOWANCE_S:
                raise GuardError(f"processes {sorted(running)} could not be ended")
            if overdue_s > 0:
                for pid in running:
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)

    def _read_events(self, events: IO[bytes]) -> None:
        for line in events:
            event: dict[str, Any] = json.loads(line)
            with self._changed:
                if "pid" in event:
                    self._pids[event["name"]] = event["pid"]
                    self._returncodes.pop(event["name"], None)
                    self._errors.pop(event["name"], None)
                elif "error" in event:
                    self._errors[event["name"]] = event["error"]
                else:
                    self._returncodes[event["name"]] = event["returncode"]
                self._changed.notify_all()
        with self._changed:
            running = {pid for name, pid in self._pids.items() if name not in self._returncodes}
            if running:
                table = read_process_table()
                self._left_behind = running.union(*(descendants(table, pid) for pid in running))
            self._guard_is_gone = True
            self._changed.notify_all()
