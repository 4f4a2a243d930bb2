"""The provider in Airflow's user interface: the connection form, its test button, and the pages of a task."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import Connection

from airflow_provider_campaigns.connection import settings_from
from airflow_provider_campaigns.kore.settings import KoreSettings
from airflow_provider_campaigns.provider_info import get_provider_info

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_window import AirflowWindow
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.timeout(300)

SECRET = "canary-secret-3f9c1d-3f9c1d-3f9c1d-3f9c1d"
RENEWAL = "cd-a1e45a7-e8ba-4e97-a339-476ebc700001"
CONTROLS = {"string": "textbox", "integer": "spinbutton", "number": "spinbutton", "boolean": "checkbox"}


def connection_type() -> dict[str, Any]:
    (only,) = get_provider_info()["connection-types"]
    found: dict[str, Any] = only
    return found


class Form:
    """The dialog that adds or edits a connection."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.dialog = page.get_by_role("dialog")
        self.dialog.wait_for()

    @classmethod
    def add(cls, window: AirflowWindow, connection_id: str) -> Form:
        """A new connection of our type."""
        page = window.open("/connections")
        page.get_by_role("button", name="Add Connection").click()
        form = cls(page)
        form.dialog.get_by_label("Connection ID").fill(connection_id)
        form.dialog.get_by_role("combobox", name="Connection Type").fill("Kore")
        page.get_by_role("option", name="Kore.ai Campaigns", exact=True).click()
        form.dialog.get_by_label("Host").wait_for()
        return form

    @classmethod
    def edit(cls, window: AirflowWindow, connection_id: str) -> Form:
        """A connection that is there."""
        row(window.open("/connections"), connection_id).get_by_role("button", name="Edit Connection").click()
        return cls(window.page)

    def unfold(self) -> None:
        """Show the fields of our own, in the place of the standard ones."""
        self.dialog.get_by_role("button", name="Extra Fields", exact=True).click()
        self.field("stream_id").wait_for()

    def field(self, name: str) -> Locator:
        """The part of the form that belongs to one of our fields: label, control and help."""
        label = connection_type()["conn-fields"][name]["label"]
        return self.dialog.get_by_role("group").filter(has=self.page.get_by_text(label, exact=True)).last

    def control(self, name: str) -> Locator:
        spec = connection_type()["conn-fields"][name]
        role = "combobox" if "enum" in spec["schema"] else CONTROLS[spec["schema"]["type"][0]]
        return self.field(name).get_by_role(role)

    def save(self) -> None:
        self.dialog.get_by_role("button", name="Save").click()
        self.dialog.wait_for(state="hidden")


def row(page: Page, connection_id: str) -> Locator:
    """The connection's line in the list."""
    return page.get_by_role("row").filter(has=page.get_by_role("cell", name=connection_id, exact=True))


def fill(form: Form, window: AirflowWindow, *, secret: str) -> None:
    """What the simulator needs, and no more."""
    given = json.loads(window.simulator.connection_json())
    host, _, port = given["host"].rpartition(":")
    for label, value in (("Host", host), ("Port", port), ("Client ID", given["login"]), ("Client Secret", secret)):
        form.dialog.get_by_label(label, exact=True).fill(value)
    form.unfold()
    for name, value in given["extra"].items():
        form.control(name).fill(value)


def store(window: AirflowWindow, connection_id: str, **fields: str) -> None:
    """A copy of the demo's connection with other fields, made without the form."""
    given = json.loads(window.simulator.connection_json())
    host, _, port = given["host"].rpartition(":")
    body = {
        "connection_id": connection_id,
        "conn_type": "kore_campaign",
        "host": host,
        "port": int(port),
        "login": given["login"],
        "password": given["password"],
        "extra": json.dumps(given["extra"]),
    }
    window.airflow.api.call("POST", "/connections", body=body | fields)


def outcome_of_the_test(window: AirflowWindow, connection_id: str) -> str:
    """What the button for testing says of a saved connection."""
    row(window.open("/connections"), connection_id).get_by_role("button", name="Test Connection").click()
    notice = window.page.get_by_role("status").filter(has_text="Connection")
    notice.wait_for()
    return " ".join(notice.inner_text().split())


