"""Which process of which machine is this?"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from airflow_provider_campaigns.kore import identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _nothing_known() -> Iterator[None]:
    def forget() -> None:
        identity.kernel_and_namespace.cache_clear()
        identity._this_machine.cache_clear()

    forget()
    yield
    forget()


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a system tells of itself."""
    for name in ("boot_id", "pid"):
        (tmp_path / name).write_text("one\n")
    monkeypatch.setattr(identity, "_BOOT_ID", tmp_path / "boot_id")
    monkeypatch.setattr(identity, "_PID_NAMESPACE", tmp_path / "pid")
    return tmp_path


@pytest.mark.parametrize("changed", ["boot_id", "pid"])
def test_kernel_and_namespace__differs(proc, changed):
    """A kernel that started anew, and another PID namespace, are another machine."""
    before = identity.kernel_and_namespace()
    (proc / "new").write_text("two\n")
    (proc / "new").rename(proc / changed)
    identity.kernel_and_namespace.cache_clear()

    assert identity.kernel_and_namespace() != before


def test_kernel_and_namespace__not_told(proc, monkeypatch):
    """Where the system tells neither, its host name has to do."""
    (proc / "boot_id").unlink()
    monkeypatch.setattr("platform.node", lambda: "worker-1")
    told = identity.kernel_and_namespace()
    identity.kernel_and_namespace.cache_clear()
    monkeypatch.setattr("platform.node", lambda: "worker-2")

    assert (len(told), identity.kernel_and_namespace() != told) == (16, True)


def test_this_process__host_names_differ(monkeypatch):
    """Two hosts are two machines, even if one is a copy of the other's memory."""
    here = identity.this_process()
    identity._this_machine.cache_clear()
    monkeypatch.setattr("platform.node", lambda: "a copy")

    assert identity.this_process().machine != here.machine
    assert identity.this_process().pid == here.pid


def test_has_ended__of_this_machine():
    """A process of this machine has ended when there is none of its number."""
    here = identity.this_process()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    running = identity.has_ended(here._replace(pid=child.pid))
    child.communicate(b"\n")

    assert (identity.has_ended(here), running, identity.has_ended(here._replace(pid=child.pid))) == (False, False, True)


def test_has_ended__of_another_machine():
    """Nobody can tell of a process of another machine, whatever has its number here."""
    here = identity.this_process()

    assert identity.has_ended(here._replace(machine=here.machine + 1, pid=2**22)) is False
