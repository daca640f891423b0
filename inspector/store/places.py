"""Where a store is: a file of SQLite's, or a PostgreSQL database by its URL."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from inspector.errors import UsageError
from inspector.escaping import printable

FILE = "facts.sqlite"


@dataclass(frozen=True, slots=True)
class Place:
    """A file (SQLite) or a URL (PostgreSQL); ``str()`` never shows a password."""

    file: Path | None = None
    url: str | None = None

    def __str__(self) -> str:
        return without_password(self.url).replace("+psycopg", "", 1) if self.url else printable(str(self.file))

    def __repr__(self) -> str:
        return f"Place({self!s})"


def place_of(store: str | None = None, directory: Path | None = None) -> Place:
    """Return the place that ``--store`` or ``--cache-dir`` names, or inspector's in the user's cache.

    ``store`` is ``postgresql://…`` (or ``postgresql+psycopg://…``), ``sqlite:///PATH``, or a file's path.

    Raises:
        UsageError: for a URL of another kind.
    """
    if store is None:
        return Place(file=(directory or default_directory()) / FILE)
    scheme, separator, rest = store.partition("://")
    if not separator:
        return Place(file=Path(store))
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return Place(file=Path(rest[1:]))
    if scheme in {"postgresql", "postgres", "postgresql+psycopg"}:
        return Place(url=f"postgresql+psycopg://{rest}")
    raise UsageError(
        f"--store {printable(without_password(store), limit=200)}: there is no such kind of store",
        advice="give postgresql://USER@HOST/DATABASE, sqlite:///PATH or a file's path",
    )


def without_password(url: str) -> str:
    """Return a URL fit to print: without a password, and without a query, which may hold one too; a path as it is."""
    if "://" not in url:
        return printable(url, limit=300)
    try:
        parts = urlsplit(url)
        user, at, host = parts.netloc.rpartition("@")
    except ValueError:
        return f"{url.partition('://')[0]}://…"
    netloc = f"{user.partition(':')[0]}{at}{host}"
    return printable(urlunsplit((parts.scheme, netloc, parts.path, "", "")), limit=300)


def default_directory() -> Path:
    """Return inspector's directory in the user's cache (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "inspector"
