"""``CampaignStatusSensor`` and ``CallingHoursSensor``: tasks that wait and change nothing."""

from __future__ import annotations

from airflow_provider_campaigns.sensors.hours import CallingHoursSensor
from airflow_provider_campaigns.sensors.status import CampaignStatusSensor

__all__ = ["CallingHoursSensor", "CampaignStatusSensor"]
