"""Leases of messages that are being sent, and what reports of unknown messages tell

Compatible both ways for one release: the version of the bot before this one still runs on the new schema, so add
columns as nullable or with a default, and drop what the previous version uses only in the release after.

Revision 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

#: A moment: timestamptz on PostgreSQL, ISO text on SQLite.
TIME = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.add_column("messages", sa.Column("lease_holder", sa.String(length=36), nullable=True))
    op.add_column("messages", sa.Column("lease_until", TIME, nullable=True))
    op.add_column("delivery_reports", sa.Column("tag", sa.Text(), nullable=True))
    op.add_column("delivery_reports", sa.Column("peer", sa.Text(), nullable=True))


def downgrade() -> None:
    """Take back."""
    op.drop_column("delivery_reports", "peer")
    op.drop_column("delivery_reports", "tag")
    op.drop_column("messages", "lease_until")
    op.drop_column("messages", "lease_holder")
