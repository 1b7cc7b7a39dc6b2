"""Delivery reports are found by their MessageId only while their message is not known

Each report had to be filed by it, and SQLite did not always use it: it looked through all reports without a message.

Compatible both ways for one release: the version of the bot before this one still runs on the new schema, so add
columns as nullable or with a default, and drop what the previous version uses only in the release after.

Revision 0021, after 0020.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. The version before asks by its MessageId for such a report alone, too."""
    op.create_index(
        "ix_delivery_reports_unmatched",
        "delivery_reports",
        ["provider_message_id"],
        sqlite_where=sa.text("message_id IS NULL"),
        postgresql_where=sa.text("message_id IS NULL"),
    )
    op.drop_index("ix_delivery_reports_provider_message_id", table_name="delivery_reports")
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("ix_delivery_reports_message_id", table_name="delivery_reports")
        op.create_index(
            "ix_delivery_reports_message_id",
            "delivery_reports",
            ["message_id"],
            sqlite_where=sa.text("message_id IS NOT NULL"),
        )


def downgrade() -> None:
    """Take back."""
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("ix_delivery_reports_message_id", table_name="delivery_reports")
        op.create_index("ix_delivery_reports_message_id", "delivery_reports", ["message_id"])
    op.create_index("ix_delivery_reports_provider_message_id", "delivery_reports", ["provider_message_id"])
    op.drop_index("ix_delivery_reports_unmatched", table_name="delivery_reports")
