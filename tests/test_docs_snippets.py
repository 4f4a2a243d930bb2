"""Every Python block of the documentation: it compiles, imports what exists, and does what its page says.

CONTRIBUTING.md tells the convention: a block with a title is a complete file, one that imports something stands for
itself, and the rest has to compile.
"""

from __future__ import annotations

import ast
import doctest
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from airflow.sdk import DAG
from airflow_names import DagBag
from dag_runs import run_dags

from airflow_provider_campaigns.calling_hours import CallingHours

if TYPE_CHECKING:
    from airflow_provider_campaigns.simulator import KoreSimulator

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = sorted([REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *REPOSITORY.glob("docs/**/*.md")])
BLOCK = re.compile(r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<code>.*?)^```$', re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    title: str | None
    code: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(REPOSITORY)}:{self.line}"

    @property
    def imports(self) -> list[tuple[str, str | None]]:
        """Modules, and the names that are taken from them."""
        nodes = list(ast.walk(ast.parse(self.code)))
        plain = [(alias.name, None) for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        return plain + [
            (node.module or "", alias.name)
            for node in nodes
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        ]

    @property
    def is_dag(self) -> bool:
        return self.title is not None and "DAG(" in self.code


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text()
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found["language"], found["title"], found["code"])
        for found in BLOCK.finditer(text)
    ]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
PYTHON = [block for block in BLOCKS if block.language == "python"]
PROJECTS = [page for page in PAGES if any((one.title or "").startswith("test_") for one in blocks_of(page))]
DAGS = [block for block in PYTHON if block.is_dag and block.page not in PROJECTS]
SCRIPTS = [block for block in PYTHON if block.title and not block.is_dag and block.page not in PROJECTS]
FRAGMENTS = [block for block in PYTHON if block.title is None and block.imports]

SPRING = "cd-a1e45a7-e8ba-4e97-a339-476ebc700001"
SUMMER = "cd-a1e45a7-e8ba-4e97-a339-476ebc700002"
AUTUMN = "cd-a1e45a7-e8ba-4e97-a339-476ebc700003"
ENDING = "cd-a1e45a7-e8ba-4e97-a339-476ebc700004"
WINTER = "cd-a1e45a7-e8ba-4e97-a339-476ebc700005"
BILLING = "cd-a1e45a7-e8ba-4e97-a339-476ebc700006"


def closed_for_today(now: datetime) -> dict[str, object]:
    """Calling hours that have ended today, in a zone where it is about noon."""
    ahead = 12 - now.hour
    zone = f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"  # POSIX counts zones the other way round
    return {
        "frequency": "DAILY",
        "timezone": zone,
        "days": [{"start": "9:00 AM", "end": "10:00 AM"}],
    }


def seed(simulator: KoreSimulator) -> None:
    """The campaigns that the pages speak of, before any page's code has run."""
    simulator.reset()
    simulator.switches(rate_limit=None)
    hours = closed_for_today(datetime.now(UTC))
    simulator.add_campaign(campaign_id=SPRING, name="Spring Offer", status="Active", calling_hours=hours)
    simulator.add_campaign(campaign_id=SUMMER, name="Summer Offer", status="Active", calling_hours=hours)
    simulator.add_campaign(campaign_id=ENDING, name="Monsoon Offer", status="Active", calling_hours=hours, contacts=250)
    simulator.add_campaign(campaign_id=BILLING, name="Billing reminder", status="Active", contacts=250)
    simulator.add_campaign(campaign_id=AUTUMN, name="Autumn Offer", status="Stopped", contacts=250)
    simulator.add_campaign(campaign_id=WINTER, name="Winter Offer", status="Ready")


def test_blocks__are_found():
    """The convention is in use: there are complete DAGs, scripts, fragments and a project."""
    assert {one.title for one in DAGS} >= {
        "dags/end_of_campaign.py",
        "dags/first_stop.py",
        "dags/start_in_the_morning.py",
    }
    assert {one.title for one in SCRIPTS} >= {"stop_all.py"}
    assert len(FRAGMENTS) >= 3
    assert PROJECTS == [REPOSITORY / "docs" / "testing.md"]


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python__compiles_and_imports_what_exists(block: Block):
    """A reader can paste it."""
    compile(block.code, str(block), "exec")
    beside = {Path(one.title).stem for one in blocks_of(block.page) if one.title}
    for module, name in block.imports:
        if module not in beside:
            imported = import_module(module)
            assert name is None or hasattr(imported, name), f"{module} has no {name}"


@pytest.mark.parametrize("block", FRAGMENTS, ids=str)
def test_fragment__runs(block: Block, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch):
    """A block that imports something stands for itself, and raises nothing; its tasks are part of some DAG."""
    monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", kore_simulator.connection_json())
    with DAG("fragment", schedule=None):
        exec(compile(block.code, str(block), "exec"), {})


@pytest.mark.parametrize("page", [page for page in PAGES if "```pycon" in page.read_text()], ids=lambda page: page.name)
def test_pycon__prints_what_it_shows(page: Path):
    """Interactive examples give what they show."""
    failed, attempted = doctest.testfile(str(page), module_relative=False)

    assert failed == 0
    assert attempted > 0


