"""Apache Airflow provider for outbound voice and SMS campaigns on Kore.ai.

Importing this package loads nothing heavy: Airflow does so in every process, before its configuration is ready. The
public names below are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_campaigns.lazy import names_of

if TYPE_CHECKING:
    from airflow_provider_campaigns.hooks import KoreCampaignHook
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.lifecycle import end_of_campaign
    from airflow_provider_campaigns.operators import (
        CampaignReportOperator,
        DeleteCampaignOperator,
        ListCampaignsOperator,
        StartSmsCampaignOperator,
        StartVoiceCampaignOperator,
        StopSmsCampaignOperator,
        StopVoiceCampaignOperator,
    )
    from airflow_provider_campaigns.sensors import CallingHoursSensor, CampaignStatusSensor
    from airflow_provider_campaigns.timetables import CallingHoursTimetable
    from airflow_provider_campaigns.triggers import CampaignStatusTrigger

__version__ = "0.1.0"

_HOME = {
    "CallingHoursSensor": "sensors",
    "CallingHoursTimetable": "timetables",
    "CampaignReportOperator": "operators",
    "CampaignStatusSensor": "sensors",
    "CampaignStatusTrigger": "triggers",
    "DeleteCampaignOperator": "operators",
    "KoreCampaignHook": "hooks",
    "KoreClient": "kore.client",
    "KoreSettings": "kore.settings",
    "ListCampaignsOperator": "operators",
    "StartSmsCampaignOperator": "operators",
    "StartVoiceCampaignOperator": "operators",
    "StopSmsCampaignOperator": "operators",
    "StopVoiceCampaignOperator": "operators",
    "end_of_campaign": "lifecycle",
}

__all__ = [
    "CallingHoursSensor",
    "CallingHoursTimetable",
    "CampaignReportOperator",
    "CampaignStatusSensor",
    "CampaignStatusTrigger",
    "DeleteCampaignOperator",
    "KoreCampaignHook",
    "KoreClient",
    "KoreSettings",
    "ListCampaignsOperator",
    "StartSmsCampaignOperator",
    "StartVoiceCampaignOperator",
    "StopSmsCampaignOperator",
    "StopVoiceCampaignOperator",
    "__version__",
    "end_of_campaign",
]


__getattr__, _ = names_of(__name__, _HOME)


def __dir__() -> list[str]:
    return __all__
