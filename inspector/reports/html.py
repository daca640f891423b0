"""One HTML page: no script, nothing from elsewhere, light and dark, readable on a phone and by keyboard.

Everything from outside goes through ``_text``: made printable, then escaped. Its content security policy allows the
page's own style and nothing else. The matrix is a table whose cells lead to the reasons.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape

from inspector.escaping import printable
from inspector.facts import BinaryFacts, Level, Report, Target, Verdict
from inspector.reports.catalogue import LEVELS
from inspector.reports.findings import excuse_of, findings_of, waiver_of
from inspector.reports.page import STYLE
from inspector.reports.wording import (
    KNOWN,
    RANK,
    describe_binary,
    describe_excused,
    describe_nothing,
    describe_outcome,
    describe_rootfs,
    not_judged,
    patches_of,
    untold_paths,
    worst,
)

_SIGNS: dict[Level, str] = {"crash": "✕", "wrong": "≠", "latent": "!", "unknown": "?", "safe": "✓"}
_MAX_ITEMS = 40
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Environments in which the same is to be said of one binary."""

    anchor: str
    path: str
    environments: list[str]
    verdicts: Sequence[Verdict]
    patches: list[str]
    """Remedies as YAML, of all its environments."""

    @property
    def level(self) -> Level:
        gravest = worst(self.verdicts)
        return gravest.level if gravest else "unknown"

    @property
    def also(self) -> str:
        """What is told beside the gravest level, with a comma before it: that some of it is not known."""
        return ", unknown" if self.level != "unknown" and any(v.level == "unknown" for v in self.verdicts) else ""

    @property
    def excuse(self) -> str | None:
        """In one word, why nothing of it counts: ``waived``, or ``known`` where a part of it is not waived."""
        excuses = {excuse_of(verdict) for verdict in self.verdicts if verdict.level != "safe"}
        if not excuses or None in excuses:
            return None
        return "known" if "known" in excuses else "waived"


def render_html(report: Report) -> str:
    """Return the report as one HTML document."""
    numbered = sorted(enumerate(report.targets), key=lambda pair: -RANK[_level_of(pair[1])])
    body = [_header(report)]
    if len(numbered) > 1:
        body.append(_contents(numbered))
    body += ["\n".join(_target(number, target)) for number, target in numbered]
    body.append(_legend(report))
    return "\n".join(
        (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">',
            f'<link rel="icon" href="data:,">\n<title>{_text(_title(report))}</title>',
            f"<style>{STYLE}</style>\n</head>\n<body>",
            '<a class="skip" href="#main">To the results</a>',
            *body,
            "</body>\n</html>\n",
        )
    )


def _text(text: str, limit: int = 500) -> str:
    return escape(printable(text, limit=limit))


def _title(report: Report) -> str:
    what = report.targets[0].reference if len(report.targets) == 1 else f"{len(report.targets)} images"
    worst = report.summary.worst or ("not judged" if not_judged(report) else "nothing to judge")
    return f"{worst}: {printable(what, limit=200)} – inspector"


def _badge(level: Level, *, excuse: str | None = None) -> str:
    said = f"{level}, {excuse}" if excuse else level
    return f'<span class="badge {level}"><span aria-hidden="true">{_SIGNS[level]}</span> {said}</span>'


def _header(report: Report) -> str:
    summary = report.summary
    levels = [level for level in RANK if getattr(summary, level)]
    counts = "".join(f"<li>{_badge(level)} {getattr(summary, level)}</li>" for level in levels)
    counts += "".join(f"<li>{text}</li>" for text in describe_excused(report))
    incomplete = sum(target.status != "analysed" for target in report.targets)
    if summary.worst is None:
        nothing = "nothing could be analysed" if incomplete and not not_judged(report) else describe_nothing(report)
        told = _text(f"{nothing[:1].upper()}{nothing[1:]}.")
    else:
        told = f"{_badge(summary.worst)} {_conclusion(report)}"
    more = (
        f'<p class="problem">{incomplete} of {len(report.targets)} images could not be analysed to the end.</p>'
        if incomplete
        else ""
    )
    return (
        f'<header>\n<h1>Will it crash?</h1>\n<p class="lead">{told}</p>\n{more}'
        f'<ul class="counts" aria-label="Binaries × environments by their worst verdict">{counts}</ul>\n'
        f'</header>\n<main id="main" tabindex="-1">'
    )


