"""The poller that all waits of a connection share: how often it looks, and for whom."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING

import pytest
from idle_time import run_in_idle_time

from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignType
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.errors import (
    KoreAuthenticationError,
    KoreError,
    KoreProtocolError,
    KoreRateLimitError,
    KoreRequestError,
    KoreServiceError,
)
from airflow_provider_campaigns.kore.retry import Bounds
from airflow_provider_campaigns.kore.settings import KoreSettings
from airflow_provider_campaigns.simulator import KoreSimulator
from airflow_provider_campaigns.watching.poller import StatusPoller, StatusWait
from airflow_provider_campaigns.watching.watch import StatusGoal

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("no_rate_limit")


WHO: ContextVar[str] = ContextVar("WHO", default="nobody")


class Account:
    """A connection that can be edited, and the clients that were made from it."""

    def __init__(self, simulator: KoreSimulator, requests_per_minute: int = 10_000) -> None:
        self.simulator = simulator
        self.requests_per_minute = requests_per_minute
        self.bounds = Bounds()
        self.troubles: list[KoreError] = []
        self.clients: list[KoreClient] = []
        self.threads: set[str] = set()
        self.is_asleep = threading.Event()
        self.least_sleep_s = 0.0
        self.ended = 0
        self.looks: list[float] = []
        """When each look began, in the loop's time."""
        self.asked_as: set[str] = set()

    async def get_settings(self) -> KoreSettings:
        self.asked_as.add(WHO.get())
        self.looks.append(asyncio.get_running_loop().time())
        if self.troubles:
            raise self.troubles.pop()
        return KoreSettings(
            host=self.simulator.url,
            client_id=self.simulator.client_id,
            client_secret=self.simulator.client_secret,
            stream_id=self.simulator.stream_id,
            account_id=self.simulator.account_id,
            requests_per_minute=self.requests_per_minute,
        )

    def open_client(self, settings: KoreSettings, sleep: Callable[[float], None]) -> KoreClient:
        self.threads.add(threading.current_thread().name)
        budget = RequestBudget(10_000, account_key=None)

        def fall_asleep(seconds: float) -> None:
            self.is_asleep.set()
            sleep(max(seconds, self.least_sleep_s))

        self.clients.append(KoreClient(settings, budget=budget, bounds=self.bounds, sleep=fall_asleep))
        return self.clients[-1]

    def poller(self, jitter: float = 1.0) -> StatusPoller:
        def end() -> None:
            self.ended += 1

        return StatusPoller(self.get_settings, open_client=self.open_client, jitter=lambda: jitter, on_end=end)


def join(poller: StatusPoller, *campaign_ids: str, interval_s: float = 0.05) -> StatusWait:
    """Wait for campaigns to stop."""
    goal = StatusGoal(dict.fromkeys(campaign_ids, CampaignType.VOICE), ("Stopped",))
    return poller.join(goal, interval_s=interval_s, tell=lambda level, text: None)


async def until(condition: Callable[[], bool], within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.002)


@pytest.mark.parametrize(("jitter", "after_s"), [(1.0, 0.0), (0.5, 0.3), (0.0, 0.6)])
def test_join__first_look(kore_simulator: KoreSimulator, jitter: float, after_s: float) -> None:
    """The first look comes after a random part of the interval."""
    campaign_id = kore_simulator.add_campaign(status="Stopped")
    account = Account(kore_simulator)

    async def story() -> None:
        poller = account.poller(jitter)
        wait = join(poller, campaign_id, interval_s=0.6)
        await wait.reached
        poller.leave(wait)

    run_in_idle_time(story())

    assert account.looks == pytest.approx([after_s])


def test_join__most_impatient(kore_simulator: KoreSimulator) -> None:
    """The shortest interval counts for all, for as long as whoever asked for it is there."""
    ids = [kore_simulator.add_campaign(status="Active") for _ in range(2)]
    account = Account(kore_simulator)

    async def story() -> None:
        poller = account.poller(0.0)
        patient = join(poller, ids[0], interval_s=60)
        await asyncio.sleep(10)
        impatient = join(poller, ids[1], interval_s=2)
        await asyncio.sleep(5)
        poller.leave(impatient)
        await asyncio.sleep(70)
        poller.leave(patient)
        assert patient.seen[ids[0]].status == "Active"

    run_in_idle_time(story())

    assert account.looks == pytest.approx([10, 12, 14, 74])
    assert [request.campaign_id for request in kore_simulator.requests] == [*ids, *ids, *ids, ids[0]]


