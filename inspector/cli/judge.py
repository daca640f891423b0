"""``inspector judge``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from inspector.cli.options import chosen_environments, context_options, output_options, wishes
from inspector.cli.reading import read_bounded
from inspector.errors import TargetAbsent
from inspector.escaping import printable
from inspector.facts import Report


@click.command()
@click.argument("files", nargs=-1, metavar="FILE...")
@click.option("--batch", metavar="FILE|-", help="Judge one JSON case a line instead; answers are JSON lines.")
@click.option(
    "--store",
    is_flag=False,
    flag_value="",
    metavar="[URL|FILE]",
    help="Judge every image of the store instead; without a value, the one that scans use.",
)
@click.option("--cache-dir", type=click.Path(path_type=Path, file_okay=False), help="The directory of its file.")
@click.option(
    "--compare",
    nargs=2,
    metavar="A B",
    help="With --store: which images come out otherwise in B than in A; a preset, host, container:NAME, "
    "a snapshot's file or a resolv.conf each.",
)
@context_options
@output_options
@click.pass_context
def judge(ctx: click.Context, /, files: tuple[str, ...], batch: str | None, **flags: Any) -> None:
    """Judge stored facts again, without the image.

    FILE is what 'inspector facts' or 'inspector scan --format json' wrote; '-' is standard input. With --store, all
    that scans have left in the store is judged: no image is pulled, and each distinct build is judged once.
    """
    if ctx.get_parameter_source("store") is ParameterSource.COMMANDLINE:
        if files or batch is not None:
            raise click.UsageError("give either FILE, --batch or --store")
        from inspector.cli.rejudging import judge_stored

        ctx.exit(judge_stored(ctx, flags))
    if flags["compare"] is not None:
        raise click.UsageError("--compare is for --store; two places and single images are 'inspector compare'")
    if batch is not None:
        if files:
            raise click.UsageError("give either FILE or --batch")
        from inspector.cli.json_lines import answer_lines
        from inspector.risk.batch import answer

        if len(flags["outputs"]) > 1:
            raise click.UsageError("--batch has one --output")
        ctx.exit(answer_lines(batch, answer, next(iter(flags["outputs"]), None)))
    if not files:
        raise click.UsageError("give a FILE written by 'inspector facts', --batch or --store")
    from inspector.cli.delivery import deliver
    from inspector.cli.gate import open_gate
    from inspector.judging import judge_target
    from inspector.scanning import report_of

    gate = open_gate(flags)
    known = wishes(flags)
    environments = chosen_environments(flags)
    targets = [target for name in files for target in read_report(name).targets]
    if not targets:
        raise TargetAbsent(f"{', '.join(map(printable, files))}: nothing to judge: no target in it")
    report = gate.mark(report_of(judge_target(target, environments, known) for target in targets))
    deliver(report, flags)
    ctx.exit(gate.exit_code(report, ()))


def read_report(name: str) -> Report:
    """Read a report or a facts document from a file, or from stdin where ``name`` is ``-``.

    Raises:
        click.UsageError: if it cannot be read.
        UsageError: if it is no such document.
    """
    from inspector.reports import decode_report
    from inspector.reports.document import MAX_DOCUMENT

    return decode_report(read_bounded(name, MAX_DOCUMENT), name=name)
