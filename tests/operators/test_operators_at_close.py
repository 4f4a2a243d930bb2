"""Stopping at the end of calling hours, through Airflow's own task runner, in time that passes as it does."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk.execution_time.comms import DeferTask
from airflow_names import deserialize
from operator_support import filled_in
from task_runner import TaskRun, now, run_task

from airflow_provider_campaigns.arguments.static import WrongArgumentError
from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.operators.delete import DeleteCampaignOperator
from airflow_provider_campaigns.operators.stop import StopVoiceCampaignOperator

if TYPE_CHECKING:
    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("unlimited_connection")


def closing_at(close: datetime) -> dict[str, object]:
    """Hours of an hour, every day, that end at a whole minute in UTC."""
    text = f"{close - timedelta(hours=1):%I:%M %p}-{close:%I:%M %p}".replace(" 0", " ").removeprefix("0")
    return CallingHours.parse("Etc/UTC", {"MO-SU": text}).to_api()


def in_minutes(minutes: int) -> datetime:
    """A whole minute, at least so many minutes from now."""
    return (now() + timedelta(minutes=minutes + 1)).replace(second=0, microsecond=0)


def stop(monkeypatch: pytest.MonkeyPatch, campaign: str, **arguments: Any) -> TaskRun:
    """Run the operator for a run of now."""
    of_run = {name: arguments.pop(name) for name in ("at", "run_type", "resume") if name in arguments}
    filled = arguments.pop("filled_in", {})
    arguments = {"when": "calling_hours_end", "retries": 2, "campaign_id": campaign} | arguments
    operator = filled_in(StopVoiceCampaignOperator(task_id="stop", **arguments), **filled)
    return run_task(operator, monkeypatch, **{"at": now()} | of_run)


def deferral(run: TaskRun) -> DeferTask:
    (message,) = [one for one in run.messages if isinstance(one, DeferTask)]
    return message


def test_execute__waits_deferred(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch):
    """Long before the close the worker is given back until a minute before it; nothing is sent."""
    close = in_minutes(5)
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=closing_at(close))

    run = stop(monkeypatch, campaign, deferrable=True)

    message = deferral(run)
    assert message.classpath == "airflow.providers.standard.triggers.temporal.DateTimeTrigger"
    assert message.next_method == "resume"
    assert deserialize(message.trigger_kwargs["moment"]) == close - timedelta(seconds=60)
    assert kore_simulator.client_secret not in json.dumps(message.next_kwargs, default=str)
    kore_simulator.assert_no_writes()


def test_resume__without_what_it_was_deferred_with(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch):
    """``dag.test()`` resumes a task with the trigger's event alone: it begins anew, and so stops what is due."""
    close = in_minutes(-3)
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=closing_at(close))

    run = stop(monkeypatch, campaign, deferrable=True, at=close, resume=("resume", {"event": close.isoformat()}))

    assert run.state == "success", run.error
    assert (run.result["status"], run.result["changed"]) == ("Stopped", True)


def test_resume__stops_what_is_due(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch):
    """The method after the wait reads again, stops, confirms and returns the result."""
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=closing_at(in_minutes(5)))
    message = deferral(stop(monkeypatch, campaign, deferrable=True))
    waiting = json.loads(json.dumps(message.next_kwargs["run"]))
    # The close has come meanwhile.
    waiting["planned"][0] |= {"calling_hours": closing_at(in_minutes(-3)), "chosen": None}

    run = stop(monkeypatch, campaign, deferrable=True, resume=("resume", {"run": waiting, "event": None}))

    assert run.state == "success", run.error
    assert (run.result["campaign_id"], run.result["status"], run.result["changed"]) == (campaign, "Stopped", True)
    assert 60 <= run.result["lateness_s"] < 300
    kore_simulator.assert_one_effect("stop", campaign)


def test_execute__holds_the_worker(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch):
    """Without deferring the task sleeps until the close, and the result is the same."""
    close = in_minutes(1)
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=closing_at(close))
    slept: list[float] = []
    offset = timedelta()

    def sleep(self: object, seconds: float) -> None:
        nonlocal offset
        slept.append(seconds)
        offset += timedelta(seconds=seconds)

    monkeypatch.setattr(StopVoiceCampaignOperator, "_sleep", sleep)
    monkeypatch.setattr(StopVoiceCampaignOperator, "_now", lambda self: now() + offset)

    run = stop(monkeypatch, campaign, deferrable=False)

    assert run.state == "success", run.error
    assert run.result["changed"] is True
    assert 0 <= run.result["lateness_s"] < 1
    assert sum(slept) > 55


def test_execute__more_than_a_day_late(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch):
    """A run of the day before yesterday fails without retry, sends nothing, and names when="now"."""
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=closing_at(in_minutes(5)))

    run = stop(monkeypatch, campaign, at=now() - timedelta(days=2))

    assert run.state == "failed"
    assert isinstance(run.error, AirflowFailException)
    assert 'when="now"' in str(run.error)
    kore_simulator.assert_no_writes()


def test_execute__plan_only(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch):
    """A plan says at once what would be sent at which close, and waits for nothing."""
    close = in_minutes(5)
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=closing_at(close))

    run = stop(monkeypatch, campaign, plan_only=True, deferrable=True)

    assert run.state == "success", run.error
    assert run.result["planned_at"] == f"{close:%Y-%m-%dT%H:%M}:00.000Z"
    assert run.result["changed"] is False
    kore_simulator.assert_no_writes()


