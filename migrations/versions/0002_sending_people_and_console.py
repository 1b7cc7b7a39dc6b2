"""Sending, people and the console

Compatible both ways for one release: the version of the bot before this one still runs on the new schema, so add
columns as nullable or with a default, and drop what the previous version uses only in the release after.

Revision 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

#: A moment: timestamptz on PostgreSQL, ISO text on SQLite.
TIME = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.add_column("messages", sa.Column("call_tag", sa.String(length=36), nullable=True))
    op.add_column("messages", sa.Column("resend_of", sa.String(length=36), nullable=True))
    op.create_index(
        "ix_messages_resend_of",
        "messages",
        ["resend_of"],
        sqlite_where=sa.text("resend_of IS NOT NULL"),
        postgresql_where=sa.text("resend_of IS NOT NULL"),
    )
    op.create_table(
        "incidents",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=True),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("closed_at", TIME, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_incidents_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_index(op.f("ix_incidents_conversation_id"), "incidents", ["conversation_id"])
    op.create_index(
        "uq_incidents_open",
        "incidents",
        ["conversation_id", "kind"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "actions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=True),
        sa.Column("action", sa.String(length=24), nullable=False),
        sa.Column("details", sa.Text(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_actions_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_actions")),
    )
    op.create_index(op.f("ix_actions_conversation_id"), "actions", ["conversation_id"])


def downgrade() -> None:
    """Take back."""
    op.drop_index(op.f("ix_actions_conversation_id"), "actions")
    op.drop_table("actions")
    op.drop_index(
        "uq_incidents_open",
        "incidents",
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_index(op.f("ix_incidents_conversation_id"), "incidents")
    op.drop_table("incidents")
    op.drop_index(
        "ix_messages_resend_of",
        "messages",
        sqlite_where=sa.text("resend_of IS NOT NULL"),
        postgresql_where=sa.text("resend_of IS NOT NULL"),
    )
    op.drop_column("messages", "resend_of")
    op.drop_column("messages", "call_tag")
