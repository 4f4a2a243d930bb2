"""Files of a report in a folder: on a disk and in a bucket, whole or not at all."""

from __future__ import annotations

import errno
import gc
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest
from report_storage import bucket

from airflow_provider_campaigns.reports.errors import ReportStorageError
from airflow_provider_campaigns.reports.folder import FileEntry, Folder, entry_of, plain_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["path", "object path", "bucket"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    """A folder that does not exist yet."""
    from airflow.sdk import ObjectStoragePath

    if request.param == "path":
        yield Folder(tmp_path / "reports" / "cd-1")
    elif request.param == "object path":
        yield Folder(ObjectStoragePath(f"file://{tmp_path}/reports") / "cd-1")
    else:
        with bucket(monkeypatch) as url:
            yield Folder(ObjectStoragePath(url) / "cd-1")


class TestFiles:
    def test_write__read_back(self, folder: Folder) -> None:
        """What is written can be read back, whole or piece by piece, and is measured on the way."""
        entry = folder.write("a.txt", iter([b"first ", b"second"]))

        assert entry == FileEntry(12, "92088ec140fc553e4b1ede202edccb65a807bbf8a38d765a3ad38013c0f13688")
        assert folder.read("a.txt") == b"first second"
        with folder.open("a.txt") as file:
            assert file.read(5) == b"first"
        assert folder.measure("a.txt") == entry == entry_of(b"first second")

    def test_write__replaces(self, folder: Folder) -> None:
        """A file takes the place of one of the same name."""
        folder.write("a.txt", [b"a longer text"])
        folder.write("a.txt", [b"new"])

        assert folder.read("a.txt") == b"new"

    def test_write__nothing(self, folder: Folder) -> None:
        """A file may be empty."""
        assert folder.write("a.txt", []) == FileEntry(
            0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        )
        assert folder.read("a.txt") == b""

    def test_write__interrupted(self, folder: Folder) -> None:
        """A file whose content could not be made is not there, and what was there before still is."""

        def chunks() -> Iterator[bytes]:
            yield b"half"
            raise LookupError("no more")

        folder.write("old.txt", [b"old"])
        for name in ("old.txt", "new.txt"):
            with pytest.raises(LookupError):
                folder.write(name, chunks())

        assert folder.names() == ["old.txt"]
        assert folder.read("old.txt") == b"old"

    def test_begin__unseen_until_committed(self, folder: Folder) -> None:
        """A file that is being written is not there yet."""
        folder.write("b.txt", [b"b"])
        writer = folder.begin("a.txt")
        writer.write(b"first ")
        writer.write(b"second")
        writer.flush()

        assert folder.names() == ["b.txt"]
        assert writer.tell() == 12
        assert not writer.closed
        assert writer.commit() == entry_of(b"first second")
        assert writer.closed
        writer.discard()
        assert folder.names() == ["a.txt", "b.txt"]

    def test_begin__two_at_a_time(self, folder: Folder) -> None:
        """Two who write the same file do not mix: the one who commits last has it."""
        one, other = folder.begin("a.txt"), folder.begin("a.txt")
        one.write(b"one")
        other.write(b"other")
        one.commit()
        other.commit()

        assert folder.read("a.txt") == b"other"

    def test_own_name(self, folder: Folder) -> None:
        """A file under a name of its own has another name for other content, and is not written twice."""
        own = "rows-92088ec140fc553e.jsonl"
        name, entry = folder.write_own("rows.jsonl", [b"first second"])
        assert (name, entry) == (own, entry_of(b"first second"))
        assert folder.write_own("rows.jsonl", [b"first ", b"second"]) == (own, entry)
        other, _ = folder.write_own("rows.jsonl", [b"third"])

        assert folder.names() == sorted([own, other])
        assert folder.read(own) == b"first second"
        assert [plain_name(one) for one in (own, other, "rows.jsonl", "rows-5f.jsonl")] == [
            *["rows.jsonl"] * 3,
            "rows-5f.jsonl",
        ]

    def test_own_name__damaged(self, folder: Folder) -> None:
        """A file that is not what its name says is mended by whoever writes the right content."""
        folder.write("rows-92088ec140fc553e.jsonl", [b"first"])
        folder.write_own("rows.jsonl", [b"first second"])

        assert folder.read("rows-92088ec140fc553e.jsonl") == b"first second"

    def test_nothing_there(self, folder: Folder) -> None:
        """A folder that does not exist is empty, and what is not in it can be removed."""
        assert folder.names() == []
        assert not folder.exists("a.txt")
        assert folder.measure("a.txt") is None
        folder.remove("a.txt")
        folder.remove_folder("below")
        with pytest.raises(ReportStorageError, match=r"cannot read a.txt: it is not there") as caught:
            folder.read("a.txt")
        assert not caught.value.retryable

    def test_child(self, folder: Folder) -> None:
        """A folder in a folder is named in it, is no file, and goes with all that it holds."""
        below = folder.child("below")
        below.write("a.txt", [b"a"])
        below.write("b.txt", [b"b"])

        assert folder.names() == ["below"]
        assert not folder.exists("below")
        folder.remove_folder("below")
        assert folder.names() == []

    def test_remove(self, folder: Folder) -> None:
        """A removed file is gone, the others stay."""
        folder.write("a.txt", [b"a"])
        folder.write("b.txt", [b"b"])
        folder.remove("a.txt")

        assert folder.names() == ["b.txt"]

    def test_url(self, folder: Folder) -> None:
        """The address leads back to the same files."""
        from airflow.sdk import ObjectStoragePath

        folder.write("a.txt", [b"a"])

        assert ObjectStoragePath(folder.url("a.txt")).read_bytes() == b"a"
        assert Folder(ObjectStoragePath(folder.url())).names() == ["a.txt"]
        assert folder.url() in repr(folder)


class TestLocal:
    def test_url__local(self, tmp_path: Path) -> None:
        """A local folder's address is a file URL that is not quoted, because object paths are not."""
        from airflow.sdk import ObjectStoragePath

        odd = Folder(tmp_path / "a b, 100%20 #ü?")
        odd.write("c.txt", [b"c"])

        assert odd.url("c.txt") == f"file://{tmp_path}/a b, 100%20 #ü?/c.txt"
        assert ObjectStoragePath(odd.url("c.txt")).read_bytes() == b"c"

    def test_mode(self, tmp_path: Path) -> None:
        """Only the owner reads a local file."""
        Folder(tmp_path).write("a.txt", [b"a"])

        assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o600

    def test_scratch(self, tmp_path: Path) -> None:
        """With a scratch folder, nothing is written aside anywhere else."""
        writer = Folder(tmp_path, scratch="_parts").begin("a.txt")
        writer.write(b"a")

        assert os.listdir(tmp_path) == ["_parts"]
        assert len(os.listdir(tmp_path / "_parts")) == 1
        writer.commit()
        assert os.listdir(tmp_path / "_parts") == []

    def test_discard__leaves_nothing(self, tmp_path: Path) -> None:
        """What was discarded leaves nothing behind, and may be discarded again."""
        writer = Folder(tmp_path).begin("a.txt")
        writer.discard()
        writer.discard()

        assert os.listdir(tmp_path) == []

    def test_begin__removed_meanwhile(self, tmp_path: Path) -> None:
        """A file whose written-aside content was removed by somebody else can be written again."""
        writer = Folder(tmp_path, scratch="_parts").begin("a.txt")
        Folder(tmp_path).remove_folder("_parts")

        with pytest.raises(ReportStorageError, match=r"cannot write a.txt: .* was it removed meanwhile\?") as caught:
            writer.commit()
        assert caught.value.retryable

    @pytest.mark.parametrize(
        ("number", "retryable", "advice"),
        [
            (errno.ENOSPC, True, "there is no space left: free some, or write elsewhere"),
            (errno.EDQUOT, True, "there is no space left"),
            (errno.EROFS, False, "this is not permitted: allow the worker's user to"),
            (errno.EACCES, False, "this is not permitted: allow the worker's user to"),
            (errno.ENAMETOOLONG, False, "mend the path"),
            (errno.EIO, True, "try again"),
        ],
    )
    def test_failures(
        self, number: int, retryable: bool, advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A disk that says no is an error that names the path and what to do, and the old file stays."""

        def fail(descriptor: int) -> None:
            raise OSError(number, os.strerror(number))

        folder = Folder(tmp_path)
        folder.write("a.txt", [b"old"])
        monkeypatch.setattr(os, "fsync", fail)

        with pytest.raises(ReportStorageError, match=advice) as caught:
            folder.write("a.txt", [b"new"])
        assert str(caught.value).startswith(f"file://{tmp_path}: cannot write a.txt: ")
        assert caught.value.retryable is retryable
        assert os.listdir(tmp_path) == ["a.txt"]
        assert folder.read("a.txt") == b"old"

    def test_failures__a_file_in_the_way(self, tmp_path: Path) -> None:
        """A path that leads through a file is permanent, and a folder that is a file has no names."""
        (tmp_path / "file").write_bytes(b"")
        folder = Folder(tmp_path / "file" / "below")

        with pytest.raises(ReportStorageError, match="mend the path") as caught:
            folder.write("a.txt", [b"a"])
        assert not caught.value.retryable
        assert folder.names() == []


class _Store:
    """An object store whose every path fails in the same way."""

    protocol = "s3"

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __truediv__(self, name: str) -> _Store:
        return self

    def __str__(self) -> str:
        return "s3://bucket/reports"

    def __getattr__(self, name: str) -> Any:
        raise self._error


class TestBucket:
    @pytest.mark.parametrize("is_own", [True, False])
    def test_upload__broken(self, is_own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        """An upload that is refused once in the middle leaves what was there, and no half of a file."""
        from airflow.sdk import ObjectStoragePath
        from s3fs.core import S3File

        call, refused = S3File._call_s3, []

        def refuse(self: S3File, method: str, *args: Any, **kwargs: Any) -> Any:
            if method == "upload_part" and kwargs.get("PartNumber") == 2 and not refused:
                refused.append(method)
                raise PermissionError("Access Denied")
            return call(self, method, *args, **kwargs)

        with bucket(monkeypatch) as url:
            folder = Folder(ObjectStoragePath(url) / "cd-1")
            folder.write("rows.jsonl", [b"good"])
            with monkeypatch.context() as patch:
                patch.setattr(S3File, "_call_s3", refuse)
                with pytest.raises(ReportStorageError, match="not permitted"):
                    (folder.write_own if is_own else folder.write)("rows.jsonl", [b"new" * 1_000_000] * 7)
                gc.collect()

            assert refused
            assert folder.names() == ["rows.jsonl"]
            assert folder.read("rows.jsonl") == b"good"

    def test_no_bucket(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A bucket that is not there is permanent, and the message names the path."""
        from airflow.sdk import ObjectStoragePath

        with bucket(monkeypatch):
            folder = Folder(ObjectStoragePath("s3://S3@elsewhere/reports"))

            assert folder.names() == []
            with pytest.raises(ReportStorageError, match="there is no such bucket: create it") as caught:
                folder.write("a.txt", [b"a"])
        assert str(caught.value).startswith("s3://S3@elsewhere/reports: cannot write a.txt: ")
        assert not caught.value.retryable

    def test_written_elsewhere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What another process writes, replaces and removes is seen at once."""
        from airflow.sdk import ObjectStoragePath

        with bucket(monkeypatch) as url:
            folder = Folder(ObjectStoragePath(url))
            folder.write("a.txt", [b"a"])
            assert folder.names() == ["a.txt"]
            import boto3

            store = boto3.client(
                "s3",
                aws_access_key_id="access-key",
                aws_secret_access_key="secret-key",
                region_name="us-east-1",
                endpoint_url=ObjectStoragePath(url).fs.endpoint_url,
            )
            store.put_object(Bucket="bucket", Key="reports/b.txt", Body=b"bb")
            store.put_object(Bucket="bucket", Key="reports/a.txt", Body=b"longer than before")

            assert folder.names() == ["a.txt", "b.txt"]
            assert folder.read("a.txt") == b"longer than before"

    @pytest.mark.parametrize(
        ("error", "retryable", "advice"),
        [
            (PermissionError(errno.EACCES, "Access Denied"), False, "allow the connection to"),
            (ImportError("Install s3fs to access S3"), False, "mend the path"),
            (ConnectionError("unreachable"), True, "try again"),
            (type("AirflowNotFoundException", (Exception,), {})("no"), False, "the connection in the path has to be"),
            (Exception(), True, "try again"),
        ],
    )
    def test_failures(self, error: Exception, retryable: bool, advice: str) -> None:
        """Whatever a store's library raises is the same kind of error."""
        with pytest.raises(ReportStorageError, match=advice) as caught:
            Folder(_Store(error)).names()
        assert str(caught.value).startswith("s3://bucket/reports: cannot list: ")
        assert caught.value.retryable is retryable
        assert caught.value.__cause__ is error
