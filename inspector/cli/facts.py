"""``inspector facts``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from inspector.cli.options import image_options


@click.command()
@click.argument("references", nargs=-1, required=True, metavar="REF...")
@image_options
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write the result there.")
@click.option("--allow-incomplete", is_flag=True, help="Do not exit with 4 for what could not be told.")
@click.option("--quiet", "-q", is_flag=True, help="Print the result only.")
@click.pass_context
def facts(ctx: click.Context, /, references: tuple[str, ...], **flags: Any) -> None:
    """Print what images hold, as JSON, without judging it; 'inspector judge FILE' reads it."""
    from inspector.cli.delivery import exit_code, write
    from inspector.cli.scan import collect_all
    from inspector.reports import encode_facts
    from inspector.scanning import report_of

    targets, errors = collect_all(references, flags, told=True)
    report = report_of(targets)
    write(encode_facts(report), flags["output"])
    ctx.exit(exit_code(report, errors, fail_on="crash", allow_incomplete=flags["allow_incomplete"]))