@pytest.mark.parametrize("block", DAGS, ids=str)
def test_dag__parses_without_connections(block: Block, tmp_path: Path):
    """A DAG file needs nothing to be parsed, and its file has its DAG's name."""
    (tmp_path / Path(block.title or "").name).write_text(block.code)

    bag = DagBag(str(tmp_path))

    assert bag.import_errors == {}
    assert list(bag.dags) == [Path(block.title or "").stem]


@pytest.mark.timeout(600)
def test_dags__run(kore_simulator: KoreSimulator, tmp_path: Path):
    """Every DAG of the documentation ends well against campaigns as its page has them."""
    (tmp_path / "home").mkdir()
    (tmp_path / "dags").mkdir()
    now = datetime.now(UTC)
    today = CallingHours.from_api(closed_for_today(now)).business_day(now)
    for block in DAGS:
        # The last day that the README names is the reader's, here it has come; and so are the buckets.
        code = block.code.replace('last_day="2026-12-24"', f'last_day="{today}"')
        code = re.sub(r"s3://\w+@\w+/|/tmp/campaigns/", f"file://{tmp_path}/", code)
        # There is nobody to ask, and no quarter of an hour to wait.
        if "approve=" not in code:
            code = code.replace("end_of_campaign(\n", "end_of_campaign(\n        grace_period=0, approve=False,\n")
        (tmp_path / "dags" / Path(block.title or "").name).write_text(code)
    seed(kore_simulator)

    runs = run_dags(tmp_path / "dags", kore_simulator, tmp_path / "home")

    assert sorted(runs) == sorted(Path(block.title or "").stem for block in DAGS)
    assert {dag_id: run.state for dag_id, run in runs.items()} == dict.fromkeys(runs, "success")
    unfinished = {
        f"{dag_id}.{name}: {one.state}"
        for dag_id, run in runs.items()
        for name, instances in run.tasks.items()
        for one in instances
        if one.state != "success"
    }
    assert unfinished == set()
    assert {ENDING, BILLING}.isdisjoint(campaign.campaign_id for campaign in kore_simulator.campaigns())
    for campaign_id in (SPRING, SUMMER, ENDING, BILLING):
        kore_simulator.assert_one_effect("stop", campaign_id)
    kore_simulator.assert_one_effect("start", WINTER)
    kore_simulator.assert_one_effect("delete", AUTUMN)
    assert runs["count_results"].only("count_outcomes").result


