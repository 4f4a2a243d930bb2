"""Contact results as files: an export that goes on where it was killed, and a manifest that a delete can rely on.

Knows no Airflow.
"""

from typing import TYPE_CHECKING

from airflow_provider_campaigns.lazy import names_of

if TYPE_CHECKING:
    from airflow_provider_campaigns.reports.contents import check_installed as check_installed
    from airflow_provider_campaigns.reports.contents import checked_formats as checked_formats
    from airflow_provider_campaigns.reports.folder import Folder as Folder
    from airflow_provider_campaigns.reports.manifest import MANIFEST_NAME as MANIFEST_NAME
    from airflow_provider_campaigns.reports.manifest import PAGE_NAME as PAGE_NAME
    from airflow_provider_campaigns.reports.manifest import SUMMARY_NAME as SUMMARY_NAME
    from airflow_provider_campaigns.reports.parts import PARTS_FOLDER as PARTS_FOLDER
    from airflow_provider_campaigns.reports.proof import proof_in_words as proof_in_words
    from airflow_provider_campaigns.reports.rows import PhoneNumbers as PhoneNumbers
else:
    __getattr__, __dir__ = names_of(
        __name__,
        {
            "reports.contents": "check_installed checked_formats",
            "reports.folder": "Folder",
            "reports.manifest": "MANIFEST_NAME PAGE_NAME SUMMARY_NAME",
            "reports.parts": "PARTS_FOLDER",
            "reports.proof": "proof_in_words",
            "reports.rows": "PhoneNumbers",
        },
    )
