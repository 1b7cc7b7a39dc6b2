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
COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
#: Conversations that people look for and that are rare: index, and which they are on SQLite and PostgreSQL.
RARE_CONVERSATIONS = (
    ("ix_conversations_opted_out", "opted_out = 1", "opted_out"),
    ("ix_conversations_handed_over", "handed_over = 1", "handed_over"),
    ("ix_conversations_unanswered", "unanswered_since IS NOT NULL", "unanswered_since IS NOT NULL"),
)


def upgrade() -> None:
    """Apply."""
    op.add_column("conversations", sa.Column("unanswered_since", TIME, nullable=True))
    for name, on_sqlite, on_postgresql in RARE_CONVERSATIONS:
        op.create_index(
            name,
            "conversations",
            ["last_message_at", "id"],
            sqlite_where=sa.text(on_sqlite),
            postgresql_where=sa.text(on_postgresql),
        )
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
    op.create_table(
        "rule_edits",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("who", sa.Text(), nullable=True),
        sa.Column("how", sa.String(length=16), nullable=False),
        sa.Column("version", sa.String(length=12), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("follows", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_edits")),
        sa.UniqueConstraint("file", "follows", name=op.f("uq_rule_edits_file_follows")),
    )
    op.create_index(op.f("ix_rule_edits_file_id"), "rule_edits", ["file", "id"])
    op.create_table(
        "traffic",
        sa.Column("start", TIME, nullable=False),
        sa.Column("seconds", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("start", "seconds", name=op.f("pk_traffic")),
    )
    op.create_table(
        "traffic_progress",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("passes", sa.Integer(), nullable=False),
        sa.Column("counted_from", TIME, nullable=False),
        sa.Column("counted_to", TIME, nullable=False),
        sa.Column("change_id", COUNTER, nullable=False),
        sa.Column("newer_change_id", COUNTER, nullable=False),
        sa.Column("newer_change_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_traffic_progress")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("traffic_progress")
    op.drop_table("traffic")
    op.drop_index(op.f("ix_rule_edits_file_id"), "rule_edits")
    op.drop_table("rule_edits")
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
    for name, on_sqlite, on_postgresql in reversed(RARE_CONVERSATIONS):
        op.drop_index(
            name,
            "conversations",
            sqlite_where=sa.text(on_sqlite),
            postgresql_where=sa.text(on_postgresql),
        )
    op.drop_column("conversations", "unanswered_since")
