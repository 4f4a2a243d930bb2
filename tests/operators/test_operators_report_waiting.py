"""``CampaignReportOperator`` while results are not final: without a worker, with one, and for many campaigns."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import task_runner
from airflow.sdk.execution_time import comms
from airflow_names import deserialize
from operator_support import Run, runner
from report_support import STRANGER

from airflow_provider_campaigns.arguments.static import WrongArgumentError
from airflow_provider_campaigns.operators.report import CampaignReportOperator

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("unlimited_connection")

FINAL = [{"phoneNumber": "12005550100", "uniqueId": "a", "dialerOutcome": "completed", "numberOfAttemptsSoFar": 1}]
NOT_FINAL = [*FINAL, {"phoneNumber": "12005550101", "uniqueId": "b", "dialerOutcome": "", "numberOfAttemptsSoFar": 1}]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Report into a temporary folder; ``now()`` of the tasks is what it was, whatever the test before did."""
    monkeypatch.setattr(task_runner, "_BEGAN_S", task_runner._BEGAN_S)
    return runner(monkeypatch, CampaignReportOperator, task_id="report", output_path=str(tmp_path))


def pass_(seconds: float) -> None:
    """Let time pass for all tasks."""
    task_runner._BEGAN_S -= seconds


def deferral(done: Any) -> comms.DeferTask:
    (message,) = [one for one in done.messages if isinstance(one, comms.DeferTask)]
    assert message.next_method == "resume"
    return message


