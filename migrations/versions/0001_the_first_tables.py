"""The first tables

Compatible both ways for one release: the version of the bot before this one still runs on the new schema, so add
columns as nullable or with a default, and drop what the previous version uses only in the release after.

Revision 0001, the first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

#: A moment: timestamptz on PostgreSQL, ISO text on SQLite.
TIME = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "conversations",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("peer", sa.String(length=64), nullable=False),
        sa.Column("opted_out", sa.Boolean(), nullable=False),
        sa.Column("handed_over", sa.Boolean(), nullable=False),
        sa.Column("tags", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("memory", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("last_position", sa.Integer(), nullable=False),
        sa.Column("last_message_at", TIME, nullable=False),
        sa.Column("last_text", sa.Text(), nullable=False),
        sa.Column("latest_outbound_id", sa.String(length=36), nullable=True),
        sa.Column("delivery", sa.String(length=16), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
        sa.UniqueConstraint("peer", "number", name=op.f("uq_conversations_peer_number")),
    )
    with op.batch_alter_table("conversations", schema=None) as batch_op:
        batch_op.create_index(
            "ix_conversations_failed",
            ["last_message_at", "id"],
            unique=False,
            sqlite_where=sa.text("delivery = 'failed'"),
            postgresql_where=sa.text("delivery = 'failed'"),
        )
        batch_op.create_index(
            batch_op.f("ix_conversations_last_message_at_id"), ["last_message_at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_conversations_suppressed",
            ["last_message_at", "id"],
            unique=False,
            sqlite_where=sa.text("delivery = 'suppressed'"),
            postgresql_where=sa.text("delivery = 'suppressed'"),
        )
        batch_op.create_index(
            "ix_conversations_unconfirmed",
            ["last_message_at", "id"],
            unique=False,
            sqlite_where=sa.text("delivery = 'unconfirmed'"),
            postgresql_where=sa.text("delivery = 'unconfirmed'"),
        )

    op.create_table(
        "rejected_events",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("arrived_at", TIME, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejected_events")),
        sa.UniqueConstraint("digest", name=op.f("uq_rejected_events_digest")),
    )
    op.create_table(
        "rule_books",
        sa.Column("version", sa.String(length=12), nullable=False),
        sa.Column("texts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("in_force_since", TIME, nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_rule_books")),
    )
    with op.batch_alter_table("rule_books", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rule_books_in_force_since"), ["in_force_since"], unique=False)

    op.create_table(
        "messages",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("status_details", sa.Text(), nullable=True),
        sa.Column("provider_message_id", sa.String(length=256), nullable=True),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("in_reply_to", sa.String(length=36), nullable=True),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("encoding", sa.String(length=5), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("received_at", TIME, nullable=True),
        sa.Column("decision", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("book_version", sa.String(length=12), nullable=True),
        sa.Column("number", sa.String(length=64), nullable=True),
        sa.Column("exempt", sa.Boolean(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_try_at", TIME, nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("repeatability_id", sa.String(length=36), nullable=True),
        sa.Column("first_sent_at", TIME, nullable=True),
        sa.Column("outcome_unknown", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("reported_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_messages_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("conversation_id", "position", name=op.f("uq_messages_conversation_id_position")),
    )
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.create_index(
            "ix_messages_outbound_provider_message_id",
            ["provider_message_id"],
            unique=False,
            sqlite_where=sa.text("direction = 'outbound' AND provider_message_id IS NOT NULL"),
            postgresql_where=sa.text("direction = 'outbound' AND provider_message_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_messages_outbox",
            ["number", "id"],
            unique=False,
            sqlite_where=sa.text("status = 'queued'"),
            postgresql_where=sa.text("status = 'queued'"),
        )
        batch_op.create_index(
            "ix_messages_unreported",
            ["updated_at"],
            unique=False,
            sqlite_where=sa.text("status = 'sent'"),
            postgresql_where=sa.text("status = 'sent'"),
        )
        batch_op.create_index(
            "uq_messages_inbound_provider_message_id",
            ["provider_message_id"],
            unique=True,
            sqlite_where=sa.text("direction = 'inbound'"),
            postgresql_where=sa.text("direction = 'inbound'"),
        )

    op.create_table(
        "delivery_reports",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("key", sa.String(length=512), nullable=False),
        sa.Column("provider_message_id", sa.String(length=256), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=True),
        sa.Column("reported_at", TIME, nullable=True),
        sa.Column("arrived_at", TIME, nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_delivery_reports_message_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_reports")),
        sa.UniqueConstraint("key", name=op.f("uq_delivery_reports_key")),
    )
    with op.batch_alter_table("delivery_reports", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_delivery_reports_message_id"), ["message_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_delivery_reports_provider_message_id"), ["provider_message_id"], unique=False
        )

    op.create_table(
        "forwards",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_try_at", TIME, nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_forwards_message_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forwards")),
    )
    with op.batch_alter_table("forwards", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_forwards_message_id"), ["message_id"], unique=False)
        batch_op.create_index(
            "ix_forwards_outbox",
            ["id"],
            unique=False,
            sqlite_where=sa.text("status = 'queued'"),
            postgresql_where=sa.text("status = 'queued'"),
        )

    op.create_table(
        "status_changes",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("details", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_status_changes_message_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_changes")),
    )
    with op.batch_alter_table("status_changes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_status_changes_message_id"), ["message_id"], unique=False)


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("status_changes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_status_changes_message_id"))

    op.drop_table("status_changes")
    with op.batch_alter_table("forwards", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_forwards_outbox",
            sqlite_where=sa.text("status = 'queued'"),
            postgresql_where=sa.text("status = 'queued'"),
        )
        batch_op.drop_index(batch_op.f("ix_forwards_message_id"))

    op.drop_table("forwards")
    with op.batch_alter_table("delivery_reports", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_delivery_reports_provider_message_id"))
        batch_op.drop_index(batch_op.f("ix_delivery_reports_message_id"))

    op.drop_table("delivery_reports")
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_messages_inbound_provider_message_id",
            sqlite_where=sa.text("direction = 'inbound'"),
            postgresql_where=sa.text("direction = 'inbound'"),
        )
        batch_op.drop_index(
            "ix_messages_unreported",
            sqlite_where=sa.text("status = 'sent'"),
            postgresql_where=sa.text("status = 'sent'"),
        )
        batch_op.drop_index(
            "ix_messages_outbox",
            sqlite_where=sa.text("status = 'queued'"),
            postgresql_where=sa.text("status = 'queued'"),
        )
        batch_op.drop_index(
            "ix_messages_outbound_provider_message_id",
            sqlite_where=sa.text("direction = 'outbound' AND provider_message_id IS NOT NULL"),
            postgresql_where=sa.text("direction = 'outbound' AND provider_message_id IS NOT NULL"),
        )

    op.drop_table("messages")
    with op.batch_alter_table("rule_books", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rule_books_in_force_since"))

    op.drop_table("rule_books")
    op.drop_table("rejected_events")
    with op.batch_alter_table("conversations", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_conversations_unconfirmed",
            sqlite_where=sa.text("delivery = 'unconfirmed'"),
            postgresql_where=sa.text("delivery = 'unconfirmed'"),
        )
        batch_op.drop_index(
            "ix_conversations_suppressed",
            sqlite_where=sa.text("delivery = 'suppressed'"),
            postgresql_where=sa.text("delivery = 'suppressed'"),
        )
        batch_op.drop_index(batch_op.f("ix_conversations_last_message_at_id"))
        batch_op.drop_index(
            "ix_conversations_failed",
            sqlite_where=sa.text("delivery = 'failed'"),
            postgresql_where=sa.text("delivery = 'failed'"),
        )

    op.drop_table("conversations")
