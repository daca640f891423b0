"""What counts: the flags of the gate, waivers and baselines laid on a report, and the exit code that follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector.cli.flags import Command, add_flags
from inspector.errors import InspectorError
from inspector.escaping import printable
from inspector.records import dataclass

if TYPE_CHECKING:
    from inspector.facts import Report, Waiver
    from inspector.policy import Baseline, Threshold

_TOLD = 20


def policy_options(command: Command) -> Command:
    """Add the flags that say what fails the run."""
    file = click.Path(path_type=Path, dir_okay=False)
    options = (
        click.option(
            "--fail-on",
            type=click.Choice(["crash", "wrong", "latent", "unknown", "never"]),
            default="crash",
            show_default=True,
            help="Exit with 1 at or above this level.",
        ),
        click.option(
            "--only-fixable/--all-findings",
            "only_fixable",
            default=False,
            help="Count findings only that something other than a rebuild cures.",
        ),
        click.option(
            "--exit-code",
            "findings_code",
            type=click.IntRange(0, 125),
            default=1,
            metavar="N",
            help="Exit with N in the place of 1.",
        ),
        click.option(
            "--allow-incomplete/--no-allow-incomplete",
            "allow_incomplete",
            default=False,
            help="Do not exit with 4 for what could not be told.",
        ),
        click.option("--waivers", type=file, metavar="FILE", help="In the place of .inspector-waivers.toml."),
        click.option("--no-waivers", is_flag=True, help="Let no waiver count."),
        click.option("--baseline", type=file, metavar="REPORT", help="A JSON report: fail on what is not in it only."),
    )
    return add_flags(command, *options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What a run is held against. Everything is read before anything is scanned."""

    threshold: Threshold
    findings_code: int
    allow_incomplete: bool
    waivers: tuple[Waiver, ...] = ()
    waiving: bool = True
    baseline: Baseline | None = None
    quiet: bool = False

    def mark(self, report: Report, *, more: Sequence[Waiver] = ()) -> Report:
        """Return the report with waived and known findings marked and counted; tell what is wrong with waivers.

        Args:
            report: as judged.
            more: waivers from manifests, after those of the file.
        """
        from inspector.judging import summarise
        from inspector.policy import apply_waivers

        targets = report.targets
        if self.baseline is not None:
            targets = tuple(self.baseline.mark(target) for target in targets)
        if self.waiving:
            applied = apply_waivers(targets, (*self.waivers, *more))
            targets = applied.targets
            self.tell(applied.expired, applied.unused)
        marked = replace(report, targets=targets, summary=summarise(targets))
        left = sum(1 for _ in self.threshold.unfixable(marked))
        if left and not self.quiet:
            _say(f"{left} {_findings(left)} that only a rebuild cures: not counted (--only-fixable)")
        return marked

    def tell(self, expired: Sequence[tuple[Waiver, int]], unused: Sequence[Waiver]) -> None:
        """Tell on stderr which waivers are over, and which are of no use."""
        for waiver, number in expired[:_TOLD]:
            over = f"the waiver at {waiver.where} ended on {waiver.expires}"
            if number:
                _say(f"warning: {over}: {number} {_findings(number)} {'counts' if number == 1 else 'count'} again")
            elif not self.quiet:
                _say(f"{over} and nothing needs it any more")
        if self.quiet:
            return
        for waiver in unused[:_TOLD]:
            _say(f"the waiver at {waiver.where} waives nothing in this run")
        rest = max(len(expired) - _TOLD, 0) + max(len(unused) - _TOLD, 0)
        if rest:
            _say(f"{rest} more waivers are over or waive nothing")

    def exit_code(self, report: Report, errors: Sequence[InspectorError]) -> int:
        """Return the documented exit code for a marked report."""
        from inspector.cli.delivery import exit_code

        return exit_code(
            report,
            errors,
            fail_on=self.threshold.fail_on,
            only_fixable=self.threshold.only_fixable,
            findings_code=self.findings_code,
            allow_incomplete=self.allow_incomplete,
        )


def open_gate(flags: dict[str, Any], *, here: bool = True) -> Gate:
    """Read what the flags of ``policy_options`` name.

    Args:
        flags: of the command.
        here: where they name no file of waivers, the one of the working directory counts.

    Raises:
        UsageError: if a file of waivers or a baseline cannot be read or is none.
    """
    from inspector.policy import Threshold

    return Gate(
        threshold=Threshold(fail_on=flags["fail_on"], only_fixable=flags["only_fixable"]),
        findings_code=flags["findings_code"],
        allow_incomplete=flags["allow_incomplete"],
        waivers=() if flags["no_waivers"] or not (here or flags["waivers"]) else _waivers(flags["waivers"]),
        waiving=not flags["no_waivers"],
        baseline=_baseline(flags["baseline"]),
        quiet=flags["quiet"],
    )


def _waivers(path: Path | None) -> tuple[Waiver, ...]:
    from inspector.policy import WAIVERS_FILE, load_waivers

    if path is None:
        return load_waivers(Path(WAIVERS_FILE), name=WAIVERS_FILE) or ()
    found = load_waivers(path)
    if found is None:
        raise click.UsageError(f"--waivers: no such file: {path}")
    return found


def _baseline(path: Path | None) -> Baseline | None:
    if path is None:
        return None
    from inspector.cli.judge import read_report
    from inspector.policy import Baseline

    return Baseline.of(read_report(str(path)))


def _findings(number: int) -> str:
    return "finding" if number == 1 else "findings"


def _say(line: str) -> None:
    click.echo(f"inspector: {printable(line, limit=2000)}", err=True)
