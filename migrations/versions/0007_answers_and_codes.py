"""What people answered, as rows, and the codes that rules give out

Compatible both ways for one release: the version of the bot before this one still runs on the new schema, so add
columns as nullable or with a default, and drop what the previous version uses only in the release after.

Revision 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

#: A moment: timestamptz on PostgreSQL, ISO text on SQLite.
TIME = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "answers",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("rule", sa.String(200), nullable=False),
        sa.Column("conversation_id", sa.String(36), nullable=False),
        sa.Column("peer", sa.String(64), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("awaits", sa.Text(), nullable=True),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("expires_at", TIME, nullable=True),
        sa.Column("heard_at", TIME, nullable=False),
        sa.Column("heard_id", sa.String(256), nullable=False),
        sa.Column("is_only", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_answers_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answers")),
    )
    op.create_index(op.f("ix_answers_conversation_id"), "answers", ["conversation_id"])
    op.create_index("ix_answers_newest", "answers", ["rule", "started_at", "id"])
    op.create_index("ix_answers_status", "answers", ["rule", "status", "expires_at", "started_at", "id"])
    op.create_index(
        "uq_answers_only",
        "answers",
        ["peer", "rule"],
        unique=True,
        sqlite_where=sa.text("is_only = 1"),
        postgresql_where=sa.text("is_only"),
    )
    op.create_table(
        "answer_values",
        sa.Column("answer_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("rule", sa.String(200), nullable=False),
        sa.Column("value", sa.String(100), nullable=False),
        sa.Column("amount", sa.Float(53), nullable=True),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["answers.id"], name=op.f("fk_answer_values_answer_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("answer_id", "name", name=op.f("pk_answer_values")),
    )
    op.create_index("ix_answer_values_counts", "answer_values", ["rule", "name", "value", "amount"])
    op.create_table(
        "code_pools",
        sa.Column("pool", sa.String(256), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("given", sa.Integer(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("pool", name=op.f("pk_code_pools")),
    )
    op.create_table(
        "codes_given",
        sa.Column("pool", sa.String(256), nullable=False),
        sa.Column("code", sa.String(100), nullable=False),
        sa.Column("peer", sa.String(64), nullable=True),
        sa.Column("conversation_id", sa.String(36), nullable=True),
        sa.Column("given_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_codes_given_conversation_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("pool", "code", name=op.f("pk_codes_given")),
        sa.UniqueConstraint("pool", "peer", name=op.f("uq_codes_given_pool_peer")),
    )
    op.create_index(op.f("ix_codes_given_peer"), "codes_given", ["peer"])
    op.create_index(op.f("ix_codes_given_conversation_id"), "codes_given", ["conversation_id"])


def downgrade() -> None:
    """Take back."""
    for table in ("codes_given", "code_pools", "answer_values", "answers"):
        op.drop_table(table)
