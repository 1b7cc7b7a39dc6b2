"""Sentences that older bots stored in the place of a failure code are carried over, and no other."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, MetaData, select

from bot.conversation.delivery import SENTENCES, FailureCode
from bot.storage.database import Database
from bot.storage.schema import alembic_config
from tests.support.databases import KINDS, Databases, Kind

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
#: State, details, and the code that follows.
ROWS = [
    ("failed", "Too late: it waited longer than BOT_REPLY_TTL.", "bot:too-late"),
    ("suppressed", "The recipient has opted out.", "bot:opted-out"),
    (
        "unconfirmed",
        "It may have been sent: no answer came from ACS while it could still tell a repeat from a new message.",
        "bot:outcome-unknown",
    ),
    (
        "unconfirmed",
        "It may have been sent: a try got no answer from ACS, and a later one this: ACS answered 400: No.",
        "bot:refused-after-unknown",
    ),
    ("unconfirmed", "No delivery report came within BOT_REPORT_TIMEOUT.", "bot:no-report"),
    ("failed", "4004: Too late: it waited longer than BOT_REPLY_TTL.", None),
    ("failed", "ACS answered 400.", None),
    ("delivered", "Too late: it waited longer than BOT_REPLY_TTL.", None),
    ("sent", None, None),
]


def fill(connection: Connection) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "0005")
    tables = MetaData()
    tables.reflect(connection)
    now: Any = NOW if connection.dialect.name == "postgresql" else NOW.isoformat(timespec="microseconds")
    connection.execute(
        tables.tables["conversations"].insert().values(
            id="c", number="+1", peer="+2", opted_out=False, handed_over=False, last_position=0,
            last_message_at=now, last_text="", created_at=now,
        )
    )  # fmt: skip
    for place, (status, details, _) in enumerate(ROWS):
        connection.execute(
            tables.tables["messages"].insert().values(
                id=str(place), conversation_id="c", position=place, direction="outbound", text="", status=status,
                status_details=details, segments=1, encoding="GSM-7", created_at=now, updated_at=now,
            )
        )  # fmt: skip
        connection.execute(
            tables.tables["status_changes"]
            .insert()
            .values(message_id=str(place), status=status, at=now, details=details)
        )


def found(connection: Connection) -> tuple[list[str | None], list[str | None]]:
    tables = MetaData()
    tables.reflect(connection)
    messages, changes = tables.tables["messages"], tables.tables["status_changes"]
    return (
        list(connection.execute(select(messages.c.failure_code).order_by(messages.c.position)).scalars()),
        list(connection.execute(select(changes.c.failure_code).order_by(changes.c.id)).scalars()),
    )


@pytest.mark.parametrize("kind", KINDS)
async def test_each_sentence_gets_its_code(kind: Kind, databases: Databases, tmp_path: Path) -> None:
    database = Database(databases.empty(kind))
    async with database.writing() as connection:
        await connection.run_sync(fill)
    await database.upgrade()
    async with database.reading() as connection:
        messages, changes = await connection.run_sync(found)
    await database.close()
    assert messages == changes == [code for _, _, code in ROWS]


def test_today_s_sentences_are_carried_over_too() -> None:
    """A replica of the version before may write on while the others are upgraded: nothing was reworded in between."""
    stored = {code: details for _, details, code in ROWS if code and details}
    assert set(stored) == set(FailureCode) - {
        FailureCode.OPTED_OUT_AFTER_UNKNOWN,
        FailureCode.RESTORED,
    }  # younger than the codes
    assert all(details.startswith(SENTENCES[FailureCode(code)]) for code, details in stored.items())
