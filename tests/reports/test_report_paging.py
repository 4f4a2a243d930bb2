"""Services whose pages do not stand still: whatever they do, no complete report lacks a contact."""

from __future__ import annotations

import json
import random
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fake_clock import FakeClock
from hypothesis import given, settings
from hypothesis import strategies as st
from report_support import path_in

from airflow_provider_campaigns.kore.campaigns import Campaign, ContactPage, ContactResult
from airflow_provider_campaigns.kore.settings import KoreSettings
from airflow_provider_campaigns.reports.errors import ReportError
from airflow_provider_campaigns.reports.export import export_report
from airflow_provider_campaigns.reports.export_options import ExportOptions
from airflow_provider_campaigns.reports.fit import CheckedReport
from airflow_provider_campaigns.reports.folder import Folder
from airflow_provider_campaigns.reports.rows import PhoneNumbers
from airflow_provider_campaigns.reports.second_reading import verify_report

if TYPE_CHECKING:
    from airflow_provider_campaigns.reports.manifest import Manifest

CAMPAIGN = Campaign.from_api({"_id": "cd-1", "status": "Stopped", "campaignInstanceId": "cid-1", "dialingMode": "x"})
Row = dict[str, Any]


def rows_of(count: int, *, ids: bool) -> list[Row]:
    """Contacts who were never reached, as many of them are; told apart by a unique id, or by their number alone."""
    return [
        {"phoneNumber": f"1200555{n:04d}", "uniqueId": f"c-{n}" if ids else "", "dialerOutcome": "no-answer"}
        for n in range(count)
    ]


