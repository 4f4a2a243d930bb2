"""The trigger of the status sensor, as the triggerer runs it, against the simulator."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING, Any

import pytest
from trigger_support import captured_log, connect, drain, first_event, line, trigger_for, until

from airflow_provider_campaigns import triggers
from airflow_provider_campaigns.kore import sending
from airflow_provider_campaigns.simulator.credentials import Credentials
from airflow_provider_campaigns.triggers import CampaignStatusTrigger
from airflow_provider_campaigns.watching import poller as status_poller

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

    from airflow_provider_campaigns.simulator import KoreSimulator

CANARY_SECRET = "canary-secret-3f9c1d-of-at-least-32-bytes"
STRANGER = "cd-0000000-0000-4000-8000-00000000dead"


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


@pytest.fixture
def log() -> Iterator[list[MutableMapping[str, Any]]]:
    """What the triggers log while they run."""
    with captured_log() as events:
        yield events


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
            "message": f"campaign {STRANGER}: there is none, by reading and by the list",
        }

    def test_run__not_found_but_listed(self, kore_simulator: KoreSimulator) -> None:
        """A not-found that the list contradicts is a failed look, not a missing campaign."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        kore_simulator.fail_next(404, operation="get")

        event = drain(trigger_for(campaign_id))

        assert event["status"] == "reached"
        assert [request.operation for request in kore_simulator.requests].count("get") == 2

    def test_run__refused_for_good(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """A campaign whose reading is refused twice in a row ends the wait: no waiting mends that."""
        monkeypatch.setattr(sending, "LOOK_AGAIN_S", 0.1)
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        kore_simulator.fail_next(412, times=1000)

        event = drain(trigger_for(campaign_id))

        assert (event["status"], event["error"], event["retryable"]) == ("error", "KoreRequestError", False)

    def test_run__not_found_and_no_list(self, kore_simulator: KoreSimulator) -> None:
        """Where the list is not found either, nothing is proven, and the event does not say that it is missing."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        kore_simulator.fail_next(404, times=1000)

        event = drain(trigger_for(campaign_id))

        assert (event["status"], event["error"], event["retryable"]) == ("error", "KoreNotFoundError", False)

    def test_run__wrong_credentials(self, kore_simulator: KoreSimulator) -> None:
        """Wrong credentials end the wait when a second look is refused as well, and are named."""
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
        assert "HTTP 401: Invalid SDK cred" in event["message"]

    def test_run__defect(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """A defect of this package is told to everybody who waits, instead of leaving them waiting."""

        def settings_from(connection: object, store: object) -> None:
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
        fail(times=4 if fault == "drop" else 14)  # whatever stands in is refused as well

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
