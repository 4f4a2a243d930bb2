"""Evenings for the tests: with and without an approval, by ids and by a pattern."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Asset, Param

from airflow_provider_campaigns import end_of_campaign

REPORTS = Asset("campaign_reports")

COMMON = {
    "output_path": "{{ params.where }}/reports",
    "archive_path": "{{ params.where }}/archive",
    "when": "{{ params.when }}",
    "last_day": "{{ params.last_day }}",
    "grace_period": "{{ params.grace_period }}",
    "formats": ("jsonl", "csv"),
    "response_timeout": timedelta(minutes=5),
    "default_args": {"retries": 1, "retry_delay": timedelta(seconds=1)},
}
PARAMS = {
    "where": Param("/nowhere", type="string"),
    "when": Param("now", type="string"),
    "last_day": Param("", type="string"),
    "grace_period": Param("0", type="string"),
    "voice": Param([], type="array"),
    "sms": Param([], type="array"),
}
IDS = {
    "voice_campaign_ids": "{{ params.voice | tojson }}",
    "sms_campaign_ids": "{{ params.sms | tojson }}",
}

with DAG("evening", schedule=None, params=PARAMS):
    end_of_campaign(approve=False, report_outlets=[REPORTS], **IDS, **COMMON)

with DAG("approved_evening", schedule=None, params=PARAMS):
    end_of_campaign(**IDS, **COMMON)

with DAG("chosen_evening", schedule=None, params=PARAMS):
    end_of_campaign(name_pattern="Spring *", approve=False, **COMMON)
