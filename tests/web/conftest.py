"""A bot of the API's own, one for the module on each database, with something in it to look at."""

from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest
import pytest_asyncio

from tests.support.api import DELIVERED, OPTED_OUT, SENT, SILENT
from tests.support.databases import KINDS, Databases
from tests.support.envelopes import REPORT, REPORT_DATA, event, inbound
from tests.support.services import Acs, Running, running


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=KINDS)
async def bot(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, databases: Databases
) -> AsyncIterator[Running]:
    acs = Acs()
    await acs.start()
    folder = tmp_path_factory.mktemp("bot")
    async with running(folder, databases.migrated(request.param), acs) as bot:
        await bot.post([inbound(MessageId="a", From=DELIVERED, Message="hours")])
        await bot.post([inbound(MessageId="b", From=OPTED_OUT, Message="STOP")])
        await bot.post([inbound(MessageId="c", From=OPTED_OUT, Message="hours")])
        await bot.post([inbound(MessageId="d", From=SENT, Message="two")])
        await bot.post([inbound(MessageId="e", From=SILENT, Message="What?"), {"odd": "\x00"}, {"odd": 2}])
        (reply,) = await bot.replies(DELIVERED)
        await bot.replies(SENT)
        await bot.post([event(REPORT, REPORT_DATA | {"MessageId": reply["provider_message_id"]})])
        await bot.replies(DELIVERED, "delivered")
        yield bot
    await acs.stop()


@pytest.fixture(autouse=True)
def quiet(logs: list[MutableMapping[str, Any]]) -> None:
    """What is logged is kept for who asks, not printed."""
