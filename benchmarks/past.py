"""No benchmark: the statements that write messages of the past into a bot's SQLite file, a million in some seconds."""

import sqlite3
from pathlib import Path

#: Messages of a conversation: half of them came in, half are the replies.
EACH = 10

_CONVERSATIONS = """
WITH RECURSIVE n(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM n WHERE k < :conversations - 1)
INSERT INTO conversations (id, number, peer, opted_out, handed_over, last_position, last_message_at, last_text,
                           latest_outbound_id, delivery, created_at)
SELECT printf('01890000-0000-7000-8000-%012x', k), '+15555550100', printf('+1555%07d', k * 7919 % :conversations), 0, 0,
       :each, :at, 'This is what we know.', printf('01890000-0001-7000-8000-%012x', k + (:each - 1) * :conversations),
       :state, :at
FROM n
"""
#: The rounds of a conversation lie far apart, as they do in life.
_MESSAGES = """
WITH RECURSIVE n(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM n WHERE k < :conversations * :each - 1)
INSERT INTO messages (id, conversation_id, position, direction, text, status, provider_message_id, rule, in_reply_to,
                      segments, encoding, created_at, updated_at, received_at, book_version, number, exempt, attempts)
SELECT printf('01890000-0001-7000-8000-%012x', k), printf('01890000-0000-7000-8000-%012x', k % :conversations),
       k / :conversations + 1, iif(k / :conversations % 2, 'outbound', 'inbound'),
       iif(k / :conversations % 2, 'This is what we know of it: it is open from 9 to 18.', 'word' || (10 + k % 10)),
       iif(k / :conversations % 2, :state, 'received'),
       iif(k / :conversations % 2, iif(:state = 'queued', NULL, 'Outgoing_' || k), 'Incoming_of_the_past_' || k),
       'word' || (10 + k % 10), NULL, 1, 'GSM-7', :at, :at, iif(k / :conversations % 2, NULL, :at), '0123456789ab',
       iif(k / :conversations % 2, '+15555550100', NULL), iif(k / :conversations % 2, 0, NULL),
       iif(k / :conversations % 2 AND :state <> 'queued', 1, 0)
FROM n
"""
_CHANGES = """
INSERT INTO status_changes (message_id, status, at)
SELECT id, status, updated_at FROM messages WHERE direction = 'outbound' AND status = 'delivered'
"""


def write_past(file: Path, messages: int, *, state: str, each: int = EACH, at: str) -> None:
    """Write them into a database whose schema is there; `at` is a time of UTC, and `each` the messages of a person."""
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -200000")
    given = {"conversations": messages // each, "each": each, "state": state, "at": at}
    for statement in (_CONVERSATIONS, _MESSAGES, _CHANGES):
        connection.execute(statement, given)
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
