"""The sensor of calling hours, through Airflow's own task runner."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSensorTimeout
from airflow_names import deserialize
from operator_support import filled_in
from sensor_support import (
    KOLKATA,
    KOLKATA_API,
    Run,
    deferral,
    hours_sensor,
    runner,
    trigger_of,
)

from airflow_provider_campaigns.arguments.static import WrongArgumentError
from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.kore.errors import KoreConfigurationError

if TYPE_CHECKING:
    from fake_clock import FakeClock

    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("unlimited_connection")


STRANGER = "cd-0000000-0000-4000-8000-00000000dead"

# FakeClock begins on Monday 2026-03-02 at 12:30 UTC, which is 18:00 in Kolkata: the hours of every campaign of the
# simulator (Monday to Friday, 9:00 AM to 6:00 PM there) close at that instant.
CLOSE = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a sensor's try, or what follows a deferral."""
    return runner(monkeypatch)


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

    def test_execute__refused_for_good(self, kore_simulator: KoreSimulator, run: Run, fake_clock: FakeClock) -> None:
        """A reading that is refused, which no waiting mends, fails at once without a retry."""
        kore_simulator.fail_next(412, times=2)

        done = run(hours_sensor(fake_clock, campaign_id=kore_simulator.add_campaign()))

        assert (done.state, type(done.error)) == ("failed", AirflowFailException)
        assert "HTTP 412" in str(done.error)

    def test_execute__no_connection(self, run: Run, fake_clock: FakeClock) -> None:
        """A connection that is not there is not waited for; the task's retries may find it."""
        done = run(hours_sensor(fake_clock, campaign_id="cd-1", kore_conn_id="kore_nowhere"))

        assert (done.state, type(done.error)) == ("up_for_retry", KoreConfigurationError)

    def test_execute__unreadable_hours(self, kore_simulator: KoreSimulator, run: Run, fake_clock: FakeClock) -> None:
        """Hours of the service that cannot be read are never taken as closed."""
        campaign_id = kore_simulator.add_campaign(calling_hours={**KOLKATA_API, "timezone": "Mars/Base"})

        done = run(hours_sensor(fake_clock, campaign_id=campaign_id))

        assert done.state == "failed"
        assert str(done.error).startswith(f"campaign {campaign_id}: dialingStrategy.callingHours.timezone: 'Mars/Base'")
