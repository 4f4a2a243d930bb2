"""What a page says of calling hours and of the settings of a campaign."""

from __future__ import annotations

from typing import Any

import pytest
from page_support import (
    CALLER_ID,
    Case,
    read,
    sms,
)


class TestHours:
    def test_week(self) -> None:
        """The whole week, with its zone."""
        page = read(Case())

        assert page.rows("hours") == [
            ["Day", "Open"],
            *[[day, "9:00 AM \u2013 6:00 PM"] for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")],
            ["Saturday", "closed"],
            ["Sunday", "closed"],
        ]
        assert "Time zone Asia/Kolkata, unless a contact has its own." in page.text("hours")

    def test_week__windows_of_every_form(self) -> None:
        """Several windows, an overnight one, one until midnight, and the whole day."""
        case = Case()
        case.hours["days"] = [
            {"day": "MO", "start": "1:00 PM", "end": "4:00 PM"},
            {"day": "MO", "start": "9:00 AM", "end": "12:00 PM"},
            {"day": "TU", "start": "9:00 PM", "end": "2:00 AM"},
            {"day": "WE", "start": "9:00 AM", "end": "12:00 AM"},
            {"day": "TH", "start": "12:00 AM", "end": "12:00 AM"},
        ]

        assert read(case).rows("hours")[1:5] == [
            ["Monday", "9:00 AM \u2013 12:00 PM 1:00 PM \u2013 4:00 PM"],
            ["Tuesday", "9:00 PM \u2013 2:00 AM the next day"],
            ["Wednesday", "9:00 AM \u2013 midnight"],
            ["Thursday", "all day"],
        ]

    def test_week__unreadable(self) -> None:
        """Hours that cannot be read stand there as they are, with the field that cannot be read."""
        case = Case()
        case.hours["days"] = [{"day": "MO", "start": "nine", "end": "6:00 PM", "note": CALLER_ID}, "x"]
        case.hours["timezone"] = "Mars/Olympus"
        page = read(case)

        assert page.rows("hours") == [
            ["Day", "Start", "End"],
            ["MO", "nine", "6:00 PM"],
            ["not given", "not given", "not given"],
        ]
        assert "cannot be evaluated (dialingStrategy.callingHours.timezone), so they stand here as the campaign " in (
            page.text("hours")
        )
        assert "Time zone: Mars/Olympus." in page.text("hours")
        assert "Stopped Mon 2025-12-08, 12:30:01 UTC." in page.text("hours")

    @pytest.mark.parametrize("strategy", [None, "x", {}, {"callingHours": None}, {"callingHours": {"days": "MO"}}])
    def test_week__none(self, strategy: Any) -> None:
        """A campaign object without readable hours says so, and guesses nothing."""
        case = Case()
        case.campaign["dialingStrategy"] = strategy
        page = read(case)

        assert "These hours cannot be evaluated" in page.text("hours")
        assert "Time zone: not given." in page.text("hours")
        assert page.rows("hours") == []

    def test_stop(self) -> None:
        """The stop in the campaign's own zone and in UTC, and in the light of its hours."""
        assert (
            read(Case())
            .text("hours")
            .endswith(
                "The stop Stopped Mon 2025-12-08, 6:00:01 PM Asia/Kolkata (Mon 2025-12-08, 12:30:01 UTC). "
                "By the campaign's own hours, calling was closed at that moment."
            )
        )

    def test_stop__too_early(self) -> None:
        """A stop inside the hours is told as such."""
        case = Case()
        case.manifest["stopped_at"] = "2025-12-08T12:29:59.999Z"

        assert (
            read(case)
            .text("hours")
            .endswith(
                "5:59:59 PM Asia/Kolkata (Mon 2025-12-08, 12:29:59 UTC). "
                "By the campaign's own hours, calling was still open at that moment."
            )
        )

    def test_stop__another_date(self) -> None:
        """The two clocks may show two dates."""
        case = Case()
        case.manifest["stopped_at"] = "2025-12-08T18:30:00Z"

        assert "Tue 2025-12-09, 12:00:00 AM Asia/Kolkata (Mon 2025-12-08, 18:30:00 UTC)" in read(case).text("hours")

    def test_stop__unknown(self) -> None:
        """Without a stop's instant nothing is claimed."""
        case = Case()
        case.manifest["stopped_at"] = None
        page = read(case)

        assert page.text("hours").endswith("When, and whether, it was stopped is not known to this report.")
        assert "Stopped Mon" not in page.text()

    @pytest.mark.parametrize("text", ["soon", "2025-12-08T12:30:01", "9999-12-31T23:59:59Z", "2025-12-08"])
    def test_stop__unreadable(self, text: str) -> None:
        """An instant that is none, or has no zone, or lies outside the calendar, stands there as it is."""
        case = Case()
        case.manifest["stopped_at"] = text

        assert f"Stopped {text}." in read(case).text("hours")


class TestSettings:
    def test_settings__voice(self) -> None:
        """What a voice campaign is configured by, with units."""
        text = read(Case()).text("settings")

        assert text == (
            "Configuration Dialing modeAgentless Dialing orderFIFO first in, first out Attempts per contact3 at most "
            "Retry period10 minutes Ring time30 seconds Contact listsCL Only 2020 Dec 4 Do-not-call listsDNC CL Dec 4 "
            "Experience flowcf-ecfa3927-eabc-52c4-8373-8a0b75d00001 Contact filtersno Priority5 5 is the highest "
            "Schedulenone; started on demand "
            "CreatedMon 2025-12-01, 10:59:38 AM Asia/Kolkata (Mon 2025-12-01, 05:29:38 UTC) "
            "Last changedMon 2025-12-08, 6:00:00 PM Asia/Kolkata (Mon 2025-12-08, 12:30:00 UTC)"
        )

    def test_settings__sms(self) -> None:
        """What only voice campaigns have is left out."""
        text = read(sms()).text("settings")

        assert text.startswith("Configuration Message formatadvanced Contact listsCL Only 2020 Dec 4 ")
        assert "ExecutionNORMAL" in text
        assert "Dialing" not in text

    def test_settings__queue(self) -> None:
        """Queue, skips and machine detection of those who have them."""
        case = Case()
        case.campaign |= {"queue_name": "Default Queue", "maxSkips": 1, "enableMachineDetect": True}
        text = read(case).text("settings")

        assert "QueueDefault Queue" in text
        assert "Skips per agent1 Machine detectionyes" in text

    def test_settings__missing(self) -> None:
        """Everything may be missing."""
        case = Case()
        case.campaign = {"dialingMode": "Preview"}
        text = read(case).text("settings")

        assert "Retry periodnot given Ring timenot given Contact listsnot given Do-not-call listsnot given" in text
        assert "Prioritynot given" in text
        assert "Schedulenot given" in text

    @pytest.mark.parametrize(
        ("schedule", "words"),
        [
            ({"isSchedulingEnabled": True}, "Scheduleenabled Created"),
            ({"isSchedulingEnabled": True, "isRecurrenceEnabled": True}, "Scheduleenabled, recurring Created"),
            ({}, "Schedulenone; started on demand Created"),
            ({"isSchedulingEnabled": "yes"}, "Schedulein a form this page does not know; see campaign.json Created"),
            ("daily", "Schedulein a form this page does not know; see campaign.json Created"),
        ],
    )
    def test_settings__schedule(self, schedule: Any, words: str) -> None:
        """A schedule is told, and never guessed."""
        case = Case()
        case.campaign["schedule"] = schedule

        assert words in read(case).text("settings")

    def test_settings__odd_values(self) -> None:
        """Values of the wrong kind are shown as text or not at all."""
        case = Case()
        case.strategy.update({"defaultRetryPeriod": 1, "maxRingTime": "30", "maxAttemptsPerRecord": {"x": CALLER_ID}})
        case.campaign |= {"contactLists": [], "dncLists": [{"name": "A"}, "B", {"id": "x"}], "maxSkips": True}
        text = read(case).text("settings")

        assert "Attempts per contactin a form this page does not know; see campaign.json at most" in text
        assert "Retry period1 minute Ring time30 Contact listsnot given Do-not-call listsABnot given" in text
        assert "Skips per agentyes" in text

    def test_settings__many_lists(self) -> None:
        """Twenty lists are named."""
        case = Case()
        case.campaign["contactLists"] = [f"List {number}" for number in range(25)]

        assert "List 19and 5 more Do-not-call" in read(case).text("settings")
