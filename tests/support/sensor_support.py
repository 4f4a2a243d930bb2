"""What the tests of the sensors share."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk.execution_time import comms
from airflow_names import deserialize
from task_runner import TaskRun, run_task

from airflow_provider_campaigns.sensors import CallingHoursSensor, CampaignStatusSensor
from airflow_provider_campaigns.triggers import CampaignStatusTrigger

if TYPE_CHECKING:
    import pytest
    from fake_clock import FakeClock

KOLKATA = {"timezone": "Asia/Kolkata", "hours": {"MO-FR": "9:00 AM-6:00 PM"}}
KOLKATA_API = {
    "frequency": "WEEKLY",
    "timezone": "Asia/Kolkata",
    "days": [{"day": day, "start": "9:00 AM", "end": "6:00 PM"} for day in ("MO", "TU", "WE", "TH", "FR")],
}

Sensor = CampaignStatusSensor | CallingHoursSensor
Run = Callable[..., TaskRun]


def runner(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a sensor's try, or what follows a deferral: ``run(sensor, resume=deferral, event=...)``."""

    def run(sensor: Sensor, *, resume: comms.DeferTask | None = None, event: Any = None, **how: Any) -> TaskRun:
        if resume is not None:
            arguments = {**json.loads(json.dumps(resume.next_kwargs)), "event": event}
            how["resume"] = (str(resume.next_method), arguments)
        return run_task(sensor, monkeypatch, **how)

    return run


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
