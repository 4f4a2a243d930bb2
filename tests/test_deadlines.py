"""``CallingHoursDeadline``: the instant that a deadline alert counts from, and its way through Airflow's database."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pendulum
import pytest
from airflow.models.dagrun import DagRun
from airflow.sdk import DAG
from airflow_names import DagSerialization, below, since
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from test_timetables_oracle import CLOCK_CHANGES, DAYS, ZONES, Windows, clock_text, weeks
from timetable_support import following, instant

from airflow_provider_campaigns import CallingHoursDeadline, CallingHoursTimetable
from airflow_provider_campaigns.actions.closing import Schedule
from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.kore.errors import CampaignStateError, KoreConfigurationError
from airflow_provider_campaigns.notifications import LogNotifier
from airflow_provider_campaigns.plugin import KoreCampaignPlugin

if TYPE_CHECKING:
    from collections.abc import Iterator

WEEK = {"MO-FR": "9:00 AM-6:00 PM"}
KOLKATA = ("Asia/Kolkata", WEEK)
NEW_YORK = ("America/New_York", WEEK)
AROUND_THE_CLOCK = ("Asia/Kolkata", {"MO-FR": "12:00 AM-12:00 AM"})
EVERYTHING: dict[str, Any] = {
    "closed_on": [date(2026, 12, 25)],
    "contact_timezones": ["America/Los_Angeles"],
    "last_day": "2026-12-24",
}


def week_of(windows: Windows) -> dict[str, list[str]]:
    """Random windows as people write them."""
    return {DAYS[number]: [f"{clock_text(a)}-{clock_text(b)}" for a, b in day] for number, day in windows.items()}


def by_hand(run_after: str, logical_date: str | None = None) -> DagRun:
    """A run that somebody triggers at that instant."""
    return DagRun("stops", "r", run_type="manual", run_after=instant(run_after),
                  logical_date=logical_date and instant(logical_date))  # fmt: skip


def scheduled(opens: str, closes: str, run_type: str = "scheduled") -> DagRun:
    """A run that a timetable has made, ten minutes before the close."""
    due = instant(closes) - timedelta(minutes=10)
    return DagRun("stops", "r", run_type=run_type, run_after=due, logical_date=instant(opens),
                  data_interval=(instant(opens), instant(closes)))  # fmt: skip


def close_for(deadline: CallingHoursDeadline, run: DagRun, now: str | None = None) -> str | None:
    """The instant as text, in UTC, for a run that is made on time or at ``now``."""
    found = deadline.close_for(run, instant(now) if now else run.run_after)
    return None if found is None else f"{found.astimezone(UTC):%Y-%m-%d %H:%M}"


@since(3, "deadlines of one's own")
class TestInstant:
    """What the interval is added to."""

    @pytest.mark.parametrize(
        ("arguments", "more", "run", "close"),
        [
            (KOLKATA, {}, scheduled("2026-03-02 03:30", "2026-03-02 12:30"), "2026-03-02 12:30"),
            # By hand: in the morning, and in the evening after the close.
            (KOLKATA, {}, by_hand("2026-03-02 05:00"), "2026-03-02 12:30"),
            (KOLKATA, {}, by_hand("2026-03-02 15:00"), "2026-03-02 15:00"),
            (KOLKATA, {}, by_hand("2026-03-02 05:00", "2026-03-04 05:00"), "2026-03-04 12:30"),
            # Nothing is open on a Sunday, nor on a closed day.
            (KOLKATA, {}, by_hand("2026-03-01 05:00"), "2026-03-01 05:00"),
            (KOLKATA, {"closed_on": ["2026-03-02"]}, by_hand("2026-03-02 05:00"), "2026-03-02 05:00"),
            # The Friday before clocks go forward, and the Monday after.
            (NEW_YORK, {}, scheduled("2026-03-06 14:00", "2026-03-06 23:00"), "2026-03-06 23:00"),
            (NEW_YORK, {}, scheduled("2026-03-09 13:00", "2026-03-09 22:00"), "2026-03-09 22:00"),
            # Over midnight, and over the hour that clocks show twice.
            (("America/New_York", {"SA": "9:00 PM-3:00 AM"}), {}, by_hand("2026-11-01 05:30"), "2026-11-01 08:00"),
            # Contacts in California are called for two and a half hours more.
            (NEW_YORK, {"contact_timezones": ["America/Los_Angeles"]},
             scheduled("2026-03-02 14:00", "2026-03-02 23:00"), "2026-03-03 02:00"),
            (AROUND_THE_CLOCK, {"last_day": "2026-03-04"}, by_hand("2026-03-04 05:00"), "2026-03-04 18:30"),
            # The second of two windows is the close, whichever of them the run is made for.
            (("Asia/Kolkata", {"MO": ["9:00 AM-12:00 PM", "2:00 PM-6:00 PM"]}), {},
             scheduled("2026-03-02 03:30", "2026-03-02 06:30"), "2026-03-02 12:30"),
        ],
    )  # fmt: skip
    def test_close_for(self, arguments: tuple[Any, ...], more: dict[str, Any], run: DagRun, close: str):
        """The close at which a stop of that run goes out, and no earlier than the run itself."""
        assert close_for(CallingHoursDeadline(*arguments, **more), run) == close

    def test_close_for__made_late(self):
        """In the night after it, the close is over; inside the next hours, it is theirs, as the stop waits for them."""
        monday = scheduled("2026-03-02 03:30", "2026-03-02 12:30")

        assert close_for(CallingHoursDeadline(*KOLKATA), monday, "2026-03-02 20:00") == "2026-03-02 12:30"
        assert close_for(CallingHoursDeadline(*KOLKATA), monday, "2026-03-03 04:00") == "2026-03-03 12:30"

    @pytest.mark.parametrize(
        ("more", "run", "now"),
        [
            ({}, scheduled("2026-03-02 03:30", "2026-03-02 12:30", "backfill"), None),
            ({"last_day": date(2026, 3, 3)}, scheduled("2026-03-02 03:30", "2026-03-02 12:30"), None),
            ({}, scheduled("2026-03-02 03:30", "2026-03-02 12:30"), "2026-03-03 12:31"),
        ],
        ids=["backfill", "last day to come", "a day late"],
    )
    def test_close_for__none(self, more: dict[str, Any], run: DagRun, now: str | None):
        """A run that stops nothing at a close has no deadline, and is made all the same."""
        assert close_for(CallingHoursDeadline(*KOLKATA, **more), run, now) is None

    def test_close_for__a_day_late_is_told(self, caplog: pytest.LogCaptureFixture):
        """The scheduler's log says why there is no deadline."""
        close_for(CallingHoursDeadline(*KOLKATA), scheduled("2026-03-02 03:30", "2026-03-02 12:30"), "2026-03-03 12:31")

        (told,) = caplog.messages
        assert told.startswith("DAG run r of stops: has no deadline: the close of 2026-03-02 was at 2026-03-02T12:30")

    @settings(max_examples=60, deadline=None)
    @given(
        zone=st.sampled_from(ZONES),
        contact_timezones=st.lists(st.sampled_from(ZONES), max_size=2),
        day=st.one_of(st.dates(date(2024, 1, 5), date(2030, 12, 20)), st.sampled_from(CLOCK_CHANGES)),
        minute=st.integers(0, 1439),
        late_min=st.integers(0, 1440),
        windows=weeks,
    )
    def test_close_for__is_what_a_stop_waits_for(
        self, zone: str, contact_timezones: list[str], day: date, minute: int, late_min: int, windows: Windows
    ):
        """In any hours, at any instant, it is the close that the rule of stops names, and no earlier than the run."""
        hours = week_of(windows)
        try:
            deadline = CallingHoursDeadline(zone, hours, contact_timezones=contact_timezones)
        except KoreConfigurationError:
            return  # they never close
        run_at = pendulum.datetime(day.year, day.month, day.day, minute // 60, minute % 60)
        now = run_at + timedelta(minutes=late_min)
        expected: datetime | None
        try:
            expected = Schedule(CallingHours.parse(zone, hours), contact_timezones).closing_to_act_on(run_at, now).at
            expected = max(run_at, expected)
        except CampaignStateError:
            expected = None  # too late, and the stop fails

        assert deadline.close_for(DagRun("stops", "r", run_type="manual", run_after=run_at), now) == expected

    @settings(max_examples=40, deadline=None)
    @given(
        zone=st.sampled_from(ZONES),
        day=st.one_of(st.dates(date(2024, 1, 5), date(2030, 12, 20)), st.sampled_from(CLOCK_CHANGES)),
        windows=weeks,
    )
    def test_close_for__is_that_of_the_timetable(self, zone: str, day: date, windows: Windows):
        """A run that the timetable makes before a day's last close has its deadline there, to the second."""
        hours = week_of(windows)
        try:
            timetable = CallingHoursTimetable(zone, hours)
        except KoreConfigurationError:
            return
        deadline = CallingHoursDeadline(zone, hours)
        for info, _ in zip(following(timetable, f"{day} 00:00"), range(10), strict=False):
            start, end = info.data_interval
            run = DagRun("stops", "r", run_type="scheduled", run_after=info.run_after, logical_date=start,
                         data_interval=(start, end))  # fmt: skip
            assert deadline.close_for(run, info.run_after) == end


@since(3, "deadlines of one's own")
class TestStorage:
    """Through Airflow's database and back."""

    @pytest.fixture
    def session(self) -> Iterator[Session]:
        """A database with nothing but DAG runs."""
        engine = create_engine("sqlite://")
        DagRun.metadata.create_all(engine, [DagRun.metadata.tables[name] for name in ("log_template", "dag_run")])
        with Session(engine) as session:
            yield session
        engine.dispose()

    def stored(self, deadline: CallingHoursDeadline) -> Any:
        """A DAG's deadline as Airflow reads it back."""
        from airflow.sdk import AsyncCallback, DeadlineAlert
        from airflow.serialization.decoders import decode_deadline_alert

        alert = DeadlineAlert(deadline, timedelta(seconds=60), AsyncCallback(LogNotifier, {"message": "late"}))
        with DAG("stops", schedule=None, deadline=alert) as dag:
            pass
        (one,) = json.loads(json.dumps(DagSerialization.to_dict(dag)))["dag"]["deadline"]
        return decode_deadline_alert(one).reference

    def test_serialize_reference__is_plain_json(self):
        """What is stored, spelled out: changing it breaks stored DAGs."""
        deadline = CallingHoursDeadline("Asia/Kolkata", {"MO": "9:00 AM-6:00 PM"}, **EVERYTHING)

        assert json.loads(json.dumps(deadline.serialize_reference())) == {
            "reference_type": "CallingHoursDeadline",
            "hours": {
                "frequency": "WEEKLY",
                "timezone": "Asia/Kolkata",
                "days": [{"day": "MO", "start": "9:00 AM", "end": "6:00 PM"}],
            },
            "closed_on": ["2026-12-25"],
            "contact_timezones": ["America/Los_Angeles"],
            "last_day": "2026-12-24",
        }

    @pytest.mark.parametrize("more", [{}, EVERYTHING], ids=["hours only", "everything"])
    def test_dag__survives_serialization(self, more: dict[str, Any]):
        """A DAG's deadline is read back as an equal one, by the plugin."""
        deadline = CallingHoursDeadline(*KOLKATA, **more)

        read = self.stored(deadline).inner_ref

        assert type(read) is CallingHoursDeadline
        assert read == deadline
        assert hash(read) == hash(deadline)
        assert read.schedule == deadline.schedule

    @pytest.mark.parametrize("name", EVERYTHING)
    def test_eq__differs(self, name: str):
        """Each argument counts."""
        assert CallingHoursDeadline(*KOLKATA) != CallingHoursDeadline(*KOLKATA, **{name: EVERYTHING[name]})

    def test_evaluate__of_a_stored_run(self, session: Session):
        """Airflow asks for the deadline of a run by its ids, and adds the interval; one that is not there has none."""
        session.add(by_hand("2100-03-01 05:00"))
        session.flush()
        reference = self.stored(CallingHoursDeadline(*KOLKATA))
        asked = {"session": session, "interval": timedelta(seconds=60), "dag_id": "stops"}

        assert reference.evaluate_with(run_id="r", **asked) == datetime(2100, 3, 1, 12, 31, tzinfo=UTC)
        assert reference.evaluate_with(run_id="another", **asked) is None

    def test_plugin__registers_the_stored_path(self):
        """The path that is stored with DAGs; it must never change."""
        stored = f"{CallingHoursDeadline.__module__}.{CallingHoursDeadline.__qualname__}"

        assert stored == "airflow_provider_campaigns.deadlines.CallingHoursDeadline"
        assert KoreCampaignPlugin.deadline_references == [CallingHoursDeadline]


@since(3, "deadlines of one's own")
@pytest.mark.parametrize(
    ("arguments", "more", "message"),
    [
        (("Asia/Kolkata", {"MO-SU": "12:00 AM-12:00 AM"}), {}, r"^hours: they never close and never open"),
        ((None, WEEK), {}, r"^timezone: is missing"),
        (KOLKATA, {"closed_on": "2026-12-25"}, r"^closed_on: "),
        (KOLKATA, {"contact_timezones": ["Mars/Olympus"]}, r"^contact_timezones: "),
        (KOLKATA, {"last_day": "{{ ds }}"}, r"^last_day: expected a date such as '2026-12-24'"),
    ],
)
def test_init__refuses(arguments: tuple[Any, ...], more: dict[str, Any], message: str):
    """What cannot be read is an error of the DAG file that names the argument."""
    with pytest.raises(KoreConfigurationError, match=message):
        CallingHoursDeadline(*arguments, **more)


@below(3, "deadlines of one's own")
def test_init__older_airflow():
    """Where Airflow has nothing like it, the error says since when it does, and what to write instead."""
    with pytest.raises(ImportError, match=r"came with Airflow 3\.3; on 3\.2 take DeadlineReference.DAGRUN_QUEUED_AT"):
        CallingHoursDeadline(*KOLKATA)