class TestConnectionForm:
    def test_form__standard_fields(self, window: AirflowWindow, screenshots: Path) -> None:
        """The standard fields go by the service's names, show an example, and hide the secret."""
        dialog = Form.add(window, "look").dialog
        window.page.screenshot(path=screenshots / "airflow-connection-standard.png")

        labels = ("Host", "Client ID", "Client Secret", "Port")
        controls = {label: dialog.get_by_label(label, exact=True) for label in labels}
        assert {
            label: (one.get_attribute("type"), one.get_attribute("placeholder")) for label, one in controls.items()
        } == {
            "Host": ("text", "https://platform.kore.ai"),
            "Client ID": ("text", "cs-1e845b00-81ad-5757-a1e7-d0f6fea227e9"),
            "Client Secret": ("password", ""),
            "Port": ("number", "443"),
        }
        assert dialog.get_by_label("Schema").count() == 0

    def test_form__own_fields(self, window: AirflowWindow, screenshots: Path) -> None:
        """Each field of our own has its label, its help, the right control, and its default."""
        form = Form.add(window, "look")
        form.unfold()
        window.page.set_viewport_size({"width": 1280, "height": 1700})
        window.page.screenshot(path=screenshots / "airflow-connection-own.png")

        for name, spec in connection_type()["conn-fields"].items():
            assert spec["description"] in form.field(name).inner_text()
            assert form.control(name).count() == 1
        values = {name: form.control(name).input_value() for name in ("requests_per_minute", "timeout_s", "jwt_ttl_s")}
        assert values == {"requests_per_minute": "60", "timeout_s": "30", "jwt_ttl_s": "300"}
        assert form.control("jwt_subject").input_value() == "airflow"
        assert form.control("verify_tls").is_checked()
        assert not form.control("allow_http").is_checked()
        form.control("api_version").click()
        assert window.page.get_by_role("option").all_inner_texts() == ["v1", "v2"]

    def test_form__saved_and_read_back(self, window: AirflowWindow, screenshots: Path) -> None:
        """What was filled in is saved, as numbers and booleans, and shown again; the secret is not shown."""
        form = Form.add(window, "kept")
        fill(form, window, secret=SECRET)
        form.control("api_version").fill("v2")
        window.page.get_by_role("option", name="v2", exact=True).click()
        form.control("requests_per_minute").fill("600")
        form.control("timeout_s").fill("2.5")
        form.field("verify_tls").locator("label").last.click()
        form.field("allow_http").locator("label").last.click()
        form.control("jwt_subject").fill("nightly")
        form.control("endpoint_overrides").fill('{"stop_voice_v1": "/a/{stream_id}/{campaign_id}"}')
        form.save()

        given = json.loads(window.simulator.connection_json())
        stored = window.airflow.api.call("GET", "/connections/kept")
        extra = stored["extra"]
        assert json.loads(extra) == {
            **given["extra"],
            "api_version": "v2",
            "requests_per_minute": 600,
            "urgent_per_minute": None,
            "budget_conn_id": None,
            "timeout_s": 2.5,
            "verify_tls": False,
            "ca_bundle": None,
            "allow_http": True,
            "jwt_subject": "nightly",
            "jwt_ttl_s": 300,
            "endpoint_overrides": '{"stop_voice_v1": "/a/{stream_id}/{campaign_id}"}',
        }
        assert f"{stored['host']}:{stored['port']}" == given["host"] == window.simulator.url
        assert (stored["conn_type"], stored["login"], stored["password"]) == ("kore_campaign", given["login"], "***")

        connection = Connection(
            conn_id="kept", **{name: stored[name] for name in ("conn_type", "host", "port", "login")}
        )
        connection.password, connection.extra = SECRET, extra
        assert settings_from(connection) == KoreSettings(
            host=window.simulator.url,
            client_id=given["login"],
            client_secret=SECRET,
            **given["extra"],
            api_version="v2",
            jwt_subject="nightly",
            requests_per_minute=600,
            timeout_s=2.5,
            verify_tls=False,
            allow_http=True,
            endpoint_overrides={"stop_voice_v1": "/a/{stream_id}/{campaign_id}"},
        )

        form = Form.edit(window, "kept")
        assert form.dialog.get_by_label("Client ID").input_value() == given["login"]
        assert form.dialog.get_by_label("Client Secret").input_value() == "***"
        assert form.dialog.get_by_label("Client Secret").get_attribute("type") == "password"
        form.unfold()
        window.page.screenshot(path=screenshots / "airflow-connection-read-back.png")
        assert form.control("stream_id").input_value() == given["extra"]["stream_id"]
        assert form.control("requests_per_minute").input_value() == "600"
        assert form.control("timeout_s").input_value() == "2.5"
        assert not form.control("verify_tls").is_checked()
        assert form.control("allow_http").is_checked()
        assert "v2" in form.field("api_version").inner_text()
        assert SECRET not in window.page.content()

    def test_form__saved_again(self, window: AirflowWindow) -> None:
        """Saving the form again changes nothing, the secret included."""
        form = Form.add(window, "again")
        fill(form, window, secret=window.simulator.client_secret)
        form.save()
        before = window.airflow.api.call("GET", "/connections/again")
        form = Form.edit(window, "again")
        form.dialog.get_by_label("Description").fill("The same")
        form.save()

        after = window.airflow.api.call("GET", "/connections/again")
        assert {**after, "description": None, "extra": json.loads(after["extra"])} == {
            **before,
            "description": None,
            "extra": json.loads(before["extra"]),
        }
        assert after["description"] == "The same"
        assert outcome_of_the_test(window, "again").startswith(
            "Test Connection Successful Connected to http://127.0.0.1:"
        )


