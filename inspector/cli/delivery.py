"""The end of a verb: the report written where it is wanted, and the exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector.cli.options import terminal_width, wants_colour
from inspector.cli.pairs import pairs_of
from inspector.cli.replacing import replacing
from inspector.errors import InspectorError

if TYPE_CHECKING:
    from inspector.facts import Report


def deliver(report: Report, flags: dict[str, Any], *, told: bool = False) -> None:
    """Render the report in every wanted format to where it is wanted: files first, then stdout.

    ``told``: stderr says why something could not be had. Of a report of nothing but that, the text on stdout is left
    out.

    Raises:
        InspectorError: if a format cannot tell this report; the other formats are written all the same.
    """
    from inspector.judging import SEVERITY, is_unread
    from inspector.reports.formats import Rendering, render
    from inspector.reports.text import TextStyle

    failing = [
        level for level in SEVERITY if flags["fail_on"] != "never" and SEVERITY[level] >= SEVERITY[flags["fail_on"]]
    ]
    refused: InspectorError | None = None
    for delivery in sorted(pairs_of(flags["forms"], flags["outputs"]), key=lambda each: each.output is None):
        to_file = delivery.output is not None
        silent = (told and is_unread(report) and delivery.form == "text") or (
            not report.targets and delivery.form == "plain"
        )
        if silent and not to_file:
            continue
        rendering = Rendering(
            style=TextStyle(width=terminal_width(), colour=wants_colour(to_file=to_file), verbose=flags["verbose"]),
            failing=frozenset(failing),
            allow_incomplete=flags["allow_incomplete"],
            only_fixable=flags["only_fixable"],
            directory=str(Path.cwd()),
        )
        try:
            write(render(report, delivery.form, rendering), delivery.output)
        except InspectorError as error:
            refused = error
    if refused is not None:
        raise refused


def write(content: bytes, output: Path | None) -> None:
    """Write to a file, whole or not at all, or to stdout.

    Raises:
        click.UsageError: if the file cannot be written.
    """
    if output is None:
        stream = sys.stdout.buffer
        stream.write(content)
        stream.flush()
        return
    try:
        with replacing(output) as file:
            file.write(content)
    except OSError as error:
        raise click.UsageError(f"cannot write {output}: {error.strerror}") from None


def exit_code(
    report: Report,
    errors: Sequence[InspectorError],
    *,
    fail_on: str,
    allow_incomplete: bool,
    only_fixable: bool = False,
    findings_code: int = 1,
) -> int:
    """Return the documented exit code.

    1 (or ``findings_code``) for findings at or above the threshold, even where the scan is incomplete; 3 where nothing
    at all could be found or reached; 4 where one of several could not, or something could not be told; else 0. What is
    waived or in the baseline does not count.
    """
    from inspector.judging import is_unread
    from inspector.policy.thresholds import Threshold, has_unknown

    if any(Threshold(fail_on=fail_on, only_fixable=only_fixable).findings(report)):
        return findings_code
    if errors and is_unread(report):
        codes = {error.exit_code for error in errors}
        return codes.pop() if len(codes) == 1 else 4
    incomplete = any(target.status != "analysed" for target in report.targets)
    is_short = errors or ((incomplete or has_unknown(report)) and not allow_incomplete)
    return 4 if is_short else 0
