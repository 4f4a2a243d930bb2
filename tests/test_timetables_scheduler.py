"""``CallingHoursTimetable`` and ``CallingHoursDeadline`` on a real Airflow.

Which runs its scheduler makes, what its API shows, and when it calls back.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from airflow_names import AIRFLOW, since

from demo.airflow_stack import AirflowStack

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(400)

MINUTE = timedelta(minutes=1)
SECONDS_10 = timedelta(seconds=10)
HOURS_3 = timedelta(hours=3)
DAY = timedelta(days=1)
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
# Time for the stack to see every DAG (10 s on two cores), so that all closes are still to come by then.
HEADSTART = timedelta(seconds=45)

DAG_FILE = """
from datetime import UTC, datetime, timedelta
from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow_provider_campaigns import CallingHoursTimetable

for dag_id, arguments, more in {dags!r}:
    more = {{key: datetime.fromisoformat(value) if key == "start_date" else value for key, value in more.items()}}
    arguments = dict(arguments, offset=timedelta(seconds=arguments.get("offset", 0)))
    with DAG(dag_id, schedule=CallingHoursTimetable("UTC", **arguments), is_paused_upon_creation=False, **more) as dag:
        EmptyOperator(task_id="done")
    globals()[dag_id] = dag
"""

DEADLINES_FILE = """
from datetime import timedelta
from airflow.sdk import DAG, AsyncCallback, DeadlineAlert
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow_provider_campaigns import CallingHoursDeadline, CallingHoursTimetable
from airflow_provider_campaigns.notifications import LogNotifier

for dag_id, pool in (("in_time", "default_pool"), ("too_late", "no_such_pool")):
    message = "{{{{ dag_run.dag_id }}}} missed {{{{ deadline.deadline_time }}}}"
    with DAG(
        dag_id,
        schedule=CallingHoursTimetable("UTC", {hours!r}, offset=timedelta(hours=-2)),
        is_paused_upon_creation=False,
        deadline=DeadlineAlert(
            reference=CallingHoursDeadline("UTC", {hours!r}),
            interval=timedelta(seconds=3),
            callback=AsyncCallback(LogNotifier, kwargs={{"message": message}}),
        ),
    ) as dag:
        EmptyOperator(task_id="done", pool=pool, on_success_callback=print)  # with a callback, it needs a worker
    globals()[dag_id] = dag
