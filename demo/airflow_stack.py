"""A real Airflow on one machine: api-server, scheduler, dag-processor and triggerer, for as long as a block lasts."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from demo.airflow_api import AirflowApi
from demo.airflow_home import USERNAME, AirflowHome, HomeSecrets, sqlite_url
from demo.guard import descendants, read_process_table
from demo.guarded import KILL_ALLOWANCE_S, GuardedProcesses
from demo.ports import LOOPBACK, ReservedPort

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from types import TracebackType

TEMPLATES = Path(__file__).resolve().parents[1] / ".airflow" / "templates"
# Airflow ends in half a second, but every other time its triggerer sleeps through its own child's end, for 5 s.
GRACE_S = 4.0
MIGRATE_TIMEOUT_S = 180.0
LOG_TAIL_LINES = 25

# Seconds after which each component starts. The api-server takes longest and uses one core from beginning to end; the
# others take turns on what is left. With two cores that is 3 s faster than all at once, with more it costs nothing.
COMPONENTS: dict[str, tuple[float, list[str]]] = {
    "api-server": (0.0, ["api-server"]),
    "dag-processor": (0.0, ["dag-processor"]),
    # Logs are read from their files. The log servers would listen on all interfaces, at fixed ports.
    "scheduler": (3.0, ["scheduler", "--skip-serve-logs"]),
    "triggerer": (6.0, ["triggerer", "--skip-serve-logs"]),
}
HEALTH_KEYS = {"scheduler": "scheduler", "dag-processor": "dag_processor", "triggerer": "triggerer"}
# `python -m airflow` with fewer garbage collections: importing makes millions of objects and hardly any garbage.
# Measured on two cores: everything is ready after 9 s instead of 11 s. The last collection, at exit, alone takes the
# api-server 2.5 s; frozen objects are left out of it.
LAUNCH = (
    "import atexit, gc, sys; gc.set_threshold(50_000, 20, 100); atexit.register(gc.freeze); "
    "from airflow.__main__ import main; sys.exit(main())"
)


class AirflowStackError(RuntimeError):
    """Airflow did not come up, or one of its components has ended; the message holds the end of its log."""


class AirflowStack:
    """All components of one Airflow, started on entering the block and ended, with all they started, on leaving it.

    They also end when this process is gone, killed included (see `guard.py`). Several stacks can run at once, each in
    a home of its own. After entering, ``api`` is a logged-in client, and ``url``, ``username`` and ``password`` open
    the user interface.

    Args:
        home: the AIRFLOW_HOME, made when missing; its files are readable by this user alone.
        dags_folder: the DAG files.
        env: environment variables of all components, e.g. connections and `AIRFLOW__...` options. The inherited
            environment is passed on without everything that starts with ``AIRFLOW_``.
        port: of the api-server; 0 for any free one.
        fresh: start with an empty database and without old logs; else with those of the last time.
        start_timeout_s: how long the components may take, all together, until they are healthy.
        templates: where migrated, empty databases are kept to be copied.
    """

    components: ClassVar[Mapping[str, tuple[float, list[str]]]] = COMPONENTS
    api: AirflowApi
    url: str
    username: str = USERNAME
    password: str
    _env: dict[str, str]
    _processes: GuardedProcesses

    def __init__(
        self,
        home: Path,
        dags_folder: Path,
        *,
        env: Mapping[str, str] | None = None,
        port: int = 0,
        fresh: bool = True,
        start_timeout_s: float = 120.0,
        templates: Path = TEMPLATES,
    ) -> None:
        self.home = AirflowHome(home, templates=templates)
        self._dags_folder = dags_folder
        self._extra_env = dict(env or {})
        self._wanted_port = port
        self._fresh = fresh
        self._start_timeout_s = start_timeout_s
        self._killed: set[str] = set()
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        """Start everything and wait until it is healthy.

        Raises:
            PortBusyError: the port that was asked for is in use.
            HomeBusyError: another stack runs in this home.
            AirflowStackError: a component ended, or is not ready in time.
        """
        with ExitStack() as undo:
            port = ReservedPort(self._wanted_port)
            undo.callback(port.release)
            self._start(undo, port.number)
            port.release()
            self._resources = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._resources.close()

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each component."""
        return {name: pid for name, pid in self._processes.pids.items() if name in self.components}

    @property
    def guard_pid(self) -> int | None:
        """The process id of the guard; every process of this Airflow is below it."""
        return self._processes.guard_pid

    def log_path(self, component: str) -> Path:
        """Where the output of `component` (api-server, scheduler, dag-processor, triggerer) is."""
        return self.home.component_logs / f"{component}.log"

    def check(self) -> None:
        """Do nothing while every component runs, but for those that `kill` has ended.

        Raises:
            AirflowStackError: one has ended.
            GuardError: the guard was killed, and so was Airflow.
        """
        for name in self.pids.keys() - self._killed:
            if (code := self._processes.returncode(name)) is not None:
                raise AirflowStackError(f"{name} ended with exit code {code}\n{self._log_tail(name)}")

    def kill(self, component: str, *, and_all_below: bool = False) -> None:
        """End one component by SIGKILL, as a machine without memory does: what it started stays, and goes on.

        With `and_all_below` what it started ends as well, at the same instant, as with the machine's power.
        """
        self._killed.add(component)
        pid = self.pids[component]
        family = {pid} | (descendants(read_process_table(), pid) if and_all_below else set())
        for signum in (signal.SIGSTOP, signal.SIGKILL):  # none must have the time to notice that another has ended
            for member in family:
                os.kill(member, signum)
        self._processes.wait(component, KILL_ALLOWANCE_S)

    def restart(self, component: str) -> None:
        """Start a component that `kill` has ended, and wait until it is healthy.

        Raises:
            AirflowStackError: it ended again, or is not ready in time.
        """
        self._killed.remove(component)
        self._start_components({component: (0.0, self.components[component][1])})

    def _start(self, undo: ExitStack, port: int) -> None:
        lock = self.home.lock(patience_s=GRACE_S + KILL_ALLOWANCE_S)
        try:
            self.home.prepare(fresh=self._fresh)
            guard_log = self.home.component_logs / "guard.log"
            # The guard holds the lock, so that it is given back when the last process has ended and not before.
            self._processes = GuardedProcesses(grace_s=GRACE_S, log=guard_log, keep_open=[lock])
            undo.enter_context(self._processes)
        finally:
            os.close(lock)
        secrets = self.home.load_secrets()
        self._env = self.home.environment(secrets, port=port, dags_folder=self._dags_folder, extra=self._extra_env)
        self._prepare_database()
        self._connect(undo, secrets, port)
        self._start_components(self.components)

    def _prepare_database(self) -> None:
        if not self.home.template.exists():
            migrating = self.home.path / "migrating.db"
            for leftover in self.home.path.glob(f"{migrating.name}*"):
                leftover.unlink()
            self._migrate({"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": sqlite_url(migrating)})
            self.home.keep_template(migrating)
            migrating.unlink()
        self.home.copy_template()

    def _migrate(self, env: Mapping[str, str] | None = None) -> None:
        self._launch("migration", ["db", "migrate"], env)
        try:
            code = self._processes.wait("migration", MIGRATE_TIMEOUT_S)
        except TimeoutError as error:
            raise AirflowStackError(f"{error}\n{self._log_tail('migration')}") from error
        if code != 0:
            raise AirflowStackError(f"airflow db migrate: exit code {code}\n{self._log_tail('migration')}")

    def _connect(self, undo: ExitStack, secrets: HomeSecrets, port: int) -> None:
        self.url = f"http://{LOOPBACK}:{port}"
        self.password = secrets.password
        self.api = AirflowApi(self.url, username=self.username, password=self.password, check=self.check)
        undo.callback(self.api.close)

    def _start_components(self, components: Mapping[str, tuple[float, list[str]]]) -> None:
        began, started_at = time.monotonic(), datetime.now(UTC)
        not_started = dict(components)
        while True:
            elapsed_s = time.monotonic() - began
            for name in [name for name, (delay_s, _) in not_started.items() if delay_s <= elapsed_s]:
                self._launch(name, not_started.pop(name)[1])
            self.check()
            not_ready = self._not_ready(components, started_at)
            if not not_ready and not not_started:
                return
            if elapsed_s >= self._start_timeout_s:
                tails = "\n".join(self._log_tail(name) for name in not_ready if name in self.components)
                raise AirflowStackError(f"not ready after {elapsed_s:.0f} s: {', '.join(not_ready)}\n{tails}")
            time.sleep(0.1)

    def _not_ready(self, components: Collection[str], started_at: datetime) -> list[str]:
        """Which components cannot be used yet; a heartbeat from before `started_at` is one of an earlier time."""
        # The first call of the execution API makes the api-server generate all versions of it, which blocks everything
        # else there for about 4 s. That belongs here, not into the first task; an unanswered call does it as well.
        if self.api.ping("/execution/health") is None:
            return ["api-server"]
        health = self.api.ping("/api/v2/monitor/health")
        if health is None:
            return ["api-server"]
        return [
            component
            for component, key in HEALTH_KEYS.items()
            if component in components
            and (
                health[key]["status"] != "healthy"
                or datetime.fromisoformat(health[key][f"latest_{key}_heartbeat"]) < started_at
            )
        ]

    def _launch(self, name: str, arguments: list[str], env: Mapping[str, str] | None = None) -> None:
        self._processes.start(
            name,
            [sys.executable, "-c", LAUNCH, *arguments],
            env=self._env | dict(env or {}),
            cwd=self.home.path,
            log=self.log_path(name),
        )

    def _log_tail(self, name: str) -> str:
        path = self.log_path(name)
        try:
            lines = path.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        except FileNotFoundError:
            lines = []
        return "\n".join([f"--- the end of {path}", *lines])
