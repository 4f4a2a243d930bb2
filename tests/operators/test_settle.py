"""Between the stop and the report: is the campaign over, and since when? Through Airflow's own task runner."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.execution_time.comms import DeferTask
from airflow_names import deserialize
from task_runner import INSTANT, TaskRun, now, run_task

from airflow_provider_campaigns.actions.outcomes import Result
from airflow_provider_campaigns.actions.reporting.settle import LastDay, settled_at
from airflow_provider_campaigns.arguments.static import WrongArgumentError
from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.kore.campaigns import Campaign
from airflow_provider_campaigns.operators.settle import SettledCampaignOperator

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("unlimited_connection")

STRANGER = "cd-0000000-0000-4000-8000-00000000dead"
LONG_AGO = "2026-02-27T12:30:00.000Z"

# A task runs for Monday, 2 March 2026, 12:30 PM in UTC, unless it is told another instant.
EVERY_DAY = CallingHours.parse("Etc/UTC", {"MO-SU": "9:00 AM-6:00 PM"}).to_api()
NEVER_CLOSED = CallingHours.parse("Etc/UTC", {"MO-SU": "12:00 AM-12:00 AM"}).to_api()


@pytest.fixture
def settle(monkeypatch: pytest.MonkeyPatch) -> Callable[..., TaskRun]:
    """Settle a campaign of which a stop said something, or nothing."""

    def call(
        campaign_id: str,
        *,
        stopped: list[dict[str, Any]] | None = None,
        stop_state: str = "success",
        name: str | None = None,
        campaign_type: str = "voice",
        resume: tuple[str, dict[str, Any]] | None = None,
        **arguments: Any,
    ) -> TaskRun:
        operator = SettledCampaignOperator(
            task_id="settle",
            campaign={"campaign_id": campaign_id, "campaign_type": campaign_type, "name": name},
            stop_task_ids={"voice": "stop_voice", "sms": "stop_sms"},
            **arguments,
        )
        return run_task(
            operator,
            monkeypatch,
            upstream={"stop_voice": [] if stopped is None else [stopped], "stop_sms": []},
            states={"stop_voice": stop_state, "stop_sms": stop_state},
            resume=resume,
        )

    return call


def stop_result(simulator: KoreSimulator, campaign_id: str, **fields: Any) -> dict[str, Any]:
    """What a stop returns for a campaign."""
    return {
        "campaign_id": campaign_id,
        "campaign_instance_id": simulator.campaign(campaign_id).instance_id,
        "contacts_before_stop": 1200,
        "confirmed_at": LONG_AGO,
        "sent_at": LONG_AGO,
        "lateness_s": 0.004,
        **fields,
    }


def in_s(seconds: float) -> str:
    return (now() + timedelta(seconds=seconds)).isoformat()


class TestResult:
    """What the report and the delete get to know."""

    def test_execute__what_the_stop_knew(self, kore_simulator: KoreSimulator, settle: Callable[..., TaskRun]) -> None:
        """Contacts before the stop and its instants are taken over; the end of the run is when it was confirmed."""
        campaign_id = kore_simulator.add_campaign(name="Spring", status="Stopped")
        run = kore_simulator.campaign(campaign_id).instance_id

        done = settle(campaign_id, stopped=[stop_result(kore_simulator, campaign_id)])

        assert done.result == {
            "campaign_id": campaign_id,
            "campaign_type": "voice",
            "name": "Spring",
            "status": "Stopped",
            "changed": False,
            "campaign_instance_id": run,
            "contacts_before_stop": 1200,
            "sent_at": LONG_AGO,
            "confirmed_at": LONG_AGO,
            "lateness_s": 0.004,
            "ended_at": LONG_AGO,
        }
        assert done.xcoms["campaign_id"] == campaign_id
        kore_simulator.assert_no_writes()

    def test_execute__run_not_named(self, kore_simulator: KoreSimulator, settle: Callable[..., TaskRun]) -> None:
        """What the stop knew survives a reading that names no run: it is not known to be of another."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        stopped = stop_result(kore_simulator, campaign_id)
        kore_simulator.service.store.get(campaign_id).instance_id = None

        result = settle(campaign_id, stopped=[stopped], grace_period=0).result

        assert result["campaign_instance_id"] == stopped["campaign_instance_id"] is not None
        assert (result["contacts_before_stop"], result["confirmed_at"]) == (1200, LONG_AGO)

    def test_settled_at__run_not_named(self, kore_simulator: KoreSimulator, settle: Callable[..., TaskRun]) -> None:
        """A campaign that has run is given its grace also where neither its stop nor a reading names the run."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        kore_simulator.service.store.get(campaign_id).instance_id = None
        stopped = stop_result(kore_simulator, campaign_id)

        result = Result.from_dict(settle(campaign_id, stopped=[stopped], grace_period=0).result)

        assert result.campaign_instance_id is None
        assert settled_at(result, timedelta(minutes=15), now()) == datetime(2026, 2, 27, 12, 45, tzinfo=UTC)

    def test_execute__another_run(self, kore_simulator: KoreSimulator, settle: Callable[..., TaskRun]) -> None:
        """What a stop said of an earlier run says nothing of this one."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", updated_at=LONG_AGO)
        stopped = stop_result(kore_simulator, campaign_id, campaign_instance_id="cid-before", confirmed_at=in_s(0))

        result = settle(campaign_id, stopped=[stopped]).result

        assert "contacts_before_stop" not in result
        assert result["ended_at"] == LONG_AGO

    @pytest.mark.parametrize(("status", "ended_at"), [("Stopped", LONG_AGO), ("Completed", LONG_AGO), ("Ready", None)])
    def test_execute__without_a_stop(
        self, kore_simulator: KoreSimulator, settle: Callable[..., TaskRun], status: str, ended_at: str | None
    ) -> None:
        """A campaign that ended by itself goes on: it ended when it was last changed. One that never ran has no end."""
        campaign_id = kore_simulator.add_campaign(status=status, updated_at=LONG_AGO)

        assert settle(campaign_id).result.get("ended_at") == ended_at

    @pytest.mark.parametrize(
        ("ended_at", "expected"),
        [
            ("2026-03-02T12:00:00.000Z", datetime(2026, 3, 2, 13, 0, tzinfo=UTC)),
            ("2026-03-02T13:00:00+01:00", datetime(2026, 3, 2, 13, 0, tzinfo=UTC)),
            ("2026-03-02T12:00:00", datetime(2026, 3, 2, 13, 0, tzinfo=UTC)),
            ("2026-03-02T12:31:00Z", datetime(2026, 3, 2, 13, 30, tzinfo=UTC)),
            ("2999-01-01T00:00:00Z", datetime(2026, 3, 2, 13, 30, tzinfo=UTC)),
            ("9999-12-31T23:59:59-12:00", datetime(2026, 3, 2, 13, 30, tzinfo=UTC)),
            ("yesterday", datetime(2026, 3, 2, 13, 30, tzinfo=UTC)),
            (None, datetime(2026, 3, 2, 13, 30, tzinfo=UTC)),
        ],
    )
    def test_settled_at__bounded(self, ended_at: str | None, expected: datetime) -> None:
        """Whatever is said of when a campaign ended, its grace is over one grace period from now."""
        result = Result("cd-1", "voice", "Stopped", changed=False, details={"ended_at": ended_at})

        assert settled_at(result, timedelta(hours=1), INSTANT) == expected

    @pytest.mark.parametrize(
        ("mode", "expected"),
        [
            ("Progressive", datetime(2026, 2, 27, 14, 0, tzinfo=UTC)),
            ("Preview", datetime(2026, 2, 27, 14, 0, tzinfo=UTC)),
            ("Agentless", datetime(2026, 2, 27, 12, 45, tzinfo=UTC)),
            ("agentless", datetime(2026, 2, 27, 12, 45, tzinfo=UTC)),
        ],
    )
    def test_settled_at__by_dialing_mode(
        self, kore_simulator: KoreSimulator, settle: Callable[..., TaskRun], mode: str, expected: datetime
    ) -> None:
        """Where nobody says how long, agents get 90 minutes to write, and without agents 15 are enough."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", updated_at=LONG_AGO, dialing_mode=mode)

        result = Result.from_dict(settle(campaign_id).result)

        assert settled_at(result, None, now()) == expected
        assert settled_at(result, timedelta(0), now()) == datetime(2026, 2, 27, 12, 30, tzinfo=UTC)

    def test_settled_at__not_waited_for(self) -> None:
        """Nobody waits for a campaign that is gone, or never ran."""
        assert settled_at(Result("cd-1", "voice", "Missing", changed=False), timedelta(hours=1), INSTANT) is None

    def test_execute__gone(self, kore_simulator: KoreSimulator, settle: Callable[..., TaskRun]) -> None:
        """One that is gone already is over; its report says the rest."""
        result = settle(STRANGER, name="Spring", deferrable=True).result

        assert (result["status"], result["name"]) == ("Missing", "Spring")

    def test_execute__its_stop_failed(self, kore_simulator: KoreSimulator, settle: Callable[..., TaskRun]) -> None:
        """One that is over although the stop failed goes on."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", updated_at=LONG_AGO)

        assert settle(campaign_id, stop_state="failed").state == "success"


