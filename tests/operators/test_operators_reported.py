"""``DeleteCampaignOperator`` with a report and an archive, through Airflow's own task runner."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG, Asset, BaseOperator
from airflow_names import DagSerialization
from operator_support import Run, add, filled_in, runner
from report_storage import bucket
from saved_report import result_of, save_report, url_of
from task_runner import run_task

from airflow_provider_campaigns.arguments.static import WrongArgumentError
from airflow_provider_campaigns.kore.errors import KoreConfigurationError
from airflow_provider_campaigns.operators.delete import DeleteCampaignOperator
from airflow_provider_campaigns.reports.folder import Folder

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("unlimited_connection")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Make a delete and run it."""
    return runner(monkeypatch, DeleteCampaignOperator)


@pytest.fixture
def campaign_id(kore_simulator: KoreSimulator) -> str:
    """A campaign that has stopped."""
    return add(kore_simulator, DeleteCampaignOperator, name="Spring")[0]


class TestReport:
    """How a report reaches the operator."""

    def test_execute__templates(
        self, kore_simulator: KoreSimulator, run: Run, campaign_id: str, tmp_path: Path
    ) -> None:
        """Report and archive may come from templates; one campaign gives one result."""
        path = save_report(kore_simulator, campaign_id, tmp_path)

        done = run(
            report="{{ dag_run.conf.report | tojson }}",
            archive_path=f"{tmp_path}/{{{{ dag_run.conf.where }}}}",
            run_conf={"report": result_of(path), "where": "archive"},
            run_triggering_user="ada",
        )

        assert done.state == "success"
        assert done.result["report_url"] == url_of(path)
        receipt = json.loads(next((tmp_path / "archive").rglob("receipt.json")).read_text())
        assert receipt["deleted_by"] == {
            "dag_id": "campaigns",
            "run_id": "manual",
            "task_id": "task",
            "map_index": -1,
            "try_number": 1,
            "triggering_user": "ada",
        }

    @pytest.mark.parametrize("is_mapped", [False, True])
    def test_execute__output_of_a_task(
        self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_mapped: bool
    ) -> None:
        """The results of the report's task are what is deleted, also where that task is mapped."""
        ids = add(kore_simulator, DeleteCampaignOperator, 2)
        results = [result_of(save_report(kore_simulator, one, tmp_path)) for one in ids]
        with DAG("campaigns", schedule=None):
            report = BaseOperator.partial(task_id="report") if is_mapped else BaseOperator(task_id="report")
            output = report.expand(doc=["a", "b"]).output if is_mapped else report.output
            delete = DeleteCampaignOperator(task_id="task", report=output)

        done = run_task(delete, monkeypatch, upstream={"report": results})

        assert [result["campaign_id"] for result in done.result] == ids
        assert kore_simulator.campaigns() == []

    @pytest.mark.parametrize("report", [None, "", "  "])
    def test_execute__nothing_rendered(
        self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, campaign_id: str, report: Any
    ) -> None:
        """A report that turns out to be nothing is an error, and never a delete without a report."""
        with DAG("campaigns", schedule=None):
            upstream = BaseOperator(task_id="report")
            delete = DeleteCampaignOperator(task_id="task", campaign_id=campaign_id, report=upstream.output)

        done = run_task(delete, monkeypatch, upstream={"report": report})

        assert done.state == "failed"
        told = "report: is given, but it is None" if report is None else "report: expected the address of a report such"
        assert told in str(done.error)
        assert len(kore_simulator.requests) == 0

    def test_execute__empty_list(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """No reports are nothing to delete."""
        assert run(report=[]).result == []
        assert len(kore_simulator.requests) == 0

    def test_execute__ids_agree(
        self, kore_simulator: KoreSimulator, run: Run, campaign_id: str, tmp_path: Path
    ) -> None:
        """An id that is named besides decides whether the result is a list."""
        path = save_report(kore_simulator, campaign_id, tmp_path)

        assert run(campaign_ids=[campaign_id], report=str(path)).result[0]["status"] == "Deleted"

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            ({"report": 7}, "report: expected the address of a report such as 's3://results/reports/cd-"),
            ({"report": [7]}, "report: expected the address of a report such as"),
            ({"report": {"report_url": "/x"}}, "report: expected the address of a report such as"),
            ({"report": "{'campaign_id': 'cd-1'}"}, "in a template, tojson makes it"),
            ({"report": {"campaign_id": "a b"}}, "campaign_ids: expected a campaign's id"),
            ({"report": [{"campaign_id": "cd-1"}, {"campaign_id": "cd-1"}]}, "one report for each campaign"),
            ({"report": {"campaign_id": "cd-1"}, "campaign_id": "cd-2"},
             "there is a report of cd-1, which is not named. Leave campaign_ids out"),
            ({"report": [{"campaign_id": "cd-1"}], "campaign_ids": ["cd-1", "cd-2"]}, "there is no report of cd-2"),
            ({"campaign_id": "cd-1", "archive_path": ""}, "archive_path: expected the whole path of a folder"),
            ({"campaign_id": "cd-1", "archive_path": "deleted"}, "archive_path: expected the whole path of a folder"),
            ({"report": "reports/cd-1"}, "report: expected the whole path of a folder such as '/data/reports'"),
            ({"campaign_id": "cd-1", "archive_path": 7}, "archive_path: expected the whole path of a folder"),
        ],
    )  # fmt: skip
    def test_execute__bad_input(
        self,
        kore_simulator: KoreSimulator,
        monkeypatch: pytest.MonkeyPatch,
        arguments: dict[str, Any],
        problem: str,
    ) -> None:
        """The error names the argument and what belongs there, and nothing is sent."""
        given = {name: "{{ 'not known yet' }}" for name in arguments if name in {"report", "archive_path"}}
        made = filled_in(DeleteCampaignOperator(task_id="task", **(arguments | given)), **arguments)

        done = run_task(made, monkeypatch)

        assert isinstance(done.error, AirflowFailException)
        assert problem in str(done.error)
        assert len(kore_simulator.requests) == 0

    def test_init__nothing_named(self) -> None:
        """Without a report and without an id, nothing is meant."""
        with pytest.raises(KoreConfigurationError, match="campaign_id, campaign_ids, report: give one of them"):
            DeleteCampaignOperator(task_id="task")

    def test_execute__refused(self, kore_simulator: KoreSimulator, run: Run, campaign_id: str, tmp_path: Path) -> None:
        """A report that is not complete fails the task for good; the DELETE is not sent."""
        path = save_report(kore_simulator, campaign_id, tmp_path, complete=False, reason="running")

        done = run(report=result_of(path))

        assert done.state == "failed"
        assert "is not complete: running. Nothing was deleted" in str(done.error)
        kore_simulator.assert_no_writes()

    def test_execute__unread_and_deleted(
        self, kore_simulator: KoreSimulator, run: Run, campaign_id: str, tmp_path: Path
    ) -> None:
        """An address without a report keeps no other from being deleted, and fails the task."""
        path = save_report(kore_simulator, campaign_id, tmp_path)

        done = run(report=[str(tmp_path / "nowhere"), str(path)], campaign_ids=[campaign_id])

        assert "1 of 2 campaigns could not be deleted" in str(done.error)
        assert [result["status"] for result in done.xcoms["results"]] == ["Deleted"]


