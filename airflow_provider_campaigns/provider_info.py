"""What Airflow reads to discover this provider. A literal: every Airflow process evaluates it."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """The provider's metadata, as Airflow's ``provider_info`` schema wants it."""
    return {
        "package-name": "airflow-provider-campaigns",
        "name": "Kore.ai Campaigns",
        "description": "Stop, report and delete outbound voice and SMS campaigns on Kore.ai.",
        "integrations": [
            {
                "integration-name": "Kore.ai Campaigns",
                "external-doc-url": "https://docs.kore.ai/ai-for-service/apis/contact-center/api-list",
                "tags": ["service"],
            }
        ],
        "hooks": [
            {"integration-name": "Kore.ai Campaigns", "python-modules": ["airflow_provider_campaigns.hooks"]},
        ],
        "operators": [
            {
                "integration-name": "Kore.ai Campaigns",
                "python-modules": [
                    "airflow_provider_campaigns.operators.delete",
                    "airflow_provider_campaigns.operators.list",
                    "airflow_provider_campaigns.operators.report",
                    "airflow_provider_campaigns.operators.start",
                    "airflow_provider_campaigns.operators.stop",
                ],
            }
        ],
        "sensors": [
            {
                "integration-name": "Kore.ai Campaigns",
                "python-modules": [
                    "airflow_provider_campaigns.sensors.hours",
                    "airflow_provider_campaigns.sensors.status",
                ],
            }
        ],
        "triggers": [
            {"integration-name": "Kore.ai Campaigns", "python-modules": ["airflow_provider_campaigns.triggers"]},
        ],
        "extra-links": ["airflow_provider_campaigns.links.CampaignLink"],
        "config": {
            "kore_campaign": {
                "description": "How Airflow's UI leads to campaigns on the Kore.ai platform.",
                "options": {
                    "console_url": {
                        "description": "Address of one campaign's page, to which a task links. Placeholders: {host} "
                        "(with https://), {stream_id}, {account_id}, {campaign_id}. Empty: {host}, the start page, "
                        "because the vendor documents no other.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "{host}/contact-center/{stream_id}/campaigns/{campaign_id}",
                        "default": None,
                    },
                    "console_list_url": {
                        "description": "Address of the list of campaigns, to which a task that serves many links. "
                        "Placeholders: {host}, {stream_id}, {account_id}. Empty: {host}.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "{host}/contact-center/{stream_id}/campaigns",
                        "default": None,
                    },
                },
            },
        },
        "notifications": ["airflow_provider_campaigns.notifications.LogNotifier"],
        "plugins": [{"name": "kore_campaign", "plugin-class": "airflow_provider_campaigns.plugin.KoreCampaignPlugin"}],
        "connection-types": [
            {
                "connection-type": "kore_campaign",
                "hook-class-name": "airflow_provider_campaigns.hooks.KoreCampaignHook",
                "hook-name": "Kore.ai Campaigns",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "extra"],
                    "relabeling": {"host": "Host", "login": "Client ID", "password": "Client Secret"},
                    "placeholders": {
                        "host": "https://platform.kore.ai",
                        "login": "cs-1e845b00-81ad-5757-a1e7-d0f6fea227e9",
                        "port": "443",
                    },
                },
                "conn-fields": {
                    "stream_id": {
                        "label": "Stream ID",
                        "description": "The app's id, which starts with st- (also called iid or bot id); "
                        "see General Settings of the app.",
                        "schema": {"type": ["string", "null"]},
                    },
                    "account_id": {
                        "label": "Account ID",
                        "description": "The account's id, for example 67777ce93e25326494e90000.",
                        "schema": {"type": ["string", "null"]},
                    },
                    "api_version": {
                        "label": "API version",
                        "description": "v1 or v2 for every call. Empty: stop and start with v1, everything else with "
                        "v2, as documented best.",
                        "schema": {"type": ["string", "null"], "enum": ["v1", "v2"]},
                    },
                    "requests_per_minute": {
                        "label": "Requests per minute",
                        "description": "How many requests this machine may send to the account in any 60 seconds. "
                        "The platform allows 60 for the whole account; several machines divide it, or share it by a "
                        "budget connection.",
                        "schema": {"type": ["integer", "null"], "default": 60, "minimum": 1},
                    },
                    "urgent_per_minute": {
                        "label": "Urgent requests per minute",
                        "description": "How many of those reads leave to stops, starts and deletes, so that these do "
                        "not wait behind a report. Empty: a tenth, rounded up (6 of 60), two at least.",
                        "schema": {"type": ["integer", "null"], "minimum": 0},
                    },
                    "budget_conn_id": {
                        "label": "Budget connection",
                        "description": "Id of a connection of type redis or postgres, by which all machines share the "
                        "requests per minute. Empty: each machine counts for itself.",
                        "schema": {"type": ["string", "null"]},
                    },
                    "timeout_s": {
                        "label": "Time-out (seconds)",
                        "description": "How long to wait for an answer.",
                        "schema": {"type": ["number", "null"], "default": 30, "minimum": 0.001, "maximum": 3600},
                    },
                    "verify_tls": {
                        "label": "Verify TLS",
                        "description": "Check the platform's certificate. Switch off for tests only.",
                        "schema": {"type": ["boolean", "null"], "default": True},
                    },
                    "ca_bundle": {
                        "label": "CA bundle",
                        "description": "Path of a file or folder with the certificates to trust, on every machine "
                        "that runs tasks. Empty: the system's.",
                        "schema": {"type": ["string", "null"]},
                    },
                    "allow_http": {
                        "label": "Allow plain HTTP",
                        "description": "Permit http:// to another machine; the token then travels in the clear. "
                        "Loopback is always permitted.",
                        "schema": {"type": ["boolean", "null"], "default": False},
                    },
                    "jwt_subject": {
                        "label": "JWT subject",
                        "description": "The token's sub claim; any text.",
                        "schema": {"type": ["string", "null"], "default": "airflow"},
                    },
                    "jwt_ttl_s": {
                        "label": "JWT lifetime (seconds)",
                        "description": "How long a token is valid, at most 3600.",
                        "schema": {"type": ["integer", "null"], "default": 300, "minimum": 1, "maximum": 3600},
                    },
                    "endpoint_overrides": {
                        "label": "Endpoint overrides (JSON)",
                        "description": "Endpoint name to path template, or to method, path and query, for a tenant "
                        'whose paths differ, such as {"stop_voice_v2": "/api/v2/public/{stream_id}/campaign/trigger/'
                        '{campaign_id}", "get_v2": {"method": "POST", "query": {"full": "true"}}}.',
                        "schema": {"type": ["string", "null"]},
                    },
                },
            }
        ],
    }
