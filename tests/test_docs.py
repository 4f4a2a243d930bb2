"""The documentation tells what is: its commands run, its snippets work, its output is what a reader will see."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import airflow_provider_campaigns

if TYPE_CHECKING:
    from airflow_provider_campaigns.simulator import KoreSimulator

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text()
PAGES = sorted([REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *REPOSITORY.glob("docs/**/*.md")])


def blocks(language: str, text: str = README) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def as_pattern(line: str) -> re.Pattern[str]:
    """A line of printed output, with any port and any number of seconds."""
    pattern = re.escape(line.rstrip())
    pattern = re.sub(r"127\\?\.0\\?\.0\\?\.1:\d+", r"127\\.0\\.0\\.1:\\d+", pattern)
    return re.compile(re.sub(r"^(\\ )*\d+\\\.\d\\ s", r" *[\\d.]+ s", pattern))


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


def test_readme__client_snippet(kore_simulator: KoreSimulator, capsys: pytest.CaptureFixture[str]):
    """The ten lines without Airflow stop the campaigns that run."""
    kore_simulator.add_campaign(name="Spring Offer", status="Active")
    kore_simulator.add_campaign(name="Autumn Offer", status="Stopped")
    snippet = next(block for block in blocks("python") if "KoreClient(settings)" in block)
    for printed, real in {
        "https://platform.kore.ai": kore_simulator.url,
        "cs-1e845b00-81ad-5757-a1e7-d0f6fea227e9": kore_simulator.client_id,
        "the-client-secret": kore_simulator.client_secret,
        "st-0603182c-7ffb-53c3-b307-47ca14b90000": kore_simulator.stream_id,
        "67777ce93e25326494e90000": kore_simulator.account_id,
    }.items():
        assert printed in snippet
        snippet = snippet.replace(printed, real)

    exec(compile(snippet, "README.md", "exec"), {})

    assert capsys.readouterr().out == "Spring Offer Stopped\n"


def test_readme__simulator_snippet(capsys: pytest.CaptureFixture[str]):
    """The lines about a reader's own tests print a connection and a status."""
    snippet = next(block for block in blocks("python") if "KoreSimulator()" in block)

    exec(compile(snippet, "README.md", "exec"), {})

    connection, status = capsys.readouterr().out.splitlines()
    assert '"conn_type": "kore_campaign"' in connection
    assert status == "Active"


def test_readme__dag_snippet():
    """The DAG of the README can be parsed, without any connection."""
    snippet = next(block for block in blocks("python") if "with DAG(" in block)
    namespace: dict[str, object] = {}

    exec(compile(snippet, "README.md", "exec"), namespace)

    assert [task.task_id for task in namespace["stop"].dag.topological_sort()] == ["stop", "delete"]  # type: ignore[attr-defined]


def test_readme__names_every_public_class():
    """Whatever can be imported from the package's top is in the README."""
    missing = [name for name in airflow_provider_campaigns.__all__ if name != "__version__" and name not in README]

    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links__lead_somewhere(page: Path):
    """No relative link is dead."""
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_snippets__are_python(page: Path):
    """Every Python block can be parsed."""
    for block in blocks("python", page.read_text()):
        assert ast.parse(block).body


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
