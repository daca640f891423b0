"""``inspector compare``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from inspector.cli.compose import host_options, project_options
from inspector.cli.options import image_options, read_context_file, terminal_width, wants_colour
from inspector.escaping import printable

if TYPE_CHECKING:
    from inspector.comparing import Comparison, Place
    from inspector.facts import Start, Target, Workload


_HEAD = 4096
"""Bytes of a JSON file in which one that inspector wrote tells its schema."""


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.argument("references", nargs=-1, metavar="[REF|FACTS.json]...")
@image_options
@project_options
@host_options
@click.option("--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write the result there.")
@click.option("--quiet", "-q", is_flag=True, help="Print the result only.")
@click.pass_context
def compare(ctx: click.Context, /, a: str, b: str, references: tuple[str, ...], **flags: Any) -> None:
    r"""Compare two places: what differs, which Go releases read it, which binaries come out otherwise.

    A and B are two Compose files (FILE:OVERRIDE merges), two Kubernetes manifests ('-' is standard input), or each a
    resolv.conf or nsswitch.conf, a snapshot's file, host, container:NAME, or a preset. Binaries are those of images
    (any reference that scan takes) or of files written by 'inspector facts'; without them, manifests are compared by
    their services' or containers' own images.

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
    one, other = (_manifest(word) for word in (a, b))
    if one.kind != other.kind:
        raise click.UsageError(
            "a manifest is compared with one of its kind: Compose files or Kubernetes manifests, both or neither"
        )
    if one.kind:
        targets, failed = _targets(references, flags)
        read = reader_of(flags)

        def collect(image: str, platform: str | None, starts: Sequence[Start]) -> Iterable[tuple[Start, Target]]:
            return read(elsewhere.get(image, image), platform, starts)

        sides = _workloads(one, flags), _workloads(other, flags)
        found = compare_workloads(*sides, collect, titles=(a, b), name=name, wishes=wishes, targets=targets)
        return found, failed
    places = [_place(word, flags) for word in (a, b)]
    targets, failed = _targets(references, flags)
    wishes = replace(wishes, names=wishes.names or (name,))
    return compare_places(*places, targets=targets, name=name, wishes=wishes), failed


@dataclass(frozen=True)
class _Manifest:
    """What a word on the command line names, if that is a manifest."""

    kind: Literal["compose", "kubernetes"] | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    """File → its text; several are joined by colons, as in COMPOSE_FILE."""


def _manifest(word: str) -> _Manifest:
    from inspector.environments.documents import kind_of, read_text

    files = (word,) if Path(word).exists() else tuple(word.split(":"))
    if word != "-" and not all(file.endswith((".yaml", ".yml", ".json")) for file in files):
        return _Manifest()
    texts = {file: read_text(file) for file in files if file == "-" or not _is_snapshot(file)}
    kinds = {kind_of(text, "standard input" if file == "-" else file) for file, text in texts.items()} - {None}
    if len(kinds) > 1:
        raise click.UsageError(f"{word}: Compose files and Kubernetes manifests are not one input")
    return _Manifest(kinds.pop() if kinds else ("kubernetes" if texts else None), texts)


def _is_snapshot(file: str) -> bool:
    """Whether a JSON file begins as no manifest does."""
    if not file.endswith(".json"):
        return False
    try:
        with Path(file).open("rb") as stream:
            return b'"inspector-' in stream.read(_HEAD)
    except OSError:
        return True  # told when it is read as one


def _workloads(manifest: _Manifest, flags: dict[str, Any]) -> tuple[Workload, ...]:
    """Return every service of Compose files, of all profiles, or every container of Kubernetes manifests."""
    from inspector.cli.compose import chosen_engine, chosen_hosts
    from inspector.environments import kubernetes
    from inspector.environments.compose import load_project, workloads_of
    from inspector.environments.manifests import load_manifests

    files = tuple(manifest.texts)
    if manifest.kind == "kubernetes":
        return kubernetes.workloads_of(load_manifests(files, manifest.texts), chosen_hosts(flags))
    project = load_project(
        files,
        variables=dict(os.environ),
        env_files=flags["env_files"],
        directory=flags["project_directory"],
        texts=manifest.texts,
    )
    return workloads_of(project, project.active(("*",)), chosen_hosts(flags), chosen_engine(flags))


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
