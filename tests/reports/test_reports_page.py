"""The HTML report in a real Chromium: what it shows, that it asks for nothing, keyboard, contrast, phone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import report_samples as samples
from chromium import Page, page

from inspector.reports.formats import Rendering, render

pytestmark = pytest.mark.needs("chromium")

_CONTRAST = """(() => {
  const channel = c => { c /= 255; return c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4; };
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const luminance = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const ground = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
      if (colour[3] !== 0) throw new Error('half transparent');
    }
    throw new Error('no background');
  };
  const found = [];
  for (const details of document.querySelectorAll('details')) details.open = true;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!node.data.trim()) continue;
    const a = luminance(parse(getComputedStyle(node.parentElement).color)), b = luminance(ground(node.parentElement));
    found.push([(Math.max(a, b) + .05) / (Math.min(a, b) + .05), node.data.slice(0, 40), node.parentElement.className]);
  }
  return found.sort((x, y) => x[0] - y[0]);
})()"""
_FOCUSED = "(e => e.getAttribute('href') || e.tagName + '.' + e.className)(document.activeElement)"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with page(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_bytes(render(samples.everything(), "html", Rendering()))
    return file


def test_it_shows_every_level_and_asks_for_nothing(tab: Page, report: Path) -> None:
    tab.open(report)
    cells = tab.evaluate("[...document.querySelectorAll('a.cell')].map(e => e.innerText.replace(/\\s+/g, ' '))")
    assert [cell.split()[1] for cell in cells] == [
        "crash", "wrong", "crash", "safe", "latent", "unknown", "crash", "safe", "crash", "safe", "safe",
    ]  # fmt: skip
    assert [cell for cell in cells if "waived" in cell] == ["✕ crash waived"]
    body = tab.evaluate("document.body.innerText")
    for words in (
        "GODEBUG=netdns=go",
        "layer 3 is encrypted",
        "no such tag",
        "resolv.conf:2:9",
        "accepted until the move",
    ):
        assert words in body
    requests = [request["request"]["url"] for request in tab.told("Network.requestWillBeSent")]
    assert [url for url in requests if not url.startswith("data:")] == [report.as_uri()]
    assert tab.told("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown") == []
    assert tab.evaluate("document.querySelectorAll('script,iframe,object,embed,form').length") == 0


def test_every_cell_leads_to_its_reasons_and_no_link_is_dead(tab: Page, report: Path) -> None:
    tab.open(report)
    dead = "[...document.querySelectorAll('a')].filter(a => !document.getElementById(a.hash.slice(1))).length"
    assert tab.evaluate(dead) == 0
    wrong = """[...document.querySelectorAll('a.cell')].filter(a => {
      const article = document.getElementById(a.hash.slice(1));
      return article.tagName !== 'ARTICLE' || !article.className.includes(a.className.split(' ')[1]);
    }).length"""
    assert tab.evaluate(wrong) == 0
    assert tab.evaluate("new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size") == tab.evaluate(
        "document.querySelectorAll('[id]').length"
    )


def test_everything_is_reached_by_keyboard_in_order(tab: Page, report: Path) -> None:
    tab.size(1000, 800)
    tab.open(report)
    wanted = tab.evaluate(
        "[...document.querySelectorAll('a, summary, .scroll')].map(e => e.getAttribute('href') || e.tagName + '.' + e.className)"
    )
    reached = []
    for _ in wanted:
        tab.press("Tab", 9)
        reached.append(tab.evaluate(_FOCUSED))
        visible = "(s => s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2)(getComputedStyle(document.activeElement))"
        assert tab.evaluate(visible), reached[-1]
    assert reached == wanted
    tab.open(report)
    while not tab.evaluate("document.activeElement.className.includes('cell')"):
        tab.press("Tab", 9)
    hash_ = tab.evaluate("document.activeElement.hash")
    tab.press("Enter", 13)
    assert tab.evaluate("location.hash") == hash_
    seen = "(r => r.top >= -1 && r.top < innerHeight)(document.querySelector(':target').getBoundingClientRect())"
    assert tab.evaluate(seen)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_contrast_is_that_of_wcag_aa(tab: Page, report: Path, scheme: str) -> None:
    tab.scheme(scheme)
    tab.open(report)
    ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    contrast = tab.evaluate(_CONTRAST)
    assert len(contrast) > 100
    assert contrast[0][0] >= 4.5, contrast[:5]


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_shows_it_without_scrolling_sideways(tab: Page, report: Path, width: int) -> None:
    tab.size(width, 800, mobile=True)
    tab.open(report)
    assert tab.evaluate("document.scrollingElement.scrollWidth") <= width
    assert tab.evaluate("innerWidth") == width
    small = "Math.min(...[...document.querySelectorAll('a.cell')].map(e => e.getBoundingClientRect().height))"
    assert tab.evaluate(small) >= 24  # WCAG 2.2, 2.5.8: the size of a target


_HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>]]>\u202e\x1b[31m\n&amp;</style>{{7*7}}javascript:alert(1)"


def test_hostile_text_makes_no_element_and_runs_nothing(tab: Page, report: Path, tmp_path: Path) -> None:
    count = "JSON.stringify([...document.querySelectorAll('*')].map(e => e.tagName))"
    harmless, hostile = tmp_path / "harmless.html", tmp_path / "hostile.html"
    harmless.write_bytes(render(samples.with_texts(samples.everything(), lambda text: f"x{text}"), "html", Rendering()))
    hostile.write_bytes(
        render(samples.with_texts(samples.everything(), lambda text: _HOSTILE + text), "html", Rendering())
    )
    tab.open(harmless)
    wanted = tab.evaluate(count)
    tab.open(hostile)
    assert tab.evaluate(count) == wanted
    assert tab.told("Page.javascriptDialogOpening", "Log.entryAdded", "Runtime.exceptionThrown") == []
    requests = [request["request"]["url"] for request in tab.told("Network.requestWillBeSent")]
    assert [url for url in requests if not url.startswith("data:")] == [hostile.as_uri()]
    assert "alert(1)" in tab.evaluate("document.body.innerText")
