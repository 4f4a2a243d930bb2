"""The directory that one Airflow lives in: its lock, secrets, database, and the environment that points to it."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import secrets
import shutil
import sqlite3
import sys
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from demo.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Mapping

USERNAME = "admin"
# What is inherited and would change which Airflow is started, or which accounts its tasks may reach.
FOREIGN_PREFIXES = ("AIRFLOW_", "_AIRFLOW_")
# Without bytecode, Airflow compiles itself in every process: 38 s instead of 10 s to start.
FOREIGN_NAMES = ("PYTHONDONTWRITEBYTECODE",)


class HomeBusyError(RuntimeError):
    """Another stack runs in the same home."""


@dataclass(frozen=True)
class HomeSecrets:
    """What must not be known outside one home; made at random, kept in a file of mode 0600."""

    password: str = field(repr=False)
    fernet_key: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    api_secret_key: str = field(repr=False)


def make_secrets() -> HomeSecrets:
    """New random secrets."""
    return HomeSecrets(
        password=secrets.token_urlsafe(12),
        fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        jwt_secret=secrets.token_urlsafe(64),  # HS512 wants 64 bytes
        api_secret_key=secrets.token_urlsafe(32),
    )


class AirflowHome:
    """One AIRFLOW_HOME, readable by its owner alone.

    Args:
        path: the directory; made by `prepare`.
        templates: where migrated databases are kept, one per version of Airflow and of this package, to be copied
            instead of migrating anew (4 s).
    """

    def __init__(self, path: Path, *, templates: Path) -> None:
        self.path = path.absolute()
        self.component_logs = self.path / "component-logs"
        self._logs = self.path / "logs"
        kind = f"airflow-{version('apache-airflow-core')}-campaigns-{version('airflow-provider-campaigns')}"
        # The version is in the name, so that an older Airflow's database is never opened by a newer one.
        self.database = self.path / f"{kind}.db"
        self.template = templates.absolute() / f"{kind}.db"

    def lock(self, *, patience_s: float) -> int:
        """The file descriptor of an exclusive lock on this home; closing every copy of it gives the lock back.

        A lock whose owner is gone is about to be given back by the guard that still ends its processes, and is waited
        for up to `patience_s` seconds.

        Raises:
            HomeBusyError: another stack runs here.
        """
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = os.pread(descriptor, 32, 0).decode().strip()
                if _is_running(owner) or time.monotonic() >= deadline:
                    os.close(descriptor)
                    raise HomeBusyError(f"another Airflow runs in {self.path} (started by process {owner})") from None
                time.sleep(0.1)
            else:
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, str(os.getpid()).encode(), 0)
                return descriptor

    def prepare(self, *, fresh: bool) -> None:
        """Make the directories; with `fresh`, without the database and the logs of an earlier time."""
        if fresh:
            for path in self.path.glob(f"{self.database.name}*"):  # with SQLite's -wal and -shm
                path.unlink()
            shutil.rmtree(self._logs, ignore_errors=True)
        shutil.rmtree(self.component_logs, ignore_errors=True)
        for directory in (self.component_logs, self._logs, self.template.parent):
            directory.mkdir(parents=True, exist_ok=True)
        # Everything comes from the environment. Without this file each component would write one, all at once.
        (self.path / "airflow.cfg").write_text("# Configured by environment variables.\n")

    def load_secrets(self) -> HomeSecrets:
        """The secrets of this home; new ones the first time."""
        path = self.path / "secrets.json"
        try:
            found = HomeSecrets(**json.loads(path.read_text()))
        except FileNotFoundError:
            found = make_secrets()
            _write_private(path, json.dumps(vars(found)))
        _write_private(self._passwords, json.dumps({USERNAME: found.password}))
        return found

    def copy_template(self) -> None:
        """Make the database from the template, unless it is there from an earlier time."""
        if not self.database.exists():
            partial = self.database.with_suffix(".partial")
            shutil.copyfile(self.template, partial)
            partial.chmod(0o600)
            partial.replace(self.database)

    def keep_template(self, migrated: Path) -> None:
        """Turn the database `migrated`, never used, into the template."""
        partial = self.template.with_name(f"{self.template.name}.{os.getpid()}")
        with (
            contextlib.closing(sqlite3.connect(migrated)) as source,
            contextlib.closing(sqlite3.connect(partial)) as target,
        ):
            source.backup(target)  # a plain copy would lack what is still in the write-ahead log
        partial.replace(self.template)

    def environment(
        self, known: HomeSecrets, *, port: int, dags_folder: Path, extra: Mapping[str, str]
    ) -> dict[str, str]:
        """The environment of every component: the inherited one without its Airflow, then this home's, then `extra`.

        Dropping what is inherited keeps a real account out: a connection in the caller's environment is not one that a
        demonstration may stop campaigns on.
        """
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(FOREIGN_PREFIXES) and name not in FOREIGN_NAMES
        }
        direct = ",".join(filter(None, [inherited.get("NO_PROXY") or inherited.get("no_proxy"), LOOPBACK, "localhost"]))
        return {
            **inherited,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{inherited.get('PATH', os.defpath)}",
            "NO_PROXY": direct,
            "no_proxy": direct,
            "AIRFLOW_HOME": str(self.path),
            "AIRFLOW__API__BASE_URL": f"http://{LOOPBACK}:{port}",
            "AIRFLOW__API__HOST": LOOPBACK,
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__SECRET_KEY": known.api_secret_key,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": known.jwt_secret,
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags_folder.absolute()),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://{LOOPBACK}:{port}/execution/",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__FERNET_KEY": known.fernet_key,
            # The default asks the name server for the host's full name, which hangs where there is none.
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "8",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self._passwords),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USERNAME}:admin",
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(
                self.path / "bundles"
            ),  # default: /tmp, for all users
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            "AIRFLOW__DATABASE__CHECK_MIGRATIONS": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": sqlite_url(self.database),
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self._logs),
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            # The first call takes 5 s, which is also the default time-out.
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "30",
            # A task's end is sometimes noticed only at its next heartbeat, by default after 5 s.
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
            **extra,
        }

    @property
    def _passwords(self) -> Path:
        return self.path / "passwords.json"


def sqlite_url(database: Path) -> str:
    """The address of `database` for SQLAlchemy."""
    # SQLite has one writer at a time; the default of 5 s of waiting for a turn is not enough on a busy machine.
    return f"sqlite:///{database}?timeout=30"


def _is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _write_private(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    partial.replace(path)
