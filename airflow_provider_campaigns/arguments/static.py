"""Arguments that are known when a DAG is parsed: a mistake in them is an import error, not a task that fails at night.

What a template or another task will fill in is checked when the task runs, by the same readers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.kore.errors import KoreConfigurationError

Reader = Callable[[str, Any], object]
"""Takes an argument's name and its value, and raises what is wrong with it."""

_PLAIN = (bool, int, float, date, timedelta, CallingHours, type(None))


class WrongArgumentError(KoreConfigurationError, AirflowFailException):
    """An argument of an operator or sensor is wrong, as it stands in the DAG.

    Also an ``AirflowFailException``: a mapped operator is made when its task runs, and a retry would find the same.
    """


def check_static(operator: Any, **readers: Reader) -> None:
    """Read each of these arguments of an operator, unless it is a template field whose value is not known yet.

    Raises:
        WrongArgumentError: an argument is wrong; the message names it.
    """
    for name, read in readers.items():
        value = getattr(operator, name)
        if name in operator.template_fields and not is_static(value):
            continue
        try:
            read(name, value)
        except KoreConfigurationError as error:
            raise WrongArgumentError(str(error), field=error.field) from error


def is_static(value: object) -> bool:
    """True if the value is what it will be when the task runs: it holds no template and nothing of another task."""
    if isinstance(value, str):
        return "{{" not in value and "{%" not in value
    if isinstance(value, Mapping):
        return all(is_static(one) for item in value.items() for one in item)
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(is_static, value))
    return isinstance(value, _PLAIN)
