"""The report for a person at a terminal: what was scanned, the matrix, a paragraph a risk, one last sentence."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from inspector.escaping import printable
from inspector.records import dataclass
from inspector.reports.wording import (
    KNOWN,
    RANK,
    describe_binary,
    describe_excused,
    describe_nothing,
    describe_outcome,
    describe_rootfs,
    describe_waiver,
    not_judged,
    patches_of,
    untold_cells,
    untold_paths,
    worst_by_binary,
)

if TYPE_CHECKING:
    from inspector.facts import BinaryFacts, Level, Report, Target, Verdict

_COLOURS: dict[Level, str] = {"crash": "1;31", "wrong": "35", "latent": "33", "unknown": "36", "safe": "32"}
_FLIPS_SHOWN = 3
_REMEDIES_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TextStyle:
    """How wide and how colourful, and whether every reason is shown."""

    width: int = 100
    colour: bool = False
    verbose: bool = False

    def level(self, level: Level, text: str | None = None) -> str:
        """Return a level's word (or ``text``) in its colour."""
        word = text if text is not None else level
        return f"\x1b[{_COLOURS[level]}m{word}\x1b[0m" if self.colour else word

    def strong(self, text: str) -> str:
        """Return ``text`` in bold."""
        return f"\x1b[1m{text}\x1b[0m" if self.colour else text


def render_text(report: Report, style: TextStyle) -> str:
    """Return the whole report as text with a final newline."""
    blocks = ["\n".join(_render_target(target, style)) for target in report.targets]
    blocks.append(_conclude(report, style))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _render_target(target: Target, style: TextStyle) -> Iterator[str]:
    yield from _render_head(target, style)
    for problem in target.problems:
        label = style.level("unknown", "not analysed" if target.status == "failed" else "incomplete")
        yield from wrap(f"  {label}: ", printable(problem.message), style)
    if target.status == "failed":
        return
    if not target.binaries and target.rootfs is None and target.problems:
        return  # a part of a manifest that could not be understood: there was no image to look at
    if not target.binaries:
        yield "  no binary of interest: no Go program, no static program with NSS inside, no known entrypoint"
        return
    yield ""
    table = worst_by_binary(target)
    uniform = [b for b in target.binaries if {v.level for v in table[b.path].values()} <= {"safe"}]
    mixed = [b for b in target.binaries if b not in uniform]
    if mixed:
        yield from _render_matrix(target, mixed, table, style)
    yield from _render_safe(target, uniform, table, style)
    told: dict[str, set[str]] = {}
    for group in _group_risks(target, mixed):
        yield ""
        yield from _render_risk(group, style, len(target.environments), told.setdefault(group.binary.path, set()))


def _render_head(target: Target, style: TextStyle) -> Iterator[str]:
    yield style.strong(printable(target.reference))
    facts = [target.platform or "", target.digest or "", describe_rootfs(target.rootfs) if target.rootfs else ""]
    line = ", ".join(printable(fact) for fact in facts if fact)
    if line:
        yield f"  {line}"
    for note in target.notes:
        yield from wrap("  ", printable(note), style)


def _render_matrix(
    target: Target, binaries: list[BinaryFacts], table: dict[str, dict[str, Verdict]], style: TextStyle
) -> Iterator[str]:
    """Environments down, binaries across, in as many blocks as the width needs."""
    labels = {e.name: printable(e.name) + (f" ({printable(e.where)})" if e.where else "") for e in target.environments}
    left = max(map(len, labels.values()), default=0)
    headers = {binary.path: _short_names(binaries)[binary.path] for binary in binaries}
    untold = untold_cells(target)
    widest = len("latent, unknown" if untold else "unknown")
    for block in _blocks(binaries, headers, widest, style.width - left - 4):
        columns = {b.path: max(len(headers[b.path]), widest) for b in block}
        yield "  " + " " * left + "".join(f"  {headers[b.path]:<{columns[b.path]}}" for b in block).rstrip()
        for name, label in labels.items():
            cells = []
            for binary in block:
                verdict = table[binary.path].get(name)
                word = verdict.level if verdict else "unknown"
                also = (binary.path, name) in untold
                shown = style.level(word) + (f", {style.level('unknown')}" if also else "")
                cells.append("  " + shown + " " * (columns[binary.path] - len(word) - also * len(", unknown")))
            yield f"  {label:<{left}}" + "".join(cells).rstrip()
        yield ""


def _short_names(binaries: list[BinaryFacts]) -> dict[str, str]:
    """Return base names, or whole paths where base names clash."""
    bases = [binary.path.rsplit("/", 1)[-1] for binary in binaries]
    return {
        binary.path: printable(base if bases.count(base) == 1 else binary.path, limit=60)
        for binary, base in zip(binaries, bases, strict=True)
    }


