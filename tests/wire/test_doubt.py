"""What a gateway says after ACS took a call never lets a message leave a second time; a 412 lets it leave at once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import update

from bot.storage.database import Database
from bot.storage.tables import messages
from tests.support.bots import until
from tests.support.databases import Databases
from tests.support.services import Acs, accept, running

HOURS = {
    "id": "1",
    "eventType": "Microsoft.Communication.SMSReceived",
    "subject": "s",
    "eventTime": "2026-11-23T12:00:00Z",
    "dataVersion": "1.0",
    "data": {"MessageId": "Incoming_1", "From": "+15555550101", "To": "+15555550100", "Message": "hours"},
}


def gateway(status: int, body: bytes, content_type: str = "text/html") -> Any:
    """It hands the call to ACS, which takes it, and answers for itself."""

    def answer(request: web.Request, call: dict[str, Any]) -> web.Response:
        accept(request, call)
        headers = {"Retry-After": "300", "Content-Type": content_type}
        return web.Response(status=status, body=body, headers=headers)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        gateway(
            503, b'{"error": {"code": "ServiceUnavailable", "message": "Try later."}}', "application/json"
        ),
        gateway(503, b""),
        gateway(429, b"<html>Too many requests</html>"),
        gateway(404, b"<html>Not found</html>"),
        gateway(400, b'{"message": "Bad request"}', "application/json"),
    ],
    ids=["503", "503 empty", "429 html", "404 html", "400 other json"],
)
async def test_what_may_have_been_taken_never_leaves_under_a_new_pair(
    tmp_path: Path, databases: Databases, acs: Acs, answer: Any
) -> None:
    """Past the window of ACS nobody can know any more, and nothing is sent again."""
    url = databases.migrated("sqlite")
    acs.answers = [answer]
    async with running(tmp_path, url, acs) as bot:
        await bot.post([HOURS])
        await until(lambda: bool(acs.calls))
    await five_minutes_later(url)
    async with running(tmp_path, url, acs) as bot:
        (reply,) = await bot.replies(status="unconfirmed")
    assert "may have been sent" in reply["status_details"]
    assert len(acs.calls) == 1


async def test_a_412_on_the_first_call_of_a_pair_is_a_refusal_and_wants_a_new_pair(
    tmp_path: Path, databases: Databases, acs: Acs
) -> None:
    """By ACS's clock the pair was too old: that says that a clock is off, and that nothing was sent."""
    too_old = gateway(
        412, b'{"error": {"code": "PreconditionFailed", "message": "Too old."}}', "application/json"
    )
    acs.answers = [too_old]
    async with running(tmp_path, databases.migrated("sqlite"), acs) as bot:
        await bot.post([HOURS])
        (reply,) = await bot.replies()
    assert [entry["status"] for entry in reply["history"]] == ["queued", "sent"]
    first, second = [call["smsRecipients"][0]["repeatabilityRequestId"] for call in acs.calls]
    assert first != second


async def test_a_412_whose_message_becomes_too_old_failed_and_was_not_perhaps_sent(
    tmp_path: Path, databases: Databases, acs: Acs
) -> None:
    url = databases.migrated("sqlite")
    acs.answers = [gateway(412, b"")] * 100  # a slow machine may see another try before the sender stops
    async with running(tmp_path, url, acs) as bot:
        await bot.post([HOURS])
        await until(lambda: len(acs.calls) >= 3)
        await bot.service.sender.stop()
    tries = len(acs.calls)
    database = Database(url)
    async with database.writing() as connection:
        long_ago = datetime.now(UTC) - timedelta(hours=25)
        await connection.execute(update(messages).values(created_at=long_ago, next_try_at=None))
    await database.close()
    async with running(tmp_path, url, acs) as bot:
        (reply,) = await bot.replies(status="failed")
    assert "Too late" in reply["status_details"]
    assert len(acs.calls) == tries
    assert len({call["smsRecipients"][0]["repeatabilityRequestId"] for call in acs.calls}) == tries


async def five_minutes_later(url: str) -> None:
    """As the database would look."""
    database = Database(url)
    async with database.writing() as connection:
        before = datetime.now(UTC) - timedelta(minutes=5)
        await connection.execute(
            update(messages)
            .where(messages.c.first_sent_at.is_not(None))
            .values(first_sent_at=before, next_try_at=None)
        )
    await database.close()
