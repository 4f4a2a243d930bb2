"""Stopping from several processes at once, as tasks of LocalExecutor do, in real time."""

from __future__ import annotations

import multiprocessing
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow_names import since
from budget_support import KEY

from airflow_provider_campaigns.actions.stopping.moment import StopMoment
from airflow_provider_campaigns.actions.stopping.stop import StopOptions, stop_campaigns
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.settings import KoreSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from pathlib import Path

    from airflow_provider_campaigns.simulator import KoreSimulator
    from airflow_provider_campaigns.simulator.journal import RequestRecord

SPAWN = multiprocessing.get_context("spawn")
PATIENCE_S = 60.0


def in_processes(work: Callable[..., None], *arguments: tuple[Any, ...], start: Callable[[], Any]) -> list[Any]:
    """Run ``work`` once for each tuple, in a process of its own; what each of them answers.

    Each says "ready", and is told to go on when all have. ``start`` makes what they are told.
    """
    lines: list[tuple[Any, Connection]] = []
    try:
        for one in arguments:
            here, there = SPAWN.Pipe()
            process = SPAWN.Process(target=work, args=(there, *one), daemon=True)
            process.start()
            there.close()
            lines.append((process, here))
        assert [_receive(line) for _, line in lines] == ["ready"] * len(lines)
        told = start()
        for _, line in lines:
            line.send(told)
        return [_receive(line) for _, line in lines]
    finally:
        for process, line in lines:
            process.kill()
            process.join()
            line.close()


def _receive(line: Connection) -> Any:
    assert line.poll(PATIENCE_S), "the other process said nothing"
    return line.recv()


def at(request: RequestRecord) -> datetime:
    return datetime.fromisoformat(request.at)


def stop_at_a_moment(line: Connection, account: dict[str, str], ids: list[str], directory: Path) -> None:
    budget = RequestBudget(60, account_key=KEY, directory=directory)
    line.send("ready")
    with KoreClient(KoreSettings(**account), budget=budget) as client:
        targets, options = [Target(one) for one in ids], StopOptions(CampaignType.VOICE)
        outcomes = stop_campaigns(client, targets, options, moment=StopMoment(line.recv()))
    line.send(outcomes.as_json())


def account_of(simulator: KoreSimulator) -> dict[str, str]:
    names = ("client_id", "client_secret", "stream_id", "account_id")
    return {"host": simulator.url} | {name: getattr(simulator, name) for name in names}


def test_stop__two_processes_share_the_budget(kore_simulator: KoreSimulator, tmp_path: Path):
    """Two times 25 stops at one instant fit into one minute's 60 requests: early reads make room, and nobody waits."""
    ids = [kore_simulator.add_campaign(name=f"C{number}", status="Active") for number in range(50)]
    account = account_of(kore_simulator)
    closes = []

    def in_ten_seconds() -> datetime:
        closes.append(datetime.now(UTC) + timedelta(seconds=10))
        return closes[0]

    answers = in_processes(
        stop_at_a_moment, (account, ids[:25], tmp_path), (account, ids[25:], tmp_path), start=in_ten_seconds
    )

    requests, (close,) = kore_simulator.requests, closes
    assert [(len(one["results"]), one["failures"]) for one in answers] == [(25, {}), (25, {})]
    assert all(result["changed"] for one in answers for result in one["results"])
    for campaign_id in ids:
        kore_simulator.assert_one_effect("stop", campaign_id)
    assert [str(one) for one in requests if one.status != 200] == []
    assert len(requests) <= 60
    from_the_close_on = [one for one in requests if at(one) >= close]
    assert sorted(one.operation for one in from_the_close_on) == ["list"] * 2 + ["stop"] * 50
    assert [one.operation for one in requests if at(one) < close and one.operation == "stop"] == []
    # One that found no room would have waited for a minute.
    assert at(requests[-1]) < close + timedelta(seconds=30)


