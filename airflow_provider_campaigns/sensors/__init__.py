"""``CampaignStatusSensor`` and ``CallingHoursSensor``: tasks that wait and change nothing."""

from typing import TYPE_CHECKING

from airflow_provider_campaigns.lazy import names_of

if TYPE_CHECKING:
    from airflow_provider_campaigns.sensors.hours import CallingHoursSensor as CallingHoursSensor
    from airflow_provider_campaigns.sensors.status import CampaignStatusSensor as CampaignStatusSensor
else:
    __getattr__, __dir__ = names_of(
        __name__,
        {
            "sensors.hours": "CallingHoursSensor",
            "sensors.status": "CampaignStatusSensor",
        },
    )
