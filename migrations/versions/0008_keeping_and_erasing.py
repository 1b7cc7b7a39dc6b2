"""Marks of what was erased, their key, and restores from a backup

Compatible both ways for one release: the version of the bot before this one still runs on the new schema, so add
columns as nullable or with a default, and drop what the previous version uses only in the release after.

Revision 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

#: A moment: timestamptz on PostgreSQL, ISO text on SQLite.
TIME = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "erasure_marks",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("consent_at", TIME, nullable=True),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_erasure_marks"),
    )
    op.create_index("ix_erasure_marks_kind_at", "erasure_marks", ["kind", "at"])
    op.create_table(
        "erasure_keys",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_erasure_keys"),
    )
    op.create_table(
        "restores",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("stopped_at", TIME, nullable=False),
        sa.Column("restored_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_restores"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("restores")
    op.drop_table("erasure_keys")
    op.drop_table("erasure_marks")
