"""What Airflow's metrics say of campaigns, as the packets that leave the machine."""

from __future__ import annotations

import logging
import re
import socket
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import Stats
from airflow_names import sending_metrics
from stop_support import add
from task_runner import now, run_task

from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.operators.delete import DeleteCampaignOperator
from airflow_provider_campaigns.operators.start import StartVoiceCampaignOperator
from airflow_provider_campaigns.operators.stop import StopSmsCampaignOperator, StopVoiceCampaignOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("unlimited_connection")

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENTED = set(re.findall(r"^\| `(kore_campaign\.\S+)`", (DOCS / "monitoring.md").read_text(), flags=re.MULTILINE))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A StatsD server's socket, to which Airflow is configured to send, as in a task's process."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_HOST", "127.0.0.1")
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_PORT", str(server.getsockname()[1]))
        with sending_metrics():
            yield server


@pytest.fixture
def packets(server: socket.socket) -> Callable[[], list[str]]:
    """What has come about campaigns so far."""

    def read() -> list[str]:
        Stats.incr("the_end")
        found = []
        while not (packet := server.recv(4096).decode()).startswith("airflow.the_end"):
            found.append(packet)
        ours = sorted(one for one in found if one.startswith("airflow.kore_campaign."))
        assert {re.split("[,:]", one.removeprefix("airflow."))[0] for one in ours} <= DOCUMENTED
        return ours

    return read


def run(monkeypatch: pytest.MonkeyPatch, operator: type[Any], *ids: str, **arguments: Any) -> str:
    more = {"at": arguments.pop("at")} if "at" in arguments else {}
    return run_task(operator(task_id="work", campaign_ids=list(ids), **arguments), monkeypatch, **more).state


def test_stop(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, packets: Callable[[], list[str]]) -> None:
    """Each stop counts when it is sent; at the end of the try what was confirmed and what failed; idle ones do not."""
    ids = add(kore_simulator, 2, status="Active")
    (idle,) = add(kore_simulator, 1, status="Ready")

    state = run(monkeypatch, StopVoiceCampaignOperator, *ids, idle, "cd-stranger")

    assert state == "failed"
    assert packets() == [
        "airflow.kore_campaign.stop.confirmed:2|c",
        "airflow.kore_campaign.stop.failed:1|c",
        "airflow.kore_campaign.stop.sent:1|c",
        "airflow.kore_campaign.stop.sent:1|c",
    ]


def test_stop__not_confirmed(
    kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, packets: Callable[[], list[str]]
) -> None:
    """Without confirmation there is nothing confirmed to count."""
    (campaign,) = add(kore_simulator, 1, status="Active", campaign_type="sms")

    run(monkeypatch, StopSmsCampaignOperator, campaign, confirm=False)

    assert packets() == ["airflow.kore_campaign.stop.sent:1|c"]


def test_stop__lateness(
    kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, packets: Callable[[], list[str]]
) -> None:
    """The lateness of a stop at a close is sent in milliseconds, as StatsD times things."""
    close = (now() - timedelta(minutes=2)).replace(second=0, microsecond=0)
    text = f"{close - timedelta(hours=1):%I:%M %p}-{close:%I:%M %p}".replace("-0", "-").removeprefix("0")
    hours = CallingHours.parse("Etc/UTC", {"MO-SU": text}).to_api()
    (campaign,) = add(kore_simulator, 1, status="Active", calling_hours=hours)

    state = run(monkeypatch, StopVoiceCampaignOperator, campaign, when="calling_hours_end", at=now(), retries=1)

    assert state == "success"
    (timing,) = [one for one in packets() if "lateness" in one]
    name, _, value = timing.partition(":")
    milliseconds, _, unit = value.partition("|")
    assert (name, unit) == ("airflow.kore_campaign.stop.lateness", "ms")
    assert 120_000 <= float(milliseconds) < 240_000


def test_start_and_delete(
    kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, packets: Callable[[], list[str]]
) -> None:
    """A start and a delete count when they are sent, and when they are proven; one of a campaign that is gone not."""
    (ready,) = add(kore_simulator, 1, status="Ready")
    (stopped,) = add(kore_simulator, 1, status="Stopped")

    run(monkeypatch, StartVoiceCampaignOperator, ready)
    run(monkeypatch, DeleteCampaignOperator, stopped, if_unreported="delete")
    run(monkeypatch, DeleteCampaignOperator, stopped, if_unreported="delete")

    assert packets() == [
        "airflow.kore_campaign.delete.deleted:1|c",
        "airflow.kore_campaign.delete.sent:1|c",
        "airflow.kore_campaign.start.sent:1|c",
        "airflow.kore_campaign.start.started:1|c",
    ]


def test_tags(
    kore_simulator: KoreSimulator,
    monkeypatch: pytest.MonkeyPatch,
    packets: Callable[[], list[str]],
) -> None:
    """Where tags are supported, they tell the type of campaign."""
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED", "True")
    (campaign,) = add(kore_simulator, 1, status="Stopped", campaign_type="sms")

    with sending_metrics():
        run(monkeypatch, DeleteCampaignOperator, campaign, if_unreported="delete")

        assert packets() == [
            "airflow.kore_campaign.delete.deleted,campaign_type=sms:1|c",
            "airflow.kore_campaign.delete.sent,campaign_type=sms:1|c",
        ]


def test_broken(
    kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Metrics that cannot be sent are one warning in the log, and the work goes on."""
    monkeypatch.setattr("airflow_provider_campaigns.operators.metrics._TOLD", set())

    def fail(name: str, *args: Any, **kwargs: Any) -> None:
        if name.startswith("kore_campaign."):  # Airflow counts for itself by the same function
            raise OSError(f"no way out for {name}")

    monkeypatch.setattr("airflow.providers.common.compat.sdk.Stats.incr", fail)
    (campaign,) = add(kore_simulator, 1, status="Active")

    with caplog.at_level(logging.WARNING):
        assert run(monkeypatch, StopVoiceCampaignOperator, campaign) == "success"

    assert [one.getMessage() for one in caplog.records if one.name.startswith("airflow_provider_campaigns.")] == [
        "metrics cannot be sent; the work goes on without them"
    ]
