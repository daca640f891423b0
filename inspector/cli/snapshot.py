"""``inspector snapshot``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from inspector.cli.options import image_options
from inspector.cli.reading import read_bounded
from inspector.facts import Snapshot

_MAX_SNAPSHOT = 64 * 1024 * 1024


@click.command()
@click.argument("place", default="host", metavar="[host|container:NAME]")
@image_options
@click.option("--host-resolv-conf", type=click.Path(path_type=Path), help="Take this for the host's resolv.conf.")
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write the snapshot there.")
@click.pass_context
def snapshot(ctx: click.Context, /, place: str, **flags: Any) -> None:
    """Write what processes see on this host or in a running container: a file for 'compare' and for -e.

    Of the variables only those of the resolver are kept: GODEBUG, LOCALDOMAIN, RES_OPTIONS, HOSTALIASES.
    """
    from inspector.cli.delivery import write
    from inspector.cli.options import taken_snapshot
    from inspector.reports import encode_snapshot

    taken = taken_snapshot(place, flags)
    write(encode_snapshot(taken), flags["output"])
    for problem in taken.problems:
        click.echo(f"inspector: {problem}", err=True)
    ctx.exit(4 if taken.problems else 0)


def read_snapshot(path: Path) -> Snapshot:
    """Read a snapshot's file.

    Raises:
        click.UsageError: if it cannot be read.
        UsageError: if it is no snapshot.
    """
    from inspector.reports import decode_snapshot

    return decode_snapshot(read_bounded(path, _MAX_SNAPSHOT), name=str(path))
