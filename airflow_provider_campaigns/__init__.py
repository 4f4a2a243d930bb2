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
    from airflow_provider_campaigns.operators.delete import DeleteCampaignOperator
    from airflow_provider_campaigns.operators.list import ListCampaignsOperator
    from airflow_provider_campaigns.operators.report import CampaignReportOperator
    from airflow_provider_campaigns.operators.start import StartSmsCampaignOperator, StartVoiceCampaignOperator
    from airflow_provider_campaigns.operators.stop import StopSmsCampaignOperator, StopVoiceCampaignOperator
    from airflow_provider_campaigns.sensors.hours import CallingHoursSensor
    from airflow_provider_campaigns.sensors.status import CampaignStatusSensor
    from airflow_provider_campaigns.timetables import CallingHoursTimetable
    from airflow_provider_campaigns.triggers import CampaignStatusTrigger

__version__ = "0.1.0"

_HOME = {
    "CallingHoursSensor": "sensors.hours",
    "CallingHoursTimetable": "timetables",
    "CampaignReportOperator": "operators.report",
    "CampaignStatusSensor": "sensors.status",
    "CampaignStatusTrigger": "triggers",
    "DeleteCampaignOperator": "operators.delete",
    "KoreCampaignHook": "hooks",
    "KoreClient": "kore.client",
    "KoreSettings": "kore.settings",
    "ListCampaignsOperator": "operators.list",
    "StartSmsCampaignOperator": "operators.start",
    "StartVoiceCampaignOperator": "operators.start",
    "StopSmsCampaignOperator": "operators.stop",
    "StopVoiceCampaignOperator": "operators.stop",
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


__getattr__, __dir__ = names_of(__name__, _HOME)
