"""A bot that listens, for the commands that talk to one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.databases import sqlite_in
from tests.support.envelopes import inbound
from tests.support.services import ADMIN, Acs, Running, running


@pytest.fixture
async def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    """A running bot that one person has written to, and an environment that knows where it is."""
    monkeypatch.chdir(tmp_path)
    url = sqlite_in(tmp_path)
    acs = Acs()
    await acs.start()
    async with running(tmp_path, url, acs) as bot:
        monkeypatch.setenv("BOT_DATABASE_URL", url)
        monkeypatch.setenv("BOT_PORT", bot.address.rpartition(":")[2])
        monkeypatch.setenv("BOT_ADMIN_TOKEN", ADMIN)
        await bot.post([inbound(Message="hours", From="15555550101")])
        yield bot
    await acs.stop()