def test_execute__before_the_last_day(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch):
    """On a day before the last the task is skipped and the campaign goes on."""
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=closing_at(in_minutes(5)))

    run = stop(monkeypatch, campaign, last_day="2099-12-31")

    assert run.state == "skipped"
    assert kore_simulator.campaign(campaign).status == "Active"


@pytest.mark.parametrize(
    "arguments",
    [
        {"last_day": "soon"},
        {"calling_hours": {"timezone": "Asia/Kolkata"}},
        {"when": "later"},
        {"lead_time": 1},
        {"contact_timezones": "America/New_York"},
        {"contact_timezones": ["Mars/Olympus"]},
    ],
)
def test_execute__bad_input(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any]):
    """A wrong argument is named when the DAG is parsed, or, from a template, by the task; nothing is sent."""
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=closing_at(in_minutes(5)))

    with pytest.raises(WrongArgumentError, match=f"^{next(iter(arguments))}: "):
        stop(monkeypatch, campaign, **arguments)
    run = stop(monkeypatch, campaign, filled_in=arguments)

    assert run.state == "failed"
    assert next(iter(arguments)) in str(run.error)
    kore_simulator.assert_no_writes()


@pytest.mark.parametrize(
    "arguments",
    [
        {"last_day": "2099-12-31"},
        {"calling_hours": {"timezone": "Asia/Kolkata", "hours": {"MO": "9:00 AM-6:00 PM"}}},
        {"contact_timezones": ["Asia/Dubai"]},
    ],
    ids=lambda arguments: next(iter(arguments)),
)
def test_execute__arguments_that_need_a_close(
    kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any]
):
    """With when="now" they would be ignored, and a campaign stopped today whose last day is another: an error."""
    campaign = kore_simulator.add_campaign(name="C", status="Active")

    with pytest.raises(WrongArgumentError, match="counts only with"):
        stop(monkeypatch, campaign, when="now", **arguments)
    run = stop(monkeypatch, campaign, when="now", filled_in=arguments)

    assert run.state == "failed"
    assert str(run.error).startswith(f'{next(iter(arguments))}: counts only with when="calling_hours_end"')
    kore_simulator.assert_no_writes()


@pytest.mark.parametrize("operator", [StopVoiceCampaignOperator, DeleteCampaignOperator])
def test_execute__backfill(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, operator: type):
    """A backfill is about days that are over, so it skips."""
    campaign = kore_simulator.add_campaign(name="C", status="Stopped")

    run = run_task(operator(task_id="task", campaign_id=campaign), monkeypatch, run_type="backfill")

    assert run.state == "skipped"
    assert len(kore_simulator.requests) == 0


def test_execute__scheduled_runs_are_for_the_end_of_their_interval(
    kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch
):
    """A scheduled run is for the close at the end of its data interval, which its timetable set."""
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=closing_at(in_minutes(-2)))

    run = stop(monkeypatch, campaign, at=in_minutes(-2), run_type="scheduled")

    assert run.state == "success", run.error
    assert run.result["changed"] is True


def test_execute__without_retries(
    kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """A task without retries is warned: its worker may die before the close."""
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=closing_at(in_minutes(5)))

    stop(monkeypatch, campaign, retries=0, deferrable=True)
    warned = capsys.readouterr().out
    stop(monkeypatch, campaign, retries=1, deferrable=True)

    assert "retries is 0" in warned
    assert "retries is 0" not in capsys.readouterr().out


def test_execute__just_before_the_close(
    kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """A task that begins less than a minute before the close is warned that its reading may be in the stops' way."""
    close = in_minutes(1)
    campaign = kore_simulator.add_campaign(name="C", status="Active", calling_hours=closing_at(close))
    offset = close - now() - timedelta(seconds=30)
    monkeypatch.setattr(StopVoiceCampaignOperator, "_now", lambda self: now() + offset)
    monkeypatch.setattr(StopVoiceCampaignOperator, "_sleep", lambda self, seconds: (_ for _ in ()).throw(TimeoutError))

    stop(monkeypatch, campaign)

    assert re.search(r"began (29|30) s before the close", capsys.readouterr().out)
    kore_simulator.assert_no_writes()


def test_execute__says_what_it_has_planned(
    kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """A line when it is planned, and one when it goes to sleep, tell the close, and a warning what will be late."""
    connection = kore_simulator.connection_json(requests_per_minute=12)
    monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", connection)
    close = in_minutes(5)
    # Of those that do not run yet no contacts are counted, which would take its time.
    ids = [kore_simulator.add_campaign(name=f"C{n}", status="Preparing") for n in range(14)]

    stop(monkeypatch, ids[0], campaign_id=None, campaign_ids=ids, calling_hours=closing_at(close), deferrable=True)

    said = capsys.readouterr().out
    at = f"14 at {close:%I:%M %p}".replace(" 0", " ") + f" Etc/UTC ({close:%Y-%m-%dT%H:%M}:00.000Z)"
    assert said.count(f"14 campaigns to stop: {at}") == 2
    assert f"the task wakes up at {close - timedelta(seconds=60):%Y-%m-%dT%H:%M}:00.000Z" in said
    assert said.count("will be stopped late: 4 of 14 up to 1 min after") == 2
    kore_simulator.assert_no_writes()
