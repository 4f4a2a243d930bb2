"""``contacts.parquet``: the rows as typed columns. Needs pyarrow, which the extra ``parquet`` installs."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.kore.errors import KoreConfigurationError
from airflow_provider_campaigns.reports.rows import COLUMNS, OTHER_COLUMN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider_campaigns.reports.folder import Writer

ROWS_IN_A_GROUP = 10_000
"""Always so many, however the pages came in: the bytes of the file depend on it."""

_NUMBER = "numberOfAttemptsSoFar"
_TEXTS = "agentDispositionCodes"
_LARGEST = 2**63


def check_installed() -> None:
    """Make sure that the format can be written.

    Raises:
        KoreConfigurationError: pyarrow is not installed.
    """
    if find_spec("pyarrow") is None:
        raise KoreConfigurationError(
            "formats: 'parquet' needs pyarrow; install airflow-provider-campaigns[parquet] where the task runs",
            field="formats",
        )


class ParquetTable:
    """A file of columns: texts, a number of attempts, a list of dispositions.

    A value of another kind than its column, and every field without one, is in the column ``other``, as JSON.
    """

    def __init__(self, writer: Writer) -> None:
        import pyarrow as pa  # noqa: PLC0415 - 0.3 s, and optional
        import pyarrow.parquet as pq  # noqa: PLC0415

        kinds = {_NUMBER: pa.int64(), _TEXTS: pa.list_(pa.string())}
        self._schema = pa.schema([(name, kinds.get(name, pa.string())) for name in (*COLUMNS, OTHER_COLUMN)])
        self._batch_of = pa.RecordBatch.from_pylist
        self._file = pq.ParquetWriter(writer, self._schema, compression="zstd")
        self._pending: list[dict[str, Any]] = []

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows; a group is written whenever it is full."""
        self._pending.extend(map(_typed, rows))
        while len(self._pending) >= ROWS_IN_A_GROUP:
            self._write(self._pending[:ROWS_IN_A_GROUP])
            del self._pending[:ROWS_IN_A_GROUP]

    def close(self) -> None:
        """Write what is left, and the footer."""
        if self._pending:
            self._write(self._pending)
        self._file.close()

    def _write(self, rows: list[dict[str, Any]]) -> None:
        self._file.write_batch(self._batch_of(rows, schema=self._schema), row_group_size=ROWS_IN_A_GROUP)


def _typed(row: Mapping[str, Any]) -> dict[str, Any]:
    typed, other = {}, {}
    for name, value in row.items():
        if name in _KNOWN and _fits(name, value):
            typed[name] = _writable(value)
        else:
            other[name] = value
    typed[OTHER_COLUMN] = json.dumps(other, separators=(",", ":")) if other else None
    return typed


def _fits(name: str, value: object) -> bool:
    if value is None:
        return True
    if name == _NUMBER:
        return isinstance(value, int) and not isinstance(value, bool) and -_LARGEST <= value < _LARGEST
    if name == _TEXTS:
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    return isinstance(value, str)


def _writable(value: Any) -> Any:
    """The value without half surrogate pairs, which JSON can hold and the format cannot."""
    if isinstance(value, list):
        return [_writable(one) for one in value]
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


_KNOWN = frozenset(COLUMNS)
