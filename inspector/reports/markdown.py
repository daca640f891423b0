"""Markdown for a comment on a pull request, as GitHub and GitLab read it (GitHub Flavored Markdown).

GitHub takes 65 536 characters in a comment; what does not fit is left out, from the least grave on, and counted.
Text from outside stands in code spans or is escaped, so that it can neither format nor mention nor link.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from inspector.escaping import printable
from inspector.facts import Level, Report, Target, Verdict
from inspector.reports.findings import INCOMPLETE, Finding, excuse_of, findings_of
from inspector.reports.wording import (
    KNOWN,
    RANK,
    describe_binary,
    describe_excused,
    describe_nothing,
    describe_rootfs,
    not_judged,
    patches_of,
    untold_cells,
    untold_paths,
    worst_by_binary,
)

MAX_CHARACTERS = 60_000

_WORDS: dict[Level, str] = {
    "crash": "🔴 crash", "wrong": "🟣 wrong", "latent": "🟡 latent", "unknown": "❔ unknown", "safe": "🟢 safe",
}  # fmt: skip
_COLUMNS = 6
_ROWS = 40
_SHOWN = 6
_SPECIAL = re.compile(r"[\\`*{}\[\]<>#!|~&$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_AT_START = re.compile(r"^([-+=]|[0-9]+[.)])")


def render_markdown(report: Report) -> str:
    """Return the report as Markdown of at most ``MAX_CHARACTERS`` characters."""
    kept: list[str] = []
    room = MAX_CHARACTERS - 200
    left_out = 0
    for block in _blocks(report):
        if left_out or len(block) + 2 > room:
            left_out += 1
            continue
        room -= len(block) + 2
        kept.append(block)
    if left_out:
        kept.append(f"_{left_out} more parts do not fit into a comment: the HTML and JSON reports have them._")
    return "\n\n".join(kept) + "\n"


def _blocks(report: Report) -> Iterator[str]:
    yield _headline(report)
    found = findings_of(report)
    for finding in found:
        if finding.rule == INCOMPLETE:
            yield f"- ❔ {prose(finding.title)}"
    several = len(report.targets) > 1
    for target in sorted(report.targets, key=_gravity, reverse=True):
        if target.status != "failed":
            yield from _matrix(target)
    for finding in found:
        if finding.rule != INCOMPLETE:
            yield _details(finding, several=several)


def _gravity(target: Target) -> int:
    return max((RANK[v.level] for e in target.environments for v in e.verdicts), default=0)


def _headline(report: Report) -> str:
    summary = report.summary
    worst = summary.worst
    incomplete = sum(target.status != "analysed" for target in report.targets)
    if worst is None:
        told = "nothing could be analysed" if incomplete and not not_judged(report) else describe_nothing(report)
        return f"## inspector: {told}"
    counts = [(level, getattr(summary, level)) for level in RANK if getattr(summary, level)]
    told = "; ".join((", ".join(f"{number} {level}" for level, number in counts), *describe_excused(report)))
    more = f"; {incomplete} of {len(report.targets)} images not fully analysed" if incomplete else ""
    untold = untold_paths(report) if worst == "latent" else []
    told += f"; of {_listing(untold)} it cannot be told" if untold else ""
    words = f"{_WORDS[worst]} and {_WORDS['unknown']}" if untold else _WORDS[worst]
    return f"## inspector: {words}\n\nBinaries × environments: {told}{more}."


def _listing(paths: list[str]) -> str:
    shown = ", ".join(code(path, 120) for path in paths[:4])
    return shown + (f" and {len(paths) - 4} more" if len(paths) > 4 else "")


def _matrix(target: Target) -> Iterator[str]:
    facts = [code(target.platform) if target.platform else "", code(target.digest) if target.digest else ""]
    facts.append(prose(describe_rootfs(target.rootfs)) if target.rootfs else "")
    head = f"### {code(target.reference)}\n\n" + ", ".join(fact for fact in facts if fact)
    if not target.binaries:
        yield f"{head}\n\nNo binary of interest was found."
        return
    if not target.environments:
        yield f"{head}\n\nNot judged."
        return
    table, untold = worst_by_binary(target), untold_cells(target)
    paths = sorted(table, key=lambda path: -max((RANK[v.level] for v in table[path].values()), default=0))
    names = [environment.name for environment in target.environments]
    lines = [
        "| environment | " + " | ".join(_cell(path) for path in paths[:_COLUMNS]) + " |",
        "|---" * (min(len(paths), _COLUMNS) + 1) + "|",
    ]
    for name in names[:_ROWS]:
        cells = [_level(table[path].get(name), untold=(path, name) in untold) for path in paths[:_COLUMNS]]
        lines.append(f"| {_cell(name)} | " + " | ".join(cells) + " |")
    hidden = [f"{len(paths) - _COLUMNS} binaries"] if len(paths) > _COLUMNS else []
    hidden += [f"{len(names) - _ROWS} environments"] if len(names) > _ROWS else []
    more = f"\n\n_{' and '.join(hidden)} are not shown._" if hidden else ""
    yield f"{head}\n\n" + "\n".join(lines) + more


def _level(verdict: Verdict | None, *, untold: bool) -> str:
    if verdict is None:
        return "–"
    excuse = excuse_of(verdict)
    return _WORDS[verdict.level] + (f" ({excuse})" if excuse else "") + (f", {_WORDS['unknown']}" if untold else "")


def _details(finding: Finding, *, several: bool) -> str:
    verdict = finding.verdict
    counts = finding.waived is None and not finding.known
    excuse = f" — waived: {_html(finding.waived)}" if finding.waived is not None else f" — {KNOWN}"
    lines = [f"<details{' open' if finding.level == 'crash' and counts else ''}>"]
    lines += [f"<summary>{_WORDS[finding.level]}: {_html(finding.title)}{'' if counts else excuse}</summary>", ""]
    if several:
        lines.append(f"- image {code(finding.target.reference)}")
    if finding.binary is not None:
        lines.append(f"- binary {code(finding.binary.path)}: {prose(describe_binary(finding.binary))}")
    lines.append(f"- rule {code(finding.rule)}, {finding.confidence}")
    if verdict is not None:
        lines += [
            f"- because {prose(r.text)}" + (f" ({code(r.where)})" if r.where else "") for r in verdict.reasons[:_SHOWN]
        ]
        if verdict.level == "latent":
            lines += [f"- it would crash after: {prose(flip.change)}" for flip in verdict.flips[:_SHOWN]]
        lines += [f"- fix: {prose(remedy.text)}" for remedy in verdict.remedies[:_SHOWN]]
        lines += [line for patch in patches_of([verdict]) for line in ("", *_block(patch))]
    return "\n".join([*lines, "", "</details>"])


def _block(text: str) -> list[str]:
    """Return escaped text as a fenced block, whose fence is longer than any in it (CommonMark, 4.5)."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    return [f"{fence}yaml", *text.splitlines(), fence]


