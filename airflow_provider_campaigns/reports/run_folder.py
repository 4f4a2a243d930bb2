"""Where the files about one run of a campaign are, below the folder of all campaigns: reports and archives alike."""

from __future__ import annotations

import re

from airflow_provider_campaigns.kore.errors import KoreProtocolError, excerpt

NEVER_RAN = "never-ran"
"""The folder of a campaign that has no run."""

_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]*")


def run_folder(campaign_id: str, instance_id: str | None) -> str:
    """The name of a run's folder within its campaign's.

    Raises:
        KoreProtocolError: the service's id of the run cannot be the name of a folder.
    """
    name = instance_id or NEVER_RAN
    if not _SEGMENT.fullmatch(name) or ".." in name:
        raise KoreProtocolError(
            f"campaign {campaign_id}: its campaignInstanceId cannot be the name of a folder: {excerpt(name)!r}",
            campaign_id=campaign_id,
        )
    return name
