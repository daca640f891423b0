"""The fleet's report for a wiki or an issue: tables, bounded."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.fleet.report import FleetReport
from inspector.reports.fleet.wording import (
    count,
    describe_difference,
    describe_finding,
    describe_interruption,
    describe_work,
    group_images,
)
from inspector.reports.markdown import code, prose
from inspector.reports.wording import LEVELS

_GROUPS = 40
_NAMES = 10
_ROWS = 20


def render_markdown(report: FleetReport) -> str:
    """Return the report as Markdown with a final newline."""
    blocks = (
        _head(report),
        _environments(report),
        _groups(report),
        _remedies(report),
        _trend(report),
        _problems(report),
    )
    return "\n\n".join("\n".join(block) for block in map(list, blocks) if block) + "\n"


def _head(report: FleetReport) -> Iterator[str]:
    summary = report.summary
    counts = ", ".join(f"{getattr(summary, level):,} {level}" for level in LEVELS if getattr(summary, level))
    yield f"# {count(summary.images, 'image')}: {counts or 'nothing was found'}"
    yield ""
    partial = describe_interruption(report)
    if partial:
        yield f"**{prose(partial)}**"
        yield ""
    places = ", ".join(code(place) for place in report.places[:_NAMES])
    yield f"{places}, {prose(report.finished)}. {prose(describe_work(report))}."
    if summary.excused:
        yield f"{count(summary.excused, 'image')} waived."


def _environments(report: FleetReport) -> Iterator[str]:
    if not report.environments:
        return
    yield "| environment | " + " | ".join(LEVELS) + " |"
    yield "|---|" + "---:|" * len(LEVELS)
    for name in report.environments:
        counts = report.summary.environments[name]
        yield f"| {prose(name)} | " + " | ".join(str(counts.get(level) or "") for level in LEVELS) + " |"


def _groups(report: FleetReport) -> Iterator[str]:
    groups = group_images(report)
    if not groups:
        return
    yield "## What is not safe"
    yield ""
    for group in groups[:_GROUPS]:
        places = ", ".join(prose(name) for name in group.environments)
        yield (
            f"* **{group.level}**, {count(len(group.images), 'image')}: {code(group.finding.path)} "
            f"{describe_finding(group.finding)} in {places} ({code(group.finding.rule)})"
        )
        names = ", ".join(code(image.name) for image in group.images[:_NAMES])
        left = len(group.images) - _NAMES
        yield f"  * {names}{f' and {left:,} more' if left > 0 else ''}"
        if group.finding.remedies:
            yield f"  * {prose(group.finding.remedies[0].text)}"
        elif group.finding.reasons:
            yield f"  * {prose(group.finding.reasons[0].text)}"
    if len(groups) > _GROUPS:
        yield f"* {len(groups) - _GROUPS:,} more, in the JSON and HTML reports"


def _remedies(report: FleetReport) -> Iterator[str]:
    if not report.remedies:
        return
    yield "## What cures most"
    yield ""
    yield "| cures | helps | change |"
    yield "|---:|---:|---|"
    for remedy in report.remedies[:_ROWS]:
        yield f"| {remedy.cures:,} | {remedy.helps:,} | {prose(remedy.text)} |"


def _trend(report: FleetReport) -> Iterator[str]:
    trend = report.trend
    if trend is None:
        return
    yield f"## Since {prose(trend.against)}"
    yield ""
    changed = f"{trend.worse:,} worse, {trend.better:,} better, {trend.new:,} new, {trend.gone:,} gone"
    yield f"{changed}, {trend.same:,} as before."
    for each in trend.differences[:_ROWS]:
        yield f"* {each.change}: {code(each.name)} {prose(describe_difference(each))}"


def _problems(report: FleetReport) -> Iterator[str]:
    lines = [(each.where, each.message) for each in report.problems]
    lines += [
        (image.name, (image.problems or ("could not be analysed",))[0])
        for image in report.images
        if image.status != "analysed"
    ]
    if not lines:
        return
    yield "## What could not be analysed"
    yield ""
    for where, message in lines[:_ROWS]:
        yield f"* {code(where)}: {prose(message)}"
    if len(lines) > _ROWS:
        yield f"* {len(lines) - _ROWS:,} more"
