"""``inspector convert``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from inspector.cli.options import output_options

if TYPE_CHECKING:
    from inspector.facts import Report, Waiver

_HOLDING = ("fail_on", "waivers", "no_waivers", "baseline")


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@output_options
@click.pass_context
def convert(ctx: click.Context, /, files: tuple[str, ...], **flags: Any) -> None:
    """Render saved reports in other formats, without scanning or judging again.

    FILE is what 'inspector scan --format json' wrote; '-' is standard input. Several are shown as one report.

    A report is shown as it was saved, and the exit code is 0. --waivers, --no-waivers, --baseline and --fail-on hold it
    anew, as of today; with --fail-on the exit code is that of a scan. Only the command line counts for these.
    """
    from inspector.cli.delivery import deliver
    from inspector.cli.gate import open_gate
    from inspector.cli.judge import read_report
    from inspector.judging import summarise

    given = {name for name in _HOLDING if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    named = {name: flags[name] if name in given else None for name in ("waivers", "baseline")}
    gate = open_gate({**flags, **named}, here=False)
    reports = [read_report(name) for name in files]
    report = reports[0]
    if len(reports) > 1:
        targets = tuple(target for each in reports for target in each.targets)
        report = replace(report, targets=targets, summary=summarise(targets))
    if given:
        report, saved = _without_waivers(report)
        report = gate.mark(report, more=saved)
    deliver(report, flags)
    ctx.exit(gate.exit_code(report, ()) if "fail_on" in given else 0)


def _without_waivers(report: Report) -> tuple[Report, tuple[Waiver, ...]]:
    """Return a report with nothing waived, and the waivers that waived something in it."""
    saved: dict[Waiver, None] = {}
    targets = []
    for target in report.targets:
        environments = []
        for environment in target.environments:
            saved.update((verdict.waived, None) for verdict in environment.verdicts if verdict.waived is not None)
            verdicts = tuple(replace(verdict, waived=None) for verdict in environment.verdicts)
            environments.append(replace(environment, verdicts=verdicts))
        targets.append(replace(target, environments=tuple(environments)))
    return replace(report, targets=tuple(targets)), tuple(saved)
