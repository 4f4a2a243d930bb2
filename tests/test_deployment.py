"""The deployment page recommends what is tested, and names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

from demo.distributed_stack import SETTINGS

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = (REPOSITORY / "docs" / "deployment.md").read_text()


def test_settings__are_those_of_the_test():
    """The block that a reader copies is what `make test-distributed` runs with."""
    (block,) = re.findall(r"```ini\n(.*?)```", PAGE, re.DOTALL)

    assert dict(line.split("=") for line in block.splitlines()) == SETTINGS


def test_tests__exist():
    """A test that a row is said to rest on is in the file that the row links to."""
    named = re.findall(r"\[test\]\(\.\./(tests/[\w/]+\.py)\) `(\w+)`", PAGE)

    assert len(named) == 8
    assert [name for file, name in named if f"def {name}(" not in (REPOSITORY / file).read_text()] == []
