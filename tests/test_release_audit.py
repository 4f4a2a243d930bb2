"""``make audit`` passes only when every package was looked up."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from audit import judge  # type: ignore[import-not-found]

CLEAN = {"name": "requests", "version": "2.34.2", "vulns": []}
UNKNOWN = {"name": "flask", "skip_reason": "Dependency not found on PyPI and could not be audited: flask (3.1.0)"}
WEAK = {
    "name": "jinja2",
    "version": "3.1.5",
    "vulns": [{"id": "PYSEC-2025-1", "fix_versions": ["3.1.6"]}, {"id": "PYSEC-2025-2", "fix_versions": []}],
}


@pytest.mark.parametrize(
    ("packages", "code", "lines"),
    [
        ([CLEAN], 0, ["1 packages, none with a known vulnerability"]),
        ([CLEAN, UNKNOWN], 2, ["1 of 2 packages could not be looked up; nothing is known of: flask"]),
        ([UNKNOWN] * 11, 2, [f"11 of 11 packages could not be looked up; nothing is known of: {'flask, ' * 10}..."]),
        (
            [UNKNOWN, WEAK],
            1,
            ["jinja2 3.1.5: PYSEC-2025-1, fixed in 3.1.6", "jinja2 3.1.5: PYSEC-2025-2, fixed in none"],
        ),
        ([], 2, ["0 of 0 packages could not be looked up; nothing is known of: "]),
    ],
)
def test_judge(packages: list[dict[str, Any]], code: int, lines: list[str]):
    """A vulnerability is 1, a package that nothing is known of is 2, and only all looked up and clean is 0."""
    assert judge({"dependencies": packages}) == (code, lines)
