"""``end_of_campaign`` on a real Airflow: several evenings at once, each with a mishap of its own."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_campaigns.simulator import KoreSimulator
from demo.airflow_stack import AirflowStack
from demo.evening import WAITING, add_connection

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(600)

DAGS_FOLDER = Path(__file__).parent / "dags"
RUN_TIMEOUT_S = 240.0
GROUP = "end_of_campaign"


@dataclass
class Evening:
    """One run of a lifecycle DAG.

    Attributes:
        dag_id: the DAG.
        run_id: its run.
        where: the folder of its reports and archive.
        ids: its campaigns, voice before SMS.
    """

    airflow: AirflowStack
    simulator: KoreSimulator
    dag_id: str
    run_id: str
    where: Path
    ids: list[str] = field(default_factory=list)

    def end(self) -> str:
        """Wait for the end of the run; its state."""
        state = self.airflow.api.wait_for_run(self.dag_id, self.run_id, timeout_s=RUN_TIMEOUT_S)["state"]
        return str(state)

    def states(self, task_id: str) -> list[str | None]:
        """The states of a task's instances, by map index."""
        found = [one for one in self.tasks() if one["task_id"] == f"{GROUP}.{task_id}"]
        return [one["state"] for one in sorted(found, key=lambda one: one["map_index"])]

    def tasks(self) -> list[dict[str, Any]]:
        return self.airflow.api.task_instances(self.dag_id, self.run_id)

    def xcom(self, task_id: str, *, key: str = "return_value", map_index: int = -1) -> Any:
        return self.airflow.api.xcom(self.dag_id, self.run_id, f"{GROUP}.{task_id}", key=key, map_index=map_index)

    def fates(self) -> dict[str, str]:
        """What became of each campaign, as the last task tells it, also where it failed."""
        failed = self.states("outcome") == ["failed"]
        return {
            one["campaign_id"]: one["fate"] for one in self.xcom("outcome", key="results" if failed else "return_value")
        }

    def clear(self) -> None:
        """Clear the whole run, as somebody in the user interface might."""
        body = {"dry_run": False, "only_failed": False}
        self.airflow.api.call("POST", f"/dags/{self.dag_id}/dagRuns/{self.run_id}/clear", body=body)

    def answer(self, option: str) -> dict[str, Any]:
        """Wait for the question, answer it, again if it is asked again; what was asked."""
        asked: dict[str, Any] = {}
        deadline = time.monotonic() + RUN_TIMEOUT_S
        answered = set()
        while not asked or self.states("approve") != ["success"]:
            assert time.monotonic() < deadline, self.tasks()
            (task,) = [one for one in self.tasks() if one["task_id"] == f"{GROUP}.approve"]
            if task["state"] in WAITING and task["try_number"] not in answered:
                answered.add(task["try_number"])
                asked = self.airflow.api.answer(self.dag_id, self.run_id, f"{GROUP}.approve", option)
            time.sleep(0.3)
        return asked

    def files(self) -> dict[str, str]:
        """Digest of every file of its reports and archive."""
        return {
            str(path.relative_to(self.where)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.where.rglob("*"))
            if path.is_file()
        }

    def writes(self) -> int:
        """How many requests asked for a change of one of its campaigns; other evenings go on meanwhile."""
        return sum(one.campaign_id in self.ids for one in self.simulator.requests.writes())

    def requests(self) -> int:
        """How many requests named one of its campaigns; other evenings go on meanwhile."""
        return sum(one.campaign_id in self.ids for one in self.simulator.requests)

    def deleted(self) -> list[bool]:
        """Which of its campaigns were deleted, each of them once."""
        counts = [len(self.simulator.effects("delete", campaign_id=one)) for one in self.ids]
        assert max(counts) <= 1
        return [count == 1 for count in counts]


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowStack]:
    home = tmp_path_factory.mktemp("lifecycle") / "airflow home"
    with AirflowStack(home, DAGS_FOLDER, env={"AIRFLOW__CORE__PARALLELISM": "8"}) as airflow:
        yield airflow


@pytest.fixture(scope="module")
def simulator() -> Iterator[KoreSimulator]:
    with KoreSimulator() as simulator:
        simulator.switches(rate_limit=None)
        yield simulator


class Scene:
    """Begins evenings; all of them run at once, and each test looks at its own."""

    def __init__(self, airflow: AirflowStack, simulator: KoreSimulator, path: Path) -> None:
        self._airflow, self._simulator, self._path = airflow, simulator, path

    def begin(self, dag_id: str, ids: list[str], **conf: Any) -> Evening:
        where = self._path / f"evening {len(list(self._path.iterdir()))}"
        where.mkdir()
        types = {one.campaign_id: one.campaign_type for one in self._simulator.campaigns()}
        named = {kind: [one for one in ids if types.get(one, "voice") == kind] for kind in ("voice", "sms")}
        run_id = self._airflow.api.trigger(dag_id, conf={"where": str(where), **named, **conf})
        return Evening(self._airflow, self._simulator, dag_id, run_id, where, ids)


