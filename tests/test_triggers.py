"""The trigger of the status sensor, as the triggerer runs it: many in one event loop, against the simulator."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import BaseHook
from structlog import DropEvent
from structlog.contextvars import bind_contextvars, merge_contextvars
from structlog.stdlib import PositionalArgumentsFormatter
from structlog.testing import capture_logs

from airflow_provider_campaigns import status_poller, triggers
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.simulator.credentials import Credentials
from airflow_provider_campaigns.triggers import CampaignStatusTrigger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, MutableMapping

    from airflow_provider_campaigns.kore.campaigns import Campaign
    from airflow_provider_campaigns.simulator import KoreSimulator

CANARY_SECRET = "canary-secret-3f9c1d-of-at-least-32-bytes"
STRANGER = "cd-0000000-0000-4000-8000-00000000dead"
ENDED = ("Stopped", "Completed")


@pytest.fixture(autouse=True)
def _connection(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulator as ``kore_default``, with a budget that lets looks follow each other quickly."""
    kore_simulator.switches(rate_limit=None)
    connect(kore_simulator, monkeypatch)


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that fails is not sent again, and after a look that failed the next one follows soon."""
    monkeypatch.setattr(status_poller, "_ATTEMPTS", 1)
    monkeypatch.setattr(status_poller, "_LEAST_PAUSE_S", 0.05)


def without_airflow(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Leave out what Airflow 3.1 says whenever it reads a connection whose type has an underscore."""
    if event["event"].startswith("Connection schemes"):
        raise DropEvent
    return event


@pytest.fixture
def log() -> Iterator[list[MutableMapping[str, Any]]]:
    """What the triggers log while they run, as Airflow's log handlers get it."""
    with capture_logs(processors=[without_airflow, merge_contextvars, PositionalArgumentsFormatter()]) as events:
        yield events


def connect(simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, **extra: Any) -> None:
    extra = {"requests_per_minute": 10_000, "timeout_s": 5, **extra}
    monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", simulator.connection_json(**extra))


def trigger_for(
    *campaign_ids: str, timeout_s: float = 20.0, statuses: Iterable[str] = ENDED, **arguments: Any
) -> CampaignStatusTrigger:
    """A trigger for voice campaigns that looks every 50 ms."""
    return CampaignStatusTrigger(
        kore_conn_id="kore_default",
        campaigns=dict.fromkeys(campaign_ids, "voice"),
        statuses=list(statuses),
        deadline=(datetime.now(UTC) + timedelta(seconds=timeout_s)).isoformat(),
        **{"poll_interval": 0.05, **arguments},
    )


async def first_event(trigger: CampaignStatusTrigger) -> dict[str, Any]:
    """The payload of the first event, as it comes out of the triggerer's JSON."""
    payload: dict[str, Any] | None = None
    async for event in trigger.run():
        assert payload is None, "a second event"
        payload = json.loads(json.dumps(event.payload))
    assert payload is not None
    return payload


def drain(trigger: CampaignStatusTrigger) -> dict[str, Any]:
    """The payload of a trigger that runs alone; its poller has ended, so nothing of it is sent any more."""

    async def run() -> dict[str, Any]:
        payload = await first_event(trigger)
        await until(lambda: not triggers._pollers)
        return payload

    return asyncio.run(run())


