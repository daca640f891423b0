"""The fleet on one HTML page: images × environments, filters that need no server, what cures most, the trend.

Everything from outside goes through ``_text``: made printable, then escaped. The content security policy allows the
page's style and its one script, by hash; nothing is loaded. Without the script all rows stand there, unfiltered.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from inspector.escaping import printable
from inspector.facts import Level
from inspector.fleet.report import Cell, FleetFinding, FleetImage, FleetRemedy, FleetReport
from inspector.reports.fleet.page import FLEET_STYLE, SCRIPT, SCRIPT_HASH
from inspector.reports.fleet.wording import (
    count,
    describe_build,
    describe_cell,
    describe_difference,
    describe_finding,
    describe_interruption,
    describe_work,
)
from inspector.reports.wording import LEVELS

MAX_ROWS = 50_000
"""Images on the page, the gravest; the JSON report has them all."""
_CHUNK = 100
"""Images of one table."""
_FINDINGS = 1000
_REMEDIES = 30
_TRENDS = 200
_PROBLEMS = 200
_TAGS = 3
_SEARCHED = 2000
"""Characters of an image's tags that the filter looks at."""
_POLICY = (
    f"default-src 'none'; style-src 'unsafe-inline'; script-src '{SCRIPT_HASH}'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
_SIGNS: dict[Level, str] = {"crash": "✕", "wrong": "≠", "latent": "!", "unknown": "?", "safe": "✓"}
_LETTERS: dict[Level, str] = {"crash": "k", "wrong": "w", "latent": "l", "unknown": "u", "safe": "s"}
"""As the script reads them, the gravest first."""


def render_html(report: FleetReport) -> str:
    """Return the report as one HTML document."""
    return "".join(_page(report))


def _page(report: FleetReport) -> Iterator[str]:
    summary = report.summary
    title = f"{summary.worst or 'nothing found'}: {count(summary.images, 'image')} – inspector"
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f'<link rel="icon" href="data:,">\n<title>{_text(title)}</title>\n'
        f"<style>{FLEET_STYLE}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#map">To the images</a>\n'
    )
    yield from _header(report)
    yield "<main>\n"
    yield from _environments(report)
    yield from _remedies(report)
    yield from _trend(report)
    yield from _problems(report)
    yield from _map(report)
    yield from _findings(report)
    yield f"</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"


def _text(text: str, limit: int = 500) -> str:
    return escape(printable(text, limit=limit))


def _badge(level: Level) -> str:
    return f'<span class="badge {level}"><span aria-hidden="true">{_SIGNS[level]}</span> {level}</span>'


def _header(report: FleetReport) -> Iterator[str]:
    summary = report.summary
    yield "<header>\n<h1>Which images will crash?</h1>\n"
    partial = describe_interruption(report)
    if partial:
        yield f'<p class="problem"><strong>{_text(partial)}</strong></p>\n'
    counts = "".join(
        f"<li>{_badge(level)} {getattr(summary, level):,}</li>" for level in LEVELS if getattr(summary, level)
    )
    yield f'<ul class="counts" aria-label="Images by their worst level">{counts}</ul>\n'
    places = ", ".join(f"<code>{_text(place, 120)}</code>" for place in report.places[:10])
    more = f" and {len(report.places) - 10} more" if len(report.places) > 10 else ""
    excused = f" {count(summary.excused, 'image')} waived." if summary.excused else ""
    work = f"{_text(report.finished)}. {_text(describe_work(report))}."
    yield f'<p class="facts">{places}{more}, {work}{excused}</p>\n</header>\n'


def _environments(report: FleetReport) -> Iterator[str]:
    if not report.environments:
        return
    yield '<h2>Environments</h2>\n<div class="scroll" tabindex="0" role="region" aria-label="Environments">\n'
    yield '<table class="plain">\n<thead><tr><th scope="col">environment</th>'
    yield "".join(f'<th scope="col" class="n">{level}</th>' for level in LEVELS) + "</tr></thead>\n<tbody>\n"
    for name in report.environments:
        counts = report.summary.environments[name]
        cells = "".join(
            f'<td class="n">{counts[level]:,}</td>' if counts.get(level) else "<td></td>" for level in LEVELS
        )
        yield f'<tr><th scope="row">{_text(name, 120)}</th>{cells}</tr>\n'
    yield "</tbody>\n</table>\n</div>\n"