def test_interval__stretched_to_the_budget(kore_simulator: KoreSimulator, caplog: pytest.LogCaptureFixture) -> None:
    """Looks take at most half of the request budget; if they are rarer for that than asked for, one line says so."""
    ids = [kore_simulator.add_campaign(status="Active") for _ in range(3)]
    account = Account(kore_simulator, requests_per_minute=300)

    async def story() -> None:
        poller = account.poller()
        wait = join(poller, *ids)
        await asyncio.sleep(3)
        poller.leave(wait)

    run_in_idle_time(story())

    # Three requests a look, 150 a minute for looks: 50 looks a minute, one every 1.2 s.
    assert account.looks == pytest.approx([0, 1.2, 2.4])
    assert len(kore_simulator.requests) == 9
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        (
            "a look at the campaigns takes 3 requests, so there is one every 1.2 s instead of every 0.05 s: "
            "of 300 requests a minute, 50 % are used for this"
        )
    ]


def test_poll__connection_edited(kore_simulator: KoreSimulator) -> None:
    """An edited connection is used from the next look on; an unedited one keeps its client."""
    campaign_id = kore_simulator.add_campaign(status="Active")
    account = Account(kore_simulator)

    async def story() -> None:
        poller = account.poller()
        wait = join(poller, campaign_id)
        await until(lambda: len(kore_simulator.requests) >= 3)
        assert len(account.clients) == 1
        account.requests_per_minute = 9_000
        await until(lambda: len(account.clients) == 2)
        kore_simulator.set_status(campaign_id, "Stopped")
        await wait.reached
        poller.leave(wait)

    asyncio.run(story())
    assert account.threads == {"kore-status-poller"}


def test_poll__another_account(kore_simulator: KoreSimulator) -> None:
    """A connection that is edited to another account while somebody waits is asked there from the next look on."""
    account = Account(kore_simulator)

    async def story(other: KoreSimulator) -> str:
        campaign_id = other.add_campaign(status="Stopped")
        kore_simulator.add_campaign(status="Active", campaign_id=campaign_id)
        wait = join(account.poller(), campaign_id)
        await until(lambda: campaign_id in wait.seen)
        account.simulator = other
        return str((await wait.reached)[0].status)

    with KoreSimulator() as other:
        assert asyncio.run(story(other)) == "Stopped"


def test_join__own_context(kore_simulator: KoreSimulator) -> None:
    """The poller is nobody's: it does not log as the task that came first."""
    account = Account(kore_simulator)

    async def story() -> None:
        WHO.set("the first task")
        poller = account.poller()
        wait = join(poller, kore_simulator.add_campaign(status="Stopped"))
        await wait.reached
        poller.leave(wait)

    asyncio.run(story())
    assert account.asked_as == {"nobody"}


def test_join__during_a_look(kore_simulator: KoreSimulator) -> None:
    """Who joins during a look is not told what it sees: it may be from before the waiting began."""
    campaign_id = kore_simulator.add_campaign(status="Stopped")
    kore_simulator.hang_next(0.5, after=True)

    async def story() -> tuple[bool, bool]:
        poller = Account(kore_simulator).poller()
        early = join(poller, campaign_id, interval_s=30)
        await until(lambda: len(kore_simulator.requests) == 1)
        kore_simulator.restart(campaign_id)
        late = join(poller, campaign_id, interval_s=30)
        await early.reached
        await asyncio.sleep(0.1)
        for wait in (early, late):
            poller.leave(wait)
        return late.reached.done(), late.looked.is_set()

    assert asyncio.run(story()) == (False, False)


def test_leave__the_last_and_a_new_one(kore_simulator: KoreSimulator) -> None:
    """A poller that is left during a look serves who comes before the look is over, with one thread at a time."""
    campaign_id = kore_simulator.add_campaign(status="Stopped")
    kore_simulator.hang_next(0.4)
    account = Account(kore_simulator)

    async def story() -> None:
        poller = account.poller()
        first = join(poller, campaign_id)
        await until(lambda: len(kore_simulator.requests) == 1)
        poller.leave(first)
        second = join(poller, campaign_id)
        assert sum(thread.name == "kore-status-poller" for thread in threading.enumerate()) == 1
        await second.reached
        poller.leave(second)
        await until(lambda: account.ended == 1)

    asyncio.run(story())
    assert len(account.clients) == 1


def test_leave__during_a_retry(kore_simulator: KoreSimulator) -> None:
    """When nobody waits any more the thread does not sit out its pause, and nothing is sent after it."""
    campaign_id = kore_simulator.add_campaign(status="Active")
    account = Account(kore_simulator)
    account.least_sleep_s = 300
    kore_simulator.drop_next(times=10)

    async def story() -> None:
        poller = account.poller()
        wait = join(poller, campaign_id)
        await until(account.is_asleep.is_set)
        poller.leave(wait)
        await until(lambda: account.ended == 1)

    asyncio.run(story())
    assert len(kore_simulator.requests) == 1


