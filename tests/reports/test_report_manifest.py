"""The manifest of a report, as a value and as a file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_campaigns.reports.errors import ReportError, ReportStorageError
from airflow_provider_campaigns.reports.folder import FileEntry, Folder
from airflow_provider_campaigns.reports.manifest import Manifest, Reason, json_bytes, load_manifest

if TYPE_CHECKING:
    from pathlib import Path

BODY: dict[str, Any] = {
    "format": 1,
    "provider_version": "0.1.0",
    "complete": True,
    "reason": None,
    "reason_text": None,
    "campaign_id": "cd-1",
    "campaign_type": "voice",
    "name": "Spring Offer \u2013 Süd",
    "status": "Stopped",
    "campaign_instance_id": "cid-1",
    "created_at": "2026-03-01T09:00:00.000Z",
    "updated_at": "2026-03-02T12:30:00.000Z",
    "contact_results": True,
    "total": 1200,
    "rows": 1200,
    "duplicate_rows": 0,
    "contacts_before_stop": 1200,
    "stopped_at": "2026-03-02T12:30:01.000Z",
    "phone_numbers": "keep",
    "formats": ["jsonl", "csv", "html"],
    "allow_empty": False,
    "started_at": "2026-03-02T12:45:00.000Z",
    "finished_at": "2026-03-02T12:57:00.000Z",
    "tries": 1,
    "passes": 1,
    "key": "5fd1e45e8ba4e97a",
    "proven_by": "one_reading",
    "left_out": [],
    "extends": ["ab"],
    "files": {"campaign.json": {"bytes": 2, "sha256": "ab"}, "contacts.jsonl": {"bytes": 7, "sha256": "cd"}},
    "pending": 3,
    "messages_sent": None,
}
DATA = json_bytes(BODY)


def test_from_bytes__every_field() -> None:
    """Every field of the file is a field of the value."""
    manifest = Manifest.from_bytes(DATA)

    assert manifest.name == "Spring Offer \u2013 Süd"
    assert manifest.formats == ("jsonl", "csv", "html")
    assert manifest.files == {"campaign.json": FileEntry(2, "ab"), "contacts.jsonl": FileEntry(7, "cd")}
    assert manifest.as_json() == BODY
    assert list(manifest.as_json()) == list(BODY)


def test_as_bytes__form() -> None:
    """The file is UTF-8 as it is, indented by two, with a line feed at its end, in the order of the fields."""
    text = Manifest.from_bytes(DATA).as_bytes().decode()

    assert text.startswith('{\n  "format": 1,\n  "provider_version": "0.1.0",\n  "complete": true,\n  "reason": null,')
    assert text.endswith('      "sha256": "cd"\n    }\n  },\n  "pending": 3,\n  "messages_sent": null\n}\n')
    assert "Spring Offer \u2013 Süd" in text


def test_as_bytes__files_in_order() -> None:
    """Files are named in alphabetical order, however they were given."""
    manifest = Manifest.from_bytes(DATA)
    turned = replace(manifest, files=dict(reversed(manifest.files.items())))

    assert turned.as_bytes() == DATA


def test_sha256__of_the_file() -> None:
    """The digest is that of the bytes read, even where they are spelled in another way."""
    other = json.dumps(BODY).encode()

    assert Manifest.from_bytes(DATA).sha256 == hashlib.sha256(DATA).hexdigest()
    assert Manifest.from_bytes(other).sha256 == hashlib.sha256(other).hexdigest()
    assert replace(Manifest.from_bytes(other), source=None).sha256 == hashlib.sha256(DATA).hexdigest()


def test_from_bytes__earlier_version() -> None:
    """A manifest from before there were digests says nothing of them, and its files have their plain names."""
    earlier = {name: value for name, value in BODY.items() if name not in {"key", "proven_by", "left_out", "extends"}}
    manifest = Manifest.from_bytes(json_bytes(earlier))

    assert (manifest.key, manifest.proven_by, manifest.extends) == (None, None, ())
    assert manifest.name_of("contacts.jsonl") == "contacts.jsonl"
    assert manifest.name_of("digests.txt") is None


def test_from_bytes__later_fields() -> None:
    """A field that a later version adds does no harm."""
    assert Manifest.from_bytes(json_bytes(BODY | {"later": 1})) == Manifest.from_bytes(DATA)


def test_from_bytes__earlier_fields() -> None:
    """A manifest of an earlier version, which counted no pending results, does not tell how many there were."""
    manifest = Manifest.from_bytes(json_bytes({name: value for name, value in BODY.items() if name != "pending"}))

    assert manifest.pending is None
    assert replace(manifest, pending=3) == Manifest.from_bytes(DATA)


@pytest.mark.parametrize(
    "field", [one for one in BODY if one not in {"format", "files", "formats", "left_out", "extends"}]
)
def test_from_bytes__wrong_kind(field: str) -> None:
    """A field of another kind is an error that names it, and does not show what it held."""
    with pytest.raises(ReportError, match=f"^manifest.json: {field}: expected ") as caught:
        Manifest.from_bytes(json_bytes(BODY | {field: ["canary"]}))
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"format": 2}, "expected format 1, got 2"),
        ({"format": None}, "expected format 1, got None"),
        ({"formats": "jsonl"}, "formats: expected list"),
        ({"formats": [7]}, "formats: expected texts"),
        ({"files": []}, "files: expected dict"),
        ({"files": {"a": 1}}, "files: a has no size and digest"),
        ({"files": {"a": {"bytes": "1", "sha256": "x"}}}, "files: a has no size and digest"),
        ({"files": {"a": {"bytes": 1}}}, "files: a has no size and digest"),
        ({"rows": True}, "rows: expected int or NoneType"),
        ({"complete": 1}, "complete: expected bool"),
        ({"complete": None}, "complete: expected bool"),
    ],
)
def test_from_bytes__wrong(changes: dict[str, object], problem: str) -> None:
    """What is no manifest is refused, and the message says what is wrong with it."""
    with pytest.raises(ReportError, match=problem):
        Manifest.from_bytes(json_bytes(BODY | changes))


@settings(deadline=None)  # a loaded machine is no failure
@given(st.binary() | st.integers(0, len(DATA) - 2).map(lambda end: DATA[:end]))
def test_from_bytes__torn(data: bytes) -> None:
    """A file that was cut off, or holds anything else, is an error and nothing worse."""
    with pytest.raises(ReportError):
        Manifest.from_bytes(data)


def test_load_manifest(tmp_path: Path) -> None:
    """A folder's manifest is read; without one there is none; one that cannot be understood names what it may hide."""
    folder = Folder(tmp_path)

    assert load_manifest(folder) is None
    folder.write("manifest.json", [DATA])
    assert load_manifest(folder) == Manifest.from_bytes(DATA)
    folder.write("manifest.json", [DATA[:40]])
    folder.write("superseded.json", [b"{}"])
    anew = (
        "Put it back from a version or backup of the storage, or move the folder to another place: then the report is "
    )
    with pytest.raises(ReportError) as alone:
        load_manifest(folder)
    assert str(alone.value) == (
        f"file://{tmp_path}: manifest.json: is no JSON object, so it was cut off or edited. What it says of the run "
        f"may not be lost, so nothing is written over. {anew}made anew"
    )
    for name in ("contacts-3f1c9a0b7d24e586.csv", "campaign-0d24e5863f1c9a0b.json", "manifest-863f1c9a0b0d24e5.json"):
        folder.write(name, [b"{}"])
    with pytest.raises(ReportError) as beside:
        load_manifest(folder, "manifest-863f1c9a0b0d24e5.json")
    assert str(beside.value) == (
        f"file://{tmp_path}: manifest-863f1c9a0b0d24e5.json: expected format 1, got None. What it says of "
        "campaign-0d24e5863f1c9a0b.json, contacts-3f1c9a0b7d24e586.csv may not be lost, so nothing is written over. "
        f"{anew}made anew"
    )