class TestArguments:
    @pytest.mark.parametrize("given", [None, "soon", "2h", -1, "-1", True, [], 1e12, float("nan"), float("inf")])
    def test_bad_timeout(self, given: Any) -> None:
        """What is no length of time is refused when the DAG is parsed."""
        with pytest.raises(WrongArgumentError, match="pending_timeout: expected "):
            CampaignReportOperator(task_id="report", campaign_id="cd-1", output_path="/data", pending_timeout=given)

    def test_bad_timeout__from_a_template(self, run: Run, kore_simulator: KoreSimulator) -> None:
        """From a template, it fails the task before anything is read."""
        done = run(campaign_id="cd-1", pending_timeout="{{ '2h' }}")

        assert done.state == "failed"
        assert "pending_timeout: expected seconds such as '900', got '2h'" in str(done.error)
        assert len(kore_simulator.requests) == 0

    def test_bad_deferrable(self) -> None:
        """Nothing counts as true because it is not empty."""
        with pytest.raises(ValueError, match="deferrable: expected true or false, got 'yes'"):
            CampaignReportOperator(task_id="report", campaign_id="cd-1", output_path="/data", deferrable="yes")

    @pytest.mark.parametrize("given", [0, "0", 0.0, timedelta(0), "{{ 0 }}"])
    def test_no_timeout(self, run: Run, kore_simulator: KoreSimulator, given: Any) -> None:
        """With a timeout of nothing the task waits for nothing, and says how many are not final."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=NOT_FINAL)

        result = run(campaign_id=campaign_id, pending_timeout=given, deferrable=True).result

        assert (result["complete"], result["reason"], result["pending"]) == (True, None, 1)


class TestDeferred:
    def test_one(self, run: Run, kore_simulator: KoreSimulator) -> None:
        """The task waits for its look without a worker, looks again in a new process, and then is done."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=NOT_FINAL)
        before = task_runner.now()

        done = run(campaign_id=campaign_id, deferrable=True)

        message = deferral(done)
        moment = deserialize(message.trigger_kwargs["moment"])
        assert timedelta(minutes=15) <= moment - before <= timedelta(minutes=15, seconds=30)
        assert done.state == "deferred"
        pass_(15 * 60)
        resumed = run(campaign_id=campaign_id, deferrable=True, run_resume=("resume", message.next_kwargs))

        assert resumed.state == "success"
        result = resumed.result
        assert (result["complete"], result["reason"], result["pending"], result["changed"]) == (True, None, 1, True)
        assert not {"next_look_at", "waits_until"} & result.keys()

    def test_changes(self, run: Run, kore_simulator: KoreSimulator) -> None:
        """A look that finds a change leads to the next wait; the last one is no longer than the timeout."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=NOT_FINAL)
        rows: Any = kore_simulator.service.store.get(campaign_id).contacts
        message, moments = deferral(run(campaign_id=campaign_id, deferrable=True, pending_timeout=2000)), []
        while True:
            moments.append(deserialize(message.trigger_kwargs["moment"]))
            pass_((moments[-1] - task_runner.now()).total_seconds())
            rows[1]["numberOfAttemptsSoFar"] += 1
            again = run(
                campaign_id=campaign_id,
                deferrable=True,
                pending_timeout=2000,
                run_resume=("resume", message.next_kwargs),
            )
            if again.state != "deferred":
                break
            message = deferral(again)

        assert [round((one - moments[0]).total_seconds(), -1) for one in moments] == [0, 900, 1100]
        assert (again.result["complete"], again.result["pending"]) == (True, 1)

    def test_many(self, run: Run, kore_simulator: KoreSimulator) -> None:
        """All are reported before the one wait; after it, only what waits, and what failed, is done again."""
        ids = [kore_simulator.add_campaign(status="Stopped", contacts=rows) for rows in (FINAL, NOT_FINAL, FINAL)]
        named = [ids[0], ids[1], STRANGER, ids[2]]
        message = deferral(run(campaign_ids=named, deferrable=True))
        assert {record.path.split("/")[-2] for record in kore_simulator.requests.of("contacts")} == set(ids)
        pass_(15 * 60)
        kore_simulator.requests.clear()

        done = run(campaign_ids=named, deferrable=True, run_resume=("resume", message.next_kwargs))

        assert [record.operation for record in kore_simulator.requests if ids[1] not in record.path] == []
        assert done.state == "failed"
        assert "1 of 4 campaigns could not be reported" in str(done.error)
        results = done.xcoms["results"]
        assert [one["campaign_id"] for one in results] == ids
        assert [(one["complete"], one["pending"]) for one in results] == [(True, 0), (True, 1), (True, 0)]
        assert all(one["changed"] for one in results)

    def test_nothing_of_a_contact(self, run: Run, kore_simulator: KoreSimulator) -> None:
        """What waits in Airflow's database holds nothing of a contact."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=NOT_FINAL)

        kept = json.dumps(deferral(run(campaign_id=campaign_id, deferrable=True)).next_kwargs)

        assert campaign_id in kept
        assert "1200555" not in kept


class TestOnWorker:
    def test_sleeps(self, run: Run, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without deferral the task itself waits, in steps in which it can be killed."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=NOT_FINAL)
        naps: list[float] = []
        monkeypatch.setattr(CampaignReportOperator, "_sleep", lambda _, seconds: (naps.append(seconds), pass_(seconds)))

        result = run(campaign_id=campaign_id, deferrable=False).result

        assert (result["complete"], result["pending"]) == (True, 1)
        assert 890 < sum(naps) < 901
        assert max(naps) == 30.0

    def test_killed(self, run: Run, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """A kill ends the waiting; the next try waits on, and reads no contact before it is time."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=NOT_FINAL)
        sleep = CampaignReportOperator._sleep

        def killed(operator: CampaignReportOperator, seconds: float) -> None:
            operator.on_kill()
            sleep(operator, seconds)

        with monkeypatch.context() as patch:
            patch.setattr(CampaignReportOperator, "_sleep", killed)
            assert run(campaign_id=campaign_id, deferrable=False).state == "up_for_retry"
        kore_simulator.requests.clear()

        assert run(campaign_id=campaign_id, deferrable=True).state == "deferred"
        assert [record.operation for record in kore_simulator.requests] == ["get"]
