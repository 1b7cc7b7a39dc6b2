"""Sessions of the console

Compatible both ways for one release: the version of the bot before this one still runs on the new schema, so add
columns as nullable or with a default, and drop what the previous version uses only in the release after.

Revision 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

#: A moment: timestamptz on PostgreSQL, ISO text on SQLite.
TIME = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "console_sessions",
        sa.Column("id_digest", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id_digest", name=op.f("pk_console_sessions")),
    )
    op.create_index(op.f("ix_console_sessions_expires_at"), "console_sessions", ["expires_at"])
    op.create_table(
        "used_login_links",
        sa.Column("key_digest", sa.String(length=64), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("key_digest", name=op.f("pk_used_login_links")),
    )
    op.create_index(op.f("ix_used_login_links_expires_at"), "used_login_links", ["expires_at"])


def downgrade() -> None:
    """Take back."""
    op.drop_index(op.f("ix_used_login_links_expires_at"), "used_login_links")
    op.drop_table("used_login_links")
    op.drop_index(op.f("ix_console_sessions_expires_at"), "console_sessions")
    op.drop_table("console_sessions")