"""


def clock_text(at: datetime) -> str:
    return f"{at.hour % 12 or 12}:{at.minute:02} {'AM' if at.hour < 12 else 'PM'}"


def hours(*windows: tuple[datetime, datetime]) -> dict[str, list[str]]:
    """The hours of a week that hold these windows."""
    week: dict[str, list[str]] = {}
    for opens, closes in windows:
        week.setdefault(DAYS[opens.weekday()], []).append(f"{clock_text(opens)}-{clock_text(closes)}")
    return week


class Evening(NamedTuple):
    """An Airflow, and the instants around which its DAGs were written."""

    airflow: AirflowStack
    now: datetime
    close: datetime

    def runs(self, dag_id: str) -> list[tuple[str, datetime, datetime, datetime]]:
        """Id, interval start, interval end and due time of each run, the oldest first."""
        runs = self.airflow.api.call("GET", f"/dags/{dag_id}/dagRuns", params={"order_by": "run_after"})["dag_runs"]
        moments = ("data_interval_start", "data_interval_end", "run_after")
        return [(run["dag_run_id"], *(datetime.fromisoformat(run[moment]) for moment in moments)) for run in runs]

    def dag(self, dag_id: str) -> dict[str, Any]:
        return dict(self.airflow.api.call("GET", f"/dags/{dag_id}"))

    def wait_for_runs(self, dag_id: str, count: int, *, until: datetime) -> list[Any]:
        """The runs, once there are so many or the time has come."""
        while len(runs := self.runs(dag_id)) < count and datetime.now(UTC) < until:
            self.airflow.check()
            time.sleep(0.5)
        return runs


def at(opens: datetime, closes: datetime, run_after: datetime, kind: str = "scheduled") -> tuple[Any, ...]:
    """A run as ``Evening.runs`` tells it."""
    # Airflow 3.1 names a scheduled run by its logical date.
    named_by = opens if kind == "scheduled" and AIRFLOW < (3, 2) else run_after
    return (f"{kind}__{named_by:%Y-%m-%dT%H:%M:%S}+00:00", opens, closes, run_after)


def dags_around(close: datetime) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Id, arguments of the timetable and of the DAG; hours close at ``close``, or closed a day or two before."""
    opening = close - HOURS_3
    days_ago = {number: timedelta(days=number) for number in range(3)}
    over_two_days = [(opening - days_ago[number], close - days_ago[number]) for number in (2, 1)]
    stretches = [(close - timedelta(minutes=a), close - timedelta(minutes=b)) for a, b in ((90, 60), (50, 30), (20, 0))]
    start = {"start_date": (close - timedelta(days=30)).isoformat()}
    return [
        ("closes_soon", {"hours": hours((opening, close))}, {"catchup": False, **start}),
        ("due_before_the_close", {"hours": hours((opening, close)), "offset": -7200}, {"catchup": False, **start}),
        # Closed last night, and open again for three hours.
        ("missed", {"hours": hours((opening - days_ago[1], close - days_ago[1]), (opening, close + 90 * MINUTE))},
         {"catchup": False, **start}),
        ("never_ran", {"hours": hours((opening - MINUTE, opening))}, {"catchup": False}),
        ("missed_tonight", {"hours": hours((opening - MINUTE, opening))}, {"catchup": False, **start}),
        ("starts_after_the_opening", {"hours": hours((opening, close))},
         {"catchup": False, "start_date": (opening + MINUTE).isoformat()}),
        ("starts_before_the_close", {"hours": hours((opening, close)), "offset": -600},
         {"catchup": False, "start_date": (close - SECONDS_10).isoformat()}),
        ("caught_up", {"hours": hours(*over_two_days)},
         {"catchup": True, "start_date": (opening - days_ago[2]).isoformat()}),
        ("stretches", {"hours": hours(*stretches), "event": "every_close"},
         {"catchup": True, "start_date": (stretches[0][0]).isoformat()}),
        ("openings", {"hours": hours(*stretches), "event": "every_open"},
         {"catchup": True, "start_date": (stretches[0][0]).isoformat()}),
        ("for_backfill", {"hours": hours(*over_two_days)}, {"catchup": False}),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evening]:
    """One Airflow with all DAGs of this file."""
    folder = tmp_path_factory.mktemp("timetables")
    (folder / "dags").mkdir()
    with AirflowStack(folder / "home", folder / "dags") as airflow:
        # Not before the stack is there: how long that takes is the machine's affair.
        now = datetime.now(UTC).replace(microsecond=0)
        close = (now + HEADSTART + MINUTE).replace(second=0)
        dags = dags_around(close)
        (folder / "all.py").write_text(DAG_FILE.format(dags=dags))
        (folder / "all.py").rename(folder / "dags" / "all.py")
        if AIRFLOW >= (3, 3):
            (folder / "dags" / "deadlines.py").write_text(DEADLINES_FILE.format(hours=hours((close - HOURS_3, close))))
        for dag_id, *_ in dags:
            airflow.api.wait_for_dag(dag_id)
        assert datetime.now(UTC) < close, "the DAGs came too late for these tests"
        yield Evening(airflow, now, close)


def test_last_close__runs_when_hours_close(evening: Evening):
    """The run appears after the close, within half a minute, is about the day, and its tasks run."""
    airflow, close = evening.airflow, evening.close

    runs = evening.wait_for_runs("closes_soon", 1, until=close + MINUTE)

    assert runs == [at(close - HOURS_3, close, close)]
    run = airflow.api.wait_for_run("closes_soon", runs[0][0], timeout_s=90)
    late = datetime.fromisoformat(run["queued_at"]) - close
    assert (run["state"], run["run_type"]) == ("success", "scheduled")
    assert timedelta(0) <= late < timedelta(seconds=30)
    assert [task["state"] for task in airflow.api.task_instances("closes_soon", runs[0][0])] == ["success"]


