"""What became of messages, for others: events to be posted, who wants messages and who does not, counts of delivery

Compatible both ways for one release: the version of the bot before this one still runs on the new schema, so add
columns as nullable or with a default, and drop what the previous version uses only in the release after.

Revision 0016, after 0015.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

#: A moment: timestamptz on PostgreSQL, ISO text on SQLite.
TIME = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "outgoing_events",
        sa.Column("id", COUNTER, autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(36), nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.String(36), nullable=False),
        sa.Column("message_id", sa.String(36), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_try_at", TIME, nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("tries", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("resent_at", TIME, nullable=True),
        sa.Column("updated_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="fk_outgoing_events_conversation_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_outgoing_events"),
    )  # fmt: skip
    op.create_index("ix_outgoing_events_message_id", "outgoing_events", ["message_id"])
    op.create_index(
        "ix_outgoing_events_conversation_id_receiver_id",
        "outgoing_events",
        ["conversation_id", "receiver", "id"],
    )
    op.create_index("ix_outgoing_events_created_at", "outgoing_events", ["created_at"])
    is_queued, is_failed = sa.text("status = 'queued'"), sa.text("status = 'failed'")
    op.create_index(
        "ix_outgoing_events_queued",
        "outgoing_events",
        ["receiver", "id"],
        sqlite_where=is_queued,
        postgresql_where=is_queued,
    )
    op.create_index(
        "ix_outgoing_events_failed",
        "outgoing_events",
        ["id"],
        sqlite_where=is_failed,
        postgresql_where=is_failed,
    )
    op.create_table(
        "consent_changes",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("conversation_id", sa.String(36), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("peer", sa.String(64), nullable=False),
        sa.Column("opted_out", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(8), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("noted_at", TIME, nullable=False),
        sa.Column("message_id", sa.String(36), nullable=True),
        sa.Column("provider_message_id", sa.String(256), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("our_words", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("book_version", sa.String(12), nullable=True),
        sa.Column("by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_consent_changes"),
    )
    op.create_index("ix_consent_changes_peer", "consent_changes", ["peer"])
    op.create_index("ix_consent_changes_conversation_id", "consent_changes", ["conversation_id"])
    # What people did is known from before; what peers wrote is kept from now on.
    op.execute(
        "INSERT INTO consent_changes"
        ' (id, conversation_id, number, peer, opted_out, source, at, noted_at, message_id, words, "by")'
        " SELECT a.id, c.id, c.number, c.peer, a.action = 'opt out', 'person', a.at, a.at, a.message_id, a.details,"
        ' a."by" FROM actions AS a JOIN conversations AS c ON c.id = a.conversation_id'
        " WHERE a.action IN ('opt out', 'opt in')"
    )
    op.create_table(
        "imported_opt_outs",
        sa.Column("peer", sa.String(64), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("imported_at", TIME, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("peer", "number", name="pk_imported_opt_outs"),
    )
    op.create_index("ix_imported_opt_outs_imported_at", "imported_opt_outs", ["imported_at"])
    op.create_table(
        "delivery_counts",
        sa.Column("start", TIME, nullable=False),
        sa.Column("seconds", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("start", "seconds", name="pk_delivery_counts"),
    )
    # All is counted anew, so that the month before is in these counts as well.
    op.execute("DELETE FROM traffic_progress")


def downgrade() -> None:
    """Take back."""
    op.drop_table("delivery_counts")
    op.drop_table("imported_opt_outs")
    op.drop_table("consent_changes")
    op.drop_table("outgoing_events")
