"""The store as verbs open it: the flags that name it, and the filters over what it holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from inspector.cli.flags import Command
from inspector.errors import StoreUnavailable

if TYPE_CHECKING:
    from inspector.store import Place, Store


def store_options(command: Command) -> Command:
    """Add the flags that name the store."""
    place = click.option(
        "--store", metavar="URL|FILE", help="The store of facts: postgresql://… or a file of SQLite's."
    )
    directory = click.option(
        "--cache-dir", type=click.Path(path_type=Path, file_okay=False), help="The directory of the store's file."
    )
    return place(directory(command))


def stored_at(store: str | None, directory: Path | None) -> Place:
    """Return the place of a store that is to be there already.

    Raises:
        UsageError: for a URL of another kind.
        StoreUnavailable: if there is no such file.
    """
    from inspector.store import place_of

    place = place_of(store, directory)
    if place.file is not None and not place.file.is_file():
        raise StoreUnavailable(
            f"there is no store at {place}", advice="scan an image first, or name another one with --store"
        )
    return place


def opened_store(store: str | None, directory: Path | None) -> Store:
    """Open a store that is to be there already.

    Raises:
        UsageError: for a URL of another kind.
        StoreUnavailable: if there is none, or it cannot be opened.
    """
    from inspector.cli.options import hear_warnings
    from inspector.store import Store

    hear_warnings(quiet=bool(click.get_current_context().params.get("quiet")))
    return Store.open(stored_at(store, directory), set_aside=False)
