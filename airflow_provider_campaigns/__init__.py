"""Apache Airflow provider for outbound voice and SMS campaigns on Kore.ai.

Importing this package loads nothing heavy: Airflow does so in every process, before its configuration is ready. The
public names below are loaded on first use.
"""

from typing import TYPE_CHECKING

from airflow_provider_campaigns.lazy import names_of

if TYPE_CHECKING:
    from airflow_provider_campaigns.deadlines import CallingHoursDeadline as CallingHoursDeadline
    from airflow_provider_campaigns.hooks import KoreCampaignHook as KoreCampaignHook
    from airflow_provider_campaigns.kore.client import KoreClient as KoreClient
    from airflow_provider_campaigns.kore.settings import KoreSettings as KoreSettings
    from airflow_provider_campaigns.lifecycle import end_of_campaign as end_of_campaign
    from airflow_provider_campaigns.operators import CampaignReportOperator as CampaignReportOperator
    from airflow_provider_campaigns.operators import DeleteCampaignOperator as DeleteCampaignOperator
    from airflow_provider_campaigns.operators import ListCampaignsOperator as ListCampaignsOperator
    from airflow_provider_campaigns.operators import StartSmsCampaignOperator as StartSmsCampaignOperator
    from airflow_provider_campaigns.operators import StartVoiceCampaignOperator as StartVoiceCampaignOperator
    from airflow_provider_campaigns.operators import StopSmsCampaignOperator as StopSmsCampaignOperator
    from airflow_provider_campaigns.operators import StopVoiceCampaignOperator as StopVoiceCampaignOperator
    from airflow_provider_campaigns.sensors import CallingHoursSensor as CallingHoursSensor
    from airflow_provider_campaigns.sensors import CampaignStatusSensor as CampaignStatusSensor
    from airflow_provider_campaigns.timetables import CallingHoursTimetable as CallingHoursTimetable
    from airflow_provider_campaigns.triggers import CampaignStatusTrigger as CampaignStatusTrigger
else:
    __getattr__, __dir__ = names_of(
        __name__,
        {
            "deadlines": "CallingHoursDeadline",
            "hooks": "KoreCampaignHook",
            "kore.client": "KoreClient",
            "kore.settings": "KoreSettings",
            "lifecycle": "end_of_campaign",
            "operators": """
                CampaignReportOperator DeleteCampaignOperator ListCampaignsOperator StartSmsCampaignOperator
                StartVoiceCampaignOperator StopSmsCampaignOperator StopVoiceCampaignOperator
            """,
            "sensors": "CallingHoursSensor CampaignStatusSensor",
            "timetables": "CallingHoursTimetable",
            "triggers": "CampaignStatusTrigger",
        },
        "__version__",
    )

__version__ = "0.1.0"
