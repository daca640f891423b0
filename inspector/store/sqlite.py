"""The store as one SQLite file in the user's cache directory.

What cannot be stored is not an error: a scan gives the same answer without a store, only later.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import zlib
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from inspector.facts import ANALYSER, DocumentStore, LayerFacts

if TYPE_CHECKING:
    import sqlite3

_LOG = logging.getLogger(__name__)
_SCHEMA = 2
_BUSY = 10.0
"""Seconds to wait for another process's write."""
_MAX_PLAIN = 256 * 1024 * 1024
"""Bytes that stored facts may have when inflated: the file is ours, but anybody may have damaged it."""

_ALIASES = "create table aliases (alias text primary key, digest text not null) without rowid"
_TABLES = f"""
{_ALIASES};
create table facts (digest text, analyser integer, content blob not null, primary key (digest, analyser)) without rowid;
create table documents (digest text primary key, content blob not null) without rowid;
"""


_CONTENT = (
    "select content from facts where digest in (?, (select digest from aliases where alias = ?)) and analyser = ?"
)
_PRESENCE = "select x'' from facts where digest in (?, (select digest from aliases where alias = ?)) and analyser = ?"
"""Facts by their own digest or an alias."""


class FactStore(DocumentStore, Protocol):
    """What a scan asks of a store; opened as a context manager."""

    def __enter__(self) -> Self:
        """Return the store."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        ...

    def facts(self, key: str) -> LayerFacts | None:
        """Return the facts stored under a digest by this version of the analyser."""
        ...

    def has(self, key: str) -> bool:
        """Whether there are such facts."""
        ...

    def save(self, key: str, facts: LayerFacts) -> None:
        """Store facts under a verified digest."""
        ...

    def alias(self, alias: str, key: str) -> None:
        """Let facts be found by another digest, verified against the same bytes."""
        ...


class NullStore:
    """Keeps nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing."""

    def facts(self, key: str) -> LayerFacts | None:
        """Return None."""
        del key
        return None

    def has(self, key: str) -> bool:
        """Return False."""
        del key
        return False

    def save(self, key: str, facts: LayerFacts) -> None:
        """Do nothing."""

    def alias(self, alias: str, key: str) -> None:
        """Do nothing."""

    def load_document(self, digest: str) -> bytes | None:
        """Return None."""
        del digest
        return None

    def save_document(self, digest: str, content: bytes) -> None:
        """Do nothing."""


class Store:
    """Facts of layers by (digest, analyser version), and small documents by digest. Safe for several processes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    @classmethod
    def open(cls, directory: Path | None = None) -> FactStore:
        """Open the store in a directory (None: inspector's in the user's cache); without one where that fails.

        A damaged file, or one of a newer program, is set aside and a new one begun.
        """
        place = directory or default_directory()
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            return cls(_connect(place / "facts.sqlite"))
        except _storage_errors() as error:
            _LOG.warning("nothing is stored: %s: %s", place, error)
            return NullStore()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def facts(self, key: str) -> LayerFacts | None:
        """Return the facts stored under a digest by this version of the analyser."""
        content = self._one(_CONTENT, (key, key, ANALYSER))
        if content is None:
            return None
        import msgspec

        try:
            inflater = zlib.decompressobj()
            plain = inflater.decompress(content, _MAX_PLAIN)
            return msgspec.json.decode(plain, type=LayerFacts)
        except (zlib.error, msgspec.DecodeError, UnicodeDecodeError) as error:
            _LOG.warning("stored facts of %s cannot be read: %s", key, error)
            return None

    def has(self, key: str) -> bool:
        """Whether facts are stored under a digest by this version of the analyser."""
        return self._one(_PRESENCE, (key, key, ANALYSER)) is not None

    def save(self, key: str, facts: LayerFacts) -> None:
        """Store facts under a verified digest."""
        import msgspec

        content = zlib.compress(msgspec.json.encode(facts), 1)
        self._put("insert or replace into facts values (?, ?, ?)", (key, ANALYSER, content))

    def alias(self, alias: str, key: str) -> None:
        """Let facts be found by another digest, verified against the same bytes."""
        self._put("insert or replace into aliases values (?, ?)", (alias, key))

    def load_document(self, digest: str) -> bytes | None:
        """Return a document whose bytes have this digest."""
        content = self._one("select content from documents where digest = ?", (digest,))
        algorithm, _, wanted = digest.partition(":")
        if content is None or algorithm not in {"sha256", "sha512"}:
            return None
        return content if hashlib.new(algorithm, content).hexdigest() == wanted else None

    def save_document(self, digest: str, content: bytes) -> None:
        """Store a verified document."""
        self._put("insert or replace into documents values (?, ?)", (digest, content))

    def _one(self, query: str, values: tuple[object, ...]) -> bytes | None:
        try:
            with self._lock:
                row = self._connection.execute(query, values).fetchone()
        except _storage_errors() as error:
            _LOG.warning("the store cannot be read: %s", error)
            return None
        return row[0] if row and isinstance(row[0], bytes) else None

    def _put(self, statement: str, values: tuple[object, ...]) -> None:
        try:
            with self._lock, self._connection:
                self._connection.execute(statement, values)
        except _storage_errors() as error:
            _LOG.warning("nothing was stored: %s", error)


def default_directory() -> Path:
    """Return inspector's directory in the user's cache (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "inspector"


def _storage_errors() -> tuple[type[Exception], ...]:
    import sqlite3

    return (sqlite3.Error, OSError, RuntimeError)


def _connect(path: Path) -> sqlite3.Connection:
    import sqlite3

    try:
        return _open(path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        aside = path.with_suffix(".damaged")
        _LOG.warning("the store was damaged and is now %s: %s", aside, error)
        path.replace(aside)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return _open(path)


def _open(path: Path) -> sqlite3.Connection:
    import sqlite3

    connection = sqlite3.connect(path, timeout=_BUSY, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        connection.execute("begin immediate")
        (version,) = connection.execute("pragma user_version").fetchone()
        if version == 0:
            for statement in _TABLES.strip().splitlines():
                connection.execute(statement)
        elif version == 1:
            connection.execute(_ALIASES)
        elif version != _SCHEMA:
            _refuse_schema(version)
        connection.execute(f"pragma user_version = {_SCHEMA}")
        connection.execute("commit")
    except BaseException:
        connection.close()
        raise
    return connection


def _refuse_schema(version: int) -> None:
    import sqlite3

    raise sqlite3.DatabaseError(f"its schema is {version}, not {_SCHEMA}")
