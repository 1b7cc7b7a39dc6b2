"""A bot of the API's own, one for the module on each database, with something in it to look at."""

from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest
import pytest_asyncio

from tests.support.api import DELIVERED, OPTED_OUT, SENT, SILENT
from tests.support.databases import KINDS, Databases, Kind, kinds_for
from tests.support.envelopes import REPORT, REPORT_DATA, event, inbound
from tests.support.rule_files import put_back, running_book
from tests.support.services import Acs, Running, running


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Pages and answers say the same on both databases: their tests meet the two in turn, unless they are marked."""
    if "database_kind" not in metafunc.fixturenames:
        return
    kinds: list[Any] = list(KINDS)
    if metafunc.definition.get_closest_marker("both_databases") is None:
        kinds = [pytest.param(kind, marks=pytest.mark.hypothesis) for kind in kinds_for(metafunc.function)]
    metafunc.parametrize("database_kind", kinds, indirect=True, scope="module")


@pytest.fixture(scope="module")
def database_kind(request: pytest.FixtureRequest) -> Kind:
    """The database that the module's bot has."""
    given: Kind = request.param
    return given


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(
    database_kind: Kind, tmp_path_factory: pytest.TempPathFactory, databases: Databases
) -> AsyncIterator[Running]:
    acs = Acs()
    await acs.start()
    folder = tmp_path_factory.mktemp("bot")
    async with running(folder, databases.migrated(database_kind), acs) as bot:
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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _bot_with_files(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, databases: Databases
) -> AsyncIterator[Running]:
    async with running_book(tmp_path_factory.mktemp("bot"), databases, request.module.FILES) as bot:
        yield bot


@pytest_asyncio.fixture(loop_scope="module")
async def rules_bot(request: pytest.FixtureRequest, _bot_with_files: Running) -> AsyncIterator[Running]:
    """One for the module, whose rules are its `FILES` again as each test begins."""
    async with put_back(_bot_with_files, request.module.FILES) as bot:
        yield bot


@pytest.fixture(autouse=True)
def quiet(logs: list[MutableMapping[str, Any]]) -> None:
    """What is logged is kept for who asks, not printed."""
