"""What people do beside each other: drafts, planned replies, assigning, snoozing, who has read what, acts to undo

Compatible both ways for one release: the version of the bot before this one still runs on the new schema, so add
columns as nullable or with a default, and drop what the previous version uses only in the release after.

Revision 0015, after 0014.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

#: A moment: timestamptz on PostgreSQL, ISO text on SQLite.
TIME = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
#: Tables whose rows belong to a person and a conversation, with what else they hold.
OF_A_PERSON = {
    "reply_drafts": [("text", sa.Text()), ("updated_at", TIME)],
    "reads": [("position", sa.Integer())],
    "presences": [("name", sa.String(64)), ("seen_at", TIME), ("is_typing", sa.Boolean())],
}
#: Indexes of `conversations`: name, columns, condition on SQLite and on PostgreSQL.
INDEXES = (
    ("assigned", ["last_message_at", "id"], "assigned_to IS NOT NULL", "assigned_to IS NOT NULL"),
    (
        "waiting",
        ["unanswered_since", "id"],
        "handed_over = 1 AND unanswered_since IS NOT NULL",
        "handed_over AND unanswered_since IS NOT NULL",
    ),
    ("waits", ["unanswered_since", "id"], "unanswered_since IS NOT NULL", "unanswered_since IS NOT NULL"),
    ("snoozed", ["snoozed_until"], "snoozed_until IS NOT NULL", "snoozed_until IS NOT NULL"),
)


def upgrade() -> None:
    """Apply."""
    op.add_column("conversations", sa.Column("assigned_to", sa.String(64), nullable=True))
    op.add_column("conversations", sa.Column("snoozed_until", TIME, nullable=True))
    for name, columns, on_sqlite, on_postgresql in INDEXES:
        op.create_index(
            f"ix_conversations_{name}",
            "conversations",
            columns,
            sqlite_where=sa.text(on_sqlite),
            postgresql_where=sa.text(on_postgresql),
        )
    op.add_column("actions", sa.Column("act_id", sa.String(36), nullable=True))
    op.add_column("actions", sa.Column("change", sa.JSON(none_as_null=True), nullable=True))
    is_act = sa.text("act_id IS NOT NULL")
    op.create_index("ix_actions_act_id", "actions", ["act_id"], sqlite_where=is_act, postgresql_where=is_act)
    for table, columns in OF_A_PERSON.items():
        op.create_table(
            table,
            sa.Column("person", sa.String(64), nullable=False),
            sa.Column("conversation_id", sa.String(36), nullable=False),
            *(sa.Column(name, kind, nullable=False) for name, kind in columns),
            sa.ForeignKeyConstraint(
                ["conversation_id"],
                ["conversations.id"],
                name=f"fk_{table}_conversation_id",
                ondelete="CASCADE",
            ),
            sa.PrimaryKeyConstraint("person", "conversation_id", name=f"pk_{table}"),
        )
        op.create_index(f"ix_{table}_conversation_id", table, ["conversation_id"])
    _create_planned_replies()
    op.create_table(
        "tries",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("message_id", sa.String(36), nullable=False),
        sa.Column("forward_id", sa.String(36), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name="fk_tries_message_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tries"),
    )
    op.create_index("ix_tries_message_id", "tries", ["message_id"])


def _create_planned_replies() -> None:
    op.create_table(
        "planned_replies",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("conversation_id", sa.String(36), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=True),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("message_id", sa.String(36), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name="fk_planned_replies_conversation_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_planned_replies"),
    )
    op.create_index("ix_planned_replies_conversation_id", "planned_replies", ["conversation_id"])
    is_waiting = sa.text("status = 'waiting'")
    op.create_index(
        "ix_planned_replies_waiting",
        "planned_replies",
        ["due_at"],
        sqlite_where=is_waiting,
        postgresql_where=is_waiting,
    )


def downgrade() -> None:
    """Take back."""
    for table in ("tries", "planned_replies", *OF_A_PERSON):
        op.drop_table(table)
    op.drop_index("ix_actions_act_id", "actions")
    for column in ("act_id", "change"):
        op.drop_column("actions", column)
    for name, *_ in INDEXES:
        op.drop_index(f"ix_conversations_{name}", "conversations")
    for column in ("assigned_to", "snoozed_until"):
        op.drop_column("conversations", column)