def test_poll__permanent_error(kore_simulator: KoreSimulator) -> None:
    """Wrong credentials end every wait, also one that joined during the look."""
    ids = [kore_simulator.add_campaign(status="Active") for _ in range(3)]
    kore_simulator.fail_next(403, times=100)

    async def story() -> list[BaseException | None]:
        poller = Account(kore_simulator).poller()
        waits = [join(poller, one) for one in ids]
        await asyncio.wait([wait.reached for wait in waits])
        for wait in waits:
            poller.leave(wait)
        return [wait.reached.exception() for wait in waits]

    assert [type(one) for one in asyncio.run(story())] == [KoreAuthenticationError] * 3


def test_poll__refused_once(kore_simulator: KoreSimulator) -> None:
    """One look that is refused ends no wait: the next one is answered."""
    ids = [kore_simulator.add_campaign(status="Active") for _ in range(5)]
    kore_simulator.fail_next(403, times=9)  # the list, one campaign by whatever stands in, and its get again

    async def story() -> list[str]:
        poller = Account(kore_simulator).poller()
        waits = [join(poller, one) for one in ids]
        await until(lambda: all(wait.trouble is not None for wait in waits))
        for one in ids:
            kore_simulator.set_status(one, "Stopped")
        await asyncio.wait([wait.reached for wait in waits])
        return [campaign.status for wait in waits for campaign in wait.reached.result()]

    assert asyncio.run(story()) == ["Stopped"] * 5


def test_poll__one_refused_for_good(kore_simulator: KoreSimulator) -> None:
    """A campaign whose reading is refused in two looks in a row ends its own wait, and no other.

    Once it is tried whether that is how the service says that there is none; the newest campaign of the list, which is
    tried with it, is it or the other one.
    """
    ids = [kore_simulator.add_campaign(status="Active") for _ in range(2)]
    kore_simulator.fail_next(412, campaign_id=ids[0], times=100)
    kore_simulator.fail_next(412, operation="list", times=100)

    async def story() -> tuple[BaseException | None, str]:
        poller = Account(kore_simulator).poller()
        refused, other = join(poller, ids[0]), join(poller, ids[1])
        await asyncio.wait([refused.reached])
        poller.leave(refused)
        kore_simulator.set_status(ids[1], "Stopped")
        return refused.reached.exception(), (await other.reached)[0].status

    error, status = asyncio.run(story())
    assert isinstance(error, KoreRequestError)
    assert status == "Stopped"
    assert len(kore_simulator.requests.of("get", campaign_id=ids[0])) in {4, 6}


REFUSED = KoreRequestError("refused")
FAILED = KoreServiceError("failed")
GARBLED = KoreProtocolError("garbled", retryable=True)


@pytest.mark.parametrize(
    ("looks", "ends_after"),
    [
        ([{"a": REFUSED}, {"a": REFUSED}], 2),
        ([{"a": REFUSED}, {}, {"a": REFUSED}, {"a": REFUSED}], 4),
        ([{"a": REFUSED}, {"b": REFUSED}, {"a": REFUSED}], None),
        ([{"a": REFUSED, "b": FAILED}, {"a": REFUSED, "b": GARBLED}], 2),
        ([{"a": FAILED}, {"a": FAILED}, {"a": GARBLED}, {"a": GARBLED}], None),
        ([REFUSED, REFUSED], 2),
        ([REFUSED, {}, REFUSED], None),
        ([{"a": REFUSED}, REFUSED], None),
        ([FAILED, FAILED], None),
    ],
)
def test_end_look__what_is_believed(looks: list[dict[str, KoreError] | KoreError], ends_after: int | None) -> None:
    """A wait ends by what no waiting mends, if two looks in a row met it for one campaign, or were cut short by it."""

    async def story() -> int | None:
        wait = join(Account(None).poller(), "a", "b")  # type: ignore[arg-type]  # nothing is asked
        seen = {one: Campaign.from_api({"_id": one, "name": "Spring", "status": "Active"}) for one in ("a", "b")}
        for number, look in enumerate(looks, start=1):
            wait.begin_look()
            if isinstance(look, dict):
                wait.take(seen | look)
                wait.end_look()
            else:
                wait.end_look(look)
            if wait.reached.done():
                assert wait.reached.exception() is REFUSED
                return number
        return None

    assert asyncio.run(story()) == ends_after