def active(simulator: KoreSimulator, number: int = 1, **fields: Any) -> list[str]:
    return [simulator.add_campaign(**{"status": "Active", "contacts": 120, **fields}) for _ in range(number)]


@pytest.fixture(scope="module")
def evenings(
    airflow: AirflowStack, simulator: KoreSimulator, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Evening]:
    """All evenings, begun."""
    add_connection(airflow.api, simulator, requests_per_minute=6000)
    for dag_id in ("evening", "approved_evening", "chosen_evening"):
        airflow.api.wait_for_dag(dag_id)
        airflow.api.unpause(dag_id)
    scene = Scene(airflow, simulator, tmp_path_factory.mktemp("where"))
    good = [
        *active(simulator, name="Good | one"),
        *active(simulator, status="Stopped"),
        *active(simulator, status="Ready"),
        *active(simulator, campaign_type="sms"),
    ]
    mishap = active(simulator, 4)
    simulator.fail_next(400, operation="stop", campaign_id=mishap[0], body={"status": "failed"}, times=1000)
    simulator.fail_next(400, operation="contacts", campaign_id=mishap[1], body={"status": "failed"}, times=1000)
    simulator.fail_next(400, operation="delete", campaign_id=mishap[2], body={"status": "failed"}, times=1000)
    approved = active(simulator, 3, name="Asked")
    simulator.fail_next(400, operation="contacts", campaign_id=approved[1], body={"status": "failed"}, times=1000)
    active(simulator, name="Spring one")
    active(simulator, name="Spring text", campaign_type="sms")
    spring = [one.campaign_id for one in simulator.campaigns() if one.name.startswith("Spring")]
    return {
        "good": scene.begin("evening", good),
        "mishap": scene.begin("evening", mishap),
        "later": scene.begin("evening", active(simulator, 2), when="calling_hours_end", last_day="2099-12-31"),
        "never": scene.begin("evening", ["cd-0000000-0000-4000-8000-00000000dead"]),
        "nothing": scene.begin("evening", []),
        "approved": scene.begin("approved_evening", approved),
        "rejected": scene.begin("approved_evening", active(simulator, 2)),
        "chosen": Evening(airflow, simulator, "chosen_evening", *begin_chosen(scene), spring),
    }


def begin_chosen(scene: Scene) -> tuple[str, Path]:
    begun = scene.begin("chosen_evening", [])
    return begun.run_id, begun.where


def test_evening__all_good(evenings: dict[str, Evening]) -> None:
    """Voice and SMS, running, stopped and never started: each is stopped if need be, reported and deleted once."""
    evening = evenings["good"]

    assert evening.end() == "success"
    assert evening.deleted() == [True] * 4
    assert evening.fates() == dict.fromkeys(evening.ids, "deleted")
    assert [len(evening.simulator.effects("stop", campaign_id=one)) for one in evening.ids] == [1, 0, 0, 1]
    manifests = [json.loads(path.read_text()) for path in evening.where.glob("reports/*/*/manifest.json")]
    assert len(manifests) == 4
    assert {one["complete"] for one in manifests} == {True}
    assert {one["contacts_before_stop"] for one in manifests if one["campaign_id"] == evening.ids[0]} == {120}
    receipts = [json.loads(path.read_text()) for path in evening.where.glob("archive/*/*/receipt.json")]
    assert sorted(one["campaign_id"] for one in receipts) == sorted(evening.ids)
    assert receipts[0]["deleted_by"]["task_id"] == "end_of_campaign.campaign.delete"
    named = {one["rendered_map_index"] for one in evening.tasks() if one["task_id"] == f"{GROUP}.campaign.report"}
    assert "Good | one" in named


def test_evening__cleared(evenings: dict[str, Evening]) -> None:
    """The whole run, cleared after its success, ends green, sends nothing that changes, and keeps the first reports."""
    evening = evenings["good"]
    evening.end()
    files, writes, requests = evening.files(), evening.writes(), evening.requests()

    evening.clear()

    assert evening.end() == "success"
    assert evening.states("outcome") == ["success"]
    # Lists name no campaign: two for the proof of each of the two stops.
    assert evening.requests() - requests + 4 <= 3 * 4
    assert [one["try_number"] for one in evening.tasks() if one["task_id"].endswith("report")] == [2] * 4
    assert evening.fates() == dict.fromkeys(evening.ids, "gone")
    assert evening.files() == files
    assert [evening.xcom("campaign.report", map_index=number)["changed"] for number in range(4)] == [False] * 4
    assert evening.writes() == writes


