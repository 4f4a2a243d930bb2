"""For the API reference: a class that hands ``**kwargs`` to its base shows the arguments that its base takes.

Read from the source by griffe, never imported. The chain ends where the package does: what Airflow's own base classes
take is on every task and is not repeated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import griffe

if TYPE_CHECKING:
    from collections.abc import Iterator


class InheritedArguments(griffe.Extension):
    """Adds the arguments of the bases' constructors in the place of ``**kwargs``."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Look at each class of the package once it is whole."""
        own = {cls.path: own_init(cls) for cls in classes(pkg)}
        for cls in classes(pkg):
            init = own[cls.path]
            if init is None or "kwargs" not in init.parameters:
                continue
            for base in cls.mro():
                for parameter in (own.get(base.path) or EMPTY).parameters:
                    if parameter.name not in init.parameters and parameter.kind is griffe.ParameterKind.keyword_only:
                        init.parameters.add(parameter)
            # Keyword-only arguments come before the ** that takes Airflow's own.
            rest = init.parameters["kwargs"]
            del init.parameters["kwargs"]
            init.parameters.add(rest)


EMPTY = griffe.Function("__init__", parameters=griffe.Parameters())


def classes(module: griffe.Module) -> Iterator[griffe.Class]:
    """All classes of a module and of those in it."""
    yield from module.classes.values()
    for inner in module.modules.values():
        yield from classes(inner)


def own_init(cls: griffe.Class) -> griffe.Function | None:
    """The constructor that the class itself defines."""
    init = cls.members.get("__init__")
    return init if isinstance(init, griffe.Function) else None
