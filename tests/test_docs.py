"""The documentation tells what is: its commands exist and run, its links lead somewhere, and nothing is left out.

The Python in it is run by ``test_docs_snippets.py``.
"""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

import airflow_provider_campaigns

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text()
PAGES = sorted([REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *REPOSITORY.glob("docs/**/*.md")])


def blocks(language: str, text: str = README) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}(?: [^\n]*)?\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def as_pattern(line: str) -> re.Pattern[str]:
    """A line of printed output, with any port and any number of seconds."""
    pattern = re.escape(line.rstrip())
    pattern = re.sub(r"127\\?\.0\\?\.0\\?\.1:\d+", r"127\\.0\\.0\\.1:\\d+", pattern)
    return re.compile(re.sub(r"^(\\ )*\d+\\\.\d\\ s", r" *[\\d.]+ s", pattern))


LOADED = (
    re.compile(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?([^\"'\s>]+)"),
    re.compile(r"<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|icon|preconnect|preload))[^>]*\bhref=[\"']?([^\"'\s>]+)"),
)
"""What a browser fetches for a page."""

PUBLIC = [name for name in airflow_provider_campaigns.__all__ if name != "__version__"]


def test_readme__commands():
    """The README has the reader run nothing but these."""
    assert blocks("bash") == ["make demo\n", "pip install airflow-provider-campaigns\n"]


@pytest.mark.timeout(600)
def test_readme__demo_prints_what_the_readme_shows():
    """`make demo` succeeds, and prints the README's lines in the README's order."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
    done = subprocess.run(
        ["make", "--no-print-directory", "demo"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    printed = iter(done.stdout.splitlines())
    for line in blocks("text")[0].splitlines():
        if line.strip() != "...":
            assert any(as_pattern(line).fullmatch(seen.rstrip()) for seen in printed), (
                f"not printed, or too early: {line}"
            )


def test_readme__names_every_public_class():
    """Whatever can be imported from the package's top is in the README."""
    assert [name for name in PUBLIC if name not in README] == []


def test_readme__is_short():
    """A reader sees the first success without scrolling, and the whole README on a few screens."""
    assert "make demo" in README.splitlines()[:20]
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("name", PUBLIC)
def test_pages__tell_of_every_public_class(name: str):
    """Each public class is told of on a page, and has its place in the API reference."""
    told = [path for path in PAGES if path.is_relative_to(REPOSITORY / "docs") and f"`{name}`" in path.read_text()]
    reference = [
        path
        for path in (REPOSITORY / "docs/api").glob("*.md")
        if re.search(rf"^:::.*\.{name}$", path.read_text(), re.MULTILINE)
    ]

    assert [path for path in told if path.parent.name != "api"]
    assert len(reference) == 1


def pages_in(nav: list[dict[str, object]]) -> list[str]:
    """The pages of a navigation, in order."""
    return [
        page
        for entry in nav
        for inside in entry.values()
        for page in ([inside] if isinstance(inside, str) else pages_in(inside))  # type: ignore[arg-type]
    ]


def test_site__shows_every_page():
    """Each page is in the site's navigation; a decision is in the list of decisions."""
    shown = pages_in(yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text())["nav"])
    decisions = (REPOSITORY / "docs/decisions/README.md").read_text()
    there = [path.relative_to(REPOSITORY / "docs") for path in PAGES if path.is_relative_to(REPOSITORY / "docs")]

    assert len(shown) == len(set(shown))
    assert [str(path) for path in there if not path.name[0].isdigit() and str(path) not in shown] == []
    assert [path.name for path in there if path.name[0].isdigit() and f"({path.name})" not in decisions] == []


@pytest.mark.timeout(600)
def test_site__builds_and_fetches_nothing():
    """`make docs` ends without a warning, and no page loads anything from elsewhere."""
    done = subprocess.run(
        ["make", "--no-print-directory", "docs"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    built = list((REPOSITORY / "site").rglob("*.html"))
    assert len(built) > 30
    for page in built:
        text = page.read_text()
        loaded = [found for pattern in LOADED for found in pattern.findall(text)]
        assert loaded, page
        assert [one for one in loaded if re.match(r"(https?:)?//", one)] == [], page
    styles = "".join(path.read_text() for path in (REPOSITORY / "site").rglob("*.css"))
    assert not re.search(r"url\([\"']?(https?:)?//|@import", styles)


def test_architecture__pictures_what_there_is():
    """Every module and folder in the picture of the rings exists, and each of the package's own is in it."""
    text = " ".join(re.findall(r"<text[^>]*>([^<]+)</text>", (REPOSITORY / "docs/images/rings.svg").read_text()))
    named = re.findall(r"[a-z_]+(?:/(?:[a-z_]+\.py)?|\.py)", text)

    package = REPOSITORY / "airflow_provider_campaigns"
    modules = [path.name for path in package.glob("[a-z]*.py")]
    folders = [f"{path.parent.name}/" for path in package.glob("*/__init__.py")]

    assert len(named) > 10
    assert [name for name in named if not (package / name).exists()] == []
    assert [name for name in modules + folders if name not in named] == []


def test_safety__names_tests_that_exist():
    """Each guarantee names tests, and each of them is there."""
    page = (REPOSITORY / "docs/safety.md").read_text()
    rows = re.findall(r"^\| \*\*.*$", page, re.MULTILINE)
    named = [re.findall(r"`(tests/[\w/]+\.py)::(?:\w+::)?(\w+)`", row) for row in rows]

    assert len(rows) > 10
    assert all(named)
    missing = [
        f"{file}::{name}"
        for row in named
        for file, name in row
        if not re.search(rf"def {name}\b", (REPOSITORY / file).read_text())
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links__lead_somewhere(page: Path):
    """No relative link is dead."""
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_addresses__are_in_one_place():
    """The address of the project's repository is in pyproject.toml alone, and what is there agrees."""
    urls = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["urls"]
    source = urls["Source Code"]
    found = subprocess.run(
        ["git", "grep", "--name-only", "--fixed-strings", source.removeprefix("https://")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )

    assert all(address.startswith(source) for address in urls.values())
    assert found.stdout.split() == ["pyproject.toml"]


def test_commands__exist():
    """A page tells to make, or to run by Python, only what there is."""
    text = "\n".join(
        block for page in PAGES for kind in ("bash", "console") for block in blocks(kind, page.read_text())
    )
    inline = "\n".join(re.findall(r"`(make [a-z-]+)", "\n".join(page.read_text() for page in PAGES)))
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    made = set(re.findall(r"\bmake ([a-z-]+)", text + inline))
    modules = set(re.findall(r"python -m ([\w.]+)", text))

    assert made >= {"demo", "airflow", "docs", "docs-serve"}
    assert made - targets == set()
    assert modules >= {"airflow_provider_campaigns.simulator", "pytest"}
    assert [module for module in modules if find_spec(module) is None] == []


def test_makefile__help_lists_every_target():
    """`make` alone lists the targets, each with a sentence."""
    listed = subprocess.run(["make", "-C", str(REPOSITORY)], capture_output=True, text=True, check=True).stdout
    targets = re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)

    assert targets
    assert [target for target in targets if not re.search(rf"^  {target} +\w", listed, re.MULTILINE)] == []


def test_project__speaks_of_itself_alone():
    """No file names a place on the machine it was written on."""
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    paths = [path for path in tracked if path and not path.startswith("requirements")]
    here = (str(REPOSITORY), str(Path.home()))
    texts = {path: (REPOSITORY / path).read_text(errors="replace") for path in paths}

    assert paths
    assert [path for path, text in texts.items() if any(place in text for place in here)] == []