class TestGuards:
    """What was meant to guard a delete is never gone without a word."""

    @pytest.mark.parametrize("guard", ["report", "archive_path", "expected_name"])
    @pytest.mark.parametrize("how", ["expand", "expand_kwargs", "partial"])
    def test_execute__mapped_to_none(
        self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, campaign_id: str, guard: str, how: str
    ) -> None:
        """A mapped delete whose report, archive or name is None fails for good, and sends nothing."""
        with DAG("campaigns", schedule=None):
            if how == "expand":
                mapped = DeleteCampaignOperator.partial(task_id="task").expand(
                    campaign_id=[campaign_id], **{guard: [None]}
                )
            elif how == "expand_kwargs":
                given = [{"campaign_id": campaign_id, guard: None}]
                mapped = DeleteCampaignOperator.partial(task_id="task").expand_kwargs(given)
            else:
                partial = DeleteCampaignOperator.partial(task_id="task", **{guard: None})
                mapped = partial.expand(campaign_id=[campaign_id])

        with pytest.raises(WrongArgumentError, match=f"{guard}: is given, but it is None") as caught:
            mapped.unmap({"campaign_id": campaign_id} | ({} if how == "partial" else {guard: None}))

        assert isinstance(caught.value, AirflowFailException)

    @pytest.mark.parametrize("guard", ["report", "archive_path", "expected_name"])
    def test_execute__native_none(
        self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, campaign_id: str, guard: str
    ) -> None:
        """So does one whose template renders to None."""
        with DAG("campaigns", schedule=None, render_template_as_native_obj=True):
            delete = DeleteCampaignOperator(task_id="task", campaign_id=campaign_id, **{guard: "{{ none }}"})

        done = run_task(delete, monkeypatch)

        assert done.state == "failed"
        assert f"{guard}: is given, but it is None" in str(done.error)
        assert len(kore_simulator.requests) == 0

    @pytest.mark.parametrize("guard", ["report", "archive_path", "expected_name"])
    def test_init__none_in_the_dag(self, guard: str) -> None:
        """None that stands in the DAG is an import error, also as a default of all tasks: leaving it out says it."""
        with pytest.raises(WrongArgumentError, match=f"{guard}: is given, but it is None"):
            DeleteCampaignOperator(task_id="task", campaign_id="cd-1", **{guard: None})
        with (
            DAG("campaigns", schedule=None, default_args={guard: None}),
            pytest.raises(WrongArgumentError, match=f"{guard}: is given, but it is None"),
        ):
            DeleteCampaignOperator(task_id="task", campaign_id="cd-1")

    def test_execute__left_out_when_mapped(
        self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, campaign_id: str
    ) -> None:
        """A mapped delete that leaves all of them out deletes by the id alone."""
        with DAG("campaigns", schedule=None):
            mapped = DeleteCampaignOperator.partial(task_id="task", if_unreported="delete").expand_kwargs([
                {"campaign_id": campaign_id}
            ])

        assert run_task(mapped.unmap({"campaign_id": campaign_id}), monkeypatch).result["status"] == "Deleted"

    def test_init__stored(self) -> None:
        """What was left out is stored with the DAG as nothing, whether mapped or not."""
        with DAG("campaigns", schedule=None) as dag:
            DeleteCampaignOperator(task_id="one", campaign_id="cd-1")
            DeleteCampaignOperator.partial(task_id="many").expand(campaign_id=["cd-1"])

        stored = DagSerialization.to_dict(dag)

        assert "LEFT_OUT" not in json.dumps(stored)
        one = DagSerialization.from_dict(json.loads(json.dumps(stored))).get_task("one")
        assert (one.report, one.archive_path, one.expected_name) == (None, None, None)


