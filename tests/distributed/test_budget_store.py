"""One request budget for several machines, in real servers: Redis and Postgres.

A machine is a PID namespace of its own where the kernel allows one, with a folder of its own for temporary files and a
clock a day apart from the next one's. A service counts by its own clock. ``BUDGET_MINUTES=10`` lets the long run take
ten minutes with windows of 60 s, instead of seconds with windows of 4 s.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socketserver
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from airflow.models.connection import Connection

from airflow_provider_campaigns.budget_connection import store_of
from airflow_provider_campaigns.kore.budget import BudgetTimeout, Priority, RequestBudget
from airflow_provider_campaigns.kore.budget_postgres import CREATE_TABLE, PostgresStore
from airflow_provider_campaigns.kore.budget_redis import RedisStore
from airflow_provider_campaigns.kore.budget_shared import StoreAwayError
from demo.evening import say_line
from demo.guard import descendants, read_process_table
from demo.guarded import GuardedProcesses
from demo.ports import ReservedPort
from demo.services import POSTGRES_USER, Postgres, Redis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.timeout(900)

WORKER = Path(__file__).with_name("budget_worker.py")
MINUTES = float(os.environ.get("BUDGET_MINUTES", "0"))
WINDOW_S, SECONDS = (60.0, 60 * MINUTES) if MINUTES else (4.0, 12.5)
LIMIT = 60
KINDS = ["redis", "postgres"]

UNSHARE = ["unshare", "--pid", "--fork", "--kill-child"]
A_MACHINE = UNSHARE if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0 else []


class CountingHandler(socketserver.StreamRequestHandler):
    """Counts each request when it comes, and answers 2 ms later."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        while line := self.rfile.readline():
            self.server.counted.append((time.monotonic(), line.decode().strip()))
            time.sleep(0.002)
            self.wfile.write(b"ok\n")


