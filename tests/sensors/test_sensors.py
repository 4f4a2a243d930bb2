"""The sensors, through Airflow's own task runner, against the simulator."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG
from airflow_names import DagSerialization
from sensor_support import (
    KOLKATA,
    KOLKATA_API,
    Run,
    Sensor,
    hours_sensor,
    runner,
    status_sensor,
)
from structlog.testing import capture_logs

from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.hooks import KoreCampaignHook
from airflow_provider_campaigns.kore.errors import KoreConfigurationError, KoreConnectionError
from airflow_provider_campaigns.sensors import CallingHoursSensor, CampaignStatusSensor

if TYPE_CHECKING:
    from fake_clock import FakeClock

    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("unlimited_connection")


STRANGER = "cd-0000000-0000-4000-8000-00000000dead"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a sensor's try, or what follows a deferral."""
    return runner(monkeypatch)


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


def _missing(monkeypatch: pytest.MonkeyPatch, _: KoreSimulator) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_KORE_DEFAULT")


def _wrong(monkeypatch: pytest.MonkeyPatch, simulator: KoreSimulator) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", simulator.connection_json(stream_id="no-stream"))


def _away(monkeypatch: pytest.MonkeyPatch, _: KoreSimulator) -> None:
    def get_connection(*_: object) -> None:
        raise OSError("the vault is sealed")

    monkeypatch.setattr(KoreCampaignHook, "get_connection", get_connection)


class TestConnectionAway:
    """A secrets backend that is away, or a connection that somebody is editing."""

    @pytest.mark.parametrize("make", [CampaignStatusSensor, CallingHoursSensor])
    @pytest.mark.parametrize(
        ("spoil", "said", "at_first"),
        [
            (_missing, "kore_conn_id: there is no such connection (got 'kore_default')", KoreConfigurationError),
            (_wrong, "stream_id: expected the app's id", AirflowFailException),
            (_away, "the connection (got 'kore_default') could not be looked up (OSError)", KoreConnectionError),
        ],
    )
    def test_poke__goes_on(
        self,
        kore_simulator: KoreSimulator,
        monkeypatch: pytest.MonkeyPatch,
        make: Any,
        spoil: Any,
        said: str,
        at_first: type[Exception],
    ) -> None:
        """A wait that was rescheduled goes on; the first look of one fails, so that a mistake is seen at once."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        arguments = {"task_id": "wait", "campaign_id": campaign_id, "mode": "reschedule"}
        with monkeypatch.context() as trouble:
            spoil(trouble, kore_simulator)
            with capture_logs() as log:
                assert make(**arguments).poke({"task_reschedule_count": 1}).is_done is False
            with pytest.raises(at_first, match=f"^{re.escape(said)}"):
                make(**arguments).poke({"task_reschedule_count": 0})

        # Below Airflow 3.2 its reader of connections warns as well.
        (told,) = (one for one in log if one["event"].endswith("; still waiting"))
        assert told["log_level"] == "warning"
        assert told["event"].startswith(said)
        make(**arguments).poke({"task_reschedule_count": 2})
        assert [one.operation for one in kore_simulator.requests] == ["get"]