def _blocks(
    binaries: list[BinaryFacts], headers: dict[str, str], widest: int, room: int
) -> Iterator[list[BinaryFacts]]:
    block: list[BinaryFacts] = []
    used = 0
    for binary in binaries:
        need = max(len(headers[binary.path]), widest) + 2
        if block and used + need > room:
            yield block
            block, used = [], 0
        block.append(binary)
        used += need
    if block:
        yield block


def _render_safe(
    target: Target, binaries: list[BinaryFacts], table: dict[str, dict[str, Verdict]], style: TextStyle
) -> Iterator[str]:
    places = [f"{printable(e.name)} ({printable(e.where)})" for e in target.environments if e.where]
    where = f" in {', '.join(places)}" if places else ""
    word = "safe" if where else "safe everywhere"
    label = style.level("safe", word) if target.environments else "found"
    for binary in binaries:
        verdict = next(iter(table[binary.path].values()), None)
        why = verdict.reasons[0].text if verdict and verdict.reasons else ""
        line = f"{printable(binary.path)} ({describe_binary(binary)}){where}" + (f": {printable(why)}" if why else "")
        yield from wrap(f"  {label}  ", line, style)


@dataclass(frozen=True, slots=True)
class _Risk:
    """Verdicts that say the same of one binary in several environments."""

    binary: BinaryFacts
    verdict: Verdict
    environments: list[str]
    names: list[str]
    patches: list[str]


def _group_risks(target: Target, binaries: list[BinaryFacts]) -> list[_Risk]:
    """Group what is not safe by binary, rule, level and way; gravest first.

    Of a binary's latent ways only those are told that nothing graver of the same rule has told already.
    """
    by_path = {binary.path: binary for binary in binaries}
    groups: dict[tuple[object, ...], _Risk] = {}
    for environment in target.environments:
        for verdict in environment.verdicts:
            binary = by_path.get(verdict.path or "")
            if binary is None or verdict.level == "safe":
                continue
            why = tuple((r.text, r.where) for r in verdict.reasons) if RANK[verdict.level] > RANK["latent"] else ()
            excuse = (verdict.waived, verdict.known)
            key = (verdict.path, verdict.rule, verdict.level, verdict.outcome, verdict.call, why, excuse)
            risk = groups.setdefault(key, _Risk(binary, verdict, [], [], []))
            if environment.name not in risk.environments:
                risk.environments.append(environment.name)
            if verdict.name and verdict.name not in risk.names:
                risk.names.append(verdict.name)
            risk.patches.extend(patch for patch in patches_of([verdict]) if patch not in risk.patches)
    told = {(r.verdict.path, r.verdict.rule) for r in groups.values() if RANK[r.verdict.level] > RANK["latent"]}
    kept = [r for r in groups.values() if r.verdict.level != "latent" or (r.verdict.path, r.verdict.rule) not in told]
    return sorted(kept, key=lambda risk: -RANK[risk.verdict.level])


def _render_risk(risk: _Risk, style: TextStyle, environments: int, told_before: set[str]) -> Iterator[str]:
    verdict = risk.verdict
    label = style.level(verdict.level, verdict.level.upper())
    what = describe_outcome(verdict)
    everywhere = len(risk.environments) > 1 and len(risk.environments) == environments
    where = "every environment" if everywhere else ", ".join(printable(name) for name in risk.environments)
    head = f"{style.strong(printable(risk.binary.path))} ({describe_binary(risk.binary)})"
    told = f": {what} in {where}" if what else f": in {where}"
    yield from wrap(
        f"{label}  ", head + (told if verdict.level != "latent" else ": safe as long as nothing changes"), style
    )
    asked = f" of {', '.join(printable(name) for name in risk.names)}" if risk.names else ""
    if verdict.call:
        yield from wrap(
            "    call     ", f"{verdict.call}{asked} [{printable(verdict.rule)}, {verdict.confidence}]", style
        )
    if verdict.waived:
        yield from wrap("    waived   ", describe_waiver(verdict.waived), style)
    elif verdict.known:
        yield f"    known    {KNOWN}"
    reasons = _reasons(verdict, told_before, verbose=style.verbose)
    for number, text in enumerate(reasons):
        yield from wrap("    because  " if number == 0 else "             ", text, style)
    if style.verbose and verdict.evidence:
        yield from wrap("    evidence ", ", ".join(printable(item) for item in verdict.evidence), style)
    if verdict.level == "latent":
        flips = [flip.change for flip in verdict.flips]
        yield from _some("    flips    ", flips, _FLIPS_SHOWN, style)
    remedies = [remedy.text for remedy in verdict.remedies]
    yield from _some("    fix      ", remedies, _REMEDIES_SHOWN, style)
    for patch in risk.patches if style.verbose else ():
        # As it is, never broken: it is there to be copied.
        for number, line in enumerate(patch.splitlines()):
            yield ("    as YAML  " if number == 0 else " " * 13) + line


