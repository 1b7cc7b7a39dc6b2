"""Rule files that somebody has changed in the console and not saved yet, and where failed messages are found

Compatible both ways for one release: the version of the bot before this one still runs on the new schema, so add
columns as nullable or with a default, and drop what the previous version uses only in the release after.

Revision 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

#: A moment: timestamptz on PostgreSQL, ISO text on SQLite.
TIME = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "rule_drafts",
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("base_etag", sa.String(40), nullable=False),
        sa.Column("base", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("person", "file", "base_etag", name="pk_rule_drafts"),
    )
    is_failed = sa.text("status = 'failed'")
    op.create_index(
        "ix_messages_failed", "messages", ["id", "rule"], sqlite_where=is_failed, postgresql_where=is_failed
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_messages_failed", table_name="messages")
    op.drop_table("rule_drafts")
