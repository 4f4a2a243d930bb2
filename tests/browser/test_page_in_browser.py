"""The page for people as a browser shows and prints it: on a phone and a screen, in light and dark, and on paper."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from page_support import HOSTILE, Case, hostile, incomplete, many_kinds, never_ran, no_contacts, sms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

CASES: dict[str, Callable[[], Case]] = {
    "voice": Case,
    "sms": sms,
    "no-contacts": no_contacts,
    "never-ran": never_ran,
    "snapshot": lambda: incomplete("running"),
    "many-kinds": many_kinds,
    "hostile": hostile,
}
PHONE, SCREEN = 360, 1280
VIEWS = [(width, scheme) for width in (PHONE, SCREEN) for scheme in ("light", "dark")]

# Every element that shows a text of its own, with the contrast between that text and what is behind it, as WCAG 2.2
# defines it. What is behind is the nearest background that is not transparent; the page has no pictures behind text.
CONTRASTS = """() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color).slice(0, 3).map((value) => {
      const part = value / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      const alpha = channels(color)[3] ?? 1;
      if (alpha === 1) return color;
      if (alpha !== 0) throw new Error(`${color} can be seen through`);
    }
    throw new Error("nothing is behind the text");
  };
  const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const textContrast = (element) => contrast(getComputedStyle(element).color, behind(element));
  const texts = [...document.body.querySelectorAll("*")].filter(hasText)
    .map((element) => [element.textContent.trim().slice(0, 40), textContrast(element)]);
  const fillOf = (svg, part) => getComputedStyle(svg.querySelector(part)).fill;
  const bars = [...document.querySelectorAll("svg.bar")]
    .map((svg) => contrast(fillOf(svg, ".fill"), fillOf(svg, ".track")));
  return {texts, bars};
}"""
# What sticks out of the window, or is cut off by its own box.
OVERFLOWS = """() => [...document.body.querySelectorAll("*:not(.hidden)")].filter((element) => {
  const box = element.getBoundingClientRect();
  return box.width && (box.right > innerWidth + 0.5 || box.left < -0.5 || element.scrollWidth > element.clientWidth + 1
    && getComputedStyle(element).overflowX !== "visible");
}).map((element) => element.outerHTML.slice(0, 80))"""


@contextmanager
def opened(chromium: Browser, folder: Path, name: str, width: int = SCREEN, scheme: str = "light") -> Iterator[Page]:
    """The page opened from a file; leaving the block proves that it asked for nothing and complained of nothing."""
    path = folder / f"{name}.html"
    path.write_text(CASES[name]().html(), encoding="utf-8")
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.goto(path.as_uri(), wait_until="networkidle")
    yield page
    assert asked == [path.as_uri()]
    assert complaints == []
    page.close()


class TestEveryView:
    @pytest.mark.parametrize(("width", "scheme"), VIEWS)
    @pytest.mark.parametrize("name", list(CASES))
    def test_view(
        self, chromium: Browser, tmp_path: Path, screenshots: Path, name: str, width: int, scheme: str
    ) -> None:
        """Nothing scrolls sideways or is cut off, and every text stands out from what is behind it."""
        with opened(chromium, tmp_path, name, width, scheme) as page:
            page.screenshot(path=screenshots / f"page-{name}-{width}-{scheme}.png", full_page=True)

            assert page.evaluate("document.documentElement.scrollWidth") == width
            assert page.evaluate(OVERFLOWS) == []
            found = page.evaluate(CONTRASTS)
            assert len(found["texts"]) > 25
            assert [text for text in found["texts"] if text[1] < 4.5] == []
            assert [bar for bar in found["bars"] if bar < 3] == []

    def test_schemes__differ(self, chromium: Browser, tmp_path: Path) -> None:
        """Dark is dark and light is light."""
        backgrounds = {}
        for scheme in ("light", "dark"):
            with opened(chromium, tmp_path, "voice", SCREEN, scheme) as page:
                backgrounds[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")

        assert backgrounds == {"light": "rgb(244, 245, 248)", "dark": "rgb(17, 21, 28)"}


class TestForAssistiveTechnology:
    def test_landmarks_and_headings(self, chromium: Browser, tmp_path: Path) -> None:
        """Landmarks, one main heading, and a named region for each section, in the order of reading."""
        with opened(chromium, tmp_path, "voice") as page:
            counts = {role: page.get_by_role(role).count() for role in ("banner", "main", "contentinfo")}
            headings = page.locator("h1, h2, h3").all_inner_texts()
            regions = [
                name for name in headings[1:-2] if page.get_by_role("region", name=name, exact=True).count() == 1
            ]
            main_heading = page.get_by_role("heading", level=1, name="Service Renewal Spring", exact=True).count()
            title = page.title()

        assert counts == {"banner": 1, "main": 1, "contentinfo": 1}
        assert main_heading == 1
        assert headings == [
            *("Service Renewal Spring", "Complete", "Headline figures", "Outcomes", "Dispositions", "Attempts"),
            *("Who hung up", "Calling hours", "The stop", "Configuration"),
        ]
        assert regions == headings[1:-2]
        assert title == "Service Renewal Spring - campaign report"

    def test_tables_and_pictures(self, chromium: Browser, tmp_path: Path) -> None:
        """Each chart is a table with a name, headed columns and rows; the one picture says what it shows."""
        with opened(chromium, tmp_path, "voice") as page:
            captions = page.locator("caption").all_inner_texts()
            named = [page.get_by_role("table", name=caption, exact=True).count() for caption in captions]
            outcomes = page.get_by_role("region", name="Outcomes").get_by_role("table")
            columns = outcomes.get_by_role("columnheader").all_inner_texts()
            rows = outcomes.get_by_role("rowheader").all_inner_texts()
            pictures = [picture.get_attribute("aria-label") for picture in page.get_by_role("img").all()]
            tree = page.locator("main").aria_snapshot()

        assert named == [1] * 5
        assert columns == ["Outcome", "Contacts", "Share"]
        assert rows[:2] == ["completed", "no-answer"]
        assert pictures == ["Reached 65.7%, never reached 34.3% of all contacts"]
        assert 'row "completed 553 46.1%"' in tree
        assert 'row "Saturday closed"' in tree

    def test_figures(self, chromium: Browser, tmp_path: Path) -> None:
        """The headline is there as text that can be seen."""
        with opened(chromium, tmp_path, "voice", PHONE) as page:
            tiles = page.get_by_role("region", name="Headline figures").get_by_role("definition")
            visible = [tile.inner_text().split("\n")[0] for tile in tiles.all() if tile.is_visible()]

        assert visible == ["1,200", "788", "412", "1.92", "12"]

    def test_incomplete__is_loud(self, chromium: Browser, tmp_path: Path) -> None:
        """On a phone an incomplete report says so before anything can be scrolled."""
        with opened(chromium, tmp_path, "snapshot", PHONE) as page:
            heading = page.get_by_role("heading", name="Incomplete: a snapshot of a campaign that had not ended")
            box = heading.bounding_box()

        assert box is not None
        assert box["y"] + box["height"] < 800

    def test_others__unfold(self, chromium: Browser, tmp_path: Path) -> None:
        """What is folded away is not shown, and unfolds by the keyboard."""
        with opened(chromium, tmp_path, "many-kinds", PHONE) as page:
            last = page.get_by_role("row", name="Code 199 801 0.4%")
            before = last.count()
            page.locator("summary").focus()
            page.keyboard.press("Enter")
            last.wait_for(state="visible")
            overflows = page.evaluate(OVERFLOWS)

        assert before == 0
        assert overflows == []


class TestBars:
    def test_bars__are_as_long_as_their_counts(self, chromium: Browser, tmp_path: Path) -> None:
        """On the screen the bars of a chart are in proportion to its counts."""
        with opened(chromium, tmp_path, "voice", PHONE) as page:
            bars = page.locator("section[aria-labelledby=outcomes] rect.fill").all()
            widths = [(bar.bounding_box() or {"width": -1})["width"] for bar in bars]

        longest = widths[0]
        assert longest > 80
        for width, count in zip(widths, (553, 405, 140, 61, 29, 12), strict=True):
            assert width == pytest.approx(longest * count / 553, abs=0.5)

    def test_reach__is_as_long_as_its_share(self, chromium: Browser, tmp_path: Path) -> None:
        """The bar of those who were reached is 788 of 1,200 of its track."""
        with opened(chromium, tmp_path, "voice") as page:
            fill, track = (page.get_by_role("img").locator(f"rect.{part}").bounding_box() for part in ("fill", "track"))

        assert fill is not None
        assert track is not None
        assert fill["width"] / track["width"] == pytest.approx(788 / 1200, abs=0.001)


class TestHostile:
    def test_hostile__is_text(self, chromium: Browser, tmp_path: Path) -> None:
        """Markup in a name or a disposition is shown as text, adds no element, and runs nothing."""
        with opened(chromium, tmp_path, "hostile", PHONE) as page:
            heading = page.get_by_role("heading", level=1).inner_text()
            counts = {tag: page.locator(tag).count() for tag in ("h1", "script", "img", "i", "a", "style")}
            disposition = page.get_by_role("region", name="Dispositions").get_by_role("rowheader").inner_text()

        assert heading == HOSTILE
        assert counts == {"h1": 1, "script": 0, "img": 0, "i": 0, "a": 0, "style": 1}
        assert disposition == "</table><h1>"

    def test_policy__stops_what_would_get_in(self, chromium: Browser, tmp_path: Path) -> None:
        """Were a script, a style or a picture smuggled in all the same, the page's policy would stop it."""
        smuggled = '<script>window.ran = 1</script><img src="http://127.0.0.1:9/x.png"><p style="color: red">x</p>'
        path = tmp_path / "smuggled.html"
        path.write_text(Case().html().replace("</main>", f"{smuggled}</main>"), encoding="utf-8")
        page = chromium.new_page()
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text))
        page.goto(path.as_uri(), wait_until="networkidle")
        ran, color = page.evaluate("[window.ran, document.querySelector('main > p').style.color]")
        page.close()

        assert (ran, color) == (None, "")
        directives = re.findall(r"directive:? ['\"](default|img|style)-src", " ".join(refused))
        assert sorted(directives) == ["default", "img", "style"]


