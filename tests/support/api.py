"""What the tests of the API share: whom they ask about, and what the answers look like."""

import re
from typing import Any

import httpx

from tests.support.services import Running

#: Peers, and what becomes of the reply to each.
DELIVERED = "+15555550101"
OPTED_OUT = "+15555550102"
SENT = "+15555550103"
SILENT = "+15555550104"

MESSAGE = {
    "id", "conversation_id", "direction", "text", "provider_message_id", "rule", "in_reply_to", "status",
    "status_details", "segments", "encoding", "created_at", "updated_at", "history",
}  # fmt: skip
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem document of a refusal."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert document["type"] == "about:blank"
    assert document["title"]
    assert document["detail"]
    return document


async def conversation_of(bot: Running, peer: str) -> dict[str, Any]:
    (found,) = await bot.items("/api/conversations", peer=peer)
    return found
