"""Postgres and Redis as a distributed Airflow needs them: on loopback, on free ports, with data that nobody keeps."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from demo.ports import LOOPBACK, ReservedPort

if TYPE_CHECKING:
    from collections.abc import Callable

    from demo.guarded import GuardedProcesses

DEBIAN_POSTGRES = Path("/usr/lib/postgresql")
"""Debian keeps each version's programs below it, and not on PATH."""

SUPERUSER = "airflow"
POSTGRES_USER = "postgres"
"""Whom Postgres runs as when root starts it, since it refuses to run as root; Debian's package makes this user."""

READY_TIMEOUT_S = 30.0
HOW_TO_INSTALL = "on Debian and Ubuntu: apt-get install postgresql redis-server"


class ServiceError(RuntimeError):
    """A service is not installed, or did not come up."""


def missing_services() -> str | None:
    """What has to be installed first, and how; None when everything is there."""
    missing = []
    if find_postgres() is None:
        missing.append("Postgres (initdb, pg_isready, postgres)")
    elif os.geteuid() == 0 and not (shutil.which("setpriv") and _has_user(POSTGRES_USER)):
        missing.append(f"setpriv and the user {POSTGRES_USER}, since Postgres does not run as root")
    if shutil.which("redis-server") is None:
        missing.append("redis-server")
    return f"not found: {', '.join(missing)}; {HOW_TO_INSTALL}" if missing else None


def find_postgres() -> Path | None:
    """The directory with the server's programs, the newest version's; None when there is none."""
    versions = sorted(DEBIAN_POSTGRES.glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    for directory in [*versions, *([Path(on_path).resolve().parent] if on_path else [])]:
        if all((directory / program).exists() for program in ("initdb", "pg_isready", "postgres")):
            return directory
    return None


class Postgres:
    """One throw-away database server; `url` is its address for SQLAlchemy once it has started.

    Its data are in a directory of their own among the temporary files, because the user that Postgres runs as may not
    be able to reach `home`; a symbolic link there leads to it. Whatever a server of an earlier time left behind in the
    same home, killed before it could tidy up, is removed first.

    Args:
        processes: what keeps the server from outliving its caller.
        home: where its log and the link are.
    """

    def __init__(self, processes: GuardedProcesses, home: Path) -> None:
        self._processes = processes
        self._home = home
        self._link = home / "postgres"
        self._password = secrets.token_urlsafe(16)
        self._directory: Path | None = None
        self.url = ""

    def start(self) -> None:
        """Make the data directory, start the server, and return when it answers.

        Raises:
            ServiceError: it is not installed, or does not come up.
        """
        programs = find_postgres()
        if programs is None:
            raise ServiceError(f"no Postgres found; {HOW_TO_INSTALL}")
        _remove_target(self._link)
        self._directory = Path(tempfile.mkdtemp(prefix="airflow-campaigns-postgres-"))
        self._link.symlink_to(self._directory)
        data, log = self._directory / "data", self._home / "component-logs" / "postgres.log"
        self._initialise(programs, self._directory, data)
        with ExitStack() as held:
            port = ReservedPort()
            held.callback(port.release)
            # What makes a database survive a crash of the machine is left out: this one is not to.
            durability = [f"--{name}=off" for name in ("fsync", "full_page_writes", "synchronous_commit")]
            address = [f"--listen_addresses={LOOPBACK}", f"--port={port.number}", "--unix_socket_directories="]
            argv = [*_as_server_user(), str(programs / "postgres"), "-D", str(data), *address, *durability]
            self._processes.start("postgres", argv, env=_environment(), cwd=self._directory, log=log)
            is_ready = [str(programs / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(port.number)]
            _wait_for(self._processes, "postgres", lambda: subprocess.run(is_ready, check=False).returncode == 0, log)
        self.url = f"postgresql+psycopg2://{SUPERUSER}:{self._password}@{LOOPBACK}:{port.number}/postgres"

    def remove(self) -> None:
        """Remove the data of the server, which has ended; a second call does nothing."""
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            if self._link.is_symlink() and self._link.readlink() == self._directory:
                self._link.unlink()

    def _initialise(self, programs: Path, directory: Path, data: Path) -> None:
        password = directory / "password"
        password.touch(mode=0o600)
        password.write_text(self._password)
        if os.geteuid() == 0:
            for path in (directory, password):
                shutil.chown(path, POSTGRES_USER, POSTGRES_USER)
        argv = [str(programs / "initdb"), "-D", str(data), "-U", SUPERUSER, "--auth=scram-sha-256", "--encoding=UTF8"]
        done = subprocess.run(
            [*_as_server_user(), *argv, f"--pwfile={password}", "--no-sync", "--locale=C.UTF-8"],
            env=_environment(),
            cwd=directory,
            capture_output=True,
            text=True,
            check=False,
        )
        password.unlink()
        if done.returncode != 0:
            raise ServiceError(f"initdb: exit code {done.returncode}\n{done.stdout}{done.stderr}")


class Redis:
    """One throw-away Redis, kept in memory alone; `url` is its address for Celery once it has started.

    Args:
        processes: what keeps the server from outliving its caller.
        home: where its log and its configuration are.
    """

    def __init__(self, processes: GuardedProcesses, home: Path) -> None:
        self._processes = processes
        self._home = home
        self._password = secrets.token_urlsafe(16)
        self.url = ""

    def start(self) -> None:
        """Start the server and return when it answers.

        Raises:
            ServiceError: it is not installed, or does not come up.
        """
        program = shutil.which("redis-server")
        if program is None:
            raise ServiceError(f"no redis-server found; {HOW_TO_INSTALL}")
        log, configuration = self._home / "component-logs" / "redis.log", self._home / "redis.conf"
        with ExitStack() as held:
            port = ReservedPort()
            held.callback(port.release)
            # In a file, because every user of the machine can read a command line.
            configuration.touch(mode=0o600)
            configuration.write_text(
                f'bind {LOOPBACK}\nport {port.number}\nrequirepass {self._password}\nsave ""\nappendonly no\n'
            )
            self._processes.start("redis", [program, str(configuration)], env=_environment(), cwd=self._home, log=log)
            _wait_for(self._processes, "redis", lambda: self._answers(port.number), log)
        self.url = f"redis://:{self._password}@{LOOPBACK}:{port.number}/0"

    def _answers(self, port: int) -> bool:
        try:
            with socket.create_connection((LOOPBACK, port), timeout=1) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                return connection.makefile("rb").read(12) == b"+OK\r\n+PONG\r\n"
        except OSError:
            return False


def _wait_for(processes: GuardedProcesses, name: str, is_ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not is_ready():
        code = processes.returncode(name)
        if code is not None or time.monotonic() >= deadline:
            state = f"not ready after {READY_TIMEOUT_S:g} s" if code is None else f"ended with exit code {code}"
            raise ServiceError(f"{name}: {state}\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)


def _as_server_user() -> list[str]:
    """What to put before a command line of Postgres: nothing, unless root starts it."""
    if os.geteuid() != 0:
        return []
    # It replaces itself by the server, so that the server is what the guard started.
    return ["setpriv", f"--reuid={POSTGRES_USER}", f"--regid={POSTGRES_USER}", "--clear-groups"]


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}


def _has_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _remove_target(link: Path) -> None:
    if link.is_symlink():
        shutil.rmtree(link.readlink(), ignore_errors=True)
        link.unlink()
