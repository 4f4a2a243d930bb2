"""``manifest.json``: what a report holds, and whether that is all there is. Without one there is no report.

It is written last. Times and tries are here and nowhere else: all other files of a repeated export are byte-equal.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields
from enum import StrEnum
from types import NoneType
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_campaigns.kore.errors import excerpt, shown_argument
from airflow_provider_campaigns.reports.errors import ReportError
from airflow_provider_campaigns.reports.finite import finite
from airflow_provider_campaigns.reports.folder import FileEntry, plain_name

if TYPE_CHECKING:
    from airflow_provider_campaigns.reports.folder import Folder

MANIFEST_NAME = "manifest.json"
CAMPAIGN_NAME = "campaign.json"
SUMMARY_NAME = "summary.json"
PAGE_NAME = "report.html"
PENDING_NAME = "pending.json"
"""Not a part of a report: what is there while results are waited for (``waiting``)."""
DIGESTS_NAME = "digests.txt"
CONTACT_FILES = {"jsonl": "contacts.jsonl", "csv": "contacts.csv", "parquet": "contacts.parquet"}
"""The files of the rows, by format. Every file but the manifest has its digest in its name (``folder.own_name``)."""

FORMAT = 1


class Reason(StrEnum):
    """Why a report is not complete."""

    RUNNING = "running"
    """The campaign ran at the first or the last reading: this is a snapshot."""
    NOT_ENDED = "not_ended"
    """It has yet to run, or has a status that nobody documented."""
    TOTAL_SHRANK = "total_shrank"
    """The service has fewer contacts than the stop saw, or than a report of the run holds, or refuses to give any."""
    EMPTY = "empty"
    """It ran, and there is no contact."""
    ROWS_MISSING = "rows_missing"
    """The pages do not hold as many contacts as the service says there are, twice."""
    RUN_UNKNOWN = "run_unknown"
    """Nothing would tell a later run from this one: the campaign names neither its run nor when it was changed."""
    CHANGED_WHILE_READING = "changed_while_reading"
    """Campaign or total changed while they were read, twice."""
    SAYS_LESS = "says_less"
    """Contacts or messages of a snapshot are gone or were emptied since: the stop may have reset the results."""
    PAGES_UNSTABLE = "pages_unstable"
    """Contacts moved from page to page, and all readings together did not see each of them."""
    PENDING = "pending"
    """All contacts are there, and some say that their result is not final yet, which is waited for."""

    @property
    def is_transient(self) -> bool:
        """True if reading again may well give a complete report."""
        return self in {Reason.ROWS_MISSING, Reason.CHANGED_WHILE_READING, Reason.PAGES_UNSTABLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is known of one report. Instants are ISO 8601 texts in UTC.

    Attributes:
        provider_version: of this package.
        complete: True if the report holds every contact of a run that is over.
        reason: why it does not, None if it does.
        reason_text: the same for people.
        campaign_id: ``cd-...``.
        campaign_type: ``voice`` or ``sms``; None if the campaign does not tell.
        name: the campaign's.
        status: the campaign's, at the last reading.
        campaign_instance_id: the run; None if it never ran.
        created_at: the campaign's, as the service gave it.
        updated_at: the same.
        contact_results: False if the service has no results by contact, as for an SMS campaign.
        total: contacts that the service says there are; None without contact results.
        rows: contacts in the files; None without contact results.
        duplicate_rows: rows that may be about a contact that another row is about.
        contacts_before_stop: contacts just before the stop, None if that is not known.
        stopped_at: when the campaign was stopped, None if that is not known.
        phone_numbers: ``keep``, ``hash`` or ``drop``.
        formats: of ``jsonl``, ``csv``, ``parquet``, ``html``.
        allow_empty: True if a run without contacts counts as complete.
        started_at: when the first try began.
        finished_at: when everything was read and written.
        tries: how many processes worked on it.
        passes: how often the pages were read, 1 to 10.
        key: tells with which secret the digests were made; None in a report that has none.
        proven_by: how it was found to be whole: ``one_reading``, ``same_rows_twice`` (contacts that are alike),
            ``gathered`` (several readings together) or ``totals`` (no results by contact); None if it is not.
        left_out: undocumented fields that changed in every row at each reading, and are not compared.
        extends: SHA-256 of the manifests of which it holds everything and more, the latest first.
        files: every other file of the report, by its own name.
        pending: contacts whose result is not final; None without contact results, or where that was not counted.
        messages_sent: messages that the service counts, which is all that there is without contact results; None with
            them, or where it does not tell.
        source: the bytes it was read from, None if it was not read.
    """

    provider_version: str
    complete: bool
    reason: str | None
    reason_text: str | None
    campaign_id: str
    campaign_type: str | None
    name: str
    status: str
    campaign_instance_id: str | None
    created_at: str | None
    updated_at: str | None
    contact_results: bool
    total: int | None
    rows: int | None
    duplicate_rows: int
    contacts_before_stop: int | None
    stopped_at: str | None
    phone_numbers: str
    formats: tuple[str, ...]
    allow_empty: bool
    started_at: str
    finished_at: str
    tries: int
    passes: int
    key: str | None = None
    proven_by: str | None = None
    left_out: tuple[str, ...] = ()
    extends: tuple[str, ...] = ()
    files: dict[str, FileEntry]
    pending: int | None = None
    messages_sent: int | None = None
    source: bytes | None = field(default=None, repr=False, compare=False)

    @property
    def sha256(self) -> str:
        """The digest of the file's bytes."""
        return hashlib.sha256(self.as_bytes()).hexdigest()

    def name_of(self, plain: str) -> str | None:
        """The own name of a file, such as ``contacts.jsonl``; None if there is none.

        In a report that an earlier version has made it is the plain name itself.
        """
        return next((name for name in self.files if plain_name(name) == plain), None)

    def as_json(self) -> dict[str, Any]:
        """The manifest as plain JSON values."""
        values: dict[str, Any] = {name: getattr(self, name) for name in _FIELDS}
        values |= {name: list(values[name]) for name in _LISTS}
        values["files"] = {
            name: {"bytes": entry.bytes, "sha256": entry.sha256} for name, entry in sorted(self.files.items())
        }
        return {"format": FORMAT} | values

    def as_bytes(self) -> bytes:
        """The file's content."""
        return json_bytes(self.as_json()) if self.source is None else self.source

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """What ``as_bytes`` gave. Fields that are not known are ignored, as a later version may have more of them.

        Raises:
            ReportError: it is no manifest, or one of another format.
        """
        try:
            body = json.loads(data)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise ReportError(f"{MANIFEST_NAME}: is no JSON object, so it was cut off or edited")
        if body.get("format") != FORMAT:
            raise ReportError(f"{MANIFEST_NAME}: expected format {FORMAT}, got {shown_argument(body.get('format'))}")
        values = {name: _checked(name, body.get(name)) for name in _FIELDS}
        if not all(isinstance(one, str) for one in values["formats"]):
            raise ReportError(f"{MANIFEST_NAME}: formats: expected texts")
        values |= {name: tuple(values[name] or ()) for name in _LISTS}
        values["files"] = {name: _entry(name, entry) for name, entry in values["files"].items()}
        return cls(**values, source=data)


