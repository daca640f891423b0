"""The fleet as a table for spreadsheets: a line an image, a column an environment (RFC 4180)."""

from __future__ import annotations

import csv
import io

from inspector.escaping import printable
from inspector.fleet.report import FleetImage, FleetReport
from inspector.reports.fleet.wording import describe_build, describe_cell, gravest

_COLUMNS = (
    "registry", "repository", "tags", "digest", "platform", "created", "status", "level", "excused", "libc", "binaries",
    "rule", "path", "reason", "remedy", "problem",
)  # fmt: skip


def render_csv(report: FleetReport) -> str:
    """Return the images, gravest first, each with its gravest finding; the environments' columns come last."""
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\r\n")
    writer.writerow([*_COLUMNS, *(_cell(f"in {name}") for name in report.environments)])
    for image in report.images:
        levels = [describe_cell(cell) for cell in image.cells] or [image.level] * len(report.environments)
        writer.writerow([_cell(text) for text in (*_fields(image, report), *levels)])
    return output.getvalue()


def _fields(image: FleetImage, report: FleetReport) -> tuple[str, ...]:
    finding = gravest(image, report)
    worst = [cell for cell in image.cells if cell.level == image.level and cell.level != "safe"]
    builds = dict.fromkeys(describe_build(report.builds[binary.build]) for binary in image.binaries)
    return (
        image.registry,
        image.repository,
        " ".join(image.tags),
        image.digest or "",
        image.platform or "",
        image.created or "",
        image.status,
        image.level,
        "yes" if worst and all(cell.excused for cell in worst) else "",
        image.libc or "",
        "; ".join(builds),
        finding.rule if finding else "",
        finding.path if finding else "",
        finding.reasons[0].text if finding and finding.reasons else "",
        finding.remedies[0].text if finding and finding.remedies else "",
        image.problems[0] if image.problems else "",
    )


def _cell(text: str) -> str:
    """Return text fit for a cell: spreadsheets run what begins like a formula (OWASP, "CSV Injection")."""
    shown = printable(text, limit=2000)
    return f"'{shown}" if shown[:1] in {"=", "+", "-", "@"} else shown
