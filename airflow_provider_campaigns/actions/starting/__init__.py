"""Starting campaigns: a new run over the whole list."""

from typing import TYPE_CHECKING

from airflow_provider_campaigns.lazy import names_of

if TYPE_CHECKING:
    from airflow_provider_campaigns.actions.starting.start import StartOptions as StartOptions
    from airflow_provider_campaigns.actions.starting.start import start_campaigns as start_campaigns
else:
    __getattr__, __dir__ = names_of(
        __name__,
        {
            "actions.starting.start": "StartOptions start_campaigns",
        },
    )
