"""The other ways in: command line, control port, pytest fixtures, the API page."""

from __future__ import annotations

import http.client
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from airflow_provider_campaigns.simulator.routes import ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calling import Caller

    from airflow_provider_campaigns.simulator import KoreSimulator

COMMAND = [sys.executable, "-m", "airflow_provider_campaigns.simulator"]
ROOT = Path(__file__).parents[2]


# -- command line ------------------------------------------------------------------------------------------------------


@pytest.fixture
def started() -> Iterator[Any]:
    """Starts the command line and ends what was started."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> tuple[subprocess.Popen[str], list[str]]:
        process = subprocess.Popen(
            [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
        )
        processes.append(process)
        lines = []
        assert process.stdout is not None
        while not lines or not lines[-1].startswith("Ctrl-C"):
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else ""
            lines.append(line.rstrip("\n"))
        return process, lines

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def connection_of(lines: list[str]) -> dict[str, Any]:
    """The connection that was printed, as a shell would set it."""
    (line,) = [line for line in lines if line.startswith("export ")]
    name, _, value = shlex.split(line)[1].partition("=")
    assert name == "AIRFLOW_CONN_KORE_DEFAULT"
    return json.loads(value)


def ask(url: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """One request, whatever the server."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    headers = {} if body is None else {"Content-Type": "application/json"}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    value = json.loads(answer.read())
    connection.close()
    return answer.status, value


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_command_line__starts_and_ends(started: Any, signal_number: int) -> None:
    """It prints a connection that works, shows its campaigns, and ends with 0 on either signal, saying nothing more."""
    process, lines = started("--seed", "3", "--rate-limit", "0", "--latency", "0.001")
    connection = connection_of(lines)
    listed = [line.split()[:3] for line in lines if line.startswith("  cd-")]
    control = next(line for line in lines if line.startswith("control port")).split()[-1].removesuffix("/docs")

    assert {("voice", "Active"), ("sms", "Stopped"), ("voice", "Ready")} <= {tuple(words[1:]) for words in listed}
    assert ask(connection["host"], "GET", "/openapi.json")[0] == 200
    code, state = ask(control, "GET", "/state")
    assert (code, state["switches"]["rate_limit"], state["switches"]["latency"]) == (200, None, 0.001)
    assert [campaign["campaign_id"] for campaign in state["campaigns"]] == [words[0] for words in listed]
    process.send_signal(signal_number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


def test_command_line__seed_file_switches_and_credentials(started: Any, tmp_path: Path) -> None:
    """Campaigns come from a file, switches and credentials from the command line."""
    seed = tmp_path / "seed.json"
    seed.write_text('{"campaigns": [{"name": "Only", "campaign_id": "cd-1"}]}', encoding="utf-8")
    names = {"client-id": "cs-9", "client-secret": "secret-of-the-test", "stream-id": "st-9", "account-id": "6777"}
    options = [word for name, value in names.items() for word in (f"--{name}", value)]

    _, lines = started(
        "--seed-file", str(seed), *options, "--switch", "delete_running=accept", "--random-faults", "0.5"
    )

    control = next(line for line in lines if line.startswith("control port")).split()[-1].removesuffix("/docs")
    state = ask(control, "GET", "/state")[1]
    connection = connection_of(lines)
    assert [campaign["campaign_id"] for campaign in state["campaigns"]] == ["cd-1"]
    assert state["switches"]["delete_running"] == "accept"
    assert state["faults"] == ["random faults at a rate of 0.5"]
    assert (connection["login"], connection["password"]) == ("cs-9", "secret-of-the-test")
    assert connection["extra"] == {"stream_id": "st-9", "account_id": "6777"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--host", "0.0.0.0"], "the simulator listens on loopback only, not on 0.0.0.0"),
        (["--seed-file", "no-such-file.json"], "No such file"),
        (["--switch", "delete_running=maybe"], "switch delete_running is 'refuse' or 'accept'"),
        (["--random-faults", "2"], "a rate of faults is from 0 to 1"),
    ],
)
def test_command_line__cannot_start(
    capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot work ends with 1 and one line."""
    code, errors = run_main(arguments, capsys, monkeypatch)

    assert (code, len(errors)) == (1, 1)
    assert errors[0].startswith("cannot start the simulator: ")
    assert complaint in errors[0]


@pytest.mark.parametrize("option", ["--port", "--control-port"])
def test_command_line__port_in_use(
    capsys: pytest.CaptureFixture[str], option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy port is one clear line that names it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, errors = run_main([option, str(port)], capsys, monkeypatch)

    assert code == 1
    assert errors == [f"cannot start the simulator: 127.0.0.1 port {port}: Address already in use"]


def run_main(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, list[str]]:
    """Run the command line in this process, for as long as it fails."""
    from airflow_provider_campaigns.simulator.__main__ import main

    monkeypatch.setattr(signal, "signal", lambda *_: None)
    code = main(arguments)
    return code, capsys.readouterr().err.splitlines()


# -- control port ------------------------------------------------------------------------------------------------------


def test_control__does_what_the_methods_do(caller: Caller) -> None:
    """Campaigns, statuses, contacts, requests, switches, faults, snapshots and reset all work from outside."""
    simulator = caller.simulator
    url = simulator.control_url

    assert ask(url, "POST", "/campaigns", {"name": "A", "campaign_id": "cd-1", "status": "Active"})[0] == 201
    assert ask(url, "POST", "/campaigns/cd-1/status", {"status": "Paused"})[1]["status"] == "Paused"
    instance_id = ask(url, "POST", "/campaigns/cd-1/restart")[1]["instance_id"]
    assert instance_id == simulator.campaign("cd-1").instance_id
    assert ask(url, "POST", "/campaigns/cd-1/contacts", {"contacts": 7})[1]["contacts"] == 7
    assert ask(url, "PUT", "/switches", {"stop_idle": "noop"})[1]["stop_idle"] == "noop"
    assert ask(url, "GET", "/switches")[1]["stop_idle"] == "noop"

    order = {"kind": "fail", "status": 500, "after": True, "operation": "stop"}
    assert ask(url, "POST", "/faults", order) == (201, ["500 after on stop, 1 times after 0"])
    assert ask(url, "DELETE", "/faults") == (200, [])
    ask(url, "POST", "/faults", order)
    assert caller.stop("cd-1").status == 500
    assert ask(url, "GET", "/faults") == (200, [])

    caller.list()
    assert [record["operation"] for record in ask(url, "GET", "/requests")[1]] == ["stop", "list"]
    (logged,) = ask(url, "GET", "/requests?operation=stop&campaign_id=cd-1")[1]
    assert (logged["fault"], logged["headers"]["auth"]) == ("500 after", "***")

    snapshot = ask(url, "GET", "/snapshot")[1]
    assert snapshot == ask(url, "POST", "/snapshot")[1] == simulator.snapshot()
    assert len(ask(url, "POST", "/seed", [{"name": "B"}])[1]["campaign_ids"]) == 1
    assert ask(url, "POST", "/restore", snapshot)[0] == 200
    assert [campaign.name for campaign in simulator.campaigns()] == ["A"]
    state = ask(url, "GET", "/state")[1]
    assert (state["requests"], len(state["campaigns"]), state["faults"]) == (2, 1, [])
    assert ask(url, "POST", "/reset")[0] == 200
    assert simulator.campaigns() == []


@pytest.mark.parametrize(
    ("method", "path", "body", "answer"),
    [
        ("POST", "/campaigns", {"colour": "red"}, (400, "a campaign has no colour")),
        ("POST", "/campaigns/cd-9/status", {"status": "Active"}, (404, "no campaign cd-9")),
        ("POST", "/campaigns/cd-1/status", {"status": "Paused"}, (400, "is Ready: it does not become Paused")),
        ("POST", "/campaigns/cd-1/status", {"state": "Active"}, (400, "unexpected keyword argument 'state'")),
        ("PUT", "/switches", {"stop_idle": "yes"}, (400, "switch stop_idle is 'error' or 'noop'")),
        ("POST", "/faults", {"kind": "explode"}, (400, "kind is one of fail, drop, hang")),
        ("POST", "/faults", {"kind": "drop", "operation": "halt"}, (400, "no operation 'halt'")),
        ("POST", "/seed", {"campaign": []}, (400, "a seed is a list of campaigns")),
    ],
)
def test_control__mistakes(
    kore_simulator: KoreSimulator, method: str, path: str, body: Any, answer: tuple[int, str]
) -> None:
    """A mistake is answered with what is wrong, and is no request to the service."""
    kore_simulator.add_campaign(campaign_id="cd-1")

    code, error = ask(kore_simulator.control_url, method, path, body)

    assert code == answer[0]
    assert answer[1] in error["error"]
    assert len(kore_simulator.requests) == 0


def test_control__is_apart_from_the_service(kore_simulator: KoreSimulator) -> None:
    """The service knows nothing of the control port's paths, nor the other way round."""
    assert ask(kore_simulator.url, "GET", "/state")[0] == 404
    assert ask(kore_simulator.control_url, "GET", f"/campaign/api/v2/public/{kore_simulator.stream_id}/x")[0] == 404


# -- API page ----------------------------------------------------------------------------------------------------------


def test_openapi__describes_every_route(kore_simulator: KoreSimulator) -> None:
    """The API description names each operation, its page, its parameters and its body."""
    document = ask(kore_simulator.url, "GET", "/openapi.json")[1]

    operations = {
        details["operationId"]: (method.upper(), path, details)
        for path, methods in document["paths"].items()
        for method, details in methods.items()
    }
    assert {route.name: (route.method, route.path) for route in ROUTES} == {
        name: found[:2] for name, found in operations.items()
    }
    _, _, stop = operations["trigger_campaign_v1"]
    assert "stop-voice-campaign" in stop["description"]
    assert {("path", "iid"), ("path", "campaignId"), ("query", "campaignType"), ("query", "trigger")} <= {
        (parameter["in"], parameter["name"]) for parameter in stop["parameters"]
    }
    assert {"auth", "iid", "accountId"} == {p["name"] for p in stop["parameters"] if p["in"] == "header"}
    assert stop["requestBody"]["required"] is True
    assert {"200", "400", "401", "412", "429"} <= stop["responses"].keys()


# -- pytest fixtures and imports ---------------------------------------------------------------------------------------

PLUGIN_TESTS = """
import json, os, urllib.request
seen = []

def test_one(kore_simulator, kore_connection):
    assert kore_connection == "kore_default"
    connection = json.loads(os.environ["AIRFLOW_CONN_KORE_DEFAULT"])
    assert connection["host"] == kore_simulator.url
    assert connection["password"] == kore_simulator.client_secret
    kore_simulator.add_campaign()
    kore_simulator.switches(rate_limit=1)
    kore_simulator.fail_next(500)
    seen.append((kore_simulator.url, kore_simulator.account_id))

def test_two(kore_simulator):
    assert "AIRFLOW_CONN_KORE_DEFAULT" not in os.environ
    assert kore_simulator.campaigns() == []
    assert kore_simulator.switches().rate_limit == 60
    assert kore_simulator.faults.pending() == []
    url, account = seen.pop()
    assert url == kore_simulator.url
    assert account != kore_simulator.account_id
"""


def test_fixtures__in_a_project_of_their_own(tmp_path: Path) -> None:
    """With one line in its conftest a project has the fixtures: one server per session, fresh state per test."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["airflow_provider_campaigns.simulator.pytest_plugin"]\n')
    (tmp_path / "test_it.py").write_text(PLUGIN_TESTS)
    (tmp_path / "pytest.ini").touch()  # so that no settings are taken from a folder above
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env, check=False)

    assert "2 passed" in done.stdout, done.stdout + done.stderr


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run a piece of Python in a process of its own."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)


def test_import__without_fastapi_names_the_extra() -> None:
    """Without its extra the import fails with the command that installs it."""
    done = python(
        "import importlib.util as u; real = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'fastapi' else real(name, *a)\n"
        "import airflow_provider_campaigns.simulator"
    )

    assert done.returncode == 1
    assert done.stderr.strip().endswith(
        "ImportError: the Kore.ai simulator needs fastapi: pip install 'airflow-provider-campaigns[simulator]'"
    )


def test_import__shares_nothing_with_the_client() -> None:
    """A simulator with everything loaded has imported neither Airflow, nor the client, nor what the client uses."""
    done = python(
        "import sys\n"
        "import airflow_provider_campaigns.simulator.__main__, airflow_provider_campaigns.simulator.control\n"
        "print([name for name in sys.modules if name.split('.')[0] in {'airflow', 'requests', 'jwt'}\n"
        "       or name.startswith('airflow_provider_campaigns.') and '.simulator' not in name\n"
        "       and name != 'airflow_provider_campaigns.lazy'])"  # by the package around it, which it cannot do without
    )

    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_import__lazy_and_complete() -> None:
    """The package itself loads no web framework, offers what it promises, and nothing else."""
    done = python(
        "import sys, airflow_provider_campaigns.simulator as s\n"
        "assert 'fastapi' not in sys.modules and 'uvicorn' not in sys.modules\n"
        "print(all(getattr(s, name) for name in s.__all__), hasattr(s, 'nothing'))"
    )

    assert done.stdout.strip() == "True False", done.stderr
