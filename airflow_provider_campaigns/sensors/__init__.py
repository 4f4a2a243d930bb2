"""``CampaignStatusSensor`` and ``CallingHoursSensor``: tasks that wait and change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_campaigns.lazy import names_of

if TYPE_CHECKING:
    from airflow_provider_campaigns.sensors.hours import CallingHoursSensor as CallingHoursSensor
    from airflow_provider_campaigns.sensors.status import CampaignStatusSensor as CampaignStatusSensor

__getattr__, __dir__ = names_of(
    __name__,
    {
        "CallingHoursSensor": "sensors.hours",
        "CampaignStatusSensor": "sensors.status",
    },
)
