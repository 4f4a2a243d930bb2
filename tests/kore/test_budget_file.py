"""Where the request budget is kept: a file that a user's processes share, and what happens if there is none."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from typing import TYPE_CHECKING

import pytest
from budget_support import KEY, Machine, use, wait_of

from airflow_provider_campaigns.kore import budget, budget_store
from airflow_provider_campaigns.kore.budget import Priority, RequestBudget

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "budget")


@pytest.fixture(autouse=True)
def _no_budget_of_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_campaigns.kore.budget_keeping._unshared", {})


def overwritten(data: bytes, offset: int, by: bytes) -> bytes:
    return data[:offset] + by + data[offset + len(by) :]


class TestFile:
    def test_file__only_for_its_owner(self, machine):
        """Directory and file are closed to others, and neither name nor content tells whose budget it is."""
        use(machine.budget(), 3)

        assert machine.directory.stat().st_mode & 0o777 == 0o700
        assert machine.file.stat().st_mode & 0o777 == 0o600
        assert "kore" not in machine.file.name
        assert b"kore" not in machine.file.read_bytes()

    def test_file__default_directory(self, machine, tmp_path, monkeypatch):
        """Without a directory the file is in one of this user's own among the temporary files."""
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        use(RequestBudget(account_key=KEY, clock=machine.clock, sleep=machine.sleep))

        assert [path.name for path in tmp_path.iterdir()] == [f"kore-campaign-budget-{os.geteuid()}"]

    @pytest.mark.parametrize(
        ("damage", "is_noticed"),
        [
            (lambda data: b"", False),
            (lambda data: data[:20], True),
            (lambda data: data[:120], True),
            (lambda data: overwritten(data, 40, b"\xaa"), True),
            (lambda data: overwritten(data, 12, b"\xff" * 8), True),
            (lambda data: b"something else entirely" * 10_000, True),
            (lambda data: bytes(len(data)), True),
        ],
        ids=["empty", "cut in the header", "cut short", "a byte", "counts", "foreign", "zeros"],
    )
    def test_file__damaged(self, machine, caplog, damage, is_noticed):
        """A damaged file is replaced by an empty ledger, which is told once, and counts from then on."""
        use(machine.budget(3))
        file = machine.file
        file.write_bytes(damage(file.read_bytes()))
        use(machine.budget(3), 4)

        assert machine.now == 1060.0
        assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == [
            "the shared request budget was damaged and begins anew"
        ] * is_noticed

    @pytest.mark.parametrize("entry", [b"\xff" * 8, b"\x7f" * 8], ids=["not a number", "far future"])
    def test_file__damaged_answer(self, machine, entry):
        """An answer that cannot have been is damage to one entry, and holds nobody back."""
        use(machine.budget(1))
        machine.file.write_bytes(overwritten(machine.file.read_bytes(), 116, entry))
        use(machine.budget(1))

        assert machine.now == 1000.0

    def test_file__many_at_once(self, machine, caplog):
        """A ledger is as long as it has to be."""
        with contextlib.ExitStack() as answers:
            for _ in range(200):
                answers.enter_context(machine.budget(300).slot())
            assert wait_of(machine.budget(200)) == 60.0
        use(machine.budget(201))

        assert machine.now == 1000.0
        assert caplog.records == []

    def test_file__lost_with_requests_in_flight(self, machine):
        """The answer to a request that the new ledger knows nothing of is counted, and is not taken for another's."""
        old = machine.budget(2).slot()
        old.__enter__()
        machine.file.write_bytes(b"")
        machine.now += 1
        with machine.budget(2).slot():
            old.__exit__(None, None, None)

            assert wait_of(machine.budget(2)) == 60.0
            machine.now += 60
            assert wait_of(machine.budget(1)) == 60.0

    @pytest.mark.parametrize("back_s", [0.1, 86_400.0])
    def test_file__clock_goes_back(self, machine, back_s):
        """A clock that goes back gives nobody a place: time goes on from where the ledger is."""
        used = machine.budget(3)
        use(used, 3)
        machine.now -= back_s

        assert wait_of(machine.budget(3)) == pytest.approx(60.0)
        use(machine.budget(3))
        assert 60.0 <= sum(machine.slept) <= 60.2

    @pytest.mark.parametrize("differs", ["boot_id", "pid"])
    def test_file__another_machine(self, machine, tmp_path, monkeypatch, differs):
        """Two kernels or containers that share a directory have a file each, for neither sees the other's processes."""
        use(machine.budget(1))
        monkeypatch.setattr(budget, "kernel_and_namespace", lambda: differs)
        use(machine.budget(1))

        assert machine.slept == []
        assert len(list(machine.directory.iterdir())) == 2

    @pytest.mark.parametrize("limit", [60, 600])
    def test_file__size(self, machine, limit):
        """A ledger holds as many answers as its highest limit needs, whatever was sent."""
        for _ in range(2):
            use(machine.budget(limit), limit)
        use(machine.budget(1))

        assert 8 * limit < machine.file.stat().st_size < 8 * limit + 200

    def test_file__removed_while_open(self, machine):
        """Who has a file open that was removed finds the new one, and counts together with newcomers."""
        old = machine.budget(2)
        use(old)
        machine.file.unlink()
        use(machine.budget(2), 2)
        use(old)

        assert machine.now == 1060.0

    def test_file__descriptors_were_closed(self, machine, tmp_path):
        """A budget whose descriptor now means another file leaves that file alone."""
        budget = machine.budget(1)
        use(budget)
        descriptor = budget._keeping.store._file.descriptor
        other = tmp_path / "other"
        other.write_text("precious")
        with other.open("r+") as stranger:
            os.dup2(stranger.fileno(), descriptor)
            use(budget)
            os.fstat(descriptor)
            os.close(descriptor)

        assert machine.now == 1060.0
        assert other.read_text() == "precious"