class CountingService(socketserver.ThreadingTCPServer):
    """The account's service: what it was sent, by its own clock."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), CountingHandler)
        self.counted: list[tuple[float, str]] = []

    def most_in_a_window(self, window_s: float) -> int:
        """The most requests that were counted in any window."""
        times = sorted(at for at, _ in self.counted)
        return max(sum(first <= at < first + window_s for at in times) for first in times)

    def between(self, begin: float, end: float) -> int:
        return sum(begin <= at < end for at, _ in self.counted)


@dataclass
class Servers:
    """The two servers, and what can happen to them."""

    processes: GuardedProcesses
    home: Path
    postgres: Postgres
    redis: Redis
    names: dict[str, str] = field(default_factory=lambda: {kind: kind for kind in KINDS})
    restarts: int = 0

    def options(self, kind: str) -> dict[str, Any]:
        """How the server is found."""
        parts = urlsplit((self.redis if kind == "redis" else self.postgres).url)
        options = {"host": parts.hostname, "port": parts.port, "password": parts.password}
        return options if kind == "redis" else options | {"user": parts.username, "dbname": parts.path[1:]}

    def store(self, kind: str) -> RedisStore | PostgresStore:
        return (RedisStore if kind == "redis" else PostgresStore)(**self.options(kind))

    def pids(self, kind: str) -> set[int]:
        pid = self.processes.pids[self.names[kind]]
        return {pid, *descendants(read_process_table(), pid)}

    @contextmanager
    def hanging(self, kind: str) -> Iterator[None]:
        """Its connections stay, and nothing is answered."""
        pids = self.pids(kind)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    @contextmanager
    def killed(self, kind: str) -> Iterator[None]:
        """It is killed, and started again where it was: Redis is empty then, Postgres recovers."""
        pid = self.processes.pids[self.names[kind]]
        argv = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
        if kind == "redis":
            argv = ["redis-server", str(self.home / "redis.conf")]
        elif os.geteuid() == 0:
            argv = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *argv]
        family = self.pids(kind)
        os.kill(pid, signal.SIGKILL)
        while family & set(read_process_table()):
            time.sleep(0.02)
        try:
            yield
        finally:
            self.restarts += 1
            self.names[kind] = f"{kind}-{self.restarts}"
            log = self.home / "component-logs" / f"{self.names[kind]}.log"
            cwd = (self.home / "postgres").readlink() if kind == "postgres" else self.home
            env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
            self.processes.start(self.names[kind], argv, env=env, cwd=cwd, log=log)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    home = tmp_path_factory.mktemp("servers")
    (home / "component-logs").mkdir()
    with GuardedProcesses(grace_s=4.0, log=home / "guard.log") as processes:
        servers = Servers(processes, home, Postgres(processes, home), Redis(processes, home))
        servers.postgres.start()
        servers.redis.start()
        yield servers
    servers.postgres.remove()


@pytest.fixture
def service() -> Iterator[CountingService]:
    with CountingService() as service:
        threading.Thread(target=service.serve_forever, args=(0.05,), daemon=True).start()
        yield service
        service.shutdown()


@pytest.fixture
def machine(servers: Servers, service: CountingService, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Starts a machine with a number, and lets its processes do something; they end with the test."""
    with ExitStack() as cleanup:

        def _machine(number: int, kind: str, **given: Any) -> subprocess.Popen[str]:
            folder = tmp_path / f"machine-{number}"
            folder.mkdir(exist_ok=True)
            what = {
                "kind": kind,
                "options": servers.options(kind),
                "account": tmp_path.name,
                "directory": str(folder / "budget"),
                "address": service.server_address,
                "limit": LIMIT,
                "window_s": WINDOW_S,
                "seconds": SECONDS,
                "ahead_s": 86_400.0 * number,
            }
            process = subprocess.Popen(
                [*A_MACHINE, sys.executable, str(WORKER), json.dumps(what | given)],
                env=os.environ | {"TMPDIR": str(folder)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            cleanup.callback(process.communicate)
            cleanup.callback(process.kill)
            return process

        yield _machine


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Show a figure at once."""

    def tell(text: str) -> None:
        with capsys.disabled():
            say_line(f"  {text}")

    return tell


def said_by(process: subprocess.Popen[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """What the processes of a machine printed, and what they logged."""
    out, err = process.communicate(timeout=SECONDS + 60)
    assert process.returncode == 0, err
    return [json.loads(line) for line in out.splitlines()], err.splitlines()


def wait_for(service: CountingService, count: int) -> None:
    """Until the service was sent so many."""
    until = time.monotonic() + 20
    while len(service.counted) < count:
        assert time.monotonic() < until, f"only {len(service.counted)} requests came"
        time.sleep(0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_budget__four_machines(
    kind: str, service: CountingService, machine: Callable[..., Any], tell: Callable[[str], None]
):
    """Four machines of two processes, one that writes: no window holds more than 60, and 95 % are used."""
    machines = [
        machine(number, kind, processes=2, urgent=6, priorities=["READ" if number else "WRITE"]) for number in range(4)
    ]
    said = [said_by(one) for one in machines]

    began_at = service.counted[0][0]
    whole = int(SECONDS // WINDOW_S) - 1
    used = service.between(began_at, began_at + whole * WINDOW_S) / (whole * LIMIT)
    tell(f"{kind}: {len(service.counted)} requests, {used:.1%} used, at most {service.most_in_a_window(WINDOW_S)}")
    assert [len(lines) for lines, _ in said] == [2] * 4
    assert [line for _, log in said for line in log if "away" in line] == []
    assert service.most_in_a_window(WINDOW_S) <= LIMIT
    assert used >= 0.95


@pytest.mark.parametrize(("kind", "number"), [("redis", "SIGKILL"), ("postgres", "SIGSTOP")])
def test_budget__process_gone_in_a_transaction(
    kind: str, number: str, servers: Servers, service: CountingService, machine: Callable[..., Any], tmp_path: Path
):
    """A process that is killed or stopped between reading and writing is in nobody's way."""
    now = tmp_path / "now"
    gone = machine(1, kind, limit=20, signal=number, when=str(now), window_s=1.5)
    wait_for(service, 20)
    now.touch()
    assert json.loads(gone.stdout.readline())["signalled"]
    other = machine(2, kind, limit=20, window_s=1.5, seconds=4.5)
    ((told,), _) = said_by(other)

    assert len(told["waits"]) >= 38
    assert max(waited for _, waited in told["waits"]) < 1.5 + 1.3, "its turn is passed over"
    assert service.most_in_a_window(1.5) <= 20


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("trouble", ["hanging", "killed"])
def test_budget__store_away(
    kind: str,
    trouble: str,
    servers: Servers,
    service: CountingService,
    machine: Callable[..., Any],
    tell: Callable[[str], None],
):
    """While the store is away for some seconds stops go out, reads use their share, and both know when it is back."""
    stops = machine(1, kind, priorities=["STOP"], every_s=0.1, window_s=1.5, seconds=9.5)
    reads = machine(2, kind, limit=20, window_s=1.5, seconds=9.5)
    wait_for(service, 25)
    with getattr(servers, trouble)(kind):
        went_at = time.monotonic()
        time.sleep(2.5)
    back_at = time.monotonic()
    ((stopped,), stop_log), ((_read,), read_log) = said_by(stops), said_by(reads)
    reads_at = sorted(at for at, what in service.counted if what == "READ")
    while_away = sum(went_at < at < back_at for at in reads_at)
    windows = [sum(first <= at < first + 1.5 for at in reads_at) for first in reads_at]

    waits = [waited for asked_at, waited in stopped["waits"] if went_at - 0.5 < asked_at < back_at + 5]
    tell(f"{kind} {trouble}: stops waited {max(waits):.2f} s at most, {sum(waits):.2f} s in all; {while_away} reads")
    tell(f"  meanwhile, at most {max(windows)} of 20 reads in a window, {service.most_in_a_window(1.5)} of 60 requests")
    assert sum(waits) < 2.0
    assert while_away >= 5
    assert max(windows) <= 20
    assert service.most_in_a_window(1.5) <= LIMIT
    for log in (stop_log, read_log):
        assert sum("is away" in line for line in log) == sum("is back" in line for line in log) >= 1
    assert any(at > back_at + 3 for at in reads_at)


@pytest.mark.parametrize("kind", KINDS)
def test_budget__overhead(kind: str, servers: Servers, tmp_path: Path, tell: Callable[[str], None]):
    """A request's two transactions take about a millisecond at the median more than with a file."""

    def median_ms(**changes: Any) -> float:
        budget = RequestBudget(LIMIT, 0.001, account_key="overhead", directory=tmp_path / "budget", **changes)
        took = []
        for _ in range(400):
            began_at = time.perf_counter()
            with budget.slot():
                pass
            took.append(time.perf_counter() - began_at)
        return sorted(took)[200] * 1000

    with_file, with_store = median_ms(), median_ms(store=servers.store(kind))
    tell(f"{kind}: {with_store:.2f} ms, file {with_file:.2f} ms")
    assert with_store < 10, "the machine may be busy; docs/deployment.md has the figures of an idle one"


def test_budget__table_may_not_be_made(servers: Servers, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Who may not make the table is told that it is missing; made by another, it is used."""
    caplog.set_level("INFO")
    options = servers.options("postgres")
    names = {"user": "narrow", "password": "narrow", "options": "-c search_path=narrow"}
    budget = RequestBudget(1, account_key="narrow", directory=tmp_path, store=PostgresStore(**options | names))
    with psycopg.connect(**options, autocommit=True) as connection:
        connection.execute("CREATE ROLE narrow LOGIN PASSWORD 'narrow'")
        connection.execute("CREATE SCHEMA narrow")
        connection.execute("GRANT USAGE ON SCHEMA narrow TO narrow")
        with budget.slot(Priority.STOP):
            pass
        assert "no table kore_campaign_budget, nor may it be made (42501)" in caplog.text

        connection.execute("SET search_path = narrow")
        connection.execute(CREATE_TABLE)
        connection.execute("GRANT SELECT, INSERT, UPDATE ON kore_campaign_budget TO narrow")
    time.sleep(1.1)
    with pytest.raises(BudgetTimeout), budget.slot(timeout_s=0):
        pytest.fail("the stop has used the only place")
    assert "is back" in caplog.text


def certificate_in(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that vouches for itself, beside its key, where both servers may read them."""
    folder.mkdir(mode=0o755)
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=127.0.0.1"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(["openssl", "req", *kind, *names, *files], check=True, capture_output=True)
    if os.geteuid() == 0:
        shutil.chown(folder / "key.pem", POSTGRES_USER)
    return folder / "cert.pem"


def speak_tls(servers: Servers, kind: str, certificate: Path) -> dict[str, Any]:
    """Let a server that runs speak TLS as well: the fields of an Airflow connection to it."""
    options, public, key = servers.options(kind), str(certificate), str(certificate.with_name("key.pem"))
    if kind == "redis":
        port = ReservedPort()
        port.release()
        with redis.Redis(**options) as client:
            client.config_set("tls-cert-file", public, "tls-key-file", key, "tls-auth-clients", "no")
            client.config_set("tls-port", port.number)
        return {"port": port.number, "password": options["password"]}
    with psycopg.connect(**options, autocommit=True) as connection:
        for name, value in {"ssl_cert_file": public, "ssl_key_file": key, "ssl": "on"}.items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        connection.execute("SELECT pg_reload_conf()")
    names = {"port": "port", "user": "login", "password": "password", "dbname": "schema"}
    return {field: options[name] for name, field in names.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_budget__tls(kind: str, servers: Servers):
    """The extras for TLS of an Airflow connection reach the client, and a server nobody vouches for is not used."""
    folder = (servers.home / "postgres").readlink()
    certificate, another = (certificate_in(folder / f"{kind}-{name}") for name in ("own", "another"))
    fields = {"conn_id": "budget", "conn_type": kind, "host": "127.0.0.1", **speak_tls(servers, kind, certificate)}

    def store_trusting(authority: Path) -> Any:
        extras = {
            "redis": {"ssl": True, "ssl_ca_certs": str(authority)},
            "postgres": {"sslmode": "verify-full", "sslrootcert": str(authority)},
        }
        return store_of(Connection(**fields, extra=json.dumps(extras[kind])))

    store = store_trusting(certificate)
    until = time.monotonic() + 5
    while True:
        try:
            assert store.load("tls").version == 0
            break
        except StoreAwayError:  # the server takes a moment to read its configuration
            assert time.monotonic() < until
    assert store.replace("tls", b"ledger", version=0, new_version=7) is None
    assert store.replace("tls", b"ledger" * 20_000, version=7, new_version=8) is None
    assert store.load("tls")[:2] == (b"ledger" * 20_000, 8)
    with pytest.raises(StoreAwayError, match=r"ConnectionError|OperationalError"):
        store_trusting(another).load("tls")
