"""One way to ask two databases: the statements of ``store.py`` are written once, in the SQL that both understand."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from inspector.errors import StoreUnavailable
from inspector.escaping import printable
from inspector.store.places import Place
from inspector.store.schema import SCHEMA, Dialect, revision, step

if TYPE_CHECKING:
    import sqlite3

    import sqlalchemy

_LOG = logging.getLogger(__name__)
_BUSY = 30.0
"""Seconds to wait for another process's write."""
_CHUNK = 2000
"""Rows fetched at a time."""

Row = tuple[Any, ...]
Values = Mapping[str, Any]


class Writing(Protocol):
    """One transaction."""

    def run(self, statement: str, **values: Any) -> int:
        """Run one statement and return how many rows it touched."""
        ...

    def run_many(self, statement: str, values: Sequence[Values]) -> None:
        """Run one statement for each of ``values``."""
        ...


class Database(Protocol):
    """What a store needs of a database. Parameters are named, as in ``:digest``. Safe for several threads.

    Every method raises StoreUnavailable where the database fails.
    """

    @property
    def dialect(self) -> Dialect:
        """Which of the two."""
        ...

    def rows(self, query: str, **values: Any) -> list[Row]:
        """Return all rows."""
        ...

    def stream(self, query: str, **values: Any) -> Iterator[Row]:
        """Yield rows, some at a time."""
        ...

    def writing(self) -> AbstractContextManager[Writing]:
        """Open a transaction; it is taken back if an exception leaves it."""
        ...

    def reclaim(self) -> None:
        """Give the room of removed rows back."""
        ...

    def size(self) -> int:
        """Bytes that it takes."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


def open_database(place: Place, *, set_aside: bool) -> Database:
    """Open a database and bring its schema up to date.

    Raises:
        StoreUnavailable: if it cannot be opened, or a newer inspector made it.
    """
    if place.url is not None:
        return SharedDatabase.open(place)
    return FileDatabase.open(place.file or Path(), set_aside=set_aside)


# ── SQLite ───────────────────────────────────────────────────────────────────────────────────────────────────────


class FileDatabase:
    """SQLite, by the standard library alone: it must not make a scan's start longer."""

    dialect: Dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection, file: Path) -> None:
        self._connection, self._file = connection, file
        self._lock = threading.RLock()

    @classmethod
    def open(cls, file: Path, *, set_aside: bool) -> FileDatabase:
        """Open a file; where that is wanted, a damaged one is set aside and a new one begun."""
        import sqlite3

        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                return cls(_connect(file), file)
            except sqlite3.DatabaseError as error:
                if not set_aside or isinstance(error, sqlite3.OperationalError):
                    raise
                _set_aside(file, error)
                return cls(_connect(file), file)
        except (sqlite3.Error, OSError, RuntimeError) as error:
            raise _unavailable(printable(str(file)), error) from None

    def rows(self, query: str, **values: Any) -> list[Row]:
        """Return all rows."""
        with self._lock, self._telling():
            return list(self._connection.execute(query, values))

    def stream(self, query: str, **values: Any) -> Iterator[Row]:
        """Yield rows; other threads may ask between them."""
        with self._lock, self._telling():
            cursor = self._connection.execute(query, values)
        while True:
            with self._lock, self._telling():
                rows = cursor.fetchmany(_CHUNK)
            if not rows:
                return
            yield from rows

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Open a transaction."""
        with self._lock, self._telling():
            self._connection.execute("begin immediate")
            try:
                yield _FileWriting(self._connection)
                self._connection.execute("commit")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("rollback")
                raise

    def reclaim(self) -> None:
        """Give the room of removed rows back to the file system."""
        with self._lock, self._telling():
            self._connection.execute("vacuum")
            self._connection.execute("pragma wal_checkpoint(truncate)")

    def size(self) -> int:
        """Bytes of the file and its log."""
        files = (self._file.with_name(self._file.name + suffix) for suffix in ("", "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        import sqlite3

        try:
            yield
        except (sqlite3.Error, OverflowError) as error:
            raise _unavailable(printable(str(self._file)), error) from None


class _FileWriting:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, statement: str, **values: Any) -> int:
        return self._connection.execute(statement, values).rowcount

    def run_many(self, statement: str, values: Sequence[Values]) -> None:
        self._connection.executemany(statement, values)


def _set_aside(file: Path, error: Exception) -> None:
    aside = file.with_suffix(".damaged")
    _LOG.warning("the store was damaged and is now %s: %s", printable(str(aside)), error)
    file.replace(aside)
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


def _connect(file: Path) -> sqlite3.Connection:
    import sqlite3

    connection = sqlite3.connect(file, timeout=_BUSY, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        if _schema_of(connection) != SCHEMA:
            _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _schema_of(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("pragma user_version").fetchone()
    return int(version)


def _migrate(connection: sqlite3.Connection) -> None:
    """Take the steps that the file lacks, all or none."""
    connection.execute("begin immediate")
    # Another process may have been here before the lock was ours.
    present = _schema_of(connection)
    if present > SCHEMA:
        raise RuntimeError(f"a newer inspector made it (schema {present}, this one knows {SCHEMA})")
    for number in range(present + 1, SCHEMA + 1):
        for statement in step(number, "sqlite"):
            connection.execute(statement)
    # So that alembic, where somebody runs it over the file, finds what it would have written itself.
    connection.execute(
        "create table if not exists alembic_version"
        " (version_num varchar(32) not null, constraint alembic_version_pkc primary key (version_num))"
    )
    connection.execute("delete from alembic_version")
    connection.execute("insert into alembic_version values (?)", (revision(SCHEMA),))
    connection.execute(f"pragma user_version = {SCHEMA}")
    connection.execute("commit")


# ── PostgreSQL ───────────────────────────────────────────────────────────────────────────────────────────────────


class SharedDatabase:
    """PostgreSQL, by SQLAlchemy."""

    dialect: Dialect = "postgresql"

    def __init__(self, engine: sqlalchemy.Engine, name: str) -> None:
        self._engine, self._name = engine, name

    @classmethod
    def open(cls, place: Place) -> SharedDatabase:
        """Connect and bring the schema up to date by alembic."""
        try:
            import psycopg  # noqa: F401 (missing: said in one line)
            import sqlalchemy

            from inspector.store.migrations import upgrade
        except ImportError as error:
            raise StoreUnavailable(
                f"the store {place} needs SQLAlchemy, alembic and psycopg: {error}",
                advice="install rollout-inspector[postgres]",
            ) from None
        name = str(place)
        with _telling_of(name):
            engine = sqlalchemy.create_engine(
                place.url or "", pool_pre_ping=True, pool_size=4, max_overflow=12, hide_parameters=True,
                connect_args={"connect_timeout": 15, "application_name": "inspector"},
            )  # fmt: skip
            try:
                upgrade(engine)
            except BaseException:
                engine.dispose()
                raise
        return cls(engine, name)

    def rows(self, query: str, **values: Any) -> list[Row]:
        """Return all rows."""
        from sqlalchemy import text

        with _telling_of(self._name), self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]

    def stream(self, query: str, **values: Any) -> Iterator[Row]:
        """Yield rows by a cursor of the server's."""
        from sqlalchemy import text

        with _telling_of(self._name), self._engine.connect() as connection:
            result = connection.execution_options(yield_per=_CHUNK).execute(text(query), values)
            for rows in result.partitions():
                yield from (tuple(row) for row in rows)

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Open a transaction."""
        with _telling_of(self._name), self._engine.begin() as connection:
            yield _SharedWriting(connection)

    def reclaim(self) -> None:
        """Do nothing: autovacuum does it."""

    def size(self) -> int:
        """Bytes of the store's tables and indexes."""
        rows = self.rows(
            "select sum(pg_total_relation_size(c.oid)) from pg_class c"
            " where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r'"
        )
        return int(rows[0][0] or 0)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


class _SharedWriting:
    def __init__(self, connection: sqlalchemy.Connection) -> None:
        self._connection = connection

    def run(self, statement: str, **values: Any) -> int:
        from sqlalchemy import text

        return self._connection.execute(text(statement), values).rowcount

    def run_many(self, statement: str, values: Sequence[Values]) -> None:
        from sqlalchemy import text

        if values:
            self._connection.execute(text(statement), [dict(each) for each in values])


@contextmanager
def _telling_of(name: str) -> Iterator[None]:
    import sqlalchemy.exc

    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, ValueError) as error:
        raise _unavailable(name, error) from None


def _unavailable(name: str, error: Exception) -> StoreUnavailable:
    # The driver's own words, without SQLAlchemy's pages around them, and never the URL.
    cause = getattr(error, "orig", None) or error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return StoreUnavailable(f"the store {name}: {printable('; '.join(lines[:3]) or type(cause).__name__, limit=400)}")
