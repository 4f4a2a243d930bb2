"""Where the campaigns are kept: one dictionary behind one lock."""

from __future__ import annotations

import copy
import dataclasses
import threading
import uuid
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.simulator.campaigns import HAVE_RUN, Campaign, CampaignType
from airflow_provider_campaigns.simulator.clock import iso_ms

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from airflow_provider_campaigns.simulator.clock import Clock

_FIELDS = frozenset(field.name for field in dataclasses.fields(Campaign))

# Version 2 makes a do-not-call list mandatory for voice campaigns and optional for SMS campaigns.
_VOICE_DNC_LIST = {"id": "cl-68b802a-2b99-4245-8eea-6d322a800001", "name": "Do not call"}


class CampaignStore:
    """The account's campaigns.

    Take `lock` for anything that has more than one step. Ids come from `rng`, so that a seeded one gives the same ids
    in the same order.
    """

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self.lock = threading.RLock()
        self._clock = clock
        self._rng = rng
        self._campaigns: dict[str, Campaign] = {}

    def find(self, campaign_id: str) -> Campaign | None:
        """The campaign with this id, as it is now, or None."""
        with self.lock:
            campaign = self._campaigns.get(campaign_id)
            if campaign is not None:
                self._pass_time(campaign)
            return campaign

    def get(self, campaign_id: str) -> Campaign:
        """The campaign with this id, as it is now.

        Raises:
            LookupError: there is none.
        """
        campaign = self.find(campaign_id)
        if campaign is None:
            raise LookupError(f"no campaign {campaign_id}")
        return campaign

    def all(self) -> list[Campaign]:
        """Every campaign, as it is now, in the order they were added."""
        with self.lock:
            for campaign in self._campaigns.values():
                self._pass_time(campaign)
            return list(self._campaigns.values())

    def add(self, campaign_type: CampaignType, fields: Mapping[str, Any]) -> Campaign:
        """Keep a new campaign; ids, instants and a name are made up where `fields` has none.

        Raises:
            ValueError: a field that a campaign does not have, a value it does not allow, or an id already in use.
        """
        if unknown := sorted(fields.keys() - _FIELDS):
            raise ValueError(f"a campaign has no {', '.join(unknown)}; it has {', '.join(sorted(_FIELDS))}")
        given = {name: copy.deepcopy(value) for name, value in fields.items() if value is not None}
        with self.lock:
            now = iso_ms(self._clock.time())
            campaign_id = given.setdefault("campaign_id", self.new_id("cd", campaign_type))
            if campaign_id in self._campaigns:
                raise ValueError(f"there is a campaign {campaign_id} already")
            given.setdefault("name", f"{campaign_type.upper()} campaign {len(self._campaigns) + 1}")
            created_at = given.setdefault("created_at", now)
            updated_at = given.setdefault("updated_at", created_at)
            given.setdefault("instance_updated_at", updated_at)
            if campaign_type == "voice":
                given.setdefault("dnc_list", dict(_VOICE_DNC_LIST))
            if given.get("status") in HAVE_RUN:
                given.setdefault("instance_id", self.new_id("cid", campaign_type))
            campaign = Campaign(campaign_type=campaign_type, **{**given, "campaign_id": campaign_id})
            self._campaigns[campaign_id] = campaign
            return campaign

    def remove(self, campaign_id: str) -> None:
        """Forget a campaign."""
        with self.lock:
            del self._campaigns[campaign_id]

    def clear(self) -> None:
        """Forget every campaign."""
        with self.lock:
            self._campaigns.clear()

    def begin_run(self, campaign: Campaign) -> None:
        """Start a campaign anew: a run has an instance id of its own."""
        with self.lock:
            campaign.begin_run(self.new_id("cid", campaign.campaign_type), self._clock.time())

    def new_id(self, prefix: str, campaign_type: CampaignType) -> str:
        """An id as the samples print them: voice ids have seven hexadecimal digits in their first group, not eight."""
        with self.lock:
            digits = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        return f"{prefix}-{digits[1:] if campaign_type == 'voice' else digits}"

    def _pass_time(self, campaign: Campaign) -> None:
        now = self._clock.time()
        if campaign.is_due(now):
            self.begin_run(campaign)
        campaign.pass_time(now)
