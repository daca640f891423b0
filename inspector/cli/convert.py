"""``inspector convert``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from inspector.cli.options import output_options


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@output_options
@click.pass_context
def convert(ctx: click.Context, /, files: tuple[str, ...], **flags: Any) -> None:
    """Render saved reports in other formats, without scanning or judging again.

    FILE is what 'inspector scan --format json' wrote; '-' is standard input. Several are shown as one report.

    The exit code is 0: what gates is the scan, or 'inspector judge'. --fail-on and --allow-incomplete say what JUnit
    counts as a failure.
    """
    from inspector.cli.delivery import deliver
    from inspector.cli.judge import read_report
    from inspector.judging import summarise

    reports = [read_report(name) for name in files]
    first = reports[0]
    if len(reports) == 1:
        deliver(first, flags)
    else:
        targets = tuple(target for report in reports for target in report.targets)
        deliver(replace(first, targets=targets, summary=summarise(targets)), flags)
    ctx.exit(0)
