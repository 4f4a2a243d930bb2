"""The sensors, through Airflow's own task runner, against the simulator."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSensorTimeout
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import DAG
from airflow.sdk.execution_time import comms
from airflow_names import DagSerialization, deserialize
from fake_clock import FakeClock
from operator_support import filled_in
from task_runner import TaskRun, run_task

from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.kore.errors import KoreConfigurationError
from airflow_provider_campaigns.operators.static_arguments import WrongArgumentError
from airflow_provider_campaigns.sensors import CallingHoursSensor, CampaignStatusSensor
from airflow_provider_campaigns.triggers import CampaignStatusTrigger

if TYPE_CHECKING:
    from airflow_provider_campaigns.simulator import KoreSimulator

STRANGER = "cd-0000000-0000-4000-8000-00000000dead"

# FakeClock begins on Monday 2026-03-02 at 12:30 UTC, which is 18:00 in Kolkata: the hours of every campaign of the
# simulator (Monday to Friday, 9:00 AM to 6:00 PM there) close at that instant.
CLOSE = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
KOLKATA = {"timezone": "Asia/Kolkata", "hours": {"MO-FR": "9:00 AM-6:00 PM"}}
KOLKATA_API = {
    "frequency": "WEEKLY",
    "timezone": "Asia/Kolkata",
    "days": [{"day": day, "start": "9:00 AM", "end": "6:00 PM"} for day in ("MO", "TU", "WE", "TH", "FR")],
}

Sensor = CampaignStatusSensor | CallingHoursSensor
Run = Callable[..., TaskRun]


@pytest.fixture(autouse=True)
def _connection(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulator as ``kore_default``, with no limit in the way."""
    kore_simulator.switches(rate_limit=None)
    monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", kore_simulator.connection_json(requests_per_minute=10_000))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a sensor's try, or what follows a deferral: ``run(sensor, resume=deferral, event=...)``."""

    def call(sensor: Sensor, *, resume: comms.DeferTask | None = None, event: Any = None, **how: Any) -> TaskRun:
        if resume is not None:
            arguments = {**json.loads(json.dumps(resume.next_kwargs)), "event": event}
            how["resume"] = (str(resume.next_method), arguments)
        return run_task(sensor, monkeypatch, **how)

    return call


def status_sensor(**arguments: Any) -> CampaignStatusSensor:
    return CampaignStatusSensor(task_id="wait", **{"poke_interval": 0.05, "timeout": 20, **arguments})


def hours_sensor(clock: FakeClock, *, starts: timedelta = timedelta(0), **arguments: Any) -> CallingHoursSensor:
    """A sensor whose clock begins so long after ``CLOSE``."""
    clock.elapsed_s = starts.total_seconds()
    return CallingHoursSensor(task_id="wait", clock=clock.clock, **arguments)


def deferral(done: TaskRun) -> comms.DeferTask:
    """What the task asks for when it leaves its worker."""
    assert done.state == "deferred", done.error
    (message,) = [one for one in done.messages if isinstance(one, comms.DeferTask)]
    return message


def trigger_of(message: comms.DeferTask) -> Any:
    """The trigger as a triggerer makes it."""
    classes = {"CampaignStatusTrigger": CampaignStatusTrigger, "DateTimeTrigger": DateTimeTrigger}
    return classes[message.classpath.rpartition(".")[2]](**deserialize(message.trigger_kwargs))


def event_of(message: comms.DeferTask) -> Any:
    """The event that the trigger fires."""

    async def first() -> Any:
        async for event in trigger_of(message).run():
            return json.loads(json.dumps(event.payload))
        return None

    return asyncio.run(first())