class TestPaper:
    @pytest.mark.parametrize(
        ("name", "most"), [("voice", 2), ("sms", 1), ("never-ran", 2), ("hostile", 3), ("many-kinds", 7)]
    )
    def test_paper__pages(self, chromium: Browser, tmp_path: Path, screenshots: Path, name: str, most: int) -> None:
        """It prints on A4, on no more sheets than it needs, from the dark scheme as from the light one."""
        with opened(chromium, tmp_path, name, SCREEN, "dark") as page:
            pdf = page.pdf(path=screenshots / f"page-{name}.pdf", prefer_css_page_size=True, print_background=False)

        sizes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
        assert {(round(float(width)), round(float(height))) for width, height in sizes} == {(595, 842)}
        assert 1 <= len(sizes) <= most

    def test_paper__style(self, chromium: Browser, tmp_path: Path) -> None:
        """On paper there is black on white, no row or chart is cut, and what was folded away is there."""
        with opened(chromium, tmp_path, "many-kinds", SCREEN, "dark") as page:
            page.emulate_media(media="print")
            style: dict[str, Any] = page.evaluate(
                """() => ({
                  ink: getComputedStyle(document.body).color,
                  paper: getComputedStyle(document.body).backgroundColor,
                  cut: [...document.querySelectorAll("tr, .statement, .card:not(:has(details))")]
                    .filter((element) => getComputedStyle(element).breakInside !== "avoid").length,
                })"""
            )
            folded = page.get_by_text("Code 199", exact=True).is_visible()
            contrasts = page.evaluate(CONTRASTS)

        assert style == {"ink": "rgb(0, 0, 0)", "paper": "rgb(255, 255, 255)", "cut": 0}
        assert folded
        assert [text for text in contrasts["texts"] if text[1] < 4.5] == []
