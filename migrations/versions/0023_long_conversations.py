"""What hangs on a conversation is found without a look at all that ever hung on it

A device that texts for years has a hundred thousand follow-ups, events and acts in one conversation, and each message,
report and page read them all.

Compatible both ways for one release: the version of the bot before this one still runs on the new schema, so add
columns as nullable or with a default, and drop what the previous version uses only in the release after.

Revision 0023, after 0022.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

#: Indexes by conversation that also have the order in which people read its rows. The version before finds by them
#: what it found by the conversation alone.
_ORDERED = {
    "actions": ["id"],
    "answers": ["started_at", "id"],
    "follow_ups": ["due_at", "id"],
    "planned_replies": ["due_at", "id"],
}


def upgrade() -> None:
    """Apply."""
    for table, order in _ORDERED.items():
        op.create_index(f"ix_{table}_in_order", table, ["conversation_id", *order])
        op.drop_index(f"ix_{table}_conversation_id", table_name=table)
    # After those: of two indexes that seem alike SQLite takes the younger.
    for table, state, columns in (
        ("follow_ups", "waiting", ["conversation_id", "due_at", "id"]),
        ("planned_replies", "waiting", ["conversation_id", "due_at", "id"]),
        ("outgoing_events", "queued", ["conversation_id", "receiver", "id"]),
    ):
        is_in_it = sa.text(f"status = '{state}'")
        op.create_index(
            f"ix_{table}_of_talk", table, columns, sqlite_where=is_in_it, postgresql_where=is_in_it
        )
    op.create_index("ix_follow_ups_message_id", "follow_ups", ["message_id"])
    has_one = sa.text("message_id IS NOT NULL")
    op.create_index(
        "ix_actions_message_id", "actions", ["message_id"], sqlite_where=has_one, postgresql_where=has_one
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_actions_message_id", table_name="actions")
    op.drop_index("ix_follow_ups_message_id", table_name="follow_ups")
    for table in ("outgoing_events", "planned_replies", "follow_ups"):
        op.drop_index(f"ix_{table}_of_talk", table_name=table)
    for table in _ORDERED:
        op.create_index(f"ix_{table}_conversation_id", table, ["conversation_id"])
        op.drop_index(f"ix_{table}_in_order", table_name=table)