@pytest.mark.parametrize("block", SCRIPTS, ids=str)
def test_script__runs(block: Block, kore_simulator: KoreSimulator, capsys: pytest.CaptureFixture[str]):
    """A script does its work with the account that is written in it."""
    seed(kore_simulator)
    code = block.code
    for printed, real in {
        "https://platform.kore.ai": kore_simulator.url,
        "cs-1e845b00-81ad-5757-a1e7-d0f6fea227e9": kore_simulator.client_id,
        "the-client-secret": kore_simulator.client_secret,
        "st-0603182c-7ffb-53c3-b307-47ca14b90000": kore_simulator.stream_id,
        "67777ce93e25326494e90000": kore_simulator.account_id,
    }.items():
        assert printed in code
        code = code.replace(printed, real)

    exec(compile(code, str(block), "exec"), {"__name__": "__main__"})

    # The newest comes first, and two may be of the same millisecond.
    lines = sorted(capsys.readouterr().out.splitlines())
    assert lines == [
        "Billing reminder Stopped",
        "Monsoon Offer Stopped",
        "Spring Offer Stopped",
        "Summer Offer Stopped",
    ]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", PROJECTS, ids=lambda page: page.name)
def test_project__its_tests_pass(page: Path, tmp_path: Path):
    """The files of a page about tests are a project, and its tests pass."""
    for block in blocks_of(page):
        if block.title:
            path = tmp_path / block.title
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.code)
    (tmp_path / "pytest.ini").touch()  # so that no settings are taken from a folder above
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "PYTEST_"))}

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-8000:]
    assert re.search(r"^3 passed", done.stdout, re.MULTILINE)


@pytest.mark.timeout(600)
def test_getting_started__every_command(tmp_path: Path):
    """The page's commands and its DAGs, in the order of the page, lead to what it shows."""
    page = REPOSITORY / "docs" / "getting-started.md"
    install, service, connect, run, end = [one.code for one in blocks_of(page) if one.language == "bash"]
    dag_files = [one for one in blocks_of(page) if one.language == "python"]
    assert install.splitlines() == [  # it is installed
        "python3 -m venv ~/campaigns",
        ". ~/campaigns/bin/activate",
        "pip install 'airflow-provider-campaigns[simulator]'",
    ]
    assert service == "python -m airflow_provider_campaigns.simulator --port 8400\n"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
    environment |= {"PATH": path, "HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}

    # Any free port: 8400 may be taken on the machine that runs this.
    with subprocess.Popen(
        ["bash", "-c", f"exec {service.replace('8400', '0')}"], env=environment, stdout=subprocess.PIPE, text=True
    ) as simulator:
        try:
            assert simulator.stdout is not None
            printed = []
            while not printed or not printed[-1].startswith("export "):
                printed.append(next(simulator.stdout))
            for dag in dag_files:
                code = dag.code.replace("/tmp/campaigns/", f"{tmp_path}/campaigns/")
                (tmp_path / Path(dag.title or "").name).write_text(code)
            write = "mv ~/*.py ~/airflow-campaigns/dags/\n"
            script = f"set -e\n{printed[-1]}{connect}{write}{run}{end}"
            done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)
        finally:
            simulator.terminate()

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-8000:]
    said = done.stdout + done.stderr
    assert "Connection success!" in said
    assert "cd-3e70682-c209-4cac-a29f-6fbed82c07cd  voice  Active     Service renewal outreach" in "".join(printed)
    assert re.search(r'campaign cd-3e70682-c209-4cac-a29f-6fbed82c07cd: {.*"changed": true.*"status": "Stopped"}', said)
    assert re.search(r"\[{'campaign_id': 'cd-b1167b3-67a9-4378-bc65-c1e582e2e662', .*'fate': 'deleted'", said)
    (report,) = (tmp_path / "campaigns" / "reports").rglob("report-*.html")
    assert "Billing reminder" in report.read_text()
    assert list((tmp_path / "campaigns" / "deleted").rglob("receipt.json"))


@pytest.mark.parametrize("hour", range(24))
def test_closed_for_today(hour: int):
    """The hours of the campaigns above have ended at any time of day."""
    now = datetime(2026, 3, 2, hour, 59, 59, tzinfo=UTC)
    hours = CallingHours.from_api(closed_for_today(now))
    close = hours.last_close_of_day(hours.business_day(now))

    assert close is not None
    assert timedelta(0) < now - close < timedelta(hours=4)
