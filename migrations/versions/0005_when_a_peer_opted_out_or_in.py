"""When a peer opted out or in, by their own time

Compatible both ways for one release: the version of the bot before this one still runs on the new schema, so add
columns as nullable or with a default, and drop what the previous version uses only in the release after.

Revision 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

#: A moment: timestamptz on PostgreSQL, ISO text on SQLite.
TIME = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.add_column("conversations", sa.Column("consent_at", TIME, nullable=True))
    # Nobody noted when they opted out; it was not after the newest message, and a later START brings them back.
    op.execute("UPDATE conversations SET consent_at = last_message_at WHERE opted_out")


def downgrade() -> None:
    """Take back."""
    op.drop_column("conversations", "consent_at")
