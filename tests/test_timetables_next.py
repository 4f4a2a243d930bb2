"""``CallingHoursTimetable``: which run is next, whatever happened before."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import islice

import pendulum
import pytest
from airflow.models.dagrun import DagRun
from airflow.timetables.base import DataInterval, TimeRestriction
from airflow.utils.types import DagRunType
from airflow_names import since
from timetable_support import SATURDAY, WEEK, following, instant, interval, next_at, told

from airflow_provider_campaigns.timetables import CallingHoursTimetable

EVENTS = ["last_close", "first_open", "every_close", "every_open"]


class TestCatchupOff:
    """Which missed events are made up."""

    KOLKATA = CallingHoursTimetable("Asia/Kolkata", WEEK)
    WEDNESDAY = ("2026-11-18 03:30", "2026-11-18 12:30")
    THURSDAY = ("2026-11-19 03:30", "2026-11-19 12:30")
    FRIDAY = ("2026-11-20 03:30", "2026-11-20 12:30")

    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            ("2026-11-20 03:29", "2026-11-19 12:20"),  # still the night after Thursday
            ("2026-11-20 03:30", "2026-11-20 12:20"),  # opened
            ("2026-11-20 06:30", "2026-11-20 12:20"),  # noon
            ("2026-11-20 12:25", "2026-11-20 12:20"),  # due, and not yet closed
            ("2026-11-20 15:00", "2026-11-20 12:20"),
            ("2026-11-22 15:00", "2026-11-20 12:20"),  # the weekend is one night
            ("2026-11-23 03:30", "2026-11-23 12:20"),
        ],
    )
    def test_next_run__a_close_until_the_next_opening(self, now: str, expected: str):
        """Of a DAG that has run, unpausing in the night runs the close before; unpausing at noon does not."""
        run = next_at(self.KOLKATA, now, last=self.WEDNESDAY, earliest="2026-01-01 00:00")

        assert run is not None
        assert run[2] == expected

    @pytest.mark.parametrize("earliest", [None, "2026-01-01 00:00"])
    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            ("2026-11-20 12:29", "2026-11-20 12:20"),
            ("2026-11-20 12:34", "2026-11-20 12:20"),  # a second look right after the close does not lose it
            ("2026-11-20 12:35", "2026-11-23 12:20"),
            ("2026-11-21 04:00", "2026-11-23 12:20"),  # first unpaused on Saturday morning
        ],
    )
    def test_next_run__of_a_new_dag(self, now: str, expected: str, earliest: str | None):
        """A DAG that never ran makes up nothing but what was due in the last five minutes, whatever its start date."""
        run = next_at(self.KOLKATA, now, earliest=earliest)

        assert run is not None
        assert run[2] == expected

    def test_next_run__of_a_new_dag_with_catchup(self):
        """Without a start date there is nothing to catch up on."""
        assert next_at(self.KOLKATA, "2026-11-20 12:35", catchup=True) == (
            "2026-11-23 03:30",
            "2026-11-23 12:30",
            "2026-11-23 12:20",
        )

    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            ("2026-11-20 12:00", "2026-11-20 12:20"),
            ("2026-11-20 20:00", "2026-11-20 12:20"),  # down across the close, and back in the evening
            ("2026-11-24 06:30", "2026-11-24 12:20"),  # back at noon four days later
        ],
    )
    def test_next_run__after_a_scheduler_was_down(self, now: str, expected: str):
        """Of the closes that were missed only the last is made up, and only in the night after it."""
        run = next_at(self.KOLKATA, now, last=self.THURSDAY)

        assert run is not None
        assert run[2] == expected

    @pytest.mark.parametrize("now", ["2026-11-20 12:21", "2026-11-20 20:00", "2026-11-22 20:00", "2026-11-23 08:00"])
    def test_next_run__never_the_same_close_again(self, now: str):
        """After Friday's run comes Monday's, whenever it is asked for."""
        assert next_at(self.KOLKATA, now, last=self.FRIDAY, earliest="2026-01-01 00:00") == (
            "2026-11-23 03:30",
            "2026-11-23 12:30",
            "2026-11-23 12:20",
        )

    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            ("2026-11-21 06:29", "2026-11-21 03:30"),
            ("2026-11-21 06:30", "2026-11-28 03:30"),
            ("2026-11-21 08:00", "2026-11-28 03:30"),
        ],
    )
    def test_next_run__a_first_opening_until_the_next_close(self, now: str, expected: str):
        """An opening is made up while it is still open, not in a later window of the day."""
        timetable = CallingHoursTimetable("Asia/Kolkata", SATURDAY, "first_open")
        run = next_at(timetable, now, last=("2026-11-14 03:30", "2026-11-14 10:30"), earliest="2026-01-01 00:00")

        assert run is not None
        assert run[2] == expected

    def test_next_run__a_close_of_every_stretch(self):
        """In the lunch break the close before it is made up, in the afternoon it is not."""
        timetable = CallingHoursTimetable("Asia/Kolkata", SATURDAY, "every_close")
        last = ("2026-11-14 07:30", "2026-11-14 10:30")

        assert [
            next_at(timetable, now, last=last, earliest="2026-01-01 00:00")
            for now in ("2026-11-21 07:00", "2026-11-21 07:30")
        ] == [
            ("2026-11-21 03:30", "2026-11-21 06:30", "2026-11-21 06:20"),
            ("2026-11-21 07:30", "2026-11-21 10:30", "2026-11-21 10:20"),
        ]

    @pytest.mark.parametrize("now", ["2026-11-20 03:30", "2026-11-20 11:59", "2026-11-20 12:30", "2026-11-22 00:00"])
    def test_next_run__due_after_the_next_opening(self, now: str):
        """A run that is due long after its close is not lost because hours have opened meanwhile."""
        timetable = CallingHoursTimetable("Asia/Kolkata", {"TH-FR": "9:00 AM-6:00 PM"}, offset=timedelta(hours=23.5))

        assert next_at(timetable, now, last=("2026-11-13 03:30", "2026-11-13 12:30"), earliest="2026-01-01 00:00") == (
            "2026-11-19 03:30",
            "2026-11-19 12:30",
            "2026-11-20 12:00",
        )


class TestRestriction:
    """start_date, end_date and catchup."""

    KOLKATA = CallingHoursTimetable("Asia/Kolkata", WEEK)

    @pytest.mark.parametrize("catchup", [True, False])
    @pytest.mark.parametrize(
        ("zone", "closes"),
        [
            ("Pacific/Auckland", "2026-12-24 05:00"),  # 18:00 on the 24th, 13 hours ahead
            ("Australia/Sydney", "2026-12-24 07:00"),
            ("Asia/Tokyo", "2026-12-24 09:00"),
        ],
    )
    def test_next_run__start_date_at_midnight_in_utc(self, zone: str, closes: str, catchup: bool):
        """East of UTC, hours have begun before that midnight: their close has a run, which begins at the start date."""
        timetable = CallingHoursTimetable(zone, WEEK, offset=timedelta(0))

        first = next_at(timetable, "2026-12-01 00:00", earliest="2026-12-24 00:00", catchup=catchup)
        second = next_at(timetable, closes, last=first[:2], earliest="2026-12-24 00:00", catchup=catchup)

        assert first == ("2026-12-24 00:00", closes, closes)
        assert second[1] == closes.replace("24", "25")

    @pytest.mark.parametrize("catchup", [True, False])
    @pytest.mark.parametrize(
        ("now", "earliest", "expected"),
        [
            ("2026-11-18 07:00", "2026-11-18 03:30", ("2026-11-18 03:30", "2026-11-18 12:30", "2026-11-18 12:20")),
            ("2026-11-18 07:00", "2026-11-18 03:31", ("2026-11-18 03:31", "2026-11-18 12:30", "2026-11-18 12:20")),
            # Due before the start date, and so no earlier than it.
            ("2026-11-18 07:00", "2026-11-18 12:29", ("2026-11-18 12:29", "2026-11-18 12:30", "2026-11-18 12:29")),
            ("2026-11-18 12:34", "2026-11-18 03:31", ("2026-11-18 03:31", "2026-11-18 12:30", "2026-11-18 12:20")),
            # The close is over, or is not after the start date: the next day.
            ("2026-11-18 12:35", "2026-11-18 03:31", ("2026-11-19 03:30", "2026-11-19 12:30", "2026-11-19 12:20")),
            ("2026-11-18 07:00", "2026-11-18 12:30", ("2026-11-19 03:30", "2026-11-19 12:30", "2026-11-19 12:20")),
        ],
    )
    def test_next_run__start_date_in_the_middle_of_a_day(
        self, now: str, earliest: str, expected: tuple[str, str, str], catchup: bool
    ):
        """The first run is that of the close which is still ahead, and after the start date."""
        assert next_at(self.KOLKATA, now, earliest=earliest, catchup=catchup) == expected

    def test_next_run__start_date_moved_into_a_day(self):
        """Also of a DAG that has run, and not once more for a close that it has run for."""
        assert [
            next_at(self.KOLKATA, "2026-11-18 07:00", last=last, earliest="2026-11-18 06:00")
            for last in (
                ("2026-11-17 03:30", "2026-11-17 12:30"),
                ("2026-11-18 03:30", "2026-11-18 12:30"),
            )
        ] == [
            ("2026-11-18 06:00", "2026-11-18 12:30", "2026-11-18 12:20"),
            ("2026-11-19 03:30", "2026-11-19 12:30", "2026-11-19 12:20"),
        ]

    def test_next_run__several_closes_whose_runs_are_due_before_the_start_date(self):
        """Each has its run, and each run a logical date of its own."""
        timetable = CallingHoursTimetable("Asia/Kolkata", SATURDAY, "every_close", offset=timedelta(hours=-20))
        restriction = TimeRestriction(instant("2026-11-21 03:00"), None, catchup=False)
        starts, last = [], None
        for _ in range(3):
            info = timetable.next_run(last, restriction, now=instant("2026-11-21 03:10"))
            assert info is not None
            last = info.data_interval
            starts.append((f"{last.start:%d %H:%M:%S}", f"{last.end:%d %H:%M}", f"{info.run_after:%d %H:%M:%S}"))

        assert starts == [
            ("21 03:00:00", "21 06:30", "21 03:00:00"),
            ("21 03:00:01", "21 10:30", "21 03:00:01"),
            ("27 10:30:00", "28 06:30", "27 10:30:00"),
        ]

    def test_next_run__start_date_in_the_future(self):
        """Nothing is due before it, with catchup and without."""
        expected = ("2027-01-04 03:30", "2027-01-04 12:30", "2027-01-04 12:20")

        assert [
            next_at(self.KOLKATA, "2026-11-20 12:25", earliest="2027-01-02 00:00", catchup=catchup)
            for catchup in (True, False)
        ] == [expected, expected]

    @pytest.mark.parametrize("catchup", [True, False])
    def test_next_run__end_date(self, catchup: bool):
        """A day that opens at the end date runs; the one after it does not, and there is no next run then."""
        assert [
            next_at(
                self.KOLKATA,
                "2026-11-19 13:00",
                last=("2026-11-19 03:30", "2026-11-19 12:30"),
                latest=latest,
                catchup=catchup,
            )
            for latest in ("2026-11-20 03:30", "2026-11-20 03:29")
        ] == [("2026-11-20 03:30", "2026-11-20 12:30", "2026-11-20 12:20"), None]

    def test_next_run__catchup(self):
        """With catchup every day since the start date has its run, one after the other."""
        assert [
            next_at(self.KOLKATA, "2026-11-20 06:30", earliest="2026-11-12 00:00", last=last, catchup=True)
            for last in (
                None,
                ("2026-11-12 03:30", "2026-11-12 12:30"),
                ("2026-11-13 03:30", "2026-11-13 12:30"),
            )
        ] == [
            ("2026-11-12 03:30", "2026-11-12 12:30", "2026-11-12 12:20"),
            ("2026-11-13 03:30", "2026-11-13 12:30", "2026-11-13 12:20"),
            ("2026-11-16 03:30", "2026-11-16 12:30", "2026-11-16 12:20"),
        ]

    def test_next_run__catchup_after_a_backfill_of_later_days(self):
        """A start date that was moved past the last run counts."""
        assert next_at(
            self.KOLKATA,
            "2026-11-20 06:30",
            earliest="2026-11-18 00:00",
            last=("2026-11-12 03:30", "2026-11-12 12:30"),
            catchup=True,
        ) == ("2026-11-18 03:30", "2026-11-18 12:30", "2026-11-18 12:20")

    def test_next_run__hours_closed_for_good(self):
        """Where closed days leave no opening in ten years, there is no next run, and no endless search."""
        days = [date(2026, 11, 1) + timedelta(days=number) for number in range(12 * 366)]
        timetable = CallingHoursTimetable("Asia/Kolkata", WEEK, closed_on=days)

        assert next_at(timetable, "2026-11-20 06:30", earliest="2026-11-18 00:00", catchup=True) is None


class TestChangedSchedules:
    """A DAG whose hours or whose timetable changed goes on, without the same logical date twice."""

    TUESDAY = ("2026-11-17 03:30", "2026-11-17 12:30")

    @pytest.mark.parametrize("catchup", [True, False])
    def test_next_run__of_a_day_that_was_extended(self, catchup: bool):
        """If today's hours are extended after today's run, the rest of the day has a run of its own."""
        longer = CallingHoursTimetable("Asia/Kolkata", {"MO-FR": "9:00 AM-8:00 PM"})

        assert next_at(longer, "2026-11-17 12:25", last=self.TUESDAY, earliest="2026-01-01 00:00", catchup=catchup) == (
            "2026-11-17 12:30",
            "2026-11-17 14:30",
            "2026-11-17 14:20",
        )

    def test_next_run__of_an_extended_day_before_the_start_date(self):
        """Not if the start date was moved past it."""
        longer = CallingHoursTimetable("Asia/Kolkata", {"MO-FR": "9:00 AM-8:00 PM"})

        assert next_at(longer, "2026-11-17 12:25", last=self.TUESDAY, earliest="2026-11-18 00:00") == (
            "2026-11-18 03:30",
            "2026-11-18 14:30",
            "2026-11-18 14:20",
        )

    def test_next_run__of_an_opening_in_a_day_that_was_extended(self):
        """A later close is no other opening."""
        longer = CallingHoursTimetable("Asia/Kolkata", {"MO-FR": "9:00 AM-8:00 PM"}, "first_open")

        assert next_at(longer, "2026-11-17 03:32", last=self.TUESDAY, earliest="2026-01-01 00:00") == (
            "2026-11-18 03:30",
            "2026-11-18 14:30",
            "2026-11-18 03:30",
        )

    @pytest.mark.parametrize("catchup", [True, False])
    def test_next_run__of_a_past_day_that_was_extended(self, catchup: bool):
        """If that later close has passed, it never was one; the next day is next."""
        longer = CallingHoursTimetable("Asia/Kolkata", {"MO-FR": "9:00 AM-8:00 PM"})

        assert next_at(longer, "2026-11-17 15:00", last=self.TUESDAY, earliest="2026-01-01 00:00", catchup=catchup) == (
            "2026-11-18 03:30",
            "2026-11-18 14:30",
            "2026-11-18 14:20",
        )

    @pytest.mark.parametrize("catchup", [True, False])
    def test_next_run__of_a_day_that_was_shortened(self, catchup: bool):
        """An earlier close on the same day is no second run."""
        shorter = CallingHoursTimetable("Asia/Kolkata", {"MO-FR": "9:00 AM-5:00 PM"})

        assert next_at(
            shorter, "2026-11-17 11:25", last=self.TUESDAY, earliest="2026-01-01 00:00", catchup=catchup
        ) == ("2026-11-18 03:30", "2026-11-18 11:30", "2026-11-18 11:20")

    def test_next_run__after_a_cron_timetable(self):
        """A last run without an extent, at the very opening, does not block the day's close."""
        last = ("2026-11-17 03:30", "2026-11-17 03:30")
        restriction = TimeRestriction(instant("2026-01-01 00:00"), None, catchup=True)
        timetable = CallingHoursTimetable("Asia/Kolkata", WEEK)
        info = timetable.next_run(interval(*last), restriction, now=instant("2026-11-17 06:00"))

        assert info is not None
        assert info.data_interval == DataInterval(
            pendulum.datetime(2026, 11, 17, 3, 30, 1), instant("2026-11-17 12:30")
        )

    def test_next_run__after_a_weekly_timetable(self):
        """What a long last interval covers is not run again."""
        timetable = CallingHoursTimetable("Asia/Kolkata", WEEK, "first_open")
        last = ("2026-11-09 00:00", "2026-11-16 00:00")

        assert next_at(timetable, "2026-11-16 01:00", last=last, earliest="2026-01-01 00:00", catchup=True) == (
            "2026-11-16 03:30",
            "2026-11-16 12:30",
            "2026-11-16 03:30",
        )