def is_snapshot(manifest: Manifest) -> bool:
    """True of a report from before the end of its run, also where no better one could be made after it."""
    return manifest.reason in {Reason.RUNNING, Reason.NOT_ENDED, Reason.SAYS_LESS}


def manifest_bytes(folder: Folder, name: str = MANIFEST_NAME) -> bytes | None:
    """What is in the manifest of a folder, None if there is none.

    Raises:
        ReportStorageError: it cannot be read.
    """
    return folder.read(name) if folder.exists(name) else None


def load_manifest(folder: Folder, name: str = MANIFEST_NAME) -> Manifest | None:
    """The manifest in a folder, None if there is none.

    Raises:
        ReportStorageError: it cannot be read.
        ReportError: what is there is no manifest; names the files that it may hide, and says what to do.
    """
    data = manifest_bytes(folder, name)
    if data is None:
        return None
    try:
        return Manifest.from_bytes(data)
    except ReportError as error:
        what = str(error).replace(MANIFEST_NAME, name, 1)
        others = ", ".join(one for one in sorted(folder.names()) if one != name and plain_name(one) != one)
        raise ReportError(
            f"{folder.url()}: {what}. What it says of {others or 'the run'} may not be lost, so nothing is written "
            "over. Put it back from a version or backup of the storage, or move the folder to another place: then the "
            "report is made anew"
        ) from None


def manifests_beside(folder: Folder) -> dict[str, Manifest]:
    """The manifests of reports that another has taken the place of, by the names of their files.

    Raises:
        ReportStorageError: one cannot be read.
        ReportError: one is no manifest any more.
    """
    names = [one for one in folder.names() if one != MANIFEST_NAME and plain_name(one) == MANIFEST_NAME]
    found = {name: load_manifest(folder, name) for name in names}
    return {name: manifest for name, manifest in found.items() if manifest is not None}


def json_bytes(value: Any) -> bytes:
    """JSON as all files of a report have it: UTF-8, indented by two, a line feed at the end.

    A number that JSON does not have becomes a text, as in ``"NaN"``.
    """
    value = finite(value)
    text = json.dumps(value, indent=2, ensure_ascii=False)
    try:
        return f"{text}\n".encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can hold and UTF-8 cannot
        return f"{json.dumps(value, indent=2)}\n".encode()


_LISTS = ("formats", "left_out", "extends")
_FIELDS = tuple(one.name for one in fields(Manifest) if one.name != "source")
_KINDS: dict[str, tuple[type, ...]] = {
    name: kinds
    for kinds, names in (
        ((bool,), "complete contact_results allow_empty"),
        ((int,), "duplicate_rows tries passes"),
        ((int, NoneType), "total rows contacts_before_stop pending messages_sent"),
        ((str,), "provider_version campaign_id name status phone_numbers started_at finished_at"),
        ((list,), "formats"),
        ((list, NoneType), "left_out extends"),
        ((dict,), "files"),
    )
    for name in names.split()
}


def _checked(name: str, value: object) -> Any:
    """``value`` if a manifest may have it in this field; where nothing else is said, a text or nothing."""
    kinds = _KINDS.get(name, (str, NoneType))
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise ReportError(f"{MANIFEST_NAME}: {name}: expected {' or '.join(one.__name__ for one in kinds)}")
    return value


def _entry(name: str, value: object) -> FileEntry:
    if isinstance(value, dict):
        size, digest = value.get("bytes"), value.get("sha256")
        if isinstance(size, int) and isinstance(digest, str):
            return FileEntry(size, digest)
    raise ReportError(f"{MANIFEST_NAME}: files: {excerpt(name)} has no size and digest")
