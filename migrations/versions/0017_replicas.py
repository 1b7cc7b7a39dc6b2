"""What replicas on one PostgreSQL share: the pace and the circuit breakers of lanes, and which rule book each has

Compatible both ways for one release: the version of the bot before this one still runs on the new schema, so add
columns as nullable or with a default, and drop what the previous version uses only in the release after.

Revision 0017, after 0016.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

#: A moment: timestamptz on PostgreSQL, ISO text on SQLite.
TIME = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "lane_paces",
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("second", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", "second", name="pk_lane_paces"),
    )
    op.create_table(
        "lane_circuits",
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("until", TIME, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("probes", sa.Integer(), nullable=False),
        sa.Column("is_asked", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_lane_circuits"),
    )
    op.create_table(
        "replicas",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("place", sa.String(255), nullable=False),
        sa.Column("book_version", sa.String(12), nullable=False),
        sa.Column("book_since", TIME, nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_replicas"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("replicas")
    op.drop_table("lane_circuits")
    op.drop_table("lane_paces")
