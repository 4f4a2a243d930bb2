"""Everything that a test may do to the simulated account; the ways in (HTTP, Python, control port) all end here."""

from __future__ import annotations

import copy
import dataclasses
import random
import time
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.simulator.credentials import Credentials
from airflow_provider_campaigns.simulator.faults import FaultPlan
from airflow_provider_campaigns.simulator.journal import Journal, RequestRecord
from airflow_provider_campaigns.simulator.seeds import read_seed
from airflow_provider_campaigns.simulator.service import Service
from airflow_provider_campaigns.simulator.store import CampaignStore
from airflow_provider_campaigns.simulator.switches import Switches

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from airflow_provider_campaigns.simulator.campaigns import Campaign, CampaignType
    from airflow_provider_campaigns.simulator.clock import Clock
    from airflow_provider_campaigns.simulator.journal import Requests


class Engine:
    """The simulated account, its campaigns, its switches and its log.

    `ids_seed` makes ids repeatable. `credentials` are made up unless given. `switches` and then `seed` (see `seeds`)
    are what the account begins with, and what `reset` goes back to.

    `requests` is the live log (see `Journal`). The fault methods `fail_next`, `drop_next`, `hang_next`,
    `truncate_next`, `trickle_next`, `hint_next`, `garble_next`, `redirect_next`, `mislabel_next`, `random_faults`,
    `maintain` and `clear_faults` are those of `FaultPlan`. All methods may be called from any thread.
    """

    def __init__(
        self,
        *,
        clock: Clock = time,
        ids_seed: int | None = None,
        credentials: Credentials | None = None,
        switches: Switches | None = None,
        seed: Mapping[str, Any] | list[Any] | str | Path | None = None,
    ) -> None:
        self.clock = clock
        self.requests = Journal()
        self.faults = FaultPlan(clock)
        rng = random.Random(ids_seed)  # noqa: S311 - ids, not secrets
        self._store = CampaignStore(clock, rng)
        self._first_switches = switches or Switches()
        self._first_seed = read_seed(seed) if seed is not None else None
        self.service = Service(self._store, clock, credentials or Credentials(), self._first_switches)

        self.fail_next = self.faults.fail_next
        self.drop_next = self.faults.drop_next
        self.hang_next = self.faults.hang_next
        self.truncate_next = self.faults.truncate_next
        self.trickle_next = self.faults.trickle_next
        self.hint_next = self.faults.hint_next
        self.garble_next = self.faults.garble_next
        self.redirect_next = self.faults.redirect_next
        self.mislabel_next = self.faults.mislabel_next
        self.random_faults = self.faults.random_faults
        self.maintain = self.faults.maintain
        self.clear_faults = self.faults.clear_faults

        if self._first_seed is not None:
            self.seed(self._first_seed)

    # -- who may call --------------------------------------------------------------------------------------------------

    @property
    def client_id(self) -> str:
        """The Client ID of the one app there is (claim `appId`)."""
        return self.service.credentials.client_id

    @property
    def client_secret(self) -> str:
        """The Client Secret of that app."""
        return self.service.credentials.client_secret

    @property
    def stream_id(self) -> str:
        """The app id (`iid`, stream id, bot id)."""
        return self.service.credentials.stream_id

    @property
    def account_id(self) -> str:
        """The account id."""
        return self.service.credentials.account_id

    def renew_credentials(self, credentials: Credentials | None = None) -> None:
        """Replace app, secret and account, by new ones unless given; what was signed before is refused."""
        self.service.credentials = credentials or Credentials()

    # -- campaigns -----------------------------------------------------------------------------------------------------

    def add_campaign(self, *, campaign_type: CampaignType = "voice", **fields: Any) -> str:
        """Create a campaign and return its id.

        `fields` are those of `Campaign`; the usual ones are `name`, `status` (Ready unless given; any text is taken),
        `calling_hours` (as the API shows them), `contacts` (a number, or the result rows themselves), `schedule` and
        `campaign_id`. A campaign that is or was running gets an instance id.

        Raises:
            ValueError: a field that a campaign does not have, a value it does not allow, or an id already in use.
        """
        return self._store.add(campaign_type, fields).campaign_id

    def campaign(self, campaign_id: str) -> Campaign:
        """A copy of the campaign as it is now; asking does not count as a poll.

        Raises:
            LookupError: there is none.
        """
        with self._store.lock:
            return copy.deepcopy(self._store.get(campaign_id))

    def campaigns(self) -> list[Campaign]:
        """Copies of all campaigns, in the order they were added."""
        with self._store.lock:
            return copy.deepcopy(self._store.all())

    def set_status(self, campaign_id: str, status: str, *, force: bool = False) -> None:
        """Do what the UI or the platform does by itself: pause, resume, run, stop, complete.

        A move to Active from anything but Paused begins a new run. With `force` the status becomes any text at all, and
        nothing else changes but the time of the update.

        Raises:
            LookupError: there is no such campaign.
            IllegalTransitionError: the documentation knows no such change and `force` is False.
        """
        with self._store.lock:
            campaign = self._store.get(campaign_id)
            resumed = campaign.status == "Paused"
            campaign.move_to(status, self.clock.time(), force=force)
            if status == "Active" and not resumed and not force:
                self._store.begin_run(campaign)

    def restart(self, campaign_id: str) -> str:
        """Begin a new run whatever the status was, as somebody at the UI might, and return its instance id.

        Raises:
            LookupError: there is no such campaign.
        """
        with self._store.lock:
            campaign = self._store.get(campaign_id)
            self._store.begin_run(campaign)
            return str(campaign.instance_id)

    def set_contacts(self, campaign_id: str, contacts: int | list[dict[str, Any]]) -> None:
        """Change how many contact results there are, or which, as when results arrive late or vanish.

        Raises:
            LookupError: there is no such campaign.
        """
        with self._store.lock:
            campaign = self._store.get(campaign_id)
            campaign.contacts = copy.deepcopy(contacts)
            campaign.results_emptied = False

    # -- the whole state -----------------------------------------------------------------------------------------------

    def switches(self, **changes: Any) -> Switches:
        """Set the given switches and return all of them.

        Raises:
            ValueError: there is no such switch, or it has no such value; nothing is changed then.
        """
        with self._store.lock:
            if changes:
                self.service.switches = self.service.switches.changed(**changes)
            return self.service.switches

    def seed(self, source: Mapping[str, Any] | list[Any] | str | Path) -> list[str]:
        """Add the campaigns and set the switches of a seed (see `seeds`), and return the new ids.

        Raises:
            OSError: the file cannot be read.
            ValueError: the seed is not JSON or not of a seed's form; what came before the mistake has been added.
        """
        seed = read_seed(source)
        with self._store.lock:
            self.switches(**seed["switches"])
            return [self.add_campaign(**campaign) for campaign in seed["campaigns"]]

    def reset(self) -> None:
        """Go back to the beginning: first seed and switches, no faults, empty log, unused rate limit."""
        with self._store.lock:
            self._store.clear()
            self.faults.clear_faults()
            self.requests.clear()
            self.service.forget()
            self.service.switches = self._first_switches
            if self._first_seed is not None:
                self.seed(self._first_seed)

    def snapshot(self) -> dict[str, Any]:
        """Campaigns and switches as plain JSON values; it is a seed as well."""
        with self._store.lock:
            return {
                "campaigns": [dataclasses.asdict(campaign) for campaign in self._store.all()],
                "switches": dataclasses.asdict(self.service.switches),
            }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Go back to a snapshot; log, faults and rate limit stay as they are.

        Raises:
            ValueError: it is not a snapshot; nothing is changed then.
        """
        with self._store.lock:
            before = self.snapshot()
            self._store.clear()
            try:
                self.seed(snapshot)
            except (TypeError, ValueError):
                self._store.clear()
                self.seed(before)
                raise

    # -- what happened -------------------------------------------------------------------------------------------------

    def effects(self, *operations: str, campaign_id: str | None = None) -> Requests:
        """The requests that changed something."""
        return self.requests.effects(*operations, campaign_id=campaign_id)

    def assert_one_effect(self, operation: str, campaign_id: str) -> RequestRecord:
        """Fail unless exactly one such request took effect on the campaign, and return it."""
        self._assert_log_complete()
        effects = self.effects(operation, campaign_id=campaign_id)
        if len(effects) != 1:
            seen = self.requests.of(operation, campaign_id=campaign_id)
            raise AssertionError(f"{len(effects)} requests to {operation} {campaign_id} took effect, not 1:\n{seen}")
        return effects[0]

    def assert_no_writes(self) -> None:
        """Fail if anything asked for a change, whether or not it took effect."""
        self._assert_log_complete()
        if writes := self.requests.writes():
            raise AssertionError(f"{len(writes)} requests asked for a change:\n{writes}")

    def _assert_log_complete(self) -> None:
        if not self.requests.complete:
            raise AssertionError("the log has overflowed: what happened is no longer known")