@pytest.mark.parametrize("status", [503, 403])
def test_poll__pause_after_one_that_failed(kore_simulator: KoreSimulator, status: int) -> None:
    """After a look that was cut short, or did not read a campaign, the next one comes half a second later or more."""
    campaign_id = kore_simulator.add_campaign(status="Stopped")
    kore_simulator.fail_next(status, times=7)  # whatever stands in as well, and get again
    account = Account(kore_simulator)
    account.bounds = Bounds(attempts=1)

    async def story() -> None:
        poller = account.poller()
        wait = join(poller, campaign_id)
        await wait.reached
        poller.leave(wait)

    run_in_idle_time(story())

    assert account.looks == pytest.approx([0, 0.5])


@pytest.mark.parametrize(
    ("trouble", "pause_s"),
    [
        (KoreRateLimitError("HTTP 429", retry_after_s=400.0), 400),
        (KoreRateLimitError("HTTP 429", retry_after_s=604_800.0), 3600),
        (KoreRateLimitError("HTTP 429"), 60),
        (KoreServiceError("HTTP 503", retry_after_s=604_800.0), 3600),
    ],
)
def test_poll__pause_that_is_asked_for(kore_simulator: KoreSimulator, trouble: KoreError, pause_s: float) -> None:
    """The next look comes when the account may send again, or the service is back: after an hour at most."""
    campaign_id = kore_simulator.add_campaign(status="Stopped")
    account = Account(kore_simulator)
    account.troubles = [trouble]

    async def story() -> None:
        poller = account.poller()
        wait = join(poller, campaign_id)
        await asyncio.wait([wait.reached], timeout=3601)
        poller.leave(wait)

    run_in_idle_time(story())

    assert account.looks == pytest.approx([0, pause_s])


def test_poll__cut_short(kore_simulator: KoreSimulator) -> None:
    """A look that is cut short has failed for those only whose campaigns it did not reach."""
    ids = [kore_simulator.add_campaign(status="Active") for _ in range(4)]
    hidden = "cd-0000000-0000-4000-8000-00000000dead"
    kore_simulator.fail_next(503, operation=("get", "status"), times=100)

    account = Account(kore_simulator)
    account.bounds = Bounds(attempts=1)

    async def story() -> tuple[object, object]:
        poller = account.poller()
        listed, unlisted = join(poller, *ids), join(poller, hidden)
        await until(unlisted.looked.is_set)
        for wait in (listed, unlisted):
            poller.leave(wait)
        return listed.trouble, unlisted.trouble

    listed, unlisted = asyncio.run(story())
    assert listed is None
    assert isinstance(unlisted, KoreServiceError)


def test_run__cancelled(kore_simulator: KoreSimulator) -> None:
    """An answer that comes after the poller was cancelled is dropped."""
    kore_simulator.hang_next(0.3)
    account = Account(kore_simulator)

    async def story() -> bool:
        poller = account.poller()
        wait = join(poller, kore_simulator.add_campaign(status="Stopped"))
        await until(lambda: len(kore_simulator.requests) == 1)
        assert poller._task is not None
        poller._task.cancel()
        await until(lambda: "kore-status-poller" not in {thread.name for thread in threading.enumerate()})
        await asyncio.sleep(0.01)
        return wait.reached.done()

    assert asyncio.run(story()) is False
    assert account.ended == 1


def test_run__loop_ends(kore_simulator: KoreSimulator) -> None:
    """A loop that ends during a look leaves no wait and no error behind."""
    kore_simulator.hang_next(0.3)
    account = Account(kore_simulator)

    async def story() -> None:
        join(account.poller(), kore_simulator.add_campaign(status="Stopped"))
        await until(lambda: len(kore_simulator.requests) == 1)

    asyncio.run(story())
    assert account.ended == 1
    deadline = time.monotonic() + 60
    while any(thread.name == "kore-status-poller" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_poll__left_while_it_ends(kore_simulator: KoreSimulator) -> None:
    """A wait that has its result already is not touched by an error that ends the others."""
    ids = [kore_simulator.add_campaign(status=status) for status in ("Stopped", "Active")]
    kore_simulator.fail_next(403, campaign_id=ids[1], times=100)
    kore_simulator.fail_next(403, operation="list", times=100)

    async def story() -> tuple[list[str], BaseException | None]:
        poller = Account(kore_simulator).poller()
        done, refused = join(poller, ids[0]), join(poller, ids[1])
        await asyncio.wait([done.reached, refused.reached])
        return [one.status for one in done.reached.result()], refused.reached.exception()

    statuses, error = asyncio.run(story())
    assert statuses == ["Stopped"]
    assert isinstance(error, KoreAuthenticationError)
