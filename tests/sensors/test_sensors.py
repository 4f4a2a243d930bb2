"""The sensors, through Airflow's own task runner, against the simulator."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
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

from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.kore.errors import KoreConfigurationError
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
