"""Facts of layers and documents, by digest."""

from alembic import op

from inspector.store.schema import step

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Take the step."""
    dialect = op.get_context().dialect.name
    for statement in step(1, "sqlite" if dialect == "sqlite" else "postgresql"):
        op.execute(statement)
    if dialect == "sqlite":
        op.execute("pragma user_version = 1")
