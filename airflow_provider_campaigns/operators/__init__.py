"""Airflow operators; the work itself is in ``actions``."""

from typing import TYPE_CHECKING

from airflow_provider_campaigns.lazy import names_of

if TYPE_CHECKING:
    from airflow_provider_campaigns.operators.delete import DeleteCampaignOperator as DeleteCampaignOperator
    from airflow_provider_campaigns.operators.list import ListCampaignsOperator as ListCampaignsOperator
    from airflow_provider_campaigns.operators.report import CampaignReportOperator as CampaignReportOperator
    from airflow_provider_campaigns.operators.start import StartSmsCampaignOperator as StartSmsCampaignOperator
    from airflow_provider_campaigns.operators.start import StartVoiceCampaignOperator as StartVoiceCampaignOperator
    from airflow_provider_campaigns.operators.stop import StopSmsCampaignOperator as StopSmsCampaignOperator
    from airflow_provider_campaigns.operators.stop import StopVoiceCampaignOperator as StopVoiceCampaignOperator
else:
    __getattr__, __dir__ = names_of(
        __name__,
        {
            "operators.delete": "DeleteCampaignOperator",
            "operators.list": "ListCampaignsOperator",
            "operators.report": "CampaignReportOperator",
            "operators.start": "StartSmsCampaignOperator StartVoiceCampaignOperator",
            "operators.stop": "StopSmsCampaignOperator StopVoiceCampaignOperator",
        },
    )
