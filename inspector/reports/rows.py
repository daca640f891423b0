"""Rows of ``inspector query``: a table for a person, JSON and CSV for programs. Render only."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

import msgspec

from inspector.escaping import printable
from inspector.facts import SchemaId, Tool
from inspector.querying import Row, worst_of
from inspector.reports.encoding import harmless
from inspector.reports.text import TextStyle

_SCHEMA = SchemaId(name="inspector-query", version="1.0.0")
_WIDEST = {"image": 70, "path": 45}


def encode_rows(rows: Sequence[Row], *, tool: Tool) -> bytes:
    """Return one JSON document with a final newline, a line for each row."""
    head = msgspec.json.encode({"schema": _SCHEMA, "tool": tool})
    lines = b",\n".join(b"    " + msgspec.json.encode(row) for row in rows)
    return harmless(head.removesuffix(b"}") + b',"rows":[\n' + lines + b"\n]}\n")


def encode_csv(rows: Iterable[Row], environments: Sequence[str]) -> bytes:
    """Return CSV (RFC 4180, UTF-8) with a header; a column for each environment."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(
        ["reference", "digest", "platform", "path", "go", "linkage", "libc", "exposures", "machine", "fabric",
         *(_cell(name) for name in environments)]
    )  # fmt: skip
    for row in rows:
        writer.writerow(
            [_cell(row.reference), row.digest, _cell(row.platform), _cell(row.path), _cell(row.go), row.linkage,
             _cell(row.libc), _exposures(row), _cell(row.machine), _cell(row.fabric),
             *(row.levels[name] for name in environments)]
        )  # fmt: skip
    return text.getvalue().encode("utf-8", "replace")


def render_rows(rows: Sequence[Row], style: TextStyle) -> str:
    """Return a table with a final newline."""
    if not rows:
        return ""
    judged = bool(rows[0].levels)
    header = ["image", "path", "go", "linkage", "libc", "exposures", "fabric", *(["worst"] if judged else [])]
    table = [header, *(_cells(row, judged=judged) for row in rows)]
    widths = [min(max(len(line[place]) for line in table), _WIDEST.get(name, 30)) for place, name in enumerate(header)]
    lines = []
    for number, line in enumerate(table):
        cells = [f"{cell[:width]:<{width}}" for cell, width in zip(line, widths, strict=True)]
        level = worst_of(rows[number - 1]) if number and judged else None
        if level is not None:
            cells[-1] = style.level(level, cells[-1].rstrip())
        lines.append("  ".join(cells).rstrip() if level is None else "  ".join(cells))
    return "\n".join([style.strong(lines[0]), *lines[1:]]) + "\n"


def _cells(row: Row, *, judged: bool) -> list[str]:
    platform = f" ({row.platform})" if row.platform and row.platform != "linux/amd64" else ""
    cells = [
        printable(f"{row.reference or row.digest}{platform}", limit=70), printable(row.path, limit=45),
        printable(row.go or "-", limit=30), row.linkage, printable(row.libc, limit=30), _exposures(row) or "-",
        printable(row.fabric or "-", limit=30),
    ]  # fmt: skip
    return [*cells, worst_of(row) or "-"] if judged else cells


def _exposures(row: Row) -> str:
    return "unknown" if row.exposures is None else " ".join(row.exposures)


def _cell(text: str | None) -> str:
    """Return a cell that no spreadsheet takes for a formula (OWASP, CSV Injection)."""
    shown = printable(text or "", limit=2000)
    return f"'{shown}" if shown[:1] in {"=", "+", "-", "@"} else shown
