"""``CampaignReportOperator`` through Airflow's task runner: arguments, results, assets, storage, and being killed."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG, Asset, ObjectStoragePath
from airflow.sdk.execution_time import comms
from airflow_names import DagSerialization, since
from operator_support import Run, filled_in, runner
from report_storage import bucket
from report_support import DATA_FILES, STRANGER, contents_of, folder_of, manifest_of, rows_of, without_digest
from task_runner import run_task

from airflow_provider_campaigns.arguments.folders import storage_path
from airflow_provider_campaigns.arguments.static import WrongArgumentError
from airflow_provider_campaigns.kore import retry, sending
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.operators.report import CampaignReportOperator
from airflow_provider_campaigns.reports import parquet

if TYPE_CHECKING:
    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("unlimited_connection")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Report into a temporary folder."""
    return runner(monkeypatch, CampaignReportOperator, task_id="report", output_path=str(tmp_path))


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            ({"output_path": ""}, "output_path: expected the whole path of a folder such as '/data/reports' or"),
            ({"output_path": "  "}, "output_path: expected the whole path"),
            ({"output_path": " /data"}, "output_path: expected the whole path"),
            ({"output_path": None}, "output_path: expected the whole path"),
            ({"output_path": 7}, "got 7"),
            ({"output_path": "reports"}, "got 'reports'"),
            pytest.param(
                {"output_path": Path("reports")},
                "output_path: expected the whole path",
                marks=since(2, "template fields that leave a pathlib.Path as it is"),
            ),
            ({"output_path": "nope://bucket/x"}, "output_path: nope://bucket/x cannot be opened: is the path, and"),
            ({"output_path": "gs://bucket/x"}, "install apache-airflow-providers-google where the task runs"),
        ],
    )
    def test_bad_path(
        self,
        arguments: dict[str, Any],
        problem: str,
        monkeypatch: pytest.MonkeyPatch,
        kore_simulator: KoreSimulator,
    ) -> None:
        """A path that cannot be used fails without a retry, names itself, and nothing is sent or written."""
        made = CampaignReportOperator(task_id="report", campaign_id="cd-1", output_path="/data")

        done = run_task(filled_in(made, **arguments), monkeypatch)

        assert done.state == "failed"
        assert isinstance(done.error, AirflowFailException)
        assert problem in str(done.error)
        assert not len(kore_simulator.requests)

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            ({"formats": ()}, "formats: expected some of 'jsonl', 'csv', 'parquet', 'html', such as"),
            (
                {"formats": ("html",)},
                "formats: expected at least one of 'jsonl', 'csv', 'parquet', got ('html',): without",
            ),
            ({"formats": "xml"}, "formats: expected some of"),
            ({"formats": ["csv", "xml"]}, "formats: expected some of"),
            ({"formats": [["csv"]]}, "formats: expected some of"),
            ({"formats": None}, "formats: expected some of"),
            ({"formats": {"csv": True}}, "formats: expected some of"),
            ({"phone_numbers": "mask"}, "phone_numbers: expected 'keep' or 'hash' or 'drop', got 'mask'"),
            ({"allow_empty": "yes"}, "allow_empty: expected true or false, got 'yes'"),
            ({"if_missing": "ignore"}, "if_missing: expected 'fail' or 'skip' or 'succeed'"),
            ({"campaign_id": "../x"}, "campaign_id: expected a campaign's id"),
        ],
    )
    def test_bad(self, arguments: dict[str, Any], problem: str) -> None:
        """Any other wrong argument is refused when the DAG is parsed, and names itself."""
        with pytest.raises(WrongArgumentError) as caught:
            CampaignReportOperator(task_id="report", **{"campaign_id": "cd-1", "output_path": "/data", **arguments})

        assert problem in str(caught.value)

    def test_parquet__not_installed(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, kore_simulator: KoreSimulator
    ) -> None:
        """A format whose library is not installed is refused before anything is read, and says what to install."""
        monkeypatch.setattr(parquet, "find_spec", lambda name: None)
        done = run(campaign_id="cd-1", formats=["parquet"])

        assert done.state == "failed"
        assert "install airflow-provider-campaigns[parquet] where the task runs" in str(done.error)
        assert not len(kore_simulator.requests)

    @pytest.mark.parametrize("formats", ["csv", ["html", "csv", "csv"], {"csv"}, ("jsonl", "csv", "parquet", "html")])
    def test_formats(self, formats: Any, run: Run, kore_simulator: KoreSimulator) -> None:
        """Formats are one by its name, or several in any order."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
        done = run(campaign_id=campaign_id, formats=formats)

        wanted = {formats} if isinstance(formats, str) else set(formats)
        in_order = [one for one in ("jsonl", "csv", "parquet", "html") if one in wanted]
        assert manifest_of(done.result)["formats"] == in_order

    def test_totals(self, run: Run, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """That an SMS campaign has no results by contact can be accepted, also by a template."""
        for module in (retry, sending):
            monkeypatch.setattr(module, "LOOK_AGAIN_S", 0.1)
        kore_simulator.switches(sms_results="error")
        campaign_id = kore_simulator.add_campaign(campaign_type="sms", status="Stopped", contacts=5)
        done = run(
            campaign_id=campaign_id,
            if_no_contact_results="{{ dag_run.conf.accepted }}",
            run_conf={"accepted": "totals"},
        )

        assert (done.result["complete"], done.result["rows"]) == (True, None)

    def test_totals__wrong(self) -> None:
        """Anything but the two is refused when the DAG is parsed, by the argument's name."""
        with pytest.raises(WrongArgumentError, match="if_no_contact_results: expected 'fail' or 'totals', got 'x'"):
            CampaignReportOperator(task_id="report", campaign_id="cd-1", output_path="/data", if_no_contact_results="x")

    def test_templates(self, run: Run, kore_simulator: KoreSimulator, tmp_path: Path) -> None:
        """The path, the ids and what else may depend on a run are rendered."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
        done = run(
            campaign_id="{{ dag_run.conf.id }}",
            output_path=f"{tmp_path}/{{{{ dag_run.conf.folder }}}}",
            if_missing="{{ dag_run.conf.missing }}",
            run_conf={"id": campaign_id, "folder": "evening", "missing": "succeed"},
        )

        assert done.result["report_url"].startswith(f"file://{tmp_path}/evening/{campaign_id}/")

    @pytest.mark.parametrize("kind", ["text", "url", "path", "object path"])
    def test_paths(self, kind: str, run: Run, kore_simulator: KoreSimulator, tmp_path: Path) -> None:
        """A local folder may be given as text, as a URL or as a path."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5, instance_id="cid-1")
        paths = {
            "text": str(tmp_path),
            "url": f"file://{tmp_path}",
            "path": tmp_path,
            "object path": ObjectStoragePath(f"file://{tmp_path}"),
        }

        done = run(campaign_id=campaign_id, output_path=paths[kind])
        assert done.result["report_url"] == f"file://{tmp_path}/{campaign_id}/cid-1"

    def test_parsing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A DAG with the operator is stored and read back, mapped too, without touching connection or storage."""
        with DAG("reports", schedule=None, start_date=datetime(2026, 3, 2, tzinfo=UTC)) as dag:
            CampaignReportOperator(task_id="one", campaign_id="cd-1", output_path="nowhere://x")
            CampaignReportOperator.partial(task_id="each", output_path="/data").expand(campaign_id=["cd-1", "cd-2"])

        read = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
        assert read.get_task("one").template_fields == [
            *("kore_conn_id", "campaign_id", "campaign_ids", "if_missing", "plan_only", "output_path"),
            *("if_no_contact_results", "pending_timeout", "refresh"),
        ]
        assert read.get_task("each").is_mapped


class TestResults:
    def test_one(self, run: Run, kore_simulator: KoreSimulator) -> None:
        """The result of one campaign is a dict that leads to its report, and holds no contact."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=150, name="Spring Offer")
        result = run(campaign_id=campaign_id).result

        assert list(result) == [
            *(
                "campaign_id",
                "campaign_type",
                "name",
                "status",
                "changed",
                "campaign_instance_id",
                "complete",
                "reason",
            ),
            *("proven_by", "readings", "rows", "pending", "contacts_before_stop", "report_url", "manifest_url"),
            *("manifest_sha256", "files", "finished_at"),
        ]
        assert f"``{{{', '.join(result)}}}``" in " ".join((CampaignReportOperator.__doc__ or "").split())
        assert (result["rows"], result["complete"], result["changed"]) == (150, True, True)
        assert len(rows_of(result)) == 150
        assert run(campaign_id=campaign_id).result == result | {"changed": False}

    def test_many__from_a_stop(self, run: Run, kore_simulator: KoreSimulator) -> None:
        """The results of a stop say which campaigns, which runs, and how many contacts there were."""
        first = kore_simulator.add_campaign(status="Stopped", contacts=5, name="A", instance_id="cid-1")
        second = kore_simulator.add_campaign(status="Stopped", contacts=5, name="B", instance_id="cid-2")
        stopped = [
            {
                "campaign_id": first,
                "name": "A",
                "campaign_instance_id": "cid-1",
                "contacts_before_stop": 5,
                "confirmed_at": "2026-03-02T12:30:01.000Z",
            },
            {"campaign_id": second, "name": "B", "campaign_instance_id": "cid-2", "contacts_before_stop": 6},
        ]
        one, other = run(campaign_ids=stopped).result

        assert (one["complete"], one["contacts_before_stop"]) == (True, 5)
        assert manifest_of(one)["stopped_at"] == "2026-03-02T12:30:01.000Z"
        assert (other["complete"], other["reason"]) == (False, "total_shrank")

    def test_many__one_fails(self, run: Run, kore_simulator: KoreSimulator) -> None:
        """One that fails keeps no other from being reported; the results of those are kept, and the failure told."""
        ids = [kore_simulator.add_campaign(status="Stopped", contacts=5) for _ in range(2)]
        done = run(campaign_ids=[ids[0], STRANGER, ids[1]])

        assert done.state == "failed"
        assert [one["campaign_id"] for one in done.xcoms["results"]] == ids
        assert "1 of 3 campaigns could not be reported" in str(done.error)

    def test_none(self, run: Run) -> None:
        """No campaign at all is no error."""
        assert run(campaign_ids=[]).result == []

    def test_missing(self, run: Run) -> None:
        """A campaign that is not there fails, skips or succeeds, as asked for."""
        assert run(campaign_id=STRANGER).state == "failed"
        assert run(campaign_id=STRANGER, if_missing="skip").state == "skipped"
        assert run(campaign_id=STRANGER, if_missing="succeed").result["status"] == "Missing"

    def test_backfill(self, run: Run, kore_simulator: KoreSimulator) -> None:
        """A backfill reports: it changes nothing."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)

        assert run(campaign_id=campaign_id, run_run_type="backfill").result["complete"]

    def test_retryable(self, run: Run, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """What another try may mend is left to Airflow's retries."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=5)
        kore_simulator.faults.fail_next(503, operation="contacts", times=99)
        monkeypatch.setattr(CampaignReportOperator, "_sleep", lambda *_: None)
        monkeypatch.setattr(retry, "OUTAGE_S", 0.0)

        assert run(campaign_id=campaign_id).state == "up_for_retry"

    def test_assets(self, run: Run, kore_simulator: KoreSimulator) -> None:
        """Every asset that the task declares gets an event that leads to the reports."""
        ids = [kore_simulator.add_campaign(status="Stopped", contacts=5) for _ in range(2)]
        outlets = [Asset("reports"), Asset("more")]
        done = run(campaign_ids=[*ids, STRANGER], outlets=outlets, if_missing="succeed")

        assert done.state == "success", done.error
        (told,) = [one for one in done.messages if isinstance(one, comms.SucceedTask)]
        events = {one["dest_asset_key"]["name"]: one["extra"] for one in told.outlet_events}
        campaigns = [
            {
                name: one[name]
                for name in ("campaign_id", "rows", "pending", "complete", "manifest_url", "manifest_sha256")
            }
            for one in done.result[:2]
        ]
        assert events == {"reports": {"campaigns": campaigns}, "more": {"campaigns": campaigns}}

    def test_canary(
        self,
        run: Run,
        kore_simulator: KoreSimulator,
        caplog: pytest.LogCaptureFixture,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """No phone number and no name of a contact is in a log, a result, a rendered field or an error."""
        caplog.set_level(logging.DEBUG)
        rows = [{"phoneNumber": "19995550142", "uniqueId": "Canary Birdwell", "note": "Canary Birdwell"}] * 3
        good = kore_simulator.add_campaign(status="Stopped", contacts=rows)
        bad = kore_simulator.add_campaign(status="Active", contacts=rows)
        done = run(campaign_ids=[good, bad, STRANGER])

        assert (done.state, len(done.xcoms["results"])) == ("failed", 2)
        said = str(done.error) + caplog.text + "".join(capsys.readouterr()) + json.dumps(done.xcoms)
        said += json.dumps(done.rendered) + "".join(map(str, done.messages))
        assert "1999555" not in said
        assert "Canary" not in said
        assert all("Canary" in str(rows_of(result)) for result in done.xcoms["results"])


class TestKilled:
    def test_on_kill(self, run: Run, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """A task that is killed stops reading soon, leaves what it has read, and the next one goes on."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=3456)
        original = KoreClient.get_contact_page

        def call(client: KoreClient, *args: Any, **kwargs: Any) -> Any:
            if kwargs.get("page") == 30:
                for operator in operators:
                    operator.on_kill()
            return original(client, *args, **kwargs)

        operators: list[CampaignReportOperator] = []
        execute = CampaignReportOperator.execute
        monkeypatch.setattr(
            CampaignReportOperator, "execute", lambda self, context: (operators.append(self), execute(self, context))[1]
        )
        monkeypatch.setattr(KoreClient, "get_contact_page", call)
        done = run(campaign_id=campaign_id)

        assert done.state == "up_for_retry"
        assert str(done.error) == "report: killed; nothing more is sent"
        assert len(kore_simulator.requests.of("contacts")) < 37
        kore_simulator.requests.clear()
        monkeypatch.setattr(KoreClient, "get_contact_page", original)
        result = run(campaign_id=campaign_id).result
        assert result["rows"] == 3456
        assert len(kore_simulator.requests.of("contacts")) <= 28


class TestBucket:
    def test_whole(
        self, run: Run, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """A report in a bucket has the same files, byte by byte, as one on the disk, and can be read back."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=1234)
        local = contents_of(folder_of(run(campaign_id=campaign_id).result))
        with bucket(monkeypatch) as url:
            result = run(campaign_id=campaign_id, output_path=url).result
            folder = ObjectStoragePath(result["report_url"])
            stored = {one.name: one.read_bytes() for one in folder.iterdir()}

            assert result["report_url"] == f"{url}/{campaign_id}/{result['campaign_instance_id']}"
            assert result["manifest_url"] == f"{result['report_url']}/manifest.json"
            assert run(campaign_id=campaign_id, output_path=url).result == result | {"changed": False}
        for files in (local, stored):
            files.pop("manifest.json")
        assert stored == local

    def test_no_bucket(self, run: Run, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """A bucket that is not there fails without a retry, and the message names it."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=1234)
        with bucket(monkeypatch):
            done = run(campaign_id=campaign_id, output_path="s3://S3@elsewhere/reports")

        assert done.state == "failed"
        assert f"s3://S3@elsewhere/reports/{campaign_id}/" in str(done.error)
        assert "there is no such bucket: create it" in str(done.error)

    def test_interrupted(self, run: Run, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """An export into a bucket goes on where it was interrupted, and a torn part is noticed there as well."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=3456, instance_id="cid-1")
        with bucket(monkeypatch) as url:
            kore_simulator.faults.fail_next(400, operation="contacts", skip=25)
            assert run(campaign_id=campaign_id, output_path=url).state in {"failed", "up_for_retry"}
            parts = ObjectStoragePath(f"{url}/{campaign_id}/cid-1/_parts")
            names = sorted(one.name for one in parts.iterdir())
            torn = parts / names[1]
            torn.write_bytes(torn.read_bytes()[:99])
            kore_simulator.requests.clear()
            result = run(campaign_id=campaign_id, output_path=url).result

            assert [name.split(".")[1] for name in names] == ["00000001", "00000011", "json"]
            assert result["rows"] == 3456
            assert sorted(one.body["page"] for one in kore_simulator.requests.of("contacts")) == [
                *(1, 1),
                *range(11, 36),
                35,
            ]
            names = [without_digest(one.name) for one in ObjectStoragePath(result["report_url"]).iterdir()]
            assert sorted(names) == sorted((*DATA_FILES, "manifest.json"))


def test_storage_path__kept() -> None:
    """A path that is one already is taken as it is, with its connection."""
    path = ObjectStoragePath("file:///data/reports")

    assert storage_path("output_path", path) is path
