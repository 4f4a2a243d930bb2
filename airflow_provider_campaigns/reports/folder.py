"""One folder of files, on a local disk or in an object store, in which a file is there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import tempfile
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from airflow_provider_campaigns.kore.errors import excerpt, shown_words
from airflow_provider_campaigns.reports.errors import ReportStorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

StoragePath = Any
"""A ``pathlib.Path``, or a path with its interface and ``fs``, ``protocol`` and ``path``, as Airflow's have."""

_BLOCK = 8 * 1024 * 1024
"""Bytes that are held while a file is copied to an object store; its own default may be 50 MB."""

_PIECE = 256 * 1024
"""Bytes that are written and measured at once. Both let other threads run, and are slow to be let in again."""

_DIGEST = re.compile(r"-[0-9a-f]{16}(?=\.)")

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_UNUSABLE = frozenset({errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL})


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What is in a file.

    Attributes:
        bytes: its size.
        sha256: its digest, in hexadecimal.
    """

    bytes: int
    sha256: str


def entry_of(data: bytes) -> FileEntry:
    """The entry of a file with this content."""
    return FileEntry(len(data), hashlib.sha256(data).hexdigest())


def own_name(name: str, sha256: str) -> str:
    """``contacts.jsonl`` with its digest, as in ``contacts-3f1c9a0b7d24e586.jsonl``: other content has another name."""
    stem, dot, suffix = name.partition(".")
    return f"{stem}-{sha256[:16]}{dot}{suffix}"


def plain_name(name: str) -> str:
    """``contacts-3f1c9a0b7d24e586.jsonl`` without its digest; a name that has none stays as it is."""
    return _DIGEST.sub("", name)


class Folder:
    """Files by their names in one folder of any storage. Nothing is touched until a method needs it.

    A file appears under its name only when it is whole: locally it is written aside with mode 0600, forced to the disk
    and renamed; for an object store it is spooled on the local disk and uploaded at once. One that is written under a
    name of its own (``own_name``) is never written over, and nothing is left of it if that fails. Whatever the storage
    says no to becomes a ``ReportStorageError`` that names the path.
    """

    def __init__(self, path: StoragePath, *, scratch: str | None = None) -> None:
        """A folder at ``path``; ``scratch`` is the folder in it in which local files are written aside."""
        self._path = path
        self._local = _local_path(path)
        self._place = path if self._local is None else self._local
        self._scratch = scratch

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url()!r})"

    def url(self, name: str = "") -> str:
        """The address of the folder, or of a file in it, as an ``ObjectStoragePath`` takes it.

        A connection in the path stays in it; a connection's secrets are never part of a path.
        """
        if self._local is not None:
            # Not quoted as other file URLs are: ``ObjectStoragePath`` takes what it is given literally.
            return f"file://{(self._local / name).absolute()}"
        return str(self._path / name if name else self._path)

    def child(self, name: str, *, scratch: str | None = None) -> Folder:
        """A folder in this one."""
        return Folder(self._path / name, scratch=scratch)

    def write(self, name: str, chunks: Iterable[bytes], *, is_lasting: bool = True) -> FileEntry:
        """Write a file, in the place of any of this name. An error of ``chunks`` itself leaves what was there.

        One that is not ``is_lasting`` is not forced to the disk: it may be torn after a power cut.
        """
        return self._write(self.begin(name, is_lasting=is_lasting), chunks)[1]

    def write_own(self, name: str, chunks: Iterable[bytes]) -> tuple[str, FileEntry]:
        """Write a file under ``own_name``, unless it is there already: that name, and what is in the file."""
        return self._write(self.begin(name, is_own=True), chunks)

    def _write(self, writer: Writer, chunks: Iterable[bytes]) -> tuple[str, FileEntry]:
        try:
            for chunk in chunks:
                writer.write(chunk)
            entry = writer.commit()
            return writer.name, entry
        finally:
            writer.discard()

    def begin(self, name: str, *, is_lasting: bool = True, is_own: bool = False) -> Writer:
        """A file to be written piece by piece; it is there once it is committed, with ``is_own`` under ``own_name``."""
        with self.guarded(f"write {name}"):
            if self._local is None:
                return _Upload(self, name, self._path, is_own=is_own)
            aside = self._local / self._scratch if self._scratch else self._local
            aside.mkdir(parents=True, exist_ok=True)
            return _LocalFile(self, name, self._local, aside, is_lasting=is_lasting, is_own=is_own)

    def read(self, name: str) -> bytes:
        """The whole content of a small file."""
        with self.guarded(f"read {name}"), self._opened(name) as file:
            return file.read()

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """A file to read piece by piece."""
        with self.guarded(f"read {name}"):
            file = self._opened(name)
        with file:
            yield file

    def lines(self, name: str) -> Iterator[bytes]:
        """A file line by line."""
        with self.open(name) as file:
            yield from file

    def measure(self, name: str) -> FileEntry | None:
        """Size and digest of what is in a file now; None if there is no such file."""
        if not self.exists(name):
            return None
        size, digest = 0, hashlib.sha256()
        with self.guarded(f"read {name}"), self._opened(name) as file:
            while block := file.read(1024 * 1024):
                size += len(block)
                digest.update(block)
        return FileEntry(size, digest.hexdigest())

    def exists(self, name: str) -> bool:
        """True if there is a file of this name."""
        with self.guarded(f"look for {name}"):
            self._forget_listing()
            return bool((self._place / name).is_file())

    def names(self) -> list[str]:
        """The names in the folder, of files and folders, sorted; none if there is no such folder.

        Files that are being written are not among them.
        """
        with self.guarded("list"):
            self._forget_listing()
            try:
                found = [one.name for one in self._place.iterdir()]
            except (FileNotFoundError, NotADirectoryError):
                return []
        return sorted(name for name in found if not name.startswith("."))

    def remove(self, name: str) -> None:
        """Remove a file; none of this name is no error."""
        with self.guarded(f"remove {name}"), contextlib.suppress(FileNotFoundError):
            (self._place / name).unlink()

    def remove_folder(self, name: str) -> None:
        """Remove a folder in this one with all that is in it; none of this name is no error."""
        with self.guarded(f"remove {name}"):
            if self._local is not None:
                with contextlib.suppress(FileNotFoundError):
                    shutil.rmtree(self._local / name)
                return
            self._forget_listing()
            gone = self._path / name
            with contextlib.suppress(FileNotFoundError):
                gone.fs.rm(gone.path, recursive=True)

    def _opened(self, name: str) -> BinaryIO:
        self._forget_listing()
        file: BinaryIO = (self._place / name).open("rb")
        return file

    def _forget_listing(self) -> None:
        """Ask an object store anew: other processes write there as well."""
        if self._local is None:
            self._path.fs.invalidate_cache()

    @contextmanager
    def guarded(self, doing: str) -> Iterator[None]:
        """Whatever a storage raises meanwhile, as one kind of error; its libraries have dozens of their own."""
        try:
            yield
        except Exception as error:
            raise self._failure(doing, error) from error

    def _failure(self, doing: str, error: Exception) -> ReportStorageError:
        number = error.errno if isinstance(error, OSError) else None
        is_local = self._local is not None
        retryable, advice = False, "mend the path"
        if number in _FULL:
            retryable, advice = True, "there is no space left: free some, or write elsewhere"
        elif isinstance(error, PermissionError) or number in _FORBIDDEN:
            advice = "this is not permitted: allow " + ("the worker's user" if is_local else "the connection") + " to"
        elif isinstance(error, FileNotFoundError):
            retryable = is_local and not doing.startswith("read")
            advice = (
                "it is not there; was it removed meanwhile?"
                if is_local or doing.startswith("read")
                else "there is no such bucket: create it, or mend the path"
            )
        elif isinstance(error, ImportError | ValueError) or number in _UNUSABLE:
            pass
        elif type(error).__name__ in {"AirflowNotFoundException", "NoCredentialsError"}:
            advice = "the connection in the path has to be there, with credentials"
        else:
            retryable, advice = True, "try again"
        text = excerpt(error.strerror if isinstance(error, OSError) and error.strerror else shown_words(str(error)))
        said = f"{type(error).__name__}{f': {text}' if text else ''}"
        return ReportStorageError(f"{self.url()}: cannot {doing}: {advice} ({said})", retryable=retryable)


class Writer(ABC):
    """A file that is being written, measured on the way. A binary file to whoever writes to one.

    Attributes:
        name: of the file; one that gets its own has it once it is committed.
    """

    def __init__(self, folder: Folder, name: str, file: IO[bytes], *, is_own: bool) -> None:
        self.name = name
        self._folder = folder
        self._file = file
        self._is_own = is_own
        self._digest = hashlib.sha256()
        self._bytes = 0
        self._pending: list[bytes] = []
        self._pending_bytes = 0

    @property
    def closed(self) -> bool:
        """True once it is committed or discarded."""
        return self._file.closed

    def tell(self) -> int:
        """Bytes written so far."""
        return self._bytes

    def flush(self) -> None:
        """Hand on what is held back; it still is no file before it is committed."""
        self._write_pending()

    def write(self, data: bytes) -> int:
        """Add to the file."""
        self._bytes += len(data)
        self._pending.append(bytes(data))
        self._pending_bytes += len(data)
        if self._pending_bytes >= _PIECE:
            self._write_pending()
        return len(data)

    def lines(self) -> Iterator[bytes]:
        """What was written so far, line by line."""
        self._write_pending()
        with self._folder.guarded(f"read {self.name}"):
            self._file.seek(0)
            yield from self._file
            self._file.seek(0, os.SEEK_END)

    def commit(self) -> FileEntry:
        """Let the file appear under its name, whole."""
        self._write_pending()
        entry = FileEntry(self._bytes, self._digest.hexdigest())
        if self._is_own:
            self.name = own_name(self.name, entry.sha256)
            if self._folder.measure(self.name) == entry:
                self.discard()
                return entry
        with self._folder.guarded(f"write {self.name}"):
            self._file.flush()
            self._appear()
        return entry

    def discard(self) -> None:
        """Forget what was written, unless it was committed."""
        with contextlib.suppress(OSError):  # what cannot be written must not hide why
            self._file.close()

    def _write_pending(self) -> None:
        data = b"".join(self._pending)
        self._pending.clear()
        self._pending_bytes = 0
        self._digest.update(data)
        with self._folder.guarded(f"write {self.name}"):
            self._file.write(data)

    @abstractmethod
    def _appear(self) -> None:
        """Put what was written in its place, and close it."""


class _LocalFile(Writer):
    """Written aside, then renamed."""

    def __init__(self, folder: Folder, name: str, place: Path, aside: Path, *, is_lasting: bool, is_own: bool) -> None:
        handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=aside)
        super().__init__(folder, name, os.fdopen(handle, "w+b"), is_own=is_own)
        self._place = place
        self._temporary = Path(temporary)
        self._is_lasting = is_lasting

    def discard(self) -> None:
        super().discard()
        with contextlib.suppress(OSError):
            self._temporary.unlink(missing_ok=True)

    def _appear(self) -> None:
        if self._is_lasting:
            os.fsync(self._file.fileno())
        self._file.close()
        self._temporary.replace(self._place / self.name)
        if self._is_lasting:
            _force_names(self._place)


class _Upload(Writer):
    """Spooled in a file without a name, then uploaded."""

    def __init__(self, folder: Folder, name: str, place: StoragePath, *, is_own: bool) -> None:
        file = tempfile.TemporaryFile(prefix="report-")  # noqa: SIM115 - closed in the end
        super().__init__(folder, name, file, is_own=is_own)
        self._place = place

    def _appear(self) -> None:
        self._file.seek(0)
        try:
            place = self._place / self.name
            with place.open("wb", block_size=_BLOCK) as target, _abandoned_if_torn(target):
                shutil.copyfileobj(self._file, target, _BLOCK)
        except BaseException:
            # A store that is no object store may show the half of it.
            if self._is_own:
                with contextlib.suppress(Exception):
                    self._folder.remove(self.name)
            raise
        self._file.close()


@contextmanager
def _abandoned_if_torn(target: Any) -> Iterator[None]:
    """Around what is written to a file of an object store: what is not whole never becomes an object.

    Such a file uploads what it has got when it is closed, whatever happened before.
    """
    try:
        yield
    except BaseException:
        file = getattr(target, "_obj", target)  # Airflow's paths wrap it
        with contextlib.suppress(Exception):
            file.discard()
        with contextlib.suppress(AttributeError):
            file.closed = True
        raise


def _force_names(directory: Path) -> None:
    """Make sure that the names in a directory outlive a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _local_path(path: StoragePath) -> Path | None:
    """The same path of this machine's own file system; None if it is somewhere else."""
    # Not by its class: Airflow's paths are pathlib's own as well, with the library that Airflow 3.1 has.
    protocol = getattr(path, "protocol", None)
    if protocol is None:
        return Path(path)
    return Path(path.path) if protocol in {"", "file", "local"} else None