class TestButton:
    def test_button__success(self, window: AirflowWindow, screenshots: Path) -> None:
        """The button says that host, credentials and scope are right, and where it was connected to."""
        form = Form.add(window, "right")
        fill(form, window, secret=window.simulator.client_secret)
        form.save()
        outcome = outcome_of_the_test(window, "right")
        window.page.screenshot(path=screenshots / "airflow-connection-tested.png")

        assert re.fullmatch(
            rf"Test Connection Successful Connected to {re.escape(window.simulator.url)}: "
            r"credentials and scope are accepted \(\d+ voice campaigns\)",
            outcome,
        )

    def test_button__demo(self, window: AirflowWindow) -> None:
        """The demo's own connection can be tested as well."""
        assert outcome_of_the_test(window, "kore_default").startswith("Test Connection Successful Connected to http://")

    def test_button__wrong_secret(self, window: AirflowWindow, screenshots: Path) -> None:
        """With a wrong secret the button says which fields to look at, and does not show the secret."""
        store(window, "wrong", password=SECRET)
        outcome = outcome_of_the_test(window, "wrong")
        window.page.screenshot(path=screenshots / "airflow-connection-refused.png")

        assert outcome.startswith(
            "Test Connection Failed login, password, stream_id or account_id: the platform does not accept these "
            "credentials for this app (list_v2 (POST /campaign/api/v2/public/st-"
        )
        assert outcome.endswith(
            "/campaign/getAllCampaignDetails): HTTP 401: Invalid SDK cred... (23 characters) (met once))"
        )
        assert SECRET not in window.page.content()

    def test_button__missing_field(self, window: AirflowWindow) -> None:
        """A connection that lacks a field is told which."""
        store(window, "lacking", extra='{"stream_id": "st-1", "account_id": null}')

        assert "account_id: missing; expected the account's id" in outcome_of_the_test(window, "lacking")


class TestTaskPages:
    @pytest.fixture
    def task(self, window: AirflowWindow) -> str:
        """The address of a stop task that has run."""
        api = window.airflow.api
        api.wait_for_dag("kore_stop_at_night")
        api.unpause("kore_stop_at_night")
        run_id = api.trigger("kore_stop_at_night", conf={"campaign_id": RENEWAL})
        assert api.wait_for_run("kore_stop_at_night", run_id, timeout_s=120)["state"] == "success"
        return f"/dags/kore_stop_at_night/runs/{run_id}/tasks/stop"

    def test_task(self, window: AirflowWindow, screenshots: Path, task: str) -> None:
        """Log, rendered templates and XCom of a stop show what was meant and what was done, and no secret."""
        page = window.open(task)
        page.get_by_text("the stop was accepted").wait_for()
        page.screenshot(path=screenshots / "airflow-task-log.png")
        log = page.locator("body").inner_text()
        page = window.open(f"{task}/rendered_templates")
        page.get_by_text(RENEWAL).wait_for()
        page.screenshot(path=screenshots / "airflow-task-rendered.png")
        rendered = " ".join(page.locator("body").inner_text().split())
        page = window.open(f"{task}/xcom")
        page.get_by_text("return_value").wait_for()
        page.get_by_role("button", name="Expand").click()
        page.get_by_text("campaign_instance_id").wait_for()
        page.screenshot(path=screenshots / "airflow-task-xcom.png")
        xcom = page.locator("body").inner_text().replace("\N{NO-BREAK SPACE}", " ")

        assert f"INFO - campaign {RENEWAL}: the stop was accepted, status Stopped" in log
        assert f"kore_conn_id 1 kore_default Copy campaign_id 1 {RENEWAL} Copy if_missing 1 fail" in rendered
        for line in (
            '"campaign_type": "voice"',
            '"changed": true',
            '"name": "Spring renewal calls"',
            '"status": "Stopped"',
        ):
            assert line in xcom
        assert window.simulator.client_secret not in log + rendered + xcom
