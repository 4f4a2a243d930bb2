"""Every error that a task, or a program with the client, may want to catch.

All are a ``KoreError`` but ``TaskKilledError``, with which a killed task ends. That one and ``WrongArgumentError`` need
Airflow, and the client works without.
"""

from typing import TYPE_CHECKING

from airflow_provider_campaigns.lazy import names_of

if TYPE_CHECKING:
    from airflow_provider_campaigns.arguments.static import WrongArgumentError as WrongArgumentError
    from airflow_provider_campaigns.kore.errors import CampaignMismatchError as CampaignMismatchError
    from airflow_provider_campaigns.kore.errors import CampaignsFailedError as CampaignsFailedError
    from airflow_provider_campaigns.kore.errors import CampaignStateError as CampaignStateError
    from airflow_provider_campaigns.kore.errors import CampaignTimeoutError as CampaignTimeoutError
    from airflow_provider_campaigns.kore.errors import KoreAuthenticationError as KoreAuthenticationError
    from airflow_provider_campaigns.kore.errors import KoreBudgetError as KoreBudgetError
    from airflow_provider_campaigns.kore.errors import KoreConfigurationError as KoreConfigurationError
    from airflow_provider_campaigns.kore.errors import KoreConnectionError as KoreConnectionError
    from airflow_provider_campaigns.kore.errors import KoreError as KoreError
    from airflow_provider_campaigns.kore.errors import KoreNotFoundError as KoreNotFoundError
    from airflow_provider_campaigns.kore.errors import KoreProtocolError as KoreProtocolError
    from airflow_provider_campaigns.kore.errors import KoreRateLimitError as KoreRateLimitError
    from airflow_provider_campaigns.kore.errors import KoreRequestError as KoreRequestError
    from airflow_provider_campaigns.kore.errors import KoreResponseError as KoreResponseError
    from airflow_provider_campaigns.kore.errors import KoreScopeError as KoreScopeError
    from airflow_provider_campaigns.kore.errors import KoreServiceError as KoreServiceError
    from airflow_provider_campaigns.operators.base import TaskKilledError as TaskKilledError
    from airflow_provider_campaigns.reports.errors import ReportError as ReportError
    from airflow_provider_campaigns.reports.errors import ReportRefusedError as ReportRefusedError
    from airflow_provider_campaigns.reports.errors import ReportStorageError as ReportStorageError
else:
    __getattr__, __dir__ = names_of(
        __name__,
        {
            "arguments.static": "WrongArgumentError",
            "kore.errors": "CampaignMismatchError CampaignStateError CampaignTimeoutError CampaignsFailedError "
            "KoreAuthenticationError KoreBudgetError KoreConfigurationError KoreConnectionError KoreError "
            "KoreNotFoundError KoreProtocolError KoreRateLimitError KoreRequestError KoreResponseError KoreScopeError "
            "KoreServiceError",
            "operators.base": "TaskKilledError",
            "reports.errors": "ReportError ReportRefusedError ReportStorageError",
        },
    )
