"""A fleet's report in every format but the page's looks: golden files, hostile text, bounds, documents read back."""

import csv
import io
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import cmarkgfm
import fleet_samples as samples
import jsonschema
import pytest

from inspector.errors import UsageError
from inspector.facts import Level
from inspector.fleet.report import Cell, FleetImage, FleetReport
from inspector.fleet.verdicts import summarise
from inspector.reports.fleet import render_fleet
from inspector.reports.fleet.document import decode_fleet, encode_fleet, fleet_schema
from inspector.reports.fleet.metrics import render_metrics
from inspector.reports.text import TextStyle

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
FORMS = ("text", "json", "csv", "markdown", "html")
HOSTILE = "\u202e\x1b[31m|`<b onclick=x>&\r\n=cmd()\x00@x"


def rendered(form: str, report: FleetReport) -> str:
    return render_fleet(report, form, TextStyle()).decode()


@pytest.mark.parametrize("form", [*FORMS, "prom"])
def test_golden(form: str) -> None:
    report = samples.fleet(24)
    text = render_metrics(report) if form == "prom" else rendered(form, report)
    file = GOLDEN / f"fleet.{ {'text': 'txt', 'markdown': 'md'}.get(form, form) }"
    if os.environ.get("REPORTS_GOLDEN") == "write":
        file.write_bytes(text.encode())
    assert text == file.read_bytes().decode(), "look at the difference, then run: make golden"


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_fleet_is_told(form: str) -> None:
    text = rendered(form, samples.fleet(0))
    assert text.endswith("\n")
    if form == "json":
        assert json.loads(text)["images"] == []


def test_the_schema_is_what_the_types_say() -> None:
    written = json.loads((ROOT / "inspector/reports/fleet.schema.json").read_text())
    assert fleet_schema() == written, "look at it, then run: make schema"


@pytest.mark.parametrize("number", [0, 1, 24])
def test_the_document_is_valid_by_its_schema_and_read_back(number: int) -> None:
    report = samples.fleet(number)
    content = encode_fleet(report)
    jsonschema.validate(json.loads(content), json.loads((ROOT / "inspector/reports/fleet.schema.json").read_text()))
    assert decode_fleet(content, name="x") == report


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"{}", b'{"schema": {"name": "inspector-report", "version": "1.0.0"}}', b"\xff",
        b'{"schema": {"name": "inspector-fleet", "version": "2.0.0"}}', b"[" * 100_000,
        encode_fleet(samples.fleet(5)).replace(b'"findings":[0', b'"findings":[99'),
        encode_fleet(samples.fleet(5)).replace(b'"build":1', b'"build":-1'),
        encode_fleet(samples.fleet(5)).replace(b'"kubernetes"', b'"kubernetes", "more"'),
    ],
)  # fmt: skip
def test_what_is_no_fleets_report_is_refused_in_one_line(content: bytes) -> None:
    with pytest.raises(UsageError) as raised:
        decode_fleet(content, name="x")
    assert "\n" not in str(raised.value)


def test_the_table_is_one_a_spreadsheet_reads_and_no_cell_is_a_formula() -> None:
    report = samples.with_texts(samples.fleet(24), lambda text: "=HYPERLINK(1)" + text)
    rows = list(csv.reader(io.StringIO(rendered("csv", report))))
    assert len(rows) == 25
    assert {len(row) for row in rows} == {len(rows[0])}
    assert not [cell for row in rows for cell in row if cell[:1] in {"=", "+", "-", "@", "\t", "\r"}]


@pytest.mark.parametrize("form", ["text", "csv", "markdown", "html"])
def test_hostile_text_is_printed_as_what_it_is(form: str) -> None:
    text = rendered(form, samples.with_texts(samples.fleet(24), lambda each: HOSTILE + each))
    assert not re.search("[\x00\x1b\u202e]", text)
    assert len(text.splitlines()) < 40_000


def test_hostile_text_makes_no_markup_in_markdown() -> None:
    def tags(change: object) -> list[str]:
        text = rendered("markdown", samples.with_texts(samples.fleet(24), change))
        page = cmarkgfm.github_flavored_markdown_to_html(text)
        return re.findall(r"<[a-z0-9]+", page)

    assert tags(lambda text: "x|*_`[a](http://x)<b> @who #1 " + text) == tags(lambda text: "x " + text)


def test_metrics_escape_their_labels() -> None:
    text = render_metrics(samples.with_texts(samples.fleet(5), lambda each: 'a"b\\c\nd' + each))
    for line in text.splitlines():
        assert line.startswith("#") or re.fullmatch(r'[a-z_]+(\{([a-z]+="([^"\\\n]|\\.)*",?)+\})? [0-9.e+-]+', line), (
            line
        )


def test_large_fleets_are_bounded_where_people_read_them() -> None:
    report = samples.fleet(3000)
    assert len(rendered("text", report).splitlines()) < 150
    assert len(rendered("markdown", report).splitlines()) < 250


@pytest.mark.parametrize(("form", "said"), [("csv", ',"latent, unknown"'), ("html", ">! latent, unknown<")])
def test_a_cell_says_what_its_graver_level_hides(form: str, said: str) -> None:
    report = samples.fleet(24)
    assert said in rendered(form, report)
    told = replace(
        report, images=tuple(replace(i, cells=tuple(replace(c, unknown=False) for c in i.cells)) for i in report.images)
    )
    assert "latent, unknown" not in rendered(form, told)


def of_levels(level: Level, *levels: Level) -> FleetReport:
    """Return a report of one image, one of whose cells has findings of these levels and the others none."""
    numbers = tuple(number for each in levels for number in samples.BY_LEVEL[each][:1])
    hides = "unknown" in levels and level != "unknown"
    cells = (
        Cell(level=level, findings=numbers, unknown=hides),
        *[Cell(level="safe")] * (len(samples.ENVIRONMENTS) - 1),
    )
    image = FleetImage(registry="r.example.com", repository="alone", tags=("1",), level=level, cells=cells)
    return replace(
        samples.fleet(0), images=(image,), findings=samples.FINDINGS, summary=summarise((image,), samples.ENVIRONMENTS)
    )


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_an_image_of_which_something_cannot_be_told_is_named_with_the_reason(form: str) -> None:
    for report in (
        of_levels("unknown", "unknown"),
        of_levels("crash", "crash", "unknown"),
        of_levels("latent", "latent", "unknown"),
    ):
        text = rendered(form, report)
        assert "cannot be told in docker-bridge" in " ".join(text.split()), text
        assert "r.example.com/alone:1" in text
        assert "sets GODEBUG" in text
    for report in (of_levels("crash", "crash"), of_levels("safe")):
        assert "cannot be told" not in rendered(form, report)


def test_an_image_that_was_not_read_is_named_once_by_its_problem() -> None:
    image = FleetImage(registry="r.example.com", repository="bad", tags=("1",), status="incomplete", level="unknown",
                       problems=("layer 2 is damaged",), cells=(Cell(level="unknown"),) * len(samples.ENVIRONMENTS))  # fmt: skip
    report = replace(samples.fleet(0), images=(image,), summary=summarise((image,), samples.ENVIRONMENTS))
    for form in ("text", "markdown"):
        assert rendered(form, report).count("r.example.com/bad:1") == 1


def test_text_counts_each_image_that_it_does_not_name_once() -> None:
    report = of_levels("latent", "latent", "unknown")
    shown = rendered("text", report)
    assert "more image" not in shown, "it is named by what cannot be told"
    assert "1 more image is not safe" in rendered("text", of_levels("latent", "latent"))