class Service:
    """As much of a client as a report needs, for a service that pages as its subclass says."""

    def __init__(self, rows: list[Row], seed: int = 0) -> None:
        self.settings = KoreSettings(
            host="https://kore.test", client_id="a", client_secret="s", stream_id="st-1", account_id="b"
        )
        self.rows = rows
        self.random = random.Random(seed)
        self.pages: list[tuple[int, int]] = []

    def get_campaign(self, _: str) -> Campaign:
        return CAMPAIGN

    def get_contact_page(self, _: str, *, page: int = 1, limit: int = 100) -> ContactPage:
        self.pages.append((page, limit))
        rows = self.page(page, limit)
        return ContactPage(
            self.named(page), -(-len(self.rows) // limit), len(self.rows), tuple(map(ContactResult.from_api, rows))
        )

    def named(self, page: int) -> int:
        """The number that the answer gives the page."""
        return page

    def page(self, page: int, limit: int) -> list[Row]:
        """The rows of a page."""
        return self.rows[(page - 1) * limit : page * limit]


class Shuffled(Service):
    """Another order at each request."""

    def page(self, page: int, limit: int) -> list[Row]:
        order = self.random.sample(self.rows, len(self.rows))
        return order[(page - 1) * limit : page * limit]


class OrderOfThePage(Service):
    """An order for each page, the same whenever it is read, as of a sort that depends on the offset."""

    def page(self, page: int, limit: int) -> list[Row]:
        order = random.Random(f"{page}/{limit}").sample(self.rows, len(self.rows))
        return order[(page - 1) * limit : page * limit]


class FirstOnly(Service):
    """The first page, whichever is asked for, named as it was asked for."""

    def page(self, page: int, limit: int) -> list[Row]:
        return super().page(1, limit) if (page - 1) * limit < len(self.rows) else []


class FirstNamed(FirstOnly):
    """The first page, whichever is asked for, named as the first."""

    def named(self, page: int) -> int:
        return 1


class Swapped(Service):
    """Now and then the page before the one that was asked for."""

    def page(self, page: int, limit: int) -> list[Row]:
        return super().page(max(1, page - (self.random.random() < 0.2)), limit)


class Moving(Service):
    """A contact that is called again moves to the end, and has a session then."""

    def page(self, page: int, limit: int) -> list[Row]:
        rows = super().page(page, limit)
        if self.random.random() < 0.3:
            moved = self.rows.pop(self.random.randrange(len(self.rows)))
            self.rows.append(moved | {"botSessionId": f"s-{len(self.pages)}", "dialerOutcome": "completed"})
        return rows


class Stamped(Service):
    """Each row with a field that is another whenever it is read."""

    def page(self, page: int, limit: int) -> list[Row]:
        return [row | {"readAt": self.random.random(), "note": "n"} for row in super().page(page, limit)]


class StampedAndShuffled(Stamped, Shuffled):
    """The same in another order at each request."""


def report(service: Service, folder: Path) -> tuple[Manifest, list[Row]]:
    """The report of such a service, and its rows."""
    options = ExportOptions(("jsonl",))
    clock = FakeClock().clock
    manifest = export_report(service, CAMPAIGN, Folder(folder), options, kept=None, clock=clock)  # type: ignore[arg-type]
    return manifest, rows_in(folder)


def contacts(rows: list[Row]) -> Counter[tuple[str, str]]:
    """Whom rows are about."""
    return Counter((row["phoneNumber"], row["uniqueId"]) for row in rows)


@settings(deadline=None, max_examples=60)
@given(
    kind=st.sampled_from([Service, Shuffled, OrderOfThePage, FirstOnly, FirstNamed, Swapped, Moving]),
    count=st.integers(98, 320),
    ids=st.booleans(),
    twins=st.lists(st.integers(0, 97), max_size=3),
    seed=st.integers(0, 1_000_000),
)
def test_complete(kind: type[Service], count: int, ids: bool, twins: list[int], seed: int) -> None:
    """A report is complete only if it holds each contact as often as the service has it; a good service's always is."""
    rows = rows_of(count, ids=ids)
    service = kind(rows + [rows[n] for n in twins], seed)
    with tempfile.TemporaryDirectory() as folder:
        manifest, written = report(service, Path(folder))

    assert not manifest.complete or contacts(written) == contacts(service.rows)
    assert manifest.complete or manifest.reason == "pages_unstable"
    assert manifest.complete or kind is not Service


@pytest.mark.parametrize("ids", [True, False])
def test_shuffled(ids: bool, tmp_path: Path) -> None:
    """What pages in another order at each request lack is gathered over several readings, until nothing is missing."""
    manifest, written = report(Shuffled(rows_of(250, ids=ids)), tmp_path)

    assert (manifest.complete, manifest.rows, manifest.duplicate_rows) == (True, 250, 0)
    assert 2 < manifest.passes < 10
    assert contacts(written) == contacts(rows_of(250, ids=ids))


def test_shuffled__one_never_shown(tmp_path: Path) -> None:
    """Two readings in a row with nothing new end it: what was gathered is written, and is not complete."""

    class Hiding(Shuffled):
        def page(self, page: int, limit: int) -> list[Row]:
            return [self.rows[3] if row is self.rows[7] else row for row in super().page(page, limit)]

    manifest, written = report(Hiding(rows_of(150, ids=True)), tmp_path)

    assert (manifest.complete, manifest.reason, manifest.rows) == (False, "pages_unstable", 149)
    assert 3 < manifest.passes < 10
    assert contacts(written) == contacts([row for row in rows_of(150, ids=True) if row["uniqueId"] != "c-7"])
    assert manifest.reason_text == (
        "the pages do not stand still while they are read: they hold 149 different contacts, and the service says 150"
    )


@pytest.mark.parametrize("kind", [FirstOnly, FirstNamed])
def test_first_page_only(kind: type[Service], tmp_path: Path) -> None:
    """A service that ignores the number of the page is not asked for all of them, and its first page is no report."""
    service = kind(rows_of(50_000, ids=True))
    manifest, written = report(service, tmp_path)

    assert (manifest.complete, manifest.reason, manifest.passes) == (False, "pages_unstable", 3)
    assert len(written) == 100
    assert len(service.pages) < 60


def test_wrong_first_page(tmp_path: Path) -> None:
    """An answer that says that it is another page than the first is not taken for the first."""

    class FromZero(Service):
        def named(self, page: int) -> int:
            return page - 1

    manifest, written = report(FromZero(rows_of(50, ids=True)), tmp_path)

    assert (manifest.complete, manifest.reason, written) == (False, "rows_missing", [])


def test_moved_once(tmp_path: Path) -> None:
    """A contact that moves behind what is read hides another, and the count is right; the next reading has both."""

    class Once(Service):
        def page(self, page: int, limit: int) -> list[Row]:
            rows = super().page(page, limit)
            if page == 3 and len(self.pages) < 7:
                moved = self.rows.pop(210)
                self.rows.append(moved | {"botSessionId": "s-1", "dialerOutcome": "completed"})
            return rows

    manifest, written = report(Once(rows_of(550, ids=True)), tmp_path)

    assert (manifest.complete, manifest.passes) == (True, 2)
    assert contacts(written) == contacts(rows_of(550, ids=True))
    assert [row["phoneNumber"] for row in written if row.get("botSessionId")] == ["12005550210"]


def test_newest(tmp_path: Path) -> None:
    """Of a contact that is seen in several states, the state that was seen last is kept; and it is not complete."""

    class Attempts(Shuffled):
        def page(self, page: int, limit: int) -> list[Row]:
            self.rows = [row | {"numberOfAttemptsSoFar": len(self.pages)} for row in self.rows]
            return super().page(page, limit)

    service = Attempts(rows_of(150, ids=True))
    manifest, written = report(service, tmp_path)

    assert (manifest.complete, manifest.reason, manifest.rows) == (False, "pages_unstable", 150)
    assert manifest.passes == 10
    assert min(row["numberOfAttemptsSoFar"] for row in written) > len(service.pages) / 2


def test_total_between_readings(tmp_path: Path) -> None:
    """What was gathered is forgotten when the service counts another number of contacts."""

    class Fewer(Shuffled):
        def page(self, page: int, limit: int) -> list[Row]:
            if limit == 97 and len(self.rows) == 250:
                self.rows = self.rows[:240]
            return super().page(page, limit)

    manifest, written = report(Fewer(rows_of(250, ids=True)), tmp_path)

    assert (manifest.complete, manifest.rows) == (True, 240)
    assert contacts(written) == contacts(rows_of(240, ids=True))


def test_twins_of_two_conversations(tmp_path: Path) -> None:
    """One customer who is in the list twice, and was called twice, is there twice."""
    rows = [row | {"botSessionId": f"s-{n}"} for n, row in enumerate(rows_of(250, ids=True))]
    rows[240] |= {"phoneNumber": "12005550003", "uniqueId": "c-3"}
    manifest, written = report(Service(rows), tmp_path)

    assert (manifest.complete, manifest.passes, manifest.duplicate_rows) == (True, 2, 1)
    assert written == rows


def test_order_within_a_page(tmp_path: Path) -> None:
    """Another order within a page moves no contact."""

    class Mixed(Service):
        def page(self, page: int, limit: int) -> list[Row]:
            rows = super().page(page, limit)
            return self.random.sample(rows, len(rows))

    manifest, _ = report(Mixed(rows_of(250, ids=True)), tmp_path)

    assert (manifest.complete, manifest.passes) == (True, 1)


def test_without_numbers(tmp_path: Path) -> None:
    """Rows that nothing names are believed if a second reading has the same."""
    service = Service([{"dialerOutcome": "busy", "row": n} for n in range(150)])
    manifest, _ = report(service, tmp_path)

    assert (manifest.complete, manifest.passes, manifest.rows) == (True, 2, 150)


def test_dropped_numbers(tmp_path: Path) -> None:
    """Two pages that are alike only because numbers are not written are two pages."""
    service = Service(rows_of(250, ids=False))
    options = replace(ExportOptions(("jsonl",)), phone_numbers="drop")
    manifest = export_report(
        service,
        CAMPAIGN,
        Folder(tmp_path),
        options,
        kept=None,
        clock=FakeClock().clock,  # type: ignore[arg-type]
    )

    assert (manifest.complete, manifest.passes, manifest.rows) == (True, 1, 250)


@pytest.mark.parametrize("kind", [Stamped, StampedAndShuffled])
@pytest.mark.parametrize("count", [7, 250])
def test_stamped(kind: type[Service], count: int, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A field that changes in every row at each reading is named, and keeps neither report nor delete from an end."""
    service = kind(rows_of(count, ids=True))
    manifest, rows = report(service, tmp_path)

    assert (manifest.complete, manifest.rows, manifest.left_out) == (True, count, ("readAt",))
    assert len({row["readAt"] for row in rows}) == count
    assert (
        "1 fields change in every row each time it is read, and are not compared; the manifest names them"
        in caplog.text
    )
    checked = CheckedReport(Folder(tmp_path), manifest)
    # Two pages of one that shuffles hold a contact twice, so they are no ends of its results.
    ends = "all" if (kind, count) == (StampedAndShuffled, 250) else "ends"
    for how, verified in (("all", "all"), ("ends", ends)):
        again = verify_report(service, CAMPAIGN, checked, how=how, clock=FakeClock().clock)  # type: ignore[arg-type]
        assert (again.verified, again.manifest.sha256) == (verified, manifest.sha256)


def test_stamped__a_field_that_counts(tmp_path: Path) -> None:
    """Another undocumented field, which stands still, is compared: what is new in it is kept."""
    service = Stamped(rows_of(7, ids=True))
    manifest, _ = report(service, tmp_path)
    service.rows[3]["disposition note"] = "call back"
    checked = CheckedReport(Folder(tmp_path), manifest)
    again = verify_report(service, CAMPAIGN, checked, how="all", clock=FakeClock().clock)  # type: ignore[arg-type]

    assert again.manifest.extends == (manifest.sha256,)
    assert [row.get("disposition note") for row in rows_in(tmp_path)] == [None] * 3 + ["call back"] + [None] * 3


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("who", [{"phoneNumber": "15551230000"}, {"phoneNumber": ""}, {}])
def test_shuffled__told_apart_by_nothing_documented(who: Row, seed: int, tmp_path: Path) -> None:
    """A field by which alone contacts can be told apart does not pass for one that changes at every reading."""
    service = Shuffled([{**who, "dialerOutcome": "no-answer", "contactId": n} for n in range(250)], seed)
    manifest, rows = report(service, tmp_path)

    assert manifest.left_out == ()
    assert not manifest.complete or len({row["contactId"] for row in rows}) == 250


def rows_in(folder: Path) -> list[Row]:
    """The rows of the report in a folder."""
    return [json.loads(line) for line in path_in(folder, "contacts.jsonl").read_bytes().splitlines()]


@pytest.mark.parametrize("how", list(PhoneNumbers))
@pytest.mark.parametrize("odd", [('{"a":', "}"), ("[", "]")])
@pytest.mark.parametrize("levels", [97, 98, 900])
def test_nested(levels: int, odd: tuple[str, str], how: PhoneNumbers, tmp_path: Path) -> None:
    """A row that is nested 99 times is written; one that is nested deeper is told of without it."""
    row = {"phoneNumber": "19995550142", "x": json.loads(odd[0] * levels + '["Canary"]' + odd[1] * levels)}
    options = ExportOptions(("jsonl",), phone_numbers=how)
    written: list[Manifest] = []
    told = ""
    try:
        written.append(
            export_report(Service([row]), CAMPAIGN, Folder(tmp_path), options, kept=None, clock=FakeClock().clock)  # type: ignore[arg-type]
        )
    except ReportError as error:
        told = str(error)

    assert [one.complete for one in written] == ([True] if levels == 97 else [])
    assert ("a row on page 1 of its results cannot be written" in told) is (levels > 97)
    assert "Canary" not in told
