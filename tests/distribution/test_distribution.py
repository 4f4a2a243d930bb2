"""What is built, as a user gets it: the files in it, and what they do where nothing else was installed.

`make test-package` builds ``dist/`` and runs this file.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REPOSITORY = Path(__file__).resolve().parents[2]
DIST = REPOSITORY / "dist"
RELEASE_PYTHON = REPOSITORY / ".venv-release" / "bin" / "python"
NAME = "airflow_provider_campaigns"

pytestmark = pytest.mark.timeout(900)  # an environment of pip's alone takes minutes


def only(pattern: str) -> Path:
    """The one file of that name in ``dist/``."""
    (found,) = DIST.glob(pattern)
    return found


def call(*command: str | Path, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    """What a command prints; an assertion with everything that it printed if it fails."""
    done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def tracked(*folders: str) -> set[str]:
    """The files of the repository, without those that were only left lying in it."""
    return set(call("git", "ls-files", "--", *folders, cwd=REPOSITORY).split())


def description_of(built: Path) -> str:
    """The metadata of what is built, its long description among them."""
    if built.suffix == ".whl":
        with zipfile.ZipFile(built) as archive:
            (name,) = [one for one in archive.namelist() if one.endswith(".dist-info/METADATA")]
            return archive.read(name).decode()
    with tarfile.open(built) as archive:
        (member,) = [one for one in archive.getmembers() if one.name.endswith("/PKG-INFO")]
        return archive.extractfile(member).read().decode()


class TestFiles:
    """What is in the wheel and in the sdist."""

    def test_wheel__package_alone(self):
        """The wheel holds every file of the package and its metadata: no tests, no demo, nothing left lying about."""
        names = set(zipfile.ZipFile(only("*.whl")).namelist())
        metadata = {name for name in names if ".dist-info/" in name}

        assert names - metadata == tracked(NAME)
        assert {name.partition(".dist-info/")[2] for name in metadata} == {
            "METADATA",
            "RECORD",
            "WHEEL",
            "entry_points.txt",
            "licenses/LICENSE",
        }

    def test_wheel__extras(self):
        """The wheel offers what a user may want, and nothing that only developers need."""
        extras = re.findall(r"^Provides-Extra: (\S+)$", description_of(only("*.whl")), re.MULTILINE)

        assert extras == ["parquet", "postgres", "redis", "simulator"]

    def test_sdist__all_that_its_tests_need(self):
        """The sdist holds the whole repository but for what only git and CI read."""
        with tarfile.open(only("*.tar.gz")) as archive:
            names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}

        assert names - {"PKG-INFO"} == tracked() - {".ci/run", ".gitignore"}

    @pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
    def test_description__links_lead_into_the_repository(self, kind: str):
        """Each link of what a package index shows is absolute: a file or folder of the repository, at the version."""
        metadata = description_of(only(kind))
        source = re.search(r"^Project-URL: Source Code, (\S+)$", metadata, re.MULTILINE)[1]
        version = re.search(r"^Version: (\S+)$", metadata, re.MULTILINE)[1]
        links = re.findall(r"(!?)\[[^\]]*\]\(([^)]+)\)", metadata)
        inside = rf"{re.escape(source)}/(blob|tree|raw)/v{re.escape(version)}/([^#]+)"

        assert source.startswith("https://")
        assert len(links) > 30
        assert [image for image, _ in links].count("!") == 1
        for image, target in links:
            found = re.match(inside, target)
            assert found, target
            path = REPOSITORY / found[2]
            assert path.exists(), target
            assert found[1] == ("raw" if image else "tree" if path.is_dir() else "blob"), target

    @pytest.mark.parametrize(
        "command",
        [("twine", "check", "--strict", "*.whl", "*.tar.gz"), ("check_wheel_contents", "*.whl")],
        ids=lambda command: command[0],
    )
    def test_checkers(self, command: Sequence[str]):
        """The tools that look at what is uploaded find nothing."""
        files = [str(only(word)) if word.startswith("*") else word for word in command]

        call(RELEASE_PYTHON, "-m", *files)


class Installed(NamedTuple):
    """An environment that holds the package, what it needs at run time, and nothing else."""

    folder: Path
    env: dict[str, str]

    def python(self, *arguments: str) -> str:
        return call(self.folder / "bin" / "python", *arguments, env=self.env, cwd=self.folder)

    def airflow(self, *arguments: str) -> str:
        return self.python("-m", "airflow", *arguments)


@pytest.fixture(scope="module", params=["*.whl", "*.tar.gz"], ids=["wheel", "sdist"])
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The built file, installed where nothing was; its dependencies are of the versions that are pinned."""
    folder = tmp_path_factory.mktemp("installed") / "environment"
    versions = folder.with_name("versions.txt")
    pinned = (REPOSITORY / "requirements-dev.txt").read_text()
    versions.write_text("\n".join(re.findall(r"^[^\s#].*?(?= \\$)", pinned, re.MULTILINE)))
    built = only(request.param)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON", "VIRTUAL"))}
    if uv := shutil.which("uv"):
        call(uv, "venv", "--quiet", "--python", sys.executable, folder)
        env["UV_COMPILE_BYTECODE"] = "1"
        call(uv, "pip", "install", "--quiet", "--python", folder / "bin/python", "-c", versions, built, env=env)
    else:
        call(sys.executable, "-m", "venv", folder)
        call(folder / "bin/python", "-m", "pip", "install", "--quiet", "-c", versions, built, env=env)
    env |= {
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "NO_PROXY": "127.0.0.1,localhost",
    }
    yield Installed(folder, env)
    shutil.rmtree(folder)


