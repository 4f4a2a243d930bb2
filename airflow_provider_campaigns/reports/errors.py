"""What can go wrong with a report, named by what the caller can do about it.

    KoreError
    └── ReportError                 a report could not be made or read
        ├── ReportStorageError          the storage refuses: no space, no permission, no bucket, no connection
        └── ReportRefusedError          the report does not justify a delete; nothing was deleted

No message holds a contact's name, a phone number or any other content of a row.
"""

from __future__ import annotations

from airflow_provider_campaigns.kore.errors import KoreError


class ReportError(KoreError):
    """A report could not be made, or what is there is not one."""


class ReportStorageError(ReportError):
    """The storage did not do what was asked; the message names the path and what to do.

    Retryable, unless somebody has to mend something first: a missing permission, bucket or connection.
    """

    retryable = True


class ReportRefusedError(ReportError):
    """The report does not justify deleting the campaign; nothing was deleted."""
