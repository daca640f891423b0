"""``inspector judge --store``: everything that scans have left, judged again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector.errors import TargetAbsent
from inspector.facts import Environment

if TYPE_CHECKING:
    from inspector.cli.gate import Gate
    from inspector.rejudging import JudgedImage, Rejudgement, Survey


def judge_stored(ctx: click.Context, flags: dict[str, Any]) -> int:
    """Judge the store, print what is found, and return the exit code.

    Raises:
        InspectorError: if the store cannot be opened or read, or holds no image.
    """
    from inspector.cli.gate import open_gate
    from inspector.cli.options import chosen_environments, wishes
    from inspector.cli.pairs import pairs_of
    from inspector.cli.storing import opened_store
    from inspector.rejudging import judge_store, survey
    from inspector.reports.rejudgement import NAMES

    pairs = pairs_of(flags["forms"], flags["outputs"])
    for pair in pairs:
        if pair.form not in {"text", "json"}:
            raise click.UsageError(
                f"--store has the formats text and json, not {pair.form} ('inspector query' has CSV)"
            )
    compared = flags["compare"]
    if compared is not None and (flags["environments"] or flags["resolv_conf"]) and _is_given(ctx):
        raise click.UsageError("give either --compare or --environment and --resolv-conf")
    gate = open_gate(flags)
    known = wishes(flags)
    environments = chosen_environments(flags) if compared is None else tuple(_place(word, flags) for word in compared)
    with opened_store(flags["store"] or _configured(ctx), flags["cache_dir"]) as store:
        judged = judge_store(store, environments, known)
        kept: list[JudgedImage] = []
        grave: list[JudgedImage] = []

        def visit(image: JudgedImage) -> None:
            if not compared or _is_moved(image):
                kept.append(image)
            if _counts(image, gate, paired=bool(compared)):
                grave.append(image)

        names = 10**9 if flags["verbose"] else NAMES
        found = survey(judged, names=names, visit=visit, paired=bool(compared))
        if not found.images and not judged.stale:
            raise TargetAbsent(f"there is no image in the store {store.place}", advice="scan some first")
        _deliver(judged, found, kept, flags)
        return _exit_code(judged, found, grave, gate, paired=bool(compared))


def _is_given(ctx: click.Context) -> bool:
    """Whether environments were named on the command line: those of a configuration give way to --compare."""
    from click.core import ParameterSource

    names = ("environments", "resolv_conf")
    return any(ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in names)


def _configured(ctx: click.Context) -> str | None:
    """Return the store that variables and files name; --store without a value stands for it."""
    found = (ctx.default_map or {}).get("store")
    return str(found) if found else None


def _place(word: str, flags: dict[str, Any]) -> Environment:
    """Return the environment that a word of --compare stands for."""
    from inspector.cli.options import environment_named, read_context_file
    from inspector.judging import Wishes, default_environments

    path = Path(word)
    if word.endswith(".json") or word == "host" or word.startswith("container:"):
        return environment_named(word, flags)
    if "/" not in word and not path.exists():
        return environment_named(word, flags)
    from dataclasses import replace

    (given,) = default_environments(Wishes(resolv_conf=read_context_file(path)))
    file = read_context_file(path)
    files = given.files if file is None else {**given.files, "resolv.conf": file}
    return replace(given, name=word, files=files)


def _is_moved(image: JudgedImage) -> bool:
    from inspector.rejudging import shift_of

    return any(map(shift_of, image.answers))


def _counts(image: JudgedImage, gate: Gate, *, paired: bool) -> bool:
    """Whether an image may decide the exit code."""
    from inspector.judging import SEVERITY

    fail_on = gate.threshold.fail_on
    least = next((rank for level, rank in SEVERITY.items() if level == fail_on), 10)
    # An image that was as bad before is no finding of a comparison.
    if paired and not _is_moved(image):
        return False
    counted = slice(1, None) if paired else slice(None)
    return any(image.untold[counted]) or any(SEVERITY[level] >= least for level in image.levels[counted])


def _deliver(judged: Rejudgement, found: Survey, kept: list[JudgedImage], flags: dict[str, Any]) -> None:
    from inspector import __version__
    from inspector.cli.delivery import write
    from inspector.cli.options import terminal_width, wants_colour
    from inspector.cli.pairs import pairs_of
    from inspector.facts import Tool
    from inspector.reports.rejudgement import encode_rejudgement, render_rejudgement
    from inspector.reports.text import TextStyle

    paired = flags["compare"] is not None
    for pair in sorted(pairs_of(flags["forms"], flags["outputs"]), key=lambda each: each.output is None):
        if pair.form == "json":
            content = encode_rejudgement(judged, found, kept, tool=Tool(version=__version__), paired=paired)
        else:
            style = TextStyle(
                width=terminal_width(),
                colour=wants_colour(to_file=pair.output is not None),
                verbose=flags["verbose"],
            )
            content = render_rejudgement(judged, found, style, paired=paired).encode("utf-8", "replace")
        write(content, pair.output)
    if judged.stale:
        text = f"{judged.stale} images were stored by another version of the analyser and are not judged"
        click.echo(f"inspector: {text}: scan them again", err=True)
    if found.incomplete and not flags["quiet"]:
        click.echo(f"inspector: {found.incomplete} images could not be read in full: at best unknown", err=True)


def _exit_code(judged: Rejudgement, found: Survey, grave: list[JudgedImage], gate: Gate, *, paired: bool) -> int:
    """Return the exit code that a scan of these images would have had; of a comparison, for what is worse in B."""
    from inspector.facts import Target
    from inspector.scanning import report_of

    targets = []
    for image in grave:
        full = image.target(judged.environments, judged.full_answers(image) if gate.threshold.only_fixable else None)
        targets.append(full if not paired else _second(full, image))
    report = gate.mark(report_of(targets))
    if judged.stale or found.incomplete:
        stale = Target(reference="", status="incomplete")
        report = report_of((*report.targets, stale))
    return gate.exit_code(report, ())


def _second(target: Any, image: JudgedImage) -> Any:
    """Return a target with what is worse in the second environment alone."""
    from dataclasses import replace

    from inspector.rejudging import shift_of

    worse = {
        binary.path for binary, answer in zip(image.image.binaries, image.answers, strict=True) if shift_of(answer) > 0
    }
    after = target.environments[1]
    kept = tuple(verdict for verdict in after.verdicts if verdict.path in worse)
    return replace(target, environments=(replace(after, verdicts=kept),))
