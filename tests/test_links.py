"""The link from a task to its campaigns on the platform."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.execution_time.comms import DeferTask, SetXCom
from airflow_names import DagSerialization
from operator_support import ON_CAMPAIGNS
from task_runner import run_task

from airflow_provider_campaigns.kore.settings import KoreSettings
from airflow_provider_campaigns.links import CampaignLink, console_link
from airflow_provider_campaigns.operators.delete import DeleteCampaignOperator
from airflow_provider_campaigns.operators.start import StartSmsCampaignOperator, StartVoiceCampaignOperator
from airflow_provider_campaigns.operators.stop import StopVoiceCampaignOperator

if TYPE_CHECKING:
    from airflow_provider_campaigns.operators.base import CampaignsOperator
    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("unlimited_connection")

OPERATORS = [*ON_CAMPAIGNS, StartVoiceCampaignOperator, StartSmsCampaignOperator]
SETTINGS = KoreSettings(
    host="platform.kore.ai",
    client_id="cs-1",
    client_secret="a-long-secret-that-nobody-knows",
    stream_id="st-1",
    account_id="a/1",
)
ONE = "cd-a1e45a7-e8ba-4e97-a339-476ebc700001"
TWO = "cd-a1e45a7-e8ba-4e97-a339-476ebc700002"


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> None:
    """A console whose pages are known."""
    monkeypatch.setenv("AIRFLOW__KORE_CAMPAIGN__CONSOLE_URL", "{host}/{stream_id}/{account_id}/campaigns/{campaign_id}")
    monkeypatch.setenv("AIRFLOW__KORE_CAMPAIGN__CONSOLE_LIST_URL", "{host}/{stream_id}/campaigns")


class TestConsoleLink:
    """From the configuration to an address."""

    @pytest.mark.parametrize("ids", [[ONE], [ONE, TWO], []])
    def test_console_link__not_configured(self, ids: list[str]) -> None:
        """The vendor documents no address of a page, so it is the platform's start page."""
        assert console_link(SETTINGS, ids) == "https://platform.kore.ai"

    @pytest.mark.usefixtures("console")
    def test_console_link__one(self) -> None:
        """One campaign has its page; what comes from the connection is quoted."""
        assert console_link(SETTINGS, [ONE]) == f"https://platform.kore.ai/st-1/a%2F1/campaigns/{ONE}"

    @pytest.mark.usefixtures("console")
    @pytest.mark.parametrize("ids", [[ONE, TWO], []])
    def test_console_link__many(self, ids: list[str]) -> None:
        """Many campaigns have the page of the list."""
        assert console_link(SETTINGS, ids) == "https://platform.kore.ai/st-1/campaigns"

    @pytest.mark.parametrize(
        ("template", "problem"),
        [
            ("{host}/{client_secret}", "no such placeholder: client_secret; there are host, stream_id, account_id"),
            ("{host.__class__}", "no such placeholder: host.__class__"),
            ("{}", "no such placeholder: "),
            ("campaigns/{campaign_id}", "expected an http or https address"),
            ("javascript:alert('{campaign_id}')", "expected an http or https address"),
            ("ftp://console/{campaign_id}", "expected an http or https address"),
            ("https:///{campaign_id}", "expected an http or https address"),
            ("https://[console/{campaign_id}", "expected an http or https address"),
            ("https://console/{campaign_id", "expected an http or https address"),
            ("https://console/a b", "expected an http or https address"),
        ],
    )
    def test_console_link__bad_template(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, template: str, problem: str
    ) -> None:
        """A template that makes no address gives no link, and one warning that names the option."""
        monkeypatch.setenv("AIRFLOW__KORE_CAMPAIGN__CONSOLE_URL", template)

        with caplog.at_level(logging.WARNING):
            assert console_link(SETTINGS, [ONE]) is None

        (warning,) = caplog.messages
        assert warning.startswith("[kore_campaign] console_url: ")
        assert problem in warning

    def test_console_link__list_has_no_campaign(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The list's page is not that of a campaign."""
        monkeypatch.setenv("AIRFLOW__KORE_CAMPAIGN__CONSOLE_LIST_URL", "{host}/{campaign_id}")

        assert console_link(SETTINGS, [ONE, TWO]) is None
        assert "no such placeholder: campaign_id; there are host, stream_id, account_id" in caplog.text


class TestOperators:
    """The link of a task."""

    @pytest.mark.parametrize("operator", OPERATORS)
    @pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
    @pytest.mark.usefixtures("console")
    def test_execute__pushes_it_first(
        self,
        kore_simulator: KoreSimulator,
        monkeypatch: pytest.MonkeyPatch,
        operator: type[CampaignsOperator],
        *,
        many: bool,
    ) -> None:
        """Right when the work begins, and Airflow's own push when the task ends changes nothing."""
        arguments: dict[str, Any] = {"campaign_ids": [ONE, TWO]} if many else {"campaign_id": ONE}

        run = run_task(operator(task_id="work", retries=1, **arguments), monkeypatch)

        page = "campaigns" if many else f"{kore_simulator.account_id}/campaigns/{ONE}"
        pushed = [one for one in run.messages if isinstance(one, SetXCom) and one.key == "kore_campaign_link"]
        assert {one.value for one in pushed} == {f"{kore_simulator.url}/{kore_simulator.stream_id}/{page}"}
        assert next(one.key for one in run.messages if isinstance(one, SetXCom)) == "kore_campaign_link"

    @pytest.mark.usefixtures("console")
    def test_execute__while_deferred(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """A task that waits for its close has its link already."""
        open_all_day = {"timezone": "Etc/UTC", "hours": {"MO-SU": "12:00 AM-11:59 PM"}}
        campaign = kore_simulator.add_campaign(status="Active")
        operator = StopVoiceCampaignOperator(
            task_id="stop",
            campaign_id=campaign,
            when="calling_hours_end",
            calling_hours=open_all_day,
            contact_timezones=["Etc/GMT+12"],
            deferrable=True,
            retries=1,
        )

        run = run_task(operator, monkeypatch)

        assert [one for one in run.messages if isinstance(one, DeferTask)]
        assert (
            run.link
            == f"{kore_simulator.url}/{kore_simulator.stream_id}/{kore_simulator.account_id}/campaigns/{campaign}"
        )

    def test_execute__bad_template(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """A configuration that is wrong costs the link and nothing else."""
        monkeypatch.setenv("AIRFLOW__KORE_CAMPAIGN__CONSOLE_URL", "{nonsense}")
        campaign = kore_simulator.add_campaign(status="Active")

        run = run_task(StopVoiceCampaignOperator(task_id="stop", campaign_id=campaign), monkeypatch)

        assert (run.state, run.link) == ("success", "")

    def test_serialize(self) -> None:
        """What Airflow stores of a DAG names the link and its XCom, of mapped tasks too."""
        with DAG("linked", schedule=None) as dag:
            DeleteCampaignOperator(task_id="delete", campaign_id=ONE)
            StopVoiceCampaignOperator.partial(task_id="stop").expand(campaign_id=[ONE, TWO])

        stored = json.loads(json.dumps(DagSerialization.to_dict(dag)))

        tasks = DagSerialization.from_dict(stored).tasks
        assert {task.task_id: [(link.name, link.xcom_key) for link in task.operator_extra_links] for task in tasks} == {
            "delete": [("Kore.ai campaign", "kore_campaign_link")],
            "stop": [("Kore.ai campaign", "kore_campaign_link")],
        }

    def test_get_link__of_another_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The link is read from the task's XCom; a task that has pushed none has none."""
        seen: list[Any] = []

        def get_value(*, ti_key: Any, key: str) -> Any:
            seen.append((ti_key, key))
            return {"first": "https://console/1"}.get(ti_key)

        monkeypatch.setattr("airflow_provider_campaigns.links.XCom.get_value", get_value)

        assert CampaignLink().get_link(None, ti_key="first") == "https://console/1"
        assert CampaignLink().get_link(None, ti_key="second") == ""
        assert seen == [("first", "kore_campaign_link"), ("second", "kore_campaign_link")]
