"""Postgres and Redis for a test: closed to others, and gone when whoever started them is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
import redis

from demo.guard import descendants, read_process_table
from demo.guarded import GuardedProcesses
from demo.services import Postgres, Redis

REPOSITORY = Path(__file__).resolve().parents[2]

KEEP_THEM = """
import sys, time
from pathlib import Path
from demo.guarded import GuardedProcesses
from demo.services import Postgres, Redis

home = Path(sys.argv[1])
with GuardedProcesses(grace_s=4.0, log=home / "guard.log") as processes:
    Postgres(processes, home).start()
    Redis(processes, home).start()
    print(processes.guard_pid, flush=True)
    time.sleep(300)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a blank in its name."""
    (tmp_path / "a home" / "component-logs").mkdir(parents=True)
    return tmp_path / "a home"


def test_start__answers_only_with_its_password(home: Path):
    """Both servers answer who has the address, and refuse who has not the password."""
    with GuardedProcesses(grace_s=4.0, log=home / "guard.log") as processes:
        postgres, broker = Postgres(processes, home), Redis(processes, home)
        postgres.start()
        broker.start()
        try:
            address = postgres.url.replace("+psycopg2", "")
            connection = psycopg2.connect(address)
            with connection.cursor() as cursor:
                cursor.execute("select 6 * 7")
                assert cursor.fetchone() == (42,)
            connection.close()
            with pytest.raises(psycopg2.OperationalError, match="password"):
                psycopg2.connect(address, password="another")

            assert redis.from_url(broker.url).ping() is True
            with pytest.raises(redis.AuthenticationError):
                redis.Redis(port=urlsplit(broker.url).port).ping()
        finally:
            data = (home / "postgres").readlink()
            processes.close()
            postgres.remove()

    assert not data.exists()
    assert not (home / "postgres").is_symlink()


def test_start__caller_killed(home: Path):
    """When the caller is killed, both servers end; the next ones in the same home remove what was left behind."""
    caller = subprocess.Popen(
        [sys.executable, "-c", KEEP_THEM, str(home)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert caller.stdout is not None
    guard = int(caller.stdout.readline())
    family = {guard, *descendants(read_process_table(), guard)}
    left_behind = (home / "postgres").readlink()
    os.kill(caller.pid, signal.SIGKILL)
    caller.wait()
    caller.stdout.close()
    deadline = time.monotonic() + 30
    while family & set(read_process_table()) and time.monotonic() < deadline:
        time.sleep(0.1)

    assert len(family) >= 4
    assert family.isdisjoint(read_process_table())
    assert left_behind.exists()
    with GuardedProcesses(grace_s=4.0, log=home / "guard.log") as processes:
        postgres = Postgres(processes, home)
        postgres.start()
        assert not left_behind.exists()
    postgres.remove()