class TestAssets:
    """What the events of the task's outlets carry."""

    def test_execute__extra(self, kore_simulator: KoreSimulator, run: Run, tmp_path: Path) -> None:
        """Which campaigns are gone, how many contacts their reports hold, and where the manifests are."""
        ids = add(kore_simulator, DeleteCampaignOperator, 2)
        paths = [save_report(kore_simulator, one, tmp_path) for one in ids]

        done = run(report=[result_of(path) for path in paths], outlets=[Asset("deleted_campaigns")])

        (succeeded,) = [message for message in done.messages if type(message).__name__ == "SucceedTask"]
        assert succeeded.outlet_events[0]["extra"] == {
            "campaigns": [
                {
                    "campaign_id": campaign_id,
                    "rows": 3,
                    "pending": 1,
                    "manifest_url": url_of(path / "manifest.json"),
                    "manifest_sha256": result_of(path)["manifest_sha256"],
                }
                for campaign_id, path in zip(ids, paths, strict=True)
            ]
        }

    def test_execute__extra_without_a_report(self, run: Run, campaign_id: str) -> None:
        """Without a report there is only the id to tell."""
        done = run(campaign_id=campaign_id, outlets=[Asset("deleted_campaigns")])

        (succeeded,) = [message for message in done.messages if type(message).__name__ == "SucceedTask"]
        assert succeeded.outlet_events[0]["extra"] == {
            "campaigns": [
                {
                    "campaign_id": campaign_id,
                    "rows": None,
                    "pending": None,
                    "manifest_url": None,
                    "manifest_sha256": None,
                }
            ]
        }


class TestBucket:
    """Reports and archives in an object store."""

    def test_execute__bucket(
        self,
        kore_simulator: KoreSimulator,
        run: Run,
        campaign_id: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A report is checked and an archive written there; a bucket that is not there keeps the campaign."""
        from airflow.sdk import ObjectStoragePath

        path = save_report(kore_simulator, campaign_id, tmp_path)
        with bucket(monkeypatch) as url:
            report = Folder(ObjectStoragePath(f"{url}/{campaign_id}/run"))
            for one in path.iterdir():
                report.write(one.name, [one.read_bytes()])
            nowhere = url.replace("@bucket", "@another")

            refused = run(report=f"{nowhere}/{campaign_id}/run")
            unkept = run(report=report.url(), archive_path=nowhere)

            kore_simulator.assert_no_writes()
            assert "there is no manifest.json" in str(refused.error)
            assert "there is no such bucket" in str(unkept.error)
            assert (refused.state, unkept.state) == ("failed", "failed")

            done = run(report=report.url("manifest.json"), archive_path=f"{url}/archive")

            assert done.state == "success"
            archive = Folder(ObjectStoragePath(done.result["archive_url"]))
            assert archive.names() == [
                "campaign.json",
                "delete-accepted.json",
                "delete-answer.json",
                "delete-grounds.json",
                "receipt.json",
            ]
            assert json.loads(archive.read("receipt.json"))["report_url"] == report.url()
