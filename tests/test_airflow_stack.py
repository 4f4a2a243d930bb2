"""A real Airflow, and what it is started with: its ports, its home, and the client of its API."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests

from demo.airflow_api import AirflowApi, AirflowApiError
from demo.airflow_home import AirflowHome, HomeBusyError
from demo.airflow_stack import AirflowStack, AirflowStackError
from demo.guard import descendants, read_process_table
from demo.ports import PortBusyError, ReservedPort

if TYPE_CHECKING:
    from pathlib import Path


class TestReservedPort:
    def test_number__busy(self) -> None:
        """A port that somebody listens on is refused in one line that names it."""
        with closing(socket.create_server(("127.0.0.1", 0))) as server:
            port = server.getsockname()[1]
            with pytest.raises(
                PortBusyError, match=rf"^port {port} of 127\.0\.0\.1 cannot be used: Address already in"
            ):
                ReservedPort(port)

    def test_number__reserved(self) -> None:
        """While a port is reserved, a server that reuses addresses can listen there, and keeps it after the release."""
        port = ReservedPort()
        with closing(socket.create_server(("127.0.0.1", port.number))) as server:
            port.release()
            port.release()
            with closing(socket.create_connection(("127.0.0.1", port.number))), closing(server.accept()[0]) as accepted:
                assert accepted.getsockname() == ("127.0.0.1", port.number)


class TestAirflowHome:
    def test_load_secrets__modes(self, tmp_path: Path) -> None:
        """Secrets are random per home, stay the same in it, are readable by the owner alone, and are not shown."""
        homes = [AirflowHome(tmp_path / name, templates=tmp_path) for name in ("a", "b")]
        for home in homes:
            os.close(home.lock(patience_s=0))
        secrets = homes[0].load_secrets()

        assert homes[0].load_secrets() == secrets
        assert homes[1].load_secrets().password != secrets.password
        assert len(secrets.jwt_secret) >= 64
        assert repr(secrets) == "HomeSecrets()"
        assert stat.S_IMODE(homes[0].path.stat().st_mode) == 0o700
        for name in ("secrets.json", "passwords.json", "lock"):
            assert stat.S_IMODE((homes[0].path / name).stat().st_mode) == 0o600

    def test_lock__in_use(self, tmp_path: Path) -> None:
        """A second stack in one home is refused at once, with the first one's process id."""
        home = AirflowHome(tmp_path, templates=tmp_path)
        lock = home.lock(patience_s=0)
        began = time.monotonic()
        with pytest.raises(HomeBusyError, match=rf"another Airflow runs in .* \(started by process {os.getpid()}\)"):
            home.lock(patience_s=300)
        os.close(lock)

        assert time.monotonic() - began < 60
        os.close(home.lock(patience_s=0))

    def test_lock__owner_gone(self, tmp_path: Path) -> None:
        """A lock whose owner is gone is waited for: its guard is still ending what the owner left."""
        (tmp_path / "lock").touch()
        holder = "import fcntl, sys, time; f = open(sys.argv[1], 'r+'); fcntl.flock(f, fcntl.LOCK_EX);"
        holder += "f.write('999999999'); f.flush(); print(flush=True); time.sleep(0.5)"
        with subprocess.Popen(
            [sys.executable, "-c", holder, str(tmp_path / "lock")], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            home = AirflowHome(tmp_path, templates=tmp_path)

            os.close(home.lock(patience_s=60))
        assert (tmp_path / "lock").read_text() == str(os.getpid())

    def test_environment__foreign_airflow(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The caller's own Airflow and accounts stay out, bytecode is written, and loopback bypasses a proxy."""
        monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", '{"conn_type": "kore_campaign"}')
        monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://elsewhere/airflow")
        monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
        monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
        monkeypatch.setenv("NO_PROXY", "intranet.example")
        home = AirflowHome(tmp_path / "a b", templates=tmp_path)
        os.close(home.lock(patience_s=0))
        env = home.environment(
            home.load_secrets(), port=4711, dags_folder=tmp_path / "dags", extra={"AIRFLOW_CONN_MINE": "{}"}
        )

        assert env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == f"sqlite:///{home.database}?timeout=30"
        assert env["AIRFLOW_CONN_MINE"] == "{}"
        assert env["HTTP_PROXY"] == "http://proxy.example:3128"
        assert env["NO_PROXY"] == env["no_proxy"] == "intranet.example,127.0.0.1,localhost"
        assert env["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:4711/execution/"
        assert not {"AIRFLOW_CONN_KORE_DEFAULT", "_AIRFLOW_PROCESS_CONTEXT", "PYTHONDONTWRITEBYTECODE"} & set(env)


class TestAirflowApi:
    URL = "http://127.0.0.1:4711"
    DAG = f"{URL}/api/v2/dags/d"

    @pytest.fixture
    def waits(self) -> list[float]:
        return []

    @pytest.fixture
    def api(self, requests_mock: Any, waits: list[float]) -> AirflowApi:
        requests_mock.post(f"{self.URL}/auth/token", status_code=201, json={"access_token": "first"})
        return AirflowApi(self.URL, username="admin", password="pass", sleep=waits.append, clock=lambda: sum(waits))

    def test_trigger__answer_lost(self, api: AirflowApi, requests_mock: Any, waits: list[float]) -> None:
        """A run is named before it is created, so that a repetition finds the one whose answer was lost."""
        answers = [{"status_code": 500}, {"exc": requests.ReadTimeout}, {"status_code": 409}]
        requests_mock.post(f"{self.DAG}/dagRuns", answers)
        run_id = api.trigger("d", conf={"x": 1})

        sent = [request.json() for request in requests_mock.request_history if request.path.endswith("/dagruns")]
        assert sent == [{"dag_run_id": run_id, "logical_date": None, "conf": {"x": 1}}] * 3
        assert waits == [0.2, 0.4]

    def test_trigger__due_at_another_time(self, api: AirflowApi, requests_mock: Any) -> None:
        """A run may be due at another instant than now."""
        requests_mock.post(f"{self.DAG}/dagRuns", json={})
        api.trigger("d", run_id="r", run_after=datetime(2026, 11, 20, 12, 30, tzinfo=UTC))

        assert requests_mock.last_request.json() == {
            "dag_run_id": "r",
            "logical_date": None,
            "conf": {},
            "run_after": "2026-11-20T12:30:00+00:00",
        }

    @pytest.mark.parametrize("answer", [{"json": {}}, {"status_code": 409, "text": "the task runs"}], ids=["ok", "409"])
    def test_clear__answers(self, api: AirflowApi, requests_mock: Any, answer: dict[str, Any]) -> None:
        """One task is cleared though it has succeeded; one that runs already, perhaps by this very call, is left."""
        requests_mock.post(f"{self.DAG}/clearTaskInstances", [{"status_code": 500}, answer])
        api.clear("d", "r", "t")

        assert requests_mock.last_request.json() == {
            "dag_run_id": "r",
            "task_ids": ["t"],
            "only_failed": False,
            "prevent_running_task": True,
            "dry_run": False,
        }

    def test_clear__refused(self, api: AirflowApi, requests_mock: Any) -> None:
        """Any other refusal is an error."""
        requests_mock.post(f"{self.DAG}/clearTaskInstances", status_code=404, text="no such run")
        with pytest.raises(AirflowApiError, match="HTTP 404 no such run"):
            api.clear("d", "r", "t")

    def test_pause__and_back(self, api: AirflowApi, requests_mock: Any) -> None:
        """Pausing and unpausing say so."""
        requests_mock.patch(self.DAG, json={})
        api.pause("d")
        api.unpause("d")

        sent = [request.json() for request in requests_mock.request_history if request.method == "PATCH"]
        assert sent == [{"is_paused": True}, {"is_paused": False}]

    def test_call__refused(self, api: AirflowApi, requests_mock: Any, waits: list[float]) -> None:
        """A refusal is not repeated, and its message holds neither password nor token."""
        requests_mock.patch(self.DAG, status_code=403, text="no")
        with pytest.raises(AirflowApiError, match=r"^PATCH /api/v2/dags/d: HTTP 403 no$") as caught:
            api.unpause("d")

        assert caught.value.status == 403
        assert waits == []

    def test_call__down(self, api: AirflowApi, requests_mock: Any, waits: list[float]) -> None:
        """A server that stays down is given up after 6.2 s."""
        requests_mock.get(f"{self.DAG}/dagRuns/r%2B1", status_code=503)
        with pytest.raises(AirflowApiError, match=r"^GET /api/v2/dags/d/dagRuns/r%2B1: HTTP 503"):
            api.dag_run("d", "r+1")

        assert waits == [0.2, 0.4, 0.8, 1.6, 3.2]

    def test_call__token_expired(self, api: AirflowApi, requests_mock: Any) -> None:
        """An expired token is replaced by logging in again."""
        requests_mock.get(f"{self.DAG}/dagRuns/r", [{"status_code": 401}, {"json": {"state": "queued"}}])
        tokens = [{"status_code": 201, "json": {"access_token": token}} for token in ("old", "new")]
        requests_mock.post(f"{self.URL}/auth/token", tokens)

        assert api.dag_run("d", "r") == {"state": "queued"}
        assert requests_mock.last_request.headers["Authorization"] == "Bearer new"

    def test_call__component_died(self, requests_mock: Any) -> None:
        """Nothing is repeated once the stack says that it makes no sense."""

        def check() -> None:
            raise AirflowStackError("api-server ended")

        requests_mock.post(f"{self.URL}/auth/token", exc=requests.ConnectionError)
        api = AirflowApi(self.URL, username="admin", password="pass", check=check)
        with pytest.raises(AirflowStackError, match="api-server ended"):
            api.unpause("d")

        assert requests_mock.call_count == 1

    def test_wait_for_dag__import_error(self, api: AirflowApi, requests_mock: Any, waits: list[float]) -> None:
        """A file that cannot be imported ends the waiting 5 s later, with its traceback."""
        requests_mock.get(self.DAG, status_code=404)
        found = {"import_errors": [{"filename": "d.py", "stack_trace": "SyntaxError: x"}]}
        requests_mock.get(f"{self.URL}/api/v2/importErrors", [{"json": {"import_errors": []}}, {"json": found}])
        with pytest.raises(AirflowApiError, match=r"DAG d did not appear; files .*:\nd\.py:\nSyntaxError: x"):
            api.wait_for_dag("d")

        assert sum(waits) == 5.5

    def test_wait_for_run__timeout(self, api: AirflowApi, requests_mock: Any) -> None:
        """A run that does not end in time is described task by task, over all pages."""
        requests_mock.get(f"{self.DAG}/dagRuns/r", json={"state": "running"})
        task = {"start_date": None, "map_index": 0, "state": "queued", "task_id": "b"}
        first = {"start_date": "2026-11-21T10:00:00Z", "map_index": -1, "state": "success", "task_id": "a"}
        pages = [{"json": {"task_instances": [one], "total_entries": 2}} for one in (task, first)]
        requests_mock.get(f"{self.DAG}/dagRuns/r/taskInstances", pages)

        with pytest.raises(TimeoutError, match=r"^d r is running after 3 s: a\[-1\]=success, b\[0\]=queued$"):
            api.wait_for_run("d", "r", timeout_s=3)


TRIVIAL_DAG = """
import os
from airflow.sdk import dag, task

@dag(schedule=None)
def trivial():
    @task
    def answer(**context):
        print("asked for", context["dag_run"].conf["number"])
        return {"number": context["dag_run"].conf["number"], "greeting": os.environ["GREETING"]}
    answer()

trivial()
"""


def test_stack__real_airflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real Airflow starts in a path with a space, runs a DAG, tells what is wrong, and leaves no process behind."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    home, dags = tmp_path / "an airflow home", tmp_path / "dag files"
    dags.mkdir()
    (dags / "trivial.py").write_text(TRIVIAL_DAG)
    env = {"GREETING": "hello", "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "1"}
    with AirflowStack(home, dags, env=env) as stack:
        api = stack.api
        api.wait_for_dag("trivial")
        api.unpause("trivial")
        run_id = api.trigger("trivial", conf={"number": 42})
        run = api.wait_for_run("trivial", run_id, timeout_s=60)

        assert run["state"] == "success"
        assert api.xcom("trivial", run_id, "answer") == {"number": 42, "greeting": "hello"}
        assert "asked for 42" in api.task_log("trivial", run_id, "answer")
        assert [(task["task_id"], task["state"]) for task in api.task_instances("trivial", run_id)] == [
            ("answer", "success")
        ]
        with pytest.raises(HomeBusyError, match="another Airflow runs in"), AirflowStack(home, dags):
            pass
        with (
            pytest.raises(PortBusyError),
            AirflowStack(tmp_path / "other", dags, port=int(stack.url.rpartition(":")[2])),
        ):
            pass

        (dags / "broken.py").write_text("from airflow.sdk import DAG\nraise RuntimeError('broken on purpose')\n")
        with pytest.raises(AirflowApiError, match=r"(?s)DAG other did not appear.*broken\.py:.*broken on purpose"):
            api.wait_for_dag("other", timeout_s=40)

        stack.check()
        assert stack.guard_pid is not None
        family = {stack.guard_pid, *descendants(read_process_table(), stack.guard_pid)}
        assert set(stack.pids) == {"api-server", "dag-processor", "scheduler", "triggerer"}
        assert family > set(stack.pids.values())

        killed = stack.pids["triggerer"]
        stack.kill("triggerer")
        stack.check()
        assert killed not in read_process_table()
        stack.restart("triggerer")
        stack.check()
        assert stack.pids["triggerer"] in set(read_process_table()) - {killed}
        family |= {stack.guard_pid, *descendants(read_process_table(), stack.guard_pid)}

        os.kill(stack.pids["triggerer"], signal.SIGKILL)
        with pytest.raises(
            AirflowStackError, match=r"triggerer ended with exit code -9\n--- the end of .*triggerer\.log\n"
        ):
            api.wait_for_dag("still-another", timeout_s=10)

    assert not family & set(read_process_table())
    secrets = json.loads((home / "secrets.json").read_text())
    logs = "".join(path.read_text(errors="replace") for path in home.rglob("*.log"))
    assert logs
    assert not [name for name, secret in secrets.items() if secret in logs]
