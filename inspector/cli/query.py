"""``inspector query``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from inspector.cli.options import chosen_environments, context_options, terminal_width, wants_colour, wishes
from inspector.cli.storing import opened_store, store_options
from inspector.escaping import printable
from inspector.facts import Level

if TYPE_CHECKING:
    from inspector.querying import Question, Row
    from inspector.rejudging import Rejudgement

_LIBC = re.compile(r"(glibc|musl|none|unknown)(.*)", re.DOTALL)


@click.command()
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@click.option("--go", "go", metavar="RANGE", help="Go releases: '<1.20', '>=1.10,<1.20', 1.15, unknown, any.")
@click.option(
    "--linkage",
    type=click.Choice(["static", "static-pie", "dynamic", "dynamic-pie", "unknown"]),
    help="static is static-pie too.",
)
@click.option("--libc", metavar="KIND[RANGE]", help="glibc, musl, none, unknown: 'glibc<2.34'.")
@click.option(
    "--exposure",
    "exposures",
    multiple=True,
    type=click.Choice(["dns", "user", "clib", "none", "unknown"]),
    help="Ways into NSS; each one that is named.",
)
@click.option("--fabric", metavar="RANGE", help="Images of Fabric's of these releases: 1.4, '<2.5', any.")
@click.option("--path-pattern", "paths", multiple=True, metavar="PATTERN", help="Paths of binaries: '*/peer'.")
@click.option(
    "--level",
    "levels",
    multiple=True,
    type=click.Choice(get_args(Level)),
    help="Verdict in some of the environments, the common presets where none is named.",
)
@context_options
@store_options
@click.option("--format", "-f", "form", type=click.Choice(["text", "json", "csv"]), default="text", show_default=True)
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write the result there.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Print this many rows at most.")
@click.option("--quiet", "-q", is_flag=True, help="Print the result only.")
def query(patterns: tuple[str, ...], **flags: Any) -> None:
    """List stored binaries by what they are. No image is pulled.

    PATTERN is of images' names, as 'registry.example.com/team/*'. Verdicts are added where --level or an environment
    is given.
    """
    from inspector import __version__
    from inspector.cli.delivery import write
    from inspector.facts import Tool
    from inspector.querying import select
    from inspector.rejudging import judge_store
    from inspector.reports.rows import encode_csv, encode_rows, render_rows
    from inspector.reports.text import TextStyle

    question = _question(patterns, flags)
    known, environments = wishes(flags), chosen_environments(flags)
    if environments is None and not flags["levels"] and known.resolv_conf is None:
        environments = ()
    with opened_store(flags["store"], flags["cache_dir"]) as store:
        judged = judge_store(store, environments, known)
        rows = list(select(judged, question))
        shown = rows[: flags["limit"]]
        if flags["form"] == "json":
            content = encode_rows(shown, tool=Tool(version=__version__))
        elif flags["form"] == "csv":
            content = encode_csv(shown, [each.name for each in judged.environments])
        else:
            colour = wants_colour(to_file=flags["output"] is not None)
            style = TextStyle(width=terminal_width(), colour=colour)
            content = render_rows(shown, style).encode("utf-8", "replace")
        write(content, flags["output"])
        if not flags["quiet"]:
            _tell(judged, rows, shown, question)


def _question(patterns: tuple[str, ...], flags: dict[str, Any]) -> Question:
    """Turn flags into a question.

    Raises:
        InspectorError: if a range is none.
    """
    from inspector.querying import Question, Versions

    libc, versions = None, None
    if flags["libc"] is not None:
        match = _LIBC.fullmatch(flags["libc"].strip())
        if match is None:
            given = printable(flags["libc"], limit=60)
            raise click.UsageError(f"--libc '{given}': give glibc, musl, none or unknown, and a range: 'glibc<2.34'")
        libc = match[1]
        versions = Versions(match[2].strip(), what="--libc") if match[2].strip() else None
    return Question(
        go=None if flags["go"] is None else Versions(flags["go"], what="--go"),
        linkage=flags["linkage"],
        libc=libc,
        libc_versions=versions,
        exposures=tuple(flags["exposures"]),
        fabric=None if flags["fabric"] is None else Versions(flags["fabric"], what="--fabric"),
        names=patterns,
        paths=tuple(flags["paths"]),
        levels=tuple(flags["levels"]),
    )


def _tell(judged: Rejudgement, rows: list[Row], shown: list[Row], question: Question) -> None:
    """Tell on stderr what the rows do not: their number, and what no range could be asked of."""
    from inspector.querying import numbers_of

    images = len({(row.digest, row.platform) for row in rows})
    more = f", the first {len(shown):,} shown" if len(shown) < len(rows) else ""
    binaries = "1 binary" if len(rows) == 1 else f"{len(rows):,} binaries"
    where = "1 image" if images == 1 else f"{images:,} images"
    click.echo(f"inspector: {binaries} in {where}{more}", err=True)
    if question.go is not None and question.go.text not in {"any", "unknown"}:
        untold = sum(
            pair.count
            for pair in judged.pairs
            for build in [judged.contents.builds.get(pair.build)]
            if build is not None and build.go is not None and numbers_of(build.go.version) is None
        )
        if untold:
            click.echo(f"inspector: of {untold:,} more the Go release is not known (--go unknown)", err=True)
    damaged = sum(pair.count for pair in judged.pairs if None in judged.facts((pair.build, pair.base)))
    if damaged:
        click.echo(f"inspector: of {damaged:,} binaries the facts are damaged (cache verify)", err=True)
    if judged.stale:
        text = f"{judged.stale} images were stored by another version of the analyser and are not listed"
        click.echo(f"inspector: {text}: scan them again", err=True)