class TestManualRuns:
    """Runs by hand."""

    @pytest.mark.parametrize(
        ("run_after", "expected"),
        [
            ("2026-11-20 03:29", ("2026-11-19 03:30", "2026-11-19 12:30")),
            ("2026-11-20 03:30", ("2026-11-20 03:30", "2026-11-20 12:30")),
            ("2026-11-20 06:30", ("2026-11-20 03:30", "2026-11-20 12:30")),
            ("2026-11-22 06:30", ("2026-11-20 03:30", "2026-11-20 12:30")),
        ],
    )
    def test_infer_manual_data_interval__is_the_days(self, run_after: str, expected: tuple[str, str]):
        """At noon it is the day that goes on, at night and at the weekend the last one."""
        timetable = CallingHoursTimetable("Asia/Kolkata", WEEK)

        assert timetable.infer_manual_data_interval(run_after=instant(run_after)) == interval(*expected)

    @pytest.mark.parametrize("event", EVENTS)
    @pytest.mark.parametrize("offset", [timedelta(0), timedelta(minutes=-30), timedelta(hours=-20)])
    def test_infer_manual_data_interval__for_a_scheduled_logical_date(self, event: str, offset: timedelta):
        """It is the interval of the scheduled run, so that the scheduler goes on from there."""
        timetable = CallingHoursTimetable("America/New_York", WEEK | SATURDAY, event, offset)

        infos = list(islice(following(timetable, "2026-10-25 00:00"), 30))

        assert len(infos) == 30
        for info in infos:
            assert timetable.infer_manual_data_interval(run_after=info.data_interval.start) == info.data_interval

    @since(2, "run_info_from_dag_run")
    def test_run_info_from_dag_run__made_ahead_on_the_command_line(self):
        """A run by hand under tomorrow's logical date, with today's interval, counts as tomorrow's."""
        timetable = CallingHoursTimetable("Asia/Kolkata", WEEK)
        run = DagRun(
            dag_id="any",
            run_id="manual__1",
            run_type=DagRunType.MANUAL,
            logical_date=instant("2026-11-20 03:30"),
            data_interval=interval("2026-11-19 03:30", "2026-11-19 12:30"),
            run_after=instant("2026-11-19 20:00"),
        )
        info = timetable.run_info_from_dag_run(dag_run=run)
        restriction = TimeRestriction(instant("2026-01-01 00:00"), None, catchup=True)

        assert info.data_interval == interval("2026-11-20 03:30", "2026-11-20 12:30")
        assert told(timetable.next_dagrun_info_v2(last_dagrun_info=info, restriction=restriction)) == (
            "2026-11-23 03:30",
            "2026-11-23 12:30",
            "2026-11-23 12:20",
        )

    @since(2, "run_info_from_dag_run")
    def test_run_info_from_dag_run__scheduled(self):
        """A scheduled run counts as what it is."""
        timetable = CallingHoursTimetable("Asia/Kolkata", WEEK)
        friday = interval("2026-11-20 03:30", "2026-11-20 12:30")
        run = DagRun(
            dag_id="any",
            run_id="scheduled__1",
            run_type=DagRunType.SCHEDULED,
            logical_date=friday.start,
            data_interval=friday,
            run_after=instant("2026-11-20 12:20"),
        )

        assert timetable.run_info_from_dag_run(dag_run=run).data_interval == friday

    def test_generate_run_id__unique(self):
        """The ids of a year's runs, scheduled and backfilled, name their due time and differ."""
        timetable = CallingHoursTimetable("America/New_York", {"MO-SU": ["9:00 AM-12:00 PM", "1:00 PM-6:00 PM"]})
        ids = [
            timetable.generate_run_id(run_type=kind, run_after=info.run_after, data_interval=info.data_interval)
            for info in islice(following(timetable, "2026-01-01 00:00"), 365)
            for kind in (DagRunType.SCHEDULED, DagRunType.BACKFILL_JOB)
        ]

        assert ids[0] == "scheduled__2026-01-01T22:50:00+00:00"
        assert len(set(ids)) == 730
