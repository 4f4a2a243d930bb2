"""``CallingHoursTimetable`` as a value: its arguments, its texts, and its way through Airflow's database."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pendulum
import pytest
from airflow.sdk import DAG
from airflow.timetables.base import TimeRestriction
from airflow_names import DagBag, DagSerialization, first_run

import airflow_provider_campaigns
from airflow_provider_campaigns.kore.errors import KoreConfigurationError
from airflow_provider_campaigns.plugin import KoreCampaignPlugin
from airflow_provider_campaigns.timetables import CallingHoursTimetable

if TYPE_CHECKING:
    from pathlib import Path

WEEK = {"MO-FR": "9:00 AM-6:00 PM"}
API_HOURS = {
    "frequency": "WEEKLY",
    "timezone": "Asia/Kolkata",
    "days": [{"day": "MO", "start": "9:00 AM", "end": "6:00 PM"}],
}

TIMETABLES = [
    CallingHoursTimetable("Asia/Kolkata", WEEK),
    CallingHoursTimetable("America/New_York", {"FR": "9:00 PM-2:00 AM", "SA": "12:00 AM-12:00 AM"}, "first_open", 90.5),
    CallingHoursTimetable(None, API_HOURS, "every_close", timedelta(hours=-1), closed_on={date(2026, 12, 25)}),
    CallingHoursTimetable("Asia/Kolkata", {"MO": ["9:00 PM-8:00 PM", "7:30 PM-9:30 PM"]}, "every_open"),
]


class TestArguments:
    """What is accepted, and what is refused when the DAG file is parsed."""

    @pytest.mark.parametrize("timezone", [None, "Asia/Kolkata", "Asia/Kolkata "])
    @pytest.mark.parametrize("hours", [API_HOURS, {"name": "Renewals", "dialingStrategy": {"callingHours": API_HOURS}}])
    def test_init__with_hours_of_the_service(self, timezone: str | None, hours: dict[str, Any]):
        """A calling-hours object and a campaign object bring their zone, which may be repeated."""
        assert CallingHoursTimetable(timezone, hours) == CallingHoursTimetable(
            "Asia/Kolkata", {"MO": "9:00 AM-6:00 PM"}
        )

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (
                ("America/New_York", API_HOURS),
                (
                    "timezone: 'America/New_York' contradicts the 'Asia/Kolkata' of the calling hours; "
                    "expected None or 'Asia/Kolkata'"
                ),
            ),
            ((None, WEEK), 'timezone: is missing; expected the name of a time zone, for example "Asia/Kolkata"'),
            (
                ("Asia/Kolkata", WEEK, "close"),
                (
                    "event: 'close' cannot be read; expected one of last_close, first_open, every_close, every_open, "
                    'for example "last_close"'
                ),
            ),
            (
                ("Asia/Kolkata", {"MO": "9 Uhr-18 Uhr"}),
                'hours["MO"]: \'9 Uhr\' cannot be read; expected a time of the 12-hour clock, for example "9:00 AM"',
            ),
        ],
    )
    def test_init__refuses(self, arguments: tuple[Any, ...], message: str):
        """The error names the argument and shows one that is accepted."""
        with pytest.raises(KoreConfigurationError) as caught:
            CallingHoursTimetable(*arguments)

        assert str(caught.value) == message

    @pytest.mark.parametrize("event", ["last_close", "first_open", "every_close", "every_open"])
    @pytest.mark.parametrize("closed_on", [[], ["2026-12-25"]])
    @pytest.mark.parametrize(
        "hours", [{"MO-SU": "12:00 AM-12:00 AM"}, {"MO-SU": ["12:00 AM-12:00 PM", "12:00 PM-12:00 AM"]}]
    )
    def test_init__refuses_hours_that_never_close(self, event: str, closed_on: list[str], hours: dict[str, Any]):
        """Neither do such hours open. A closed day does not help: after it they would never close again."""
        with pytest.raises(KoreConfigurationError, match=r"^hours: they never close and never open"):
            CallingHoursTimetable("Asia/Kolkata", hours, event, closed_on=closed_on)

    @pytest.mark.parametrize(
        "closed_on",
        ["2026-12-25", ["25.12.2026"], [datetime(2026, 12, 25, tzinfo=UTC)], [20261225], {"2026-12-25": "Christmas"}],
    )
    def test_init__refuses_closed_days(self, closed_on: Any):
        """Dates only, in a plain collection: a calendar that works its days out when asked cannot be stored."""
        with pytest.raises(KoreConfigurationError, match=r"^closed_on: "):
            CallingHoursTimetable("Asia/Kolkata", WEEK, closed_on=closed_on)


class TestTexts:
    """What people read."""

    @pytest.mark.parametrize(
        ("event", "offset", "when"),
        [
            ("last_close", None, "10 min before the last close"),
            ("last_close", 0, "at the last close"),
            ("first_open", None, "at the first opening"),
            ("every_close", timedelta(hours=1, minutes=30), "1 h 30 min after every close"),
            ("every_open", -45, "45 s before every opening"),
        ],
    )
    def test_summary__says_when(self, event: str, offset: Any, when: str):
        """The hours, and when in relation to them."""
        timetable = CallingHoursTimetable("Asia/Kolkata", WEEK, event, offset)

        assert timetable.summary == f"Mon-Fri 9:00 AM-6:00 PM, Asia/Kolkata: {when}"

    @pytest.mark.parametrize(
        ("arguments", "description"),
        [
            (
                {},
                "10 min before the last close of each day; calling hours: Mon-Fri 9:00 AM-6:00 PM, Asia/Kolkata",
            ),
            (
                {"event": "every_open", "closed_on": ["2026-12-25", "2026-01-26"]},
                (
                    "At every opening; calling hours: Mon-Fri 9:00 AM-6:00 PM except on 2 closed days, Asia/Kolkata; "
                    "closed on 2026-01-26, 2026-12-25"
                ),
            ),
        ],
    )
    def test_description__says_all(self, arguments: dict[str, Any], description: str):
        """The closed days are named."""
        assert CallingHoursTimetable("Asia/Kolkata", WEEK, **arguments).description == description

    def test_description__fits_its_column(self):
        """PostgreSQL refuses more than 1000 characters, and with them the DAG."""
        days = [date(2026, 1, 1) + timedelta(days=number) for number in range(200)]
        description = CallingHoursTimetable("Asia/Kolkata", WEEK, closed_on=days).description

        assert len(description) == 1000
        assert description.endswith("...")

    def test_repr__is_the_summary(self):
        """A log line tells which timetable it is."""
        assert repr(TIMETABLES[0]) == (
            "<CallingHoursTimetable Mon-Fri 9:00 AM-6:00 PM, Asia/Kolkata: 10 min before the last close>"
        )


class TestStorage:
    """Through the database and back."""

    def test_serialize__is_plain_json(self):
        """What is stored, spelled out: changing it breaks stored DAGs."""
        assert json.loads(json.dumps(TIMETABLES[2].serialize())) == {
            "hours": {
                "frequency": "WEEKLY",
                "timezone": "Asia/Kolkata",
                "days": [{"day": "MO", "start": "9:00 AM", "end": "6:00 PM"}],
            },
            "event": "every_close",
            "offset_s": -3600.0,
            "closed_on": ["2026-12-25"],
        }

    @pytest.mark.parametrize("timetable", TIMETABLES, ids=repr)
    def test_deserialize__gives_an_equal_timetable(self, timetable: CallingHoursTimetable):
        """Equal, also after JSON, in value, hash and texts."""
        read = CallingHoursTimetable.deserialize(json.loads(json.dumps(timetable.serialize())))

        assert read == timetable
        assert hash(read) == hash(timetable)
        assert (read.summary, read.description) == (timetable.summary, timetable.description)

    @pytest.mark.parametrize("timetable", TIMETABLES, ids=repr)
    def test_dag__survives_serialization(self, timetable: CallingHoursTimetable):
        """A whole DAG through Airflow's serialization, and its next run is the same."""
        dag = DAG("any", schedule=timetable, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=True)
        read = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
        restriction = TimeRestriction(pendulum.datetime(2026, 1, 1), None, catchup=True)

        assert type(read.timetable) is CallingHoursTimetable
        assert read.timetable == timetable
        assert first_run(read) == timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)

    @pytest.mark.parametrize(
        "other",
        [
            CallingHoursTimetable("Asia/Colombo", WEEK),
            CallingHoursTimetable("Asia/Kolkata", {"MO-SA": "9:00 AM-6:00 PM"}),
            CallingHoursTimetable("Asia/Kolkata", WEEK, "every_close"),
            CallingHoursTimetable("Asia/Kolkata", WEEK, offset=0),
            CallingHoursTimetable("Asia/Kolkata", WEEK, closed_on=["2026-12-25"]),
            "Mon-Fri 9:00 AM-6:00 PM, Asia/Kolkata: 10 min before the last close",
        ],
    )
    def test_eq__differs(self, other: object):
        """Each argument counts."""
        assert CallingHoursTimetable("Asia/Kolkata", WEEK) != other

    def test_plugin__registers_the_stored_path(self):
        """The path that is stored with DAGs; it must never change."""
        stored = f"{CallingHoursTimetable.__module__}.{CallingHoursTimetable.__qualname__}"

        assert stored == "airflow_provider_campaigns.timetables.CallingHoursTimetable"
        assert KoreCampaignPlugin.timetables == [CallingHoursTimetable]
        assert airflow_provider_campaigns.CallingHoursTimetable is CallingHoursTimetable

    def test_attributes__of_a_regular_schedule(self):
        """It can be backfilled and scheduled, and does not limit a DAG's runs."""
        timetable = TIMETABLES[0]

        assert (timetable.periodic, timetable.can_be_scheduled, timetable.active_runs_limit) == (True, True, None)


class TestParsing:
    """In a DAG file."""

    def test_dagbag__tells_hours_that_never_close(self, tmp_path: Path):
        """The import error of the DAG file names the argument."""
        (tmp_path / "wrong.py").write_text(
            "from airflow.sdk import DAG\n"
            "from airflow_provider_campaigns import CallingHoursTimetable\n"
            "DAG('any', schedule=CallingHoursTimetable('UTC', {'MO-SU': '12:00 AM-12:00 AM'}))\n"
        )
        bag = DagBag(str(tmp_path))

        assert "hours: they never close and never open" in bag.import_errors[str(tmp_path / "wrong.py")]

    def test_import__loads_nothing_heavy(self):
        """Every process that parses DAGs pays for the import."""
        code = (
            "import airflow.sdk, airflow.timetables.base, sys; before = set(sys.modules); "
            "import airflow_provider_campaigns.timetables; "
            "heavy = {'requests', 'jwt', 'cryptography', 'aiohttp', 'fastapi', 'pandas', 'numpy', 'pyarrow'}; "
            "print(sorted(heavy & (set(sys.modules) - before)))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

        assert done.stdout.endswith("[]\n"), done.stdout
