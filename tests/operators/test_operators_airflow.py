"""What Airflow does with an operator besides running it: store it, copy it, kill it, show it."""

from __future__ import annotations

import contextlib
import copy
import json
import logging
import os
import re
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from airflow.providers.common.compat.sdk import BaseHook
from airflow.sdk import DAG
from airflow_names import DagSerialization
from operator_support import ON_CAMPAIGNS, Run, add, runner
from task_runner import run_task

from airflow_provider_campaigns.hooks import KoreCampaignHook
from airflow_provider_campaigns.kore import retry, sending
from airflow_provider_campaigns.operators.base import KoreCampaignOperator, TaskKilledError
from airflow_provider_campaigns.operators.cancellation import Cancellation
from airflow_provider_campaigns.operators.delete import DeleteCampaignOperator
from airflow_provider_campaigns.operators.list import ListCampaignsOperator
from airflow_provider_campaigns.operators.stop import StopSmsCampaignOperator, StopVoiceCampaignOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("unlimited_connection")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Make an operator and run it."""
    return runner(monkeypatch)


@contextlib.contextmanager
def killed_at_the_first(simulator: KoreSimulator, operation: str, *, after_s: float = 0.0) -> Iterator[None]:
    """Send this process Airflow's signal so long after the first request of a kind has come."""

    def kill() -> None:
        while not simulator.requests.of(operation):
            time.sleep(0.002)
        time.sleep(after_s)
        os.kill(os.getpid(), signal.SIGTERM)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    yield
    killer.join()


