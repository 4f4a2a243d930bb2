"""The sensor of campaigns' statuses, through Airflow's own task runner."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSensorTimeout
from airflow.sdk.execution_time import comms
from fake_clock import FakeClock
from operator_support import filled_in
from sensor_support import (
    Run,
    deferral,
    event_of,
    runner,
    status_sensor,
    trigger_of,
)

from airflow_provider_campaigns.arguments.static import WrongArgumentError
from airflow_provider_campaigns.kore.errors import KoreConfigurationError
from airflow_provider_campaigns.sensors import CampaignStatusSensor

if TYPE_CHECKING:
    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("unlimited_connection")


STRANGER = "cd-0000000-0000-4000-8000-00000000dead"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a sensor's try, or what follows a deferral."""
    return runner(monkeypatch)


class TestCampaignStatusSensor:
    """Waiting for statuses."""

    @pytest.mark.parametrize("deferrable", [True, False])
    def test_execute__already_so(self, kore_simulator: KoreSimulator, run: Run, *, deferrable: bool) -> None:
        """A campaign that is there already takes one request and no triggerer."""
        campaign_id = kore_simulator.add_campaign(name="Spring", status="Stopped")

        done = run(status_sensor(campaign_id=campaign_id, deferrable=deferrable))

        assert done.state == "success", done.error
        assert done.result == {
            "campaign_id": campaign_id,
            "campaign_type": "voice",
            "name": "Spring",
            "status": "Stopped",
            "changed": False,
            "campaign_instance_id": kore_simulator.campaign(campaign_id).instance_id,
        }
        assert [request.operation for request in kore_simulator.requests] == ["get"]

    @pytest.mark.parametrize("deferrable", [True, False])
    def test_execute__none_at_all(self, kore_simulator: KoreSimulator, run: Run, *, deferrable: bool) -> None:
        """No campaigns are waited for with no request."""
        done = run(status_sensor(campaign_ids=[], deferrable=deferrable))

        assert (done.state, done.result) == ("success", [])
        assert len(kore_simulator.requests) == 0

    def test_execute__results_of_another_task(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """Result dicts of another task name campaigns; results come in their order."""
        ids = [kore_simulator.add_campaign(name=name, status="Stopped") for name in ("Spring", "Autumn")]

        done = run(status_sensor(campaign_ids=[{"campaign_id": one, "status": "Active"} for one in reversed(ids)]))

        assert [one["name"] for one in done.result] == ["Autumn", "Spring"]

    def test_execute__pokes(self, kore_simulator: KoreSimulator, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without a triggerer the sensor looks again and again, and a failed look is no failed task."""
        ids = [kore_simulator.add_campaign(status="Active") for _ in range(4)]
        looks: list[int] = []

        def between_pokes(self: CampaignStatusSensor, *arguments: object) -> float:
            looks.append(len(kore_simulator.requests))
            if len(looks) == 1:
                kore_simulator.drop_next(times=5)
                monkeypatch.setattr("airflow_provider_campaigns.kore.sending.Sender._wait", lambda *_: None)
            else:
                for one in ids:
                    kore_simulator.set_status(one, "Completed")
            return 0.0

        monkeypatch.setattr(CampaignStatusSensor, "_get_next_poke_interval", between_pokes)

        done = run(status_sensor(campaign_ids=ids))

        assert done.state == "success", done.error
        assert {one["status"] for one in done.result} == {"Completed"}
        # The types are known from the first look on, so the list of the other type is never read.
        assert {request.operation for request in kore_simulator.requests} == {"list"}
        assert looks == [1, 6]

    def test_execute__deferred(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """After one look the task leaves its worker, with plain JSON and no credential; the event ends it."""
        ids = [kore_simulator.add_campaign(status="Active", campaign_type=kind) for kind in ("voice", "sms")]
        clock = FakeClock()
        sensor = status_sensor(
            campaign_ids=ids, deferrable=True, poke_interval=30, timeout=timedelta(hours=2), clock=clock.clock
        )

        message = deferral(run(sensor))

        assert message.classpath == "airflow_provider_campaigns.triggers.CampaignStatusTrigger"
        assert trigger_of(message).serialize()[1] == {
            "kore_conn_id": "kore_default",
            "campaigns": {ids[0]: "voice", ids[1]: "sms"},
            "statuses": ["Stopped", "Completed"],
            "poll_interval": 30.0,
            "deadline": "2026-03-02T14:30:00.000Z",
        }
        assert message.trigger_timeout == timedelta(hours=2, minutes=10)
        assert kore_simulator.client_secret not in message.model_dump_json()
        assert [request.operation for request in kore_simulator.requests] == ["get", "get"]

    def test_execute__deferred_and_resumed(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """The whole way: a look, the triggerer, and a result like that of a sensor that never left."""
        ids = [kore_simulator.add_campaign(status="Active") for _ in range(2)]
        sensor = status_sensor(campaign_ids=ids, deferrable=True)
        message = deferral(run(sensor))
        for one in ids:
            kore_simulator.set_status(one, "Stopped")

        done = run(sensor, resume=message, event=event_of(message))

        assert done.state == "success", done.error
        assert [(one["campaign_id"], one["status"]) for one in done.result] == [(one, "Stopped") for one in ids]

    def test_execute__deferred_after_a_failed_look(
        self, kore_simulator: KoreSimulator, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A service that does not answer is waited for in the triggerer; the types are then not known."""
        monkeypatch.setattr("airflow_provider_campaigns.kore.sending.Sender._wait", lambda *_: None)
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        kore_simulator.garble_next(times=6 + 5)  # whatever stands in, and get five times
        sensor = status_sensor(campaign_id=campaign_id, deferrable=True)

        message = deferral(run(sensor))

        assert trigger_of(message).campaigns == {campaign_id: None}
        done = run(sensor, resume=message, event=event_of(message))
        assert (done.state, done.result["status"]) == ("success", "Stopped")

    @pytest.mark.parametrize("deferrable", [True, False])
    @pytest.mark.parametrize(("soft_fail", "state"), [(False, "failed"), (True, "skipped")])
    def test_execute__missing(
        self, kore_simulator: KoreSimulator, run: Run, *, deferrable: bool, soft_fail: bool, state: str
    ) -> None:
        """A campaign that is provably not there fails at once without a retry, or skips."""
        done = run(status_sensor(campaign_id=STRANGER, deferrable=deferrable, soft_fail=soft_fail))

        assert done.state == state
        assert [request.operation for request in kore_simulator.requests] == ["get", "list", "list"]
        if not soft_fail:
            assert isinstance(done.error, AirflowFailException)
            assert str(done.error).startswith(f"campaign {STRANGER}: there is none")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"statuses": ""}, "statuses: expected texts"),
            ({"statuses": "[1"}, "statuses: expected texts"),
            ({"statuses": []}, "statuses: expected texts"),
            ({"statuses": [1]}, "statuses: expected texts"),
            ({"statuses": {"Stopped": 1}}, "statuses: expected texts"),
            ({"campaign_id": "no id"}, "campaign_id: expected a campaign's id"),
        ],
    )
    def test_execute__wrong_argument(self, run: Run, arguments: dict[str, Any], message: str) -> None:
        """A wrong argument is named when the DAG is parsed, or, from a template, by the task; not tried again."""
        with pytest.raises(WrongArgumentError, match=re.escape(message)):
            status_sensor(**{"campaign_id": "cd-1", **arguments})
        done = run(filled_in(status_sensor(campaign_id="cd-1"), **arguments))

        assert done.state == "failed"
        assert str(done.error).startswith(message)

    def test_execute__type_not_told(
        self, kore_simulator: KoreSimulator, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A campaign that does not tell its type is waited for all the same."""
        monkeypatch.setattr("airflow_provider_campaigns.kore.campaigns._campaign_type_of", lambda body: None)
        campaign_id = kore_simulator.add_campaign(status="Active")

        message = deferral(run(status_sensor(campaign_id=campaign_id, deferrable=True)))

        assert trigger_of(message).campaigns == {campaign_id: None}

    def test_execute__one_status_as_text(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """One status may be given as it is."""
        done = run(status_sensor(campaign_id=kore_simulator.add_campaign(status="Ready"), statuses="ready"))

        assert done.state == "success", done.error

    def test_execute__wrong_credentials(
        self, kore_simulator: KoreSimulator, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Wrong credentials fail at once without a retry."""
        kore_simulator.fail_next(401, times=99)

        done = run(status_sensor(campaign_id=kore_simulator.add_campaign(), deferrable=True))

        assert (done.state, type(done.error)) == ("failed", AirflowFailException)

    @pytest.mark.parametrize("deferrable", [True, False])
    @pytest.mark.parametrize("status", [405, 412])
    def test_execute__refused_for_good(
        self, kore_simulator: KoreSimulator, run: Run, *, deferrable: bool, status: int
    ) -> None:
        """An answer that no waiting mends fails at once without a retry, and says what it was."""
        ids = [kore_simulator.add_campaign(status="Stopped") for _ in range(2)]
        kore_simulator.fail_next(status, campaign_id=ids[0], times=99)
        kore_simulator.fail_next(status, operation="list", times=99)

        done = run(status_sensor(campaign_ids=ids, deferrable=deferrable))

        assert (done.state, type(done.error)) == ("failed", AirflowFailException)
        path = f"/campaign/api/v2/public/{kore_simulator.stream_id}/campaign/{ids[0]}"
        assert str(done.error).startswith(f"get_v2 of campaign {ids[0]} (GET {path}): HTTP {status}")

    @pytest.mark.parametrize("deferrable", [True, False])
    def test_execute__no_connection(self, run: Run, *, deferrable: bool) -> None:
        """A connection that is not there is not waited for; the task's retries may find it."""
        done = run(status_sensor(campaign_id="cd-1", kore_conn_id="kore_nowhere", deferrable=deferrable))

        assert (done.state, type(done.error)) == ("up_for_retry", KoreConfigurationError)

    @pytest.mark.parametrize(("soft_fail", "state"), [(False, "failed"), (True, "skipped")])
    def test_execute__no_time_left(
        self, kore_simulator: KoreSimulator, run: Run, fake_clock: FakeClock, *, soft_fail: bool, state: str
    ) -> None:
        """With no time to wait the first look is the only one."""
        done = run(
            status_sensor(
                campaign_id=kore_simulator.add_campaign(status="Active"),
                deferrable=True,
                timeout=0,
                clock=fake_clock.clock,
                soft_fail=soft_fail,
            )
        )

        assert done.state == state

    @pytest.mark.parametrize(("soft_fail", "state"), [(False, "failed"), (True, "skipped")])
    def test_execute_complete__timeout(
        self, kore_simulator: KoreSimulator, run: Run, *, soft_fail: bool, state: str
    ) -> None:
        """A time-out fails or skips as every sensor does, and says where the campaigns are."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        sensor = status_sensor(campaign_id=campaign_id, deferrable=True, timeout=2.0, soft_fail=soft_fail)
        message = deferral(run(sensor))

        done = run(sensor, resume=message, event=event_of(message))

        assert done.state == state
        if not soft_fail:
            assert isinstance(done.error, AirflowSensorTimeout)
            assert str(done.error) == (
                f"after 2 s not every campaign is Stopped or Completed: campaign {campaign_id}: Active"
            )

    @pytest.mark.parametrize(
        ("event", "state"),
        [
            ({"status": "missing", "message": "campaign cd-1: there is none"}, "failed"),
            ({"status": "error", "error": "X", "message": "wrong", "retryable": False}, "failed"),
            ({"status": "error", "error": "X", "message": "a defect", "retryable": True}, "up_for_retry"),
            (None, "up_for_retry"),
            ("reached", "up_for_retry"),
            ({}, "up_for_retry"),
            ({"status": "success"}, "up_for_retry"),
            ({"status": "reached"}, "up_for_retry"),
            ({"status": "reached", "campaigns": []}, "up_for_retry"),
            ({"status": "reached", "campaigns": ["cd-1"]}, "up_for_retry"),
            ({"status": "reached", "campaigns": [{"campaign_id": "cd-2", "status": "Stopped"}]}, "up_for_retry"),
            ({"status": "reached", "campaigns": [{"campaign_id": "cd-1", "status": "Active"}]}, "up_for_retry"),
            ({"status": "reached", "campaigns": [{"campaign_id": "cd-1"}]}, "up_for_retry"),
            ({"status": "reached", "campaigns": [{"campaign_id": "cd-1", "status": "Stopped"}]}, "success"),
        ],
    )
    def test_execute_complete__event(self, run: Run, event: Any, state: str) -> None:
        """Only an event that proves success is one; no event, a strange one or half of one is an error."""
        message = comms.DeferTask(
            classpath="",
            trigger_kwargs={},
            next_method="execute_complete",
            next_kwargs={"campaign_ids": ["cd-1"], "statuses": ["Stopped"], "is_many": False},
        )

        assert run(status_sensor(campaign_id="cd-1"), resume=message, event=event).state == state
