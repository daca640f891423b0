"""A layer's other digest, where both were verified."""

from alembic import op

from inspector.store.schema import step

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Take the step."""
    dialect = op.get_context().dialect.name
    for statement in step(2, "sqlite" if dialect == "sqlite" else "postgresql"):
        op.execute(statement)
    if dialect == "sqlite":
        op.execute("pragma user_version = 2")