def _conclusion(report: Report) -> str:
    """Say the gravest finding that counts, and its smallest remedy; where none does, the gravest."""
    found = [finding for finding in findings_of(report) if finding.verdict is not None]
    counting = (finding for finding in found if finding.waived is None and not finding.known)
    gravest = next(counting, next(iter(found), None))
    if gravest is None or gravest.verdict is None:
        return "No binary would crash in these environments."
    remedies = gravest.verdict.remedies
    fix = f" Smallest remedy: {_text(remedies[0].text)}." if remedies else ""
    untold = untold_paths(report) if report.summary.worst == "latent" else []
    names = ", ".join(_text(path, 120) for path in untold[:4]) + (f" and {len(untold) - 4} more" if untold[4:] else "")
    more = f" Of {names} it cannot be told." if untold else ""
    return f"{escape(gravest.title[:1].upper() + gravest.title[1:])}.{fix}{more}"


def _contents(numbered: Sequence[tuple[int, Target]]) -> str:
    rows = "".join(
        f'<li>{_badge(_level_of(target))} <a href="#t{number}">{_text(target.reference)}</a></li>'
        for number, target in numbered
    )
    return f'<nav aria-label="Images">\n<h2>Images</h2>\n<ul class="contents">{rows}</ul>\n</nav>'


def _level_of(target: Target) -> Level:
    gravest = worst(verdict for environment in target.environments for verdict in environment.verdicts)
    if target.status == "failed" or (target.status == "incomplete" and (not gravest or gravest.level == "safe")):
        return "unknown"
    return gravest.level if gravest else "safe"


def _target(number: int, target: Target) -> Iterator[str]:
    yield f'<section id="t{number}" aria-labelledby="t{number}h">'
    yield f'<h2 id="t{number}h"><code>{_text(target.reference)}</code></h2>'
    facts = (target.platform, target.digest, describe_rootfs(target.rootfs) if target.rootfs else None, *target.notes)
    yield f'<p class="facts">{" · ".join(_text(fact) for fact in facts if fact)}</p>'
    for problem in target.problems[:_MAX_ITEMS]:
        word = "Not analysed" if target.status == "failed" else "Incomplete"
        yield f'<p class="problem"><strong>{word}:</strong> {_text(problem.message)}</p>'
    if not target.binaries and target.status != "failed":
        yield "<p>No binary of interest: no Go program, no static program with NSS inside, no known entrypoint.</p>"
    if target.binaries and target.environments:
        groups = _groups(number, target)
        yield _matrix(number, target, groups)
        yield from (_reasons(group, target) for group in sorted(groups, key=lambda group: -RANK[group.level]))
    elif target.binaries:
        yield "<ul>" + "".join(_binary_item(binary) for binary in target.binaries) + "</ul>"
    yield "</section>"


def _binary_item(binary: BinaryFacts) -> str:
    return f"<li><code>{_text(binary.path)}</code> {_text(describe_binary(binary))}</li>"


def _groups(number: int, target: Target) -> list[_Group]:
    """Group environments in which the same verdicts hold for one binary, in the order in which they come."""
    found: dict[tuple[str, tuple[Verdict, ...]], _Group] = {}
    for environment in target.environments:
        by_path: dict[str, list[Verdict]] = {}
        for verdict in environment.verdicts:
            by_path.setdefault(verdict.path or "", []).append(verdict)
        for path, verdicts in by_path.items():
            key = (path, tuple(_essence(verdict) for verdict in verdicts))
            group = found.setdefault(
                key, _Group(anchor=f"t{number}r{len(found)}", path=path, environments=[], verdicts=verdicts, patches=[])
            )
            group.environments.append(environment.name)
            group.patches.extend(patch for patch in patches_of(verdicts) if patch not in group.patches)
    return list(found.values())


def _essence(verdict: Verdict) -> Verdict:
    """Return what a verdict says; which resolver a safe call takes makes no difference to its reader.

    Nor does in which manifest a remedy is written.
    """
    told = replace(verdict, remedies=tuple(replace(remedy, patch=None) for remedy in verdict.remedies))
    return replace(told, decision=None, order=None) if verdict.level == "safe" else told


def _matrix(number: int, target: Target, groups: Sequence[_Group]) -> str:
    """Environments down, binaries across; each cell leads to its reasons."""
    by_cell = {(group.path, name): group for group in groups for name in group.environments}
    gravity: dict[str, int] = {}
    for group in groups:
        gravity[group.path] = max(gravity.get(group.path, 0), RANK[group.level])
    paths = sorted(gravity, key=lambda path: -gravity[path])
    heads = "".join(f'<th scope="col"><code>{_text(path, 120)}</code></th>' for path in paths)
    rows = []
    for environment in target.environments:
        where = f"<br><small>{_text(environment.where, 120)}</small>" if environment.where else ""
        cells = "".join(_cell(by_cell.get((path, environment.name)), environment.name) for path in paths)
        rows.append(f'<tr><th scope="row">{_text(environment.name, 120)}{where}</th>{cells}</tr>')
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-labelledby="t{number}c">'
        f'<table class="matrix"><caption id="t{number}c">Environments down, binaries across; each cell leads to its '
        f"reasons</caption>\n<thead><tr><td></td>{heads}</tr></thead>\n<tbody>\n"
        + "\n".join(rows)
        + "\n</tbody></table></div>"
    )


