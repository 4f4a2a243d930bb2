"""Every error that a task, or a program with the client, may want to catch.

All are a ``KoreError`` but ``TaskKilledError``, with which a killed task ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_campaigns.kore.errors import (
    CampaignMismatchError,
    CampaignsFailedError,
    CampaignStateError,
    CampaignTimeoutError,
    KoreAuthenticationError,
    KoreBudgetError,
    KoreConfigurationError,
    KoreConnectionError,
    KoreError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreRateLimitError,
    KoreRequestError,
    KoreResponseError,
    KoreScopeError,
    KoreServiceError,
)
from airflow_provider_campaigns.lazy import names_of
from airflow_provider_campaigns.reports.errors import ReportError, ReportRefusedError, ReportStorageError

if TYPE_CHECKING:
    from airflow_provider_campaigns.arguments.static import WrongArgumentError
    from airflow_provider_campaigns.operators.base import TaskKilledError

__all__ = [
    "CampaignMismatchError",
    "CampaignStateError",
    "CampaignTimeoutError",
    "CampaignsFailedError",
    "KoreAuthenticationError",
    "KoreBudgetError",
    "KoreConfigurationError",
    "KoreConnectionError",
    "KoreError",
    "KoreNotFoundError",
    "KoreProtocolError",
    "KoreRateLimitError",
    "KoreRequestError",
    "KoreResponseError",
    "KoreScopeError",
    "KoreServiceError",
    "ReportError",
    "ReportRefusedError",
    "ReportStorageError",
    "TaskKilledError",
    "WrongArgumentError",
]

# These need Airflow, and the client works without.
__getattr__, _ = names_of(__name__, {"arguments.static": "WrongArgumentError", "operators.base": "TaskKilledError"})


def __dir__() -> list[str]:
    return __all__
