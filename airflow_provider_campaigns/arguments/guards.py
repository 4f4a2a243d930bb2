"""What guards a delete: to leave it out is a choice, to give it a value that is nothing is a slip."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, Literal

from airflow_provider_campaigns.actions import deleting
from airflow_provider_campaigns.arguments.folders import read_folder
from airflow_provider_campaigns.arguments.values import wrong

if TYPE_CHECKING:
    from airflow_provider_campaigns.actions.deleting.given_reports import GivenReports


class _LeftOut(Enum):
    LEFT_OUT = "left out"

    def __repr__(self) -> str:
        return "LEFT_OUT"


LeftOut = Literal[_LeftOut.LEFT_OUT]

LEFT_OUT: Final = _LeftOut.LEFT_OUT
"""Default of an argument that guards something: to leave it out is a choice, to give it a value that is None is a slip.

A mapped argument, or another task's result, may turn out to be None; the guard must not be gone with it.
"""


def given_value(field: str, value: object, *, without: str) -> None:
    """A value that was given must be there; ``without`` says what leaving it out would do.

    Raises:
        KoreConfigurationError: it is None.
    """
    if value is None:
        raise wrong(
            field,
            "is given, but it is None, so it guards nothing. If it comes from another task, that has no such "
            f"result; leave the argument out {without}. Nothing was deleted",
        )


def read_report(field: str, value: object) -> GivenReports:
    """The reports that justify a delete, as ``GivenReports`` takes them.

    Raises:
        KoreConfigurationError: it is None, or nothing of the kind.
    """
    given_value(field, value, without="to delete without a report")
    given = deleting.GivenReports.parse(value)
    for report in given.reports:
        if report.url is not None:
            read_folder(field, report.url)
    return given


def read_archive_path(field: str, value: object) -> None:
    """The folder that keeps what is deleted.

    Raises:
        KoreConfigurationError: it is None, or no folder.
    """
    given_value(field, value, without="to keep no archive")
    read_folder(field, value)
