"""The operators, through Airflow's own task runner, against the simulator."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG
from operator_support import ARGUMENTS, ON_CAMPAIGNS, STOPS, STRANGER, Run, add, runner
from task_runner import run_task

from airflow_provider_campaigns.kore import retry
from airflow_provider_campaigns.kore.errors import CampaignsFailedError
from airflow_provider_campaigns.operators.base import KoreCampaignOperator
from airflow_provider_campaigns.operators.delete import DeleteCampaignOperator
from airflow_provider_campaigns.operators.list import ListCampaignsOperator
from airflow_provider_campaigns.operators.stop import StopSmsCampaignOperator, StopVoiceCampaignOperator

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("unlimited_connection")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Make an operator and run it."""
    return runner(monkeypatch)


class TestTemplates:
    """Every template field is an attribute that holds what was given until it is rendered."""

    @pytest.mark.parametrize(
        ("operator", "fields"),
        [
            *[
                (
                    stop,
                    (
                        *("kore_conn_id", "campaign_id", "campaign_ids", "if_missing", "plan_only"),
                        *("when", "last_day", "calling_hours", "contact_timezones"),
                    ),
                )
                for stop in STOPS
            ],
            (
                DeleteCampaignOperator,
                (
                    *("kore_conn_id", "campaign_id", "campaign_ids", "if_missing", "plan_only"),
                    *("expected_name", "if_running", "if_unreported", "verify_results", "report", "archive_path"),
                ),
            ),
            (ListCampaignsOperator, ("kore_conn_id", "name_pattern", "statuses")),
        ],
    )
    def test_template_fields(self, operator: type[KoreCampaignOperator], fields: tuple[str, ...]) -> None:
        """The fields are these, and are kept as they are."""
        assert operator.template_fields == fields
        for field in fields:
            given = f"{{{{ params.{field} }}}}"
            arguments = {**ARGUMENTS[operator], field: given}
            if field == "campaign_ids":
                del arguments["campaign_id"]
            made = operator(task_id="task", **arguments)
            assert getattr(made, field) is given

    @pytest.mark.parametrize("operator", STOPS)
    def test_execute__stop_from_templates(
        self, kore_simulator: KoreSimulator, run: Run, operator: type[KoreCampaignOperator]
    ) -> None:
        """A stop works with every field from a template."""
        (campaign_id,) = add(kore_simulator, operator)

        done = run(
            operator,
            kore_conn_id="kore_{{ dag_run.conf.conn }}",
            campaign_id="{{ dag_run.conf.id }}",
            if_missing="{{ 'sk' }}ip",
            plan_only="{{ 1 > 2 }}",
            when="{{ 'now' }}",
            run_conf={"conn": "default", "id": campaign_id},
        )

        assert done.state == "success"
        assert done.rendered == {
            "kore_conn_id": "kore_default",
            "campaign_id": campaign_id,
            "campaign_ids": None,
            "if_missing": "skip",
            "plan_only": "False",
            "when": "now",
            "last_day": None,
            "calling_hours": None,
            "contact_timezones": [],
        }
        kore_simulator.assert_one_effect("stop", campaign_id)

    def test_execute__delete_from_templates(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """A delete works with every field from a template."""
        (campaign_id,) = add(kore_simulator, DeleteCampaignOperator, name="Spring", status="Active")

        done = run(
            DeleteCampaignOperator,
            campaign_ids='["{{ dag_run.conf.id }}"]',
            expected_name={campaign_id: "{{ dag_run.conf.name }}"},
            if_running="{{ 'stop' }}",
            if_unreported="{{ 'delete' }}",
            if_missing="{{ 'fail' }}",
            plan_only="{{ 'FALSE' }}",
            run_conf={"id": campaign_id, "name": "Spring"},
        )

        assert done.state == "success"
        assert done.rendered["expected_name"] == {campaign_id: "Spring"}
        assert kore_simulator.campaigns() == []

    def test_execute__list_from_templates(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """A list works with every field from a template."""
        kore_simulator.add_campaign(name="Spring 2026", status="Stopped", campaign_id="cd-1")

        done = run(
            ListCampaignsOperator,
            campaign_type="voice",
            name_pattern="Spring {{ logical_date.year }}",
            statuses=["{{ 'Stopped' }}"],
        )

        assert done.result == [
            {"campaign_id": "cd-1", "name": "Spring 2026", "status": "Stopped", "campaign_type": "voice"}
        ]

    def test_execute__plan_only_from_a_template(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """The text "True", as a template gives it, is a plan."""
        (campaign_id,) = add(kore_simulator, DeleteCampaignOperator)

        done = run(DeleteCampaignOperator, campaign_id=campaign_id, plan_only="{{ 2 > 1 }}")

        assert done.result["planned"].startswith("DELETE /campaign/api/v2/public/")
        kore_simulator.assert_no_writes()


class TestCampaigns:
    """One campaign gives a dict, many give a list, and other tasks' results are taken as they are."""

    @pytest.mark.parametrize("operator", ON_CAMPAIGNS)
    def test_execute__one(self, kore_simulator: KoreSimulator, run: Run, operator: type[KoreCampaignOperator]) -> None:
        """The result for one campaign is a dict, and the only XCom."""
        (campaign_id,) = add(kore_simulator, operator, name="Spring")

        done = run(operator, campaign_id=campaign_id)

        assert done.state == "success"
        assert list(done.xcoms) == ["return_value"]
        assert (done.result["campaign_id"], done.result["name"], done.result["changed"]) == (
            campaign_id,
            "Spring",
            True,
        )

    @pytest.mark.parametrize("as_given", [list, tuple, json.dumps, lambda ids: [{"campaign_id": one} for one in ids]])
    @pytest.mark.parametrize("operator", ON_CAMPAIGNS)
    def test_execute__many(
        self,
        kore_simulator: KoreSimulator,
        run: Run,
        operator: type[KoreCampaignOperator],
        as_given: Callable[[list[str]], Any],
    ) -> None:
        """The result for many campaigns is a list in their order, whatever form they were given in."""
        ids = add(kore_simulator, operator, 5)

        done = run(operator, campaign_ids=as_given(ids))

        assert [(one["campaign_id"], one["changed"]) for one in done.result] == [(one, True) for one in ids]

    @pytest.mark.parametrize("given", [[], "[]"])
    @pytest.mark.parametrize("operator", ON_CAMPAIGNS)
    def test_execute__none_at_all(
        self, kore_simulator: KoreSimulator, run: Run, operator: type[KoreCampaignOperator], given: Any
    ) -> None:
        """No campaign is a success with an empty list, without a request."""
        done = run(operator, campaign_ids=given)

        assert (done.state, done.result) == ("success", [])
        assert len(kore_simulator.requests) == 0

    def test_execute__results_of_another_task(
        self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A delete takes what a stop returned, and minds the names in it."""
        kept, renamed = add(kore_simulator, StopVoiceCampaignOperator, 2, name="Spring")
        with DAG("campaigns", schedule=None):
            stop = StopVoiceCampaignOperator(task_id="stop", campaign_ids=[kept, renamed])
            delete = DeleteCampaignOperator(task_id="delete", campaign_ids=stop.output, if_unreported="delete")
        stopped = run_task(stop, monkeypatch).result
        kore_simulator.service.store.get(renamed).name = "Summer"

        done = run_task(delete, monkeypatch, upstream={"stop": stopped})

        assert done.state == "failed"
        assert [one["campaign_id"] for one in done.xcoms["results"]] == [kept]
        assert "is named 'Summer', expected 'Spring'; nothing was sent" in str(done.error)
        assert [one.campaign_id for one in kore_simulator.campaigns()] == [renamed]

    def test_execute__result_of_one(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """A single result does for ``campaign_id``."""
        (campaign_id,) = add(kore_simulator, StopVoiceCampaignOperator)
        with DAG("campaigns", schedule=None):
            stop = StopVoiceCampaignOperator(task_id="stop", campaign_id=campaign_id)
            delete = DeleteCampaignOperator(task_id="delete", campaign_id=stop.output, if_unreported="delete")
        stopped = run_task(stop, monkeypatch).result

        assert run_task(delete, monkeypatch, upstream={"stop": stopped}).result["status"] == "Deleted"

    def test_execute__nobody_looks(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """A delete with ids that is given no report deletes nothing of what has run, and is not retried."""
        (campaign_id,) = add(kore_simulator, DeleteCampaignOperator)

        done = run_task(DeleteCampaignOperator(task_id="delete", campaign_ids=[campaign_id], retries=5), monkeypatch)

        assert done.state == "failed"
        assert "Give report=, such as report=save_results.output" in str(done.error)
        assert 'if_unreported="delete"' in str(done.error)
        kore_simulator.assert_no_writes()

    def test_execute__mapped_output(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """The output of a mapped task is a sequence of results like any other."""
        ids = add(kore_simulator, DeleteCampaignOperator, 3)
        with DAG("campaigns", schedule=None):
            stop = StopVoiceCampaignOperator.partial(task_id="stop").expand(campaign_id=ids)
            delete = DeleteCampaignOperator(task_id="delete", campaign_ids=stop.output, if_unreported="delete")

        done = run_task(delete, monkeypatch, upstream={"stop": [{"campaign_id": one} for one in ids]})

        assert [one["campaign_id"] for one in done.result] == ids

    @pytest.mark.parametrize("operator", ON_CAMPAIGNS)
    def test_expand(
        self,
        kore_simulator: KoreSimulator,
        monkeypatch: pytest.MonkeyPatch,
        operator: type[KoreCampaignOperator],
    ) -> None:
        """Mapped over ids, each instance serves its own campaign."""
        ids = add(kore_simulator, operator, 2)
        with DAG("campaigns", schedule=None):
            meant = {"if_unreported": "delete"} if operator is DeleteCampaignOperator else {}
            mapped = operator.partial(task_id="task", kore_conn_id="kore_default", **meant).expand(campaign_id=ids)

        for campaign_id in ids:
            task = mapped.unmap({"campaign_id": campaign_id})
            assert run_task(task, monkeypatch).result["campaign_id"] == campaign_id

    def test_expand__results(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """Mapped over the result of a list, each instance minds the name that it was chosen by."""
        kore_simulator.add_campaign(name="Summer", status="Active", campaign_id="cd-1")
        with DAG("campaigns", schedule=None):
            chosen = ListCampaignsOperator(task_id="choose", campaign_type="voice", name_pattern="*")
            mapped = StopVoiceCampaignOperator.partial(task_id="stop").expand(campaign_id=chosen.output)

        done = run_task(mapped.unmap({"campaign_id": {"campaign_id": "cd-1", "name": "Spring"}}), monkeypatch)

        assert done.state == "failed"
        kore_simulator.assert_no_writes()


class TestErrors:
    """What a retry cannot mend fails at once, what it may mend is retried, and nothing done is forgotten."""

    @pytest.mark.parametrize("status", ["Scheduled", "Archived", "Active"])
    def test_execute__permanent(self, kore_simulator: KoreSimulator, run: Run, status: str) -> None:
        """A campaign that must not be deleted fails the task without a retry, the error as its cause."""
        (campaign_id,) = add(kore_simulator, DeleteCampaignOperator, status=status)

        done = run(DeleteCampaignOperator, campaign_id=campaign_id)

        assert done.state == "failed"
        assert isinstance(done.error, AirflowFailException)
        assert str(done.error) == str(done.error.__cause__)
        assert "Nothing was deleted" in str(done.error)
        assert done.xcoms == {"results": []}

    def test_execute__may_pass(self, kore_simulator: KoreSimulator, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """A service that fails for longer than an outage is waited for is tried again by Airflow."""
        monkeypatch.setattr(KoreCampaignOperator, "_sleep", lambda *_: None)
        monkeypatch.setattr(retry, "OUTAGE_S", 0.0)
        (campaign_id,) = add(kore_simulator, DeleteCampaignOperator)
        kore_simulator.fail_next(503, times=100)

        assert run(DeleteCampaignOperator, campaign_id=campaign_id).state == "up_for_retry"

    def test_execute__some_fail(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """The results of the others are pushed before the task fails with a table."""
        good = add(kore_simulator, DeleteCampaignOperator, 2)
        (running,) = add(kore_simulator, DeleteCampaignOperator, status="Active")

        done = run(DeleteCampaignOperator, campaign_ids=[good[0], running, good[1]])

        assert done.state == "failed"
        assert [one["campaign_id"] for one in done.xcoms["results"]] == good
        assert "return_value" not in done.xcoms
        assert isinstance(done.error, AirflowFailException)
        assert isinstance(done.error.__cause__, CampaignsFailedError)
        assert str(done.error).startswith("1 of 3 campaigns could not be deleted:\n")

    def test_execute__retry_does_the_rest(
        self, kore_simulator: KoreSimulator, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With one failure that may pass the task is retried, and the retry does what is left."""
        monkeypatch.setattr(KoreCampaignOperator, "_sleep", lambda *_: None)
        monkeypatch.setattr(retry, "OUTAGE_S", 0.0)
        monkeypatch.setattr(retry, "Bounds", partial(retry.Bounds, drain_s=0.1))  # its clock is the real one
        ids = add(kore_simulator, StopVoiceCampaignOperator, 4)
        kore_simulator.fail_next(503, operation="stop", campaign_id=ids[2], times=5)
        first = run(StopVoiceCampaignOperator, campaign_ids=ids)

        second = run(StopVoiceCampaignOperator, campaign_ids=ids)

        assert first.state == "up_for_retry"
        assert [one["changed"] for one in first.xcoms["results"]] == [True, True, True]
        assert second.state == "success"
        assert [one["changed"] for one in second.result] == [False, False, True, False]
        for campaign_id in ids:
            kore_simulator.assert_one_effect("stop", campaign_id)

    @pytest.mark.parametrize("operator", ON_CAMPAIGNS)
    def test_execute__skip(self, kore_simulator: KoreSimulator, run: Run, operator: type[KoreCampaignOperator]) -> None:
        """With skip the task is skipped if no campaign is there, and not if one is."""
        (campaign_id,) = add(kore_simulator, operator)

        assert run(operator, campaign_id=STRANGER, if_missing="skip").state == "skipped"
        assert run(operator, campaign_ids=[STRANGER], if_missing="skip").state == "skipped"
        assert run(operator, campaign_ids=[], if_missing="skip").state == "success"
        some = run(operator, campaign_ids=[STRANGER, campaign_id], if_missing="skip")
        assert some.result[0]["status"] == "Missing"
        assert some.state == "success"

    @pytest.mark.parametrize(
        ("operator", "if_missing", "state"),
        [
            (StopVoiceCampaignOperator, None, "failed"),
            (StopVoiceCampaignOperator, "succeed", "success"),
            (DeleteCampaignOperator, None, "success"),
            (DeleteCampaignOperator, "fail", "failed"),
        ],
    )
    def test_execute__missing(
        self, run: Run, operator: type[KoreCampaignOperator], if_missing: str | None, state: str
    ) -> None:
        """By default a stop fails and a delete succeeds where no campaign is."""
        arguments = {} if if_missing is None else {"if_missing": if_missing}

        assert run(operator, campaign_id=STRANGER, **arguments).state == state

    def test_execute__wrong_credentials(
        self, kore_simulator: KoreSimulator, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Credentials that are still refused after 30 s fail the task without a retry."""
        waits: list[float] = []
        monkeypatch.setattr(KoreCampaignOperator, "_sleep", lambda _, seconds: waits.append(seconds))
        kore_simulator.renew_credentials()

        assert run(DeleteCampaignOperator, campaign_id=STRANGER).state == "failed"
        assert [round(seconds) for seconds in waits] == [30]

    def test_execute__wrong_operator(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """An SMS campaign is not stopped by the voice operator."""
        (campaign_id,) = add(kore_simulator, StopSmsCampaignOperator)

        done = run(StopVoiceCampaignOperator, campaign_id=campaign_id)

        assert "or the operator with Sms in its name" in str(done.error)
        kore_simulator.assert_no_writes()
