"""Urgent handovers are found without a look at all who wait

With 12,000 people who wait for a person the first page looked for each one's handover, to count those that are urgent.

Compatible both ways for one release: the version of the bot before this one still runs on the new schema, so add
columns as nullable or with a default, and drop what the previous version uses only in the release after.

Revision 0024, after 0023.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index(
        "ix_handovers_urgent",
        "handovers",
        ["conversation_id"],
        sqlite_where=sa.text("ended_at IS NULL AND is_urgent = 1"),
        postgresql_where=sa.text("ended_at IS NULL AND is_urgent"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_handovers_urgent", table_name="handovers")
