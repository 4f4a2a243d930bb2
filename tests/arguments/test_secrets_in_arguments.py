"""The Client Secret, or a password, as an argument of a DAG: nothing is sent, and nothing shows it."""

from __future__ import annotations

import json
import logging
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from misplaced import holds_piece
from operator_support import filled_in
from task_runner import run_task

from airflow_provider_campaigns.arguments import campaigns, folders, hours, values
from airflow_provider_campaigns.hooks import KoreCampaignHook
from airflow_provider_campaigns.kore.campaigns import checked_campaign_id, checked_campaign_type
from airflow_provider_campaigns.kore.errors import KoreConfigurationError, KoreError
from airflow_provider_campaigns.operators.delete import DeleteCampaignOperator
from airflow_provider_campaigns.operators.list import ListCampaignsOperator
from airflow_provider_campaigns.operators.report import CampaignReportOperator
from airflow_provider_campaigns.operators.start import StartVoiceCampaignOperator
from airflow_provider_campaigns.operators.stop import StopVoiceCampaignOperator
from airflow_provider_campaigns.reports.contents import checked_formats
from airflow_provider_campaigns.reports.rows import PhoneNumbers
from airflow_provider_campaigns.sensors.status import CampaignStatusSensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.simulator import KoreSimulator

SECRET = "Q7x9vTkLm3ZpR0sWuY7bN1hGfD5aE8cV"
SAID = "holds the Client Secret, which belongs into password and nowhere else"


