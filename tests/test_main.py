"""``python -m airflow_provider_campaigns``: what an operator asks at a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from budget_support import use
from shared_store import MemorySharedStore

from airflow_provider_campaigns import budget_connection
from airflow_provider_campaigns.__main__ import main
from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.client import budget_of
from airflow_provider_campaigns.kore.settings import KoreSettings

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "canary-of-the-client-secret-5d1f"
EXTRA = {"stream_id": "st-0603182c-7ffb-53c3-b307-47ca14b90000", "account_id": "67777ce93e25326494e90000"}
ACCOUNT = {
    "conn_type": "kore_campaign",
    "host": "https://platform.example.com",
    "login": "cs-1e845b00-81ad-5757-a1e7",
    "password": SECRET,
    "extra": EXTRA,
}
SETTINGS = KoreSettings(ACCOUNT["host"], ACCOUNT["login"], SECRET, **EXTRA)


@pytest.fixture(autouse=True)
def _connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account of this test's own, and temporary files."""
    monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", json.dumps(ACCOUNT))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def failure(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is said on the standard error where nothing can be shown."""
    assert main(["budget", *arguments]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert SECRET not in told.err
    return told.err.splitlines()[-1].removeprefix("cannot read the request budget: ")


def shared_by(store: MemorySharedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection names a store."""
    monkeypatch.setenv(
        "AIRFLOW_CONN_KORE_DEFAULT", json.dumps(ACCOUNT | {"extra": EXTRA | {"budget_conn_id": "kore_budget"}})
    )
    monkeypatch.setenv("AIRFLOW_CONN_KORE_BUDGET", json.dumps({"conn_type": "redis", "host": "redis.example.com"}))
    monkeypatch.setattr(budget_connection, "_store", lambda *_: store)


class TestBudget:
    def test_budget__as_a_process(self, tmp_path: Path):
        """From a shell: what clients of this user have used, and on the standard output nothing else."""
        use(budget_of(SETTINGS), 3)

        done = subprocess.run(
            [sys.executable, "-m", "airflow_provider_campaigns", "budget", "--json"],
            env=os.environ | {"TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )

        seen = json.loads(done.stdout)
        assert (seen["answered"], seen["is_new"], seen["limit"]) == (3, False, 60)
        assert SECRET not in done.stdout + done.stderr

    def test_budget__text(self, capsys: pytest.CaptureFixture[str]):
        """Without options: the account of the usual connection, as text."""
        with budget_of(SETTINGS).slot():
            assert main(["budget"]) == 0

        told = capsys.readouterr().out
        assert "  used        1 of 60: 0 answered in the last 60 s, 1 in flight\n" in told
        assert f"  in flight   1 request of process {os.getpid()} here\n" in told
        assert SECRET not in told

    def test_budget__of_another_connection(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
        """Another connection is another account's budget, with its own limit."""
        use(budget_of(SETTINGS), 3)
        other = ACCOUNT | {"extra": EXTRA | {"account_id": "other", "requests_per_minute": 30}}
        monkeypatch.setenv("AIRFLOW_CONN_KORE_OTHER", json.dumps(other))

        assert main(["budget", "--conn-id", "kore_other"]) == 0

        assert "  used        0 of 30: 0 answered in the last 60 s, 0 in flight\n" in capsys.readouterr().out

    def test_budget__of_all_machines(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
        """With ``budget_conn_id`` it is the store's, which is not written."""
        store = MemorySharedStore(lambda: 50_000.0)
        shared_by(store, monkeypatch)

        assert main(["budget"]) == 0

        assert "shared by all machines with this store\n" in capsys.readouterr().out
        assert (store.asked, store.written) == (1, 0)

    def test_budget__store_away(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
        """A store that does not answer is told in a line."""
        store = MemorySharedStore(lambda: 50_000.0)
        store.is_away = True
        shared_by(store, monkeypatch)

        assert failure(capsys) == "the store is away (no answer)"

    def test_budget__seen_last(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
        """While the store is away, what this machine saw last is shown beside that, with its age."""
        store = MemorySharedStore(lambda: 50_000.0)
        shared_by(store, monkeypatch)
        key = "https://platform.example.com|67777ce93e25326494e90000"
        use(RequestBudget(60, account_key=key, store=store, clock=lambda: time.monotonic() - 12), 3)
        store.is_away = True

        assert main(["budget"]) == 1

        told = capsys.readouterr()
        assert told.err.splitlines()[-1] == "cannot read the request budget: the store is away (no answer)"
        assert "  used        3 of 60: 3 answered in the last 60 s, 0 in flight\n" in told.out
        assert "  note        what this machine saw of it 12 s ago, and did since\n" in told.out

    def test_budget__no_connection(self, capsys: pytest.CaptureFixture[str]):
        """A connection that is not there is told in a line."""
        assert failure(capsys, "--conn-id", "kore_nowhere") == (
            "kore_conn_id: there is no such connection (got 'kore_nowhere'), or the secrets backend that has it failed"
        )

    def test_budget__malformed_connection(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
        """So is one with a field that is wrong, and its secret is not shown."""
        monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", json.dumps(ACCOUNT | {"extra": {}}))

        assert failure(capsys).startswith("stream_id: missing; expected the app's id")

    def test_budget__file_of_others(self, capsys: pytest.CaptureFixture[str], tmp_path: Path):
        """A file that must not be trusted is told, and not read."""
        use(budget_of(SETTINGS))
        (directory,) = tmp_path.iterdir()
        directory.chmod(0o777)

        assert failure(capsys) == "others may write to its directory"

    def test_budget__damaged(self, capsys: pytest.CaptureFixture[str], tmp_path: Path):
        """A damaged ledger is told, and left as it is."""
        use(budget_of(SETTINGS))
        (file,) = next(tmp_path.iterdir()).iterdir()
        file.write_bytes(b"something else")

        assert failure(capsys) == "it is damaged, and begins anew with the next request"
        assert file.read_bytes() == b"something else"

    @pytest.mark.parametrize("arguments", [[], ["budgets"], ["budget", "--conn"], ["budget", "kore_default"]])
    def test_main__wrong_usage(self, arguments: list[str], capsys: pytest.CaptureFixture[str]):
        """A mistake in the command is 2, and how it is used."""
        with pytest.raises(SystemExit) as caught:
            main(arguments)

        assert caught.value.code == 2
        assert capsys.readouterr().err.startswith("usage: python -m airflow_provider_campaigns")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["budget", "kR8vQ2mZ7xTj"], "unrecognized arguments: <12 characters>"),
        (["kR8vQ2mZ7xTj"], "argument COMMAND: invalid choice: '<12 characters>' (choose from "),
        (["budget", "--conn-id"], "argument --conn-id: expected one argument"),
    ],
)
def test_main__wrong_arguments(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is typed in a wrong place may be a secret, and is told by its length."""
    with pytest.raises(SystemExit):
        main(arguments)

    assert told in capsys.readouterr().err