IMPORT_ALL = f"""
import importlib, pkgutil, sys
import {NAME} as package

names = [getattr(package, name) and name for name in package.__all__]
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if module.name.rpartition(".")[2] not in ("__main__", "pytest_plugin"):
        importlib.import_module(module.name)
print(*names, package.__file__, *(name for name in ("pytest", "pyarrow", "hypothesis") if name in sys.modules))
"""

STOP = """
import json, os
from airflow.sdk import DAG
from airflow_provider_campaigns import StopVoiceCampaignOperator

with DAG("stop", schedule=None, params={"campaign_id": ""}) as dag:
    StopVoiceCampaignOperator(task_id="stop", campaign_id="{{ params.campaign_id }}")

if __name__ == "__main__":
    from airflow_provider_campaigns.simulator import KoreSimulator

    with KoreSimulator() as simulator:
        campaign = simulator.add_campaign(name="C", status="Active")
        os.environ["AIRFLOW_CONN_KORE_DEFAULT"] = simulator.connection_json()
        run = dag.test(run_conf={"campaign_id": campaign})
        print(json.dumps([run.state, simulator.campaign(campaign).status]))
"""

NO_FASTAPI = "import sys; sys.modules['fastapi'] = None; sys.argv = ['simulator']; import runpy; "
NO_FASTAPI += f"runpy.run_module('{NAME}.simulator', run_name='__main__')"


class TestInstalled:
    """What a user has after ``pip install``, without any extra."""

    def test_import(self, installed: Installed):
        """Every public name and every module can be imported, and no tool of ours is needed for it."""
        names = installed.python("-W", "error:::airflow_provider_campaigns", "-c", IMPORT_ALL).split()

        assert {"KoreCampaignHook", "StopVoiceCampaignOperator", "DeleteCampaignOperator"} <= set(names)
        assert names[-1].startswith(str(installed.folder))

    def test_airflow__knows_the_provider(self, installed: Installed):
        """It is in the lists of providers, of plugins and of connection types."""
        version = installed.python("-c", f"import {NAME}; print({NAME}.__version__)").strip()
        providers = json.loads(installed.airflow("providers", "list", "--output", "json"))
        plugins = json.loads(installed.airflow("plugins", "--output", "json"))
        hooks = json.loads(installed.airflow("providers", "hooks", "--output", "json"))

        assert [one["version"] for one in providers if one["package_name"] == "airflow-provider-campaigns"] == [version]
        assert "kore_campaign" in [one["name"] for one in plugins]
        assert [one["class"] for one in hooks if one["connection_type"] == "kore_campaign"] == [
            "airflow_provider_campaigns.hooks.KoreCampaignHook"
        ]

    def test_stop__runs(self, installed: Installed):
        """A task stops a campaign; Airflow itself brings what the simulator needs."""
        dag_file = installed.folder / "dags" / "stop.py"
        dag_file.parent.mkdir()
        dag_file.write_text(STOP)
        installed.airflow("db", "migrate")

        assert json.loads(installed.python(str(dag_file)).splitlines()[-1]) == ["success", "Stopped"]

    def test_simulator__says_what_it_needs(self, installed: Installed):
        """Where FastAPI is missing, the simulator names the extra that brings it."""
        done = subprocess.run(
            [installed.folder / "bin/python", "-c", NO_FASTAPI],
            env=installed.env,
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode != 0
        assert done.stderr.splitlines()[-1] == (
            "ImportError: the Kore.ai simulator needs fastapi: pip install 'airflow-provider-campaigns[simulator]'"
        )