class TestTemplates:
    """Every template field is an attribute that holds what was given until it is rendered."""

    @pytest.mark.parametrize(
        ("sensor", "fields", "arguments"),
        [
            (
                CampaignStatusSensor,
                ("kore_conn_id", "campaign_id", "campaign_ids", "statuses"),
                {"campaign_id": "cd-1"},
            ),
            (
                CallingHoursSensor,
                ("kore_conn_id", "campaign_id", "calling_hours", "wait_for"),
                {"campaign_id": "cd-1"},
            ),
        ],
    )
    def test_template_fields(self, sensor: type[Sensor], fields: tuple[str, ...], arguments: dict[str, Any]) -> None:
        """The fields are these, and are kept as they are."""
        assert sensor.template_fields == fields
        for field in fields:
            given = f"{{{{ params.{field} }}}}"
            others = {} if field in {"campaign_ids", "calling_hours"} else arguments
            assert getattr(sensor(task_id="wait", **{**others, field: given}), field) is given

    def test_execute__status_from_templates(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """Ids and statuses may be JSON that a template made."""
        campaign_id = kore_simulator.add_campaign(status="Paused")

        done = run(
            status_sensor(
                kore_conn_id="kore_{{ dag_run.conf.conn }}",
                campaign_ids="{{ dag_run.conf.ids | tojson }}",
                statuses="{{ dag_run.conf.statuses | tojson }}",
            ),
            conf={"conn": "default", "ids": [campaign_id], "statuses": ["paused"]},
        )

        assert done.state == "success", done.error
        assert [one["campaign_id"] for one in done.result] == [campaign_id]

    @pytest.mark.parametrize("given", [KOLKATA, KOLKATA_API])
    def test_execute__hours_from_templates(self, run: Run, fake_clock: FakeClock, given: dict[str, Any]) -> None:
        """Hours may be JSON that a template made."""
        done = run(
            hours_sensor(fake_clock, calling_hours="{{ dag_run.conf.hours | tojson }}", wait_for="clos{{ 'ed' }}"),
            conf={"hours": given},
        )

        assert done.state == "success", done.error
        assert done.result["is_open"] is False

    @pytest.mark.parametrize("calling_hours", [KOLKATA, CallingHours.parse(**KOLKATA)])  # type: ignore[arg-type]
    def test_serialize__dag(self, calling_hours: Any) -> None:
        """A DAG with the sensors can be stored and copied."""
        with DAG("waits", schedule=None) as dag:
            CampaignStatusSensor(task_id="status", campaign_ids=["cd-1"], deferrable=True)
            CallingHoursSensor(task_id="hours", calling_hours=calling_hours)

        stored = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))

        assert sorted(stored.task_dict) == ["hours", "status"]
        assert copy.deepcopy(dag).task_dict["hours"].calling_hours == calling_hours

    @pytest.mark.parametrize("arguments", [{}, {"campaign_id": "cd-1", "campaign_ids": ["cd-2"]}])
    def test_init__status_of_which(self, arguments: dict[str, Any]) -> None:
        """One campaign or many, not both, not neither."""
        with pytest.raises(KoreConfigurationError, match="campaign_id, campaign_ids"):
            CampaignStatusSensor(task_id="wait", **arguments)

    @pytest.mark.parametrize("arguments", [{}, {"campaign_id": "cd-1", "calling_hours": KOLKATA}])
    def test_init__hours_of_which(self, arguments: dict[str, Any]) -> None:
        """A campaign's hours or one's own, not both, not neither."""
        with pytest.raises(KoreConfigurationError, match="campaign_id, calling_hours: give one of them"):
            CallingHoursSensor(task_id="wait", **arguments)


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
                kore_simulator.fail_next(503, times=5)
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
        kore_simulator.garble_next(times=5)
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
        kore_simulator.fail_next(401, times=2)

        done = run(status_sensor(campaign_id=kore_simulator.add_campaign(), deferrable=True))

        assert (done.state, type(done.error)) == ("failed", AirflowFailException)

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


