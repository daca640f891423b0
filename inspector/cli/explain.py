"""``inspector explain``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from inspector.cli.options import (
    chosen_environments,
    context_options,
    image_options,
    terminal_width,
    wants_colour,
    wishes,
)
from inspector.escaping import printable

if TYPE_CHECKING:
    from inspector.crashlog import Diagnosis, Explanation
    from inspector.facts import Target

_CHUNK = 1024 * 1024
_NOT_THIS, _IS_THIS, _UNTOLD = 0, 1, 4


@click.command()
@click.argument("log", metavar="LOG|-")
@click.option("--image", "images", multiple=True, metavar="REF", help="Hold the crash against this image's facts.")
@click.option("--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write the result there.")
@click.option("--quiet", "-q", is_flag=True, help="Print the result only.")
@click.option("--verbose", "-v", is_flag=True, help="Show what the Go release was read from.")
@image_options
@context_options
@click.pass_context
def explain(ctx: click.Context, /, log: str, images: tuple[str, ...], **flags: Any) -> None:
    r"""Say whether a crash in a log is that of a static glibc in NSS, how sure, and what stops it.

    LOG is a file, or '-' for standard input: what docker logs, compose, kubectl, journald and shippers give, with their
    prefixes, also gzipped. --image (any reference that scan takes) checks the crash against what the image holds.

    \b
    Exit codes: 0 no crash of this class, 1 certain or likely, 4 possible, or the log could not be read to its end.
    """
    from inspector.cli.delivery import write
    from inspector.reports import TextStyle, encode_explanation, render_explanation

    explanation = _explain(log, images, flags)
    if flags["form"] == "json":
        write(encode_explanation(explanation), flags["output"])
    else:
        colour = wants_colour(to_file=flags["output"] is not None)
        style = TextStyle(width=terminal_width(), colour=colour, verbose=flags["verbose"])
        write(render_explanation(explanation, style).encode(), flags["output"])
    for problem in explanation.problems:
        click.echo(f"inspector: {printable(explanation.source)}: {problem}", err=True)
    otherwise = _UNTOLD if explanation.problems else _NOT_THIS
    ctx.exit({"certain": _IS_THIS, "likely": _IS_THIS, "possible": _UNTOLD}.get(explanation.worst or "no", otherwise))


def _explain(log: str, images: tuple[str, ...], flags: dict[str, Any]) -> Explanation:
    from inspector import __version__
    from inspector.crashlog import Explanation, check, diagnose, read_crashes
    from inspector.facts import Tool

    damages: list[str] = []
    with _open(log) as stream:
        found = read_crashes(_until_damage(_chunks(stream), damages))
    crashes = tuple(diagnose(crash) for crash in found.crashes)
    if images:
        targets = _targets(images, flags, crashes)
        crashes = tuple(check(crash, targets) for crash in crashes)
    order = ("certain", "likely", "possible", "no")
    return Explanation(
        tool=Tool(version=__version__),
        source="standard input" if log == "-" else log,
        lines=found.lines,
        crashes=crashes,
        left_out=found.left_out,
        worst=min((crash.sure for crash in crashes), key=order.index, default=None),
        problems=tuple(damages),
    )


def _targets(images: tuple[str, ...], flags: dict[str, Any], crashes: tuple[Diagnosis, ...]) -> tuple[Target, ...]:
    """Collect the images that the crash is held against, and judge them; the log shows which calls they make.

    Raises:
        click.exceptions.Exit: if one cannot be had, told by then: an answer without it would be another answer.
    """
    from inspector.cli.scan import collect_all, judge_all

    wishes(flags), chosen_environments(flags)  # what is wrong with the words is told before anything is fetched
    targets, errors = collect_all(images, flags)
    if errors:
        raise click.exceptions.Exit(errors[0].exit_code)
    calls = tuple(crash.call for crash in crashes if crash.call is not None and crash.sure != "no")
    return tuple(judge_all(targets, images, flags, calls=calls))


@contextmanager
def _open(log: str) -> Iterator[BinaryIO]:
    if log == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(log).open("rb") as file:
            yield file
    except OSError as error:
        raise click.UsageError(f"cannot read {log}: {error.strerror}") from None


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the log's bytes, inflated where it is gzipped, as rotated logs are; what is damaged ends it."""
    import zlib

    first = stream.read(_CHUNK)
    if not first.startswith(b"\x1f\x8b"):
        yield first
        while piece := stream.read(_CHUNK):
            yield piece
        return
    decoder = zlib.decompressobj(wbits=31)
    piece = first
    try:
        while piece:
            yield decoder.decompress(piece, _CHUNK)
            rest = decoder.unconsumed_tail or decoder.unused_data
            if decoder.eof and (rest := rest.lstrip(b"\0")):
                decoder = zlib.decompressobj(wbits=31)
            piece = rest or stream.read(_CHUNK)
    except zlib.error:
        raise _DamagedError from None
    if not decoder.eof:
        raise _DamagedError


class _DamagedError(Exception):
    """A gzip that ends before its end, or breaks off."""


def _until_damage(chunks: Iterator[bytes], damages: list[str]) -> Iterator[bytes]:
    """Pass bytes on up to where the compression is damaged, and note that it is."""
    try:
        yield from chunks
    except _DamagedError:
        damages.append("the gzip is damaged or cut short; what stands before that place was read")