def _remedies(report: FleetReport) -> Iterator[str]:
    if not report.remedies:
        return
    yield (
        '<h2>What cures most</h2>\n<table class="plain">\n<thead><tr><th scope="col" class="n">cures</th>'
        '<th scope="col" class="n">helps</th><th scope="col">change</th></tr></thead>\n<tbody>\n'
    )
    for remedy in report.remedies[:_REMEDIES]:
        numbers = f'<td class="n">{remedy.cures:,}</td><td class="n">{remedy.helps:,}</td>'
        yield f"<tr>{numbers}<td>{_text(remedy.text)}</td></tr>\n"
    yield "</tbody>\n</table>\n"
    yield (
        '<p class="facts">Images in which nothing crashes any more with this change alone; and those in which it takes '
        "away some crash.</p>\n"
    )


def _trend(report: FleetReport) -> Iterator[str]:
    trend = report.trend
    if trend is None:
        return
    counts = f"{trend.worse:,} worse, {trend.better:,} better, {trend.new:,} new, {trend.gone:,} gone"
    yield f"<h2>Since {_text(trend.against, 40)}</h2>\n<p>{counts}, {trend.same:,} as before.</p>\n"
    if not trend.differences:
        return
    yield "<details>\n<summary>Image by image</summary>\n<ul>\n"
    for each in trend.differences[:_TRENDS]:
        yield f"<li>{each.change}: <code>{_text(each.name, 200)}</code> {_text(describe_difference(each))}</li>\n"
    left = len(trend.differences) - _TRENDS
    yield (f"<li>and {left:,} more, in the JSON report</li>\n" if left > 0 else "") + "</ul>\n</details>\n"


def _problems(report: FleetReport) -> Iterator[str]:
    lines = [(each.where, each.message) for each in report.problems]
    failed = (image for image in report.images if image.status != "analysed")
    lines += [(image.name, (image.problems or ("could not be analysed",))[0]) for image in failed]
    if not lines:
        return
    yield f"<h2>Not analysed to the end</h2>\n<details{' open' if len(lines) <= 10 else ''}>\n"
    yield f"<summary>{len(lines):,}</summary>\n<ul>\n"
    for where, message in lines[:_PROBLEMS]:
        yield f"<li><code>{_text(where, 200)}</code>: {_text(message)}</li>\n"
    left = len(lines) - _PROBLEMS
    yield (f"<li>and {left:,} more, in the JSON report</li>\n" if left > 0 else "") + "</ul>\n</details>\n"


# ── the map ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _map(report: FleetReport) -> Iterator[str]:
    yield "<h2>Images</h2>\n"
    if not report.images:
        yield "<p>No image was found.</p>\n"
        return
    yield from _bar(report)
    if len(report.images) > MAX_ROWS:
        said = f"The gravest {MAX_ROWS:,} of {len(report.images):,} images; the JSON report has all."
        yield f'<p class="problem">{said}</p>\n'
    yield '<div class="scroll" id="map" tabindex="0" role="region" aria-label="Images and environments">\n'
    names = "".join(f'<th scope="col">{_text(name, 60)}</th>' for name in report.environments)
    heads = f'<tr><th scope="col" class="i">image</th>{names}</tr>'
    yield f'<table class="map"><thead aria-hidden="true">{heads}</thead></table>\n'
    shown = [remedy for remedy in report.remedies[:_REMEDIES] if remedy.cures]
    offered = [_offers(finding, shown) for finding in report.findings]
    images = report.images[:MAX_ROWS]
    for start in range(0, len(images), _CHUNK):
        # A block of its own for each: what is not in sight is not laid out (CSS Containment 2, content-visibility;
        # size containment does nothing to a table itself).
        yield f'<div class="part"><table class="map"><thead class="v">{heads}</thead>\n<tbody>\n'
        for image in images[start : start + _CHUNK]:
            yield _row(image, report, offered)
        yield "</tbody></table></div>\n"
    yield "</div>\n"


def _bar(report: FleetReport) -> Iterator[str]:
    """The filters; hidden until the script that they need runs."""
    names = {"k": "crash", "w": "wrong or worse", "l": "latent or worse", "u": "unknown"}
    levels = "".join(f'<option value="{letter}">{name}</option>' for letter, name in names.items())
    places = "".join(
        f'<option value="{number}">{_text(name, 60)}</option>' for number, name in enumerate(report.environments)
    )
    shown = [remedy for remedy in report.remedies[:_REMEDIES] if remedy.cures]
    cures = "".join(f'<option value="{n}">{_text(remedy.text, 80)}</option>' for n, remedy in enumerate(shown))
    yield (
        '<div class="bar" id="bar" hidden>\n'
        '<label>name or tag <input id="q" type="search" autocomplete="off"></label>\n'
        f'<label>level <select id="level"><option value="">any</option>{levels}</select></label>\n'
        f'<label>in <select id="place"><option value="">any environment</option>{places}</select></label>\n'
        f'<label>cured by <select id="cure"><option value="">anything</option>{cures}</select></label>\n'
        '<button type="button" id="all">Show all</button>\n<output id="count" aria-live="polite"></output>\n</div>\n'
    )


