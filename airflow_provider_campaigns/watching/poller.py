"""``StatusPoller``: one look at the service serves everybody in an event loop who waits for campaigns of one account.

The loop never waits for the network: looks are made in a thread, one at a time. How often is a compromise between
what the waits ask for and what the account's request budget can bear. Knows no Airflow.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
import random
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar, cast

from airflow_provider_campaigns.kore.budget import WINDOW_S
from airflow_provider_campaigns.kore.campaigns import Campaign
from airflow_provider_campaigns.kore.errors import KoreConnectionError, KoreError
from airflow_provider_campaigns.kore.retry import Bounds, pause_after
from airflow_provider_campaigns.watching.watch import CampaignWatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from airflow_provider_campaigns.kore.campaigns import CampaignType
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.watching.watch import Found, StatusGoal

log = logging.getLogger(__name__)

BUDGET_SHARE = 0.5
"""Of the account's request budget at most so much is spent on looking; the rest is for those who do something."""

_ATTEMPTS = 2
"""Sendings of one request: a lost connection is opened anew at once, anything longer is the next look's business."""

LOOKUP_WITHIN_S = 30.0
"""How long a look waits for the account's settings, which may come from a store that hangs."""

WITHOUT_SETTINGS_S = 3600.0
"""So long a wait goes on while the account's settings cannot be had, or are wrong: somebody is at work on that."""

_LEAST_PAUSE_S = 0.5
"""After a look that failed, however impatient the waits are."""

_TELL_ABOVE_S = 1.0

_BREATH = 50
"""Waits that are served before the event loop may do something else."""

_T = TypeVar("_T")

_END = object()


class StatusWait:
    """Somebody who waits for campaigns; made by ``StatusPoller.join``.

    Attributes:
        goal: what is waited for.
        interval_s: seconds between two looks that this wait asks for.
        reached: resolves to the campaigns as one look saw them, in the goal's order, or to the ``KoreError`` that no
            waiting will mend.
        looked: is set after the first look that began after this wait did, whatever came of it.
        seen: each campaign as it was last read.
        trouble: why the last look failed, None if it did not.
    """

    def __init__(self, goal: StatusGoal, interval_s: float, tell: Callable[[int, str], None]) -> None:
        self.goal = goal
        self.interval_s = interval_s
        self.reached: asyncio.Future[list[Campaign]] = asyncio.get_running_loop().create_future()
        self.looked = asyncio.Event()
        self.seen: dict[str, Campaign] = {}
        self.trouble: KoreError | None = None
        self._tell = tell
        self._without_settings_since: float | None = None
        self._look: dict[str, Found] = {}
        self._doubted: AbstractSet[str | None] = frozenset()
        """What the last look says will never be read: campaigns, and None for what cut it short."""

    @property
    def has_looked(self) -> bool:
        """True if the look that goes on has said something about every campaign of this wait."""
        return len(self._look) == len(self.goal.campaigns)

    def begin_look(self) -> None:
        """Forget the last look: a goal is reached within one, not bit by bit."""
        self._look = {}
        self._without_settings_since = None

    def go_without_look(self, error: KoreError, now: float) -> None:
        """There can be no look, because the settings cannot be had: ends the wait if that has been so for too long.

        Nobody was asked, so nothing is known of the campaigns, and a secrets backend that is away, or a connection that
        somebody is editing, is mended before long.
        """
        self.looked.set()
        self._met(error)
        if self._without_settings_since is None:
            self._without_settings_since = now
        elif now - self._without_settings_since >= WITHOUT_SETTINGS_S:
            self.end(error)

    def take(self, found: Mapping[str, Found]) -> None:
        """Learn what a portion of a look says about this wait's campaigns."""
        mine = {one: found[one] for one in self.goal.campaigns if one in found}
        if not mine or self.reached.done():
            return
        for campaign_id, campaign in mine.items():
            if isinstance(campaign, Campaign):
                before = self.seen.get(campaign_id)
                if before is not None and before.status != campaign.status:
                    self._tell(logging.INFO, f"campaign {campaign_id}: {before.status}, now {campaign.status}")
                self.seen[campaign_id] = campaign
        self._look |= mine
        try:
            if self.goal.is_reached(self._look):
                self.reached.set_result([self.seen[one] for one in self.goal.campaigns])
        except KoreError as error:
            self.end(error)

    def end_look(self, error: KoreError | None = None) -> None:
        """A look is over that this wait saw from its beginning; ``error`` is what cut it short, if anything did.

        What no waiting mends is believed when two looks in a row have met it, and ends the wait: once, it may come from
        something between here and the service.
        """
        self.looked.set()
        troubles: dict[str | None, KoreError] = {
            one: found for one, found in self._look.items() if isinstance(found, KoreError)
        }
        if error is not None and not self.has_looked:
            troubles[None] = error
        permanent = {one: trouble for one, trouble in troubles.items() if not trouble.retryable}
        believed = [trouble for one, trouble in permanent.items() if one in self._doubted]
        self._doubted = permanent.keys()
        if believed:
            self.end(believed[0])
            return
        self._met(next(iter(troubles.values()), None))

    def _met(self, trouble: KoreError | None) -> None:
        """Tell the first trouble of a streak, and its end."""
        if trouble is not None and self.trouble is None:
            self._tell(logging.WARNING, f"the status could not be read ({trouble}); still waiting")
        elif trouble is None and self.trouble is not None:
            self._tell(logging.INFO, "the status can be read again")
        self.trouble = trouble

    def end(self, error: Exception) -> None:
        """End the wait: it cannot come to anything."""
        if not self.reached.done():
            self.reached.set_exception(error)
            self.reached.exception()  # seen; if its task was cancelled meanwhile, nobody else will