@pytest.fixture
def service(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> KoreSimulator:
    """The simulator behind ``kore_default``, whose password is ``SECRET``."""
    given = json.loads(kore_simulator.connection_json()) | {"password": SECRET}
    monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", json.dumps(given))
    return kore_simulator


@pytest.mark.parametrize(
    ("operator", "given", "name", "value"),
    [
        (StopVoiceCampaignOperator, {"campaign_id": "cd-1"}, "campaign_id", SECRET),
        (StopVoiceCampaignOperator, {"campaign_id": "cd-1"}, "campaign_id", f"cd-{SECRET}"),
        (StopVoiceCampaignOperator, {"campaign_id": "cd-1"}, "campaign_ids", ["cd-1", SECRET]),
        (StopVoiceCampaignOperator, {"campaign_id": "cd-1"}, "campaign_ids", f'["{SECRET}"]'),
        (DeleteCampaignOperator, {"campaign_id": "cd-1", "if_unreported": "delete"}, "expected_name", SECRET),
        (StartVoiceCampaignOperator, {"campaign_id": "cd-1"}, "campaign_id", SECRET),
        (CampaignReportOperator, {"campaign_id": "cd-1", "output_path": "/x"}, "output_path", f"/tmp/{SECRET}/r"),
        (DeleteCampaignOperator, {"campaign_id": "cd-1", "report": "/x"}, "report", f"/tmp/{SECRET}/r"),
        (DeleteCampaignOperator, {"campaign_id": "cd-1", "report": "/x"}, "report", {"campaign_id": SECRET}),
        (
            DeleteCampaignOperator,
            {"campaign_id": "cd-1", "if_unreported": "delete", "archive_path": "/x"},
            "archive_path",
            f"/tmp/{SECRET}/a",
        ),
        (ListCampaignsOperator, {"campaign_type": "voice", "name_pattern": "*"}, "name_pattern", f"{SECRET}*"),
        (CampaignStatusSensor, {"campaign_id": "cd-1"}, "campaign_id", SECRET),
    ],
)
def test_execute__client_secret(
    service: KoreSimulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    operator: Callable[..., Any],
    given: dict[str, Any],
    name: str,
    value: object,
) -> None:
    """An argument that holds the connection's Client Secret is refused by its name, and no retry follows."""
    caplog.set_level(logging.DEBUG, logger="airflow_provider_campaigns")

    done = run_task(filled_in(operator(task_id="task", **given), **{name: value}), monkeypatch)

    assert (done.state, str(done.error)) == ("failed", f"{name}: {SAID}")
    assert len(service.requests) == 0
    assert not holds_piece("".join(traceback.format_exception(done.error)) + caplog.text, SECRET)


@pytest.mark.parametrize(
    "call",
    [
        lambda hook: hook.get_campaign(SECRET),
        lambda hook: hook.get_campaign_status(f"cd-{SECRET}"),
        lambda hook: hook.stop_campaign(SECRET),
        lambda hook: hook.start_campaign(SECRET),
        lambda hook: hook.delete_campaign(SECRET),
        lambda hook: list(hook.iter_contact_results(SECRET)),
        lambda hook: hook.disable_schedule(SECRET),
    ],
)
def test_hook__client_secret(
    service: KoreSimulator, caplog: pytest.LogCaptureFixture, call: Callable[[KoreCampaignHook], object]
) -> None:
    """Nor does a hook that is used by itself put it into a request's address, and no attribute of the error has it."""
    caplog.set_level(logging.DEBUG, logger="airflow_provider_campaigns")

    with pytest.raises(KoreError) as caught:
        call(KoreCampaignHook(sleep=lambda _: None))

    assert str(caught.value) == f"campaign_id, or name: {SAID}"
    assert not caught.value.retryable
    assert len(service.requests) == 0
    assert not holds_piece(f"{caught.value!r} {vars(caught.value)} {caplog.text}", SECRET)


@pytest.mark.parametrize(
    "read",
    [
        lambda value: values.one_of("when", value, ("now", "calling_hours_end")),
        lambda value: values.read_if_no_contact_results("if_no_contact_results", value),
        lambda value: values.read_day("last_day", value),
        lambda value: values.read_texts("contact_timezones", [value, ""], example="['UTC']"),
        lambda value: values.read_texts("contact_timezones", f'["{value}', example="['UTC']"),
        lambda value: values.read_poll_interval("poll_interval", value),
        lambda value: values.read_duration("pending_timeout", value),
        lambda value: values.flag("plan_only", value),
        lambda value: hours.read_hours("calling_hours", value),
        lambda value: hours.read_hours("calling_hours", {value: 1}),
        lambda value: hours.read_hours("calling_hours", {"timezone": value, "hours": {"MO": "9:00 AM-6:00 PM"}}),
        lambda value: hours.read_hours("calling_hours", {"timezone": "UTC", "hours": {value: "9:00 AM-6:00 PM"}}),
        lambda value: hours.read_hours("calling_hours", {"timezone": "UTC", "hours": {"MO": value}}),
        lambda value: hours.read_timezones("contact_timezones", [value]),
        lambda value: folders.read_folder("output_path", value),
        lambda value: folders.storage_path("output_path", f"{value}://bucket/reports"),
        lambda value: campaigns.read_max_campaigns("max_campaigns", value),
        lambda value: campaigns.read_chosen_statuses("statuses", {"a": value}.values),
        lambda value: campaigns.read_campaign_id("campaign_id", f"{value}/{value}"),
        lambda value: campaigns.read_campaign_id("campaign_id", {"campaign_id": f"{value} "}),
        lambda value: campaigns.read_campaign_ids("campaign_ids", [value, value]),
        lambda value: checked_campaign_id(f"cid-{value}"),
        checked_campaign_type,
        checked_formats,
        PhoneNumbers.parse,
    ],
)
def test_read__may_be_a_secret(read: Callable[[str], object]) -> None:
    """When a DAG is parsed nobody knows the secret, so no message repeats a word that looks like one."""
    with pytest.raises(KoreConfigurationError) as caught:
        read(SECRET)

    assert not holds_piece("".join(traceback.format_exception(caught.value)), SECRET)


@pytest.mark.parametrize(
    "path",
    [
        "https://robot:Hidden7@host/reports",
        "s3://AKIA1:Hidden7@bucket/reports",
        "s3://AKIA1:Hid/den7@bucket/reports",
        "s3://:Hidden7@bucket/reports",
        "ftp://robot:8021@host/reports",
    ],
)
def test_read_folder__password(path: str) -> None:
    """A folder whose address holds a password is refused, wherever it is read, and neither user nor password shown."""
    said = (
        "output_path: holds a user and a password, or a signature, which logs and results would show; keep them in an "
        "Airflow connection, and name that: 's3://aws_default@bucket/reports'"
    )
    with pytest.raises(KoreConfigurationError) as parsed:
        CampaignReportOperator(task_id="task", campaign_id="cd-1", output_path=path)
    with pytest.raises(KoreConfigurationError) as opened:
        folders.storage_path("output_path", path)

    assert (str(parsed.value), str(opened.value)) == (said, said)


def test_storage_path__password_in_a_path_of_airflow() -> None:
    """So is one that is a path object of Airflow's already."""
    from airflow.sdk import ObjectStoragePath

    with pytest.raises(KoreConfigurationError, match=r"^output_path: holds a user and a password"):
        folders.storage_path("output_path", ObjectStoragePath("s3://AKIA1:Hidden7@bucket/reports"))


@pytest.mark.parametrize(
    "path",
    [
        "s3://aws_default@bucket/reports",
        "s3://aws_default@bucket/at:9@noon",
        "hdfs://name-node:8020/reports",
        "hdfs://name-node:8020/reports/a@b",
        "/data/a:b@c",
    ],
)
def test_read_folder__no_password(path: str) -> None:
    """A connection's id, a port, and marks in the rest of a path are no password."""
    folders.read_folder("output_path", path)


def test_storage_path__not_opened() -> None:
    """What cannot be opened is named, but for the parts that may be a secret."""
    with pytest.raises(KoreConfigurationError) as caught:
        folders.storage_path("output_path", f"nowhere://bucket/{SECRET}/reports")

    # What follows is the words of the file system library, which differ between its versions.
    assert str(caught.value).startswith(
        "output_path: nowhere://bucket/<32 characters>/reports cannot be opened: is the path, and its connection, "
        "right? (ValueError: "
    )
    assert SECRET not in str(caught.value)
