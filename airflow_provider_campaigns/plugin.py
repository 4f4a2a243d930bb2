"""What Airflow must know before it can read back a stored DAG."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import AirflowPlugin

from airflow_provider_campaigns.deadlines import CallingHoursDeadline
from airflow_provider_campaigns.timetables import CallingHoursTimetable


class KoreCampaignPlugin(AirflowPlugin):
    """Registers what this provider adds to the scheduler and the UI."""

    name = "kore_campaign"
    timetables = [CallingHoursTimetable]  # noqa: RUF012  # Airflow's interface
    deadline_references = [CallingHoursDeadline]  # noqa: RUF012  # below Airflow 3.3 nobody asks for them
