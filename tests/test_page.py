"""The page for people: what it says of each kind of report, and what it never says."""

from __future__ import annotations

import base64
import hashlib
import re
from copy import deepcopy
from typing import Any

import pytest
from page_support import CALLER_ID, HOSTILE, Case, Reader, hostile, incomplete, many_kinds, never_ran, no_contacts, sms

CASES = {
    "voice": Case,
    "sms": sms,
    "no contacts": no_contacts,
    "never ran": never_ran,
    "snapshot": lambda: incomplete("running"),
    "many kinds": many_kinds,
    "hostile": hostile,
    "unknown type": lambda: Case(kind=None),
}


def read(case: Case) -> Reader:
    return Reader(case.html())


class TestEveryPage:
    @pytest.mark.parametrize("name", list(CASES))
    def test_page__stands_alone(self, name: str) -> None:
        """There is no script, no form, no event handler, and no address of anything but an empty icon."""
        page = read(CASES[name]())

        assert {"script", "form", "iframe", "object", "base", "img", "a"}.isdisjoint(page.tags)
        assert not [name for _, name, _ in page.attributes if name.startswith("on") or name in {"style", "src"}]
        assert [value for _, name, value in page.attributes if name == "href"] == ["data:,"]
        assert "url(" not in CASES[name]().html()
        assert "@import" not in CASES[name]().html()

    @pytest.mark.parametrize("name", list(CASES))
    def test_page__allows_itself_nothing_else(self, name: str) -> None:
        """Its policy forbids everything but its own style, by that style's hash."""
        html = CASES[name]().html()
        (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

        assert (
            f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
            in html
        )

    @pytest.mark.parametrize("name", list(CASES))
    def test_page__is_well_formed(self, name: str) -> None:
        """Language, title, one main heading, landmarks, and a caption and headers with a scope in every table."""
        page = read(CASES[name]())
        html = CASES[name]().html()
        ids = [value for _, name, value in page.attributes if name == "id"]

        assert html.startswith('<!doctype html>\n<html lang="en">\n')
        assert all(page.tags.count(tag) == 1 for tag in ("title", "h1", "header", "main", "footer"))
        assert page.tags.count("table") == page.tags.count("caption")
        assert page.tags.count("th") == sum(1 for tag, name, _ in page.attributes if (tag, name) == ("th", "scope"))
        assert len(ids) == len(set(ids))
        assert {value for _, name, value in page.attributes if name == "aria-labelledby"} == set(ids)

    @pytest.mark.parametrize("name", list(CASES))
    def test_page__same_again(self, name: str) -> None:
        """Equal arguments give equal bytes, whatever the manifest says about the export itself."""
        case, later = CASES[name](), CASES[name]()
        later.manifest |= {"files": {"x": 1}, "started_at": "2026-01-01T00:00:00Z", "finished_at": "Z", "tries": 7}

        assert case.html() == later.html()
        assert case.html().encode() == later.html().encode()

    @pytest.mark.parametrize("name", list(CASES))
    def test_page__changes_nothing(self, name: str) -> None:
        """What it is made of stays as it is."""
        case = CASES[name]()
        before = deepcopy(case.__dict__)
        case.html()

        assert case.__dict__ == before


class TestStatement:
    def test_statement__complete(self) -> None:
        """A complete report says what it holds and what that was compared with."""
        assert read(Case()).text("statement") == (
            "Complete Every result that the service holds is in this report: 1,200 contacts, read after the campaign "
            "had ended and counted against the service's own total. Right before the stop the service counted 1,200; "
            "none is missing."
        )

    def test_statement__duplicates(self) -> None:
        """Rows that occur more than once are told."""
        case = Case()
        case.manifest |= {"duplicate_rows": 1, "contacts_before_stop": None}

        assert read(case).text("statement").endswith("1 row occurred more than once, as the service returned them.")

    def test_statement__sms(self) -> None:
        """For SMS it says that there are no results for each contact."""
        assert "For an SMS campaign that is no result for each contact." in read(sms()).text("statement")

    def test_statement__never_ran(self) -> None:
        """Nothing is missing of a campaign that never ran."""
        assert read(never_ran()).text("statement") == (
            "Complete The campaign has never run, so it has no results that could be missing."
        )

    def test_statement__empty_but_allowed(self) -> None:
        """An empty report that somebody allowed says so."""
        assert "the service returned no contact; whoever ordered" in read(no_contacts()).text("statement")

    def test_statement__ended_without_a_run(self) -> None:
        """What is over has run, also where the service names no run."""
        case = no_contacts()
        case.manifest["campaign_instance_id"] = None

        assert "the service returned no contact; whoever ordered" in read(case).text("statement")

    @pytest.mark.parametrize(
        ("reason", "words"),
        [
            ("running", "a snapshot of a campaign that had not ended The campaign was still running when it was read."),
            ("not_ended", "the campaign had not ended When it was read, the campaign was not in a status"),
            ("total_shrank", "contacts have disappeared The service now counts fewer contacts"),
            ("empty", "there are no results The campaign has run, but the service returned no contact."),
            ("rows_missing", "contacts are missing The number of contacts that could be read is not the number"),
            ("changed_while_reading", "the campaign changed while it was read What was read first"),
        ],
    )
    def test_statement__incomplete(self, reason: str, words: str) -> None:
        """An incomplete report says why, in words, shows the counts, and warns of a delete."""
        text = read(incomplete(reason)).text("statement")

        assert text.startswith(f"Incomplete: {words}")
        assert "Read: 1,200. Counted by the service at that time: 1,180. Counted right before the stop: 1,200." in text
        assert text.endswith(
            "Do not delete the campaign on the strength of this report: after a delete, what is missing here is lost."
        )

    def test_statement__incomplete_in_the_manifests_words(self) -> None:
        """The manifest's own words are preferred, as a sentence, and hold no number."""
        text = read(incomplete("empty", "the stop emptied it, said +49 30 901820")).text("statement")

        assert text.startswith("Incomplete: there are no results The stop emptied it, said (number hidden). Read:")

    @pytest.mark.parametrize(("complete", "words"), [(True, "the service counted 0;"), (False, "before the stop: 0.")])
    def test_statement__none_before_the_stop(self, complete: bool, words: str) -> None:
        """That there were no contacts before the stop is a count like any other; that it is not known is not."""
        case = no_contacts()
        case.manifest |= {"complete": complete, "reason": None if complete else "empty"}

        assert "efore the stop" not in read(case).text("statement")
        case.manifest["contacts_before_stop"] = 0
        assert words in read(case).text("statement")

    def test_statement__unknown_reason(self) -> None:
        """A reason that this page does not know is shown as it is."""
        assert read(incomplete("<odd>")).text("statement").startswith("Incomplete The reason given is: <odd>. Read:")

    def test_statement__incomplete_sms(self) -> None:
        """Without contacts there are no counts to show."""
        case = sms()
        case.manifest |= {"complete": False, "reason": "running"}

        assert "Read:" not in read(case).text("statement")
        assert "strength of this report" in read(case).text("statement")

    def test_statement__stands_first(self) -> None:
        """Name, status and statement come before every figure."""
        text = read(Case()).text()
        places = [text.index(words) for words in ("Service Renewal Spring", "Status Stopped", "Complete", "Contacts")]

        assert places[1:] == sorted(places[1:])


class TestFigures:
    def test_figures__voice(self) -> None:
        """The headline of a voice campaign."""
        assert read(Case()).text("figures") == (
            "Headline figures Contacts1,200 Reached788 65.7% of contacts Never reached412 34.3% of contacts "
            "Mean attempts1.92 2,307 in all, at most 3 In progress12 without an outcome yet "
            "Reached 65.7% Never reached 34.3% "
            "Never reached: no conversation took place, and the outcome is not completed."
        )

    def test_figures__sms(self) -> None:
        """The headline of an SMS campaign."""
        assert read(sms()).text("figures") == "Headline figures Messages sent48,210 as the service counts them"

    def test_figures__sms_unknown(self) -> None:
        """A number of messages that is not known is not a zero."""
        case = sms()
        case.summary["messages_sent"] = None

        assert "Messages sentnot known" in read(case).text("figures")

    def test_figures__rows_are_not_the_total(self) -> None:
        """Where the service counts otherwise, its count stands beside ours."""
        case = incomplete("rows_missing")
        case.summary["contacts"] |= {"total": 1_234_567, "rows": 1_200}

        assert "Contacts1,200 of 1,234,567 by the service's count" in read(case).text("figures")

    def test_figures__nobody(self) -> None:
        """Nothing is divided by zero contacts."""
        assert read(no_contacts()).text("figures") == (
            "Headline figures Contacts0 Reached0 0.0% of contacts Never reached0 0.0% of contacts Mean attemptsnone"
        )

    def test_figures__large(self) -> None:
        """Large counts have separators."""
        case = Case()
        case.summary["contacts"] = {"total": 1_000_000, "rows": 1_000_000, "never_reached": 1, "in_progress": 0}
        text = read(case).text("figures")

        assert "Contacts1,000,000 Reached999,999 >99.9% of contacts Never reached1 <0.1% of contacts" in text
        assert "In progress" not in text

    def test_reach__has_a_text_alternative(self) -> None:
        """The bar is an image that says what it shows."""
        page = read(Case())

        assert ("svg", "role", "img") in page.attributes
        assert ("svg", "aria-label", "Reached 65.7%, never reached 34.3% of all contacts") in page.attributes


class TestCharts:
    def test_outcomes(self) -> None:
        """Each outcome in the service's words, with count and share; the empty one is explained."""
        assert read(Case()).rows("outcomes") == [
            ["Outcome", "Contacts", "Share"],
            ["completed", "553", "46.1%"],
            ["no-answer", "405", "33.8%"],
            ["failed", "140", "11.7%"],
            ["machine_detected", "61", "5.1%"],
            ["busy", "29", "2.4%"],
            ["(empty) still in progress", "12", "1.0%"],
        ]

    def test_hang_ups(self) -> None:
        """The sides are explained, the unknown one is not."""
        case = Case()
        case.summary["hang_ups"] = {"userHangUp": 30, "agentHangUp": 10, "carrier": 10, "": 0}

        assert read(case).rows("hang-ups")[1:] == [
            ["userHangUp the contact hung up", "30", "60.0%"],
            ["agentHangUp the agent hung up", "10", "20.0%"],
            ["carrier", "10", "20.0%"],
            ["(empty) not told", "0", "0.0%"],
        ]

    def test_bars__are_proportional(self) -> None:
        """The longest bar is the greatest count, the others are in proportion to it."""
        case = Case()
        case.summary["outcomes"] = {"a": 300, "b": 75, "c": 1, "d": 0}
        outcomes = case.html().partition('<h2 id="outcomes">')[2].partition("</table>")[0]

        assert re.findall(r'class="fill" width="([^"]*)"', outcomes) == ["100.00%", "25.00%", "0.33%", "0.00%"]

    def test_bars__all_zero(self) -> None:
        """Zero of everything has bars of no length."""
        case = Case()
        case.summary["outcomes"] = {"a": 0, "b": 0}
        outcomes = case.html().partition('<h2 id="outcomes">')[2].partition("</table>")[0]

        assert re.findall(r'class="fill" width="([^"]*)"', outcomes) == ["0.00%", "0.00%"]
        assert read(case).rows("outcomes")[1:] == [["a", "0", "0.0%"], ["b", "0", "0.0%"]]

    def test_kinds__many(self) -> None:
        """Twelve of 200 kinds are shown, the others are one line and a table to unfold."""
        rows = read(many_kinds()).rows("dispositions")

        assert rows[12] == ["Code 11", "989", "0.5%"]
        assert rows[13] == ["and 188 others", "168,166", "93.4%"]
        assert rows[14] == ["Disposition", "Contacts", "Share"]
        assert rows[15] == ["Code 12", "988", "0.5%"]
        assert rows[-1] == ["Code 199", "801", "0.4%"]
        assert len(rows) == 1 + 12 + 1 + 1 + 188
        assert "The 188 others" in read(many_kinds()).text("dispositions")

    def test_kinds__thirteen(self) -> None:
        """A thirteenth kind takes the place that a line about one other would."""
        case = Case()
        case.summary["dispositions"] = {f"Code {number}": 1 for number in range(13)}
        page = read(case)

        assert page.rows("dispositions")[-1] == ["Code 12", "1", "7.7%"]
        assert "details" not in page.tags

    def test_kinds__fourteen(self) -> None:
        """From the fourteenth on they are folded away."""
        case = Case()
        case.summary["dispositions"] = {f"Code {number}": 1 for number in range(14)}

        assert ["and 2 others", "2", "14.3%"] in read(case).rows("dispositions")

    @pytest.mark.parametrize(
        ("histogram", "rows"),
        [
            ({"1": 3, "4": 1}, [["1 attempt", "3"], ["2 attempts", "0"], ["3 attempts", "0"], ["4 attempts", "1"]]),
            ({"0": 7}, [["0 attempts", "7"]]),
            ({"3": 1, "2": 2}, [["2 attempts", "2"], ["3 attempts", "1"]]),
        ],
    )
    def test_attempts(self, histogram: dict[str, int], rows: list[list[str]]) -> None:
        """The histogram goes from the fewest to the most, and shows what nobody got."""
        case = Case()
        case.summary["attempts"]["histogram"] = histogram

        assert [row[:2] for row in read(case).rows("attempts")[1:]] == rows

    def test_attempts__hundred(self) -> None:
        """More than fifteen numbers are taken together."""
        case = Case()
        case.summary["attempts"]["histogram"] = {str(attempts): 1 for attempts in range(101)}
        rows = read(case).rows("attempts")[1:]

        assert rows[0] == ["0 to 6 attempts", "7", "6.9%"]
        assert rows[-1] == ["98 to 100 attempts", "3", "3.0%"]
        assert len(rows) == 15

    def test_attempts__absurd(self) -> None:
        """A number of attempts that cannot be is counted all the same, and makes no huge page."""
        case = Case()
        case.summary["attempts"]["histogram"] = {"1": 5, "1000000000000": 1}
        rows = read(case).rows("attempts")[1:]

        assert [rows[0][1], rows[-1][1], len(rows)] == ["5", "1", 15]

    def test_attempts__too_many_kinds(self) -> None:
        """What the summary counts together is the last bar."""
        case = Case()
        case.summary["attempts"]["histogram"] = {"1": 30, "2": 5, "(other)": 15}

        assert read(case).rows("attempts")[1:] == [
            ["1 attempt", "30", "60.0%"],
            ["2 attempts", "5", "10.0%"],
            ["other numbers of attempts", "15", "30.0%"],
        ]

    def test_kinds__too_many(self) -> None:
        """So are the kinds that the summary has not told apart explained."""
        case = Case()
        case.summary["dispositions"] = {"(other)": 3, "": 1}

        assert read(case).rows("dispositions")[1:] == [
            ["(other) kinds beyond the first 200", "3", "75.0%"],
            ["(empty) without a text", "1", "25.0%"],
        ]

    def test_empty(self) -> None:
        """A chart of nothing says so in words."""
        page = read(no_contacts())

        assert "No contact has an outcome, because there is no contact in this report." in page.text("outcomes")
        assert page.text("dispositions").endswith("No disposition was noted for any contact.")
        assert page.text("attempts").endswith("No call was made, because there is no contact in this report.")
        assert page.text("hang-ups").endswith("No conversation is known to have been ended by either side.")
        assert [] == page.rows("outcomes") == page.rows("attempts")

    def test_sms(self) -> None:
        """Where there are no contacts, one sentence takes the place of the charts."""
        page = read(sms())

        assert "The service gives no results for single contacts of this campaign" in page.text("outcomes")
        assert {"dispositions", "attempts", "hang-ups"}.isdisjoint(page.sections)


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


class TestNumbers:
    @pytest.mark.parametrize("name", list(CASES))
    def test_numbers__caller(self, name: str) -> None:
        """The caller's number is not on the page."""
        html = CASES[name]().html()

        assert CALLER_ID not in html
        assert CALLER_ID[1:] not in html

    def test_numbers__unknown_fields(self) -> None:
        """A field that nobody knows does not show."""
        case = Case()
        case.campaign["contacts"] = case.strategy["canary"] = case.campaign["direction"] = "canary-4915112345678"

        assert "canary" not in case.html()

    @pytest.mark.parametrize(
        "number",
        ["+4930901820", "919876543210", "+1 (555) 010-0199", "0049/30/901820555", "555.010.0199", "+49 30 12345"],
    )
    def test_numbers__in_texts(self, number: str) -> None:
        """What can be dialed is hidden in every text that people or the service wrote."""
        case = Case().rename(f"Calls to {number}!")
        case.campaign |= {"description": number, "contactLists": [number], "queue_name": f"q {number}"}
        case.strategy.update({"maxRingTime": number, "dialingOrder": number})
        case.hours["days"][0]["start"] = number
        case.summary["outcomes"] = {f"sent to {number}": 1}
        case.summary["dispositions"] = {number: 1}
        case.summary["hang_ups"] = {number: 1}
        case.summary["campaign"]["status"] = number
        case.manifest |= {"complete": False, "reason": "running", "reason_text": number, "stopped_at": number}
        page = read(case)

        assert number not in case.html()
        assert "Calls to (number hidden)!" in page.text()
        assert page.rows("dispositions")[1][0] == "(number hidden)"

    def test_numbers__as_a_key(self) -> None:
        """Nor does the name of a field show one that makes the hours unreadable."""
        case = Case()
        case.hours["days"][0]["4915112345678 \ud800"] = "x"

        assert "(dialingStrategy.callingHours.days[0].<number> \ufffd)" in read(case).text("hours")
        assert "4915112345678" not in case.html()

    def test_numbers__as_numbers(self) -> None:
        """Nor is a number shown that stands where another belongs."""
        case = Case()
        case.campaign["priority"] = case.strategy["maxRingTime"] = 4915112345678

        assert "Ring time(number hidden) seconds" in read(case).text("settings")
        assert "4915112345678" not in case.html()

    @pytest.mark.parametrize(
        "text",
        [
            "Leads 2025-12-05",
            "Leads 05.12.2025, all",
            "Q4 2025 v3.41",
            "20251205",
            "cd-9e14b72-88cc-4544-9a98-7aee9b700001",
            "cid-700c76d0-1c1f-4a64-9f55-123456789012",
        ],
    )
    def test_numbers__that_are_none(self, text: str) -> None:
        """Dates, versions and ids stay."""
        case = Case()
        case.campaign["contactLists"] = [text]

        assert f"Contact lists{text} Do-not-call" in read(case).text("settings")

    @pytest.mark.parametrize(
        ("phone_numbers", "words"),
        [
            ("keep", "The data files beside this page hold the contacts' phone numbers; this page holds none."),
            ("hash", "phone numbers as hashes; this page holds none."),
            ("drop", "Neither this page nor the data files beside it hold the contacts' phone numbers."),
        ],
    )
    def test_numbers__in_the_files(self, phone_numbers: str, words: str) -> None:
        """The page says where numbers are."""
        case = Case()
        case.manifest["phone_numbers"] = phone_numbers

        assert f"contacts.jsonl, contacts.csv, in the folder of this page. {words}"[-len(words) :] in read(case).text()

    def test_files__none(self) -> None:
        """Without data files none are named."""
        case = Case()
        case.manifest["formats"] = ["html"]

        assert "Contact by contact" not in read(case).text()


class TestHostile:
    def test_hostile__stays_text(self) -> None:
        """What looks like markup is text, wherever it stands."""
        page = read(hostile())

        assert HOSTILE in page.text()
        assert f"{HOSTILE} - campaign report" in page.text()
        assert "Status <b>Stopped</b>" in page.text()
        assert page.rows("outcomes")[1][0] == HOSTILE
        assert page.rows("dispositions")[1][0] == "</table><h1>"
        assert page.rows("hours")[1][1] == "<i>9</i>"
        assert "Queue'\" onclick='alert(1)" in page.text("settings")
        assert "Priorityin a form this page does not know" in page.text("settings")
        assert "49" not in page.text("statement")

    def test_hostile__unprintable(self) -> None:
        """What cannot be printed or written leaves a mark."""
        text = read(hostile()).text("settings")

        assert f"{'W' * 48}\ufffdtxet desrever\ufffd{HOSTILE}" in text

    def test_hostile__long(self) -> None:
        """Long texts end early."""
        assert read(hostile()).rows("outcomes")[2][0] == "W" * 199 + "\u2026"

    @pytest.mark.parametrize("name", ["", "  "])
    def test_name__missing(self, name: str) -> None:
        """A campaign without a name has a page."""
        assert "not given - campaign report Voice campaign report not given" in read(Case().rename(name)).text()


def test_kind__unknown() -> None:
    """A campaign that tells neither type is a campaign."""
    assert "Campaign report" in read(Case(kind=None)).text()