def read_reports(line: Connection, account: dict[str, str], campaign_id: str, directory: Path) -> None:
    with KoreClient(KoreSettings(**account), budget=RequestBudget(60, account_key=KEY, directory=directory)) as client:
        for _ in range(4):
            threading.Thread(target=lambda: list(client.iter_contact_results(campaign_id)), daemon=True).start()
        line.recv()


def test_stop__now_behind_reports(kore_simulator: KoreSimulator, tmp_path: Path):
    """While eight reports of two processes have used up what reads may, a stop is at the service within 2 seconds."""
    kore_simulator.switches(rate_limit=None)
    reported = kore_simulator.add_campaign(name="Reported", status="Stopped", contacts=10_000)
    running = kore_simulator.add_campaign(name="Running", status="Active")
    account = account_of(kore_simulator)
    began = [SPAWN.Pipe() for _ in range(2)]
    reports = [
        SPAWN.Process(target=read_reports, args=(there, account, reported, tmp_path), daemon=True) for _, there in began
    ]
    try:
        for process in reports:
            process.start()
        patience = time.monotonic() + PATIENCE_S
        while len(kore_simulator.requests) < 54:
            assert time.monotonic() < patience, "the reports do not read"
            time.sleep(0.02)
        asked_at = datetime.now(UTC)
        with KoreClient(
            KoreSettings(**account), budget=RequestBudget(60, account_key=KEY, directory=tmp_path)
        ) as client:
            outcomes = stop_campaigns(client, [Target(running)], StopOptions(CampaignType.VOICE, confirm=False))
    finally:
        for process in reports:
            process.kill()
            process.join()

    outcomes.raise_failures("stopped")
    (stop,) = kore_simulator.requests.of("stop")
    assert at(stop) - asked_at < timedelta(seconds=2)
    assert len(kore_simulator.requests) == 54 + 2  # the look, and the stop


def stop_as_the_same_task(line: Connection, connection: str, ids: list[str], run_at: datetime, store: Any) -> None:
    from task_runner import run_task  # not above: the other test's processes need no Airflow

    from airflow_provider_campaigns.operators.stop import StopVoiceCampaignOperator

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", connection)
        operator = StopVoiceCampaignOperator(
            task_id="stop", campaign_ids=ids, when="calling_hours_end", poll_interval=1, retries=3
        )
        line.send("ready")
        line.recv()
        run = run_task(operator, monkeypatch, at=run_at, state_store=store)
        line.send((run.state, run.xcoms.get("return_value")))


@since(3, "the task state store")
def test_stop__the_same_task_twice_at_once(kore_simulator: KoreSimulator):
    """Two processes of one task instance, as after a lost heartbeat: each campaign is stopped by one of them."""
    # What a task's operator is told is 12:30 or a little later.
    close = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
    hours = CallingHours.parse("Etc/UTC", {"MO-SU": "8:30 AM-12:30 PM"}).to_api()
    ids = [kore_simulator.add_campaign(name=f"C{n}", status="Active", calling_hours=hours) for n in range(6)]
    # Long enough that both have read the campaigns before either stop is done.
    kore_simulator.switches(latency=0.3)

    with SPAWN.Manager() as manager:
        store = manager.dict()
        arguments = (kore_simulator.connection_json(), ids, close, store)
        answers = in_processes(stop_as_the_same_task, arguments, arguments, start=lambda: "go on")
        kept = dict(store)

    assert [state for state, _ in answers] == ["success", "success"]
    first, second = (results for _, results in answers)
    assert [one["changed"] + other["changed"] for one, other in zip(first, second, strict=True)] == [1] * 6
    assert [one["status"] for one in first + second] == ["Stopped"] * 12
    for campaign_id in ids:
        kore_simulator.assert_one_effect("stop", campaign_id)
        assert len(kore_simulator.requests.of("stop", campaign_id=campaign_id)) <= 2
    (entries,) = kept.values()
    assert sorted(entries) == sorted(ids)