def test_last_close__of_a_run_that_is_due_before(evening: Evening):
    """A run that was due two hours ago, for a close that was still to come, is made at once."""
    close = evening.close
    runs = evening.runs("due_before_the_close")

    assert runs == [at(close - HOURS_3, close, close - timedelta(hours=2))]
    run = evening.airflow.api.dag_run("due_before_the_close", runs[0][0])
    assert datetime.fromisoformat(run["queued_at"]) < close


def test_last_close__of_last_night_is_not_made_up(evening: Evening):
    """Unpaused while hours are open again, a DAG without catchup has no run, and its next is due at the next close."""
    assert evening.runs("missed") == []
    assert datetime.fromisoformat(evening.dag("missed")["next_dagrun_run_after"]) == evening.close + 90 * MINUTE


@pytest.mark.parametrize("dag_id", ["never_ran", "missed_tonight"])
def test_last_close__of_tonight(evening: Evening, dag_id: str):
    """Hours closed three hours ago and are still closed: a DAG that is new makes up nothing, also with a start date."""
    closed = evening.close - HOURS_3

    assert evening.runs(dag_id) == []
    assert datetime.fromisoformat(evening.dag(dag_id)["next_dagrun_run_after"]) == closed + 7 * DAY


def test_last_close__of_a_day_that_began_before_the_start_date(evening: Evening):
    """The close that is still ahead has its run, which begins at the start date, and its task runs."""
    api, close = evening.airflow.api, evening.close
    started, late_started = close - HOURS_3 + MINUTE, close - SECONDS_10

    runs = evening.wait_for_runs("starts_after_the_opening", 1, until=close + MINUTE)
    late_runs = evening.wait_for_runs("starts_before_the_close", 1, until=close + MINUTE)

    assert runs == [at(started, close, close)]
    assert late_runs == [at(late_started, close, late_started)]  # no earlier than its logical date
    for dag_id, run_id in (("starts_after_the_opening", runs[0][0]), ("starts_before_the_close", late_runs[0][0])):
        assert api.wait_for_run(dag_id, run_id, timeout_s=90)["state"] == "success"
        assert [task["state"] for task in api.task_instances(dag_id, run_id)] == ["success"]
        assert datetime.fromisoformat(evening.dag(dag_id)["next_dagrun_run_after"]) >= close + 6 * DAY


def test_last_close__with_catchup(evening: Evening):
    """Each of the two days that were missed has its run, and no other has."""
    close = evening.close

    assert evening.runs("caught_up") == [
        at(close - HOURS_3 - 2 * DAY, close - 2 * DAY, close - 2 * DAY),
        at(close - HOURS_3 - DAY, close - DAY, close - DAY),
    ]
    assert datetime.fromisoformat(evening.dag("caught_up")["next_dagrun_run_after"]) == close + 5 * DAY


def test_every_close__of_a_day(evening: Evening):
    """Each of three windows has its run; the last is made when it closes."""
    close = evening.close

    assert evening.wait_for_runs("stretches", 3, until=close + MINUTE) == [
        at(close - 90 * MINUTE, close - 60 * MINUTE, close - 60 * MINUTE),
        at(close - 50 * MINUTE, close - 30 * MINUTE, close - 30 * MINUTE),
        at(close - 20 * MINUTE, close, close),
    ]


def test_every_open__of_a_day(evening: Evening):
    """Each of three windows has its run, due when it opens."""
    close = evening.close

    assert evening.runs("openings") == [
        at(close - 90 * MINUTE, close - 60 * MINUTE, close - 90 * MINUTE),
        at(close - 50 * MINUTE, close - 30 * MINUTE, close - 50 * MINUTE),
        at(close - 20 * MINUTE, close, close - 20 * MINUTE),
    ]


