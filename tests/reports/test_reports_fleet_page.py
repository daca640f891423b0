"""The fleet's HTML page in a real Chromium: five thousand images, filters, no network, hostile text, no script."""

from collections.abc import Iterator
from pathlib import Path

import fleet_samples as samples
import pytest
from chromium import Page, page
from test_reports_page import _CONTRAST

from inspector.reports.fleet import render_fleet
from inspector.reports.text import TextStyle

pytestmark = pytest.mark.needs("chromium")

IMAGES = 5000
_SHOWN = "document.querySelectorAll('#map tbody tr:not([hidden])').length"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with page(tmp_path_factory.mktemp("chromium")) as opened:
        opened.size(1400, 900)
        yield opened


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("fleet") / "fleet.html"
    file.write_bytes(render_fleet(samples.fleet(IMAGES), "html", TextStyle()))
    return file


def choose(tab: Page, identity: str, value: str) -> None:
    """Set a filter as a reader does, and wait until the page has followed."""
    tab.evaluate(
        f"(e => {{ e.value = {value!r}; e.dispatchEvent(new Event('input', {{bubbles: true}})); }})(document.getElementById('{identity}'))"
    )
    tab.send("Runtime.evaluate", expression="new Promise(done => setTimeout(done, 400))", awaitPromise=True)


def test_five_thousand_images_are_shown_and_filtered(tab: Page, large: Path) -> None:
    report = samples.fleet(IMAGES)
    tab.open(large)
    assert tab.told("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown") == []
    assert tab.evaluate(_SHOWN) == IMAGES
    assert tab.evaluate("document.getElementById('count').value") == "5,000 of 5,000 images"
    crashes = sum(image.level == "crash" for image in report.images)
    choose(tab, "level", "k")
    assert tab.evaluate(_SHOWN) == crashes
    height = "document.getElementById('map').getBoundingClientRect().height"
    assert tab.evaluate(height) < 100 * crashes, "what is hidden leaves no room behind"
    choose(tab, "place", "3")
    place = sum(bool(image.cells) and image.cells[3].level == "crash" for image in report.images)
    assert tab.evaluate(_SHOWN) == place
    tab.evaluate("document.getElementById('all').click()")
    choose(tab, "q", "team-3 1.4")
    named = sum("team-3" in image.name and any("1.4" in tag for tag in image.tags) for image in report.images)
    assert 0 < tab.evaluate(_SHOWN) == named
    tab.evaluate("document.getElementById('all').click()")
    choose(tab, "level", "u")
    untold = sum(image.is_untold for image in report.images)
    assert tab.evaluate(_SHOWN) == untold
    assert untold > sum("unknown" in {image.level, *(cell.level for cell in image.cells)} for image in report.images)
    choose(tab, "place", "3")
    assert tab.evaluate(_SHOWN) == report.summary.environments[samples.ENVIRONMENTS[3]]["unknown"]
    tab.evaluate("document.getElementById('all').click()")
    choose(tab, "cure", "0")
    assert tab.evaluate(_SHOWN) == report.remedies[0].cures
    tab.evaluate("document.getElementById('all').click()")
    assert tab.evaluate(_SHOWN) == IMAGES


def test_it_asks_for_nothing_and_every_cell_leads_to_its_reasons(tab: Page, large: Path) -> None:
    tab.open(large)
    requests = [request["request"]["url"] for request in tab.told("Network.requestWillBeSent")]
    assert [url for url in requests if not url.startswith("data:")] == [large.as_uri()]
    dead = "[...document.querySelectorAll('a')].filter(a => !document.getElementById(a.hash.slice(1))).length"
    assert tab.evaluate(dead) == 0
    wrong = """[...document.querySelectorAll('td a')].filter(a =>
      !a.parentElement.className.includes(document.getElementById(a.hash.slice(1)).className)).length"""
    assert tab.evaluate(wrong) == 0


def test_without_its_script_everything_is_there(tab: Page, large: Path) -> None:
    tab.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.open(large)
        assert tab.evaluate(_SHOWN) == IMAGES
        assert tab.evaluate("getComputedStyle(document.getElementById('bar')).display") == "none"
        assert "GODEBUG=netdns=go" in tab.evaluate("document.body.innerText")
    finally:
        tab.send("Emulation.setScriptExecutionDisabled", value=False)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_contrast_is_that_of_wcag_aa(tab: Page, scheme: str, tmp_path: Path) -> None:
    file = tmp_path / "small.html"
    file.write_bytes(render_fleet(samples.fleet(60), "html", TextStyle()))
    tab.scheme(scheme)
    tab.open(file)
    contrast = tab.evaluate(_CONTRAST)
    assert len(contrast) > 100
    assert contrast[0][0] >= 4.5, contrast[:5]
    tab.scheme("light")


_HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>]]>\u202e\x1b[31m\n&amp;</style>{{7*7}}javascript:alert(1)"


def test_hostile_text_makes_no_element_and_runs_nothing(tab: Page, tmp_path: Path) -> None:
    count = "JSON.stringify([...document.querySelectorAll('*')].map(e => e.tagName))"
    harmless, hostile = tmp_path / "harmless.html", tmp_path / "hostile.html"
    for file, change in ((harmless, lambda text: f"x{text}"), (hostile, lambda text: _HOSTILE + text)):
        file.write_bytes(render_fleet(samples.with_texts(samples.fleet(60), change), "html", TextStyle()))
    tab.open(harmless)
    wanted = tab.evaluate(count)
    tab.open(hostile)
    assert tab.evaluate(count) == wanted
    assert tab.told("Page.javascriptDialogOpening", "Log.entryAdded", "Runtime.exceptionThrown") == []
    requests = [request["request"]["url"] for request in tab.told("Network.requestWillBeSent")]
    assert [url for url in requests if not url.startswith("data:")] == [hostile.as_uri()]
    choose(tab, "q", "team-3")
    assert 0 < tab.evaluate(_SHOWN) < 60
