"""``.venv-peers``: the providers that ours is measured beside, away from our own environment."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = (
    "apache-airflow==3.3.2",
    "apache-airflow-providers-databricks==7.23.0",
    "apache-airflow-providers-airbyte==6.2.0",
)
ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".venv-peers"


def peer_python() -> Path:
    """Its interpreter. The environment is made, with uv where that is found, unless it is there and up to date.

    It cannot follow requirements-dev.txt: the Databricks provider wants older versions of some libraries.

    Raises:
        subprocess.CalledProcessError: it cannot be made.
    """
    python = FOLDER / "bin" / "python"
    stamp = FOLDER / ".up-to-date"
    # A virtual environment does not survive being moved: its own path is part of what was set up.
    wanted = "\n".join([platform.python_version(), str(FOLDER), *PACKAGES])
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    print(f"making {FOLDER.name} (once; half a minute with uv, some minutes with pip)", file=sys.stderr, flush=True)
    if uv := shutil.which("uv"):
        _call(uv, "venv", "--quiet", "--clear", "--python", sys.executable, FOLDER)
        _call(uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *PACKAGES)
    else:
        _call(sys.executable, "-m", "venv", "--clear", FOLDER)
        _call(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES)
    stamp.write_text(wanted, encoding="utf-8")
    return python


def _call(*command: str | Path) -> None:
    # An active virtual environment is not what uv is to work on.
    env = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run([str(one) for one in command], check=True, env=env)
