"""To whom conversations were handed over, who wrote first, and when they go back by themselves

Compatible both ways for one release: the version of the bot before this one still runs on the new schema, so add
columns as nullable or with a default, and drop what the previous version uses only in the release after.

Revision 0014, after 0013.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

#: A moment: timestamptz on PostgreSQL, ISO text on SQLite.
TIME = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "handovers",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("conversation_id", sa.String(36), nullable=False),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("by", sa.Text(), nullable=True),
        sa.Column("handed_to", sa.String(64), nullable=True),
        sa.Column("is_urgent", sa.Boolean(), nullable=False),
        sa.Column("began_at", TIME, nullable=False),
        sa.Column("back_after", sa.Integer(), nullable=True),
        sa.Column("back_at", TIME, nullable=True),
        sa.Column("back_texts", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("answered_at", TIME, nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.Column("answered_by_id", sa.String(36), nullable=True),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_handovers"),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name="fk_handovers_conversation_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_handovers_conversation_id", "handovers", ["conversation_id"])
    op.create_index("ix_handovers_began_at", "handovers", ["began_at"])
    is_open = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_handovers_open",
        "handovers",
        ["conversation_id"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    goes_back = sa.text("ended_at IS NULL AND back_at IS NOT NULL")
    op.create_index(
        "ix_handovers_back", "handovers", ["back_at"], sqlite_where=goes_back, postgresql_where=goes_back
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("handovers")