class TestCallingHoursSensor:
    """Waiting for closed, or open, hours."""

    @pytest.mark.parametrize("deferrable", [True, False])
    @pytest.mark.parametrize(
        ("wait_for", "starts", "since", "until"),
        [
            ("closed", timedelta(0), "2026-03-02T12:30:00.000Z", "2026-03-03T03:30:00.000Z"),
            ("open", timedelta(seconds=-1), "2026-03-02T03:30:00.000Z", "2026-03-02T12:30:00.000Z"),
        ],
    )
    def test_execute__already_so(
        self,
        kore_simulator: KoreSimulator,
        run: Run,
        fake_clock: FakeClock,
        *,
        deferrable: bool,
        wait_for: str,
        starts: timedelta,
        since: str,
        until: str,
    ) -> None:
        """A state that is already there succeeds at once; the result says since when and until when it is so."""
        campaign_id = kore_simulator.add_campaign(name="Spring", calling_hours=KOLKATA_API)

        done = run(
            hours_sensor(fake_clock, starts=starts, campaign_id=campaign_id, wait_for=wait_for, deferrable=deferrable)
        )

        assert done.state == "success", done.error
        assert done.result == {
            "campaign_id": campaign_id,
            "name": "Spring",
            "is_open": wait_for == "open",
            "since": since,
            "until": until,
        }
        assert [request.operation for request in kore_simulator.requests] == ["get"]

    def test_execute__deferred(self, kore_simulator: KoreSimulator, run: Run, fake_clock: FakeClock) -> None:
        """The wait is Airflow's own for an instant, after the hours were read once; they travel as plain JSON."""
        campaign_id = kore_simulator.add_campaign(name="Spring", calling_hours=KOLKATA_API)
        sensor = hours_sensor(fake_clock, starts=timedelta(hours=-3), campaign_id=campaign_id, deferrable=True)

        message = deferral(run(sensor))

        assert message.classpath == "airflow.providers.standard.triggers.temporal.DateTimeTrigger"
        assert trigger_of(message).moment == CLOSE
        assert deserialize(message.next_kwargs) == {
            "deadline": "2026-03-09T09:30:00.000Z",
            "campaign": {"campaign_id": campaign_id, "name": "Spring", "calling_hours": KOLKATA_API},
        }
        assert message.trigger_timeout == timedelta(days=7, minutes=10)

        again = hours_sensor(fake_clock, campaign_id=campaign_id)
        done = run(again, resume=message, event="2026-03-02T12:30:00+00:00")

        assert done.state == "success", done.error
        assert done.result["since"] == "2026-03-02T12:30:00.000Z"
        assert [request.operation for request in kore_simulator.requests] == ["get"]

    def test_execute__not_so_when_resumed(self, kore_simulator: KoreSimulator, run: Run, fake_clock: FakeClock) -> None:
        """A task that comes back when the hours are open again, or a second early, waits for the next close."""
        campaign_id = kore_simulator.add_campaign(calling_hours=KOLKATA_API)
        message = deferral(
            run(hours_sensor(fake_clock, starts=timedelta(hours=-3), campaign_id=campaign_id, deferrable=True))
        )

        for starts, moment in (
            (timedelta(seconds=-1), CLOSE),
            (timedelta(hours=16), datetime(2026, 3, 3, 12, 30, tzinfo=UTC)),
        ):
            late = hours_sensor(fake_clock, starts=starts, campaign_id=campaign_id, deferrable=True)
            again = deferral(run(late, resume=message, event=None))
            assert trigger_of(again).moment == moment
            assert again.next_kwargs == message.next_kwargs

        assert len(kore_simulator.requests) == 1

    @pytest.mark.parametrize(("soft_fail", "state"), [(False, "failed"), (True, "skipped")])
    def test_execute__timeout_before_the_close(
        self, run: Run, fake_clock: FakeClock, caplog: pytest.LogCaptureFixture, *, soft_fail: bool, state: str
    ) -> None:
        """A close after the timeout is waited for until the timeout, and not longer."""
        arguments: dict[str, Any] = {
            "calling_hours": KOLKATA,
            "deferrable": True,
            "timeout": timedelta(hours=1),
            "soft_fail": soft_fail,
        }
        message = deferral(run(hours_sensor(fake_clock, starts=timedelta(hours=-3), **arguments)))

        assert trigger_of(message).moment == CLOSE - timedelta(hours=2)
        done = run(
            hours_sensor(fake_clock, starts=timedelta(hours=-2), **arguments), resume=message, event="2026-03-02"
        )
        assert done.state == state
        if not soft_fail:
            assert isinstance(done.error, AirflowSensorTimeout)

    def test_execute__pokes(
        self, kore_simulator: KoreSimulator, run: Run, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without a triggerer the result is the same; the hours are read once, and again only if that failed."""
        campaign_id = kore_simulator.add_campaign(calling_hours=KOLKATA_API)
        kore_simulator.garble_next(times=5)
        monkeypatch.setattr("airflow_provider_campaigns.kore.sending.Sender._wait", lambda *_: None)
        monkeypatch.setattr("time.sleep", fake_clock.sleep)
        sensor = hours_sensor(fake_clock, starts=timedelta(minutes=-5), campaign_id=campaign_id, poke_interval=60)

        done = run(sensor)

        assert done.state == "success", done.error
        assert done.result["since"] == "2026-03-02T12:30:00.000Z"
        assert fake_clock.waits == [60, 60, 60, 60, 60]
        assert [request.status for request in kore_simulator.requests][-2:] == [200, 200]

    @pytest.mark.parametrize("deferrable", [True, False])
    @pytest.mark.parametrize(
        ("hours", "wait_for", "text"),
        [
            ({"MO-SU": "12:00 AM-12:00 AM"}, "closed", "Mon-Sun all day, Asia/Kolkata: these are never closed"),
        ],
    )
    def test_execute__never(
        self, run: Run, fake_clock: FakeClock, *, deferrable: bool, hours: dict[str, str], wait_for: str, text: str
    ) -> None:
        """Hours that never get there are an error, and not tried again."""
        done = run(
            hours_sensor(
                fake_clock,
                calling_hours={"timezone": "Asia/Kolkata", "hours": hours},
                wait_for=wait_for,
                deferrable=deferrable,
            )
        )

        assert (done.state, type(done.error)) == ("failed", AirflowFailException)
        assert str(done.error) == f"calling_hours: {text}"

    def test_execute__never_open(self, run: Run, fake_clock: FakeClock) -> None:
        """Hours whose every day is closed are never open."""

        class EveryDay:
            def __contains__(self, day: object) -> bool:
                return True

        hours = CallingHours.parse("Asia/Kolkata", {"MO": "9:00 AM-6:00 PM"}, closed_on=EveryDay())

        done = run(hours_sensor(fake_clock, calling_hours=hours, wait_for="open"))

        assert (done.state, type(done.error)) == ("failed", AirflowFailException)
        assert str(done.error).endswith("these are never open")

    def test_execute__always_so(self, run: Run, fake_clock: FakeClock) -> None:
        """Hours around the clock are open since and until no instant."""
        given = {"timezone": "Asia/Kolkata", "hours": {"MO-SU": "12:00 AM-12:00 AM"}}

        done = run(hours_sensor(fake_clock, calling_hours=given, wait_for="open"))

        assert done.result == {"is_open": True, "since": None, "until": None}

    def test_execute__closed_days(self, run: Run, fake_clock: FakeClock) -> None:
        """Closed days of one's own hours count, also after the wait."""
        hours = CallingHours.parse(**KOLKATA, closed_on={date(2026, 3, 3)})  # type: ignore[arg-type]
        arguments: dict[str, Any] = {"calling_hours": hours, "wait_for": "open", "deferrable": True}
        message = deferral(run(hours_sensor(fake_clock, **arguments)))
        assert trigger_of(message).moment == datetime(2026, 3, 4, 3, 30, tzinfo=UTC)

        done = run(hours_sensor(fake_clock, starts=timedelta(days=1, hours=15), **arguments), resume=message)

        assert done.result == {
            "is_open": True,
            "since": "2026-03-04T03:30:00.000Z",
            "until": "2026-03-04T12:30:00.000Z",
        }

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"calling_hours": KOLKATA, "wait_for": "shut"}, "wait_for: expected 'closed' or 'open', got 'shut'"),
            ({"calling_hours": "9 to 5"}, "calling_hours: expected a CallingHours"),
            ({"calling_hours": 9}, "calling_hours: expected a CallingHours"),
            ({"calling_hours": {"hours": {"MO": "9:00 AM-6:00 PM"}}}, "calling_hours: expected timezone and hours"),
            ({"calling_hours": {**KOLKATA, "timezone": "Mars"}}, "calling_hours: timezone: 'Mars' cannot be read"),
            ({"calling_hours": {}}, "calling_hours: dialingStrategy.callingHours: missing"),
            ({"campaign_id": "no id"}, "campaign_id: expected a campaign's id"),
            ({"campaign_id": STRANGER}, f"campaign {STRANGER}: there is none"),
        ],
    )
    def test_execute__wrong_argument(
        self, run: Run, fake_clock: FakeClock, arguments: dict[str, Any], message: str
    ) -> None:
        """A wrong argument is named when the DAG is parsed, or, from a template, by the task; not tried again."""
        if arguments != {"campaign_id": STRANGER}:
            with pytest.raises(WrongArgumentError, match=re.escape(message)):
                hours_sensor(fake_clock, **arguments)
        done = run(filled_in(hours_sensor(fake_clock, campaign_id="cd-1"), **{"campaign_id": None, **arguments}))

        assert (done.state, type(done.error)) == ("failed", AirflowFailException)
        assert str(done.error).startswith(message)

    def test_execute__unreadable_hours(self, kore_simulator: KoreSimulator, run: Run, fake_clock: FakeClock) -> None:
        """Hours of the service that cannot be read are never taken as closed."""
        campaign_id = kore_simulator.add_campaign(calling_hours={**KOLKATA_API, "timezone": "Mars/Base"})

        done = run(hours_sensor(fake_clock, campaign_id=campaign_id))

        assert done.state == "failed"
        assert str(done.error).startswith(f"campaign {campaign_id}: dialingStrategy.callingHours.timezone: 'Mars/Base'")
