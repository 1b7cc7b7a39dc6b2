"""The tables: what is stored of each conversation. Alembic compares `metadata` with the migrations."""

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from bot.storage.columns import CheckedJson, Counter, Id, Number, NumberlessText, Tags, UtcTime, metadata
from bot.storage.json_shapes import StoredDecision, StoredMemory

conversations = Table(
    "conversations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("number", Number, nullable=False),
    Column("peer", Number, nullable=False),
    Column("opted_out", Boolean, nullable=False),
    Column("handed_over", Boolean, nullable=False),
    Column("tags", Tags(), nullable=True),
    # What the rule book remembers of this person: saved values, uses of limited rules, a running flow,
    # the language.
    Column("memory", CheckedJson("conversations.memory", StoredMemory), nullable=True),
    Column("last_position", Integer, nullable=False),
    Column("last_message_at", UtcTime, nullable=False),
    Column("last_text", Text, nullable=False),
    # The newest outbound message and its delivery state, kept here so that a list can be filtered by it.
    Column("latest_outbound_id", Id, nullable=True),
    Column("delivery", String(16), nullable=True),
    Column("created_at", UtcTime, nullable=False),
    # The first message that got no answer, and no rule means it to get none; null when there is none.
    Column("unanswered_since", UtcTime, nullable=True),
    # When the peer last said whether they want messages, by their own time; null when they never did.
    Column("consent_at", UtcTime, nullable=True),
    # Who of us sees to it, by name; and until when nobody wants to be reminded of it.
    Column("assigned_to", String(64), nullable=True),
    Column("snoozed_until", UtcTime, nullable=True),
    UniqueConstraint("peer", "number"),
    Index(None, "last_message_at", "id"),
    # What people look for is rare; an index of every state would cost each reply three changes of it.
    *(
        Index(
            f"ix_conversations_{state}",
            "last_message_at",
            "id",
            sqlite_where=text(f"delivery = '{state}'"),
            postgresql_where=text(f"delivery = '{state}'"),
        )
        for state in ("failed", "suppressed", "unconfirmed")
    ),
    *(
        Index(
            f"ix_conversations_{name}",
            "last_message_at",
            "id",
            sqlite_where=text(on_sqlite),
            postgresql_where=text(on_postgresql),
        )
        for name, on_sqlite, on_postgresql in (
            ("opted_out", "opted_out = 1", "opted_out"),
            ("handed_over", "handed_over = 1", "handed_over"),
            ("unanswered", "unanswered_since IS NOT NULL", "unanswered_since IS NOT NULL"),
            ("assigned", "assigned_to IS NOT NULL", "assigned_to IS NOT NULL"),
        )
    ),
    # The list of opt-outs is sorted by number.
    Index(
        "ix_conversations_opted_out_peer",
        "peer",
        "number",
        sqlite_where=text("opted_out = 1"),
        postgresql_where=text("opted_out"),
    ),
    # Whose turn it is, the one who waits longest first.
    *(
        Index(
            f"ix_conversations_{name}",
            "unanswered_since",
            "id",
            sqlite_where=text(on_sqlite),
            postgresql_where=text(on_postgresql),
        )
        for name, on_sqlite, on_postgresql in (
            (
                "waiting",
                "handed_over = 1 AND unanswered_since IS NOT NULL",
                "handed_over AND unanswered_since IS NOT NULL",
            ),
            ("waits", "unanswered_since IS NOT NULL", "unanswered_since IS NOT NULL"),
        )
    ),
    Index(
        "ix_conversations_snoozed",
        "snoozed_until",
        sqlite_where=text("snoozed_until IS NOT NULL"),
        postgresql_where=text("snoozed_until IS NOT NULL"),
    ),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    # 1, 2, 3 … within the conversation, both directions counted together.
    Column("position", Integer, nullable=False),
    Column("direction", String(8), nullable=False),
    Column("text", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("status_details", Text, nullable=True),
    # Our own name for why it was not sent or not confirmed; the sentence for people is in `status_details`.
    Column("failure_code", String(32), nullable=True),
    Column("provider_message_id", String(256), nullable=True),
    Column("rule", Text, nullable=True),
    Column("in_reply_to", Id, nullable=True),
    Column("segments", Integer, nullable=False),
    Column("encoding", String(5), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    # Inbound only: when Azure says that it came, and what the rule book made of it.
    Column("received_at", UtcTime, nullable=True),
    Column("decision", CheckedJson("messages.decision", StoredDecision), nullable=True),
    # Outbound only: the rule book that decided it, the lane it leaves by, and how its sending stands.
    Column("book_version", String(12), nullable=True),
    Column("number", Number, nullable=True),
    Column("exempt", Boolean, nullable=True),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_try_at", UtcTime, nullable=True),
    Column("last_error", Text, nullable=True),
    # The repeatability pair in use, and whether a try with it ended without an answer.
    Column("repeatability_id", Id, nullable=True),
    Column("first_sent_at", UtcTime, nullable=True),
    Column("outcome_unknown", Boolean, nullable=False, server_default=text("false")),
    # The lease of the try that runs: whose it is, and until when nobody else may claim the message; `attempts` says
    # which try it is.
    Column("lease_holder", Id, nullable=True),
    Column("lease_until", UtcTime, nullable=True),
    # The tag of the call in which it leaves; every repeat bears the same one, and reports bring it back.
    Column("call_tag", Id, nullable=True),
    # The message that this one sends again because a person wanted it.
    Column("resend_of", Id, nullable=True),
    # The ReceivedTimestamp of the newest report applied.
    Column("reported_at", UtcTime, nullable=True),
    UniqueConstraint("conversation_id", "position"),
    Index(
        "uq_messages_inbound_provider_message_id",
        "provider_message_id",
        unique=True,
        sqlite_where=text("direction = 'inbound'"),
        postgresql_where=text("direction = 'inbound'"),
    ),
    Index(
        "ix_messages_outbound_provider_message_id",
        "provider_message_id",
        sqlite_where=text("direction = 'outbound' AND provider_message_id IS NOT NULL"),
        postgresql_where=text("direction = 'outbound' AND provider_message_id IS NOT NULL"),
    ),
    Index(
        "ix_messages_outbox",
        "number",
        "id",
        sqlite_where=text("status = 'queued'"),
        postgresql_where=text("status = 'queued'"),
    ),
    Index(
        "ix_messages_unreported",
        "updated_at",
        sqlite_where=text("status = 'sent'"),
        postgresql_where=text("status = 'sent'"),
    ),
    # How many of a rule's replies failed is counted from this alone.
    Index(
        "ix_messages_failed",
        "id",
        "rule",
        sqlite_where=text("status = 'failed'"),
        postgresql_where=text("status = 'failed'"),
    ),
    Index(
        "ix_messages_resend_of",
        "resend_of",
        sqlite_where=text("resend_of IS NOT NULL"),
        postgresql_where=text("resend_of IS NOT NULL"),
    ),
    # A reply is written anew when it is claimed: with room for that on its page no index changes.
    postgresql_with={"fillfactor": 60},
)

# A message is born received, queued or suppressed; each change after that is a row here, for ever.
status_changes = Table(
    "status_changes",
    metadata,
    Column("id", Counter, primary_key=True, autoincrement=True),
    Column("message_id", ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("status", String(16), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("details", Text, nullable=True),
    Column("failure_code", String(32), nullable=True),
    Index(None, "message_id"),
)

# The evidence: each delivery report as it came, once; message_id is null until its message is known.
delivery_reports = Table(
    "delivery_reports",
    metadata,
    Column("id", Counter, primary_key=True, autoincrement=True),
    Column("key", String(512), nullable=False, unique=True),
    Column("provider_message_id", String(256), nullable=False),
    Column("message_id", ForeignKey("messages.id", ondelete="CASCADE"), nullable=True),
    Column("status", Text, nullable=False),
    Column("details", Text, nullable=True),
    Column("reported_at", UtcTime, nullable=True),
    Column("arrived_at", UtcTime, nullable=False),
    Column("raw", Text, nullable=False),
    # While message_id is null: what can name its message yet, as far as its reports have told it.
    Column("tag", Text, nullable=True),
    Column("peer", Text, nullable=True),
    # Looked for by the MessageId are only those whose message is not known yet.
    Index(
        "ix_delivery_reports_unmatched",
        "provider_message_id",
        sqlite_where=text("message_id IS NULL"),
        postgresql_where=text("message_id IS NULL"),
    ),
    # SQLite would look through all that are in it without a message in the place of the index above.
    Index(None, "message_id", sqlite_where=text("message_id IS NOT NULL")),
)

_IS_OPEN: dict[str, Any] = {
    "sqlite_where": text("closed_at IS NULL"),
    "postgresql_where": text("closed_at IS NULL"),
}

# What a person should look at: at most one open of each kind in a conversation.
incidents = Table(
    "incidents",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    # The inbound message that opened it; null when a person did.
    Column("message_id", Id, nullable=True),
    Column("opened_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime, nullable=True),
    # How it ended, and by whom.
    Column("outcome", Text, nullable=True),
    Column("closed_by", Text, nullable=True),
    Index(None, "conversation_id"),
    Index("uq_incidents_open", "conversation_id", "kind", unique=True, **_IS_OPEN),
    # The newest of a kind.
    Index("ix_incidents_open", "kind", "id", **_IS_OPEN),
)

# What people did to conversations, for ever: rows are only ever added.
actions = Table(
    "actions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("message_id", Id, nullable=True),
    Column("action", String(24), nullable=False),
    Column("details", Text, nullable=True),
    Column("by", Text, nullable=False),
    # The row in `people`; null for whoever showed a token.
    Column("person_id", Id, nullable=True),
    Column("at", UtcTime, nullable=False),
    # What several conversations were changed by at once, and what each was before and after, so that it can be undone.
    Column("act_id", Id, nullable=True),
    Column("change", CheckedJson("actions.change", dict[str, dict[str, Any]]), nullable=True),
    # The order in which people read them.
    Index("ix_actions_in_order", "conversation_id", "id"),
    Index(
        "ix_actions_message_id",
        "message_id",
        sqlite_where=text("message_id IS NOT NULL"),
        postgresql_where=text("message_id IS NOT NULL"),
    ),
    Index(
        "ix_actions_act_id",
        "act_id",
        sqlite_where=text("act_id IS NOT NULL"),
        postgresql_where=text("act_id IS NOT NULL"),
    ),
)

# Each rule book that has been in force, as its files were.
rule_books = Table(
    "rule_books",
    metadata,
    Column("version", String(12), primary_key=True),
    Column("texts", CheckedJson("rule_books.texts", dict[str, str], dict), nullable=False),
    Column("in_force_since", UtcTime, nullable=False),
    Index(None, "in_force_since"),
)

# What was changed in the rule files, by whom: the files as such are the truth.
rule_edits = Table(
    "rule_edits",
    metadata,
    Column("id", Id, primary_key=True),
    Column("file", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("who", Text, nullable=True),
    Column("how", String(16), nullable=False),
    Column("version", String(12), nullable=False),
    Column("added", Integer, nullable=False),
    Column("removed", Integer, nullable=False),
    Column("before", Text, nullable=True),
    Column("after", Text, nullable=True),
    # The edit of the same file before it, or its first: of several processes that see one change, one notes it.
    Column("follows", Id, nullable=False),
    UniqueConstraint("file", "follows"),
    Index(None, "file", "id"),
)

rejected_events = Table(
    "rejected_events",
    metadata,
    Column("id", Id, primary_key=True),
    # SHA-256 of the raw event: the same one sent again is the same one.
    Column("digest", String(64), nullable=False, unique=True),
    Column("arrived_at", UtcTime, nullable=False),
    Column("reason", Text, nullable=False),
    Column("raw", Text, nullable=False),
)

# What a person did with each of them, for ever. The event itself is gone.
settled_rejections = Table(
    "settled_rejections",
    metadata,
    Column("id", Id, primary_key=True),
    Column("arrived_at", UtcTime, nullable=False),
    Column("reason", NumberlessText, nullable=False),
    # `dismissed`, or `taken` after all.
    Column("outcome", String(16), nullable=False),
    Column("by", Text, nullable=False),
    # The row in `people`; null for whoever showed a token.
    Column("person_id", Id, nullable=True),
    Column("at", UtcTime, nullable=False),
    Index(None, "at"),
)

# Who is logged in to the console. Only a digest of what the cookie holds: a copy of the database logs nobody in.
console_sessions = Table(
    "console_sessions",
    metadata,
    Column("id_digest", String(64), primary_key=True),
    # What whoever showed a token may do; of a person, `people` says it.
    Column("role", String(16), nullable=False),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=True),
    Column("created_at", UtcTime, nullable=False),
    # Moves on while somebody looks at the console.
    Column("expires_at", UtcTime, nullable=False),
    Index(None, "expires_at"),
    Index(None, "person_id"),
)

# Login links of the admin's token that were used, kept until they would have expired.
used_login_links = Table(
    "used_login_links",
    metadata,
    Column("key_digest", String(64), primary_key=True),
    Column("expires_at", UtcTime, nullable=False),
    Index(None, "expires_at"),
)

# Messages counted by the minute and the hour in which they were made; `counts` is `bot.queries.traffic.Counts`.
traffic = Table(
    "traffic",
    metadata,
    Column("start", UtcTime, primary_key=True),
    Column("seconds", Integer, primary_key=True, autoincrement=False),
    Column("counts", Text, nullable=False),
)

# How far the counting has come; one row, or none before it began.
traffic_progress = Table(
    "traffic_progress",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    # Goes up with each pass: who finds another number than it has read was overtaken.
    Column("passes", Integer, nullable=False),
    # What was made from the first of these times up to the other stands in `traffic`.
    Column("counted_from", UtcTime, nullable=False),
    Column("counted_to", UtcTime, nullable=False),
    # State changes up to this one are counted, and the newest there was at that time.
    Column("change_id", Counter, nullable=False),
    Column("newer_change_id", Counter, nullable=False),
    Column("newer_change_at", UtcTime, nullable=False),
)