class TestKill:
    """A task that is killed ends its waiting and sends no more."""

    def test_on_kill__through_a_signal(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """Airflow's signal ends a wait of minutes at once; what was sent stays sent."""
        kore_simulator.switches(drain_polls=1000)
        (campaign_id,) = add(kore_simulator, StopVoiceCampaignOperator)

        started = time.monotonic()
        with killed_at_the_first(kore_simulator, "stop", after_s=0.1):
            done = run(StopVoiceCampaignOperator, campaign_id=campaign_id, poll_interval=300)

        assert isinstance(done.error, TaskKilledError)
        assert str(done.error) == "task: killed; nothing more is sent"
        assert time.monotonic() - started < 60
        kore_simulator.assert_one_effect("stop", campaign_id)

    def test_on_kill__before_a_retry_of_a_request(
        self, kore_simulator: KoreSimulator, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The client's own waits end as well, and the request is not sent again."""
        (campaign_id,) = add(kore_simulator, DeleteCampaignOperator)
        kore_simulator.fail_next(503, operation="delete", before=True, times=100)

        with killed_at_the_first(kore_simulator, "delete"):
            done = run(DeleteCampaignOperator, campaign_id=campaign_id)

        assert isinstance(done.error, TaskKilledError)
        assert len(kore_simulator.requests.of("delete")) == 1

    def test_on_kill__many(self, kore_simulator: KoreSimulator, run: Run) -> None:
        """Campaigns whose turn has not come are not touched any more."""
        kore_simulator.hang_next(1, after=True, operation="delete", times=40)
        ids = add(kore_simulator, DeleteCampaignOperator, 40)

        with killed_at_the_first(kore_simulator, "delete"):
            done = run(DeleteCampaignOperator, campaign_ids=ids)

        assert isinstance(done.error, TaskKilledError)
        assert 1 <= len(kore_simulator.effects("delete")) <= 8

    def test_on_kill__not_begun(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """To kill an operator that has not begun is nothing: a try that begins after it does its work."""
        (campaign_id,) = add(kore_simulator, DeleteCampaignOperator)
        operator = DeleteCampaignOperator(task_id="task", campaign_id=campaign_id, if_unreported="delete")

        operator.on_kill()

        assert run_task(operator, monkeypatch).result["status"] == "Deleted"

    def test_execution_timeout(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """A task that is out of time ends at once, and nothing that waited for its place in the budget is sent."""
        connection = kore_simulator.connection_json(requests_per_minute=6)
        monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", connection)
        ids = [kore_simulator.add_campaign(status="Active") for _ in range(20)]
        operator = StopVoiceCampaignOperator(
            task_id="task", campaign_ids=ids, execution_timeout=timedelta(seconds=2), confirm=False
        )
        began = time.monotonic()

        done = run_task(operator, monkeypatch)

        took = time.monotonic() - began
        sent = len(kore_simulator.requests)
        for thread in [one for one in threading.enumerate() if one.name.startswith("campaign")]:
            thread.join(timeout=10)
            assert not thread.is_alive()  # it waited for a place, and is told that it need not
        assert type(done.error).__name__ == "AirflowTaskTimeout"
        assert took < 20  # the next place would be free after a minute
        assert 2 <= sent <= 6
        assert len(kore_simulator.requests) == sent

    def test_cancellation__wait(self) -> None:
        """A wait that nobody ends lasts as long as it should."""
        started = time.monotonic()

        assert Cancellation().wait(0.05) is False
        assert time.monotonic() - started >= 0.05

    def test_cancellation__in_every_thread(self) -> None:
        """One cancellation ends the waits of all threads, and those to come; a second one is nothing."""
        cancellation = Cancellation()
        answers: list[bool] = []
        threads = [threading.Thread(target=lambda: answers.append(cancellation.wait(60))) for _ in range(8)]
        for thread in threads:
            thread.start()

        cancellation.cancel()
        cancellation.cancel()
        for thread in threads:
            thread.join(timeout=50)

        assert answers == [True] * 8
        assert cancellation.wait(60) is True

    def test_cancellation__very_long(self) -> None:
        """A wait may be longer than a lock can wait."""
        cancellation = Cancellation()
        threading.Timer(0.05, cancellation.cancel).start()

        assert cancellation.wait(1e30) is True


class TestDag:
    """A DAG is parsed, stored and read back without a connection."""

    @pytest.fixture
    def dag(self, monkeypatch: pytest.MonkeyPatch) -> DAG:
        """All operators, one by one and mapped, where there is no connection at all."""

        def refuse(*_: object) -> None:
            raise AssertionError("a connection was looked up while the DAG was parsed")

        monkeypatch.delenv("AIRFLOW_CONN_KORE_DEFAULT")
        monkeypatch.setattr(BaseHook, "get_connection", refuse)
        with DAG("campaigns", schedule=None, start_date=datetime(2026, 3, 2, tzinfo=UTC)) as dag:
            chosen = ListCampaignsOperator(
                task_id="choose", campaign_type="voice", name_pattern="Spring *", statuses=("Stopped",)
            )
            stop = StopVoiceCampaignOperator(
                task_id="stop",
                campaign_ids=chosen.output,
                poll_interval=timedelta(seconds=5),
                retries=5,
            )
            sms = StopSmsCampaignOperator(task_id="stop_sms", campaign_id="{{ params.sms }}", api_version="v2")
            delete = DeleteCampaignOperator(
                task_id="delete", campaign_id="cd-1", campaign_type="sms", expected_name={"cd-1": "Spring"}
            )
            mapped = DeleteCampaignOperator.partial(task_id="delete_each", if_running="stop").expand(
                campaign_id=stop.output
            )
            stop >> sms >> delete >> mapped
        return dag

    def test_serialization(self, dag: DAG) -> None:
        """What is read back has the same tasks, with the same template fields."""
        stored = json.loads(json.dumps(DagSerialization.to_dict(dag)))

        read = DagSerialization.from_dict(stored)

        assert sorted(read.task_ids) == ["choose", "delete", "delete_each", "stop", "stop_sms"]
        assert read.get_task("delete").template_fields == [
            *("kore_conn_id", "campaign_id", "campaign_ids", "if_missing", "plan_only", "expected_name", "if_running"),
            *("if_unreported", "verify_results", "report", "archive_path"),
        ]
        assert vars(read.get_task("delete"))["expected_name"] == {"cd-1": "Spring"}
        assert vars(read.get_task("stop_sms"))["campaign_id"] == "{{ params.sms }}"
        assert read.get_task("delete_each").is_mapped

    def test_copy(self, dag: DAG) -> None:
        """An operator can be copied, as Airflow does with parts of a DAG."""
        assert vars(copy.deepcopy(dag.get_task("delete")))["campaign_id"] == "cd-1"

    def test_hook__is_made_once(self) -> None:
        """The hook is made on first use, for the connection as rendered."""
        operator = DeleteCampaignOperator(task_id="task", campaign_id="cd-1", kore_conn_id="other")

        assert isinstance(operator.hook, KoreCampaignHook)
        assert operator.hook is operator.hook
        assert operator.hook.kore_conn_id == "other"


class TestSecrets:
    """Neither secret nor token leaves the place where it is needed."""

    SECRET = "canary-secret-3f9c1d-3f9c1d-3f9c1d-3f9c1d"
    TOKEN = re.compile(r"eyJ[\w-]+\.")

    @pytest.fixture
    def _canary(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """A secret that can be found again, known to simulator and connection alike."""
        credentials = kore_simulator.service.credentials
        kore_simulator.renew_credentials(
            type(credentials)(
                client_id=credentials.client_id,
                client_secret=self.SECRET,
                stream_id=credentials.stream_id,
                account_id=credentials.account_id,
            )
        )
        monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", kore_simulator.connection_json(requests_per_minute=6000))

    @pytest.mark.usefixtures("_canary")
    @pytest.mark.parametrize("fault", [None, "drop", "503", "401", "garble", "redirect"])
    @pytest.mark.parametrize("operator", ON_CAMPAIGNS)
    def test_execute__nothing_leaks(
        self,
        kore_simulator: KoreSimulator,
        run: Run,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
        operator: type[KoreCampaignOperator],
        fault: str | None,
    ) -> None:
        """Not in a log of any level, an error, an XCom, a rendered field, or a repr; in good days and in bad."""
        monkeypatch.setattr(KoreCampaignOperator, "_sleep", lambda *_: None)
        monkeypatch.setattr(retry, "OUTAGE_S", 0.0)
        monkeypatch.setattr(sending, "LOOK_AGAIN_S", 0.0)
        caplog.set_level(logging.DEBUG)
        (campaign_id,) = add(kore_simulator, operator)
        operation = "delete" if operator is DeleteCampaignOperator else "stop"
        body = {"errors": [{"msg": f"bad secret {self.SECRET} in eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "code": 4002}]}
        faults: dict[str | None, Callable[[], None]] = {
            None: lambda: None,
            "drop": lambda: kore_simulator.drop_next(operation=operation, times=100),
            "503": lambda: kore_simulator.fail_next(503, operation=operation, times=100, body=body),
            "401": lambda: kore_simulator.fail_next(401, operation=operation, times=100, body=body),
            "garble": lambda: kore_simulator.garble_next(operation=operation, times=100),
            "redirect": lambda: kore_simulator.redirect_next("https://other.example/", operation=operation, times=100),
        }
        faults[fault]()
        # What was accepted is read until then, and no time passes while it sleeps.
        bounds = {} if operator is DeleteCampaignOperator else {"confirm_timeout": 1}

        done = run(operator, campaign_id=campaign_id, **bounds)

        assert (done.state == "success") is (fault is None)
        said = {
            "log": caplog.text,
            "output": "".join(capfd.readouterr()),
            "error": "".join(_chain(done.error)),
            "XCom": json.dumps(done.xcoms),
            "rendered": json.dumps(done.rendered),
        }
        for where, text in said.items():
            assert self.SECRET not in text, where
            assert not self.TOKEN.search(text), where
        # What is told to the supervisor in order to be masked is the one exception.
        others = [repr(one) for one in done.messages if type(one).__name__ != "MaskSecret"]
        assert self.SECRET not in "".join(others)

    @pytest.mark.usefixtures("_canary")
    def test_repr(self) -> None:
        """Neither operator, hook, client nor settings show it."""
        operator = DeleteCampaignOperator(task_id="task", campaign_id="cd-1")
        client = operator.hook.get_conn()

        for thing in (operator, operator.hook, client, client.settings, vars(operator)):
            assert self.SECRET not in repr(thing)


def _chain(error: BaseException | None) -> list[str]:
    """The texts of an error and of all that led to it."""
    texts = []
    while error is not None:
        texts.append(f"{error} {error!r} {error.args!r}")
        error = error.__cause__ or error.__context__
    return texts
