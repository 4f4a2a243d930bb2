"""What the documentation site has beside docs/: pages made of other files of the repository, and links that find them.

MkDocs calls the functions named ``on_*``. Links are written for readers of the repository, relative to the file they
are in; here those that leave docs/ are led to the page of the site that shows the same, or else to the repository.
"""

from __future__ import annotations

import ast
import posixpath
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Source Code"]
EXAMPLES = sorted((ROOT / "example_dags").glob("*.py"))

PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "RELEASING.md": "releasing.md",
    "SECURITY.md": "vulnerabilities.md",
    "benchmarks/README.md": "figures.md",
    "example_dags": "examples/index.md",
    **{f"example_dags/{example.name}": f"examples/{example.stem}.md" for example in EXAMPLES},
}
"""Path in the repository to path in the site, of what is not in docs/."""

LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)(?=[)#])")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made of files outside docs/."""
    for origin, page in PAGES.items():
        path = ROOT / origin
        if path.is_dir():
            content = example_index()
        elif path.suffix == ".py":
            content = example_page(path)
        elif path.exists():
            content = path.read_text()
        else:
            continue
        files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Lead the links that leave docs/ to where the site shows the same."""
    here = page.file.src_uri
    origin = next((origin for origin, made in PAGES.items() if made == here), f"docs/{here}")

    def led(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(origin), match[1]))
        if (ROOT / target / "README.md").exists():
            target += "/README.md"
        shown = PAGES.get(target) or (target.removeprefix("docs/") if target.startswith("docs/") else None)
        if shown is not None:
            return posixpath.relpath(shown, posixpath.dirname(here) or ".")
        return f"{REPOSITORY}/blob/main/{target}" if (ROOT / target).exists() else match[1]

    # A page made of an example links to its neighbours in the site itself.
    return markdown if origin.startswith("example_dags") else LINK.sub(led, markdown)


def example_page(path: Path) -> str:
    """An example DAG: its docstring as prose, then the file."""
    text = path.read_text()
    return f'# {path.stem}\n\n{docstring(path)}\n\n```python title="{path.relative_to(ROOT)}"\n{text}```\n'


def example_index() -> str:
    """The example DAGs, one line each."""
    rows = [f"| [{path.stem}]({path.stem}.md) | {docstring(path).split(chr(10) * 2)[0]} |" for path in EXAMPLES]
    intro = (
        "One story per file, each runnable against the simulator: `make airflow` has them all, with campaigns to try "
        "them on."
    )
    return "\n".join([
        f"# Examples\n\n{intro}\n\n| DAG | |\n|---|---|",
        *(row.replace("\n", " ") for row in rows),
        "",
    ])


def docstring(path: Path) -> str:
    """The docstring of a module, whose first paragraph tells it in a sentence."""
    return ast.get_docstring(ast.parse(path.read_text())) or path.stem
