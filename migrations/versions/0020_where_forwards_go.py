"""The destination of each forward, and an index by it and the time of the next try

Compatible both ways for one release: the version of the bot before this one still runs on the new schema, so add
columns as nullable or with a default, and drop what the previous version uses only in the release after.

Revision 0020, after 0019.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. What is queued already, or by the version before, gets its destination from the forwarder."""
    op.add_column("forwards", sa.Column("destination", sa.Text(), nullable=True))
    op.create_index(
        "ix_forwards_due",
        "forwards",
        ["destination", "next_try_at", "id"],
        sqlite_where=sa.text("status = 'queued'"),
        postgresql_where=sa.text("status = 'queued'"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_forwards_due", table_name="forwards")
    op.drop_column("forwards", "destination")
