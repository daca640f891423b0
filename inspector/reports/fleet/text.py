"""The fleet's report for a person at a terminal: how many, where, what cures most, what could not be read."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.escaping import printable
from inspector.fleet.report import FleetReport
from inspector.reports.fleet.wording import (
    count,
    describe_difference,
    describe_finding,
    describe_interruption,
    describe_work,
    group_images,
)
from inspector.reports.text import TextStyle, wrap
from inspector.reports.wording import LEVELS

_GROUPS = 10
_UNTOLD = 2
"""Groups of what cannot be told: they have places of their own, whatever many crashes there are."""
_IMAGES = 6
_REMEDIES = 5
_PROBLEMS = 10
_NAME = 100


def render_text(report: FleetReport, style: TextStyle) -> str:
    """Return the report as text with a final newline; ``style.verbose`` names every image that is not safe."""
    blocks = (
        _head(report, style), _environments(report, style), _images(report, style), _remedies(report, style),
        _trend(report, style), _problems(report, style), _conclusion(report, style),
    )  # fmt: skip
    return "\n\n".join(text for text in ("\n".join(block) for block in blocks) if text) + "\n"


def _head(report: FleetReport, style: TextStyle) -> Iterator[str]:
    yield style.strong(", ".join(printable(place, limit=120) for place in report.places[:5]))
    yield from wrap("  ", describe_work(report), style)
    partial = describe_interruption(report)
    if partial:
        yield from wrap("  ", partial, style)


def _environments(report: FleetReport, style: TextStyle) -> Iterator[str]:
    if not report.environments:
        return
    left = max(len(printable(name)) for name in report.environments)
    yield "  " + " " * left + "".join(f"{level:>9}" for level in LEVELS)
    for name in report.environments:
        counts = report.summary.environments[name]
        cells = []
        for level in LEVELS:
            number = counts.get(level, 0)
            text = f"{number or '-':>9}" if not number else f"{number:>9,}"
            cells.append(style.level(level, text) if number else text)
        yield f"  {printable(name):<{left}}" + "".join(cells)


def _images(report: FleetReport, style: TextStyle) -> Iterator[str]:
    groups = group_images(report)
    graver = [group for group in groups if group.level in {"crash", "wrong"}]
    untold = [group for group in groups if group.level == "unknown"]
    shown = groups if style.verbose else graver[:_GROUPS] + untold[:_UNTOLD]
    for number, group in enumerate(shown):
        if number:
            yield ""
        everywhere = len(group.environments) == len(report.environments)
        places = "everywhere" if everywhere else "in " + ", ".join(map(printable, group.environments))
        finding, level = group.finding, group.level
        head = f"{style.level(level, level.upper())}  {count(len(group.images), 'image')}: "
        what = (
            f"{printable(finding.path, limit=_NAME)} {describe_finding(finding)} {places} [{printable(finding.rule)}]"
        )
        yield from wrap(head, what, style)
        if finding.reasons:
            yield from wrap("  because  ", printable(finding.reasons[0].text, limit=300), style)
        if finding.remedies:
            yield from wrap("  fix      ", printable(finding.remedies[0].text, limit=300), style)
        names = group.images if style.verbose else group.images[:_IMAGES]
        for image in names:
            more = f" and {count(len(image.tags) - 1, 'more tag')}" if len(image.tags) > 1 else ""
            yield f"  {printable(image.name, limit=_NAME)}{more}"
        if len(group.images) > len(names):
            yield f"  and {count(len(group.images) - len(names), 'more image')} (--verbose)"
    named = {id(image) for group in shown for image in group.images}
    left = len({id(image) for group in groups for image in group.images} - named)
    if left:
        yield ""
        yield f"{count(left, 'more image')} {'is' if left == 1 else 'are'} not safe (--verbose, or --format html)"


def _remedies(report: FleetReport, style: TextStyle) -> Iterator[str]:
    if not report.remedies:
        return
    yield style.strong("what cures most")
    for remedy in report.remedies[:_REMEDIES]:
        helped = f", helps {remedy.helps:,}" if remedy.helps > remedy.cures else ""
        yield from wrap(f"  {remedy.cures:>6,}  ", f"{printable(remedy.text, limit=300)}{helped}", style)


def _trend(report: FleetReport, style: TextStyle) -> Iterator[str]:
    trend = report.trend
    if trend is None:
        return
    yield style.strong(f"since {printable(trend.against, limit=40)}")
    changed = f"{trend.worse:,} worse, {trend.better:,} better, {trend.new:,} new, {trend.gone:,} gone"
    yield f"  {changed}, {trend.same:,} as before"
    shown = [each for each in trend.differences if each.change in {"worse", "better"}][:_PROBLEMS]
    for each in shown:
        yield f"  {each.change:<7} {printable(each.name, limit=_NAME)}: {describe_difference(each)}"


def _problems(report: FleetReport, style: TextStyle) -> Iterator[str]:
    failed = [image for image in report.images if image.status != "analysed"]
    lines = [f"{each.where}: {each.message}" for each in report.problems]
    lines += [f"{image.name}: {(image.problems or ('could not be analysed',))[0]}" for image in failed]
    shown = lines if style.verbose else lines[:_PROBLEMS]
    label = style.level("unknown", "not analysed")
    for line in shown:
        yield from wrap(f"{label}: ", printable(line, limit=600), style)
    if len(lines) > len(shown):
        yield f"{len(lines) - len(shown):,} more could not be analysed to the end (--verbose)"


def _conclusion(report: FleetReport, style: TextStyle) -> Iterator[str]:
    summary = report.summary
    if not summary.images:
        yield "No image was found." if not report.problems else "Nothing could be analysed."
        return
    parts = [style.level(level, f"{getattr(summary, level):,} {level}") for level in LEVELS if getattr(summary, level)]
    excused = f" ({summary.excused:,} waived)" if summary.excused else ""
    yield f"{count(summary.images, 'image')}: {', '.join(parts)}{excused}"
