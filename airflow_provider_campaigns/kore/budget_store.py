"""Where a budget's ledger is kept: in a file that the processes of one user share, or in this process's memory."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

try:
    import fcntl
except ImportError:  # pragma: no cover - not a POSIX system
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

_FIRST_READ = 4096
"""Bytes that hold the ledger of a usual account."""


class Region(Protocol):
    """Bytes that are kept between two looks at them."""

    def read(self, size: int, offset: int) -> bytes:
        """Up to ``size`` bytes; fewer where nothing was written yet."""

    def write(self, data: bytes, offset: int) -> None:
        """Put bytes at an offset; a gap before it reads as zeros."""


class Store(Protocol):
    """Keeps one ledger."""

    def locked(self) -> AbstractContextManager[Region]:
        """The ledger's bytes, with every other user of the same ledger kept out.

        Raises:
            OSError: if they cannot be reached; so do the bytes themselves.
        """

    def peek(self) -> bytes:
        """What was written, in nobody's way and without a trace; nothing if there is nothing yet.

        Raises:
            OSError: as of ``locked``.
        """


def read_all(region: Region) -> bytes:
    """All that was written."""
    data = region.read(_FIRST_READ, 0)
    while len(data) and len(data) % _FIRST_READ == 0:
        more = region.read(len(data), len(data))
        if not more:
            break
        data += more
    return data


class MemoryStore:
    """Keeps a ledger for the threads of this process; a child begins its own after a fork."""

    def __init__(self) -> None:
        self._memory: dict[int, _Memory] = {}

    @contextlib.contextmanager
    def locked(self) -> Iterator[Region]:
        """The ledger's bytes, with every other thread kept out."""
        # By process: a lock that another thread held at the time of the fork is held for ever in the child.
        memory = self._memory.get(os.getpid()) or self._memory.setdefault(os.getpid(), _Memory())
        with memory.lock:
            yield memory

    def peek(self) -> bytes:
        """What was written by this process."""
        with self.locked() as region:
            return read_all(region)


class _Memory:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._bytes = bytearray()

    def read(self, size: int, offset: int) -> bytes:
        return bytes(self._bytes[offset : offset + size])

    def write(self, data: bytes, offset: int) -> None:
        self._bytes.extend(bytes(max(0, offset - len(self._bytes))))
        self._bytes[offset : offset + len(data)] = data


class FileStore:
    """Keeps a ledger in a file, for all threads and processes of one user on one machine.

    The file is opened at the first use; again after a fork, because a child shares its parent's open file and with
    it the lock; and again after somebody removed it. The directory is made if it is missing (mode 0700), and so is
    the file (mode 0600). Both must belong to this user and be writable by nobody else, and neither may be a symbolic
    link.
    """

    def __init__(self, directory: Path | None, name: str) -> None:
        """Nothing is opened yet.

        Args:
            directory: where the file is; by default a directory of this user among the machine's temporary files.
            name: the file's name.
        """
        self._directory = directory
        self._name = name
        self._file: _OpenFile | None = None

    @contextlib.contextmanager
    def locked(self) -> Iterator[Region]:
        """The ledger's bytes, with every other thread and process kept out.

        Raises:
            OSError: if the file cannot be opened or locked, or must not be trusted.
        """
        while True:
            file = self._file
            if file is None or file.pid != os.getpid():
                # Two threads may get here at once; each then locks a file it opened itself, which is as good.
                file = self._file = _OpenFile(_open(self._directory, self._name))
            with file.lock:
                try:
                    fcntl.flock(file.descriptor, fcntl.LOCK_EX)
                    if file.is_in_place():
                        yield file
                        return
                finally:
                    fcntl.flock(file.descriptor, fcntl.LOCK_UN)
            self._file = None

    def peek(self) -> bytes:
        """What was written, without the lock, which a process that stands still may hold; nothing if there is no file.

        Raises:
            OSError: if the file cannot be opened, or must not be trusted.
        """
        try:
            file = _OpenFile(_open(self._directory, self._name, is_made=False))
        except FileNotFoundError:
            return b""
        # A reading may meet a change halfway; two that agree have not.
        while (data := read_all(file)) != read_all(file):
            pass
        return data


class _OpenFile:
    """A file that this process opened; closed when nobody holds it any more.

    Attributes:
        pid: the process that opened it.
        lock: keeps out the threads that share this open file, which a file lock does not.
    """

    def __init__(self, descriptor: int) -> None:
        self.pid = os.getpid()
        self.descriptor = descriptor
        self.lock = threading.Lock()
        info = os.fstat(descriptor)
        self._identity = (info.st_dev, info.st_ino)

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            info = os.fstat(self.descriptor)
            # A process that became a daemon has closed every descriptor; the number may mean another file by now.
            if (info.st_dev, info.st_ino) == self._identity:
                os.close(self.descriptor)

    def is_in_place(self) -> bool:
        """False if the file was removed, so that whoever comes next uses another one."""
        info = os.fstat(self.descriptor)
        return info.st_nlink > 0 and (info.st_dev, info.st_ino) == self._identity

    def read(self, size: int, offset: int) -> bytes:
        return os.pread(self.descriptor, size, offset)

    def write(self, data: bytes, offset: int) -> None:
        if os.pwrite(self.descriptor, data, offset) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _open(directory: Path | None, name: str, *, is_made: bool = True) -> int:
    """A descriptor of the file; if it is missing, it and its directory are made, or not."""
    if fcntl is None:
        raise OSError(errno.ENOSYS, "files cannot be locked on this system")
    if directory is None:
        directory = Path(tempfile.gettempdir(), f"kore-campaign-budget-{os.geteuid()}")
    if is_made:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The file is looked up in the directory that was checked, whatever the path has come to mean by then.
    parent = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _check(parent, "directory")
        flags = os.O_RDWR | os.O_CREAT if is_made else os.O_RDONLY
        descriptor = os.open(name, flags | os.O_NOFOLLOW, 0o600, dir_fd=parent)
    finally:
        os.close(parent)
    try:
        _check(descriptor, "file")
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _check(descriptor: int, what: str) -> None:
    info = os.fstat(descriptor)
    if info.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, f"its {what} belongs to another user")
    if info.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(errno.EPERM, f"others may write to its {what}")
    if not (stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode)):
        raise OSError(errno.EINVAL, f"its {what} is of another kind")
