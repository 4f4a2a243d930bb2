"""Contacts as typed columns."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("pyarrow", exc_type=ImportError)

import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_campaigns.reports import parquet
from airflow_provider_campaigns.reports.folder import Folder
from airflow_provider_campaigns.reports.parquet import ParquetTable

if TYPE_CHECKING:
    from pathlib import Path

ROW: dict[str, Any] = {
    "phoneNumber": "12005550100",
    "uniqueId": "customer-1",
    "dialerOutcome": "completed",
    "numberOfAttemptsSoFar": 2,
    "botSessionId": "6a1f",
    "agentDispositionCodes": ["Resolved", "System Generated"],
    "botOutboundStatus": "userHangUp",
    "botOutboundStatusDetail": "Client side",
}


def write(folder: Path, *pages: list[dict[str, Any]]) -> Path:
    """A file of these pages."""
    writer = Folder(folder).begin("contacts.parquet")
    table = ParquetTable(writer)
    for page in pages:
        table.add(page)
    table.close()
    writer.commit()
    return folder / "contacts.parquet"


def test_columns(tmp_path: Path) -> None:
    """Each documented field has a column of its kind; what else there is is JSON in the last."""
    table = pq.read_table(write(tmp_path, [ROW, ROW | {"zone": "Süd", "n": 1}]))

    assert [(field.name, str(field.type)) for field in table.schema] == [
        ("phoneNumber", "string"),
        ("uniqueId", "string"),
        ("dialerOutcome", "string"),
        ("numberOfAttemptsSoFar", "int64"),
        ("botSessionId", "string"),
        ("agentDispositionCodes", "list<element: string>"),
        ("botOutboundStatus", "string"),
        ("botOutboundStatusDetail", "string"),
        ("other", "string"),
    ]
    assert table.to_pylist() == [ROW | {"other": None}, ROW | {"other": '{"zone":"S\\u00fcd","n":1}'}]


def test_nothing(tmp_path: Path) -> None:
    """Without rows there are the columns."""
    assert pq.read_table(write(tmp_path)).num_rows == 0


@pytest.mark.parametrize(
    ("field", "value", "other"),
    [
        ("numberOfAttemptsSoFar", "2", '{"numberOfAttemptsSoFar":"2"}'),
        ("numberOfAttemptsSoFar", True, '{"numberOfAttemptsSoFar":true}'),
        ("numberOfAttemptsSoFar", 2**63, '{"numberOfAttemptsSoFar":9223372036854775808}'),
        ("agentDispositionCodes", "Resolved", '{"agentDispositionCodes":"Resolved"}'),
        ("agentDispositionCodes", [1], '{"agentDispositionCodes":[1]}'),
        ("dialerOutcome", 7, '{"dialerOutcome":7}'),
        ("dialerOutcome", None, None),
    ],
)
def test_odd_values(field: str, value: object, other: str | None, tmp_path: Path) -> None:
    """A value of another kind than its column's is not lost."""
    (row,) = pq.read_table(write(tmp_path, [{field: value}])).to_pylist()

    assert (row[field], row["other"]) == (None, other)


def test_half_a_pair(tmp_path: Path) -> None:
    """Text that UTF-8 cannot hold is written as far as it can be."""
    (row,) = pq.read_table(write(tmp_path, [{"uniqueId": "a\ud83d", "agentDispositionCodes": ["\ud83d"]}])).to_pylist()

    assert (row["uniqueId"], row["agentDispositionCodes"]) == ("a?", ["?"])


@settings(deadline=None)  # a loaded machine is no failure
@given(st.lists(st.integers(1, 99), min_size=1, max_size=6))
def test_groups(tmp_path_factory: pytest.TempPathFactory, cuts: list[int]) -> None:
    """However the rows came in, the file is the same, byte by byte, and its groups are of the same size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "ROWS_IN_A_GROUP", 30)
        rows = [ROW | {"uniqueId": f"customer-{n}"} for n in range(100)]
        bounds = [0, *sorted(set(cuts)), 100]
        pages = [rows[first:last] for first, last in itertools.pairwise(bounds)]
        path = write(tmp_path_factory.mktemp("cut"), *pages)
        whole = write(tmp_path_factory.mktemp("whole"), rows)

    assert path.read_bytes() == whole.read_bytes()
    metadata = pq.read_metadata(path)
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [30, 30, 30, 10]
    assert pq.read_table(path).num_rows == 100
