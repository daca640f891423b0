"""The schema's steps, run by alembic. ``upgrade`` is all that the store calls; ``versions`` hold one file a step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from inspector.errors import StoreUnavailable

if TYPE_CHECKING:
    import sqlalchemy

_LOCK = 0x696E7370
"""Of ``pg_advisory_xact_lock``: two processes that begin at once take the steps one after the other."""


def configuration(connection: sqlalchemy.Connection) -> Config:
    """Return alembic's configuration for one connection."""
    found = Config()
    found.set_main_option("script_location", str(Path(__file__).parent))
    found.attributes["connection"] = connection
    return found


def upgrade(engine: sqlalchemy.Engine) -> None:
    """Take the steps that the database lacks, all or none.

    Raises:
        StoreUnavailable: if a newer inspector has taken steps that this one does not know.
    """
    import sqlalchemy

    with engine.begin() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
        scripts = ScriptDirectory(str(Path(__file__).parent))
        if present == scripts.get_current_head():
            return
        known = {script.revision for script in scripts.walk_revisions()}
        if present is not None and present not in known:
            raise StoreUnavailable(
                f"a newer inspector made the store (schema {present}, this one knows {max(known)})",
                advice="use the newer one here too",
            )
        if engine.dialect.name == "postgresql":
            connection.execute(sqlalchemy.text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        command.upgrade(configuration(connection), "head")
