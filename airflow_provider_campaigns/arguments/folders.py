"""Folders that users name: a path of the machine, or one that an Airflow connection opens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_campaigns.arguments.values import wrong
from airflow_provider_campaigns.kore.errors import shown_argument, shown_words

if TYPE_CHECKING:
    from airflow.sdk import ObjectStoragePath

    from airflow_provider_campaigns.kore.errors import KoreConfigurationError


# A user and a password before the "@", where a port has digits before the first slash, and no "@"; or a query, in which
# signed addresses have what opens them.
_WITH_PASSWORD = re.compile(r"[^/]*://(?:[^/@]*(?::|%3a)(?!\d*(?:/|$))[^@]*@|.*\?.*=)", re.IGNORECASE | re.DOTALL)


def storage_path(field: str, value: object) -> ObjectStoragePath:
    """The folder that the argument ``field`` means, reachable with its connection.

    Raises:
        KoreConfigurationError: it is empty, or nothing installed here can reach it.
    """
    from airflow.sdk import ObjectStoragePath  # noqa: PLC0415 - 0.2 s; not to parse

    read_folder(field, value)
    if isinstance(value, ObjectStoragePath):
        path = value
    else:
        try:
            path = ObjectStoragePath(str(value))
        except (ValueError, TypeError) as error:
            raise _unusable(field, str(value), error) from None
    # Relative to whatever folder a worker was started in. Airflow 3.1 puts a slash before it, so the value is asked.
    if not path.protocol and not Path(str(value)).is_absolute():
        raise _no_folder(field, value)
    try:
        path.fs  # noqa: B018 - connects, which is where a missing provider shows
    except Exception as error:  # noqa: BLE001 - whatever opens it may raise anything, and repeat the path
        raise _unusable(field, str(value), error) from None
    return path


def read_folder(field: str, value: object) -> None:
    """Whether the argument ``field`` can mean a folder at all, by its text alone; opens and loads nothing.

    Raises:
        KoreConfigurationError: it is no text, empty, or no whole path; or results would repeat what opens it.
    """
    if _WITH_PASSWORD.match(str(value)):
        raise wrong(
            field,
            "holds a user and a password, or a signature, which logs and results would show; keep them in an Airflow "
            "connection, and name that: 's3://aws_default@bucket/reports'",
        )
    if isinstance(value, str | Path):
        text = str(value)
        if text.strip() == text and ("://" in text or Path(text).is_absolute()):
            return
    elif value is not None and hasattr(value, "protocol"):  # a path object that Airflow made
        return
    raise _no_folder(field, value)


def check_apart(field: str, value: object, others: object) -> None:
    """Make sure that the argument ``field`` means another folder than ``others``, as far as their texts tell.

    Raises:
        KoreConfigurationError: it is the same.
    """
    one, other = (str(each).removeprefix("file://").rstrip("/") for each in (value, others))
    if one == other:
        raise wrong(
            field,
            f"expected another folder than that of the reports, such as '/data/deleted', got {shown_argument(value)}",
        )


def _no_folder(field: str, value: object) -> KoreConfigurationError:
    return wrong(
        field,
        "expected the whole path of a folder such as '/data/reports' or "
        f"'s3://aws_default@bucket/reports', got {shown_argument(value)}",
    )


_PROVIDERS = {
    "s3": "apache-airflow-providers-amazon[s3fs]",
    "s3a": "apache-airflow-providers-amazon[s3fs]",
    "gs": "apache-airflow-providers-google",
    "gcs": "apache-airflow-providers-google",
    "abfs": "apache-airflow-providers-microsoft-azure",
    "abfss": "apache-airflow-providers-microsoft-azure",
    "adl": "apache-airflow-providers-microsoft-azure",
    "wasb": "apache-airflow-providers-microsoft-azure",
    "hdfs": "apache-airflow-providers-apache-hdfs",
}


def _unusable(field: str, path: str, error: Exception) -> KoreConfigurationError:
    scheme = path.partition("://")[0]
    provider = _PROVIDERS.get(scheme)
    advice = f"install {provider} where the task runs" if provider else "is the path, and its connection, right?"
    return wrong(
        field, f"{shown_words(path)} cannot be opened: {advice} ({type(error).__name__}: {shown_words(str(error))})"
    )
