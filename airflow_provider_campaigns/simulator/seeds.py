"""Where the first campaigns come from: a file, a value, or the handful that the command line starts with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow_provider_campaigns.simulator.switches import Switches

Seed = dict[str, Any]
"""`{"campaigns": [fields of add_campaign, ...], "switches": {name: value, ...}}`; both parts may be left out."""

_PHOENIX_HOURS = {
    "frequency": "WEEKLY",
    "timezone": "America/Phoenix",
    "days": [{"day": day, "start": "8:00 AM", "end": "8:00 PM"} for day in ("MO", "TU", "WE", "TH", "FR", "SA")],
}
_EVERY_DAY_HOURS = {
    "frequency": "DAILY",
    "timezone": "Europe/London",
    "days": [{"day": day, "start": "9:00 AM", "end": "5:30 PM"} for day in ("MO", "TU", "WE", "TH", "FR", "SA", "SU")],
}

HANDFUL: Seed = {
    "campaigns": [
        {"campaign_type": "voice", "name": "Service renewal outreach", "status": "Active", "contacts": 1200},
        {
            "campaign_type": "voice",
            "name": "Billing reminder",
            "status": "Active",
            "dialing_mode": "Preview",
            "max_skips": 1,
            "calling_hours": _PHOENIX_HOURS,
            "contacts": 350,
        },
        {
            "campaign_type": "voice",
            "name": "Product feedback",
            "status": "Active",
            "dialing_mode": "Agentless",
            "experience_flow": "cf-ecfa3927-eabc-52c4-8373-8a0b75d00001",
            "connection": "Feedback flow",
            "calling_hours": _EVERY_DAY_HOURS,
            "contacts": 5000,
        },
        {"campaign_type": "voice", "name": "Winback spring", "status": "Stopped", "contacts": 240},
        {"campaign_type": "voice", "name": "Welcome calls", "status": "Ready", "contacts": 80},
        {
            "campaign_type": "sms",
            "name": "Interactive support",
            "status": "Active",
            "sms_format": "advanced",
            "experience_flow": "cf-67447605-115e-5dd2-a676-e158cf300001",
            "contacts": 900,
        },
        {
            "campaign_type": "sms",
            "name": "Event reminder",
            "status": "Stopped",
            "message": {"message": "VGhlIGV2ZW50IHN0YXJ0cyBhdCA2LjMwIFBN"},
            "messages_sent": 410,
            "contacts": 410,
        },
        {
            "campaign_type": "sms",
            "name": "Billing alert",
            "message": {"message": "WW91ciBiaWxsIGlzIGR1ZSB0b21vcnJvdw=="},
            "contacts": 60,
        },
    ]
}


def read_seed(source: Mapping[str, Any] | list[Any] | str | Path) -> Seed:
    """A seed from a value, JSON text, or the path of a JSON file; a bare list is a list of campaigns.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not JSON, or not of the form that a seed has.
    """
    value: Any = source
    if isinstance(source, (str, Path)):
        text = str(source)
        value = json.loads(text if text.lstrip().startswith(("{", "[")) else Path(source).read_text(encoding="utf-8"))
    seed = {"campaigns": value} if isinstance(value, list) else value
    if not isinstance(seed, Mapping) or set(seed) - {"campaigns", "switches"}:
        raise ValueError("a seed is a list of campaigns, or an object with campaigns and switches")
    campaigns: Any = seed.get("campaigns", [])
    switches: Any = seed.get("switches", {})
    well_formed = isinstance(campaigns, list) and all(isinstance(item, Mapping) for item in [*campaigns, switches])
    if not well_formed:
        raise ValueError("in a seed, campaigns is a list of objects and switches an object")
    Switches().changed(**switches)
    return {"campaigns": [dict(campaign) for campaign in campaigns], "switches": dict(switches)}
