"""``inspector cache``: the keeper's verbs over the store."""

from __future__ import annotations

import re
from pathlib import Path

import click

from inspector.cli.storing import opened_store, store_options
from inspector.escaping import printable

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_WORDS = {
    "facts": "facts of layers",
    "aliases": "layers' other digests",
    "documents": "manifests and configs",
    "images": "images",
    "builds": "distinct builds",
    "bases": "distinct bases",
    "binaries": "binaries",
    "tags": "names",
    "runs": "batches",
}


@click.group()
def cache() -> None:
    """Look after the store of facts: what is in it, what may go, whether it is whole."""


def _age(_ctx: click.Context, _option: click.Parameter, value: str | None) -> int | None:
    """Return seconds."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d{1,9})([smhdw])", value)
    if match is None:
        raise click.BadParameter(f"'{printable(value, limit=40)}': give a number and a unit, such as 30d, 12h or 8w")
    return int(match[1]) * _UNITS[match[2]]


@cache.command()
@store_options
@click.option("--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def info(store: str | None, cache_dir: Path | None, form: str) -> None:
    """Say where the store is, its schema, and how much is in it."""
    from inspector.cli.delivery import write
    from inspector.facts import ANALYSER
    from inspector.store.upkeep import describe_store

    with opened_store(store, cache_dir) as opened:
        found = describe_store(opened)
        place = str(opened.place)
    if form == "json":
        import json

        document = {
            "place": place, "dialect": found.dialect, "schema": found.schema, "analyser": ANALYSER,
            "bytes": found.bytes, "rows": found.rows, "analysers": found.analysers, "unverified": found.unverified,
        }  # fmt: skip
        write(json.dumps(document, indent=2).encode() + b"\n", None)
        return
    other = sum(number for version, number in found.analysers.items() if version != ANALYSER)
    lines = [
        f"{place}: {found.dialect}, schema {found.schema}, {_size(found.bytes)}",
        *(f"{number:>10,}  {_WORDS[table]}" for table, number in found.rows.items()),
    ]
    if found.unverified:
        lines.append(f"{found.unverified:>10,}  of the images by an engine's word")
    if other:
        lines.append(f"{other:>10,}  of the facts by other versions of the analyser (cache prune --analyser)")
    write("\n".join(lines).encode() + b"\n", None)


@cache.command()
@store_options
@click.option("--older-than", metavar="AGE", callback=_age, help="What nothing asked for in that time: 30d, 12h, 8w.")
@click.option("--analyser", is_flag=True, help="Facts that other versions of the analyser made.")
@click.option("--unused", is_flag=True, help="Images without a name; layers and documents that no image needs.")
@click.option("--all", "everything", is_flag=True, help="Everything.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing.")
def prune(
    store: str | None,
    cache_dir: Path | None,
    older_than: int | None,
    *,
    analyser: bool,
    unused: bool,
    everything: bool,
    quiet: bool,
) -> None:
    """Remove what is no longer wanted. Removed facts are read from the image again when they are asked for."""
    from inspector.cli.delivery import write
    from inspector.store.upkeep import Pruning
    from inspector.store.upkeep import prune as remove

    if older_than is None and not (analyser or unused or everything):
        raise click.UsageError("say what is to go: --older-than, --analyser, --unused or --all")
    pruning = Pruning(older_than=older_than, analyser=analyser, unused=unused, everything=everything)
    with opened_store(store, cache_dir) as opened:
        before = opened.database.size()
        gone = remove(opened, pruning)
        freed = max(before - opened.database.size(), 0)
    if not quiet:
        told = ", ".join(f"{number:,} {_WORDS[table]}" for table, number in gone.items()) or "nothing"
        write(f"removed {told}; {_size(freed)} freed\n".encode(), None)


@cache.command()
@store_options
@click.option("--quiet", "-q", is_flag=True, help="Print nothing; the exit code tells.")
@click.pass_context
def verify(ctx: click.Context, /, store: str | None, cache_dir: Path | None, *, quiet: bool) -> None:
    """Read everything again: documents against their digests, facts by decoding them. Exits with 4 for damage."""
    from inspector.cli.delivery import write
    from inspector.store.upkeep import verify as damages

    number = 0
    with opened_store(store, cache_dir) as opened:
        for damage in damages(opened):
            number += 1
            if not quiet:
                key, message = printable(damage.key, limit=120), printable(damage.message, limit=200)
                write(f"damaged: {damage.table} {key}: {message}\n".encode("utf-8", "replace"), None)
    if not quiet:
        write(b"all is whole\n" if not number else f"{number:,} damaged rows\n".encode(), None)
    ctx.exit(4 if number else 0)


def _size(number: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            break
        number /= 1000
    return f"{number:,.0f} {unit}" if unit == "bytes" else f"{number:,.1f} {unit}"
