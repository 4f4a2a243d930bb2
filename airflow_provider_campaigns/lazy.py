"""Public names that a package has, and that are loaded when they are first used.

Airflow imports this package in every process, before its configuration is ready, and operators whenever a DAG is
parsed, where nothing is done.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def names_of(package: str, homes: Mapping[str, str], *own: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package.

    Args:
        package: its ``__name__``.
        homes: each module below ``airflow_provider_campaigns`` that defines public names, and these, with blanks
            between them.
        own: public names that the package itself defines.
    """
    home_of = {name: home for home, names in homes.items() for name in names.split()}
    public = sorted([*home_of, *own])

    def get(name: str) -> Any:
        if name == "__all__":  # what a star import asks for
            return public
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"airflow_provider_campaigns.{home_of[name]}"), name)

    return get, lambda: public
