"""``inspector compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from inspector.cli.options import image_options, read_context_file, terminal_width, wants_colour
from inspector.facts import Call

if TYPE_CHECKING:
    from inspector.comparing import Place
    from inspector.facts import Target


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.argument("references", nargs=-1, metavar="[REF|FACTS.json]...")
@image_options
@click.option("--name", "names", multiple=True, metavar="HOST", help="A host name that is looked up.")
@click.option("--call", "calls", multiple=True, type=click.Choice(get_args(Call)), help="A call that binaries make.")
@click.option("--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write the result there.")
@click.option("--quiet", "-q", is_flag=True, help="Print the result only.")
@click.pass_context
def compare(ctx: click.Context, /, a: str, b: str, references: tuple[str, ...], **flags: Any) -> None:
    r"""Compare two places: what differs, which Go releases read it, which binaries come out otherwise.

    A and B are each a resolv.conf or nsswitch.conf, a snapshot's file, host, container:NAME, or a preset. Binaries are
    those of images (any reference that scan takes) or of files written by 'inspector facts'.

    \b
    Exit codes: 0 no Go release decides otherwise and no binary comes out otherwise, 1 some does.
    """
    from dataclasses import replace

    from inspector import __version__
    from inspector.cli.delivery import write
    from inspector.comparing import compare as compare_places
    from inspector.facts import Tool
    from inspector.judging import DEFAULT_NAME, Wishes
    from inspector.reports import TextStyle, encode_comparison, render_comparison

    places = [_place(word, flags) for word in (a, b)]
    names = flags["names"] or (DEFAULT_NAME,)
    wishes = Wishes(names=tuple(names), calls=tuple(flags["calls"]))
    targets, failed = _targets(references, flags)
    found = compare_places(*places, targets=targets, name=names[0], wishes=wishes)
    found = replace(found, tool=Tool(version=__version__))
    if flags["form"] == "json":
        write(encode_comparison(found), flags["output"])
    else:
        style = TextStyle(width=terminal_width(), colour=wants_colour(to_file=flags["output"] is not None))
        write(render_comparison(found, style).encode(), flags["output"])
    ctx.exit(1 if found.shifts or found.binaries else failed)


def _place(word: str, flags: dict[str, Any]) -> Place:
    """Return what a word on the command line stands for.

    A kind of file that describes places (a compose file) finds its place here, by ``place_of_environment``.
    """
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
    from inspector.cli.judge import read_facts
    from inspector.cli.scan import collect_all

    stored = [word for word in references if word.endswith(".json")]
    targets = [target for word in stored for target in read_facts(word).targets]
    collected, errors = collect_all(tuple(word for word in references if word not in stored), flags)
    targets += collected
    if errors:
        return targets, errors[0].exit_code if not targets else 4
    return targets, 4 if any(target.status != "analysed" for target in targets) else 0
