"""Deferred waits while their connection cannot be had: nothing is known of the campaigns, so nobody's wait ends."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, BaseHook
from airflow.secrets.environment_variables import EnvironmentVariablesBackend
from idle_time import run_in_idle_time
from trigger_support import captured_log, connect, first_event, line, trigger_for, until

from airflow_provider_campaigns import triggers
from airflow_provider_campaigns.kore.errors import KoreConfigurationError, KoreConnectionError, KoreError
from airflow_provider_campaigns.watching import poller as status_poller
from airflow_provider_campaigns.watching.poller import StatusPoller, StatusWait
from airflow_provider_campaigns.watching.watch import StatusGoal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping

    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.simulator import KoreSimulator

NO_CONNECTION = (
    "kore_conn_id: there is no such connection (got 'kore_default'), or the secrets backend that has it failed"
)
NOT_NOW = "the connection (got 'kore_default') could not be looked up ({})"
NO_STREAM = "stream_id: expected the app's id"


@pytest.fixture(autouse=True)
def _impatient(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulator as ``kore_default``; after a look that failed the next one follows soon."""
    kore_simulator.switches(rate_limit=None)
    monkeypatch.setattr(status_poller, "_LEAST_PAUSE_S", 0.02)
    connect(kore_simulator, monkeypatch)


@pytest.fixture
def log() -> Iterator[list[MutableMapping[str, Any]]]:
    """What the triggers log while they run."""
    with captured_log() as events:
        yield events


class Backend:
    """A secrets backend that may be in trouble, in the place of Airflow's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._original = BaseHook.aget_connection
        self.trouble: Exception | None = None
        monkeypatch.setattr(triggers.KoreCampaignHook, "aget_connection", self.aget_connection)

    async def aget_connection(self, conn_id: str) -> Any:
        if self.trouble is not None:
            raise self.trouble
        return await self._original(conn_id)


def _remove(_: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_KORE_DEFAULT")


def _spoil(simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(simulator, monkeypatch, stream_id="no-stream")


def _spoil_bundle(simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(simulator, monkeypatch, ca_bundle="/nowhere/ca.pem")


def _raise(error: Exception) -> Callable[[KoreSimulator, pytest.MonkeyPatch], None]:
    def spoil(_: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        Backend(monkeypatch).trouble = error

    return spoil


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_remove, NO_CONNECTION),
        (_spoil, NO_STREAM),
        (_spoil_bundle, "ca_bundle: there is no such file or folder"),
        (_raise(OSError("vault at https://user:canary@vault is sealed")), NOT_NOW.format("OSError")),
        (_raise(AirflowException("the API server is away")), NOT_NOW.format("AirflowException")),
        (_raise(TimeoutError()), NOT_NOW.format("TimeoutError")),
    ],
    ids=["not there", "wrong field", "wrong bundle", "backend raises", "API server away", "backend times out"],
)
def test_run__connection_away_for_a_while(
    kore_simulator: KoreSimulator,
    monkeypatch: pytest.MonkeyPatch,
    log: list[Any],
    spoil: Callable[[KoreSimulator, pytest.MonkeyPatch], None],
    said: str,
) -> None:
    """Waits go on while the connection cannot be had or is wrong, say so once, and reach their goal afterwards."""
    ids = [kore_simulator.add_campaign(status="Active") for _ in range(20)]

    async def story() -> set[str]:
        waiting = [asyncio.create_task(first_event(trigger_for(one))) for one in ids]
        await until(lambda: len(kore_simulator.requests.of("list")) >= 2)
        with monkeypatch.context() as trouble:
            spoil(kore_simulator, trouble)
            await until(lambda: len(log) == 20)
            await asyncio.sleep(0.1)
        await until(lambda: len(log) == 40)
        for one in ids:
            kore_simulator.set_status(one, "Stopped")
        return {(await one)["status"] for one in waiting}

    assert asyncio.run(story()) == {"reached"}
    assert [one["log_level"] for one in log[:20]] == ["warning"] * 20
    assert all(one["event"].startswith(f"the status could not be read ({said}") for one in log[:20])
    assert log[20:40] == [line("info", "the status can be read again")] * 20
    assert "canary" not in str(log)


def test_run__backend_hangs(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, log: list[Any]) -> None:
    """A secrets backend that hangs keeps neither the triggerer's loop from turning nor the wait from going on."""
    campaign_id = kore_simulator.add_campaign(status="Stopped")
    monkeypatch.setattr(status_poller, "LOOKUP_WITHIN_S", 0.05)
    released = threading.Event()
    original = EnvironmentVariablesBackend.get_connection

    def hang(self: EnvironmentVariablesBackend, *args: Any, **kwargs: Any) -> Any:
        released.wait(20)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(EnvironmentVariablesBackend, "get_connection", hang)

    async def story() -> str:
        waiting = asyncio.create_task(first_event(trigger_for(campaign_id)))
        await until(lambda: bool(log), within_s=10)
        released.set()
        return str((await waiting)["status"])

    assert asyncio.run(story()) == "reached"
    assert log[0] == line(
        "warning",
        "the status could not be read (the connection could not be looked up within 0.05 s: does the secrets backend "
        "hang?); still waiting",
    )