def _reasons(verdict: Verdict, told: set[str], *, verbose: bool) -> list[str]:
    """Return a verdict's reasons; the last ones not again where a risk of the same binary has told them above."""
    texts = [printable(r.text) + (f" ({printable(r.where)})" if r.where else "") for r in verdict.reasons]
    if verbose:
        return texts
    kept = texts[:6]
    while len(kept) > 1 and kept[-1] in told:
        kept.pop()
    is_short = len(kept) < len(texts[:6])
    told.update(texts[:6])
    return [*kept, "the rest is as above"] if is_short else kept


def _some(label: str, texts: list[str], shown: int, style: TextStyle) -> Iterator[str]:
    kept = texts if style.verbose else texts[:shown]
    for number, text in enumerate(kept):
        yield from wrap(label if number == 0 else " " * len(label), printable(text), style)
    if len(texts) > len(kept):
        yield " " * len(label) + f"… and {len(texts) - len(kept)} more (-v shows all)"


def wrap(label: str, text: str, style: TextStyle) -> Iterator[str]:
    """Yield ``text`` broken to the style's width, ``label`` before its first line and blanks before the others."""
    visible = len(_plain(label))
    lines = textwrap.wrap(text, max(style.width - visible, 30), break_on_hyphens=False) or [""]
    yield label + lines[0]
    for line in lines[1:]:
        yield " " * visible + line


def _plain(text: str) -> str:
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def _conclude(report: Report, style: TextStyle) -> str:
    summary = report.summary
    failed = [target for target in report.targets if target.status == "failed"]
    partial = [target for target in report.targets if target.status == "incomplete"]
    if summary.worst is None:
        unsure = bool(failed or partial) or not_judged(report)
        parts = [style.level("unknown" if unsure else "safe", describe_nothing(report))]
    else:
        parts = [_sentence(report, style)]
    if partial or 0 < len(failed) < len(report.targets):
        parts.append(
            style.level("unknown", f"{len(failed) + len(partial)} of {len(report.targets)} not fully analysed")
        )
    parts += describe_excused(report)
    return "Verdict: " + "; ".join(parts) + "."


def _sentence(report: Report, style: TextStyle) -> str:
    level = report.summary.worst or "unknown"
    paths = _paths_at(report.targets, level)
    where = _environments_at(report.targets, level)
    names = _bases(paths)
    if level == "crash":
        remedy = _first_remedy(report.targets)
        cure = f"; smallest remedy: {printable(remedy)}" if remedy else ""
        return f"{style.level('crash', f'{names} would crash')} in {_listing(where)}{cure}"
    if level == "wrong":
        return f"{style.level('wrong', f'{names} would get wrong answers')} in {_listing(where)}"
    if level == "latent":
        untold = untold_paths(report)
        today = style.level("unknown", f"of {_bases(untold)} it cannot be told") if untold else ""
        today = today or style.level("latent", "no crash today")
        return f"{today}; {names} would crash after one change outside the binary"
    if level == "unknown":
        rules = {v.rule for t in report.targets for e in t.environments for v in e.verdicts if v.level == "unknown"}
        what = " whether it starts" if len(paths) == 1 and rules == {"cannot-start"} else ""
        return f"{style.level('unknown', f'of {names} it cannot be told{what}')}"
    return style.level("safe", "no binary would crash in these environments")


def _bases(paths: list[str]) -> str:
    names = ", ".join(printable(path.rsplit("/", 1)[-1], limit=60) for path in paths[:4])
    return names + (f" and {len(paths) - 4} more" if len(paths) > 4 else "")


def _paths_at(targets: Iterable[Target], level: Level) -> list[str]:
    return list(
        dict.fromkeys(v.path or "" for t in targets for e in t.environments for v in e.verdicts if v.level == level)
    )


def _environments_at(targets: Iterable[Target], level: Level) -> list[str]:
    return list(
        dict.fromkeys(e.name for t in targets for e in t.environments if any(v.level == level for v in e.verdicts))
    )


def _listing(names: list[str]) -> str:
    shown = ", ".join(printable(name) for name in names[:4])
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown


def _first_remedy(targets: Iterable[Target]) -> str | None:
    for target in targets:
        for environment in target.environments:
            for verdict in environment.verdicts:
                if verdict.level == "crash" and verdict.remedies:
                    return verdict.remedies[0].text
    return None
