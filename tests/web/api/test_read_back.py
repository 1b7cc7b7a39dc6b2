"""What was done and can't be read back is not said to have failed: whoever hears that does it again."""

import math
from contextlib import AbstractAsyncContextManager

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.database import DatabaseUnavailable
from bot.web.api import read_back
from tests.support.api import DELIVERED, conversation_of, problem
from tests.support.services import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Unreadable:
    """A database that can be written, and read after so many tries; with `math.inf` not at all."""

    def __init__(self, bot: Running, monkeypatch: pytest.MonkeyPatch, tries: float) -> None:
        self._reading, self._left = bot.service.database.reading, tries
        monkeypatch.setattr(bot.service.database, "reading", self.reading)

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        self._left -= 1
        if self._left >= 0:
            raise DatabaseUnavailable("the disk fails")
        return self._reading()


async def test_a_reading_that_fails_for_a_moment_is_tried_again(
    bot: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_back, "_PAUSES", (0.0, 0.0))
    at = f"/api/conversations/{(await conversation_of(bot, DELIVERED))['id']}"
    with monkeypatch.context() as while_it_fails:
        Unreadable(bot, while_it_fails, tries=2)
        answer = await bot.send("POST", f"{at}/messages", json={"text": "Once."})
        assert answer.status_code == 202, answer.text
        Unreadable(bot, while_it_fails, tries=2)
        answer = await bot.send("PUT", f"{at}/tags/once")
    assert answer.status_code == 200
    assert answer.json()["tags"] == ["once"]


async def test_what_was_done_and_cannot_be_shown_is_said_to_be_done(
    bot: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_back, "_PAUSES", ())
    at = f"/api/conversations/{(await conversation_of(bot, DELIVERED))['id']}"
    with monkeypatch.context() as while_it_fails:
        # The bot itself reads, too, and may do so at this very moment.
        Unreadable(bot, while_it_fails, tries=math.inf)
        answer = await bot.send("POST", f"{at}/messages", json={"text": "Just once."})
    said = problem(answer, 503)["detail"]
    assert said.startswith("This was done, but the database can't be read now to show it (the disk fails).")
    assert "retry-after" not in answer.headers, "a client would do it again"
    assert [each["text"] for each in await bot.messages(DELIVERED)].count("Just once.") == 1
