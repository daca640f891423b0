"""``inspector scan`` and what it shares with ``inspector facts``: walking over several references."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from inspector.cli.options import (
    chosen_environments,
    context_options,
    image_options,
    output_options,
    scan_options,
    wishes,
)
from inspector.errors import InspectorError, UsageError
from inspector.facts import Call, Target

if TYPE_CHECKING:
    from inspector.references import Reference
    from inspector.scanning import ScanOptions


@click.command(context_settings={"show_default": False})
@click.argument("references", nargs=-1, required=True, metavar="REF...")
@image_options
@context_options
@output_options
@click.pass_context
def scan(ctx: click.Context, /, references: tuple[str, ...], **flags: Any) -> None:
    """Scan images and say whether their binaries would crash, and why.

    REF is repo:tag[@digest], or registry:, docker:, podman:, docker-archive:, oci-archive:, oci-dir:, dir:, file: or
    container: and what follows; '-' reads an image archive from standard input. A container is judged where it runs.
    """
    from inspector.cli.delivery import deliver
    from inspector.cli.gate import open_gate
    from inspector.scanning import report_of

    gate = open_gate(flags)
    wishes(flags), chosen_environments(flags)  # what is wrong with the words is told before anything is fetched
    targets, errors = collect_all(references, flags, told=True)
    report = gate.mark(report_of(judge_all(targets, references, flags)))
    deliver(report, flags, told=True)
    ctx.exit(gate.exit_code(report, errors))


def _check_source(reference: Reference, flags: dict[str, Any]) -> None:
    """Refuse ``--from`` beside a reference that names another source; a setting gives way to the reference."""
    wanted, scheme = flags.get("source"), reference.scheme
    typed = click.get_current_context().get_parameter_source("source") is ParameterSource.COMMANDLINE
    if typed and scheme not in {None, wanted, "container"}:
        raise UsageError(f"--from {wanted}, but {reference} names its source", advice="leave one of them out")


def judge_all(
    targets: list[Target], references: tuple[str, ...], flags: dict[str, Any], *, calls: tuple[Call, ...] = ()
) -> Iterator[Target]:
    """Yield the targets judged; a container, where nothing else is named, in the very place where it runs.

    ``calls`` are known to be made besides those that flags name.
    """
    from inspector.cli.options import taken_snapshot
    from inspector.environments import environment_of, with_gaps
    from inspector.judging import judge_target

    known, environments = wishes(flags), chosen_environments(flags)
    known = replace(known, calls=tuple(dict.fromkeys((*known.calls, *calls))))
    for target in targets:
        is_container = target.reference in references and target.reference.startswith("container:")
        if not is_container or target.status == "failed":
            yield judge_target(target, environments, known)
            continue
        seen = taken_snapshot(target.reference, flags)
        own = (environment_of(seen, name=target.reference),)
        yield judge_target(with_gaps(target, seen), own if environments is None else environments, known)


def collect_all(
    references: tuple[str, ...], flags: dict[str, Any], options: ScanOptions | None = None, *, told: bool = False
) -> tuple[list[Target], list[InspectorError]]:
    """Collect the facts of every reference; one that fails is told on stderr and does not stop the others.

    With ``told`` it stands among the targets too, as one that failed: who reads the report alone must see it.
    ``options`` None: those of the flags.

    Raises:
        UsageError: for words that cannot be understood, before anything is fetched.
    """
    from inspector.cli import fail_with
    from inspector.cli.progress import progress_bar
    from inspector.references import parse
    from inspector.scanning import collect, store_of, unreached

    for reference in references:
        _check_source(parse(reference), flags)
    options = options or scan_options(flags)
    store = click.get_current_context().with_resource(store_of(options))
    targets: list[Target] = []
    errors: list[InspectorError] = []
    for reference in references:
        try:
            with progress_bar(wanted=not flags.get("quiet") and sys.stderr.isatty()) as progress:
                targets.extend(collect(reference, options=options, progress=progress, store=store))
        except UsageError:
            raise
        except InspectorError as error:
            fail_with(error)
            # Anew: the one that was raised holds, by its traceback, whatever was open.
            errors.append(type(error)(str(error), advice=error.advice))
            if told:
                targets.append(unreached(reference, error))
    return targets, errors