def _offers(finding: FleetFinding, shown: list[FleetRemedy]) -> set[int] | None:
    """Return which of the remedies a crash names; None for what is no crash and needs none."""
    if finding.level != "crash":
        return None
    texts = {(each.kind, each.text) for each in finding.remedies}
    return {number for number, remedy in enumerate(shown) if (remedy.kind, remedy.text) in texts}


def _row(image: FleetImage, report: FleetReport, offered: list[set[int] | None]) -> str:
    letter = _LETTERS[image.level]
    letters = letter + ("".join(map(_letter, image.cells)) or letter * len(report.environments))
    numbers = {number for cell in image.cells if not cell.excused for number in cell.findings}
    sets = [found for found in (offered[number] for number in numbers) if found is not None]
    cures = " ".join(map(str, sorted(set.intersection(*sets)))) if sets else ""
    tags = _text(" ".join(image.tags), _SEARCHED)
    cells = "".join(_cell(cell) for cell in image.cells) or _not_judged(image, report)
    data = f'data-l="{letters}" data-t="{tags}" data-r="{cures}"'
    return f'<tr {data}><th scope="row">{_name(image, report)}</th>{cells}</tr>\n'


def _name(image: FleetImage, report: FleetReport) -> str:
    tags = ", ".join(_text(tag, 128) for tag in image.tags[:_TAGS])
    more = f" and {len(image.tags) - _TAGS} more" if len(image.tags) > _TAGS else ""
    digest = "" if image.tags else _text(f"@{image.digest}", 80)
    builds = dict.fromkeys(binary.build for binary in image.binaries[:3])
    facts = [image.platform or "", *(describe_build(report.builds[number]) for number in builds)]
    return (
        f"<code>{_text(image.registry, 80)}/{_text(image.repository, 200)}</code> <b>{tags}{more}{digest}</b>"
        f' <span class="m">{_text(" · ".join(fact for fact in facts if fact), 200)}</span>'
    )


def _letter(cell: Cell) -> str:
    """As the script reads it: a capital is a level that hides an unknown one."""
    letter = _LETTERS[cell.level]
    return letter.upper() if cell.unknown else letter


def _cell(cell: Cell) -> str:
    said = f"{_SIGNS[cell.level]} {describe_cell(cell)}"
    kind = f"{cell.level} e" if cell.excused else cell.level
    said = f"{said}, excused" if cell.excused else said
    number = cell.findings[0] if cell.findings else None
    if number is None or number >= _FINDINGS:
        return f'<td class="{kind}">{said}</td>'
    return f'<td class="{kind}"><a href="#f{number}">{said}</a></td>'


def _not_judged(image: FleetImage, report: FleetReport) -> str:
    said = f"? {image.problems[0] if image.problems else 'could not be analysed'}"
    return f'<td class="unknown" colspan="{max(len(report.environments), 1)}">{_text(said, 300)}</td>'


# ── the findings ─────────────────────────────────────────────────────────────────────────────────────────────────


def _findings(report: FleetReport) -> Iterator[str]:
    if not report.findings:
        return
    yield "<h2>Why</h2>\n"
    for number, finding in enumerate(report.findings[:_FINDINGS]):
        reasons = "".join(
            f"<li>{_text(reason.text)}{f' (<code>{_text(reason.where, 120)}</code>)' if reason.where else ''}</li>"
            for reason in finding.reasons
        )
        remedies = "".join(f"<li>{_text(remedy.text)}</li>" for remedy in finding.remedies)
        yield (
            f'<article class="{finding.level}" id="f{number}">\n<h3>{_badge(finding.level)} '
            f"<code>{_text(finding.path, 200)}</code>: {_text(describe_finding(finding))}</h3>\n"
            f'<p class="facts">{count(finding.images, "image")} · {_text(finding.rule)}'
            f"{f' · call {_text(finding.call)}' if finding.call else ''} · {finding.confidence}</p>\n"
            + (f"<h4>Because</h4>\n<ul>{reasons}</ul>\n" if reasons else "")
            + (f"<h4>What helps</h4>\n<ul>{remedies}</ul>\n" if remedies else "")
            + "</article>\n"
        )
    if len(report.findings) > _FINDINGS:
        yield f"<p>{len(report.findings) - _FINDINGS:,} more, in the JSON report.</p>\n"
