"""The guard: a small program that starts the processes of one stack and outlives whoever asked for them.

Run as a script, by path, with nothing but the standard library::

    python -I -S guard.py PARENT_PID GRACE_S

It reads one JSON object per line from its standard input: ``{"name", "argv", "env", "cwd", "log"}`` starts a process in
a session of its own, standard output and error appended to ``log``. On its standard output it answers
``{"name", "pid"}`` when that process runs, ``{"name", "error"}`` when it could not be started, and
``{"name", "returncode"}`` when it has ended.

The end of standard input is the order to finish, and so is the disappearance of the parent, however it went: a pipe is
closed by the kernel even for a process that was killed with SIGKILL. Finishing means SIGTERM for the processes started
here; after four tenths of ``GRACE_S`` seconds SIGTERM for them, again, and for every process below them; after all of
it SIGKILL. The exit code is 0 when nothing is left and 1 when something survived.

No process escapes by changing its session or group, nor by losing its parent: on Linux the guard is the subreaper of
all of them, so orphans become its own children, and "no child left" is the kernel's word for it. Elsewhere the process
table is read every second and every process group ever seen below the guard is remembered.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
IS_LINUX = sys.platform.startswith("linux")
TICK_S = 1.0  # how often the parent is looked for when nothing else happens
HEAD_START = 0.4  # the part of the grace period in which only the processes started here are asked to end
KILL_ROUNDS = 100  # of 50 ms each: a process in the middle of a disk write dies when that write is over

ProcessTable = dict[int, tuple[int, int]]  # pid -> (parent's pid, process group)


def read_process_table() -> ProcessTable:
    """Every process that this user can see, without zombies."""
    if IS_LINUX:
        return _read_proc(Path("/proc"))
    listing = subprocess.run(
        ["/bin/ps", "-A", "-o", "pid=,ppid=,pgid=,stat="], capture_output=True, text=True, check=False
    ).stdout
    return parse_ps(listing)


def _read_proc(proc: Path) -> ProcessTable:
    table: ProcessTable = {}
    for entry in os.scandir(proc):
        if not entry.name.isdigit():
            continue
        try:
            # The second field is the program's name in parentheses and may itself hold spaces and parentheses.
            fields = (Path(entry.path) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:  # it has ended since the directory was read
            continue
        state, parent, group = fields[:3]
        if state != "Z":
            table[int(entry.name)] = (int(parent), int(group))
    return table


def parse_ps(listing: str) -> ProcessTable:
    """The table in the output of ``ps -A -o pid=,ppid=,pgid=,stat=``, without zombies."""
    rows = (line.split() for line in listing.splitlines())
    return {int(row[0]): (int(row[1]), int(row[2])) for row in rows if len(row) >= 4 and not row[3].startswith("Z")}


def descendants(table: ProcessTable, root: int) -> set[int]:
    """Every process below `root`, not `root` itself."""
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in table.items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    frontier = [root]
    while frontier:
        frontier = [pid for parent in frontier for pid in children.get(parent, []) if pid not in found]
        found.update(frontier)
    return found - {root}


class Guard:
    """The state of one guard: what it started, and what it has seen below itself."""

    def __init__(self, parent_pid: int, grace_s: float) -> None:
        self._parent_pid = parent_pid
        self._grace_s = grace_s
        self._processes: dict[int, tuple[str, subprocess.Popen[bytes]]] = {}
        self._groups: set[int] = set()
        self._must_finish = False
        self._pending = b""
        self._libc = ctypes.CDLL(None) if IS_LINUX else None

    def run(self) -> int:
        """Serve until the parent closes the pipe or is gone; then end everything and return the exit code."""
        if self._libc is not None:
            self._libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        wakeups = self._listen_to_signals()
        with selectors.DefaultSelector() as selector:
            os.set_blocking(0, False)
            selector.register(0, selectors.EVENT_READ, self._read_orders)
            selector.register(wakeups, selectors.EVENT_READ, lambda: os.read(wakeups, 4096))
            while not self._must_finish:
                for key, _ in selector.select(TICK_S):
                    key.data()
                self._reap()
                if not IS_LINUX:
                    self._remember_groups()
                if os.getppid() != self._parent_pid:
                    # The pipe alone is not enough: a child that the parent forked may still hold its other end.
                    self._must_finish = True
        return self._end_all()

    def _listen_to_signals(self) -> int:
        """Let signals be heard; returns the file descriptor that becomes readable when one arrives."""

        def finish(signum: int, frame: object) -> None:  # noqa: ARG001 - the interface of a signal handler
            self._must_finish = True

        read_end, write_end = os.pipe()
        os.set_blocking(write_end, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signum, finish)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler is what makes the wakeup pipe ring
        return read_end

    def _read_orders(self) -> None:
        try:
            chunk = os.read(0, 65536)
        except BlockingIOError:
            return
        if not chunk:
            self._must_finish = True
            return
        *lines, self._pending = (self._pending + chunk).split(b"\n")
        for line in lines:
            self._start(**json.loads(line))

    def _start(self, name: str, argv: list[str], env: dict[str, str], cwd: str, log: str) -> None:
        try:
            with Path(log).open("ab") as output:
                process = subprocess.Popen(
                    argv,
                    env=env,
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    preexec_fn=self._die_with_guard,  # noqa: PLW1509 - the guard has one thread
                )
        except OSError as error:
            self._tell(name=name, error=str(error))
            return
        self._processes[process.pid] = (name, process)
        self._tell(name=name, pid=process.pid)

    def _die_with_guard(self) -> None:
        # If even the guard is killed, what it started at least gets the order to end.
        if self._libc is not None:
            self._libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)

    def _tell(self, **event: Any) -> None:
        with contextlib.suppress(OSError):  # nobody has to be listening
            os.write(1, json.dumps(event).encode() + b"\n")

    def _reap(self) -> bool:
        """Collect whatever has ended; False when no child is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid in self._processes:
                name, process = self._processes[pid]
                process.returncode = os.waitstatus_to_exitcode(status)
                self._tell(name=name, returncode=process.returncode)

    def _remember_groups(self, table: ProcessTable | None = None) -> None:
        table = table if table is not None else read_process_table()
        mine = descendants(table, os.getpid())
        # A group that no longer exists is forgotten, since its number may be given to somebody else.
        self._groups &= {group for _, group in table.values()}
        self._groups |= {table[pid][1] for pid in mine} - {os.getpgid(0)}

    def _family(self) -> set[int]:
        table = read_process_table()
        mine = descendants(table, os.getpid())
        if not IS_LINUX:
            self._remember_groups(table)
            mine |= {pid for pid, (_, group) in table.items() if group in self._groups}
        return mine

    def _end_all(self) -> int:
        # First only those that were started here: a program that is asked alone ends its own children in good order,
        # while one whose children are dying as well may wait for them for ever.
        return (
            0
            if self._ask(lambda: self._family() & set(self._processes), self._grace_s * HEAD_START)
            or self._ask(self._family, self._grace_s * (1 - HEAD_START))
            or self._kill_all()
            else 1
        )

    def _ask(self, whom: Callable[[], set[int]], patience_s: float) -> bool:
        """Send SIGTERM to each process once; True when nothing is left after at most `patience_s` seconds."""
        asked: set[int] = set()
        deadline = time.monotonic() + patience_s
        while self._is_anything_left():
            if time.monotonic() >= deadline:
                return False
            new = whom() - asked
            _send(signal.SIGTERM, new)
            asked |= new
            time.sleep(0.05)
        return True

    def _kill_all(self) -> bool:
        """Send SIGKILL until nothing is left; False when something survives that for 5 s."""
        # In rounds, since a process can have started another between the reading of the table and its own end.
        for _ in range(KILL_ROUNDS):
            _send(signal.SIGKILL, self._family())
            time.sleep(0.05)
            if not self._is_anything_left():
                return True
        print(f"guard: still there after SIGKILL: {sorted(self._family())}", file=sys.stderr, flush=True)
        return False

    def _is_anything_left(self) -> bool:
        return self._reap() or (not IS_LINUX and bool(self._family()))


def _send(signum: signal.Signals, pids: set[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signum)


if __name__ == "__main__":
    sys.exit(Guard(parent_pid=int(sys.argv[1]), grace_s=float(sys.argv[2])).run())