def test_load_manifest__unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A storage that does not answer is told from a manifest that is none."""
    folder = Folder(tmp_path)
    folder.write("manifest.json", [DATA])

    def fail(name: str) -> bytes:
        raise ReportStorageError("no")

    monkeypatch.setattr(folder, "read", fail)
    with pytest.raises(ReportStorageError, match=r"^no$"):
        load_manifest(folder)


def test_names__load_when_they_are_used() -> None:
    """A public name of reports is loaded when it is asked for, and nothing else has one."""
    from airflow_provider_campaigns import reports

    assert reports.MANIFEST_NAME == "manifest.json"
    assert "Folder" in dir(reports)
    with pytest.raises(AttributeError, match=r"module 'airflow_provider_campaigns.reports' has no attribute 'nothing'"):
        _ = reports.nothing


def test_reason__transient() -> None:
    """Two reasons may be gone at the next reading; the others stay until somebody does something."""
    assert {one for one in Reason if one.is_transient} == {
        "rows_missing",
        "changed_while_reading",
        "pages_unstable",
    }


def test_json_bytes__half_a_pair() -> None:
    """Text that UTF-8 cannot hold is written with escapes, and read back as it was."""
    assert json.loads(json_bytes({"name": "\ud83d ü"})) == {"name": "\ud83d ü"}


def test_json_bytes__not_finite() -> None:
    """A number that JSON does not have is written as a text."""
    assert json_bytes({"a": [float("nan"), 1.5], "b": float("-inf")}) == (
        b'{\n  "a": [\n    "NaN",\n    1.5\n  ],\n  "b": "-Infinity"\n}\n'
    )