def test_evening__mishaps(evenings: dict[str, Evening]) -> None:
    """A stop, a report and a delete that fail leave their own campaign where it is, and keep no other from its end."""
    evening = evenings["mishap"]

    assert evening.end() == "failed"
    assert evening.states("stop_voice") == ["failed"]
    assert evening.states("campaign.settle") == ["failed", "success", "success", "success"]
    assert evening.states("campaign.report") == ["upstream_failed", "failed", "success", "success"]
    assert evening.states("campaign.delete") == ["upstream_failed", "upstream_failed", "failed", "success"]
    assert evening.deleted() == [False, False, False, True]
    assert list(evening.fates().values()) == ["failed", "failed", "failed", "deleted"]


def test_evening__before_the_last_day(evenings: dict[str, Evening]) -> None:
    """Before the last day everything is skipped but the outcome, which says so."""
    evening = evenings["later"]

    assert evening.end() == "success"
    assert evening.states("stop_voice") == ["skipped"]
    assert evening.states("campaign.delete") == ["skipped", "skipped"]
    assert evening.fates() == dict.fromkeys(evening.ids, "left")
    assert evening.deleted() == [False, False]


def test_evening__never_was(evenings: dict[str, Evening]) -> None:
    """An id of which there is neither a campaign nor a report is an error, and no silent success."""
    evening = evenings["never"]

    assert evening.end() == "failed"
    assert evening.states("campaign.report") == ["failed"]
    assert evening.fates() == dict.fromkeys(evening.ids, "failed")


def test_evening__nobody(evenings: dict[str, Evening]) -> None:
    """No campaign is nothing to do."""
    evening = evenings["nothing"]

    assert evening.end() == "success"
    assert evening.xcom("outcome") == []


def test_evening__by_pattern(evenings: dict[str, Evening]) -> None:
    """What a pattern chose, of both types, is ended; cleared, it finds nothing more to do."""
    evening = evenings["chosen"]

    assert evening.end() == "success"
    assert evening.deleted() == [True, True]
    files, writes = evening.files(), evening.writes()

    evening.clear()

    assert evening.end() == "success"
    assert evening.files() == files
    assert evening.writes() == writes


def test_evening__approved(evenings: dict[str, Evening]) -> None:
    """One question for the evening, with figures and without phone numbers; a report that failed is not deleted."""
    evening = evenings["approved"]

    asked = evening.answer("Approve")

    assert asked["subject"] == "Delete 2 campaigns?"
    assert asked["options"] == ["Approve", "Reject"]
    assert asked["defaults"] == ["Reject"]
    lines = [line for line in asked["body"].splitlines() if line.startswith("| Asked")]
    assert len(lines) == 2
    # These reports have no page, so it is their folder that is named.
    assert all(line.startswith("| Asked | Stopped | 120 | ") and "/cid-" in line.split("`")[1] for line in lines)
    assert "55501" not in asked["body"]
    assert evening.end() == "failed"
    assert evening.deleted() == [True, False, True]
    assert list(evening.fates().values()) == ["deleted", "failed", "deleted"]


def test_evening__approved_and_cleared(evenings: dict[str, Evening]) -> None:
    """Cleared when all is gone, nobody is asked again."""
    evening = evenings["approved"]
    evening.end()
    evening.simulator.clear_faults()
    evening.clear()
    evening.answer("Approve")
    assert evening.end() == "success"
    assert evening.deleted() == [True] * 3
    (task,) = [one for one in evening.tasks() if one["task_id"] == f"{GROUP}.approve"]
    log = evening.airflow.api.task_log(
        evening.dag_id, evening.run_id, f"{GROUP}.approve", try_number=task["try_number"]
    )
    assert "Delete 1 campaign?" in log
    files, writes = evening.files(), evening.writes()

    evening.clear()

    assert evening.end() == "success"
    assert evening.fates() == dict.fromkeys(evening.ids, "gone")
    assert evening.files() == files
    assert evening.writes() == writes


def test_evening__rejected(evenings: dict[str, Evening]) -> None:
    """A person's no keeps every campaign, stopped and reported; the run is green."""
    evening = evenings["rejected"]

    evening.answer("Reject")

    assert evening.end() == "success"
    assert evening.states("delete") == ["skipped"]
    assert evening.fates() == dict.fromkeys(evening.ids, "kept")
    assert evening.deleted() == [False, False]
    assert len(list(evening.where.glob("reports/*/*/manifest.json"))) == 2
