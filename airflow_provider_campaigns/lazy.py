"""Public names that a package has, and that are loaded when they are first used.

Airflow imports this package in every process, before its configuration is ready, and operators whenever a DAG is
parsed, where nothing is done.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def names_of(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package.

    Args:
        package: its ``__name__``.
        homes: each public name, and the module below ``airflow_provider_campaigns`` that defines it.
    """

    def get(name: str) -> Any:
        if name == "__all__":  # what a star import asks for
            return sorted(homes)
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"airflow_provider_campaigns.{homes[name]}"), name)

    return get, lambda: sorted(homes)
