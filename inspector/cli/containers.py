"""``inspector containers``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from inspector.cli.options import chosen_environments, context_options, image_options, output_options, wishes


@click.command()
@image_options
@context_options
@output_options
@click.pass_context
def containers(ctx: click.Context, /, **flags: Any) -> None:
    """Judge every running container where it runs: its own files, variables, and file system.

    The engine is Docker's, or Podman's with --from podman.
    """
    from inspector.cli.delivery import deliver
    from inspector.cli.gate import open_gate
    from inspector.cli.options import scan_options
    from inspector.cli.scan import collect_all, judge_all
    from inspector.scanning import report_of
    from inspector.sources.engine.running import running_containers, shared_images

    gate = open_gate(flags)
    wishes(flags), chosen_environments(flags)  # what is wrong with the words is told before anything is fetched
    options = scan_options(flags)
    running = running_containers(options.source)
    options = replace(options, source=replace(options.source, shared_images=shared_images(running)))
    references = tuple(f"container:{name}" for name in running)
    if not references and not flags["quiet"]:
        click.echo("inspector: no container is running", err=True)
    targets, errors = collect_all(references, flags, options, told=True)
    report = gate.mark(report_of(judge_all(targets, references, flags)))
    deliver(report, flags, told=True)
    ctx.exit(gate.exit_code(report, errors))
