"""One contact's row as JSON and as cells, and what becomes of its phone number."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from airflow_provider_campaigns.kore.campaigns import ContactResult
from airflow_provider_campaigns.kore.errors import KoreConfigurationError
from airflow_provider_campaigns.reports.rows import (
    PhoneNumbers,
    Treatment,
    csv_header,
    csv_lines,
    json_line,
    key_from,
)

NUMBER = "12005550100"
ROW: dict[str, Any] = {
    "phoneNumber": NUMBER,
    "uniqueId": "customer-1",
    "dialerOutcome": "completed",
    "numberOfAttemptsSoFar": 2,
    "botSessionId": "6a1f",
    "agentDispositionCodes": ["Resolved", "System Generated"],
    "botOutboundStatus": "userHangUp",
    "botOutboundStatusDetail": "Client side",
}
HEADER = (
    "phoneNumber,uniqueId,dialerOutcome,numberOfAttemptsSoFar,botSessionId,agentDispositionCodes,botOutboundStatus,"
    "botOutboundStatusDetail,other\r\n"
)
# HMAC-SHA256 of the number above, with the key of the secret "canary".
HASH = "5ef4a4369d5f3d1c9b822d639822a760e7c366a923b2719c1a4bd8f5335900de"

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.just(NUMBER),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just(NUMBER), inner, max_size=3),
    max_leaves=6,
)


def treated(row: dict[str, Any], how: str) -> dict[str, Any]:
    return Treatment(PhoneNumbers(how), key_from("canary")).row_of(ContactResult.from_api(row))


class TestCsv:
    def test_header(self) -> None:
        """The table has a column for each documented field, and one for whatever else there is."""
        assert csv_header().decode() == HEADER

    def test_line(self) -> None:
        """A row is a line that ends with CR LF; dispositions are joined, nothing else is changed."""
        line = "12005550100,customer-1,completed,2,6a1f,Resolved; System Generated,userHangUp,Client side,\r\n"

        assert csv_lines([ROW]).decode() == line
        assert csv_lines([ROW, ROW]).decode() == line * 2
        assert csv_lines([]) == b""

    def test_unknown_fields(self) -> None:
        """Fields without a column of their own are in the last one, as JSON, names and values as they were."""
        (cells,) = csv.reader(io.StringIO(csv_lines([{"zone": "Süd", "n": [1, {"a": None}]}]).decode()))

        assert cells == ["", "", "", "", "", "", "", "", '{"zone":"Süd","n":[1,{"a":null}]}']

    @pytest.mark.parametrize(
        ("value", "cell"),
        [
            ("=1+1", "'=1+1"),
            ("+12005550100", "'+12005550100"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            (" =1", "' =1"),
            ("\t=1", "'\t=1"),
            ("\tplain", "'\tplain"),
            ("\rplain", "'\rplain"),
            ("\n=1", "'\n=1"),
            ("\u3000=1", "'\u3000=1"),
            ("\uff1d1", "'\uff1d1"),
            ("1=1", "1=1"),
            (" plain", " plain"),
            ("'=1", "'=1"),
            ('a "b", c', 'a "b", c'),
            ("line\r\nbreak", "line\r\nbreak"),
            ("Süd \u2013 \U0001f4de", "Süd \u2013 \U0001f4de"),
            ("", ""),
            (None, ""),
            (-3, "'-3"),
            (7, "7"),
            (1.5, "1.5"),
            (True, "true"),
            (["=1", "b"], "'=1; b"),
            ([], ""),
            ([1, "b"], '[1,"b"]'),
            ({"a": 1}, '{"a":1}'),
        ],
    )
    def test_cells(self, value: object, cell: str) -> None:
        """What a spreadsheet would calculate is text; everything else is as it was."""
        (cells,) = csv.reader(io.StringIO(csv_lines([{"dialerOutcome": value}]).decode(), newline=""))

        assert cells[2] == cell

    @settings(deadline=None)  # a loaded machine is no failure
    @given(st.lists(st.dictionaries(st.sampled_from(list(ROW)) | st.text(), values), max_size=3))
    @example([{"uniqueId": "a\rb"}, {"uniqueId": "\ud83d"}])
    def test_any_rows(self, rows: list[dict[str, Any]]) -> None:
        """Any rows are as many lines of nine cells, none of which begins as a formula does."""
        lines = list(csv.reader(io.StringIO(csv_lines(rows).decode(), newline="")))

        assert [len(cells) for cells in lines] == [9] * len(rows)
        assert not [cell for cells in lines for cell in cells if cell.strip()[:1] in {"=", "+", "-", "@"} and cell]


class TestJson:
    def test_line(self) -> None:
        """A row is one line of compact JSON in UTF-8, its fields in the order in which they came."""
        assert json_line({"b": "Süd\n", "a": [1, None]}) == '{"b":"Süd\\n","a":[1,null]}\n'.encode()

    @settings(deadline=None)  # a loaded machine is no failure
    @given(st.dictionaries(st.text(), values))
    @example({"a": "\ud83d"})
    @example({"a": "\u2028\r"})
    def test_any_row(self, row: dict[str, Any]) -> None:
        """Any row is one line, from which it can be read back."""
        line = json_line(row)

        assert json.loads(line) == row
        assert len(line.splitlines()) == 1

    @pytest.mark.parametrize("how", ["keep", "hash", "drop"])
    def test_not_finite(self, how: str) -> None:
        """A number that JSON does not have is a text, wherever it stands; the line and the table tell the same."""
        body = b'{"phoneNumber": NaN, "a": NaN, "b": [Infinity, {"c": -Infinity}], "d": 1e999, "e": 1.5}'
        row = treated(json.loads(body) | ({} if how == "keep" else {"phoneNumber": NUMBER}), how)
        expected = b'"a":"NaN","b":["Infinity",{"c":"-Infinity"}],"d":"Infinity","e":1.5}\n'

        first = {"keep": b'{"phoneNumber":"NaN",', "hash": f'{{"phoneNumber":"{HASH}",'.encode(), "drop": b"{"}[how]
        assert json_line(row) == first + expected
        assert csv_lines([row]) == csv_lines([json.loads(json_line(row))])


class TestPhoneNumbers:
    def test_keep(self) -> None:
        """Rows are raw by default."""
        assert treated(ROW, "keep") == ROW

    def test_hash(self) -> None:
        """The number is replaced by its HMAC, in its place; the rest is as it was."""
        row = treated(ROW, "hash")

        assert row == ROW | {"phoneNumber": HASH}
        assert list(row) == list(ROW)

    def test_hash__of_the_connection(self) -> None:
        """The hash depends on the connection's secret, and on nothing else but the number."""
        other = Treatment(PhoneNumbers.HASH, key_from("another")).row_of(ContactResult.from_api(ROW))

        assert other["phoneNumber"] != HASH
        assert treated({"phoneNumber": NUMBER}, "hash") == {"phoneNumber": HASH}

    def test_drop(self) -> None:
        """The field is left out."""
        row = treated(ROW, "drop")

        assert row == {name: value for name, value in ROW.items() if name != "phoneNumber"}
        assert csv_lines([row]).startswith(b",customer-1,")

    @pytest.mark.parametrize(
        ("other", "hashed", "dropped"),
        [
            ({"uniqueId": NUMBER}, {"uniqueId": HASH}, {}),
            ({"uniqueId": f"+{NUMBER}"}, {"uniqueId": HASH}, {}),
            ({"uniqueId": "+1 (200) 555-0100"}, {"uniqueId": HASH}, {}),
            ({"uniqueId": int(NUMBER)}, {"uniqueId": HASH}, {}),
            ({"uniqueId": f"tel:{NUMBER}"}, {"uniqueId": f"tel:{HASH}"}, {"uniqueId": "tel:"}),
            ({"a": [{"b": NUMBER}, NUMBER, 1]}, {"a": [{"b": HASH}, HASH, 1]}, {"a": [{}, 1]}),
            ({NUMBER: 1}, {HASH: 1}, {}),
            ({"n": True, "m": None, "o": 12}, {"n": True, "m": None, "o": 12}, {"n": True, "m": None, "o": 12}),
            ({"uniqueId": "12005550101"}, {"uniqueId": "12005550101"}, {"uniqueId": "12005550101"}),
        ],
    )
    def test_elsewhere(self, other: dict[str, Any], hashed: dict[str, Any], dropped: dict[str, Any]) -> None:
        """The number is treated wherever in the row it is: as a unique id, nested, within a text, as a name."""
        row = {"phoneNumber": NUMBER} | other

        assert treated(row, "hash") == hashed | {"phoneNumber": HASH}
        assert treated(row, "drop") == dropped

    @pytest.mark.parametrize(
        ("number", "text", "dropped"),
        [
            ("+12005550100", "tel:+1 (200) 555-0100", "tel:"),
            ("+12005550100", "call 1-200-555-0100 back", "call  back"),
            ("+12005550100", "call (200) 555-0100 back", "call  back"),
            ("+12005550100", "+1 200\u2013555\u20110100", None),
            ("+12005550100", "1_200\u00b7555,0100", None),
            ("+12005550100", "\u0661\u0662\u0660\u0660\u0665\u0665\u0665\u0660\u0661\u0660\u0660", None),
            ("+12005550100", "0012005550100", None),
            ("+12005550100", "2005550100 2026-03-02", " 2026-03-02"),
            ("12005550100", "12005550100, 12005550100", None),
            ("2005550100", "x +1 (200) 555 0100 y", "x  y"),
            ("+4915155501000", "0151 55501000", None),
            ("+4915155501000", "+49 (0)151/555-01000", None),
            ("015155501000", "mobile: +49 151 55501000", "mobile: "),
            ("0049 151 55501000", "(0151) 555-01000", None),
            ("+35312345678", "(01) 234 5678", None),
            (["+12005550100", "+12005550101"], "200-555-0101", None),
            ("+4520555", "20555, 520555", "20555, 520555"),
            ("+4512345", "(4) 512345", None),
            ("+45123456", "dial 5123456, not 123456", "dial , not 123456"),
        ],
    )
    def test_spellings(self, number: Any, text: str, dropped: str | None) -> None:
        """The number is found with and without its country code, whatever blanks and marks are in it."""
        row = {"phoneNumber": number, "note": text}

        assert treated(row, "drop") == ({} if dropped is None else {"note": dropped})
        assert treated(row, "keep") == row

    @pytest.mark.parametrize(
        "text",
        [
            "2026-03-02T12:00:00.000Z",
            "$1,234,567.89",
            "+12005550101",
            "(200) 555-0101",
            "order 92005550100",
            "order 20055501007",
            "200 ext 555, room 0100",
            "5550100",
            "cd-2005550-1000-4000-8000-200555010000",
        ],
    )
    @pytest.mark.parametrize("how", ["hash", "drop"])
    def test_not_its_own(self, text: str, how: str) -> None:
        """Dates, amounts, ids and other people's numbers stay, also where they share digits with it."""
        assert treated(ROW | {"note": text}, how)["note"] == text

    def test_no_field(self) -> None:
        """The number is that of the documented field; in a row without it none is looked for."""
        row = {"mobile": "+12005550100", "note": "call +12005550100"}

        assert treated(row, "drop") == row
        assert treated(row | {"phoneNumber": ""}, "hash") == row | {"phoneNumber": ""}

    @pytest.mark.parametrize("number", [None, "", "  "])
    @pytest.mark.parametrize("how", ["hash", "drop"])
    def test_no_number(self, number: str | None, how: str) -> None:
        """A row whose number is empty stays as it is, or every contact without one would look the same."""
        row = {"phoneNumber": number, "uniqueId": "1"}

        assert treated(row, how) == row
        assert treated({"uniqueId": "1"}, how) == {"uniqueId": "1"}

    def test_short_number(self) -> None:
        """A number too short to be one is treated where it is the whole value, and does not spoil other texts."""
        assert treated({"phoneNumber": "1", "uniqueId": "customer-1", "x": "1"}, "drop") == {"uniqueId": "customer-1"}

    @pytest.mark.parametrize("number", [int(NUMBER), [None, True, NUMBER], {"number": NUMBER}])
    @pytest.mark.parametrize("how", ["hash", "drop"])
    def test_odd_number(self, number: object, how: str) -> None:
        """A number that is no text is not shown either."""
        assert NUMBER not in json.dumps(treated({"phoneNumber": number}, how))

    @settings(deadline=None)  # a loaded machine is no failure
    @given(st.dictionaries(st.text(), values), st.sampled_from(["hash", "drop"]))
    def test_any_row(self, row: dict[str, Any], how: str) -> None:
        """The number is nowhere in a row that was treated, whatever else is in it."""
        text = json.dumps(treated(row | {"phoneNumber": NUMBER}, how))

        assert NUMBER not in text

    @pytest.mark.parametrize("value", ["Keep", "", None, 7, ["keep"]])
    def test_parse__bad(self, value: object) -> None:
        """Anything but the three is refused by the argument's name."""
        with pytest.raises(KoreConfigurationError, match="phone_numbers: expected 'keep' or 'hash' or 'drop', got"):
            PhoneNumbers.parse(value)

    def test_parse(self) -> None:
        """The three are known by their names."""
        assert [PhoneNumbers.parse(one) for one in ("keep", "hash", "drop")] == ["keep", "hash", "drop"]


class TestIdentity:
    @staticmethod
    def of(**changes: Any) -> int:
        return Treatment(PhoneNumbers.DROP, key_from("canary")).identity_of(ContactResult.from_api(ROW | changes))

    def test_same(self) -> None:
        """Two rows about the same contact are the same, whatever else they say, a session included."""
        assert self.of() == self.of(dialerOutcome="busy", botSessionId="other")

    @pytest.mark.parametrize("field", ["phoneNumber", "uniqueId"])
    def test_other(self, field: str) -> None:
        """Another number or unique id is another contact, also where the number is not written."""
        assert self.of(**{field: "other"}) != self.of()
        assert self.of(**{field: ""}) != self.of()

    def test_nothing_to_tell(self) -> None:
        """Rows with neither a number nor a unique id are told from all others, and not from each other."""
        assert self.of(uniqueId="", phoneNumber=None) == self.of(uniqueId=None, phoneNumber="", botSessionId="other")
        assert self.of(uniqueId="", phoneNumber="") != self.of(uniqueId="")
