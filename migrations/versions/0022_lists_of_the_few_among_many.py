"""The few among many are found by an index: opt-outs by number, open incidents by kind, failed events by receiver

Each list of opt-outs sorted all of them, the first page looked through all incidents, and each minute all events that
any receiver had never taken were counted for each receiver; each page of the ledger of consent sorted all of it.

Compatible both ways for one release: the version of the bot before this one still runs on the new schema, so add
columns as nullable or with a default, and drop what the previous version uses only in the release after.

Revision 0022, after 0021.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply: indexes alone, of rows that few messages change."""
    op.create_index(
        "ix_conversations_opted_out_peer",
        "conversations",
        ["peer", "number"],
        sqlite_where=sa.text("opted_out = 1"),
        postgresql_where=sa.text("opted_out"),
    )
    op.create_index(
        "ix_incidents_open",
        "incidents",
        ["kind", "id"],
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_outgoing_events_given_up",
        "outgoing_events",
        ["receiver", "id"],
        sqlite_where=sa.text("status = 'failed'"),
        postgresql_where=sa.text("status = 'failed'"),
    )
    op.create_index("ix_consent_changes_noted", "consent_changes", ["noted_at", "id"])


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_consent_changes_noted", table_name="consent_changes")
    op.drop_index("ix_outgoing_events_given_up", table_name="outgoing_events")
    op.drop_index("ix_incidents_open", table_name="incidents")
    op.drop_index("ix_conversations_opted_out_peer", table_name="conversations")
