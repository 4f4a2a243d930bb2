"""The page for people: what it says of each kind of report, and what it never says."""

from __future__ import annotations

import base64
import hashlib
import re
from copy import deepcopy

import pytest
from page_support import (
    CASES,
    HOSTILE,
    Case,
    hostile,
    incomplete,
    never_ran,
    no_contacts,
    read,
    sms,
)


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
        later.manifest |= {"started_at": "2026-01-01T00:00:00Z", "finished_at": "Z", "tries": 7}

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
            "had ended and counted against the service's own total. Proven: the pages stood still while they were "
            "read; 1 reading; all results final. Right before the stop the service counted 1,200; none is missing."
        )

    def test_statement__duplicates(self) -> None:
        """Rows that occur more than once are told."""
        case = Case()
        case.manifest |= {"duplicate_rows": 1, "contacts_before_stop": None}

        assert read(case).text("statement").endswith("1 row occurred more than once, as the service returned them.")

    @pytest.mark.parametrize(
        ("pending", "words"),
        [
            (1, "1 reading; 1 result not final. Right"),
            (1200, "; 1,200 results not final. Right"),
        ],
    )
    def test_statement__pending(self, pending: int, words: str) -> None:
        """Results that never became final are told, also of a report that is complete."""
        case = Case()
        assert "not final" not in read(case).text("statement")
        case.manifest["pending"] = pending
        text = read(case).text("statement")

        assert words in text
        assert text.endswith(
            "What is not final was waited for no longer; what the service has added to it since is not here."
        )

    def test_statement__incomplete_and_pending(self) -> None:
        """An incomplete report tells them too, and that nothing is proven."""
        case = incomplete("running")
        assert " stop: 1,200. Not proven; 1 reading; all results final. Do not" in read(case).text("statement")
        case.manifest |= {"pending": 1100, "passes": 2}

        assert " stop: 1,200. Not proven; 2 readings; 1,100 results not final. Do" in read(case).text("statement")

    def test_statement__sms(self) -> None:
        """For SMS it says that there are no results for each contact."""
        assert "For an SMS campaign that is no result for each contact." in read(sms()).text("statement")

    def test_statement__never_ran(self) -> None:
        """Nothing is missing of a campaign that never ran."""
        assert read(never_ran()).text("statement") == (
            "Complete The campaign has never run, so it has no results that could be missing. Proven: the pages stood "
            "still while they were read; 1 reading; all results final."
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
            ("run_unknown", "nothing tells which run this is The service named neither the campaign's run nor when"),
            ("changed_while_reading", "the campaign changed while it was read What was read first"),
            ("pages_unstable", "contacts may be missing The service gave some contacts on several of its pages"),
            ("pending", "results are still coming Calls were going on, or agents had yet to say how they went"),
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

    def test_hostile__long_number(self) -> None:
        """A number at the end of what is shown is hidden before the text is cut, not cut and then shown."""
        page = read(Case().rename(f"{'W' * 190} 15550100199 and more"))

        assert f"{'W' * 190} (number \u2026" in page.text()
        assert "1555" not in page.text()

    @pytest.mark.parametrize("name", ["", "  "])
    def test_name__missing(self, name: str) -> None:
        """A campaign without a name has a page."""
        assert "not given - campaign report Voice campaign report not given" in read(Case().rename(name)).text()


def test_kind__unknown() -> None:
    """A campaign that tells neither type is a campaign."""
    assert "Campaign report" in read(Case(kind=None)).text()