def code(text: str, limit: int = 250) -> str:
    """Return outside text as a code span (CommonMark, 6.1), in which nothing is markup."""
    shown = printable(text, limit=limit)
    if not shown.strip(" "):
        return "` `"
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _cell(text: str) -> str:
    """Return a code span for a table's cell: there a ``|`` parts cells even within code, unless escaped."""
    return code(text, 120).replace("|", "\\|")


def prose(text: str, limit: int = 500) -> str:
    """Return outside text as words: its punctuation escaped, and no mention, reference or link made of it."""
    shown = _SPECIAL.sub(r"\\\g<0>", printable(text, limit=limit))
    shown = _AT_START.sub(lambda match: f"{match[1][:-1]}\\{match[1][-1]}", shown)
    return _defused(shown)


def _html(text: str) -> str:
    """Return outside text within raw HTML: no element, no entity, no mention, no link."""
    shown = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _defused(re.sub(r"[\\`*_\[\]~|$!]", lambda match: f"&#{ord(match[0])};", shown))


def _defused(text: str) -> str:
    """Part what GitHub makes links of (``@name``, ``#1``, ``GH-1``, ``https://``, ``www.``) by a zero-width blank."""
    text = re.sub(r"(@|#(?=[0-9])|\bGH-(?=[0-9])|\bwww\.)", "\\1\u200b", text, flags=re.IGNORECASE)
    return re.sub(r"(?<=[A-Za-z]):(?=//)", ":\u200b", text)
