"""Room on the pages of messages, so that a claim changes no index on PostgreSQL

Compatible both ways for one release: the version of the bot before this one still runs on the new schema, so add
columns as nullable or with a default, and drop what the previous version uses only in the release after.

Revision 0018, after 0017.
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Pages that are full already stay so; no message is moved."""
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE messages SET (fillfactor = 60)")


def downgrade() -> None:
    """Take back."""
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE messages RESET (fillfactor)")
