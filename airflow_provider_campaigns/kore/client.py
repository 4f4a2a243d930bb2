"""``KoreClient``: what can be asked of the campaign service, again where that is safe, page by page where need be."""

from __future__ import annotations

import logging
import math
import random
import time
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from airflow_provider_campaigns.kore import listing
from airflow_provider_campaigns.kore.auth import TokenSigner
from airflow_provider_campaigns.kore.bodies import campaign_in, contact_page_in
from airflow_provider_campaigns.kore.budget import Priority, RequestBudget
from airflow_provider_campaigns.kore.campaigns import (
    Campaign,
    CampaignStatus,
    CampaignType,
    ContactPage,
    checked_campaign_id,
    checked_campaign_type,
)
from airflow_provider_campaigns.kore.endpoints import API_VERSIONS
from airflow_provider_campaigns.kore.errors import (
    KoreConfigurationError,
    KoreError,
)
from airflow_provider_campaigns.kore.patience import ENDLESS, Patience
from airflow_provider_campaigns.kore.presence import ProvenMissing, look_for
from airflow_provider_campaigns.kore.proof import Proof
from airflow_provider_campaigns.kore.retry import Bounds
from airflow_provider_campaigns.kore.runs import InstanceId, UnknownInstance
from airflow_provider_campaigns.kore.sending import Elsewhere, Judge, Sender
from airflow_provider_campaigns.kore.settings import KoreSettings, checked_api_version
from airflow_provider_campaigns.kore.stand_ins import (
    Need,
    StandIns,
    is_unknown_path,
    leads_on,
    may_pass_by,
    tells_most,
    to_ask_again,
)
from airflow_provider_campaigns.kore.transport import CONNECT_TIMEOUT_S, Place, Transport
from airflow_provider_campaigns.kore.writes import (
    DeleteGoal,
    Receipt,
    StartGoal,
    StopGoal,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from airflow_provider_campaigns.kore.endpoints import Endpoint
    from airflow_provider_campaigns.kore.listing import Expected, Listing
    from airflow_provider_campaigns.kore.service_clock import ClockGap
    from airflow_provider_campaigns.kore.writes import WriteGoal
    from airflow_provider_campaigns.kore.writing import Writing

_T = TypeVar("_T")

log = logging.getLogger(__name__)

CONTACT_PAGE_SIZE = 100

DEFAULT_VERSIONS = {"stop": "v1", "start": "v1"}
"""The API version of a verb where neither argument nor connection names one; v2 for every other.

The v1 pages of stop and start are consistent in themselves; those of v2 print paths that contradict each other.
"""


class KoreClient:
    """The campaign service of one account.

    May be used from many threads. Connections are kept and reused; cookies are not. Every request passes the
    account's request budget, which all processes of this machine and user share, or all machines with the settings'
    ``budget_store``; ``patience`` says how long a call is waited for.

    Writes (start, stop, delete) take effect at most once per run of a campaign and are not lost: after a lost answer
    the campaign is read, and the write is sent again only if reading proves that it had no effect. Every method raises
    a ``KoreError``; its attributes tell how far the request got. A start that may take effect late is not sent again.
    """

    def __init__(
        self,
        settings: KoreSettings,
        *,
        budget: RequestBudget | None = None,
        bounds: Bounds | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,  # noqa: S311 - spreads retries, guards nothing
        signer: TokenSigner | None = None,
    ) -> None:
        """Nothing is opened or sent yet.

        Args:
            settings: the account.
            budget: the request budget; by default the account's own, shared by this machine and user, or by
                all machines with the settings' ``budget_store``.
            bounds: how long one call is kept up.
            clock: monotonic seconds.
            sleep: waits for so many seconds.
            jitter: a random number from 0 to 1.
            signer: makes the tokens; by default from the settings.
        """
        self.settings = settings
        budget = budget or budget_of(settings, sleep=sleep)
        signer = signer or TokenSigner(
            settings.client_id, settings.client_secret, subject=settings.jwt_subject, ttl_s=settings.jwt_ttl_s
        )
        self._budget = budget
        self._clock = clock
        self._stand_ins = StandIns(clock)
        self._latest_lists = listing.LatestLists(clock)
        self._list_extras = listing.Extras(clock)
        self._sent_by: dict[tuple[str, str], Endpoint] = {}
        """By verb and campaign, the endpoint by which a write was sent last."""
        self._warned_of: set[CampaignType] = set()
        self._long_lists: set[CampaignType] = set()
        """Types whose list holds items that cannot be read, which is told once."""
        self._transport = Transport(settings, budget=budget, signer=signer, clock=clock)
        self._sender = Sender(
            self._transport,
            look=self._look_again,
            read_at=self._read_at,
            bounds=bounds or Bounds(),
            clock=clock,
            sleep=sleep,
            jitter=jitter,
        )
        self.proof = Proof(
            read=lambda one: self._first_answer(Need.OBJECT, self._asking_for(one)),
            read_status=self._view_status,
            try_list=self._try_list,
            store=budget.store_beside("proof"),
            clock=clock,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.settings.address!r}, stream_id={self.settings.stream_id!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._transport.close()

    # Writes

    def stop_campaign(
        self,
        campaign_id: str,
        campaign_type: str,
        *,
        api_version: str | None = None,
        instance_id: InstanceId = UnknownInstance.UNKNOWN,
    ) -> Receipt:
        """Stop the run of a campaign. Its progress is lost: started again, it begins with the first contact.

        ``instance_id`` is the run that is meant, as read before; another run is never stopped in its place when an
        answer got lost. Without it, that is the run found by the first reading after trouble. Version v1 by default.

        Source: stop-voice-campaign, stop-sms-campaign.
        """
        return self.send_stop_once(
            campaign_id, campaign_type, api_version=api_version, instance_id=instance_id
        ).finish()

    def send_stop_once(
        self,
        campaign_id: str,
        campaign_type: str,
        *,
        api_version: str | None = None,
        instance_id: InstanceId = UnknownInstance.UNKNOWN,
        patience: Patience = ENDLESS,
    ) -> Writing:
        """Send the stop of ``stop_campaign`` once: its ``receipt`` if it was answered as it should be, else None.

        ``finish`` then does what ``stop_campaign`` does after trouble: it reads, and sends again only what had no
        effect. That takes seconds, in which others can be stopped.
        """
        endpoint, elsewhere = self._paths("stop", campaign_id, campaign_type, api_version)
        goal = StopGoal(checked_campaign_id(campaign_id), instance_id)
        return self._sender.send_write_once(endpoint, goal, Priority.STOP, patience=patience, elsewhere=elsewhere)

    def start_campaign(
        self,
        campaign_id: str,
        campaign_type: str,
        *,
        api_version: str | None = None,
        instance_id: InstanceId = UnknownInstance.UNKNOWN,
        judge: Judge | None = None,
    ) -> Receipt:
        """Start a new run of a campaign, over its whole list.

        ``instance_id`` is the run before, as read before (None: never ran): with it, reading can tell that a run began
        although the answer got lost. A start that got no answer and does not show is not sent again. ``judge`` is as in
        ``delete_campaign``. Version v1 by default.

        Raises:
            CampaignStateError: it does not show, and may still take effect; ``outcome_unknown``. Or somebody else
                started the campaign before ours was sent.

        Source: start-voice-campaign, start-sms-campaign.
        """
        endpoint, elsewhere = self._paths("start", campaign_id, campaign_type, api_version)
        goal = StartGoal(checked_campaign_id(campaign_id), instance_id)
        return self._sender.write(endpoint, goal, Priority.WRITE, judge=judge, elsewhere=elsewhere)

    def delete_campaign(
        self,
        campaign_id: str,
        campaign_type: str,
        *,
        api_version: str | None = None,
        instance_id: InstanceId = UnknownInstance.UNKNOWN,
        updated_at: str | None = None,
        judge: Judge | None = None,
    ) -> Receipt:
        """Delete a campaign and what the service knows of its results. There is no undo.

        Without a ``judge`` it is first sent whatever state the campaign is in: whether the service deletes one that
        runs is not documented. Contact lists remain. With one, and before it is sent again, everything is waited for
        first; then the campaign is read, and it is sent at once, 5 s after that reading began at most. It is sent only
        to a campaign at rest, whose run is still ``instance_id``; where a run is not named, only if it was last changed
        at ``updated_at``, as before. ``judge`` is called with that reading, and raises a ``KoreError`` if it must not
        be sent; it must not take long. Version v2 by default.

        A campaign that is gone before anything was sent is a receipt with ``changed`` False.

        Source: delete-voice-campaign-v2, delete-sms-campaign-v2.
        """
        endpoint, elsewhere = self._paths("delete", campaign_id, campaign_type, api_version)
        goal = DeleteGoal(checked_campaign_id(campaign_id), instance_id, updated_at)
        return self._sender.write(endpoint, goal, Priority.WRITE, judge=judge, elsewhere=elsewhere)

    def disable_schedule(self, name: str) -> None:
        """Disable the schedule of the campaign of this name. Disabling a disabled one changes nothing, so it repeats.

        As urgent as a stop, because one waits for it.

        Source: disable-voice-or-sms-campaign-schedule (v2 only).
        """
        self._schedule("disable_schedule_v2", name, {}, Priority.STOP)

    def enable_schedule(self, name: str, schedule: dict[str, Any]) -> None:
        """Give the campaign of this name a schedule, in the place of any it has; the same again changes nothing.

        ``schedule`` is the documented body, with ``startDateTime`` and ``endDateTime`` in UTC.

        Source: enable-voice-or-sms-campaign-schedule-daily, -weekly (v2 only).
        """
        self._schedule("enable_schedule_v2", name, schedule, Priority.WRITE)

    def _schedule(self, endpoint_name: str, name: str, body: dict[str, Any], priority: Priority) -> None:
        self._sender.read(
            self.settings.endpoints[endpoint_name],
            body=body,
            query={"campaignName": name},
            priority=priority,
        )

    # Reads

    def get_campaign(
        self,
        campaign_id: str,
        *,
        api_version: str | None = None,
        need: Need = Need.OBJECT,
        kinds: Collection[CampaignType] = tuple(CampaignType),
        priority: Priority = Priority.READ,
        patience: Patience = ENDLESS,
    ) -> Campaign:
        """The whole campaign object; ``priority`` is its place in the request budget's queue.

        Where get is refused in one version, the other stands in, unless a version was asked for; and what else ``need``
        admits. In the list it is then looked for among ``kinds``. What all refuse is asked again after 30 s by a client
        that looks again (``Bounds``).

        Raises:
            KoreNotFoundError: the service says that there is none; ``is_listed`` tells whether to believe it.
            KoreProtocolError: the answer is about another campaign.

        Source: get-voice-campaign-by-id-v2, get-sms-campaign-by-id-v2.
        """
        ask = self._asking_for(campaign_id, kinds, priority=priority, patience=patience)
        return self._first_answer(need, ask, api_version, patience=patience)

    def get_campaign_status(self, campaign_id: str, *, api_version: str | None = None) -> CampaignStatus:
        """The campaign's status alone.

        Raises:
            KoreNotFoundError: as in ``get_campaign``.
            KoreProtocolError: the answer is about another campaign, or holds no status.

        Source: get-campaign-status-v2.
        """
        return self.get_campaign(campaign_id, api_version=api_version, need=Need.STATUS_ALONE).status

    def list_campaigns(
        self,
        campaign_type: str,
        *,
        statuses: Sequence[str] = (),
        name_pattern: str | None = None,
        api_version: str | None = None,
        priority: Priority = Priority.READ,
        patience: Patience = ENDLESS,
    ) -> list[Campaign]:
        """Every campaign of a type, newest first, or those in one of ``statuses`` with a name like ``name_pattern``.

        The pattern is a shell's: ``*``, ``?`` and ``[...]``, with regard to case. 100 campaigns per request; items of
        a list have no calling hours. A list that changes while it is read is read once more. ``priority`` is its place
        in the request budget's queue.

        Raises:
            KoreProtocolError: the pages do not add up to the total, twice; nothing may be concluded from such a list.
                Or an item that may be one of those asked for cannot be read.

        Source: get-all-campaigns-v2.
        """
        kind = checked_campaign_type(campaign_type)
        listed = self._list(kind, api_version, statuses, priority=priority, patience=patience)
        # Whether the service's own filter is honoured is not documented for every status, so it only saves requests.
        wanted = {CampaignStatus(one) for one in statuses}

        def is_meant(name: str | None) -> bool:
            return name_pattern is None or name is None or fnmatchcase(name, name_pattern)

        for item in listed.unreadable:
            if is_meant(item.name):
                raise item.error
        return [one for one in listed.values() if (not wanted or one.status in wanted) and is_meant(one.name)]

    def look_through(
        self,
        campaign_type: str,
        *,
        priority: Priority = Priority.READ,
        patience: Patience = ENDLESS,
        is_last_resort: bool = True,
    ) -> Listing:
        """The list of a type by id, for whoever looks for certain ids: an item that cannot be read is a warning.

        Who can read them one by one as well says that it is no last resort: a 401 or 403 is then raised at once.

        Raises:
            KoreProtocolError: as in ``list_campaigns``, but for such items.

        Source: get-all-campaigns-v2.
        """
        kind = checked_campaign_type(campaign_type)
        return self._list(kind, priority=priority, patience=patience, is_last_resort=is_last_resort)

    def find_listed(
        self,
        campaign_ids: Collection[str],
        campaign_type: str,
        *,
        expected: Expected,
        most: float = math.inf,
        priority: Priority = Priority.READ,
        patience: Patience = ENDLESS,
    ) -> Listing:
        """Campaigns of a type as the list shows them, of whose pages no more are read than that takes (``listing``).

        What is not in it may be there all the same, unless it ``is_whole``. ``most`` is how many requests that takes at
        most, ``expected`` what they are taken to be. An item that cannot be read is a warning.

        Raises:
            KoreError: not a page could be read; a 401 or 403 is raised at once.

        Source: get-all-campaigns-v2.
        """
        kind = checked_campaign_type(campaign_type)

        def ask(endpoint: Endpoint, **how: Any) -> Listing:
            read = self._reads_pages(priority=priority, patience=patience, **how)
            is_long = kind in self._long_lists
            return listing.find_listed(
                read, endpoint, kind, campaign_ids, expected=expected, is_long=is_long, most=most
            )

        found = self._first_answer(Need.LIST, ask, is_last_resort=False)
        if not found.is_whole:
            self._long_lists.add(kind)
        self._warn_of_unreadable(found, kind)
        return found

    def count_campaigns(
        self, campaign_type: str, *, api_version: str | None = None, patience: Patience = ENDLESS
    ) -> int:
        """How many campaigns of a type there are; one small request."""
        kind = checked_campaign_type(campaign_type)

        def ask(endpoint: Endpoint, **how: Any) -> int:
            return listing.count_campaigns(self._reads_pages(patience=patience, **how), endpoint, kind)

        return self._first_answer(Need.LIST, ask, api_version, patience=patience)

    def find_campaign(
        self, name: str, *, api_version: str | None = None, priority: Priority = Priority.READ
    ) -> Campaign:
        """The one campaign of exactly this name, voice or SMS; ``priority`` is as in ``list_campaigns``.

        Raises:
            KoreNotFoundError: there is none.
            KoreProtocolError: there are several; names need not be unique.
        """
        lists = [self._list(kind, api_version, priority=priority) for kind in CampaignType]
        return listing.named(lists, name)

    def is_listed(self, campaign_id: str, campaign_type: str | None = None, *, api_version: str | None = None) -> bool:
        """True if the list of campaigns holds this id, or an item that cannot be read and may be this campaign.

        ``campaign_type`` saves the list of the other type.
        """
        kinds = tuple(CampaignType) if campaign_type is None else (checked_campaign_type(campaign_type),)
        return any(self._list(kind, api_version).may_hold(campaign_id) for kind in kinds)

    def get_contact_page(
        self, campaign_id: str, *, page: int = 1, limit: int = CONTACT_PAGE_SIZE, api_version: str | None = None
    ) -> ContactPage:
        """One page of the contact results of a voice campaign's latest run.

        Pages are counted from 1; ``limit`` is 1 to 100. A page beyond the last is empty.

        Raises:
            KoreConfigurationError: there is no such page or limit.

        Source: get-all-contact-details-voice-campaigns-v2.
        """
        if page < 1:
            raise KoreConfigurationError(f"page: pages are counted from 1, got {page!r}", field="page")
        if not 1 <= limit <= CONTACT_PAGE_SIZE:
            raise KoreConfigurationError(f"limit: expected 1 to {CONTACT_PAGE_SIZE}, got {limit!r}", field="limit")
        checked_campaign_id(campaign_id)

        def ask(endpoint: Endpoint, **how: Any) -> ContactPage:
            body = self._sender.read(endpoint, campaign_id=campaign_id, body={"page": page, "limit": limit}, **how)
            return contact_page_in(body, endpoint, campaign_id, page, limit)

        return self._first_answer(Need.CONTACTS, ask, api_version, patience=ENDLESS)

    def count_contact_results(
        self,
        campaign_id: str,
        *,
        patience: Patience = ENDLESS,
        api_version: str | None = None,
    ) -> int:
        """How many contact results a campaign's latest run has; one small request, which is not repeated.

        Raises:
            KoreBudgetError: there was no place in that time; nothing was sent.
            KoreError: it was not counted.

        Source: get-all-contact-details-voice-campaigns-v2.
        """
        endpoint = self._in_order(Need.CONTACTS, api_version)[0]
        body = self._transport.send(
            endpoint,
            priority=Priority.READ,
            campaign_id=checked_campaign_id(campaign_id),
            body={"page": 1, "limit": 1},
            patience=patience,
        )
        return contact_page_in(body, endpoint, campaign_id, 1, 1).total_results

    def iter_contact_results(
        self, campaign_id: str, *, start_page: int = 1, api_version: str | None = None
    ) -> Iterator[ContactPage]:
        """The contact results page by page, 100 a page, from ``start_page`` (from 1) on; one page is held at a time."""
        number = start_page
        while True:
            page = self.get_contact_page(campaign_id, page=number, api_version=api_version)
            yield page
            if number >= page.total_pages:
                return
            number += 1

    # The request budget

    @property
    def urgent_per_minute(self) -> int:
        """How many requests a minute reads leave to stops, starts and deletes."""
        return self._budget.urgent

    def reserve(self, requests: int, *, duration_s: float) -> AbstractContextManager[None]:
        """Keep room in the account's request budget for stops that this process is about to send.

        During the ``with`` block, and for ``duration_s`` at most, whatever else the processes of this machine
        send leaves room for so many requests.
        """
        return self._budget.reserve(min(requests, self.settings.requests_per_minute), duration_s=duration_s)

    def warm_connection(self, campaign_id: str, *, patience: Patience = ENDLESS) -> None:
        """Open one more connection by reading a status, if the budget has a place right now.

        Raises:
            KoreError: it was not read; ``KoreBudgetError`` if there was no place.
        """
        self._transport.send(
            self._in_order(Need.VIEW)[0],
            priority=Priority.READ,
            campaign_id=checked_campaign_id(campaign_id),
            patience=replace(patience, place_s=0),
        )

    # Description

    def clock_gap(self, now: datetime) -> ClockGap | None:
        """How far this machine's clock, which says ``now``, is from the service's; None if no answer told just now."""
        return self._transport.service_clock.gap(now, self._clock())

    def api_version_of(self, verb: str, api_version: str | None = None) -> str:
        """The version in which ``verb`` is sent: the one asked for, else the connection's, else the verb's default."""
        if verb == "disable_schedule":
            return "v2"  # there is no other
        return checked_api_version(api_version or self.settings.api_version or DEFAULT_VERSIONS.get(verb, "v2"))

    def endpoint_of(
        self, verb: str, campaign_id: str, campaign_type: str, *, api_version: str | None = None
    ) -> Endpoint:
        """The endpoint by which ``verb`` was last sent to a campaign by this client, else would be; nothing is sent.

        That is of the other version where the service does not know the path of the first.
        """
        possible = self._by_preference(verb, campaign_type, api_version)
        sent_by = self._sent_by.get((verb, checked_campaign_id(campaign_id)))
        return sent_by if sent_by in possible else possible[0]

    def describe(self, verb: str, campaign_id: str, campaign_type: str, *, api_version: str | None = None) -> str:
        """The request of ``endpoint_of``, as method, path and query."""
        endpoint = self.endpoint_of(verb, campaign_id, campaign_type, api_version=api_version)
        path = endpoint.shown_path(campaign_id)
        return f"{endpoint.method} {path}?{endpoint.shown_query(self.settings.account_id)}"

    # Sending

    def _by_preference(self, verb: str, campaign_type: str, api_version: str | None) -> list[Endpoint]:
        """The endpoints of a write, first the one by which it is sent; of the version that is named, if one is."""
        kind = "" if verb == "disable_schedule" else f"{checked_campaign_type(campaign_type)}_"
        preferred = self.api_version_of(verb, api_version)
        others = [] if api_version or self.settings.api_version else [one for one in API_VERSIONS if one != preferred]
        names = [f"{verb}_{kind}{version}" for version in (preferred, *others)]
        known = [self.settings.endpoints[name] for name in names if name in self.settings.endpoints]
        return sorted(known, key=lambda one: self._stand_ins.is_refused(one.name))

    def _paths(
        self, verb: str, campaign_id: str, campaign_type: str, api_version: str | None
    ) -> tuple[Endpoint, Elsewhere]:
        """Where a write is sent, and where else if that path is not known; sent once more, all are tried once more."""
        possible = self._by_preference(verb, campaign_type, api_version)
        self._sent_by[verb, checked_campaign_id(campaign_id)] = sent_by = possible[0]
        left = possible[1:]

        def elsewhere(trouble: KoreError) -> Endpoint | None:
            nonlocal sent_by, left
            if not is_unknown_path(trouble):
                return None
            if not left:
                left = [one for one in possible if one is not sent_by]
                return None
            other = left.pop()
            if self._stand_ins.note_unknown_path(sent_by.name):
                log.warning("%s; it is sent by %s instead", trouble, other.name)
            self._sent_by[verb, campaign_id] = sent_by = other
            return other

        return sent_by, elsewhere

    def _in_order(self, need: Need, api_version: str | None = None) -> list[Endpoint]:
        """The readings that tell what is needed, in order; where a version is named, of that alone."""
        named = api_version or self.settings.api_version
        versions = ("v2", "v1") if named is None else (checked_api_version(named),)
        return [self.settings.endpoints[name] for name in self._stand_ins.order(need, versions)]

    def _asking_for(
        self, campaign_id: str, kinds: Collection[CampaignType] = tuple(CampaignType), **how: Any
    ) -> Callable[..., Campaign]:
        """Asks an endpoint for a campaign, which a list is looked through for; ``how`` is for ``Sender.read``."""
        checked_campaign_id(campaign_id)

        def ask(endpoint: Endpoint, **more: Any) -> Campaign:
            if endpoint.name.startswith("list_"):
                return listing.find_campaign(self._reads_pages(**how, **more), endpoint, kinds, campaign_id)
            body = self._sender.read(endpoint, campaign_id=campaign_id, **how, **more)
            campaign = campaign_in(body, endpoint, campaign_id)
            if campaign.is_whole:
                self.proof.saw(campaign_id)
            return campaign

        return ask

    def _first_answer(
        self,
        need: Need,
        ask: Callable[..., _T],
        api_version: str | None = None,
        *,
        is_last_resort: bool = True,
        patience: Patience | None = None,
    ) -> _T:
        """What ``ask`` returns for the first endpoint that is answered; ``Sender.read`` is to get its keywords.

        With patience all are asked again, after a while, where something in between may have refused them.

        Raises:
            KoreError: none was; or one says that there is no such campaign, or for how long nobody is to ask.
        """
        while True:
            refused: dict[str, KoreError] = {}
            try:
                return self._ask_in_order(need, ask, api_version, refused, is_last_resort=is_last_resort)
            except KoreError as error:
                is_absence = partial(self.proof.is_absence, kind=None, may_try=False)
                if patience is not None and may_pass_by(error, need, refused, is_absence):
                    if self._sender.wait_to_ask_again(self._stand_ins.note_all_refused(need), error, patience):
                        continue
                    if error.retryable:
                        raise  # not believed, for want of time
                if error.is_unreadable:
                    self._stand_ins.none_answered(need, refused)
                raise

    def _ask_in_order(
        self,
        need: Need,
        ask: Callable[..., _T],
        api_version: str | None,
        refused: dict[str, KoreError],
        *,
        is_last_resort: bool,
    ) -> _T:
        """The same without asking them all again; what ``refused`` is put there by name."""
        endpoints = {one.name: one for one in self._in_order(need, api_version)}
        last: str | None = next(iter(endpoints))
        if len(endpoints) > 1 or not is_last_resort:
            for name, endpoint in endpoints.items():
                try:
                    answer = ask(endpoint, gives_up_on=partial(leads_on, need=need))
                except KoreError as error:
                    if not leads_on(error, need):
                        raise
                    refused[name] = error
                else:
                    return self._answered(need, name, refused, answer)
            last = to_ask_again(refused, is_last_resort=is_last_resort)
        if last is None:
            told = tells_most(refused)
            told.is_unreadable = True
            raise told
        try:
            return self._answered(need, last, {}, ask(endpoints[last]))
        except KoreError as error:
            error.is_unreadable = leads_on(error, need)
            raise

    def _answered(self, need: Need, name: str, refused: dict[str, KoreError], answer: _T) -> _T:
        for one in self._stand_ins.answered(need, name, refused):
            log.warning("%s; %s stands in for %s", refused[one], name, one)
        return answer

    def _list(
        self,
        kind: CampaignType,
        api_version: str | None = None,
        statuses: Sequence[str] = (),
        *,
        priority: Priority = Priority.READ,
        patience: Patience = ENDLESS,
        is_last_resort: bool = True,
    ) -> Listing:
        """Every campaign of a type by its id."""

        def ask(endpoint: Endpoint, **how: Any) -> Listing:
            read = self._reads_pages(priority=priority, patience=patience, **how)
            return listing.list_campaigns(read, endpoint, kind, statuses)

        listed = self._first_answer(
            Need.LIST, ask, api_version, is_last_resort=is_last_resort, patience=patience if is_last_resort else None
        )
        self._warn_of_unreadable(listed, kind)
        return listed

    def _warn_of_unreadable(self, listed: Listing, kind: CampaignType) -> None:
        if listed.unreadable and kind not in self._warned_of:
            self._warned_of.add(kind)
            number, first = len(listed.unreadable), listed.unreadable[0].error
            log.warning(
                "the list of %s campaigns: %d of %d items cannot be read; the first: %s",
                kind,
                number,
                listed.total,
                first,
            )

    def _reads_pages(self, gives_up_on: Callable[[KoreError], bool] = lambda _: False, **how: Any) -> listing.Read:
        """Reads pages of a list; all is as for ``Sender.read``."""
        return self._list_extras.dropped_where_refused(partial(self._sender.read, **how), gives_up_on)

    def _try_list(self, kind: CampaignType | None) -> Listing:
        def ask(endpoint: Endpoint, **how: Any) -> Listing:
            return listing.try_list(self._reads_pages(**how), endpoint, kind or CampaignType.VOICE)

        return self._first_answer(Need.LIST, ask)

    def _view_status(self, campaign_id: str) -> CampaignStatus:
        """The status as its own view shows it, and nothing else."""
        return self.get_campaign(campaign_id, need=Need.VIEW).status

    def _read_at(self, place: Place, goal: WriteGoal, priority: Priority, patience: Patience) -> Campaign:
        """The campaign of a goal, asked for once, at a place in the budget that is held for it."""
        # The list may take more places than one.
        endpoint = next(one for one in self._in_order(goal.need) if not one.name.startswith("list_"))
        body = self._transport.send(
            endpoint, priority=priority, campaign_id=goal.campaign_id, patience=patience, place=place
        )
        return campaign_in(body, endpoint, goal.campaign_id)

    def _look_again(self, goal: WriteGoal, priority: Priority, patience: Patience) -> Campaign | ProvenMissing:
        """The campaign of a goal after trouble with its write, ahead of ordinary reads."""
        ahead: dict[str, Any] = {"priority": priority, "patience": patience}
        began = self._clock()

        def listed(kind: CampaignType) -> listing.Listing:
            read = partial(self._list, kind, **ahead)
            # What stops does not wait for another's reading, which may hang.
            return read() if priority is Priority.STOP else self._latest_lists.begun_after(began, kind, read)

        return look_for(
            goal.campaign_id,
            read=partial(self.get_campaign, need=goal.need, **ahead),
            is_listed=lambda one: any(listed(kind).may_hold(one) for kind in CampaignType),
            proof=self.proof,
            may_try=patience.is_endless,
        )


def budget_of(settings: KoreSettings, *, sleep: Callable[[float], None] = time.sleep) -> RequestBudget:
    """The request budget of an account, as everybody shares it; nothing is opened yet."""
    return RequestBudget(
        settings.requests_per_minute,
        urgent=settings.urgent_per_minute,
        account_key=f"{settings.base_url}|{settings.account_id}",
        store=settings.budget_store,
        max_request_s=CONNECT_TIMEOUT_S + settings.timeout_s,
        sleep=sleep,
    )