class Lookups:
    """A poller's lookups of the settings, each of which takes so long and then fails."""

    def __init__(self, error: KoreError, takes_s: float = 0.0) -> None:
        self.error = error
        self.takes_s = takes_s
        self.at: list[float] = []
        self.told: list[str] = []
        self.poller = StatusPoller(self._get_settings, jitter=lambda: 1.0)

    async def _get_settings(self) -> KoreSettings:
        self.at.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.takes_s)
        raise self.error

    def join(self) -> StatusWait:
        return self.poller.join(
            StatusGoal({"cd-1": None}, ("Stopped",)), interval_s=60, tell=lambda _, text: self.told.append(text)
        )


WRONG = KoreConfigurationError("stream_id: missing", field="stream_id")
AWAY = KoreConnectionError("the connection could not be looked up")


@pytest.mark.parametrize("error", [WRONG, AWAY])
def test_go_without_look__for_an_hour(error: KoreError) -> None:
    """Each wait gives up after an hour of its own without a connection that can be used."""
    lookups = Lookups(error)

    async def story() -> list[float]:
        loop, ended = asyncio.get_running_loop(), []
        first = lookups.join()
        await asyncio.sleep(600)
        for wait in (first, lookups.join()):
            await asyncio.wait([wait.reached])
            assert wait.reached.exception() is error
            ended.append(loop.time())
            lookups.poller.leave(wait)
        return ended

    assert run_in_idle_time(story()) == pytest.approx([3600, 4200], abs=60)
    assert lookups.told == [f"the status could not be read ({error}); still waiting"] * 2


def test_go_without_look__again_after_a_look() -> None:
    """Two troubles with a look between them are not one long one."""

    async def story() -> bool:
        wait = Lookups(AWAY).join()
        for now in (0.0, 3000.0):
            wait.go_without_look(AWAY, now)
        wait.begin_look()
        wait.end_look()
        for now in (6000.0, 9599.0):
            wait.go_without_look(AWAY, now)
        return wait.reached.done()

    assert run_in_idle_time(story()) is False


def test_poll__one_lookup_at_a_time() -> None:
    """A lookup that hangs is waited for by several looks, and made once; the look after its end makes another."""
    lookups = Lookups(AWAY, takes_s=100)

    async def story() -> None:
        wait = lookups.join()
        await asyncio.sleep(240)
        lookups.poller.leave(wait)

    run_in_idle_time(story())

    assert lookups.at == pytest.approx([0, 180])
    hung = "the connection could not be looked up within 30 s: does the secrets backend hang?"
    assert lookups.told == [f"the status could not be read ({hung}); still waiting"]