def test_backfill__of_two_days(evening: Evening):
    """A backfill makes the runs of its days, and the scheduler goes on after them without another."""
    api, close = evening.airflow.api, evening.close
    body = {
        "dag_id": "for_backfill",
        "from_date": (close - 3 * DAY).isoformat(),
        "to_date": close.isoformat(),
        "reprocess_behavior": "none",
    }
    planned = api.call("POST", "/backfills/dry_run", body=body)["backfills"]
    api.call("POST", "/backfills", body=body)
    expected = [
        at(close - HOURS_3 - 2 * DAY, close - 2 * DAY, close - 2 * DAY, "backfill"),
        at(close - HOURS_3 - DAY, close - DAY, close - DAY, "backfill"),
    ]

    assert [datetime.fromisoformat(run["logical_date"]) for run in planned] == [run[1] for run in expected]
    assert evening.runs("for_backfill") == expected
    for run_id, *_ in expected:
        assert api.wait_for_run("for_backfill", run_id, timeout_s=60)["state"] == "success"
    assert evening.runs("for_backfill") == expected


def test_manual__is_about_the_last_day(evening: Evening):
    """A run by hand with a logical date gets the interval of the last day."""
    api, close = evening.airflow.api, evening.close
    body = {"dag_run_id": "by_hand", "logical_date": evening.now.isoformat()}
    api.call("POST", "/dags/caught_up/dagRuns", body=body)
    run = api.dag_run("caught_up", "by_hand")

    assert [datetime.fromisoformat(run[f"data_interval_{edge}"]) for edge in ("start", "end")] == [
        close - HOURS_3 - DAY,
        close - DAY,
    ]


def stored_deadlines(evening: Evening) -> list[tuple[str, str, bool]]:
    """DAG id, instant in UTC, and whether it was missed, of every deadline that Airflow has."""
    query = "SELECT dag_id, deadline_time, missed FROM deadline JOIN dag_run ON dag_run.id = dagrun_id ORDER BY dag_id"
    with closing(sqlite3.connect(evening.airflow.home.database)) as connection:
        return [(dag_id, at[:19], bool(missed)) for dag_id, at, missed in connection.execute(query)]


@since(3, "deadlines of one's own")
def test_deadline__counts_from_the_close(evening: Evening):
    """A run whose task gets no worker is told of three seconds after the close; one that ended in time is not."""
    close = evening.close
    late = close + timedelta(seconds=3)
    (early_run,) = evening.wait_for_runs("in_time", 1, until=close)
    evening.wait_for_runs("too_late", 1, until=close)
    evening.airflow.api.wait_for_run("in_time", early_run[0], timeout_s=90)

    log, until = evening.airflow.log_path("triggerer"), max(close, datetime.now(UTC)) + MINUTE
    while "too_late missed" not in log.read_text() and datetime.now(UTC) < until:
        evening.airflow.check()
        time.sleep(0.5)

    assert datetime.now(UTC) >= late
    assert f"too_late missed {late:%Y-%m-%d %H:%M:%S}+00:00" in log.read_text()
    assert "in_time missed" not in log.read_text()
    assert stored_deadlines(evening) == [("too_late", f"{late:%Y-%m-%d %H:%M:%S}", True)]


def test_api__shows_the_timetable(evening: Evening):
    """People read when the DAG runs."""
    opening, close = evening.close - HOURS_3, evening.close
    day = f"{opening:%a}"
    shown = evening.dag("closes_soon")

    assert shown["timetable_summary"] == f"{day} {clock_text(opening)}-{clock_text(close)}, UTC: at the last close"
    assert shown["timetable_description"] == (
        f"At the last close of each day; calling hours: {day} {clock_text(opening)}-{clock_text(close)}, UTC"
    )


def test_scheduler__had_no_trouble(evening: Evening):
    """Neither failed runs nor runs that exist already are in its log."""
    log = evening.airflow.log_path("scheduler").read_text()

    assert "Failed to fetch run info" not in log
    assert "Failed creating DagRun" not in log
    assert "run already exists" not in log
