"""A distributed Airflow on one machine: Postgres, Redis, and the CeleryExecutor with two workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo.airflow_stack import COMPONENTS, AirflowStack
from demo.services import Postgres, Redis

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from contextlib import ExitStack
    from datetime import datetime
    from pathlib import Path

WORKERS = ("worker-1", "worker-2")
BUDGET_CONN_ID = "budget_redis"

SETTINGS = {
    "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
}
"""The block of docs/deployment.md, which gives the reasons."""


class DistributedStack(AirflowStack):
    """All components of a distributed Airflow, in the place of the LocalExecutor's; otherwise as ``AirflowStack``.

    The workers ``worker-1`` and ``worker-2`` are components like the others, two tasks each; as two machines would,
    they share no folder for temporary files. The connection ``budget_redis`` is the Redis, for the request budget that
    they share. The database is always empty at first. It needs the environment of ``requirements/distributed.txt``, and
    Postgres and Redis.

    Raises:
        ServiceError: Postgres or Redis is not installed, or does not come up.
    """

    components = COMPONENTS | {
        name: (9.0 + 3.0 * number, ["celery", "worker", "--celery-hostname", name, "--skip-serve-logs"])
        for number, name in enumerate(WORKERS)
    }

    def __init__(self, home: Path, dags_folder: Path, *, env: Mapping[str, str] | None = None) -> None:
        settings = SETTINGS | {"AIRFLOW__CELERY__WORKER_CONCURRENCY": "2"}
        super().__init__(home, dags_folder, env=settings | dict(env or {}))
        self._postgres: Postgres | None = None
        self._log_starts: dict[str, int] = {}  # where a worker's words since its last start begin

    def _start(self, undo: ExitStack, port: int) -> None:
        undo.callback(self._remove_data)  # what is called back last: the guard has ended the server by then
        super()._start(undo, port)

    def _prepare_database(self) -> None:
        self._postgres, redis = Postgres(self._processes, self.home.path), Redis(self._processes, self.home.path)
        self._postgres.start()
        redis.start()
        self.service_pids = {name: pid for name, pid in self._processes.pids.items() if name not in self.components}
        self._env |= {
            f"AIRFLOW_CONN_{BUDGET_CONN_ID.upper()}": redis.url,
            "AIRFLOW__CELERY__BROKER_URL": redis.url,
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{self._postgres.url}",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self._postgres.url,
        }
        self._migrate()

    def _launch(self, name: str, arguments: list[str], env: Mapping[str, str] | None = None) -> None:
        self._log_starts[name] = len(self._log(name))
        if name in WORKERS:
            folder = self.temporary_folder(name)
            folder.mkdir(parents=True, exist_ok=True)
            env = dict(env or {}) | {"TMPDIR": str(folder)}
        super()._launch(name, arguments, env)

    def temporary_folder(self, worker: str) -> Path:
        """Where a worker keeps temporary files."""
        return self.home.path / "tmp" / worker

    def _not_ready(self, components: Collection[str], started_at: datetime) -> list[str]:
        workers = [name for name in WORKERS if name in components]
        waiting = [
            name for name in workers if f"celery@{name} ready" not in self._log(name)[self._log_starts.get(name, 0) :]
        ]
        return super()._not_ready(components, started_at) or waiting

    def _log(self, name: str) -> str:
        path = self.log_path(name)
        return path.read_text(errors="replace") if path.exists() else ""

    def _remove_data(self) -> None:
        if self._postgres is not None:
            self._postgres.remove()
