"""``inspector compare``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector.cli.compose import host_options
from inspector.cli.options import image_options, read_context_file, terminal_width, wants_colour
from inspector.escaping import printable

if TYPE_CHECKING:
    from inspector.comparing import Comparison, Place
    from inspector.facts import Target, Workload


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.argument("references", nargs=-1, metavar="[REF|FACTS.json]...")
@image_options
@host_options
@click.option("--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write the result there.")
@click.option("--quiet", "-q", is_flag=True, help="Print the result only.")
@click.pass_context
def compare(ctx: click.Context, /, a: str, b: str, references: tuple[str, ...], **flags: Any) -> None:
    r"""Compare two places: what differs, which Go releases read it, which binaries come out otherwise.

    A and B are two Compose files (FILE:OVERRIDE merges), or each a resolv.conf or nsswitch.conf, a snapshot's file,
    host, container:NAME, or a preset. Binaries are those of images (any reference that scan takes) or of files written
    by 'inspector facts'; without them, Compose files are compared by their services' own images.

    \b
    Exit codes: 0 no Go release decides otherwise and no binary comes out otherwise, 1 some does, 4 not everything
    could be compared.
    """
    from inspector import __version__
    from inspector.cli.delivery import write
    from inspector.facts import Tool
    from inspector.reports import TextStyle, encode_comparison, render_comparison

    found, failed = _compare(a, b, references, flags)
    found = replace(found, tool=Tool(version=__version__))
    if flags["form"] == "json":
        write(encode_comparison(found), flags["output"])
    else:
        style = TextStyle(width=terminal_width(), colour=wants_colour(to_file=flags["output"] is not None))
        write(render_comparison(found, style).encode(), flags["output"])
    for problem in found.problems:
        click.echo(f"inspector: {printable(problem)}", err=True)
    ctx.exit(1 if found.shifts or found.binaries else failed or (4 if found.problems else 0))


def _compare(a: str, b: str, references: tuple[str, ...], flags: dict[str, Any]) -> tuple[Comparison, int]:
    """Return what was found, and the exit code of what could not be had."""
    from inspector.cli.compose import elsewhere_of, reader_of, wishes_of
    from inspector.comparing import compare as compare_places
    from inspector.comparing import compare_workloads
    from inspector.judging import DEFAULT_NAME

    wishes, elsewhere = wishes_of(flags), elsewhere_of(flags)
    name = (wishes.names or (DEFAULT_NAME,))[0]
    if _is_manifest(a) != _is_manifest(b):
        raise click.UsageError("a Compose file is compared with another one: both or neither")
    if _is_manifest(a):
        one, other = _workloads(a, flags), _workloads(b, flags)
        targets, failed = _targets(references, flags)
        read = reader_of(flags)

        def collect(image: str) -> Sequence[Target]:
            return read(elsewhere.get(image, image))

        found = compare_workloads(one, other, collect, titles=(a, b), name=name, wishes=wishes, targets=targets)
        return found, failed
    places = [_place(word, flags) for word in (a, b)]
    targets, failed = _targets(references, flags)
    wishes = replace(wishes, names=wishes.names or (name,))
    return compare_places(*places, targets=targets, name=name, wishes=wishes), failed


def _is_manifest(word: str) -> bool:
    return word.endswith((".yaml", ".yml"))


def _workloads(word: str, flags: dict[str, Any]) -> tuple[Workload, ...]:
    """Return every service of Compose files; several are joined as in COMPOSE_FILE."""
    import os

    from inspector.cli.compose import chosen_hosts
    from inspector.environments.compose import load_project, workloads_of
    from inspector.environments.docker import Engine

    files = (word,) if Path(word).exists() else tuple(word.split(":"))
    project = load_project(files, variables=dict(os.environ), env_files=(), directory=None)
    return workloads_of(project, project.active(("*",)), chosen_hosts(flags), Engine(major=28))


def _place(word: str, flags: dict[str, Any]) -> Place:
    """Return what a word on the command line stands for."""
    from inspector.cli.options import taken_snapshot
    from inspector.cli.snapshot import read_snapshot
    from inspector.comparing import place_of_environment, place_of_file, place_of_snapshot
    from inspector.environments import preset

    path = Path(word)
    if word == "host" or word.startswith("container:"):
        return place_of_snapshot(taken_snapshot(word, flags))
    if word.endswith(".json"):
        return place_of_snapshot(read_snapshot(path))
    if "/" in word or path.exists():
        file = read_context_file(path)
        if file is not None:
            return place_of_file(word, file)
    return place_of_environment(preset(word))


def _targets(references: tuple[str, ...], flags: dict[str, Any]) -> tuple[list[Target], int]:
    """Return the targets of images and facts files, and the exit code of what could not be had (0: nothing)."""
    from inspector.cli.judge import read_report
    from inspector.cli.scan import collect_all

    stored = [word for word in references if word.endswith(".json")]
    targets = [target for word in stored for target in read_report(word).targets]
    collected, errors = collect_all(tuple(word for word in references if word not in stored), flags)
    targets += collected
    if errors:
        return targets, errors[0].exit_code if not targets else 4
    return targets, 4 if any(target.status != "analysed" for target in targets) else 0
