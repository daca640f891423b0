"""Images, what decisions depend on, tags and runs."""

from alembic import op

from inspector.store.schema import step

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Take the step."""
    dialect = op.get_context().dialect.name
    for statement in step(3, "sqlite" if dialect == "sqlite" else "postgresql"):
        op.execute(statement)
    if dialect == "sqlite":
        op.execute("pragma user_version = 3")
