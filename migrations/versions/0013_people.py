"""People by name, their roles and login links; whose a session and an act is

Compatible both ways for one release: the version of the bot before this one still runs on the new schema, so add
columns as nullable or with a default, and drop what the previous version uses only in the release after.

Revision 0013, after 0012.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

#: A moment: timestamptz on PostgreSQL, ISO text on SQLite.
TIME = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "people",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("name_key", sa.String(128), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=True),
        sa.Column("removed_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
        sa.UniqueConstraint("issuer", "subject", name="uq_people_issuer_subject"),
    )
    is_present = sa.text("removed_at IS NULL")
    op.create_index(
        "uq_people_present",
        "people",
        ["name_key"],
        unique=True,
        sqlite_where=is_present,
        postgresql_where=is_present,
    )
    op.create_table(
        "login_links",
        sa.Column("key_digest", sa.String(64), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("key_digest", name="pk_login_links"),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_login_links_person_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_login_links_person_id", "login_links", ["person_id"])
    op.create_table(
        "people_changes",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("change", sa.String(16), nullable=False),
        sa.Column("details", sa.Text(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("by_id", sa.String(36), nullable=True),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_people_changes"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_people_changes_person_id"),
    )
    op.create_index("ix_people_changes_person_id", "people_changes", ["person_id"])
    with op.batch_alter_table("console_sessions") as sessions:
        sessions.add_column(sa.Column("person_id", sa.String(36), nullable=True))
        sessions.create_foreign_key(
            "fk_console_sessions_person_id", "people", ["person_id"], ["id"], ondelete="CASCADE"
        )
        sessions.create_index("ix_console_sessions_person_id", ["person_id"])
    op.add_column("actions", sa.Column("person_id", sa.String(36), nullable=True))


def downgrade() -> None:
    """Take back."""
    op.drop_column("actions", "person_id")
    op.execute("DELETE FROM console_sessions WHERE person_id IS NOT NULL")
    with op.batch_alter_table("console_sessions") as sessions:
        sessions.drop_index("ix_console_sessions_person_id")
        sessions.drop_constraint("fk_console_sessions_person_id", type_="foreignkey")
        sessions.drop_column("person_id")
    op.drop_table("people_changes")
    op.drop_table("login_links")
    op.drop_table("people")