class TestRefused:
    """What is not over is neither reported nor deleted."""

    @pytest.mark.parametrize("status", ["Active", "Paused", "Preparing", "Scheduled", "Archived"])
    def test_execute__not_over(
        self, kore_simulator: KoreSimulator, settle: Callable[..., TaskRun], status: str
    ) -> None:
        """A campaign that runs, may run or will run fails for good."""
        campaign_id = kore_simulator.add_campaign(status=status)

        done = settle(campaign_id, stop_state="failed")

        assert done.state == "failed"
        assert f"campaign {campaign_id}: is {status}" in str(done.error)
        assert "neither reported nor deleted; look at the task that was to stop it" in str(done.error)

    def test_execute__another_name_or_type(self, kore_simulator: KoreSimulator, settle: Callable[..., TaskRun]) -> None:
        """A campaign that was renamed since it was chosen, or is of the other type, is not the one that is meant."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", name="Summer")

        assert "is named 'Summer', expected 'Spring'" in str(settle(campaign_id, name="Spring").error)
        assert "is of type voice, not sms" in str(settle(campaign_id, campaign_type="sms").error)

    @pytest.mark.parametrize("status", ["Active", "Stopped"])
    def test_execute__stop_skipped(
        self, kore_simulator: KoreSimulator, settle: Callable[..., TaskRun], status: str
    ) -> None:
        """Where the stop was skipped, nothing else is done either, and the outcome is told why."""
        campaign_id = kore_simulator.add_campaign(status=status)

        done = settle(campaign_id, stop_state="skipped")

        assert done.state == "skipped"
        assert done.xcoms["left"] == {
            "campaign_id": campaign_id,
            "reason": "was not to be stopped, because its stop was skipped",
        }
        assert len(kore_simulator.requests) == 0

    def test_execute__left_until_its_last_day(
        self, kore_simulator: KoreSimulator, settle: Callable[..., TaskRun]
    ) -> None:
        """One that its stop left running until its last day is left here as well."""
        campaign_id = kore_simulator.add_campaign(status="Active")

        done = settle(campaign_id, stopped=[stop_result(kore_simulator, campaign_id, waits_for="2099-12-24")])

        assert done.state == "skipped"
        assert done.xcoms["left"]["reason"] == "goes on until its last day, 2099-12-24"

    @pytest.mark.parametrize("status", ["Ready", "Stopped", "Completed", "Active", "Preparing"])
    @pytest.mark.parametrize("stop_state", ["failed", "success", "upstream_failed"])
    def test_execute__before_its_last_day(
        self, kore_simulator: KoreSimulator, settle: Callable[..., TaskRun], status: str, stop_state: str
    ) -> None:
        """Before its last day a campaign is left, whatever became of the stop that should have said so."""
        campaign_id = kore_simulator.add_campaign(status=status, calling_hours=EVERY_DAY)

        done = settle(campaign_id, stop_state=stop_state, last_day="2026-03-03", grace_period=0)

        assert done.state == "skipped"
        assert done.xcoms["left"] == {
            "campaign_id": campaign_id,
            "reason": "goes on until its last day, 2026-03-03",
        }
        assert "campaign_id" not in done.xcoms

    @pytest.mark.parametrize("last_day", ["2026-03-02", date(2026, 3, 1), "", None])
    def test_execute__on_its_last_day(
        self, kore_simulator: KoreSimulator, settle: Callable[..., TaskRun], last_day: Any
    ) -> None:
        """On its last day, after it, and where there is none, a campaign that is over goes on."""
        campaign_id = kore_simulator.add_campaign(status="Ready", calling_hours=EVERY_DAY)

        assert settle(campaign_id, last_day=last_day).state == "success"

    def test_execute__last_day_by_given_hours(
        self, kore_simulator: KoreSimulator, settle: Callable[..., TaskRun]
    ) -> None:
        """The business day is that of the hours the stop goes by: half past noon in UTC is Tuesday in Kiritimati."""
        campaign_id = kore_simulator.add_campaign(status="Ready", calling_hours=EVERY_DAY)
        hours = {"timezone": "Pacific/Kiritimati", "hours": {"MO-SU": "9:00 AM-6:00 PM"}}

        assert settle(campaign_id, last_day="2026-03-03", calling_hours=hours).state == "success"
        assert settle(campaign_id, last_day="2026-03-04", calling_hours=hours).state == "skipped"

    @pytest.mark.parametrize(
        ("as_of", "left"),
        [
            # Open from Monday to Friday around the clock; Wednesday, the last day, ends at 18:30.
            (datetime(2026, 3, 2, 12, 20, tzinfo=UTC), True),
            (datetime(2026, 3, 3, 18, 29, tzinfo=UTC), True),
            (datetime(2026, 3, 3, 18, 30, tzinfo=UTC), False),
            (datetime(2026, 3, 4, 18, 31, tzinfo=UTC), False),
        ],
    )
    def test_last_day__hours_that_go_on_until_it(self, as_of: datetime, left: bool) -> None:
        """Days before their close nothing is reported or deleted, though the run is for that very close."""
        hours = CallingHours.parse("Asia/Kolkata", {"MO-FR": "12:00 AM-12:00 AM"})
        last_day = LastDay(date(2026, 3, 4), datetime(2026, 3, 2, 12, 20, tzinfo=UTC), as_of, hours)

        assert last_day.is_yet_to_come(Campaign.from_api({"id": "cd-1", "status": "Ready"})) is left

    def test_execute__last_day_without_hours(
        self, kore_simulator: KoreSimulator, settle: Callable[..., TaskRun]
    ) -> None:
        """Where no close tells the business day, nobody can say that the last day is here: nothing goes on."""
        campaign_id = kore_simulator.add_campaign(status="Ready", calling_hours=NEVER_CLOSED)

        done = settle(campaign_id, last_day="2026-03-02")

        assert done.state == "failed"
        assert "never close" in str(done.error)


class TestWait:
    """The grace period."""

    def test_execute__deferred(self, kore_simulator: KoreSimulator, settle: Callable[..., TaskRun]) -> None:
        """It is counted from the confirmed stop, and waited for without a worker."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        confirmed_at = in_s(-60)

        done = settle(
            campaign_id,
            stopped=[stop_result(kore_simulator, campaign_id, confirmed_at=confirmed_at)],
            grace_period=900,
            deferrable=True,
        )

        (message,) = [one for one in done.messages if isinstance(one, DeferTask)]
        moment = deserialize(message.trigger_kwargs["moment"])
        assert moment == datetime.fromisoformat(confirmed_at) + timedelta(minutes=15)
        resumed = settle(
            campaign_id, resume=("resume", {"value": json.loads(json.dumps(message.next_kwargs["value"]))})
        )
        assert resumed.result["contacts_before_stop"] == 1200
        assert resumed.xcoms["campaign_id"] == campaign_id

    @pytest.mark.parametrize("grace_period", [0, "0", timedelta(0), 900, "900"])
    def test_execute__over(
        self, kore_simulator: KoreSimulator, settle: Callable[..., TaskRun], grace_period: Any
    ) -> None:
        """One that is over, or none at all, is not waited for."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", updated_at=LONG_AGO)

        assert settle(campaign_id, grace_period=grace_period, deferrable=True).state == "success"

    def test_execute__with_a_worker(self, kore_simulator: KoreSimulator, settle: Callable[..., TaskRun]) -> None:
        """Without deferral the task itself waits."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        until = now() + timedelta(seconds=1)
        stopped = stop_result(kore_simulator, campaign_id, confirmed_at=(until - timedelta(seconds=5)).isoformat())

        assert settle(campaign_id, stopped=[stopped], grace_period=5).state == "success"
        assert now() >= until

    def test_execute__never_ran(self, kore_simulator: KoreSimulator, settle: Callable[..., TaskRun]) -> None:
        """A campaign that never ran has no results to wait for."""
        campaign_id = kore_simulator.add_campaign(status="Ready")

        assert settle(campaign_id, deferrable=True).state == "success"

    @pytest.mark.parametrize("grace_period", ["soon", "15m", -1, "-1", 1e12, True, []])
    def test_init__bad_grace_period(self, settle: Callable[..., TaskRun], grace_period: Any) -> None:
        """What is no length of time is told when the DAG is parsed."""
        with pytest.raises(WrongArgumentError, match="grace_period: expected "):
            settle("cd-1", grace_period=grace_period)

    def test_execute__bad_grace_period(self, kore_simulator: KoreSimulator, settle: Callable[..., TaskRun]) -> None:
        """From a template, it fails the task."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")

        done = settle(campaign_id, grace_period="{{ '15m' }}")

        assert done.state == "failed"
        assert "grace_period: expected seconds" in str(done.error)
