"""Builds sdist and wheel into dist/, as ``make build`` does.

The links of README.md lead to files beside it, which a package index does not show. In what is built they lead to the
project's address in pyproject.toml, at the tag of the version. The wheel is built from the sdist, so that both agree.
"""

from __future__ import annotations

import re
import shutil
import tarfile
import tomllib
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

from flit_core.buildapi import build_sdist, build_wheel

REPOSITORY = Path(__file__).resolve().parents[1]
RELATIVE_LINK = re.compile(r"(?P<text>(?P<image>!?)\[[^\]]*\]\()(?!https?://|#)(?P<target>[^)]+)\)")


def with_absolute_links(text: str, *, source: str, tag: str) -> str:
    """Markdown whose links to files lead to the repository at ``source``, as it is at ``tag``."""

    def absolute(link: re.Match[str]) -> str:
        kind = "raw" if link["image"] else "tree" if link["target"].endswith("/") else "blob"
        return f"{link['text']}{source}/{kind}/{tag}/{link['target']})"

    return RELATIVE_LINK.sub(absolute, text)


def main() -> None:
    """Make dist/ anew."""
    dist = REPOSITORY / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir()
    source = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["urls"]["Source Code"]
    with TemporaryDirectory() as folder:
        with chdir(REPOSITORY):
            name = build_sdist(folder).removesuffix(".tar.gz")
        with tarfile.open(Path(folder) / f"{name}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
        readme = Path(folder) / name / "README.md"
        readme.write_text(with_absolute_links(readme.read_text(), source=source, tag=f"v{name.rpartition('-')[2]}"))
        with chdir(readme.parent):
            print(build_sdist(str(dist)), build_wheel(str(dist)), sep="\n")  # noqa: T201


if __name__ == "__main__":
    main()
