"""The figures of a page and their charts: what is counted, and how numbers are written."""

from __future__ import annotations

import re

import pytest
from page_support import (
    CALLER_ID,
    CASES,
    Case,
    incomplete,
    many_kinds,
    no_contacts,
    read,
    sms,
)


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
        [
            "+4930901820",
            "919876543210",
            "+1 (555) 010-0199",
            "0049/30/901820555",
            "555.010.0199",
            "+49 30 12345",
            "+1 555\u2013010\u20130199",
            "555\u2011010\u20110199",
            "+1 555_010_0199",
            "555\u00b7010\u00b70199",
            "+1,555,010,0199",
            "555\u0007010\u200b0199",
        ],
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
            "2025_12_05_1",
            "weekdays 9:00-12:00, 13:00-18:00",
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

        files = "contacts-0123456789abcdef.jsonl, contacts-fedcba9876543210.csv"
        assert f"{files}, in the folder of this page." in read(case).text()
        assert words in read(case).text()

    def test_files__none(self) -> None:
        """Without data files none are named."""
        case = Case()
        case.manifest["files"] = {"campaign-0123456789abcdef.json": {}}

        assert "Contact by contact" not in read(case).text()