class StatusPoller:
    """Looks at the campaigns of one account for everybody who joined, for as long as somebody is there.

    Looks begin as far apart as the most impatient wait asks for, or farther, if the request budget cannot bear that;
    the first after a random part of it, so that many processes do not ask in step. Every wait sees a status that is at
    most one such interval old, plus what the look itself took. A look that fails is logged once per streak, and
    the next one is made as if nothing had happened. What no waiting mends ends a wait when two of its looks in a row
    have met it; one refusal may come from something between here and the service, and a thousand waits should not end
    of it. Even then a wait goes on whose campaigns were all read. While the settings cannot be had, or are wrong, there
    is no look, and waits go on for an hour.

    The settings are asked for before every look, so a connection that is edited is used from the next one on.

    Args:
        get_settings: the account, as it is now.
        open_client: makes a client from it, in the poller's thread, and sleeps as it is told.
        jitter: a random number from 0 to 1.
        on_end: called when the last wait has left; the poller is of no use from then on.
    """

    def __init__(
        self,
        get_settings: Callable[[], Awaitable[KoreSettings]],
        *,
        open_client: Callable[[KoreSettings, Callable[[float], None]], KoreClient] | None = None,
        jitter: Callable[[], float] = random.random,  # noqa: S311 - spreads looks, guards nothing
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._get_settings = get_settings
        self._open_client = open_client or _open_client
        self._jitter = jitter
        self._on_end = on_end
        self._waits: dict[StatusWait, None] = {}
        self._changed = asyncio.Event()
        self._nobody_waits = threading.Event()
        self._task: asyncio.Task[None] | None = None
        self._lookup: asyncio.Future[KoreSettings] | None = None
        self._settings: KoreSettings | None = None
        self._client: KoreClient | None = None
        self._watch: CampaignWatch | None = None
        self._begun_at = 0.0
        self._not_before = 0.0
        self._told_stretch_s = 0.0

    def join(self, goal: StatusGoal, *, interval_s: float, tell: Callable[[int, str], None]) -> StatusWait:
        """Wait for a goal; the caller awaits ``StatusWait.reached``, and leaves whatever comes of it.

        ``tell`` gets what this wait's log should say, with its level.
        """
        wait = StatusWait(goal, interval_s, tell)
        self._waits[wait] = None
        self._nobody_waits.clear()
        self._changed.set()
        if self._task is None:
            loop = asyncio.get_running_loop()
            self._begun_at = loop.time() - interval_s * self._jitter()
            # In a context of its own, so that it does not log as the task that happened to come first.
            self._task = loop.create_task(self._run(), context=contextvars.Context())
        return wait

    def leave(self, wait: StatusWait) -> None:
        """End a wait. When the last one has left, the poller ends, and sends nothing more."""
        self._waits.pop(wait, None)
        if not self._waits:
            self._nobody_waits.set()
            self._changed.set()

    async def _run(self) -> None:
        try:
            while self._waits:
                await self._pause()
                if self._waits:
                    await self._poll()
        except Exception as error:
            log.exception("the poller failed; everybody who waits is told")
            for wait in self._waits:
                wait.end(error)
        finally:
            self._nobody_waits.set()
            self._on_end()
            if self._lookup is not None:
                self._lookup.cancel()
            if self._client is not None:
                self._client.close()

    async def _pause(self) -> None:
        """Until the next look is due, which depends on who waits, or nobody waits any more."""
        loop = asyncio.get_running_loop()
        while self._waits:
            delay = max(self._begun_at + self._interval_s(), self._not_before) - loop.time()
            if delay <= 0:
                return
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), delay)

    def _interval_s(self) -> float:
        """Seconds from the beginning of one look to that of the next."""
        wanted = min(wait.interval_s for wait in self._waits)
        if self._settings is None or self._watch is None:
            return wanted
        bearable = self._watch.cost * WINDOW_S / (self._settings.requests_per_minute * BUDGET_SHARE)
        if bearable > max(wanted, _TELL_ABOVE_S, self._told_stretch_s * 1.5):
            self._told_stretch_s = bearable
            log.warning(
                "a look at the campaigns takes %d requests, so there is one every %.3g s instead of every %.3g s: "
                "of %d requests a minute, %d %% are used for this",
                self._watch.cost,
                bearable,
                wanted,
                self._settings.requests_per_minute,
                BUDGET_SHARE * 100,
            )
        return max(wanted, bearable)

    async def _poll(self) -> None:
        """Look once; nothing but a defect is raised."""
        loop = asyncio.get_running_loop()
        self._begun_at = loop.time()
        waits = list(self._waits)
        try:
            watch = await self._open()
        except KoreError as error:
            self._hold_off(error)
            async for wait in _breathing(waits):
                wait.go_without_look(error, loop.time())
            return
        for wait in waits:
            wait.begin_look()
        trouble: KoreError | None = None
        try:
            await self._look(watch, waits)
        except _NobodyWaitsError:
            return
        except KoreError as error:
            trouble = error
            self._hold_off(error)
        async for wait in _breathing(waits):
            wait.end_look(trouble)

    def _hold_off(self, error: KoreError) -> None:
        """Make the next look wait for as long as the error says, and a little while in any case."""
        pause_s = max(pause_after(error) or 0.0, _LEAST_PAUSE_S)
        self._not_before = max(self._not_before, asyncio.get_running_loop().time() + pause_s)

    async def _open(self) -> CampaignWatch:
        """The watch for the account as it is now."""
        settings = await self._settings_now()
        if self._watch is None or settings != self._settings:
            client = await _in_thread(lambda: self._open_client(settings, self._sleep))
            if self._client is not None:
                self._client.close()
            self._client, self._settings, self._watch = client, settings, CampaignWatch(client)
        return self._watch

    async def _settings_now(self) -> KoreSettings:
        """The settings, looked up; a lookup that hangs is waited for again by the next look, and not made twice."""
        if self._lookup is None:
            self._lookup = asyncio.ensure_future(self._get_settings())
        await asyncio.wait({self._lookup}, timeout=LOOKUP_WITHIN_S)
        if not self._lookup.done():
            raise KoreConnectionError(
                f"the connection could not be looked up within {LOOKUP_WITHIN_S:g} s: does the secrets backend hang?"
            )
        lookup, self._lookup = self._lookup, None
        return lookup.result()

    async def _look(self, watch: CampaignWatch, waits: list[StatusWait]) -> None:
        """Let those see the look who waited when it began: for others it may show a state from before they did."""
        portions: Iterator[Mapping[str, Found]] = watch.look(_campaigns_of(waits))
        while True:
            found = await _in_thread(lambda: next(portions, _END))
            if not self._waits:
                raise _NobodyWaitsError
            if found is _END:
                return
            portion = cast("Mapping[str, Found]", found)
            for one in portion.values():
                if isinstance(one, KoreError):
                    self._hold_off(one)
            async for wait in _breathing(waits):
                wait.take(portion)

    def _sleep(self, seconds: float) -> None:
        """The thread's sleep, which ends when nobody waits for its result."""
        if self._nobody_waits.wait(seconds):
            raise _NobodyWaitsError


