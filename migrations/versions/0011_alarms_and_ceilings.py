"""What people are told of, and days on which a number's ceiling was raised

Compatible both ways for one release: the version of the bot before this one still runs on the new schema, so add
columns as nullable or with a default, and drop what the previous version uses only in the release after.

Revision 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

#: A moment: timestamptz on PostgreSQL, ISO text on SQLite.
TIME = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "alarms",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.String(36), nullable=True),
        sa.Column("began_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("begin_told_at", TIME, nullable=True),
        sa.Column("end_told_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_alarms"),
    )
    op.create_index("ix_alarms_incident_id", "alarms", ["incident_id"])
    is_open = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_alarms_open", "alarms", ["key"], unique=True, sqlite_where=is_open, postgresql_where=is_open
    )
    is_untold = sa.text("begin_told_at IS NULL OR (ended_at IS NOT NULL AND end_told_at IS NULL)")
    op.create_index("ix_alarms_untold", "alarms", ["id"], sqlite_where=is_untold, postgresql_where=is_untold)
    op.create_table(
        "alarm_teller",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.String(36), nullable=False),
        sa.Column("until", TIME, nullable=False),
        sa.Column("sent", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alarm_teller"),
    )
    op.create_table(
        "ceiling_releases",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("more", sa.Integer(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ceiling_releases"),
    )
    op.create_index("ix_ceiling_releases_number_day", "ceiling_releases", ["number", "day"])


def downgrade() -> None:
    """Take back."""
    op.drop_table("ceiling_releases")
    op.drop_table("alarm_teller")
    op.drop_table("alarms")