def _cell(group: _Group | None, environment: str) -> str:
    if group is None:
        return "<td>–</td>"
    label = f"{group.level}{group.also}{f', {group.excuse}' if group.excuse else ''}: {group.path} in {environment}"
    shown = f"{group.level}{group.also}{f'<br><small>{group.excuse}</small>' if group.excuse else ''}"
    return (
        f'<td><a class="cell {group.level}" href="#{group.anchor}" aria-label="{_text(label)}">'
        f'<span aria-hidden="true">{_SIGNS[group.level]}</span> {shown}</a></td>'
    )


def _reasons(group: _Group, target: Target) -> str:
    binary = next((binary for binary in target.binaries if binary.path == group.path), None)
    what = f'<p class="facts">{_text(describe_binary(binary))}</p>' if binary else ""
    every = len(group.environments) == len(target.environments) > 1
    where = "every environment" if every else ", ".join(_text(name, 120) for name in group.environments)
    verdicts = sorted(group.verdicts, key=lambda verdict: -RANK[verdict.level])
    return (
        f'<article id="{group.anchor}" class="{group.level}" tabindex="-1">\n'
        f"<h3>{_badge(group.level, excuse=group.excuse)}{group.also} <code>{_text(group.path)}</code> in {where}</h3>\n"
        + what
        + "\n".join(_verdict(verdict) for verdict in verdicts)
        + _snippets(group.patches)
        + "\n</article>"
    )


def _verdict(verdict: Verdict) -> str:
    asked = f" of <code>{_text(verdict.name)}</code>" if verdict.name else ""
    call = f" {verdict.call}{asked}" if verdict.call else ""
    outcome = "safe as long as nothing changes" if verdict.level == "latent" else describe_outcome(verdict)
    said = f": {escape(outcome)}" if outcome else ""
    parts = [f'<div class="verdict">\n<h4>{_badge(verdict.level)}{call}{said}</h4>']
    waived = waiver_of(verdict)
    if waived is not None:
        parts.append(f'<p class="problem"><strong>Waived:</strong> {_text(waived)}</p>')
    elif verdict.known:
        parts.append(f'<p class="problem"><strong>Known:</strong> {KNOWN}</p>')
    parts.append(_listed("Because", [_reason(r.text, r.where) for r in verdict.reasons]))
    if verdict.level != "safe":
        parts.append(_listed("What stops it", [_text(remedy.text) for remedy in verdict.remedies]))
    if verdict.level in {"safe", "latent"}:
        parts.append(_folded("What would change it", [_text(flip.change) for flip in verdict.flips]))
    parts.append(_folded("Evidence", [f"<code>{_text(item)}</code>" for item in verdict.evidence]))
    order = f", order {_text(verdict.order)}" if verdict.order else ""
    resolver = f", resolver {verdict.decision}{order}" if verdict.decision and verdict.level != "safe" else ""
    parts.append(
        f'<p class="facts">Rule <code>{_text(verdict.rule)}</code>, {verdict.confidence}{resolver}</p>\n</div>'
    )
    return "\n".join(part for part in parts if part)


def _snippets(patches: Sequence[str]) -> str:
    shown = "".join(f'<pre tabindex="0"><code>{escape(patch)}</code></pre>' for patch in patches[:_MAX_ITEMS])
    more = f"<p>and {len(patches) - _MAX_ITEMS} more</p>" if len(patches) > _MAX_ITEMS else ""
    return f"\n<details><summary>As YAML ({len(patches)})</summary>{shown}{more}</details>" if patches else ""


def _reason(text: str, where: str | None) -> str:
    return _text(text) + (f" <code>{_text(where, 120)}</code>" if where else "")


def _items(items: Sequence[str]) -> str:
    more = [f"and {len(items) - _MAX_ITEMS} more"] if len(items) > _MAX_ITEMS else []
    return "<ul>" + "".join(f"<li>{item}</li>" for item in [*items[:_MAX_ITEMS], *more]) + "</ul>"


def _listed(title: str, items: Sequence[str]) -> str:
    return f"<h5>{title}</h5>\n{_items(items)}" if items else ""


def _folded(title: str, items: Sequence[str]) -> str:
    return f"<details><summary>{title} ({len(items)})</summary>{_items(items)}</details>" if items else ""


def _legend(report: Report) -> str:
    meanings = "".join(f"<dt>{_badge(level)}</dt><dd>{escape(LEVELS[level])}</dd>" for level in RANK)
    return (
        f"</main>\n<footer>\n<h2>What the levels mean</h2>\n<dl>{meanings}</dl>\n"
        f'<p class="facts">inspector {_text(report.tool.version, 80)}, '
        f"report schema {_text(report.schema.version, 80)}</p>\n</footer>"
    )