class TestFallBack:
    WARNING = "the shared request budget cannot be used ({}): each process counts only its own requests"

    def is_refused(self, machine: Machine, caplog: pytest.LogCaptureFixture, reason: str) -> None:
        """All budgets of the process count together without the file, and one warning says why."""
        use(machine.budget(2))
        use(machine.budget(2), 2)

        assert machine.now == 1060.0
        assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == [
            self.WARNING.format(reason)
        ]
        assert repr(machine.budget(2)) == "<RequestBudget: 2 a minute, shared by this machine>"

    def test_fall_back__directory_is_a_link(self, machine, caplog, tmp_path):
        """A directory that is a symbolic link may be somebody's trap, and is refused."""
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        machine.directory.symlink_to(tmp_path / "elsewhere")

        self.is_refused(machine, caplog, "Not a directory")
        assert list((tmp_path / "elsewhere").iterdir()) == []

    def test_fall_back__file_is_a_link(self, machine, caplog, tmp_path):
        """A file that is a symbolic link is refused, and what it points to is left alone."""
        use(machine.budget(2))
        file = machine.file
        precious = tmp_path / "precious"
        file.rename(precious)
        before = precious.read_bytes()
        file.symlink_to(precious)

        self.is_refused(machine, caplog, "Too many levels of symbolic links")
        assert precious.read_bytes() == before

    @pytest.mark.parametrize("mode", [0o770, 0o707])
    def test_fall_back__directory_of_many(self, machine, caplog, mode):
        """A directory that others may write to is refused."""
        machine.directory.mkdir()
        machine.directory.chmod(mode)

        self.is_refused(machine, caplog, "others may write to its directory")

    def test_fall_back__file_of_many(self, machine, caplog):
        """A file that others may write to is refused."""
        use(machine.budget(2))
        machine.file.chmod(0o620)

        self.is_refused(machine, caplog, "others may write to its file")

    def test_fall_back__not_a_file(self, machine, caplog):
        """Something that is not a file is refused."""
        use(machine.budget(2))
        path = machine.file
        path.unlink()
        os.mkfifo(path, 0o600)

        self.is_refused(machine, caplog, "its file is of another kind")

    def test_fall_back__directory_of_another_user(self, machine, caplog, monkeypatch):
        """What belongs to another user is refused."""
        own = os.geteuid()
        monkeypatch.setattr("os.geteuid", lambda: own + 1)

        self.is_refused(machine, caplog, "its directory belongs to another user")

    def test_fall_back__no_room_for_the_directory(self, machine, caplog):
        """A directory that cannot be made is no reason to stop."""
        machine.directory.write_text("in the way")

        self.is_refused(machine, caplog, "File exists")

    def test_fall_back__no_file_locks(self, machine, caplog, monkeypatch):
        """A system without file locks counts in the process."""
        monkeypatch.setattr(budget_store, "fcntl", None)

        self.is_refused(machine, caplog, "files cannot be locked on this system")

    def test_fall_back__disk_gets_full(self, machine, caplog, monkeypatch):
        """A budget whose file stops working goes on in the process, in the middle of a request."""
        budget = machine.budget(1)
        with budget.slot():
            monkeypatch.setattr("os.pwrite", lambda descriptor, data, offset: 0)
        use(budget)

        assert machine.now == 1060.0
        assert caplog.messages[0] == self.WARNING.format("No space left on device")
        assert repr(budget) == "<RequestBudget: 1 a minute, of this process alone>"

    def test_slot__signal_handler_raises_in_between(self, machine):
        """An OSError that is not the system's, but a signal handler's, is no reason to give up the file."""

        def clock() -> float:
            raise TimeoutError("the task is over")

        budget = machine.budget(clock=clock)
        with pytest.raises(TimeoutError, match="the task is over"), budget.slot():
            pytest.fail("the task is over")

        assert "shared by this machine" in repr(budget)

    def test_slot__signal_handler_raises(self, tmp_path):
        """What a signal handler raises during a wait is the caller's, and the turn is given back."""

        def handler(*_: object) -> None:
            raise TimeoutError("the task is over")

        budget = RequestBudget(1, account_key=KEY, directory=tmp_path)
        budget.block(30)
        previous = signal.signal(signal.SIGALRM, handler)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(TimeoutError, match="the task is over"), budget.slot(Priority.STOP):
                pytest.fail("the account is blocked")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)

        assert wait_of(budget, Priority.READ) < 30, "nobody is ahead"
        assert "shared by this machine" in repr(budget)