async def until(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    """Let the loop run until something is so."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.005)


def line(level: str, text: str, **context: Any) -> dict[str, Any]:
    """A line of the log."""
    return {"log_level": level, "event": text, **context}


class TestSerialize:
    """What is stored while a task waits."""

    def test_serialize__through_json(self) -> None:
        """The arguments are plain JSON, and make the same trigger again, deadline included."""
        trigger = CampaignStatusTrigger(
            kore_conn_id="kore_default",
            campaigns={"cd-1": "voice", "cd-2": None},
            statuses=("Stopped",),
            poll_interval=60,
            deadline="2026-03-02T12:30:00.000Z",
        )

        path, arguments = trigger.serialize()

        assert path == "airflow_provider_campaigns.triggers.CampaignStatusTrigger"
        assert arguments == {
            "kore_conn_id": "kore_default",
            "campaigns": {"cd-1": "voice", "cd-2": None},
            "statuses": ["Stopped"],
            "poll_interval": 60,
            "deadline": "2026-03-02T12:30:00.000Z",
        }
        again = CampaignStatusTrigger(**json.loads(json.dumps(arguments)))
        assert again.serialize() == (path, arguments)

    def test_serialize__no_credential(
        self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Neither before nor after it ran does the trigger hold the secret, and nothing logs it."""
        caplog.set_level(logging.DEBUG)
        kore_simulator.renew_credentials(Credentials(client_secret=CANARY_SECRET))
        connect(kore_simulator, monkeypatch)
        trigger = trigger_for(kore_simulator.add_campaign(status="Stopped"))

        event = drain(trigger)

        assert event["status"] == "reached"
        for text in (
            repr(trigger),
            json.dumps(trigger.serialize()),
            json.dumps(event),
            caplog.text,
            repr(vars(trigger)),
        ):
            assert CANARY_SECRET not in text


class TestRun:
    """One wait."""

    @pytest.mark.parametrize("kind", ["voice", None])
    def test_run__reached(self, kore_simulator: KoreSimulator, kind: str | None) -> None:
        """The event holds a result for each campaign, in the order given."""
        first = kore_simulator.add_campaign(name="Spring", status="Stopped")
        second = kore_simulator.add_campaign(name="Autumn", status="Completed")
        trigger = trigger_for(second, first)
        trigger.campaigns = dict.fromkeys(trigger.campaigns, kind)

        event = drain(trigger)

        instance = {one: kore_simulator.campaign(one).instance_id for one in (first, second)}
        assert event == {
            "status": "reached",
            "campaigns": [
                {
                    "campaign_id": second,
                    "campaign_type": "voice",
                    "name": "Autumn",
                    "status": "Completed",
                    "changed": False,
                    "campaign_instance_id": instance[second],
                },
                {
                    "campaign_id": first,
                    "campaign_type": "voice",
                    "name": "Spring",
                    "status": "Stopped",
                    "changed": False,
                    "campaign_instance_id": instance[first],
                },
            ],
        }
        kore_simulator.assert_no_writes()

    def test_run__later(self, kore_simulator: KoreSimulator, log: list[Any]) -> None:
        """The event comes when the campaign gets there, and the way there is in the log."""
        campaign_id = kore_simulator.add_campaign(status="Active")

        async def story() -> dict[str, Any]:
            waiting = asyncio.create_task(first_event(trigger_for(campaign_id)))
            await until(lambda: len(kore_simulator.requests) >= 2)
            assert not waiting.done()
            kore_simulator.set_status(campaign_id, "Paused")
            await until(lambda: log[-1:] == [line("info", f"campaign {campaign_id}: Active, now Paused")])
            kore_simulator.set_status(campaign_id, "Stopped")
            return await waiting

        assert asyncio.run(story())["status"] == "reached"

    def test_run__all_at_the_same_time(self, kore_simulator: KoreSimulator) -> None:
        """A campaign that left the status again before the other got there does not count."""
        first = kore_simulator.add_campaign(status="Active")
        second = kore_simulator.add_campaign(status="Stopped")

        async def two_looks() -> None:
            seen = len(kore_simulator.requests)
            await until(lambda: len(kore_simulator.requests) >= seen + 6)

        async def story() -> str:
            waiting = asyncio.create_task(first_event(trigger_for(first, second)))
            await two_looks()
            kore_simulator.set_status(second, "Active")
            kore_simulator.set_status(first, "Stopped")
            await two_looks()
            assert not waiting.done()
            kore_simulator.set_status(second, "Stopped")
            return str((await waiting)["status"])

        assert asyncio.run(story()) == "reached"

    def test_run__missing(self, kore_simulator: KoreSimulator) -> None:
        """A campaign that is provably not there ends the wait, and is named."""
        event = drain(trigger_for(kore_simulator.add_campaign(status="Active"), STRANGER))

        assert event == {
            "status": "missing",
            "message": f"campaign {STRANGER}: there is none: reading does not find it, and the list lacks it",
        }

    def test_run__not_found_but_listed(self, kore_simulator: KoreSimulator) -> None:
        """A not-found that the list contradicts is a failed look, not a missing campaign."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        kore_simulator.fail_next(404, operation="get")

        event = drain(trigger_for(campaign_id))

        assert event["status"] == "reached"
        assert [request.operation for request in kore_simulator.requests].count("get") == 2

    def test_run__wrong_credentials(self, kore_simulator: KoreSimulator) -> None:
        """Wrong credentials end the wait at once, and are named."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        kore_simulator.renew_credentials(
            Credentials(
                client_id=kore_simulator.client_id,
                stream_id=kore_simulator.stream_id,
                account_id=kore_simulator.account_id,
            )
        )

        event = drain(trigger_for(campaign_id))

        assert (event["status"], event["error"], event["retryable"]) == ("error", "KoreAuthenticationError", False)
        assert "credentials" in event["message"] or "token" in event["message"]

    def test_run__no_connection(self, kore_simulator: KoreSimulator) -> None:
        """A connection id that does not exist ends the wait at once, and is named."""
        trigger = trigger_for("cd-1")
        trigger.kore_conn_id = "kore_nowhere"

        assert drain(trigger) == {
            "status": "error",
            "error": "KoreConfigurationError",
            "message": "kore_conn_id: there is no connection 'kore_nowhere'",
            "retryable": False,
        }

    def test_run__wrong_connection(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """A connection with a wrong field ends the wait at once; the field is named."""
        connect(kore_simulator, monkeypatch, stream_id="no-stream")

        event = drain(trigger_for("cd-1"))

        assert (event["error"], event["retryable"]) == ("KoreConfigurationError", False)
        assert event["message"].startswith("stream_id: expected the app's id")

    @pytest.mark.usefixtures("_impatient")
    def test_run__connection_cannot_be_looked_up(
        self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A secrets backend that fails is waited out like a service that fails."""
        original = BaseHook.aget_connection
        failures = [OSError("the backend is away"), RuntimeError("and again")]

        async def aget_connection(conn_id: str) -> Any:
            if failures:
                raise failures.pop()
            return await original(conn_id)

        monkeypatch.setattr(triggers.KoreCampaignHook, "aget_connection", aget_connection)

        assert drain(trigger_for(kore_simulator.add_campaign(status="Stopped")))["status"] == "reached"
        assert failures == []

    def test_run__defect(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """A defect of this package is told to everybody who waits, instead of leaving them waiting."""

        def settings_from(connection: object) -> None:
            raise TypeError("a defect")

        monkeypatch.setattr(triggers, "settings_from", settings_from)

        assert drain(trigger_for("cd-1")) == {
            "status": "error",
            "error": "TypeError",
            "message": "a defect",
            "retryable": True,
        }

    def test_on_kill__sends_nothing(self, kore_simulator: KoreSimulator) -> None:
        """A task that is killed while it waits leaves the campaigns alone."""
        trigger = trigger_for(kore_simulator.add_campaign(status="Active"))

        async def kill() -> None:
            await trigger.on_kill()
            await trigger.cleanup()

        asyncio.run(kill())

        assert len(kore_simulator.requests) == 0


class TestFailedLooks:
    """One that fails never fails a task before its deadline."""

    @pytest.mark.usefixtures("_impatient")
    @pytest.mark.parametrize("fault", ["503", "drop", "garble"])
    def test_run__look_fails(self, kore_simulator: KoreSimulator, log: list[Any], fault: str) -> None:
        """After a look that failed there is another; a streak is one line in the task's log, and its end another."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        fail = {
            "503": lambda **times: kore_simulator.fail_next(503, **times),
            "drop": kore_simulator.drop_next,
            "garble": kore_simulator.garble_next,
        }[fault]
        fail(times=4)

        async def story() -> str:
            waiting = asyncio.create_task(first_event(trigger_for(campaign_id)))
            await until(lambda: len(log) == 2)
            kore_simulator.set_status(campaign_id, "Stopped")
            return str((await waiting)["status"])

        assert asyncio.run(story()) == "reached"
        assert [one["log_level"] for one in log[:2]] == ["warning", "info"]
        assert log[0]["event"].startswith("the status could not be read (")
        assert log[1]["event"] == "the status can be read again"

    def test_run__rate_limit(self, kore_simulator: KoreSimulator, log: list[Any]) -> None:
        """A pause that the service asks for is kept, and is no failure."""
        kore_simulator.fail_next(429, headers={"Retry-After": "1"})
        began = time.monotonic()

        assert drain(trigger_for(kore_simulator.add_campaign(status="Stopped")))["status"] == "reached"

        assert time.monotonic() - began >= 1
        assert log == []

    @pytest.mark.usefixtures("_impatient")
    def test_run__deadline_while_looks_fail(self, kore_simulator: KoreSimulator) -> None:
        """The time-out says why nothing was seen."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        kore_simulator.fail_next(503, times=1000)

        event = drain(trigger_for(campaign_id, timeout_s=1.0))

        assert event["status"] == "timeout"
        assert event["campaigns"] == []
        assert event["message"].startswith(f"campaign {campaign_id}: never read; the last look failed: ")
        assert "503" in event["message"]

    def test_run__asked_to_wait(self, kore_simulator: KoreSimulator) -> None:
        """A pause that the service asks for, too long for a thread to wait, is kept by the next look."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        kore_simulator.fail_next(429, headers={"Retry-After": "400"})

        event = drain(trigger_for(campaign_id, timeout_s=1.5))

        assert event["status"] == "timeout"
        assert len(kore_simulator.requests) == 1


class TestDeadline:
    """It is an instant, wherever and whenever the trigger runs."""

    def test_run__deadline(self, kore_simulator: KoreSimulator) -> None:
        """At the deadline the event says what was seen last."""
        campaign_id = kore_simulator.add_campaign(name="Spring", status="Active")
        began = time.monotonic()

        event = drain(trigger_for(campaign_id, timeout_s=0.4))

        assert 0.3 < time.monotonic() - began < 5
        assert (event["status"], event["message"]) == ("timeout", f"campaign {campaign_id}: Active")
        assert [one["status"] for one in event["campaigns"]] == ["Active"]

    def test_run__many_at_the_deadline(self, kore_simulator: KoreSimulator) -> None:
        """The message names ten campaigns that are not there yet, and counts the rest."""
        ids = [kore_simulator.add_campaign(status="Active") for _ in range(12)]
        done = kore_simulator.add_campaign(status="Stopped")

        message = drain(trigger_for(done, *ids, timeout_s=0.5))["message"]

        assert message == "; ".join([*[f"campaign {one}: Active" for one in ids[:10]], "and 2 more"])

    @pytest.mark.parametrize(("status", "event"), [("Stopped", "reached"), ("Active", "timeout")])
    def test_run__deadline_passed_while_no_triggerer_ran(
        self, kore_simulator: KoreSimulator, status: str, event: str
    ) -> None:
        """A wait that comes back after its deadline looks once before it gives up."""
        campaign_id = kore_simulator.add_campaign(status=status)

        assert drain(trigger_for(campaign_id, timeout_s=-60, poll_interval=60))["status"] == event
        assert len(kore_simulator.requests) >= 1

    def test_run__deadline_passed_and_no_answer(
        self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The look after the deadline is waited for only so long."""
        monkeypatch.setattr(triggers, "LAST_LOOK_S", 0.2)
        kore_simulator.hang_next(1.0)

        event = drain(trigger_for(kore_simulator.add_campaign(status="Stopped"), timeout_s=-1))

        assert event["status"] == "timeout"

    def test_run__restart(self, kore_simulator: KoreSimulator) -> None:
        """A trigger made anew from what was stored goes on to the same deadline."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        trigger = trigger_for(campaign_id, timeout_s=0.8)
        _, stored = trigger.serialize()
        began = time.monotonic()

        async def cut_short() -> None:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(first_event(trigger), 0.4)

        asyncio.run(cut_short())
        event = drain(CampaignStatusTrigger(**json.loads(json.dumps(stored))))

        assert event["status"] == "timeout"
        assert 0.7 < time.monotonic() - began < 3
        assert triggers._pollers == {}


class TestSharedPoller:
    """A thousand waits cost what one costs."""

    def test_run__many_waits(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """Three hundred waits for three hundred campaigns take three requests a cycle, none of them in the loop."""
        ids = [kore_simulator.add_campaign(status="Active") for _ in range(300)]
        kore_simulator.switches(latency=0.02)
        looking: set[int] = set()
        list_campaigns = KoreClient.list_campaigns

        def noted(*args: Any, **kwargs: Any) -> list[Campaign]:
            looking.add(threading.get_ident())
            return list_campaigns(*args, **kwargs)

        monkeypatch.setattr(KoreClient, "list_campaigns", noted)

        async def story() -> tuple[list[dict[str, Any]], float, int]:
            began = time.monotonic()
            waits = [asyncio.create_task(first_event(trigger_for(one, poll_interval=0.4))) for one in ids]
            await until(lambda: len(kore_simulator.requests) >= 6)
            assert len(triggers._pollers) == 1
            assert threading.active_count() < 20
            for one in ids:
                kore_simulator.set_status(one, "Stopped")
            changed = time.monotonic()
            events = await asyncio.gather(*waits)
            taken = time.monotonic() - changed
            await until(lambda: not triggers._pollers)
            return events, taken, int((time.monotonic() - began) / 0.4) + 2

        events, staleness, cycles = asyncio.run(story())

        assert [event["campaigns"][0]["campaign_id"] for event in events] == ids
        requests = [request.operation for request in kore_simulator.requests]
        # The first look may be for the first few waits, which are read each by itself.
        assert requests.count("get") <= 3
        assert requests.count("list") == len(requests) - requests.count("get") <= 3 * cycles
        assert staleness < 10
        assert looking
        assert threading.get_ident() not in looking

    def test_run__two_connections(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each connection has a poller of its own."""
        monkeypatch.setenv("AIRFLOW_CONN_KORE_OTHER", kore_simulator.connection_json(requests_per_minute=10_000))
        campaign_id = kore_simulator.add_campaign(status="Active")
        other = trigger_for(campaign_id)
        other.kore_conn_id = "kore_other"

        async def story() -> set[str]:
            waits = [asyncio.create_task(first_event(one)) for one in (trigger_for(campaign_id), other)]
            await until(lambda: len(triggers._pollers) == 2)
            names = {name for _, name in triggers._pollers}
            kore_simulator.set_status(campaign_id, "Stopped")
            await asyncio.gather(*waits)
            return names

        assert asyncio.run(story()) == {"kore_default", "kore_other"}

    def test_run__cancelled(self, kore_simulator: KoreSimulator) -> None:
        """A wait that is cancelled leaves the others waiting; after the last one nothing is asked any more."""
        campaign_id = kore_simulator.add_campaign(status="Active")

        async def story() -> int:
            waits = [asyncio.create_task(first_event(trigger_for(campaign_id))) for _ in range(2)]
            await until(lambda: len(kore_simulator.requests) >= 2)
            waits[0].cancel()
            seen = len(kore_simulator.requests)
            await until(lambda: len(kore_simulator.requests) >= seen + 2)
            assert not waits[1].done()
            waits[1].cancel()
            await asyncio.gather(*waits, return_exceptions=True)
            await until(lambda: not triggers._pollers)
            seen = len(kore_simulator.requests)
            await asyncio.sleep(0.3)
            return len(kore_simulator.requests) - seen

        assert asyncio.run(story()) == 0

    def test_run__own_log(self, kore_simulator: KoreSimulator, log: list[Any]) -> None:
        """What a wait says is said in the context of its own trigger, by which Airflow finds the task's log."""
        ids = [kore_simulator.add_campaign(status="Active") for _ in range(2)]

        async def wait_as(trigger_id: int) -> None:
            bind_contextvars(trigger_id=trigger_id)
            await first_event(trigger_for(ids[trigger_id]))

        async def story() -> None:
            waits = [asyncio.create_task(wait_as(number)) for number in range(2)]
            await until(lambda: len(kore_simulator.requests) >= 4)
            for campaign_id in ids:
                kore_simulator.set_status(campaign_id, "Stopped")
            await asyncio.gather(*waits)

        asyncio.run(story())

        assert sorted(log, key=lambda one: one["trigger_id"]) == [
            line("info", f"campaign {ids[0]}: Active, now Stopped", trigger_id=0),
            line("info", f"campaign {ids[1]}: Active, now Stopped", trigger_id=1),
        ]
