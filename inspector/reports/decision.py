"""Go's choice of resolver and the version table, for a person at a terminal; render only."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from inspector.escaping import printable
from inspector.resolver.table import KINDS, Entry

if TYPE_CHECKING:
    from inspector.facts import Decision, Flip, Reason, ResolverContext
    from inspector.reports.text import TextStyle

_RESOLVERS = {"go": "Go's own resolver", "cgo": "the C library's resolver (cgo)", "none": "no resolver is asked"}
_LINE = 4000
"""Characters of a file's line that are looked at."""


def render_decision(
    question: str, decision: Decision, changes: Sequence[Flip], context: ResolverContext, style: TextStyle
) -> str:
    """Return a decision with its reasons, each with the line and a caret under the word, and what would change it.

    Args:
        question: what was asked, as ``Go 1.15, host(peer0)``.
        decision: the answer.
        changes: what would lead to the other resolver.
        context: where the lines that reasons speak of are.
        style: width and colour.
    """
    resolver = style.level("latent" if decision.decision == "cgo" else "safe", _RESOLVERS[decision.decision])
    order = f", order {decision.order}" if decision.order else ""
    lines = [f"{style.strong(printable(question))}: {resolver}{order}"]
    for reason in decision.reasons:
        lines += ["", *_render_reason("because", reason, context, style)]
    for reason in decision.further:
        lines += ["", *_render_reason("besides", reason, context, style)]
    if changes:
        lines += ["", "  the other resolver would be taken after any of these:"]
        for flip in changes:
            until = f" (makes no difference from Go {flip.until} on)" if flip.until else ""
            lines.append(f"    - {printable(flip.change)}{until}")
    elif decision.decision != "none":
        lines += ["", "  no single change of files, variables or name leads to the other resolver"]
    if decision.running:
        lines += ["", "  while it runs:"]
        lines += [f"    - {printable(reason.text)}  [{reason.source}]" for reason in decision.running]
    return "\n".join(lines) + "\n"


def _render_reason(label: str, reason: Reason, context: ResolverContext, style: TextStyle) -> Iterator[str]:
    source = f"  [{reason.source}]" if reason.source else ""
    yield f"  {label} {printable(reason.text)}{source}"
    yield from _quote(reason, context, style)
    spans = [
        f"{label} Go {release}" for label, release in (("since", reason.since), ("until", reason.until)) if release
    ]
    if spans:
        yield f"    read so {', '.join(spans)}"


def _quote(reason: Reason, context: ResolverContext, style: TextStyle) -> Iterator[str]:
    """Yield the line that a reason is about, with a caret under the word."""
    parts = (reason.where or "").split(":")
    file = context.files.get(parts[0])
    if reason.column is not None and len(parts) == 3 and file is not None and file.text is not None:
        line = file.text.split("\n")[int(parts[1]) - 1]
        yield from _marked(f"{printable(file.origin or parts[0])}:{parts[1]}: ", line, reason, style)
    elif reason.where is not None and reason.where.startswith("env "):
        variable = reason.where.removeprefix("env ")
        yield f"    {variable}={printable(context.env.get(variable, ''))}"
    elif reason.where not in {None, "name", *context.files}:
        yield f"    {printable(reason.where or '')}"


def _marked(head: str, line: str, reason: Reason, style: TextStyle) -> Iterator[str]:
    """Yield a line of a file and carets under a reason's word; of a long line the part around the word."""
    column = (reason.column or 1) - 1
    start = 0 if column < style.width else column - style.width // 2
    cut = "…" if start else ""
    before = printable(line[start:column], limit=_LINE)
    said = reason.word or ""
    # A reason may speak of several words of the line; the first is marked then.
    marked = said if line.startswith(said, column) else line[column:].split(maxsplit=1)[0]
    word = printable(marked, limit=style.width)
    shown = printable(line[start : start + 2 * style.width], limit=_LINE)
    yield f"    {head}{cut}{shown}"
    indent = " " * (_columns(head) + len(cut) + _columns(before))
    yield f"    {indent}{style.level('crash', '^' * max(_columns(word), 1))}"


def _columns(text: str) -> int:
    """How many columns of a terminal printable text takes."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def render_table(entries: Sequence[Entry], style: TextStyle) -> str:
    """Return the version table, kind by kind."""
    lines: list[str] = []
    for kind, title in KINDS.items():
        lines += ["", style.strong(f"{kind}: {title}")] if lines else [style.strong(f"{kind}: {title}")]
        for entry in entries:
            if entry.kind != kind:
                continue
            word = entry.word + ("…" if entry.prefix else "")
            until = f"before 1.{entry.until}" if entry.until is not None else ""
            number = f" ({entry.number} bytes)" if entry.number and str(entry.number) not in entry.meaning else ""
            span = f"{f'from 1.{entry.since}':<9} {until:<11}"
            lines.append(f"  {span}  {word:<22}  {entry.meaning}{number} [{entry.source}]")
    return "\n".join(lines) + "\n"
