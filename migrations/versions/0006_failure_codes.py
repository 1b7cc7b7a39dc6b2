"""The bot's own codes for why a message was not sent or not confirmed, beside the sentences

Compatible both ways for one release: the version of the bot before this one still runs on the new schema, so add
columns as nullable or with a default, and drop what the previous version uses only in the release after.

Revision 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

#: The codes, and how the sentences began that versions before this one stored in their place.
CODES = {
    "bot:too-late": "Too late: it waited longer than BOT_REPLY_TTL.",
    "bot:opted-out": "The recipient has opted out.",
    "bot:outcome-unknown": "It may have been sent: no answer came from ACS while",
    "bot:refused-after-unknown": "It may have been sent: a try got no answer from ACS, and a later one this:",
    "bot:no-report": "No delivery report came within BOT_REPORT_TIMEOUT.",
}
#: The states that such a sentence can stand in.
STATES = ("failed", "suppressed", "unconfirmed")


def upgrade() -> None:
    """Apply."""
    op.add_column("messages", sa.Column("failure_code", sa.String(32), nullable=True))
    op.add_column("status_changes", sa.Column("failure_code", sa.String(32), nullable=True))
    messages = sa.table("messages", *_columns("status", "status_details", "failure_code", "reported_at"))
    changes = sa.table("status_changes", *_columns("status", "details", "failure_code"))
    for table, details in ((messages, messages.c.status_details), (changes, changes.c.details)):
        code = sa.case(
            *((sa.func.substr(details, 1, len(start)) == start, value) for value, start in CODES.items())
        )
        op.execute(table.update().where(table.c.status.in_(STATES)).values(failure_code=code))


def downgrade() -> None:
    """Take back."""
    op.drop_column("status_changes", "failure_code")
    op.drop_column("messages", "failure_code")


def _columns(*names: str) -> list[sa.ColumnClause[str]]:
    return [sa.column(name, sa.String) for name in names]