class _NobodyWaitsError(Exception):
    """Everybody has left while a look was going on."""


def _open_client(settings: KoreSettings, sleep: Callable[[float], None]) -> KoreClient:
    from airflow_provider_campaigns.kore.client import KoreClient  # noqa: PLC0415

    return KoreClient(settings, bounds=Bounds(attempts=_ATTEMPTS, look_again_s=math.inf), sleep=sleep)


def _campaigns_of(waits: list[StatusWait]) -> dict[str, CampaignType | None]:
    """Every campaign that somebody waits for; a type that one of them knows is known."""
    campaigns: dict[str, CampaignType | None] = {}
    for wait in waits:
        for campaign_id, kind in wait.goal.campaigns.items():
            campaigns[campaign_id] = campaigns.get(campaign_id) or kind
    return campaigns


async def _breathing(waits: list[StatusWait]) -> AsyncIterator[StatusWait]:
    """The waits, with a chance for the event loop now and then."""
    for number, wait in enumerate(waits, start=1):
        yield wait
        if number % _BREATH == 0:
            await asyncio.sleep(0)


async def _in_thread(work: Callable[[], _T]) -> _T:
    """What ``work`` returns or raises in a thread of its own.

    A daemon, unlike those of an executor: a process that ends does not wait for the answer to a request.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_T] = loop.create_future()

    def deliver(outcome: _T | None, error: Exception | None) -> None:
        if future.done():  # cancelled
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(cast("_T", outcome))

    def run() -> None:
        outcome, error = None, None
        try:
            outcome = work()
        except Exception as raised:  # noqa: BLE001 - it is raised where the result is awaited
            error = raised
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(deliver, outcome, error)

    threading.Thread(target=run, name="kore-status-poller", daemon=True).start()
    return await future
